//! The sheet's worked example, values of pyRiemann and scikit-learn, agreement of the grid with single embeddings, invariances, bad input.

use super::baselines::{CommonSpatialPatterns, GeodesicFilter, MinimumDistance, class_scores};
use super::choose::{first_minimum, first_saturated};
use super::data::{oscillators, with_labels};
use super::embedding::{Recipe, from_sums, lagged_sums};
use super::epochs::{condition_numbers, predicted, score};
use super::machine::{MachineSettings, Space, TangentMachine};
use super::model::region;
use super::search::{Family, Partition, Search, score_partitions};
use super::*;
use elinvar_core::{Column, Context, Model, Table};
use elinvar_math::covariance::CovarianceEstimator;
use elinvar_math::discriminant::Discriminant;
use elinvar_math::logistic::{ElasticNet, Logistic};
use elinvar_math::spd::{MeanSettings, Metric, TangentSpace, distance, mean};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, array};
use proptest::prelude::*;
use serde_json::Value;

fn ctx() -> Context {
    Context::new(0).with_threads(1)
}

/// The sheet's formula.
fn worked_example() -> Array3<f64> {
    Array3::from_shape_fn((4, 2, 60), |(n, c, t)| {
        let (n, c, t) = (n as f64, c as f64, t as f64);
        (0.31 * t * (1.0 + 0.2 * c) + 0.7 * n).sin()
            + 0.5 * (0.83 * t + 1.3 * c * n).cos()
            + 0.3 * (1.7 * t * (c + 1.0) + 0.11 * n * n).sin()
    })
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}");
}

fn log_determinant(matrix: ArrayView2<'_, f64>) -> f64 {
    2.0 * elinvar_math::linalg::cholesky(matrix).unwrap().diag().mapv(f64::ln).sum()
}

#[test]
fn worked_example_of_the_covariances() {
    let x = worked_example();
    let of = |estimator| covariances(x.view(), Embedding { order: 3, lag: 2 }, estimator, &ctx()).unwrap();
    let cov = of(CovarianceEstimator::Cov);
    assert_eq!(cov.dim(), (4, 6, 6));
    for (j, expected) in [0.6289899337, 0.1094625251, 0.3279099404, -0.2258864879].into_iter().enumerate() {
        close(cov[[0, 0, j]], expected, 1e-10);
    }
    close(log_determinant(cov.index_axis(Axis(0), 0)), -5.7246382855, 1e-9);
    close(of(CovarianceEstimator::Scm)[[0, 0, 0]], 0.617341972, 1e-9);
    let lwf = of(CovarianceEstimator::Lwf);
    close(lwf[[0, 0, 0]], 0.623420612, 1e-9);
    close(log_determinant(lwf.index_axis(Axis(0), 0)), -4.4279729432, 1e-9);
}

#[test]
fn worked_example_of_the_geometry() {
    let x = worked_example();
    let stack = covariances(x.view(), Embedding { order: 3, lag: 2 }, CovarianceEstimator::Lwf, &ctx()).unwrap();
    close(distance(Metric::AffineInvariant, stack.index_axis(Axis(0), 0), stack.index_axis(Axis(0), 1)).unwrap(), 1.0779656642, 1e-9);
    let centre = mean(Metric::AffineInvariant, stack.view(), None, &MeanSettings::default(), &ctx()).unwrap().matrix;
    close(centre.diag().sum(), 3.8523109150, 1e-7);
    let diagonal = [0.6465758959, 0.6517135071, 0.6175678911, 0.6582308816, 0.6259052936, 0.6523174458];
    centre.diag().iter().zip(diagonal).for_each(|(got, expected)| close(*got, expected, 1e-7));
    let vectors = TangentSpace::at(Metric::AffineInvariant, centre.view()).unwrap().vectors(stack.view(), &ctx()).unwrap();
    let norms = [0.8720797785, 0.7594986672, 0.7353420597, 0.8735113875];
    vectors.outer_iter().zip(norms).for_each(|(z, expected)| close(z.dot(&z).sqrt(), expected, 1e-7));
    let first = [-0.128022393, 0.355891624, -0.050066233, -0.066768618];
    vectors.row(0).iter().zip(first).for_each(|(got, expected)| close(*got, expected, 1e-7));
}

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn matrix(rows: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> =
        rows.as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

/// The formula of `reference.py`.
fn formula(n: usize, d: usize, length: usize, classes: usize) -> (Array3<f64>, Vec<usize>) {
    formula_with(0.02, (n, d, length), classes)
}

/// The same with classes that are farther apart.
fn formula_with(step: f64, (n, d, length): (usize, usize, usize), classes: usize) -> (Array3<f64>, Vec<usize>) {
    let x = Array3::from_shape_fn((n, d, length), |(i, c, t)| {
        let (class, i, c, t) = ((i % classes) as f64, i as f64, c as f64, t as f64);
        let hashed = (12.9898 * t + 78.233 * c + 37.719 * i).sin() * 43758.5453;
        let noise = hashed - hashed.floor() - 0.5;
        let speed = 0.31 * (1.0 + 0.2 * c) + step * class;
        (speed * t + 0.7 * i).sin() + 0.5 * (0.83 * t + 1.3 * c * i).cos() + noise
    });
    (x, (0..n).map(|i| i % classes).collect())
}

fn all_close(got: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(got.dim(), expected.dim());
    let scale = expected.iter().fold(1.0_f64, |a, b| a.max(b.abs()));
    got.iter().zip(expected).for_each(|(a, b)| close(*a, *b, tolerance * scale));
}

#[test]
fn covariances_of_scikit_learn() {
    let (x, _) = formula(3, 2, 60, 2);
    for case in reference()["embeddings"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let estimator = serde_json::from_value(case["estimator"].clone()).unwrap();
        let stack = covariances(x.view(), Embedding { order: number("order"), lag: number("lag") }, estimator, &ctx()).unwrap();
        for (matrix_of, expected) in stack.outer_iter().zip(case["covariances"].as_array().unwrap()) {
            all_close(&matrix_of.to_owned(), &matrix(expected), 1e-9);
        }
    }
}

/// Training and test covariances of a case, and the training labels.
fn parts(case: &Value) -> (Recipe, Array3<f64>, Array3<f64>, Vec<usize>, usize) {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let (x, y) = formula(30, 3, 120, number("classes"));
    let recipe = Recipe { embedding: Embedding { order: number("order"), lag: number("lag") }, estimator: CovarianceEstimator::Cov };
    let stack = recipe.covariances(x.view(), &ctx()).unwrap();
    let rows = |range: std::ops::Range<usize>| stack.select(Axis(0), &range.collect::<Vec<_>>());
    (recipe, rows(0..21), rows(21..30), y[..21].to_vec(), number("classes"))
}

/// scikit-learn gives one decision for two classes, that of the second.
fn decisions(scores: &Array2<f64>) -> Array2<f64> {
    match scores.ncols() {
        2 => (&scores.column(1) - &scores.column(0)).insert_axis(Axis(1)),
        _ => scores.clone(),
    }
}

/// Scores of several classes are only known up to a shift of each row.
fn centred(scores: Array2<f64>) -> Array2<f64> {
    let means = scores.sum_axis(Axis(1)) / scores.ncols() as f64;
    scores - means.insert_axis(Axis(1))
}

#[test]
fn classifiers_of_pyriemann_and_scikit_learn() {
    let settings = MeanSettings::default();
    for case in reference()["classifiers"].as_array().unwrap() {
        let (recipe, train, test, y, k) = parts(case);
        let nearest = MinimumDistance::fit(train.view(), &y, k, &settings, &ctx()).unwrap();
        let scores = nearest.scores(test.view(), &ctx()).unwrap();
        all_close(&scores.mapv(|s| (-s).sqrt()), &matrix(&case["distances"]), 1e-6);
        let codes = |values: &Value| values.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect::<Vec<_>>();
        assert_eq!(predicted(&scores), codes(&case["mdm"]));
        let centre = || mean(Metric::AffineInvariant, train.view(), None, &settings, &ctx()).unwrap().matrix;
        for kernel in [KernelKind::Linear, KernelKind::Rbf] {
            let space = Space::new(recipe, centre().view(), train.view(), &ctx()).unwrap();
            let (machine, _) = TangentMachine::fit(vec![space], &y, k, MachineSettings { c: 1.0, kernel }, &ctx()).unwrap();
            let scores = machine.scores(machine.decisions(&[test.view()], &ctx()).unwrap().view());
            let expected = &case[if kernel == KernelKind::Linear { "linear" } else { "rbf" }];
            // The machine stops at a violation of 1e-3, the reference at 1e-10.
            all_close(&decisions(&scores), &matrix(&expected["decision"]), 5e-3);
            assert_eq!(predicted(&scores), codes(&expected["predicted"]));
        }
        let space = || TangentSpace::at(Metric::AffineInvariant, centre().view()).unwrap();
        let vectors = space().vectors(train.view(), &ctx()).unwrap();
        let net = ElasticNet { l1_ratio: 0.45, ..ElasticNet::default() };
        let (elastic, _) = Logistic::fit(vectors.view(), &y, k, &net, &ctx()).unwrap();
        let scores = class_scores(elastic.scores(space().vectors(test.view(), &ctx()).unwrap().view()).unwrap());
        all_close(&decisions(&centred(scores)), &matrix(&case["elastic"]), 1e-3);
        let filter = GeodesicFilter::fit(space(), train.view(), &y, k, &settings, &ctx()).unwrap();
        let distances = filter.scores(test.view(), &ctx()).unwrap().mapv(|s| (-s).sqrt());
        all_close(&distances, &matrix(&case["fgmdm"]), 1e-5);
        let csp = CommonSpatialPatterns::fit(train.view(), &y, k, &ctx()).unwrap();
        let discriminant = Discriminant::fit(csp.features(train.view(), 2).view(), &y, k).unwrap();
        all_close(&decisions(&discriminant.scores(csp.features(test.view(), 2).view()).unwrap()), &matrix(&case["csp"]), 1e-4);
    }
}

#[test]
fn the_grid_equals_single_embeddings() {
    let (x, _) = formula(4, 3, 150, 2);
    let offset = x.mapv(|value| value + 3.0);
    for estimator in [CovarianceEstimator::Cov, CovarianceEstimator::Scm, CovarianceEstimator::Lwf, CovarianceEstimator::Oas] {
        for lag in [1, 4, 10] {
            let sums = lagged_sums(offset.view(), lag, 10, &ctx()).unwrap();
            for order in (1..=10).filter(|&order| Embedding { order, lag }.samples(150).is_some()) {
                let fast = from_sums(&sums, order, estimator, &ctx()).unwrap();
                let plain = covariances(offset.view(), Embedding { order, lag }, estimator, &ctx()).unwrap();
                let scale = plain.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                fast.iter().zip(&plain).for_each(|(a, b)| close(*a, *b, 1e-10 * scale));
            }
        }
    }
}

#[test]
fn order_one_is_the_ordinary_pipeline() {
    let (x, _) = formula(3, 4, 80, 2);
    for lag in [1, 7] {
        let augmented = covariances(x.view(), Embedding { order: 1, lag }, CovarianceEstimator::Cov, &ctx()).unwrap();
        for (matrix, epoch) in augmented.outer_iter().zip(x.outer_iter()) {
            assert_eq!(matrix, CovarianceEstimator::Cov.of_columns(epoch).unwrap());
        }
    }
}

#[test]
fn white_noise_has_a_multiple_of_the_identity_and_a_var_its_autocovariances() {
    use rand_distr::{Distribution, StandardNormal};
    let mut random = ctx().stream(&[("noise", 0)]);
    let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
    let noise = Array3::from_shape_fn((1, 2, 60_000), |_| 2.0 * normal());
    let embedding = Embedding { order: 3, lag: 2 };
    let of = |x: &Array3<f64>| covariances(x.view(), embedding, CovarianceEstimator::Cov, &ctx()).unwrap().index_axis_move(Axis(0), 0);
    all_close(&of(&noise), &(Array2::eye(6) * 4.0), 0.05);
    // Gamma(k) = A^k Gamma(0), Gamma(0) from the fixed point of Gamma = A Gamma A' + I.
    let a = array![[0.6, 0.2], [-0.3, 0.5]];
    let mut state = Array1::<f64>::zeros(2);
    let mut x = Array3::zeros((1, 2, 60_000));
    for t in 0..60_000 {
        state = a.dot(&state) + array![normal(), normal()];
        x.index_axis_mut(Axis(2), t).row_mut(0).assign(&state);
    }
    let gamma = (0..200).fold(Array2::eye(2), |gamma: Array2<f64>, _| a.dot(&gamma).dot(&a.t()) + Array2::<f64>::eye(2));
    let found = of(&x);
    // Row block q is ahead of block 0 by 2 q samples.
    let lagged = a.dot(&a).dot(&gamma);
    for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        close(found[[2 + i, j]], lagged[[i, j]], 0.06);
        close(found[[i, j]], gamma[[i, j]], 0.06);
    }
}

fn labels(y: &[usize]) -> Column {
    Column::Integer(y.iter().map(|&class| class as i64).collect())
}

fn quick(classifier: ClassifierKind, order: usize, lag: usize) -> AcmClassifier {
    AcmClassifier { classifier, order: Choice::Fixed(order), lag: Choice::Fixed(lag), ..AcmClassifier::default() }
}

fn small() -> Recording {
    oscillators(20, 300, 2.0, &mut ctx().stream(&[("small", 0)]))
}

#[test]
fn what_space_cannot_tell_apart_delays_can() {
    let data = oscillators(40, 500, 2.0, &mut ctx().stream(&[("data", 1)]));
    let (train, test): (Vec<usize>, Vec<usize>) = (0..80).partition(|i| i % 4 < 2);
    let (x, held) = (data.x.select(Axis(0), &train), data.x.select(Axis(0), &test));
    let truth: Vec<usize> = test.iter().map(|i| i % 2).collect();
    let auc = |params: AcmClassifier| {
        let model = params.fit(x.view(), &data.y.take(&train), None, &mut ctx()).unwrap().model;
        score(Scoring::Auto, &model.predict(held.view(), None, &ctx()).unwrap().scores, &truth)
    };
    for classifier in [ClassifierKind::Mdm, ClassifierKind::TangentSvm] {
        assert!(auc(quick(classifier, 4, 4)) > 0.9 && auc(quick(classifier, 1, 1)) < 0.75);
    }
}

#[test]
fn mixing_the_channels_changes_nothing_for_the_nearest_mean() {
    let data = small();
    let mixing = array![[1.0, 0.3, 0.0, -0.2], [0.1, 2.0, 0.4, 0.0], [0.0, -0.5, 0.7, 0.2], [0.3, 0.0, 0.1, 1.2]];
    let mut mixed = data.x.clone();
    mixed.outer_iter_mut().for_each(|mut epoch| {
        let image = mixing.dot(&epoch);
        epoch.assign(&image);
    });
    let judge = |x: &Array3<f64>| {
        let model = quick(ClassifierKind::Mdm, 3, 3).fit(x.view(), &data.y, None, &mut ctx()).unwrap().model;
        model.predict(x.view(), None, &ctx()).unwrap()
    };
    let (plain, turned) = (judge(&data.x), judge(&mixed));
    assert_eq!(plain.codes, turned.codes);
    all_close(&plain.scores, &turned.scores, 1e-5);
}

#[test]
fn names_of_classes_and_the_order_of_channels_do_not_matter() {
    let data = small();
    let named =
        Column::Text(data.y.to_labels().into_iter().map(|l| l.map(|l| if l == "0" { "feet".into() } else { "hand".to_owned() })).collect());
    let turned = data.x.select(Axis(1), &[2, 0, 3, 1]);
    let judge = |x: &Array3<f64>, y: &Column| {
        let model = quick(ClassifierKind::TangentSvm, 2, 4).fit(x.view(), y, None, &mut ctx()).unwrap().model;
        (model.predict(x.view(), None, &ctx()).unwrap(), model)
    };
    let ((plain, _), (other, model)) = (judge(&data.x, &data.y), judge(&turned, &named));
    assert_eq!(plain.codes, other.codes);
    all_close(&plain.scores, &other.scores, 1e-6);
    assert_eq!(model.classes().labels(), ["feet", "hand"]);
    assert_eq!(model.classes().column(&[1, 0]), Column::Text(vec![Some("hand".into()), Some("feet".into())]));
}

#[test]
fn a_search_finds_the_best_point_that_single_fits_find() {
    let data = small();
    let y: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let folds: Vec<usize> = (0..40).map(|i| (i / 2) % 4).collect();
    let partitions = Partition::of_folds(&folds, 4);
    let embeddings: Vec<Embedding> = [(1, 1), (1, 3), (3, 3), (2, 3), (2, 200)].map(|(order, lag)| Embedding { order, lag }).to_vec();
    let settings = vec![MachineSettings { c: 0.5, kernel: KernelKind::Linear }, MachineSettings { c: 1.0, kernel: KernelKind::Rbf }];
    let family = Family::TangentSvm(settings.clone());
    let search =
        Search { family: &family, classes: 2, estimator: EstimatorChoice::Cov, free: false, scoring: Scoring::Auto, tolerance: 1e-10 };
    let scores = score_partitions(data.x.view(), &y, &partitions, &embeddings, &search, &mut ctx()).unwrap();
    for (place, &embedding) in embeddings[..4].iter().enumerate() {
        for (setting, &machine) in settings.iter().enumerate() {
            for (part, partition) in partitions.iter().enumerate() {
                let recipe = Recipe { embedding, estimator: CovarianceEstimator::Cov };
                let stack = recipe.covariances(data.x.view(), &ctx()).unwrap();
                let (train, test) = (stack.select(Axis(0), &partition.train), stack.select(Axis(0), &partition.test));
                let centre = mean(Metric::AffineInvariant, train.view(), None, &MeanSettings::default(), &ctx()).unwrap().matrix;
                let space = Space::new(recipe, centre.view(), train.view(), &ctx()).unwrap();
                let own: Vec<usize> = partition.train.iter().map(|&i| y[i]).collect();
                let (fitted, _) = TangentMachine::fit(vec![space], &own, 2, machine, &ctx()).unwrap();
                let truth: Vec<usize> = partition.test.iter().map(|&i| y[i]).collect();
                let alone = score(Scoring::Auto, &fitted.scores(fitted.decisions(&[test.view()], &ctx()).unwrap().view()), &truth);
                close(scores.of(part, place, setting), alone, 1e-12);
            }
        }
    }
    assert!(scores.mean(4, 0).is_nan(), "200 samples twice do not fit 300");
    assert_eq!(scores.mean(0, 0), scores.mean(1, 0), "without copies the lag has no meaning");
}

#[test]
fn the_grid_is_searched_and_its_region_votes() {
    let data = small();
    let grid = AcmClassifier {
        order: Choice::By(Rule::Grid),
        lag: Choice::By(Rule::Grid),
        orders: vec![1, 3],
        lags: vec![2, 4, 400],
        inner_cv: 4,
        ..AcmClassifier::default()
    };
    for ensemble in [EnsembleKind::None, EnsembleKind::Vote, EnsembleKind::Kernel] {
        let mut context = ctx();
        let model = AcmClassifier { ensemble, ..grid.clone() }.fit(data.x.view(), &data.y, None, &mut context).unwrap().model;
        assert_eq!(model.grid().len(), 6);
        assert!(context.warnings()[0].starts_with("1 of 6 points of the grid were left out"), "{:?}", context.warnings());
        assert_eq!(model.embedding().order, 3);
        let found = model.predict(data.x.view(), None, &ctx()).unwrap();
        assert!(found.probabilities.outer_iter().all(|p| (p.sum() - 1.0).abs() < 1e-12));
        let right = found.codes.iter().enumerate().filter(|(i, code)| **code == i % 2).count();
        assert!(right >= 36, "{right} of 40 with {ensemble:?}");
        let again = AcmModel::from_state(model.to_state(), 1).unwrap().predict(data.x.view(), None, &ctx()).unwrap();
        assert_eq!((found.codes, found.scores), (again.codes, again.scores));
    }
    let point = |score| Point { order: 1, lag: 1, score };
    assert_eq!(region(&[point(0.9), point(0.892), point(0.88), point(f64::NAN)]).len(), 2);
}

#[test]
fn three_classes_are_told_apart() {
    let (x, y) = formula_with(0.2, (45, 3, 120), 3);
    for classifier in [ClassifierKind::Mdm, ClassifierKind::TangentSvm] {
        let model = quick(classifier, 2, 4).fit(x.view(), &labels(&y), None, &mut ctx()).unwrap().model;
        let found = model.predict(x.view(), None, &ctx()).unwrap();
        assert_eq!(found.scores.dim(), (45, 3));
        let right = found.codes.iter().zip(&y).filter(|(a, b)| a == b).count();
        assert!(right >= 36, "{right} of 45");
    }
}

#[test]
fn rules_without_labels_find_the_period() {
    // A noisy rhythm of period 37.3: independent coordinates lie a quarter of it apart.
    let x = Array3::from_shape_fn((2, 1, 600), |(n, _, t)| {
        let hashed = (12.9898 * t as f64 + 37.719 * n as f64).sin() * 43758.5453;
        (std::f64::consts::TAU * t as f64 / 37.3 + 0.3).sin() + 0.1 * (hashed - hashed.floor() - 0.5)
    });
    let chosen = ami_cao(x.view(), &ctx()).unwrap();
    assert!((5..=14).contains(&chosen.embedding.lag) && (2..=10).contains(&chosen.embedding.order), "{chosen:?}");
    let unified = mdop(x.view(), &ctx()).unwrap();
    let quarters = unified.delays[0] as f64 / (37.3 / 4.0);
    assert!((quarters - quarters.round()).abs() < 0.35 && quarters.round() % 2.0 == 1.0, "{unified:?}");
    assert_eq!(unified.embedding.order, unified.delays.len());
    assert_eq!(first_minimum(&[3.0, 2.0, 1.0, 1.5, 0.5, 0.9]), 2);
    assert_eq!(first_minimum(&[3.0, 2.0, 1.0]), 2);
    assert_eq!(first_saturated(&[0.5, 0.8, 0.96, 0.97, 0.9]), 3);
    assert_eq!(first_saturated(&[0.5, 0.6, 0.7]), 3);
    let short = ami_cao(Array3::zeros((1, 1, 20)).view(), &ctx()).unwrap_err().to_string();
    assert_eq!(short, "order and lag from the data need epochs of at least 64 samples, got 20; state order and lag");
}

#[test]
fn bad_input_is_named() {
    let data = small();
    let fails = |params: AcmClassifier, x: &Array3<f64>, y: &Column| params.fit(x.view(), y, None, &mut ctx()).err().unwrap().to_string();
    let mdm = || quick(ClassifierKind::Mdm, 1, 1);
    let far = fails(quick(ClassifierKind::Mdm, 10, 40), &data.x.select(Axis(2), &(0..250).collect::<Vec<_>>()), &data.y);
    assert_eq!(far, "order 10 and lag 40 need more than 401 samples; the epochs have 250; lower order or lag, or cut longer epochs");
    let mut x = data.x.clone();
    x[[3, 2, 7]] = f64::INFINITY;
    assert_eq!(
        fails(mdm(), &x, &data.y),
        "X contains inf in trial 3, channel 2; every sample must be finite; drop or repair such trials first"
    );
    let mut x = data.x.clone();
    x.index_axis_mut(Axis(1), 1).fill(0.5);
    assert_eq!(fails(mdm(), &x, &data.y), "channel 1 is constant in every trial; drop it: a flat channel has no covariance");
    let mut x = data.x.clone();
    let sum = -(&x.index_axis(Axis(1), 0) + &x.index_axis(Axis(1), 1) + x.index_axis(Axis(1), 2));
    x.index_axis_mut(Axis(1), 3).assign(&sum);
    let message = fails(mdm(), &x, &data.y);
    assert!(message.starts_with("the covariance of trial 0 is not positive definite (smallest eigenvalue "), "{message}");
    assert!(message.contains("4 embedded channels from 300 samples; use estimator='lwf' or a lower order"), "{message}");
    assert_eq!(fails(mdm(), &data.x, &Column::Integer(vec![4; 40])), "a classifier needs at least 2 classes, got one class: 4");
    assert_eq!(fails(mdm(), &data.x, &Column::Integer(vec![0; 3])), "X and y must have the same number of rows, got 40 and 3");
    let rare = Column::Text((0..40).map(|i| Some(if i < 3 { "rare" } else { "often" }.to_owned())).collect());
    assert_eq!(
        fails(quick(ClassifierKind::TangentSvm, 1, 1), &data.x, &rare),
        "class rare has 3 trials, fewer than the 5 folds of inner_cv; lower inner_cv, or record more trials"
    );
    assert_eq!(
        fails(quick(ClassifierKind::Mdm, 0, 1), &data.x, &data.y),
        "parameter 'order' must be a whole number >= 1, or one of 'grid', 'ami_cao', 'mdop', got 0"
    );
    let band = AcmClassifier { band: Some(vec![8.0, 35.0]), ..mdm() };
    assert_eq!(fails(band, &data.x, &data.y), "a band-pass needs the sampling rate; give sfreq (--sfreq), or leave out band");
    let three = AcmClassifier { scoring: Scoring::RocAuc, ..mdm() };
    let y = Column::Integer((0..40).map(|i| i % 3).collect());
    assert!(fails(three, &data.x, &y).starts_with("parameter 'scoring' must be 'auto' or 'accuracy' with more than two classes"));
    let mixed = AcmClassifier { order: Choice::By(Rule::Mdop), lag: Choice::By(Rule::Grid), ..mdm() };
    assert!(fails(mixed, &data.x, &data.y).starts_with("parameter 'lag' must be the same rule as 'order'"));
    let narrow = condition_numbers(Array3::zeros((1, 2, 2)).view(), 9).unwrap_err().to_string();
    assert!(narrow.contains("trial 0 is not positive definite"), "{narrow}");
}

#[test]
fn evaluation_compares_pipelines_over_sessions_and_subjects() {
    let mut x = Vec::new();
    for seed in 0..2 {
        x.push(oscillators(20, 250, 3.0, &mut ctx().stream(&[("subject", seed)])).x);
    }
    let x = ndarray::concatenate(Axis(0), &[x[0].view(), x[1].view()]).unwrap();
    let text = |of: fn(usize) -> String| Column::Text((0..80).map(|i| Some(of(i))).collect());
    let data = Recordings {
        x: x.view(),
        y: Column::Integer((0..80).map(|i| i % 2).collect()),
        session: Some(text(|i| format!("s{}", (i / 20) % 2))),
        subject: Some(text(|i| format!("p{}", i / 40))),
        sfreq: None,
    };
    let all = [
        Pipeline::AcmMdm,
        Pipeline::AcmTangentSvm,
        Pipeline::Mdm,
        Pipeline::TangentSvm,
        Pipeline::CspLda,
        Pipeline::CovEn,
        Pipeline::Fgmdm,
    ];
    for (scheme, n_splits) in [(Scheme::WithinSession, 2), (Scheme::CrossSession, 5)] {
        let settings = Evaluation {
            scheme,
            n_splits,
            inner_cv: 2,
            order: Choice::Fixed(3),
            lag: Choice::Fixed(4),
            pipelines: Some(all.to_vec()),
            ..Evaluation::default()
        };
        let found = settings.evaluate(&data, &mut ctx()).unwrap();
        assert_eq!((found.scores.n_rows(), found.summary.n_rows()), (28, 7));
        let means = found.summary.numbers("mean").unwrap();
        assert!(means.iter().all(|mean| (0.0..=1.0).contains(mean)), "{means}");
        assert_eq!(found.tests.unwrap().n_rows(), 42);
    }
    let one = Evaluation { scheme: Scheme::CrossSession, ..Evaluation::default() };
    let alone = Recordings { session: None, ..data };
    let message = one.evaluate(&alone, &mut ctx()).err().unwrap().to_string();
    assert_eq!(
        message,
        "subject p0 has one session; across sessions at least 2 are needed; give 'session', or use scheme='within_session'"
    );
}

#[test]
fn selection_on_the_scored_folds_is_never_below_one_point_of_the_grid() {
    let data = small();
    let recordings = || Recordings { x: data.x.view(), y: data.y.clone(), session: None, subject: None, sfreq: Some(250.0) };
    let score = |settings: Evaluation| {
        let found = settings.evaluate(&recordings(), &mut ctx()).unwrap().summary.numbers("mean").unwrap();
        found[0]
    };
    let base = Evaluation {
        pipelines: Some(vec![Pipeline::AcmMdm]),
        selection: Selection::SameFolds,
        orders: vec![1, 2],
        lags: vec![2, 5],
        ..Evaluation::default()
    };
    let best = score(Evaluation { order: Choice::By(Rule::Grid), lag: Choice::By(Rule::Grid), ..base.clone() });
    for (order, lag) in [(1, 2), (2, 2), (2, 5)] {
        assert!(best >= score(Evaluation { order: Choice::Fixed(order), lag: Choice::Fixed(lag), ..base.clone() }) - 1e-12);
    }
}

#[test]
fn the_generator_has_unit_variances_and_moves_only_two_sources() {
    let data = oscillators(30, 500, 1.0, &mut ctx().stream(&[("data", 3)]));
    assert_eq!((data.x.dim(), data.sfreq), ((60, 4, 500), 250.0));
    // The mean covariance is A A' + 0.09 I for both classes.
    let stack = covariances(data.x.view(), Embedding::NONE, CovarianceEstimator::Cov, &ctx()).unwrap();
    let trace = |class: usize| (0..60).filter(|i| i % 2 == class).map(|i| stack.index_axis(Axis(0), i).diag().sum()).sum::<f64>() / 30.0;
    assert!((trace(0) / trace(1) - 1.0).abs() < 0.1, "{} and {}", trace(0), trace(1));
    let kept = with_labels(&Recording { y: Column::Text((0..60).map(|i| Some(format!("c{}", i % 3))).collect()), ..data }, &["c0", "c2"]);
    assert_eq!(kept.x.dim().0, 40);
}

#[test]
fn a_table_of_one_column_is_a_list_of_labels() {
    let table = Table::new().with("a", Column::Bool(vec![true, false])).and_then(|t| t.with("b", Column::Bool(vec![true, false]))).unwrap();
    assert_eq!(elinvar_data::classes::only_column(&table, "y").unwrap_err().to_string(), "'y' must be one column, got 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_embedding_from_sums_is_that_of_the_definition(order in 1_usize..6, lag in 1_usize..12, length in 12_usize..90, d in 1_usize..4) {
        let (x, _) = formula(2, d, length, 2);
        let embedding = Embedding { order, lag };
        let sums = lagged_sums(x.view(), lag, order, &ctx()).unwrap();
        match embedding.samples(length) {
            None => prop_assert!(from_sums(&sums, order, CovarianceEstimator::Cov, &ctx()).is_err()),
            Some(samples) => {
                prop_assert_eq!(embedding.augment(x.index_axis(Axis(0), 0)).unwrap().dim(), (d * order, samples));
                let fast = from_sums(&sums, order, CovarianceEstimator::Cov, &ctx()).unwrap();
                let plain = covariances(x.view(), embedding, CovarianceEstimator::Cov, &ctx()).unwrap();
                let scale = plain.iter().fold(1.0_f64, |a, b| a.max(b.abs()));
                for (a, b) in fast.iter().zip(&plain) {
                    prop_assert!((a - b).abs() <= 1e-10 * scale, "{} against {}", a, b);
                }
            }
        }
    }

    #[test]
    fn probabilities_do_not_depend_on_threads(seed in 0_u64..8) {
        let data = oscillators(8, 200, 3.0, &mut Context::new(seed).stream(&[("data", 0)]));
        let run = |threads| {
            let mut context = Context::new(seed).with_threads(threads);
            let params = AcmClassifier { inner_cv: 2, ..quick(ClassifierKind::TangentSvm, 3, 3) };
            let model = params.fit(data.x.view(), &data.y, None, &mut context).unwrap().model;
            model.predict(data.x.view(), None, &context).unwrap().probabilities
        };
        prop_assert_eq!(run(1), run(2));
    }
}

#[test]
fn comparisons_of_data_sets_are_combined() {
    let text = |cells: [&str; 4]| Column::Text(cells.iter().map(|cell| Some((*cell).to_owned())).collect());
    let table = |p: f64| {
        Table::new()
            .with("better", text(["acm", "plain", "acm", "plain"]))
            .and_then(|t| t.with("than", text(["plain", "acm", "plain", "acm"])))
            .and_then(|t| t.with("n_subjects", Column::Integer(vec![9, 9, 16, 16])))
            .and_then(|t| t.with("difference", Column::Number(vec![0.05, -0.05, 0.01, -0.01])))
            .and_then(|t| t.with("p_value", Column::Number(vec![p, 0.99, 0.2, 0.8])))
            .unwrap()
    };
    let found = combine_tests(&table(0.01)).unwrap();
    assert_eq!(found.numbers("n_subjects").unwrap().to_vec(), [25.0, 25.0]);
    assert!((found.numbers("difference").unwrap()[0] - (0.05 * 9.0 + 0.01 * 16.0) / 25.0).abs() < 1e-15);
    // scipy.stats.combine_pvalues([.01, .2], method="stouffer", weights=[3, 4]).
    let p = found.numbers("p_value").unwrap();
    assert!((p[0] - 0.019_268_084).abs() < 1e-8, "{p}");
    assert!((p[0] + p[1] - 1.0).abs() < 1e-12, "the two directions are complements when their parts are");
    assert_eq!(found.numbers("p_bonferroni").unwrap()[0], 2.0 * p[0]);
    let message = combine_tests(&table(0.0)).unwrap_err().to_string();
    assert_eq!(message, "'p_value' must be in (0, 1], got 0 in row 0");
}
