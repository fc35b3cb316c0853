//! The evidence store, its kill test, the files of a report and the page in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::exit)]

mod browser;
mod kill;
mod page;
mod sample;
mod store;
