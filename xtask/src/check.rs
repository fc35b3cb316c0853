//! The gate besides the tests: format, lints, dependencies, spelling, generated files.

use crate::shell::{Result, cargo, has, program, root, stage};

/// Runs every check; tools that are not installed are named and skipped.
pub(crate) fn run() -> Result<()> {
    stage("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    stage("clippy", &mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    if has("cargo-deny", &["--version"]) {
        stage("deny", &mut cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))?;
    } else {
        println!("=== deny: skipped, `cargo install cargo-deny --locked` adds it");
    }
    for (name, arguments) in [("typos", &[][..]), ("ruff", &["check", "--quiet"])] {
        let own = root().join(".venv/bin").join(name);
        let tool = if own.exists() { own } else { name.into() };
        if has(&tool, &["--version"]) {
            stage(name, &mut program(tool, arguments))?;
        } else {
            println!("=== {name}: skipped, `pip install {name}` or `cargo xtask test` adds it");
        }
    }
    crate::generate(&["--check"])
}
