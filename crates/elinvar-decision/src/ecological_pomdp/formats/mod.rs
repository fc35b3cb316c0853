//! Files of the field: Cassandra's `.pomdp`, APPL's `.pomdpx` and `.policyx`, and fishery models in TOML.
//!
//! All functions work on text; sizes are bounded and errors name the line.

mod cassandra;
mod policyx;
mod pomdpx;
mod xml;

pub use cassandra::{read_cassandra, write_cassandra};
pub use policyx::{read_policyx, write_policyx};
pub use pomdpx::{read_pomdpx, write_pomdpx};

use super::fishery::FisheryModel;
use super::pomdp::Pomdp;
use elinvar_core::{Error, Kind, Result};

/// Largest number of entries of a tensor that a file may ask for.
const MAX_ENTRIES: usize = 150_000_000;
/// Largest number of states, actions or observations.
const MAX_VALUES: usize = 1_000_000;

/// A problem with the names of its states, actions and observations.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPomdp {
    /// The problem.
    pub pomdp: Pomdp,
    /// Names of the states.
    pub states: Vec<String>,
    /// Names of the actions.
    pub actions: Vec<String>,
    /// Names of the observations.
    pub observations: Vec<String>,
}

impl NamedPomdp {
    /// A problem whose states, actions and observations are named s0, a0, o0 and so on.
    pub fn numbered(pomdp: Pomdp) -> Self {
        let names = |letter: &str, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect();
        let (states, actions) = (names("s", pomdp.n_states()), names("a", pomdp.n_actions()));
        let observations = names("o", pomdp.n_observations());
        Self { pomdp, states, actions, observations }
    }
}

/// Reads a fishery model from TOML; absent fields keep their defaults.
///
/// # Errors
/// When the text is not TOML, a field is unknown or of the wrong type (the message names the line), or a value is out of range.
pub fn read_fishery_toml(text: &str) -> Result<FisheryModel> {
    let model: FisheryModel = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |span| line_of(text, span.start));
        Error::new(Kind::File, format!("the fishery model is wrong at line {line}: {}", e.message().replace('\n', " ")))
    })?;
    model.check()?;
    Ok(model)
}

/// Writes a fishery model as TOML.
///
/// # Errors
/// None in practice.
pub fn write_fishery_toml(model: &FisheryModel) -> Result<String> {
    toml::to_string(model).map_err(|e| Error::internal(format!("the fishery model cannot be written: {e}")))
}

/// Line of a byte position, from 1.
fn line_of(text: &str, position: usize) -> usize {
    text.as_bytes().iter().take(position).filter(|b| **b == b'\n').count() + 1
}

/// An error of a file with its line.
fn at_line(line: usize, message: impl std::fmt::Display) -> Error {
    Error::new(Kind::File, format!("line {line}: {message}"))
}

/// The product of sizes, where it is within `limit`.
fn bounded(sizes: &[usize], limit: usize, what: &str) -> Result<usize> {
    let total = sizes.iter().try_fold(1usize, |total, &n| total.checked_mul(n)).filter(|total| *total <= limit);
    total.ok_or_else(|| {
        Error::new(Kind::Memory, format!("{what} of sizes {sizes:?} has more than {limit} entries"))
            .hint("use a coarser grid, or build the problem in code")
    })
}
