//! A run as everything that shows it sees it: judged claims, trials, cost, machines. It can be written and read back.

use elinvar_core::Card;
use elinvar_core::reproduction::{
    Claim, Environment, Evidence, Judgement, Outcome, PaperFigure, Part, Quantity, Record, Rule, RunReport, Scale, Source, Threshold,
    Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The judged claims and all trials of one run of one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Slug of the method.
    pub method: String,
    /// Name of the method for people.
    pub title: String,
    /// Family of the method.
    pub family: String,
    /// One sentence in plain words.
    pub summary: String,
    /// The paper.
    pub paper: Paper,
    /// How much of the paper's protocol was run.
    pub scale: Scale,
    /// Version, machine and date of the judgement.
    pub judged: Environment,
    /// Trials that the scale asks for.
    pub trials_planned: usize,
    /// Sum of the wall-clock seconds of the trials.
    pub seconds: f64,
    /// The claims, judged.
    pub claims: Vec<JudgedClaim>,
    /// Where the reproduction differs from the paper, one sentence each.
    pub differences: Vec<String>,
    /// Versions, machines and dates of the trials, each once.
    pub environments: Vec<Environment>,
    /// The trials in the order of the run, as many as a page can list.
    #[serde(default)]
    pub trials: Vec<TrialRow>,
    /// The trials that are not listed.
    #[serde(default, skip_serializing_if = "Unlisted::is_empty")]
    pub unlisted: Unlisted,
    /// Seconds after which the page loads itself again, while trials are still being run.
    #[serde(skip)]
    pub refresh: Option<u32>,
}

/// Trials that were run and are too many to be listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// Number of them.
    pub trials: usize,
    /// How many of them failed.
    pub failed: usize,
}

impl Unlisted {
    fn is_empty(&self) -> bool {
        self.trials == 0
    }
}

/// Trials that a report lists; of more, the first.
const MOST_ROWS: usize = 20_000;

/// The paper behind a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// Title.
    pub title: String,
    /// Authors.
    pub authors: String,
    /// Year.
    pub year: u16,
    /// arXiv number or DOI.
    pub reference: String,
}

/// What the paper says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperSays {
    /// What kind of statement it is.
    pub kind: PaperSaysKind,
    /// The statement.
    pub text: String,
}

/// Kinds of statements of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperSaysKind {
    /// A printed number or table.
    Table,
    /// A statement without a number.
    Qualitative,
    /// A mathematical statement.
    Theorem,
}

/// A claim with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedClaim {
    /// Identifier.
    pub id: String,
    /// The claim in plain words.
    pub says: String,
    /// The paper's figure.
    pub paper: PaperSays,
    /// Where the threshold comes from.
    #[serde(with = "SourceName")]
    pub source: Source,
    /// What the evidence says.
    #[serde(with = "VerdictName")]
    pub verdict: Verdict,
    /// What we found, where that needs words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub finding: String,
    /// Metrics that its rules read.
    pub metrics: Vec<String>,
    /// The rules one by one.
    pub parts: Vec<JudgedPart>,
}

/// One rule of a claim with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPart {
    /// What is looked at.
    pub label: String,
    /// The aggregated quantity.
    pub value: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The threshold in words.
    pub threshold: String,
    /// Least and greatest value that the threshold accepts; `null` where there is no such end.
    pub accepts: (Option<f64>, Option<f64>),
    /// Seeds that it rests on.
    pub seeds: usize,
    /// What the evidence says.
    #[serde(with = "VerdictName")]
    pub verdict: Verdict,
    /// The rules that it counts, where it counts rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<JudgedPart>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// Name of its record in the evidence store.
    pub key: String,
    /// The trial as data.
    pub trial: Value,
    /// What it measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
    /// How it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Version of the reproduction's code.
    pub code: u32,
    /// Position in [`Report::environments`].
    pub environment: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict", rename_all = "snake_case")]
enum VerdictName {
    Reproduced,
    NotReproduced,
    Inconclusive,
    NotRun,
    Failed,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Source", rename_all = "snake_case")]
enum SourceName {
    Paper,
    Theorem,
    Pilot,
}

impl Report {
    /// Gathers what a run, the method's card and its list of differences say.
    pub fn new(card: &Card, scale: Scale, run: &RunReport, differences: &[&str], judged: Environment) -> Self {
        let (trials, environments, unlisted) = list(&run.evidence);
        Self {
            method: card.slug.to_owned(),
            title: card.title.to_owned(),
            family: card.family.to_owned(),
            summary: card.summary.to_owned(),
            paper: Paper {
                title: card.paper.title.to_owned(),
                authors: card.paper.authors.to_owned(),
                year: card.paper.year,
                reference: card.paper.reference.to_owned(),
            },
            scale,
            judged,
            trials_planned: run.trials,
            seconds: run.evidence.seconds(),
            claims: run.judgements.iter().map(JudgedClaim::new).collect(),
            differences: differences.iter().map(|&d| d.to_owned()).collect(),
            environments,
            trials,
            unlisted,
            refresh: None,
        }
    }

    /// How many trials were run.
    pub fn trials_run(&self) -> usize {
        self.trials.len() + self.unlisted.trials
    }

    /// How many claims have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.claims.iter().filter(|c| c.verdict == verdict).count()
    }

    /// `6 of 8 claims reproduced`.
    pub fn headline(&self) -> String {
        let noun = if self.claims.len() == 1 { "claim" } else { "claims" };
        format!("{} of {} {noun} reproduced", self.count(Verdict::Reproduced), self.claims.len())
    }

    /// Whether there are claims and every one is reproduced.
    pub fn all_reproduced(&self) -> bool {
        !self.claims.is_empty() && self.count(Verdict::Reproduced) == self.claims.len()
    }
}

/// The trials that a page can list, their environments, and what is known of the others.
pub(crate) fn list(evidence: &Evidence) -> (Vec<TrialRow>, Vec<Environment>, Unlisted) {
    let mut environments = Vec::new();
    let listed = evidence.len().min(MOST_ROWS);
    let trials = (0..listed).map(|row| TrialRow::new(evidence.record(row), &mut environments)).collect();
    let failed = (listed..evidence.len()).filter(|&row| evidence.error(row).is_some()).count();
    (trials, environments, Unlisted { trials: evidence.len() - listed, failed })
}

/// How many trials failed.
pub(crate) fn failed(trials: &[TrialRow]) -> usize {
    trials.iter().filter(|trial| trial.error.is_some()).count()
}

impl TrialRow {
    /// The row of a record, whose environment it finds among those known or adds to them.
    fn new(record: Record, environments: &mut Vec<Environment>) -> Self {
        let key = record.key();
        let known = environments.iter().position(|known| *known == record.environment);
        let environment = known.unwrap_or_else(|| {
            environments.push(record.environment);
            environments.len() - 1
        });
        let (numbers, error) = match record.outcome {
            Outcome::Metrics(metrics) => (metrics.numbers, None),
            Outcome::Error(text) => (BTreeMap::new(), Some(text)),
        };
        Self { key, trial: record.trial, numbers, error, seconds: record.seconds, code: record.code, environment }
    }
}

impl JudgedClaim {
    fn new(judgement: &Judgement) -> Self {
        let Claim { id, says, paper, source, rules, finding, .. } = &judgement.claim;
        let mut metrics: Vec<String> = rules.iter().flat_map(metrics).map(str::to_owned).collect();
        metrics.sort();
        metrics.dedup();
        Self {
            id: (*id).to_owned(),
            says: (*says).to_owned(),
            paper: PaperSays::new(paper),
            source: *source,
            verdict: judgement.verdict,
            finding: (*finding).to_owned(),
            metrics,
            parts: judged_parts(rules, &judgement.parts),
        }
    }
}

impl PaperSays {
    fn new(figure: &PaperFigure) -> Self {
        let kind = match figure {
            PaperFigure::Table(_) => PaperSaysKind::Table,
            PaperFigure::Qualitative(_) => PaperSaysKind::Qualitative,
            PaperFigure::Theorem(_) => PaperSaysKind::Theorem,
        };
        Self { kind, text: figure.text().to_owned() }
    }
}

/// The judge's parts, with what their rules accept.
fn judged_parts(rules: &[Rule], parts: &[Part]) -> Vec<JudgedPart> {
    let accepted = rules.iter().flat_map(|rule| accepted(rule).into_iter().map(move |accepts| (rule, accepts)));
    parts.iter().zip(accepted).map(|(part, (rule, accepts))| JudgedPart::new(part, rule, accepts)).collect()
}

impl JudgedPart {
    fn new(part: &Part, rule: &Rule, accepts: (Option<f64>, Option<f64>)) -> Self {
        let Part { label, value, interval, threshold, seeds, verdict, counted } = part.clone();
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        let counted = if let Rule::Most { of, .. } = rule { judged_parts(of, &counted) } else { Vec::new() };
        Self { label, value, interval, threshold, accepts, seeds, verdict, counted }
    }

    /// The rule in words: what is looked at and its threshold.
    pub fn rule(&self) -> String {
        if self.label.is_empty() { self.threshold.clone() } else { format!("{} {}", self.label, self.threshold) }
    }
}

fn metrics(rule: &Rule) -> Vec<&'static str> {
    match rule {
        Rule::Ordered { metric, .. } | Rule::Slope { metric, .. } => vec![metric],
        Rule::Holds { quantity, .. } => match quantity {
            Quantity::Metric { metric, .. } | Quantity::Ratio { metric, .. } | Quantity::Difference { metric, .. } => vec![metric],
        },
        Rule::Most { of, .. } => of.iter().flat_map(metrics).collect(),
    }
}

/// The ends of what each part of a rule accepts, in the order in which the judge makes parts.
fn accepted(rule: &Rule) -> Vec<(Option<f64>, Option<f64>)> {
    match rule {
        Rule::Ordered { descending, .. } => vec![(Some(0.0), None); descending.len().saturating_sub(1)],
        Rule::Most { at_least, .. } => vec![(Some(*at_least as f64), None)],
        Rule::Holds { threshold, .. } | Rule::Slope { threshold, .. } => vec![match *threshold {
            Threshold::AtLeast(b) | Threshold::Above(b) => (Some(b), None),
            Threshold::AtMost(b) | Threshold::Below(b) => (None, Some(b)),
            Threshold::Near { value, within } => (Some(value - within), Some(value + within)),
            Threshold::WithinFactor { value, factor } => (Some(value / factor), Some(value * factor)),
        }],
    }
}
