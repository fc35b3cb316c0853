//! From Rust to Python: arrays become NumPy arrays without a copy, tables become `elinvar.Table`, JSON becomes plain objects.

use crate::error::exception;
use elinvar_core::{Bundle, Column, Error, Item, Table};
use ndarray::ArrayD;
use numpy::{Element, IntoPyArray};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

/// A dict of all items.
pub(crate) fn bundle<'py>(py: Python<'py>, mut items: Bundle<'static>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let names: Vec<String> = items.names().into_iter().map(str::to_owned).collect();
    for name in names {
        if let Some(value) = items.remove(&name) {
            dict.set_item(name, item(py, value)?)?;
        }
    }
    Ok(dict)
}

fn item<'py>(py: Python<'py>, item: Item<'static>) -> PyResult<Bound<'py, PyAny>> {
    match item {
        Item::Array(a) => array(py, a.into_owned()),
        Item::Array32(a) => array(py, a.into_owned()),
        Item::Integers(a) => array(py, a),
        Item::Table(t) => table(py, t),
        Item::Document { text, .. } => text.into_bound_py_any(py),
        Item::Json(v) => json(py, &v),
        Item::Sparse(_) | Item::Function(_) => Err(exception(&Error::internal(format!("{} cannot be handed to Python", item.describe())))),
    }
}

/// An array; one without axes becomes a plain number.
fn array<T: Element>(py: Python<'_>, array: ArrayD<T>) -> PyResult<Bound<'_, PyAny>> {
    let is_number = array.ndim() == 0;
    let array = array.into_pyarray(py).into_any();
    if is_number { array.call_method0("item") } else { Ok(array) }
}

/// A table as `elinvar.Table`.
pub(crate) fn table(py: Python<'_>, table: Table) -> PyResult<Bound<'_, PyAny>> {
    let columns = PyDict::new(py);
    for (name, cells) in table.iter() {
        let cells = match cells {
            Column::Number(v) => v.clone().into_pyarray(py).into_any(),
            Column::Integer(v) => v.clone().into_pyarray(py).into_any(),
            Column::Bool(v) => v.clone().into_pyarray(py).into_any(),
            Column::Text(v) => v.into_bound_py_any(py)?,
        };
        columns.set_item(name, cells)?;
    }
    py.import("elinvar._results")?.getattr("Table")?.call1((columns,))
}

/// A JSON value as plain Python objects.
pub(crate) fn json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(b) => b.into_bound_py_any(py),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => i.into_bound_py_any(py),
            (None, Some(u)) => u.into_bound_py_any(py),
            (None, None) => n.as_f64().into_bound_py_any(py),
        },
        Value::String(s) => s.into_bound_py_any(py),
        Value::Array(items) => {
            let items = items.iter().map(|v| json(py, v)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        Value::Object(items) => {
            let dict = PyDict::new(py);
            for (name, v) in items {
                dict.set_item(name, json(py, v)?)?;
            }
            Ok(dict.into_any())
        }
    }
}
