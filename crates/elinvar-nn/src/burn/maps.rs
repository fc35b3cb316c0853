//! Layers of maps in Burn's operations.

use super::Arrays;
use crate::batch_norm::BatchNorm;
use crate::convolution::Convolution;
use crate::map::{MapShape, Padding};
use crate::pooling::{Choice, Pool};
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Int, Tensor, TensorData};

/// Rows (n, C H W) as maps (n, C, H, W).
fn maps(rows: Tensor<2>, shape: MapShape) -> Tensor<4> {
    let count = rows.dims()[0];
    rows.reshape([count, shape.channels, shape.height, shape.width])
}

/// Maps as rows.
fn rows(maps: Tensor<4>) -> Tensor<2> {
    let [count, channels, height, width] = maps.dims();
    maps.reshape([count, channels * height * width])
}

/// Maps with so many more lines at either end of an axis as they follow in a circle.
fn wrapped(maps: Tensor<4>, axis: usize, by: usize) -> Tensor<4> {
    let size = maps.dims()[axis];
    let before = by.next_multiple_of(size) - by;
    let lines: Vec<i64> = (0..size + 2 * by).map(|line| ((line + before) % size) as i64).collect();
    let count = lines.len();
    let places = Tensor::<1, Int>::from_data(TensorData::new(lines, [count]), &maps.device());
    maps.select(axis, places)
}

/// A convolution with a border, its weight at a place and its bias after it.
pub(crate) fn convolved(arrays: &Arrays, place: usize, maps: Tensor<4>, shape: &Convolution) -> Tensor<4> {
    let (maps, padding) = match shape.border {
        Padding::Zeros => (maps, shape.padding),
        Padding::Circular => (wrapped(wrapped(maps, 2, shape.padding[0]), 3, shape.padding[1]), [0, 0]),
    };
    let options = ConvOptions::new(shape.stride, padding, [1, 1], shape.groups);
    conv2d(maps, arrays.kernels(place), Some(arrays.vector(place + 1)), options)
}

impl Convolution {
    /// The convolution of rows, without activation.
    pub(crate) fn compose(&self, arrays: &Arrays, place: usize, x: Tensor<2>) -> Tensor<2> {
        rows(convolved(arrays, place, maps(x, self.map), self))
    }
}

impl Pool {
    /// The pooled maps of rows.
    pub(crate) fn compose(&self, x: Tensor<2>) -> Tensor<2> {
        let maps = maps(x, self.shape.map);
        rows(match self.choice {
            Choice::Largest => max_pool2d(maps, MaxPoolOptions::new(self.shape.kernel).with_stride(self.shape.stride)),
            Choice::Mean => avg_pool2d(maps, AvgPoolOptions::new(self.shape.kernel).with_stride(self.shape.stride)),
        })
    }
}

impl MapShape {
    /// The mean of every channel.
    pub(crate) fn compose_means(&self, x: Tensor<2>) -> Tensor<2> {
        let count = x.dims()[0];
        x.reshape([count, self.channels, self.plane()]).mean_dim(2).reshape([count, self.channels])
    }
}

impl Arrays {
    /// Rows of channels of `plane` numbers each by their running mean and variance, scaled and shifted.
    pub(crate) fn channel_norm(&self, settings: BatchNorm, place: usize, running: usize, plane: usize, x: Tensor<2>) -> Tensor<2> {
        let [count, columns] = x.dims();
        let channels = columns / plane;
        let cells = x.reshape([count, channels, plane]).permute([0, 2, 1]).reshape([count * plane, channels]);
        let normed: Tensor<3> = self.batch_norm(settings, place, running, cells).reshape([count, plane, channels]);
        normed.permute([0, 2, 1]).reshape([count, columns])
    }
}
