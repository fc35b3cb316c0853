//! Decisions under uncertainty: what to do when the state of the world is seen only through noise.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod ecological_pomdp;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![ecological_pomdp::method()]
}
