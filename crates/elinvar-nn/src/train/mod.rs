//! The one training loop.
//!
//! A method states its objective by value and gradient with respect to the network's *outputs*, computed on the host (losses,
//! covariance penalties and transport envelopes all have such gradients in closed form); the loop draws batches, carries that gradient
//! back through the network, steps the optimiser, validates, keeps the best weights and can stop and go on bit for bit.

mod batches;
mod checkpoint;
mod many;
#[cfg(test)]
mod tests;

pub use batches::Batches;
pub use checkpoint::{Checkpoint, Record};
pub use many::train_many;

use crate::device::{self, Place, on_threads};
use crate::mlp::{Mlp, Pass};
use crate::network::Network;
use crate::optimiser::{Optimiser, OptimiserState, clip_norm};
use crate::parameters::Parameters;
use crate::schedule::Schedule;
use checkpoint::Position;
use elinvar_core::{Context, Error, Result, Status};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Half the distance between the two gradients of a central difference, on the scale of what is moved. Near the cube root of the
/// single precision's epsilon, where truncation and rounding are about equal.
const PROBE: f32 = 4e-3;

/// How a network is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Which rows each step sees.
    pub batches: Batches,
    /// How a gradient becomes a step.
    pub optimiser: Optimiser,
    /// Learning rate by step.
    pub schedule: Schedule,
    /// Largest Euclidean norm of the gradient; longer ones are scaled down. None: no limit.
    pub clip_norm: Option<f64>,
    /// When the objective is asked for a validation score. None: never.
    pub validation: Option<Validation>,
    /// When the learning rate falls because the loss does not. None: never.
    pub plateau: Option<Plateau>,
    /// Loss at which training ends. None: it goes on to the last step.
    pub goal: Option<Goal>,
}

impl Training {
    /// Without clipping, validation, plateau and goal.
    pub const fn new(batches: Batches, optimiser: Optimiser, schedule: Schedule) -> Self {
        Self { batches, optimiser, schedule, clip_norm: None, validation: None, plateau: None, goal: None }
    }
}

/// When the learning rate falls because the loss does not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// What the rate is multiplied by, in (0, 1).
    pub factor: f64,
    /// Records without a smaller mean loss after which that happens, >= 1.
    pub patience: u64,
}

/// A loss that is small enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The mean loss of a record, without penalties, must be below this, > 0.
    pub loss: f64,
    /// Records that training goes on for after that.
    pub rounds: u64,
}

/// When to validate and when to stop early.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Rounds between validations (epochs, or steps when batches are drawn with replacement), >= 1.
    pub every: u64,
    /// Validations without improvement after which training stops and the best weights are taken back. None: run to the end and
    /// keep the last weights.
    pub patience: Option<u64>,
    /// Fall of the score that counts as an improvement, >= 0.
    pub min_improvement: f64,
}

/// One batch, as the objective sees it.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Step, from 0. Key of the objective's own random streams: the same step may be asked several times (for Hessian-vector
    /// products) and must then give the same answer.
    pub step: u64,
    /// Epoch, from 0; 0 throughout when batches are drawn with replacement.
    pub epoch: u64,
    /// Rows of the data in this batch.
    pub rows: &'a [usize],
    /// Those rows (batch, inputs).
    pub inputs: ArrayView2<'a, f32>,
    /// Streams, threads and limits of the fit.
    pub context: &'a Context,
}

/// A loss and its gradient with respect to the outputs.
#[derive(Clone, Debug)]
pub struct OutputGradient {
    /// Value of the objective on the batch.
    pub loss: f64,
    /// Gradient with respect to the outputs, of their shape.
    pub gradient: Array2<f32>,
}

/// What is minimised. Closures `FnMut(&Batch, ArrayView2<f32>) -> Result<OutputGradient>` are objectives too.
pub trait Objective<N = Mlp<f32>> {
    /// Loss of the outputs (batch, outputs) of a batch, and its gradient.
    ///
    /// # Errors
    /// Whatever the method finds wrong; training stops with it.
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient>;

    /// Derivative of the loss's gradient with respect to the outputs along `tangent`, both of the outputs' shape: the objective's part
    /// of a Hessian-vector product, which AdaHessian alone asks for. By central differences unless an objective knows better.
    ///
    /// # Errors
    /// Whatever the method finds wrong; training stops with it.
    fn gradient_tangent(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>, tangent: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let largest = |values: ArrayView2<'_, f32>| values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let step = PROBE * largest(outputs).max(1.0) / largest(tangent).max(f32::MIN_POSITIVE);
        let mut at = |t: f32| Ok::<_, Error>(self.loss(batch, (&outputs + &(&tangent * t)).view())?.gradient);
        Ok((at(step)? - at(-step)?) / (2.0 * step))
    }

    /// A term that does not go through the outputs, such as [`Mlp::conservativity_penalty`]: adds its gradient with respect to the
    /// parameters and returns its value.
    ///
    /// # Errors
    /// Whatever the method finds wrong; training stops with it.
    fn penalty(&mut self, _batch: &Batch<'_>, _model: &N, _gradient: &mut Parameters<f32>) -> Result<f64> {
        Ok(0.0)
    }

    /// Score of the network after `step` steps, lower is better; none when there is nothing to judge.
    ///
    /// # Errors
    /// Whatever the method finds wrong; training stops with it.
    fn validate(&mut self, _step: u64, _model: &N) -> Result<Option<f64>> {
        Ok(None)
    }
}

impl<N, F: FnMut(&Batch<'_>, ArrayView2<'_, f32>) -> Result<OutputGradient>> Objective<N> for F {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        self(batch, outputs)
    }
}

/// How training went.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingReport {
    /// Converged when the goal was reached or patience ran out, or there was neither; iteration limit when the last step came before.
    pub status: Status,
    /// Steps done.
    pub steps: u64,
    /// Step whose weights were kept, where validation chose one.
    pub best_step: Option<u64>,
    /// Mean loss and validation score, one record a validation (an epoch when there is none).
    pub records: Vec<Record>,
}

/// Trains `model` on the rows of `inputs` (n, columns) to the end.
///
/// # Errors
/// When a setting is out of range, the objective fails, or the context stops the work.
pub fn train<N: Network<f32>>(
    model: N,
    training: Training,
    inputs: ArrayView2<'_, f32>,
    objective: &mut impl Objective<N>,
    ctx: &mut Context,
) -> Result<(N, TrainingReport)> {
    let mut trainer = Trainer::new(model, training)?;
    trainer.advance(u64::MAX, inputs, objective, ctx)?;
    Ok(trainer.finish())
}

/// Training that can be stopped, saved and taken up again.
#[derive(Clone, Debug)]
pub struct Trainer<N = Mlp<f32>> {
    training: Training,
    model: N,
    optimiser: OptimiserState,
    best: Option<N>,
    position: Position,
}

impl<N: Network<f32>> Trainer<N> {
    /// A fresh start.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(model: N, training: Training) -> Result<Self> {
        training.batches.check()?;
        training.schedule.check()?;
        if let Some(limit) = training.clip_norm
            && (limit.is_nan() || limit <= 0.0)
        {
            return Err(Error::parameter("clip_norm", "> 0", limit));
        }
        if let Some(validation) = training.validation {
            if validation.every == 0 {
                return Err(Error::parameter("every", ">= 1", 0));
            }
            if validation.min_improvement.is_nan() || validation.min_improvement < 0.0 {
                return Err(Error::parameter("min_improvement", ">= 0", validation.min_improvement));
            }
        }
        if let Some(plateau) = training.plateau {
            if !(plateau.factor > 0.0 && plateau.factor < 1.0) {
                return Err(Error::parameter("factor", "in (0, 1)", plateau.factor));
            }
            if plateau.patience == 0 {
                return Err(Error::parameter("patience", ">= 1", 0));
            }
        }
        if let Some(goal) = training.goal
            && (goal.loss.is_nan() || goal.loss <= 0.0)
        {
            return Err(Error::parameter("goal", "> 0", goal.loss));
        }
        let optimiser = OptimiserState::new(training.optimiser, model.parameters().values().len())?;
        Ok(Self { training, model, optimiser, best: None, position: Position::default() })
    }

    /// The network as it is now.
    pub fn model(&self) -> &N {
        &self.model
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.position.step
    }

    /// Runs until `until` steps are done, the run ends, or patience runs out.
    ///
    /// Random choices are streams of the context's seed by epoch and step, so any cutting of a run into pieces gives the same bits.
    ///
    /// # Errors
    /// When the objective fails, shapes disagree, or the context stops the work.
    pub fn advance(&mut self, until: u64, inputs: ArrayView2<'_, f32>, objective: &mut impl Objective<N>, ctx: &mut Context) -> Result<()> {
        self.model.check_columns(inputs)?;
        if inputs.nrows() == 0 {
            return Err(Error::input("the training data must have at least 1 row, got 0"));
        }
        let place = Place::of(ctx.device())?;
        let plan = self.training.batches.plan(inputs.nrows());
        let mut order = Vec::new();
        let mut gradient = self.model.parameters().zeros_like();
        while !self.position.stopped && self.position.step < until.min(plan.steps) {
            let step = self.position.step;
            let (epoch, rows) = plan.rows(step, &mut order, ctx);
            let chosen = inputs.select(Axis(0), rows);
            let batch = Batch { step, epoch, rows, inputs: chosen.view(), context: ctx };
            let rate = self.training.schedule.rate(step, plan.steps) * self.position.rate_factor();
            let (loss, penalty) = self.one_step(&batch, rate, &place, objective, &mut gradient)?;
            self.position.step += 1;
            self.position.loss_sum += loss;
            self.position.penalty_sum += penalty;
            self.position.loss_count += 1;
            ctx.tick(self.position.step, plan.steps, &[("loss", loss + penalty)])?;
            self.close_round(&plan, objective)?;
        }
        Ok(())
    }

    /// Loss and penalty of one step at the learning rate `rate`; `gradient` is scratch of the parameters' layout.
    fn one_step(
        &mut self,
        batch: &Batch<'_>,
        rate: f64,
        place: &Place,
        objective: &mut impl Objective<N>,
        gradient: &mut Parameters<f32>,
    ) -> Result<(f64, f64)> {
        gradient.values_mut().fill(0.0);
        let pass = Pass::Training { seed: batch.context.seed(), step: batch.step };
        let model = &self.model;
        let (outputs, tape) = device::forward(model, batch.inputs, pass, place, batch.context)?;
        let OutputGradient { loss, gradient: by_output } = objective.loss(batch, outputs.view())?;
        check_shape(&outputs, &by_output)?;
        device::backward(model, &tape, by_output.view(), gradient, batch.context)?;
        let penalty = objective.penalty(batch, model, gradient)?;
        let curvature = match self.training.optimiser.needs_curvature() {
            true => self.hessian_diagonal(batch, objective, &outputs, tape.on_cpu("AdaHessian")?, by_output.view())?,
            false => Vec::new(),
        };
        // Networks with running statistics train on the processor.
        if let Ok(tape) = tape.on_cpu("running statistics") {
            self.model.absorb_statistics(tape);
        }
        if let Some(limit) = self.training.clip_norm {
            clip_norm(gradient.values_mut(), limit);
        }
        self.optimiser.update_all(self.model.parameters_mut(), gradient.values(), &curvature, rate);
        Ok((loss, penalty))
    }

    /// z * (H z) for random signs z: an unbiased estimate of the Hessian's diagonal.
    fn hessian_diagonal(
        &mut self,
        batch: &Batch<'_>,
        objective: &mut impl Objective<N>,
        outputs: &Array2<f32>,
        tape: &N::Tape,
        by_output: ArrayView2<'_, f32>,
    ) -> Result<Vec<f32>> {
        let mut stream = batch.context.stream(&[("probe", batch.step)]);
        let mut signs = self.model.parameters().zeros_like();
        signs.values_mut().iter_mut().for_each(|sign| *sign = if stream.random::<bool>() { 1.0 } else { -1.0 });
        let mut product = self.penalty_hessian_vector(batch, objective, &signs)?;
        let model = &self.model;
        let (rows, ctx) = (batch.rows.len(), batch.context);
        let (tangent, along) = on_threads(model, rows, ctx, || model.parameter_tangent(tape, &signs))?;
        let turn = objective.gradient_tangent(batch, outputs.view(), tangent.view())?;
        check_shape(outputs, &turn)?;
        on_threads(model, rows, ctx, || model.hessian_vector(tape, &along, &signs, by_output, turn.view(), &mut product));
        Ok(product.values().iter().zip(signs.values()).map(|(h, sign)| h * sign).collect())
    }

    /// The part of H z that does not go through the outputs, by central differences of the penalty's gradient.
    fn penalty_hessian_vector(
        &mut self,
        batch: &Batch<'_>,
        objective: &mut impl Objective<N>,
        z: &Parameters<f32>,
    ) -> Result<Parameters<f32>> {
        let start = self.model.parameters().clone();
        let mut difference = start.zeros_like();
        for side in [1.0, -1.0] {
            self.model.parameters_mut().add_scaled(side * PROBE, z);
            let mut gradient = difference.zeros_like();
            objective.penalty(batch, &self.model, &mut gradient)?;
            difference.add_scaled(side / (2.0 * PROBE), &gradient);
            self.model.parameters_mut().values_mut().copy_from_slice(start.values());
        }
        Ok(difference)
    }

    /// At the end of a round: a record, and validation where it is asked for.
    fn close_round(&mut self, plan: &batches::Plan, objective: &mut impl Objective<N>) -> Result<()> {
        let every = self.training.validation.map_or(plan.rounds_a_record(), |validation| validation.every) * plan.steps_a_round;
        let step = self.position.step;
        if !step.is_multiple_of(every) && step != plan.steps {
            return Ok(());
        }
        let count = self.position.loss_count.max(1) as f64;
        let (loss, penalty) = (self.position.loss_sum / count, self.position.penalty_sum / count);
        (self.position.loss_sum, self.position.penalty_sum, self.position.loss_count) = (0.0, 0.0, 0);
        let score = match self.training.validation {
            Some(_) => objective.validate(step, &self.model)?,
            None => None,
        };
        self.position.records.push(Record { step, loss: loss + penalty, validation: score });
        self.follow(loss + penalty);
        self.aim(loss);
        if let (Some(validation), Some(score)) = (self.training.validation, score) {
            self.judge(validation, score)?;
        }
        Ok(())
    }

    /// Lowers the rate where the loss has not fallen for long.
    fn follow(&mut self, loss: f64) {
        let Some(plateau) = self.training.plateau else { return };
        let position = &mut self.position;
        if position.least_loss.is_none_or(|least| loss < least) {
            (position.least_loss, position.flat) = (Some(loss), 0);
        } else if position.flat + 1 == plateau.patience {
            (position.rate_factor, position.flat) = (Some(position.rate_factor() * plateau.factor), 0);
        } else {
            position.flat += 1;
        }
    }

    /// Ends training so many records after the loss was first small enough.
    fn aim(&mut self, loss: f64) {
        let Some(goal) = self.training.goal else { return };
        let position = &mut self.position;
        match position.beyond {
            Some(rounds) => position.beyond = Some(rounds + 1),
            None if loss < goal.loss => position.beyond = Some(0),
            None => {}
        }
        position.stopped |= position.beyond.is_some_and(|rounds| rounds >= goal.rounds);
    }

    fn judge(&mut self, validation: Validation, score: f64) -> Result<()> {
        if score.is_nan() {
            return Err(Error::numeric(format!("the validation score became NaN at step {}", self.position.step)));
        }
        if self.position.best_score.is_none_or(|best| score < best - validation.min_improvement) {
            self.position.best_score = Some(score);
            self.position.best_step = Some(self.position.step);
            self.position.stale = 0;
            self.best = validation.patience.map(|_| self.model.clone());
        } else {
            self.position.stale += 1;
            self.position.stopped |= validation.patience.is_some_and(|patience| self.position.stale >= patience);
        }
        Ok(())
    }

    /// The trained network (the best one when patience was asked for) and the report.
    pub fn finish(self) -> (N, TrainingReport) {
        let waiting = self.training.goal.is_some() || self.training.validation.is_some_and(|validation| validation.patience.is_some());
        let status = if waiting && !self.position.stopped { Status::IterationLimit } else { Status::Converged };
        let report =
            TrainingReport { status, steps: self.position.step, best_step: self.position.best_step, records: self.position.records };
        (self.best.unwrap_or(self.model), report)
    }
}

fn check_shape(outputs: &Array2<f32>, gradient: &Array2<f32>) -> Result<()> {
    if outputs.dim() == gradient.dim() {
        return Ok(());
    }
    Err(Error::internal(format!("outputs and their gradient must have one shape, got {:?} and {:?}", outputs.dim(), gradient.dim())))
}
