//! Entropic optimal transport: Sinkhorn's algorithm.
//!
//! Iterates of Cuturi (2013) in the log domain: `f <- -eps log sum_j b_j exp((g_j - C_ij) / eps)`, then the same for `g`. One iteration
//! is one pass over a stabilised kernel (see the sibling module `kernel`). An iteration ends with exact row sums; the L1
//! error of the column sums is the stopping criterion.

use crate::simd::Real;
use crate::statistics::pairwise_sum;
use crate::transport::cost::Cost;
use crate::transport::kernel::{Kernel, Padded, column_error, exact_column_potentials, padded_vector, update_columns};
use crate::transport::plan::{End, TransportPlan};
use elinvar_core::{Context, Error, Result, Status};
use ndarray::{ArrayView1, ArrayView2};

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SinkhornSettings {
    /// Regularisation ε, in units of the cost; > 0.
    pub epsilon: f64,
    /// L1 error of the marginal at which to stop; > 0. In `f32` below about 1e-5 rounding may keep it out of reach.
    pub threshold: f64,
    /// Most iterations; >= 1.
    pub max_iterations: usize,
    /// Iterations between two looks at the error; >= 1.
    pub check_every: usize,
}

impl SinkhornSettings {
    /// Threshold 1e-3 looked at every 10 iterations, at most 2000.
    pub fn new(epsilon: f64) -> Self {
        Self { epsilon, threshold: 1e-3, max_iterations: 2000, check_every: 10 }
    }

    /// The same with another threshold and cap.
    #[must_use]
    pub fn with_threshold(self, threshold: f64, max_iterations: usize) -> Self {
        Self { threshold, max_iterations, ..self }
    }

    fn check(&self) -> Result<()> {
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::parameter("epsilon", "> 0", self.epsilon));
        }
        if self.threshold.is_nan() || self.threshold <= 0.0 {
            return Err(Error::parameter("sinkhorn_threshold", "> 0", self.threshold));
        }
        if self.max_iterations == 0 {
            return Err(Error::parameter("sinkhorn_max_iter", ">= 1", 0));
        }
        if self.check_every == 0 {
            return Err(Error::parameter("check_every", ">= 1", 0));
        }
        Ok(())
    }
}

/// Weights of the two samples; uniform where not given, else positive and scaled here to sum 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weights<'a> {
    /// Weights of the rows (n).
    pub rows: Option<ArrayView1<'a, f64>>,
    /// Weights of the columns (m).
    pub columns: Option<ArrayView1<'a, f64>>,
}

fn normalised(weights: Option<ArrayView1<'_, f64>>, count: usize, name: &str) -> Result<Vec<f64>> {
    let Some(weights) = weights else {
        return Ok(vec![1.0 / count as f64; count]);
    };
    if weights.len() != count {
        return Err(Error::input(format!("{name} weights must be as many as its rows, got {} and {count}", weights.len())));
    }
    if let Some((i, weight)) = weights.iter().enumerate().find(|(_, weight)| !(**weight > 0.0 && weight.is_finite())) {
        return Err(Error::input(format!("{name} weights must be > 0, got {weight} at row {i}")).hint("drop rows of weight 0"));
    }
    let total = pairwise_sum(&weights.to_vec());
    Ok(weights.iter().map(|weight| weight / total).collect())
}

/// Entropic transport between the rows of `x (n, d)` and `y (m, d)`.
///
/// `start` holds column potentials g (m) to begin with, for instance from [`TransportPlan::column_potential`]; without it the solver
/// begins at 0. Needs about 2 n m numbers of memory. Results do not depend on the number of threads.
///
/// ```
/// use elinvar_core::{Context, ndarray::array};
/// use elinvar_math::transport::{Cost, SinkhornSettings, Weights, sinkhorn};
/// let (x, y) = (array![[0.0], [1.0]], array![[0.5], [2.0]]);
/// let plan = sinkhorn(x.view(), y.view(), &Cost::SquaredEuclidean, Weights::default(), &SinkhornSettings::new(0.5), None, &Context::new(0))?;
/// assert!(plan.status == elinvar_core::Status::Converged);
/// # Ok::<(), elinvar_core::Error>(())
/// ```
///
/// # Errors
/// Bad samples, weights or settings (see [`Cost::check`]), a non-finite iterate, or the context asked to stop.
pub fn sinkhorn<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    weights: Weights<'_>,
    settings: &SinkhornSettings,
    start: Option<ArrayView1<'_, f64>>,
    context: &Context,
) -> Result<TransportPlan<T>> {
    cost.check(x, y)?;
    settings.check()?;
    reserve::<T>(x.nrows(), y.nrows(), context)?;
    within(context, x.nrows() * y.nrows(), || {
        let scaled = cost.padded(x, y, 1.0 / settings.epsilon);
        solve(scaled, weights, settings, start, context)
    })
}

/// Entropic transport for a given cost matrix (n, m); see [`sinkhorn`].
///
/// # Errors
/// As for [`sinkhorn`].
pub fn sinkhorn_of_matrix<T: Real>(
    costs: ArrayView2<'_, T>,
    weights: Weights<'_>,
    settings: &SinkhornSettings,
    start: Option<ArrayView1<'_, f64>>,
    context: &Context,
) -> Result<TransportPlan<T>> {
    settings.check()?;
    if costs.is_empty() {
        return Err(Error::input("a cost matrix needs at least one row and one column"));
    }
    if let Some((i, j)) = crate::statistics::first_non_finite(costs) {
        return Err(Error::input(format!("the cost matrix contains a non-finite value at row {i}, column {j}")));
    }
    reserve::<T>(costs.nrows(), costs.ncols(), context)?;
    let mut scaled = Padded::new(costs.nrows(), costs.ncols());
    let inverse = T::from_f64(1.0 / settings.epsilon);
    for (row, costs) in scaled.values.chunks_mut(scaled.stride).zip(costs.rows()) {
        row.fill(T::HUGE);
        row.iter_mut().zip(costs).for_each(|(out, &cost)| *out = cost * inverse);
    }
    within(context, costs.len(), || solve(scaled, weights, settings, start, context))
}

/// Entropic transport of a sample `x (n, d)` to itself by the averaged update `f <- (f + Sinkhorn(f)) / 2` (Feydy et al. 2019), which
/// converges in a few iterations. Both potentials are equal and the coupling is symmetric.
///
/// # Errors
/// As for [`sinkhorn`].
pub fn sinkhorn_symmetric<T: Real>(
    x: ArrayView2<'_, T>,
    cost: &Cost,
    weights: Option<ArrayView1<'_, f64>>,
    settings: &SinkhornSettings,
    start: Option<ArrayView1<'_, f64>>,
    context: &Context,
) -> Result<TransportPlan<T>> {
    cost.check(x, x)?;
    settings.check()?;
    reserve::<T>(x.nrows(), x.nrows(), context)?;
    within(context, x.nrows() * x.nrows(), || {
        let scaled = cost.padded(x, x, 1.0 / settings.epsilon);
        solve_symmetric(scaled, weights, settings, start, context)
    })
}

/// Problems below this many entries stay on the caller's thread.
const POOL_ENTRIES: usize = 1 << 17;

/// Enters the context's pool where the problem is large enough for several threads.
pub(crate) fn within<R: Send>(context: &Context, entries: usize, work: impl FnOnce() -> R + Send) -> R {
    if entries >= POOL_ENTRIES { context.install(work) } else { work() }
}

fn reserve<T>(rows: usize, columns: usize, context: &Context) -> Result<()> {
    let bytes = 2 * (rows as u64) * (columns as u64) * size_of::<T>() as u64;
    context.reserve(&format!("a transport plan of {rows} by {columns} points"), bytes)
}

/// Whether to stop here; the time limit ends the solver with the answer so far.
fn verdict(iteration: usize, error: f64, settings: &SinkhornSettings, context: &Context) -> Result<Option<Status>> {
    let last = iteration == settings.max_iterations;
    if !last && !iteration.is_multiple_of(settings.check_every) {
        return Ok(None);
    }
    if error.is_nan() {
        let message = format!("Sinkhorn's iteration met a non-finite value at iteration {iteration}");
        return Err(Error::numeric(message).hint("raise epsilon, or rescale the data"));
    }
    if error <= settings.threshold {
        return Ok(Some(Status::Converged));
    }
    if last {
        return Ok(Some(Status::IterationLimit));
    }
    if context.out_of_time() {
        return Ok(Some(Status::TimeLimit));
    }
    context.check()?;
    Ok(None)
}

fn start_potentials(start: Option<ArrayView1<'_, f64>>, log_weights: &[f64], epsilon: f64) -> Result<Vec<f64>> {
    let Some(start) = start else {
        return Ok(log_weights.to_vec());
    };
    if start.len() != log_weights.len() || start.iter().any(|value| !value.is_finite()) {
        let message = format!("start potentials must be {} finite numbers, got {}", log_weights.len(), start.len());
        return Err(Error::input(message));
    }
    Ok(start.iter().zip(log_weights).map(|(g, log)| g / epsilon + log).collect())
}

fn logarithms(weights: &[f64]) -> Vec<f64> {
    weights.iter().map(|weight| weight.ln()).collect()
}

fn solve<T: Real>(
    scaled: Padded<T>,
    weights: Weights<'_>,
    settings: &SinkhornSettings,
    start: Option<ArrayView1<'_, f64>>,
    context: &Context,
) -> Result<TransportPlan<T>> {
    let a = normalised(weights.rows, scaled.rows, "X")?;
    let b = normalised(weights.columns, scaled.columns, "Y")?;
    let log_b = logarithms(&b);
    let (rows, columns) = (padded_vector::<T>(&a, scaled.rows), padded_vector::<T>(&b, scaled.stride));
    let mut kernel = Kernel::new(&scaled);
    kernel.rebase(start_potentials(start, &log_b, settings.epsilon)?.into_iter());
    let mut fresh = true;
    let mut iteration = 0_usize;
    let (status, error) = loop {
        iteration += 1;
        kernel.sweep(&scaled, &rows, fresh, true);
        // The error first: the answer keeps the scalings under which the row sums are exact.
        if iteration.is_multiple_of(settings.check_every) || iteration == settings.max_iterations {
            let error = column_error(&kernel.column, &kernel.v, &columns);
            if let Some(status) = verdict(iteration, error, settings, context)? {
                break (status, error);
            }
        }
        let update = update_columns(&kernel.column, &mut kernel.v, &columns);
        fresh = update.underflow || update.drifted;
        if update.underflow {
            let f: Vec<T> = kernel.row_potentials().map(T::from_f64).collect();
            kernel.rebase(exact_column_potentials(&scaled, &f, &log_b).into_iter());
        } else if update.drifted {
            let g: Vec<f64> = kernel.column_potentials().collect();
            kernel.rebase(g.into_iter());
        }
    };
    let f = kernel.row_potentials().collect();
    let g = kernel.column_potentials().collect();
    let mass = kernel.column.iter().zip(&kernel.v).map(|(sum, v)| sum.to_f64() * v.to_f64()).sum();
    let end = End { epsilon: settings.epsilon, iterations: iteration, status, marginal_error: error, mass };
    Ok(TransportPlan::new(scaled, kernel, [a, b], [f, g], end))
}

fn solve_symmetric<T: Real>(
    scaled: Padded<T>,
    weights: Option<ArrayView1<'_, f64>>,
    settings: &SinkhornSettings,
    start: Option<ArrayView1<'_, f64>>,
    context: &Context,
) -> Result<TransportPlan<T>> {
    let a = normalised(weights, scaled.rows, "X")?;
    let rows = padded_vector::<T>(&a, scaled.rows);
    let mut f = start_potentials(start, &logarithms(&a), settings.epsilon)?;
    let mut kernel = Kernel::new(&scaled);
    kernel.rebase(f.iter().copied());
    let mut fresh = true;
    let mut iteration = 0_usize;
    let end = loop {
        iteration += 1;
        kernel.sweep(&scaled, &rows, fresh, false);
        let updated: Vec<f64> = kernel.row_potentials().collect();
        // Row i of exp(F_i + F_j - S_ij) sums to a_i exp(F_i - updated_i).
        let excess: Vec<f64> = a.iter().zip(f.iter().zip(&updated)).map(|(a, (f, updated))| a * (f - updated).exp_m1()).collect();
        let error = excess.iter().map(|excess| excess.abs()).sum();
        if let Some(status) = verdict(iteration, error, settings, context)? {
            let mass = 1.0 + excess.iter().sum::<f64>();
            break End { epsilon: settings.epsilon, iterations: iteration, status, marginal_error: error, mass };
        }
        f.iter_mut().zip(&updated).for_each(|(f, updated)| *f = 0.5 * (*f + updated));
        fresh = f.iter().zip(&kernel.base).any(|(f, base)| (f - base.to_f64()).abs() > T::SAFE_LOG);
        if fresh {
            kernel.rebase(f.iter().copied());
        } else {
            kernel.set_columns(&f);
        }
    };
    kernel.set_symmetric(&f);
    Ok(TransportPlan::new(scaled, kernel, [a.clone(), a], [f.clone(), f], end))
}

impl<T: Real> Kernel<T> {
    /// Column scalings that stand for the potentials `g`.
    fn set_columns(&mut self, g: &[f64]) {
        for (v, (g, base)) in self.v.iter_mut().zip(g.iter().zip(&self.base)) {
            *v = T::from_f64((g - base.to_f64()).exp());
        }
    }

    /// Row and column scalings of the symmetric coupling with potentials `f` on both sides.
    fn set_symmetric(&mut self, f: &[f64]) {
        self.set_columns(f);
        for (u, (f, top)) in self.u.iter_mut().zip(f.iter().zip(&self.top)) {
            *u = T::from_f64((f + top.to_f64()).exp());
        }
    }
}
