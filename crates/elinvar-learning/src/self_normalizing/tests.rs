//! The sheet's check values, quadrature, closed forms, proofs, networks, bad input.

use super::certificate::{Interval, MomentBox, STABLE, VANISHED, WeightBox, grid};
use super::*;
use elinvar_core::random::stream;
use elinvar_core::{Checked, Column, Context, Model, Table};
use elinvar_data::design::Design;
use elinvar_nn::Network;
use elinvar_nn::sequential::Sequential;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

fn ctx() -> Context {
    Context::new(3).with_threads(1)
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}");
}

fn at(mu: f64, omega: f64, nu: f64, tau: f64) -> (Moments, Weights) {
    (Moments { mean: mu, variance: nu }, Weights { sum: omega, squares: tau })
}

fn through((moments, weights): (Moments, Weights)) -> Moments {
    moments.through(Selu::default(), weights)
}

#[test]
fn reference_values_of_the_map() {
    // mu, omega, nu, tau and what comes out.
    for (mu, omega, nu, tau, mean, variance) in [
        (0.0, 0.0, 1.0, 1.0, 0.0, 1.0),
        (0.1, 0.1, 1.5, 1.1, 0.067_725_101_7, 1.481_574_958_3),
        (-0.1, 0.1, 0.8, 0.95, -0.031_060_501_8, 0.803_711_757_7),
        (1.0, 0.1, 16.0, 1.25, 1.213_440_311_6, 11.095_789_329),
        (0.1, -0.1, 0.02, 0.8, -0.042_404_813_9, 0.028_927_636_4),
        (0.0, 0.0, 100.0, 1.0, 3.382_097_501_6, 45.122_779_650_2),
    ] {
        let found = through(at(mu, omega, nu, tau));
        close(found.mean, mean, 6e-11);
        close(found.variance, variance, 6e-11);
    }
}

#[test]
fn iterates_and_fixed_points() {
    for (start, after) in [(5.0, [3.505_862, 1.803_327, 1.030_723, 1.000_599]), (0.1, [0.149_942, 0.366_827, 0.944_455, 0.998_864])] {
        let mut moments = Moments { mean: 0.0, variance: start };
        let mut seen = Vec::new();
        for layer in 1..=32 {
            moments = moments.through(Selu::default(), Weights::NORMALISED);
            if [1, 4, 16, 32].contains(&layer) {
                seen.push(moments.variance);
            }
        }
        seen.iter().zip(after).for_each(|(s, a)| close(*s, a, 6e-7));
    }
    for (omega, tau, mean, variance) in [
        (0.0, 1.0, 0.0, 1.0),
        (0.1, 1.1, 0.054_705_980_6, 1.410_289_829_3),
        (-0.1, 0.95, -0.016_720_354, 0.830_654_349_1),
        (0.1, 0.95, -0.020_870_308_6, 0.826_473_750_6),
    ] {
        let found = fixed_point(Selu::default(), Weights { sum: omega, squares: tau }, 1e-12, 1000).unwrap();
        close(found.moments.mean, mean, 6e-11);
        close(found.moments.variance, variance, 6e-11);
        assert!(found.contraction < 1.0);
    }
    let message = fixed_point(Selu::default(), Weights { sum: 0.0, squares: 3.0 }, 1e-12, 5).unwrap_err().to_string();
    assert!(message.starts_with("no fixed point for omega 0 and tau 3 after 5 iterations, the last moved by"), "{message}");
}

#[test]
fn constants_have_the_stated_fixed_points() {
    let stated = Selu::default();
    for found in [Selu::closed_form(), Selu::for_fixed_point(0.0, 1.0).unwrap()] {
        close(found.alpha, stated.alpha, 1e-14);
        close(found.lambda, stated.lambda, 1e-14);
    }
    for (mean, variance, alpha, lambda) in [(0.0, 2.0, 1.971_255_75, 1.060_709_08), (-0.1, 2.0, 1.976_902_2, 1.073_851_2)] {
        let found = Selu::for_fixed_point(mean, variance).unwrap();
        close(found.alpha, alpha, 6e-8);
        close(found.lambda, lambda, 6e-8);
        let kept = Moments { mean, variance }.of_net_input(found);
        close(kept.mean, mean, 1e-12);
        close(kept.variance, variance, 1e-12);
    }
    assert_eq!(Selu::for_fixed_point(0.0, 0.0).unwrap_err().to_string(), "parameter 'variance' must be > 0, got 0");
    assert!(Selu::for_fixed_point(50.0, 0.01).unwrap_err().to_string().starts_with("no SELU has the fixed point (50, 0.01)"));
}

/// Mean and variance of selu(z) for z ~ N(m, v) by Simpson's rule on both sides of the kink.
fn by_quadrature(m: f64, v: f64) -> (f64, f64) {
    let (Selu { alpha, lambda }, sd) = (Selu::default(), v.sqrt());
    let f = |z: f64| if z > 0.0 { lambda * z } else { lambda * alpha * z.exp_m1() };
    let density = |z: f64| (-(z - m) * (z - m) / (2.0 * v)).exp() / (2.0 * std::f64::consts::PI * v).sqrt();
    let integral = |g: &dyn Fn(f64) -> f64| {
        let part = |low: f64, high: f64| {
            let n = 20_000;
            let h = (high - low) / f64::from(n);
            let at = |i: i32| low + h * f64::from(i);
            let inner: f64 = (1..n).map(|i| if i % 2 == 1 { 4.0 * g(at(i)) } else { 2.0 * g(at(i)) }).sum();
            h / 3.0 * (g(low) + inner + g(high))
        };
        let (low, high) = ((m - 12.0 * sd).min(0.0), (m + 12.0 * sd).max(0.0));
        part(low, 0.0) + part(0.0, high)
    };
    let mean = integral(&|z| f(z) * density(z));
    (mean, integral(&|z| (f(z) - mean) * (f(z) - mean) * density(z)))
}

#[test]
fn the_map_agrees_with_quadrature() {
    for m in [-3.0, -0.7, 0.0, 0.4, 2.5] {
        for v in [0.01, 0.3, 1.0, 4.0, 30.0] {
            let (found, (mean, variance)) = (Moments { mean: m, variance: v }.of_net_input(Selu::default()), by_quadrature(m, v));
            close(found.mean, mean, 1e-12 * (1.0 + mean.abs()));
            close(found.variance, variance, 2e-12 * (1.0 + variance));
        }
    }
}

#[test]
fn the_limits_are_those_of_the_function() {
    let selu = Selu::default();
    let tiny = Moments { mean: -0.4, variance: 1e-20 }.of_net_input(selu);
    close(tiny.mean, selu.lambda * selu.alpha * (-0.4_f64).exp_m1(), 1e-15);
    close(tiny.variance, (selu.lambda * selu.alpha * (-0.4_f64).exp()).powi(2) * 1e-20, 1e-34);
    assert_eq!(Moments { mean: 2.0, variance: 0.0 }.of_net_input(selu).variance, 0.0);
    // exp(m + v / 2) would overflow here.
    let huge = Moments { mean: 0.0, variance: 1e6 }.of_net_input(selu);
    assert!(huge.mean.is_finite() && huge.variance.is_finite() && huge.variance < 1e6);
    // Without a sum of weights the mean is of no account.
    assert_eq!(through(at(0.7, 0.0, 1.2, 0.9)), through(at(-5.0, 0.0, 1.2, 0.9)));
}

#[test]
fn the_jacobian_is_that_of_central_differences() {
    let j = moment_jacobian(Selu::default(), Moments { mean: 0.0, variance: 1.0 }, Weights::NORMALISED);
    for (got, expected) in j.iter().zip([0.0, 0.088834, 0.0, 0.782648]) {
        close(*got, expected, 1e-6);
    }
    close(spectral_norm(&j), 0.78767, 1e-5);
    let h = 1e-5;
    for (mu, omega, nu, tau) in [(0.05, 0.08, 1.2, 1.05), (-0.9, 0.1, 8.0, 1.2), (1.5, 0.7, 0.05, 0.9)] {
        let j = moment_jacobian(Selu::default(), at(mu, omega, nu, tau).0, at(mu, omega, nu, tau).1);
        let side = |a: Moments, b: Moments| [(a.mean - b.mean) / (2.0 * h), (a.variance - b.variance) / (2.0 * h)];
        let by_mean = side(through(at(mu + h, omega, nu, tau)), through(at(mu - h, omega, nu, tau)));
        let by_variance = side(through(at(mu, omega, nu + h, tau)), through(at(mu, omega, nu - h, tau)));
        for row in 0..2 {
            close(j[[row, 0]], by_mean[row], 2e-8);
            close(j[[row, 1]], by_variance[row], 2e-8);
        }
    }
}

#[test]
fn many_points_are_the_points_one_by_one() {
    let n = 40_000;
    let column = |scale: f64, shift: f64| Array1::from_shape_fn(n, |i| shift + scale * (0.37 * i as f64).sin());
    let [mu, omega, nu, tau] = [column(1.0, 0.0), column(0.3, 0.0), column(2.0, 2.0), column(0.4, 1.0)];
    let views = || [mu.view(), omega.view(), nu.view(), tau.view()];
    let (means, variances) = map_all(Selu::default(), views(), &ctx()).unwrap();
    for i in (0..n).step_by(997) {
        let found = through(at(mu[i], omega[i], nu[i], tau[i]));
        close(means[i], found.mean, 1e-15 * (1.0 + found.mean.abs()));
        close(variances[i], found.variance, 2e-14 * (1.0 + found.variance));
    }
    assert_eq!(map_all(Selu::default(), views(), &Context::new(0).with_threads(3)).unwrap().0, means);
    let mut bad = nu.clone();
    bad[7] = -1.0;
    let message = map_all(Selu::default(), [mu.view(), omega.view(), bad.view(), tau.view()], &ctx()).unwrap_err().to_string();
    assert_eq!(message, "row 7: a variance (nu) must be >= 0 and finite, got -1");
}

proptest! {
    #[test]
    fn enclosures_hold_every_point(
        mean in -1.0..1.0_f64, variance in 0.05..5.0_f64, sum in -0.5..0.5_f64, squares in 0.5..1.5_f64, place in prop::array::uniform4(0.0..1.0_f64),
    ) {
        let weights = WeightBox { sum: Interval::new(sum, sum + 0.1), squares: Interval::new(squares, squares + 0.05) };
        let moments = MomentBox { mean: Interval::new(mean, mean + 0.1), variance: Interval::new(variance, variance + 0.3) };
        let proven = moments.through(Selu::default(), weights).unwrap();
        let along = |i: Interval, t: f64| i.low + t * (i.high - i.low);
        let point = Moments { mean: along(moments.mean, place[0]), variance: along(moments.variance, place[1]) };
        let image = point.through(Selu::default(), Weights { sum: along(weights.sum, place[2]), squares: along(weights.squares, place[3]) });
        prop_assert!(proven.contains(image), "{proven:?} {image:?}");
        prop_assert!(proven.variance.high - proven.variance.low < 1.0);
    }
}

#[test]
fn the_stable_domain_is_proven_to_be_left_by_no_layer() {
    let image = STABLE.0.through(Selu::default(), STABLE.1).unwrap();
    assert!(STABLE.0.holds(image), "{image:?}");
    let rising = grid(VANISHED[0], 4).all(|(moments, weights)| moments.through(Selu::default(), weights).variance > moments.variance);
    assert!(rising);
}

fn data(n: usize) -> (Data, Vec<usize>) {
    let (x, classes) = blobs(n, 6, 3, &mut stream(1, &[]));
    let y = Table::new().with("y", Column::Text(classes.iter().map(|&c| Some(format!("c{c}"))).collect())).unwrap();
    (Data { x: Design::Matrix(x), y }, classes)
}

fn small() -> Snn {
    Snn { hidden_layers: 4, units: 48, max_epochs: 15, batch_size: Some(16), ..Snn::default() }
}

#[test]
fn a_classifier_learns_is_saved_and_is_normal() {
    let (data, classes) = data(400);
    let fitted = small().fit(&data, &mut ctx()).unwrap();
    let found = fitted.model.codes(&data.x, &ctx()).unwrap();
    let right = found.iter().zip(&classes).filter(|(a, b)| a == b).count();
    assert!(right > 360, "{right} of 400");
    assert_eq!(fitted.trace.n_rows(), 15);
    assert!(fitted.model.best_epoch() <= 15 && fitted.model.moments().len() == 4);
    let back = SnnModel::from_state(fitted.model.to_state(), 1).unwrap();
    assert_eq!(back.probabilities(&data.x, &ctx()).unwrap(), fitted.model.probabilities(&data.x, &ctx()).unwrap());
    assert_eq!(back.setting(), fitted.model.setting());
    let again = small().fit(&data, &mut Context::new(3).with_threads(3)).unwrap();
    assert_eq!(again.model.network().parameters().values(), fitted.model.network().parameters().values());
}

#[test]
fn every_competitor_learns() {
    let (data, classes) = data(300);
    let base = Snn { activation: ActivationKind::Relu, lr: 0.05, ..small() };
    for (name, params) in [
        ("relu", base.clone()),
        ("batch", Snn { norm: Some(NormKind::Batch), ..base.clone() }),
        ("layer", Snn { norm: Some(NormKind::Layer), ..base.clone() }),
        ("weight", Snn { norm: Some(NormKind::Weight), ..base.clone() }),
        ("highway", Snn { architecture: Architecture::Highway, ..base.clone() }),
        ("residual", Snn { architecture: Architecture::Residual, ..base.clone() }),
        ("bottleneck", Snn { architecture: Architecture::Bottleneck, ..base.clone() }),
        ("conic", Snn { form: Form::Conic, ..base.clone() }),
        ("tanh", Snn { activation: ActivationKind::Tanh, ..base.clone() }),
        ("elu", Snn { activation: ActivationKind::Elu, l2: 1e-3, ..base.clone() }),
        ("all rows", Snn { early_stopping: false, ..base.clone() }),
    ] {
        let found = params.fit(&data, &mut ctx()).unwrap().model.codes(&data.x, &ctx()).unwrap();
        let right = found.iter().zip(&classes).filter(|(a, b)| a == b).count();
        assert!(right > 270, "{name}: {right} of 300");
    }
}

#[test]
fn numbers_and_answers_are_learned() {
    let (x, classes) = blobs(300, 5, 3, &mut stream(2, &[]));
    let y: Vec<f64> = x.rows().into_iter().map(|row| 100.0 + 10.0 * row[0] - 5.0 * row[1]).collect();
    let numbers = Data { x: Design::Matrix(x.clone()), y: Table::new().with("y", Column::Number(y.clone())).unwrap() };
    let model = Snn { task: Task::Regression, lr: 0.05, max_epochs: 60, dropout: 0.0, ..small() }.fit(&numbers, &mut ctx()).unwrap().model;
    let found = model.numbers(&numbers.x, &ctx()).unwrap();
    let mean = y.iter().sum::<f64>() / 300.0;
    let (left, all) = found.iter().zip(&y).fold((0.0, 0.0), |(l, a), (f, y)| (l + (f - y).powi(2), a + (y - mean).powi(2)));
    assert!(left < 0.05 * all, "{left} of {all}");
    assert!(model.probabilities(&numbers.x, &ctx()).is_err());

    let answer =
        |class: usize| classes.iter().enumerate().map(move |(i, &c)| if i % 7 == 0 { f64::NAN } else { f64::from(u8::from(c == class)) });
    let answers = Table::new().with("first", Column::Number(answer(0).collect())).unwrap();
    let answers = answers.with("second", Column::Number(answer(1).collect())).unwrap();
    let several = Data { x: Design::Matrix(x), y: answers };
    let model = Snn { task: Task::Multitask, lr: 0.05, max_epochs: 40, ..small() }.fit(&several, &mut ctx()).unwrap().model;
    let found = model.probabilities(&several.x, &ctx()).unwrap();
    let right =
        classes.iter().enumerate().filter(|&(i, &c)| (found[[i, 0]] > 0.5) == (c == 0) && (found[[i, 1]] > 0.5) == (c == 1)).count();
    assert!(right > 280, "{right}");
}

#[test]
fn a_search_keeps_the_best_and_breaks_ties_towards_depth() {
    let (data, _) = data(200);
    let search = SnnGridSearch {
        hidden_layers: Some(vec![1, 3]),
        units: Some(vec![32]),
        dropout: Some(vec![0.0]),
        lr: Some(vec![1e4, 0.05]),
        max_epochs: 5,
        ..SnnGridSearch::default()
    };
    let model = super::fit::search(&Checked::new(search.clone()).unwrap(), &data, &mut ctx()).unwrap().model;
    assert_eq!(model.setting().lr, 0.05);
    let order: Vec<(usize, f64)> = search.settings().iter().map(|s| (s.hidden_layers, s.lr)).collect();
    assert_eq!(order, [(3, 0.05), (3, 1e4), (1, 0.05), (1, 1e4)]);
    assert_eq!(SnnGridSearch { grid: Grid::Uci, ..SnnGridSearch::default() }.settings().len(), 216);
    let back = SnnModel::from_state(model.to_state(), 1).unwrap();
    assert_eq!(back.attributes().table("results").unwrap().n_rows(), 4);
}

fn start(params: &Snn) -> elinvar_core::Result<Sequential<f32>> {
    Sequential::new(super::network::spec(params, 6, 3), &mut stream(0, &[]))
}

#[test]
fn exact_moments_put_every_unit_into_the_domain() {
    let (data, _) = data(400);
    let Design::Matrix(x) = &data.x else { panic!() };
    let inputs = ((x - &x.mean_axis(ndarray::Axis(0)).unwrap()) / &x.std_axis(ndarray::Axis(0), 0.0)).mapv(|v| v as f32);
    let params = Snn { exact_moments: true, hidden_layers: 6, units: 128, ..Snn::default() };
    let network = start(&params).unwrap();
    let report = self_normalizing_report(&network, inputs.view(), &ctx()).unwrap();
    assert!(report.layers.iter().all(|l| l.stable_units == 1.0), "{report:?}");
    assert_eq!(report.first_leaving, None, "{report:?}");
    assert!(
        report.verdict.starts_with("self-normalising, proven for every layer") || report.verdict.starts_with("not"),
        "{}",
        report.verdict
    );
    let usual = start(&Snn { exact_moments: false, ..params.clone() }).unwrap();
    let report = self_normalizing_report(&usual, inputs.view(), &ctx()).unwrap();
    assert!(report.layers[3].stable_units < 0.4 && report.first_leaving.is_some());
    let deep = &report.layers[5];
    close(deep.predicted.variance, deep.measured.variance, 0.25);
    let other = start(&Snn { activation: ActivationKind::Relu, ..params }).unwrap();
    let message = self_normalizing_report(&other, inputs.view(), &ctx()).unwrap_err().to_string();
    assert!(message.starts_with("the moment map describes plain SELU layers"), "{message}");
}

#[test]
fn bad_input_is_named() {
    let (good, _) = data(60);
    let message = |params: &Snn, data: &Data| params.fit(data, &mut ctx()).unwrap_err().to_string();
    let one = Table::new().with("y", Column::Integer(vec![1; 60])).unwrap();
    assert_eq!(message(&small(), &Data { y: one, ..good.clone() }), "a classifier needs at least 2 classes, got one class: 1");
    let short = Table::new().with("y", Column::Integer((0..50).collect())).unwrap();
    assert_eq!(message(&small(), &Data { y: short, ..good.clone() }), "y must have 60 rows like X, got 50");
    let large = Snn { batch_size: Some(64), ..small() };
    assert_eq!(message(&large, &good), "parameter 'batch_size' must be at most the 51 rows to train on, got 64; or none for 128 or fewer");
    let wild = message(&Snn { lr: 1e6, ..small() }, &good);
    assert!(wild.starts_with("training diverged in epoch"), "{wild}");
    let p = Snn { dropout: 1.0, ..small() };
    assert_eq!(message(&p, &good), "parameter 'dropout' must be in [0, 1), got 1.0");
    let conic = Snn { architecture: Architecture::Highway, form: Form::Conic, ..small() };
    assert_eq!(message(&conic, &good), "parameter 'form' must be 'rectangular' where layers are joined by gates or skips, got 'conic'");
    let answers = Table::new().with("a", Column::Integer((0..60).collect())).unwrap();
    let several = Snn { task: Task::Multitask, ..small() };
    assert_eq!(message(&several, &Data { y: answers, ..good }), "answers 'a' must be 0, 1 or missing, got 2 in row 2");
}

#[test]
fn warnings_name_constant_and_unscaled_features_and_narrow_layers() {
    let (x, _) = blobs(80, 3, 2, &mut stream(1, &[]));
    let mut wide = Array2::ones((80, 4));
    wide.slice_axis_mut(ndarray::Axis(1), (0..3).into()).assign(&(x * 50.0));
    let y = Table::new().with("y", Column::Integer((0..80).map(|i| i % 2).collect())).unwrap();
    let mut context = ctx();
    let narrow = Snn { units: 8, standardize: false, lr: 1e-6, ..small() };
    narrow.fit(&Data { x: Design::Matrix(wide), y }, &mut context).unwrap();
    let warnings = context.warnings().join("\n");
    assert!(warnings.contains("1 feature(s) are constant and left out: x3"), "{warnings}");
    assert!(warnings.contains("feature 'x0' has mean") && warnings.contains("fewer than 32 units"), "{warnings}");
}

#[test]
fn widths_of_a_conic_network_fall_geometrically() {
    let params = Snn { form: Form::Conic, hidden_layers: 4, units: 256, ..Snn::default() };
    assert_eq!(super::network::widths(&params, 16), [256, 128, 64, 32]);
    assert_eq!(super::network::widths(&Snn { form: Form::Rectangular, ..params }, 16), [256; 4]);
    let loss = super::fit::Targets::Classes(vec![0, 1]).loss(&[0, 1], array![[2.0_f32, 0.0], [0.0, 0.0]].view());
    close(loss.loss, 0.5 * ((1.0 + (-2.0_f64).exp()).ln() + 2.0_f64.ln()), 1e-7);
    assert!(super::fit::Targets::Numbers(vec![0.0]).loss(&[0], array![[f32::NAN]].view()).loss.is_nan());
}
