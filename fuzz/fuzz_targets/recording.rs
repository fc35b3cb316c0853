//! EDF, BDF and GDF recordings.
#![no_main]

use elinvar_data::recording::{Cut, read_signals_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = read_signals_from("fuzz", bytes) {
        let _ = read.epochs(&Cut { tmax: 0.5, ..Cut::default() });
    }
});
