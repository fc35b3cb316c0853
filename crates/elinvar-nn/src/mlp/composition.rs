//! The network in Burn's operations.

use super::pass::dropout_mask;
use super::{Mlp, Pass};
use crate::batch_norm::BatchNorm;
use crate::burn::Arrays;
use crate::device::only_on_cpu;
use crate::real::Real;
use burn::tensor::Tensor;
use elinvar_core::Result;
use elinvar_core::random::{Stream, stream};
use ndarray::{Array2, Axis};

impl<T: Real> Mlp<T> {
    pub(crate) fn composition(&self, arrays: &Arrays, inputs: Tensor<2>, pass: Pass) -> Result<Tensor<2>> {
        if self.spec.batch_norm && pass != Pass::Evaluation {
            return Err(only_on_cpu("training with batch norm"));
        }
        let rows = inputs.dims()[0];
        let mut masks = self.mask_streams(rows, pass);
        let mut flowing = inputs.clone();
        for (layer, &width) in self.spec.hidden.iter().enumerate() {
            let place = self.weight_index(layer);
            flowing = self.spec.activation.compose(arrays.dense(place, flowing));
            if self.spec.batch_norm {
                flowing = arrays.batch_norm(BatchNorm::default(), place + 2, 2 * layer, flowing);
            }
            if !masks.is_empty() {
                flowing = flowing * arrays.rows(&self.mask(&mut masks, (rows, width)));
            }
        }
        let outputs = arrays.dense(self.weight_index(self.spec.hidden.len()), flowing);
        Ok(if self.spec.residual { outputs + inputs } else { outputs })
    }

    /// The streams of the masks, one for each chunk of rows, as on the processor; none without dropout.
    fn mask_streams(&self, rows: usize, pass: Pass) -> Vec<Stream> {
        match pass {
            Pass::Training { seed, step } if self.spec.dropout > 0.0 => (0..rows.div_ceil(self.rows_of_a_chunk()))
                .map(|chunk| stream(seed, &[("dropout", step), ("chunk", chunk as u64)]))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The mask of a layer.
    fn mask(&self, streams: &mut [Stream], (rows, width): (usize, usize)) -> Array2<f32> {
        let mut mask = Array2::zeros((rows, width));
        for (mut place, stream) in mask.axis_chunks_iter_mut(Axis(0), self.rows_of_a_chunk()).zip(streams) {
            let drawn = dropout_mask(&self.spec, place.dim(), stream);
            place.assign(&drawn);
        }
        mask
    }
}
