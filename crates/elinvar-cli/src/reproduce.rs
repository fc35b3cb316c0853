//! `reproduce` runs the trials of a paper's claims, `report` judges evidence that exists.

use crate::terminal::Terminal;
use crate::{options, progress};
use clap::{Arg, ArgAction, ArgMatches, Command};
use elinvar_core::reproduction::{self, Claimed, Outcome, Run, RunReport, Scale, Shard, Store, Study, Verdict, collect, judge_all};
use elinvar_core::{Device, Error, Kind, Method, Result, find};
use elinvar_report::{EvidenceStore, Report};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FOLDER: &str = "elinvar-evidence";

pub(crate) fn commands() -> Vec<Command> {
    let method = Arg::new("method").value_name("METHOD").required(true).help("Method, as `elinvar list` names it");
    let scale = || Arg::new("scale").long("scale").value_name("WORD");
    let record = Arg::new("record").long("record").value_name("DIR").help("Also write the judged evidence to DIR/<method>.<scale>.json");
    let run = Command::new("reproduce")
        .about("Run a paper's claims again and judge them")
        .arg(method.clone())
        .arg(scale().help("tiny (seconds), quick (a minute or two) or paper (the full protocol) [default: quick]"))
        .arg(Arg::new("out").long("out").value_name("DIR").help(format!("Folder of the evidence and the page [default: {FOLDER}]")))
        .arg(Arg::new("shard").long("shard").value_name("I/N").help("Run only the I-th of N shares of the trials [default: 1/1]"))
        .arg(Arg::new("retry-failed").long("retry-failed").action(ArgAction::SetTrue).help("Run trials again that ended in an error"))
        .arg(record.clone())
        .args(options::run_flags());
    let judge = Command::new("report")
        .about("Merge evidence folders and judge the claims on them, without running anything")
        .arg(Arg::new("evidence").long("evidence").value_name("DIR").num_args(1..).required(true).help("Folders of evidence"))
        .arg(Arg::new("out").long("out").value_name("DIR").help("Folder for the merged evidence [default: the only folder given]"))
        .arg(method.required(false).help("Only this method"))
        .arg(scale().help("tiny, quick or paper [default: the largest that has trials]"))
        .arg(record);
    vec![run, judge]
}

pub(crate) fn reproduce(matches: &ArgMatches, methods: &[Method], terminal: &mut Terminal) -> Result<u8> {
    let method = find(methods, options::text(matches, "method").unwrap_or_default())?;
    let scale = scale(matches)?.unwrap_or(Scale::Quick);
    let shard: Shard = options::text(matches, "shard").unwrap_or("1/1").parse()?;
    let folder = PathBuf::from(options::text(matches, "out").unwrap_or(FOLDER));
    let context = options::context(matches, terminal)?;
    let progress = progress::sink(matches, terminal)?;
    let store = EvidenceStore::open(&folder)?;
    let mut environment = elinvar_report::detect_environment(elinvar::VERSION);
    if context.device() != Device::Cpu {
        environment.machine = format!("{}, networks on {}", environment.machine, context.device());
    }
    let request = Run { shard, retry_failed: matches.get_flag("retry-failed"), environment, progress };
    let run = reproduction::run(method, scale, &request, &store, &context).map_err(|e| say_how_to_go_on(e, method, scale, &store))?;
    // The bar goes away before the table is printed.
    drop(request);
    show_warnings(matches, &store, terminal);
    let report = publish(method, scale, &run, &folder, matches)?;
    show(matches, &report, &folder, terminal)?;
    Ok(exit_code(&report, shard.of > 1))
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
    let found = match options::text(matches, "method") {
        Some(slug) => vec![find(methods, slug)?],
        None => known(&store, methods, terminal)?,
    };
    let mut codes = Vec::new();
    for method in found {
        let (scale, run) = judge(method, scale(matches)?, &store)?;
        let report = publish(method, scale, &run, folder, matches)?;
        show(matches, &report, folder, terminal)?;
        codes.push(exit_code(&report, false));
    }
    show_warnings(matches, &store, terminal);
    // Nothing judged is nothing reproduced.
    Ok(codes.into_iter().max().unwrap_or(1))
}

fn scale(matches: &ArgMatches) -> Result<Option<Scale>> {
    let Some(text) = options::text(matches, "scale") else { return Ok(None) };
    let words: Vec<&str> = Scale::ALL.iter().map(|s| s.as_str()).collect();
    options::word("scale", text, &words)?;
    Ok(Scale::ALL.into_iter().find(|s| s.as_str() == text))
}

/// Judges what the store has: of the scale asked for, or of the largest with any trial.
fn judge(method: &Method, scale: Option<Scale>, store: &EvidenceStore) -> Result<(Scale, RunReport)> {
    let scales = scale.map_or(vec![Scale::Paper, Scale::Quick, Scale::Tiny], |scale| vec![scale]);
    for &scale in &scales {
        let study = Claimed::new(method, scale);
        let evidence = collect(&study, store)?;
        if !evidence.is_empty() {
            let judgements = judge_all(&method.reproduction.claims(), scale, &evidence);
            return Ok((scale, RunReport { evidence, trials: study.len(), ran: 0, judgements }));
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
            Err(_) => terminal.note(&format!("warning: '{slug}' is no method of this version; its evidence is left alone")),
        }
    }
    Ok(found)
}

/// Writes `report.json` and `index.html` beside the evidence, and the record that `--record` asks for.
fn publish(method: &Method, scale: Scale, run: &RunReport, folder: &Path, matches: &ArgMatches) -> Result<Report> {
    let environment = elinvar_report::detect_environment(elinvar::VERSION);
    let report = Report::new(&method.card, scale, run, &method.reproduction.differences(), environment);
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

fn show_warnings(matches: &ArgMatches, store: &EvidenceStore, terminal: &Terminal) {
    if !matches.get_flag("quiet") {
        for warning in store.warnings() {
            terminal.note(&format!("warning: {warning}"));
        }
    }
}

/// 0 where every judged claim is reproduced. A shard may leave claims to the others.
fn exit_code(report: &Report, is_shard: bool) -> u8 {
    let fine = |verdict| verdict == Verdict::Reproduced || (is_shard && verdict == Verdict::NotRun);
    u8::from(report.claims.is_empty() || !report.claims.iter().all(|claim| fine(claim.verdict)))
}

fn say_how_to_go_on(error: Error, method: &Method, scale: Scale, store: &EvidenceStore) -> Error {
    if !matches!(error.kind(), Kind::Interrupted | Kind::Time) {
        return error;
    }
    let kept = collect(&Claimed::new(method, scale), store).map_or(0, |evidence| evidence.len());
    let hint = format!("{kept} finished trials are kept in '{}', the same command goes on from there", store.folder().display());
    Error::new(error.kind(), if error.kind() == Kind::Time { "the time limit passed" } else { "interrupted" })
        .hint(hint)
        .in_method(method.card.slug)
}
