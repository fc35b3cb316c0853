//! The inner loops of the entropic solver: a scaled cost matrix, its stabilised kernel, and one pass over the rows.
//!
//! With `F = f / eps + log a`, `G = g / eps + log b` and `S = C / eps` the coupling is `P_ij = exp(F_i + G_j - S_ij)`. The kernel
//! `K_ij = exp(G0_j - S_ij - top_i)`, `top_i` the row's maximum, is stored once for base potentials `G0`; from then on one iteration
//! needs no exponentials: `u_i = a_i / (K v)_i`, `v_j = b_j / (K^T u)_j` and `P_ij = u_i K_ij v_j`. These are the log-domain iterates up
//! to rounding as long as `|log v|` stays below [`Real::SAFE_LOG`]; past it the solver takes `G0 + log v` as the new base.

use crate::simd::{LANES, Real, dispatch, groups, max_lanes, sum_lanes};
use rayon::prelude::*;

/// Rows of a task. Fixed, and partial results are added in the order of tasks, so that results do not depend on threads.
pub(crate) const CHUNK_ROWS: usize = 128;
/// Entries from which on the tasks of a pass go to several threads.
const PARALLEL_ENTRIES: usize = 1 << 18;
/// Rows that go through the inner loop together, so that a pass loads the vectors beside them once.
const ROW_GROUP: usize = 4;

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

/// Writes `exp(g - s - top)` and returns `top = max(g - s)` and the sum of what was written.
///
/// Three plain loops rather than one: compilers turn each into full vectors, a merged one into gathers.
#[inline(always)]
pub(crate) fn row_exponentials<T: Real>(scaled: &[T], g: &[T], out: &mut [T]) -> (T, T) {
    let mut tops = [T::LOWEST; LANES];
    for (s, g) in groups(scaled).iter().zip(groups(g)) {
        for l in 0..LANES {
            tops[l] = tops[l].larger(g[l] - s[l]);
        }
    }
    let top = max_lanes(&tops);
    for ((&s, &g), out) in scaled.iter().zip(g).zip(out.iter_mut()) {
        *out = (g - s - top).fast_exp();
    }
    let mut sums = [T::ZERO; LANES];
    for out in groups(out) {
        for l in 0..LANES {
            sums[l] += out[l];
        }
    }
    (top, sum_lanes(&sums))
}

/// `R` inner products of padded rows with `v`.
#[inline(always)]
fn row_products<T: Real, const R: usize>(rows: &[T], v: &[T]) -> [T; R] {
    let stride = v.len();
    let rows: [&[[T; LANES]]; R] = std::array::from_fn(|r| groups(&rows[r * stride..(r + 1) * stride]));
    let mut sums = [[T::ZERO; LANES]; R];
    for (group, v) in groups(v).iter().enumerate() {
        for r in 0..R {
            let row = &rows[r][group];
            for l in 0..LANES {
                sums[r][l] = row[l].fused(v[l], sums[r][l]);
            }
        }
    }
    std::array::from_fn(|r| sum_lanes(&sums[r]))
}

/// `w += sum_r u_r row_r` over four rows.
#[inline(always)]
fn add_rows<T: Real>(rows: &[T], u: &[T], w: &mut [T]) {
    let stride = w.len();
    let [r0, r1, r2, r3] = std::array::from_fn(|r| &rows[r * stride..(r + 1) * stride]);
    let (u0, u1, u2, u3) = (u[0], u[1], u[2], u[3]);
    for ((((w, &r0), &r1), &r2), &r3) in w.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
        *w = r3.fused(u3, r2.fused(u2, r1.fused(u1, r0.fused(u0, *w))));
    }
}

/// `w += u row`.
#[inline(always)]
fn add_row<T: Real>(row: &[T], u: T, w: &mut [T]) {
    for (w, &row) in w.iter_mut().zip(row) {
        *w = row.fused(u, *w);
    }
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
            dispatch(
                #[inline(always)]
                || sweep_rows(task, base, v, fresh, columns),
            );
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

#[inline(always)]
fn sweep_rows<T: Real>(task: Task<'_, T>, base: &[T], v: &[T], fresh: bool, columns: bool) {
    let stride = v.len();
    task.partial.fill(T::ZERO);
    let group = ROW_GROUP * stride;
    for (index, rows) in task.values.chunks_mut(group).enumerate() {
        let range = index * ROW_GROUP..index * ROW_GROUP + rows.len() / stride;
        let u = &mut task.u[range.clone()];
        if fresh {
            for (r, row) in rows.chunks_mut(stride).enumerate() {
                let i = range.start + r;
                (task.top[i], u[r]) = row_exponentials(&task.scaled[i * stride..(i + 1) * stride], base, row);
            }
        } else if u.len() == ROW_GROUP {
            u.copy_from_slice(&row_products::<T, ROW_GROUP>(rows, v));
        } else {
            for (row, sum) in rows.chunks(stride).zip(u.iter_mut()) {
                [*sum] = row_products::<T, 1>(row, v);
            }
        }
        for (u, &weight) in u.iter_mut().zip(&task.weights[range]) {
            *u = weight / *u;
        }
        if columns && u.len() == ROW_GROUP {
            add_rows(rows, u, task.partial);
        } else if columns {
            for (row, &u) in rows.chunks(stride).zip(u.iter()) {
                add_row(row, u, task.partial);
            }
        }
    }
}

/// What an update of the column scalings found.
pub(crate) struct ColumnUpdate {
    /// A column sum is so small that rounded-off entries could matter: the scalings must be computed in the log domain.
    pub(crate) underflow: bool,
    /// A scaling left the safe range: its logarithm must go into the base.
    pub(crate) drifted: bool,
}

/// Marginal error of the columns under the old scalings.
pub(crate) fn column_error<T: Real>(column: &[T], v: &[T], weights: &[T]) -> f64 {
    dispatch(
        #[inline(always)]
        || {
            let mut errors = [T::ZERO; LANES];
            for ((column, v), weight) in groups(column).iter().zip(groups(v)).zip(groups(weights)) {
                for l in 0..LANES {
                    errors[l] += (column[l] * v[l] - weight[l]).magnitude();
                }
            }
            sum_lanes(&errors).to_f64()
        },
    )
}

/// `v = b / column`; all vectors padded with zeros.
pub(crate) fn update_columns<T: Real>(column: &[T], v: &mut [T], weights: &[T]) -> ColumnUpdate {
    let low = T::from_f64((-T::SAFE_LOG).exp());
    let high = T::from_f64(T::SAFE_LOG.exp());
    let mut update = ColumnUpdate { underflow: false, drifted: false };
    dispatch(
        #[inline(always)]
        || {
            for ((&column, v), &weight) in column.iter().zip(v).zip(weights) {
                update.underflow |= column < weight * low;
                *v = if column > T::ZERO { weight / column } else { T::ZERO };
                update.drifted |= *v > high || column * low > weight;
            }
        },
    );
    update
}

/// `G_j = log b_j - log sum_i exp(F_i - S_ij)` for every column, in the log domain: safe for any potentials.
pub(crate) fn exact_column_potentials<T: Real>(scaled: &Padded<T>, f: &[T], log_weights: &[f64]) -> Vec<f64> {
    let mut g = log_weights.to_vec();
    let tasks: Vec<_> = g.chunks_mut(LANES).enumerate().collect();
    run(tasks, scaled.is_large(), |(group, g)| {
        let (tops, sums) = dispatch(
            #[inline(always)]
            || column_exponentials(scaled, f, group),
        );
        for (g, (top, sum)) in g.iter_mut().zip(tops.iter().zip(&sums)) {
            *g -= top.to_f64() + sum.to_f64().ln();
        }
    });
    g
}

/// Maximum of `f_i - s_ij` and sum of `exp(f_i - s_ij - maximum)` for one group of columns.
#[inline(always)]
fn column_exponentials<T: Real>(scaled: &Padded<T>, f: &[T], group: usize) -> ([T; LANES], [T; LANES]) {
    let rows = || scaled.values.chunks(scaled.stride).map(|row| &groups(row)[group]).zip(f);
    let mut tops = [T::LOWEST; LANES];
    for (s, &f) in rows() {
        for (top, &s) in tops.iter_mut().zip(s) {
            *top = top.larger(f - s);
        }
    }
    let mut sums = [T::ZERO; LANES];
    for (s, &f) in rows() {
        for ((sum, &top), &s) in sums.iter_mut().zip(&tops).zip(s) {
            *sum += (f - s - top).fast_exp();
        }
    }
    (tops, sums)
}

/// For every row the softmin `-(top + log sum exp(g - s - top))`, nothing stored.
pub(crate) fn row_softmins<T: Real>(scaled: &Padded<T>, g: &[T]) -> Vec<f64> {
    let mut softmins = vec![0.0; scaled.rows];
    let stride = scaled.stride;
    let tasks: Vec<_> = softmins.chunks_mut(CHUNK_ROWS).zip(scaled.values.chunks(CHUNK_ROWS * stride)).collect();
    run(tasks, scaled.is_large(), |(softmins, rows)| {
        let mut scratch = vec![T::ZERO; stride];
        for (softmin, row) in softmins.iter_mut().zip(rows.chunks(stride)) {
            let (top, sum) = dispatch(
                #[inline(always)]
                || row_exponentials(row, g, &mut scratch),
            );
            *softmin = -(top.to_f64() + sum.to_f64().ln());
        }
    });
    softmins
}
