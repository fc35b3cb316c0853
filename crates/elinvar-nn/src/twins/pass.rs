//! Forward and backward through a chunk of images.

use super::Twins;
use super::step::{Step, Trace};
use crate::layer_norm::LayerNormTape;
use crate::parameters::Parameters;
use crate::real::Real;
use crate::transformer::{means, spread};
use elinvar_math::polyphase::{Layout, Offset, Torus};
use ndarray::{Array2, ArrayView2};

/// What the backward pass of a chunk needs.
pub(super) struct ChunkTape<T> {
    pub(super) traces: Vec<Trace<T>>,
    pub(super) ends: EndsTape<T>,
}

/// What the end of the network keeps.
pub(super) struct EndsTape<T> {
    norm: LayerNormTape<T>,
    /// What the head sees.
    pooled: Array2<T>,
}

impl<T: Real> Twins<T> {
    /// Outputs of images, whose maps `walk` takes through each step.
    pub(super) fn images(&self, images: ArrayView2<'_, T>, walk: impl FnMut(Step, &mut Array2<T>)) -> (Array2<T>, EndsTape<T>) {
        let (tokens, norm) = self.tokens(images, walk);
        let pooled = means(&tokens, self.tokens_of_a_sample());
        (self.layers.head.forward(&self.parameters, &pooled), EndsTape { norm, pooled })
    }

    /// Normed tokens after the last stage.
    fn tokens(&self, images: ArrayView2<'_, T>, mut walk: impl FnMut(Step, &mut Array2<T>)) -> (Array2<T>, LayerNormTape<T>) {
        let mut flowing = images.as_standard_layout().into_owned();
        self.layers.steps.iter().for_each(|&step| walk(step, &mut flowing));
        self.layers.norm.forward(&self.parameters, &flowing)
    }

    /// Those tokens, an image a row, and how many pixels each image was rolled by.
    pub(super) fn tokens_and_offsets(&self, images: ArrayView2<'_, T>) -> (Array2<T>, Vec<Offset>) {
        let (height, width) = (self.spec.height, self.spec.width);
        let image = Torus { channels: self.spec.channels, height, width, layout: Layout::ChannelsFirst };
        let mut offsets = vec![Offset::default(); images.nrows()];
        let (tokens, _) = self.tokens(images, |step, flowing| {
            if let Trace::Anchor(step, rolled) = step.forward(&self.parameters, flowing) {
                let in_pixels =
                    |by: Offset| Offset { row: by.row * height / step.torus.height, column: by.column * width / step.torus.width };
                offsets.iter_mut().zip(rolled).for_each(|(offset, by)| *offset = image.then(*offset, in_pixels(by)));
            }
        });
        let of_images = (images.nrows(), self.tokens_of_a_sample() * tokens.ncols());
        (tokens.into_shape_with_order(of_images).unwrap_or_else(|_| unreachable!("as many numbers")), offsets)
    }

    fn tokens_of_a_sample(&self) -> usize {
        let (rows, columns, _) = self.spec.last();
        rows * columns
    }

    /// Adds the gradients of all parameters from that of the outputs.
    pub(super) fn images_backward(&self, tape: &ChunkTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let (parameters, tokens) = (&self.parameters, self.tokens_of_a_sample());
        let by_output = output_gradient.as_standard_layout().into_owned();
        let by_pooled = self.layers.head.backward(parameters, &tape.ends.pooled, &by_output, gradient);
        let mut flowing = spread(&by_pooled, tokens, tokens, T::of(1.0 / tokens as f64));
        self.layers.norm.backward(parameters, &tape.ends.norm, &mut flowing, gradient);
        tape.traces.iter().rev().for_each(|trace| trace.backward(parameters, &mut flowing, gradient));
    }
}
