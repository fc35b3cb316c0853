//! How the weights of a dense layer start. Biases start at zero.

use crate::real::Real;
use elinvar_core::Stream;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Distribution of the starting weights, by the number of inputs of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// Uniform on +-sqrt(6 / inputs) (He et al. 2015, for ReLU).
    KaimingUniform,
    /// Normal with variance 2 / inputs (He et al. 2015, for ReLU).
    KaimingNormal,
    /// Normal with variance 1 / inputs (LeCun et al. 1998).
    LecunNormal,
    /// As `lecun_normal`, each unit's weights then moved and scaled so that they sum to 0 and their squares to 1.
    LecunExact,
    /// As `kaiming_normal`, each unit's weights then moved and scaled so that they sum to 0 and their squares to 2.
    KaimingExact,
}

impl Initialisation {
    /// Fills the weights of a layer with `inputs` inputs.
    pub(crate) fn fill<T: Real>(self, weights: &mut [T], inputs: usize, stream: &mut Stream) {
        let root = |gain: f64| (gain / inputs as f64).sqrt();
        match self {
            Self::KaimingUniform => fill_uniform(weights, root(6.0), stream),
            Self::KaimingNormal => fill_normal(weights, root(2.0), stream),
            Self::LecunNormal => fill_normal(weights, root(1.0), stream),
            Self::LecunExact => fill_exact(weights, inputs, 1.0, stream),
            Self::KaimingExact => fill_exact(weights, inputs, 2.0, stream),
        }
    }
}

/// Independent numbers, uniform on +-bound.
pub(crate) fn fill_uniform<T: Real>(values: &mut [T], bound: f64, stream: &mut Stream) {
    values.fill_with(|| T::of(bound * (2.0 * stream.random::<f64>() - 1.0)));
}

/// Independent normal numbers with mean 0.
pub(crate) fn fill_normal<T: Real>(values: &mut [T], deviation: f64, stream: &mut Stream) {
    values.fill_with(|| {
        let z: f64 = StandardNormal.sample(stream);
        T::of(deviation * z)
    });
}

/// Independent normal numbers with mean 0, drawn again beyond two deviations.
pub(crate) fn fill_truncated_normal<T: Real>(values: &mut [T], deviation: f64, stream: &mut Stream) {
    values.fill_with(|| {
        loop {
            let z: f64 = StandardNormal.sample(stream);
            if z.abs() <= 2.0 {
                return T::of(deviation * z);
            }
        }
    });
}

/// Normal rows of `inputs` numbers that sum to 0 and whose squares sum to `gain`; a row of one number keeps its sign only.
fn fill_exact<T: Real>(weights: &mut [T], inputs: usize, gain: f64, stream: &mut Stream) {
    fill_normal(weights, 1.0, stream);
    for row in weights.chunks_exact_mut(inputs) {
        let n = if inputs > 1 { inputs as f64 } else { f64::INFINITY };
        let mean = row.iter().map(|w| w.widen()).sum::<f64>() / n;
        let squares = row.iter().map(|w| (w.widen() - mean).powi(2)).sum::<f64>();
        let scale = if squares > 0.0 { (gain / squares).sqrt() } else { 1.0 };
        row.iter_mut().for_each(|w| *w = T::of((w.widen() - mean) * scale));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elinvar_core::random::stream;

    #[test]
    fn moments_are_the_stated_ones() {
        let n = 40_000;
        for (initialisation, variance) in
            [(Initialisation::KaimingUniform, 0.1), (Initialisation::KaimingNormal, 0.1), (Initialisation::LecunNormal, 0.05)]
        {
            let mut weights = vec![0f64; n];
            initialisation.fill(&mut weights, 20, &mut stream(1, &[]));
            let mean = weights.iter().sum::<f64>() / n as f64;
            let second = weights.iter().map(|w| w * w).sum::<f64>() / n as f64;
            assert!(mean.abs() < 5.0 * (variance / n as f64).sqrt(), "{initialisation:?} mean {mean}");
            assert!((second / variance - 1.0).abs() < 0.04, "{initialisation:?} variance {second}");
        }
        for (initialisation, gain) in [(Initialisation::LecunExact, 1.0), (Initialisation::KaimingExact, 2.0)] {
            let mut weights = vec![0f64; 60];
            initialisation.fill(&mut weights, 20, &mut stream(1, &[]));
            for row in weights.chunks(20) {
                let (sum, squares) = (row.iter().sum::<f64>(), row.iter().map(|w| w * w).sum::<f64>());
                assert!(sum.abs() < 1e-12 && (squares - gain).abs() < 1e-12, "{initialisation:?}: {sum} {squares}");
            }
        }
        let mut weights = vec![0f64; n];
        fill_truncated_normal(&mut weights, 0.5, &mut stream(1, &[]));
        let second = weights.iter().map(|w| w * w).sum::<f64>() / n as f64;
        // The variance of a standard normal cut at two deviations is 0.7737.
        assert!(weights.iter().all(|w| w.abs() <= 1.0) && (second / (0.25 * 0.7737) - 1.0).abs() < 0.03, "{second}");
        let mut weights = vec![0f32; n];
        Initialisation::KaimingUniform.fill(&mut weights, 6, &mut stream(1, &[]));
        assert!(weights.iter().all(|w| w.abs() <= 1.0));
    }
}
