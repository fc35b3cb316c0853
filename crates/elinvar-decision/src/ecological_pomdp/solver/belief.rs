//! Beliefs by their non-zero entries.

use ndarray::{Array1, ArrayView1};

/// Masses below this share are dropped from beliefs of the tree; it is far below the rounding of their sum.
const NEGLIGIBLE: f64 = 1e-18;

/// A probability vector stored by its non-zero entries, in ascending order of states.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Belief {
    pub(crate) states: Box<[u32]>,
    pub(crate) masses: Box<[f64]>,
}

impl Belief {
    /// The belief of a dense vector, scaled to sum 1; the vector must have a positive sum.
    pub(crate) fn from_dense(vector: &[f64]) -> Self {
        let total: f64 = vector.iter().sum();
        let kept = || vector.iter().enumerate().filter(|(_, m)| **m > NEGLIGIBLE * total);
        let sum: f64 = kept().map(|(_, m)| m).sum();
        Self { states: kept().map(|(s, _)| s as u32).collect(), masses: kept().map(|(_, m)| m / sum).collect() }
    }

    /// The non-zero entries of a belief that was one before, bit by bit.
    pub(crate) fn restored(vector: ndarray::ArrayView1<'_, f64>) -> Self {
        let kept = || vector.iter().enumerate().filter(|(_, m)| **m > 0.0);
        Self { states: kept().map(|(s, _)| s as u32).collect(), masses: kept().map(|(_, &m)| m).collect() }
    }

    /// States and masses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.states.iter().zip(&self.masses).map(|(&s, &m)| (s as usize, m))
    }

    /// The dense vector.
    pub(crate) fn to_dense(&self, n_states: usize) -> Array1<f64> {
        let mut dense = Array1::zeros(n_states);
        self.iter().for_each(|(s, m)| dense[s] = m);
        dense
    }

    /// Expectation of a value of the state.
    pub(crate) fn dot(&self, values: &[f64]) -> f64 {
        self.iter().map(|(s, m)| m * values[s]).sum()
    }

    /// Expectation of a value of the state held in an array view.
    pub(crate) fn dot_view(&self, values: ArrayView1<'_, f64>) -> f64 {
        self.iter().map(|(s, m)| m * values[s]).sum()
    }

    /// Entropy in nats.
    pub(crate) fn entropy(&self) -> f64 {
        -self.masses.iter().map(|m| m * m.ln()).sum::<f64>()
    }

    /// The state, where there is only one.
    pub(crate) fn corner(&self) -> Option<usize> {
        (self.states.len() == 1).then(|| self.states[0] as usize)
    }

    /// A key under which beliefs that differ by rounding mostly meet.
    pub(crate) fn key(&self) -> u64 {
        let mix = |h: u64, v: u64| (h ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        self.iter().filter(|(_, m)| *m > 1e-9).fold(0, |h, (s, m)| mix(mix(h, s as u64), (m * 1e9).round() as u64))
    }

    /// Whether both are the same up to rounding.
    pub(crate) fn close_to(&self, other: &Belief) -> bool {
        self.states == other.states && self.masses.iter().zip(&other.masses).all(|(a, b)| (a - b).abs() <= 1e-13)
    }
}
