//! Readers and writers of tables, arrays and models.
//!
//! | kind | formats |
//! |---|---|
//! | table | CSV (delimiter sniffed, `.gz` by content), Parquet, Arrow IPC, R data frames, NPY/NPZ of rank 1 or 2 |
//! | array | NPY, NPZ (`file.npz:name`), safetensors (`file.safetensors:name`), IDX, numeric CSV |
//! | images | PNG and JPEG in a folder a class, with the feature `images` |
//! | columns in blocks | NPY, Parquet and PLINK `.bed` without holding the file in memory: [`WideFile`] |
//! | recording | EDF, EDF+, BDF, GDF with annotations, and CSV with a column of markers, with the feature `edf` |
//! | annotated matrix | AnnData (`.h5ad`), with the feature `hdf5` |
//! | model | safetensors whose metadata names method, format, parameters and versions |
//!
//! The content decides the format; the file name only helps where the content is text. Nothing read is trusted: every declared
//! size is compared with the bytes present before memory is taken, compressed data may grow to 100 times their size (at most
//! 4 GiB), headers may have 16 MB, JSON a depth of 64. Nothing is executed and no path is taken from inside a file. A file that
//! cannot be used gives one line that names it and, for tables, the line and the column. Every write goes to a temporary file in
//! the same folder that replaces the target when it is complete.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod anndata;
mod array;
pub mod classes;
mod columnar;
mod container;
mod delimited;
mod describe;
pub mod design;
mod element;
mod format;
mod idx;
#[cfg(feature = "images")]
mod images;
mod limits;
mod members;
mod model;
mod npy;
mod npz;
mod output;
pub mod rda;
#[cfg(feature = "edf")]
pub mod recording;
mod source;
mod study;
mod table;
mod tensor;
mod wide;

pub use anndata::{AnnData, read_anndata};
pub use array::{
    read_array, read_array_from, read_array32, read_arrays, read_arrays_from, read_tensor, read_tensor_from, write_array, write_arrays,
};
pub use describe::{describe, describe_from};
pub use format::Format;
pub use idx::is_idx;
#[cfg(feature = "images")]
pub use images::ImageFolder;
pub use members::{read_members, read_members_from};
pub use model::ModelFile;
pub use output::{atomic_write, atomic_write_with};
pub use study::{study_anndata, study_classes, study_digits, study_file, study_folder};
pub use table::{read_table, read_table_from, write_table, write_table_to};
pub use tensor::TensorData;
pub use wide::WideFile;
