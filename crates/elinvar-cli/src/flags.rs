//! Flags made from the declared parameters, and parameters read from a file and from flags.

use crate::files;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};
use elinvar_core::params::{Domain, Parameter};
use elinvar_core::{Error, Result, Spec};
use serde_json::{Map, Value};
use std::path::Path;

/// One flag a parameter, and `--params`.
pub(crate) fn of_spec(spec: &Spec) -> Vec<Arg> {
    let file = Arg::new("params")
        .long("params")
        .value_name("FILE")
        .help("Parameters as TOML or JSON; flags override them")
        .help_heading("Parameters");
    let own = spec.parameters.iter().flat_map(|parameter| std::iter::once(of_parameter(parameter)).chain(shorthand(parameter)));
    if spec.parameters.is_empty() { Vec::new() } else { std::iter::once(file).chain(own).collect() }
}

fn of_parameter(parameter: &Parameter) -> Arg {
    let flag = Arg::new(id(&parameter.name))
        .long(flag_name(&parameter.name))
        .help(help(parameter))
        .value_name(value_name(&parameter.domain))
        .allow_negative_numbers(true)
        .help_heading("Parameters");
    match parameter.domain {
        // `--exact` or `--exact=false`; without the equals sign the next argument would be taken for the value.
        Domain::Bool => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
        // `--band 8 35`: a list of fixed length is that many words.
        Domain::List { .. } => flag.num_args(parameter.length.unwrap_or(1)),
        _ => flag,
    }
}

/// `--exact`, the same as `--method exact`.
fn shorthand(parameter: &Parameter) -> Option<Arg> {
    let word = parameter.shorthand.as_ref()?;
    let flag = Arg::new(shorthand_id(&parameter.name)).long(word.clone()).action(ArgAction::SetTrue).conflicts_with(id(&parameter.name));
    Some(flag.help(format!("The same as --{} {word}", flag_name(&parameter.name))).help_heading("Parameters"))
}

fn shorthand_id(parameter: &str) -> String {
    format!("shorthand:{parameter}")
}

/// Name of a parameter's argument, apart from those of inputs and of the command itself.
pub(crate) fn id(parameter: &str) -> String {
    format!("parameter:{parameter}")
}

/// The flag of a parameter, without dashes in front.
pub(crate) fn flag_name(parameter: &str) -> String {
    parameter.replace('_', "-")
}

fn help(parameter: &Parameter) -> String {
    let default = show(&parameter.default);
    let expected = parameter.expected();
    format!("{} [default: {default}] [{expected}]", parameter.doc.trim_end_matches('.'))
}

fn value_name(domain: &Domain) -> &'static str {
    match domain {
        Domain::Bool => "true|false",
        Domain::Integer => "INTEGER",
        Domain::Number => "NUMBER",
        Domain::Text => "TEXT",
        Domain::Choice { .. } => "WORD",
        Domain::List { .. } => "LIST",
        Domain::Map { .. } => "NAME=VALUE,...",
        Domain::Either { .. } | Domain::Any => "VALUE",
    }
}

/// A parameter's value as a person writes it: `none`, `64,64`, `age=continuous`.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(","),
        Value::Object(items) if items.is_empty() => "none".into(),
        Value::Object(items) => items.iter().map(|(k, v)| format!("{k}={}", show(v))).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Parameters of a call: those of `--params` first, flags over them. Absent ones get their default later.
///
/// # Errors
/// For a file that cannot be read, an unknown name or a value out of range.
pub(crate) fn read(spec: &Spec, matches: &ArgMatches) -> Result<Map<String, Value>> {
    if spec.parameters.is_empty() {
        return Ok(Map::new());
    }
    let mut values = match matches.get_one::<String>("params") {
        Some(path) => read_file(Path::new(path))?,
        None => Map::new(),
    };
    spec.check(&values)?;
    for parameter in &spec.parameters {
        let id = id(&parameter.name);
        let given = matches.value_source(&id) == Some(ValueSource::CommandLine);
        if let Some(words) = matches.get_many::<String>(&id).filter(|_| given) {
            let text = words.map(String::as_str).collect::<Vec<_>>().join(",");
            values.insert(parameter.name.clone(), parameter.parse(&text)?);
        }
        if let Some(word) = parameter.shorthand.as_ref().filter(|_| matches.get_flag(&shorthand_id(&parameter.name))) {
            values.insert(parameter.name.clone(), parameter.parse(word)?);
        }
    }
    Ok(values)
}

fn read_file(path: &Path) -> Result<Map<String, Value>> {
    let text = files::read_text(path)?;
    let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let value: Value = if is_json {
        serde_json::from_str(&text).map_err(|e| Error::file(path, format!("is no JSON: {e}")))?
    } else {
        let table: toml::Table = text.parse().map_err(|e| toml_error(path, &text, &e))?;
        serde_json::to_value(table).map_err(|e| Error::file(path, e))?
    };
    match value {
        Value::Object(values) => Ok(values),
        other => Err(Error::file(path, format!("must hold names and values of parameters, got {other}"))),
    }
}

/// `file: line 3: message`, where the library's own text draws a picture over several lines.
fn toml_error(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
    Error::file(path, format!("line {line}: {}", error.message()))
}
