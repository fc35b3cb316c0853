//! Files of NumPy, pandas, polars, pyarrow and safetensors hold here what they hold there (`tests/reference/make.py`).

use elinvar_core::Column;
use elinvar_data::*;
use serde_json::Value;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn reference() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("reference.json")).unwrap()).unwrap()
}

fn entries<'a>(reference: &'a Value, kind: &str) -> impl Iterator<Item = (PathBuf, &'a Value)> {
    reference[kind].as_object().unwrap().iter().map(|(file, value)| (folder().join(file), value))
}

#[test]
fn arrays_hold_the_same_numbers() {
    let reference = reference();
    for (path, expected) in entries(&reference, "arrays") {
        let array = read_array(&path).unwrap();
        let shape: Vec<usize> = expected["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        assert_eq!(array.shape(), shape, "{}", path.display());
        for (x, y) in array.iter().zip(expected["values"].as_array().unwrap()) {
            assert!(y.as_f64().map_or(x.is_nan(), |y| *x == y), "{}: {x} {y}", path.display());
        }
        assert_eq!(read_tensor(&path).unwrap().shape(), shape);
    }
}

#[test]
fn tables_hold_the_same_cells() {
    let reference = reference();
    for (path, expected) in entries(&reference, "tables") {
        let table = read_table(&path).unwrap();
        let expected = expected.as_object().unwrap();
        assert_eq!(table.names(), expected.keys().cloned().collect::<Vec<_>>(), "{}", path.display());
        for (name, column) in table.iter() {
            let place = format!("{}, column '{name}'", path.display());
            assert_eq!(column.kind(), expected[name]["type"].as_str().unwrap(), "{place}");
            assert_eq!(Value::Array(cells(column)), expected[name]["values"], "{place}");
        }
    }
}

fn cells(column: &Column) -> Vec<Value> {
    match column {
        Column::Number(v) => v.iter().map(|&x| Value::from(x)).collect(),
        Column::Integer(v) => v.iter().map(|&x| x.into()).collect(),
        Column::Bool(v) => v.iter().map(|&x| x.into()).collect(),
        Column::Text(v) => v.iter().map(|x| Value::from(x.clone())).collect(),
    }
}

#[test]
fn what_is_not_read_says_so() {
    let reference = reference();
    for (path, expected) in entries(&reference, "refused") {
        let message = describe(&path).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}: ", path.display())) && message.contains(expected.as_str().unwrap()), "{message}");
    }
}
