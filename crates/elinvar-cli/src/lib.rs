//! The command line of Elinvar as a function of arguments, registry and streams.
//!
//! Everything of a method (flags, help, inputs, outputs) is read from its [`Method`]; this crate knows none of them by name.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod about;
mod archive;
mod command;
mod files;
mod flags;
mod inputs;
mod memory;
mod options;
mod progress;
mod reproduce;
mod save;
mod show;
mod sweep;
mod task;
mod terminal;
mod trials;
mod usage;

pub use command::whole_command;
pub use terminal::{SharedWriter, Terminal};

use clap::ArgMatches;
use elinvar_core::method::catch_panic;
use elinvar_core::{Error, Kind, Method, Result, find};
use serde_json::json;
use std::ffi::OsString;

/// The whole program: one command with the streams of the process, where Ctrl-C stops the work. Returns the exit code.
pub fn program(arguments: impl IntoIterator<Item = OsString>) -> u8 {
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
    run(arguments, elinvar::methods, terminal)
}

#[allow(clippy::exit, reason = "a signal handler has no caller to return to")]
fn leave_at_once() {
    std::process::exit(130)
}

/// Runs one command and returns its exit code. Errors are one line on `terminal.errors`, JSON under `--json`.
///
/// `methods` makes the registry; it is a function so that a call that needs none of it (`--version`) stays fast.
pub fn run(arguments: impl IntoIterator<Item = OsString>, methods: impl FnOnce() -> Vec<Method>, mut terminal: Terminal) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let as_json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    // A name must never run into the text of the error that reports it, whatever the panic left behind.
    let result = catch_panic(|| dispatch(&arguments, &methods(), &mut terminal));
    let result = result.and_then(|code| terminal.flush().map(|()| code));
    match result {
        Ok(code) => code,
        Err(error) => {
            let _ = terminal.flush();
            terminal.note(&render_error(&error, as_json, terminal.color));
            error.kind().exit_code()
        }
    }
}

fn dispatch(arguments: &[OsString], methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let matches = match command::command_for(arguments, methods).try_get_matches_from(with_program(arguments)) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => return Err(usage::explain(&error, arguments, methods)),
        // Help and version are results.
        Err(help) => {
            let text = if terminal.color { help.render().ansi().to_string() } else { help.render().to_string() };
            return terminal.print(&text).map(|()| 0);
        }
    };
    let (name, sub) = matches.subcommand().ok_or_else(usage::no_command)?;
    match name {
        "list" => about::list(sub, methods, terminal),
        "info" => about::info(sub, methods, terminal),
        "doctor" => about::doctor(sub, methods, terminal),
        "completions" => about::completions(sub, methods, terminal),
        "man" => about::man(sub, methods, terminal),
        "data" => about::data(sub, terminal),
        "reproduce" => reproduce::reproduce(sub, methods, terminal),
        "report" => reproduce::report(sub, methods, terminal),
        "sweep" => sweep::sweep(sub, methods, terminal),
        slug => run_method(find(methods, slug)?, sub, terminal),
    }
}

fn run_method(method: &Method, matches: &ArgMatches, terminal: &mut Terminal) -> Result<u8> {
    let (verb, sub) = matches.subcommand().ok_or_else(usage::no_command)?;
    task::run(method, method.verb(verb)?, sub, terminal).map_err(|e| e.in_method(method.card.slug))
}

fn with_program(arguments: &[OsString]) -> impl Iterator<Item = OsString> {
    std::iter::once(OsString::from("elinvar")).chain(arguments.iter().cloned())
}

/// The one line that reports an error.
fn render_error(error: &Error, as_json: bool, color: bool) -> String {
    if as_json {
        let body = json!({
            "kind": kind_name(error.kind()),
            "method": error.method(),
            "message": error.to_string(),
            "hint": error.hint_text(),
            "exit_code": error.kind().exit_code(),
        });
        return json!({ "error": body }).to_string();
    }
    // Texts of other libraries may have several lines.
    let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    if color { format!("\u{1b}[1;31merror:\u{1b}[0m {message}") } else { format!("error: {message}") }
}

fn kind_name(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}
