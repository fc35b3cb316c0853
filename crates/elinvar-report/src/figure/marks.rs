//! The marks of a panel and their signs in the legend.

use super::draw::{Area, Chart, defect, units};
use super::label_of;
use super::palette::{Role, stand_in};
use super::scale::AxisScale;
use elinvar_core::Result;
use elinvar_core::reproduction::{Mark, Panel};
use plotters::element::DashedPathElement;
use plotters::prelude::*;

/// More marks than these cannot be told apart in one panel; evenly spaced ones are drawn.
const MOST_POINTS: usize = 1200;
const MOST_SEGMENTS: usize = 600;
const MOST_VERTICES: usize = 600;

/// All positions of a panel, for the ranges of its axes.
pub(super) fn values(panel: &Panel) -> (Vec<f64>, Vec<f64>) {
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for mark in &panel.marks {
        match mark {
            Mark::Line { x, y, low, high, .. } | Mark::Points { x, y, low, high, .. } => {
                xs.extend(x);
                ys.extend(y.iter().chain(low).chain(high));
            }
            Mark::Bars { y, low, high, .. } => {
                xs.extend((0..y.len()).flat_map(|i| [i as f64 - 0.5, i as f64 + 0.5]));
                ys.extend(y.iter().chain(low).chain(high));
            }
            Mark::Segments { from, to, .. } => {
                xs.extend(from.iter().chain(to).map(|p| p.0));
                ys.extend(from.iter().chain(to).map(|p| p.1));
            }
            Mark::Level { y, .. } => ys.push(*y),
        }
    }
    (xs, ys)
}

/// Outlines of markers, so that series differ by shape as well as by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
}

impl Shape {
    fn of(series: usize) -> Self {
        [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond][series % 4]
    }

    /// Corners around the origin; all shapes look equally large.
    fn corners(self, radius: i32) -> Vec<(i32, i32)> {
        let scaled = |f: f64| (f64::from(radius) * f).round() as i32;
        match self {
            Shape::Circle => Vec::new(),
            Shape::Square => {
                let a = scaled(0.9);
                vec![(-a, -a), (a, -a), (a, a), (-a, a)]
            }
            Shape::Triangle => vec![(0, -scaled(1.25)), (scaled(1.15), scaled(0.8)), (-scaled(1.15), scaled(0.8))],
            Shape::Diamond => {
                let a = scaled(1.3);
                vec![(0, -a), (a, 0), (0, a), (-a, 0)]
            }
        }
    }
}

/// The sign of a label in the legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glyph {
    pub(super) role: Role,
    shape: Shape,
    line: bool,
    band: bool,
    marker: bool,
    bar: bool,
    dashed: bool,
}

/// Position of a label among the series.
fn series(mark: &Mark, labels: &[String]) -> usize {
    labels.iter().position(|l| l == label_of(mark)).unwrap_or(0)
}

/// The sign of a mark.
pub(super) fn glyph(mark: &Mark, labels: &[String], panel: &Panel) -> Glyph {
    let index = series(mark, labels);
    let role = if matches!(mark, Mark::Level { .. }) { Role::Ink } else { Role::Series(index) };
    let blank = Glyph { role, shape: Shape::of(index), line: false, band: false, marker: false, bar: false, dashed: false };
    match mark {
        Mark::Line { low, .. } => Glyph { line: true, band: !low.is_empty(), marker: has_markers(mark, panel), ..blank },
        Mark::Points { .. } => Glyph { marker: true, ..blank },
        Mark::Bars { .. } => Glyph { bar: true, ..blank },
        Mark::Segments { .. } => Glyph { line: true, ..blank },
        Mark::Level { .. } => Glyph { dashed: true, ..blank },
    }
}

/// Lines get markers where there are few vertices, or where several lines must be told apart.
fn has_markers(mark: &Mark, panel: &Panel) -> bool {
    let lines = panel.marks.iter().filter(|m| matches!(m, Mark::Line { .. })).count();
    matches!(mark, Mark::Line { x, .. } if x.len() <= 25 || lines > 1)
}

impl Glyph {
    /// Shows also what another mark of the same label shows.
    pub(super) fn join(&mut self, other: Glyph) {
        self.line |= other.line;
        self.band |= other.band;
        self.marker |= other.marker;
        self.bar |= other.bar;
    }

    /// Draws it, `length` units wide, from its left middle.
    pub(super) fn draw(&self, root: &Area<'_>, (x, y): (i32, i32), length: i32) -> Result<()> {
        let colour = stand_in(self.role);
        let middle = (x + length / 2, y);
        if self.band {
            let h = units(5.0);
            root.draw(&Rectangle::new([(x, y - h), (x + length, y + h)], colour.mix(BAND).filled())).map_err(defect)?;
        }
        if self.bar {
            let h = units(5.5);
            root.draw(&Rectangle::new([(middle.0 - h, y - h), (middle.0 + h, y + h)], colour.filled())).map_err(defect)?;
        }
        if self.line {
            root.draw(&PathElement::new(vec![(x, y), (x + length, y)], stroke(colour, LINE))).map_err(defect)?;
        }
        if self.dashed {
            root.draw(&dashes(vec![(x, y), (x + length, y)], LEVEL)).map_err(defect)?;
        }
        if self.marker {
            draw_marker(root, self.shape, middle, units(4.2), colour.filled())?;
        }
        Ok(())
    }
}

const BAND: f64 = 0.2;
const LINE: f64 = 2.2;
const LEVEL: f64 = 1.5;

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    colour.stroke_width(units(width).unsigned_abs())
}

fn dashes(points: Vec<Place>, width: f64) -> DashedPathElement<std::vec::IntoIter<Place>, i32> {
    DashedPathElement::new(points, units(5.0), units(4.0), stroke(stand_in(Role::Ink), width))
}

fn draw_marker(root: &Area<'_>, shape: Shape, (x, y): Place, radius: i32, style: ShapeStyle) -> Result<()> {
    if shape == Shape::Circle {
        return root.draw(&Circle::new((x, y), radius, style)).map_err(defect);
    }
    let corners: Vec<Place> = shape.corners(radius).into_iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    root.draw(&Polygon::new(corners, style)).map_err(defect)
}

/// A place on the drawing in units.
type Place = (i32, i32);

/// The plot: where data lie on the drawing, and what has been given to each series.
struct Plot<'a, 'b> {
    root: &'a Area<'b>,
    chart: &'a Chart<'b>,
    x: &'a AxisScale,
    y: &'a AxisScale,
    panel: &'a Panel,
    labels: &'a [String],
}

/// Draws all marks of a panel, wide ones first so that nothing small is hidden.
pub(super) fn draw<'a>(root: &Area<'a>, chart: &Chart<'a>, axes: (&AxisScale, &AxisScale), panel: &Panel, labels: &[String]) -> Result<()> {
    let plot = Plot { root, chart, x: axes.0, y: axes.1, panel, labels };
    let layers: [fn(&Plot<'_, '_>, &Mark) -> Result<()>; 6] =
        [|p, m| p.band(m), |p, m| p.bars(m), |p, m| p.segments(m), |p, m| p.level(m), |p, m| p.line(m), |p, m| p.points(m)];
    for layer in layers {
        for mark in &panel.marks {
            layer(&plot, mark)?;
        }
    }
    Ok(())
}

impl Plot<'_, '_> {
    fn place(&self, x: f64, y: f64) -> Place {
        self.chart.backend_coord(&(x, y))
    }

    fn shows(&self, x: f64, y: f64) -> bool {
        self.x.can_show(x) && self.y.can_show(y)
    }

    fn colour(&self, mark: &Mark) -> RGBColor {
        stand_in(Role::Series(series(mark, self.labels)))
    }

    fn shape(&self, mark: &Mark) -> Shape {
        Shape::of(series(mark, self.labels))
    }

    fn band(&self, mark: &Mark) -> Result<()> {
        let Mark::Line { x, low, high, .. } = mark else { return Ok(()) };
        let floor = self.y.ends().0;
        let edge = |values: &[f64]| -> Vec<Place> {
            let usable = x.iter().zip(values).filter(|(x, v)| self.x.can_show(**x) && v.is_finite());
            // On a logarithmic axis a band that reaches zero goes down to the edge of the plot.
            thin(usable.map(|(&x, &v)| self.place(x, if self.y.can_show(v) { v } else { floor })).collect(), MOST_VERTICES)
        };
        let (mut corners, lower) = (edge(high), edge(low));
        if corners.len() < 2 || lower.len() < 2 {
            return Ok(());
        }
        corners.extend(lower.into_iter().rev());
        self.root.draw(&Polygon::new(corners, self.colour(mark).mix(BAND).filled())).map_err(defect)
    }

    fn bars(&self, mark: &Mark) -> Result<()> {
        let Mark::Bars { y, low, high, .. } = mark else { return Ok(()) };
        let groups: Vec<&Mark> = self.panel.marks.iter().filter(|m| matches!(m, Mark::Bars { .. })).collect();
        let position = groups.iter().position(|m| std::ptr::eq(*m, mark)).unwrap_or(0);
        let width = BAR_SHARE / groups.len() as f64;
        for (i, &value) in y.iter().enumerate().filter(|(_, v)| self.y.can_show(**v)) {
            let left = i as f64 - 0.5 * BAR_SHARE + position as f64 * width;
            let (x0, y0) = self.place(left, self.y.floor());
            let (x1, y1) = self.place(left + width, value);
            let air = units(0.8);
            let corners = [(x0 + air, y0.min(y1)), (x1 - air, y0.max(y1))];
            self.root.draw(&Rectangle::new(corners, self.colour(mark).filled())).map_err(defect)?;
            if let (Some(&low), Some(&high)) = (low.get(i), high.get(i)) {
                self.error_bar((x0 + x1) / 2, low, high, stand_in(Role::Ink))?;
            }
        }
        Ok(())
    }

    fn error_bar(&self, x: i32, low: f64, high: f64, colour: RGBColor) -> Result<()> {
        if !self.y.can_show(high) || !low.is_finite() {
            return Ok(());
        }
        let vertical = |v: f64| self.place(self.x.ends().0, v).1;
        let low = if self.y.can_show(low) { low } else { self.y.ends().0 };
        let (bottom, top, cap) = (vertical(low), vertical(high), units(3.5));
        for path in [vec![(x, bottom), (x, top)], vec![(x - cap, bottom), (x + cap, bottom)], vec![(x - cap, top), (x + cap, top)]] {
            self.root.draw(&PathElement::new(path, stroke(colour, 1.5))).map_err(defect)?;
        }
        Ok(())
    }

    fn segments(&self, mark: &Mark) -> Result<()> {
        let Mark::Segments { from, to, .. } = mark else { return Ok(()) };
        let shown = from.iter().zip(to).filter(|(a, b)| self.shows(a.0, a.1) && self.shows(b.0, b.1));
        let segments: Vec<(Place, Place)> = shown.map(|(a, b)| (self.place(a.0, a.1), self.place(b.0, b.1))).collect();
        let segments = thin(segments, MOST_SEGMENTS);
        let alpha = if segments.len() > 80 { 0.5 } else { 0.75 };
        for (a, b) in segments {
            let style = self.colour(mark).mix(alpha).stroke_width(units(1.2).unsigned_abs());
            self.root.draw(&PathElement::new(vec![a, b], style)).map_err(defect)?;
            // The dot says which end a segment leads to.
            self.root.draw(&Circle::new(b, units(1.7), self.colour(mark).filled())).map_err(defect)?;
        }
        Ok(())
    }

    fn level(&self, mark: &Mark) -> Result<()> {
        let Mark::Level { y, .. } = mark else { return Ok(()) };
        if !self.y.can_show(*y) {
            return Ok(());
        }
        let (left, right) = self.x.ends();
        self.root.draw(&dashes(vec![self.place(left, *y), self.place(right, *y)], LEVEL)).map_err(defect)
    }

    fn line(&self, mark: &Mark) -> Result<()> {
        let Mark::Line { x, y, .. } = mark else { return Ok(()) };
        let mut places = Vec::new();
        // Where a value is missing the line has a gap.
        for run in (0..x.len().min(y.len())).collect::<Vec<_>>().split(|&i| !self.shows(x[i], y[i])) {
            let run = thin(run.iter().map(|&i| self.place(x[i], y[i])).collect(), MOST_VERTICES);
            if run.len() > 1 {
                self.root.draw(&PathElement::new(run.clone(), stroke(self.colour(mark), LINE))).map_err(defect)?;
            }
            places.extend(run);
        }
        if !has_markers(mark, self.panel) && places.len() > 1 {
            return Ok(());
        }
        let markers = if places.len() <= 25 { places } else { thin(places, 9) };
        markers.into_iter().try_for_each(|place| self.marker(mark, place, 3.6, 1.0))
    }

    fn points(&self, mark: &Mark) -> Result<()> {
        let Mark::Points { x, y, low, high, .. } = mark else { return Ok(()) };
        let usable = (0..x.len().min(y.len())).filter(|&i| self.shows(x[i], y[i]));
        let shown = thin(usable.collect::<Vec<usize>>(), MOST_POINTS);
        let (radius, alpha) = match shown.len() {
            0..=60 => (4.4, 1.0),
            61..=250 => (3.2, 0.8),
            _ => (2.4, 0.55),
        };
        for i in shown {
            let place = self.place(x[i], y[i]);
            if let (Some(&low), Some(&high)) = (low.get(i), high.get(i)) {
                self.error_bar(place.0, low, high, self.colour(mark))?;
            }
            self.marker(mark, place, radius, alpha)?;
        }
        Ok(())
    }

    /// A marker; opaque ones have an outline in the colour of the ground, so that neighbours keep apart.
    fn marker(&self, mark: &Mark, place: Place, radius: f64, alpha: f64) -> Result<()> {
        let shape = self.shape(mark);
        if alpha >= 1.0 {
            draw_marker(self.root, shape, place, units(radius + 1.2), stand_in(Role::Paper).filled())?;
        }
        draw_marker(self.root, shape, place, units(radius), self.colour(mark).mix(alpha).filled())
    }
}

/// Share of a category that its bars take.
const BAR_SHARE: f64 = 0.72;

/// At most `most` items, evenly spaced, with the first and the last.
fn thin<T: Clone>(items: Vec<T>, most: usize) -> Vec<T> {
    if items.len() <= most {
        return items;
    }
    (0..most).map(|i| items[i * (items.len() - 1) / (most - 1)].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let thinned = thin((0..1000).collect(), 9);
        assert_eq!((thinned.len(), thinned[0], thinned[8]), (9, 0, 999));
        assert_eq!(thin(vec![1, 2], 9), [1, 2]);
    }
}
