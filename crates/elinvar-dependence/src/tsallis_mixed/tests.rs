//! The sheet's check values, closed forms, invariances, agreement of the solvers, bad input.

mod observation;

use super::algorithm::{self, Fit, GAUSSIAN, Layout, Parameters, Point, Rows, Settings, Shrinkage, score};
use super::data::{children, clustered, generator_r};
use super::design::{Data, Source};
use super::params::{
    Covariance, Nu, NuWord, PenaltyKind, Residual, Select, SelectionPath, Solver, StandardErrors, Tails, TsallisMixedModel,
};
use super::reproduction::{child_rows, slope_rows};
use super::{MixedModel, entropy, log_density, q_of};
use elinvar_core::random::stream;
use elinvar_core::{Checked, Column, Context, Model, Status, Table};
use elinvar_math::penalty::Penalty;
use ndarray::{Array1, Array2};
use std::sync::Arc;

fn ctx() -> Context {
    Context::new(0).with_threads(1)
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}");
}

fn all_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).for_each(|(g, e)| close(*g, *e, tolerance));
}

/// Tight settings on the whole model.
fn settings(nu: Option<f64>) -> Settings {
    Settings {
        nu,
        diagonal: false,
        autoregressive: false,
        restricted: false,
        by_observation: false,
        shrinkage: None,
        accelerate: true,
        max_iterations: 20_000,
        tolerance: 1e-13,
    }
}

fn run(rows: &Arc<Rows>, settings: &Settings) -> Fit {
    let fit = algorithm::fit(rows, settings, false, &mut ctx()).unwrap();
    assert_eq!(fit.status, Status::Converged);
    fit
}

fn children_with(random: &str) -> TsallisMixedModel {
    TsallisMixedModel {
        formula: Some(format!("distance ~ age*girl + ({random} | child)")),
        tol: 1e-13,
        max_iter: 20_000,
        ..Default::default()
    }
}

fn child_data() -> Data {
    let rows = children();
    let table = Table::new()
        .with("distance", Column::Number(rows.iter().map(|r| r.3).collect()))
        .and_then(|t| t.with("age", Column::Number(rows.iter().map(|r| r.2).collect())))
        .and_then(|t| t.with("child", Column::Text(rows.iter().map(|r| Some(r.0.to_owned())).collect())))
        .and_then(|t| t.with("girl", Column::Bool(rows.iter().map(|r| r.1).collect())))
        .unwrap();
    Data { x: Source::Table(table), y: None, groups: None, z: None, precision: None }
}

fn fitted(params: &TsallisMixedModel, data: &Data) -> MixedModel {
    params.fit(data, &mut ctx()).unwrap().model
}

fn beta(model: &MixedModel) -> Vec<f64> {
    model.fixed_effects().into_iter().map(|(_, b)| b).collect()
}

/// The sheet's Check 1: nlme agrees with the Gaussian fit.
#[test]
fn children_with_slopes_have_the_sheets_estimates() {
    let cases = [
        (Nu::Word(NuWord::Inf), [16.340625, 0.784375, 1.032102, -0.304830], [4.556811, -0.198245, 0.023758], 1.716208, -213.902975),
        (Nu::Fixed(4.0), [16.973568, 0.711932, 0.674989, -0.256939], [3.124205, -0.125879, 0.018882], 0.846327, -206.370022),
        (Nu::Word(NuWord::Estimate), [16.946812, 0.715582, 0.662055, -0.256688], [3.275418, -0.133593, 0.019672], 0.887967, -206.230017),
    ];
    for (nu, effects, scatter, scale, log_likelihood) in cases {
        let model = fitted(&TsallisMixedModel { nu, ..children_with("1 + age") }, &child_data());
        let names: Vec<String> = model.fixed_effects().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["(intercept)", "age", "girl", "age:girl"]);
        all_close(&beta(&model), &effects, 1e-4);
        let d = model.covariance_of_effects();
        all_close(&[d[[0, 0]], d[[0, 1]], d[[1, 1]]], &scatter, 1e-4);
        close(model.scale(), scale, 1e-4);
        close(model.log_likelihood(), log_likelihood, 1e-5);
    }
}

#[test]
fn children_with_slopes_have_the_sheets_tails() {
    let model = fitted(&children_with("1 + age"), &child_data());
    close(model.nu(), 5.03924, 1e-4);
    let of = |name: &str| model.weights()[model.groups().iter().position(|g| g == name).unwrap()];
    close(of("M09"), 0.169, 5e-4);
    close(of("M13"), 0.234, 5e-4);
    close(of("F07"), 1.588, 5e-4);
    let mut sorted = model.weights().to_vec();
    sorted.sort_by(f64::total_cmp);
    assert!(sorted[0] == of("M09") && sorted[1] == of("M13") && sorted[26] == of("F07"));
    assert_eq!(model.outliers(), ["M09", "M13"]);
    close(model.tail_test().unwrap().0, 2.0 * (213.902975 - 206.230017), 2e-5);
    assert!(!model.is_gaussian() && (model.q_by_size()[&4] - q_of(model.nu(), 4)).abs() < 1e-15);
}

#[test]
fn children_with_intercepts_have_the_sheets_estimates() {
    let fit = |nu| fitted(&TsallisMixedModel { nu, ..children_with("1") }, &child_data());
    let gaussian = fit(Nu::Word(NuWord::Inf));
    close(gaussian.covariance_of_effects()[[0, 0]], 3.030562, 1e-4);
    close(gaussian.scale(), 1.874597, 1e-4);
    close(gaussian.log_likelihood(), -214.319529, 1e-5);
    let four = fit(Nu::Fixed(4.0));
    close(four.covariance_of_effects()[[0, 0]], 2.625362, 1e-4);
    close(four.scale(), 0.969198, 1e-4);
    close(four.log_likelihood(), -207.371408, 1e-5);
    let estimated = fit(Nu::Word(NuWord::Estimate));
    close(estimated.nu(), 5.12811, 1e-4);
    close(estimated.log_likelihood(), -207.214264, 1e-5);
}

/// The sheet's Check 2: scipy.stats.multivariate_t.logpdf.
#[test]
fn the_density_is_scipys() {
    let variance = 2.5_f64.powf(0.25);
    close(log_density(3.0, 4, 2.5_f64.ln(), 6.0 / variance), -6.954608062877, 1e-11);
    close(log_density(GAUSSIAN, 1, 0.0, 1.0), -0.5 - 0.5 * (2.0 * std::f64::consts::PI).ln(), 1e-15);
    close(log_density(1e12, 3, 0.4, 2.0), log_density(GAUSSIAN, 3, 0.4, 2.0), 1e-10);
}

/// The sheet's Check 3, and the same integrals by quadrature.
#[test]
fn the_entropy_and_the_escort_variance_are_those_of_quadrature() {
    close(entropy(4.0, 1, 0.0), 1.149039961479, 1e-12);
    close(q_of(4.0, 1), 1.4, 1e-15);
    let (nu, q) = (4.0, 1.4);
    // y = tan(t) maps the line to an interval on which the trapezium rule converges quickly.
    let steps = 200_000;
    let (mut power, mut escort) = (0.0, 0.0);
    for k in 1..steps {
        let t = std::f64::consts::PI * (f64::from(k) / f64::from(steps) - 0.5);
        let (x, slope) = (t.tan(), 1.0 / t.cos().powi(2));
        let density = (q * log_density(nu, 1, 0.0, x * x)).exp() * slope;
        power += density;
        escort += density * x * x;
    }
    close((1.0 - power * std::f64::consts::PI / f64::from(steps)) / (q - 1.0), entropy(nu, 1, 0.0), 1e-9);
    close(escort / power, 1.0, 1e-4);
}

/// Check 4.
#[test]
fn many_degrees_of_freedom_are_the_gaussian() {
    let rows = child_rows();
    let (many, gaussian) = (run(&rows, &settings(Some(1e7))), run(&rows, &settings(Some(GAUSSIAN))));
    all_close(&many.point.parameters.beta, &gaussian.point.parameters.beta, 1e-5);
    all_close(&many.point.parameters.covariance(2), &gaussian.point.parameters.covariance(2), 1e-4);
    // The likelihood itself differs by sum delta^2 / (4 nu), which is 1.3e-5 here.
    close(many.point.log_likelihood, gaussian.point.log_likelihood, 2e-5);
    close(run(&rows, &settings(Some(1e10))).point.log_likelihood, gaussian.point.log_likelihood, 1e-7);
}

#[test]
fn the_likelihood_never_falls() {
    let rows = [child_rows(), slope_rows(&generator_r(true, true, &mut stream(1, &[("r", 0)])))];
    for rows in &rows {
        for accelerate in [false, true] {
            for nu in [None, Some(2.0), Some(GAUSSIAN)] {
                let fit = run(rows, &Settings { accelerate, tolerance: 1e-10, ..settings(nu) });
                assert!(fit.history.windows(2).all(|pair| pair[1] >= pair[0] - 1e-10), "{accelerate} {nu:?}");
            }
        }
    }
}

#[test]
fn extrapolation_ends_where_plain_steps_end() {
    let rows = slope_rows(&generator_r(true, true, &mut stream(2, &[("r", 0)])));
    let (plain, fast) = (run(&rows, &Settings { accelerate: false, ..settings(None) }), run(&rows, &settings(None)));
    close(plain.objective, fast.objective, 1e-6);
    assert!(fast.passes < plain.passes, "{} against {}", fast.passes, plain.passes);
}

/// Check 5.
#[test]
fn estimates_follow_scale_shift_and_order() {
    let data = generator_r(true, true, &mut stream(3, &[("r", 0)]));
    let base = run(&slope_rows(&data), &settings(None)).point;
    let (c, g) = (-3.5, [2.0, 0.7, -4.0]);
    let mut moved = data.clone();
    moved.y = Array1::from_iter((0..data.y.len()).map(|i| c * data.y[i] + g[0] + g[1] * data.x[[i, 0]] + g[2] * data.x[[i, 1]]));
    let other = run(&slope_rows(&moved), &settings(None)).point;
    let expected: Vec<f64> = base.parameters.beta.iter().zip(g).map(|(b, g)| c * b + g).collect();
    all_close(&other.parameters.beta, &expected, 1e-6);
    all_close(&other.parameters.covariance(2), &base.parameters.covariance(2).iter().map(|d| c * c * d).collect::<Vec<_>>(), 1e-5);
    close(other.parameters.sigma2, c * c * base.parameters.sigma2, 1e-5);
    close(other.parameters.nu, base.parameters.nu, 1e-5);
    close(other.log_likelihood, base.log_likelihood - data.y.len() as f64 * c.abs().ln(), 1e-7);
    all_close(&other.weights(), &base.weights(), 1e-5);
    // Rows in another order, groups renamed: row i of group g becomes row 4 - i of group 59 - g.
    let turn: Vec<usize> = (0..data.y.len()).rev().collect();
    let mut turned = data.clone();
    turned.x = data.x.select(ndarray::Axis(0), &turn);
    turned.y = data.y.select(ndarray::Axis(0), &turn);
    turned.groups = turn.iter().map(|&row| 59 - data.groups[row]).collect();
    let other = run(&slope_rows(&turned), &settings(None)).point;
    all_close(&other.parameters.beta, &base.parameters.beta, 1e-6);
    close(other.log_likelihood, base.log_likelihood, 1e-8);
    let weights: Vec<f64> = other.weights().into_iter().rev().collect();
    all_close(&weights, &base.weights(), 1e-5);
}

/// Check 6: the likelihood of one group depends on its distance through a monotone function.
#[test]
fn one_group_has_the_gaussian_estimates() {
    let data = clustered(1, 40, vec![1.0, -1.0, 0.5], 0, false, &mut stream(4, &[("one", 0)]));
    let z = data.x.slice_axis(ndarray::Axis(1), (0..1).into()).mapv(|x| (2.0 * x).sin());
    let y = &data.y + &(&z.column(0) * 6.0);
    let x = Array2::from_shape_fn((40, 2), |(i, j)| if j == 0 { 1.0 } else { data.x[[i, 1]] });
    let rows = Arc::new(Rows::new(y.view(), x.view(), z.view(), &data.groups));
    let fit = |nu| run(&rows, &Settings { tolerance: 1e-15, ..settings(Some(nu)) }).point.parameters;
    let gaussian = fit(GAUSSIAN);
    let ratio = |p: &Parameters| p.root[0] * p.root[0] / p.sigma2;
    assert!(ratio(&gaussian) > 1.0);
    for nu in [1.0, 4.0, 30.0] {
        let other = fit(nu);
        all_close(&other.beta, &gaussian.beta, 1e-5);
        close(ratio(&other) / ratio(&gaussian), 1.0, 1e-4);
    }
}

/// Rows with unequal groups, random parameters and three random effects; and the parameters.
fn arbitrary(rho: f64) -> (Arc<Rows>, Parameters) {
    let data = clustered(9, 7, vec![1.0, -1.0, 0.5, 0.2], 2, true, &mut stream(5, &[("a", 0)]));
    let keep: Vec<usize> = (0..63).filter(|i| i % 7 <= 1 + i / 9 % 6).collect();
    let x = Array2::from_shape_fn((keep.len(), 4), |(i, j)| if j == 0 { 1.0 } else { data.x[[keep[i], j - 1]] });
    let z = x.slice_axis(ndarray::Axis(1), (0..3).into()).to_owned();
    let codes: Vec<usize> = keep.iter().map(|&row| data.groups[row]).collect();
    let rows = Arc::new(Rows::new(data.y.select(ndarray::Axis(0), &keep).view(), x.view(), z.view(), &codes));
    let root = vec![1.1, 0.0, 0.0, -0.4, 0.6, 0.0, 0.2, 0.1, 0.3];
    (rows, Parameters { beta: vec![0.9, -0.8, 0.6, 0.1], root, sigma2: 1.3, nu: 3.7, rho })
}

fn point(rows: &Arc<Rows>, parameters: &Parameters) -> Point {
    let freed = if parameters.rho == 0.0 { Arc::clone(rows) } else { Arc::new(rows.decorrelated(parameters.rho)) };
    Point::new(freed, parameters.clone(), &ctx()).unwrap()
}

/// Check 7.
#[test]
fn the_gradient_is_the_difference_quotient() {
    for rho in [0.0, 0.45] {
        for (log_diagonal, diagonal) in [(true, false), (false, false), (true, true)] {
            let (rows, mut parameters) = arbitrary(rho);
            if diagonal {
                [3, 6, 7].into_iter().for_each(|k| parameters.root[k] = 0.0);
            }
            let settings = Settings { autoregressive: rho != 0.0, diagonal, ..settings(None) };
            let layout = Layout::new(&rows, &settings, log_diagonal);
            let at = |vector: &[f64]| point(&rows, &layout.to_parameters(vector, &parameters)).log_likelihood;
            let vector = layout.to_vector(&parameters);
            let gradient = score(&point(&rows, &parameters), &layout, &rows, &ctx()).unwrap();
            assert_eq!(gradient.len(), layout.len());
            for j in 0..vector.len() {
                let h = 1e-5;
                let moved = |step: f64| {
                    let mut moved = vector.clone();
                    moved[j] += step;
                    at(&moved)
                };
                close(gradient[j], (moved(h) - moved(-h)) / (2.0 * h), 1e-6 * gradient[j].abs().max(1.0));
            }
        }
    }
}

/// The likelihood of one group by the dense covariance.
fn dense(rows: &Rows, parameters: &Parameters, group: usize, start: usize) -> (f64, f64) {
    let (n, q) = (rows.size(group), rows.q());
    let d = parameters.covariance(q);
    let z = |i: usize, k: usize| rows.z_entry(start + i, k);
    let mut v = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            let random: f64 = (0..q * q).map(|k| z(i, k / q) * d[k] * z(j, k % q)).sum();
            v[i * n + j] = random + parameters.sigma2 * parameters.rho.powi(i.abs_diff(j) as i32);
        }
    }
    assert!(elinvar_math::cholesky::factor(&mut v, n));
    let mut r = rows.residuals(&parameters.beta)[start..start + n].to_vec();
    elinvar_math::cholesky::solve_lower(&v, n, &mut r);
    let delta = r.iter().map(|r| r * r).sum::<f64>();
    (delta, log_density(parameters.nu, n, elinvar_math::cholesky::log_determinant(&v, n), delta))
}

#[test]
fn woodbury_is_the_dense_covariance() {
    for rho in [0.0, 0.45, -0.7] {
        for singular in [false, true] {
            let (rows, mut parameters) = arbitrary(rho);
            if singular {
                // Rank one: only the first column of the root is left.
                [4, 7, 8].into_iter().for_each(|k| parameters.root[k] = 0.0);
            }
            let point = point(&rows, &parameters);
            let (mut start, mut total) = (0, 0.0);
            for group in 0..rows.groups() {
                let (delta, log_likelihood) = dense(&rows, &parameters, group, start);
                close(point.delta[group], delta, 1e-10 * delta.max(1.0));
                total += log_likelihood;
                start += rows.size(group);
            }
            close(point.log_likelihood, total, 1e-10 * total.abs());
        }
    }
}

#[test]
fn distances_and_weights_have_their_distribution_under_the_model() {
    use rand_distr::{ChiSquared, Distribution, StandardNormal};
    let (groups, size, nu) = (4000, 4, 5.0_f64);
    let mut random = stream(6, &[("t", 0)]);
    let mut data = clustered(groups, size, vec![1.0, -1.0], 0, false, &mut random);
    let chi = ChiSquared::new(nu).unwrap();
    for group in 0..groups {
        let scale = (chi.sample(&mut random) / nu).sqrt();
        let b: f64 = StandardNormal.sample(&mut random);
        for row in group * size..(group + 1) * size {
            let e: f64 = StandardNormal.sample(&mut random);
            data.y[row] = 1.0 - data.x[[row, 0]] + (b + e) / scale;
        }
    }
    let x = Array2::from_shape_fn((groups * size, 2), |(i, j)| if j == 0 { 1.0 } else { data.x[[i, 0]] });
    let rows = Arc::new(Rows::new(data.y.view(), x.view(), Array2::ones((groups * size, 1)).view(), &data.groups));
    let truth = Parameters { beta: vec![1.0, -1.0], root: vec![1.0], sigma2: 1.0, nu, rho: 0.0 };
    let point = point(&rows, &truth);
    // The standard error of the mean weight is below .01.
    close(point.weights().iter().sum::<f64>() / groups as f64, 1.0, 0.03);
    let mut tails = algorithm::model_tails(&point);
    tails.sort_by(f64::total_cmp);
    let gap = tails.iter().enumerate().map(|(i, p)| (p - (i as f64 + 0.5) / groups as f64).abs()).fold(0.0, f64::max);
    assert!(gap < 1.63 / (groups as f64).sqrt(), "Kolmogorov-Smirnov distance {gap}");
    let fit = run(&rows, &settings(None)).point.parameters;
    close(fit.nu, nu, 0.8);
    close(fit.sigma2, 1.0, 0.06);
    close(fit.root[0].powi(2), 1.0, 0.1);
}

/// Values of SciPy and statsmodels; `reference.py` makes them.
fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn reference_data() -> Data {
    let reference = reference();
    let rows: Vec<Vec<f64>> = reference["x"].as_array().unwrap().iter().map(numbers).collect();
    let x = Array2::from_shape_fn((rows.len(), 2), |(i, j)| rows[i][j]);
    let groups = Column::Integer(numbers(&reference["groups"]).into_iter().map(|g| g as i64).collect());
    let groups = Table::new().with("group", groups).unwrap();
    Data { x: Source::Matrix(x), y: Some(Array1::from_vec(numbers(&reference["y"]))), groups: Some(groups), z: None, precision: None }
}

fn tight() -> TsallisMixedModel {
    use super::params::RandomEffects;
    TsallisMixedModel { random_effects: RandomEffects::Columns(vec!["x0".into()]), tol: 1e-14, max_iter: 50_000, ..Default::default() }
}

#[test]
fn reference_values_of_direct_maximisation() {
    for case in reference()["models"].as_array().unwrap() {
        let flag = |name: &str| case[name].as_bool().unwrap();
        let value = |name: &str| case[name].as_f64().unwrap();
        let params = TsallisMixedModel {
            covariance: if flag("diagonal") { Covariance::Diagonal } else { Covariance::Full },
            residual: if flag("correlated") { Residual::Ar1 } else { Residual::Iid },
            ..tight()
        };
        let model = fitted(&params, &reference_data());
        close(model.log_likelihood(), value("loglik"), 1e-6);
        all_close(&beta(&model), &numbers(&case["beta"]), 2e-4);
        all_close(&model.covariance_of_effects().into_raw_vec_and_offset().0, &numbers(&case["D"]), 1e-3);
        close(model.scale(), value("sigma2"), 5e-4);
        close(model.nu(), value("nu"), 5e-3 * value("nu"));
        close(model.parameters.rho, value("rho"), 5e-4);
        all_close(&model.weights().to_vec(), &numbers(&case["weights"]), 1e-3);
        all_close(&model.core.to_vec(), &numbers(&case["p_core"]), 1e-3);
        all_close(&model.model.as_ref().unwrap().to_vec(), &numbers(&case["p_model"]), 1e-3);
        for (kind, name) in
            [(StandardErrors::Observed, "observed"), (StandardErrors::Expected, "expected"), (StandardErrors::Sandwich, "sandwich")]
        {
            let model = fitted(&TsallisMixedModel { standard_errors: kind, ..params.clone() }, &reference_data());
            all_close(&model.standard_errors().unwrap(), &numbers(&case[name]), 1e-3);
        }
    }
}

#[test]
fn reference_values_of_statsmodels() {
    for case in reference()["gaussian"].as_array().unwrap() {
        let reml = case["reml"].as_bool().unwrap();
        let params = TsallisMixedModel { nu: Nu::Word(NuWord::Inf), reml, standard_errors: StandardErrors::Expected, ..tight() };
        let model = fitted(&params, &reference_data());
        // statsmodels stops a little short of the maximum.
        let expected = case["loglik"].as_f64().unwrap();
        assert!(model.log_likelihood() >= expected - 1e-6, "{} against {expected}", model.log_likelihood());
        close(model.log_likelihood(), expected, 1e-4);
        all_close(&beta(&model), &numbers(&case["beta"]), 1e-3);
        all_close(&model.covariance_of_effects().into_raw_vec_and_offset().0, &numbers(&case["D"]), 5e-3);
        close(model.scale(), case["sigma2"].as_f64().unwrap(), 2e-3);
        all_close(&model.standard_errors().unwrap(), &numbers(&case["gls"]), 1e-3);
    }
}

#[test]
fn conjugate_gradient_reaches_the_same_maximum() {
    let mut cases = vec![(child_rows(), settings(None)), (child_rows(), settings(Some(4.0)))];
    cases.push((slope_rows(&generator_r(true, true, &mut stream(7, &[("r", 0)]))), settings(None)));
    cases.push((slope_rows(&generator_r(true, true, &mut stream(8, &[("r", 0)]))), Settings { diagonal: true, ..settings(None) }));
    for (rows, settings) in cases {
        let ecme = run(&rows, &settings);
        let conjugate = algorithm::fit(&rows, &settings, true, &mut ctx()).unwrap();
        close(conjugate.objective, ecme.objective, 1e-5);
    }
}

fn sparse_rows(p: usize) -> Arc<Rows> {
    let data = super::data::generator_s(30, 4, p, 3, &mut stream(9, &[("s", 0)]));
    let x = Array2::from_shape_fn((data.y.len(), p + 1), |(i, j)| if j == 0 { 1.0 } else { data.x[[i, j - 1]] });
    Arc::new(Rows::new(data.y.view(), x.view(), Array2::ones((data.y.len(), 1)).view(), &data.groups))
}

fn shrinkage(penalty: Penalty, lambda: f64, p: usize) -> Shrinkage {
    Shrinkage { penalty, lambda, factors: (0..=p).map(|j| f64::from(u8::from(j > 0))).collect() }
}

#[test]
fn penalised_fits_obey_their_conditions() {
    for (p, lambda) in [(30, 0.2), (150, 0.3)] {
        let rows = sparse_rows(p);
        for penalty in [Penalty::lasso(), Penalty::mcp(3.0).unwrap(), Penalty::scad(3.7).unwrap()] {
            let settings =
                Settings { shrinkage: Some(shrinkage(penalty, lambda, p)), accelerate: true, tolerance: 1e-12, ..settings(None) };
            let fit = run(&rows, &settings);
            let layout = Layout::new(&rows, &settings, false);
            let gradient = score(&fit.point, &layout, &rows, &ctx()).unwrap();
            let n = rows.n() as f64;
            for (j, &b) in fit.point.parameters.beta.iter().enumerate() {
                let (slope, level) = (gradient[j] / n, if j == 0 { 0.0 } else { lambda });
                let violation = match b == 0.0 {
                    true => slope.abs() - level,
                    false => (slope - penalty.smooth_slope(b, level) - level * b.signum()).abs(),
                };
                assert!(violation < 2e-5, "column {j} of {p}: {violation}");
            }
            gradient[p + 1..].iter().for_each(|g| assert!(g.abs() / n < 1e-4, "{gradient:?}"));
            let conjugate = algorithm::fit(&rows, &settings, true, &mut ctx()).unwrap();
            assert!(conjugate.objective >= fit.objective - 1e-3 * fit.objective.abs(), "{} {}", conjugate.objective, fit.objective);
        }
    }
}

#[test]
fn levels_from_the_greatest_on_leave_nothing() {
    let rows = sparse_rows(40);
    let shrinkage = shrinkage(Penalty::mcp(3.0).unwrap(), 0.0, 40);
    let plain = Settings { tolerance: 1e-11, ..settings(None) };
    let (start, greatest) = algorithm::null_fit(&rows, &plain, &shrinkage, &mut ctx()).unwrap();
    let steps = algorithm::trace_path(&rows, &plain, &shrinkage, &[1.0001 * greatest, 0.95 * greatest], start, false, &mut ctx()).unwrap();
    assert_eq!(steps[0].selected, 0);
    assert!(steps[1].selected > 0);
}

#[test]
fn paths_choose_the_true_effects() {
    let data = super::data::generator_s(40, 4, 60, 4, &mut stream(10, &[("s", 0)]));
    let groups = Column::Integer(data.groups.iter().map(|&g| g as i64).collect());
    let groups = Some(Table::new().with("group", groups).unwrap());
    let inputs = Data { x: Source::Matrix(data.x), y: Some(data.y), groups, z: None, precision: None };
    for select in [Select::Ebic, Select::Cv] {
        let params = SelectionPath { penalty: PenaltyKind::Mcp, select, ..Default::default() };
        let path = params.run(&inputs, &mut ctx()).unwrap();
        let chosen: Vec<String> = path.effects.column("name").unwrap().to_labels().into_iter().flatten().collect();
        for name in ["(intercept)", "x0", "x5", "x10", "x15", "x20"] {
            assert!(chosen.iter().any(|c| c == name), "{name} is not among {chosen:?}");
        }
        // It ends where the likelihood has no maximum any more.
        assert_eq!(path.coefficients.dim(), (path.table.n_rows(), 61));
        assert!((3..20).contains(&path.table.n_rows()));
        if select == Select::Ebic {
            // The model at the chosen level is the path's.
            let params = TsallisMixedModel { penalty: PenaltyKind::Mcp, lam: path.selected, ..Default::default() };
            let model = fitted(&params, &inputs);
            let found: Vec<String> = model.fixed_effects().into_iter().filter(|(_, b)| *b != 0.0).map(|(name, _)| name).collect();
            assert_eq!(found, chosen);
            assert!(model.standard_errors().is_none() && model.summary().unwrap().coefficients.names().len() == 2);
        }
    }
}

#[test]
fn free_columns_are_not_penalised() {
    let data = super::data::generator_s(30, 4, 30, 0, &mut stream(11, &[("s", 0)]));
    let groups = Some(Table::new().with("g", Column::Integer(data.groups.iter().map(|&g| g as i64).collect())).unwrap());
    let inputs = Data { x: Source::Matrix(data.x), y: Some(data.y), groups, z: None, precision: None };
    let params = TsallisMixedModel { penalty: PenaltyKind::Lasso, lam: 10.0, unpenalized: vec!["x3".into()], ..Default::default() };
    let model = fitted(&params, &inputs);
    let kept: Vec<String> = model.fixed_effects().into_iter().filter(|(_, b)| *b != 0.0).map(|(name, _)| name).collect();
    assert_eq!(kept, ["(intercept)", "x3"]);
}

#[test]
fn predictions_are_conditional_on_known_groups() {
    let data = child_data();
    let model = fitted(&children_with("1 + age"), &data);
    let prediction = model.predict(&data.x, None, None).unwrap();
    let b = beta(&model);
    // Row 0: the boy M01 at the age of 8; the second group is unknown.
    let expected = b[0] + 8.0 * b[1] + model.effects[[0, 0]] + 8.0 * model.effects[[0, 1]];
    close(prediction[0], expected, 1e-12);
    let strangers = Table::new().with("child", Column::Text(vec![Some("X99".into()); 108])).unwrap();
    close(model.predict(&data.x, Some(&strangers), None).unwrap()[0], b[0] + 8.0 * b[1], 1e-12);
    let again = MixedModel::from_state(model.to_state(), 1).unwrap();
    assert_eq!(again.predict(&data.x, None, None).unwrap(), prediction);
}

#[test]
fn results_do_not_depend_on_threads() {
    let data = clustered(4000, 6, vec![1.0, -1.0, 0.5], 100, true, &mut stream(12, &[("t", 0)]));
    let rows = slope_rows(&data);
    let fit = |threads| {
        let settings = Settings { tolerance: 1e-9, ..settings(None) };
        algorithm::fit(&rows, &settings, false, &mut Context::new(0).with_threads(threads)).unwrap().point.parameters
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn without_groups_it_is_regression_with_heavy_tails() {
    let mut data = clustered(60, 1, vec![1.0, -1.0], 0, false, &mut stream(13, &[("t", 0)]));
    (0..5).for_each(|i| data.y[i] += 60.0);
    let inputs = Data { x: Source::Matrix(data.x), y: Some(data.y), groups: None, z: None, precision: None };
    let model = fitted(&TsallisMixedModel::default(), &inputs);
    close(beta(&model)[0], 1.0, 0.6);
    assert!(model.weights().iter().take(5).all(|w| *w < 0.05) && model.outliers().len() >= 5);
}

#[test]
fn spread_at_its_boundary_is_said() {
    let mut data = clustered(30, 4, vec![1.0, -1.0], 0, false, &mut stream(14, &[("t", 0)]));
    // Errors that alternate within a group leave less spread between groups than chance would.
    data.y =
        Array1::from_iter((0..120).map(|i| 1.0 - data.x[[i, 0]] + if i % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + 0.3 * (i as f64).sin())));
    let groups = Some(Table::new().with("g", Column::Integer(data.groups.iter().map(|&g| g as i64).collect())).unwrap());
    let inputs = Data { x: Source::Matrix(data.x), y: Some(data.y), groups, z: None, precision: None };
    let mut ctx = ctx();
    let params = TsallisMixedModel { nu: Nu::Word(NuWord::Inf), max_iter: 20_000, ..Default::default() };
    let model = params.fit(&inputs, &mut ctx).unwrap().model;
    assert!(model.covariance_of_effects()[[0, 0]] < 1e-6 * model.scale());
    assert!(ctx.warnings()[0].starts_with("the random effect '(intercept)' has no spread"), "{:?}", ctx.warnings());
}

#[test]
fn a_singular_scatter_is_turned_to_its_maximum() {
    for seed in [0, 1, 2, 3] {
        let rows = slope_rows(&clustered(30, 4, vec![1.0, -1.0, 0.5], 3, true, &mut stream(seed, &[("singular", 0)])));
        let plain = Settings { tolerance: 1e-12, ..settings(Some(GAUSSIAN)) };
        let [steps, gradient] = [false, true].map(|conjugate| algorithm::fit(&rows, &plain, conjugate, &mut ctx()).unwrap().objective);
        close(steps, gradient, 1e-6);
    }
}

#[test]
fn bad_input_is_refused_in_one_form() {
    let data = clustered(8, 3, vec![1.0, -1.0, 0.5], 0, false, &mut stream(15, &[("bad", 0)]));
    let group = |labels: Vec<i64>| Some(Table::new().with("g", Column::Integer(labels)).unwrap());
    let codes: Vec<i64> = data.groups.iter().map(|&g| g as i64).collect();
    let good = Data { x: Source::Matrix(data.x.clone()), y: Some(data.y.clone()), groups: group(codes.clone()), z: None, precision: None };
    let base = TsallisMixedModel::default();
    let message = |params: &TsallisMixedModel, data: &Data| params.fit(data, &mut ctx()).unwrap_err().to_string();
    let one_group = Data { groups: group(vec![0; 24]), ..good.clone() };
    assert_eq!(message(&base, &one_group), "degrees of freedom cannot be identified from 1 group: fix nu");
    let singles = Data { groups: group((0..24).collect()), ..good.clone() };
    assert!(message(&base, &singles).starts_with("each of the 24 groups has 1 row: random effects cannot be told from errors; "));
    let short = Data { groups: group(codes[..20].to_vec()), ..good.clone() };
    assert_eq!(message(&base, &short), "groups must have 24 rows like X, got 20");
    let short = Data { y: Some(Array1::ones(20)), ..good.clone() };
    assert_eq!(message(&base, &short), "y must have 24 rows like X, got 20");
    let constant = Data { y: Some(Array1::ones(24)), ..good.clone() };
    assert_eq!(message(&base, &constant), "y is constant (1): there is nothing to explain");
    let mut y = data.y.clone();
    y[5] = f64::NAN;
    assert!(message(&base, &Data { y: Some(y), ..good.clone() }).starts_with("y contains a non-finite value at row 5"));
    let wide = Data { x: Source::Matrix(Array2::from_shape_fn((24, 30), |(i, j)| ((i * j) as f64).sin())), ..good.clone() };
    assert!(message(&base, &wide).starts_with("24 rows are too few for 31 fixed effects without a penalty"));
    let mut x = data.x.clone();
    x.column_mut(1).fill(3.0);
    let clash = message(&base, &Data { x: Source::Matrix(x), ..good.clone() });
    assert!(
        clash.starts_with("column 'x1' of the fixed effects is a linear combination of the columns before it ((intercept), x0)"),
        "{clash}"
    );
    let slopes = Data { z: Some(Source::Matrix(Array2::from_shape_fn((24, 3), |(i, j)| ((i + 5 * j) as f64).cos()))), ..good.clone() };
    assert!(message(&base, &slopes).starts_with("4 correlated random effects need a group of at least 4 rows, the largest has 3"));
    let both = TsallisMixedModel { formula: Some("~ x0 + x9".into()), ..base.clone() };
    assert!(message(&both, &good).starts_with("there is no column 'x9'"), "{}", message(&both, &good));
    let huge = Data { y: Some(&data.y * 1e150), ..good.clone() };
    assert!(message(&base, &huge).contains("must have values between 1e-60 and 1e60 in size"));
    let stranger = TsallisMixedModel { penalty: PenaltyKind::Mcp, lam: 0.1, unpenalized: vec!["x7".into()], ..base.clone() };
    assert!(message(&stranger, &good).contains("parameter 'unpenalized' must be names of columns of the fixed effects, got 'x7'"));
    // Columns constant within groups are between effects, and fine.
    let mut x = data.x.clone();
    (0..24).for_each(|i| x[[i, 1]] = (data.groups[i] as f64).sqrt());
    assert!(base.fit(&Data { x: Source::Matrix(x), ..good }, &mut ctx()).is_ok());
}

#[test]
fn parameters_are_checked_together() {
    let base = TsallisMixedModel::default();
    let message = |params: TsallisMixedModel| Checked::new(params).unwrap_err().to_string();
    let with_q = |q, dim, nu| TsallisMixedModel { q, dim, nu, ..base.clone() };
    let estimate = Nu::Word(NuWord::Estimate);
    assert_eq!(message(with_q(Some(1.6), Some(4), estimate)), "parameter 'q' must be in (1, 1.5) for dim = 4, got 1.6");
    assert!(message(with_q(Some(1.2), None, estimate)).starts_with("parameter 'dim' must be given with q"));
    assert!(message(with_q(None, Some(4), estimate)).starts_with("parameter 'dim' must be none without q"));
    assert!(message(with_q(Some(1.2), Some(4), Nu::Fixed(3.0))).starts_with("parameter 'q' must be none where nu is given"));
    assert!(message(TsallisMixedModel { nu: Nu::Fixed(0.0), ..base.clone() }).starts_with("parameter 'nu' must be"));
    assert!(message(TsallisMixedModel { lam: 1.0, ..base.clone() }).starts_with("parameter 'lam' must be 0 without a penalty"));
    assert!(message(TsallisMixedModel { reml: true, ..base.clone() }).starts_with("parameter 'reml' must be false unless"));
    let reml = TsallisMixedModel { reml: true, nu: Nu::Word(NuWord::Inf), solver: Solver::Pncg, ..base.clone() };
    assert!(message(reml).starts_with("parameter 'solver' must be 'ecme' with reml"));
    close(with_q(Some(1.25), Some(4), estimate).fixed_nu().unwrap(), 4.0, 1e-12);
}

#[test]
fn known_precisions_of_rows_are_those_of_their_errors() {
    let data = reference_data();
    let n = data.x.n_rows();
    let precision = Array1::from_shape_fn(n, |i| [0.25, 1.0, 4.0][i % 3]);
    let at = |params: &TsallisMixedModel, precision: Array1<f64>| fitted(params, &Data { precision: Some(precision), ..data.clone() });
    let (plain, ones) = (fitted(&tight(), &data), at(&tight(), Array1::ones(n)));
    assert_eq!(plain.log_likelihood(), ones.log_likelihood());
    // Twice the precision is twice the scale, and nothing else.
    let (once, twice) = (at(&tight(), precision.clone()), at(&tight(), &precision * 2.0));
    close(twice.log_likelihood(), once.log_likelihood(), 1e-6);
    close(twice.scale(), 2.0 * once.scale(), 1e-3 * once.scale());
    // Without groups the density of a row is known.
    for shape in [Tails::Group, Tails::Observation] {
        let alone = Data { groups: None, precision: Some(precision.clone()), ..data.clone() };
        let model = fitted(&TsallisMixedModel { shape, tol: 1e-13, max_iter: 50_000, ..Default::default() }, &alone);
        let predicted = model.predict(&data.x, None, None).unwrap();
        let y = data.y.as_ref().unwrap();
        let density = |i: usize| {
            let scatter = model.scale() / precision[i];
            algorithm::log_density(model.nu(), 1, scatter.ln(), (y[i] - predicted[i]).powi(2) / scatter)
        };
        close(model.log_likelihood(), (0..n).map(density).sum(), 1e-8);
    }
    let bad = Data { precision: Some(Array1::zeros(n)), ..data };
    let message = TsallisMixedModel::default().fit(&bad, &mut ctx()).unwrap_err().to_string();
    assert_eq!(message, "precision must be > 0 and finite, got 0 in row 0");
}
