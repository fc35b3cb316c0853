//! The tasks: thin adapters between named inputs and the typed API.

use super::data::clustered;
use super::design::{Data, Source};
use super::model::{MixedModel, fit};
use super::params::{SelectionPath, TsallisMixedModel};
use super::selection::{Path, path};
use super::summary::Summary;
use elinvar_core::{
    Bundle, Checked, Column, Context, Estimator, Field, Fitted, Input, Measurement, NoInput, NoParams, Operation, Output, Result, Shape,
    Table,
};
use ndarray::Array1;
use serde_json::json;

const X: Field =
    Field::rest("X", Shape::Matrix, "fixed effects (n, d); text columns of a table are coded against their first level").flag("features");
const GROUPS: Field =
    Field::columns("groups", Shape::Table, "group of each row: one column of any type (n rows); without it every row is a group")
        .flag("group")
        .optional();
const Z: Field = Field::columns("Z", Shape::Matrix, "columns with a random slope in each group (n, k)").flag("random").optional();

fn optional<T>(bundle: &Bundle<'_>, name: &str, read: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    bundle.get(name).map(|_| read()).transpose()
}

impl Input<'_> for Data {
    const FIELDS: &'static [Field] = &[
        X,
        Field::columns("y", Shape::Vector, "outcome (n,); a formula can name it instead").flag("target").optional(),
        GROUPS,
        Z,
        Field::columns("precision", Shape::Vector, "relative precision of each row's error (n,), > 0: its scatter is scale / precision")
            .optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self {
            x: Source::from_bundle(bundle, "X")?,
            y: optional(bundle, "y", || bundle.vector("y").map(|v| v.into_owned()))?,
            groups: optional(bundle, "groups", || bundle.table("groups"))?,
            z: optional(bundle, "Z", || Source::from_bundle(bundle, "Z"))?,
            precision: optional(bundle, "precision", || bundle.vector("precision").map(|v| v.into_owned()))?,
        })
    }
}

/// 20 groups of 4 rows with three predictors, the first two groups outlying.
fn training() -> Bundle<'static> {
    let data = clustered(20, 4, vec![1.0, -1.0, 0.5, 0.0], 2, false, &mut elinvar_core::random::stream(0, &[("example", 0)]));
    let labels = Column::Text(data.groups.iter().map(|g| Some(format!("g{g}"))).collect());
    Bundle::new().with("X", data.x).with("y", data.y).with("groups", Table::new().with("group", labels).unwrap_or_default())
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "fit a mixed model whose outlying groups lose weight";
    type Params = TsallisMixedModel;
    type Input<'a> = Data;
    type Model = MixedModel;
    fn fit(params: &Checked<TsallisMixedModel>, input: Data, ctx: &mut Context) -> Result<Fitted<MixedModel>> {
        fit(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// Rows to predict.
pub(super) struct ToPredict {
    x: Source,
    groups: Option<Table>,
    z: Option<Source>,
}

impl Input<'_> for ToPredict {
    const FIELDS: &'static [Field] = &[X, GROUPS, Z];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self {
            x: Source::from_bundle(bundle, "X")?,
            groups: optional(bundle, "groups", || bundle.table("groups"))?,
            z: optional(bundle, "Z", || Source::from_bundle(bundle, "Z"))?,
        })
    }
}

/// Predicted outcomes.
pub(super) struct Predicted(Array1<f64>);

impl Output for Predicted {
    const FIELDS: &'static [Field] = &[Field::new("prediction", Shape::Vector, "predicted outcome of each row (n,)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "predict rows: with the random effects of groups that the fit saw, without for others";
    type Params = NoParams;
    type Model = MixedModel;
    type Input<'a> = ToPredict;
    type Output = Predicted;
    fn apply(_: &Checked<NoParams>, model: &MixedModel, input: ToPredict, _: &mut Context) -> Result<Predicted> {
        Ok(Predicted(model.predict(&input.x, input.groups.as_ref(), input.z.as_ref())?))
    }
    fn example() -> Bundle<'static> {
        let mut data = training();
        data.remove("y");
        data
    }
}

impl Output for Summary {
    const FIELDS: &'static [Field] = &[
        Field::new("coefficients", Shape::Table, "fixed effects: name, estimate, std_error, z, p_value, low and high (95 %)"),
        Field::new("random", Shape::Table, "scatter of the random effects: name, sd, scatter with each"),
        Field::new(
            "groups",
            Shape::Table,
            "every group: rows, q, weight, p_core, p_adjusted (Benjamini-Hochberg), p_model (shape group), outlier",
        ),
        Field::new("fit", Shape::Table, "figures of the fit: log likelihood, AIC, BIC, scale, nu, test of the Gaussian"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("coefficients", self.coefficients).with("random", self.random).with("groups", self.groups).with("fit", self.fit)
    }
}

/// `summary`.
pub(super) struct SummaryTask;

impl Operation for SummaryTask {
    const VERB: &'static str = "summary";
    const SUMMARY: &'static str = "tables of the effects, the groups that stand out and the fit";
    type Params = NoParams;
    type Model = MixedModel;
    type Input<'a> = NoInput;
    type Output = Summary;
    fn apply(_: &Checked<NoParams>, model: &MixedModel, _: NoInput, _: &mut Context) -> Result<Summary> {
        model.summary()
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

impl Output for Path {
    const FIELDS: &'static [Field] = &[
        Field::new(
            "path",
            Shape::Table,
            "one row a level: lam, selected, loglik, nu, scale, ebic, mae (with cross-validation), iterations",
        ),
        Field::new("names", Shape::Json, "names of the fixed effects"),
        Field::new("coefficients", Shape::Matrix, "fixed effects at every level (levels, p)"),
        Field::new("selected", Shape::Scalar, "the level that was chosen"),
        Field::new("effects", Shape::Table, "name and estimate of the effects that are not zero there"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("path", self.table)
            .with("names", json!(self.names))
            .with("coefficients", self.coefficients)
            .with("selected", self.selected)
            .with("effects", self.effects)
    }
}

/// `path`.
pub(super) struct PathTask;

impl Measurement for PathTask {
    const VERB: &'static str = "path";
    const SUMMARY: &'static str = "select fixed effects: models along a path of penalty levels, and the level to choose";
    type Params = SelectionPath;
    type Input<'a> = Data;
    type Output = Path;
    fn measure(params: &Checked<SelectionPath>, input: Data, ctx: &mut Context) -> Result<Path> {
        path(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}
