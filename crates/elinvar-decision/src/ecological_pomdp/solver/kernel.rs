//! The inner loops: values of all the beliefs that one action can lead to.
//!
//! After action `a` the state is distributed as `p`; with observation `z` the unnormalised next belief is `u_z(s') = O[a,s',z] p(s')`.
//! Both bounds are positively homogeneous, so they are evaluated at `u_z` and need no division by `P(z|b,a)`.

use super::points::Points;
use crate::ecological_pomdp::pomdp::{Observation, Pomdp, SparseRows};
use ndarray::{Array2, ArrayView2};

/// One observation matrix, by observations.
#[derive(Clone)]
enum Columns {
    /// (observations, states).
    Dense(Array2<f64>),
    /// Rows are observations.
    Sparse(SparseRows),
}

/// Observation tensor in the layout of the inner loops.
#[derive(Clone)]
pub(crate) struct Kernel {
    columns: Vec<Columns>,
}

/// The unnormalised beliefs `u_z` of one action.
pub(crate) enum Joint {
    /// (observations, states).
    Dense(Array2<f64>),
    /// Rows are observations.
    Sparse(SparseRows),
}

impl Kernel {
    pub(crate) fn new(pomdp: &Pomdp) -> Self {
        let columns = match pomdp.observation() {
            Observation::Dense(m) => m.iter().map(|m| Columns::Dense(m.t().as_standard_layout().to_owned())).collect(),
            Observation::Sparse(m) => m.iter().map(|m| Columns::Sparse(m.transposed())).collect(),
        };
        Self { columns }
    }

    /// `u_z` for all observations from the predicted distribution of the next state.
    pub(crate) fn joint(&self, observation_index: usize, predicted: &[f64]) -> Joint {
        match &self.columns[observation_index] {
            Columns::Dense(columns) => {
                let mut joint = columns.clone();
                for mut row in joint.rows_mut() {
                    row.iter_mut().zip(predicted).for_each(|(u, &p)| *u *= p);
                }
                Joint::Dense(joint)
            }
            Columns::Sparse(columns) => {
                let mut joint = SparseRows::new(columns.n_columns());
                for z in 0..columns.n_rows() {
                    let (states, likelihoods) = columns.row(z);
                    joint.push_row(states.iter().zip(likelihoods).map(|(&s, &o)| (s as usize, o * predicted[s as usize])));
                }
                Joint::Sparse(joint)
            }
        }
    }

    /// `w(s') = sum_z O[a,s',z] vector_z(s')`, the middle of the backup of a vector.
    pub(crate) fn mix<'v>(&self, observation_index: usize, n_states: usize, vector: impl Fn(usize) -> &'v [f64]) -> Vec<f64> {
        let mut out = vec![0.0; n_states];
        match &self.columns[observation_index] {
            Columns::Dense(columns) => {
                for (z, row) in columns.rows().into_iter().enumerate() {
                    out.iter_mut().zip(row).zip(vector(z)).for_each(|((w, &o), &v)| *w += o * v);
                }
            }
            Columns::Sparse(columns) => {
                for z in 0..columns.n_rows() {
                    let ((states, likelihoods), chosen) = (columns.row(z), vector(z));
                    states.iter().zip(likelihoods).for_each(|(&s, &o)| out[s as usize] += o * chosen[s as usize]);
                }
            }
        }
        out
    }
}

impl Joint {
    /// `P(z|b,a)`.
    pub(crate) fn probabilities(&self) -> Vec<f64> {
        match self {
            Joint::Dense(joint) => joint.rows().into_iter().map(|row| row.sum()).collect(),
            Joint::Sparse(joint) => (0..joint.n_rows()).map(|z| joint.row(z).1.iter().sum()).collect(),
        }
    }

    /// `u_z` as a dense vector.
    pub(crate) fn dense(&self, z: usize) -> Vec<f64> {
        match self {
            Joint::Dense(joint) => joint.row(z).to_vec(),
            Joint::Sparse(joint) => {
                let mut out = vec![0.0; joint.n_columns()];
                let (states, masses) = joint.row(z);
                states.iter().zip(masses).for_each(|(&s, &m)| out[s as usize] = m);
                out
            }
        }
    }

    /// Raises `best[z]` to `max_k vector_k . u_z` over some vectors with identities and records the winner in `winner[z]`.
    ///
    /// Ties keep what was there before, so the result does not depend on how the vectors are split into calls.
    pub(crate) fn raise<'v>(&self, vectors: impl ExactSizeIterator<Item = (u32, &'v [f64])>, best: &mut [f64], winner: &mut [u32]) {
        let mut offer = |z: usize, id: u32, value: f64| {
            if value > best[z] {
                best[z] = value;
                winner[z] = id;
            }
        };
        match self {
            Joint::Dense(joint) => {
                let (mut ids, mut rows) = (Vec::with_capacity(vectors.len()), Vec::with_capacity(vectors.len() * joint.ncols()));
                for (id, vector) in vectors {
                    ids.push(id);
                    rows.extend_from_slice(vector);
                }
                if let Ok(rows) = ArrayView2::from_shape((ids.len(), joint.ncols()), &rows) {
                    let values = rows.dot(&joint.t());
                    for (&id, row) in ids.iter().zip(values.rows()) {
                        row.iter().enumerate().for_each(|(z, &value)| offer(z, id, value));
                    }
                }
            }
            Joint::Sparse(joint) => {
                for (id, vector) in vectors {
                    for z in 0..joint.n_rows() {
                        let (states, masses) = joint.row(z);
                        if !states.is_empty() {
                            offer(z, id, states.iter().zip(masses).map(|(&s, &m)| m * vector[s as usize]).sum());
                        }
                    }
                }
                // An observation that cannot occur adds nothing to either bound.
                (0..joint.n_rows()).filter(|&z| joint.row(z).0.is_empty()).for_each(|z| offer(z, 0, 0.0));
            }
        }
    }

    /// Lowers `upper[z]` to the sawtooth bound over all points with an identity of at least `from`.
    pub(crate) fn lower_to_sawtooth(&self, points: &Points, corners: &[f64], from: u64, upper: &mut [f64]) {
        match self {
            Joint::Dense(joint) => {
                for (z, row) in joint.rows().into_iter().enumerate() {
                    if let Some(u) = row.as_slice() {
                        let linear: f64 = u.iter().zip(corners).map(|(m, v)| m * v).sum();
                        upper[z] = points.bound(u, linear, from, upper[z].min(linear));
                    }
                }
            }
            Joint::Sparse(joint) => {
                let mut u = vec![0.0; joint.n_columns()];
                for (z, upper) in upper.iter_mut().enumerate() {
                    let (states, masses) = joint.row(z);
                    if states.is_empty() {
                        *upper = 0.0;
                        continue;
                    }
                    states.iter().zip(masses).for_each(|(&s, &m)| u[s as usize] = m);
                    let linear: f64 = states.iter().zip(masses).map(|(&s, m)| m * corners[s as usize]).sum();
                    *upper = points.bound(&u, linear, from, upper.min(linear));
                    states.iter().for_each(|&s| u[s as usize] = 0.0);
                }
            }
        }
    }
}
