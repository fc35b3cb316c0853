//! Methods whose results do not change, or change in a known way, when their inputs are moved.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod polyphase_vit;

use elinvar_core::Method;

/// The methods of this family.
pub fn methods() -> Vec<Method> {
    vec![polyphase_vit::method()]
}
