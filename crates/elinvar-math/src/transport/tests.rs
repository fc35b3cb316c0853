use super::cost::tests::{all, points};
use super::*;
use elinvar_core::{Context, Status};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

fn context() -> Context {
    Context::new(0)
}

fn tight(epsilon: f64) -> SinkhornSettings {
    SinkhornSettings::new(epsilon).with_threshold(1e-12, 200_000)
}

fn unit_rows(x: &Array2<f64>) -> Array2<f64> {
    let norms: Array1<f64> = x.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect();
    x / &norms.insert_axis(Axis(1))
}

/// The samples of the reference script.
fn reference_samples() -> (Array2<f64>, Array2<f64>) {
    let x = Array2::from_shape_fn((12, 2), |(i, k)| {
        let i = i as f64;
        if k == 0 { i.cos() } else { 0.5 * (2.0 * i).sin() + 0.1 * i }
    });
    let y = Array2::from_shape_fn((9, 2), |(i, k)| {
        let (u, v) = (x[(i, 0)], x[(i, 1)]);
        if k == 0 { 0.5 * u - 0.8 * v + 1.0 } else { 0.6 * u + 0.3 * v * v }
    });
    (x, y)
}

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn named(name: &str) -> Cost {
    match name {
        "sqeuclidean" => Cost::SquaredEuclidean,
        "euclidean" => Cost::Euclidean,
        "pnorm_1.5" => Cost::PNorm(1.5),
        "cosine" => Cost::Cosine,
        _ => Cost::Sphere,
    }
}

fn rows(x: &Array2<f64>, count: usize) -> ArrayView2<'_, f64> {
    x.slice_axis(Axis(0), Slice::from(..count))
}

#[test]
fn weighted_problems_agree_with_pot_and_scipy() {
    let a = Array1::from_shape_fn(12, |i| 1.0 + i as f64);
    let b = Array1::from_shape_fn(9, |i| 1.0 + 0.5 * (i as f64).cos());
    for case in reference()["cases"].as_array().unwrap() {
        let cost = named(case["cost"].as_str().unwrap());
        let (mut x, mut y) = reference_samples();
        if matches!(cost, Cost::Sphere) {
            (x, y) = (unit_rows(&x), unit_rows(&y));
        }
        let number = |key: &str| case[key].as_f64().unwrap();
        if case.get("exact").is_some() {
            let best = assignment(cost.matrix(rows(&x, 9), y.view()).view(), &context()).unwrap();
            assert!((best.total - number("exact")).abs() < 1e-12 && (best.total - number("emd")).abs() < 1e-9);
            continue;
        }
        let weights = Weights { rows: Some(a.view()), columns: Some(b.view()) };
        let plan = sinkhorn(x.view(), y.view(), &cost, weights, &tight(number("eps")), None, &context()).unwrap();
        assert_eq!(plan.status, Status::Converged, "{case}");
        assert!((plan.value - number("kl")).abs() < 1e-9, "{cost:?} {} {}", plan.value, number("kl"));
        assert!((plan.shannon_value() - number("shannon")).abs() < 1e-9);
        assert!((plan.transport_cost() - number("transport")).abs() < 1e-9);
        for (p, q) in plan.coupling().row(0).iter().zip(case["first_row"].as_array().unwrap()) {
            assert!((p - q.as_f64().unwrap()).abs() < 1e-9);
        }
    }
}

#[test]
fn divergence_agrees_with_pot_and_vanishes_on_equal_samples() {
    let (x, y) = reference_samples();
    let cost = Cost::SquaredEuclidean;
    for case in reference()["divergence"].as_array().unwrap() {
        let epsilon = case["eps"].as_f64().unwrap();
        let found = sinkhorn_divergence(x.view(), y.view(), &cost, &tight(epsilon), &context()).unwrap();
        assert!((found.value - case["value"].as_f64().unwrap()).abs() < 1e-9, "{found:?}");
        let zero = sinkhorn_divergence(x.view(), x.view(), &cost, &tight(epsilon), &context()).unwrap();
        assert!(zero.value.abs() < 1e-10, "{zero:?}");
    }
}

#[test]
fn potentials_satisfy_both_equations_and_reconstruct_the_coupling() {
    for cost in all() {
        let (x, y) = (points(40, 3, 0.1, &cost), points(33, 3, 1.4, &cost));
        let costs = cost.matrix(x.view(), y.view());
        let epsilon = 0.02 * costs.mean().unwrap();
        let plan = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &tight(epsilon), None, &context()).unwrap();
        let coupling = plan.coupling();
        for (i, row) in coupling.rows().into_iter().enumerate() {
            assert!((row.sum() * 40.0 - 1.0).abs() < 1e-12);
            for (j, p) in row.iter().enumerate() {
                let direct = ((plan.f[i] + plan.g[j] - costs[(i, j)]) / epsilon).exp() / (40.0 * 33.0);
                assert!((p - direct).abs() < 1e-10 * direct.max(1e-5), "{cost:?} {p} {direct}");
            }
        }
        assert!(coupling.sum_axis(Axis(0)).iter().all(|sum| (sum * 33.0 - 1.0).abs() < 1e-10));
        // A potential function repeats its own half-iteration on the sample.
        let again = plan.column_potential(x.view(), &cost).evaluate(y.view(), &context()).unwrap();
        assert!(again.iter().zip(&plan.g).all(|(a, b)| (a - b).abs() < 1e-10));
        let again = plan.row_potential(y.view(), &cost).evaluate(x.view(), &context()).unwrap();
        assert!(again.iter().zip(&plan.f).all(|(a, b)| (a - b).abs() < 1e-10));
    }
}

/// The textbook loop, one logsumexp an entry, nothing stored.
fn plain_log_domain(costs: &Array2<f64>, epsilon: f64, iterations: usize) -> (Vec<f64>, Vec<f64>) {
    let (n, m) = costs.dim();
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    let softmin = |values: Vec<f64>| {
        let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        -epsilon * (top + (values.iter().map(|v| (v - top).exp()).sum::<f64>() / values.len() as f64).ln())
    };
    for iteration in 0..iterations {
        f = (0..n).map(|i| softmin((0..m).map(|j| (g[j] - costs[(i, j)]) / epsilon).collect())).collect();
        if iteration + 1 < iterations {
            g = (0..m).map(|j| softmin((0..n).map(|i| (f[i] - costs[(i, j)]) / epsilon).collect())).collect();
        }
    }
    (f, g)
}

#[test]
fn iterates_are_those_of_the_plain_log_domain() {
    // Far apart and with a tiny epsilon: the first column sums underflow and the scalings leave the safe range.
    let cost = Cost::SquaredEuclidean;
    let (x, mut y) = (points(30, 2, 0.0, &cost), points(26, 2, 0.7, &cost));
    y += 4.0;
    y.row_mut(3).fill(40.0);
    let costs = cost.matrix(x.view(), y.view());
    let epsilon = 0.002;
    for iterations in [1, 2, 3, 10, 101] {
        let settings = SinkhornSettings { epsilon, threshold: 1e-300, max_iterations: iterations, check_every: 10 };
        let plan = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
        assert_eq!((plan.status, plan.iterations), (Status::IterationLimit, iterations));
        let (f, g) = plain_log_domain(&costs, epsilon, iterations);
        for (a, b) in plan.f.iter().zip(&f).chain(plan.g.iter().zip(&g)) {
            assert!((a - b).abs() < 1e-9, "after {iterations}: {a} {b}");
        }
        let single = sinkhorn_of_matrix(costs.mapv(|v| v as f32).view(), Weights::default(), &settings, None, &context()).unwrap();
        for (a, b) in single.f.iter().zip(&f).chain(single.g.iter().zip(&g)) {
            // The costs themselves carry a relative error of 6e-8.
            assert!((a - b).abs() < 2e-3, "single precision after {iterations}: {a} {b}");
        }
    }
}

#[test]
fn single_precision_follows_double() {
    for cost in all() {
        let (x, y) = (points(150, 4, 0.1, &cost), points(131, 4, 1.4, &cost));
        let settings = SinkhornSettings::new(0.02 * cost.mean(x.view(), y.view())).with_threshold(1e-3, 20_000);
        let double = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
        let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
        let single = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
        assert_eq!(single.iterations, double.iterations, "{cost:?}");
        assert!((single.value - double.value).abs() < 1e-5 * double.value.abs().max(0.1), "{cost:?} {} {}", single.value, double.value);
    }
}

#[test]
fn gradient_of_value_agrees_with_central_differences() {
    for cost in all() {
        let (x, y) = (points(14, 3, 0.1, &cost), points(11, 3, 1.4, &cost));
        let settings = tight(0.05 * cost.mean(x.view(), y.view()));
        let plan = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
        let gradient = plan.column_gradient(x.view(), y.view(), &cost, &context()).unwrap();
        let step = 1e-5;
        for (j, k) in [(0, 0), (3, 2), (10, 1)] {
            let value = |shift: f64| {
                let mut costs = cost.matrix(x.view(), y.view());
                let mut moved = y.row(j).to_vec();
                moved[k] += shift;
                for (i, point) in x.rows().into_iter().enumerate() {
                    costs[(i, j)] = cost.value(&point.to_vec(), &moved);
                }
                sinkhorn_of_matrix(costs.view(), Weights::default(), &settings, None, &context()).unwrap().value
            };
            let numeric = (value(step) - value(-step)) / (2.0 * step);
            let relative = (gradient[(j, k)] - numeric).abs() / numeric.abs().max(1e-3);
            assert!(relative < 1e-5, "{cost:?} {} {numeric}", gradient[(j, k)]);
        }
    }
}

#[test]
fn gradient_of_divergence_agrees_with_central_differences() {
    let cost = Cost::SquaredEuclidean;
    let (x, y) = (points(20, 2, 0.1, &cost), points(17, 2, 1.4, &cost));
    let settings = tight(0.1);
    let (found, gradient) = sinkhorn_divergence_gradient(x.view(), y.view(), &cost, &settings, &context()).unwrap();
    assert!(found.value > 0.0 && found.status == Status::Converged);
    for (i, k) in [(0, 0), (7, 1), (19, 0)] {
        let value = |shift: f64| {
            let mut moved = x.clone();
            moved[(i, k)] += shift;
            sinkhorn_divergence(moved.view(), y.view(), &cost, &settings, &context()).unwrap().value
        };
        let numeric = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((gradient[(i, k)] - numeric).abs() < 1e-5 * numeric.abs().max(1e-2), "{} {numeric}", gradient[(i, k)]);
    }
}

#[test]
fn a_start_at_the_solution_ends_at_once() {
    let cost = Cost::Euclidean;
    let (x, y) = (points(60, 2, 0.1, &cost), points(50, 2, 1.4, &cost));
    let settings = SinkhornSettings { check_every: 1, ..SinkhornSettings::new(0.01) };
    let cold = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
    let warm = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, Some(cold.g.view()), &context()).unwrap();
    assert!(cold.iterations > 10 && warm.iterations == 1, "{} {}", cold.iterations, warm.iterations);
    let short = Array1::zeros(3);
    assert!(sinkhorn(x.view(), y.view(), &cost, Weights::default(), &settings, Some(short.view()), &context()).is_err());
}

#[test]
fn symmetric_solver_agrees_with_the_general_one() {
    for cost in all() {
        let x = points(45, 3, 0.1, &cost);
        let settings = tight(0.03 * cost.mean(x.view(), x.view()));
        let general = sinkhorn(x.view(), x.view(), &cost, Weights::default(), &settings, None, &context()).unwrap();
        let symmetric = sinkhorn_symmetric(x.view(), &cost, None, &settings, None, &context()).unwrap();
        assert!((general.value - symmetric.value).abs() < 1e-10, "{cost:?} {} {}", general.value, symmetric.value);
        assert!(symmetric.iterations < 100 && symmetric.f == symmetric.g, "{} iterations", symmetric.iterations);
        let coupling = symmetric.coupling();
        assert!((&coupling - &coupling.t()).iter().all(|d| d.abs() < 1e-16));
    }
}

#[test]
fn results_are_bit_equal_at_any_thread_count() {
    let cost = Cost::SquaredEuclidean;
    let (x, y) = (points(700, 7, 0.1, &cost).mapv(|v| v as f32), points(611, 7, 1.4, &cost).mapv(|v| v as f32));
    let run = |threads| {
        let context = Context::new(0).with_threads(threads);
        let plan = sinkhorn(x.view(), y.view(), &cost, Weights::default(), &SinkhornSettings::new(0.05), None, &context).unwrap();
        let gradient = plan.column_gradient(x.view(), y.view(), &cost, &context).unwrap();
        (plan.value.to_bits(), plan.f.clone(), gradient)
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn bad_settings_and_weights_are_named() {
    let (x, y) = reference_samples();
    let message = |settings: SinkhornSettings, weights: Weights<'_>| {
        sinkhorn(x.view(), y.view(), &Cost::Euclidean, weights, &settings, None, &context()).err().unwrap().to_string()
    };
    assert_eq!(message(SinkhornSettings::new(f64::NAN), Weights::default()), "parameter 'epsilon' must be > 0, got NaN");
    let capped = SinkhornSettings::new(1.0).with_threshold(0.0, 10);
    assert_eq!(message(capped, Weights::default()), "parameter 'sinkhorn_threshold' must be > 0, got 0");
    let mut a = Array1::from_elem(12, 1.0);
    a[4] = 0.0;
    let weights = Weights { rows: Some(a.view()), columns: None };
    assert_eq!(message(SinkhornSettings::new(1.0), weights), "X weights must be > 0, got 0 at row 4; drop rows of weight 0");
    let small = Context::new(0).with_memory_limit(100);
    let refused = sinkhorn(x.view(), y.view(), &Cost::Euclidean, Weights::default(), &SinkhornSettings::new(1.0), None, &small);
    assert!(refused.err().unwrap().to_string().contains("a transport plan of 12 by 9 points needs"));
}

#[test]
fn gaussian_map_agrees_with_pot_and_matches_moments() {
    let (x, y) = reference_samples();
    let map = gaussian_map(x.view(), y.view()).unwrap();
    let expected = &reference()["gaussian"];
    for i in 0..2 {
        assert!((map.shift[i] - expected["shift"][i].as_f64().unwrap()).abs() < 1e-9);
        for j in 0..2 {
            assert!((map.matrix[(i, j)] - expected["matrix"][i][j].as_f64().unwrap()).abs() < 1e-9);
        }
    }
    let images = map.transport(x.view()).unwrap();
    let (mean, covariance) = crate::linalg::mean_and_covariance(images.view()).unwrap();
    let (expected_mean, expected_covariance) = crate::linalg::mean_and_covariance(y.view()).unwrap();
    assert!((mean - expected_mean).iter().chain((covariance - expected_covariance).iter()).all(|d| d.abs() < 1e-12));
}

#[test]
fn entropic_map_is_the_barycentre_of_the_coupling_on_the_sample() {
    let (x, y) = reference_samples();
    let settings = tight(0.2);
    let map = EntropicMap::fit(x.view(), y.view(), &settings, &context()).unwrap();
    let plan = sinkhorn(x.view(), y.view(), &Cost::SquaredEuclidean, Weights::default(), &settings, None, &context()).unwrap();
    let barycentre = plan.coupling().dot(&y) * 12.0;
    let images = map.transport(x.view()).unwrap();
    assert!((images - barycentre).iter().all(|d| d.abs() < 1e-12));
    assert_eq!(map.transport(Array2::zeros((2, 3)).view()).unwrap_err().to_string(), "X has 3 features, Y has 2");
}
