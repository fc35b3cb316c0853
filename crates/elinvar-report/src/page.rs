//! The folder of a report: `index.html`, `report.json` and one SVG a panel.

use crate::atomic::write_atomically;
use crate::figure::{self, Format, Theme};
use crate::report::Report;
use crate::sweep::{self, SweepReport};
use crate::{html, json};
use elinvar_core::reproduction::Figure;
use elinvar_core::sweep::Dimension;
use elinvar_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Files that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The page.
    pub index: PathBuf,
    /// The judged evidence of record.
    pub report: PathBuf,
    /// The figures for slides, one a panel.
    pub figures: Vec<PathBuf>,
}

/// Writes `report.json`, `figures/*.svg` and, last, `index.html`, each whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_page(folder: impl AsRef<Path>, report: &Report, figures: &[Figure]) -> Result<Page> {
    // Everything is made before anything is written.
    let page = html::page_html(report, figures)?;
    write(folder.as_ref(), &page, &json::render(report, figures)?, figures)
}

/// The same for a sweep: `report.json` holds its points and trials.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_sweep_page(folder: impl AsRef<Path>, report: &SweepReport, space: &[Dimension]) -> Result<Page> {
    let figures = sweep::figures(report, space);
    let page = html::sweep_html(report, &figures)?;
    let data = serde_json::to_string_pretty(report).map_err(|e| Error::internal(format!("a report cannot be serialised: {e}")))?;
    write(folder.as_ref(), &page, &data, &figures)
}

fn write(folder: &Path, page: &str, data: &str, figures: &[Figure]) -> Result<Page> {
    let mut drawings = Vec::new();
    for (number, figure) in figures.iter().enumerate() {
        for (panel, drawing) in figure::draw(figure, Theme::Slide, Format::natural(figure))?.into_iter().enumerate() {
            drawings.push((folder.join("figures").join(file_name(number, figure, panel)), drawing.svg));
        }
    }
    let (report, index) = (folder.join("report.json"), folder.join("index.html"));
    write_atomically(&report, data.as_bytes())?;
    for (path, svg) in &drawings {
        write_atomically(path, svg.as_bytes())?;
    }
    write_atomically(&index, page.as_bytes())?;
    Ok(Page { index, report, figures: drawings.into_iter().map(|(path, _)| path).collect() })
}

/// `effect.svg`, or `effect-2.svg` for the second panel; the figure's number stands in for an id that is no file name.
fn file_name(number: usize, figure: &Figure, panel: usize) -> String {
    let id = html::anchor(&figure.id);
    let id = if id.is_empty() { format!("figure-{}", number + 1) } else { id };
    if figure.panels.len() > 1 { format!("{id}-{}.svg", panel + 1) } else { format!("{id}.svg") }
}
