//! Runs a reproduction and hands over the judged claims.

use crate::error::{Raised, exception};
use crate::registry::method;
use crate::run::{context, interruptible, reporter};
use crate::to_python::json;
use elinvar_core::reproduction::{self, Run, Scale, Shard};
use elinvar_core::{Context, Error, Method, Result};
use elinvar_report::{EvidenceStore, Report, detect_environment, write_page};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where evidence is kept unless the caller says otherwise; the command line uses the same folder.
const FOLDER: &str = "elinvar-evidence";

/// Runs the trials of a scale that the folder does not have, judges the claims on all of them, and writes the page where asked to.
#[pyfunction]
#[pyo3(signature = (slug, scale, folder=None, shard=None, threads=None, retry_failed=false, report=None, progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn reproduce<'py>(
    py: Python<'py>,
    slug: &str,
    scale: &str,
    folder: Option<PathBuf>,
    shard: Option<&str>,
    threads: Option<usize>,
    retry_failed: bool,
    report: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let method = method(slug)?;
    let raised = Raised::default();
    let request = || {
        let scale = scale_of(scale)?;
        let shard = shard.map_or(Ok(Shard::default()), str::parse)?;
        Ok((scale, shard, context(0, threads, None, None)?))
    };
    let (scale, shard, context) = request().map_err(|e: Error| exception(&e.in_method(slug)))?;
    let folder = folder.unwrap_or_else(|| FOLDER.into());
    let environment = detect_environment(env!("CARGO_PKG_VERSION"));
    // Ticks inside a trial are not those of the reproduction: the engine reports finished trials to the run's own sink.
    let cancel = context.cancel_flag();
    let sink = progress.map(|callback| reporter(callback, cancel, &raised));
    let run = Run { shard, retry_failed, environment, progress: sink };
    let work = |ctx: &mut Context| judged(method, scale, &run, &folder, report.as_deref(), ctx);
    json(py, &interruptible(py, context, &raised, work)?)
}

fn scale_of(word: &str) -> Result<Scale> {
    let found = Scale::ALL.into_iter().find(|scale| scale.as_str() == word);
    found.ok_or_else(|| Error::parameter("scale", "one of 'tiny', 'quick', 'paper'", format!("'{word}'")))
}

fn judged(method: &Method, scale: Scale, run: &Run, folder: &Path, page: Option<&Path>, ctx: &Context) -> Result<Value> {
    let store = EvidenceStore::open(folder)?;
    let found = reproduction::run(method, scale, run, &store, ctx)?;
    let report = Report::new(&method.card, scale, &found, &method.reproduction.differences(), run.environment.clone());
    if let Some(page) = page {
        write_page(page, &report, &method.reproduction.figures(&found.evidence))?;
    }
    let value = |part: serde_json::Result<Value>| part.map_err(|e| Error::internal(format!("the report cannot be serialised: {e}")));
    Ok(json!({
        "claims": value(serde_json::to_value(&report.claims))?,
        "trials": value(serde_json::to_value(&report.trials))?,
        "planned": found.trials,
        "ran": found.ran,
        "differences": report.differences,
        "folder": folder.display().to_string(),
        "warnings": store.warnings(),
    }))
}
