//! A solved policy: what to do at a belief, what it is worth, and how sure that is.

mod bound;
mod recommend;
mod state;

pub use bound::UpperBound;
pub use recommend::{Advice, Influence, QuotaScale, Recommendation, SurveyBelief};
pub use state::PolicyParts;

use super::pomdp::{Pomdp, check_prior};
use super::solver::{Kernel, TracePoint};
use elinvar_core::{Error, Result, Status};
use ndarray::{Array1, Array2, ArrayView1};

/// A set of vectors with actions, the problem it solves and the bounds that certify it.
///
/// Every vector is the value of an executable plan, so `max_alpha alpha . b` is a lower bound of the optimal value.
#[derive(Clone)]
pub struct AlphaPolicy {
    pomdp: Pomdp,
    kernel: Kernel,
    alphas: Array2<f64>,
    actions: Vec<usize>,
    bound: Option<UpperBound>,
    scale: Option<QuotaScale>,
    lower: f64,
    upper: f64,
    trace: Vec<TracePoint>,
    status: Status,
    n_trials: u64,
}

impl AlphaPolicy {
    /// Puts the results of a solver together.
    #[expect(clippy::too_many_arguments, reason = "one field each, called by the solver and the reader only")]
    pub(crate) fn new(
        pomdp: Pomdp,
        alphas: Array2<f64>,
        actions: Vec<usize>,
        bound: Option<UpperBound>,
        lower: f64,
        upper: f64,
        trace: Vec<TracePoint>,
        status: Status,
        n_trials: u64,
    ) -> Self {
        let kernel = Kernel::new(&pomdp);
        Self { pomdp, kernel, alphas, actions, bound, scale: None, lower, upper, trace, status, n_trials }
    }

    /// A policy from vectors (k, states) and their actions, for example of a `.policyx` file; it has no upper bound.
    ///
    /// # Errors
    /// When there are no vectors, the shapes do not fit the problem, or a number is not finite.
    pub fn from_vectors(pomdp: Pomdp, alphas: Array2<f64>, actions: Vec<usize>) -> Result<Self> {
        if alphas.nrows() == 0 || alphas.nrows() != actions.len() {
            return Err(Error::model(format!(
                "a policy must have one action for each vector, got {} for {}",
                actions.len(),
                alphas.nrows()
            )));
        }
        if alphas.ncols() != pomdp.n_states() {
            let (got, expected) = (alphas.ncols(), pomdp.n_states());
            return Err(Error::model(format!("the policy's vectors must have {expected} entries, one for each state, got {got}")));
        }
        if let Some(a) = actions.iter().find(|a| **a >= pomdp.n_actions()) {
            return Err(Error::model(format!("the policy's actions must be below {}, got {a}", pomdp.n_actions())));
        }
        if let Some(((k, s), v)) = alphas.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::model(format!("the policy's vectors must be finite, got {v} in vector {k}, state {s}")));
        }
        let lower = best_vector(&alphas, pomdp.prior().view()).0;
        let alphas = alphas.as_standard_layout().into_owned();
        Ok(Self::new(pomdp, alphas, actions, None, lower, f64::INFINITY, Vec::new(), Status::Converged, 0))
    }

    /// Vectors with their positions.
    fn numbered(&self) -> impl ExactSizeIterator<Item = (u32, &[f64])> {
        self.alphas.outer_iter().enumerate().map(|(k, row)| (k as u32, row.to_slice().unwrap_or_default()))
    }

    /// The problem that the policy solves.
    pub fn pomdp(&self) -> &Pomdp {
        &self.pomdp
    }

    /// Vectors (k, states).
    pub fn alphas(&self) -> &Array2<f64> {
        &self.alphas
    }

    /// Action of every vector (k).
    pub fn actions(&self) -> &[usize] {
        &self.actions
    }

    /// Lower bound of the optimal value at the prior.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// Upper bound of the optimal value at the prior.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// Difference of the bounds at the prior.
    pub fn gap(&self) -> f64 {
        self.upper - self.lower
    }

    /// Time and bounds at every trial.
    pub fn trace(&self) -> &[TracePoint] {
        &self.trace
    }

    /// How the solver ended.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Trials of the solver.
    pub fn n_trials(&self) -> u64 {
        self.n_trials
    }

    /// A belief checked against the problem and scaled to sum 1.
    fn check_belief(&self, belief: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        check_prior(belief.to_owned(), self.pomdp.n_states())
    }

    /// Best action at a belief.
    ///
    /// # Errors
    /// When the belief has the wrong length, negative entries or no mass.
    pub fn action(&self, belief: ArrayView1<'_, f64>) -> Result<usize> {
        Ok(self.act(self.check_belief(belief)?.view()))
    }

    /// Best action at a belief that is known to be one.
    pub(crate) fn act(&self, belief: ArrayView1<'_, f64>) -> usize {
        self.actions[best_vector(&self.alphas, belief).1]
    }

    /// Lower bound of the optimal value at a belief.
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`].
    pub fn value(&self, belief: ArrayView1<'_, f64>) -> Result<f64> {
        Ok(best_vector(&self.alphas, self.check_belief(belief)?.view()).0)
    }

    /// Upper bound of the optimal value at a belief; infinite for a policy that was read from vectors alone.
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`].
    pub fn upper_value(&self, belief: ArrayView1<'_, f64>) -> Result<f64> {
        let belief = self.check_belief(belief)?;
        Ok(self.bound.as_ref().map_or(f64::INFINITY, |bound| bound.value(belief.view())))
    }

    /// Lower bounds of the value of every action now, followed by the best plan known (actions).
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`].
    pub fn q(&self, belief: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        Ok(self.q_bounds(belief)?.0)
    }

    /// Lower and upper bounds of the value of every action now (actions).
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`].
    pub fn q_bounds(&self, belief: ArrayView1<'_, f64>) -> Result<(Array1<f64>, Array1<f64>)> {
        let belief = self.check_belief(belief)?;
        let n_z = self.pomdp.n_observations();
        let mut lower = Array1::zeros(self.pomdp.n_actions());
        let mut upper = Array1::from_elem(self.pomdp.n_actions(), f64::INFINITY);
        for action in 0..self.pomdp.n_actions() {
            let reward = belief.dot(&self.pomdp.reward().column(action));
            let predicted = self.pomdp.predict(belief.view(), action).to_vec();
            let joint = self.kernel.joint(self.pomdp.observation_index(action), &predicted);
            let mut best = vec![f64::NEG_INFINITY; n_z];
            joint.raise(self.numbered(), &mut best, &mut vec![0; n_z]);
            lower[action] = reward + self.pomdp.discount() * best.iter().sum::<f64>();
            if let Some(bound) = &self.bound {
                upper[action] =
                    bound.action_value(belief.view(), action).min(reward + self.pomdp.discount() * bound.joint_value(&joint, n_z));
            }
        }
        Ok((lower, upper))
    }

    /// Lower and upper bound of the optimal value when a survey is seen before the first action: `sum_z V(O_z b)`.
    ///
    /// This is what rules that act on the last survey must be compared with.
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`].
    pub fn value_after_survey(&self, belief: ArrayView1<'_, f64>) -> Result<(f64, f64)> {
        let belief = self.check_belief(belief)?;
        let n_z = self.pomdp.n_observations();
        let joint = self.kernel.joint(0, &belief.to_vec());
        let mut best = vec![f64::NEG_INFINITY; n_z];
        joint.raise(self.numbered(), &mut best, &mut vec![0; n_z]);
        let upper = self.bound.as_ref().map_or(f64::INFINITY, |bound| bound.joint_value(&joint, n_z));
        Ok((best.iter().sum(), upper))
    }

    /// Best action after every possible observation (observations), from a belief before it.
    ///
    /// With a previous action the belief is first moved by it; without one it is the belief at the time of the observation. Where
    /// an observation cannot occur the entry is `None`.
    ///
    /// # Errors
    /// As [`AlphaPolicy::action`], or an action out of range.
    pub fn policy_given_observation(&self, prior: ArrayView1<'_, f64>, previous_action: Option<usize>) -> Result<Vec<Option<usize>>> {
        let prior = self.check_belief(prior)?;
        if let Some(a) = previous_action.filter(|a| *a >= self.pomdp.n_actions()) {
            return Err(Error::parameter("previous_action", format!("below {}", self.pomdp.n_actions()), a));
        }
        let predicted = previous_action.map_or(prior.clone(), |a| self.pomdp.predict(prior.view(), a));
        let action = previous_action.unwrap_or(0);
        let posterior = |z| self.pomdp.condition(predicted.clone(), action, z);
        Ok((0..self.pomdp.n_observations()).map(|z| posterior(z).map(|(b, _)| self.act(b.view()))).collect())
    }
}

/// Largest value of a vector at a belief, and the vector's position.
fn best_vector(alphas: &Array2<f64>, belief: ArrayView1<'_, f64>) -> (f64, usize) {
    let mut best = (f64::NEG_INFINITY, 0);
    for (k, value) in alphas.dot(&belief).into_iter().enumerate() {
        if value > best.0 {
            best = (value, k);
        }
    }
    best
}
