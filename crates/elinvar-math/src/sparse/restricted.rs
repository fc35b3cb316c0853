//! The smooth part of the penalised problem on some columns: the loss plus the smooth part of the penalty.

use super::design::Design;
use super::kernels::{add_scaled, dot, multiply_rows};
use super::loss::Loss;
use super::session::Problem;
use super::smooth::Smooth;
use super::spectrum::largest_eigenvalue;
use crate::statistics::pairwise_sum;
use elinvar_core::Result;
use ndarray::Array2;

/// Level of each column of the restriction.
pub(super) struct Levels<'a> {
    pub(super) penalty: &'a crate::penalty::Penalty,
    pub(super) levels: Vec<f64>,
}

impl Levels<'_> {
    /// The value of the smooth parts; adds their slopes.
    fn add(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = 0.0;
        for ((g, &x), &level) in gradient.iter_mut().zip(x).zip(&self.levels) {
            value += self.penalty.smooth_value(x, level);
            *g += self.penalty.smooth_slope(x, level);
        }
        value
    }

    /// Weights of the l1 part.
    pub(super) fn thresholds(&self) -> Vec<f64> {
        self.levels.iter().map(|&level| self.penalty.threshold(level)).collect()
    }

    fn lipschitz(&self, of_loss: f64) -> f64 {
        self.penalty.lipschitz(of_loss, self.levels.iter().fold(0.0, |m: f64, l| m.max(*l)))
    }
}

/// A quadratic loss by the products of its columns, expanded around an anchor where value and gradient are exact.
pub(super) struct Quadratic<'a> {
    pub(super) levels: Levels<'a>,
    pub(super) hessian: Array2<f64>,
    pub(super) anchor: Vec<f64>,
    /// Negative gradient of the loss at the anchor.
    pub(super) scores: Vec<f64>,
    /// Loss at the anchor.
    pub(super) value: f64,
}

impl Quadratic<'_> {
    fn rows(&self) -> &[f64] {
        self.hessian.as_slice().unwrap_or(&[])
    }

    pub(super) fn lipschitz(&self) -> Result<f64> {
        let m = self.scores.len();
        Ok(self.levels.lipschitz(largest_eigenvalue(m, |x, out| multiply_rows(out, self.rows(), m, x))?))
    }

    fn times_hessian(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        multiply_rows(&mut out, self.rows(), x.len(), x);
        out
    }
}

impl Smooth for Quadratic<'_> {
    fn dimension(&self) -> usize {
        self.scores.len()
    }

    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let step: Vec<f64> = x.iter().zip(&self.anchor).map(|(x, a)| x - a).collect();
        multiply_rows(gradient, self.rows(), x.len(), &step);
        let value = self.value + 0.5 * dot(gradient, &step) - dot(&self.scores, &step);
        gradient.iter_mut().zip(&self.scores).for_each(|(g, s)| *g -= s);
        Ok(value + self.levels.add(x, gradient))
    }

    fn curvature(&mut self, _: &[f64], _: &[f64], d: &[f64]) -> Result<f64> {
        Ok(dot(&self.times_hessian(d), d))
    }
}

/// Any loss, by products with the columns.
pub(super) struct Direct<'a, D: ?Sized, L: ?Sized> {
    pub(super) problem: &'a Problem<'a, D, L>,
    pub(super) levels: Levels<'a>,
    pub(super) columns: Vec<usize>,
    eta: Vec<f64>,
    residual: Vec<f64>,
}

impl<'a, D: Design + ?Sized, L: Loss + ?Sized> Direct<'a, D, L> {
    pub(super) fn new(problem: &'a Problem<'a, D, L>, levels: Levels<'a>, columns: Vec<usize>) -> Self {
        let n = problem.design.rows();
        Self { problem, levels, columns, eta: vec![0.0; n], residual: vec![0.0; n] }
    }

    pub(super) fn lipschitz(&self) -> Result<f64> {
        let design = self.problem.design;
        let (m, n, curvature) = (self.columns.len(), design.rows(), self.problem.loss.curvature());
        // The nonzero eigenvalues of X'X and XX' are the same: iterate on the shorter side.
        let largest = if m <= n {
            let mut rows = vec![0.0; n];
            largest_eigenvalue(m, |x, out| {
                rows.fill(0.0);
                design.accumulate(&self.columns, x, &mut rows);
                design.correlate(&rows, &self.columns, out);
            })?
        } else {
            let mut columns = vec![0.0; m];
            largest_eigenvalue(n, |x, out| {
                design.correlate(x, &self.columns, &mut columns);
                out.fill(0.0);
                design.accumulate(&self.columns, &columns, out);
            })?
        };
        Ok(self.levels.lipschitz(curvature * largest))
    }

    fn predictor(&mut self, x: &[f64]) {
        self.eta.fill(0.0);
        self.problem.design.accumulate(&self.columns, x, &mut self.eta);
        if let Some(offset) = self.problem.offset {
            add_scaled(&mut self.eta, 1.0, offset);
        }
    }
}

impl<D: Design + ?Sized, L: Loss + ?Sized> Smooth for Direct<'_, D, L> {
    fn dimension(&self) -> usize {
        self.columns.len()
    }

    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.predictor(x);
        let value = self.problem.loss.evaluate(&self.eta, &mut self.residual);
        self.problem.design.correlate(&self.residual, &self.columns, gradient);
        gradient.iter_mut().for_each(|g| *g = -*g);
        Ok(value + self.levels.add(x, gradient))
    }

    fn curvature(&mut self, x: &[f64], _: &[f64], d: &[f64]) -> Result<f64> {
        self.predictor(x);
        let mut along = vec![0.0; self.eta.len()];
        self.problem.design.accumulate(&self.columns, d, &mut along);
        let mut second = vec![0.0; along.len()];
        self.problem.loss.second_derivatives(&self.eta, &mut second);
        along.iter_mut().zip(&second).for_each(|(a, s)| *a = a.powi(2) * s);
        Ok(pairwise_sum(&along))
    }
}
