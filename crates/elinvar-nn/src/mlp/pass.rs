//! Forward and backward passes in chunks of rows.

use super::{Mlp, MlpSpec};
use crate::batch_norm::{self, BatchNorm, NormTape};
use crate::network::{self, Network};
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use elinvar_core::random::stream;
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;

/// Rows that are computed together at most. Results then do not depend on the number of threads; a batch of one chunk runs on one thread.
pub const CHUNK_ROWS: usize = 512;
/// The same of a network with so many parameters that fewer rows are work enough for a thread.
const WIDE_CHUNK_ROWS: usize = 128;
const WIDE: usize = 1 << 17;

/// Whether dropout and the batch's own statistics are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// No dropout, running statistics.
    Evaluation,
    /// Dropout masks of this step of this seed, statistics of the batch.
    Training {
        /// Seed of the fit.
        seed: u64,
        /// Step of the fit.
        step: u64,
    },
}

/// What the backward pass needs from the forward pass.
pub struct Tape<T> {
    pub(super) chunk_rows: usize,
    pub(super) chunks: Vec<ChunkTape<T>>,
}

pub(super) struct ChunkTape<T> {
    pub(super) layers: Vec<LayerTape<T>>,
    pub(super) last_input: Array2<T>,
}

pub(super) struct LayerTape<T> {
    pub(super) input: Array2<T>,
    pub(super) slope: Array2<T>,
    pub(super) norm: Option<NormTape<T>>,
    pub(super) mask: Option<Array2<T>>,
}

/// 0 with probability `dropout`, else 1 / (1 - dropout).
pub(super) fn dropout_mask<T: Real>(spec: &MlpSpec, shape: (usize, usize), stream: &mut Stream) -> Array2<T> {
    let kept = T::of(1.0 / (1.0 - spec.dropout));
    let threshold = (spec.dropout * 4_294_967_296.0) as u32;
    Array2::from_shape_simple_fn(shape, || if stream.random::<u32>() < threshold { T::zero() } else { kept })
}

impl<T: Real> Mlp<T> {
    /// Rows that are computed together.
    pub(crate) fn rows_of_a_chunk(&self) -> usize {
        if self.parameters.values().len() < WIDE { CHUNK_ROWS } else { WIDE_CHUNK_ROWS }
    }

    /// Outputs (n, outputs) of inputs (n, inputs), and the tape for [`Self::backward`].
    ///
    /// # Errors
    /// When the inputs have another number of columns than the network, or batch norm is trained with fewer than 2 rows.
    pub fn forward(&self, inputs: ArrayView2<'_, T>, pass: Pass) -> Result<(Array2<T>, Tape<T>)> {
        self.check_columns(inputs)?;
        let batch_statistics = self.spec.batch_norm && pass != Pass::Evaluation;
        if batch_statistics && inputs.nrows() < 2 {
            return Err(Error::input(format!("a batch must have at least 2 rows with batch norm, got {}", inputs.nrows())));
        }
        // A batch norm in training couples all rows of the batch.
        let chunk_rows = if batch_statistics { inputs.nrows() } else { self.rows_of_a_chunk() };
        let walk = |chunk: usize, rows: ArrayView2<'_, T>| self.forward_chunk(rows, pass, chunk as u64);
        let (outputs, chunks) = network::by_chunks(inputs, self.spec.outputs, chunk_rows, walk);
        Ok((outputs, Tape { chunk_rows, chunks }))
    }

    fn forward_chunk(&self, inputs: ArrayView2<'_, T>, pass: Pass, chunk: u64) -> (Array2<T>, ChunkTape<T>) {
        let mut masks = match pass {
            Pass::Training { seed, step } if self.spec.dropout > 0.0 => Some(stream(seed, &[("dropout", step), ("chunk", chunk)])),
            _ => None,
        };
        let mut input = inputs.as_standard_layout().into_owned();
        let mut layers = Vec::with_capacity(self.spec.hidden.len());
        for layer in 0..self.spec.hidden.len() {
            let index = self.weight_index(layer);
            let mut slope = product::forward(input.view(), self.parameters.matrix(index));
            let mut values = Array2::zeros(slope.raw_dim());
            let bias = self.parameters.slice(index + 1);
            self.spec.activation.apply_with_slope(product::contiguous(&mut slope), bias, product::contiguous(&mut values));
            let norm = self.spec.batch_norm.then(|| self.normalise(layer, &mut values, pass));
            let mask = masks.as_mut().map(|stream| dropout_mask(&self.spec, values.dim(), stream));
            if let Some(mask) = &mask {
                values *= mask;
            }
            layers.push(LayerTape { input: std::mem::replace(&mut input, values), slope, norm, mask });
        }
        (self.last_layer(inputs, &input), ChunkTape { layers, last_input: input })
    }

    fn normalise(&self, layer: usize, values: &mut Array2<T>, pass: Pass) -> NormTape<T> {
        let index = self.weight_index(layer);
        let running = (pass == Pass::Evaluation).then(|| (self.running.slice(2 * layer), self.running.slice(2 * layer + 1)));
        batch_norm::forward(BatchNorm::default(), values, self.parameters.slice(index + 2), self.parameters.slice(index + 3), running)
    }

    fn last_layer(&self, inputs: ArrayView2<'_, T>, last_input: &Array2<T>) -> Array2<T> {
        let index = self.weight_index(self.spec.hidden.len());
        let mut outputs = product::forward(last_input.view(), self.parameters.matrix(index));
        outputs += &ndarray::ArrayView1::from(self.parameters.slice(index + 1));
        if self.spec.residual {
            outputs += &inputs;
        }
        outputs
    }

    /// As [`Self::forward_chunk`] in evaluation, keeping nothing for a backward pass.
    pub(super) fn predict_chunk(&self, inputs: ArrayView2<'_, T>) -> Array2<T> {
        let mut values = inputs.as_standard_layout().into_owned();
        for layer in 0..self.spec.hidden.len() {
            let index = self.weight_index(layer);
            values = product::forward(values.view(), self.parameters.matrix(index));
            self.spec.activation.apply(product::contiguous(&mut values), self.parameters.slice(index + 1));
            if self.spec.batch_norm {
                self.normalise(layer, &mut values, Pass::Evaluation);
            }
        }
        self.last_layer(inputs, &values)
    }

    /// Adds to `gradient` the gradient of `sum(output_gradient * outputs)` with respect to the parameters.
    ///
    /// `output_gradient` has the shape of the outputs and is the gradient of the loss with respect to them.
    pub fn backward(&self, tape: &Tape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let parts: Vec<ArrayView2<'_, T>> = output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows).collect();
        network::accumulate(&tape.chunks, &parts, gradient, |chunk, part, gradient| {
            self.backward_chunk(chunk, part, Some(gradient), false);
        });
    }

    /// Gradient of `sum(output_gradient * outputs)` with respect to the inputs (n, inputs).
    pub fn input_gradient(&self, tape: &Tape<T>, output_gradient: ArrayView2<'_, T>) -> Array2<T> {
        let mut result = Array2::zeros((output_gradient.nrows(), self.spec.inputs));
        let places = result.axis_chunks_iter_mut(Axis(0), tape.chunk_rows);
        for ((chunk, part), mut place) in tape.chunks.iter().zip(output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows)).zip(places) {
            place.assign(&self.backward_chunk(chunk, part, None, true));
        }
        result
    }

    /// Walks one chunk backward; the result is the input gradient when `to_inputs`, else of no meaning.
    fn backward_chunk(
        &self,
        tape: &ChunkTape<T>,
        output_gradient: ArrayView2<'_, T>,
        mut gradient: Option<&mut Parameters<T>>,
        to_inputs: bool,
    ) -> Array2<T> {
        let mut flowing = output_gradient.as_standard_layout().into_owned();
        for layer in (0..=tape.layers.len()).rev() {
            let index = self.weight_index(layer);
            if let Some(hidden) = tape.layers.get(layer) {
                self.backward_elementwise(layer, hidden, &mut flowing, gradient.as_deref_mut());
            }
            if let Some(gradient) = gradient.as_deref_mut() {
                let input = tape.layers.get(layer).map_or(&tape.last_input, |hidden| &hidden.input);
                product::add_weight_gradient(T::one(), flowing.view(), input.view(), gradient.matrix_mut(index));
                product::add_row_sum(&flowing, gradient.slice_mut(index + 1));
            }
            if layer > 0 || to_inputs {
                flowing = product::backward(flowing.view(), self.parameters.matrix(index));
            }
        }
        if to_inputs && self.spec.residual {
            flowing += &output_gradient;
        }
        flowing
    }

    /// Dropout, batch norm and activation of one hidden layer, backward and in place.
    fn backward_elementwise(&self, layer: usize, tape: &LayerTape<T>, flowing: &mut Array2<T>, gradient: Option<&mut Parameters<T>>) {
        if let Some(mask) = &tape.mask {
            *flowing *= mask;
        }
        if let Some(norm) = &tape.norm {
            let index = self.weight_index(layer);
            let (by_scale, by_shift) = batch_norm::backward(norm, flowing, self.parameters.slice(index + 2));
            if let Some(gradient) = gradient {
                gradient.slice_mut(index + 2).iter_mut().zip(by_scale).for_each(|(sum, more)| *sum += more);
                gradient.slice_mut(index + 3).iter_mut().zip(by_shift).for_each(|(sum, more)| *sum += more);
            }
        }
        *flowing *= &tape.slope;
    }

    /// Moves the running batch-norm statistics towards those of the batch that made this tape.
    pub fn absorb_statistics(&mut self, tape: &Tape<T>) {
        for chunk in &tape.chunks {
            for (layer, hidden) in chunk.layers.iter().enumerate() {
                if let Some(norm) = &hidden.norm {
                    let (mut mean, mut variance) = (self.running.slice(2 * layer).to_vec(), self.running.slice(2 * layer + 1).to_vec());
                    batch_norm::absorb(BatchNorm::default(), norm, &mut mean, &mut variance);
                    self.running.slice_mut(2 * layer).copy_from_slice(&mean);
                    self.running.slice_mut(2 * layer + 1).copy_from_slice(&variance);
                }
            }
        }
    }
}
