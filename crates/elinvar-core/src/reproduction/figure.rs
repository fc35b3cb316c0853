//! Figures as data. They are drawn by elinvar-report and travel in `report.json`.

use serde::Serialize;

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Axis {
    /// Label with unit.
    pub label: String,
    /// Logarithmic scale.
    pub log: bool,
    /// Names of the positions 0, 1, 2, ... where the axis is categorical.
    pub categories: Vec<String>,
    /// Range that must be seen; the data widen it.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Default::default() }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), log: true, ..Default::default() }
    }

    /// A categorical axis.
    pub fn categories(label: impl Into<String>, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { label: label.into(), categories: names.into_iter().map(Into::into).collect(), ..Default::default() }
    }

    /// Shows at least this range.
    #[must_use]
    pub fn showing(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

/// Something drawn in a panel. Marks with one label share a colour and a line of the legend.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mark")]
pub enum Mark {
    /// A line, with a band where `low` and `high` are given.
    Line {
        /// Legend.
        label: String,
        /// Positions.
        x: Vec<f64>,
        /// Values.
        y: Vec<f64>,
        /// Lower edge of the band; empty for none.
        low: Vec<f64>,
        /// Upper edge of the band; empty for none.
        high: Vec<f64>,
    },
    /// Points, with error bars where `low` and `high` are given.
    Points {
        /// Legend.
        label: String,
        /// Positions.
        x: Vec<f64>,
        /// Values.
        y: Vec<f64>,
        /// Lower ends of the bars; empty for none.
        low: Vec<f64>,
        /// Upper ends of the bars; empty for none.
        high: Vec<f64>,
    },
    /// Bars over a categorical axis, one value a category, side by side with the bars of other labels.
    Bars {
        /// Legend.
        label: String,
        /// Values.
        y: Vec<f64>,
        /// Lower ends of the error bars; empty for none.
        low: Vec<f64>,
        /// Upper ends of the error bars; empty for none.
        high: Vec<f64>,
    },
    /// Straight segments from one point to another, such as displacements of a map.
    Segments {
        /// Legend.
        label: String,
        /// Starts.
        from: Vec<(f64, f64)>,
        /// Ends.
        to: Vec<(f64, f64)>,
    },
    /// A dashed horizontal line: a threshold, or the paper's figure.
    Level {
        /// Legend.
        label: String,
        /// Height.
        y: f64,
    },
}

impl Mark {
    /// A line without a band.
    pub fn line(label: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Mark::Line { label: label.into(), x, y, low: Vec::new(), high: Vec::new() }
    }

    /// Points without error bars.
    pub fn points(label: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Mark::Points { label: label.into(), x, y, low: Vec::new(), high: Vec::new() }
    }
}

/// One coordinate system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Panel {
    /// Title; empty for none.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// One unit is equally long on both axes.
    pub equal: bool,
    /// What is drawn.
    pub marks: Vec<Mark>,
}

/// One figure of a report: panels side by side under a title, with a caption that says what is seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// Identifier for links and file names.
    pub id: String,
    /// Title.
    pub title: String,
    /// What is seen, with numbers of seeds and what bands mean.
    pub caption: String,
    /// Panels.
    pub panels: Vec<Panel>,
}
