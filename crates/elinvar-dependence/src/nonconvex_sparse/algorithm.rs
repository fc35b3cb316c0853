//! The levels of a path, each solved from the one before.

use super::params::{Family, Grid, PenaltyKind, ScreeningKind, Solver, Sparse};
use super::prepare::Prepared;
use elinvar_core::{Checked, Context, Error, Result, Status};
use elinvar_math::penalty::Penalty;
use elinvar_math::sparse::{Algorithm, Design, Loss, Momentum, Problem, Screening, Session, Settings, Solution};

/// The solution at one level, in units of the data.
#[derive(Clone, Debug)]
pub struct Level {
    /// Level of the penalty.
    pub lam: f64,
    /// Coefficients of the predictors as they came (p).
    pub coefficients: Vec<f64>,
    /// Intercept.
    pub intercept: f64,
    /// Nonzero coefficients.
    pub support_size: usize,
    /// Loss plus penalty.
    pub objective: f64,
    /// Extended BIC with weight 1/2.
    pub ebic: f64,
    /// Largest violation of the optimality conditions.
    pub residual: f64,
    /// Iterations, or sweeps of coordinate descent.
    pub n_iter: usize,
    /// Gradients computed.
    pub n_gradients: usize,
    /// Columns that screening had discarded wrongly, found by its check.
    pub kkt_violations: usize,
    /// Lipschitz constant of the gradient that set the step; 0 for coordinate descent.
    pub lipschitz: f64,
    /// Smallest eigenvalue of the loss's Hessian on the support less the concavity of the penalty: above 0 the solution is a strict local
    /// minimum among those of its support.
    pub convexity_margin: f64,
    /// How it ended.
    pub status: Status,
    /// Objective of every iteration, where asked for.
    pub history: Vec<f64>,
}

impl Sparse {
    pub(super) fn penalty(&self) -> Result<Penalty> {
        let shape = match self.penalty {
            PenaltyKind::Mcp => Penalty::mcp(self.gamma)?,
            PenaltyKind::Scad => Penalty::scad(self.a)?,
            PenaltyKind::Lasso => return Ok(Penalty::lasso()),
            PenaltyKind::Elasticnet => Penalty::lasso(),
        };
        shape.with_l1_share(self.alpha)
    }

    fn settings(&self, unit: f64) -> Settings {
        let momentum = if self.restart { Momentum::Restarted } else { Momentum::Optimal };
        let algorithm = match self.solver {
            Solver::Auto if self.family == Family::Gaussian => Algorithm::CoordinateDescent,
            Solver::Auto | Solver::Ag => Algorithm::Accelerated(momentum),
            Solver::AgPncg => Algorithm::AcceleratedThenConjugate(momentum),
            Solver::Pncg => Algorithm::ConjugateGradient,
            Solver::Pg => Algorithm::ProximalGradient,
            Solver::Gl => Algorithm::Accelerated(Momentum::GhadimiLan),
            Solver::Cd => Algorithm::CoordinateDescent,
        };
        let screening = match self.screening {
            ScreeningKind::Strong => Screening::Strong,
            ScreeningKind::HalfStrong => Screening::HalfStrong,
            ScreeningKind::None => Screening::None,
        };
        let history = self.history && algorithm != Algorithm::CoordinateDescent;
        Settings { algorithm, screening, tolerance: self.tol * unit, max_iterations: self.max_iter, history }
    }
}

/// The levels to solve.
pub(super) enum Levels<'a> {
    /// A grid.
    Grid(Grid<'a>),
    /// A descent to one level, of which only the last is kept.
    To(f64),
}

/// Solves the levels one after another.
pub(super) fn solve(params: &Checked<Sparse>, data: &Prepared, levels: &Levels<'_>, ctx: &mut Context) -> Result<Vec<Level>> {
    let loss = data.loss()?;
    let problem: Problem<'_, dyn Design, dyn Loss + '_> =
        Problem { design: &*data.design, loss: &*loss, offset: None, penalty: params.penalty()?, factors: &data.factors };
    let mut session = Session::new(&problem, None, ctx)?;
    let greatest = session.null_level(ctx)?;
    let lambdas = match levels {
        Levels::Grid(grid) => grid_of(grid, greatest, data)?,
        Levels::To(lam) => descent(greatest, *lam),
    };
    let settings = params.settings(data.unit);
    let keep_from = if matches!(levels, Levels::To(_)) { lambdas.len() - 1 } else { 0 };
    let mut kept = Vec::with_capacity(lambdas.len() - keep_from);
    for (k, &lam) in lambdas.iter().enumerate() {
        ctx.tick(k as u64, lambdas.len() as u64, &[("lambda", lam)])?;
        let history = settings.history && k >= keep_from;
        let solution = session.solve(lam, &Settings { history, ..settings.clone() }, ctx)?;
        if !solution.objective.is_finite() {
            return Err(Error::numeric(format!("the objective at lambda {lam:e} is not finite")).hint("scale X and y down"));
        }
        if k >= keep_from {
            if solution.status != Status::Converged {
                ctx.warn(format!(
                    "lambda {lam:.6e} stopped after max_iter={} iterations with residual {:.1e}, tol is {:.1e}",
                    params.max_iter, solution.residual, settings.tolerance
                ));
            }
            let margin = session.convexity_margin(ctx)?;
            kept.push(level(lam, solution, margin, data));
        }
    }
    Ok(kept)
}

fn level(lam: f64, solution: Solution, convexity_margin: f64, data: &Prepared) -> Level {
    let (coefficients, intercept) = data.original(&solution.coefficients);
    let support_size = coefficients.iter().filter(|b| **b != 0.0).count();
    let (n, p) = (data.size, coefficients.len() as f64);
    let ebic = data.deviance(solution.loss) + support_size as f64 * (n.ln() + p.ln());
    Level {
        lam,
        coefficients,
        intercept,
        support_size,
        objective: solution.objective,
        ebic,
        residual: solution.residual,
        n_iter: solution.iterations,
        n_gradients: solution.gradients,
        kkt_violations: solution.violations,
        lipschitz: solution.lipschitz,
        convexity_margin,
        status: solution.status,
        history: solution.history,
    }
}

/// The given levels, or levels of equal ratio from the greatest.
fn grid_of(grid: &Grid<'_>, greatest: f64, data: &Prepared) -> Result<Vec<f64>> {
    if let Some(given) = grid.given {
        return Ok(given.to_vec());
    }
    if !(greatest > 0.0) {
        // Nothing is to be explained: every level gives the same solution.
        return Ok(vec![0.0]);
    }
    let wide = data.size < data.design.columns() as f64;
    let ratio = grid.ratio.unwrap_or(if wide { 0.05 } else { 0.001 });
    let steps = (grid.count - 1).max(1) as f64;
    Ok((0..grid.count).map(|k| greatest * ratio.powf(k as f64 / steps)).collect())
}

/// Levels from the greatest to one, none less than nine tenths of the one before but the last.
fn descent(greatest: f64, lam: f64) -> Vec<f64> {
    const RATIO: f64 = 0.9;
    const LEAST: f64 = 1e-3;
    if !(greatest > 0.0) || lam >= greatest {
        return vec![lam];
    }
    let last = lam.max(LEAST * greatest);
    let count = ((last / greatest).ln() / RATIO.ln()).ceil().max(1.0);
    let mut levels: Vec<f64> = (1..=count as usize).map(|k| greatest * (last / greatest).powf(k as f64 / count)).collect();
    match levels.last_mut() {
        Some(end) if lam >= LEAST * greatest => *end = lam,
        _ => levels.push(lam),
    }
    levels
}
