//! Agreement with PyTorch, gradients against central differences, circular shifts, threads.

use super::*;
use crate::gradient_check;
use crate::mlp::tests::{assert_close, floats, matrix, wave};
use elinvar_core::Context;
use elinvar_core::random::stream;
use serde_json::Value;

const SPEC: VitSpec = VitSpec {
    channels: 2,
    height: 6,
    width: 4,
    patch: 2,
    patch_norm: false,
    dim: 6,
    depth: 2,
    heads: 2,
    mlp_ratio: 1.6,
    position: Position::Absolute,
    pool: Pool::Token,
    outputs: 3,
};

/// The cases of `reference.py`, which are all positions with both pools.
fn cases() -> Vec<(VitSpec, Value)> {
    let mut reference: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    let cases = reference["cases"].as_array_mut().unwrap();
    let spec = |case: &Value| VitSpec {
        position: serde_json::from_value(case["position"].clone()).unwrap(),
        pool: serde_json::from_value(case["pool"].clone()).unwrap(),
        heads: serde_json::from_value(case["heads"].clone()).unwrap(),
        patch_norm: serde_json::from_value(case["patch_norm"].clone()).unwrap(),
        ..SPEC
    };
    cases.drain(..).map(|case| (spec(&case), case)).collect()
}

/// The network of `reference.py`.
fn fixed<T: Real>(spec: VitSpec) -> Vit<T> {
    let mut network = Vit::<T>::new(spec, &mut stream(0, &[])).unwrap();
    let numbers = wave(network.parameters.values().len(), 1.3, 0.7, 0.5);
    network.parameters.values_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = T::of(from));
    network
}

fn images(count: usize, spec: &VitSpec) -> Array2<f64> {
    matrix(count, spec.channels * spec.height * spec.width, 0.9, 0.2, 1.5)
}

/// Outputs and gradient of sum(weights * outputs).
fn both<T: Real>(network: &Vit<T>, images: ArrayView2<'_, T>, weights: ArrayView2<'_, T>) -> (Array2<T>, Vec<T>) {
    let (outputs, tape) = network.forward(images, Pass::Evaluation).unwrap();
    let mut gradient = network.parameters.zeros_like();
    network.backward(&tape, weights, &mut gradient);
    (outputs, gradient.values().to_vec())
}

fn refused(spec: VitSpec) -> String {
    Vit::<f32>::new(spec, &mut stream(0, &[])).unwrap_err().to_string()
}

#[test]
fn results_and_gradients_are_those_of_pytorch() {
    for (spec, case) in cases() {
        let (images, weights, name) = (images(3, &spec), matrix(3, 3, 2.1, 0.4, 1.0), format!("{:?} {:?}", spec.position, spec.pool));
        let (outputs, gradient) = both(&fixed::<f64>(spec), images.view(), weights.view());
        assert_close(outputs, &floats(&case["outputs"]), 1e-12, &name);
        assert_close(gradient, &floats(&case["gradient"]), 1e-12, &name);
        let [images, weights] = [images, weights].map(|a| a.mapv(|v| v as f32));
        let (outputs, gradient) = both(&fixed::<f32>(spec), images.view(), weights.view());
        assert_close(outputs.into_iter().map(f64::from), &floats(&case["outputs"]), 1e-5, &name);
        assert_close(gradient.into_iter().map(f64::from), &floats(&case["gradient"]), 1e-4, &name);
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    for (spec, _) in cases() {
        let (network, images, weights) = (fixed::<f64>(spec), images(6, &spec), matrix(6, 3, 2.1, 0.4, 1.0));
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

/// Images moved down and to the right, in a circle.
fn shifted(images: &Array2<f64>, spec: &VitSpec, down: usize, right: usize) -> Array2<f64> {
    let (height, width) = (spec.height, spec.width);
    Array2::from_shape_fn(images.dim(), |(image, pixel)| {
        let (channel, row, column) = (pixel / (height * width), pixel / width % height, pixel % width);
        images[[image, (channel * height + (row + height - down) % height) * width + (column + width - right) % width]]
    })
}

#[test]
fn circular_shifts_by_patches_change_nothing_without_absolute_positions() {
    for (spec, _) in cases() {
        let (network, images) = (fixed::<f64>(spec), images(3, &spec));
        let plain = network.predict(images.view()).unwrap();
        let change = |down, right| {
            let moved = network.predict(shifted(&images, &spec, down, right).view()).unwrap();
            moved.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let by_patches = [change(2, 0), change(0, 2), change(4, 2)];
        match spec.position {
            Position::Absolute => assert!(by_patches.iter().all(|&c| c > 1e-3), "{spec:?}: {by_patches:?}"),
            _ => assert!(by_patches.iter().all(|&c| c < 1e-10), "{spec:?}: {by_patches:?}"),
        }
        assert!(change(1, 0) > 1e-3 && change(0, 1) > 1e-3, "{spec:?}");
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    for (spec, _) in cases() {
        let spec = VitSpec { dim: 18, height: 10, ..spec };
        let network = Vit::<f32>::new(spec, &mut stream(3, &[])).unwrap();
        let (images, weights) = (images(77, &spec).mapv(|v| v as f32), matrix(77, 3, 2.1, 0.4, 1.0).mapv(|v| v as f32));
        let run = |threads: usize| Context::new(0).with_threads(threads).install(|| both(&network, images.view(), weights.view()));
        assert_eq!(run(1), run(3), "{spec:?}");
        assert_eq!(network.predict(images.view()).unwrap(), run(2).0, "{spec:?}");
    }
}

#[test]
fn networks_are_saved_under_the_names_of_timm() {
    let network = Vit::<f32>::new(SPEC, &mut stream(3, &[])).unwrap();
    let arrays = network.to_arrays("net/");
    for (name, shape) in [
        ("cls_token", vec![1, 1, 6]),
        ("pos_embed", vec![1, 7, 6]),
        ("patch_embed.proj.weight", vec![6, 2, 2, 2]),
        ("blocks.1.attn.qkv.weight", vec![18, 6]),
        ("blocks.1.mlp.fc1.weight", vec![9, 6]),
        ("norm.bias", vec![6]),
        ("head.weight", vec![3, 6]),
    ] {
        assert_eq!(arrays[&format!("net/{name}")].shape(), shape, "{name}");
    }
    let back = Vit::from_arrays(SPEC, &arrays, "net/").unwrap();
    let images = images(5, &SPEC).mapv(|v| v as f32);
    assert_eq!(back.predict(images.view()).unwrap(), network.predict(images.view()).unwrap());
    let text = serde_json::to_string(network.spec()).unwrap();
    assert_eq!(serde_json::from_str::<VitSpec>(&text).unwrap(), SPEC);
    assert_eq!(back.predict(images.slice_axis(Axis(0), (0..0).into())).unwrap().dim(), (0, 3));
}

#[test]
fn weights_start_as_stated() {
    let spec = VitSpec { position: Position::CircularConvolution, ..SPEC };
    let network = Vit::<f32>::new(spec, &mut stream(3, &[])).unwrap();
    let (arrays, token) = (network.to_arrays(""), network.parameters.get("cls_token").unwrap());
    assert!(token.iter().all(|t| *t != 0.0 && t.abs() < 0.1));
    for (name, values) in arrays.iter().filter(|(name, _)| *name != "cls_token") {
        // Patches of 2 x 2 pixels of two channels, and kernels of 3 x 3.
        let bound: f32 = if name.starts_with("pos_conv") { 1.0 / 3.0 } else { 1.0 / 8_f32.sqrt() };
        if name.starts_with("pos_conv") || name.starts_with("patch_embed") {
            assert!(values.iter().all(|&v| v.abs() <= bound) && values.iter().any(|&v| v.abs() > 0.5 * bound), "{name}");
            continue;
        }
        match (name.contains("norm"), name.ends_with("weight")) {
            (true, true) => assert!(values.iter().all(|&v| v == 1.0), "{name}"),
            (false, true) => assert!(values.iter().all(|&v| v != 0.0 && v.abs() <= 0.04), "{name}"),
            _ => assert!(values.iter().all(|&v| v == 0.0), "{name}"),
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let spec = VitSpec { channels: 1, height: 30, width: 32, patch: 4, ..SPEC };
    assert_eq!(refused(spec), "image 30x32 is not divisible by patch 4; pad or resize");
    assert_eq!(refused(VitSpec { heads: 4, ..SPEC }), "parameter 'heads' must be a divisor of dim 6, got 4");
    assert_eq!(refused(VitSpec { depth: 0, ..SPEC }), "parameter 'depth' must be >= 1, got 0");
    assert_eq!(refused(VitSpec { patch: 0, ..SPEC }), "parameter 'patch' must be >= 1, got 0");
    assert_eq!(refused(VitSpec { mlp_ratio: 0.1, ..SPEC }), "parameter 'mlp_ratio' must be at least 1/dim = 1/6, got 0.1");
    let network = Vit::<f32>::new(SPEC, &mut stream(3, &[])).unwrap();
    let message = network.predict(Array2::zeros((2, 47)).view()).unwrap_err().to_string();
    assert_eq!(message, "the network was made for 48 input columns, got 47; give the same columns as at fit");
}

#[test]
fn what_a_file_claims_takes_no_memory() {
    let saved = Vit::<f32>::new(SPEC, &mut stream(3, &[])).unwrap().to_arrays("");
    let of = |spec: VitSpec| Vit::from_arrays(spec, &saved, "").unwrap_err().to_string();
    assert_eq!(of(VitSpec { depth: 1 << 60, ..SPEC }), "the saved network has 32 arrays, too few for depth 1152921504606846976");
    assert_eq!(of(VitSpec { dim: 1 << 60, ..SPEC }), "array 'cls_token' must have shape [1, 1, 1152921504606846976], got [1, 1, 6]");
}
