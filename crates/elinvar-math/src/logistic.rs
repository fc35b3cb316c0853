//! Logistic regression with the elastic-net penalty.

use crate::linalg::product;
use crate::sparse::largest_eigenvalue;
use elinvar_core::{Context, Result, Status};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Settings of [`Logistic::fit`].
#[derive(Clone, Copy, Debug)]
pub struct ElasticNet {
    /// Weight of the loss against the penalty.
    pub c: f64,
    /// Share of the absolute values in the penalty; the rest is half the squares.
    pub l1_ratio: f64,
    /// Greatest change of a weight in one step, relative to the largest weight.
    pub tolerance: f64,
    /// Greatest number of steps.
    pub max_iterations: usize,
}

impl Default for ElasticNet {
    fn default() -> Self {
        Self { c: 1.0, l1_ratio: 0.5, tolerance: 1e-6, max_iterations: 20_000 }
    }
}

/// A linear score for each class, or one score of the second class where there are two.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// One row a score (1 or K, d).
    pub weights: Array2<f64>,
    /// (1 or K,).
    pub intercepts: Array1<f64>,
}

impl Logistic {
    /// Minimises `C sum loss + l1_ratio |W|_1 + (1 - l1_ratio)/2 |W|^2` over weights and free intercepts by accelerated proximal steps
    /// with restarts (Beck and Teboulle 2009, O'Donoghue and Candès 2015).
    ///
    /// # Errors
    /// Those of the context.
    pub fn fit(x: ArrayView2<'_, f64>, y: &[usize], classes: usize, settings: &ElasticNet, ctx: &Context) -> Result<(Self, Status)> {
        let (n, d) = x.dim();
        let scores = if classes == 2 { 1 } else { classes };
        // The last column holds the intercepts.
        let design = ndarray::concatenate(Axis(1), &[x, Array2::ones((n, 1)).view()]).unwrap_or_else(|_| x.to_owned());
        let targets = Array2::from_shape_fn((n, scores), |(i, k)| f64::from(u8::from(if scores == 1 { y[i] == 1 } else { y[i] == k })));
        let curvature = if scores == 1 { 0.25 } else { 0.5 };
        let step = 1.0 / (settings.c * curvature * largest_square(design.view())? + (1.0 - settings.l1_ratio)).max(f64::MIN_POSITIVE);
        let mut weights = Array2::<f64>::zeros((scores, d + 1));
        let (mut ahead, mut momentum, mut status) = (weights.clone(), 1.0_f64, Status::IterationLimit);
        for iteration in 0..settings.max_iterations {
            if iteration % 64 == 0 {
                ctx.check()?;
            }
            let residual = probabilities(product(design.view(), ahead.t())?) - &targets;
            let mut gradient = product(residual.t(), design.view())? * settings.c;
            for (mut row, point) in gradient.outer_iter_mut().zip(ahead.outer_iter()) {
                (0..d).for_each(|j| row[j] += (1.0 - settings.l1_ratio) * point[j]);
            }
            let mut next = &ahead - &(gradient * step);
            let threshold = step * settings.l1_ratio;
            next.outer_iter_mut().for_each(|mut row| {
                (0..d).for_each(|j| row[j] = row[j].signum() * (row[j].abs() - threshold).max(0.0));
            });
            let change = &next - &weights;
            let (moved, largest) = (greatest(&change), greatest(&next));
            let uphill = ((&ahead - &next) * &change).sum() > 0.0;
            let after = if uphill { 1.0 } else { (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0 };
            ahead = if uphill { next.clone() } else { &next + &(change * ((momentum - 1.0) / after)) };
            (weights, momentum) = (next, after);
            if moved <= settings.tolerance * largest.max(f64::MIN_POSITIVE) {
                status = Status::Converged;
                break;
            }
        }
        let intercepts = weights.column(d).to_owned();
        let weights = weights.slice_axis(Axis(1), (..d).into()).to_owned();
        Ok((Self { weights, intercepts }, status))
    }

    /// Scores (m, 1 or K).
    ///
    /// # Errors
    /// Another number of columns than in the fit.
    pub fn scores(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(product(x, self.weights.t())? + &self.intercepts)
    }
}

fn greatest(matrix: &Array2<f64>) -> f64 {
    matrix.iter().fold(0.0_f64, |a, b| a.max(b.abs()))
}

/// The logistic function of one score, the softmax of several.
fn probabilities(scores: Array2<f64>) -> Array2<f64> {
    if scores.ncols() == 1 { scores.mapv_into(|score| 1.0 / (1.0 + (-score).exp())) } else { softmax(scores) }
}

/// `exp(s_k) / sum_l exp(s_l)` in every row (m, K).
pub fn softmax(mut scores: Array2<f64>) -> Array2<f64> {
    for mut row in scores.outer_iter_mut() {
        let top = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|value| (value - top).exp());
        let total = row.sum();
        row.mapv_inplace(|value| value / total);
    }
    scores
}

/// Place of the greatest number of every row, the first of equal ones.
pub fn most_probable(rows: &Array2<f64>) -> Vec<usize> {
    let of =
        |row: ArrayView1<'_, f64>| row.iter().enumerate().fold((0, f64::NEG_INFINITY), |b, (k, &p)| if p > b.1 { (k, p) } else { b }).0;
    rows.rows().into_iter().map(of).collect()
}

/// An upper bound of the largest eigenvalue of `X' X`.
fn largest_square(x: ArrayView2<'_, f64>) -> Result<f64> {
    largest_eigenvalue(x.ncols(), |vector, image| {
        let product = x.t().dot(&x.dot(&ArrayView1::from(vector)));
        image.iter_mut().zip(&product).for_each(|(out, value)| *out = *value);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{close, matrix, reference, vector};

    #[test]
    fn agrees_with_scikit_learn() {
        for case in reference()["logistic"].as_array().unwrap() {
            let x = matrix(&case["x"]);
            let y: Vec<usize> = vector(&case["y"]).iter().map(|&v| v as usize).collect();
            let settings = ElasticNet { l1_ratio: case["l1_ratio"].as_f64().unwrap(), tolerance: 1e-9, ..ElasticNet::default() };
            let classes = y.iter().max().unwrap() + 1;
            let (fitted, status) = Logistic::fit(x.view(), &y, classes, &settings, &Context::new(0).with_threads(1)).unwrap();
            assert_eq!(status, Status::Converged);
            close(&fitted.weights, &matrix(&case["coef"]), 1e-4);
            close(&fitted.scores(x.view()).unwrap(), &matrix(&case["decisions"]), 1e-4);
        }
    }

    #[test]
    fn a_cap_is_a_status() {
        let x = ndarray::array![[0.0, 1.0], [1.0, 0.5], [2.0, 0.0], [3.0, -1.0]];
        let settings = ElasticNet { max_iterations: 2, ..ElasticNet::default() };
        let (_, status) = Logistic::fit(x.view(), &[0, 0, 1, 1], 2, &settings, &Context::new(0)).unwrap();
        assert_eq!(status, Status::IterationLimit);
    }
}
