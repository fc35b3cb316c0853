//! The arrays of a network, the layers that they belong to, and the chain of steps with its anchors.

use super::global::Global;
use super::step::{Anchoring, Embedding, Local, Step};
use super::{Stage, TwinsSpec};
use crate::attention::Heads;
use crate::transformer::{Arrays, Convolution, EPSILON, Linear, Norm, Patching, Start};
use elinvar_math::polyphase::{Anchor, Layout, Torus};

/// Added to the variance of the norm after a strided convolution before its root: PyTorch's default, which timm leaves there.
const EMBEDDING_EPSILON: f64 = 1e-5;

/// The layers of a network, by the places of their arrays.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) steps: Vec<Step>,
    pub(super) norm: Norm,
    pub(super) head: Linear,
}

impl Layers {
    /// The layers of a spec that was checked, and their arrays in timm's order: those of all embeddings, all blocks, all convolutions of
    /// positions, and the ends.
    pub(super) fn of(spec: &TwinsSpec) -> (Self, Arrays) {
        let mut arrays = Arrays::default();
        let embeddings: Vec<Embedding> = spec.stages().map(|stage| stage.embedding(&mut arrays)).collect();
        let blocks: Vec<Vec<Step>> = spec.stages().map(|stage| stage.blocks(&mut arrays)).collect();
        let positions: Vec<Convolution> = spec.stages().map(|stage| stage.position(spec, &mut arrays)).collect();
        let mut chain = Chain { spec, steps: Vec::new(), known: 1 };
        for (((stage, embedding), blocks), position) in spec.stages().zip(embeddings).zip(blocks).zip(positions) {
            chain.embed(stage, embedding);
            for (index, block) in blocks.into_iter().enumerate() {
                chain.block(stage, block);
                if index == 0 {
                    chain.steps.push(Step::Position(position));
                }
            }
        }
        let (steps, dim) = (chain.steps, spec.last().2);
        let layers = Self { steps, norm: arrays.norm("norm", dim, EPSILON), head: arrays.linear("head", spec.outputs, dim) };
        (layers, arrays)
    }
}

impl Stage {
    fn embedding(self, arrays: &mut Arrays) -> Embedding {
        let Self { index, channels, patch, grid, dim, .. } = self;
        let patching = match index {
            0 => Patching::of_images(channels, grid, patch),
            _ => Patching::of_tokens(channels, grid, patch),
        };
        let name = format!("patch_embeds.{index}.");
        embedding(arrays, patching, [&format!("{name}proj"), &format!("{name}norm")], [dim, channels, patch, patch])
    }

    /// The blocks, local and global in turn.
    fn blocks(self, arrays: &mut Arrays) -> Vec<Step> {
        let name = |index: usize| format!("blocks.{}.{index}.", self.index);
        (0..self.depth)
            .map(|index| if index % 2 == 0 { self.local(arrays, &name(index)) } else { self.global(arrays, &name(index)) })
            .collect()
    }

    fn local(self, arrays: &mut Arrays, name: &str) -> Step {
        let Self { grid, dim, heads, window, hidden, .. } = self;
        let windows = Patching::windows(dim, (grid.0 / window, grid.1 / window), window);
        let heads = Heads::among(window.saturating_mul(window), heads, dim / heads);
        Step::Local(Local { windows, block: arrays.block(name, heads, hidden) })
    }

    fn global(self, arrays: &mut Arrays, name: &str) -> Step {
        let Self { grid, dim, heads, reduction, hidden, .. } = self;
        let fewer = (grid.0 / reduction, grid.1 / reduction);
        let (queries, keys) = (grid.0.saturating_mul(grid.1), fewer.0.saturating_mul(fewer.1));
        Step::Global(Global {
            heads: Heads { queries, keys, heads, width: dim / heads },
            norm: arrays.norm(&format!("{name}norm1"), dim, EPSILON),
            query: arrays.linear(&format!("{name}attn.q"), dim, dim),
            key_and_value: arrays.linear(&format!("{name}attn.kv"), dim.saturating_mul(2), dim),
            projection: arrays.linear(&format!("{name}attn.proj"), dim, dim),
            reduction: (reduction > 1).then(|| {
                let patching = Patching::of_tokens(dim, fewer, reduction);
                let names = [&*format!("{name}attn.sr"), &*format!("{name}attn.norm")];
                embedding(arrays, patching, names, [dim, dim, reduction, reduction])
            }),
            perceptron: arrays.perceptron(name, dim, hidden),
        })
    }

    fn position(self, spec: &TwinsSpec, arrays: &mut Arrays) -> Convolution {
        let name = format!("pos_block.{}.proj.0", self.index);
        // Every output has a kernel of nine numbers of its own.
        let layer = arrays.layer(&name, vec![self.dim, 1, 3, 3], of_convolution(9.0));
        Convolution { layer, grid: self.grid, padding: spec.padding }
    }
}

/// A strided convolution with a kernel of this shape, and its norm, under these names.
fn embedding(arrays: &mut Arrays, patching: Patching, [convolution, norm]: [&str; 2], shape: [usize; 4]) -> Embedding {
    let fan_out = (shape[0] as f64) * (shape[2] as f64) * (shape[3] as f64);
    Embedding {
        patching,
        convolution: arrays.layer(convolution, shape.to_vec(), of_convolution(fan_out)),
        norm: arrays.norm(norm, shape[0], EMBEDDING_EPSILON),
    }
}

/// How timm starts a convolution: normal with variance 2 / (numbers of a kernel times outputs that share an input).
fn of_convolution(fan_out: f64) -> Start {
    Start::Normal((2.0 / fan_out).sqrt())
}

/// Steps in the making.
struct Chain<'a> {
    spec: &'a TwinsSpec,
    steps: Vec<Step>,
    /// Maps of images that are shifts of each other differ, at this point of an anchored network, by shifts of whole multiples of this many
    /// tokens. Every step commutes with those of its own stride, so that an anchor lasts until another one comes.
    known: usize,
}

impl Chain<'_> {
    /// An anchor, where the network has them and the stride leaves a choice.
    fn anchor(&mut self, torus: Torus, stride: usize, full: bool) {
        if self.spec.anchor && stride > 1 {
            let anchor = Anchor { stride, norm: self.spec.norm, tie_break: self.spec.tie_break, full };
            self.steps.push(Step::Anchor(Anchoring { torus, anchor }));
            self.known = stride;
        }
    }

    /// An embedding, after an anchor of its own unless the last one serves it.
    fn embed(&mut self, stage: Stage, embedding: Embedding) {
        let layout = if stage.index == 0 { Layout::ChannelsFirst } else { Layout::ChannelsLast };
        if !self.known.is_multiple_of(stage.patch) {
            self.anchor(Torus { channels: stage.channels, height: stage.before.0, width: stage.before.1, layout }, stage.patch, false);
        }
        self.steps.push(Step::Embed(embedding));
        self.known /= stage.patch;
    }

    /// A block after its anchor.
    ///
    /// That of a global block is full: where keys come in one order, attention adds them up in one order, and maps of shifted images stay
    /// equal bit for bit. Sums that differ in their last bits would now and then turn the choice of a later anchor.
    fn block(&mut self, stage: Stage, block: Step) {
        let (stride, full) = if matches!(block, Step::Local(_)) { (stage.window, false) } else { (stage.reduction, true) };
        let torus = Torus { channels: stage.dim, height: stage.grid.0, width: stage.grid.1, layout: Layout::ChannelsLast };
        self.anchor(torus, stride, full);
        self.steps.push(block);
    }
}
