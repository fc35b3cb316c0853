//! How an iterative computation ended.

use serde::{Deserialize, Serialize};

/// How an iterative computation ended. Part of every result: a cap that was reached is never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The stated criterion was met, or the method has none to meet.
    Converged,
    /// The iteration cap came first.
    IterationLimit,
    /// The time limit came first.
    TimeLimit,
}

impl Status {
    /// The word used in JSON and in Python's `status_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::IterationLimit => "iteration_limit",
            Status::TimeLimit => "time_limit",
        }
    }
}
