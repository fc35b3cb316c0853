//! Distances of networks: of their dynamics, of their weights.

pub mod alignment;
pub mod matching;
pub mod operator;
pub mod scaling;
mod small;
pub mod spectrum;
