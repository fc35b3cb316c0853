//! The command `elinvar`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(elinvar_cli::program(std::env::args_os().skip(1)))
}
