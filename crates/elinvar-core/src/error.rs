//! The one error type of the project.
//!
//! Every message is one line of the form `method: subject must be expected, got got; hint`, so that a user reads the same
//! sentence in Rust, on the command line and in Python.

use std::fmt;
use std::sync::Arc;

/// Shorthand for a result with the project's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the few classes that callers treat differently.
///
/// The command line maps each kind to an exit code ([`Kind::exit_code`]), Python to an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A parameter has an unknown name, a wrong type or a value out of range (`ValueError`).
    Parameter,
    /// The data are not what the method needs (`ValueError`).
    Input,
    /// A file cannot be read or written, or is damaged (`OSError`).
    File,
    /// A model was used before it was fitted, or belongs to another method or version (`NotFittedError` / `ValueError`).
    Model,
    /// An algorithm met a non-finite value or could not go on (`ArithmeticError`).
    Numeric,
    /// The memory limit would be exceeded (`MemoryError`).
    Memory,
    /// The time limit passed (`TimeoutError`).
    Time,
    /// The user asked to stop (`KeyboardInterrupt`).
    Interrupted,
    /// A defect of this library (`RuntimeError`).
    Internal,
}

impl Kind {
    /// Exit code of the command line: 2 usage, 3 data, 4 files, 5 model, 6 numeric, 7 limits, 70 defect, 130 interrupted.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Parameter => 2,
            Kind::Input => 3,
            Kind::File => 4,
            Kind::Model => 5,
            Kind::Numeric => 6,
            Kind::Memory | Kind::Time => 7,
            Kind::Internal => 70,
            Kind::Interrupted => 130,
        }
    }
}

#[derive(Clone)]
struct Body {
    kind: Kind,
    method: Option<String>,
    message: String,
    hint: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// An error with kind, method, one-line message, hint and cause. Cheap to move and to clone.
#[derive(Clone)]
pub struct Error(Box<Body>);

impl Error {
    /// A new error with a finished sentence, for example `parameter 'epsilon' must be > 0, got -1`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Body { kind, method: None, message: message.into(), hint: None, source: None }))
    }

    /// `parameter 'name' must be EXPECTED, got GOT`.
    pub fn parameter(name: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::new(Kind::Parameter, format!("parameter '{name}' must be {expected}, got {got}"))
    }

    /// `SUBJECT must be EXPECTED, got GOT`, about the data.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A file that cannot be read or written: `PATH: message`.
    pub fn file(path: impl AsRef<std::path::Path>, message: impl fmt::Display) -> Self {
        Self::new(Kind::File, format!("{}: {message}", path.as_ref().display()))
    }

    /// A numeric failure inside an algorithm.
    pub fn numeric(message: impl Into<String>) -> Self {
        Self::new(Kind::Numeric, message)
    }

    /// A model that cannot be used for what was asked.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(Kind::Model, message)
    }

    /// A defect of this library.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Names the method, unless an inner layer already did.
    #[must_use]
    pub fn in_method(mut self, slug: &str) -> Self {
        self.0.method.get_or_insert_with(|| slug.to_owned());
        self
    }

    /// Adds what the user can do, unless an inner layer already did.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The class of the error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Slug of the method that reported it, where one did.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// What the user can do, where that is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.0.method {
            write!(f, "{method}: ")?;
        }
        f.write_str(&self.0.message)?;
        match &self.0.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|s| s.as_ref() as _)
    }
}

/// The candidate nearest to `word` by edit distance, when it is near enough to be a slip of the pen.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|c| (edit_distance(&word.to_lowercase(), &c.to_lowercase()), c))
        .min_by_key(|(d, _)| *d)
        .filter(|(d, _)| *d <= limit)
        .map(|(_, c)| c)
}

/// `; did you mean 'x'?` or a list of what there is: the tail of every "no such ..." message.
pub fn suggestion(word: &str, candidates: &[&str], what: &str) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("{what}: {}", candidates.join(", ")),
    }
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_one_form() {
        let error = Error::parameter("epsilon", "> 0", -1).hint("use method='exact'").in_method("monge-gap");
        assert_eq!(error.to_string(), "monge-gap: parameter 'epsilon' must be > 0, got -1; use method='exact'");
        assert_eq!(error.kind().exit_code(), 2);
        let renamed = error.in_method("other");
        assert_eq!(renamed.method(), Some("monge-gap"), "the innermost method is kept");
    }

    #[test]
    fn nearest_finds_slips_and_refuses_strangers() {
        let names = ["learning_rate", "batch_size", "epsilon"];
        assert_eq!(nearest("learning_rte", names), Some("learning_rate"));
        assert_eq!(nearest("Batchsize", names), Some("batch_size"));
        assert_eq!(nearest("gender", names), None);
    }
}
