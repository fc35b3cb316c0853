//! Exact Hessian-vector products (Pearlmutter 1994): the forward and the backward pass, each differentiated along a direction in the
//! space of parameters.
//!
//! At the kink of a ReLU the slope's derivative counts as zero, as in automatic differentiation. Differences of gradients would
//! count the kinks that lie within the probe instead, which is another matrix.

use super::Mlp;
use super::pass::{ChunkTape, LayerTape, Tape};
use crate::batch_norm::{self, NormTangent};
use crate::network::CHUNKS_IN_FLIGHT;
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use elinvar_core::Result;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip, concatenate};

/// Derivative of a forward pass along a direction of the parameters.
pub struct ParameterTangent<T> {
    chunks: Vec<ChunkTangent<T>>,
}

struct ChunkTangent<T> {
    layers: Vec<LayerTangent<T>>,
    last_input: Array2<T>,
    output: Array2<T>,
}

struct LayerTangent<T> {
    input: Array2<T>,
    /// Of the linear part, before the activation.
    linear: Array2<T>,
    norm: Option<NormTangent<T>>,
}

impl<T: Real> Mlp<T> {
    /// Derivative of the outputs (n, outputs) of a forward pass along `direction`, and what [`Self::hessian_vector`] needs of it.
    ///
    /// # Errors
    /// Never for a tape and a direction of this network.
    pub fn parameter_tangent(&self, tape: &Tape<T>, direction: &Parameters<T>) -> Result<(Array2<T>, ParameterTangent<T>)> {
        let chunks: Vec<ChunkTangent<T>> = match tape.chunks.as_slice() {
            [chunk] => vec![self.tangent_chunk(chunk, direction)],
            chunks => chunks.par_iter().map(|chunk| self.tangent_chunk(chunk, direction)).collect(),
        };
        let parts: Vec<ArrayView2<'_, T>> = chunks.iter().map(|chunk| chunk.output.view()).collect();
        let outputs = concatenate(Axis(0), &parts).map_err(|e| elinvar_core::Error::internal(e.to_string()))?;
        Ok((outputs, ParameterTangent { chunks }))
    }

    fn tangent_chunk(&self, tape: &ChunkTape<T>, direction: &Parameters<T>) -> ChunkTangent<T> {
        let first = tape.layers.first().map_or(&tape.last_input, |layer| &layer.input);
        let mut input = Array2::zeros(first.raw_dim());
        let mut layers = Vec::with_capacity(tape.layers.len());
        for (layer, hidden) in tape.layers.iter().enumerate() {
            let linear = self.dense_tangent(layer, hidden.input.view(), input.view(), direction);
            let mut values = &linear * &hidden.slope;
            let norm = hidden.norm.as_ref().map(|tape| {
                let index = self.weight_index(layer) + 2;
                let along = (direction.slice(index), direction.slice(index + 1));
                batch_norm::tangent(tape, &mut values, self.parameters.slice(index), along)
            });
            if let Some(mask) = &hidden.mask {
                values *= mask;
            }
            layers.push(LayerTangent { input: std::mem::replace(&mut input, values), linear, norm });
        }
        let output = self.dense_tangent(tape.layers.len(), tape.last_input.view(), input.view(), direction);
        ChunkTangent { layers, last_input: input, output }
    }

    /// Derivative of `W x + b`.
    fn dense_tangent(&self, layer: usize, value: ArrayView2<'_, T>, tangent: ArrayView2<'_, T>, direction: &Parameters<T>) -> Array2<T> {
        let index = self.weight_index(layer);
        let mut out = product::forward(value, direction.matrix(index));
        if layer > 0 {
            product::add_forward(tangent, self.parameters.matrix(index), out.view_mut());
        }
        out += &ArrayView1::from(direction.slice(index + 1));
        out
    }

    /// Adds H `direction` to `out`, H being the Hessian of the loss with respect to the parameters.
    ///
    /// `output_gradient` is the loss's gradient with respect to the outputs and `gradient_tangent` that gradient's derivative along
    /// the outputs' tangent, both (n, outputs).
    pub fn hessian_vector(
        &self,
        tape: &Tape<T>,
        tangent: &ParameterTangent<T>,
        direction: &Parameters<T>,
        output_gradient: ArrayView2<'_, T>,
        gradient_tangent: ArrayView2<'_, T>,
        out: &mut Parameters<T>,
    ) {
        let jobs: Vec<_> = tape
            .chunks
            .iter()
            .zip(&tangent.chunks)
            .zip(output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows))
            .zip(gradient_tangent.axis_chunks_iter(Axis(0), tape.chunk_rows))
            .map(|(((tape, tangent), gradient), turn)| (tape, tangent, Flow { value: gradient.to_owned(), tangent: turn.to_owned() }))
            .collect();
        if jobs.len() == 1 {
            jobs.into_iter().for_each(|(tape, tangent, flow)| self.hessian_chunk(tape, tangent, direction, flow, out));
            return;
        }
        for jobs in jobs.chunks(CHUNKS_IN_FLIGHT) {
            let partial: Vec<Parameters<T>> = jobs
                .par_iter()
                .map(|(tape, tangent, flow)| {
                    let mut own = out.zeros_like();
                    self.hessian_chunk(tape, tangent, direction, flow.clone(), &mut own);
                    own
                })
                .collect();
            partial.iter().for_each(|own| out.add_scaled(T::one(), own));
        }
    }

    fn hessian_chunk(
        &self,
        tape: &ChunkTape<T>,
        tangent: &ChunkTangent<T>,
        direction: &Parameters<T>,
        mut flow: Flow<T>,
        out: &mut Parameters<T>,
    ) {
        for layer in (0..=tape.layers.len()).rev() {
            let index = self.weight_index(layer);
            let hidden = tape.layers.get(layer).zip(tangent.layers.get(layer));
            if let Some((tape, tangent)) = hidden {
                self.turn_elementwise(layer, tape, tangent, direction, &mut flow, out);
            }
            let (value, turn) = hidden.map_or((&tape.last_input, &tangent.last_input), |(tape, tangent)| (&tape.input, &tangent.input));
            product::add_weight_gradient(T::one(), flow.tangent.view(), value.view(), out.matrix_mut(index));
            product::add_row_sum(&flow.tangent, out.slice_mut(index + 1));
            if layer > 0 {
                product::add_weight_gradient(T::one(), flow.value.view(), turn.view(), out.matrix_mut(index));
                let mut turned = product::backward(flow.tangent.view(), self.parameters.matrix(index));
                product::add_backward(flow.value.view(), direction.matrix(index), &mut turned);
                flow = Flow { value: product::backward(flow.value.view(), self.parameters.matrix(index)), tangent: turned };
            }
        }
    }

    /// Dropout, batch norm and activation of one hidden layer, backward with their tangents and in place.
    fn turn_elementwise(
        &self,
        layer: usize,
        tape: &LayerTape<T>,
        tangent: &LayerTangent<T>,
        direction: &Parameters<T>,
        flow: &mut Flow<T>,
        out: &mut Parameters<T>,
    ) {
        if let Some(mask) = &tape.mask {
            flow.value *= mask;
            flow.tangent *= mask;
        }
        let index = self.weight_index(layer);
        if let (Some(norm), Some(along)) = (&tape.norm, &tangent.norm) {
            let scales = (self.parameters.slice(index + 2), direction.slice(index + 2));
            let (by_scale, by_shift) = batch_norm::backward_tangent(norm, along, &mut flow.value, &mut flow.tangent, scales);
            out.slice_mut(index + 2).iter_mut().zip(by_scale).for_each(|(sum, more)| *sum += more);
            out.slice_mut(index + 3).iter_mut().zip(by_shift).for_each(|(sum, more)| *sum += more);
        }
        flow.tangent *= &tape.slope;
        if !self.spec.activation.is_piecewise_linear() {
            let curvature = self.curvature(layer, tape.input.view());
            Zip::from(&mut flow.tangent)
                .and(&flow.value)
                .and(&curvature)
                .and(&tangent.linear)
                .for_each(|turn, &value, &bend, &along| *turn += value * bend * along);
        }
        flow.value *= &tape.slope;
    }

    /// Second derivatives of a hidden layer's activation.
    fn curvature(&self, layer: usize, input: ArrayView2<'_, T>) -> Array2<T> {
        let index = self.weight_index(layer);
        let mut linear = product::forward(input, self.parameters.matrix(index));
        let (mut values, mut curvature) = (Array2::zeros(linear.raw_dim()), Array2::zeros(linear.raw_dim()));
        self.spec.activation.apply_with_curvature(
            product::contiguous(&mut linear),
            self.parameters.slice(index + 1),
            product::contiguous(&mut values),
            product::contiguous(&mut curvature),
        );
        curvature
    }
}

/// A gradient on its way back and its derivative.
#[derive(Clone)]
struct Flow<T> {
    value: Array2<T>,
    tangent: Array2<T>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::matrix;
    use super::*;
    use crate::activation::Activation;
    use crate::mlp::{MlpSpec, Pass};
    use elinvar_core::random::stream;
    use rand::RngExt;

    /// Loss `sum y³/3 + y²`, its output gradient and that gradient's derivative along `t`.
    fn output_gradient(y: &Array2<f64>) -> Array2<f64> {
        y.mapv(|y| y * y + 2.0 * y)
    }

    fn gradient(network: &Mlp<f64>, x: ArrayView2<'_, f64>, pass: Pass) -> Vec<f64> {
        let (y, tape) = network.forward(x, pass).unwrap();
        let mut gradient = network.parameters().zeros_like();
        network.backward(&tape, output_gradient(&y).view(), &mut gradient);
        gradient.values().to_vec()
    }

    fn check(activation: Activation, batch_norm: bool, rows: usize) {
        let spec = MlpSpec { dropout: 0.3, batch_norm, residual: true, ..MlpSpec::new(3, vec![6, 5], 3, activation) };
        let mut network = Mlp::<f64>::new(spec, &mut stream(5, &[])).unwrap();
        let mut random = stream(6, &[]);
        network.parameters_mut().values_mut().iter_mut().for_each(|w| *w += 0.2 * (random.random::<f64>() - 0.5));
        let mut direction = network.parameters().zeros_like();
        direction.values_mut().iter_mut().for_each(|d| *d = random.random::<f64>() - 0.5);
        let x = matrix(rows, 3, 0.7, 0.1, 1.0);
        let pass = Pass::Training { seed: 1, step: 2 };

        let (y, tape) = network.forward(x.view(), pass).unwrap();
        let (tangent_of_y, tangent) = network.parameter_tangent(&tape, &direction).unwrap();
        let turn = (y.mapv(|y| 2.0 * y + 2.0)) * &tangent_of_y;
        let mut product = network.parameters().zeros_like();
        network.hessian_vector(&tape, &tangent, &direction, output_gradient(&y).view(), turn.view(), &mut product);

        let moved = |t: f64| {
            let mut other = network.clone();
            other.parameters_mut().add_scaled(t, &direction);
            (gradient(&other, x.view(), pass), other.forward(x.view(), pass).unwrap().0)
        };
        const STEP: f64 = 1e-5;
        let ((above, y_above), (below, y_below)) = (moved(STEP), moved(-STEP));
        let largest = product.values().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for ((&exact, a), b) in product.values().iter().zip(&above).zip(&below) {
            let numeric = (a - b) / (2.0 * STEP);
            assert!((numeric - exact).abs() < 1e-6 * largest, "{activation:?} {batch_norm}: {numeric} and {exact}");
        }
        for ((&exact, a), b) in tangent_of_y.iter().zip(&y_above).zip(&y_below) {
            assert!(((a - b) / (2.0 * STEP) - exact).abs() < 1e-7 * (1.0 + exact.abs()), "{activation:?} {batch_norm}");
        }
    }

    #[test]
    fn products_are_the_derivative_of_the_gradient() {
        for activation in [Activation::Silu, Activation::Tanh, Activation::Relu] {
            for batch_norm in [false, true] {
                check(activation, batch_norm, 17);
            }
        }
    }

    #[test]
    fn long_batches_go_through_in_chunks() {
        check(Activation::Softplus, false, super::super::CHUNK_ROWS + 9);
    }
}
