//! Runs a task of a method on another thread while this one listens for Ctrl-C.

use crate::error::{Raised, exception};
use crate::from_python::{Inputs, parameters, seconds};
use crate::model::Model;
use crate::registry::method;
use crate::to_python;
use elinvar_core::{Cancel, Context, Device, Error, Outcome, Progress, ProgressSink, Result, Status};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

const LISTEN_EVERY: Duration = Duration::from_millis(50);
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Runs the task `verb` of the method `slug`.
///
/// Returns `(values, model, status, trace, warnings)`: findings (or attributes of the model) by name, the model of a fit, how the fit
/// ended, the figures of its steps, and warnings.
#[pyfunction]
#[pyo3(signature = (slug, verb, params, inputs, model=None, seed=0, threads=None, time_limit=None, mem_limit=None, device=None, progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn run<'py>(
    py: Python<'py>,
    slug: &str,
    verb: &str,
    params: &Bound<'py, PyDict>,
    inputs: &Bound<'py, PyDict>,
    model: Option<PyRef<'py, Model>>,
    seed: u64,
    threads: Option<usize>,
    time_limit: Option<f64>,
    mem_limit: Option<u64>,
    device: Option<&str>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let method = method(slug)?;
    let declared = method.verb(verb).map_err(|e| exception(&e))?;
    let raised = Raised::default();
    let params = parameters(params, &declared.params, slug)?;
    let mut inputs = Inputs::read(inputs, declared, &raised)?;
    let bundle = inputs.bundle();
    let model = model.map(|m| m.fitted().clone());
    let mut context = context(seed, threads, time_limit, mem_limit).map_err(|e| exception(&e.in_method(slug)))?;
    if let Some(name) = device {
        context = on_device(context, name).map_err(|e| exception(&e.in_method(slug)))?;
    }
    if let Some(callback) = progress {
        let sink = reporter(callback, context.cancel_flag(), &raised);
        context = context.with_progress(sink);
    }
    let work = |ctx: &mut Context| method.run(verb, &params, model.as_ref(), &bundle, ctx);
    let outcome = interruptible(py, context, &raised, work)?;
    answer(py, outcome)
}

fn answer(py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyTuple>> {
    let Outcome { values, model, warnings } = outcome;
    let values = to_python::bundle(py, values)?;
    let status = model.as_ref().map_or(Status::Converged, |m| m.status).as_str();
    let trace = model.as_ref().map(|m| to_python::table(py, m.trace.clone())).transpose()?;
    let model = model.map(|m| Bound::new(py, Model::new(m))).transpose()?;
    (values, model, status, trace, warnings).into_pyobject(py)
}

/// The context with networks computed on the device of this name.
pub(crate) fn on_device(context: Context, name: &str) -> Result<Context> {
    let device: Device = name.parse()?;
    elinvar::nn::device::check(device)?;
    Ok(context.with_device(device))
}

/// A context with these limits.
pub(crate) fn context(seed: u64, threads: Option<usize>, time_limit: Option<f64>, mem_limit: Option<u64>) -> Result<Context> {
    let mut context = Context::new(seed);
    if let Some(threads) = threads {
        context = context.with_threads(threads);
    }
    if let Some(limit) = seconds("time_limit", time_limit)? {
        context = context.with_time_limit(limit);
    }
    if let Some(bytes) = mem_limit {
        context = context.with_memory_limit(bytes);
    }
    Ok(context)
}

/// Runs `work` without the interpreter; signals that arrive meanwhile cancel it and are raised when it has ended.
pub(crate) fn interruptible<R: Send>(
    py: Python<'_>,
    mut context: Context,
    raised: &Raised,
    work: impl FnOnce(&mut Context) -> Result<R> + Send,
) -> PyResult<R> {
    let cancel = context.cancel_flag();
    let result = py.detach(|| {
        std::thread::scope(|scope| {
            let (done, waiting) = mpsc::channel();
            let body = move || {
                let result = work(&mut context);
                // The listener may be gone only when the scope is.
                let _ = done.send(());
                result
            };
            let worker = std::thread::Builder::new().name("elinvar".into()).spawn_scoped(scope, body);
            let worker = worker.map_err(|e| Error::internal(format!("no thread to be had from the system: {e}")))?;
            while waiting.recv_timeout(LISTEN_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                listen(&cancel, raised);
            }
            worker.join().unwrap_or_else(|_| Err(Error::internal("a defect of this library: panic")))
        })
    });
    match (raised.take(), result) {
        // What Python raised explains the error better than the error itself.
        (Some(exception), _) => Err(exception),
        (None, result) => result.map_err(|e| exception(&e)),
    }
}

fn listen(cancel: &Cancel, raised: &Raised) {
    if raised.is_some() {
        return cancel.cancel();
    }
    if let Err(signal) = Python::attach(|py| py.check_signals()) {
        raised.keep(signal);
        cancel.cancel();
    }
}

/// Hands progress to a Python callable `(step, of, figures)`, at most ten times a second.
struct Reporter {
    callback: Py<PyAny>,
    cancel: Cancel,
    raised: Raised,
    last: Mutex<Option<Instant>>,
}

/// A progress sink that calls `callback`; an exception in it cancels the work.
pub(crate) fn reporter(callback: Py<PyAny>, cancel: Cancel, raised: &Raised) -> Arc<dyn ProgressSink> {
    Arc::new(Reporter { callback, cancel, raised: raised.clone(), last: Mutex::new(None) })
}

impl Reporter {
    fn is_due(&self, progress: &Progress<'_>) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = progress.step == progress.of || last.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl ProgressSink for Reporter {
    fn report(&self, progress: &Progress<'_>) {
        if !self.is_due(progress) {
            return;
        }
        let called = Python::attach(|py| {
            let figures = PyDict::new(py);
            for (name, value) in progress.figures {
                figures.set_item(name, value)?;
            }
            self.callback.call1(py, (progress.step, progress.of, figures)).map(|_| ())
        });
        if let Err(exception) = called {
            self.raised.keep(exception);
            self.cancel.cancel();
        }
    }
}
