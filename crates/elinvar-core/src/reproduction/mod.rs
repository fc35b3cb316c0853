//! Reproductions: trials and claims as data, one engine that runs them, one judge that reads them.

mod claim;
mod engine;
mod evidence;
mod figure;
mod judge;

pub use claim::{Aggregate, Cell, Claim, PaperFigure, Quantity, Rule, Scale, Source, Threshold};
pub use engine::{Claimed, Run, RunReport, Shard, Store, Study, collect, judged, open_trials, run, run_trial, run_trials, sabotage};
pub use evidence::{Environment, Evidence, Metrics, Outcome, Record, trial_key};
pub use figure::{Axis, Figure, Mark, Panel};
pub use judge::{Judgement, Part, Verdict, judge, judge_all};

use crate::context::Context;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The claims of a paper and the trials that decide them.
pub trait Reproduction: Send + Sync {
    /// One trial as plain data: data set, method or baseline, settings, seed. It serialises to a flat JSON object.
    type Trial: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Raised when a change of the code changes what trials measure; older evidence is then not mixed in.
    const VERSION: u32;
    /// The claims.
    fn claims(&self) -> Vec<Claim>;
    /// The trials of a scale.
    fn trials(&self, scale: Scale) -> Vec<Self::Trial>;
    /// Runs one trial: a pure function of its data.
    fn run(&self, trial: &Self::Trial, ctx: &mut Context) -> Result<Metrics>;
    /// The same trial with the method's idea taken out (no penalty, no belief update), or `None` where the trial is a baseline.
    ///
    /// The conformance suite runs these in place of the real ones; the claims must then fail.
    fn sabotaged(&self, trial: &Self::Trial) -> Option<Self::Trial>;
    /// Figures drawn from the evidence; the first shows the effect at a glance.
    fn figures(&self, evidence: &Evidence) -> Vec<Figure>;
    /// Where the reproduction differs from the paper, one sentence each.
    fn differences(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// A reproduction as the engine sees it: trials are JSON values.
pub trait DynReproduction: Send + Sync {
    /// See [`Reproduction::VERSION`].
    fn version(&self) -> u32;
    /// See [`Reproduction::claims`].
    fn claims(&self) -> Vec<Claim>;
    /// See [`Reproduction::trials`].
    fn trials(&self, scale: Scale) -> Trials;
    /// See [`Reproduction::run`].
    fn run(&self, trial: &Value, ctx: &mut Context) -> Result<Metrics>;
    /// See [`Reproduction::sabotaged`].
    fn sabotaged(&self, trial: &Value) -> Result<Option<Value>>;
    /// See [`Reproduction::figures`].
    fn figures(&self, evidence: &Evidence) -> Vec<Figure>;
    /// See [`Reproduction::differences`].
    fn differences(&self) -> Vec<&'static str>;
}

/// A list of trials, each made a JSON value when it is asked for: a million of them as values take more memory than all that they measure.
pub struct Trials {
    len: usize,
    at: Box<dyn Fn(usize) -> Result<Value> + Send + Sync>,
}

impl Trials {
    /// Number of trials.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The trial of a number below [`len`](Self::len).
    ///
    /// # Errors
    /// When it cannot be written as a JSON object.
    pub fn get(&self, index: usize) -> Result<Value> {
        (self.at)(index)
    }
}

fn to_value(trial: &impl Serialize) -> Result<Value> {
    match serde_json::to_value(trial) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(other) => Err(Error::internal(format!("a trial must serialise to an object, got {other}"))),
        Err(error) => Err(Error::internal(format!("a trial cannot be serialised: {error}"))),
    }
}

fn from_value<T: DeserializeOwned>(trial: &Value) -> Result<T> {
    T::deserialize(trial).map_err(|error| Error::input(format!("the trial {trial} is not one of this method: {error}")))
}

impl<R: Reproduction> DynReproduction for R {
    fn version(&self) -> u32 {
        R::VERSION
    }
    fn claims(&self) -> Vec<Claim> {
        Reproduction::claims(self)
    }
    fn trials(&self, scale: Scale) -> Trials {
        let trials = Reproduction::trials(self, scale);
        Trials { len: trials.len(), at: Box::new(move |index| to_value(&trials[index])) }
    }
    fn run(&self, trial: &Value, ctx: &mut Context) -> Result<Metrics> {
        Reproduction::run(self, &from_value(trial)?, ctx)
    }
    fn sabotaged(&self, trial: &Value) -> Result<Option<Value>> {
        Reproduction::sabotaged(self, &from_value(trial)?).as_ref().map(to_value).transpose()
    }
    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        Reproduction::figures(self, evidence)
    }
    fn differences(&self) -> Vec<&'static str> {
        Reproduction::differences(self)
    }
}
