//! Everything that must pass.

use crate::python;
use crate::shell::{Result, cargo, has, stage};

/// Every crate with every feature that a test needs: Burn networks, AnnData files. One build serves all stages, for a dependency that is
/// asked for with other features is built again, and everything above it. That the default features compile is for clippy to say.
pub(crate) const EVERYTHING: [&str; 3] = ["--workspace", "--features", "elinvar/burn,elinvar/hdf5"];

/// The same for the Python package alone, with its made-up family.
const PACKAGE: [&str; 4] = ["develop", "--quiet", "--features", "testing,elinvar/burn,elinvar/hdf5"];

/// Rust tests, documentation tests, then the Python package; with a filter only the Rust tests of that name.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    rust(filter)?;
    if filter.is_some() {
        return Ok(());
    }
    stage("documentation tests", cargo(&["test", "--doc", "--quiet"]).args(EVERYTHING))?;
    let environment = python::tests()?;
    // The development profile shares what the Rust tests have built; its dependencies and kernels are optimised.
    stage("python package", &mut environment.command("maturin", &PACKAGE))?;
    stage("python tests", &mut environment.command("python", &["-m", "pytest"]))
}

fn rust(filter: Option<&str>) -> Result<()> {
    if has("cargo-nextest", &["nextest", "--version"]) {
        return stage("rust tests", cargo(&["nextest", "run"]).args(EVERYTHING).args(filter));
    }
    stage("rust tests", cargo(&["test", "--lib", "--bins", "--tests"]).args(EVERYTHING).args(filter))
}
