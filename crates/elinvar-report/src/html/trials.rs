//! The settings that all trials share and the table of all trials, each with its record.

use super::{Html, Ran};
use crate::number::{number, typeset};
use crate::report::TrialRow;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The page stays below 1 MB; what follows the trials takes a few kilobytes.
const BUDGET: usize = 950_000;
/// Columns of metrics; the others stand in the records.
const MOST_METRICS: usize = 6;

pub(super) fn section(html: &mut Html, ran: &Ran<'_>) {
    html.raw("<section>\n<h2 id=\"trials\">Settings and trials</h2>\n");
    if ran.trials.is_empty() {
        html.raw("<p>No trial has been run.</p>\n</section>\n");
        return;
    }
    let (shared, varied) = fields(ran.trials);
    if !shared.is_empty() {
        html.raw("<p class=\"note\">The same in every trial</p>\n<dl class=\"settings\">\n");
        for (name, value) in &shared {
            html.raw("<div><dt>").text(name).raw("</dt><dd>").text(&plain(value)).raw("</dd></div>\n");
        }
        html.raw("</dl>\n");
    }
    table(html, ran, &varied);
    html.raw("</section>\n");
}

/// Fields with one value in all trials, and the names of the others in the order of their first appearance.
fn fields(trials: &[TrialRow]) -> (Vec<(String, Value)>, Vec<String>) {
    let mut names: Vec<&String> = Vec::new();
    let mut seen = BTreeSet::new();
    for name in trials.iter().filter_map(|t| t.trial.as_object()).flat_map(|o| o.keys()) {
        if seen.insert(name) {
            names.push(name);
        }
    }
    let (mut shared, mut varied) = (Vec::new(), Vec::new());
    for name in names {
        let first = trials[0].trial.get(name);
        match first.filter(|_| trials.len() > 1 && trials.iter().all(|t| t.trial.get(name) == first)) {
            Some(value) => shared.push((name.clone(), value.clone())),
            None => varied.push(name.clone()),
        }
    }
    (shared, varied)
}

/// Names of the metrics of the table, and how many there are beside.
fn metrics(ran: &Ran<'_>) -> (Vec<String>, usize) {
    let measured: BTreeSet<&String> = ran.trials.iter().flat_map(|t| t.numbers.keys()).collect();
    let read = ran.first.iter().filter(|m| measured.contains(m));
    let mut names: Vec<String> = Vec::new();
    for name in read.chain(measured.iter().copied()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let left_out = names.len().saturating_sub(MOST_METRICS);
    names.truncate(MOST_METRICS);
    (names, left_out)
}

fn table(html: &mut Html, ran: &Ran<'_>, varied: &[String]) {
    let (metrics, left_out) = metrics(ran);
    html.raw("<p class=\"note\">");
    html.text(&format!("{} trials. Press a heading to sort, a record to see all that it holds", ran.count()));
    if left_out > 0 {
        let noun = if left_out == 1 { "metric" } else { "metrics" };
        html.text(&format!(" ({left_out} further {noun})"));
    }
    html.raw(".</p>\n<div class=\"scroll tall\" role=\"region\" aria-label=\"All trials\" tabindex=\"0\">\n<table class=\"plain trials\" data-sort>\n<thead><tr>");
    for name in varied {
        let numeric = ran.trials.iter().any(|t| t.trial.get(name).is_some_and(Value::is_number));
        heading(html, name, numeric);
    }
    metrics.iter().for_each(|name| heading(html, name, true));
    heading(html, "seconds", true);
    html.raw("<th scope=\"col\">record</th></tr></thead>\n<tbody>\n");
    let mut shown = 0;
    for trial in ran.trials {
        if html.len() > BUDGET {
            break;
        }
        row(html, trial, varied, &metrics);
        shown += 1;
    }
    html.raw("</tbody>\n</table>\n</div>\n");
    if shown < ran.count() {
        let rest = ran.count() - shown;
        let text = match ran.unlisted.trials {
            0 => format!("{rest} further trials are in report.json beside this page."),
            _ => format!("{rest} further trials are in the folder of the evidence; elinvar report --export writes all to one table."),
        };
        html.raw("<p class=\"note\">").text(&text).raw("</p>\n");
    }
}

fn heading(html: &mut Html, name: &str, numeric: bool) {
    html.raw(if numeric { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" });
    html.raw("<button type=\"button\">").text(name).raw("</button></th>");
}

fn row(html: &mut Html, trial: &TrialRow, varied: &[String], metrics: &[String]) {
    html.raw(if trial.error.is_some() { "<tr class=\"error\">" } else { "<tr>" });
    for name in varied {
        match trial.trial.get(name) {
            Some(value) if value.is_number() => html.raw("<td class=\"n\">").text(&plain(value)),
            Some(value) => html.raw("<td>").text(&plain(value)),
            None => html.raw("<td>"),
        };
        html.raw("</td>");
    }
    match &trial.error {
        Some(error) => {
            html.raw("<td class=\"why\"").attribute("colspan", &metrics.len().max(1).to_string()).raw(">").text(error).raw("</td>");
        }
        None => metrics.iter().for_each(|name| measured(html, trial.numbers.get(name).copied())),
    }
    html.raw("<td class=\"n\"").attribute("data-value", &trial.seconds.to_string()).raw(">").text(&number(trial.seconds)).raw("</td>");
    html.raw("<td class=\"record\"><details><summary>").text(trial.key.get(..8).unwrap_or(&trial.key)).raw("</summary><pre>");
    html.text(&record(trial)).raw("</pre></details></td></tr>\n");
}

fn measured(html: &mut Html, value: Option<f64>) {
    match value {
        Some(x) => html.raw("<td class=\"n\"").attribute("data-value", &x.to_string()).raw(">").text(&typeset(&number(x))),
        None => html.raw("<td>"),
    };
    html.raw("</td>");
}

/// All that is stored of a trial, series apart.
fn record(trial: &TrialRow) -> String {
    let mut value = json!({"key": trial.key, "code": trial.code, "trial": trial.trial, "seconds": trial.seconds});
    if let Some(fields) = value.as_object_mut() {
        match &trial.error {
            Some(error) => fields.insert("error".to_owned(), json!(error)),
            None => fields.insert("numbers".to_owned(), json!(trial.numbers)),
        };
    }
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// A value of a trial without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
