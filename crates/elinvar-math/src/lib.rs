//! Shared numerics.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cholesky;
pub mod covariance;
pub mod discriminant;
pub mod error_function;
pub mod information;
pub mod joint_diagonalisation;
pub mod linalg;
pub mod logistic;
pub mod optimise;
pub mod paired_tests;
pub mod penalty;
pub mod permutation;
pub mod polyphase;
pub mod signal;
pub mod simd;
pub mod sparse;
pub mod spd;
pub mod special;
pub mod statistics;
pub mod svm;
pub mod transport;
pub mod validation;

/// Values of independent packages, which `reference.py` writes.
#[cfg(test)]
mod reference;
