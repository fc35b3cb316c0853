//! The tasks: thin adapters between named inputs and the typed API.

use super::algorithm::Level;
use super::cross::cross_validate;
use super::data::{Data, Design, Predictors, simulate};
use super::model::{SparseModel, fit, history, least_ebic, levels};
use super::params::{Sparse, SparseCv, SparsePath};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Measurement, NoParams, Operation, Output, Result, Shape,
    Status, Table,
};
use ndarray::Array1;

impl<'a> Input<'a> for Data<'a> {
    const FIELDS: &'static [Field] = &[
        Field::rest("X", Shape::Matrix, "predictors (n, p); from Python also a sparse matrix of SciPy").flag("features"),
        Field::columns("y", Shape::Vector, "outcome (n,): real numbers, or 0 and 1 for the family 'binomial'").flag("target"),
        Field::columns("sample_weight", Shape::Vector, "how many rows each row stands for (n,), >= 0").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let (x, names) = Predictors::from_bundle(bundle)?;
        let sample_weight = bundle.get("sample_weight").map(|_| bundle.vector("sample_weight").map(|v| v.into_owned())).transpose()?;
        Ok(Self { x, names, y: bundle.vector("y")?.into_owned(), sample_weight })
    }
}

/// Sixty rows of 102 correlated predictors, of which fifty matter.
fn training() -> Bundle<'static> {
    let design = Design { binomial: false, n: 60, gap: 13, tau: 0.5, snr: 7.0, intercept: 1.0 };
    let drawn = simulate(&design, &[design.n], &mut elinvar_core::random::stream(0, &[("example", 0)]));
    drawn.ok().and_then(|mut sets| sets.pop()).map_or_else(Bundle::new, |set| Bundle::new().with("X", set.x).with("y", set.y))
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "fit a sparse linear or logistic model at one level, or at that of least extended BIC";
    type Params = Sparse;
    type Input<'a> = Data<'a>;
    type Model = SparseModel;
    fn fit(params: &Checked<Sparse>, input: Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
        fit(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// `cv`.
pub(super) struct CvTask;

impl Estimator for CvTask {
    const VERB: &'static str = "cv";
    const SUMMARY: &'static str = "choose the level by cross-validation and fit all rows there";
    type Params = SparseCv;
    type Input<'a> = Data<'a>;
    type Model = SparseModel;
    fn fit(params: &Checked<SparseCv>, input: Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
        cross_validate(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// `levels`.
pub(super) struct LevelsTask;

impl Estimator for LevelsTask {
    const VERB: &'static str = "levels";
    const SUMMARY: &'static str = "fit every level of a path, as a model of all of them";
    type Params = SparsePath;
    type Input<'a> = Data<'a>;
    type Model = SparseModel;
    fn fit(params: &Checked<SparsePath>, input: Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
        let levels = levels(params, &input, ctx)?;
        let best = least_ebic(&levels)?;
        let limited = levels.iter().any(|l| l.status != Status::Converged);
        Ok(Fitted {
            model: SparseModel::of(params.family, &input, &levels[best]).with_path(&levels),
            status: if limited { Status::IterationLimit } else { Status::Converged },
            trace: history(&levels[best])?,
        })
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

/// A path as one table.
pub(super) struct PathTable(Table);

impl Output for PathTable {
    const FIELDS: &'static [Field] = &[Field::new(
        "path",
        Shape::Table,
        "one row a level: lam, figures, intercept, and the coefficient of every predictor that is ever nonzero",
    )];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("path", self.0)
    }
}

/// `path`.
pub(super) struct PathTask;

impl Measurement for PathTask {
    const VERB: &'static str = "path";
    const SUMMARY: &'static str = "solve a path of levels and tabulate coefficients and figures of each";
    type Params = SparsePath;
    type Input<'a> = Data<'a>;
    type Output = PathTable;
    fn measure(params: &Checked<SparsePath>, input: Data<'_>, ctx: &mut Context) -> Result<PathTable> {
        let levels = levels(params, &input, ctx)?;
        Ok(PathTable(path_table(&levels, input.names.as_deref())?))
    }
    fn example() -> Bundle<'static> {
        training()
    }
}

fn path_table(levels: &[Level], names: Option<&[String]>) -> Result<Table> {
    let number = |f: &dyn Fn(&Level) -> f64| Column::Number(levels.iter().map(f).collect());
    let count = |f: &dyn Fn(&Level) -> usize| Column::Integer(levels.iter().map(|l| f(l) as i64).collect());
    let mut table = Table::new()
        .with("lam", number(&|l| l.lam))?
        .with("support_size", count(&|l| l.support_size))?
        .with("objective", number(&|l| l.objective))?
        .with("ebic", number(&|l| l.ebic))?
        .with("n_iter", count(&|l| l.n_iter))?
        .with("residual", number(&|l| l.residual))?
        .with("kkt_violations", count(&|l| l.kkt_violations))?
        .with("locally_convex", count(&|l| usize::from(l.convexity_margin > 0.0)))?
        .with("intercept", number(&|l| l.intercept))?;
    let p = levels.first().map_or(0, |l| l.coefficients.len());
    for j in (0..p).filter(|&j| levels.iter().any(|l| l.coefficients[j] != 0.0)) {
        let name = names.and_then(|names| names.get(j).cloned()).unwrap_or_else(|| format!("x{j}"));
        table.push(format!("coef_{name}"), number(&|l| l.coefficients[j]))?;
    }
    Ok(table)
}

/// Rows to predict.
pub(super) struct ToPredict<'a> {
    x: Predictors<'a>,
    names: Option<Vec<String>>,
}

impl<'a> Input<'a> for ToPredict<'a> {
    const FIELDS: &'static [Field] = &[Field::rest("X", Shape::Matrix, "predictors (n, p), the columns of the fit").flag("features")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let (x, names) = Predictors::from_bundle(bundle)?;
        Ok(Self { x, names })
    }
}

/// Predicted means.
pub(super) struct Predicted(Array1<f64>);

impl Output for Predicted {
    const FIELDS: &'static [Field] =
        &[Field::new("prediction", Shape::Vector, "predicted mean of each row (n,): the probability of 1 for the family 'binomial'")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "predict with a fitted sparse model";
    type Params = NoParams;
    type Model = SparseModel;
    type Input<'a> = ToPredict<'a>;
    type Output = Predicted;
    fn apply(_: &Checked<NoParams>, model: &SparseModel, input: ToPredict<'_>, _: &mut Context) -> Result<Predicted> {
        let (Some(known), Some(names), Predictors::Dense(x)) = (model.names(), &input.names, &input.x) else {
            return Ok(Predicted(model.predict(&input.x)?));
        };
        // What was fitted by name is applied by name: the columns may come in another order, among others.
        let place = |name: &String| {
            names.iter().position(|n| n == name).ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let message = format!("there is no column '{name}', which the model was fitted with");
                Error::input(message).hint(elinvar_core::error::suggestion(name, &known, "the columns are"))
            })
        };
        let places = known.iter().map(place).collect::<Result<Vec<_>>>()?;
        Ok(Predicted(model.predict(&Predictors::Dense(x.select(ndarray::Axis(1), &places).into()))?))
    }
    fn example() -> Bundle<'static> {
        let mut data = training();
        data.remove("X").map_or_else(Bundle::new, |x| Bundle::new().with("X", x))
    }
}
