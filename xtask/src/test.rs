//! Everything that must pass.

use crate::python;
use crate::shell::{cargo, has, stage};
use elinvar_core::Result;

/// The Python module is among them, though it is tested from Python: what is built here then has the features that it needs, and is not
/// built again for it.
const RUST: [&str; 1] = ["--workspace"];

/// Crates with code behind features that the default build leaves out: Burn networks, AnnData files and recordings.
const OPTIONAL: [&str; 8] = ["-p", "elinvar-nn", "-p", "elinvar-transport", "-p", "elinvar-data", "--features", FEATURES];
const FEATURES: &str = "elinvar-nn/burn,elinvar-transport/burn,elinvar-transport/hdf5,elinvar-data/hdf5,elinvar-data/edf";

/// Rust tests, documentation tests, then the Python package; with a filter only the Rust tests of that name.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    rust(filter)?;
    if filter.is_some() {
        return Ok(());
    }
    stage("documentation tests", cargo(&["test", "--doc", "--quiet"]).args(RUST))?;
    stage("tests of optional features", cargo(&["test", "--lib", "--tests", "--quiet"]).args(OPTIONAL))?;
    let environment = python::tests()?;
    // The development profile shares what the Rust tests have built; its dependencies and kernels are optimised.
    stage("python package", &mut environment.command("maturin", &["develop", "--quiet", "--features", "testing"]))?;
    stage("python tests", &mut environment.command("python", &["-m", "pytest"]))
}

fn rust(filter: Option<&str>) -> Result<()> {
    if has("cargo-nextest", &["nextest", "--version"]) {
        return stage("rust tests", cargo(&["nextest", "run"]).args(RUST).args(filter));
    }
    stage("rust tests", cargo(&["test", "--lib", "--bins", "--tests"]).args(RUST).args(filter))
}
