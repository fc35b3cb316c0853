//! The folder of a report: `index.html`, `report.json` and one SVG a panel.

use crate::atomic::write_atomically;
use crate::figure::{self, Format, Theme};
use crate::report::Report;
use crate::{html, json};
use elinvar_core::Result;
use elinvar_core::reproduction::Figure;
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
    let folder = folder.as_ref();
    // Everything is made before anything is written.
    let page = html::page_html(report, figures)?;
    let data = json::render(report, figures)?;
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
