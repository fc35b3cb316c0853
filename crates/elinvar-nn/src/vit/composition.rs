//! The network in Burn's operations.

use super::{Pool, Vit};
use crate::burn::Arrays;
use crate::real::Real;
use burn::tensor::Tensor;
use elinvar_core::Result;

impl<T: Real> Vit<T> {
    pub(super) fn composition(&self, arrays: &Arrays, images: Tensor<2>) -> Result<Tensor<2>> {
        let (layers, samples, dim, tokens) = (&self.layers, images.dims()[0], self.spec.dim, self.spec.tokens());
        let mut flowing = layers.embedding.compose(arrays, self.patches_of(images));
        if let Some(norm) = layers.embedding_norm {
            flowing = norm.compose(arrays, flowing);
        }
        if let Some(convolution) = layers.convolution {
            flowing = convolution.compose(arrays, flowing);
        }
        let mut flowing: Tensor<3> = flowing.reshape([samples, self.spec.patches(), dim]);
        if let Some(place) = layers.token {
            let token: Tensor<3> = arrays.vector(place).reshape([1, 1, dim]);
            flowing = Tensor::cat(vec![token.repeat_dim(0, samples), flowing], 1);
        }
        if let Some(place) = layers.position {
            flowing = flowing + arrays.vector(place).reshape([1, tokens, dim]);
        }
        let mut flowing: Tensor<2> = flowing.reshape([samples * tokens, dim]);
        for block in &layers.blocks {
            flowing = block.compose(arrays, flowing);
        }
        let normed: Tensor<3> = layers.norm.compose(arrays, flowing).reshape([samples, tokens, dim]);
        let pooled = match self.spec.pool {
            Pool::Token => normed.narrow(1, 0, 1),
            Pool::Mean => normed.mean_dim(1),
        };
        Ok(layers.head.compose(arrays, pooled.reshape([samples, dim])))
    }

    /// Images (n, C H W) as patches (n patches, C P P).
    fn patches_of(&self, images: Tensor<2>) -> Tensor<2> {
        let (samples, channels, patch, (rows, columns)) = (images.dims()[0], self.spec.channels, self.spec.patch, self.spec.grid());
        let cut: Tensor<6> = images.reshape([samples, channels, rows, patch, columns, patch]);
        cut.permute([0, 2, 4, 1, 3, 5]).reshape([samples * rows * columns, channels * patch * patch])
    }
}
