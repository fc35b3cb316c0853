//! What the training loop and the gradient checks ask of a network.

use crate::mlp::{Mlp, ParameterTangent, Pass, Tape};
use crate::parameters::{NamedArrays, Parameters, Shapes};
use crate::real::Real;
use elinvar_core::{Error, Result};
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, Axis};

/// Running statistics, which are saved but not trained, have this before their names.
const RUNNING_PREFIX: &str = "running/";

/// A trainable function of rows. A row is one sample; a sequence or an image is a row of its numbers in an order that the network states.
///
/// A pass is a pure function of parameters, rows and [`Pass`], whatever the number of threads: networks cut a batch into chunks of
/// [`Self::chunk_rows`] rows, work on them in the rayon pool of the caller and add partial gradients up in the order of the chunks.
pub trait Network<T: Real>: Clone + Send + Sync {
    /// What the backward pass needs from the forward pass.
    type Tape: Send + Sync;
    /// Derivative of a forward pass along a direction of the parameters; `()` where there are no Hessian-vector products.
    type Tangent: Send + Sync;

    /// Columns of the inputs.
    fn inputs(&self) -> usize;

    /// Rows of a chunk of a batch of `rows`; a batch of one chunk runs on one thread.
    fn chunk_rows(&self, rows: usize) -> usize;

    /// Everything that is trained.
    fn parameters(&self) -> &Parameters<T>;

    /// The same, to be changed.
    fn parameters_mut(&mut self) -> &mut Parameters<T>;

    /// Running statistics: saved, not trained.
    fn running(&self) -> Option<&Parameters<T>> {
        None
    }

    /// The same, to be changed.
    fn running_mut(&mut self) -> Option<&mut Parameters<T>> {
        None
    }

    /// Outputs (n, outputs) of inputs (n, inputs), and the tape for [`Self::backward`].
    ///
    /// # Errors
    /// When the inputs have another number of columns, or too few rows for a batch norm.
    fn forward(&self, inputs: ArrayView2<'_, T>, pass: Pass) -> Result<(Array2<T>, Self::Tape)>;

    /// Adds to `gradient` the gradient of `sum(output_gradient * outputs)` with respect to the parameters.
    fn backward(&self, tape: &Self::Tape, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>);

    /// Outputs (n, outputs) of inputs (n, inputs) as after training; keeps nothing for a backward pass.
    ///
    /// # Errors
    /// When the inputs have another number of columns.
    fn predict(&self, inputs: ArrayView2<'_, T>) -> Result<Array2<T>>;

    /// The outputs in Burn's operations, for other devices than the processor.
    ///
    /// # Errors
    /// For a network, or a pass, that is computed on the processor alone.
    #[cfg(feature = "burn")]
    fn compose(&self, _arrays: &crate::burn::Arrays, _inputs: burn::tensor::Tensor<2>, _pass: Pass) -> Result<burn::tensor::Tensor<2>> {
        Err(crate::device::only_on_cpu("this network"))
    }

    /// Moves running statistics towards those of the batch that made this tape.
    fn absorb_statistics(&mut self, _tape: &Self::Tape) {}

    /// Derivative of the outputs along `direction`, and what [`Self::hessian_vector`] needs of it.
    ///
    /// # Errors
    /// For a network without Hessian-vector products, which AdaHessian alone asks for.
    fn parameter_tangent(&self, _tape: &Self::Tape, _direction: &Parameters<T>) -> Result<(Array2<T>, Self::Tangent)> {
        Err(Error::parameter("optimiser", "one without Hessian-vector products for this network", "adahessian"))
    }

    /// Adds to `product` the Hessian of a loss times `direction`; see [`Mlp::hessian_vector`].
    fn hessian_vector(
        &self,
        _tape: &Self::Tape,
        _tangent: &Self::Tangent,
        _direction: &Parameters<T>,
        _output_gradient: ArrayView2<'_, T>,
        _gradient_tangent: ArrayView2<'_, T>,
        _product: &mut Parameters<T>,
    ) {
    }

    /// Refuses inputs with another number of columns.
    ///
    /// # Errors
    /// The two numbers.
    fn check_columns(&self, inputs: ArrayView2<'_, T>) -> Result<()> {
        if inputs.ncols() == self.inputs() {
            return Ok(());
        }
        Err(Error::input(format!("the network was made for {} input columns, got {}", self.inputs(), inputs.ncols()))
            .hint("give the same columns as at fit"))
    }
}

/// Parameters and running statistics of a network as named arrays, each name after `prefix`.
pub fn to_arrays(network: &impl Network<f32>, prefix: &str) -> NamedArrays {
    let mut arrays = network.parameters().to_arrays(prefix);
    if let Some(running) = network.running() {
        arrays.extend(running.to_arrays(&format!("{prefix}{RUNNING_PREFIX}")));
    }
    arrays
}

/// Gives a network the arrays that [`to_arrays`] gave under the same prefix.
///
/// # Errors
/// When an array is absent or has another shape.
pub fn load_arrays(network: &mut impl Network<f32>, arrays: &NamedArrays, prefix: &str) -> Result<()> {
    network.parameters_mut().load_arrays(arrays, prefix)?;
    match network.running_mut() {
        Some(running) => running.load_arrays(arrays, &format!("{prefix}{RUNNING_PREFIX}")),
        None => Ok(()),
    }
}

/// Parameters and running statistics of these shapes, as [`to_arrays`] gave them under the same prefix.
///
/// # Errors
/// When an array is absent or has another shape, before memory is taken.
pub(crate) fn saved(parameters: Shapes, running: Shapes, arrays: &NamedArrays, prefix: &str) -> Result<(Parameters<f32>, Parameters<f32>)> {
    let running = Parameters::saved(running, arrays, &format!("{prefix}{RUNNING_PREFIX}"))?;
    Ok((Parameters::saved(parameters, arrays, prefix)?, running))
}

/// What `walk` makes of the rows (n, inputs), `chunk_rows` at a time and in order: rows (n, outputs), and what it keeps of every chunk. One
/// chunk is done here, several in the pool of the caller. `walk` is given the chunk's number and its rows.
pub(crate) fn by_chunks<T: Real, K: Send>(
    inputs: ArrayView2<'_, T>,
    outputs: usize,
    chunk_rows: usize,
    walk: impl Fn(usize, ArrayView2<'_, T>) -> (Array2<T>, K) + Sync,
) -> (Array2<T>, Vec<K>) {
    if inputs.nrows() <= chunk_rows {
        let (result, kept) = walk(0, inputs);
        return (result, vec![kept]);
    }
    let mut results = Array2::zeros((inputs.nrows(), outputs));
    let kept = inputs
        .axis_chunks_iter(Axis(0), chunk_rows)
        .into_par_iter()
        .zip(results.axis_chunks_iter_mut(Axis(0), chunk_rows).into_par_iter())
        .enumerate()
        .map(|(chunk, (rows, mut place))| {
            let (result, kept) = walk(chunk, rows);
            place.assign(&result);
            kept
        })
        .collect();
    (results, kept)
}

/// Chunks whose gradients are held at once before they are added up in order.
pub(crate) const CHUNKS_IN_FLIGHT: usize = 16;

/// Adds the gradients of all chunks: of one chunk directly, of several in the pool of the caller, added up in the order of the chunks.
pub(crate) fn accumulate<T: Real, C: Sync>(
    chunks: &[C],
    parts: &[ArrayView2<'_, T>],
    gradient: &mut Parameters<T>,
    walk: impl Fn(&C, ArrayView2<'_, T>, &mut Parameters<T>) + Sync,
) {
    if let ([chunk], [part]) = (chunks, parts) {
        return walk(chunk, *part, gradient);
    }
    for (chunks, parts) in chunks.chunks(CHUNKS_IN_FLIGHT).zip(parts.chunks(CHUNKS_IN_FLIGHT)) {
        let own = |(chunk, part): (&C, &ArrayView2<'_, T>)| {
            let mut own = gradient.zeros_like();
            walk(chunk, *part, &mut own);
            own
        };
        let partial: Vec<Parameters<T>> = chunks.par_iter().zip(parts).map(own).collect();
        partial.iter().for_each(|own| gradient.add_scaled(T::one(), own));
    }
}

impl<T: Real> Network<T> for Mlp<T> {
    type Tape = Tape<T>;
    type Tangent = ParameterTangent<T>;

    fn inputs(&self) -> usize {
        self.spec().inputs
    }

    fn chunk_rows(&self, _rows: usize) -> usize {
        self.rows_of_a_chunk()
    }

    fn parameters(&self) -> &Parameters<T> {
        self.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters<T> {
        self.parameters_mut()
    }

    fn running(&self) -> Option<&Parameters<T>> {
        Some(self.running())
    }

    fn running_mut(&mut self) -> Option<&mut Parameters<T>> {
        Some(self.running_mut())
    }

    fn forward(&self, inputs: ArrayView2<'_, T>, pass: Pass) -> Result<(Array2<T>, Tape<T>)> {
        self.forward(inputs, pass)
    }

    fn backward(&self, tape: &Tape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        self.backward(tape, output_gradient, gradient);
    }

    fn predict(&self, inputs: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.predict(inputs)
    }

    #[cfg(feature = "burn")]
    fn compose(&self, arrays: &crate::burn::Arrays, inputs: burn::tensor::Tensor<2>, pass: Pass) -> Result<burn::tensor::Tensor<2>> {
        self.composition(arrays, inputs, pass)
    }

    fn absorb_statistics(&mut self, tape: &Tape<T>) {
        self.absorb_statistics(tape);
    }

    fn parameter_tangent(&self, tape: &Tape<T>, direction: &Parameters<T>) -> Result<(Array2<T>, ParameterTangent<T>)> {
        self.parameter_tangent(tape, direction)
    }

    fn hessian_vector(
        &self,
        tape: &Tape<T>,
        tangent: &ParameterTangent<T>,
        direction: &Parameters<T>,
        output_gradient: ArrayView2<'_, T>,
        gradient_tangent: ArrayView2<'_, T>,
        product: &mut Parameters<T>,
    ) {
        self.hessian_vector(tape, tangent, direction, output_gradient, gradient_tangent, product);
    }
}
