//! Time of a training step (forward, half squared error, backward, Adam), one thread. `step_time.py` runs it beside PyTorch.
#![allow(clippy::print_stdout)]

use elinvar_core::ndarray::{Array2, ArrayView2};
use elinvar_core::{Context, Result, random};
use elinvar_nn::{Activation, Batch, Batches, Mlp, MlpSpec, Optimiser, OutputGradient, Schedule, Training, train};
use std::time::Instant;

/// inputs, hidden, outputs, activation, batch, steps
type Case = (usize, &'static [usize], usize, Activation, usize, u64);

const CASES: [Case; 6] = [
    (10, &[64, 64], 1, Activation::Relu, 64, 4000),
    (10, &[64, 64], 1, Activation::Tanh, 64, 4000),
    (64, &[512, 512, 512], 10, Activation::Relu, 256, 60),
    (2, &[32, 64, 32], 2, Activation::Gelu, 256, 2000),
    (2, &[128, 64, 64], 2, Activation::Gelu, 256, 2000),
    (37, &[256, 256], 1, Activation::Relu, 128, 500),
];

/// Best of five runs, in milliseconds a step.
fn milliseconds(case: &Case) -> Result<f64> {
    let &(inputs, hidden, outputs, activation, batch_size, steps) = case;
    let mut stream = random::stream(0, &[]);
    let model = Mlp::<f32>::new(MlpSpec::new(inputs, hidden, outputs, activation), &mut stream)?;
    let x = Array2::from_shape_fn((4 * batch_size, inputs), |(i, j)| ((i * inputs + j) as f32 * 0.37).sin());
    let mut objective = |batch: &Batch<'_>, outputs: ArrayView2<'_, f32>| {
        let residual = outputs.mapv(|y| y - 0.5);
        let loss = residual.iter().map(|r| f64::from(r * r)).sum::<f64>() / (2.0 * batch.rows.len() as f64);
        Ok(OutputGradient { loss, gradient: residual / batch.rows.len() as f32 })
    };
    let training = Training {
        batches: Batches::Draws { steps, batch_size },
        optimiser: Optimiser::ADAM,
        schedule: Schedule::Constant { rate: 1e-3 },
        clip_norm: None,
        validation: None,
    };
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        train(model.clone(), training, x.view(), &mut objective, &mut Context::new(0).with_threads(1))?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3 / steps as f64);
    }
    Ok(best)
}

fn main() -> Result<()> {
    for case in &CASES {
        let (inputs, hidden, outputs, activation, batch, _) = case;
        println!("{inputs}-{hidden:?}-{outputs} {activation:?} batch {batch}: {:.4} ms", milliseconds(case)?);
    }
    Ok(())
}
