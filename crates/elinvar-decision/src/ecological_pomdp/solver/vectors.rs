//! The lower bound's vectors.

use super::belief::Belief;
use ndarray::Array2;

/// Componentwise slack at which one vector dominates another.
const DOMINATED: f64 = 1e-10;

/// Vectors with their actions. Each is the value of an executable plan, also after it has left the living set.
pub(crate) struct AlphaSet {
    n_states: usize,
    /// Every vector ever made, one after the other.
    data: Vec<f64>,
    actions: Vec<u32>,
    /// Identities of the living vectors, ascending.
    living: Vec<u32>,
}

impl AlphaSet {
    pub(crate) fn new(n_states: usize) -> Self {
        Self { n_states, data: Vec::new(), actions: Vec::new(), living: Vec::new() }
    }

    /// Number of living vectors.
    pub(crate) fn len(&self) -> usize {
        self.living.len()
    }

    /// Identity of the next vector: vectors seen so far have smaller ones.
    pub(crate) fn stamp(&self) -> u32 {
        self.actions.len() as u32
    }

    pub(crate) fn vector(&self, identity: u32) -> &[f64] {
        let start = identity as usize * self.n_states;
        &self.data[start..start + self.n_states]
    }

    pub(crate) fn action(&self, identity: u32) -> usize {
        self.actions[identity as usize] as usize
    }

    pub(crate) fn living(&self) -> &[u32] {
        &self.living
    }

    /// Living vectors with an identity of at least `from`.
    pub(crate) fn living_from(&self, from: u32) -> &[u32] {
        &self.living[self.living.partition_point(|&id| id < from)..]
    }

    /// The living vectors with an identity of at least `from`.
    pub(crate) fn numbered_from(&self, from: u32) -> impl ExactSizeIterator<Item = (u32, &[f64])> {
        self.living_from(from).iter().map(|&id| (id, self.vector(id)))
    }

    /// The living vectors as rows.
    pub(crate) fn rows(&self) -> (Array2<f64>, &[u32]) {
        let ids = self.living_from(0);
        let mut rows = Vec::with_capacity(ids.len() * self.n_states);
        ids.iter().for_each(|&id| rows.extend_from_slice(self.vector(id)));
        let shape = (ids.len(), self.n_states);
        (Array2::from_shape_vec(shape, rows).unwrap_or_else(|_| Array2::zeros(shape)), ids)
    }

    /// Adds a vector unless a living one dominates it, and buries the living ones it dominates.
    pub(crate) fn insert(&mut self, vector: &[f64], action: usize) -> bool {
        let dominates = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(x, y)| *x >= y - DOMINATED);
        if self.living.iter().any(|&id| dominates(self.vector(id), vector)) {
            return false;
        }
        let living = std::mem::take(&mut self.living);
        let mut kept: Vec<u32> = living.into_iter().filter(|&id| !dominates(vector, self.vector(id))).collect();
        kept.push(self.stamp());
        self.living = kept;
        self.data.extend_from_slice(vector);
        self.actions.push(action as u32);
        true
    }

    /// Keeps only the living vectors that pass.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.living.retain(|&id| keep(id));
    }

    /// Raises (value, identity) by the living vectors with an identity of at least `from`.
    pub(crate) fn best(&self, belief: &Belief, from: u32, start: (f64, u32)) -> (f64, u32) {
        self.living_from(from).iter().fold(start, |best, &id| {
            let value = belief.dot(self.vector(id));
            if value > best.0 { (value, id) } else { best }
        })
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        (8 * self.data.len() + 8 * self.actions.len()) as u64
    }
}
