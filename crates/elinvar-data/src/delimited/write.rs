//! From a table or matrix to text.

use csv::WriterBuilder;
use elinvar_core::{Column, Table};
use ndarray::ArrayView2;
use std::io::{self, Write};

/// Writes a header and the cells. A missing number or text is an empty cell; a number keeps its decimal point and all its digits,
/// so that reading gives the same type and value.
pub(crate) fn write_table(writer: impl Write, table: &Table, delimiter: u8) -> io::Result<()> {
    let mut writer = WriterBuilder::new().delimiter(delimiter).from_writer(writer);
    writer.write_record(table.names())?;
    let columns: Vec<&Column> = table.iter().map(|(_, column)| column).collect();
    for row in 0..table.n_rows() {
        for column in &columns {
            match column {
                Column::Number(values) if values[row].is_nan() => writer.write_field("")?,
                // `1.0`, not `1`: the column was one of real numbers.
                Column::Number(values) => writer.write_field(format!("{:?}", values[row]))?,
                Column::Integer(values) => writer.write_field(values[row].to_string())?,
                Column::Bool(values) => writer.write_field(if values[row] { "true" } else { "false" })?,
                Column::Text(values) => writer.write_field(values[row].as_deref().unwrap_or_default())?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

/// Writes a matrix with the header `x0,x1,...`.
pub(crate) fn write_matrix(writer: impl Write, matrix: ArrayView2<'_, f64>) -> io::Result<()> {
    let mut writer = WriterBuilder::new().from_writer(writer);
    writer.write_record((0..matrix.ncols()).map(|j| format!("x{j}")))?;
    for row in matrix.rows() {
        writer.write_record(row.iter().map(|x| if x.is_nan() { String::new() } else { format!("{x:?}") }))?;
    }
    writer.flush()
}
