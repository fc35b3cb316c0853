//! What a better survey is worth: the value of the stock as a function of the survey error.

use super::fishery::FisheryModel;
use super::pomdp::check_prior;
use super::rules::{StaticRule, evaluate_exact};
use super::solver::SarsopSolver;
use elinvar_core::{Context, Result};
use ndarray::Array1;

/// Values at one survey error, all with a survey before the first quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurveyValue {
    /// Standard deviation of the survey error.
    pub sigma_m: f64,
    /// Lower bound of the best possible value.
    pub lower: f64,
    /// Upper bound of the best possible value.
    pub upper: f64,
    /// Exact value of constant escapement.
    pub constant_escapement: f64,
    /// Exact value of 80 % of F_MSY.
    pub tac: f64,
}

/// Solves the model for each survey error and evaluates the static rules beside it, from a prior over states (uniform without one).
///
/// # Errors
/// A model, prior or solver setting out of range, or cancellation.
pub fn survey_values(
    model: &FisheryModel,
    sigmas: &[f64],
    prior: Option<&Array1<f64>>,
    solver: &SarsopSolver,
    ctx: &mut Context,
) -> Result<Vec<SurveyValue>> {
    let grid = model.values();
    let prior = check_prior(prior.cloned().unwrap_or_else(|| Array1::ones(grid.len())), grid.len())?;
    let one = |&sigma_m: &f64| -> Result<SurveyValue> {
        let model = FisheryModel { sigma_m, ..model.clone() };
        let pomdp = model.to_pomdp()?.with_prior(prior.clone())?;
        let policy = solver.solve(&pomdp, ctx)?;
        let (lower, upper) = policy.value_after_survey(prior.view())?;
        let value = |rule: &StaticRule| Ok(evaluate_exact(&pomdp, rule, grid.view(), 0, 2, false)?.values.dot(&prior));
        let constant_escapement = value(&StaticRule::constant_escapement(&model)?)?;
        let tac = value(&StaticRule::constant_mortality(&model, 0.8)?)?;
        Ok(SurveyValue { sigma_m, lower, upper, constant_escapement, tac })
    };
    sigmas.iter().map(one).collect()
}
