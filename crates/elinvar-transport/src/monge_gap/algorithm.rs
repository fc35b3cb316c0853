//! The gap itself, exact and entropic, its gradient, and the loss of a training step.

use elinvar_core::{Context, Error, Result, Status};
use elinvar_math::simd::Real;
use elinvar_math::statistics::{mean, pairwise_sum};
use elinvar_math::transport::{
    ASSIGNMENT_LIMIT, Assignment, Cost, PotentialFunction, SinkhornSettings, TransportPlan, Weights, assignment, sinkhorn,
    sinkhorn_symmetric,
};
use ndarray::{Array1, Array2, ArrayView2};

/// An entropic Monge gap and how it was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropicGap {
    /// `(1/n) sum_i c(x_i, y_i) - W_eps`, W_eps in Shannon form; between the exact gap plus `eps log n` and plus `2 eps log n`.
    pub value: f64,
    /// `<I/n - P, C>`: the same without the entropy of the coupling P; never above the exact gap, and below 0 where the map is better
    /// than the blurred coupling.
    pub primal_gap: f64,
    /// Regularisation ε.
    pub epsilon: f64,
    /// Sinkhorn iterations.
    pub iterations: usize,
    /// Whether Sinkhorn met its threshold.
    pub status: Status,
    /// Last L1 error of the marginal.
    pub marginal_error: f64,
}

/// An exact Monge gap with the assignment that certifies it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactGap {
    /// `(1/n) sum_i c(x_i, y_i) - min_sigma (1/n) sum_i c(x_i, y_sigma(i))`, never negative.
    pub value: f64,
    /// `(1/n) sum_i c(x_i, y_i)`.
    pub mean_cost: f64,
    /// What each point pays above the optimal potentials, `c(x_i, y_i) - u_i - v_i >= 0`; their mean is the gap.
    pub excess: Array1<f64>,
    /// The best re-pairing of points and images, and its dual potentials.
    pub assignment: Assignment,
}

/// `relative` times the mean of the cost matrix: the regularisation that the method uses where none is given.
///
/// # Errors
/// As for [`Cost::check`]; and all points coincide, so that the cost has no scale.
pub fn relative_epsilon<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, cost: &Cost, relative: f64) -> Result<f64> {
    cost.check(x, y)?;
    let epsilon = relative * cost.mean(x, y);
    if epsilon > 0.0 && epsilon.is_finite() {
        Ok(epsilon)
    } else {
        Err(Error::input(format!("epsilon relative to the mean cost must be > 0, got {epsilon}")).hint("all points coincide; pass epsilon"))
    }
}

fn check_pairs<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, cost: &Cost) -> Result<()> {
    if x.nrows() != y.nrows() {
        return Err(Error::input(format!("x and y must be row-paired, got {} and {} rows", x.nrows(), y.nrows())));
    }
    cost.check(x, y)
}

fn check_epsilon(epsilon: f64) -> Result<()> {
    if epsilon > 0.0 {
        Ok(())
    } else {
        Err(Error::parameter("epsilon", "> 0", epsilon).hint("use method='exact' for the unregularised gap"))
    }
}

/// The entropic gap of the pairs `x_i -> y_i` (rows of two (n, d) arrays); eq. 5 of the paper.
///
/// # Errors
/// The rows are not paired, a sample is not in the domain of the cost, epsilon <= 0, or the context asked to stop.
pub fn entropic_gap<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<EntropicGap> {
    let plan = solve_gap(x, y, cost, settings, context)?;
    Ok(describe(mean_of_pairs(x, y, cost), &plan))
}

/// The entropic gap and its gradient in `y (n, d)`: by the envelope theorem, the coupling held fixed,
/// `dM/dy_j = (1/n) d2c(x_j, y_j) - sum_i P_ij d2c(x_i, y_j)`.
///
/// # Errors
/// As for [`entropic_gap`].
pub fn entropic_gap_gradient<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<(EntropicGap, Array2<T>)> {
    let plan = solve_gap(x, y, cost, settings, context)?;
    let gap = describe(mean_of_pairs(x, y, cost), &plan);
    Ok((gap, gap_gradient(x, y, cost, &plan, context)?))
}

fn solve_gap<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<TransportPlan<T>> {
    check_pairs(x, y, cost)?;
    check_epsilon(settings.epsilon)?;
    sinkhorn(x, y, cost, Weights::default(), settings, None, context)
}

fn mean_of_pairs<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, cost: &Cost) -> f64 {
    mean(&cost.paired(x, y).to_vec())
}

fn describe<T: Real>(mean_cost: f64, plan: &TransportPlan<T>) -> EntropicGap {
    EntropicGap {
        value: mean_cost - plan.shannon_value(),
        primal_gap: mean_cost - plan.transport_cost(),
        epsilon: plan.epsilon,
        iterations: plan.iterations,
        status: plan.status,
        marginal_error: plan.marginal_error,
    }
}

fn gap_gradient<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    cost: &Cost,
    plan: &TransportPlan<T>,
    context: &Context,
) -> Result<Array2<T>> {
    let share = T::from_f64(1.0 / x.nrows() as f64);
    let mut gradient = cost.paired_gradient(x, y);
    gradient.zip_mut_with(&plan.column_gradient(x, y, cost, context)?, |pair, &coupled| *pair = *pair * share - coupled);
    Ok(gradient)
}

/// The exact gap of the pairs `x_i -> y_i` by an assignment problem; O(n^3), n at most [`ASSIGNMENT_LIMIT`].
///
/// # Errors
/// As for [`entropic_gap`]; and more than [`ASSIGNMENT_LIMIT`] rows.
pub fn exact_gap(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, cost: &Cost, context: &Context) -> Result<ExactGap> {
    check_pairs(x, y, cost)?;
    let n = x.nrows();
    if n > ASSIGNMENT_LIMIT {
        let message = format!("the exact gap takes at most {ASSIGNMENT_LIMIT} rows, got {n}");
        return Err(Error::input(message).hint("use method='entropic' or a subsample"));
    }
    context.reserve(&format!("the cost matrix of {n} points"), 8 * (n as u64).pow(2))?;
    let costs = cost.matrix(x, y);
    let best = assignment(costs.view(), context)?;
    let paired = cost.paired(x, y);
    // The matrix and the pairs round differently; an excess below that is none.
    let rounding = 1e-13 * costs.iter().fold(0.0_f64, |largest, cost| largest.max(cost.abs()));
    let excess: Array1<f64> = paired
        .iter()
        .zip(best.row_potentials.iter().zip(&best.column_potentials))
        .map(|(cost, (u, v))| cost - u - v)
        .map(|excess| if excess <= rounding { 0.0 } else { excess })
        .collect();
    Ok(ExactGap { value: mean(&excess.to_vec()), mean_cost: mean(&paired.to_vec()), excess, assignment: best })
}

/// The distance between mapped points and target that training minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fitting {
    /// Sinkhorn divergence with squared Euclidean cost; the target's own term, constant in the map, is left out.
    #[default]
    Divergence,
    /// Entropic transport cost with squared Euclidean cost, in KL form.
    Transport,
}

/// What a training step minimises.
#[derive(Clone, Debug)]
pub struct LossSettings {
    /// Ground cost of the gap.
    pub cost: Cost,
    /// Fitting loss.
    pub fitting: Fitting,
    /// Regularisation of the fitting loss, in squared units of the target; > 0.
    pub epsilon_fit: f64,
    /// Regularisation of the gap, in units of the cost; > 0.
    pub epsilon_gap: f64,
    /// L1 error of the marginal at which Sinkhorn stops.
    pub threshold: f64,
    /// Most Sinkhorn iterations a problem.
    pub max_iterations: usize,
}

/// One term of the loss at the mapped points of a batch.
#[derive(Clone, Debug)]
pub struct Term {
    /// Value of the term.
    pub value: f64,
    /// Its gradient in the mapped points (n, d).
    pub gradient: Array2<f32>,
    /// Sinkhorn iterations.
    pub iterations: usize,
    /// Sinkhorn problems solved.
    pub solved: usize,
    /// How many of them met the threshold.
    pub converged: usize,
}

/// Loss of a batch.
#[derive(Clone, Debug)]
pub struct LossValue {
    /// Fitting loss (for [`Fitting::Divergence`] without the target's own term).
    pub fit: f64,
    /// Entropic gap; NaN where its weight was 0 and it was not computed.
    pub gap: f64,
    /// `fit + gap_weight * gap`.
    pub total: f64,
    /// Gradient of the total in the mapped points (n, d).
    pub gradient: Array2<f32>,
    /// Sinkhorn iterations of the fitting loss.
    pub fit_iterations: usize,
    /// Sinkhorn iterations of the gap.
    pub gap_iterations: usize,
    /// Sinkhorn problems solved.
    pub solved: usize,
    /// How many of them met the threshold.
    pub converged: usize,
}

/// The loss `Delta(T#mu, nu) + lambda M(T)` of training steps, with its gradient in the mapped points.
///
/// Batches change from step to step, but the potentials are functions of the point: each problem starts from the last step's
/// function at the new points, which saves most iterations.
#[derive(Clone, Debug)]
pub struct MongeGapLoss {
    settings: LossSettings,
    fit_start: Option<PotentialFunction<f32>>,
    gap_start: Option<PotentialFunction<f32>>,
}

impl MongeGapLoss {
    /// A loss that begins cold.
    ///
    /// # Errors
    /// An epsilon is not > 0.
    pub fn new(settings: LossSettings) -> Result<Self> {
        for (name, epsilon) in [("eps_fit", settings.epsilon_fit), ("eps_reg", settings.epsilon_gap)] {
            if !(epsilon > 0.0 && epsilon.is_finite()) {
                return Err(Error::parameter(name, "> 0", epsilon));
            }
        }
        Ok(Self { settings, fit_start: None, gap_start: None })
    }

    /// Forgets the potentials of earlier steps.
    pub fn reset(&mut self) {
        self.fit_start = None;
        self.gap_start = None;
    }

    /// Fitting loss plus `gap_weight` times the gap, for a source batch `x (n, d)`, its images `mapped (n, d)` and a target batch
    /// `target (m, d)`. With weight 0 no gap is computed.
    ///
    /// # Errors
    /// Shapes do not fit, a value is not finite, or the context asked to stop.
    pub fn evaluate(
        &mut self,
        x: ArrayView2<'_, f32>,
        mapped: ArrayView2<'_, f32>,
        target: ArrayView2<'_, f32>,
        gap_weight: f64,
        context: &Context,
    ) -> Result<LossValue> {
        let fit = self.fit_term(mapped, target, context)?;
        let mut loss = LossValue {
            fit: fit.value,
            gap: f64::NAN,
            total: fit.value,
            gradient: fit.gradient,
            fit_iterations: fit.iterations,
            gap_iterations: 0,
            solved: fit.solved,
            converged: fit.converged,
        };
        if gap_weight > 0.0 {
            let gap = self.gap_term(x, mapped, context)?;
            loss.gap = gap.value;
            loss.total += gap_weight * gap.value;
            loss.gradient.scaled_add(gap_weight as f32, &gap.gradient);
            loss.gap_iterations = gap.iterations;
            loss.solved += gap.solved;
            loss.converged += gap.converged;
        }
        Ok(loss)
    }

    /// The fitting loss and its gradient in the mapped points.
    ///
    /// # Errors
    /// As for [`MongeGapLoss::evaluate`].
    pub fn fit_term(&mut self, mapped: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>, context: &Context) -> Result<Term> {
        let cost = Cost::SquaredEuclidean;
        let settings = self.sinkhorn_settings(self.settings.epsilon_fit);
        // The mapped points are the columns, in which plans give gradients.
        let plan = solve_from(&mut self.fit_start, target, mapped, &cost, &settings, context)?;
        let mut term = Term {
            value: plan.value,
            gradient: plan.column_gradient(target, mapped, &cost, context)?,
            iterations: plan.iterations,
            solved: 1,
            converged: usize::from(plan.status == Status::Converged),
        };
        if self.settings.fitting == Fitting::Divergence {
            let own = sinkhorn_symmetric(mapped, &cost, None, &settings, None, context)?;
            term.value -= 0.5 * own.value;
            // Both arguments move, each with half of the weight; cost and coupling are symmetric.
            term.gradient -= &own.column_gradient(mapped, mapped, &cost, context)?;
            term.iterations += own.iterations;
            term.solved += 1;
            term.converged += usize::from(own.status == Status::Converged);
        }
        Ok(term)
    }

    /// The entropic gap of the pairs `x_i -> mapped_i` and its gradient in the mapped points.
    ///
    /// # Errors
    /// As for [`MongeGapLoss::evaluate`].
    pub fn gap_term(&mut self, x: ArrayView2<'_, f32>, mapped: ArrayView2<'_, f32>, context: &Context) -> Result<Term> {
        let cost = self.settings.cost.clone();
        check_pairs(x, mapped, &cost)?;
        let settings = self.sinkhorn_settings(self.settings.epsilon_gap);
        let plan = solve_from(&mut self.gap_start, x, mapped, &cost, &settings, context)?;
        Ok(Term {
            value: mean_of_pairs(x, mapped, &cost) - plan.shannon_value(),
            gradient: gap_gradient(x, mapped, &cost, &plan, context)?,
            iterations: plan.iterations,
            solved: 1,
            converged: usize::from(plan.status == Status::Converged),
        })
    }

    fn sinkhorn_settings(&self, epsilon: f64) -> SinkhornSettings {
        let LossSettings { threshold, max_iterations, .. } = self.settings;
        // A warm start often needs fewer than ten iterations, and the error is a by-product of each.
        SinkhornSettings { epsilon, threshold, max_iterations, check_every: 1 }
    }
}

/// Solves from the potential function of the last problem and leaves that of this one.
fn solve_from(
    start: &mut Option<PotentialFunction<f32>>,
    x: ArrayView2<'_, f32>,
    y: ArrayView2<'_, f32>,
    cost: &Cost,
    settings: &SinkhornSettings,
    context: &Context,
) -> Result<TransportPlan<f32>> {
    let g = start.as_ref().map(|function| function.evaluate(y, context)).transpose()?;
    let plan = sinkhorn(x, y, cost, Weights::default(), settings, g.as_ref().map(|g| g.view()), context)?;
    *start = Some(plan.column_potential(x, cost));
    Ok(plan)
}

/// Closed form of the gap of `T(x) = A x + b` under `rho = N(m, S)` for the squared Euclidean cost: `2 (|B|_* - tr B)`,
/// `B = S^{1/2} A S^{1/2}`, whatever m and b.
///
/// # Errors
/// The matrices are not square and of one size, or not finite.
pub fn gaussian_gap(matrix: ArrayView2<'_, f64>, covariance: ArrayView2<'_, f64>) -> Result<f64> {
    use elinvar_math::linalg::{nuclear_norm, product, spd_sqrt};
    let root = spd_sqrt(covariance)?;
    let b = product(product(root.view(), matrix)?.view(), root.view())?;
    Ok(2.0 * (nuclear_norm(b.view())? - pairwise_sum(&b.diag().to_vec())))
}
