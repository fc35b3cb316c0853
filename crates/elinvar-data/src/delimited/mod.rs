//! Text with delimited cells: CSV and its relatives.

mod infer;
mod matrix;
mod sniff;
mod write;

pub(crate) use infer::{has_no_header, read as read_table};
pub(crate) use matrix::read as read_matrix;
pub(crate) use write::{write_matrix, write_table};

use crate::source::Name;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use elinvar_core::Result;

/// Text that stands for a missing cell, besides the empty one and `nan` in any case.
const MISSING: [&str; 7] = ["NA", "NaN", "null", "NULL", "None", ".", "?"];

/// Whether a trimmed cell is missing.
fn is_missing(cell: &str) -> bool {
    cell.len() <= 4 && (cell.is_empty() || MISSING.contains(&cell) || cell.eq_ignore_ascii_case("nan"))
}

/// A text file without its byte order mark, and its delimiter.
struct Text<'a> {
    name: &'a Name,
    data: &'a [u8],
    delimiter: u8,
}

impl<'a> Text<'a> {
    /// Checks that the bytes are text of a table and finds the delimiter.
    fn open(name: &'a Name, bytes: &'a [u8], tabs_first: bool) -> Result<Self> {
        let data = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        sniff::refuse_what_is_no_table(name, data)?;
        Ok(Self { name, data, delimiter: sniff::delimiter(data, tabs_first) })
    }

    /// Calls `each` with every record, the header included, until it fails.
    fn records(&self, mut each: impl FnMut(&StringRecord) -> Result<()>) -> Result<()> {
        let mut reader = self.reader();
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(|e| self.not_text(&e))? {
            each(&record)?;
        }
        Ok(())
    }

    fn first_record(&self) -> Result<Option<StringRecord>> {
        let mut record = StringRecord::new();
        let found = self.reader().read_record(&mut record).map_err(|e| self.not_text(&e))?;
        Ok(found.then_some(record))
    }

    fn reader(&self) -> Reader<&'a [u8]> {
        ReaderBuilder::new().delimiter(self.delimiter).has_headers(false).flexible(true).from_reader(self.data)
    }

    fn not_text(&self, error: &csv::Error) -> elinvar_core::Error {
        match error.kind() {
            ErrorKind::Utf8 { pos: Some(pos), err } => {
                let place = format!("line {}, column {}", self.line_at(pos.byte()), err.field() + 1);
                self.name.damaged(format!("{place}: not UTF-8 text")).hint("save the file as UTF-8")
            }
            _ => self.name.damaged(error),
        }
    }

    /// Line of a record, from 1. Counted from the bytes, because blank lines and line ends of two characters come before a record.
    fn line(&self, record: &StringRecord) -> usize {
        self.line_at(record.position().map_or(0, |p| p.byte()))
    }

    fn line_at(&self, byte: u64) -> usize {
        let start = usize::try_from(byte).map_or(self.data.len(), |b| b.min(self.data.len()));
        let blank = self.data[start..].iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
        let before = &self.data[..start + blank];
        // A line ends with \n, \r\n or, on very old systems, \r.
        let ends = before.iter().filter(|&&b| b == b'\n').count();
        1 + if ends == 0 { before.iter().filter(|&&b| b == b'\r').count() } else { ends }
    }

    /// A record with more or fewer cells than the header.
    fn ragged(&self, record: &StringRecord, header: &[String]) -> elinvar_core::Error {
        let delimiter = char::from(self.delimiter).escape_default();
        let first = match header.get(record.len()) {
            Some(missing) => format!(", column '{missing}' is the first without one"),
            None => String::new(),
        };
        let counts = format!("{} where the header has {}", cells(record.len()), header.len());
        let spans_lines = record.iter().any(|cell| cell.contains('\n'));
        let hint = match spans_lines {
            true => "a quote that opens in this line may not be closed".to_owned(),
            false => format!("quote cells that contain '{delimiter}'"),
        };
        self.name.unusable(format!("line {} has {counts}{first}", self.line(record))).hint(hint)
    }
}

fn cells(n: usize) -> String {
    if n == 1 { "1 cell".into() } else { format!("{n} cells") }
}

/// A cell as it is shown in messages.
fn shown(cell: &str) -> String {
    const LONGEST: usize = 40;
    match cell.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}...'", cell[..end].escape_debug()),
        None => format!("'{}'", cell.escape_debug()),
    }
}
