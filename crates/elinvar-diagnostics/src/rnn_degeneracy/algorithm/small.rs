//! Products and solves of square matrices of some tens of rows, where a general library spends more on its calls than on numbers.
//! Matrices are row-major slices whose number of rows is a multiple of [`LANES`]; every function writes into a place that the caller keeps.

use elinvar_math::simd::{self, dispatch};

/// Numbers of a row that are worked on together. Smaller matrices are filled up with zeros to a multiple of it.
pub(super) const LANES: usize = 8;
/// Rows of the target that are worked on together.
const ROWS: usize = 4;

/// `target = left right`.
pub(super) fn product(n: usize, left: &[f64], right: &[f64], target: &mut [f64]) {
    target.fill(0.0);
    add_product(n, 1.0, left, right, target);
}

/// `target += factor left right`.
pub(super) fn add_product(n: usize, factor: f64, left: &[f64], right: &[f64], target: &mut [f64]) {
    dispatch(
        #[inline(always)]
        || {
            let blocks = n / LANES;
            let (right, target) = (right.as_chunks::<LANES>().0, target.as_chunks_mut::<LANES>().0);
            for (weights, rows) in left.chunks_exact(ROWS * n).zip(target.chunks_exact_mut(ROWS * blocks)) {
                let (first, rest) = weights.split_at(n);
                let (second, rest) = rest.split_at(n);
                let (third, fourth) = rest.split_at(n);
                for block in 0..blocks {
                    let [mut a, mut b, mut c, mut d] = [[0.0; LANES]; ROWS];
                    for k in 0..n {
                        let row = right[k * blocks + block];
                        for lane in 0..LANES {
                            a[lane] = first[k].mul_add(row[lane], a[lane]);
                            b[lane] = second[k].mul_add(row[lane], b[lane]);
                            c[lane] = third[k].mul_add(row[lane], c[lane]);
                            d[lane] = fourth[k].mul_add(row[lane], d[lane]);
                        }
                    }
                    for (i, sum) in [a, b, c, d].iter().enumerate() {
                        let place = &mut rows[i * blocks + block];
                        for lane in 0..LANES {
                            place[lane] += factor * sum[lane];
                        }
                    }
                }
            }
        },
    );
}

/// `target = matrixᵀ`.
pub(super) fn transpose(n: usize, matrix: &[f64], target: &mut [f64]) {
    for i in 0..n {
        for j in 0..n {
            target[j * n + i] = matrix[i * n + j];
        }
    }
}

/// `matrix = (matrix - matrixᵀ) / 2`.
pub(super) fn keep_skew(n: usize, matrix: &mut [f64]) {
    for i in 0..n {
        matrix[i * n + i] = 0.0;
        for j in 0..i {
            let skew = 0.5 * (matrix[i * n + j] - matrix[j * n + i]);
            matrix[i * n + j] = skew;
            matrix[j * n + i] = -skew;
        }
    }
}

/// `target = (I - W/2)^{-1} (I + W/2)` for skew W: orthogonal, and exp(W) to second order. `room` is overwritten.
///
/// The symmetric part of `I - W/2` is the identity, so that elimination needs no pivots.
pub(super) fn cayley(n: usize, skew: &[f64], room: &mut [f64], target: &mut [f64]) {
    for (place, &w) in skew.iter().enumerate() {
        let eye = if place % (n + 1) == 0 { 1.0 } else { 0.0 };
        (room[place], target[place]) = (eye - 0.5 * w, eye + 0.5 * w);
    }
    dispatch(
        #[inline(always)]
        || {
            for k in 0..n {
                let (upper, lower) = room.split_at_mut((k + 1) * n);
                let (above, below) = target.split_at_mut((k + 1) * n);
                let (pivot, image) = (&upper[k * n..], &above[k * n..]);
                for (row, right) in lower.chunks_exact_mut(n).zip(below.chunks_exact_mut(n)) {
                    let factor = row[k] / pivot[k];
                    for j in k..n {
                        row[j] = (-factor).mul_add(pivot[j], row[j]);
                    }
                    for j in 0..n {
                        right[j] = (-factor).mul_add(image[j], right[j]);
                    }
                }
            }
            for k in (0..n).rev() {
                let (above, below) = target.split_at_mut(k * n);
                let image = &mut below[..n];
                let inverse = 1.0 / room[k * n + k];
                image.iter_mut().for_each(|v| *v *= inverse);
                for (i, right) in above.chunks_exact_mut(n).enumerate() {
                    let factor = room[i * n + k];
                    for j in 0..n {
                        right[j] = (-factor).mul_add(image[j], right[j]);
                    }
                }
            }
        },
    );
}

/// Sum of the products of all numbers.
pub(super) fn inner(left: &[f64], right: &[f64]) -> f64 {
    dispatch(
        #[inline(always)]
        || simd::dot(left, right),
    )
}

/// `target += factor other`.
pub(super) fn add_scaled(target: &mut [f64], factor: f64, other: &[f64]) {
    dispatch(
        #[inline(always)]
        || target.iter_mut().zip(other).for_each(|(t, o)| *t += factor * o),
    );
}
