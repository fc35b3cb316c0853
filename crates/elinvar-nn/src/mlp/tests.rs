use super::*;
use crate::gradient_check::gradient_check;
use elinvar_core::random::stream;
use elinvar_core::{Context, ndarray::Array};
use serde_json::Value;

const ACTIVATIONS: [Activation; 11] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Elu,
    Activation::Gelu,
    Activation::GeluErf,
    Activation::Selu,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Tanh,
];

/// The formula by which reference.py fills its arrays.
pub(crate) fn wave(count: usize, rate: f64, phase: f64, scale: f64) -> Vec<f64> {
    (0..count).map(|i| scale * (rate * i as f64 + phase).sin()).collect()
}

pub(crate) fn matrix(rows: usize, columns: usize, rate: f64, phase: f64, scale: f64) -> Array2<f64> {
    Array::from_shape_vec((rows, columns), wave(rows * columns, rate, phase, scale)).unwrap()
}

pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("../reference.json")).unwrap()
}

pub(crate) fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(crate) fn assert_close(ours: impl IntoIterator<Item = f64>, theirs: &[f64], tolerance: f64, what: &str) {
    let ours: Vec<f64> = ours.into_iter().collect();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(1e-300_f64, |most, x| most.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what} [{i}]: {a} against {b}");
    }
}

fn filled(spec: MlpSpec) -> Mlp<f64> {
    let mut network = Mlp::new(spec, &mut stream(0, &[])).unwrap();
    let values = wave(network.parameters().values().len(), 1.3, 0.7, 0.5);
    network.parameters_mut().values_mut().copy_from_slice(&values);
    network
}

fn activation(case: &Value) -> Activation {
    serde_json::from_value(case["activation"].clone()).unwrap()
}

const TRAINING: Pass = Pass::Training { seed: 5, step: 2 };

#[test]
fn values_and_gradients_agree_with_pytorch() {
    for case in reference()["mlp"].as_array().unwrap() {
        let outputs = case["outputs"].as_array().unwrap().len() / 6;
        let mut spec = MlpSpec::new(3, [5, 4], outputs, activation(case));
        spec.batch_norm = case["batch_norm"].as_bool().unwrap();
        spec.residual = case["residual"].as_bool().unwrap();
        let network = filled(spec);
        let (x, u) = (matrix(6, 3, 0.9, 0.2, 1.5), matrix(6, outputs, 2.1, 0.4, 1.0));
        let (values, tape) = network.forward(x.view(), TRAINING).unwrap();
        let mut gradient = network.parameters().zeros_like();
        network.backward(&tape, u.view(), &mut gradient);
        let what = case["activation"].as_str().unwrap();
        assert_close(values, &floats(&case["outputs"]), 1e-12, what);
        assert_close(gradient.values().to_vec(), &floats(&case["gradient"]), 1e-11, what);
        assert_close(network.input_gradient(&tape, u.view()), &floats(&case["input_gradient"]), 1e-11, what);
    }
}

#[test]
fn conservativity_agrees_with_pytorch() {
    for case in reference()["conservativity"].as_array().unwrap() {
        let network = filled(MlpSpec::new(3, [5, 4], 3, activation(case)));
        let mut gradient = network.parameters().zeros_like();
        let (x, v) = (matrix(6, 3, 0.9, 0.2, 1.5), matrix(6, 3, 2.1, 0.4, 1.0));
        let value = network.conservativity_penalty(x.view(), v.view(), 1.0, &mut gradient).unwrap();
        let what = case["activation"].as_str().unwrap();
        assert_close([value], &[case["value"].as_f64().unwrap()], 1e-12, what);
        assert_close(gradient.values().to_vec(), &floats(&case["gradient"]), 1e-11, what);
    }
}

/// A loss that is not linear in the outputs, so that a wrong output gradient shows.
fn loss(outputs: &Array2<f64>) -> (f64, Array2<f64>) {
    (outputs.iter().map(|y| y.sin() + 0.3 * y * y).sum(), outputs.mapv(|y| y.cos() + 0.6 * y))
}

/// Shifts every parameter a little: with zero biases a unit whose inputs are all 0 sits exactly on the kink of a ReLU.
fn away_from_kinks(mut network: Mlp<f64>) -> Mlp<f64> {
    let shifts = wave(network.parameters().values().len(), 2.7, 0.3, 0.1);
    network.parameters_mut().values_mut().iter_mut().zip(shifts).for_each(|(value, shift)| *value += shift);
    network
}

#[test]
fn gradient_check_of_every_layer() {
    for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
        for (residual, dropout, batch_norm) in [(false, 0.0, false), (true, 0.3, false), (true, 0.0, true), (false, 0.3, true)] {
            let mut spec = MlpSpec::new(3, [5, 4], 3, activation);
            (spec.residual, spec.dropout, spec.batch_norm) = (residual, dropout, batch_norm);
            let mut streams = stream(index as u64, &[("check", 0)]);
            let network = away_from_kinks(Mlp::new(spec, &mut streams).unwrap());
            let x = matrix(7, 3, 0.9, 0.2, 1.5);
            for pass in [TRAINING, Pass::Evaluation] {
                let (outputs, tape) = network.forward(x.view(), pass).unwrap();
                let mut gradient = network.parameters().zeros_like();
                network.backward(&tape, loss(&outputs).1.view(), &mut gradient);
                let value = |values: &[f64]| {
                    let mut moved = network.clone();
                    moved.parameters_mut().values_mut().copy_from_slice(values);
                    loss(&moved.forward(x.view(), pass).unwrap().0).0
                };
                let checked = gradient_check(network.parameters().values(), gradient.values(), value, &mut streams);
                assert!(checked.is_ok(), "{activation:?} {residual} {dropout} {batch_norm} {pass:?}: {checked:?}");
                let by_input = network.input_gradient(&tape, loss(&outputs).1.view());
                let value = |values: &[f64]| {
                    let moved = ArrayView2::from_shape((7, 3), values).unwrap();
                    loss(&network.forward(moved, pass).unwrap().0).0
                };
                let checked = gradient_check(x.as_slice().unwrap(), by_input.as_slice().unwrap(), value, &mut streams);
                assert!(checked.is_ok(), "inputs {activation:?} {residual} {dropout} {batch_norm} {pass:?}: {checked:?}");
            }
        }
    }
}

#[test]
fn gradient_check_of_jacobian_products() {
    for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
        let mut streams = stream(index as u64, &[("tangent", 0)]);
        let mut spec = MlpSpec::new(3, [6, 5], 3, activation);
        spec.residual = true;
        let network = away_from_kinks(Mlp::<f64>::new(spec, &mut streams).unwrap());
        let (x, u, v) = (matrix(4, 3, 0.9, 0.2, 1.5), matrix(4, 3, 2.1, 0.4, 1.0), matrix(4, 3, 1.7, 0.1, 1.0));
        let mut gradient = network.parameters().zeros_like();
        let sum = network.bilinear_gradient(x.view(), u.view(), v.view(), &mut gradient).unwrap();
        let forward = (&network.jacobian_vector(x.view(), v.view()).unwrap() * &u).sum();
        let backward = (&network.vector_jacobian(x.view(), u.view()).unwrap() * &v).sum();
        assert!((sum - forward).abs() < 1e-12 * sum.abs() && (sum - backward).abs() < 1e-12 * sum.abs());
        let moved = |values: &[f64]| {
            let mut moved = network.clone();
            moved.parameters_mut().values_mut().copy_from_slice(values);
            moved
        };
        let value = |values: &[f64]| (&moved(values).jacobian_vector(x.view(), v.view()).unwrap() * &u).sum();
        let checked = gradient_check(network.parameters().values(), gradient.values(), value, &mut streams);
        assert!(checked.is_ok(), "bilinear {activation:?}: {checked:?}");

        let mut gradient = network.parameters().zeros_like();
        network.conservativity_penalty(x.view(), v.view(), 0.7, &mut gradient).unwrap();
        let value = |values: &[f64]| {
            let network = moved(values);
            let forward = network.jacobian_vector(x.view(), v.view()).unwrap();
            let backward = network.vector_jacobian(x.view(), v.view()).unwrap();
            0.7 * (forward - backward).mapv(|d| d * d).sum() / 4.0
        };
        let checked = gradient_check(network.parameters().values(), gradient.values(), value, &mut streams);
        assert!(checked.is_ok(), "conservativity {activation:?}: {checked:?}");
    }
}

#[test]
fn jacobian_vector_is_the_directional_derivative() {
    let network = filled(MlpSpec::new(3, [5, 4], 2, Activation::Gelu));
    let (x, v, h) = (matrix(4, 3, 0.9, 0.2, 1.5), matrix(4, 3, 1.7, 0.1, 1.0), 1e-5);
    let at = |t: f64| network.predict((&x + &(&v * t)).view()).unwrap();
    let numeric = (at(h) - at(-h)) / (2.0 * h);
    assert_close(network.jacobian_vector(x.view(), v.view()).unwrap(), numeric.as_slice().unwrap(), 1e-8, "J v");
}

#[test]
fn dropout_keeps_the_mean_and_evaluation_has_none() {
    let mut spec = MlpSpec::new(2, [400], 1, Activation::Identity);
    spec.dropout = 0.25;
    let network = Mlp::<f64>::new(spec, &mut stream(1, &[])).unwrap();
    let x = matrix(3, 2, 0.9, 0.2, 1.5);
    let plain = network.predict(x.view()).unwrap();
    let mut mean = Array2::zeros(plain.raw_dim());
    for step in 0..2000 {
        mean += &network.forward(x.view(), Pass::Training { seed: 0, step }).unwrap().0;
    }
    mean /= 2000.0;
    for (a, b) in mean.iter().zip(&plain) {
        assert!((a - b).abs() < 0.05, "{a} {b}");
    }
    assert_eq!(network.forward(x.view(), Pass::Evaluation).unwrap().0, plain);
}

#[test]
fn running_statistics_reach_those_of_the_data() {
    let mut spec = MlpSpec::new(3, [4], 2, Activation::Tanh);
    spec.batch_norm = true;
    let mut network = Mlp::<f64>::new(spec, &mut stream(1, &[])).unwrap();
    let x = matrix(50, 3, 0.9, 0.2, 1.5);
    let (in_training, _) = network.forward(x.view(), TRAINING).unwrap();
    for step in 0..400 {
        let tape = network.forward(x.view(), Pass::Training { seed: 0, step }).unwrap().1;
        network.absorb_statistics(&tape);
    }
    // The running variance is the unbiased one: the two agree up to n / (n - 1).
    let apart = (network.predict(x.view()).unwrap() - &in_training).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    assert!(apart < 0.05 && apart > 0.0, "{apart}");
}

#[test]
fn long_batches_are_bit_equal_at_any_thread_count_and_close_to_one_chunk() {
    let mut spec = MlpSpec::new(3, [16, 8], 2, Activation::Gelu);
    spec.dropout = 0.2;
    let network = Mlp::<f32>::new(spec, &mut stream(1, &[])).unwrap();
    let x = matrix(10_000, 3, 0.9, 0.2, 1.5).mapv(|v| v as f32);
    let run = |threads: usize| {
        Context::new(0).with_threads(threads).install(|| {
            let (outputs, tape) = network.forward(x.view(), TRAINING).unwrap();
            let mut gradient = network.parameters().zeros_like();
            network.backward(&tape, outputs.view(), &mut gradient);
            (outputs, gradient.values().to_vec(), network.predict(x.view()).unwrap())
        })
    };
    let one = run(1);
    for threads in [2, 3, 4] {
        assert!(one == run(threads), "{threads} threads");
    }
    let (evaluated, _) = network.forward(x.view(), Pass::Evaluation).unwrap();
    assert_eq!(evaluated, one.2);
}

#[test]
fn save_and_load_give_the_same_predictions() {
    let mut spec = MlpSpec::new(3, [5, 4], 2, Activation::Relu);
    spec.batch_norm = true;
    let mut network = Mlp::<f32>::new(spec.clone(), &mut stream(9, &[])).unwrap();
    let x = matrix(20, 3, 0.9, 0.2, 1.5).mapv(|v| v as f32);
    let tape = network.forward(x.view(), TRAINING).unwrap().1;
    network.absorb_statistics(&tape);
    let arrays = network.to_arrays("map/");
    assert!(arrays.contains_key("map/layer2.bias") && arrays.contains_key("map/running/norm1.variance"));
    let back = Mlp::from_arrays(spec, &arrays, "map/").unwrap();
    assert_eq!(back.predict(x.view()).unwrap(), network.predict(x.view()).unwrap());
}

#[test]
fn bad_specs_and_shapes_are_named() {
    let new = |change: &dyn Fn(&mut MlpSpec)| {
        let mut spec = MlpSpec::new(3, [5, 4], 2, Activation::Relu);
        change(&mut spec);
        Mlp::<f32>::new(spec, &mut stream(0, &[])).unwrap_err().to_string()
    };
    assert_eq!(new(&|s| s.dropout = 1.0), "parameter 'dropout' must be in [0, 1), got 1");
    assert_eq!(new(&|s| s.dropout = f64::NAN), "parameter 'dropout' must be in [0, 1), got NaN");
    assert_eq!(new(&|s| s.hidden[1] = 0), "parameter 'hidden' must be a list of widths >= 1, got 0 at position 1");
    assert_eq!(
        new(&|s| s.residual = true),
        "parameter 'residual' must be false unless inputs and outputs are equally many, got 3 inputs and 2 outputs"
    );
    let network = filled(MlpSpec::new(3, [5], 2, Activation::Tanh));
    let error = network.predict(Array2::zeros((4, 2)).view()).unwrap_err().to_string();
    assert_eq!(error, "the network was made for 3 input columns, got 2; give the same columns as at fit");
    let x = matrix(4, 3, 0.9, 0.2, 1.5);
    let error = network.conservativity_penalty(x.view(), x.view(), 1.0, &mut network.parameters().zeros_like()).unwrap_err();
    assert_eq!(error.to_string(), "the conservativity penalty needs as many outputs as inputs, got 3 inputs and 2 outputs");
}

#[test]
fn degenerate_batches_are_finite_or_refused() {
    let network = filled(MlpSpec::new(3, Vec::new(), 2, Activation::Tanh));
    assert_eq!(network.predict(Array2::zeros((0, 3)).view()).unwrap().dim(), (0, 2));
    let transposed = matrix(3, 5, 0.9, 0.2, 1.5);
    let straight = transposed.t().as_standard_layout().into_owned();
    assert_eq!(network.predict(transposed.t()).unwrap(), network.predict(straight.view()).unwrap());
    let mut spec = MlpSpec::new(3, [5], 2, Activation::Tanh);
    spec.batch_norm = true;
    let error = filled(spec).forward(Array2::zeros((1, 3)).view(), TRAINING).err().unwrap();
    assert_eq!(error.to_string(), "a batch must have at least 2 rows with batch norm, got 1");
}
