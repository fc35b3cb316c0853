//! Figures of a sweep: parallel coordinates of its points, and the metric against each parameter.

use super::{Goal, PointRow, SweepReport};
use crate::number::number;
use elinvar_core::reproduction::{Axis, Figure, Mark, Panel};
use elinvar_core::sweep::{Dimension, Values};
use serde_json::Value;

/// Lines beyond which a drawing of parallel coordinates is a grey block.
const MOST_LINES: usize = 150;
/// Points of a panel.
const MOST_POINTS: usize = 1000;
/// Groups of points whose means are joined; of few points fewer.
const GROUPS: usize = 8;

/// The figures, where there is a goal that at least two points measured.
pub(crate) fn figures(report: &SweepReport, space: &[Dimension]) -> Vec<Figure> {
    let Some(goal) = &report.goal else { return Vec::new() };
    let found: Vec<(&PointRow, f64)> = report.points.iter().filter_map(|row| Some((row, *row.means.get(&goal.metric)?))).collect();
    if found.len() < 2 {
        return Vec::new();
    }
    vec![parallel(goal, &found, space), marginal(goal, &found, space)]
}

fn parallel(goal: &Goal, found: &[(&PointRow, f64)], space: &[Dimension]) -> Figure {
    let values = || found.iter().map(|(_, value)| *value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let height = |value: f64| if high > low { (value - low) / (high - low) } else { 0.5 };
    let line = |label: &str, (row, value): &(&PointRow, f64)| {
        let places: Option<Vec<f64>> = space.iter().map(|dimension| dimension.place(row.point.get(&dimension.name)?)).collect();
        let y: Vec<f64> = places?.into_iter().chain([height(*value)]).collect();
        Some(Mark::line(label, (0..y.len()).map(|i| i as f64).collect(), y))
    };
    // The points are sorted by the metric: the best tenth stands in front.
    let best = found.len().div_ceil(10).min(MOST_LINES / 3);
    let stride = (found.len() - best).div_ceil(MOST_LINES - best).max(1);
    let others = found[best..].iter().step_by(stride).filter_map(|point| line("other points", point));
    let marks = others.chain(found[..best].iter().filter_map(|point| line("the best tenth", point))).collect();
    let names = space.iter().map(|dimension| dimension.name.clone()).chain([goal.metric.clone()]);
    let ranges: Vec<String> = space.iter().map(described).chain([format!("{} {} to {}", goal.metric, number(low), number(high))]).collect();
    Figure {
        id: "parallel".into(),
        title: "Settings and what they gave".into(),
        caption: format!("One line a setting; each axis from its first value at the bottom to its last at the top: {}.", ranges.join("; ")),
        panels: vec![Panel {
            x: Axis::categories("", names),
            y: Axis::new("place on the axis").showing(0.0, 1.0),
            marks,
            ..Panel::default()
        }],
    }
}

/// `lr 1e-4 to 0.1, logarithmic`, or `kind a, b, c`.
fn described(dimension: &Dimension) -> String {
    match &dimension.values {
        Values::Range { low, high, log, .. } => {
            format!("{} {} to {}{}", dimension.name, number(*low), number(*high), if *log { ", logarithmic" } else { "" })
        }
        Values::List(items) => {
            let items: Vec<String> = items.iter().map(crate::html::plain).collect();
            format!("{} {}", dimension.name, items.join(", "))
        }
    }
}

fn marginal(goal: &Goal, found: &[(&PointRow, f64)], space: &[Dimension]) -> Figure {
    Figure {
        id: "marginal".into(),
        title: format!("{} against each parameter", goal.metric),
        caption: "Each point is a setting, the others of its parameters free. The line joins the means of groups, the band covers their middle halves."
            .into(),
        panels: space.iter().map(|dimension| panel(goal, found, dimension)).collect(),
    }
}

fn panel(goal: &Goal, found: &[(&PointRow, f64)], dimension: &Dimension) -> Panel {
    let axis = match &dimension.values {
        Values::Range { log: true, .. } => Axis::log(&dimension.name),
        Values::Range { .. } => Axis::new(&dimension.name),
        Values::List(items) => Axis::categories(&dimension.name, items.iter().map(crate::html::plain)),
    };
    let at = |row: &PointRow| position(dimension, row.point.get(&dimension.name)?);
    let mut points: Vec<(f64, f64)> = found.iter().filter_map(|(row, value)| Some((at(row)?, *value))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let stride = points.len().div_ceil(MOST_POINTS).max(1);
    let (x, y) = points.iter().step_by(stride).copied().unzip();
    let marks = vec![Mark::points("a setting", x, y), means(&groups(&points, matches!(dimension.values, Values::List(_))))];
    Panel { title: dimension.name.clone(), x: axis, y: Axis::new(&goal.metric), marks, ..Panel::default() }
}

/// Where a value stands on the axis: itself, or its number in a list.
fn position(dimension: &Dimension, value: &Value) -> Option<f64> {
    match &dimension.values {
        Values::Range { .. } => value.as_f64(),
        Values::List(items) => Some((dimension.place(value)? * items.len().saturating_sub(1) as f64).round()),
    }
}

/// Points of one position where they are few values, of neighbouring positions otherwise.
fn groups(points: &[(f64, f64)], by_position: bool) -> Vec<&[(f64, f64)]> {
    if by_position {
        return points.chunk_by(|a, b| a.0 == b.0).collect();
    }
    let groups = ((points.len() as f64).sqrt() as usize).clamp(1, GROUPS);
    points.chunks(points.len().div_ceil(groups).max(1)).collect()
}

fn means(groups: &[&[(f64, f64)]]) -> Mark {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let quartile = |values: &[f64], share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    let sorted: Vec<Vec<f64>> = groups
        .iter()
        .map(|group| {
            let mut values: Vec<f64> = group.iter().map(|point| point.1).collect();
            values.sort_by(f64::total_cmp);
            values
        })
        .collect();
    Mark::Line {
        label: "mean of a group".into(),
        x: groups.iter().map(|group| mean(&group.iter().map(|point| point.0).collect::<Vec<_>>())).collect(),
        y: sorted.iter().map(|values| mean(values)).collect(),
        low: sorted.iter().map(|values| quartile(values, 0.25)).collect(),
        high: sorted.iter().map(|values| quartile(values, 0.75)).collect(),
    }
}
