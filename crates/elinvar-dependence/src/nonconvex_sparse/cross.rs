//! Cross-validation of the level.

use super::algorithm::{Level, Levels, solve};
use super::data::Data;
use super::model::{SparseModel, history, least_ebic};
use super::params::{ChoiceRule, Family, Folds, Grid, Sparse, SparseCv};
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
    let folds = match &params.cv {
        Folds::Number(count) => drawn(*count, params.family, data, ctx)?,
        Folds::Splits(splits) => given(splits, data.y.len())?,
    };
    let one = |fold: &Fold| -> Result<Vec<f64>> {
        let mut inner = ctx.child(ctx.seed(), 1);
        held_out(&model, data, fold, &lambdas, &mut inner)
    };
    let losses = ctx.install(|| folds.par_iter().map(one).collect::<Result<Vec<_>>>())?;
    let of = |k: usize| losses.iter().map(|fold| fold[k]).collect::<Vec<f64>>();
    let means: Vec<f64> = (0..lambdas.len()).map(|k| mean(&of(k))).collect();
    let errors: Vec<f64> = (0..lambdas.len()).map(|k| (variance(&of(k)) / folds.len() as f64).sqrt()).collect();
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

/// Positions of the rows to fit and of those to judge by.
struct Fold {
    train: Vec<usize>,
    held: Vec<usize>,
}

/// Folds drawn at random; the classes of a binary outcome are spread evenly.
fn drawn(count: usize, family: Family, data: &Data<'_>, ctx: &Context) -> Result<Vec<Fold>> {
    let n = data.y.len();
    if count > n {
        return Err(Error::parameter("cv", format!("at most the number of rows, {n}"), count));
    }
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut ctx.stream(&[("folds", 0)]));
    if family == Family::Binomial {
        rows.sort_by(|&a, &b| data.y[a].total_cmp(&data.y[b]));
    }
    let mut fold_of = vec![0; n];
    rows.iter().enumerate().for_each(|(k, &row)| fold_of[row] = k % count);
    let fold = |fold: usize| {
        let (held, train) = (0..n).partition(|&row| fold_of[row] == fold);
        Fold { train, held }
    };
    Ok((0..count).map(fold).collect())
}

/// The user's own folds.
fn given(splits: &[Vec<Vec<usize>>], n: usize) -> Result<Vec<Fold>> {
    if let Some(row) = splits.iter().flatten().flatten().find(|row| **row >= n) {
        return Err(Error::parameter("cv", format!("rows from 0 to {}", n - 1), format!("row {row}")));
    }
    let fold = |split: &Vec<Vec<usize>>| match split.as_slice() {
        [train, held] => Ok(Fold { train: train.clone(), held: held.clone() }),
        _ => Err(Error::internal("folds are checked to be pairs")),
    };
    splits.iter().map(fold).collect()
}

/// Mean loss of the held-out rows at every level: half the squared error, or the logistic loss.
fn held_out(params: &Checked<Sparse>, data: &Data<'_>, fold: &Fold, lambdas: &[f64], ctx: &mut Context) -> Result<Vec<f64>> {
    let prepared = Prepared::new(params, &data.take(&fold.train)?, ctx)?;
    let grid = Grid { count: lambdas.len(), ratio: None, given: Some(lambdas) };
    let levels = solve(params, &prepared, &Levels::Grid(grid), ctx)?;
    let test = data.take(&fold.held)?;
    let weights = test.sample_weight.as_ref().map_or_else(|| vec![1.0; fold.held.len()], |w| w.to_vec());
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
