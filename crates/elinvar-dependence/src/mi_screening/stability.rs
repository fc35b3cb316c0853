//! Bandwidths by the stability of the ranking, and the combination of estimators.

use super::params::{Bandwidth, BandwidthChoice, Combination, Estimator, MutualInfoScreener};
use super::screen::{Screening, ranking};
use elinvar_core::{Context, Result};
use elinvar_math::statistics::{mean, spearman};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rand::seq::SliceRandom;

/// Mean rank correlation between disjoint halves of the rows for each bandwidth, and the bandwidth with the largest.
#[derive(Clone, Debug, PartialEq)]
pub struct Stability {
    /// Spearman's correlation between the scores of two halves, mean over the splits, for each bandwidth.
    pub stability: Vec<f64>,
    /// The bandwidth whose ranking is the most stable.
    pub bandwidth: f64,
}

/// Compares bandwidths by how well the scores of one half of the rows agree with those of the other.
///
/// `block` is (columns, rows), `y` (rows,).
///
/// # Errors
/// As [`Screening::new`] and [`Screening::score`], on either half.
pub fn choose_bandwidth(
    params: &BandwidthChoice,
    block: ArrayView2<'_, f64>,
    y: ArrayView1<'_, f64>,
    name: &(dyn Fn(usize) -> String + Sync),
    ctx: &mut Context,
) -> Result<Stability> {
    let steps = (params.bandwidths.len() * params.n_splits) as u64;
    let mut stability = Vec::new();
    for &h in &params.bandwidths {
        let screener = MutualInfoScreener {
            bandwidth: Bandwidth::Fixed(h),
            kernel: params.kernel,
            grid_size: params.grid_size,
            outcome: params.outcome,
            ..MutualInfoScreener::default()
        };
        let mut correlations = Vec::new();
        for split in 0..params.n_splits {
            let halves = halves(y.len(), split, ctx);
            let scores = halves.map(|rows| half_scores(&screener, block, y, &rows, name, ctx));
            let [first, second] = scores;
            correlations.push(spearman(&first?, &second?)?);
            ctx.tick((stability.len() * params.n_splits + split + 1) as u64, steps, &[("bandwidth", h)])?;
        }
        stability.push(mean(&correlations));
    }
    let best = ranking(&stability)[0];
    Ok(Stability { bandwidth: params.bandwidths[best], stability })
}

fn half_scores(
    params: &MutualInfoScreener,
    block: ArrayView2<'_, f64>,
    y: ArrayView1<'_, f64>,
    rows: &[usize],
    name: &(dyn Fn(usize) -> String + Sync),
    ctx: &Context,
) -> Result<Vec<f64>> {
    let y: Array1<f64> = y.select(Axis(0), rows);
    let scores = Screening::new(params, y.view(), ctx)?.score(block.select(Axis(1), rows).view(), 0, name, ctx)?.scores;
    // A variable without values in one half has no rank there: last.
    Ok(scores.into_iter().map(|s| if s.is_nan() { -1.0 } else { s }).collect())
}

fn halves(n: usize, split: usize, ctx: &Context) -> [Vec<usize>; 2] {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut ctx.stream(&[("halves", split as u64)]));
    let second = rows.split_off(n / 2);
    [rows, second]
}

/// Borda points: the number of variables that each beats, added over the estimators.
///
/// # Errors
/// As [`Screening::new`] and [`Screening::score`].
pub fn borda(
    params: &Combination,
    block: ArrayView2<'_, f64>,
    y: ArrayView1<'_, f64>,
    name: &(dyn Fn(usize) -> String + Sync),
    ctx: &mut Context,
) -> Result<Vec<f64>> {
    let mut points = vec![0.0; block.nrows()];
    for (step, &estimator) in params.estimators.iter().enumerate() {
        for (place, j) in ranking(&scores_by(estimator, params, block, y, name, ctx)?).into_iter().enumerate() {
            points[j] += (block.nrows() - 1 - place) as f64;
        }
        ctx.tick(step as u64 + 1, params.estimators.len() as u64, &[])?;
    }
    Ok(points)
}

fn scores_by(
    estimator: Estimator,
    params: &Combination,
    block: ArrayView2<'_, f64>,
    y: ArrayView1<'_, f64>,
    name: &(dyn Fn(usize) -> String + Sync),
    ctx: &Context,
) -> Result<Vec<f64>> {
    let screener = MutualInfoScreener { estimator, outcome: params.outcome, ..MutualInfoScreener::default() };
    Ok(Screening::new(&screener, y, ctx)?.score(block, 0, name, ctx)?.scores)
}
