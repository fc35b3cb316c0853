//! Names, shapes, places and starts of the arrays of a vision transformer; names and shapes are those of timm.

use super::{Position, VitSpec};
use crate::init::{fill_normal, fill_truncated_normal};
use crate::parameters::{Parameters, Shapes};
use crate::real::Real;
use elinvar_core::Stream;

/// Deviation of the starting weights.
const DEVIATION: f64 = 0.02;

/// Places of the arrays of a block after its first one; a bias follows its weight.
pub(super) const NORM1: usize = 0;
pub(super) const QKV: usize = 2;
pub(super) const PROJECTION: usize = 4;
pub(super) const NORM2: usize = 6;
pub(super) const FC1: usize = 8;
pub(super) const FC2: usize = 10;
const ARRAYS_OF_A_BLOCK: usize = 12;

/// How an array starts.
#[derive(Clone, Copy)]
enum Start {
    Zero,
    One,
    Normal,
    TruncatedNormal,
}

/// Places of the arrays outside the blocks, and of the first block; of a weight whose bias follows, the weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) token: Option<usize>,
    pub(super) position: Option<usize>,
    pub(super) patch: usize,
    pub(super) convolution: Option<usize>,
    first_block: usize,
    pub(super) norm: usize,
    pub(super) head: usize,
}

impl Places {
    /// First array of a block.
    pub(super) fn block(&self, index: usize) -> usize {
        self.first_block + index * ARRAYS_OF_A_BLOCK
    }
}

/// The arrays of a network, in order.
#[derive(Default)]
pub(super) struct Arrays {
    pub(super) shapes: Shapes,
    starts: Vec<Start>,
}

impl Arrays {
    /// The arrays of a spec that was checked, and their places.
    pub(super) fn of(spec: &VitSpec) -> (Self, Places) {
        let (mut arrays, dim, patch) = (Self::default(), spec.dim, spec.patch);
        let token = spec.has_token().then(|| arrays.push("cls_token", vec![1, 1, dim], Start::Normal));
        let position = (spec.position == Position::Absolute).then(|| arrays.push("pos_embed", vec![1, spec.tokens(), dim], Start::Normal));
        let embedding = arrays.linear("patch_embed.proj", vec![dim, spec.channels, patch, patch]);
        let convolution = (spec.position == Position::CircularConvolution).then(|| arrays.linear("pos_conv", vec![dim, 1, 3, 3]));
        let first_block = arrays.shapes.len();
        (0..spec.depth).for_each(|index| arrays.block(spec, &format!("blocks.{index}.")));
        let norm = arrays.norm("norm", dim);
        let head = arrays.linear("head", vec![spec.outputs, dim]);
        (arrays, Places { token, position, patch: embedding, convolution, first_block, norm, head })
    }

    fn push(&mut self, name: &str, shape: Vec<usize>, start: Start) -> usize {
        self.shapes.push((name.to_owned(), shape));
        self.starts.push(start);
        self.shapes.len() - 1
    }

    fn linear(&mut self, name: &str, shape: Vec<usize>) -> usize {
        let outputs = shape[0];
        let place = self.push(&format!("{name}.weight"), shape, Start::TruncatedNormal);
        self.push(&format!("{name}.bias"), vec![outputs], Start::Zero);
        place
    }

    fn norm(&mut self, name: &str, width: usize) -> usize {
        let place = self.push(&format!("{name}.weight"), vec![width], Start::One);
        self.push(&format!("{name}.bias"), vec![width], Start::Zero);
        place
    }

    /// The arrays of one block, as [`NORM1`] and the others say.
    fn block(&mut self, spec: &VitSpec, name: &str) {
        let (dim, hidden) = (spec.dim, spec.hidden());
        self.norm(&format!("{name}norm1"), dim);
        self.linear(&format!("{name}attn.qkv"), vec![dim.saturating_mul(3), dim]);
        self.linear(&format!("{name}attn.proj"), vec![dim, dim]);
        self.norm(&format!("{name}norm2"), dim);
        self.linear(&format!("{name}mlp.fc1"), vec![hidden, dim]);
        self.linear(&format!("{name}mlp.fc2"), vec![dim, hidden]);
    }

    /// Parameters with their starting values.
    pub(super) fn start<T: Real>(self, stream: &mut Stream) -> Parameters<T> {
        let mut parameters = Parameters::zeros(self.shapes);
        for (index, start) in self.starts.into_iter().enumerate() {
            let values = parameters.slice_mut(index);
            match start {
                Start::Zero => {}
                Start::One => values.fill(T::one()),
                Start::Normal => fill_normal(values, DEVIATION, stream),
                Start::TruncatedNormal => fill_truncated_normal(values, DEVIATION, stream),
            }
        }
        parameters
    }
}
