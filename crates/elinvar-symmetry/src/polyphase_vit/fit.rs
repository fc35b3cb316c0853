//! Fitting: labels, pretrained weights, training.

use super::backbone::Backbone;
use super::images::{Preparation, size};
use super::model::PolyModel;
use super::params::{PolyTwins, PolyVit, TrainingSettings};
use super::weights::copy_matching;
use elinvar_core::{Checked, Column, Context, Error, Fitted, Result, Status, Stream, Table};
use elinvar_data::classes::Classes;
use elinvar_nn::loss::cross_entropy;
use elinvar_nn::{Batch, Batches, Network, Optimiser, OutputGradient, Record, Schedule, Training, Twins, Vit, train};
use ndarray::{Array4, ArrayView2};
use std::path::PathBuf;

/// Images with their labels.
#[derive(Clone, Debug)]
pub struct Data {
    /// Images (n, channels, height, width).
    pub images: Array4<f32>,
    /// Label of each image (n,).
    pub y: Column,
    /// File whose arrays the network starts with, where names and shapes are the same.
    pub weights: Option<PathBuf>,
}

impl PolyVit {
    /// Fits to images.
    ///
    /// # Errors
    /// Images that patches do not tile, labels of another number than images or of one class, or training that diverges.
    pub fn fit(&self, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
        fit(&Checked::new(self.clone())?, data, ctx)
    }
}

pub(super) fn fit(params: &Checked<PolyVit>, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
    let build = |image, classes, stream: &mut Stream| Vit::new(params.spec(image, classes), stream).map(Backbone::Vit);
    fit_network(params.training(), build, data, ctx)
}

impl PolyTwins {
    /// Fits to images.
    ///
    /// # Errors
    /// Images that patches, windows and reductions do not tile, labels of another number than images or of one class, or training that
    /// diverges.
    pub fn fit(&self, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
        fit_twins(&Checked::new(self.clone())?, data, ctx)
    }
}

pub(super) fn fit_twins(params: &Checked<PolyTwins>, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
    let build = |image, classes, stream: &mut Stream| Twins::new(params.spec(image, classes), stream).map(Backbone::Twins);
    fit_network(params.training(), build, data, ctx)
}

/// Fits the network that `build` makes for images (C, H, W) and a number of classes.
pub(super) fn fit_network(
    settings: TrainingSettings,
    build: impl FnOnce([usize; 3], usize, &mut Stream) -> Result<Backbone>,
    data: Data,
    ctx: &mut Context,
) -> Result<Fitted<PolyModel>> {
    let (images, n) = (data.images.view(), data.images.dim().0);
    let image @ [channels, height, width] = size(images);
    if data.y.len() != n {
        return Err(Error::input(format!("y must have {n} labels like X has images, got {}", data.y.len())));
    }
    if let Some(side) = settings.image_size.filter(|&side| [side, side] != [height, width]) {
        return Err(Error::parameter("image_size", format!("that of the images, {height}x{width}"), side).hint("resize the images"));
    }
    let (classes, codes) = Classes::of(&data.y)?;
    let mut network = build(image, classes.len(), &mut ctx.stream(&[("weights", 0)]))?;
    if let Some(path) = &data.weights {
        copy_matching(path, network.parameters_mut(), ctx)?;
    }
    network.parameters_mut().set_decays(|name, shape| shape.len() > 1 && !is_token(name));
    let preparation = if settings.standardize { Preparation::standardizing(images) } else { Preparation::nothing(channels) };
    let (rows, ambiguous) = preparation.rows(settings.anchor, images, ctx)?;
    if ambiguous > 0 {
        ctx.warn(format!("{ambiguous} of {n} images are ambiguous: nothing tells their strongest polyphase components apart"));
    }
    let (network, curve) = match network {
        Backbone::Vit(vit) => {
            let (vit, curve) = trained(vit, settings, rows.view(), &codes, ctx)?;
            (Backbone::Vit(vit), curve)
        }
        Backbone::Twins(twins) => {
            let (twins, curve) = trained(twins, settings, rows.view(), &codes, ctx)?;
            (Backbone::Twins(twins), curve)
        }
    };
    let trace = Table::new()
        .with("step", Column::Integer(curve.iter().map(|record| record.step as i64).collect()))?
        .with("loss", Column::Number(curve.iter().map(|record| record.loss).collect()))?;
    let loss_curve = curve.iter().map(|record| record.loss).collect();
    let model = PolyModel { network, preparation, anchor: settings.anchor, classes, ambiguous, loss_curve };
    model.warn_of_positions(ctx);
    Ok(Fitted { model, status: Status::Converged, trace })
}

/// Class token and positions are vectors, whatever their axes: they do not decay.
fn is_token(name: &str) -> bool {
    name == "cls_token" || name == "pos_embed"
}

/// A network trained to tell classes apart, with the losses of the epochs.
fn trained<N: Network<f32>>(
    network: N,
    settings: TrainingSettings,
    rows: ArrayView2<'_, f32>,
    codes: &[usize],
    ctx: &mut Context,
) -> Result<(N, Vec<Record>)> {
    if settings.epochs == 0 {
        return Ok((network, Vec::new()));
    }
    let training = Training {
        clip_norm: settings.clip_norm,
        ..Training::new(
            Batches::Epochs { epochs: settings.epochs as u64, batch_size: settings.batch_size },
            Optimiser::adamw(settings.weight_decay),
            Schedule::WarmCosine { rate: settings.lr, warm_up: settings.warmup },
        )
    };
    let mut objective = |batch: &Batch<'_>, logits: ArrayView2<'_, f32>| -> Result<OutputGradient> {
        let found = cross_entropy(logits, batch.rows.iter().map(|&row| codes[row]), settings.label_smoothing);
        match found.loss.is_finite() {
            true => Ok(found),
            false => Err(Error::numeric(format!("training diverged in epoch {}", batch.epoch + 1)).hint("lower lr, or set clip_norm")),
        }
    };
    let (network, report) = train(network, training, rows, &mut objective, ctx)?;
    Ok((network, report.records))
}
