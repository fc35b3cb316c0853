//! Simulation of policies on a stock that is seen through noise, and their hindcast on a recorded series.

use super::policy::{AlphaPolicy, SurveyBelief};
use super::pomdp::{Observation, Pomdp};
use super::rules::StaticRule;
use elinvar_core::{Context, Error, Result};
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};
use rand::RngExt;
use rayon::prelude::*;

/// Settings of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationOptions {
    /// State at the start.
    pub start: usize,
    /// `t_max - 1` decisions are taken, as in the paper's t = 1..99.
    pub t_max: usize,
    /// Independent replicates.
    pub n_reps: usize,
    /// Surveys are drawn from this instead of the policy's own observation matrix: the policy assumes another error than there is.
    pub true_observation: Option<Observation>,
    /// As published: the prior is moved once by harvest 0 before the first survey and the first reward carries the factor gamma.
    pub paper_convention: bool,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self { start: 0, t_max: 100, n_reps: 100, true_observation: None, paper_convention: false }
    }
}

/// Outcome of the replicates.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Discounted sum of rewards (replicates).
    pub npv: Array1<f64>,
    /// State at each decision (replicates, decisions).
    pub states: Array2<u32>,
    /// Actions (replicates, decisions).
    pub actions: Array2<u32>,
    /// Surveys (replicates, decisions).
    pub observations: Array2<u32>,
    /// Surveys that the policy's own model held impossible; the belief then kept its prediction.
    pub n_impossible: u64,
}

impl Simulation {
    /// Mean discounted reward.
    pub fn mean_npv(&self) -> f64 {
        self.npv.sum() / self.npv.len() as f64
    }

    /// Standard deviation of the discounted reward over replicates.
    pub fn sd_npv(&self) -> f64 {
        self.npv.std(1.0)
    }

    /// Share of replicates in state 0 at each decision.
    pub fn extinction(&self) -> Array1<f64> {
        self.states.map_axis(Axis(0), |column| column.iter().filter(|s| **s == 0).count() as f64 / column.len() as f64)
    }

    /// Mean stock over the later half of the decisions and all replicates.
    pub fn late_stock(&self, state_values: ArrayView1<'_, f64>) -> f64 {
        let late = self.states.slice_axis(Axis(1), Slice::from(self.states.ncols() / 2..));
        late.iter().map(|&s| state_values[s as usize]).sum::<f64>() / late.len() as f64
    }
}

/// Chooses actions from surveys within one replicate.
trait Actor {
    /// Action after a survey.
    fn act(&mut self, observation: usize) -> usize;
}

struct RuleActor<'r>(&'r StaticRule);

impl Actor for RuleActor<'_> {
    fn act(&mut self, observation: usize) -> usize {
        self.0.quotas[observation]
    }
}

struct BeliefActor<'p> {
    policy: &'p AlphaPolicy,
    /// Belief before the next survey.
    belief: Array1<f64>,
    action: usize,
    n_impossible: u64,
}

impl<'p> BeliefActor<'p> {
    fn new(policy: &'p AlphaPolicy, paper_convention: bool) -> Self {
        let prior = policy.pomdp().prior();
        let belief = if paper_convention { policy.pomdp().predict(prior.view(), 0) } else { prior.clone() };
        Self { policy, belief, action: 0, n_impossible: 0 }
    }
}

impl Actor for BeliefActor<'_> {
    fn act(&mut self, observation: usize) -> usize {
        let pomdp = self.policy.pomdp();
        match pomdp.condition(self.belief.clone(), self.action, observation) {
            Some((posterior, _)) => self.belief = posterior,
            None => self.n_impossible += 1,
        }
        self.action = self.policy.act(self.belief.view());
        self.belief = pomdp.predict(self.belief.view(), self.action);
        self.action
    }
}

/// Simulates a belief policy. Replicate `i` uses the stream `("replicate", i)` of `ctx`, so results do not depend on threads.
///
/// In each year: survey, decide, earn, move.
///
/// # Errors
/// When an option does not fit the problem, or cancellation.
pub fn simulate(policy: &AlphaPolicy, options: &SimulationOptions, ctx: &mut Context) -> Result<Simulation> {
    let actor = || BeliefActor::new(policy, options.paper_convention);
    run(policy.pomdp(), options, ctx, actor, |actor| actor.n_impossible)
}

/// Simulates a static rule under the same streams of random numbers as [`simulate`].
///
/// # Errors
/// As [`simulate`].
pub fn simulate_rule(pomdp: &Pomdp, rule: &StaticRule, options: &SimulationOptions, ctx: &mut Context) -> Result<Simulation> {
    if rule.quotas.len() != pomdp.n_observations() || rule.quotas.iter().any(|&a| a >= pomdp.n_actions()) {
        return Err(Error::input(format!("rule '{}' does not fit the problem's observations and actions", rule.name)));
    }
    run(pomdp, options, ctx, || RuleActor(rule), |_| 0)
}

/// One replicate's record.
struct Replicate {
    npv: f64,
    states: Vec<u32>,
    actions: Vec<u32>,
    observations: Vec<u32>,
    n_impossible: u64,
}

fn run<A: Actor>(
    pomdp: &Pomdp,
    options: &SimulationOptions,
    ctx: &mut Context,
    actor: impl Fn() -> A + Sync,
    impossible: impl Fn(&A) -> u64 + Sync,
) -> Result<Simulation> {
    let truth = match &options.true_observation {
        Some(observation) => pomdp.clone().with_observation(observation.clone())?,
        None => pomdp.clone(),
    };
    check(&truth, pomdp, options)?;
    ctx.tick(0, options.n_reps as u64, &[])?;
    let context = &*ctx;
    let replicates: Result<Vec<Replicate>> = context.install(|| {
        (0..options.n_reps)
            .into_par_iter()
            .map(|i| {
                context.check()?;
                let mut actor = actor();
                let mut record = replicate(&truth, options, context, i, &mut actor);
                record.n_impossible = impossible(&actor);
                Ok(record)
            })
            .collect()
    });
    Ok(collect(&replicates?, options))
}

fn check(truth: &Pomdp, pomdp: &Pomdp, options: &SimulationOptions) -> Result<()> {
    if options.start >= pomdp.n_states() {
        return Err(Error::parameter("start", format!("a state below {}", pomdp.n_states()), options.start));
    }
    if options.t_max < 2 {
        return Err(Error::parameter("t_max", ">= 2", options.t_max));
    }
    if options.n_reps == 0 {
        return Err(Error::parameter("n_reps", ">= 1", 0));
    }
    if truth.n_observations() != pomdp.n_observations() {
        let (expected, got) = (pomdp.n_observations(), truth.n_observations());
        return Err(Error::parameter("true_observation", format!("a matrix with {expected} observations"), got));
    }
    Ok(())
}

fn replicate(truth: &Pomdp, options: &SimulationOptions, ctx: &Context, index: usize, actor: &mut dyn Actor) -> Replicate {
    let mut random = ctx.stream(&[("replicate", index as u64)]);
    let mut record = Replicate { npv: 0.0, states: Vec::new(), actions: Vec::new(), observations: Vec::new(), n_impossible: 0 };
    let mut state = options.start;
    let mut factor = if options.paper_convention { truth.discount() } else { 1.0 };
    let mut action = 0;
    for _ in 1..options.t_max {
        let observation = draw(truth.observation_row(action, state).view(), random.random());
        action = actor.act(observation);
        record.npv += factor * truth.reward()[[state, action]];
        factor *= truth.discount();
        record.states.push(state as u32);
        state = draw(truth.transition_row(action, state).view(), random.random());
        record.actions.push(action as u32);
        record.observations.push(observation as u32);
    }
    record
}

/// The outcome at quantile `u` of a distribution.
fn draw(distribution: ArrayView1<'_, f64>, u: f64) -> usize {
    let mut below = 0.0;
    let mut last = 0;
    for (i, &p) in distribution.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        below += p;
        last = i;
        if u < below {
            return i;
        }
    }
    last
}

fn collect(replicates: &[Replicate], options: &SimulationOptions) -> Simulation {
    let table = |column: fn(&Replicate) -> &Vec<u32>, width: usize| {
        let mut out = Array2::zeros((replicates.len(), width));
        out.outer_iter_mut().zip(replicates).for_each(|(mut row, r)| row.iter_mut().zip(column(r)).for_each(|(t, &v)| *t = v));
        out
    };
    Simulation {
        npv: replicates.iter().map(|r| r.npv).collect(),
        states: table(|r| &r.states, options.t_max - 1),
        actions: table(|r| &r.actions, options.t_max - 1),
        observations: table(|r| &r.observations, options.t_max - 1),
        n_impossible: replicates.iter().map(|r| r.n_impossible).sum(),
    }
}

/// What a policy would have recommended each year of a recorded series of grid positions (years).
///
/// The belief moves with the recorded, not the recommended, harvest. The first year gives no recommendation.
///
/// # Errors
/// Series of different lengths, a position out of range, or a survey that the model holds impossible.
pub fn hindcast(policy: &AlphaPolicy, observations: &[usize], actions: &[usize]) -> Result<Vec<Option<usize>>> {
    if observations.len() != actions.len() {
        let (n, m) = (observations.len(), actions.len());
        return Err(Error::input(format!("there must be as many recorded catches as surveys, got {m} and {n}")));
    }
    if let Some(t) = observations.iter().position(|&z| z >= policy.pomdp().n_observations()) {
        return Err(Error::input(format!(
            "the survey at time {t} must be below {}, got {}",
            policy.pomdp().n_observations(),
            observations[t]
        )));
    }
    if let Some(t) = actions.iter().position(|&a| a >= policy.pomdp().n_actions()) {
        return Err(Error::input(format!("the catch at time {t} must be below {}, got {}", policy.pomdp().n_actions(), actions[t])));
    }
    let mut follower = SurveyBelief::new(policy);
    let mut advice = Vec::with_capacity(observations.len());
    for (t, (&z, &a)) in observations.iter().zip(actions).enumerate() {
        if t == 0 {
            // The first year's survey is only the starting point of the record: as published, the belief starts with the harvest
            // after it.
            advice.push(None);
        } else {
            follower.observe(z)?;
            advice.push(Some(policy.act(follower.belief())));
        }
        follower.harvest(a);
    }
    Ok(advice)
}
