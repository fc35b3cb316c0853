//! Parquet and Arrow IPC, through the Arrow project's own readers.

mod convert;

use crate::limits::{decoded_limit, human};
use crate::source::{Name, Source, one_line};
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use elinvar_core::{Error, Result, Table};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::io::{BufReader, Read, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 16;

/// Reads a Parquet file.
pub(crate) fn read_parquet(source: Source<'_>) -> Result<Table> {
    let (name, len) = (source.name.clone(), source.len);
    let file = source.into_file()?;
    guarded(&name, "Parquet", || {
        let damaged = |e| parquet_damaged(&name, e);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let schema = builder.schema().clone();
        // A run of a million equal values takes a few bytes: what the file claims is held against a multiple of its length.
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX);
        let budget = Budget::new(&name, len);
        budget.check(rows.saturating_mul(8 * schema.fields().len() as u64))?;
        let batches = builder.with_batch_size(BATCH).build().map_err(damaged)?;
        collect(&name, "Parquet", budget, schema, batches)
    })
}

/// Reads an Arrow IPC file or stream.
pub(crate) fn read_arrow(source: Source<'_>) -> Result<Table> {
    let (name, len) = (source.name.clone(), source.len);
    let mut reader = BufReader::new(source);
    guarded(&name, "Arrow", || {
        let damaged = |e: ArrowError| refused(&name, "Arrow", &e).caused_by(e);
        let budget = Budget::new(&name, len);
        let mut magic = [0; 6];
        reader.read_exact(&mut magic).and_then(|()| reader.rewind()).map_err(|e| name.io(e))?;
        if &magic == b"ARROW1" {
            let batches = FileReader::try_new(reader, None).map_err(damaged)?;
            collect(&name, "Arrow", budget, batches.schema(), batches)
        } else {
            let batches = StreamReader::try_new(reader, None).map_err(damaged)?;
            collect(&name, "Arrow", budget, batches.schema(), batches)
        }
    })
}

/// The Arrow readers answer damaged files with errors, with rare exceptions where they panic.
pub(crate) fn guarded<T>(name: &Name, format: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(name.damaged(format!("damaged {format} file"))))
}

pub(crate) fn parquet_damaged(name: &Name, error: parquet::errors::ParquetError) -> Error {
    refused(name, "Parquet", &error).caused_by(error)
}

fn refused(name: &Name, format: &str, error: &dyn std::error::Error) -> Error {
    let text = one_line(error);
    let error = name.damaged(format!("damaged or unsupported {format} file: {text}"));
    match text.contains("compression") || text.contains("ompress") {
        true => error.hint("write it without compression (Arrow), or as Parquet with snappy, zstd or gzip"),
        false => error,
    }
}

/// Memory that the cells of a file may take.
struct Budget<'a> {
    name: &'a Name,
    len: u64,
    left: u64,
}

impl<'a> Budget<'a> {
    fn new(name: &'a Name, len: u64) -> Self {
        Self { name, len, left: decoded_limit(len) }
    }

    fn check(&self, bytes: u64) -> Result<()> {
        if bytes <= self.left {
            return Ok(());
        }
        let (len, limit) = (human(self.len), human(decoded_limit(self.len)));
        Err(self.name.damaged(format!("{len} claim to hold more than {limit} of cells")).hint("if you trust the file, save it as CSV"))
    }

    fn take(&mut self, bytes: u64) -> Result<()> {
        self.check(bytes)?;
        self.left -= bytes;
        Ok(())
    }
}

fn collect(
    name: &Name,
    format: &str,
    mut budget: Budget<'_>,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Table> {
    for (i, field) in schema.fields().iter().enumerate() {
        if field.name().is_empty() {
            return Err(name.unusable(format!("column {} has no name", i + 1)).hint("name it"));
        }
        convert::supported(name, field)?;
    }
    let mut chunks = vec![Vec::new(); schema.fields().len()];
    for batch in batches {
        let batch = batch.map_err(|e| refused(name, format, &e).caused_by(e))?;
        for (chunks, column) in chunks.iter_mut().zip(batch.columns()) {
            budget.take(column.len() as u64 * 8)?;
            chunks.push(column.clone());
        }
    }
    let mut table = Table::new();
    for (field, chunks) in schema.fields().iter().zip(chunks) {
        let column = convert::column(name, field, &chunks, &mut budget)?;
        table.push(field.name(), column).map_err(|e| name.unusable(&e))?;
    }
    Ok(table)
}

/// Writes a table as Parquet with snappy compression; missing cells become nulls.
pub(crate) fn write_parquet(writer: impl Write + Send, table: &Table) -> Result<()> {
    let failed = |e: &dyn std::error::Error| Error::internal(format!("the Parquet writer failed: {}", one_line(e)));
    let batch = convert::batch(table).map_err(|e| failed(&e))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(writer, batch.schema(), Some(properties)).map_err(|e| failed(&e))?;
    writer.write(&batch).map_err(|e| failed(&e))?;
    writer.close().map_err(|e| failed(&e))?;
    Ok(())
}
