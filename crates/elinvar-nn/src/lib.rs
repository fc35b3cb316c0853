//! Networks for every method: fused operations, layers, optimisers and the one training loop.
//!
//! Methods see ndarray arrays, specs and objectives only. A [`Network`] is trained in `f32`; its `f64` instance exists so that
//! [`gradient_check`] can hold every gradient against central differences.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod activation;
pub mod alpha_dropout;
pub mod attention;
pub mod batch_norm;
#[cfg(feature = "burn")]
pub mod burn;
pub mod convolution;
mod depthwise;
pub mod device;
pub mod gradient_check;
pub mod icnn;
pub mod init;
pub mod layer_norm;
pub mod loss;
mod map;
pub mod mlp;
pub mod network;
pub mod optimiser;
pub mod parameters;
pub mod pooling;
mod product;
pub mod real;
pub mod recurrent;
pub mod schedule;
pub mod sequential;
pub mod train;
mod transformer;
pub mod twins;
pub mod vit;

pub use activation::Activation;
pub use convolution::{Convolution, MapShape, Padding};
pub use device::predict;
pub use gradient_check::gradient_check;
pub use icnn::{Icnn, IcnnSpec, Quadratic};
pub use init::Initialisation;
pub use mlp::{Mlp, MlpSpec, Pass};
pub use network::Network;
pub use optimiser::{Optimiser, OptimiserState};
pub use parameters::{NamedArrays, Parameters};
pub use pooling::Pooling;
pub use real::Real;
pub use recurrent::{Cell, Recurrent, RecurrentSpec};
pub use schedule::Schedule;
pub use train::{
    Batch, Batches, Checkpoint, Goal, Objective, OutputGradient, Plateau, Record, Trainer, Training, TrainingReport, Validation, train,
    train_many,
};
pub use twins::{Twins, TwinsSpec};
pub use vit::{Vit, VitSpec};
