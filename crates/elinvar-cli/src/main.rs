//! The command `elinvar`.

use std::process::ExitCode;

/// One that keeps the memory of arrays for the next ones: a training step makes and drops many, and new pages cost up to half of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(elinvar_cli::program(std::env::args_os().skip(1)))
}
