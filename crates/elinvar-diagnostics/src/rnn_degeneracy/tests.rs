//! Closed forms, dsa-metric and SciPy, exact matchings, tasks, training, import, bad input.

use super::algorithm::alignment::{Spectra, align, determinant_sign, norm};
use super::algorithm::matching::{Weights, match_units};
use super::algorithm::operator::Embedding;
use super::algorithm::scaling::scaling;
use super::algorithm::spectrum::wasserstein;
use super::*;
use elinvar_core::random::stream;
use elinvar_core::{Checked, Context, Model, Status};
use elinvar_math::linalg::{eigen, orthonormal_basis, product};
use elinvar_nn::Network;
use ndarray::{Array2, Array3, Axis, array};
use proptest::prelude::*;
use rand_distr::{Distribution, StandardNormal};

fn ctx() -> Context {
    Context::new(3).with_threads(1)
}

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}");
}

fn normal(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut random = stream(seed, &[("normal", 0)]);
    Array2::from_shape_simple_fn((rows, columns), || StandardNormal.sample(&mut random))
}

/// An orthogonal matrix of this determinant.
fn orthogonal(n: usize, determinant: f64, seed: u64) -> Array2<f64> {
    let mut basis = orthonormal_basis(normal(n, n, seed).view()).unwrap();
    if determinant_sign(basis.view()) != determinant {
        basis.column_mut(0).mapv_inplace(|v| -v);
    }
    basis
}

fn aligned(a: &Array2<f64>, b: &Array2<f64>) -> super::algorithm::alignment::Alignment {
    align(a.view(), b.view(), DegeneracyAnalysis::default().n_starts, &mut stream(0, &[])).unwrap()
}

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The trajectories of `reference.py`.
fn states(k: usize) -> Array3<f64> {
    Array3::from_shape_fn((5, 40, 6), |(r, t, i)| {
        let (k, r, t, i) = (k as f64, r as f64, t as f64, i as f64);
        ((0.21 * (k + 1.0) * t / (1.0 + 0.3 * i) + 0.9 * r * (i + 1.0)).sin() + 0.3 * (0.05 * t * (i + 1.0 + k) + r).cos()).tanh()
    })
}

fn embedding(n_delays: usize, rank: Option<usize>) -> Embedding {
    Embedding { n_delays, delay_interval: 1, rank, lam: 1e-8 }
}

#[test]
fn operators_and_distances_are_those_of_dsa_metric() {
    let reference = reference();
    for case in reference["operators"].as_array().unwrap() {
        let of = |name: &str| case[name].as_u64().unwrap() as usize;
        let operator = embedding(of("n_delays"), Some(of("rank"))).operator(states(of("k")).view()).unwrap();
        let mut moduli: Vec<f64> = eigen(operator.matrix.view()).unwrap().values.iter().map(|v| v[0].hypot(v[1])).collect();
        moduli.sort_by(f64::total_cmp);
        // The peer works in single precision.
        moduli.iter().zip(case["moduli"].as_array().unwrap()).for_each(|(got, expected)| close(*got, expected.as_f64().unwrap(), 2e-4));
    }
    for case in reference["distances"].as_array().unwrap() {
        let of = |name: &str| case[name].as_u64().unwrap() as usize;
        let operator = |k| embedding(of("n_delays"), Some(of("rank"))).operator(states(k).view()).unwrap().matrix;
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            let (found, peer) = (aligned(&operator(i), &operator(j)), case["matrix"][i][j].as_f64().unwrap());
            // Its search may end early, ours must not be above it.
            assert!(found.distance < peer + 1e-3, "{} against {peer}", found.distance);
            assert!(found.least_distance() <= found.distance + 1e-12);
        }
    }
}

#[test]
fn two_by_two_operators_have_a_closed_form() {
    let (a, b) = (array![[0.9, 0.3], [-0.1, 0.5]], array![[0.2, -0.4], [0.6, 0.8]]);
    let found = aligned(&a, &b);
    close(found.distance, 0.4843815, 1e-7);
    close(found.angle(), 0.4892464, 1e-7);
    let (x, y) = (norm(a.view()), norm(b.view()));
    close((x * x + y * y - 2.0 * x * y * found.cosine).sqrt(), 0.5264573, 1e-7);
    // In two dimensions the bound is attained.
    close(found.least_distance(), found.distance, 1e-7);
    for seed in 0..40 {
        let (a, b) = (normal(2, 2, seed), normal(2, 2, seed + 1000));
        let parts = |m: &Array2<f64>| {
            let (trace, turn) = (0.5 * (m[[0, 0]] + m[[1, 1]]), 0.5 * (m[[1, 0]] - m[[0, 1]]));
            (trace, turn.abs(), (0.5 * (m[[0, 0]] - m[[1, 1]])).hypot(0.5 * (m[[0, 1]] + m[[1, 0]])))
        };
        let ((a1, b1, s1), (a2, b2, s2)) = (parts(&a), parts(&b));
        let best = 2.0 * (a1 * a2 + b1 * b2 + s1 * s2) / (norm(a.view()) * norm(b.view()));
        close(aligned(&a, &b).cosine, best, 1e-10);
    }
}

#[test]
fn equal_dynamics_are_found_equal() {
    for n in [3, 8, 20] {
        for (seed, determinant) in [(1, 1.0), (2, -1.0), (3, 1.0)] {
            let a = normal(n, n, seed) * 0.5;
            let c = orthogonal(n, determinant, seed + 50);
            let b = product(product(c.view(), a.view()).unwrap().view(), c.t()).unwrap();
            let found = aligned(&a, &b);
            assert!(found.distance < 1e-5, "{n} {determinant}: {}", found.distance);
            let gram = product(found.orthogonal.view(), found.orthogonal.t()).unwrap() - Array2::<f64>::eye(n);
            assert!(norm(gram.view()) < 1e-9);
        }
    }
}

#[test]
fn symmetric_and_skew_operators_are_compared_by_their_spectra() {
    for seed in 0..5 {
        let (x, y) = (normal(7, 7, seed), normal(7, 7, seed + 9));
        for sign in [1.0, -1.0] {
            let [a, b] = [&x, &y].map(|m| m + &(m.t().to_owned() * sign));
            let best = Spectra::of(a.view()).unwrap().bound(&Spectra::of(b.view()).unwrap()) / (norm(a.view()) * norm(b.view()));
            close(aligned(&a, &b).cosine, best, 1e-8);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn distances_are_symmetric_and_obey_the_triangle(seed in 0..10_000_u64) {
        let [a, b, c] = [0, 1, 2].map(|k| normal(5, 5, 3 * seed + k));
        let of = |x: &Array2<f64>, y: &Array2<f64>| align(x.view(), y.view(), 12, &mut stream(0, &[])).unwrap().distance;
        let (ab, bc, ac) = (of(&a, &b), of(&b, &c), of(&a, &c));
        prop_assert_eq!(ab, of(&b, &a));
        prop_assert!(ac <= ab + bc + 1e-6);
        prop_assert!(aligned(&a, &b).least_distance() <= ab + 1e-9);
    }

    #[test]
    fn matchings_of_few_units_are_the_best(seed in 0..10_000_u64) {
        let (a, b) = (normal(5, 5, 2 * seed), normal(5, 5, 2 * seed + 1));
        let found = match_units(a.view(), b.view(), 6, &mut stream(0, &[]), &ctx()).unwrap();
        let of = |p: &[usize]| a.indexed_iter().map(|((i, j), v)| (v - b[[p[i], p[j]]]).powi(2)).sum::<f64>().sqrt();
        let best = permutations(5).iter().map(|p| of(p)).fold(f64::INFINITY, f64::min);
        prop_assert!((found.distance - of(&found.permutation)).abs() < 1e-12);
        prop_assert!(found.distance <= best + 1e-9, "{} against {best}", found.distance);
        prop_assert!(found.least_distance <= best + 1e-9);
    }
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    shorter
        .iter()
        .flat_map(|p| {
            (0..n).map(move |place| {
                let mut q = p.clone();
                q.insert(place, n - 1);
                q
            })
        })
        .collect()
}

#[test]
fn permuted_networks_are_matched_exactly() {
    for n in [5, 8, 32, 64] {
        for gates in [1, 3] {
            let w = normal(gates * n, n, n as u64);
            let mut order: Vec<usize> = (0..n).collect();
            rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut stream(4, &[]));
            let permuted = Array2::from_shape_fn((gates * n, n), |(i, j)| w[[i / n * n + order[i % n], order[j]]]);
            let found = match_units(permuted.view(), w.view(), 4, &mut stream(0, &[]), &ctx()).unwrap();
            assert_eq!((found.distance, &found.permutation), (0.0, &order), "{n} {gates}");
        }
    }
}

#[test]
fn matchings_are_at_least_as_good_as_scipys_and_as_doing_nothing() {
    for case in reference()["matchings"].as_array().unwrap() {
        let n = case["n"].as_u64().unwrap() as usize;
        let wave = |phase: f64| Array2::from_shape_fn((n, n), |(i, j)| ((((i * n + j) as f64).powi(2) * 0.37 + phase) % 1000.0).sin());
        let (a, b) = (wave(0.0), wave(5.0));
        let found = match_units(a.view(), b.view(), 10, &mut stream(0, &[]), &ctx()).unwrap();
        let p = &found.permutation;
        let value: f64 = a.indexed_iter().map(|((i, j), v)| v * b[[p[i], p[j]]]).sum();
        assert!(value >= case["value"].as_f64().unwrap() - 1e-9, "{n}: {value} against {}", case["value"]);
        let still = (&a - &b).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(found.distance <= still && found.least_distance <= found.distance);
        close(found.per_parameter(), found.distance / (n * n) as f64, 0.0);
    }
}

/// Trajectories of a noiseless linear system.
fn linear(m: &Array2<f64>) -> Array3<f64> {
    let n = m.nrows();
    let mut x = Array3::zeros((4, 30, n));
    for trial in 0..4 {
        let mut state = normal(1, n, trial as u64 + 7).row(0).to_owned();
        for step in 0..30 {
            x.index_axis_mut(Axis(0), trial).row_mut(step).assign(&state);
            state = m.dot(&state);
        }
    }
    x
}

#[test]
fn linear_systems_are_found_in_any_basis() {
    let m = orthogonal(4, 1.0, 3) * 0.97;
    let basis = normal(4, 4, 11) + Array2::<f64>::eye(4) * 2.0;
    let turned = Array3::from_shape_fn((4, 30, 4), |(k, t, i)| (0..4).map(|j| basis[[i, j]] * linear(&m)[[k, t, j]]).sum());
    let [plain, turned] = [linear(&m), turned].map(|x| Embedding { lam: 0.0, ..embedding(1, None) }.operator(x.view()).unwrap().matrix);
    let spectrum = |a: &Array2<f64>| {
        let mut values = eigen(a.view()).unwrap().values;
        values.sort_by(|x, y| x[0].total_cmp(&y[0]).then(x[1].total_cmp(&y[1])));
        values
    };
    for found in [&plain, &turned] {
        for (got, expected) in spectrum(found).iter().zip(spectrum(&m)) {
            assert!((got[0] - expected[0]).abs() < 1e-8 && (got[1] - expected[1]).abs() < 1e-8, "{got:?} {expected:?}");
        }
    }
    // Whitened coordinates of the same rows differ by a rotation alone.
    assert!(aligned(&plain, &turned).distance < 1e-5);
    assert!(wasserstein(plain.view(), turned.view(), &ctx()).unwrap() < 1e-7);
    let longer = wasserstein(array![[3.0]].view(), array![[0.0, -1.0], [1.0, 0.0]].view(), &ctx()).unwrap();
    // 3 and 0 against i and -i.
    close(longer, ((10.0 + 1.0) / 2.0_f64).sqrt(), 1e-12);
}

#[test]
fn scaling_finds_points_in_the_plane() {
    let points = normal(9, 2, 5);
    let between = |p: &Array2<f64>| Array2::from_shape_fn((9, 9), |(i, j)| (p[[i, 0]] - p[[j, 0]]).hypot(p[[i, 1]] - p[[j, 1]]));
    let distances = between(&points);
    let found = between(&scaling(distances.view()).unwrap());
    assert!((&found - &distances).iter().all(|v| v.abs() < 1e-6));
}

fn small() -> RnnEnsemble {
    RnnEnsemble {
        n_channels: 1,
        hidden: 16,
        n_networks: 3,
        steps: 20,
        lr: 3e-3,
        threshold: Some(0.02),
        plateau: None,
        patience: 0,
        steps_per_epoch: 1,
        max_epochs: 3000,
        n_trials: 512,
        batch_size: 32,
        ..RnnEnsemble::default()
    }
}

#[test]
fn tasks_are_what_they_say() {
    let mut random = stream(0, &[]);
    let flip = RnnEnsemble { n_channels: 2, steps: 50, ..small() }.trials(40, false, &mut random);
    assert_eq!((flip.inputs.dim(), flip.targets.dim()), ((40, 100), (40, 100)));
    for (input, target) in flip.inputs.rows().into_iter().zip(flip.targets.rows()) {
        for k in 0..100 {
            let last = (0..=k).rev().filter(|j| (k - j) % 2 == 0).find(|&j| input[j] != 0.0).unwrap();
            assert_eq!(target[k], input[last]);
        }
    }
    let far = RnnEnsemble { task: Problem::Discrimination, n_channels: 2, auxiliary: true, ..small() };
    for (trials, steps) in [(far.trials(30, false, &mut random), 35), (far.trials(30, true, &mut random), 55)] {
        assert_eq!((trials.inputs.ncols(), trials.targets.ncols()), (steps * 2, steps * 4));
        assert_eq!(trials.counted.sum(), 20.0);
        for (input, target) in trials.inputs.rows().into_iter().zip(trials.targets.rows()) {
            let pulses: Vec<f32> = input.iter().step_by(2).copied().filter(|v| *v != 0.0).collect();
            let last = target.len() - 4;
            assert_eq!(pulses.len(), 10);
            assert!(pulses.iter().all(|v| (0.2..=1.0).contains(v)));
            assert_eq!(target[last], (pulses[9] - pulses[0]).signum());
            assert!((target[last + 2] - (pulses[9] - pulses[0])).abs() < 1e-6);
        }
    }
    let sine = RnnEnsemble { task: Problem::Sine, n_channels: 3, steps: 100, ..small() }.trials(60, false, &mut random);
    let known: std::collections::BTreeSet<u32> = sine.inputs.iter().map(|f| (f * 30.0 * 10.0).round() as u32).collect();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [10, 155, 300]);
    for dimensions in [2, 3] {
        let walk =
            RnnEnsemble { task: Problem::PathIntegration, n_channels: dimensions, steps: 200, ..small() }.trials(20, false, &mut random);
        assert!(walk.targets.iter().all(|p| p.abs() <= 5.0));
        for (input, target) in walk.inputs.rows().into_iter().zip(walk.targets.rows()) {
            let mut at: Vec<f32> = (0..dimensions).map(|d| 5.0 * input[dimensions + d]).collect();
            for t in 0..200 {
                let told = |d: usize| input[t * 2 * dimensions + d];
                let (azimuth, speed) = (told(0) * std::f32::consts::PI, 0.5 * told(dimensions - 1));
                let elevation = if dimensions == 3 { told(1) * std::f32::consts::PI } else { 0.0 };
                let step = [azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos(), elevation.sin()];
                for d in 0..dimensions {
                    at[d] += speed * step[d];
                    assert!((at[d] - target[t * dimensions + d]).abs() < 1e-3);
                }
            }
        }
    }
    let chaos = RnnEnsemble { task: Problem::Lorenz96, n_channels: 5, ..small() }.trials(3, false, &mut random);
    let (input, target) = (chaos.inputs.row(1), chaos.targets.row(1));
    assert!((0..95).all(|k| input[k + 5] == target[k]) && input.iter().any(|v| v.abs() > 0.3));
}

#[test]
fn an_ensemble_is_trained_saved_recorded_and_compared() {
    let fitted = small().train(&mut ctx()).unwrap();
    let model = &fitted.model;
    assert_eq!((fitted.status, model.converged()), (Status::Converged, [true; 3].as_slice()));
    let recording = model.record(&States { n_probes: 10, probe_steps: Some(30), n_far: 40 }, None, &ctx()).unwrap();
    assert_eq!((recording.states.dim(), recording.outputs.dim()), ((3, 10, 30, 16), (3, 10, 30, 1)));
    assert!(recording.ood_loss.as_ref().unwrap().iter().all(|loss| (0.0..0.5).contains(loss)));
    let back = Trained::from_state(model.to_state(), 1).unwrap();
    assert_eq!(back.record(&States { n_probes: 10, probe_steps: Some(30), n_far: 40 }, None, &ctx()).unwrap(), recording);

    let learned = model.learning(6, &ctx()).unwrap();
    assert!(learned.weight_change.iter().all(|c| *c > 0.1));
    assert!(learned.kernel_alignment.iter().all(|a| (0.0..1.0).contains(a)), "{learned:?}");
    let network = &model.networks()[0];
    let probes = recording.inputs.view();
    close(kernel_alignment(network, network, probes).unwrap(), 1.0, 1e-12);

    let analysis = DegeneracyAnalysis { rank: Some(6), ..DegeneracyAnalysis::default() };
    let found = analysis.analyze(&recording.networks(), &mut ctx()).unwrap();
    assert!(found.dynamical > found.null.iter().sum::<f64>() / 3.0, "{} {:?}", found.dynamical, found.null);
    let weights = found.weights.as_ref().unwrap();
    assert!(weights.least.iter().zip(&weights.pif).all(|(least, pif)| least <= pif));
    let losses = recording.ood_loss.clone().unwrap();
    let centre = losses.iter().sum::<f64>() / 3.0;
    close(found.behavioral.unwrap(), (losses.iter().map(|l| (l - centre).powi(2)).sum::<f64>() / 3.0).sqrt(), 1e-15);
    // One network twice is no distance.
    let twins = recording.networks().only(&[1, 1]);
    let same = analysis.analyze(&twins, &mut ctx()).unwrap();
    assert!(same.dynamical < 1e-6 && same.weight() == Some(0.0), "{}", same.dynamical);
}

#[test]
fn a_network_is_trained_the_same_in_any_company() {
    let short = RnnEnsemble { max_epochs: 20, threshold: Some(1e-9), ..small() };
    let many = short.train(&mut Context::new(5).with_threads(3)).unwrap().model;
    let seeds = super::ensemble::train_from(
        &Checked::new(short.clone()).unwrap(),
        vec![many.origin.as_ref().unwrap().seeds[2]],
        &mut Context::new(5),
    );
    let alone = seeds.unwrap().model;
    assert_eq!(alone.networks()[0].parameters().values(), many.networks()[2].parameters().values());
}

#[test]
fn penalties_and_parametrizations_do_what_they_say() {
    let change = |params: RnnEnsemble| {
        let model = params.train(&mut ctx()).unwrap().model;
        let weights = model.networks()[0].parameters().matrix_named("weight_hh_l0").unwrap().mapv(f64::from);
        (weights.mapv(f64::abs).sum(), elinvar_math::linalg::nuclear_norm(weights.view()).unwrap())
    };
    let base = RnnEnsemble { n_networks: 1, max_epochs: 300, threshold: Some(1e-9), ..small() };
    let (plain, l1, nuclear) =
        (change(base.clone()), change(RnnEnsemble { l1: 3e-3, ..base.clone() }), change(RnnEnsemble { nuclear: 1e-2, ..base.clone() }));
    assert!(l1.0 < 0.8 * plain.0 && nuclear.1 < 0.8 * plain.1, "{plain:?} {l1:?} {nuclear:?}");
    let rich = RnnEnsemble { parametrization: Parametrization::Mup, gamma: 10.0, lr: 0.03, tau: 0.5, max_epochs: 400, ..base };
    let lazy = RnnEnsemble { gamma: 0.1, lr: 0.3, ..rich.clone() };
    let [rich, lazy] = [rich, lazy].map(|params| params.train(&mut ctx()).unwrap().model.learning(8, &ctx()).unwrap().kernel_alignment[0]);
    assert!(rich < lazy, "{rich} {lazy}");
}

#[test]
fn gated_networks_are_trained_and_matched() {
    for unit in [Unit::Gru, Unit::Lstm] {
        let params = RnnEnsemble { unit, n_networks: 2, max_epochs: 5, ..small() };
        let model = params.train(&mut ctx()).unwrap().model;
        let recording = model.record(&States { n_probes: 4, ..States::default() }, None, &ctx()).unwrap();
        let analysis = DegeneracyAnalysis { rank: Some(4), allow_unconverged: true, ..DegeneracyAnalysis::default() };
        assert!(analysis.analyze(&recording.networks(), &mut ctx()).unwrap().weight().unwrap() > 0.0);
    }
}

#[test]
fn levels_are_compared_and_settings_tried() {
    let one = small().train(&mut ctx()).unwrap().model;
    let recorded =
        |model: &Trained| model.record(&States { n_probes: 8, probe_steps: Some(30), n_far: 20 }, None, &ctx()).unwrap().networks();
    let other = RnnEnsemble { l1: 1e-3, ..small() }.train(&mut ctx()).unwrap().model;
    let (mut all, more) = (recorded(&one), recorded(&other));
    all.states.extend(more.states);
    all.weights.as_mut().unwrap().extend(more.weights.unwrap());
    all.ood_loss.as_mut().unwrap().extend(more.ood_loss.unwrap());
    all.converged.as_mut().unwrap().extend(more.converged.unwrap());
    let levels = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let params = Checked::new(Comparison { rank: Some(6), n_resamples: 200, ..Comparison::default() }).unwrap();
    let found = super::comparison::compare(&params, &all, &levels, &mut ctx()).unwrap();
    let of = |measure: &str| found.trends.iter().find(|t| t.measure == measure).unwrap();
    assert_eq!((found.levels.as_slice(), found.networks.as_slice()), ([0.0, 1.0].as_slice(), [3, 3].as_slice()));
    close(of("weights").slope, of("weights").values[1] - of("weights").values[0], 1e-15);
    assert!(of("weights").slope < 0.0 && of("weights").spearman < 0.0, "{found:?}");
    assert!(found.verdict.contains("weights"), "{}", found.verdict);
    let tried = Checked::new(Sensitivity { delays: vec![1, 2], ranks: vec![4, 40], ..Sensitivity::default() }).unwrap();
    let found = super::comparison::sensitivity(&tried, &all, None, &mut ctx()).unwrap();
    // 40 coordinates are more than 16 or 32 units and delays.
    assert_eq!(found.settings.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [(1, 4), (2, 4)]);
    let turned = super::analysis::align_all(
        &Checked::new(DegeneracyAnalysis { rank: Some(6), ..DegeneracyAnalysis::default() }).unwrap(),
        &all,
        2,
        &mut ctx(),
    );
    let turned = turned.unwrap();
    assert_eq!(turned.permutations.unwrap().row(2).to_vec(), (0..16).collect::<Vec<i64>>());
    assert_eq!((turned.orthogonal.dim(), turned.mean_weights.unwrap().dim()), ((6, 6, 6), (16, 16)));
}

#[test]
fn state_dictionaries_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let params = RnnEnsemble { unit: Unit::Gru, hidden: 5, ..small() };
    for k in 0..2 {
        let network = params.start(k).unwrap();
        let arrays: Vec<(String, elinvar_data::TensorData)> = network
            .to_arrays("")
            .into_iter()
            .map(|(name, array)| {
                let name = name.replace("readout.", "decoder.");
                (if name.starts_with("decoder") { name } else { format!("rnn.{name}") }, array.into())
            })
            .collect();
        elinvar_data::write_arrays(folder.path().join(format!("net{k}.npz")), &arrays).unwrap();
    }
    let model = import(folder.path()).unwrap();
    assert_eq!(model.networks().len(), 2);
    let own = params.start(1).unwrap();
    assert_eq!(model.networks()[1].parameters().values(), own.parameters().values());
    let inputs = params.trials(3, false, &mut stream(0, &[])).inputs;
    let recording = model.record(&States::default(), Some(inputs.view()), &ctx()).unwrap();
    assert_eq!((recording.ood_loss, recording.states.dim()), (None, (2, 3, 20, 5)));
    let message = model.record(&States::default(), None, &ctx()).unwrap_err().to_string();
    assert!(message.starts_with("the task of networks that were trained elsewhere is not known; give the inputs"), "{message}");
    let arrays: Vec<(String, elinvar_data::TensorData)> = vec![("weight_hh_l0".into(), Array2::<f32>::zeros((3, 3)).into())];
    elinvar_data::write_arrays(folder.path().join("odd.npz"), &arrays).unwrap();
    let message = import(folder.path()).unwrap_err().to_string();
    assert!(message.contains("odd.npz") && message.contains("weight_ih_l0"), "{message}");
    assert!(import(&folder.path().join("none.npz")).is_err());
}

#[test]
fn bad_input_is_named() {
    let some = |k: usize| Networks { states: (0..k).map(states).collect(), ..Networks::default() };
    let message = |params: &DegeneracyAnalysis, networks: &Networks| params.analyze(networks, &mut ctx()).unwrap_err().to_string();
    let plain = DegeneracyAnalysis::default();
    assert_eq!(message(&plain, &some(1)), "an ensemble needs at least 2 networks, got 1");
    let long = DegeneracyAnalysis { n_delays: 40, ..plain.clone() };
    assert!(message(&long, &some(2)).starts_with("n_delays 40 with delay_interval 1 is too large for T = 40"));
    let wide = DegeneracyAnalysis { rank: Some(7), ..plain.clone() };
    assert_eq!(message(&wide, &some(2)), "parameter 'rank' must be at most n * n_delays = 6, got 7");
    let mut uneven = some(2);
    uneven.states[1] = uneven.states[1].slice_axis(Axis(0), (..3).into()).to_owned();
    assert!(message(&plain, &uneven).starts_with("network 1 has 3 trials of 40 steps, network 0 has 5 of 40"));
    let mut hole = some(2);
    hole.states[1][[2, 3, 4]] = f64::NAN;
    assert!(message(&plain, &hole).starts_with("the state of network 1 is NaN in trial 2, step 3, unit 4"));
    let failed = Networks { converged: Some(vec![true, false]), ..some(2) };
    assert!(message(&plain, &failed).starts_with("1 of 2 networks did not converge, the first is network 1"));
    assert!(DegeneracyAnalysis { allow_unconverged: true, ..plain.clone() }.analyze(&failed, &mut ctx()).is_ok());
    let odd = Networks { weights: Some(vec![Array2::zeros((3, 3)), Array2::zeros((4, 4))]), ..some(2) };
    assert!(message(&plain, &odd).starts_with("network 1 has weights (4, 4), network 0 has (3, 3)"));
    assert!(Weights::of(Array2::zeros((5, 3)).view()).err().unwrap().to_string().starts_with("recurrent weights must be square"));
    let flat = Networks { states: vec![Array3::zeros((4, 9, 2)), Array3::zeros((4, 9, 2))], ..Networks::default() };
    assert!(message(&plain, &flat).starts_with("the states have 0 directions with spread"), "{}", message(&plain, &flat));
    let tied =
        Array3::from_shape_fn((2, 8, 2), |(r, t, i)| if i == 0 { (r + t) as f64 % 2.0 - 0.5 } else { ((r + t / 2) as f64 % 2.0) - 0.5 });
    let mut context = ctx();
    let one = DegeneracyAnalysis { rank: Some(1), ..plain };
    one.analyze(&Networks { states: vec![tied.clone(), tied], ..Networks::default() }, &mut context).unwrap();
    assert!(context.warnings()[0].starts_with("rank 1 cuts through equal singular values of network 0"), "{:?}", context.warnings());
    let walk = RnnEnsemble { task: Problem::PathIntegration, n_channels: 4, ..small() };
    let message = walk.train(&mut ctx()).unwrap_err().to_string();
    assert_eq!(message, "parameter 'n_channels' must be 2 or 3 (dimensions) for 'path_integration', got 4");
    let wild = RnnEnsemble { lr: 1e30, clip: 1e30, ..small() }.train(&mut ctx()).unwrap_err().to_string();
    assert!(wild.starts_with("training diverged at step"), "{wild}");
}
