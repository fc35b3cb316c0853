//! Fitted models as Python objects: saved, loaded and pickled through the bytes of a model file.

use crate::error::exception;
use crate::registry::methods;
use crate::to_python;
use elinvar_core::{FittedModel, Result, find};
use elinvar_data::ModelFile;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;

/// A fitted model.
#[pyclass(frozen, module = "elinvar._core")]
pub(crate) struct Model(FittedModel);

impl Model {
    /// Wraps a model.
    pub(crate) fn new(model: FittedModel) -> Self {
        Self(model)
    }

    /// The model.
    pub(crate) fn fitted(&self) -> &FittedModel {
        &self.0
    }

    fn to_file(&self) -> ModelFile {
        let FittedModel { params, model, .. } = &self.0;
        ModelFile::new(model.method(), model.format(), params.clone(), &model.to_state())
    }

    fn from_file(file: ModelFile) -> Result<Self> {
        let method = find(methods(), &file.slug)?;
        let (format, params) = (file.format, file.params.clone());
        method.load(file.into_state(), format, params).map(Self)
    }
}

#[pymethods]
impl Model {
    /// Slug of the method that fitted it.
    #[getter]
    fn slug(&self) -> &'static str {
        self.0.model.method()
    }

    /// The parameters of the fit.
    #[getter]
    fn params<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python::json(py, &self.0.params)
    }

    /// How the fit ended.
    #[getter]
    fn status(&self) -> &'static str {
        self.0.status.as_str()
    }

    /// Figures of every recorded step; empty where the model was read from a file.
    #[getter]
    fn trace<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python::table(py, self.0.trace.clone())
    }

    /// What a user wants to see of it, by name.
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_python::bundle(py, self.0.model.attributes())
    }

    /// The model as the bytes of a model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.to_file().to_bytes()).map_err(|e| exception(&e))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Makes a model again from such bytes.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        py.detach(|| ModelFile::from_bytes("bytes", bytes).and_then(Self::from_file)).map_err(|e| exception(&e))
    }

    /// Writes the model to a file, complete or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.to_file().write(path)).map_err(|e| exception(&e))
    }

    /// Reads a model from a file; with `slug` only one of that method.
    #[staticmethod]
    #[pyo3(signature = (path, slug=None))]
    fn load(py: Python<'_>, path: PathBuf, slug: Option<&str>) -> PyResult<Self> {
        let load = || {
            let file = ModelFile::read(&path)?;
            if let Some(slug) = slug {
                file.check(&path, slug, find(methods(), slug)?.model_format().unwrap_or_default())?;
            }
            Self::from_file(file)
        };
        py.detach(load).map_err(|e| exception(&e))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.to_bytes(py)?,)))
    }

    fn __repr__(&self) -> String {
        format!("<fitted model of {}>", self.0.model.method())
    }
}
