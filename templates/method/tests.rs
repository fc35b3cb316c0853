use super::*;
use elinvar_core::ndarray::array;

#[test]
fn closed_form() {
    let model = __Class__ { shrinkage: 2.0 }.fit(array![3.0, 3.0].view()).unwrap();
    assert_eq!(model.location, 1.5);
    assert_eq!(model.center(array![1.5, 2.5].view()).to_vec(), [0.0, 1.0]);
}

#[test]
fn reference_values() {
    let reference: serde_json::Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let values: Vec<f64> = serde_json::from_value(case["values"].clone()).unwrap();
        let model = __Class__ { shrinkage: case["shrinkage"].as_f64().unwrap() }.fit(Array1::from(values).view()).unwrap();
        assert!((model.location - case["location"].as_f64().unwrap()).abs() < 1e-15);
    }
}

#[test]
fn bad_input_is_named() {
    let message = |values: Array1<f64>| __Class__::default().fit(values.view()).unwrap_err().to_string();
    assert_eq!(message(array![]), "'values' must have at least 1 row, got 0");
    assert_eq!(message(array![1.0, f64::NAN]), "values contains a non-finite value at row 1; drop or fill such rows first");
    let error = __Class__ { shrinkage: -1.0 }.fit(array![1.0].view()).unwrap_err().to_string();
    assert_eq!(error, "parameter 'shrinkage' must be >= 0, got -1.0");
}
