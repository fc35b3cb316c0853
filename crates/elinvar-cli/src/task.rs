//! Runs one task of a method.

use crate::terminal::Terminal;
use crate::{files, flags, inputs, options, save, show};
use clap::ArgMatches;
use elinvar_core::{Error, FittedModel, Kind, Method, Outcome, Result, Status, Verb, VerbKind};
use serde_json::json;
use std::path::Path;

/// Reads what the flags name, runs the task, writes the results.
pub(crate) fn run(method: &Method, verb: &Verb, matches: &ArgMatches, terminal: &mut Terminal) -> Result<u8> {
    let params = flags::read(&verb.params, matches)?;
    let mut context = options::context(matches, terminal)?;
    let out = options::text(matches, "out").map(Path::new);
    // Hours of work must not end at a name that cannot be written.
    if let Some(path) = out {
        save::check(verb, path)?;
    }
    let model = load_model(method, verb, matches)?;
    let data = inputs::read(verb, matches, terminal)?;
    let outcome = method.run(verb.name, &params, model.as_ref(), &data, &mut context).map_err(say_how_to_go_on)?;
    // The bar goes away with its context, before anything is printed.
    drop(context);
    refuse_unfinished(matches, outcome.model.as_ref())?;
    options::refuse_warnings(matches, &outcome.warnings)?;
    finish(method, verb, matches, &outcome, out, terminal)?;
    Ok(0)
}

fn finish(
    method: &Method,
    verb: &Verb,
    matches: &ArgMatches,
    outcome: &Outcome,
    out: Option<&Path>,
    terminal: &mut Terminal,
) -> Result<()> {
    match (verb.kind, &outcome.model, out) {
        (VerbKind::Fit, Some(model), Some(path)) => files::write_model(path, model)?,
        (_, _, Some(path)) => save::write(path, &outcome.values)?,
        _ => {}
    }
    if matches.get_flag("json") {
        return terminal.print(&show::json_report(method, verb, outcome, out));
    }
    if !matches.get_flag("quiet") {
        for warning in all_warnings(outcome) {
            terminal.note(&format!("warning: {warning}"));
        }
    }
    match (verb.kind, out) {
        (VerbKind::Fit, Some(path)) => terminal.print(&show::fit_text(outcome, path)),
        (_, Some(path)) => terminal.print(&show::saved_text(verb, outcome, path)),
        (_, None) => show::results(verb, outcome, terminal),
    }
}

fn load_model(method: &Method, verb: &Verb, matches: &ArgMatches) -> Result<Option<FittedModel>> {
    match options::text(matches, "model") {
        Some(path) if verb.kind == VerbKind::Apply => files::read_model(Path::new(path), method).map(Some),
        _ => Ok(None),
    }
}

/// The cap of a fit is a warning like any other.
fn all_warnings(outcome: &Outcome) -> Vec<String> {
    let unfinished = outcome.model.as_ref().and_then(|model| unfinished(model.status));
    unfinished.into_iter().map(str::to_owned).chain(outcome.warnings.iter().cloned()).collect()
}

fn unfinished(status: Status) -> Option<&'static str> {
    match status {
        Status::Converged => None,
        Status::IterationLimit => Some("the fit reached its iteration limit before it converged"),
        Status::TimeLimit => Some("the fit reached its time limit before it converged"),
    }
}

fn refuse_unfinished(matches: &ArgMatches, model: Option<&FittedModel>) -> Result<()> {
    match model.and_then(|model| unfinished(model.status)) {
        Some(what) if matches.get_flag("strict") => {
            Err(Error::new(Kind::Numeric, what).hint("--strict makes this an error; nothing was written"))
        }
        _ => Ok(()),
    }
}

fn say_how_to_go_on(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => error.hint("nothing was written; run the same command again"),
        _ => error,
    }
}

/// Parameters of a call as JSON, for reports.
pub(crate) fn used_parameters(outcome: &Outcome) -> serde_json::Value {
    outcome.model.as_ref().map_or(json!(null), |model| model.params.clone())
}
