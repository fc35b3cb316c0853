//! Maps as patches or windows, and means of tokens.

use crate::product;
use crate::real::Real;
use ndarray::Array2;

/// How a map is cut into patches, whose numbers then lie side by side: patches row by row, in each the numbers in the order (C, P, P).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patching {
    channels: usize,
    /// Rows and columns of patches.
    grid: (usize, usize),
    /// Rows and columns of a patch.
    patch: (usize, usize),
    /// Numbers of the map from one to that of the next channel, row and column.
    steps: [usize; 3],
    /// Columns of the matrices of maps and of patches.
    columns: [usize; 2],
}

impl Patching {
    /// Images (n, C H W) become patches (n * patches, C P P).
    pub(crate) fn of_images(channels: usize, grid: (usize, usize), patch: usize) -> Self {
        let (height, width) = (grid.0.saturating_mul(patch), grid.1.saturating_mul(patch));
        let plane = height.saturating_mul(width);
        let columns = [channels.saturating_mul(plane), channels.saturating_mul(patch).saturating_mul(patch)];
        Self { channels, grid, patch: (patch, patch), steps: [plane, width, 1], columns }
    }

    /// Maps of tokens (n * H W, C) become patches (n * patches, C P P).
    pub(crate) fn of_tokens(channels: usize, grid: (usize, usize), patch: usize) -> Self {
        let line = grid.1.saturating_mul(patch).saturating_mul(channels);
        let columns = [channels, channels.saturating_mul(patch).saturating_mul(patch)];
        Self { channels, grid, patch: (patch, patch), steps: [1, line, channels], columns }
    }

    /// Tokens (n * H W, C) row by row become tokens (n * H W, C) window by window. A window is a patch of the map of a single channel
    /// whose columns are all numbers of a row of tokens.
    pub(crate) fn windows(channels: usize, grid: (usize, usize), window: usize) -> Self {
        let piece = window.saturating_mul(channels);
        let line = grid.1.saturating_mul(piece);
        Self { channels: 1, grid, patch: (window, piece), steps: [line.saturating_mul(window), line, 1], columns: [channels; 2] }
    }

    /// Numbers of a map.
    fn size(&self) -> usize {
        self.grid.0 * self.grid.1 * self.channels * self.patch.0 * self.patch.1
    }

    /// Where in the map every line of a patch begins, in the order of the patches.
    fn lines(&self) -> Vec<usize> {
        let [channel, row, column] = self.steps;
        let of_cell = |cell: usize| cell / self.grid.1 * self.patch.0 * row + cell % self.grid.1 * self.patch.1 * column;
        let of_line = |line: usize| line / self.patch.0 * channel + line % self.patch.0 * row;
        let cells = (0..self.grid.0 * self.grid.1).map(of_cell);
        cells.flat_map(|start| (0..self.channels * self.patch.0).map(move |line| start + of_line(line))).collect()
    }

    /// The patches of maps.
    pub(crate) fn gather<T: Real>(&self, maps: &Array2<T>) -> Array2<T> {
        let (lines, step, mut out) = (self.lines(), self.steps[2], self.room(maps, 1));
        let samples = product::contiguous(&mut out).chunks_exact_mut(self.size()).zip(product::numbers(maps).chunks_exact(self.size()));
        for (patches, map) in samples {
            for (line, &start) in patches.chunks_exact_mut(self.patch.1).zip(&lines) {
                match step {
                    1 => line.copy_from_slice(&map[start..start + self.patch.1]),
                    _ => line.iter_mut().zip(map[start..].iter().step_by(step)).for_each(|(to, &from)| *to = from),
                }
            }
        }
        out
    }

    /// The reverse of [`Self::gather`], which is also how gradients flow back.
    pub(crate) fn scatter<T: Real>(&self, patches: &Array2<T>) -> Array2<T> {
        let (lines, step, mut out) = (self.lines(), self.steps[2], self.room(patches, 0));
        let samples = product::contiguous(&mut out).chunks_exact_mut(self.size()).zip(product::numbers(patches).chunks_exact(self.size()));
        for (map, patches) in samples {
            for (line, &start) in patches.chunks_exact(self.patch.1).zip(&lines) {
                match step {
                    1 => map[start..start + self.patch.1].copy_from_slice(line),
                    _ => map[start..].iter_mut().step_by(step).zip(line).for_each(|(to, &from)| *to = from),
                }
            }
        }
        out
    }

    /// A matrix of maps (`which` is 0) or of patches (1) for these numbers.
    fn room<T: Real>(&self, numbers: &Array2<T>, which: usize) -> Array2<T> {
        Array2::zeros((numbers.len() / self.columns[which], self.columns[which]))
    }
}

/// The mean of every `group` rows.
pub(crate) fn means<T: Real>(rows: &Array2<T>, group: usize) -> Array2<T> {
    let (width, mut out) = (rows.ncols(), Array2::zeros((rows.nrows() / group, rows.ncols())));
    let share = T::of(1.0 / group as f64);
    let places = product::contiguous(&mut out).chunks_exact_mut(width);
    for (place, rows) in places.zip(product::numbers(rows).chunks_exact(group * width)) {
        for row in rows.chunks_exact(width) {
            place.iter_mut().zip(row).for_each(|(sum, &x)| *sum += share * x);
        }
    }
    out
}

/// Rows of which the first `filled` of every `group` are `factor` times the row of the group: with all filled and a factor of 1 / group the
/// gradient of [`means`].
pub(crate) fn spread<T: Real>(rows: &Array2<T>, group: usize, filled: usize, factor: T) -> Array2<T> {
    let (width, mut out) = (rows.ncols(), Array2::zeros((rows.nrows() * group, rows.ncols())));
    let places = product::contiguous(&mut out).chunks_exact_mut(group * width);
    for (place, row) in places.zip(product::numbers(rows).chunks_exact(width)) {
        for target in place.chunks_exact_mut(width).take(filled) {
            target.iter_mut().zip(row).for_each(|(y, &x)| *y = factor * x);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::tests::matrix;

    #[test]
    fn patches_of_images_and_of_tokens_are_the_same_numbers() {
        let (channels, grid, patch) = (3, (2, 3), 2);
        let images = matrix(2, channels * 24, 0.7, 0.2, 1.0);
        // The same maps with channels side by side.
        let tokens = Array2::from_shape_fn((2 * 24, channels), |(row, channel)| images[[row / 24, channel * 24 + row % 24]]);
        let (of_images, of_tokens) = (Patching::of_images(channels, grid, patch), Patching::of_tokens(channels, grid, patch));
        let patches = of_images.gather(&images);
        assert_eq!(patches.dim(), (2 * 6, channels * 4));
        // Image 1, patch (1, 2), channel 2, row 0, column 1: pixel (2, 5).
        assert_eq!(patches[[6 + 5, 2 * 4 + 1]], images[[1, 2 * 24 + 2 * 6 + 5]]);
        assert_eq!(of_tokens.gather(&tokens), patches);
        assert_eq!((of_images.scatter(&patches), of_tokens.scatter(&patches)), (images, tokens));
    }

    #[test]
    fn windows_lie_one_after_the_other() {
        let tokens = matrix(2 * 24, 3, 0.7, 0.2, 1.0);
        let windows = Patching::windows(3, (2, 3), 2);
        let gathered = windows.gather(&tokens);
        // Sample 1, window (1, 0), token (1, 0) of it: token (3, 0) of the map.
        assert_eq!(gathered.row(24 + 3 * 4 + 2), tokens.row(24 + 3 * 6));
        assert_eq!(windows.scatter(&gathered), tokens);
    }
}
