//! Fourier transforms of square grids, and the cosine transform.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::PI;
use std::sync::Arc;

pub(super) type C = Complex<f64>;

/// Side of the tiles of a transposition: two tiles stay in the first-level cache.
const TILE: usize = 16;

/// Plans for grids of one size. A transformed grid is transposed: its rows are the frequencies of the second axis.
#[derive(Clone)]
pub(super) struct Plan {
    size: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    scratch: usize,
}

impl Plan {
    pub(super) fn new(size: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self { size, forward, inverse, scratch }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Cells of a grid.
    pub(super) fn cells(&self) -> usize {
        self.size * self.size
    }

    /// Scratch that the transforms need.
    pub(super) fn scratch(&self) -> usize {
        self.scratch
    }

    /// Transforms `grid` into `out`; rows that are empty are only those outside `occupied`, and are not looked at.
    pub(super) fn forward(&self, grid: &mut [C], occupied: impl Iterator<Item = usize>, out: &mut [C], scratch: &mut [C]) {
        let n = self.size;
        for row in occupied {
            self.forward.process_with_scratch(&mut grid[row * n..(row + 1) * n], scratch);
        }
        transpose(grid, out, n);
        self.forward.process_with_scratch(out, scratch);
    }

    /// Back from the transposed frequencies, without the division by the number of cells.
    pub(super) fn inverse(&self, frequencies: &mut [C], out: &mut [C], scratch: &mut [C]) {
        self.inverse.process_with_scratch(frequencies, scratch);
        transpose(frequencies, out, self.size);
        self.inverse.process_with_scratch(out, scratch);
    }
}

fn transpose(from: &[C], to: &mut [C], n: usize) {
    for r0 in (0..n).step_by(TILE) {
        for c0 in (0..n).step_by(TILE) {
            for r in r0..(r0 + TILE).min(n) {
                for c in c0..(c0 + TILE).min(n) {
                    to[c * n + r] = from[r * n + c];
                }
            }
        }
    }
}

/// `2 sum_j x_j cos(pi k (2 j + 1) / (2 n))` for k = 0..n (type II), through one complex transform of the same length.
pub(super) fn cosine_transform(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    // Even entries forwards, odd ones backwards.
    let order = (0..n).step_by(2).chain((1..n).step_by(2).collect::<Vec<_>>().into_iter().rev());
    let mut buffer: Vec<C> = order.map(|j| C::new(x[j], 0.0)).collect();
    FftPlanner::new().plan_fft_forward(n).process(&mut buffer);
    let turned = |(k, v): (usize, &C)| {
        let angle = -PI * k as f64 / (2.0 * n as f64);
        2.0 * (v.re * angle.cos() - v.im * angle.sin())
    };
    buffer.iter().enumerate().map(turned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_transform_matches_its_sum() {
        for n in [8, 9] {
            let x: Vec<f64> = (0..n).map(|i| (1.3 * i as f64).sin()).collect();
            for (k, got) in cosine_transform(&x).iter().enumerate() {
                let term = |(j, x): (usize, &f64)| 2.0 * x * (PI * k as f64 * (2 * j + 1) as f64 / (2 * n) as f64).cos();
                let exact: f64 = x.iter().enumerate().map(term).sum();
                assert!((got - exact).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn inverse_undoes_forward() {
        let plan = Plan::new(20);
        let mut scratch = vec![C::default(); plan.scratch()];
        let start: Vec<C> = (0..400).map(|i| C::new((0.7 * i as f64).sin(), (0.3 * i as f64).cos())).collect();
        let (mut grid, mut middle, mut end) = (start.clone(), vec![C::default(); 400], vec![C::default(); 400]);
        plan.forward(&mut grid, 0..20, &mut middle, &mut scratch);
        plan.inverse(&mut middle, &mut end, &mut scratch);
        for (a, b) in start.iter().zip(&end) {
            assert!((a - b / 400.0).norm() < 1e-13);
        }
    }
}
