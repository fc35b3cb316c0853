//! Between Arrow's arrays and the columns of a table.

use super::Budget;
use crate::source::Name;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use elinvar_core::{Column, Result, Table};
use std::sync::Arc;

/// Bytes that a text cell takes besides its characters.
const TEXT_CELL: u64 = 24;

/// What a column of a file becomes.
enum Target {
    Bool,
    Integer,
    Number,
    /// Text; also dates, in ISO form.
    Text,
}

fn target(data_type: &DataType) -> Option<Target> {
    Some(match data_type {
        DataType::Boolean => Target::Bool,
        t if t.is_integer() => Target::Integer,
        t if t.is_floating() || t.is_decimal() || t.is_null() => Target::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Target::Text,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => Target::Text,
        // Without a time zone: Arrow's formatting of zones needs a data base that is not built in.
        DataType::Timestamp(_, None) => Target::Text,
        DataType::Dictionary(_, values) => return target(values),
        _ => return None,
    })
}

/// Refuses columns of a type that no table has.
pub(super) fn supported(name: &Name, field: &Field) -> Result<()> {
    match target(field.data_type()) {
        Some(_) => Ok(()),
        None => Err(name
            .unusable(format!("column '{}' must hold numbers, true/false or text, got {}", field.name(), field.data_type()))
            .hint("leave it out, or convert it first")),
    }
}

/// One column from its chunks.
pub(super) fn column(name: &Name, field: &Field, chunks: &[ArrayRef], budget: &mut Budget<'_>) -> Result<Column> {
    let failed = |e: ArrowError| name.damaged(format!("column '{}': {e}", field.name())).caused_by(e);
    let nulls: usize = chunks.iter().map(|chunk| chunk.logical_null_count()).sum();
    match target(field.data_type()) {
        Some(Target::Bool) if nulls == 0 => bools(chunks).map_err(failed),
        // Beyond 63 bits: as numbers.
        Some(Target::Integer) if nulls == 0 => integers(chunks).or_else(|_| numbers(chunks)).map_err(failed),
        Some(Target::Text) => texts(chunks, budget, failed),
        _ => numbers(chunks).map_err(failed),
    }
}

fn bools(chunks: &[ArrayRef]) -> Result<Column, ArrowError> {
    let mut values = Vec::new();
    for chunk in chunks {
        let chunk = cast(chunk, &DataType::Boolean)?;
        values.extend(chunk.as_boolean().values());
    }
    Ok(Column::Bool(values))
}

fn integers(chunks: &[ArrayRef]) -> Result<Column, ArrowError> {
    let refuse_overflow = CastOptions { safe: false, ..CastOptions::default() };
    let mut values = Vec::new();
    for chunk in chunks {
        let chunk = cast_with_options(chunk, &DataType::Int64, &refuse_overflow)?;
        values.extend_from_slice(chunk.as_primitive::<Int64Type>().values());
    }
    Ok(Column::Integer(values))
}

fn numbers(chunks: &[ArrayRef]) -> Result<Column, ArrowError> {
    let mut values = Vec::new();
    for chunk in chunks {
        let chunk = cast(chunk, &DataType::Float64)?;
        values.extend(chunk.as_primitive::<Float64Type>().iter().map(|x| x.unwrap_or(f64::NAN)));
    }
    Ok(Column::Number(values))
}

fn texts(chunks: &[ArrayRef], budget: &mut Budget<'_>, failed: impl Fn(ArrowError) -> elinvar_core::Error) -> Result<Column> {
    let mut values = Vec::new();
    for chunk in chunks {
        for text in text_chunk(chunk).map_err(&failed)?.as_string::<i64>() {
            budget.take(TEXT_CELL + text.map_or(0, |t| t.len() as u64))?;
            values.push(text.map(str::to_owned));
        }
    }
    Ok(Column::Text(values))
}

fn text_chunk(chunk: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // A dictionary goes through its own type of values, or its dates would come out as numbers.
    let chunk = match chunk.data_type() {
        DataType::Dictionary(_, values) => cast(chunk, values)?,
        _ => chunk.clone(),
    };
    cast(&chunk, &DataType::LargeUtf8)
}

/// A table as one batch; NaN and absent text become nulls.
pub(super) fn batch(table: &Table) -> Result<RecordBatch, ArrowError> {
    let arrays = table.iter().map(|(_, column)| array(column));
    let arrays: Vec<ArrayRef> = arrays.collect();
    let fields = table.names().iter().zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(table.n_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
}

fn array(column: &Column) -> ArrayRef {
    match column {
        Column::Number(values) => Arc::new(values.iter().map(|&x| (!x.is_nan()).then_some(x)).collect::<Float64Array>()),
        Column::Integer(values) => Arc::new(Int64Array::from(values.clone())),
        Column::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
        Column::Text(values) => Arc::new(values.iter().collect::<StringArray>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_table_from;
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Int8Array, TimestampMicrosecondArray, UInt64Array};
    use arrow_ipc::writer::{FileWriter, StreamWriter};

    fn example() -> RecordBatch {
        let levels: DictionaryArray<Int32Type> = vec![Some("b"), None, Some("a")].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("small", Arc::new(Int8Array::from(vec![1, -2, 3]))),
            ("gaps", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
            ("large", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("maybe", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("level", Arc::new(levels)),
            ("when", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_000_000, 2_000_000]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
    }

    fn check(table: &Table) {
        assert_eq!(table.column("small").unwrap(), &Column::Integer(vec![1, -2, 3]));
        let Column::Number(gaps) = table.column("gaps").unwrap() else { panic!("numbers") };
        assert!(gaps[1].is_nan() && gaps[2] == 3.0);
        assert_eq!(table.column("large").unwrap(), &Column::Number(vec![1.0, 2.0, 18_446_744_073_709_551_615.0]));
        assert_eq!(table.column("flag").unwrap(), &Column::Bool(vec![true, false, true]));
        assert_eq!(table.column("maybe").unwrap().first_missing(), Some(1));
        assert_eq!(table.column("level").unwrap(), &Column::Text(vec![Some("b".into()), None, Some("a".into())]));
        assert_eq!(table.column("when").unwrap().to_labels()[1].as_deref(), Some("1970-01-01T00:00:01"));
    }

    #[test]
    fn arrow_files_and_streams() {
        let batch = example();
        let mut file = Vec::new();
        let mut writer = FileWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        check(&read_table_from("a.arrow", &file).unwrap());
        let mut stream = Vec::new();
        let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        check(&read_table_from("-", &stream).unwrap());
    }

    #[test]
    fn parquet_files() {
        let batch = example();
        let mut file = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        check(&read_table_from("a.parquet", &file).unwrap());
    }

    #[test]
    fn nested_columns_are_refused_by_name() {
        let list: arrow_array::ListArray =
            arrow_array::ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), Some(vec![])]);
        let batch = RecordBatch::try_from_iter([("embedding", Arc::new(list) as ArrayRef)]).unwrap();
        let mut file = Vec::new();
        let mut writer = FileWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let error = read_table_from("a.arrow", &file).unwrap_err().to_string();
        assert!(error.starts_with("a.arrow: column 'embedding' must hold numbers, true/false or text, got List("), "{error}");
        assert!(error.ends_with("; leave it out, or convert it first"), "{error}");
    }
}
