//! Forward and backward through the layers of one chunk of rows.

use super::layer::{Kind, Node, Normed};
use crate::activation::Activation;
use crate::alpha_dropout::{AlphaDropout, Mask};
use crate::batch_norm::{self, NormTape};
use crate::convolution::{self, Layout};
use crate::layer_norm::{self, LayerNormTape};
use crate::map;
use crate::mlp::Pass;
use crate::parameters::Parameters;
use crate::pooling;
use crate::product;
use crate::real::Real;
use elinvar_core::random::stream;
use ndarray::{Array2, ArrayView2};

/// What the backward pass of a chain needs: the input of every layer, and what else a layer keeps.
pub struct ChainTape<T> {
    layers: Vec<LayerTape<T>>,
    output: Array2<T>,
}

struct LayerTape<T> {
    input: Array2<T>,
    kept: Kept<T>,
}

/// What a layer keeps besides its input and its result.
enum Kept<T> {
    Nothing,
    /// f' where it does not follow from f.
    Slope(Array2<T>),
    Mask(Mask),
    BatchNorm(NormTape<T>),
    LayerNorm(LayerNormTape<T>),
    /// h, and the gate.
    Gate {
        value: Array2<T>,
        slope: Option<Array2<T>>,
        gate: Array2<T>,
    },
    /// The inner chain, and x + F(x).
    Inner {
        tape: ChainTape<T>,
        sum: Array2<T>,
    },
}

impl<T: Real> ChainTape<T> {
    /// The input of a layer.
    pub(super) fn input_of(&self, layer: usize) -> ArrayView2<'_, T> {
        self.layers[layer].input.view()
    }
}

/// A forward pass.
pub(super) struct Forward<'a, T> {
    pub(super) parameters: &'a Parameters<T>,
    pub(super) running: &'a Parameters<T>,
    pub(super) pass: Pass,
    /// Row of the batch that the chunk begins with.
    pub(super) first_row: usize,
}

impl<T: Real> Forward<'_, T> {
    /// Result and tape of a chain.
    pub(super) fn chain(&self, nodes: &[Node], input: Array2<T>) -> (Array2<T>, ChainTape<T>) {
        let mut flowing = input;
        let mut layers = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (result, kept) = self.node(node, &flowing);
            layers.push(LayerTape { input: std::mem::replace(&mut flowing, result), kept });
        }
        let output = flowing.clone();
        (flowing, ChainTape { layers, output })
    }

    fn node(&self, node: &Node, input: &Array2<T>) -> (Array2<T>, Kept<T>) {
        match &node.kind {
            &Kind::Dense { activation, weight_norm, dropout, .. } => self.dense(node, activation, weight_norm, dropout, input),
            &Kind::Activation(activation) => activated(activation, input.clone(), &vec![T::zero(); node.outputs]),
            &Kind::Dropout(rate) => match self.mask(rate, node) {
                Some(mask) => (dropped(input, |values, width| mask.scale(values, width, kept_scale(rate))), Kept::Mask(mask)),
                None => (input.clone(), Kept::Nothing),
            },
            Kind::AlphaDropout(dropout) => match self.mask(dropout.rate, node) {
                Some(mask) => (dropped(input, |values, width| dropout.apply(values, width, 1, mask)), Kept::Mask(mask)),
                None => (input.clone(), Kept::Nothing),
            },
            &Kind::BatchNorm { settings, running, plane } => {
                let mut values = map::channels_last(input.clone(), plane);
                let known = (self.pass == Pass::Evaluation).then(|| (self.running.slice(running), self.running.slice(running + 1)));
                let [scale, shift] = [0, 1].map(|k| self.parameters.slice(node.first + k));
                let tape = batch_norm::forward(settings, &mut values, scale, shift, known);
                (map::channels_first(values, plane), Kept::BatchNorm(tape))
            }
            &Kind::Convolution { ref layout, activation, .. } => self.convolution(node, layout, activation, input),
            Kind::Pool(pool) => (pool.forward(input), Kept::Nothing),
            &Kind::GlobalMean(map) => (pooling::channel_means(map, input), Kept::Nothing),
            &Kind::LayerNorm { epsilon } => {
                let [scale, shift] = [0, 1].map(|k| self.parameters.slice(node.first + k));
                let (values, tape) = layer_norm::forward(epsilon, input, scale, shift);
                (values, Kept::LayerNorm(tape))
            }
            &Kind::Highway { activation, .. } => self.highway(node, activation, input),
            Kind::Residual { nodes, activation } => {
                let (mut sum, tape) = self.chain(nodes, input.clone());
                sum += input;
                let (result, slope) = activated(*activation, sum.clone(), &vec![T::zero(); node.outputs]);
                let sum = if let Kept::Slope(slope) = slope { slope } else { sum };
                (result, Kept::Inner { tape, sum })
            }
        }
    }

    fn mask(&self, rate: f64, node: &Node) -> Option<Mask> {
        mask_of(rate, node, self.pass, self.first_row)
    }

    fn linear(&self, weight: usize, input: &Array2<T>) -> Array2<T> {
        product::forward(input.view(), self.parameters.matrix(weight))
    }

    fn dense(
        &self,
        node: &Node,
        activation: Activation,
        weight_norm: bool,
        dropout: Option<AlphaDropout>,
        input: &Array2<T>,
    ) -> (Array2<T>, Kept<T>) {
        let mut linear = match weight_norm {
            true => product::forward(input.view(), Normed::of(self.parameters, node.first).weight.view()),
            false => self.linear(node.first, input),
        };
        let bias = self.parameters.slice(node.first + 1);
        if let Some(dropout) = dropout
            && let Some(mask) = self.mask(dropout.rate, node)
        {
            dropout.apply_to_selu(product::contiguous(&mut linear), bias, mask);
            return (linear, Kept::Mask(mask));
        }
        activated(activation, linear, bias)
    }

    fn convolution(&self, node: &Node, layout: &Layout, activation: Activation, input: &Array2<T>) -> (Array2<T>, Kept<T>) {
        let [weight, bias] = [0, 1].map(|k| self.parameters.slice(node.first + k));
        activated(activation, convolution::forward(layout, input, weight, bias), &vec![T::zero(); layout.result().plane()])
    }

    fn highway(&self, node: &Node, activation: Activation, input: &Array2<T>) -> (Array2<T>, Kept<T>) {
        let (value, kept) = activated(activation, self.linear(node.first, input), self.parameters.slice(node.first + 1));
        let slope = if let Kept::Slope(slope) = kept { Some(slope) } else { None };
        let (gate, _) = activated(Activation::Sigmoid, self.linear(node.first + 2, input), self.parameters.slice(node.first + 3));
        let mut result = input.clone();
        ndarray::Zip::from(&mut result).and(&value).and(&gate).for_each(|x, &h, &t| *x += t * (h - *x));
        (result, Kept::Gate { value, slope, gate })
    }
}

/// f(values + bias), and f' where it does not follow from f.
fn activated<T: Real>(activation: Activation, mut linear: Array2<T>, bias: &[T]) -> (Array2<T>, Kept<T>) {
    if activation.slope_follows_from_value() {
        activation.apply(product::contiguous(&mut linear), bias);
        return (linear, Kept::Nothing);
    }
    let mut values = Array2::zeros(linear.raw_dim());
    activation.apply_with_slope(product::contiguous(&mut linear), bias, product::contiguous(&mut values));
    (values, Kept::Slope(linear))
}

/// A copy with values dropped in place.
fn dropped<T: Real>(input: &Array2<T>, drop: impl FnOnce(&mut [T], usize)) -> Array2<T> {
    let (mut values, width) = (input.clone(), input.ncols());
    drop(product::contiguous(&mut values), width);
    values
}

/// The mask of a layer in a step, from this row of the batch; none without dropout.
pub(super) fn mask_of(rate: f64, node: &Node, pass: Pass, first_row: usize) -> Option<Mask> {
    match pass {
        Pass::Training { seed, step } if rate > 0.0 => {
            let mut own = stream(seed, &[("dropout", step), ("layer", node.number)]);
            Some(Mask::new(rate, first_row, &mut own))
        }
        _ => None,
    }
}

/// What ordinary dropout multiplies kept values by.
pub(super) fn kept_scale<T: Real>(rate: f64) -> T {
    T::of(1.0 / (1.0 - rate))
}

/// A backward pass, which adds to `gradient`.
pub(super) struct Backward<'a, T> {
    pub(super) parameters: &'a Parameters<T>,
    pub(super) gradient: &'a mut Parameters<T>,
}

impl<T: Real> Backward<'_, T> {
    /// The gradient with respect to the input of a chain from that with respect to its result; of no meaning unless `to_input`.
    pub(super) fn chain(&mut self, nodes: &[Node], tape: &ChainTape<T>, gradient: Array2<T>, to_input: bool) -> Array2<T> {
        let mut flowing = gradient;
        for (index, (node, layer)) in nodes.iter().zip(&tape.layers).enumerate().rev() {
            let result = tape.layers.get(index + 1).map_or(&tape.output, |next| &next.input);
            flowing = self.node(node, layer, result, flowing, to_input || index > 0);
        }
        flowing
    }

    fn node(&mut self, node: &Node, tape: &LayerTape<T>, result: &Array2<T>, mut flowing: Array2<T>, to_input: bool) -> Array2<T> {
        match (&node.kind, &tape.kept) {
            (&Kind::Dense { activation, weight_norm, dropout, .. }, kept) => {
                match (dropout, kept) {
                    (Some(dropout), Kept::Mask(_)) => dropout.backward_of_selu(product::numbers(result), product::contiguous(&mut flowing)),
                    _ => through(activation, kept, result, &mut flowing),
                }
                self.dense(node, weight_norm, &tape.input, flowing, to_input)
            }
            (&Kind::Activation(activation), kept) => {
                through(activation, kept, result, &mut flowing);
                flowing
            }
            (Kind::Dropout(rate), Kept::Mask(mask)) => {
                let width = flowing.ncols();
                mask.scale(product::contiguous(&mut flowing), width, kept_scale(*rate));
                flowing
            }
            (Kind::AlphaDropout(dropout), Kept::Mask(mask)) => {
                let width = flowing.ncols();
                dropout.backward(product::contiguous(&mut flowing), width, 1, *mask);
                flowing
            }
            (&Kind::BatchNorm { plane, .. }, Kept::BatchNorm(norm)) => {
                let mut flowing = map::channels_last(flowing, plane);
                let (by_scale, by_shift) = batch_norm::backward(norm, &mut flowing, self.parameters.slice(node.first));
                for (place, more) in [(node.first, by_scale), (node.first + 1, by_shift)] {
                    self.gradient.slice_mut(place).iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                }
                map::channels_first(flowing, plane)
            }
            (&Kind::Convolution { ref layout, activation, .. }, kept) => {
                through(activation, kept, result, &mut flowing);
                let weight = self.parameters.slice(node.first);
                let by = self.gradient.pair_mut(node.first);
                convolution::backward(layout, (&tape.input, weight), &flowing, by, to_input).unwrap_or(flowing)
            }
            (Kind::Pool(pool), _) => pool.backward(&tape.input, &flowing),
            (&Kind::GlobalMean(map), _) => pooling::channel_means_backward(map, &flowing),
            (Kind::LayerNorm { .. }, Kept::LayerNorm(norm)) => {
                let by = self.gradient.pair_mut(node.first);
                layer_norm::backward(norm, &mut flowing, self.parameters.slice(node.first), Some(by));
                flowing
            }
            (&Kind::Highway { activation, .. }, Kept::Gate { value, slope, gate }) => {
                self.highway(node, activation, tape, (value, slope.as_ref(), gate), &flowing)
            }
            (Kind::Residual { nodes, activation }, Kept::Inner { tape, sum }) => {
                match activation.slope_follows_from_value() {
                    true => activation.backward_from_value(product::numbers(result), product::contiguous(&mut flowing)),
                    false => flowing *= sum,
                }
                let inner = self.chain(nodes, tape, flowing.clone(), true);
                flowing + inner
            }
            _ => flowing,
        }
    }

    /// Adds the gradients of weight and bias from that of `W x + b`, and gives that of x.
    fn dense(&mut self, node: &Node, weight_norm: bool, input: &Array2<T>, flowing: Array2<T>, to_input: bool) -> Array2<T> {
        product::add_row_sum(&flowing, self.gradient.slice_mut(node.first + 1));
        if !weight_norm {
            product::add_weight_gradient(T::one(), flowing.view(), input.view(), self.gradient.matrix_mut(node.first));
            return if to_input { product::backward(flowing.view(), self.parameters.matrix(node.first)) } else { flowing };
        }
        let normed = Normed::of(self.parameters, node.first);
        let mut by_weight = Array2::zeros(normed.weight.raw_dim());
        product::add_weight_gradient(T::one(), flowing.view(), input.view(), by_weight.view_mut());
        self.normed(node, &normed, &by_weight);
        if to_input { product::backward(flowing.view(), normed.weight.view()) } else { flowing }
    }

    /// Splits the gradient of a weight with weight norm into those of directions and lengths.
    fn normed(&mut self, node: &Node, normed: &Normed<T>, by_weight: &Array2<T>) {
        for (row, (by, direction)) in by_weight.rows().into_iter().zip(normed.directions.rows()).enumerate() {
            let along = by.iter().zip(direction).map(|(b, d)| *b * *d).sum::<T>();
            let factor = self.parameters.slice(node.first + 2)[row] / normed.lengths[row];
            self.gradient.slice_mut(node.first + 2)[row] += along;
            let mut target = self.gradient.matrix_mut(node.first);
            let target = target.row_mut(row);
            ndarray::Zip::from(target).and(by).and(direction).for_each(|t, &b, &d| *t += factor * (b - along * d));
        }
    }

    fn highway(
        &mut self,
        node: &Node,
        activation: Activation,
        tape: &LayerTape<T>,
        (value, slope, gate): (&Array2<T>, Option<&Array2<T>>, &Array2<T>),
        flowing: &Array2<T>,
    ) -> Array2<T> {
        let mut by_value = flowing * gate;
        match slope {
            Some(slope) => by_value *= slope,
            None => activation.backward_from_value(product::numbers(value), product::contiguous(&mut by_value)),
        }
        let mut by_gate = flowing * &(value - &tape.input);
        Activation::Sigmoid.backward_from_value(product::numbers(gate), product::contiguous(&mut by_gate));
        let mut by_input = flowing.clone();
        ndarray::Zip::from(&mut by_input).and(gate).for_each(|g, &t| *g *= T::one() - t);
        for (weight, by) in [(node.first, by_value), (node.first + 2, by_gate)] {
            product::add_weight_gradient(T::one(), by.view(), tape.input.view(), self.gradient.matrix_mut(weight));
            product::add_row_sum(&by, self.gradient.slice_mut(weight + 1));
            product::add_backward(by.view(), self.parameters.matrix(weight), &mut by_input);
        }
        by_input
    }
}

/// `flowing <- flowing * f'`.
fn through<T: Real>(activation: Activation, kept: &Kept<T>, result: &Array2<T>, flowing: &mut Array2<T>) {
    match kept {
        Kept::Slope(slope) => *flowing *= slope,
        _ => activation.backward_from_value(product::numbers(result), product::contiguous(flowing)),
    }
}

/// Moves the running statistics of all batch norms towards those of the batch.
pub(super) fn absorb<T: Real>(nodes: &[Node], tape: &ChainTape<T>, running: &mut Parameters<T>) {
    for (node, layer) in nodes.iter().zip(&tape.layers) {
        match (&node.kind, &layer.kept) {
            (&Kind::BatchNorm { settings, running: place, .. }, Kept::BatchNorm(norm)) => {
                let (mean, variance) = running.pair_mut(place);
                batch_norm::absorb(settings, norm, mean, variance);
            }
            (Kind::Residual { nodes, .. }, Kept::Inner { tape, .. }) => absorb(nodes, tape, running),
            _ => {}
        }
    }
}
