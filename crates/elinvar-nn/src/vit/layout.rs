//! The arrays of a vision transformer and the layers that they belong to.

use super::{Position, VitSpec};
use crate::map::Padding;
use crate::transformer::{Arrays, Block, Convolution, EPSILON, Linear, Norm, Start};

/// The layers of a network, by the places of their arrays.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) token: Option<usize>,
    pub(super) position: Option<usize>,
    pub(super) embedding: Linear,
    pub(super) embedding_norm: Option<Norm>,
    pub(super) convolution: Option<Convolution>,
    pub(super) blocks: Vec<Block>,
    pub(super) norm: Norm,
    pub(super) head: Linear,
}

impl Layers {
    /// The layers of a spec that was checked, and their arrays.
    pub(super) fn of(spec: &VitSpec) -> (Self, Arrays) {
        let (mut arrays, dim, patch) = (Arrays::default(), spec.dim, spec.patch);
        let layers = Self {
            token: spec.has_token().then(|| arrays.push("cls_token", vec![1, 1, dim], Start::EMBEDDING)),
            position: (spec.position == Position::Absolute)
                .then(|| arrays.push("pos_embed", vec![1, spec.tokens(), dim], Start::EMBEDDING)),
            embedding: arrays.convolution("patch_embed.proj", vec![dim, spec.channels, patch, patch]),
            embedding_norm: spec.patch_norm.then(|| arrays.norm("patch_embed.norm", dim, EPSILON)),
            convolution: (spec.position == Position::CircularConvolution).then(|| Convolution {
                layer: arrays.convolution("pos_conv", vec![dim, 1, 3, 3]),
                grid: spec.grid(),
                padding: Padding::Circular,
            }),
            blocks: (0..spec.depth).map(|index| arrays.block(&format!("blocks.{index}."), spec.attention(), spec.hidden())).collect(),
            norm: arrays.norm("norm", dim, EPSILON),
            head: arrays.linear("head", spec.outputs, dim),
        };
        (layers, arrays)
    }
}
