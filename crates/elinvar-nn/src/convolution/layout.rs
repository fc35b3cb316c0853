//! Where the numbers of maps and of output gradients lie while a convolution works on them.
//!
//! A map is shown as planes, one for every channel and every pair of phases of the strides (row, column). A row of a plane has as many
//! cells as the columns of windows see, `pitch`. Output (i, j) is position `i pitch + j`; what a tap sees there is a number of a plane at
//! the same position, moved by an offset of the tap's own. Positions between the rows of outputs stand for no output: sums there are
//! cropped, and gradients there are zero.
//!
//! A gradient of outputs is laid out as a line for every output channel, with zeros in front as far as any tap's offset.

use super::Convolution;
use crate::map::{MapShape, Phase, Windows};
use crate::real::Real;
use elinvar_core::Result;
use elinvar_math::simd::LANES;
use std::ops::Range;

/// Positions that are computed together: two groups of lanes are what the compiler turns into full vectors.
pub(super) const WIDTH: usize = 2 * LANES;
/// Sums that are computed before they are cropped, so that they are still in the cache.
const BAND: usize = 1 << 15;

/// The layout of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    shape: Convolution,
    result: MapShape,
    rows: Windows,
    columns: Windows,
}

/// A tap of a kernel.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    /// Its number in the kernel.
    pub(super) number: usize,
    /// Planes from the first of a channel to the one it sees.
    pub(super) phase: usize,
    /// Cells from a position to the one that it sees there.
    pub(super) offset: usize,
}

impl Layout {
    /// The layout of a convolution.
    ///
    /// # Errors
    /// As for [`Convolution::result`].
    pub(crate) fn new(shape: Convolution) -> Result<Self> {
        let result = shape.result()?;
        let [rows, columns] = shape.windows()?;
        Ok(Self { shape, result, rows, columns })
    }

    /// The convolution.
    pub(crate) fn shape(&self) -> &Convolution {
        &self.shape
    }

    /// The maps that the convolution gives.
    pub(crate) fn result(&self) -> MapShape {
        self.result
    }

    pub(super) fn map_numbers(&self) -> usize {
        self.shape.map.columns()
    }

    pub(super) fn result_numbers(&self) -> usize {
        self.result.columns()
    }

    pub(super) fn result_rows(&self) -> usize {
        self.result.height
    }

    pub(super) fn pitch(&self) -> usize {
        self.columns.length()
    }

    /// Positions up to the last output.
    pub(super) fn positions(&self) -> usize {
        self.result.height * self.pitch()
    }

    /// Numbers of a plane.
    pub(super) fn plane(&self) -> usize {
        self.rows.length() * self.pitch()
    }

    /// Numbers of the planes of a channel.
    pub(super) fn channel(&self) -> usize {
        self.phases() * self.plane()
    }

    /// The taps, in the order of a kernel.
    pub(super) fn taps(&self) -> impl Iterator<Item = Tap> + '_ {
        let [_, _, height, width] = self.shape.weight();
        let ([down, right], pitch) = (self.shape.stride, self.pitch());
        (0..height * width).map(move |number| {
            let (i, j) = (number / width, number % width);
            let phase = i % down * self.columns.phases() + j % right;
            Tap { number, phase, offset: i / down * pitch + j / right }
        })
    }

    /// Zeros in front of a line: the largest offset of a tap.
    pub(super) fn front(&self) -> usize {
        self.rows.reach() * self.pitch() + self.columns.reach()
    }

    /// Numbers from one line of an output gradient to the next; behind the zeros in front these are whole groups of lanes.
    pub(super) fn line(&self) -> usize {
        self.front() + self.positions().next_multiple_of(LANES)
    }

    /// Zeros for the planes of a map, and behind them as many as are read past the end.
    pub(super) fn room_for_map<T: Real>(&self) -> Vec<T> {
        vec![T::zero(); self.shape.map.channels * self.channel() + self.pitch() + WIDTH]
    }

    /// Zeros for the lines of an output gradient, and behind them as many as are read past the end.
    pub(super) fn room_for_result<T: Real>(&self) -> Vec<T> {
        vec![T::zero(); self.result.channels * self.line() + self.front() + WIDTH]
    }

    /// Shows a map in its planes. Cells that show nothing keep their zeros.
    #[inline(always)]
    pub(super) fn show<T: Real>(&self, map: &[T], planes: &mut [T]) {
        let (width, pitch) = (self.columns.size, self.pitch());
        for phase in 0..self.phases() {
            let (rows, columns) = self.lines(phase);
            for (map, planes) in map.chunks_exact(self.shape.map.plane()).zip(planes.chunks_exact_mut(self.channel())) {
                let plane = &mut planes[phase * self.plane()..];
                for &(row, source) in &rows {
                    columns.show(&map[source * width..][..width], &mut plane[row * pitch..][..pitch]);
                }
            }
        }
    }

    /// Planes of a channel.
    pub(super) fn phases(&self) -> usize {
        self.rows.phases() * self.columns.phases()
    }

    /// Rows of a plane that show something of the map, with the rows that they show, and what its columns show.
    fn lines(&self, phase: usize) -> (Vec<(usize, usize)>, Phase) {
        let (down, right) = (phase / self.columns.phases(), phase % self.columns.phases());
        let rows = self.rows.shown(down, self.shape.border).map(|row| (row, self.rows.source(down, row))).collect();
        (rows, self.columns.phase(right, self.shape.border))
    }

    /// Rows of a plane that show something of the map.
    pub(super) fn shown_rows(&self, phase: usize) -> Range<usize> {
        self.rows.shown(phase / self.columns.phases(), self.shape.border)
    }

    /// Adds these rows of the planes of a phase to what they show of a map; `sums` holds them plane by plane.
    #[inline(always)]
    pub(super) fn collect<T: Real>(&self, sums: &[T], phase: usize, rows: &Range<usize>, map: &mut [T]) {
        let (width, size, (lines, columns)) = (self.columns.size, self.size(rows), self.lines(phase));
        let lines: Vec<(usize, usize)> = lines.into_iter().filter(|(row, _)| rows.contains(row)).collect();
        for (sums, map) in sums.chunks_exact(size).zip(map.chunks_exact_mut(self.shape.map.plane())) {
            for (cells, &(_, source)) in sums.chunks_exact(self.pitch()).zip(&lines) {
                columns.collect(cells, &mut map[source * width..][..width]);
            }
        }
    }

    /// Rows in bands of about the same height, which are worked on one after the other, for so many `channels` of sums.
    pub(super) fn bands(&self, rows: Range<usize>, channels: usize) -> impl Iterator<Item = Range<usize>> {
        let bands = rows.len().saturating_mul(self.pitch()).saturating_mul(channels).div_ceil(BAND).clamp(1, rows.len().max(1));
        let height = rows.len().div_ceil(bands).max(1);
        rows.clone().step_by(height).map(move |first| first..(first + height).min(rows.end))
    }

    /// The positions of these rows.
    pub(super) fn span(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.pitch()..rows.end * self.pitch()
    }

    /// Sums of a channel at the positions of these rows, which are filled up.
    fn size(&self, rows: &Range<usize>) -> usize {
        self.span(rows).len().next_multiple_of(WIDTH)
    }

    /// Copies the outputs among sums at the positions of these rows.
    #[inline(always)]
    pub(super) fn crop<T: Real>(&self, sums: &[T], rows: &Range<usize>, result: &mut [T]) {
        let (width, pitch) = (self.result.width, self.pitch());
        for (sums, target) in sums.chunks_exact(self.size(rows)).zip(result.chunks_exact_mut(self.result.plane())) {
            let target = &mut target[rows.start * width..rows.end * width];
            for (line, target) in sums.chunks_exact(pitch).zip(target.chunks_exact_mut(width)) {
                target.copy_from_slice(&line[..width]);
            }
        }
    }

    /// Lays the gradient of outputs out in lines. What lies between keeps its zeros.
    #[inline(always)]
    pub(super) fn lay_out<T: Real>(&self, gradient: &[T], lines: &mut [T]) {
        let (width, front) = (self.result.width, self.front());
        for (channel, line) in gradient.chunks_exact(self.result.plane()).zip(lines.chunks_exact_mut(self.line())) {
            for (row, place) in channel.chunks_exact(width).zip(line[front..].chunks_mut(self.pitch())) {
                place[..width].copy_from_slice(row);
            }
        }
    }
}
