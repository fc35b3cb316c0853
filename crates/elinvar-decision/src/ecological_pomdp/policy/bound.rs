//! The certified upper bound of a solved problem.

use super::super::pomdp::{Pomdp, in_rows};
use super::super::solver::{Belief, Points, UpperVectors, worst_value};
use crate::ecological_pomdp::solver::Joint;
use ndarray::{Array2, ArrayView1};

/// Upper bound of the optimal value at every belief: initial vectors, corner values and interior points.
#[derive(Clone)]
pub struct UpperBound {
    start: UpperVectors,
    corners: Vec<f64>,
    points: Points,
    allowance: f64,
}

impl UpperBound {
    /// Puts the parts together; the core of a point may give away `allowance`.
    pub(crate) fn new(pomdp: &Pomdp, start: UpperVectors, corners: Vec<f64>, beliefs: Vec<(Belief, f64)>, allowance: f64) -> Self {
        let mut points = Points::new(worst_value(pomdp));
        for (belief, value) in &beliefs {
            points.add(belief, *value, &corners, allowance, None);
        }
        let start = UpperVectors { vectors: in_rows(start.vectors), actions: in_rows(start.actions), corners: start.corners };
        Self { start, corners, points, allowance }
    }

    /// Bound at a belief.
    pub(crate) fn value(&self, belief: ArrayView1<'_, f64>) -> f64 {
        let u = belief.to_vec();
        let linear: f64 = u.iter().zip(&self.corners).map(|(m, v)| m * v).sum();
        let start = self.start.vectors.outer_iter().map(|v| v.dot(&belief)).fold(f64::NEG_INFINITY, f64::max);
        let first = if self.start.vectors.nrows() > 0 { linear.min(start) } else { linear };
        self.points.bound(&u, linear, 0, first)
    }

    /// Bound on the value of an action from the initial vectors.
    pub(crate) fn action_value(&self, belief: ArrayView1<'_, f64>, action: usize) -> f64 {
        self.start.actions.row(action).dot(&belief)
    }

    /// Sum of the bounds over the unnormalised next beliefs.
    pub(crate) fn joint_value(&self, joint: &Joint, n_observations: usize) -> f64 {
        let mut upper = vec![f64::INFINITY; n_observations];
        if self.start.vectors.nrows() > 0 {
            upper.fill(f64::NEG_INFINITY);
            joint.raise(self.start.numbered(), &mut upper, &mut vec![0; n_observations]);
        }
        joint.lower_to_sawtooth(&self.points, &self.corners, 0, &mut upper);
        upper.iter().sum()
    }

    /// Vectors (0 or actions, states) and action values (actions, states) of the initial bound.
    pub(crate) fn start(&self) -> &UpperVectors {
        &self.start
    }

    /// Value of knowing the state (states).
    pub fn corners(&self) -> &[f64] {
        &self.corners
    }

    /// What the core of a point may give away.
    pub(crate) fn allowance(&self) -> f64 {
        self.allowance
    }

    /// Beliefs (m, states) and values (m) of the interior points.
    pub fn points(&self) -> (Array2<f64>, Vec<f64>) {
        let n_states = self.corners.len();
        let mut beliefs = Array2::zeros((self.points.len(), n_states));
        let mut values = Vec::with_capacity(self.points.len());
        for (mut row, (belief, value)) in beliefs.outer_iter_mut().zip(self.points.iter()) {
            belief.iter().for_each(|(s, m)| row[s] = m);
            values.push(value);
        }
        (beliefs, values)
    }
}
