use super::*;
use crate::gradient_check::gradient_check;
use crate::mlp::tests::{assert_close, floats, matrix, reference, wave};
use elinvar_core::random::stream;

fn spec(activation: Activation) -> IcnnSpec {
    IcnnSpec { inputs: 3, hidden: vec![5, 4], activation, deviation: 0.3 }
}

fn network(activation: Activation) -> Icnn<f64> {
    let factor = matrix(3, 3, 0.4, 1.1, 0.8);
    let center = Array1::from(vec![0.3, -0.2, 0.1]);
    let offset = Array1::from(vec![1.0, 2.0, -1.0]);
    let start = Quadratic { factor: factor.view(), center: center.view(), offset: offset.view() };
    Icnn::new(spec(activation), start, &mut stream(4, &[])).unwrap()
}

fn moved(network: &Icnn<f64>, values: &[f64]) -> Icnn<f64> {
    let mut moved = network.clone();
    moved.parameters_mut().values_mut().copy_from_slice(values);
    moved
}

#[test]
fn potential_map_and_gradients_agree_with_pytorch() {
    for case in reference()["icnn"].as_array().unwrap() {
        let activation = serde_json::from_value(case["activation"].clone()).unwrap();
        let network = network(activation);
        let network = moved(&network, &wave(network.parameters().values().len(), 1.3, 0.7, 0.5));
        let (x, u) = (matrix(6, 3, 0.9, 0.2, 1.5), matrix(6, 3, 2.1, 0.4, 1.0));
        let weights = Array1::from(wave(6, 1.7, 0.1, 1.0));
        let what = case["activation"].as_str().unwrap();
        let potential = network.potential(x.view()).unwrap();
        assert_close(potential.iter().copied(), &floats(&case["potential"]), 1e-12, what);
        assert_close(network.map(x.view()).unwrap(), &floats(&case["map"]), 1e-12, what);
        let mut gradient = network.parameters().zeros_like();
        let sum = network.potential_gradient(x.view(), weights.view(), &mut gradient).unwrap();
        assert!((sum - potential.dot(&weights)).abs() < 1e-12);
        assert_close(gradient.values().to_vec(), &floats(&case["potential_gradient"]), 1e-11, what);
        let mut gradient = network.parameters().zeros_like();
        network.map_gradient(x.view(), u.view(), &mut gradient).unwrap();
        assert_close(gradient.values().to_vec(), &floats(&case["map_gradient"]), 1e-11, what);
    }
}

#[test]
fn gradient_check_of_every_functional() {
    for (index, activation) in [Activation::Softplus, Activation::Elu, Activation::Relu, Activation::LeakyRelu].into_iter().enumerate() {
        let mut streams = stream(index as u64, &[("icnn", 0)]);
        let network = network(activation);
        let (x, u) = (matrix(4, 3, 0.9, 0.2, 1.5), matrix(4, 3, 2.1, 0.4, 1.0));
        let weights = Array1::from(wave(4, 1.7, 0.1, 1.0));
        let start = network.parameters().values();

        let mut gradient = network.parameters().zeros_like();
        network.potential_gradient(x.view(), weights.view(), &mut gradient).unwrap();
        let value = |values: &[f64]| moved(&network, values).potential(x.view()).unwrap().dot(&weights);
        let checked = gradient_check(start, gradient.values(), value, &mut streams);
        assert!(checked.is_ok(), "potential {activation:?}: {checked:?}");

        let mut gradient = network.parameters().zeros_like();
        network.map_gradient(x.view(), u.view(), &mut gradient).unwrap();
        let value = |values: &[f64]| (&moved(&network, values).map(x.view()).unwrap() * &u).sum();
        let checked = gradient_check(start, gradient.values(), value, &mut streams);
        assert!(checked.is_ok(), "map {activation:?}: {checked:?}");

        let map = network.map(x.view()).unwrap();
        let value = |values: &[f64]| network.potential(ArrayView2::from_shape((4, 3), values).unwrap()).unwrap().sum();
        let checked = gradient_check(x.as_slice().unwrap(), map.as_slice().unwrap(), value, &mut streams);
        assert!(checked.is_ok(), "input gradient {activation:?}: {checked:?}");

        let network = moved(&network, &wave(start.len(), 1.3, 0.7, 0.5));
        let mut gradient = network.parameters().zeros_like();
        let penalty = network.convexity_penalty(0.7, &mut gradient);
        assert!(penalty > 0.0);
        let value = |values: &[f64]| 0.7 * moved(&network, values).convexity_penalty(0.0, &mut network.parameters().zeros_like());
        let checked = gradient_check(network.parameters().values(), gradient.values(), value, &mut streams);
        assert!(checked.is_ok(), "penalty {activation:?}: {checked:?}");
    }
}

#[test]
fn clipped_potential_is_convex_and_its_map_monotone() {
    for activation in [Activation::Softplus, Activation::Elu, Activation::Relu] {
        let mut network = network(activation);
        let values = wave(network.parameters().values().len(), 1.3, 0.7, 1.0);
        network.parameters_mut().values_mut().copy_from_slice(&values);
        network.clip();
        let (x, y) = (matrix(200, 3, 0.9, 0.2, 2.0), matrix(200, 3, 1.9, 0.5, 2.0));
        let f = |points: &Array2<f64>| network.potential(points.view()).unwrap();
        let middle = f(&((&x + &y) * 0.5));
        let chord = (f(&x) + f(&y)) * 0.5;
        assert!(middle.iter().zip(&chord).all(|(m, c)| m <= &(c + 1e-12)), "{activation:?}");
        let step = network.map(x.view()).unwrap() - network.map(y.view()).unwrap();
        let inner = (&step * &(&x - &y)).sum_axis(Axis(1));
        assert!(inner.iter().all(|&p| p >= -1e-12), "{activation:?}");
        assert_eq!(network.convexity_penalty(1.0, &mut network.parameters().zeros_like()), 0.0);
    }
}

#[test]
fn small_weights_start_at_the_affine_map() {
    let factor = ndarray::array![[1.5, 0.2], [0.2, 0.7]];
    let (center, offset) = (ndarray::array![0.5, -1.0], ndarray::array![2.0, 3.0]);
    let start = Quadratic { factor: factor.view(), center: center.view(), offset: offset.view() };
    let spec = IcnnSpec { inputs: 2, hidden: vec![64, 64], activation: Activation::Softplus, deviation: 1e-3 };
    let network = Icnn::new(spec.clone(), start, &mut stream(4, &[])).unwrap();
    let x = matrix(50, 2, 0.9, 0.2, 2.0);
    let affine = (&x - &center).dot(&factor.t().dot(&factor)) + &offset;
    let apart = (network.map(x.view()).unwrap() - affine).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    assert!(apart < 0.01, "{apart}");
}

#[test]
fn save_load_and_bad_input() {
    let (factor, vector) = (Array2::<f32>::eye(3), Array1::zeros(3));
    let start = Quadratic { factor: factor.view(), center: vector.view(), offset: vector.view() };
    let saved = Icnn::new(spec(Activation::Elu), start, &mut stream(4, &[])).unwrap();
    let back = Icnn::from_arrays(spec(Activation::Elu), &saved.to_arrays("g/"), "g/").unwrap();
    let x = matrix(5, 3, 0.9, 0.2, 2.0).mapv(|v| v as f32);
    assert_eq!(back.map(x.view()).unwrap(), saved.map(x.view()).unwrap());
    let error = Icnn::new(spec(Activation::Tanh), start, &mut stream(4, &[])).unwrap_err().to_string();
    assert_eq!(error, "parameter 'activation' must be convex and increasing (relu, leaky_relu, elu, softplus), got tanh");
    let error = saved.map(Array2::zeros((2, 4)).view()).unwrap_err().to_string();
    assert_eq!(error, "the potential was made for 3 columns, got 4");
}
