//! Points in the plane whose distances are as near as can be to given ones.

use elinvar_core::Result;
use elinvar_math::linalg::symmetric_eigen;
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// Rounds of majorisation, and the fall of the stress, relative to it, at which they end.
const ROUNDS: usize = 500;
const FALL: f64 = 1e-9;

/// Metric multidimensional scaling of distances (K, K) to points (K, 2): SMACOF (de Leeuw 1977) from the classical solution.
///
/// # Errors
/// An eigenvalue iteration that fails.
pub fn scaling(distances: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let k = distances.nrows();
    let mut points = classical(distances)?;
    let mut stress = f64::INFINITY;
    for _ in 0..ROUNDS {
        let between = |i: usize, j: usize| (points[[i, 0]] - points[[j, 0]]).hypot(points[[i, 1]] - points[[j, 1]]);
        let found = Array2::from_shape_fn((k, k), |(i, j)| between(i, j));
        let now = (&found - &distances).iter().map(|v| v * v).sum::<f64>();
        if stress - now <= FALL * stress.min(f64::MAX) {
            break;
        }
        stress = now;
        // The Guttman transform.
        let mut ratio = Array2::from_shape_fn((k, k), |(i, j)| if found[[i, j]] > 0.0 { -distances[[i, j]] / found[[i, j]] } else { 0.0 });
        for i in 0..k {
            ratio[[i, i]] = 0.0;
            ratio[[i, i]] = -ratio.row(i).sum();
        }
        points = ratio.dot(&points) / k as f64;
    }
    Ok(points)
}

/// The two leading coordinates of the doubly centred squares (Torgerson 1952).
fn classical(distances: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let k = distances.nrows();
    let squares = distances.mapv(|d| d * d);
    let means = squares.sum_axis(Axis(0)) / k as f64;
    let mean = means.sum() / k as f64;
    let centred = Array2::from_shape_fn((k, k), |(i, j)| -0.5 * (squares[[i, j]] - means[i] - means[j] + mean));
    let (values, vectors) = symmetric_eigen(centred.view())?;
    let mut points = Array2::zeros((k, 2));
    for axis in 0..2.min(k) {
        let from = k - 1 - axis;
        let column = vectors.index_axis(Axis(1), from).mapv(|v| v * values[from].max(0.0).sqrt());
        points.slice_axis_mut(Axis(1), Slice::from(axis..axis + 1)).column_mut(0).assign(&column);
    }
    Ok(points)
}
