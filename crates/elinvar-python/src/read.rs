//! Reads a table from a file.

use crate::error::exception;
use crate::to_python;
use pyo3::prelude::*;
use std::path::PathBuf;

/// A table from a CSV, Parquet, Arrow or NumPy file.
#[pyfunction]
pub(crate) fn read_table(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let table = py.detach(|| elinvar_data::read_table(&path)).map_err(|e| exception(&e))?;
    to_python::table(py, table)
}
