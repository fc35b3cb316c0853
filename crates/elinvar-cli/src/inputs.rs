//! Inputs of a task from the command line: files, columns of the data table, and the columns that are left.

use crate::terminal::Terminal;
use crate::{archive, files};
use clap::{Arg, ArgMatches};
use elinvar_core::{Bundle, Error, Field, Item, Kind, Origin, Result, Shape, Table, Verb};
use ndarray::Axis;
use std::path::Path;

/// The flags of a task's inputs, with DATA where some of them are columns.
pub(crate) fn flags(verb: &Verb) -> Vec<Arg> {
    let mut all = Vec::new();
    if takes_table(verb) {
        let table = |id: &'static str| Arg::new(id).value_name("DATA").help_heading("Inputs");
        all.push(table("DATA").help("Data table: .csv, .csv.gz, .parquet, or - for CSV on standard input"));
        if !verb.inputs.iter().any(|field| field.flag_name() == "data") {
            all.push(table("data").long("data").conflicts_with("DATA").help("Data table, the same as DATA"));
        }
    }
    all.extend(archive::flags(verb));
    all.extend(offered(verb).map(flag));
    all
}

/// Functions have no form on a command line.
fn offered(verb: &Verb) -> impl Iterator<Item = &Field> {
    verb.inputs.iter().filter(|field| field.shape != Shape::Function)
}

fn takes_table(verb: &Verb) -> bool {
    offered(verb).any(|field| matches!(field.origin, Origin::Columns | Origin::Rest))
}

fn flag(field: &Field) -> Arg {
    let (value, what) = match (field.origin, field.shape) {
        (Origin::File, Shape::Scalar) => ("NUMBER", ""),
        (Origin::File, Shape::Document) => ("FILE", " [a text file]"),
        (Origin::File, Shape::Path) => ("FILE", ""),
        (Origin::File, Shape::Json) => ("FILE", " [.json]"),
        (Origin::File, _) => ("FILE", " [.csv, .parquet, .npy, .npz:NAME, or - for CSV on standard input]"),
        (Origin::Columns, Shape::Scalar | Shape::Vector) => ("COLUMN", " [a column of DATA]"),
        (Origin::Columns, _) => ("COLUMNS", " [columns of DATA, with commas between]"),
        (Origin::Member, _) => archive::flag_of(field),
        (Origin::Rest, _) => ("COLUMNS", " [default: the columns of DATA that nothing else takes]"),
    };
    let optional = if field.optional || matches!(field.origin, Origin::Rest | Origin::Member) { "" } else { " (required)" };
    Arg::new(id(field))
        .long(field.flag_name())
        .value_name(value)
        .allow_negative_numbers(true)
        .help(format!("{}{what}{optional}", field.doc.trim_end_matches('.')))
        .help_heading("Inputs")
}

fn id(field: &Field) -> String {
    format!("input:{}", field.name)
}

/// Reads the inputs that the flags name.
///
/// # Errors
/// For a file or column that is not there or not what the input needs. Missing inputs are reported by the method itself.
pub(crate) fn read(verb: &Verb, matches: &ArgMatches, terminal: &mut Terminal) -> Result<Bundle<'static>> {
    let mut inputs = Bundle::new();
    let mut standard_input_is_used = false;
    let mut once = |text: &str| match text == "-" && std::mem::replace(&mut standard_input_is_used, true) {
        true => Err(Error::new(Kind::Parameter, "'-' (standard input) can be given once only").hint("give the other inputs as files")),
        false => Ok(()),
    };
    if takes_table(verb) {
        read_columns(verb, matches, terminal, &mut once, &mut inputs)?;
    }
    if archive::members(verb).next().is_some() {
        archive::read(verb, matches, |field| matches.get_one::<String>(&id(field)), terminal, &mut inputs)?;
    }
    for field in offered(verb).filter(|field| field.origin == Origin::File) {
        if let Some(text) = matches.get_one::<String>(&id(field)) {
            once(text)?;
            inputs.insert(field.name, read_file(field, text, terminal)?);
        }
    }
    Ok(inputs)
}

/// A list of numbers in a file is a matrix of one column: nobody can reshape on a command line.
fn read_file(field: &Field, text: &str, terminal: &mut Terminal) -> Result<Item<'static>> {
    let path = Path::new(text);
    match field.shape {
        Shape::Scalar => match text.parse::<f64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(Error::input(format!("'{}' must be one number, got '{text}'", field.name))),
        },
        Shape::Document => Ok(Item::Document { name: text.to_owned(), text: files::read_text(path)? }),
        Shape::Path => Ok(Item::Json(text.into())),
        Shape::Json => files::read_json(path).map(Item::Json),
        Shape::Table => files::read_table(text, terminal).map(Item::Table),
        Shape::Matrix => files::read_numbers(text, terminal).map(|item| match item {
            Item::Array(a) if a.ndim() == 1 => Item::from(a.into_owned().insert_axis(Axis(1))),
            Item::Array32(a) if a.ndim() == 1 => Item::from(a.into_owned().insert_axis(Axis(1))),
            Item::Integers(a) if a.ndim() == 1 => Item::from(a.insert_axis(Axis(1))),
            other => other,
        }),
        _ => files::read_numbers(text, terminal),
    }
}

fn read_columns(
    verb: &Verb,
    matches: &ArgMatches,
    terminal: &mut Terminal,
    once: &mut dyn FnMut(&str) -> Result<()>,
    inputs: &mut Bundle<'static>,
) -> Result<()> {
    let named: Vec<(&Field, &String)> = offered(verb)
        .filter(|field| matches!(field.origin, Origin::Columns | Origin::Rest))
        .filter_map(|field| matches.get_one::<String>(&id(field)).map(|text| (field, text)))
        .collect();
    let Some(data) = matches.get_one::<String>("DATA").or_else(|| matches.try_get_one::<String>("data").ok().flatten()) else {
        return match named.first() {
            Some((field, _)) => {
                Err(Error::new(Kind::Parameter, format!("--{} names columns, and there is no data table", field.flag_name()))
                    .hint("give its file as DATA"))
            }
            None if offered(verb).any(|f| matches!(f.origin, Origin::Columns | Origin::Rest) && !f.optional) => {
                Err(Error::new(Kind::Parameter, "the data table is missing").hint("give its file as DATA, or - for standard input"))
            }
            None => Ok(()),
        };
    };
    once(data)?;
    let table = files::read_table(data, terminal)?;
    let mut taken = Vec::new();
    for (field, text) in named {
        let names = column_names(&table, text);
        if matches!(field.shape, Shape::Vector | Shape::Scalar) && names.len() != 1 {
            let message = format!("--{} must be one column, got {}: {text}", field.flag_name(), names.len());
            return Err(Error::new(Kind::Parameter, message));
        }
        let columns = table.select(&names).map_err(|e| in_file(data, &e))?;
        inputs.insert(field.name, Item::Table(columns));
        taken.extend(names);
    }
    add_the_rest(verb, &table, &taken, inputs);
    Ok(())
}

/// Column names with commas between; a name that itself holds a comma is found first.
fn column_names(table: &Table, text: &str) -> Vec<String> {
    if table.column(text).is_ok() {
        return vec![text.to_owned()];
    }
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The table's messages name columns; a user with several files wants to know in which.
fn in_file(file: &str, error: &Error) -> Error {
    let place = if file == "-" { "standard input" } else { file };
    Error::new(error.kind(), format!("{place}: {error}"))
}

/// Text columns too: a method that cannot use one names it, and none is dropped silently.
fn add_the_rest(verb: &Verb, table: &Table, taken: &[String], inputs: &mut Bundle<'static>) {
    let rest = table.without(taken);
    if rest.n_columns() == 0 {
        return;
    }
    for field in offered(verb).filter(|f| f.origin == Origin::Rest) {
        if inputs.get(field.name).is_none() {
            inputs.insert(field.name, Item::Table(rest.clone()));
        }
    }
}
