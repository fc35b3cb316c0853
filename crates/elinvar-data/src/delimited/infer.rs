//! From text to a table: one pass finds the type of each column, a second fills it.

use super::{Text, is_missing, shown};
use crate::source::Name;
use csv::StringRecord;
use elinvar_core::{Column, Result, Table};
use std::collections::HashMap;

/// A column of which so many cells are numbers is meant as numbers if nearly all are.
const ENOUGH_NUMBERS: usize = 4;
/// Then one cell in so many may be something else before the column counts as text.
const ODD_SHARE: usize = 100;

/// Reads a table with a header.
///
/// # Errors
/// When a column has no name, a name stands for two different columns, a record is ragged, or a cell is no number in a column of
/// numbers. A column that only repeats another under the same name is left out.
pub(crate) fn read(name: &Name, bytes: &[u8], tabs_first: bool) -> Result<Table> {
    let text = Text::open(name, bytes, tabs_first)?;
    let (header, profiles) = survey(&text)?;
    let mut builders = Vec::with_capacity(profiles.len());
    for (profile, column) in profiles.iter().zip(&header.names) {
        builders.push(profile.decide(&text, column)?);
    }
    fill(&text, &mut builders)?;
    let mut table = Table::new();
    // The repeats are in order.
    let mut repeats = header.repeats.iter().map(|&(_, again)| again).peekable();
    for (i, (column, cells)) in header.names.into_iter().zip(builders).enumerate() {
        if repeats.next_if_eq(&i).is_none() {
            table.push(column, cells)?;
        }
    }
    Ok(table)
}

/// The first line.
struct Header {
    names: Vec<String>,
    /// Positions of a name and of the same name again.
    repeats: Vec<(usize, usize)>,
}

/// The header and what the cells of each column look like.
fn survey(text: &Text<'_>) -> Result<(Header, Vec<Profile>)> {
    let mut header: Option<Header> = None;
    let mut profiles = Vec::new();
    text.records(|record| {
        let Some(Header { names, repeats }) = &header else {
            let found = check_header(text, record)?;
            profiles = vec![Profile::default(); found.names.len()];
            header = Some(found);
            return Ok(());
        };
        if record.len() != names.len() {
            return Err(text.ragged(record, names));
        }
        if let Some((first, again)) = repeats.iter().find(|&&(first, again)| record[first] != record[again]) {
            let (name, line) = (shown(&names[*first]), text.line(record));
            let message = format!("the name {name} stands twice, at columns {} and {}, and line {line} differs", first + 1, again + 1);
            return Err(text.name.unusable(message).hint("rename one of them"));
        }
        for (profile, cell) in profiles.iter_mut().zip(record) {
            profile.see(cell.trim(), record);
        }
        Ok(())
    })?;
    match header {
        Some(header) => Ok((header, profiles)),
        None => Err(text.name.damaged("the file holds no text")),
    }
}

fn check_header(text: &Text<'_>, record: &StringRecord) -> Result<Header> {
    let names: Vec<String> = record.iter().map(|n| n.trim().to_owned()).collect();
    let line = text.line(record);
    if names_only_numbers(record) {
        let hint = "put a line with the names of the columns first";
        return Err(text.name.unusable(format!("line {line} must name the columns, got numbers ({}, ...)", shown(&names[0]))).hint(hint));
    }
    if let Some(i) = names.iter().position(String::is_empty) {
        let hint = "name it, or drop it when it only numbers the rows";
        return Err(text.name.unusable(format!("line {line}: column {} has no name", i + 1)).hint(hint));
    }
    let mut seen = HashMap::new();
    let mut repeats = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let first = *seen.entry(name.as_str()).or_insert(i);
        if first != i {
            repeats.push((first, i));
        }
    }
    Ok(Header { names, repeats })
}

/// What the cells of a column look like.
#[derive(Clone, Default)]
struct Profile {
    rows: usize,
    /// Cells that are not missing, and what they can be read as.
    cells: usize,
    integers: usize,
    /// Including whole numbers.
    numbers: usize,
    bools: usize,
    /// Like `3,5` or `1,234`.
    commas: usize,
    /// First cell that is no number: its record's first byte and its text.
    odd: Option<(u64, String)>,
}

impl Profile {
    fn see(&mut self, cell: &str, record: &StringRecord) {
        self.rows += 1;
        if is_missing(cell) {
            return;
        }
        self.cells += 1;
        // Once a number has a fraction, whether others are whole does not matter.
        if self.integers == self.numbers && cell.parse::<i64>().is_ok() {
            self.integers += 1;
            self.numbers += 1;
        } else if cell.parse::<f64>().is_ok() {
            self.numbers += 1;
        } else {
            self.bools += usize::from(parse_bool(cell).is_some());
            self.commas += usize::from(has_decimal_comma(cell));
            self.odd.get_or_insert_with(|| (record.position().map_or(0, |p| p.byte()), cell.to_owned()));
        }
    }

    /// An empty column of the right type.
    fn decide(&self, text: &Text<'_>, column: &str) -> Result<Column> {
        let complete = self.cells == self.rows && self.rows > 0;
        if self.bools == self.cells && complete {
            return Ok(Column::Bool(Vec::with_capacity(self.rows)));
        }
        // Without missing cells; a Column::Integer has none.
        if self.integers == self.cells && complete {
            return Ok(Column::Integer(Vec::with_capacity(self.rows)));
        }
        if self.numbers == self.cells || self.bools == self.cells {
            return Ok(Column::Number(Vec::with_capacity(self.rows)));
        }
        let odd = self.cells - self.numbers;
        if let Some((byte, cell)) = &self.odd {
            let place = || format!("line {}, column {}", text.line_at(*byte), shown(column));
            if self.commas == odd {
                let message = format!("{}: expected a number with a decimal point, got {}", place(), shown(cell));
                return Err(text.name.unusable(message).hint("write 3.5 for 3,5 and 1234 for 1,234"));
            }
            if self.numbers >= ENOUGH_NUMBERS && odd <= (self.cells / ODD_SHARE).max(1) {
                let message = format!("{}: expected a number like {} other cells, got {}", place(), self.numbers, shown(cell));
                return Err(text.name.unusable(message).hint("correct it, or leave it empty if it is missing"));
            }
        }
        Ok(Column::Text(Vec::with_capacity(self.rows)))
    }
}

/// Whether a file starts with data instead of a header.
pub(crate) fn has_no_header(name: &Name, bytes: &[u8], tabs_first: bool) -> Result<bool> {
    let text = Text::open(name, bytes, tabs_first)?;
    Ok(text.first_record()?.is_some_and(|record| names_only_numbers(&record)))
}

fn names_only_numbers(record: &StringRecord) -> bool {
    record.iter().all(|name| name.trim().parse::<f64>().is_ok())
}

fn parse_bool(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether a cell would be a number if its commas were points or left out.
fn has_decimal_comma(cell: &str) -> bool {
    let mut groups = cell.trim_start_matches(['-', '+']).split(',');
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    cell.contains(',') && groups.all(digits)
}

fn fill(text: &Text<'_>, columns: &mut [Column]) -> Result<()> {
    let mut is_header = true;
    text.records(|record| {
        if std::mem::take(&mut is_header) {
            return Ok(());
        }
        for (column, cell) in columns.iter_mut().zip(record) {
            push(column, cell);
        }
        Ok(())
    })
}

/// The survey has seen every cell: whatever does not parse here is a missing number.
fn push(column: &mut Column, cell: &str) {
    let trimmed = cell.trim();
    match column {
        Column::Number(values) => values.push(match parse_bool(trimmed) {
            _ if is_missing(trimmed) => f64::NAN,
            Some(value) => f64::from(u8::from(value)),
            None => trimmed.parse().unwrap_or(f64::NAN),
        }),
        Column::Integer(values) => values.push(trimmed.parse().unwrap_or_default()),
        Column::Bool(values) => values.push(parse_bool(trimmed).unwrap_or_default()),
        // Blanks inside of text are the user's.
        Column::Text(values) => values.push((!is_missing(trimmed)).then(|| cell.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        read(&Name::new("t.csv"), text.as_bytes(), false)
    }

    fn message(text: &str) -> String {
        table(text).unwrap_err().to_string()
    }

    #[test]
    fn types_are_inferred() {
        let t = table("\u{feff}n, x,b,s,m\r\n1, 2.5,true,a,\r\n-3,NA,False,\"b, c\",?\r\n").unwrap();
        assert_eq!(t.names(), ["n", "x", "b", "s", "m"]);
        assert_eq!(t.column("n").unwrap(), &Column::Integer(vec![1, -3]));
        assert_eq!(t.column("b").unwrap(), &Column::Bool(vec![true, false]));
        assert_eq!(t.column("s").unwrap(), &Column::Text(vec![Some("a".into()), Some("b, c".into())]));
        assert_eq!(t.column("x").unwrap().first_missing(), Some(1));
        assert_eq!(t.column("m").unwrap().kind(), "number", "a column without any cell");
    }

    #[test]
    fn missing_cells_turn_whole_numbers_and_bools_into_numbers() {
        let t = table("a,b,c\n1,true,x\nnull,NaN,None\n3,false,nan\n").unwrap();
        let numbers = |name: &str| t.column(name).unwrap().to_numbers().unwrap();
        assert_eq!((numbers("a")[0], numbers("a")[2]), (1.0, 3.0));
        assert_eq!((numbers("b")[0], numbers("b")[2]), (1.0, 0.0));
        assert!(numbers("a")[1].is_nan() && numbers("b")[1].is_nan());
        assert_eq!(t.column("c").unwrap(), &Column::Text(vec![Some("x".into()), None, None]));
    }

    #[test]
    fn large_whole_numbers_and_exponents_are_numbers() {
        let t = table("a,b,c\n99999999999999999999,1e3,inf\n1,2,0.5\n").unwrap();
        assert_eq!(t.column("a").unwrap(), &Column::Number(vec![1e20, 1.0]));
        assert_eq!(t.column("b").unwrap(), &Column::Number(vec![1000.0, 2.0]));
        assert_eq!(t.column("c").unwrap(), &Column::Number(vec![f64::INFINITY, 0.5]));
    }

    #[test]
    fn a_bad_cell_is_named_by_line_and_column() {
        let hint = "; correct it, or leave it empty if it is missing";
        let text = "age,name\n31,a\n\n\"40\",\"b\nc\"\n5,d\n6,e\nabc,f\n";
        assert_eq!(message(text), format!("t.csv: line 8, column 'age': expected a number like 4 other cells, got 'abc'{hint}"));
        let crlf = text.replace('\n', "\r\n");
        assert!(message(&crlf).starts_with("t.csv: line 8, column 'age'"), "{}", message(&crlf));
        assert_eq!(table("code\n1\n2\nE11\nV5\n7\n8\n").unwrap().column("code").unwrap().kind(), "text", "codes are text");
    }

    #[test]
    fn ragged_lines_are_named() {
        assert_eq!(
            message("a,b,c\n1,2,3\n\n4,5\n"),
            "t.csv: line 4 has 2 cells where the header has 3, column 'c' is the first without one; quote cells that contain ','"
        );
        assert_eq!(message("a;b\n1;2;3\n"), "t.csv: line 2 has 3 cells where the header has 2; quote cells that contain ';'");
        assert_eq!(
            message("a,b\n1,2\n3,\"4\n5,6\n7,8,9\",1\n"),
            "t.csv: line 3 has 3 cells where the header has 2; a quote that opens in this line may not be closed"
        );
    }

    #[test]
    fn headers_are_checked() {
        assert_eq!(
            message("a,b,a\n1,2,1\n1,2,3\n"),
            "t.csv: the name 'a' stands twice, at columns 1 and 3, and line 3 differs; rename one of them"
        );
        assert_eq!(table("a,b,a\n1,2,1\n").unwrap().names(), ["a", "b"], "the same column twice is one column");
        assert_eq!(message(",b\n1,2\n"), "t.csv: line 1: column 1 has no name; name it, or drop it when it only numbers the rows");
        assert_eq!(
            message("1,5.6\n2,3\n"),
            "t.csv: line 1 must name the columns, got numbers ('1', ...); put a line with the names of the columns first"
        );
        assert_eq!(table("a,b\n").unwrap().n_rows(), 0);
    }

    #[test]
    fn decimal_commas_are_reported_not_guessed() {
        assert_eq!(
            message("a;b\n1,5;2\n3;4\n"),
            "t.csv: line 2, column 'a': expected a number with a decimal point, got '1,5'; write 3.5 for 3,5 and 1234 for 1,234"
        );
        assert_eq!(table("a;b\nx,y;2\n3;4\n").unwrap().column("a").unwrap().kind(), "text");
    }

    #[test]
    fn what_is_no_table_gets_one_line() {
        let tail = "; tables are read from CSV, Parquet and Arrow IPC, arrays from NPY, NPZ and safetensors";
        assert_eq!(message("a,b\n1,\0\n"), format!("t.csv: not a CSV file: it holds binary data{tail}"));
        assert_eq!(message("<html>"), format!("t.csv: not a CSV file: it looks like HTML or XML{tail}"));
        assert_eq!(message(" {\"a\": 1}"), format!("t.csv: not a CSV file: it looks like JSON{tail}"));
        assert_eq!(message("\n \n"), "t.csv: the file holds no text");
        let latin = read(&Name::new("t.csv"), b"a,b\n1,x\n2,caf\xe9\n", false).unwrap_err().to_string();
        assert_eq!(latin, "t.csv: line 3, column 2: not UTF-8 text; save the file as UTF-8");
    }
}
