//! Blocks of attention and perceptron, each normed before and added to what came in.

use super::layers::{Linear, Norm};
use crate::activation::Activation;
use crate::attention::{self, Guide, Heads};
use crate::layer_norm::LayerNormTape;
use crate::parameters::Parameters;
use crate::real::Real;
use ndarray::Array2;

/// The perceptron of a block with its norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Perceptron {
    pub(super) norm: Norm,
    pub(super) fc1: Linear,
    pub(super) fc2: Linear,
}

/// What a perceptron keeps.
pub(crate) struct PerceptronTape<T> {
    norm: (Array2<T>, LayerNormTape<T>),
    hidden: Array2<T>,
    slope: Array2<T>,
}

impl Perceptron {
    pub(crate) fn forward<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) -> PerceptronTape<T> {
        let norm = self.norm.forward(parameters, flowing);
        let (hidden, slope) = self.fc1.activated(Activation::GeluErf, parameters, &norm.0);
        self.fc2.add(parameters, &hidden, flowing);
        PerceptronTape { norm, hidden, slope }
    }

    /// As [`Self::forward`], without a way back.
    pub(crate) fn predict<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) {
        let hidden = self.fc1.applied(Activation::GeluErf, parameters, &self.norm.predict(parameters, flowing));
        self.fc2.add(parameters, &hidden, flowing);
    }

    pub(crate) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &PerceptronTape<T>,
        flowing: &mut Array2<T>,
        gradient: &mut Parameters<T>,
    ) {
        let mut by_hidden = self.fc2.backward(parameters, &tape.hidden, flowing, gradient);
        by_hidden *= &tape.slope;
        let mut branch = self.fc1.backward(parameters, &tape.norm.0, &by_hidden, gradient);
        self.norm.backward(parameters, &tape.norm.1, &mut branch, gradient);
        *flowing += &branch;
    }
}

/// A block whose tokens attend to the tokens of their own sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(super) heads: Heads,
    pub(super) norm: Norm,
    pub(super) qkv: Linear,
    pub(super) projection: Linear,
    pub(super) perceptron: Perceptron,
}

/// What a block keeps.
pub(crate) struct BlockTape<T> {
    norm: (Array2<T>, LayerNormTape<T>),
    qkv: Array2<T>,
    probabilities: Array2<T>,
    attended: Array2<T>,
    perceptron: PerceptronTape<T>,
}

impl Block {
    pub(crate) fn forward<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) -> BlockTape<T> {
        let norm = self.norm.forward(parameters, flowing);
        let qkv = self.qkv.forward(parameters, &norm.0);
        let (attended, probabilities) = attention::forward(self.heads, [&qkv], Guide::NONE);
        self.projection.add(parameters, &attended, flowing);
        BlockTape { norm, qkv, probabilities, attended, perceptron: self.perceptron.forward(parameters, flowing) }
    }

    /// As [`Self::forward`], without a way back.
    pub(crate) fn predict<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) {
        let qkv = self.qkv.forward(parameters, &self.norm.predict(parameters, flowing));
        self.projection.add(parameters, &attention::predict(self.heads, [&qkv], Guide::NONE), flowing);
        self.perceptron.predict(parameters, flowing);
    }

    pub(crate) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &BlockTape<T>,
        flowing: &mut Array2<T>,
        gradient: &mut Parameters<T>,
    ) {
        self.perceptron.backward(parameters, &tape.perceptron, flowing, gradient);
        let by_attended = self.projection.backward(parameters, &tape.attended, flowing, gradient);
        let [by_qkv] = attention::backward(self.heads, [&tape.qkv], &tape.probabilities, &by_attended, None);
        let mut branch = self.qkv.backward(parameters, &tape.norm.0, &by_qkv, gradient);
        self.norm.backward(parameters, &tape.norm.1, &mut branch, gradient);
        *flowing += &branch;
    }
}
