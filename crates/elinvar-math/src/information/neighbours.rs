//! Mutual information by nearest neighbours, without density estimates.

use elinvar_core::{Error, Result};
use statrs::function::gamma::digamma;

/// Neighbour estimator of Kraskov, Stögbauer and Grassberger (2004, estimator 1) of many variables with one.
#[derive(Clone, Debug)]
pub struct NeighbourEstimator {
    k: usize,
    y: Vec<f64>,
    sorted: Vec<f64>,
    /// psi(1), psi(2), ...
    digammas: Vec<f64>,
}

impl NeighbourEstimator {
    /// Prepares for variables that go with the rows of `y`, which is on a scale of its own (unit standard deviation is the habit) and
    /// has no ties.
    ///
    /// # Errors
    /// k = 0, or not more rows than k.
    pub fn new(y: &[f64], k: usize) -> Result<Self> {
        if k == 0 || y.len() <= k {
            return Err(Error::parameter("n_neighbors", format!("between 1 and the number of rows - 1, {}", y.len().saturating_sub(1)), k));
        }
        let mut sorted = y.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self { k, y: y.to_vec(), sorted, digammas: digammas(y.len() + 1) })
    }

    /// Information of `x` with the same rows as `y`, in nats, not below 0. About O(n sqrt(k n)).
    pub fn information(&self, x: &[f64]) -> f64 {
        let n = x.len();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_unstable_by(|&a, &b| x[a as usize].total_cmp(&x[b as usize]));
        let xs: Vec<f64> = order.iter().map(|&i| x[i as usize]).collect();
        let ys: Vec<f64> = order.iter().map(|&i| self.y[i as usize]).collect();
        let mut nearest = Nearest(vec![0.0; self.k]);
        let mut total = 0.0;
        for i in 0..n {
            let radius = nearest.distance(&xs, &ys, i);
            total += self.digammas[within(&xs, xs[i], radius)] + self.digammas[within(&self.sorted, ys[i], radius)];
        }
        (self.digammas[n - 1] + self.digammas[self.k - 1] - total / n as f64).max(0.0)
    }
}

/// psi(1), ..., psi(n).
fn digammas(n: usize) -> Vec<f64> {
    (1..=n).map(|i| digamma(i as f64)).collect()
}

/// Number of the other values closer than `radius` to `centre`, which is one of them.
fn within(sorted: &[f64], centre: f64, radius: f64) -> usize {
    // Differences as they were formed for the radius: one neighbour lies exactly at it and must not be counted.
    let inside = sorted.partition_point(|v| v - centre < radius).saturating_sub(sorted.partition_point(|v| centre - v >= radius));
    inside.saturating_sub(1)
}

/// The k smallest distances found so far, in ascending order.
struct Nearest(Vec<f64>);

impl Nearest {
    /// Chebyshev distance of point `i` to its k-th neighbour: walks away from it along the sorted first coordinate, on the nearer side
    /// first, until that coordinate alone is farther.
    fn distance(&mut self, xs: &[f64], ys: &[f64], i: usize) -> f64 {
        self.0.fill(f64::INFINITY);
        let (x, y) = (xs[i], ys[i]);
        let (mut left, mut right) = (i, i + 1);
        loop {
            let back = if left > 0 { x - xs[left - 1] } else { f64::INFINITY };
            let ahead = if right < xs.len() { xs[right] - x } else { f64::INFINITY };
            if back.min(ahead) >= self.worst() {
                return self.worst();
            }
            if back <= ahead {
                left -= 1;
                self.offer(back.max((ys[left] - y).abs()));
            } else {
                self.offer(ahead.max((ys[right] - y).abs()));
                right += 1;
            }
        }
    }

    fn worst(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    fn offer(&mut self, distance: f64) {
        if distance < self.worst() {
            let place = self.0.partition_point(|d| *d <= distance);
            self.0[place..].rotate_right(1);
            self.0[place] = distance;
        }
    }
}

/// Information between classes and a continuous variable (Ross 2014), in nats, not below 0. Classes of one row are left out;
/// 0 without others. `x` has no ties.
///
/// # Errors
/// k = 0, or lengths that differ.
pub fn class_neighbour_information(classes: &[u32], x: &[f64], k: usize) -> Result<f64> {
    if k == 0 {
        return Err(Error::parameter("n_neighbors", ">= 1", k));
    }
    if classes.len() != x.len() {
        return Err(Error::input(format!("classes and values must have as many rows each, got {} and {}", classes.len(), x.len())));
    }
    let n_classes = classes.iter().max().map_or(0, |c| *c as usize + 1);
    let mut members: Vec<Vec<f64>> = vec![Vec::new(); n_classes];
    classes.iter().zip(x).for_each(|(&c, &v)| members[c as usize].push(v));
    members.retain(|values| values.len() > 1);
    members.iter_mut().for_each(|values| values.sort_unstable_by(f64::total_cmp));
    let mut all: Vec<f64> = members.iter().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    if all.is_empty() {
        return Ok(0.0);
    }
    let (n, digammas) = (all.len(), digammas(all.len() + 1));
    let mut total = 0.0;
    for values in &members {
        let own_k = k.min(values.len() - 1);
        for i in 0..values.len() {
            // The row itself counts, so m >= 1.
            let m = within(&all, values[i], sorted_distance(values, i, own_k)) + 1;
            total += digammas[own_k - 1] - digammas[values.len() - 1] - digammas[m - 1];
        }
    }
    Ok((digammas[n - 1] + total / n as f64).max(0.0))
}

/// Distance of a sorted value to its k-th neighbour.
fn sorted_distance(values: &[f64], i: usize, k: usize) -> f64 {
    // The k neighbours and the value itself are a window of k + 1.
    let first = i.saturating_sub(k);
    let last = i.min(values.len() - 1 - k);
    (first..=last).map(|start| (values[i] - values[start]).max(values[start + k] - values[i])).fold(f64::INFINITY, f64::min)
}
