//! Rules that look at the last survey only: their quotas, and what they do to the stock, exactly.

use super::{MODEL, Problem, example_model, read_problem};
use crate::ecological_pomdp::fishery::{FisheryModel, nearest};
use crate::ecological_pomdp::mdp::solve_mdp;
use crate::ecological_pomdp::params::{RuleKind, RuleOfThumb};
use crate::ecological_pomdp::rules::{ExactEvaluation, StaticRule, evaluate_exact};
use elinvar_core::{Bundle, Checked, Column, Context, Error, Field, Input, Measurement, Output, Result, Shape, Table};
use ndarray::Array1;

/// A fishery, surveys to answer, and perhaps a table of quotas of the user's own.
pub(crate) struct ToRule {
    problem: Problem,
    surveys: Option<Array1<f64>>,
    table: Option<Table>,
}

impl Input<'_> for ToRule {
    const FIELDS: &'static [Field] = &[
        MODEL,
        Field::new("observations", Shape::Vector, "surveys to answer with a quota (n,), in grid units").optional(),
        Field::new("quota_table", Shape::Table, "for the rule 'table': columns observation and quota, in grid units").optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let surveys = bundle.get("observations").map(|_| bundle.vector("observations").map(|v| v.into_owned())).transpose()?;
        let table = bundle.get("quota_table").map(|_| bundle.table("quota_table")).transpose()?;
        Ok(Self { problem: read_problem(bundle)?, surveys, table })
    }
}

/// A rule on a model.
pub(crate) struct Ruled {
    grid: Array1<f64>,
    rule: StaticRule,
    surveys: Option<Array1<f64>>,
    exact: ExactEvaluation,
}

impl Output for Ruled {
    const FIELDS: &'static [Field] = &[
        Field::new("npv", Shape::Scalar, "expected discounted reward from x0, exact"),
        Field::new("late_stock", Shape::Scalar, "expected stock over the later half of the decisions, in grid units"),
        Field::new("survival", Shape::Scalar, "probability that the stock is not extinct at the last decision"),
        Field::new("quotas", Shape::Vector, "quota after each of the surveys given (n,), in grid units").optional(),
        Field::new("rule", Shape::Table, "observation and quota of every grid point, in grid units"),
        Field::new("path", Shape::Table, "time, expected stock (grid units) and extinction probability at each decision"),
        Field::new("values", Shape::Vector, "expected discounted reward from every state over an infinite time (n_states,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let Self { grid, rule, surveys, exact } = self;
        let times = 1..=exact.mean_stock.len() as i64;
        let quotas = Table::new()
            .with("observation", Column::Number(grid.to_vec()))
            .and_then(|t| t.with("quota", Column::Number(rule.quotas.iter().map(|&a| grid[a]).collect())))
            .unwrap_or_default();
        let path = Table::new()
            .with("time", Column::Integer(times.collect()))
            .and_then(|t| t.with("stock", Column::Number(exact.mean_stock.to_vec())))
            .and_then(|t| t.with("extinction", Column::Number(exact.extinction.to_vec())))
            .unwrap_or_default();
        let mut found = Bundle::new()
            .with("npv", exact.npv)
            .with("late_stock", exact.late_stock)
            .with("survival", 1.0 - exact.extinction.last().copied().unwrap_or(0.0));
        if let Some(surveys) = surveys {
            found.insert("quotas", surveys.mapv(|y| rule.predict(&grid, y)));
        }
        found.with("rule", quotas).with("path", path).with("values", exact.values)
    }
}

/// `rule`.
pub(crate) struct RuleTask;

impl Measurement for RuleTask {
    const VERB: &'static str = "rule";
    const SUMMARY: &'static str = "quotas of a rule on the last survey, and its exact value, stock path and survival without simulation";
    type Params = RuleOfThumb;
    type Input<'a> = ToRule;
    type Output = Ruled;
    fn measure(params: &Checked<RuleOfThumb>, input: ToRule, ctx: &mut Context) -> Result<Ruled> {
        let kind = params.rule.unwrap_or(if input.table.is_some() { RuleKind::Table } else { RuleKind::ConstantEscapement });
        if input.table.is_some() && kind != RuleKind::Table {
            return Err(Error::input("a quota_table is only used by the rule 'table'").hint("set rule to 'table', or leave it out"));
        }
        let model = input.problem.fishery()?;
        let pomdp = &input.problem.pomdp;
        let grid = model.values();
        let rule = match kind {
            RuleKind::ConstantEscapement => StaticRule::constant_escapement(model)?,
            RuleKind::ConstantMortality => StaticRule::constant_mortality(model, params.factor)?,
            RuleKind::Mdp => StaticRule::mdp(&solve_mdp(pomdp, ctx)?),
            RuleKind::Table => from_table(model, input.table.as_ref())?,
        };
        if let Some(t) = input.surveys.iter().flatten().position(|y| !(*y >= 0.0 && y.is_finite())) {
            return Err(Error::input(format!("the survey at position {t} must be a number >= 0")).hint("give surveys in grid units"));
        }
        let start = nearest(&grid, params.x0.unwrap_or(model.k / 6.0));
        let exact = evaluate_exact(pomdp, &rule, grid.view(), start, params.t_max, params.paper_convention)?;
        Ok(Ruled { grid, rule, surveys: input.surveys, exact })
    }
    fn example() -> Bundle<'static> {
        let table = Table::new()
            .with("observation", Column::Number(vec![0.0, 0.5, 1.0, 2.0]))
            .and_then(|t| t.with("quota", Column::Number(vec![0.0, 0.1, 0.4, 1.0])))
            .unwrap_or_default();
        example_model().with("observations", vec![0.2, 0.9]).with("quota_table", table)
    }
}

/// The user's own rule: each grid point takes the quota of the nearest observation in the table.
fn from_table(model: &FisheryModel, table: Option<&Table>) -> Result<StaticRule> {
    let table =
        table.ok_or_else(|| Error::input("the rule 'table' needs a quota_table").hint("give a table with columns observation, quota"))?;
    let (observations, quotas) = (table.numbers("observation")?, table.numbers("quota")?);
    if observations.is_empty() {
        return Err(Error::input("quota_table must have at least 1 row, got 0"));
    }
    if let Some(row) = quotas.iter().position(|q| !(*q >= 0.0)) {
        return Err(Error::input(format!("column 'quota' must be >= 0, got {} in row {row}", quotas[row])));
    }
    let nearest_row = |y: f64| {
        let distance = |i: &usize| (observations[*i] - y).abs();
        (0..observations.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    };
    Ok(StaticRule::from_function("table", model, |y| quotas[nearest_row(y)]))
}
