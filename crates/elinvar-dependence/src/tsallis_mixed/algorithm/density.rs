//! The q-Gaussian itself: maximiser of Tsallis entropy at a given escort covariance, a multivariate t.

use elinvar_math::special::ln_gamma_ratio;
use std::f64::consts::PI;

/// Entropic index of a group of `d` rows: `q = 1 + 2 / (nu + d)`; 1 is the Gaussian.
pub fn q_of(nu: f64, d: usize) -> f64 {
    1.0 + 2.0 / (nu + d as f64)
}

/// Logarithm of the q-Gaussian density with `nu` degrees of freedom in `d` dimensions, from the log determinant of the scatter `V` and
/// `delta = (y - mu)' V^-1 (y - mu)`. An infinite `nu` is the Gaussian.
pub fn log_density(nu: f64, d: usize, log_det: f64, delta: f64) -> f64 {
    constant(nu, d) - 0.5 * log_det - decay(nu, d, delta)
}

/// What the density has in front.
pub(super) fn constant(nu: f64, d: usize) -> f64 {
    let d = d as f64;
    if nu.is_infinite() {
        return -0.5 * d * (2.0 * PI).ln();
    }
    ln_gamma_ratio(0.5 * nu, 0.5 * d) - 0.5 * d * (nu * PI).ln()
}

/// The part that grows with the distance.
pub(super) fn decay(nu: f64, d: usize, delta: f64) -> f64 {
    if nu.is_infinite() { 0.5 * delta } else { 0.5 * (nu + d as f64) * (delta / nu).ln_1p() }
}

/// Weight of a group: `(nu + d) / (nu + delta)`, small for outlying ones.
pub(super) fn weight(nu: f64, d: usize, delta: f64) -> f64 {
    if nu.is_infinite() { 1.0 } else { (nu + d as f64) / (nu + delta) }
}

/// Tsallis entropy `(1 - int f^q) / (q - 1)` of the q-Gaussian with `nu` degrees of freedom in `d` dimensions and a scatter of this log
/// determinant, at its own `q`.
pub fn entropy(nu: f64, d: usize, log_det: f64) -> f64 {
    let (q, half) = (q_of(nu, d), 0.5 * d as f64);
    let log_c = constant(nu, d) - 0.5 * log_det;
    // int (1 + delta/nu)^-(nu+d+2)/2 is the constant of nu + 2 degrees of freedom, rescaled.
    let log_integral = q * log_c + 0.5 * log_det + half * (nu * PI).ln() - ln_gamma_ratio(0.5 * nu + 1.0, half);
    -log_integral.exp_m1() / (q - 1.0)
}
