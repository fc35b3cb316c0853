//! Blocks whose tokens attend to the whole map: a strided convolution makes fewer keys and values of it.

use super::step::{Embedding, EmbeddingTape};
use crate::attention::{self, Guide, Heads};
use crate::layer_norm::LayerNormTape;
use crate::parameters::Parameters;
use crate::real::Real;
use crate::transformer::{Linear, Norm, Perceptron, PerceptronTape};
use ndarray::Array2;

/// Such a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Global {
    pub(super) heads: Heads,
    pub(super) norm: Norm,
    pub(super) query: Linear,
    pub(super) key_and_value: Linear,
    pub(super) projection: Linear,
    /// None where every token is a key.
    pub(super) reduction: Option<Embedding>,
    pub(super) perceptron: Perceptron,
}

/// What a block keeps.
pub(super) struct GlobalTape<T> {
    norm: (Array2<T>, LayerNormTape<T>),
    reduced: Option<(Array2<T>, EmbeddingTape<T>)>,
    queries: Array2<T>,
    keys_and_values: Array2<T>,
    probabilities: Array2<T>,
    attended: Array2<T>,
    perceptron: PerceptronTape<T>,
}

impl Global {
    pub(super) fn forward<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) -> GlobalTape<T> {
        let norm = self.norm.forward(parameters, flowing);
        let reduced = self.reduction.map(|reduction| reduction.forward(parameters, &norm.0));
        let queries = self.query.forward(parameters, &norm.0);
        let keys_and_values = self.key_and_value.forward(parameters, reduced.as_ref().map_or(&norm.0, |(tokens, _)| tokens));
        let (attended, probabilities) = attention::forward(self.heads, [&queries, &keys_and_values], Guide::NONE);
        self.projection.add(parameters, &attended, flowing);
        let perceptron = self.perceptron.forward(parameters, flowing);
        GlobalTape { norm, reduced, queries, keys_and_values, probabilities, attended, perceptron }
    }

    /// As [`Self::forward`], without a way back.
    pub(super) fn predict<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) {
        let normed = self.norm.predict(parameters, flowing);
        let reduced = self.reduction.map(|reduction| reduction.forward(parameters, &normed).0);
        let queries = self.query.forward(parameters, &normed);
        let keys_and_values = self.key_and_value.forward(parameters, reduced.as_ref().unwrap_or(&normed));
        let attended = attention::predict(self.heads, [&queries, &keys_and_values], Guide::NONE);
        self.projection.add(parameters, &attended, flowing);
        self.perceptron.predict(parameters, flowing);
    }

    pub(super) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &GlobalTape<T>,
        flowing: &mut Array2<T>,
        gradient: &mut Parameters<T>,
    ) {
        self.perceptron.backward(parameters, &tape.perceptron, flowing, gradient);
        let by_attended = self.projection.backward(parameters, &tape.attended, flowing, gradient);
        let rows = [&tape.queries, &tape.keys_and_values];
        let [by_queries, by_keys_and_values] = attention::backward(self.heads, rows, &tape.probabilities, &by_attended, None);
        let mut branch = self.query.backward(parameters, &tape.norm.0, &by_queries, gradient);
        branch += &self.seen_backward(parameters, tape, &by_keys_and_values, gradient);
        self.norm.backward(parameters, &tape.norm.1, &mut branch, gradient);
        *flowing += &branch;
    }

    /// The gradient of the normed tokens by way of keys and values.
    fn seen_backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &GlobalTape<T>,
        flowing: &Array2<T>,
        gradient: &mut Parameters<T>,
    ) -> Array2<T> {
        match (self.reduction, &tape.reduced) {
            (Some(reduction), Some((tokens, kept))) => {
                let mut by_tokens = self.key_and_value.backward(parameters, tokens, flowing, gradient);
                reduction.backward(parameters, kept, &mut by_tokens, gradient)
            }
            _ => self.key_and_value.backward(parameters, &tape.norm.0, flowing, gradient),
        }
    }
}
