//! Features as a matrix: numbers as they are, text one-hot.

use elinvar_core::{Bundle, Column, Error, Item, Result, Table, check_finite};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Names of the feature columns, and the levels of those that hold text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    columns: Vec<(String, Option<Vec<String>>)>,
}

/// A text column of more levels than this, and of more than half as many as rows, names rows instead of grouping them.
const MANY_LEVELS: usize = 50;

impl Features {
    /// Learns the columns of a table.
    ///
    /// # Errors
    /// A text column that has almost a level of its own for every row.
    pub fn fit(table: &Table) -> Result<Self> {
        let columns = table.iter().map(|(name, column)| Ok((name.to_owned(), levels(name, column)?)));
        Ok(Self { columns: columns.collect::<Result<_>>()? })
    }

    /// Names of the matrix columns: `age`, `region=north`.
    pub fn names(&self) -> Vec<String> {
        let names = |(name, levels): &(String, Option<Vec<String>>)| match levels {
            None => vec![name.clone()],
            Some(levels) => levels.iter().map(|l| format!("{name}={l}")).collect(),
        };
        self.columns.iter().flat_map(names).collect()
    }

    /// The matrix (rows x columns) of a table with these columns, in any order.
    ///
    /// # Errors
    /// A column that is absent, a missing value, or a category that was not seen before.
    pub fn matrix(&self, table: &Table) -> Result<Array2<f64>> {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for (name, levels) in &self.columns {
            match levels {
                None => columns.push(table.numbers(name)?.to_vec()),
                Some(levels) => columns.extend(one_hot(name, levels, table.column(name)?)?),
            }
        }
        Ok(Array2::from_shape_fn((table.n_rows(), columns.len()), |(i, j)| columns[j][i]))
    }
}

/// The sorted levels of a text column; none of a column of numbers.
fn levels(name: &str, column: &Column) -> Result<Option<Vec<String>>> {
    let Column::Text(cells) = column else { return Ok(None) };
    let mut levels: Vec<String> = cells.iter().flatten().cloned().collect();
    levels.sort();
    levels.dedup();
    if levels.len() > MANY_LEVELS && 2 * levels.len() > cells.len() {
        let message = format!("column '{name}' has {} levels in {} rows: it names rows and is no feature", levels.len(), cells.len());
        return Err(Error::input(message).hint("leave it out, or name the features (--features)"));
    }
    Ok(Some(levels))
}

fn one_hot(name: &str, levels: &[String], column: &Column) -> Result<Vec<Vec<f64>>> {
    let mut codes = Vec::with_capacity(column.len());
    for (row, label) in column.to_labels().into_iter().enumerate() {
        let label = label.ok_or_else(|| Error::input(format!("column '{name}' has a missing value in row {row}")))?;
        let code = levels.iter().position(|l| *l == label).ok_or_else(|| {
            Error::input(format!("column '{name}' has the category '{label}' in row {row}, which was not there when the model was fitted"))
        })?;
        codes.push(code);
    }
    Ok((0..levels.len()).map(|level| codes.iter().map(|&c| f64::from(u8::from(c == level))).collect()).collect())
}

/// Features as they come in: a matrix, or a table that may hold text.
#[derive(Clone, Debug)]
pub enum Design {
    /// Numbers (n, d).
    Matrix(Array2<f64>),
    /// Named columns.
    Table(Table),
}

impl Design {
    /// Reads the input of that name.
    pub fn from_bundle(bundle: &Bundle<'_>, name: &str) -> Result<Self> {
        match bundle.require(name)? {
            Item::Table(table) => Ok(Design::Table(table.clone())),
            _ => {
                let matrix = bundle.matrix(name)?;
                check_finite(name, matrix.view())?;
                Ok(Design::Matrix(matrix.into_owned()))
            }
        }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Design::Matrix(m) => m.nrows(),
            Design::Table(t) => t.n_rows(),
        }
    }

    /// Learns the columns and gives the matrix. Columns that `without` names are left out of a table.
    pub fn fit(&self, without: &[String]) -> Result<(Features, Array2<f64>)> {
        match self {
            Design::Matrix(m) => Ok((Features { columns: (0..m.ncols()).map(|j| (format!("x{j}"), None)).collect() }, m.clone())),
            Design::Table(table) => {
                let table = table.without(without);
                let features = Features::fit(&table)?;
                let matrix = features.matrix(&table)?;
                Ok((features, matrix))
            }
        }
    }

    /// The matrix for features that were learned before.
    pub fn apply(&self, features: &Features) -> Result<Array2<f64>> {
        match self {
            Design::Table(table) => features.matrix(table),
            Design::Matrix(m) if m.ncols() == features.names().len() => Ok(m.clone()),
            Design::Matrix(m) => {
                Err(Error::input(format!("X has {} features, the model was fitted with {}", m.ncols(), features.names().len())))
            }
        }
    }
}
