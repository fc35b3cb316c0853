//! Optimal transport between two samples: ground costs, entropic and exact solvers, Sinkhorn divergence, reference maps.

mod assignment;
mod cost;
mod divergence;
mod kernel;
pub(crate) mod loops;
mod maps;
mod plan;
mod sinkhorn;

pub use assignment::{ASSIGNMENT_LIMIT, Assignment, assignment};
pub use cost::{Cost, GroundCost};
pub use divergence::{Divergence, sinkhorn_divergence, sinkhorn_divergence_gradient};
pub use maps::{AffineMap, EntropicMap, gaussian_map};
pub use plan::{PotentialFunction, TransportPlan};
pub use sinkhorn::{SinkhornSettings, Weights, sinkhorn, sinkhorn_of_matrix, sinkhorn_symmetric};

#[cfg(test)]
mod tests;
