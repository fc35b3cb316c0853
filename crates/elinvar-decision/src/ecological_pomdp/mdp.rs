//! The fully observed problem: exact optimum, and values from above for the solver's first upper bound.

use super::pomdp::Pomdp;
use elinvar_core::{Context, Result, Status};
use ndarray::{Array1, Array2, Axis};

/// Relative distance to the exact value at which iteration stops.
const TOLERANCE: f64 = 1e-13;
/// Cap on the number of sweeps of value iteration.
const MAX_SWEEPS: u64 = 100_000;

/// Optimum of the problem in which the state is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct MdpSolution {
    /// Value of every state.
    pub values: Array1<f64>,
    /// Value of every action in every state (actions, states).
    pub q: Array2<f64>,
    /// Best action in every state; ties go to the lower index.
    pub policy: Vec<usize>,
    /// How the iteration ended.
    pub status: Status,
}

/// Value iteration from above: every iterate is an upper bound of the optimum.
///
/// Stops when the remaining error, at most `change * gamma / (1 - gamma)`, is below 1e-13 of the value scale, or when rounding stops
/// the decrease.
///
/// # Errors
/// Cancellation and the time limit of `ctx`.
pub fn solve_mdp(pomdp: &Pomdp, ctx: &mut Context) -> Result<MdpSolution> {
    let gamma = pomdp.discount();
    let top = pomdp.reward().fold(f64::NEG_INFINITY, |m, &r| m.max(r));
    let scale = pomdp.reward().fold(0.0f64, |m, &r| m.max(r.abs())).max(f64::MIN_POSITIVE) / (1.0 - gamma);
    let mut values = Array1::from_elem(pomdp.n_states(), top / (1.0 - gamma));
    let mut status = Status::IterationLimit;
    for sweep in 0..MAX_SWEEPS {
        let next = column_max(&q_values(pomdp, &values));
        let change = next.iter().zip(&values).map(|(n, v)| (v - n).abs()).fold(0.0, f64::max);
        values = next;
        if sweep % 64 == 0 {
            ctx.tick(sweep, MAX_SWEEPS, &[("change", change)])?;
        }
        if change * gamma / (1.0 - gamma) <= TOLERANCE * scale {
            status = Status::Converged;
            break;
        }
    }
    let q = q_values(pomdp, &values);
    let policy = (0..pomdp.n_states()).map(|s| best_action(q.column(s), scale)).collect();
    Ok(MdpSolution { values, q, policy, status })
}

/// `Q(a,s) = R(s,a) + gamma sum_s' T[a,s,s'] V(s')`, (actions, states).
pub(crate) fn q_values(pomdp: &Pomdp, values: &Array1<f64>) -> Array2<f64> {
    pomdp.expect_all(values.view()) * pomdp.discount() + pomdp.reward().t()
}

/// Largest entry of every column.
pub(crate) fn column_max(q: &Array2<f64>) -> Array1<f64> {
    q.fold_axis(Axis(0), f64::NEG_INFINITY, |m, &v| m.max(v))
}

/// First action whose value is the largest within rounding.
fn best_action(q: ndarray::ArrayView1<'_, f64>, scale: f64) -> usize {
    let top = q.fold(f64::NEG_INFINITY, |m, &v| m.max(v));
    q.iter().position(|&v| v >= top - 1e-12 * scale).unwrap_or(0)
}
