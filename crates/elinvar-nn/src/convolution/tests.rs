//! The formula written out, agreement with PyTorch, circular shifts, and layers of maps in chains.

use super::*;
use crate::activation::Activation;
use crate::batch_norm::BatchNorm;
use crate::init::Initialisation;
use crate::mlp::Pass;
use crate::mlp::tests::{assert_close, floats, matrix, wave};
use crate::sequential::{Layer, Sequential, SequentialSpec};
use crate::{Batch, Batches, Network, Optimiser, OutputGradient, Pooling, Schedule, Training, gradient_check, train};
use elinvar_core::Context;
use elinvar_core::random::stream;
use ndarray::{Array1, ArrayView2};
use serde_json::Value;

const TRAINING: Pass = Pass::Training { seed: 3, step: 5 };

/// Every kind of stride, border and group.
fn shapes() -> Vec<Convolution> {
    let map = |channels| MapShape::new(channels, 7, 6);
    let plain = Convolution::new(map(4), 6, [3, 3]);
    vec![
        plain,
        Convolution { border: Padding::Circular, ..plain },
        Convolution { padding: [0, 0], ..plain },
        Convolution { stride: [2, 2], ..plain },
        Convolution { stride: [2, 3], padding: [2, 1], border: Padding::Circular, ..plain },
        Convolution { kernel: [2, 5], stride: [1, 3], padding: [1, 4], ..plain },
        Convolution { kernel: [1, 1], stride: [2, 3], padding: [0, 0], groups: 2, ..plain },
        Convolution { kernel: [7, 6], padding: [0, 0], outputs: 1, ..plain },
        Convolution { outputs: 4, groups: 4, ..plain },
        Convolution { outputs: 12, groups: 4, stride: [3, 1], kernel: [2, 2], padding: [1, 0], border: Padding::Circular, ..plain },
        Convolution { outputs: 22, groups: 2, ..plain },
        Convolution { map: MapShape::new(2, 1, 42), kernel: [1, 5], padding: [0, 2], ..plain },
        Convolution { map: MapShape::new(1, 40, 70), kernel: [3, 4], padding: [2, 3], border: Padding::Circular, ..plain },
        Convolution { map: MapShape::new(1, 2, 1), kernel: [9, 4], padding: [8, 3], border: Padding::Circular, outputs: 2, ..plain },
    ]
}

/// The number of the padded map that tap (p, q) of output (i, j) sees.
fn seen(shape: &Convolution, map: &[f64], channel: usize, [i, j]: [usize; 2], [p, q]: [usize; 2]) -> f64 {
    let MapShape { height, width, .. } = shape.map;
    let place = |output: usize, tap: usize, axis: usize| (output * shape.stride[axis] + tap) as isize - shape.padding[axis] as isize;
    let (row, column) = (place(i, p, 0), place(j, q, 1));
    let (inner_row, inner_column) = (row.rem_euclid(height as isize), column.rem_euclid(width as isize));
    let inside = (row, column) == (inner_row, inner_column);
    let number = map[(channel * height + inner_row as usize) * width + inner_column as usize];
    if inside || shape.border == Padding::Circular { number } else { 0.0 }
}

/// One output by the formula.
fn output(shape: &Convolution, map: &[f64], weight: &[f64], bias: &[f64], o: usize, at: [usize; 2]) -> f64 {
    let ([outputs, channels, rows, columns], mut sum) = (shape.weight(), bias[o]);
    let first = o / (outputs / shape.groups) * channels;
    for (k, w) in weight[o * channels * rows * columns..][..channels * rows * columns].iter().enumerate() {
        let (c, p, q) = (k / (rows * columns), k / columns % rows, k % columns);
        sum += w * seen(shape, map, first + c, at, [p, q]);
    }
    sum
}

/// Outputs by the formula.
fn written_out(shape: &Convolution, maps: &Array2<f64>, weight: &[f64], bias: &[f64]) -> Array2<f64> {
    let result = shape.result().unwrap();
    Array2::from_shape_fn((maps.nrows(), result.columns()), |(n, k)| {
        let (o, i, j) = (k / result.plane(), k / result.width % result.height, k % result.width);
        output(shape, maps.row(n).as_slice().unwrap(), weight, bias, o, [i, j])
    })
}

fn weight_and_bias(shape: &Convolution) -> (Vec<f64>, Vec<f64>) {
    let numbers = wave(shape.outputs * shape.seen() + shape.outputs, 1.3, 0.7, 0.5);
    let (weight, bias) = numbers.split_at(shape.outputs * shape.seen());
    (weight.to_vec(), bias.to_vec())
}

#[test]
fn outputs_are_those_of_the_formula() {
    for shape in shapes() {
        let (maps, (weight, bias)) = (matrix(3, shape.map.columns(), 0.9, 0.2, 1.5), weight_and_bias(&shape));
        let layout = Layout::new(shape).unwrap();
        let expected = written_out(&shape, &maps, &weight, &bias);
        assert_close(forward(&layout, &maps, &weight, &bias), expected.as_slice().unwrap(), 1e-13, &format!("{shape:?}"));
        let single = |numbers: &[f64]| numbers.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let found = forward(&layout, &maps.mapv(|v| v as f32), &single(&weight), &single(&bias));
        assert_close(found.into_iter().map(f64::from), expected.as_slice().unwrap(), 2e-6, &format!("{shape:?}"));
    }
}

/// A convolution is linear in its maps and in its weights, so that its gradients are its transposes: inner products tell.
#[test]
fn gradients_are_those_of_the_formula() {
    for shape in shapes() {
        let (maps, (weight, bias)) = (matrix(11, shape.map.columns(), 0.9, 0.2, 1.5), weight_and_bias(&shape));
        let layout = Layout::new(shape).unwrap();
        let gradient = matrix(11, layout.result().columns(), 2.1, 0.4, 1.0);
        let (mut by_weight, mut by_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
        let by_maps = backward(&layout, (&maps, &weight), &gradient, (&mut by_weight, &mut by_bias), true).unwrap();
        let value = |maps: &Array2<f64>, weight: &[f64], bias: &[f64]| (written_out(&shape, maps, weight, bias) * &gradient).sum();
        let no_bias = vec![0.0; bias.len()];
        for seed in 0..3 {
            let direction = wave(weight.len(), 0.37 + f64::from(seed), 0.1, 1.0);
            let expected = value(&maps, &direction, &no_bias);
            let found = direction.iter().zip(&by_weight).map(|(d, g)| d * g).sum::<f64>();
            assert!((found - expected).abs() < 1e-10 * gradient.len() as f64, "{shape:?}: {found} {expected}");
            let direction = matrix(11, shape.map.columns(), 0.37 + f64::from(seed), 0.1, 1.0);
            let (found, expected) = ((&direction * &by_maps).sum(), value(&direction, &weight, &no_bias));
            assert!((found - expected).abs() < 1e-10 * gradient.len() as f64, "{shape:?}: {found} {expected}");
        }
        let by_output = |o: usize| gradient.columns().into_iter().skip(o * layout.result().plane()).take(layout.result().plane());
        let expected: Vec<f64> = (0..shape.outputs).map(|o| by_output(o).map(|column| column.sum()).sum()).collect();
        assert_close(by_bias, &expected, 1e-12, "bias");
    }
}

fn of<V: serde::de::DeserializeOwned>(case: &Value, name: &str) -> V {
    serde_json::from_value(case[name].clone()).unwrap()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let reference: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let (kernel, stride, padding) = (of(case, "kernel"), of(case, "stride"), of(case, "padding"));
        let (border, groups) = (of(case, "border"), of(case, "groups"));
        let shape = Convolution { map: MapShape::new(4, 7, 6), outputs: 6, kernel, stride, padding, border, groups };
        let (maps, (weight, bias)) = (matrix(3, 4 * 7 * 6, 0.9, 0.2, 1.5), weight_and_bias(&shape));
        let layout = Layout::new(shape).unwrap();
        let outputs = forward(&layout, &maps, &weight, &bias).mapv(f64::tanh);
        let gradient = matrix(3, outputs.ncols(), 2.1, 0.4, 1.0) * outputs.mapv(|v| 1.0 - v * v);
        let (mut by_weight, mut by_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
        let by_maps = backward(&layout, (&maps, &weight), &gradient, (&mut by_weight, &mut by_bias), true).unwrap();
        assert_close(outputs, &floats(&case["outputs"]), 1e-12, &format!("{shape:?}"));
        assert_close(by_weight.into_iter().chain(by_bias), &floats(&case["gradient"]), 1e-12, &format!("{shape:?}"));
        assert_close(by_maps, &floats(&case["image_gradient"]), 1e-12, &format!("{shape:?}"));
    }
}

/// Maps moved down and to the right, in a circle.
fn shifted(maps: &Array2<f64>, shape: MapShape, down: usize, right: usize) -> Array2<f64> {
    let (height, width) = (shape.height, shape.width);
    Array2::from_shape_fn(maps.dim(), |(n, k)| {
        let (channel, row, column) = (k / shape.plane(), k / width % height, k % width);
        maps[[n, (channel * height + (row + height - down) % height) * width + (column + width - right) % width]]
    })
}

#[test]
fn with_a_circular_border_shifts_pass_through() {
    let shape = Convolution { border: Padding::Circular, ..Convolution::new(MapShape::new(3, 8, 5), 4, [3, 5]) };
    let (maps, (weight, bias), layout) = (matrix(2, 120, 0.9, 0.2, 1.5), weight_and_bias(&shape), Layout::new(shape).unwrap());
    let plain = forward(&layout, &maps, &weight, &bias);
    for (down, right) in [(1, 0), (0, 1), (5, 3)] {
        let moved = forward(&layout, &shifted(&maps, shape.map, down, right), &weight, &bias);
        assert_eq!(moved, shifted(&plain, layout.result(), down, right));
    }
}

fn convolution(shape: Convolution, activation: Activation) -> Layer {
    Layer::Convolution { shape, activation, initialisation: Initialisation::KaimingNormal }
}

fn dense(outputs: usize) -> Layer {
    Layer::Dense { outputs, activation: Activation::Identity, initialisation: Initialisation::LecunNormal, weight_norm: false }
}

const MAP: MapShape = MapShape { channels: 2, height: 6, width: 5 };

/// Chains from maps of shape [`MAP`] that together hold every layer of maps.
fn chains() -> Vec<(&'static str, Vec<Layer>)> {
    let first = Convolution::new(MAP, 4, [3, 3]);
    let map = first.result().unwrap();
    let circular = Convolution { border: Padding::Circular, stride: [1, 2], groups: 2, ..Convolution::new(map, 6, [3, 3]) };
    let small = circular.result().unwrap();
    let pool = Pooling { stride: [2, 1], ..Pooling::new(map, [3, 2]) };
    let means = Pooling::new(map, [2, 2]).result().unwrap();
    let norm = Layer::ChannelNorm { map, norm: BatchNorm { epsilon: 1e-3, momentum: 0.1 } };
    let block = vec![convolution(Convolution::new(map, 4, [3, 3]), Activation::Tanh)];
    vec![
        ("two", vec![convolution(first, Activation::Tanh), convolution(circular, Activation::Gelu), Layer::GlobalMean(small), dense(2)]),
        ("max pool", vec![convolution(first, Activation::Relu), Layer::MaxPool(pool), dense(2)]),
        (
            "mean pool",
            vec![
                convolution(first, Activation::Silu),
                Layer::MeanPool(Pooling::new(map, [2, 2])),
                convolution(Convolution { groups: 4, ..Convolution::new(means, 4, [2, 2]) }, Activation::Elu),
                dense(2),
            ],
        ),
        (
            "residual",
            vec![
                convolution(first, Activation::Softplus),
                Layer::Residual { layers: block, activation: Activation::Relu },
                Layer::GlobalMean(map),
            ],
        ),
        ("channel norm", vec![convolution(first, Activation::Selu), norm, Layer::Activation(Activation::Relu), Layer::GlobalMean(map)]),
    ]
}

fn network<T: Real>(layers: Vec<Layer>) -> Sequential<T> {
    let mut network = Sequential::new(SequentialSpec { inputs: MAP.columns(), layers }, &mut stream(2, &[])).unwrap();
    // Away from kinks and from the symmetry of zero biases.
    network.parameters_mut().values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += T::of(0.05 * (i as f64 * 1.7).sin()));
    network
}

#[test]
fn gradients_agree_with_central_differences() {
    let maps = matrix(9, MAP.columns(), 0.7, 0.3, 1.2);
    for (name, layers) in chains() {
        for pass in [Pass::Evaluation, TRAINING] {
            let model = network::<f64>(layers.clone());
            let (outputs, tape) = model.forward(maps.view(), pass).unwrap();
            let mut gradient = model.parameters().zeros_like();
            model.backward(&tape, outputs.mapv(f64::cos).view(), &mut gradient);
            let mut moved = model.clone();
            let value = |x: &[f64]| {
                moved.parameters_mut().values_mut().copy_from_slice(x);
                moved.forward(maps.view(), pass).unwrap().0.mapv(f64::sin).sum()
            };
            let checked = gradient_check(model.parameters().values(), gradient.values(), value, &mut stream(1, &[]));
            assert!(checked.is_ok(), "{name} in {pass:?}: {checked:?}");
        }
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let maps = matrix(77, MAP.columns(), 0.2, 0.5, 1.0).mapv(|v| v as f32);
    for (name, layers) in chains() {
        let model = network::<f32>(layers);
        let together = |threads: usize| {
            Context::new(0).with_threads(threads).install(|| {
                let (outputs, tape) = model.forward(maps.view(), Pass::Evaluation).unwrap();
                let mut gradient = model.parameters().zeros_like();
                model.backward(&tape, outputs.view(), &mut gradient);
                (outputs, gradient.values().to_vec())
            })
        };
        assert_eq!(together(1), together(2), "{name}");
        let alone = model.predict(maps.select(ndarray::Axis(0), &[40]).view()).unwrap();
        assert_eq!(alone.row(0), together(1).0.row(40), "{name}");
    }
}

#[test]
fn channels_are_normed_over_batch_and_map() {
    let norm = Layer::ChannelNorm { map: MAP, norm: BatchNorm { epsilon: 1e-9, momentum: 0.1 } };
    let model = Sequential::<f64>::new(SequentialSpec { inputs: MAP.columns(), layers: vec![norm] }, &mut stream(2, &[])).unwrap();
    let outputs = model.forward(matrix(7, MAP.columns(), 0.7, 0.3, 1.2).view(), TRAINING).unwrap().0;
    for channel in outputs.axis_chunks_iter(ndarray::Axis(1), MAP.plane()) {
        assert!(channel.mean().unwrap().abs() < 1e-12 && (channel.mapv(|v| v * v).mean().unwrap() - 1.0).abs() < 1e-6);
    }
    assert_eq!(model.running().unwrap().get("layer0.mean").unwrap().len(), 2);
}

#[test]
fn pools_choose_and_average() {
    let map = MapShape::new(1, 2, 5);
    let numbers = Array2::from_shape_vec((1, 10), vec![1.0, 3.0, 3.0, -1.0, 9.0, 2.0, 0.0, f64::NAN, 5.0, 9.0]).unwrap();
    let of = |layer: Layer| Sequential::<f64>::new(SequentialSpec { inputs: 10, layers: vec![layer] }, &mut stream(2, &[])).unwrap();
    let largest = of(Layer::MaxPool(Pooling::new(map, [2, 2]))).predict(numbers.view()).unwrap();
    assert!(largest[[0, 0]] == 3.0 && largest[[0, 1]].is_nan());
    let means = of(Layer::MeanPool(Pooling::new(map, [2, 2]))).predict(numbers.view()).unwrap();
    assert!(means[[0, 0]] == 1.5 && means.len() == 2);
}

#[test]
fn arrays_have_the_shapes_of_pytorch() {
    let shape = Convolution { groups: 2, ..Convolution::new(MAP, 4, [3, 2]) };
    let model = network::<f32>(vec![convolution(shape, Activation::Relu)]);
    let arrays = model.to_arrays("");
    assert_eq!((arrays["layer0.weight"].shape(), arrays["layer0.bias"].shape()), (&[4, 1, 3, 2][..], &[4][..]));
    let back = Sequential::from_arrays(model.spec().clone(), &arrays, "").unwrap();
    let maps = matrix(3, MAP.columns(), 0.2, 0.5, 1.0).mapv(|v| v as f32);
    assert_eq!(back.predict(maps.view()).unwrap(), model.predict(maps.view()).unwrap());
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let refused = |layer: Layer| {
        let spec = SequentialSpec { inputs: MAP.columns(), layers: vec![layer] };
        Sequential::<f32>::new(spec, &mut stream(0, &[])).unwrap_err().to_string()
    };
    let of = |shape: Convolution| refused(convolution(shape, Activation::Relu));
    let shape = Convolution::new(MAP, 4, [3, 3]);
    let wrong = MapShape::new(3, 6, 5);
    let message = "parameter 'map' must be a shape of 60 numbers, got 3x6x5 of 90";
    assert_eq!(of(Convolution { map: wrong, ..shape }), message);
    assert_eq!(refused(Layer::GlobalMean(wrong)), message);
    assert_eq!(refused(Layer::MaxPool(Pooling::new(wrong, [2, 2]))), message);
    assert_eq!(refused(Layer::ChannelNorm { map: wrong, norm: BatchNorm::default() }), message);
    assert_eq!(of(Convolution { groups: 3, ..shape }), "parameter 'groups' must be a divisor of 2 channels and 4 outputs, got 3");
    assert_eq!(of(Convolution { groups: 0, ..shape }), "parameter 'groups' must be a divisor of 2 channels and 4 outputs, got 0");
    assert_eq!(of(Convolution { outputs: 0, ..shape }), "parameter 'outputs' must be >= 1, got 0");
    assert_eq!(of(Convolution { kernel: [3, 0], ..shape }), "parameter 'kernel' must be >= 1 on both axes, got 0");
    assert_eq!(of(Convolution { stride: [0, 1], ..shape }), "parameter 'stride' must be >= 1 on both axes, got 0");
    assert_eq!(of(Convolution { padding: [3, 1], ..shape }), "parameter 'padding' must be below the kernel, which has 3, got 3");
    let wide = Convolution { kernel: [9, 3], ..shape };
    assert_eq!(of(wide), "parameter 'kernel' must be within the map and its border, 6 + 2 * 1, got 9");
    let pool = Pooling::new(MAP, [2, 6]);
    assert_eq!(refused(Layer::MeanPool(pool)), "parameter 'kernel' must be within the map and its border, 5 + 2 * 0, got 6");
}

#[test]
fn what_a_file_claims_takes_no_memory() {
    let saved = network::<f32>(vec![convolution(Convolution::new(MAP, 4, [3, 3]), Activation::Relu)]).to_arrays("");
    let claim = |map: MapShape, kernel: [usize; 2]| {
        let layers = vec![convolution(Convolution::new(map, 4, kernel), Activation::Relu), Layer::MaxPool(Pooling::new(map, kernel))];
        Sequential::from_arrays(SequentialSpec { inputs: map.columns(), layers }, &saved, "").is_err()
    };
    assert!(claim(MapShape::new(1 << 40, 1 << 20, 1), [1, 1]) && claim(MapShape::new(4, usize::MAX / 8, 1), [usize::MAX / 16, 1]));
}

#[test]
fn a_small_network_learns_which_way_stripes_run() {
    let map = MapShape::new(1, 8, 8);
    let stripes = |n: usize, k: usize| {
        ((if n.is_multiple_of(2) { k / 8 } else { k % 8 } + n / 2) % 2) as f32 + 0.3 * ((n * 64 + k) as f32 * 0.7).sin()
    };
    let maps = Array2::from_shape_fn((64, 64), |(n, k)| stripes(n, k));
    let shape = Convolution::new(map, 6, [3, 3]);
    let pool = Pooling::new(shape.result().unwrap(), [2, 2]);
    let layers = vec![convolution(shape, Activation::Relu), Layer::MaxPool(pool), Layer::GlobalMean(pool.result().unwrap()), dense(1)];
    let model = Sequential::<f32>::new(SequentialSpec { inputs: 64, layers }, &mut stream(4, &[])).unwrap();
    let target = |rows: &[usize]| rows.iter().map(|row| (row % 2) as f32).collect::<Array1<f32>>();
    let mut losses = Vec::new();
    let mut objective = |batch: &Batch<'_>, outputs: ArrayView2<'_, f32>| -> Result<OutputGradient> {
        let residual = &outputs - &target(batch.rows).insert_axis(ndarray::Axis(1));
        losses.push(residual.mapv(|r| f64::from(r * r)).mean().unwrap_or(f64::NAN));
        Ok(OutputGradient { loss: losses[losses.len() - 1], gradient: residual * (2.0 / batch.rows.len() as f32) })
    };
    let training = Training::new(Batches::Draws { steps: 150, batch_size: 32 }, Optimiser::ADAM, Schedule::Constant { rate: 1e-2 });
    train(model, training, maps.view(), &mut objective, &mut Context::new(0)).unwrap();
    let (start, end) = (losses[0], losses[losses.len() - 1]);
    assert!(end < 0.2 * start, "{start} {end}");
}
