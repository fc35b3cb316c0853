//! Forward and backward through a chunk of images: tall matrices (samples * tokens, D), attention sample by sample.

use super::{Pool, Vit, tokens};
use crate::activation::Activation;
use crate::layer_norm::LayerNormTape;
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use crate::transformer::{Block, BlockTape, Patching, means, spread};
use ndarray::{Array2, ArrayView2};

/// What the backward pass of a chunk needs.
pub(super) struct ChunkTape<T> {
    pub(super) blocks: Vec<BlockTape<T>>,
    pub(super) ends: EndsTape<T>,
}

/// What the ends of the network keep.
pub(super) struct EndsTape<T> {
    patches: Array2<T>,
    patch_norm: Option<LayerNormTape<T>>,
    /// Tokens before their convolution, where there is one.
    embedded: Option<Array2<T>>,
    norm: LayerNormTape<T>,
    /// What the head sees.
    pooled: Array2<T>,
}

impl<T: Real> Vit<T> {
    /// Outputs of images, whose tokens `walk` takes through each block.
    pub(super) fn images(&self, images: ArrayView2<'_, T>, mut walk: impl FnMut(&Block, &mut Array2<T>)) -> (Array2<T>, EndsTape<T>) {
        let patching = Patching::of_images(self.spec.channels, self.spec.grid(), self.spec.patch);
        let patches = patching.gather(&images.as_standard_layout().into_owned());
        let (tokens, patch_norm) = self.embedded(&patches);
        let (mut flowing, embedded) = self.positioned(tokens);
        self.layers.blocks.iter().for_each(|block| walk(block, &mut flowing));
        let (pooled, norm) = self.pooled(flowing);
        (self.layers.head.forward(&self.parameters, &pooled), EndsTape { patches, patch_norm, embedded, norm, pooled })
    }

    /// Tokens of patches.
    fn embedded(&self, patches: &Array2<T>) -> (Array2<T>, Option<LayerNormTape<T>>) {
        let tokens = self.layers.embedding.forward(&self.parameters, patches);
        match self.layers.embedding_norm {
            Some(norm) => {
                let (tokens, tape) = norm.forward(&self.parameters, &tokens);
                (tokens, Some(tape))
            }
            None => (tokens, None),
        }
    }

    /// Tokens that know where they are, with the class token in front, and those before their convolution.
    fn positioned(&self, embedded: Array2<T>) -> (Array2<T>, Option<Array2<T>>) {
        let (parameters, layers) = (&self.parameters, &self.layers);
        let (mut flowing, before) = match layers.convolution {
            Some(convolution) => (convolution.forward(parameters, &embedded), Some(embedded)),
            None => (embedded, None),
        };
        if let Some(place) = layers.token {
            flowing = tokens::with_token(parameters.slice(place), &flowing, self.spec.patches());
        }
        if let Some(place) = layers.position {
            // All tokens of a sample as one row.
            Activation::Identity.apply(product::contiguous(&mut flowing), parameters.slice(place));
        }
        (flowing, before)
    }

    /// What the head sees. Only those tokens are normed that it needs.
    fn pooled(&self, flowing: Array2<T>) -> (Array2<T>, LayerNormTape<T>) {
        let of_sample = self.spec.tokens();
        let wanted = if self.spec.pool == Pool::Token { tokens::firsts(&flowing, of_sample) } else { flowing };
        let (normed, tape) = self.layers.norm.forward(&self.parameters, &wanted);
        (if self.spec.pool == Pool::Token { normed } else { means(&normed, of_sample) }, tape)
    }

    /// Adds the gradients of all parameters from that of the outputs.
    pub(super) fn images_backward(&self, tape: &ChunkTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let by_output = output_gradient.as_standard_layout().into_owned();
        let by_pooled = self.layers.head.backward(&self.parameters, &tape.ends.pooled, &by_output, gradient);
        let mut flowing = self.pooled_backward(&tape.ends.norm, by_pooled, gradient);
        for (block, tape) in self.layers.blocks.iter().zip(&tape.blocks).rev() {
            block.backward(&self.parameters, tape, &mut flowing, gradient);
        }
        let mut by_embedded = self.positioned_backward(tape.ends.embedded.as_ref(), flowing, gradient);
        if let (Some(norm), Some(tape)) = (self.layers.embedding_norm, &tape.ends.patch_norm) {
            norm.backward(&self.parameters, tape, &mut by_embedded, gradient);
        }
        self.layers.embedding.add_gradient(&tape.ends.patches, &by_embedded, gradient);
    }

    fn pooled_backward(&self, norm: &LayerNormTape<T>, by_pooled: Array2<T>, gradient: &mut Parameters<T>) -> Array2<T> {
        let of_sample = self.spec.tokens();
        let mut flowing = match self.spec.pool {
            Pool::Token => by_pooled,
            Pool::Mean => spread(&by_pooled, of_sample, of_sample, T::of(1.0 / of_sample as f64)),
        };
        self.layers.norm.backward(&self.parameters, norm, &mut flowing, gradient);
        match self.spec.pool {
            Pool::Token => spread(&flowing, of_sample, 1, T::one()),
            Pool::Mean => flowing,
        }
    }

    /// Adds the gradients of what [`Self::positioned`] uses, and gives that of its tokens.
    fn positioned_backward(&self, embedded: Option<&Array2<T>>, mut flowing: Array2<T>, gradient: &mut Parameters<T>) -> Array2<T> {
        if let Some(place) = self.layers.position {
            // All tokens of a sample as one row.
            product::add_row_sum(&flowing, gradient.slice_mut(place));
        }
        if let Some(place) = self.layers.token {
            flowing = tokens::without_token(&flowing, self.spec.patches(), gradient.slice_mut(place));
        }
        match (self.layers.convolution, embedded) {
            (Some(convolution), Some(embedded)) => convolution.backward(&self.parameters, embedded, &flowing, gradient),
            _ => flowing,
        }
    }
}
