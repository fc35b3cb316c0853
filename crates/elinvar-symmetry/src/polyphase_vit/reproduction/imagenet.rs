//! The studies on ImageNet, with data and weights that a user brings.

use super::{Trial, cell, trial};
use crate::polyphase_vit::images::Fill;
use crate::polyphase_vit::params::ImportedNetwork;
use crate::polyphase_vit::shifts::random_shifts;
use crate::polyphase_vit::weights::import;
use elinvar_core::reproduction::{Aggregate, Claim, Metrics, PaperFigure, Rule, Scale, Source, Threshold};
use elinvar_core::validation::accuracy;
use elinvar_core::{Context, Result};
use elinvar_data::{ImageFolder, study_file, study_folder};

/// Mean and deviation of ImageNet's channels, of pixels from 0 to 255.
const MEAN: [f64; 3] = [123.675, 116.28, 103.53];
const STD: [f64; 3] = [58.395, 57.12, 57.375];
/// Rows and columns of an image, and images read at once.
const SIDE: usize = 224;
const AT_ONCE: usize = 256;
/// Shifts are uniform on 0, 1, ..., 14.
const MOST: usize = 15;

pub(super) fn trials() -> Vec<Trial> {
    ["twins", "polytwins"].map(|arm| trial("imagenet", arm, 0, SIDE, 0)).to_vec()
}

/// Accuracy of a network on the validation images, as they are and after one random shift of each.
pub(super) fn run(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let weights = study_file(
        &format!("imagenet/{}_svt_base.safetensors", trial.arm),
        "timm (twins_svt_base.in1k), or your own training of PolyTwins from it",
    )?;
    let folder = ImageFolder::open(study_folder("imagenet/val", "image-net.org (ILSVRC 2012 validation, a folder a class)")?)?;
    let params = ImportedNetwork { mean: MEAN.to_vec(), std: STD.to_vec(), anchor: trial.arm == "polytwins", ..ImportedNetwork::default() };
    let model = import(&params, &weights)?;
    let [mut clean, mut moved] = [Vec::new(), Vec::new()];
    for start in (0..folder.len()).step_by(AT_ONCE) {
        let which = start..(start + AT_ONCE).min(folder.len());
        let images = folder.read(which.clone(), Some(SIDE))?.mapv(f32::from);
        clean.extend(model.codes(images.view(), ctx)?);
        let shifts = random_shifts(images.dim().0, 1, MOST, &ctx.child(ctx.seed() ^ start as u64, ctx.threads()));
        moved.extend(model.shifted_codes(images.view(), &shifts[0], Fill::Circle, ctx)?);
        ctx.tick(which.end as u64, folder.len() as u64, &[])?;
    }
    let [clean, moved] = [clean, moved].map(|codes| accuracy(&codes, folder.codes()));
    Ok(Metrics::new().with("accuracy", clean).with("shifted_accuracy", moved).with("accuracy_lost", clean - moved))
}

pub(super) fn claims() -> Vec<Claim> {
    let of = |label, arm, metric, threshold| Rule::holds(label, metric, cell("imagenet", arm), Aggregate::Every, threshold);
    vec![
        Claim {
            id: "poly-6",
            says: "PolyTwins-B keeps its accuracy on ImageNet under shifts",
            paper: PaperFigure::Table("80.57 % with and without shifts, consistency 100 %"),
            source: Source::Paper,
            scales: &[Scale::Paper],
            rules: vec![
                of("accuracy", "polytwins", "accuracy", Threshold::AtLeast(0.79)),
                of("accuracy lost by shifts", "polytwins", "accuracy_lost", Threshold::AtMost(0.01)),
            ],
            finding: "",
        },
        Claim {
            id: "poly-7",
            says: "Twins-B loses much of its accuracy on ImageNet under shifts",
            paper: PaperFigure::Table("80.57 % falls to 62.40 %"),
            source: Source::Paper,
            scales: &[Scale::Paper],
            rules: vec![of("accuracy lost by shifts", "twins", "accuracy_lost", Threshold::AtLeast(0.1))],
            finding: "",
        },
    ]
}
