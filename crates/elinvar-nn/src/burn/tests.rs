use super::*;
use crate::alpha_dropout::AlphaDropout;
use crate::attention::{self, Guide, Heads};
use crate::batch_norm::BatchNorm;
use crate::device::Place;
use crate::sequential::{Layer, Sequential, SequentialSpec};
use crate::vit::{Pool, Position};
use crate::{
    Activation, Batch, Batches, Cell, Convolution, Initialisation, MapShape, Mlp, MlpSpec, Network, Optimiser, OutputGradient, Padding,
    Pass, Pooling, Recurrent, RecurrentSpec, Schedule, Training, Vit, VitSpec, device, train,
};
use burn::tensor::{Device, TensorData};
use elinvar_core::Context;
use elinvar_core::random::stream;
use ndarray::{Array2, array};

#[test]
fn the_tape_carries_value_and_gradient() {
    let device = Device::flex().autodiff();
    let weight = Tensor::<2>::from_data([[2.0_f32, 0.0], [0.0, 3.0]], &device).require_grad();
    let x = Tensor::<2>::from_data([[1.0_f32, 2.0]], &device);
    let gradient = array![[0.5_f32, -1.0]];
    let loss = attach(x.clone().matmul(weight.clone()), 7.25, gradient.view()).unwrap();
    assert_eq!(loss.clone().into_scalar::<f32>(), 7.25);
    let gradients = loss.backward();
    let found = to_array(&weight.grad(&gradients).unwrap()).unwrap();
    assert_eq!(found, array![[0.5, -1.0], [1.0, -2.0]], "x^T gradient");
    assert!(attach(x, 0.0, array![[1.0_f32]].view()).is_err());
}

#[test]
fn maps_are_anchored_on_the_tape() {
    let device = Device::flex().autodiff();
    let values: Vec<f32> = (0..32).map(|k| (k as f32 * 1.3).sin()).collect();
    let maps = Tensor::<4>::from_data(TensorData::new(values.clone(), [2, 1, 4, 4]), &device).require_grad();
    let (rolled, found) = anchored(maps.clone(), Anchor::new(2)).unwrap();
    let torus = Torus { channels: 1, height: 4, width: 4, layout: Layout::ChannelsFirst };
    let mut expected = vec![0.0; 32];
    for (n, found) in found.iter().enumerate() {
        torus.roll(&values[16 * n..16 * (n + 1)], found.offset, &mut expected[16 * n..16 * (n + 1)]).unwrap();
    }
    assert_eq!(numbers(&rolled).unwrap(), expected);
    let weights = Tensor::<4>::from_data(TensorData::new(expected.clone(), [2, 1, 4, 4]), &device);
    let gradients = (rolled * weights).sum().backward();
    assert_eq!(numbers(&maps.grad(&gradients).unwrap()).unwrap(), values, "the roll is undone");
    assert!(anchored(maps, Anchor::new(3)).is_err());
}

/// Outputs and gradient of a network on a device.
fn passed<N: Network<f32>>(network: &N, inputs: &Array2<f32>, pass: Pass, device: elinvar_core::Device) -> (Array2<f32>, Vec<f32>) {
    let ctx = Context::new(0).with_device(device);
    let place = Place::of(device).unwrap();
    let (outputs, tape) = device::forward(network, inputs.view(), pass, &place, &ctx).unwrap();
    let weights = Array2::from_shape_fn(outputs.dim(), |(i, j)| ((3 * i + j) as f32 * 0.7).cos());
    let mut gradient = network.parameters().zeros_like();
    device::backward(network, &tape, weights.view(), &mut gradient, &ctx).unwrap();
    (outputs, gradient.values().to_vec())
}

/// Holds a network on every device that is here against itself on the processor.
fn assert_alike(network: &impl Network<f32>, rows: usize, columns: usize, pass: Pass) {
    let inputs = Array2::from_shape_fn((rows, columns), |(i, j)| ((columns * i + j) as f32 * 0.37).sin());
    let (outputs, gradient) = passed(network, &inputs, pass, elinvar_core::Device::Cpu);
    let predictions = network.predict(inputs.view()).unwrap();
    for device in device::available().into_iter().filter(|&device| device != elinvar_core::Device::Cpu) {
        let near = |a: &[f32], b: &[f32], what: &str| assert_near_on(device, a, b, what);
        let (theirs, other) = passed(network, &inputs, pass, device);
        near(outputs.as_slice().unwrap(), theirs.as_slice().unwrap(), "outputs");
        near(&gradient, &other, "gradient");
        let theirs = device::predict(network, inputs.view(), &Context::new(0).with_device(device)).unwrap();
        near(predictions.as_slice().unwrap(), theirs.as_slice().unwrap(), "predictions");
    }
}

/// Within 1e-5 of the largest number, about a hundred roundings; a graphics card has elementary functions of its own and ten times as much.
fn assert_near_on(device: elinvar_core::Device, a: &[f32], b: &[f32], what: &str) {
    let bound = if device == elinvar_core::Device::Flex { 1e-5 } else { 1e-4 };
    let largest = a.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let apart = a.iter().zip(b).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(largest > 0.0 && apart <= bound * largest && a.len() == b.len(), "{what} on {device}: {apart} of {largest}");
}

fn assert_near(a: &[f32], b: &[f32], what: &str) {
    assert_near_on(elinvar_core::Device::Flex, a, b, what);
}

const TRAINING: Pass = Pass::Training { seed: 3, step: 5 };

#[test]
fn perceptrons_are_what_burn_computes() {
    use Activation::*;
    let plain = MlpSpec { residual: true, ..MlpSpec::new(4, &[16, 8], 4, Tanh) };
    for activation in [Identity, Relu, LeakyRelu, Elu, Gelu, GeluErf, Silu, Selu, Sigmoid, Softplus, Tanh] {
        let network = Mlp::new(MlpSpec { activation, ..plain.clone() }, &mut stream(1, &[])).unwrap();
        assert_alike(&network, 9, 4, Pass::Evaluation);
    }
    let dropped = Mlp::new(MlpSpec { dropout: 0.4, ..plain.clone() }, &mut stream(1, &[])).unwrap();
    assert_alike(&dropped, 700, 4, TRAINING);
    let normed = Mlp::new(MlpSpec { batch_norm: true, ..plain }, &mut stream(1, &[])).unwrap();
    assert_alike(&normed, 9, 4, Pass::Evaluation);
    let (place, ctx) = (Place::of(elinvar_core::Device::Flex).unwrap(), Context::new(0));
    let error = device::forward(&normed, Array2::zeros((9, 4)).view(), TRAINING, &place, &ctx).err().unwrap();
    assert!(error.to_string().contains("batch norm"), "{error}");
}

#[test]
fn chains_of_layers_are_what_burn_computes() {
    let dense =
        |outputs, activation, weight_norm| Layer::Dense { outputs, activation, initialisation: Initialisation::LecunNormal, weight_norm };
    let layers = vec![
        dense(12, Activation::Selu, false),
        Layer::AlphaDropout(AlphaDropout::new(0.2)),
        dense(12, Activation::Tanh, true),
        Layer::LayerNorm { epsilon: 1e-5 },
        Layer::Dropout(0.3),
        Layer::Highway { activation: Activation::Relu, initialisation: Initialisation::LecunNormal, gate_bias: -1.0 },
        Layer::Residual { layers: vec![dense(12, Activation::Elu, false)], activation: Activation::Identity },
        Layer::AlphaDropout(AlphaDropout { saturation: -1.0, ..AlphaDropout::new(0.1) }),
        dense(3, Activation::Identity, false),
    ];
    let network = Sequential::new(SequentialSpec { inputs: 5, layers }, &mut stream(2, &[])).unwrap();
    assert_alike(&network, 70, 5, Pass::Evaluation);
    assert_alike(&network, 70, 5, TRAINING);
}

#[test]
fn convolutions_are_what_burn_computes() {
    let map = MapShape::new(4, 6, 5);
    let plain = Convolution::new(map, 6, [3, 3]);
    for shape in [
        plain,
        Convolution { border: Padding::Circular, stride: [2, 1], groups: 2, ..plain },
        Convolution { kernel: [9, 2], padding: [8, 1], border: Padding::Circular, outputs: 4, groups: 4, ..plain },
    ] {
        let result = shape.result().unwrap();
        let (pool, norm) = (Pooling { stride: [1, 2], ..Pooling::new(result, [2, 2]) }, BatchNorm::default());
        let small = pool.result().unwrap();
        let initialisation = Initialisation::LecunNormal;
        let convolution = Layer::Convolution { shape, activation: Activation::Tanh, initialisation };
        let head = Layer::Dense { outputs: 3, activation: Activation::Identity, initialisation, weight_norm: false };
        for (layers, pass) in [
            (vec![convolution.clone(), Layer::MaxPool(pool), Layer::GlobalMean(small), head.clone()], TRAINING),
            (vec![convolution, Layer::ChannelNorm { map: result, norm }, Layer::MeanPool(pool), head], Pass::Evaluation),
        ] {
            let network = Sequential::new(SequentialSpec { inputs: map.columns(), layers }, &mut stream(2, &[])).unwrap();
            assert_alike(&network, 5, map.columns(), pass);
        }
    }
}

#[test]
fn recurrent_networks_are_what_burn_computes() {
    for cell in [Cell::Tanh, Cell::Rate { leak: 0.3 }, Cell::Gru, Cell::Lstm] {
        let network = Recurrent::new(RecurrentSpec { cell, inputs: 2, units: 7, outputs: 3 }, &mut stream(3, &[])).unwrap();
        assert_alike(&network, 5, 2 * 6, TRAINING);
    }
}

#[test]
fn vision_transformers_are_what_burn_computes() {
    let spec = VitSpec {
        channels: 2,
        height: 4,
        width: 6,
        patch: 2,
        patch_norm: true,
        dim: 8,
        depth: 2,
        heads: 2,
        mlp_ratio: 2.0,
        position: Position::CircularConvolution,
        pool: Pool::Mean,
        outputs: 3,
    };
    for (position, pool) in [(Position::CircularConvolution, Pool::Token), (Position::Absolute, Pool::Token), (Position::None, Pool::Mean)]
    {
        let network = Vit::new(VitSpec { position, pool, ..spec }, &mut stream(4, &[])).unwrap();
        assert_alike(&network, 5, 2 * 4 * 6, TRAINING);
    }
}

#[test]
fn training_on_another_device_gives_nearly_the_same_network() {
    let training = Training::new(Batches::Draws { steps: 40, batch_size: 16 }, Optimiser::ADAM, Schedule::Constant { rate: 1e-2 });
    let inputs = Array2::from_shape_fn((64, 3), |(i, j)| ((3 * i + j) as f32 * 0.37).sin());
    let fit = |device| {
        let network = Mlp::new(MlpSpec::new(3, &[8], 1, Activation::Tanh), &mut stream(1, &[])).unwrap();
        let mut objective = |batch: &Batch<'_>, outputs: ArrayView2<'_, f32>| {
            let gradient = &outputs - &batch.inputs.column(0).insert_axis(ndarray::Axis(1));
            Ok(OutputGradient { loss: f64::from(gradient.mapv(|g| g * g).sum()) / 2.0, gradient })
        };
        train(network, training, inputs.view(), &mut objective, &mut Context::new(0).with_device(device)).unwrap().0
    };
    let [ours, theirs] = [elinvar_core::Device::Cpu, elinvar_core::Device::Flex].map(|d| fit(d).parameters().values().to_vec());
    let apart = ours.iter().zip(&theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(apart < 1e-4, "{apart}");
}

#[test]
fn a_device_that_is_absent_is_named_with_what_there_is() {
    let ctx = Context::new(0).with_device(elinvar_core::Device::Cuda(7));
    let network = Mlp::new(MlpSpec::new(3, &[8], 1, Activation::Tanh), &mut stream(1, &[])).unwrap();
    let error = device::predict(&network, Array2::zeros((1, 3)).view(), &ctx).unwrap_err().to_string();
    assert!(error.contains("'cpu', 'flex'") && error.contains("'cuda:7'"), "{error}");
}

#[test]
fn attention_with_bias_and_mask_is_that_of_burn() {
    let heads = Heads { queries: 5, keys: 7, heads: 2, width: 4 };
    let samples = 3;
    let matrix =
        |rows: usize, columns: usize, rate: f32| Array2::from_shape_fn((rows, columns), |(i, j)| ((columns * i + j) as f32 * rate).sin());
    let rows = [matrix(15, 8, 0.37), matrix(21, 8, 0.53), matrix(21, 8, 0.71)];
    let (bias, weights) = (matrix(10, 7, 0.29), matrix(15, 8, 0.9));
    let mask = Array2::from_shape_fn((15, 7), |(query, key)| (query + 2 * key) % 4 != 0);
    let guide = Guide { bias: Some(bias.view()), mask: Some(mask.view()) };
    let (results, probabilities) = attention::attend(heads, rows.each_ref(), guide).unwrap();
    let mut by_bias = Array2::zeros(bias.dim());
    let by_rows = attention::gradients(heads, rows.each_ref(), &probabilities, &weights, Some(by_bias.view_mut())).unwrap();

    let device = Device::flex().autodiff();
    let leaf = |a: &Array2<f32>| {
        Tensor::<2>::from_data(TensorData::new(a.iter().copied().collect::<Vec<f32>>(), [a.nrows(), a.ncols()]), &device).require_grad()
    };
    let leaves = [&rows[0], &rows[1], &rows[2], &bias].map(leaf);
    let of_heads = |t: &Tensor<2>, tokens: usize| t.clone().reshape([samples, tokens, 2, 4]).permute([0, 2, 1, 3]);
    let [query, key, value] = [(0, 5), (1, 7), (2, 7)].map(|(k, tokens)| of_heads(&leaves[k], tokens));
    let hidden: Vec<f32> = mask.iter().map(|&allowed| if allowed { 0.0 } else { -1e30 }).collect();
    let hidden = Tensor::<4>::from_data(TensorData::new(hidden, [samples, 1, 5, 7]), &device);
    let scores = query.matmul(key.transpose()) * 0.5 + leaves[3].clone().reshape([1, 2, 5, 7]) + hidden;
    let attended = burn::tensor::activation::softmax(scores, 3).matmul(value).permute([0, 2, 1, 3]).reshape([15, 8]);
    assert_near(&numbers(&attended).unwrap(), results.as_slice().unwrap(), "results");
    let found = (attended * leaf(&weights)).sum().backward();
    for (leaf, own) in leaves.iter().zip(by_rows.iter().chain([&by_bias])) {
        assert_near(&numbers(&leaf.grad(&found).unwrap()).unwrap(), own.as_slice().unwrap(), "gradient");
    }
}
