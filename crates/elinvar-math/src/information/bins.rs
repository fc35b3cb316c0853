//! Equal-width bins and tables.

use super::entropy_term;
use elinvar_core::Result;

/// Largest number of bins that is looked at.
const MOST_BINS: usize = 99;

/// Number of equal-width bins by the penalised likelihood of Birgé and Rozenholc (2006), between 2 and 99.
pub fn birge_rozenholc_bins(values: &[f64]) -> usize {
    let n = values.len() as f64;
    let score = |&bins: &usize| {
        let d = bins as f64;
        let likelihood: f64 = counts(&assign(values, bins), bins).into_iter().map(entropy_term).sum();
        likelihood + n * d.ln() - (d - 1.0 + d.ln().powf(2.5))
    };
    // Of equal scores the smallest number of bins.
    let better = |best: (usize, f64), bins: usize| {
        let now = score(&bins);
        if now > best.1 { (bins, now) } else { best }
    };
    (2..=MOST_BINS).fold((2, f64::NEG_INFINITY), better).0
}

/// Bin of each value; the last bin is closed.
fn assign(values: &[f64], bins: usize) -> Vec<u32> {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let width = (high - low) / bins as f64;
    if !(width > 0.0) {
        return vec![0; values.len()];
    }
    values.iter().map(|v| (((v - low) / width) as usize).min(bins - 1) as u32).collect()
}

fn counts(bins: &[u32], n_bins: usize) -> Vec<f64> {
    let mut counts = vec![0.0; n_bins];
    bins.iter().for_each(|&bin| counts[bin as usize] += 1.0);
    counts
}

/// The bin of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bins {
    /// Bin of each row, below `n_bins`.
    pub bins: Vec<u32>,
    /// Number of bins.
    pub n_bins: usize,
}

impl Bins {
    /// Bins of a continuous variable, their number by the rule of Birgé and Rozenholc.
    pub fn continuous(values: &[f64]) -> Self {
        Self::equal_width(values, birge_rozenholc_bins(values))
    }

    /// This many bins between the least and the greatest value.
    pub fn equal_width(values: &[f64], n_bins: usize) -> Self {
        Self { bins: assign(values, n_bins), n_bins }
    }

    /// The rows from `range` alone.
    #[must_use]
    pub fn rows(&self, range: std::ops::Range<usize>) -> Self {
        Self { bins: self.bins[range].to_vec(), n_bins: self.n_bins }
    }

    /// One bin a distinct value, in ascending order.
    pub fn levels(values: &[f64]) -> Self {
        let mut levels = values.to_vec();
        levels.sort_unstable_by(f64::total_cmp);
        levels.dedup();
        let bins = values.iter().map(|v| levels.partition_point(|l| l < v) as u32).collect();
        Self { bins, n_bins: levels.len() }
    }
}

/// Mutual information of the joint table of two binnings of the same rows; with `corrected`, minus the Miller-Madow bias
/// `(occupied cells - occupied rows - occupied columns + 1) / (2 n)`, and not below 0.
///
/// # Errors
/// When the numbers of rows differ.
pub fn table_information(x: &Bins, y: &Bins, corrected: bool) -> Result<f64> {
    if x.bins.len() != y.bins.len() {
        let message = format!("two variables must have as many rows each, got {} and {}", x.bins.len(), y.bins.len());
        return Err(elinvar_core::Error::input(message));
    }
    let n = x.bins.len() as f64;
    let mut joint = vec![0.0; x.n_bins * y.n_bins];
    x.bins.iter().zip(&y.bins).for_each(|(&a, &b)| joint[a as usize * y.n_bins + b as usize] += 1.0);
    let margins = [counts(&x.bins, x.n_bins), counts(&y.bins, y.n_bins)];
    let sum = |table: &[f64]| table.iter().map(|c| entropy_term(c / n)).sum::<f64>();
    let information = sum(&joint) - sum(&margins[0]) - sum(&margins[1]);
    let occupied = |table: &[f64]| table.iter().filter(|c| **c > 0.0).count() as f64;
    let bias = (occupied(&joint) - occupied(&margins[0]) - occupied(&margins[1]) + 1.0) / (2.0 * n);
    Ok((information - if corrected { bias } else { 0.0 }).max(0.0))
}
