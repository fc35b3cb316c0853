//! Time and memory of large files; run by hand with `--ignored`, since a busy machine would fail them.

use crate::examples;
use elinvar_core::{Column, Table};
use elinvar_data::*;
use ndarray::Array2;
use std::time::{Duration, Instant};

#[test]
#[allow(clippy::print_stderr)]
#[ignore = "measures time"]
fn a_hundred_thousand_rows_of_twenty_columns() {
    let column = |j: usize| match j % 4 {
        0 => Column::Integer((0..100_000).map(|i| i * 7919 % 10_007).collect()),
        3 => Column::Text((0..100_000).map(|i| Some(format!("level {}", i % 17))).collect()),
        _ => Column::Number((0..100_000).map(|i| (i as f64 * 0.37 + j as f64).sin()).collect()),
    };
    let table = (0..20).fold(Table::new(), |table, j| table.with(format!("c{j}"), column(j)).unwrap());
    let bytes = examples::text(&table);
    let start = Instant::now();
    let read = read_table_from("t.csv", &bytes).unwrap();
    let csv = start.elapsed();
    assert_eq!(read, table);
    let bytes = examples::parquet(&table);
    let start = Instant::now();
    assert_eq!(read_table_from("t.parquet", &bytes).unwrap(), table);
    let parquet = start.elapsed();
    let matrix = TensorData::from(Array2::from_shape_fn((1_000_000, 20), |(i, j)| (i * 20 + j) as f64));
    let folder = tempfile::tempdir().unwrap();
    write_array(folder.path().join("a.npy"), &matrix).unwrap();
    let start = Instant::now();
    let read = read_array(folder.path().join("a.npy")).unwrap();
    let npy = start.elapsed();
    assert_eq!(TensorData::F64(read), matrix);
    assert!(
        csv < Duration::from_secs(1) && parquet < Duration::from_secs(1) && npy < Duration::from_secs(1),
        "{csv:?} {parquet:?} {npy:?}"
    );
    std::fs::write(std::env::temp_dir().join("elinvar-data-speed.txt"), format!("csv {csv:?}, parquet {parquet:?}, npy {npy:?}\n"))
        .unwrap();
}
