//! p-values from permutations, family-wise and false-discovery control.

/// (1 + number of the null at least as large) / (number + 1); NaN without permutations.
pub fn p_value(observed: f64, null: &[f64]) -> f64 {
    if null.is_empty() {
        return f64::NAN;
    }
    // Permutations of few levels often give the very same statistic, summed in another order: what differs by rounding is equal.
    let slack = 1e-10 * null.iter().fold(observed.abs(), |largest, x| largest.max(x.abs()));
    (1 + null.iter().filter(|&&x| x >= observed - slack).count()) as f64 / (null.len() + 1) as f64
}

/// p-values of several statistics that hold for the whole family (max-T, Westfall and Young 1993): each is compared with the largest
/// statistic of every permutation. Statistics on different scales must be standardised before.
///
/// `null` holds one row a permutation, in the order of `observed`.
pub fn family_wise(observed: &[f64], null: &[Vec<f64>]) -> Vec<f64> {
    let largest: Vec<f64> = null.iter().map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    observed.iter().map(|&x| p_value(x, &largest)).collect()
}

/// p-values against a null that all statistics share, such as the pooled permutations of many variables on one scale. NaN stays NaN.
pub fn pooled_p_values(observed: &[f64], null: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = null.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let p = |&x: &f64| match x.is_nan() || sorted.is_empty() {
        true => f64::NAN,
        false => (1 + sorted.len() - sorted.partition_point(|n| *n < x)) as f64 / (sorted.len() + 1) as f64,
    };
    observed.iter().map(p).collect()
}

/// q-values by Benjamini and Hochberg (1995): the least false-discovery rate at which each would be accepted. NaN stays NaN and does
/// not count.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&i| !p_values[i].is_nan()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut q, m) = (vec![f64::NAN; p_values.len()], order.len() as f64);
    let mut least = 1.0_f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(p_values[i] * m / (rank + 1) as f64);
        q[i] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_that_differ_by_rounding_are_equal() {
        assert_eq!(p_value(0.3, &[0.3 - 1e-16, 0.1 + 0.2, 0.1]), 0.75);
        assert_eq!(p_value(0.3, &[0.2999, 0.1]), 1.0 / 3.0);
        assert!(p_value(0.3, &[]).is_nan());
    }

    #[test]
    fn the_family_is_compared_with_its_largest() {
        let null = [vec![0.1, 0.9], vec![0.5, 0.2], vec![0.3, 0.3]];
        assert_eq!(family_wise(&[0.6, 1.0], &null), [0.5, 0.25]);
    }

    #[test]
    fn pooled_null() {
        assert_eq!(pooled_p_values(&[2.0, 0.0, 5.0], &[1.0, 2.0, 3.0, f64::NAN]), [0.75, 1.0, 0.25]);
        assert!(pooled_p_values(&[f64::NAN], &[1.0])[0].is_nan() && pooled_p_values(&[1.0], &[])[0].is_nan());
    }

    // scipy.stats.false_discovery_control
    #[test]
    fn q_values() {
        let q = benjamini_hochberg(&[0.01, 0.04, f64::NAN, 0.03, 0.005]);
        let expected = [0.02, 0.04, f64::NAN, 0.04, 0.02];
        assert!(q.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15 || (a.is_nan() && b.is_nan())), "{q:?}");
    }
}
