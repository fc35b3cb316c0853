//! Data as the solvers want them: columns first, centred, scaled, rows weighted, an intercept in front.

use super::data::{Data, Predictors};
use super::params::{Family, Sparse};
use elinvar_core::{Checked, Context, Error, Result, SparseMatrix};
use elinvar_math::sparse::{Dense, Design, Logistic, Loss, SparseColumns, Squared};
use elinvar_math::statistics::pairwise_sum;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// The design with what is needed to map coefficients back.
pub(super) struct Prepared {
    pub(super) design: Box<dyn Design>,
    /// Outcomes of the loss: centred and weighted real numbers, or 0 and 1.
    y: Vec<f64>,
    /// Number of rows, each counted by its weight.
    pub(super) size: f64,
    /// Weights of a loss that is not quadratic.
    weights: Option<Vec<f64>>,
    family: Family,
    half: bool,
    /// Whether column 0 of the design is the intercept.
    intercept: bool,
    /// Factor of each column of the design.
    pub(super) factors: Vec<f64>,
    /// Mean that was taken from real outcomes.
    y_centre: f64,
    /// Standard deviation of real outcomes, 1 for 0 and 1: the unit of the tolerance.
    pub(super) unit: f64,
    /// Mean and scale of each predictor.
    columns: Vec<Column>,
}

/// How a predictor was standardised: `(x - centre) / scale`.
#[derive(Clone, Copy, Debug)]
struct Column {
    centre: f64,
    scale: f64,
}

impl Prepared {
    pub(super) fn new(params: &Checked<Sparse>, data: &Data<'_>, ctx: &mut Context) -> Result<Self> {
        data.check()?;
        let weights = data.weights()?;
        let n = data.y.len();
        let roots = match (params.family, &weights) {
            (Family::Gaussian, Some(w)) => Some(w.iter().map(|w| w.sqrt()).collect::<Vec<f64>>()),
            _ => None,
        };
        let mean = |v: &[f64]| weighted_mean(v, weights.as_deref());
        let raw = data.y.to_vec();
        let (y, y_centre, unit) = match params.family {
            Family::Gaussian => {
                let centre = if params.fit_intercept { mean(&raw) } else { 0.0 };
                let centred: Vec<f64> = raw.iter().map(|y| y - centre).collect();
                let sd = mean(&centred.iter().map(|y| y * y).collect::<Vec<f64>>()).sqrt();
                (times(centred, roots.as_deref()), centre, if sd > 0.0 { sd } else { 1.0 })
            }
            Family::Binomial => (check_labels(raw)?, 0.0, 1.0),
        };
        if !unit.is_finite() {
            return Err(Error::numeric("the variance of y is not finite").hint("divide y by its greatest absolute value"));
        }
        let scaling = Scaling { weights: weights.as_deref(), roots: roots.as_deref(), params };
        let (design, columns): (Box<dyn Design>, Vec<Column>) = match &data.x {
            Predictors::Dense(x) => scaling.dense(x.view(), ctx)?,
            Predictors::Sparse(x) => scaling.sparse(x, n)?,
        };
        if let Some(j) = columns.iter().position(|c| !c.scale.is_finite() || !c.centre.is_finite()) {
            return Err(Error::numeric(format!("the variance of {} is not finite", data.name(j))).hint("scale it down"));
        }
        warn_constant(&columns, data, ctx);
        let factors = factors(params, columns.len())?;
        let weights = weights.filter(|_| params.family == Family::Binomial);
        Ok(Self {
            design,
            y,
            size: data.size(),
            weights,
            family: params.family,
            half: params.half_loss,
            intercept: params.fit_intercept,
            factors,
            y_centre,
            unit,
            columns,
        })
    }

    /// The loss of the linear predictor.
    pub(super) fn loss(&self) -> Result<Box<dyn Loss + '_>> {
        let n = self.y.len() as f64;
        Ok(match self.family {
            Family::Gaussian => Box::new(Squared::new(&self.y)),
            Family::Binomial => Box::new(Logistic::new(&self.y, self.weights.as_deref(), if self.half { 0.5 / n } else { 1.0 / n })?),
        })
    }

    /// Minus twice the log-likelihood at its best variance, up to a constant: from the loss of a solution.
    pub(super) fn deviance(&self, loss: f64) -> f64 {
        let n = self.size;
        match self.family {
            Family::Gaussian => n * (2.0 * loss).max(f64::MIN_POSITIVE).ln(),
            Family::Binomial => {
                if self.half {
                    4.0 * n * loss
                } else {
                    2.0 * n * loss
                }
            }
        }
    }

    /// Coefficients of the columns of the design as those of the predictors, with the intercept.
    pub(super) fn original(&self, solved: &[f64]) -> (Vec<f64>, f64) {
        let first = usize::from(self.intercept);
        let coefficients: Vec<f64> =
            solved[first..].iter().zip(&self.columns).map(|(b, c)| if *b == 0.0 { 0.0 } else { b / c.scale }).collect();
        if !self.intercept {
            return (coefficients, 0.0);
        }
        let shift: f64 = coefficients.iter().zip(&self.columns).filter(|(b, _)| **b != 0.0).map(|(b, c)| b * c.centre).sum();
        (coefficients, self.y_centre + solved[0] - shift)
    }
}

fn weighted_mean(v: &[f64], weights: Option<&[f64]>) -> f64 {
    match weights {
        None => pairwise_sum(v) / v.len() as f64,
        Some(w) => pairwise_sum(&v.iter().zip(w).map(|(v, w)| v * w).collect::<Vec<f64>>()) / v.len() as f64,
    }
}

fn times(mut v: Vec<f64>, roots: Option<&[f64]>) -> Vec<f64> {
    if let Some(roots) = roots {
        v.iter_mut().zip(roots).for_each(|(v, r)| *v *= r);
    }
    v
}

fn check_labels(y: Vec<f64>) -> Result<Vec<f64>> {
    if let Some(row) = y.iter().position(|y| *y != 0.0 && *y != 1.0) {
        return Err(Error::input(format!("y must be 0 or 1 for the family 'binomial', got {} in row {row}", y[row])));
    }
    match y.iter().all(|v| *v == y[0]) {
        true => Err(Error::input(format!("y must hold two classes, got one class: {}", y[0]))),
        false => Ok(y),
    }
}

/// Factors with that of the intercept in front.
fn factors(params: &Sparse, p: usize) -> Result<Vec<f64>> {
    let given = match &params.penalty_factor {
        None => vec![1.0; p],
        Some(factors) if factors.len() == p => factors.clone(),
        Some(factors) => {
            return Err(Error::parameter("penalty_factor", format!("one number for each of the {p} columns of X"), factors.len()));
        }
    };
    Ok(params.fit_intercept.then_some(0.0).into_iter().chain(given).collect())
}

fn warn_constant(columns: &[Column], data: &Data<'_>, ctx: &mut Context) {
    let constant: Vec<String> = (0..columns.len()).filter(|&j| columns[j].scale == 0.0).map(|j| data.name(j)).collect();
    if !constant.is_empty() {
        let more = if constant.len() > 5 { format!(" and {} more", constant.len() - 5) } else { String::new() };
        ctx.warn(format!("constant columns keep the coefficient 0: {}{more}", constant[..constant.len().min(5)].join(", ")));
    }
}

/// How columns become columns of the design.
struct Scaling<'a> {
    weights: Option<&'a [f64]>,
    roots: Option<&'a [f64]>,
    params: &'a Sparse,
}

impl Scaling<'_> {
    /// A scale of 0 marks a constant column: it becomes zeros, so that its coefficient stays 0.
    fn scale(&self, centre: f64, mean_square: f64, largest: f64) -> f64 {
        let sd = mean_square.sqrt();
        // Rounding leaves about this much of a constant.
        if sd <= 1e-13 * largest.max(centre.abs()) {
            0.0
        } else if self.params.standardize {
            sd
        } else {
            1.0
        }
    }

    /// Copies, transposed, in blocks of columns, and standardises every column while it is in the cache.
    fn dense(&self, x: ArrayView2<'_, f64>, ctx: &Context) -> Result<(Box<dyn Design>, Vec<Column>)> {
        const BLOCK: usize = 8;
        let (n, p) = x.dim();
        let first = usize::from(self.params.fit_intercept);
        ctx.reserve("a standardised copy of X", ((p + first) * n * 8) as u64)?;
        let mut rows = Array2::zeros((p + first, n));
        if first == 1 {
            rows.row_mut(0).iter_mut().enumerate().for_each(|(i, one)| *one = self.roots.map_or(1.0, |r| r[i]));
        }
        let (_, body) = rows.view_mut().split_at(Axis(0), first);
        let mut body = body;
        let blocks: Vec<_> = body.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
        let one = |(k, mut block): (usize, ndarray::ArrayViewMut2<'_, f64>)| -> Vec<Column> {
            let columns = k * BLOCK..k * BLOCK + block.nrows();
            block.assign(&x.slice_axis(Axis(1), columns.into()).t());
            block.rows_mut().into_iter().map(|mut row| row.as_slice_mut().map_or(CONSTANT, |row| self.standardise(row))).collect()
        };
        let found: Vec<Vec<Column>> = if ctx.threads() == 1 || n * p < 1 << 18 {
            blocks.into_iter().enumerate().map(one).collect()
        } else {
            ctx.install(|| blocks.into_par_iter().enumerate().map(one).collect())
        };
        Ok((Box::new(Dense::from_transposed(rows.into())), found.into_iter().flatten().collect()))
    }

    fn standardise(&self, column: &mut [f64]) -> Column {
        let largest = column.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let centre = if self.params.fit_intercept { weighted_mean(column, self.weights) } else { 0.0 };
        column.iter_mut().for_each(|v| *v -= centre);
        let squares: Vec<f64> = column.iter().map(|v| v * v).collect();
        let scale = self.scale(centre, weighted_mean(&squares, self.weights), largest);
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        column.iter_mut().for_each(|v| *v *= inverse);
        if let Some(roots) = self.roots {
            column.iter_mut().zip(roots).for_each(|(v, r)| *v *= r);
        }
        Column { centre, scale }
    }

    /// Keeps the zeros: the centres are a matrix of rank one beside the stored numbers.
    fn sparse(&self, x: &SparseMatrix, n: usize) -> Result<(Box<dyn Design>, Vec<Column>)> {
        let weight = |i: usize| self.weights.map_or(1.0, |w| w[i]);
        let root = |i: usize| self.roots.map_or(1.0, |r| r[i]);
        let (mut starts, mut rows, mut values, mut shifts) = (vec![0], Vec::new(), Vec::new(), Vec::new());
        if self.params.fit_intercept {
            // Nothing stored, less -1 times the base.
            starts.push(0);
            shifts.push(-1.0);
        }
        let mut columns = Vec::new();
        for j in 0..x.n_columns() {
            let sum = |f: &dyn Fn(f64) -> f64| x.column(j).map(|(i, v)| weight(i) * f(v)).sum::<f64>();
            let stored = x.column(j).map(|(i, _)| weight(i)).sum::<f64>();
            let centre = if self.params.fit_intercept { sum(&|v| v) / n as f64 } else { 0.0 };
            let mean_square = (sum(&|v| (v - centre).powi(2)) + (n as f64 - stored).max(0.0) * centre * centre) / n as f64;
            let largest = x.column(j).fold(0.0, |m: f64, (_, v)| m.max(v.abs()));
            let scale = self.scale(centre, mean_square, largest);
            if scale > 0.0 {
                x.column(j).for_each(|(i, v)| {
                    rows.push(i as u32);
                    values.push(root(i) * v / scale);
                });
            }
            starts.push(values.len());
            shifts.push(if scale > 0.0 { centre / scale } else { 0.0 });
            columns.push(Column { centre, scale });
        }
        let base = (0..n).map(root).collect();
        Ok((Box::new(SparseColumns::new(starts, rows, values, shifts, base)?), columns))
    }
}

const CONSTANT: Column = Column { centre: 0.0, scale: 0.0 };
