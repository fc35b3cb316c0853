use super::*;
use crate::activation::Activation;
use crate::mlp::tests::{assert_close, floats, matrix, reference, wave};
use crate::mlp::{MlpSpec, Pass};
use elinvar_core::random::stream;
use ndarray::Zip;
use std::sync::{Arc, Mutex};

const ADAM: Training = Training {
    clip_norm: Some(1.0),
    validation: Some(Validation { every: 1, patience: Some(3), min_improvement: 0.0 }),
    ..Training::new(Batches::Epochs { epochs: 6, batch_size: 32 }, Optimiser::ADAM, Schedule::Cosine { rate: 5e-3, final_fraction: 0.1 })
};

fn network(dropout: f64, batch_norm: bool) -> Mlp<f32> {
    let mut spec = MlpSpec::new(2, [16, 8], 1, Activation::Tanh);
    (spec.dropout, spec.batch_norm) = (dropout, batch_norm);
    Mlp::new(spec, &mut stream(1, &[("network", 0)])).unwrap()
}

fn data() -> (Array2<f32>, Vec<f32>) {
    let x = matrix(150, 2, 0.9, 0.2, 1.5).mapv(|v| v as f32);
    let y = x.rows().into_iter().map(|row| row[0] * row[1] + 0.3 * row[0]).collect();
    (x, y)
}

/// Half the mean squared error, with the training error as score.
struct Squares {
    x: Array2<f32>,
    y: Vec<f32>,
}

fn half_squares(outputs: ArrayView2<'_, f32>, targets: impl Iterator<Item = f32>) -> OutputGradient {
    let n = outputs.nrows() as f32;
    let mut gradient = outputs.to_owned();
    gradient.iter_mut().zip(targets).for_each(|(value, target)| *value -= target);
    let loss = gradient.iter().map(|r| f64::from(r * r)).sum::<f64>() / f64::from(2.0 * n);
    OutputGradient { loss, gradient: gradient / n }
}

impl Objective for Squares {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        Ok(half_squares(outputs, batch.rows.iter().map(|&row| self.y[row])))
    }
    fn validate(&mut self, _step: u64, model: &Mlp<f32>) -> Result<Option<f64>> {
        Ok(Some(half_squares(model.predict(self.x.view())?.view(), self.y.iter().copied()).loss))
    }
}

fn squares() -> Squares {
    let (x, y) = data();
    Squares { x, y }
}

#[test]
fn optimisers_agree_with_pytorch() {
    let reference = reference();
    for (name, optimiser) in [
        ("sgd", Optimiser::Sgd { momentum: 0.9 }),
        ("adam", Optimiser::Adam { beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weight_decay: 0.0 }),
        ("adamw", Optimiser::adamw(0.1)),
    ] {
        let mut x: Vec<f32> = wave(6, 1.3, 0.7, 0.5).into_iter().map(|v| v as f32).collect();
        let mut state = OptimiserState::new(optimiser, 6).unwrap();
        for step in 0..10 {
            let gradient: Vec<f32> = x.iter().enumerate().map(|(i, v)| v * (i + 1) as f32 + 0.1 * ((i + step) as f32).sin()).collect();
            state.update(&mut x, &gradient, &[], 0.05);
        }
        assert_close(x.into_iter().map(f64::from), &floats(&reference[name]), 2e-6, name);
    }
}

#[test]
fn training_learns_with_every_optimiser() {
    let (x, _) = data();
    for (optimiser, rate) in [
        (Optimiser::ADAM, 1e-2),
        (Optimiser::adamw(1e-4), 1e-2),
        (Optimiser::Sgd { momentum: 0.9 }, 5e-2),
        (Optimiser::adahessian(0.9, 0.98, 0.5), 5e-2),
    ] {
        let mut objective = squares();
        let before = objective.validate(0, &network(0.0, false)).unwrap().unwrap();
        let training = Training::new(Batches::Epochs { epochs: 60, batch_size: 32 }, optimiser, Schedule::Constant { rate });
        let (model, report) = train(network(0.0, false), training, x.view(), &mut objective, &mut Context::new(0)).unwrap();
        let after = objective.validate(0, &model).unwrap().unwrap();
        assert!(after < 0.1 * before, "{optimiser:?}: {before} -> {after}");
        assert_eq!((report.steps, report.records.len(), report.status), (300, 60, Status::Converged));
        assert!(report.records[59].loss < report.records[0].loss);
    }
}

#[test]
fn stopping_and_going_on_gives_the_same_bits() {
    let (x, _) = data();
    for (optimiser, batches) in [
        (Optimiser::ADAM, Batches::Epochs { epochs: 6, batch_size: 32 }),
        (Optimiser::adahessian(0.9, 0.98, 1.0), Batches::Draws { steps: 25, batch_size: 16 }),
    ] {
        let validation = Some(Validation { every: 1, patience: Some(30), min_improvement: 0.0 });
        let training = Training { optimiser, batches, validation, ..ADAM };
        let whole = train(network(0.2, true), training, x.view(), &mut squares(), &mut Context::new(7)).unwrap();
        for pause in [1, 7, 13] {
            let mut trainer = Trainer::new(network(0.2, true), training).unwrap();
            trainer.advance(pause, x.view(), &mut squares(), &mut Context::new(7)).unwrap();
            assert_eq!(trainer.step(), pause);
            let checkpoint = trainer.checkpoint();
            let text = serde_json::to_string(&checkpoint.position).unwrap();
            let position = serde_json::from_str(&text).unwrap();
            let mut trainer = Trainer::resume(network(0.2, true), Checkpoint { position, ..checkpoint }).unwrap();
            trainer.advance(u64::MAX, x.view(), &mut squares(), &mut Context::new(7)).unwrap();
            let (model, report) = trainer.finish();
            assert_eq!(model.parameters().values(), whole.0.parameters().values(), "{optimiser:?} after {pause}");
            assert_eq!(model.running().values(), whole.0.running().values());
            assert_eq!(report, whole.1);
        }
    }
}

#[test]
fn seeds_matter_and_threads_do_not() {
    let x = matrix(1300, 2, 0.9, 0.2, 1.5).mapv(|v| v as f32);
    let run = |seed: u64, threads: usize| {
        let training = Training { batches: Batches::Epochs { epochs: 2, batch_size: 1300 }, validation: None, ..ADAM };
        let mut objective = |_: &Batch<'_>, outputs: ArrayView2<'_, f32>| Ok(half_squares(outputs, std::iter::repeat(0.5)));
        let mut ctx = Context::new(seed).with_threads(threads);
        train(network(0.3, false), training, x.view(), &mut objective, &mut ctx).unwrap().0.parameters().values().to_vec()
    };
    let one = run(1, 1);
    assert_eq!(one, run(1, 2));
    assert_eq!(one, run(1, 3));
    assert_ne!(one, run(2, 1));
}

/// Scores fall until the third validation and rise after it.
struct Valley(Squares, Vec<Vec<f32>>);

impl Objective for Valley {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        self.0.loss(batch, outputs)
    }
    fn validate(&mut self, _step: u64, model: &Mlp<f32>) -> Result<Option<f64>> {
        self.1.push(model.parameters().values().to_vec());
        Ok(Some((self.1.len() as f64 - 3.0).abs()))
    }
}

#[test]
fn patience_stops_and_takes_the_best_weights_back() {
    let (x, _) = data();
    let mut objective = Valley(squares(), Vec::new());
    let training = Training { batches: Batches::Epochs { epochs: 20, batch_size: 50 }, ..ADAM };
    let (model, report) = train(network(0.0, false), training, x.view(), &mut objective, &mut Context::new(0)).unwrap();
    assert_eq!((report.status, report.steps, report.best_step), (Status::Converged, 18, Some(9)));
    assert_eq!(model.parameters().values(), objective.1[2]);
    let short = Training { batches: Batches::Epochs { epochs: 4, batch_size: 50 }, ..training };
    let (_, report) = train(network(0.0, false), short, x.view(), &mut Valley(squares(), Vec::new()), &mut Context::new(0)).unwrap();
    assert_eq!((report.status, report.steps), (Status::IterationLimit, 12));
}

#[test]
fn hessian_diagonal_is_that_of_the_loss() {
    // Without hidden layers the loss is quadratic: its Hessian is the mean of [x, 1][x, 1]ᵀ.
    let (x, y) = data();
    let spec = MlpSpec::new(2, Vec::new(), 1, Activation::Identity);
    let model = Mlp::new(spec, &mut stream(1, &[])).unwrap();
    let mut trainer = Trainer::new(model.clone(), ADAM).unwrap();
    let rows: Vec<usize> = (0..150).collect();
    let mut mean = [0.0_f64; 3];
    let draws = 400;
    let context = Context::new(0);
    for step in 0..draws {
        let batch = Batch { step, epoch: 0, rows: &rows, inputs: x.view(), context: &context };
        let mut objective = Squares { x: x.clone(), y: y.clone() };
        let (outputs, tape) = model.forward(x.view(), Pass::Evaluation).unwrap();
        let by_output = objective.loss(&batch, outputs.view()).unwrap().gradient;
        let diagonal = trainer.hessian_diagonal(&batch, &mut objective, &outputs, &tape, by_output.view()).unwrap();
        mean.iter_mut().zip(diagonal).for_each(|(sum, h)| *sum += f64::from(h) / draws as f64);
    }
    assert_eq!(trainer.model().parameters().values(), model.parameters().values(), "the weights are put back");
    let second = |j: usize| x.column(j).iter().map(|v| f64::from(v * v)).sum::<f64>() / 150.0;
    for (got, exact) in mean.iter().zip([second(0), second(1), 1.0]) {
        assert!((got - exact).abs() < 0.05 * (1.0 + exact), "{mean:?}");
    }
}

#[test]
fn penalty_without_outputs_is_trained() {
    /// Only a penalty: the asymmetry of the Jacobian.
    struct Symmetry(Vec<f64>);
    impl Objective for Symmetry {
        fn loss(&mut self, _: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
            Ok(OutputGradient { loss: 0.0, gradient: Array2::zeros(outputs.raw_dim()) })
        }
        fn penalty(&mut self, batch: &Batch<'_>, model: &Mlp<f32>, gradient: &mut Parameters<f32>) -> Result<f64> {
            let mut signs = Array2::zeros(batch.inputs.raw_dim());
            let mut stream = stream(0, &[("signs", batch.step)]);
            Zip::from(&mut signs).for_each(|sign| *sign = if stream.random::<bool>() { 1.0 } else { -1.0 });
            let value = model.conservativity_penalty(batch.inputs, signs.view(), 1.0, gradient)?;
            self.0.push(f64::from(value));
            Ok(f64::from(value))
        }
    }
    let (x, _) = data();
    let mut objective = Symmetry(Vec::new());
    let model = Mlp::new(MlpSpec::new(2, [16], 2, Activation::Gelu), &mut stream(1, &[])).unwrap();
    let training = Training { batches: Batches::Draws { steps: 200, batch_size: 64 }, validation: None, clip_norm: None, ..ADAM };
    train(model, training, x.view(), &mut objective, &mut Context::new(0)).unwrap();
    assert!(objective.0[199] < 0.02 * objective.0[0], "{} -> {}", objective.0[0], objective.0[199]);
}

struct Steps(Mutex<Vec<(u64, u64)>>);

impl elinvar_core::ProgressSink for Steps {
    fn report(&self, progress: &elinvar_core::Progress<'_>) {
        self.0.lock().unwrap().push((progress.step, progress.of));
    }
}

#[test]
fn progress_cancel_and_nan_go_through_the_context() {
    let (x, _) = data();
    let sink = Arc::new(Steps(Mutex::new(Vec::new())));
    let mut ctx = Context::new(0).with_progress(sink.clone());
    let training = Training { batches: Batches::Draws { steps: 3, batch_size: 8 }, validation: None, ..ADAM };
    train(network(0.0, false), training, x.view(), &mut squares(), &mut ctx).unwrap();
    assert_eq!(*sink.0.lock().unwrap(), [(1, 3), (2, 3), (3, 3)]);

    let cancelled = Context::new(0);
    cancelled.cancel_flag().cancel();
    let mut cancelled = cancelled;
    let error = train(network(0.0, false), training, x.view(), &mut squares(), &mut cancelled).unwrap_err();
    assert_eq!(error.kind(), elinvar_core::Kind::Interrupted);

    let mut spoiled = x.clone();
    spoiled.fill(f32::NAN);
    let error = train(network(0.0, false), training, spoiled.view(), &mut squares(), &mut Context::new(0)).unwrap_err();
    assert!(error.to_string().starts_with("loss became NaN at step 1"), "{error}");
}

#[test]
fn bad_settings_are_named() {
    let refuse = |training: Training| Trainer::new(network(0.0, false), training).unwrap_err().to_string();
    assert_eq!(refuse(Training { clip_norm: Some(f64::NAN), ..ADAM }), "parameter 'clip_norm' must be > 0, got NaN");
    let batches = Batches::Draws { steps: 0, batch_size: 8 };
    assert_eq!(refuse(Training { batches, ..ADAM }), "parameter 'steps' must be >= 1, got 0");
    let validation = Some(Validation { every: 0, patience: None, min_improvement: 0.0 });
    assert_eq!(refuse(Training { validation, ..ADAM }), "parameter 'every' must be >= 1, got 0");
    let empty = Array2::zeros((0, 2));
    let error = train(network(0.0, false), ADAM, empty.view(), &mut squares(), &mut Context::new(0)).unwrap_err();
    assert_eq!(error.to_string(), "the training data must have at least 1 row, got 0");
}

#[test]
fn networks_side_by_side_are_the_networks_alone() {
    let sequences = matrix(40, 6 * 2, 0.9, 0.2, 1.5).mapv(|v| v as f32);
    let spec = crate::RecurrentSpec { cell: crate::Cell::Gru, inputs: 2, units: 7, outputs: 1 };
    let seeds = [3, 14, 15, 92, 65];
    let start = |seed: u64| crate::Recurrent::<f32>::new(spec, &mut stream(seed, &[("weights", 0)])).unwrap();
    let objective = |batch: &Batch<'_>, outputs: ArrayView2<'_, f32>| {
        Ok(half_squares(outputs, batch.inputs.rows().into_iter().flat_map(|row| (0..6).map(move |t| row[2 * t] * 0.5).collect::<Vec<_>>())))
    };
    let training = Training { validation: None, ..ADAM };
    for threads in [1, 3] {
        let mut context = Context::new(0).with_threads(threads);
        let networks = seeds.iter().map(|&seed| start(seed)).collect();
        let together = train_many(networks, &seeds, training, sequences.view(), |_| objective, &mut context).unwrap();
        for (found, &seed) in together.into_iter().zip(&seeds) {
            let (network, report) = found.unwrap();
            let mut own = Context::new(seed).with_threads(1);
            let (alone, its_report) = train(start(seed), training, sequences.view(), &mut objective.clone(), &mut own).unwrap();
            assert_eq!(network.parameters().values(), alone.parameters().values());
            assert_eq!(report, its_report);
            assert!(report.records.last().unwrap().loss < report.records[0].loss);
        }
    }
    let refused = train_many(vec![start(0)], &seeds, training, sequences.view(), |_| objective, &mut Context::new(0));
    assert_eq!(refused.err().unwrap().to_string(), "1 networks need as many seeds, got 5");
}

#[test]
fn a_goal_ends_training_and_a_plateau_lowers_the_rate() {
    let x = Array2::<f32>::ones((8, 2));
    let mut losses = [3.0, 2.0, 2.5, 2.2, 1.9, 0.4, 0.6, 0.5, 0.3].into_iter();
    let mut seen = Vec::new();
    let mut objective = |batch: &Batch<'_>, outputs: ArrayView2<'_, f32>| {
        seen.push(batch.step);
        Ok(OutputGradient { loss: losses.next().unwrap(), gradient: Array2::ones(outputs.raw_dim()) })
    };
    let training = Training {
        validation: Some(Validation { every: 1, patience: None, min_improvement: 0.0 }),
        plateau: Some(Plateau { factor: 0.5, patience: 2 }),
        goal: Some(Goal { loss: 0.5, rounds: 2 }),
        ..Training::new(Batches::Draws { steps: 100, batch_size: 4 }, Optimiser::Sgd { momentum: 0.0 }, Schedule::Constant { rate: 0.1 })
    };
    let mut trainer = Trainer::new(network(0.0, false), training).unwrap();
    trainer.advance(4, x.view(), &mut objective, &mut Context::new(0)).unwrap();
    assert_eq!(trainer.checkpoint().position.rate_factor(), 0.5);
    let mut again = Trainer::resume(network(0.0, false), trainer.checkpoint()).unwrap();
    again.advance(u64::MAX, x.view(), &mut objective, &mut Context::new(0)).unwrap();
    let (_, report) = again.finish();
    // Below 0.5 first at the sixth record, and two more.
    assert_eq!((report.status, report.steps), (Status::Converged, 8));
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
    let refuse = |training: Training| Trainer::new(network(0.0, false), training).unwrap_err().to_string();
    assert_eq!(refuse(Training { goal: Some(Goal { loss: 0.0, rounds: 0 }), ..training }), "parameter 'goal' must be > 0, got 0");
    assert_eq!(
        refuse(Training { plateau: Some(Plateau { factor: 1.0, patience: 1 }), ..training }),
        "parameter 'factor' must be in (0, 1), got 1"
    );
}

#[test]
fn arrays_can_have_rates_of_their_own() {
    let x = Array2::<f32>::ones((8, 2));
    let mut start = network(0.0, false);
    start.parameters_mut().set_rates(|name| if name == "layer1.weight" { 0.0 } else { 2.0 });
    let objective =
        || |_: &Batch<'_>, outputs: ArrayView2<'_, f32>| Ok(OutputGradient { loss: 1.0, gradient: Array2::ones(outputs.raw_dim()) });
    let training = |rate| Training::new(Batches::Draws { steps: 3, batch_size: 4 }, Optimiser::ADAM, Schedule::Constant { rate });
    let run = |model, rate| train(model, training(rate), x.view(), &mut objective(), &mut Context::new(0)).unwrap().0;
    let (own, plain) = (run(start.clone(), 0.01), run(network(0.0, false), 0.02));
    assert_eq!(own.parameters().get("layer1.weight"), start.parameters().get("layer1.weight"));
    assert_eq!(own.parameters().get("layer2.bias"), plain.parameters().get("layer2.bias"));
}

#[test]
fn weight_decay_can_spare_arrays() {
    let x = Array2::<f32>::ones((8, 2));
    let mut start = network(0.0, false);
    start.parameters_mut().set_decays(|_, shape| shape.len() > 1);
    let still = |_: &Batch<'_>, outputs: ArrayView2<'_, f32>| Ok(OutputGradient { loss: 1.0, gradient: Array2::zeros(outputs.raw_dim()) });
    let training = Training::new(Batches::Draws { steps: 1, batch_size: 4 }, Optimiser::adamw(0.5), Schedule::Constant { rate: 0.1 });
    let biased = |mut model: Mlp<f32>| {
        model.parameters_mut().values_mut().iter_mut().for_each(|v| *v += 1.0);
        model
    };
    let start = biased(start);
    let after = train(start.clone(), training, x.view(), &mut { still }, &mut Context::new(0)).unwrap().0;
    let [before, now] = [&start, &after].map(Network::parameters);
    assert_eq!(before.get("layer1.bias"), now.get("layer1.bias"));
    let shrunk = before.get("layer1.weight").unwrap().mapv(|w| 0.95 * w);
    assert!(shrunk.iter().zip(now.get("layer1.weight").unwrap()).all(|(a, b)| (a - b).abs() < 1e-6));
}
