//! Forward and backward through a chunk of images: tall matrices (samples * tokens, D), attention sample by sample.

use super::layout::{FC1, FC2, NORM1, NORM2, PROJECTION, QKV};
use super::{EPSILON, Pool, Vit, tokens};
use crate::activation::Activation;
use crate::attention;
use crate::depthwise;
use crate::layer_norm::{self, LayerNormTape};
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use ndarray::{Array2, ArrayView2};

/// What the backward pass of a chunk needs.
pub(super) struct ChunkTape<T> {
    pub(super) blocks: Vec<BlockTape<T>>,
    pub(super) ends: EndsTape<T>,
}

/// What the ends of the network keep.
pub(super) struct EndsTape<T> {
    patches: Array2<T>,
    /// Tokens before their convolution, where there is one.
    embedded: Option<Array2<T>>,
    norm: LayerNormTape<T>,
    /// What the head sees.
    pooled: Array2<T>,
}

/// What a block keeps.
pub(super) struct BlockTape<T> {
    norm1: (Array2<T>, LayerNormTape<T>),
    qkv: Array2<T>,
    probabilities: Array2<T>,
    attended: Array2<T>,
    norm2: (Array2<T>, LayerNormTape<T>),
    hidden: Array2<T>,
    slope: Array2<T>,
}

impl<T: Real> Vit<T> {
    /// `target += weight . input + bias`.
    fn add_linear(&self, place: usize, input: &Array2<T>, target: &mut Array2<T>) {
        product::add_forward(input.view(), self.parameters.matrix(place), target.view_mut());
        Activation::Identity.apply(product::contiguous(target), self.parameters.slice(place + 1));
    }

    fn linear(&self, place: usize, input: &Array2<T>) -> Array2<T> {
        let mut out = product::forward(input.view(), self.parameters.matrix(place));
        Activation::Identity.apply(product::contiguous(&mut out), self.parameters.slice(place + 1));
        out
    }

    /// Adds the gradients of weight and bias.
    fn linear_gradient(place: usize, input: &Array2<T>, flowing: &Array2<T>, gradient: &mut Parameters<T>) {
        product::add_weight_gradient(T::one(), flowing.view(), input.view(), gradient.matrix_mut(place));
        product::add_row_sum(flowing, gradient.slice_mut(place + 1));
    }

    /// Adds the gradients of weight and bias, and gives that of the input.
    fn linear_backward(&self, place: usize, input: &Array2<T>, flowing: &Array2<T>, gradient: &mut Parameters<T>) -> Array2<T> {
        Self::linear_gradient(place, input, flowing, gradient);
        product::backward(flowing.view(), self.parameters.matrix(place))
    }

    fn norm(&self, place: usize, mut values: Array2<T>) -> (Array2<T>, LayerNormTape<T>) {
        let tape = layer_norm::forward(EPSILON, &mut values, self.parameters.slice(place), self.parameters.slice(place + 1));
        (values, tape)
    }

    fn norm_backward(&self, place: usize, tape: &LayerNormTape<T>, flowing: &mut Array2<T>, gradient: &mut Parameters<T>) {
        layer_norm::backward(tape, flowing, self.parameters.slice(place), Some(gradient.pair_mut(place)));
    }

    /// Outputs of images. The tapes of the blocks go to `keep`, so that a prediction holds one at a time.
    pub(super) fn images(&self, images: ArrayView2<'_, T>, mut keep: impl FnMut(BlockTape<T>)) -> (Array2<T>, EndsTape<T>) {
        let patches = tokens::patches(&self.spec, images);
        let (mut flowing, embedded) = self.positioned(self.linear(self.places.patch, &patches));
        (0..self.spec.depth).for_each(|index| keep(self.block(self.places.block(index), &mut flowing)));
        let (pooled, norm) = self.pooled(flowing);
        (self.linear(self.places.head, &pooled), EndsTape { patches, embedded, norm, pooled })
    }

    /// Tokens that know where they are, with the class token in front, and those before their convolution.
    fn positioned(&self, embedded: Array2<T>) -> (Array2<T>, Option<Array2<T>>) {
        let (parameters, places) = (&self.parameters, &self.places);
        let (mut flowing, before) = match places.convolution {
            Some(place) => {
                let (weight, bias) = (parameters.slice(place), parameters.slice(place + 1));
                (depthwise::forward(self.spec.grid(), &embedded, weight, bias), Some(embedded))
            }
            None => (embedded, None),
        };
        if let Some(place) = places.token {
            flowing = tokens::with_token(parameters.slice(place), &flowing, self.spec.patches());
        }
        if let Some(place) = places.position {
            // All tokens of a sample as one row.
            Activation::Identity.apply(product::contiguous(&mut flowing), parameters.slice(place));
        }
        (flowing, before)
    }

    fn block(&self, first: usize, flowing: &mut Array2<T>) -> BlockTape<T> {
        let norm1 = self.norm(first + NORM1, flowing.clone());
        let qkv = self.linear(first + QKV, &norm1.0);
        let (attended, probabilities) = attention::forward(self.spec.attention(), &qkv);
        self.add_linear(first + PROJECTION, &attended, flowing);
        let norm2 = self.norm(first + NORM2, flowing.clone());
        let mut slope = product::forward(norm2.0.view(), self.parameters.matrix(first + FC1));
        let (mut hidden, bias) = (Array2::zeros(slope.raw_dim()), self.parameters.slice(first + FC1 + 1));
        Activation::GeluErf.apply_with_slope(product::contiguous(&mut slope), bias, product::contiguous(&mut hidden));
        self.add_linear(first + FC2, &hidden, flowing);
        BlockTape { norm1, qkv, probabilities, attended, norm2, hidden, slope }
    }

    /// What the head sees. Only those tokens are normed that it needs.
    fn pooled(&self, flowing: Array2<T>) -> (Array2<T>, LayerNormTape<T>) {
        let of_sample = self.spec.tokens();
        let wanted = if self.spec.pool == Pool::Token { tokens::firsts(&flowing, of_sample) } else { flowing };
        let (normed, tape) = self.norm(self.places.norm, wanted);
        (if self.spec.pool == Pool::Token { normed } else { tokens::means(&normed, of_sample) }, tape)
    }

    /// Adds the gradients of all parameters from that of the outputs.
    pub(super) fn images_backward(&self, tape: &ChunkTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let by_output = output_gradient.as_standard_layout().into_owned();
        let by_pooled = self.linear_backward(self.places.head, &tape.ends.pooled, &by_output, gradient);
        let mut flowing = self.pooled_backward(&tape.ends.norm, by_pooled, gradient);
        for (index, block) in tape.blocks.iter().enumerate().rev() {
            self.block_backward(self.places.block(index), block, &mut flowing, gradient);
        }
        let by_embedded = self.positioned_backward(tape.ends.embedded.as_ref(), flowing, gradient);
        Self::linear_gradient(self.places.patch, &tape.ends.patches, &by_embedded, gradient);
    }

    fn pooled_backward(&self, norm: &LayerNormTape<T>, by_pooled: Array2<T>, gradient: &mut Parameters<T>) -> Array2<T> {
        let of_sample = self.spec.tokens();
        let mut flowing = match self.spec.pool {
            Pool::Token => by_pooled,
            Pool::Mean => tokens::spread(&by_pooled, of_sample, of_sample, T::of(1.0 / of_sample as f64)),
        };
        self.norm_backward(self.places.norm, norm, &mut flowing, gradient);
        match self.spec.pool {
            Pool::Token => tokens::spread(&flowing, of_sample, 1, T::one()),
            Pool::Mean => flowing,
        }
    }

    fn block_backward(&self, first: usize, tape: &BlockTape<T>, flowing: &mut Array2<T>, gradient: &mut Parameters<T>) {
        let mut by_hidden = self.linear_backward(first + FC2, &tape.hidden, flowing, gradient);
        by_hidden *= &tape.slope;
        let mut branch = self.linear_backward(first + FC1, &tape.norm2.0, &by_hidden, gradient);
        self.norm_backward(first + NORM2, &tape.norm2.1, &mut branch, gradient);
        *flowing += &branch;
        let by_attended = self.linear_backward(first + PROJECTION, &tape.attended, flowing, gradient);
        let by_qkv = attention::backward(self.spec.attention(), &tape.qkv, &tape.probabilities, &by_attended);
        let mut branch = self.linear_backward(first + QKV, &tape.norm1.0, &by_qkv, gradient);
        self.norm_backward(first + NORM1, &tape.norm1.1, &mut branch, gradient);
        *flowing += &branch;
    }

    /// Adds the gradients of what [`Self::positioned`] uses, and gives that of its tokens.
    fn positioned_backward(&self, embedded: Option<&Array2<T>>, mut flowing: Array2<T>, gradient: &mut Parameters<T>) -> Array2<T> {
        if let Some(place) = self.places.position {
            // All tokens of a sample as one row.
            product::add_row_sum(&flowing, gradient.slice_mut(place));
        }
        if let Some(place) = self.places.token {
            flowing = tokens::without_token(&flowing, self.spec.patches(), gradient.slice_mut(place));
        }
        match (self.places.convolution, embedded) {
            (Some(place), Some(embedded)) => {
                let weight = self.parameters.slice(place);
                depthwise::backward(self.spec.grid(), embedded, weight, &flowing, gradient.pair_mut(place))
            }
            _ => flowing,
        }
    }
}
