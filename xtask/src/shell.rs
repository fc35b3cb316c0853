//! Runs programs, says how long they took, and knows where the repository is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What went wrong, in one line.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) String);

/// What a task gives.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self(format!("{}: {problem}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A program in the root of the repository.
pub(crate) fn program(name: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name.as_ref());
    command.args(arguments).current_dir(root());
    command
}

/// Cargo, the one that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), arguments)
}

/// Runs a stage and prints its name and its seconds.
///
/// # Errors
/// When the program is missing or fails.
pub(crate) fn stage(name: &str, command: &mut Command) -> Result<()> {
    println!("=== {name}");
    let start = Instant::now();
    let status = command.status().map_err(|e| Error(format!("{name}: cannot run {:?}: {e}", command.get_program())))?;
    println!("=== {name}: {:.1} s", start.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(Error(format!("{name} failed"))) }
}

/// Whether a program answers to `--version`.
pub(crate) fn has(name: impl AsRef<Path>, arguments: &[&str]) -> bool {
    program(name, arguments).output().is_ok_and(|output| output.status.success())
}

/// Reads a file of the repository.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| Error::file(path, e))
}
