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

/// Kills a run of trials at so many random moments; its end must be that of an undisturbed run.
pub(crate) fn crash(kills: &str) -> Result<()> {
    let only = ["--test", "report", "--", "--nocapture", "kill::killed"];
    stage(&format!("{kills} kills"), cargo(&["test"]).args(EVERYTHING).args(only).env("ELINVAR_KILLS", kills))
}

/// The tests of trials as tasks of Ray, for the package that `test` has installed. Nothing of Ray may hang for ever, so each has a limit of time.
pub(crate) fn ray() -> Result<()> {
    let environment = python::tests()?;
    stage("ray", &mut environment.command("python", &["-m", "pytest", "python/tests/cluster", "--timeout", "180"]))
}

fn rust(filter: Option<&str>) -> Result<()> {
    if has("cargo-nextest", &["nextest", "--version"]) {
        return stage("rust tests", cargo(&["nextest", "run"]).args(EVERYTHING).args(filter));
    }
    stage("rust tests", cargo(&["test", "--lib", "--bins", "--tests"]).args(EVERYTHING).args(filter))
}
