//! Cross-validation: rows that a fit does not see, and how well it predicts them.

use crate::bundle::{Bundle, Item};
use crate::error::{Error, Result};
use crate::random::stream;
use crate::reproduction::Metrics;
use crate::table::{Column, Table};
use crate::validation;
use std::collections::BTreeSet;

/// The outcome that predictions are held against.
pub(super) const OUTCOME: &str = "y";

/// Which rows belong to which fold.
#[derive(Clone, Debug)]
pub(super) struct Folds {
    pub(super) count: usize,
    of_row: Vec<usize>,
}

impl Folds {
    /// Shuffled folds of equal size; where the outcome is a class, each has its share of every class.
    pub(super) fn new(count: usize, data: &Bundle<'_>, seed: u64) -> Result<Self> {
        let outcome = data.table(OUTCOME)?;
        let rows = outcome.n_rows();
        if count < 2 || count > rows {
            return Err(Error::parameter("folds", format!("a number from 2 to the {rows} rows"), count));
        }
        let classes = codes(&outcome, count).unwrap_or_else(|| vec![0; rows]);
        let of_row = validation::stratified_folds(&classes, count, &mut stream(seed, &[("folds", count as u64)]))?;
        Ok(Self { count, of_row })
    }

    /// Rows to fit on, and rows that are held out.
    pub(super) fn rows(&self, fold: usize) -> (Vec<usize>, Vec<usize>) {
        validation::split(&self.of_row, fold)
    }
}

/// The class of every row, where the outcome is one column of classes that each have a row for every fold.
fn codes(outcome: &Table, folds: usize) -> Option<Vec<usize>> {
    let (_, column) = outcome.iter().next().filter(|(_, column)| !matches!(column, Column::Number(_)))?;
    let labels = column.to_labels();
    let classes: Vec<&Option<String>> = BTreeSet::from_iter(&labels).into_iter().collect();
    let codes: Vec<usize> = labels.iter().filter_map(|label| classes.binary_search(&label).ok()).collect();
    let enough = (0..classes.len()).all(|class| codes.iter().filter(|&&code| code == class).count() >= folds);
    enough.then_some(codes)
}

/// What [`score`] can find where a prediction has these parts.
pub(super) fn metrics(parts: &[&str]) -> Vec<&'static str> {
    let of_labels = parts.contains(&"labels").then_some("accuracy");
    let of_numbers = if parts.contains(&"prediction") { &["r2", "rmse", "mae"][..] } else { &[] };
    of_labels.into_iter().chain(of_numbers.iter().copied()).collect()
}

/// How well predictions meet the outcome: `accuracy` of labels; `r2`, `rmse` and `mae` of numbers.
pub(super) fn score(predicted: &Bundle<'_>, held_out: &Bundle<'_>) -> Result<Metrics> {
    if predicted.get("labels").is_some() {
        return accuracy(predicted, held_out);
    }
    if predicted.get("prediction").is_none() {
        return Err(Error::input("cross-validation needs a task 'predict' that gives labels or a prediction").hint("sweep without folds"));
    }
    let (found, truth) = (predicted.vector("prediction")?, held_out.vector(OUTCOME)?);
    let n = truth.len() as f64;
    let mean = truth.sum() / n;
    let [mut squares, mut scatter, mut distance] = [0.0; 3];
    for (p, y) in found.iter().zip(&truth) {
        squares += (y - p) * (y - p);
        scatter += (y - mean) * (y - mean);
        distance += (y - p).abs();
    }
    let metrics = Metrics::new().with("rmse", (squares / n).sqrt()).with("mae", distance / n);
    // One row, or equal outcomes, have no scatter to explain.
    Ok(if scatter > 0.0 { metrics.with("r2", 1.0 - squares / scatter) } else { metrics })
}

fn accuracy(predicted: &Bundle<'_>, held_out: &Bundle<'_>) -> Result<Metrics> {
    let labels = |bundle: &Bundle<'_>, name: &str| -> Result<Vec<Option<String>>> {
        Ok(bundle.table(name)?.iter().flat_map(|(_, column)| column.to_labels()).collect())
    };
    let (found, truth) = (labels(predicted, "labels")?, labels(held_out, OUTCOME)?);
    let (found, truth): (Vec<_>, Vec<_>) = found.into_iter().zip(truth).filter(|(_, y)| y.is_some()).unzip();
    Ok(Metrics::new().with("accuracy", validation::accuracy(&found, &truth)))
}

/// The rows of every input that has rows.
pub(super) fn take(data: &Bundle<'static>, rows: &[usize], of: usize) -> Result<Bundle<'static>> {
    let mut taken = Bundle::new();
    for (name, item) in data.iter() {
        taken.insert(name, take_item(name, item, rows, of)?);
    }
    Ok(taken)
}

fn take_item(name: &str, item: &Item<'static>, rows: &[usize], of: usize) -> Result<Item<'static>> {
    use ndarray::Axis;
    let count = match item {
        Item::Array(a) => a.shape().first().copied(),
        Item::Array32(a) => a.shape().first().copied(),
        Item::Integers(a) => a.shape().first().copied(),
        Item::Table(t) => Some(t.n_rows()),
        Item::Sparse(m) => Some(m.n_rows()),
        Item::Document { .. } | Item::Json(_) | Item::Function(_) => None,
    };
    match (item, count) {
        (Item::Sparse(_), _) => Err(Error::input(format!("'{name}' is sparse, and cross-validation takes dense data"))),
        (_, Some(count)) if count != of => {
            Err(Error::input(format!("cross-validation needs {of} rows of '{name}', as many as '{OUTCOME}' has, got {count}")))
        }
        (Item::Array(a), Some(_)) => Ok(Item::Array(a.select(Axis(0), rows).into())),
        (Item::Array32(a), Some(_)) => Ok(Item::Array32(a.select(Axis(0), rows).into())),
        (Item::Integers(a), Some(_)) => Ok(Item::Integers(a.select(Axis(0), rows))),
        (Item::Table(t), _) => Ok(Item::Table(t.take(rows))),
        (other, _) => Ok(other.clone()),
    }
}
