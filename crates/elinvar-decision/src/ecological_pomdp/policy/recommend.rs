//! The next quota from a raw series, with what speaks for it.

use super::AlphaPolicy;
use crate::ecological_pomdp::fishery::nearest;
use elinvar_core::{Context, Error, Result};
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

/// How grid positions relate to the user's numbers: position `i` means `values[i] * unit` of stock, survey or catch.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaScale {
    /// Grid values of states, actions and observations, ascending.
    pub values: Array1<f64>,
    /// What 1 on the grid means in the user's unit, for example the largest recorded biomass in tonnes; 1 for the grid's own unit.
    pub unit: f64,
}

impl QuotaScale {
    /// Checks that there are ascending values and a positive unit.
    ///
    /// # Errors
    /// When one of them is not so.
    pub fn new(values: Array1<f64>, unit: f64) -> Result<Self> {
        if values.is_empty() || !values.iter().zip(values.iter().skip(1)).all(|(a, b)| a < b) {
            return Err(Error::parameter("values", "a grid in ascending order", format!("{values}")));
        }
        if !(unit > 0.0 && unit.is_finite()) {
            return Err(Error::parameter("unit", "> 0", unit));
        }
        Ok(Self { values, unit })
    }

    /// Lowest and highest value in the user's unit.
    pub fn bounds(&self) -> (f64, f64) {
        (self.values[0] * self.unit, self.values[self.values.len() - 1] * self.unit)
    }

    /// Value of a grid position in the user's unit.
    pub fn value(&self, position: usize) -> f64 {
        self.values[position] * self.unit
    }

    /// Nearest grid position of a number in the user's unit.
    ///
    /// # Errors
    /// When it lies more than half a step outside the grid and `clip` is false, or is not finite; `what` and `time` name it.
    pub fn position(&self, number: f64, what: &str, time: usize, clip: bool) -> Result<usize> {
        let (low, high) = self.bounds();
        let n = self.values.len();
        let margin = 0.5 * if n > 1 { (high - low) / (n - 1) as f64 } else { 0.0 };
        if !number.is_finite() {
            return Err(
                Error::input(format!("{what} at time {time} must be a finite number, got {number}")).hint("drop or fill that year first")
            );
        }
        if !clip && !(low - margin..=high + margin).contains(&number) {
            return Err(Error::input(format!("{what} at time {time} must be on the grid from {low} to {high}, got {number}"))
                .hint("use a wider grid, or clip=True to take the nearest end"));
        }
        Ok(nearest(&self.values, number / self.unit))
    }
}

/// Certified comparison of all quotas at one belief.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Recommended action.
    pub action: usize,
    /// Lower bounds of the value of each action now and the best plan after it (actions).
    pub lower: Array1<f64>,
    /// Upper bounds of the same (actions).
    pub upper: Array1<f64>,
    /// Each action loses at least this against the best (actions).
    pub loss_at_least: Array1<f64>,
    /// Each action loses at most this against the best (actions).
    pub loss_at_most: Array1<f64>,
}

/// How the advice would change without one of the surveys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// Position of the survey in the series, from 0.
    pub time: usize,
    /// Recommended quota without it, in the user's unit.
    pub quota_without: f64,
    /// Expected stock without it, in the user's unit.
    pub mean_without: f64,
}

/// The next quota and its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Recommended quota in the user's unit.
    pub quota: f64,
    /// Expected stock now, in the user's unit.
    pub mean_stock: f64,
    /// Belief about the stock now (states).
    pub belief: Array1<f64>,
    /// Certified comparison of all quotas.
    pub advice: Advice,
    /// What every survey contributes, in the order of the series.
    pub influence: Vec<Influence>,
}

/// A belief followed through a series of surveys and catches.
#[derive(Clone)]
pub struct SurveyBelief<'p> {
    policy: &'p AlphaPolicy,
    belief: Array1<f64>,
    time: usize,
    action: usize,
}

impl<'p> SurveyBelief<'p> {
    /// Starts at the prior of the problem, before the first survey.
    pub fn new(policy: &'p AlphaPolicy) -> Self {
        Self { policy, belief: policy.pomdp().prior().clone(), time: 0, action: 0 }
    }

    /// The belief now.
    pub fn belief(&self) -> ArrayView1<'_, f64> {
        self.belief.view()
    }

    /// Takes in the survey of this year.
    ///
    /// # Errors
    /// When the survey is impossible under the belief.
    pub fn observe(&mut self, observation: usize) -> Result<()> {
        let Some((belief, _)) = self.policy.pomdp().condition(self.belief.clone(), self.action, observation) else {
            return Err(Error::input(format!("the survey at time {} has likelihood 0 under the model and the past", self.time))
                .hint("use a larger sigma_m or sigma_g, or check that year's record"));
        };
        self.belief = belief;
        Ok(())
    }

    /// Moves the belief to the next year by the harvest of this one.
    pub fn harvest(&mut self, action: usize) {
        self.belief = self.policy.pomdp().predict(self.belief.view(), action);
        self.action = action;
        self.time += 1;
    }
}

impl AlphaPolicy {
    /// Tells the policy what its grid positions mean.
    ///
    /// # Errors
    /// When the number of values is not that of the states, actions and observations.
    pub fn with_scale(mut self, scale: QuotaScale) -> Result<Self> {
        let n = scale.values.len();
        let shape = (self.pomdp().n_states(), self.pomdp().n_actions(), self.pomdp().n_observations());
        if shape != (n, n, n) {
            return Err(Error::parameter("values", format!("one for each of the states, actions and observations {shape:?}"), n));
        }
        self.scale = Some(scale);
        Ok(self)
    }

    /// What grid positions mean, where that is known.
    pub fn scale(&self) -> Option<&QuotaScale> {
        self.scale.as_ref()
    }

    /// The scale, or an error that says how to get one.
    pub(crate) fn known_scale(&self) -> Result<&QuotaScale> {
        self.scale.as_ref().ok_or_else(|| {
            Error::model("the policy does not know the values of its grid").hint("make it from a FisheryModel, or set the scale")
        })
    }

    /// Certified comparison of all actions at a belief.
    ///
    /// # Errors
    /// When the belief has the wrong length, negative entries or no mass.
    pub fn advise(&self, belief: ArrayView1<'_, f64>) -> Result<Advice> {
        let (lower, upper) = self.q_bounds(belief)?;
        let best_lower = lower.fold(f64::NEG_INFINITY, |m, &v| m.max(v));
        let best_upper = upper.fold(f64::NEG_INFINITY, |m, &v| m.max(v));
        Ok(Advice {
            action: self.action(belief)?,
            loss_at_least: upper.mapv(|u| (best_lower - u).max(0.0)),
            loss_at_most: lower.mapv(|l| (best_upper - l).max(0.0)),
            lower,
            upper,
        })
    }

    /// The next quota from the surveys and catches of past years, in the user's unit.
    ///
    /// `observations[t]` is the survey of year t and `actions[t]` the catch taken after it. With one catch fewer than surveys the quota is
    /// for the year of the last survey; with as many, it is for the year after, before its survey. The first survey meets the prior.
    ///
    /// # Errors
    /// Series whose lengths do not fit, a number outside the grid (unless `clip`), a survey that the model holds impossible (the message names
    /// the time), or a policy without a scale.
    pub fn recommend(&self, observations: &[f64], actions: &[f64], clip: bool, ctx: &mut Context) -> Result<Recommendation> {
        self.recommend_in(self.known_scale()?, observations, actions, clip, ctx)
    }

    /// The same for series in the unit of another scale on the same grid.
    ///
    /// # Errors
    /// As [`AlphaPolicy::recommend`].
    pub fn recommend_in(
        &self,
        scale: &QuotaScale,
        observations: &[f64],
        actions: &[f64],
        clip: bool,
        ctx: &mut Context,
    ) -> Result<Recommendation> {
        if observations.is_empty() || (actions.len() != observations.len() && actions.len() + 1 != observations.len()) {
            let (n, m) = (observations.len(), actions.len());
            return Err(Error::input(format!("there must be as many catches as surveys or one fewer, got {m} catches and {n} surveys")));
        }
        for (t, (&survey, &catch)) in observations.iter().zip(actions).enumerate() {
            if catch > survey {
                ctx.warn(format!("the catch at time {t} ({catch}) is larger than the surveyed stock ({survey})"));
            }
        }
        let place = |series: &[f64], what: &str| -> Result<Vec<usize>> {
            series.iter().enumerate().map(|(t, &x)| scale.position(x, what, t, clip)).collect()
        };
        let (z, a) = (place(observations, "the survey")?, place(actions, "the catch")?);
        let belief = self.belief_after(&z, &a, None)?;
        let advice = self.advise(belief.view())?;
        let influence = (0..z.len()).map(|t| self.influence(&z, &a, t, scale)).collect::<Result<Vec<_>>>()?;
        let mean_stock = belief.dot(&scale.values) * scale.unit;
        Ok(Recommendation { quota: scale.value(advice.action), mean_stock, belief, advice, influence })
    }

    /// Belief after a series of grid positions, leaving one survey out where asked.
    fn belief_after(&self, observations: &[usize], actions: &[usize], left_out: Option<usize>) -> Result<Array1<f64>> {
        let mut follower = SurveyBelief::new(self);
        for (t, &z) in observations.iter().enumerate() {
            if left_out != Some(t) {
                follower.observe(z)?;
            }
            if let Some(&a) = actions.get(t) {
                follower.harvest(a);
            }
        }
        Ok(follower.belief)
    }

    fn influence(&self, observations: &[usize], actions: &[usize], time: usize, scale: &QuotaScale) -> Result<Influence> {
        let belief = self.belief_after(observations, actions, Some(time))?;
        let quota_without = scale.value(self.act(belief.view()));
        Ok(Influence { time, quota_without, mean_without: belief.dot(&scale.values) * scale.unit })
    }
}
