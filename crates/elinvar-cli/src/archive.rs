//! Inputs that are arrays of one data file: the members of an archive, the epochs of a recording, or the images of a folder.

use crate::files::{self, Extension};
use crate::terminal::Terminal;
use clap::{Arg, ArgMatches};
use elinvar::math::signal::BandPass;
use elinvar_core::{Bundle, Column, Error, Field, Item, Kind, Origin, Result, Shape, Table, Verb};
use elinvar_data::ImageFolder;
use elinvar_data::recording::{Cut, Signals, events_of, is_recording, read_markers, read_signals};
use ndarray::{Axis, Slice, arr0};
use std::path::Path;

/// Order of the low-pass prototype of `--filter`, as for the parameter `band` of a method.
const FILTER_ORDER: usize = 4;

/// The inputs of a task that are members of the data file.
pub(crate) fn members(verb: &Verb) -> impl Iterator<Item = &Field> {
    verb.inputs.iter().filter(|field| field.origin == Origin::Member)
}

/// DATA, and how a recording is cut.
pub(crate) fn flags(verb: &Verb) -> Vec<Arg> {
    if members(verb).next().is_none() {
        return Vec::new();
    }
    let arg = |id: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(value).help(help).allow_negative_numbers(true).help_heading("Recordings")
    };
    vec![
        Arg::new("DATA")
            .value_name("DATA")
            .help("Archive with the arrays below (.npz, .safetensors), one array (.npy, IDX), a folder with a folder of images a class, or a recording that is cut at its events (.edf, .bdf, .gdf, .csv)")
            .help_heading("Inputs"),
        arg("tmin", "SECONDS", "Start of each epoch after its event [default: 0]"),
        arg("tmax", "SECONDS", "End of each epoch after its event (required for a recording)"),
        arg("events", "LABELS", "Events to cut at, with commas between, or a table with the columns onset (s) and label [default: all]"),
        arg("channels", "NAMES", "Channels to keep, with commas between [default: all]"),
        arg(
            "filter",
            "LOW,HIGH",
            "Band in Hz that the whole recording is filtered to before it is cut (Butterworth, order 4, no phase shift)",
        ),
        arg("marker", "COLUMN", "Column of a CSV recording that holds the events [default: marker]"),
        arg("resize", "PIXELS", "Rows and columns that the images of a folder are brought to: scaled, then cut to the square in the middle")
            .help_heading("Images"),
    ]
}

/// The flag of a member: the name of the array in the archive, or a number in its place.
pub(crate) fn flag_of(field: &Field) -> (&'static str, &'static str) {
    match field.shape {
        Shape::Scalar => ("NUMBER", " [default: the array of that name in DATA]"),
        _ => ("NAME", " [default: the array of that name in DATA; or a file of its own]"),
    }
}

/// Reads the members that the task takes; `given` is the text of a field's flag.
///
/// # Errors
/// For a file that cannot be read, or a flag that cannot be understood.
pub(crate) fn read<'m>(
    verb: &Verb,
    matches: &'m ArgMatches,
    given: impl Fn(&Field) -> Option<&'m String>,
    terminal: &mut Terminal,
    inputs: &mut Bundle<'static>,
) -> Result<()> {
    let Some(data) = matches.get_one::<String>("DATA") else {
        return Err(Error::new(Kind::Parameter, "the data file is missing").hint("give its name as DATA"));
    };
    for field in members(verb).filter(|field| field.shape == Shape::Scalar) {
        if let Some(text) = given(field) {
            let number = text.parse::<f64>();
            let number =
                number.map_err(|_| Error::new(Kind::Parameter, format!("--{} must be a number, got '{text}'", field.flag_name())))?;
            inputs.insert(field.name, number);
        }
    }
    let path = Path::new(data);
    // What holds no arrays by name leaves the others to files of their own.
    if path.is_dir() || files::extension(path) == Extension::Npy || elinvar_data::is_idx(path) {
        for (field, text) in members(verb).filter(|field| field.shape != Shape::Scalar).filter_map(|field| Some((field, given(field)?))) {
            inputs.insert(field.name, own_file(field, text, terminal)?);
        }
    }
    if path.is_dir() {
        return images(verb, matches, path, inputs);
    }
    match files::extension(path) {
        Extension::Npy => inputs.insert("X", files::read_numbers(data, terminal)?),
        Extension::Csv => {
            let sfreq =
                inputs.scalar("sfreq").map_err(|_| Error::new(Kind::Parameter, "a CSV recording needs --sfreq, its samples a second"))?;
            let marker = matches.get_one::<String>("marker").map_or("marker", String::as_str);
            recorded(verb, matches, read_markers(&files::read_table(data, terminal)?, marker, sfreq)?, terminal, inputs)?;
        }
        _ if elinvar_data::is_idx(path) => inputs.insert("X", files::read_numbers(data, terminal)?),
        _ if is_recording(path) => recorded(verb, matches, read_signals(path)?, terminal, inputs)?,
        _ => {
            let mut members_of_file = elinvar_data::read_members(path)?;
            for field in members(verb).filter(|field| field.shape != Shape::Scalar || given(field).is_none()) {
                let name = given(field).map_or(field.name, String::as_str);
                match members_of_file.remove(name) {
                    Some(item) => inputs.insert(field.name, item),
                    None if Path::new(name).is_file() && given(field).is_some() => {
                        inputs.insert(field.name, own_file(field, name, terminal)?);
                    }
                    None if given(field).is_some() => {
                        return Err(Error::input(format!(
                            "{data}: there is no array '{name}'; it holds: {}",
                            members_of_file.names().join(", ")
                        )));
                    }
                    None => {}
                }
            }
        }
    }
    Ok(())
}

/// A member that lies in a file of its own.
fn own_file(field: &Field, file: &str, terminal: &mut Terminal) -> Result<Item<'static>> {
    match field.shape {
        Shape::Table => files::read_table(file, terminal).map(Item::Table),
        _ => files::read_numbers(file, terminal),
    }
}

/// Images of a folder and their classes, as far as the task takes them.
fn images(verb: &Verb, matches: &ArgMatches, path: &Path, inputs: &mut Bundle<'static>) -> Result<()> {
    let folder = ImageFolder::open(path)?;
    let wrong = |text: &str| Error::new(Kind::Parameter, format!("--resize must be a whole number of pixels >= 1, got '{text}'"));
    let size = match matches.get_one::<String>("resize") {
        Some(text) => Some(text.parse::<usize>().ok().filter(|&size| size > 0).ok_or_else(|| wrong(text))?),
        None => None,
    };
    for field in members(verb).filter(|field| matches!(field.name, "X" | "y")) {
        if inputs.get(field.name).is_some() {
            continue;
        }
        match (field.name, folder.labels()) {
            ("X", _) => inputs.insert("X", folder.read(0..folder.len(), size)?.mapv(f32::from)),
            (_, Some(labels)) => inputs.insert("y", Item::Table(Table::new().with("y", labels)?)),
            (_, None) => {}
        }
    }
    Ok(())
}

/// Epochs of a recording, as far as the task takes them.
fn recorded(verb: &Verb, matches: &ArgMatches, mut signals: Signals, terminal: &mut Terminal, inputs: &mut Bundle<'static>) -> Result<()> {
    let seconds = |name: &str| match matches.get_one::<String>(name) {
        Some(text) => {
            let number = text
                .parse::<f64>()
                .map_err(|_| Error::new(Kind::Parameter, format!("--{name} must be a number of seconds, got '{text}'")))?;
            Ok(Some(number))
        }
        None => Ok(None),
    };
    let tmin = seconds("tmin")?.unwrap_or(0.0);
    let tmax = seconds("tmax")?
        .ok_or_else(|| Error::new(Kind::Parameter, "a recording needs --tmax, the end of each epoch in seconds after its event"))?;
    let list =
        |name: &str| matches.get_one::<String>(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>());
    let mut labels = list("events").unwrap_or_default();
    if let [only] = labels.as_slice()
        && Path::new(only).is_file()
    {
        signals.events = events_of(&files::read_table(only, terminal)?)?;
        labels.clear();
    }
    if let Some(band) = matches.get_one::<String>("filter") {
        filter(&mut signals, band)?;
    }
    let epochs = signals.epochs(&Cut { tmin, tmax, labels, channels: list("channels").unwrap_or_default() })?;
    if epochs.left_out > 0 && !matches.get_flag("quiet") {
        terminal.note(&format!("warning: {} events have no whole epoch and were left out", epochs.left_out));
    }
    for field in members(verb) {
        let item: Item<'static> = match field.name {
            "X" => epochs.x.clone().into(),
            "y" => Item::Table(Table::new().with("y", whole_numbers(&epochs.labels))?),
            "sfreq" => arr0(epochs.sfreq).into(),
            _ => continue,
        };
        if inputs.get(field.name).is_none() {
            inputs.insert(field.name, item);
        }
    }
    Ok(())
}

/// Filters every stretch without gaps to a band, as `--filter` gives it.
fn filter(signals: &mut Signals, band: &str) -> Result<()> {
    let edges: Option<Vec<f64>> = band.split(',').map(|part| part.trim().parse().ok()).collect();
    let Some(&[low, high]) = edges.as_deref() else {
        let message = format!("--filter must be two frequencies in Hz with a comma between, such as 8,35, got '{band}'");
        return Err(Error::new(Kind::Parameter, message));
    };
    let filter = BandPass::butterworth(FILTER_ORDER, low, high, signals.sfreq)?;
    for stretch in &signals.stretches {
        for mut channel in signals.data.outer_iter_mut() {
            let mut part = channel.slice_axis_mut(Axis(0), Slice::from(stretch.start..stretch.start + stretch.length));
            filter.filter(part.as_slice_mut().ok_or_else(|| Error::internal("a recording is not row-major"))?)?;
        }
    }
    Ok(())
}

/// Labels that are all whole numbers as numbers: GDF and triggers have codes.
fn whole_numbers(labels: &Column) -> Column {
    let codes: Option<Vec<i64>> = labels.to_labels().iter().map(|label| label.as_deref()?.parse().ok()).collect();
    codes.map_or_else(|| labels.clone(), Column::Integer)
}
