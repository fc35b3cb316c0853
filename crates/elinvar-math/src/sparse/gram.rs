//! Products of the columns met so far, computed once.

use super::design::Design;
use elinvar_core::{Context, Result};
use ndarray::Array2;

/// The Gram matrix of columns in the order in which they were met; it only grows.
#[derive(Debug, Default)]
pub(super) struct Gram {
    /// Columns by slot.
    columns: Vec<usize>,
    /// Slot of each column of the design.
    slots: Vec<Option<u32>>,
    /// Row-major with `capacity` numbers a row.
    values: Vec<f64>,
    capacity: usize,
}

impl Gram {
    /// Adds the columns that are not there yet.
    pub(super) fn cover(&mut self, design: &(impl Design + ?Sized), columns: &[usize], ctx: &Context) -> Result<()> {
        self.slots.resize(design.columns(), None);
        let new: Vec<usize> = columns.iter().copied().filter(|&j| self.slots[j].is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let old = self.columns.len();
        self.columns.extend(&new);
        self.grow(ctx)?;
        for (k, &j) in new.iter().enumerate() {
            self.slots[j] = Some((old + k) as u32);
        }
        let cross = design.cross(&new, &self.columns)?;
        for (k, row) in cross.rows().into_iter().enumerate() {
            for (slot, &value) in row.iter().enumerate() {
                self.values[(old + k) * self.capacity + slot] = value;
                self.values[slot * self.capacity + old + k] = value;
            }
        }
        Ok(())
    }

    fn grow(&mut self, ctx: &Context) -> Result<()> {
        let needed = self.columns.len();
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.next_power_of_two().max(64);
        ctx.reserve("the products of the active columns", (capacity * capacity * 8) as u64)?;
        let mut values = vec![0.0; capacity * capacity];
        for (from, to) in self.values.chunks_exact(self.capacity.max(1)).zip(values.chunks_exact_mut(capacity)) {
            to[..from.len()].copy_from_slice(from);
        }
        (self.values, self.capacity) = (values, capacity);
        Ok(())
    }

    /// `factor` times the block of these columns, which must have been covered.
    pub(super) fn block(&self, columns: &[usize], factor: f64) -> Array2<f64> {
        let slots: Vec<usize> = columns.iter().map(|&j| self.slots[j].map_or(0, |slot| slot as usize)).collect();
        let mut block = Array2::zeros((columns.len(), columns.len()));
        for (mut row, &slot) in block.rows_mut().into_iter().zip(&slots) {
            let from = &self.values[slot * self.capacity..(slot + 1) * self.capacity];
            row.iter_mut().zip(&slots).for_each(|(out, &s)| *out = factor * from[s]);
        }
        block
    }
}
