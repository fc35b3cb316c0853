//! Round trips, bad input, attacks and random damage over every format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anndata;
mod attacks;
mod bad_input;
mod examples;
mod mutations;
mod reference;
mod round_trips;
mod speed;
