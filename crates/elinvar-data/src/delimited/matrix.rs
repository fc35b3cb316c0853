//! From text to a matrix of numbers, with or without a header.

use super::{Text, cells, is_missing, shown};
use crate::source::Name;
use csv::StringRecord;
use elinvar_core::Result;
use ndarray::Array2;

/// Reads rows of numbers; a missing cell is NaN. The first line is a header when one of its cells is no number.
///
/// # Errors
/// When a record is ragged or a cell is no number.
pub(crate) fn read(name: &Name, bytes: &[u8], tabs_first: bool) -> Result<Array2<f64>> {
    let text = Text::open(name, bytes, tabs_first)?;
    let mut header: Option<Vec<String>> = None;
    let (mut values, mut rows) = (Vec::new(), 0);
    text.records(|record| {
        let names = match &header {
            Some(names) => names,
            None => {
                let is_header = record.iter().any(|cell| number(cell).is_none());
                let names = header.insert(column_names(record, is_header));
                if is_header {
                    return Ok(());
                }
                names
            }
        };
        if record.len() != names.len() {
            let line = text.line(record);
            return Err(text.name.unusable(format!("line {line} has {} where the first line has {}", cells(record.len()), names.len())));
        }
        for (cell, column) in record.iter().zip(names) {
            values.push(number(cell).ok_or_else(|| {
                let place = format!("line {}, column {}", text.line(record), shown(column));
                let hint = "cells are separated by one of , ; | or a tab, and decimals by a point";
                text.name.unusable(format!("{place}: expected a number, got {}", shown(cell))).hint(hint)
            })?);
        }
        rows += 1;
        Ok(())
    })?;
    let columns = header.map_or(0, |names| names.len());
    Array2::from_shape_vec((rows, columns), values).map_err(|e| name.damaged(&e).caused_by(e))
}

fn column_names(record: &StringRecord, is_header: bool) -> Vec<String> {
    match is_header {
        true => record.iter().map(|cell| cell.trim().to_owned()).collect(),
        false => (1..=record.len()).map(|i| i.to_string()).collect(),
    }
}

fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    if is_missing(cell) { Some(f64::NAN) } else { cell.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn matrix(text: &str) -> Result<Array2<f64>> {
        read(&Name::new("m.csv"), text.as_bytes(), false)
    }

    #[test]
    fn with_and_without_header() {
        assert_eq!(matrix("1,2\n3,4.5\n").unwrap(), array![[1.0, 2.0], [3.0, 4.5]]);
        assert_eq!(matrix("a,b\n3,4.5\n").unwrap(), array![[3.0, 4.5]]);
        assert_eq!(matrix("7\n8\n").unwrap(), array![[7.0], [8.0]]);
        assert!(matrix("1,NA\n").unwrap()[[0, 1]].is_nan());
        assert_eq!(matrix("a,b\n").unwrap().dim(), (0, 2));
    }

    #[test]
    fn bad_cells_are_named() {
        let hint = "; cells are separated by one of , ; | or a tab, and decimals by a point";
        let message = |text| matrix(text).unwrap_err().to_string();
        assert_eq!(message("a,b\n1,2\n3,x\n"), format!("m.csv: line 3, column 'b': expected a number, got 'x'{hint}"));
        assert_eq!(message("1,2\n3,x\n"), format!("m.csv: line 2, column '2': expected a number, got 'x'{hint}"));
        assert_eq!(message("1,2\n3\n"), "m.csv: line 2 has 1 cell where the first line has 2");
    }
}
