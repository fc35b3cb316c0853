//! Figures as SVG: one drawing a panel, for the page (colours follow light and dark) and for slides (fixed colours).

mod draw;
mod label;
mod marks;
mod palette;
mod scale;

use draw::{Layout, Sheet};
use elinvar_core::Result;
use elinvar_core::reproduction::{Figure, Mark, Panel};
pub(crate) use palette::css_variables;

/// Where a drawing will be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Inside a page that defines the colours as CSS variables.
    Page,
    /// A file of its own with fixed colours on white, for slides and papers.
    Slide,
}

/// The shape of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For phones and for panels side by side; its text is 12 px or more when it is shown 320 px wide.
    Narrow,
    /// For a panel alone on a desk screen.
    Wide,
}

impl Format {
    /// The format of the panels of a figure on a slide or a desk screen.
    pub fn natural(figure: &Figure) -> Self {
        match figure.panels.as_slice() {
            [panel] if !panel.equal => Format::Wide,
            _ => Format::Narrow,
        }
    }
}

/// One panel as SVG text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The SVG element.
    pub svg: String,
    /// What is shown, in words, for those who cannot see it.
    pub alternative: String,
}

/// Draws each panel of a figure. Marks with one label have one colour in all panels.
///
/// # Errors
/// Only on defects of the drawing code.
pub fn draw(figure: &Figure, theme: Theme, format: Format) -> Result<Vec<Drawing>> {
    let labels = series_labels(figure);
    let layout = match format {
        Format::Narrow => Layout::NARROW,
        Format::Wide => Layout::WIDE,
    };
    let draw_one = |panel: &Panel| {
        let alternative = alternative(figure, panel);
        let Sheet { body, width, height } = draw::panel(panel, &labels, layout)?;
        let svg = palette::finish(&body, theme, (width, height), &alternative);
        Ok(Drawing { svg, alternative })
    };
    figure.panels.iter().map(draw_one).collect()
}

/// Labels in the order of their first mark; a label's position is its colour.
fn series_labels(figure: &Figure) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for mark in figure.panels.iter().flat_map(|p| &p.marks) {
        if !matches!(mark, Mark::Level { .. }) && !labels.iter().any(|l| l == label_of(mark)) {
            labels.push(label_of(mark).to_owned());
        }
    }
    labels
}

fn label_of(mark: &Mark) -> &str {
    match mark {
        Mark::Line { label, .. }
        | Mark::Points { label, .. }
        | Mark::Bars { label, .. }
        | Mark::Segments { label, .. }
        | Mark::Level { label, .. } => label,
    }
}

fn alternative(figure: &Figure, panel: &Panel) -> String {
    let mut text = figure.title.clone();
    if !panel.title.is_empty() {
        text.push_str(": ");
        text.push_str(&panel.title);
    }
    text.push_str(&format!(". {} against {}.", or_unnamed(&panel.y.label, "Value"), or_unnamed(&panel.x.label, "position")));
    let mut shown: Vec<&str> = Vec::new();
    for mark in &panel.marks {
        if !label_of(mark).is_empty() && !shown.contains(&label_of(mark)) {
            shown.push(label_of(mark));
        }
    }
    if !shown.is_empty() {
        text.push_str(&format!(" Shown: {}.", shown.join("; ")));
    }
    text
}

fn or_unnamed<'a>(label: &'a str, otherwise: &'a str) -> &'a str {
    if label.is_empty() { otherwise } else { label }
}
