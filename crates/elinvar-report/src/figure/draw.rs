//! One panel: title, legend, axes, marks, from top to bottom. Lengths are pixels at natural size.

use super::label::{cut, width, wrap};
use super::label_of;
use super::marks::{self, Glyph};
use super::palette::{Role, stand_in};
use super::scale::AxisScale;
use elinvar_core::reproduction::{Mark, Panel};
use elinvar_core::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Drawing units in a pixel: positions are whole units.
pub(super) const UNITS: f64 = 10.0;

/// Outer measures of a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    width: f64,
    plot_height: f64,
    font: f64,
    most_x_ticks: usize,
}

impl Layout {
    pub(super) const NARROW: Layout = Layout { width: 380.0, plot_height: 230.0, font: 14.5, most_x_ticks: 6 };
    pub(super) const WIDE: Layout = Layout { width: 960.0, plot_height: 340.0, font: 15.0, most_x_ticks: 11 };
}

/// A finished drawing before its colours are put in; width and height in units.
pub(super) struct Sheet {
    pub(super) body: String,
    pub(super) width: i32,
    pub(super) height: i32,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<AxisScale, AxisScale>>;

/// Pixels to units.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// A failure of the drawing code itself.
pub(super) fn defect(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("a figure cannot be drawn: {error}"))
}

/// Where things are, in pixels.
struct Plan {
    layout: Layout,
    title: Vec<String>,
    legend: Vec<Vec<Entry>>,
    y_label: Vec<String>,
    x_label: Vec<String>,
    categories: Vec<Vec<String>>,
    upright: bool,
    left: f64,
    right: f64,
    plot_height: f64,
    x: AxisScale,
    y: AxisScale,
}

/// A line of the legend.
#[derive(Clone)]
struct Entry {
    label: String,
    glyph: Glyph,
    width: f64,
}

const LINE: f64 = 1.3;
const GAP: f64 = 8.0;
const SWATCH: f64 = 30.0;

impl Plan {
    fn new(panel: &Panel, labels: &[String], layout: Layout) -> Self {
        let font = layout.font;
        let (xs, ys) = marks::values(panel);
        let bars = panel.marks.iter().any(|m| matches!(m, Mark::Bars { .. }));
        let mut x = AxisScale::new(&panel.x, &xs, false);
        let mut y = AxisScale::new(&panel.y, &ys, bars);
        let high = |_: &str| 1.9 * font;
        y.choose_ticks(layout.plot_height, 7, &high);
        let left = left_of(panel, &y, layout);
        let mut right = 14.0;
        let wide = |text: &str| font * width(text) + 16.0;
        x.choose_ticks(layout.width - left - right, layout.most_x_ticks, &wide);
        right = f64::max(right, 0.5 * font * x.last_label() + 4.0);
        let plot_width = layout.width - left - right;
        let mut plot_height = layout.plot_height;
        if panel.equal && !panel.x.log && !panel.y.log {
            plot_height = equalise(&mut x, &mut y, plot_width);
            y.choose_ticks(plot_height, 7, &high);
        }
        x.choose_ticks(plot_width, layout.most_x_ticks, &wide);
        let slot = plot_width / (panel.x.categories.len().max(1) as f64) / font - 0.6;
        let mut categories: Vec<Vec<String>> = panel.x.categories.iter().map(|name| wrap(name, slot)).collect();
        let upright = categories.iter().any(|lines| lines.len() > 3 || lines.iter().any(|l| width(l) > slot));
        if upright {
            categories = panel.x.categories.iter().map(|name| vec![cut(name, 11.0)]).collect();
        }
        let across = (layout.width - 12.0) / font;
        Self {
            title: wrap(&panel.title, across / 1.08),
            legend: legend_rows(panel, labels, layout),
            y_label: wrap(&panel.y.label, across),
            x_label: wrap(&panel.x.label, plot_width / font),
            layout,
            categories,
            upright,
            left,
            right,
            plot_height,
            x,
            y,
        }
    }

    fn rows(&self, lines: usize) -> f64 {
        lines as f64 * LINE * self.layout.font
    }

    fn legend_top(&self) -> f64 {
        6.0 + self.rows(self.title.len()) + if self.title.is_empty() { 0.0 } else { 4.0 }
    }

    fn y_label_top(&self) -> f64 {
        self.legend_top() + self.rows(self.legend.len()) + if self.legend.is_empty() { 0.0 } else { GAP }
    }

    fn plot_top(&self) -> f64 {
        self.y_label_top() + self.rows(self.y_label.len()) + GAP
    }

    fn plot_bottom(&self) -> f64 {
        self.plot_top() + self.plot_height
    }

    /// Height of the names or numbers under the axis.
    fn tick_room(&self) -> f64 {
        let font = self.layout.font;
        if self.upright {
            let longest = self.categories.iter().flatten().map(|n| width(n)).fold(0.0, f64::max);
            return GAP + font * longest;
        }
        GAP + self.rows(self.categories.iter().map(Vec::len).max().unwrap_or(1))
    }

    fn height(&self) -> f64 {
        self.plot_bottom() + self.tick_room() + self.rows(self.x_label.len()) + 8.0
    }
}

/// Room for the tick labels of the vertical axis.
fn left_of(panel: &Panel, y: &AxisScale, layout: Layout) -> f64 {
    let names = panel.y.categories.iter().map(|n| width(n)).fold(0.0, f64::max).min(0.4 * layout.width / layout.font);
    (layout.font * y.widest_label().max(names) + 12.0).max(24.0)
}

/// Gives one unit the same length on both axes; returns the height of the plot.
fn equalise(x: &mut AxisScale, y: &mut AxisScale, plot_width: f64) -> f64 {
    let span = |s: &AxisScale| s.ends().1 - s.ends().0;
    let height = (plot_width * span(y) / span(x)).clamp(0.55 * plot_width, 1.1 * plot_width);
    let pixels_a_unit = (plot_width / span(x)).min(height / span(y));
    x.widen(plot_width / pixels_a_unit);
    y.widen(height / pixels_a_unit);
    height
}

fn legend_rows(panel: &Panel, labels: &[String], layout: Layout) -> Vec<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for mark in panel.marks.iter().filter(|m| !label_of(m).is_empty()) {
        let glyph = marks::glyph(mark, labels, panel);
        if let Some(known) = entries.iter_mut().find(|e| e.label == label_of(mark) && e.glyph.role == glyph.role) {
            known.glyph.join(glyph);
            continue;
        }
        let label = label_of(mark).to_owned();
        let width = SWATCH + layout.font * width(&label) + 18.0;
        entries.push(Entry { label, glyph, width });
    }
    // One series that the axis already names needs no legend.
    if entries.len() == 1 && entries[0].label == panel.y.label {
        return Vec::new();
    }
    let mut rows: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        let room = layout.width - 12.0;
        match rows.last_mut() {
            Some(row) if row.iter().map(|e| e.width).sum::<f64>() + entry.width <= room => row.push(entry),
            _ => rows.push(vec![entry]),
        }
    }
    rows
}

/// Draws a panel with stand-in colours.
pub(super) fn panel(panel: &Panel, labels: &[String], layout: Layout) -> Result<Sheet> {
    let plan = Plan::new(panel, labels, layout);
    let (width, height) = (units(layout.width), units(plan.height()));
    let mut body = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let root = SVGBackend::with_string(&mut body, size).into_drawing_area();
        write_texts(&root, &plan)?;
        draw_legend(&root, &plan)?;
        let chart = axes(&root, &plan, panel)?;
        marks::draw(&root, &chart, (&plan.x, &plan.y), panel, labels)?;
        write_categories(&root, &chart, &plan, panel)?;
        root.present().map_err(defect)?;
    }
    Ok(Sheet { body, width, height })
}

fn style(plan: &Plan, role: Role, weight: FontStyle, pos: Pos) -> TextStyle<'static> {
    // Plotters writes a size that is smaller by this factor.
    let size = plan.layout.font * UNITS * 1.24;
    let mut style = TextStyle::from(FontDesc::new(FontFamily::Name("Helvetica, Arial, sans-serif"), size, weight)).pos(pos);
    style.color = stand_in(role).to_backend_color();
    style
}

fn write(root: &Area<'_>, text: &str, style: &TextStyle<'_>, (x, y): (f64, f64)) -> Result<()> {
    // XML forbids control characters; plotters escapes the rest.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    root.draw_text(&text, style, (units(x), units(y))).map_err(defect)
}

fn write_texts(root: &Area<'_>, plan: &Plan) -> Result<()> {
    let left = Pos::new(HPos::Left, VPos::Top);
    let bold = style(plan, Role::Ink, FontStyle::Bold, left);
    for (i, line) in plan.title.iter().enumerate() {
        write(root, line, &bold, (6.0, 6.0 + plan.rows(i)))?;
    }
    let plain = style(plan, Role::Muted, FontStyle::Normal, left);
    for (i, line) in plan.y_label.iter().enumerate() {
        write(root, line, &plain, (6.0, plan.y_label_top() + plan.rows(i)))?;
    }
    let centred = style(plan, Role::Muted, FontStyle::Normal, Pos::new(HPos::Center, VPos::Top));
    let middle = 0.5 * (plan.left + plan.layout.width - plan.right);
    for (i, line) in plan.x_label.iter().enumerate() {
        write(root, line, &centred, (middle, plan.plot_bottom() + plan.tick_room() + 2.0 + plan.rows(i)))?;
    }
    Ok(())
}

fn draw_legend(root: &Area<'_>, plan: &Plan) -> Result<()> {
    let font = plan.layout.font;
    let text = style(plan, Role::Ink, FontStyle::Normal, Pos::new(HPos::Left, VPos::Center));
    for (i, row) in plan.legend.iter().enumerate() {
        let middle = plan.legend_top() + plan.rows(i) + 0.5 * LINE * font;
        let mut x = 6.0;
        for entry in row {
            entry.glyph.draw(root, (units(x), units(middle)), units(SWATCH - 8.0))?;
            let room = (plan.layout.width - 12.0 - SWATCH) / font;
            write(root, &cut(&entry.label, room), &text, (x + SWATCH, middle))?;
            x += entry.width;
        }
    }
    Ok(())
}

fn axes<'a>(root: &Area<'a>, plan: &Plan, panel: &Panel) -> Result<Chart<'a>> {
    let height = plan.height();
    let mut chart = ChartBuilder::on(root)
        .margin_top(units(plan.plot_top()))
        .margin_right(units(plan.right))
        .margin_bottom(units(height - plan.plot_bottom() - plan.tick_room()))
        .x_label_area_size(units(plan.tick_room()))
        .y_label_area_size(units(plan.left))
        .build_cartesian_2d(plan.x.clone(), plan.y.clone())
        .map_err(defect)?;
    let line = |role, width: f64| stand_in(role).stroke_width(units(width).unsigned_abs());
    let numbers = style(plan, Role::Muted, FontStyle::Normal, Pos::new(HPos::Center, VPos::Top));
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(line(Role::Grid, 1.0))
        .light_line_style(TRANSPARENT)
        .max_light_lines(1)
        .axis_style(line(Role::Axis, 1.2))
        .x_label_style(numbers.clone())
        .y_label_style(numbers)
        .set_tick_mark_size(LabelAreaPosition::Bottom, units(3.5))
        .set_tick_mark_size(LabelAreaPosition::Left, units(3.5));
    if !panel.equal && (panel.y.categories.is_empty() || !panel.x.categories.is_empty()) {
        mesh.disable_x_mesh();
    }
    mesh.draw().map_err(defect)?;
    Ok(chart)
}

/// Names under a categorical axis, wrapped, or upright where they are too long for that; names left of a vertical one.
fn write_categories(root: &Area<'_>, chart: &Chart<'_>, plan: &Plan, panel: &Panel) -> Result<()> {
    let (low, _) = plan.y.ends();
    let place = |x: f64, y: f64| {
        let (px, py) = chart.backend_coord(&(x, y));
        (f64::from(px) / UNITS, f64::from(py) / UNITS)
    };
    for (i, lines) in plan.categories.iter().enumerate() {
        let (x, bottom) = place(i as f64, low);
        if plan.upright {
            let turned =
                style(plan, Role::Muted, FontStyle::Normal, Pos::new(HPos::Right, VPos::Center)).transform(FontTransform::Rotate270);
            write(root, &lines.join(" "), &turned, (x, bottom + GAP))?;
            continue;
        }
        let centred = style(plan, Role::Muted, FontStyle::Normal, Pos::new(HPos::Center, VPos::Top));
        for (k, line) in lines.iter().enumerate() {
            write(root, line, &centred, (x, bottom + GAP - 1.0 + plan.rows(k)))?;
        }
    }
    let beside = style(plan, Role::Muted, FontStyle::Normal, Pos::new(HPos::Right, VPos::Center));
    for (i, name) in panel.y.categories.iter().enumerate() {
        let (x, y) = place(plan.x.ends().0, i as f64);
        write(root, &cut(name, (plan.left - 10.0) / plan.layout.font), &beside, (x - 8.0, y))?;
    }
    Ok(())
}
