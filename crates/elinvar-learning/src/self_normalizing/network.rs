//! The networks: layers of a self-normalising network and of its competitors.

use super::params::{ActivationKind, Architecture, Form, NormKind, Snn};
use elinvar_nn::alpha_dropout::AlphaDropout;
use elinvar_nn::batch_norm::BatchNorm;
use elinvar_nn::sequential::{Layer, SequentialSpec};
use elinvar_nn::{Activation, Initialisation};
use std::iter::once;

/// Constants of the paper's batch and layer normalisation.
const EPSILON: f64 = 1e-3;
const MOMENTUM: f64 = 0.01;
/// Where gates start: mostly letting the input pass.
const GATE_BIAS: f64 = -1.0;
/// Dense layers of a residual block.
const BLOCK: usize = 2;
/// Share of the width inside a bottleneck.
const BOTTLENECK: f64 = 0.25;

/// The chain that the parameters describe, for so many inputs and outputs.
pub(super) fn spec(params: &Snn, inputs: usize, outputs: usize) -> SequentialSpec {
    let widths = widths(params, outputs);
    let hidden = match params.architecture {
        Architecture::Plain => widths.iter().flat_map(|&width| plain(params, width)).collect(),
        Architecture::Highway => highway(params),
        Architecture::Residual => residual(params, params.units),
        Architecture::Bottleneck => residual(params, ((params.units as f64 * BOTTLENECK).round() as usize).max(1)),
    };
    let mut layers: Vec<Layer> = hidden;
    layers.push(dense(outputs, Activation::Identity, of_selu(params), false));
    SequentialSpec { inputs, layers }
}

/// Widths of the hidden layers.
pub(super) fn widths(params: &Snn, outputs: usize) -> Vec<usize> {
    let (first, last) = (params.units as f64, outputs as f64);
    let at = |layer: usize| match params.form {
        Form::Rectangular => params.units,
        Form::Conic => (first * (last / first).powf(layer as f64 / params.hidden_layers as f64)).round().max(1.0) as usize,
    };
    (0..params.hidden_layers).map(at).collect()
}

fn dense(outputs: usize, activation: Activation, initialisation: Initialisation, weight_norm: bool) -> Layer {
    Layer::Dense { outputs, activation, initialisation, weight_norm }
}

fn activation(params: &Snn) -> Activation {
    match params.activation {
        ActivationKind::Selu => Activation::Selu,
        ActivationKind::Relu => Activation::Relu,
        ActivationKind::Tanh => Activation::Tanh,
        ActivationKind::Elu => Activation::Elu,
    }
}

fn initialisation(params: &Snn) -> Initialisation {
    match params.activation {
        ActivationKind::Relu if params.exact_moments => Initialisation::KaimingExact,
        ActivationKind::Relu => Initialisation::KaimingNormal,
        _ => of_selu(params),
    }
}

/// That of SELU layers, and of the output.
fn of_selu(params: &Snn) -> Initialisation {
    if params.exact_moments { Initialisation::LecunExact } else { Initialisation::LecunNormal }
}

fn dropout(params: &Snn) -> Option<Layer> {
    match params.activation {
        _ if params.dropout == 0.0 => None,
        ActivationKind::Selu => Some(Layer::AlphaDropout(AlphaDropout::new(params.dropout))),
        _ => Some(Layer::Dropout(params.dropout)),
    }
}

fn batch_norm() -> Layer {
    Layer::BatchNorm(BatchNorm { epsilon: EPSILON, momentum: MOMENTUM })
}

/// One hidden layer.
fn plain(params: &Snn, width: usize) -> Vec<Layer> {
    let (f, start) = (activation(params), initialisation(params));
    let layers = match params.norm {
        None => vec![dense(width, f, start, false)],
        Some(NormKind::Weight) => vec![dense(width, f, start, true)],
        Some(NormKind::Batch) => vec![dense(width, f, start, false), batch_norm()],
        Some(NormKind::Layer) => {
            vec![dense(width, Activation::Identity, start, false), Layer::LayerNorm { epsilon: EPSILON }, Layer::Activation(f)]
        }
    };
    layers.into_iter().chain(dropout(params)).collect()
}

/// A first layer that brings the inputs to the width, then gated layers.
fn highway(params: &Snn) -> Vec<Layer> {
    let gated = || Layer::Highway { activation: activation(params), initialisation: initialisation(params), gate_bias: GATE_BIAS };
    let first = plain(params, params.units);
    first.into_iter().chain((1..params.hidden_layers).flat_map(|_| once(gated()).chain(dropout(params)))).collect()
}

/// A first layer that brings the inputs to the width, then blocks whose inner layers are `inner` wide.
fn residual(params: &Snn, inner: usize) -> Vec<Layer> {
    let (f, start) = (activation(params), initialisation(params));
    let block = || {
        let mut layers = Vec::new();
        for layer in 0..BLOCK {
            let width = if layer + 1 == BLOCK { params.units } else { inner };
            layers.extend([dense(width, Activation::Identity, start, false), batch_norm()]);
            layers.extend((layer + 1 < BLOCK).then_some(Layer::Activation(f)));
        }
        Layer::Residual { layers, activation: f }
    };
    let first = plain(params, params.units);
    let blocks = (params.hidden_layers - 1).div_ceil(BLOCK);
    first.into_iter().chain((0..blocks).flat_map(|_| once(block()).chain(dropout(params)))).collect()
}
