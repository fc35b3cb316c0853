//! Text tables: whatever is read can be written and read again.
#![no_main]

use elinvar_data::{Format, read_array_from, read_table_from, write_table_to};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_array_from("fuzz.csv", bytes);
    let Ok(table) = read_table_from("fuzz.csv", bytes) else { return };
    let mut written = Vec::new();
    write_table_to(&mut written, &table, Format::Parquet).expect("a table that was read can be written");
    let again = read_table_from("fuzz.parquet", &written).expect("what was written can be read");
    assert_eq!((again.names(), again.n_rows()), (table.names(), table.n_rows()));
});
