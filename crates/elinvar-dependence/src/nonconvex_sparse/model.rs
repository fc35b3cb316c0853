//! The fitted model: the chosen level, and the path where one was kept.

use super::algorithm::{Level, Levels, solve};
use super::cross::CrossValidated;
use super::data::{Data, Predictors};
use super::params::{Family, Grid, Sparse, SparsePath};
use super::prepare::Prepared;
use elinvar_core::{Bundle, Checked, Column, Context, Error, Fitted, Item, Model, Result, State, Status, Table};
use ndarray::{Array1, Array2};
use serde_json::json;

/// A sparse linear or logistic model.
#[derive(Clone, Debug)]
pub struct SparseModel {
    family: Family,
    names: Option<Vec<String>>,
    coefficients: Vec<f64>,
    intercept: f64,
    /// Figures that a user reads and the prediction does not need.
    figures: Bundle<'static>,
}

impl Sparse {
    /// Fits at `lam`, or at the level of least extended BIC, on a warm-started path.
    ///
    /// # Errors
    /// Shapes that do not fit, cells that are not finite, outcomes that the family cannot have.
    pub fn fit(&self, data: &Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
        fit(&Checked::new(self.clone())?, data, ctx)
    }
}

impl SparsePath {
    /// Solves every level, each from the one before.
    ///
    /// # Errors
    /// As [`Sparse::fit`].
    pub fn solve(&self, data: &Data<'_>, ctx: &mut Context) -> Result<Vec<Level>> {
        levels(&Checked::new(self.clone())?, data, ctx)
    }
}

pub(super) fn levels(params: &Checked<SparsePath>, data: &Data<'_>, ctx: &mut Context) -> Result<Vec<Level>> {
    let model = Checked::new(params.model())?;
    let prepared = Prepared::new(&model, data, ctx)?;
    solve(&model, &prepared, &Levels::Grid(params.grid()), ctx)
}

pub(super) fn fit(params: &Checked<Sparse>, data: &Data<'_>, ctx: &mut Context) -> Result<Fitted<SparseModel>> {
    let prepared = Prepared::new(params, data, ctx)?;
    let levels = match params.lam {
        Some(lam) => solve(params, &prepared, &Levels::To(lam), ctx)?,
        None => solve(params, &prepared, &Levels::Grid(Grid { count: 100, ratio: None, given: None }), ctx)?,
    };
    let best = least_ebic(&levels)?;
    Ok(Fitted { status: levels[best].status, trace: history(&levels[best])?, model: SparseModel::of(params.family, data, &levels[best]) })
}

/// The place of the least extended BIC; the greatest level where several tie.
pub(super) fn least_ebic(levels: &[Level]) -> Result<usize> {
    let best = (0..levels.len()).reduce(|a, b| if levels[b].ebic < levels[a].ebic { b } else { a });
    best.ok_or_else(|| Error::internal("a path has at least one level"))
}

pub(super) fn history(level: &Level) -> Result<Table> {
    let objectives = if level.history.is_empty() { vec![level.objective] } else { level.history.clone() };
    let first = if level.history.is_empty() { level.n_iter } else { 1 };
    let steps = (first as i64..).take(objectives.len()).collect();
    Table::new().with("step", Column::Integer(steps))?.with("objective", Column::Number(objectives))
}

impl SparseModel {
    pub(super) fn of(family: Family, data: &Data<'_>, level: &Level) -> Self {
        let figures = Bundle::new()
            .with("lam", level.lam)
            .with("support_size", ndarray::arr0(level.support_size as i64))
            .with("objective", level.objective)
            .with("ebic", level.ebic)
            .with("residual", level.residual)
            .with("n_iter", ndarray::arr0(level.n_iter as i64))
            .with("n_gradients", ndarray::arr0(level.n_gradients as i64))
            .with("kkt_violations", ndarray::arr0(level.kkt_violations as i64))
            .with("lipschitz", level.lipschitz)
            .with("convexity_margin", level.convexity_margin.min(f64::MAX))
            .with("locally_convex", json!(level.convexity_margin > 0.0))
            .with("converged", json!(level.status == Status::Converged));
        Self { family, names: data.names.clone(), coefficients: level.coefficients.clone(), intercept: level.intercept, figures }
    }

    /// The same with the whole path.
    pub(super) fn with_path(mut self, levels: &[Level]) -> Self {
        let number = |f: &dyn Fn(&Level) -> f64| Array1::from_iter(levels.iter().map(f));
        let count = |f: &dyn Fn(&Level) -> usize| Array1::from_iter(levels.iter().map(|l| f(l) as i64));
        let p = self.coefficients.len();
        let path = Array2::from_shape_fn((levels.len(), p), |(k, j)| levels[k].coefficients[j]);
        let figures = std::mem::take(&mut self.figures);
        self.figures = figures
            .with("lambdas", number(&|l| l.lam))
            .with("coef_path", path)
            .with("intercept_path", number(&|l| l.intercept))
            .with("n_iter", count(&|l| l.n_iter))
            .with("n_gradients", count(&|l| l.n_gradients))
            .with("support_size", count(&|l| l.support_size))
            .with("objective", number(&|l| l.objective))
            .with("ebic", number(&|l| l.ebic))
            .with("residual", number(&|l| l.residual))
            .with("kkt_violations", count(&|l| l.kkt_violations))
            .with("lipschitz", number(&|l| l.lipschitz))
            .with("convexity_margin", number(&|l| l.convexity_margin.min(f64::MAX)))
            .with("locally_convex", json!(levels.iter().map(|l| l.convexity_margin > 0.0).collect::<Vec<_>>()))
            .with("converged", json!(levels.iter().map(|l| l.status == Status::Converged).collect::<Vec<_>>()));
        self
    }

    /// The same with the figures of its cross-validation.
    pub(super) fn with_choice(mut self, found: &CrossValidated) -> Self {
        let figures = std::mem::take(&mut self.figures);
        self.figures = figures
            .with("lambdas", found.lambdas.clone())
            .with("cv_loss", found.loss.clone())
            .with("cv_loss_se", found.loss_se.clone())
            .with("lam_min", found.min)
            .with("lam_1se", found.one_se);
        self
    }

    /// Predicted means (n,): the linear predictor, or the probability of 1.
    ///
    /// # Errors
    /// Another number of columns than that of the fit.
    pub fn predict(&self, x: &Predictors<'_>) -> Result<Array1<f64>> {
        if x.n_columns() != self.coefficients.len() {
            let message = format!("X has {} features, the model was fitted with {}", x.n_columns(), self.coefficients.len());
            return Err(Error::input(message));
        }
        let eta = x.predict(&self.coefficients, self.intercept);
        let mean = match self.family {
            Family::Gaussian => eta,
            Family::Binomial => eta.mapv(|eta| 1.0 / (1.0 + (-eta).exp())),
        };
        match mean.iter().position(|m| !m.is_finite()) {
            Some(row) => Err(Error::numeric(format!("the prediction of row {row} is not finite")).hint("check the scale of its features")),
            None => Ok(mean),
        }
    }

    /// Coefficients (p).
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Intercept.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Names of the predictors, where the fit saw any.
    pub(super) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
}

impl Model for SparseModel {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let mut attributes = self.figures.clone();
        attributes.insert("coef", self.coefficients.clone());
        attributes.insert("intercept", self.intercept);
        if let Some(names) = &self.names {
            attributes.insert("feature_names", json!(names));
        }
        attributes
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new().with("coefficients", self.coefficients.clone());
        let mut kept = serde_json::Map::new();
        for (name, item) in self.figures.iter() {
            match item {
                Item::Array(a) => arrays.insert(format!("figure/{name}"), a.to_owned()),
                Item::Integers(a) => arrays.insert(format!("figure/{name}"), a.clone()),
                Item::Json(v) => {
                    kept.insert(name.to_owned(), v.clone());
                }
                _ => {}
            }
        }
        State { arrays, json: json!({"family": self.family, "names": self.names, "intercept": self.intercept, "figures": kept}) }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let mut figures = Bundle::new();
        for (name, item) in state.arrays.iter() {
            if let Some(name) = name.strip_prefix("figure/") {
                figures.insert(name, item.clone());
            }
        }
        let kept: serde_json::Map<String, serde_json::Value> = state.field("figures")?;
        kept.into_iter().for_each(|(name, value)| figures.insert(name, value));
        Ok(Self {
            family: state.field("family")?,
            names: state.field("names")?,
            coefficients: state.arrays.vector("coefficients")?.to_vec(),
            intercept: state.field("intercept")?,
            figures,
        })
    }
}
