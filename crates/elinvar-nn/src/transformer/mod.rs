//! What vision transformers are made of: linear layers, norms, blocks of attention and perceptron, patches, and the names of arrays.
//!
//! A layer is the place of its arrays among the parameters of a network; a chunk of images flows through as one tall matrix of tokens.

mod arrays;
mod block;
#[cfg(feature = "burn")]
mod composition;
mod layers;
mod tokens;

pub(crate) use arrays::{Arrays, Start};
pub(crate) use block::{Block, BlockTape, Perceptron, PerceptronTape};
pub(crate) use layers::{Convolution, Linear, Norm};
pub(crate) use tokens::{Patching, means, spread};

/// Added to the variance of a layer norm before its root, where not stated otherwise.
pub(crate) const EPSILON: f64 = 1e-6;
