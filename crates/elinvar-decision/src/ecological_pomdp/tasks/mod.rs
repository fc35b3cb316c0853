//! The tasks: thin adapters between named inputs and the typed API.

mod convert;
mod rules;

pub(crate) use convert::{ConvertTask, ExportTask, FitGrowthTask, ImportTask};
pub(crate) use rules::RuleTask;

use super::data::named_problem;
use super::fishery::{FisheryModel, nearest};
use super::formats::{read_cassandra, read_fishery_toml, read_pomdpx};
use super::mdp::solve_mdp;
use super::params::{Compare, Policy, Recommend, Simulate, SurveyCurve};
use super::policy::{AlphaPolicy, PolicyParts, QuotaScale, Recommendation};
use super::pomdp::Pomdp;
use super::rules::{StaticRule, evaluate_exact};
use super::simulate::{Simulation, SimulationOptions, hindcast, simulate};
use super::solver::SarsopSolver;
use super::survey_value::survey_values;
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Item, Measurement, Model, NoInput, NoParams, Operation,
    Output, Result, Shape, State, Table,
};
use ndarray::{Array1, Array2, Array3, ArrayD};
use serde_json::json;

const MODEL: Field = Field::new(
    "model",
    Shape::Document,
    "fishery model (.toml; `problem = \"tag\"` for one of the literature), or any POMDP (.pomdp, .pomdpx); in Python a FisheryModel",
);

/// A problem, and the fishery that it came from where it did.
pub(crate) struct Problem {
    fishery: Option<FisheryModel>,
    pomdp: Pomdp,
}

fn read_problem(bundle: &Bundle<'_>) -> Result<Problem> {
    read_model(bundle.require("model")?)
}

/// `problem = "tag"`: a problem of the literature in place of a fishery.
fn literature(name: &str) -> Result<Problem> {
    Ok(Problem { fishery: None, pomdp: named_problem(name)? })
}

fn read_model(item: &Item<'_>) -> Result<Problem> {
    let fishery = |model: FisheryModel| Ok(Problem { pomdp: model.to_pomdp()?, fishery: Some(model) });
    match item {
        Item::Json(value) => {
            let values = value.as_object().ok_or_else(|| Error::input("'model' must be a table of parameters"))?;
            if let Some(name) = values.get("problem").and_then(|name| name.as_str()) {
                return literature(name);
            }
            fishery(Checked::<FisheryModel>::from_json(values)?.into_inner())
        }
        Item::Document { name, text } => {
            let named = |e: Error| Error::new(e.kind(), format!("{name}: {e}"));
            match name.rsplit('.').next() {
                Some("pomdpx") => Ok(Problem { fishery: None, pomdp: read_pomdpx(text).map_err(named)?.pomdp }),
                Some("pomdp" | "POMDP") => Ok(Problem { fishery: None, pomdp: read_cassandra(text).map_err(named)?.pomdp }),
                _ => match text.parse::<toml::Table>().ok().as_ref().and_then(|t| t.get("problem")).and_then(|p| p.as_str()) {
                    Some(problem) => literature(problem).map_err(named),
                    None => fishery(read_fishery_toml(text).map_err(named)?),
                },
            }
        }
        other => Err(Error::input(format!("'model' must be a fishery model, a .pomdp or a .pomdpx file, got {}", other.describe()))),
    }
}

impl Problem {
    fn fishery(&self) -> Result<&FisheryModel> {
        self.fishery.as_ref().ok_or_else(|| Error::input("this task needs a fishery model, got a general POMDP").hint("give a .toml model"))
    }
}

fn example_model() -> Bundle<'static> {
    Bundle::new().with("model", json!({"sigma_g": 0.15, "sigma_m": 0.15, "grid": [0.0, 2.0, 21]}))
}

/// A problem and the first belief.
pub(crate) struct ToSolve {
    problem: Problem,
    prior: Option<Array1<f64>>,
}

impl Input<'_> for ToSolve {
    const FIELDS: &'static [Field] = &[
        MODEL.optional(),
        Field::new("prior", Shape::Vector, "belief before the first survey (n_states,); uniform without it").optional(),
        Field::new("transition", Shape::Tensor(3), "in place of a model: probability of the next state (n_actions, n_states, n_states)")
            .optional(),
        Field::new("observation", Shape::Tensor(3), "with it: probability of a survey (n_actions or 1, n_states, n_observations)")
            .optional(),
        Field::new("reward", Shape::Matrix, "with it: reward of an action in a state (n_states, n_actions)").optional(),
        Field::new("discount", Shape::Scalar, "with it: value of a unit of reward one step later, in (0, 1)").optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let prior = bundle.get("prior").map(|_| bundle.vector("prior").map(|v| v.into_owned())).transpose()?;
        Ok(Self { problem: read_problem_or_tensors(bundle)?, prior })
    }
}

/// The model, or the problem that the tensors make.
fn read_problem_or_tensors(bundle: &Bundle<'_>) -> Result<Problem> {
    const PARTS: [&str; 4] = ["transition", "observation", "reward", "discount"];
    let given = PARTS.map(|name| bundle.get(name).is_some());
    match (bundle.get("model").is_some(), given.contains(&true)) {
        (true, true) => Err(Error::input("the problem must be a model or tensors, got both").hint("leave one of them out")),
        (true, false) => read_problem(bundle),
        (false, false) => Err(Error::input("the problem is missing").hint("give a model, or transition, observation, reward and discount")),
        (false, true) => {
            let pomdp = Pomdp::new(
                tensor(bundle, "transition")?,
                tensor(bundle, "observation")?,
                bundle.matrix("reward")?.into_owned(),
                bundle.scalar("discount")?,
                None,
            )?;
            Ok(Problem { fishery: None, pomdp })
        }
    }
}

fn tensor(bundle: &Bundle<'_>, name: &str) -> Result<Array3<f64>> {
    let array = bundle.array(name)?.into_owned();
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| Error::input(format!("'{name}' must be an array of rank 3, got one of shape {shape:?}")))
}

/// `solve`.
pub(crate) struct SolveTask;

impl Estimator for SolveTask {
    const VERB: &'static str = "solve";
    const SUMMARY: &'static str = "solve a fishery model or any POMDP with certified bounds";
    type Params = SarsopSolver;
    type Input<'a> = ToSolve;
    type Model = AlphaPolicy;
    fn fit(params: &Checked<SarsopSolver>, input: ToSolve, ctx: &mut Context) -> Result<Fitted<AlphaPolicy>> {
        let mut pomdp = input.problem.pomdp;
        if let Some(prior) = input.prior {
            pomdp = pomdp.with_prior(prior)?;
        }
        let mut policy = params.solve(&pomdp, ctx)?;
        if let Some(fishery) = &input.problem.fishery {
            fishery.warn(ctx);
            policy = policy.with_scale(QuotaScale::new(fishery.values(), 1.0)?)?;
        }
        let (status, trace) = (policy.status(), trace(&policy)?);
        Ok(Fitted { model: policy, status, trace })
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

fn trace(policy: &AlphaPolicy) -> Result<Table> {
    let numbers = |f: fn(&super::solver::TracePoint) -> f64| Column::Number(policy.trace().iter().map(f).collect());
    let counts = |f: fn(&super::solver::TracePoint) -> usize| Column::Integer(policy.trace().iter().map(|t| f(t) as i64).collect());
    Table::new()
        .with("time", numbers(|t| t.time))?
        .with("lower", numbers(|t| t.lower))?
        .with("upper", numbers(|t| t.upper))?
        .with("n_alpha", counts(|t| t.n_alpha))?
        .with("n_beliefs", counts(|t| t.n_beliefs))
}

impl Model for AlphaPolicy {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let actions: Array1<i64> = self.actions().iter().map(|&a| a as i64).collect();
        Bundle::new()
            .with("alphas", self.alphas().clone())
            .with("actions", actions)
            .with("lower", self.lower())
            .with("upper", self.upper())
            .with("gap", self.gap())
            .with("n_trials", self.n_trials() as f64)
    }

    fn to_state(&self) -> State {
        let PolicyParts { arrays, json } = self.to_parts();
        let arrays = arrays.into_iter().fold(Bundle::new(), |bundle, (name, array)| bundle.with(name, array));
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let array = |(name, item): (&str, &Item<'static>)| match item {
            Item::Array(a) => Some((name.to_owned(), a.to_owned())),
            _ => None,
        };
        let arrays: std::collections::BTreeMap<String, ArrayD<f64>> = state.arrays.iter().filter_map(array).collect();
        AlphaPolicy::from_parts(&PolicyParts { arrays, json: state.json })
    }
}

/// Surveys and catches by year.
pub(crate) struct Series {
    observations: Vec<f64>,
    actions: Vec<f64>,
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

/// Simulated replicates.
pub(crate) struct Simulated {
    simulation: Simulation,
    values: Option<Array1<f64>>,
}

impl Output for Simulated {
    const FIELDS: &'static [Field] = &[
        Field::new("npv", Shape::Vector, "discounted reward of each replicate (n_reps,)"),
        Field::new("extinction", Shape::Vector, "share of replicates in state 0 at each decision (t_max - 1,)"),
        Field::new("late_stock", Shape::Scalar, "mean stock over the later half of the decisions, in grid units").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let bundle = Bundle::new().with("npv", self.simulation.npv.clone()).with("extinction", self.simulation.extinction());
        match self.values {
            Some(values) => bundle.with("late_stock", self.simulation.late_stock(values.view())),
            None => bundle,
        }
    }
}

/// `simulate`.
pub(crate) struct SimulateTask;

/// What the policy is wrong about, where it is.
pub(crate) struct Truth(Option<Problem>);

impl Input<'_> for Truth {
    const FIELDS: &'static [Field] = &[Field::new(
        "true_model",
        Shape::Document,
        "model whose surveys are drawn in place of those that the policy assumes (.toml, .pomdp, .pomdpx); in Python a FisheryModel",
    )
    .optional()];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(bundle.get("true_model").map(read_model).transpose()?))
    }
}

impl Operation for SimulateTask {
    const VERB: &'static str = "simulate";
    const SUMMARY: &'static str = "simulate the policy on its own model, or with surveys that it misjudges";
    type Params = Simulate;
    type Model = AlphaPolicy;
    type Input<'a> = Truth;
    type Output = Simulated;
    fn apply(params: &Checked<Simulate>, policy: &AlphaPolicy, Truth(truth): Truth, ctx: &mut Context) -> Result<Simulated> {
        let start = match params.x0 {
            Some(x0) => policy.known_scale()?.position(x0, "x0", 0, false)?,
            None => 0,
        };
        let options = SimulationOptions {
            start,
            t_max: params.t_max,
            n_reps: params.n_reps,
            true_observation: truth.map(|problem| problem.pomdp.observation().clone()),
            paper_convention: params.paper_convention,
        };
        Ok(Simulated { simulation: simulate(policy, &options, ctx)?, values: policy.scale().map(|s| s.values.clone()) })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// A problem alone.
pub(crate) struct Modelled(Problem);

impl Input<'_> for Modelled {
    const FIELDS: &'static [Field] = &[MODEL];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(read_problem(bundle)?))
    }
}

/// A table of rules.
pub(crate) struct Compared(Table);

impl Output for Compared {
    const FIELDS: &'static [Field] =
        &[Field::new("comparison", Shape::Table, "policy, npv, npv_sd, late_stock, extinction, evaluation (exact or simulated)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("comparison", self.0)
    }
}

/// `compare`.
pub(crate) struct CompareTask;

impl Measurement for CompareTask {
    const VERB: &'static str = "compare";
    const SUMMARY: &'static str = "value, late stock and extinction of rules of thumb (exact) and of the solved policy (simulated)";
    type Params = Compare;
    type Input<'a> = Modelled;
    type Output = Compared;
    fn measure(params: &Checked<Compare>, Modelled(problem): Modelled, ctx: &mut Context) -> Result<Compared> {
        let model = problem.fishery()?;
        let grid = model.values();
        let start = nearest(&grid, params.x0.unwrap_or(model.k / 6.0));
        let mut rows: Vec<(String, [f64; 4], &str)> = Vec::new();
        for policy in &params.policies {
            let rule = match policy {
                Policy::Ce => StaticRule::constant_escapement(model)?,
                Policy::Tac => StaticRule::constant_mortality(model, 0.8)?,
                Policy::Msy => StaticRule::constant_mortality(model, 1.0)?,
                Policy::Mdp => StaticRule::mdp(&solve_mdp(&problem.pomdp, ctx)?),
                Policy::Pomdp => {
                    let solver = SarsopSolver { precision: params.precision, max_time: params.max_time, ..SarsopSolver::default() };
                    let solved = solver.solve(&problem.pomdp, ctx)?;
                    let options = SimulationOptions {
                        start,
                        t_max: params.t_max,
                        n_reps: params.n_reps,
                        true_observation: None,
                        paper_convention: params.paper_convention,
                    };
                    let simulation = simulate(&solved, &options, ctx)?;
                    let extinct = simulation.extinction().last().copied().unwrap_or(0.0);
                    rows.push((
                        "POMDP".into(),
                        [simulation.mean_npv(), simulation.sd_npv(), simulation.late_stock(grid.view()), extinct],
                        "simulated",
                    ));
                    continue;
                }
            };
            let exact = evaluate_exact(&problem.pomdp, &rule, grid.view(), start, params.t_max, params.paper_convention)?;
            let extinct = exact.extinction.last().copied().unwrap_or(0.0);
            rows.push((rule.name, [exact.npv, 0.0, exact.late_stock, extinct], "exact"));
        }
        let number = |i: usize| Column::Number(rows.iter().map(|r| r.1[i]).collect());
        Ok(Compared(
            Table::new()
                .with("policy", Column::Text(rows.iter().map(|r| Some(r.0.clone())).collect()))?
                .with("npv", number(0))?
                .with("npv_sd", number(1))?
                .with("late_stock", number(2))?
                .with("extinction", number(3))?
                .with("evaluation", Column::Text(rows.iter().map(|r| Some(r.2.to_owned())).collect()))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

/// A curve of values.
pub(crate) struct Curve(Table);

impl Output for Curve {
    const FIELDS: &'static [Field] =
        &[Field::new("survey_value", Shape::Table, "sigma_m, lower, upper (bounds of the best value), constant_escapement, tac (exact)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("survey_value", self.0)
    }
}

/// `survey-value`.
pub(crate) struct SurveyValueTask;

impl Measurement for SurveyValueTask {
    const VERB: &'static str = "survey-value";
    const SUMMARY: &'static str = "what a better survey is worth: the value of the stock over the survey error";
    type Params = SurveyCurve;
    type Input<'a> = Modelled;
    type Output = Curve;
    fn measure(params: &Checked<SurveyCurve>, Modelled(problem): Modelled, ctx: &mut Context) -> Result<Curve> {
        let solver = SarsopSolver { precision: params.precision, max_time: params.max_time, ..SarsopSolver::default() };
        let values = survey_values(problem.fishery()?, &params.sigmas, None, &solver, ctx)?;
        let number = |f: fn(&super::survey_value::SurveyValue) -> f64| Column::Number(values.iter().map(f).collect());
        Ok(Curve(
            Table::new()
                .with("sigma_m", number(|v| v.sigma_m))?
                .with("lower", number(|v| v.lower))?
                .with("upper", number(|v| v.upper))?
                .with("constant_escapement", number(|v| v.constant_escapement))?
                .with("tac", number(|v| v.tac))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

/// Reference points of a fishery and its discrete model.
pub(crate) struct Described {
    model: FisheryModel,
    pomdp: Pomdp,
}

impl Output for Described {
    const FIELDS: &'static [Field] = &[
        Field::new("escapement", Shape::Scalar, "stock to leave behind (S*), in grid units"),
        Field::new("biomass", Shape::Scalar, "stock before the harvest in that steady state (B)"),
        Field::new("msy", Shape::Scalar, "maximum sustainable yield"),
        Field::new("f_msy", Shape::Scalar, "share of the stock taken at MSY"),
        Field::new("grid", Shape::Vector, "values of states, actions and observations (n,)"),
        Field::new("transition", Shape::Tensor(3), "probability of the next state (n_actions, n_states, n_states)"),
        Field::new("observation", Shape::Matrix, "probability of a survey (n_states, n_observations)"),
        Field::new("reward", Shape::Matrix, "reward of an action in a state (n_states, n_actions)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let (n, pomdp) = (self.pomdp.n_states(), &self.pomdp);
        let mut transition = Array3::zeros((pomdp.n_actions(), n, n));
        let mut observation = Array2::zeros((n, pomdp.n_observations()));
        for s in 0..n {
            (0..pomdp.n_actions())
                .for_each(|a| transition.index_axis_mut(ndarray::Axis(0), a).row_mut(s).assign(&pomdp.transition_row(a, s)));
            observation.row_mut(s).assign(&pomdp.observation_row(0, s));
        }
        // `measure` has computed them once already, so they are there.
        let points = self.model.baselines().map(|b| [b.escapement, b.biomass, b.msy, b.f_msy]).unwrap_or_default();
        Bundle::new()
            .with("escapement", points[0])
            .with("biomass", points[1])
            .with("msy", points[2])
            .with("f_msy", points[3])
            .with("grid", self.model.values())
            .with("transition", transition)
            .with("observation", observation)
            .with("reward", pomdp.reward().clone())
    }
}

/// `describe`.
pub(crate) struct DescribeTask;

impl Measurement for DescribeTask {
    const VERB: &'static str = "describe";
    const SUMMARY: &'static str = "reference points (S*, B, MSY, F_MSY) and the discrete model of a fishery";
    type Params = FisheryModel;
    type Input<'a> = NoInput;
    type Output = Described;
    fn measure(params: &Checked<FisheryModel>, _: NoInput, ctx: &mut Context) -> Result<Described> {
        params.warn(ctx);
        params.baselines()?;
        let n = params.grid.2 as u64;
        ctx.reserve("the dense transition tensor", 8 * n * n * n)?;
        Ok(Described { model: (**params).clone(), pomdp: params.to_pomdp()? })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}
