//! Protected columns as numbers whose Euclidean distances mean something: levels at equal distance, ranges of length 1.

use super::params::{AttributeType, Types};
use elinvar_core::error::suggestion;
use elinvar_core::{Column, Error, Result, Table};
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// An integer column with at most this many levels is taken as categorical.
const FEW_LEVELS: usize = 20;

/// One protected attribute, encoded: columns of numbers, and the level of each row where it is categorical.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Name of the attribute.
    pub name: String,
    /// Columns, each with one number a row.
    pub columns: Vec<Vec<f64>>,
}

impl Block {
    /// A block from columns.
    pub fn new(name: impl Into<String>, columns: Vec<Vec<f64>>) -> Self {
        Self { name: name.into(), columns }
    }

    /// A block of one column.
    pub fn column(name: impl Into<String>, values: ArrayView1<'_, f64>) -> Self {
        Self::new(name, vec![values.to_vec()])
    }

    /// A block from a matrix (rows x columns).
    pub fn matrix(name: impl Into<String>, values: ArrayView2<'_, f64>) -> Self {
        Self::new(name, values.columns().into_iter().map(|c| c.to_vec()).collect())
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// The rows at these positions.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Block {
        Self::new(self.name.clone(), self.columns.iter().map(|c| rows.iter().map(|&i| c[i]).collect()).collect())
    }
}

/// The encoded protected attributes of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protected {
    /// One block an attribute.
    pub blocks: Vec<Block>,
}

impl Protected {
    /// Attributes from blocks of equal length.
    pub fn new(blocks: Vec<Block>) -> Self {
        Self { blocks }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.blocks.first().map_or(0, Block::n_rows)
    }

    /// The rows at these positions.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Protected {
        Self::new(self.blocks.iter().map(|b| b.take(rows)).collect())
    }

    /// One attribute alone.
    #[must_use]
    pub fn only(&self, block: usize) -> Protected {
        Self::new(vec![self.blocks[block].clone()])
    }
}

/// How one attribute is turned into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Coding {
    /// Levels in sorted order.
    Categorical {
        /// The levels.
        levels: Vec<String>,
    },
    /// Range on the training rows.
    Continuous {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
}

/// The fitted encoding of protected columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    /// Name and coding of every attribute.
    pub attributes: Vec<(String, Coding)>,
}

impl Encoder {
    /// Learns levels and ranges. Bool, text and integers of few levels are categorical, real numbers continuous, unless `types` says
    /// otherwise.
    ///
    /// # Errors
    /// A missing value (with its row), a column with one level, or a type for a column that is not there.
    pub fn fit(protected: &Table, types: &Types) -> Result<Self> {
        let names: Vec<&str> = protected.names().iter().map(String::as_str).collect();
        if let Some(stranger) = types.keys().find(|t| !names.contains(&t.as_str())) {
            return Err(Error::parameter("types", "about protected columns", format!("'{stranger}'")).hint(suggestion(
                stranger,
                &names,
                "the protected columns are",
            )));
        }
        let attributes = protected.iter().map(|(name, column)| Ok((name.to_owned(), learn(name, column, types.get(name))?)));
        Ok(Self { attributes: attributes.collect::<Result<_>>()? })
    }

    /// Encodes rows.
    ///
    /// # Errors
    /// A column that is not there, a missing value or a category that was not seen when the encoding was learned.
    pub fn encode(&self, protected: &Table) -> Result<Protected> {
        let block = |(name, coding): &(String, Coding)| encode(name, coding, protected.column(name)?);
        Ok(Protected::new(self.attributes.iter().map(block).collect::<Result<_>>()?))
    }

    /// Learns and encodes in one step.
    pub fn fit_encode(protected: &Table, types: &Types) -> Result<(Self, Protected)> {
        let encoder = Self::fit(protected, types)?;
        let encoded = encoder.encode(protected)?;
        Ok((encoder, encoded))
    }

    /// A label for each row and attribute; continuous attributes are cut into `bins` of equal frequency.
    pub fn labels(&self, protected: &Table, bins: usize) -> Result<Vec<Vec<String>>> {
        let labels = |(name, coding): &(String, Coding)| {
            let column = protected.column(name)?;
            match coding {
                Coding::Categorical { .. } => Ok(column.to_labels().into_iter().map(Option::unwrap_or_default).collect()),
                Coding::Continuous { .. } => Ok(bin_labels(&finite(name, column)?, bins)),
            }
        };
        self.attributes.iter().map(labels).collect()
    }
}

fn learn(name: &str, column: &Column, stated: Option<&AttributeType>) -> Result<Coding> {
    refuse_missing(name, column)?;
    let categorical = match stated {
        Some(kind) => *kind == AttributeType::Categorical,
        None => match column {
            Column::Bool(_) | Column::Text(_) => true,
            Column::Integer(_) => levels(column).len() <= FEW_LEVELS,
            Column::Number(_) => false,
        },
    };
    let one_level = || Error::input(format!("column '{name}' has one level: no dependence can be measured")).hint("leave it out");
    if categorical {
        let levels = levels(column);
        return if levels.len() < 2 { Err(one_level()) } else { Ok(Coding::Categorical { levels }) };
    }
    let values = finite(name, column)?;
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // A range below the smallest normal number cannot be scaled to 1.
    if max - min < f64::MIN_POSITIVE { Err(one_level()) } else { Ok(Coding::Continuous { min, max }) }
}

fn encode(name: &str, coding: &Coding, column: &Column) -> Result<Block> {
    refuse_missing(name, column)?;
    match coding {
        Coding::Continuous { min, max } => {
            let scaled = finite(name, column)?.into_iter().map(|x| (x - min) / (max - min)).collect();
            Ok(Block::new(name, vec![scaled]))
        }
        Coding::Categorical { levels } => {
            let codes = codes(name, levels, column)?;
            let one_hot = |level: usize| codes.iter().map(|&c| f64::from(u8::from(c == level))).collect();
            // Two levels need one column: they are at distance 1.
            let columns = if levels.len() == 2 { vec![one_hot(1)] } else { (0..levels.len()).map(one_hot).collect() };
            Ok(Block::new(name, columns))
        }
    }
}

fn codes(name: &str, levels: &[String], column: &Column) -> Result<Vec<usize>> {
    let find = |(row, label): (usize, Cow<'_, str>)| {
        levels.binary_search_by(|level| level.as_str().cmp(&label)).map_err(|_| {
            Error::input(format!("column '{name}' has the category '{label}' in row {row}, which was not there when the model was fitted"))
                .hint(format!("the categories are: {}", levels.join(", ")))
        })
    };
    labels(column).into_iter().enumerate().map(find).collect()
}

/// The labels of a column without missing cells; text is not copied.
fn labels(column: &Column) -> Vec<Cow<'_, str>> {
    match column {
        Column::Text(cells) => cells.iter().map(|cell| Cow::Borrowed(cell.as_deref().unwrap_or_default())).collect(),
        other => other.to_labels().into_iter().map(|label| Cow::Owned(label.unwrap_or_default())).collect(),
    }
}

/// The distinct labels in sorted order.
fn levels(column: &Column) -> Vec<String> {
    let distinct: BTreeSet<Cow<'_, str>> = labels(column).into_iter().collect();
    distinct.into_iter().map(Cow::into_owned).collect()
}

fn refuse_missing(name: &str, column: &Column) -> Result<()> {
    match column.first_missing() {
        Some(row) => Err(Error::input(format!("column '{name}' has a missing value in row {row}")).hint("drop or fill such rows first")),
        None => Ok(()),
    }
}

fn finite(name: &str, column: &Column) -> Result<Vec<f64>> {
    let values = column.to_numbers().ok_or_else(|| {
        Error::input(format!("column '{name}' must hold numbers to be continuous, got text")).hint("state its type as 'categorical'")
    })?;
    match values.iter().position(|x| !x.is_finite()) {
        Some(row) => Err(Error::input(format!("column '{name}' must be finite, got {} in row {row}", values[row]))),
        None => Ok(values),
    }
}

fn bin_labels(values: &[f64], bins: usize) -> Vec<String> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (0..=bins).map(|b| sorted[(b * (sorted.len() - 1)) / bins]).collect();
    edges.dedup();
    let label = |x: &f64| {
        let upper = edges.iter().skip(1).position(|e| x <= e).unwrap_or(edges.len().saturating_sub(2));
        // The least value belongs to the first bin; every other lower edge to the bin before.
        let open = if upper == 0 { '[' } else { '(' };
        format!("{open}{}, {}]", edges[upper], edges[(upper + 1).min(edges.len() - 1)])
    };
    values.iter().map(label).collect()
}
