//! The page of a sweep.

use super::{Head, Html, Ran, figures, ran, trials, wrapped};
use crate::number::{number, typeset};
use crate::sweep::{PointRow, SweepReport};
use elinvar_core::Result;
use elinvar_core::reproduction::Figure;

/// Rows of the table of the best settings.
const BEST: usize = 10;
/// Metrics of that table.
const MOST_METRICS: usize = 6;

/// The page of a sweep, below 1 MB whatever the number of trials.
///
/// # Errors
/// Only on defects of the drawing code.
pub(crate) fn sweep_html(report: &SweepReport, drawn: &[Figure]) -> Result<String> {
    let title = format!("{}: sweep of {}", report.title, report.task);
    wrapped(&Head { title: &title, description: &headline(report), refresh: None }, &report.made, |html| {
        html.raw("<header>\n<p class=\"eyebrow\">Sweep · ").text(&report.family).raw("</p>\n<h1>").text(&report.title).raw("</h1>\n");
        html.raw("<p class=\"lead\">").text(&headline(report)).raw("</p>\n</header>\n");
        if report.trials_run() < report.trials_planned {
            let text = format!("{} of {} trials have been run.", report.trials_run(), report.trials_planned);
            html.raw("<p class=\"notice\">").text(&text).raw("</p>\n");
        }
        best(html, report);
        figures::sections(html, ("settings", "All settings"), drawn)?;
        let first = report.goal.iter().map(|goal| goal.metric.clone()).collect();
        ran(
            html,
            &Ran {
                trials: &report.trials,
                unlisted: report.unlisted,
                environments: &report.environments,
                planned: report.trials_planned,
                seconds: report.seconds,
                first,
            },
        );
        Ok(())
    })
}

/// `accuracy 0.97 at learning_rate=0.01, width=64`.
pub(crate) fn headline(report: &SweepReport) -> String {
    let best = report.best().and_then(|row| Some((row, report.goal.as_ref()?)));
    match best {
        Some((row, goal)) => {
            let settings: Vec<String> = row.point.iter().map(|(name, value)| format!("{name}={}", short(value))).collect();
            format!("Best: {} {} at {}", goal.metric, value(row, &goal.metric), settings.join(", "))
        }
        None => format!("{} settings of the task {}", report.points.len(), report.task),
    }
}

/// Mean and deviation over folds.
fn value(row: &PointRow, metric: &str) -> String {
    let mean = row.means.get(metric).map_or_else(|| "–".to_owned(), |&x| number(x));
    match row.deviations.get(metric) {
        Some(&sd) => format!("{mean} ± {}", number(sd)),
        None => mean,
    }
}

fn short(value: &serde_json::Value) -> String {
    match value.as_f64() {
        Some(x) if !value.is_i64() => number(x),
        _ => trials::plain(value),
    }
}

fn best(html: &mut Html, report: &SweepReport) {
    if report.best().is_none() {
        return;
    }
    let metrics: Vec<String> = report.metrics().into_iter().take(MOST_METRICS).collect();
    html.raw("<section>\n<h2 id=\"best\">The best settings</h2>\n");
    html.raw(
        "<div class=\"scroll\" role=\"region\" aria-label=\"The best settings\" tabindex=\"0\">\n<table class=\"plain\">\n<thead><tr>",
    );
    for (name, _) in &report.space {
        html.raw("<th scope=\"col\">").text(name).raw("</th>");
    }
    for name in &metrics {
        html.raw("<th scope=\"col\" class=\"n\">").text(name).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for row in report.points.iter().take(BEST).filter(|row| row.error.is_none()) {
        html.raw("<tr>");
        for (name, _) in &report.space {
            html.raw("<td>").text(&row.point.get(name).map_or_else(String::new, short)).raw("</td>");
        }
        for name in &metrics {
            html.raw("<td class=\"n\">").text(&typeset(&value(row, name))).raw("</td>");
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n</div>\n");
    if report.points.iter().any(|row| !row.deviations.is_empty()) {
        html.raw("<p class=\"note\">Mean and standard deviation over the folds.</p>\n");
    }
    html.raw("</section>\n");
}
