//! Ensembles: networks of one task that differ by their random numbers alone, trained side by side.

use super::model::{Origin, Trained};
use super::params::{Parametrization, RnnEnsemble, Unit};
use super::problems::Trials;
use elinvar_core::{Checked, Column, Context, Error, Fitted, Result, Status, Stream, Table};
use elinvar_math::linalg::svd;
use elinvar_nn::{
    Batch, Batches, Cell, Goal, Initialisation, Network, Objective, Optimiser, OutputGradient, Parameters, Plateau, Recurrent,
    RecurrentSpec, Schedule, Training, TrainingReport, Validation, train_many,
};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;

/// Name of the recurrent weights.
pub(super) const RECURRENT: &str = "weight_hh_l0";

/// What is left of the learning rate when the loss does not fall (the paper's appendix).
const HALVED: f64 = 0.5;

impl RnnEnsemble {
    /// Trains the networks.
    ///
    /// # Errors
    /// A parameter out of range, or training that diverges.
    pub fn train(&self, ctx: &mut Context) -> Result<Fitted<Trained>> {
        train(&Checked::new(self.clone())?, ctx)
    }

    pub(super) fn spec(&self) -> RecurrentSpec {
        let channels = self.channels();
        let cell = match (self.parametrization, self.unit) {
            (Parametrization::Mup, _) => Cell::Rate { leak: self.tau },
            (_, Unit::Tanh) => Cell::Tanh,
            (_, Unit::Gru) => Cell::Gru,
            (_, Unit::Lstm) => Cell::Lstm,
        };
        RecurrentSpec { cell, inputs: channels.inputs, units: self.hidden, outputs: channels.outputs }
    }

    /// The network of a seed before training.
    pub(super) fn start(&self, seed: u64) -> Result<Recurrent<f32>> {
        let mut random = elinvar_core::random::stream(seed, &[("weights", 0)]);
        match self.parametrization {
            Parametrization::Standard => Recurrent::new(self.spec(), &mut random),
            Parametrization::Mup => self.start_mup(&mut random),
        }
    }

    /// Weights and readout with their factors 1/n and 1/(gamma n) already in them, and rates that make Adam's steps those of the weights
    /// without.
    fn start_mup(&self, random: &mut Stream) -> Result<Recurrent<f32>> {
        let mut network = Recurrent::started(self.spec(), Initialisation::LecunNormal, random)?;
        let (n, gamma) = (self.hidden as f64, self.gamma);
        let parameters = network.parameters_mut();
        if let Some(mut readout) = parameters.matrix_named_mut("readout.weight") {
            readout.mapv_inplace(|w| w / (gamma * n.sqrt()) as f32);
        }
        parameters.set_rates(|name| match name {
            RECURRENT => gamma / n,
            "readout.weight" => 1.0 / n,
            _ => gamma,
        });
        Ok(network)
    }

    pub(super) fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(self.task.threshold())
    }

    fn training(&self) -> Training {
        Training {
            batches: Batches::Draws { steps: self.max_epochs.saturating_mul(self.steps_per_epoch), batch_size: self.batch_size },
            optimiser: Optimiser::ADAM,
            schedule: Schedule::Constant { rate: self.lr },
            clip_norm: Some(self.clip),
            validation: Some(Validation { every: self.steps_per_epoch, patience: None, min_improvement: 0.0 }),
            plateau: self.plateau.map(|patience| Plateau { factor: HALVED, patience }),
            goal: Some(Goal { loss: self.threshold(), rounds: self.patience }),
        }
    }
}

pub(super) fn train(params: &Checked<RnnEnsemble>, ctx: &mut Context) -> Result<Fitted<Trained>> {
    let seeds = (0..params.n_networks as u64).map(|k| ctx.stream(&[("network", k)]).next_u64()).collect();
    train_from(params, seeds, ctx)
}

/// Trains one network from each seed.
pub(super) fn train_from(params: &Checked<RnnEnsemble>, seeds: Vec<u64>, ctx: &mut Context) -> Result<Fitted<Trained>> {
    let networks = seeds.iter().map(|&seed| params.start(seed)).collect::<Result<Vec<_>>>()?;
    let trials = params.trials(params.n_trials, false, &mut ctx.stream(&[("trials", 0)]));
    let objective = |_| Loss::new(params, &trials);
    let trained = train_many(networks, &seeds, params.training(), trials.inputs.view(), objective, ctx)?;
    let (networks, reports): (Vec<_>, Vec<_>) = trained.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let failed = reports.iter().filter(|report| !converged(report)).count();
    if failed > 0 {
        ctx.warn(format!(
            "{failed} of {} networks did not reach a loss of {}: raise max_epochs or lr, or set allow_unconverged to true to compare them",
            reports.len(),
            params.threshold()
        ));
    }
    let trace = trace(&reports)?;
    let model = Trained {
        origin: Some(Origin { setting: (**params).clone(), seeds, seed: ctx.seed() }),
        networks,
        converged: reports.iter().map(converged).collect(),
        loss: reports.iter().map(|r| r.records.last().map_or(f64::NAN, |record| record.loss)).collect(),
        steps: reports.iter().map(|r| r.steps).collect(),
    };
    let status = if failed == 0 { Status::Converged } else { Status::IterationLimit };
    Ok(Fitted { model, status, trace })
}

fn converged(report: &TrainingReport) -> bool {
    report.status == Status::Converged
}

/// Loss of every network by epoch.
fn trace(reports: &[TrainingReport]) -> Result<Table> {
    let rows = || reports.iter().enumerate().flat_map(|(k, report)| report.records.iter().map(move |record| (k, record)));
    Table::new()
        .with("network", Column::Integer(rows().map(|(k, _)| k as i64).collect()))?
        .with("step", Column::Integer(rows().map(|(_, r)| r.step as i64).collect()))?
        .with("loss", Column::Number(rows().map(|(_, r)| r.loss).collect()))
}

/// Mean squared error over what counts, and the penalties of the recurrent weights.
struct Loss<'a> {
    params: &'a RnnEnsemble,
    trials: &'a Trials,
    /// Counted numbers of a trial.
    count: f64,
}

impl<'a> Loss<'a> {
    fn new(params: &'a RnnEnsemble, trials: &'a Trials) -> Self {
        Self { params, trials, count: f64::from(trials.counted.sum()) }
    }
}

impl Objective<Recurrent<f32>> for Loss<'_> {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        let mut gradient = outputs.to_owned();
        let all = self.count * batch.rows.len() as f64;
        let mut loss = 0.0;
        for (mut row, &trial) in gradient.rows_mut().into_iter().zip(batch.rows) {
            let mut sum = 0.0_f32;
            ndarray::Zip::from(&mut row).and(self.trials.targets.row(trial)).and(&self.trials.counted).for_each(|g, &target, &counts| {
                let error = counts * (*g - target);
                sum += error * error;
                *g = error * (2.0 / all) as f32;
            });
            loss += f64::from(sum);
        }
        match loss.is_finite() {
            true => Ok(OutputGradient { loss: loss / all, gradient }),
            false => Err(Error::numeric(format!("training diverged at step {}", batch.step)).hint("lower lr")),
        }
    }

    fn penalty(&mut self, _: &Batch<'_>, model: &Recurrent<f32>, gradient: &mut Parameters<f32>) -> Result<f64> {
        let &RnnEnsemble { l1, nuclear, .. } = self.params;
        if l1 == 0.0 && nuclear == 0.0 {
            return Ok(0.0);
        }
        let (Some(weights), Some(mut by)) = (model.parameters().matrix_named(RECURRENT), gradient.matrix_named_mut(RECURRENT)) else {
            return Err(Error::internal("a network without recurrent weights"));
        };
        let mut value = 0.0;
        if l1 > 0.0 {
            by.zip_mut_with(&weights, |g, w| *g += l1 as f32 * w.signum());
            value += l1 * weights.iter().map(|w| f64::from(w.abs())).sum::<f64>();
        }
        if nuclear > 0.0 {
            let parts = svd(weights.mapv(f64::from).view())?;
            by += &(parts.u.dot(&parts.v.t()) * nuclear).mapv(|v| v as f32);
            value += nuclear * parts.s.sum();
        }
        Ok(value)
    }
}

/// Mean squared error of a network on trials.
///
/// # Errors
/// Trials of other channels.
pub(super) fn error_on(network: &Recurrent<f32>, trials: &Trials) -> Result<f64> {
    let outputs = network.predict(trials.inputs.view())?;
    let squares = |(row, target): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
        let terms = row.iter().zip(target).zip(&trials.counted).map(|((y, t), w)| f64::from(w * (y - t) * (y - t)));
        terms.sum::<f64>()
    };
    let sum: f64 = outputs.rows().into_iter().zip(trials.targets.rows()).map(squares).sum();
    Ok(sum / (f64::from(trials.counted.sum()) * outputs.nrows() as f64))
}

/// How far two networks are apart as learning machines: the cosine of their tangent kernels on `probes` (m, T inputs), outputs at the
/// last step. 1 for networks whose kernels are equal up to a factor; low where features were learned.
///
/// # Errors
/// Probes of other channels, or networks of different shapes.
pub fn kernel_alignment(start: &Recurrent<f32>, end: &Recurrent<f32>, probes: ArrayView2<'_, f32>) -> Result<f64> {
    if start.spec() != end.spec() {
        return Err(Error::input("kernels are compared for networks of one shape"));
    }
    let (first, last) = (tangent_kernel(start, probes)?, tangent_kernel(end, probes)?);
    let inner = |x: &Array2<f64>, y: &Array2<f64>| (x * y).sum();
    Ok(inner(&first, &last) / (inner(&first, &first) * inner(&last, &last)).sqrt())
}

/// Inner products of the gradients of the last outputs (m outputs, m outputs).
fn tangent_kernel(network: &Recurrent<f32>, probes: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
    let outputs = network.spec().outputs;
    let mut jacobian = Array2::zeros((probes.nrows() * outputs, network.parameters().values().len()));
    for (probe, row) in probes.axis_chunks_iter(Axis(0), 1).enumerate() {
        let (result, tape) = network.forward(row, elinvar_nn::Pass::Evaluation)?;
        for output in 0..outputs {
            let mut wanted = Array2::zeros(result.raw_dim());
            wanted[[0, result.ncols() - outputs + output]] = 1.0;
            let mut gradient = network.parameters().zeros_like();
            network.backward(&tape, wanted.view(), &mut gradient);
            let place = jacobian.row_mut(probe * outputs + output);
            ndarray::Zip::from(place).and(&Array1::from_vec(gradient.values().to_vec())).for_each(|j, &g| *j = f64::from(g));
        }
    }
    elinvar_math::linalg::product(jacobian.view(), jacobian.t())
}
