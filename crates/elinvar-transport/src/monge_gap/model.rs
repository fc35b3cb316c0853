//! The map: fitted by the Monge gap, kept and applied.

use super::algorithm::{Fitting, LossSettings, MongeGapLoss, relative_epsilon};
use super::cost::Chosen;
use super::params::{Architecture, CostName, MongeGapMap};
use elinvar_core::{Bundle, Checked, Column, Context, Error, Fitted, Function, Item, Model, Result, State, Status, Table, check_finite};
use elinvar_math::transport::Cost;
use elinvar_nn::{
    Activation, Batch, Batches, Initialisation, Mlp, MlpSpec, NamedArrays, Objective, Optimiser, OutputGradient, Parameters, Schedule,
    Trainer, Training,
};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde_json::json;

/// Steps between two records of the history.
const RECORD_EVERY: u64 = 25;

/// A fitted transport map.
#[derive(Clone, Debug)]
pub struct TransportMap {
    network: Mlp<f32>,
    arch: Architecture,
    cost: CostName,
    /// Whether the gap had a cost of the caller's own instead, which no file can hold.
    own_cost: bool,
    p: f64,
    eps_fit: f64,
    eps_reg: f64,
    converged_fraction: f64,
}

/// How network outputs become images, and gradients in images gradients in outputs.
#[derive(Clone, Copy, Debug)]
struct Head {
    arch: Architecture,
    /// Exponent q of grad h*(z) = scale sign(z) |z|^(q - 1).
    q: f32,
    scale: f32,
}

impl Head {
    fn new(arch: Architecture, cost: CostName, p: f64) -> Self {
        match cost {
            CostName::Pnorm => Self { arch, q: (p / (p - 1.0)) as f32, scale: 1.0 },
            // h = ||.||² has grad h*(z) = z / 2.
            _ => Self { arch, q: 2.0, scale: 0.5 },
        }
    }

    fn images(&self, x: ArrayView2<'_, f32>, outputs: ArrayView2<'_, f32>) -> Array2<f32> {
        match self.arch {
            Architecture::Mlp => outputs.to_owned(),
            Architecture::Structured => &x - &outputs.mapv(|z| self.scale * z.signum() * z.abs().powf(self.q - 1.0)),
            Architecture::Sphere => {
                let mut images = outputs.to_owned();
                images.rows_mut().into_iter().for_each(|mut row| {
                    let norm = row.dot(&row).sqrt().max(1e-12);
                    row /= norm;
                });
                images
            }
        }
    }

    fn pull_back(&self, outputs: ArrayView2<'_, f32>, gradient: Array2<f32>) -> Array2<f32> {
        match self.arch {
            Architecture::Mlp => gradient,
            Architecture::Structured => {
                // |z|^(q-2) is unbounded at 0 for q < 2; images do not move there.
                let slope = outputs.mapv(|z| {
                    let s = self.scale * (self.q - 1.0) * z.abs().powf(self.q - 2.0);
                    if s.is_finite() { -s } else { 0.0 }
                });
                gradient * slope
            }
            Architecture::Sphere => {
                let mut back = gradient;
                for (mut g, z) in back.rows_mut().into_iter().zip(outputs.rows()) {
                    let norm = z.dot(&z).sqrt().max(1e-12);
                    let along = g.dot(&z) / (norm * norm);
                    g.zip_mut_with(&z, |g, &z| *g = (*g - along * z) / norm);
                }
                back
            }
        }
    }
}

/// What the training loop minimises.
struct GapObjective<'a> {
    params: &'a MongeGapMap,
    head: Head,
    loss: MongeGapLoss,
    target: ArrayView2<'a, f32>,
    /// Another measure to take the gap on than the source.
    reference: Option<ArrayView2<'a, f32>>,
    ctx: Context,
    history: Vec<[f64; 5]>,
    solved: usize,
    converged: usize,
}

impl GapObjective<'_> {
    fn draw(&self, from: ArrayView2<'_, f32>, name: &str, step: u64, count: usize) -> Array2<f32> {
        let mut random = self.ctx.stream(&[(name, step)]);
        let rows: Vec<usize> = (0..count).map(|_| random.random_range(0..from.nrows())).collect();
        from.select(Axis(0), &rows)
    }

    /// Weight of the gap on another measure goes through a second pass of the network.
    fn reference_term(&mut self, step: u64, model: &Mlp<f32>, gradient: &mut Parameters<f32>) -> Result<f64> {
        let Some(reference) = self.reference else { return Ok(0.0) };
        let x = self.draw(reference, "reference", step, self.params.batch_size.min(reference.nrows()));
        let (outputs, tape) = model.forward(x.view(), elinvar_nn::Pass::Evaluation)?;
        let images = self.head.images(x.view(), outputs.view());
        let term = self.loss.gap_term(x.view(), images.view(), &self.ctx)?;
        let weight = self.params.lambda_mg.at(step);
        let weighted = self.head.pull_back(outputs.view(), term.gradient * weight as f32);
        model.backward(&tape, weighted.view(), gradient);
        self.solved += term.solved;
        self.converged += term.converged;
        Ok(weight * term.value)
    }
}

impl Objective for GapObjective<'_> {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        let images = self.head.images(batch.inputs, outputs);
        let target = self.draw(self.target, "target", batch.step, self.params.batch_size.min(self.target.nrows()));
        let weight = if self.reference.is_some() { 0.0 } else { self.params.lambda_mg.at(batch.step) };
        let loss = self.loss.evaluate(batch.inputs, images.view(), target.view(), weight, &self.ctx)?;
        self.solved += loss.solved;
        self.converged += loss.converged;
        if batch.step.is_multiple_of(RECORD_EVERY) {
            let gap = if loss.gap.is_finite() { loss.gap } else { 0.0 };
            self.history.push([batch.step as f64, loss.fit, gap, loss.total, (loss.fit_iterations + loss.gap_iterations) as f64]);
        }
        Ok(OutputGradient { loss: loss.total, gradient: self.head.pull_back(outputs, loss.gradient) })
    }

    fn penalty(&mut self, batch: &Batch<'_>, model: &Mlp<f32>, gradient: &mut Parameters<f32>) -> Result<f64> {
        let mut value = 0.0;
        if self.params.lambda_mg.at(batch.step) > 0.0 {
            value += self.reference_term(batch.step, model, gradient)?;
        }
        if self.params.lambda_cons > 0.0 {
            let mut random = self.ctx.stream(&[("probe", batch.step)]);
            let v = Array2::from_shape_simple_fn(batch.inputs.dim(), || StandardNormal.sample(&mut random));
            let weight = self.params.lambda_cons as f32;
            value += self.params.lambda_cons * f64::from(model.conservativity_penalty(batch.inputs, v.view(), weight, gradient)?);
        }
        Ok(value)
    }
}

pub(super) fn fit(
    params: &Checked<MongeGapMap>,
    source: ArrayView2<'_, f32>,
    target: ArrayView2<'_, f32>,
    reference: Option<ArrayView2<'_, f32>>,
    ctx: &mut Context,
) -> Result<Fitted<TransportMap>> {
    fit_with(params, source, target, reference, params.cost.cost(params.p), ctx)
}

/// With the caller's own cost in place of the named one.
pub(super) fn fit_own(
    params: &Checked<MongeGapMap>,
    source: ArrayView2<'_, f32>,
    target: ArrayView2<'_, f32>,
    reference: Option<ArrayView2<'_, f32>>,
    function: &Function,
    ctx: &mut Context,
) -> Result<Fitted<TransportMap>> {
    if params.arch != Architecture::Mlp {
        return Err(Error::parameter("arch", "'mlp' with a cost of your own", "another"));
    }
    let chosen = Chosen::new(params.cost.cost(params.p), Some(function));
    let mut fitted = chosen.settle(fit_with(params, source, target, reference, chosen.cost.clone(), ctx))?;
    fitted.model.own_cost = true;
    Ok(fitted)
}

fn fit_with(
    params: &Checked<MongeGapMap>,
    source: ArrayView2<'_, f32>,
    target: ArrayView2<'_, f32>,
    reference: Option<ArrayView2<'_, f32>>,
    cost: Cost,
    ctx: &mut Context,
) -> Result<Fitted<TransportMap>> {
    check(params, source, target, reference, &cost)?;
    let (eps_fit, eps_reg) = epsilons(params, source, target, &cost)?;
    let settings = LossSettings {
        cost,
        fitting: Fitting::Divergence,
        epsilon_fit: eps_fit,
        epsilon_gap: eps_reg,
        threshold: params.sinkhorn_threshold,
        max_iterations: params.sinkhorn_max_iter,
    };
    let spec = MlpSpec {
        residual: params.arch != Architecture::Structured,
        initialisation: Initialisation::LecunNormal,
        ..MlpSpec::new(source.ncols(), params.hidden.clone(), source.ncols(), Activation::Gelu)
    };
    let network = Mlp::new(spec, &mut ctx.stream(&[("weights", 0)]))?;
    let schedule = match params.final_rate {
        1.0 => Schedule::Constant { rate: params.learning_rate },
        share => Schedule::Cosine { rate: params.learning_rate, final_fraction: share },
    };
    let batches = Batches::Draws { steps: params.num_iters as u64, batch_size: params.batch_size.min(source.nrows()) };
    let training = Training::new(batches, Optimiser::ADAM, schedule);
    let mut objective = GapObjective {
        params,
        head: Head::new(params.arch, params.cost, params.p),
        loss: MongeGapLoss::new(settings)?,
        target,
        reference,
        ctx: ctx.child(ctx.seed(), ctx.threads()),
        history: Vec::new(),
        solved: 0,
        converged: 0,
    };
    let mut trainer = Trainer::new(network, training)?;
    trainer.advance(u64::MAX, source, &mut objective, ctx)?;
    let (network, _) = trainer.finish();
    let converged_fraction = objective.converged as f64 / objective.solved.max(1) as f64;
    if converged_fraction < 0.95 {
        ctx.warn(format!(
            "Sinkhorn met its threshold in {:.0} % of {} problems; raise eps_fit_rel or eps_reg_rel, or sinkhorn_max_iter",
            100.0 * converged_fraction,
            objective.solved
        ));
    }
    let trace = history(&objective.history)?;
    let (arch, cost, p) = (params.arch, params.cost, params.p);
    let model = TransportMap { network, arch, cost, p, own_cost: false, eps_fit, eps_reg, converged_fraction };
    Ok(Fitted { model, status: Status::Converged, trace })
}

fn check(
    params: &MongeGapMap,
    source: ArrayView2<'_, f32>,
    target: ArrayView2<'_, f32>,
    reference: Option<ArrayView2<'_, f32>>,
    cost: &Cost,
) -> Result<()> {
    if source.ncols() != target.ncols() {
        return Err(Error::input(format!("X has {} features, Y has {}", source.ncols(), target.ncols())));
    }
    check_finite("X", source)?;
    check_finite("Y", target)?;
    for (name, points) in [("X", Some(source)), ("Y", Some(target)), ("reference", reference)] {
        if let Some(points) = points.filter(|p| p.nrows() < 2) {
            return Err(Error::input(format!("{name} must have at least 2 rows, got {} sample(s)", points.nrows())));
        }
    }
    if let Some(reference) = reference {
        check_finite("reference", reference)?;
        if reference.ncols() != source.ncols() {
            return Err(Error::input(format!("reference has {} features, X has {}", reference.ncols(), source.ncols())));
        }
        cost.check(reference, reference)?;
    }
    if params.arch == Architecture::Sphere && params.cost != CostName::Sphere {
        return Err(Error::parameter("cost", "'sphere' with arch = 'sphere'", "another"));
    }
    cost.check(source, target)
}

/// Regularisations, frozen at the start of the fit: relative to one batch's mean cost unless they are stated.
fn epsilons(params: &MongeGapMap, source: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>, cost: &Cost) -> Result<(f64, f64)> {
    let head = |points: ArrayView2<'_, f32>| {
        let rows = points.nrows().min(params.batch_size);
        // Evenly spread rows stand for a batch without a random draw.
        let picked: Vec<usize> = (0..rows).map(|i| i * points.nrows() / rows).collect();
        points.select(Axis(0), &picked)
    };
    let (x, y) = (head(source), head(target));
    let eps_fit = match params.eps_fit {
        Some(epsilon) => epsilon,
        None => relative_epsilon(y.view(), y.view(), &Cost::SquaredEuclidean, params.eps_fit_rel)?,
    };
    let eps_reg = match params.eps_reg {
        Some(epsilon) => epsilon,
        None => relative_epsilon(x.view(), y.view(), cost, params.eps_reg_rel)?,
    };
    Ok((eps_fit, eps_reg))
}

fn history(rows: &[[f64; 5]]) -> Result<Table> {
    let names = ["step", "fit", "gap", "total", "sinkhorn_iterations"];
    let column = |i: usize| Column::Number(rows.iter().map(|r| r[i]).collect());
    names.iter().enumerate().try_fold(Table::new(), |table, (i, name)| table.with(*name, column(i)))
}

impl TransportMap {
    /// Images of points (n, d).
    ///
    /// # Errors
    /// Another number of columns than at the fit, or non-finite points.
    pub fn transport(&self, points: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_finite("X", points)?;
        let outputs = self.network.predict(points)?;
        Ok(Head::new(self.arch, self.cost, self.p).images(points, outputs.view()))
    }

    /// Ground cost of the gap it was fitted with.
    ///
    /// # Errors
    /// For a cost of the caller's own.
    pub(super) fn known_cost(&self) -> Result<Cost> {
        if self.own_cost {
            let message = "the map was fitted with a cost of your own, which it does not hold";
            return Err(
                Error::input(message).hint("measure the gap of its images with that cost: monge_gap(X, map.transform(X), cost=...)")
            );
        }
        Ok(self.cost())
    }

    /// The named ground cost of the fit.
    pub fn cost(&self) -> Cost {
        self.cost.cost(self.p)
    }

    /// Regularisation of the gap.
    pub fn eps_reg(&self) -> f64 {
        self.eps_reg
    }

    /// Regularisation of the fitting loss.
    pub fn eps_fit(&self) -> f64 {
        self.eps_fit
    }
}

impl Model for TransportMap {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        Bundle::new().with("eps_fit", self.eps_fit).with("eps_reg", self.eps_reg).with("converged_fraction", self.converged_fraction)
    }

    fn to_state(&self) -> State {
        let arrays = self.network.to_arrays("network/").into_iter().fold(Bundle::new(), |b, (name, array)| b.with(name, array));
        let json = json!({
            "spec": self.network.spec(), "arch": self.arch, "cost": self.cost, "own_cost": self.own_cost, "p": self.p, "eps_fit": self.eps_fit,
            "eps_reg": self.eps_reg, "converged_fraction": self.converged_fraction,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let mut named = NamedArrays::new();
        for (name, item) in state.arrays.iter() {
            if let Item::Array32(array) = item {
                named.insert(name.to_owned(), array.to_owned());
            }
        }
        Ok(Self {
            network: Mlp::from_arrays(state.field("spec")?, &named, "network/")?,
            arch: state.field("arch")?,
            cost: state.field("cost")?,
            own_cost: state.field("own_cost")?,
            p: state.field("p")?,
            eps_fit: state.field("eps_fit")?,
            eps_reg: state.field("eps_reg")?,
            converged_fraction: state.field("converged_fraction")?,
        })
    }
}

/// Widens points for statistics in double precision.
pub(super) fn widen(points: ArrayView2<'_, f32>) -> Array2<f64> {
    points.mapv(f64::from)
}
