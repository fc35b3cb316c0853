//! Twins-SVT (Chu et al. 2021, arXiv:2104.13840): a vision transformer in stages, with analytic forward and backward passes; and PolyTwins
//! (Ding et al. 2023, arXiv:2306.07470), whose outputs are the same for images shifted in a circle by any whole number of pixels.
//!
//! A row is an image, channel by channel and row by row (C, H, W). A stage cuts its map into patches, which become the tokens of a smaller
//! map. Its blocks take turns: in even ones tokens attend to those of their own window, in odd ones to the whole map, of which a convolution
//! makes fewer keys and values. A depth-wise convolution after the first block tells tokens where they are. After the last stage a head
//! sees the mean of the tokens.
//!
//! Patches, windows and strided convolutions do not commute with shifts. With [`TwinsSpec::anchor`] every map is rolled before each of them
//! so that its strongest polyphase component comes first ([`elinvar_math::polyphase`]), each image by an offset of its own, and with the
//! branch that goes round the block; nothing is rolled back. Maps of shifted images then differ by whole strides, which the step
//! commutes with, and the mean over tokens does not see what is left.
//!
//! Parameters have the names and shapes of timm's `Twins`; a network with [`Padding::Zeros`] and without anchors computes what timm's does.

mod global;
mod layout;
mod pass;
mod step;
#[cfg(test)]
mod tests;

pub use crate::map::Padding;

use crate::mlp::Pass;
use crate::network::{self, Network};
use crate::parameters::{NamedArrays, Parameters, Shapes};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use elinvar_math::polyphase::{Norm, Offset, TieBreak};
use layout::Layers;
use ndarray::{Array2, ArrayView2, Axis};
use pass::ChunkTape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens of the first stage in a chunk, about: enough for fast products, few enough for the memory of one block.
const TOKENS_OF_A_CHUNK: usize = 16_384;

/// The shape of a Twins-SVT. Lists have one number a stage; messages count stages from 0, as the names of arrays do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwinsSpec {
    /// Channels of an image, >= 1.
    pub channels: usize,
    /// Rows of pixels, a multiple of the product of `patches`.
    pub height: usize,
    /// Columns of pixels, a multiple of the product of `patches`.
    pub width: usize,
    /// Rows and columns of the patches that become the tokens of a stage, each >= 1; of pixels in the first stage, then of tokens.
    pub patches: Vec<usize>,
    /// Widths of a token, each a multiple of its number of heads.
    pub dims: Vec<usize>,
    /// Heads of the attention, each >= 1.
    pub heads: Vec<usize>,
    /// Blocks, each number >= 1.
    pub depths: Vec<usize>,
    /// Rows and columns of the tokens that become one key and value in odd blocks, each a divisor of the stage's map.
    pub reductions: Vec<usize>,
    /// Rows and columns of the windows of even blocks, a divisor of every stage's map.
    pub window: usize,
    /// Width of the hidden layer of a block's perceptron as a multiple of that of a token, rounded down.
    pub mlp_ratio: f64,
    /// Whether maps are anchored; the padding must then be circular.
    pub anchor: bool,
    /// The norm of the anchors.
    pub norm: Norm,
    /// What decides between equal components.
    pub tie_break: TieBreak,
    /// What the convolution after a stage's first block sees beyond the border.
    pub padding: Padding,
    /// Columns of the outputs, >= 1.
    pub outputs: usize,
}

impl TwinsSpec {
    /// Twins-SVT-S for images of three channels, as timm's `twins_svt_small`.
    pub fn svt_s(height: usize, width: usize, outputs: usize) -> Self {
        Self {
            channels: 3,
            height,
            width,
            patches: vec![4, 2, 2, 2],
            dims: vec![64, 128, 256, 512],
            heads: vec![2, 4, 8, 16],
            depths: vec![2, 2, 10, 4],
            reductions: vec![8, 4, 2, 1],
            window: 7,
            mlp_ratio: 4.0,
            anchor: false,
            norm: Norm::default(),
            tie_break: TieBreak::default(),
            padding: Padding::Zeros,
            outputs,
        }
    }

    /// Twins-SVT-B for images of three channels, as timm's `twins_svt_base`.
    pub fn svt_b(height: usize, width: usize, outputs: usize) -> Self {
        Self { dims: vec![96, 192, 384, 768], heads: vec![3, 6, 12, 24], depths: vec![2, 2, 18, 2], ..Self::svt_s(height, width, outputs) }
    }

    /// The same network with anchors, and with circular padding, without which they would be in vain.
    #[must_use]
    pub fn anchored(self) -> Self {
        Self { anchor: true, padding: Padding::Circular, ..self }
    }

    fn check(&self) -> Result<()> {
        self.check_numbers()?;
        if self.anchor && self.padding != Padding::Circular {
            return Err(Error::parameter("padding", "circular where maps are anchored", "zeros"));
        }
        if let Some(stage) = self.stages().find(|stage| !stage.dim.is_multiple_of(stage.heads)) {
            return Err(Error::parameter("heads", format!("a divisor of dim {} in stage {}", stage.dim, stage.index), stage.heads));
        }
        if let Some(stage) = self.stages().find(|stage| !self.mlp_ratio.is_finite() || stage.hidden == 0) {
            return Err(Error::parameter("mlp_ratio", format!("at least 1/dim = 1/{}", stage.dim), self.mlp_ratio));
        }
        self.stages().try_for_each(Stage::check)
    }

    /// Lists of equal length, and no number of 0.
    fn check_numbers(&self) -> Result<()> {
        let Self { patches, dims, heads, depths, reductions, .. } = self;
        let lists = [("patches", patches), ("dims", dims), ("heads", heads), ("depths", depths), ("reductions", reductions)];
        let stages = patches.len();
        if stages == 0 {
            return Err(Error::parameter("patches", "a list of one number a stage, at least one", "none"));
        }
        if let Some((name, list)) = lists.into_iter().find(|(_, list)| list.len() != stages) {
            return Err(Error::parameter(name, format!("a list of {stages} numbers, one a stage as in patches"), list.len()));
        }
        let image = [("channels", self.channels), ("height", self.height), ("width", self.width)];
        let network = [("window", self.window), ("outputs", self.outputs)];
        let of_stages = lists.into_iter().flat_map(|(name, list)| list.iter().map(move |&number| (name, number)));
        match image.into_iter().chain(network).chain(of_stages).find(|&(_, number)| number == 0) {
            Some((name, _)) => Err(Error::parameter(name, ">= 1", 0)),
            None => Ok(()),
        }
    }

    /// The stages in order.
    fn stages(&self) -> impl Iterator<Item = Stage> {
        let mut map = (self.channels, (self.height, self.width));
        (0..self.patches.len()).map(move |index| {
            let (patch, dim, (channels, before)) = (self.patches[index], self.dims[index], map);
            let grid = (before.0 / patch, before.1 / patch);
            map = (dim, grid);
            Stage {
                index,
                channels,
                before,
                patch,
                grid,
                dim,
                heads: self.heads[index],
                depth: self.depths[index],
                reduction: self.reductions[index],
                window: self.window,
                hidden: (dim as f64 * self.mlp_ratio) as usize,
            }
        })
    }

    /// Rows, columns and width of the tokens after the last stage.
    fn last(&self) -> (usize, usize, usize) {
        self.stages().last().map_or((1, 1, 1), |stage| (stage.grid.0, stage.grid.1, stage.dim))
    }
}

/// The shape of one stage.
#[derive(Clone, Copy)]
struct Stage {
    index: usize,
    /// Channels, or widths of tokens, of the map that comes in.
    channels: usize,
    /// Rows and columns of that map.
    before: (usize, usize),
    patch: usize,
    /// Rows and columns of tokens.
    grid: (usize, usize),
    dim: usize,
    heads: usize,
    depth: usize,
    reduction: usize,
    window: usize,
    hidden: usize,
}

impl Stage {
    /// That patches, windows and reductions tile their maps.
    fn check(self) -> Result<()> {
        let Self { index, before, patch, grid, reduction, window, .. } = self;
        let tiles = |map: &str, (rows, columns): (usize, usize), name: &str, by: usize| match rows.is_multiple_of(by)
            && columns.is_multiple_of(by)
        {
            true => Ok(()),
            false => Err(Error::input(format!("{map} {rows}x{columns} of stage {index} is not divisible by {name} {by}"))
                .hint(format!("pad or resize images, or choose another {name}"))),
        };
        tiles(if index == 0 { "image" } else { "incoming map" }, before, "patch", patch)?;
        tiles("map", grid, "window", window)?;
        match self.depth > 1 {
            true => tiles("map", grid, "reduction", reduction),
            false => Ok(()),
        }
    }
}

/// A Twins-SVT, plain or with anchors.
#[derive(Clone, Debug)]
pub struct Twins<T> {
    spec: TwinsSpec,
    layers: Layers,
    parameters: Parameters<T>,
}

/// What the backward pass needs from the forward pass.
pub struct TwinsTape<T> {
    chunk_rows: usize,
    chunks: Vec<ChunkTape<T>>,
}

impl<T: Real> Twins<T> {
    /// A network whose linear layers start normal with deviation 0.02, cut at two deviations, and whose convolutions start normal with
    /// variance 2 / (numbers of a kernel times its outputs), as timm's; with zero biases and unit norms.
    ///
    /// # Errors
    /// A number of 0, lists of different lengths, heads that do not divide the width, patches, windows or reductions that do not tile
    /// their maps, anchors without circular padding.
    pub fn new(spec: TwinsSpec, stream: &mut Stream) -> Result<Self> {
        spec.check()?;
        let (layers, arrays) = Layers::of(&spec);
        Ok(Self { spec, layers, parameters: arrays.start(stream) })
    }

    /// The shape of the network.
    pub fn spec(&self) -> &TwinsSpec {
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
        let walk = |_, rows: ArrayView2<'_, T>| (self.images(rows, |step, flowing| step.predict(&self.parameters, flowing)).0, ());
        Ok(network::by_chunks(images, self.spec.outputs, self.chunk_rows(images.nrows()), walk).0)
    }

    /// Normed tokens after the last stage, (n, H' W' D) row by row, of images (n, C H W), and of each image how far its tokens were rolled
    /// in all: the pixel that stands first, modulo H and W. Tokens keep their place in the image when they are rolled back by the offset
    /// over H / H' and W / W', where it is divisible.
    ///
    /// # Errors
    /// When the images have another number of columns than the network.
    pub fn features(&self, images: ArrayView2<'_, T>) -> Result<(Array2<T>, Vec<Offset>)> {
        self.check_columns(images)?;
        let (rows, columns, dim) = self.spec.last();
        let walk = |_, images: ArrayView2<'_, T>| self.tokens_and_offsets(images);
        let (maps, offsets) = network::by_chunks(images, rows * columns * dim, self.chunk_rows(images.nrows()), walk);
        Ok((maps, offsets.concat()))
    }
}

impl Twins<f32> {
    /// The parameters as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        network::to_arrays(self, prefix)
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix, or that timm saved.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: TwinsSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        spec.check()?;
        // Before the names of all blocks are written down.
        let depth = spec.depths.iter().fold(0, |sum: usize, &depth| sum.saturating_add(depth));
        if depth > arrays.len() {
            return Err(Error::model(format!("the saved network has {} arrays, too few for depth {depth}", arrays.len())));
        }
        let (layers, own) = Layers::of(&spec);
        let (parameters, _) = network::saved(own.shapes, Shapes::new(), arrays, prefix)?;
        Ok(Self { spec, layers, parameters })
    }
}

impl<T: Real> Network<T> for Twins<T> {
    type Tape = TwinsTape<T>;
    type Tangent = ();

    fn inputs(&self) -> usize {
        self.spec.channels.saturating_mul(self.spec.height).saturating_mul(self.spec.width)
    }

    /// A quarter of the batch, so that threads share small batches, but no more tokens at once than the memory of a block should hold.
    fn chunk_rows(&self, rows: usize) -> usize {
        let tokens = self.spec.stages().next().map_or(1, |stage| stage.grid.0.saturating_mul(stage.grid.1));
        let most = (TOKENS_OF_A_CHUNK / tokens).clamp(1, 32);
        rows.div_ceil(4).clamp(most.min(4), most)
    }

    fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    fn forward(&self, images: ArrayView2<'_, T>, _pass: Pass) -> Result<(Array2<T>, TwinsTape<T>)> {
        self.check_columns(images)?;
        let chunk_rows = self.chunk_rows(images.nrows());
        let (outputs, chunks) = network::by_chunks(images, self.spec.outputs, chunk_rows, |_, rows| {
            let mut traces = Vec::with_capacity(self.layers.steps.len());
            let (outputs, ends) = self.images(rows, |step, flowing| traces.push(step.forward(&self.parameters, flowing)));
            (outputs, ChunkTape { traces, ends })
        });
        Ok((outputs, TwinsTape { chunk_rows, chunks }))
    }

    fn predict(&self, images: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.predict(images)
    }

    fn backward(&self, tape: &TwinsTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let parts: Vec<ArrayView2<'_, T>> = output_gradient.axis_chunks_iter(Axis(0), tape.chunk_rows).collect();
        network::accumulate(&tape.chunks, &parts, gradient, |chunk, part, gradient| self.images_backward(chunk, part, gradient));
    }
}
