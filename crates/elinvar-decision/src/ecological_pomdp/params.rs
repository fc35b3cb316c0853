//! Parameters of the tasks that are not those of a model or of the solver.

use super::fishery::{FisheryModel, HarvestOrder};
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

/// A rule that looks at the last survey only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Leave S* behind.
    ConstantEscapement,
    /// Take `factor` times F_MSY of the survey.
    ConstantMortality,
    /// The optimum of the problem without survey error.
    Mdp,
    /// The user's own table of quotas.
    Table,
}

/// Parameters of `rule`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleOfThumb {
    /// The rule; none for `table` where a table of quotas is given and for `constant_escapement` where it is not.
    pub rule: Option<RuleKind>,
    /// Share of F_MSY that constant mortality takes: 0.8 for the total allowable catch, 1 for MSY.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub factor: f64,
    /// Stock at the start in grid units; none for a sixth of the carrying capacity.
    #[schemars(extend("minimum" = 0.0))]
    pub x0: Option<f64>,
    /// Years; one decision fewer is taken.
    #[schemars(extend("minimum" = 2))]
    pub t_max: usize,
    /// Value as published: `t_max - 1` rewards, the first with the factor gamma; otherwise over an infinite time.
    pub paper_convention: bool,
}

impl Default for RuleOfThumb {
    fn default() -> Self {
        Self { rule: None, factor: 0.8, x0: None, t_max: 100, paper_convention: false }
    }
}

impl Params for RuleOfThumb {}

/// File format of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelFormat {
    /// Cassandra's text format.
    Pomdp,
    /// The XML format of APPL.
    #[default]
    Pomdpx,
}

/// Parameters of `convert`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Convert {
    /// File format to write.
    pub format: ModelFormat,
}

impl Params for Convert {}

/// Parameters of `fit-growth`: what the record does not say about the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FitGrowth {
    /// Whether the catch is taken before the stock grows or after.
    pub order: HarvestOrder,
    /// Standard deviation of the survey error of the model, in units of the largest survey.
    #[schemars(extend("minimum" = 0.0))]
    pub sigma_m: f64,
    /// Grid of the model: 0, upper end and number of points, in units of the largest survey.
    pub grid: (f64, f64, usize),
    /// Value of a unit of reward one year later, in (0, 1).
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub discount: f64,
}

impl FitGrowth {
    /// A model with everything but the growth.
    pub fn template(&self) -> FisheryModel {
        let Self { order, sigma_m, grid, discount } = *self;
        FisheryModel { order, sigma_m, grid, discount, ..FisheryModel::default() }
    }
}

impl Default for FitGrowth {
    fn default() -> Self {
        let FisheryModel { order, sigma_m, grid, discount, .. } = FisheryModel::default();
        Self { order, sigma_m, grid, discount }
    }
}

impl Params for FitGrowth {
    fn check_together(&self) -> Result<()> {
        self.template().check()
    }
}
