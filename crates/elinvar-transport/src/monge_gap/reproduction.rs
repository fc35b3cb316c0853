//! The claims of the paper and the trials that decide them.

use super::algorithm::{entropic_gap, exact_gap};
use super::data::{ToyPair, moons_to_s_curve};
use super::metrics::{crossing_share, total_variance, unexplained_variance};
use super::model::{TransportMap, fit, widen};
use super::params::{CostName, MongeGapMap};
use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{Checked, Context, Error, Result};
use elinvar_math::statistics::spearman;
use elinvar_math::transport::{Cost, SinkhornSettings, sinkhorn_divergence};
use ndarray::{Array2, ArrayView2, Axis as NdAxis, Slice};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// One map fitted with one weight of the gap, or a set of random maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// `toy` (pair P(d)), `moons` or `bounds` (random maps).
    study: String,
    /// Dimension.
    d: usize,
    /// Weight of the gap.
    lambda: f64,
    /// Training steps, or random maps.
    steps: usize,
    seed: u64,
}

/// The study of this method.
pub struct MongeGapStudy;

fn toy(d: usize, lambda: f64) -> Cell {
    Cell::of("study", "toy").with("d", d).with("lambda", lambda)
}

fn moons(lambda: f64) -> Cell {
    Cell::of("study", "moons").with("lambda", lambda)
}

fn trials(study: &str, d: usize, lambdas: &[f64], steps: usize, seeds: u64) -> Vec<Trial> {
    let arm = |&lambda: &f64| (0..seeds).map(move |seed| Trial { study: study.to_owned(), d, lambda, steps, seed });
    lambdas.iter().flat_map(arm).collect()
}

impl Reproduction for MongeGapStudy {
    type Trial = Trial;
    const VERSION: u32 = 1;

    fn claims(&self) -> Vec<Claim> {
        const QUICK: &[Scale] = &[Scale::Quick, Scale::Paper];
        const ALL: &[Scale] = &[Scale::Tiny, Scale::Quick, Scale::Paper];
        let claim = |id, says, paper, source, scales, rules| Claim { id, says, paper, source, scales, rules, finding: "" };
        let bounds = || Cell::of("study", "bounds");
        vec![
            claim(
                "MG-1",
                "the gap brings the map nearer to the optimal one in the plane",
                PaperFigure::Qualitative("maps in the plane"),
                Source::Pilot,
                QUICK,
                vec![
                    Rule::ratio(
                        "median L2-UVP, with over without the gap",
                        "uvp",
                        toy(2, 1.0),
                        toy(2, 0.0),
                        Aggregate::Median,
                        Threshold::AtMost(0.6),
                    ),
                    Rule::holds("Sinkhorn divergence with the gap", "divergence", toy(2, 1.0), Aggregate::Every, Threshold::AtMost(0.05)),
                    Rule::holds("Sinkhorn divergence without", "divergence", toy(2, 0.0), Aggregate::Every, Threshold::AtMost(0.05)),
                ],
            ),
            claim(
                "MG-2",
                "and in moderate dimension",
                PaperFigure::Qualitative("the gap's network is best for d >= 16"),
                Source::Pilot,
                QUICK,
                vec![Rule::ratio(
                    "L2-UVP, with over without the gap",
                    "uvp",
                    toy(16, 5.0),
                    toy(16, 0.0),
                    Aggregate::Every,
                    Threshold::AtMost(0.75),
                )],
            ),
            claim(
                "MG-3",
                "the entropic gap is a usable certificate of the exact one",
                PaperFigure::Theorem("M + eps log n <= M_eps <= M + 2 eps log n"),
                Source::Theorem,
                ALL,
                vec![
                    Rule::holds("share of maps inside the bounds", "inside", bounds(), Aggregate::Every, Threshold::AtLeast(1.0)),
                    Rule::holds(
                        "rank correlation of M_eps - 1.5 eps log n with M",
                        "spearman",
                        bounds(),
                        Aggregate::Every,
                        Threshold::AtLeast(0.8),
                    ),
                ],
            ),
            claim(
                "MG-4",
                "the cost shapes the map: with the Euclidean gap paths do not cross",
                PaperFigure::Qualitative("displacement segments do not cross"),
                Source::Pilot,
                QUICK,
                vec![
                    Rule::ratio(
                        "exact gap, with over without",
                        "exact_gap",
                        moons(2.0),
                        moons(0.0),
                        Aggregate::Mean,
                        Threshold::AtMost(0.3),
                    ),
                    Rule::ratio(
                        "crossing pairs, with over without",
                        "crossings",
                        moons(2.0),
                        moons(0.0),
                        Aggregate::Mean,
                        Threshold::AtMost(0.6),
                    ),
                    Rule::holds("Sinkhorn divergence with the gap", "divergence", moons(2.0), Aggregate::Every, Threshold::AtMost(0.08)),
                ],
            ),
        ]
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        let bounds = |maps| trials("bounds", 3, &[0.0], maps, 1);
        match scale {
            Scale::Tiny => bounds(60),
            Scale::Quick => [
                trials("toy", 2, &[0.0, 1.0], 400, 3),
                trials("toy", 16, &[0.0, 5.0], 400, 3),
                trials("moons", 2, &[0.0, 2.0], 500, 3),
                bounds(120),
            ]
            .concat(),
            Scale::Paper => [
                trials("toy", 2, &[0.0, 1.0], 5000, 5),
                trials("toy", 16, &[0.0, 5.0], 5000, 5),
                trials("moons", 2, &[0.0, 2.0], 5000, 5),
                bounds(1000),
            ]
            .concat(),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        match trial.study.as_str() {
            "toy" => run_toy(trial, ctx),
            "moons" => run_moons(trial, ctx),
            "bounds" | "unpaired" => run_bounds(trial, ctx),
            other => Err(Error::input(format!("there is no study '{other}'"))),
        }
    }

    /// Without the gap's weight; for the bounds, a gap that is taken of another map.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        match trial.study.as_str() {
            "bounds" => Some(Trial { study: "unpaired".into(), ..trial.clone() }),
            _ => (trial.lambda > 0.0).then(|| Trial { lambda: 0.0, ..trial.clone() }),
        }
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        [displacement_figure(evidence), distance_figure(evidence), bounds_figure(evidence)].into_iter().flatten().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "The paper shows figures without tables; thresholds come from pilot runs of this project.",
            "The pair P(d) with a known optimal map is of this project.",
            "The comparisons with input-convex networks and on single cells (MG-5 to MG-7 of the plan) are not built yet.",
        ]
    }
}

fn params(trial: &Trial, cost: CostName, batch_size: usize) -> Result<Checked<MongeGapMap>> {
    Checked::new(MongeGapMap {
        cost,
        lambda_mg: trial.lambda,
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

fn run_toy(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
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

fn run_moons(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
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

fn run_bounds(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
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

fn displacement_figure(evidence: &Evidence) -> Option<Figure> {
    let panel = |title: &str, lambda: f64| {
        let cell = moons(lambda);
        let series = |name: &str| evidence.series(name, &cell);
        let (x0, x1, y0, y1) = (series("x0")?, series("x1")?, series("y0")?, series("y1")?);
        let points = |a: &[f64], b: &[f64]| a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>();
        let segments = Mark::Segments { label: "displacement".into(), from: points(x0, x1), to: points(y0, y1) };
        let marks = vec![segments, Mark::points("source", x0.to_vec(), x1.to_vec()), Mark::points("image", y0.to_vec(), y1.to_vec())];
        Some(Panel { title: title.into(), x: Axis::new("first coordinate"), y: Axis::new("second coordinate"), equal: true, marks })
    };
    Some(Figure {
        id: "displacements".into(),
        title: "With the gap, mass takes the short way".into(),
        caption: "Every fourth of 256 test points and its image under the fitted map, without the Monge gap and with it (Euclidean cost, weight 2, \
                  first seed)."
            .into(),
        panels: vec![panel("without the gap", 0.0)?, panel("with the gap", 2.0)?],
    })
}

fn distance_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [toy(2, 0.0), toy(2, 1.0), toy(16, 0.0), toy(16, 5.0)];
    let figures = cells.iter().map(|c| evidence.summary("uvp", c)).collect::<Option<Vec<_>>>()?;
    let pick = |f: fn(&(f64, f64, f64)) -> f64| figures.iter().map(f).collect();
    Some(Figure {
        id: "uvp".into(),
        title: "The gap brings the map nearer to the optimal one".into(),
        caption:
            "Unexplained variance of the fitted map against the known optimal one (L2-UVP, per cent), in 2 and in 16 dimensions; bars are \
                  means, whiskers the least and greatest seed."
                .into(),
        panels: vec![Panel {
            x: Axis::categories("dimension and gap", ["d = 2, no gap", "d = 2, gap", "d = 16, no gap", "d = 16, gap"]),
            y: Axis::new("L2-UVP (%)").showing(0.0, 0.0),
            marks: vec![Mark::Bars { label: "L2-UVP".into(), y: pick(|f| f.0), low: pick(|f| f.1), high: pick(|f| f.2) }],
            ..Panel::default()
        }],
    })
}

fn bounds_figure(evidence: &Evidence) -> Option<Figure> {
    let cell = Cell::of("study", "bounds");
    let (exact, certificate) = (evidence.series("exact", &cell)?, evidence.series("certificate", &cell)?);
    Some(Figure {
        id: "certificate".into(),
        title: "The entropic gap orders maps as the exact gap does".into(),
        caption: "Entropic gap minus 1.5 eps log n against the exact gap, for random maps of 24 points in three dimensions.".into(),
        panels: vec![Panel {
            x: Axis::new("exact gap"),
            y: Axis::new("entropic gap - 1.5 ε log n"),
            marks: vec![Mark::points("random map", exact.to_vec(), certificate.to_vec())],
            ..Panel::default()
        }],
    })
}
