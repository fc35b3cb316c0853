//! Convex losses of the linear predictor.

use super::kernels::dot;
use crate::simd::{Real, dispatch};
use crate::statistics::pairwise_sum;
use elinvar_core::{Error, Result};

/// A convex loss of the linear predictor `eta` (one number a row).
pub trait Loss: Sync {
    /// Rows.
    fn rows(&self) -> usize;

    /// The value; writes the negative derivative with respect to `eta`.
    fn evaluate(&self, eta: &[f64], residual: &mut [f64]) -> f64;

    /// The greatest second derivative with respect to one entry of `eta`.
    fn curvature(&self) -> f64;

    /// Whether the second derivative is [`Loss::curvature`] everywhere, so that the loss is a quadratic function of the coefficients.
    fn is_quadratic(&self) -> bool;

    /// Writes the second derivative with respect to each entry of `eta`.
    fn second_derivatives(&self, eta: &[f64], out: &mut [f64]);
}

/// `sum (y - eta)^2 / (2 n)`.
#[derive(Clone, Debug)]
pub struct Squared<'a> {
    y: &'a [f64],
}

impl<'a> Squared<'a> {
    /// Of outcomes (n). Weighted rows are outcomes and predictors times the root of their weight.
    pub fn new(y: &'a [f64]) -> Self {
        Self { y }
    }
}

impl Loss for Squared<'_> {
    fn rows(&self) -> usize {
        self.y.len()
    }
    fn evaluate(&self, eta: &[f64], residual: &mut [f64]) -> f64 {
        let scale = self.curvature();
        for ((r, y), eta) in residual.iter_mut().zip(self.y).zip(eta) {
            *r = scale * (y - eta);
        }
        0.5 * dot(residual, residual) / scale
    }
    fn curvature(&self) -> f64 {
        1.0 / self.y.len() as f64
    }
    fn is_quadratic(&self) -> bool {
        true
    }
    fn second_derivatives(&self, _: &[f64], out: &mut [f64]) {
        out.fill(self.curvature());
    }
}

/// `scale sum w_i [log(1 + exp(eta_i)) - y_i eta_i]`.
#[derive(Clone, Debug)]
pub struct Logistic<'a> {
    y: &'a [f64],
    /// `scale w_i`.
    weights: Vec<f64>,
}

impl<'a> Logistic<'a> {
    /// Of labels 0 or 1 (n) and row weights (n); `scale` is 1/n for the mean.
    ///
    /// # Errors
    /// Lengths that differ, or weights that are not finite and >= 0.
    pub fn new(y: &'a [f64], weights: Option<&[f64]>, scale: f64) -> Result<Self> {
        let weights: Vec<f64> = match weights {
            None => vec![scale; y.len()],
            Some(weights) => weights.iter().map(|w| scale * w).collect(),
        };
        if weights.len() != y.len() || weights.iter().any(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(Error::input(format!("a logistic loss needs {} finite weights >= 0, got {}", y.len(), weights.len())));
        }
        Ok(Self { y, weights })
    }
}

/// `exp(-|eta|)` of every row.
fn decays(eta: &[f64]) -> Vec<f64> {
    dispatch(
        #[inline(always)]
        || eta.iter().map(|eta| (-eta.abs()).fast_exp()).collect(),
    )
}

impl Loss for Logistic<'_> {
    fn rows(&self) -> usize {
        self.y.len()
    }
    fn evaluate(&self, eta: &[f64], residual: &mut [f64]) -> f64 {
        let decays = decays(eta);
        let mut terms = vec![0.0; eta.len()];
        for (i, (&eta, &decay)) in eta.iter().zip(&decays).enumerate() {
            let (y, w) = (self.y[i], self.weights[i]);
            let probability = if eta >= 0.0 { 1.0 } else { decay } / (1.0 + decay);
            terms[i] = w * (eta.max(0.0) + decay.ln_1p() - y * eta);
            residual[i] = w * (y - probability);
        }
        pairwise_sum(&terms)
    }
    fn curvature(&self) -> f64 {
        0.25 * self.weights.iter().fold(0.0, |m: f64, w| m.max(*w))
    }
    fn is_quadratic(&self) -> bool {
        false
    }
    fn second_derivatives(&self, eta: &[f64], out: &mut [f64]) {
        for ((out, e), w) in out.iter_mut().zip(decays(eta)).zip(&self.weights) {
            *out = w * e / ((1.0 + e) * (1.0 + e));
        }
    }
}
