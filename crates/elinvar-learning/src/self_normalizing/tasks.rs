//! The tasks: thin adapters between named inputs and the typed API.

use super::fit::{self, Data};
use super::model::{Labels, SnnModel};
use super::moments::{FixedPoint, Weights, fixed_point, map_all};
use super::params::{Constants, FixedPointSearch, MomentMap, Selu, Snn, SnnGridSearch};
use super::report::{Report, self_normalizing_report};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Measurement, NoInput, NoParams, Operation, Output, Result,
    Shape, Table,
};
use elinvar_data::design::Design;
use elinvar_math::logistic::most_probable;
use elinvar_nn::alpha_dropout::AlphaDropout;
use ndarray::{Array1, Array2, CowArray, Ix1};
use serde_json::json;

const X: Field = Field::rest("X", Shape::Matrix, "features (n, d); text columns of a table become one-hot").flag("features");

impl Input<'_> for Data {
    const FIELDS: &'static [Field] = &[
        X,
        Field::columns("y", Shape::Table, "class or number of each row (n,); for `multitask` columns of 0, 1 and missing cells (n, tasks)")
            .flag("target")
            .with_gaps(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: Design::from_bundle(bundle, "X")?, y: bundle.table("y")? })
    }
}

/// 90 rows of two classes, 4 features: as classes, as numbers and as answers.
fn training() -> Bundle<'static> {
    let (x, classes) = super::data::blobs(90, 4, 2, &mut elinvar_core::random::stream(0, &[("example", 0)]));
    let y = Column::Integer(classes.into_iter().map(|c| c as i64).collect());
    Bundle::new().with("X", x).with("y", Table::new().with("y", y).unwrap_or_default())
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "fit a self-normalising network (or one of its competitors) to a table";
    type Params = Snn;
    type Input<'a> = Data;
    type Model = SnnModel;
    fn fit(params: &Checked<Snn>, input: Data, ctx: &mut Context) -> Result<Fitted<SnnModel>> {
        fit::fit(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// `search`.
pub(super) struct SearchTask;

impl Estimator for SearchTask {
    const VERB: &'static str = "search";
    const SUMMARY: &'static str = "fit every network of a grid and keep the one with the least held-out loss";
    type Params = SnnGridSearch;
    type Input<'a> = Data;
    type Model = SnnModel;
    fn fit(params: &Checked<SnnGridSearch>, input: Data, ctx: &mut Context) -> Result<Fitted<SnnModel>> {
        fit::search(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// Rows to predict.
pub(super) struct ToPredict(Design);

impl Input<'_> for ToPredict {
    const FIELDS: &'static [Field] = &[Field::rest("X", Shape::Matrix, "features (n, d), the columns of the fit").flag("features")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Design::from_bundle(bundle, "X").map(Self)
    }
}

/// Predictions of numbers, or of classes or answers.
pub(super) enum Predicted {
    Numbers(Array1<f64>),
    Labels { labels: Table, code: Array1<i64>, probabilities: Array2<f64> },
}

impl Output for Predicted {
    const FIELDS: &'static [Field] = &[
        Field::new("labels", Shape::Table, "class of each row, or its answers (n rows)").optional(),
        Field::new("code", Shape::Vector, "place of the class among the sorted classes (n,)").optional(),
        Field::new("probabilities", Shape::Matrix, "probability of each class or answer (n, outputs)").optional(),
        Field::new("prediction", Shape::Vector, "predicted number of each row (n,), of a regression").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        match self {
            Self::Numbers(prediction) => Bundle::new().with("prediction", prediction),
            Self::Labels { labels, code, probabilities } => {
                Bundle::new().with("labels", labels).with("code", code).with("probabilities", probabilities)
            }
        }
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "predict classes, numbers or answers with a fitted network";
    type Params = NoParams;
    type Model = SnnModel;
    type Input<'a> = ToPredict;
    type Output = Predicted;
    fn apply(_: &Checked<NoParams>, model: &SnnModel, ToPredict(x): ToPredict, ctx: &mut Context) -> Result<Predicted> {
        predicted(model, &x, ctx)
    }
    fn example() -> Bundle<'static> {
        features()
    }
}

fn features() -> Bundle<'static> {
    let mut data = training();
    data.remove("y");
    data
}

fn predicted(model: &SnnModel, x: &Design, ctx: &Context) -> Result<Predicted> {
    if let Labels::Number { .. } = model.labels {
        return model.numbers(x, ctx).map(Predicted::Numbers);
    }
    let probabilities = model.probabilities(x, ctx)?;
    let codes = most_probable(&probabilities);
    let labels = model.labels.table(&codes, &probabilities)?;
    Ok(Predicted::Labels { labels, code: codes.iter().map(|&code| code as i64).collect(), probabilities })
}

impl Output for Report {
    const FIELDS: &'static [Field] = &[
        Field::new("verdict", Shape::Json, "one sentence"),
        Field::new(
            "layers",
            Shape::Table,
            "one row a hidden layer: units; mean and variance as measured and as predicted; share of units within Theorem 1; ranges of the \
             sums of weights (omega) and of their squares (tau); proven ends of mean and variance, empty behind biases",
        ),
        Field::new("first_leaving", Shape::Json, "first layer that is not proven to stay in the domain of Theorem 1, none where all are"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let layers = self.table().unwrap_or_default();
        Bundle::new().with("verdict", json!(self.verdict)).with("layers", layers).with("first_leaving", json!(self.first_leaving))
    }
}

/// `report`.
pub(super) struct ReportTask;

impl Operation for ReportTask {
    const VERB: &'static str = "report";
    const SUMMARY: &'static str = "mean and variance of every hidden layer as measured, as predicted and as proven";
    type Params = NoParams;
    type Model = SnnModel;
    type Input<'a> = ToPredict;
    type Output = Report;
    fn apply(_: &Checked<NoParams>, model: &SnnModel, ToPredict(x): ToPredict, ctx: &mut Context) -> Result<Report> {
        let inputs = model.inputs(&x)?;
        if inputs.nrows() < 2 {
            return Err(Error::input(format!("a variance needs at least 2 rows, got {}", inputs.nrows())));
        }
        self_normalizing_report(model.network(), inputs.view(), ctx)
    }
    fn example() -> Bundle<'static> {
        features()
    }
}

/// Points of the moment map.
pub(super) struct Points<'a>([CowArray<'a, f64, Ix1>; 4]);

impl<'a> Input<'a> for Points<'a> {
    const FIELDS: &'static [Field] = &[
        Field::columns("mu", Shape::Vector, "mean of the inputs (n,)"),
        Field::columns("omega", Shape::Vector, "sum of the weights (n,)"),
        Field::columns("nu", Shape::Vector, "variance of the inputs (n,), >= 0"),
        Field::columns("tau", Shape::Vector, "sum of the squared weights (n,), >= 0"),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let of = |name: &str| bundle.vector(name);
        Ok(Self([of("mu")?, of("omega")?, of("nu")?, of("tau")?]))
    }
}

/// Moments after the layer.
pub(super) struct Mapped {
    mean: Array1<f64>,
    variance: Array1<f64>,
}

impl Output for Mapped {
    const FIELDS: &'static [Field] = &[
        Field::new("mean", Shape::Vector, "mean after the layer (n,)"),
        Field::new("variance", Shape::Vector, "variance after the layer (n,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("mean", self.mean).with("variance", self.variance)
    }
}

/// `moment-map`.
pub(super) struct MomentMapTask;

impl Measurement for MomentMapTask {
    const VERB: &'static str = "moment-map";
    const SUMMARY: &'static str = "mean and variance after a SELU layer from those before it and the sums of its weights";
    type Params = MomentMap;
    type Input<'a> = Points<'a>;
    type Output = Mapped;
    fn measure(params: &Checked<MomentMap>, Points(points): Points<'_>, ctx: &mut Context) -> Result<Mapped> {
        let [mu, omega, nu, tau] = &points;
        let (mean, variance) = map_all(**params, [mu.view(), omega.view(), nu.view(), tau.view()], ctx)?;
        Ok(Mapped { mean, variance })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
            .with("mu", vec![0.0, 0.1, -0.1])
            .with("omega", vec![0.0, 0.1, 0.1])
            .with("nu", vec![1.0, 1.5, 0.8])
            .with("tau", vec![1.0, 1.1, 0.95])
    }
}

impl Output for FixedPoint {
    const FIELDS: &'static [Field] = &[
        Field::new("mean", Shape::Scalar, "mean that layers keep"),
        Field::new("variance", Shape::Scalar, "variance that layers keep"),
        Field::new(
            "contraction",
            Shape::Scalar,
            "largest singular value of the map's derivative there; layers draw near it where it is below 1",
        ),
        Field::new("iterations", Shape::Scalar, "layers until it was reached from mean 0 and variance 1"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("mean", self.moments.mean)
            .with("variance", self.moments.variance)
            .with("contraction", self.contraction)
            .with("iterations", self.iterations as f64)
    }
}

/// `fixed-point`.
pub(super) struct FixedPointTask;

impl Measurement for FixedPointTask {
    const VERB: &'static str = "fixed-point";
    const SUMMARY: &'static str = "mean and variance that SELU layers with these sums of weights keep";
    type Params = FixedPointSearch;
    type Input<'a> = NoInput;
    type Output = FixedPoint;
    fn measure(params: &Checked<FixedPointSearch>, _: NoInput, _: &mut Context) -> Result<FixedPoint> {
        let selu = Selu { alpha: params.alpha, lambda: params.lambda };
        fixed_point(selu, Weights { sum: params.omega, squares: params.tau }, params.tol, params.max_iter)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// Constants of a self-normalising activation.
pub(super) struct Found {
    selu: Selu,
    saturation: f64,
    affine: (f64, f64),
}

impl Output for Found {
    const FIELDS: &'static [Field] = &[
        Field::new("alpha", Shape::Scalar, "slope below zero over slope above, at zero"),
        Field::new("scale", Shape::Scalar, "slope above zero (λ of the paper)"),
        Field::new("saturation", Shape::Scalar, "what dropped values become, -lambda alpha"),
        Field::new("dropout_scale", Shape::Scalar, "factor of alpha dropout (a of the paper)"),
        Field::new("dropout_shift", Shape::Scalar, "shift of alpha dropout (b of the paper)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("alpha", self.selu.alpha)
            .with("scale", self.selu.lambda)
            .with("saturation", self.saturation)
            .with("dropout_scale", self.affine.0)
            .with("dropout_shift", self.affine.1)
    }
}

/// `constants`.
pub(super) struct ConstantsTask;

impl Measurement for ConstantsTask {
    const VERB: &'static str = "constants";
    const SUMMARY: &'static str = "the SELU and the alpha dropout whose fixed point is a given mean and variance";
    type Params = Constants;
    type Input<'a> = NoInput;
    type Output = Found;
    fn measure(params: &Checked<Constants>, _: NoInput, _: &mut Context) -> Result<Found> {
        let selu = Selu::for_fixed_point(params.mean, params.variance)?;
        let saturation = -selu.lambda * selu.alpha;
        let dropout = AlphaDropout { rate: params.dropout, saturation, mean: params.mean, variance: params.variance };
        dropout.check()?;
        Ok(Found { selu, saturation, affine: dropout.affine() })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}
