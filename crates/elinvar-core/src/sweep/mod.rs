//! Sweeps: one task of a method at many points of a space of parameters, each point stored like the trials of a reproduction.

mod design;
mod dimension;
mod folds;

pub use design::{Design, Point};
pub use dimension::{Dimension, Values};

use crate::bundle::{Bundle, Item};
use crate::context::Context;
use crate::error::{Error, Kind, Result, suggestion};
use crate::method::{Method, Outcome, Verb, VerbKind};
use crate::model::FittedModel;
use crate::reproduction::{Metrics, Study};
use crate::table::Table;
use folds::Folds;
use serde_json::{Map, Value};

/// Raised when what trials of sweeps measure changes; older ones are then not mixed in.
const VERSION: u32 = 1;
/// Fields of a trial beside the parameters.
const SEED: &str = "seed";
const FOLD: &str = "fold";
const DATA: &str = "data";
/// Steps of a training curve that a trial keeps.
const MOST_STEPS: usize = 1000;

/// What a sweep does.
pub struct Setup<'a> {
    /// The method.
    pub method: &'a Method,
    /// Name of the task.
    pub task: &'a str,
    /// Parameters that do not vary, where they differ from the defaults.
    pub fixed: Map<String, Value>,
    /// Parameters that vary.
    pub space: Vec<Dimension>,
    /// Which points.
    pub design: Design,
    /// Seed of the points, of the folds and of every trial.
    pub seed: u64,
    /// Folds of a cross-validation; without, a trial measures the numbers among the results of the task.
    pub folds: Option<usize>,
    /// Inputs of the task.
    pub data: Bundle<'static>,
    /// The model of a task that applies one.
    pub model: Option<FittedModel>,
}

/// One task of a method at many points, one trial a point (and fold).
pub struct Sweep<'a> {
    method: &'a Method,
    verb: &'a Verb,
    name: String,
    fixed: Map<String, Value>,
    space: Vec<Dimension>,
    design: Design,
    points: usize,
    seed: u64,
    folds: Option<Folds>,
    data: Bundle<'static>,
    model: Option<FittedModel>,
    fingerprint: String,
}

impl<'a> Sweep<'a> {
    /// Checks everything that can be checked before a trial is run.
    ///
    /// # Errors
    /// For unknown tasks, parameters and inputs, a grid over a range, inputs that have no rows where folds are asked for.
    pub fn new(setup: Setup<'a>) -> Result<Self> {
        let Setup { method, task, fixed, space, design, seed, folds, data, model } = setup;
        let verb = method.verb(task)?;
        let build = || {
            verb.params.check(&fixed)?;
            data.check(verb.inputs)?;
            check_space(&space, &fixed)?;
            let folds = folds.map(|count| Folds::new(count, cross_validated(method, verb, &data)?, seed)).transpose()?;
            let fingerprint = fingerprint(&data, model.as_ref())?;
            Ok((design.len(&space)?, folds, fingerprint))
        };
        let (points, folds, fingerprint) = build().map_err(|e: Error| e.in_method(method.card.slug))?;
        let name = format!("{}.{}", method.card.slug, verb.name);
        let fixed = normal(fixed, verb);
        Ok(Self { method, verb, name, fixed, space, design, points, seed, folds, data, model, fingerprint })
    }

    /// Refuses the name of a metric that trials cannot have, as far as that is known before one is run: what a fit without folds gives, its
    /// trials show.
    ///
    /// # Errors
    /// Names the metrics that there are.
    pub fn check_metric(&self, metric: &str) -> Result<()> {
        let outputs = |verb: &Verb| verb.outputs.iter().map(|field| field.name).collect::<Vec<_>>();
        let known = match (&self.folds, self.verb.kind) {
            (Some(_), _) => folds::metrics(&outputs(self.method.verb("predict")?)),
            (None, VerbKind::Fit) => return Ok(()),
            (None, _) => outputs(self.verb),
        };
        // Numbers inside a result are named after it: `result.number`.
        let name = metric.split('.').next().unwrap_or_default();
        match known.contains(&name) {
            true => Ok(()),
            false => Err(Error::new(Kind::Parameter, format!("trials do not measure '{metric}'"))
                .hint(suggestion(metric, &known, "they measure"))
                .in_method(self.method.card.slug)),
        }
    }

    /// What is varied.
    pub fn space(&self) -> &[Dimension] {
        &self.space
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The point of a number below [`points`](Self::points).
    pub fn point(&self, index: usize) -> Point {
        self.design.point(&self.space, self.seed, index)
    }

    /// The trials of a point: one, or one a fold. The point may also be one that somebody else chose.
    ///
    /// # Errors
    /// For parameters that the task does not have, or values that they do not take.
    pub fn trials_of(&self, point: &Point) -> Result<Vec<Value>> {
        self.verb.params.check(point).map_err(|e| e.in_method(self.method.card.slug))?;
        let point = normal(point.clone(), self.verb);
        Ok((0..self.per_point()).map(|fold| self.trial_of(&point, fold)).collect())
    }

    /// Whether a trial is one of a point of this space, with these data, folds and fixed parameters.
    pub fn owns(&self, trial: &Value) -> bool {
        let point = self.point_of(trial);
        let fold = trial.get(FOLD).and_then(Value::as_u64).unwrap_or(0) as usize;
        point.len() == self.space.len() && fold < self.per_point() && self.key(&self.trial_of(&point, fold)) == self.key(trial)
    }

    /// Trials of a point.
    pub fn per_point(&self) -> usize {
        self.folds.as_ref().map_or(1, |folds| folds.count)
    }

    /// The point that a trial belongs to.
    pub fn point_of(&self, trial: &Value) -> Point {
        let of_space = |(name, _): &(&String, &Value)| self.space.iter().any(|dimension| dimension.name == **name);
        trial.as_object().into_iter().flatten().filter(of_space).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn trial_of(&self, point: &Point, fold: usize) -> Value {
        let mut trial = point.clone();
        trial.extend(self.fixed.iter().filter(|(name, _)| !point.contains_key(*name)).map(|(name, value)| (name.clone(), value.clone())));
        if self.folds.is_some() {
            trial.insert(FOLD.into(), Value::from(fold));
        }
        trial.insert(SEED.into(), Value::from(self.seed));
        trial.insert(DATA.into(), Value::from(self.fingerprint.as_str()));
        Value::Object(trial)
    }

    /// Fits on the rows outside a fold and scores the predictions inside.
    fn cross_validate(&self, params: &Map<String, Value>, folds: &Folds, fold: usize, ctx: &mut Context) -> Result<Metrics> {
        let (seen, held_out) = folds.rows(fold);
        let of = seen.len() + held_out.len();
        let fitted = self.method.run(self.verb.name, params, None, &folds::take(&self.data, &seen, of)?, ctx)?;
        let predict = self.method.verb("predict")?;
        let held_out = folds::take(&self.data, &held_out, of)?;
        let mut inputs = Bundle::new();
        for (name, item) in held_out.iter().filter(|(name, _)| predict.inputs.iter().any(|field| field.name == *name)) {
            inputs.insert(name, item.clone());
        }
        let predicted = self.method.run(predict.name, &Map::new(), fitted.model.as_ref(), &inputs, ctx)?;
        let mut metrics = folds::score(&predicted.values, &held_out)?;
        metrics.series = curves(&fitted);
        Ok(metrics)
    }
}

impl Study for Sweep<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u32 {
        // A change of what the method's trials measure is one of what its tasks give.
        VERSION * 10_000 + self.method.reproduction.version()
    }

    fn len(&self) -> usize {
        self.points * self.per_point()
    }

    fn trial(&self, index: usize) -> Result<Value> {
        Ok(self.trial_of(&self.point(index / self.per_point()), index % self.per_point()))
    }

    fn measure(&self, trial: &Value, ctx: &mut Context) -> Result<Metrics> {
        // A number of other data under this name would never be found out.
        if trial.get(DATA).and_then(Value::as_str) != Some(&self.fingerprint) {
            return Err(Error::internal(format!("the trial {trial} is not one of these data ({})", self.fingerprint)));
        }
        let fields = trial.as_object().into_iter().flatten();
        let params =
            fields.filter(|(name, _)| self.verb.params.get(name).is_some()).map(|(name, value)| (name.clone(), value.clone())).collect();
        match (&self.folds, trial.get(FOLD).and_then(Value::as_u64)) {
            (Some(folds), Some(fold)) => self.cross_validate(&params, folds, fold as usize, ctx),
            _ => {
                let outcome = self.method.run(self.verb.name, &params, self.model.as_ref(), &self.data, ctx)?;
                let mut metrics = numbers(&outcome.values);
                metrics.series = curves(&outcome);
                Ok(metrics)
            }
        }
    }
}

/// Parameters in the one form that their domains have.
fn normal(params: Map<String, Value>, verb: &Verb) -> Map<String, Value> {
    let value = |name: &String, value: Value| verb.params.get(name).map_or(value.clone(), |parameter| parameter.normal(value));
    params.into_iter().map(|(name, given)| (name.clone(), value(&name, given))).collect()
}

fn check_space(space: &[Dimension], fixed: &Map<String, Value>) -> Result<()> {
    for (place, Dimension { name, .. }) in space.iter().enumerate() {
        if space[..place].iter().any(|other| other.name == *name) || fixed.contains_key(name) {
            return Err(Error::new(Kind::Parameter, format!("'{name}' is given twice")).hint("vary it or fix it"));
        }
        if [SEED, FOLD, DATA].contains(&name.as_str()) {
            return Err(Error::new(Kind::Parameter, format!("'{name}' cannot be varied: trials use that name for something else")));
        }
    }
    match space.is_empty() {
        true => Err(Error::new(Kind::Parameter, "there is nothing to vary").hint("give at least one parameter and its values")),
        false => Ok(()),
    }
}

/// The data of a task that folds can be made of.
fn cross_validated<'b>(method: &Method, verb: &Verb, data: &'b Bundle<'static>) -> Result<&'b Bundle<'static>> {
    let predicts = method.verbs.iter().any(|other| other.name == "predict" && other.kind == VerbKind::Apply);
    if verb.kind != VerbKind::Fit || !predicts || data.get(folds::OUTCOME).is_none() {
        let message = format!(
            "'{}' cannot be cross-validated: that needs a fit with an outcome '{}', and a task 'predict'",
            verb.name,
            folds::OUTCOME
        );
        return Err(Error::new(Kind::Parameter, message).hint("sweep without folds"));
    }
    Ok(data)
}

/// The single finite numbers among results.
fn numbers(values: &Bundle<'_>) -> Metrics {
    fn collect(metrics: &mut Metrics, name: &str, value: &Value) {
        let mut keep = |x: f64| {
            if x.is_finite() {
                metrics.numbers.insert(name.to_owned(), x);
            }
        };
        match value {
            Value::Number(n) => n.as_f64().into_iter().for_each(keep),
            Value::Bool(b) => keep(f64::from(u8::from(*b))),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(metrics, &format!("{name}.{key}"), value)),
            _ => {}
        }
    }
    let mut metrics = Metrics::new();
    for (name, item) in values.iter() {
        match item {
            Item::Json(value) => collect(&mut metrics, name, value),
            Item::Array(_) | Item::Array32(_) | Item::Integers(_) => {
                if let Ok(x) = values.scalar(name)
                    && x.is_finite()
                {
                    metrics.numbers.insert(name.to_owned(), x);
                }
            }
            _ => {}
        }
    }
    metrics
}

/// The columns of finite numbers among the figures of a fit's steps.
fn curves(outcome: &Outcome) -> std::collections::BTreeMap<String, Vec<f64>> {
    let none = Table::new();
    let trace = outcome.model.as_ref().map_or(&none, |model| &model.trace);
    let stride = trace.n_rows().div_ceil(MOST_STEPS).max(1);
    let thin = |numbers: Vec<f64>| numbers.into_iter().step_by(stride).collect::<Vec<_>>();
    let columns = trace.iter().filter_map(|(name, column)| Some((name.to_owned(), thin(column.to_numbers()?))));
    columns.filter(|(_, curve)| !curve.is_empty() && curve.iter().all(|x| x.is_finite())).collect()
}

/// A name of the data and the model.
fn fingerprint(data: &Bundle<'_>, model: Option<&FittedModel>) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    data.hash(&mut hasher)?;
    if let Some(fitted) = model {
        let state = fitted.model.to_state();
        state.arrays.hash(&mut hasher)?;
        hasher.update(state.json.to_string().as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

#[cfg(test)]
mod tests;
