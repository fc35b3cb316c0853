//! Methods of the dependence family: tables and signals.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod augmented_covariance;
pub mod distance_covariance;
pub mod mi_screening;
pub mod nonconvex_sparse;
pub mod tsallis_mixed;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![
        distance_covariance::method(),
        mi_screening::method(),
        nonconvex_sparse::method(),
        tsallis_mixed::method(),
        augmented_covariance::method(),
    ]
}
