//! What a solved policy says: quotas from a record, actions at beliefs.

use crate::ecological_pomdp::params::Recommend;
use crate::ecological_pomdp::policy::{AlphaPolicy, QuotaScale, Recommendation};
use crate::ecological_pomdp::simulate::hindcast;
use elinvar_core::{Bundle, Checked, Column, Context, Error, Field, Input, NoParams, Operation, Output, Result, Shape, Table};
use ndarray::Array1;
use serde_json::json;

/// Surveys and catches by year.
pub(crate) struct Series {
    pub(super) observations: Vec<f64>,
    pub(super) actions: Vec<f64>,
}

impl Input<'_> for Series {
    const FIELDS: &'static [Field] = &[
        Field::columns("observations", Shape::Vector, "surveyed stock of each year (n,), in the unit that `unit` states").optional(),
        Field::columns("actions", Shape::Vector, "catch of each year (n,) or (n - 1,), in the same unit").optional(),
        Field::new("series", Shape::Table, "table with columns observation and action (or survey, biomass; catch, harvest) in their place")
            .optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        if bundle.get("series").is_none() {
            let actions = if bundle.get("actions").is_some() { bundle.vector("actions")?.to_vec() } else { Vec::new() };
            return Ok(Self { observations: bundle.vector("observations")?.to_vec(), actions });
        }
        let table = bundle.table("series")?;
        let find = |names: &[&'static str]| names.iter().find(|n| table.names().iter().any(|t| t == *n)).copied();
        let observations = find(&["observation", "observations", "survey", "biomass"]).ok_or_else(|| {
            Error::input("the series has no column 'observation', 'survey' or 'biomass'")
                .hint(format!("its columns are: {}", table.names().join(", ")))
        })?;
        let actions = find(&["action", "actions", "catch", "harvest"]).ok_or_else(|| {
            Error::input("the series has no column 'action', 'catch' or 'harvest'")
                .hint(format!("its columns are: {}", table.names().join(", ")))
        })?;
        let mut catches = table.column(actions)?.to_numbers().unwrap_or_default();
        // The last year's catch may still be unknown: it is what is asked for.
        if catches.last().is_some_and(|c| c.is_nan()) {
            catches.pop();
        }
        if let Some(row) = catches.iter().position(|c| !c.is_finite()) {
            return Err(Error::input(format!("column '{actions}' has a missing value in row {row}"))
                .hint("only the last year's catch may be missing"));
        }
        Ok(Self { observations: table.numbers(observations)?.to_vec(), actions: catches })
    }
}

fn example_series() -> Bundle<'static> {
    Bundle::new().with("observations", vec![0.9, 0.8, 0.85]).with("actions", vec![0.2, 0.2])
}

/// A recommendation with its bounds and reasons.
pub(crate) struct Advised {
    recommendation: Recommendation,
    scale: QuotaScale,
}

impl Output for Advised {
    const FIELDS: &'static [Field] = &[
        Field::new("quota", Shape::Scalar, "recommended quota, in the unit of the series"),
        Field::new("mean_stock", Shape::Scalar, "expected stock now, in the unit of the series"),
        Field::new("reason", Shape::Json, "the recommendation in plain words"),
        Field::new("quotas", Shape::Table, "every quota with certified bounds: quota, lower, upper, loss_at_least, loss_at_most"),
        Field::new("influence", Shape::Table, "what each survey contributes: time, quota_without, mean_without"),
        Field::new("belief", Shape::Vector, "probability of each state now (n_states,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let r = &self.recommendation;
        let n = r.advice.lower.len();
        let number = |v: &Array1<f64>| Column::Number(v.to_vec());
        let quotas = Table::new()
            .with("quota", Column::Number((0..n).map(|a| self.scale.value(a)).collect()))
            .and_then(|t| t.with("lower", number(&r.advice.lower)))
            .and_then(|t| t.with("upper", number(&r.advice.upper)))
            .and_then(|t| t.with("loss_at_least", number(&r.advice.loss_at_least)))
            .and_then(|t| t.with("loss_at_most", number(&r.advice.loss_at_most)))
            .unwrap_or_default();
        let influence = Table::new()
            .with("time", Column::Integer(r.influence.iter().map(|i| i.time as i64).collect()))
            .and_then(|t| t.with("quota_without", Column::Number(r.influence.iter().map(|i| i.quota_without).collect())))
            .and_then(|t| t.with("mean_without", Column::Number(r.influence.iter().map(|i| i.mean_without).collect())))
            .unwrap_or_default();
        Bundle::new()
            .with("quota", r.quota)
            .with("mean_stock", r.mean_stock)
            .with("reason", json!(reason(r)))
            .with("quotas", quotas)
            .with("influence", influence)
            .with("belief", self.recommendation.belief.clone())
    }
}

/// The recommendation in plain words: what the past says and which survey pulls the belief most.
fn reason(r: &Recommendation) -> String {
    let pull = r.influence.iter().max_by(|a, b| (a.mean_without - r.mean_stock).abs().total_cmp(&(b.mean_without - r.mean_stock).abs()));
    let strongest = match pull {
        Some(i) => {
            let direction = if i.mean_without > r.mean_stock { "lowers" } else { "raises" };
            format!(
                "; the survey at time {} {direction} the expected stock most (without it {:.4}, and the quota would be {:.4})",
                i.time, i.mean_without, i.quota_without
            )
        }
        None => String::new(),
    };
    format!("take {:.4} from an expected stock of {:.4}{strongest}", r.quota, r.mean_stock)
}

fn in_unit(policy: &AlphaPolicy, unit: f64) -> Result<QuotaScale> {
    QuotaScale::new(policy.known_scale()?.values.clone(), unit)
}

/// `recommend`.
pub(crate) struct RecommendTask;

impl Operation for RecommendTask {
    const VERB: &'static str = "recommend";
    const SUMMARY: &'static str = "the next quota from past surveys and catches, with certified bounds and reasons";
    type Params = Recommend;
    type Model = AlphaPolicy;
    type Input<'a> = Series;
    type Output = Advised;
    fn apply(params: &Checked<Recommend>, policy: &AlphaPolicy, input: Series, ctx: &mut Context) -> Result<Advised> {
        let scale = in_unit(policy, params.unit)?;
        let recommendation = policy.recommend_in(&scale, &input.observations, &input.actions, params.clip, ctx)?;
        Ok(Advised { recommendation, scale })
    }
    fn example() -> Bundle<'static> {
        example_series()
    }
}

/// What would have been recommended.
pub(crate) struct Hindsight(Table);

impl Output for Hindsight {
    const FIELDS: &'static [Field] =
        &[Field::new("hindcast", Shape::Table, "time, observation, action, recommended (missing in the first year)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("hindcast", self.0)
    }
}

/// `hindcast`.
pub(crate) struct HindcastTask;

impl Operation for HindcastTask {
    const VERB: &'static str = "hindcast";
    const SUMMARY: &'static str = "what the policy would have recommended in each year of a record";
    type Params = Recommend;
    type Model = AlphaPolicy;
    type Input<'a> = Series;
    type Output = Hindsight;
    fn apply(params: &Checked<Recommend>, policy: &AlphaPolicy, input: Series, _: &mut Context) -> Result<Hindsight> {
        let scale = in_unit(policy, params.unit)?;
        let years = input.observations.len().min(input.actions.len());
        let place = |series: &[f64], what: &str| -> Result<Vec<usize>> {
            series[..years].iter().enumerate().map(|(t, &x)| scale.position(x, what, t, params.clip)).collect()
        };
        let advice = hindcast(policy, &place(&input.observations, "the survey")?, &place(&input.actions, "the catch")?)?;
        let recommended = advice.iter().map(|a| a.map_or(f64::NAN, |a| scale.value(a))).collect();
        Ok(Hindsight(
            Table::new()
                .with("time", Column::Integer((0..years as i64).collect()))?
                .with("observation", Column::Number(input.observations[..years].to_vec()))?
                .with("action", Column::Number(input.actions[..years].to_vec()))?
                .with("recommended", Column::Number(recommended))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example_series()
    }
}

/// A belief.
pub(crate) struct Belief(Array1<f64>);

impl Input<'_> for Belief {
    const FIELDS: &'static [Field] = &[Field::new("belief", Shape::Vector, "probability of each state (n_states,)")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(bundle.vector("belief")?.into_owned()))
    }
}

/// A decision at a belief.
pub(crate) struct Decision {
    action: usize,
    lower: f64,
    upper: f64,
    q: Array1<f64>,
}

impl Output for Decision {
    const FIELDS: &'static [Field] = &[
        Field::new("action", Shape::Scalar, "index of the best action"),
        Field::new("lower", Shape::Scalar, "lower bound of the value of the belief"),
        Field::new("upper", Shape::Scalar, "upper bound of the value of the belief").optional(),
        Field::new("q", Shape::Vector, "lower bound of the value of each action (n_actions,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let bundle = Bundle::new().with("action", self.action as f64).with("lower", self.lower);
        let bundle = if self.upper.is_finite() { bundle.with("upper", self.upper) } else { bundle };
        bundle.with("q", self.q)
    }
}

/// `act`.
pub(crate) struct ActTask;

impl Operation for ActTask {
    const VERB: &'static str = "act";
    const SUMMARY: &'static str = "the best action at a belief, with bounds of its value";
    type Params = NoParams;
    type Model = AlphaPolicy;
    type Input<'a> = Belief;
    type Output = Decision;
    fn apply(_: &Checked<NoParams>, policy: &AlphaPolicy, Belief(belief): Belief, _: &mut Context) -> Result<Decision> {
        let belief = belief.view();
        Ok(Decision {
            action: policy.action(belief)?,
            lower: policy.value(belief)?,
            upper: policy.upper_value(belief)?,
            q: policy.q(belief)?,
        })
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("belief", vec![1.0 / 21.0; 21])
    }
}

/// A belief before the next survey, and the harvest that went before it.
pub(crate) struct Outlook {
    prior: Array1<f64>,
    previous: Option<f64>,
}

impl Input<'_> for Outlook {
    const FIELDS: &'static [Field] = &[
        Field::new("prior", Shape::Vector, "belief before the survey (n_states,)"),
        Field::new("previous_action", Shape::Scalar, "index of the action that moves it first; none where it is the belief now").optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let previous = bundle.get("previous_action").map(|_| bundle.scalar("previous_action")).transpose()?;
        Ok(Self { prior: bundle.vector("prior")?.into_owned(), previous })
    }
}

/// What to do after every possible survey.
pub(crate) struct Plan(Table);

impl Output for Plan {
    const FIELDS: &'static [Field] = &[Field::new(
        "policy",
        Shape::Table,
        "observation and action of every survey (index; action missing where the survey cannot occur), and survey and quota in grid units",
    )];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("policy", self.0)
    }
}

/// `policy-given-observation`.
pub(crate) struct PlanTask;

impl Operation for PlanTask {
    const VERB: &'static str = "policy-given-observation";
    const SUMMARY: &'static str = "the best action after every possible survey, from a belief before it";
    type Params = NoParams;
    type Model = AlphaPolicy;
    type Input<'a> = Outlook;
    type Output = Plan;
    fn apply(_: &Checked<NoParams>, policy: &AlphaPolicy, input: Outlook, _: &mut Context) -> Result<Plan> {
        let previous = match input.previous {
            Some(a) if a < 0.0 || a.fract() != 0.0 => return Err(Error::parameter("previous_action", "an index >= 0", a)),
            previous => previous.map(|a| a as usize),
        };
        let actions = policy.policy_given_observation(input.prior.view(), previous)?;
        let number = |a: &Option<usize>| a.map_or(f64::NAN, |a| a as f64);
        let table = Table::new()
            .with("observation", Column::Integer((0..actions.len() as i64).collect()))?
            .with("action", Column::Number(actions.iter().map(number).collect()))?;
        let Some(scale) = policy.scale().filter(|s| s.values.len() == actions.len()) else { return Ok(Plan(table)) };
        let quota = |a: &Option<usize>| a.map_or(f64::NAN, |a| scale.value(a));
        let table = table.with("survey", Column::Number(scale.values.to_vec()))?;
        Ok(Plan(table.with("quota", Column::Number(actions.iter().map(quota).collect()))?))
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("prior", vec![1.0 / 21.0; 21]).with("previous_action", 2.0)
    }
}
