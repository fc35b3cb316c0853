//! Fair models: a network or a linear model with a dependence penalty, fitted, kept and applied.

use super::algorithm::{Penalty, Settings};
use super::encode::{Encoder, Protected};
use super::linear::{Objective as Penalised, Rows, fit_linear, mean_rate, moments};
use super::params::{BatchSize, FairModel, Form, Loss, Measure, OptimizerKind, PenaltyKind};
use elinvar_core::{Bundle, Checked, Column, Context, Error, Fitted, Item, Model, Result, State, Status, Table, check_finite_vector};
use elinvar_data::design::{Design, Features};
use elinvar_math::optimise::{Lbfgs, lbfgs};
use elinvar_nn::{
    Activation, Batch, Batches, Initialisation, Mlp, MlpSpec, NamedArrays, Objective, Optimiser, OutputGradient, Pass, Schedule, Trainer,
    Training, Validation,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::seq::SliceRandom;
use serde_json::json;

/// Rows, outcomes and attributes to fit to.
#[derive(Clone, Debug)]
pub struct Data {
    /// Features.
    pub x: Design,
    /// Outcomes (n,).
    pub y: Array1<f64>,
    /// Protected columns; only needed where the penalty has a weight.
    pub protected: Option<Table>,
    /// Exposures (n,), > 0.
    pub exposure: Option<Array1<f64>>,
    /// Weights of the rows in the loss (n,), >= 0.
    pub sample_weight: Option<Array1<f64>>,
}

/// The fitted predictor.
#[derive(Clone, Debug)]
enum Predictor {
    Linear { coefficients: Array1<f64>, intercept: f64 },
    Network { network: Box<Mlp<f32>>, centre: Array1<f64>, scale: Array1<f64>, offset: f64 },
}

/// A model whose score depends little on protected attributes.
#[derive(Clone, Debug)]
pub struct FairPredictor {
    loss: Loss,
    features: Features,
    encoder: Option<Encoder>,
    predictor: Predictor,
}

impl FairModel {
    /// Fits to data.
    ///
    /// # Errors
    /// Outcomes that the loss cannot have, exposures <= 0, lengths that differ, a penalty without protected columns.
    pub fn fit(&self, data: &Data, ctx: &mut Context) -> Result<Fitted<FairPredictor>> {
        fit(&Checked::new(self.clone())?, data, ctx)
    }
}

/// The rows as the algorithms want them.
struct Prepared {
    y: Array1<f64>,
    exposure: Array1<f64>,
    weight: Array1<f64>,
    protected: Option<Protected>,
}

impl Prepared {
    fn take(&self, rows: &[usize]) -> Prepared {
        let pick = |v: &Array1<f64>| v.select(Axis(0), rows);
        Prepared {
            y: pick(&self.y),
            exposure: pick(&self.exposure),
            weight: pick(&self.weight),
            protected: self.protected.as_ref().map(|p| p.take(rows)),
        }
    }
}

pub(super) fn fit(params: &Checked<FairModel>, data: &Data, ctx: &mut Context) -> Result<Fitted<FairPredictor>> {
    let n = data.x.n_rows();
    check_outcome(params.loss, data.y.view(), n)?;
    let penalised = params.lam > 0.0 && params.penalty != PenaltyKind::None;
    if penalised && n < 4 {
        return Err(Error::input(format!("distance covariance needs at least 4 rows, got {n}")));
    }
    if penalised && data.protected.is_none() {
        return Err(Error::input("a penalty with lam > 0 needs protected columns").hint("name them, or set lam to 0"));
    }
    let (encoder, protected) = match &data.protected {
        Some(table) => {
            check_length("protected", table.n_rows(), n)?;
            let (encoder, encoded) = Encoder::fit_encode(table, &params.types)?;
            (Some(encoder), Some(encoded))
        }
        None => (None, None),
    };
    let without: Vec<String> = match (&data.protected, params.drop_protected) {
        (Some(table), true) => table.names().to_vec(),
        _ => Vec::new(),
    };
    let (features, x) = data.x.fit(&without)?;
    if x.ncols() == 0 {
        return Err(Error::input("X has 0 features").hint("give at least one column besides the protected ones"));
    }
    let prepared = Prepared {
        y: data.y.clone(),
        exposure: exposure(params.loss, data.exposure.as_ref(), n)?,
        weight: weights(data.sample_weight.as_ref(), n)?,
        protected: protected.filter(|_| penalised),
    };
    let (predictor, status, trace) = match params.model {
        Form::Linear => linear(params, x.view(), &prepared, ctx)?,
        Form::Mlp => network(params, x.view(), &prepared, ctx)?,
    };
    Ok(Fitted { model: FairPredictor { loss: params.loss, features, encoder, predictor }, status, trace })
}

fn settings(params: &FairModel) -> Settings {
    let measure = match params.penalty {
        PenaltyKind::Jdcov => Measure::Jdcov,
        PenaltyKind::Sum => Measure::Sum,
        PenaltyKind::Ccdcov | PenaltyKind::None => Measure::Ccdcov,
    };
    Settings { measure, c: params.c, ..Settings::default() }
}

fn linear(params: &FairModel, x: ArrayView2<'_, f64>, rows: &Prepared, ctx: &mut Context) -> Result<(Predictor, Status, Table)> {
    const ITERATIONS_AN_EPOCH: usize = 20;
    let penalty = rows.protected.as_ref().map(|p| Penalty::new(p, &settings(params), ctx)).transpose()?;
    let objective = Penalised { loss: params.loss, penalise: params.penalise, lam: params.lam, penalty: penalty.as_ref() };
    let data = Rows { x, y: rows.y.view(), exposure: rows.exposure.view(), weight: rows.weight.view() };
    let fitted = fit_linear(data, &objective, params.max_epochs * ITERATIONS_AN_EPOCH, ctx)?;
    let trace = Table::new()
        .with("iteration", Column::Integer(vec![fitted.iterations as i64]))?
        .with("loss", Column::Number(vec![fitted.value]))?;
    Ok((Predictor::Linear { coefficients: fitted.coefficients, intercept: fitted.intercept }, fitted.status, trace))
}

fn network(params: &FairModel, x: ArrayView2<'_, f64>, rows: &Prepared, ctx: &mut Context) -> Result<(Predictor, Status, Table)> {
    let n = x.nrows();
    let batch_size = match params.batch_size {
        None => n,
        Some(BatchSize::Auto(_)) => n.min(256),
        Some(BatchSize::Rows(b)) if b > n => {
            return Err(
                Error::parameter("batch_size", format!("at most the number of rows, {n}"), b).hint("use 'auto', or none for all rows")
            );
        }
        Some(BatchSize::Rows(b)) => b,
    };
    let (training_rows, validation_rows) = split(n, params.validation_fraction, ctx);
    let (centre, scale) = input_scaling(x, rows.weight.view());
    let z = standardise(x, &centre, &scale);
    let offset = params.loss.link(mean_rate(rows.y.view(), rows.exposure.view(), rows.weight.view()));
    let spec = MlpSpec {
        dropout: params.dropout,
        batch_norm: params.loss == Loss::Bernoulli,
        initialisation: if params.loss == Loss::Bernoulli { Initialisation::KaimingNormal } else { Initialisation::KaimingUniform },
        ..MlpSpec::new(x.ncols(), params.hidden_layers.clone(), 1, Activation::Relu)
    };
    let mlp = Mlp::new(spec, &mut ctx.stream(&[("weights", 0)]))?;
    let objective = FairObjective {
        params,
        settings: settings(params),
        train: rows.take(&training_rows),
        validation: (!validation_rows.is_empty()).then(|| (z.select(Axis(0), &validation_rows), rows.take(&validation_rows))),
        offset,
        ctx: ctx.child(ctx.seed(), 1),
    };
    let inputs = z.select(Axis(0), &training_rows);
    let (network, status, trace) = match params.optimizer {
        OptimizerKind::Lbfgs => full_batch(mlp, inputs.view(), objective, ctx)?,
        _ => minibatches(mlp, inputs.view(), objective, batch_size, ctx)?,
    };
    Ok((Predictor::Network { network: Box::new(network), centre, scale, offset }, status, trace))
}

/// What the network minimises, as the training loop asks for it.
struct FairObjective<'a> {
    params: &'a FairModel,
    settings: Settings,
    train: Prepared,
    validation: Option<(Array2<f32>, Prepared)>,
    offset: f64,
    ctx: Context,
}

impl FairObjective<'_> {
    /// Value and derivative by the linear predictor of every row.
    fn evaluate(&self, outputs: ArrayView2<'_, f32>, rows: &Prepared) -> Result<(f64, Vec<f64>)> {
        let penalty = self.distance_penalty(rows)?;
        let (y, exposure, weight) = (rows.y.view(), rows.exposure.view(), rows.weight.view());
        let (value, _, slopes) =
            self.penalised(penalty.as_ref()).value_and_slopes(&self.linear_predictor(outputs), y, exposure, weight, &self.ctx)?;
        Ok((value, slopes))
    }

    fn linear_predictor(&self, outputs: ArrayView2<'_, f32>) -> Vec<f64> {
        outputs.iter().map(|&f| f64::from(f) + self.offset).collect()
    }

    /// Fewer than four rows have no distance covariance; such a remainder trains on the loss alone.
    fn distance_penalty(&self, rows: &Prepared) -> Result<Option<Penalty>> {
        let protected = rows.protected.as_ref().filter(|p| p.n_rows() >= 4);
        protected.map(|p| Penalty::new(p, &self.settings, &self.ctx)).transpose()
    }

    fn penalised<'a>(&self, penalty: Option<&'a Penalty>) -> Penalised<'a> {
        Penalised { loss: self.params.loss, penalise: self.params.penalise, lam: self.params.lam, penalty }
    }
}

fn as_column(slopes: &[f64]) -> Array2<f32> {
    Array2::from_shape_fn((slopes.len(), 1), |(i, _)| slopes[i] as f32)
}

impl Objective for FairObjective<'_> {
    fn loss(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>) -> Result<OutputGradient> {
        let (loss, slopes) = self.evaluate(outputs, &self.train.take(batch.rows))?;
        Ok(OutputGradient { loss, gradient: as_column(&slopes) })
    }

    fn gradient_tangent(&mut self, batch: &Batch<'_>, outputs: ArrayView2<'_, f32>, tangent: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let rows = self.train.take(batch.rows);
        let penalty = self.distance_penalty(&rows)?;
        let (y, exposure, weight) = (rows.y.view(), rows.exposure.view(), rows.weight.view());
        let curvatures = self.penalised(penalty.as_ref()).curvatures(&self.linear_predictor(outputs), y, exposure, weight, &self.ctx)?;
        Ok(as_column(&curvatures) * tangent)
    }

    fn validate(&mut self, _step: u64, model: &Mlp<f32>) -> Result<Option<f64>> {
        let Some((inputs, rows)) = &self.validation else { return Ok(None) };
        Ok(Some(self.evaluate(model.predict(inputs.view())?.view(), rows)?.0))
    }
}

fn minibatches(
    mlp: Mlp<f32>,
    inputs: ArrayView2<'_, f32>,
    mut objective: FairObjective<'_>,
    batch_size: usize,
    ctx: &mut Context,
) -> Result<(Mlp<f32>, Status, Table)> {
    let params = objective.params;
    let optimiser = match params.optimizer {
        OptimizerKind::Adahessian => Optimiser::adahessian(0.85, 0.95, 0.5),
        _ => Optimiser::ADAM,
    };
    let patience = objective.validation.as_ref().map(|_| params.patience as u64);
    let batches = Batches::Epochs { epochs: params.max_epochs as u64, batch_size };
    let training = Training {
        validation: patience.map(|patience| Validation { every: 1, patience: Some(patience), min_improvement: 0.0 }),
        ..Training::new(batches, optimiser, Schedule::Constant { rate: params.learning_rate })
    };
    let mut trainer = Trainer::new(mlp, training)?;
    trainer.advance(u64::MAX, inputs, &mut objective, ctx)?;
    let (network, report) = trainer.finish();
    let trace = Table::new()
        .with("step", Column::Integer(report.records.iter().map(|r| r.step as i64).collect()))?
        .with("loss", Column::Number(report.records.iter().map(|r| r.loss).collect()))?
        .with("validation", Column::Number(report.records.iter().map(|r| r.validation.unwrap_or(f64::NAN)).collect()))?;
    // A network is trained for a number of epochs; only patience could have ended it earlier.
    Ok((network, Status::Converged, trace))
}

/// L-BFGS on all rows, without dropout: the objective is then a function.
fn full_batch(
    mut mlp: Mlp<f32>,
    inputs: ArrayView2<'_, f32>,
    objective: FairObjective<'_>,
    ctx: &mut Context,
) -> Result<(Mlp<f32>, Status, Table)> {
    let start: Vec<f64> = mlp.parameters().values().iter().map(|&w| f64::from(w)).collect();
    let assign = |mlp: &mut Mlp<f32>, theta: &[f64]| {
        mlp.parameters_mut().values_mut().iter_mut().zip(theta).for_each(|(w, &t)| *w = t as f32);
    };
    let value = |theta: &[f64], gradient: &mut [f64]| -> Result<f64> {
        assign(&mut mlp, theta);
        let (outputs, tape) = mlp.forward(inputs, Pass::Evaluation)?;
        let (value, slopes) = objective.evaluate(outputs.view(), &objective.train)?;
        let mut slope = mlp.parameters().zeros_like();
        mlp.backward(&tape, as_column(&slopes).view(), &mut slope);
        gradient.iter_mut().zip(slope.values()).for_each(|(g, &s)| *g = f64::from(s));
        Ok(value)
    };
    let settings =
        Lbfgs { max_iterations: objective.params.max_epochs * 20, gradient_tolerance: 1e-6, value_tolerance: 1e-9, ..Lbfgs::default() };
    let minimum = lbfgs(value, &start, &settings, ctx)?;
    assign(&mut mlp, &minimum.x);
    let trace = Table::new()
        .with("iteration", Column::Integer(vec![minimum.iterations as i64]))?
        .with("loss", Column::Number(vec![minimum.value]))?;
    Ok((mlp, minimum.status, trace))
}

fn split(n: usize, share: f64, ctx: &Context) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut ctx.stream(&[("validation", 0)]));
    let held = (share * n as f64).round() as usize;
    // Too few rows to judge anything: train on all of them.
    let held = if held < 4 { 0 } else { held };
    let mut training = rows.split_off(held);
    training.sort_unstable();
    (training, rows)
}

/// Centre and scale of the network's inputs. Indicators stay 0 and 1: a rare one would become an input of many standard deviations.
fn input_scaling(x: ArrayView2<'_, f64>, weight: ArrayView1<'_, f64>) -> (Array1<f64>, Array1<f64>) {
    let (mut centre, mut scale) = moments(x, weight);
    for (j, column) in x.columns().into_iter().enumerate() {
        if column.iter().all(|v| *v == 0.0 || *v == 1.0) {
            (centre[j], scale[j]) = (0.0, 1.0);
        }
    }
    (centre, scale)
}

fn standardise(x: ArrayView2<'_, f64>, centre: &Array1<f64>, scale: &Array1<f64>) -> Array2<f32> {
    ((&x - centre) / scale).mapv(|x| x as f32)
}

fn check_length(name: &str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::input(format!("{name} must have {expected} rows like X, got {got}")))
}

fn check_outcome(loss: Loss, y: ArrayView1<'_, f64>, n: usize) -> Result<()> {
    if n == 0 {
        return Err(Error::input("X must have at least 1 row, got 0 sample(s)"));
    }
    check_length("y", y.len(), n)?;
    check_finite_vector("y", y)?;
    let bad = |fine: fn(f64) -> bool, rule: &str| match y.iter().position(|&v| !fine(v)) {
        Some(row) => Err(Error::input(format!("y must {rule}, got {} in row {row}", y[row]))),
        None => Ok(()),
    };
    match loss {
        Loss::Gaussian => Ok(()),
        Loss::Poisson => bad(|v| v >= 0.0 && v.fract() == 0.0, "hold counts (whole numbers >= 0) for the loss 'poisson'"),
        Loss::Gamma => bad(|v| v > 0.0, "be > 0 for the loss 'gamma'"),
        Loss::Bernoulli => bad(|v| v == 0.0 || v == 1.0, "hold labels 0 or 1 for the loss 'bernoulli'"),
    }
}

fn exposure(loss: Loss, exposure: Option<&Array1<f64>>, n: usize) -> Result<Array1<f64>> {
    let Some(exposure) = exposure else { return Ok(Array1::ones(n)) };
    if loss != Loss::Poisson {
        return Err(Error::input("an exposure is only used with the loss 'poisson'").hint("leave it out, or use it as sample_weight"));
    }
    check_length("exposure", exposure.len(), n)?;
    match exposure.iter().position(|&e| !(e > 0.0 && e.is_finite())) {
        Some(row) => Err(Error::input(format!("exposure must be > 0, got {} in row {row}", exposure[row]))),
        None => Ok(exposure.clone()),
    }
}

fn weights(weights: Option<&Array1<f64>>, n: usize) -> Result<Array1<f64>> {
    let Some(weights) = weights else { return Ok(Array1::ones(n)) };
    check_length("sample_weight", weights.len(), n)?;
    if let Some(row) = weights.iter().position(|&w| !(w >= 0.0 && w.is_finite())) {
        return Err(Error::input(format!("sample_weight must be >= 0, got {} in row {row}", weights[row])));
    }
    let mean = weights.sum() / n as f64;
    if !(mean > 0.0) {
        return Err(Error::input("sample_weight must not be zero in every row"));
    }
    Ok(weights.mapv(|w| w / mean))
}

impl FairPredictor {
    /// Predicted means (n,): counts for the exposure given (1 where none is), probabilities for the loss `bernoulli`.
    ///
    /// # Errors
    /// Columns other than those of the fit, or exposures <= 0.
    pub fn predict(&self, x: &Design, with_exposure: Option<&Array1<f64>>) -> Result<Array1<f64>> {
        let matrix = x.apply(&self.features)?;
        let exposure = exposure(self.loss, with_exposure, matrix.nrows())?;
        let f = match &self.predictor {
            Predictor::Linear { coefficients, intercept } => matrix.dot(coefficients) + *intercept,
            Predictor::Network { network, centre, scale, offset } => {
                let outputs = network.predict(standardise(matrix.view(), centre, scale).view())?;
                outputs.column(0).mapv(|f| f64::from(f) + offset)
            }
        };
        let means: Array1<f64> = f.iter().zip(&exposure).map(|(&f, &e)| self.loss.mean(f, e)).collect();
        match means.iter().position(|m| !m.is_finite()) {
            Some(row) => Err(Error::numeric(format!("the prediction of row {row} is not finite"))
                .hint("its features lie far outside those of the fit: check their scale")),
            None => Ok(means),
        }
    }

    /// Loss that it was fitted to.
    pub fn loss(&self) -> Loss {
        self.loss
    }
}

impl Model for FairPredictor {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let mut attributes = Bundle::new().with("feature_names", json!(self.features.names()));
        if let Predictor::Linear { coefficients, intercept } = &self.predictor {
            attributes.insert("coef", coefficients.clone());
            attributes.insert("intercept", *intercept);
        }
        if let Some(encoder) = &self.encoder {
            attributes.insert("encoder", json!(encoder));
        }
        attributes
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new();
        let predictor = match &self.predictor {
            Predictor::Linear { coefficients, intercept } => {
                arrays.insert("coefficients", coefficients.clone());
                json!({"form": "linear", "intercept": intercept})
            }
            Predictor::Network { network, centre, scale, offset } => {
                network.to_arrays("network/").into_iter().for_each(|(name, array)| arrays.insert(name, array));
                arrays.insert("centre", centre.clone());
                arrays.insert("scale", scale.clone());
                json!({"form": "mlp", "offset": offset, "spec": network.spec()})
            }
        };
        let json = json!({"loss": self.loss, "features": self.features, "encoder": self.encoder, "predictor": predictor});
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let predictor: serde_json::Value = state.field("predictor")?;
        let part = |name: &str| predictor.get(name).cloned().unwrap_or_default();
        let number = |name: &str| part(name).as_f64().ok_or_else(|| Error::model(format!("the model file has no usable '{name}'")));
        let predictor = match part("form").as_str() {
            Some("linear") => {
                Predictor::Linear { coefficients: state.arrays.vector("coefficients")?.into_owned(), intercept: number("intercept")? }
            }
            _ => {
                let spec: MlpSpec =
                    serde_json::from_value(part("spec")).map_err(|e| Error::model(format!("the model file has no usable 'spec': {e}")))?;
                let mut named = NamedArrays::new();
                for (name, item) in state.arrays.iter() {
                    if let Item::Array32(array) = item {
                        named.insert(name.to_owned(), array.to_owned());
                    }
                }
                Predictor::Network {
                    network: Box::new(Mlp::from_arrays(spec, &named, "network/")?),
                    centre: state.arrays.vector("centre")?.into_owned(),
                    scale: state.arrays.vector("scale")?.into_owned(),
                    offset: number("offset")?,
                }
            }
        };
        Ok(Self { loss: state.field("loss")?, features: state.field("features")?, encoder: state.field("encoder")?, predictor })
    }
}
