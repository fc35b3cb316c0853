//! Splitting rows into folds, and the share of right answers.

use crate::error::{Error, Result};
use crate::random::Stream;
use rand::seq::SliceRandom;

/// Folds that hold the classes in their proportions: the fold (0..k) of every row.
///
/// The rows of each class are shuffled and dealt out one by one, each class going on where the last one ended, so that the sizes of
/// folds differ by at most one.
///
/// # Errors
/// A class with fewer rows than folds, or fewer than 2 folds.
pub fn stratified_folds(y: &[usize], k: usize, random: &mut Stream) -> Result<Vec<usize>> {
    if k < 2 {
        return Err(Error::input(format!("cross-validation needs at least 2 folds, got {k}")));
    }
    let classes = y.iter().max().map_or(0, |&m| m + 1);
    let (mut folds, mut next) = (vec![0; y.len()], 0);
    for class in 0..classes {
        let mut rows: Vec<usize> = (0..y.len()).filter(|&i| y[i] == class).collect();
        if rows.len() < k {
            return Err(Error::input(format!("class {class} has {} rows, fewer than the {k} folds", rows.len())));
        }
        rows.shuffle(random);
        for row in rows {
            folds[row] = next % k;
            next += 1;
        }
    }
    Ok(folds)
}

/// Rows of a fold and the others, both in rising order: `(train, test)`.
pub fn split(folds: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..folds.len()).partition(|&i| folds[i] != fold)
}

/// Share of equal entries; NaN for none.
pub fn accuracy<T: PartialEq>(predicted: &[T], y: &[T]) -> f64 {
    predicted.iter().zip(y).filter(|(a, b)| a == b).count() as f64 / y.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn folds_hold_the_classes_in_proportion() {
        let y: Vec<usize> = (0..53).map(|i| usize::from(i % 3 == 0)).collect();
        let folds = stratified_folds(&y, 5, &mut stream(1, &[])).unwrap();
        for fold in 0..5 {
            let (train, test) = split(&folds, fold);
            assert_eq!(train.len() + test.len(), 53);
            assert!((10..=11).contains(&test.len()), "{}", test.len());
            let rare = test.iter().filter(|&&i| y[i] == 1).count();
            assert!((3..=4).contains(&rare), "{rare}");
        }
        let message = stratified_folds(&[0, 0, 0, 1, 1], 3, &mut stream(1, &[])).unwrap_err().to_string();
        assert_eq!(message, "class 1 has 2 rows, fewer than the 3 folds");
    }

    #[test]
    fn accuracy_counts_equal_entries() {
        assert_eq!(accuracy(&[0, 1, 2], &[0, 1, 1]), 2.0 / 3.0);
        assert_eq!(accuracy(&["a", "b"], &["a", "b"]), 1.0);
    }
}
