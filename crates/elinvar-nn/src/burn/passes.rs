//! Whole passes of a network by Burn: up to the device, through the network's composition, and back.

use super::arrays::{Arrays, from_rows, numbers, to_array};
use crate::mlp::Pass;
use crate::network::Network;
use crate::parameters::Parameters;
use burn::tensor::{Device as BurnDevice, Tensor};
use elinvar_core::{Device, Result};
use ndarray::{Array2, ArrayView2, Axis};

/// Rows of a prediction that are on the device at once.
const AT_ONCE: usize = 1024;

/// What the backward pass needs of a forward pass.
pub(crate) struct Tape {
    arrays: Arrays,
    outputs: Tensor<2>,
}

/// Burn's handle of a device, where it is present.
pub(crate) fn handle(device: Device) -> Option<BurnDevice> {
    match device {
        Device::Flex => Some(BurnDevice::flex()),
        #[cfg(feature = "vulkan")]
        Device::Vulkan(index) => all(burn::tensor::DeviceType::Vulkan).into_iter().nth(index),
        #[cfg(feature = "cuda")]
        Device::Cuda(index) => all(burn::tensor::DeviceType::Cuda).into_iter().nth(index),
        _ => None,
    }
}

/// The devices of a kind.
#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn all(kind: burn::tensor::DeviceType) -> Vec<BurnDevice> {
    BurnDevice::enumerate(kind).into_vec()
}

/// The devices of this build that are present, but for our own.
pub(crate) fn devices() -> Vec<Device> {
    let found = std::iter::once(Device::Flex);
    #[cfg(feature = "vulkan")]
    let found = found.chain((0..all(burn::tensor::DeviceType::Vulkan).len()).map(Device::Vulkan));
    #[cfg(feature = "cuda")]
    let found = found.chain((0..all(burn::tensor::DeviceType::Cuda).len()).map(Device::Cuda));
    found.collect()
}

/// Outputs of a batch, and the tape.
///
/// # Errors
/// When the network has no composition, or the device cannot give its numbers.
pub(crate) fn forward<N: Network<f32>>(
    network: &N,
    inputs: ArrayView2<'_, f32>,
    pass: Pass,
    device: &BurnDevice,
) -> Result<(Array2<f32>, Tape)> {
    network.check_columns(inputs)?;
    let arrays = Arrays::trained(network.parameters(), network.running(), &device.clone().autodiff());
    let outputs = network.compose(&arrays, from_rows(inputs, arrays.device()), pass)?;
    Ok((to_array(&outputs)?, Tape { arrays, outputs }))
}

/// Adds to `gradient` the gradient of `sum(output_gradient * outputs)` with respect to the parameters.
///
/// # Errors
/// When the device cannot give its numbers.
pub(crate) fn backward(tape: &Tape, output_gradient: ArrayView2<'_, f32>, gradient: &mut Parameters<f32>) -> Result<()> {
    let weights = from_rows(output_gradient, tape.arrays.device());
    let gradients = (tape.outputs.clone() * weights).sum().backward();
    for (place, array) in tape.arrays.leaves().enumerate() {
        // An array that the outputs do not depend on has none.
        if let Some(by) = array.grad(&gradients) {
            gradient.slice_mut(place).iter_mut().zip(numbers(&by)?).for_each(|(sum, by)| *sum += by);
        }
    }
    Ok(())
}

/// Outputs of rows as after training.
///
/// # Errors
/// As [`forward`].
pub(crate) fn predict<N: Network<f32>>(network: &N, inputs: ArrayView2<'_, f32>, device: &BurnDevice) -> Result<Array2<f32>> {
    network.check_columns(inputs)?;
    let arrays = Arrays::constant(network.parameters(), network.running(), device);
    let outputs = |rows: ArrayView2<'_, f32>| to_array(&network.compose(&arrays, from_rows(rows, arrays.device()), Pass::Evaluation)?);
    let parts: Vec<Array2<f32>> = inputs.axis_chunks_iter(Axis(0), AT_ONCE).map(outputs).collect::<Result<_>>()?;
    if parts.is_empty() {
        return outputs(inputs);
    }
    let views: Vec<ArrayView2<'_, f32>> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(Axis(0), &views).map_err(|e| elinvar_core::Error::internal(e.to_string()))
}
