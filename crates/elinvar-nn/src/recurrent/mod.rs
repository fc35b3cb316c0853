//! Recurrent networks: whole-sequence scans of tanh, rate, GRU and LSTM cells with analytic back-propagation through time.
//!
//! A row is a sequence, its numbers in the order of time: `x_1, x_2, ..., x_T`, each of `inputs` numbers; the result is
//! `y_1, ..., y_T` with `y_t = W_o h_t + b_o` and a first state of zero. The input projections of all steps are one product before the scan, and
//! the gradients of the weights one product each after it; a step itself is one product of states and one fused pass over its cells.
//!
//! Parameters have the names, shapes and order of gates of PyTorch's `RNN`, `GRU` and `LSTM` of one layer.

mod cell;
#[cfg(feature = "burn")]
mod composition;
mod scan;
#[cfg(test)]
mod tests;

pub use scan::ScanTape;

use crate::init::{Initialisation, fill_uniform};
use crate::mlp::Pass;
use crate::network::{self, Network};
use crate::parameters::{NamedArrays, Parameters, Shapes};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use scan::Scan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The unit of a recurrent network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// h' = tanh(W x + U h + b) (Elman 1990).
    Tanh,
    /// A leaky rate unit with memory m and state tanh(m): m' = (1 - leak) m + leak (W x + U tanh(m) + b).
    Rate {
        /// Share of a step that the memory moves, in (0, 1].
        leak: f64,
    },
    /// Gated recurrent unit (Cho et al. 2014), with the reset gate inside the candidate as in PyTorch.
    Gru,
    /// Long short-term memory (Hochreiter and Schmidhuber 1997, with a forget gate).
    Lstm,
}

impl Cell {
    /// Blocks of rows in its weights: reset, update and candidate, or input, forget, candidate and output.
    pub fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Rate { .. } => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Whether it keeps a memory besides its state.
    fn remembers(self) -> bool {
        matches!(self, Self::Lstm | Self::Rate { .. })
    }
}

/// The shape of a recurrent network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurrentSpec {
    /// Unit.
    pub cell: Cell,
    /// Numbers a step, >= 1.
    pub inputs: usize,
    /// Width of the state, >= 1.
    pub units: usize,
    /// Numbers a step of the result, >= 1.
    pub outputs: usize,
}

impl RecurrentSpec {
    /// Names and shapes of the parameters.
    fn array_shapes(&self) -> Result<Shapes> {
        let &Self { cell, inputs, units, outputs } = self;
        if inputs == 0 || units == 0 || outputs == 0 {
            let got = format!("{inputs}, {units} and {outputs}");
            return Err(Error::parameter("network", "at least 1 input, unit and output wide", got));
        }
        if let Cell::Rate { leak } = cell
            && !(leak > 0.0 && leak <= 1.0)
        {
            return Err(Error::parameter("leak", "in (0, 1]", leak));
        }
        let rows = cell.gates().saturating_mul(units);
        Ok(vec![
            ("weight_ih_l0".to_owned(), vec![rows, inputs]),
            ("weight_hh_l0".to_owned(), vec![rows, units]),
            ("bias_ih_l0".to_owned(), vec![rows]),
            ("bias_hh_l0".to_owned(), vec![rows]),
            ("readout.weight".to_owned(), vec![outputs, units]),
            ("readout.bias".to_owned(), vec![outputs]),
        ])
    }
}

/// Places of the arrays among the parameters.
pub(super) const WEIGHT_IH: usize = 0;
pub(super) const WEIGHT_HH: usize = 1;
pub(super) const BIAS_IH: usize = 2;
pub(super) const BIAS_HH: usize = 3;
pub(super) const READOUT: usize = 4;
pub(super) const READOUT_BIAS: usize = 5;

/// A recurrent network with a linear readout.
#[derive(Clone, Debug)]
pub struct Recurrent<T> {
    spec: RecurrentSpec,
    parameters: Parameters<T>,
}

/// What the backward pass needs from the forward pass.
pub struct RecurrentTape<T> {
    chunk_rows: usize,
    chunks: Vec<ScanTape<T>>,
}

impl<T: Real> Recurrent<T> {
    /// A network whose numbers are uniform on +-1/sqrt(units), as PyTorch starts it.
    ///
    /// # Errors
    /// A width of 0.
    pub fn new(spec: RecurrentSpec, stream: &mut Stream) -> Result<Self> {
        let mut network = Self::zeros(spec)?;
        let bound = 1.0 / (spec.units as f64).sqrt();
        fill_uniform(network.parameters.values_mut(), bound, stream);
        Ok(network)
    }

    /// A network whose weights start otherwise, with zero biases.
    ///
    /// # Errors
    /// A width of 0.
    pub fn started(spec: RecurrentSpec, initialisation: Initialisation, stream: &mut Stream) -> Result<Self> {
        let mut network = Self::zeros(spec)?;
        for (weight, inputs) in [(WEIGHT_IH, spec.inputs), (WEIGHT_HH, spec.units), (READOUT, spec.units)] {
            initialisation.fill(network.parameters.slice_mut(weight), inputs, stream);
        }
        Ok(network)
    }

    fn zeros(spec: RecurrentSpec) -> Result<Self> {
        Ok(Self { spec, parameters: Parameters::zeros(spec.array_shapes()?) })
    }

    /// The shape of the network.
    pub fn spec(&self) -> &RecurrentSpec {
        &self.spec
    }

    /// Steps of sequences with so many columns.
    fn steps(&self, columns: usize) -> usize {
        columns / self.spec.inputs
    }

    fn scan(&self) -> Scan<'_, T> {
        Scan { spec: &self.spec, parameters: &self.parameters }
    }

    /// Results (n, T outputs) of sequences (n, T inputs) of any length T.
    ///
    /// Sequences go through in chunks, in parallel in the rayon pool of the caller (`Context::install`).
    ///
    /// # Errors
    /// When the columns are no multiple of the inputs of a step.
    pub fn predict(&self, sequences: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_columns(sequences)?;
        Ok(self.walk(sequences, drop).0)
    }

    /// Results of sequences, and what is to be kept of the tape of every chunk.
    fn walk<K: Send>(&self, sequences: ArrayView2<'_, T>, keep: impl Fn(ScanTape<T>) -> K + Sync) -> (Array2<T>, Vec<K>) {
        let outputs = self.steps(sequences.ncols()) * self.spec.outputs;
        network::by_chunks(sequences, outputs, self.chunk_rows(sequences.nrows()), |_, rows| {
            let tape = self.scan().forward(rows);
            (self.scan().read(&tape), keep(tape))
        })
    }

    /// States h_1, ..., h_T (n, T, units) of sequences (n, T inputs) of any length T.
    ///
    /// # Errors
    /// When the columns are no multiple of the inputs of a step.
    pub fn states(&self, sequences: ArrayView2<'_, T>) -> Result<Array3<T>> {
        Ok(self.record(sequences)?.0)
    }

    /// States (n, T, units) and results (n, T outputs) of sequences (n, T inputs), from one scan.
    ///
    /// # Errors
    /// When the columns are no multiple of the inputs of a step.
    pub fn record(&self, sequences: ArrayView2<'_, T>) -> Result<(Array3<T>, Array2<T>)> {
        self.check_columns(sequences)?;
        let (steps, units) = (self.steps(sequences.ncols()), self.spec.units);
        let (outputs, chunks) = self.walk(sequences, |tape| tape.states());
        let mut states = Array3::zeros((sequences.nrows(), steps, units));
        let mut first = 0;
        for chunk in chunks {
            let rows = chunk.len_of(Axis(0));
            states.slice_axis_mut(Axis(0), (first..first + rows).into()).assign(&chunk);
            first += rows;
        }
        Ok((states, outputs))
    }
}

impl Recurrent<f32> {
    /// The parameters as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        network::to_arrays(self, prefix)
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: RecurrentSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        let (parameters, _) = network::saved(spec.array_shapes()?, Shapes::new(), arrays, prefix)?;
        Ok(Self { spec, parameters })
    }
}

impl<T: Real> Network<T> for Recurrent<T> {
    type Tape = RecurrentTape<T>;
    type Tangent = ();

    /// Numbers a step; sequences may have any number of steps.
    fn inputs(&self) -> usize {
        self.spec.inputs
    }

    fn chunk_rows(&self, rows: usize) -> usize {
        rows.div_ceil(4).clamp(32, 256)
    }

    fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    fn check_columns(&self, sequences: ArrayView2<'_, T>) -> Result<()> {
        let (columns, inputs) = (sequences.ncols(), self.spec.inputs);
        match columns > 0 && columns.is_multiple_of(inputs) {
            true => Ok(()),
            false => Err(Error::input(format!("sequences must have a multiple of {inputs} columns ({inputs} a step), got {columns}"))),
        }
    }

    fn forward(&self, sequences: ArrayView2<'_, T>, _pass: Pass) -> Result<(Array2<T>, RecurrentTape<T>)> {
        self.check_columns(sequences)?;
        let (outputs, chunks) = self.walk(sequences, |tape| tape);
        Ok((outputs, RecurrentTape { chunk_rows: self.chunk_rows(sequences.nrows()), chunks }))
    }

    fn predict(&self, sequences: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.predict(sequences)
    }

    #[cfg(feature = "burn")]
    fn compose(&self, arrays: &crate::burn::Arrays, sequences: burn::tensor::Tensor<2>, _pass: Pass) -> Result<burn::tensor::Tensor<2>> {
        self.composition(arrays, sequences)
    }

    fn backward(&self, tape: &RecurrentTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let parts: Vec<ArrayView2<'_, T>> = output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows).collect();
        network::accumulate(&tape.chunks, &parts, gradient, |chunk, part, gradient| {
            self.scan().backward(chunk, part, gradient);
        });
    }
}
