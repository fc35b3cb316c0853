//! Shared numerics.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cholesky;
pub mod linalg;
pub mod optimise;
pub mod penalty;
pub mod simd;
pub mod sparse;
pub mod special;
pub mod statistics;
pub mod transport;
