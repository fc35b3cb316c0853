//! Descriptive statistics with controlled rounding.

use elinvar_core::{Error, Result};
use ndarray::ArrayView2;

/// Sum by pairs: the rounding error grows with the logarithm of the length. The order is fixed, so the result is too.
pub fn pairwise_sum(values: &[f64]) -> f64 {
    const BLOCK: usize = 64;
    if values.len() <= BLOCK {
        return values.iter().sum();
    }
    let (left, right) = values.split_at(values.len() / 2);
    pairwise_sum(left) + pairwise_sum(right)
}

/// Arithmetic mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

/// Variance with divisor n - 1, in two passes; NaN for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - centre).powi(2)).collect();
    if values.len() < 2 { f64::NAN } else { pairwise_sum(&squares) / (values.len() - 1) as f64 }
}

/// Quantile of sorted values by linear interpolation between order statistics (type 7 of Hyndman and Fan, NumPy's default).
///
/// # Errors
/// No values, or a level outside [0, 1].
pub fn quantile_of_sorted(sorted: &[f64], level: f64) -> Result<f64> {
    if sorted.is_empty() {
        return Err(Error::input("a quantile needs at least one value, got none"));
    }
    if !(0.0..=1.0).contains(&level) {
        return Err(Error::input(format!("a quantile level must be in [0, 1], got {level}")));
    }
    let position = level * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Ok(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Quantile of values in any order; see [`quantile_of_sorted`].
///
/// # Errors
/// No values, or a level outside [0, 1].
pub fn quantile(values: &[f64], level: f64) -> Result<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, level)
}

/// Median of values in any order.
///
/// # Errors
/// No values.
pub fn median(values: &[f64]) -> Result<f64> {
    quantile(values, 0.5)
}

/// Ranks 1..=n, ties sharing their mean rank.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let shared = (start + 1 + end) as f64 / 2.0;
        for &i in &order[start..end] {
            ranks[i] = shared;
        }
        start = end;
    }
    ranks
}

/// Pearson correlation; NaN where one of the two is constant.
///
/// # Errors
/// The lengths differ or are below 2.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64> {
    if x.len() != y.len() || x.len() < 2 {
        return Err(Error::input(format!("a correlation needs two equally long samples of at least 2, got {} and {}", x.len(), y.len())));
    }
    let (mx, my) = (mean(x), mean(y));
    let product: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).collect();
    let degrees = (x.len() - 1) as f64;
    Ok(pairwise_sum(&product) / degrees / (variance(x) * variance(y)).sqrt())
}

/// Spearman's rank correlation, ties by mean ranks; NaN where one of the two is constant.
///
/// # Errors
/// The lengths differ or are below 2.
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// Row and column of the first entry that is not finite.
pub fn first_non_finite<T: crate::simd::Real>(x: ArrayView2<'_, T>) -> Option<(usize, usize)> {
    x.indexed_iter().find(|(_, value)| !value.finite()).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairwise_sum_keeps_small_terms() {
        let values = vec![0.1; 10_000_000];
        assert!((pairwise_sum(&values) - 1e6).abs() < 1e-8);
        assert_eq!(pairwise_sum(&[]), 0.0);
    }

    #[test]
    fn quantiles_interpolate() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.25).unwrap(), 1.75);
        assert_eq!(median(&values).unwrap(), 2.5);
        assert_eq!(quantile(&values, 1.0).unwrap(), 4.0);
        assert!(quantile(&[], 0.5).is_err() && quantile(&values, f64::NAN).is_err());
    }

    #[test]
    fn moments_match_by_hand() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(variance(&[1.0, 2.0, 6.0]), 7.0);
        assert!(variance(&[1.0]).is_nan());
    }

    #[test]
    fn spearman_shares_ranks_of_ties() {
        assert_eq!(ranks(&[10.0, 20.0, 10.0]), vec![1.5, 3.0, 1.5]);
        // scipy.stats.spearmanr([1, 2, 2, 4, 7], [3, 1, 4, 4, 9])
        let value = spearman(&[1.0, 2.0, 2.0, 4.0, 7.0], &[3.0, 1.0, 4.0, 4.0, 9.0]).unwrap();
        assert!((value - 0.763_157_894_736_842_1).abs() < 1e-12, "{value}");
        assert!(spearman(&[1.0], &[1.0]).is_err());
    }
}
