//! The table of claims.

use super::{Html, anchor, class};
use crate::number::{estimate, typeset};
use crate::report::{JudgedClaim, JudgedPart, PaperSaysKind, Report};
use crate::terminal::sign;
use elinvar_core::reproduction::Source;

pub(super) fn section(html: &mut Html, report: &Report) {
    html.raw("<section>\n<h2 id=\"claims\">Claims</h2>\n<table class=\"claims\">\n<colgroup><col><col><col><col><col><col></colgroup>\n<thead><tr>");
    html.raw("<th scope=\"col\">Claim</th><th scope=\"col\">Paper</th><th scope=\"col\">Ours, with 95 % interval</th>");
    html.raw("<th scope=\"col\">Rule</th><th scope=\"col\">Verdict</th><th scope=\"col\" class=\"n\">Seeds</th></tr></thead>\n");
    for claim in &report.claims {
        rows(html, claim);
    }
    html.raw("</table>\n<p class=\"note\">A claim counts as reproduced only if the estimate and its whole 95 % interval (paired bootstrap over seeds) obey ");
    html.raw("every one of its rules; an interval on both sides of a threshold is inconclusive. In the small drawings the shaded part is what the rule ");
    html.raw("accepts, the dot our estimate, the bar its interval.</p>\n</section>\n");
}

/// One body a claim; its rules are rows, and the words about the claim span them.
fn rows(html: &mut Html, claim: &JudgedClaim) {
    let span = claim.parts.len().max(1).to_string();
    html.raw("<tbody").attribute("id", &format!("claim-{}", anchor(&claim.id))).raw(">\n<tr>");
    html.raw("<th scope=\"rowgroup\" class=\"what\"")
        .attribute("rowspan", &span)
        .raw("><span class=\"id\">")
        .text(&claim.id)
        .raw("</span> ");
    html.raw("<span class=\"says\">").text(&claim.says).raw("</span>");
    if !claim.finding.is_empty() {
        html.raw("<span class=\"finding\">").text(&claim.finding).raw("</span>");
    }
    html.raw("</th>\n<td data-label=\"Paper\"").attribute("rowspan", &span).raw(">").text(&typeset(&claim.paper.text));
    html.raw("<small>").raw(kind(claim.paper.kind)).raw("</small></td>\n");
    match claim.parts.first() {
        Some(part) => ours(html, claim, part),
        None => {
            html.raw("<td data-label=\"Ours\">–</td><td data-label=\"Rule\">–</td>\n");
        }
    }
    html.raw("<td data-label=\"Verdict\" class=\"is\"")
        .attribute("rowspan", &span)
        .raw("><span")
        .attribute("class", &format!("verdict {}", class(claim.verdict)));
    html.raw("><span aria-hidden=\"true\">").text(&sign(claim.verdict).to_string()).raw("</span> ").text(&claim.verdict.to_string());
    html.raw("</span></td>\n");
    seeds(html, claim.parts.first());
    html.raw("</tr>\n");
    for part in claim.parts.iter().skip(1) {
        html.raw("<tr>");
        ours(html, claim, part);
        seeds(html, Some(part));
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n");
}

fn ours(html: &mut Html, claim: &JudgedClaim, part: &JudgedPart) {
    html.raw("<td data-label=\"Ours\" class=\"ours\"><span class=\"value\">");
    if claim.parts.len() > 1 {
        mark(html, part);
    }
    // A line may break between the value and its interval, and within that only where it is wider than the column.
    const WIDE: usize = 20;
    let mut shown = typeset(&estimate(part.value, part.interval)).replace(" [", "\n[");
    if shown.lines().any(|line| line.chars().count() > WIDE) {
        shown = shown.replace(", ", ",\n");
    }
    for (place, number) in shown.lines().enumerate() {
        html.raw(if place == 0 { "<span>" } else { " <span>" }).text(number).raw("</span>");
    }
    html.raw("</span>").trusted(&bar(part));
    html.raw("</td>\n<td data-label=\"Rule\"><span>").text(&part.label).raw(" <span class=\"threshold\">").text(&typeset(&part.threshold));
    html.raw("</span></span>");
    counted(html, part);
    // All rules of a claim have one source, so it is said once.
    if claim.parts.first() == Some(part) {
        html.raw("<small>").raw(source(claim.source)).raw("</small>");
    }
    html.raw("</td>\n");
}

/// The rules that a rule counts, one a line.
fn counted(html: &mut Html, part: &JudgedPart) {
    if part.counted.is_empty() {
        return;
    }
    html.raw("<details class=\"counted\"><summary>").text(&format!("the {} rules", part.counted.len())).raw("</summary><ul>");
    for rule in &part.counted {
        html.raw("<li>");
        mark(html, rule);
        html.text(&format!("{}: ", rule.label)).text(&typeset(&estimate(rule.value, rule.interval)));
        html.raw(" <span class=\"threshold\">").text(&typeset(&rule.threshold)).raw("</span></li>");
    }
    html.raw("</ul></details>");
}

/// The sign of a verdict.
fn mark(html: &mut Html, part: &JudgedPart) {
    html.raw("<span").attribute("class", &format!("sign {}", class(part.verdict))).attribute("title", &part.verdict.to_string());
    html.raw(">").text(&sign(part.verdict).to_string()).raw("</span> ");
}

fn seeds(html: &mut Html, part: Option<&JudgedPart>) {
    html.raw("<td data-label=\"Seeds\" class=\"n\">").text(&part.map_or("–".to_owned(), |p| p.seeds.to_string())).raw("</td>\n");
}

fn kind(kind: PaperSaysKind) -> &'static str {
    match kind {
        PaperSaysKind::Table => "printed figure",
        PaperSaysKind::Qualitative => "in words",
        PaperSaysKind::Theorem => "theorem",
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Paper => "threshold from the paper",
        Source::Theorem => "threshold from theory",
        Source::Pilot => "threshold from our pilot",
    }
}

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 16.0;

/// Estimate and interval against what the rule accepts. The numbers stand beside it, so it is hidden from screen readers.
fn bar(part: &JudgedPart) -> String {
    let (Some(value), Some((low, high))) = (part.value, part.interval) else { return String::new() };
    let ends: Vec<f64> = [part.accepts.0, part.accepts.1, Some(value), Some(low), Some(high)].into_iter().flatten().collect();
    let least = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = greatest - least;
    if ends.len() < 4 || !(span > 0.0) || !span.is_finite() {
        return String::new();
    }
    let at = |x: f64| 6.0 + (WIDTH - 12.0) * (0.1 + 0.8 * (x - least) / span);
    let (from, to) = (part.accepts.0.map_or(0.0, at), part.accepts.1.map_or(WIDTH, at));
    let edges: String = [part.accepts.0, part.accepts.1]
        .into_iter()
        .flatten()
        .map(|x| format!("<line class=\"edge\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{HEIGHT}\"/>", at(x)))
        .collect();
    format!(
        "<svg class=\"bar {}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" aria-hidden=\"true\">\
         <rect class=\"accepts\" x=\"{from:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\"/>{edges}\
         <line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"8\" y2=\"8\"/><circle cx=\"{:.1}\" cy=\"8\" r=\"4\"/></svg>",
        class(part.verdict),
        (to - from).max(0.0),
        at(low),
        at(high),
        at(value),
    )
}
