//! Everything that must pass.

use crate::python;
use crate::shell::{cargo, has, stage};
use elinvar_core::Result;

/// The Python module is among them, though it is tested from Python: what is built here then has the features that it needs, and is not
/// built again for it.
const RUST: [&str; 1] = ["--workspace"];

/// Crates with code behind features that the default build leaves out: Burn networks, AnnData files and recordings. They are built again for
/// it, which is quicker with less optimisation, and the few tests that the features touch do not wait for it.
const OPTIONAL: [&str; 12] = [
    "-p",
    "elinvar-nn",
    "-p",
    "elinvar-transport",
    "-p",
    "elinvar-data",
    "--features",
    FEATURES,
    "--config",
    "profile.dev.package.elinvar-nn.opt-level=1",
    "--config",
    "profile.dev.package.elinvar-transport.opt-level=1",
];
/// The tests that those features touch.
const TOUCHED: &str = "package(elinvar-data) + test(burn) + test(reproduction)";
const FEATURES: &str =
    "elinvar-nn/burn,elinvar-transport/burn,elinvar-transport/hdf5,elinvar-data/hdf5,elinvar-data/edf,elinvar-data/images";

/// Rust tests, documentation tests, then the Python package; with a filter only the Rust tests of that name.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    rust(filter)?;
    if filter.is_some() {
        return Ok(());
    }
    stage("documentation tests", cargo(&["test", "--doc", "--quiet"]).args(RUST))?;
    optional()?;
    let environment = python::tests()?;
    // The development profile shares what the Rust tests have built; its dependencies and kernels are optimised.
    stage("python package", &mut environment.command("maturin", &["develop", "--quiet", "--features", "testing"]))?;
    stage("python tests", &mut environment.command("python", &["-m", "pytest"]))
}

fn optional() -> Result<()> {
    let name = "tests of optional features";
    if has("cargo-nextest", &["nextest", "--version"]) {
        return stage(name, cargo(&["nextest", "run"]).args(OPTIONAL).args(["-E", TOUCHED]));
    }
    stage(name, cargo(&["test", "--lib", "--tests", "--quiet"]).args(OPTIONAL))
}

fn rust(filter: Option<&str>) -> Result<()> {
    if has("cargo-nextest", &["nextest", "--version"]) {
        return stage("rust tests", cargo(&["nextest", "run"]).args(RUST).args(filter));
    }
    stage("rust tests", cargo(&["test", "--lib", "--bins", "--tests"]).args(RUST).args(filter))
}
