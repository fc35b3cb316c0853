//! What the engine and the store cost by themselves: trials that do nothing, run, listed, judged and written to one table.
//!
//! `trials FOLDER COUNT` prints one line a step: its name, seconds, seconds a trial, and the peak of the memory so far.
#![allow(clippy::print_stdout)]

use elinvar_core::reproduction::{
    Aggregate, Cell, Claim, Claimed, Evidence, Figure, Metrics, PaperFigure, Reproduction, Rule, Run, Scale, Shard, Source, Study,
    Threshold, collect, judge_all, run_trials,
};
use elinvar_core::{Card, Context, Error, Method, Paper, Result};
use elinvar_report::{EvidenceStore, Report, detect_environment, trials_table, write_page};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// The allocator of the command line and of the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Serialize, Deserialize)]
struct Trial {
    arm: String,
    width: u64,
    learning_rate: f64,
    seed: u64,
}

struct Idle(u64);

impl Reproduction for Idle {
    type Trial = Trial;
    const VERSION: u32 = 1;
    fn claims(&self) -> Vec<Claim> {
        let of = |arm| Cell::of("arm", arm);
        let rules = vec![
            Rule::ratio("loss", "loss", of("ours"), of("base"), Aggregate::Mean, Threshold::AtMost(0.9)),
            Rule::holds("time", "steps", of("ours"), Aggregate::Median, Threshold::AtMost(100.0)),
        ];
        let says = "the loss is lower";
        vec![Claim {
            id: "I-1",
            says,
            paper: PaperFigure::Qualitative("lower"),
            source: Source::Pilot,
            scales: &[Scale::Paper],
            rules,
            finding: "",
        }]
    }
    fn trials(&self, _: Scale) -> Vec<Trial> {
        let trial =
            |i: u64| Trial { arm: if i.is_multiple_of(2) { "ours" } else { "base" }.into(), width: 64, learning_rate: 1e-3, seed: i / 2 };
        (0..self.0).map(trial).collect()
    }
    fn run(&self, trial: &Trial, _: &mut Context) -> Result<Metrics> {
        let noise = (trial.seed as f64 * 0.37).sin();
        let loss = if trial.arm == "ours" { 1.0 } else { 1.3 } + 0.1 * noise;
        Ok(Metrics::new().with("loss", loss).with("steps", 50.0 + 10.0 * noise).with("accuracy", 0.9 - 0.01 * noise))
    }
    fn sabotaged(&self, _: &Trial) -> Option<Trial> {
        None
    }
    fn figures(&self, _: &Evidence) -> Vec<Figure> {
        Vec::new()
    }
}

/// Peak of the resident memory of this process in MB, where the system says it.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb / 1024.0)
}

fn timed<R>(name: &str, count: usize, work: impl FnOnce() -> Result<R>) -> Result<R> {
    let start = Instant::now();
    let result = work()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {seconds:.2} s, {:.1} us a trial, peak {:.0} MB", 1e6 * seconds / count as f64, peak());
    Ok(result)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::input("name a folder"))?;
    let count = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let paper = Paper { title: "", authors: "", year: 2026, reference: "" };
    let card = Card { slug: "idle", title: "Idle", family: "", summary: "Does nothing", paper, complexity: "", keywords: &[] };
    let method = Method::new(card, "", Idle(count));
    let study = Claimed::new(&method, Scale::Paper)?;
    let store = EvidenceStore::open(&folder)?;
    let environment = detect_environment("0.1.0");
    let run = Run { shard: Shard::default(), retry_failed: false, environment: environment.clone(), progress: None };
    let ctx = Context::new(0).with_threads(1);
    let count = study.len();
    timed("run and store", count, || run_trials(&study, &run, &store, &ctx))?;
    timed("list", count, || store.keys("idle"))?;
    timed("find nothing to do", count, || run_trials(&study, &run, &store, &ctx))?;
    let evidence = timed("read", count, || collect(&study, &store))?;
    let judgements = timed("judge", count, || Ok(judge_all(&method.reproduction.claims(), Scale::Paper, &evidence)))?;
    let found = elinvar_core::reproduction::RunReport { evidence, trials: count, ran: 0, judgements };
    timed("write the page", count, || {
        write_page(Path::new(&folder).join("idle"), &Report::new(&card, Scale::Paper, &found, &[], environment), &[])
    })?;
    timed("one table", count, || trials_table(&[found.evidence]))?;
    Ok(())
}
