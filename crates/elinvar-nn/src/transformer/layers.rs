//! Linear layers, layer norms and convolutions of positions of tall matrices of tokens.

use crate::activation::Activation;
use crate::depthwise;
use crate::layer_norm::{self, LayerNormTape};
use crate::map::Padding;
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use ndarray::Array2;

/// A linear layer; its bias follows its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    /// The weight's place among the arrays.
    pub(super) place: usize,
}

impl Linear {
    /// `target += weight . input + bias`.
    pub(crate) fn add<T: Real>(self, parameters: &Parameters<T>, input: &Array2<T>, target: &mut Array2<T>) {
        product::add_forward(input.view(), parameters.matrix(self.place), target.view_mut());
        Activation::Identity.apply(product::contiguous(target), parameters.slice(self.place + 1));
    }

    /// `weight . input + bias`.
    pub(crate) fn forward<T: Real>(self, parameters: &Parameters<T>, input: &Array2<T>) -> Array2<T> {
        self.applied(Activation::Identity, parameters, input)
    }

    /// f(`weight . input + bias`).
    pub(crate) fn applied<T: Real>(self, activation: Activation, parameters: &Parameters<T>, input: &Array2<T>) -> Array2<T> {
        let mut out = product::forward(input.view(), parameters.matrix(self.place));
        activation.apply(product::contiguous(&mut out), parameters.slice(self.place + 1));
        out
    }

    /// f(`weight . input + bias`) and its slopes.
    pub(crate) fn activated<T: Real>(
        self,
        activation: Activation,
        parameters: &Parameters<T>,
        input: &Array2<T>,
    ) -> (Array2<T>, Array2<T>) {
        let mut slope = product::forward(input.view(), parameters.matrix(self.place));
        let (mut values, bias) = (Array2::zeros(slope.raw_dim()), parameters.slice(self.place + 1));
        activation.apply_with_slope(product::contiguous(&mut slope), bias, product::contiguous(&mut values));
        (values, slope)
    }

    /// Adds the gradients of weight and bias.
    pub(crate) fn add_gradient<T: Real>(self, input: &Array2<T>, flowing: &Array2<T>, gradient: &mut Parameters<T>) {
        product::add_weight_gradient(T::one(), flowing.view(), input.view(), gradient.matrix_mut(self.place));
        product::add_row_sum(flowing, gradient.slice_mut(self.place + 1));
    }

    /// Adds the gradients of weight and bias, and gives that of the input.
    pub(crate) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        input: &Array2<T>,
        flowing: &Array2<T>,
        gradient: &mut Parameters<T>,
    ) -> Array2<T> {
        self.add_gradient(input, flowing, gradient);
        product::backward(flowing.view(), parameters.matrix(self.place))
    }
}

/// A layer norm; its shift follows its scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    /// The scale's place among the arrays.
    pub(super) place: usize,
    pub(super) epsilon: f64,
}

impl Norm {
    pub(crate) fn forward<T: Real>(self, parameters: &Parameters<T>, values: &Array2<T>) -> (Array2<T>, LayerNormTape<T>) {
        layer_norm::forward(self.epsilon, values, parameters.slice(self.place), parameters.slice(self.place + 1))
    }

    /// As [`Self::forward`], without a way back.
    pub(crate) fn predict<T: Real>(self, parameters: &Parameters<T>, values: &Array2<T>) -> Array2<T> {
        layer_norm::predict(self.epsilon, values, parameters.slice(self.place), parameters.slice(self.place + 1))
    }

    /// Turns the gradient of the result into that of the argument, and adds those of scale and shift.
    pub(crate) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &LayerNormTape<T>,
        flowing: &mut Array2<T>,
        gradient: &mut Parameters<T>,
    ) {
        layer_norm::backward(tape, flowing, parameters.slice(self.place), Some(gradient.pair_mut(self.place)));
    }
}

/// A depth-wise 3 x 3 convolution with an identity beside it; its bias follows its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    /// The layer whose weight and bias these are.
    pub(crate) layer: Linear,
    /// Rows and columns of cells.
    pub(crate) grid: (usize, usize),
    /// What lies beyond the grid.
    pub(crate) padding: Padding,
}

impl Convolution {
    pub(crate) fn forward<T: Real>(self, parameters: &Parameters<T>, input: &Array2<T>) -> Array2<T> {
        let (weight, bias) = (parameters.slice(self.layer.place), parameters.slice(self.layer.place + 1));
        depthwise::forward(self.grid, self.padding, input, weight, bias)
    }

    /// Adds the gradients of weight and bias, and gives that of the input.
    pub(crate) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        input: &Array2<T>,
        flowing: &Array2<T>,
        gradient: &mut Parameters<T>,
    ) -> Array2<T> {
        let weight = parameters.slice(self.layer.place);
        depthwise::backward((self.grid, self.padding), input, weight, flowing, gradient.pair_mut(self.layer.place))
    }
}
