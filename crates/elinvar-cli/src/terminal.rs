//! Where the command reads and writes: standard streams in the program, memory in tests.

use elinvar_core::{Cancel, Error, Kind, Result};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Characters of a line where there is no terminal.
const WIDTH: usize = 140;

/// A stream that several threads write to.
pub type SharedWriter = Arc<Mutex<dyn Write + Send>>;

/// The streams of one call, what they are connected to, and the flag that Ctrl-C sets.
pub struct Terminal {
    /// Standard input, for `-`.
    pub input: Box<dyn Read + Send>,
    /// Results.
    pub output: Box<dyn Write + Send>,
    /// Errors, warnings and progress.
    pub errors: SharedWriter,
    /// Whether a person looks at `errors`: only then is progress shown.
    pub interactive: bool,
    /// Whether colours may be used.
    pub color: bool,
    /// Characters of a line.
    pub width: usize,
    /// Set by Ctrl-C.
    pub cancel: Cancel,
    /// Whether the process may be ended from within, for work that does not answer a stop.
    pub owns_process: bool,
}

impl Terminal {
    /// The streams of the process. Colours are off under `NO_COLOR` or when a stream is no terminal.
    pub fn standard() -> Self {
        let interactive = io::stderr().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            input: Box::new(io::stdin()),
            output: Box::new(BufWriter::new(io::stdout())),
            errors: Arc::new(Mutex::new(io::stderr())),
            interactive,
            color: wanted && interactive && io::stdout().is_terminal(),
            width: terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0)),
            cancel: Cancel::default(),
            owns_process: true,
        }
    }

    /// Writes a result. Text ends with a line break.
    pub(crate) fn print(&mut self, text: &str) -> Result<()> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.print_bytes(text.as_bytes()).and_then(|()| self.print_bytes(end.as_bytes()))
    }

    /// Writes a result byte by byte as it is.
    pub(crate) fn print_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        ignore_closed_pipe(self.output.write_all(bytes))
    }

    /// Hands everything to the system; called once at the end.
    pub(crate) fn flush(&mut self) -> Result<()> {
        ignore_closed_pipe(self.output.flush())
    }

    /// Writes one line for the person at the terminal. That it cannot be written is no reason to fail.
    pub(crate) fn note(&self, line: &str) {
        note(&self.errors, line);
    }

    /// Reads all of standard input.
    pub(crate) fn read_input(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.read_to_end(&mut bytes).map_err(|e| Error::file("standard input", e))?;
        Ok(bytes)
    }
}

/// Writes one line to a shared stream.
pub(crate) fn note(stream: &SharedWriter, line: &str) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(stream, "{line}");
}

/// Ends the process with one line, for work that cannot be stopped in another way. Files are written whole or not at all, so none is damaged.
#[allow(clippy::exit, reason = "threads that do not answer cannot be ended in another way")]
pub(crate) fn end_process(stream: &SharedWriter, line: &str, kind: Kind) {
    note(stream, line);
    std::process::exit(i32::from(kind.exit_code()))
}

/// `elinvar list | head -1` is no error: the reader has what it wanted.
fn ignore_closed_pipe(result: io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| Error::file("standard output", e)),
    }
}
