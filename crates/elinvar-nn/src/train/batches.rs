//! Which rows each step sees.

use elinvar_core::{Context, Error, Result};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which rows each step sees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Batches {
    /// Every row once an epoch in a random order, in ceil(n / batch_size) batches whose sizes differ by at most one: no batch is a
    /// small remainder, which batch norm and covariance penalties could not use. `batch_size` >= n is the full batch.
    Epochs {
        /// Passes over the data, >= 1.
        epochs: u64,
        /// Largest number of rows a batch, >= 1.
        batch_size: usize,
    },
    /// Rows drawn independently with replacement.
    Draws {
        /// Steps in all, >= 1.
        steps: u64,
        /// Rows a batch, >= 1.
        batch_size: usize,
    },
}

impl Batches {
    pub(super) fn check(&self) -> Result<()> {
        let (name, count, batch_size) = match *self {
            Self::Epochs { epochs, batch_size } => ("epochs", epochs, batch_size),
            Self::Draws { steps, batch_size } => ("steps", steps, batch_size),
        };
        if count == 0 {
            return Err(Error::parameter(name, ">= 1", 0));
        }
        if batch_size == 0 {
            return Err(Error::parameter("batch_size", ">= 1", 0));
        }
        Ok(())
    }

    /// The plan for `rows` >= 1 rows of data.
    pub(super) fn plan(&self, rows: usize) -> Plan {
        match *self {
            Self::Epochs { epochs, batch_size } => {
                let batches = rows.div_ceil(batch_size) as u64;
                Plan { rows, batch_size, steps: epochs.saturating_mul(batches), steps_a_round: batches, shuffled: true }
            }
            Self::Draws { steps, batch_size } => Plan { rows, batch_size, steps, steps_a_round: 1, shuffled: false },
        }
    }
}

/// Batches of a given number of rows.
pub(super) struct Plan {
    rows: usize,
    batch_size: usize,
    /// Steps in all.
    pub(super) steps: u64,
    /// Steps an epoch; 1 for draws.
    pub(super) steps_a_round: u64,
    shuffled: bool,
}

impl Plan {
    /// Rounds between records when nobody validates: every epoch, or the whole run of draws.
    pub(super) fn rounds_a_record(&self) -> u64 {
        if self.shuffled { 1 } else { self.steps }
    }

    /// Epoch and rows of a step; `order` is kept between the steps of an epoch and filled anew when empty or at an epoch's start.
    pub(super) fn rows<'a>(&self, step: u64, order: &'a mut Vec<usize>, ctx: &Context) -> (u64, &'a [usize]) {
        if !self.shuffled {
            let mut stream = ctx.stream(&[("batch", step)]);
            order.clear();
            order.extend((0..self.batch_size).map(|_| stream.random_range(0..self.rows)));
            return (0, order);
        }
        let (epoch, index) = (step / self.steps_a_round, (step % self.steps_a_round) as usize);
        if order.is_empty() || index == 0 {
            *order = shuffled(self.rows, ctx, epoch);
        }
        let batches = self.steps_a_round as usize;
        let edge = |i: usize| (i as u128 * self.rows as u128 / batches as u128) as usize;
        (epoch, &order[edge(index)..edge(index + 1)])
    }
}

/// A uniformly random order (Fisher and Yates).
fn shuffled(rows: usize, ctx: &Context, epoch: u64) -> Vec<usize> {
    let mut stream = ctx.stream(&[("shuffle", epoch)]);
    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        order.swap(last, stream.random_range(0..=last));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sees_every_row_once_in_even_batches() {
        let ctx = Context::new(3);
        let plan = Batches::Epochs { epochs: 2, batch_size: 10 }.plan(53);
        assert_eq!((plan.steps, plan.steps_a_round), (12, 6));
        let mut order = Vec::new();
        let mut epochs = vec![Vec::new(), Vec::new()];
        for step in 0..plan.steps {
            let (epoch, rows) = plan.rows(step, &mut order, &ctx);
            assert!((8..=9).contains(&rows.len()), "{}", rows.len());
            epochs[epoch as usize].extend_from_slice(rows);
        }
        assert_ne!(epochs[0], epochs[1]);
        for mut seen in epochs {
            seen.sort_unstable();
            assert_eq!(seen, (0..53).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_step_in_the_middle_does_not_depend_on_the_steps_before() {
        let ctx = Context::new(3);
        for batches in [Batches::Epochs { epochs: 3, batch_size: 7 }, Batches::Draws { steps: 20, batch_size: 7 }] {
            let plan = batches.plan(30);
            let mut kept = Vec::new();
            for step in 0..11 {
                plan.rows(step, &mut kept, &ctx);
            }
            let going_on = plan.rows(11, &mut kept, &ctx).1.to_vec();
            assert_eq!(plan.rows(11, &mut Vec::new(), &ctx).1, going_on);
        }
    }
}
