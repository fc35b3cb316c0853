//! What trials measured: records, their keys, and questions asked of many of them.

use super::claim::Cell;
use super::figure::Mark;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What one trial measured: named numbers for the judge, named series for figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Named numbers, all finite.
    pub numbers: BTreeMap<String, f64>,
    /// Named series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, Vec<f64>>,
}

impl Metrics {
    /// No metrics yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.numbers.insert(name.to_owned(), value);
        self
    }

    /// Adds a series.
    #[must_use]
    pub fn with_series(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.series.insert(name.to_owned(), values.into_iter().collect());
        self
    }

    /// Refuses numbers that JSON cannot hold.
    pub fn check(&self) -> Result<()> {
        let numbers = self.numbers.iter().map(|(name, x)| (name, *x));
        let series = self.series.iter().flat_map(|(name, values)| values.iter().map(move |x| (name, *x)));
        match numbers.chain(series).find(|(_, x)| !x.is_finite()) {
            Some((name, x)) => Err(Error::numeric(format!("the metric '{name}' is {x}"))),
            None => Ok(()),
        }
    }
}

/// Where and with what a record was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of this library.
    pub version: String,
    /// Operating system and processor.
    pub machine: String,
    /// Date of the run in UTC, `2026-11-24`.
    pub date: String,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With metrics.
    Metrics(Metrics),
    /// With an error, which is never taken for a result.
    Error(String),
}

/// One trial that was run: the unit of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Slug of the method.
    pub method: String,
    /// Version of the reproduction's code.
    pub code: u32,
    /// The trial.
    pub trial: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Where and with what.
    pub environment: Environment,
}

impl Record {
    /// Name of the record: the hash of method, code version and trial.
    pub fn key(&self) -> String {
        trial_key(&self.method, self.code, &self.trial)
    }
}

/// The hash that names a trial. It does not depend on the order of the fields.
pub fn trial_key(method: &str, code: u32, trial: &Value) -> String {
    let text = format!("{method}\n{code}\n{}", canonical(trial));
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> = map.iter().map(|(k, v)| (k, canonical(v))).collect();
            Value::Object(sorted.into_iter().map(|(k, v)| (k.clone(), v)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

/// The records of one method, in the order of its trials.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The records.
    pub records: Vec<Record>,
}

impl Evidence {
    /// The records with metrics in a cell.
    pub fn in_cell<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = (&'a Value, &'a Metrics)> {
        self.records.iter().filter_map(move |record| match &record.outcome {
            Outcome::Metrics(metrics) if cell.contains(&record.trial) => Some((&record.trial, metrics)),
            _ => None,
        })
    }

    /// A metric in a cell by seed; trials without a field `seed` count as seed 0.
    ///
    /// Several trials of one seed (repeats over another field) are averaged, so that the seed stays the unit of the bootstrap.
    pub fn by_seed(&self, metric: &str, cell: &Cell) -> BTreeMap<u64, f64> {
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for (trial, metrics) in self.in_cell(cell) {
            if let Some(&x) = metrics.numbers.get(metric) {
                let seed = trial.get("seed").and_then(Value::as_u64).unwrap_or(0);
                let (sum, count) = sums.entry(seed).or_default();
                *sum += x;
                *count += 1.0;
            }
        }
        sums.into_iter().map(|(seed, (sum, count))| (seed, sum / count)).collect()
    }

    /// Mean of a metric over the seeds of a cell, with the least and the greatest.
    pub fn summary(&self, metric: &str, cell: &Cell) -> Option<(f64, f64, f64)> {
        let values: Vec<f64> = self.by_seed(metric, cell).into_values().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        Some((mean, low, high))
    }

    /// One bar a cell: the mean of a metric over the seeds, whiskers to the least and the greatest. None where a cell has no trials.
    pub fn bars(&self, label: &str, metric: &str, cells: &[Cell]) -> Option<Mark> {
        let found: Vec<(f64, f64, f64)> = cells.iter().map(|cell| self.summary(metric, cell)).collect::<Option<_>>()?;
        Some(Mark::Bars {
            label: label.to_owned(),
            y: found.iter().map(|f| f.0).collect(),
            low: found.iter().map(|f| f.1).collect(),
            high: found.iter().map(|f| f.2).collect(),
        })
    }

    /// A line over cells at these places: the mean of a metric over the seeds, the band from the least to the greatest. Cells without
    /// trials are left out; none where all are.
    pub fn line(&self, label: &str, metric: &str, cells: impl IntoIterator<Item = (f64, Cell)>) -> Option<Mark> {
        let found: Vec<(f64, (f64, f64, f64))> =
            cells.into_iter().filter_map(|(x, cell)| Some((x, self.summary(metric, &cell)?))).collect();
        (!found.is_empty()).then(|| Mark::Line {
            label: label.to_owned(),
            x: found.iter().map(|f| f.0).collect(),
            y: found.iter().map(|f| f.1.0).collect(),
            low: found.iter().map(|f| f.1.1).collect(),
            high: found.iter().map(|f| f.1.2).collect(),
        })
    }

    /// A series of the first trial in a cell.
    pub fn series(&self, name: &str, cell: &Cell) -> Option<&[f64]> {
        self.records.iter().find_map(|record| match &record.outcome {
            Outcome::Metrics(metrics) if cell.contains(&record.trial) => metrics.series.get(name).map(Vec::as_slice),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_ignore_field_order_and_see_values_method_and_code() {
        let key = trial_key("m", 1, &json!({"a": 1, "seed": 2}));
        assert_eq!(key, trial_key("m", 1, &json!({"seed": 2, "a": 1})));
        assert_ne!(key, trial_key("m", 1, &json!({"seed": 3, "a": 1})));
        assert_ne!(key, trial_key("m", 2, &json!({"seed": 2, "a": 1})));
        assert_ne!(key, trial_key("n", 1, &json!({"seed": 2, "a": 1})));
        assert_eq!(key.len(), 32);
    }
}
