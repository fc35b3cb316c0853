//! Tensor files and models: a model that is read is written as the same model.
#![no_main]

use elinvar_data::{ModelFile, read_arrays_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_arrays_from("fuzz.safetensors", bytes);
    if let Ok(model) = ModelFile::from_bytes("fuzz.safetensors", bytes) {
        let written = model.to_bytes().expect("a model that was read can be written");
        let again = ModelFile::from_bytes("fuzz.safetensors", &written).expect("what was written can be read");
        assert_eq!(again.to_bytes().ok(), Some(written));
    }
});
