use super::*;
use crate::statistics::{pearson, quantile};

/// The variables of the reference values: `a`, `b = a² + .3 cos(2.9 i + 1)` and the class of `a` with noise.
fn series() -> (Vec<f64>, Vec<f64>, Vec<u32>) {
    let t = |i: u32| f64::from(i);
    let a: Vec<f64> = (0..200).map(|i| (1.7 * t(i)).sin() + 0.002 * t(i)).collect();
    let b = (0..200).map(|i| a[i as usize].powi(2) + 0.3 * (2.9 * t(i) + 1.0).cos()).collect();
    let c = (0..200).map(|i| u32::from(a[i as usize] + 0.5 * (3.1 * t(i)).cos() > 0.0)).collect();
    (a, b, c)
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "got {got}, expected {expected}");
}

fn by_kernel(x: &[f64], y: &[f64], bandwidth: BandwidthRule, points: usize) -> f64 {
    let estimator = KernelEstimator::new(y, KernelSettings { profile: Profile::Epanechnikov, bandwidth, points }).unwrap();
    estimator.information([Some(&estimator.axis(x).unwrap()), None], &mut estimator.scratch())[0]
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let mean = crate::statistics::mean(values);
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    values.iter().map(|v| v / sd).collect()
}

#[test]
fn scaling_and_bandwidths() {
    let (a, b, _) = series();
    let ((ca, sa), (cb, sb)) = (robust_scale(&a).unwrap(), robust_scale(&b).unwrap());
    close(ca, 0.17914935, 5e-9);
    close(cb, 0.47642352, 5e-9);
    close(sa, 1.38364352, 5e-9);
    close(sb, 0.86220192, 5e-9);
    let scale = |v: &[f64], c: f64, s: f64| v.iter().map(|v| (v - c) / s).collect::<Vec<_>>();
    close(silverman(&scale(&a, ca, sa)).unwrap(), 0.18999155, 5e-9);
    close(silverman(&scale(&b, cb, sb)).unwrap(), 0.25565256, 5e-9);
    assert_eq!(robust_scale(&[2.0, 2.0, 2.0]).unwrap(), (2.0, 1.0));
}

// KDEpy 1.1.12 on the same grids.
#[test]
fn kernel_information_matches_kdepy() {
    let (a, b, c) = series();
    close(by_kernel(&a, &b, BandwidthRule::Fixed(1.0), 300), 0.029168713, 1e-8);
    close(by_kernel(&a, &b, BandwidthRule::Fixed(1.0), 128), 0.029081567, 1e-8);
    close(by_kernel(&a, &b, BandwidthRule::Fixed(1.0), 64), 0.028846468, 1e-8);
    close(by_kernel(&a, &b, BandwidthRule::Fixed(0.5), 300), 0.109716116, 1e-8);
    close(class_information(&c, &a, Profile::Epanechnikov, BandwidthRule::Fixed(0.3)).unwrap(), 0.320733295194, 1e-11);
}

#[test]
fn two_variables_at_once_are_each_alone() {
    let (a, b, _) = series();
    let other: Vec<f64> = a.iter().enumerate().map(|(i, v)| v.exp() + (0.9 * i as f64).sin()).collect();
    for points in [61, 64] {
        let settings = KernelSettings { profile: Profile::Epanechnikov, bandwidth: BandwidthRule::Silverman, points };
        let estimator = KernelEstimator::new(&b, settings).unwrap();
        let mut scratch = estimator.scratch();
        let axes = [estimator.axis(&a).unwrap(), estimator.axis(&other).unwrap()];
        let both = estimator.information([Some(&axes[0]), Some(&axes[1])], &mut scratch);
        for (axis, together) in axes.iter().zip(both) {
            close(estimator.information([Some(axis), None], &mut scratch)[0], together, 1e-12);
        }
    }
}

#[test]
fn kernel_information_is_symmetric_and_invariant() {
    let (a, b, _) = series();
    let direct = by_kernel(&a, &b, BandwidthRule::Fixed(1.0), 128);
    close(by_kernel(&b, &a, BandwidthRule::Fixed(1.0), 128), direct, 1e-12);
    let moved: Vec<f64> = a.iter().map(|v| 5.0 - 3.0 * v).collect();
    close(by_kernel(&moved, &b, BandwidthRule::Fixed(1.0), 128), direct, 1e-9);
    let errors = [128, 256, 512].map(|points| by_kernel(&a, &b, BandwidthRule::Silverman, points));
    assert!((errors[2] - errors[1]).abs() < (errors[1] - errors[0]).abs());
    let reversed: Vec<usize> = (0..200).rev().collect();
    let settings = KernelSettings { profile: Profile::Gaussian, bandwidth: BandwidthRule::Scott, points: 64 };
    let estimator = KernelEstimator::new(&b, settings).unwrap();
    let backwards: Vec<f64> = a.iter().rev().copied().collect();
    let expected = estimator.information([Some(&estimator.axis(&a).unwrap()), None], &mut estimator.scratch())[0];
    let axis = estimator.axis(&backwards).unwrap();
    close(estimator.permuted(&reversed).information([Some(&axis), None], &mut estimator.scratch())[0], expected, 1e-10);
}

/// A kernel whose one-dimensional form has unit variance: the second moment over the mass.
#[test]
fn profiles_have_unit_standard_deviation() {
    use Profile::*;
    for profile in [Epanechnikov, Gaussian, Triangular, Box, Biweight, Triweight, Tricube, Cosine, Exponential] {
        let n = 20_000;
        let step = profile.radius() / f64::from(n);
        let (mut mass, mut moment) = (0.0, 0.0);
        for i in 0..n {
            let u = (f64::from(i) + 0.5) * step;
            let value = profile.value(u * u);
            mass += value;
            moment += value * u * u;
        }
        close(moment / mass, 1.0, 1e-3);
        assert_eq!(profile.value((profile.radius() * 1.001).powi(2)), 0.0);
    }
}

#[test]
fn bins_and_tables() {
    let (a, b, c) = series();
    assert_eq!((birge_rozenholc_bins(&a), birge_rozenholc_bins(&b)), (3, 2));
    let levels = Bins::levels(&c.iter().map(|&c| f64::from(c)).collect::<Vec<_>>());
    close(table_information(&Bins::continuous(&a), &Bins::continuous(&b), false).unwrap(), 0.206791372118, 1e-11);
    close(table_information(&levels, &Bins::continuous(&a), false).unwrap(), 0.405290354074, 1e-11);
    close(table_information(&Bins::continuous(&a), &levels, false).unwrap(), 0.405290354074, 1e-11);
    // A product table has none, and its Miller-Madow correction is (4 - 2 - 2 + 1) / 8 below it.
    let (x, y) = (Bins::levels(&[0.0, 0.0, 1.0, 1.0]), Bins::levels(&[5.0, 7.0, 5.0, 7.0]));
    close(table_information(&x, &y, false).unwrap(), 0.0, 1e-15);
    close(table_information(&x, &x, false).unwrap(), 2.0_f64.ln(), 1e-15);
    close(table_information(&x, &x, true).unwrap(), 2.0_f64.ln() + 1.0 / 8.0, 1e-15);
    assert!(table_information(&x, &Bins::levels(&[1.0]), false).is_err());
}

// scikit-learn 1.9.1, mutual_info_regression and mutual_info_classif without noise.
#[test]
fn neighbour_information_matches_scikit_learn() {
    let (a, b, c) = series();
    let estimator = NeighbourEstimator::new(&standardised(&b), 3).unwrap();
    close(estimator.information(&standardised(&a)), 1.172479659392, 1e-8);
    close(class_neighbour_information(&c, &a, 3).unwrap(), 0.444747326932, 1e-10);
    assert!(NeighbourEstimator::new(&b, 0).unwrap_err().to_string().contains("n_neighbors"));
    assert!(NeighbourEstimator::new(&b, 200).is_err());
    // A class of one row says nothing.
    close(class_neighbour_information(&[0, 1, 2], &[0.1, 0.5, 0.7], 3).unwrap(), 0.0, 0.0);
}

#[test]
fn neighbours_are_those_of_brute_force() {
    let (a, b, _) = series();
    let (x, y) = (standardised(&a), standardised(&b));
    let digamma = statrs::function::gamma::digamma;
    let mut total = 0.0;
    for i in 0..200 {
        let mut distances: Vec<f64> = (0..200).filter(|&j| j != i).map(|j| (x[i] - x[j]).abs().max((y[i] - y[j]).abs())).collect();
        distances.sort_unstable_by(f64::total_cmp);
        let count = |v: &[f64]| (0..200).filter(|&j| j != i && (v[i] - v[j]).abs() < distances[4]).count();
        total += digamma(count(&x) as f64 + 1.0) + digamma(count(&y) as f64 + 1.0);
    }
    let exact = digamma(200.0) + digamma(5.0) - total / 200.0;
    close(NeighbourEstimator::new(&y, 5).unwrap().information(&x), exact, 1e-10);
}

#[test]
fn gaussian_variables() {
    let (a, b, _) = series();
    close(gaussian_information(pearson(&a, &b).unwrap()), 0.130485471, 5e-10);
    for r in [0.0, 0.3, -0.99] {
        close(linfoot(gaussian_information(r)), f64::abs(r), 1e-12);
    }
    assert_eq!(linfoot(-0.1), 0.0);
}

/// The rule finds the width of a normal density to about its own error, and does not smear two separate peaks as Silverman's does.
#[test]
fn sheather_jones_sees_two_peaks() {
    let normal = |i: usize, n: usize| crate_normal_quantile((i as f64 + 0.5) / n as f64);
    let one: Vec<f64> = (0..1000).map(|i| normal(i, 1000)).collect();
    let h = improved_sheather_jones(&one).unwrap();
    close(h, 1.06 * 1000.0_f64.powf(-0.2), 0.06);
    let two: Vec<f64> = (0..1000).map(|i| normal(i / 2, 500) + if i % 2 == 0 { 0.0 } else { 20.0 }).collect();
    let h = improved_sheather_jones(&two).unwrap();
    assert!(h < 0.4 && silverman(&two).unwrap() > 2.0, "{h}");
    assert!(improved_sheather_jones(&[1.0; 20]).unwrap() == 0.0);
    assert!(quantile(&one, 0.5).unwrap().abs() < 1e-2);
}

fn crate_normal_quantile(p: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    Normal::new(0.0, 1.0).unwrap().inverse_cdf(p)
}
