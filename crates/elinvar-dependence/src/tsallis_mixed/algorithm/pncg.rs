//! Proximal nonlinear conjugate gradient on all parameters at once.

use super::ecme::{Ecme, Fit, Settings};
use super::gradient::{Layout, score, variance_scores};
use super::rows::Rows;
use super::scatter::{Parameters, Point};
use super::weighting::Weighting;
use elinvar_core::{Context, Error, Kind, Result, Status};
use elinvar_math::sparse::{Iterations, Smooth, Step, conjugate_gradient};
use elinvar_math::statistics::variance;
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
        match Point::new(self.rows.freed(parameters.rho), parameters, &self.ctx) {
            Ok(point) => Ok(Some(point)),
            // Outside the domain: the line search turns back.
            Err(error) if error.kind() == Kind::Numeric => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Objective<'_> {
    /// A point that a search has accepted.
    fn inner_point(&mut self, x: &[f64]) -> Result<Point> {
        self.point(x)?.ok_or_else(|| Error::numeric("the conjugate gradient left the domain").hint("use solver='ecme'"))
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

/// Iterations between renewals of the preconditioner and of the step length.
const ROUND: usize = 40;

/// Fits from these parameters.
///
/// # Errors
/// Those of the context, and numeric ones.
pub(crate) fn conjugate(rows: Arc<Rows>, settings: &Settings, start: Parameters, ctx: &mut Context) -> Result<Fit> {
    let (start, passes) = approached(&rows, settings, start, ctx)?;
    let layout = Layout::new(&rows, settings, true);
    let weights: Vec<f64> = (0..layout.len())
        .map(|j| match &settings.shrinkage {
            Some(s) if j < layout.p => s.penalty.threshold(s.factors[j] * s.lambda),
            _ => 0.0,
        })
        .collect();
    let mut x = layout.to_vector(&start);
    let inside = ctx.child(ctx.seed(), ctx.threads());
    let mut objective = Objective { rows: Arc::clone(&rows), settings, layout, like: start, ctx: inside, passes };
    let (mut point, mut history, mut status) = (objective.inner_point(&x)?, Vec::new(), Status::IterationLimit);
    while history.len() < settings.max_iterations && status != Status::Converged {
        let iterations = Iterations {
            // The objective is quadratic in the gradient: a root of the likelihood's tolerance suffices.
            tolerance: 0.1 * settings.tolerance.sqrt(),
            max_iterations: ROUND.min(settings.max_iterations - history.len()),
            step: Step::Backtracking(1.0),
            history: true,
        };
        let scale = scales(&point, &objective.layout, &rows, ctx)?;
        let found = conjugate_gradient(&mut objective, &weights, &x, Some(&scale), &iterations, ctx)?;
        (x, status) = (found.x, found.status);
        history.extend(found.history);
        point = objective.inner_point(&x)?;
    }
    let n = rows.n() as f64;
    let penalty = settings.shrinkage.as_ref().map_or(0.0, |s| s.value(&point.parameters.beta));
    Ok(Fit {
        objective: point.log_likelihood - n * penalty,
        saturated: settings.shrinkage.as_ref().is_some_and(|s| s.is_saturated(&point.parameters, &rows)),
        point,
        latent: None,
        iterations: history.len(),
        passes: objective.passes,
        status,
        history: history.iter().map(|f| -n * f).collect(),
    })
}

/// Two steps of ECME: from the scatter of least squares a line search can leap into tails that it does not come back from.
fn approached(rows: &Arc<Rows>, settings: &Settings, start: Parameters, ctx: &mut Context) -> Result<(Parameters, usize)> {
    let settings = Settings { accelerate: false, max_iterations: 2, ..settings.clone() };
    let fit = Ecme::new(Arc::clone(rows), &settings).run(start, ctx)?;
    Ok((fit.point.parameters, fit.passes))
}

/// Diagonal preconditioner: roots of the inverse curvature, that of the weighted least squares for the fixed effects and the spread of the
/// groups' scores for the rest.
fn scales(point: &Point, layout: &Layout, raw: &Arc<Rows>, ctx: &Context) -> Result<Vec<f64>> {
    /// Least curvature a group: a coordinate on its way to the boundary has none, and must not be flung there.
    const LEAST: f64 = 0.05;
    let (rows, n) = (&point.rows, point.rows.n() as f64);
    let mut curvatures = Weighting::new(point, &point.weights()).diagonal();
    let scores = variance_scores(point, layout, raw, ctx)?;
    let width = layout.variances();
    for k in 0..width {
        let column: Vec<f64> = scores.iter().skip(k).step_by(width).copied().collect();
        let spread = variance(&column) * rows.groups() as f64;
        curvatures.push(if spread.is_finite() { spread.max(LEAST * rows.groups() as f64) } else { n });
    }
    Ok(curvatures.into_iter().map(|c| if c > 0.0 && c.is_finite() { (n / c).sqrt() } else { 1.0 }).collect())
}
