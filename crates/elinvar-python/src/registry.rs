//! The registry of methods, made once, and its description for Python.

use crate::error::exception;
use crate::to_python::{bundle, json};
use elinvar_core::{Error, Method, find};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Every method. The list is a constant; it is kept because reading all schemas takes longer than a small call.
pub(crate) fn methods() -> &'static [Method] {
    static METHODS: OnceLock<Vec<Method>> = OnceLock::new();
    METHODS.get_or_init(build)
}

fn build() -> Vec<Method> {
    let methods = elinvar::methods();
    #[cfg(feature = "testing")]
    let methods = methods.into_iter().chain(crate::testing::methods()).collect();
    methods
}

/// The method of that slug.
pub(crate) fn method(slug: &str) -> PyResult<&'static Method> {
    find(methods(), slug).map_err(|e| exception(&e))
}

/// Every method as a dict: card, tasks with parameters, inputs and outputs, and classes.
#[pyfunction]
pub(crate) fn registry(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    json(py, &Value::Array(methods().iter().map(describe).collect::<PyResult<_>>()?))
}

/// The documentation of a method as Markdown.
#[pyfunction]
pub(crate) fn readme(slug: &str) -> PyResult<&'static str> {
    Ok(method(slug)?.readme)
}

fn describe(method: &Method) -> PyResult<Value> {
    let describe = || -> serde_json::Result<Value> {
        let mut card = serde_json::to_value(method.card)?;
        let verbs = method.verbs.iter().map(|verb| -> serde_json::Result<Value> {
            Ok(json!({
                "name": verb.name,
                "summary": verb.summary,
                "kind": verb.kind,
                "parameters": verb.params.parameters,
                "inputs": verb.inputs,
                "outputs": verb.outputs,
                "devices": verb.devices,
            }))
        });
        card["verbs"] = Value::Array(verbs.collect::<serde_json::Result<_>>()?);
        card["classes"] = serde_json::to_value(&method.classes)?;
        card["model_format"] = serde_json::to_value(method.model_format())?;
        card["needs"] = serde_json::to_value(method.needs)?;
        card["version"] = Value::from(env!("CARGO_PKG_VERSION"));
        Ok(card)
    };
    describe().map_err(|e| exception(&Error::internal(format!("the registry cannot be described: {e}"))))
}

/// Small valid inputs of a task, by name.
#[pyfunction]
pub(crate) fn example<'py>(py: Python<'py>, slug: &str, verb: &str) -> PyResult<Bound<'py, PyDict>> {
    let verb = method(slug)?.verb(verb).map_err(|e| exception(&e))?;
    bundle(py, (verb.example)())
}
