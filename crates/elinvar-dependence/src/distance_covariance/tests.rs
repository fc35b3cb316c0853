//! Closed forms, the worked example, agreement of the algorithms, invariances.

use super::algorithm::{Algorithm, Penalty, Settings};
use super::data::worked_example;
use super::encode::{Block, Encoder, Protected};
use super::linear::{Objective, Rows, fit_linear};
use super::measures::{attribution, gradient, permutation_test, statistic};
use super::metrics::{jensen_shannon, poisson_deviance, rps_poisson, unfairness};
use super::params::{Bandwidth, Centring, Loss, Measure, Penalise, Types};
use elinvar_core::{Column, Context, Table};
use ndarray::{Array1, Array2, ArrayView1};
use proptest::prelude::*;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

fn ctx() -> Context {
    Context::new(0).with_threads(1)
}

fn settings(measure: Measure) -> Settings {
    Settings { measure, ..Settings::default() }
}

fn subset(protected: &Protected, blocks: &[usize]) -> Protected {
    Protected::new(blocks.iter().map(|&j| protected.blocks[j].clone()).collect())
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}");
}

#[test]
fn worked_example_agrees_with_dcor() {
    let (y, all) = worked_example();
    let measure = |blocks: &[usize], settings: &Settings| statistic(y.view(), &subset(&all, blocks), settings, &ctx()).unwrap();
    let cc = settings(Measure::Ccdcov);
    close(measure(&[0], &cc), -0.07647651872, 1e-11);
    close(measure(&[1], &cc), 0.05448216606, 1e-11);
    close(measure(&[0, 1, 2], &cc), 0.00731485146, 1e-11);
    close(measure(&[0, 1], &cc), -0.00574350414, 1e-11);
    let jd = settings(Measure::Jdcov);
    close(measure(&[0, 1], &jd), -0.11163283370, 1e-11);
    close(measure(&[0, 1], &Settings { c: 0.5, ..jd.clone() }), -0.06528031832, 1e-11);
    close(measure(&[0, 1, 2], &jd), -0.08440371764, 1e-11);
    close(measure(&[0, 1], &Settings { c: 0.0, ..jd }), -0.01892780293, 1e-11);
    close(measure(&[0], &settings(Measure::Dcor)), -0.23343407543, 1e-11);
    close(measure(&[0], &Settings { estimator: Centring::V, ..cc }), 0.01285711524, 1e-11);
    close(measure(&[0, 1], &settings(Measure::Sum)), -0.07647651872 + 0.05448216606, 1e-11);
}

#[test]
fn worked_example_of_groups() {
    let (y, _) = worked_example();
    let labels: Vec<String> = (0..8).map(|i| (i % 2).to_string()).collect();
    close(jensen_shannon(y.view(), &labels, Bandwidth::Fixed), 0.13793559, 5e-9);
    close(unfairness(y.view(), &labels), 0.01649394, 5e-9);
}

#[test]
fn worked_example_of_the_gradient() {
    let (y, all) = worked_example();
    let g = gradient(y.view(), &subset(&all, &[0, 1]), &settings(Measure::Jdcov), &ctx()).unwrap();
    let expected = [0.126319, 0.012041, -0.033160, 0.055203, 0.0, -0.076017, -0.084386, 0.0];
    g.iter().zip(expected).for_each(|(g, e)| close(*g, e, 6e-7));
    close(g.sum(), 0.0, 1e-14);
}

/// Values of dcor, SciPy and NumPy; `reference.py` makes them.
fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn numbers(values: &serde_json::Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn blocks_of(case: &serde_json::Value) -> Protected {
    let block = |columns: &serde_json::Value| Block::new("s", columns.as_array().unwrap().iter().map(numbers).collect());
    Protected::new(case["blocks"].as_array().unwrap().iter().map(block).collect())
}

#[test]
fn reference_values_of_dcor() {
    let reference = reference();
    let cases = reference["cases"].as_array().unwrap();
    assert!(cases.len() >= 3);
    for case in cases {
        let y = Array1::from_vec(numbers(&case["y"]));
        let blocks = Protected::new(vec![Block::new("s", case["columns"].as_array().unwrap().iter().map(numbers).collect())]);
        for (name, measure, estimator) in [
            ("u_distance_covariance_sqr", Measure::Ccdcov, Centring::U),
            ("distance_covariance_sqr", Measure::Ccdcov, Centring::V),
            ("u_distance_correlation_sqr", Measure::Dcor, Centring::U),
        ] {
            let alpha = case["exponent"].as_f64().unwrap();
            let settings = Settings { measure, estimator, alpha, ..Settings::default() };
            let expected = case[name].as_f64().unwrap();
            close(statistic(y.view(), &blocks, &settings, &ctx()).unwrap(), expected, 1e-11 * expected.abs().max(1e-3));
        }
    }
}

/// Joint measures and their gradients by NumPy from the definitions (gradients by central differences).
#[test]
fn reference_values_of_the_joint_measures() {
    for case in reference()["joint"].as_array().unwrap() {
        let (y, blocks) = (Array1::from_vec(numbers(&case["y"])), blocks_of(case));
        for (name, measure) in [("ccdcov", Measure::Ccdcov), ("sum", Measure::Sum), ("jdcov", Measure::Jdcov)] {
            let settings = Settings { c: case["c"].as_f64().unwrap(), ..settings(measure) };
            let expected = case[name]["value"].as_f64().unwrap();
            for algorithm in [Algorithm::Grouped, Algorithm::Tiled] {
                let penalty = Penalty::with_algorithm(&blocks, &settings, algorithm, &ctx()).unwrap();
                let (value, slopes) = penalty.value_and_gradient(y.view(), &ctx()).unwrap();
                close(value, expected, 1e-12);
                slopes.iter().zip(numbers(&case[name]["gradient"])).for_each(|(g, e)| close(*g, e, 1e-8));
            }
        }
    }
}

/// Penalised linear models minimised by SciPy, whose penalty is the definition in O(n²).
#[test]
fn reference_values_of_linear_models() {
    for case in reference()["linear"].as_array().unwrap() {
        let loss: Loss = serde_json::from_value(case["loss"].clone()).unwrap();
        let measure = match case["penalty"].as_str().unwrap() {
            "jdcov" => Measure::Jdcov,
            "sum" => Measure::Sum,
            _ => Measure::Ccdcov,
        };
        let penalty = Penalty::new(&blocks_of(case), &settings(measure), &ctx()).unwrap();
        let (y, exposure) = (Array1::from_vec(numbers(&case["y"])), Array1::from_vec(numbers(&case["exposure"])));
        let columns: Vec<Vec<f64>> = case["x"].as_array().unwrap().iter().map(numbers).collect();
        let x = Array2::from_shape_fn((y.len(), columns.len()), |(i, j)| columns[j][i]);
        let weight = Array1::ones(y.len());
        let rows = Rows { x: x.view(), y: y.view(), exposure: exposure.view(), weight: weight.view() };
        let objective = Objective { loss, penalise: Penalise::Mean, lam: case["lam"].as_f64().unwrap(), penalty: Some(&penalty) };
        let fitted = fit_linear(rows, &objective, 500, &mut ctx()).unwrap();
        assert_eq!(fitted.status, elinvar_core::Status::Converged);
        let expected = case["value"].as_f64().unwrap();
        close(fitted.value, expected, 1e-8);
        // Where the penalty has kinks the minimum is flat to about the root of that.
        fitted.coefficients.iter().zip(numbers(&case["coefficients"])).for_each(|(b, e)| close(*b, e, 2e-4));
        close(fitted.intercept, case["intercept"].as_f64().unwrap(), 2e-4);
    }
}

/// Metrics by SciPy's distributions and NumPy from the definitions.
#[test]
fn reference_values_of_the_metrics() {
    let case = &reference()["metrics"];
    let (mean, y) = (Array1::from_vec(numbers(&case["mean"])), Array1::from_vec(numbers(&case["y"])));
    let labels: Vec<String> = numbers(&case["group"]).iter().map(f64::to_string).collect();
    let expected = |name: &str| case[name].as_f64().unwrap();
    close(rps_poisson(mean.view(), y.view()), expected("rps"), 1e-13);
    close(poisson_deviance(mean.view(), y.view()), expected("poisson_deviance"), 1e-13);
    close(unfairness(mean.view(), &labels), expected("uf"), 1e-13);
    close(jensen_shannon(mean.view(), &labels, Bandwidth::Fixed), expected("jsd_fixed"), 1e-11);
    close(jensen_shannon(mean.view(), &labels, Bandwidth::Silverman), expected("jsd_silverman"), 1e-11);
}

fn random_protected(n: usize, seed: u64) -> (Array1<f64>, Protected) {
    let mut random = elinvar_core::random::stream(seed, &[("test", 0)]);
    let y =
        Array1::from_iter((0..n).map(|i| Distribution::<f64>::sample(&StandardNormal, &mut random) + if i % 5 == 0 { 0.0 } else { 0.3 }));
    let coin: Vec<f64> = (0..n).map(|_| f64::from(u8::from(random.random_bool(0.4)))).collect();
    let level: Vec<usize> = (0..n).map(|_| random.random_range(0..4)).collect();
    let hot = (0..4).map(|l| level.iter().map(|&x| f64::from(u8::from(x == l))).collect()).collect();
    (y, Protected::new(vec![Block::new("coin", vec![coin]), Block::new("level", hot)]))
}

/// Value and gradient by the definition, with n x n matrices.
fn naive(y: ArrayView1<'_, f64>, protected: &Protected, settings: &Settings) -> f64 {
    let n = y.len();
    let distance =
        |columns: &[Vec<f64>], k: usize, l: usize| columns.iter().map(|c| (c[k] - c[l]).powi(2)).sum::<f64>().sqrt().powf(settings.alpha);
    let centred = |columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let a: Vec<Vec<f64>> = (0..n).map(|k| (0..n).map(|l| distance(columns, k, l)).collect()).collect();
        let r: Vec<f64> = a.iter().map(|row| row.iter().sum()).collect();
        let t: f64 = r.iter().sum();
        let m = n as f64;
        let u = |k: usize, l: usize| match settings.estimator {
            Centring::U if k == l => 0.0,
            Centring::U => (r[k] + r[l]) / (m - 2.0) - a[k][l] - t / ((m - 1.0) * (m - 2.0)),
            Centring::V => (r[k] + r[l]) / m - a[k][l] - t / (m * m),
        };
        (0..n).map(|k| (0..n).map(|l| u(k, l)).collect()).collect()
    };
    let score = centred(&[y.to_vec()]);
    let blocks: Vec<Vec<Vec<f64>>> = match settings.measure {
        Measure::Ccdcov | Measure::Dcor => vec![centred(&protected.blocks.iter().flat_map(|b| b.columns.clone()).collect::<Vec<_>>())],
        _ => protected.blocks.iter().map(|b| centred(&b.columns)).collect(),
    };
    let m = n as f64;
    let pairs = if settings.estimator == Centring::U { m * (m - 3.0) } else { m * m };
    let sum = |term: &dyn Fn(usize, usize) -> f64| (0..n).map(|k| (0..n).map(|l| term(k, l)).sum::<f64>()).sum::<f64>() / pairs;
    match settings.measure {
        Measure::Jdcov => {
            let c = settings.c;
            let power = c.powi(blocks.len() as i32 + 1);
            let constant = if settings.estimator == Centring::U { power * m / (m - 3.0) } else { power };
            sum(&|k, l| (score[k][l] + c) * blocks.iter().map(|b| b[k][l] + c).product::<f64>()) - constant
        }
        _ => sum(&|k, l| score[k][l] * blocks.iter().map(|b| b[k][l]).sum::<f64>()),
    }
}

#[test]
fn all_algorithms_agree_with_the_definition() {
    for n in [4, 9, 40] {
        let (y, protected) = random_protected(n, n as u64);
        let line = Protected::new(vec![Block::column("line", y.mapv(|x| (3.0 * x).sin()).view())]);
        for measure in [Measure::Ccdcov, Measure::Sum, Measure::Jdcov] {
            for estimator in [Centring::U, Centring::V] {
                let settings = Settings { measure, estimator, c: 0.7, block_size: 16, ..Settings::default() };
                for algorithm in [Algorithm::Grouped, Algorithm::Tiled] {
                    let penalty = Penalty::with_algorithm(&protected, &settings, algorithm, &ctx()).unwrap();
                    close(penalty.value(y.view(), &ctx()).unwrap(), naive(y.view(), &protected, &settings), 1e-12);
                    check_gradient(&penalty, &y);
                }
                let expected = naive(y.view(), &line, &settings);
                close(statistic(y.view(), &line, &settings, &ctx()).unwrap(), expected, 1e-12);
                if measure != Measure::Jdcov {
                    let penalty = Penalty::with_algorithm(&line, &settings, Algorithm::Fenwick, &ctx()).unwrap();
                    close(penalty.value(y.view(), &ctx()).unwrap(), expected, 1e-12);
                    check_gradient(&penalty, &y);
                }
                let power = Settings { alpha: 1.4, ..settings.clone() };
                close(statistic(y.view(), &protected, &power, &ctx()).unwrap(), naive(y.view(), &protected, &power), 1e-11);
                check_gradient(&Penalty::new(&protected, &power, &ctx()).unwrap(), &y);
            }
        }
    }
}

/// On a column of repeated values all three algorithms apply; they agree to 1e-12 of the sum of the terms' sizes.
#[test]
fn all_algorithms_agree_on_many_rows() {
    let n = 700;
    // Scores in steps of a tenth: ties, where the sign of a difference is 0.
    let y = Array1::from_iter((0..n).map(|i| ((f64::from(i) * 0.37).sin() * 10.0 + f64::from(i % 11)).round() / 10.0));
    let s = Array1::from_iter((0..n).map(|i| f64::from((i * i) % 41) / 41.0));
    let line = Protected::new(vec![Block::column("line", s.view())]);
    for estimator in [Centring::U, Centring::V] {
        let settings = Settings { estimator, block_size: 64, ..Settings::default() };
        let evaluate = |algorithm| {
            let penalty = Penalty::with_algorithm(&line, &settings, algorithm, &ctx()).unwrap();
            assert_eq!(penalty.algorithm(), algorithm);
            penalty.value_and_gradient(y.view(), &ctx()).unwrap()
        };
        let expected = naive(y.view(), &line, &settings);
        let mean_gap = |v: &Array1<f64>| v.iter().flat_map(|a| v.iter().map(move |b| (a - b).abs())).sum::<f64>() / f64::from(n * n);
        let size = mean_gap(&y) * mean_gap(&s);
        let (_, slopes) = evaluate(Algorithm::Tiled);
        for algorithm in [Algorithm::Grouped, Algorithm::Fenwick, Algorithm::Tiled] {
            let (value, other) = evaluate(algorithm);
            close(value, expected, 1e-12 * size);
            slopes.iter().zip(&other).for_each(|(a, b)| close(*a, *b, 1e-12 * size));
        }
    }
}

/// Mixed columns: one-hot levels and numbers side by side, too many joint values to group.
#[test]
fn levels_and_numbers_are_tiled_together() {
    let (y, mut protected) = random_protected(90, 77);
    protected.blocks.push(Block::new("age", vec![(0..90).map(|i| (f64::from(i) * 1.3).cos()).collect()]));
    for measure in [Measure::Ccdcov, Measure::Sum, Measure::Jdcov] {
        for estimator in [Centring::U, Centring::V] {
            let settings = Settings { measure, estimator, c: 1.5, block_size: 16, ..Settings::default() };
            let penalty = Penalty::new(&protected, &settings, &ctx()).unwrap();
            assert_eq!(penalty.algorithm(), Algorithm::Tiled);
            close(penalty.value(y.view(), &ctx()).unwrap(), naive(y.view(), &protected, &settings), 1e-12);
            check_gradient(&penalty, &y);
        }
    }
}

fn check_gradient(penalty: &Penalty, y: &Array1<f64>) {
    let (_, g) = penalty.value_and_gradient(y.view(), &ctx()).unwrap();
    for k in 0..y.len().min(12) {
        let h = 1e-6;
        let at = |d: f64| {
            let mut moved = y.clone();
            moved[k] += d;
            penalty.value(moved.view(), &ctx()).unwrap()
        };
        close(g[k], (at(h) - at(-h)) / (2.0 * h), 2e-7);
    }
    close(g.sum(), 0.0, 1e-11);
}

#[test]
fn results_do_not_depend_on_threads() {
    let (y, protected) = random_protected(300, 5);
    let tiled = |threads| {
        let ctx = Context::new(0).with_threads(threads);
        let settings = Settings { block_size: 32, ..settings(Measure::Jdcov) };
        Penalty::with_algorithm(&protected, &settings, Algorithm::Tiled, &ctx).unwrap().value_and_gradient(y.view(), &ctx).unwrap()
    };
    assert_eq!(tiled(1), tiled(4));
    let test = |threads| {
        permutation_test(y.view(), &protected, &settings(Measure::Ccdcov), 19, &Context::new(0).with_threads(threads)).unwrap().null
    };
    assert_eq!(test(1), test(3));
}

#[test]
fn xor_is_seen_only_by_the_joint_measures() {
    // Two fair coins and their exclusive or: CCdCov² = (2 - sqrt 2) / 8, JdCov² = 1/8, every pair independent.
    let n = 4000;
    let bit = |f: &dyn Fn(usize) -> bool| Array1::from_iter((0..n).map(|i| f64::from(u8::from(f(i)))));
    let (a, b) = (bit(&|i| i % 2 == 1), bit(&|i| (i / 2) % 2 == 1));
    let y = bit(&|i| (i % 2 == 1) ^ ((i / 2) % 2 == 1));
    let protected = Protected::new(vec![Block::column("a", a.view()), Block::column("b", b.view())]);
    let value = |measure| statistic(y.view(), &protected, &settings(measure), &ctx()).unwrap();
    close(value(Measure::Ccdcov), (2.0 - 2f64.sqrt()) / 8.0, 2e-4);
    close(value(Measure::Jdcov), 0.125, 2e-4);
    close(value(Measure::Sum), 0.0, 1e-3);
    let terms = attribution(y.view(), &protected, 99, &ctx()).unwrap();
    let names: Vec<_> = terms.iter().map(|t| t.attributes.join("+")).collect();
    assert_eq!(names, ["a", "b", "a+b"]);
    assert_eq!(terms[2].p_value_family, 0.01, "the intersection drives it");
    assert!(terms[0].p_value_family > 0.05 && terms[1].p_value_family > 0.05);
}

#[test]
fn a_binary_attribute_has_a_closed_form() {
    let (y, protected) = random_protected(60, 3);
    let s = &protected.blocks[0].columns[0];
    let pick = |level: f64| y.iter().zip(s).filter(|(_, s)| **s == level).map(|(y, _)| *y).collect::<Vec<_>>();
    let (y0, y1) = (pick(0.0), pick(1.0));
    let between =
        |a: &[f64], b: &[f64]| a.iter().map(|x| b.iter().map(|z| (x - z).abs()).sum::<f64>()).sum::<f64>() / (a.len() * b.len()) as f64;
    let p = y1.len() as f64 / 60.0;
    let expected = 2.0 * (p * (1.0 - p)).powi(2) * (2.0 * between(&y0, &y1) - between(&y0, &y0) - between(&y1, &y1));
    let v = Settings { estimator: Centring::V, ..settings(Measure::Ccdcov) };
    close(statistic(y.view(), &subset(&protected, &[0]), &v, &ctx()).unwrap(), expected, 1e-13);
}

#[test]
fn bivariate_normal_reaches_its_population_value() {
    // The standard error of the estimates is about 0.001 and 0.003 at this n.
    check_bivariate_normal(0.3, 0.0290356, 0.005);
    check_bivariate_normal(0.8, 0.2286642, 0.012);
}

fn check_bivariate_normal(rho: f64, population: f64, tolerance: f64) {
    let mut random = elinvar_core::random::stream(1, &[("normal", 0)]);
    let x: Array1<f64> = (0..20_000).map(|_| StandardNormal.sample(&mut random)).collect();
    let y: Array1<f64> =
        x.iter().map(|x| rho * x + (1.0 - rho * rho).sqrt() * Distribution::<f64>::sample(&StandardNormal, &mut random)).collect();
    let value = statistic(y.view(), &Protected::new(vec![Block::column("x", x.view())]), &settings(Measure::Ccdcov), &ctx()).unwrap();
    let asin = |x: f64| x.asin();
    let expected =
        4.0 / std::f64::consts::PI * (rho * asin(rho) + (1.0 - rho * rho).sqrt() - rho * asin(rho / 2.0) - (4.0 - rho * rho).sqrt() + 1.0);
    close(expected, population, 1e-7);
    close(value, expected, tolerance);
}

#[test]
fn it_is_unbiased_under_independence() {
    let draws: Vec<f64> = (0..2000)
        .map(|seed| {
            let (y, protected) = random_protected(20, 1000 + seed);
            statistic(y.view(), &protected, &settings(Measure::Ccdcov), &ctx()).unwrap()
        })
        .collect();
    let mean = draws.iter().sum::<f64>() / 2000.0;
    let error = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2000.0).sqrt() / 2000f64.sqrt();
    assert!(mean.abs() < 3.0 * error, "{mean} with standard error {error}");
}

#[test]
fn p_values_are_calibrated_under_independence() {
    let rejected = |measure| {
        let one = |seed| {
            let (y, protected) = random_protected(16, 9000 + seed);
            // Three groups of equal scores: the permutation statistic has many ties.
            let y = y.mapv(|x: f64| x.round().clamp(-1.0, 1.0));
            permutation_test(y.view(), &protected, &settings(measure), 19, &Context::new(seed).with_threads(1)).unwrap().p_value <= 0.05
        };
        (0..400).filter(|&seed| one(seed)).count()
    };
    // At most 20 of 400 are expected; 45 would be five standard deviations above.
    for measure in [Measure::Ccdcov, Measure::Jdcov] {
        let count = rejected(measure);
        assert!((3..45).contains(&count), "{count} of 400 rejected");
    }
}

#[test]
fn degenerate_scores_have_finite_measures() {
    let (y, protected) = random_protected(50, 2);
    let value = |y: &Array1<f64>, measure| statistic(y.view(), &protected, &settings(measure), &ctx()).unwrap();
    let constant = Array1::from_elem(50, 0.1);
    close(value(&constant, Measure::Ccdcov), 0.0, 1e-16);
    assert_eq!(value(&constant, Measure::Dcor), 0.0);
    let joint = Penalty::new(&protected, &settings(Measure::Jdcov), &ctx()).unwrap();
    close(value(&constant, Measure::Jdcov), joint.floor(), 1e-14);
    for scale in [1e150, 1e-150, 1e-300] {
        let scaled = value(&(&y * scale), Measure::Ccdcov);
        close(scaled / scale, value(&y, Measure::Ccdcov), 1e-12);
    }
}

#[test]
fn joint_covariance_has_its_limits() {
    let (y, protected) = random_protected(30, 8);
    let at = |c: f64, blocks: &[usize]| {
        statistic(y.view(), &subset(&protected, blocks), &Settings { c, ..settings(Measure::Jdcov) }, &ctx()).unwrap()
    };
    let pair = statistic(y.view(), &subset(&protected, &[0]), &settings(Measure::Ccdcov), &ctx()).unwrap();
    close(at(0.3, &[0]), pair, 1e-13);
    close(at(5.0, &[0]), pair, 1e-12);
    let among = {
        let first = &protected.blocks[0].columns[0];
        statistic(ArrayView1::from(first.as_slice()), &subset(&protected, &[1]), &settings(Measure::Ccdcov), &ctx()).unwrap()
    };
    let sum = statistic(y.view(), &protected, &settings(Measure::Sum), &ctx()).unwrap() + among;
    // d = 3: J = c (sum of the pairs) + the triple term, which is what c = 0 leaves.
    close(at(50.0, &[0, 1]), 50.0 * sum + at(0.0, &[0, 1]), 1e-9);
}

#[test]
fn bad_input_names_numbers_and_columns() {
    let (y, protected) = random_protected(3, 0);
    let message = |r: elinvar_core::Result<f64>| r.unwrap_err().to_string();
    assert_eq!(message(statistic(y.view(), &protected, &Settings::default(), &ctx())), "distance covariance needs at least 4 rows, got 3");
    let (mut y, protected) = random_protected(9, 0);
    let short = y.slice_axis(ndarray::Axis(0), (..8).into()).to_owned();
    assert_eq!(
        message(statistic(short.view(), &protected, &Settings::default(), &ctx())),
        "the score must have 9 rows like the protected columns, got 8"
    );
    y[4] = f64::NAN;
    assert!(
        message(statistic(y.view(), &protected, &Settings::default(), &ctx())).starts_with("yhat contains a non-finite value at row 4")
    );
    let holed = Protected::new(vec![Block::new("age", vec![vec![1.0, 2.0, f64::NAN, 3.0]])]);
    let error = Penalty::new(&holed, &Settings::default(), &ctx()).unwrap_err().to_string();
    assert_eq!(error, "column 'age' must be finite, got NaN in row 2");
    let ragged = Protected::new(vec![Block::new("a", vec![vec![1.0; 4]]), Block::new("b", vec![vec![1.0; 5]])]);
    let error = Penalty::new(&ragged, &Settings::default(), &ctx()).unwrap_err().to_string();
    assert_eq!(error, "column 'b' must have 4 rows like the other protected columns, got 5");
    let constant = Table::new().with("gender", Column::Text(vec![Some("f".into()); 5])).unwrap();
    let error = Encoder::fit(&constant, &Types::new()).unwrap_err().to_string();
    assert!(error.starts_with("column 'gender' has one level: no dependence can be measured"), "{error}");
}

#[test]
fn encoding_infers_types_and_refuses_strangers() {
    let table = Table::new()
        .with("region", Column::Text(["a", "b", "c", "a"].map(|s| Some(s.to_owned())).to_vec()))
        .and_then(|t| t.with("age", Column::Number(vec![20.0, 30.0, 40.0, 60.0])))
        .and_then(|t| t.with("children", Column::Integer(vec![0, 1, 1, 0])))
        .unwrap();
    let (encoder, encoded) = Encoder::fit_encode(&table, &Types::new()).unwrap();
    let sizes: Vec<usize> = encoded.blocks.iter().map(|b| b.columns.len()).collect();
    assert_eq!(sizes, [3, 1, 1]);
    assert_eq!(encoded.blocks[1].columns[0], [0.0, 0.25, 0.5, 1.0]);
    let other = Table::new()
        .with("region", Column::Text(vec![Some("z".into())]))
        .and_then(|t| t.with("age", Column::Number(vec![25.0])))
        .and_then(|t| t.with("children", Column::Integer(vec![0])))
        .unwrap();
    let error = encoder.encode(&other).unwrap_err().to_string();
    assert!(error.contains("column 'region' has the category 'z' in row 0"), "{error}");
    let types = [("aeg".to_owned(), super::params::AttributeType::Continuous)].into_iter().collect();
    assert!(Encoder::fit(&table, &types).unwrap_err().to_string().contains("did you mean 'age'?"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn invariances(seed in 0_u64..1000, scale in 0.01_f64..50.0, shift in -100.0_f64..100.0, measure in 0_usize..3) {
        let measure = [Measure::Ccdcov, Measure::Sum, Measure::Jdcov][measure];
        let (y, protected) = random_protected(24, seed);
        let value = |y: &Array1<f64>, p: &Protected| statistic(y.view(), p, &settings(measure), &ctx()).unwrap();
        let base = value(&y, &protected);
        // Rows together in another order.
        let rows: Vec<usize> = (0..24).map(|i| (7 * i + 3) % 24).collect();
        let turned: Array1<f64> = rows.iter().map(|&i| y[i]).collect();
        prop_assert!((value(&turned, &protected.take(&rows)) - base).abs() < 1e-12);
        // A shift of the score changes nothing; attributes in another order change nothing.
        prop_assert!((value(&y.mapv(|x| x + shift), &protected) - base).abs() < 1e-11);
        prop_assert!((value(&y, &subset(&protected, &[1, 0])) - base).abs() < 1e-12);
        // Homogeneity of degree one in the score, for the measures without a constant.
        if measure != Measure::Jdcov {
            prop_assert!((value(&y.mapv(|x| x * scale), &protected) - scale * base).abs() < 1e-11 * scale);
        }
    }

    #[test]
    fn a_rotation_of_a_block_changes_nothing(seed in 0_u64..1000, angle in 0.0_f64..6.3) {
        let mut random = elinvar_core::random::stream(seed, &[("rotation", 0)]);
        let mut column = || (0..20).map(|_| StandardNormal.sample(&mut random)).collect::<Vec<f64>>();
        let (y, a, b) = (Array1::from_vec(column()), column(), column());
        let turn = |c: f64, s: f64| a.iter().zip(&b).map(|(x, y)| c * x + s * y).collect::<Vec<f64>>();
        let value = |columns: Vec<Vec<f64>>| {
            statistic(y.view(), &Protected::new(vec![Block::new("ab", columns)]), &settings(Measure::Ccdcov), &ctx()).unwrap()
        };
        let rotated = value(vec![turn(angle.cos(), angle.sin()), turn(-angle.sin(), angle.cos())]);
        prop_assert!((rotated - value(vec![a.clone(), b.clone()])).abs() < 1e-12);
    }
}
