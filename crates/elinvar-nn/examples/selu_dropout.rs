//! Time of SELU with alpha dropout, forward and backward, on 4096 x 1024 numbers. `benchmarks/self-normalizing.py` runs it beside PyTorch.
#![allow(clippy::print_stdout)]

use elinvar_core::{Context, random};
use elinvar_nn::alpha_dropout::{AlphaDropout, Mask};
use rayon::prelude::*;
use std::time::Instant;

const ROWS: usize = 4096;
const WIDTH: usize = 1024;
const CHUNK: usize = 128;

fn main() -> elinvar_core::Result<()> {
    let threads = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2);
    let context = Context::new(0).with_threads(threads);
    let dropout = AlphaDropout::new(0.05);
    let bias = vec![0.0_f32; WIDTH];
    let inputs: Vec<f32> = (0..ROWS * WIDTH).map(|i| (i as f32 * 0.37).sin()).collect();
    let (mut values, mut gradient) = (inputs.clone(), inputs.clone());
    let mut times = Vec::new();
    for _ in 0..30 {
        values.copy_from_slice(&inputs);
        gradient.copy_from_slice(&inputs);
        let start = Instant::now();
        context.install(|| {
            values.par_chunks_mut(CHUNK * WIDTH).enumerate().for_each(|(chunk, values)| {
                dropout.apply_to_selu(values, &bias, Mask::new(dropout.rate, chunk * CHUNK, &mut random::stream(0, &[("mask", 0)])));
            });
            gradient.par_chunks_mut(CHUNK * WIDTH).zip(values.par_chunks(CHUNK * WIDTH)).for_each(|(gradient, values)| {
                dropout.backward_of_selu(values, gradient);
            });
        });
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    println!("{}", times[times.len() / 2]);
    Ok(())
}
