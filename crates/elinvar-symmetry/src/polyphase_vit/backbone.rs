//! The networks that the method trains and applies.

use elinvar_core::{Context, Error, Result};
use elinvar_nn::twins::TwinsSpec;
use elinvar_nn::vit::{Position, VitSpec};
use elinvar_nn::{NamedArrays, Network, Parameters, Twins, Vit};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// A network of images.
#[derive(Clone, Debug)]
pub(super) enum Backbone {
    /// A vision transformer.
    Vit(Vit<f32>),
    /// A vision transformer in stages.
    Twins(Twins<f32>),
}

/// The shape of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    /// Of a vision transformer.
    Vit(VitSpec),
    /// Of one in stages.
    Twins(TwinsSpec),
}

/// Runs the same expression for each kind of network.
macro_rules! each {
    ($backbone:expr, $network:ident => $body:expr) => {
        match $backbone {
            Backbone::Vit($network) => $body,
            Backbone::Twins($network) => $body,
        }
    };
}

impl Shape {
    /// Channels, rows and columns of the images.
    pub(super) fn image(&self) -> [usize; 3] {
        match self {
            Self::Vit(spec) => [spec.channels, spec.height, spec.width],
            Self::Twins(spec) => [spec.channels, spec.height, spec.width],
        }
    }

    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Vit(spec) => spec.outputs,
            Self::Twins(spec) => spec.outputs,
        }
    }

    /// The same for images of another size.
    fn resized(&self, height: usize, width: usize) -> Result<Self> {
        match self {
            Self::Vit(spec) if spec.position == Position::Absolute => Err(Error::input(format!(
                "a network with absolute positions takes images of {}x{} pixels, got {height}x{width}",
                spec.height, spec.width
            ))
            .hint("resize the images")),
            Self::Vit(spec) => Ok(Self::Vit(VitSpec { height, width, ..*spec })),
            Self::Twins(spec) => Ok(Self::Twins(TwinsSpec { height, width, ..spec.clone() })),
        }
    }
}

impl Backbone {
    /// The network of this shape with these arrays.
    pub(super) fn from_arrays(shape: Shape, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        match shape {
            Shape::Vit(spec) => Vit::from_arrays(spec, arrays, prefix).map(Self::Vit),
            Shape::Twins(spec) => Twins::from_arrays(spec, arrays, prefix).map(Self::Twins),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Vit(vit) => Shape::Vit(*vit.spec()),
            Self::Twins(twins) => Shape::Twins(twins.spec().clone()),
        }
    }

    pub(super) fn parameters(&self) -> &Parameters<f32> {
        each!(self, network => network.parameters())
    }

    pub(super) fn parameters_mut(&mut self) -> &mut Parameters<f32> {
        each!(self, network => network.parameters_mut())
    }

    /// The same weights for images of another size.
    pub(super) fn resized(&self, height: usize, width: usize) -> Result<Self> {
        let shape = self.shape().resized(height, width)?;
        Self::from_arrays(shape, &self.parameters().to_arrays(""), "")
    }

    /// Logits (n, classes) of images (n, C H W).
    pub(super) fn predict(&self, rows: ArrayView2<'_, f32>, ctx: &Context) -> Result<Array2<f32>> {
        each!(self, network => elinvar_nn::predict(network, rows, ctx))
    }
}
