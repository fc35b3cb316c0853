//! Bandwidths of one variable, as standard deviations of the kernel.

use super::fourier::cosine_transform;
use crate::statistics::{quantile_of_sorted, variance};
use elinvar_core::Result;
use std::f64::consts::PI;

/// Bins of the improved Sheather-Jones rule.
const BINS: usize = 1024;
/// Share of the range that its bins reach beyond the data on either side.
const BORDER: f64 = 0.1;
/// Largest squared bandwidth that it looks for, as a share of the squared width of the bins.
const LARGEST_SQUARE: f64 = 0.1;

/// Silverman's rule `s (3 n / 4)^(-1/5)` with the smaller of standard deviation and IQR / 1.349 as `s`.
///
/// # Errors
/// Without values.
pub fn silverman(values: &[f64]) -> Result<f64> {
    Ok(spread(values)? * (0.75 * values.len() as f64).powf(-0.2))
}

/// Scott's rule `s n^(-1/5)`, with the same `s`.
///
/// # Errors
/// Without values.
pub fn scott(values: &[f64]) -> Result<f64> {
    Ok(spread(values)? * (values.len() as f64).powf(-0.2))
}

/// The smaller of standard deviation (divisor n - 1) and IQR / 1.349; the one that is not 0 where one is.
fn spread(values: &[f64]) -> Result<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quartiles = (quantile_of_sorted(&sorted, 0.75)? - quantile_of_sorted(&sorted, 0.25)?) / 1.349;
    let deviation = variance(values).max(0.0).sqrt();
    Ok(if quartiles > 0.0 { quartiles.min(deviation) } else { deviation })
}

/// The improved Sheather-Jones rule (Botev, Grotowski and Kroese 2010), from a fixed point of plug-in estimates of the density's
/// derivatives; Silverman's rule where there is no fixed point.
///
/// # Errors
/// Without values.
pub fn improved_sheather_jones(values: &[f64]) -> Result<f64> {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let border = BORDER * (high - low);
    let width = high - low + 2.0 * border;
    if !(width > 0.0) {
        return silverman(values);
    }
    let mut shares = vec![0.0; BINS];
    for &v in values {
        let bin = ((v - low + border) / width * BINS as f64) as usize;
        shares[bin.min(BINS - 1)] += 1.0 / values.len() as f64;
    }
    let squares: Vec<f64> = cosine_transform(&shares)[1..].iter().map(|a| a * a / 4.0).collect();
    match root(|t| t - plug_in(t, &squares, values.len() as f64)) {
        Some(t) => Ok(width * t.sqrt()),
        None => silverman(values),
    }
}

/// One round of the plug-in estimates: the squared bandwidth that follows from the squared bandwidth `t` of the seventh derivative.
fn plug_in(t: f64, squares: &[f64], n: f64) -> f64 {
    let norm = |order: i32, t: f64| {
        let term = |(k, a): (usize, &f64)| {
            let i = ((k + 1) * (k + 1)) as f64;
            i.powi(order) * a * (-i * PI * PI * t).exp()
        };
        2.0 * PI.powi(2 * order) * squares.iter().enumerate().map(term).sum::<f64>()
    };
    let mut f = norm(7, t);
    for s in (2..=6).rev() {
        let odd: f64 = (1..=s).map(|j| f64::from(2 * j - 1)).product();
        let c = (1.0 + 0.5_f64.powf(f64::from(s) + 0.5)) / 3.0;
        let time = (2.0 * c * odd / ((2.0 * PI).sqrt() * n * f)).powf(2.0 / (3.0 + 2.0 * f64::from(s)));
        f = norm(s, time);
    }
    (2.0 * n * PI.sqrt() * f).powf(-0.4)
}

/// The smallest root in (0, 0.1), by a scan for a change of sign and bisection.
fn root(function: impl Fn(f64) -> f64) -> Option<f64> {
    const SCAN: usize = 60;
    // The squared bandwidth lies anywhere between 1e-12 and 0.1 of the squared width: the scan is over its logarithm.
    let place = |i: usize| LARGEST_SQUARE * 1e-11_f64.powf(1.0 - i as f64 / SCAN as f64);
    let mut low = place(0);
    let mut below = function(low);
    for i in 1..=SCAN {
        let high = place(i);
        let above = function(high);
        if below < 0.0 && above >= 0.0 {
            return Some(bisect(&function, low, high));
        }
        (low, below) = (high, above);
    }
    None
}

fn bisect(function: &impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if function(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
