//! `reproduce` runs the trials of a paper's claims, `report` judges evidence that exists.

use crate::terminal::Terminal;
use crate::trials::{self, Farewell, show_warnings};
use crate::{files, options, save};
use clap::{Arg, ArgAction, ArgMatches, Command};
use elinvar_core::reproduction::{self, Claimed, Evidence, Outcome, RunReport, Scale, Store, Study, Verdict, judged};
use elinvar_core::{Error, Kind, Method, Result, find};
use elinvar_report::{EvidenceStore, Report, trials_table};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FOLDER: &str = "elinvar-evidence";

pub(crate) fn commands() -> Vec<Command> {
    let method = Arg::new("method").value_name("METHOD").required(true).help("Method, as `elinvar list` names it");
    let scale = || Arg::new("scale").long("scale").value_name("WORD");
    let record = Arg::new("record").long("record").value_name("DIR").help("Also write the judged evidence to DIR/<method>.<scale>.json");
    let run = Command::new("reproduce")
        .about("Run a paper's claims again and judge them")
        .arg(method.clone())
        .arg(scale().help(
            "tiny (seconds), quick (a minute or two), hour (part of a protocol of days) or paper (the full protocol) [default: quick]",
        ))
        .arg(Arg::new("out").long("out").value_name("DIR").help(format!("Folder of the evidence and the page [default: {FOLDER}]")))
        .args(trials::flags())
        .arg(record.clone())
        .args(options::run_flags());
    let judge = Command::new("report")
        .about("Merge evidence folders and judge the claims on them, without running anything")
        .arg(Arg::new("evidence").long("evidence").value_name("DIR").num_args(1..).required(true).help("Folders of evidence"))
        .arg(Arg::new("out").long("out").value_name("DIR").help("Folder for the merged evidence [default: the only folder given]"))
        .arg(method.required(false).help("Only this method"))
        .arg(scale().help("tiny, quick, hour or paper [default: the largest that has trials]"))
        .arg(record)
        .arg(
            Arg::new("export")
                .long("export")
                .value_name("FILE")
                .help("Write all trials, those of sweeps too, to one table: .parquet or .csv"),
        )
        .arg(
            Arg::new("live")
                .long("live")
                .action(ArgAction::SetTrue)
                .requires("method")
                .help("Judge again and again until all trials are there, with a page that loads itself anew"),
        );
    vec![run, judge]
}

pub(crate) fn reproduce(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let method = find(methods, options::text(matches, "method").unwrap_or_default())?;
    let scale = scale(matches)?.unwrap_or(Scale::Quick);
    let folder = PathBuf::from(options::text(matches, "out").unwrap_or(FOLDER));
    let context = options::context(matches, terminal)?;
    let request = trials::request(matches, &context, terminal)?;
    let store = EvidenceStore::open(&folder)?;
    let study = Claimed::new(method, scale)?;
    let farewell = Farewell::new(&study, &store, &context, terminal);
    let run = reproduction::run(method, scale, &request, &store, &context).map_err(|error| farewell.say_how_to_go_on(error))?;
    let is_shard = request.shard.of > 1;
    // The bar goes away before the table is printed.
    drop((request, farewell));
    show_warnings(matches, &store, terminal);
    note_other_versions(&study, &run.evidence, &store, matches, terminal)?;
    let report = publish(method, scale, &run, &folder, None, matches)?;
    show(matches, &report, &folder, terminal)?;
    Ok(exit_code(&report, is_shard))
}

/// Says that older evidence lies beside the trials and is not mixed in.
fn note_other_versions(
    study: &Claimed<'_>,
    evidence: &Evidence,
    store: &EvidenceStore,
    matches: &ArgMatches,
    terminal: &Terminal,
) -> Result<()> {
    let known = evidence.records().map(|record| record.key()).collect();
    let count = store.of_other_versions(study.name(), study.version(), &known)?;
    if count > 0 && !matches.get_flag("quiet") {
        let (noun, version) = (if count == 1 { "trial" } else { "trials" }, study.version());
        terminal.note(&format!("note: not mixed in: {count} {noun} of other versions of this reproduction (this is version {version})"));
    }
    Ok(())
}

pub(crate) fn report(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let folders: Vec<&Path> = matches.get_many::<String>("evidence").unwrap_or_default().map(Path::new).collect();
    let folder = match (options::text(matches, "out"), folders.as_slice()) {
        (Some(out), _) => Path::new(out),
        (None, [only]) => only,
        (None, _) => return Err(Error::new(Kind::Parameter, "--out must be given to merge several folders").hint("name a folder for them")),
    };
    if let Some(missing) = folders.iter().find(|folder| !folder.is_dir()) {
        return Err(Error::file(missing, "is no folder"));
    }
    let store = EvidenceStore::open(folder)?;
    for source in folders.iter().filter(|source| **source != folder) {
        merge(source, &store)?;
    }
    if let Some(path) = options::text(matches, "export").map(Path::new) {
        return export(path, &store, options::text(matches, "method"), terminal);
    }
    if matches.get_flag("live") {
        let method = find(methods, options::text(matches, "method").unwrap_or_default())?;
        return live(method, &store, folder, matches, terminal);
    }
    let found = match options::text(matches, "method") {
        Some(slug) => vec![find(methods, slug)?],
        None => known(&store, methods, terminal)?,
    };
    let mut codes = Vec::new();
    for method in found {
        let (scale, run) = judge(method, scale(matches)?, &store)?;
        let report = publish(method, scale, &run, folder, None, matches)?;
        show(matches, &report, folder, terminal)?;
        codes.push(exit_code(&report, false));
    }
    show_warnings(matches, &store, terminal);
    // Nothing judged is nothing reproduced.
    Ok(codes.into_iter().max().unwrap_or(1))
}

/// Writes all trials of a method, or of all, to one table.
fn export(path: &Path, store: &EvidenceStore, only: Option<&str>, terminal: &mut Terminal) -> Result<u8> {
    save::check_table(path)?;
    let table = trials_table(&store.evidence_of(only)?)?;
    files::write_table(path, &table)?;
    terminal.print(&format!("{} trials written to {}", table.n_rows(), path.display()))?;
    Ok(0)
}

/// Seconds between two looks at a store that is being filled.
const LOOK_EVERY: u32 = 2;

/// Keeps the page fresh until all trials are there or the user has seen enough.
fn live(method: &Method, store: &EvidenceStore, folder: &Path, matches: &ArgMatches, terminal: &mut Terminal) -> Result<u8> {
    let scale = scale(matches)?.ok_or_else(|| Error::parameter("scale", "the scale that is being run", "nothing"))?;
    loop {
        let start = Instant::now();
        let run = judged(method, scale, store)?;
        let done = run.evidence.len() == run.trials;
        let report = publish(method, scale, &run, folder, (!done).then_some(LOOK_EVERY), matches)?;
        if done || terminal.cancel.is_cancelled() {
            show(matches, &report, folder, terminal)?;
            return Ok(exit_code(&report, !done));
        }
        // Judging a large store takes a while: most of the time belongs to the trials.
        let pause = Duration::from_secs(LOOK_EVERY.into()).max(9 * start.elapsed());
        let wake = Instant::now() + pause;
        while Instant::now() < wake && !terminal.cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn scale(matches: &ArgMatches) -> Result<Option<Scale>> {
    let Some(text) = options::text(matches, "scale") else { return Ok(None) };
    let words: Vec<&str> = Scale::ALL.iter().map(|s| s.as_str()).collect();
    options::word("scale", text, &words)?;
    Ok(Scale::ALL.into_iter().find(|s| s.as_str() == text))
}

/// Judges what the store has: of the scale asked for, or of the largest with any trial.
fn judge(method: &Method, scale: Option<Scale>, store: &EvidenceStore) -> Result<(Scale, RunReport)> {
    let scales = scale.map_or_else(|| method.scales(), |scale| vec![scale]);
    for &scale in scales.iter().rev() {
        let run = judged(method, scale, store)?;
        if !run.evidence.is_empty() {
            return Ok((scale, run));
        }
    }
    Err(Error::new(Kind::Input, "there is no evidence of this version to judge")
        .hint("run `elinvar reproduce` first")
        .in_method(method.card.slug))
}

/// Copies records that are missing or failed in the target.
fn merge(source: &Path, target: &EvidenceStore) -> Result<()> {
    let source = EvidenceStore::open(source)?;
    for slug in source.methods()? {
        for key in source.keys(&slug)? {
            let known = target.load(&slug, &key)?;
            if known.is_none_or(|known| matches!(known.outcome, Outcome::Error(_))) {
                source.load(&slug, &key)?.map_or(Ok(()), |record| target.save(&record))?;
            }
        }
    }
    Ok(())
}

fn known<'a>(store: &EvidenceStore, methods: &'a [Method], terminal: &Terminal) -> Result<Vec<&'a Method>> {
    let mut found = Vec::new();
    for slug in store.methods()? {
        match find(methods, &slug) {
            Ok(method) => found.push(method),
            // Sweeps have names with a dot, and pages of their own.
            Err(_) if slug.contains('.') => {}
            Err(_) => terminal.note(&format!("warning: '{slug}' is no method of this version; its evidence is left alone")),
        }
    }
    Ok(found)
}

/// Writes `report.json` and `index.html` beside the evidence, and the record that `--record` asks for.
fn publish(method: &Method, scale: Scale, run: &RunReport, folder: &Path, refresh: Option<u32>, matches: &ArgMatches) -> Result<Report> {
    let environment = elinvar_report::detect_environment(elinvar::VERSION);
    let report = Report { refresh, ..Report::new(&method.card, scale, run, &method.reproduction.differences(), environment) };
    let figures = method.reproduction.figures(&run.evidence);
    let own = folder.join(method.card.slug);
    elinvar_report::write_page(&own, &report, &figures)?;
    if let Some(record) = options::text(matches, "record") {
        elinvar_report::write_report_json(Path::new(record).join(format!("{}.{scale}.json", method.card.slug)), &report, &figures)?;
    }
    Ok(report)
}

fn show(matches: &ArgMatches, report: &Report, folder: &Path, terminal: &mut Terminal) -> Result<()> {
    let page = folder.join(&report.method).join("index.html");
    if matches.get_flag("json") {
        let mut value = serde_json::to_value(report).map_err(|e| Error::internal(e.to_string()))?;
        if let Value::Object(fields) = &mut value {
            // They are in report.json, whole.
            fields.shift_remove("trials");
            fields.insert("page".into(), json!(page.display().to_string()));
        }
        return terminal.print(&value.to_string());
    }
    let table = elinvar_report::terminal::claims_table(report, terminal.width, terminal.color);
    terminal.print(&format!("{table}\npage: {}\n", page.display()))
}

/// 0 where every judged claim is reproduced. A shard may leave claims to the others.
fn exit_code(report: &Report, is_shard: bool) -> u8 {
    let fine = |verdict| verdict == Verdict::Reproduced || (is_shard && verdict == Verdict::NotRun);
    u8::from(report.claims.is_empty() || !report.claims.iter().all(|claim| fine(claim.verdict)))
}
