//! Matrices of predictors as the solvers see them.

use super::kernels::{add_scaled, dot};
use crate::linalg::product;
use elinvar_core::{Context, Error, Result};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

/// Numbers that one task of a parallel product reads at least; below two of them a product runs on one thread.
const CHUNK: usize = 1 << 18;

/// A matrix of predictors (rows x columns), read by columns.
pub trait Design: Sync {
    /// Rows.
    fn rows(&self) -> usize;

    /// Columns.
    fn columns(&self) -> usize;

    /// Numbers that a product with one column reads, on average.
    fn column_work(&self) -> usize;

    /// `out_k = x_{columns_k} . v`.
    fn correlate(&self, v: &[f64], columns: &[usize], out: &mut [f64]);

    /// `target += sum_k factors_k x_{columns_k}`.
    fn accumulate(&self, columns: &[usize], factors: &[f64], target: &mut [f64]);

    /// The products of every `left` column with every `right` column.
    ///
    /// # Errors
    /// Those of the matrix product.
    fn cross(&self, left: &[usize], right: &[usize]) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((left.len(), right.len()));
        let mut column = vec![0.0; self.rows()];
        for (row, &j) in out.rows_mut().into_iter().zip(left) {
            column.fill(0.0);
            self.accumulate(&[j], &[1.0], &mut column);
            let mut row = row;
            match row.as_slice_mut() {
                Some(row) => self.correlate(&column, right, row),
                None => return Err(Error::internal("a fresh matrix has contiguous rows")),
            }
        }
        Ok(out)
    }
}

/// [`Design::correlate`] on the threads of the context; every number is computed by one thread, so that their count changes nothing.
pub fn correlate_all<D: Design + ?Sized>(design: &D, v: &[f64], columns: &[usize], ctx: &Context) -> Vec<f64> {
    let mut out = vec![0.0; columns.len()];
    let chunk = (CHUNK / design.column_work().max(1)).max(1);
    if columns.len() <= chunk || ctx.threads() == 1 {
        design.correlate(v, columns, &mut out);
    } else {
        ctx.install(|| {
            out.par_chunks_mut(chunk).zip(columns.par_chunks(chunk)).for_each(|(out, columns)| design.correlate(v, columns, out));
        });
    }
    out
}

/// A dense matrix with contiguous columns.
#[derive(Clone, Debug)]
pub struct Dense<'a> {
    /// The transpose, in standard layout.
    transposed: CowArray<'a, f64, Ix2>,
}

impl<'a> Dense<'a> {
    /// Of a matrix (rows x columns): borrowed where its columns are contiguous, else copied.
    pub fn new(x: ArrayView2<'a, f64>) -> Self {
        Self::from_transposed(x.reversed_axes().into())
    }

    /// Of the transpose (columns x rows).
    pub fn from_transposed(transposed: CowArray<'a, f64, Ix2>) -> Self {
        let standard = transposed.is_standard_layout();
        Self { transposed: if standard { transposed } else { transposed.as_standard_layout().into_owned().into() } }
    }

    fn column(&self, j: usize) -> &[f64] {
        let n = self.transposed.ncols();
        // The layout is standard by construction, so that this is never empty but for matrices without numbers.
        self.transposed.as_slice().map_or(&[], |values| &values[j * n..(j + 1) * n])
    }
}

impl Design for Dense<'_> {
    fn rows(&self) -> usize {
        self.transposed.ncols()
    }
    fn columns(&self) -> usize {
        self.transposed.nrows()
    }
    fn column_work(&self) -> usize {
        self.rows()
    }
    fn correlate(&self, v: &[f64], columns: &[usize], out: &mut [f64]) {
        out.iter_mut().zip(columns).for_each(|(out, &j)| *out = dot(self.column(j), v));
    }
    fn accumulate(&self, columns: &[usize], factors: &[f64], target: &mut [f64]) {
        for (&j, &factor) in columns.iter().zip(factors) {
            if factor != 0.0 {
                add_scaled(target, factor, self.column(j));
            }
        }
    }
    fn cross(&self, left: &[usize], right: &[usize]) -> Result<Array2<f64>> {
        let take = |columns: &[usize]| self.transposed.select(ndarray::Axis(0), columns);
        product(take(left).view(), take(right).t())
    }
}

/// A sparse matrix by columns, less a dense matrix of rank one: `x_j = s_j - shift_j base`. So that standardised columns stay sparse.
#[derive(Clone, Debug)]
pub struct SparseColumns {
    starts: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<f64>,
    shifts: Vec<f64>,
    base: Vec<f64>,
}

impl SparseColumns {
    /// From compressed columns (`starts` of p + 1 positions, `rows` and `values` of the numbers), shifts (p) and the base (n).
    ///
    /// # Errors
    /// Starts that do not rise to the number of values, rows outside the base, or lengths that do not fit.
    pub fn new(starts: Vec<usize>, rows: Vec<u32>, values: Vec<f64>, shifts: Vec<f64>, base: Vec<f64>) -> Result<Self> {
        let rising = starts.first() == Some(&0) && starts.is_sorted() && starts.last() == Some(&values.len());
        if !rising || starts.len() != shifts.len() + 1 || rows.len() != values.len() {
            return Err(Error::input(
                "compressed columns need starts that rise from 0 to the number of values, and as many rows as values",
            ));
        }
        if let Some(row) = rows.iter().find(|&&row| row as usize >= base.len()) {
            return Err(Error::input(format!("compressed columns name row {row}, but there are {} rows", base.len())));
        }
        Ok(Self { starts, rows, values, shifts, base })
    }

    fn column(&self, j: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[j]..self.starts[j + 1];
        self.rows[range.clone()].iter().map(|&row| row as usize).zip(self.values[range].iter().copied())
    }
}

impl Design for SparseColumns {
    fn rows(&self) -> usize {
        self.base.len()
    }
    fn columns(&self) -> usize {
        self.shifts.len()
    }
    fn column_work(&self) -> usize {
        self.values.len() / self.shifts.len().max(1)
    }
    fn correlate(&self, v: &[f64], columns: &[usize], out: &mut [f64]) {
        let common = dot(&self.base, v);
        for (out, &j) in out.iter_mut().zip(columns) {
            *out = self.column(j).fold(-self.shifts[j] * common, |sum, (row, value)| value.mul_add(v[row], sum));
        }
    }
    fn accumulate(&self, columns: &[usize], factors: &[f64], target: &mut [f64]) {
        let mut common = 0.0;
        for (&j, &factor) in columns.iter().zip(factors) {
            if factor != 0.0 {
                self.column(j).for_each(|(row, value)| target[row] = factor.mul_add(value, target[row]));
                common += factor * self.shifts[j];
            }
        }
        if common != 0.0 {
            add_scaled(target, -common, &self.base);
        }
    }
}
