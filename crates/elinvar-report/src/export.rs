//! All trials in one table, for pandas, polars and spreadsheets.

use elinvar_core::reproduction::Evidence;
use elinvar_core::{Column, Result, Table};
use serde_json::Value;

/// One row a trial: `method`, `key`, the fields of the trials, the numbers that they measured (`result.NAME` where a name is taken), `seconds`,
/// `error`, `code`, `version`, `machine` and `date`.
///
/// # Errors
/// Never for evidence that was stored.
pub fn trials_table(all: &[Evidence]) -> Result<Table> {
    let rows = || all.iter().flat_map(|evidence| (0..evidence.len()).map(move |row| (evidence, row)));
    let mut table = Table::new();
    let text = |of: &dyn Fn(&Evidence, usize) -> Option<String>| Column::Text(rows().map(|(evidence, row)| of(evidence, row)).collect());
    table.push("method", text(&|evidence, _| Some(evidence.method().to_owned())))?;
    table.push("key", text(&|evidence, row| Some(evidence.key(row))))?;
    for name in names(all, |evidence| evidence.fields().collect()) {
        let cells: Vec<Option<Value>> = rows().map(|(evidence, row)| evidence.field(row, name)).collect();
        push(&mut table, "trial", name, column(&cells))?;
    }
    for name in names(all, |evidence| evidence.metrics().collect()) {
        let cells = rows().map(|(evidence, row)| evidence.number(row, name).unwrap_or(f64::NAN)).collect();
        push(&mut table, "result", name, Column::Number(cells))?;
    }
    let seconds = rows().map(|(evidence, row)| evidence.seconds_of(row)).collect();
    push(&mut table, "trial", "seconds", Column::Number(seconds))?;
    push(&mut table, "trial", "error", text(&|evidence, row| evidence.error(row).map(str::to_owned)))?;
    push(&mut table, "trial", "code", Column::Integer(rows().map(|(evidence, row)| i64::from(evidence.code(row))).collect()))?;
    push(&mut table, "trial", "version", text(&|evidence, row| Some(evidence.environment(row).version.clone())))?;
    push(&mut table, "trial", "machine", text(&|evidence, row| Some(evidence.environment(row).machine.clone())))?;
    push(&mut table, "trial", "date", text(&|evidence, row| Some(evidence.environment(row).date.clone())))?;
    Ok(table)
}

/// Names in the order of their first appearance.
fn names<'a>(all: &'a [Evidence], of: impl Fn(&'a Evidence) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in all.iter().flat_map(of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn push(table: &mut Table, prefix: &str, name: &str, column: Column) -> Result<()> {
    let taken = table.names().iter().any(|known| known == name);
    table.push(if taken { format!("{prefix}.{name}") } else { name.to_owned() }, column)
}

/// Whole numbers, numbers, true and false, or text, whatever holds all cells that are there.
pub(crate) fn column(cells: &[Option<Value>]) -> Column {
    let present = || cells.iter().flatten().filter(|cell| !cell.is_null());
    let whole = cells.iter().all(|cell| cell.as_ref().is_some_and(Value::is_i64));
    if whole {
        return Column::Integer(cells.iter().filter_map(|cell| cell.as_ref()?.as_i64()).collect());
    }
    if present().all(Value::is_number) {
        return Column::Number(cells.iter().map(|cell| cell.as_ref().and_then(Value::as_f64).unwrap_or(f64::NAN)).collect());
    }
    if cells.iter().all(|cell| cell.as_ref().is_some_and(Value::is_boolean)) {
        return Column::Bool(cells.iter().filter_map(|cell| cell.as_ref()?.as_bool()).collect());
    }
    Column::Text(cells.iter().map(|cell| cell.as_ref().filter(|cell| !cell.is_null()).map(crate::html::plain)).collect())
}
