//! The studies that need no data of the paper's.

use super::Trial;
use crate::polyphase_vit::backbone::Backbone;
use crate::polyphase_vit::data::{digits, shapes};
use crate::polyphase_vit::fit::{Data, fit};
use crate::polyphase_vit::images::{Fill, Preparation};
use crate::polyphase_vit::model::PolyModel;
use crate::polyphase_vit::params::{PolyTwins, PolyVit, Variant};
use crate::polyphase_vit::shifts::random_shifts;
use elinvar_core::reproduction::Metrics;
use elinvar_core::validation::accuracy;
use elinvar_core::{Checked, Column, Context, Error, Result, Stream};
use elinvar_data::classes::Classes;
use elinvar_math::polyphase::{Anchor, Layout, Offset, TieBreak, Torus};
use elinvar_nn::vit::Position;
use elinvar_nn::{Twins, Vit};
use ndarray::{Array4, Axis};
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;

/// Rows and columns of the maps of the lemma.
const SIDE: usize = 28;

/// Counts the shifts of random maps after which the anchored map is not the one before, up to whole strides where the anchor is not full.
pub(super) fn lemma(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let torus = Torus { channels: 1, height: SIDE, width: SIDE, layout: Layout::ChannelsFirst };
    let full = trial.arm == "full";
    let anchor = Anchor { full, ..Anchor::new(trial.stride) };
    let anchored = |map: &[f32]| -> Result<(Vec<f32>, Offset)> {
        let offset = if trial.arm == "none" { Offset::default() } else { anchor.find(torus, map)?.offset };
        let mut out = vec![0.0; map.len()];
        torus.roll(map, offset, &mut out)?;
        Ok((out, offset))
    };
    let mut random = ctx.stream(&[("maps", 0)]);
    let mut violations = 0_usize;
    for _ in 0..trial.size {
        ctx.check()?;
        let map = normal(torus.len(), &mut random);
        let (before, first) = anchored(&map)?;
        let (mut moved, mut expected) = (vec![0.0; map.len()], vec![0.0; map.len()]);
        for shift in (0..SIDE * SIDE).map(|k| Offset { row: k / SIDE, column: k % SIDE }) {
            torus.roll(&map, torus.back(shift), &mut moved)?;
            let (after, second) = anchored(&moved)?;
            // The map after is the one before, rolled by what the two offsets and the shift leave.
            let left = torus.then(torus.then(second, torus.back(shift)), torus.back(first));
            torus.roll(&before, left, &mut expected)?;
            let stride = if full { SIDE } else { trial.stride };
            let fits = left.row.is_multiple_of(stride) && left.column.is_multiple_of(stride) && after == expected;
            violations += usize::from(!fits);
        }
    }
    Ok(Metrics::new().with("violations", violations as f64))
}

fn normal(n: usize, random: &mut Stream) -> Vec<f32> {
    (0..n).map(|_| StandardNormal.sample(random)).collect()
}

fn normal_images(shape: (usize, usize, usize, usize), random: &mut Stream) -> Array4<f32> {
    Array4::from_shape_simple_fn(shape, || StandardNormal.sample(random))
}

/// The settings of an arm.
fn network_of(arm: &str) -> Result<PolyVit> {
    let base = PolyVit::default();
    Ok(match arm {
        "polyvit" => base,
        "bare" => PolyVit { tie_break: TieBreak::None, ..base },
        "posvit" => PolyVit { anchor: false, patch_norm: false, ..base },
        "vit" => PolyVit { anchor: false, patch_norm: false, position: Position::Absolute, ..base },
        other => return Err(Error::input(format!("there is no network '{other}'"))),
    })
}

/// A model of a network that was not trained, which takes images as they are.
fn untrained(network: Backbone, anchor: Option<Anchor>) -> Result<PolyModel> {
    let ([channels, ..], classes) = (network.shape().image(), network.shape().outputs());
    let labels = Classes::of(&Column::Integer((0..classes as i64).collect()))?.0;
    Ok(PolyModel { network, preparation: Preparation::nothing(channels), anchor, classes: labels, ambiguous: 0, loss_curve: Vec::new() })
}

/// The greatest change of a logit by a shift, over the greatest logit of the image.
pub(super) fn random(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    const IMAGE: [usize; 3] = [3, 32, 32];
    let random = &mut ctx.stream(&[("weights", 0)]);
    let model = if trial.arm == "polytwins" {
        // Its own anchors alone: the network must not need that of the images.
        untrained(Backbone::Twins(Twins::new(PolyTwins::default().spec(IMAGE, 10), random)?), None)?
    } else {
        let params = network_of(&trial.arm)?;
        untrained(Backbone::Vit(Vit::new(params.spec(IMAGE, 10), random)?), params.training().anchor)?
    };
    let images = normal_images((trial.size, IMAGE[0], IMAGE[1], IMAGE[2]), &mut ctx.stream(&[("images", 0)]));
    let before = model.logits(images.view(), ctx)?;
    let mut change = 0.0_f64;
    for shifts in random_shifts(trial.size, trial.size, IMAGE[1], ctx) {
        let after = model.shifted_logits(images.view(), &shifts, Fill::Circle, ctx)?;
        for (a, b) in before.rows().into_iter().zip(after.rows()) {
            let size = a.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            change = a.iter().zip(b).fold(change, |most, (a, b)| most.max((a - b).abs() / size));
        }
    }
    Ok(Metrics::new().with("logit_change", change))
}

/// Digits to train on.
const TRAINING_DIGITS: usize = 1297;
/// Random shifts of every test image.
const DRAWS: usize = 5;

/// A small network, and what shifts do to its classes of other images.
pub(super) fn trained(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let ((images, codes), training) = match trial.data.as_str() {
        "shapes" => (shapes(240, 16, &mut ctx.stream(&[("images", 0)])), 160),
        _ => (digits()?, TRAINING_DIGITS),
    };
    let (train, test) = images.view().split_at(Axis(0), training);
    let y = Column::Integer(codes[..training].iter().map(|&code| code as i64).collect());
    let params = PolyVit { epochs: trial.size, ..network_of(&trial.arm)? };
    let data = Data { images: train.to_owned(), y, weights: None };
    let model = fit(&Checked::new(params)?, data, ctx)?.model;
    let right = &codes[training..];
    let clean = accuracy(&model.codes(test, ctx)?, right);
    let shifts = random_shifts(right.len(), DRAWS, test.dim().2, ctx);
    let found = shifts.iter().map(|shifts| model.shifted_codes(test, shifts, Fill::Circle, ctx)).collect::<Result<Vec<_>>>()?;
    let shifted: Vec<f64> = found.iter().map(|codes| accuracy(codes, right)).collect();
    let agreeing = |draws: &[Vec<usize>]| {
        let agree = (0..right.len()).filter(|&i| draws.iter().all(|codes| codes[i] == draws[0][i])).count();
        agree as f64 / right.len() as f64
    };
    Ok(Metrics::new()
        .with("accuracy", clean)
        .with("shifted_accuracy", shifted.iter().sum::<f64>() / DRAWS as f64)
        .with("accuracy_change", shifted.iter().map(|shifted| (shifted - clean).abs()).fold(0.0, f64::max))
        .with("consistency", agreeing(&found[..2]))
        .with("one_class", agreeing(&found)))
}

/// Time of the forward pass of PolyViT-S/16 over that of ViT-S/16, the best of alternating runs.
pub(super) fn overhead(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    const ROUNDS: usize = 9;
    const IMAGE: [usize; 3] = [3, 224, 224];
    let images = normal_images((trial.size, IMAGE[0], IMAGE[1], IMAGE[2]), &mut ctx.stream(&[("images", 0)]));
    let mut models = Vec::new();
    for arm in ["vit", "polyvit"] {
        let params = PolyVit { variant: Some(Variant::VitS16), ..network_of(arm)? };
        let vit = Vit::new(params.spec(IMAGE, 1000), &mut ctx.stream(&[("weights", 0)]))?;
        models.push(untrained(Backbone::Vit(vit), params.training().anchor)?);
    }
    let mut best = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        for (model, best) in models.iter().zip(&mut best) {
            let start = Instant::now();
            model.logits(images.view(), ctx)?;
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(Metrics::new().with("time_ratio", best[1] / best[0]).with("vit_seconds", best[0]))
}
