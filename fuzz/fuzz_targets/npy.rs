//! NPY headers and data.
#![no_main]

use elinvar_data::{read_array_from, read_table_from, read_tensor_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_table_from("fuzz.npy", bytes);
    let tensor = read_tensor_from("fuzz.npy", bytes);
    let array = read_array_from("fuzz.npy", bytes);
    if let Ok(tensor) = tensor {
        assert_eq!(tensor.shape(), array.expect("readable in its own type, so readable as numbers").shape());
    }
});
