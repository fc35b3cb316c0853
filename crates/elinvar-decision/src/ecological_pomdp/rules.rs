//! Rules that look only at the last survey, and their exact evaluation without simulation.

use super::fishery::{FisheryModel, HarvestOrder, nearest};
use super::mdp::MdpSolution;
use super::pomdp::Pomdp;
use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};
use serde::{Deserialize, Serialize};

/// A quota for every possible survey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaticRule {
    /// Name for tables, for example `CE`.
    pub name: String,
    /// Action after each observation (observations).
    pub quotas: Vec<usize>,
}

impl StaticRule {
    /// Constant escapement (CE): leaves `S*` behind, rounded to the nearest action.
    ///
    /// That is `h = max(y - S*, 0)`; where the stock grows before the harvest it is `h = max(f(y, 0) - S*, 0)`, which gives the
    /// published quotas of the historical stocks in every year.
    ///
    /// # Errors
    /// When the model is out of range or has no surplus growth.
    pub fn constant_escapement(model: &FisheryModel) -> Result<Self> {
        let escapement = model.baselines()?.escapement;
        let before_harvest = |y: f64| match model.order {
            HarvestOrder::ObserveHarvestRecruit => y,
            HarvestOrder::RecruitFirst => model.growth_of(y),
        };
        Ok(Self::from_function("CE", model, |y| (before_harvest(y) - escapement).max(0.0)))
    }

    /// Constant mortality: `h = factor * F_MSY * y`, rounded to the nearest action. A factor of 1 is MSY, 0.8 is TAC.
    ///
    /// # Errors
    /// As [`StaticRule::constant_escapement`], or when `factor` is not positive.
    pub fn constant_mortality(model: &FisheryModel, factor: f64) -> Result<Self> {
        if !(factor > 0.0 && factor.is_finite()) {
            return Err(Error::parameter("factor", "> 0", factor));
        }
        let mortality = factor * model.baselines()?.f_msy;
        let name = if factor == 1.0 {
            "MSY".to_owned()
        } else if factor == 0.8 {
            "TAC".to_owned()
        } else {
            format!("{factor} F_MSY")
        };
        Ok(Self::from_function(&name, model, |y| mortality * y))
    }

    /// The optimum of the fully observed problem, which takes the survey for the stock.
    pub fn mdp(solution: &MdpSolution) -> Self {
        Self { name: "MDP".to_owned(), quotas: solution.policy.clone() }
    }

    /// Any rule given as a function of the survey in grid units; quotas go to the nearest action, ties to the lower one.
    pub fn from_function(name: &str, model: &FisheryModel, rule: impl Fn(f64) -> f64) -> Self {
        let grid = model.values();
        Self { name: name.to_owned(), quotas: grid.iter().map(|&y| nearest(&grid, rule(y))).collect() }
    }

    /// Quota in grid units after a survey in grid units.
    pub fn predict(&self, grid: &Array1<f64>, survey: f64) -> f64 {
        grid[self.quotas[nearest(grid, survey)]]
    }

    /// Checks that the rule fits the problem.
    fn check(&self, pomdp: &Pomdp) -> Result<()> {
        if self.quotas.len() != pomdp.n_observations() {
            return Err(Error::input(format!(
                "rule '{}' must have one quota for each of the {} observations, got {}",
                self.name,
                pomdp.n_observations(),
                self.quotas.len()
            )));
        }
        match self.quotas.iter().position(|&a| a >= pomdp.n_actions()) {
            Some(z) => Err(Error::input(format!(
                "rule '{}' must name actions below {}, got {} for observation {z}",
                self.name,
                pomdp.n_actions(),
                self.quotas[z]
            ))),
            None => Ok(()),
        }
    }
}

/// What a static rule does to the stock, without simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactEvaluation {
    /// Expected discounted reward over an infinite time from every state, first reward undiscounted.
    pub values: Array1<f64>,
    /// Expected discounted reward from the start state: of `t_max - 1` rewards, the first with factor gamma, under the paper's
    /// convention; over an infinite time, the first with factor 1, else.
    pub npv: f64,
    /// Share of the stocks that are extinct (state 0) at each of the `t_max - 1` decisions.
    pub extinction: Array1<f64>,
    /// Expected state value at each decision, in grid units.
    pub mean_stock: Array1<f64>,
    /// Distribution of the state at the last decision.
    pub last: Array1<f64>,
    /// Mean of the expected stock over the later half of the decisions (t = 50..99 of the paper's 1..99).
    pub late_stock: f64,
}

/// Evaluates a static rule exactly: `P[s,s'] = sum_z O[s,z] T[pi(z),s,s']`, `V = (I - gamma P)^-1 r`.
///
/// `state_values` (states) gives the size of the stock in each state; `start` is the first state; `t_max - 1` decisions are taken, as in
/// the paper's t = 1..99. Surveys are drawn from the observation matrix of action 0.
///
/// # Errors
/// When the rule or the start does not fit the problem, or `t_max` is below 2.
pub fn evaluate_exact(
    pomdp: &Pomdp,
    rule: &StaticRule,
    state_values: ArrayView1<'_, f64>,
    start: usize,
    t_max: usize,
    paper_convention: bool,
) -> Result<ExactEvaluation> {
    rule.check(pomdp)?;
    if start >= pomdp.n_states() {
        return Err(Error::parameter("start", format!("a state below {}", pomdp.n_states()), start));
    }
    if t_max < 2 {
        return Err(Error::parameter("t_max", ">= 2", t_max));
    }
    if state_values.len() != pomdp.n_states() {
        return Err(Error::input(format!("state_values must have {} entries, got {}", pomdp.n_states(), state_values.len())));
    }
    let (moves, rewards) = rule_chain(pomdp, rule);
    let values = discounted_sum(&moves, &rewards, pomdp.discount());
    let mut now = Array1::zeros(pomdp.n_states());
    now[start] = 1.0;
    let (mut extinction, mut mean_stock) = (Array1::zeros(t_max - 1), Array1::zeros(t_max - 1));
    let (mut paper_npv, mut factor) = (0.0, 1.0);
    for decision in 0..t_max - 1 {
        if decision > 0 {
            now = now.dot(&moves);
        }
        extinction[decision] = now[0];
        mean_stock[decision] = now.dot(&state_values);
        factor *= pomdp.discount();
        paper_npv += factor * now.dot(&rewards);
    }
    let late = mean_stock.slice_axis(Axis(0), Slice::from((t_max - 1) / 2..));
    let late_stock = late.sum() / late.len() as f64;
    let npv = if paper_convention { paper_npv } else { values[start] };
    Ok(ExactEvaluation { npv, values, extinction, mean_stock, last: now, late_stock })
}

/// The Markov chain of a rule and its expected rewards: `P` (states, states), `r` (states).
pub fn rule_chain(pomdp: &Pomdp, rule: &StaticRule) -> (Array2<f64>, Array1<f64>) {
    let n = pomdp.n_states();
    let mut moves = Array2::zeros((n, n));
    let mut rewards = Array1::zeros(n);
    for s in 0..n {
        // Observations that lead to the same quota share one transition row.
        let mut chance = vec![0.0; pomdp.n_actions()];
        pomdp.observation_row(0, s).iter().zip(&rule.quotas).for_each(|(o, &a)| chance[a] += o);
        for (a, &weight) in chance.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            moves.row_mut(s).scaled_add(weight, &pomdp.transition_row(a, s));
            rewards[s] += weight * pomdp.reward()[[s, a]];
        }
    }
    (moves, rewards)
}

/// `(I - gamma P)^-1 r` by doubling: `sum_{k < 2^j} (gamma P)^k r`, which needs no factorisation and only adds up terms.
fn discounted_sum(moves: &Array2<f64>, rewards: &Array1<f64>, gamma: f64) -> Array1<f64> {
    let mut power = moves * gamma;
    let mut sum = rewards.clone();
    let mut weight = gamma;
    while weight > 1e-18 {
        sum = &sum + &power.dot(&sum);
        power = power.dot(&power);
        weight *= weight;
    }
    sum
}
