//! Everything that must never be global: random streams, threads, limits, cancellation, progress, warnings.

use crate::device::Device;
use crate::error::{Error, Kind, Result};
use crate::random::{Axis, Stream, stream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A flag by which another thread asks running work to stop.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop at the next tick.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One report from inside a loop.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// Steps done.
    pub step: u64,
    /// Steps in all; 0 when that is not known.
    pub of: u64,
    /// Named figures of this step, such as `("loss", 0.3)`.
    pub figures: &'a [(&'a str, f64)],
}

/// Receives progress. The library itself prints nothing.
pub trait ProgressSink: Send + Sync {
    /// Called at each tick; must return quickly.
    fn report(&self, progress: &Progress<'_>);
    /// Called once for each warning, at the moment it arises.
    fn warn(&self, _message: &str) {}
}

/// Limits, seed, threads, progress and warnings of one call.
///
/// ```
/// use elinvar_core::Context;
/// let context = Context::new(7).with_threads(1);
/// let a = context.stream(&[("batch", 0)]);
/// let b = context.stream(&[("batch", 0)]);
/// assert!(a == b, "a stream is a function of seed and axes");
/// ```
pub struct Context {
    seed: u64,
    threads: usize,
    device: Device,
    /// Shared with children of as many threads, so that work inside such work goes on where it is.
    pool: Arc<OnceLock<Option<rayon::ThreadPool>>>,
    deadline: Option<Instant>,
    memory_limit: Option<u64>,
    cancel: Cancel,
    sink: Option<Arc<dyn ProgressSink>>,
    warnings: Vec<String>,
}

impl Default for Context {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Context {
    /// A context with a seed, all cores, no limits and no progress.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            device: Device::Cpu,
            pool: Arc::default(),
            deadline: None,
            memory_limit: None,
            cancel: Cancel::default(),
            sink: None,
            warnings: Vec::new(),
        }
    }

    /// Uses at most `threads` threads (at least one). Results do not depend on it.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self.pool = Arc::default();
        self
    }

    /// Computes networks there. Only tasks that say so do; a task that does not refuses another device than the processor.
    #[must_use]
    pub fn with_device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Stops after `limit` from now.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }

    /// Refuses to reserve more than `bytes`.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Listens to this cancel flag.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Reports progress and warnings here.
    #[must_use]
    pub fn with_progress(mut self, sink: Arc<dyn ProgressSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// The seed of this call.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The thread budget of this call.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Where networks are computed.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The random stream of these named axes.
    pub fn stream(&self, axes: &[Axis<'_>]) -> Stream {
        stream(self.seed, axes)
    }

    /// Runs `work` in a pool of exactly this context's threads; rayon inside it uses those and no others.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let build = || rayon::ThreadPoolBuilder::new().num_threads(self.threads).build().ok();
        match self.pool.get_or_init(build) {
            Some(pool) => pool.install(work),
            // No threads to be had from the system: the results do not depend on them, so go on with the caller's.
            None => work(),
        }
    }

    /// A context for a part of the work: same limits, device and cancel flag, its own seed and thread budget, no progress.
    pub fn child(&self, seed: u64, threads: usize) -> Context {
        let threads = threads.max(1);
        Context {
            seed,
            threads,
            device: self.device,
            pool: if threads == self.threads { self.pool.clone() } else { Arc::default() },
            deadline: self.deadline,
            memory_limit: self.memory_limit,
            cancel: self.cancel.clone(),
            sink: None,
            warnings: Vec::new(),
        }
    }

    /// The one call inside a loop: reports progress and answers cancellation, the time limit and non-finite figures.
    pub fn tick(&mut self, step: u64, of: u64, figures: &[(&str, f64)]) -> Result<()> {
        self.check()?;
        if let Some((name, value)) = figures.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::numeric(format!("{name} became {value} at step {step}"))
                .hint("check the scale of the data, or lower the learning rate or the penalty"));
        }
        if let Some(sink) = &self.sink {
            sink.report(&Progress { step, of, figures });
        }
        Ok(())
    }

    /// Answers cancellation and the time limit without reporting; callable from worker threads.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
        if self.out_of_time() {
            return Err(Error::new(Kind::Time, "the time limit passed").hint("raise --time-limit (time_limit in Python)"));
        }
        Ok(())
    }

    /// Whether the time limit has passed; solvers that can return an unfinished answer ask this before they tick.
    pub fn out_of_time(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Time left until the limit, where there is one.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Refuses an allocation that would exceed the memory limit; call it before a large one.
    pub fn reserve(&self, what: &str, bytes: u64) -> Result<()> {
        match self.memory_limit {
            Some(limit) if bytes > limit => {
                Err(Error::new(Kind::Memory, format!("{what} needs {}, the limit is {}", human_bytes(bytes), human_bytes(limit)))
                    .hint("raise --mem-limit (mem_limit in Python) or give less data"))
            }
            _ => Ok(()),
        }
    }

    /// The memory limit in bytes, where there is one.
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    /// The flag by which this work can be cancelled.
    pub fn cancel_flag(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Records a warning once; Python raises it as a `UserWarning`, the command line writes it to stderr.
    pub fn warn(&mut self, message: impl Into<String>) {
        let message = message.into();
        if self.warnings.contains(&message) {
            return;
        }
        if let Some(sink) = &self.sink {
            sink.warn(&message);
        }
        self.warnings.push(message);
    }

    /// The warnings so far.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Bytes as a person reads them: `1.5 GiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (bytes.max(1).ilog2() / 10).min(4);
    if power == 0 {
        return format!("{bytes} B");
    }
    format!("{:.1} {}", bytes as f64 / (1u64 << (10 * power)) as f64, UNITS[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_answers_cancel_time_and_nan() {
        let mut context = Context::new(0);
        assert!(context.tick(1, 2, &[("loss", 1.0)]).is_ok());
        let error = context.tick(3, 9, &[("loss", f64::NAN)]).unwrap_err();
        assert!(error.to_string().starts_with("loss became NaN at step 3"));
        let cancel = Cancel::default();
        let mut context = Context::new(0).with_cancel(cancel.clone());
        cancel.cancel();
        assert_eq!(context.tick(0, 0, &[]).unwrap_err().kind(), Kind::Interrupted);
        let mut late = Context::new(0).with_time_limit(Duration::ZERO);
        assert_eq!(late.tick(0, 0, &[]).unwrap_err().kind(), Kind::Time);
    }

    #[test]
    fn reserve_names_both_sizes() {
        let context = Context::new(0).with_memory_limit(1 << 20);
        assert!(context.reserve("the plan", 1 << 19).is_ok());
        let error = context.reserve("the plan", 3 << 30).unwrap_err();
        assert!(error.to_string().contains("the plan needs 3.0 GiB, the limit is 1.0 MiB"), "{error}");
    }

    #[test]
    fn install_uses_the_budget() {
        assert_eq!(Context::new(0).with_threads(3).install(rayon::current_num_threads), 3);
    }

    #[test]
    fn warnings_are_kept_once() {
        let mut context = Context::new(0);
        context.warn("a");
        context.warn("a");
        assert_eq!(context.warnings(), ["a"]);
    }
}
