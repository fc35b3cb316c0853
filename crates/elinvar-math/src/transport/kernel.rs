//! The state of the entropic solver: a scaled cost matrix, its stabilised kernel and the scalings.
//!
//! With `F = f / eps + log a`, `G = g / eps + log b` and `S = C / eps` the coupling is `P_ij = exp(F_i + G_j - S_ij)`. The kernel
//! `K_ij = exp(G0_j - S_ij - top_i)`, `top_i` the row's maximum, is stored once for base potentials `G0`; from then on one iteration
//! needs no exponentials: `u_i = a_i / (K v)_i`, `v_j = b_j / (K^T u)_j` and `P_ij = u_i K_ij v_j`. These are the log-domain iterates up
//! to rounding as long as `|log v|` stays below [`Real::SAFE_LOG`]; past it the solver takes `G0 + log v` as the new base.

use crate::simd::{LANES, Real};
use rayon::prelude::*;

/// Rows of a task. Fixed, and partial results are added in the order of tasks, so that results do not depend on threads.
pub(crate) const CHUNK_ROWS: usize = 128;
/// Entries from which on the tasks of a pass go to several threads.
const PARALLEL_ENTRIES: usize = 1 << 18;

/// Runs all tasks, on the current pool's threads if that pays.
pub(crate) fn run<Task: Send>(tasks: Vec<Task>, parallel: bool, work: impl Fn(Task) + Sync + Send) {
    if parallel {
        tasks.into_par_iter().for_each(work);
    } else {
        tasks.into_iter().for_each(work);
    }
}

/// A row-major matrix whose rows are padded to a multiple of [`LANES`].
pub(crate) struct Padded<T> {
    pub(crate) values: Vec<T>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
}

impl<T: Real> Padded<T> {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(LANES);
        Self { values: vec![T::ZERO; rows * stride], rows, columns, stride }
    }

    pub(crate) fn is_large(&self) -> bool {
        self.values.len() >= PARALLEL_ENTRIES
    }

    pub(crate) fn row(&self, i: usize) -> &[T] {
        &self.values[i * self.stride..i * self.stride + self.columns]
    }

    pub(crate) fn real_entries(&self) -> impl Iterator<Item = T> {
        self.values.chunks(self.stride).flat_map(|row| row[..self.columns].iter().copied())
    }

    pub(crate) fn to_array(&self) -> ndarray::Array2<T> {
        ndarray::Array2::from_shape_fn((self.rows, self.columns), |(i, j)| self.values[i * self.stride + j])
    }
}

/// A vector of a padded row's length, zero in the padding.
pub(crate) fn padded_vector<T: Real>(values: &[f64], stride: usize) -> Vec<T> {
    let mut padded: Vec<T> = values.iter().map(|&value| T::from_f64(value)).collect();
    padded.resize(stride, T::ZERO);
    padded
}

/// The stabilised kernel and the scalings of an iteration.
pub(crate) struct Kernel<T> {
    pub(crate) values: Padded<T>,
    /// Maximum of `G0_j - S_ij` over j.
    pub(crate) top: Vec<T>,
    /// Base potentials `G0`, padded.
    pub(crate) base: Vec<T>,
    /// Row scalings.
    pub(crate) u: Vec<T>,
    /// Column scalings relative to the base, padded with zeros.
    pub(crate) v: Vec<T>,
    /// `K^T u`, padded with zeros.
    pub(crate) column: Vec<T>,
    partial: Vec<T>,
}

/// What a task of a pass owns.
struct Task<'a, T> {
    scaled: &'a [T],
    values: &'a mut [T],
    top: &'a mut [T],
    u: &'a mut [T],
    weights: &'a [T],
    partial: &'a mut [T],
}

impl<T: Real> Kernel<T> {
    pub(crate) fn new(scaled: &Padded<T>) -> Self {
        let (rows, columns, stride) = (scaled.rows, scaled.columns, scaled.stride);
        Self {
            values: Padded::new(rows, columns),
            top: vec![T::ZERO; rows],
            base: vec![T::ZERO; stride],
            u: vec![T::ZERO; rows],
            v: vec![T::ZERO; stride],
            column: vec![T::ZERO; stride],
            partial: vec![T::ZERO; rows.div_ceil(CHUNK_ROWS) * stride],
        }
    }

    /// Takes new base potentials and resets the column scalings to 1.
    pub(crate) fn rebase(&mut self, g: impl Iterator<Item = f64>) {
        for ((base, v), g) in self.base.iter_mut().zip(&mut self.v).zip(g) {
            *base = T::from_f64(g);
            *v = T::ONE;
        }
    }

    /// One pass over the rows: `u = a / (K v)` and, if `columns`, `column = K^T u`. With `fresh` the kernel is first computed from the
    /// base (where `v` is 1).
    pub(crate) fn sweep(&mut self, scaled: &Padded<T>, weights: &[T], fresh: bool, columns: bool) {
        let stride = scaled.stride;
        let rows = CHUNK_ROWS * stride;
        let tasks: Vec<Task<'_, T>> = scaled
            .values
            .chunks(rows)
            .zip(self.values.values.chunks_mut(rows))
            .zip(self.top.chunks_mut(CHUNK_ROWS).zip(self.u.chunks_mut(CHUNK_ROWS)))
            .zip(weights.chunks(CHUNK_ROWS).zip(self.partial.chunks_mut(stride)))
            .map(|(((scaled, values), (top, u)), (weights, partial))| Task { scaled, values, top, u, weights, partial })
            .collect();
        let (base, v) = (&self.base, &self.v);
        run(tasks, scaled.is_large(), |task| {
            let column = columns.then_some(task.partial);
            if fresh {
                T::fill_rows(task.scaled, base, task.weights, task.values, task.top, task.u, column);
            } else {
                T::scale_rows(task.values, v, task.weights, task.u, column);
            }
        });
        if columns {
            self.column.fill(T::ZERO);
            for partial in self.partial.chunks(stride) {
                self.column.iter_mut().zip(partial).for_each(|(sum, &term)| *sum += term);
            }
        }
    }

    /// `log u_i - top_i = F_i`: the row potentials that make the row sums exact.
    pub(crate) fn row_potentials(&self) -> impl Iterator<Item = f64> {
        self.u.iter().zip(&self.top).map(|(u, top)| u.to_f64().ln() - top.to_f64())
    }

    /// `G0_j + log v_j = G_j`.
    pub(crate) fn column_potentials(&self) -> impl Iterator<Item = f64> {
        self.base.iter().zip(&self.v).take(self.values.columns).map(|(base, v)| base.to_f64() + v.to_f64().ln())
    }
}

/// What an update of the column scalings found.
pub(crate) struct ColumnUpdate {
    /// A column sum is so small that rounded-off entries could matter: the scalings must be computed in the log domain.
    pub(crate) underflow: bool,
    /// A scaling left the safe range: its logarithm must go into the base.
    pub(crate) drifted: bool,
}

/// Marginal error of the columns under the old scalings; all vectors padded with zeros.
pub(crate) fn column_error<T: Real>(column: &[T], v: &[T], weights: &[T]) -> f64 {
    T::column_error(column, v, weights).to_f64()
}

/// `v = b / column`; all vectors padded with zeros.
pub(crate) fn update_columns<T: Real>(column: &[T], v: &mut [T], weights: &[T]) -> ColumnUpdate {
    let (low, high) = (T::from_f64((-T::SAFE_LOG).exp()), T::from_f64(T::SAFE_LOG.exp()));
    let (underflow, drifted) = T::update_columns(column, v, weights, low, high);
    ColumnUpdate { underflow, drifted }
}

/// `G_j = log b_j - log sum_i exp(F_i - S_ij)` for every column, in the log domain: safe for any potentials.
pub(crate) fn exact_column_potentials<T: Real>(scaled: &Padded<T>, f: &[T], log_weights: &[f64]) -> Vec<f64> {
    let mut g = log_weights.to_vec();
    let tasks: Vec<_> = g.chunks_mut(LANES).enumerate().collect();
    run(tasks, scaled.is_large(), |(group, g)| {
        let (tops, sums) = T::column_exponentials(&scaled.values, scaled.stride, f, group);
        for (g, (top, sum)) in g.iter_mut().zip(tops.iter().zip(&sums)) {
            *g -= top.to_f64() + sum.to_f64().ln();
        }
    });
    g
}

/// For every row the softmin `-(top + log sum exp(g - s - top))`, nothing stored.
pub(crate) fn row_softmins<T: Real>(scaled: &Padded<T>, g: &[T]) -> Vec<f64> {
    let mut softmins = vec![0.0; scaled.rows];
    let stride = scaled.stride;
    let tasks: Vec<_> = softmins.chunks_mut(CHUNK_ROWS).zip(scaled.values.chunks(CHUNK_ROWS * stride)).collect();
    run(tasks, scaled.is_large(), |(softmins, rows)| {
        let mut scratch = vec![T::ZERO; stride];
        for (softmin, row) in softmins.iter_mut().zip(rows.chunks(stride)) {
            let (top, sum) = T::row_exponentials(row, g, &mut scratch);
            *softmin = -(top.to_f64() + sum.to_f64().ln());
        }
    });
    softmins
}
