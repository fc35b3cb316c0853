//! The studies that need no data of the paper's.

use super::Trial;
use crate::self_normalizing::certificate::{EXPLODED, Interval, MomentBox, STABLE, VANISHED, WeightBox, grid};
use crate::self_normalizing::data::{Sample, blobs, shuffled};
use crate::self_normalizing::fit::{self, Data};
use crate::self_normalizing::moments::{Moments, Weights, moment_jacobian, spectral_norm};
use crate::self_normalizing::network;
use crate::self_normalizing::params::{ActivationKind, NormKind, Selu, Snn};
use crate::self_normalizing::report::{LayerMoments, moments_of};
use elinvar_core::reproduction::Metrics;
use elinvar_core::validation::accuracy;
use elinvar_core::{Checked, Context, Error, Result, Stream};
use elinvar_data::design::Design;
use elinvar_data::study_digits;
use elinvar_math::logistic::most_probable;
use elinvar_nn::Activation;
use elinvar_nn::alpha_dropout::{AlphaDropout, Mask};
use elinvar_nn::sequential::Sequential;
use ndarray::{Array2, array};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The activation of an arm of the theory; ELU has no scale.
fn selu_of(arm: &str) -> Selu {
    if arm == "elu" { Selu { alpha: 1.0, lambda: 1.0 } } else { Selu::default() }
}

pub(super) fn constants(arm: &str) -> Result<Metrics> {
    let (stated, normal) = (selu_of(arm), Moments { mean: 0.0, variance: 1.0 });
    let distance = |found: Selu| (found.alpha - stated.alpha).abs().max((found.lambda - stated.lambda).abs());
    let jacobian = moment_jacobian(stated, normal, Weights::NORMALISED);
    let error = (&jacobian - &array![[0.0, 0.088834], [0.0, 0.782648]]).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    Ok(Metrics::new()
        .with("closed_form_error", distance(Selu::closed_form()))
        .with("newton_error", distance(Selu::for_fixed_point(0.0, 1.0)?))
        .with("jacobian_error", error)
        .with("singular_value_error", (spectral_norm(&jacobian) - 0.78767).abs()))
}

/// What contradicts a theorem, and the extremes of the image of the first.
struct Checked3 {
    selu: Selu,
    violations: f64,
    mean: Interval,
    variance: Interval,
}

/// The image that Theorem 1 states, with the rounding of its figures.
const IMAGE: MomentBox =
    MomentBox { mean: Interval::new(-0.03106 - 1e-5, 0.06773 + 1e-5), variance: Interval::new(0.80009 - 1e-5, 1.48617 + 1e-5) };

impl Checked3 {
    fn contracts(&mut self, moments: Moments, weights: Weights) {
        let image = moments.through(self.selu, weights);
        let contracts = spectral_norm(&moment_jacobian(self.selu, moments, weights)) < 1.0;
        self.violations += f64::from(u8::from(!(contracts && IMAGE.contains(image))));
        self.mean = Interval::new(self.mean.low.min(image.mean), self.mean.high.max(image.mean));
        self.variance = Interval::new(self.variance.low.min(image.variance), self.variance.high.max(image.variance));
    }

    fn falls(&mut self, moments: Moments, weights: Weights) {
        self.violations += f64::from(u8::from(moments.through(self.selu, weights).variance >= moments.variance));
    }

    fn rises(&mut self, moments: Moments, weights: Weights) {
        self.violations += f64::from(u8::from(moments.through(self.selu, weights).variance <= moments.variance));
    }
}

pub(super) fn theorems(arm: &str, points: usize, ctx: &mut Context) -> Result<Metrics> {
    let nothing = Interval::new(f64::INFINITY, f64::NEG_INFINITY);
    let mut checked = Checked3 { selu: selu_of(arm), violations: 0.0, mean: nothing, variance: nothing };
    let mut random = ctx.stream(&[("points", 0)]);
    let n = points.pow(4);
    for (moments, weights) in grid(STABLE, points).chain(inside(STABLE, n, &mut random)) {
        checked.contracts(moments, weights);
    }
    ctx.check()?;
    for (moments, weights) in grid(EXPLODED, points).chain(inside(EXPLODED, n, &mut random)) {
        checked.falls(moments, weights);
    }
    for domain in VANISHED {
        ctx.check()?;
        for (moments, weights) in grid(domain, points).chain(inside(domain, n, &mut random)) {
            checked.rises(moments, weights);
        }
    }
    Ok(Metrics::new()
        .with("violations", checked.violations)
        .with("mean_low", checked.mean.low)
        .with("mean_high", checked.mean.high)
        .with("variance_low", checked.variance.low)
        .with("variance_high", checked.variance.high))
}

/// Uniformly random points of a domain.
fn inside((moments, weights): (MomentBox, WeightBox), n: usize, random: &mut Stream) -> Vec<(Moments, Weights)> {
    let mut within = |i: Interval| i.low + (i.high - i.low) * random.random::<f64>();
    let point = |_| {
        let moments = Moments { mean: within(moments.mean), variance: within(moments.variance) };
        (moments, Weights { sum: within(weights.sum), squares: within(weights.squares) })
    };
    (0..n).map(point).collect()
}

/// The network of an arm.
fn network_of(arm: &str, hidden_layers: usize, units: usize) -> Result<Snn> {
    let base = Snn { hidden_layers, units, dropout: 0.0, early_stopping: false, ..Snn::default() };
    Ok(match arm {
        "selu" => base,
        "relu" => Snn { activation: ActivationKind::Relu, ..base },
        "relu-batchnorm" => Snn { activation: ActivationKind::Relu, norm: Some(NormKind::Batch), ..base },
        "tanh" => Snn { activation: ActivationKind::Tanh, ..base },
        "elu" => Snn { activation: ActivationKind::Elu, ..base },
        other => return Err(Error::input(format!("there is no network '{other}'"))),
    })
}

pub(super) fn untrained(arm: &str, depth: usize, width: usize, variance: f64, ctx: &mut Context) -> Result<Metrics> {
    const ROWS: usize = 2000;
    let params = network_of(arm, depth, width)?;
    let network = Sequential::<f32>::new(network::spec(&params, width, 1), &mut ctx.stream(&[("weights", 0)]))?;
    let mut random = ctx.stream(&[("inputs", 0)]);
    let scale = variance.sqrt() as f32;
    let inputs = Array2::from_shape_simple_fn((ROWS, width), || {
        let z: f32 = StandardNormal.sample(&mut random);
        scale * z
    });
    let layers = LayerMoments::measure(&network, inputs.view(), ctx)?;
    let last = layers.last().ok_or_else(|| Error::internal("a network without hidden layers"))?;
    let metrics = Metrics::new().with("size_of_mean", last.mean.abs()).with("variance", last.variance);
    Ok(metrics.with("misses", f64::from(u8::from(!last.is_normal()))))
}

pub(super) fn dropout(arm: &str, rate: f64, samples: usize, ctx: &mut Context) -> Result<Metrics> {
    let mut random = ctx.stream(&[("samples", 0)]);
    let mut values: Vec<f64> = (0..samples).map(|_| Activation::Selu.jet(StandardNormal.sample(&mut random)).value).collect();
    let mask = Mask::new(rate, 0, &mut ctx.stream(&[("mask", 0)]));
    match arm {
        "alpha" => AlphaDropout::new(rate).apply(&mut values, samples, 1, mask),
        _ => mask.scale(&mut values, samples, 1.0 / (1.0 - rate)),
    }
    let (mean, variance) = moments_of(&values);
    Ok(Metrics::new().with("size_of_mean", mean.abs()).with("variance_error", (variance - 1.0).abs()))
}

/// Rows of the digits to train on.
const TRAINING_DIGITS: usize = 1400;

pub(super) fn trained(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let (x, y) = match trial.data.as_str() {
        "blobs" => blobs(600, 10, 5, &mut ctx.stream(&[("data", 0)])),
        _ => study_digits()?,
    };
    let order = shuffled(y.len(), &mut ctx.stream(&[("split", 0)]));
    let (first, rest) = order.split_at(TRAINING_DIGITS.min(y.len() * 3 / 4));
    let [train, test] = [first, rest].map(|rows| Sample::of(&x, &y, rows));
    let params = Snn { lr: 1e-3, batch_size: Some(64), max_epochs: 20, ..network_of(&trial.arm, trial.depth, trial.size)? };
    let data = Data { x: Design::Matrix(train.x.clone()), y: train.labels()? };
    let model = fit::fit(&Checked::new(params)?, &data, ctx)?.model;
    let judged = |sample: &Sample, ctx: &Context| -> Result<(f64, f64)> {
        let found = model.probabilities(&Design::Matrix(sample.x.clone()), ctx)?;
        let loss = found.rows().into_iter().zip(&sample.y).map(|(row, &class)| -row[class].max(f64::MIN_POSITIVE).ln()).sum::<f64>();
        Ok((loss / sample.y.len() as f64, accuracy(&most_probable(&found), &sample.y)))
    };
    let (training_loss, _) = judged(&train, ctx)?;
    let (test_loss, accuracy) = judged(&test, ctx)?;
    Ok(Metrics::new().with("training_loss", training_loss).with("test_loss", test_loss).with("accuracy", accuracy))
}
