//! MG-1 to MG-4: maps between known pairs, and the bounds of the entropic gap.

use super::super::algorithm::{entropic_gap, exact_gap};
use super::super::data::{ToyPair, moons_to_s_curve};
use super::super::metrics::{crossing_share, total_variance, unexplained_variance};
use super::super::model::{TransportMap, fit, widen};
use super::super::params::{CostName, MongeGapMap};
use super::Trial;
use elinvar_core::reproduction::Metrics;
use elinvar_core::{Checked, Context, Result};
use elinvar_math::statistics::spearman;
use elinvar_math::transport::{Cost, SinkhornSettings, sinkhorn_divergence};
use ndarray::{Array2, ArrayView2, Axis as NdAxis, Slice};
use rand_distr::{Distribution, StandardNormal};

fn params(trial: &Trial, cost: CostName, batch_size: usize) -> Result<Checked<MongeGapMap>> {
    Checked::new(MongeGapMap {
        cost,
        lambda_mg: trial.lambda.into(),
        eps_fit_rel: 0.05,
        num_iters: trial.steps,
        batch_size,
        learning_rate: 2e-3,
        final_rate: 0.05,
        sinkhorn_max_iter: 100,
        ..MongeGapMap::default()
    })
}

fn single(points: &Array2<f64>) -> Array2<f32> {
    points.mapv(|v| v as f32)
}

fn first(points: ArrayView2<'_, f64>, count: usize) -> Array2<f64> {
    points.slice_axis(NdAxis(0), Slice::from(..count.min(points.nrows()))).to_owned()
}

/// The moon's points come in order along the arc: half of them must be spread over it.
fn every_other(points: &Array2<f64>) -> Array2<f64> {
    points.select(NdAxis(0), &(0..points.nrows()).step_by(2).collect::<Vec<_>>())
}

/// Divergence of mapped and target points at 0.05 of the mean squared distance within the target.
fn divergence(mapped: ArrayView2<'_, f64>, target: ArrayView2<'_, f64>, ctx: &Context) -> Result<f64> {
    let epsilon = 0.05 * Cost::SquaredEuclidean.mean(target, target);
    let settings = SinkhornSettings::new(epsilon).with_threshold(1e-4, 2000);
    Ok(sinkhorn_divergence(mapped, target, &Cost::SquaredEuclidean, &settings, ctx)?.value)
}

fn images(map: &TransportMap, points: &Array2<f64>) -> Result<Array2<f64>> {
    Ok(widen(map.transport(single(points).view())?.view()))
}

pub(super) fn run_toy(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let pair = ToyPair::new(trial.d, ctx)?;
    let source = pair.source(4096, 0, ctx);
    let target = pair.transport(pair.source(4096, 1, ctx).view())?;
    let fitted = fit(&params(trial, CostName::Sqeuclidean, 128)?, single(&source).view(), single(&target).view(), None, ctx)?;
    let test = pair.source(4096, 2, ctx);
    let (mapped, optimal) = (images(&fitted.model, &test)?, pair.transport(test.view())?);
    let uvp = unexplained_variance(mapped.view(), optimal.view(), total_variance(optimal.view())?)?;
    let fresh = pair.transport(pair.source(1024, 3, ctx).view())?;
    Ok(Metrics::new().with("uvp", uvp).with("divergence", divergence(first(mapped.view(), 1024).view(), fresh.view(), ctx)?))
}

pub(super) fn run_moons(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let (source, target) = moons_to_s_curve(2048, ctx);
    let fitted = fit(&params(trial, CostName::Euclidean, 128)?, single(&source).view(), single(&target).view(), None, ctx)?;
    let spread: Vec<usize> = (0..256).map(|i| i * source.nrows() / 256).collect();
    let points = source.select(NdAxis(0), &spread);
    let mapped = images(&fitted.model, &points)?;
    let gap = exact_gap(points.view(), mapped.view(), &Cost::Euclidean, ctx)?.value;
    let all = images(&fitted.model, &source)?;
    let shown = (0..256).step_by(4);
    let series = |matrix: &Array2<f64>, column: usize| shown.clone().map(|i| matrix[[i, column]]).collect::<Vec<f64>>();
    Ok(Metrics::new()
        .with("exact_gap", gap)
        .with("crossings", crossing_share(points.view(), mapped.view())?)
        .with("divergence", divergence(every_other(&all).view(), every_other(&target).view(), ctx)?)
        .with_series("x0", series(&points, 0))
        .with_series("x1", series(&points, 1))
        .with_series("y0", series(&mapped, 0))
        .with_series("y1", series(&mapped, 1)))
}

pub(super) fn run_bounds(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    const ROWS: usize = 24;
    let (mut exact, mut certificates, mut inside) = (Vec::new(), Vec::new(), 0);
    for map in 0..trial.steps as u64 {
        let (x, y) = random_map(ROWS, trial.d, map, ctx);
        let cost = Cost::SquaredEuclidean;
        let epsilon = 0.05 * cost.mean(x.view(), y.view());
        let settings = SinkhornSettings::new(epsilon).with_threshold(1e-9, 20_000);
        // The sabotaged study takes the entropic gap of another map.
        let other = if trial.study == "unpaired" { random_map(ROWS, trial.d, map + 10_000, ctx) } else { (x.clone(), y.clone()) };
        let gap = exact_gap(x.view(), y.view(), &cost, ctx)?.value;
        let entropic = entropic_gap(other.0.view(), other.1.view(), &cost, &settings, ctx)?.value;
        let blur = epsilon * (ROWS as f64).ln();
        // The threshold of Sinkhorn leaves this much room at either end.
        let slack = 1e-7 * (1.0 + entropic.abs());
        inside += usize::from(entropic >= gap + blur - slack && entropic <= gap + 2.0 * blur + slack);
        exact.push(gap);
        certificates.push(entropic - 1.5 * blur);
    }
    Ok(Metrics::new()
        .with("inside", inside as f64 / trial.steps as f64)
        .with("spearman", spearman(&exact, &certificates)?)
        .with_series("exact", exact)
        .with_series("certificate", certificates))
}

/// Gaussian points and an affine image with noise: some maps nearly optimal, some far from it.
fn random_map(rows: usize, d: usize, index: u64, ctx: &Context) -> (Array2<f64>, Array2<f64>) {
    let mut random = ctx.stream(&[("map", index)]);
    let mut normal = |shape: (usize, usize)| -> Array2<f64> { Array2::from_shape_simple_fn(shape, || StandardNormal.sample(&mut random)) };
    let (x, matrix, noise) = (normal((rows, d)), normal((d, d)), normal((rows, d)));
    let y = x.dot(&matrix) + noise * 0.3;
    (x, y)
}
