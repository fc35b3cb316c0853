//! The steps of which a network is a chain: each changes the maps (samples * tokens, D) of a chunk of images.

use super::global::{Global, GlobalTape};
use crate::layer_norm::LayerNormTape;
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use crate::transformer::{Block, BlockTape, Convolution, Linear, Norm, Patching};
use elinvar_core::Result;
use elinvar_math::polyphase::{Anchor, Offset, Torus};
use ndarray::Array2;

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Anchor(Anchoring),
    Embed(Embedding),
    Local(Local),
    Global(Global),
    Position(Convolution),
}

/// A step and what it kept for the way back.
pub(super) enum Trace<T> {
    Anchor(Anchoring, Vec<Offset>),
    Embed(Embedding, EmbeddingTape<T>),
    Local(Local, Box<BlockTape<T>>),
    Global(Global, Box<GlobalTape<T>>),
    Position(Convolution, Array2<T>),
}

impl Step {
    pub(super) fn forward<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) -> Trace<T> {
        match self {
            Self::Anchor(step) => Trace::Anchor(step, step.forward(flowing)),
            Self::Embed(step) => {
                let (tokens, tape) = step.forward(parameters, flowing);
                *flowing = tokens;
                Trace::Embed(step, tape)
            }
            Self::Local(step) => Trace::Local(step, Box::new(step.walk(flowing, |block, flowing| block.forward(parameters, flowing)))),
            Self::Global(step) => Trace::Global(step, Box::new(step.forward(parameters, flowing))),
            Self::Position(step) => {
                let positioned = step.forward(parameters, flowing);
                Trace::Position(step, std::mem::replace(flowing, positioned))
            }
        }
    }

    /// As [`Self::forward`], without a way back.
    pub(super) fn predict<T: Real>(self, parameters: &Parameters<T>, flowing: &mut Array2<T>) {
        match self {
            Self::Local(step) => step.walk(flowing, |block, flowing| block.predict(parameters, flowing)),
            Self::Global(step) => step.predict(parameters, flowing),
            Self::Anchor(_) | Self::Embed(_) | Self::Position(_) => drop(self.forward(parameters, flowing)),
        }
    }
}

impl<T: Real> Trace<T> {
    /// Turns the gradient of what came out into that of what came in, and adds those of the parameters.
    pub(super) fn backward(&self, parameters: &Parameters<T>, flowing: &mut Array2<T>, gradient: &mut Parameters<T>) {
        match self {
            Self::Anchor(step, offsets) => step.backward(offsets, flowing),
            Self::Embed(step, tape) => *flowing = step.backward(parameters, tape, flowing, gradient),
            Self::Local(step, tape) => step.backward(parameters, tape, flowing, gradient),
            Self::Global(step, tape) => step.backward(parameters, tape, flowing, gradient),
            Self::Position(step, input) => *flowing = step.backward(parameters, input, flowing, gradient),
        }
    }
}

/// Rolls every map so that its strongest polyphase component comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchoring {
    pub(super) torus: Torus,
    pub(super) anchor: Anchor,
}

impl Anchoring {
    /// The offset of every map.
    fn forward<T: Real>(self, flowing: &mut Array2<T>) -> Vec<Offset> {
        let maps = product::numbers(flowing).chunks_exact(self.torus.len());
        let offsets: Vec<Offset> = maps.map(|map| fitting(self.anchor.find(self.torus, map)).offset).collect();
        *flowing = self.rolled(flowing, offsets.iter().copied());
        offsets
    }

    /// Offsets do not change where the parameters change little, so that the gradient is rolled back and that is all.
    fn backward<T: Real>(self, offsets: &[Offset], flowing: &mut Array2<T>) {
        *flowing = self.rolled(flowing, offsets.iter().map(|&offset| self.torus.back(offset)));
    }

    fn rolled<T: Real>(self, maps: &Array2<T>, offsets: impl Iterator<Item = Offset>) -> Array2<T> {
        let mut out = Array2::zeros(maps.raw_dim());
        let size = self.torus.len();
        let places = product::contiguous(&mut out).chunks_exact_mut(size);
        for ((place, map), offset) in places.zip(product::numbers(maps).chunks_exact(size)).zip(offsets) {
            fitting(self.torus.roll(map, offset, place));
        }
        out
    }
}

/// The maps of a network that was checked fit their anchors by construction.
fn fitting<R>(result: Result<R>) -> R {
    result.unwrap_or_else(|error| unreachable!("{error}"))
}

/// A convolution whose kernel is its stride, then a norm: patches become tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Embedding {
    pub(super) patching: Patching,
    pub(super) convolution: Linear,
    pub(super) norm: Norm,
}

/// What an embedding keeps.
pub(super) struct EmbeddingTape<T> {
    patches: Array2<T>,
    norm: LayerNormTape<T>,
}

impl Embedding {
    pub(super) fn forward<T: Real>(self, parameters: &Parameters<T>, maps: &Array2<T>) -> (Array2<T>, EmbeddingTape<T>) {
        let patches = self.patching.gather(maps);
        let (tokens, norm) = self.norm.forward(parameters, &self.convolution.forward(parameters, &patches));
        (tokens, EmbeddingTape { patches, norm })
    }

    /// The gradient of the maps from that of the tokens, which it overwrites.
    pub(super) fn backward<T: Real>(
        self,
        parameters: &Parameters<T>,
        tape: &EmbeddingTape<T>,
        flowing: &mut Array2<T>,
        gradient: &mut Parameters<T>,
    ) -> Array2<T> {
        self.norm.backward(parameters, &tape.norm, flowing, gradient);
        self.patching.scatter(&self.convolution.backward(parameters, &tape.patches, flowing, gradient))
    }
}

/// A block whose tokens attend to those of their own window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) windows: Patching,
    pub(super) block: Block,
}

impl Local {
    /// Window by window every token is where a block of its own expects it, and only attention asks who is beside whom.
    fn walk<T: Real, R>(self, flowing: &mut Array2<T>, through: impl FnOnce(Block, &mut Array2<T>) -> R) -> R {
        *flowing = self.windows.gather(flowing);
        let result = through(self.block, flowing);
        *flowing = self.windows.scatter(flowing);
        result
    }

    fn backward<T: Real>(self, parameters: &Parameters<T>, tape: &BlockTape<T>, flowing: &mut Array2<T>, gradient: &mut Parameters<T>) {
        self.walk(flowing, |block, flowing| block.backward(parameters, tape, flowing, gradient));
    }
}
