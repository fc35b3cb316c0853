//! What a sweep found: its points with the means of their trials, the best of them, figures and the page.

mod figures;

use crate::export::column;
use crate::report::{TrialRow, Unlisted, failed, list};
use elinvar_core::reproduction::{Environment, Evidence, Outcome, Study};
use elinvar_core::sweep::{Point, Sweep};
use elinvar_core::{Card, Column, Error, Kind, Result, Table};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) use figures::figures;

/// What a good point has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// A number that trials measure.
    pub metric: String,
    /// Whether more of it is better.
    pub maximize: bool,
}

impl Goal {
    /// `maximize` or `minimize` a metric that trials have; where none is named, the accuracy or r2 of a cross-validation, or a score.
    ///
    /// # Errors
    /// For a metric that no trial has.
    pub fn choose(named: Option<Goal>, evidence: &Evidence) -> Result<Option<Self>> {
        let metrics: Vec<&str> = evidence.metrics().collect();
        match named {
            Some(goal) if evidence.is_empty() || metrics.contains(&goal.metric.as_str()) => Ok(Some(goal)),
            Some(goal) => Err(Error::new(Kind::Parameter, format!("no trial measured '{}'", goal.metric))
                .hint(elinvar_core::error::suggestion(&goal.metric, &metrics, "they measured"))),
            None => {
                let usual = ["accuracy", "r2", "score"].into_iter().find(|name| metrics.contains(name));
                Ok(usual.map(|metric| Self { metric: metric.to_owned(), maximize: true }))
            }
        }
    }
}

/// A point with what its trials measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointRow {
    /// Values of the parameters that vary.
    pub point: Point,
    /// Mean of each number over the trials.
    pub means: BTreeMap<String, f64>,
    /// Standard deviation of each over the trials, where there are two or more.
    pub deviations: BTreeMap<String, f64>,
    /// Trials that measured.
    pub trials: usize,
    /// Error of a trial that failed.
    pub error: Option<String>,
}

/// What a sweep found.
#[derive(Clone, Debug, Serialize)]
pub struct SweepReport {
    /// Slug of the method.
    pub method: String,
    /// Name of the method for people.
    pub title: String,
    /// Family of the method.
    pub family: String,
    /// Name of the task.
    pub task: String,
    /// What is varied: each parameter with its values or its range.
    pub space: Vec<(String, Value)>,
    /// What a good point has, where that is known.
    pub goal: Option<Goal>,
    /// Version, machine and date of the report.
    pub made: Environment,
    /// Trials that the sweep asks for.
    pub trials_planned: usize,
    /// Sum of the wall-clock seconds of the trials.
    pub seconds: f64,
    /// The points whose trials have been run: the best first where there is a goal, those that failed last.
    pub points: Vec<PointRow>,
    /// Versions, machines and dates of the trials, each once.
    pub environments: Vec<Environment>,
    /// The trials in the order of the run, as many as a page can list.
    pub trials: Vec<TrialRow>,
    /// The trials that are not listed.
    pub unlisted: Unlisted,
}

impl SweepReport {
    /// Gathers the points of a sweep from its evidence.
    pub fn new(card: &Card, task: &str, sweep: &Sweep<'_>, evidence: &Evidence, goal: Option<Goal>, made: Environment) -> Self {
        let mut points = points(sweep, evidence);
        if let Some(goal) = &goal {
            let value = |row: &PointRow| row.means.get(&goal.metric).map(|&x| if goal.maximize { -x } else { x });
            points.sort_by(|a, b| value(a).unwrap_or(f64::INFINITY).total_cmp(&value(b).unwrap_or(f64::INFINITY)));
        }
        let (trials, environments, unlisted) = list(evidence);
        Self {
            method: card.slug.to_owned(),
            title: card.title.to_owned(),
            family: card.family.to_owned(),
            task: task.to_owned(),
            space: sweep.space().iter().map(|dimension| (dimension.name.clone(), dimension.to_json())).collect(),
            goal,
            made,
            trials_planned: sweep.len(),
            seconds: evidence.seconds(),
            points,
            environments,
            trials,
            unlisted,
        }
    }

    /// How many trials were run.
    pub fn trials_run(&self) -> usize {
        self.trials.len() + self.unlisted.trials
    }

    /// How many of them failed.
    pub fn trials_failed(&self) -> usize {
        failed(&self.trials) + self.unlisted.failed
    }

    /// The best point and its metric in one line.
    pub fn headline(&self) -> String {
        crate::html::sweep_headline(self)
    }

    /// The best point, where there is a goal that a trial measured.
    pub fn best(&self) -> Option<&PointRow> {
        let goal = self.goal.as_ref()?;
        self.points.first().filter(|row| row.means.contains_key(&goal.metric))
    }

    /// Names of the numbers that were measured: that of the goal first.
    pub fn metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = self.goal.iter().map(|goal| goal.metric.clone()).collect();
        let mut others: Vec<&String> = self.points.iter().flat_map(|row| row.means.keys()).collect();
        others.sort();
        others.dedup();
        names.extend(others.into_iter().filter(|name| self.goal.as_ref().is_none_or(|goal| goal.metric != **name)).cloned());
        names
    }

    /// One row a point: its parameters, the mean of every number and its deviation over folds, and its error.
    ///
    /// # Errors
    /// Never for points of one sweep.
    pub fn table(&self) -> Result<Table> {
        let mut table = Table::new();
        for (name, _) in &self.space {
            let cells: Vec<Option<Value>> = self.points.iter().map(|row| row.point.get(name).cloned()).collect();
            table.push(name.clone(), column(&cells))?;
        }
        for name in self.metrics() {
            let numbers = |of: fn(&PointRow) -> &BTreeMap<String, f64>| -> Vec<f64> {
                self.points.iter().map(|row| of(row).get(&name).copied().unwrap_or(f64::NAN)).collect()
            };
            let taken = table.names().contains(&name);
            let (means, deviations) = (numbers(|row| &row.means), numbers(|row| &row.deviations));
            let name = if taken { format!("result.{name}") } else { name };
            table.push(name.clone(), Column::Number(means))?;
            if deviations.iter().any(|x| !x.is_nan()) {
                table.push(format!("{name}.sd"), Column::Number(deviations))?;
            }
        }
        table.push("error", Column::Text(self.points.iter().map(|row| row.error.clone()).collect()))?;
        Ok(table)
    }
}

fn points(sweep: &Sweep<'_>, evidence: &Evidence) -> Vec<PointRow> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows: Vec<(PointRow, BTreeMap<String, Vec<f64>>)> = Vec::new();
    for record in evidence.records() {
        let point = sweep.point_of(&record.trial);
        let place = *places.entry(Value::Object(point.clone()).to_string()).or_insert_with(|| {
            let empty = PointRow { point, means: BTreeMap::new(), deviations: BTreeMap::new(), trials: 0, error: None };
            rows.push((empty, BTreeMap::new()));
            rows.len() - 1
        });
        let (row, values) = &mut rows[place];
        match record.outcome {
            Outcome::Metrics(metrics) => {
                row.trials += 1;
                metrics.numbers.into_iter().for_each(|(name, x)| values.entry(name).or_default().push(x));
            }
            Outcome::Error(text) => row.error = Some(text),
        }
    }
    rows.into_iter().map(|(row, values)| summarised(row, &values)).collect()
}

fn summarised(mut row: PointRow, values: &BTreeMap<String, Vec<f64>>) -> PointRow {
    // A mean over some folds says nothing of the others.
    if row.error.is_some() {
        return row;
    }
    for (name, values) in values {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        row.means.insert(name.clone(), mean);
        if values.len() > 1 {
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            row.deviations.insert(name.clone(), (squares / (n - 1.0)).sqrt());
        }
    }
    row
}
