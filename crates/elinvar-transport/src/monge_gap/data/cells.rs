//! Single cells under drugs: the preprocessed 4i data of CellOT (Bunne et al. 2023), or any AnnData file of that layout.

use elinvar_core::{Context, Error, Result};
use elinvar_data::{AnnData, study_anndata, study_file};
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;

const FILE: &str = "4i/8h.h5ad";
const FEATURES: &str = "4i/features.txt";
const ORIGIN: &str = "the data link in the README of the repository bunnech/cellot (folder datasets/4i)";
const COLUMN: &str = "drug";
/// The label of cells that got no drug.
const CONTROL: &str = "control";
/// Share of the cells of a condition that fitting does not see.
const HELD_OUT: f64 = 0.2;

/// Cells with the drug that each got.
#[derive(Clone, Debug)]
pub struct Cells {
    x: Array2<f32>,
    labels: Vec<Option<String>>,
}

/// Cells of one condition: those to fit with and those held out.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Rows to fit with.
    pub train: Array2<f32>,
    /// Rows held out.
    pub test: Array2<f32>,
}

impl Cells {
    /// Reads the 4i data from the folder that `ELINVAR_DATA` names: `4i/8h.h5ad`, and `4i/features.txt` with the features to keep.
    ///
    /// # Errors
    /// The files are absent or this build does not read HDF5, which count as "not run"; or they are damaged.
    pub fn read_4i() -> Result<Self> {
        let data = study_anndata(FILE, ORIGIN, COLUMN)?;
        let path = study_file(FEATURES, ORIGIN)?;
        let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, e))?;
        let features: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self::new(data, Some(&features))
    }

    /// The cells of an AnnData file, all features or those named.
    ///
    /// # Errors
    /// A feature is not there, or no cell is a control.
    pub fn new(data: AnnData, features: Option<&[&str]>) -> Result<Self> {
        let x = match features {
            None => data.x,
            Some(names) => {
                let place = |name: &&str| {
                    let found = data.features.iter().position(|feature| feature == name);
                    found.ok_or_else(|| Error::input(format!("the cells have no feature '{name}'")))
                };
                data.x.select(Axis(1), &names.iter().map(place).collect::<Result<Vec<_>>>()?)
            }
        };
        let cells = Self { x, labels: data.labels };
        if cells.labels.iter().any(|label| label.as_deref() == Some(CONTROL)) {
            Ok(cells)
        } else {
            Err(Error::input(format!("column '{COLUMN}' must mark untreated cells as '{CONTROL}', got no such label")))
        }
    }

    /// The drugs in alphabetical order.
    pub fn drugs(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.labels.iter().flatten().map(String::as_str).filter(|&label| label != CONTROL).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Untreated cells and cells under the drug of this number, split at random.
    ///
    /// # Errors
    /// There are not that many drugs, or a condition has too few cells to split.
    pub fn pair(&self, drug: usize, context: &Context) -> Result<(Split, Split)> {
        let drugs = self.drugs();
        let Some(name) = drugs.get(drug) else {
            return Err(Error::input(format!("drug number {drug} was asked for, the data have {} (counted from 0)", drugs.len())));
        };
        Ok((self.split(CONTROL, context)?, self.split(name, context)?))
    }

    fn split(&self, label: &str, context: &Context) -> Result<Split> {
        let mut rows: Vec<usize> = (0..self.labels.len()).filter(|&i| self.labels[i].as_deref() == Some(label)).collect();
        let held_out = (rows.len() as f64 * HELD_OUT).round() as usize;
        if held_out < 2 {
            return Err(Error::input(format!("condition '{label}' must have at least 8 cells, got {}", rows.len())));
        }
        rows.shuffle(&mut context.stream(&[(if label == CONTROL { "control" } else { "treated" }, 0)]));
        let (test, train) = rows.split_at(held_out);
        Ok(Split { train: self.x.select(Axis(0), train), test: self.x.select(Axis(0), test) })
    }
}
