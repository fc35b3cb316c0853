use super::algorithm::*;
use super::certificate::*;
use super::data::*;
use super::metrics::*;
use elinvar_core::{Context, Status};
use elinvar_math::linalg::{mean_and_covariance, product, spd_inverse_sqrt};
use elinvar_math::statistics::spearman;
use elinvar_math::transport::{Cost, SinkhornSettings, sinkhorn_divergence, sinkhorn_divergence_gradient};
use ndarray::{Array1, Array2, Axis, array};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

fn context() -> Context {
    Context::new(7)
}

fn tight(epsilon: f64) -> SinkhornSettings {
    SinkhornSettings::new(epsilon).with_threshold(1e-12, 500_000)
}

fn normal(rows: usize, columns: usize, name: &str) -> Array2<f64> {
    let mut stream = context().stream(&[(name, 0)]);
    Array2::from_shape_fn((rows, columns), |_| StandardNormal.sample(&mut stream))
}

fn on_sphere(mut x: Array2<f64>) -> Array2<f64> {
    for mut row in x.rows_mut() {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    }
    x
}

fn costs() -> [Cost; 6] {
    [Cost::SquaredEuclidean, Cost::Euclidean, Cost::PNorm(1.5), Cost::PNorm(3.0), Cost::Cosine, Cost::Sphere]
}

/// Random pairs in the domain of the cost.
fn pairs(n: usize, d: usize, seed: usize, cost: &Cost) -> (Array2<f64>, Array2<f64>) {
    let (x, y) = (normal(n, d, &format!("x{seed}")), normal(n, d, &format!("y{seed}")) + 0.3);
    if matches!(cost, Cost::Sphere) { (on_sphere(x), on_sphere(y)) } else { (x, y) }
}

fn exact(x: &Array2<f64>, y: &Array2<f64>, cost: &Cost) -> f64 {
    exact_gap(x.view(), y.view(), cost, &context()).unwrap().value
}

fn entropic(x: &Array2<f64>, y: &Array2<f64>, cost: &Cost, epsilon: f64) -> EntropicGap {
    entropic_gap(x.view(), y.view(), cost, &tight(epsilon), &context()).unwrap()
}

/// The pairs of the reference script.
fn reference_pairs() -> (Array2<f64>, Array2<f64>) {
    let x = Array2::from_shape_fn((12, 2), |(i, k)| {
        let i = i as f64;
        if k == 0 { i.cos() } else { 0.5 * (2.0 * i).sin() + 0.1 * i }
    });
    let mut y = x.clone();
    for mut row in y.rows_mut() {
        let (u, v) = (row[0], row[1]);
        row[0] = 0.5 * u - 0.8 * v + 1.0;
        row[1] = 0.6 * u + 0.3 * v * v;
    }
    (x, y)
}

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

#[test]
fn values_agree_with_pot_scipy_and_ott() {
    let (x, y) = reference_pairs();
    let reference = reference();
    for case in reference["cases"].as_array().unwrap() {
        let name = case["cost"].as_str().unwrap();
        let map = case["map"].as_str().unwrap();
        let cost = match name {
            "sqeuclidean" => Cost::SquaredEuclidean,
            "euclidean" => Cost::Euclidean,
            "pnorm_1.5" => Cost::PNorm(1.5),
            _ => Cost::Cosine,
        };
        let image = match map {
            "y" => y.clone(),
            "identity" => x.clone(),
            _ => &x + &array![2.0, -1.0],
        };
        let ott = |key: &str| reference["ott"][name][key].as_f64();
        if let Some(value) = case["exact"].as_f64() {
            let found = exact(&x, &image, &cost);
            assert!((found - value).abs() < 1e-12, "{case} {found}");
            assert!(ott("exact").is_none_or(|ott| (found - ott).abs() < 1e-9));
            continue;
        }
        let epsilon = case["eps"].as_f64().unwrap();
        let found = entropic(&x, &image, &cost, epsilon);
        assert_eq!(found.status, Status::Converged);
        assert!((found.value - case["value"].as_f64().unwrap()).abs() < 1e-9, "{case} {found:?}");
        assert!((found.primal_gap - case["primal"].as_f64().unwrap()).abs() < 1e-9, "{case} {found:?}");
        let key = if map == "y" { format!("{epsilon:?}") } else { map.to_owned() };
        assert!(ott(&key).is_none_or(|ott| (found.value - ott).abs() < 1e-9), "{case} {found:?}");
    }
    for case in reference["divergence"].as_array().unwrap() {
        let settings = tight(case["eps"].as_f64().unwrap());
        let found = sinkhorn_divergence(x.view(), y.view(), &Cost::SquaredEuclidean, &settings, &context()).unwrap();
        assert!((found.value - case["value"].as_f64().unwrap()).abs() < 1e-9);
    }
}

#[test]
fn optimal_maps_have_no_gap_and_others_have_one() {
    let cost = Cost::SquaredEuclidean;
    let x = normal(150, 3, "points");
    let shifted = &x + &array![2.0, -1.0, 0.5];
    let matrix = array![[2.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 0.5]];
    let affine = x.dot(&matrix);
    let curved = x.mapv(|v| v + v.powi(3));
    for (name, y) in [("identity", &x), ("shift", &shifted), ("symmetric positive", &affine), ("gradient of a convex sum", &curved)] {
        assert_eq!(exact(&x, y, &cost), 0.0, "{name}");
    }
    assert!(exact(&x, &-&x, &cost) > 1.0);
    for cost in costs() {
        let (x, y) = pairs(40, 3, 1, &cost);
        assert_eq!(exact(&x, &x, &cost), 0.0, "{cost:?}");
        assert!(exact(&x, &y, &cost) > 0.0, "{cost:?}");
    }
}

#[test]
fn entropic_gap_lies_between_its_bounds() {
    for cost in costs() {
        for n in [2, 3, 5, 17, 64] {
            let (x, y) = pairs(n, 3, n, &cost);
            let gap = exact(&x, &y, &cost);
            for relative in [0.05, 1.0] {
                let epsilon = relative_epsilon(x.view(), y.view(), &cost, relative).unwrap();
                let found = entropic(&x, &y, &cost, epsilon);
                let unit = epsilon * (n as f64).ln();
                assert!(found.status == Status::Converged);
                assert!(gap + unit <= found.value + 1e-9 && found.value <= gap + 2.0 * unit + 1e-9, "{cost:?} n={n}");
                assert!(found.primal_gap <= gap + 1e-9, "the primal part cannot exceed the exact gap");
            }
        }
    }
}

#[test]
fn entropic_gap_orders_random_maps_as_the_exact_one() {
    // Claim MG-3: 120 random maps, n = 24, d = 3, epsilon 5 % of the mean cost.
    let cost = Cost::SquaredEuclidean;
    let mut stream = context().stream(&[("maps", 0)]);
    let (mut gaps, mut centred) = (Vec::new(), Vec::new());
    for map in 0..120 {
        let x = normal(24, 3, &format!("sample{map}"));
        let twist: Array2<f64> = Array2::from_shape_fn((3, 3), |_| StandardNormal.sample(&mut stream));
        let y = &x + &(x.dot(&twist) * stream.random::<f64>());
        let epsilon = relative_epsilon(x.view(), y.view(), &cost, 0.05).unwrap();
        let unit = epsilon * 24.0_f64.ln();
        // Some of these maps need very many iterations; the dual value errs upward, by less than the slack below.
        let settings = SinkhornSettings::new(epsilon).with_threshold(1e-4, 20_000);
        let found = entropic_gap(x.view(), y.view(), &cost, &settings, &context()).unwrap().value;
        let gap = exact(&x, &y, &cost);
        assert!(gap + unit <= found + 1e-9 && found <= gap + 2.0 * unit + 1e-9);
        gaps.push(gap);
        centred.push(found - 1.5 * unit);
    }
    let correlation = spearman(&gaps, &centred).unwrap();
    assert!(correlation >= 0.8, "{correlation}");
}

#[test]
fn squared_gap_has_its_invariances() {
    let cost = Cost::SquaredEuclidean;
    let (x, y) = pairs(60, 3, 3, &cost);
    let gap = exact(&x, &y, &cost);
    let near = |value: f64| assert!((value - gap).abs() <= 1e-9 * gap, "{value} {gap}");
    near(exact(&x, &(&y + &array![5.0, -3.0, 1.0]), &cost));
    near(exact(&x, &(&y * 2.5), &cost) / 2.5);
    // A product of two Householder reflections is orthogonal.
    let reflection = |axis: Array1<f64>| {
        let unit = &axis / axis.dot(&axis).sqrt();
        let column = unit.clone().insert_axis(Axis(1));
        Array2::eye(3) - column.dot(&unit.insert_axis(Axis(0))) * 2.0
    };
    let rotation = reflection(array![1.0, 2.0, 3.0]).dot(&reflection(array![-1.0, 0.5, 2.0]));
    near(exact(&x.dot(&rotation), &y.dot(&rotation), &cost));
    let order: Vec<usize> = (0..60).map(|i| (i * 7 + 3) % 60).collect();
    near(exact(&x.select(Axis(0), &order), &y.select(Axis(0), &order), &cost));
    // Convex and sub-additive in the map.
    let (_, z) = pairs(60, 3, 4, &cost);
    assert!(exact(&x, &(&y + &z), &cost) <= gap + exact(&x, &z, &cost) + 1e-9);
    let euclidean = Cost::Euclidean;
    let ratio = exact(&(&x * 3.0), &(&y * 3.0), &euclidean) / exact(&x, &y, &euclidean);
    assert!((ratio - 3.0).abs() < 1e-9);
}

#[test]
fn on_the_line_sorting_is_optimal_for_convex_costs() {
    let (x, y) = (normal(120, 1, "line-x"), normal(120, 1, "line-y") * 1.7);
    let sorted = |values: &Array2<f64>| {
        let mut values = values.column(0).to_vec();
        values.sort_by(f64::total_cmp);
        Array2::from_shape_vec((values.len(), 1), values).unwrap()
    };
    for cost in [Cost::SquaredEuclidean, Cost::Euclidean, Cost::PNorm(1.5), Cost::PNorm(3.0)] {
        let best = cost.paired(sorted(&x).view(), sorted(&y).view()).mean().unwrap();
        let expected = cost.paired(x.view(), y.view()).mean().unwrap() - best;
        assert!((exact(&x, &y, &cost) - expected).abs() < 1e-10, "{cost:?}");
    }
}

#[test]
fn gaussian_closed_form_agrees_with_samples() {
    let cosine = |angle: f64| array![[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]];
    for angle in [0.3, 1.0, 2.5, std::f64::consts::PI] {
        let gap = gaussian_gap(cosine(angle).view(), Array2::eye(2).view()).unwrap();
        assert!((gap - 4.0 * (1.0 - angle.cos())).abs() < 1e-12, "{gap}");
    }
    // Whitened, so that what is left of the error is not that of the sample's covariance (about 3 % at this size).
    let raw = normal(1500, 2, "gauss");
    let (mean, covariance) = mean_and_covariance(raw.view()).unwrap();
    let x = (raw - mean).dot(&spd_inverse_sqrt(covariance.view()).unwrap());
    let (matrix, shift) = (array![[0.6, -1.1], [0.9, 0.4]], array![1.0, 2.0]);
    let y = x.dot(&matrix.t()) + &shift;
    let population = gaussian_gap(matrix.view(), Array2::eye(2).view()).unwrap();
    let sample = exact(&x, &y, &Cost::SquaredEuclidean);
    assert!((sample / population - 1.0).abs() < 0.02, "{sample} {population}");
}

#[test]
fn gradient_agrees_with_central_differences() {
    for cost in costs() {
        let (x, y) = pairs(15, 3, 9, &cost);
        let epsilon = relative_epsilon(x.view(), y.view(), &cost, 0.1).unwrap();
        let settings = SinkhornSettings::new(epsilon).with_threshold(1e-11, 500_000);
        let (_, gradient) = entropic_gap_gradient(x.view(), y.view(), &cost, &settings, &context()).unwrap();
        let step = 1e-5;
        for (i, k) in [(0, 0), (6, 1), (14, 2)] {
            let value = |shift: f64| {
                let mut moved = y.clone();
                moved[(i, k)] += shift;
                entropic_gap(x.view(), moved.view(), &cost, &settings, &context()).unwrap().value
            };
            let numeric = (value(step) - value(-step)) / (2.0 * step);
            let error = (gradient[(i, k)] - numeric).abs() / numeric.abs().max(1e-3);
            assert!(error <= 1e-5, "{cost:?} {} {numeric}", gradient[(i, k)]);
        }
    }
}

#[test]
fn loss_is_fit_plus_weighted_gap_and_warm_starts_agree_with_cold() {
    let cost = Cost::Euclidean;
    let (x, mapped) = pairs(90, 2, 11, &cost);
    let (target, _) = pairs(80, 2, 12, &cost);
    let single = |a: &Array2<f64>| a.mapv(|v| v as f32);
    let (x, mapped, target) = (single(&x), single(&mapped), single(&target));
    let settings = LossSettings {
        cost: cost.clone(),
        fitting: Fitting::Divergence,
        epsilon_fit: 0.2,
        epsilon_gap: 0.02,
        threshold: 1e-4,
        max_iterations: 5000,
    };
    let mut loss = MongeGapLoss::new(settings.clone()).unwrap();
    let cold = loss.evaluate(x.view(), mapped.view(), target.view(), 2.0, &context()).unwrap();
    assert_eq!((cold.solved, cold.converged), (3, 3));
    let fitting = SinkhornSettings::new(0.2).with_threshold(1e-5, 5000);
    let (divergence, fit_gradient) =
        sinkhorn_divergence_gradient(mapped.view(), target.view(), &Cost::SquaredEuclidean, &fitting, &context()).unwrap();
    let own = sinkhorn_divergence(target.view(), target.view(), &Cost::SquaredEuclidean, &fitting, &context()).unwrap();
    assert!(own.value.abs() < 1e-4);
    let gap_settings = SinkhornSettings::new(0.02).with_threshold(1e-5, 5000);
    let (gap, gap_gradient) = entropic_gap_gradient(x.view(), mapped.view(), &cost, &gap_settings, &context()).unwrap();
    assert!((cold.gap - gap.value).abs() < 1e-4 && (cold.total - cold.fit - 2.0 * cold.gap).abs() < 1e-9);
    let expected = fit_gradient + gap_gradient * 2.0;
    let worst = (&cold.gradient - &expected).iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    assert!(worst < 2e-4, "{worst}");
    // The left-out term does not depend on the map: two maps differ by the same in loss and divergence.
    let other = &mapped * 1.3;
    let warm = loss.evaluate(x.view(), other.view(), target.view(), 2.0, &context()).unwrap();
    let second = sinkhorn_divergence(other.view(), target.view(), &Cost::SquaredEuclidean, &fitting, &context()).unwrap();
    assert!(((warm.fit - cold.fit) - (second.value - divergence.value)).abs() < 1e-3);
    // The same points once more: nothing is left to do.
    let again = loss.evaluate(x.view(), other.view(), target.view(), 2.0, &context()).unwrap();
    assert!(
        again.gap_iterations <= 2 && again.gap_iterations < cold.gap_iterations / 5,
        "{} {}",
        again.gap_iterations,
        cold.gap_iterations
    );
    let without = loss.evaluate(x.view(), other.view(), target.view(), 0.0, &context()).unwrap();
    assert!(without.gap.is_nan() && without.total == without.fit && without.solved == 2);
}

#[test]
fn certificate_finds_the_exchanged_points() {
    let cost = Cost::SquaredEuclidean;
    let x = normal(200, 2, "certified");
    let mut y = &x * 1.1;
    // Exchange the images of two far points, and turn three others around.
    let order: Vec<usize> = (0..200)
        .map(|i| match i {
            4 => 9,
            9 => 4,
            _ => i,
        })
        .collect();
    y = y.select(Axis(0), &order);
    let found = certificate(x.view(), y.view(), &cost, &CertificateSettings { worst: 5, ..Default::default() }, &context()).unwrap();
    assert_eq!(found.cycles.len(), 1);
    assert_eq!(found.cycles[0].rows, vec![4, 9]);
    let saved = 2.0 * 1.1 * (&x.row(4) - &x.row(9)).mapv(|v| v * v).sum();
    assert!((found.cycles[0].saving - saved).abs() < 1e-9 && (found.gap - saved / 200.0).abs() < 1e-11);
    let total: f64 = found.violations.iter().map(|violation| violation.excess).sum();
    assert!(found.violations.iter().all(|violation| [4, 9].contains(&violation.row)) && (total - saved).abs() < 1e-9);
    assert!(found.violations.iter().all(|violation| violation.better_image == 13 - violation.row));
    assert!(found.interval.0 <= found.gap && found.gap <= found.interval.1 && found.interval.0 >= 0.0);
    let none = certificate(x.view(), x.view(), &cost, &CertificateSettings::default(), &context()).unwrap();
    assert_eq!((none.gap, none.interval, none.share_of_cost, none.cycles.len()), (0.0, (0.0, 0.0), 0.0, 0));
}

#[test]
fn bootstrap_interval_covers_the_population_gap() {
    // x -> -x on the line has gap E (2 x)^2 = 4, and on the line the bias of a sample is negligible.
    let covered = (0..20).filter(|seed| {
        let x = normal(300, 1, &format!("cover{seed}"));
        let settings = CertificateSettings { resamples: 400, ..Default::default() };
        let found = certificate(x.view(), (-&x).view(), &Cost::SquaredEuclidean, &settings, &context()).unwrap();
        found.interval.0 <= 4.0 && 4.0 <= found.interval.1
    });
    let covered = covered.count();
    assert!(covered >= 17, "{covered} of 20");
}

#[test]
fn metrics_have_their_fixed_points() {
    let x = normal(300, 4, "metric");
    let optimal = &x * 2.0 + 1.0;
    let variance = total_variance(optimal.view()).unwrap();
    assert_eq!(unexplained_variance(optimal.view(), optimal.view(), variance).unwrap(), 0.0);
    let constant = Array2::zeros((300, 4)) + &optimal.mean_axis(Axis(0)).unwrap();
    assert!((unexplained_variance(constant.view(), optimal.view(), variance).unwrap() - 100.0).abs() < 1e-10);
    assert!((displacement_cosine(x.view(), optimal.view(), optimal.view()).unwrap() - 1.0).abs() < 1e-12);
    let opposite = &x * 2.0 - &optimal;
    assert!((displacement_cosine(x.view(), opposite.view(), optimal.view()).unwrap() + 1.0).abs() < 1e-12);
    assert!(displacement_cosine(x.view(), x.view(), optimal.view()).is_err());
    assert!(unexplained_variance(x.view(), optimal.view(), 0.0).is_err());
    let corners = array![[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]];
    let across = array![[1.0, 1.0], [0.0, 1.0], [6.0, 6.0]];
    assert!((crossing_share(corners.view(), across.view()).unwrap() - 1.0 / 3.0).abs() < 1e-15);
    assert!(crossing_share(x.view(), x.view()).is_err());
}

#[test]
fn toy_map_is_standardised_and_optimal() {
    for d in [2, 16] {
        let toy = ToyPair::new(d, &context()).unwrap();
        let x = toy.source(4096, 0, &context());
        let y = toy.transport(x.view()).unwrap();
        let mean = y.mean_axis(Axis(0)).unwrap();
        assert!(mean.iter().all(|m| m.abs() < 0.1), "{mean}");
        assert!((total_variance(y.view()).unwrap() / d as f64 - 1.0).abs() < 0.1);
        let (few, images) = (toy.source(300, 1, &context()), toy.transport(toy.source(300, 1, &context()).view()).unwrap());
        assert_eq!(exact(&few, &images, &Cost::SquaredEuclidean), 0.0);
        assert_ne!(few, toy.source(300, 2, &context()), "parts are independent");
    }
    assert!(ToyPair::new(0, &context()).is_err());
}

#[test]
fn plane_and_sphere_pairs_lie_where_they_should() {
    let (source, target) = moons_to_s_curve(500, &context());
    assert_eq!((source.dim(), target.dim()), ((500, 2), (500, 2)));
    // The moon's ends (1, 0) and (-1, 0) turned by 30 degrees and lowered by 0.5.
    let (first, last) = (source.row(0), source.row(499));
    assert!((first[0] - 0.866).abs() < 0.2 && first[1].abs() < 0.2, "{first}");
    assert!((last[0] + 0.866).abs() < 0.2 && (last[1] + 1.0).abs() < 0.2, "{last}");
    // The S-curve's extent: third in [-2, 2], first in [-1, 1]; turned, scaled by 0.6 and shifted.
    for row in target.rows() {
        assert!((row[0] - 1.0).abs() < 0.6 * 1.25 && (row[1] + 2.0).abs() < 0.6 * 2.25, "{row}");
    }
    let (source, target) = sphere_pair(200, &context());
    Cost::Sphere.check(source.view(), target.view()).unwrap();
    assert!(exact(&source, &target, &Cost::Sphere) > 0.0, "a random pairing is not optimal");
}

fn small_arrays(name: &str) -> Vec<NamedArray> {
    let mut stream = context().stream(&[(name, 0)]);
    let mut random = |shape: &[usize], positive: bool| {
        ndarray::ArrayD::from_shape_simple_fn(shape.to_vec(), || {
            let value: f32 = StandardNormal.sample(&mut stream);
            if positive { value.abs() * 0.3 } else { value * 0.3 }
        })
    };
    let mut arrays = Vec::new();
    for (l, width) in [6, 5, 4].into_iter().enumerate() {
        arrays.push((format!("quadratic_layers.{l}.quadratic_decomposed"), random(&[3, 2, width], false)));
        arrays.push((format!("quadratic_layers.{l}.weight"), random(&[width, 3], false)));
        arrays.push((format!("quadratic_layers.{l}.bias"), random(&[width], false)));
    }
    arrays.push(("convex_layers.0.weight".into(), random(&[5, 6], true)));
    arrays.push(("convex_layers.1.weight".into(), random(&[4, 5], true)));
    arrays.push(("final_layer.weight".into(), random(&[1, 4], true)));
    arrays
}

fn small_potential(name: &str) -> ConvexPotential {
    ConvexPotential::from_arrays(&small_arrays(name)).unwrap()
}

#[test]
fn convex_potential_has_its_gradient_and_an_optimal_map() {
    let potential = small_potential("potential");
    let x = normal(40, 3, "inputs");
    let gradient = potential.gradient(x.view()).unwrap();
    for (i, k) in [(0, 0), (17, 1), (39, 2)] {
        let value = |shift: f64| {
            let mut moved = x.clone();
            moved[(i, k)] += shift;
            potential.value(moved.view()).unwrap()[i]
        };
        let numeric = (value(1e-6) - value(-1e-6)) / 2e-6;
        assert!((gradient[(i, k)] - numeric).abs() < 1e-7 * numeric.abs().max(1.0), "{} {numeric}", gradient[(i, k)]);
    }
    assert_eq!(exact(&x, &gradient, &Cost::SquaredEuclidean), 0.0);
    assert!(ConvexPotential::from_arrays(&[]).is_err());
    assert!(product(x.view(), x.view()).is_err());
}

#[test]
fn mixture_benchmark_is_standardised() {
    let benchmark = MixtureBenchmark::new([small_potential("first"), small_potential("second")], &context()).unwrap();
    let x = benchmark.source(8192, 0, &context());
    assert!((total_variance(x.view()).unwrap() / 3.0 - 1.0).abs() < 0.05, "the source has unit variance");
    let y = benchmark.transport(x.view()).unwrap();
    assert!((total_variance(y.view()).unwrap() / 3.0 - 1.0).abs() < 0.1);
    assert!(y.mean_axis(Axis(0)).unwrap().iter().all(|m| m.abs() < 0.05));
}

#[test]
fn a_converted_benchmark_file_has_both_potentials_and_the_source() {
    let prefixed = |prefix: &str, name: &str| -> Vec<NamedArray> {
        small_arrays(name).into_iter().map(|(array, values)| (format!("{prefix}.{array}"), values)).collect()
    };
    let mut arrays = [prefixed("v1", "first"), prefixed("v2", "second")].concat();
    let missing = MixtureBenchmark::from_arrays(&arrays, &context()).unwrap_err().to_string();
    assert_eq!(missing, "the potential has no array 'source.centres'");
    // Three points without spread: the source is its centres.
    let centres = array![[1.0_f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    arrays.push(("source.centres".into(), centres.clone().into_dyn()));
    arrays.push(("source.maps".into(), ndarray::ArrayD::zeros(vec![3, 3, 3])));
    let benchmark = MixtureBenchmark::from_arrays(&arrays, &context()).unwrap();
    for point in benchmark.source(50, 0, &context()).rows() {
        assert_eq!((point.sum(), point.dot(&point)), (1.0, 1.0), "{point}");
    }
    arrays.pop();
    arrays.push(("source.maps".into(), ndarray::ArrayD::zeros(vec![3, 2, 3])));
    let wrong = MixtureBenchmark::from_arrays(&arrays, &context()).unwrap_err().to_string();
    assert_eq!(wrong, "a mixture must have centres (3, d) and maps (3, d, d), got (3, 3) and (3, 2, 3)");
}

#[test]
fn sample_distances_have_their_closed_forms() {
    let (x, y) = (normal(40, 3, "kernel"), array![[0.0, 3.0], [4.0, 0.0]]);
    assert!(kernel_discrepancy(x.view(), x.view(), &KERNEL_GAMMAS).unwrap().abs() < 1e-15);
    assert_eq!(signature_distance(x.view(), x.view()).unwrap(), 0.0);
    // Two single points at distance 5.
    let (first, second) = y.view().split_at(Axis(0), 1);
    let expected = 2.0 - (-0.25_f64).exp() - (-2.5_f64).exp();
    assert!((kernel_discrepancy(first, second, &[0.01, 0.1]).unwrap() - expected).abs() < 1e-15);
    assert_eq!(signature_distance(first, second).unwrap(), 5.0);
    let message = signature_distance(x.view(), y.view()).unwrap_err().to_string();
    assert_eq!(message, "both samples must have one width, got 3 and 2");
}

#[test]
fn bad_input_is_named() {
    let cost = Cost::SquaredEuclidean;
    let x = normal(4, 3, "bad");
    let settings = SinkhornSettings::new(0.1);
    let gap = |x: &Array2<f64>, y: &Array2<f64>, cost: &Cost, settings: &SinkhornSettings| {
        entropic_gap(x.view(), y.view(), cost, settings, &context()).unwrap_err().to_string()
    };
    assert_eq!(gap(&x, &normal(3, 3, "fewer"), &cost, &settings), "x and y must be row-paired, got 4 and 3 rows");
    assert_eq!(gap(&x, &normal(4, 2, "narrow"), &cost, &settings), "X has 3 features, Y has 2");
    let mut broken = x.clone();
    broken[(2, 1)] = f64::INFINITY;
    assert_eq!(gap(&broken, &x, &cost, &settings), "X contains a non-finite value at row 2, column 1");
    assert_eq!(
        gap(&x, &x, &cost, &SinkhornSettings::new(-1.0)),
        "parameter 'epsilon' must be > 0, got -1; use method='exact' for the unregularised gap"
    );
    assert!(gap(&x, &x, &Cost::Sphere, &settings).starts_with("the sphere cost needs rows of norm 1 within 0.001, got norm"));
    let many = Array2::zeros((4097, 1));
    let message = exact_gap(many.view(), many.view(), &cost, &context()).unwrap_err().to_string();
    assert_eq!(message, "the exact gap takes at most 4096 rows, got 4097; use method='entropic' or a subsample");
    let same: Array2<f64> = Array2::ones((5, 2));
    assert!(relative_epsilon(same.view(), same.view(), &cost, 0.01).unwrap_err().to_string().contains("all points coincide"));
    let capped = entropic_gap(x.view(), (-&x).view(), &cost, &SinkhornSettings::new(1e-3).with_threshold(1e-9, 5), &context()).unwrap();
    assert_eq!((capped.status, capped.iterations), (Status::IterationLimit, 5));
    assert!(capped.marginal_error > 1e-9);
}
