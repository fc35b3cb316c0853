//! Layers as they are declared, and as they are walked: with the places of their arrays.

use crate::activation::Activation;
use crate::alpha_dropout::{AlphaDropout, SELU_SATURATION};
use crate::batch_norm::BatchNorm;
use crate::convolution::{Convolution, Layout};
use crate::init::Initialisation;
use crate::map::MapShape;
use crate::parameters::{Parameters, Shapes};
use crate::pooling::{Choice, Pool, Pooling};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// f(W x + b).
    Dense {
        /// Columns of the result, >= 1.
        outputs: usize,
        /// f.
        activation: Activation,
        /// Distribution of the starting weights.
        initialisation: Initialisation,
        /// Whether each row of W is a direction times a length of its own (Salimans and Kingma 2016).
        weight_norm: bool,
    },
    /// f(x), elementwise.
    Activation(Activation),
    /// Values are set to 0 with this probability while training, the others divided by one minus it; in [0, 1).
    Dropout(f64),
    /// Values are dropped as SELU needs it while training.
    AlphaDropout(AlphaDropout),
    /// Columns are brought to mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015).
    BatchNorm(BatchNorm),
    /// The channels of maps are brought to mean 0 and variance 1 over the batch and the map (Ioffe and Szegedy 2015, section 3.2).
    ChannelNorm {
        /// The maps.
        map: MapShape,
        /// Constants.
        norm: BatchNorm,
    },
    /// Rows are brought to mean 0 and variance 1 (Ba, Kiros and Hinton 2016).
    LayerNorm {
        /// Added to the variance before its root, > 0.
        epsilon: f64,
    },
    /// f(W * x + b), the convolution of maps.
    Convolution {
        /// W.
        shape: Convolution,
        /// f.
        activation: Activation,
        /// Distribution of the starting weights.
        initialisation: Initialisation,
    },
    /// The largest number of every window of a map.
    MaxPool(Pooling),
    /// The mean of every window of a map.
    MeanPool(Pooling),
    /// The mean of every channel of maps of this shape.
    GlobalMean(MapShape),
    /// t h + (1 - t) x with h = f(W x + b) and a gate t = sigmoid(V x + c) (Srivastava, Greff and Schmidhuber 2015).
    Highway {
        /// f.
        activation: Activation,
        /// Distribution of the starting weights.
        initialisation: Initialisation,
        /// Start of c.
        gate_bias: f64,
    },
    /// f(x + F(x)) with F a chain that keeps the width (He et al. 2016).
    Residual {
        /// F.
        layers: Vec<Layer>,
        /// f.
        activation: Activation,
    },
}

/// A layer with its width and the places of its arrays.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Counted through the whole network: the key of its dropout masks.
    pub(super) number: u64,
    /// First of its arrays among the parameters.
    pub(super) first: usize,
    inputs: usize,
    pub(super) outputs: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Weight, bias, and with weight norm the lengths; alpha dropout behind a SELU is done in the same pass.
    Dense {
        activation: Activation,
        initialisation: Initialisation,
        weight_norm: bool,
        dropout: Option<AlphaDropout>,
    },
    Activation(Activation),
    Dropout(f64),
    AlphaDropout(AlphaDropout),
    /// Scale and shift; mean and variance from this place among the running statistics.
    BatchNorm {
        settings: BatchNorm,
        running: usize,
        /// Neighbouring columns that are normed as one: a channel of a map.
        plane: usize,
    },
    /// Scale and shift.
    LayerNorm {
        epsilon: f64,
    },
    /// Weight and bias.
    Convolution {
        layout: Layout,
        activation: Activation,
        initialisation: Initialisation,
    },
    Pool(Pool),
    GlobalMean(MapShape),
    /// Weight and bias of the layer, then of the gate.
    Highway {
        activation: Activation,
        initialisation: Initialisation,
        gate_bias: f64,
    },
    Residual {
        nodes: Vec<Node>,
        activation: Activation,
    },
}

/// Names and shapes of the arrays so far, and how many nodes there are.
#[derive(Default)]
pub(super) struct Arrays {
    pub(super) parameters: Shapes,
    pub(super) running: Shapes,
    nodes: u64,
}

impl Arrays {
    fn dense(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.parameters.push((format!("{name}weight"), vec![outputs, inputs]));
        self.parameters.push((format!("{name}bias"), vec![outputs]));
    }

    fn scale_and_shift(&mut self, name: &str, width: usize) {
        self.parameters.push((format!("{name}scale"), vec![width]));
        self.parameters.push((format!("{name}shift"), vec![width]));
    }

    /// A batch norm of this many means, each of `plane` columns.
    fn batch_norm(&mut self, name: &str, settings: BatchNorm, means: usize, plane: usize) -> Result<Kind> {
        check_epsilon(settings.epsilon)?;
        self.scale_and_shift(name, means);
        let running = self.running.len();
        self.running.push((format!("{name}mean"), vec![means]));
        self.running.push((format!("{name}variance"), vec![means]));
        Ok(Kind::BatchNorm { settings, running, plane })
    }
}

/// The nodes of a chain of layers, and the width of its result.
///
/// # Errors
/// As for [`super::Sequential::new`].
pub(super) fn nodes(layers: &[Layer], inputs: usize, prefix: &str, arrays: &mut Arrays) -> Result<(Vec<Node>, usize)> {
    let (mut nodes, mut width): (Vec<Node>, usize) = (Vec::new(), inputs);
    for (index, layer) in layers.iter().enumerate() {
        if let (Layer::AlphaDropout(dropout), Some(last)) = (layer, nodes.last_mut())
            && last.takes_dropout(dropout)?
        {
            continue;
        }
        let node = node(layer, width, &format!("{prefix}layer{index}."), arrays)?;
        width = node.outputs;
        nodes.push(node);
    }
    Ok((nodes, width))
}

fn node(layer: &Layer, inputs: usize, name: &str, arrays: &mut Arrays) -> Result<Node> {
    let (first, number) = (arrays.parameters.len(), arrays.nodes);
    arrays.nodes += 1;
    let mut outputs = inputs;
    let kind = match layer {
        &Layer::Dense { outputs: width, activation, initialisation, weight_norm } => {
            if width == 0 {
                return Err(Error::parameter("outputs", ">= 1", 0));
            }
            outputs = width;
            arrays.dense(name, width, inputs);
            if weight_norm {
                arrays.parameters.push((format!("{name}length"), vec![width]));
            }
            Kind::Dense { activation, initialisation, weight_norm, dropout: None }
        }
        &Layer::Activation(activation) => Kind::Activation(activation),
        &Layer::Dropout(rate) => match (0.0..1.0).contains(&rate) {
            true => Kind::Dropout(rate),
            false => return Err(Error::parameter("dropout", "in [0, 1)", rate)),
        },
        &Layer::AlphaDropout(dropout) => {
            dropout.check()?;
            Kind::AlphaDropout(dropout)
        }
        &Layer::BatchNorm(settings) => arrays.batch_norm(name, settings, inputs, 1)?,
        &Layer::ChannelNorm { map, norm } => {
            map.check(inputs)?;
            arrays.batch_norm(name, norm, map.channels, map.plane())?
        }
        &Layer::LayerNorm { epsilon } => {
            check_epsilon(epsilon)?;
            arrays.scale_and_shift(name, inputs);
            Kind::LayerNorm { epsilon }
        }
        &Layer::Convolution { shape, activation, initialisation } => {
            shape.map.check(inputs)?;
            let layout = Layout::new(shape)?;
            outputs = layout.result().columns();
            arrays.parameters.push((format!("{name}weight"), shape.weight().to_vec()));
            arrays.parameters.push((format!("{name}bias"), vec![shape.outputs]));
            Kind::Convolution { layout, activation, initialisation }
        }
        &Layer::MaxPool(shape) => pool(shape, Choice::Largest, inputs, &mut outputs)?,
        &Layer::MeanPool(shape) => pool(shape, Choice::Mean, inputs, &mut outputs)?,
        &Layer::GlobalMean(map) => {
            map.check(inputs)?;
            outputs = map.channels;
            Kind::GlobalMean(map)
        }
        &Layer::Highway { activation, initialisation, gate_bias } => {
            arrays.dense(name, inputs, inputs);
            arrays.dense(&format!("{name}gate."), inputs, inputs);
            Kind::Highway { activation, initialisation, gate_bias }
        }
        Layer::Residual { layers, activation } => {
            let (nodes, width) = nodes(layers, inputs, name, arrays)?;
            if width != inputs {
                return Err(Error::parameter("residual", "a chain that keeps its width", format!("{inputs} in and {width} out")));
            }
            Kind::Residual { nodes, activation: *activation }
        }
    };
    Ok(Node { kind, number, first, inputs, outputs })
}

fn pool(shape: Pooling, choice: Choice, inputs: usize, outputs: &mut usize) -> Result<Kind> {
    shape.map.check(inputs)?;
    let pool = Pool::new(shape, choice)?;
    *outputs = pool.result().columns();
    Ok(Kind::Pool(pool))
}

fn check_epsilon(epsilon: f64) -> Result<()> {
    if epsilon > 0.0 { Ok(()) } else { Err(Error::parameter("epsilon", "> 0", epsilon)) }
}

impl Node {
    /// Whether this dense SELU layer does the dropout itself, from now on.
    fn takes_dropout(&mut self, wanted: &AlphaDropout) -> Result<bool> {
        wanted.check()?;
        match &mut self.kind {
            Kind::Dense { activation: Activation::Selu, dropout: dropout @ None, .. } if wanted.saturation == SELU_SATURATION => {
                *dropout = Some(*wanted);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Gives the arrays their starting values.
    pub(super) fn start<T: Real>(&self, parameters: &mut Parameters<T>, running: &mut Parameters<T>, stream: &mut Stream) {
        match &self.kind {
            Kind::Dense { initialisation, weight_norm, .. } => {
                initialisation.fill(parameters.slice_mut(self.first), self.inputs, stream);
                if *weight_norm {
                    let lengths = lengths(parameters.matrix(self.first));
                    parameters.slice_mut(self.first + 2).copy_from_slice(&lengths);
                }
            }
            Kind::BatchNorm { running: place, .. } => {
                parameters.slice_mut(self.first).fill(T::one());
                running.slice_mut(place + 1).fill(T::one());
            }
            Kind::LayerNorm { .. } => parameters.slice_mut(self.first).fill(T::one()),
            Kind::Convolution { layout, initialisation, .. } => {
                initialisation.fill(parameters.slice_mut(self.first), layout.shape().seen(), stream);
            }
            Kind::Highway { initialisation, gate_bias, .. } => {
                for weight in [self.first, self.first + 2] {
                    initialisation.fill(parameters.slice_mut(weight), self.inputs, stream);
                }
                parameters.slice_mut(self.first + 3).fill(T::of(*gate_bias));
            }
            Kind::Residual { nodes, .. } => nodes.iter().for_each(|node| node.start(parameters, running, stream)),
            Kind::Activation(_) | Kind::Dropout(_) | Kind::AlphaDropout(_) | Kind::Pool(_) | Kind::GlobalMean(_) => {}
        }
    }

    /// Whether it convolves maps, of which a few are as much work as many rows of dense layers.
    pub(super) fn convolves(&self) -> bool {
        match &self.kind {
            Kind::Convolution { .. } => true,
            Kind::Residual { nodes, .. } => nodes.iter().any(Self::convolves),
            _ => false,
        }
    }

    /// Adds the weights of dense layers, as they are multiplied.
    pub(super) fn dense_weights<T: Real>(&self, parameters: &Parameters<T>, found: &mut Vec<Array2<T>>) {
        match &self.kind {
            Kind::Dense { weight_norm: true, .. } => {
                found.push(Normed::of(parameters, self.first).weight);
            }
            Kind::Dense { .. } | Kind::Highway { .. } => found.push(parameters.matrix(self.first).to_owned()),
            Kind::Residual { nodes, .. } => nodes.iter().for_each(|node| node.dense_weights(parameters, found)),
            _ => {}
        }
    }
}

/// Euclidean lengths of the rows.
fn lengths<T: Real>(rows: ArrayView2<'_, T>) -> Vec<T> {
    rows.rows().into_iter().map(|row| T::of(row.iter().map(|v| v.widen() * v.widen()).sum::<f64>().sqrt())).collect()
}

/// A weight whose rows have lengths of their own.
pub(super) struct Normed<T> {
    /// Rows of length 1.
    pub(super) directions: Array2<T>,
    /// Lengths of the rows before.
    pub(super) lengths: Vec<T>,
    /// Directions times the trained lengths.
    pub(super) weight: Array2<T>,
}

impl<T: Real> Normed<T> {
    /// From the arrays weight, bias, length at `first`.
    pub(super) fn of(parameters: &Parameters<T>, first: usize) -> Self {
        let mut directions = parameters.matrix(first).to_owned();
        let lengths = lengths(directions.view());
        directions.rows_mut().into_iter().zip(&lengths).for_each(|(mut row, &length)| row.mapv_inplace(|v| v / length));
        let mut weight = directions.clone();
        weight.rows_mut().into_iter().zip(parameters.slice(first + 2)).for_each(|(mut row, &gain)| row.mapv_inplace(|v| v * gain));
        Self { directions, lengths, weight }
    }
}
