//! Bounds to start from: blind policies below; the observed problem (MDP), QMDP or the fast informed bound (FIB) above.

use super::InitUpper;
use crate::ecological_pomdp::mdp::{column_max, q_values, solve_mdp};
use crate::ecological_pomdp::pomdp::{Observation, Pomdp, Transition};
use elinvar_core::{Context, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

/// Largest change, as a share of the value scale, at which the blind policies stop.
const BLIND_TOLERANCE: f64 = 1e-3;
/// Largest change, as a share of the value scale, at which the fast informed bound stops.
const FIB_TOLERANCE: f64 = 1e-6;
/// Multiplications that may be spent on the fast informed bound as matrix products; every iterate is a valid bound.
const FIB_PRODUCT_WORK: f64 = 2e11;
/// The same for the general form, whose multiplications take longer.
const FIB_GENERAL_WORK: f64 = 2e10;
/// Observations handled by one task of the fast informed bound.
const OBSERVATIONS_PER_TASK: usize = 8;
/// States handled by one task of the fast informed bound.
const STATES_PER_TASK: usize = 16;

/// A bound by one vector for each action: `V(b) <= max_a vectors[a] . b` and `V(b) <= corners . b`.
#[derive(Clone)]
pub(crate) struct UpperVectors {
    /// (actions, states); no rows for the MDP bound, which has only corner values.
    pub(crate) vectors: Array2<f64>,
    /// Value of knowing the state.
    pub(crate) corners: Vec<f64>,
    /// Bound on the value of taking an action now (actions, states).
    pub(crate) actions: Array2<f64>,
}

impl UpperVectors {
    /// The vectors with their actions.
    pub(crate) fn numbered(&self) -> impl ExactSizeIterator<Item = (u32, &[f64])> {
        self.vectors.outer_iter().enumerate().map(|(a, row)| (a as u32, row.to_slice().unwrap_or_default()))
    }
}

/// Largest absolute value a discounted sum of rewards can take.
pub(crate) fn value_scale(pomdp: &Pomdp) -> f64 {
    pomdp.reward().fold(0.0f64, |m, &r| m.max(r.abs())).max(f64::MIN_POSITIVE) / (1.0 - pomdp.discount())
}

/// A lower bound on the value of every plan in every state.
pub(crate) fn worst_value(pomdp: &Pomdp) -> f64 {
    pomdp.reward().fold(f64::INFINITY, |m, &r| m.min(r)) / (1.0 - pomdp.discount())
}

/// Values of doing the same thing for ever (actions, states), from below: valid at every iterate.
///
/// # Errors
/// Cancellation and the time limit of `ctx`.
pub(crate) fn blind_policies(pomdp: &Pomdp, ctx: &mut Context) -> Result<Array2<f64>> {
    let gamma = pomdp.discount();
    let rewards = pomdp.reward().t().as_standard_layout().to_owned();
    let mut values = &rewards + gamma * worst_value(pomdp);
    let tolerance = BLIND_TOLERANCE * value_scale(pomdp) * (1.0 - gamma);
    loop {
        let mut next = rewards.clone();
        for (a, mut row) in next.outer_iter_mut().enumerate() {
            row.scaled_add(gamma, &pomdp.expect(a, values.row(a)));
        }
        let change = largest_change(&next, &values);
        values = next;
        ctx.check()?;
        if !(change > tolerance) {
            return Ok(values);
        }
    }
}

/// The upper bound to start from; `stop` ends the fast informed bound early.
///
/// # Errors
/// Cancellation and the time limit of `ctx`.
pub(crate) fn upper_vectors(pomdp: &Pomdp, kind: InitUpper, ctx: &mut Context, stop: &dyn Fn() -> bool) -> Result<UpperVectors> {
    let observed = solve_mdp(pomdp, ctx)?;
    let vectors = match kind {
        InitUpper::Mdp => Array2::zeros((0, pomdp.n_states())),
        InitUpper::Qmdp => observed.q.clone(),
        InitUpper::Fib => fast_informed_bound(pomdp, observed.q.clone(), ctx, stop)?,
    };
    let actions = if kind == InitUpper::Fib { vectors.clone() } else { q_values(pomdp, &observed.values) };
    let corners = column_max(&actions).to_vec();
    Ok(UpperVectors { vectors, corners, actions })
}

/// Fast informed bound, iterated from any upper bound until the change is negligible, the work is done or `stop` says so.
///
/// `alpha_a(s) = R(s,a) + gamma sum_z max_a' sum_s' T[a,s,s'] O[a,s',z] alpha_a'(s')` (Hauskrecht 2000). Every iterate is an upper bound.
///
/// # Errors
/// Cancellation and the time limit of `ctx`.
fn fast_informed_bound(pomdp: &Pomdp, start: Array2<f64>, ctx: &Context, stop: &dyn Fn() -> bool) -> Result<Array2<f64>> {
    let limit = FIB_TOLERANCE * value_scale(pomdp) * (1.0 - pomdp.discount());
    let (step, budget) = step_work(pomdp);
    let mut vectors = start;
    let mut work = 0.0;
    while work < budget && !stop() && !ctx.out_of_time() {
        ctx.check()?;
        let next = fib_step(pomdp, &vectors, ctx);
        work += step;
        let change = largest_change(&next, &vectors);
        vectors = next;
        if !(change > limit) {
            break;
        }
    }
    Ok(vectors)
}

/// One step of the fast informed bound.
fn fib_step(pomdp: &Pomdp, vectors: &Array2<f64>, ctx: &Context) -> Array2<f64> {
    let future = match (pomdp.transition(), pomdp.observation()) {
        (Transition::Escapement(t0, n_a), Observation::Dense(o)) if o.len() == 1 => {
            let left = ctx.install(|| escapement_future(t0.view(), o[0].view(), vectors));
            Array2::from_shape_fn((*n_a, pomdp.n_states()), |(a, s)| left[s.saturating_sub(a)])
        }
        _ => ctx.install(|| general_future(pomdp, vectors)),
    };
    future * pomdp.discount() + pomdp.reward().t()
}

/// `g(e) = sum_z max_a sum_s' T0[e,s'] O[s',z] vectors[a,s']`: one matrix product for each observation.
fn escapement_future(t0: ArrayView2<'_, f64>, observation: ArrayView2<'_, f64>, vectors: &Array2<f64>) -> Array1<f64> {
    let n_z = observation.ncols();
    let by_state = vectors.t().as_standard_layout().to_owned();
    let task = |start: usize| {
        let mut sum = Array1::<f64>::zeros(t0.nrows());
        for z in start..(start + OBSERVATIONS_PER_TASK).min(n_z) {
            let weighted = &by_state * &observation.column(z).insert_axis(Axis(1));
            let values = t0.dot(&weighted);
            sum.iter_mut().zip(values.rows()).for_each(|(g, row)| *g += largest(row));
        }
        sum
    };
    let parts: Vec<Array1<f64>> =
        (0..n_z.div_ceil(OBSERVATIONS_PER_TASK)).into_par_iter().map(|i| task(i * OBSERVATIONS_PER_TASK)).collect();
    parts.into_iter().fold(Array1::zeros(t0.nrows()), |total, part| total + part)
}

/// The same for any transition: runs over the non-zero entries of T and O.
fn general_future(pomdp: &Pomdp, vectors: &Array2<f64>) -> Array2<f64> {
    let (n_a, n_s, n_z) = (pomdp.n_actions(), pomdp.n_states(), pomdp.n_observations());
    let by_state = vectors.t().as_standard_layout().to_owned();
    let tasks: Vec<(usize, usize)> = (0..n_a).flat_map(|a| (0..n_s).step_by(STATES_PER_TASK).map(move |s| (a, s))).collect();
    let task = |&(a, start): &(usize, usize)| -> Vec<f64> {
        let mut sums = Array2::<f64>::zeros((n_z, vectors.nrows()));
        (start..(start + STATES_PER_TASK).min(n_s)).map(|s| general_entry(pomdp, &by_state, a, s, &mut sums)).collect()
    };
    let parts: Vec<Vec<f64>> = tasks.par_iter().map(task).collect();
    Array2::from_shape_vec((n_a, n_s), parts.concat()).unwrap_or_else(|_| Array2::zeros((n_a, n_s)))
}

/// `sum_z max_a' sum_s' T[a,s,s'] O[a,s',z] vectors[a',s']` for one action and state; `sums` is working memory (observations, a').
fn general_entry(pomdp: &Pomdp, by_state: &Array2<f64>, action: usize, state: usize, sums: &mut Array2<f64>) -> f64 {
    sums.fill(0.0);
    let mut add = |next: usize, z: usize, weight: f64| sums.row_mut(z).scaled_add(weight, &by_state.row(next));
    let mut through = |next: usize, t: f64| match pomdp.observation() {
        Observation::Dense(m) => {
            let row = m[pomdp.observation_index(action)].row(next);
            row.iter().enumerate().filter(|(_, o)| **o > 0.0).for_each(|(z, &o)| add(next, z, t * o));
        }
        Observation::Sparse(m) => {
            let (columns, values) = m[pomdp.observation_index(action)].row(next);
            columns.iter().zip(values).for_each(|(&z, &o)| add(next, z as usize, t * o));
        }
    };
    match pomdp.transition() {
        Transition::Sparse(rows) => {
            let (columns, values) = rows[action].row(state);
            columns.iter().zip(values).for_each(|(&next, &t)| through(next as usize, t));
        }
        _ => pomdp.transition_row(action, state).iter().enumerate().filter(|(_, t)| **t > 0.0).for_each(|(next, &t)| through(next, t)),
    }
    sums.rows().into_iter().map(largest).sum()
}

/// Multiplications of one step, and of all steps together.
fn step_work(pomdp: &Pomdp) -> (f64, f64) {
    let (n_a, n_s, n_z) = (pomdp.n_actions() as f64, pomdp.n_states() as f64, pomdp.n_observations() as f64);
    let observations = match pomdp.observation() {
        Observation::Dense(_) => n_z,
        Observation::Sparse(m) => m.iter().map(|m| m.n_entries() as f64).sum::<f64>() / (m.len() as f64 * n_s),
    };
    match pomdp.transition() {
        Transition::Escapement(..) => (n_s * n_s * n_z * n_a, FIB_PRODUCT_WORK),
        Transition::Sparse(rows) => (rows.iter().map(|r| r.n_entries() as f64).sum::<f64>() * observations * n_a, FIB_GENERAL_WORK),
        Transition::Dense(t) => (t.len() as f64 * observations * n_a, FIB_GENERAL_WORK),
    }
}

fn largest(row: ArrayView1<'_, f64>) -> f64 {
    row.fold(f64::NEG_INFINITY, |m, &v| m.max(v))
}

fn largest_change(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}
