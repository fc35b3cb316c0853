//! A certificate for any map: how far it is from optimal, how sure that is, and which points are moved wrongly.

use super::algorithm::exact_gap;
use elinvar_core::{Context, Error, Result};
use elinvar_math::statistics::{mean, quantile_of_sorted};
use elinvar_math::transport::Cost;
use ndarray::ArrayView2;
use rand::RngExt;

/// What to report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CertificateSettings {
    /// How many of the worst points to name.
    pub worst: usize,
    /// Bootstrap resamples of the interval.
    pub resamples: usize,
    /// Coverage of the interval, in (0, 1).
    pub level: f64,
}

impl Default for CertificateSettings {
    fn default() -> Self {
        Self { worst: 10, resamples: 2000, level: 0.95 }
    }
}

/// A point that a better pairing would move elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Violation {
    /// Row of the point.
    pub row: usize,
    /// Row whose image the best pairing gives to it.
    pub better_image: usize,
    /// What its image costs above the optimal potentials; over a cycle these add up to the cycle's saving.
    pub excess: f64,
}

/// A cycle of points that would pay less together if each took the next one's image.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// Rows, each of which takes the image of the next; the last takes that of the first.
    pub rows: Vec<usize>,
    /// Total cost that this saves.
    pub saving: f64,
}

/// An optimality certificate of paired points.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Exact gap, >= 0.
    pub gap: f64,
    /// Bootstrap interval of the gap.
    ///
    /// The potentials of the sample are held fixed (they are stationary, so this is right to first order) and the mean excess is
    /// resampled. The interval covers the sampling of points, not the bias of the gap of a finite sample, which is downward: the
    /// transport cost is convex in the measures, so that of the sample is on average above the population's.
    pub interval: (f64, f64),
    /// Gap as a share of the mean cost; 0 for a map that moves nothing.
    pub share_of_cost: f64,
    /// The points with the largest excess, worst first.
    pub violations: Vec<Violation>,
    /// The cycles that lower the cost, largest saving first.
    pub cycles: Vec<Cycle>,
}

/// Certifies the pairs `x_i -> y_i` (rows of two (n, d) arrays).
///
/// # Errors
/// As for [`exact_gap`]; settings out of range.
pub fn certificate(
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    cost: &Cost,
    settings: &CertificateSettings,
    context: &Context,
) -> Result<Certificate> {
    if settings.resamples == 0 {
        return Err(Error::parameter("resamples", ">= 1", 0));
    }
    if !(settings.level > 0.0 && settings.level < 1.0) {
        return Err(Error::parameter("level", "in (0, 1)", settings.level));
    }
    let exact = exact_gap(x, y, cost, context)?;
    let excess = exact.excess.to_vec();
    let saving = |rows: &[usize]| rows.iter().map(|&row| excess[row]).sum::<f64>();
    let mut cycles: Vec<Cycle> = exact
        .assignment
        .cycles()
        .into_iter()
        .map(|rows| Cycle { saving: saving(&rows), rows })
        .filter(|cycle| cycle.saving > 0.0)
        .collect();
    cycles.sort_by(|a, b| b.saving.total_cmp(&a.saving));
    let mut order: Vec<usize> = (0..excess.len()).filter(|&row| excess[row] > 0.0).collect();
    order.sort_by(|&a, &b| excess[b].total_cmp(&excess[a]));
    let violation = |row: usize| Violation { row, better_image: exact.assignment.columns[row], excess: excess[row] };
    Ok(Certificate {
        gap: exact.value,
        interval: bootstrap(&excess, settings, context)?,
        share_of_cost: if exact.mean_cost > 0.0 { exact.value / exact.mean_cost } else { 0.0 },
        violations: order.into_iter().take(settings.worst).map(violation).collect(),
        cycles,
    })
}

/// Percentile interval of the mean.
fn bootstrap(values: &[f64], settings: &CertificateSettings, context: &Context) -> Result<(f64, f64)> {
    let mut means = Vec::with_capacity(settings.resamples);
    for resample in 0..settings.resamples {
        context.check()?;
        let mut stream = context.stream(&[("certificate-bootstrap", resample as u64)]);
        let sample: Vec<f64> = values.iter().map(|_| values[stream.random_range(0..values.len())]).collect();
        means.push(mean(&sample));
    }
    means.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - settings.level);
    Ok((quantile_of_sorted(&means, tail)?, quantile_of_sorted(&means, 1.0 - tail)?))
}
