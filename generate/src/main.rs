//! Writes everything that derives from the registry: the Python modules and the tables in Markdown. `--check` writes nothing and says
//! which file is stale. `cargo xtask gen` builds and runs it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![allow(clippy::print_stderr, reason = "a program for developers")]

mod python;
mod readme;

use elinvar_core::Result;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(check: bool) -> Result<()> {
    let methods = elinvar::methods();
    python::run(&methods, &root(), check)?;
    readme::run(&methods, &root(), check)
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
