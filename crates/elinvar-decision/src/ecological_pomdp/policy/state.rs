//! A policy as named arrays and JSON, for saving.

use super::{AlphaPolicy, QuotaScale, UpperBound};
use crate::ecological_pomdp::pomdp::{Observation, Pomdp, SparseRows, Transition};
use crate::ecological_pomdp::solver::{Belief, TracePoint, UpperVectors};
use elinvar_core::{Error, Result, Status};
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, Dimension, Ix1, Ix2, Ix3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a policy needs, as named arrays and one JSON value.
///
/// Arrays: `alphas` (k, states), `actions` (k); `upper_vectors`, `upper_actions`, `upper_corners`, `upper_beliefs` (m, states) and
/// `upper_values` (m) where there is an upper bound; `reward`, `prior`; `transition` (dense), `transition_left` (escapement) or
/// `transition_entries` (rows of action, state, next state, probability); `observation` or `observation_entries`; `grid`.
#[derive(Clone, Debug, Default)]
pub struct PolicyParts {
    /// Arrays by name.
    pub arrays: BTreeMap<String, ArrayD<f64>>,
    /// The rest.
    pub json: serde_json::Value,
}

/// The JSON part.
#[derive(Serialize, Deserialize)]
struct Rest {
    discount: f64,
    n_states: usize,
    n_actions: usize,
    n_observations: usize,
    transition: String,
    observation: String,
    observation_matrices: usize,
    allowance: Option<f64>,
    unit: Option<f64>,
    lower: f64,
    /// Absent when there is no upper bound.
    upper: Option<f64>,
    status: Status,
    n_trials: u64,
    trace: Vec<TracePoint>,
}

impl AlphaPolicy {
    /// The policy as named arrays and JSON.
    pub fn to_parts(&self) -> PolicyParts {
        let mut arrays = BTreeMap::new();
        let mut put = |name: &str, array: ArrayD<f64>| arrays.insert(name.to_owned(), array);
        put("alphas", self.alphas.clone().into_dyn());
        put("actions", self.actions.iter().map(|&a| a as f64).collect::<Array1<f64>>().into_dyn());
        if let Some(bound) = &self.bound {
            let (beliefs, values) = bound.points();
            put("upper_vectors", bound.start().vectors.clone().into_dyn());
            put("upper_actions", bound.start().actions.clone().into_dyn());
            put("upper_start_corners", Array1::from(bound.start().corners.clone()).into_dyn());
            put("upper_corners", Array1::from(bound.corners().to_vec()).into_dyn());
            put("upper_beliefs", beliefs.into_dyn());
            put("upper_values", Array1::from(values).into_dyn());
        }
        put("reward", self.pomdp.reward().clone().into_dyn());
        put("prior", self.pomdp.prior().clone().into_dyn());
        let transition = match self.pomdp.transition() {
            Transition::Dense(t) => put_named(&mut put, "transition", "dense", t.clone().into_dyn()),
            Transition::Escapement(t0, _) => put_named(&mut put, "transition_left", "escapement", t0.clone().into_dyn()),
            Transition::Sparse(rows) => put_named(&mut put, "transition_entries", "sparse", entries(rows).into_dyn()),
        };
        let (observation, observation_matrices) = match self.pomdp.observation() {
            Observation::Dense(m) => (put_named(&mut put, "observation", "dense", stacked(m).into_dyn()), m.len()),
            Observation::Sparse(m) => (put_named(&mut put, "observation_entries", "sparse", entries(m).into_dyn()), m.len()),
        };
        if let Some(scale) = &self.scale {
            put("grid", scale.values.clone().into_dyn());
        }
        let rest = Rest {
            discount: self.pomdp.discount(),
            n_states: self.pomdp.n_states(),
            n_actions: self.pomdp.n_actions(),
            n_observations: self.pomdp.n_observations(),
            transition,
            observation,
            observation_matrices,
            allowance: self.bound.as_ref().map(UpperBound::allowance),
            unit: self.scale.as_ref().map(|s| s.unit),
            lower: self.lower,
            upper: self.upper.is_finite().then_some(self.upper),
            status: self.status,
            n_trials: self.n_trials,
            trace: self.trace.clone(),
        };
        PolicyParts { arrays, json: serde_json::to_value(rest).unwrap_or_default() }
    }

    /// The policy again.
    ///
    /// # Errors
    /// When an array is absent or has a shape that does not fit: the file is damaged or not of this method.
    pub fn from_parts(parts: &PolicyParts) -> Result<Self> {
        let rest: Rest =
            serde_json::from_value(parts.json.clone()).map_err(|e| Error::model(format!("the policy's JSON is damaged: {e}")))?;
        let (n_s, n_a, n_z) = (rest.n_states, rest.n_actions, rest.n_observations);
        let transition = match rest.transition.as_str() {
            "dense" => Transition::Dense(take::<Ix3>(parts, "transition")?),
            "escapement" => Transition::Escapement(take::<Ix2>(parts, "transition_left")?, n_a),
            _ => Transition::Sparse(from_entries(&take::<Ix2>(parts, "transition_entries")?, n_a, n_s, n_s)?),
        };
        let observation = match rest.observation.as_str() {
            "dense" => Observation::Dense(take::<Ix3>(parts, "observation")?.outer_iter().map(|m| m.to_owned()).collect()),
            _ => Observation::Sparse(from_entries(&take::<Ix2>(parts, "observation_entries")?, rest.observation_matrices, n_s, n_z)?),
        };
        let prior = take::<Ix1>(parts, "prior")?;
        let pomdp = Pomdp::from_parts(transition, observation, take::<Ix2>(parts, "reward")?, rest.discount, Some(prior))?;
        let actions = take::<Ix1>(parts, "actions")?.iter().map(|&a| a as usize).collect();
        let mut policy = Self::from_vectors(pomdp, take::<Ix2>(parts, "alphas")?, actions)?;
        if let Some(allowance) = rest.allowance {
            policy.bound = Some(read_bound(parts, &policy.pomdp, allowance)?);
        }
        if let Some(unit) = rest.unit {
            policy = policy.with_scale(QuotaScale::new(take::<Ix1>(parts, "grid")?, unit)?)?;
        }
        policy.lower = rest.lower;
        policy.upper = rest.upper.unwrap_or(f64::INFINITY);
        (policy.status, policy.n_trials, policy.trace) = (rest.status, rest.n_trials, rest.trace);
        Ok(policy)
    }
}

fn put_named(put: &mut impl FnMut(&str, ArrayD<f64>) -> Option<ArrayD<f64>>, name: &str, form: &str, array: ArrayD<f64>) -> String {
    put(name, array);
    form.to_owned()
}

fn read_bound(parts: &PolicyParts, pomdp: &Pomdp, allowance: f64) -> Result<UpperBound> {
    let n_s = pomdp.n_states();
    let width = |name: &str, got: usize| -> Result<()> {
        if got == n_s { Ok(()) } else { Err(Error::model(format!("the policy's '{name}' must have {n_s} entries a row, got {got}"))) }
    };
    let (vectors, actions) = (take::<Ix2>(parts, "upper_vectors")?, take::<Ix2>(parts, "upper_actions")?);
    let start_corners = take::<Ix1>(parts, "upper_start_corners")?.to_vec();
    let corners = take::<Ix1>(parts, "upper_corners")?.to_vec();
    let (beliefs, values) = (take::<Ix2>(parts, "upper_beliefs")?, take::<Ix1>(parts, "upper_values")?);
    for (name, got) in [("upper_vectors", vectors.ncols()), ("upper_actions", actions.ncols()), ("upper_beliefs", beliefs.ncols())] {
        width(name, got)?;
    }
    width("upper_corners", corners.len())?;
    width("upper_start_corners", start_corners.len())?;
    if actions.nrows() != pomdp.n_actions() || beliefs.nrows() != values.len() {
        return Err(Error::model("the policy's upper bound has arrays of different lengths").hint("save it again"));
    }
    let points = beliefs.outer_iter().zip(&values).map(|(b, &v)| (Belief::restored(b), v)).collect();
    Ok(UpperBound::new(pomdp, UpperVectors { vectors, corners: start_corners, actions }, corners, points, allowance))
}

/// An array of the expected rank.
fn take<D: Dimension>(parts: &PolicyParts, name: &str) -> Result<ndarray::Array<f64, D>> {
    let array = parts.arrays.get(name).ok_or_else(|| Error::model(format!("the policy has no array '{name}'")).hint("save it again"))?;
    let rank = array.ndim();
    array.clone().into_dimensionality::<D>().map_err(|_| Error::model(format!("the policy's array '{name}' has rank {rank}")))
}

/// Matrices of equal shape as one array.
fn stacked(matrices: &[Array2<f64>]) -> Array3<f64> {
    let (rows, columns) = matrices[0].dim();
    let mut out = Array3::zeros((matrices.len(), rows, columns));
    out.outer_iter_mut().zip(matrices).for_each(|(mut target, m)| target.assign(m));
    out
}

/// Rows (matrix, row, column, value) of the non-zero entries.
fn entries(matrices: &[SparseRows]) -> Array2<f64> {
    let mut flat = Vec::new();
    for (a, rows) in matrices.iter().enumerate() {
        for s in 0..rows.n_rows() {
            let (columns, values) = rows.row(s);
            columns.iter().zip(values).for_each(|(&c, &v)| flat.extend([a as f64, s as f64, f64::from(c), v]));
        }
    }
    let n = flat.len() / 4;
    Array2::from_shape_vec((n, 4), flat).unwrap_or_else(|_| Array2::zeros((0, 4)))
}

fn from_entries(entries: &Array2<f64>, n: usize, n_rows: usize, n_columns: usize) -> Result<Vec<SparseRows>> {
    let mut rows: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n * n_rows];
    for (i, entry) in entries.axis_iter(Axis(0)).enumerate() {
        let fits = entry.len() == 4 && entry[0] < n as f64 && entry[1] < n_rows as f64 && entry[2] < n_columns as f64;
        if !fits || entry.iter().any(|v| !(*v >= 0.0)) {
            return Err(Error::model(format!("the policy's sparse entry {i} is out of range")).hint("save it again"));
        }
        rows[entry[0] as usize * n_rows + entry[1] as usize].push((entry[2] as usize, entry[3]));
    }
    let mut out: Vec<SparseRows> = Vec::with_capacity(n);
    for matrix in rows.chunks(n_rows.max(1)) {
        let mut sparse = SparseRows::new(n_columns);
        matrix.iter().for_each(|row| sparse.push_row(row.iter().copied()));
        out.push(sparse);
    }
    Ok(out)
}
