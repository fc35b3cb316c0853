//! `report.json`, the judged evidence of record: the head pretty-printed, then one trial a line, so that a diff shows what changed.

use crate::atomic::{plain, write_atomically};
use crate::report::Report;
use elinvar_core::reproduction::Figure;
use elinvar_core::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// A file stays below this; figures are left out where they would exceed it.
const BUDGET: usize = 1_000_000;

/// Writes the judged evidence of record, with the figures as data where the file stays below 1 MB.
///
/// Series of the trials are not kept: what figures need of them is in the figures.
///
/// # Errors
/// When the file cannot be written.
pub fn write_report_json(path: impl AsRef<Path>, report: &Report, figures: &[Figure]) -> Result<()> {
    write_atomically(path, render(report, figures)?.as_bytes())
}

/// Reads what [`write_report_json`] wrote. Figures are not read back: they are drawn from evidence.
///
/// # Errors
/// When the file cannot be read or is no report.
pub fn read_report_json(path: impl AsRef<Path>) -> Result<Report> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, format!("cannot be read ({})", plain(&e))).caused_by(e))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::file(path, format!("is no report of a reproduction ({error})"))
            .hint("write it again with 'elinvar reproduce'")
            .caused_by(error)
    })
}

/// The text of the file.
pub(crate) fn render(report: &Report, figures: &[Figure]) -> Result<String> {
    let mut head = to_value(report)?;
    let mut lines = vec![("trials", lines_of(&report.trials)?)];
    let mut drawn = Vec::new();
    for figure in figures {
        drawn.push(compact(&rounded(to_value(figure)?))?);
    }
    let size = |lines: &[String]| lines.iter().map(|l| l.len() + 6).sum::<usize>();
    if size(&lines[0].1) + size(&drawn) < BUDGET - 100_000 {
        lines.insert(0, ("figures", drawn));
    } else if let Some(fields) = head.as_object_mut() {
        fields.insert("figures_left_out".to_owned(), json!("the file would exceed 1 MB; they are in index.html"));
    }
    if let Some(fields) = head.as_object_mut() {
        fields.shift_remove("trials");
    }
    let pretty = serde_json::to_string_pretty(&head).map_err(|e| unserialisable(&e))?;
    let mut text = pretty.strip_suffix("\n}").unwrap_or(&pretty).to_owned();
    for (name, items) in lines {
        text.push_str(&format!(",\n  \"{name}\": ["));
        for (i, item) in items.iter().enumerate() {
            text.push_str(if i == 0 { "\n    " } else { ",\n    " });
            text.push_str(item);
        }
        text.push_str(if items.is_empty() { "]" } else { "\n  ]" });
    }
    text.push_str("\n}\n");
    Ok(text)
}

fn lines_of(items: &[impl Serialize]) -> Result<Vec<String>> {
    items.iter().map(|item| compact(&to_value(item)?)).collect()
}

fn compact(value: &Value) -> Result<String> {
    serde_json::to_string(value).map_err(|e| unserialisable(&e))
}

fn to_value(item: &impl Serialize) -> Result<Value> {
    serde_json::to_value(item).map_err(|e| unserialisable(&e))
}

fn unserialisable(error: &serde_json::Error) -> Error {
    Error::internal(format!("a report cannot be serialised: {error}"))
}

/// Positions in figures to six digits: they are for drawing, the trials keep every bit.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => {
            let short = n.as_f64().and_then(|x| format!("{x:.5e}").parse::<f64>().ok());
            short.map_or(Value::Null, |x| json!(x))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(rounded).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(k, v)| (k, rounded(v))).collect()),
        other => other,
    }
}
