//! Trials for Python: those of a reproduction or of a sweep, run here or one by one wherever Python takes them.

use crate::error::{Raised, exception};
use crate::from_python::{Inputs, json as from_json, parameters};
use crate::model::Model;
use crate::registry::method;
use crate::run::{context, interruptible, on_device, reporter};
use crate::to_python;
use elinvar_core::reproduction::{
    self, Claimed, Environment, Evidence, Record, Run, Scale, Shard, Study as _, collect, open_trials, run_trials,
};
use elinvar_core::sweep::{Design, Dimension, Point, Setup, Sweep, Values};
use elinvar_core::{Context, Error, Method, Result, Table};
use elinvar_report::{
    EvidenceStore, Goal, Report, SweepReport, detect_environment, environment_of, trials_table, write_page, write_sweep_page,
};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Trials that can be run one by one.
#[pyclass(frozen, module = "elinvar._core")]
pub(crate) struct Study {
    method: &'static Method,
    kind: Kind,
}

enum Kind {
    Claims { trials: Claimed<'static>, scale: Scale },
    Sweep { sweep: Box<Sweep<'static>>, task: String },
}

/// A folder of evidence.
#[pyclass(frozen, module = "elinvar._core")]
pub(crate) struct Store(EvidenceStore);

#[pymethods]
impl Store {
    #[new]
    fn new(folder: PathBuf) -> PyResult<Self> {
        EvidenceStore::open(folder).map(Self).map_err(|e| exception(&e))
    }

    /// Keeps a record, given as JSON.
    fn save(&self, record: &str) -> PyResult<()> {
        let record: Record = serde_json::from_str(record).map_err(|e| exception(&Error::input(format!("no record of a trial: {e}"))))?;
        reproduction::Store::save(&self.0, &record).map_err(|e| exception(&e))
    }

    /// What was found to be damaged, one sentence each.
    fn warnings(&self) -> Vec<String> {
        self.0.warnings()
    }

    /// All trials of a method and of its sweeps, or of everything, as a table.
    #[pyo3(signature = (name=None))]
    fn trials<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let table = self.0.evidence_of(name).and_then(|all| trials_table(&all));
        to_python::table(py, table.map_err(|e| exception(&e))?)
    }

    /// All records of a method and of its sweeps, or of everything, each as a dict with its `key`.
    #[pyo3(signature = (name=None))]
    fn records<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let row = |record: Record| -> Result<Value> {
            let key = record.key();
            let mut row = value(serde_json::to_value(record))?;
            if let Value::Object(fields) = &mut row {
                fields.insert("key".into(), Value::from(key));
            }
            Ok(row)
        };
        let read = || self.0.evidence_of(name)?.iter().flat_map(Evidence::records).map(row).collect::<Result<Vec<_>>>();
        to_python::json(py, &Value::Array(read().map_err(|e| exception(&e))?))
    }
}

impl Study {
    fn inner(&self) -> &dyn reproduction::Study {
        match &self.kind {
            Kind::Claims { trials, .. } => trials,
            Kind::Sweep { sweep, .. } => &**sweep,
        }
    }

    fn sweep_of(&self) -> PyResult<&Sweep<'static>> {
        match &self.kind {
            Kind::Sweep { sweep, .. } => Ok(sweep),
            Kind::Claims { .. } => Err(exception(&Error::internal("a reproduction has no points"))),
        }
    }

    fn raise(&self, error: Error) -> PyErr {
        exception(&error.in_method(self.method.card.slug))
    }
}

#[pymethods]
impl Study {
    /// The trials of a reproduction.
    #[staticmethod]
    fn claims(slug: &str, scale: &str) -> PyResult<Self> {
        let method = method(slug)?;
        let found = Scale::ALL.into_iter().find(|known| known.as_str() == scale);
        let wrong = || Error::parameter("scale", "one of 'tiny', 'quick', 'hour', 'paper'", format!("'{scale}'")).in_method(slug);
        let scale = found.ok_or_else(|| exception(&wrong()))?;
        let trials = Claimed::new(method, scale).map_err(|e| exception(&e))?;
        Ok(Self { method, kind: Kind::Claims { trials, scale } })
    }

    /// The trials of a sweep. `design` is `grid`, `random` or `sobol`.
    #[staticmethod]
    #[pyo3(signature = (slug, task, space, fixed, inputs, design="grid", n_points=None, seed=0, folds=None, model=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn sweep(
        slug: &str,
        task: &str,
        space: &Bound<'_, PyDict>,
        fixed: &Bound<'_, PyDict>,
        inputs: &Bound<'_, PyDict>,
        design: &str,
        n_points: Option<usize>,
        seed: u64,
        folds: Option<usize>,
        model: Option<PyRef<'_, Model>>,
    ) -> PyResult<Self> {
        let method = method(slug)?;
        let verb = method.verb(task).map_err(|e| exception(&e))?;
        let raised = Raised::default();
        let fixed = parameters(fixed, &verb.params, slug)?;
        let data = Inputs::read(inputs, verb, &raised)?.bundle().into_owned();
        let space = parameters(space, &verb.params, slug)?;
        let build = || {
            let space = space.iter().map(|(name, values)| Dimension::from_json(name, values, &verb.params)).collect::<Result<_>>()?;
            let design = match (design, n_points) {
                ("grid", None) => Design::Grid,
                ("random", Some(n)) => Design::Random(n),
                ("sobol", Some(n)) => Design::Sobol(n),
                _ => {
                    return Err(Error::parameter(
                        "sampler",
                        "'grid' without, or 'random' or 'sobol' with a number of points",
                        format!("'{design}'"),
                    ));
                }
            };
            let model = model.map(|model| model.fitted().clone());
            Sweep::new(Setup { method, task: verb.name, fixed, space, design, seed, folds, data, model })
        };
        let sweep = build().map_err(|e| exception(&e.in_method(slug)))?;
        Ok(Self { method, kind: Kind::Sweep { sweep: Box::new(sweep), task: verb.name.to_owned() } })
    }

    /// Folder of the trials in a store.
    #[getter]
    fn name(&self) -> String {
        self.inner().name().to_owned()
    }

    fn __len__(&self) -> usize {
        self.inner().len()
    }

    /// A trial as JSON.
    fn trial(&self, index: usize) -> PyResult<String> {
        let study = self.inner();
        if index >= study.len() {
            return Err(PyIndexError::new_err(format!("there are {} trials, got number {index}", study.len())));
        }
        study.trial(index).map(|trial| trial.to_string()).map_err(|e| self.raise(e))
    }

    /// Number of points of a sweep.
    #[getter]
    fn n_points(&self) -> PyResult<usize> {
        Ok(self.sweep_of()?.points())
    }

    /// A point of a sweep.
    fn point<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let sweep = self.sweep_of()?;
        if index >= sweep.points() {
            return Err(PyIndexError::new_err(format!("there are {} points, got number {index}", sweep.points())));
        }
        to_python::json(py, &Value::Object(sweep.point(index)))
    }

    /// The trials of a point as JSON; also of one that the sweep itself would not choose.
    fn trials_of(&self, point: &Bound<'_, PyDict>) -> PyResult<Vec<String>> {
        let mut values = Point::new();
        for (name, value) in point {
            let name: String = name.extract()?;
            let value = from_json(&value).map_err(|_| self.raise(Error::parameter(&name, "a number, text or a list", "something else")))?;
            values.insert(name, value);
        }
        let trials = self.sweep_of()?.trials_of(&values).map_err(|e| exception(&e))?;
        Ok(trials.iter().map(Value::to_string).collect())
    }

    /// What a sweep varies: a list of values, or a dict of `low`, `high`, `log` and `whole`, by name.
    fn space<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let described = |dimension: &Dimension| match &dimension.values {
            Values::List(items) => json!(items),
            Values::Range { low, high, log, whole } => json!({"low": low, "high": high, "log": log, "whole": whole}),
        };
        let space = self.sweep_of()?.space().iter().map(|dimension| (dimension.name.clone(), described(dimension)));
        to_python::json(py, &Value::Object(space.collect()))
    }

    /// What one trial asks of a machine: `cores`, `memory` in bytes, `gpus`.
    fn needs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python::json(py, &json!(self.method.needs))
    }

    /// Numbers of the trials that a store lacks.
    #[pyo3(signature = (store, shard=None, retry_failed=false))]
    fn open(&self, py: Python<'_>, store: PyRef<'_, Store>, shard: Option<&str>, retry_failed: bool) -> PyResult<Vec<usize>> {
        let run = self.request(shard, retry_failed).map_err(|e| self.raise(e))?;
        let (study, store) = (self, &store.0);
        py.detach(|| open_trials(study.inner(), &run, store)).map_err(|e| self.raise(e))
    }

    /// Refuses a metric that no trial of the sweep can have.
    fn check_metric(&self, metric: &str) -> PyResult<()> {
        self.sweep_of()?.check_metric(metric).map_err(|e| self.raise(e))
    }

    /// The record of a trial in a store, as JSON.
    fn stored(&self, store: PyRef<'_, Store>, trial: &str) -> PyResult<Option<String>> {
        let study = self.inner();
        let find = || -> Result<Option<Record>> { reproduction::Store::load(&store.0, study.name(), &study.key(&read(trial)?)) };
        let record = find().map_err(|e| self.raise(e))?;
        record.map(|record| written(&record)).transpose().map_err(|e| self.raise(e))
    }

    /// Runs one trial, given as JSON, and gives its record as JSON. Nothing is stored.
    #[pyo3(signature = (trial, threads=None, device=None))]
    fn measure(&self, py: Python<'_>, trial: &str, threads: Option<usize>, device: Option<&str>) -> PyResult<String> {
        let (context, environment) = self.surroundings(threads, None, device).map_err(|e| self.raise(e))?;
        let work = |ctx: &mut Context| {
            let record = reproduction::run_trial(self.inner(), &read(trial)?, &environment, ctx, ctx.threads())?;
            written(&record)
        };
        interruptible(py, context, &Raised::default(), work)
    }

    /// The record of a trial that was measured elsewhere, as JSON: its numbers, or its error.
    #[pyo3(signature = (trial, numbers, seconds=0.0, error=None))]
    fn told(&self, trial: &str, numbers: std::collections::BTreeMap<String, f64>, seconds: f64, error: Option<String>) -> PyResult<String> {
        let record = || {
            let metrics = reproduction::Metrics { numbers, series: Default::default() };
            metrics.check()?;
            let outcome = error.map_or(reproduction::Outcome::Metrics(metrics), reproduction::Outcome::Error);
            let study = self.inner();
            let environment = detect_environment(env!("CARGO_PKG_VERSION"));
            written(&Record { method: study.name().to_owned(), code: study.version(), trial: read(trial)?, outcome, seconds, environment })
        };
        record().map_err(|e| self.raise(e))
    }

    /// Runs the trials that a store lacks, and returns their number.
    #[pyo3(signature = (store, shard=None, retry_failed=false, threads=None, time_limit=None, device=None, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn run(
        &self,
        py: Python<'_>,
        store: PyRef<'_, Store>,
        shard: Option<&str>,
        retry_failed: bool,
        threads: Option<usize>,
        time_limit: Option<f64>,
        device: Option<&str>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<usize> {
        let raised = Raised::default();
        let prepared = || Ok((self.request(shard, retry_failed)?, self.surroundings(threads, time_limit, device)?));
        let (mut run, (context, environment)) = prepared().map_err(|e| self.raise(e))?;
        run.environment = environment;
        // Ticks inside a trial are not those of the study: the engine reports finished trials to the run's own sink.
        run.progress = progress.map(|callback| reporter(callback, context.cancel_flag(), &raised));
        let store = &store.0;
        interruptible(py, context, &raised, |ctx| run_trials(self.inner(), &run, store, ctx))
    }

    /// What the trials in a store say: judged claims, or the points of a sweep. `page` is the folder for the page; `goal` a metric and whether
    /// it is to be maximized; `all` also counts points that the sweep itself would not choose.
    #[pyo3(signature = (store, page=None, goal=None, all=false))]
    fn report<'py>(
        &self,
        py: Python<'py>,
        store: PyRef<'_, Store>,
        page: Option<PathBuf>,
        goal: Option<(String, bool)>,
        all: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let made = detect_environment(env!("CARGO_PKG_VERSION"));
        let goal = goal.map(|(metric, maximize)| Goal { metric, maximize });
        let store = &store.0;
        let report = py.detach(|| match &self.kind {
            Kind::Claims { scale, .. } => Ok((judged(self.method, *scale, store, page, made)?, None)),
            Kind::Sweep { sweep, task } => {
                let evidence = if all { of_sweep(sweep, store)? } else { collect(&**sweep, store)? };
                swept(self.method, sweep, task, &evidence, page, goal, made).map(|(report, table)| (report, Some(table)))
            }
        });
        let (fields, table) = report.map_err(|e| self.raise(e))?;
        let report = to_python::json(py, &fields)?;
        if let Some(table) = table {
            report.set_item("table", to_python::table(py, table)?)?;
        }
        Ok(report)
    }
}

impl Study {
    fn request(&self, shard: Option<&str>, retry_failed: bool) -> Result<Run> {
        let shard = shard.map_or(Ok(Shard::default()), str::parse)?;
        Ok(Run { shard, retry_failed, environment: Environment::default(), progress: None })
    }

    /// The context of trials, and what is written of it into their records.
    fn surroundings(&self, threads: Option<usize>, time_limit: Option<f64>, device: Option<&str>) -> Result<(Context, Environment)> {
        let mut context = context(0, threads, time_limit, None)?;
        if let Some(name) = device {
            context = on_device(context, name)?;
        }
        let environment = environment_of(env!("CARGO_PKG_VERSION"), &context);
        Ok((context, environment))
    }
}

fn read(trial: &str) -> Result<Value> {
    serde_json::from_str(trial).map_err(|e| Error::input(format!("no trial: {e}")))
}

fn written(record: &Record) -> Result<String> {
    serde_json::to_string(record).map_err(|e| Error::internal(format!("a record cannot be serialised: {e}")))
}

fn value(part: serde_json::Result<Value>) -> Result<Value> {
    part.map_err(|e| Error::internal(format!("the report cannot be serialised: {e}")))
}

fn judged(method: &Method, scale: Scale, store: &EvidenceStore, page: Option<PathBuf>, made: Environment) -> Result<Value> {
    let found = reproduction::judged(method, scale, store)?;
    let report = Report::new(&method.card, scale, &found, &method.reproduction.differences(), made);
    if let Some(page) = page {
        write_page(page, &report, &method.reproduction.figures(&found.evidence))?;
    }
    Ok(json!({
        "claims": value(serde_json::to_value(&report.claims))?,
        "trials": value(serde_json::to_value(&report.trials))?,
        "planned": found.trials,
        "differences": report.differences,
    }))
}

/// The records of all points of a sweep that a store has, whoever chose them.
fn of_sweep(sweep: &Sweep<'_>, store: &EvidenceStore) -> Result<Evidence> {
    let all = store.evidence(sweep.name())?;
    Ok(all.records().filter(|record| record.code == sweep.version() && sweep.owns(&record.trial)).collect())
}

fn swept(
    method: &Method,
    sweep: &Sweep<'_>,
    task: &str,
    evidence: &Evidence,
    page: Option<PathBuf>,
    goal: Option<Goal>,
    made: Environment,
) -> Result<(Value, Table)> {
    let goal = Goal::choose(goal, evidence)?;
    let report = SweepReport::new(&method.card, task, sweep, evidence, goal, made);
    if let Some(page) = page {
        write_sweep_page(page, &report, sweep.space())?;
    }
    let mut fields = value(serde_json::to_value(&report))?;
    if let Value::Object(fields) = &mut fields {
        fields.insert("headline".into(), json!(report.headline()));
    }
    Ok((fields, report.table()?))
}
