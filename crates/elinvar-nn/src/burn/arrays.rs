//! The arrays of a network as tensors, and what the compositions of all networks are made of.

use crate::activation::Activation;
use crate::batch_norm::BatchNorm;
use crate::parameters::Parameters;
use burn::tensor::{Device, Tensor, TensorData, activation};
use elinvar_core::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// The arrays of a network on a device.
#[derive(Debug)]
pub struct Arrays {
    /// Flat, in the order of the parameters.
    parameters: Vec<Flat>,
    /// Running statistics, likewise.
    running: Vec<Flat>,
    device: Device,
}

#[derive(Debug)]
struct Flat {
    numbers: Tensor<1>,
    shape: Vec<usize>,
}

impl Arrays {
    /// Arrays with respect to which gradients are wanted; `device` has a tape.
    pub(crate) fn trained(parameters: &Parameters<f32>, running: Option<&Parameters<f32>>, device: &Device) -> Self {
        let mut arrays = Self::constant(parameters, running, device);
        arrays.parameters.iter_mut().for_each(|array| array.numbers = array.numbers.clone().require_grad());
        arrays
    }

    /// Arrays that stay as they are.
    pub(crate) fn constant(parameters: &Parameters<f32>, running: Option<&Parameters<f32>>, device: &Device) -> Self {
        Self { parameters: flat(parameters, device), running: running.map_or(vec![], |r| flat(r, device)), device: device.clone() }
    }

    /// Where they are.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The tensors with respect to which gradients are wanted, in the order of the parameters.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.parameters.iter().map(|array| &array.numbers)
    }

    /// The array at a place, flat.
    pub(crate) fn vector(&self, place: usize) -> Tensor<1> {
        self.parameters[place].numbers.clone()
    }

    /// The array at a place as a matrix: its first axis by all others.
    pub(crate) fn matrix(&self, place: usize) -> Tensor<2> {
        let shape = &self.parameters[place].shape;
        self.vector(place).reshape([shape[0], shape[1..].iter().product()])
    }

    /// The array at a place with four axes.
    pub(crate) fn kernels(&self, place: usize) -> Tensor<4> {
        let shape = &self.parameters[place].shape;
        self.vector(place).reshape([shape[0], shape[1], shape[2], shape[3]])
    }

    /// `x Wᵀ`, with W at a place.
    pub(crate) fn linear(&self, place: usize, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.matrix(place).transpose())
    }

    /// `x Wᵀ + b`, with W at a place and b after it.
    pub(crate) fn dense(&self, place: usize, x: Tensor<2>) -> Tensor<2> {
        self.linear(place, x) + self.row(place + 1)
    }

    /// The array at a place as a single row.
    pub(crate) fn row(&self, place: usize) -> Tensor<2> {
        self.vector(place).unsqueeze()
    }

    /// Every row of x at mean 0 and variance 1, scaled and shifted by the arrays at a place and after it.
    pub(crate) fn layer_norm(&self, place: usize, epsilon: f64, x: Tensor<2>) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        centred / (variance + epsilon).sqrt() * self.row(place) + self.row(place + 1)
    }

    /// Columns by their running mean and variance, scaled and shifted.
    pub(crate) fn batch_norm(&self, settings: BatchNorm, place: usize, running: usize, x: Tensor<2>) -> Tensor<2> {
        let [mean, variance] = [0, 1].map(|k| self.running[running + k].numbers.clone().unsqueeze::<2>());
        (x - mean) / (variance + settings.epsilon).sqrt() * self.row(place) + self.row(place + 1)
    }

    /// Rows of numbers made here.
    pub(crate) fn rows(&self, rows: &Array2<f32>) -> Tensor<2> {
        from_rows(rows.view(), &self.device)
    }
}

fn flat(parameters: &Parameters<f32>, device: &Device) -> Vec<Flat> {
    let place = |(place, shape): (usize, &[usize])| {
        let numbers = parameters.slice(place).to_vec();
        let count = numbers.len();
        Flat { numbers: Tensor::from_data(TensorData::new(numbers, [count]), device), shape: shape.to_vec() }
    };
    parameters.shapes().enumerate().map(place).collect()
}

impl Activation {
    /// f(x) in Burn's operations.
    pub(crate) fn compose<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Identity => x,
            Self::Relu => activation::relu(x),
            Self::LeakyRelu => activation::leaky_relu(x, 0.01),
            Self::Elu => activation::elu(x, 1.0),
            Self::Gelu => activation::gelu_approximate(x),
            Self::GeluErf => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Selu => activation::selu(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Softplus => activation::softplus(x, 1.0),
            Self::Tanh => activation::tanh(x),
        }
    }
}

/// Rows on a device.
pub(crate) fn from_rows(rows: ArrayView2<'_, f32>, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(rows.iter().copied().collect::<Vec<f32>>(), [rows.nrows(), rows.ncols()]), device)
}

/// The numbers of a tensor (n, d), off the tape.
///
/// # Errors
/// When the device cannot give them.
pub fn to_array(tensor: &Tensor<2>) -> Result<Array2<f32>> {
    let [rows, columns] = tensor.dims();
    Array2::from_shape_vec((rows, columns), numbers(tensor)?).map_err(|e| Error::internal(e.to_string()))
}

pub(super) fn numbers<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.clone().detach().into_data().convert::<f32>();
    data.try_to_vec().map_err(|e| Error::internal(format!("the tensor cannot be read: {e:?}")))
}
