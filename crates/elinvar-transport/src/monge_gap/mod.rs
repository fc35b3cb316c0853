//! The Monge gap (Uscidda and Cuturi, 2023): how far a map is from optimal transport, and a penalty that makes it optimal.

pub mod algorithm;
pub mod certificate;
pub mod data;
pub mod metrics;

#[cfg(test)]
mod tests;
