//! Products of long vectors in fixed lanes: the same bits on every processor.

use crate::simd::{LANES, dispatch, sum_lanes};

/// `a . b`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    dispatch(
        #[inline(always)]
        || dot_lanes(a, b),
    )
}

#[inline(always)]
fn dot_lanes(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            lanes[l] = a[l].mul_add(b[l], lanes[l]);
        }
    }
    a_rest.iter().zip(b_rest).fold(sum_lanes(&lanes), |sum, (a, b)| a.mul_add(*b, sum))
}

/// `target += factor x`.
pub(super) fn add_scaled(target: &mut [f64], factor: f64, x: &[f64]) {
    dispatch(
        #[inline(always)]
        || {
            for (t, x) in target.iter_mut().zip(x) {
                *t = factor.mul_add(*x, *t);
            }
        },
    );
}

/// `target = rows x` for a row-major matrix whose rows lie `stride` apart.
pub(super) fn multiply_rows(target: &mut [f64], rows: &[f64], stride: usize, x: &[f64]) {
    dispatch(
        #[inline(always)]
        || {
            for (i, t) in target.iter_mut().enumerate() {
                *t = dot_lanes(&rows[i * stride..i * stride + x.len()], x);
            }
        },
    );
}

/// Euclidean norm.
pub(super) fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Largest absolute value.
pub(super) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

/// Largest absolute difference.
pub(super) fn largest_change(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()))
}
