//! The fitted model.

use elinvar_core::ndarray::{Array1, ArrayView1};
use elinvar_core::{Bundle, Model, Result, State};
use serde_json::json;

/// A fitted location.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// The shrunken mean.
    pub location: f64,
}

impl Location {
    /// Values (n) minus the location.
    pub fn center(&self, values: ArrayView1<'_, f64>) -> Array1<f64> {
        values.mapv(|x| x - self.location)
    }
}

impl Model for Location {
    const METHOD: &'static str = "__slug__";
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        Bundle::new().with("location", self.location)
    }

    fn to_state(&self) -> State {
        State { arrays: Bundle::new(), json: json!({ "location": self.location }) }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        Ok(Self { location: state.field("location")? })
    }
}
