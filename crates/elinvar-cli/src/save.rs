//! Results into files, by extension.

use crate::files::{self, Extension};
use crate::show::{bundle_json, is_rows};
use elinvar_core::{Bundle, Error, Item, Kind, Result, Shape, Table, Verb, VerbKind};
use std::path::Path;

/// Refuses a file name that the results of a task cannot go to, before anything is computed.
///
/// # Errors
/// For an extension that does not fit, or a folder that is not there.
pub(crate) fn check(verb: &Verb, path: &Path) -> Result<()> {
    files::check_target(path)?;
    let extension = files::extension(path);
    if verb.kind == VerbKind::Fit {
        return match extension {
            Extension::Safetensors => Ok(()),
            _ => Err(wrong(path, "a model is written as .safetensors")),
        };
    }
    let rows: Vec<&str> = verb.outputs.iter().filter(|f| is_rows(f.shape)).map(|f| f.name).collect();
    let documents = verb.outputs.iter().filter(|f| f.shape == Shape::Document).count();
    match extension {
        Extension::Json => Ok(()),
        Extension::Csv | Extension::Parquet | Extension::Npy if rows.len() == 1 => Ok(()),
        // What a model says of rows stands side by side, row by row.
        Extension::Csv | Extension::Parquet if rows.len() > 1 && verb.kind == VerbKind::Apply => Ok(()),
        Extension::Csv | Extension::Parquet | Extension::Npy if rows.len() > 1 => {
            Err(wrong(path, &format!("one file of this kind holds one table, the results are {}; use .json or .npz", rows.join(", "))))
        }
        Extension::Npz if !rows.is_empty() => Ok(()),
        _ if documents == 1 && verb.outputs.len() == 1 => Ok(()),
        _ if rows.is_empty() => Err(wrong(path, "these results are written as .json")),
        _ => Err(wrong(path, "results are written as .csv, .parquet, .npy, .npz or .json")),
    }
}

fn wrong(path: &Path, hint: &str) -> Error {
    Error::new(Kind::Parameter, format!("the results cannot be written to '{}'", path.display())).hint(hint)
}

/// Writes results; the file is there whole or not at all.
pub(crate) fn write(path: &Path, values: &Bundle<'_>) -> Result<()> {
    let rows = values.iter().find(|(_, item)| has_rows(item));
    match (files::extension(path), rows) {
        (Extension::Json, _) => files::write_text(path, &format!("{}\n", bundle_json(values))),
        (Extension::Csv | Extension::Parquet, Some(_)) => files::write_table(path, &side_by_side(path, values)?),
        (Extension::Npy, Some((name, item))) => files::write_array(path, name, item),
        (Extension::Npz, Some(_)) => files::write_arrays(path, values),
        _ => match values.iter().next() {
            Some((_, Item::Document { text, .. })) => files::write_text(path, text),
            _ => Err(wrong(path, "there are no rows in the results; use .json")),
        },
    }
}

/// All results of rows as one table.
fn side_by_side(path: &Path, values: &Bundle<'_>) -> Result<Table> {
    let mut all = Table::new();
    for (name, item) in values.iter().filter(|(_, item)| has_rows(item)) {
        let part = files::result_table(values, name, item)?;
        if !all.names().is_empty() && part.n_rows() != all.n_rows() {
            let hint = format!(
                "one file of this kind holds one table, and '{name}' has {} rows of {}; use .json or .npz",
                part.n_rows(),
                all.n_rows()
            );
            return Err(wrong(path, &hint));
        }
        for (column, cells) in part.iter() {
            all = all.with(column, cells.clone())?;
        }
    }
    Ok(all)
}

fn has_rows(item: &Item<'_>) -> bool {
    match item {
        Item::Array(a) => a.ndim() > 0,
        Item::Array32(a) => a.ndim() > 0,
        Item::Integers(a) => a.ndim() > 0,
        Item::Table(_) => true,
        Item::Sparse(_) | Item::Document { .. } | Item::Json(_) | Item::Function(_) => false,
    }
}

/// Refuses a file name that a table cannot go to.
pub(crate) fn check_table(path: &Path) -> Result<()> {
    files::check_target(path)?;
    match files::extension(path) {
        Extension::Csv | Extension::Parquet => Ok(()),
        _ => Err(wrong(path, "a table is written as .csv or .parquet")),
    }
}
