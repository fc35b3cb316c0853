//! What a solved entropic problem answers: values, potentials, couplings and gradients.

use crate::linalg::{Rows, add_transposed_product};
use crate::simd::Real;
use crate::statistics::pairwise_sum;
use crate::transport::cost::{Cost, root_of_squares};
use crate::transport::kernel::{CHUNK_ROWS, Kernel, Padded, padded_vector, row_softmins, run};
use crate::transport::loops::{PlanRow, Pull};
use crate::transport::sinkhorn::within;
use elinvar_core::{Context, Error, Result, Status};
use ndarray::{Array1, Array2, ArrayView2};

/// Columns of a task of the gradient.
const CHUNK_COLUMNS: usize = 128;

/// A solved entropic transport problem between n row points and m column points.
///
/// The coupling is `P_ij = a_i b_j exp((f_i + g_j - C_ij) / eps)`; its row sums are exact up to rounding.
pub struct TransportPlan<T> {
    /// Row potentials f (n), in units of the cost.
    pub f: Array1<f64>,
    /// Column potentials g (m), in units of the cost.
    pub g: Array1<f64>,
    /// KL form of the value: `<a, f> + <b, g> + eps (1 - sum P)`, a lower bound of `min <P, C> + eps KL(P | a b^T)`.
    pub value: f64,
    /// Regularisation ε.
    pub epsilon: f64,
    /// Iterations done.
    pub iterations: usize,
    /// Whether the threshold was met.
    pub status: Status,
    /// Last L1 error of the marginal.
    pub marginal_error: f64,
    scaled: Padded<T>,
    kernel: Kernel<T>,
    row_weights: Vec<f64>,
    column_weights: Vec<f64>,
}

/// How an iteration ended.
pub(crate) struct End {
    pub(crate) epsilon: f64,
    pub(crate) iterations: usize,
    pub(crate) status: Status,
    pub(crate) marginal_error: f64,
    /// Sum of the coupling.
    pub(crate) mass: f64,
}

impl<T: Real> TransportPlan<T> {
    /// A plan with weights a, b and scaled potentials `F = f / eps + log a`, G.
    pub(crate) fn new(scaled: Padded<T>, kernel: Kernel<T>, [a, b]: [Vec<f64>; 2], [f, g]: [Vec<f64>; 2], end: End) -> Self {
        let potentials = |scaled: Vec<f64>, weights: &[f64]| -> Array1<f64> {
            scaled.iter().zip(weights).map(|(value, weight)| end.epsilon * (value - weight.ln())).collect()
        };
        let (f, g) = (potentials(f, &a), potentials(g, &b));
        let expectation = |weights: &[f64], potential: &Array1<f64>| {
            pairwise_sum(&weights.iter().zip(potential).map(|(weight, value)| weight * value).collect::<Vec<_>>())
        };
        let value = expectation(&a, &f) + expectation(&b, &g) + end.epsilon * (1.0 - end.mass);
        let End { epsilon, iterations, status, marginal_error, .. } = end;
        Self { f, g, value, epsilon, iterations, status, marginal_error, scaled, kernel, row_weights: a, column_weights: b }
    }

    /// Coupling and scaled cost of one row.
    fn coupled(&self, i: usize) -> impl Iterator<Item = (f64, f64)> {
        let u = self.kernel.u[i].to_f64();
        let entries = self.kernel.values.row(i).iter().zip(&self.kernel.v).zip(self.scaled.row(i));
        entries.map(move |((k, v), s)| (u * k.to_f64() * v.to_f64(), s.to_f64()))
    }

    /// Shannon form of the value, `min <P, C> - eps H(P)`: the KL form minus `eps (H(a) + H(b))`.
    pub fn shannon_value(&self) -> f64 {
        let entropy = |weights: &[f64]| -pairwise_sum(&weights.iter().map(|w| w * w.ln()).collect::<Vec<_>>());
        self.value - self.epsilon * (entropy(&self.row_weights) + entropy(&self.column_weights))
    }

    /// `<P, C>`, the transport cost without the entropy.
    pub fn transport_cost(&self) -> f64 {
        let rows: Vec<f64> = (0..self.scaled.rows).map(|i| self.coupled(i).map(|(p, s)| p * s).sum()).collect();
        self.epsilon * pairwise_sum(&rows)
    }

    /// The coupling (n, m), dense.
    pub fn coupling(&self) -> Array2<f64> {
        let mut coupling = Array2::zeros((self.scaled.rows, self.scaled.columns));
        for (i, mut row) in coupling.rows_mut().into_iter().enumerate() {
            row.iter_mut().zip(self.coupled(i)).for_each(|(out, (p, _))| *out = p);
        }
        coupling
    }

    /// `sum_i P_ij d/dy_j c(x_i, y_j)` for every column point: by the envelope theorem the gradient of the value in `y (m, d)`.
    ///
    /// `x`, `y` and `cost` must be those that the plan was solved for.
    ///
    /// # Errors
    /// The shapes are not those of the plan.
    pub fn column_gradient(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, cost: &Cost, context: &Context) -> Result<Array2<T>> {
        if (x.nrows(), y.nrows()) != (self.scaled.rows, self.scaled.columns) || x.ncols() != y.ncols() {
            let message =
                format!("the plan is between {} and {} points, got {:?} and {:?}", self.scaled.rows, self.scaled.columns, x.dim(), y.dim());
            return Err(Error::input(message));
        }
        let pull = match cost {
            Cost::SquaredEuclidean => Some(Pull::Square),
            Cost::Euclidean => Some(Pull::Distance),
            Cost::Cosine => Some(Pull::Cosine),
            Cost::Sphere => Some(Pull::Arc),
            Cost::PNorm(_) | Cost::Custom(_) => None,
        };
        let gradient = within(context, self.scaled.values.len(), || match pull {
            Some(pull) => self.linear_gradient(x, y, pull),
            None => self.general_gradient(x, y, cost),
        });
        Array2::from_shape_vec(y.dim(), gradient).map_err(|e| Error::internal(e.to_string()))
    }

    /// Costs whose gradient is `along y_j - toward x_i` with scalar weights: a matrix product over blocks.
    fn linear_gradient(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, pull: Pull) -> Vec<T> {
        let width = x.ncols();
        let (x, y) = (x.as_standard_layout(), y.as_standard_layout());
        let (x, y) = (x.as_slice().unwrap_or_default(), y.as_slice().unwrap_or_default());
        let norms = |points: &[T]| -> Vec<T> { points.chunks(width).map(root_of_squares).collect() };
        let (norms_x, norms_y) = (norms(x), norms(y));
        let mut gradient = vec![T::ZERO; y.len()];
        let tasks: Vec<_> = gradient.chunks_mut(CHUNK_COLUMNS * width).enumerate().collect();
        run(tasks, self.scaled.is_large(), |(index, gradient)| {
            let first = index * CHUNK_COLUMNS;
            let columns = gradient.len() / width;
            let mut along = vec![T::ZERO; columns];
            let mut toward = vec![T::ZERO; CHUNK_ROWS * columns];
            for (chunk, points) in x.chunks(CHUNK_ROWS * width).enumerate() {
                let rows = points.len() / width;
                for (r, toward) in toward.chunks_mut(columns).take(rows).enumerate() {
                    let i = chunk * CHUNK_ROWS + r;
                    let range = first..first + columns;
                    let row = PlanRow {
                        u: self.kernel.u[i],
                        kernel: &self.kernel.values.row(i)[range.clone()],
                        v: &self.kernel.v[range.clone()],
                        scaled: &self.scaled.row(i)[range.clone()],
                        norm_x: norms_x[i],
                        norms_y: &norms_y[range],
                        epsilon: T::from_f64(self.epsilon),
                    };
                    T::weigh(pull, row, toward, &mut along);
                }
                let left = Rows { data: &toward[..rows * columns], rows, columns, stride: columns };
                add_transposed_product(gradient, left, Rows { data: points, rows, columns: width, stride: width });
            }
            let points = y[first * width..].chunks(width);
            for ((gradient, point), along) in gradient.chunks_mut(width).zip(points).zip(along) {
                gradient.iter_mut().zip(point).for_each(|(out, &y)| *out = along.fused(y, *out));
            }
        });
        gradient
    }

    fn general_gradient(&self, x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, cost: &Cost) -> Vec<T> {
        let width = x.ncols();
        let wide = |points: ArrayView2<'_, T>| -> Vec<f64> { points.iter().map(|value| value.to_f64()).collect() };
        let (x, y) = (wide(x), wide(y));
        let mut gradient = vec![T::ZERO; y.len()];
        let tasks: Vec<_> = gradient.chunks_mut(width).zip(y.chunks(width)).enumerate().collect();
        run(tasks, self.scaled.is_large(), |(j, (gradient, y))| {
            let mut sum = vec![0.0; width];
            let coupled = |i: usize| {
                let (k, v, _) = self.entry(i, j);
                (self.kernel.u[i] * k * v).to_f64()
            };
            cost.add_pull(&x, y, coupled, &mut sum);
            gradient.iter_mut().zip(sum).for_each(|(out, sum)| *out = T::from_f64(sum));
        });
        gradient
    }

    fn entry(&self, i: usize, j: usize) -> (T, T, T) {
        (self.kernel.values.row(i)[j], self.kernel.v[j], self.scaled.row(i)[j])
    }

    /// The column potential as a function: g at any point, from the row points and potentials.
    pub fn column_potential(&self, x: ArrayView2<'_, T>, cost: &Cost) -> PotentialFunction<T> {
        PotentialFunction::new(x, &self.f, &self.row_weights, cost, self.epsilon)
    }

    /// The row potential as a function: f at any point, from the column points and potentials.
    pub fn row_potential(&self, y: ArrayView2<'_, T>, cost: &Cost) -> PotentialFunction<T> {
        PotentialFunction::new(y, &self.g, &self.column_weights, cost, self.epsilon)
    }
}

/// An entropic potential at any point: `h(z) = -eps log sum_i w_i exp((p_i - c(z, z_i)) / eps)` with support points z_i.
///
/// At the points that the plan was solved for it repeats one half-iteration; elsewhere it extends the potential, which makes it a
/// start for a problem with other samples of the same distributions.
#[derive(Clone, Debug)]
pub struct PotentialFunction<T> {
    points: Array2<T>,
    /// `p_i / eps + log w_i`.
    scaled: Vec<f64>,
    cost: Cost,
    epsilon: f64,
}

impl<T: Real> PotentialFunction<T> {
    fn new(points: ArrayView2<'_, T>, potential: &Array1<f64>, weights: &[f64], cost: &Cost, epsilon: f64) -> Self {
        let scaled = potential.iter().zip(weights).map(|(p, w)| p / epsilon + w.ln()).collect();
        Self { points: points.to_owned(), scaled, cost: cost.clone(), epsilon }
    }

    /// The potential at the rows of `z (k, d)`.
    ///
    /// # Errors
    /// `z` has another width than the support, or is not in the domain of the cost.
    pub fn evaluate(&self, z: ArrayView2<'_, T>, context: &Context) -> Result<Array1<f64>> {
        self.cost.check(z, self.points.view())?;
        Ok(within(context, z.nrows() * self.points.nrows(), || {
            let scaled = self.cost.padded(z, self.points.view(), 1.0 / self.epsilon);
            let softmins = row_softmins(&scaled, &padded_vector(&self.scaled, scaled.stride));
            softmins.into_iter().map(|value| self.epsilon * value).collect()
        }))
    }
}
