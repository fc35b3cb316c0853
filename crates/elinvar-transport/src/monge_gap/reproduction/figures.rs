//! Figures of the evidence.

use super::{DIMENSIONS, MIXTURE_LAMBDA, mixture, moons, toy};
use elinvar_core::reproduction::{Axis, Cell, Evidence, Figure, Mark, Panel};

pub(super) fn figures(evidence: &Evidence) -> Vec<Figure> {
    let all: [fn(&Evidence) -> Option<Figure>; 5] = [displacement_figure, distance_figure, bounds_figure, benchmark_figure, cell_figure];
    all.into_iter().filter_map(|figure| figure(evidence)).collect()
}

fn displacement_figure(evidence: &Evidence) -> Option<Figure> {
    let panel = |title: &str, lambda: f64| {
        let cell = moons(lambda);
        let series = |name: &str| evidence.series(name, &cell);
        let (x0, x1, y0, y1) = (series("x0")?, series("x1")?, series("y0")?, series("y1")?);
        let points = |a: &[f64], b: &[f64]| a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>();
        let segments = Mark::Segments { label: "displacement".into(), from: points(x0, x1), to: points(y0, y1) };
        let marks = vec![segments, Mark::points("source", x0.to_vec(), x1.to_vec()), Mark::points("image", y0.to_vec(), y1.to_vec())];
        Some(Panel { title: title.into(), x: Axis::new("first coordinate"), y: Axis::new("second coordinate"), equal: true, marks })
    };
    Some(Figure {
        id: "displacements".into(),
        title: "With the gap, mass takes the short way".into(),
        caption: "Every fourth of 256 test points and its image under the fitted map, without the Monge gap and with it (Euclidean cost, weight 2, \
                  first seed)."
            .into(),
        panels: vec![panel("without the gap", 0.0)?, panel("with the gap", 2.0)?],
    })
}

fn distance_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [toy(2, 0.0), toy(2, 1.0), toy(16, 0.0), toy(16, 5.0)];
    Some(Figure {
        id: "uvp".into(),
        title: "The gap brings the map nearer to the optimal one".into(),
        caption:
            "Unexplained variance of the fitted map against the known optimal one (L2-UVP, per cent), in 2 and in 16 dimensions; bars are \
                  means, whiskers the least and greatest seed."
                .into(),
        panels: vec![Panel {
            x: Axis::categories("dimension and gap", ["d = 2, no gap", "d = 2, gap", "d = 16, no gap", "d = 16, gap"]),
            y: Axis::new("L2-UVP (%)").showing(0.0, 0.0),
            marks: vec![evidence.bars("L2-UVP", "uvp", &cells)?],
            ..Panel::default()
        }],
    })
}

fn bounds_figure(evidence: &Evidence) -> Option<Figure> {
    let cell = Cell::of("study", "bounds");
    let (exact, certificate) = (evidence.series("exact", &cell)?, evidence.series("certificate", &cell)?);
    Some(Figure {
        id: "certificate".into(),
        title: "The entropic gap orders maps as the exact gap does".into(),
        caption: "Entropic gap minus 1.5 eps log n against the exact gap, for random maps of 24 points in three dimensions.".into(),
        panels: vec![Panel {
            x: Axis::new("exact gap"),
            y: Axis::new("entropic gap - 1.5 ε log n"),
            marks: vec![Mark::points("random map", exact.to_vec(), certificate.to_vec())],
            ..Panel::default()
        }],
    })
}

/// Least, mean and greatest seed of a metric in each dimension for which there is evidence.
fn curve(evidence: &Evidence, metric: &str, label: &str, cell: impl Fn(usize) -> Cell) -> Option<Mark> {
    evidence.line(label, metric, DIMENSIONS.map(|d| (d as f64, cell(d))))
}

fn benchmark_figure(evidence: &Evidence) -> Option<Figure> {
    let gap = |d| mixture("mlp", d, MIXTURE_LAMBDA);
    let marks = vec![
        curve(evidence, "uvp", "network with the gap", gap)?,
        curve(evidence, "uvp", "input-convex minimax networks", |d| mixture("icnn", d, 0.0))?,
        curve(evidence, "uvp_gaussian", "Gaussian map", gap)?,
    ];
    Some(Figure {
        id: "benchmark".into(),
        title: "Distance from the known optimal map, by dimension".into(),
        caption: "Unexplained variance (L2-UVP, per cent) on the Mix3toMix10 benchmark: means of the seeds, bands from the least to the greatest. \
                  The Gaussian map needs no training and is where the minimax networks start."
            .into(),
        panels: vec![Panel { x: Axis::log("dimension"), y: Axis::log("L2-UVP (%)"), marks, ..Panel::default() }],
    })
}

/// Divergence of each baseline against ours, a point a drug.
fn cell_figure(evidence: &Evidence) -> Option<Figure> {
    let cell = Cell::of("study", "cells");
    let ours = evidence.by_seed("divergence_gap", &cell);
    let points = |(metric, label): (&str, &str)| {
        let theirs = evidence.by_seed(metric, &cell);
        let pairs: Vec<(f64, f64)> = ours.iter().filter_map(|(drug, &x)| Some((x, *theirs.get(drug)?))).collect();
        Mark::points(label, pairs.iter().map(|p| p.0).collect(), pairs.iter().map(|p| p.1).collect())
    };
    let baselines = [
        ("divergence_icnn", "input-convex minimax networks"),
        ("divergence_mlp", "network without the gap"),
        ("divergence_entropic", "entropic map"),
    ];
    let (low, high) = (ours.values().copied().reduce(f64::min)?, ours.values().copied().reduce(f64::max)?);
    let mut marks = vec![Mark::line("equal", vec![low, high], vec![low, high])];
    marks.extend(baselines.map(points));
    Some(Figure {
        id: "cells".into(),
        title: "Single cells, one map a drug".into(),
        caption:
            "Sinkhorn divergence of held-out treated cells from the images of held-out control cells: baselines against the network with \
                  the gap, a point a drug. Above the line the gap is nearer."
                .into(),
        panels: vec![Panel { x: Axis::log("with the gap"), y: Axis::log("baseline"), marks, ..Panel::default() }],
    })
}
