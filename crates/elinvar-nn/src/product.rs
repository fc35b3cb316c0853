//! The three matrix products of a dense layer and the sum for its bias, one thread each.

use crate::real::Real;
use elinvar_math::linalg::product_into;
use elinvar_math::simd::dispatch;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// `inputs (n, i) . weightᵀ` with `weight (o, i)`: a layer forward.
pub(crate) fn forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::zeros((inputs.nrows(), weight.nrows()));
    fitting(product_into(out.view_mut(), false, T::one(), inputs, weight.reversed_axes()));
    out
}

/// `out += inputs (n, i) . weightᵀ` with `weight (o, i)`.
pub(crate) fn add_forward<T: Real>(inputs: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
    fitting(product_into(out, true, T::one(), inputs, weight.reversed_axes()));
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
