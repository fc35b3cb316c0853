//! Ground costs that a caller brings as a function.

use elinvar_core::{Bundle, Error, Function, Result};
use elinvar_math::transport::{Cost, GroundCost};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// The cost of a task: a named one, or the caller's own.
pub(super) struct Chosen {
    pub(super) cost: Cost,
    called: Option<Arc<Called>>,
}

impl Chosen {
    /// The function where there is one.
    pub(super) fn new(named: Cost, function: Option<&Function>) -> Self {
        let called = function.map(|function| Arc::new(Called { function: function.clone(), failure: Mutex::new(None) }));
        let cost = match &called {
            Some(called) => Cost::Custom(Arc::clone(called) as Arc<dyn GroundCost>),
            None => named,
        };
        Self { cost, called }
    }

    /// A result, or what went wrong inside the function.
    pub(super) fn settle<T>(&self, result: Result<T>) -> Result<T> {
        let failure = self.called.as_ref().and_then(|called| called.failure.lock().ok()?.take());
        failure.map_or(result, Err)
    }
}

/// A function of paired rows x, y (n, d) and whether gradients are wanted; it returns `value` (n,) and `gradient` (n, d) in y.
#[derive(Debug)]
struct Called {
    function: Function,
    /// The first thing that went wrong: costs have no way to say it, so they become NaN.
    failure: Mutex<Option<Error>>,
}

impl Called {
    fn ask(&self, x: Array2<f64>, y: Array2<f64>, gradient: bool) -> Result<Bundle<'static>> {
        let (n, d) = x.dim();
        let name = if gradient { "gradient" } else { "value" };
        let found = self.function.call(&Bundle::new().with("x", x).with("y", y).with("wants_gradient", json!(gradient)))?;
        let right =
            if gradient { found.matrix(name).is_ok_and(|g| g.dim() == (n, d)) } else { found.vector(name).is_ok_and(|v| v.len() == n) };
        if right {
            return Ok(found);
        }
        let shape = if gradient { format!("({n}, {d})") } else { format!("({n},)") };
        Err(Error::input(format!("the {name} of the cost must have shape {shape} for points of shape ({n}, {d})")))
    }

    fn note<T>(&self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if let Ok(mut failure) = self.failure.lock() {
                    failure.get_or_insert(error);
                }
                None
            }
        }
    }
}

/// One point as often as there are others.
fn repeated(point: &[f64], count: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, point.len()), |(_, k)| point[k])
}

impl GroundCost for Called {
    fn value(&self, x: &[f64], y: &[f64]) -> f64 {
        let mut out = [f64::NAN];
        self.values(x, repeated(y, 1).view(), &mut out);
        out[0]
    }

    fn gradient(&self, x: &[f64], y: &[f64], gradient: &mut [f64]) {
        let mut out = Array2::zeros((1, y.len()));
        self.gradients(repeated(x, 1).view(), y, out.view_mut());
        gradient.iter_mut().zip(&out).for_each(|(gradient, value)| *gradient = *value);
    }

    fn values(&self, x: &[f64], others: ArrayView2<'_, f64>, out: &mut [f64]) {
        out.fill(f64::NAN);
        let found = self.note(self.ask(repeated(x, others.nrows()), others.to_owned(), false));
        if let Some(values) = found.as_ref().and_then(|found| found.vector("value").ok()) {
            out.iter_mut().zip(&values).for_each(|(out, value)| *out = *value);
        }
    }

    fn gradients(&self, others: ArrayView2<'_, f64>, y: &[f64], mut gradients: ArrayViewMut2<'_, f64>) {
        gradients.fill(f64::NAN);
        let found = self.note(self.ask(others.to_owned(), repeated(y, others.nrows()), true));
        if let Some(found) = found.as_ref().and_then(|found| found.matrix("gradient").ok()) {
            gradients.assign(&found);
        }
    }
}
