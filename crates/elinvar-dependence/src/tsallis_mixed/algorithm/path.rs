//! Paths of penalty levels, from the one that leaves no penalised effect down.

use super::ecme::{Ecme, Fit, Settings, Shrinkage};
use super::observation::{gaussian_point, variational};
use super::pncg::conjugate;
use super::rows::Rows;
use super::scatter::{Parameters, Point};
use super::weighting::Weighting;
use elinvar_core::{Context, Error, Result, Status};
use std::sync::Arc;

/// One level of a path.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The level.
    pub(crate) lambda: f64,
    /// The parameters.
    pub(crate) parameters: Parameters,
    /// Log likelihood.
    pub(crate) log_likelihood: f64,
    /// Penalised effects that are not zero.
    pub(crate) selected: usize,
    /// Steps of the solver.
    pub(crate) iterations: usize,
    /// How it ended.
    pub(crate) status: Status,
}

/// The model of the free columns alone: its parameters (with zeros for the others), and the least level at which nothing else enters.
///
/// # Errors
/// Those of the fit.
pub(crate) fn null_fit(rows: &Arc<Rows>, settings: &Settings, shrinkage: &Shrinkage, ctx: &mut Context) -> Result<(Parameters, f64)> {
    let free: Vec<usize> = (0..rows.p()).filter(|&j| shrinkage.factors[j] == 0.0).collect();
    let plain = Settings { shrinkage: None, ..settings.clone() };
    let narrow = Arc::new(rows.with_columns(&free));
    let start = Ecme::new(Arc::clone(&narrow), &plain).start(ctx)?;
    let fit = solve(&narrow, &plain, start, false, ctx)?;
    let mut parameters = fit.point.parameters;
    let mut beta = vec![0.0; rows.p()];
    free.iter().zip(&parameters.beta).for_each(|(&j, &b)| beta[j] = b);
    parameters.beta = beta;
    let point = match &fit.latent {
        Some(latent) => gaussian_point(rows, latent, &parameters, ctx)?,
        None => Point::new(rows.freed(parameters.rho), parameters.clone(), ctx)?,
    };
    let score = Weighting::new(&point, &point.weights()).score(ctx);
    let unit = shrinkage.penalty.threshold(1.0) * rows.n() as f64;
    let entering = score.iter().zip(&shrinkage.factors).filter(|(_, f)| **f > 0.0).map(|(s, f)| s.abs() / (f * unit));
    Ok((parameters, entering.fold(0.0, f64::max)))
}

/// `count` levels from the greatest down to a share of it, evenly on a logarithmic scale.
pub(crate) fn levels(greatest: f64, share: f64, count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|k| greatest * share.powf(k as f64 / last)).collect()
}

/// Fits one level after another, each from the one before. It ends before the first level at which so many effects enter that the
/// likelihood has no maximum.
///
/// # Errors
/// Those of the fits.
pub(crate) fn trace_path(
    rows: &Arc<Rows>,
    settings: &Settings,
    shrinkage: &Shrinkage,
    lambdas: &[f64],
    start: Parameters,
    by_conjugate: bool,
    ctx: &mut Context,
) -> Result<Vec<Step>> {
    let (mut steps, mut now) = (Vec::with_capacity(lambdas.len()), start);
    for (place, &lambda) in lambdas.iter().enumerate() {
        ctx.tick(place as u64, lambdas.len() as u64, &[("lambda", lambda)])?;
        let at_level = Settings { shrinkage: Some(Shrinkage { lambda, ..shrinkage.clone() }), ..settings.clone() };
        let fit = solve(rows, &at_level, now, by_conjugate, ctx)?;
        if fit.saturated {
            break;
        }
        now = fit.point.parameters.clone();
        let selected = shrinkage.selected(&now.beta);
        let log_likelihood = fit.log_likelihood();
        steps.push(Step { lambda, parameters: now.clone(), log_likelihood, selected, iterations: fit.iterations, status: fit.status });
    }
    Ok(steps)
}

/// Fits at the level of the settings: by way of a few greater levels from the model of the free columns, so that a bent penalty ends in the
/// same minimum as a path; without a penalty from the start of [`Ecme::start`].
///
/// # Errors
/// Those of the fits.
pub(crate) fn fit(rows: &Arc<Rows>, settings: &Settings, by_conjugate: bool, ctx: &mut Context) -> Result<Fit> {
    const LEVELS: usize = 8;
    let start = match &settings.shrinkage {
        None => Ecme::new(Arc::clone(rows), settings).start(ctx)?,
        Some(shrinkage) => {
            let (null, greatest) = null_fit(rows, settings, shrinkage, ctx)?;
            let share = (shrinkage.lambda / greatest).min(1.0);
            let before: Vec<f64> = levels(greatest, share, LEVELS).into_iter().take(LEVELS - 1).filter(|l| *l < greatest).collect();
            trace_path(rows, settings, shrinkage, &before, null.clone(), by_conjugate, ctx)?.pop().map_or(null, |step| step.parameters)
        }
    };
    let fit = solve(rows, settings, start, by_conjugate, ctx)?;
    if fit.saturated {
        let selected = settings.shrinkage.as_ref().map_or(0, |s| s.selected(&fit.point.parameters.beta));
        let message = format!("at this level of the penalty {selected} effects enter for {} rows: the likelihood has no maximum", rows.n());
        return Err(Error::input(message).hint("raise lam"));
    }
    Ok(fit)
}

/// The algorithm that the settings ask for.
fn solve(rows: &Arc<Rows>, settings: &Settings, start: Parameters, by_conjugate: bool, ctx: &mut Context) -> Result<Fit> {
    if settings.by_observation {
        variational(rows, settings, start, ctx)
    } else if by_conjugate {
        conjugate(Arc::clone(rows), settings, start, ctx)
    } else {
        let fit = Ecme::new(Arc::clone(rows), settings).run(start, ctx)?;
        if fit.is_stuck(settings) { turned(rows, settings, fit, ctx) } else { Ok(fit) }
    }
}

/// Conjugate gradient from where ECME has ended: it can turn a singular scatter of the random effects.
fn turned(rows: &Arc<Rows>, settings: &Settings, fit: Fit, ctx: &mut Context) -> Result<Fit> {
    let further = conjugate(Arc::clone(rows), settings, fit.point.parameters.clone(), ctx)?;
    if further.objective <= fit.objective {
        return Ok(fit);
    }
    let (iterations, passes) = (fit.iterations + further.iterations, fit.passes + further.passes);
    Ok(Fit { iterations, passes, history: [fit.history, further.history].concat(), ..further })
}
