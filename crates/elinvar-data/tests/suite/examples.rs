//! One small valid file of each format, made in code.

use elinvar_core::{Column, Table};
use elinvar_data::{Format, ModelFile, TensorData, write_array, write_arrays, write_table_to};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::{Array, array};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub(crate) fn table() -> Table {
    Table::new()
        .with("age", Column::Number((0..12).map(|i| if i == 3 { f64::NAN } else { f64::from(i) * 1.25 }).collect()))
        .and_then(|t| t.with("count", Column::Integer((0..12).collect())))
        .and_then(|t| t.with("treated", Column::Bool((0..12).map(|i| i % 3 == 0).collect())))
        .and_then(|t| t.with("region", Column::Text((0..12).map(|i| (i != 5).then(|| format!("r,{}", i % 4))).collect())))
        .unwrap()
}

pub(crate) fn text(table: &Table) -> Vec<u8> {
    written(table, Format::Csv)
}

pub(crate) fn parquet(table: &Table) -> Vec<u8> {
    written(table, Format::Parquet)
}

fn written(table: &Table, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_table_to(&mut bytes, table, format).unwrap();
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes that `write_array` puts into a file of that name.
pub(crate) fn array_file(name: &str, tensor: &TensorData) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_array(folder.path().join(name), tensor).unwrap();
    std::fs::read(folder.path().join(name)).unwrap()
}

/// The bytes that `write_arrays` puts into a file of that name.
pub(crate) fn arrays_file(name: &str, arrays: &[(String, TensorData)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_arrays(folder.path().join(name), arrays).unwrap();
    std::fs::read(folder.path().join(name)).unwrap()
}

pub(crate) fn arrays() -> Vec<(String, TensorData)> {
    let matrix = Array::from_shape_fn((6, 4), |(i, j)| i as f64 - 0.5 * j as f64);
    vec![("X".to_owned(), matrix.into()), ("y".to_owned(), array![1_i64, 2, 3, 4, 5, 6].into()), ("w".to_owned(), array![0.5_f32].into())]
}

/// A zip archive with these members, deflated.
pub(crate) fn deflated(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn model() -> ModelFile {
    ModelFile {
        slug: "monge-gap".into(),
        format: 1,
        params: json!({"epsilon": 0.1, "cost": "sqeuclidean"}),
        versions: BTreeMap::from([("elinvar".into(), "0.1.0".into())]),
        arrays: arrays(),
        json: json!({"hidden": [64, 64]}),
    }
}

/// An Arrow IPC file and the same as a stream.
pub(crate) fn arrow() -> (Vec<u8>, Vec<u8>) {
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch};
    use arrow_ipc::writer::{FileWriter, StreamWriter};
    use std::sync::Arc;
    let levels: DictionaryArray<Int32Type> = vec![Some("b"), None, Some("a")].into_iter().collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("x", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(2.5)]))),
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("level", Arc::new(levels)),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap();
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = FileWriter::try_new(&mut file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    (file, stream)
}

/// A valid file of each format, with a name of the fitting extension.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let (file, stream) = arrow();
    let npy = array_file("a.npy", &arrays()[0].1);
    vec![
        ("a.csv", text(&table())),
        ("a.csv.gz", gzip(&text(&table()))),
        ("a.parquet", parquet(&table())),
        ("a.arrow", file),
        ("-", stream),
        ("a.npz", arrays_file("a.npz", &arrays())),
        ("b.npz", deflated(&[("X.npy", &npy)])),
        ("a.safetensors", arrays_file("a.safetensors", &arrays())),
        ("m.safetensors", model().to_bytes().unwrap()),
        ("a.npy", npy),
    ]
}
