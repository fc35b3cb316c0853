//! The Sinkhorn divergence `K(x, y) - K(x, x) / 2 - K(y, y) / 2`, K the KL-form value (Feydy et al. 2019).

use crate::simd::Real;
use crate::transport::cost::Cost;
use crate::transport::sinkhorn::{SinkhornSettings, Weights, sinkhorn, sinkhorn_symmetric};
use elinvar_core::{Context, Result, Status};
use ndarray::{Array2, ArrayView2};

/// A Sinkhorn divergence and how it was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergence {
    /// The divergence; 0 for equal samples.
    pub value: f64,
    /// Iterations of the three problems together.
    pub iterations: usize,
    /// Converged only if all three did.
    pub status: Status,
}

/// Sinkhorn divergence between the rows of `x (n, d)` and `y (m, d)`.
///
/// # Errors
/// As for [`sinkhorn`].
pub fn sinkhorn_divergence<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<Divergence> {
    Ok(evaluate(x, y, cost, settings, false, context)?.0)
}

/// Sinkhorn divergence and its gradient in `x (n, d)`, by the envelope theorem.
///
/// # Errors
/// As for [`sinkhorn`].
pub fn sinkhorn_divergence_gradient<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<(Divergence, Array2<T>)> {
    evaluate(x, y, cost, settings, true, context)
}

fn evaluate<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    with_gradient: bool,
    context: &Context,
) -> Result<(Divergence, Array2<T>)> {
    // x as columns, because plans give gradients in their column points.
    let cross = sinkhorn(y, x, cost, Weights::default(), settings, None, context)?;
    let own = sinkhorn_symmetric(x, cost, None, settings, None, context)?;
    let other = sinkhorn_symmetric(y, cost, None, settings, None, context)?;
    let statuses = [cross.status, own.status, other.status];
    let divergence = Divergence {
        value: cross.value - 0.5 * (own.value + other.value),
        iterations: cross.iterations + own.iterations + other.iterations,
        status: statuses.into_iter().find(|status| *status != Status::Converged).unwrap_or(Status::Converged),
    };
    if !with_gradient {
        return Ok((divergence, Array2::from_elem((0, 0), T::ZERO)));
    }
    // Both arguments of the self-term move, each with half of its weight; the cost and the coupling are symmetric.
    let mut gradient = cross.column_gradient(y, x, cost, context)?;
    gradient.zip_mut_with(&own.column_gradient(x, x, cost, context)?, |a, &b| *a -= b);
    Ok((divergence, gradient))
}
