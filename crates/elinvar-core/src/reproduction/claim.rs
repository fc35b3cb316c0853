//! Claims and their rules, as data.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// How much of the paper's protocol is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// A few seconds, inside the test suite.
    Tiny,
    /// One to two minutes on two cores.
    Quick,
    /// What two cores do of the paper's protocol in an hour. Only where the full one takes days.
    Hour,
    /// The full protocol.
    Paper,
}

impl Scale {
    /// All scales from small to large.
    pub const ALL: [Scale; 4] = [Scale::Tiny, Scale::Quick, Scale::Hour, Scale::Paper];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scale::Tiny => "tiny",
            Scale::Quick => "quick",
            Scale::Hour => "hour",
            Scale::Paper => "paper",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the paper says, for the column beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub enum PaperFigure {
    /// A printed number or table.
    Table(&'static str),
    /// A statement without a number that could be found.
    Qualitative(&'static str),
    /// A mathematical statement.
    Theorem(&'static str),
}

impl PaperFigure {
    /// The text of it.
    pub fn text(&self) -> &'static str {
        match self {
            PaperFigure::Table(t) | PaperFigure::Qualitative(t) | PaperFigure::Theorem(t) => t,
        }
    }
}

/// Where the threshold of a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The paper's own figure.
    Paper,
    /// A theorem.
    Theorem,
    /// A pilot run of this project.
    Pilot,
}

/// The trials whose fields have these values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell(pub Map<String, Value>);

impl Cell {
    /// All trials.
    pub fn all() -> Self {
        Self::default()
    }

    /// Adds a condition.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// The first condition.
    pub fn of(field: &str, value: impl Into<Value>) -> Self {
        Self::default().with(field, value)
    }

    /// The conditions that another cell does not share, for labels that compare the two.
    #[must_use]
    pub fn beyond(&self, other: &Cell) -> Cell {
        let own = |(field, value): &(&String, &Value)| other.0.get(*field).is_none_or(|theirs| !same(value, theirs));
        Cell(self.0.iter().filter(own).map(|(field, value)| (field.clone(), value.clone())).collect())
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(k, v)| format!("{k}={}", v.as_str().map_or(v.to_string(), str::to_owned))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// A number for each seed, read from the evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A metric in a cell.
    Metric {
        /// Metric.
        metric: &'static str,
        /// Cell.
        of: Cell,
    },
    /// A metric in one cell over the same metric in another.
    Ratio {
        /// Metric.
        metric: &'static str,
        /// Numerator.
        of: Cell,
        /// Denominator.
        to: Cell,
    },
    /// A metric in one cell minus the same metric in another.
    Difference {
        /// Metric.
        metric: &'static str,
        /// First.
        of: Cell,
        /// Second.
        to: Cell,
    },
}

/// How the numbers of the seeds become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Mean over seeds; of a ratio, the mean of the paired ratios.
    Mean,
    /// Median over seeds; of a ratio, the ratio of the two medians.
    Median,
    /// Mean over seeds of each side; of a ratio, the ratio of the two means.
    RatioOfMeans,
    /// Every seed by itself must obey.
    Every,
}

/// What the aggregated quantity is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// More than this.
    Above(f64),
    /// Less than this.
    Below(f64),
    /// Within this distance of a value.
    Near {
        /// The value.
        value: f64,
        /// Greatest distance.
        within: f64,
    },
    /// Between the value divided and multiplied by a factor.
    WithinFactor {
        /// The value.
        value: f64,
        /// The factor, > 1.
        factor: f64,
    },
}

impl Threshold {
    /// Whether a number obeys.
    pub fn holds(&self, x: f64) -> bool {
        match *self {
            Threshold::AtLeast(b) => x >= b,
            Threshold::AtMost(b) => x <= b,
            Threshold::Above(b) => x > b,
            Threshold::Below(b) => x < b,
            Threshold::Near { value, within } => (x - value).abs() <= within,
            Threshold::WithinFactor { value, factor } => x >= value / factor && x <= value * factor,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::AtLeast(b) => write!(f, ">= {b}"),
            Threshold::AtMost(b) => write!(f, "<= {b}"),
            Threshold::Above(b) => write!(f, "> {b}"),
            Threshold::Below(b) => write!(f, "< {b}"),
            Threshold::Near { value, within } => write!(f, "{value} ± {within}"),
            Threshold::WithinFactor { value, factor } => write!(f, "{value} within a factor {factor}"),
        }
    }
}

/// When a claim counts as reproduced. Data, not code: the one judge reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// An aggregated quantity obeys a threshold.
    Holds {
        /// What is looked at, in words.
        label: &'static str,
        /// Quantity.
        quantity: Quantity,
        /// Aggregate over seeds.
        by: Aggregate,
        /// Threshold.
        threshold: Threshold,
    },
    /// The mean of a metric does not rise (or does not fall) from each cell to the next.
    Ordered {
        /// What is looked at, in words.
        label: &'static str,
        /// Metric.
        metric: &'static str,
        /// Cells from the greatest to the least.
        descending: Vec<Cell>,
        /// Whether equality is refused.
        strict: bool,
    },
    /// The least-squares slope of log metric against log of a trial field obeys a threshold.
    Slope {
        /// What is looked at, in words.
        label: &'static str,
        /// Metric.
        metric: &'static str,
        /// Trial field on the horizontal axis.
        against: &'static str,
        /// Trials.
        of: Cell,
        /// Threshold of the slope.
        threshold: Threshold,
    },
    /// Most of several rules hold.
    Most {
        /// What is looked at, in words.
        label: &'static str,
        /// The rules.
        of: Vec<Rule>,
        /// How many must hold.
        at_least: usize,
    },
}

impl Rule {
    /// What is looked at, in words.
    pub fn label(&self) -> &'static str {
        match self {
            Rule::Holds { label, .. } | Rule::Ordered { label, .. } | Rule::Slope { label, .. } | Rule::Most { label, .. } => label,
        }
    }

    /// `mean of metric in cell >= 3`.
    pub fn holds(label: &'static str, metric: &'static str, of: Cell, by: Aggregate, threshold: Threshold) -> Self {
        Rule::Holds { label, quantity: Quantity::Metric { metric, of }, by, threshold }
    }

    /// The ratio of a metric in two cells obeys a threshold.
    pub fn ratio(label: &'static str, metric: &'static str, of: Cell, to: Cell, by: Aggregate, threshold: Threshold) -> Self {
        Rule::Holds { label, quantity: Quantity::Ratio { metric, of, to }, by, threshold }
    }

    /// The difference of a metric in two cells obeys a threshold.
    pub fn difference(label: &'static str, metric: &'static str, of: Cell, to: Cell, by: Aggregate, threshold: Threshold) -> Self {
        Rule::Holds { label, quantity: Quantity::Difference { metric, of, to }, by, threshold }
    }

    /// The metric does not rise from each cell to the next.
    pub fn descending(label: &'static str, metric: &'static str, cells: Vec<Cell>) -> Self {
        Rule::Ordered { label, metric, descending: cells, strict: false }
    }
}

/// One claim of a paper.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Identifier of the sheet, such as `MG-2`.
    pub id: &'static str,
    /// The claim in plain words.
    pub says: &'static str,
    /// The paper's figure.
    pub paper: PaperFigure,
    /// Where the threshold comes from.
    pub source: Source,
    /// Scales at which it is judged.
    pub scales: &'static [Scale],
    /// All of them must hold.
    pub rules: Vec<Rule>,
    /// What we found, where that needs words (a claim that does not hold).
    pub finding: &'static str,
}
