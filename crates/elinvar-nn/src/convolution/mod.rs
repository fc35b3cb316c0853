//! Two-dimensional convolutions (LeCun et al. 1989), forward and backward, on rows that are maps (C, H, W).
//!
//! As in PyTorch, a convolution is a correlation: with x the map and its border, s the stride, b the bias,
//!
//! `y[o, i, j] = b[o] + sum over c, p, q of w[o, c, p, q] x[c, s i + p, s j + q]`
//!
//! where c runs over the channels of the group of o. On a map of height 1 it is a one-dimensional one.
//!
//! No matrix of patches is made. A map is copied once, with its border and split into the phases of its strides, so that the cells a tap
//! sees at neighbouring outputs lie side by side (`layout`). Outputs are then sums of such stretches times weights, the gradient with
//! respect to the map is the same sum over stretches of the output gradient, and that with respect to a weight is the inner product of
//! two stretches (`kernel`).

mod kernel;
mod layout;
#[cfg(test)]
mod tests;

pub use crate::map::{MapShape, Padding};

use crate::map::Windows;
use crate::product;
use crate::real::Real;
use elinvar_core::{Error, Result};
use elinvar_math::simd::{dispatch, sum};
use kernel::Stencil;
pub(crate) use layout::Layout;
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// The maps that it sees.
    pub map: MapShape,
    /// Channels of the result, a multiple of `groups`.
    pub outputs: usize,
    /// Rows and columns of a kernel, >= 1.
    pub kernel: [usize; 2],
    /// Rows and columns from one output to the next, >= 1.
    pub stride: [usize; 2],
    /// Rows above and below and columns on either side of the map that are seen, each fewer than the kernel's.
    pub padding: [usize; 2],
    /// What is seen there.
    pub border: Padding,
    /// Groups of channels, from 1 to a divisor of the channels; outputs of a group see its channels only.
    pub groups: usize,
}

impl Convolution {
    /// One group, stride 1, and a border of zeros half a kernel wide, so that a map keeps its height and width under odd kernels.
    pub fn new(map: MapShape, outputs: usize, kernel: [usize; 2]) -> Self {
        let padding = kernel.map(|size| size.saturating_sub(1) / 2);
        Self { map, outputs, kernel, stride: [1, 1], padding, border: Padding::Zeros, groups: 1 }
    }

    /// Windows along the rows and the columns.
    fn windows(&self) -> Result<[Windows; 2]> {
        let sizes = [self.map.height, self.map.width];
        let along = |axis: usize| Windows::new(sizes[axis], self.kernel[axis], self.stride[axis], self.padding[axis]);
        Ok([along(0)?, along(1)?])
    }

    /// The maps that it gives.
    ///
    /// # Errors
    /// A number of 0, groups that do not divide the channels, a border as wide as the kernel, or a kernel wider than map and border.
    pub fn result(&self) -> Result<MapShape> {
        self.map.check(self.map.columns())?;
        let (channels, groups) = (self.map.channels, self.groups);
        if groups == 0 || !channels.is_multiple_of(groups) || !self.outputs.is_multiple_of(groups) {
            let expected = format!("a divisor of {channels} channels and {} outputs", self.outputs);
            return Err(Error::parameter("groups", expected, groups));
        }
        if self.outputs == 0 {
            return Err(Error::parameter("outputs", ">= 1", 0));
        }
        let [rows, columns] = self.windows()?;
        Ok(MapShape::new(self.outputs, rows.count(), columns.count()))
    }

    /// Shape of the weight: (outputs, channels of a group, rows, columns).
    pub(crate) fn weight(&self) -> [usize; 4] {
        [self.outputs, self.map.channels / self.groups, self.kernel[0], self.kernel[1]]
    }

    /// Numbers that an output sees.
    pub(crate) fn seen(&self) -> usize {
        self.weight()[1..].iter().fold(1, |product, &n| product.saturating_mul(n))
    }
}

/// Outputs (n, C' H' W') without activation of maps (n, C H W).
pub(crate) fn forward<T: Real>(layout: &Layout, maps: &Array2<T>, weight: &[T], bias: &[T]) -> Array2<T> {
    let stencil = Stencil::forward(layout, weight);
    let mut results = Array2::zeros((maps.nrows(), layout.result_numbers()));
    let (mut shown, mut sums) = (layout.room_for_map(), Vec::new());
    let each = product::numbers(maps).chunks_exact(layout.map_numbers());
    for (map, result) in each.zip(product::contiguous(&mut results).chunks_exact_mut(layout.result_numbers())) {
        dispatch(
            #[inline(always)]
            || {
                layout.show(map, &mut shown);
                for rows in layout.bands(0..layout.result_rows(), bias.len()) {
                    stencil.sums(&shown, layout.span(&rows), |output| bias[output], &mut sums);
                    layout.crop(&sums, &rows, result);
                }
            },
        );
    }
    results
}

/// Positions whose gradients are added up in lanes, if there are as many, before the lanes are; for fewer the latter would cost too much.
const POSITIONS: usize = 2048;

/// Adds the gradients of weight and bias to `by`, from the `gradient` with respect to outputs without activation, and gives that with
/// respect to the maps where it is wanted.
pub(crate) fn backward<T: Real>(
    layout: &Layout,
    (maps, weight): (&Array2<T>, &[T]),
    gradient: &Array2<T>,
    (by_weight, by_bias): (&mut [T], &mut [T]),
    to_maps: bool,
) -> Option<Array2<T>> {
    let stencils = if to_maps { Stencil::backward(layout, weight) } else { Vec::new() };
    let mut by_maps = to_maps.then(|| Array2::zeros(maps.raw_dim()));
    let together = (POSITIONS / layout.positions()).clamp(1, 8);
    let mut room: Vec<(Vec<T>, Vec<T>)> =
        (0..together.min(maps.nrows())).map(|_| (layout.room_for_map(), layout.room_for_result())).collect();
    let mut sums = Vec::new();
    let (map_numbers, result_numbers) = (layout.map_numbers(), layout.result_numbers());
    let mut targets = by_maps.as_mut().map(|by| product::contiguous(by).chunks_exact_mut(map_numbers));
    let each = product::numbers(maps).chunks(together * map_numbers).zip(product::numbers(gradient).chunks(together * result_numbers));
    for (maps, gradients) in each {
        let count = maps.len() / map_numbers;
        dispatch(
            #[inline(always)]
            || {
                let pairs = maps.chunks_exact(map_numbers).zip(gradients.chunks_exact(result_numbers));
                for ((map, gradient), (shown, flowing)) in pairs.zip(&mut room) {
                    layout.show(map, shown);
                    layout.lay_out(gradient, flowing);
                    add_sums(gradient, by_bias);
                }
                kernel::add_weight_gradient(layout, &room[..count], by_weight);
            },
        );
        for ((_, flowing), target) in room[..count].iter().zip(targets.iter_mut().flatten()) {
            dispatch(
                #[inline(always)]
                || add_map_gradient(layout, &stencils, flowing, target, &mut sums),
            );
        }
    }
    by_maps
}

/// Adds the gradient with respect to a map from the lines of that with respect to its outputs.
#[inline(always)]
fn add_map_gradient<T: Real>(layout: &Layout, stencils: &[Stencil<T>], lines: &[T], by_map: &mut [T], sums: &mut Vec<T>) {
    for (phase, stencil) in stencils.iter().enumerate() {
        for rows in layout.bands(layout.shown_rows(phase), layout.shape().map.channels) {
            stencil.sums(lines, layout.span(&rows), |_| T::zero(), sums);
            layout.collect(sums, phase, &rows, by_map);
        }
    }
}

/// Adds the sum over every channel of a map.
#[inline(always)]
fn add_sums<T: Real>(map: &[T], by_channel: &mut [T]) {
    let plane = map.len() / by_channel.len();
    for (total, channel) in by_channel.iter_mut().zip(map.chunks_exact(plane)) {
        *total += sum(channel, |x| x);
    }
}
