//! Arrays from and to files.

use crate::container::{self, Container};
use crate::delimited;
use crate::element::Number;
use crate::format::Format;
use crate::idx::Idx;
use crate::npy::{self, Npy};
use crate::npz::{self, Npz};
use crate::output::{atomic_write, atomic_write_with, cannot_write};
use crate::source::Source;
use crate::table;
use crate::tensor::TensorData;
use elinvar_core::{Error, Result};
use ndarray::{Array2, ArrayD, Ix1, Ix2};
use std::path::Path;

/// Reads an array in double precision from NPY, IDX, NPZ or safetensors (`FILE:NAME`, or the only array), or numeric CSV.
///
/// # Errors
/// When the file is absent or damaged, claims more data than it has, or holds something else than real numbers.
pub fn read_array(path: impl AsRef<Path>) -> Result<ArrayD<f64>> {
    numbers(Source::open(path.as_ref())?)
}

/// The same in single precision.
pub fn read_array32(path: impl AsRef<Path>) -> Result<ArrayD<f32>> {
    numbers(Source::open(path.as_ref())?)
}

/// Reads an array in the type that it has on disk, widened to one of four.
pub fn read_tensor(path: impl AsRef<Path>) -> Result<TensorData> {
    tensor(Source::open(path.as_ref())?)
}

/// All named arrays of an NPZ or safetensors file, in the order of the file.
pub fn read_arrays(path: impl AsRef<Path>) -> Result<Vec<(String, TensorData)>> {
    tensors(Source::open(path.as_ref())?)
}

/// [`read_array`] from memory, for example from standard input; `name` stands in messages.
pub fn read_array_from(name: &str, bytes: &[u8]) -> Result<ArrayD<f64>> {
    numbers(Source::from_bytes(name, bytes)?)
}

/// [`read_tensor`] from memory.
pub fn read_tensor_from(name: &str, bytes: &[u8]) -> Result<TensorData> {
    tensor(Source::from_bytes(name, bytes)?)
}

/// [`read_arrays`] from memory.
pub fn read_arrays_from(name: &str, bytes: &[u8]) -> Result<Vec<(String, TensorData)>> {
    tensors(Source::from_bytes(name, bytes)?)
}

fn numbers<T: Number>(mut source: Source<'_>) -> Result<ArrayD<T>> {
    let (name, len, member) = (source.name.clone(), source.len, source.member.clone());
    match source.format {
        Format::Npy => Npy { name: &name, reader: &mut source, len, sure: true }.array(),
        Format::Idx => Idx { name: &name, reader: &mut source, len }.array(),
        Format::Npz => Npz::open(&name, source, len)?.array(member.as_deref()),
        Format::Safetensors => Container::open(&name, &source.into_bytes()?)?.array(member.as_deref()),
        _ => Ok(matrix(source)?.mapv(T::from_f64).into_dyn()),
    }
}

fn tensor(mut source: Source<'_>) -> Result<TensorData> {
    let (name, len, member) = (source.name.clone(), source.len, source.member.clone());
    match source.format {
        Format::Npy => Npy { name: &name, reader: &mut source, len, sure: true }.tensor(),
        Format::Idx => Ok(Idx { name: &name, reader: &mut source, len }.typed()?.1),
        Format::Npz => Npz::open(&name, source, len)?.tensor(member.as_deref()),
        Format::Safetensors => Container::open(&name, &source.into_bytes()?)?.tensor(member.as_deref()),
        _ => Ok(matrix(source)?.into()),
    }
}

/// A table of numbers as a matrix.
fn matrix(source: Source<'_>) -> Result<Array2<f64>> {
    let name = source.name.clone();
    match source.format {
        Format::Csv | Format::Tsv => {
            let tabs_first = source.format == Format::Tsv;
            delimited::read_matrix(&name, &source.into_bytes()?, tabs_first)
        }
        _ => {
            let table = table::from_source(source)?;
            let mut matrix = Array2::zeros((table.n_rows(), table.n_columns()));
            for (mut target, (column, cells)) in matrix.columns_mut().into_iter().zip(table.iter()) {
                let numbers = cells.to_numbers().ok_or_else(|| name.unusable(format!("column '{column}' must hold numbers, got text")))?;
                target.assign(&ndarray::ArrayView1::from(&numbers));
            }
            Ok(matrix)
        }
    }
}

fn tensors(source: Source<'_>) -> Result<Vec<(String, TensorData)>> {
    let (name, len) = (source.name.clone(), source.len);
    match source.format {
        Format::Npz => Ok(npz::plain(Npz::open(&name, source, len)?.tensors()?)),
        Format::Safetensors => Ok(npz::plain(Container::open(&name, &source.into_bytes()?)?.tensors()?)),
        format => Err(name.unusable(format!("named arrays are read from NPZ and safetensors, got {}", format.name()))),
    }
}

/// Writes one array as NPY, NPZ or safetensors (under the name `x`), or as CSV (rank 1 or 2, header `x0,x1,...`), by extension,
/// complete or not at all.
///
/// # Errors
/// When the extension is unknown, the rank does not fit, or the file cannot be written.
pub fn write_array(path: impl AsRef<Path>, array: &TensorData) -> Result<()> {
    let path = path.as_ref();
    let failed = |e| cannot_write(path, e);
    match Format::from_extension(path) {
        Some(Format::Npy) => atomic_write_with(path, |writer| npy::write(writer, array).map_err(failed)),
        Some(Format::Npz | Format::Safetensors) => write_arrays(path, &[("x".to_owned(), array.clone())]),
        Some(Format::Csv) => {
            let matrix = as_matrix(path, array)?;
            atomic_write_with(path, |writer| delimited::write_matrix(writer, matrix.view()).map_err(failed))
        }
        _ => Err(Error::file(path, "an array is written as .npy, .npz, .safetensors or .csv")),
    }
}

/// Writes named arrays as NPZ or safetensors by extension, complete or not at all.
pub fn write_arrays(path: impl AsRef<Path>, arrays: &[(String, TensorData)]) -> Result<()> {
    let path = path.as_ref();
    match Format::from_extension(path) {
        Some(Format::Npz) => atomic_write_with(path, |writer| npz::write(writer, arrays).map_err(|e| cannot_write(path, e))),
        Some(Format::Safetensors) => atomic_write(path, &container::to_bytes(arrays, &[])?),
        _ => Err(Error::file(path, "named arrays are written as .npz or .safetensors")),
    }
}

fn as_matrix(path: &Path, array: &TensorData) -> Result<Array2<f64>> {
    let array = array.clone().into_f64();
    let shape = array.shape().to_vec();
    let column = array.clone().into_dimensionality::<Ix1>().map(|v| v.insert_axis(ndarray::Axis(1)));
    column
        .or_else(|_| array.into_dimensionality::<Ix2>())
        .map_err(|_| Error::file(path, format!("CSV holds arrays of rank 1 or 2, got shape {shape:?}")).hint("write it as .npy"))
}
