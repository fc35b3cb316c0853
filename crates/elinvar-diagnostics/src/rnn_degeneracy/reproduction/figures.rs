//! What a report shows.

use super::claims::{control_cells, quick_cell};
use super::{BITS, SPARSE, TASKS};
use elinvar_core::reproduction::{Axis, Cell, Evidence, Figure, Mark, Panel};

/// The figures that the evidence has trials for.
pub(super) fn all(evidence: &Evidence) -> Vec<Figure> {
    let factors = FACTORS.iter().map(|factor| factor_figure(factor, evidence));
    let own = [complexity_figure(evidence), sparse_figure(evidence)];
    own.into_iter().chain(factors).chain([control_figure(evidence)]).flatten().collect()
}

fn complexity_figure(evidence: &Evidence) -> Option<Figure> {
    let panel =
        |label: &str, marks: Vec<Mark>| Panel { x: Axis::new("bits of the flip-flop"), y: Axis::new(label), marks, ..Panel::default() };
    let line = |label: &str, metric: &str| evidence.line(label, metric, BITS.map(|bits| (bits as f64, quick_cell(bits))));
    let dynamics = vec![line("rank 20", "dsa")?, line("rank 32", "dsa_wide")?];
    let weights = vec![line("weights", "pif")?];
    let change = vec![line("change", "weight_change")?];
    Some(Figure {
        id: "complexity".into(),
        title: "Harder tasks leave fewer dynamics and more weights".into(),
        caption: "Ensembles of 8 networks of 32 units; lines are means over ensembles, bands the least and greatest.".into(),
        panels: vec![
            panel("mean distance of dynamics", dynamics),
            panel("mean distance of weights", weights),
            panel("change of weights in training", change),
        ],
    })
}

fn sparse_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [0.0, SPARSE].map(|l1| Cell::of("study", "sparse32").with("l1", l1));
    let panel = |label: &str, metric: &str| {
        Some(Panel {
            x: Axis::categories("l1 penalty", ["none", "1e-4"]),
            y: Axis::new(label).showing(0.0, 0.0),
            marks: vec![evidence.bars(label, metric, &cells)?],
            ..Panel::default()
        })
    };
    Some(Figure {
        id: "sparse".into(),
        title: "A penalty on absolute weights makes solutions alike".into(),
        caption: "Ensembles of 8 networks on 3 bits; bars are means over ensembles, whiskers the least and greatest.".into(),
        panels: vec![panel("distance of dynamics", "dsa")?, panel("distance of weights, scale-free", "pif_scale_free")?],
    })
}

/// What is varied on all tasks.
struct Factor {
    study: &'static str,
    field: &'static str,
    title: &'static str,
    axis: &'static str,
    log: bool,
}

const FACTORS: [Factor; 3] = [
    Factor { study: "complexity", field: "channels", title: "The complexity of the task", axis: "channels", log: false },
    Factor { study: "gamma", field: "gamma", title: "The strength of feature learning", axis: "gamma", log: true },
    Factor { study: "width", field: "hidden", title: "The width, at equal feature learning", axis: "units", log: true },
];

/// The measures of degeneracy, each with its axis.
const MEASURES: [(&str, &str); 3] =
    [("mean distance of dynamics", "dsa"), ("mean distance of weights", "pif"), ("spread of the loss on longer trials", "behavioral")];

fn factor_figure(factor: &Factor, evidence: &Evidence) -> Option<Figure> {
    let levels = levels(factor, evidence);
    let panel = |(label, metric): (&str, &str)| {
        let line = |&(_, task, _): &(_, &str, _)| {
            let cell = |x: f64| (x, Cell::of("study", factor.study).with("task", task).with(factor.field, x));
            evidence.line(task, metric, levels.iter().map(|&x| cell(x)))
        };
        let x = if factor.log { Axis::log(factor.axis) } else { Axis::new(factor.axis) };
        Panel { x, y: Axis::log(label), marks: TASKS.iter().filter_map(line).collect(), ..Panel::default() }
    };
    (!levels.is_empty()).then(|| Figure {
        id: factor.study.into(),
        title: factor.title.into(),
        caption: "Lines are means over ensembles, bands the least and greatest.".into(),
        panels: MEASURES.into_iter().map(panel).collect(),
    })
}

/// The values of the field in the evidence, ascending.
fn levels(factor: &Factor, evidence: &Evidence) -> Vec<f64> {
    let of = Cell::of("study", factor.study);
    let mut levels: Vec<f64> = evidence.in_cell(&of).filter_map(|row| evidence.field(row, factor.field)?.as_f64()).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    levels
}

fn control_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = control_cells();
    let panel = |(label, metric): (&str, &str)| {
        Some(Panel {
            x: Axis::categories("", ["as it is", "l1", "nuclear", "auxiliary", "long delay"]),
            y: Axis::new(label).showing(0.0, 0.0),
            marks: vec![evidence.bars(label, metric, &cells)?],
            ..Panel::default()
        })
    };
    Some(Figure {
        id: "control".into(),
        title: "Penalties, an auxiliary loss and longer delays on delayed discrimination".into(),
        caption: "Bars are means over ensembles, whiskers the least and greatest.".into(),
        panels: MEASURES.into_iter().map(panel).collect::<Option<_>>()?,
    })
}
