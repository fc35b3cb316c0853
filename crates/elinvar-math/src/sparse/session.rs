//! The penalised problem, and a session that solves it at one level after another.

use super::conjugate::conjugate_gradient;
use super::coordinate::descend;
use super::design::{Design, correlate_all};
use super::gram::Gram;
use super::loss::Loss;
use super::proximal::{Iterations, Momentum, Stationary, accelerated_until, proximal_gradient};
use super::restricted::{Direct, Levels, Quadratic};
use super::smooth::{Smooth, Step};
use crate::linalg::{product, symmetric_eigen};
use crate::penalty::Penalty;
use elinvar_core::{Context, Error, Result, Status};
use ndarray::Array2;

/// `min_b loss(X b) + sum_j P_{factor_j lambda}(b_j)`.
///
/// An intercept is a column of ones with factor 0.
#[derive(Debug)]
pub struct Problem<'a, D: ?Sized, L: ?Sized> {
    /// Predictors.
    pub design: &'a D,
    /// Loss of the linear predictor.
    pub loss: &'a L,
    /// Added to the linear predictor (n).
    pub offset: Option<&'a [f64]>,
    /// Penalty of every column.
    pub penalty: Penalty,
    /// Factor of each column's level, >= 0; 0 for a column that is not penalised.
    pub factors: &'a [f64],
}

/// Algorithm for the coefficients of a set of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Coordinate descent on working sets; a loss that is not quadratic is majorised by one.
    CoordinateDescent,
    /// Proximal gradient.
    ProximalGradient,
    /// Accelerated gradient.
    Accelerated(Momentum),
    /// Proximal nonlinear conjugate gradient.
    ConjugateGradient,
    /// Accelerated gradient until the support rests, conjugate gradient on the support, and again where a condition fails outside it.
    AcceleratedThenConjugate(Momentum),
}

/// Which columns a level starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screening {
    /// All.
    None,
    /// Those that the sequential strong rule keeps; the optimality conditions of the others are checked.
    Strong,
    /// The strong rule with half of the gradient and without a check: discards more than is right.
    HalfStrong,
}

/// How a level is solved.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Screening.
    pub screening: Screening,
    /// Greatest entry of the gradient mapping (coordinate descent: greatest move times the curvature) at which an algorithm stops.
    pub tolerance: f64,
    /// Greatest number of iterations (sweeps) a level.
    pub max_iterations: usize,
    /// Keeps the objective of every iteration; not for coordinate descent.
    pub history: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::CoordinateDescent,
            screening: Screening::Strong,
            tolerance: 1e-7,
            max_iterations: 10_000,
            history: false,
        }
    }
}

/// The solution at one level.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Coefficients (p).
    pub coefficients: Vec<f64>,
    /// Loss plus penalty.
    pub objective: f64,
    /// The loss alone.
    pub loss: f64,
    /// Largest violation of the optimality conditions over the columns that were not screened away for good.
    pub residual: f64,
    /// Iterations or sweeps.
    pub iterations: usize,
    /// Gradients of the restricted problem.
    pub gradients: usize,
    /// Columns that screening had discarded although the conditions failed there.
    pub violations: usize,
    /// Lipschitz constant that set the step; 0 for coordinate descent.
    pub lipschitz: f64,
    /// How it ended.
    pub status: Status,
    /// Objective of every iteration, where asked for.
    pub history: Vec<f64>,
}

/// Solves one problem at a sequence of levels, each from the solution before.
pub struct Session<'a, D: ?Sized, L: ?Sized> {
    problem: &'a Problem<'a, D, L>,
    gram: Gram,
    coefficients: Vec<f64>,
    /// Linear predictor, negative derivative of the loss and value of the loss at the coefficients.
    eta: Vec<f64>,
    rows: Vec<f64>,
    value: f64,
    /// `x_j . rows`: the negative gradient of the loss.
    scores: Vec<f64>,
    /// The level of the coefficients, once one was solved.
    level: Option<f64>,
    /// Columns that were kept before: once in, they stay in.
    kept: Vec<bool>,
}

/// One level being solved.
struct Task<'s> {
    lambda: f64,
    settings: &'s Settings,
    work: Work,
}

impl Task<'_> {
    /// Iterations that are left, and when to stop.
    fn iterations(&self, step: Step) -> Iterations {
        Iterations {
            tolerance: self.settings.tolerance,
            max_iterations: self.settings.max_iterations.saturating_sub(self.work.iterations),
            step,
            history: self.settings.history,
        }
    }
}

/// What the algorithms did for a level.
#[derive(Default)]
struct Work {
    iterations: usize,
    gradients: usize,
    lipschitz: f64,
    limited: bool,
    history: Vec<f64>,
}

impl Work {
    fn add(&mut self, found: &Stationary, lipschitz: f64) {
        self.iterations += found.iterations;
        self.gradients += found.gradients;
        self.lipschitz = self.lipschitz.max(lipschitz);
        self.history.extend(&found.history);
    }
}

impl<'a, D: Design + ?Sized, L: Loss + ?Sized> Session<'a, D, L> {
    /// Starts at these coefficients (p), zeros where there are none.
    ///
    /// # Errors
    /// Lengths that do not fit, or factors that are negative or not finite.
    pub fn new(problem: &'a Problem<'a, D, L>, start: Option<&[f64]>, ctx: &Context) -> Result<Self> {
        let (n, p) = (problem.design.rows(), problem.design.columns());
        if problem.loss.rows() != n || problem.offset.is_some_and(|o| o.len() != n) {
            return Err(Error::input(format!("X has {n} rows, but the loss has {}", problem.loss.rows())));
        }
        if problem.factors.len() != p || start.is_some_and(|b| b.len() != p) {
            return Err(Error::input(format!("X has {p} columns, but there are {} penalty factors", problem.factors.len())));
        }
        if let Some(factor) = problem.factors.iter().find(|f| !(**f >= 0.0 && f.is_finite())) {
            return Err(Error::input(format!("a penalty factor must be finite and >= 0, got {factor}")));
        }
        let mut session = Self {
            problem,
            gram: Gram::default(),
            coefficients: start.map_or_else(|| vec![0.0; p], <[f64]>::to_vec),
            eta: vec![0.0; n],
            rows: vec![0.0; n],
            value: 0.0,
            scores: Vec::new(),
            level: None,
            kept: problem.factors.iter().map(|f| *f == 0.0).collect(),
        };
        session.refresh_rows();
        session.scores = session.all_scores(ctx);
        Ok(session)
    }

    /// The coefficients now (p).
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Fits the columns that are not penalised, and returns the least level at which all others are zero.
    ///
    /// # Errors
    /// Those of the context, and numeric ones.
    pub fn null_level(&mut self, ctx: &mut Context) -> Result<f64> {
        let free: Vec<usize> = (0..self.kept.len()).filter(|&j| self.problem.factors[j] == 0.0).collect();
        self.coefficients.iter_mut().zip(self.problem.factors).filter(|(_, f)| **f > 0.0).for_each(|(b, _)| *b = 0.0);
        self.refresh_rows();
        if !free.is_empty() {
            let settings = Settings { tolerance: 1e-12, ..Settings::default() };
            self.coordinate_descent(&free, &mut Task { lambda: 0.0, settings: &settings, work: Work::default() }, ctx)?;
        }
        self.scores = self.all_scores(ctx);
        let alpha = self.problem.penalty.threshold(1.0);
        let ratios = self.scores.iter().zip(self.problem.factors).filter(|(_, f)| **f > 0.0).map(|(s, f)| s.abs() / (f * alpha));
        let level = ratios.fold(0.0, f64::max);
        self.level = Some(level);
        Ok(level)
    }

    /// Solves at this level from where the session is.
    ///
    /// # Errors
    /// A level that is negative or not finite, those of the context, and numeric ones.
    pub fn solve(&mut self, lambda: f64, settings: &Settings, ctx: &mut Context) -> Result<Solution> {
        if !(lambda >= 0.0 && lambda.is_finite()) {
            return Err(Error::input(format!("a penalty level must be finite and >= 0, got {lambda}")));
        }
        self.screen(lambda, settings.screening);
        let mut task = Task { lambda, settings, work: Work::default() };
        let mut violations = 0;
        loop {
            let columns: Vec<usize> = (0..self.kept.len()).filter(|&j| self.kept[j]).collect();
            self.solve_on(&columns, &mut task, ctx)?;
            self.scores = self.all_scores(ctx);
            if settings.screening == Screening::HalfStrong {
                break;
            }
            let wrong: Vec<usize> =
                (0..self.kept.len()).filter(|&j| !self.kept[j] && self.excess(j, lambda) > settings.tolerance).collect();
            if wrong.is_empty() {
                break;
            }
            violations += wrong.len();
            wrong.iter().for_each(|&j| self.kept[j] = true);
        }
        self.level = Some(lambda);
        Ok(self.solution(lambda, task.work, violations))
    }

    /// By how much the objective is convex around the coefficients among points of the same support: the smallest eigenvalue of the loss's
    /// Hessian less the concavity of the penalty. Where it is above 0 the solution is a strict local minimum.
    ///
    /// # Errors
    /// Those of the eigendecomposition.
    pub fn convexity_margin(&mut self, ctx: &Context) -> Result<f64> {
        let problem = self.problem;
        let concavity = problem.penalty.concavity();
        let free = |j: &usize| problem.factors[*j] == 0.0;
        let columns: Vec<usize> = (0..self.kept.len()).filter(|j| self.coefficients[*j] != 0.0 || free(j)).collect();
        if columns.is_empty() {
            return Ok(f64::INFINITY);
        }
        if columns.len() > problem.design.rows() {
            return Ok(-concavity);
        }
        let mut hessian = if problem.loss.is_quadratic() {
            self.gram.cover(problem.design, &columns, ctx)?;
            self.gram.block(&columns, problem.loss.curvature())
        } else {
            self.weighted_products(&columns)?
        };
        for (k, _) in columns.iter().enumerate().filter(|(_, j)| !free(j)) {
            hessian[[k, k]] -= concavity;
        }
        Ok(symmetric_eigen(hessian.view())?.0[0])
    }

    /// `X_S' diag(l'') X_S` at the coefficients.
    fn weighted_products(&self, columns: &[usize]) -> Result<Array2<f64>> {
        let n = self.eta.len();
        let mut second = vec![0.0; n];
        self.problem.loss.second_derivatives(&self.eta, &mut second);
        let mut rows = Array2::zeros((columns.len(), n));
        for (&j, mut row) in columns.iter().zip(rows.rows_mut()) {
            let mut column = vec![0.0; n];
            self.problem.design.accumulate(&[j], &[1.0], &mut column);
            row.iter_mut().zip(&column).zip(&second).for_each(|((out, x), w)| *out = x * w.sqrt());
        }
        product(rows.view(), rows.t())
    }

    fn solution(&self, lambda: f64, work: Work, violations: usize) -> Solution {
        let levels = self.problem.factors.iter().map(|f| f * lambda);
        let penalty: f64 = self.coefficients.iter().zip(levels).map(|(&b, level)| self.problem.penalty.value(b, level)).sum();
        let residual = (0..self.kept.len()).filter(|&j| self.kept[j]).map(|j| self.excess(j, lambda)).fold(0.0, f64::max);
        Solution {
            coefficients: self.coefficients.clone(),
            objective: self.value + penalty,
            loss: self.value,
            residual,
            iterations: work.iterations,
            gradients: work.gradients,
            violations,
            lipschitz: work.lipschitz,
            status: if work.limited { Status::IterationLimit } else { Status::Converged },
            history: work.history,
        }
    }

    /// By how much the optimality condition of a column fails.
    fn excess(&self, j: usize, lambda: f64) -> f64 {
        let (b, level) = (self.coefficients[j], self.problem.factors[j] * lambda);
        let threshold = self.problem.penalty.threshold(level);
        if b == 0.0 {
            return self.scores[j].abs() - threshold;
        }
        (self.problem.penalty.smooth_slope(b, level) + threshold * b.signum() - self.scores[j]).abs()
    }

    /// Marks the columns that this level starts with.
    fn screen(&mut self, lambda: f64, screening: Screening) {
        let Some(before) = self.level.filter(|_| screening != Screening::None) else {
            self.kept.fill(true);
            return;
        };
        let share = if screening == Screening::HalfStrong { 0.5 } else { 1.0 };
        let bound = self.problem.penalty.threshold(2.0 * lambda - before);
        for (j, kept) in self.kept.iter_mut().enumerate() {
            *kept |= self.coefficients[j] != 0.0 || share * self.scores[j].abs() >= self.problem.factors[j] * bound;
        }
    }

    /// Brings predictor, residual and loss up to the coefficients.
    fn refresh_rows(&mut self) {
        match self.problem.offset {
            Some(offset) => self.eta.copy_from_slice(offset),
            None => self.eta.fill(0.0),
        }
        let support: Vec<usize> = (0..self.coefficients.len()).filter(|&j| self.coefficients[j] != 0.0).collect();
        let values: Vec<f64> = support.iter().map(|&j| self.coefficients[j]).collect();
        self.problem.design.accumulate(&support, &values, &mut self.eta);
        self.value = self.problem.loss.evaluate(&self.eta, &mut self.rows);
    }

    fn all_scores(&self, ctx: &Context) -> Vec<f64> {
        let columns: Vec<usize> = (0..self.coefficients.len()).collect();
        self.scores_of(&columns, ctx)
    }

    fn scores_of(&self, columns: &[usize], ctx: &Context) -> Vec<f64> {
        correlate_all(self.problem.design, &self.rows, columns, ctx)
    }

    fn refresh_scores(&mut self, columns: &[usize], ctx: &Context) {
        let scores = self.scores_of(columns, ctx);
        columns.iter().zip(scores).for_each(|(&j, score)| self.scores[j] = score);
    }

    fn levels(&self, columns: &[usize], lambda: f64) -> Levels<'a> {
        Levels { penalty: &self.problem.penalty, levels: columns.iter().map(|&j| self.problem.factors[j] * lambda).collect() }
    }

    fn solve_on(&mut self, columns: &[usize], task: &mut Task<'_>, ctx: &mut Context) -> Result<()> {
        match task.settings.algorithm {
            Algorithm::CoordinateDescent => self.working_sets(columns, task, ctx),
            Algorithm::AcceleratedThenConjugate(momentum) => self.alternate(columns, momentum, task, ctx),
            algorithm => {
                let status = self.minimise(columns, algorithm, &mut |_| false, task, ctx)?;
                task.work.limited |= status != Status::Converged;
                Ok(())
            }
        }
    }

    /// The quadratic (majorising where the loss is not quadratic) model of the loss on these columns at the coefficients.
    fn quadratic(&mut self, columns: &[usize], lambda: f64, ctx: &Context) -> Result<Quadratic<'a>> {
        self.gram.cover(self.problem.design, columns, ctx)?;
        Ok(Quadratic {
            levels: self.levels(columns, lambda),
            hessian: self.gram.block(columns, self.problem.loss.curvature()),
            anchor: columns.iter().map(|&j| self.coefficients[j]).collect(),
            scores: self.scores_of(columns, ctx),
            value: self.value,
        })
    }

    /// Runs a gradient method on these columns from the coefficients, and takes its point over.
    fn minimise(
        &mut self,
        columns: &[usize],
        algorithm: Algorithm,
        enough: &mut dyn FnMut(&[f64]) -> bool,
        task: &mut Task<'_>,
        ctx: &mut Context,
    ) -> Result<Status> {
        let start: Vec<f64> = columns.iter().map(|&j| self.coefficients[j]).collect();
        // A product with the Gram matrix is m^2 numbers, one with the columns 2 m n.
        let found = if self.problem.loss.is_quadratic() && columns.len() <= 2 * self.problem.design.rows() {
            let mut smooth = self.quadratic(columns, task.lambda, ctx)?;
            let (lipschitz, weights) = (smooth.lipschitz()?, smooth.levels.thresholds());
            task.run(&mut smooth, lipschitz, &weights, &start, algorithm, enough, ctx)?
        } else {
            let mut smooth = Direct::new(self.problem, self.levels(columns, task.lambda), columns.to_vec());
            let (lipschitz, weights) = (smooth.lipschitz()?, smooth.levels.thresholds());
            task.run(&mut smooth, lipschitz, &weights, &start, algorithm, enough, ctx)?
        };
        columns.iter().zip(&found.x).for_each(|(&j, &x)| self.coefficients[j] = x);
        self.refresh_rows();
        Ok(found.status)
    }

    /// Accelerated gradient until the support rests, conjugate gradient on it, and again where a condition fails outside.
    fn alternate(&mut self, columns: &[usize], momentum: Momentum, task: &mut Task<'_>, ctx: &mut Context) -> Result<()> {
        const REST: usize = 10;
        loop {
            let mut resting = Resting::default();
            let mut enough = |x: &[f64]| resting.record(x) >= REST;
            if self.minimise(columns, Algorithm::Accelerated(momentum), &mut enough, task, ctx)? == Status::Converged {
                return Ok(());
            }
            let free = |j: &usize| self.coefficients[*j] != 0.0 || self.problem.factors[*j] == 0.0;
            let support: Vec<usize> = columns.iter().copied().filter(free).collect();
            if self.minimise(&support, Algorithm::ConjugateGradient, &mut |_| false, task, ctx)? != Status::Converged {
                task.work.limited = true;
                return Ok(());
            }
            self.refresh_scores(columns, ctx);
            if columns.iter().all(|&j| self.coefficients[j] != 0.0 || self.excess(j, task.lambda) <= task.settings.tolerance) {
                return Ok(());
            }
        }
    }

    /// Coordinate descent on the support and the columns whose conditions fail, until none does.
    fn working_sets(&mut self, columns: &[usize], task: &mut Task<'_>, ctx: &mut Context) -> Result<()> {
        let mut inside = vec![false; self.coefficients.len()];
        let mut set: Vec<usize> = Vec::new();
        loop {
            self.refresh_scores(columns, ctx);
            let outside = columns.iter().copied().filter(|&j| !inside[j]);
            let added = self.failing(outside, set.len(), task);
            if added.is_empty() {
                return Ok(());
            }
            added.iter().for_each(|&j| inside[j] = true);
            set.extend(added);
            self.coordinate_descent(&set, task, ctx)?;
            if task.work.limited {
                return Ok(());
            }
        }
    }

    /// The columns whose conditions fail, the worst first and at most about as many as there are `already`, so that a cold start does
    /// not take them all; and whatever is nonzero or not penalised.
    fn failing(&self, columns: impl Iterator<Item = usize>, already: usize, task: &Task<'_>) -> Vec<usize> {
        const LEAST: usize = 50;
        let (certain, rest): (Vec<usize>, Vec<usize>) =
            columns.partition(|&j| self.coefficients[j] != 0.0 || self.problem.factors[j] == 0.0);
        let mut failing: Vec<(f64, usize)> = rest.into_iter().map(|j| (self.excess(j, task.lambda), j)).collect();
        failing.retain(|(excess, _)| *excess > task.settings.tolerance);
        failing.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        failing.truncate(LEAST.max(already));
        certain.into_iter().chain(failing.into_iter().map(|(_, j)| j)).collect()
    }

    fn coordinate_descent(&mut self, columns: &[usize], task: &mut Task<'_>, ctx: &mut Context) -> Result<()> {
        let mut model = self.quadratic(columns, task.lambda, ctx)?;
        let mut x = model.anchor.clone();
        let (tolerance, most) = (task.settings.tolerance, task.settings.max_iterations);
        loop {
            let left = most.saturating_sub(task.work.iterations);
            let sweeps = descend(&model, &mut x, tolerance, left, ctx)?;
            task.work.iterations += sweeps.sweeps;
            task.work.gradients += 1;
            columns.iter().zip(&x).for_each(|(&j, &x)| self.coefficients[j] = x);
            self.refresh_rows();
            task.work.limited |= sweeps.status != Status::Converged;
            if task.work.limited || self.problem.loss.is_quadratic() || sweeps.first_change < tolerance {
                return Ok(());
            }
            ctx.tick(task.work.iterations as u64, most as u64, &[("loss", self.value)])?;
            (model.anchor, model.scores, model.value) = (x.clone(), self.scores_of(columns, ctx), self.value);
        }
    }
}

impl Task<'_> {
    #[expect(clippy::too_many_arguments, reason = "a composite function, where to start, how to go and when to stop")]
    fn run(
        &mut self,
        smooth: &mut impl Smooth,
        lipschitz: f64,
        weights: &[f64],
        start: &[f64],
        algorithm: Algorithm,
        enough: &mut dyn FnMut(&[f64]) -> bool,
        ctx: &mut Context,
    ) -> Result<Stationary> {
        // Columns of zeros and no concavity leave nothing to bound the step.
        let lipschitz = if lipschitz > 0.0 { lipschitz } else { 1.0 };
        let iterations = self.iterations(Step::Lipschitz(lipschitz));
        let found = match algorithm {
            Algorithm::ProximalGradient => proximal_gradient(smooth, weights, start, &iterations, ctx)?,
            Algorithm::ConjugateGradient => conjugate_gradient(smooth, weights, start, None, &iterations, ctx)?,
            Algorithm::Accelerated(momentum) | Algorithm::AcceleratedThenConjugate(momentum) => {
                accelerated_until(smooth, weights, start, momentum, &iterations, enough, ctx)?
            }
            Algorithm::CoordinateDescent => return Err(Error::internal("coordinate descent is not a gradient method")),
        };
        self.work.add(&found, lipschitz);
        Ok(found)
    }
}

/// Counts for how many iterations the support has been the same.
#[derive(Default)]
struct Resting {
    support: Vec<bool>,
    count: usize,
}

impl Resting {
    fn record(&mut self, x: &[f64]) -> usize {
        let same = self.support.len() == x.len() && self.support.iter().zip(x).all(|(s, x)| *s == (*x != 0.0));
        self.count = if same { self.count + 1 } else { 0 };
        if !same {
            self.support = x.iter().map(|x| *x != 0.0).collect();
        }
        self.count
    }
}
