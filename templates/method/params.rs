//! Parameters.

use elinvar_core::Params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of the fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct __Class__ {
    /// Number of rows that the prior mean of zero is worth (λ).
    #[schemars(range(min = 0.0))]
    pub shrinkage: f64,
}

impl Default for __Class__ {
    fn default() -> Self {
        Self { shrinkage: 1.0 }
    }
}

impl Params for __Class__ {}
