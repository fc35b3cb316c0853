//! Agreement with timm, gradients against central differences, circular shifts, single images, threads.

use super::step::Step;
use super::*;
use crate::gradient_check;
use crate::init::fill_normal;
use crate::mlp::tests::{assert_close, floats, matrix, wave};
use elinvar_core::Context;
use elinvar_core::random::stream;
use rand::RngExt;
use serde_json::Value;

/// The spec of `reference.py`.
fn plain() -> TwinsSpec {
    TwinsSpec {
        channels: 2,
        height: 8,
        width: 16,
        patches: vec![2, 2],
        dims: vec![4, 6],
        heads: vec![2, 3],
        depths: vec![2, 3],
        reductions: vec![2, 1],
        window: 2,
        mlp_ratio: 1.6,
        anchor: false,
        norm: Norm::L2,
        tie_break: TieBreak::Keys,
        padding: Padding::Zeros,
        outputs: 3,
    }
}

/// A first stage that ends with windows of 3, which do not serve the patches of 2 after them.
fn odd() -> TwinsSpec {
    TwinsSpec { height: 24, width: 12, depths: vec![1, 3], reductions: vec![1, 3], window: 3, ..plain() }
}

/// A wider network, with reductions in both stages.
fn wide() -> TwinsSpec {
    TwinsSpec {
        height: 16,
        width: 16,
        dims: vec![8, 16],
        heads: vec![2, 4],
        depths: vec![2, 4],
        reductions: vec![4, 2],
        window: 4,
        ..plain()
    }
}

/// The network of `reference.py`.
fn fixed<T: Real>(spec: TwinsSpec) -> Twins<T> {
    let mut network = Twins::<T>::new(spec, &mut stream(0, &[])).unwrap();
    let numbers = wave(network.parameters.values().len(), 1.3, 0.7, 0.5);
    network.parameters.values_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = T::of(from));
    network
}

/// A network whose attention is far from even, so that what tokens stand together matters.
fn random(spec: TwinsSpec, seed: u64) -> Twins<f32> {
    let mut network = Twins::<f32>::new(spec, &mut stream(seed, &[])).unwrap();
    fill_normal(network.parameters.values_mut(), 0.5, &mut stream(seed, &[("weights", 0)]));
    network
}

fn images(count: usize, spec: &TwinsSpec) -> Array2<f64> {
    let pixels = spec.channels * spec.height * spec.width;
    matrix(count, pixels, 0.9, 0.2, 1.5) * matrix(count, pixels, 0.037, 0.1, 1.0)
}

fn noise(count: usize, spec: &TwinsSpec, seed: u64) -> Array2<f32> {
    let mut images = Array2::zeros((count, spec.channels * spec.height * spec.width));
    fill_normal(images.as_slice_mut().unwrap(), 1.0, &mut stream(seed, &[("images", 0)]));
    images
}

/// Outputs and gradient of sum(weights * outputs).
fn both<T: Real>(network: &Twins<T>, images: ArrayView2<'_, T>, weights: ArrayView2<'_, T>) -> (Array2<T>, Vec<T>) {
    let (outputs, tape) = network.forward(images, Pass::Evaluation).unwrap();
    let mut gradient = network.parameters.zeros_like();
    network.backward(&tape, weights, &mut gradient);
    (outputs, gradient.values().to_vec())
}

/// Images moved up and to the left, in a circle.
fn shifted(images: &Array2<f32>, spec: &TwinsSpec, up: usize, left: usize) -> Array2<f32> {
    let (height, width) = (spec.height, spec.width);
    Array2::from_shape_fn(images.dim(), |(image, pixel)| {
        let (channel, row, column) = (pixel / (height * width), pixel / width % height, pixel % width);
        images[[image, (channel * height + (row + up) % height) * width + (column + left) % width]]
    })
}

#[test]
fn results_and_gradients_are_those_of_timm() {
    let reference: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let anchor = case["anchor"].as_bool().unwrap();
        let spec = if anchor { plain().anchored() } else { plain() };
        let given = serde_json::to_value(&spec).unwrap();
        for name in ["height", "width", "dims", "heads", "depths", "reductions", "window", "mlp_ratio", "anchor"] {
            assert_eq!(given[name], case[name], "{name}");
        }
        let network = fixed::<f64>(spec.clone());
        let names: Vec<&str> = case["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(network.parameters.names().collect::<Vec<_>>(), names);
        for (name, shape) in names.into_iter().zip(case["shapes"].as_array().unwrap()) {
            assert_eq!(&serde_json::to_value(network.parameters.get(name).unwrap().shape()).unwrap(), shape, "{name}");
        }
        let (images, weights, what) = (images(3, &spec), matrix(3, 3, 2.1, 0.4, 1.0), format!("anchor {anchor}"));
        let (outputs, gradient) = both(&network, images.view(), weights.view());
        assert_close(outputs, &floats(&case["outputs"]), 1e-12, &what);
        assert_close(gradient, &floats(&case["gradient"]), 1e-12, &what);
        let [images, weights] = [images, weights].map(|a| a.mapv(|v| v as f32));
        let (outputs, gradient) = both(&fixed::<f32>(spec), images.view(), weights.view());
        assert_close(outputs.into_iter().map(f64::from), &floats(&case["outputs"]), 1e-5, &what);
        assert_close(gradient.into_iter().map(f64::from), &floats(&case["gradient"]), 1e-4, &what);
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    for spec in [plain(), plain().anchored(), odd(), odd().anchored()] {
        let (network, images, weights) = (fixed::<f64>(spec.clone()), images(6, &spec), matrix(6, 3, 2.1, 0.4, 1.0));
        let outputs = network.predict(images.view()).unwrap();
        let (_, gradient) = both(&network, images.view(), (&weights * &outputs.mapv(f64::cos)).view());
        let mut moved = network.clone();
        let value = |x: &[f64]| {
            moved.parameters.values_mut().copy_from_slice(x);
            moved.predict(images.view()).unwrap().iter().zip(&weights).map(|(o, w)| w * o.sin()).sum()
        };
        let checked = gradient_check(network.parameters.values(), &gradient, value, &mut stream(1, &[]));
        assert!(checked.is_ok(), "{spec:?}: {checked:?}");
    }
}

/// The largest change of the outputs over 20 shifts in a circle, as a share of the largest output.
fn change(network: &Twins<f32>, seed: u64) -> f32 {
    let (spec, images) = (network.spec(), noise(3, network.spec(), seed));
    let still = network.predict(images.view()).unwrap();
    let scale = still.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let mut random = stream(seed, &[("shifts", 0)]);
    let of_shift = |_| {
        let (up, left) = (random.random_range(0..spec.height), random.random_range(0..spec.width));
        let moved = network.predict(shifted(&images, spec, up, left).view()).unwrap();
        moved.iter().zip(&still).fold(0.0, |most: f32, (a, b)| most.max((a - b).abs())) / scale
    };
    (0..20).map(of_shift).fold(0.0, f32::max)
}

#[test]
fn circular_shifts_change_nothing_with_anchors_and_much_without() {
    for spec in [plain(), odd(), wide()] {
        for seed in 0..5 {
            let (anchored, plain) = (random(spec.clone().anchored(), seed), random(spec.clone(), seed));
            let (with, without) = (change(&anchored, seed), change(&plain, seed));
            assert!(with < 1e-5 && without > 1e-2, "{spec:?} seed {seed}: with anchors {with}, without {without}");
        }
    }
}

/// Strides of the anchors, and 0 for every embedding.
fn strides(spec: &TwinsSpec) -> Vec<usize> {
    let stride = |step: &Step| match step {
        Step::Anchor(step) => Some(step.anchor.stride),
        Step::Embed(_) => Some(0),
        _ => None,
    };
    Layers::of(spec).0.steps.iter().filter_map(stride).collect()
}

#[test]
fn anchors_stand_where_the_last_one_does_not_serve() {
    let small = strides(&TwinsSpec::svt_s(224, 224, 10).anchored());
    assert_eq!(small, [vec![4, 0, 7, 8, 0, 7, 4, 0], [7, 2].repeat(5), vec![0, 7, 7]].concat());
    assert_eq!(strides(&TwinsSpec::svt_b(224, 224, 10)), [0; 4]);
    // After windows of 3 patches of 2 need an anchor of their own; after windows of 2 they do not.
    assert_eq!(strides(&odd().anchored()), [2, 0, 3, 2, 0, 3, 3, 3]);
    assert_eq!(strides(&TwinsSpec { depths: vec![1, 1], ..plain().anchored() }), [2, 0, 2, 0, 2]);
    // Nor after a global block without a reduction, which leaves the anchor of the windows in force.
    assert_eq!(strides(&TwinsSpec { reductions: vec![1, 1], ..plain().anchored() }), [2, 0, 2, 0, 2, 2]);
}

#[test]
fn features_come_with_the_pixel_that_stands_first() {
    let network = random(wide().anchored(), 4);
    // 4 x 4 tokens of 4 x 4 pixels.
    let (spec, still, (up, left)) = (network.spec(), noise(4, network.spec(), 4), (3, 13));
    let (maps, offsets) = network.features(still.view()).unwrap();
    let (moved, moved_offsets) = network.features(shifted(&still, spec, up, left).view()).unwrap();
    assert_eq!((maps.dim(), offsets.len()), ((4, 16 * 16), 4));
    assert!(offsets != moved_offsets);
    for (image, (before, after)) in offsets.iter().zip(&moved_offsets).enumerate() {
        let tokens_between = |before: usize, after: usize, shift: usize| {
            let pixels = (after + shift + 16 - before) % 16;
            assert!(pixels.is_multiple_of(4), "image {image}: {pixels}");
            pixels / 4
        };
        let (down, right) = (tokens_between(before.row, after.row, up), tokens_between(before.column, after.column, left));
        for k in 0..maps.ncols() {
            let (row, column) = ((k / 64 + down) % 4, (k / 16 + right) % 4);
            let difference = (moved[[image, k]] - maps[[image, (row * 4 + column) * 16 + k % 16]]).abs();
            assert!(difference < 1e-4, "image {image}, number {k}: {difference}");
        }
    }
    let tokens = maps.into_shape_with_order((4 * 16, 16)).unwrap();
    let pooled = network.layers.head.forward(&network.parameters, &crate::transformer::means(&tokens, 16));
    assert_eq!(pooled, network.predict(still.view()).unwrap());
}

#[test]
fn results_depend_neither_on_threads_nor_on_other_images() {
    for spec in [plain(), odd().anchored(), wide().anchored()] {
        let (network, images) = (random(spec.clone(), 3), noise(77, &spec, 3));
        let weights = matrix(77, 3, 2.1, 0.4, 1.0).mapv(|v| v as f32);
        let run = |threads: usize| Context::new(0).with_threads(threads).install(|| both(&network, images.view(), weights.view()));
        assert_eq!(run(1), run(3), "{spec:?}");
        let outputs = network.predict(images.view()).unwrap();
        assert_eq!(outputs, run(2).0, "{spec:?}");
        for (index, image) in images.axis_chunks_iter(Axis(0), 1).enumerate() {
            assert_eq!(network.predict(image).unwrap().row(0), outputs.row(index), "{spec:?} image {index}");
        }
        assert_eq!(network.predict(images.slice_axis(Axis(0), (0..0).into())).unwrap().dim(), (0, 3));
    }
}

#[test]
fn networks_are_saved_under_the_names_of_timm() {
    let spec = TwinsSpec { patches: vec![4, 2], height: 16, ..plain() };
    let network = random(spec.clone(), 2);
    let arrays = network.to_arrays("net/");
    for (name, shape) in [
        ("patch_embeds.0.proj.weight", vec![4, 2, 4, 4]),
        ("patch_embeds.1.norm.bias", vec![6]),
        ("blocks.0.0.attn.qkv.weight", vec![12, 4]),
        ("blocks.0.1.attn.kv.bias", vec![8]),
        ("blocks.0.1.attn.sr.weight", vec![4, 4, 2, 2]),
        ("blocks.1.2.mlp.fc1.weight", vec![9, 6]),
        ("pos_block.1.proj.0.weight", vec![6, 1, 3, 3]),
        ("norm.weight", vec![6]),
        ("head.weight", vec![3, 6]),
    ] {
        assert_eq!(arrays[&format!("net/{name}")].shape(), shape, "{name}");
    }
    assert!(!arrays.contains_key("net/blocks.1.1.attn.sr.weight"), "a reduction of 1 has no convolution");
    let back = Twins::from_arrays(spec.clone(), &arrays, "net/").unwrap();
    let images = noise(5, &spec, 2);
    assert_eq!(back.predict(images.view()).unwrap(), network.predict(images.view()).unwrap());
    let text = serde_json::to_string(network.spec()).unwrap();
    assert_eq!(serde_json::from_str::<TwinsSpec>(&text).unwrap(), spec);
    assert!(serde_json::from_str::<TwinsSpec>(&text.replace("\"window\"", "\"windows\"")).is_err());
}

#[test]
fn networks_of_the_paper_have_their_size() {
    // Numbers of parameters of timm's twins_svt_small and twins_svt_base.
    for (spec, parameters) in [(TwinsSpec::svt_s(224, 224, 1000), 24_060_776), (TwinsSpec::svt_b(224, 224, 1000), 56_070_952)] {
        spec.check().unwrap();
        let (_, arrays) = Layers::of(&spec);
        assert_eq!(arrays.shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>(), parameters);
    }
}

#[test]
fn weights_start_as_stated() {
    let spec = TwinsSpec { dims: vec![32, 48], heads: vec![2, 3], ..plain() };
    let arrays = Twins::<f32>::new(spec, &mut stream(3, &[])).unwrap().to_arrays("");
    for (name, values) in &arrays {
        match (name.contains("norm"), name.ends_with("weight"), values.ndim()) {
            (true, true, _) => assert!(values.iter().all(|&v| v == 1.0), "{name}"),
            (false, true, 4) => {
                let fan_out = if name.starts_with("pos_block") { 9 } else { 4 * values.shape()[0] };
                let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32 * fan_out as f32;
                assert!((square - 2.0).abs() < 0.6, "{name}: {square}");
            }
            (false, true, _) => assert!(values.iter().all(|&v| v != 0.0 && v.abs() <= 0.04), "{name}"),
            _ => assert!(values.iter().all(|&v| v == 0.0), "{name}"),
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let refused = |spec: TwinsSpec| Twins::<f32>::new(spec, &mut stream(0, &[])).unwrap_err().to_string();
    for (spec, message) in [
        (TwinsSpec { height: 0, ..plain() }, "parameter 'height' must be >= 1, got 0"),
        (TwinsSpec { window: 0, ..plain() }, "parameter 'window' must be >= 1, got 0"),
        (TwinsSpec { outputs: 0, ..plain() }, "parameter 'outputs' must be >= 1, got 0"),
        (TwinsSpec { depths: vec![2, 0], ..plain() }, "parameter 'depths' must be >= 1, got 0"),
        (TwinsSpec { reductions: vec![0, 1], ..plain() }, "parameter 'reductions' must be >= 1, got 0"),
        (TwinsSpec { patches: vec![], ..plain() }, "parameter 'patches' must be a list of one number a stage, at least one, got none"),
        (TwinsSpec { heads: vec![2], ..plain() }, "parameter 'heads' must be a list of 2 numbers, one a stage as in patches, got 1"),
        (TwinsSpec { heads: vec![2, 4], ..plain() }, "parameter 'heads' must be a divisor of dim 6 in stage 1, got 4"),
        (TwinsSpec { mlp_ratio: 0.2, ..plain() }, "parameter 'mlp_ratio' must be at least 1/dim = 1/4, got 0.2"),
        (TwinsSpec { mlp_ratio: f64::NAN, ..plain() }, "parameter 'mlp_ratio' must be at least 1/dim = 1/4, got NaN"),
        (TwinsSpec { anchor: true, ..plain() }, "parameter 'padding' must be circular where maps are anchored, got zeros"),
        (
            TwinsSpec { height: 9, ..plain() },
            "image 9x16 of stage 0 is not divisible by patch 2; pad or resize images, or choose another patch",
        ),
        (
            TwinsSpec { patches: vec![2, 8], ..plain() },
            "incoming map 4x8 of stage 1 is not divisible by patch 8; pad or resize images, or choose another patch",
        ),
        (
            TwinsSpec { window: 4, ..plain() },
            "map 2x4 of stage 1 is not divisible by window 4; pad or resize images, or choose another window",
        ),
        (
            TwinsSpec { reductions: vec![3, 1], ..plain() },
            "map 4x8 of stage 0 is not divisible by reduction 3; pad or resize images, or choose another reduction",
        ),
        (
            TwinsSpec::svt_s(256, 256, 10),
            "map 64x64 of stage 0 is not divisible by window 7; pad or resize images, or choose another window",
        ),
    ] {
        assert_eq!(refused(spec), message);
    }
    let network = random(plain(), 3);
    let message = network.predict(Array2::zeros((2, 47)).view()).unwrap_err().to_string();
    assert_eq!(message, "the network was made for 256 input columns, got 47; give the same columns as at fit");
    assert!(network.features(Array2::zeros((2, 47)).view()).is_err());
}

#[test]
fn damaged_arrays_and_claims_are_refused() {
    let saved = random(plain(), 3).to_arrays("");
    let of = |spec: TwinsSpec, arrays: &NamedArrays| Twins::from_arrays(spec, arrays, "").unwrap_err().to_string();
    let mut without = saved.clone();
    without.remove("blocks.0.1.attn.sr.bias");
    assert_eq!(of(plain(), &without), "the saved network has no array 'blocks.0.1.attn.sr.bias'");
    let other = TwinsSpec { outputs: 4, ..plain() };
    assert_eq!(of(other, &saved), "array 'head.weight' must have shape [4, 6], got [3, 6]");
    let deep = TwinsSpec { depths: vec![1 << 60, 1 << 63], ..plain() };
    assert_eq!(of(deep, &saved), format!("the saved network has {} arrays, too few for depth {}", saved.len(), (1_u64 << 60) + (1 << 63)));
    let broad = TwinsSpec { dims: vec![4, 6 << 60], ..plain() };
    assert!(of(broad, &saved).starts_with("array 'patch_embeds.1.proj.weight' must have shape [6917529027641081856, 4, 2, 2], got"));
}
