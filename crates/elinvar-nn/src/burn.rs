//! Losses of this library inside networks that a user builds with Burn (feature `burn`).
//!
//! Our losses know their own gradient with respect to the outputs of a network. [`attach`] makes of both a tensor that Burn's tape
//! differentiates like any other: its value is the loss, its derivative with respect to the outputs the gradient, on any device.
//! [`anchored`] rolls the maps of such a network by their polyphase anchors.

use burn::tensor::{Tensor, TensorData};
use elinvar_core::{Error, Result};
use elinvar_math::polyphase::{Anchor, Found, Layout, Offset, Torus};
use ndarray::{Array2, ArrayView2};

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
    let gradient = Tensor::<2>::from_data(TensorData::new(gradient.iter().copied().collect::<Vec<f32>>(), [rows, columns]), &device);
    let constant = outputs.clone().detach();
    Ok(((outputs - constant) * gradient).sum() + value)
}

/// The numbers of a tensor (n, d), off the tape.
///
/// # Errors
/// When the device cannot give them.
pub fn to_array(tensor: &Tensor<2>) -> Result<Array2<f32>> {
    let [rows, columns] = tensor.dims();
    Array2::from_shape_vec((rows, columns), numbers(tensor)?).map_err(|e| Error::internal(e.to_string()))
}

fn numbers<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.clone().detach().into_data().convert::<f32>();
    data.try_to_vec().map_err(|e| Error::internal(format!("the tensor cannot be read: {e:?}")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ndarray::array;

    #[test]
    fn the_tape_carries_value_and_gradient() {
        let device = Device::flex().autodiff();
        let weight = Tensor::<2>::from_data([[2.0_f32, 0.0], [0.0, 3.0]], &device).require_grad();
        let x = Tensor::<2>::from_data([[1.0_f32, 2.0]], &device);
        let gradient = array![[0.5_f32, -1.0]];
        let loss = attach(x.clone().matmul(weight.clone()), 7.25, gradient.view()).unwrap();
        assert_eq!(loss.clone().into_scalar::<f32>(), 7.25);
        let gradients = loss.backward();
        let found = to_array(&weight.grad(&gradients).unwrap()).unwrap();
        assert_eq!(found, array![[0.5, -1.0], [1.0, -2.0]], "x^T gradient");
        assert!(attach(x, 0.0, array![[1.0_f32]].view()).is_err());
    }

    #[test]
    fn maps_are_anchored_on_the_tape() {
        let device = Device::flex().autodiff();
        let values: Vec<f32> = (0..32).map(|k| (k as f32 * 1.3).sin()).collect();
        let maps = Tensor::<4>::from_data(TensorData::new(values.clone(), [2, 1, 4, 4]), &device).require_grad();
        let (rolled, found) = anchored(maps.clone(), Anchor::new(2)).unwrap();
        let torus = Torus { channels: 1, height: 4, width: 4, layout: Layout::ChannelsFirst };
        let mut expected = vec![0.0; 32];
        for (n, found) in found.iter().enumerate() {
            torus.roll(&values[16 * n..16 * (n + 1)], found.offset, &mut expected[16 * n..16 * (n + 1)]).unwrap();
        }
        assert_eq!(numbers(&rolled).unwrap(), expected);
        let weights = Tensor::<4>::from_data(TensorData::new(expected.clone(), [2, 1, 4, 4]), &device);
        let gradients = (rolled * weights).sum().backward();
        assert_eq!(numbers(&maps.grad(&gradients).unwrap()).unwrap(), values, "the roll is undone");
        assert!(anchored(maps, Anchor::new(3)).is_err());
    }
}
