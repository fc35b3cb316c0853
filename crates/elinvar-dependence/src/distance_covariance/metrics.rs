//! Fairness and accuracy of a score, as the paper measures them.

use super::algorithm::compensated;
use super::params::Bandwidth;
use ndarray::ArrayView1;
use std::collections::BTreeMap;

/// Points at which group densities are compared.
const GRID: usize = 1000;
/// The paper's bandwidth, in units of the score.
const FIXED_BANDWIDTH: f64 = 0.15;

/// Rows of each group, by label in sorted order.
pub(crate) fn groups(labels: &[String]) -> BTreeMap<String, Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(row, label)| groups.entry(label.clone()).or_default().push(row));
    groups
}

/// The joint label of each row over several attributes.
pub(crate) fn joint_labels(labels: &[Vec<String>]) -> Vec<String> {
    let n = labels.first().map_or(0, Vec::len);
    (0..n).map(|row| labels.iter().map(|l| l[row].as_str()).collect::<Vec<_>>().join(" & ")).collect()
}

/// Jensen-Shannon divergence (bits) of the score's densities in the groups, weighted by their shares of rows.
///
/// Densities are Gaussian kernel estimates at 1000 even points over the range of the score, each normalised to sum 1.
pub fn jensen_shannon(score: ArrayView1<'_, f64>, labels: &[String], bandwidth: Bandwidth) -> f64 {
    let low = score.iter().copied().fold(f64::INFINITY, f64::min);
    let high = score.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let grid: Vec<f64> = (0..GRID).map(|i| low + (high - low) * i as f64 / (GRID - 1) as f64).collect();
    let mut mixture = vec![0.0; GRID];
    let mut within = 0.0;
    for rows in groups(labels).values() {
        let weight = rows.len() as f64 / score.len() as f64;
        let values: Vec<f64> = rows.iter().map(|&i| score[i]).collect();
        let density = density(&values, &grid, bandwidth);
        mixture.iter_mut().zip(&density).for_each(|(m, p)| *m += weight * p);
        within += weight * entropy(&density);
    }
    entropy(&mixture) - within
}

fn density(values: &[f64], grid: &[f64], bandwidth: Bandwidth) -> Vec<f64> {
    let width = match bandwidth {
        Bandwidth::Fixed => FIXED_BANDWIDTH,
        Bandwidth::Silverman => 1.06 * variance(values).sqrt() * (values.len() as f64).powf(-0.2),
    };
    let mut density = vec![0.0; grid.len()];
    if width > 0.0 {
        let scale = -0.5 / (width * width);
        density.iter_mut().zip(grid).for_each(|(p, t)| *p = values.iter().map(|x| (scale * (x - t) * (x - t)).exp()).sum());
    }
    let total = compensated(density.iter().copied());
    if total > 0.0 {
        density.iter_mut().for_each(|p| *p /= total);
    } else {
        // A kernel narrower than the grid: each value counts at its nearest point.
        let step = grid[1] - grid[0];
        let nearest = |x: f64| if step > 0.0 { (((x - grid[0]) / step).round() as usize).min(grid.len() - 1) } else { 0 };
        values.iter().for_each(|&x| density[nearest(x)] += 1.0 / values.len() as f64);
    }
    density
}

/// Entropy in bits, probabilities clipped below at 1e-10.
fn entropy(p: &[f64]) -> f64 {
    -compensated(p.iter().map(|&p| p.max(1e-10)).map(|p| p * p.log2()))
}

/// Mean.
pub(crate) fn mean(values: &[f64]) -> f64 {
    compensated(values.iter().copied()) / values.len() as f64
}

/// Variance with denominator n - 1; 0 for a single value.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let centre = mean(values);
    compensated(values.iter().map(|x| (x - centre) * (x - centre))) / (values.len() - 1) as f64
}

/// Unfairness: variance of the group means (unweighted) over the variance of the score; 0 for a constant score.
pub fn unfairness(score: ArrayView1<'_, f64>, labels: &[String]) -> f64 {
    let means: Vec<f64> = groups(labels).values().map(|rows| mean(&rows.iter().map(|&i| score[i]).collect::<Vec<_>>())).collect();
    let total = variance(&score.to_vec());
    if total > 0.0 { variance(&means) / total } else { 0.0 }
}

/// Ranked probability score of Poisson means against counts, over k = 0..10.
pub fn rps_poisson(mean: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> f64 {
    let one = |(&mu, &y): (&f64, &f64)| {
        let (mut mass, mut cumulative, mut score) = ((-mu).exp(), 0.0, 0.0);
        for k in 0..=10 {
            cumulative += mass;
            let step = f64::from(u8::from(f64::from(k) >= y));
            score += (cumulative - step) * (cumulative - step);
            mass *= mu / f64::from(k + 1);
        }
        score
    };
    compensated(mean.iter().zip(y).map(one)) / y.len() as f64
}

/// Mean squared difference: the ranked probability score of a binary outcome (Brier), and the mean squared error.
pub fn squared_error(prediction: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> f64 {
    compensated(prediction.iter().zip(y).map(|(p, y)| (p - y) * (p - y))) / y.len() as f64
}

/// Mean Poisson deviance 2 (y log(y/mu) - y + mu).
pub fn poisson_deviance(mean: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> f64 {
    let one = |(&mu, &y): (&f64, &f64)| {
        let log = if y > 0.0 { y * (y / mu).ln() } else { 0.0 };
        2.0 * (log - y + mu)
    };
    compensated(mean.iter().zip(y).map(one)) / y.len() as f64
}

/// Share of labels on the same side of 1/2 as the probability.
pub fn accuracy(probability: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> f64 {
    probability.iter().zip(y).filter(|(p, y)| (**p >= 0.5) == (**y >= 0.5)).count() as f64 / y.len() as f64
}
