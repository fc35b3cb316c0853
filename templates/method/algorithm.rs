//! The mathematics: functions on arrays.

use elinvar_core::ndarray::ArrayView1;

/// Mean of `values` (n), shrunk towards zero as if `shrinkage` more rows of zero were there.
pub fn shrunken_mean(values: ArrayView1<'_, f64>, shrinkage: f64) -> f64 {
    values.sum() / (values.len() as f64 + shrinkage)
}
