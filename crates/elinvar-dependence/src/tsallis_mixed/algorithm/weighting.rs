//! Products with `w_i V_i^-1` and its symmetric root, and the columns of the fixed effects seen through them.

use super::scatter::{Point, project};
use elinvar_core::{Context, Error, Result};
use elinvar_math::linalg::{product, symmetric_map};
use elinvar_math::sparse::Design;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;

/// Numbers from which on columns are shared between threads.
const LARGE: usize = 1 << 17;

/// `w_i V_i^-1` of all groups, as factors around the rows.
pub(super) struct Weighting<'a> {
    point: &'a Point,
    /// `w_i / sigma2` (m).
    scales: Vec<f64>,
}

impl<'a> Weighting<'a> {
    /// With these group weights (m).
    pub(super) fn new(point: &'a Point, weights: &[f64]) -> Self {
        let sigma2 = point.parameters.sigma2;
        Self { point, scales: weights.iter().map(|w| w / sigma2).collect() }
    }

    /// `w_i V_i^-1 v` (N).
    fn apply(&self, v: &[f64]) -> Vec<f64> {
        through(self.point, &self.point.factors.inverse, &self.scales, v)
    }

    /// Rows `w_i V_i^-1 x_j` of all columns (p, N).
    pub(super) fn columns(&self, ctx: &Context) -> Array2<f64> {
        let x = &self.point.rows.x;
        let mut out = Array2::zeros(x.dim());
        let fill = |(mut target, column): (ArrayViewMut1<'_, f64>, ArrayView1<'_, f64>)| {
            target.assign(&ArrayView1::from(&self.apply(&column.to_vec())));
        };
        if ctx.threads() == 1 || x.len() < LARGE {
            out.rows_mut().into_iter().zip(x.rows()).for_each(fill);
        } else {
            let pairs: Vec<_> = out.rows_mut().into_iter().zip(x.rows()).collect();
            ctx.install(|| pairs.into_par_iter().for_each(fill));
        }
        out
    }

    /// `sum_i w_i X_i' V_i^-1 X_i` (p, p), from the result of [`Weighting::columns`].
    ///
    /// # Errors
    /// Those of the matrix product.
    pub(super) fn information(&self, columns: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        product(self.point.rows.x.view(), columns.t())
    }

    /// The diagonal of [`Weighting::information`] (p), without the columns.
    pub(super) fn diagonal(&self) -> Vec<f64> {
        let of_column = |column: ArrayView1<'_, f64>| column.dot(&ArrayView1::from(&self.apply(&column.to_vec())));
        self.point.rows.x.rows().into_iter().map(of_column).collect()
    }

    /// `sum_i w_i X_i' V_i^-1 r_i` (p): the errors of the point are `sigma2 V_i^-1 r_i` already.
    pub(super) fn score(&self, ctx: &Context) -> Vec<f64> {
        let rows = &self.point.rows;
        let mut weighted = self.point.errors.clone();
        for (group, scale) in self.scales.iter().enumerate() {
            weighted[rows.span(group)].iter_mut().for_each(|e| *e *= scale);
        }
        let columns: Vec<usize> = (0..rows.p()).collect();
        elinvar_math::sparse::correlate_all(&Plain(rows.x.view()), &weighted, &columns, ctx)
    }

    /// Multiplication by the symmetric root of `w_i V_i^-1`.
    ///
    /// # Errors
    /// Those of an eigendecomposition.
    pub(super) fn root(&self) -> Result<Whitened<'a>> {
        let (point, q) = (self.point, self.point.rows.q);
        let sigma2 = point.parameters.sigma2;
        let map = |value: f64| value / (1.0 + (sigma2 * value).sqrt());
        let mut middle = Vec::with_capacity(point.factors.inverse.len());
        match q {
            0 => {}
            1 => middle.extend(point.factors.inverse.iter().map(|&value| map(value))),
            _ => {
                for inverse in point.factors.inverse.chunks_exact(q * q) {
                    let inverse = ArrayView2::from_shape((q, q), inverse).map_err(|e| Error::internal(e.to_string()))?;
                    middle.extend(symmetric_map(inverse, map)?);
                }
            }
        }
        Ok(Whitened { point, middle, scales: self.scales.iter().map(|s| s.sqrt()).collect() })
    }
}

/// `scale_i (v - Z_i L middle_i L' Z_i' v)` (N).
fn through(point: &Point, middle: &[f64], scales: &[f64], v: &[f64]) -> Vec<f64> {
    let (rows, q) = (&point.rows, point.rows.q);
    let (mut out, mut effects) = (vec![0.0; v.len()], vec![0.0; q]);
    for (group, scale) in scales.iter().enumerate() {
        let span = rows.span(group);
        let target = &mut out[span.clone()];
        project(rows, &point.parameters.root, &middle[group * q * q..(group + 1) * q * q], span.clone(), &v[span], &mut effects, target);
        target.iter_mut().for_each(|t| *t *= scale);
    }
    out
}

/// The columns of the fixed effects as they are.
struct Plain<'a>(ArrayView2<'a, f64>);

impl Design for Plain<'_> {
    fn rows(&self) -> usize {
        self.0.ncols()
    }
    fn columns(&self) -> usize {
        self.0.nrows()
    }
    fn column_work(&self) -> usize {
        self.0.ncols()
    }
    fn correlate(&self, v: &[f64], columns: &[usize], out: &mut [f64]) {
        let v = ArrayView1::from(v);
        out.iter_mut().zip(columns).for_each(|(out, &j)| *out = self.0.index_axis(Axis(0), j).dot(&v));
    }
    fn accumulate(&self, columns: &[usize], factors: &[f64], target: &mut [f64]) {
        for (&j, &factor) in columns.iter().zip(factors).filter(|(_, f)| **f != 0.0) {
            target.iter_mut().zip(self.0.index_axis(Axis(0), j)).for_each(|(t, x)| *t += factor * x);
        }
    }
}

/// The columns times the symmetric root of `w_i V_i^-1`, never formed: a product with one column is a product of the column with a
/// vector that went through the root once.
pub(super) struct Whitened<'a> {
    point: &'a Point,
    middle: Vec<f64>,
    scales: Vec<f64>,
}

impl Whitened<'_> {
    /// `(w_i V_i^-1)^(1/2) v` (N).
    pub(super) fn apply(&self, v: &[f64]) -> Vec<f64> {
        through(self.point, &self.middle, &self.scales, v)
    }

    fn plain(&self) -> Plain<'_> {
        Plain(self.point.rows.x.view())
    }
}

impl Design for Whitened<'_> {
    fn rows(&self) -> usize {
        self.point.rows.n()
    }
    fn columns(&self) -> usize {
        self.point.rows.p()
    }
    fn column_work(&self) -> usize {
        self.point.rows.n()
    }
    fn correlate(&self, v: &[f64], columns: &[usize], out: &mut [f64]) {
        self.plain().correlate(&self.apply(v), columns, out);
    }
    fn accumulate(&self, columns: &[usize], factors: &[f64], target: &mut [f64]) {
        let mut sum = vec![0.0; target.len()];
        self.plain().accumulate(columns, factors, &mut sum);
        target.iter_mut().zip(self.apply(&sum)).for_each(|(t, s)| *t += s);
    }
    fn cross(&self, left: &[usize], right: &[usize]) -> Result<Array2<f64>> {
        let x = &self.point.rows.x;
        let mut whitened = Array2::zeros((left.len(), x.ncols()));
        for (mut target, &j) in whitened.rows_mut().into_iter().zip(left) {
            let twice = self.apply(&self.apply(&x.index_axis(Axis(0), j).to_vec()));
            target.assign(&ArrayView1::from(&twice));
        }
        product(whitened.view(), x.select(Axis(0), right).t())
    }
}
