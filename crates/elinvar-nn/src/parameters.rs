//! All numbers of a network in one flat vector, with names.
//!
//! One vector makes an optimiser a single pass, a checkpoint a copy and a gradient check a loop over coordinates.

use crate::real::Real;
use elinvar_core::{Error, Result};
use ndarray::{ArrayD, ArrayView1, ArrayView2, ArrayViewMut2, IxDyn};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and shapes of the arrays of a network, in order.
pub(crate) type Shapes = Vec<(String, Vec<usize>)>;

/// Arrays by name: how weights leave this crate.
pub type NamedArrays = BTreeMap<String, ArrayD<f32>>;

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    start: usize,
    step: StepRule,
}

/// How the optimiser treats an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepRule {
    /// Factor of the learning rate.
    pub(crate) rate: f64,
    /// Whether weight decay shrinks it.
    pub(crate) decays: bool,
}

impl Entry {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Named arrays behind one flat vector; also the type of a gradient with respect to them.
#[derive(Clone, Debug)]
pub struct Parameters<T> {
    entries: Arc<[Entry]>,
    values: Vec<T>,
}

impl<T: Real> Parameters<T> {
    /// Zeros of these names and shapes, in this order.
    pub(crate) fn zeros(named: Shapes) -> Self {
        let mut start = 0;
        let entries: Vec<Entry> = named
            .into_iter()
            .map(|(name, shape)| {
                let entry = Entry { name, shape, start, step: StepRule { rate: 1.0, decays: true } };
                start += entry.len();
                entry
            })
            .collect();
        Self { entries: entries.into(), values: vec![T::zero(); start] }
    }

    /// Zeros of the same layout.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        Self { entries: self.entries.clone(), values: vec![T::zero(); self.values.len()] }
    }

    /// Every number, in the order of the names.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Every number, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// Shapes in order.
    #[cfg(feature = "burn")]
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &[usize]> {
        self.entries.iter().map(|entry| entry.shape.as_slice())
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<ndarray::ArrayViewD<'_, T>> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        ndarray::ArrayViewD::from_shape(IxDyn(&entry.shape), &self.values[entry.start..entry.start + entry.len()]).ok()
    }

    /// The matrix of this name.
    pub fn matrix_named(&self, name: &str) -> Option<ArrayView2<'_, T>> {
        Some(self.matrix(self.matrix_index(name)?))
    }

    fn matrix_index(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name == name && entry.shape.len() == 2)
    }

    /// The matrix of this name, to be changed.
    pub fn matrix_named_mut(&mut self, name: &str) -> Option<ArrayViewMut2<'_, T>> {
        Some(self.matrix_mut(self.matrix_index(name)?))
    }

    /// Gives every array, by its name, a factor of the learning rate of its own; they begin at 1 and are no part of what is saved.
    pub fn set_rates(&mut self, rate: impl Fn(&str) -> f64) {
        self.set_steps(|entry| StepRule { rate: rate(&entry.name), ..entry.step });
    }

    /// Says of every array, by its name and shape, whether an optimiser's weight decay shrinks it; all do at the start, and it is no part
    /// of what is saved.
    pub fn set_decays(&mut self, decays: impl Fn(&str, &[usize]) -> bool) {
        self.set_steps(|entry| StepRule { decays: decays(&entry.name, &entry.shape), ..entry.step });
    }

    fn set_steps(&mut self, rule: impl Fn(&Entry) -> StepRule) {
        self.entries = self.entries.iter().map(|entry| Entry { step: rule(entry), ..entry.clone() }).collect();
    }

    /// Stretches of the flat vector that the optimiser treats alike, in order.
    pub(crate) fn steps(&self) -> Vec<(std::ops::Range<usize>, StepRule)> {
        let mut stretches: Vec<(std::ops::Range<usize>, StepRule)> = Vec::new();
        for entry in self.entries.iter() {
            let end = entry.start + entry.len();
            match stretches.last_mut() {
                Some((range, step)) if *step == entry.step => range.end = end,
                _ => stretches.push((entry.start..end, entry.step)),
            }
        }
        stretches
    }

    /// Adds `factor` times another of the same layout.
    pub fn add_scaled(&mut self, factor: T, other: &Self) {
        for (value, &more) in self.values.iter_mut().zip(&other.values) {
            *value += factor * more;
        }
    }

    /// The numbers of array `index` as a slice.
    pub(crate) fn slice(&self, index: usize) -> &[T] {
        let entry = &self.entries[index];
        &self.values[entry.start..entry.start + entry.len()]
    }

    /// The numbers of array `index`, to be changed.
    pub(crate) fn slice_mut(&mut self, index: usize) -> &mut [T] {
        let entry = &self.entries[index];
        &mut self.values[entry.start..entry.start + entry.len()]
    }

    /// The numbers of arrays `index` and `index + 1`, to be changed.
    pub(crate) fn pair_mut(&mut self, index: usize) -> (&mut [T], &mut [T]) {
        let (first, second) = (self.entries[index].len(), self.entries[index + 1].len());
        let start = self.entries[index].start;
        self.values[start..start + first + second].split_at_mut(first)
    }

    fn rows_and_columns(&self, index: usize) -> (usize, usize) {
        let shape = &self.entries[index].shape;
        (shape[0], shape[1..].iter().product())
    }

    /// Array `index` as a matrix.
    pub(crate) fn matrix(&self, index: usize) -> ArrayView2<'_, T> {
        let (rows, columns) = self.rows_and_columns(index);
        ArrayView1::from(self.slice(index))
            .into_shape_with_order((rows, columns))
            .unwrap_or_else(|_| unreachable!("shape of its own entry"))
    }

    /// Array `index` as a matrix, to be changed.
    pub(crate) fn matrix_mut(&mut self, index: usize) -> ArrayViewMut2<'_, T> {
        let (rows, columns) = self.rows_and_columns(index);
        ndarray::ArrayViewMut1::from(self.slice_mut(index))
            .into_shape_with_order((rows, columns))
            .unwrap_or_else(|_| unreachable!("shape of its own entry"))
    }
}

impl Parameters<f32> {
    /// Copies as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        self.entries
            .iter()
            .filter_map(|entry| {
                let values = self.values[entry.start..entry.start + entry.len()].to_vec();
                Some((format!("{prefix}{}", entry.name), ArrayD::from_shape_vec(IxDyn(&entry.shape), values).ok()?))
            })
            .collect()
    }

    /// The arrays of these names and shapes, each name after `prefix`.
    ///
    /// # Errors
    /// When an array is absent or has another shape; no memory is taken then, whatever the shapes claim.
    pub(crate) fn saved(shapes: Shapes, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        shapes.iter().try_for_each(|(name, shape)| found(arrays, prefix, name, shape).map(drop))?;
        let mut parameters = Self::zeros(shapes);
        parameters.load_arrays(arrays, prefix)?;
        Ok(parameters)
    }

    /// Takes the numbers of the named arrays, each name after `prefix`.
    ///
    /// # Errors
    /// When an array is absent or has another shape; nothing is changed then.
    pub fn load_arrays(&mut self, arrays: &NamedArrays, prefix: &str) -> Result<()> {
        let mut values = Vec::with_capacity(self.values.len());
        for entry in self.entries.iter() {
            values.extend(found(arrays, prefix, &entry.name, &entry.shape)?);
        }
        self.values = values;
        Ok(())
    }
}

/// The array of this name after `prefix`, where it has this shape.
fn found<'a>(arrays: &'a NamedArrays, prefix: &str, name: &str, shape: &[usize]) -> Result<&'a ArrayD<f32>> {
    let name = format!("{prefix}{name}");
    let array = arrays.get(&name).ok_or_else(|| Error::model(format!("the saved network has no array '{name}'")))?;
    match array.shape() == shape {
        true => Ok(array),
        false => Err(Error::model(format!("array '{name}' must have shape {shape:?}, got {:?}", array.shape()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Parameters<f32> {
        let mut parameters = Parameters::zeros(vec![("w".to_owned(), vec![2, 3]), ("b".to_owned(), vec![2])]);
        for (i, value) in parameters.values_mut().iter_mut().enumerate() {
            *value = i as f32;
        }
        parameters
    }

    #[test]
    fn arrays_round_trip() {
        let original = small();
        let arrays = original.to_arrays("net/");
        let mut back = original.zeros_like();
        back.load_arrays(&arrays, "net/").unwrap();
        assert_eq!(back.values(), original.values());
        assert_eq!(back.get("w").unwrap()[[1, 0]], 3.0);
        assert_eq!(back.matrix(0)[[1, 2]], 5.0);
        assert_eq!(back.names().collect::<Vec<_>>(), ["w", "b"]);
    }

    #[test]
    fn damaged_states_are_named() {
        let mut arrays = small().to_arrays("");
        arrays.insert("b".to_owned(), ArrayD::zeros(IxDyn(&[3])));
        let error = small().load_arrays(&arrays, "").unwrap_err();
        assert_eq!(error.to_string(), "array 'b' must have shape [2], got [3]");
        arrays.remove("w");
        assert_eq!(small().load_arrays(&arrays, "").unwrap_err().to_string(), "the saved network has no array 'w'");
    }
}
