//! Standard errors, and groups that stand out.

use super::ecme::{Fit, Settings};
use super::gradient::{Layout, score, variance_scores};
use super::observation::{Latent, curvature};
use super::rows::Rows;
use super::scatter::Point;
use super::tail::{NU_MAX, NU_MIN};
use super::weighting::Weighting;
use crate::tsallis_mixed::params::StandardErrors;
use elinvar_core::{Context, Error, Result};
use elinvar_math::cholesky;
use elinvar_math::linalg::product;
use elinvar_math::permutation::benjamini_hochberg;
use elinvar_math::special::{chi_squared_tail, f_tail};
use ndarray::{Array2, Axis, concatenate};
use std::sync::Arc;

/// Covariance of the estimated fixed effects.
pub(crate) struct Information {
    /// Covariance (p, p).
    pub(crate) covariance: Array2<f64>,
    /// Whether the observed information was of no use, so that the expected one stands in for it.
    pub(crate) replaced: bool,
}

/// The covariance of the fixed effects by this kind of information. `raw` are the rows as they came.
///
/// # Errors
/// Fixed effects that are linearly dependent.
pub(crate) fn information(fit: &Fit, settings: &Settings, kind: StandardErrors, raw: &Arc<Rows>, ctx: &mut Context) -> Result<Information> {
    let point = &fit.point;
    if let Some(latent) = &fit.latent {
        return by_observation(point, latent, kind, raw, ctx);
    }
    // The restricted likelihood has another curvature in the variances, and the fixed effects need only their own.
    if kind == StandardErrors::Expected || settings.restricted {
        return Ok(Information { covariance: expected(point, ctx)?, replaced: false });
    }
    let layout = interior(point, settings);
    let negative_hessian = observed(point, &layout, raw, ctx)?;
    let p = layout.p;
    let Ok(inverse) = inverted(negative_hessian) else {
        return Ok(Information { covariance: expected(point, ctx)?, replaced: true });
    };
    if kind == StandardErrors::Observed {
        return Ok(Information { covariance: Array2::from_shape_fn((p, p), |index| inverse[index]), replaced: false });
    }
    let scores = group_scores(point, &layout, raw, ctx)?;
    let bread = product(scores.view(), inverse.slice_axis(Axis(1), (..p).into()))?;
    Ok(Information { covariance: product(bread.t(), bread.view())?, replaced: false })
}

/// With the curvature of the bound of the likelihood.
fn by_observation(point: &Point, latent: &Latent, kind: StandardErrors, raw: &Arc<Rows>, ctx: &mut Context) -> Result<Information> {
    let inverse = inverted(curvature(raw, latent, &point.parameters, ctx)?)?;
    if kind != StandardErrors::Sandwich {
        return Ok(Information { covariance: inverse, replaced: false });
    }
    let unit = vec![1.0; raw.groups()];
    let bread = product(fixed_scores(point, &unit).view(), inverse.view())?;
    Ok(Information { covariance: product(bread.t(), bread.view())?, replaced: false })
}

/// Without the coordinates that lie on their bounds.
fn interior(point: &Point, settings: &Settings) -> Layout {
    const NEGLIGIBLE: f64 = 1e-4;
    let mut layout = Layout::new(&point.rows, settings, false);
    let shares = point.shares_of_effects();
    layout.entries.retain(|&(_, j)| shares[j] > NEGLIGIBLE);
    layout.nu &= point.parameters.nu > 1.001 * NU_MIN && point.parameters.nu < 0.999 * NU_MAX;
    layout
}

/// Inverse of `sum_i (nu + n_i)/(nu + n_i + 2) X_i' V_i^-1 X_i`.
fn expected(point: &Point, ctx: &Context) -> Result<Array2<f64>> {
    let nu = point.parameters.nu;
    let weight = |n: f64| if nu.is_infinite() { 1.0 } else { (nu + n) / (nu + n + 2.0) };
    let weights: Vec<f64> = (0..point.rows.groups()).map(|group| weight(point.rows.size(group) as f64)).collect();
    let weighting = Weighting::new(point, &weights);
    inverted(weighting.information(weighting.columns(ctx).view())?)
}

fn inverted(matrix: Array2<f64>) -> Result<Array2<f64>> {
    let n = matrix.nrows();
    let (mut lower, _) = matrix.into_raw_vec_and_offset();
    // Coordinates of very different sizes: pivots are judged at unit diagonal.
    let scale: Vec<f64> = (0..n).map(|i| lower[i * n + i].abs().sqrt().max(f64::MIN_POSITIVE)).collect();
    (0..n * n).for_each(|k| lower[k] /= scale[k / n] * scale[k % n]);
    if !cholesky::factor(&mut lower, n) {
        return Err(Error::numeric("the information is not positive definite").hint("drop collinear columns"));
    }
    let mut out = vec![0.0; n * n];
    cholesky::inverse(&lower, n, &mut out);
    (0..n * n).for_each(|k| out[k] /= scale[k / n] * scale[k % n]);
    Array2::from_shape_vec((n, n), out).map_err(|e| Error::internal(e.to_string()))
}

/// Negative Hessian of the log likelihood by central differences of the gradient.
fn observed(point: &Point, layout: &Layout, raw: &Arc<Rows>, ctx: &mut Context) -> Result<Array2<f64>> {
    const GAP: f64 = 1e-4;
    let curvatures = Weighting::new(point, &point.weights()).diagonal();
    let here = layout.to_vector(&point.parameters);
    let k = layout.len();
    let mut hessian = Array2::zeros((k, k));
    for j in 0..k {
        ctx.tick(j as u64, k as u64, &[])?;
        // A fixed effect moves by a share of its standard error, a root by a share of itself.
        let entry = j.checked_sub(layout.p).and_then(|e| layout.entries.get(e));
        let size = match (curvatures.get(j), entry) {
            (Some(curvature), _) if *curvature > 0.0 => 1.0 / curvature.sqrt(),
            (_, Some(&(i, _))) => point.parameters.root[i * layout.q + i].abs().max(1e-8),
            _ => 1.0,
        };
        let at = |step: f64| {
            let mut moved = here.clone();
            moved[j] += step;
            let parameters = layout.to_parameters(&moved, &point.parameters);
            score(&Point::new(raw.freed(parameters.rho), parameters, ctx)?, layout, raw, ctx)
        };
        let (above, below) = (at(GAP * size)?, at(-GAP * size)?);
        above.iter().zip(below).enumerate().for_each(|(i, (a, b))| hessian[[i, j]] = (b - a) / (2.0 * GAP * size));
    }
    Ok((&hessian + &hessian.t()) * 0.5)
}

/// Gradient of each group's log likelihood (m, coordinates).
fn group_scores(point: &Point, layout: &Layout, raw: &Arc<Rows>, ctx: &Context) -> Result<Array2<f64>> {
    let of_variances = Array2::from_shape_vec((raw.groups(), layout.variances()), variance_scores(point, layout, raw, ctx)?);
    let of_variances = of_variances.map_err(|e| Error::internal(e.to_string()))?;
    concatenate(Axis(1), &[fixed_scores(point, &point.weights()).view(), of_variances.view()]).map_err(|e| Error::internal(e.to_string()))
}

/// Gradient of each group's log likelihood by the fixed effects (m, p).
fn fixed_scores(point: &Point, weights: &[f64]) -> Array2<f64> {
    let rows = &point.rows;
    let mut scores = Array2::zeros((rows.groups(), rows.p()));
    for (group, weight) in weights.iter().enumerate() {
        for row in rows.span(group) {
            let error = weight * point.errors[row] / point.parameters.sigma2;
            (0..rows.p()).for_each(|j| scores[[group, j]] += error * rows.x[[j, row]]);
        }
    }
    scores
}

/// How far groups stand out, or rows.
pub(crate) struct Outliers {
    /// P(chi2 > distance): against the Gaussian core.
    pub(crate) core: Vec<f64>,
    /// The same after Benjamini and Hochberg's correction.
    pub(crate) adjusted: Vec<f64>,
}

/// Tail probabilities of the groups' distances.
pub(crate) fn outliers(point: &Point) -> Outliers {
    let of_group = |(group, &delta): (usize, &f64)| chi_squared_tail(delta, point.rows.size(group) as f64);
    adjusted(point.delta.iter().enumerate().map(of_group).collect())
}

/// Tail probabilities of the rows' expected distances (N).
pub(crate) fn row_outliers(latent: &Latent) -> Outliers {
    adjusted(latent.row_distances.iter().map(|&distance| chi_squared_tail(distance, 1.0)).collect())
}

fn adjusted(core: Vec<f64>) -> Outliers {
    Outliers { adjusted: benjamini_hochberg(&core), core }
}

/// P(F with n_i and nu degrees of freedom > delta_i / n_i): the groups against the fitted model (m).
pub(crate) fn model_tails(point: &Point) -> Vec<f64> {
    let nu = point.parameters.nu;
    let of_group = |(group, &delta): (usize, &f64)| {
        let n = point.rows.size(group) as f64;
        if nu.is_infinite() { chi_squared_tail(delta, n) } else { f_tail(delta / n, n, nu) }
    };
    point.delta.iter().enumerate().map(of_group).collect()
}
