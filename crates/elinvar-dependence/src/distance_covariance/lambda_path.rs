//! The frontier between accuracy and fairness over a grid of penalty weights, by cross-validation.

use super::algorithm::Settings;
use super::encode::Encoder;
use super::measures::statistic;
use super::metrics::{jensen_shannon, joint_labels, rps_poisson, squared_error, unfairness};
use super::model::{Data, fit};
use super::params::{Bandwidth, LambdaPath, Loss, Measure};
use super::path::{first_below, knee};
use elinvar_core::{Checked, Column, Context, Error, Result, Table};
use elinvar_data::design::Design;
use ndarray::{Array1, ArrayView1, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Bins of continuous attributes when groups are formed.
const BINS: usize = 5;

/// A path with the weights that it recommends.
#[derive(Clone, Debug)]
pub struct Path {
    /// One row a weight: lam, then mean and standard deviation of loss, rps, jsd, uf, ccdcov, jdcov over folds and seeds.
    pub table: Table,
    /// The weight at the knee of (JSD, RPS).
    pub knee: f64,
    /// The least weight whose JSD is at most the target, or the knee where none was asked for.
    pub selected: f64,
}

const FIGURES: [&str; 6] = ["loss", "rps", "jsd", "uf", "ccdcov", "jdcov"];

pub(super) fn path(params: &Checked<LambdaPath>, data: &Data, protected: &Table, ctx: &mut Context) -> Result<Path> {
    let mut lambdas = params.lambdas.clone();
    lambdas.sort_by(f64::total_cmp);
    lambdas.dedup();
    check_lengths(data, protected)?;
    let n = data.y.len();
    if data.x.n_rows() != n || protected.n_rows() != n {
        return Err(Error::input(format!(
            "X, y and protected must have the same rows, got {}, {n} and {}",
            data.x.n_rows(),
            protected.n_rows()
        )));
    }
    if n < 8 {
        return Err(Error::input(format!("a path needs at least 8 rows, got {n}")));
    }
    let folds = folds(n, params.cv.min(n), params.n_seeds, ctx);
    let jobs: Vec<(usize, usize)> = (0..lambdas.len()).flat_map(|l| (0..folds.len()).map(move |f| (l, f))).collect();
    let one = |&(l, f): &(usize, usize)| -> Result<[f64; 6]> {
        let (seed, held) = &folds[f];
        let mut inner = ctx.child(ctx.seed().wrapping_add(*seed), 1);
        evaluate(params, lambdas[l], data, protected, held, &mut inner)
    };
    let figures = ctx.install(|| jobs.par_iter().map(one).collect::<Result<Vec<_>>>())?;
    let of = |l: usize, figure: usize| (0..folds.len()).map(|f| figures[l * folds.len() + f][figure]).collect::<Vec<f64>>();
    let mut table = Table::new().with("lam", Column::Number(lambdas.clone()))?;
    for (k, name) in FIGURES.iter().enumerate() {
        let means = (0..lambdas.len()).map(|l| super::metrics::mean(&of(l, k))).collect();
        let deviations = (0..lambdas.len()).map(|l| super::metrics::variance(&of(l, k)).sqrt()).collect();
        table = table.with(*name, Column::Number(means))?.with(format!("{name}_sd"), Column::Number(deviations))?;
    }
    let (jsd, rps) = (table.numbers("jsd")?.to_vec(), table.numbers("rps")?.to_vec());
    let knee = lambdas[knee(&jsd, &rps)];
    let selected = match params.target_jsd {
        None => knee,
        Some(target) => match first_below(&jsd, target) {
            Some(l) => lambdas[l],
            None => {
                ctx.warn(format!(
                    "no weight reaches a JSD of {target}: the least is {:.3e}; the largest weight is selected",
                    jsd[jsd.len() - 1]
                ));
                lambdas[lambdas.len() - 1]
            }
        },
    };
    Ok(Path { table, knee, selected })
}

/// Rows are taken by number from all of these.
fn check_lengths(data: &Data, protected: &Table) -> Result<()> {
    let n = data.x.n_rows();
    if n < 2 {
        return Err(Error::input(format!("X must have at least 2 rows to be cross-validated, got {n}")));
    }
    let lengths = [
        ("y", Some(data.y.len())),
        ("protected", Some(protected.n_rows())),
        ("exposure", data.exposure.as_ref().map(Array1::len)),
        ("sample_weight", data.sample_weight.as_ref().map(Array1::len)),
    ];
    match lengths.into_iter().find_map(|(name, length)| length.filter(|&length| length != n).map(|length| (name, length))) {
        Some((name, length)) => Err(Error::input(format!("{name} must have {n} rows like X, got {length}"))),
        None => Ok(()),
    }
}

/// Held-out rows of every fold of every repetition.
fn folds(n: usize, cv: usize, seeds: usize, ctx: &Context) -> Vec<(u64, Vec<usize>)> {
    let mut folds = Vec::new();
    for seed in 0..seeds as u64 {
        let mut rows: Vec<usize> = (0..n).collect();
        rows.shuffle(&mut ctx.stream(&[("folds", seed)]));
        folds.extend((0..cv).map(|f| (seed, rows.iter().copied().skip(f).step_by(cv).collect())));
    }
    folds
}

fn evaluate(params: &LambdaPath, lam: f64, data: &Data, protected: &Table, held: &[usize], ctx: &mut Context) -> Result<[f64; 6]> {
    let mut out = vec![true; data.y.len()];
    held.iter().for_each(|&i| out[i] = false);
    let train: Vec<usize> = (0..out.len()).filter(|&i| out[i]).collect();
    let model = fit(&Checked::new(params.at(lam))?, &take(data, &train), ctx)?.model;
    let test = take(data, held);
    let score = model.predict(&test.x, test.exposure.as_ref())?;
    let figures = figures(params.loss, score.view(), test.y.view(), protected, held, params.c, ctx)?;
    let loss = match params.loss {
        Loss::Poisson => super::metrics::poisson_deviance(score.view(), test.y.view()),
        _ => figures[0],
    };
    Ok([loss, figures[0], figures[1], figures[2], figures[3], figures[4]])
}

/// RPS, JSD, UF, CCdCov² and JdCov² of a score on some rows.
pub(super) fn figures(
    loss: Loss,
    score: ArrayView1<'_, f64>,
    y: ArrayView1<'_, f64>,
    protected: &Table,
    rows: &[usize],
    c: f64,
    ctx: &Context,
) -> Result<[f64; 5]> {
    let encoder = Encoder::fit(protected, &Default::default())?;
    let labels: Vec<Vec<String>> =
        encoder.labels(protected, BINS)?.into_iter().map(|l| rows.iter().map(|&i| l[i].clone()).collect()).collect();
    let joint = joint_labels(&labels);
    let encoded = encoder.encode(&protected.take(rows))?;
    let value = |measure| statistic(score, &encoded, &Settings { measure, c, ..Settings::default() }, ctx);
    let rps = if loss == Loss::Poisson { rps_poisson(score, y) } else { squared_error(score, y) };
    let jsd = jensen_shannon(score, &joint, Bandwidth::Fixed);
    Ok([rps, jsd, unfairness(score, &joint), value(Measure::Ccdcov)?, value(Measure::Jdcov)?])
}

fn take(data: &Data, rows: &[usize]) -> Data {
    let pick = |v: &Array1<f64>| v.select(Axis(0), rows);
    Data {
        x: match &data.x {
            Design::Matrix(m) => Design::Matrix(m.select(Axis(0), rows)),
            Design::Table(t) => Design::Table(t.take(rows)),
        },
        y: pick(&data.y),
        protected: data.protected.as_ref().map(|t| t.take(rows)),
        exposure: data.exposure.as_ref().map(pick),
        sample_weight: data.sample_weight.as_ref().map(pick),
    }
}
