//! Maps between two samples that need no training: barycentric and affine.

use crate::linalg::{apply, mean_and_covariance, product, spd_inverse_sqrt, spd_sqrt};
use crate::simd::Real;
use crate::transport::cost::Cost;
use crate::transport::kernel::{CHUNK_ROWS, padded_vector};
use crate::transport::sinkhorn::{SinkhornSettings, Weights, sinkhorn};
use elinvar_core::{Context, Error, Result, Status};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// The entropic map of Pooladian and Niles-Weed (2021): `T(x) = sum_j p_j(x) y_j`, `p(x) = softmax_j (g_j - |x - y_j|^2) / eps + log b_j`.
#[derive(Clone, Debug)]
pub struct EntropicMap<T> {
    targets: Array2<T>,
    scaled: Vec<f64>,
    epsilon: f64,
    /// Whether the Sinkhorn problem behind the map met its threshold.
    pub status: Status,
}

impl<T: Real> EntropicMap<T> {
    /// Solves the entropic problem between `x (n, d)` and `y (m, d)` for the squared Euclidean cost.
    ///
    /// # Errors
    /// As for [`sinkhorn`].
    pub fn fit(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, settings: &SinkhornSettings, context: &Context) -> Result<Self> {
        let plan = sinkhorn(x, y, &Cost::SquaredEuclidean, Weights::default(), settings, None, context)?;
        let log_weight = -(y.nrows() as f64).ln();
        let scaled = plan.g.iter().map(|g| g / settings.epsilon + log_weight).collect();
        Ok(Self { targets: y.to_owned(), scaled, epsilon: settings.epsilon, status: plan.status })
    }

    /// The images of the rows of `points (k, d)`.
    ///
    /// # Errors
    /// Another width than in `fit`, or a non-finite value.
    pub fn transport(&self, points: ArrayView2<'_, T>) -> Result<Array2<T>> {
        Cost::SquaredEuclidean.check(points, self.targets.view())?;
        let mut images = Array2::from_elem(points.dim(), T::ZERO);
        for (points, mut images) in points.axis_chunks_iter(Axis(0), CHUNK_ROWS).zip(images.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS)) {
            images.assign(&product(self.shares(points).view(), self.targets.view())?);
        }
        Ok(images)
    }

    /// `p_j(x)` for each row.
    fn shares(&self, points: ArrayView2<'_, T>) -> Array2<T> {
        let scaled = Cost::SquaredEuclidean.padded(points, self.targets.view(), 1.0 / self.epsilon);
        let potentials = padded_vector(&self.scaled, scaled.stride);
        let mut shares = Array2::from_elem((points.nrows(), self.targets.nrows()), T::ZERO);
        let mut scratch = vec![T::ZERO; scaled.stride];
        for (row, mut shares) in scaled.values.chunks(scaled.stride).zip(shares.rows_mut()) {
            let (_, sum) = T::row_exponentials(row, &potentials, &mut scratch);
            shares.iter_mut().zip(&scratch).for_each(|(out, &value)| *out = value / sum);
        }
        shares
    }
}

/// `x -> shift + matrix x`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMap {
    /// Linear part (d, d).
    pub matrix: Array2<f64>,
    /// Image of the origin (d).
    pub shift: Array1<f64>,
}

impl AffineMap {
    /// The images of the rows of `points (k, d)`.
    ///
    /// # Errors
    /// Another width than the map's.
    pub fn transport(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if points.ncols() != self.shift.len() {
            return Err(Error::input(format!("X has {} features, the map has {}", points.ncols(), self.shift.len())));
        }
        Ok(product(points, self.matrix.t())? + &self.shift)
    }
}

/// The optimal map for the squared Euclidean cost between two Gaussians with the samples' means and covariances:
/// `A = S1^{-1/2} (S1^{1/2} S2 S1^{1/2})^{1/2} S1^{-1/2}`, `T(x) = m2 + A (x - m1)`.
///
/// # Errors
/// Different widths, fewer than two rows, or a singular covariance of `x`.
pub fn gaussian_map(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<AffineMap> {
    Cost::SquaredEuclidean.check(x, y)?;
    let ((mean_x, covariance_x), (mean_y, covariance_y)) = (mean_and_covariance(x)?, mean_and_covariance(y)?);
    let root = spd_sqrt(covariance_x.view())?;
    let inverse = spd_inverse_sqrt(covariance_x.view())?;
    let middle = spd_sqrt(product(product(root.view(), covariance_y.view())?.view(), root.view())?.view())?;
    let matrix = product(product(inverse.view(), middle.view())?.view(), inverse.view())?;
    let shift = mean_y - apply(matrix.view(), mean_x.view())?;
    Ok(AffineMap { matrix, shift })
}
