//! Methods that learn maps between distributions.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod monge_gap;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![monge_gap::method()]
}
