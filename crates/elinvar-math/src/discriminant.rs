//! Linear discriminant analysis with shrunken covariances.

use crate::covariance::CovarianceEstimator;
use crate::linalg::{product, svd};
use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// A linear score for each class: `x W' + b`; the largest wins.
#[derive(Clone, Debug, PartialEq)]
pub struct Discriminant {
    /// One row a class (K, d).
    pub weights: Array2<f64>,
    /// (K,).
    pub intercepts: Array1<f64>,
}

impl Discriminant {
    /// Fits to rows (n, d) of classes 0..K. The covariance is the mean over classes, weighted by their shares, of the Ledoit-Wolf
    /// covariance of the rows scaled to unit variance; it is inverted in the sense of least squares.
    ///
    /// # Errors
    /// A class with fewer than 2 rows.
    pub fn fit(x: ArrayView2<'_, f64>, y: &[usize], classes: usize) -> Result<Self> {
        let (n, d) = x.dim();
        let mut means = Array2::zeros((classes, d));
        let mut covariance = Array2::<f64>::zeros((d, d));
        let mut shares = Array1::zeros(classes);
        for class in 0..classes {
            let rows: Vec<usize> = (0..n).filter(|&i| y[i] == class).collect();
            if rows.len() < 2 {
                return Err(Error::input(format!("class {class} needs at least 2 rows, got {}", rows.len())));
            }
            let own = x.select(Axis(0), &rows);
            shares[class] = rows.len() as f64 / n as f64;
            means.row_mut(class).assign(&own.sum_axis(Axis(0)).mapv(|sum| sum / rows.len() as f64));
            covariance = covariance + shrunken(&own)? * shares[class];
        }
        let weights = least_squares(covariance.view(), means.t())?.reversed_axes().as_standard_layout().into_owned();
        let half = (&means * &weights).sum_axis(Axis(1)) * -0.5;
        let intercepts = half + shares.mapv(f64::ln);
        Ok(Self { weights, intercepts })
    }

    /// Scores (m, K) of rows (m, d).
    ///
    /// # Errors
    /// Another number of columns than in the fit.
    pub fn scores(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(product(x, self.weights.t())? + &self.intercepts)
    }

    /// The rows that tell the classes apart: the difference of the two for two classes, else one a class.
    pub fn directions(&self) -> Array2<f64> {
        match self.weights.nrows() {
            2 => (&self.weights.row(1) - &self.weights.row(0)).insert_axis(Axis(0)),
            _ => self.weights.clone(),
        }
    }
}

/// Ledoit-Wolf covariance of columns scaled to unit variance, scaled back.
fn shrunken(x: &Array2<f64>) -> Result<Array2<f64>> {
    let scale = x.std_axis(Axis(0), 0.0).mapv(|sd| if sd > 0.0 { sd } else { 1.0 });
    let scaled = x / &scale;
    let covariance = CovarianceEstimator::Lwf.of_columns(scaled.t())?;
    Ok(covariance * scale.view().insert_axis(Axis(1)) * &scale)
}

/// Least-squares solution of least norm of `a (d, d) x = b (d, k)`.
fn least_squares(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let decomposition = svd(a)?;
    let cut = decomposition.s.first().copied().unwrap_or(0.0) * f64::EPSILON * a.nrows() as f64;
    let inverse = decomposition.s.mapv(|value| if value > cut { 1.0 / value } else { 0.0 });
    let rotated = product(decomposition.u.t(), b)? * inverse.insert_axis(Axis(1));
    product(decomposition.v.view(), rotated.view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{close, matrix, reference, vector};

    #[test]
    fn agrees_with_scikit_learn() {
        for case in reference()["discriminant"].as_array().unwrap() {
            let x = matrix(&case["x"]);
            let y: Vec<usize> = vector(&case["y"]).iter().map(|&v| v as usize).collect();
            let fitted = Discriminant::fit(x.view(), &y, y.iter().max().unwrap() + 1).unwrap();
            close(&fitted.directions(), &matrix(&case["coef"]), 1e-9);
            let scores = fitted.scores(x.view()).unwrap();
            let decisions = match scores.ncols() {
                2 => (&scores.column(1) - &scores.column(0)).insert_axis(Axis(1)),
                _ => scores,
            };
            close(&decisions, &matrix(&case["decisions"]), 1e-9);
        }
    }

    #[test]
    fn a_lone_row_is_refused() {
        let error = Discriminant::fit(Array2::zeros((3, 2)).view(), &[0, 0, 1], 2).unwrap_err().to_string();
        assert_eq!(error, "class 1 needs at least 2 rows, got 1");
    }
}
