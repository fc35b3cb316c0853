//! The map of mean and variance through one SELU layer, its derivatives and fixed points (section 2 and appendix of the paper).

use super::params::Selu;
use elinvar_core::{Context, Error, Result};
use elinvar_math::error_function::erfcx_of_positive;
use elinvar_math::simd::{Real, dispatch};
use ndarray::{Array1, Array2, ArrayView1, CowArray, array};
use rayon::prelude::*;
use std::f64::consts::{FRAC_2_PI, PI};

/// Mean and variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub variance: f64,
}

/// Sums of a unit's incoming weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Sum of the weights, the paper's omega.
    pub sum: f64,
    /// Sum of their squares, the paper's tau.
    pub squares: f64,
}

impl Weights {
    /// What LeCun's initialisation aims at.
    pub const NORMALISED: Self = Self { sum: 0.0, squares: 1.0 };
}

/// Below this variance of the net input the map is that of a straight line.
const NO_SPREAD: f64 = 1e-13;

/// Expectations over z ~ N(m, v) from which everything else follows.
#[derive(Clone, Copy)]
struct Tails {
    /// exp(-m² / 2v).
    gauss: f64,
    /// 2 P(z < 0).
    below: f64,
    /// 2 E[exp(z); z < 0].
    exp: f64,
    /// 2 E[exp(2z); z < 0].
    exp2: f64,
}

impl Tails {
    #[inline(always)]
    fn of(m: f64, v: f64) -> Self {
        let root = 1.0 / (v + v).root();
        let gauss = (-0.5 * m * m / v).fast_exp();
        // exp(e) erfc(t) with e = t² - m²/2v, where t > 0 as erfcx(t) gauss, so that nothing overflows.
        let part = |t: f64, e: f64| {
            let scaled = erfcx_of_positive(t.abs()) * gauss;
            if t < 0.0 { 2.0 * (if e < 0.0 { e } else { 0.0 }).fast_exp() - scaled } else { scaled }
        };
        Self { gauss, below: part(m * root, 0.0), exp: part((m + v) * root, m + 0.5 * v), exp2: part((m + v + v) * root, 2.0 * (m + v)) }
    }
}

/// Mean and second moment of selu(z).
#[inline(always)]
fn selu_moments(selu: Selu, m: f64, v: f64) -> (f64, f64) {
    let Selu { alpha, lambda } = selu;
    let t = Tails::of(m, v);
    let spread = (FRAC_2_PI * v).root() * t.gauss;
    let above = 2.0 - t.below;
    let first = 0.5 * lambda * (m * above + alpha * (t.exp - t.below) + spread);
    let negative = alpha * alpha * (t.exp2 - 2.0 * t.exp + t.below);
    (first, 0.5 * lambda * lambda * ((m * m + v) * above + m * spread + negative))
}

#[inline(always)]
fn mapped(selu: Selu, m: f64, v: f64) -> (f64, f64) {
    let (mean, second) = selu_moments(selu, m, if v > NO_SPREAD { v } else { NO_SPREAD });
    let variance = second - mean * mean;
    let below = selu.lambda * selu.alpha;
    let straight = if m < 0.0 { below * ((if m < 0.0 { m } else { 0.0 }).fast_exp() - 1.0) } else { selu.lambda * m };
    let slope = if m < 0.0 { straight + below } else { selu.lambda };
    match v > NO_SPREAD {
        true => (mean, if variance > 0.0 { variance } else { 0.0 }),
        false => (straight, slope * slope * v),
    }
}

impl Moments {
    /// What a layer of SELU units with these sums of weights makes of inputs with these moments.
    ///
    /// The net input is normal (central limit theorem) with mean `mean * sum` and variance `variance * squares`.
    pub fn through(self, selu: Selu, weights: Weights) -> Moments {
        let (mean, variance) = mapped(selu, self.mean * weights.sum, self.variance * weights.squares);
        Moments { mean, variance }
    }

    /// The same of a normal net input with these moments.
    pub fn of_net_input(self, selu: Selu) -> Moments {
        self.through(selu, Weights { sum: 1.0, squares: 1.0 })
    }

    /// Refuses moments that no values have.
    ///
    /// # Errors
    /// A negative variance, or numbers that are not finite.
    pub fn check(self) -> Result<Self> {
        if !self.mean.is_finite() {
            return Err(Error::input(format!("a mean (mu) must be finite, got {}", self.mean)));
        }
        if !(self.variance >= 0.0 && self.variance.is_finite()) {
            return Err(Error::input(format!("a variance (nu) must be >= 0 and finite, got {}", self.variance)));
        }
        Ok(self)
    }
}

impl Weights {
    /// Refuses sums that no weights have.
    ///
    /// # Errors
    /// A negative sum of squares, or numbers that are not finite.
    pub fn check(self) -> Result<Self> {
        if !self.sum.is_finite() {
            return Err(Error::input(format!("a sum of weights (omega) must be finite, got {}", self.sum)));
        }
        if !(self.squares >= 0.0 && self.squares.is_finite()) {
            return Err(Error::input(format!("a sum of squared weights (tau) must be >= 0 and finite, got {}", self.squares)));
        }
        Ok(self)
    }

    /// Of the incoming weights of a unit.
    pub fn of(weights: impl IntoIterator<Item = f64>) -> Self {
        weights.into_iter().fold(Self { sum: 0.0, squares: 0.0 }, |w, x| Self { sum: w.sum + x, squares: w.squares + x * x })
    }
}

/// Points that one task of [`map_all`] takes.
const CHUNK: usize = 1 << 14;

/// The map at many points, each array (n,): mean, sum of weights, variance, sum of squared weights; the results likewise.
///
/// # Errors
/// Lengths that differ, a point that [`Moments::check`] or [`Weights::check`] refuses (with its row), or an interruption.
pub fn map_all(selu: Selu, [mu, omega, nu, tau]: [ArrayView1<'_, f64>; 4], ctx: &Context) -> Result<(Array1<f64>, Array1<f64>)> {
    let n = mu.len();
    for (name, got) in [("omega", omega.len()), ("nu", nu.len()), ("tau", tau.len())] {
        if got != n {
            return Err(Error::input(format!("{name} must have {n} numbers like mu, got {got}")));
        }
    }
    let columns =
        [mu, omega, nu, tau].map(|column| if column.is_standard_layout() { column.into() } else { CowArray::from(column.to_owned()) });
    let [mu, omega, nu, tau] = [0, 1, 2, 3].map(|k| columns[k].as_slice().unwrap_or_default());
    let (mut means, mut variances) = (vec![0.0; n], vec![0.0; n]);
    let chunk = |(chunk, (means, variances)): (usize, (&mut [f64], &mut [f64]))| {
        ctx.check()?;
        let span = chunk * CHUNK..chunk * CHUNK + means.len();
        map_chunk(selu, [&mu[span.clone()], &omega[span.clone()], &nu[span.clone()], &tau[span.clone()]], means, variances);
        let bad = means.iter().zip(variances.iter()).position(|(mean, variance)| !(mean.is_finite() && variance.is_finite()));
        Ok::<Option<usize>, Error>(bad.map(|row| chunk * CHUNK + row))
    };
    let chunks = means.par_chunks_mut(CHUNK).zip(variances.par_chunks_mut(CHUNK)).enumerate();
    let bad: Vec<Option<usize>> = ctx.install(|| chunks.map(chunk).collect::<Result<_>>())?;
    match bad.into_iter().flatten().next() {
        None => Ok((means.into(), variances.into())),
        Some(row) => {
            let named = |e: Error| Error::input(format!("row {row}: {e}"));
            Moments { mean: mu[row], variance: nu[row] }.check().map_err(named)?;
            Weights { sum: omega[row], squares: tau[row] }.check().map_err(named)?;
            Err(Error::numeric(format!("row {row}: the map overflows")))
        }
    }
}

fn map_chunk(selu: Selu, [mu, omega, nu, tau]: [&[f64]; 4], means: &mut [f64], variances: &mut [f64]) {
    dispatch(
        #[inline(always)]
        || {
            for i in 0..means.len() {
                let v = nu[i] * tau[i];
                // NaN for what is refused afterwards: a root of a negative number would pass unseen.
                let fine = nu[i] >= 0.0 && tau[i] >= 0.0;
                (means[i], variances[i]) = mapped(selu, mu[i] * omega[i], if fine { v } else { f64::NAN });
            }
        },
    );
}

/// Derivatives of the new mean and variance (rows) by the old mean and variance (columns).
pub fn moment_jacobian(selu: Selu, moments: Moments, weights: Weights) -> Array2<f64> {
    let Selu { alpha, lambda } = selu;
    let (m, v) = (moments.mean * weights.sum, (moments.variance * weights.squares).max(NO_SPREAD));
    let t = Tails::of(m, v);
    let mean = selu_moments(selu, m, v).0;
    let above = 2.0 - t.below;
    // d E f / dm = E f', d E f / dv = E f'' / 2 for a normal variable; f'' holds the jump of f' at 0.
    let mean_by_m = 0.5 * lambda * (above + alpha * t.exp);
    let mean_by_v = 0.25 * lambda * alpha * t.exp + 0.5 * lambda * (1.0 - alpha) * t.gauss / (2.0 * PI * v).sqrt();
    let square = lambda * lambda;
    let second_by_m = square * (m * above + (FRAC_2_PI * v).sqrt() * t.gauss + alpha * alpha * (t.exp2 - t.exp));
    let second_by_v = 0.5 * square * (above + alpha * alpha * (2.0 * t.exp2 - t.exp));
    let (by_mean, by_variance) = (weights.sum, weights.squares);
    array![
        [by_mean * mean_by_m, by_variance * mean_by_v],
        [by_mean * (second_by_m - 2.0 * mean * mean_by_m), by_variance * (second_by_v - 2.0 * mean * mean_by_v)]
    ]
}

/// Largest singular value of a 2 x 2 matrix: below 1 where the map contracts.
pub fn spectral_norm(j: &Array2<f64>) -> f64 {
    let (a, b, c, d) = (j[[0, 0]], j[[0, 1]], j[[1, 0]], j[[1, 1]]);
    0.5 * ((a + d).hypot(c - b) + (a - d).hypot(c + b))
}

/// A fixed point of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedPoint {
    /// Where it is.
    pub moments: Moments,
    /// Largest singular value of the Jacobian there.
    pub contraction: f64,
    /// Applications of the map.
    pub iterations: usize,
}

/// The fixed point that mean 0 and variance 1 are drawn to.
///
/// # Errors
/// Sums that no weights have; no fixed point within `max_iter` applications (with the last residual).
pub fn fixed_point(selu: Selu, weights: Weights, tol: f64, max_iter: usize) -> Result<FixedPoint> {
    weights.check()?;
    let mut at = Moments { mean: 0.0, variance: 1.0 };
    let mut residual = f64::INFINITY;
    for iterations in 1..=max_iter {
        let next = at.through(selu, weights);
        residual = (next.mean - at.mean).abs().max((next.variance - at.variance).abs());
        at = next;
        // The distance left is the step's share of what a contraction still goes.
        if residual < 0.1 * tol {
            return Ok(FixedPoint { moments: at, contraction: spectral_norm(&moment_jacobian(selu, at, weights)), iterations });
        }
    }
    Err(Error::numeric(format!(
        "no fixed point for omega {} and tau {} after {max_iter} iterations, the last moved by {residual:.1e}",
        weights.sum, weights.squares
    ))
    .hint("raise max_iter or tol, or keep tau near 1"))
}
