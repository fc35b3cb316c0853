//! Choosing the weight of the penalty from a path of fairness against accuracy.

/// The grid point farthest from the chord between the two ends of (JSD, RPS), both scaled to [0, 1].
pub fn knee(jsd: &[f64], rps: &[f64]) -> usize {
    let (x, y) = (scaled(jsd), scaled(rps));
    let (Some(&x0), Some(&y0), Some(&x1), Some(&y1)) = (x.first(), y.first(), x.last(), y.last()) else { return 0 };
    let distance = |i: usize| ((x1 - x0) * (y0 - y[i]) - (x0 - x[i]) * (y1 - y0)).abs();
    (0..x.len()).fold(0, |best, i| if distance(i) > distance(best) { i } else { best })
}

/// The first grid point (grid in rising order) whose JSD is at most the target.
pub fn first_below(jsd: &[f64], target: f64) -> Option<usize> {
    jsd.iter().position(|&x| x <= target)
}

fn scaled(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().map(|x| if high > low { (x - low) / (high - low) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_is_where_the_curve_turns() {
        // A curve that falls steeply to (0.1, 0.1) and then creeps.
        assert_eq!(knee(&[1.0, 0.5, 0.1, 0.05, 0.0], &[0.0, 0.05, 0.1, 0.5, 1.0]), 2);
        assert_eq!(knee(&[1.0], &[0.0]), 0);
        assert_eq!(first_below(&[0.3, 0.2, 0.1], 0.2), Some(1));
        assert_eq!(first_below(&[0.3, 0.2], 0.1), None);
    }
}
