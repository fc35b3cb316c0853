//! Processes that are killed while they write, that share a folder, and that run out of disk.
//!
//! The child is this test program itself, started with one ignored test and a folder in its environment.

use elinvar_core::reproduction::*;
use elinvar_core::sweep::{Design, Dimension, Setup, Sweep};
use elinvar_core::{Bundle, Card, Checked, Context, Field, Measurement, Method, NoInput, Output, Paper, Params, Result, Shape};
use elinvar_report::{EvidenceStore, Goal, SweepReport};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "ELINVAR_KILL_TEST_FOLDER";
/// Number of kills, where it is not the usual one; `cargo xtask crash 200` sets it.
const KILLS: &str = "ELINVAR_KILLS";
/// Share of the trials of a child.
const SHARD: &str = "ELINVAR_KILL_TEST_SHARD";
/// What a child runs: `slow`, a reproduction, or `slow.measure`, a sweep.
const STUDY: &str = "ELINVAR_KILL_TEST_STUDY";

fn kills() -> u64 {
    std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// Enough for every kill to find a child at work.
fn trials() -> usize {
    8 * kills() as usize
}

#[derive(Serialize, Deserialize)]
struct Trial {
    arm: String,
    seed: u64,
}

struct Slow;

impl Reproduction for Slow {
    type Trial = Trial;
    const VERSION: u32 = 1;
    fn claims(&self) -> Vec<Claim> {
        let rule = Rule::ratio("loss", "loss", Cell::of("arm", "ours"), Cell::of("arm", "base"), Aggregate::Mean, Threshold::AtMost(0.9));
        vec![Claim {
            id: "K-1",
            says: "lower",
            paper: PaperFigure::Qualitative(""),
            source: Source::Pilot,
            scales: &[Scale::Tiny],
            rules: vec![rule],
            finding: "",
        }]
    }
    fn trials(&self, _: Scale) -> Vec<Trial> {
        (0..trials() as u64).map(|i| Trial { arm: if i % 2 == 0 { "ours" } else { "base" }.into(), seed: i / 2 }).collect()
    }
    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        std::thread::sleep(Duration::from_millis(8));
        let noise: f64 = ctx.stream(&[("noise", 0)]).random();
        let loss = if trial.arm == "ours" { 1.0 } else { 1.3 } + 0.1 * noise;
        Ok(Metrics::new().with("loss", loss).with_series("curve", (0..2000).map(|i| loss / f64::from(i + 1))))
    }
    fn sabotaged(&self, _: &Trial) -> Option<Trial> {
        None
    }
    fn figures(&self, _: &Evidence) -> Vec<Figure> {
        Vec::new()
    }
}

/// A number that depends on a parameter, after a while.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Place {
    /// Where.
    x: f64,
}

impl Params for Place {}

impl Measurement for Place {
    const VERB: &'static str = "measure";
    const SUMMARY: &'static str = "Measure";
    type Params = Place;
    type Input<'a> = NoInput;
    type Output = Height;
    fn measure(params: &Checked<Place>, _: NoInput, ctx: &mut Context) -> Result<Height> {
        std::thread::sleep(Duration::from_millis(8));
        let noise: f64 = ctx.stream(&[("noise", 0)]).random();
        Ok(Height((params.x - 0.3).powi(2) + 0.01 * noise))
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

struct Height(f64);

impl Output for Height {
    const FIELDS: &'static [Field] = &[Field::new("height", Shape::Scalar, "")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("height", self.0)
    }
}

fn method() -> Method {
    let paper = Paper { title: "", authors: "", year: 2026, reference: "" };
    let card = Card { slug: "slow", title: "", family: "", summary: "", paper, complexity: "", keywords: &[] };
    Method::new(card, "", Slow).measurement::<Place>()
}

fn request() -> Result<Run> {
    let environment = elinvar_report::detect_environment("0.1.0");
    let shard = std::env::var(SHARD).map_or(Ok(Shard::default()), |text| text.parse())?;
    Ok(Run { shard, retry_failed: false, environment, progress: None })
}

fn run_all(folder: &Path) -> Result<RunReport> {
    run(&method(), Scale::Tiny, &request()?, &EvidenceStore::open(folder)?, &Context::new(0).with_threads(2))
}

/// What a run ends with, without the clock.
#[derive(Debug, PartialEq)]
struct End {
    ran: usize,
    measured: BTreeMap<String, Outcome>,
    says: Value,
}

fn end_of(study: &str, folder: &Path) -> Result<End> {
    if study == "slow.measure" {
        return sweep_all(folder);
    }
    let report = run_all(folder)?;
    Ok(End { ran: report.ran, measured: measured(&report.evidence), says: json!(report.judgements) })
}

fn sweep_all(folder: &Path) -> Result<End> {
    let method = method();
    let space = vec![Dimension::parse("x=0..1", &method.verb("measure")?.params)?];
    let (fixed, data, design) = (Map::new(), Bundle::new(), Design::Sobol(trials()));
    let sweep = Sweep::new(Setup { method: &method, task: "measure", fixed, space, design, seed: 1, folds: None, data, model: None })?;
    let (request, store) = (request()?, EvidenceStore::open(folder)?);
    let ran = run_trials(&sweep, &request, &store, &Context::new(0).with_threads(2))?;
    let evidence = collect(&sweep, &store)?;
    let goal = Some(Goal { metric: "height".into(), maximize: false });
    let report = SweepReport::new(&method.card, "measure", &sweep, &evidence, goal, request.environment);
    Ok(End { ran, measured: measured(&evidence), says: json!([report.points, report.headline()]) })
}

/// The child of the other tests.
#[test]
#[ignore = "started by the kill tests"]
fn runs_all_trials_in_the_folder_it_is_given() {
    let folder = std::env::var_os(FOLDER).expect("started by the kill tests");
    let study = std::env::var(STUDY).expect("started by the kill tests");
    if let Err(error) = end_of(&study, Path::new(&folder)) {
        println!("error: {error}");
        std::process::exit(i32::from(error.kind().exit_code()));
    }
}

fn child_arguments() -> [&'static str; 4] {
    ["--ignored", "--exact", "kill::runs_all_trials_in_the_folder_it_is_given", "--nocapture"]
}

fn start(folder: &Path, study: &str) -> Child {
    start_shard(folder, study, "1/1")
}

fn start_shard(folder: &Path, study: &str, shard: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(child_arguments()).env(FOLDER, folder).env(STUDY, study).env(SHARD, shard).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What was measured, by trial.
fn measured(evidence: &Evidence) -> BTreeMap<String, Outcome> {
    evidence.records().map(|r| (r.key(), r.outcome)).collect()
}

fn count(folder: &Path, study: &str) -> usize {
    let store = EvidenceStore::open(folder).unwrap();
    let keys = store.keys(study).unwrap();
    assert!(keys.iter().all(|key| store.load(study, key).unwrap().is_some()), "a kill damaged a file: {:?}", store.warnings());
    keys.len()
}

#[test]
fn killed_at_any_moment_a_sweep_loses_nothing_finished_and_ends_the_same() {
    kill_again_and_again("slow.measure");
}

#[test]
fn killed_at_any_moment_a_reproduction_loses_nothing_finished_and_ends_the_same() {
    kill_again_and_again("slow");
}

fn kill_again_and_again(study: &str) {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = end_of(study, whole.path()).unwrap();
    let mut random = elinvar_core::random::stream(3, &[("kill", 0)]);
    let (mut before, mut killed_at_work) = (0, 0);
    for _ in 0..kills() {
        let mut child = start(killed.path(), study);
        std::thread::sleep(Duration::from_millis(random.random_range(15..90)));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        killed_at_work += u64::from(!ended);
        let now = count(killed.path(), study);
        assert!(now >= before, "{before} finished trials became {now}");
        before = now;
    }
    assert!(killed_at_work > kills() / 2, "the child ended before it could be killed: {killed_at_work} of {}", kills());
    let last = end_of(study, killed.path()).unwrap();
    assert_eq!(last, End { ran: trials() - before, ..expected }, "finished trials are not run again, and the end is the same");
}

/// A small file system of memory, in a name space of its own where the system allows one.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_or_read_only_is_one_error_and_the_rest_is_run_later() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &str, prepare: &str| {
        let script = format!("mount -t tmpfs -o {options} tmpfs \"$1\" && {prepare} shift && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]).arg(folder.path());
        command.arg(std::env::current_exe().unwrap()).args(child_arguments()).env(FOLDER, folder.path()).env(STUDY, "slow");
        let output = command.output();
        output.ok().map(|output| (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), output.stderr))
    };
    let (full, read_only) = (run("size=256k", ""), run("size=1m", "mount -o remount,ro \"$1\" &&"));
    let (Some((code, text, errors)), Some((blocked, blocked_text, _))) = (full, read_only) else { return };
    if code != Some(4) && String::from_utf8_lossy(&errors).contains("unshare") {
        // This system gives no name spaces to its users.
        return;
    }
    assert_eq!((code, blocked), (Some(4), Some(4)), "{text} {blocked_text}");
    assert!(text.contains("cannot be written (no space left on device)"), "{text}");
    assert!(blocked_text.contains("cannot be written (read-only file system)"), "{blocked_text}");
    assert_eq!(run_all(folder.path()).unwrap().ran, trials());
}

#[test]
fn two_processes_may_share_a_folder() {
    let (alone, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut children = [start(shared.path(), "slow"), start(shared.path(), "slow")];
    assert!(children.iter_mut().all(|c| c.wait().unwrap().success()));
    assert_eq!(count(shared.path(), "slow"), trials());
    assert_eq!(measured(&run_all(shared.path()).unwrap().evidence), measured(&run_all(alone.path()).unwrap().evidence));
}

#[test]
fn two_shards_fill_one_folder_at_the_same_time() {
    let (alone, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut children = ["1/2", "2/2"].map(|shard| start_shard(shared.path(), "slow", shard));
    assert!(children.iter_mut().all(|c| c.wait().unwrap().success()));
    let last = run_all(shared.path()).unwrap();
    assert_eq!(last.ran, 0, "nothing is left over");
    assert_eq!(measured(&last.evidence), measured(&run_all(alone.path()).unwrap().evidence));
}

/// A limit on the size of files stands in for a disk that is full: writing fails after the folder was opened.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_error_and_leaves_no_half_files() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(program)
        .args(child_arguments())
        .env(FOLDER, folder.path())
        .env(STUDY, "slow")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("cannot be written (file too large)"), "{text}");
    assert_eq!(count(folder.path(), "slow"), 0);
    assert_eq!(run_all(folder.path()).unwrap().ran, trials());
}
