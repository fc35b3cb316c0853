//! Scores of classifiers; folds and accuracy are in [`elinvar_core::validation`].

use crate::statistics::ranks;

/// Area under the receiver operating characteristic: the share of pairs in which the positive row has the larger score, ties counting
/// half; NaN where a class is absent.
pub fn roc_auc(scores: &[f64], positive: &[bool]) -> f64 {
    let up = positive.iter().filter(|p| **p).count() as f64;
    let down = positive.len() as f64 - up;
    let sum: f64 = ranks(scores).iter().zip(positive).filter(|(_, p)| **p).map(|(rank, _)| rank).sum();
    (sum - up * (up + 1.0) / 2.0) / (up * down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_counts_pairs() {
        assert_eq!(roc_auc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), 0.75);
        assert_eq!(roc_auc(&[1.0, 1.0], &[true, false]), 0.5);
        assert!(roc_auc(&[1.0], &[true]).is_nan());
    }
}
