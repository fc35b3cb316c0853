//! What `reproduce` and `sweep` share: flags of a run of trials, its environment, and how to go on when it was stopped.

use crate::terminal::{Terminal, end_process};
use crate::{options, progress};
use clap::{Arg, ArgAction, ArgMatches};
use elinvar_core::reproduction::{Run, Shard, Study, collect};
use elinvar_core::{Context, Error, Kind, Result};
use elinvar_report::EvidenceStore;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

/// How long running trials may take to answer a stop before they are abandoned.
const GRACE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Flags of a run of trials.
pub(crate) fn flags() -> [Arg; 2] {
    [
        Arg::new("shard").long("shard").value_name("I/N").help("Run only the I-th of N shares of the trials [default: 1/1]"),
        Arg::new("retry-failed").long("retry-failed").action(ArgAction::SetTrue).help("Run trials again that ended in an error"),
    ]
}

/// The share of the trials that the flags ask for.
pub(crate) fn shard(matches: &ArgMatches) -> Result<Shard> {
    options::text(matches, "shard").unwrap_or("1/1").parse()
}

/// How to run trials, as the flags say.
pub(crate) fn request(matches: &ArgMatches, context: &Context, terminal: &Terminal) -> Result<Run> {
    let environment = elinvar_report::environment_of(elinvar::VERSION, context);
    let progress = progress::sink(matches, terminal)?;
    Ok(Run { shard: shard(matches)?, retry_failed: matches.get_flag("retry-failed"), environment, progress })
}

/// Tells what damaged files the store found.
pub(crate) fn show_warnings(matches: &ArgMatches, store: &EvidenceStore, terminal: &Terminal) {
    if !matches.get_flag("quiet") {
        for warning in store.warnings() {
            terminal.note(&format!("warning: {warning}"));
        }
    }
}

/// What is said when a run of trials was stopped. While it lives, trials that do not answer a stop are abandoned: nothing is lost by it, a trial
/// is stored whole or not at all.
pub(crate) struct Farewell<'a> {
    study: &'a dyn Study,
    store: &'a EvidenceStore,
    /// Its end is the end of the watch.
    _watch: Sender<()>,
}

impl<'a> Farewell<'a> {
    /// Watches over a run.
    pub(crate) fn new(study: &'a dyn Study, store: &'a EvidenceStore, context: &Context, terminal: &Terminal) -> Self {
        let (watch, end) = mpsc::channel();
        let (cancel, left, stream) = (context.cancel_flag(), context.time_left(), terminal.errors.clone());
        let text =
            format!("{}: finished trials are kept in '{}', the same command goes on from there", study.name(), store.folder().display());
        let abandons = terminal.owns_process;
        let watching = move || {
            let mut waited = Duration::ZERO;
            let deadline = left.map_or(Duration::MAX, |left| left.saturating_add(GRACE));
            let mut since_stop = Duration::ZERO;
            while end.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                waited += LOOK_EVERY;
                since_stop += if cancel.is_cancelled() { LOOK_EVERY } else { Duration::ZERO };
                if abandons && since_stop >= GRACE {
                    end_process(&stream, &format!("error: interrupted, running trials were abandoned; {text}"), Kind::Interrupted);
                }
                if abandons && waited >= deadline {
                    end_process(&stream, &format!("error: the time limit passed, running trials were abandoned; {text}"), Kind::Time);
                }
            }
        };
        // Without a thread to be had nobody watches; trials then answer at their next step.
        let _ = std::thread::Builder::new().name("watch".into()).spawn(watching);
        Self { study, store, _watch: watch }
    }

    /// The error of a run that was stopped, with what is kept.
    pub(crate) fn say_how_to_go_on(&self, error: Error) -> Error {
        if !matches!(error.kind(), Kind::Interrupted | Kind::Time) {
            return error;
        }
        let kept = collect(self.study, self.store).map_or(0, |evidence| evidence.len());
        let hint = format!("{kept} finished trials are kept in '{}', the same command goes on from there", self.store.folder().display());
        let what = if error.kind() == Kind::Time { "the time limit passed" } else { "interrupted" };
        Error::new(error.kind(), what).hint(hint).in_method(self.study.name())
    }
}
