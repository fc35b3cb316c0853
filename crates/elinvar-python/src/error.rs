//! Errors of the library as the exceptions that Python programmers expect.

use elinvar_core::{Error, Kind};
use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyFloatingPointError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyPermissionError, PyRuntimeError,
    PyTimeoutError, PyValueError,
};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The exception for an error. Its text is the error's one line.
pub(crate) fn exception(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        Kind::Parameter | Kind::Input | Kind::Model => PyValueError::new_err(text),
        Kind::File => file_exception(error, text),
        // An `ArithmeticError`, the one that NumPy raises as well.
        Kind::Numeric => PyFloatingPointError::new_err(text),
        Kind::Memory => PyMemoryError::new_err(text),
        Kind::Time => PyTimeoutError::new_err(text),
        Kind::Interrupted => PyKeyboardInterrupt::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}

fn file_exception(error: &Error, text: String) -> PyErr {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => PyFileNotFoundError::new_err(text),
        Some(io::ErrorKind::PermissionDenied) => PyPermissionError::new_err(text),
        _ => PyOSError::new_err(text),
    }
}

/// Keeps the first Python exception that arose while Rust was at work, so that the caller sees it and not its echo.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    /// Keeps an exception, unless there is one already.
    pub(crate) fn keep(&self, exception: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(exception);
    }

    /// Whether there is one.
    pub(crate) fn is_some(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes it out.
    pub(crate) fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
