//! What the project shows of its reproductions: the evidence store, tables for terminals and READMEs, SVG figures, `report.json` and
//! the self-contained page.
//!
//! [`EvidenceStore`] keeps one file a trial. [`Report`] holds the judged claims and all trials of one run; [`terminal`],
//! [`markdown`], [`write_report_json`] and [`write_page`] only show it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod atomic;
mod environment;
mod export;
pub mod figure;
mod html;
mod json;
pub mod markdown;
pub mod number;
mod page;
mod report;
mod store;
mod sweep;
pub mod terminal;

pub use atomic::write_atomically;
pub use environment::{detect_environment, environment_of, utc_date};
pub use export::trials_table;
pub use html::page_html;
pub use json::{read_report_json, write_report_json};
pub use page::{Page, write_page, write_sweep_page};
pub use report::{JudgedClaim, JudgedPart, Paper, PaperSays, PaperSaysKind, Report, TrialRow, Unlisted};
pub use store::EvidenceStore;
pub use sweep::{Goal, PointRow, SweepReport};
