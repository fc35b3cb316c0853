//! The command line as a function, for the program `elinvar` that the package installs.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs one command with the streams of the process and returns its exit code.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| elinvar_cli::program(arguments))
}
