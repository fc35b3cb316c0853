//! Cross-validation of the level.

use super::algorithm::{Level, Levels, solve};
use super::data::Data;
use super::model::{SparseModel, history, least_ebic};
use super::params::{ChoiceRule, Family, Grid, Sparse, SparseCv};
use super::prepare::Prepared;
use elinvar_core::{Checked, Context, Error, Fitted, Result};
use elinvar_math::statistics::{mean, variance};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Held-out loss by level.
#[derive(Clone, Debug)]
pub struct CrossValidated {
    /// Levels.
    pub lambdas: Vec<f64>,
    /// Mean held-out loss over the folds, by level.
    pub loss: Vec<f64>,
    /// Its standard error.
    pub loss_se: Vec<f64>,
    /// Level of the least mean.
    pub min: f64,
    /// Greatest level within one standard error of it.
    pub one_se: f64,
}

impl SparseCv {
    /// Cross-validates the level, and fits all rows at the one that the rule chooses.
    ///
    /// # Errors
    /// As [`Sparse::fit`]; more folds than rows.
    pub fn fit(&self, data: &Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
        cross_validate(&Checked::new(self.clone())?, data, ctx)
    }
}

pub(super) fn cross_validate(params: &Checked<SparseCv>, data: &Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
    let model = Checked::new(params.model())?;
    let prepared = Prepared::new(&model, data, ctx)?;
    let levels = solve(&model, &prepared, &Levels::Grid(params.grid()), ctx)?;
    let lambdas: Vec<f64> = levels.iter().map(|l| l.lam).collect();
    if params.cv > data.y.len() {
        return Err(Error::parameter("cv", format!("at most the number of rows, {}", data.y.len()), params.cv));
    }
    let folds = folds(params, data, ctx);
    let jobs: Vec<usize> = (0..params.cv).collect();
    let one = |&fold: &usize| -> Result<Vec<f64>> {
        let mut inner = ctx.child(ctx.seed(), 1);
        held_out(&model, data, &folds, fold, &lambdas, &mut inner)
    };
    let losses = ctx.install(|| jobs.par_iter().map(one).collect::<Result<Vec<_>>>())?;
    let of = |k: usize| losses.iter().map(|fold| fold[k]).collect::<Vec<f64>>();
    let means: Vec<f64> = (0..lambdas.len()).map(|k| mean(&of(k))).collect();
    let errors: Vec<f64> = (0..lambdas.len()).map(|k| (variance(&of(k)) / params.cv as f64).sqrt()).collect();
    if let Some(k) = (0..means.len()).find(|&k| !means[k].is_finite() || !errors[k].is_finite()) {
        let message = format!("the held-out loss at lambda {:e} is not finite", lambdas[k]);
        return Err(Error::numeric(message).hint("scale X and y down"));
    }
    let least = (0..means.len()).fold(0, |best, k| if means[k] < means[best] { k } else { best });
    let within = (0..means.len()).find(|&k| means[k] <= means[least] + errors[least]).unwrap_or(least);
    let chosen = match params.rule {
        ChoiceRule::Min => least,
        ChoiceRule::OneStandardError => within,
        ChoiceRule::Ebic => least_ebic(&levels)?,
    };
    let found = CrossValidated { min: lambdas[least], one_se: lambdas[within], lambdas, loss: means, loss_se: errors };
    let fitted = SparseModel::of(params.family, data, &levels[chosen]).with_choice(&found);
    Ok(Fitted { model: fitted, status: levels[chosen].status, trace: history(&levels[chosen])? })
}

/// The fold of each row; the classes of a binary outcome are spread evenly.
fn folds(params: &SparseCv, data: &Data<'_>, ctx: &Context) -> Vec<usize> {
    let mut random = ctx.stream(&[("folds", 0)]);
    let mut rows: Vec<usize> = (0..data.y.len()).collect();
    rows.shuffle(&mut random);
    if params.family == Family::Binomial {
        rows.sort_by(|&a, &b| data.y[a].total_cmp(&data.y[b]));
    }
    let mut fold = vec![0; rows.len()];
    rows.iter().enumerate().for_each(|(k, &row)| fold[row] = k % params.cv);
    fold
}

/// Mean loss of the held-out rows at every level: half the squared error, or the logistic loss.
fn held_out(
    params: &Checked<Sparse>,
    data: &Data<'_>,
    folds: &[usize],
    fold: usize,
    lambdas: &[f64],
    ctx: &mut Context,
) -> Result<Vec<f64>> {
    let (held, train): (Vec<usize>, Vec<usize>) = (0..folds.len()).partition(|&i| folds[i] == fold);
    let prepared = Prepared::new(params, &data.take(&train)?, ctx)?;
    let grid = Grid { count: lambdas.len(), ratio: None, given: Some(lambdas) };
    let levels = solve(params, &prepared, &Levels::Grid(grid), ctx)?;
    let test = data.take(&held)?;
    let weights = test.sample_weight.as_ref().map_or_else(|| vec![1.0; held.len()], |w| w.to_vec());
    let total: f64 = weights.iter().sum();
    let loss = |level: &Level| {
        let eta = test.x.predict(&level.coefficients, level.intercept);
        let one = |((eta, y), w): ((&f64, &f64), &f64)| {
            w * match params.family {
                Family::Gaussian => 0.5 * (y - eta).powi(2),
                Family::Binomial => eta.max(0.0) + (-eta.abs()).exp().ln_1p() - y * eta,
            }
        };
        let sum: f64 = eta.iter().zip(&test.y).zip(&weights).map(one).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    };
    Ok(levels.iter().map(loss).collect())
}
