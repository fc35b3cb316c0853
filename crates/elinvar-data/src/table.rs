//! Tables from and to files.

use crate::columnar;
use crate::delimited;
use crate::format::Format;
use crate::idx::Idx;
use crate::npy::Npy;
use crate::npz::{Npz, choose, plain};
use crate::output::{atomic_write_with, cannot_write};
use crate::rda;
use crate::source::{Name, Source};
use crate::tensor::TensorData;
use elinvar_core::{Column, Error, Result, Table};
use ndarray::{ArrayD, ArrayView1, Ix1, Ix2};
use std::io::Write;
use std::path::Path;

/// Reads a table from CSV, TSV, Parquet, Arrow IPC, R data (`.rda`), NPY or NPZ; text may be gzip. The content decides the format.
///
/// Text: the first line names the columns; the delimiter is one of `,` `;` tab `|`; empty cells and `NA`, `NaN`, `null`, `NULL`,
/// `None`, `.`, `?` are missing. Columns become whole numbers, numbers, true/false or text, in this order of preference; whole
/// numbers and true/false with missing cells become numbers. A text file with nearly only numbers in a column must have only
/// numbers there: a single stray word is an error, not a column of text.
///
/// A file of several data frames or arrays: `FILE:NAME` asks for one. Arrays: of rank 1 or 2, columns `x0`, `x1`, ...; an NPZ archive of several arrays gives columns by their names.
///
/// # Errors
/// When the file is absent, damaged or no table; the message names file, line and column.
pub fn read_table(path: impl AsRef<Path>) -> Result<Table> {
    from_source(Source::open(path.as_ref())?)
}

/// The same from memory, for example from standard input. `name` stands in messages; its extension is used as a file's is.
pub fn read_table_from(name: &str, bytes: &[u8]) -> Result<Table> {
    from_source(Source::from_bytes(name, bytes)?)
}

pub(crate) fn from_source(mut source: Source<'_>) -> Result<Table> {
    let name = source.name.clone();
    match source.format {
        Format::Csv | Format::Tsv => {
            let tabs_first = source.format == Format::Tsv;
            delimited::read_table(&name, &source.into_bytes()?, tabs_first)
        }
        Format::Parquet => columnar::read_parquet(source),
        Format::Arrow => columnar::read_arrow(source),
        Format::Npy => {
            let len = source.len;
            let tensor = Npy { name: &name, reader: &mut source, len, sure: true }.tensor()?;
            add_array(Table::new(), &name, "x", tensor, true)
        }
        Format::Idx => {
            let len = source.len;
            let (_, tensor) = Idx { name: &name, reader: &mut source, len }.typed()?;
            add_array(Table::new(), &name, "x", tensor, true)
        }
        Format::Npz => from_npz(&name, source),
        Format::RData => from_r(&name, source),
        Format::Safetensors => {
            Err(name.unusable("a safetensors file is no table").hint("it is read as an array (FILE:NAME) or as a model"))
        }
    }
}

fn from_npz(name: &Name, source: Source<'_>) -> Result<Table> {
    let (len, member) = (source.len, source.member.clone());
    let mut archive = Npz::open(name, source, len)?;
    match (member, archive.names().as_slice()) {
        (None, names) if names.len() > 1 => plain(archive.tensors()?)
            .into_iter()
            .try_fold(Table::new(), |table, (array, tensor)| add_array(table, name, &array, tensor, false)),
        (member, _) => add_array(Table::new(), name, "x", archive.tensor(member.as_deref())?, true),
    }
}

/// The data frame asked for, or the only one.
fn from_r(name: &Name, source: Source<'_>) -> Result<Table> {
    let member = source.member.clone();
    let mut frames = rda::parse(&source.into_bytes()?).map_err(|e| Error::new(e.kind(), format!("{}: {e}", name.as_str())))?;
    let names: Vec<String> = frames.iter().map(|(frame, _)| frame.clone()).collect();
    let wanted = choose(name, "data frame", &names, member.as_deref())?;
    let position = names.iter().position(|frame| *frame == wanted).unwrap_or_default();
    Ok(frames.swap_remove(position).1)
}

/// Adds a vector as one column and a matrix as several. `numbered` gives the single column of a vector a number as well.
fn add_array(mut table: Table, name: &Name, prefix: &str, tensor: TensorData, numbered: bool) -> Result<Table> {
    let place = |e: Error| name.unusable(e);
    let column = |tensor: &TensorData, j: usize| match tensor {
        TensorData::I64(array) => Column::Integer(lane(array, j)),
        TensorData::U8(array) => Column::Integer(lane(array, j).into_iter().map(i64::from).collect()),
        TensorData::F64(array) => Column::Number(lane(array, j)),
        TensorData::F32(array) => Column::Number(lane(array, j).into_iter().map(f64::from).collect()),
    };
    match *tensor.shape() {
        [_] if !numbered => table.push(prefix, column(&tensor, 0)).map_err(place)?,
        [_] => table.push(format!("{prefix}0"), column(&tensor, 0)).map_err(place)?,
        [_, columns] => {
            for j in 0..columns {
                table.push(format!("{prefix}{j}"), column(&tensor, j)).map_err(place)?;
            }
        }
        ref shape => {
            let got = shape.to_vec();
            return Err(name.unusable(format!("a table must be an array of rank 1 or 2, got shape {got:?}")));
        }
    }
    Ok(table)
}

/// Column `j` of a matrix, or the whole vector.
fn lane<T: Clone>(array: &ArrayD<T>, j: usize) -> Vec<T> {
    let own = |lane: ArrayView1<'_, T>| lane.to_vec();
    match array.view().into_dimensionality::<Ix2>() {
        Ok(matrix) => own(matrix.column(j)),
        Err(_) => array.view().into_dimensionality::<Ix1>().map(own).unwrap_or_default(),
    }
}

/// Writes a table as CSV, TSV or Parquet by extension, complete or not at all.
///
/// In text, a missing cell is empty and numbers keep all digits. A text column whose cells all look like numbers is read back as
/// numbers, and empty text as missing: use Parquet to keep such columns.
///
/// # Errors
/// When the extension is unknown or the file cannot be written.
pub fn write_table(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let path = path.as_ref();
    let format = match Format::from_extension(path) {
        Some(format @ (Format::Csv | Format::Tsv | Format::Parquet)) if !ends_with_gz(path) => format,
        _ => return Err(Error::file(path, "a table is written as .csv, .tsv or .parquet")),
    };
    atomic_write_with(path, |writer| write_table_to(writer, table, format).map_err(|e| e_at(path, &e)))
}

/// Writes a table as CSV, TSV or Parquet, for example to standard output.
pub fn write_table_to(mut writer: impl Write + Send, table: &Table, format: Format) -> Result<()> {
    let failed = |e: std::io::Error| cannot_write(Path::new("-"), e);
    match format {
        Format::Csv => delimited::write_table(writer, table, b',').map_err(failed),
        Format::Tsv => delimited::write_table(writer, table, b'\t').map_err(failed),
        Format::Parquet => {
            columnar::write_parquet(&mut writer, table)?;
            writer.flush().map_err(failed)
        }
        other => Err(Error::input(format!("a table is written as CSV, TSV or Parquet, not as {}", other.name()))),
    }
}

fn ends_with_gz(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"))
}

fn e_at(path: &Path, error: &Error) -> Error {
    Error::file(path, error)
}
