//! The tasks: thin adapters between named inputs and the typed API.

use super::audit::{AuditReport, audit};
use super::data::motor;
use super::lambda_path::{Path, path};
use super::measures::permutation_test;
use super::model::{Data, FairPredictor, fit};
use super::params::{DistanceCovariance, FairModel, FairnessAudit, LambdaPath, PermutationTest};
use elinvar_core::{
    Bundle, Checked, Context, Error, Estimator, Field, Fitted, Input, Measurement, NoParams, Operation, Output, Result, Shape, Table,
};
use elinvar_data::design::Design;
use ndarray::Array1;

const YHAT: Field = Field::columns("yhat", Shape::Vector, "the score: one prediction a row (n,)").flag("score_column");
const PROTECTED: Field = Field::columns("protected", Shape::Table, "protected attributes: named columns of any type (n rows)");

/// A score and its protected attributes.
pub(super) struct Scores {
    yhat: Array1<f64>,
    protected: Table,
}

impl Input<'_> for Scores {
    const FIELDS: &'static [Field] = &[YHAT, PROTECTED];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { yhat: bundle.vector("yhat")?.into_owned(), protected: bundle.table("protected")? })
    }
}

/// A generated portfolio of 200 policies, its claim counts used as the score.
fn scores() -> Bundle<'static> {
    let portfolio = motor(200, 0.0, &mut elinvar_core::random::stream(0, &[("example", 0)]));
    let score = portfolio.x.column(0).mapv(|x| (0.3 * x - 2.0).exp());
    Bundle::new().with("yhat", score).with("protected", portfolio.protected)
}

/// One number.
pub(super) struct Number(f64);

impl Output for Number {
    const FIELDS: &'static [Field] = &[Field::new("statistic", Shape::Scalar, "the measure, in units of the score (dCor² has none)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("statistic", self.0)
    }
}

/// `statistic`.
pub(super) struct StatisticTask;

impl Measurement for StatisticTask {
    const VERB: &'static str = "statistic";
    const SUMMARY: &'static str = "measure the dependence of a score on protected attributes";
    type Params = DistanceCovariance;
    type Input<'a> = Scores;
    type Output = Number;
    fn measure(params: &Checked<DistanceCovariance>, input: Scores, ctx: &mut Context) -> Result<Number> {
        Ok(Number(params.statistic_in(input.yhat.view(), &input.protected, ctx)?))
    }
    fn example() -> Bundle<'static> {
        scores()
    }
}

/// One number a row.
pub(super) struct Gradient(Array1<f64>);

impl Output for Gradient {
    const FIELDS: &'static [Field] = &[Field::new("gradient", Shape::Vector, "derivative of the measure with respect to each score (n,)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("gradient", self.0)
    }
}

/// `gradient`.
pub(super) struct GradientTask;

impl Measurement for GradientTask {
    const VERB: &'static str = "gradient";
    const SUMMARY: &'static str = "exact gradient of the measure with respect to the score";
    type Params = DistanceCovariance;
    type Input<'a> = Scores;
    type Output = Gradient;
    fn measure(params: &Checked<DistanceCovariance>, input: Scores, ctx: &mut Context) -> Result<Gradient> {
        Ok(Gradient(params.gradient_in(input.yhat.view(), &input.protected, ctx)?))
    }
    fn example() -> Bundle<'static> {
        scores()
    }
}

/// A test.
pub(super) struct Tested(super::measures::TestResult);

impl Output for Tested {
    const FIELDS: &'static [Field] = &[
        Field::new("statistic", Shape::Scalar, "the measure of the data"),
        Field::new("p_value", Shape::Scalar, "(1 + permutations at least as large) / (permutations + 1)"),
        Field::new("null", Shape::Vector, "the measure of every permutation (n_permutations,)"),
        Field::new("chi2_p_value", Shape::Scalar, "conservative p-value without permutations, from n dCor² + 1 against chi²(1)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let Self(test) = self;
        Bundle::new()
            .with("statistic", test.statistic)
            .with("p_value", test.p_value)
            .with("null", test.null)
            .with("chi2_p_value", test.chi2_p_value)
    }
}

/// `test`.
pub(super) struct TestTask;

impl Measurement for TestTask {
    const VERB: &'static str = "test";
    const SUMMARY: &'static str = "permutation test of independence between a score and protected attributes";
    type Params = PermutationTest;
    type Input<'a> = Scores;
    type Output = Tested;
    fn measure(params: &Checked<PermutationTest>, input: Scores, ctx: &mut Context) -> Result<Tested> {
        let measure = params.statistic();
        let encoded = measure.encode(&input.protected)?;
        Ok(Tested(permutation_test(input.yhat.view(), &encoded, &measure.settings(), params.n_permutations, ctx)?))
    }
    fn example() -> Bundle<'static> {
        scores()
    }
}

/// A score, its protected attributes and perhaps the outcome.
pub(super) struct Audited {
    scores: Scores,
    y: Option<Array1<f64>>,
}

impl Input<'_> for Audited {
    const FIELDS: &'static [Field] =
        &[YHAT, PROTECTED, Field::columns("y", Shape::Vector, "observed outcome, for the subgroup table (n,)").flag("target").optional()];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { scores: Scores::from_bundle(bundle)?, y: optional(bundle, "y")? })
    }
}

fn optional(bundle: &Bundle<'_>, name: &str) -> Result<Option<Array1<f64>>> {
    bundle.get(name).map(|_| bundle.vector(name).map(|v| v.into_owned())).transpose()
}

impl Output for AuditReport {
    const FIELDS: &'static [Field] = &[
        Field::new("summary", Shape::Table, "measure, value, p_value: ccdcov, jdcov, sum, eta = ccdcov - sum, floor of jdcov"),
        Field::new("marginal", Shape::Table, "each attribute alone: dcov, dcor, p_value, jsd (bits), uf"),
        Field::new("pairs", Shape::Table, "each pair of attributes together: ccdcov, jsd (bits), uf").optional(),
        Field::new("attribution", Shape::Table, "pair and triple terms with p-values, alone and family-wise (max-T)"),
        Field::new("subgroups", Shape::Table, "every joint group: rows, share, mean_score, mean_outcome"),
        Field::new("jsd", Shape::Scalar, "Jensen-Shannon divergence between the joint groups (bits)"),
        Field::new("uf", Shape::Scalar, "variance of the group means over the variance of the score"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let mut found = Bundle::new().with("summary", self.summary).with("marginal", self.marginal);
        if let Some(pairs) = self.pairs {
            found.insert("pairs", pairs);
        }
        found.with("attribution", self.attribution).with("subgroups", self.subgroups).with("jsd", self.jsd).with("uf", self.uf)
    }
}

/// `audit`.
pub(super) struct AuditTask;

impl Measurement for AuditTask {
    const VERB: &'static str = "audit";
    const SUMMARY: &'static str = "audit predictions: every measure with p-values, groups, and which intersection drives them";
    type Params = FairnessAudit;
    type Input<'a> = Audited;
    type Output = AuditReport;
    fn measure(params: &Checked<FairnessAudit>, input: Audited, ctx: &mut Context) -> Result<AuditReport> {
        audit(params, input.scores.yhat.view(), &input.scores.protected, input.y.as_ref().map(|y| y.view()), ctx)
    }
    fn example() -> Bundle<'static> {
        scores()
    }
}

impl Input<'_> for Data {
    const FIELDS: &'static [Field] = &[
        Field::rest("X", Shape::Matrix, "features (n, d); text columns of a table become one-hot").flag("features"),
        Field::columns("y", Shape::Vector, "outcome (n,)").flag("target"),
        Field::columns("protected", Shape::Table, "protected attributes: named columns of any type (n rows)").optional(),
        Field::columns("exposure", Shape::Vector, "exposure of each row for the loss 'poisson' (n,), > 0").optional(),
        Field::columns("sample_weight", Shape::Vector, "weight of each row in the loss (n,), >= 0").optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self {
            x: Design::from_bundle(bundle, "X")?,
            y: bundle.vector("y")?.into_owned(),
            protected: bundle.get("protected").map(|_| bundle.table("protected")).transpose()?,
            exposure: optional(bundle, "exposure")?,
            sample_weight: optional(bundle, "sample_weight")?,
        })
    }
}

fn training() -> Bundle<'static> {
    let portfolio = motor(300, 0.0, &mut elinvar_core::random::stream(1, &[("example", 0)]));
    Bundle::new().with("X", portfolio.x).with("y", portfolio.y).with("protected", portfolio.protected)
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "fit a model whose score depends little on protected attributes";
    type Params = FairModel;
    type Input<'a> = Data;
    type Model = FairPredictor;
    fn fit(params: &Checked<FairModel>, input: Data, ctx: &mut Context) -> Result<Fitted<FairPredictor>> {
        fit(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// Rows to predict.
pub(super) struct ToPredict {
    x: Design,
    exposure: Option<Array1<f64>>,
}

impl Input<'_> for ToPredict {
    const FIELDS: &'static [Field] = &[
        Field::rest("X", Shape::Matrix, "features (n, d), the columns of the fit").flag("features"),
        Field::columns("exposure", Shape::Vector, "exposure of each row for the loss 'poisson' (n,), > 0").optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: Design::from_bundle(bundle, "X")?, exposure: optional(bundle, "exposure")? })
    }
}

/// Predicted means.
pub(super) struct Predicted(Array1<f64>);

impl Output for Predicted {
    const FIELDS: &'static [Field] = &[Field::new("prediction", Shape::Vector, "predicted mean of each row (n,)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "predict with a fitted fair model";
    type Params = NoParams;
    type Model = FairPredictor;
    type Input<'a> = ToPredict;
    type Output = Predicted;
    fn apply(_: &Checked<NoParams>, model: &FairPredictor, input: ToPredict, _: &mut Context) -> Result<Predicted> {
        Ok(Predicted(model.predict(&input.x, input.exposure.as_ref())?))
    }
    fn example() -> Bundle<'static> {
        let mut data = training();
        let x = data.remove("X");
        x.map_or_else(Bundle::new, |x| Bundle::new().with("X", x))
    }
}

impl Output for Path {
    const FIELDS: &'static [Field] = &[
        Field::new("path", Shape::Table, "one row a weight: lam, and mean and sd of loss, rps, jsd, uf, ccdcov, jdcov"),
        Field::new("knee", Shape::Scalar, "weight farthest from the chord of (jsd, rps)"),
        Field::new("selected", Shape::Scalar, "least weight that reaches target_jsd, or the knee"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("path", self.table).with("knee", self.knee).with("selected", self.selected)
    }
}

/// `path`.
pub(super) struct PathTask;

impl Measurement for PathTask {
    const VERB: &'static str = "path";
    const SUMMARY: &'static str = "cross-validate the frontier between accuracy and fairness and choose the penalty weight";
    type Params = LambdaPath;
    type Input<'a> = Data;
    type Output = Path;
    fn measure(params: &Checked<LambdaPath>, input: Data, ctx: &mut Context) -> Result<Path> {
        let protected = input.protected.clone().ok_or_else(|| Error::input("a path needs protected columns").hint("name at least one"))?;
        path(params, &input, &protected, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}
