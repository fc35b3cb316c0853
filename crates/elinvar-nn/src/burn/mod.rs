//! Burn (feature `burn`): our losses inside networks that a user builds with it, and our networks on its devices.
//!
//! Our losses know their own gradient with respect to the outputs of a network. [`attach`] makes of both a tensor that Burn's tape
//! differentiates like any other: its value is the loss, its derivative with respect to the outputs the gradient, on any device.
//! [`anchored`] rolls the maps of such a network by their polyphase anchors.
//!
//! The other way round, a network of ours states its outputs in Burn's operations (`Network::compose`), as plainly as the formulas
//! stand: that is how it runs on graphics cards, and what our own passes are compared with.

mod arrays;
mod maps;
mod passes;
#[cfg(test)]
mod tests;

pub use arrays::{Arrays, to_array};
pub(crate) use maps::convolved;
pub(crate) use passes::{Tape, backward, devices, forward, handle, predict};

use arrays::{from_rows, numbers};
use burn::tensor::Tensor;
use elinvar_core::{Error, Result};
use elinvar_math::polyphase::{Anchor, Found, Layout, Offset, Torus};
use ndarray::ArrayView2;

/// The scalar `value` whose derivative with respect to `outputs` (n, d) is `gradient` (n, d).
///
/// It is `value + sum((outputs - constant outputs) * gradient)`: the sum is 0, its derivative is not. Only first derivatives are right.
///
/// # Errors
/// When the shapes differ.
pub fn attach(outputs: Tensor<2>, value: f64, gradient: ArrayView2<'_, f32>) -> Result<Tensor<1>> {
    let [rows, columns] = outputs.dims();
    if gradient.dim() != (rows, columns) {
        return Err(Error::input(format!(
            "the gradient must have the shape of the outputs, ({rows}, {columns}), got {:?}",
            gradient.dim()
        )));
    }
    let device = outputs.device();
    let gradient = from_rows(gradient, &device);
    let constant = outputs.clone().detach();
    Ok(((outputs - constant) * gradient).sum() + value)
}

/// Maps (n, channels, height, width), each rolled by its polyphase anchor, and the anchors: what to put in front of a strided convolution
/// or of attention in windows. Offsets are constants to the tape.
///
/// # Errors
/// When the stride does not tile the maps.
pub fn anchored(maps: Tensor<4>, anchor: Anchor) -> Result<(Tensor<4>, Vec<Found>)> {
    let [_, channels, height, width] = maps.dims();
    let torus = Torus { channels, height, width, layout: Layout::ChannelsFirst };
    anchor.check(height, width)?;
    let found: Vec<Found> = numbers(&maps)?.chunks_exact(torus.len()).map(|map| anchor.find(torus, map)).collect::<Result<_>>()?;
    let rolled = found.iter().enumerate().map(|(n, found)| roll(maps.clone().narrow(0, n, 1), found.offset)).collect();
    Ok((Tensor::cat(rolled, 0), found))
}

/// A map that begins with the pixel at the offset.
fn roll(map: Tensor<4>, offset: Offset) -> Tensor<4> {
    let along = |map: Tensor<4>, axis: usize, first: usize| match first {
        0 => map,
        _ => {
            let size = map.dims()[axis];
            Tensor::cat(vec![map.clone().narrow(axis, first, size - first), map.narrow(axis, 0, first)], axis)
        }
    };
    along(along(map, 2, offset.row), 3, offset.column)
}
