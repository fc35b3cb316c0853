//! Commands about the program itself: list, info, doctor, completions, man, data.

use crate::command::{EXIT_CODES, exit_code_lines, whole_command};
use crate::terminal::Terminal;
use crate::{files, flags, options};
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use elinvar_core::{Error, Method, Result, Verb, VerbKind, find};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn commands() -> Vec<Command> {
    let method = Arg::new("method").value_name("METHOD").required(true).help("Method, as `elinvar list` names it");
    let file = Arg::new("file").value_name("FILE").required(true).help("Table, array file or model");
    let shell = Arg::new("shell").value_name("SHELL").required(true).help("bash, elvish, fish, powershell or zsh");
    let folder = Arg::new("folder").value_name("DIR").required(true).help("Folder for the pages");
    let words = Arg::new("words").value_name("WORD").num_args(0..).help("Only methods that have to do with these words");
    vec![
        Command::new("list").about("All methods").arg(words),
        Command::new("info").about("The page of a method").arg(method),
        Command::new("data")
            .about("Look at data files")
            .subcommand_required(true)
            .subcommand(Command::new("show").about("Columns, shapes and types of a file").arg(file)),
        Command::new("doctor").about("Version, machine and exit codes"),
        Command::new("completions").about("Completions for a shell, on stdout").arg(shell),
        Command::new("man").about("Manual pages, one a command").arg(folder),
    ]
}

pub(crate) fn list(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let words: Vec<String> = matches.get_many::<String>("words").unwrap_or_default().map(|w| w.to_lowercase()).collect();
    let found: Vec<&Method> = methods.iter().filter(|m| words.iter().all(|word| describes(m, word))).collect();
    if matches.get_flag("json") {
        let cards = found.iter().map(|m| card_json(m)).collect();
        return terminal.print(&Value::Array(cards).to_string()).map(|()| 0);
    }
    let width = found.iter().map(|m| m.card.slug.len()).max().unwrap_or(0);
    let family = found.iter().map(|m| m.card.family.len()).max().unwrap_or(0);
    let line = |m: &&Method| format!("{:width$}  {:family$}  {}\n", m.card.slug, m.card.family, m.card.summary);
    terminal.print(&found.iter().map(line).collect::<String>()).map(|()| 0)
}

/// Whether a word stands in the method's card.
fn describes(method: &Method, word: &str) -> bool {
    let card = &method.card;
    let texts = [card.slug, card.title, card.family, card.summary, card.paper.title, card.paper.authors];
    texts.iter().chain(card.keywords).any(|text| text.to_lowercase().contains(word))
}

fn card_json(method: &Method) -> Value {
    let mut card = serde_json::to_value(method.card).unwrap_or_default();
    card["tasks"] = method.verbs.iter().map(|v| v.name).collect();
    card
}

pub(crate) fn info(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let slug = options::text(matches, "method").unwrap_or_default();
    let method = find(methods, slug)?;
    if matches.get_flag("json") {
        return terminal.print(&info_json(method).to_string()).map(|()| 0);
    }
    let text =
        format!("{}\n## Tasks\n\n{}", with_end(method.readme), method.verbs.iter().map(|v| verb_text(method, v)).collect::<String>());
    terminal.print(&text).map(|()| 0)
}

fn with_end(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

fn info_json(method: &Method) -> Value {
    let mut card = card_json(method);
    let verb = |v: &Verb| json!({ "name": v.name, "kind": v.kind, "summary": v.summary, "parameters": v.params.parameters, "inputs": v.inputs, "outputs": v.outputs });
    card["tasks"] = method.verbs.iter().map(verb).collect();
    card["claims"] = serde_json::to_value(method.reproduction.claims()).unwrap_or_default();
    card["readme"] = json!(method.readme);
    card
}

/// The task as a person types it, and its parameters.
fn verb_text(method: &Method, verb: &Verb) -> String {
    let model = if verb.kind == VerbKind::Apply { format!(" --{} MODEL", method.model_flag) } else { String::new() };
    let mut text = format!("elinvar {} {}{model}: {}\n", method.card.slug, verb.name, verb.summary);
    for field in verb.inputs {
        let optional = if field.optional { " (optional)" } else { "" };
        text.push_str(&format!("  --{}: {}{optional}\n", field.flag_name(), field.doc));
    }
    for parameter in &verb.params.parameters {
        let default = flags::show(&parameter.default);
        text.push_str(&format!("  --{} [{default}]: {}\n", flags::flag_name(&parameter.name), parameter.doc));
    }
    text.push('\n');
    text
}

pub(crate) fn doctor(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let environment = elinvar_report::detect_environment(elinvar::VERSION);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let devices: Vec<String> = elinvar::devices().iter().map(ToString::to_string).collect();
    if matches.get_flag("json") {
        let codes: Vec<Value> = EXIT_CODES.iter().map(|(code, meaning)| json!({ "code": code, "meaning": meaning })).collect();
        let report = json!({
            "version": environment.version, "machine": environment.machine, "threads": threads, "devices": devices,
            "methods": methods.len(), "exit_codes": codes,
        });
        return terminal.print(&report.to_string()).map(|()| 0);
    }
    let slugs = methods.iter().map(|m| m.card.slug).collect::<Vec<_>>().join(", ");
    let text = format!(
        "version  {}\nmachine  {}\nthreads  {threads}\ndevices  {}\nmethods  {}: {slugs}\n\nExit codes:\n{}\n",
        environment.version,
        environment.machine,
        devices.join(", "),
        methods.len(),
        exit_code_lines()
    );
    terminal.print(&text).map(|()| 0)
}

pub(crate) fn completions(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let shells = ["bash", "elvish", "fish", "powershell", "zsh"];
    let shell = options::word("shell", options::text(matches, "shell").unwrap_or_default(), &shells)?;
    let shell: Shell = shell.parse().map_err(|e: String| Error::internal(e))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole_command(methods), "elinvar", &mut script);
    terminal.print_bytes(&script).map(|()| 0)
}

pub(crate) fn man(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let folder = Path::new(options::text(matches, "folder").unwrap_or_default());
    let cannot = |e: std::io::Error| Error::file(folder, format!("the manual pages cannot be written: {e}"));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    clap_mangen::generate_to(whole_command(methods), folder).map_err(cannot)?;
    terminal.print(&format!("manual pages written to {}", folder.display())).map(|()| 0)
}

pub(crate) fn data(matches: &ArgMatches, terminal: &mut Terminal) -> Result<u8> {
    let sub = matches.subcommand_matches("show").ok_or_else(crate::usage::no_command)?;
    let path = options::text(sub, "file").unwrap_or_default();
    let text = files::describe(Path::new(path), sub.get_flag("json"))?;
    terminal.print(&text).map(|()| 0)
}
