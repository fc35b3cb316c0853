//! Fitting: targets, standardisation, training with the choice of the epoch.

use super::model::{Labels, SnnModel, Standard, Tried};
use super::network;
use super::params::{Snn, SnnGridSearch, Task};
use super::report::LayerMoments;
use elinvar_core::{Checked, Column, Context, Error, Fitted, Kind, Result, Status, Table};
use elinvar_data::design::{Design, Features};
use elinvar_nn::loss::cross_entropy;
use elinvar_nn::sequential::Sequential;
use elinvar_nn::{
    Batch, Batches, Network, Objective, Optimiser, OutputGradient, Parameters, Record, Schedule, Trainer, Training, Validation,
};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;

/// Rows and what they are to be told apart by, or to predict.
#[derive(Clone, Debug)]
pub struct Data {
    /// Features.
    pub x: Design,
    /// One column of classes or numbers; for `multitask` columns of 0, 1 and missing cells.
    pub y: Table,
}

impl Snn {
    /// Fits to data.
    ///
    /// # Errors
    /// Lengths that differ, cells that are not finite, a single class, a batch larger than the training rows, or training that diverges.
    pub fn fit(&self, data: &Data, ctx: &mut Context) -> Result<Fitted<SnnModel>> {
        fit(&Checked::new(self.clone())?, data, ctx)
    }
}

/// Targets as the loss wants them, row by row: class, standardised number, or answers with NaN for missing ones.
#[derive(Clone, Debug)]
pub(super) enum Targets {
    Classes(Vec<usize>),
    Numbers(Vec<f32>),
    Answers(Array2<f32>),
}

/// Everything that a fit needs, the same for every setting of a grid.
pub(super) struct Prepared {
    pub(super) features: Features,
    pub(super) standard: Standard,
    pub(super) labels: Labels,
    pub(super) targets: Targets,
    /// Rows to train on, and their inputs.
    pub(super) training: Vec<usize>,
    pub(super) inputs: Array2<f32>,
    /// Rows held out, and their inputs.
    pub(super) held: Vec<usize>,
    pub(super) held_inputs: Array2<f32>,
}

impl Prepared {
    /// Number of outputs of the network.
    pub(super) fn outputs(&self) -> usize {
        self.labels.outputs()
    }
}

/// Held-out rows below which a fit does without.
const FEW: usize = 4;

pub(super) fn fit(params: &Checked<Snn>, data: &Data, ctx: &mut Context) -> Result<Fitted<SnnModel>> {
    let share = if params.early_stopping { params.validation_fraction } else { 0.0 };
    let prepared = prepare(params.task, params.standardize, (share, FEW), data, ctx)?;
    let trained = train(params, &prepared, ctx)?;
    finish(params, prepared, trained, None, ctx)
}

/// Checks and standardises the data, and holds rows out.
///
/// `share` is that of the rows held out, and the least number that is worth it.
pub(super) fn prepare(task: Task, standardize: bool, share: (f64, usize), data: &Data, ctx: &mut Context) -> Result<Prepared> {
    let n = data.x.n_rows();
    if n == 0 {
        return Err(Error::input("X must have at least 1 row, got 0 sample(s)"));
    }
    if data.y.n_rows() != n {
        return Err(Error::input(format!("y must have {n} rows like X, got {}", data.y.n_rows())));
    }
    let (features, x) = data.x.fit(&[])?;
    if x.ncols() == 0 {
        return Err(Error::input("X has 0 feature(s) (shape=(n, 0)) while a minimum of 1 is required."));
    }
    let (labels, targets) = Labels::learn(task, standardize, &data.y)?;
    let (training, held) = split(n, share, &targets, ctx);
    let standard = Standard::learn(x.view(), &training, standardize);
    standard.warn_of_constant(&features.names(), ctx);
    let [inputs, held_inputs] = [&training, &held].map(|rows| standard.apply(x.select(Axis(0), rows).view()));
    if !standardize {
        standard.warn_of_domain(&features.names(), inputs.view(), ctx);
    }
    Ok(Prepared { features, standard, labels, targets, training, inputs, held, held_inputs })
}

/// Rows to train on and rows held out, classes in the same shares.
fn split(n: usize, (share, least): (f64, usize), targets: &Targets, ctx: &Context) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut ctx.stream(&[("validation", 0)]));
    let class = |row: usize| if let Targets::Classes(classes) = targets { classes[row] } else { 0 };
    rows.sort_by_key(|&row| class(row));
    let (mut training, mut held) = (Vec::new(), Vec::new());
    // One row in 1 / share of every class, by the whole numbers that the running share passes.
    for (place, row) in rows.into_iter().enumerate() {
        let passes = ((place + 1) as f64 * share).floor() > (place as f64 * share).floor();
        if passes { held.push(row) } else { training.push(row) }
    }
    // Too few rows to judge anything: train on all of them.
    if held.len() < least {
        training.append(&mut held);
    }
    training.sort_unstable();
    held.sort_unstable();
    (training, held)
}

/// A network with the curve of its training.
pub(super) struct Trained {
    pub(super) network: Sequential<f32>,
    pub(super) trace: Table,
    pub(super) best_epoch: usize,
    /// Smoothed loss on the held-out rows there; of the training rows where none are held out.
    pub(super) score: f64,
}

/// Rows of a minibatch where the user gives no number.
const BATCH: usize = 128;

pub(super) fn train(params: &Snn, data: &Prepared, ctx: &mut Context) -> Result<Trained> {
    let rows = data.training.len();
    let batch_size = match params.batch_size {
        Some(b) if b > rows => {
            return Err(Error::parameter("batch_size", format!("at most the {rows} rows to train on"), b).hint("or none for 128 or fewer"));
        }
        Some(b) => b,
        None => BATCH.min(rows),
    };
    let spec = network::spec(params, data.inputs.ncols(), data.outputs());
    let start = Sequential::new(spec, &mut ctx.stream(&[("weights", 0)]))?;
    let judged = !data.held.is_empty();
    let batches = Batches::Epochs { epochs: params.max_epochs as u64, batch_size };
    let training = Training {
        // Patience that never runs out: the best epoch is taken in the end.
        validation: judged.then_some(Validation { every: 1, patience: Some(u64::MAX), min_improvement: 0.0 }),
        ..Training::new(batches, Optimiser::Sgd { momentum: 0.0 }, Schedule::Constant { rate: params.lr })
    };
    let weights = start.parameters().names().filter(|name| name.ends_with("weight")).map(str::to_owned).collect();
    let mut objective = SnnObjective { params, data, weights, curve: Vec::new(), ctx: ctx.child(ctx.seed(), ctx.threads()) };
    let mut trainer = Trainer::new(start, training)?;
    trainer.advance(u64::MAX, data.inputs.view(), &mut objective, ctx)?;
    let steps_an_epoch = rows.div_ceil(batch_size) as u64;
    let (network, report) = trainer.finish();
    let column = |of: fn(&Record) -> f64| Column::Number(report.records.iter().map(of).collect());
    let trace = Table::new()
        .with("step", Column::Integer(report.records.iter().map(|r| r.step as i64).collect()))?
        .with("loss", column(|r| r.loss))?
        .with("validation", Column::Number(if judged { objective.curve.clone() } else { vec![f64::NAN; report.records.len()] }))?;
    let best_epoch = report.best_step.map_or(params.max_epochs, |step| (step / steps_an_epoch) as usize);
    let at_best = |r: &&Record| Some(r.step) == report.best_step;
    let best = report.records.iter().find(at_best).or(report.records.last());
    let score = best.map_or(f64::NAN, |r| r.validation.unwrap_or(r.loss));
    Ok(Trained { network, trace, best_epoch, score })
}

/// What the network minimises.
struct SnnObjective<'a> {
    params: &'a Snn,
    data: &'a Prepared,
    weights: Vec<String>,
    /// Loss on the held-out rows by epoch.
    curve: Vec<f64>,
    /// Whose threads judge.
    ctx: Context,
}

impl Objective<Sequential<f32>> for SnnObjective<'_> {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        let rows: Vec<usize> = batch.rows.iter().map(|&row| self.data.training[row]).collect();
        let found = self.data.targets.loss(&rows, outputs);
        match found.loss.is_finite() {
            true => Ok(found),
            false => Err(Error::numeric(format!("training diverged in epoch {}", batch.epoch + 1)).hint("lower lr, or scale the features")),
        }
    }

    fn penalty(&mut self, _: &Batch<'_>, model: &Sequential<f32>, gradient: &mut Parameters<f32>) -> Result<f64> {
        if self.params.l2 == 0.0 {
            return Ok(0.0);
        }
        let mut sum = 0.0;
        for name in &self.weights {
            let (Some(weight), Some(mut target)) = (model.parameters().get(name), gradient.matrix_named_mut(name)) else { continue };
            let rate = self.params.l2 as f32;
            target.iter_mut().zip(&weight).for_each(|(g, w)| *g += rate * w);
            sum += weight.iter().map(|w| f64::from(w * w)).sum::<f64>();
        }
        Ok(0.5 * self.params.l2 * sum)
    }

    fn validate(&mut self, _: u64, model: &Sequential<f32>) -> Result<Option<f64>> {
        let outputs = elinvar_nn::predict(model, self.data.held_inputs.view(), &self.ctx)?;
        let loss = self.data.targets.loss(&self.data.held, outputs.view()).loss;
        // A network that overflows on rows it has not seen is not the best one.
        self.curve.push(if loss.is_finite() { loss } else { f64::MAX });
        let window = &self.curve[self.curve.len().saturating_sub(self.params.smoothing)..];
        Ok(Some(window.iter().map(|v| v / window.len() as f64).sum()))
    }
}

impl Targets {
    /// Mean loss of the outputs (rows, outputs) of these rows, and its gradient.
    pub(super) fn loss(&self, rows: &[usize], outputs: ArrayView2<'_, f32>) -> OutputGradient {
        let mut gradient = outputs.to_owned();
        let mut loss = 0.0;
        let mut count = rows.len() as f64;
        match self {
            Targets::Classes(classes) => return cross_entropy(outputs, rows.iter().map(|&row| classes[row]), 0.0),
            Targets::Numbers(numbers) => {
                for (value, &place) in gradient.iter_mut().zip(rows) {
                    *value -= numbers[place];
                    loss += 0.5 * f64::from(*value) * f64::from(*value);
                }
            }
            Targets::Answers(answers) => {
                count = 0.0;
                for (mut row, &place) in gradient.rows_mut().into_iter().zip(rows) {
                    for (value, &answer) in row.iter_mut().zip(answers.row(place)) {
                        if answer.is_nan() {
                            *value = 0.0;
                            continue;
                        }
                        let x = f64::from(*value);
                        loss += x.max(0.0) - x * f64::from(answer) + (-x.abs()).exp().ln_1p();
                        *value = (1.0 / (1.0 + (-x).exp())) as f32 - answer;
                        count += 1.0;
                    }
                }
            }
        }
        let count = count.max(1.0);
        OutputGradient { loss: loss / count, gradient: gradient / count as f32 }
    }
}

/// The model with what it says of itself.
pub(super) fn finish(
    params: &Snn,
    data: Prepared,
    trained: Trained,
    tried: Option<Vec<Tried>>,
    ctx: &mut Context,
) -> Result<Fitted<SnnModel>> {
    if network::widths(params, data.outputs()).iter().any(|&width| width < 32) && params.norm.is_none() {
        ctx.warn("hidden layers of fewer than 32 units are too narrow for the central limit theorem that keeps activations normalised");
    }
    let shown = data.inputs.slice_axis(Axis(0), (..data.training.len().min(SHOWN_ROWS)).into());
    let moments = LayerMoments::measure(&trained.network, shown, ctx)?;
    let model = SnnModel {
        features: data.features,
        standard: data.standard,
        labels: data.labels,
        network: trained.network,
        best_epoch: trained.best_epoch,
        score: trained.score,
        setting: params.clone(),
        moments,
        tried,
    };
    Ok(Fitted { model, status: Status::Converged, trace: trained.trace })
}

/// Training rows from which the moments of the layers are taken.
const SHOWN_ROWS: usize = 2000;

/// Fits every setting of the grid to the same rows and keeps the one with the least held-out loss.
pub(super) fn search(params: &Checked<SnnGridSearch>, data: &Data, ctx: &mut Context) -> Result<Fitted<SnnModel>> {
    let prepared = prepare(params.task, params.standardize, (params.validation_fraction, 1), data, ctx)?;
    if prepared.held.is_empty() {
        let n = data.x.n_rows();
        return Err(Error::input(format!(
            "a search needs a row to judge by, which a share of {} of {n} sample(s) is not",
            params.validation_fraction
        ))
        .hint("give more rows, or raise validation_fraction"));
    }
    let settings = params.settings();
    let mut tried = Vec::new();
    let mut best: Option<(f64, Snn, Trained)> = None;
    for setting in &settings {
        let one = params.at(setting);
        let mut child = ctx.child(ctx.seed(), ctx.threads());
        // A rate too large for a setting is a bad setting, not the end of the search.
        let trained = match train(&one, &prepared, &mut child) {
            Ok(trained) => Some(trained),
            Err(error) if error.kind() == Kind::Numeric => None,
            Err(error) => return Err(error),
        };
        let (score, best_epoch) = (trained.as_ref().map(|t| t.score), trained.as_ref().map_or(0, |t| t.best_epoch));
        tried.push(Tried { setting: *setting, score, best_epoch });
        let figures: Vec<(&str, f64)> = score.map(|score| ("loss", score)).into_iter().collect();
        ctx.tick(tried.len() as u64, settings.len() as u64, &figures)?;
        if let Some(trained) = trained.filter(|t| best.as_ref().is_none_or(|(least, ..)| t.score < *least)) {
            best = Some((trained.score, one, trained));
        }
    }
    let Some((_, setting, trained)) = best else {
        return Err(Error::numeric("training diverged at every setting of the grid").hint("give lower rates (lr)"));
    };
    finish(&setting, prepared, trained, Some(tried), ctx)
}
