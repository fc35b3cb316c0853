//! Networks as chains of layers: dense, convolution, pooling, normalisation, dropout, gates and skips in any order.
//!
//! Rows may be maps (C, H, W); a layer that sees maps states their shape, since a row does not tell. Its result is a row of maps again.
//!
//! Every layer keeps its input, and most backward passes need no more than that and their result: activations whose slope follows from
//! their value, dropout masks that are a function of position. A SELU layer with alpha dropout behind it is one pass.

#[cfg(feature = "burn")]
mod composition;
mod layer;
mod pass;
#[cfg(test)]
mod tests;

pub use layer::Layer;
pub use pass::ChainTape;

use crate::mlp::{CHUNK_ROWS, Pass};
use crate::network::{self, Network};
use crate::parameters::{NamedArrays, Parameters};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use layer::{Arrays, Node};
use ndarray::{Array2, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SequentialSpec {
    /// Columns of the input, >= 1.
    pub inputs: usize,
    /// Layers from the input to the output.
    pub layers: Vec<Layer>,
}

impl SequentialSpec {
    /// The layers, the width of the last one, and their arrays.
    fn nodes(&self) -> Result<(Vec<Node>, usize, Arrays)> {
        if self.inputs == 0 {
            return Err(Error::parameter("inputs", ">= 1", 0));
        }
        let mut arrays = Arrays::default();
        let (nodes, outputs) = layer::nodes(&self.layers, self.inputs, "", &mut arrays)?;
        Ok((nodes, outputs, arrays))
    }
}

/// A chain of layers.
#[derive(Clone, Debug)]
pub struct Sequential<T> {
    spec: SequentialSpec,
    nodes: Vec<Node>,
    outputs: usize,
    parameters: Parameters<T>,
    running: Parameters<T>,
}

/// What the backward pass needs from the forward pass.
pub struct SequentialTape<T> {
    chunk_rows: usize,
    chunks: Vec<ChainTape<T>>,
}

impl<T: Real> Sequential<T> {
    /// A network with random weights from `stream`, zero biases, unit scales.
    ///
    /// # Errors
    /// A width of 0, a constant out of range, or a skip between unequal widths.
    pub fn new(spec: SequentialSpec, stream: &mut Stream) -> Result<Self> {
        let (nodes, outputs, arrays) = spec.nodes()?;
        let [mut parameters, mut running] = [arrays.parameters, arrays.running].map(Parameters::zeros);
        nodes.iter().for_each(|node| node.start(&mut parameters, &mut running, stream));
        Ok(Self { spec, nodes, outputs, parameters, running })
    }

    /// The shape of the network.
    pub fn spec(&self) -> &SequentialSpec {
        &self.spec
    }

    /// Columns of the outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Weight matrices (outputs, inputs) of the dense layers in order, as they are multiplied.
    pub fn dense_weights(&self) -> Vec<Array2<T>> {
        let mut found = Vec::new();
        self.nodes.iter().for_each(|node| node.dense_weights(&self.parameters, &mut found));
        found
    }

    /// Outputs (n, outputs) of inputs (n, inputs), without dropout and with running statistics.
    ///
    /// Rows go through in chunks, in parallel in the rayon pool of the caller (`Context::install`).
    ///
    /// # Errors
    /// When the inputs have another number of columns than the network.
    pub fn predict(&self, inputs: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_columns(inputs)?;
        let chunk_rows = self.chunk_rows(inputs.nrows());
        let walk = |_, rows: ArrayView2<'_, T>| (self.walk(Pass::Evaluation, 0, rows).0, ());
        Ok(network::by_chunks(inputs, self.outputs, chunk_rows, walk).0)
    }

    /// Result and tape of rows of which the first is row `first_row` of the batch.
    fn walk(&self, pass: Pass, first_row: usize, rows: ArrayView2<'_, T>) -> (Array2<T>, ChainTape<T>) {
        let forward = pass::Forward { parameters: &self.parameters, running: &self.running, pass, first_row };
        forward.chain(&self.nodes, rows.as_standard_layout().into_owned())
    }

    /// What every layer of the chain makes of the inputs (n, inputs), one array (n, width) a layer, without dropout and with running
    /// statistics. Layers that are computed together with the one before them have none of their own.
    ///
    /// # Errors
    /// When the inputs have another number of columns than the network.
    pub fn activations(&self, inputs: ArrayView2<'_, T>) -> Result<Vec<Array2<T>>> {
        let (outputs, tape) = self.forward(inputs, Pass::Evaluation)?;
        let layers = self.nodes.len();
        let of_layer = |layer: usize| {
            let parts: Vec<ArrayView2<'_, T>> = tape.chunks.iter().map(|chunk| chunk.input_of(layer)).collect();
            ndarray::concatenate(Axis(0), &parts).map_err(|e| Error::internal(e.to_string()))
        };
        (1..layers).map(of_layer).chain([Ok(outputs)]).collect()
    }
}

impl Sequential<f32> {
    /// Parameters and running statistics as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        network::to_arrays(self, prefix)
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: SequentialSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        let (nodes, outputs, shapes) = spec.nodes()?;
        let (parameters, running) = network::saved(shapes.parameters, shapes.running, arrays, prefix)?;
        Ok(Self { spec, nodes, outputs, parameters, running })
    }
}

impl<T: Real> Network<T> for Sequential<T> {
    type Tape = SequentialTape<T>;
    type Tangent = ();

    fn inputs(&self) -> usize {
        self.spec.inputs
    }

    /// A quarter of the batch, so that deep networks share even small batches among threads: at 64 rows the products are still as fast as
    /// with more, and above 512 nothing is gained. Convolutions work map by map, and fewer maps stay in the cache.
    fn chunk_rows(&self, rows: usize) -> usize {
        let (least, most) = if self.nodes.iter().any(Node::convolves) { (4, 32) } else { (64, CHUNK_ROWS) };
        rows.div_ceil(4).clamp(least, most)
    }

    fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    fn running(&self) -> Option<&Parameters<T>> {
        Some(&self.running)
    }

    fn running_mut(&mut self) -> Option<&mut Parameters<T>> {
        Some(&mut self.running)
    }

    fn forward(&self, inputs: ArrayView2<'_, T>, pass: Pass) -> Result<(Array2<T>, SequentialTape<T>)> {
        self.check_columns(inputs)?;
        let couples_rows = pass != Pass::Evaluation && !self.running.values().is_empty();
        if couples_rows && inputs.nrows() < 2 {
            return Err(Error::input(format!("a batch must have at least 2 rows with batch norm, got {}", inputs.nrows())));
        }
        let chunk_rows = if couples_rows { inputs.nrows() } else { self.chunk_rows(inputs.nrows()) };
        let walk = |chunk: usize, rows: ArrayView2<'_, T>| self.walk(pass, chunk * chunk_rows, rows);
        let (outputs, chunks) = network::by_chunks(inputs, self.outputs, chunk_rows, walk);
        Ok((outputs, SequentialTape { chunk_rows, chunks }))
    }

    fn predict(&self, inputs: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.predict(inputs)
    }

    #[cfg(feature = "burn")]
    fn compose(&self, arrays: &crate::burn::Arrays, inputs: burn::tensor::Tensor<2>, pass: Pass) -> Result<burn::tensor::Tensor<2>> {
        self.composition(arrays, inputs, pass)
    }

    fn backward(&self, tape: &SequentialTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let walk = |chunk: &ChainTape<T>, part: ArrayView2<'_, T>, gradient: &mut Parameters<T>| {
            let mut backward = pass::Backward { parameters: &self.parameters, gradient };
            backward.chain(&self.nodes, chunk, part.as_standard_layout().into_owned(), false);
        };
        let parts: Vec<ArrayView2<'_, T>> = output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows).collect();
        network::accumulate(&tape.chunks, &parts, gradient, walk);
    }

    fn absorb_statistics(&mut self, tape: &SequentialTape<T>) {
        let Self { nodes, running, .. } = self;
        tape.chunks.iter().for_each(|chunk| pass::absorb(nodes, chunk, running));
    }
}
