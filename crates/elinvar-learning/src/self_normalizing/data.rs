//! Generators and loaders of the studies' data.

use elinvar_core::{Column, Error, Result, Stream, Table};
use elinvar_data::{read_array, read_table, study_classes, study_file};
use ndarray::{Array2, Axis, Ix2};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use std::path::Path;

/// `n` rows of `d` features around `classes` centres that are 3 apart in each feature on average; rows and their classes.
pub fn blobs(n: usize, d: usize, classes: usize, random: &mut Stream) -> (Array2<f64>, Vec<usize>) {
    let mut normal = || -> f64 { StandardNormal.sample(random) };
    let centres = Array2::from_shape_simple_fn((classes, d), || 1.5 * normal());
    let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
    let x = Array2::from_shape_fn((n, d), |(i, j)| centres[[labels[i], j]] + normal());
    (x, labels)
}

/// Rows to train on and rows to judge by.
pub(super) struct Sample {
    pub(super) x: Array2<f64>,
    pub(super) y: Vec<usize>,
}

impl Sample {
    /// These rows of features and classes.
    pub(super) fn of(x: &Array2<f64>, y: &[usize], rows: &[usize]) -> Self {
        Self { x: x.select(Axis(0), rows), y: rows.iter().map(|&i| y[i]).collect() }
    }

    /// The classes as a table.
    pub(super) fn labels(&self) -> Result<Table> {
        Table::new().with("y", Column::Integer(self.y.iter().map(|&c| c as i64).collect()))
    }
}

/// Pulsar candidates (17898, 8), and whether they are pulsars.
pub(super) fn pulsars() -> Result<(Array2<f64>, Vec<usize>)> {
    study_classes(&study_file("htru2/HTRU_2.csv", "the UCI repository (data set 372)")?)
}

/// The numbers of a file without names of columns.
fn matrix(path: &Path) -> Result<Array2<f64>> {
    let numbers = read_array(path)?;
    let shape = numbers.shape().to_vec();
    numbers.into_dimensionality::<Ix2>().map_err(|_| Error::file(path, format!("must hold rows and columns, got the shape {shape:?}")))
}

/// The dense features of Tox21 (NaN as 0), and the twelve answers, NaN where there is none: of the training set or of the test set.
pub(super) fn tox21(part: &str) -> Result<(Array2<f64>, Table)> {
    let file = |kind: &str| study_file(&format!("tox21/tox21_{kind}_{part}.csv.gz"), "the DeepTox page (tox21.zip)");
    let rows = read_table(file("dense")?)?;
    let answers = read_table(file("labels")?)?;
    let numbers = |table: &Table| -> Vec<(String, Vec<f64>)> {
        table.iter().filter_map(|(name, column)| Some((name.to_owned(), column.to_numbers()?))).collect()
    };
    let columns = numbers(&rows);
    if rows.n_rows() != answers.n_rows() {
        return Err(Error::input(format!("Tox21 has {} rows and {} answers", rows.n_rows(), answers.n_rows())));
    }
    let x = Array2::from_shape_fn((rows.n_rows(), columns.len()), |(i, j)| if columns[j].1[i].is_nan() { 0.0 } else { columns[j].1[i] });
    let y = numbers(&answers).into_iter().try_fold(Table::new(), |table, (name, column)| table.with(name, Column::Number(column)))?;
    Ok((x, y))
}

/// A set of the UCI archive: features, classes, and whether each row is of the test part.
pub(super) fn uci(name: &str) -> Result<(Array2<f64>, Vec<usize>, Vec<bool>)> {
    const ORIGIN: &str = "the authors' archive data_py.zip";
    let numbers = |file: &str| -> Result<Array2<f64>> {
        let path = study_file(&format!("uci/{name}/{name}_{file}.dat"), ORIGIN)?;
        matrix(&path)
    };
    let (x, labels, folds) = (numbers("py")?, numbers("labels_py").or_else(|_| numbers("labels"))?, numbers("folds_py")?);
    let y = labels.iter().map(|&v| v as usize).collect();
    Ok((x, y, folds.index_axis(Axis(1), 0).iter().map(|&v| v != 0.0).collect()))
}

/// A random order of `n` rows.
pub(super) fn shuffled(n: usize, random: &mut Stream) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(random);
    rows
}
