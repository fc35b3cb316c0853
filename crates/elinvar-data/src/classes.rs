//! Labels of classification: what they are called, and their numbers.

use elinvar_core::{Column, Error, Result, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The distinct labels in rising order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classes(Vec<Value>);

impl Classes {
    /// The labels.
    pub fn labels(&self) -> &[Value] {
        &self.0
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A label as a person writes it.
    pub fn name(&self, class: usize) -> String {
        match self.0.get(class) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// Classes and class numbers of a column of labels.
    ///
    /// # Errors
    /// A missing label, or fewer than two classes.
    pub fn of(labels: &Column) -> Result<(Self, Vec<usize>)> {
        if let Some(row) = labels.first_missing() {
            return Err(Error::input(format!("y has no label in row {row}")));
        }
        if let Column::Number(numbers) = labels
            && let Some(row) = numbers.iter().position(|x| !x.is_finite() || x.fract() != 0.0)
        {
            return Err(Error::input(format!("y must hold labels (whole numbers or text), got {} in row {row}", numbers[row])));
        }
        let (names, codes) = match labels {
            Column::Number(v) => sorted(&v.iter().map(|&x| x as i64).collect::<Vec<_>>()),
            Column::Integer(v) => sorted(v),
            Column::Bool(v) => sorted(v),
            Column::Text(v) => sorted(&v.iter().flatten().cloned().collect::<Vec<_>>()),
        };
        match names.as_slice() {
            [] => Err(Error::input("a classifier needs at least 2 classes, got no labels")),
            [one] => Err(Error::input(format!("a classifier needs at least 2 classes, got one class: {one}"))),
            _ => Ok((Self(names), codes)),
        }
    }

    /// Class numbers of a column of labels; none for labels that are no class.
    ///
    /// # Errors
    /// A missing label.
    pub fn codes(&self, labels: &Column) -> Result<Vec<Option<usize>>> {
        if let Some(row) = labels.first_missing() {
            return Err(Error::input(format!("y has no label in row {row}")));
        }
        let names: Vec<String> = (0..self.len()).map(|class| self.name(class)).collect();
        Ok(labels.to_labels().into_iter().map(|label| names.iter().position(|name| Some(name) == label.as_ref())).collect())
    }

    /// Labels of class numbers, in the type of the fit.
    pub fn column(&self, codes: &[usize]) -> Column {
        let picked = codes.iter().map(|&code| &self.0[code]);
        match self.0.first() {
            Some(Value::Bool(_)) => Column::Bool(picked.map(|v| v.as_bool().unwrap_or_default()).collect()),
            Some(Value::Number(_)) => Column::Integer(picked.map(|v| v.as_i64().unwrap_or_default()).collect()),
            _ => Column::Text(picked.map(|v| v.as_str().map(str::to_owned)).collect()),
        }
    }
}

/// Distinct values in rising order, and the place of each.
fn sorted<T: Ord + Clone>(values: &[T]) -> (Vec<Value>, Vec<usize>)
where
    Value: From<T>,
{
    let mut distinct = values.to_vec();
    distinct.sort();
    distinct.dedup();
    let codes = values.iter().map(|value| distinct.binary_search(value).unwrap_or(0)).collect();
    (distinct.into_iter().map(Value::from).collect(), codes)
}

/// The one column of a table of labels.
///
/// # Errors
/// Another number of columns.
pub fn only_column(table: &Table, what: &str) -> Result<Column> {
    let mut columns = table.iter();
    match (columns.next(), columns.next()) {
        (Some((_, column)), None) => Ok(column.clone()),
        _ => Err(Error::input(format!("'{what}' must be one column, got {}", table.n_columns()))),
    }
}
