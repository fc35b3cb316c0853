//! Developer tasks. `cargo xtask` alone lists them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

mod bench;
mod check;
mod new;
mod python;
mod shell;
mod test;

use shell::{Error, Result, cargo, program, root, stage};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  new FAMILY SLUG   a new method: the folder with every file that a method has
  gen [--check]     Python modules and the README's table from the registry; with --check only say whether they are up to date
  check             format, clippy, deny, typos, stale generated files
  test [FILTER]     everything: Rust tests, documentation tests, the Python package in an environment of its own
  crash [KILLS]     kill a run of trials at so many random moments, 200 where no number is given, and compare its end with an undisturbed one
  ray               the tests of trials as tasks of Ray, after `test`
  bench [METHOD]    time ourselves and the peers, into benchmarks/results/<date>/
  peers             the environment of the peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["new", family, slug] => new::run(family, slug),
        ["gen"] => generate(&[]),
        ["gen", "--check"] => generate(&["--check"]),
        ["check"] => check::run(),
        ["test"] => test::run(None),
        ["test", filter] => test::run(Some(filter)),
        ["crash"] => test::crash("200"),
        ["crash", kills] => test::crash(kills),
        ["ray"] => test::ray(),
        ["bench"] => bench::run(None),
        ["bench", method] => bench::run(Some(method)),
        ["peers"] => python::peers().map(|_| ()),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Error(format!("there is no task '{}'; see `cargo xtask`", other.join(" ")))),
    }
}

/// Writes, or with `--check` only compares, everything that derives from the registry.
pub(crate) fn generate(arguments: &[&str]) -> Result<()> {
    stage("build of the generator", cargo(&["build", "--quiet", "--bin", "generate"]).args(test::EVERYTHING))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    stage("generated files", &mut program(target.join("debug/generate"), arguments))
}
