//! The analytic gradient of the log likelihood, and the coordinates in which it is taken.

use super::ecme::Settings;
use super::rows::Rows;
use super::scatter::{Parameters, Point};
use super::tail::{NU_MAX, NU_MIN};
use super::weighting::Weighting;
use elinvar_core::{Context, Result};
use elinvar_math::special::digamma;
use elinvar_math::statistics::pairwise_sum;
use std::sync::Arc;

/// Coordinates of the free parameters: fixed effects, entries of the root of `D`, `ln sigma2`, `ln nu`, `atanh rho`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(super) p: usize,
    pub(super) q: usize,
    /// Entries (row, column) of the root.
    pub(super) entries: Vec<(usize, usize)>,
    /// Whether the diagonal of the root is taken by its logarithm, and `ln nu` by the logistic map onto its bounds: no coordinate then has a
    /// bound, and none a plateau beyond one.
    pub(super) unbounded: bool,
    pub(super) nu: bool,
    pub(super) rho: bool,
}

impl Layout {
    /// All parameters that the settings leave free.
    pub(crate) fn new(rows: &Rows, settings: &Settings, unbounded: bool) -> Self {
        let q = rows.q;
        let entries = (0..q).flat_map(|i| (0..=i).map(move |j| (i, j))).filter(|(i, j)| !settings.diagonal || i == j).collect();
        Self { p: rows.p(), q, entries, unbounded, nu: settings.nu.is_none(), rho: settings.autoregressive }
    }

    /// Number of coordinates.
    pub(crate) fn len(&self) -> usize {
        self.p + self.variances()
    }

    /// Number of coordinates that are not fixed effects.
    pub(super) fn variances(&self) -> usize {
        self.entries.len() + 1 + usize::from(self.nu) + usize::from(self.rho)
    }

    fn is_log(&self, (i, j): (usize, usize)) -> bool {
        self.unbounded && i == j
    }

    /// Coordinates of parameters.
    pub(crate) fn to_vector(&self, parameters: &Parameters) -> Vec<f64> {
        let mut vector = parameters.beta.clone();
        for &(i, j) in &self.entries {
            let entry = parameters.root[i * self.q + j];
            vector.push(if self.is_log((i, j)) { entry.abs().max(1e-150).ln() } else { entry });
        }
        vector.push(parameters.sigma2.ln());
        if self.nu {
            let share = ((parameters.nu / NU_MIN).ln() / RANGE.ln()).clamp(1e-6, 1.0 - 1e-6);
            vector.push(if self.unbounded { (share / (1.0 - share)).ln() } else { parameters.nu.ln() });
        }
        if self.rho {
            vector.push(parameters.rho.atanh());
        }
        vector
    }

    /// Parameters of coordinates; what is not free is that of `like`. `ln nu` counts up to its bounds.
    pub(crate) fn to_parameters(&self, vector: &[f64], like: &Parameters) -> Parameters {
        let mut found = Parameters { beta: vector[..self.p].to_vec(), ..like.clone() };
        let mut rest = vector[self.p..].iter().copied();
        let mut next = || rest.next().unwrap_or(f64::NAN);
        for &(i, j) in &self.entries {
            let value = next();
            found.root[i * self.q + j] = if self.is_log((i, j)) { value.exp() } else { value };
        }
        found.sigma2 = next().exp();
        if self.nu {
            let value = next();
            found.nu = if self.unbounded { NU_MIN * RANGE.powf(logistic(value)) } else { value.exp().clamp(NU_MIN, NU_MAX) };
        }
        if self.rho {
            found.rho = next().tanh();
        }
        found
    }
}

/// Width of the bounds of `nu`, as a factor.
const RANGE: f64 = NU_MAX / NU_MIN;

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Derivatives of each group's log likelihood by the coordinates that are not fixed effects (m, variances). `raw` are the rows with
/// their correlation in them.
pub(super) fn variance_scores(point: &Point, layout: &Layout, raw: &Arc<Rows>, ctx: &Context) -> Result<Vec<f64>> {
    let (rows, width) = (&point.rows, layout.variances());
    let weights = point.weights();
    let mut scores = vec![0.0; rows.groups() * width];
    let mut work = vec![0.0; 3 * layout.q * layout.q];
    // d ln nu by its coordinate.
    let share = (point.parameters.nu / NU_MIN).ln() / RANGE.ln();
    let stretch = if layout.unbounded { RANGE.ln() * share * (1.0 - share) } else { 1.0 };
    for (group, out) in scores.chunks_exact_mut(width).enumerate() {
        of_root(point, layout, group, weights[group], &mut work, out);
        let (n, sigma2) = (rows.size(group) as f64, point.parameters.sigma2);
        let free = n - layout.q as f64 + sigma2 * point.trace(group);
        out[layout.entries.len()] = 0.5 * (weights[group] * point.squares[group] / sigma2 - free);
        if layout.nu {
            out[layout.entries.len() + 1] = stretch * of_nu(point.parameters.nu, n, point.delta[group]);
        }
    }
    if layout.rho {
        let column = correlation_scores(point, raw, ctx)?;
        scores.chunks_exact_mut(width).zip(column).for_each(|(out, score)| out[width - 1] = score);
    }
    Ok(scores)
}

/// `w Z' V^-1 r s' - Z'Z L K^-1`, the derivative by the root.
fn of_root(point: &Point, layout: &Layout, group: usize, weight: f64, work: &mut [f64], out: &mut [f64]) {
    let (rows, q) = (&point.rows, layout.q);
    let root = &point.parameters.root;
    let (inner, rest) = work.split_at_mut(q * q);
    let (spread, turned) = rest.split_at_mut(q * q);
    let inner = &mut inner[..q];
    inner.fill(0.0);
    for row in rows.span(group) {
        let z = &rows.z[row * q..(row + 1) * q];
        inner.iter_mut().zip(z).for_each(|(sum, z)| *sum += z * point.errors[row]);
    }
    let inverse = point.inverse(group);
    for k in 0..q * q {
        spread[k] = (0..=k / q).map(|a| root[(k / q) * q + a] * inverse[a * q + k % q]).sum();
    }
    for k in 0..q * q {
        turned[k] = (0..q).map(|a| rows.gram(group)[(k / q) * q + a] * spread[a * q + k % q]).sum();
    }
    let s = &point.effects[group * q..(group + 1) * q];
    for (out, &(i, j)) in out.iter_mut().zip(&layout.entries) {
        let slope = weight * inner[i] * s[j] / point.parameters.sigma2 - turned[i * q + j];
        *out = if layout.is_log((i, j)) { slope * root[i * q + j] } else { slope };
    }
}

fn of_nu(nu: f64, n: f64, delta: f64) -> f64 {
    let gammas = digamma(0.5 * (nu + n)) - digamma(0.5 * nu) - n / nu;
    0.5 * nu * (gammas - (delta / nu).ln_1p() + (nu + n) * delta / (nu * (nu + delta)))
}

/// By `atanh rho`, as a central difference.
fn correlation_scores(point: &Point, raw: &Arc<Rows>, ctx: &Context) -> Result<Vec<f64>> {
    const GAP: f64 = 1e-5;
    let at = |x: f64| {
        let parameters = Parameters { rho: x.tanh(), ..point.parameters.clone() };
        Ok::<_, elinvar_core::Error>(Point::new(Arc::new(raw.decorrelated(x.tanh())), parameters, ctx)?.log_densities())
    };
    let here = point.parameters.rho.atanh();
    Ok(at(here + GAP)?.iter().zip(at(here - GAP)?).map(|(above, below)| (above - below) / (2.0 * GAP)).collect())
}

/// Gradient of the log likelihood in the coordinates of the layout.
///
/// # Errors
/// Numeric ones of the correlation.
pub(crate) fn score(point: &Point, layout: &Layout, raw: &Arc<Rows>, ctx: &Context) -> Result<Vec<f64>> {
    let mut score = Weighting::new(point, &point.weights()).score(ctx);
    let (of_groups, width) = (variance_scores(point, layout, raw, ctx)?, layout.variances());
    let column = |k: usize| of_groups.iter().skip(k).step_by(width).copied().collect::<Vec<f64>>();
    score.extend((0..width).map(|k| pairwise_sum(&column(k))));
    Ok(score)
}
