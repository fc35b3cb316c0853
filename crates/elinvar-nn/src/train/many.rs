//! Many small networks at once: a thread each, every one bit-equal to being trained alone.

use super::{Objective, Training, TrainingReport, train};
use crate::network::Network;
use elinvar_core::{Context, Error, Result};
use ndarray::ArrayView2;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};

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
    let total = networks.len();
    let waiting = Mutex::new(networks.into_iter().zip(seeds).enumerate());
    let limits = ctx.child(ctx.seed(), 1);
    let work = |ended: Sender<(usize, Result<(N, TrainingReport)>)>| {
        // All networks of a worker share its own pool of one thread: no step is handed from one thread to another.
        let home = limits.child(0, 1).with_threads(1);
        home.install(|| {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, (network, &seed))) = next else { return };
                let trained = train(network, training, inputs, &mut objective(index), &mut home.child(seed, 1));
                if ended.send((index, trained)).is_err() {
                    return;
                }
            }
        });
    };
    let mut done: Vec<Option<Result<(N, TrainingReport)>>> = (0..total).map(|_| None).collect();
    std::thread::scope(|scope| {
        let (ended, results) = mpsc::channel();
        for _ in 0..ctx.threads().min(total) {
            let ended = ended.clone();
            let work = &work;
            scope.spawn(move || work(ended));
        }
        drop(ended);
        for (count, (index, trained)) in results.into_iter().enumerate() {
            done[index] = Some(trained);
            ctx.tick(count as u64 + 1, total as u64, &[])?;
        }
        Ok::<(), Error>(())
    })?;
    done.into_iter().map(|result| result.ok_or_else(|| Error::internal("a network was lost"))).collect()
}
