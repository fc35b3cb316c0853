//! Vision transformers (Dosovitskiy et al. 2021) with analytic forward and backward passes.
//!
//! A row is an image, channel by channel and row by row (C, H, W). Patches become tokens, a class token may stand in front, and blocks of
//! attention and perceptrons, each normed before, follow. The non-linearity is [`crate::Activation::GeluErf`], with which timm trains.
//!
//! Parameters have the names and shapes of timm's `VisionTransformer`; the convolution of positions, which timm does not have, is
//! `pos_conv`.

#[cfg(feature = "burn")]
mod composition;
mod layout;
mod pass;
#[cfg(test)]
mod tests;
mod tokens;

use crate::attention::Heads;
use crate::mlp::Pass;
use crate::network::{self, Network};
use crate::parameters::{NamedArrays, Parameters, Shapes};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use layout::Layers;
use ndarray::{Array2, ArrayView2, Axis};
use pass::ChunkTape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How tokens learn where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// A trained vector is added to every token, the class token included.
    Absolute,
    /// The grid of tokens is added to its depth-wise 3 x 3 convolution with circular padding, before the class token joins. An image
    /// shifted in a circle by whole patches then has the same outputs.
    CircularConvolution,
    /// They do not: outputs depend on the set of patches only.
    None,
}

/// What the head sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// A class token, which stands in front of the others.
    Token,
    /// The mean of the tokens; there is no class token.
    Mean,
}

/// The shape of a vision transformer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VitSpec {
    /// Channels of an image, >= 1.
    pub channels: usize,
    /// Rows of pixels, a multiple of `patch`.
    pub height: usize,
    /// Columns of pixels, a multiple of `patch`.
    pub width: usize,
    /// Rows and columns of a patch, >= 1.
    pub patch: usize,
    /// Whether tokens are normed as they come from their patches.
    pub patch_norm: bool,
    /// Width of a token, a multiple of `heads`.
    pub dim: usize,
    /// Blocks, >= 1.
    pub depth: usize,
    /// Heads of the attention, >= 1.
    pub heads: usize,
    /// Width of the hidden layer of a block's perceptron as a multiple of `dim`, rounded down.
    pub mlp_ratio: f64,
    /// How tokens learn where they are.
    pub position: Position,
    /// What the head sees.
    pub pool: Pool,
    /// Columns of the outputs, >= 1.
    pub outputs: usize,
}

impl VitSpec {
    fn check(&self) -> Result<()> {
        let &Self { channels, height, width, patch, dim, depth, heads, mlp_ratio, outputs, .. } = self;
        let image = [("channels", channels), ("height", height), ("width", width), ("patch", patch)];
        let network = [("dim", dim), ("depth", depth), ("heads", heads), ("outputs", outputs)];
        if let Some((name, _)) = image.into_iter().chain(network).find(|&(_, value)| value == 0) {
            return Err(Error::parameter(name, ">= 1", 0));
        }
        if !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
            return Err(Error::input(format!("image {height}x{width} is not divisible by patch {patch}")).hint("pad or resize"));
        }
        if !dim.is_multiple_of(heads) {
            return Err(Error::parameter("heads", format!("a divisor of dim {dim}"), heads));
        }
        match mlp_ratio.is_finite() && self.hidden() > 0 {
            true => Ok(()),
            false => Err(Error::parameter("mlp_ratio", format!("at least 1/dim = 1/{dim}"), mlp_ratio)),
        }
    }

    /// Rows and columns of patches.
    fn grid(&self) -> (usize, usize) {
        (self.height / self.patch, self.width / self.patch)
    }

    fn patches(&self) -> usize {
        self.grid().0.saturating_mul(self.grid().1)
    }

    /// Patches and class token.
    fn tokens(&self) -> usize {
        self.patches().saturating_add(usize::from(self.has_token()))
    }

    fn has_token(&self) -> bool {
        self.pool == Pool::Token
    }

    /// Units between the layers of a block's perceptron.
    fn hidden(&self) -> usize {
        (self.dim as f64 * self.mlp_ratio) as usize
    }

    fn attention(&self) -> Heads {
        Heads::among(self.tokens(), self.heads, self.dim / self.heads)
    }
}

/// A vision transformer.
#[derive(Clone, Debug)]
pub struct Vit<T> {
    spec: VitSpec,
    layers: Layers,
    parameters: Parameters<T>,
}

/// What the backward pass needs from the forward pass.
pub struct VitTape<T> {
    chunk_rows: usize,
    chunks: Vec<ChunkTape<T>>,
}

impl<T: Real> Vit<T> {
    /// A network that starts as timm's: weights normal with deviation 0.02, cut at two deviations (tokens and positions uncut), with zero
    /// biases and unit norms; weights and biases of patches and convolution uniform within 1 / sqrt(numbers of a kernel).
    ///
    /// # Errors
    /// A number of 0, or an image that patches do not tile, or heads that do not divide the width.
    pub fn new(spec: VitSpec, stream: &mut Stream) -> Result<Self> {
        spec.check()?;
        let (layers, arrays) = Layers::of(&spec);
        Ok(Self { spec, layers, parameters: arrays.start(stream) })
    }

    /// The shape of the network.
    pub fn spec(&self) -> &VitSpec {
        &self.spec
    }

    /// Outputs (n, outputs) of images (n, C H W).
    ///
    /// Images go through in chunks, in parallel in the rayon pool of the caller (`Context::install`).
    ///
    /// # Errors
    /// When the images have another number of columns than the network.
    pub fn predict(&self, images: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_columns(images)?;
        let walk = |_, rows: ArrayView2<'_, T>| (self.images(rows, |block, flowing| block.predict(&self.parameters, flowing)).0, ());
        Ok(network::by_chunks(images, self.spec.outputs, self.chunk_rows(images.nrows()), walk).0)
    }
}

impl Vit<f32> {
    /// The parameters as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        network::to_arrays(self, prefix)
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix, or that timm saved.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: VitSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        spec.check()?;
        // Before the names of all blocks are written down.
        if spec.depth > arrays.len() {
            return Err(Error::model(format!("the saved network has {} arrays, too few for depth {}", arrays.len(), spec.depth)));
        }
        let (layers, own) = Layers::of(&spec);
        let (parameters, _) = network::saved(own.shapes, Shapes::new(), arrays, prefix)?;
        Ok(Self { spec, layers, parameters })
    }
}

impl<T: Real> Network<T> for Vit<T> {
    type Tape = VitTape<T>;
    type Tangent = ();

    fn inputs(&self) -> usize {
        self.spec.channels.saturating_mul(self.spec.height).saturating_mul(self.spec.width)
    }

    /// A quarter of the batch, so that threads share small batches: every image is many rows of the products, which are fast from a few
    /// images on.
    fn chunk_rows(&self, rows: usize) -> usize {
        rows.div_ceil(4).clamp(4, 32)
    }

    fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    fn forward(&self, images: ArrayView2<'_, T>, _pass: Pass) -> Result<(Array2<T>, VitTape<T>)> {
        self.check_columns(images)?;
        let chunk_rows = self.chunk_rows(images.nrows());
        let (outputs, chunks) = network::by_chunks(images, self.spec.outputs, chunk_rows, |_, rows| {
            let mut blocks = Vec::with_capacity(self.spec.depth);
            let (outputs, ends) = self.images(rows, |block, flowing| blocks.push(block.forward(&self.parameters, flowing)));
            (outputs, ChunkTape { blocks, ends })
        });
        Ok((outputs, VitTape { chunk_rows, chunks }))
    }

    fn predict(&self, images: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.predict(images)
    }

    #[cfg(feature = "burn")]
    fn compose(&self, arrays: &crate::burn::Arrays, images: burn::tensor::Tensor<2>, _pass: Pass) -> Result<burn::tensor::Tensor<2>> {
        self.composition(arrays, images)
    }

    fn backward(&self, tape: &VitTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let parts: Vec<ArrayView2<'_, T>> = output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows).collect();
        network::accumulate(&tape.chunks, &parts, gradient, |chunk, part, gradient| self.images_backward(chunk, part, gradient));
    }
}
