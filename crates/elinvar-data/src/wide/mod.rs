//! Tables with more columns than memory, read a block of columns at a time.

mod npy;
mod parquet;
mod plink;
#[cfg(test)]
mod tests;

use crate::format::Format;
use crate::source::{Name, Source};
use crate::table::read_table;
use elinvar_core::error::nearest;
use elinvar_core::{Result, Table};
use ndarray::Array2;
use std::ops::Range;
use std::path::Path;

/// A file of numeric columns that is read in blocks of columns. NPY, Parquet and PLINK `.bed` files are read piece by piece; other
/// tables are held in memory.
pub struct WideFile {
    name: Name,
    n_rows: usize,
    names: Vec<String>,
    kind: Kind,
}

enum Kind {
    Npy(npy::Matrix),
    Parquet(parquet::Columns),
    Plink(plink::Genotypes),
    Table(Table),
}

impl WideFile {
    /// Opens a file: NPY of rank 2 (columns `x0`, `x1`, ...), Parquet, a PLINK prefix or `.bed` (columns are the variants of the
    /// `.bim`), or any other table.
    ///
    /// # Errors
    /// A file that is not there, damaged, or holds no columns.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(prefix) = plink::prefix(path) {
            let (name, genotypes, names) = plink::Genotypes::open(&prefix)?;
            return Ok(Self { name, n_rows: genotypes.n_rows(), names, kind: Kind::Plink(genotypes) });
        }
        let source = Source::open(path)?;
        let name = source.name.clone();
        match source.format {
            Format::Npy if !source.gzip => {
                let matrix = npy::Matrix::open(source)?;
                let names = (0..matrix.n_columns()).map(|j| format!("x{j}")).collect();
                Ok(Self { name, n_rows: matrix.n_rows(), names, kind: Kind::Npy(matrix) })
            }
            Format::Parquet => {
                let columns = parquet::Columns::open(source)?;
                let names = columns.names();
                Ok(Self { name, n_rows: columns.n_rows(), names, kind: Kind::Parquet(columns) })
            }
            _ => {
                let table = read_table(path)?;
                Ok(Self { name, n_rows: table.n_rows(), names: table.names().to_vec(), kind: Kind::Table(table) })
            }
        }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the columns in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of a column.
    ///
    /// # Errors
    /// A name that is not there; the message names the nearest.
    pub fn position(&self, column: &str) -> Result<usize> {
        self.names.iter().position(|name| name == column).ok_or_else(|| {
            let missing = self.name.unusable(format!("there is no column '{column}'"));
            match nearest(column, self.names.iter().map(String::as_str)) {
                Some(near) => missing.hint(format!("did you mean '{near}'?")),
                None => missing,
            }
        })
    }

    /// A run of neighbouring columns as rows of an array (columns, rows); missing cells are NaN.
    ///
    /// # Errors
    /// A file that cannot be read, or a column of text.
    pub fn block(&mut self, columns: Range<usize>) -> Result<Array2<f32>> {
        match &mut self.kind {
            Kind::Npy(matrix) => matrix.block(columns),
            Kind::Parquet(file) => file.block(columns),
            Kind::Plink(genotypes) => genotypes.block(columns),
            Kind::Table(table) => table_block(&self.name, table, &self.names[columns]),
        }
    }

    /// One column in double precision; missing cells are NaN.
    ///
    /// # Errors
    /// As [`WideFile::block`].
    pub fn column(&mut self, position: usize) -> Result<Vec<f64>> {
        match &mut self.kind {
            Kind::Table(table) => numbers(&self.name, table, &self.names[position]),
            Kind::Parquet(file) => file.column(position),
            _ => Ok(self.block(position..position + 1)?.iter().map(|&v| f64::from(v)).collect()),
        }
    }
}

fn numbers(name: &Name, table: &Table, column: &str) -> Result<Vec<f64>> {
    table.column(column)?.to_numbers().ok_or_else(|| not_numeric(name, column))
}

fn not_numeric(name: &Name, column: &str) -> elinvar_core::Error {
    name.unusable(format!("column '{column}' must hold numbers, got text")).hint("leave it out, or code it as numbers")
}

fn table_block(name: &Name, table: &Table, columns: &[String]) -> Result<Array2<f32>> {
    let mut block = Array2::zeros((columns.len(), table.n_rows()));
    for (mut row, column) in block.outer_iter_mut().zip(columns) {
        row.iter_mut().zip(numbers(name, table, column)?).for_each(|(cell, value)| *cell = value as f32);
    }
    Ok(block)
}
