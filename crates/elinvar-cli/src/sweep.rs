//! `sweep` runs a task at many parameter values, keeps every trial, and shows which values are best.

use crate::terminal::Terminal;
use crate::trials::{self, Farewell};
use crate::{files, flags, inputs, options, save, show};
use clap::{Arg, ArgMatches, Command};
use elinvar_core::reproduction::{Study, collect, run_trials};
use elinvar_core::sweep::{Design, Dimension, Setup, Sweep};
use elinvar_core::{Error, Item, Method, Result, Verb, VerbKind, find};
use elinvar_report::{Goal, SweepReport, write_sweep_page};
use serde_json::json;
use std::path::{Path, PathBuf};

const FOLDER: &str = "elinvar-sweep";

/// The command, with the tasks of the methods for which `tasks` is asked.
pub(crate) fn command(methods: &[Method], expand: impl Fn(&Method) -> bool) -> Command {
    let of_method = |method: &Method| {
        let command = Command::new(method.card.slug).about(method.card.summary).subcommand_required(true);
        if expand(method) { command.subcommands(method.verbs.iter().map(|verb| task(method, verb))) } else { command }
    };
    Command::new("sweep")
        .about("Run a task at many parameter values, keep every trial and show which values are best")
        .subcommand_required(true)
        .subcommands(methods.iter().map(of_method))
}

fn task(method: &Method, verb: &Verb) -> Command {
    let own = [
        Arg::new("param").long("param").value_name("NAME=VALUES").required(true).action(clap::ArgAction::Append).help(
            "A parameter and its values: epsilon=log:1e-3..1, width=0..10, cost=euclidean,sqeuclidean, or its name alone for all that its schema says",
        ),
        Arg::new("trials").long("trials").value_name("INTEGER").help("Number of points; without it, all combinations of lists"),
        Arg::new("sampler").long("sampler").value_name("WORD").help("How points are drawn: random or sobol [default: random]"),
        Arg::new("maximize").long("maximize").value_name("METRIC").conflicts_with("minimize").help("What a good point has much of"),
        Arg::new("minimize").long("minimize").value_name("METRIC").help("What a good point has little of [default: accuracy, r2 or score is maximized]"),
        Arg::new("out").long("out").value_name("DIR").help(format!("Folder of the trials and the page [default: {FOLDER}]")),
        Arg::new("table").long("table").value_name("FILE").help("File for the table instead of stdout: .csv or .parquet"),
    ];
    let folds = (verb.kind == VerbKind::Fit).then(|| {
        Arg::new("folds")
            .long("folds")
            .value_name("INTEGER")
            .help("Folds of a cross-validation, each a trial; without, the numbers that the task gives")
            .help_heading("Sweep")
    });
    let model = (verb.kind == VerbKind::Apply)
        .then(|| Arg::new("model").long(method.model_flag).value_name("FILE").required(true).help("Fitted model").help_heading("Inputs"));
    Command::new(verb.name)
        .about(verb.summary)
        .args(own.into_iter().chain(trials::flags()).map(|flag| flag.help_heading("Sweep")))
        .args(folds)
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
    let table = options::text(matches, "table").map(Path::new);
    if let Some(path) = table {
        save::check_table(path)?;
    }
    let sweep = Sweep::new(setup(method, verb, matches, terminal)?)?;
    let goal = named_goal(matches);
    goal.iter().try_for_each(|goal| sweep.check_metric(&goal.metric))?;
    let folder = PathBuf::from(options::text(matches, "out").unwrap_or(FOLDER));
    let context = options::context(matches, terminal)?;
    let store = elinvar_report::EvidenceStore::open(&folder)?;
    let request = trials::request(matches, &context, terminal)?;
    let farewell = Farewell::new(&sweep, &store, &context, terminal);
    run_trials(&sweep, &request, &store, &context).map_err(|error| farewell.say_how_to_go_on(error))?;
    let made = request.environment.clone();
    // The bar goes away before the table is printed.
    drop((request, farewell));
    trials::show_warnings(matches, &store, terminal);
    let evidence = collect(&sweep, &store)?;
    let goal = Goal::choose(goal, &evidence)?;
    let report = SweepReport::new(&method.card, verb.name, &sweep, &evidence, goal, made);
    let page = write_sweep_page(folder.join(sweep.name()), &report, sweep.space())?.index;
    show(&report, table, &page, matches, terminal)?;
    Ok(u8::from(report.trials_run() > 0 && report.trials_failed() == report.trials_run()))
}

fn setup<'a>(method: &'a Method, verb: &'a Verb, matches: &ArgMatches, terminal: &mut Terminal) -> Result<Setup<'a>> {
    let space =
        matches.get_many::<String>("param").unwrap_or_default().map(|text| Dimension::parse(text, &verb.params)).collect::<Result<_>>()?;
    let sampler = options::word("sampler", options::text(matches, "sampler").unwrap_or("random"), &["random", "sobol"])?;
    let design = match options::whole_number(matches, "trials")?.map(|n| usize::try_from(n).unwrap_or(usize::MAX)) {
        None if options::text(matches, "sampler").is_some() => {
            return Err(Error::parameter("trials", "a number of points for the sampler", "nothing"));
        }
        None => Design::Grid,
        Some(n) if sampler == "sobol" => Design::Sobol(n),
        Some(n) => Design::Random(n),
    };
    let model = match options::text(matches, "model") {
        Some(path) if verb.kind == VerbKind::Apply => Some(files::read_model(Path::new(path), method)?),
        _ => None,
    };
    Ok(Setup {
        method,
        task: verb.name,
        fixed: flags::read(&verb.params, matches)?,
        space,
        design,
        seed: options::whole_number(matches, "seed")?.unwrap_or(0),
        folds: options::whole_number(matches, "folds")?.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        data: inputs::read(verb, matches, terminal)?,
        model,
    })
}

fn named_goal(matches: &ArgMatches) -> Option<Goal> {
    let named = |flag: &str, maximize: bool| options::text(matches, flag).map(|metric| Goal { metric: metric.to_owned(), maximize });
    named("maximize", true).or(named("minimize", false))
}

fn show(report: &SweepReport, file: Option<&Path>, page: &Path, matches: &ArgMatches, terminal: &mut Terminal) -> Result<()> {
    let table = report.table()?;
    if let Some(path) = file {
        files::write_table(path, &table)?;
    }
    if matches.get_flag("json") {
        let points = show::item_json(&Item::Table(table));
        let best = report.best().map(|row| json!({"point": row.point, "means": row.means}));
        let summary = json!({"points": points, "goal": report.goal, "best": best, "page": page.display().to_string()});
        return terminal.print(&summary.to_string());
    }
    match file {
        Some(path) => terminal.print(&format!("{} rows written to {}", table.n_rows(), path.display()))?,
        None => terminal.print_bytes(&files::csv_bytes(&table)?)?,
    }
    if !matches.get_flag("quiet") {
        terminal.note(&format!("{}\npage: {}", report.headline(), page.display()));
    }
    Ok(())
}
