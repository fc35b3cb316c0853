//! `sweep` runs a task at many parameter values and collects its numbers in one table.

use crate::terminal::Terminal;
use crate::{files, flags, inputs, options, progress, save, show};
use clap::{Arg, ArgAction, ArgMatches, Command};
use elinvar_core::params::{Domain, Parameter};
use elinvar_core::random::stream;
use elinvar_core::{Bundle, Column, Error, Item, Kind, Method, Progress, Result, Spec, Table, Verb, VerbKind, find};
use rand::RngExt;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// More points than anybody waits for.
const MOST: usize = 1_000_000;

/// The command, with the tasks of the methods for which `tasks` is asked.
pub(crate) fn command(methods: &[Method], expand: impl Fn(&Method) -> bool) -> Command {
    let of_method = |method: &Method| {
        let command = Command::new(method.card.slug).about(method.card.summary).subcommand_required(true);
        if expand(method) { command.subcommands(method.verbs.iter().map(|verb| task(method, verb))) } else { command }
    };
    Command::new("sweep")
        .about("Run a task at many parameter values and collect its numbers in one table")
        .subcommand_required(true)
        .subcommands(methods.iter().map(of_method))
}

fn task(method: &Method, verb: &Verb) -> Command {
    let own = [
        Arg::new("param")
            .long("param")
            .value_name("NAME=VALUES")
            .required(true)
            .action(ArgAction::Append)
            .help("A parameter and its values: epsilon=log:1e-3..1, width=0..10 or cost=euclidean,sqeuclidean"),
        Arg::new("trials").long("trials").value_name("INTEGER").help("Random points; without it, all combinations of lists"),
        Arg::new("out").long("out").value_name("FILE").help("File for the table instead of stdout: .csv or .parquet"),
    ];
    let model = (verb.kind == VerbKind::Apply)
        .then(|| Arg::new("model").long(method.model_flag).value_name("FILE").required(true).help("Fitted model").help_heading("Inputs"));
    Command::new(verb.name)
        .about(verb.summary)
        .args(own.map(|flag| flag.help_heading("Sweep")))
        .args(model)
        .args(inputs::flags(verb))
        .args(flags::of_spec(&verb.params))
        .args(options::flags())
}

pub(crate) fn sweep(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let (slug, of_method) = matches.subcommand().ok_or_else(crate::usage::no_command)?;
    let method = find(methods, slug)?;
    let (verb, sub) = of_method.subcommand().ok_or_else(crate::usage::no_command)?;
    run(method, method.verb(verb)?, sub, terminal).map_err(|e| e.in_method(slug))
}

fn run(method: &Method, verb: &Verb, matches: &ArgMatches, terminal: &mut Terminal) -> Result<u8> {
    let fixed = flags::read(&verb.params, matches)?;
    let ranges = matches.get_many::<String>("param").unwrap_or_default().map(|text| Range::parse(text, &verb.params));
    let points = points(&ranges.collect::<Result<Vec<_>>>()?, matches)?;
    let out = options::text(matches, "out").map(Path::new);
    if let Some(path) = out {
        save::check_table(path)?;
    }
    let model = match options::text(matches, "model") {
        Some(path) if verb.kind == VerbKind::Apply => Some(files::read_model(Path::new(path), method)?),
        _ => None,
    };
    let data = inputs::read(verb, matches, terminal)?;
    let context = options::context(matches, terminal)?;
    let sink = progress::sink(matches, terminal)?;
    let mut rows = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let mut child = context.child(context.seed(), context.threads());
        let mut params = fixed.clone();
        params.extend(point.clone());
        let outcome = method.run(verb.name, &params, model.as_ref(), &data, &mut child);
        rows.push(match outcome {
            Ok(outcome) => (point, scalars(&outcome.values), None),
            Err(error) if matches!(error.kind(), Kind::Interrupted | Kind::Time) => return Err(error.hint("nothing was written")),
            Err(error) => (point, BTreeMap::new(), Some(error.to_string())),
        });
        if let Some(sink) = &sink {
            sink.report(&Progress { step: i as u64 + 1, of: points.len() as u64, figures: &[] });
        }
    }
    drop(sink);
    write(&table(&rows)?, out, matches, terminal).map(|()| 0)
}

fn write(table: &Table, out: Option<&Path>, matches: &ArgMatches, terminal: &mut Terminal) -> Result<()> {
    match out {
        Some(path) => {
            files::write_table(path, table)?;
            terminal.print(&format!("{} rows written to {}", table.n_rows(), path.display()))
        }
        None if matches.get_flag("json") => terminal.print(&show::item_json(&Item::Table(table.clone())).to_string()),
        None => terminal.print_bytes(&files::csv_bytes(table)?),
    }
}

type Point = Map<String, Value>;
type Row<'a> = (&'a Point, BTreeMap<String, f64>, Option<String>);

/// What a parameter runs over.
enum Values {
    List(Vec<Value>),
    Between { low: f64, high: f64, log: bool, whole: bool },
}

struct Range {
    name: String,
    values: Values,
}

impl Range {
    /// Reads `name=log:1e-3..1`, `name=0..1` or `name=1,2,3`.
    fn parse(text: &str, spec: &Spec) -> Result<Self> {
        let bad = || Error::parameter("param", "NAME=LOW..HIGH, NAME=log:LOW..HIGH or NAME=A,B,C", format!("'{text}'"));
        let (name, values) = text.split_once('=').ok_or_else(bad)?;
        let name = name.trim().replace('-', "_");
        // The spec names the nearest parameter where there is none of that name.
        spec.check(&Map::from_iter([(name.clone(), spec.get(&name).map_or(Value::Null, |p| p.default.clone()))]))?;
        let parameter = spec.get(&name).ok_or_else(bad)?;
        let values = match values.split_once("..") {
            Some((low, high)) => between(parameter, low, high).ok_or_else(bad)??,
            None => Values::List(values.split(',').map(|v| parameter.parse(v)).collect::<Result<_>>()?),
        };
        Ok(Self { name, values })
    }
}

fn between(parameter: &Parameter, low: &str, high: &str) -> Option<Result<Values>> {
    let (log, low) = match low.strip_prefix("log:") {
        Some(low) => (true, low),
        None => (false, low),
    };
    let (low, high): (f64, f64) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    let fine = low < high && high.is_finite() && (!log || low > 0.0);
    let whole = parameter.domain == Domain::Integer;
    // Both ends must be values of the parameter; so is then everything between.
    let ends = [low, high].map(|x| parameter.check(&number(x, whole)));
    fine.then(|| ends.into_iter().collect::<Result<()>>().map(|()| Values::Between { low, high, log, whole }))
}

fn number(x: f64, whole: bool) -> Value {
    if whole { Value::from(x.round() as i64) } else { Value::from(x) }
}

/// Random points where a number of them is asked for, all combinations otherwise.
fn points(ranges: &[Range], matches: &ArgMatches) -> Result<Vec<Point>> {
    let seed = options::whole_number(matches, "seed")?.unwrap_or(0);
    match options::whole_number(matches, "trials")? {
        Some(n) if n as usize <= MOST => Ok((0..n).map(|i| draw(ranges, seed, i)).collect()),
        Some(n) => Err(Error::parameter("trials", format!("at most {MOST}"), n)),
        None => grid(ranges),
    }
}

fn draw(ranges: &[Range], seed: u64, trial: u64) -> Point {
    let mut random = stream(seed, &[("sweep", trial)]);
    let mut value = |values: &Values| {
        let u: f64 = random.random();
        match values {
            Values::List(items) => items[((u * items.len() as f64) as usize).min(items.len() - 1)].clone(),
            Values::Between { low, high, log: true, whole } => number((low.ln() + u * (high / low).ln()).exp().clamp(*low, *high), *whole),
            Values::Between { low, high, log: false, whole } => number(low + u * (high - low), *whole),
        }
    };
    ranges.iter().map(|range| (range.name.clone(), value(&range.values))).collect()
}

fn grid(ranges: &[Range]) -> Result<Vec<Point>> {
    let mut points = vec![Point::new()];
    for range in ranges {
        let Values::List(items) = &range.values else {
            let message = format!("'{}' is a range, and --trials is missing", range.name);
            return Err(Error::new(Kind::Parameter, message).hint("give --trials N for N random points, or a list of values"));
        };
        if points.len().saturating_mul(items.len()) > MOST {
            return Err(Error::new(Kind::Parameter, format!("the grid has more than {MOST} points")).hint("use --trials"));
        }
        let with = |point: &Point, value: &Value| {
            let mut point = point.clone();
            point.insert(range.name.clone(), value.clone());
            point
        };
        points = points.iter().flat_map(|point| items.iter().map(move |value| with(point, value))).collect();
    }
    Ok(points)
}

/// The single numbers among the results.
fn scalars(values: &Bundle<'_>) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for (name, item) in values.iter() {
        collect(&mut found, name, &show::item_json(item));
    }
    found
}

fn collect(found: &mut BTreeMap<String, f64>, name: &str, value: &Value) {
    match value {
        Value::Number(n) => found.extend(n.as_f64().map(|x| (name.to_owned(), x))),
        Value::Bool(b) => found.extend([(name.to_owned(), f64::from(u8::from(*b)))]),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(found, &format!("{name}.{key}"), value)),
        _ => {}
    }
}

/// One row a point: its parameters, its numbers, its error.
fn table(rows: &[Row<'_>]) -> Result<Table> {
    let mut table = Table::new();
    let parameters: Vec<&String> = rows.first().map(|(point, ..)| point.keys().collect()).unwrap_or_default();
    for name in parameters {
        let cells: Vec<&Value> = rows.iter().map(|(point, ..)| &point[name.as_str()]).collect();
        table.push(name.clone(), column(&cells))?;
    }
    let mut metrics: Vec<&String> = rows.iter().flat_map(|(_, numbers, _)| numbers.keys()).collect();
    metrics.sort();
    metrics.dedup();
    for name in metrics {
        let cells = rows.iter().map(|(_, numbers, _)| numbers.get(name).copied().unwrap_or(f64::NAN)).collect();
        let taken = table.names().contains(name);
        table.push(if taken { format!("result.{name}") } else { name.clone() }, Column::Number(cells))?;
    }
    table.push("error", Column::Text(rows.iter().map(|(.., error)| error.clone()).collect()))?;
    Ok(table)
}

fn column(cells: &[&Value]) -> Column {
    match cells.iter().map(|v| v.as_f64()).collect::<Option<Vec<f64>>>() {
        Some(numbers) if cells.iter().all(|v| v.is_i64()) => Column::Integer(numbers.into_iter().map(|x| x as i64).collect()),
        Some(numbers) => Column::Number(numbers),
        None => Column::Text(cells.iter().map(|v| Some(flags::show(v))).collect()),
    }
}
