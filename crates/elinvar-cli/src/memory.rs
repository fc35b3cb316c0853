//! `--mem-limit`: large arrays are refused before they are made; what adds up from many small ones is seen here.

use crate::terminal::{Terminal, end_process};
use elinvar_core::Kind;
use elinvar_core::context::human_bytes;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends the process when it holds more than `limit` bytes.
pub(crate) fn watch(limit: u64, terminal: &Terminal) {
    if !terminal.owns_process {
        return;
    }
    let stream = terminal.errors.clone();
    let watching = move || {
        while let Some(usage) = memory_stats::memory_stats() {
            let held = usage.physical_mem as u64;
            if held > limit {
                let what = format!("error: {} of memory are in use, the limit is {}", human_bytes(held), human_bytes(limit));
                let line = format!("{what}; raise --mem-limit, use fewer --threads or give less data");
                end_process(&stream, &line, Kind::Memory);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    };
    // Without a thread to be had nobody watches; single large arrays are still refused.
    let _ = std::thread::Builder::new().name("memory".into()).spawn(watching);
}
