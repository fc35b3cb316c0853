//! Time of a training step (forward, half squared error, backward, Adam). `benchmarks/networks.py` runs it beside PyTorch.
//!
//! `step_time THREADS` prints one line a case: its name and milliseconds a step, the median of seven runs.
#![allow(clippy::print_stdout)]

use elinvar_core::ndarray::{Array2, ArrayView2};
use elinvar_core::{Context, Result, random};
use elinvar_nn::sequential::{Layer, Sequential, SequentialSpec};
use elinvar_nn::vit::{Pool, Position};
use elinvar_nn::{
    Activation, Batch, Batches, Cell, Convolution, Initialisation, MapShape, Mlp, MlpSpec, Network, Optimiser, OutputGradient, Recurrent,
    RecurrentSpec, Schedule, Training, Vit, VitSpec, train, train_many,
};
use std::time::Instant;

/// The allocator of the command line and of the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Half the mean squared distance of the outputs from one half.
fn objective(batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
    let rows = batch.rows.len();
    let residual = outputs.mapv(|y| y - 0.5);
    let loss = residual.iter().map(|r| f64::from(r * r)).sum::<f64>() / (2.0 * rows as f64);
    Ok(OutputGradient { loss, gradient: residual / rows as f32 })
}

fn training(steps: u64, batch_size: usize) -> Training {
    Training::new(Batches::Draws { steps, batch_size }, Optimiser::ADAM, Schedule::Constant { rate: 1e-3 })
}

fn inputs(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * 0.37).sin())
}

/// Median of seven runs of `work`, in milliseconds.
fn median(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[3])
}

/// Prints the time of a step of a network at this batch.
fn step<N: Network<f32>>(name: &str, network: &N, columns: usize, batch: usize, steps: u64, threads: usize) -> Result<()> {
    let x = inputs(4 * batch, columns);
    let time = median(|| {
        let mut context = Context::new(0).with_threads(threads);
        train(network.clone(), training(steps, batch), x.view(), &mut objective, &mut context).map(|_| ())
    })?;
    println!("{name}: {:.5}", time / steps as f64);
    Ok(())
}

/// 3 x 3 convolutions with ReLU of square images, the mean of every channel, and ten outputs.
fn convolutions(image: MapShape, channels: &[usize]) -> Result<SequentialSpec> {
    let (mut map, mut layers) = (image, Vec::new());
    for &outputs in channels {
        let shape = Convolution::new(map, outputs, [3, 3]);
        layers.push(Layer::Convolution { shape, activation: Activation::Relu, initialisation: Initialisation::KaimingUniform });
        map = shape.result()?;
    }
    let last =
        Layer::Dense { outputs: 10, activation: Activation::Identity, initialisation: Initialisation::LecunNormal, weight_norm: false };
    layers.extend([Layer::GlobalMean(map), last]);
    Ok(SequentialSpec { inputs: image.columns(), layers })
}

fn main() -> Result<()> {
    let threads = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut stream = random::stream(0, &[]);
    let mut mlp = |inputs, hidden: &[usize], outputs, f| Mlp::<f32>::new(MlpSpec::new(inputs, hidden, outputs, f), &mut stream);
    step("mlp relu 10-64-64-1 batch 64", &mlp(10, &[64, 64], 1, Activation::Relu)?, 10, 64, 2000, threads)?;
    step("mlp relu 64-512-512-512-10 batch 256", &mlp(64, &[512, 512, 512], 10, Activation::Relu)?, 64, 256, 30, threads)?;
    step("mlp gelu 2-128-64-64-2 batch 256", &mlp(2, &[128, 64, 64], 2, Activation::Gelu)?, 2, 256, 500, threads)?;
    let hidden =
        |outputs, activation| Layer::Dense { outputs, activation, initialisation: Initialisation::LecunNormal, weight_norm: false };
    let mut layers = vec![hidden(256, Activation::Selu); 32];
    layers.push(hidden(10, Activation::Identity));
    let deep = Sequential::new(SequentialSpec { inputs: 64, layers }, &mut stream)?;
    step("selu 32 x 256 batch 128", &deep, 64, 128, 20, threads)?;
    for (name, cell) in [("rnn", Cell::Tanh), ("gru", Cell::Gru), ("lstm", Cell::Lstm)] {
        for (units, batch, length, steps) in [(64, 64, 50, 40), (128, 256, 100, 3)] {
            let network = Recurrent::new(RecurrentSpec { cell, inputs: 3, units, outputs: 3 }, &mut stream)?;
            step(&format!("{name} {units} batch {batch} length {length}"), &network, 3 * length, batch, steps, threads)?;
        }
    }
    let small = Sequential::new(convolutions(MapShape::new(1, 28, 28), &[16, 32])?, &mut stream)?;
    step("conv 1-16-32 batch 64 image 28", &small, 28 * 28, 64, 10, threads)?;
    let stack = Sequential::new(convolutions(MapShape::new(3, 32, 32), &[32; 8])?, &mut stream)?;
    step("conv stack 8x32 batch 32 image 32", &stack, 3 * 32 * 32, 32, 2, threads)?;
    let vit = VitSpec {
        channels: 3,
        height: 32,
        width: 32,
        patch: 4,
        patch_norm: false,
        dim: 128,
        depth: 4,
        heads: 4,
        mlp_ratio: 4.0,
        position: Position::Absolute,
        pool: Pool::Token,
        outputs: 10,
    };
    step("vit 128 x 4 batch 32 image 32", &Vit::new(vit, &mut stream)?, 3 * 32 * 32, 32, 4, threads)?;
    let x = inputs(256, 3 * 40);
    let spec = RecurrentSpec { cell: Cell::Tanh, inputs: 3, units: 64, outputs: 3 };
    let seeds: Vec<u64> = (0..100).collect();
    let time = median(|| {
        let networks = seeds.iter().map(|&seed| Recurrent::new(spec, &mut random::stream(seed, &[]))).collect::<Result<Vec<_>>>()?;
        let mut context = Context::new(0).with_threads(threads);
        train_many(networks, &seeds, training(10, 64), x.view(), |_| objective, &mut context).map(|_| ())
    })?;
    println!("sweep of 100 rnn 64 batch 64 length 40, a step of all: {:.5}", time / 10.0);
    Ok(())
}
