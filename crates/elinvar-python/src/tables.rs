//! Tables of pandas, polars, pyarrow and plain dicts. What differs between them is read in `elinvar._tables`; here are four kinds of cells.

use crate::error::exception;
use elinvar_core::{Column, Table};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// Whether the value has named columns.
pub(crate) fn is_table(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.py().import("elinvar._tables")?.call_method1("is_table", (value,))?.extract()
}

/// A table from anything with columns; an array or list becomes columns named after the input.
pub(crate) fn table(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Table> {
    let columns = value.py().import("elinvar._tables")?.call_method1("columns", (value, name))?;
    let mut table = Table::new();
    for pair in columns.try_iter()? {
        let (name, cells): (String, Bound<'_, PyAny>) = pair?.extract()?;
        table.push(name.as_str(), column(&cells, &name)?).map_err(|e| exception(&e))?;
    }
    Ok(table)
}

fn column(cells: &Bound<'_, PyAny>, name: &str) -> PyResult<Column> {
    if let Ok(numbers) = cells.cast::<PyArray1<f64>>() {
        return Ok(Column::Number(numbers.readonly().as_array().to_vec()));
    }
    if let Ok(numbers) = cells.cast::<PyArray1<i64>>() {
        return Ok(Column::Integer(numbers.readonly().as_array().to_vec()));
    }
    if let Ok(flags) = cells.cast::<PyArray1<bool>>() {
        return Ok(Column::Bool(flags.readonly().as_array().to_vec()));
    }
    let texts = cells.extract::<Vec<Option<String>>>();
    texts.map(Column::Text).map_err(|_| PyTypeError::new_err(format!("column '{name}' must hold numbers, text or booleans")))
}
