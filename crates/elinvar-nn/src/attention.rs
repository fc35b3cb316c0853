//! Multi-head attention (Vaswani et al. 2017), forward and backward: softmax(q kᵀ / sqrt(width of a head)) v of every sample and head.
//!
//! Queries, keys and values may lie side by side in one matrix (rows, 3 columns), where tokens attend to those of their own sample; or queries
//! in one (rows, columns), keys and values in another (other rows, 2 columns), where they attend to other tokens.
//!
//! The probabilities are kept: at the few hundred tokens of an image they are smaller than the other activations, and to compute them
//! again would repeat the exponentials, the dearest part.

use crate::product;
use crate::real::Real;
use elinvar_math::simd::{LANES, dispatch, dot, sum};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// How rows are samples, and columns heads. The rows of queries, keys and values are (sample, token), those of probabilities
/// (sample, head, query).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// Queries of a sample.
    pub(crate) queries: usize,
    /// Keys, and values, of a sample.
    pub(crate) keys: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Columns of a head.
    pub(crate) width: usize,
}

/// The three blocks of columns.
const QUERY: usize = 0;
const KEY: usize = 1;
const VALUE: usize = 2;

/// One head of one sample.
#[derive(Clone, Copy)]
struct Pair {
    /// Its number, in the order (sample, head).
    index: usize,
    sample: usize,
    /// First column of the head in a block of columns.
    column: usize,
}

impl Heads {
    /// Self-attention of so many tokens.
    pub(crate) fn among(tokens: usize, heads: usize, width: usize) -> Self {
        Self { queries: tokens, keys: tokens, heads, width }
    }

    /// Columns of all heads.
    pub(crate) fn columns(self) -> usize {
        self.heads.saturating_mul(self.width)
    }

    /// What the scores are multiplied by.
    fn factor<T: Real>(self) -> T {
        T::of(1.0 / (self.width as f64).sqrt())
    }

    /// Every sample and head, for so many rows of queries.
    fn pairs(self, rows: usize) -> impl Iterator<Item = Pair> {
        let of = move |index: usize| Pair { index, sample: index / self.heads, column: index % self.heads * self.width };
        (0..rows / self.queries * self.heads).map(of)
    }

    /// Tokens of a sample in a block of columns.
    fn tokens(self, part: usize) -> usize {
        if part == QUERY { self.queries } else { self.keys }
    }

    /// Room for one head of one sample.
    fn room<T: Real>(self, part: usize) -> Array2<T> {
        Array2::zeros((self.tokens(part), self.width))
    }

    /// The rows of a sample and head among the probabilities.
    fn of_pair(self, pair: Pair) -> Slice {
        Slice::from(pair.index * self.queries..(pair.index + 1) * self.queries)
    }

    fn read<T: Real>(self, probabilities: &Array2<T>, pair: Pair) -> ArrayView2<'_, T> {
        probabilities.slice_axis(Axis(0), self.of_pair(pair))
    }

    fn write<T: Real>(self, probabilities: &mut Array2<T>, pair: Pair) -> ArrayViewMut2<'_, T> {
        probabilities.slice_axis_mut(Axis(0), self.of_pair(pair))
    }

    /// Copies one head of a sample out of one of the blocks of columns into a matrix of its own, with which products are fast.
    fn gather<T: Real, const N: usize>(self, rows: [&Array2<T>; N], part: usize, pair: Pair, head: &mut Array2<T>) {
        let (matrix, column) = self.place::<N>(part, pair);
        let of_sample = product::numbers(rows[matrix]).chunks_exact(rows[matrix].ncols()).skip(pair.sample * self.tokens(part));
        for (target, row) in product::contiguous(head).chunks_exact_mut(self.width).zip(of_sample) {
            target.copy_from_slice(&row[column..column + self.width]);
        }
    }

    /// The reverse of [`Self::gather`].
    fn scatter<T: Real, const N: usize>(self, head: &Array2<T>, part: usize, pair: Pair, rows: &mut [Array2<T>; N]) {
        let (matrix, column) = self.place::<N>(part, pair);
        let columns = rows[matrix].ncols();
        let of_sample = product::contiguous(&mut rows[matrix]).chunks_exact_mut(columns).skip(pair.sample * self.tokens(part));
        for (row, source) in of_sample.zip(product::numbers(head).chunks_exact(self.width)) {
            row[column..column + self.width].copy_from_slice(source);
        }
    }

    /// In which of `N` matrices a block of columns lies, and the first column of the head in it. Blocks that have no matrix of their own lie
    /// side by side in the last one.
    fn place<const N: usize>(self, part: usize, pair: Pair) -> (usize, usize) {
        let matrix = part.min(N - 1);
        (matrix, (part - matrix) * self.columns() + pair.column)
    }
}

/// Results (rows of queries, columns) and probabilities, from the matrices of queries, keys and values.
pub(crate) fn forward<T: Real, const N: usize>(heads: Heads, rows: [&Array2<T>; N]) -> (Array2<T>, Array2<T>) {
    let count = rows[0].nrows();
    let mut probabilities = Array2::zeros((count * heads.heads, heads.keys));
    let (mut query, mut key) = (heads.room(QUERY), heads.room(KEY));
    for pair in heads.pairs(count) {
        heads.gather(rows, QUERY, pair, &mut query);
        heads.gather(rows, KEY, pair, &mut key);
        product::add_forward(query.view(), key.view(), heads.write(&mut probabilities, pair));
    }
    softmax(&mut probabilities, heads.factor());
    let mut results = [Array2::zeros((count, heads.columns()))];
    let mut value = heads.room(VALUE);
    for pair in heads.pairs(count) {
        heads.gather(rows, VALUE, pair, &mut value);
        heads.scatter(&product::backward(heads.read(&probabilities, pair), value.view()), QUERY, pair, &mut results);
    }
    let [results] = results;
    (results, probabilities)
}

/// The gradients with respect to the matrices of queries, keys and values, from that with respect to the results.
pub(crate) fn backward<T: Real, const N: usize>(
    heads: Heads,
    rows: [&Array2<T>; N],
    probabilities: &Array2<T>,
    gradient: &Array2<T>,
) -> [Array2<T>; N] {
    let count = rows[0].nrows();
    let mut by_rows = rows.map(|rows| Array2::zeros(rows.raw_dim()));
    let mut by_scores = Array2::zeros(probabilities.raw_dim());
    let (mut value, mut flowing) = (heads.room(VALUE), heads.room(QUERY));
    for pair in heads.pairs(count) {
        heads.gather(rows, VALUE, pair, &mut value);
        heads.gather([gradient], QUERY, pair, &mut flowing);
        product::add_forward(flowing.view(), value.view(), heads.write(&mut by_scores, pair));
        heads.scatter(&transposed(heads.read(probabilities, pair), &flowing), VALUE, pair, &mut by_rows);
    }
    softmax_backward(probabilities, &mut by_scores, heads.factor());
    let (mut query, mut key) = (heads.room(QUERY), heads.room(KEY));
    for pair in heads.pairs(count) {
        heads.gather(rows, QUERY, pair, &mut query);
        heads.gather(rows, KEY, pair, &mut key);
        let by_score = heads.read(&by_scores, pair);
        heads.scatter(&product::backward(by_score, key.view()), QUERY, pair, &mut by_rows);
        heads.scatter(&transposed(by_score, &query), KEY, pair, &mut by_rows);
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
        let heads = Heads::among(3, 2, 2);
        let rows = matrix(6, 12, 0.7, 0.2, 1.0);
        let (results, probabilities) = forward(heads, [&rows]);
        let score = |i: usize, j: usize| (0..2).map(|c| rows[[3 + i, 2 + c]] * rows[[3 + j, 6 + c]]).sum::<f64>() / 2f64.sqrt();
        let weights = [score(1, 0), score(1, 1), score(1, 2)].map(f64::exp);
        let expected = (0..3).map(|j| weights[j] * rows[[3 + j, 11]]).sum::<f64>() / weights.iter().sum::<f64>();
        assert!((results[[4, 3]] - expected).abs() < 1e-14, "{} {expected}", results[[4, 3]]);
        // Sample 1, head 1, token 1.
        assert!((probabilities[[10, 2]] - weights[2] / weights.iter().sum::<f64>()).abs() < 1e-14);
    }

    #[test]
    fn other_tokens_are_attended_to_as_ones_own_are() {
        let rows = matrix(2 * 3, 12, 0.7, 0.2, 1.0);
        let part = |first: usize, last: usize| rows.slice_axis(Axis(1), (first..last).into()).as_standard_layout().into_owned();
        let (queries, memory, gradient) = (part(0, 4), part(4, 12), matrix(2 * 3, 4, 1.1, 0.3, 1.0));
        let own = Heads::among(3, 2, 2);
        let (results, probabilities) = forward(own, [&rows]);
        assert_eq!(forward(own, [&queries, &memory]), (results, probabilities.clone()));
        let [by_rows] = backward(own, [&rows], &probabilities, &gradient);
        let [by_queries, by_memory] = backward(own, [&queries, &memory], &probabilities, &gradient);
        assert_eq!(by_rows, ndarray::concatenate(Axis(1), &[by_queries.view(), by_memory.view()]).unwrap());
        // Six queries, one sample of them, and the keys of a single token: every result is its value.
        let heads = Heads { queries: 6, keys: 1, ..own };
        let single = memory.slice_axis(Axis(0), (0..1).into()).to_owned();
        let (results, _) = forward(heads, [&queries, &single]);
        assert!(results.rows().into_iter().all(|row| (0..4).all(|c| (row[c] - single[[0, 4 + c]]).abs() < 1e-15)));
    }
}
