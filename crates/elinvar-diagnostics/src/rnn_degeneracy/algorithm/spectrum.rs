//! The distance of two operators by their eigenvalues alone.

use elinvar_core::{Context, Result};
use elinvar_math::linalg::eigen;
use elinvar_math::transport::assignment;
use ndarray::{Array2, ArrayView2};

/// 2-Wasserstein distance of the eigenvalues in the complex plane, with equal weights; the shorter list is filled with zeros.
///
/// # Errors
/// An eigenvalue iteration that fails.
pub fn wasserstein(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, ctx: &Context) -> Result<f64> {
    let size = a.nrows().max(b.nrows());
    let padded = |matrix: ArrayView2<'_, f64>| -> Result<Vec<[f64; 2]>> {
        let mut values = eigen(matrix)?.values;
        values.resize(size, [0.0, 0.0]);
        Ok(values)
    };
    let (x, y) = (padded(a)?, padded(b)?);
    let costs = Array2::from_shape_fn((size, size), |(i, j)| (x[i][0] - y[j][0]).powi(2) + (x[i][1] - y[j][1]).powi(2));
    Ok((assignment(costs.view(), ctx)?.total.max(0.0) / size as f64).sqrt())
}
