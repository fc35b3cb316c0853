//! Gradients against central differences for every layer, agreement with the perceptron, cuts and threads.

use super::*;
use crate::activation::Activation;
use crate::alpha_dropout::AlphaDropout;
use crate::batch_norm::BatchNorm;
use crate::gradient_check;
use crate::init::Initialisation;
use crate::mlp::tests::matrix;
use crate::mlp::{Mlp, MlpSpec};
use elinvar_core::Context;
use elinvar_core::random::stream;
use ndarray::Axis;

const TRAINING: Pass = Pass::Training { seed: 3, step: 5 };

fn dense(outputs: usize, activation: Activation) -> Layer {
    Layer::Dense { outputs, activation, initialisation: Initialisation::LecunNormal, weight_norm: false }
}

fn highway(activation: Activation) -> Layer {
    Layer::Highway { activation, initialisation: Initialisation::LecunNormal, gate_bias: -1.0 }
}

fn network<T: Real>(layers: Vec<Layer>) -> Sequential<T> {
    Sequential::new(SequentialSpec { inputs: 3, layers }, &mut stream(2, &[])).unwrap()
}

/// Chains that together hold every layer, every activation behind it, and nesting.
fn chains() -> Vec<(&'static str, Vec<Layer>)> {
    let batch_norm = || Layer::BatchNorm(BatchNorm { epsilon: 1e-3, momentum: 0.01 });
    let layer_norm = || Layer::LayerNorm { epsilon: 1e-3 };
    let normed =
        Layer::Dense { outputs: 6, activation: Activation::Tanh, initialisation: Initialisation::KaimingNormal, weight_norm: true };
    let block = |activation| vec![dense(4, Activation::Relu), batch_norm(), dense(5, Activation::Identity), Layer::Activation(activation)];
    let last = || dense(2, Activation::Identity);
    vec![
        ("selu", vec![dense(7, Activation::Selu), Layer::AlphaDropout(AlphaDropout::new(0.2)), dense(5, Activation::Selu), last()]),
        ("gelu", vec![dense(7, Activation::Gelu), Layer::Dropout(0.3), dense(5, Activation::Softplus), last()]),
        ("alpha dropout alone", vec![dense(5, Activation::Tanh), Layer::AlphaDropout(AlphaDropout::new(0.3)), last()]),
        ("batch norm", vec![dense(6, Activation::Relu), batch_norm(), dense(5, Activation::Silu), batch_norm(), last()]),
        ("layer norm", vec![dense(6, Activation::Identity), layer_norm(), Layer::Activation(Activation::Elu), last()]),
        ("weight norm", vec![normed.clone(), normed, last()]),
        ("highway", vec![dense(5, Activation::Relu), highway(Activation::Tanh), highway(Activation::Gelu), last()]),
        (
            "residual",
            vec![
                dense(5, Activation::Identity),
                Layer::Residual { layers: block(Activation::Sigmoid), activation: Activation::Elu },
                Layer::Residual { layers: block(Activation::Identity), activation: Activation::Gelu },
                last(),
            ],
        ),
    ]
}

/// Something with a gradient of its own.
fn loss(outputs: &Array2<f64>) -> (f64, Array2<f64>) {
    (outputs.iter().enumerate().map(|(i, v)| (1.0 + i as f64 % 3.0) * v.sin()).sum(), {
        let mut gradient = outputs.mapv(f64::cos);
        gradient.iter_mut().enumerate().for_each(|(i, g)| *g *= 1.0 + i as f64 % 3.0);
        gradient
    })
}

#[test]
fn gradients_agree_with_central_differences() {
    let inputs = matrix(9, 3, 0.7, 0.3, 1.2);
    for (name, layers) in chains() {
        for pass in [Pass::Evaluation, TRAINING] {
            let mut model = network::<f64>(layers.clone());
            // Away from kinks and from the symmetry of zero biases.
            model.parameters.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.05 * (i as f64 * 1.7).sin());
            let (outputs, tape) = model.forward(inputs.view(), pass).unwrap();
            let mut gradient = model.parameters.zeros_like();
            model.backward(&tape, loss(&outputs).1.view(), &mut gradient);
            let at = model.parameters.values().to_vec();
            let mut moved = model.clone();
            let value = |x: &[f64]| {
                moved.parameters.values_mut().copy_from_slice(x);
                loss(&moved.forward(inputs.view(), pass).unwrap().0).0
            };
            let checked = gradient_check(&at, gradient.values(), value, &mut stream(1, &[]));
            assert!(checked.is_ok(), "{name} in {pass:?}: {checked:?}");
        }
    }
}

#[test]
fn a_plain_chain_is_the_perceptron() {
    let mut spec = MlpSpec::new(3, [8, 6], 2, Activation::Gelu);
    spec.batch_norm = true;
    let perceptron = Mlp::<f64>::new(spec, &mut stream(4, &[])).unwrap();
    let norm = || Layer::BatchNorm(BatchNorm::default());
    let mut chain = network(vec![dense(8, Activation::Gelu), norm(), dense(6, Activation::Gelu), norm(), dense(2, Activation::Identity)]);
    chain.parameters_mut().values_mut().copy_from_slice(perceptron.parameters().values());
    let inputs = matrix(20, 3, 0.4, 0.1, 1.0);
    let (ours, tape) = chain.forward(inputs.view(), TRAINING).unwrap();
    let (theirs, their_tape) = perceptron.forward(inputs.view(), TRAINING).unwrap();
    assert_eq!(ours, theirs);
    let mut gradients = [chain.parameters().zeros_like(), perceptron.parameters().zeros_like()];
    chain.backward(&tape, loss(&ours).1.view(), &mut gradients[0]);
    perceptron.backward(&their_tape, loss(&ours).1.view(), &mut gradients[1]);
    for (a, b) in gradients[0].values().iter().zip(gradients[1].values()) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let inputs = matrix(2 * CHUNK_ROWS + 37, 3, 0.2, 0.5, 1.0).mapv(|v| v as f32);
    for (name, layers) in chains().into_iter().filter(|(name, _)| !["batch norm", "residual"].contains(name)) {
        let model = network::<f32>(layers);
        let together = |threads: usize| {
            Context::new(0).with_threads(threads).install(|| {
                let (outputs, tape) = model.forward(inputs.view(), TRAINING).unwrap();
                let mut gradient = model.parameters().zeros_like();
                model.backward(&tape, outputs.view(), &mut gradient);
                (outputs, gradient.values().to_vec())
            })
        };
        assert_eq!(together(1), together(3), "{name}");
    }
}

#[test]
fn norms_do_what_they_say() {
    let inputs = matrix(50, 3, 0.9, 0.2, 2.0);
    let rows = network::<f64>(vec![dense(16, Activation::Identity), Layer::LayerNorm { epsilon: 1e-9 }]).predict(inputs.view()).unwrap();
    for row in rows.rows() {
        let mean = row.mean().unwrap();
        assert!(mean.abs() < 1e-12 && (row.mapv(|v| v * v).mean().unwrap() - 1.0).abs() < 1e-6);
    }
    let layer =
        Layer::Dense { outputs: 4, activation: Activation::Identity, initialisation: Initialisation::LecunNormal, weight_norm: true };
    let mut model = network::<f64>(vec![layer]);
    let plain = model.predict(inputs.view()).unwrap();
    assert_eq!(model.dense_weights()[0].dim(), (4, 3));
    // The length of a direction is of no account.
    model.parameters_mut().slice_mut(0).iter_mut().for_each(|v| *v *= 3.0);
    let scaled = model.predict(inputs.view()).unwrap();
    plain.iter().zip(&scaled).for_each(|(a, b)| assert!((a - b).abs() < 1e-12));
}

#[test]
fn running_statistics_serve_prediction_and_are_saved() {
    let mut model = network::<f32>(chains().swap_remove(7).1);
    let inputs = matrix(40, 3, 0.3, 0.2, 1.5).mapv(|v| v as f32);
    let (_, tape) = model.forward(inputs.view(), TRAINING).unwrap();
    let before = model.predict(inputs.view()).unwrap();
    model.absorb_statistics(&tape);
    let after = model.predict(inputs.view()).unwrap();
    assert_ne!(before, after);
    let arrays = model.to_arrays("net/");
    assert!(arrays.contains_key("net/running/layer1.layer1.mean"), "{:?}", arrays.keys());
    let back = Sequential::from_arrays(model.spec().clone(), &arrays, "net/").unwrap();
    assert_eq!(back.predict(inputs.view()).unwrap(), after);
    let short = model.forward(inputs.select(Axis(0), &[0]).view(), TRAINING).err().unwrap();
    assert_eq!(short.to_string(), "a batch must have at least 2 rows with batch norm, got 1");
}

#[test]
fn activations_are_those_of_each_layer() {
    let layers = vec![
        dense(7, Activation::Selu),
        Layer::AlphaDropout(AlphaDropout::new(0.2)),
        dense(5, Activation::Selu),
        dense(2, Activation::Identity),
    ];
    let model = network::<f64>(layers);
    let inputs = matrix(CHUNK_ROWS + 3, 3, 0.3, 0.2, 1.5);
    let found = model.activations(inputs.view()).unwrap();
    assert_eq!(found.iter().map(Array2::dim).collect::<Vec<_>>(), [(515, 7), (515, 5), (515, 2)]);
    assert_eq!(found[2], model.predict(inputs.view()).unwrap());
}

#[test]
fn shapes_and_constants_out_of_range_are_refused() {
    let refused =
        |layers: Vec<Layer>| Sequential::<f32>::new(SequentialSpec { inputs: 3, layers }, &mut stream(0, &[])).unwrap_err().to_string();
    let skip = Layer::Residual { layers: vec![dense(4, Activation::Relu)], activation: Activation::Relu };
    assert_eq!(refused(vec![skip]), "parameter 'residual' must be a chain that keeps its width, got 3 in and 4 out");
    assert_eq!(refused(vec![Layer::AlphaDropout(AlphaDropout::new(1.0))]), "dropout p must be in [0, 1), got 1");
    assert_eq!(refused(vec![Layer::Dropout(-0.1)]), "parameter 'dropout' must be in [0, 1), got -0.1");
    assert_eq!(refused(vec![Layer::LayerNorm { epsilon: 0.0 }]), "parameter 'epsilon' must be > 0, got 0");
    assert_eq!(refused(vec![dense(0, Activation::Relu)]), "parameter 'outputs' must be >= 1, got 0");
}

#[test]
fn layers_of_one_width_have_masks_of_their_own() {
    let drop = || Layer::Dropout(0.5);
    let mut model = network::<f64>(vec![dense(64, Activation::Identity), drop(), drop()]);
    model.parameters_mut().slice_mut(1).fill(1.0);
    let outputs = model.forward(Array2::zeros((40, 3)).view(), TRAINING).unwrap().0;
    let kept = outputs.iter().filter(|v| **v != 0.0).count() as f64 / outputs.len() as f64;
    // One mask twice would keep a half.
    assert!((kept - 0.25).abs() < 0.05, "{kept}");
}

#[test]
fn what_a_file_claims_takes_no_memory() {
    let saved = network::<f32>(vec![dense(4, Activation::Relu)]).to_arrays("");
    let spec = SequentialSpec { inputs: 3, layers: vec![dense(1 << 60, Activation::Relu)] };
    let error = Sequential::from_arrays(spec, &saved, "").unwrap_err().to_string();
    assert_eq!(error, "array 'layer0.weight' must have shape [1152921504606846976, 3], got [4, 3]");
}
