//! Tables with named, typed columns: what CSV, Parquet, pandas and polars have in common.

use crate::error::{Error, Result, suggestion};
use ndarray::{Array1, Array2};

/// The cells of one column. A missing number is NaN, a missing text `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Real numbers.
    Number(Vec<f64>),
    /// Whole numbers without missing cells.
    Integer(Vec<i64>),
    /// True or false without missing cells.
    Bool(Vec<bool>),
    /// Text.
    Text(Vec<Option<String>>),
}

impl Column {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Column::Number(v) => v.len(),
            Column::Integer(v) => v.len(),
            Column::Bool(v) => v.len(),
            Column::Text(v) => v.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `number`, `integer`, `bool` or `text`.
    pub fn kind(&self) -> &'static str {
        match self {
            Column::Number(_) => "number",
            Column::Integer(_) => "integer",
            Column::Bool(_) => "bool",
            Column::Text(_) => "text",
        }
    }

    /// First row with a missing cell (NaN or no text), counted from 0.
    pub fn first_missing(&self) -> Option<usize> {
        match self {
            Column::Number(v) => v.iter().position(|x| x.is_nan()),
            Column::Text(v) => v.iter().position(Option::is_none),
            Column::Integer(_) | Column::Bool(_) => None,
        }
    }

    /// The cells as numbers (bool as 0 and 1), or `None` for text.
    pub fn to_numbers(&self) -> Option<Vec<f64>> {
        match self {
            Column::Number(v) => Some(v.clone()),
            Column::Integer(v) => Some(v.iter().map(|&x| x as f64).collect()),
            Column::Bool(v) => Some(v.iter().map(|&x| f64::from(u8::from(x))).collect()),
            Column::Text(_) => None,
        }
    }

    /// The cells as labels for use as categories; `None` where missing.
    pub fn to_labels(&self) -> Vec<Option<String>> {
        match self {
            Column::Number(v) => v.iter().map(|x| (!x.is_nan()).then(|| x.to_string())).collect(),
            Column::Integer(v) => v.iter().map(|x| Some(x.to_string())).collect(),
            Column::Bool(v) => v.iter().map(|x| Some(x.to_string())).collect(),
            Column::Text(v) => v.clone(),
        }
    }

    /// The rows at these positions.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Column {
        match self {
            Column::Number(v) => Column::Number(rows.iter().map(|&i| v[i]).collect()),
            Column::Integer(v) => Column::Integer(rows.iter().map(|&i| v[i]).collect()),
            Column::Bool(v) => Column::Bool(rows.iter().map(|&i| v[i]).collect()),
            Column::Text(v) => Column::Text(rows.iter().map(|&i| v[i].clone()).collect()),
        }
    }
}

/// Named columns of equal length, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
}

impl Table {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column.
    ///
    /// # Errors
    /// When the name is taken or the length differs from the columns before.
    pub fn push(&mut self, name: impl Into<String>, column: Column) -> Result<()> {
        let name = name.into();
        if self.names.contains(&name) {
            return Err(Error::input(format!("column '{name}' stands twice in the table")).hint("rename one of them"));
        }
        if let Some(first) = self.columns.first()
            && first.len() != column.len()
        {
            return Err(Error::input(format!(
                "column '{name}' must have {} rows like '{}', got {}",
                first.len(),
                self.names[0],
                column.len()
            )));
        }
        self.names.push(name);
        self.columns.push(column);
        Ok(())
    }

    /// The same, for building in one expression.
    pub fn with(mut self, name: impl Into<String>, column: Column) -> Result<Self> {
        self.push(name, column)?;
        Ok(self)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The column names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Name and cells of every column, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.names.iter().map(String::as_str).zip(&self.columns)
    }

    /// The column of that name.
    ///
    /// # Errors
    /// When there is none; the message names the nearest.
    pub fn column(&self, name: &str) -> Result<&Column> {
        match self.names.iter().position(|n| n == name) {
            Some(i) => Ok(&self.columns[i]),
            None => {
                let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
                Err(Error::input(format!("there is no column '{name}'")).hint(suggestion(name, &names, "the columns are")))
            }
        }
    }

    /// The column of that name as finite numbers.
    ///
    /// # Errors
    /// When it is absent, holds text, or has a missing or infinite cell; the message names column and row.
    pub fn numbers(&self, name: &str) -> Result<Array1<f64>> {
        let column = self.column(name)?;
        let numbers = column
            .to_numbers()
            .ok_or_else(|| Error::input(format!("column '{name}' must hold numbers, got text")).hint("encode it, or leave it out"))?;
        if let Some(row) = numbers.iter().position(|x| !x.is_finite()) {
            let what = if numbers[row].is_nan() { "missing" } else { "infinite" };
            return Err(Error::input(format!("column '{name}' must be finite, got a {what} value in row {row}"))
                .hint("drop or fill such rows first"));
        }
        Ok(Array1::from_vec(numbers))
    }

    /// These columns as a table of their own, in the order asked for.
    pub fn select<S: AsRef<str>>(&self, names: &[S]) -> Result<Table> {
        let mut table = Table::new();
        for name in names {
            table.push(name.as_ref(), self.column(name.as_ref())?.clone())?;
        }
        Ok(table)
    }

    /// All columns but these.
    #[must_use]
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Table {
        let keep = |name: &str| !names.iter().any(|n| n.as_ref() == name);
        let (names, columns) = self.iter().filter(|(name, _)| keep(name)).map(|(n, c)| (n.to_owned(), c.clone())).unzip();
        Table { names, columns }
    }

    /// The rows at these positions.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Table {
        Table { names: self.names.clone(), columns: self.columns.iter().map(|c| c.take(rows)).collect() }
    }

    /// All columns as a matrix of finite numbers (rows x columns).
    pub fn matrix(&self) -> Result<Array2<f64>> {
        let mut matrix = Array2::zeros((self.n_rows(), self.n_columns()));
        for (mut target, name) in matrix.columns_mut().into_iter().zip(&self.names) {
            target.assign(&self.numbers(name)?);
        }
        Ok(matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::new()
            .with("age", Column::Number(vec![1.0, 2.5, f64::NAN]))
            .and_then(|t| t.with("region", Column::Text(vec![Some("n".into()), None, Some("s".into())])))
            .and_then(|t| t.with("count", Column::Integer(vec![3, 4, 5])))
            .unwrap()
    }

    #[test]
    fn a_missing_column_names_the_nearest() {
        let error = table().column("regio").unwrap_err().to_string();
        assert_eq!(error, "there is no column 'regio'; did you mean 'region'?");
    }

    #[test]
    fn numbers_name_column_and_row() {
        assert_eq!(table().numbers("count").unwrap().to_vec(), [3.0, 4.0, 5.0]);
        assert!(table().numbers("age").unwrap_err().to_string().contains("column 'age' must be finite, got a missing value in row 2"));
        assert!(table().numbers("region").unwrap_err().to_string().contains("must hold numbers, got text"));
    }

    #[test]
    fn select_without_and_take() {
        let t = table();
        assert_eq!(t.select(&["count", "age"]).unwrap().names(), ["count", "age"]);
        assert_eq!(t.without(&["age"]).names(), ["region", "count"]);
        assert_eq!(t.take(&[2, 0]).column("count").unwrap(), &Column::Integer(vec![5, 3]));
        assert!(t.with("age", Column::Bool(vec![true; 3])).is_err());
    }
}
