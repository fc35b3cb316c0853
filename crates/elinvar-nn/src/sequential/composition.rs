//! The layers in Burn's operations.

use super::Sequential;
use super::layer::{Kind, Node};
use super::pass::{kept_scale, mask_of};
use crate::activation::Activation;
use crate::alpha_dropout::AlphaDropout;
use crate::burn::Arrays;
use crate::device::only_on_cpu;
use crate::mlp::Pass;
use crate::real::Real;
use burn::tensor::Tensor;
use elinvar_core::Result;
use ndarray::Array2;

impl<T: Real> Sequential<T> {
    pub(super) fn composition(&self, arrays: &Arrays, inputs: Tensor<2>, pass: Pass) -> Result<Tensor<2>> {
        if pass != Pass::Evaluation && !self.running.values().is_empty() {
            return Err(only_on_cpu("training with batch norm"));
        }
        Ok(chain(&self.nodes, arrays, inputs, pass))
    }
}

fn chain(nodes: &[Node], arrays: &Arrays, inputs: Tensor<2>, pass: Pass) -> Tensor<2> {
    nodes.iter().fold(inputs, |flowing, node| compose(node, arrays, flowing, pass))
}

fn compose(node: &Node, arrays: &Arrays, x: Tensor<2>, pass: Pass) -> Tensor<2> {
    match &node.kind {
        &Kind::Dense { activation, weight_norm, dropout, .. } => {
            let linear = if weight_norm { x.matmul(normed(node, arrays).transpose()) } else { arrays.linear(node.first, x) };
            let result = activation.compose(linear + arrays.row(node.first + 1));
            match dropout {
                Some(dropout) => alpha_dropped(&dropout, node, arrays, result, pass),
                None => result,
            }
        }
        Kind::Activation(activation) => activation.compose(x),
        &Kind::Dropout(rate) => match mask_of(rate, node, pass, 0) {
            Some(mask) => {
                let mut factors = ones(&x);
                mask.scale(crate::product::contiguous(&mut factors), node.outputs, kept_scale(rate));
                x * arrays.rows(&factors)
            }
            None => x,
        },
        Kind::AlphaDropout(dropout) => alpha_dropped(dropout, node, arrays, x, pass),
        &Kind::BatchNorm { settings, running, plane } => arrays.channel_norm(settings, node.first, running, plane, x),
        &Kind::Convolution { ref layout, activation, .. } => activation.compose(layout.shape().compose(arrays, node.first, x)),
        Kind::Pool(pool) => pool.compose(x),
        Kind::GlobalMean(map) => map.compose_means(x),
        &Kind::LayerNorm { epsilon } => arrays.layer_norm(node.first, epsilon, x),
        &Kind::Highway { activation, .. } => {
            let value = activation.compose(arrays.dense(node.first, x.clone()));
            let gate = Activation::Sigmoid.compose(arrays.dense(node.first + 2, x.clone()));
            x.clone() + gate * (value - x)
        }
        Kind::Residual { nodes, activation } => activation.compose(chain(nodes, arrays, x.clone(), pass) + x),
    }
}

/// The weight of a layer with weight norm: rows of trained lengths.
fn normed(node: &Node, arrays: &Arrays) -> Tensor<2> {
    let directions = arrays.matrix(node.first);
    let lengths = directions.clone().powi_scalar(2).sum_dim(1).sqrt();
    directions / lengths * arrays.row(node.first + 2).transpose()
}

/// x with the values dropped that the processor would drop: where it drops, its map is constant, elsewhere it is affine.
fn alpha_dropped(dropout: &AlphaDropout, node: &Node, arrays: &Arrays, x: Tensor<2>, pass: Pass) -> Tensor<2> {
    let Some(mask) = mask_of(dropout.rate, node, pass, 0) else { return x };
    let (mut shift, mut both) = (Array2::<f32>::zeros(x.dims()), ones(&x));
    for values in [&mut shift, &mut both] {
        dropout.apply(crate::product::contiguous(values), node.outputs, 1, mask);
    }
    x * arrays.rows(&(&both - &shift)) + arrays.rows(&shift)
}

fn ones(like: &Tensor<2>) -> Array2<f32> {
    Array2::ones(like.dims())
}
