//! Results as text for people and as JSON for programs.

use crate::flags;
use crate::terminal::Terminal;
use crate::{files, task};
use elinvar_core::{Bundle, Column, Item, Method, Outcome, Result, Shape, Table, Verb};
use elinvar_report::number::number;
use elinvar_report::terminal::data_table;
use ndarray::{ArrayViewD, Axis};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Rows of a table that a person reads; the rest is one flag away.
const ROWS: usize = 40;

/// Columns of an array that a person reads.
const COLUMNS: usize = 12;

/// Characters of a line where the terminal does not say how many it has.
const WIDTH: usize = 120;

/// Whether the only result is a table or array, which goes to stdout as CSV so that it fits in pipes.
fn is_raw(verb: &Verb) -> bool {
    let mut findings = verb.outputs.iter().filter(|field| !is_list_of_names(field.name));
    matches!((findings.next(), findings.next()), (Some(only), None) if is_rows(only.shape))
}

/// Whether a result only names the columns of another.
fn is_list_of_names(name: &str) -> bool {
    name.ends_with("_names")
}

/// Whether a result has rows.
pub(crate) fn is_rows(shape: Shape) -> bool {
    matches!(shape, Shape::Vector | Shape::Matrix | Shape::Tensor(_) | Shape::Table)
}

/// Prints results where there is no `--out`.
pub(crate) fn results(verb: &Verb, outcome: &Outcome, terminal: &mut Terminal) -> Result<()> {
    let mut items = outcome.values.iter().filter(|(name, _)| !is_list_of_names(name));
    match (items.next(), items.next()) {
        (Some((name, item)), None) if is_raw(verb) => {
            terminal.print_bytes(&files::csv_bytes(&files::result_table(&outcome.values, name, item)?)?)
        }
        (Some((_, Item::Document { text, .. })), None) => terminal.print(text),
        _ => terminal.print(&findings(&outcome.values)),
    }
}

/// What a fit learned and where it lies.
pub(crate) fn fit_text(outcome: &Outcome, path: &Path) -> String {
    let status = outcome.model.as_ref().map_or("", |model| model.status.as_str());
    let attributes = findings(&in_short(&outcome.values));
    format!("model written to {} ({})\n\n{attributes}", path.display(), status.replace('_', " "))
}

/// Arrays of many rows as their extent: they lie in the file.
fn in_short(values: &Bundle<'_>) -> Bundle<'static> {
    let mut short = Bundle::new();
    for (name, item) in values.iter() {
        match item {
            Item::Array(a) if a.ndim() > 0 && a.shape()[0] > ROWS => short.insert(name, Item::Json(json!(extent(a.view())))),
            other => short.insert(name, other.clone().into_owned()),
        }
    }
    short
}

/// `731 values from 0.5 to 7.3`.
fn extent(array: ArrayViewD<'_, f64>) -> String {
    let finite = || array.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let shape = array.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    if low > high { format!("{shape} values") } else { format!("{shape} values from {} to {}", number(low), number(high)) }
}

/// What stands in the file, and the findings that are no table.
pub(crate) fn saved_text(verb: &Verb, outcome: &Outcome, path: &Path) -> String {
    let mut rest = Bundle::new();
    let is_left = |shape: Shape| !is_rows(shape) && shape != Shape::Document;
    let left = |name: &str| !is_list_of_names(name) && verb.outputs.iter().any(|f| f.name == name && is_left(f.shape));
    for (name, item) in outcome.values.iter().filter(|(name, _)| left(name)) {
        rest.insert(name, item.clone());
    }
    let saved = format!("results written to {}\n", path.display());
    if rest.is_empty() { saved } else { format!("{saved}\n{}", findings(&rest)) }
}

/// Everything as one JSON object. What went to a file is not repeated.
pub(crate) fn json_report(method: &Method, verb: &Verb, outcome: &Outcome, out: Option<&Path>) -> String {
    let mut report = Map::new();
    report.insert("method".into(), json!(method.card.slug));
    report.insert("task".into(), json!(verb.name));
    if let Some(path) = out {
        report.insert("out".into(), json!(path.display().to_string()));
    }
    if let Some(model) = &outcome.model {
        report.insert("status".into(), json!(model.status.as_str()));
        report.insert("parameters".into(), task::used_parameters(outcome));
    }
    let in_file = |name: &str| out.is_some() && verb.outputs.iter().any(|f| f.name == name && is_rows(f.shape));
    let values = outcome.values.iter().filter(|(name, _)| !in_file(name)).map(|(name, item)| (name.to_owned(), item_json(item)));
    report.insert("results".into(), Value::Object(values.collect()));
    report.insert("warnings".into(), json!(outcome.warnings));
    Value::Object(report).to_string()
}

/// All items as one JSON object.
pub(crate) fn bundle_json(values: &Bundle<'_>) -> Value {
    Value::Object(values.iter().map(|(name, item)| (name.to_owned(), item_json(item))).collect())
}

/// An item as JSON. A table is a list of rows; what JSON cannot hold (NaN, infinity) is `null`.
pub(crate) fn item_json(item: &Item<'_>) -> Value {
    match item {
        Item::Array(a) => array_json(a.view(), &|x| json!(x)),
        // Through its shortest text, so that 0.1 stays 0.1.
        Item::Array32(a) => array_json(a.view(), &|x: &f32| x.to_string().parse::<f64>().map_or(Value::Null, |x| json!(x))),
        Item::Integers(a) => array_json(a.view(), &|x| json!(x)),
        Item::Table(table) => table_json(table),
        Item::Document { name, text } => json!({ "name": name, "text": text }),
        Item::Json(value) => value.clone(),
        Item::Sparse(_) | Item::Function(_) => Value::Null,
    }
}

fn array_json<T>(array: ArrayViewD<'_, T>, number: &dyn Fn(&T) -> Value) -> Value {
    if array.ndim() == 0 {
        return array.first().map_or(Value::Null, number);
    }
    Value::Array(array.axis_iter(Axis(0)).map(|part| array_json(part, number)).collect())
}

fn table_json(table: &Table) -> Value {
    let row = |i: usize| table.iter().map(|(name, column)| (name.to_owned(), cell_json(column, i))).collect();
    Value::Array((0..table.n_rows()).map(|i| Value::Object(row(i))).collect())
}

fn cell_json(column: &Column, row: usize) -> Value {
    match column {
        Column::Number(v) => json!(v[row]),
        Column::Integer(v) => json!(v[row]),
        Column::Bool(v) => json!(v[row]),
        Column::Text(v) => json!(v[row]),
    }
}

/// Scalars first, one a line, then every table and array under its name.
pub(crate) fn findings(values: &Bundle<'_>) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut blocks = Vec::new();
    let names = name_lists(values);
    for (name, item) in values.iter() {
        match named_rows(name, item, &names).or_else(|| block(name, item)) {
            Some(text) => blocks.push(text),
            None => add_lines(&mut lines, &mut blocks, name, &item_json(item)),
        }
    }
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut parts: Vec<String> = Vec::new();
    if !lines.is_empty() {
        parts.push(lines.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect());
    }
    parts.extend(blocks);
    parts.join("\n")
}

/// Lists of names among the values, such as `feature_names`, with what they name.
fn name_lists(values: &Bundle<'_>) -> Vec<(String, Vec<String>)> {
    let list = |(name, item): (&str, &Item<'_>)| {
        let (kind, Item::Json(Value::Array(names))) = (name.strip_suffix("_names")?, item) else { return None };
        let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
        names.filter(|names| !names.is_empty()).map(|names| (kind.to_owned(), names))
    };
    values.iter().filter_map(list).collect()
}

/// One number for each feature, beside the feature's name: that of a list called after it, or of any list of its length.
fn named_rows(name: &str, item: &Item<'_>, lists: &[(String, Vec<String>)]) -> Option<String> {
    let Item::Array(a) = item else { return None };
    let fits = |list: &&(String, Vec<String>)| a.ndim() == 1 && list.1.len() == a.len();
    let (kind, names) = lists.iter().filter(fits).max_by_key(|(kind, _)| name.starts_with(kind.as_str()))?;
    let names = Column::Text(names.iter().cloned().map(Some).collect());
    let title = if kind == "feature" { "feature" } else { "name" };
    let table = Table::new().with(title, names).and_then(|t| t.with(name, Column::Number(a.iter().copied().collect())));
    table.ok().map(|table| format!("{name}\n{}", table_text(&table)))
}

/// A JSON object becomes one line a field, as deep as it goes; a list of objects becomes a table.
fn add_lines(lines: &mut Vec<(String, String)>, blocks: &mut Vec<String>, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| add_lines(lines, blocks, &format!("{name}.{key}"), value)),
        Value::Array(entries) if !entries.is_empty() && entries.iter().all(Value::is_object) => {
            if let Ok(table) = entries_table(entries) {
                blocks.push(format!("{name}\n{}", table_text(&table)));
            }
        }
        other => lines.push((name.to_owned(), cell_text(other))),
    }
}

/// A value in one line, numbers to four digits.
fn cell_text(value: &Value) -> String {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map_or(n.to_string(), number),
        Value::Array(items) => {
            let shown = items.iter().take(COLUMNS).map(cell_text).collect::<Vec<_>>().join(", ");
            if items.len() > COLUMNS { format!("{shown}, … {} more", items.len() - COLUMNS) } else { shown }
        }
        Value::Object(fields) => fields.iter().map(|(k, v)| format!("{k}={}", cell_text(v))).collect::<Vec<_>>().join(", "),
        other => flags::show(other),
    }
}

/// One row an entry; the columns are all the fields that any entry has.
fn entries_table(entries: &[Value]) -> Result<Table> {
    let mut names: Vec<&String> = Vec::new();
    for name in entries.iter().filter_map(Value::as_object).flat_map(|entry| entry.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let cell = |entry: &Value, name: &str| match entry.get(name) {
        None | Some(Value::Null) => None,
        Some(value) => Some(cell_text(&shortened(value))),
    };
    names.into_iter().try_fold(Table::new(), |table, name| {
        table.with(name.clone(), Column::Text(entries.iter().map(|entry| cell(entry, name)).collect()))
    })
}

/// In a cell the first few values are enough for a look; `--json` has all.
fn shortened(value: &Value) -> Value {
    const FEW: usize = 3;
    match value {
        Value::Array(items) => items.iter().take(FEW).cloned().collect(),
        Value::Object(fields) => Value::Object(fields.iter().take(FEW).map(|(k, v)| (k.clone(), v.clone())).collect()),
        other => other.clone(),
    }
}

fn block(name: &str, item: &Item<'_>) -> Option<String> {
    let titled = |text: String| Some(format!("{name}\n{text}"));
    match item {
        Item::Table(table) => titled(table_text(table)),
        Item::Document { text, .. } => titled(text.clone()),
        Item::Array(_) | Item::Array32(_) | Item::Integers(_) => match shape(item) {
            [] => None,
            [_, columns, ..] if *columns > COLUMNS => titled(format!("{}\n", item.describe())),
            [_] | [_, _] => files::to_table(name, item).ok().and_then(|table| titled(table_text(&table))),
            _ => titled(format!("{}\n", item.describe())),
        },
        _ => None,
    }
}

fn shape<'a>(item: &'a Item<'_>) -> &'a [usize] {
    match item {
        Item::Array(a) => a.shape(),
        Item::Array32(a) => a.shape(),
        Item::Integers(a) => a.shape(),
        _ => &[],
    }
}

/// The first rows of a table, for a person.
fn table_text(table: &Table) -> String {
    data_table(table, ROWS, WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn findings_put_scalars_first_and_align_tables() {
        let table = Table::new()
            .with("group", Column::Text(vec![Some("young women".into()), None]))
            .and_then(|t| t.with("rows", Column::Integer(vec![7, 1234])))
            .unwrap();
        let values = Bundle::new().with("groups", table).with("statistic", 0.25).with("note", json!({"a": 1, "b": "x"}));
        let text = findings(&values);
        assert!(text.starts_with("statistic  0.25\nnote.a     1\nnote.b     x\n\ngroups\ngroup        rows\n"), "{text}");
        assert!(text.contains("young women     7\n"), "{text}");
    }

    #[test]
    fn coefficients_stand_beside_their_features_and_long_lists_are_cut() {
        let values = Bundle::new().with("feature_names", json!(["age", "car=suv"])).with("coef", array![0.5, -1.0]);
        assert!(findings(&values).contains("feature  coef\n"), "{}", findings(&values));
        let many = Bundle::new().with("levels", json!((0..40).collect::<Vec<_>>()));
        assert!(findings(&many).ends_with("10, 11, … 28 more\n"), "{}", findings(&many));
    }

    #[test]
    fn json_keeps_single_precision_short_and_has_no_nan() {
        assert_eq!(item_json(&array![[0.1_f32, 2.0]].into()), json!([[0.1, 2.0]]));
        assert_eq!(item_json(&f64::NAN.into()), Value::Null);
    }
}
