//! Class tokens in front of the others.

use crate::product;
use crate::real::Real;
use ndarray::Array2;

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
