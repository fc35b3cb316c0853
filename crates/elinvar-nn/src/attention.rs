//! Multi-head attention (Vaswani et al. 2017), forward and backward: softmax(q kᵀ / sqrt(width of a head) + bias) v of every sample and
//! head, over the keys that a mask leaves.
//!
//! Queries, keys and values may lie side by side in one matrix (rows, 3 columns), where tokens attend to those of their own sample; or queries
//! in one (rows, columns), keys and values in another (other rows, 2 columns), where they attend to other tokens; or each in a matrix of its own.
//!
//! For the way back the probabilities are kept: at the few hundred tokens of an image they are smaller than the other activations, and to
//! compute them again would repeat the exponentials, the dearest part.

use crate::product;
use crate::real::Real;
use elinvar_core::{Error, Result};
use elinvar_math::simd::{LANES, dispatch, dot, sum};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// How rows are samples, and columns heads. The rows of queries, keys and values are (sample, token), those of probabilities
/// (sample, head, query).
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Queries of a sample.
    pub queries: usize,
    /// Keys, and values, of a sample.
    pub keys: usize,
    /// Heads.
    pub heads: usize,
    /// Columns of a head.
    pub width: usize,
}

/// What says beside queries and keys who attends to whom.
#[derive(Clone, Copy, Debug)]
pub struct Guide<'a, T> {
    /// Added to the scores of every sample (heads * queries, keys), as the biases of relative positions are.
    pub bias: Option<ArrayView2<'a, T>>,
    /// Whether a query may attend to a key: (queries, keys) for all samples, or (samples * queries, keys). A query that may attend to
    /// none gives zeros.
    pub mask: Option<ArrayView2<'a, bool>>,
}

impl<T> Guide<'_, T> {
    /// Every query attends to every key.
    pub const NONE: Self = Self { bias: None, mask: None };
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
    pub fn among(tokens: usize, heads: usize, width: usize) -> Self {
        Self { queries: tokens, keys: tokens, heads, width }
    }

    /// Columns of all heads.
    pub fn columns(self) -> usize {
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

    /// Room for queries, keys and values of one head of one sample.
    fn rooms<T: Real>(self) -> [Array2<T>; 3] {
        [QUERY, KEY, VALUE].map(|part| self.room(part))
    }

    /// Room for one head of one sample.
    fn room<T: Real>(self, part: usize) -> Array2<T> {
        Array2::zeros((self.tokens(part), self.width))
    }

    /// The rows of a sample and head among the probabilities.
    fn of_pair(self, pair: Pair) -> Slice {
        Slice::from(pair.index * self.queries..(pair.index + 1) * self.queries)
    }

    /// The rows of a head in a bias.
    fn of_head(self, pair: Pair) -> Slice {
        let head = pair.column / self.width;
        Slice::from(head * self.queries..(head + 1) * self.queries)
    }

    /// The rows of a sample in a mask of so many rows.
    fn of_mask(self, pair: Pair, rows: usize) -> Slice {
        let sample = if rows == self.queries { 0 } else { pair.sample };
        Slice::from(sample * self.queries..(sample + 1) * self.queries)
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

/// Results (rows of queries, columns) of attention and the probabilities (samples * heads * queries, keys) that [`gradients`] needs, of
/// queries, keys and values (samples * tokens, columns).
///
/// # Errors
/// When a matrix, the bias or the mask has another shape than `heads` and `guide` state.
pub fn attend<T: Real>(heads: Heads, rows: [&Array2<T>; 3], guide: Guide<'_, T>) -> Result<(Array2<T>, Array2<T>)> {
    heads.check(rows)?;
    guide.check(heads, rows[QUERY].nrows() / heads.queries)?;
    Ok(forward(heads, rows.map(standard).each_ref(), guide))
}

/// The gradients with respect to queries, keys and values from that with respect to the results of [`attend`]; that with respect to the bias
/// is added to `by_bias`.
///
/// # Errors
/// When a matrix has another shape than `heads` states.
pub fn gradients<T: Real>(
    heads: Heads,
    rows: [&Array2<T>; 3],
    probabilities: &Array2<T>,
    gradient: &Array2<T>,
    by_bias: Option<ArrayViewMut2<'_, T>>,
) -> Result<[Array2<T>; 3]> {
    heads.check(rows)?;
    heads.check([gradient, rows[KEY], rows[VALUE]])?;
    let samples = rows[QUERY].nrows() / heads.queries;
    expect("probabilities", probabilities.dim(), (samples * heads.heads * heads.queries, heads.keys))?;
    if let Some(by_bias) = &by_bias {
        expect("gradient of the bias", by_bias.dim(), (heads.heads * heads.queries, heads.keys))?;
    }
    let [probabilities, gradient] = [probabilities, gradient].map(standard);
    Ok(backward(heads, rows.map(standard).each_ref(), &probabilities, &gradient, by_bias))
}

/// The matrix with its numbers row by row.
fn standard<T: Real>(matrix: &Array2<T>) -> Array2<T> {
    matrix.as_standard_layout().into_owned()
}

fn expect(what: &str, got: (usize, usize), expected: (usize, usize)) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::input(format!("the {what} of an attention must have the shape {expected:?}, got {got:?}")))
}

/// Results (rows of queries, columns) and probabilities, from the matrices of queries, keys and values.
pub(crate) fn forward<T: Real, const N: usize>(heads: Heads, rows: [&Array2<T>; N], guide: Guide<'_, T>) -> (Array2<T>, Array2<T>) {
    let count = rows[0].nrows();
    let mut probabilities = Array2::zeros((count * heads.heads, heads.keys));
    let (mut results, mut rooms) = ([Array2::zeros((count, heads.columns()))], heads.rooms());
    for pair in heads.pairs(count) {
        let scores = heads.write(&mut probabilities, pair);
        heads.scatter(&heads.attended(rows, guide, pair, &mut rooms, scores), QUERY, pair, &mut results);
    }
    let [results] = results;
    (results, probabilities)
}

/// The results alone, with room for the probabilities of one sample and head.
pub(crate) fn predict<T: Real, const N: usize>(heads: Heads, rows: [&Array2<T>; N], guide: Guide<'_, T>) -> Array2<T> {
    let count = rows[0].nrows();
    let mut probabilities = Array2::zeros((heads.queries, heads.keys));
    let (mut results, mut rooms) = ([Array2::zeros((count, heads.columns()))], heads.rooms());
    for pair in heads.pairs(count) {
        heads.scatter(&heads.attended(rows, guide, pair, &mut rooms, probabilities.view_mut()), QUERY, pair, &mut results);
    }
    let [results] = results;
    results
}

/// The gradients with respect to the matrices of queries, keys and values, from that with respect to the results. That with respect to the
/// bias is added to `by_bias`.
pub(crate) fn backward<T: Real, const N: usize>(
    heads: Heads,
    rows: [&Array2<T>; N],
    probabilities: &Array2<T>,
    gradient: &Array2<T>,
    mut by_bias: Option<ArrayViewMut2<'_, T>>,
) -> [Array2<T>; N] {
    let mut by_rows = rows.map(|rows| Array2::zeros(rows.raw_dim()));
    let mut by_scores = Array2::zeros((heads.queries, heads.keys));
    let ([mut query, mut key, mut value], mut flowing) = (heads.rooms(), heads.room(QUERY));
    for pair in heads.pairs(rows[0].nrows()) {
        let kept = heads.read(probabilities, pair);
        heads.gather([gradient], QUERY, pair, &mut flowing);
        heads.scatter(&transposed(kept, &flowing), VALUE, pair, &mut by_rows);
        heads.gather(rows, VALUE, pair, &mut value);
        product::forward_into(flowing.view(), value.view(), by_scores.view_mut(), false);
        softmax_backward(kept, &mut by_scores);
        if let Some(by_bias) = &mut by_bias {
            by_bias.slice_axis_mut(Axis(0), heads.of_head(pair)).zip_mut_with(&by_scores, |sum, &g| *sum += g);
        }
        by_scores *= heads.factor::<T>();
        heads.gather(rows, KEY, pair, &mut key);
        heads.scatter(&product::backward(by_scores.view(), key.view()), QUERY, pair, &mut by_rows);
        heads.gather(rows, QUERY, pair, &mut query);
        heads.scatter(&transposed(by_scores.view(), &query), KEY, pair, &mut by_rows);
    }
    by_rows
}

impl Heads {
    /// Refuses matrices of queries, keys and values of other shapes.
    fn check<T: Real>(self, rows: [&Array2<T>; 3]) -> Result<()> {
        if [self.queries, self.keys, self.heads, self.width].contains(&0) {
            return Err(Error::input(format!("an attention needs queries, keys, heads and columns, got {self:?}")));
        }
        let samples = rows[QUERY].nrows() / self.queries;
        expect("queries", rows[QUERY].dim(), (samples * self.queries, self.columns()))?;
        expect("keys", rows[KEY].dim(), (samples * self.keys, self.columns()))?;
        expect("values", rows[VALUE].dim(), (samples * self.keys, self.columns()))
    }

    /// The results of one sample and head, and its probabilities (queries, keys).
    fn attended<T: Real, const N: usize>(
        self,
        rows: [&Array2<T>; N],
        guide: Guide<'_, T>,
        pair: Pair,
        [query, key, value]: &mut [Array2<T>; 3],
        mut probabilities: ArrayViewMut2<'_, T>,
    ) -> Array2<T> {
        self.gather(rows, QUERY, pair, query);
        self.gather(rows, KEY, pair, key);
        self.gather(rows, VALUE, pair, value);
        product::forward_into(query.view(), key.view(), probabilities.view_mut(), false);
        guide.probabilities(self, pair, &mut probabilities);
        product::backward(probabilities.view(), value.view())
    }
}

impl<T: Real> Guide<'_, T> {
    /// Refuses a bias or a mask of another shape than its field states.
    fn check(&self, heads: Heads, samples: usize) -> Result<()> {
        if let Some(bias) = self.bias {
            expect("bias", bias.dim(), (heads.heads * heads.queries, heads.keys))?;
        }
        match self.mask {
            Some(mask) if mask.dim() == (heads.queries, heads.keys) => Ok(()),
            Some(mask) => expect("mask", mask.dim(), (samples * heads.queries, heads.keys)),
            None => Ok(()),
        }
    }

    /// Turns the products of queries and keys of one sample and head into probabilities.
    fn probabilities(&self, heads: Heads, pair: Pair, scores: &mut ArrayViewMut2<'_, T>) {
        let (keys, factor) = (heads.keys, heads.factor());
        if self.bias.is_none() && self.mask.is_none() {
            return softmax(numbers(scores), keys, factor);
        }
        let (head, sample) = (heads.of_head(pair), heads.of_mask(pair, self.mask.map_or(0, |mask| mask.nrows())));
        let bias = self.bias.map(|bias| bias.slice_axis_move(Axis(0), head));
        let mask = self.mask.map(|mask| mask.slice_axis_move(Axis(0), sample));
        scores.indexed_iter_mut().for_each(|(at, x)| {
            let allowed = mask.is_none_or(|mask| mask[at]);
            *x = if allowed { factor * *x + bias.map_or(T::zero(), |bias| bias[at]) } else { T::LOWEST };
        });
        softmax(numbers(scores), keys, T::one());
    }
}

/// The numbers of whole rows of a matrix in standard order.
fn numbers<'a, T>(rows: &'a mut ArrayViewMut2<'_, T>) -> &'a mut [T] {
    rows.as_slice_mut().unwrap_or_else(|| unreachable!("made in standard order"))
}

/// `leftᵀ . right`.
fn transposed<T: Real>(left: ArrayView2<'_, T>, right: &Array2<T>) -> Array2<T> {
    let mut out = Array2::zeros((left.ncols(), right.ncols()));
    product::add_weight_gradient(T::one(), left, right.view(), out.view_mut());
    out
}

/// Every row x of `width` numbers becomes exp(factor x), divided by its sum. Its largest number is subtracted first, so that nothing
/// overflows. A row of the lowest numbers becomes zeros.
fn softmax<T: Real>(scores: &mut [T], width: usize, factor: T) {
    dispatch(
        #[inline(always)]
        || {
            for row in scores.chunks_exact_mut(width) {
                let most = largest(row);
                if most == T::LOWEST {
                    row.fill(T::zero());
                    continue;
                }
                row.iter_mut().for_each(|x| *x = (factor * (*x - most)).fast_exp());
                let share = T::one() / sum(row, |x| x);
                row.iter_mut().for_each(|x| *x *= share);
            }
        },
    );
}

/// `gradient <- p (gradient - sum of p gradient)`, row by row.
fn softmax_backward<T: Real>(probabilities: ArrayView2<'_, T>, gradient: &mut Array2<T>) {
    let width = gradient.ncols();
    let Some(kept) = probabilities.to_slice() else { unreachable!("made in standard order") };
    let values = product::contiguous(gradient);
    dispatch(
        #[inline(always)]
        || {
            for (row, p) in values.chunks_exact_mut(width).zip(kept.chunks_exact(width)) {
                let along = dot(row, p);
                row.iter_mut().zip(p).for_each(|(g, &p)| *g = p * (*g - along));
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
        softmax(product::contiguous(&mut scores), 37, 0.25);
        for row in scores.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-6 && row.iter().all(|p| (0.0..=1.0).contains(p)), "{row}");
        }
        assert!((scores[[2, 5]] - 1.0 / 37.0).abs() < 1e-8);
    }

    #[test]
    fn heads_attend_apart() {
        let heads = Heads::among(3, 2, 2);
        let rows = matrix(6, 12, 0.7, 0.2, 1.0);
        let (results, probabilities) = forward(heads, [&rows], Guide::NONE);
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
        let (results, probabilities) = forward(own, [&rows], Guide::NONE);
        assert_eq!(forward(own, [&queries, &memory], Guide::NONE), (results, probabilities.clone()));
        let [by_rows] = backward(own, [&rows], &probabilities, &gradient, None);
        let [by_queries, by_memory] = backward(own, [&queries, &memory], &probabilities, &gradient, None);
        assert_eq!(by_rows, ndarray::concatenate(Axis(1), &[by_queries.view(), by_memory.view()]).unwrap());
        // Six queries, one sample of them, and the keys of a single token: every result is its value.
        let heads = Heads { queries: 6, keys: 1, ..own };
        let single = memory.slice_axis(Axis(0), (0..1).into()).to_owned();
        let (results, _) = forward(heads, [&queries, &single], Guide::NONE);
        assert!(results.rows().into_iter().all(|row| (0..4).all(|c| (row[c] - single[[0, 4 + c]]).abs() < 1e-15)));
    }

    /// Two samples of three queries and four keys, two heads: rows, bias and the mask of every query of every sample.
    fn guided() -> ([Array2<f64>; 3], Array2<f64>, Array2<bool>) {
        let rows = [(6, 0.7), (8, 0.9), (8, 1.3)].map(|(count, rate)| matrix(count, 4, rate, 0.2, 1.0));
        let mask = Array2::from_shape_fn((6, 4), |(query, key)| query != 4 && (query + key) % 3 != 0);
        (rows, matrix(6, 4, 0.5, 0.1, 1.0), mask)
    }

    const GUIDED: Heads = Heads { queries: 3, keys: 4, heads: 2, width: 2 };

    #[test]
    fn a_bias_moves_scores_and_a_mask_hides_keys() {
        let ([query, key, value], bias, mask) = guided();
        let guide = Guide { bias: Some(bias.view()), mask: Some(mask.view()) };
        let (results, probabilities) = attend(GUIDED, [&query, &key, &value], guide).unwrap();
        for row in 0..6 {
            let (sample, own) = (row / 3, row % 3);
            for column in 0..4 {
                let head = column / 2;
                let weight = |k: usize| {
                    let score: f64 = (0..2).map(|c| query[[row, 2 * head + c]] * key[[4 * sample + k, 2 * head + c]]).sum();
                    f64::from(u8::from(mask[[row, k]])) * (score / 2f64.sqrt() + bias[[3 * head + own, k]]).exp()
                };
                let total: f64 = (0..4).map(weight).sum();
                let expected = (0..4).map(|k| weight(k) * value[[4 * sample + k, column]]).sum::<f64>() / total;
                let found = results[[row, column]];
                assert!(if row == 4 { found == 0.0 } else { (found - expected).abs() < 1e-14 }, "{row} {column}: {found} {expected}");
                assert!((0..4).all(|k| mask[[row, k]] || probabilities[[(2 * sample + head) * 3 + own, k]] == 0.0));
            }
        }
        // A mask for all samples is that of each.
        let shared = mask.slice_axis(Axis(0), (0..3).into());
        let each = ndarray::concatenate(Axis(0), &[shared, shared]).unwrap();
        let of = |mask| attend(GUIDED, [&query, &key, &value], Guide { bias: None, mask: Some(mask) }).unwrap().0;
        assert_eq!(of(shared), of(each.view()));
    }

    #[test]
    fn gradients_with_bias_and_mask_match_central_differences() {
        let (rows, bias, mask) = guided();
        let weights = matrix(6, 4, 0.6, 0.3, 1.0);
        let cut = |flat: &[f64]| {
            let mut rest = flat;
            [(6, 4), (8, 4), (8, 4), (6, 4)].map(|(n, d)| {
                let (own, others) = rest.split_at(n * d);
                rest = others;
                Array2::from_shape_vec((n, d), own.to_vec()).unwrap()
            })
        };
        let results = |[query, key, value, bias]: &[Array2<f64>; 4]| {
            attend(GUIDED, [query, key, value], Guide { bias: Some(bias.view()), mask: Some(mask.view()) }).unwrap()
        };
        let flat: Vec<f64> = rows.iter().chain([&bias]).flat_map(|a| a.iter().copied()).collect();
        let (_, probabilities) = results(&cut(&flat));
        let mut by_bias = Array2::zeros((6, 4));
        let by_rows = gradients(GUIDED, rows.each_ref(), &probabilities, &weights, Some(by_bias.view_mut())).unwrap();
        let gradient: Vec<f64> = by_rows.iter().chain([&by_bias]).flat_map(|a| a.iter().copied()).collect();
        let value = |flat: &[f64]| (&results(&cut(flat)).0 * &weights).sum();
        crate::gradient_check(&flat, &gradient, value, &mut elinvar_core::random::stream(0, &[])).unwrap();
    }

    #[test]
    fn other_shapes_are_refused() {
        let ([query, key, value], bias, mask) = guided();
        let message = |rows: [&Array2<f64>; 3], guide| attend(GUIDED, rows, guide).unwrap_err().to_string();
        let none = Guide::NONE;
        assert!(message([&query, &query, &value], none).starts_with("the keys of an attention must have the shape (8, 4), got (6, 4)"));
        let bias = bias.slice_axis(Axis(0), (0..3).into());
        assert!(message([&query, &key, &value], Guide { bias: Some(bias), ..none }).contains("the bias"));
        let mask = mask.slice_axis(Axis(1), (0..3).into());
        assert!(message([&query, &key, &value], Guide { mask: Some(mask), ..none }).contains("the mask"));
    }
}
