//! The path of penalty levels as a user sees it, and the level to choose.

use super::algorithm::{Rows, Shrinkage, Step, levels, null_fit, trace_path};
use super::design::{Data, Design};
use super::model::rows;
use super::params::{Select, SelectionPath, Solver};
use super::summary::text;
use elinvar_core::{Checked, Column, Context, Error, Result, Status, Table};
use elinvar_math::statistics::median;
use ndarray::{Array2, ArrayView1};
use rand::seq::SliceRandom;
use std::sync::Arc;

/// Models at every level of a path.
#[derive(Clone, Debug)]
pub struct Path {
    /// One row a level: lam, selected, loglik, nu, scale, ebic, mae (with cross-validation), iterations, converged.
    pub table: Table,
    /// Names of the fixed effects (p).
    pub names: Vec<String>,
    /// Fixed effects at every level (levels, p).
    pub coefficients: Array2<f64>,
    /// The level that was chosen.
    pub selected: f64,
    /// Name and estimate of the effects that are not zero there.
    pub effects: Table,
}

impl SelectionPath {
    /// Fits the path.
    ///
    /// # Errors
    /// As [`super::TsallisMixedModel::fit`].
    pub fn run(&self, data: &Data, ctx: &mut Context) -> Result<Path> {
        path(&Checked::new(self.clone())?, data, ctx)
    }
}

pub(super) fn path(params: &Checked<SelectionPath>, data: &Data, ctx: &mut Context) -> Result<Path> {
    let model = params.model();
    let prepared = Design::learn(&model, data)?;
    let rows = rows(&model, &prepared, true)?;
    let penalty = model.shape()?.ok_or_else(|| Error::internal("a path has a penalty"))?;
    let shrinkage = Shrinkage { penalty, lambda: 0.0, factors: model.factors(&prepared.design)? };
    let settings = model.settings(None);
    let (start, greatest) = null_fit(&rows, &settings, &shrinkage, ctx)?;
    if !(greatest > 0.0) {
        return Err(Error::input("no column of the fixed effects is penalised and varies").hint("shorten unpenalized"));
    }
    let mut lambdas = params.lambdas.clone().unwrap_or_else(|| levels(greatest, params.lambda_ratio, params.n_lambdas));
    lambdas.sort_by(|a, b| b.total_cmp(a));
    let conjugate = model.solver == Solver::Pncg;
    let steps = trace_path(&rows, &settings, &shrinkage, &lambdas, start, conjugate, ctx)?;
    let Some(last) = steps.last().map(|step| step.lambda) else {
        return Err(
            Error::input("at the greatest level so many effects enter that the likelihood has no maximum").hint("give greater lambdas")
        );
    };
    if steps.len() < lambdas.len() {
        ctx.warn(format!("the path ends at {last:.4}: below it so many effects enter that the likelihood has no maximum"));
    }
    let penalised = shrinkage.factors.iter().filter(|f| **f > 0.0).count();
    let criterion: Vec<f64> = steps.iter().map(|step| ebic(step, rows.n(), penalised)).collect();
    let errors = match params.select {
        Select::Ebic => None,
        Select::Cv => {
            let fit = |rows: &Arc<Rows>, ctx: &mut Context| {
                let (start, _) = null_fit(rows, &settings, &shrinkage, ctx)?;
                trace_path(rows, &settings, &shrinkage, &lambdas, start, conjugate, ctx)
            };
            Some(cross_validated(&rows, params.cv, steps.len(), fit, ctx)?)
        }
    };
    let best = least(errors.as_ref().unwrap_or(&criterion));
    described(&prepared.design.fixed_names(), &steps, criterion, errors, best)
}

/// Extended Bayesian information criterion with weight 1/2: `-2 l + k ln N + k ln p`.
pub(super) fn ebic(step: &Step, rows: usize, penalised: usize) -> f64 {
    let k = step.selected as f64;
    -2.0 * step.log_likelihood + k * (rows as f64).ln() + k * (penalised.max(1) as f64).ln()
}

/// Place of the least value; the first of equals, which is the sparser model.
fn least(values: &[f64]) -> usize {
    values.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(place, _)| place)
}

/// Median absolute error of `X beta` at every level, on groups that were left out.
fn cross_validated(
    rows: &Arc<Rows>,
    folds: usize,
    count: usize,
    fit: impl Fn(&Arc<Rows>, &mut Context) -> Result<Vec<Step>>,
    ctx: &mut Context,
) -> Result<Vec<f64>> {
    let groups = rows.groups();
    if folds > groups {
        return Err(Error::parameter("cv", format!("at most the number of groups, {groups}"), folds));
    }
    let mut order: Vec<usize> = (0..groups).collect();
    order.shuffle(&mut ctx.stream(&[("folds", 0)]));
    let mut errors = vec![Vec::with_capacity(rows.n()); count];
    for fold in 0..folds {
        let part = |held: bool| order.iter().enumerate().filter(|(i, _)| (i % folds == fold) == held).map(|(_, &g)| g).collect::<Vec<_>>();
        let (train, test) = (Arc::new(rows.select(&part(false))), rows.select(&part(true)));
        for (errors, step) in errors.iter_mut().zip(fit(&train, ctx)?) {
            errors.extend(test.residuals(&step.parameters.beta).into_iter().map(f64::abs));
        }
    }
    // A level that a fold did not reach cannot be chosen.
    errors.iter().map(|errors| if errors.len() == rows.n() { median(errors) } else { Ok(f64::NAN) }).collect()
}

fn described(names: &[String], steps: &[Step], criterion: Vec<f64>, errors: Option<Vec<f64>>, best: usize) -> Result<Path> {
    let numbers = |value: &dyn Fn(&Step) -> f64| Column::Number(steps.iter().map(value).collect());
    let mut table = Table::new()
        .with("lam", numbers(&|s| s.lambda))?
        .with("selected", Column::Integer(steps.iter().map(|s| s.selected as i64).collect()))?
        .with("loglik", numbers(&|s| s.log_likelihood))?
        .with("nu", numbers(&|s| s.parameters.nu))?
        .with("scale", numbers(&|s| s.parameters.sigma2))?
        .with("ebic", Column::Number(criterion))?;
    if let Some(errors) = errors {
        table.push("mae", Column::Number(errors))?;
    }
    let table = table
        .with("iterations", Column::Integer(steps.iter().map(|s| s.iterations as i64).collect()))?
        .with("converged", Column::Bool(steps.iter().map(|s| s.status == Status::Converged).collect()))?;
    let mut coefficients = Array2::zeros((steps.len(), names.len()));
    for (mut row, step) in coefficients.rows_mut().into_iter().zip(steps) {
        row.assign(&ArrayView1::from(&step.parameters.beta));
    }
    let kept: Vec<usize> = (0..names.len()).filter(|&j| coefficients[[best, j]] != 0.0).collect();
    let effects = Table::new()
        .with("name", text(&kept.iter().map(|&j| names[j].as_str()).collect::<Vec<_>>()))?
        .with("estimate", Column::Number(kept.iter().map(|&j| coefficients[[best, j]]).collect()))?;
    Ok(Path { table, names: names.to_vec(), coefficients, selected: steps.get(best).map_or(0.0, |s| s.lambda), effects })
}
