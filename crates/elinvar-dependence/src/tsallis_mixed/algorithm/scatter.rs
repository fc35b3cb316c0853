//! Parameters, and what one pass over the groups computes from them.
//!
//! With `D = L L'` and `K_i = sigma2 I + L' Z_i' Z_i L` everything of `V_i = Z_i D Z_i' + sigma2 I` is cheap and stays defined for a singular
//! `D`: `ln |V_i| = (n_i - q) ln sigma2 + ln |K_i|`, `V_i^-1 r = (r - Z_i L s) / sigma2` with `s = K_i^-1 L' Z_i' r`, and
//! `delta_i = |r - Z_i L s|^2 / sigma2 + |s|^2`, a sum of squares without cancellation.

use super::density::{constant, decay, weight};
use super::rows::Rows;
use elinvar_core::{Context, Error, Result};
use elinvar_math::cholesky;
use elinvar_math::statistics::pairwise_sum;
use std::ops::Range;
use std::sync::Arc;

/// Parameters of the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// Fixed effects (p), the intercept among them.
    pub(crate) beta: Vec<f64>,
    /// Lower triangular root of the random effects' scatter (q, q): `D = L L'`.
    pub(crate) root: Vec<f64>,
    /// Scatter of the errors.
    pub(crate) sigma2: f64,
    /// Degrees of freedom; infinite for the Gaussian.
    pub(crate) nu: f64,
    /// Correlation of successive errors.
    pub(crate) rho: f64,
}

impl Parameters {
    /// `D` (q, q).
    pub(crate) fn covariance(&self, q: usize) -> Vec<f64> {
        let l = &self.root;
        let entry = |i: usize, j: usize| (0..=i.min(j)).map(|k| l[i * q + k] * l[j * q + k]).sum();
        (0..q * q).map(|k| entry(k / q, k % q)).collect()
    }

    pub(super) fn is_finite(&self) -> bool {
        let finite = |v: &[f64]| v.iter().all(|x| x.is_finite());
        finite(&self.beta) && finite(&self.root) && self.sigma2 > 0.0 && self.sigma2.is_finite() && self.nu > 0.0 && self.rho.abs() < 1.0
    }
}

/// What depends on `D` and `sigma2` alone.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    /// `K_i^-1` (m, q, q).
    pub(super) inverse: Vec<f64>,
    /// `ln |V_i|` (m).
    pub(super) log_det: Vec<f64>,
}

/// Parameters with the quantities of all groups.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The rows, freed of the errors' correlation.
    pub(super) rows: Arc<Rows>,
    pub(crate) parameters: Parameters,
    pub(super) factors: Arc<Factors>,
    /// `y - X beta - Z b` (N).
    pub(super) errors: Vec<f64>,
    /// `s_i` (m, q): the random effects are `L s_i`.
    pub(super) effects: Vec<f64>,
    /// Squared length of the errors of each group (m).
    pub(super) squares: Vec<f64>,
    /// `delta_i` (m).
    pub(crate) delta: Vec<f64>,
    /// Log likelihood.
    pub(crate) log_likelihood: f64,
}

/// The factors of all groups.
///
/// # Errors
/// Scatters that are not finite.
pub(super) fn factorise(rows: &Rows, root: &[f64], sigma2: f64, ctx: &Context) -> Result<Factors> {
    let q = rows.q;
    let chunks = rows.over_groups(ctx, |groups| {
        let mut work = vec![0.0; 2 * q * q];
        let (mut inverse, mut log_det) = (vec![0.0; groups.len() * q * q], Vec::with_capacity(groups.len()));
        let mut fine = true;
        for (slot, group) in groups.enumerate() {
            let (k, product) = work.split_at_mut(q * q);
            multiply(rows.gram(group), root, q, product);
            for i in 0..q {
                for j in 0..=i {
                    let cross: f64 = (i..q).map(|a| root[a * q + i] * product[a * q + j]).sum();
                    k[i * q + j] = cross + if i == j { sigma2 } else { 0.0 };
                }
            }
            fine &= cholesky::factor(k, q);
            cholesky::inverse(k, q, &mut inverse[slot * q * q..(slot + 1) * q * q]);
            let free = rows.size(group) as f64 - q as f64;
            log_det.push(free * sigma2.ln() + cholesky::log_determinant(k, q) + rows.log_det_of_errors(group));
        }
        (inverse, log_det, fine)
    });
    let mut factors = Factors { inverse: Vec::new(), log_det: Vec::new() };
    for (inverse, log_det, fine) in chunks {
        if !fine {
            return Err(Error::numeric("a scatter of the model is not positive definite").hint("check the scale of the data"));
        }
        factors.inverse.extend(inverse);
        factors.log_det.extend(log_det);
    }
    Ok(factors)
}

/// `out <- a l` for a lower triangular `l`.
fn multiply(a: &[f64], l: &[f64], q: usize, out: &mut [f64]) {
    for i in 0..q {
        for j in 0..q {
            out[i * q + j] = (j..q).map(|k| a[i * q + k] * l[k * q + j]).sum();
        }
    }
}

/// Random effects whose sums fit on the stack.
const SMALL: usize = 8;

/// `out <- V_i^-1 v sigma2` for the rows of one group, and `s_i`.
pub(super) fn project(rows: &Rows, root: &[f64], inverse: &[f64], span: Range<usize>, v: &[f64], effects: &mut [f64], out: &mut [f64]) {
    let q = rows.q;
    let z = &rows.z[span.start * q..span.end * q];
    match q {
        0 => out.copy_from_slice(v),
        1 => {
            let inner: f64 = z.iter().zip(v).map(|(z, v)| z * v).sum();
            effects[0] = inverse[0] * root[0] * inner;
            let b = root[0] * effects[0];
            out.iter_mut().zip(v).zip(z).for_each(|((out, v), z)| *out = v - b * z);
        }
        _ => {
            // On the stack where it fits: this runs for every group and column.
            let (mut small, mut large) = ([0.0; 2 * SMALL], Vec::new());
            let work = if q <= SMALL {
                &mut small[..2 * q]
            } else {
                large.resize(2 * q, 0.0);
                &mut large
            };
            let (inner, turned) = work.split_at_mut(q);
            for (z, v) in z.chunks_exact(q).zip(v) {
                inner.iter_mut().zip(z).for_each(|(inner, z)| *inner += z * v);
            }
            (0..q).for_each(|k| turned[k] = (k..q).map(|a| root[a * q + k] * inner[a]).sum());
            (0..q).for_each(|k| effects[k] = (0..q).map(|a| inverse[k * q + a] * turned[a]).sum());
            (0..q).for_each(|k| inner[k] = (0..=k).map(|a| root[k * q + a] * effects[a]).sum());
            for ((out, z), v) in out.iter_mut().zip(z.chunks_exact(q)).zip(v) {
                *out = v - z.iter().zip(inner.iter()).map(|(z, b)| z * b).sum::<f64>();
            }
        }
    }
}

impl Point {
    /// One pass: residuals, random effects, distances and the likelihood at these parameters.
    ///
    /// `rows` must have been freed of the parameters' correlation.
    ///
    /// # Errors
    /// Scatters that are not finite.
    pub(crate) fn new(rows: Arc<Rows>, parameters: Parameters, ctx: &Context) -> Result<Self> {
        let factors = Arc::new(factorise(&rows, &parameters.root, parameters.sigma2, ctx)?);
        let residuals = rows.residuals(&parameters.beta);
        Ok(Self::with(rows, parameters, factors, &residuals, ctx))
    }

    /// The same where factors and residuals `y - X beta` are known.
    pub(super) fn with(rows: Arc<Rows>, parameters: Parameters, factors: Arc<Factors>, residuals: &[f64], ctx: &Context) -> Self {
        let q = rows.q;
        let Parameters { root, sigma2, .. } = &parameters;
        let chunks = rows.over_groups(ctx, |groups| {
            let first = rows.starts[groups.start];
            let mut errors = vec![0.0; rows.starts[groups.end] - first];
            let mut effects = vec![0.0; groups.len() * q];
            let (mut squares, mut delta) = (Vec::with_capacity(groups.len()), Vec::with_capacity(groups.len()));
            for (slot, group) in groups.enumerate() {
                let span = rows.span(group);
                let out = &mut errors[span.start - first..span.end - first];
                let s = &mut effects[slot * q..(slot + 1) * q];
                let inverse = &factors.inverse[group * q * q..(group + 1) * q * q];
                project(&rows, root, inverse, span.clone(), &residuals[span], s, out);
                squares.push(out.iter().map(|e| e * e).sum::<f64>());
                delta.push(squares[slot] / sigma2 + s.iter().map(|s| s * s).sum::<f64>());
            }
            (errors, effects, squares, delta)
        });
        let mut point = Self {
            errors: Vec::with_capacity(rows.n()),
            effects: Vec::new(),
            squares: Vec::new(),
            delta: Vec::new(),
            log_likelihood: 0.0,
            rows: Arc::clone(&rows),
            parameters,
            factors,
        };
        for (errors, effects, squares, delta) in chunks {
            point.errors.extend(errors);
            point.effects.extend(effects);
            point.squares.extend(squares);
            point.delta.extend(delta);
        }
        point.refresh_likelihood();
        point
    }

    /// Log likelihood of each group (m).
    pub(super) fn log_densities(&self) -> Vec<f64> {
        let nu = self.parameters.nu;
        let mut last = (usize::MAX, 0.0);
        let term = |group: usize| {
            let n = self.rows.size(group);
            if n != last.0 {
                last = (n, constant(nu, n));
            }
            last.1 - 0.5 * self.factors.log_det[group] - decay(nu, n, self.delta[group])
        };
        (0..self.rows.groups()).map(term).collect()
    }

    fn refresh_likelihood(&mut self) {
        self.log_likelihood = pairwise_sum(&self.log_densities());
    }

    /// The same point with other degrees of freedom; the distances do not depend on them.
    pub(super) fn set_nu(&mut self, nu: f64) {
        self.parameters.nu = nu;
        self.refresh_likelihood();
    }

    /// Weights of the groups (m).
    pub(crate) fn weights(&self) -> Vec<f64> {
        let nu = self.parameters.nu;
        self.delta.iter().enumerate().map(|(group, &delta)| weight(nu, self.rows.size(group), delta)).collect()
    }

    /// Predicted random effects `L s_i` (m, q).
    pub(crate) fn random_effects(&self) -> Vec<f64> {
        let (q, l) = (self.rows.q, &self.parameters.root);
        let of_group = |s: &[f64]| (0..q).map(|k| (0..=k).map(|a| l[k * q + a] * s[a]).sum()).collect::<Vec<f64>>();
        if q == 0 { Vec::new() } else { self.effects.chunks_exact(q).flat_map(of_group).collect() }
    }

    /// `K_i^-1` of a group.
    pub(super) fn inverse(&self, group: usize) -> &[f64] {
        let square = self.rows.q * self.rows.q;
        &self.factors.inverse[group * square..(group + 1) * square]
    }

    /// Spread that each random effect adds of its own to a typical row, in units of the errors' (q): root of its pivot times the size of its
    /// column. Zero where the scatter of the random effects lies at its boundary.
    pub(crate) fn shares_of_effects(&self) -> Vec<f64> {
        let (q, rows) = (self.rows.q, &self.rows);
        let mean_square = |k: usize| rows.z.iter().skip(k).step_by(q).map(|z| z * z).sum::<f64>() / rows.n() as f64;
        let share = |k: usize| self.parameters.root[k * q + k].abs() * (mean_square(k) / self.parameters.sigma2).sqrt();
        (0..q).map(share).collect()
    }

    /// `tr K_i^-1`.
    pub(super) fn trace(&self, group: usize) -> f64 {
        let q = self.rows.q;
        let inverse = self.inverse(group);
        (0..q).map(|k| inverse[k * q + k]).sum()
    }
}
