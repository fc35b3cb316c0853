//! Polyphase anchoring (Ding et al. 2023, arXiv:2306.07470): rolls a map on a torus so that its strongest polyphase component comes first.
//!
//! The polyphase component (p, q) of a map holds its pixels in rows p, p + s, ... and columns q, q + s, .... A map that was shifted in a
//! circle by any whole number of pixels has the same components in other places. After the anchor the two therefore differ by a shift
//! of whole strides, which strided convolutions and windows of the stride commute with; after a full anchor they do not differ at all.
//!
//! # Ties
//!
//! Norms of components may be equal, in pixel graphics often are, and sums of the same numbers in another order may differ in their
//! last bits. Norms are taken in double precision, in which those of grey levels are exact, and components within 1e-12 of the
//! greatest are told apart by keys that move with the map as norms do: squared norms of its channels, then the sums of products with
//! the neighbours (0, 1), (1, 0), (1, 1), (0, 2), (2, 0) and (1, -1). A map whose components agree in all of these is ambiguous.

use crate::simd::{LANES, Real, dispatch};
use elinvar_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Part of the greatest value within which two values tie.
const TIE: f64 = 1e-12;

/// Rows and columns to the neighbours of the keys.
const NEIGHBOURS: [(isize, isize); 6] = [(0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, -1)];

/// In what order the numbers of a map stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// (C, H, W): images.
    ChannelsFirst,
    /// (H, W, C): tokens.
    ChannelsLast,
}

/// Size and order of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torus {
    /// Channels (C).
    pub channels: usize,
    /// Rows (H).
    pub height: usize,
    /// Columns (W).
    pub width: usize,
    /// Order of the numbers.
    pub layout: Layout,
}

impl Torus {
    /// Numbers of a map.
    pub fn len(self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    /// Whether a map has no numbers.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn index(self, channel: usize, row: usize, column: usize) -> usize {
        match self.layout {
            Layout::ChannelsFirst => (channel * self.height + row) * self.width + column,
            Layout::ChannelsLast => (row * self.width + column) * self.channels + channel,
        }
    }

    /// `out[i, j] = map[i + rows, j + columns]`, in a circle: what stood at the offset comes first.
    ///
    /// # Errors
    /// When a slice is not a map of this size.
    pub fn roll<T: Copy>(self, map: &[T], offset: Offset, out: &mut [T]) -> Result<()> {
        self.check(map.len())?;
        self.check(out.len())?;
        let (planes, cell) = match self.layout {
            Layout::ChannelsFirst => (self.channels, 1),
            Layout::ChannelsLast => (1, self.channels),
        };
        let (line, split) = (self.width * cell, offset.column % self.width * cell);
        for index in 0..planes * self.height {
            let (plane, row) = (index / self.height, (index % self.height + offset.row) % self.height);
            let source = &map[(plane * self.height + row) * line..][..line];
            let target = &mut out[index * line..][..line];
            target[..line - split].copy_from_slice(&source[split..]);
            target[line - split..].copy_from_slice(&source[..split]);
        }
        Ok(())
    }

    fn check(self, numbers: usize) -> Result<()> {
        if numbers == self.len() && numbers > 0 {
            return Ok(());
        }
        let Self { channels, height, width, .. } = self;
        Err(Error::input(format!(
            "a map of {channels} channels, {height} rows and {width} columns has {} numbers, got {numbers}",
            self.len()
        )))
    }

    /// The offset whose roll undoes that of this one.
    #[must_use]
    pub fn back(self, offset: Offset) -> Offset {
        Offset {
            row: (self.height - offset.row % self.height) % self.height,
            column: (self.width - offset.column % self.width) % self.width,
        }
    }

    /// The offset of one roll after another.
    #[must_use]
    pub fn then(self, first: Offset, second: Offset) -> Offset {
        Offset { row: (first.row + second.row) % self.height, column: (first.column + second.column) % self.width }
    }
}

/// The pixel that an anchor brings to the first place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    /// Its row.
    pub row: usize,
    /// Its column.
    pub column: usize,
}

/// By which norm components are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Root of the sum of squares.
    #[default]
    L2,
    /// Sum of absolute values.
    L1,
    /// Largest absolute value.
    Linf,
}

/// What decides between components of equal norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// Keys that move with the map: norms of channels, then products with neighbours.
    #[default]
    Keys,
    /// The first place: the rule of the paper, which a shift may change.
    None,
}

/// How maps are anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Rows and columns from one pixel of a component to the next (s), >= 1.
    pub stride: usize,
    /// Norm of components.
    pub norm: Norm,
    /// What decides between equal ones.
    pub tie_break: TieBreak,
    /// Whether the strongest pixel of the component comes first, not just any of it: shifted maps are then equal.
    pub full: bool,
}

/// Where the anchor of a map lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The pixel to bring first.
    pub offset: Offset,
    /// Whether places were left that nothing told apart, so that the first of them was taken.
    pub ambiguous: bool,
}

impl Anchor {
    /// An anchor by the rule of the paper, with ties decided by keys.
    pub fn new(stride: usize) -> Self {
        Self { stride, norm: Norm::L2, tie_break: TieBreak::Keys, full: false }
    }

    /// Checks that the stride tiles a map.
    ///
    /// # Errors
    /// A stride of 0, or rows or columns that are not a multiple of it.
    pub fn check(&self, height: usize, width: usize) -> Result<()> {
        let stride = self.stride;
        if stride == 0 {
            return Err(Error::parameter("stride", ">= 1", 0));
        }
        if !height.is_multiple_of(stride) || !width.is_multiple_of(stride) {
            return Err(Error::input(format!("image {height}x{width} is not divisible by stride {stride}")).hint("pad or resize"));
        }
        Ok(())
    }

    /// Finds the anchor of a map of finite numbers: one pass over it; keys are taken only of places that tie.
    ///
    /// # Errors
    /// When `map` is not of this size, or the stride does not tile it.
    pub fn find<T: Real>(&self, torus: Torus, map: &[T]) -> Result<Found> {
        torus.check(map.len())?;
        self.check(torus.height, torus.width)?;
        let map = Map { torus, values: map };
        let stride = self.stride;
        let phases = (0..stride * stride).map(|k| Offset { row: k / stride, column: k % stride }).collect();
        let phase = self.strongest(map, Set { rows: stride, columns: stride }, phases, &self.phase_sizes(map));
        if !self.full {
            return Ok(phase);
        }
        let (rows, columns) = (torus.height / stride, torus.width / stride);
        let pixel = |k: usize| Offset { row: phase.offset.row + k / columns * stride, column: phase.offset.column + k % columns * stride };
        let pixels: Vec<Offset> = (0..rows * columns).map(pixel).collect();
        let single = Set { rows: torus.height, columns: torus.width };
        let sizes: Vec<f64> = pixels.iter().map(|&pixel| self.pixel_size(map, pixel)).collect();
        let found = self.strongest(map, single, pixels, &sizes);
        Ok(Found { offset: found.offset, ambiguous: found.ambiguous || phase.ambiguous })
    }

    /// Of every phase what its norm rises with.
    fn phase_sizes<T: Real>(&self, map: Map<'_, T>) -> Vec<f64> {
        match self.norm {
            Norm::L2 => map.phases(self.stride, |sum, x| x.mul_add(x, sum), |a, b| a + b),
            Norm::L1 => map.phases(self.stride, |sum, x| sum + x.abs(), |a, b| a + b),
            Norm::Linf => map.phases(self.stride, |most, x| most.larger(x.abs()), f64::larger),
        }
    }

    fn pixel_size<T: Real>(&self, map: Map<'_, T>, pixel: Offset) -> f64 {
        let channels = (0..map.torus.channels).map(|channel| map.at(channel, pixel.row, pixel.column));
        match self.norm {
            Norm::L2 => channels.map(|x| x * x).sum(),
            Norm::L1 => channels.map(f64::abs).sum(),
            Norm::Linf => channels.map(f64::abs).fold(0.0, f64::larger),
        }
    }

    /// The strongest of places, each of which stands for its set of pixels.
    fn strongest<T: Real>(&self, map: Map<'_, T>, set: Set, places: Vec<Offset>, sizes: &[f64]) -> Found {
        let most = sizes.iter().fold(0.0_f64, |most, &size| most.larger(size));
        let tolerance = if self.tie_break == TieBreak::None { 0.0 } else { TIE };
        let mut left: Vec<Offset> =
            places.into_iter().zip(sizes).filter(|&(_, &size)| size >= most - tolerance * most).map(|(p, _)| p).collect();
        let ambiguous = |left: &[Offset]| Found { offset: left.first().copied().unwrap_or_default(), ambiguous: left.len() > 1 };
        if self.tie_break == TieBreak::None || left.len() < 2 {
            return ambiguous(&left);
        }
        let scale = left.iter().map(|&place| map.squares(set, place)).fold(0.0, f64::larger);
        let channels = (0..map.torus.channels).map(Key::Channel);
        for key in channels.chain(NEIGHBOURS.map(Key::Neighbour)) {
            let values: Vec<f64> = left.iter().map(|&place| map.key(key, set, place)).collect();
            let most = values.iter().fold(f64::LOWEST, |most, &value| most.larger(value));
            left = left.into_iter().zip(values).filter(|&(_, value)| value >= most - TIE * scale).map(|(place, _)| place).collect();
            if left.len() < 2 {
                break;
            }
        }
        ambiguous(&left)
    }
}

/// What tells places of equal norm apart.
#[derive(Clone, Copy)]
enum Key {
    /// The sum of squares of one channel.
    Channel(usize),
    /// The sum of products with the pixels that lie so far below and to the right.
    Neighbour((isize, isize)),
}

/// Which pixels belong to a place: every one so many rows and columns further.
#[derive(Clone, Copy)]
struct Set {
    rows: usize,
    columns: usize,
}

#[derive(Clone, Copy)]
struct Map<'a, T> {
    torus: Torus,
    values: &'a [T],
}

impl<T: Real> Map<'_, T> {
    fn at(self, channel: usize, row: usize, column: usize) -> f64 {
        self.values[self.torus.index(channel, row, column)].to_f64()
    }

    fn pixels(self, set: Set, place: Offset) -> impl Iterator<Item = (usize, usize)> {
        let columns = move |row| (place.column..self.torus.width).step_by(set.columns).map(move |column| (row, column));
        (place.row..self.torus.height).step_by(set.rows).flat_map(columns)
    }

    fn key(self, key: Key, set: Set, place: Offset) -> f64 {
        let square = |channel, (row, column)| self.at(channel, row, column).powi(2);
        match key {
            Key::Channel(channel) => self.pixels(set, place).map(|pixel| square(channel, pixel)).sum(),
            Key::Neighbour((down, right)) => {
                let moved = |at: usize, by: isize, size: usize| (at as isize + by).rem_euclid(size as isize) as usize;
                let product = |channel, row, column| {
                    let there = self.at(channel, moved(row, down, self.torus.height), moved(column, right, self.torus.width));
                    self.at(channel, row, column) * there
                };
                let of_channel = |channel| self.pixels(set, place).map(|(row, column)| product(channel, row, column)).sum::<f64>();
                (0..self.torus.channels).map(of_channel).sum()
            }
        }
    }

    /// The sum of squares of a place, which no product with neighbours exceeds by more than rounding for phases of equal norm.
    fn squares(self, set: Set, place: Offset) -> f64 {
        (0..self.torus.channels).map(|channel| self.key(Key::Channel(channel), set, place)).sum()
    }

    /// The numbers of every phase folded from 0: `fold` takes a number in, `join` joins two results.
    fn phases(self, stride: usize, fold: impl Fn(f64, f64) -> f64 + Copy, join: impl Fn(f64, f64) -> f64 + Copy) -> Vec<f64> {
        let mut phases = vec![0.0; stride * stride];
        dispatch(
            #[inline(always)]
            || match self.torus.layout {
                Layout::ChannelsFirst => self.planes(stride, &mut phases, fold, join),
                Layout::ChannelsLast => self.cells(stride, &mut phases, fold, join),
            },
        );
        phases
    }

    /// Column by column first, so that rows are read as they lie and the inner loop vectorises for any stride.
    #[inline(always)]
    fn planes(self, stride: usize, phases: &mut [f64], fold: impl Fn(f64, f64) -> f64, join: impl Fn(f64, f64) -> f64) {
        let (height, width) = (self.torus.height, self.torus.width);
        let mut columns = vec![0.0; stride * width];
        for (index, row) in self.values.chunks_exact(width).enumerate() {
            let sums = &mut columns[index % height % stride * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = fold(*sum, x.to_f64()));
        }
        for (index, &sum) in columns.iter().enumerate() {
            let phase = &mut phases[index / width * stride + index % width % stride];
            *phase = join(*phase, sum);
        }
    }

    /// The channels of a cell in lanes.
    #[inline(always)]
    fn cells(self, stride: usize, phases: &mut [f64], fold: impl Fn(f64, f64) -> f64, join: impl Fn(f64, f64) -> f64) {
        let width = self.torus.width;
        for (index, cell) in self.values.chunks_exact(self.torus.channels).enumerate() {
            let (groups, rest) = cell.as_chunks::<LANES>();
            let mut lanes = [0.0; LANES];
            for group in groups {
                for l in 0..LANES {
                    lanes[l] = fold(lanes[l], group[l].to_f64());
                }
            }
            rest.iter().zip(&mut lanes).for_each(|(&x, lane)| *lane = fold(*lane, x.to_f64()));
            let phase = &mut phases[index / width % stride * stride + index % width % stride];
            *phase = lanes.iter().fold(*phase, |sum, &lane| join(sum, lane));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: Layout = Layout::ChannelsFirst;

    fn torus(channels: usize, height: usize, width: usize) -> Torus {
        Torus { channels, height, width, layout: FIRST }
    }

    fn rolled<T: Copy + Default>(torus: Torus, map: &[T], row: usize, column: usize) -> Vec<T> {
        let mut out = vec![T::default(); map.len()];
        torus.roll(map, Offset { row, column }, &mut out).unwrap();
        out
    }

    fn anchored(anchor: Anchor, torus: Torus, map: &[f64]) -> Vec<f64> {
        let Offset { row, column } = anchor.find(torus, map).unwrap().offset;
        rolled(torus, map, row, column)
    }

    fn counting() -> Vec<f64> {
        (0..16).map(f64::from).collect()
    }

    #[test]
    fn the_map_of_sixteen_numbers() {
        let (torus, map) = (torus(1, 4, 4), counting());
        let anchor = Anchor::new(2);
        assert_eq!(anchor.phase_sizes(Map { torus, values: &map }), [168.0, 212.0, 392.0, 468.0]);
        assert_eq!(anchor.find(torus, &map).unwrap(), Found { offset: Offset { row: 1, column: 1 }, ambiguous: false });
        assert_eq!(anchored(anchor, torus, &map)[..4], [5.0, 6.0, 7.0, 4.0]);
        let full = Anchor { full: true, ..anchor };
        assert_eq!(full.find(torus, &map).unwrap().offset, Offset { row: 3, column: 3 });
        assert_eq!(anchored(full, torus, &map)[..4], [15.0, 12.0, 13.0, 14.0]);
    }

    #[test]
    fn norms_rank_differently() {
        // Phase (0, 0) has the most spread out numbers, (0, 1) one large one.
        let (torus, map) = (torus(1, 2, 4), [3.0, 4.5, -3.0, 0.0, 0.0, 0.0, 3.0, 0.0]);
        let at = |norm| Anchor { norm, ..Anchor::new(2) }.find(torus, &map).unwrap().offset;
        assert_eq!(at(Norm::L1), Offset { row: 0, column: 0 });
        assert_eq!(at(Norm::L2), Offset { row: 0, column: 1 });
        assert_eq!(at(Norm::Linf), Offset { row: 0, column: 1 });
    }

    #[test]
    fn maps_without_an_anchor_are_ambiguous() {
        let constant = vec![1.0; 32];
        let found = Anchor::new(4).find(torus(2, 4, 4), &constant).unwrap();
        assert_eq!(found, Found { offset: Offset::default(), ambiguous: true });
        assert!(Anchor { full: true, ..Anchor::new(2) }.find(torus(2, 4, 4), &constant).unwrap().ambiguous);
        let checkerboard: Vec<f64> = (0..16).map(|k| f64::from((k / 4 + k) % 2)).collect();
        let found = Anchor::new(2).find(torus(1, 4, 4), &checkerboard).unwrap();
        assert!(found.ambiguous && found.offset == Offset { row: 0, column: 1 });
        assert!(!Anchor::new(1).find(torus(1, 4, 4), &checkerboard).unwrap().ambiguous, "there is one phase");
    }

    #[test]
    fn keys_tell_equal_pixels_apart_where_the_bare_rule_does_not() {
        // Two equal pixels in phases of one norm, told apart by what lies beside them.
        let mut map = vec![0.0; 64];
        (map[0], map[9], map[10]) = (1.0, 1.0, 0.5);
        let torus = torus(1, 8, 8);
        let bare = Anchor { tie_break: TieBreak::None, ..Anchor::new(4) };
        let mut bare_moves = false;
        for (row, column) in (0..8).flat_map(|row| (0..8).map(move |column| (row, column))) {
            let moved = rolled(torus, &map, row, column);
            assert!(!Anchor::new(4).find(torus, &moved).unwrap().ambiguous);
            assert!(is_stride_roll(torus, 4, &anchored(Anchor::new(4), torus, &map), &anchored(Anchor::new(4), torus, &moved)));
            bare_moves |= !is_stride_roll(torus, 4, &anchored(bare, torus, &map), &anchored(bare, torus, &moved));
        }
        assert!(bare_moves);
    }

    fn is_stride_roll(torus: Torus, stride: usize, a: &[f64], b: &[f64]) -> bool {
        let shifts = (0..torus.height).step_by(stride).flat_map(|row| (0..torus.width).step_by(stride).map(move |column| (row, column)));
        shifts.into_iter().any(|(row, column)| rolled(torus, a, row, column) == b)
    }

    #[test]
    fn strides_that_do_not_tile_are_refused() {
        let message = |stride, height, width| Anchor::new(stride).check(height, width).unwrap_err().to_string();
        assert!(message(4, 30, 32).contains("image 30x32 is not divisible by stride 4; pad or resize"), "{}", message(4, 30, 32));
        assert!(message(0, 4, 4).contains("stride"));
        assert!(Anchor::new(7).check(28, 14).is_ok());
    }

    #[test]
    fn a_larger_multiple_of_the_stride_anchors_for_both_but_not_the_reverse() {
        let torus = torus(1, 8, 8);
        let map: Vec<f64> = (0..64).map(|k| f64::from((k * 37 + 11) % 61)).collect();
        let moved = rolled(torus, &map, 3, 5);
        let of = |stride: usize, map: &[f64]| anchored(Anchor::new(stride), torus, map);
        assert!(is_stride_roll(torus, 2, &of(4, &map), &of(4, &moved)));
        let reverse = (0..8).all(|k| is_stride_roll(torus, 4, &of(2, &map), &of(2, &rolled(torus, &map, k, 1))));
        assert!(!reverse);
    }

    #[test]
    fn both_layouts_find_the_same_anchor() {
        let (first, last) = (torus(19, 4, 6), Torus { layout: Layout::ChannelsLast, ..torus(19, 4, 6) });
        let map: Vec<f32> = (0..first.len()).map(|k| (k as f32 * 1.7).sin()).collect();
        let mut turned = map.clone();
        for (c, i, j) in (0..19).flat_map(|c| (0..4).flat_map(move |i| (0..6).map(move |j| (c, i, j)))) {
            turned[last.index(c, i, j)] = map[first.index(c, i, j)];
        }
        for norm in [Norm::L2, Norm::L1, Norm::Linf] {
            let anchor = Anchor { norm, full: true, ..Anchor::new(2) };
            assert_eq!(anchor.find(first, &map).unwrap(), anchor.find(last, &turned).unwrap(), "{norm:?}");
        }
        let (a, b) = (rolled(first, &map, 3, 4), rolled(last, &turned, 3, 4));
        assert!((0..19).all(|c| a[first.index(c, 1, 2)] == b[last.index(c, 1, 2)]));
    }

    proptest! {
        #[test]
        fn shifted_maps_differ_by_whole_strides(
            values in prop::collection::vec(0_u8..4, 2 * 8 * 12), row in 0_usize..8, column in 0_usize..12, stride in prop::sample::select(vec![1_usize, 2, 4]),
        ) {
            let (torus, map) = (torus(2, 8, 12), values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
            let (anchor, moved) = (Anchor::new(stride), rolled(torus, &map, row, column));
            let (a, b) = (anchor.find(torus, &map).unwrap(), anchor.find(torus, &moved).unwrap());
            prop_assert_eq!(a.ambiguous, b.ambiguous);
            prop_assume!(!a.ambiguous);
            let (a, b) = (anchored(anchor, torus, &map), anchored(anchor, torus, &moved));
            prop_assert!(is_stride_roll(torus, stride, &a, &b));
            prop_assert_eq!(anchor.find(torus, &a).unwrap().offset, Offset::default());
            let full = Anchor { full: true, ..anchor };
            if !full.find(torus, &map).unwrap().ambiguous {
                prop_assert_eq!(anchored(full, torus, &map), anchored(full, torus, &moved));
            }
        }

        #[test]
        fn scale_does_not_matter_and_rolls_are_undone(values in prop::collection::vec(-1.0_f64..1.0, 48), scale in 1e-3_f64..1e3) {
            let (torus, anchor) = (torus(3, 4, 4), Anchor { full: true, ..Anchor::new(2) });
            let scaled: Vec<f64> = values.iter().map(|v| v * scale).collect();
            let offset = anchor.find(torus, &values).unwrap().offset;
            prop_assert_eq!(offset, anchor.find(torus, &scaled).unwrap().offset);
            let there = rolled(torus, &values, offset.row, offset.column);
            let back = torus.back(offset);
            prop_assert_eq!(rolled(torus, &there, back.row, back.column), values);
            prop_assert_eq!(torus.then(offset, back), Offset::default());
        }
    }
}
