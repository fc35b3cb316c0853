//! Progress on stderr: a bar with the time left for people, one JSON object a line for programs.

use crate::options::{text, word};
use crate::terminal::{SharedWriter, Terminal, note};
use clap::ArgMatches;
use elinvar_core::{Progress, ProgressSink, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The sink that the flags ask for; none where nobody looks.
///
/// # Errors
/// For a value of `--progress` that does not exist.
pub(crate) fn sink(matches: &ArgMatches, terminal: &Terminal) -> Result<Option<Arc<dyn ProgressSink>>> {
    let kind = word("progress", text(matches, "progress").unwrap_or("auto"), &["auto", "bar", "json", "none"])?;
    let quiet = matches.get_flag("quiet");
    Ok(match kind {
        _ if quiet => None,
        "json" => Some(Arc::new(Lines::new(terminal.errors.clone()))),
        "bar" => Some(Arc::new(Bar::new())),
        "auto" if terminal.interactive => Some(Arc::new(Bar::new())),
        _ => None,
    })
}

/// A bar that removes itself at the end.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        // Until the number of steps is known.
        set_style(&bar, "{spinner} {pos}  {elapsed} gone  {msg}");
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }
}

impl ProgressSink for Bar {
    fn report(&self, progress: &Progress<'_>) {
        if progress.of > 0 && self.0.length() != Some(progress.of) {
            self.0.set_length(progress.of);
            set_style(&self.0, "{bar:32} {pos}/{len}  {per_sec}  {elapsed} gone, {eta} left  {msg}");
        }
        let figures = progress.figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<_>>();
        self.0.set_message(figures.join("  "));
        self.0.set_position(progress.step);
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// One object a line, at most five a second and always the last.
struct Lines {
    stream: SharedWriter,
    last: Mutex<Option<Instant>>,
}

impl Lines {
    fn new(stream: SharedWriter) -> Self {
        Self { stream, last: Mutex::new(None) }
    }

    fn is_due(&self, progress: &Progress<'_>) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|t| t.elapsed() >= Duration::from_millis(200)) || progress.step == progress.of;
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl ProgressSink for Lines {
    fn report(&self, progress: &Progress<'_>) {
        if self.is_due(progress) {
            let figures: Map<String, Value> = progress.figures.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
            note(&self.stream, &json!({ "step": progress.step, "of": progress.of, "figures": figures }).to_string());
        }
    }
}
