//! Runs trials in parallel, each once, and stores each as soon as it ends.

use super::claim::Scale;
use super::evidence::{Environment, Evidence, Outcome, Record, trial_key};
use super::judge::{Judgement, judge_all};
use crate::context::{Context, Progress, ProgressSink};
use crate::error::{Error, Kind, Result};
use crate::method::{Method, catch_panic};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Keeps records by key. Implementations write atomically: a record is there whole or not at all.
pub trait Store: Sync {
    /// The record of that key, if there is one.
    fn load(&self, method: &str, key: &str) -> Result<Option<Record>>;
    /// Keeps a record.
    fn save(&self, record: &Record) -> Result<()>;
}

/// A share of the trials, so that several machines need no coordinator: trial i belongs to shard i mod n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of this shard, from 1.
    pub index: usize,
    /// Number of shards.
    pub of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, of: 1 }
    }
}

impl std::str::FromStr for Shard {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err(Error::parameter("shard", "i/n with 1 <= i <= n", format!("'{text}'"))),
        }
    }
}

impl Shard {
    fn owns(&self, position: usize) -> bool {
        position % self.of + 1 == self.index
    }
}

/// What to run.
#[derive(Clone)]
pub struct Run {
    /// Scale.
    pub scale: Scale,
    /// Share of the trials.
    pub shard: Shard,
    /// Also run trials again whose record is an error.
    pub retry_failed: bool,
    /// Written into every record.
    pub environment: Environment,
    /// Receives the number of finished trials.
    pub progress: Option<Arc<dyn ProgressSink>>,
}

/// What was run and what it says.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// Records of all trials of the scale that exist, in the order of the trials.
    pub evidence: Evidence,
    /// Trials of the scale.
    pub trials: usize,
    /// Trials run now.
    pub ran: usize,
    /// The claims, judged.
    pub judgements: Vec<Judgement>,
}

/// Runs the trials of a scale that the store does not have, then judges the claims on all that it has.
///
/// # Errors
/// When the store cannot be written or the user interrupts; what ended before that is kept. A trial that fails is stored as an
/// error and does not stop the others.
pub fn run(method: &Method, run: &Run, store: &dyn Store, ctx: &Context) -> Result<RunReport> {
    let reproduction = &method.reproduction;
    let slug = method.card.slug;
    let trials = reproduction.trials(run.scale)?;
    let open = open_trials(method, &trials, run, store)?;
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let workers = ctx.threads().min(open.len()).max(1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // One worker alone may use all threads inside a trial; several use one each.
                let threads = if workers == 1 { ctx.threads() } else { 1 };
                while let Some(trial) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let halted = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
                    if halted() {
                        return;
                    }
                    match run_one(method, trial, run, ctx, threads).and_then(|record| store.save(&record)) {
                        Ok(()) => {}
                        // A data file that is not there is no result: the trial stays open, its claims "not run".
                        Err(error) if error.kind() == Kind::File && error.hint_text().is_some_and(|h| h.contains("ELINVAR_DATA")) => {
                            if let Some(sink) = &run.progress {
                                sink.warn(&format!("skipped {trial}: {error}"));
                            }
                            continue;
                        }
                        Err(error) => {
                            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            return;
                        }
                    }
                    let finished = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if let Some(sink) = &run.progress {
                        sink.report(&Progress { step: finished as u64, of: open.len() as u64, figures: &[] });
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.in_method(slug));
    }
    let mut evidence = Evidence::default();
    for trial in &trials {
        evidence.records.extend(store.load(slug, &trial_key(slug, reproduction.version(), trial))?);
    }
    let judgements = judge_all(&reproduction.claims(), run.scale, &evidence);
    Ok(RunReport { evidence, trials: trials.len(), ran: done.into_inner(), judgements })
}

fn open_trials<'a>(method: &Method, trials: &'a [Value], run: &Run, store: &dyn Store) -> Result<Vec<&'a Value>> {
    let mut open = Vec::new();
    for (_, trial) in trials.iter().enumerate().filter(|(i, _)| run.shard.owns(*i)) {
        let key = trial_key(method.card.slug, method.reproduction.version(), trial);
        match store.load(method.card.slug, &key)? {
            Some(Record { outcome: Outcome::Error(_), .. }) if run.retry_failed => open.push(trial),
            Some(_) => {}
            None => open.push(trial),
        }
    }
    Ok(open)
}

fn run_one(method: &Method, trial: &Value, run: &Run, ctx: &Context, threads: usize) -> Result<Record> {
    let seed = trial.get("seed").and_then(Value::as_u64).unwrap_or(0);
    let mut child = ctx.child(seed, threads);
    child.check()?;
    let start = Instant::now();
    let result = catch_panic(|| method.reproduction.run(trial, &mut child)).and_then(|m| m.check().map(|()| m));
    let outcome = match result {
        Ok(metrics) => Outcome::Metrics(metrics),
        // Stopped is not failed: such a trial has no record and is run again next time.
        Err(error) if matches!(error.kind(), Kind::Interrupted | Kind::Time | Kind::File) => return Err(error),
        Err(error) => Outcome::Error(error.to_string()),
    };
    Ok(Record {
        method: method.card.slug.to_owned(),
        code: method.reproduction.version(),
        trial: trial.clone(),
        outcome,
        seconds: start.elapsed().as_secs_f64(),
        environment: run.environment.clone(),
    })
}

/// Runs the sabotaged trials of a scale in place of the real ones, in memory, and judges the claims on them.
///
/// Records keep the name of the real trial, so that the rules find them: a claim that is still reproduced then cannot fail.
pub fn sabotage(method: &Method, scale: Scale, real: &Evidence, ctx: &Context) -> Result<Vec<Judgement>> {
    let mut evidence = real.clone();
    let environment = Environment::default();
    let run = Run { scale, shard: Shard::default(), retry_failed: false, environment, progress: None };
    for record in &mut evidence.records {
        if let Some(altered) = method.reproduction.sabotaged(&record.trial)? {
            let outcome = run_one(method, &altered, &run, ctx, ctx.threads())?.outcome;
            record.outcome = outcome;
        }
    }
    Ok(judge_all(&method.reproduction.claims(), scale, &evidence))
}

#[cfg(test)]
mod tests {
    use super::super::claim::{Aggregate, Cell, Claim, PaperFigure, Rule, Source, Threshold};
    use super::super::evidence::Metrics;
    use super::super::figure::Figure;
    use super::super::judge::Verdict;
    use super::super::{Reproduction, run};
    use super::*;
    use crate::method::{Card, Paper};
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize)]
    struct Trial {
        arm: String,
        seed: u64,
    }

    struct Halving;

    impl Reproduction for Halving {
        type Trial = Trial;
        const VERSION: u32 = 1;
        fn claims(&self) -> Vec<Claim> {
            let rule =
                Rule::ratio("loss", "loss", Cell::of("arm", "ours"), Cell::of("arm", "base"), Aggregate::Mean, Threshold::AtMost(0.6));
            vec![Claim {
                id: "H1",
                says: "halves the loss",
                paper: PaperFigure::Qualitative(""),
                source: Source::Pilot,
                scales: &[Scale::Tiny],
                rules: vec![rule],
                finding: "",
            }]
        }
        fn trials(&self, _: Scale) -> Vec<Trial> {
            (0..6).map(|i| Trial { arm: if i % 2 == 0 { "ours" } else { "base" }.into(), seed: i / 2 }).collect()
        }
        fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
            use rand::RngExt;
            if trial.arm == "panics" {
                panic!("a defect");
            }
            let noise: f64 = ctx.stream(&[("noise", 0)]).random();
            Ok(Metrics::new().with("loss", if trial.arm == "ours" { 1.0 } else { 2.0 } + 0.01 * noise))
        }
        fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
            (trial.arm == "ours").then(|| Trial { arm: "none".into(), seed: trial.seed })
        }
        fn figures(&self, _: &Evidence) -> Vec<Figure> {
            Vec::new()
        }
    }

    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<String, Record>>);

    impl Store for Memory {
        fn load(&self, _: &str, key: &str) -> Result<Option<Record>> {
            Ok(self.0.lock().unwrap().get(key).cloned())
        }
        fn save(&self, record: &Record) -> Result<()> {
            self.0.lock().unwrap().insert(record.key(), record.clone());
            Ok(())
        }
    }

    fn method() -> Method {
        let paper = Paper { title: "", authors: "", year: 2026, reference: "" };
        let card = Card { slug: "halving", title: "", family: "", summary: "", paper, complexity: "", keywords: &[] };
        Method::new(card, "", Halving)
    }

    fn request(shard: &str) -> Run {
        let shard = shard.parse().unwrap();
        Run { scale: Scale::Tiny, shard, retry_failed: false, environment: Environment::default(), progress: None }
    }

    #[test]
    fn trials_run_once_and_shards_add_up() {
        let (store, ctx) = (Memory::default(), Context::new(0).with_threads(2));
        let first = run(&method(), &request("1/2"), &store, &ctx).unwrap();
        assert_eq!((first.ran, first.trials, first.judgements[0].verdict), (3, 6, Verdict::NotRun));
        let second = run(&method(), &request("2/2"), &store, &ctx).unwrap();
        assert_eq!((second.ran, second.judgements[0].verdict), (3, Verdict::Reproduced));
        assert_eq!(run(&method(), &request("1/1"), &store, &ctx).unwrap().ran, 0);
        assert!("3/2".parse::<Shard>().is_err() && "0/2".parse::<Shard>().is_err());
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let metrics = |threads| {
            let store = Memory::default();
            let report = run(&method(), &request("1/1"), &store, &Context::new(0).with_threads(threads)).unwrap();
            report.evidence.records.into_iter().map(|r| r.outcome).collect::<Vec<_>>()
        };
        assert_eq!(metrics(1), metrics(3));
    }

    #[test]
    fn sabotage_makes_the_claim_fail() {
        let (store, ctx) = (Memory::default(), Context::new(0));
        let real = run(&method(), &request("1/1"), &store, &ctx).unwrap().evidence;
        let judged = sabotage(&method(), Scale::Tiny, &real, &ctx).unwrap();
        assert_eq!(judged[0].verdict, Verdict::NotReproduced);
    }

    #[test]
    fn a_panic_is_stored_as_an_error_and_an_interrupt_is_not_stored() {
        let trial = serde_json::json!({"arm": "panics", "seed": 0});
        let record = run_one(&method(), &trial, &request("1/1"), &Context::new(0), 1).unwrap();
        assert!(matches!(record.outcome, Outcome::Error(text) if text.contains("a defect")));
        let cancel = crate::Cancel::default();
        cancel.cancel();
        let (store, ctx) = (Memory::default(), Context::new(0).with_cancel(cancel));
        assert_eq!(run(&method(), &request("1/1"), &store, &ctx).unwrap_err().kind(), Kind::Interrupted);
        assert!(store.0.lock().unwrap().is_empty());
    }
}
