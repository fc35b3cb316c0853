//! Closed forms, properties, values of an independent program (`reference.json`, made by `reference.py`) and bad input.

mod formats;
mod model;
mod policy;
mod robots;
mod solver;

use super::*;
use ndarray::Array1;
use serde_json::Value;

/// Values of the independent program.
fn reference() -> Value {
    serde_json::from_str(include_str!("../reference.json")).unwrap()
}

/// The paper's model on a grid of `n` points.
fn paper_model(n: usize, sigma_g: f64, sigma_m: f64) -> FisheryModel {
    FisheryModel { sigma_g, sigma_m, grid: (0.0, 2.0, n), ..FisheryModel::default() }
}

fn uniform(n: usize) -> Array1<f64> {
    Array1::from_elem(n, 1.0 / n as f64)
}

/// A solver that stops after some trials, so that every machine gives the same result.
fn quick_solver(max_trials: u64) -> SarsopSolver {
    SarsopSolver { precision: 1e-6, max_time: None, max_trials: Some(max_trials), ..SarsopSolver::default() }
}

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
}
