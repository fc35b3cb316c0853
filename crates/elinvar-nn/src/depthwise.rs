//! Depth-wise 3 x 3 convolution with an identity beside it, on grids whose cells are rows: z + convolution(z) + bias.
//!
//! As in PyTorch, a convolution is a correlation: tap (i, j) sees the cell i - 1 rows below and j - 1 columns to the right.

use crate::map::Padding;
use crate::product;
use crate::real::Real;
use elinvar_math::simd::dispatch;
use ndarray::Array2;

/// Numbers of a kernel.
pub(crate) const TAPS: usize = 9;

/// Cell, tap, and cell that the tap sees, where there is one, for a grid of these rows and columns.
fn neighbours((height, width): (usize, usize), padding: Padding) -> Vec<[usize; 3]> {
    let seen = |cell: usize, tap: usize| {
        // One more than the row and column that are seen, so that none is below 0.
        let (row, column) = (cell / width + tap / 3, cell % width + tap % 3);
        let inside = (1..=height).contains(&row) && (1..=width).contains(&column);
        let there = (row + height - 1) % height * width + (column + width - 1) % width;
        (inside || padding == Padding::Circular).then_some([cell, tap, there])
    };
    (0..height * width).flat_map(|cell| (0..TAPS).filter_map(move |tap| seen(cell, tap))).collect()
}

/// The kernels (channels, taps) as (taps, channels), or the reverse, so that channels lie side by side.
fn turned<T: Real>(weight: &[T], rows: usize) -> Vec<T> {
    let columns = weight.len() / rows;
    (0..weight.len()).map(|k| weight[k % rows * columns + k / rows]).collect()
}

/// The channels of one cell.
#[inline(always)]
fn cell<T>(grid: &[T], index: usize, channels: usize) -> &[T] {
    &grid[index * channels..(index + 1) * channels]
}

#[inline(always)]
fn cell_mut<T>(grid: &mut [T], index: usize, channels: usize) -> &mut [T] {
    &mut grid[index * channels..(index + 1) * channels]
}

/// z + convolution(z) + bias of cells (samples * cells of the grid, channels); `weight` is (channels, 3, 3).
pub(crate) fn forward<T: Real>(grid: (usize, usize), padding: Padding, input: &Array2<T>, weight: &[T], bias: &[T]) -> Array2<T> {
    let (channels, pairs, taps) = (bias.len(), neighbours(grid, padding), turned(weight, bias.len()));
    let mut out = input.clone();
    let size = grid.0 * grid.1 * channels;
    let samples = product::contiguous(&mut out).chunks_exact_mut(size).zip(product::numbers(input).chunks_exact(size));
    dispatch(
        #[inline(always)]
        || {
            for (out, input) in samples {
                for &[here, tap, there] in &pairs {
                    let (target, taps) = (cell_mut(out, here, channels), cell(&taps, tap, channels));
                    for ((y, &x), &w) in target.iter_mut().zip(cell(input, there, channels)).zip(taps) {
                        *y = x.fused(w, *y);
                    }
                }
                for cell in out.chunks_exact_mut(channels) {
                    cell.iter_mut().zip(bias).for_each(|(y, &b)| *y += b);
                }
            }
        },
    );
    out
}

/// The gradient with respect to `input` from that with respect to the result; adds those of weight and bias to `by`.
pub(crate) fn backward<T: Real>(
    (grid, padding): ((usize, usize), Padding),
    input: &Array2<T>,
    weight: &[T],
    gradient: &Array2<T>,
    (by_weight, by_bias): (&mut [T], &mut [T]),
) -> Array2<T> {
    let (channels, pairs, taps) = (by_bias.len(), neighbours(grid, padding), turned(weight, by_bias.len()));
    product::add_row_sum(gradient, by_bias);
    let mut by_taps = vec![T::zero(); weight.len()];
    let mut out = gradient.clone();
    let size = grid.0 * grid.1 * channels;
    let samples = product::contiguous(&mut out).chunks_exact_mut(size).zip(product::numbers(input).chunks_exact(size));
    let samples = samples.zip(product::numbers(gradient).chunks_exact(size));
    dispatch(
        #[inline(always)]
        || {
            for ((out, input), gradient) in samples {
                for &[here, tap, there] in &pairs {
                    let (flowing, seen) = (cell(gradient, here, channels), cell(input, there, channels));
                    let (target, taps) = (cell_mut(out, there, channels), cell(&taps, tap, channels));
                    let by_taps = cell_mut(&mut by_taps, tap, channels);
                    for ((((y, by), &g), &x), &w) in target.iter_mut().zip(by_taps).zip(flowing).zip(seen).zip(taps) {
                        *y = g.fused(w, *y);
                        *by = g.fused(x, *by);
                    }
                }
            }
        },
    );
    by_weight.iter_mut().zip(turned(&by_taps, TAPS)).for_each(|(sum, by)| *sum += by);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::tests::matrix;

    #[test]
    fn a_single_tap_is_a_circular_shift() {
        let input = matrix(2 * 6, 2, 0.7, 0.3, 1.0);
        let mut weight = vec![0.0; 2 * TAPS];
        // Channel 1 sees the cell above and to the left.
        weight[TAPS] = 2.0;
        let out = forward((2, 3), Padding::Circular, &input, &weight, &[0.0, 0.5]);
        assert_eq!(out.column(0), input.column(0));
        assert!((out[[6, 1]] - (input[[6, 1]] + 2.0 * input[[11, 1]] + 0.5)).abs() < 1e-15);
        assert!((out[[10, 1]] - (input[[10, 1]] + 2.0 * input[[6, 1]] + 0.5)).abs() < 1e-15);
        let bordered = forward((2, 3), Padding::Zeros, &input, &weight, &[0.0, 0.5]);
        assert!((bordered[[6, 1]] - (input[[6, 1]] + 0.5)).abs() < 1e-15);
        assert_eq!(bordered.row(10), out.row(10));
    }
}
