//! Columns of a Parquet file.

use super::not_numeric;
use crate::columnar::{guarded, parquet_damaged};
use crate::source::{Name, Source};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_cast::cast;
use arrow_schema::DataType;
use elinvar_core::Result;
use ndarray::Array2;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::ops::Range;

pub(super) struct Columns {
    name: Name,
    file: File,
    metadata: ArrowReaderMetadata,
    n_rows: usize,
}

impl Columns {
    pub(super) fn open(source: Source<'_>) -> Result<Self> {
        let name = source.name.clone();
        let file = source.into_file()?;
        let metadata = guarded(&name, "Parquet", || {
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|e| parquet_damaged(&name, e))
        })?;
        let rows = metadata.metadata().file_metadata().num_rows();
        let n_rows = usize::try_from(rows).map_err(|_| name.damaged(format!("the file claims to have {rows} rows")))?;
        Ok(Self { name, file, metadata, n_rows })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub(super) fn block(&mut self, columns: Range<usize>) -> Result<Array2<f32>> {
        let mut block = Array2::zeros((columns.len(), self.n_rows));
        self.read(columns, |column, row, value| block[[column, row]] = value as f32)?;
        Ok(block)
    }

    pub(super) fn column(&mut self, position: usize) -> Result<Vec<f64>> {
        let mut values = vec![f64::NAN; self.n_rows];
        self.read(position..position + 1, |_, row, value| values[row] = value)?;
        Ok(values)
    }

    /// Decodes only these columns and hands over every cell: column of the block, row, value.
    fn read(&self, columns: Range<usize>, mut put: impl FnMut(usize, usize, f64)) -> Result<()> {
        let name = &self.name;
        let schema = self.metadata.schema();
        for position in columns.clone() {
            let field = schema.field(position);
            let data_type = field.data_type();
            if !(data_type.is_numeric() || *data_type == DataType::Boolean || data_type.is_null()) {
                return Err(not_numeric(name, field.name()));
            }
        }
        guarded(name, "Parquet", || {
            let file = self.file.try_clone().map_err(|e| name.io(e))?;
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.clone());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()).with_projection(mask);
            let mut first = 0;
            for batch in builder.build().map_err(|e| parquet_damaged(name, e))? {
                let batch = batch.map_err(|e| name.damaged(format!("damaged Parquet file: {e}")))?;
                if first + batch.num_rows() > self.n_rows {
                    return Err(name.damaged("the file has more rows than it claims"));
                }
                for (j, column) in batch.columns().iter().enumerate() {
                    let numbers = cast(column, &DataType::Float64).map_err(|e| name.damaged(e))?;
                    let values = numbers.as_primitive::<Float64Type>().iter().enumerate();
                    values.for_each(|(i, value)| put(j, first + i, value.unwrap_or(f64::NAN)));
                }
                first += batch.num_rows();
            }
            if first == self.n_rows { Ok(()) } else { Err(name.damaged("the file has fewer rows than it claims")) }
        })
    }
}
