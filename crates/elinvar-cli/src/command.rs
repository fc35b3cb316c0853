//! The tree of commands: the fixed ones, and one a method made from its declaration.

use crate::{about, flags, inputs, options, reproduce, sweep};
use clap::{Arg, ArgAction, Command};
use elinvar_core::{Method, Verb, VerbKind};
use std::ffi::OsString;

/// Exit codes as the help texts print them; they are [`Kind::exit_code`].
pub(crate) const EXIT_CODES: [(u8, &str); 10] = [
    (0, "done; of `reproduce` and `report`: every judged claim is reproduced"),
    (1, "a judged claim is not reproduced"),
    (2, "unknown flag or parameter, or a value out of range"),
    (3, "the data are not what the method needs"),
    (4, "a file cannot be read or written, or is damaged"),
    (5, "the model is of another method or a newer format"),
    (6, "a computation met a non-finite value or did not converge (--strict)"),
    (7, "the memory or time limit was reached"),
    (70, "a defect of this program"),
    (130, "interrupted by Ctrl-C"),
];

/// The tree that can read these arguments: only the flags of the method that they name are built.
pub(crate) fn command_for(arguments: &[OsString], methods: &[Method]) -> Command {
    let mut words = arguments.iter().filter_map(|a| a.to_str()).filter(|a| !a.starts_with('-'));
    match words.next() {
        Some("help") => whole_command(methods),
        Some("sweep") => {
            let slug = words.next();
            root(methods, |_| false, |method| slug == Some(method.card.slug))
        }
        first => root(methods, |method| first == Some(method.card.slug), |_| false),
    }
}

/// The whole tree, for completions, man pages and tests.
pub fn whole_command(methods: &[Method]) -> Command {
    root(methods, |_| true, |_| true)
}

fn root(methods: &[Method], expand: impl Fn(&Method) -> bool, expand_sweep: impl Fn(&Method) -> bool) -> Command {
    let fixed = about::commands().into_iter().chain(reproduce::commands()).chain([sweep::command(methods, expand_sweep)]);
    let of_methods = methods.iter().map(|method| if expand(method) { method_command(method) } else { stub(method) });
    Command::new("elinvar")
        .version(elinvar::VERSION)
        .about("Published methods for learning what stays the same when the world changes")
        .after_help(format!("Exit codes:\n{}", exit_code_lines()))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(global_flags())
        .subcommands(fixed)
        .subcommands(of_methods)
}

/// One line an exit code.
pub(crate) fn exit_code_lines() -> String {
    EXIT_CODES.iter().map(|(code, meaning)| format!("{code:>5}  {meaning}")).collect::<Vec<_>>().join("\n")
}

fn global_flags() -> [Arg; 2] {
    [
        Arg::new("json").long("json").action(ArgAction::SetTrue).global(true).help("Results on stdout, and an error on stderr, as JSON"),
        Arg::new("quiet").long("quiet").short('q').action(ArgAction::SetTrue).global(true).help("No progress and no warnings on stderr"),
    ]
}

fn stub(method: &Method) -> Command {
    Command::new(method.card.slug).about(method.card.summary)
}

fn method_command(method: &Method) -> Command {
    let card = &method.card;
    stub(method)
        .long_about(format!("{}\n\n{}\n{} ({}), {}", card.title, card.summary, card.paper.title, card.paper.year, card.paper.reference))
        .after_help(format!("`elinvar info {}` shows the method's page", card.slug))
        .subcommand_required(true)
        .subcommands(method.verbs.iter().map(|verb| verb_command(method, verb)))
}

fn verb_command(method: &Method, verb: &Verb) -> Command {
    let output = match verb.kind {
        VerbKind::Fit => Arg::new("out").required(true).help("Model file to write (.safetensors)"),
        VerbKind::Measure | VerbKind::Apply => Arg::new("out").help(
            "File for the results instead of stdout: .csv, .parquet or .npy for one table or array, .npz for all arrays, .json for everything",
        ),
    };
    let output = output.long("out").value_name("FILE").help_heading("Output");
    let model = (verb.kind == VerbKind::Apply)
        .then(|| Arg::new("model").long(method.model_flag).value_name("FILE").required(true).help("Fitted model").help_heading("Inputs"));
    Command::new(verb.name)
        .about(verb.summary)
        .args(model)
        .args(inputs::flags(verb))
        .args(flags::of_spec(&verb.params))
        .arg(output)
        .args(options::flags())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_documented() {
        use elinvar_core::Kind::*;
        for kind in [Parameter, Input, File, Model, Numeric, Memory, Time, Interrupted, Internal] {
            assert!(EXIT_CODES.iter().any(|(code, _)| *code == kind.exit_code()), "{kind:?}");
        }
    }

    #[test]
    fn the_tree_of_the_registry_is_consistent() {
        whole_command(&elinvar::methods()).debug_assert();
    }
}
