//! Names, shapes, places and starts of the arrays of a vision transformer; names and shapes are those of timm.

use super::EPSILON;
use super::block::{Block, Perceptron};
use super::layers::{Linear, Norm};
use crate::attention::Heads;
use crate::init::{fill_normal, fill_truncated_normal, fill_uniform};
use crate::parameters::{Parameters, Shapes};
use crate::real::Real;
use elinvar_core::Stream;

/// Deviation of the starting weights of linear layers, of tokens and of positions.
const DEVIATION: f64 = 0.02;

/// How an array starts.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// Zeros.
    Zero,
    /// Ones.
    One,
    /// Normal numbers of this deviation.
    Normal(f64),
    /// Normal numbers of this deviation, drawn again beyond two of them.
    TruncatedNormal(f64),
    /// Uniform numbers within this distance of 0.
    Uniform(f64),
}

impl Start {
    /// Of tokens and positions.
    pub(crate) const EMBEDDING: Self = Self::Normal(DEVIATION);
    /// Of the weights of linear layers.
    pub(crate) const WEIGHT: Self = Self::TruncatedNormal(DEVIATION);
}

/// The arrays of a network, in order.
#[derive(Default)]
pub(crate) struct Arrays {
    pub(crate) shapes: Shapes,
    starts: Vec<Start>,
}

impl Arrays {
    /// An array, and its place.
    pub(crate) fn push(&mut self, name: &str, shape: Vec<usize>, start: Start) -> usize {
        self.shapes.push((name.to_owned(), shape));
        self.starts.push(start);
        self.shapes.len() - 1
    }

    /// Weight and zero bias of a layer whose outputs are the first axis of the weight.
    pub(crate) fn layer(&mut self, name: &str, shape: Vec<usize>, start: Start) -> Linear {
        let outputs = shape[0];
        let place = self.push(&format!("{name}.weight"), shape, start);
        self.push(&format!("{name}.bias"), vec![outputs], Start::Zero);
        Linear { place }
    }

    /// A convolution with PyTorch's start, which timm leaves to it: weight and bias uniform within 1 / sqrt(numbers of a kernel).
    pub(crate) fn convolution(&mut self, name: &str, shape: Vec<usize>) -> Linear {
        let (outputs, kernel) = (shape[0], shape[1..].iter().map(|&n| n as f64).product::<f64>());
        let start = Start::Uniform(1.0 / kernel.sqrt());
        let place = self.push(&format!("{name}.weight"), shape, start);
        self.push(&format!("{name}.bias"), vec![outputs], start);
        Linear { place }
    }

    /// A linear layer.
    pub(crate) fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> Linear {
        self.layer(name, vec![outputs, inputs], Start::WEIGHT)
    }

    /// A layer norm.
    pub(crate) fn norm(&mut self, name: &str, width: usize, epsilon: f64) -> Norm {
        let place = self.push(&format!("{name}.weight"), vec![width], Start::One);
        self.push(&format!("{name}.bias"), vec![width], Start::Zero);
        Norm { place, epsilon }
    }

    /// A block, each name after `name`.
    pub(crate) fn block(&mut self, name: &str, heads: Heads, hidden: usize) -> Block {
        let dim = heads.columns();
        Block {
            heads,
            norm: self.norm(&format!("{name}norm1"), dim, EPSILON),
            qkv: self.linear(&format!("{name}attn.qkv"), dim.saturating_mul(3), dim),
            projection: self.linear(&format!("{name}attn.proj"), dim, dim),
            perceptron: self.perceptron(name, dim, hidden),
        }
    }

    /// The perceptron of a block, each name after `name`.
    pub(crate) fn perceptron(&mut self, name: &str, dim: usize, hidden: usize) -> Perceptron {
        Perceptron {
            norm: self.norm(&format!("{name}norm2"), dim, EPSILON),
            fc1: self.linear(&format!("{name}mlp.fc1"), hidden, dim),
            fc2: self.linear(&format!("{name}mlp.fc2"), dim, hidden),
        }
    }

    /// Parameters with their starting values.
    pub(crate) fn start<T: Real>(self, stream: &mut Stream) -> Parameters<T> {
        let mut parameters = Parameters::zeros(self.shapes);
        for (index, start) in self.starts.into_iter().enumerate() {
            let values = parameters.slice_mut(index);
            match start {
                Start::Zero => {}
                Start::One => values.fill(T::one()),
                Start::Normal(deviation) => fill_normal(values, deviation, stream),
                Start::TruncatedNormal(deviation) => fill_truncated_normal(values, deviation, stream),
                Start::Uniform(bound) => fill_uniform(values, bound, stream),
            }
        }
        parameters
    }
}
