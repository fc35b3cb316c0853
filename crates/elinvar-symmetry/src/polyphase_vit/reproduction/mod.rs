//! The claims of the paper and the trials that decide them.

mod imagenet;
mod studies;

use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{Context, Error, Result};
use serde::{Deserialize, Serialize};

/// One look at one kind of anchor or network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `lemma`, `random`, `trained`, `overhead` or `imagenet`.
    study: String,
    /// Of `lemma` `anchor`, `full` or `none`; else a network: `vit`, `posvit`, `polyvit`, `bare`, `twins` or `polytwins`.
    arm: String,
    /// Stride of the anchor of `lemma`; else 0.
    stride: usize,
    /// Random maps of `lemma`, images and shifts of `random`, images of `overhead`, epochs, or rows of pixels.
    size: usize,
    /// Images of `trained`: `shapes` or `digits`; else empty.
    data: String,
    seed: u64,
}

/// The study of this method.
pub(super) struct PolyphaseStudy;

const STRIDES: [usize; 3] = [2, 4, 7];
const TRAINED: [&str; 4] = ["vit", "posvit", "polyvit", "bare"];

/// Sizes of the quick studies, and of the tiny ones.
struct Sizes {
    maps: usize,
    images: usize,
    random_seeds: u64,
    data: &'static str,
    epochs: usize,
    seeds: u64,
}

const TINY: Sizes = Sizes { maps: 4, images: 10, random_seeds: 2, data: "shapes", epochs: 8, seeds: 2 };
const QUICK: Sizes = Sizes { maps: 200, images: 50, random_seeds: 5, data: "digits", epochs: 20, seeds: 3 };

fn trial(study: &str, arm: &str, stride: usize, size: usize, seed: u64) -> Trial {
    Trial { study: study.into(), arm: arm.into(), stride, size, data: String::new(), seed }
}

fn cell(study: &str, arm: &str) -> Cell {
    Cell::of("study", study).with("arm", arm)
}

fn trials(sizes: &Sizes) -> Vec<Trial> {
    let mut trials = Vec::new();
    for stride in STRIDES {
        trials.extend(["anchor", "full"].map(|arm| trial("lemma", arm, stride, sizes.maps, 0)));
    }
    for seed in 0..sizes.random_seeds {
        trials.extend(["vit", "polyvit", "polytwins"].map(|arm| trial("random", arm, 0, sizes.images, seed)));
    }
    for seed in 0..sizes.seeds {
        trials.extend(TRAINED.map(|arm| Trial { data: sizes.data.into(), ..trial("trained", arm, 0, sizes.epochs, seed) }));
    }
    trials
}

impl Reproduction for PolyphaseStudy {
    type Trial = Trial;
    const VERSION: u32 = 1;

    fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![lemma_claim(), random_claim(), trained_claim(), tiny_claim(), ablation_claim(), overhead_claim()];
        claims.extend(imagenet::claims());
        claims
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        match scale {
            Scale::Tiny => trials(&TINY),
            Scale::Quick => {
                let overhead = (0..3).map(|seed| trial("overhead", "polyvit", 0, 8, seed));
                trials(&QUICK).into_iter().chain(overhead).collect()
            }
            Scale::Hour => Vec::new(),
            Scale::Paper => imagenet::trials(),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        match trial.study.as_str() {
            "lemma" => studies::lemma(trial, ctx),
            "random" => studies::random(trial, ctx),
            "trained" => studies::trained(trial, ctx),
            "overhead" => studies::overhead(trial, ctx),
            "imagenet" => imagenet::run(trial, ctx),
            other => Err(Error::input(format!("there is no study '{other}'"))),
        }
    }

    /// Without the anchor, positions stay.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        let other = match (trial.study.as_str(), trial.arm.as_str()) {
            ("lemma", _) => "none",
            ("random", "polyvit" | "polytwins") => "vit",
            ("trained", "polyvit") => "posvit",
            _ => return None,
        };
        Some(Trial { arm: other.into(), ..trial.clone() })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        trained_figure(evidence).into_iter().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "Networks are trained on 8 x 8 digits in a frame of 16 x 16 pixels, as the sheet of this project has it; the paper trains on ImageNet.",
            "poly-6 judges weights that a user has trained; training on ImageNet is no part of the reproduction.",
            "The digits are standardised; an epoch has 21 steps, so that 20 epochs are 420 steps.",
        ]
    }
}

const BOTH: &[Scale] = &[Scale::Tiny, Scale::Quick];
const ONLY_QUICK: &[Scale] = &[Scale::Quick];

fn lemma_claim() -> Claim {
    let of = |label, arm, stride: usize| {
        Rule::holds(label, "violations", cell("lemma", arm).with("stride", stride), Aggregate::Every, Threshold::AtMost(0.0))
    };
    let anchors = ["shifts that are no roll by strides, stride 2", "the same, stride 4", "the same, stride 7"];
    let full =
        ["shifts that change a full anchor's map, stride 2", "the same of a full anchor, stride 4", "the same of a full anchor, stride 7"];
    let mut rules: Vec<Rule> = anchors.into_iter().zip(STRIDES).map(|(label, stride)| of(label, "anchor", stride)).collect();
    rules.extend(full.into_iter().zip(STRIDES).map(|(label, stride)| of(label, "full", stride)));
    Claim {
        id: "poly-1",
        says: "anchored maps of shifted images differ by whole strides, those of a full anchor not at all, bit for bit",
        paper: PaperFigure::Theorem("equivariance of the polyphase order"),
        source: Source::Theorem,
        scales: BOTH,
        rules,
        finding: "",
    }
}

fn random_claim() -> Claim {
    let of = |label, arm, threshold| Rule::holds(label, "logit_change", cell("random", arm), Aggregate::Every, threshold);
    Claim {
        id: "poly-2",
        says: "logits of networks with random weights do not change with circular shifts",
        paper: PaperFigure::Table("100 %"),
        source: Source::Theorem,
        scales: BOTH,
        rules: vec![
            of("greatest relative change, PolyViT", "polyvit", Threshold::Below(1e-5)),
            of("greatest relative change, PolyTwins", "polytwins", Threshold::Below(1e-5)),
            of("greatest relative change, ViT", "vit", Threshold::Above(1e-2)),
        ],
        finding: "",
    }
}

/// What holds of every trained PolyViT.
fn invariance() -> Vec<Rule> {
    let of = |label, metric, threshold| Rule::holds(label, metric, cell("trained", "polyvit"), Aggregate::Every, threshold);
    vec![
        of("PolyViT: share of images with one class under five shifts", "one_class", Threshold::AtLeast(1.0)),
        of("PolyViT: change of the accuracy by shifts", "accuracy_change", Threshold::AtMost(0.0)),
    ]
}

fn trained_claim() -> Claim {
    let of = |label, arm, metric, threshold| Rule::holds(label, metric, cell("trained", arm), Aggregate::Every, threshold);
    let mut rules = invariance();
    rules.push(of("PolyViT: accuracy", "polyvit", "accuracy", Threshold::AtLeast(0.75)));
    rules.push(of("ViT: accuracy under shifts", "vit", "shifted_accuracy", Threshold::AtMost(0.35)));
    Claim {
        id: "poly-3",
        says: "a trained PolyViT gives every shift of an image one class and loses no accuracy; a ViT does not",
        paper: PaperFigure::Table("consistency 100 %; Twins falls from 80.57 % to 62.40 % under shifts"),
        source: Source::Pilot,
        scales: ONLY_QUICK,
        rules,
        finding: "",
    }
}

fn tiny_claim() -> Claim {
    let mut rules = invariance();
    let vit = cell("trained", "vit");
    rules.push(Rule::holds("ViT: consistency under two shifts", "consistency", vit, Aggregate::Mean, Threshold::Below(1.0)));
    Claim { id: "poly-3-tiny", scales: &[Scale::Tiny], rules, ..trained_claim() }
}

fn ablation_claim() -> Claim {
    let of = |label, arm, threshold| Rule::holds(label, "consistency", cell("trained", arm), Aggregate::Mean, threshold);
    Claim {
        id: "poly-4",
        says: "the anchor with its rule for ties does it, not the convolution of positions",
        paper: PaperFigure::Qualitative("ablation"),
        source: Source::Pilot,
        scales: ONLY_QUICK,
        rules: vec![
            of("without the anchor", "posvit", Threshold::AtMost(0.5)),
            of("with the bare greatest norm", "bare", Threshold::Below(1.0)),
            of("with keys for ties", "polyvit", Threshold::AtLeast(1.0)),
        ],
        finding: "",
    }
}

fn overhead_claim() -> Claim {
    let of = cell("overhead", "polyvit");
    Claim {
        id: "poly-5",
        says: "the anchor costs next to nothing: PolyViT-S/16 against ViT-S/16, 8 images of 224 x 224",
        paper: PaperFigure::Qualitative("no figure found"),
        source: Source::Pilot,
        scales: ONLY_QUICK,
        rules: vec![Rule::holds("time of the forward pass over that of ViT", "time_ratio", of, Aggregate::Median, Threshold::AtMost(1.03))],
        finding: "",
    }
}

fn trained_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = TRAINED.map(|arm| cell("trained", arm));
    let names = ["ViT", "PosViT", "PolyViT", "PolyViT, bare ties"];
    let bars = |label: &str, metric: &str| evidence.bars(label, metric, &cells);
    Some(Figure {
        id: "trained".into(),
        title: "Only the anchor makes classes independent of position".into(),
        caption: "Small networks trained on centred digits; bars are means, whiskers the least and greatest seed.".into(),
        panels: vec![
            Panel {
                x: Axis::categories("network", names),
                y: Axis::new("accuracy").showing(0.0, 1.0),
                marks: vec![bars("centred", "accuracy")?, bars("shifted", "shifted_accuracy")?],
                ..Panel::default()
            },
            Panel {
                x: Axis::categories("network", names),
                y: Axis::new("images with one class under two shifts").showing(0.0, 1.0),
                marks: vec![bars("consistency", "consistency")?],
                ..Panel::default()
            },
        ],
    })
}
