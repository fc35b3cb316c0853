//! Minimisers of smooth functions.

use elinvar_core::{Context, Result, Status};
use std::collections::VecDeque;

/// Settings of [`lbfgs`].
#[derive(Clone, Debug)]
pub struct Lbfgs {
    /// Pairs of steps and gradient changes that are remembered.
    pub memory: usize,
    /// Greatest number of iterations.
    pub max_iterations: usize,
    /// Stops when the largest entry of the gradient is at most this.
    pub gradient_tolerance: f64,
    /// Stops when the value falls by at most this share of its size.
    pub value_tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { memory: 10, max_iterations: 1000, gradient_tolerance: 1e-7, value_tolerance: 1e-12 }
    }
}

/// Where a minimiser ended.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// The point.
    pub x: Vec<f64>,
    /// Value there.
    pub value: f64,
    /// Largest entry of the gradient there.
    pub gradient_norm: f64,
    /// Iterations.
    pub iterations: usize,
    /// Whether a tolerance was met.
    pub status: Status,
}

/// A point with value and gradient.
#[derive(Clone)]
struct Point {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Limited-memory BFGS (Nocedal 1980) with a line search for the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5 and 3.6).
///
/// `objective` returns the value and writes the gradient. Kinks of measure zero do no harm: where no Wolfe point is found, the best
/// point seen is taken, and the search ends when even that does not lower the value.
///
/// # Errors
/// Those of `objective`, and those of the context (interrupted, non-finite start).
pub fn lbfgs(
    mut objective: impl FnMut(&[f64], &mut [f64]) -> Result<f64>,
    start: &[f64],
    settings: &Lbfgs,
    ctx: &mut Context,
) -> Result<Minimum> {
    let mut evaluate = |x: Vec<f64>| -> Result<Point> {
        let mut gradient = vec![0.0; x.len()];
        let value = objective(&x, &mut gradient)?;
        Ok(Point { x, value, gradient })
    };
    let mut point = evaluate(start.to_vec())?;
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    let end = |point: Point, iterations, status| Minimum {
        gradient_norm: largest(&point.gradient),
        x: point.x,
        value: point.value,
        iterations,
        status,
    };
    for iteration in 0..settings.max_iterations {
        ctx.tick(iteration as u64, settings.max_iterations as u64, &[("loss", point.value)])?;
        if largest(&point.gradient) <= settings.gradient_tolerance {
            return Ok(end(point, iteration, Status::Converged));
        }
        let direction = match descent(&pairs, &point.gradient) {
            Some(direction) => direction,
            None => {
                pairs.clear();
                point.gradient.iter().map(|g| -g).collect()
            }
        };
        let first = if pairs.is_empty() { (1.0 / largest(&direction)).min(1.0) } else { 1.0 };
        let Some(next) = line_search(&mut evaluate, &point, &direction, first)? else {
            if pairs.is_empty() {
                return Ok(end(point, iteration, Status::Converged));
            }
            pairs.clear();
            continue;
        };
        let small = settings.value_tolerance > 0.0
            && point.value - next.value <= settings.value_tolerance * point.value.abs().max(next.value.abs());
        remember(&mut pairs, &point, &next, settings.memory);
        point = next;
        if small {
            return Ok(end(point, iteration + 1, Status::Converged));
        }
    }
    Ok(end(point, settings.max_iterations, Status::IterationLimit))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn largest(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

fn remember(pairs: &mut VecDeque<(Vec<f64>, Vec<f64>)>, from: &Point, to: &Point, memory: usize) {
    let step: Vec<f64> = to.x.iter().zip(&from.x).map(|(a, b)| a - b).collect();
    let change: Vec<f64> = to.gradient.iter().zip(&from.gradient).map(|(a, b)| a - b).collect();
    // Only pairs of positive curvature keep the metric positive definite.
    if dot(&step, &change) > 1e-12 * dot(&change, &change) {
        if pairs.len() == memory {
            pairs.pop_front();
        }
        pairs.push_back((step, change));
    }
}

/// Two-loop recursion; `None` where the direction does not descend.
fn descent(pairs: &VecDeque<(Vec<f64>, Vec<f64>)>, gradient: &[f64]) -> Option<Vec<f64>> {
    let mut q = gradient.to_vec();
    let mut weights = Vec::with_capacity(pairs.len());
    for (s, y) in pairs.iter().rev() {
        let weight = dot(s, &q) / dot(s, y);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= weight * y);
        weights.push(weight);
    }
    if let Some((s, y)) = pairs.back() {
        let scale = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((s, y), weight) in pairs.iter().zip(weights.into_iter().rev()) {
        let correction = weight - dot(y, &q) / dot(s, y);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += correction * s);
    }
    q.iter_mut().for_each(|q| *q = -*q);
    (dot(&q, gradient) < 0.0 && q.iter().all(|x| x.is_finite())).then_some(q)
}

const ARMIJO: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
const LINE_STEPS: usize = 40;

/// A point along the direction that obeys the strong Wolfe conditions, or the lowest that was seen; `None` where none is lower.
fn line_search(evaluate: &mut impl FnMut(Vec<f64>) -> Result<Point>, from: &Point, direction: &[f64], first: f64) -> Result<Option<Point>> {
    let slope = dot(&from.gradient, direction);
    let at = |t: f64| from.x.iter().zip(direction).map(|(x, d)| x + t * d).collect::<Vec<f64>>();
    let sufficient = |t: f64, p: &Point| p.value <= from.value + ARMIJO * t * slope;
    // Bracket [low, high]: low obeys Armijo and is the lowest so far; high is an upper end, or infinite while we expand.
    let (mut low, mut low_value, mut high, mut t) = (0.0, from.value, f64::INFINITY, first);
    let mut best: Option<Point> = None;
    for _ in 0..LINE_STEPS {
        let point = evaluate(at(t))?;
        let usable = point.value.is_finite() && point.gradient.iter().all(|g| g.is_finite());
        // Where values differ by rounding only, the slope alone says whether a step is good (Hager and Zhang 2005).
        let level = best.is_none() && (point.value - from.value).abs() <= 1e-14 * from.value.abs();
        if usable && level && dot(&point.gradient, direction).abs() <= -CURVATURE * slope {
            return Ok(Some(point));
        }
        if !usable || !sufficient(t, &point) || point.value >= low_value {
            high = t;
        } else {
            let here = dot(&point.gradient, direction);
            let done = here.abs() <= -CURVATURE * slope;
            low_value = point.value;
            best = Some(point);
            if done {
                break;
            }
            // The minimum lies between this point and the old lower end: the interval may turn around.
            if here * (high - low) >= 0.0 {
                high = low;
            }
            low = t;
        }
        t = if high.is_infinite() { 2.0 * t } else { 0.5 * (low + high) };
        if high.is_finite() && (high - low).abs() <= 1e-14 * high.abs().max(low.abs()) {
            break;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosenbrock_reaches_its_minimum() {
        // SciPy 1.17 minimize(rosen, [-1.2, 1, -0.5, 0.8], method='L-BFGS-B') ends at (1, 1, 1, 1) too.
        let rosenbrock = |x: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            let mut value = 0.0;
            for i in 0..x.len() - 1 {
                let (a, b) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
                value += 100.0 * a * a + b * b;
                g[i] += -400.0 * a * x[i] - 2.0 * b;
                g[i + 1] += 200.0 * a;
            }
            Ok(value)
        };
        let settings = Lbfgs { value_tolerance: 0.0, ..Lbfgs::default() };
        let minimum = lbfgs(rosenbrock, &[-1.2, 1.0, -0.5, 0.8], &settings, &mut Context::new(0)).unwrap();
        assert_eq!(minimum.status, Status::Converged);
        assert!(minimum.x.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", minimum.x);
    }

    #[test]
    fn a_logistic_loss_agrees_with_scipy() {
        // SciPy 1.17.1: minimize(f, zeros(4), jac=g, method='L-BFGS-B', options=dict(ftol=0, gtol=1e-13)) for
        // f(x) = sum(logaddexp(0, a x) - y a x) + 0.05 x.x, a_ij = sin(1 + i + 2.5 i j), y_i = cos(3 i) > 0, i < 30, j < 4.
        let row = |i: usize| -> [f64; 4] { std::array::from_fn(|j| (1.0 + i as f64 + 2.5 * (i * j) as f64).sin()) };
        let logistic = |x: &[f64], g: &mut [f64]| {
            g.iter_mut().zip(x).for_each(|(g, x)| *g = 0.1 * x);
            let mut value = 0.05 * dot(x, x);
            for i in 0..30 {
                let (a, y) = (row(i), f64::from(u8::from((3.0 * i as f64).cos() > 0.0)));
                let f = dot(&a, x);
                value += f.exp().ln_1p() - y * f;
                g.iter_mut().zip(a).for_each(|(g, a)| *g += a * (1.0 / (1.0 + (-f).exp()) - y));
            }
            Ok(value)
        };
        let settings = Lbfgs { value_tolerance: 0.0, gradient_tolerance: 1e-11, ..Lbfgs::default() };
        let minimum = lbfgs(logistic, &[0.0; 4], &settings, &mut Context::new(0)).unwrap();
        assert_eq!(minimum.status, Status::Converged);
        assert!((minimum.value - 20.482461536712865).abs() < 1e-12);
        let expected = [-0.02940751751212205, 0.12239392986286289, 0.12112242277218759, -0.36312882368496685];
        minimum.x.iter().zip(expected).for_each(|(x, e)| assert!((x - e).abs() < 1e-10, "{x} against {e}"));
    }

    #[test]
    fn a_quadratic_is_solved_and_a_cap_is_reported() {
        let quadratic = |x: &[f64], g: &mut [f64]| {
            let scales = [1.0, 1e3, 1e-2];
            g.iter_mut().zip(x).zip(scales).for_each(|((g, x), s)| *g = s * (x - 2.0));
            Ok(x.iter().zip(scales).map(|(x, s)| 0.5 * s * (x - 2.0) * (x - 2.0)).sum())
        };
        let minimum = lbfgs(quadratic, &[5.0, -3.0, 100.0], &Lbfgs::default(), &mut Context::new(0)).unwrap();
        assert!(minimum.value < 1e-9, "{minimum:?}");
        let capped = Lbfgs { max_iterations: 1, ..Lbfgs::default() };
        let minimum = lbfgs(quadratic, &[5.0, -3.0, 100.0], &capped, &mut Context::new(0)).unwrap();
        assert_eq!(minimum.status, Status::IterationLimit);
    }

    #[test]
    fn kinks_do_no_harm() {
        let kinked = |x: &[f64], g: &mut [f64]| {
            g[0] = 2.0 * (x[0] - 3.0) + x[0].signum();
            Ok((x[0] - 3.0).powi(2) + x[0].abs())
        };
        let minimum = lbfgs(kinked, &[-4.0], &Lbfgs::default(), &mut Context::new(0)).unwrap();
        assert!((minimum.x[0] - 2.5).abs() < 1e-6, "{minimum:?}");
    }
}
