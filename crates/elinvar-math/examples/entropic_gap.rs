//! Time of the value and gradient of an entropic Monge gap: `entropic_gap X.f32 Y.f32 ROWS COLUMNS [THREADS]`.
//!
//! The files hold row-major little-endian single-precision numbers.
#![allow(clippy::print_stdout)]

use elinvar_core::{Context, Error, Result};
use elinvar_math::transport::{Cost, SinkhornSettings, Weights, sinkhorn};
use ndarray::Array2;
use std::time::Instant;

fn read(path: &str, rows: usize, columns: usize) -> Result<Array2<f32>> {
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    let values = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    Array2::from_shape_vec((rows, columns), values).map_err(|e| Error::file(path, e))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [x, y, rows, columns, ..] = arguments.as_slice() else {
        return Err(Error::input("usage: entropic_gap X.f32 Y.f32 ROWS COLUMNS [THREADS]"));
    };
    let number = |text: &str| text.parse::<usize>().map_err(|e| Error::input(format!("{text}: {e}")));
    let (rows, columns) = (number(rows)?, number(columns)?);
    let (x, y) = (read(x, rows, columns)?, read(y, rows, columns)?);
    let threads = arguments.get(4).map_or(Ok(2), |text| number(text))?;
    let context = Context::new(0).with_threads(threads);
    let cost = Cost::SquaredEuclidean;
    let settings = SinkhornSettings::new(0.01 * cost.mean(x.view(), y.view()));
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let plan = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context)?;
        let solved = start.elapsed();
        let value = cost.paired(x.view(), y.view()).mean().unwrap_or(f64::NAN) - plan.shannon_value();
        let mut gradient = cost.paired_gradient(x.view(), y.view()) / rows as f32;
        gradient -= &plan.column_gradient(x.view(), y.view(), &cost, &context)?;
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        times.push((start.elapsed(), solved, value, norm, plan.iterations));
    }
    times.sort_by_key(|t| t.0);
    let (total, solved, value, norm, iterations) = times[times.len() / 2];
    println!(
        "median {total:?} (solver {solved:?}), fastest {:?}; value {value:.6}, |gradient| {norm:.6}, {iterations} iterations",
        times[0].0
    );
    Ok(())
}
