//! Layer normalisation, forward and backward (Ba, Kiros and Hinton 2016): over the columns of each row.

use crate::product;
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

/// Every row of `values` (n, d) with mean 0 and variance 1, its columns then scaled and shifted.
pub(crate) fn forward<T: Real>(epsilon: f64, values: &Array2<T>, scale: &[T], shift: &[T]) -> (Array2<T>, LayerNormTape<T>) {
    let mut standard = Array2::zeros(values.raw_dim());
    let mut inverse_deviation = vec![T::zero(); values.nrows()];
    let mut kept = product::contiguous(&mut standard).chunks_exact_mut(scale.len()).zip(&mut inverse_deviation);
    let out = normed(epsilon, values, scale, shift, |row, mean, inverse| {
        if let Some((standard, kept)) = kept.next() {
            *kept = inverse;
            standard.iter_mut().zip(row).for_each(|(to, &x)| *to = (x - mean) * inverse);
        }
    });
    (out, LayerNormTape { standard, inverse_deviation })
}

/// As [`forward`], without a way back.
pub(crate) fn predict<T: Real>(epsilon: f64, values: &Array2<T>, scale: &[T], shift: &[T]) -> Array2<T> {
    normed(epsilon, values, scale, shift, |_, _, _| {})
}

/// The normed rows. `keep` is given each row, its mean and 1 / sqrt(variance + epsilon).
fn normed<T: Real>(epsilon: f64, values: &Array2<T>, scale: &[T], shift: &[T], mut keep: impl FnMut(&[T], T, T)) -> Array2<T> {
    let (width, epsilon) = (scale.len(), T::of(epsilon));
    let share = T::of(1.0 / width as f64);
    let mut out = Array2::zeros(values.raw_dim());
    let rows = product::numbers(values).chunks_exact(width).zip(product::contiguous(&mut out).chunks_exact_mut(width));
    dispatch(
        #[inline(always)]
        || {
            for (row, out) in rows {
                let mean = sum(row, |x| x) * share;
                let variance = sum(row, |x| (x - mean) * (x - mean)) * share;
                let inverse = T::one() / (variance + epsilon).root();
                for (((out, &x), &scale), &shift) in out.iter_mut().zip(row).zip(scale).zip(shift) {
                    *out = (x - mean) * inverse * scale + shift;
                }
                keep(row, mean, inverse);
            }
        },
    );
    out
}

/// Turns the gradient with respect to the result into that with respect to the argument, in place, and adds those with respect to scale
/// and shift where they are wanted.
pub(crate) fn backward<T: Real>(tape: &LayerNormTape<T>, gradient: &mut Array2<T>, scale: &[T], by: Option<(&mut [T], &mut [T])>) {
    let width = scale.len();
    if let Some((by_scale, by_shift)) = by {
        add_scale_and_shift(tape, gradient, by_scale, by_shift);
    }
    let share = T::of(1.0 / width as f64);
    let rows = product::contiguous(gradient).chunks_exact_mut(width);
    let kept = product::numbers(&tape.standard);
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
    let rows = product::numbers(gradient).chunks_exact(width);
    let kept = product::numbers(&tape.standard).chunks_exact(width);
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
