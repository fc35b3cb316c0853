//! Passes of networks on the device of a context: our own on the processor, Burn's operations elsewhere.

use crate::mlp::Pass;
use crate::network::Network;
use crate::parameters::Parameters;
use elinvar_core::{Context, Device, Error, Result};
use ndarray::{Array2, ArrayView2};

/// The devices of this build that are present; the processor is always the first.
pub fn available() -> Vec<Device> {
    #[cfg(feature = "burn")]
    let others = crate::burn::devices();
    #[cfg(not(feature = "burn"))]
    let others = Vec::new();
    std::iter::once(Device::Cpu).chain(others).collect()
}

/// Refuses a device that this build does not have or that is absent.
///
/// # Errors
/// What there is.
pub fn check(device: Device) -> Result<()> {
    Place::of(device).map(|_| ())
}

/// A device that was found.
pub(crate) enum Place {
    /// The processor.
    Cpu,
    /// Burn's handle of another one.
    #[cfg(feature = "burn")]
    Burn(::burn::tensor::Device),
}

impl Place {
    /// Looks for a device, which takes time where there are drivers to ask: once a training, not once a step.
    ///
    /// # Errors
    /// When it is absent, with what there is.
    pub(crate) fn of(device: Device) -> Result<Self> {
        if device == Device::Cpu {
            return Ok(Self::Cpu);
        }
        #[cfg(feature = "burn")]
        if let Some(handle) = crate::burn::handle(device) {
            return Ok(Self::Burn(handle));
        }
        Err(absent(device))
    }
}

fn absent(device: Device) -> Error {
    let names = available().iter().map(|d| format!("'{d}'")).collect::<Vec<_>>().join(", ");
    let hint = match device {
        Device::Vulkan(_) => "a graphics card needs its driver and a build with the feature 'vulkan'",
        Device::Cuda(_) => "a graphics card needs its driver and a build with the feature 'cuda'",
        _ => "a build with the feature 'burn' has it",
    };
    Error::parameter("device", format!("one that is here: {names}"), format!("'{device}'")).hint(hint)
}

/// The error of what is computed on the processor alone.
#[cfg(feature = "burn")]
pub(crate) fn only_on_cpu(what: &str) -> Error {
    Error::parameter("device", format!("'cpu' for {what}"), "another")
}

/// What the backward pass needs of a forward pass, wherever that was.
pub(crate) enum DeviceTape<N: Network<f32>> {
    /// On the processor.
    Cpu(N::Tape),
    /// By Burn.
    #[cfg(feature = "burn")]
    Burn(crate::burn::Tape),
}

impl<N: Network<f32>> DeviceTape<N> {
    /// That of a pass on the processor.
    ///
    /// # Errors
    /// After a pass elsewhere: what asks for it can be computed on the processor alone.
    #[cfg_attr(not(feature = "burn"), allow(unused_variables, reason = "there is no other device to name"))]
    pub(crate) fn on_cpu(&self, what: &str) -> Result<&N::Tape> {
        match self {
            Self::Cpu(tape) => Ok(tape),
            #[cfg(feature = "burn")]
            Self::Burn(_) => Err(only_on_cpu(what)),
        }
    }
}

/// Outputs of a batch, and the tape.
///
/// # Errors
/// As [`Network::forward`], or when the network's pass on the device is not there.
pub(crate) fn forward<N: Network<f32>>(
    network: &N,
    inputs: ArrayView2<'_, f32>,
    pass: Pass,
    place: &Place,
    ctx: &Context,
) -> Result<(Array2<f32>, DeviceTape<N>)> {
    match place {
        Place::Cpu => {
            let (outputs, tape) = on_threads(network, inputs.nrows(), ctx, || network.forward(inputs, pass))?;
            Ok((outputs, DeviceTape::Cpu(tape)))
        }
        #[cfg(feature = "burn")]
        Place::Burn(device) => {
            let (outputs, tape) = crate::burn::forward(network, inputs, pass, device)?;
            Ok((outputs, DeviceTape::Burn(tape)))
        }
    }
}

/// Adds to `gradient` the gradient of `sum(output_gradient * outputs)` with respect to the parameters.
///
/// # Errors
/// When the device cannot give its numbers.
pub(crate) fn backward<N: Network<f32>>(
    network: &N,
    tape: &DeviceTape<N>,
    output_gradient: ArrayView2<'_, f32>,
    gradient: &mut Parameters<f32>,
    ctx: &Context,
) -> Result<()> {
    match tape {
        DeviceTape::Cpu(tape) => {
            on_threads(network, output_gradient.nrows(), ctx, || network.backward(tape, output_gradient, gradient));
            Ok(())
        }
        #[cfg(feature = "burn")]
        DeviceTape::Burn(tape) => crate::burn::backward(tape, output_gradient, gradient),
    }
}

/// Outputs (n, outputs) of inputs (n, inputs) as after training, on the device and the threads of the context.
///
/// # Errors
/// When the inputs have another number of columns, or the device or the network's pass on it is not there.
pub fn predict<N: Network<f32>>(network: &N, inputs: ArrayView2<'_, f32>, ctx: &Context) -> Result<Array2<f32>> {
    match Place::of(ctx.device())? {
        Place::Cpu => ctx.install(|| network.predict(inputs)),
        #[cfg(feature = "burn")]
        Place::Burn(device) => crate::burn::predict(network, inputs, &device),
    }
}

/// Runs on the context's threads when a batch is longer than one chunk, else here: a hop to the pool costs more than a small step.
pub(crate) fn on_threads<N: Network<f32>, R: Send>(network: &N, rows: usize, ctx: &Context, work: impl FnOnce() -> R + Send) -> R {
    if rows > network.chunk_rows(rows) { ctx.install(work) } else { work() }
}
