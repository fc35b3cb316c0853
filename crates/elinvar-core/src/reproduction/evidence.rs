//! What trials measured: records, their keys, and questions asked of many of them.

use super::claim::Cell;
use super::figure::Mark;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// A value of a trial in little memory.
#[derive(Clone, Debug)]
enum Compact {
    Absent,
    Number(Number),
    Text(Arc<str>),
    /// `null`, true, false, a list or a table.
    Other(Box<Value>),
}

impl Compact {
    fn value(&self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Number(number) => Some(Value::Number(number.clone())),
            Self::Text(text) => Some(Value::from(&**text)),
            Self::Other(value) => Some((**value).clone()),
        }
    }

    /// Whether it is a value that is wanted. Numbers are compared as numbers: 40 is 40.0.
    fn is(&self, wanted: &Value) -> bool {
        match self {
            Self::Absent => false,
            Self::Number(number) => number.as_f64().zip(wanted.as_f64()).is_some_and(|(x, y)| x == y),
            Self::Text(text) => wanted.as_str() == Some(text),
            Self::Other(value) => **value == *wanted,
        }
    }
}

/// Named series.
type Series = BTreeMap<String, Vec<f64>>;

/// The records of one method, in the order of its trials.
///
/// They are kept column by column, so that a million small ones take a few hundred megabytes.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    method: String,
    fields: Vec<(String, Vec<Compact>)>,
    /// NaN where a trial has no such number.
    numbers: Vec<(String, Vec<f64>)>,
    series: Vec<Option<Box<Series>>>,
    errors: Vec<Option<Box<str>>>,
    seconds: Vec<f64>,
    codes: Vec<u32>,
    /// Positions in `environments`.
    places: Vec<u32>,
    environments: Vec<Environment>,
    /// Every text of a trial once.
    texts: BTreeSet<Arc<str>>,
}

/// The column of that name, made where there is none; `rows` rows long at least.
fn column<'a, T: Clone>(columns: &'a mut Vec<(String, Vec<T>)>, name: &str, rows: usize, absent: T) -> &'a mut Vec<T> {
    let position = columns.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        columns.push((name.to_owned(), Vec::new()));
        columns.len() - 1
    });
    let column = &mut columns[position].1;
    column.resize(rows, absent);
    column
}

fn of_row<T: Clone>(columns: &[(String, Vec<T>)], row: usize) -> impl Iterator<Item = (&String, &T)> {
    columns.iter().filter_map(move |(name, values)| Some((name, values.get(row)?)))
}

impl FromIterator<Record> for Evidence {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut evidence = Self::default();
        evidence.extend(records);
        evidence
    }
}

impl Extend<Record> for Evidence {
    fn extend<I: IntoIterator<Item = Record>>(&mut self, records: I) {
        records.into_iter().for_each(|record| self.push(record));
    }
}

impl Evidence {
    /// Adds a record at the end.
    pub fn push(&mut self, record: Record) {
        let row = self.len();
        for (name, value) in record.trial.as_object().into_iter().flatten() {
            let value = self.compact(value);
            column(&mut self.fields, name, row, Compact::Absent).push(value);
        }
        let (metrics, error) = match record.outcome {
            Outcome::Metrics(metrics) => (metrics, None),
            Outcome::Error(text) => (Metrics::new(), Some(text.into_boxed_str())),
        };
        for (name, &x) in &metrics.numbers {
            column(&mut self.numbers, name, row, f64::NAN).push(x);
        }
        self.series.push((!metrics.series.is_empty()).then(|| Box::new(metrics.series)));
        self.errors.push(error);
        self.seconds.push(record.seconds);
        self.codes.push(record.code);
        let known = self.environments.iter().rposition(|known| *known == record.environment);
        let place = known.unwrap_or_else(|| {
            self.environments.push(record.environment);
            self.environments.len() - 1
        });
        self.places.push(place as u32);
        self.method = record.method;
    }

    fn compact(&mut self, value: &Value) -> Compact {
        match value {
            Value::Number(number) => Compact::Number(number.clone()),
            Value::String(text) => Compact::Text(self.interned(text)),
            other => Compact::Other(Box::new(other.clone())),
        }
    }

    fn interned(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.texts.insert(text.clone());
        text
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Number of records with an error in place of metrics.
    pub fn failed(&self) -> usize {
        self.errors.iter().flatten().count()
    }

    /// Wall-clock seconds of all trials.
    pub fn seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }

    /// Name of the method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Name of the record of a row.
    pub fn key(&self, row: usize) -> String {
        trial_key(&self.method, self.codes[row], &self.trial(row))
    }

    /// Version of the code that ran the trial of a row.
    pub fn code(&self, row: usize) -> u32 {
        self.codes[row]
    }

    /// Wall-clock seconds of the trial of a row.
    pub fn seconds_of(&self, row: usize) -> f64 {
        self.seconds[row]
    }

    /// Where and with what the trial of a row was run.
    pub fn environment(&self, row: usize) -> &Environment {
        &self.environments[self.places[row] as usize]
    }

    /// The record of a row.
    pub fn record(&self, row: usize) -> Record {
        let outcome = match &self.errors[row] {
            Some(text) => Outcome::Error(text.to_string()),
            None => Outcome::Metrics(Metrics {
                numbers: of_row(&self.numbers, row).filter(|(_, x)| !x.is_nan()).map(|(name, &x)| (name.clone(), x)).collect(),
                series: self.series[row].as_deref().cloned().unwrap_or_default(),
            }),
        };
        Record {
            method: self.method.clone(),
            code: self.codes[row],
            trial: self.trial(row),
            outcome,
            seconds: self.seconds[row],
            environment: self.environment(row).clone(),
        }
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        (0..self.len()).map(|row| self.record(row))
    }

    /// The trial of a row.
    pub fn trial(&self, row: usize) -> Value {
        Value::Object(of_row(&self.fields, row).filter_map(|(name, value)| Some((name.clone(), value.value()?))).collect())
    }

    /// Names of the fields of the trials, in the order in which they first appear.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// A field of the trial of a row.
    pub fn field(&self, row: usize, name: &str) -> Option<Value> {
        let (_, values) = self.fields.iter().find(|(known, _)| known == name)?;
        values.get(row)?.value()
    }

    /// Names of the numbers that trials measured.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().map(|(name, _)| name.as_str())
    }

    /// A number that the trial of a row measured.
    pub fn number(&self, row: usize, name: &str) -> Option<f64> {
        let (_, values) = self.numbers.iter().find(|(known, _)| known == name)?;
        values.get(row).copied().filter(|x| !x.is_nan())
    }

    /// The error of a row, where its trial failed.
    pub fn error(&self, row: usize) -> Option<&str> {
        self.errors[row].as_deref()
    }

    /// The rows in a cell, failed ones too.
    pub fn all_in_cell<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = usize> + 'a {
        let find = |name: &str| self.fields.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, values)| values);
        let conditions: Vec<(&[Compact], &Value)> = cell.0.iter().map(|(name, wanted)| (find(name), wanted)).collect();
        (0..self.len()).filter(move |&row| conditions.iter().all(|(values, wanted)| values.get(row).is_some_and(|value| value.is(wanted))))
    }

    /// The rows with metrics in a cell.
    pub fn in_cell<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = usize> + 'a {
        self.all_in_cell(cell).filter(|&row| self.errors[row].is_none())
    }

    /// The seed of a row; trials without a field `seed` count as seed 0.
    pub(super) fn seed(&self, row: usize) -> u64 {
        self.field(row, "seed").and_then(|seed| seed.as_u64()).unwrap_or(0)
    }

    /// A metric in a cell by seed; trials without a field `seed` count as seed 0.
    ///
    /// Several trials of one seed (repeats over another field) are averaged, so that the seed stays the unit of the bootstrap.
    pub fn by_seed(&self, metric: &str, cell: &Cell) -> BTreeMap<u64, f64> {
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for row in self.in_cell(cell) {
            if let Some(x) = self.number(row, metric) {
                let (sum, count) = sums.entry(self.seed(row)).or_default();
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
        self.in_cell(cell).find_map(|row| self.series[row].as_ref()?.get(name)).map(Vec::as_slice)
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

    fn record(trial: Value, outcome: Outcome, date: &str) -> Record {
        let environment = Environment { date: date.into(), ..Environment::default() };
        Record { method: "m".into(), code: 3, trial, outcome, seconds: 0.5, environment }
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        let loss = |x| Outcome::Metrics(Metrics::new().with("loss", x));
        let curve = Metrics::new().with("other", 2.0).with_series("curve", [1.0, 0.5]);
        let records = vec![
            record(json!({"arm": "ours", "seed": 0}), loss(0.25), "a"),
            record(json!({"arm": "ours", "seed": 1, "width": [3, 4], "lr": 1e-3}), Outcome::Metrics(curve), "b"),
            record(json!({"arm": "base", "seed": 0, "on": true, "none": null}), Outcome::Error("no".into()), "a"),
            record(json!({"seed": 9}), loss(4.0), "b"),
        ];
        let evidence: Evidence = records.iter().cloned().collect();
        assert_eq!(evidence.records().collect::<Vec<_>>(), records);
        assert_eq!((evidence.len(), evidence.failed(), evidence.seconds()), (4, 1, 2.0));
        assert_eq!(evidence.all_in_cell(&Cell::of("seed", 0.0)).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(evidence.in_cell(&Cell::of("seed", 0)).collect::<Vec<_>>(), [0]);
        assert_eq!(evidence.in_cell(&Cell::of("width", json!([3, 4]))).collect::<Vec<_>>(), [1]);
        assert_eq!(evidence.in_cell(&Cell::of("none", 1)).count(), 0);
        assert_eq!((evidence.number(3, "loss"), evidence.number(1, "loss")), (Some(4.0), None));
        assert_eq!(evidence.series("curve", &Cell::of("seed", 1)), Some(&[1.0, 0.5][..]));
        assert_eq!(evidence.record(1).key(), records[1].key());
    }
}
