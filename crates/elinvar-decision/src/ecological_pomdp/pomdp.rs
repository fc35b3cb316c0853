//! A finite partially observed Markov decision problem, with the structures that make it fast.

use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};

/// Largest deviation at which two rows of a transition tensor count as equal when structure is detected.
const STRUCTURE_TOLERANCE: f64 = 1e-12;
/// Largest deviation of a row sum from 1.
const SUM_TOLERANCE: f64 = 1e-6;
/// Observations less likely than this are dropped.
pub(crate) const IMPOSSIBLE: f64 = 1e-15;
/// Share of non-zero entries below which a tensor is stored by its non-zero entries.
const SPARSE_SHARE: f64 = 0.4;

/// Rows of a matrix stored by their non-zero entries.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    n_columns: usize,
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRows {
    /// An empty matrix with `n_columns` columns; rows are added with [`SparseRows::push_row`].
    pub fn new(n_columns: usize) -> Self {
        Self { n_columns, offsets: vec![0], columns: Vec::new(), values: Vec::new() }
    }

    /// Adds a row given as (column, value) in ascending order of columns; zeros are left out.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (usize, f64)>) {
        for (column, value) in entries {
            if value != 0.0 {
                self.columns.push(column as u32);
                self.values.push(value);
            }
        }
        self.offsets.push(self.columns.len());
    }

    /// The non-zero entries of a dense matrix.
    pub fn from_dense(matrix: ndarray::ArrayView2<'_, f64>) -> Self {
        let mut rows = Self::new(matrix.ncols());
        for row in matrix.rows() {
            rows.push_row(row.iter().copied().enumerate());
        }
        rows
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Number of stored entries.
    pub fn n_entries(&self) -> usize {
        self.values.len()
    }

    /// Columns and values of one row.
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The same entries stored by columns.
    #[must_use]
    pub fn transposed(&self) -> SparseRows {
        let mut entries: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.n_columns];
        for r in 0..self.n_rows() {
            let (columns, values) = self.row(r);
            for (&c, &v) in columns.iter().zip(values) {
                entries[c as usize].push((r, v));
            }
        }
        let mut out = SparseRows::new(self.n_rows());
        entries.into_iter().for_each(|row| out.push_row(row));
        out
    }

    /// The dense matrix.
    pub fn to_dense(&self) -> Array2<f64> {
        let mut dense = Array2::zeros((self.n_rows(), self.n_columns));
        for r in 0..self.n_rows() {
            let (columns, values) = self.row(r);
            for (&c, &v) in columns.iter().zip(values) {
                dense[[r, c as usize]] = v;
            }
        }
        dense
    }
}

/// `T[a,s,s']`: where the state moves under an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// The full tensor (actions, states, next states).
    Dense(Array3<f64>),
    /// One sparse matrix (states, next states) for each action.
    Sparse(Vec<SparseRows>),
    /// States and actions are the same equally spaced grid from 0 and the next state depends only on what is left after the
    /// harvest: `T[a,s,:] = T0[max(s-a,0),:]`. Holds `T0` (left after harvest, next states) and the number of actions.
    Escapement(Array2<f64>, usize),
}

/// `O[a,s',z]`: what is seen of the new state.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// One full matrix (states, observations) for each action, or a single one for all of them.
    Dense(Vec<Array2<f64>>),
    /// The same, stored by non-zero entries.
    Sparse(Vec<SparseRows>),
}

/// The same numbers row by row in memory: sums then run in one order, whatever the array was made from, so that a problem and its
/// saved copy give equal bits.
pub(crate) fn in_rows<D: ndarray::Dimension>(array: ndarray::Array<f64, D>) -> ndarray::Array<f64, D> {
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}

impl Transition {
    fn in_rows(self) -> Self {
        match self {
            Transition::Dense(t) => Transition::Dense(in_rows(t)),
            Transition::Escapement(t0, n_a) => Transition::Escapement(in_rows(t0), n_a),
            sparse @ Transition::Sparse(_) => sparse,
        }
    }
}

impl Observation {
    fn in_rows(self) -> Self {
        match self {
            Observation::Dense(m) => Observation::Dense(m.into_iter().map(in_rows).collect()),
            sparse @ Observation::Sparse(_) => sparse,
        }
    }
}

/// A finite partially observed Markov decision problem.
///
/// Order within a step: at belief `b` choose `a`, earn `sum_s b(s) R[s,a]`, the state moves by `T[a]`, then `z` is drawn from
/// `O[a,s',:]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pomdp {
    transition: Transition,
    observation: Observation,
    reward: Array2<f64>,
    discount: f64,
    prior: Array1<f64>,
}

impl Pomdp {
    /// Checks the tensors and finds their structure.
    ///
    /// `transition` is (actions, states, next states), `observation` (actions or 1, states, observations), `reward` (states,
    /// actions); without a `prior` the first belief is uniform. Rows are rescaled to sum to exactly 1 in floating point.
    ///
    /// # Errors
    /// A shape that does not fit, a number that is not finite or negative, a row of T or O that does not sum to 1 within 1e-6
    /// (the message names tensor, action, state and the sum), a discount outside (0, 1), a prior of the wrong length.
    pub fn new(
        transition: Array3<f64>,
        observation: Array3<f64>,
        reward: Array2<f64>,
        discount: f64,
        prior: Option<Array1<f64>>,
    ) -> Result<Self> {
        let (n_a, n_s, n_next) = transition.dim();
        if n_a == 0 || n_s == 0 || n_s != n_next {
            return Err(Error::input(format!("transition must have shape (actions, states, states), got ({n_a}, {n_s}, {n_next})")));
        }
        let mut transition = transition;
        let mut observation = observation;
        check_rows("transition", &mut transition)?;
        check_rows("observation", &mut observation)?;
        let observations: Vec<Array2<f64>> = observation.outer_iter().map(|m| m.to_owned()).collect();
        Self::from_parts(detect_transition(transition), detect_observation(observations), reward, discount, prior)
    }

    /// Assembles a problem whose tensors are already in their final form; rows of dense and structured tensors are checked too.
    ///
    /// # Errors
    /// As [`Pomdp::new`].
    pub fn from_parts(
        transition: Transition,
        observation: Observation,
        reward: Array2<f64>,
        discount: f64,
        prior: Option<Array1<f64>>,
    ) -> Result<Self> {
        let (n_a, n_s) = transition_shape(&transition);
        check_transition(&transition)?;
        check_observation(&observation, n_a, n_s)?;
        if reward.dim() != (n_s, n_a) {
            return Err(Error::input(format!("reward must have shape (states, actions) = ({n_s}, {n_a}), got {:?}", reward.dim())));
        }
        if let Some(((s, a), r)) = reward.indexed_iter().find(|(_, r)| !r.is_finite()) {
            return Err(Error::input(format!("reward must be finite, got {r} in state {s}, action {a}")));
        }
        if !(discount > 0.0 && discount < 1.0) {
            return Err(Error::parameter("discount", "in (0, 1)", discount));
        }
        let prior = match prior {
            Some(prior) => check_prior(prior, n_s)?,
            None => Array1::from_elem(n_s, 1.0 / n_s as f64),
        };
        Ok(Self { transition: transition.in_rows(), observation: observation.in_rows(), reward: in_rows(reward), discount, prior })
    }

    /// The same problem with another first belief.
    ///
    /// # Errors
    /// When its length is not the number of states, an entry is negative or it sums to 0.
    pub fn with_prior(mut self, prior: Array1<f64>) -> Result<Self> {
        self.prior = check_prior(prior, self.n_states())?;
        Ok(self)
    }

    /// The same problem seen through another observation matrix.
    ///
    /// # Errors
    /// As [`Pomdp::new`].
    pub fn with_observation(mut self, observation: Observation) -> Result<Self> {
        check_observation(&observation, self.n_actions(), self.n_states())?;
        self.observation = observation;
        Ok(self)
    }

    /// Number of states.
    pub fn n_states(&self) -> usize {
        self.reward.nrows()
    }

    /// Number of actions.
    pub fn n_actions(&self) -> usize {
        self.reward.ncols()
    }

    /// Number of observations.
    pub fn n_observations(&self) -> usize {
        match &self.observation {
            Observation::Dense(m) => m[0].ncols(),
            Observation::Sparse(m) => m[0].n_columns(),
        }
    }

    /// Rewards (states, actions).
    pub fn reward(&self) -> &Array2<f64> {
        &self.reward
    }

    /// Value of a unit of reward one step later.
    pub fn discount(&self) -> f64 {
        self.discount
    }

    /// Belief before the first action (states).
    pub fn prior(&self) -> &Array1<f64> {
        &self.prior
    }

    /// The transition tensor in its stored form.
    pub fn transition(&self) -> &Transition {
        &self.transition
    }

    /// The observation tensor in its stored form.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// The full row `T[a,s,:]`.
    pub fn transition_row(&self, action: usize, state: usize) -> Array1<f64> {
        match &self.transition {
            Transition::Dense(t) => t.index_axis(Axis(0), action).row(state).to_owned(),
            Transition::Sparse(rows) => dense_row(&rows[action], state),
            Transition::Escapement(t0, _) => t0.row(state.saturating_sub(action)).to_owned(),
        }
    }

    /// The full row `O[a,s',:]`.
    pub fn observation_row(&self, action: usize, state: usize) -> Array1<f64> {
        match &self.observation {
            Observation::Dense(m) => m[self.observation_index(action)].row(state).to_owned(),
            Observation::Sparse(m) => dense_row(&m[self.observation_index(action)], state),
        }
    }

    /// Position of the observation matrix of an action.
    pub(crate) fn observation_index(&self, action: usize) -> usize {
        match &self.observation {
            Observation::Dense(m) if m.len() == 1 => 0,
            Observation::Sparse(m) if m.len() == 1 => 0,
            _ => action,
        }
    }

    /// Distribution of the next state: `p(s') = sum_s b(s) T[a,s,s']`.
    pub fn predict(&self, belief: ArrayView1<'_, f64>, action: usize) -> Array1<f64> {
        let entries = belief.iter().enumerate().filter(|(_, b)| **b != 0.0).map(|(s, &b)| (s, b));
        let mut out = vec![0.0; self.n_states()];
        self.predict_into(entries, action, &mut out);
        Array1::from_vec(out)
    }

    /// [`Pomdp::predict`] of a belief given by its non-zero entries; `out` must hold zeros.
    pub(crate) fn predict_into(&self, belief: impl Iterator<Item = (usize, f64)>, action: usize, out: &mut [f64]) {
        let add = |out: &mut [f64], row: &[f64], weight: f64| out.iter_mut().zip(row).for_each(|(o, &t)| *o += weight * t);
        match &self.transition {
            Transition::Dense(t) => {
                let matrix = t.index_axis(Axis(0), action);
                for (s, b) in belief {
                    matrix.row(s).as_slice().into_iter().for_each(|row| add(out, row, b));
                }
            }
            Transition::Sparse(rows) => {
                for (s, b) in belief {
                    let (columns, values) = rows[action].row(s);
                    columns.iter().zip(values).for_each(|(&c, &v)| out[c as usize] += b * v);
                }
            }
            Transition::Escapement(t0, _) => {
                // All states below the harvest leave nothing behind: their masses are added before the one row product.
                let mut nothing_left = 0.0;
                for (s, b) in belief {
                    if s <= action {
                        nothing_left += b;
                    } else {
                        t0.row(s - action).as_slice().into_iter().for_each(|row| add(out, row, b));
                    }
                }
                t0.row(0).as_slice().into_iter().for_each(|row| add(out, row, nothing_left));
            }
        }
    }

    /// Expected next value from every state: `sum_s' T[a,s,s'] v(s')`.
    pub fn expect(&self, action: usize, values: ArrayView1<'_, f64>) -> Array1<f64> {
        match &self.transition {
            Transition::Dense(t) => t.index_axis(Axis(0), action).dot(&values),
            Transition::Sparse(rows) => (0..self.n_states()).map(|s| sparse_dot(rows[action].row(s), values)).collect(),
            Transition::Escapement(t0, _) => shift_up(t0.dot(&values).view(), action),
        }
    }

    /// Expected next value under every action at once (actions, states).
    pub(crate) fn expect_all(&self, values: ArrayView1<'_, f64>) -> Array2<f64> {
        let mut out = Array2::zeros((self.n_actions(), self.n_states()));
        if let Transition::Escapement(t0, _) = &self.transition {
            let left = t0.dot(&values);
            out.outer_iter_mut().enumerate().for_each(|(a, mut row)| row.assign(&shift_up(left.view(), a)));
        } else {
            out.outer_iter_mut().enumerate().for_each(|(a, mut row)| row.assign(&self.expect(a, values)));
        }
        out
    }

    /// Likelihood of an observation in every state, `O[a,:,z]`.
    pub fn likelihood(&self, action: usize, observation: usize) -> Array1<f64> {
        match &self.observation {
            Observation::Dense(m) => m[self.observation_index(action)].column(observation).to_owned(),
            Observation::Sparse(m) => {
                let rows = &m[self.observation_index(action)];
                let find = |s| {
                    let (columns, values) = rows.row(s);
                    columns.binary_search(&(observation as u32)).map_or(0.0, |i| values[i])
                };
                (0..self.n_states()).map(find).collect()
            }
        }
    }

    /// Belief after action and observation, and the probability of that observation: `tau(b,a,z)`.
    ///
    /// `None` when the observation cannot occur (probability below 1e-15).
    pub fn update(&self, belief: ArrayView1<'_, f64>, action: usize, observation: usize) -> Option<(Array1<f64>, f64)> {
        self.condition(self.predict(belief, action), action, observation)
    }

    /// Bayes' rule on an already predicted belief.
    pub fn condition(&self, predicted: Array1<f64>, action: usize, observation: usize) -> Option<(Array1<f64>, f64)> {
        let mut posterior = predicted * self.likelihood(action, observation);
        let probability = posterior.sum();
        if !(probability >= IMPOSSIBLE) {
            return None;
        }
        posterior /= probability;
        Some((posterior, probability))
    }

    /// Bytes of the stored tensors.
    pub fn bytes(&self) -> u64 {
        let transition = match &self.transition {
            Transition::Dense(t) => 8 * t.len(),
            Transition::Sparse(rows) => rows.iter().map(|r| 12 * r.n_entries()).sum(),
            Transition::Escapement(t0, _) => 8 * t0.len(),
        };
        let observation: usize = match &self.observation {
            Observation::Dense(m) => m.iter().map(|m| 8 * m.len()).sum(),
            Observation::Sparse(m) => m.iter().map(|m| 12 * m.n_entries()).sum(),
        };
        (transition + observation + 8 * self.reward.len()) as u64
    }
}

/// `out[s] = left[max(s - action, 0)]`.
fn shift_up(left: ArrayView1<'_, f64>, action: usize) -> Array1<f64> {
    Array1::from_shape_fn(left.len(), |s| left[s.saturating_sub(action)])
}

fn dense_row(rows: &SparseRows, row: usize) -> Array1<f64> {
    let mut out = Array1::zeros(rows.n_columns());
    let (columns, values) = rows.row(row);
    columns.iter().zip(values).for_each(|(&c, &v)| out[c as usize] = v);
    out
}

fn sparse_dot((columns, values): (&[u32], &[f64]), vector: ArrayView1<'_, f64>) -> f64 {
    columns.iter().zip(values).map(|(&c, &v)| v * vector[c as usize]).sum()
}

/// (actions, states) of a transition tensor.
fn transition_shape(transition: &Transition) -> (usize, usize) {
    match transition {
        Transition::Dense(t) => (t.dim().0, t.dim().1),
        Transition::Sparse(rows) => (rows.len(), rows.first().map_or(0, SparseRows::n_rows)),
        Transition::Escapement(t0, n_a) => (*n_a, t0.nrows()),
    }
}

/// Checks every row of a tensor (action, state, ...) and rescales it to the sum 1.
fn check_rows(name: &str, tensor: &mut Array3<f64>) -> Result<()> {
    for (a, mut matrix) in tensor.outer_iter_mut().enumerate() {
        for (s, mut row) in matrix.rows_mut().into_iter().enumerate() {
            let sum = check_row(name, a, s, row.iter().copied())?;
            // Rows that are normalised already keep their bits, so that a saved policy acts as before.
            if (sum - 1.0).abs() > 1e-12 {
                row /= sum;
            }
        }
    }
    Ok(())
}

/// Sum of a row of probabilities.
fn check_row(name: &str, action: usize, state: usize, row: impl Iterator<Item = f64>) -> Result<f64> {
    let mut sum = 0.0;
    for value in row {
        if !(value >= 0.0) || value.is_infinite() {
            return Err(Error::input(format!("{name} must hold finite numbers >= 0, got {value} in action {action}, state {state}")));
        }
        sum += value;
    }
    if !((sum - 1.0).abs() <= SUM_TOLERANCE) {
        return Err(Error::input(format!("{name} row of action {action}, state {state} must sum to 1 within 1e-6, got {sum}"))
            .hint("rescale the row, or add the missing outcome"));
    }
    Ok(sum)
}

fn check_transition(transition: &Transition) -> Result<()> {
    let (n_a, n_s) = transition_shape(transition);
    if n_a == 0 || n_s == 0 {
        return Err(Error::input("transition must have at least one action and one state"));
    }
    let square = |rows: usize, columns: usize| -> Result<()> {
        if rows == n_s && columns == n_s {
            return Ok(());
        }
        Err(Error::input(format!("transition must be square with {n_s} states for every action, got ({rows}, {columns})")))
    };
    match transition {
        Transition::Dense(t) => {
            square(t.dim().1, t.dim().2)?;
            for (a, matrix) in t.outer_iter().enumerate() {
                for (s, row) in matrix.rows().into_iter().enumerate() {
                    check_row("transition", a, s, row.iter().copied())?;
                }
            }
        }
        Transition::Sparse(actions) => {
            for (a, rows) in actions.iter().enumerate() {
                square(rows.n_rows(), rows.n_columns())?;
                for s in 0..n_s {
                    check_row("transition", a, s, rows.row(s).1.iter().copied())?;
                }
            }
        }
        Transition::Escapement(t0, n_a) => {
            square(t0.nrows(), t0.ncols())?;
            if *n_a > n_s {
                return Err(Error::input(format!(
                    "an escapement transition must have at most {n_s} actions, one for each state, got {n_a}"
                )));
            }
            for (e, row) in t0.rows().into_iter().enumerate() {
                check_row("transition", 0, e, row.iter().copied())?;
            }
        }
    }
    Ok(())
}

fn check_observation(observation: &Observation, n_a: usize, n_s: usize) -> Result<()> {
    let shapes: Vec<(usize, usize)> = match observation {
        Observation::Dense(m) => m.iter().map(|m| m.dim()).collect(),
        Observation::Sparse(m) => m.iter().map(|m| (m.n_rows(), m.n_columns())).collect(),
    };
    let n_z = shapes.first().map_or(0, |s| s.1);
    if (shapes.len() != 1 && shapes.len() != n_a) || n_z == 0 || shapes.iter().any(|&s| s != (n_s, n_z)) {
        return Err(Error::input(format!(
            "observation must have shape ({n_a} or 1, {n_s}, observations), got {} matrices of shape {:?}",
            shapes.len(),
            shapes.first().unwrap_or(&(0, 0))
        )));
    }
    for a in 0..shapes.len() {
        for s in 0..n_s {
            match observation {
                Observation::Dense(m) => check_row("observation", a, s, m[a].row(s).iter().copied())?,
                Observation::Sparse(m) => check_row("observation", a, s, m[a].row(s).1.iter().copied())?,
            };
        }
    }
    Ok(())
}

/// A belief that sums to 1.
///
/// # Errors
/// When its length is not `n_states`, an entry is negative or not finite, or it sums to 0.
pub(crate) fn check_prior(mut prior: Array1<f64>, n_states: usize) -> Result<Array1<f64>> {
    if prior.len() != n_states {
        return Err(Error::input(format!("prior must have one entry for each of the {n_states} states, got {}", prior.len())));
    }
    if let Some((s, p)) = prior.iter().enumerate().find(|(_, p)| !(**p >= 0.0) || p.is_infinite()) {
        return Err(Error::input(format!("prior must hold finite numbers >= 0, got {p} in state {s}")));
    }
    let sum = prior.sum();
    if !(sum > 0.0) {
        return Err(Error::input("prior must not be 0 everywhere"));
    }
    // A prior that is normalised already keeps its bits, so that a saved policy acts as before.
    if (sum - 1.0).abs() > 1e-12 {
        prior /= sum;
    }
    Ok(prior)
}

/// Chooses the form of a checked transition tensor.
fn detect_transition(tensor: Array3<f64>) -> Transition {
    let (n_a, n_s, _) = tensor.dim();
    if n_a > 1 && n_a <= n_s && is_escapement(&tensor) {
        return Transition::Escapement(tensor.index_axis(Axis(0), 0).to_owned(), n_a);
    }
    let filled = tensor.iter().filter(|v| **v != 0.0).count();
    if (filled as f64) < SPARSE_SHARE * tensor.len() as f64 {
        return Transition::Sparse(tensor.outer_iter().map(SparseRows::from_dense).collect());
    }
    Transition::Dense(tensor)
}

/// Whether `T[a,s,:] = T[0,max(s-a,0),:]` within the tolerance.
fn is_escapement(tensor: &Array3<f64>) -> bool {
    let t0 = tensor.index_axis(Axis(0), 0);
    tensor.outer_iter().enumerate().all(|(a, matrix)| {
        matrix.rows().into_iter().enumerate().all(|(s, row)| {
            let expected = t0.row(s.saturating_sub(a));
            row.iter().zip(expected).all(|(x, y)| (x - y).abs() <= STRUCTURE_TOLERANCE)
        })
    })
}

/// Chooses the form of checked observation matrices; equal ones for all actions are stored once.
fn detect_observation(matrices: Vec<Array2<f64>>) -> Observation {
    let shared = matrices.windows(2).all(|w| w[0].iter().zip(&w[1]).all(|(x, y)| (x - y).abs() <= STRUCTURE_TOLERANCE));
    let kept: Vec<Array2<f64>> = if shared { matrices.into_iter().take(1).collect() } else { matrices };
    let filled: usize = kept.iter().map(|m| m.iter().filter(|v| **v != 0.0).count()).sum();
    let total: usize = kept.iter().map(Array2::len).sum();
    if (filled as f64) < SPARSE_SHARE * total as f64 {
        return Observation::Sparse(kept.iter().map(|m| SparseRows::from_dense(m.view())).collect());
    }
    Observation::Dense(kept)
}
