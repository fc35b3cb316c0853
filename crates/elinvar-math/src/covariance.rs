//! Covariance matrices of samples, plain and shrunken, from sums or from data.

use crate::linalg::product;
use crate::statistics::pairwise_sum;
use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a covariance matrix is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CovarianceEstimator {
    /// Centred, divisor n - 1.
    #[default]
    Cov,
    /// Centred, divisor n.
    Scm,
    /// Shrunken towards a multiple of the identity by the rule of Ledoit and Wolf (2004).
    Lwf,
    /// Shrunken towards a multiple of the identity by the oracle approximation of Chen et al. (2010).
    Oas,
}

impl CovarianceEstimator {
    /// The word in messages and parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cov => "cov",
            Self::Scm => "scm",
            Self::Lwf => "lwf",
            Self::Oas => "oas",
        }
    }

    /// Covariance of the columns of `x (P, n)`: P variables, n samples.
    ///
    /// # Errors
    /// Fewer than 2 samples.
    pub fn of_columns(self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let n = x.ncols();
        if n < 2 {
            return Err(Error::input(format!("a covariance needs at least 2 samples, got {n}")));
        }
        let centred = centre(x);
        let scatter = product(centred.view(), centred.t())?;
        let fourth = (self == Self::Lwf).then(|| fourth_power(centred.view()));
        Ok(self.of_scatter(scatter, n, fourth))
    }

    /// Covariance from the scatter matrix `sum_t x_t x_t'` of `n` centred samples. `fourth` is `sum_t ||x_t||^4`, which only [`CovarianceEstimator::Lwf`] needs (0 where it is absent).
    pub fn of_scatter(self, scatter: Array2<f64>, n: usize, fourth: Option<f64>) -> Array2<f64> {
        let count = n as f64;
        match self {
            Self::Cov => scatter / (count - 1.0),
            Self::Scm => scatter / count,
            Self::Lwf => {
                let s = scatter / count;
                let weight = ledoit_wolf_weight(s.view(), count, fourth.unwrap_or(0.0) / count);
                shrink(s, weight)
            }
            Self::Oas => {
                let s = scatter / count;
                let weight = oas_weight(s.view(), count);
                shrink(s, weight)
            }
        }
    }
}

/// The rows of `x` without their means.
fn centre(x: ArrayView2<'_, f64>) -> Array2<f64> {
    let means = Array1::from_iter(x.rows().into_iter().map(|row| pairwise_sum(&row.to_vec()) / x.ncols() as f64));
    &x - &means.insert_axis(Axis(1))
}

/// `sum_t ||x_t||^4` over the columns.
fn fourth_power(x: ArrayView2<'_, f64>) -> f64 {
    let mut norms = Array1::<f64>::zeros(x.ncols());
    for row in x.rows() {
        norms.zip_mut_with(&row, |norm, value| *norm += value * value);
    }
    pairwise_sum(&norms.mapv(|norm| norm * norm).to_vec())
}

/// Shrinkage weight of Ledoit and Wolf from the covariance with divisor n and the mean of `||x_t||^4`.
fn ledoit_wolf_weight(s: ArrayView2<'_, f64>, n: f64, mean_fourth: f64) -> f64 {
    let p = s.nrows() as f64;
    let (square, mu) = (squared_norm(s), s.diag().sum() / p);
    let delta = square / p - mu * mu;
    let beta = (mean_fourth - square) / (n * p);
    if delta > 0.0 { beta.clamp(0.0, delta) / delta } else { 0.0 }
}

/// Shrinkage weight of the oracle approximation from the covariance with divisor n.
fn oas_weight(s: ArrayView2<'_, f64>, n: f64) -> f64 {
    let p = s.nrows() as f64;
    let (alpha, mu) = (squared_norm(s) / (p * p), s.diag().sum() / p);
    let denominator = (n + 1.0) * (alpha - mu * mu / p);
    if denominator == 0.0 { 1.0 } else { ((alpha + mu * mu) / denominator).min(1.0) }
}

fn squared_norm(s: ArrayView2<'_, f64>) -> f64 {
    let rows: Vec<f64> = s.rows().into_iter().map(|row: ArrayView1<'_, f64>| row.dot(&row)).collect();
    pairwise_sum(&rows)
}

/// `(1 - w) S + w mu I`.
fn shrink(s: Array2<f64>, weight: f64) -> Array2<f64> {
    let mu = s.diag().sum() / s.nrows() as f64;
    let mut shrunk = s * (1.0 - weight);
    shrunk.diag_mut().mapv_inplace(|value| value + weight * mu);
    shrunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{close, matrix, reference};

    #[test]
    fn agrees_with_numpy_and_scikit_learn() {
        for case in reference()["covariance"].as_array().unwrap() {
            let x = matrix(&case["x"]);
            for (name, estimator) in [
                ("cov", CovarianceEstimator::Cov),
                ("scm", CovarianceEstimator::Scm),
                ("lwf", CovarianceEstimator::Lwf),
                ("oas", CovarianceEstimator::Oas),
            ] {
                close(&estimator.of_columns(x.view()).unwrap(), &matrix(&case[name]), 1e-12);
            }
        }
    }

    #[test]
    fn white_noise_that_is_exactly_white_is_not_shrunken_away() {
        // Two orthogonal rows of equal norm: the covariance is already a multiple of the identity.
        let x = ndarray::array![[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]];
        for estimator in [CovarianceEstimator::Lwf, CovarianceEstimator::Oas, CovarianceEstimator::Scm] {
            close(&estimator.of_columns(x.view()).unwrap(), &Array2::eye(2), 1e-14);
        }
    }

    #[test]
    fn one_sample_is_refused() {
        let error = CovarianceEstimator::Cov.of_columns(Array2::ones((2, 1)).view()).unwrap_err();
        assert_eq!(error.to_string(), "a covariance needs at least 2 samples, got 1");
    }
}
