//! The gap as a regulariser of a user's own Burn network (feature `burn`).
//!
//! ```ignore
//! let gap = MongeGapRegularizer::new(GroundCost::SquaredEuclidean, 0.01)?;
//! let loss = fitting_loss + gap.forward(&x, network.forward(x.clone()))? * 2.0;
//! ```

use super::algorithm::{entropic_gap_gradient, relative_epsilon};
use burn::tensor::Tensor;
use elinvar_core::{Context, Error, Result};
use elinvar_math::transport::{Cost, SinkhornSettings};
use elinvar_nn::burn::{attach, to_array};

/// The entropic Monge gap of a batch as a loss term.
#[derive(Clone, Debug)]
pub struct MongeGapRegularizer {
    cost: Cost,
    relative_epsilon: f64,
    threshold: f64,
    max_iterations: usize,
}

impl MongeGapRegularizer {
    /// A regulariser for a ground cost, with a regularisation of `relative_epsilon` (> 0) times the mean cost of the batch.
    ///
    /// # Errors
    /// When `relative_epsilon` is not > 0.
    pub fn new(cost: Cost, relative_epsilon: f64) -> Result<Self> {
        if !(relative_epsilon > 0.0 && relative_epsilon.is_finite()) {
            return Err(Error::parameter("relative_epsilon", "> 0", relative_epsilon));
        }
        Ok(Self { cost, relative_epsilon, threshold: 1e-3, max_iterations: 2000 })
    }

    /// The gap of the map that takes row i of `x` (n, d) to row i of `mapped` (n, d), differentiable in `mapped`.
    ///
    /// # Errors
    /// Shapes that differ, non-finite values, points outside the domain of the cost.
    pub fn forward(&self, x: &Tensor<2>, mapped: Tensor<2>) -> Result<Tensor<1>> {
        let (points, images) = (to_array(x)?, to_array(&mapped)?);
        let epsilon = relative_epsilon(points.view(), images.view(), &self.cost, self.relative_epsilon)?;
        let settings = SinkhornSettings::new(epsilon).with_threshold(self.threshold, self.max_iterations);
        let (gap, gradient) = entropic_gap_gradient(points.view(), images.view(), &self.cost, &settings, &Context::default())?;
        attach(mapped, gap.value, gradient.view())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn a_step_down_the_tape_lowers_the_gap() {
        let device = Device::flex().autodiff();
        let mut random = Context::new(0).stream(&[("points", 0)]);
        let points: Array2<f32> = Array2::from_shape_simple_fn((64, 3), || StandardNormal.sample(&mut random));
        let tensor = |a: &Array2<f32>| Tensor::<2>::from_data(TensorData::new(a.iter().copied().collect::<Vec<f32>>(), [64, 3]), &device);
        let x = tensor(&points);
        // A rotation by a right angle in the first two coordinates is far from optimal.
        let turn = Tensor::<2>::from_data([[0.0_f32, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], &device).require_grad();
        let regularizer = MongeGapRegularizer::new(Cost::SquaredEuclidean, 0.05).unwrap();
        let before = regularizer.forward(&x, x.clone().matmul(turn.clone())).unwrap();
        let slope = turn.grad(&before.backward()).unwrap();
        let lower = turn.detach() - slope * 0.05;
        let after = regularizer.forward(&x, x.clone().matmul(lower)).unwrap();
        assert!(after.into_scalar::<f32>() < before.into_scalar::<f32>());
        assert!(MongeGapRegularizer::new(Cost::SquaredEuclidean, 0.0).is_err());
    }
}
