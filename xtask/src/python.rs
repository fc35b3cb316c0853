//! The two Python environments: one for the tests, one for the peers of the benchmarks.

use crate::shell::{Error, Result, program, read, root, stage};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment in the root of the repository.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// A program of the environment.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
    }

    /// A command that sees the environment.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = program(self.path(name), arguments);
        let own = self.path("").display().to_string();
        let path = std::env::var("PATH").map_or(own.clone(), |rest| format!("{own}:{rest}"));
        command.env("VIRTUAL_ENV", &self.0).env("PATH", path).env("PYO3_PYTHON", self.path("python")).env_remove("PYTHONPATH");
        command
    }
}

/// The environment of the tests.
pub(crate) fn tests() -> Result<Environment> {
    environment(".venv", "python/requirements-test.txt")
}

/// The environment of the peers, with maturin for our own package.
pub(crate) fn peers() -> Result<Environment> {
    environment(".venv-peers", "benchmarks/requirements.txt")
}

/// Makes an environment, and again when its requirements have changed.
fn environment(name: &str, requirements: &str) -> Result<Environment> {
    let folder = root().join(name);
    let environment = Environment(folder.clone());
    let wanted = read(&root().join(requirements))?;
    let stamp = folder.join("requirements.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && environment.path("python").exists() {
        return Ok(environment);
    }
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    stage(&format!("{name}: environment"), &mut program(python, &["-m", "venv", name]))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
    stage(&format!("{name}: packages"), &mut environment.command("python", &install))?;
    write(&stamp, &wanted)?;
    Ok(environment)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| Error::file(path, e))
}
