//! The tasks: thin adapters between named inputs and the typed API.

mod advise;
mod assess;
mod convert;
mod rules;

pub(crate) use advise::{ActTask, HindcastTask, PlanTask, RecommendTask};
pub(crate) use assess::{CompareTask, DescribeTask, SimulateTask, SurveyValueTask};
pub(crate) use convert::{ConvertTask, ExportTask, FitGrowthTask, ImportTask};
pub(crate) use rules::RuleTask;

use super::data::named_problem;
use super::fishery::FisheryModel;
use super::formats::{read_cassandra, read_fishery_toml, read_pomdpx};
use super::policy::{AlphaPolicy, PolicyParts, QuotaScale};
use super::pomdp::Pomdp;
use super::solver::SarsopSolver;
use elinvar_core::{Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Item, Model, Result, Shape, State, Table};
use ndarray::{Array1, Array3, ArrayD};
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

/// A problem alone.
pub(crate) struct Modelled(Problem);

impl Input<'_> for Modelled {
    const FIELDS: &'static [Field] = &[MODEL];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(read_problem(bundle)?))
    }
}
