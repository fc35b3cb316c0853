//! The claims of the paper and the trials that decide them.

mod competition;
mod studies;

use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{Context, Error, Result};
use serde::{Deserialize, Serialize};

/// One look at one kind of network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `constants`, `theorems`, `untrained`, `trained`, `dropout`, `htru2`, `tox21` or `uci`.
    study: String,
    /// The activation or the competitor: `selu`, `relu`, `relu-batchnorm`, `tanh`, `elu`, ...; of `dropout` the kind.
    arm: String,
    /// Hidden layers; of `constants`, `theorems` and `dropout` 0.
    depth: usize,
    /// Variance of the inputs of an untrained network, dropout rate, or 0.
    level: f64,
    /// Units, grid points along an axis, or samples.
    size: usize,
    /// Data set of `uci`, `blobs` or `digits`; else empty.
    data: String,
    seed: u64,
}

/// The study of this method.
pub(super) struct SelfNormalizingStudy;

const DEPTHS: [usize; 3] = [8, 16, 32];
const BASELINES: [&str; 3] = ["relu-batchnorm", "relu", "tanh"];
const VARIANCES: [f64; 2] = [0.3, 3.0];
const RATES: [f64; 3] = [0.05, 0.1, 0.5];

fn trial(study: &str, arm: &str, depth: usize, level: f64, size: usize, seed: u64) -> Trial {
    Trial { study: study.into(), arm: arm.into(), depth, level, size, data: String::new(), seed }
}

fn cell(study: &str, arm: &str) -> Cell {
    Cell::of("study", study).with("arm", arm)
}

/// Sizes of the quick studies, and of the tiny ones.
struct Sizes {
    grid: usize,
    width: usize,
    depth: usize,
    seeds: u64,
    samples: usize,
    data: &'static str,
    depths: &'static [usize],
}

const TINY: Sizes = Sizes { grid: 7, width: 256, depth: 12, seeds: 2, samples: 200_000, data: "blobs", depths: &[8] };
const QUICK: Sizes = Sizes { grid: 22, width: 512, depth: 32, seeds: 5, samples: 1_000_000, data: "digits", depths: &DEPTHS };

fn generated(sizes: &Sizes) -> Vec<Trial> {
    let mut trials = vec![trial("constants", "selu", 0, 0.0, 0, 0)];
    trials.extend((0..sizes.seeds.min(3)).map(|seed| trial("theorems", "selu", 0, 0.0, sizes.grid, seed)));
    for seed in 0..sizes.seeds {
        for arm in ["selu", "relu", "tanh", "elu"] {
            trials.extend(VARIANCES.map(|variance| trial("untrained", arm, sizes.depth, variance, sizes.width, seed)));
        }
        for arm in ["alpha", "standard"] {
            trials.extend(RATES.map(|rate| trial("dropout", arm, 0, rate, sizes.samples, seed)));
        }
    }
    for seed in 0..sizes.seeds.min(3) {
        for &depth in sizes.depths {
            for arm in ["selu"].iter().chain(&BASELINES) {
                trials.push(Trial { data: sizes.data.into(), ..trial("trained", arm, depth, 0.0, 64, seed) });
            }
        }
    }
    trials
}

impl Reproduction for SelfNormalizingStudy {
    type Trial = Trial;
    const VERSION: u32 = 2;

    fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![constants_claim(), theorems_claim(), untrained_claim()];
        claims.extend([trained_claim(Scale::Quick), trained_claim(Scale::Tiny), dropout_claim()]);
        claims.extend(competition::claims());
        claims
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        match scale {
            Scale::Tiny => generated(&TINY),
            Scale::Quick => generated(&QUICK),
            Scale::Hour => Vec::new(),
            Scale::Paper => competition::trials(),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        match trial.study.as_str() {
            "constants" => studies::constants(&trial.arm),
            "theorems" => studies::theorems(&trial.arm, trial.size, ctx),
            "untrained" => studies::untrained(&trial.arm, trial.depth, trial.size, trial.level, ctx),
            "dropout" => studies::dropout(&trial.arm, trial.level, trial.size, ctx),
            "trained" => studies::trained(trial, ctx),
            "htru2" | "tox21" | "uci" => competition::run(trial, ctx),
            other => Err(Error::input(format!("there is no study '{other}'"))),
        }
    }

    /// ELU for SELU, ordinary dropout for alpha dropout: what normalises is gone.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        let other = match trial.arm.as_str() {
            "selu" if trial.study == "trained" => "tanh",
            "selu" => "elu",
            "alpha" => "standard",
            _ => return None,
        };
        Some(Trial { arm: other.into(), ..trial.clone() })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        [untrained_figure(evidence), trained_figure(evidence)].into_iter().flatten().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "The speed of learning (Figure 1 of the paper: MNIST and CIFAR10, 2000 epochs) is judged on 8 x 8 digits in 20 epochs.",
            "Theorems 1 to 3 are checked at points of a grid and at random; the paper proves them.",
            "HTRU2's rank is judged by the mean number of competitors above in a fold, UCI's by rank differences over the sets.",
        ]
    }
}

const BOTH: &[Scale] = &[Scale::Tiny, Scale::Quick];

fn constants_claim() -> Claim {
    let rule = |label, metric, bound| Rule::holds(label, metric, cell("constants", "selu"), Aggregate::Every, Threshold::AtMost(bound));
    Claim {
        id: "SN-1",
        says: "the constants have mean 0 and variance 1 as an attracting fixed point",
        paper: PaperFigure::Theorem("alpha 1.6733, lambda 1.0507; Jacobian ((0, 0.088834), (0, 0.782648)); largest singular value 0.7877"),
        source: Source::Theorem,
        scales: BOTH,
        rules: vec![
            rule("closed form against the stated constants", "closed_form_error", 1e-14),
            rule("Newton's method against the stated constants", "newton_error", 1e-14),
            rule("Jacobian at the fixed point", "jacobian_error", 1e-6),
            rule("its largest singular value against 0.78767", "singular_value_error", 1e-5),
        ],
        finding: "",
    }
}

fn theorems_claim() -> Claim {
    let of = |label, metric, threshold| Rule::holds(label, metric, cell("theorems", "selu"), Aggregate::Every, threshold);
    Claim {
        id: "SN-2",
        says: "mean and variance contract to a fixed point, large variances fall and small ones rise",
        paper: PaperFigure::Theorem("image of the domain: mean in [-0.03106, 0.06773], variance in [0.80009, 1.48617]"),
        source: Source::Theorem,
        scales: BOTH,
        rules: vec![
            of("points that contradict a theorem", "violations", Threshold::AtMost(0.0)),
            of("least mean", "mean_low", Threshold::Near { value: -0.03106, within: 2e-3 }),
            of("greatest mean", "mean_high", Threshold::Near { value: 0.06773, within: 2e-3 }),
        ],
        finding: "",
    }
}

fn untrained_claim() -> Claim {
    let selu = || cell("untrained", "selu");
    let mut rules = vec![
        Rule::holds("size of the mean", "size_of_mean", selu(), Aggregate::Every, Threshold::Below(0.1)),
        Rule::holds("least variance", "variance", selu(), Aggregate::Every, Threshold::AtLeast(0.8)),
        Rule::holds("greatest variance", "variance", selu(), Aggregate::Every, Threshold::AtMost(1.25)),
    ];
    for (label, arm) in [("ReLU misses a bound", "relu"), ("tanh misses a bound", "tanh"), ("ELU misses a bound", "elu")] {
        rules.push(Rule::holds(label, "misses", cell("untrained", arm), Aggregate::Every, Threshold::AtLeast(1.0)));
    }
    Claim {
        id: "SN-3",
        says: "activations of deep random SELU networks converge to mean 0 and variance 1, those of others do not",
        paper: PaperFigure::Qualitative("Definition 1 and Theorem 1"),
        source: Source::Pilot,
        scales: BOTH,
        rules,
        finding: "",
    }
}

fn dropout_claim() -> Claim {
    let of = |arm, rate: f64| cell("dropout", arm).with("level", rate);
    let mut rules = Vec::new();
    for rate in RATES {
        rules.push(Rule::holds("size of the mean", "size_of_mean", of("alpha", rate), Aggregate::Every, Threshold::Below(0.005)));
        rules.push(Rule::holds(
            "distance of the variance from 1",
            "variance_error",
            of("alpha", rate),
            Aggregate::Every,
            Threshold::Below(0.01),
        ));
    }
    let ordinary = of("standard", 0.1);
    rules.push(Rule::holds("the same of ordinary dropout", "variance_error", ordinary, Aggregate::Every, Threshold::Above(0.03)));
    Claim {
        id: "SN-5",
        says: "alpha dropout keeps mean and variance, ordinary dropout does not",
        paper: PaperFigure::Theorem("section on dropout"),
        source: Source::Theorem,
        scales: BOTH,
        rules,
        finding: "",
    }
}

/// What is compared with each of [`BASELINES`].
const COMPARISONS: [[&str; 2]; 3] = [
    ["training loss over that of ReLU with batch norm", "test accuracy less that of ReLU with batch norm"],
    ["training loss over that of ReLU", "test accuracy less that of ReLU"],
    ["training loss over that of tanh", "test accuracy less that of tanh"],
];

/// The claim on learning, at the depths of a scale; its tiny twin has made-up data and a name of its own.
fn trained_claim(scale: Scale) -> Claim {
    let (id, sizes, scales): (_, _, &[Scale]) = match scale {
        Scale::Tiny => ("SN-4-tiny", &TINY, &[Scale::Tiny]),
        _ => ("SN-4", &QUICK, &[Scale::Quick]),
    };
    let mut rules = Vec::new();
    for &depth in sizes.depths {
        let of = |arm: &str| cell("trained", arm).with("depth", depth);
        for (baseline, [loss, accuracy]) in BASELINES.into_iter().zip(COMPARISONS) {
            let by = Aggregate::RatioOfMeans;
            rules.push(Rule::ratio(loss, "training_loss", of("selu"), of(baseline), by, Threshold::AtMost(0.5)));
            if scale != Scale::Tiny {
                let by = Aggregate::Mean;
                rules.push(Rule::difference(accuracy, "accuracy", of("selu"), of(baseline), by, Threshold::Above(0.0)));
            }
        }
    }
    Claim {
        id,
        says: "deep SELU networks learn faster at a small rate than ReLU with and without batch normalisation, and tanh",
        paper: PaperFigure::Qualitative("Figure 1: training loss below that of ReLU with batch normalisation at 8, 16 and 32 layers"),
        source: Source::Pilot,
        scales,
        rules,
        finding: "",
    }
}

fn untrained_figure(evidence: &Evidence) -> Option<Figure> {
    let arms = ["selu", "relu", "tanh", "elu"];
    let panel = |variance: f64| {
        let cells = arms.map(|arm| cell("untrained", arm).with("level", variance));
        let bars = |metric: &str, label: &str| evidence.bars(label, metric, &cells);
        Some(Panel {
            x: Axis::categories(format!("inputs of variance {variance}"), ["SELU", "ReLU", "tanh", "ELU"]),
            y: Axis::new("of the last layer").showing(0.0, 1.2),
            marks: vec![bars("size_of_mean", "size of the mean")?, bars("variance", "variance")?],
            ..Panel::default()
        })
    };
    Some(Figure {
        id: "untrained".into(),
        title: "Only SELU brings activations back to mean 0 and variance 1".into(),
        caption: "Last hidden layer of random networks with LeCun's (ReLU: He's) initialisation; bars are means, whiskers the least and greatest seed.".into(),
        panels: vec![panel(VARIANCES[0])?, panel(VARIANCES[1])?],
    })
}

fn trained_figure(evidence: &Evidence) -> Option<Figure> {
    let arms = [("selu", "SELU"), ("relu-batchnorm", "ReLU, batch norm"), ("relu", "ReLU"), ("tanh", "tanh")];
    let panel = |metric: &str, label: &str| {
        let points = |arm: &str| DEPTHS.map(|depth| (depth as f64, cell("trained", arm).with("depth", depth)));
        let marks: Vec<Mark> = arms.iter().filter_map(|(arm, name)| evidence.line(name, metric, points(arm))).collect();
        (!marks.is_empty()).then(|| Panel {
            x: Axis::new("hidden layers"),
            y: Axis::new(label).showing(0.0, 1.0),
            marks,
            ..Panel::default()
        })
    };
    Some(Figure {
        id: "trained".into(),
        title: "Deep SELU networks learn at small rates".into(),
        caption: "After 20 epochs of plain gradient descent at rate 0.001; lines are means, bands the least and greatest seed.".into(),
        panels: vec![panel("training_loss", "training loss")?, panel("accuracy", "test accuracy")?],
    })
}
