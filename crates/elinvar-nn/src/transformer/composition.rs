//! The layers of transformers in Burn's operations.

use super::block::{Block, Perceptron};
use super::layers::{Convolution, Linear, Norm};
use crate::activation::Activation;
use crate::attention::Heads;
use crate::burn::Arrays;
use crate::depthwise::Padding;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation};

impl Linear {
    pub(crate) fn compose(self, arrays: &Arrays, x: Tensor<2>) -> Tensor<2> {
        arrays.dense(self.place, x)
    }
}

impl Norm {
    pub(crate) fn compose(self, arrays: &Arrays, x: Tensor<2>) -> Tensor<2> {
        arrays.layer_norm(self.place, self.epsilon, x)
    }
}

impl Perceptron {
    fn compose(self, arrays: &Arrays, x: Tensor<2>) -> Tensor<2> {
        let hidden = Activation::GeluErf.compose(self.fc1.compose(arrays, self.norm.compose(arrays, x.clone())));
        x + self.fc2.compose(arrays, hidden)
    }
}

impl Block {
    pub(crate) fn compose(self, arrays: &Arrays, x: Tensor<2>) -> Tensor<2> {
        let qkv = self.qkv.compose(arrays, self.norm.compose(arrays, x.clone()));
        let attended = self.projection.compose(arrays, self.heads.compose(qkv));
        self.perceptron.compose(arrays, x + attended)
    }
}

impl Heads {
    /// Self-attention of tokens (n tokens, 3 columns).
    fn compose(self, qkv: Tensor<2>) -> Tensor<2> {
        let Self { queries, heads, width, .. } = self;
        let samples = qkv.dims()[0] / queries;
        let parts: Tensor<5> = qkv.reshape([samples, queries, 3, heads, width]).permute([2, 0, 3, 1, 4]);
        let part = |which: usize| -> Tensor<4> { parts.clone().narrow(0, which, 1).reshape([samples, heads, queries, width]) };
        let scores = part(0).matmul(part(1).transpose()) * (width as f64).sqrt().recip();
        let attended = activation::softmax(scores, 3).matmul(part(2));
        attended.permute([0, 2, 1, 3]).reshape([samples * queries, heads * width])
    }
}

impl Convolution {
    /// z + convolution(z) + bias of cells (n cells, channels).
    pub(crate) fn compose(self, arrays: &Arrays, x: Tensor<2>) -> Tensor<2> {
        let ((rows, columns), [cells, channels]) = (self.grid, x.dims());
        let samples = cells / (rows * columns);
        let maps: Tensor<4> = x.clone().reshape([samples, rows, columns, channels]).permute([0, 3, 1, 2]);
        let (maps, beyond) = match self.padding {
            Padding::Zeros => (maps, [1, 1]),
            Padding::Circular => (wrapped(wrapped(maps, 2), 3), [0, 0]),
        };
        let (weight, bias) = (arrays.kernels(self.layer.place), arrays.vector(self.layer.place + 1));
        let found = conv2d(maps, weight, Some(bias), ConvOptions::new([1, 1], beyond, [1, 1], channels));
        x + found.permute([0, 2, 3, 1]).reshape([cells, channels])
    }
}

/// Maps with one more line at either end of an axis: that of the other end.
fn wrapped(maps: Tensor<4>, axis: usize) -> Tensor<4> {
    let size = maps.dims()[axis];
    Tensor::cat(vec![maps.clone().narrow(axis, size - 1, 1), maps.clone(), maps.narrow(axis, 0, 1)], axis)
}
