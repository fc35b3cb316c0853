//! Proximal nonlinear conjugate gradient on all parameters at once.

use super::ecme::{Fit, Settings};
use super::gradient::{Layout, score};
use super::rows::Rows;
use super::scatter::{Parameters, Point};
use super::weighting::Weighting;
use elinvar_core::{Context, Kind, Result};
use elinvar_math::sparse::{Iterations, Smooth, Step, conjugate_gradient};
use std::sync::Arc;

/// `-l / N` plus the concave part of the penalty, over log-Cholesky coordinates.
struct Objective<'a> {
    rows: Arc<Rows>,
    settings: &'a Settings,
    layout: Layout,
    like: Parameters,
    ctx: Context,
    passes: usize,
}

impl Objective<'_> {
    fn point(&mut self, x: &[f64]) -> Result<Option<Point>> {
        let parameters = self.layout.to_parameters(x, &self.like);
        if !parameters.is_finite() {
            return Ok(None);
        }
        self.passes += 1;
        let rows = if parameters.rho == 0.0 { Arc::clone(&self.rows) } else { Arc::new(self.rows.decorrelated(parameters.rho)) };
        match Point::new(rows, parameters, &self.ctx) {
            Ok(point) => Ok(Some(point)),
            // Outside the domain: the line search turns back.
            Err(error) if error.kind() == Kind::Numeric => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Smooth for Objective<'_> {
    fn dimension(&self) -> usize {
        self.layout.len()
    }

    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let Some(point) = self.point(x)? else {
            gradient.fill(0.0);
            return Ok(f64::INFINITY);
        };
        let n = self.rows.n() as f64;
        let slopes = score(&point, &self.layout, &self.rows, &self.ctx)?;
        gradient.iter_mut().zip(slopes).for_each(|(g, s)| *g = -s / n);
        let mut value = -point.log_likelihood / n;
        if let Some(shrinkage) = &self.settings.shrinkage {
            for (j, &b) in point.parameters.beta.iter().enumerate() {
                let level = shrinkage.factors[j] * shrinkage.lambda;
                value += shrinkage.penalty.smooth_value(b, level);
                gradient[j] += shrinkage.penalty.smooth_slope(b, level);
            }
        }
        Ok(if value.is_nan() { f64::INFINITY } else { value })
    }
}

/// Fits from these parameters.
///
/// # Errors
/// Those of the context, and numeric ones.
pub(crate) fn conjugate(rows: Arc<Rows>, settings: &Settings, start: Parameters, ctx: &mut Context) -> Result<Fit> {
    let layout = Layout::new(&rows, settings, true);
    let ctx_inside = ctx.child(ctx.seed(), ctx.threads());
    let first = Point::new(Arc::clone(&rows), start.clone(), ctx)?;
    let scale = scales(&first, &layout);
    let x = layout.to_vector(&start);
    let weights: Vec<f64> = (0..layout.len())
        .map(|j| match &settings.shrinkage {
            Some(s) if j < layout.p => s.penalty.threshold(s.factors[j] * s.lambda),
            _ => 0.0,
        })
        .collect();
    let mut objective = Objective { rows: Arc::clone(&rows), settings, layout, like: start, ctx: ctx_inside, passes: 1 };
    let iterations = Iterations {
        // The objective is quadratic in the gradient: a root of the likelihood's tolerance suffices.
        tolerance: 0.1 * settings.tolerance.sqrt(),
        max_iterations: settings.max_iterations,
        step: Step::Backtracking(1.0),
        history: true,
    };
    let found = conjugate_gradient(&mut objective, &weights, &x, Some(&scale), &iterations, ctx)?;
    let point = objective.point(&found.x)?;
    let point = point.ok_or_else(|| elinvar_core::Error::numeric("the conjugate gradient left the domain").hint("use solver='ecme'"))?;
    let n = rows.n() as f64;
    let penalty = settings.shrinkage.as_ref().map_or(0.0, |s| s.value(&point.parameters.beta));
    let saturated = settings.shrinkage.as_ref().is_some_and(|s| s.is_saturated(&point.parameters.beta, rows.n()));
    Ok(Fit {
        objective: point.log_likelihood - n * penalty,
        point,
        iterations: found.iterations,
        passes: objective.passes,
        status: found.status,
        saturated,
        history: found.history.iter().map(|f| -n * f).collect(),
    })
}

/// Diagonal preconditioner: roots of the inverse curvature, exact for the fixed effects and by order of magnitude for the rest.
fn scales(point: &Point, layout: &Layout) -> Vec<f64> {
    let (rows, n) = (&point.rows, point.rows.n() as f64);
    let groups = rows.groups() as f64;
    let curvatures = Weighting::new(point, &point.weights()).diagonal();
    let root = |curvature: f64| if curvature > 0.0 && curvature.is_finite() { (n / curvature).sqrt() } else { 1.0 };
    let mut scales: Vec<f64> = curvatures.into_iter().map(root).collect();
    for &(i, j) in &layout.entries {
        let size = if i == j { 1.0 } else { point.parameters.root[i * layout.q + i].abs().max(f64::MIN_POSITIVE) };
        scales.push(size * root(2.0 * groups));
    }
    scales.push(root(0.5 * n));
    if layout.nu {
        scales.push(root(0.2 * groups));
    }
    if layout.rho {
        scales.push(root(n));
    }
    scales
}
