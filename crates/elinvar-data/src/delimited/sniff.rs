//! What kind of text it is, and what separates its cells.

use crate::format::HEAD;
use crate::source::Name;
use csv::{ByteRecord, ReaderBuilder};
use elinvar_core::Result;

/// Text that is looked at to find the delimiter.
const SAMPLE: usize = 1 << 16;
const RECORDS: usize = 100;

/// Refuses what is surely no table: binary data, HTML, JSON.
pub(super) fn refuse_what_is_no_table(name: &Name, data: &[u8]) -> Result<()> {
    let head = &data[..data.len().min(HEAD)];
    let binary = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c);
    let what = if head.iter().any(|&b| binary(b)) {
        Some("it holds binary data")
    } else {
        match head.trim_ascii_start() {
            [] => return Err(name.damaged("the file holds no text")),
            [b'<', ..] => Some("it looks like HTML or XML"),
            [b'{' | b'[', ..] => Some("it looks like JSON"),
            _ => None,
        }
    };
    match what {
        Some(what) => {
            let hint = "tables are read from CSV, Parquet and Arrow IPC, arrays from NPY, NPZ and safetensors";
            Err(name.damaged(format!("not a CSV file: {what}")).hint(hint))
        }
        None => Ok(()),
    }
}

/// The delimiter that splits the header into several cells and most records into as many.
pub(super) fn delimiter(data: &[u8], tabs_first: bool) -> u8 {
    let sample = &data[..data.len().min(SAMPLE)];
    let whole_lines = match sample.iter().rposition(|&b| b == b'\n') {
        Some(end) if sample.len() < data.len() => &sample[..=end],
        _ => sample,
    };
    let candidates = if tabs_first { b"\t,;|" } else { b",;\t|" };
    // The first of equals wins.
    let scored = candidates.iter().rev().map(|&delimiter| (score(whole_lines, delimiter), delimiter));
    scored.max_by_key(|&(score, _)| score).map_or(b',', |(_, delimiter)| delimiter)
}

/// Share of the records with as many cells as the header, in thousandths, and that number of cells; nothing for a header of one cell.
fn score(sample: &[u8], delimiter: u8) -> (usize, usize) {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(sample);
    let mut record = ByteRecord::new();
    let (mut width, mut records, mut equal) = (0, 0, 0);
    while records < RECORDS && reader.read_byte_record(&mut record).unwrap_or(false) {
        if records == 0 {
            width = record.len();
        }
        records += 1;
        equal += usize::from(record.len() == width);
    }
    if width < 2 { (0, 0) } else { (equal * 1000 / records, width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found() {
        let found = |text: &str| char::from(delimiter(text.as_bytes(), false));
        assert_eq!(found("a,b\n1,2\n"), ',');
        assert_eq!(found("a;b;c\n1,5;2,5;3,0\n"), ';');
        assert_eq!(found("a\tb\n1,2\t3\n"), '\t');
        assert_eq!(found("a|b\n1|2\n"), '|');
        assert_eq!(found("a,b\n\"x;y\",2\n\"z;w\",3\n"), ',');
        assert_eq!(found("name\nx\n"), ',');
        assert_eq!(found("id,what\n1,x;y\n2,z\n"), ',');
    }
}
