//! The three matrix products of a dense layer and the sum for its bias, one thread each.

use crate::real::Real;
use elinvar_math::linalg::product_into;
use elinvar_math::simd::dispatch;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// `inputs (n, i) . weightᵀ` with `weight (o, i)`: a layer forward. A row of the result is the same bits whatever rows are beside it.
pub(crate) fn forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::zeros((inputs.nrows(), weight.nrows()));
    add_forward(inputs, weight, out.view_mut());
    out
}

/// `out += inputs (n, i) . weightᵀ` with `weight (o, i)`, each row the same bits whatever rows are beside it.
pub(crate) fn add_forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, mut out: ArrayViewMut2<'_, T>) {
    if inputs.nrows() != 1 {
        return fitting(product_into(out, true, T::one(), inputs, weight.reversed_axes()));
    }
    // A product of one row has a kernel of its own, which adds in another order than that of several.
    let twice = |row: ArrayView2<'_, T>| Array2::from_shape_fn((2, row.ncols()), |(_, j)| row[[0, j]]);
    let mut both = twice(out.view());
    fitting(product_into(both.view_mut(), true, T::one(), twice(inputs).view(), weight.reversed_axes()));
    out.row_mut(0).assign(&both.row(0));
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
    use ndarray::Axis;

    #[test]
    fn a_row_does_not_depend_on_the_rows_beside_it() {
        for (inputs, outputs) in [(1, 8), (3, 32), (33, 3), (64, 1), (100, 256), (513, 64), (1500, 20)] {
            let weight = matrix(outputs, inputs, 0.731, 0.1, 1.0).mapv(|v| v as f32);
            let rows = matrix(300, inputs, 0.377, 0.5, 1.0).mapv(|v| v as f32);
            let whole = forward(rows.view(), weight.view());
            for count in [1, 2, 3, 7, 8, 16, 31, 64, 65, 200] {
                for start in [0, 7] {
                    let of = |all: &Array2<f32>| all.slice_axis(Axis(0), (start..start + count).into()).to_owned();
                    assert_eq!(forward(of(&rows).view(), weight.view()), of(&whole), "{inputs} {outputs} {count} {start}");
                }
            }
        }
    }
}
