//! ECME with squared extrapolation: every step raises the (penalised) likelihood.

use super::observation::Latent;
use super::rows::Rows;
use super::scatter::{Factors, Parameters, Point, factorise};
use super::tail::{NU_MAX, NU_MIN, Tail};
use super::weighting::Weighting;
use elinvar_core::{Context, Error, Result, Status};
use elinvar_math::cholesky;
use elinvar_math::penalty::Penalty;
use elinvar_math::sparse::{Problem, Screening, Session, Settings as Solver, Squared};
use elinvar_math::statistics::{median, pairwise_sum};
use ndarray::Array2;
use std::f64::consts::PI;
use std::sync::Arc;

/// Least scatter of the errors, as a share of the first one: below it the model fits some rows exactly.
const LEAST_SHARE: f64 = 1e-12;

/// Steps between looks at the boundary of the random effects' scatter; a multiple of the three of a cycle.
const SETTLING: usize = 30;

/// Penalty on the fixed effects.
#[derive(Clone, Debug)]
pub(crate) struct Shrinkage {
    /// Its form.
    pub(crate) penalty: Penalty,
    /// Its level.
    pub(crate) lambda: f64,
    /// Factor of each column's level (p); 0 for a column that is free.
    pub(crate) factors: Vec<f64>,
}

impl Shrinkage {
    /// Penalised effects that are not zero.
    pub(super) fn selected(&self, beta: &[f64]) -> usize {
        beta.iter().zip(&self.factors).filter(|(b, f)| **b != 0.0 && **f > 0.0).count()
    }

    /// Whether so many effects are in that they could fit enough groups exactly to drive the likelihood to infinity.
    ///
    /// With the scatters going to zero the log likelihood grows by `-n_i/2 ln sigma2` for a group that is fitted exactly and falls by
    /// `-nu/2 ln sigma2` for another; `s` effects fit about `s / n_i` groups. So it is bounded only while `s (n_i + nu) < N nu`. From half
    /// of the rows on a penalised fit says nothing in any case.
    pub(super) fn is_saturated(&self, parameters: &Parameters, rows: &Rows) -> bool {
        let (n, nu) = (rows.n() as f64, parameters.nu);
        let size = n / rows.groups() as f64;
        let share = if nu.is_infinite() { 0.5 } else { (nu / (nu + size)).min(0.5) };
        self.selected(&parameters.beta) as f64 > share * n
    }

    /// `sum_j P(beta_j)`.
    pub(super) fn value(&self, beta: &[f64]) -> f64 {
        beta.iter().zip(&self.factors).map(|(&b, factor)| self.penalty.value(b, factor * self.lambda)).sum()
    }
}

/// How a model is fitted.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Degrees of freedom; none to estimate them, infinite for the Gaussian.
    pub(crate) nu: Option<f64>,
    /// Whether the random effects are uncorrelated.
    pub(crate) diagonal: bool,
    /// Whether successive errors of a group are correlated.
    pub(crate) autoregressive: bool,
    /// Restricted likelihood (Gaussian only).
    pub(crate) restricted: bool,
    /// Whether every row has tails of its own instead of its group.
    pub(crate) by_observation: bool,
    /// Penalty on the fixed effects.
    pub(crate) shrinkage: Option<Shrinkage>,
    /// Squared extrapolation.
    pub(crate) accelerate: bool,
    /// Greatest number of steps.
    pub(crate) max_iterations: usize,
    /// Relative gain of a step, or of three with extrapolation, below which they end.
    pub(crate) tolerance: f64,
}

/// Where a fit ended.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    /// Parameters with the quantities of all groups.
    pub(crate) point: Point,
    /// Expectations of the scales where every row has tails of its own; the point is then that of the reweighted rows.
    pub(crate) latent: Option<Latent>,
    /// Log likelihood less the penalty; the restricted one where that was asked for.
    pub(crate) objective: f64,
    /// Steps.
    pub(crate) iterations: usize,
    /// Passes over the groups.
    pub(crate) passes: usize,
    /// How it ended.
    pub(crate) status: Status,
    /// Whether it ended because too many effects entered: there is then no maximum.
    pub(crate) saturated: bool,
    /// Objective after every step.
    pub(crate) history: Vec<f64>,
}

impl Fit {
    /// Log likelihood, or its lower bound where every row has tails of its own.
    pub(crate) fn log_likelihood(&self) -> f64 {
        self.latent.as_ref().map_or(self.point.log_likelihood, |latent| latent.bound)
    }

    /// Whether the scatter of correlated random effects has become singular: steps map it into its own span, so that it keeps its
    /// direction and not only its rank.
    pub(super) fn is_stuck(&self, settings: &Settings) -> bool {
        let q = self.point.rows.q;
        let singular = (0..q).any(|k| self.point.parameters.root[k * q + k] == 0.0);
        q > 1 && singular && !settings.diagonal && !settings.restricted && settings.shrinkage.is_none()
    }

    /// Predicted random effects (m, q).
    pub(crate) fn random_effects(&self) -> Vec<f64> {
        let mut effects = self.point.random_effects();
        if let Some(latent) = &self.latent {
            // The reweighted rows' effects are those of the model times the root of the group's scale.
            let q = self.point.rows.q.max(1);
            effects.chunks_exact_mut(q).zip(&latent.groups).for_each(|(b, scale)| b.iter_mut().for_each(|b| *b /= scale.sqrt()));
        }
        effects
    }
}

/// A point with its objective.
pub(super) struct Step {
    pub(super) point: Point,
    objective: f64,
}

/// The algorithm on some rows.
pub(crate) struct Ecme<'a> {
    rows: Arc<Rows>,
    settings: &'a Settings,
    /// Least scatter of the errors.
    floor: f64,
    passes: usize,
}

impl<'a> Ecme<'a> {
    /// Prepares the algorithm.
    pub(crate) fn new(rows: Arc<Rows>, settings: &'a Settings) -> Self {
        Self { rows, settings, floor: 0.0, passes: 0 }
    }

    /// Keeps the scatter of the errors above a share of the first one.
    pub(super) fn bound(&mut self, sigma2: f64) {
        self.floor = self.floor.max(LEAST_SHARE * sigma2);
    }

    /// Coordinates in which steps are extrapolated.
    pub(super) fn coordinates(&self) -> Coordinates {
        Coordinates { nu: self.settings.nu.is_none(), rho: self.settings.autoregressive, floor: self.floor }
    }

    /// Fixed effects by least squares over the columns that are free (all where they are fewer than half as many as rows), the scatter
    /// of the residuals shared between random effects and errors, and 4 degrees of freedom.
    ///
    /// # Errors
    /// Those of the least squares.
    pub(crate) fn start(&self, ctx: &mut Context) -> Result<Parameters> {
        let (rows, q) = (&self.rows, self.rows.q);
        let wide = 2 * rows.p() > rows.n();
        let keep = |j: &usize| !wide || self.settings.shrinkage.as_ref().is_none_or(|s| s.factors[*j] == 0.0);
        let columns: Vec<usize> = (0..rows.p()).filter(keep).collect();
        let beta = least_squares(rows, &columns, ctx)?;
        let residuals = rows.residuals(&beta);
        let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
        let variance = if wide { (1.4826 * median(&squares)?.sqrt()).powi(2) } else { pairwise_sum(&squares) / rows.n() as f64 };
        let of_y = rows.y.iter().map(|y| y * y).sum::<f64>() / rows.n() as f64;
        let variance = variance.max(1e-20 * of_y).max(f64::MIN_POSITIVE);
        let mut root = vec![0.0; q * q];
        for k in 0..q {
            let mean_square = rows.z.iter().skip(k).step_by(q).map(|z| z * z).sum::<f64>() / rows.n() as f64;
            root[k * q + k] = if mean_square > 0.0 { (0.5 * variance / mean_square).sqrt() } else { 0.0 };
        }
        let nu = self.settings.nu.unwrap_or(4.0);
        let start = Parameters { beta, root, sigma2: 0.5 * variance, nu, rho: 0.0 };
        if start.is_finite() { Ok(start) } else { Err(Error::numeric("the scatter of y is not finite").hint("rescale the data")) }
    }

    /// Runs from these parameters.
    ///
    /// # Errors
    /// Those of the context, and numeric ones.
    pub(crate) fn run(&mut self, start: Parameters, ctx: &mut Context) -> Result<Fit> {
        self.bound(start.sigma2);
        let rows = self.rows.freed(start.rho);
        self.passes += 1;
        let first = Point::new(rows, start, ctx)?;
        let mut now = self.judged(first, ctx)?;
        let (mut history, mut iterations, mut status) = (vec![now.objective], 0, Status::IterationLimit);
        while iterations < self.settings.max_iterations {
            ctx.tick(iterations as u64, self.settings.max_iterations as u64, &[("objective", now.objective)])?;
            let before = now.objective;
            now = if self.settings.accelerate {
                iterations += 3;
                let ahead = cycle(self, now, &mut history, ctx)?;
                if iterations % SETTLING == 0 { self.settled(ahead, ctx)? } else { ahead }
            } else {
                iterations += 1;
                self.step(&now.point, ctx)?
            };
            history.push(now.objective);
            if self.is_saturated(&now.point) {
                break;
            }
            if now.objective - before < self.settings.tolerance * before.abs().max(1.0) {
                status = Status::Converged;
                break;
            }
        }
        let Step { point, objective } = self.settled(now, ctx)?;
        let saturated = self.is_saturated(&point);
        Ok(Fit { point, latent: None, objective, iterations, passes: self.passes, status, saturated, history })
    }

    /// Puts random effects whose own spread dwindles onto the boundary where that is no lower: steps come near it ever more slowly.
    fn settled(&mut self, mut now: Step, ctx: &mut Context) -> Result<Step> {
        const DWINDLING: f64 = 0.2;
        let q = self.rows.q;
        for k in 0..q {
            if now.point.shares_of_effects()[k] > DWINDLING {
                continue;
            }
            let mut parameters = now.point.parameters.clone();
            (k..q).for_each(|i| parameters.root[i * q + k] = 0.0);
            self.passes += 1;
            let there = self.judged(Point::new(self.rows.freed(parameters.rho), parameters, ctx)?, ctx)?;
            if there.objective >= now.objective {
                now = there;
            }
        }
        Ok(now)
    }

    fn is_saturated(&self, point: &Point) -> bool {
        self.settings.shrinkage.as_ref().is_some_and(|s| s.is_saturated(&point.parameters, &self.rows))
    }

    fn judged(&self, point: Point, ctx: &Context) -> Result<Step> {
        let mut objective = point.log_likelihood;
        if self.settings.restricted {
            objective += restriction(&point, ctx)?;
        }
        if let Some(shrinkage) = &self.settings.shrinkage {
            objective -= self.rows.n() as f64 * shrinkage.value(&point.parameters.beta);
        }
        if !objective.is_finite() {
            return Err(Error::numeric(format!("the likelihood became {objective}")).hint("check the scale of the data"));
        }
        Ok(Step { point, objective })
    }

    /// One step: fixed effects, scatters, degrees of freedom, correlation.
    pub(super) fn step(&mut self, point: &Point, ctx: &mut Context) -> Result<Step> {
        let mut parameters = point.parameters.clone();
        parameters.beta = self.fixed_effects(point, ctx)?;
        let residuals = point.rows.residuals(&parameters.beta);
        self.passes += 2;
        let middle = Point::with(Arc::clone(&point.rows), parameters, Arc::clone(&point.factors), &residuals, ctx);
        let (root, sigma2) = self.scatters(&middle, ctx)?;
        let parameters = Parameters { root, sigma2: sigma2.max(self.floor), ..middle.parameters };
        let factors: Arc<Factors> = Arc::new(factorise(&point.rows, &parameters.root, parameters.sigma2, ctx)?);
        let mut next = Point::with(Arc::clone(&point.rows), parameters, factors, &residuals, ctx);
        if self.settings.nu.is_none() {
            let nu = Tail::new(&next.rows, &next.delta).maximise(next.parameters.nu);
            next.set_nu(nu);
        }
        if self.settings.autoregressive {
            next = self.correlation(next, ctx)?;
        }
        self.judged(next, ctx)
    }

    /// Weighted least squares at the weights of the point, penalised where that was asked for.
    fn fixed_effects(&self, point: &Point, ctx: &mut Context) -> Result<Vec<f64>> {
        let weighting = Weighting::new(point, &point.weights());
        let beta = &point.parameters.beta;
        let Some(shrinkage) = &self.settings.shrinkage else {
            let information = weighting.information(weighting.columns(ctx).view())?;
            let mut step = weighting.score(ctx);
            solve_information(information, &mut step)?;
            return Ok(beta.iter().zip(&step).map(|(b, s)| b + s).collect());
        };
        let design = weighting.root()?;
        let outcomes = design.apply(&point.rows.y);
        let loss = Squared::new(&outcomes);
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty: shrinkage.penalty, factors: &shrinkage.factors };
        let settings = Solver { screening: Screening::None, ..Solver::default() };
        Ok(Session::new(&problem, Some(beta), ctx)?.solve(shrinkage.lambda, &settings, ctx)?.coefficients)
    }

    /// Root of the random effects' scatter, and scatter of the errors.
    fn scatters(&self, point: &Point, ctx: &Context) -> Result<(Vec<f64>, f64)> {
        let (rows, q) = (&point.rows, point.rows.q);
        let (groups, sigma2) = (rows.groups(), point.parameters.sigma2);
        let weights = point.weights();
        let mut moments = vec![0.0; q * q];
        for (group, weight) in weights.iter().enumerate() {
            let (s, inverse) = (&point.effects[group * q..(group + 1) * q], point.inverse(group));
            (0..q * q).for_each(|k| moments[k] += weight * s[k / q] * s[k % q] + sigma2 * inverse[k]);
        }
        let error = |group: usize| weights[group] * point.squares[group] + sigma2 * (q as f64 - sigma2 * point.trace(group));
        let mut errors = pairwise_sum(&(0..groups).map(error).collect::<Vec<f64>>());
        if self.settings.restricted {
            errors += add_restriction(point, &mut moments, ctx)?;
        }
        moments.iter_mut().for_each(|a| *a /= groups as f64);
        Ok((self.rotated(&point.parameters.root, moments, q)?, errors / rows.n() as f64))
    }

    /// The root of `L A L'`.
    fn rotated(&self, root: &[f64], mut moments: Vec<f64>, q: usize) -> Result<Vec<f64>> {
        if self.settings.diagonal {
            let entry = |k: usize| if k % q == k / q { root[k] * moments[k].sqrt() } else { 0.0 };
            return Ok((0..q * q).map(entry).collect());
        }
        if !cholesky::factor(&mut moments, q) {
            return Err(Error::numeric("the scatter of the random effects is not positive definite").hint("use fewer random effects"));
        }
        let entry = |i: usize, j: usize| if j > i { 0.0 } else { (j..=i).map(|k| root[i * q + k] * moments[k * q + j]).sum() };
        Ok((0..q * q).map(|k| entry(k / q, k % q)).collect())
    }

    /// A better correlation of successive errors: the vertex of the parabola through three values of the likelihood, if it is one.
    fn correlation(&mut self, point: Point, ctx: &mut Context) -> Result<Point> {
        const GAP: f64 = 1e-3;
        const LONGEST: f64 = 0.5;
        let here = point.parameters.rho.atanh();
        let mut at = |x: f64| {
            self.passes += 1;
            Point::new(self.rows.freed(x.tanh()), Parameters { rho: x.tanh(), ..point.parameters.clone() }, ctx)
        };
        let (below, above) = (at(here - GAP)?.log_likelihood, at(here + GAP)?.log_likelihood);
        let slope = (above - below) / (2.0 * GAP);
        let bend = (above - 2.0 * point.log_likelihood + below) / (GAP * GAP);
        let mut length = if bend < 0.0 { (-slope / bend).clamp(-LONGEST, LONGEST) } else { 0.1 * slope.signum() };
        while length.abs() > 1e-8 {
            let moved = at(here + length)?;
            if moved.log_likelihood > point.log_likelihood {
                return Ok(moved);
            }
            length *= 0.25;
        }
        Ok(point)
    }
}

impl Ascent for Ecme<'_> {
    type State = Step;
    fn ascend(&mut self, state: &Step, ctx: &mut Context) -> Result<Step> {
        self.step(&state.point, ctx)
    }
    fn at(&mut self, parameters: Parameters, _: &Step, ctx: &mut Context) -> Result<Step> {
        self.passes += 1;
        let point = Point::new(self.rows.freed(parameters.rho), parameters, ctx)?;
        self.judged(point, ctx)
    }
    fn parameters(state: &Step) -> &Parameters {
        &state.point.parameters
    }
    fn objective(state: &Step) -> f64 {
        state.objective
    }
    fn coordinates(&self) -> Coordinates {
        Ecme::coordinates(self)
    }
}

/// An algorithm whose steps raise an objective.
pub(super) trait Ascent {
    /// Parameters with what a step needs.
    type State;
    /// One step.
    fn ascend(&mut self, state: &Self::State, ctx: &mut Context) -> Result<Self::State>;
    /// The state at other parameters, near another one.
    fn at(&mut self, parameters: Parameters, near: &Self::State, ctx: &mut Context) -> Result<Self::State>;
    /// Its parameters.
    fn parameters(state: &Self::State) -> &Parameters;
    /// Its objective.
    fn objective(state: &Self::State) -> f64;
    /// Coordinates in which steps are extrapolated.
    fn coordinates(&self) -> Coordinates;
}

/// Two steps, an extrapolation through them and a step from there; without it where it leads lower.
pub(super) fn cycle<A: Ascent>(algorithm: &mut A, start: A::State, history: &mut Vec<f64>, ctx: &mut Context) -> Result<A::State> {
    let one = algorithm.ascend(&start, ctx)?;
    let two = algorithm.ascend(&one, ctx)?;
    history.extend([A::objective(&one), A::objective(&two)]);
    let coordinates = algorithm.coordinates();
    let vectors = [&start, &one, &two].map(|state| coordinates.to_vector(A::parameters(state)));
    let Some(ahead) = extrapolate(&vectors) else { return Ok(two) };
    let parameters = coordinates.to_parameters(&ahead, A::parameters(&two));
    if !parameters.is_finite() {
        return Ok(two);
    }
    let three = algorithm.at(parameters, &two, ctx).and_then(|state| algorithm.ascend(&state, ctx));
    match three {
        Ok(three) if A::objective(&three) >= A::objective(&two) => Ok(three),
        Err(error) if error.kind() != elinvar_core::Kind::Numeric => Err(error),
        _ => Ok(two),
    }
}

/// Coordinates in which steps are extrapolated: fixed effects, root of `D`, `ln sigma2`, and `ln nu` and `atanh rho` where they are free.
#[derive(Clone, Copy)]
pub(super) struct Coordinates {
    nu: bool,
    rho: bool,
    /// Least scatter of the errors.
    floor: f64,
}

impl Coordinates {
    fn to_vector(self, parameters: &Parameters) -> Vec<f64> {
        let mut vector = parameters.beta.clone();
        vector.extend(&parameters.root);
        vector.push(parameters.sigma2.ln());
        if self.nu {
            vector.push(parameters.nu.ln());
        }
        if self.rho {
            vector.push(parameters.rho.atanh());
        }
        vector
    }

    fn to_parameters(self, vector: &[f64], like: &Parameters) -> Parameters {
        let (p, square) = (like.beta.len(), like.root.len());
        let mut rest = vector[p + square..].iter();
        let mut next = || rest.next().copied().unwrap_or(f64::NAN);
        let sigma2 = next().exp().max(self.floor);
        let nu = if self.nu { next().exp().clamp(NU_MIN, NU_MAX) } else { like.nu };
        let rho = if self.rho { next().tanh() } else { like.rho };
        Parameters { beta: vector[..p].to_vec(), root: vector[p..p + square].to_vec(), sigma2, nu, rho }
    }
}

/// Squared extrapolation through three points; none where they stand still.
fn extrapolate([zero, one, two]: &[Vec<f64>; 3]) -> Option<Vec<f64>> {
    let first: Vec<f64> = one.iter().zip(zero).map(|(b, a)| b - a).collect();
    let second: Vec<f64> = two.iter().zip(one).zip(&first).map(|((c, b), r)| c - b - r).collect();
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = -norm(&first) / norm(&second);
    if !length.is_finite() {
        return None;
    }
    let length = length.clamp(-64.0, -1.0);
    Some(zero.iter().zip(&first).zip(&second).map(|((x, r), v)| x - 2.0 * length * r + length * length * v).collect())
}

/// `step <- information^-1 step`.
pub(super) fn solve_information(information: Array2<f64>, step: &mut [f64]) -> Result<()> {
    let p = step.len();
    let (mut matrix, _) = information.into_raw_vec_and_offset();
    if !cholesky::factor(&mut matrix, p) {
        return Err(Error::input("the fixed effects are linearly dependent").hint("drop collinear columns, or use a penalty"));
    }
    cholesky::solve(&matrix, p, step);
    Ok(())
}

/// Coefficients (p) of the least squares over these columns; the others are zero.
fn least_squares(rows: &Rows, columns: &[usize], ctx: &mut Context) -> Result<Vec<f64>> {
    let x = rows.x.select(ndarray::Axis(0), columns);
    let gram = elinvar_math::linalg::product(x.view(), x.t())?;
    ctx.check()?;
    let mut solution = x.dot(&ndarray::ArrayView1::from(&rows.y)).to_vec();
    solve_information(gram, &mut solution)?;
    let mut beta = vec![0.0; rows.p()];
    columns.iter().zip(solution).for_each(|(&j, b)| beta[j] = b);
    Ok(beta)
}

/// What the restricted log likelihood adds: `-1/2 ln |sum X_i' V_i^-1 X_i| + p/2 ln 2 pi`.
fn restriction(point: &Point, ctx: &Context) -> Result<f64> {
    let p = point.rows.p();
    let weighting = Weighting::new(point, &vec![1.0; point.rows.groups()]);
    let (mut information, _) = weighting.information(weighting.columns(ctx).view())?.into_raw_vec_and_offset();
    if !cholesky::factor(&mut information, p) {
        return Err(Error::input("the fixed effects are linearly dependent").hint("drop collinear columns"));
    }
    Ok(0.5 * p as f64 * (2.0 * PI).ln() - 0.5 * cholesky::log_determinant(&information, p))
}

/// What the uncertainty of the fixed effects adds to the random effects' moments (q, q); returns what it adds to the errors' sum.
fn add_restriction(point: &Point, moments: &mut [f64], ctx: &Context) -> Result<f64> {
    let (rows, p, q) = (&point.rows, point.rows.p(), point.rows.q);
    let weighting = Weighting::new(point, &vec![1.0; rows.groups()]);
    let columns = weighting.columns(ctx);
    let (mut information, _) = weighting.information(columns.view())?.into_raw_vec_and_offset();
    if !cholesky::factor(&mut information, p) {
        return Err(Error::input("the fixed effects are linearly dependent").hint("drop collinear columns"));
    }
    let mut sum = 0.0;
    let (mut v, mut turned) = (vec![0.0; p], vec![0.0; q * p]);
    for group in 0..rows.groups() {
        turned.fill(0.0);
        for row in rows.span(group) {
            (0..p).for_each(|j| v[j] = columns[[j, row]]);
            cholesky::solve_lower(&information, p, &mut v);
            sum += v.iter().map(|v| v * v).sum::<f64>();
            for k in 0..q {
                let z: f64 = (k..q).map(|a| point.parameters.root[a * q + k] * rows.z[row * q + a]).sum();
                turned[k * p..(k + 1) * p].iter_mut().zip(&v).for_each(|(t, v)| *t += z * v);
            }
        }
        let dot = |k: usize, l: usize| (0..p).map(|j| turned[k * p + j] * turned[l * p + j]).sum::<f64>();
        (0..q * q).for_each(|k| moments[k] += dot(k / q, k % q));
    }
    Ok(point.parameters.sigma2.powi(2) * sum)
}
