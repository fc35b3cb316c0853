//! Many small networks at once: a thread each, every one bit-equal to being trained alone.

use super::{Objective, Training, TrainingReport, train};
use crate::network::Network;
use elinvar_core::{Context, Error, Result};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Trains networks on the rows of `inputs` (n, columns), as many at a time as the context has threads, each on one thread.
///
/// Network k is trained as [`train`] trains it in a context of the seed `seeds[k]` and one thread: side by side or alone, with any number of
/// threads, the bits are the same. `objective` makes the objective of network k. Networks come back in order, each with its report or its error.
///
/// # Errors
/// When the numbers of networks and seeds differ, or the context stops the work.
pub fn train_many<N, O>(
    networks: Vec<N>,
    seeds: &[u64],
    training: Training,
    inputs: ArrayView2<'_, f32>,
    objective: impl Fn(usize) -> O + Sync,
    ctx: &mut Context,
) -> Result<Vec<Result<(N, TrainingReport)>>>
where
    N: Network<f32>,
    O: Objective<N>,
{
    if networks.len() != seeds.len() {
        return Err(Error::internal(format!("{} networks need as many seeds, got {}", networks.len(), seeds.len())));
    }
    let total = networks.len() as u64;
    let mut done = Vec::with_capacity(networks.len());
    let mut waiting = networks.into_iter().zip(seeds).enumerate();
    loop {
        // A wave has a few networks a thread, so that no thread waits long for another: between waves progress is told.
        let wave: Vec<(usize, (N, &u64))> = waiting.by_ref().take(4 * ctx.threads()).collect();
        if wave.is_empty() {
            return Ok(done);
        }
        let one = |(index, (network, &seed)): (usize, (N, &u64))| {
            train(network, training, inputs, &mut objective(index), &mut ctx.child(seed, 1))
        };
        let trained: Vec<Result<(N, TrainingReport)>> = ctx.install(|| wave.into_par_iter().map(one).collect());
        done.extend(trained);
        ctx.tick(done.len() as u64, total, &[])?;
    }
}
