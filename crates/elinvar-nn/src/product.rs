//! The three matrix products of a dense layer and the sum for its bias, one thread each.

use crate::real::Real;
use elinvar_math::linalg::product_into;
use elinvar_math::simd::dispatch;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

/// `inputs (n, i) . weightᵀ` with `weight (o, i)`: a layer forward. A row of the result is the same bits whatever rows are beside it.
pub(crate) fn forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::zeros((inputs.nrows(), weight.nrows()));
    forward_into(inputs, weight, out.view_mut(), false);
    out
}

/// Multiplications up to which a product has a kernel for small ones.
const SMALL: usize = 4096;
/// Inputs beyond which that kernel adds in another order than the one for large products.
const SHORT: usize = 64;

/// `out += inputs (n, i) . weightᵀ` with `weight (o, i)`, each row the same bits whatever rows are beside it.
pub(crate) fn add_forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
    forward_into(inputs, weight, out, true);
}

/// `out = inputs (n, i) . weightᵀ`, or that added to `out`; see [`forward`] and [`add_forward`].
pub(crate) fn forward_into<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, mut out: ArrayViewMut2<'_, T>, add: bool) {
    let (rows, least) = (inputs.nrows(), least_rows(weight));
    if rows == 0 || rows >= least {
        return fitting(product_into(out, add, T::one(), inputs, weight.reversed_axes()));
    }
    let filled_up = |matrix: ArrayView2<'_, T>| {
        Array2::from_shape_fn((least, matrix.ncols()), |(i, j)| if i < rows { matrix[[i, j]] } else { T::zero() })
    };
    let mut sums = filled_up(out.view());
    fitting(product_into(sums.view_mut(), add, T::one(), filled_up(inputs).view(), weight.reversed_axes()));
    out.assign(&sums.slice_axis(Axis(0), (0..rows).into()));
}

/// Rows from which on products with this weight add in one order. A product of one row has a kernel of its own too.
fn least_rows<T>(weight: ArrayView2<'_, T>) -> usize {
    let (outputs, inputs) = weight.dim();
    if inputs > SHORT { (SMALL / (inputs * outputs).max(1) + 1).max(2) } else { 2 }
}

/// `out += gradient (n, o) . weight (o, i)`.
pub(crate) fn add_backward<T: Real>(gradient: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, out: &mut Array2<T>) {
    fitting(product_into(out.view_mut(), true, T::one(), gradient, weight));
}

/// `gradient (n, o) . weight (o, i)`: a layer backward.
pub(crate) fn backward<T: Real>(gradient: ArrayView2<'_, T>, weight: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::zeros((gradient.nrows(), weight.ncols()));
    fitting(product_into(out.view_mut(), false, T::one(), gradient, weight));
    out
}

/// `out (o, i) += factor * gradientᵀ . inputs`: the gradient of a layer's weight.
pub(crate) fn add_weight_gradient<T: Real>(factor: T, gradient: ArrayView2<'_, T>, inputs: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
    fitting(product_into(out, true, factor, gradient.reversed_axes(), inputs));
}

/// The shapes of a network's own matrices fit by construction.
fn fitting(product: elinvar_core::Result<()>) {
    if let Err(error) = product {
        unreachable!("{error}");
    }
}

/// `out += sum over rows of gradient`: the gradient of a layer's bias.
pub(crate) fn add_row_sum<T: Real>(gradient: &Array2<T>, out: &mut [T]) {
    let values = numbers(gradient);
    dispatch(
        #[inline(always)]
        || {
            for row in values.chunks_exact(out.len()) {
                for (sum, &value) in out.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        },
    );
}

/// The numbers of an array that this crate made itself, and which is therefore contiguous.
pub(crate) fn contiguous<T>(array: &mut Array2<T>) -> &mut [T] {
    array.as_slice_mut().unwrap_or_else(|| unreachable!("made in standard order"))
}

/// The numbers of such an array, to be read.
pub(crate) fn numbers<T>(array: &Array2<T>) -> &[T] {
    array.as_slice().unwrap_or_else(|| unreachable!("made in standard order"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::tests::matrix;

    fn rows_stand_alone<T: Real>(inputs: usize, outputs: usize, of: fn(f64) -> T) {
        let weight = matrix(outputs, inputs, 0.731, 0.1, 1.0).mapv(of);
        let rows = matrix(300, inputs, 0.377, 0.5, 1.0).mapv(of);
        let whole = forward(rows.view(), weight.view());
        for count in [1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 65, 200] {
            for start in [0, 7] {
                let of = |all: &Array2<T>| all.slice_axis(Axis(0), (start..start + count).into()).to_owned();
                assert_eq!(forward(of(&rows).view(), weight.view()), of(&whole), "{inputs} {outputs} {count} {start}");
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_rows_beside_it() {
        for (inputs, outputs) in [(1, 8), (3, 32), (33, 3), (64, 1), (100, 256), (513, 64), (1500, 20)] {
            rows_stand_alone(inputs, outputs, |v| v as f32);
        }
    }

    #[test]
    fn nor_where_the_product_is_small() {
        for inputs in [63, 64, 65, 66, 100, 127, 128, 129, 513, 2047, 4095, 4097] {
            for outputs in [1, 2, 3, 4, 8, 17] {
                rows_stand_alone(inputs, outputs, |v| v as f32);
                rows_stand_alone(inputs, outputs, |v| v);
            }
        }
    }
}
