//! Reads `reference.json` for the tests of several modules.

use ndarray::{Array1, Array2, Array3};
use serde_json::Value;

pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

pub(crate) fn vector(values: &Value) -> Array1<f64> {
    values.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

pub(crate) fn matrix(rows: &Value) -> Array2<f64> {
    let rows: Vec<Array1<f64>> = rows.as_array().unwrap().iter().map(vector).collect();
    Array2::from_shape_fn((rows.len(), rows.first().map_or(0, Array1::len)), |(i, j)| rows[i][j])
}

pub(crate) fn stack(items: &Value) -> Array3<f64> {
    let items: Vec<Array2<f64>> = items.as_array().unwrap().iter().map(matrix).collect();
    let (rows, columns) = items[0].dim();
    Array3::from_shape_fn((items.len(), rows, columns), |(k, i, j)| items[k][[i, j]])
}

/// Largest difference relative to the largest entry.
pub(crate) fn close(got: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(got.dim(), expected.dim());
    let scale = expected.iter().fold(1e-300_f64, |a, b| a.max(b.abs()));
    let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale;
    assert!(worst <= tolerance, "differ by {worst:e} relative");
}
