//! Ground costs c(x, y): values, matrices and gradients in the second argument. Every named cost is symmetric.

use crate::simd::Real;
use crate::statistics::{first_non_finite, pairwise_sum};
use crate::transport::kernel::{CHUNK_ROWS, Padded, run};
use crate::transport::loops::Summand;
use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use std::fmt::Debug;
use std::sync::Arc;

/// Added to the product of norms in the cosine cost.
const COSINE_OFFSET: f64 = 1e-8;
/// Inner products of the sphere cost are kept this far inside [-1, 1], where the gradient of the arc cosine is finite.
const SPHERE_MARGIN: f64 = 1e-7;

/// A symmetric cost of the caller's own.
pub trait GroundCost: Debug + Send + Sync {
    /// c(x, y).
    fn value(&self, x: &[f64], y: &[f64]) -> f64;
    /// Writes the gradient of c(x, y) in `y`.
    fn gradient(&self, x: &[f64], y: &[f64], gradient: &mut [f64]);
    /// Writes the costs from `x` to each row of `others (m, d)`.
    fn values(&self, x: &[f64], others: ArrayView2<'_, f64>, out: &mut [f64]) {
        for (y, out) in others.rows().into_iter().zip(out) {
            *out = self.value(x, &y.to_vec());
        }
    }
    /// Writes the gradients in `y` of the costs from each row of `others (n, d)` to it, one a row of `gradients (n, d)`.
    fn gradients(&self, others: ArrayView2<'_, f64>, y: &[f64], mut gradients: ArrayViewMut2<'_, f64>) {
        let mut gradient = vec![0.0; y.len()];
        for (x, mut out) in others.rows().into_iter().zip(gradients.rows_mut()) {
            self.gradient(&x.to_vec(), y, &mut gradient);
            out.iter_mut().zip(&gradient).for_each(|(out, value)| *out = *value);
        }
    }
}

/// A ground cost.
///
/// ```
/// use elinvar_math::transport::Cost;
/// assert_eq!(Cost::SquaredEuclidean.value(&[0.0, 0.0], &[3.0, 4.0]), 25.0);
/// assert_eq!(Cost::Euclidean.value(&[0.0, 0.0], &[3.0, 4.0]), 5.0);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cost {
    /// |x - y|^2, without a factor 1/2.
    SquaredEuclidean,
    /// |x - y|.
    Euclidean,
    /// (1/p) sum_k |x_k - y_k|^p, p >= 1.
    PNorm(f64),
    /// 1 - <x, y> / (|x| |y| + 1e-8).
    Cosine,
    /// Arc length arccos <x, y> between unit vectors.
    Sphere,
    /// A cost of the caller's own; must be symmetric.
    Custom(Arc<dyn GroundCost>),
}

impl Cost {
    /// Checks that two samples `x (n, d)` and `y (m, d)` are not empty, finite, of one width and in the domain of the cost.
    ///
    /// # Errors
    /// Names the sample (`X` or `Y`), the row and the column.
    pub fn check<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<()> {
        if x.ncols() != y.ncols() {
            return Err(Error::input(format!("X has {} features, Y has {}", x.ncols(), y.ncols())));
        }
        if let Cost::PNorm(p) = self
            && !(*p >= 1.0 && p.is_finite())
        {
            return Err(Error::parameter("p", ">= 1", p));
        }
        for (name, sample) in [("X", x), ("Y", y)] {
            if sample.is_empty() {
                return Err(Error::input(format!("{name} is empty: {} rows, {} columns", sample.nrows(), sample.ncols())));
            }
            if let Some((row, column)) = first_non_finite(sample) {
                return Err(Error::input(format!("{name} contains a non-finite value at row {row}, column {column}")));
            }
            self.check_domain(name, sample)?;
        }
        Ok(())
    }

    fn check_domain<T: Real>(&self, name: &str, sample: ArrayView2<'_, T>) -> Result<()> {
        let norms = sample.rows().into_iter().map(|row| row.iter().map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt());
        match self {
            Cost::Cosine => match norms.enumerate().find(|(_, norm)| *norm == 0.0) {
                Some((row, _)) => Err(Error::input(format!("the cosine cost needs non-zero rows, got a zero row {row} in {name}"))),
                None => Ok(()),
            },
            Cost::Sphere => {
                let worst = norms.enumerate().max_by(|(_, a), (_, b)| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()));
                match worst {
                    Some((row, norm)) if (norm - 1.0).abs() > 1e-3 => {
                        let message =
                            format!("the sphere cost needs rows of norm 1 within 0.001, got norm {norm:.6} at row {row} of {name}");
                        Err(Error::input(message).hint("divide each row by its norm"))
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// c(x, y) of two points.
    pub fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        let terms = || x.iter().zip(y);
        match self {
            Cost::SquaredEuclidean => terms().map(|(x, y)| (x - y).powi(2)).sum(),
            Cost::Euclidean => terms().map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt(),
            Cost::PNorm(p) => terms().map(|(x, y)| (x - y).abs().powf(*p)).sum::<f64>() / p,
            Cost::Cosine => 1.0 - dot(x, y) / (norm(x) * norm(y) + COSINE_OFFSET),
            Cost::Sphere => dot(x, y).clamp(-1.0 + SPHERE_MARGIN, 1.0 - SPHERE_MARGIN).acos(),
            Cost::Custom(cost) => cost.value(x, y),
        }
    }

    /// Writes the gradient of c(x, y) in `y`.
    ///
    /// The subgradient 0 is taken where the Euclidean cost has x = y, and where the inner product of the sphere cost is clamped.
    pub fn gradient(&self, x: &[f64], y: &[f64], gradient: &mut [f64]) {
        let entries = gradient.iter_mut().zip(x.iter().zip(y));
        match self {
            Cost::SquaredEuclidean => entries.for_each(|(out, (x, y))| *out = 2.0 * (y - x)),
            Cost::Euclidean => {
                let distance = self.value(x, y);
                let inverse = if distance > 0.0 { 1.0 / distance } else { 0.0 };
                entries.for_each(|(out, (x, y))| *out = (y - x) * inverse);
            }
            Cost::PNorm(p) => entries.for_each(|(out, (x, y))| *out = (y - x).signum() * (y - x).abs().powf(p - 1.0)),
            Cost::Cosine => {
                let (nx, ny) = (norm(x), norm(y));
                let scale = nx * ny + COSINE_OFFSET;
                let along = dot(x, y) * nx / (ny * scale * scale);
                entries.for_each(|(out, (x, y))| *out = along * y - x / scale);
            }
            Cost::Sphere => {
                let inverse = inverse_sine(self.value(x, y));
                entries.for_each(|(out, (x, _))| *out = -x * inverse);
            }
            Cost::Custom(cost) => cost.gradient(x, y, gradient),
        }
    }

    /// Adds `sum_i w_i d/dy c(x_i, y)` over the points `x` (rows one after another) of positive weight.
    pub(crate) fn add_pull(&self, x: &[f64], y: &[f64], weight: impl Fn(usize) -> f64, sum: &mut [f64]) {
        let width = y.len();
        let mut add = |i: usize, gradient: &[f64]| {
            let weight = weight(i);
            sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += weight * value);
        };
        if let (Cost::Custom(cost), Ok(points)) = (self, ArrayView2::from_shape((x.len() / width, width), x)) {
            let mut gradients = Array2::zeros(points.dim());
            cost.gradients(points, y, gradients.view_mut());
            gradients.rows().into_iter().enumerate().for_each(|(i, gradient)| add(i, gradient.as_slice().unwrap_or_default()));
            return;
        }
        let mut gradient = vec![0.0; width];
        for (i, x) in x.chunks(width).enumerate().filter(|(i, _)| weight(*i) > 0.0) {
            self.gradient(x, y, &mut gradient);
            add(i, &gradient);
        }
    }

    /// The costs `c(x_i, y_i)` of paired rows, in double precision.
    pub fn paired<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array1<f64> {
        let mut buffers = (Vec::new(), Vec::new());
        x.rows().into_iter().zip(y.rows()).map(|(x, y)| self.value(widen(&mut buffers.0, x), widen(&mut buffers.1, y))).collect()
    }

    /// The gradients of `c(x_i, y_i)` in `y_i` for paired rows `(n, d)`.
    pub fn paired_gradient<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array2<T> {
        let mut gradients = Array2::from_elem(y.dim(), T::ZERO);
        let mut buffers = (Vec::new(), Vec::new());
        let mut gradient = vec![0.0; y.ncols()];
        for ((x, y), mut out) in x.rows().into_iter().zip(y.rows()).zip(gradients.rows_mut()) {
            self.gradient(widen(&mut buffers.0, x), widen(&mut buffers.1, y), &mut gradient);
            out.iter_mut().zip(&gradient).for_each(|(out, &value)| *out = T::from_f64(value));
        }
        gradients
    }

    /// The matrix `c(x_i, y_j)` of `x (n, d)` and `y (m, d)`.
    pub fn matrix<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Array2<T> {
        self.padded(x, y, 1.0).to_array()
    }

    /// Mean of the cost matrix, without holding the matrix.
    pub fn mean<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> f64 {
        let sums: Vec<f64> = x
            .axis_chunks_iter(ndarray::Axis(0), CHUNK_ROWS)
            .map(|rows| pairwise_sum(&self.padded(rows, y, 1.0).real_entries().map(Real::to_f64).collect::<Vec<_>>()))
            .collect();
        pairwise_sum(&sums) / (x.nrows() as f64 * y.nrows() as f64)
    }

    /// The cost matrix times `scale`, rows padded with [`Real::HUGE`].
    ///
    /// Distances are sums of squared differences, not norms minus inner products: as fast up to about a hundred features and free of
    /// cancellation, which the Euclidean cost and its gradient need near zero.
    pub(crate) fn padded<T: Real>(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, scale: f64) -> Padded<T> {
        let mut matrix = Padded::new(x.nrows(), y.nrows());
        let width = x.ncols();
        let x = x.as_standard_layout();
        let columns = Columns::new(y, matrix.stride);
        let parallel = matrix.is_large();
        let stride = matrix.stride;
        let points = x.as_slice().unwrap_or_default();
        let tasks: Vec<_> = points.chunks(CHUNK_ROWS * width).zip(matrix.values.chunks_mut(CHUNK_ROWS * stride)).collect();
        run(tasks, parallel, |(points, out)| {
            self.fill(points, &columns, out);
            self.finish(points, &columns, T::from_f64(scale), out);
        });
        matrix
    }

    /// Writes the sums over features; [`Cost::finish`] makes costs of them.
    fn fill<T: Real>(&self, points: &[T], columns: &Columns<T>, out: &mut [T]) {
        let summand = match self {
            Cost::SquaredEuclidean | Cost::Euclidean => Summand::Square,
            Cost::Cosine | Cost::Sphere => Summand::Product,
            Cost::PNorm(p) if *p == 1.0 => Summand::Absolute,
            Cost::PNorm(p) if *p == 1.5 => Summand::ThreeHalves,
            Cost::PNorm(p) => Summand::Power(*p),
            Cost::Custom(cost) => {
                let mut values = vec![0.0; columns.count];
                for (x, out) in points.chunks(columns.width).zip(out.chunks_mut(columns.stride)) {
                    let x: Vec<f64> = x.iter().map(|value| value.to_f64()).collect();
                    cost.values(&x, columns.points.view(), &mut values);
                    out.iter_mut().zip(&values).for_each(|(out, value)| *out = T::from_f64(*value));
                }
                return;
            }
        };
        T::sum_features(summand, points, columns.width, &columns.features, out);
    }

    fn finish<T: Real>(&self, points: &[T], columns: &Columns<T>, scale: T, out: &mut [T]) {
        let low = T::from_f64(-1.0 + SPHERE_MARGIN);
        for (x, out) in points.chunks(columns.width).zip(out.chunks_mut(columns.stride)) {
            let (costs, padding) = out.split_at_mut(columns.count);
            match self {
                Cost::SquaredEuclidean | Cost::Custom(_) => costs.iter_mut().for_each(|c| *c *= scale),
                Cost::Euclidean => costs.iter_mut().for_each(|c| *c = c.root() * scale),
                Cost::PNorm(p) => costs.iter_mut().for_each(|c| *c *= scale / T::from_f64(*p)),
                Cost::Cosine => {
                    let norm = root_of_squares(x);
                    let offset = T::from_f64(COSINE_OFFSET);
                    for (c, &other) in costs.iter_mut().zip(&columns.norms) {
                        *c = (T::ONE - *c / (norm * other + offset)) * scale;
                    }
                }
                Cost::Sphere => costs.iter_mut().for_each(|c| *c = c.larger(low).smaller(-low).arc_cosine() * scale),
            }
            padding.fill(T::HUGE);
        }
    }
}

/// The gradient of the Euclidean cost is `w (y - x)`: this is w.
#[inline(always)]
pub(crate) fn euclidean_pull<T: Real>(cost: T) -> T {
    if cost > T::ZERO { T::ONE / cost } else { T::ZERO }
}

/// The gradient of the cosine cost is `along y - toward x`: these two, given the norms of x and y.
#[inline(always)]
pub(crate) fn cosine_pull<T: Real>(cost: T, norm_x: T, norm_y: T) -> (T, T) {
    let scale = norm_x * norm_y + T::from_f64(COSINE_OFFSET);
    ((T::ONE - cost) * norm_x / (norm_y * scale), T::ONE / scale)
}

/// The gradient of the sphere cost is `-w x`: this is w.
#[inline(always)]
pub(crate) fn sphere_pull<T: Real>(cost: T) -> T {
    T::from_f64(inverse_sine(cost.to_f64()))
}

/// The second sample, transposed to features x points with padded rows, so that the inner loop runs over points.
struct Columns<T> {
    /// Features x stride.
    features: Vec<T>,
    points: Array2<f64>,
    norms: Vec<T>,
    count: usize,
    width: usize,
    stride: usize,
}

impl<T: Real> Columns<T> {
    fn new(y: ArrayView2<'_, T>, stride: usize) -> Self {
        let (count, width) = y.dim();
        let mut features = vec![T::ZERO; width * stride];
        for (row, column) in features.chunks_mut(stride).zip(y.columns()) {
            row.iter_mut().zip(column).for_each(|(out, &value)| *out = value);
        }
        let norms = y.rows().into_iter().map(|row| root_of_squares(row.to_vec().as_slice())).collect();
        Self { features, points: y.mapv(Real::to_f64), norms, count, width, stride }
    }
}

fn widen<'a, T: Real>(buffer: &'a mut Vec<f64>, row: ndarray::ArrayView1<'_, T>) -> &'a [f64] {
    buffer.clear();
    buffer.extend(row.iter().map(|value| value.to_f64()));
    buffer
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Euclidean norm of a point in its own precision.
pub(crate) fn root_of_squares<T: Real>(x: &[T]) -> T {
    x.iter().fold(T::ZERO, |sum, &value| value.fused(value, sum)).root()
}

/// 1 / sin of an arc length, 0 where the inner product is clamped.
fn inverse_sine(arc: f64) -> f64 {
    // Single precision rounds the margin to the nearest of its numbers, hence the allowance.
    let shortest = (1.0 - SPHERE_MARGIN).acos() * 1.1;
    if arc > shortest && arc < std::f64::consts::PI - shortest { 1.0 / arc.sin() } else { 0.0 }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ndarray::array;

    pub(crate) fn all() -> Vec<Cost> {
        vec![Cost::SquaredEuclidean, Cost::Euclidean, Cost::PNorm(1.0), Cost::PNorm(1.5), Cost::PNorm(3.2), Cost::Cosine, Cost::Sphere]
    }

    /// Fixed irregular points, of norm 1 where the cost needs it.
    pub(crate) fn points(rows: usize, width: usize, phase: f64, cost: &Cost) -> Array2<f64> {
        let mut x = Array2::from_shape_fn((rows, width), |(i, k)| (1.3 * i as f64 + 2.7 * k as f64 + phase).sin() + 0.2 * (i as f64).cos());
        if matches!(cost, Cost::Sphere) {
            x.rows_mut().into_iter().for_each(|mut row| {
                let norm = row.dot(&row).sqrt();
                row /= norm;
            });
        }
        x
    }

    #[test]
    fn matrix_holds_the_values_in_both_precisions() {
        for cost in all() {
            let (x, y) = (points(137, 5, 0.3, &cost), points(35, 5, 1.9, &cost));
            let matrix = cost.matrix(x.view(), y.view());
            let single = cost.matrix(x.mapv(|v| v as f32).view(), y.mapv(|v| v as f32).view());
            for ((i, j), &entry) in matrix.indexed_iter() {
                let value = cost.value(&x.row(i).to_vec(), &y.row(j).to_vec());
                assert!((entry - value).abs() < 1e-12, "{cost:?} {entry} {value}");
                assert!((f64::from(single[(i, j)]) - value).abs() < 2e-5, "{cost:?} {} {value}", single[(i, j)]);
            }
            assert!((cost.mean(x.view(), y.view()) - matrix.mean().unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn gradient_agrees_with_central_differences() {
        for cost in all() {
            let (x, y) = (points(6, 4, 0.1, &cost), points(6, 4, 2.2, &cost));
            let gradients = cost.paired_gradient(x.view(), y.view());
            for i in 0..6 {
                for k in 0..4 {
                    let step = 1e-6;
                    let at = |shift: f64| {
                        let mut y = y.row(i).to_vec();
                        y[k] += shift;
                        cost.value(&x.row(i).to_vec(), &y)
                    };
                    let numeric = (at(step) - at(-step)) / (2.0 * step);
                    assert!(
                        (gradients[(i, k)] - numeric).abs() < 1e-7 * numeric.abs().max(1.0),
                        "{cost:?}: {} {numeric}",
                        gradients[(i, k)]
                    );
                }
            }
        }
    }

    #[test]
    fn subgradient_is_zero_at_coinciding_points() {
        let point = [0.6, 0.8];
        for cost in [Cost::Euclidean, Cost::Sphere, Cost::PNorm(1.5)] {
            let mut gradient = [f64::NAN; 2];
            cost.gradient(&point, &point, &mut gradient);
            assert_eq!(gradient, [0.0, 0.0], "{cost:?}");
        }
    }

    #[test]
    fn check_names_what_is_wrong() {
        let x = array![[1.0, 0.0], [0.0, 1.0]];
        let message = |cost: Cost, x: &Array2<f64>, y: &Array2<f64>| cost.check(x.view(), y.view()).unwrap_err().to_string();
        let square = Cost::SquaredEuclidean;
        assert_eq!(message(square.clone(), &x, &array![[1.0]]), "X has 2 features, Y has 1");
        assert_eq!(message(square.clone(), &x, &array![[1.0, f64::NAN]]), "Y contains a non-finite value at row 0, column 1");
        assert_eq!(message(square, &Array2::zeros((0, 2)), &x), "X is empty: 0 rows, 2 columns");
        assert_eq!(
            message(Cost::Cosine, &x, &array![[1.0, 1.0], [0.0, 0.0]]),
            "the cosine cost needs non-zero rows, got a zero row 1 in Y"
        );
        let sphere = message(Cost::Sphere, &x, &array![[0.0, 1.0], [3.0, 4.0]]);
        assert!(sphere.contains("got norm 5.000000 at row 1 of Y"), "{sphere}");
        assert_eq!(message(Cost::PNorm(0.5), &x, &x), "parameter 'p' must be >= 1, got 0.5");
    }

    #[test]
    fn a_custom_cost_works_like_a_named_one() {
        #[derive(Debug)]
        struct Taxicab;
        impl GroundCost for Taxicab {
            fn value(&self, x: &[f64], y: &[f64]) -> f64 {
                x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum()
            }
            fn gradient(&self, x: &[f64], y: &[f64], gradient: &mut [f64]) {
                gradient.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (x, y))| *out = (y - x).signum());
            }
        }
        let custom = Cost::Custom(Arc::new(Taxicab));
        let named = Cost::PNorm(1.0);
        let (x, y) = (points(7, 3, 0.4, &named), points(9, 3, 1.1, &named));
        let difference = custom.matrix(x.view(), y.view()) - named.matrix(x.view(), y.view());
        assert!(difference.iter().all(|v| v.abs() < 1e-14));
    }
}
