//! Pooling of maps (C, H, W), forward and backward: the largest or the mean number of every window, or the mean of a channel.

use crate::map::{MapShape, Windows};
use crate::product;
use crate::real::Real;
use elinvar_core::Result;
use elinvar_math::simd::{dispatch, sum};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Windows over the channels of a map. What does not fill a window is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pooling {
    /// The maps.
    pub map: MapShape,
    /// Rows and columns of a window, >= 1.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next, >= 1.
    pub stride: [usize; 2],
}

impl Pooling {
    /// Windows side by side.
    pub fn new(map: MapShape, kernel: [usize; 2]) -> Self {
        Self { map, kernel, stride: kernel }
    }

    /// The maps that it gives.
    ///
    /// # Errors
    /// A number of 0, or a window larger than the map.
    pub fn result(&self) -> Result<MapShape> {
        self.map.check(self.map.columns())?;
        let [down, right] = self.stride;
        let rows = Windows::new(self.map.height, self.kernel[0], down, 0)?;
        let columns = Windows::new(self.map.width, self.kernel[1], right, 0)?;
        Ok(MapShape::new(self.map.channels, rows.count(), columns.count()))
    }
}

/// What becomes of the numbers of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// The largest.
    Largest,
    /// The mean.
    Mean,
}

/// A pooling that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub(crate) shape: Pooling,
    result: MapShape,
    pub(crate) choice: Choice,
}

impl Pool {
    /// # Errors
    /// As for [`Pooling::result`].
    pub(crate) fn new(shape: Pooling, choice: Choice) -> Result<Self> {
        Ok(Self { shape, result: shape.result()?, choice })
    }

    /// The maps that it gives.
    pub(crate) fn result(&self) -> MapShape {
        self.result
    }

    /// Places in a channel: cells of a grid that lie some rows and columns apart.
    fn grid(&self, rows: usize, columns: usize, [down, right]: [usize; 2]) -> Vec<usize> {
        let width = self.shape.map.width;
        (0..rows * columns).map(|k| k / columns * down * width + k % columns * right).collect()
    }

    /// Where the windows of a channel begin.
    fn corners(&self) -> Vec<usize> {
        self.grid(self.result.height, self.result.width, self.shape.stride)
    }

    /// Where the numbers of a window lie, from its corner on.
    fn offsets(&self) -> Vec<usize> {
        let [rows, columns] = self.shape.kernel;
        self.grid(rows, columns, [1, 1])
    }

    /// Pooled maps (n, C H' W') of maps (n, C H W).
    pub(crate) fn forward<T: Real>(&self, maps: &Array2<T>) -> Array2<T> {
        let (corners, offsets) = (self.corners(), self.offsets());
        let share = T::of(1.0 / offsets.len() as f64);
        let mut pooled = Array2::zeros((maps.nrows(), self.result.columns()));
        let channels = product::numbers(maps).chunks_exact(self.shape.map.plane());
        for (channel, pooled) in channels.zip(product::contiguous(&mut pooled).chunks_exact_mut(corners.len())) {
            for (pooled, &corner) in pooled.iter_mut().zip(&corners) {
                let window = &channel[corner..];
                *pooled = match self.choice {
                    Choice::Largest => window[largest(window, &offsets)],
                    Choice::Mean => share * offsets.iter().map(|&offset| window[offset]).sum::<T>(),
                };
            }
        }
        pooled
    }

    /// The gradient with respect to the maps from that with respect to the pooled ones.
    pub(crate) fn backward<T: Real>(&self, maps: &Array2<T>, gradient: &Array2<T>) -> Array2<T> {
        let (corners, offsets, plane) = (self.corners(), self.offsets(), self.shape.map.plane());
        let share = T::of(1.0 / offsets.len() as f64);
        let mut by_maps = Array2::zeros(maps.raw_dim());
        let channels = product::numbers(maps).chunks_exact(plane).zip(product::contiguous(&mut by_maps).chunks_exact_mut(plane));
        for ((channel, by_channel), gradient) in channels.zip(product::numbers(gradient).chunks_exact(corners.len())) {
            for (&corner, &gradient) in corners.iter().zip(gradient) {
                match self.choice {
                    Choice::Largest => by_channel[corner + largest(&channel[corner..], &offsets)] += gradient,
                    Choice::Mean => offsets.iter().for_each(|offset| by_channel[corner + offset] += share * gradient),
                }
            }
        }
        by_maps
    }
}

/// Place of the largest of these numbers, the first of equals. A number that is not one counts as the largest, so that it is not hidden.
fn largest<T: Real>(numbers: &[T], places: &[usize]) -> usize {
    let larger = |best: usize, place: usize| {
        let (held, new) = (numbers[best], numbers[place]);
        if new > held || (new.is_nan() && !held.is_nan()) { place } else { best }
    };
    places.iter().copied().reduce(larger).unwrap_or(0)
}

/// The mean of every channel: (n, C) of maps (n, C H W).
pub(crate) fn channel_means<T: Real>(shape: MapShape, maps: &Array2<T>) -> Array2<T> {
    let mut means = Array2::zeros((maps.nrows(), shape.channels));
    let share = T::of(1.0 / shape.plane() as f64);
    dispatch(
        #[inline(always)]
        || {
            for (mean, channel) in means.iter_mut().zip(product::numbers(maps).chunks_exact(shape.plane())) {
                *mean = share * sum(channel, |x| x);
            }
        },
    );
    means
}

/// The gradient with respect to the maps from that with respect to the means of their channels.
pub(crate) fn channel_means_backward<T: Real>(shape: MapShape, gradient: &Array2<T>) -> Array2<T> {
    let mut by_maps = Array2::zeros((gradient.nrows(), shape.columns()));
    let share = T::of(1.0 / shape.plane() as f64);
    for (channel, &gradient) in product::contiguous(&mut by_maps).chunks_exact_mut(shape.plane()).zip(gradient) {
        channel.fill(share * gradient);
    }
    by_maps
}
