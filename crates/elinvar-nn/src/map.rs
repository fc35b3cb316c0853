//! Maps, which lie in a row channel by channel and row by row (C, H, W), and the windows that layers see of them.

use crate::product;
use crate::real::Real;
use elinvar_core::{Error, Result};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// What a convolution sees beyond the border of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// The opposite side of the map.
    Circular,
    /// Zeros.
    Zeros,
}

/// The shape of a map. A sequence is a map of height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapShape {
    /// Channels, >= 1.
    pub channels: usize,
    /// Rows, >= 1.
    pub height: usize,
    /// Columns, >= 1.
    pub width: usize,
}

impl fmt::Display for MapShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

impl MapShape {
    /// A map of these channels, rows and columns.
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Numbers of a channel.
    pub(crate) fn plane(&self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// Columns of a matrix whose rows are such maps; the largest number where there is none as large.
    pub fn columns(&self) -> usize {
        self.channels.saturating_mul(self.plane())
    }

    /// Refuses maps without numbers, and those that are not rows of `columns` numbers.
    pub(crate) fn check(&self, columns: usize) -> Result<()> {
        match self.columns() {
            own if own == columns && own > 0 => Ok(()),
            own => Err(Error::parameter("map", format!("a shape of {columns} numbers"), format!("{self} of {own}"))),
        }
    }
}

/// Maps (n, C plane) with channels as columns, (n plane, C).
pub(crate) fn channels_last<T: Real>(maps: Array2<T>, plane: usize) -> Array2<T> {
    let (rows, channels) = (maps.nrows(), maps.ncols() / plane);
    if plane == 1 { maps } else { turned(&maps, (channels, plane), (rows * plane, channels)) }
}

/// The reverse of [`channels_last`].
pub(crate) fn channels_first<T: Real>(cells: Array2<T>, plane: usize) -> Array2<T> {
    let (rows, channels) = (cells.nrows() / plane, cells.ncols());
    if plane == 1 { cells } else { turned(&cells, (plane, channels), (rows, channels * plane)) }
}

/// Transposes every piece of this many rows and columns of the numbers of a matrix, which then has this shape.
fn turned<T: Real>(numbers: &Array2<T>, (rows, columns): (usize, usize), shape: (usize, usize)) -> Array2<T> {
    let mut out = Array2::zeros(shape);
    let pieces = product::numbers(numbers).chunks_exact(rows * columns);
    for (from, to) in pieces.zip(product::contiguous(&mut out).chunks_exact_mut(rows * columns)) {
        for (column, to) in to.chunks_exact_mut(rows).enumerate() {
            to.iter_mut().zip(from[column..].iter().step_by(columns)).for_each(|(to, &from)| *to = from);
        }
    }
    out
}

/// The windows that lie along one axis of a map.
///
/// The cells of the axis, with the border on both sides, are split by their remainder modulo the stride. Of such a phase neighbouring
/// windows see neighbouring cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Cells of the axis.
    pub(crate) size: usize,
    /// Cells of a window.
    pub(crate) kernel: usize,
    /// Cells from one window to the next.
    pub(crate) stride: usize,
    /// Cells of the border on either side, fewer than those of a window.
    pub(crate) padding: usize,
}

impl Windows {
    /// Windows that were checked: at least one cell each, at least one cell apart, at least one of them.
    ///
    /// # Errors
    /// Which number was refused.
    pub(crate) fn new(size: usize, kernel: usize, stride: usize, padding: usize) -> Result<Self> {
        if kernel == 0 || stride == 0 {
            let name = if kernel == 0 { "kernel" } else { "stride" };
            return Err(Error::parameter(name, ">= 1 on both axes", 0));
        }
        if padding >= kernel {
            return Err(Error::parameter("padding", format!("below the kernel, which has {kernel}"), padding));
        }
        match padding.checked_mul(2).and_then(|border| size.checked_add(border)) {
            Some(all) if all >= kernel => Ok(Self { size, kernel, stride, padding }),
            _ => Err(Error::parameter("kernel", format!("within the map and its border, {size} + 2 * {padding}"), kernel)),
        }
    }

    /// How many windows there are.
    pub(crate) fn count(&self) -> usize {
        (self.size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Phases of which a window sees cells.
    pub(crate) fn phases(&self) -> usize {
        self.kernel.min(self.stride)
    }

    /// Cells of a phase from the first to the last that a window sees.
    pub(crate) fn reach(&self) -> usize {
        (self.kernel - 1) / self.stride
    }

    /// Cells of a phase.
    pub(crate) fn length(&self) -> usize {
        self.count() + self.reach()
    }

    /// The cell of the map that a cell of a phase shows, where the map is continued in a circle.
    pub(crate) fn source(&self, phase: usize, cell: usize) -> usize {
        let before = self.padding.next_multiple_of(self.size) - self.padding;
        (cell * self.stride + phase + before) % self.size
    }

    /// The cells of a phase that lie in the map.
    pub(crate) fn inside(&self, phase: usize) -> Range<usize> {
        let before = |cell: usize| cell.saturating_sub(phase).div_ceil(self.stride).min(self.length());
        before(self.padding)..before(self.padding + self.size)
    }

    /// The cells of a phase that show something of the map.
    pub(crate) fn shown(&self, phase: usize, border: Padding) -> Range<usize> {
        match border {
            Padding::Circular => 0..self.length(),
            Padding::Zeros => self.inside(phase),
        }
    }

    /// A phase as it is filled, line by line.
    pub(crate) fn phase(&self, phase: usize, border: Padding) -> Phase {
        let (shown, inside) = (self.shown(phase, border), self.inside(phase));
        let beyond = (shown.start..inside.start).chain(inside.end..shown.end);
        Phase {
            stride: self.stride,
            start: self.source(phase, inside.start),
            beyond: beyond.map(|cell| (cell, self.source(phase, cell))).collect(),
            inside,
        }
    }
}

/// Which cells of a line of a map the cells of a phase show.
pub(crate) struct Phase {
    stride: usize,
    /// Cells of the phase that lie in the map.
    inside: Range<usize>,
    /// What the first of them shows.
    start: usize,
    /// Cells that lie beyond the border and show something of the map, and what they show.
    beyond: Vec<(usize, usize)>,
}

impl Phase {
    /// Writes the cells that show something of this line.
    #[inline(always)]
    pub(crate) fn show<T: Real>(&self, line: &[T], cells: &mut [T]) {
        let (seen, within) = (&line[self.start..], &mut cells[self.inside.clone()]);
        match self.stride {
            1 => within.copy_from_slice(&seen[..within.len()]),
            stride => within.iter_mut().zip(seen.iter().step_by(stride)).for_each(|(to, &from)| *to = from),
        }
        self.beyond.iter().for_each(|&(cell, source)| cells[cell] = line[source]);
    }

    /// Adds the cells to what they show of this line: the transpose of [`Self::show`].
    #[inline(always)]
    pub(crate) fn collect<T: Real>(&self, cells: &[T], line: &mut [T]) {
        let (seen, within) = (&mut line[self.start..], &cells[self.inside.clone()]);
        match self.stride {
            1 => seen.iter_mut().zip(within).for_each(|(to, &from)| *to += from),
            stride => seen.iter_mut().step_by(stride).zip(within).for_each(|(to, &from)| *to += from),
        }
        self.beyond.iter().for_each(|&(cell, source)| line[source] += cells[cell]);
    }
}
