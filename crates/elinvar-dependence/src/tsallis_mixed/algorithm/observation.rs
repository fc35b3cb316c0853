//! Tails row by row: every error and every group's random effects have a scale of their own, inferred by mean-field variational
//! expectation and maximisation.
//!
//! `e_ij | u_ij ~ N(0, sigma2 / u_ij)` and `b_i | v_i ~ N(0, D / v_i)` with gamma scales of `nu` degrees of freedom. With the expectations of the
//! scales in hand the model is the Gaussian one on rows multiplied by `sqrt(u_ij)` whose random effects' columns are divided by `sqrt(v_i)`,
//! so fixed effects and scatters are a step of [`Ecme`] there. With the gamma factors at their optimum the lower bound of the log likelihood is
//! a sum of q-Gaussian log densities at the expected squares, plus the entropy of the random effects.

use super::density::{constant, decay, log_density, weight};
use super::ecme::{Ascent, Coordinates, Ecme, Fit, Settings, Shrinkage, cycle};
use super::rows::Rows;
use super::scatter::{Parameters, Point};
use super::tail::{GAUSSIAN, Tail};
use super::weighting::Weighting;
use elinvar_core::{Context, Error, Result, Status};
use elinvar_math::cholesky;
use elinvar_math::statistics::pairwise_sum;
use ndarray::Array2;
use std::f64::consts::{E, PI};
use std::sync::Arc;

/// Sweeps of the fixed point of a group's scales.
const SWEEPS: usize = 20;

/// Expectations given the parameters.
#[derive(Clone, Debug)]
pub(crate) struct Latent {
    /// Of the rows' scales (N): their weights.
    pub(crate) rows: Vec<f64>,
    /// Of the groups' scales (m).
    pub(crate) groups: Vec<f64>,
    /// Of the errors' squares in units of their scatter (N).
    pub(crate) row_distances: Vec<f64>,
    /// Of the random effects' squares in units of theirs (m).
    group_distances: Vec<f64>,
    /// Lower bound of the log likelihood.
    pub(crate) bound: f64,
}

impl Latent {
    /// Scales of 1.
    fn unit(rows: &Rows) -> Self {
        let (n, m) = (rows.n(), rows.groups());
        Self { rows: vec![1.0; n], groups: vec![1.0; m], row_distances: vec![0.0; n], group_distances: vec![0.0; m], bound: f64::NAN }
    }

    /// Sweeps every group's scales to their fixed point at these parameters, from those of `self`.
    ///
    /// # Errors
    /// Scatters that are not finite.
    fn at(&self, rows: &Rows, parameters: &Parameters, ctx: &Context) -> Result<Self> {
        let residuals = rows.residuals(&parameters.beta);
        let chunks = rows.over_groups(ctx, |groups| {
            let mut sweep = Sweep::new(rows, parameters);
            groups.map(|group| sweep.group(group, &residuals, self)).collect::<Vec<_>>()
        });
        let mut found = Self::unit(rows);
        let mut bounds = Vec::with_capacity(rows.groups());
        for (group, result) in chunks.into_iter().flatten().enumerate() {
            let (scales, distances, of_group) = result
                .ok_or_else(|| Error::numeric("a scatter of the model is not positive definite").hint("check the scale of the data"))?;
            found.rows[rows.span(group)].copy_from_slice(&scales);
            found.row_distances[rows.span(group)].copy_from_slice(&distances);
            (found.groups[group], found.group_distances[group]) = (of_group.scale, of_group.distance);
            bounds.push(of_group.bound);
        }
        found.bound = pairwise_sum(&bounds);
        if found.bound.is_finite() {
            return Ok(found);
        }
        Err(Error::numeric(format!("the bound of the likelihood became {}", found.bound)).hint("check the scale of the data"))
    }

    /// The expectations at other degrees of freedom, with the distances as they are.
    fn with_nu(mut self, nu: f64, q: usize) -> Self {
        self.rows.iter_mut().zip(&self.row_distances).for_each(|(scale, &distance)| *scale = weight(nu, 1, distance));
        self.groups.iter_mut().zip(&self.group_distances).for_each(|(scale, &distance)| *scale = weight(nu, q, distance));
        self
    }

    /// Degrees of freedom that raise the bound most.
    fn best_nu(&self, start: f64, q: usize) -> f64 {
        let sizes = std::iter::repeat_n(1, self.rows.len()).chain(std::iter::repeat_n(q, self.groups.len()));
        let distances: Vec<f64> = self.row_distances.iter().chain(&self.group_distances).copied().collect();
        Tail::of_sizes(sizes, &distances).maximise(start)
    }
}

/// What a sweep finds for a group besides its rows.
struct OfGroup {
    scale: f64,
    distance: f64,
    bound: f64,
}

/// Work space of the sweeps over one group after another.
struct Sweep<'a> {
    rows: &'a Rows,
    parameters: &'a Parameters,
    /// Factor of `K = sigma2 I + L' Z' U Z L / v` and its inverse (q, q).
    lower: Vec<f64>,
    inverse: Vec<f64>,
    /// `L' Z'` of the group's rows (n_i, q).
    turned: Vec<f64>,
    /// `s` with `b = L s / sqrt(v)` (q).
    effects: Vec<f64>,
}

type Found = Option<(Vec<f64>, Vec<f64>, OfGroup)>;

impl<'a> Sweep<'a> {
    fn new(rows: &'a Rows, parameters: &'a Parameters) -> Self {
        let q = rows.q();
        Self { rows, parameters, lower: vec![0.0; q * q], inverse: vec![0.0; q * q], turned: Vec::new(), effects: vec![0.0; q] }
    }

    /// Scales and distances of a group's rows, and its own; none where a scatter is not positive definite.
    fn group(&mut self, group: usize, residuals: &[f64], start: &Latent) -> Found {
        const STILL: f64 = 1e-12;
        let (q, nu, span) = (self.rows.q(), self.parameters.nu, self.rows.span(group));
        let residuals = &residuals[span.clone()];
        let (mut scales, mut scale) = (start.rows[span.clone()].to_vec(), start.groups[group]);
        let mut distances = vec![0.0; scales.len()];
        self.turn(span);
        let (mut distance, mut entropy) = (0.0, 0.0);
        for _ in 0..SWEEPS {
            if !self.solve(residuals, &scales, scale) {
                return None;
            }
            entropy = self.entropy(scale);
            self.distances(residuals, scale, &mut distances);
            distance = self.distance(scale);
            let mut moved = (weight(nu, q, distance) - scale).abs();
            scale = weight(nu, q, distance);
            for (scale, &distance) in scales.iter_mut().zip(&distances) {
                let next = weight(nu, 1, distance);
                moved = moved.max((next - *scale).abs());
                *scale = next;
            }
            if moved < STILL {
                break;
            }
        }
        let log_sigma2 = self.parameters.sigma2.ln();
        let of_rows: f64 = distances.iter().map(|&d| log_density(nu, 1, log_sigma2, d)).sum();
        let bound = of_rows - 0.5 * self.rows.log_det_of_errors(group) + constant(nu, q) - decay(nu, q, distance) + entropy;
        Some((scales, distances, OfGroup { scale, distance, bound }))
    }

    fn turn(&mut self, span: std::ops::Range<usize>) {
        let (q, root) = (self.rows.q(), &self.parameters.root);
        self.turned.clear();
        for row in span {
            let z = self.rows.z_row(row);
            self.turned.extend((0..q).map(|k| (k..q).map(|a| root[a * q + k] * z[a]).sum::<f64>()));
        }
    }

    /// The random effects at these scales.
    fn solve(&mut self, residuals: &[f64], scales: &[f64], scale: f64) -> bool {
        let q = self.rows.q();
        self.lower.fill(0.0);
        self.effects.fill(0.0);
        (0..q).for_each(|k| self.lower[k * q + k] = self.parameters.sigma2);
        for ((turned, r), u) in self.turned.chunks_exact(q.max(1)).zip(residuals).zip(scales) {
            for k in 0..q {
                self.effects[k] += u * turned[k] * r / scale.sqrt();
                (0..=k).for_each(|l| self.lower[k * q + l] += u * turned[k] * turned[l] / scale);
            }
        }
        if !cholesky::factor(&mut self.lower, q) {
            return false;
        }
        cholesky::solve(&self.lower, q, &mut self.effects);
        cholesky::inverse(&self.lower, q, &mut self.inverse);
        true
    }

    /// `E (r - z' b)^2 / sigma2` of the rows.
    fn distances(&self, residuals: &[f64], scale: f64, out: &mut [f64]) {
        let (q, sigma2) = (self.rows.q(), self.parameters.sigma2);
        out.iter_mut().zip(residuals).for_each(|(d, r)| *d = r * r / sigma2);
        for ((d, turned), r) in out.iter_mut().zip(self.turned.chunks_exact(q.max(1))).zip(residuals) {
            let mean: f64 = turned.iter().zip(&self.effects).map(|(t, s)| t * s).sum();
            let spread: f64 = (0..q * q).map(|k| turned[k / q] * self.inverse[k] * turned[k % q]).sum();
            *d = (r - mean / scale.sqrt()).powi(2) / sigma2 + spread / scale;
        }
    }

    /// `E b' D^-1 b`.
    fn distance(&self, scale: f64) -> f64 {
        let q = self.rows.q();
        let trace: f64 = (0..q).map(|k| self.inverse[k * q + k]).sum();
        (self.effects.iter().map(|s| s * s).sum::<f64>() + self.parameters.sigma2 * trace) / scale
    }

    /// Entropy of the random effects less `ln |D| / 2`.
    fn entropy(&self, scale: f64) -> f64 {
        let q = self.rows.q() as f64;
        0.5 * (q * (2.0 * PI * E * self.parameters.sigma2 / scale).ln() - cholesky::log_determinant(&self.lower, self.rows.q()))
    }
}

/// Parameters with their expectations.
struct State {
    parameters: Parameters,
    latent: Latent,
    /// The bound less the penalty.
    objective: f64,
}

struct Variational<'a> {
    rows: &'a Arc<Rows>,
    settings: &'a Settings,
    /// Whose steps are taken on reweighted rows.
    gaussian: Ecme<'a>,
    coordinates: Coordinates,
    passes: usize,
}

impl Variational<'_> {
    fn state(&mut self, parameters: Parameters, before: &Latent, ctx: &Context) -> Result<State> {
        self.passes += 1;
        let latent = before.at(self.rows, &parameters, ctx)?;
        let penalty = self.settings.shrinkage.as_ref().map_or(0.0, |s| self.rows.n() as f64 * s.value(&parameters.beta));
        Ok(State { objective: latent.bound - penalty, parameters, latent })
    }
}

impl Ascent for Variational<'_> {
    type State = State;
    /// Degrees of freedom, fixed effects and scatters, each of which raises the bound.
    fn ascend(&mut self, state: &State, ctx: &mut Context) -> Result<State> {
        let mut nu = state.parameters.nu;
        let mut latent = state.latent.clone();
        if self.settings.nu.is_none() {
            nu = latent.best_nu(nu, self.rows.q());
            latent = latent.with_nu(nu, self.rows.q());
        }
        let point = gaussian_point(self.rows, &latent, &state.parameters, ctx)?;
        let moved = self.gaussian.step(&point, ctx)?.point.parameters;
        self.passes += 3;
        self.state(Parameters { nu, ..moved }, &latent, ctx)
    }
    fn at(&mut self, parameters: Parameters, near: &State, ctx: &mut Context) -> Result<State> {
        self.state(parameters, &near.latent, ctx)
    }
    fn parameters(state: &State) -> &Parameters {
        &state.parameters
    }
    fn objective(state: &State) -> f64 {
        state.objective
    }
    fn coordinates(&self) -> Coordinates {
        self.coordinates
    }
}

/// The Gaussian model's quantities on reweighted rows.
pub(super) fn gaussian_point(rows: &Rows, latent: &Latent, parameters: &Parameters, ctx: &Context) -> Result<Point> {
    let seen = Arc::new(rows.reweighted(&latent.rows, &latent.groups));
    Point::new(seen, Parameters { nu: GAUSSIAN, ..parameters.clone() }, ctx)
}

/// Fits from these parameters.
///
/// # Errors
/// Those of the context, and numeric ones.
pub(crate) fn variational(rows: &Arc<Rows>, settings: &Settings, start: Parameters, ctx: &mut Context) -> Result<Fit> {
    let of_steps = Settings { nu: Some(GAUSSIAN), ..settings.clone() };
    let [mut own, mut gaussian] = [settings, &of_steps].map(|settings| Ecme::new(Arc::clone(rows), settings));
    own.bound(start.sigma2);
    gaussian.bound(start.sigma2);
    let mut algorithm = Variational { rows, settings, gaussian, coordinates: own.coordinates(), passes: 0 };
    let mut now = algorithm.state(start, &Latent::unit(rows), ctx)?;
    let (mut history, mut iterations, mut status) = (vec![now.objective], 0, Status::IterationLimit);
    let is_saturated = |state: &State| settings.shrinkage.as_ref().is_some_and(|s| is_saturated(s, &state.parameters, rows));
    while iterations < settings.max_iterations && !is_saturated(&now) {
        ctx.tick(iterations as u64, settings.max_iterations as u64, &[("objective", now.objective)])?;
        let before = now.objective;
        now = cycle(&mut algorithm, now, &mut history, ctx)?;
        iterations += 3;
        history.push(now.objective);
        if now.objective - before < settings.tolerance * before.abs().max(1.0) {
            status = Status::Converged;
            break;
        }
    }
    let saturated = is_saturated(&now);
    let mut point = gaussian_point(rows, &now.latent, &now.parameters, ctx)?;
    point.parameters.nu = now.parameters.nu;
    let (passes, objective) = (algorithm.passes, now.objective);
    Ok(Fit { point, latent: Some(now.latent), objective, iterations, passes, status, saturated, history })
}

/// Whether so many effects are in that they could fit enough rows exactly to drive the bound to infinity: as
/// [`Shrinkage::is_saturated`] for groups of one row, of which the random effects can take one each.
fn is_saturated(shrinkage: &Shrinkage, parameters: &Parameters, rows: &Rows) -> bool {
    let share = if parameters.nu.is_infinite() { 0.5 } else { (parameters.nu / (parameters.nu + 1.0)).min(0.5) };
    let free = rows.n().saturating_sub(rows.groups() * rows.q());
    shrinkage.selected(&parameters.beta) as f64 > share * free as f64
}

/// Slope of the bound by the fixed effects (p), the scales at their optimum: by the envelope theorem that of the Gaussian model on
/// reweighted rows.
fn slope(rows: &Rows, latent: &Latent, parameters: &Parameters, ctx: &Context) -> Result<Vec<f64>> {
    let latent = latent.at(rows, parameters, ctx)?.at(rows, parameters, ctx)?;
    let point = gaussian_point(rows, &latent, parameters, ctx)?;
    Ok(Weighting::new(&point, &vec![1.0; rows.groups()]).score(ctx))
}

/// Negative Hessian (p, p) of the bound by the fixed effects, the scatters and degrees of freedom held: those of a density that is symmetric
/// around its location carry no information on it.
///
/// # Errors
/// Those of the passes.
pub(super) fn curvature(rows: &Rows, latent: &Latent, parameters: &Parameters, ctx: &mut Context) -> Result<Array2<f64>> {
    const GAP: f64 = 1e-4;
    let point = gaussian_point(rows, latent, parameters, ctx)?;
    let sizes = Weighting::new(&point, &vec![1.0; rows.groups()]).diagonal();
    let p = sizes.len();
    let mut hessian = Array2::zeros((p, p));
    for (j, size) in sizes.iter().enumerate() {
        ctx.tick(j as u64, p as u64, &[])?;
        let gap = GAP / size.max(f64::MIN_POSITIVE).sqrt();
        let at = |step: f64| {
            let mut moved = parameters.clone();
            moved.beta[j] += step;
            slope(rows, latent, &moved, ctx)
        };
        let (above, below) = (at(gap)?, at(-gap)?);
        above.iter().zip(below).enumerate().for_each(|(i, (a, b))| hessian[[i, j]] = (b - a) / (2.0 * gap));
    }
    Ok((&hessian + &hessian.t()) * 0.5)
}
