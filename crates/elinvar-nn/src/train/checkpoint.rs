//! Saving a run in the middle and taking it up again, bit for bit.

use super::{Trainer, Training};
use crate::network::{self, Network};
use crate::parameters::NamedArrays;
use elinvar_core::{Error, Result};
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

/// Mean loss since the last record and the validation score, after `step` steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps done.
    pub step: u64,
    /// Mean loss of the steps since the last record.
    pub loss: f64,
    /// Score of the validation, where there was one.
    pub validation: Option<f64>,
}

/// Where a run is: everything but arrays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub(super) step: u64,
    pub(super) stopped: bool,
    pub(super) loss_sum: f64,
    #[serde(default)]
    pub(super) penalty_sum: f64,
    pub(super) loss_count: u64,
    pub(super) stale: u64,
    pub(super) best_score: Option<f64>,
    pub(super) best_step: Option<u64>,
    pub(super) records: Vec<Record>,
    /// Least mean loss of a record, and records since then.
    #[serde(default)]
    pub(super) least_loss: Option<f64>,
    #[serde(default)]
    pub(super) flat: u64,
    /// What the schedule's rate is multiplied by; none for 1.
    #[serde(default)]
    pub(super) rate_factor: Option<f64>,
    /// Records since the goal was reached.
    #[serde(default)]
    pub(super) beyond: Option<u64>,
}

impl Position {
    pub(super) fn rate_factor(&self) -> f64 {
        self.rate_factor.unwrap_or(1.0)
    }
}

/// The state of a run: arrays by name and a small record that serialises to JSON.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Weights, moments and best weights.
    pub arrays: NamedArrays,
    /// Settings, which must be those of the run that goes on.
    pub training: Training,
    /// Where the run is.
    pub position: Position,
}

fn vector(values: &[f32]) -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[values.len()]), |index| values[index[0]])
}

impl<N: Network<f32>> Trainer<N> {
    /// The state of the run after the steps done so far.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut arrays = network::to_arrays(&self.model, "model/");
        arrays.insert("optimiser/first".to_owned(), vector(&self.optimiser.first));
        arrays.insert("optimiser/second".to_owned(), vector(&self.optimiser.second));
        if let Some(best) = &self.best {
            arrays.extend(network::to_arrays(best, "best/"));
        }
        Checkpoint { arrays, training: self.training, position: self.position.clone() }
    }

    /// Takes a run up again where [`Self::checkpoint`] left it; `model` is any network of the same shape.
    ///
    /// # Errors
    /// When an array is absent or has another shape.
    pub fn resume(mut model: N, checkpoint: Checkpoint) -> Result<Self> {
        let Checkpoint { arrays, training, position } = checkpoint;
        let best = match position.best_step.is_some() && training.validation.is_some_and(|validation| validation.patience.is_some()) {
            true => {
                let mut best = model.clone();
                network::load_arrays(&mut best, &arrays, "best/")?;
                Some(best)
            }
            false => None,
        };
        network::load_arrays(&mut model, &arrays, "model/")?;
        let mut trainer = Self::new(model, training)?;
        for (name, moments) in [("optimiser/first", &mut trainer.optimiser.first), ("optimiser/second", &mut trainer.optimiser.second)] {
            let saved = arrays.get(name).ok_or_else(|| Error::model(format!("the saved run has no array '{name}'")))?;
            if saved.shape() != [moments.len()] {
                return Err(Error::model(format!("array '{name}' must have shape [{}], got {:?}", moments.len(), saved.shape())));
            }
            *moments = saved.iter().copied().collect();
        }
        trainer.optimiser.updates = position.step;
        Ok(Self { best, position, ..trainer })
    }
}
