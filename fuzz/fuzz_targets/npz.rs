//! Zip archives of arrays.
#![no_main]

use elinvar_data::{describe_from, read_arrays_from, read_members_from, read_table_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_arrays_from("fuzz.npz", bytes);
    let _ = read_members_from("fuzz.npz", bytes);
    let _ = read_table_from("fuzz.npz", bytes);
    let _ = describe_from("fuzz.npz", bytes);
});
