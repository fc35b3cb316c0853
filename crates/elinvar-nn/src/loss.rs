//! Losses that several methods train with.

use crate::train::OutputGradient;
use ndarray::ArrayView2;

/// Mean softmax cross-entropy of logits (n, classes) against the class of every row, and its gradient. `smoothing` is the part of the
/// target that is spread evenly over all classes (Szegedy et al. 2016).
pub fn cross_entropy(logits: ArrayView2<'_, f32>, classes: impl IntoIterator<Item = usize>, smoothing: f64) -> OutputGradient {
    let mut gradient = logits.to_owned();
    let even = smoothing / logits.ncols() as f64;
    let mut loss = 0.0;
    for (mut row, class) in gradient.rows_mut().into_iter().zip(classes) {
        let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        let of_class = row[class] - largest;
        let of_all = if even > 0.0 { row.iter().map(|&v| f64::from(v - largest)).sum::<f64>() } else { 0.0 };
        row.mapv_inplace(|v| (v - largest).exp());
        let sum = row.sum();
        row /= sum;
        if even > 0.0 {
            loss += f64::from(sum.ln()) - (1.0 - smoothing) * f64::from(of_class) - even * of_all;
            row -= even as f32;
        } else {
            loss += f64::from(sum.ln() - of_class);
        }
        row[class] -= (1.0 - smoothing) as f32;
    }
    let count = logits.nrows().max(1) as f64;
    OutputGradient { loss: loss / count, gradient: gradient / count as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn gradients_are_those_of_the_loss() {
        let logits = array![[0.3_f32, -1.2, 2.0], [1.5, 0.1, -0.4]];
        for smoothing in [0.0, 0.1] {
            let of = |logits: &Array2<f32>| cross_entropy(logits.view(), [2, 0], smoothing);
            let found = of(&logits);
            for place in [(0, 0), (0, 2), (1, 0), (1, 1)] {
                let moved = |by: f32| {
                    let mut there = logits.clone();
                    there[place] += by;
                    of(&there).loss
                };
                let slope = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((slope - f64::from(found.gradient[place])).abs() < 1e-4, "{smoothing} {place:?} {slope} {}", found.gradient[place]);
            }
        }
    }

    #[test]
    fn smoothing_mixes_in_the_loss_of_every_class() {
        let logits = array![[0.3_f32, -1.2, 2.0]];
        let plain = |class| cross_entropy(logits.view(), [class], 0.0).loss;
        let even = (plain(0) + plain(1) + plain(2)) / 3.0;
        assert!((cross_entropy(logits.view(), [1], 0.2).loss - (0.8 * plain(1) + 0.2 * even)).abs() < 1e-6);
        let extreme = array![[1e30_f32, -1e30]];
        assert_eq!(cross_entropy(extreme.view(), [0], 0.0).loss, 0.0);
    }
}
