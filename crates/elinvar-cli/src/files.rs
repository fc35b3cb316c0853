//! Everything that touches files, in one place: a thin layer over elinvar-data.

use crate::terminal::Terminal;
use elinvar_core::{Bundle, Error, FittedModel, Item, Method, Result, Table};
use elinvar_data::{Format, ModelFile, TensorData};
use ndarray::Array1;
use serde_json::Value;
use std::path::Path;

/// What the end of a file name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    Csv,
    Parquet,
    Npy,
    Npz,
    Safetensors,
    Json,
    Other,
}

/// The kind of a file by its name.
pub(crate) fn extension(path: &Path) -> Extension {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    match () {
        () if ends(".csv") => Extension::Csv,
        () if ends(".parquet") => Extension::Parquet,
        () if ends(".npy") => Extension::Npy,
        () if ends(".npz") => Extension::Npz,
        () if ends(".safetensors") => Extension::Safetensors,
        () if ends(".json") => Extension::Json,
        () => Extension::Other,
    }
}

/// Refuses a target that cannot be written, before any work is done for it.
///
/// # Errors
/// When the folder is missing or cannot be written, or the name is a folder.
pub(crate) fn check_target(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder").hint("name a file"));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::file(path, format!("the folder '{}' does not exist", folder.display())).hint("make it first"));
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::file(path, format!("the folder '{}' cannot be written: {}", folder.display(), plain(&e)))),
    }
}

/// The text of a system error without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, plain(&e)))?;
    String::from_utf8(bytes).map_err(|_| Error::file(path, "is no text file (UTF-8)"))
}

/// A JSON file.
pub(crate) fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?).map_err(|e| Error::file(path, format!("is no JSON: {e}")))
}

/// A table from a file, or from standard input for `-`.
pub(crate) fn read_table(file: &str, terminal: &mut Terminal) -> Result<Table> {
    match file {
        "-" => elinvar_data::read_table_from(STANDARD_INPUT, &terminal.read_input()?),
        _ => elinvar_data::read_table(file),
    }
}

/// An array from a file, or from standard input for `-`.
pub(crate) fn read_numbers(file: &str, terminal: &mut Terminal) -> Result<Item<'static>> {
    let tensor = match file {
        "-" => elinvar_data::read_tensor_from(STANDARD_INPUT, &terminal.read_input()?)?,
        _ => elinvar_data::read_tensor(file)?,
    };
    Ok(tensor.into_item())
}

const STANDARD_INPUT: &str = "standard input";

/// A fitted model of this method.
pub(crate) fn read_model(path: &Path, method: &Method) -> Result<FittedModel> {
    let file = ModelFile::read(path)?;
    file.check(path, method.card.slug, method.model_format().unwrap_or(0))?;
    let (format, params) = (file.format, file.params.clone());
    method.load(file.into_state(), format, params)
}

/// Writes a fitted model.
pub(crate) fn write_model(path: &Path, model: &FittedModel) -> Result<()> {
    ModelFile::new(model.model.method(), model.model.format(), model.params.clone(), &model.model.to_state()).write(path)
}

/// Writes a text.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    elinvar_data::atomic_write(path, text.as_bytes())
}

/// Writes a table as CSV or Parquet, by extension.
pub(crate) fn write_table(path: &Path, table: &Table) -> Result<()> {
    elinvar_data::write_table(path, table)
}

/// Writes one array.
pub(crate) fn write_array(path: &Path, name: &str, item: &Item<'_>) -> Result<()> {
    let tensor = match item {
        Item::Table(table) => Some(TensorData::from(table.matrix()?)),
        other => TensorData::from_item(other.clone()),
    };
    let tensor = tensor.ok_or_else(|| Error::internal(format!("'{name}' has no rows to write")))?;
    elinvar_data::write_array(path, &tensor)
}

/// Writes all arrays of the results under their names.
pub(crate) fn write_arrays(path: &Path, values: &Bundle<'_>) -> Result<()> {
    let mut arrays = Vec::new();
    for (name, item) in values.iter() {
        match item {
            // A table goes column by column, text columns have no place in an array file.
            Item::Table(table) => {
                let numbers = table.iter().filter_map(|(column, cells)| Some((column, cells.to_numbers()?)));
                arrays.extend(numbers.map(|(column, cells)| (format!("{name}.{column}"), TensorData::from(Array1::from_vec(cells)))));
            }
            other => arrays.extend(TensorData::from_item(other.clone()).map(|tensor| (name.to_owned(), tensor))),
        }
    }
    elinvar_data::write_arrays(path, &arrays)
}

/// A table as the bytes of a CSV file.
pub(crate) fn csv_bytes(table: &Table) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    elinvar_data::write_table_to(&mut bytes, table, Format::Csv)?;
    Ok(bytes)
}

/// Rows as a table: arrays get columns named after them.
pub(crate) fn to_table(name: &str, item: &Item<'_>) -> Result<Table> {
    // Through its shortest text, so that 0.1 in single precision stays 0.1.
    let item = match item {
        Item::Array32(a) => Item::from(a.mapv(|x| x.to_string().parse::<f64>().unwrap_or(f64::from(x)))),
        other => other.clone(),
    };
    Bundle::new().with(name, item).table(name)
}

/// A result of rows as a table, its columns called as the list of names beside it says, such as `transformed_names`.
pub(crate) fn result_table(values: &Bundle<'_>, name: &str, item: &Item<'_>) -> Result<Table> {
    let table = to_table(name, item)?;
    match values.get(&format!("{name}_names")) {
        Some(Item::Json(Value::Array(names))) if names.len() == table.names().len() => {
            let names = names.iter().zip(table.iter());
            names
                .into_iter()
                .try_fold(Table::new(), |named, (name, (_, column))| named.with(name.as_str().unwrap_or_default(), column.clone()))
        }
        _ => Ok(table),
    }
}

/// What a file holds, as text or as JSON.
pub(crate) fn describe(path: &Path, as_json: bool) -> Result<String> {
    let description = elinvar_data::describe(path)?;
    if as_json {
        return Ok(description.to_string());
    }
    let mut parts = Bundle::new();
    for (name, value) in description.as_object().into_iter().flatten() {
        parts.insert(name.as_str(), value.clone());
    }
    Ok(crate::show::findings(&parts))
}
