//! A generalised linear model with an exact fairness penalty on all rows, fitted by L-BFGS.

use super::algorithm::{Penalty, compensated};
use super::params::{Loss, Penalise};
use elinvar_core::{Context, Result, Status};
use elinvar_math::optimise::{Lbfgs, lbfgs};
use ndarray::{Array1, ArrayView1, ArrayView2};

/// The rows that a model is fitted to.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Features (n, d).
    pub x: ArrayView2<'a, f64>,
    /// Outcomes (n,).
    pub y: ArrayView1<'a, f64>,
    /// Exposures (n,), 1 where there is none.
    pub exposure: ArrayView1<'a, f64>,
    /// Weights of the rows in the loss (n,), with mean 1.
    pub weight: ArrayView1<'a, f64>,
}

/// What is minimised: mean loss + lam * penalty(mean or rate).
pub struct Objective<'a> {
    /// Loss.
    pub loss: Loss,
    /// What the penalty sees.
    pub penalise: Penalise,
    /// Weight of the penalty.
    pub lam: f64,
    /// The penalty; `None` for an ordinary model.
    pub penalty: Option<&'a Penalty>,
}

impl Objective<'_> {
    /// Value, penalty and derivative with respect to the linear predictor of every row.
    pub fn value_and_slopes(
        &self,
        f: &[f64],
        y: ArrayView1<'_, f64>,
        exposure: ArrayView1<'_, f64>,
        weight: ArrayView1<'_, f64>,
        ctx: &Context,
    ) -> Result<(f64, f64, Vec<f64>)> {
        let n = f.len() as f64;
        let mut slopes = vec![0.0; f.len()];
        let loss = compensated(f.iter().enumerate().map(|(i, &f)| {
            let (value, slope) = self.loss.value_and_slope(f, y[i], exposure[i]);
            slopes[i] = weight[i] * slope / n;
            weight[i] * value / n
        }));
        let Some(penalty) = self.penalty.filter(|_| self.lam > 0.0) else { return Ok((loss, 0.0, slopes)) };
        let (value, gradient) = penalty.value_and_gradient(self.scores(f, exposure).view(), ctx)?;
        for (i, slope) in slopes.iter_mut().enumerate() {
            *slope += self.lam * gradient[i] * self.loss.mean_slope(f[i], self.seen(exposure[i]));
        }
        Ok((loss + self.lam * value, value, slopes))
    }

    /// Second derivative with respect to the linear predictor of every row. There are no mixed ones: the penalty is piecewise linear
    /// in the scores, so its own gradient does not move except where two scores meet.
    pub fn curvatures(
        &self,
        f: &[f64],
        y: ArrayView1<'_, f64>,
        exposure: ArrayView1<'_, f64>,
        weight: ArrayView1<'_, f64>,
        ctx: &Context,
    ) -> Result<Vec<f64>> {
        let n = f.len() as f64;
        let mut curvatures: Vec<f64> =
            f.iter().enumerate().map(|(i, &f)| weight[i] * self.loss.curvature(f, y[i], exposure[i]) / n).collect();
        let Some(penalty) = self.penalty.filter(|_| self.lam > 0.0) else { return Ok(curvatures) };
        let (_, gradient) = penalty.value_and_gradient(self.scores(f, exposure).view(), ctx)?;
        for (i, curvature) in curvatures.iter_mut().enumerate() {
            *curvature += self.lam * gradient[i] * self.loss.mean_curvature(f[i], self.seen(exposure[i]));
        }
        Ok(curvatures)
    }

    /// Exposure as the penalty sees it.
    fn seen(&self, exposure: f64) -> f64 {
        if self.penalise == Penalise::Rate { 1.0 } else { exposure }
    }

    fn scores(&self, f: &[f64], exposure: ArrayView1<'_, f64>) -> Array1<f64> {
        f.iter().zip(exposure).map(|(&f, &e)| self.loss.mean(f, self.seen(e))).collect()
    }
}

/// Coefficients with how they were found.
#[derive(Clone, Debug)]
pub struct Linear {
    /// One coefficient a feature.
    pub coefficients: Array1<f64>,
    /// Intercept.
    pub intercept: f64,
    /// Value of the objective.
    pub value: f64,
    /// Iterations.
    pub iterations: usize,
    /// How the fit ended.
    pub status: Status,
}

/// Weighted mean and standard deviation of every column; a constant column has deviation 1. Weighing a row twice is the same as
/// giving it twice.
pub(super) fn moments(x: ArrayView2<'_, f64>, weight: ArrayView1<'_, f64>) -> (Array1<f64>, Array1<f64>) {
    let total = compensated(weight.iter().copied());
    let average = |values: &mut dyn Iterator<Item = f64>| compensated(values.zip(weight).map(|(v, w)| v * w)) / total;
    let centre: Array1<f64> = x.columns().into_iter().map(|c| average(&mut c.iter().copied())).collect();
    let spread = |(c, m): (ArrayView1<'_, f64>, &f64)| average(&mut c.iter().map(|x| (x - m) * (x - m))).sqrt();
    let scale = x.columns().into_iter().zip(&centre).map(spread).map(|s| if s > 0.0 && s.is_finite() { s } else { 1.0 });
    let scale = scale.collect();
    (centre, scale)
}

/// Weighted outcome over weighted exposure: the prediction of a model without features.
pub(super) fn mean_rate(y: ArrayView1<'_, f64>, exposure: ArrayView1<'_, f64>, weight: ArrayView1<'_, f64>) -> f64 {
    weight.dot(&y) / weight.dot(&exposure)
}

/// Fits the coefficients on all rows.
pub fn fit_linear(rows: Rows<'_>, objective: &Objective<'_>, max_iterations: usize, ctx: &mut Context) -> Result<Linear> {
    let d = rows.x.ncols();
    // Standardised features make the problem well-conditioned; the coefficients are turned back at the end.
    let (centre, scale) = moments(rows.x, rows.weight);
    let mut z = rows.x.to_owned();
    for (mut column, (m, s)) in z.columns_mut().into_iter().zip(centre.iter().zip(&scale)) {
        column.mapv_inplace(|x| (x - m) / s);
    }
    let mut start = vec![0.0; d + 1];
    start[d] = objective.loss.link(mean_rate(rows.y, rows.exposure, rows.weight));
    let inner = ctx.child(ctx.seed(), ctx.threads());
    let value = |theta: &[f64], gradient: &mut [f64]| -> Result<f64> {
        let beta = ArrayView1::from(&theta[..d]);
        let f: Vec<f64> = z.dot(&beta).iter().map(|f| f + theta[d]).collect();
        let (value, _, slopes) = objective.value_and_slopes(&f, rows.y, rows.exposure, rows.weight, &inner)?;
        let slopes = Array1::from_vec(slopes);
        gradient[..d].copy_from_slice(z.t().dot(&slopes).as_slice().unwrap_or(&[]));
        gradient[d] = compensated(slopes);
        Ok(value)
    };
    let settings = Lbfgs { max_iterations, gradient_tolerance: 1e-8, value_tolerance: 1e-11, ..Lbfgs::default() };
    let minimum = lbfgs(value, &start, &settings, ctx)?;
    let coefficients: Array1<f64> = minimum.x[..d].iter().zip(&scale).map(|(b, s)| b / s).collect();
    let intercept = minimum.x[d] - coefficients.iter().zip(&centre).map(|(b, m)| b * m).sum::<f64>();
    Ok(Linear { coefficients, intercept, value: minimum.value, iterations: minimum.iterations, status: minimum.status })
}
