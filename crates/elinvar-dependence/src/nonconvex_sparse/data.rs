//! Data of a fit, and the designs of the paper.

use elinvar_core::{Bundle, Error, Item, Result, SparseMatrix, check_finite, check_finite_vector};
use ndarray::{Array1, Array2, CowArray, Ix2};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Normal, StandardNormal};

/// Predictors (n, p).
#[derive(Clone, Debug)]
pub enum Predictors<'a> {
    /// Numbers in memory, rows or columns first.
    Dense(CowArray<'a, f64, Ix2>),
    /// Compressed columns.
    Sparse(SparseMatrix),
}

impl Predictors<'_> {
    /// Rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Predictors::Dense(x) => x.nrows(),
            Predictors::Sparse(x) => x.n_rows(),
        }
    }

    /// Columns.
    pub fn n_columns(&self) -> usize {
        match self {
            Predictors::Dense(x) => x.ncols(),
            Predictors::Sparse(x) => x.n_columns(),
        }
    }

    /// `X b + b_0`.
    pub fn predict(&self, coefficients: &[f64], intercept: f64) -> Array1<f64> {
        match self {
            Predictors::Dense(x) => {
                let support: Vec<usize> = (0..coefficients.len()).filter(|&j| coefficients[j] != 0.0).collect();
                // A row at a time, so that a prediction does not depend on the rows beside it.
                x.rows().into_iter().map(|row| support.iter().fold(intercept, |sum, &j| sum + row[j] * coefficients[j])).collect()
            }
            Predictors::Sparse(x) => {
                let mut eta = Array1::from_elem(x.n_rows(), intercept);
                for (j, &b) in coefficients.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                    x.column(j).for_each(|(i, value)| eta[i] += b * value);
                }
                eta
            }
        }
    }

    /// Some of the rows.
    pub fn take(&self, rows: &[usize]) -> Result<Predictors<'static>> {
        match self {
            Predictors::Dense(x) => Ok(Predictors::Dense(x.select(ndarray::Axis(0), rows).into())),
            Predictors::Sparse(x) => {
                let mut place = vec![None; x.n_rows()];
                rows.iter().enumerate().for_each(|(k, &i)| place[i] = Some(k as u32));
                let (mut starts, mut kept, mut values) = (vec![0], Vec::new(), Vec::new());
                for j in 0..x.n_columns() {
                    for (row, value) in x.column(j).filter_map(|(i, value)| place[i].map(|row| (row, value))) {
                        kept.push(row);
                        values.push(value);
                    }
                    starts.push(values.len());
                }
                Ok(Predictors::Sparse(SparseMatrix::new(rows.len(), starts, kept, values)?))
            }
        }
    }

    /// Reads the input `X` with the names of its columns, where it is a table.
    ///
    /// # Errors
    /// Text, or a cell that is not finite.
    pub(super) fn from_bundle<'b>(bundle: &'b Bundle<'_>) -> Result<(Predictors<'b>, Option<Vec<String>>)> {
        match bundle.require("X")? {
            Item::Sparse(x) => {
                let bad = (0..x.n_columns()).find_map(|j| x.column(j).find(|(_, v)| !v.is_finite()).map(|(i, _)| (i, j)));
                match bad {
                    Some((row, column)) => Err(Error::input(format!("X contains a non-finite value at row {row}, column {column}"))
                        .hint("drop or fill such rows first")),
                    None => Ok((Predictors::Sparse(x.clone()), None)),
                }
            }
            item => {
                let names = if let Item::Table(table) = item { Some(table.names().to_vec()) } else { None };
                let x = bundle.matrix("X")?;
                check_finite("X", x.view())?;
                Ok((Predictors::Dense(x), names))
            }
        }
    }
}

/// Predictors, outcomes and weights.
#[derive(Clone, Debug)]
pub struct Data<'a> {
    /// Predictors (n, p).
    pub x: Predictors<'a>,
    /// Names of the predictors, where they have any.
    pub names: Option<Vec<String>>,
    /// Outcomes (n,): real numbers, or 0 and 1.
    pub y: Array1<f64>,
    /// Weights of the rows (n,), >= 0.
    pub sample_weight: Option<Array1<f64>>,
}

impl Data<'_> {
    /// A predictor for people: its name or its number.
    pub(super) fn name(&self, j: usize) -> String {
        self.names.as_ref().and_then(|names| names.get(j)).map_or_else(|| format!("column {j}"), |name| format!("column '{name}'"))
    }

    pub(super) fn take(&self, rows: &[usize]) -> Result<Data<'static>> {
        let pick = |v: &Array1<f64>| v.select(ndarray::Axis(0), rows);
        Ok(Data {
            x: self.x.take(rows)?,
            names: self.names.clone(),
            y: pick(&self.y),
            sample_weight: self.sample_weight.as_ref().map(pick),
        })
    }

    /// Weights of mean 1.
    pub(super) fn weights(&self) -> Result<Option<Vec<f64>>> {
        let Some(weights) = &self.sample_weight else { return Ok(None) };
        check_length("sample_weight", weights.len(), self.y.len())?;
        if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(Error::input(format!("sample_weight must be finite and >= 0, got {} in row {row}", weights[row])));
        }
        let mean = weights.sum() / weights.len() as f64;
        if !(mean > 0.0) {
            return Err(Error::input("sample_weight must not be zero in every row"));
        }
        Ok(Some(weights.iter().map(|w| w / mean).collect()))
    }

    /// Number of rows, a row of weight w counted w times.
    pub(super) fn size(&self) -> f64 {
        self.sample_weight.as_ref().map_or(self.y.len() as f64, |weights| weights.sum())
    }

    /// Checks lengths and finite numbers of the outcome.
    pub(super) fn check(&self) -> Result<()> {
        let n = self.x.n_rows();
        if n < 2 || self.x.n_columns() == 0 {
            let samples = if n == 1 { "1 sample".to_owned() } else { format!("{n} samples") };
            let message = format!("X must have at least 2 rows and 1 column, got {samples} and {} columns", self.x.n_columns());
            return Err(Error::input(message).hint("fit to at least 2 samples and 1 feature"));
        }
        check_length("y", self.y.len(), n)?;
        check_finite_vector("y", self.y.view())
    }
}

fn check_length(name: &str, got: usize, n: usize) -> Result<()> {
    if got == n { Ok(()) } else { Err(Error::input(format!("{name} must have {n} rows like X, got {got}"))) }
}

/// A simulated data set of the paper.
pub struct Simulated {
    /// Standardised predictors (n, p).
    pub x: Array2<f64>,
    /// Outcomes (n,).
    pub y: Array1<f64>,
    /// Coefficients of the standardised predictors (p,).
    pub beta: Vec<f64>,
}

/// Settings of a simulated data set.
#[derive(Clone, Copy, Debug)]
pub struct Design {
    /// 0 and 1 instead of real outcomes.
    pub binomial: bool,
    /// Rows.
    pub n: usize,
    /// Zeros between two groups of ten signals.
    pub gap: usize,
    /// Correlation of neighbours: `tau^|i - j|`.
    pub tau: f64,
    /// Variance of the linear predictor over that of the noise.
    pub snr: f64,
    /// Intercept.
    pub intercept: f64,
}

/// Mean and standard deviation of the five groups of ten signals.
const LINEAR: [(f64, f64); 5] = [(0.5, 1.0), (5.0, 2.0), (10.0, 3.0), (20.0, 4.0), (50.0, 5.0)];
const LOGISTIC: [(f64, f64); 5] = [(0.5, 1.0), (0.5, 1.0), (-0.5, 1.0), (-0.5, 1.0), (1.0, 1.0)];

/// Coefficients: five groups of ten signals with zeros between them.
fn signals(design: &Design, random: &mut impl Rng) -> Result<Vec<f64>> {
    let mut beta = Vec::new();
    for (k, (mean, sd)) in if design.binomial { LOGISTIC } else { LINEAR }.into_iter().enumerate() {
        if k > 0 {
            beta.extend(std::iter::repeat_n(0.0, design.gap));
        }
        let normal = Normal::new(mean, sd).map_err(|e| Error::internal(e.to_string()))?;
        beta.extend((0..10).map(|_| normal.sample(random)));
    }
    Ok(beta)
}

/// Draws data sets with the same coefficients, one of each number of rows.
///
/// # Errors
/// Internal ones only.
pub fn simulate(design: &Design, rows: &[usize], random: &mut impl Rng) -> Result<Vec<Simulated>> {
    let beta = signals(design, random)?;
    let (tau, fresh) = (design.tau, (1.0 - design.tau * design.tau).sqrt());
    // Variance of the linear predictor under the autoregressive covariance: with c_j = sum_{i<j} beta_i tau^(j-i) it is
    // sum_j beta_j^2 + 2 beta_j c_j.
    let (mut variance, mut carried) = (0.0, 0.0);
    for b in &beta {
        variance += b * b + 2.0 * b * carried;
        carried = tau * (carried + b);
    }
    let noise = (variance / design.snr).sqrt();
    rows.iter()
        .map(|&n| {
            let mut x = Array2::zeros((n, beta.len()));
            for mut row in x.rows_mut() {
                let mut before: f64 = StandardNormal.sample(random);
                for (j, cell) in row.iter_mut().enumerate() {
                    let draw: f64 = StandardNormal.sample(random);
                    before = if j == 0 { before } else { tau * before + fresh * draw };
                    *cell = before;
                }
            }
            for mut column in x.columns_mut() {
                let mean = column.sum() / n as f64;
                column -= mean;
                let sd = (column.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt();
                column /= sd;
            }
            let y = x
                .rows()
                .into_iter()
                .map(|row| {
                    let draw: f64 = StandardNormal.sample(random);
                    let eta = design.intercept + row.iter().zip(&beta).map(|(x, b)| x * b).sum::<f64>() + noise * draw;
                    if design.binomial { f64::from(u8::from(random.random::<f64>() < 1.0 / (1.0 + (-eta).exp()))) } else { eta }
                })
                .collect();
            Ok(Simulated { x, y, beta: beta.clone() })
        })
        .collect()
}
