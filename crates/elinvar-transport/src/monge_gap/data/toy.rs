//! The toy pair P(d): a mixture of three Gaussians and the gradient of a convex function.

use super::{mean_and_scale, normals};
use elinvar_core::{Context, Error, Result};
use elinvar_math::linalg::product;
use ndarray::{Array1, Array2, ArrayView2};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

const CENTRES: usize = 3;
const SPREAD: f64 = 0.5;
/// Source points by which the map is standardised.
const STANDARDISE: usize = 8192;

/// A source and its optimal map for the squared Euclidean cost, drawn at random.
///
/// Source: three centres `c_k ~ N(0, I)`, `x = c_k + 0.5 z`. Map: `T0(x) = 0.2 x + sum_k w_k sigmoid(<A_k, x> + b_k) A_k` over 2 d
/// units, the gradient of a convex function and so optimal; `T* = (T0 - mean) / s`.
#[derive(Clone, Debug)]
pub struct ToyPair {
    centres: Array2<f64>,
    directions: Array2<f64>,
    offsets: Array1<f64>,
    heights: Array1<f64>,
    mean: Array1<f64>,
    scale: f64,
}

impl ToyPair {
    /// The pair P(`dimension`) of this context's seed.
    ///
    /// # Errors
    /// Dimension 0.
    pub fn new(dimension: usize, context: &Context) -> Result<Self> {
        if dimension == 0 {
            return Err(Error::parameter("dimension", ">= 1", 0));
        }
        let mut stream = context.stream(&[("toy-pair", dimension as u64)]);
        let units = 2 * dimension;
        let mut pair = Self {
            centres: normals(CENTRES, dimension, &mut stream),
            directions: normals(units, dimension, &mut stream) * (2.0 / (dimension as f64).sqrt()),
            offsets: Array1::from_shape_fn(units, |_| StandardNormal.sample(&mut stream)),
            heights: Array1::from_shape_fn(units, |_| stream.random_range(0.5..1.5)),
            mean: Array1::zeros(dimension),
            scale: 1.0,
        };
        let images = pair.transport(pair.draw(STANDARDISE, &mut stream).view())?;
        (pair.mean, pair.scale) = mean_and_scale(&images);
        Ok(pair)
    }

    /// `count` source points; another `part` gives independent ones.
    pub fn source(&self, count: usize, part: u64, context: &Context) -> Array2<f64> {
        self.draw(count, &mut context.stream(&[("toy-source", part)]))
    }

    fn draw(&self, count: usize, stream: &mut elinvar_core::Stream) -> Array2<f64> {
        let mut points = normals(count, self.centres.ncols(), stream) * SPREAD;
        for mut point in points.rows_mut() {
            point += &self.centres.row(stream.random_range(0..CENTRES));
        }
        points
    }

    /// The optimal map at the rows of `points (n, d)`.
    ///
    /// # Errors
    /// Another width than the pair's.
    pub fn transport(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let activations = product(points, self.directions.t())? + &self.offsets;
        let weights = activations.mapv(|a| 1.0 / (1.0 + (-a).exp())) * &self.heights;
        let raw = &points * 0.2 + product(weights.view(), self.directions.view())?;
        Ok((raw - &self.mean) / self.scale)
    }
}
