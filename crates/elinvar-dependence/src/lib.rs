//! Methods of the dependence family: tables and signals.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod distance_covariance;
pub mod nonconvex_sparse;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![distance_covariance::method(), nonconvex_sparse::method()]
}
