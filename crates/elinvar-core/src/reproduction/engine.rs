//! Runs trials in parallel, each once, and stores each as soon as it ends.

use super::Trials;
use super::claim::Scale;
use super::evidence::{Environment, Evidence, Metrics, Outcome, Record, trial_key};
use super::judge::{Judgement, judge_all};
use crate::context::{Context, Progress, ProgressSink};
use crate::error::{Error, Kind, Result};
use crate::method::{Method, catch_panic};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Trials that can be run one by one: those of a reproduction at a scale, or the points of a sweep.
pub trait Study: Sync {
    /// Field `method` of its records, and the folder that a store keeps them in.
    fn name(&self) -> &str;
    /// Raised when trials measure something else; older records are then not mixed in.
    fn version(&self) -> u32;
    /// Number of trials.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The trial of a number below [`len`](Self::len), a flat JSON object.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    fn trial(&self, index: usize) -> Result<Value>;
    /// Runs one: a pure function of its data.
    ///
    /// # Errors
    /// Becomes the outcome of the trial.
    fn measure(&self, trial: &Value, ctx: &mut Context) -> Result<Metrics>;

    /// The name of the record of a trial.
    fn key(&self, trial: &Value) -> String {
        trial_key(self.name(), self.version(), trial)
    }
}

/// The trials of a reproduction at a scale.
pub struct Claimed<'a> {
    method: &'a Method,
    trials: Trials,
}

impl<'a> Claimed<'a> {
    /// Of this method.
    ///
    /// # Errors
    /// A scale that the method does not have.
    pub fn new(method: &'a Method, scale: Scale) -> Result<Self> {
        let trials = method.reproduction.trials(scale);
        match trials.is_empty() {
            true => Err(no_scale(method, scale)),
            false => Ok(Self { method, trials }),
        }
    }
}

fn no_scale(method: &Method, scale: Scale) -> Error {
    let known: Vec<String> = method.scales().iter().map(|scale| format!("'{scale}'")).collect();
    Error::parameter("scale", format!("one of {}", known.join(", ")), format!("'{scale}'")).in_method(method.card.slug)
}

impl Study for Claimed<'_> {
    fn name(&self) -> &str {
        self.method.card.slug
    }
    fn version(&self) -> u32 {
        self.method.reproduction.version()
    }
    fn len(&self) -> usize {
        self.trials.len()
    }
    fn trial(&self, index: usize) -> Result<Value> {
        self.trials.get(index)
    }
    fn measure(&self, trial: &Value, ctx: &mut Context) -> Result<Metrics> {
        self.method.reproduction.run(trial, ctx)
    }
}

/// How to run trials.
#[derive(Clone)]
pub struct Run {
    /// Share of the trials.
    pub shard: Shard,
    /// Also run trials again whose record is an error.
    pub retry_failed: bool,
    /// Written into every record.
    pub environment: Environment,
    /// Receives the number of finished trials, and of those among them that failed.
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
/// As [`run_trials`].
pub fn run(method: &Method, scale: Scale, run: &Run, store: &dyn Store, ctx: &Context) -> Result<RunReport> {
    let ran = run_trials(&Claimed::new(method, scale)?, run, store, ctx)?;
    Ok(RunReport { ran, ..judged(method, scale, store)? })
}

/// Judges the claims of a scale on what a store has, without running anything.
///
/// # Errors
/// When the store cannot be read.
pub fn judged(method: &Method, scale: Scale, store: &dyn Store) -> Result<RunReport> {
    let study = Claimed::new(method, scale)?;
    let evidence = collect(&study, store)?;
    let judgements = judge_all(&method.reproduction.claims(), scale, &evidence);
    Ok(RunReport { evidence, trials: study.len(), ran: 0, judgements })
}

/// The records of a study that a store has, in the order of the trials.
///
/// # Errors
/// When the store cannot be read.
pub fn collect(study: &dyn Study, store: &dyn Store) -> Result<Evidence> {
    let mut evidence = Evidence::default();
    for index in 0..study.len() {
        evidence.extend(store.load(study.name(), &study.key(&study.trial(index)?))?);
    }
    Ok(evidence)
}

/// Numbers of the trials of a share that a run has still to do.
///
/// # Errors
/// When the store cannot be read.
pub fn open_trials(study: &dyn Study, run: &Run, store: &dyn Store) -> Result<Vec<usize>> {
    let mut open = Vec::new();
    for index in (0..study.len()).filter(|&index| run.shard.owns(index)) {
        let key = study.key(&study.trial(index)?);
        let done = match store.load(study.name(), &key)? {
            Some(Record { outcome: Outcome::Error(_), .. }) => !run.retry_failed,
            Some(_) => true,
            None => false,
        };
        if !done {
            open.push(index);
        }
    }
    Ok(open)
}

/// Runs the trials of a study that the store does not have, several at a time, and stores each as soon as it ends. Returns their number.
///
/// # Errors
/// When the store cannot be written or the user interrupts; what ended before that is kept. A trial that fails is stored as an
/// error and does not stop the others.
pub fn run_trials(study: &dyn Study, run: &Run, store: &dyn Store, ctx: &Context) -> Result<usize> {
    let open = open_trials(study, run, store)?;
    let workers = ctx.threads().min(open.len()).max(1);
    // One worker alone may use all threads inside a trial; several use one each.
    let threads = if workers == 1 { ctx.threads() } else { 1 };
    let crew = Crew { study, run, store, open: &open, next: AtomicUsize::new(0), tally: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| crew.work(ctx, threads));
        }
    });
    let tally = crew.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    match tally.failure {
        Some(error) => Err(error.in_method(study.name())),
        None => Ok(tally.ran),
    }
}

/// Workers that take one trial after the other.
struct Crew<'a> {
    study: &'a dyn Study,
    run: &'a Run,
    store: &'a dyn Store,
    open: &'a [usize],
    next: AtomicUsize,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    ran: usize,
    failed: usize,
    /// What stops all workers.
    failure: Option<Error>,
}

impl Crew<'_> {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, ctx: &Context, threads: usize) {
        while let Some(&index) = self.open.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.tally().failure.is_some() {
                return;
            }
            match self.one(index, ctx, threads) {
                Ok(Some(failed)) => self.count(failed),
                Ok(None) => {}
                Err(error) => {
                    self.tally().failure.get_or_insert(error);
                    return;
                }
            }
        }
    }

    /// Runs and stores a trial. Says whether it failed, or nothing where it stays open.
    fn one(&self, index: usize, ctx: &Context, threads: usize) -> Result<Option<bool>> {
        let trial = self.study.trial(index)?;
        match run_trial(self.study, &trial, &self.run.environment, ctx, threads) {
            Ok(record) => self.store.save(&record).map(|()| Some(matches!(record.outcome, Outcome::Error(_)))),
            // A data file that is not there is no result: the trial stays open, its claims "not run".
            Err(error) if error.kind() == Kind::File && error.hint_text().is_some_and(|h| h.contains("ELINVAR_DATA")) => {
                if let Some(sink) = &self.run.progress {
                    sink.warn(&format!("skipped {trial}: {error}"));
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn count(&self, failed: bool) {
        let mut tally = self.tally();
        tally.ran += 1;
        tally.failed += usize::from(failed);
        if let Some(sink) = &self.run.progress {
            let failures = [("failed", tally.failed as f64)];
            let figures = if tally.failed > 0 { &failures[..] } else { &[] };
            sink.report(&Progress { step: tally.ran as u64, of: self.open.len() as u64, figures });
        }
    }
}

/// Runs one trial and gives its record; nothing is stored.
///
/// # Errors
/// When it was interrupted, ran out of time, or lacks a file: such a trial has no record. Every other error is the outcome in the record.
pub fn run_trial(study: &dyn Study, trial: &Value, environment: &Environment, ctx: &Context, threads: usize) -> Result<Record> {
    let seed = trial.get("seed").and_then(Value::as_u64).unwrap_or(0);
    let mut child = ctx.child(seed, threads);
    child.check()?;
    let start = Instant::now();
    let result = catch_panic(|| study.measure(trial, &mut child)).and_then(|m| m.check().map(|()| m));
    let outcome = match result {
        Ok(metrics) => Outcome::Metrics(metrics),
        // Stopped is not failed: such a trial has no record and is run again next time.
        Err(error) if matches!(error.kind(), Kind::Interrupted | Kind::Time | Kind::File) => return Err(error),
        Err(error) => Outcome::Error(error.to_string()),
    };
    Ok(Record {
        method: study.name().to_owned(),
        code: study.version(),
        trial: trial.clone(),
        outcome,
        seconds: start.elapsed().as_secs_f64(),
        environment: environment.clone(),
    })
}

/// Runs the sabotaged trials of a scale in place of the real ones, in memory, and judges the claims on them.
///
/// Records keep the name of the real trial, so that the rules find them: a claim that is still reproduced then cannot fail.
pub fn sabotage(method: &Method, scale: Scale, real: &Evidence, ctx: &Context) -> Result<Vec<Judgement>> {
    let study = Claimed::new(method, scale)?;
    let mut evidence = Evidence::default();
    for mut record in real.records() {
        if let Some(altered) = method.reproduction.sabotaged(&record.trial)? {
            record.outcome = run_trial(&study, &altered, &record.environment, ctx, ctx.threads())?.outcome;
        }
        evidence.push(record);
    }
    Ok(judge_all(&method.reproduction.claims(), scale, &evidence))
}

#[cfg(test)]
mod tests {
    use super::super::claim::{Aggregate, Cell, Claim, PaperFigure, Rule, Source, Threshold};
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
        fn trials(&self, scale: Scale) -> Vec<Trial> {
            let count = if scale == Scale::Tiny { 6 } else { 0 };
            (0..count).map(|i| Trial { arm: if i % 2 == 0 { "ours" } else { "base" }.into(), seed: i / 2 }).collect()
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
        Run { shard, retry_failed: false, environment: Environment::default(), progress: None }
    }

    #[test]
    fn trials_run_once_and_shards_add_up() {
        let (store, ctx) = (Memory::default(), Context::new(0).with_threads(2));
        let first = run(&method(), Scale::Tiny, &request("1/2"), &store, &ctx).unwrap();
        assert_eq!((first.ran, first.trials, first.judgements[0].verdict), (3, 6, Verdict::NotRun));
        let second = run(&method(), Scale::Tiny, &request("2/2"), &store, &ctx).unwrap();
        assert_eq!((second.ran, second.judgements[0].verdict), (3, Verdict::Reproduced));
        assert_eq!(run(&method(), Scale::Tiny, &request("1/1"), &store, &ctx).unwrap().ran, 0);
        assert!("3/2".parse::<Shard>().is_err() && "0/2".parse::<Shard>().is_err());
    }

    #[test]
    fn a_scale_without_trials_is_refused() {
        let method = method();
        assert_eq!(method.scales(), [Scale::Tiny]);
        let error = run(&method, Scale::Hour, &request("1/1"), &Memory::default(), &Context::new(0)).unwrap_err();
        assert_eq!(error.to_string(), "halving: parameter 'scale' must be one of 'tiny', got 'hour'");
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let metrics = |threads| {
            let store = Memory::default();
            let report = run(&method(), Scale::Tiny, &request("1/1"), &store, &Context::new(0).with_threads(threads)).unwrap();
            report.evidence.records().map(|r| r.outcome).collect::<Vec<_>>()
        };
        assert_eq!(metrics(1), metrics(3));
    }

    #[test]
    fn sabotage_makes_the_claim_fail() {
        let (store, ctx) = (Memory::default(), Context::new(0));
        let real = run(&method(), Scale::Tiny, &request("1/1"), &store, &ctx).unwrap().evidence;
        let judged = sabotage(&method(), Scale::Tiny, &real, &ctx).unwrap();
        assert_eq!(judged[0].verdict, Verdict::NotReproduced);
    }

    #[test]
    fn a_panic_is_stored_as_an_error_and_an_interrupt_is_not_stored() {
        let trial = serde_json::json!({"arm": "panics", "seed": 0});
        let method = method();
        let record = run_trial(&Claimed::new(&method, Scale::Tiny).unwrap(), &trial, &Environment::default(), &Context::new(0), 1).unwrap();
        assert!(matches!(record.outcome, Outcome::Error(text) if text.contains("a defect")));
        let cancel = crate::Cancel::default();
        cancel.cancel();
        let (store, ctx) = (Memory::default(), Context::new(0).with_cancel(cancel));
        assert_eq!(run(&method, Scale::Tiny, &request("1/1"), &store, &ctx).unwrap_err().kind(), Kind::Interrupted);
        assert!(store.0.lock().unwrap().is_empty());
    }
}
