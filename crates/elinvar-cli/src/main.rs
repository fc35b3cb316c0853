//! The command `elinvar`.

use elinvar_cli::Terminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    let terminal = Terminal::standard();
    let cancel = terminal.cancel.clone();
    // A second Ctrl-C does not wait for the next step of the work.
    let stop = move || if cancel.is_cancelled() { leave_at_once() } else { cancel.cancel() };
    // Without a handler Ctrl-C ends the process at once, which loses nothing that is stored: files are written whole or not at all.
    let _ = ctrlc::set_handler(stop);
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        // A panic is caught and becomes one line on stderr; the hook's own text would stand beside it.
        std::panic::set_hook(Box::new(|_| {}));
    }
    ExitCode::from(elinvar_cli::run(std::env::args_os().skip(1), elinvar::methods, terminal))
}

#[allow(clippy::exit, reason = "a signal handler has no caller to return to")]
fn leave_at_once() {
    std::process::exit(130)
}
