//! Rows sorted by group, in the layout that the passes read.

use elinvar_core::{Context, Error, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Rows that one task of a parallel pass takes; below two of them a pass runs on one thread.
const CHUNK: usize = 8192;

/// Outcomes and predictors of all groups, the rows of a group together.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Outcomes (N).
    pub(super) y: Vec<f64>,
    /// Columns of the fixed effects (p, N).
    pub(super) x: Array2<f64>,
    /// Columns of the random effects (N, q).
    pub(super) z: Vec<f64>,
    /// Number of random effects.
    pub(super) q: usize,
    /// First row of every group, and N.
    pub(super) starts: Vec<usize>,
    /// `Z_i' Z_i` of every group (m, q, q).
    gram: Vec<f64>,
    /// Correlation of successive errors that these rows were freed of.
    pub(super) rho: f64,
    /// What reweighting took from `ln |V_i|` (m); empty without it.
    scaling: Vec<f64>,
    /// Place in the input of every row (N).
    places: Vec<usize>,
    chunks: Vec<Range<usize>>,
}

impl Rows {
    /// Sorts rows by group code (0 to m - 1), keeping their order within a group.
    pub(crate) fn new(y: ArrayView1<'_, f64>, x: ArrayView2<'_, f64>, z: ArrayView2<'_, f64>, codes: &[usize]) -> Self {
        let groups = codes.iter().max().map_or(0, |c| c + 1);
        let mut order: Vec<usize> = (0..codes.len()).collect();
        order.sort_by_key(|&row| codes[row]);
        let mut starts = vec![0; groups + 1];
        codes.iter().for_each(|&code| starts[code + 1] += 1);
        (0..groups).for_each(|i| starts[i + 1] += starts[i]);
        let sorted = |column: ArrayView1<'_, f64>| order.iter().map(|&row| column[row]).collect::<Vec<f64>>();
        let mut columns = Array2::zeros((x.ncols(), y.len()));
        for (mut target, column) in columns.rows_mut().into_iter().zip(x.columns()) {
            target.iter_mut().zip(&order).for_each(|(t, &row)| *t = column[row]);
        }
        let z_rows = order.iter().flat_map(|&row| z.row(row).to_vec()).collect();
        let y = sorted(y);
        let (gram, scaling, chunks) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = Self { y, x: columns, z: z_rows, q: z.ncols(), starts, gram, rho: 0.0, scaling, places: order, chunks };
        rows.gram = rows.cross_products();
        rows.chunks = rows.chunked();
        rows
    }

    /// Number of rows N.
    pub(crate) fn n(&self) -> usize {
        self.y.len()
    }

    /// Number of fixed effects p, the intercept among them.
    pub(crate) fn p(&self) -> usize {
        self.x.nrows()
    }

    /// Number of random effects q.
    pub(crate) fn q(&self) -> usize {
        self.q
    }

    /// Number of groups m.
    pub(crate) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rows of a group.
    pub(super) fn span(&self, group: usize) -> Range<usize> {
        self.starts[group]..self.starts[group + 1]
    }

    /// Number of rows of a group.
    pub(crate) fn size(&self, group: usize) -> usize {
        self.starts[group + 1] - self.starts[group]
    }

    /// `Z_i' Z_i`.
    pub(super) fn gram(&self, group: usize) -> &[f64] {
        let square = self.q * self.q;
        &self.gram[group * square..(group + 1) * square]
    }

    /// One column of the fixed effects (N).
    pub(super) fn column(&self, j: usize) -> ArrayView1<'_, f64> {
        self.x.index_axis(Axis(0), j)
    }

    /// `y - X beta` (N).
    pub(crate) fn residuals(&self, beta: &[f64]) -> Vec<f64> {
        let mut residuals = self.y.clone();
        for (j, &b) in beta.iter().enumerate().filter(|(_, b)| **b != 0.0) {
            residuals.iter_mut().zip(self.column(j)).for_each(|(r, x)| *r -= b * x);
        }
        residuals
    }

    /// The same rows with these columns of the fixed effects only.
    pub(super) fn with_columns(&self, columns: &[usize]) -> Rows {
        Rows {
            y: self.y.clone(),
            x: self.x.select(Axis(0), columns),
            z: self.z.clone(),
            q: self.q,
            starts: self.starts.clone(),
            gram: self.gram.clone(),
            rho: self.rho,
            scaling: self.scaling.clone(),
            places: self.places.clone(),
            chunks: self.chunks.clone(),
        }
    }

    /// The groups whose numbers are in `keep`, in that order.
    pub(crate) fn select(&self, keep: &[usize]) -> Rows {
        let rows: Vec<usize> = keep.iter().flat_map(|&g| self.span(g)).collect();
        let codes: Vec<usize> = keep.iter().enumerate().flat_map(|(code, &g)| std::iter::repeat_n(code, self.size(g))).collect();
        let y = ArrayView1::from(&self.y).select(Axis(0), &rows);
        let z = Array2::from_shape_fn((rows.len(), self.q), |(i, k)| self.z[rows[i] * self.q + k]);
        let mut selected = Rows::new(y.view(), self.x.select(Axis(1), &rows).t(), z.view(), &codes);
        selected.scaling = keep.iter().filter_map(|&g| self.scaling.get(g).copied()).collect();
        selected
    }

    /// The rows freed of an AR(1) correlation of successive errors within a group: `(v_t - rho v_{t-1}) / sqrt(1 - rho^2)`, the first row
    /// of a group as it is.
    pub(crate) fn decorrelated(&self, rho: f64) -> Rows {
        let root = (1.0 - rho * rho).sqrt();
        let mut rows = self.clone();
        rows.rho = rho;
        let q = self.q;
        for span in (0..self.groups()).map(|g| self.span(g)) {
            for t in span.clone().skip(1) {
                rows.y[t] = (self.y[t] - rho * self.y[t - 1]) / root;
                (0..q).for_each(|k| rows.z[t * q + k] = (self.z[t * q + k] - rho * self.z[(t - 1) * q + k]) / root);
            }
            for (mut target, column) in rows.x.rows_mut().into_iter().zip(self.x.rows()) {
                span.clone().skip(1).for_each(|t| target[t] = (column[t] - rho * column[t - 1]) / root);
            }
        }
        rows.gram = rows.cross_products();
        rows
    }

    /// The rows freed of this correlation, themselves where there is none.
    pub(super) fn freed(self: &Arc<Self>, rho: f64) -> Arc<Self> {
        if rho == 0.0 { Arc::clone(self) } else { Arc::new(self.decorrelated(rho)) }
    }

    /// The rows with errors of scatter `sigma2 / precision` (N, in the order of the input), scaled so that it is `sigma2`.
    pub(crate) fn of_precision(&self, precision: ArrayView1<'_, f64>) -> Rows {
        let sorted: Vec<f64> = self.places.iter().map(|&place| precision[place]).collect();
        self.reweighted(&sorted, &vec![1.0; self.groups()])
    }

    /// The rows multiplied by the roots of these weights (N), the random effects' columns divided by the roots of those of the groups (m):
    /// errors of scatter `sigma2 / weight` and random effects of scatter `D / weight` then have scatters `sigma2` and `D`.
    pub(super) fn reweighted(&self, weights: &[f64], of_groups: &[f64]) -> Rows {
        let mut rows = self.clone();
        rows.scaling.resize(self.groups(), 0.0);
        let roots: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
        rows.y.iter_mut().zip(&roots).for_each(|(y, root)| *y *= root);
        for mut column in rows.x.rows_mut() {
            column.iter_mut().zip(&roots).for_each(|(x, root)| *x *= root);
        }
        for (group, of_group) in of_groups.iter().enumerate() {
            for row in self.span(group) {
                let factor = roots[row] / of_group.sqrt();
                rows.z[row * self.q..(row + 1) * self.q].iter_mut().for_each(|z| *z *= factor);
                rows.scaling[group] -= weights[row].ln();
            }
        }
        rows.gram = rows.cross_products();
        rows
    }

    /// Values of the rows (N) in the order of the input.
    pub(crate) fn in_input_order(&self, values: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; values.len()];
        self.places.iter().zip(values).for_each(|(&place, value)| out[place] = *value);
        out
    }

    /// Columns of the random effects in one row (q).
    pub(super) fn z_row(&self, row: usize) -> &[f64] {
        &self.z[row * self.q..(row + 1) * self.q]
    }

    /// An entry of the random effects' columns, rows in sorted order.
    #[cfg(test)]
    pub(crate) fn z_entry(&self, row: usize, k: usize) -> f64 {
        self.z[row * self.q + k]
    }

    /// What decorrelation or reweighting took from `ln |V_i|`.
    pub(super) fn log_det_of_errors(&self, group: usize) -> f64 {
        let correlation = if self.rho == 0.0 { 0.0 } else { (self.size(group) - 1) as f64 * (-self.rho * self.rho).ln_1p() };
        correlation + self.scaling.get(group).copied().unwrap_or(0.0)
    }

    /// Results of all groups in order, computed on the threads of the context over fixed ranges of groups.
    pub(super) fn over_groups<T: Send>(&self, ctx: &Context, work: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
        if self.chunks.len() < 2 || ctx.threads() == 1 {
            return self.chunks.iter().cloned().map(work).collect();
        }
        ctx.install(|| self.chunks.par_iter().cloned().map(work).collect())
    }

    fn chunked(&self) -> Vec<Range<usize>> {
        let (mut chunks, mut first) = (Vec::new(), 0);
        for group in 0..self.groups() {
            if self.starts[group + 1] - self.starts[first] >= CHUNK || group + 1 == self.groups() {
                chunks.push(first..group + 1);
                first = group + 1;
            }
        }
        chunks
    }

    fn cross_products(&self) -> Vec<f64> {
        let q = self.q;
        let mut gram = vec![0.0; self.groups() * q * q];
        for group in 0..self.groups() {
            let target = &mut gram[group * q * q..(group + 1) * q * q];
            for row in self.span(group) {
                let z = &self.z[row * q..(row + 1) * q];
                (0..q).for_each(|k| (0..q).for_each(|l| target[k * q + l] += z[k] * z[l]));
            }
        }
        gram
    }

    /// Refuses columns of the fixed effects that are combinations of those before them, naming both kinds.
    ///
    /// # Errors
    /// The first such column by name.
    pub(crate) fn check_rank(&self, names: &[String]) -> Result<()> {
        const DEPENDENT: f64 = 1e-9;
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for (j, name) in names.iter().enumerate() {
            let mut column = self.column(j).to_vec();
            let before = norm(&column);
            // Twice is enough for orthogonality to working precision.
            for _ in 0..2 {
                for direction in &basis {
                    let share: f64 = column.iter().zip(direction).map(|(c, d)| c * d).sum();
                    column.iter_mut().zip(direction).for_each(|(c, d)| *c -= share * d);
                }
            }
            let after = norm(&column);
            if !(after > DEPENDENT * before) {
                let others = names[..j].join(", ");
                let message = format!("column '{name}' of the fixed effects is a linear combination of the columns before it ({others})");
                return Err(Error::input(message).hint("leave it out, or set fit_intercept to false if it is constant"));
            }
            column.iter_mut().for_each(|c| *c /= after);
            basis.push(column);
        }
        Ok(())
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}
