//! Shared numerics.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod information;
pub mod linalg;
pub mod optimise;
pub mod permutation;
pub mod simd;
pub mod special;
pub mod statistics;
pub mod transport;
