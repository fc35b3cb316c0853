//! The tasks: thin adapters between named inputs and the typed API.

use super::choose::{Chosen, ami_cao, mdop};
use super::combine::combine_tests;
use super::data::example;
use super::embedding::{Embedding, covariances};
use super::epochs::check;
use super::evaluate::{Comparison, Recordings, evaluate};
use super::model::{AcmModel, Predicted, fit};
use super::params::{AcmClassifier, AugmentedCovariance, BandPassFilter, Evaluation, FreeRule, Geometry, SelectEmbedding, SpdMap, SpdMean};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Measurement, NoParams, Operation, Output, Result, Shape,
    Table,
};
use elinvar_data::classes::only_column;
use elinvar_math::signal::BandPass;
use elinvar_math::spd::{self, MeanSettings, TangentSpace};
use ndarray::{Array1, Array2, Array3, ArrayView3, Ix2, Ix3};
use serde_json::json;

const X: Field = Field::member("X", Shape::Tensor(3), "epochs (n, channels, samples), all in one unit");
const Y: Field = Field::member("y", Shape::Table, "label of each epoch (n,): whole numbers or text");
const SFREQ: Field = Field::member("sfreq", Shape::Scalar, "sampling rate in Hz, only needed with a band").optional();

/// An array of three axes.
fn tensor(bundle: &Bundle<'_>, name: &str) -> Result<Array3<f64>> {
    let array = bundle.array(name)?;
    let shape = array.shape().to_vec();
    array.into_owned().into_dimensionality::<Ix3>().map_err(|_| {
        Error::input(format!("'{name}' must have 3 axes, got an array of shape {shape:?}"))
            .hint("epochs are (n, channels, samples), stacks of matrices (n, P, P)")
    })
}

fn labels(bundle: &Bundle<'_>, name: &str) -> Result<Column> {
    only_column(&bundle.table(name)?, name)
}

fn optional_labels(bundle: &Bundle<'_>, name: &str) -> Result<Option<Column>> {
    bundle.get(name).map(|_| labels(bundle, name)).transpose()
}

fn optional_scalar(bundle: &Bundle<'_>, name: &str) -> Result<Option<f64>> {
    bundle.get(name).map(|_| bundle.scalar(name)).transpose()
}

fn epochs() -> Bundle<'static> {
    Bundle::new().with("X", example(&Context::new(0)).x)
}

fn labelled() -> Bundle<'static> {
    let recording = example(&Context::new(0));
    let y = Table::new().with("y", recording.y).unwrap_or_default();
    Bundle::new().with("X", recording.x).with("y", y)
}

fn stack() -> Bundle<'static> {
    let x = example(&Context::new(0)).x;
    let stack = covariances(x.view(), Embedding { order: 2, lag: 3 }, Default::default(), &Context::new(0));
    stack.map_or_else(|_| Bundle::new(), |stack| Bundle::new().with("matrices", stack))
}

/// Epochs alone.
pub(super) struct Epochs(Array3<f64>);

impl Input<'_> for Epochs {
    const FIELDS: &'static [Field] = &[X];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(tensor(bundle, "X")?))
    }
}

/// Matrices.
pub(super) struct Matrices(Array3<f64>);

impl Output for Matrices {
    const FIELDS: &'static [Field] = &[Field::new("matrices", Shape::Tensor(3), "symmetric matrices (n, P, P)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("matrices", self.0)
    }
}

/// `covariance`.
pub(super) struct CovarianceTask;

impl Measurement for CovarianceTask {
    const VERB: &'static str = "covariance";
    const SUMMARY: &'static str = "covariance matrices of delay-embedded epochs";
    type Params = AugmentedCovariance;
    type Input<'a> = Epochs;
    type Output = Matrices;
    fn measure(params: &Checked<AugmentedCovariance>, Epochs(x): Epochs, ctx: &mut Context) -> Result<Matrices> {
        params.covariances(x.view(), ctx).map(Matrices)
    }
    fn example() -> Bundle<'static> {
        epochs()
    }
}

impl AugmentedCovariance {
    /// Covariance matrices (n, d p, d p) of epochs (n, d, T).
    ///
    /// # Errors
    /// Epochs that are too short or not finite, or a flat channel.
    pub fn transform(&self, x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array3<f64>> {
        Checked::new(self.clone())?.covariances(x, ctx)
    }

    fn covariances(&self, x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array3<f64>> {
        check(x)?;
        let found = covariances(x, Embedding { order: self.order, lag: self.lag }, self.estimator, ctx)?;
        match found.outer_iter().position(|matrix| matrix.iter().any(|value| !value.is_finite())) {
            Some(trial) => Err(Error::numeric(format!("the covariance of trial {trial} is not finite"))
                .hint("bring the signals to a common unit, such as volts")),
            None => Ok(found),
        }
    }
}

/// Labelled epochs.
pub(super) struct Labelled {
    x: Array3<f64>,
    y: Column,
    sfreq: Option<f64>,
}

impl Input<'_> for Labelled {
    const FIELDS: &'static [Field] = &[X, Y, SFREQ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: tensor(bundle, "X")?, y: labels(bundle, "y")?, sfreq: optional_scalar(bundle, "sfreq")? })
    }
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "fit a classifier of epochs on augmented covariances";
    type Params = AcmClassifier;
    type Input<'a> = Labelled;
    type Model = AcmModel;
    fn fit(params: &Checked<AcmClassifier>, input: Labelled, ctx: &mut Context) -> Result<Fitted<AcmModel>> {
        fit(params, input.x.view(), &input.y, input.sfreq, ctx)
    }
    fn example() -> Bundle<'static> {
        labelled()
    }
}

/// Epochs to classify.
pub(super) struct ToPredict {
    x: Array3<f64>,
    sfreq: Option<f64>,
}

impl Input<'_> for ToPredict {
    const FIELDS: &'static [Field] = &[X, SFREQ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: tensor(bundle, "X")?, sfreq: optional_scalar(bundle, "sfreq")? })
    }
}

/// Classes, decisions and probabilities.
pub(super) struct Judged {
    labels: Table,
    predicted: Predicted,
}

impl Output for Judged {
    const FIELDS: &'static [Field] = &[
        Field::new("labels", Shape::Table, "label of each epoch (m rows)"),
        Field::new("code", Shape::Vector, "place of the label among the sorted classes (m,)"),
        Field::new("decision", Shape::Tensor(2), "score of the second class (m,), or of each class (m, K) for more than two"),
        Field::new("probabilities", Shape::Matrix, "probability of each class (m, K)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let Self { labels, predicted } = self;
        let codes: Array1<i64> = predicted.codes.iter().map(|&code| code as i64).collect();
        let found = Bundle::new().with("labels", labels).with("code", codes);
        let scores = predicted.scores;
        let found = match scores.ncols() {
            2 => found.with("decision", &scores.column(1) - &scores.column(0)),
            _ => found.with("decision", scores),
        };
        found.with("probabilities", predicted.probabilities)
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "classify epochs with a fitted model";
    type Params = NoParams;
    type Model = AcmModel;
    type Input<'a> = ToPredict;
    type Output = Judged;
    fn apply(_: &Checked<NoParams>, model: &AcmModel, input: ToPredict, ctx: &mut Context) -> Result<Judged> {
        let predicted = model.predict(input.x.view(), input.sfreq, ctx)?;
        let labels = Table::new().with("label", model.classes().column(&predicted.codes))?;
        Ok(Judged { labels, predicted })
    }
    fn example() -> Bundle<'static> {
        epochs()
    }
}

/// Labelled epochs of sessions and subjects.
pub(super) struct Sessions {
    labelled: Labelled,
    session: Option<Column>,
    subject: Option<Column>,
}

impl Input<'_> for Sessions {
    const FIELDS: &'static [Field] = &[
        X,
        Y,
        Field::member("session", Shape::Table, "session of each epoch (n,)").optional(),
        Field::member("subject", Shape::Table, "subject of each epoch (n,)").optional(),
        SFREQ,
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self {
            labelled: Labelled::from_bundle(bundle)?,
            session: optional_labels(bundle, "session")?,
            subject: optional_labels(bundle, "subject")?,
        })
    }
}

impl Output for Comparison {
    const FIELDS: &'static [Field] = &[
        Field::new("scores", Shape::Table, "one row a subject, session and pipeline: score, and the order and lag chosen on the last fold"),
        Field::new("summary", Shape::Table, "one row a pipeline: mean, sd and number of scores"),
        Field::new("tests", Shape::Table, "one row an ordered pair: mean difference over subjects, one-sided p-values").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let found = Bundle::new().with("summary", self.summary).with("scores", self.scores);
        match self.tests {
            Some(tests) => found.with("tests", tests),
            None => found,
        }
    }
}

/// Tests of several data sets.
pub(super) struct Tests(Table);

impl Input<'_> for Tests {
    const FIELDS: &'static [Field] = &[Field::rest(
        "tests",
        Shape::Table,
        "one row a data set and ordered pair of pipelines: better, than, n_subjects, difference, p_value, as the tests of `evaluate`",
    )];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        bundle.table("tests").map(Self)
    }
}

/// Tests over all data sets.
pub(super) struct CombinedTests(Table);

impl Output for CombinedTests {
    const FIELDS: &'static [Field] =
        &[Field::new("combined", Shape::Table, "one row an ordered pair: data sets, subjects, mean difference, combined p-values")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("combined", self.0)
    }
}

/// `combine`.
pub(super) struct CombineTask;

impl Measurement for CombineTask {
    const VERB: &'static str = "combine";
    const SUMMARY: &'static str = "combine comparisons on several data sets (Stouffer, weighted by the roots of the numbers of subjects)";
    type Params = NoParams;
    type Input<'a> = Tests;
    type Output = CombinedTests;
    fn measure(_: &Checked<NoParams>, Tests(tests): Tests, _: &mut Context) -> Result<CombinedTests> {
        combine_tests(&tests).map(CombinedTests)
    }
    fn example() -> Bundle<'static> {
        let text = |name: &str| Column::Text(vec![Some(name.to_owned()); 2]);
        let table = || {
            Table::new()
                .with("better", text("acm_mdm"))?
                .with("than", text("mdm"))?
                .with("n_subjects", Column::Integer(vec![9, 14]))?
                .with("difference", Column::Number(vec![0.04, 0.02]))?
                .with("p_value", Column::Number(vec![0.02, 0.07]))
        };
        Bundle::new().with("tests", table().unwrap_or_default())
    }
}

/// `evaluate`.
pub(super) struct EvaluateTask;

impl Measurement for EvaluateTask {
    const VERB: &'static str = "evaluate";
    const SUMMARY: &'static str = "compare classifiers by cross-validation within or across sessions";
    type Params = Evaluation;
    type Input<'a> = Sessions;
    type Output = Comparison;
    fn measure(params: &Checked<Evaluation>, input: Sessions, ctx: &mut Context) -> Result<Comparison> {
        let Sessions { labelled: Labelled { x, y, sfreq }, session, subject } = input;
        evaluate(params, &Recordings { x: x.view(), y, session, subject, sfreq }, ctx)
    }
    fn example() -> Bundle<'static> {
        let session = Column::Integer((0..32).map(|i| i / 16).collect());
        labelled().with("session", Table::new().with("session", session).unwrap_or_default())
    }
}

impl Output for Chosen {
    const FIELDS: &'static [Field] = &[
        Field::new("order", Shape::Scalar, "order p"),
        Field::new("lag", Shape::Scalar, "lag τ in samples"),
        Field::new("information", Shape::Vector, "average mutual information (bits) at the lags 0, 1, ..."),
        Field::new("saturation", Shape::Vector, "Cao's E1 at the orders 1, 2, ...; empty for 'mdop'"),
        Field::new("delays", Shape::Json, "delays in the order in which 'mdop' chose them; empty for 'ami_cao'"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("order", self.embedding.order as f64)
            .with("lag", self.embedding.lag as f64)
            .with("information", self.information)
            .with("saturation", self.saturation.into_iter().map(|e| if e.is_finite() { e } else { 1.0 }).collect::<Vec<f64>>())
            .with("delays", json!(self.delays))
    }
}

/// `select`.
pub(super) struct SelectTask;

impl Measurement for SelectTask {
    const VERB: &'static str = "select";
    const SUMMARY: &'static str = "choose order and lag from the signals alone";
    type Params = SelectEmbedding;
    type Input<'a> = Epochs;
    type Output = Chosen;
    fn measure(params: &Checked<SelectEmbedding>, Epochs(x): Epochs, ctx: &mut Context) -> Result<Chosen> {
        check(x.view())?;
        match params.rule {
            FreeRule::AmiCao => ami_cao(x.view(), ctx),
            FreeRule::Mdop => mdop(x.view(), ctx),
        }
    }
    fn example() -> Bundle<'static> {
        epochs()
    }
}

/// Filtered epochs.
pub(super) struct Filtered(Array3<f64>);

impl Output for Filtered {
    const FIELDS: &'static [Field] = &[Field::new("X", Shape::Tensor(3), "filtered epochs (n, channels, samples)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("X", self.0)
    }
}

/// `bandpass`.
pub(super) struct BandPassTask;

impl Measurement for BandPassTask {
    const VERB: &'static str = "bandpass";
    const SUMMARY: &'static str = "filter epochs to a band without phase shift";
    type Params = BandPassFilter;
    type Input<'a> = Epochs;
    type Output = Filtered;
    fn measure(params: &Checked<BandPassFilter>, Epochs(x): Epochs, ctx: &mut Context) -> Result<Filtered> {
        check(x.view())?;
        let filter = BandPass::butterworth(params.filter_order, params.low, params.high, params.sfreq)?;
        filter.filter_epochs(x.view(), ctx).map(Filtered)
    }
    fn example() -> Bundle<'static> {
        epochs()
    }
}

const STACK: Field = Field::new("matrices", Shape::Tensor(3), "symmetric positive definite matrices (n, P, P)");
const REFERENCE: Field = Field::new("reference", Shape::Matrix, "a symmetric positive definite matrix (P, P)");

/// A stack of matrices.
pub(super) struct Stack(Array3<f64>);

impl Input<'_> for Stack {
    const FIELDS: &'static [Field] = &[STACK];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(tensor(bundle, "matrices")?))
    }
}

/// A stack of matrices and one to measure from.
pub(super) struct Referred {
    stack: Array3<f64>,
    reference: Array2<f64>,
}

impl Input<'_> for Referred {
    const FIELDS: &'static [Field] = &[STACK, REFERENCE];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let reference = bundle.array("reference")?.into_owned();
        let shape = reference.shape().to_vec();
        let reference = reference.into_dimensionality::<Ix2>();
        let reference = reference.map_err(|_| Error::input(format!("'reference' must be a matrix, got an array of shape {shape:?}")))?;
        Ok(Self { stack: tensor(bundle, "matrices")?, reference })
    }
}

impl Referred {
    fn check(&self) -> Result<()> {
        let (rows, size) = (self.reference.nrows(), self.stack.dim().1);
        match rows == size {
            true => Ok(()),
            false => Err(Error::input(format!("'reference' must have the size of the matrices, got {rows} and {size}"))),
        }
    }

    fn example() -> Bundle<'static> {
        let bundle = stack();
        let first = tensor(&bundle, "matrices").map(|stack| stack.index_axis_move(ndarray::Axis(0), 0));
        first.map_or_else(|_| Bundle::new(), |first| bundle.with("reference", first))
    }
}

/// One number a matrix.
pub(super) struct Distances(Array1<f64>);

impl Output for Distances {
    const FIELDS: &'static [Field] = &[Field::new("distance", Shape::Vector, "distance of each matrix to the reference (n,)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("distance", self.0)
    }
}

/// `spd-distance`.
pub(super) struct DistanceTask;

impl Measurement for DistanceTask {
    const VERB: &'static str = "spd-distance";
    const SUMMARY: &'static str = "distances of SPD matrices to one of them";
    type Params = Geometry;
    type Input<'a> = Referred;
    type Output = Distances;
    fn measure(params: &Checked<Geometry>, input: Referred, ctx: &mut Context) -> Result<Distances> {
        input.check()?;
        spd::Reference::new(params.metric, input.reference.view())?.distances(input.stack.view(), ctx).map(Distances)
    }
    fn example() -> Bundle<'static> {
        Referred::example()
    }
}

/// A mean.
pub(super) struct FoundMean(spd::Mean);

impl Output for FoundMean {
    const FIELDS: &'static [Field] = &[
        Field::new("mean", Shape::Matrix, "the mean (P, P)"),
        Field::new("criterion", Shape::Scalar, "Frobenius norm of the mean logarithm there"),
        Field::new("iterations", Shape::Scalar, "iterations"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let spd::Mean { matrix, criterion, iterations, .. } = self.0;
        Bundle::new().with("mean", matrix).with("criterion", criterion).with("iterations", iterations as f64)
    }
}

/// `spd-mean`.
pub(super) struct MeanTask;

impl Measurement for MeanTask {
    const VERB: &'static str = "spd-mean";
    const SUMMARY: &'static str = "geometric or log-Euclidean mean of SPD matrices";
    type Params = SpdMean;
    type Input<'a> = Stack;
    type Output = FoundMean;
    fn measure(params: &Checked<SpdMean>, Stack(matrices): Stack, ctx: &mut Context) -> Result<FoundMean> {
        let settings = MeanSettings { tolerance: params.tol, max_iterations: params.max_iter };
        let found = spd::mean(params.metric, matrices.view(), None, &settings, ctx)?;
        if found.status != elinvar_core::Status::Converged {
            ctx.warn(format!(
                "the mean stopped after {} iterations at criterion {:.1e}; raise max_iter or tol",
                found.iterations, found.criterion
            ));
        }
        Ok(FoundMean(found))
    }
    fn example() -> Bundle<'static> {
        stack()
    }
}

/// `spd-map`.
pub(super) struct MapTask;

impl Measurement for MapTask {
    const VERB: &'static str = "spd-map";
    const SUMMARY: &'static str = "logarithm, exponential or root of symmetric matrices";
    type Params = SpdMap;
    type Input<'a> = Stack;
    type Output = Matrices;
    fn measure(params: &Checked<SpdMap>, Stack(matrices): Stack, ctx: &mut Context) -> Result<Matrices> {
        spd::map(matrices.view(), params.function, ctx).map(Matrices)
    }
    fn example() -> Bundle<'static> {
        stack()
    }
}

/// Tangent vectors.
pub(super) struct Vectors(Array2<f64>);

impl Output for Vectors {
    const FIELDS: &'static [Field] =
        &[Field::new("vectors", Shape::Matrix, "tangent vectors (n, P(P+1)/2): upper triangles row by row, off the diagonal times sqrt 2")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("vectors", self.0)
    }
}

/// `tangent-space`.
pub(super) struct TangentTask;

impl Measurement for TangentTask {
    const VERB: &'static str = "tangent-space";
    const SUMMARY: &'static str = "tangent vectors of SPD matrices at a reference";
    type Params = Geometry;
    type Input<'a> = Referred;
    type Output = Vectors;
    fn measure(params: &Checked<Geometry>, input: Referred, ctx: &mut Context) -> Result<Vectors> {
        input.check()?;
        TangentSpace::at(params.metric, input.reference.view())?.vectors(input.stack.view(), ctx).map(Vectors)
    }
    fn example() -> Bundle<'static> {
        Referred::example()
    }
}
