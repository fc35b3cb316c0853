//! Sample pairs of the paper's experiments, most with a known optimal map.

mod benchmark;
mod cells;
mod plane;
mod toy;

pub use benchmark::{ConvexPotential, GaussianMixture, MixtureBenchmark, NamedArray};
pub use cells::{Cells, Split};
pub use plane::{moons_to_s_curve, sphere_pair};
pub use toy::ToyPair;

use elinvar_core::Stream;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

/// Standard normal numbers (rows, columns).
fn normals(rows: usize, columns: usize, stream: &mut Stream) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |_| StandardNormal.sample(stream))
}

/// Mean of each coordinate, and the mean over coordinates of the variance.
fn mean_and_scale(points: &Array2<f64>) -> (ndarray::Array1<f64>, f64) {
    let count = points.nrows().max(1) as f64;
    let mean = points.sum_axis(ndarray::Axis(0)) / count;
    let variance = (points - &mean).mapv(|v| v * v).sum() / count / points.ncols().max(1) as f64;
    (mean, variance.sqrt())
}
