//! Losses of this library inside networks that a user builds with Burn (feature `burn`).
//!
//! Our losses know their own gradient with respect to the outputs of a network. [`attach`] makes of both a tensor that Burn's tape
//! differentiates like any other: its value is the loss, its derivative with respect to the outputs the gradient, on any device.

use burn::tensor::{Tensor, TensorData};
use elinvar_core::{Error, Result};
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
    let values: Vec<f32> = tensor
        .clone()
        .detach()
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .map_err(|e| Error::internal(format!("the tensor cannot be read: {e:?}")))?;
    Array2::from_shape_vec((rows, columns), values).map_err(|e| Error::internal(e.to_string()))
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
}
