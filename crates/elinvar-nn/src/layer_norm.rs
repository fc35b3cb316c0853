//! Layer normalisation, forward and backward (Ba, Kiros and Hinton 2016): over the columns of each row.

use crate::real::Real;
use elinvar_math::simd::{dispatch, dot, sum};
use ndarray::Array2;

/// What the backward pass of one layer norm needs.
pub(crate) struct LayerNormTape<T> {
    /// (x - mean) / sqrt(variance + epsilon).
    standard: Array2<T>,
    /// 1 / sqrt(variance + epsilon) a row.
    inverse_deviation: Vec<T>,
}

/// Normalises every row of `values` (n, d) to mean 0 and variance 1, then scales and shifts its columns.
pub(crate) fn forward<T: Real>(epsilon: f64, values: &mut Array2<T>, scale: &[T], shift: &[T]) -> LayerNormTape<T> {
    let (width, epsilon) = (scale.len(), T::of(epsilon));
    let share = T::of(1.0 / width as f64);
    let mut standard = values.clone();
    let mut inverse_deviation = vec![T::zero(); values.nrows()];
    let rows = crate::product::contiguous(values).chunks_exact_mut(width);
    let kept = crate::product::contiguous(&mut standard).chunks_exact_mut(width);
    dispatch(
        #[inline(always)]
        || {
            for ((row, standard), inverse) in rows.zip(kept).zip(&mut inverse_deviation) {
                let mean = sum(row, |x| x) * share;
                let variance = sum(row, |x| (x - mean) * (x - mean)) * share;
                *inverse = T::one() / (variance + epsilon).root();
                for (j, x) in row.iter_mut().enumerate() {
                    standard[j] = (*x - mean) * *inverse;
                    *x = standard[j] * scale[j] + shift[j];
                }
            }
        },
    );
    LayerNormTape { standard, inverse_deviation }
}

/// Turns the gradient with respect to the result into that with respect to the argument, in place, and adds those with respect to scale
/// and shift where they are wanted.
pub(crate) fn backward<T: Real>(tape: &LayerNormTape<T>, gradient: &mut Array2<T>, scale: &[T], by: Option<(&mut [T], &mut [T])>) {
    let width = scale.len();
    if let Some((by_scale, by_shift)) = by {
        add_scale_and_shift(tape, gradient, by_scale, by_shift);
    }
    let share = T::of(1.0 / width as f64);
    let rows = crate::product::contiguous(gradient).chunks_exact_mut(width);
    let kept = crate::product::numbers(&tape.standard);
    dispatch(
        #[inline(always)]
        || {
            for ((row, standard), &inverse) in rows.zip(kept.chunks_exact(width)).zip(&tape.inverse_deviation) {
                row.iter_mut().zip(scale).for_each(|(g, &s)| *g *= s);
                let mean = sum(row, |g| g) * share;
                row.iter_mut().for_each(|g| *g -= mean);
                let along = dot(row, standard) * share;
                row.iter_mut().zip(standard).for_each(|(g, &s)| *g = inverse * (*g - s * along));
            }
        },
    );
}

fn add_scale_and_shift<T: Real>(tape: &LayerNormTape<T>, gradient: &Array2<T>, by_scale: &mut [T], by_shift: &mut [T]) {
    let width = by_scale.len();
    let rows = crate::product::numbers(gradient).chunks_exact(width);
    let kept = crate::product::numbers(&tape.standard).chunks_exact(width);
    dispatch(
        #[inline(always)]
        || {
            for (row, standard) in rows.zip(kept) {
                for (((scale, shift), &g), &s) in by_scale.iter_mut().zip(by_shift.iter_mut()).zip(row).zip(standard) {
                    *scale += g * s;
                    *shift += g;
                }
            }
        },
    );
}
