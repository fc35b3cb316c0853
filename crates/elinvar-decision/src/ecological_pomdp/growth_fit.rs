//! Growth and noise of a stock from its own record of surveys and catches.

use super::fishery::{FisheryModel, Growth, HarvestOrder};
use elinvar_core::{Error, Result};
use ndarray::Array1;

/// Fewest yearly steps that a fit of three numbers can rest on.
const FEWEST_STEPS: usize = 4;

/// A fitted Gordon-Schaefer growth, in units of the largest survey.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthFit {
    /// Intrinsic growth rate.
    pub r: f64,
    /// Carrying capacity, as a share of `unit`.
    pub k: f64,
    /// Standard deviation of the growth noise, as a share of `unit`.
    pub sigma_g: f64,
    /// Standard errors of r, K and sigma_g.
    pub standard_errors: [f64; 3],
    /// What 1 means in the unit of the record: its largest survey.
    pub unit: f64,
    /// Observed minus expected next stock of every step, as a share of `unit`.
    pub residuals: Array1<f64>,
}

impl GrowthFit {
    /// The growth in a fishery model; grid, survey error and economics are those of `template`.
    #[must_use]
    pub fn model(&self, template: &FisheryModel) -> FisheryModel {
        FisheryModel { growth: Growth::GordonSchaefer, r: self.r, k: self.k, sigma_g: self.sigma_g, ..template.clone() }
    }
}

/// Fits `x[t+1] = s + r s (1 - s/K) + noise` with `s` the stock that grows in year t: what the harvest leaves where the stock is
/// harvested first, the surveyed stock where it recruits first (the catch is then taken from the grown stock).
///
/// Surveys are taken as the stock: their error inflates sigma_g. The growth is linear in r and q = r/K, so flat priors on both and normal
/// noise make the posterior that of a regression on s and s²; standard errors follow by the delta method.
///
/// `surveys` (n) and `catches` (at least n - 1) are in one unit.
///
/// # Errors
/// Fewer than four steps, numbers that are negative or not finite, or a record without density dependence (r or K would not be > 0).
pub fn fit_growth(surveys: &[f64], catches: &[f64], order: HarvestOrder) -> Result<GrowthFit> {
    let steps = surveys.len().saturating_sub(1);
    if steps < FEWEST_STEPS || catches.len() < steps {
        let message = format!("a growth fit needs at least {} surveys and a catch between each two", FEWEST_STEPS + 1);
        return Err(Error::input(format!("{message}, got {} surveys and {} catches", surveys.len(), catches.len())));
    }
    for (name, series) in [("survey", surveys), ("catch", catches)] {
        if let Some(t) = series.iter().position(|x| !(*x >= 0.0 && x.is_finite())) {
            return Err(Error::input(format!("the {name} at time {t} must be a number >= 0, got {}", series[t])));
        }
    }
    let unit = surveys.iter().copied().fold(0.0, f64::max);
    if !(unit > 0.0) {
        return Err(Error::input("the surveys are all 0: there is no stock to fit"));
    }
    let mut rows = Vec::with_capacity(steps);
    for t in 0..steps {
        let (stock, next) = (surveys[t] / unit, surveys[t + 1] / unit);
        let harvest = (catches[t] / unit).min(stock);
        let growing = if order == HarvestOrder::RecruitFirst { stock } else { stock - harvest };
        // What came on top of the stock that was left.
        rows.push((growing, next - (stock - harvest)));
    }
    regress(&rows, unit)
}

/// Least squares of the increments on s and -s².
fn regress(rows: &[(f64, f64)], unit: f64) -> Result<GrowthFit> {
    let sum = |f: &dyn Fn(f64, f64) -> f64| rows.iter().map(|&(s, y)| f(s, y)).sum::<f64>();
    let (s2, s3, s4) = (sum(&|s, _| s * s), sum(&|s, _| s * s * s), sum(&|s, _| s * s * s * s));
    let (sy, s2y) = (sum(&|s, y| s * y), sum(&|s, y| s * s * y));
    let determinant = s2 * s4 - s3 * s3;
    if !(determinant > 1e-12 * s2 * s4) {
        return Err(Error::input("the record holds one level of stock only: growth rate and capacity cannot be told apart")
            .hint("give a record in which the stock has changed"));
    }
    let r = (s4 * sy - s3 * s2y) / determinant;
    let q = (s3 * sy - s2 * s2y) / determinant;
    if !(r > 0.0 && q > 0.0) {
        return Err(Error::input(format!("the record shows no growth that slows with density (r = {r:.4}, r/K = {q:.4})"))
            .hint("a harvest that is missing from the catches, or a survey error as large as the stock, does this"));
    }
    let residuals: Array1<f64> = rows.iter().map(|&(s, y)| y - r * s + q * s * s).collect();
    let freedom = (rows.len() - 2) as f64;
    let variance = residuals.dot(&residuals) / freedom;
    // Covariance of (r, q): variance times the inverse of [[s2, -s3], [-s3, s4]].
    let (rr, rq, qq) = (variance * s4 / determinant, variance * s3 / determinant, variance * s2 / determinant);
    let k = r / q;
    let k_variance = rr / (q * q) - 2.0 * r * rq / q.powi(3) + r * r * qq / q.powi(4);
    let sigma_g = variance.sqrt();
    let standard_errors = [rr.sqrt(), k_variance.max(0.0).sqrt(), sigma_g / (2.0 * freedom).sqrt()];
    Ok(GrowthFit { r, k, sigma_g, standard_errors, unit, residuals })
}
