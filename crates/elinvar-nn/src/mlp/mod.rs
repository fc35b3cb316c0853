//! Multi-layer perceptrons with their own forward and backward passes.
//!
//! A hidden layer is `dense -> activation -> [batch norm] -> [dropout]`, the last layer is dense; with `residual` the network is
//! `x + net(x)`. Forward and backward are written out (three matrix products and one fused bias-and-activation pass a layer)
//! because a general tape costs several times more at the sizes that the methods use; the tests compare every
//! gradient with central differences and with PyTorch's autograd.

#[cfg(feature = "burn")]
mod composition;
mod hessian;
mod pass;
mod tangent;
#[cfg(test)]
pub(crate) mod tests;

pub use hessian::ParameterTangent;
pub use pass::{CHUNK_ROWS, Pass, Tape};
pub(crate) use tangent::reverse_activation;

use crate::activation::Activation;
use crate::init::Initialisation;
use crate::network::{self, Network};
use crate::parameters::{NamedArrays, Parameters, Shapes};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of a multi-layer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MlpSpec {
    /// Columns of the input, >= 1.
    pub inputs: usize,
    /// Width of each hidden layer, each >= 1; empty for a linear model.
    pub hidden: Vec<usize>,
    /// Columns of the output, >= 1.
    pub outputs: usize,
    /// Non-linearity of the hidden layers.
    pub activation: Activation,
    /// Whether the network is `x + net(x)`; needs as many outputs as inputs.
    pub residual: bool,
    /// Share of hidden values set to 0 while training, in [0, 1); the others are divided by one minus it.
    pub dropout: f64,
    /// Whether each activation is followed by batch normalisation (Ioffe and Szegedy 2015; momentum 0.1, epsilon 1e-5).
    pub batch_norm: bool,
    /// Distribution of the starting weights.
    pub initialisation: Initialisation,
}

impl MlpSpec {
    /// A plain network: no residual, dropout or batch norm, Kaiming-uniform weights.
    pub fn new(inputs: usize, hidden: impl Into<Vec<usize>>, outputs: usize, activation: Activation) -> Self {
        Self {
            inputs,
            hidden: hidden.into(),
            outputs,
            activation,
            residual: false,
            dropout: 0.0,
            batch_norm: false,
            initialisation: Initialisation::KaimingUniform,
        }
    }

    fn check(&self) -> Result<()> {
        if self.inputs == 0 || self.outputs == 0 {
            return Err(Error::parameter("network", "at least 1 input and 1 output wide", format!("{} and {}", self.inputs, self.outputs)));
        }
        if let Some(layer) = self.hidden.iter().position(|&width| width == 0) {
            return Err(Error::parameter("hidden", "a list of widths >= 1", format!("0 at position {layer}")));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::parameter("dropout", "in [0, 1)", self.dropout));
        }
        if self.residual && self.inputs != self.outputs {
            let got = format!("{} inputs and {} outputs", self.inputs, self.outputs);
            return Err(Error::parameter("residual", "false unless inputs and outputs are equally many", got));
        }
        Ok(())
    }

    /// Input and output width of every dense layer.
    fn dense_shapes(&self) -> Vec<(usize, usize)> {
        let widths: Vec<usize> = std::iter::once(self.inputs).chain(self.hidden.iter().copied()).chain([self.outputs]).collect();
        widths.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// Names and shapes of the parameters, and of the running statistics.
    fn array_shapes(&self) -> [Shapes; 2] {
        let mut named = Vec::new();
        let mut running = Vec::new();
        for (layer, (inputs, outputs)) in self.dense_shapes().into_iter().enumerate() {
            named.push((format!("layer{layer}.weight"), vec![outputs, inputs]));
            named.push((format!("layer{layer}.bias"), vec![outputs]));
            if self.batch_norm && layer < self.hidden.len() {
                named.push((format!("norm{layer}.scale"), vec![outputs]));
                named.push((format!("norm{layer}.shift"), vec![outputs]));
                running.push((format!("norm{layer}.mean"), vec![outputs]));
                running.push((format!("norm{layer}.variance"), vec![outputs]));
            }
        }
        [named, running]
    }
}

/// A multi-layer perceptron.
#[derive(Clone, Debug)]
pub struct Mlp<T> {
    spec: MlpSpec,
    parameters: Parameters<T>,
    running: Parameters<T>,
}

impl<T: Real> Mlp<T> {
    /// A network with random weights from `stream` and zero biases.
    ///
    /// # Errors
    /// When the spec has a width of 0, a dropout outside [0, 1), or a residual between unequal widths.
    pub fn new(spec: MlpSpec, stream: &mut Stream) -> Result<Self> {
        let mut network = Self::zeros(spec)?;
        let shapes = network.spec.dense_shapes();
        for (layer, &(inputs, _)) in shapes.iter().enumerate() {
            let index = network.weight_index(layer);
            network.spec.initialisation.fill(network.parameters.slice_mut(index), inputs, stream);
        }
        for layer in 0..if network.spec.batch_norm { network.spec.hidden.len() } else { 0 } {
            let index = network.weight_index(layer) + 2;
            network.parameters.slice_mut(index).fill(T::one());
            network.running.slice_mut(2 * layer + 1).fill(T::one());
        }
        Ok(network)
    }

    fn zeros(spec: MlpSpec) -> Result<Self> {
        spec.check()?;
        let [parameters, running] = spec.array_shapes().map(Parameters::zeros);
        Ok(Self { spec, parameters, running })
    }

    /// Position of a layer's weight among the parameters; its bias, norm scale and norm shift follow.
    fn weight_index(&self, layer: usize) -> usize {
        layer * if self.spec.batch_norm { 4 } else { 2 }
    }

    /// The shape of the network.
    pub fn spec(&self) -> &MlpSpec {
        &self.spec
    }

    /// Weights and biases: `layer0.weight (out, in)`, `layer0.bias`, then with batch norm `norm0.scale`, `norm0.shift`, and so on.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// The same, to be changed.
    pub fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    /// Running means and variances of the batch norms.
    pub(crate) fn running(&self) -> &Parameters<T> {
        &self.running
    }

    /// The same, to be changed.
    pub(crate) fn running_mut(&mut self) -> &mut Parameters<T> {
        &mut self.running
    }

    /// Outputs (n, outputs) of inputs (n, inputs), without dropout and with the running batch-norm statistics.
    ///
    /// Rows go through in chunks of at most [`CHUNK_ROWS`], in parallel in the rayon pool of the caller (`Context::install`).
    ///
    /// # Errors
    /// When the inputs have another number of columns than the network.
    pub fn predict(&self, inputs: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_columns(inputs)?;
        Ok(network::by_chunks(inputs, self.spec.outputs, self.rows_of_a_chunk(), |_, rows| (self.predict_chunk(rows), ())).0)
    }
}

impl Mlp<f32> {
    /// Weights, biases and running statistics as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        network::to_arrays(self, prefix)
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: MlpSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        spec.check()?;
        let [parameters, running] = spec.array_shapes();
        let (parameters, running) = network::saved(parameters, running, arrays, prefix)?;
        Ok(Self { spec, parameters, running })
    }
}
