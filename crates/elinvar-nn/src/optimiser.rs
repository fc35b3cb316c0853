//! First-order and Hessian-diagonal optimisers, each update one pass over the parameters.

use crate::parameters::{Parameters, StepRule};
use elinvar_core::{Error, Result};
use elinvar_math::simd::dispatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// Stochastic gradient descent: buffer <- momentum * buffer + gradient, step along the buffer.
    Sgd {
        /// Share of the last step that is kept, in [0, 1).
        momentum: f64,
    },
    /// The gradient divided by the root of its mean square (Tieleman and Hinton 2012), with momentum as in `sgd`.
    RmsProp {
        /// Memory of the mean squared gradient, in [0, 1).
        decay: f64,
        /// Share of the last step that is kept, in [0, 1).
        momentum: f64,
        /// Added to the root of the mean square, > 0.
        epsilon: f64,
    },
    /// Adam with decoupled weight decay on every parameter (Kingma and Ba 2015; Loshchilov and Hutter 2019); plain Adam at decay 0.
    Adam {
        /// Memory of the mean gradient, in [0, 1).
        beta1: f64,
        /// Memory of the mean squared gradient, in [0, 1).
        beta2: f64,
        /// Added to the root of the mean square, > 0.
        epsilon: f64,
        /// Each step first shrinks the parameters by `rate * weight_decay`, >= 0.
        weight_decay: f64,
    },
    /// Adam with the Hessian's diagonal, estimated by one Hessian-vector product a step, in the place of the gradient in the second
    /// moment (Yao et al. 2021).
    Adahessian {
        /// Memory of the mean gradient, in [0, 1).
        beta1: f64,
        /// Memory of the mean squared Hessian diagonal, in [0, 1).
        beta2: f64,
        /// Power of the Hessian diagonal, in [0, 1].
        power: f64,
        /// Added to the denominator, > 0.
        epsilon: f64,
    },
}

impl Optimiser {
    /// Adam with betas 0.9 and 0.999, epsilon 1e-8 and no weight decay.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };

    /// Adam's defaults with this decoupled weight decay.
    pub fn adamw(weight_decay: f64) -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
    }

    /// AdaHessian with epsilon 1e-8.
    pub fn adahessian(beta1: f64, beta2: f64, power: f64) -> Self {
        Self::Adahessian { beta1, beta2, power, epsilon: 1e-8 }
    }

    /// Whether a step needs an estimate of the Hessian's diagonal.
    pub fn needs_curvature(&self) -> bool {
        matches!(self, Self::Adahessian { .. })
    }

    pub(crate) fn check(&self) -> Result<()> {
        let memory = |name: &str, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(Error::parameter(name, "in [0, 1)", value)),
        };
        let positive = |name: &str, value: f64| match value > 0.0 {
            true => Ok(()),
            false => Err(Error::parameter(name, "> 0", value)),
        };
        match *self {
            Self::Sgd { momentum } => memory("momentum", momentum),
            Self::RmsProp { decay, momentum, epsilon } => {
                memory("decay", decay)?;
                memory("momentum", momentum)?;
                positive("epsilon", epsilon)
            }
            Self::Adam { beta1, beta2, epsilon, weight_decay } => {
                memory("beta1", beta1)?;
                memory("beta2", beta2)?;
                positive("epsilon", epsilon)?;
                if weight_decay >= 0.0 { Ok(()) } else { Err(Error::parameter("weight_decay", ">= 0", weight_decay)) }
            }
            Self::Adahessian { beta1, beta2, power, epsilon } => {
                memory("beta1", beta1)?;
                memory("beta2", beta2)?;
                positive("epsilon", epsilon)?;
                if (0.0..=1.0).contains(&power) { Ok(()) } else { Err(Error::parameter("power", "in [0, 1]", power)) }
            }
        }
    }
}

/// The moments of an optimiser for one parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimiserState {
    optimiser: Optimiser,
    /// Mean gradient, or the momentum buffer.
    pub(crate) first: Vec<f32>,
    /// Mean squared gradient or Hessian diagonal; empty for SGD.
    pub(crate) second: Vec<f32>,
    /// Updates done.
    pub(crate) updates: u64,
}

impl OptimiserState {
    /// Moments at zero for `parameters` numbers.
    ///
    /// # Errors
    /// When a constant of the optimiser is out of its range.
    pub fn new(optimiser: Optimiser, parameters: usize) -> Result<Self> {
        optimiser.check()?;
        let second = if matches!(optimiser, Optimiser::Sgd { .. }) { 0 } else { parameters };
        Ok(Self { optimiser, first: vec![0.0; parameters], second: vec![0.0; second], updates: 0 })
    }

    /// Moves `parameters` one step down `gradient` at this learning rate.
    ///
    /// `curvature` is the estimate z * (H z) of the Hessian's diagonal that AdaHessian needs and the others ignore.
    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32], curvature: &[f32], rate: f64) {
        self.updates += 1;
        self.update_part(0..parameters.len(), parameters, gradient, curvature, StepRule { rate, decays: true });
    }

    /// The same with a rule for each array.
    pub(crate) fn update_all(&mut self, parameters: &mut Parameters<f32>, gradient: &[f32], curvature: &[f32], rate: f64) {
        self.updates += 1;
        for (part, step) in parameters.steps() {
            let step = StepRule { rate: rate * step.rate, ..step };
            self.update_part(part, parameters.values_mut(), gradient, curvature, step);
        }
    }

    fn update_part(&mut self, part: Range<usize>, parameters: &mut [f32], gradient: &[f32], curvature: &[f32], step: StepRule) {
        let rate = step.rate;
        let (parameters, gradient) = (&mut parameters[part.clone()], &gradient[part.clone()]);
        let curvature = if curvature.is_empty() { curvature } else { &curvature[part.clone()] };
        let first = &mut self.first[part.clone()];
        let second = if self.second.is_empty() { &mut [] } else { &mut self.second[part] };
        let correction = |beta: f64| 1.0 - beta.powf(self.updates as f64);
        match self.optimiser {
            Optimiser::Sgd { momentum } => {
                for ((parameter, buffer), &g) in parameters.iter_mut().zip(first).zip(gradient) {
                    *buffer = momentum as f32 * *buffer + g;
                    *parameter -= rate as f32 * *buffer;
                }
            }
            Optimiser::RmsProp { decay, momentum, epsilon } => {
                let [old, new, momentum, epsilon, rate] = [decay, 1.0 - decay, momentum, epsilon, rate].map(|x| x as f32);
                let moments = first.iter_mut().zip(second);
                dispatch(
                    #[inline(always)]
                    || {
                        for ((parameter, (buffer, square)), &g) in parameters.iter_mut().zip(moments).zip(gradient) {
                            *square = old * *square + new * g * g;
                            *buffer = momentum * *buffer + g / (square.sqrt() + epsilon);
                            *parameter -= rate * *buffer;
                        }
                    },
                );
            }
            Optimiser::Adam { beta1, beta2, epsilon, weight_decay } => {
                let (rate_now, unbias) = ((rate / correction(beta1)) as f32, (1.0 / correction(beta2)) as f32);
                let weight_decay = if step.decays { weight_decay } else { 0.0 };
                let (decay, epsilon) = ((1.0 - rate * weight_decay) as f32, epsilon as f32);
                // 1 - beta in double precision: `1.0 - 0.999_f32` is wrong in the fifth digit.
                let [old1, new1, old2, new2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(|x| x as f32);
                let moments = first.iter_mut().zip(second);
                dispatch(
                    #[inline(always)]
                    || {
                        for ((parameter, (first, second)), &g) in parameters.iter_mut().zip(moments).zip(gradient) {
                            *first = old1 * *first + new1 * g;
                            *second = old2 * *second + new2 * g * g;
                            *parameter = decay * *parameter - rate_now * *first / ((*second * unbias).sqrt() + epsilon);
                        }
                    },
                );
            }
            Optimiser::Adahessian { beta1, beta2, power, epsilon } => {
                let (rate, unbias) = ((rate / correction(beta1)) as f32, (1.0 / correction(beta2)) as f32);
                let [old1, new1, old2, new2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(|x| x as f32);
                let (half, epsilon) = ((power / 2.0) as f32, epsilon as f32);
                let moments = first.iter_mut().zip(second);
                for (((parameter, (first, second)), &g), &h) in parameters.iter_mut().zip(moments).zip(gradient).zip(curvature) {
                    *first = old1 * *first + new1 * g;
                    *second = old2 * *second + new2 * h * h;
                    *parameter -= rate * *first / ((*second * unbias).powf(half) + epsilon);
                }
            }
        }
    }
}

/// Scales a gradient down to Euclidean norm `limit` when it is longer; returns the norm before.
pub fn clip_norm(gradient: &mut [f32], limit: f64) -> f64 {
    let norm = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
    if norm > limit {
        let factor = (limit / norm) as f32;
        gradient.iter_mut().for_each(|g| *g *= factor);
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_optimiser_finds_the_minimum_of_a_quadratic() {
        let scales = [1.0_f32, 4.0, 0.25];
        let rms = Optimiser::RmsProp { decay: 0.99, momentum: 0.5, epsilon: 1e-8 };
        for optimiser in [Optimiser::Sgd { momentum: 0.5 }, rms, Optimiser::ADAM, Optimiser::adahessian(0.9, 0.999, 1.0)] {
            let mut x = vec![1.0_f32, -2.0, 3.0];
            let mut state = OptimiserState::new(optimiser, 3).unwrap();
            for step in 0..4000 {
                let gradient: Vec<f32> = x.iter().zip(scales).map(|(x, s)| s * x).collect();
                state.update(&mut x, &gradient, &scales, 0.05 * 0.998_f64.powi(step));
            }
            assert!(x.iter().all(|v| v.abs() < 1e-3), "{optimiser:?}: {x:?}");
        }
    }

    #[test]
    fn rms_prop_divides_by_the_root_of_the_mean_square() {
        let mut x = vec![1.0_f32];
        let mut state = OptimiserState::new(Optimiser::RmsProp { decay: 0.75, momentum: 0.5, epsilon: 1e-8 }, 1).unwrap();
        state.update(&mut x, &[2.0], &[], 0.1);
        // The mean square is 1, then 1.5.
        assert!((x[0] - 0.8).abs() < 1e-6, "{x:?}");
        state.update(&mut x, &[3.0_f32.sqrt()], &[], 0.1);
        assert!((x[0] - (0.8 - 0.1 * (1.0 + 2.0_f32.sqrt()))).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn adahessian_first_step_is_newton_at_full_power() {
        // After bias correction the first step is rate * g / |h|.
        let mut x = vec![1.0_f32, 1.0];
        let mut state = OptimiserState::new(Optimiser::adahessian(0.9, 0.98, 1.0), 2).unwrap();
        state.update(&mut x, &[2.0, 0.3], &[2.0, -0.1], 0.1);
        assert!((x[0] - 0.9).abs() < 1e-6 && (x[1] - 0.7).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut gradient = vec![3.0, 4.0];
        assert_eq!(clip_norm(&mut gradient, 1.0), 5.0);
        assert!((gradient[0] - 0.6).abs() < 1e-7 && (gradient[1] - 0.8).abs() < 1e-7);
        assert!((clip_norm(&mut gradient, 2.0) - 1.0).abs() < 1e-6);
        assert!((gradient[0] - 0.6).abs() < 1e-7);
    }

    #[test]
    fn constants_out_of_range_are_refused() {
        let error = OptimiserState::new(Optimiser::adamw(f64::NAN), 1).unwrap_err();
        assert_eq!(error.to_string(), "parameter 'weight_decay' must be >= 0, got NaN");
        assert!(OptimiserState::new(Optimiser::adahessian(1.0, 0.9, 1.0), 1).is_err());
        assert!(OptimiserState::new(Optimiser::Sgd { momentum: -0.1 }, 1).is_err());
    }
}
