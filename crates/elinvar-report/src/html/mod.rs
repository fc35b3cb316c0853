//! The self-contained page: one file, no network, no framework.

mod builder;
mod claims;
mod figures;
mod sweep;
mod trials;

pub(crate) use builder::{anchor, escape};
pub(crate) use sweep::{headline as sweep_headline, sweep_html};
pub(crate) use trials::plain;

use crate::figure::css_variables;
use crate::number::duration;
use crate::report::{self, Report, TrialRow, Unlisted};
use crate::terminal::sign;
use builder::Html;
use elinvar_core::Result;
use elinvar_core::reproduction::{Environment, Figure, Scale, Verdict};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");

/// Nothing is loaded from anywhere: only what the file itself holds.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n";

/// The page of a report, below 1 MB whatever the number of trials.
///
/// # Errors
/// Only on defects of the drawing code.
pub fn page_html(report: &Report, figures: &[Figure]) -> Result<String> {
    let heading = format!("{}: {}", report.title, report.headline());
    wrapped(&Head { title: &heading, description: &report.summary, refresh: report.refresh }, &report.judged, |html| {
        title(html, report);
        strip(html, report);
        claims::section(html, report);
        figures::sections(html, ("effect", "The effect at a glance"), figures)?;
        differences(html, report);
        // What is left of the budget belongs to the trials.
        let first = report.claims.iter().flat_map(|claim| claim.metrics.clone()).collect();
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
        again(html, report);
        Ok(())
    })
}

/// What stands in the head of a page.
struct Head<'a> {
    title: &'a str,
    description: &'a str,
    /// Seconds after which the page loads itself again.
    refresh: Option<u32>,
}

/// A page around what `body` writes.
fn wrapped(about: &Head<'_>, made: &Environment, body: impl FnOnce(&mut Html) -> Result<()>) -> Result<String> {
    let mut html = Html::new();
    head(&mut html, about);
    html.raw("<body>\n<main>\n");
    body(&mut html)?;
    html.raw("</main>\n<footer><p>Made by elinvar ").text(&made.version).raw(" on ").text(&made.date);
    html.raw(". Every number on this page is computed from the stored trials listed above.</p></footer>\n<script>\n");
    html.raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    Ok(html.finish())
}

fn head(html: &mut Html, about: &Head<'_>) {
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    html.raw(POLICY).raw("<title>").text(about.title).raw("</title>\n");
    if let Some(seconds) = about.refresh {
        html.raw("<meta http-equiv=\"refresh\"").attribute("content", &seconds.to_string()).raw(">\n");
    }
    html.raw("<meta name=\"description\"").attribute("content", about.description).raw(">\n<style>\n");
    let (light, dark) = (css_variables(false), css_variables(true));
    html.trusted(&format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"));
    html.trusted(&format!(":root[data-theme=dark]{{{dark}}}\n@media print{{:root,:root[data-theme]{{{light}}}}}\n"));
    html.raw(STYLE).raw("</style>\n</head>\n");
}

fn title(html: &mut Html, report: &Report) {
    html.raw("<header>\n<p class=\"eyebrow\">Reproduction · ").text(&report.family).raw(" · ");
    html.raw(match report.scale {
        Scale::Tiny => "tiny scale (a few seconds)",
        Scale::Quick => "quick scale (a few minutes on two cores)",
        Scale::Hour => "an hour’s scale (part of the paper’s protocol, an hour on two cores)",
        Scale::Paper => "the paper’s scale",
    });
    html.raw("</p>\n<h1>").text(&report.title).raw("</h1>\n<p class=\"lead\">").text(&report.summary).raw("</p>\n");
    let paper = &report.paper;
    html.raw("<p class=\"cite\"><cite>").text(&paper.title).raw("</cite><br>").text(&paper.authors);
    html.raw(", ").text(&paper.year.to_string());
    if !paper.reference.is_empty() {
        html.raw(" · ");
        match link(&paper.reference) {
            Some(address) => html.raw("<a").attribute("href", &address).raw(">").text(&paper.reference).raw("</a>"),
            None => html.text(&paper.reference),
        };
    }
    html.raw("</p>\n</header>\n");
}

/// The address of an arXiv number or a DOI; nothing else becomes a link.
fn link(reference: &str) -> Option<String> {
    let bare = reference.trim();
    let after = |prefix: &str| bare.get(..prefix.len()).filter(|p| p.eq_ignore_ascii_case(prefix)).map(|_| bare[prefix.len()..].trim());
    let address = match (after("arxiv:"), after("doi:"), bare.starts_with("10.")) {
        (Some(number), _, _) => format!("https://arxiv.org/abs/{number}"),
        (_, Some(doi), _) => format!("https://doi.org/{doi}"),
        (_, _, true) => format!("https://doi.org/{bare}"),
        _ if bare.starts_with("https://") => bare.to_owned(),
        _ => return None,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/:.-_()".contains(c);
    address.chars().all(allowed).then_some(address)
}

/// Class of a verdict in the style sheet.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "good",
        Verdict::NotReproduced => "bad",
        Verdict::Inconclusive => "unsure",
        Verdict::NotRun => "open",
        Verdict::Failed => "failed",
    }
}

const VERDICTS: [Verdict; 5] = [Verdict::Reproduced, Verdict::NotReproduced, Verdict::Inconclusive, Verdict::Failed, Verdict::NotRun];

fn strip(html: &mut Html, report: &Report) {
    html.raw("<section class=\"strip\" aria-label=\"Verdicts\">\n<p class=\"score\">")
        .text(&report.headline())
        .raw("</p>\n<p class=\"tally\">");
    let mut first = true;
    for verdict in VERDICTS.into_iter().filter(|&v| v != Verdict::Reproduced && report.count(v) > 0) {
        html.raw(if first { "" } else { " · " }).text(&format!("{} {verdict}", report.count(verdict)));
        first = false;
    }
    html.raw("</p>\n<ul class=\"chips\">\n");
    for claim in &report.claims {
        html.raw("<li><a").attribute("class", &format!("chip {}", class(claim.verdict)));
        html.attribute("href", &format!("#claim-{}", anchor(&claim.id))).attribute("title", &claim.says);
        html.raw("><span aria-hidden=\"true\">").text(&sign(claim.verdict).to_string()).raw("</span> ").text(&claim.id);
        html.raw("<span class=\"unseen\">: ").text(&claim.verdict.to_string()).raw("</span></a></li>\n");
    }
    html.raw("</ul>\n");
    let (done, planned) = (report.trials_run(), report.trials_planned);
    if done < planned {
        html.raw("<p class=\"notice\">").text(&format!("{done} of {planned} trials have been run; verdicts rest on these alone."));
        html.raw("</p>\n");
    }
    html.raw("</section>\n");
}

fn differences(html: &mut Html, report: &Report) {
    html.raw("<section>\n<h2 id=\"differences\">Where we differ from the paper</h2>\n");
    if report.differences.is_empty() {
        html.raw("<p>No difference is known.</p>\n");
    } else {
        html.raw("<ul class=\"prose\">\n");
        for difference in &report.differences {
            html.raw("<li>").text(difference).raw("</li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("</section>\n");
}

/// The trials of a page, and what they cost.
struct Ran<'a> {
    trials: &'a [TrialRow],
    unlisted: Unlisted,
    environments: &'a [Environment],
    planned: usize,
    seconds: f64,
    /// Metrics that come first.
    first: Vec<String>,
}

impl Ran<'_> {
    fn count(&self) -> usize {
        self.trials.len() + self.unlisted.trials
    }
}

fn ran(html: &mut Html, ran: &Ran<'_>) {
    trials::section(html, ran);
    cost(html, ran);
}

fn cost(html: &mut Html, ran: &Ran<'_>) {
    html.raw("<section>\n<h2 id=\"cost\">Cost, machine, versions</h2>\n<dl class=\"facts\">\n");
    let failed = ran.unlisted.failed + report::failed(ran.trials);
    fact(html, "Trials", &format!("{} of {} run, {failed} failed", ran.count(), ran.planned));
    fact(html, "Time of all trials together", &duration(ran.seconds));
    if let Some(longest) = ran.trials.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds)) {
        fact(html, "Longest trial", &format!("{} ({})", duration(longest.seconds), describe(longest)));
    }
    html.raw("</dl>\n");
    if !ran.environments.is_empty() {
        html.raw("<div class=\"scroll\" role=\"region\" aria-label=\"Machines of the trials\" tabindex=\"0\"><table class=\"plain\">\n");
        html.raw("<thead><tr><th scope=\"col\">Trials</th><th scope=\"col\">Machine</th><th scope=\"col\">Version</th><th scope=\"col\">Date</th></tr></thead>\n<tbody>\n");
        for (i, environment) in ran.environments.iter().enumerate() {
            let count = ran.trials.iter().filter(|t| t.environment == i).count();
            html.raw("<tr><td class=\"n\">").text(&count.to_string()).raw("</td><td>").text(&environment.machine);
            html.raw("</td><td>").text(&environment.version).raw("</td><td>").text(&environment.date).raw("</td></tr>\n");
        }
        html.raw("</tbody>\n</table></div>\n");
    }
    html.raw("</section>\n");
}

/// Who judged the claims, and how to do it again.
fn again(html: &mut Html, report: &Report) {
    html.raw("<section>\n<dl class=\"facts\">\n");
    fact(html, "Judged", &format!("{} with elinvar {}", report.judged.date, report.judged.version));
    fact(html, "Judged on", &report.judged.machine);
    html.raw("<div><dt>Run it again</dt><dd><code>").text(&format!("elinvar reproduce {} --scale {}", report.method, report.scale));
    html.raw("</code></dd></div>\n</dl>\n</section>\n");
}

fn fact(html: &mut Html, name: &str, value: &str) {
    html.raw("<div><dt>").text(name).raw("</dt><dd>").text(value).raw("</dd></div>\n");
}

/// A trial in words: `arm=gap, seed=3`.
fn describe(trial: &TrialRow) -> String {
    let fields = trial.trial.as_object();
    let parts = fields.into_iter().flatten().map(|(name, value)| format!("{name}={}", trials::plain(value)));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_references_become_links() {
        assert_eq!(link("arXiv:2302.04953").as_deref(), Some("https://arxiv.org/abs/2302.04953"));
        assert_eq!(link("doi:10.1214/009").as_deref(), Some("https://doi.org/10.1214/009"));
        assert_eq!(link("10.1214/009").as_deref(), Some("https://doi.org/10.1214/009"));
        assert_eq!(link("https://proceedings.mlr.press/v1").as_deref(), Some("https://proceedings.mlr.press/v1"));
        for hostile in ["javascript:alert(1)", "arXiv:\"onmouseover=x", "http://x", "NeurIPS 2023", ""] {
            assert_eq!(link(hostile), None, "{hostile}");
        }
    }
}
