//! MG-5: the benchmark of Korotin et al. (2021), gap network against input-convex minimax networks.

use super::super::baselines::{Minimax, PointMap, gaussian_map};
use super::super::data::{MixtureBenchmark, NamedArray};
use super::super::metrics::{displacement_cosine, total_variance, unexplained_variance};
use super::super::model::fit;
use super::super::params::MongeGapMap;
use super::Trial;
use elinvar_core::reproduction::Metrics;
use elinvar_core::{Checked, Context, Error, Result};
use elinvar_data::{read_arrays, study_file};
use ndarray::Array2;

/// Points of each side that both methods draw their batches from.
const POOL: usize = 1 << 15;
/// Fresh points on which maps are compared with the optimal one.
const TEST: usize = 4096;
/// Rows of a batch, for both methods.
const BATCH: usize = 256;

fn load(dimension: usize, ctx: &Context) -> Result<MixtureBenchmark> {
    let name = format!("mix3tomix10/{dimension}.safetensors");
    let origin = "the repository iamalexkorotin/Wasserstein2Benchmark, convert it by convert_benchmark.py (beside monge-gap's source)";
    let arrays = read_arrays(study_file(&name, origin)?)?;
    let arrays: Vec<NamedArray> = arrays.into_iter().map(|(name, tensor)| (name, tensor.into_f32())).collect();
    MixtureBenchmark::from_arrays(&arrays, ctx)
}

/// The gap's network: as wide as the networks of which the benchmark's own map is made.
fn network(trial: &Trial) -> Result<Checked<MongeGapMap>> {
    let wide = (2 * trial.d).max(64);
    Checked::new(MongeGapMap {
        lambda_mg: trial.lambda.into(),
        hidden: vec![wide, wide, trial.d.max(32)],
        batch_size: BATCH,
        num_iters: trial.steps,
        learning_rate: 2e-3,
        final_rate: 0.05,
        sinkhorn_max_iter: 100,
        ..MongeGapMap::default()
    })
}

fn learn(trial: &Trial, source: &Array2<f64>, target: &Array2<f64>, ctx: &mut Context) -> Result<Box<dyn PointMap>> {
    let (x, y) = (source.mapv(|v| v as f32), target.mapv(|v| v as f32));
    match trial.method.as_str() {
        "mlp" => Ok(Box::new(fit(&network(trial)?, x.view(), y.view(), None, ctx)?.model)),
        "icnn" => {
            let settings = Minimax { steps: trial.steps, batch_size: BATCH, ..Minimax::default() };
            Ok(Box::new(settings.fit(x.view(), y.view(), ctx)?))
        }
        other => Err(Error::input(format!("there is no method '{other}'"))),
    }
}

pub(super) fn run_mixture(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let benchmark = load(trial.d, ctx)?;
    let source = benchmark.source(POOL, 0, ctx);
    let target = benchmark.transport(benchmark.source(POOL, 1, ctx).view())?;
    let map = learn(trial, &source, &target, ctx)?;
    let test = benchmark.source(TEST, 2, ctx);
    let optimal = benchmark.transport(test.view())?;
    let variance = total_variance(optimal.view())?;
    let mapped = map.images(test.view())?;
    // For orientation: what the moments alone give.
    let affine = gaussian_map(source.view(), target.view())?.images(test.view())?;
    Ok(Metrics::new()
        .with("uvp", unexplained_variance(mapped.view(), optimal.view(), variance)?)
        .with("cosine", displacement_cosine(test.view(), mapped.view(), optimal.view())?)
        .with("uvp_gaussian", unexplained_variance(affine.view(), optimal.view(), variance)?)
        .with("uvp_identity", unexplained_variance(test.view(), optimal.view(), variance)?))
}
