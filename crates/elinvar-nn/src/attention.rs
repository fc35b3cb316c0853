//! Multi-head self-attention (Vaswani et al. 2017), forward and backward: softmax(q kᵀ / sqrt(width of a head)) v of every sample and head.
//!
//! The probabilities are kept: at the few hundred tokens of an image they are smaller than the other activations, and to compute them
//! again would repeat the exponentials, the dearest part.

use crate::product;
use crate::real::Real;
use elinvar_math::simd::{LANES, dispatch, dot, sum};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// How rows are samples, and columns heads. The rows of queries, keys and values are (sample, token), those of probabilities
/// (sample, head, token).
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    /// Tokens of a sample.
    pub(crate) tokens: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Columns of a head.
    pub(crate) width: usize,
}

/// The three blocks of columns.
const QUERY: usize = 0;
const KEY: usize = 1;
const VALUE: usize = 2;

impl Heads {
    /// Columns of all heads.
    fn columns(self) -> usize {
        self.heads * self.width
    }

    /// What the scores are multiplied by.
    fn factor<T: Real>(self) -> T {
        T::of(1.0 / (self.width as f64).sqrt())
    }

    /// Number, first row and first column of every sample and head.
    fn pairs(self, rows: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let of = move |pair: usize| (pair, pair / self.heads * self.tokens, pair % self.heads * self.width);
        (0..rows / self.tokens * self.heads).map(of)
    }

    /// Room for one head of one sample.
    fn room<T: Real>(self) -> Array2<T> {
        Array2::zeros((self.tokens, self.width))
    }

    /// The rows of a sample and head among the probabilities.
    fn of_pair(self, pair: usize) -> Slice {
        Slice::from(pair * self.tokens..(pair + 1) * self.tokens)
    }

    fn read<T: Real>(self, probabilities: &Array2<T>, pair: usize) -> ArrayView2<'_, T> {
        probabilities.slice_axis(Axis(0), self.of_pair(pair))
    }

    fn write<T: Real>(self, probabilities: &mut Array2<T>, pair: usize) -> ArrayViewMut2<'_, T> {
        probabilities.slice_axis_mut(Axis(0), self.of_pair(pair))
    }

    /// Copies the head of a sample into a matrix of its own, with which products are fast.
    fn gather<T: Real>(self, rows: &Array2<T>, first: usize, column: usize, head: &mut Array2<T>) {
        let of_sample = product::numbers(rows).chunks_exact(rows.ncols()).skip(first);
        for (target, row) in product::contiguous(head).chunks_exact_mut(self.width).zip(of_sample) {
            target.copy_from_slice(&row[column..column + self.width]);
        }
    }

    /// The reverse of [`Self::gather`].
    fn scatter<T: Real>(self, head: &Array2<T>, first: usize, column: usize, rows: &mut Array2<T>) {
        let columns = rows.ncols();
        let of_sample = product::contiguous(rows).chunks_exact_mut(columns).skip(first);
        for (row, source) in of_sample.zip(product::numbers(head).chunks_exact(self.width)) {
            row[column..column + self.width].copy_from_slice(source);
        }
    }
}

/// Results (rows, columns) and probabilities of rows of queries, keys and values (rows, 3 columns).
pub(crate) fn forward<T: Real>(heads: Heads, rows: &Array2<T>) -> (Array2<T>, Array2<T>) {
    let (count, columns) = (rows.nrows(), heads.columns());
    let mut probabilities = Array2::zeros((count * heads.heads, heads.tokens));
    let [mut query, mut key] = [heads.room(), heads.room()];
    for (pair, first, column) in heads.pairs(count) {
        heads.gather(rows, first, QUERY * columns + column, &mut query);
        heads.gather(rows, first, KEY * columns + column, &mut key);
        product::add_forward(query.view(), key.view(), heads.write(&mut probabilities, pair));
    }
    softmax(&mut probabilities, heads.factor());
    let mut results = Array2::zeros((count, columns));
    let mut value = heads.room();
    for (pair, first, column) in heads.pairs(count) {
        heads.gather(rows, first, VALUE * columns + column, &mut value);
        let result = product::backward(heads.read(&probabilities, pair), value.view());
        heads.scatter(&result, first, column, &mut results);
    }
    (results, probabilities)
}

/// The gradient with respect to the rows of queries, keys and values, from that with respect to the results.
pub(crate) fn backward<T: Real>(heads: Heads, rows: &Array2<T>, probabilities: &Array2<T>, gradient: &Array2<T>) -> Array2<T> {
    let (count, columns) = (rows.nrows(), heads.columns());
    let mut by_rows = Array2::zeros(rows.raw_dim());
    let mut by_scores = Array2::zeros(probabilities.raw_dim());
    let [mut value, mut flowing] = [heads.room(), heads.room()];
    for (pair, first, column) in heads.pairs(count) {
        heads.gather(rows, first, VALUE * columns + column, &mut value);
        heads.gather(gradient, first, column, &mut flowing);
        product::add_forward(flowing.view(), value.view(), heads.write(&mut by_scores, pair));
        let by_value = transposed(heads.read(probabilities, pair), &flowing);
        heads.scatter(&by_value, first, VALUE * columns + column, &mut by_rows);
    }
    softmax_backward(probabilities, &mut by_scores, heads.factor());
    let [mut query, mut key] = [heads.room(), heads.room()];
    for (pair, first, column) in heads.pairs(count) {
        heads.gather(rows, first, QUERY * columns + column, &mut query);
        heads.gather(rows, first, KEY * columns + column, &mut key);
        let by_score = heads.read(&by_scores, pair);
        heads.scatter(&product::backward(by_score, key.view()), first, QUERY * columns + column, &mut by_rows);
        heads.scatter(&transposed(by_score, &query), first, KEY * columns + column, &mut by_rows);
    }
    by_rows
}

/// `leftᵀ . right`.
fn transposed<T: Real>(left: ArrayView2<'_, T>, right: &Array2<T>) -> Array2<T> {
    let mut out = Array2::zeros((left.ncols(), right.ncols()));
    product::add_weight_gradient(T::one(), left, right.view(), out.view_mut());
    out
}

/// Every row x becomes exp(factor x), divided by its sum. Its largest number is subtracted first, so that nothing overflows.
fn softmax<T: Real>(scores: &mut Array2<T>, factor: T) {
    let width = scores.ncols();
    let values = product::contiguous(scores);
    dispatch(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(width) {
                let most = largest(row);
                row.iter_mut().for_each(|x| *x = (factor * (*x - most)).fast_exp());
                let share = T::one() / sum(row, |x| x);
                row.iter_mut().for_each(|x| *x *= share);
            }
        },
    );
}

/// `gradient <- factor p (gradient - sum of p gradient)`, row by row.
fn softmax_backward<T: Real>(probabilities: &Array2<T>, gradient: &mut Array2<T>, factor: T) {
    let width = gradient.ncols();
    let (kept, values) = (product::numbers(probabilities), product::contiguous(gradient));
    dispatch(
        #[inline(always)]
        || {
            for (row, p) in values.chunks_exact_mut(width).zip(kept.chunks_exact(width)) {
                let along = dot(row, p);
                row.iter_mut().zip(p).for_each(|(g, &p)| *g = factor * p * (*g - along));
            }
        },
    );
}

/// The largest number of a row, in lanes so that it vectorises.
#[inline(always)]
fn largest<T: Real>(row: &[T]) -> T {
    let (groups, rest) = row.as_chunks::<LANES>();
    let mut lanes = [T::LOWEST; LANES];
    for group in groups {
        for l in 0..LANES {
            lanes[l] = lanes[l].larger(group[l]);
        }
    }
    lanes.iter().chain(rest).fold(T::LOWEST, |most, &x| most.larger(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::tests::matrix;

    #[test]
    fn large_scores_do_not_overflow() {
        let mut scores = matrix(3, 37, 0.9, 0.3, 1e30).mapv(|v| v as f32);
        scores.row_mut(2).fill(-1e30);
        softmax(&mut scores, 0.25);
        for row in scores.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-6 && row.iter().all(|p| (0.0..=1.0).contains(p)), "{row}");
        }
        assert!((scores[[2, 5]] - 1.0 / 37.0).abs() < 1e-8);
    }

    #[test]
    fn heads_attend_apart() {
        let heads = Heads { tokens: 3, heads: 2, width: 2 };
        let rows = matrix(6, 12, 0.7, 0.2, 1.0);
        let (results, probabilities) = forward(heads, &rows);
        let score = |i: usize, j: usize| (0..2).map(|c| rows[[3 + i, 2 + c]] * rows[[3 + j, 6 + c]]).sum::<f64>() / 2f64.sqrt();
        let weights = [score(1, 0), score(1, 1), score(1, 2)].map(f64::exp);
        let expected = (0..3).map(|j| weights[j] * rows[[3 + j, 11]]).sum::<f64>() / weights.iter().sum::<f64>();
        assert!((results[[4, 3]] - expected).abs() < 1e-14, "{} {expected}", results[[4, 3]]);
        // Sample 1, head 1, token 1.
        assert!((probabilities[[10, 2]] - weights[2] / weights.iter().sum::<f64>()).abs() < 1e-14);
    }
}
