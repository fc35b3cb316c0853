//! The tasks: thin adapters between named inputs and the typed API.

use super::algorithm::{entropic_gap, entropic_gap_gradient, exact_gap, relative_epsilon};
use super::certificate::{Certificate, CertificateSettings, certificate};
use super::cost::Chosen;
use super::data::moons_to_s_curve;
use super::model::{TransportMap, fit, fit_own};
use super::params::{Certify, Divergence, GapMethod, MapGap, MongeGap, MongeGapMap};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Function, Input, Measurement, NoParams, Operation, Output, Result,
    Shape, Status, Table,
};
use elinvar_math::transport::{Cost, SinkhornSettings, sinkhorn_divergence};
use ndarray::{Array2, ArrayView2};
use serde_json::json;

/// Source, target and perhaps another measure for the gap.
pub(super) struct Samples {
    source: Array2<f32>,
    target: Array2<f32>,
    reference: Option<Array2<f32>>,
    cost: Option<Function>,
}

/// The caller's own cost: `cost` in Python, in place of a name.
const COST: Field = Field::new(
    "cost_function",
    Shape::Function,
    "symmetric cost of paired rows x, y (n, d), with whether gradients are wanted: value (n,), and gradient in y (n, d)",
)
.optional();

fn cost_function(bundle: &Bundle<'_>) -> Result<Option<Function>> {
    bundle.get("cost_function").map(|_| bundle.function("cost_function").cloned()).transpose()
}

impl Input<'_> for Samples {
    const FIELDS: &'static [Field] = &[
        Field::new("X", Shape::Matrix, "source points (n, d)").flag("source"),
        Field::new("Y", Shape::Matrix, "target points (m, d)").flag("target"),
        Field::new("reference", Shape::Matrix, "points (r, d) to take the gap on in place of the source").optional(),
        COST,
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let matrix = |name: &str| bundle.matrix32(name).map(|m| m.into_owned());
        Ok(Self {
            source: matrix("X")?,
            target: matrix("Y")?,
            reference: bundle.get("reference").map(|_| matrix("reference")).transpose()?,
            cost: cost_function(bundle)?,
        })
    }
}

fn plane(count: usize) -> (Array2<f64>, Array2<f64>) {
    moons_to_s_curve(count, &Context::new(0))
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "learn an optimal transport map from unpaired samples";
    type Params = MongeGapMap;
    type Input<'a> = Samples;
    type Model = TransportMap;
    fn fit(params: &Checked<MongeGapMap>, input: Samples, ctx: &mut Context) -> Result<Fitted<TransportMap>> {
        let reference = input.reference.as_ref().map(|r| r.view());
        match &input.cost {
            None => fit(params, input.source.view(), input.target.view(), reference, ctx),
            Some(cost) => fit_own(params, input.source.view(), input.target.view(), reference, cost, ctx),
        }
    }
    fn example() -> Bundle<'static> {
        let (x, y) = plane(60);
        Bundle::new().with("X", x).with("Y", y)
    }
}

/// Points to map.
pub(super) struct Points(Array2<f32>);

impl Input<'_> for Points {
    const FIELDS: &'static [Field] = &[Field::new("X", Shape::Matrix, "points to map (n, d)").flag("x")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(bundle.matrix32("X")?.into_owned()))
    }
}

/// Images of points.
pub(super) struct Images(Array2<f32>);

impl Output for Images {
    const FIELDS: &'static [Field] = &[Field::new("images", Shape::Matrix, "image of each point (n, d)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("images", self.0)
    }
}

/// `apply`.
pub(super) struct ApplyTask;

impl Operation for ApplyTask {
    const VERB: &'static str = "apply";
    const SUMMARY: &'static str = "map new points";
    type Params = NoParams;
    type Model = TransportMap;
    type Input<'a> = Points;
    type Output = Images;
    fn apply(_: &Checked<NoParams>, map: &TransportMap, Points(points): Points, _: &mut Context) -> Result<Images> {
        Ok(Images(map.transport(points.view())?))
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("X", plane(60).0)
    }
}

const POINTS: Field = Field::new("X", Shape::Matrix, "points (n, d)").flag("x");
const IMAGES: Field = Field::new("Y", Shape::Matrix, "images, row by row, or a second sample (m, d)").flag("y");

/// Two samples.
pub(super) struct Pair {
    x: Array2<f64>,
    y: Array2<f64>,
}

impl Input<'_> for Pair {
    const FIELDS: &'static [Field] = &[POINTS, IMAGES];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: bundle.matrix("X")?.into_owned(), y: bundle.matrix("Y")?.into_owned() })
    }
}

/// Points and images, and perhaps the caller's own cost.
pub(super) struct Mapped {
    x: Array2<f64>,
    y: Array2<f64>,
    cost: Option<Function>,
}

impl Input<'_> for Mapped {
    const FIELDS: &'static [Field] = &[POINTS, IMAGES, COST];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let Pair { x, y } = Pair::from_bundle(bundle)?;
        Ok(Self { x, y, cost: cost_function(bundle)? })
    }
}

impl Pair {
    /// Two clouds whose rows are paired.
    fn example() -> Bundle<'static> {
        let (x, y) = plane(40);
        Bundle::new().with("X", x).with("Y", y)
    }
}

/// A gap.
pub(super) struct Gap {
    value: f64,
    primal: f64,
    epsilon: f64,
    iterations: usize,
    converged: bool,
}

impl Output for Gap {
    const FIELDS: &'static [Field] = &[
        Field::new("value", Shape::Scalar, "the gap, in units of the cost"),
        Field::new("primal_gap", Shape::Scalar, "<I/n - P, C>: the same without the entropy"),
        Field::new("epsilon", Shape::Scalar, "regularisation; 0 for the exact gap"),
        Field::new("iterations", Shape::Scalar, "Sinkhorn iterations; 0 for the exact gap"),
        Field::new("converged", Shape::Json, "whether the threshold was met"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("value", self.value)
            .with("primal_gap", self.primal)
            .with("epsilon", self.epsilon)
            .with("iterations", self.iterations as f64)
            .with("converged", json!(self.converged))
    }
}

/// Regularisation and stopping rule of a gap.
fn settings(params: &MongeGap, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, cost: &Cost) -> Result<SinkhornSettings> {
    let epsilon = match params.epsilon {
        Some(epsilon) => epsilon,
        None => relative_epsilon(x, y, cost, 0.01)?,
    };
    Ok(SinkhornSettings::new(epsilon).with_threshold(params.sinkhorn_threshold, params.sinkhorn_max_iter))
}

fn warn_if_stopped(status: Status, error: f64, ctx: &mut Context) {
    if status != Status::Converged {
        ctx.warn(format!("Sinkhorn did not converge: the last marginal error is {error:.2e}; raise epsilon or sinkhorn_max_iter"));
    }
}

fn measure_gap(
    method: GapMethod,
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    cost: &Cost,
    settings: &SinkhornSettings,
    ctx: &mut Context,
) -> Result<Gap> {
    if method == GapMethod::Exact {
        let gap = exact_gap(x, y, cost, ctx)?;
        return Ok(Gap { value: gap.value, primal: gap.value, epsilon: 0.0, iterations: 0, converged: true });
    }
    let gap = entropic_gap(x, y, cost, settings, ctx)?;
    warn_if_stopped(gap.status, gap.marginal_error, ctx);
    let converged = gap.status == Status::Converged;
    Ok(Gap { value: gap.value, primal: gap.primal_gap, epsilon: gap.epsilon, iterations: gap.iterations, converged })
}

/// `gap`.
pub(super) struct GapTask;

impl Measurement for GapTask {
    const VERB: &'static str = "gap";
    const SUMMARY: &'static str = "how far a map x -> y is from optimal";
    type Params = MongeGap;
    type Input<'a> = Mapped;
    type Output = Gap;
    fn measure(params: &Checked<MongeGap>, Mapped { x, y, cost }: Mapped, ctx: &mut Context) -> Result<Gap> {
        let chosen = Chosen::new(params.cost.cost(params.p), cost.as_ref());
        // An exact gap needs no regularisation, so it asks for none.
        let settings = match params.method {
            GapMethod::Exact => SinkhornSettings::new(1.0),
            GapMethod::Entropic => chosen.settle(settings(params, x.view(), y.view(), &chosen.cost))?,
        };
        chosen.settle(measure_gap(params.method, x.view(), y.view(), &chosen.cost, &settings, ctx))
    }
    fn example() -> Bundle<'static> {
        Pair::example()
    }
}

/// `map-gap`.
pub(super) struct MapGapTask;

impl Operation for MapGapTask {
    const VERB: &'static str = "map-gap";
    const SUMMARY: &'static str = "how far a fitted map is from optimal on these points, for its own cost";
    type Params = MapGap;
    type Model = TransportMap;
    type Input<'a> = Points;
    type Output = Gap;
    fn apply(params: &Checked<MapGap>, map: &TransportMap, Points(points): Points, ctx: &mut Context) -> Result<Gap> {
        let (x, y) = (points.mapv(f64::from), map.transport(points.view())?.mapv(f64::from));
        let epsilon = params.epsilon.unwrap_or(map.eps_reg());
        let settings = SinkhornSettings::new(epsilon).with_threshold(params.sinkhorn_threshold, params.sinkhorn_max_iter);
        measure_gap(params.method, x.view(), y.view(), &map.known_cost()?, &settings, ctx)
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("X", plane(30).0)
    }
}

/// A score, the higher the better.
pub(super) struct Scored(f64);

impl Output for Scored {
    const FIELDS: &'static [Field] = &[Field::new("score", Shape::Scalar, "minus the Sinkhorn divergence of the images from Y")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("score", self.0)
    }
}

/// `score`.
pub(super) struct ScoreTask;

impl Operation for ScoreTask {
    const VERB: &'static str = "score";
    const SUMMARY: &'static str = "how well the images of X meet a target sample: minus their Sinkhorn divergence";
    type Params = Divergence;
    type Model = TransportMap;
    type Input<'a> = Pair;
    type Output = Scored;
    fn apply(params: &Checked<Divergence>, map: &TransportMap, Pair { x, y }: Pair, ctx: &mut Context) -> Result<Scored> {
        let images = map.transport(x.mapv(|v| v as f32).view())?.mapv(f64::from);
        Ok(Scored(-diverge(params, images.view(), y.view(), ctx)?.value))
    }
    fn example() -> Bundle<'static> {
        Pair::example()
    }
}

/// A gap with its gradient.
pub(super) struct GapGradient {
    value: f64,
    gradient: Array2<f32>,
}

impl Output for GapGradient {
    const FIELDS: &'static [Field] = &[
        Field::new("value", Shape::Scalar, "the entropic gap, in units of the cost"),
        Field::new("gradient", Shape::Matrix, "derivative of the gap with respect to each image (n, d)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("value", self.value).with("gradient", self.gradient)
    }
}

/// `gradient`.
pub(super) struct GradientTask;

impl Measurement for GradientTask {
    const VERB: &'static str = "gradient";
    const SUMMARY: &'static str = "entropic gap and its gradient with respect to the images, in single precision";
    type Params = MongeGap;
    type Input<'a> = Mapped;
    type Output = GapGradient;
    fn measure(params: &Checked<MongeGap>, Mapped { x, y, cost }: Mapped, ctx: &mut Context) -> Result<GapGradient> {
        if params.method == GapMethod::Exact {
            return Err(Error::parameter("method", "'entropic' for a gradient", "'exact'"));
        }
        let chosen = Chosen::new(params.cost.cost(params.p), cost.as_ref());
        elinvar_core::check_finite("X", x.view())?;
        elinvar_core::check_finite("Y", y.view())?;
        let settings = chosen.settle(settings(params, x.view(), y.view(), &chosen.cost))?;
        let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
        let (gap, gradient) = chosen.settle(entropic_gap_gradient(x.view(), y.view(), &chosen.cost, &settings, ctx))?;
        warn_if_stopped(gap.status, gap.marginal_error, ctx);
        Ok(GapGradient { value: gap.value, gradient })
    }
    fn example() -> Bundle<'static> {
        Pair::example()
    }
}

/// A divergence.
pub(super) struct Divergent {
    value: f64,
    epsilon: f64,
}

impl Output for Divergent {
    const FIELDS: &'static [Field] = &[
        Field::new("divergence", Shape::Scalar, "Sinkhorn divergence with squared Euclidean cost"),
        Field::new("epsilon", Shape::Scalar, "regularisation"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("divergence", self.value).with("epsilon", self.epsilon)
    }
}

fn diverge(params: &Divergence, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, ctx: &mut Context) -> Result<Divergent> {
    let epsilon = match params.epsilon {
        Some(epsilon) => epsilon,
        None => relative_epsilon(y, y, &Cost::SquaredEuclidean, 0.1)?,
    };
    let settings = SinkhornSettings::new(epsilon).with_threshold(params.sinkhorn_threshold, params.sinkhorn_max_iter);
    let divergence = sinkhorn_divergence(x, y, &Cost::SquaredEuclidean, &settings, ctx)?;
    if divergence.status != Status::Converged {
        ctx.warn("Sinkhorn did not converge; raise epsilon or sinkhorn_max_iter");
    }
    Ok(Divergent { value: divergence.value, epsilon })
}

/// `divergence`.
pub(super) struct DivergenceTask;

impl Measurement for DivergenceTask {
    const VERB: &'static str = "divergence";
    const SUMMARY: &'static str = "Sinkhorn divergence between two samples";
    type Params = Divergence;
    type Input<'a> = Pair;
    type Output = Divergent;
    fn measure(params: &Checked<Divergence>, Pair { x, y }: Pair, ctx: &mut Context) -> Result<Divergent> {
        diverge(params, x.view(), y.view(), ctx)
    }
    fn example() -> Bundle<'static> {
        Pair::example()
    }
}

impl Output for Certificate {
    const FIELDS: &'static [Field] = &[
        Field::new("gap", Shape::Scalar, "exact gap, in units of the cost"),
        Field::new("low", Shape::Scalar, "lower end of the 95 % bootstrap interval"),
        Field::new("high", Shape::Scalar, "upper end of the 95 % bootstrap interval"),
        Field::new("share_of_cost", Shape::Scalar, "gap over the mean cost of the map"),
        Field::new("violations", Shape::Table, "the points moved worst: row, better_image, excess"),
        Field::new("cycles", Shape::Table, "exchanges that would lower the cost: rows, saving"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let violations = Table::new()
            .with("row", Column::Integer(self.violations.iter().map(|v| v.row as i64).collect()))
            .and_then(|t| t.with("better_image", Column::Integer(self.violations.iter().map(|v| v.better_image as i64).collect())))
            .and_then(|t| t.with("excess", Column::Number(self.violations.iter().map(|v| v.excess).collect())))
            .unwrap_or_default();
        let rows = |c: &super::certificate::Cycle| Some(c.rows.iter().map(usize::to_string).collect::<Vec<_>>().join(" -> "));
        let cycles = Table::new()
            .with("rows", Column::Text(self.cycles.iter().map(rows).collect()))
            .and_then(|t| t.with("saving", Column::Number(self.cycles.iter().map(|c| c.saving).collect())))
            .unwrap_or_default();
        Bundle::new()
            .with("gap", self.gap)
            .with("low", self.interval.0)
            .with("high", self.interval.1)
            .with("share_of_cost", self.share_of_cost)
            .with("violations", violations)
            .with("cycles", cycles)
    }
}

/// `certificate`.
pub(super) struct CertificateTask;

impl Measurement for CertificateTask {
    const VERB: &'static str = "certificate";
    const SUMMARY: &'static str = "exact gap of a map with an interval, and the points that it moves wrongly";
    type Params = Certify;
    type Input<'a> = Mapped;
    type Output = Certificate;
    fn measure(params: &Checked<Certify>, Mapped { x, y, cost }: Mapped, ctx: &mut Context) -> Result<Certificate> {
        let settings = CertificateSettings { worst: params.worst, resamples: params.resamples, ..CertificateSettings::default() };
        let chosen = Chosen::new(params.cost.cost(params.p), cost.as_ref());
        chosen.settle(certificate(x.view(), y.view(), &chosen.cost, &settings, ctx))
    }
    fn example() -> Bundle<'static> {
        Pair::example()
    }
}
