//! Our gradients against burn's autodiff, and the time of both. Built with `--features burn`.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData, activation};
use elinvar_core::ndarray::{Array2, ArrayView1};
use elinvar_core::random::stream;
use elinvar_nn::{Activation, Mlp, MlpSpec, Pass};
use std::time::Instant;

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// The same network in burn: weights (out, in) and biases, in the order of ours.
struct Twin {
    layers: Vec<(Tensor<2>, Tensor<2>)>,
    activation: Activation,
}

impl Twin {
    fn of(network: &Mlp<f32>, device: &Device) -> Self {
        let get = |name: String| network.parameters().get(&name).unwrap().to_owned();
        let layers = (0..=network.spec().hidden.len())
            .map(|layer| {
                let weight = get(format!("layer{layer}.weight"));
                let bias = get(format!("layer{layer}.bias"));
                let shape = [weight.shape()[0], weight.shape()[1]];
                let bias_shape = [1, bias.len()];
                (
                    tensor(weight.as_slice().unwrap(), shape, device).require_grad(),
                    tensor(bias.as_slice().unwrap(), bias_shape, device).require_grad(),
                )
            })
            .collect();
        Self { layers, activation: network.spec().activation }
    }

    fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(inputs, |h, (layer, (weight, bias))| {
            let linear = h.matmul(weight.clone().transpose()) + bias.clone();
            match self.activation {
                _ if layer == last => linear,
                Activation::Relu => activation::relu(linear),
                Activation::Tanh => activation::tanh(linear),
                _ => activation::softplus(linear, 1.0),
            }
        })
    }

    /// Gradient of `sum(by_output * outputs)`, in the order of ours.
    fn gradient(&self, inputs: Tensor<2>, by_output: Tensor<2>) -> Vec<f32> {
        let gradients = (self.forward(inputs) * by_output).sum().backward();
        let read = |tensor: &Tensor<2>| tensor.grad(&gradients).unwrap().into_data().to_vec::<f32>().unwrap();
        self.layers.iter().flat_map(|(weight, bias)| [read(weight), read(bias)].concat()).collect()
    }
}

fn example(activation: Activation, batch: usize) -> (Mlp<f32>, Array2<f32>, Array2<f32>) {
    let network = Mlp::new(MlpSpec::new(10, [64, 64], 1, activation), &mut stream(0, &[])).unwrap();
    let x = Array2::from_shape_fn((batch, 10), |(i, j)| ((i * 10 + j) as f32 * 0.37).sin());
    let u = Array2::from_shape_fn((batch, 1), |(i, _)| (i as f32 * 0.81).cos() / batch as f32);
    (network, x, u)
}

fn ours(network: &Mlp<f32>, x: &Array2<f32>, u: &Array2<f32>) -> Vec<f32> {
    let (_, tape) = network.forward(x.view(), Pass::Training { seed: 0, step: 0 }).unwrap();
    let mut gradient = network.parameters().zeros_like();
    network.backward(&tape, u.view(), &mut gradient);
    gradient.values().to_vec()
}

#[test]
fn gradients_agree_with_autodiff() {
    let device = Device::flex().autodiff();
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
        let (network, x, u) = example(activation, 64);
        let mine = ours(&network, &x, &u);
        let twin = Twin::of(&network, &device);
        let theirs = twin.gradient(tensor(x.as_slice().unwrap(), [64, 10], &device), tensor(u.as_slice().unwrap(), [64, 1], &device));
        let scale = ArrayView1::from(&theirs).iter().fold(0.0_f32, |most, g| most.max(g.abs()));
        assert_eq!(mine.len(), theirs.len());
        for (a, b) in mine.iter().zip(&theirs) {
            assert!((a - b).abs() <= 1e-5 * scale, "{activation:?}: {a} {b}");
        }
    }
}

#[test]
#[ignore = "a measurement: forward and backward, 10-64-64-1, batch 64"]
fn time_of_a_gradient() {
    let device = Device::flex().autodiff();
    let (network, x, u) = example(Activation::Relu, 64);
    let twin = Twin::of(&network, &device);
    let best = |work: &mut dyn FnMut()| {
        (0..20)
            .map(|_| {
                let start = Instant::now();
                (0..200).for_each(|_| work());
                start.elapsed().as_secs_f64() * 1e3 / 200.0
            })
            .fold(f64::INFINITY, f64::min)
    };
    let mine = best(&mut || drop(ours(&network, &x, &u)));
    let (x, u) = (tensor(x.as_slice().unwrap(), [64, 10], &device), tensor(u.as_slice().unwrap(), [64, 1], &device));
    let theirs = best(&mut || drop(twin.gradient(x.clone(), u.clone())));
    println!("ours {mine:.4} ms, burn {theirs:.4} ms, ratio {:.1}", theirs / mine);
}
