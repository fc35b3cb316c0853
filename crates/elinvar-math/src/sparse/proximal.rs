//! Proximal gradient and accelerated gradient for nonconvex composite functions.

use super::kernels::largest_change;
use super::smooth::{Composite, Smooth, Step};
use elinvar_core::{Context, Result, Status};

/// When an iterative minimiser stops, and what it keeps.
#[derive(Clone, Debug)]
pub struct Iterations {
    /// Stops when the gradient mapping `(x - prox(x - t grad)) / t` has no entry above this.
    pub tolerance: f64,
    /// Greatest number of iterations.
    pub max_iterations: usize,
    /// Step length.
    pub step: Step,
    /// Keeps the objective of every iteration, at the cost of one more evaluation each in the accelerated methods.
    pub history: bool,
}

/// Where a minimiser of `smooth + sum_j weights_j |x_j|` ended.
#[derive(Clone, Debug)]
pub struct Stationary {
    /// The point; thresholded entries are exactly 0.
    pub x: Vec<f64>,
    /// Largest entry of the last gradient mapping.
    pub residual: f64,
    /// Iterations.
    pub iterations: usize,
    /// Gradients computed.
    pub gradients: usize,
    /// Whether the tolerance was met.
    pub status: Status,
    /// Objective after every iteration, where asked for.
    pub history: Vec<f64>,
}

/// Step sizes of the accelerated gradient method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Momentum {
    /// Those that minimise the complexity bound (Yang, Asgharian and Bhatnagar 2023).
    Optimal,
    /// The same, begun again whenever the extrapolated points slow down.
    Restarted,
    /// Ghadimi and Lan (2016): `2 / (k + 1)` with half the step.
    GhadimiLan,
}

/// The damping that follows `alpha` in the sequence that minimises the complexity bound.
pub fn next_damping(alpha: f64) -> f64 {
    2.0 / (1.0 + (1.0 + 4.0 / (alpha * alpha)).sqrt())
}

/// Proximal gradient with step `1/L`.
///
/// # Errors
/// Those of the function and of the context.
pub fn proximal_gradient<S: Smooth + ?Sized>(
    smooth: &mut S,
    weights: &[f64],
    start: &[f64],
    settings: &Iterations,
    ctx: &mut Context,
) -> Result<Stationary> {
    let mut composite = Composite::new(smooth, weights)?;
    let mut t = settings.step.first(1.0)?;
    let mut point = composite.at(start.to_vec())?;
    let (mut history, mut residual, mut status) = (Vec::new(), f64::INFINITY, Status::IterationLimit);
    let mut iterations = 0;
    while iterations < settings.max_iterations {
        ctx.tick(iterations as u64, settings.max_iterations as u64, &[("loss", point.value)])?;
        let next = composite.proximal_point(&point, &mut t, settings.step)?;
        residual = largest_change(&next.x, &point.x) / t;
        point = next;
        iterations += 1;
        if settings.history {
            history.push(composite.objective(&point));
        }
        if residual < settings.tolerance {
            status = Status::Converged;
            break;
        }
    }
    Ok(Stationary { x: point.x, residual, iterations, gradients: composite.gradients, status, history })
}

/// Accelerated gradient for a nonconvex smooth part (Yang, Asgharian and Bhatnagar 2023, algorithm 1 after Ghadimi and Lan 2016).
///
/// The objective need not fall at every iteration.
///
/// # Errors
/// Those of the function and of the context.
pub fn accelerated_gradient<S: Smooth + ?Sized>(
    smooth: &mut S,
    weights: &[f64],
    start: &[f64],
    momentum: Momentum,
    settings: &Iterations,
    ctx: &mut Context,
) -> Result<Stationary> {
    accelerated_until(smooth, weights, start, momentum, settings, &mut |_| false, ctx)
}

/// The three sequences of the accelerated method.
struct Sequences {
    /// `beta`: the slow sequence of long steps.
    long: Vec<f64>,
    /// `beta^ag`: the aggregate, which is returned.
    aggregate: Vec<f64>,
    /// `beta^md`: where gradients are taken.
    middle: Vec<f64>,
}

/// As [`accelerated_gradient`], and stops as well when `enough` says so of the aggregate.
pub(super) fn accelerated_until<S: Smooth + ?Sized>(
    smooth: &mut S,
    weights: &[f64],
    start: &[f64],
    momentum: Momentum,
    settings: &Iterations,
    enough: &mut dyn FnMut(&[f64]) -> bool,
    ctx: &mut Context,
) -> Result<Stationary> {
    let mut composite = Composite::new(smooth, weights)?;
    let mut omega = settings.step.first(if momentum == Momentum::GhadimiLan { 0.5 } else { 0.99 })?;
    let mut at = Sequences { long: start.to_vec(), aggregate: start.to_vec(), middle: start.to_vec() };
    let mut restarts = Restarts::default();
    let (mut history, mut residual, mut status) = (Vec::new(), f64::INFINITY, Status::IterationLimit);
    let (mut alpha, mut iterations) = (1.0, 0);
    while iterations < settings.max_iterations {
        iterations += 1;
        alpha = match momentum {
            Momentum::GhadimiLan => 2.0 / (iterations + 1) as f64,
            Momentum::Restarted if restarts.due() => 1.0,
            _ => next_damping(alpha),
        };
        let before = (momentum == Momentum::Restarted).then(|| at.middle.clone());
        for ((m, a), b) in at.middle.iter_mut().zip(&at.aggregate).zip(&at.long) {
            *m = (1.0 - alpha) * a + alpha * b;
        }
        let middle = composite.at(std::mem::take(&mut at.middle))?;
        ctx.tick(iterations as u64, settings.max_iterations as u64, &[("loss", middle.value)])?;
        let next = if matches!(settings.step, Step::Backtracking(_)) {
            composite.proximal_point(&middle, &mut omega, settings.step)?.x
        } else {
            let mut next = std::mem::take(&mut at.aggregate);
            composite.proximal(&middle.x, &middle.gradient, omega, &mut next);
            next
        };
        let long_step = match momentum {
            Momentum::GhadimiLan => iterations as f64 * omega / 2.0,
            _ => omega / alpha,
        };
        let from = at.long.clone();
        composite.proximal(&from, &middle.gradient, long_step, &mut at.long);
        (at.aggregate, at.middle) = (next, middle.x);
        if let Some(before) = before {
            restarts.record(&at.middle, &before);
        }
        if settings.history {
            let point = composite.at(at.aggregate.clone())?;
            composite.gradients -= 1;
            history.push(composite.objective(&point));
        }
        residual = largest_change(&at.middle, &at.aggregate) / omega;
        if residual < settings.tolerance {
            status = Status::Converged;
            break;
        }
        if enough(&at.aggregate) {
            break;
        }
    }
    Ok(Stationary { x: at.aggregate, residual, iterations, gradients: composite.gradients, status, history })
}

/// When to begin the damping sequence again: the speed of the extrapolated points fell, and three iterations have passed.
#[derive(Default)]
struct Restarts {
    speeds: [f64; 2],
    since: usize,
}

impl Restarts {
    fn due(&mut self) -> bool {
        let due = self.since >= 3 && self.speeds[0] > self.speeds[1];
        if due {
            self.since = 0;
        }
        due
    }

    fn record(&mut self, middle: &[f64], before: &[f64]) {
        let speed = middle.iter().zip(before).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        self.speeds = [self.speeds[1], speed];
        self.since += 1;
    }
}
