//! Methods that say what trained models have in common and where they differ.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod rnn_degeneracy;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![rnn_degeneracy::method()]
}
