//! Processes that are killed while they write, that share a folder, and that run out of disk.
//!
//! The child is this test program itself, started with one ignored test and a folder in its environment.

use elinvar_core::reproduction::*;
use elinvar_core::{Card, Context, Method, Paper, Result};
use elinvar_report::EvidenceStore;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "ELINVAR_KILL_TEST_FOLDER";
/// Number of kills, where it is not the usual one; `cargo xtask crash 200` sets it.
const KILLS: &str = "ELINVAR_KILLS";
/// Share of the trials of a child.
const SHARD: &str = "ELINVAR_KILL_TEST_SHARD";

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

fn run_all(folder: &Path) -> Result<RunReport> {
    let paper = Paper { title: "", authors: "", year: 2026, reference: "" };
    let card = Card { slug: "slow", title: "", family: "", summary: "", paper, complexity: "", keywords: &[] };
    let environment = elinvar_report::detect_environment("0.1.0");
    let shard = std::env::var(SHARD).map_or(Ok(Shard::default()), |text| text.parse())?;
    let request = Run { shard, retry_failed: false, environment, progress: None };
    run(&Method::new(card, "", Slow), Scale::Tiny, &request, &EvidenceStore::open(folder)?, &Context::new(0).with_threads(2))
}

/// The child of the other tests.
#[test]
#[ignore = "started by the kill tests"]
fn runs_all_trials_in_the_folder_it_is_given() {
    let folder = std::env::var_os(FOLDER).expect("started by the kill tests");
    if let Err(error) = run_all(Path::new(&folder)) {
        println!("error: {error}");
        std::process::exit(i32::from(error.kind().exit_code()));
    }
}

fn child_arguments() -> [&'static str; 4] {
    ["--ignored", "--exact", "kill::runs_all_trials_in_the_folder_it_is_given", "--nocapture"]
}

fn start(folder: &Path) -> Child {
    start_shard(folder, "1/1")
}

fn start_shard(folder: &Path, shard: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(child_arguments()).env(FOLDER, folder).env(SHARD, shard).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What was measured, by trial, without the clock.
fn measured(report: &RunReport) -> BTreeMap<String, Outcome> {
    report.evidence.records().map(|r| (r.key(), r.outcome)).collect()
}

fn count(folder: &Path) -> usize {
    let store = EvidenceStore::open(folder).unwrap();
    let keys = store.keys("slow").unwrap();
    assert!(keys.iter().all(|key| store.load("slow", key).unwrap().is_some()), "a kill damaged a file: {:?}", store.warnings());
    keys.len()
}

#[test]
fn killed_at_any_moment_nothing_finished_is_lost_and_the_end_is_the_same() {
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = run_all(whole.path()).unwrap();
    let mut random = elinvar_core::random::stream(3, &[("kill", 0)]);
    let (mut before, mut killed_at_work) = (0, 0);
    for _ in 0..kills() {
        let mut child = start(killed.path());
        std::thread::sleep(Duration::from_millis(random.random_range(15..90)));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        killed_at_work += u64::from(!ended);
        let now = count(killed.path());
        assert!(now >= before, "{before} finished trials became {now}");
        before = now;
    }
    assert!(killed_at_work > kills() / 2, "the child ended before it could be killed: {killed_at_work} of {}", kills());
    let last = run_all(killed.path()).unwrap();
    assert_eq!(last.ran, trials() - before, "finished trials are not run again");
    assert_eq!(measured(&last), measured(&expected));
    assert_eq!(last.judgements, expected.judgements);
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
        command.arg(std::env::current_exe().unwrap()).args(child_arguments()).env(FOLDER, folder.path());
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
    let mut children = [start(shared.path()), start(shared.path())];
    assert!(children.iter_mut().all(|c| c.wait().unwrap().success()));
    assert_eq!(count(shared.path()), trials());
    assert_eq!(measured(&run_all(shared.path()).unwrap()), measured(&run_all(alone.path()).unwrap()));
}

#[test]
fn two_shards_fill_one_folder_at_the_same_time() {
    let (alone, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut children = ["1/2", "2/2"].map(|shard| start_shard(shared.path(), shard));
    assert!(children.iter_mut().all(|c| c.wait().unwrap().success()));
    let last = run_all(shared.path()).unwrap();
    assert_eq!(last.ran, 0, "nothing is left over");
    assert_eq!(measured(&last), measured(&run_all(alone.path()).unwrap()));
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
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("cannot be written (file too large)"), "{text}");
    assert_eq!(count(folder.path()), 0);
    assert_eq!(run_all(folder.path()).unwrap().ran, trials());
}
