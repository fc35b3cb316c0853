//! Parameters of the tasks that are not those of a model or of the solver.

use super::fishery::FisheryModel;
use super::solver::SarsopSolver;
use elinvar_core::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

impl Params for FisheryModel {
    fn check_together(&self) -> Result<()> {
        self.check()
    }
}

impl Params for SarsopSolver {
    fn check_together(&self) -> Result<()> {
        self.check()
    }
}

/// Parameters of `recommend` and `hindcast`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recommend {
    /// What 1 on the model's grid means in the unit of the series, for example the largest recorded biomass in tonnes.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub unit: f64,
    /// Whether numbers outside the grid are taken to its nearest end.
    pub clip: bool,
}

impl Default for Recommend {
    fn default() -> Self {
        Self { unit: 1.0, clip: false }
    }
}

impl Params for Recommend {}

/// Parameters of `simulate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Simulate {
    /// State at the start, as a number on the grid; none for the lowest state.
    #[schemars(extend("minimum" = 0.0))]
    pub x0: Option<f64>,
    /// Years; one decision fewer is taken, as in the paper's t = 1..99.
    #[schemars(extend("minimum" = 2))]
    pub t_max: usize,
    /// Independent replicates.
    #[schemars(extend("minimum" = 1))]
    pub n_reps: usize,
    /// Start as published: the prior moves once before the first survey, and the first reward has the factor gamma.
    pub paper_convention: bool,
}

impl Default for Simulate {
    fn default() -> Self {
        Self { x0: None, t_max: 100, n_reps: 100, paper_convention: false }
    }
}

impl Params for Simulate {}

/// A rule that `compare` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Constant escapement.
    Ce,
    /// 80 % of F_MSY.
    Tac,
    /// F_MSY.
    Msy,
    /// The optimum of the problem without survey error.
    Mdp,
    /// The policy of this method.
    Pomdp,
}

/// Parameters of `compare` and of `survey-value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compare {
    /// Rules to compare.
    pub policies: Vec<Policy>,
    /// Stock at the start in grid units; none for a sixth of the carrying capacity.
    #[schemars(extend("minimum" = 0.0))]
    pub x0: Option<f64>,
    /// Years; one decision fewer is taken.
    #[schemars(extend("minimum" = 2))]
    pub t_max: usize,
    /// Replicates of the simulated policy; static rules are evaluated exactly.
    #[schemars(extend("minimum" = 2))]
    pub n_reps: usize,
    /// Gap between the bounds at which the solver stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub precision: f64,
    /// Seconds after which the solver stops; none for no limit.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub max_time: Option<f64>,
    /// Start as published: the prior moves once before the first survey, and the first reward has the factor gamma.
    pub paper_convention: bool,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            policies: vec![Policy::Ce, Policy::Tac, Policy::Msy, Policy::Pomdp],
            x0: None,
            t_max: 100,
            n_reps: 1000,
            precision: 0.02,
            max_time: Some(60.0),
            paper_convention: false,
        }
    }
}

impl Params for Compare {
    fn check_together(&self) -> Result<()> {
        if self.policies.is_empty() {
            return Err(Error::parameter("policies", "a list of at least one rule", "an empty list"));
        }
        Ok(())
    }
}

/// Parameters of `survey-value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SurveyCurve {
    /// Standard deviations of the survey error to price.
    #[schemars(inner(range(min = 0.0)))]
    pub sigmas: Vec<f64>,
    /// Gap between the bounds at which the solver stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub precision: f64,
    /// Seconds a solve; none for no limit.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub max_time: Option<f64>,
}

impl Default for SurveyCurve {
    fn default() -> Self {
        Self { sigmas: vec![0.0, 0.05, 0.1, 0.15, 0.2], precision: 0.05, max_time: Some(60.0) }
    }
}

impl Params for SurveyCurve {}
