//! Selection, missing cells, invariances, files and bad input. The estimators themselves are tested where they live.

use super::*;
use elinvar_core::random::stream;
use elinvar_core::{Bundle, Cancel};
use elinvar_data::{TensorData, write_array};
use elinvar_math::validation::roc_auc;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

fn data(seed: u64) -> Generated {
    generate(120, 30, 4, Effect { nonlinear: false, binary: false }, &mut stream(seed, &[("test", 0)])).unwrap()
}

fn fit(screener: &MutualInfoScreener, x: &Array2<f64>, y: &Array1<f64>) -> Screen {
    screener.fit(x.view(), y.view(), &mut Context::new(0)).unwrap()
}

fn message(screener: &MutualInfoScreener, x: &Array2<f64>, y: &Array1<f64>) -> String {
    screener.fit(x.view(), y.view(), &mut Context::new(0)).unwrap_err().to_string()
}

fn by(estimator: Estimator) -> MutualInfoScreener {
    MutualInfoScreener { estimator, ..MutualInfoScreener::default() }
}

const ALL: [Estimator; 4] = [Estimator::Fftkde, Estimator::Binning, Estimator::Knn, Estimator::Pearson];

#[test]
fn linear_effects_are_found_by_every_estimator() {
    let data = data(1);
    let x = data.x.t().to_owned();
    for estimator in ALL {
        let screen = fit(&by(estimator), &x, &data.y);
        let area = roc_auc(&screen.scores().to_vec(), &data.truth);
        assert!(area > 0.75, "{estimator:?}: {area}");
        // ceil(120 / ln 120) = 26 of 30 are kept by default.
        assert_eq!(screen.selected().len(), 26);
    }
}

#[test]
fn selection_rules() {
    let data = data(2);
    let x = data.x.t().to_owned();
    let keep = |n_features_to_select, threshold| {
        fit(&MutualInfoScreener { n_features_to_select, threshold, ..MutualInfoScreener::default() }, &x, &data.y)
    };
    let five = keep(Some(Amount::Count(5)), None);
    assert_eq!(five.selected().len(), 5);
    assert_eq!(keep(Some(Amount::Share(0.1)), None).selected(), &five.selected()[..3]);
    assert_eq!(keep(Some(Amount::Count(1000)), None).selected().len(), 30);
    let bar = five.scores()[five.selected()[4]];
    assert_eq!(keep(None, Some(bar)).selected(), five.selected());
    assert_eq!(keep(Some(Amount::Count(2)), Some(bar)).selected(), &five.selected()[..2]);
    let reduced = five.transform(x.view()).unwrap();
    let mut order = five.selected().to_vec();
    order.sort_unstable();
    assert_eq!(reduced, x.select(Axis(1), &order));
    assert!(five.transform(x.slice_axis(Axis(1), (0..4).into())).unwrap_err().to_string().contains("X has 4 features"));
    assert!(five.table().unwrap().numbers("score").unwrap().windows(2).into_iter().all(|w| w[0] >= w[1]));
}

#[test]
fn clumping_drops_copies() {
    let data = data(3);
    let mut x = data.x.t().to_owned();
    let best = fit(&MutualInfoScreener::default(), &x, &data.y).selected()[0];
    let copy = (best + 7) % 30;
    let values = x.column(best).mapv(|v| 2.0 * v + 1.0);
    x.column_mut(copy).assign(&values);
    let plain = MutualInfoScreener { n_features_to_select: Some(Amount::Count(3)), ..MutualInfoScreener::default() };
    let kept = fit(&plain, &x, &data.y).selected().to_vec();
    assert!(kept.contains(&best) && kept.contains(&copy));
    let clumped = fit(&MutualInfoScreener { clump_threshold: Some(0.08), ..plain }, &x, &data.y).selected().to_vec();
    assert!(clumped.contains(&best.min(copy)) && !clumped.contains(&best.max(copy)) && clumped.len() == 3, "{clumped:?}");
}

#[test]
fn missing_cells_are_left_out_for_each_variable() {
    let data = data(4);
    let mut x = data.x.t().to_owned();
    (0..20).for_each(|row| x[[row, 3]] = f64::NAN);
    x.column_mut(5).fill(f64::NAN);
    x.column_mut(6).fill(2.0);
    for estimator in ALL {
        let mut ctx = Context::new(0);
        let screen = by(estimator).fit(x.view(), data.y.view(), &mut ctx).unwrap();
        assert!(ctx.warnings().iter().any(|w| w == "1 variable(s) have no values; their score is NaN"));
        assert!(screen.scores()[5].is_nan() && screen.scores()[6] == 0.0);
        let rows: Vec<usize> = (20..120).collect();
        let pair = Pair { x: x.column(3).select(Axis(0), &rows), y: data.y.select(Axis(0), &rows) };
        let params = MutualInformation { estimator, ..MutualInformation::default() };
        let alone = information(&params, &pair, &Context::new(0)).unwrap();
        assert!((screen.scores()[3] - alone).abs() < 1e-6, "{estimator:?}");
        assert_eq!(screen.selected().iter().find(|j| **j == 5), None);
    }
}

#[test]
fn binary_outcomes_and_genotypes() {
    let data = generate(400, 60, 5, Effect { nonlinear: true, binary: true }, &mut stream(5, &[("test", 0)])).unwrap();
    let mut x = data.x.t().to_owned();
    // A genotype that follows the outcome, in a column of its own.
    let genotype = Array1::from_shape_fn(400, |i| if data.y[i] == 1.0 { [1.0, 2.0][i % 2] } else { [0.0, 1.0][i % 2] });
    x.column_mut(0).assign(&genotype);
    for estimator in ALL {
        let screen = fit(&by(estimator), &x, &data.y);
        assert_eq!(screen.selected()[0], 0, "{estimator:?}");
        let labels = data.y.mapv(|v| 7.0 - 3.0 * v);
        let turned = fit(&by(estimator), &x, &labels);
        assert!(screen.scores().iter().zip(turned.scores()).all(|(a, b)| (a - b).abs() < 1e-9), "{estimator:?}");
        if estimator != Estimator::Pearson {
            assert!(screen.scores().iter().all(|s| *s <= 2.0_f64.ln() + 1e-12));
        }
    }
}

#[test]
fn permutations_tell_signal_from_chance() {
    let data = generate(200, 40, 2, Effect { nonlinear: false, binary: false }, &mut stream(6, &[("test", 0)])).unwrap();
    let x = data.x.t().to_owned();
    for estimator in ALL {
        let screener = MutualInfoScreener { n_permutations: 20, ..by(estimator) };
        let screen = fit(&screener, &x, &data.y);
        let attributes = elinvar_core::Model::attributes(&screen);
        let (p, q) = (attributes.vector("p_values").unwrap(), attributes.vector("q_values").unwrap());
        let family = attributes.vector("p_values_family").unwrap();
        let best = screen.selected()[0];
        assert!(data.truth[best] && q[best] < 0.1 && family[best] < 0.05, "{estimator:?}: {} {}", q[best], family[best]);
        assert!(p.iter().zip(&q).all(|(p, q)| *q > p - 1e-12));
        assert!(p.iter().zip(&data.truth).filter(|(p, t)| !**t && **p > 0.1).count() > 20);
    }
}

#[test]
fn results_do_not_depend_on_threads_or_blocks() {
    let data = data(7);
    let x = data.x.t().to_owned();
    for estimator in ALL {
        let run =
            |threads| by(estimator).fit(x.view(), data.y.view(), &mut Context::new(3).with_threads(threads)).unwrap().scores().clone();
        assert_eq!(run(1), run(2));
        let screening = Screening::new(&by(estimator), data.y.view(), &Context::new(3)).unwrap();
        let name = |j: usize| format!("{j}");
        let mut pieces = screening.score(data.x.slice_axis(Axis(0), (0..8).into()), 0, &name, &Context::new(3)).unwrap();
        pieces.append(screening.score(data.x.slice_axis(Axis(0), (8..30).into()), 8, &name, &Context::new(3)).unwrap());
        assert_eq!(Array1::from_vec(pieces.scores), run(1));
    }
}

#[test]
fn a_file_gives_the_scores_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(8);
    let mut table = Array2::zeros((120, 31));
    table.slice_axis_mut(Axis(1), (0..30).into()).assign(&data.x.t());
    table.column_mut(30).assign(&data.y);
    let single = table.mapv(|v: f64| v as f32);
    let path = folder.path().join("wide.npy");
    write_array(&path, &TensorData::F32(single.clone().into_dyn())).unwrap();
    let x = single.slice_axis(Axis(1), (0..30).into()).mapv(f64::from);
    let y = single.column(30).mapv(f64::from);
    let memory = fit(&MutualInfoScreener::default(), &x, &y);
    let checkpoint = folder.path().join("part.npz");
    let params = FileScreener {
        target: Some("x30".into()),
        chunk: 7,
        checkpoint: Some(checkpoint.display().to_string()),
        ..FileScreener::default()
    };
    let screen = screen_file(&params, &path, None, &mut Context::new(0)).unwrap();
    assert_eq!((screen.scores(), screen.selected()), (memory.scores(), memory.selected()));
    assert!(!checkpoint.exists());
    // Cancelled after the first chunk, it goes on from there to the same scores.
    let cancel = Cancel::default();
    struct Stop(Cancel);
    impl elinvar_core::ProgressSink for Stop {
        fn report(&self, progress: &elinvar_core::Progress<'_>) {
            if progress.step >= 14 {
                self.0.cancel();
            }
        }
    }
    let sink = std::sync::Arc::new(Stop(cancel.clone()));
    let stopped = screen_file(&params, &path, None, &mut Context::new(0).with_cancel(cancel).with_progress(sink));
    assert!(stopped.is_err() && checkpoint.exists());
    let other = FileScreener { screener: by(Estimator::Binning), ..params.clone() };
    let error = screen_file(&other, &path, None, &mut Context::new(0)).unwrap_err().to_string();
    assert!(error.ends_with("this checkpoint is of another screening; delete it, or name another file"), "{error}");
    let resumed = screen_file(&params, &path, None, &mut Context::new(0)).unwrap();
    assert_eq!(resumed.scores(), memory.scores());
    let given = FileScreener { columns: Some(vec!["x2".into(), "x0".into()]), ..FileScreener::default() };
    let two = screen_file(&given, &path, Some(y.view()), &mut Context::new(0)).unwrap();
    assert_eq!(two.names(), ["x0", "x2"]);
    assert!((two.scores()[1] - memory.scores()[2]).abs() < 1e-10);
}

#[test]
fn files_that_cannot_be_screened_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "age,v1,name\n1,2,x\n2,1,y\n3,5,z\n4,4,w\n5,1,v\n").unwrap();
    let run = |params: FileScreener| screen_file(&params, &path, None, &mut Context::new(0)).unwrap_err().to_string();
    let of = |target: &str| FileScreener { target: Some(target.into()), ..FileScreener::default() };
    assert!(run(of("age")).ends_with("column 'name' must hold numbers, got text; leave it out, or code it as numbers"));
    assert!(run(of("aje")).ends_with("there is no column 'aje'; did you mean 'age'?"));
    assert_eq!(run(FileScreener::default()), "the outcome is missing; name its column (target), or give it as y");
    let params = FileScreener { checkpoint: Some("part.txt".into()), ..FileScreener::default() };
    let error = Checked::new(params).unwrap_err().to_string();
    assert_eq!(error, "parameter 'checkpoint' must be a file name that ends with .npz, got part.txt");
}

#[test]
fn bad_input_is_named() {
    let data = data(9);
    let x = data.x.t().to_owned();
    let screener = MutualInfoScreener::default();
    let few = x.slice_axis(Axis(0), (0..3).into()).to_owned();
    assert_eq!(message(&screener, &few, &array![1.0, 2.0, 3.0]), "screening needs at least 4 complete rows; the outcome has 3 sample(s)");
    assert_eq!(message(&screener, &x, &Array1::ones(120)), "the outcome y is constant; there is nothing to screen for: check the column");
    let mut holes = x.clone();
    (2..120).for_each(|row| holes[[row, 3]] = f64::NAN);
    assert_eq!(
        message(&screener, &holes, &data.y),
        "screening needs at least 4 complete rows; column 'x3' has 2; fill its missing values, or leave it out"
    );
    let mut infinite = x.clone();
    infinite[[7, 2]] = f64::INFINITY;
    assert!(message(&screener, &infinite, &data.y).starts_with("column 'x2' contains an infinite value at row 7"));
    let binary = MutualInfoScreener { outcome: Outcome::Binary, ..screener.clone() };
    let six = Array1::from_shape_fn(120, |i| (i % 6) as f64);
    assert_eq!(
        message(&binary, &x, &six),
        "a binary outcome must have two values, got 6: 0, 1, 2, 3, 4, ...; set outcome to 'continuous', or code it as 0 and 1"
    );
    assert!(message(&screener, &x, &Array1::ones(5)).contains("y must have 120 rows like X, got 5"));
    let none = Array2::zeros((120, 0));
    assert!(message(&screener, &none, &data.y).contains("X must have at least 1 variable"));
    let wrong = |text: &str| {
        let values: serde_json::Value = serde_json::from_str(text).unwrap();
        Checked::<MutualInfoScreener>::from_json(values.as_object().unwrap()).unwrap_err().to_string()
    };
    for text in [
        r#"{"n_features_to_select": 0}"#,
        r#"{"n_features_to_select": 1.5}"#,
        r#"{"bandwidth": 0.0}"#,
        r#"{"bandwidth": "silvermann"}"#,
        r#"{"kernel": "epan"}"#,
        r#"{"threshold": -1.0}"#,
        r#"{"grid_sise": 64}"#,
    ] {
        let error = wrong(text);
        assert!(error.contains("parameter") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn bandwidths_and_combinations() {
    let data = data(10);
    let name = |j: usize| format!("x{j}");
    let params = BandwidthChoice { bandwidths: vec![0.05, 1.0], n_splits: 2, ..BandwidthChoice::default() };
    let found = choose_bandwidth(&params, data.x.view(), data.y.view(), &name, &mut Context::new(0)).unwrap();
    assert_eq!(found.bandwidth, 1.0);
    assert!(found.stability[1] > found.stability[0] && found.stability[1] > 0.3, "{found:?}");
    let one = Combination { estimators: vec![Estimator::Pearson], ..Combination::default() };
    let points = borda(&one, data.x.view(), data.y.view(), &name, &mut Context::new(0)).unwrap();
    let alone = fit(&by(Estimator::Pearson), &data.x.t().to_owned(), &data.y);
    assert_eq!(ranking(&points), ranking(&alone.scores().to_vec()));
    assert_eq!(points.iter().sum::<f64>(), 30.0 * 29.0 / 2.0);
}

#[test]
fn models_survive_their_state() {
    let data = data(11);
    let screener = MutualInfoScreener { n_permutations: 2, ..by(Estimator::Binning) };
    let screen = fit(&screener, &data.x.t().to_owned(), &data.y);
    let again = <Screen as elinvar_core::Model>::from_state(elinvar_core::Model::to_state(&screen), 1).unwrap();
    assert_eq!(again.table().unwrap(), screen.table().unwrap());
    let mut state = elinvar_core::Model::to_state(&screen);
    state.arrays = Bundle::new().with("scores", vec![1.0]).with("n_used_rows", array![1_i64]).with("ranking", array![0_i64]);
    assert!(<Screen as elinvar_core::Model>::from_state(state, 1).is_err());
}

#[test]
fn independent_normals_have_little_information() {
    let mut random = stream(12, &[("test", 0)]);
    let data = generate(2000, 2, 1, Effect { nonlinear: false, binary: false }, &mut random).unwrap();
    let other = generate(2000, 2, 1, Effect { nonlinear: false, binary: false }, &mut random).unwrap();
    let pair = Pair { x: data.x.row(0).to_owned(), y: other.x.row(0).to_owned() };
    let of = |params: MutualInformation| information(&params, &pair, &Context::new(0)).unwrap();
    assert!(of(MutualInformation::default()) < 0.004);
    assert!(of(MutualInformation { bandwidth: Bandwidth::Rule(BandwidthName::Silverman), ..MutualInformation::default() }) < 0.03);
    assert!(of(MutualInformation { estimator: Estimator::Knn, ..MutualInformation::default() }) < 0.06);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Affine maps of the variables, and the order of the rows, change nothing.
    #[test]
    fn scores_are_invariant(seed in 0_u64..1000, factor in 0.01_f64..100.0, shift in -10.0_f64..10.0) {
        let data = data(seed);
        let x = data.x.t().to_owned();
        let moved = x.mapv(|v| shift - factor * v);
        let reversed: Vec<usize> = (0..120).rev().collect();
        for estimator in ALL {
            let scores = fit(&by(estimator), &x, &data.y).scores().clone();
            for (x, y) in [(moved.clone(), data.y.mapv(|v| 3.0 * v - shift)), (x.select(Axis(0), &reversed), data.y.select(Axis(0), &reversed))] {
                let again = fit(&by(estimator), &x, &y).scores().clone();
                // Equal-width bins may move a value that lies on a border by rounding.
                let tolerance = if estimator == Estimator::Binning { 0.05 } else { 1e-8 };
                for (a, b) in scores.iter().zip(&again) {
                    prop_assert!((a - b).abs() < tolerance, "{estimator:?}: {a} against {b}");
                }
            }
        }
    }
}
