//! The layers of transformers in Burn's operations.

use super::block::{Block, Perceptron};
use super::layers::{Convolution, Linear, Norm};
use crate::activation::Activation;
use crate::attention::Heads;
use crate::burn::{Arrays, convolved};
use crate::convolution::Convolution as Shape;
use crate::map::MapShape;
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
        let map = MapShape::new(channels, rows, columns);
        let shape = Shape { border: self.padding, groups: channels, ..Shape::new(map, channels, [3, 3]) };
        let found = convolved(arrays, self.layer.place, maps, &shape);
        x + found.permute([0, 2, 3, 1]).reshape([cells, channels])
    }
}
