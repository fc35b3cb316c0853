//! Developer tasks. `cargo xtask` alone lists them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

mod bench;
mod check;
mod r#gen;
mod new;
mod python;
mod readme;
mod shell;
mod test;

use elinvar_core::{Error, Kind, Result};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  new FAMILY SLUG   a new method: the folder with every file that a method has
  gen [--check]     Python modules and the README's table from the registry; with --check only say whether they are up to date
  check             format, clippy, deny, typos, stale generated files
  test [FILTER]     everything: Rust tests, documentation tests, the Python package in an environment of its own
  bench [METHOD]    time ourselves and the peers, into benchmarks/results/<date>/
  peers             the environment of the peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["new", family, slug] => new::run(family, slug),
        ["gen"] => generate(false),
        ["gen", "--check"] => generate(true),
        ["check"] => check::run(),
        ["test"] => test::run(None),
        ["test", filter] => test::run(Some(filter)),
        ["bench"] => bench::run(None),
        ["bench", method] => bench::run(Some(method)),
        ["peers"] => python::peers().map(|_| ()),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Error::new(Kind::Parameter, format!("there is no task '{}'", other.join(" "))).hint("see `cargo xtask`")),
    }
}

/// Writes, or with `check` only compares, everything that is generated.
pub(crate) fn generate(check: bool) -> Result<()> {
    r#gen::run(check).map_err(Error::internal)?;
    readme::run(check)
}
