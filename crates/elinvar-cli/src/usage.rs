//! What is wrong with a command line, in one line that names the nearest thing that exists.

use crate::flags;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use elinvar_core::error::{nearest, suggestion};
use elinvar_core::{Error, Kind, Method, Verb};
use std::ffi::OsString;

const FIXED: [&str; 9] = ["list", "info", "data", "doctor", "reproduce", "report", "sweep", "completions", "man"];

/// The command line names no command.
pub(crate) fn no_command() -> Error {
    Error::new(Kind::Parameter, "there is no command").hint("see `elinvar --help`")
}

/// The one line for an error of the argument parser.
pub(crate) fn explain(error: &clap::Error, arguments: &[OsString], methods: &[Method]) -> Error {
    let words: Vec<&str> = arguments.iter().filter_map(|a| a.to_str()).filter(|a| !a.starts_with('-') && *a != "sweep").collect();
    let method = words.first().and_then(|word| methods.iter().find(|m| m.card.slug == *word));
    let verb = method.and_then(|m| words.get(1).and_then(|word| m.verbs.iter().find(|v| v.name == *word)));
    let told = match error.kind() {
        ErrorKind::InvalidSubcommand => unknown_command(&context(error, ContextKind::InvalidSubcommand), method, methods),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => missing_command(method),
        ErrorKind::UnknownArgument => unknown_flag(error, verb),
        ErrorKind::MissingRequiredArgument => missing(error),
        ErrorKind::ArgumentConflict => conflict(error),
        ErrorKind::InvalidValue | ErrorKind::NoEquals | ErrorKind::TooFewValues => {
            let flag = context(error, ContextKind::InvalidArg);
            Error::new(Kind::Parameter, format!("the flag '{}' needs a value", name_of(&flag)))
        }
        _ => Error::new(Kind::Parameter, first_line(error)),
    };
    match method {
        Some(method) => told.in_method(method.card.slug),
        None => told,
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

fn unknown_command(word: &str, method: Option<&Method>, methods: &[Method]) -> Error {
    if let Some(method) = method {
        return match method.verb(word) {
            Err(error) => error,
            Ok(_) => no_command(),
        };
    }
    let slugs = || methods.iter().map(|m| m.card.slug);
    let hint = match nearest(word, FIXED.into_iter().chain(slugs())) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "`elinvar list` shows the methods, `elinvar --help` the commands".into(),
    };
    Error::new(Kind::Parameter, format!("there is no command or method '{word}'")).hint(hint)
}

fn missing_command(method: Option<&Method>) -> Error {
    match method {
        Some(method) => {
            let verbs = method.verbs.iter().map(|v| v.name).collect::<Vec<_>>().join(", ");
            Error::new(Kind::Parameter, "there is no task").hint(format!("the tasks are: {verbs}"))
        }
        None => no_command(),
    }
}

/// A flag that does not exist is a slip in the name of a parameter, an input or a flag of the command.
fn unknown_flag(error: &clap::Error, verb: Option<&Verb>) -> Error {
    let given = context(error, ContextKind::InvalidArg);
    let Some(word) = given.strip_prefix("--").map(|word| word.split('=').next().unwrap_or(word)) else {
        return Error::new(Kind::Parameter, format!("there is no place for '{given}'")).hint("see --help");
    };
    let suggested = context(error, ContextKind::SuggestedArg);
    let near_flag = nearest(word, suggested.trim_start_matches('-').split(' ').take(1).filter(|s| !s.is_empty())).map(str::to_owned);
    let Some(verb) = verb else {
        let hint = near_flag.map_or("see --help".into(), |near| format!("did you mean '--{near}'?"));
        return Error::new(Kind::Parameter, format!("there is no flag '--{word}'")).hint(hint);
    };
    let inputs: Vec<String> = verb.inputs.iter().map(|f| f.flag_name()).collect();
    let others = inputs.iter().map(String::as_str).chain(near_flag.as_deref());
    let parameters: Vec<String> = verb.params.names().iter().map(|n| flags::flag_name(n)).collect();
    let best = nearest(word, parameters.iter().map(String::as_str).chain(others));
    match best {
        Some(near) if !parameters.iter().any(|p| p == near) => {
            Error::new(Kind::Parameter, format!("there is no flag '--{word}'")).hint(format!("did you mean '--{near}'?"))
        }
        None if parameters.is_empty() => {
            let flags = inputs.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", ");
            Error::new(Kind::Parameter, format!("there is no flag '--{word}'")).hint(format!("the inputs are: {flags}"))
        }
        _ => {
            // The same sentence as in Rust and Python, where there are only parameters.
            let name = word.replace('-', "_");
            Error::new(Kind::Parameter, format!("there is no parameter '{name}'")).hint(suggestion(
                &name,
                &verb.params.names(),
                "the parameters are",
            ))
        }
    }
}

fn missing(error: &clap::Error) -> Error {
    let what = context(error, ContextKind::InvalidArg);
    let names: Vec<String> = what.split(", ").map(name_of).collect();
    Error::new(Kind::Parameter, format!("{} must be given", names.join(" and "))).hint("see --help")
}

fn conflict(error: &clap::Error) -> Error {
    let (first, second) = (context(error, ContextKind::InvalidArg), context(error, ContextKind::PriorArg));
    let (first, second) = (name_of(&first), name_of(&second));
    let message = if first == second || second.is_empty() {
        format!("the flag '{first}' can be given once only")
    } else {
        format!("'{first}' and '{second}' cannot both be given")
    };
    Error::new(Kind::Parameter, message)
}

/// `--out` of `--out <FILE>`.
fn name_of(argument: &str) -> String {
    argument.split([' ', '=', '[']).next().unwrap_or(argument).to_owned()
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or("the command line cannot be read").trim_start_matches("error: ").to_owned()
}
