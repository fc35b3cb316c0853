//! SARSOP: point-based value iteration with certified bounds (Kurniawati, Hsu and Lee 2008, doi 10.15607/RSS.2008.IV.009).
//!
//! Differences from the original that change the speed but not the certificates: actions are looked at lazily, in the order of their
//! upper bounds; bounds of the children are cached for each (belief, action) and raised with new vectors and points only; equal
//! beliefs are stored once; the sawtooth ratio is taken over the core of a belief, with an exact correction for its tail; the upper
//! bound also uses the initial vectors themselves, not only their corner values.

mod belief;
mod bins;
mod initial;
mod kernel;
mod points;
mod search;
mod tree;
mod vectors;

use super::policy::{AlphaPolicy, UpperBound};
use super::pomdp::Pomdp;
use elinvar_core::{Context, Error, Result, Status};
use schemars::JsonSchema;
use search::Search;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

pub(crate) use belief::Belief;
pub(crate) use initial::{UpperVectors, worst_value};
pub(crate) use kernel::{Joint, Kernel};
pub(crate) use points::Points;

/// The upper bound to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InitUpper {
    /// Value when the state is seen: cheapest, weakest.
    Mdp,
    /// Value when the state is seen from the next step on.
    Qmdp,
    /// Fast informed bound: value when the state is seen one step late.
    Fib,
}

/// One line of the solver's trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracePoint {
    /// Seconds since the start.
    pub time: f64,
    /// Lower bound at the first belief.
    pub lower: f64,
    /// Upper bound at the first belief.
    pub upper: f64,
    /// Living vectors.
    pub n_alpha: usize,
    /// Beliefs reached.
    pub n_beliefs: usize,
}

/// Settings of the solver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SarsopSolver {
    /// Gap between the bounds at the first belief at which the solver stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub precision: f64,
    /// Seconds after which it stops with what it has, a fifth of them for the initial bound at most; none means no limit of its own.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub max_time: Option<f64>,
    /// Bytes at which it stops with what it has.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub max_memory: f64,
    /// Trials after which it stops; none means no limit. Unlike a time limit this gives the same result on every machine.
    #[schemars(extend("minimum" = 1))]
    pub max_trials: Option<u64>,
    /// The upper bound to start from.
    pub init_upper: InitUpper,
    /// Share of the gap that a trial tries to remove.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub epsilon: f64,
    /// Share of a trial's slack at which a path ends.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub kappa: f64,
    /// Distance within which a vector that is nowhere the best is spared.
    #[schemars(extend("minimum" = 0.0))]
    pub delta: f64,
    /// Whether paths end early where similar beliefs promise no improvement.
    pub binning: bool,
}

impl Default for SarsopSolver {
    fn default() -> Self {
        Self {
            precision: 1e-3,
            max_time: Some(60.0),
            max_memory: 2e9,
            max_trials: None,
            init_upper: InitUpper::Fib,
            epsilon: 0.5,
            kappa: 0.5,
            delta: 0.1,
            binning: true,
        }
    }
}

impl SarsopSolver {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field that is out of range.
    pub fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f64| if value > 0.0 { Ok(()) } else { Err(Error::parameter(name, "> 0", value)) };
        positive("precision", self.precision)?;
        positive("max_memory", self.max_memory)?;
        positive("kappa", self.kappa)?;
        self.max_time.map_or(Ok(()), |t| positive("max_time", t))?;
        if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            return Err(Error::parameter("epsilon", "in (0, 1)", self.epsilon));
        }
        if !(self.delta >= 0.0) {
            return Err(Error::parameter("delta", ">= 0", self.delta));
        }
        Ok(())
    }

    /// Solves a problem from its prior.
    ///
    /// Reports (lower, upper, gap, n_alpha, n_beliefs) at every trial; uses the threads of `ctx`, on which the result does not
    /// depend. A time, memory or trial limit ends with the bounds reached so far and says so in the status.
    ///
    /// # Errors
    /// A parameter out of range, or cancellation.
    pub fn solve(&self, pomdp: &Pomdp, ctx: &mut Context) -> Result<AlphaPolicy> {
        self.check()?;
        let clock = Instant::now();
        let deadline = self.max_time.and_then(|t| Duration::try_from_secs_f64(t).ok()).and_then(|t| clock.checked_add(t));
        // A fifth of the time is the most that the initial bound may take.
        let bound_deadline = self.max_time.and_then(|t| Duration::try_from_secs_f64(0.2 * t).ok()).and_then(|t| clock.checked_add(t));
        let mut search = Search::new(pomdp, self, ctx, &|| is_past(bound_deadline))?;
        let mut trace = Vec::new();
        let mut n_trials = 0;
        let status = loop {
            trace.push(trace_point(&search, clock));
            self.report(&search, n_trials, ctx)?;
            let (lower, upper) = search.bounds();
            if upper - lower <= self.precision {
                break Status::Converged;
            }
            if let Some(status) = self.limit_reached(&search, n_trials, deadline, ctx) {
                break status;
            }
            let context = &*ctx;
            let stop = |bytes: u64| bytes as f64 > self.max_memory || is_past(deadline) || context.out_of_time();
            let outcome = context.install(|| search.trial(context, &stop));
            if !(outcome.is_err() && context.out_of_time()) {
                outcome?;
            }
            n_trials += 1;
        };
        let (lower, upper) = search.bounds();
        let outcome = search.finish();
        let bound = UpperBound::new(pomdp, outcome.upper, outcome.corners, outcome.points, 1e-3 * (upper - lower).max(self.precision));
        Ok(AlphaPolicy::new(pomdp.clone(), outcome.alphas, outcome.actions, Some(bound), lower, upper, trace, status, n_trials))
    }

    /// Progress of one trial; a passed time limit is answered by the caller.
    fn report(&self, search: &Search<'_>, n_trials: u64, ctx: &mut Context) -> Result<()> {
        if ctx.out_of_time() {
            return Ok(());
        }
        let (lower, upper) = search.bounds();
        let (vectors, beliefs) = (search.n_vectors() as f64, search.n_beliefs() as f64);
        let figures = [("lower", lower), ("upper", upper), ("gap", upper - lower), ("n_alpha", vectors), ("n_beliefs", beliefs)];
        ctx.tick(n_trials, self.max_trials.unwrap_or(0), &figures)
    }

    fn limit_reached(&self, search: &Search<'_>, n_trials: u64, deadline: Option<Instant>, ctx: &mut Context) -> Option<Status> {
        if is_past(deadline) || ctx.out_of_time() {
            return Some(Status::TimeLimit);
        }
        if search.bytes() as f64 > self.max_memory {
            ctx.warn(format!("the solver stopped at max_memory = {} bytes before it reached the precision", self.max_memory));
            return Some(Status::IterationLimit);
        }
        (self.max_trials.is_some_and(|limit| n_trials >= limit)).then_some(Status::IterationLimit)
    }
}

fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

fn trace_point(search: &Search<'_>, clock: Instant) -> TracePoint {
    let (lower, upper) = search.bounds();
    TracePoint { time: clock.elapsed().as_secs_f64(), lower, upper, n_alpha: search.n_vectors(), n_beliefs: search.n_beliefs() }
}
