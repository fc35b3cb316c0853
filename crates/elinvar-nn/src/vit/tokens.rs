//! Images as patches, and class tokens in front of the others.

use super::VitSpec;
use crate::product;
use crate::real::Real;
use ndarray::{Array2, ArrayView2};

/// Patches (n * patches, numbers of a patch) of images (n, C H W): patches row by row, their numbers in the order (C, P, P).
pub(super) fn patches<T: Real>(spec: &VitSpec, images: ArrayView2<'_, T>) -> Array2<T> {
    let &VitSpec { channels, height, width, patch, .. } = spec;
    let (rows, columns) = spec.grid();
    let mut out = Array2::zeros((images.nrows() * rows * columns, channels * patch * patch));
    let images = images.as_standard_layout().into_owned();
    let all = product::numbers(&images).chunks_exact(channels * height * width);
    for (image, patches) in all.zip(product::contiguous(&mut out).chunks_exact_mut(rows * columns * channels * patch * patch)) {
        // One line of pixels of one patch after the other.
        for (index, line) in patches.chunks_exact_mut(patch).enumerate() {
            let (cell, channel, below) = (index / (channels * patch), index / patch % channels, index % patch);
            let row = channel * height + cell / columns * patch + below;
            let start = row * width + cell % columns * patch;
            line.copy_from_slice(&image[start..start + patch]);
        }
    }
    out
}

/// The tokens (n * tokens, D) with `token` in front of those of every sample.
pub(super) fn with_token<T: Real>(token: &[T], tokens: &Array2<T>, of_sample: usize) -> Array2<T> {
    let (dim, samples) = (token.len(), tokens.nrows() / of_sample);
    let mut out = Array2::zeros((samples * (of_sample + 1), dim));
    let places = product::contiguous(&mut out).chunks_exact_mut((of_sample + 1) * dim);
    for (place, tokens) in places.zip(product::numbers(tokens).chunks_exact(of_sample * dim)) {
        place[..dim].copy_from_slice(token);
        place[dim..].copy_from_slice(tokens);
    }
    out
}

/// The gradient of the tokens from that of [`with_token`]; adds that of the class token.
pub(super) fn without_token<T: Real>(gradient: &Array2<T>, of_sample: usize, by_token: &mut [T]) -> Array2<T> {
    let (dim, samples) = (by_token.len(), gradient.nrows() / (of_sample + 1));
    let mut out = Array2::zeros((samples * of_sample, dim));
    let places = product::contiguous(&mut out).chunks_exact_mut(of_sample * dim);
    for (place, row) in places.zip(product::numbers(gradient).chunks_exact((of_sample + 1) * dim)) {
        by_token.iter_mut().zip(row).for_each(|(sum, &g)| *sum += g);
        place.copy_from_slice(&row[dim..]);
    }
    out
}

/// The first of every `group` rows.
pub(super) fn firsts<T: Real>(rows: &Array2<T>, group: usize) -> Array2<T> {
    let (width, mut out) = (rows.ncols(), Array2::zeros((rows.nrows() / group, rows.ncols())));
    let places = product::contiguous(&mut out).chunks_exact_mut(width);
    places.zip(product::numbers(rows).chunks_exact(group * width)).for_each(|(place, row)| place.copy_from_slice(&row[..width]));
    out
}

/// The mean of every `group` rows.
pub(super) fn means<T: Real>(rows: &Array2<T>, group: usize) -> Array2<T> {
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

/// Rows of which the first `filled` of every `group` are `factor` times the row of the group: the gradient of [`firsts`] with 1, that of
/// [`means`] with all.
pub(super) fn spread<T: Real>(rows: &Array2<T>, group: usize, filled: usize, factor: T) -> Array2<T> {
    let (width, mut out) = (rows.ncols(), Array2::zeros((rows.nrows() * group, rows.ncols())));
    let places = product::contiguous(&mut out).chunks_exact_mut(group * width);
    for (place, row) in places.zip(product::numbers(rows).chunks_exact(width)) {
        for target in place.chunks_exact_mut(width).take(filled) {
            target.iter_mut().zip(row).for_each(|(y, &x)| *y = factor * x);
        }
    }
    out
}
