//! MG-6 and MG-7: one map a drug on single cells.

use super::super::baselines::{EntropicMap, Minimax, PointMap};
use super::super::data::{Cells, Split};
use super::super::metrics::{KERNEL_GAMMAS, kernel_discrepancy, signature_distance};
use super::super::model::{fit, widen};
use super::super::params::{Architecture, MongeGapMap};
use super::Trial;
use elinvar_core::reproduction::Metrics;
use elinvar_core::{Checked, Context, Kind, Result};
use elinvar_math::transport::{Cost, SinkhornSettings, sinkhorn_divergence};
use ndarray::{Array2, ArrayView2, Axis};

/// Most cells a side that the discrete problems (entropic map, metrics) see.
const CELLS: usize = 2048;

pub(super) fn run_cells(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    run_on(trial, &Cells::read_4i()?, ctx)
}

/// One drug, whose number is the trial's seed.
pub(super) fn run_on(trial: &Trial, cells: &Cells, ctx: &mut Context) -> Result<Metrics> {
    let (control, treated) = cells.pair(trial.seed as usize, ctx)?;
    match trial.study.as_str() {
        "ablation" => run_arm(trial, &control, &treated, ctx),
        _ => run_comparison(trial, &control, &treated, ctx),
    }
}

/// The network of the same group's work on conditional maps of cells, with Adam in place of AdamW.
fn network(trial: &Trial, lambda: f64) -> Result<Checked<MongeGapMap>> {
    let (arch, cons) = match trial.cons {
        Some(cons) => (Architecture::Structured, cons),
        None => (Architecture::Mlp, 0.0),
    };
    Checked::new(MongeGapMap {
        lambda_mg: lambda.into(),
        lambda_cons: cons,
        arch,
        hidden: vec![64; 4],
        batch_size: 256,
        num_iters: trial.steps,
        learning_rate: 1e-4,
        final_rate: 0.01,
        ..MongeGapMap::default()
    })
}

/// How far the images of held-out control cells are from held-out treated ones.
struct Score {
    divergence: f64,
    discrepancy: f64,
    signature: f64,
}

fn score(map: &dyn PointMap, control: &Split, treated: &Split, ctx: &Context) -> Result<Score> {
    let mapped = map.images(spread(&control.test).view())?;
    let target = spread(&treated.test);
    Ok(Score {
        divergence: divergence(mapped.view(), target.view(), ctx)?,
        discrepancy: kernel_discrepancy(mapped.view(), target.view(), &KERNEL_GAMMAS)?,
        signature: signature_distance(mapped.view(), target.view())?,
    })
}

/// Evenly spread rows (the splits are in random order), at most [`CELLS`].
fn spread(points: &Array2<f32>) -> Array2<f64> {
    let rows = points.nrows().min(CELLS);
    let picked: Vec<usize> = (0..rows).map(|i| i * points.nrows() / rows).collect();
    widen(points.select(Axis(0), &picked).view())
}

fn divergence(mapped: ArrayView2<'_, f64>, target: ArrayView2<'_, f64>, ctx: &Context) -> Result<f64> {
    let settings = SinkhornSettings::new(0.1).with_threshold(1e-3, 1000);
    Ok(sinkhorn_divergence(mapped, target, &Cost::SquaredEuclidean, &settings, ctx)?.value)
}

/// All maps of one drug, and whether ours is nearer to the treated cells than each of the others.
fn run_comparison(trial: &Trial, control: &Split, treated: &Split, ctx: &mut Context) -> Result<Metrics> {
    let (x, y) = (control.train.view(), treated.train.view());
    let ours = score(&fit(&network(trial, trial.lambda)?, x, y, None, ctx)?.model, control, treated, ctx)?;
    let mut metrics = add(Metrics::new(), "gap", &ours);
    for name in ["mlp", "icnn", "entropic"] {
        let map: Result<Box<dyn PointMap>> = match name {
            "mlp" => Ok(Box::new(fit(&network(trial, 0.0)?, x, y, None, ctx)?.model)),
            "icnn" => minimax(trial, x, y, ctx),
            _ => entropic(control, treated, ctx),
        };
        let other = map.and_then(|map| score(map.as_ref(), control, treated, ctx));
        let nearer = match &other {
            Ok(other) => ours.divergence < other.divergence,
            // A baseline that left the finite numbers has no map to compare with.
            Err(error) if error.kind() == Kind::Numeric => true,
            Err(error) => return Err(error.clone()),
        };
        metrics = metrics.with(&format!("below_{name}"), f64::from(u8::from(nearer)));
        if let Ok(other) = other {
            metrics = add(metrics, name, &other);
        }
    }
    Ok(metrics)
}

fn add(metrics: Metrics, name: &str, score: &Score) -> Metrics {
    metrics
        .with(&format!("divergence_{name}"), score.divergence)
        .with(&format!("mmd_{name}"), score.discrepancy)
        .with(&format!("signature_{name}"), score.signature)
}

fn minimax(trial: &Trial, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>, ctx: &mut Context) -> Result<Box<dyn PointMap>> {
    Ok(Box::new(Minimax { steps: trial.steps, ..Minimax::default() }.fit(x, y, ctx)?))
}

fn entropic(control: &Split, treated: &Split, ctx: &Context) -> Result<Box<dyn PointMap>> {
    let (x, y) = (spread(&control.train), spread(&treated.train));
    let epsilon = 0.05 * Cost::SquaredEuclidean.mean(x.view(), y.view());
    Ok(Box::new(EntropicMap::fit(x.view(), y.view(), &SinkhornSettings::new(epsilon).with_threshold(1e-3, 2000), ctx)?))
}

/// One structured network of the ablation.
fn run_arm(trial: &Trial, control: &Split, treated: &Split, ctx: &mut Context) -> Result<Metrics> {
    let map = fit(&network(trial, trial.lambda)?, control.train.view(), treated.train.view(), None, ctx)?.model;
    let Score { divergence, discrepancy, signature } = score(&map, control, treated, ctx)?;
    Ok(Metrics::new().with("divergence", divergence).with("mmd", discrepancy).with("signature", signature))
}
