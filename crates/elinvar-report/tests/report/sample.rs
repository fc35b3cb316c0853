//! A made-up run with all verdicts and all kinds of marks.

use elinvar_core::reproduction::*;
use elinvar_core::{Card, Paper};
use elinvar_report::Report;
use rand::RngExt;
use serde_json::{Value, json};

pub(crate) const CARD: Card = Card {
    slug: "monge-gap",
    title: "Monge gap",
    family: "transport",
    summary: "Fits a map that carries one cloud of points onto another at little cost, by penalising how far the map is from optimal.",
    paper: Paper {
        title: "The Monge Gap: A Regularizer to Learn All Transport Maps",
        authors: "Théo Uscidda, Marco Cuturi",
        year: 2023,
        reference: "arXiv:2302.04953",
    },
    complexity: "O(n²) a step",
    keywords: &["transport"],
};

const QUICK: &[Scale] = &[Scale::Quick];

fn arm(name: &str) -> Cell {
    Cell::of("arm", name)
}

fn claim(id: &'static str, says: &'static str, paper: PaperFigure, source: Source, rules: Vec<Rule>, finding: &'static str) -> Claim {
    Claim { id, says, paper, source, scales: QUICK, rules, finding }
}

pub(crate) fn claims() -> Vec<Claim> {
    use Aggregate::*;
    use Threshold::*;
    let uvp = |label, to, by, threshold| Rule::ratio(label, "uvp", arm("gap"), arm(to), by, threshold);
    vec![
        claim(
            "MG-1",
            "With the gap the map is nearer to the optimal one than without it, while it still reaches the target.",
            PaperFigure::Qualitative("the gap regulariser brings the map nearer to T*"),
            Source::Pilot,
            vec![
                uvp("median error with the gap over without", "no gap", Median, AtMost(0.6)),
                Rule::holds("Sinkhorn divergence to the target", "divergence", arm("gap"), Every, AtMost(0.05)),
            ],
            "",
        ),
        claim(
            "MG-2",
            "The same holds in 16 dimensions.",
            PaperFigure::Table("best for d ≥ 16 (fig. 4)"),
            Source::Paper,
            vec![Rule::Most {
                label: "error with the gap, against two others",
                of: ["entropic map", "no gap"].map(|to| uvp("over it", to, Mean, AtMost(0.75))).to_vec(),
                at_least: 1,
            }],
            "",
        ),
        claim(
            "MG-3",
            "The entropic gap is a usable certificate: it lies within ε log n of the exact one.",
            PaperFigure::Theorem("M + ε log n ≤ M_ε ≤ M + 2 ε log n"),
            Source::Theorem,
            vec![Rule::holds("share of maps inside both bounds", "inside", Cell::all(), Every, AtLeast(1.0))],
            "",
        ),
        claim(
            "MG-4",
            "The cost shapes the map: displacement segments cross less often with the Euclidean cost.",
            PaperFigure::Qualitative("segments do not cross (Monge–Mather shortening)"),
            Source::Pilot,
            vec![Rule::difference("crossings without the gap minus with", "crossings", arm("no gap"), arm("gap"), Mean, AtLeast(0.1))],
            "",
        ),
        claim(
            "MG-5",
            "Error falls from the plain network over the entropic map to the gap.",
            PaperFigure::Table("fig. 5"),
            Source::Paper,
            vec![Rule::descending("error", "uvp", vec![arm("no gap"), arm("entropic map"), arm("input-convex network"), arm("gap")])],
            "Our input-convex network is better than the paper’s, because it is trained with the corrected initialisation; the order of the last two is reversed.",
        ),
        claim(
            "MG-6",
            "The conservativity penalty is secondary: without it the error changes by less than a tenth.",
            PaperFigure::Table("ablation, table 2: 3 %"),
            Source::Paper,
            vec![uvp("error over error without the penalty", "no penalty", RatioOfMeans, Near { value: 1.0, within: 0.1 })],
            "",
        ),
        claim(
            "MG-7",
            "On single cells the map has a lower divergence than each baseline on most drugs.",
            PaperFigure::Qualitative("scatter plots, fig. 7"),
            Source::Paper,
            vec![Rule::holds("share of drugs", "drugs", arm("cells"), Mean, AtLeast(0.6))],
            "",
        ),
        claim(
            "MG-8",
            "The error falls with the number of points at the parametric rate.",
            PaperFigure::Theorem("n^(−1/2)"),
            Source::Theorem,
            vec![Rule::holds("slope", "slope", arm("broken"), Mean, Near { value: -0.5, within: 0.1 })],
            "",
        ),
    ]
}

const ARMS: [(&str, f64); 5] = [("gap", 0.42), ("no gap", 1.3), ("entropic map", 0.9), ("input-convex network", 0.39), ("no penalty", 0.4)];

fn record(trial: Value, outcome: Outcome, seconds: f64) -> Record {
    let environment = Environment {
        version: "0.1.0".into(),
        machine: "Debian GNU/Linux 12 (bookworm), Intel(R) Xeon(R) Platinum 8488C, 2 cores, x86_64".into(),
        date: "2026-11-24".into(),
    };
    Record { method: CARD.slug.into(), code: 1, trial, outcome, seconds, environment }
}

pub(crate) fn evidence(seeds: u64) -> Evidence {
    let mut random = elinvar_core::random::stream(7, &[("sample", 0)]);
    let mut records = Vec::new();
    for (name, level) in ARMS {
        for seed in 0..seeds {
            let noise = 1.0 + 0.3 * (random.random::<f64>() - 0.5);
            let numbers = Metrics::new()
                .with("uvp", level * noise)
                .with("divergence", 0.01 + 0.03 * random.random::<f64>())
                .with("inside", 1.0)
                .with("crossings", if name == "gap" { 0.08 } else { 0.22 } + 0.04 * random.random::<f64>())
                .with("cosine", 1.0 - 0.1 * level)
                .with("gap", 1.2e-5 * level * noise)
                .with("iterations", 400.0)
                .with_series("loss", (0..200).map(|i| (-f64::from(i) / 40.0).exp()));
            let trial = json!({"data": "moons to s-curve", "arm": name, "n": 4096, "d": 2, "epsilon": 0.01, "seed": seed});
            records.push(record(trial, Outcome::Metrics(numbers), 2.0 + 8.0 * random.random::<f64>()));
        }
    }
    for seed in 0..2 {
        let trial = json!({"data": "moons to s-curve", "arm": "broken", "n": 4096, "d": 2, "epsilon": 0.01, "seed": seed});
        records.push(record(trial, Outcome::Error("monge-gap: the loss is not finite at step 17".into()), 0.8));
    }
    records.into_iter().collect()
}

pub(crate) fn run(seeds: u64) -> RunReport {
    let evidence = evidence(seeds);
    let judgements = judge_all(&claims(), Scale::Quick, &evidence);
    RunReport { trials: evidence.len() + 2, ran: evidence.len(), evidence, judgements }
}

pub(crate) fn report(seeds: u64) -> Report {
    let differences = [
        "The benchmark pair is our own potential, because the paper’s pretrained networks are not available in every snapshot; its ground truth is exact.",
        "Networks are trained for 400 steps instead of 10,000; the paper’s scale uses all of them.",
    ];
    let judged = record(json!({}), Outcome::Error(String::new()), 0.0).environment;
    Report::new(&CARD, Scale::Quick, &run(seeds), &differences, judged)
}

pub(crate) fn figures() -> Vec<Figure> {
    vec![effect(), maps(), methods(), hard()]
}

/// One wide panel: two lines with bands, a level.
fn effect() -> Figure {
    let x: Vec<f64> = (0..=40).map(|i| f64::from(i) * 10.0).collect();
    let curve = |a: f64, b: f64| -> Vec<f64> { x.iter().map(|t| a + b * (-t / 90.0).exp()).collect() };
    let scaled = |y: &[f64], f: f64| -> Vec<f64> { y.iter().map(|v| v * f).collect() };
    let line = |label: &str, y: Vec<f64>| {
        let (low, high) = (scaled(&y, 0.82), scaled(&y, 1.2));
        Mark::Line { label: label.into(), x: x.clone(), y, low, high }
    };
    Figure {
        id: "effect".into(),
        title: "The gap keeps the map near the optimal one".into(),
        caption: "Error of the map during training, mean of 10 seeds; bands reach from the least to the greatest seed. The dashed line is the paper’s figure.".into(),
        panels: vec![Panel {
            title: String::new(),
            x: Axis::new("training step"),
            y: Axis::log("unexplained variance of the map (%)"),
            equal: false,
            marks: vec![
                line("without the gap", curve(5.5, 60.0)),
                line("with the gap", curve(0.9, 60.0)),
                Mark::Level { label: "paper, fig. 4".into(), y: 0.8 },
            ],
        }],
    }
}

/// Two panels with equal axes: points and segments.
fn maps() -> Figure {
    let mut random = elinvar_core::random::stream(9, &[("maps", 0)]);
    let mut noise = move || 0.12 * (random.random::<f64>() - 0.5);
    let mut panel = |title: &str, turn: f64| {
        let from: Vec<(f64, f64)> = (0..120).map(|i| f64::from(i) * 0.026).map(|t| (t.cos() + noise(), t.sin() + noise())).collect();
        let to: Vec<(f64, f64)> = from
            .iter()
            .map(|&(x, y)| (1.0 + 0.6 * (x * turn.cos() - y * turn.sin()), -1.6 + 0.7 * (x * turn.sin() + y * turn.cos())))
            .collect();
        let split = |p: &[(f64, f64)]| (p.iter().map(|q| q.0).collect(), p.iter().map(|q| q.1).collect());
        let ((sx, sy), (tx, ty)) = (split(&from), split(&to));
        Panel {
            title: title.into(),
            x: Axis::new("x₁"),
            y: Axis::new("x₂"),
            equal: true,
            marks: vec![
                Mark::points("source", sx, sy),
                Mark::points("target", tx, ty),
                Mark::Segments { label: "displacement".into(), from, to },
            ],
        }
    };
    Figure {
        id: "maps".into(),
        title: "Displacements of the learned maps".into(),
        caption: "Segments lead from each source point to its image. With the Euclidean gap they hardly cross. One seed, 120 points."
            .into(),
        panels: vec![panel("Without the gap", 1.2), panel("With the Euclidean gap", 0.3)],
    }
}

/// Three panels: grouped bars with error bars and a level, points with error bars over categories, both axes logarithmic.
fn methods() -> Figure {
    let names = ["gap", "input-convex network", "entropic map", "plain network"];
    let bars = |label: &str, y: [f64; 4]| Mark::Bars {
        label: label.into(),
        y: y.to_vec(),
        low: y.iter().map(|v| v * 0.85).collect(),
        high: y.iter().map(|v| v * 1.15).collect(),
    };
    let sizes = vec![64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];
    let rate = |a: f64, p: f64| -> Vec<f64> { sizes.iter().map(|n: &f64| a * n.powf(p)).collect() };
    let points = |label: &str, shift: f64, y: [f64; 4]| Mark::Points {
        label: label.into(),
        x: (0..4).map(|i| f64::from(i) + shift).collect(),
        y: y.to_vec(),
        low: y.iter().map(|v| v - 0.03).collect(),
        high: y.iter().map(|v| v + 0.02).collect(),
    };
    Figure {
        id: "methods".into(),
        title: "Against the baselines".into(),
        caption: "Mean of 10 seeds with 95 % intervals.".into(),
        panels: vec![
            Panel {
                title: "Error".into(),
                x: Axis::categories("", names),
                y: Axis::new("unexplained variance (%)"),
                equal: false,
                marks: vec![
                    bars("d = 2", [0.42, 0.39, 0.9, 1.3]),
                    bars("d = 16", [0.8, 0.95, 1.9, 2.6]),
                    Mark::Level { label: "trivial map".into(), y: 2.2 },
                ],
            },
            Panel {
                title: "Direction".into(),
                x: Axis::categories("", ["gap", "convex", "entropic", "plain"]),
                y: Axis::new("cosine to the optimal map").showing(0.7, 1.0),
                equal: false,
                marks: vec![points("d = 2", -0.12, [0.98, 0.97, 0.91, 0.83]), points("d = 16", 0.12, [0.95, 0.93, 0.86, 0.78])],
            },
            Panel {
                title: "Rate in the number of points".into(),
                x: Axis::log("number of points"),
                y: Axis::log("error"),
                equal: false,
                marks: vec![Mark::line("d = 2", sizes.clone(), rate(1.2, -0.5)), Mark::line("d = 16", sizes.clone(), rate(2.0, -0.32))],
            },
        ],
    }
}

/// What could go wrong: long names, six series, huge and tiny numbers, missing values.
fn hard() -> Figure {
    let line = |k: u32| {
        let x: Vec<f64> = (0..300).map(f64::from).collect();
        let y =
            x.iter().map(|t| f64::from(k) + (t / 40.0 + f64::from(k)).sin()).map(|v| if v > 6.3 { f64::NAN } else { v * 1e-7 }).collect();
        Mark::line(format!("series number {k}"), x, y)
    };
    let names = ["cisplatin at 10 µM", "trametinib", "dasatinib_and_something", "midostaurin", "ixazomib", "palbociclib", "control"];
    Figure {
        id: "hard".into(),
        title: "Six series, many categories".into(),
        caption: "Made up.".into(),
        panels: vec![
            Panel {
                title: "A panel title that is long enough to need a second line here".into(),
                x: Axis::new("time (s)"),
                y: Axis::new("displacement of the membrane under the electrode (m)"),
                equal: false,
                marks: (1..=6).map(line).collect(),
            },
            Panel {
                title: "Drugs".into(),
                x: Axis::categories("drug", names),
                y: Axis::new("cells"),
                equal: false,
                marks: vec![Mark::Bars {
                    label: "cells".into(),
                    y: vec![12_000.0, 8_000.0, 15_500.0, 4_000.0, 9_100.0, 11_000.0, 20_000.0],
                    low: vec![],
                    high: vec![],
                }],
            },
        ],
    }
}
