//! Proximal nonlinear conjugate gradient.

use super::kernels::{dot, largest, norm};
use super::proximal::{Iterations, Stationary};
use super::smooth::{Composite, Point, Scaled, Smooth, Step, times};
use elinvar_core::{Context, Error, Result, Status};

/// Share of the squared residual by which a step must lower the objective.
const DECREASE: f64 = 1e-4;
/// Iterations between restarts along the residual.
const CYCLE: usize = 50;

/// Minimises `smooth + sum_j weights_j |x_j|` by three-term Hestenes-Stiefel directions of the forward-backward residual, each trial point
/// followed by a proximal step. The objective never rises and every limit point is stationary.
///
/// `scale` is a diagonal preconditioner: the method works on `x / scale`, and so does its tolerance. With [`Step::Backtracking`] the
/// function may return infinity outside its domain.
///
/// # Errors
/// Those of the function and of the context; a scale that is not positive; a start outside the domain.
pub fn conjugate_gradient<S: Smooth + ?Sized>(
    smooth: &mut S,
    weights: &[f64],
    start: &[f64],
    scale: Option<&[f64]>,
    settings: &Iterations,
    ctx: &mut Context,
) -> Result<Stationary> {
    let Some(scale) = scale else { return iterate(smooth, weights, start.to_vec(), settings, ctx) };
    if scale.len() != start.len() || scale.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
        return Err(Error::input(format!("a preconditioner needs {} positive finite numbers", start.len())));
    }
    let scaled_start: Vec<f64> = start.iter().zip(scale).map(|(x, s)| x / s).collect();
    let mut scaled = Scaled { function: smooth, scale };
    let mut found = iterate(&mut scaled, &times(weights, scale), scaled_start, settings, ctx)?;
    found.x = times(&found.x, scale);
    Ok(found)
}

fn iterate<S: Smooth + ?Sized>(
    smooth: &mut S,
    weights: &[f64],
    start: Vec<f64>,
    settings: &Iterations,
    ctx: &mut Context,
) -> Result<Stationary> {
    let mut composite = Composite::new(smooth, weights)?;
    let mut t = settings.step.first(0.99)?;
    let mut point = composite.at(start)?;
    if !composite.objective(&point).is_finite() {
        return Err(Error::numeric("the objective at the start is not finite").hint("start inside the domain"));
    }
    let mut residual = mapping(&composite, &point, t);
    let mut direction = negative(&residual);
    let (mut history, mut iterations) = (Vec::new(), 0);
    while iterations < settings.max_iterations && largest(&residual) >= settings.tolerance {
        ctx.tick(iterations as u64, settings.max_iterations as u64, &[("loss", point.value)])?;
        iterations += 1;
        let restart = iterations % CYCLE == 0;
        let step = t;
        let (next, plain) = match trial(&mut composite, &point, &residual, &direction, t)? {
            Some(next) => (next, false),
            None => (composite.proximal_point(&point, &mut t, settings.step)?, true),
        };
        if restart && matches!(settings.step, Step::Backtracking(_)) {
            t *= 2.0;
        }
        point = next;
        let next_residual = mapping(&composite, &point, t);
        direction =
            if plain || restart || t != step { negative(&next_residual) } else { three_terms(&residual, &next_residual, &direction) };
        residual = next_residual;
        if settings.history {
            history.push(composite.objective(&point));
        }
    }
    let size = largest(&residual);
    let status = if size < settings.tolerance { Status::Converged } else { Status::IterationLimit };
    Ok(Stationary { x: point.x, residual: size, iterations, gradients: composite.gradients, status, history })
}

fn negative(v: &[f64]) -> Vec<f64> {
    v.iter().map(|x| -x).collect()
}

/// The forward-backward residual `(x - S(x - t grad, t weights)) / t`.
fn mapping<S: Smooth + ?Sized>(composite: &Composite<'_, S>, point: &Point, t: f64) -> Vec<f64> {
    let mut residual = vec![0.0; point.x.len()];
    composite.proximal(&point.x, &point.gradient, t, &mut residual);
    residual.iter_mut().zip(&point.x).for_each(|(r, x)| *r = (x - *r) / t);
    residual
}

/// A step along the direction and a proximal step from there, shortened until the objective falls enough; `None` where it never does.
fn trial<S: Smooth + ?Sized>(
    composite: &mut Composite<'_, S>,
    point: &Point,
    residual: &[f64],
    direction: &[f64],
    t: f64,
) -> Result<Option<Point>> {
    const TRIALS: usize = 12;
    let goal = composite.objective(point) - DECREASE * t * dot(residual, residual);
    let curvature = composite.smooth.curvature(&point.x, &point.gradient, direction)?;
    let ratio = -dot(residual, direction) / curvature;
    let mut length = if curvature > 0.0 && ratio.is_finite() { ratio.max(t) } else { t };
    for _ in 0..TRIALS {
        if length < 0.2 * t {
            break;
        }
        let ahead = composite.at(point.x.iter().zip(direction).map(|(x, d)| x + length * d).collect())?;
        if ahead.value.is_finite() {
            let mut x = vec![0.0; ahead.x.len()];
            composite.proximal(&ahead.x, &ahead.gradient, t, &mut x);
            let next = composite.at(x)?;
            if composite.objective(&next) <= goal {
                return Ok(Some(next));
            }
        }
        length *= 0.3;
    }
    Ok(None)
}

/// The three-term Hestenes-Stiefel direction; the negative residual where it is not defined or does not descend.
fn three_terms(before: &[f64], now: &[f64], direction: &[f64]) -> Vec<f64> {
    let change: Vec<f64> = now.iter().zip(before).map(|(a, b)| a - b).collect();
    let bend = dot(direction, &change);
    if bend.abs() <= 1e-12 * norm(direction) * norm(&change) {
        return negative(now);
    }
    let (b, theta) = (dot(now, &change) / bend, dot(now, direction) / bend);
    let next: Vec<f64> = now.iter().zip(direction).zip(&change).map(|((g, d), y)| -g + b * d - theta * y).collect();
    if dot(now, &next) > -1e-4 * dot(now, now) { negative(now) } else { next }
}
