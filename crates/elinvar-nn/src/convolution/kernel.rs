//! The two loops in which the time of a convolution goes: sums of stretches times weights, and inner products of stretches.
//!
//! Both keep a block of sums in registers. Every sum is added up in an order that neither the block nor other maps change.

use super::layout::{Layout, Tap, WIDTH};
use crate::real::Real;
use elinvar_math::simd::{LANES, sum};
use std::array::from_fn;
use std::ops::Range;

/// Outputs of a block, at most: of more the compiler no longer keeps the sums in vector registers.
const OUTPUTS: usize = 4;

/// Outputs of one group, and whose numbers they see.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    count: usize,
    /// Where the numbers of the group begin.
    base: usize,
}

/// Blocks of outputs of `groups` groups of `outputs` each, whose numbers lie `step` apart.
fn places(groups: usize, outputs: usize, step: usize) -> impl Iterator<Item = Place> {
    let of_group = move |group: usize| {
        let place = move |first: usize| Place { first: group * outputs + first, count: OUTPUTS.min(outputs - first), base: group * step };
        (0..outputs).step_by(OUTPUTS).map(place)
    };
    (0..groups).flat_map(of_group)
}

/// Runs `$body` with the constant `$outputs` no less than the outputs of this block: one for depth-wise convolutions.
macro_rules! with_outputs {
    ($place:expr, $outputs:ident => $body:expr) => {
        match $place.count {
            0..=1 => {
                const $outputs: usize = 1;
                $body
            }
            _ => {
                const $outputs: usize = OUTPUTS;
                $body
            }
        }
    };
}

/// A block of outputs with its weights, (numbers seen, outputs) side by side and filled up with zeros.
struct Block<T> {
    place: Place,
    weights: Vec<T>,
}

/// Sums of stretches: output o at position n is `start(o) + sum over r of weight(o, r) * numbers[base of o + offsets[r] + n]`.
pub(super) struct Stencil<T> {
    offsets: Vec<usize>,
    blocks: Vec<Block<T>>,
}

impl<T: Real> Stencil<T> {
    fn new(offsets: Vec<usize>, places: impl Iterator<Item = Place>, weight: impl Fn(usize, usize) -> T) -> Self {
        let seen = offsets.len();
        let block = |place: Place| {
            let number = |r: usize, o: usize| if o < place.count { weight(place.first + o, r) } else { T::zero() };
            let weights = with_outputs!(place, O => (0..seen).flat_map(|r| (0..O).map(move |o| number(r, o))).collect());
            Block { place, weights }
        };
        Self { offsets, blocks: places.map(block).collect() }
    }

    /// Outputs of a convolution as sums over planes.
    pub(super) fn forward(layout: &Layout, weight: &[T]) -> Self {
        let ([outputs, channels, ..], groups) = (layout.shape().weight(), layout.shape().groups);
        let offsets = seen(layout);
        let places = places(groups, outputs / groups, channels * layout.channel());
        let length = offsets.len();
        Self::new(offsets, places, |output, number| weight[output * length + number])
    }

    /// Planes of the gradient with respect to a map as sums over lines of the gradient with respect to outputs, a stencil for each phase.
    pub(super) fn backward(layout: &Layout, weight: &[T]) -> Vec<Self> {
        let ([outputs, channels, height, width], groups) = (layout.shape().weight(), layout.shape().groups);
        let outputs = outputs / groups;
        let of_phase = |phase: usize| {
            let taps: Vec<Tap> = layout.taps().filter(|tap| tap.phase == phase).collect();
            let offset = |output: usize, tap: &Tap| output * layout.line() + layout.front() - tap.offset;
            let offsets = (0..outputs).flat_map(|output| taps.iter().map(move |tap| offset(output, tap))).collect();
            let of_channel = |channel: usize, number: usize| {
                let output = channel / channels * outputs + number / taps.len();
                weight[(output * channels + channel % channels) * height * width + taps[number % taps.len()].number]
            };
            Self::new(offsets, places(groups, channels, outputs * layout.line()), of_channel)
        };
        (0..layout.phases()).map(of_phase).collect()
    }

    /// The sums at the positions of a span, which is filled up to a multiple of [`WIDTH`], one output after the other.
    ///
    /// All outputs are summed at some positions before the next, whose numbers then come from the nearest cache but once.
    #[inline(always)]
    pub(super) fn sums(&self, numbers: &[T], span: Range<usize>, start: impl Fn(usize) -> T, sums: &mut Vec<T>) {
        let size = span.len().next_multiple_of(WIDTH);
        let outputs = self.blocks.last().map_or(0, |block| block.place.first + block.place.count);
        sums.resize(outputs * size, T::zero());
        for position in (0..size).step_by(WIDTH) {
            for Block { place, weights } in &self.blocks {
                let (numbers, sums) = (&numbers[place.base + span.start + position..], &mut sums[place.first * size + position..]);
                with_outputs!(place, O => {
                    let start = from_fn(|o| if o < place.count { start(place.first + o) } else { T::zero() });
                    let part = sums_at::<T, O>(weights.as_chunks().0, &self.offsets, numbers, start);
                    for (part, sums) in part.iter().take(place.count).zip(sums.chunks_mut(size)) {
                        sums[..WIDTH].copy_from_slice(part);
                    }
                });
            }
        }
    }
}

/// Where the numbers that an output sees at position 0 lie among the planes of its group, in the order of its weights.
fn seen(layout: &Layout) -> Vec<usize> {
    let [_, channels, ..] = layout.shape().weight();
    let of_channel = |channel: usize| layout.taps().map(move |tap| channel * layout.channel() + tap.phase * layout.plane() + tap.offset);
    (0..channels).flat_map(of_channel).collect()
}

/// The sums of a block of outputs at [`WIDTH`] positions.
#[inline(always)]
fn sums_at<T: Real, const O: usize>(weights: &[[T; O]], offsets: &[usize], numbers: &[T], start: [T; O]) -> [[T; WIDTH]; O] {
    let mut sums = start.map(|start| [start; WIDTH]);
    for (weights, &offset) in weights.iter().zip(offsets) {
        let numbers = &numbers[offset..offset + WIDTH];
        for o in 0..O {
            for l in 0..WIDTH {
                sums[o][l] = weights[o].fused(numbers[l], sums[o][l]);
            }
        }
    }
    sums
}

/// Weights of an output whose gradients are added up together.
const SEEN: usize = 3;

/// Adds the gradient of the weight over some maps: their planes, and the lines of the gradients with respect to their outputs.
#[inline(always)]
pub(super) fn add_weight_gradient<T: Real>(layout: &Layout, maps: &[(Vec<T>, Vec<T>)], by_weight: &mut [T]) {
    let ([outputs, channels, ..], groups) = (layout.shape().weight(), layout.shape().groups);
    let offsets = seen(layout);
    for place in places(groups, outputs / groups, channels * layout.channel()) {
        for (index, taps) in offsets.chunks(SEEN).enumerate() {
            with_outputs!(place, O => {
                let products = inner_products::<T, O>(layout, place, taps, maps);
                for (o, products) in products.iter().enumerate().take(place.count) {
                    let target = &mut by_weight[(place.first + o) * offsets.len() + index * SEEN..];
                    target.iter_mut().zip(products).take(taps.len()).for_each(|(total, lanes)| *total += sum(lanes, |x| x));
                }
            });
        }
    }
}

/// Inner products of the lines of a block of outputs with stretches of planes, in lanes.
#[inline(always)]
fn inner_products<T: Real, const O: usize>(
    layout: &Layout,
    place: Place,
    taps: &[usize],
    maps: &[(Vec<T>, Vec<T>)],
) -> [[[T; LANES]; SEEN]; O] {
    let (front, line, length) = (layout.front(), layout.line(), layout.line() - layout.front());
    let mut sums = [[[T::zero(); LANES]; SEEN]; O];
    for (planes, lines) in maps {
        // Where there are fewer outputs or taps than places for them, the last ones stand in.
        let (mut of_outputs, mut of_taps): ([&[T]; O], [&[T]; SEEN]) = ([&[]; O], [&[]; SEEN]);
        for (o, stretch) in of_outputs.iter_mut().enumerate() {
            *stretch = &lines[(place.first + o.min(place.count - 1)) * line + front..][..length];
        }
        for (r, stretch) in of_taps.iter_mut().enumerate() {
            *stretch = &planes[place.base + taps[r.min(taps.len() - 1)]..][..length];
        }
        add_products(of_outputs.map(|line| line.as_chunks().0), of_taps.map(|seen| seen.as_chunks().0), &mut sums);
    }
    sums
}

#[inline(always)]
fn add_products<T: Real, const O: usize, const R: usize>(
    lines: [&[[T; LANES]]; O],
    seen: [&[[T; LANES]]; R],
    sums: &mut [[[T; LANES]; R]; O],
) {
    let mut own = *sums;
    for group in 0..lines[0].len() {
        let seen: [[T; LANES]; R] = from_fn(|r| seen[r][group]);
        for o in 0..O {
            let line = lines[o][group];
            for r in 0..R {
                for l in 0..LANES {
                    own[o][r][l] = line[l].fused(seen[r][l], own[o][r][l]);
                }
            }
        }
    }
    *sums = own;
}
