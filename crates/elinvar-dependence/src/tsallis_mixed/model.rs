//! Fitted models: made, kept and applied.

use super::algorithm::{self, Ecme, Fit, GAUSSIAN, NU_MAX, NU_MIN, Parameters, Point, Rows, Settings, Shrinkage, information, q_of};
use super::design::{Data, Design, Prepared, Source};
use super::params::{Covariance, PenaltyKind, Residual, Solver, Tails, TsallisMixedModel};
use elinvar_core::{Bundle, Checked, Column, Context, Error, Fitted, Model, Result, State, Table};
use elinvar_math::penalty::Penalty;
use elinvar_math::special::chi_squared_tail;
use ndarray::{Array1, Array2};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// False discovery rate at which groups are flagged.
const DISCOVERY_RATE: f64 = 0.05;

/// A fitted q-Gaussian mixed model.
#[derive(Clone, Debug)]
pub struct MixedModel {
    pub(super) design: Design,
    pub(super) labels: Vec<String>,
    pub(super) sizes: Vec<usize>,
    pub(super) parameters: Parameters,
    pub(super) estimated_nu: bool,
    pub(super) penalised: bool,
    pub(super) restricted: bool,
    pub(super) log_likelihood: f64,
    /// Of the Gaussian model, where nu was estimated.
    pub(super) gaussian: Option<f64>,
    /// Of the fixed effects (p, p), where there is no penalty.
    pub(super) covariance: Option<Array2<f64>>,
    pub(super) effects: Array2<f64>,
    pub(super) weights: Array1<f64>,
    pub(super) core: Array1<f64>,
    pub(super) adjusted: Array1<f64>,
    /// Where the rows of a group share their tails.
    pub(super) model: Option<Array1<f64>>,
    /// Where every row has its own.
    pub(super) observations: Option<Observations>,
    pub(super) iterations: usize,
    pub(super) passes: usize,
    pub(super) converged: bool,
}

/// What a model of tails row by row says of its rows, in the order of the input (n).
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    /// Weights; small for outlying rows.
    pub weights: Array1<f64>,
    /// Tail probability of each against the Gaussian core.
    pub core: Array1<f64>,
    /// The same after Benjamini and Hochberg's correction.
    pub adjusted: Array1<f64>,
}

impl Observations {
    /// Places of the rows that stand out at a false discovery rate of 5 %.
    pub fn outliers(&self) -> Vec<usize> {
        self.adjusted.iter().enumerate().filter(|(_, p)| **p <= DISCOVERY_RATE).map(|(row, _)| row).collect()
    }
}

impl TsallisMixedModel {
    /// Fits to data.
    ///
    /// # Errors
    /// Data that the model cannot be fitted to; see the README.
    pub fn fit(&self, data: &Data, ctx: &mut Context) -> Result<Fitted<MixedModel>> {
        fit(&Checked::new(self.clone())?, data, ctx)
    }

    pub(super) fn shape(&self) -> Result<Option<Penalty>> {
        match self.penalty {
            PenaltyKind::None => Ok(None),
            PenaltyKind::Lasso => Ok(Some(Penalty::lasso())),
            PenaltyKind::Mcp => Penalty::mcp(self.gamma).map(Some),
            PenaltyKind::Scad => Penalty::scad(self.a).map(Some),
        }
    }

    pub(super) fn settings(&self, shrinkage: Option<Shrinkage>) -> Settings {
        Settings {
            nu: self.fixed_nu(),
            diagonal: self.covariance == Covariance::Diagonal,
            autoregressive: self.residual == Residual::Ar1,
            restricted: self.reml,
            by_observation: self.shape == Tails::Observation,
            shrinkage,
            accelerate: true,
            max_iterations: self.max_iter,
            tolerance: self.tol,
        }
    }

    /// Factors of the columns' penalties: 0 for the intercept and for those that the user leaves free.
    pub(super) fn factors(&self, design: &Design) -> Result<Vec<f64>> {
        let names = design.fixed_names();
        let free_intercept = usize::from(design.has_intercept());
        let known: Vec<&str> = names.iter().skip(free_intercept).map(String::as_str).collect();
        if let Some(stranger) = self.unpenalized.iter().find(|name| !known.contains(&name.as_str())) {
            let hint = elinvar_core::error::suggestion(stranger, &known, "the columns are");
            return Err(Error::parameter("unpenalized", "names of columns of the fixed effects", format!("'{stranger}'")).hint(hint));
        }
        let factor = |(j, name): (usize, &String)| f64::from(u8::from(j >= free_intercept && !self.unpenalized.contains(name)));
        Ok(names.iter().enumerate().map(factor).collect())
    }
}

pub(super) fn fit(params: &Checked<TsallisMixedModel>, data: &Data, ctx: &mut Context) -> Result<Fitted<MixedModel>> {
    let prepared = Design::learn(params, data)?;
    let shrinkage = match params.shape()?.filter(|_| params.lam > 0.0) {
        Some(penalty) => Some(Shrinkage { penalty, lambda: params.lam, factors: params.factors(&prepared.design)? }),
        None => None,
    };
    let rows = rows(params, &prepared, shrinkage.is_some())?;
    let settings = params.settings(shrinkage);
    let fit = algorithm::fit(&rows, &settings, params.solver == Solver::Pncg, ctx)?;
    warn_of_bounds(&fit, &settings, &prepared.design, ctx);
    let trace = Table::new()
        .with("step", Column::Integer((0..fit.history.len() as i64).collect()))?
        .with("objective", Column::Number(fit.history.clone()))?;
    let status = fit.status;
    Ok(Fitted { model: described(params, prepared, &rows, &settings, fit, ctx)?, status, trace })
}

/// The rows by group, after every check that the model needs.
pub(super) fn rows(params: &TsallisMixedModel, prepared: &Prepared, penalised: bool) -> Result<Arc<Rows>> {
    let Prepared { design, y, x, z, precision, codes, .. } = prepared;
    if y.len() < 3 {
        return Err(Error::input(format!("X has {} sample(s): a mixed model needs at least 3 rows", y.len())));
    }
    check_sizes("y", y.iter())?;
    for (matrix, names) in [(x, design.fixed_names()), (z, design.random_names())] {
        for (column, name) in matrix.columns().into_iter().zip(&names) {
            check_sizes(name, column.iter())?;
        }
    }
    if y.iter().all(|v| *v == y[0]) {
        return Err(Error::input(format!("y is constant ({}): there is nothing to explain", y[0])));
    }
    let rows = Rows::new(y.view(), x.view(), z.view(), codes);
    let rows = Arc::new(precision.as_ref().map_or_else(|| rows.clone(), |precision| rows.of_precision(precision.view())));
    check_groups(params, &rows)?;
    if !penalised {
        if rows.n() <= rows.p() {
            let message = format!("{} rows are too few for {} fixed effects without a penalty", rows.n(), rows.p());
            return Err(Error::input(message).hint("set penalty to 'lasso', 'mcp' or 'scad' with lam > 0, or leave columns out"));
        }
        rows.check_rank(&design.fixed_names())?;
    }
    Ok(rows)
}

/// Squares of squares must stay finite.
fn check_sizes<'a>(name: &str, values: impl Iterator<Item = &'a f64>) -> Result<()> {
    const GREATEST: f64 = 1e60;
    let largest = values.fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest > GREATEST || (largest > 0.0 && largest < 1.0 / GREATEST) {
        let message = format!("column '{name}' must have values between 1e-60 and 1e60 in size, got {largest:e} as the largest");
        return Err(Error::input(message).hint("rescale it"));
    }
    Ok(())
}

fn check_groups(params: &TsallisMixedModel, rows: &Rows) -> Result<()> {
    let (groups, q) = (rows.groups(), rows.q());
    if groups < 3 && params.fixed_nu().is_none() {
        let plural = if groups == 1 { "" } else { "s" };
        return Err(Error::input(format!("degrees of freedom cannot be identified from {groups} group{plural}: fix nu")));
    }
    let largest = (0..groups).map(|group| rows.size(group)).max().unwrap_or(0);
    if q > 0 && largest == 1 {
        let message = format!("each of the {groups} groups has 1 row: random effects cannot be told from errors");
        return Err(Error::input(message).hint("leave out the groups, or name a column whose values repeat"));
    }
    if params.covariance == Covariance::Full && q > largest {
        let message = format!("{q} correlated random effects need a group of at least {q} rows, the largest has {largest}");
        return Err(Error::input(message).hint("set covariance to 'diagonal', or use fewer"));
    }
    Ok(())
}

fn warn_of_bounds(fit: &Fit, settings: &Settings, design: &Design, ctx: &mut Context) {
    let parameters = &fit.point.parameters;
    let q = design.n_random();
    let shares = fit.point.shares_of_effects();
    for (k, name) in design.random_names().iter().enumerate().filter(|(k, _)| shares[*k] < 1e-3) {
        let which = if k == 0 || settings.diagonal { "no spread" } else { "no spread of its own" };
        ctx.warn(format!("the random effect '{name}' has {which}: the scatter of the {q} random effect(s) lies at its boundary"));
    }
    if settings.nu.is_none() && parameters.nu >= NU_MAX {
        ctx.warn(format!("nu reached its upper bound {NU_MAX}: the groups look Gaussian"));
    }
    if settings.nu.is_none() && parameters.nu <= NU_MIN * 1.000_001 {
        ctx.warn(format!("nu reached its lower bound {NU_MIN}: the tails are heavier than the model's"));
    }
}

fn described(
    params: &TsallisMixedModel,
    prepared: Prepared,
    rows: &Arc<Rows>,
    settings: &Settings,
    fit: Fit,
    ctx: &mut Context,
) -> Result<MixedModel> {
    let point = &fit.point;
    let penalised = settings.shrinkage.is_some();
    let gaussian = match settings.nu.is_none() && !penalised {
        true => Some(gaussian_likelihood(rows, settings, point.parameters.clone(), ctx)?),
        false => None,
    };
    let covariance = match penalised {
        true => None,
        false => {
            let found = information(&fit, settings, params.standard_errors, rows, ctx)?;
            if found.replaced {
                ctx.warn("the observed information is not positive definite: standard errors rest on the expected one");
            }
            Some(found.covariance)
        }
    };
    let (groups, q) = (rows.groups(), rows.q());
    let effects = Array2::from_shape_vec((groups, q), fit.random_effects()).map_err(|e| Error::internal(e.to_string()))?;
    // Groups are compared with the Gaussian core on the rows as they are.
    let (as_they_are, weights) = match &fit.latent {
        None => (None, point.weights()),
        Some(latent) => (Some(Point::new(Arc::clone(rows), point.parameters.clone(), ctx)?), latent.groups.clone()),
    };
    let outliers = algorithm::outliers(as_they_are.as_ref().unwrap_or(point));
    let observations = fit.latent.as_ref().map(|latent| {
        let found = algorithm::row_outliers(latent);
        let [weights, core, adjusted] = [&latent.rows, &found.core, &found.adjusted].map(|v| Array1::from_vec(rows.in_input_order(v)));
        Observations { weights, core, adjusted }
    });
    Ok(MixedModel {
        design: prepared.design,
        labels: prepared.labels,
        sizes: (0..groups).map(|group| rows.size(group)).collect(),
        parameters: point.parameters.clone(),
        estimated_nu: settings.nu.is_none(),
        penalised,
        restricted: settings.restricted,
        log_likelihood: if settings.restricted { fit.objective } else { fit.log_likelihood() },
        gaussian,
        covariance,
        effects,
        weights: Array1::from_vec(weights),
        core: Array1::from_vec(outliers.core),
        adjusted: Array1::from_vec(outliers.adjusted),
        model: observations.is_none().then(|| Array1::from_vec(algorithm::model_tails(point))),
        observations,
        iterations: fit.iterations,
        passes: fit.passes,
        converged: fit.status == elinvar_core::Status::Converged,
    })
}

/// Log likelihood of the Gaussian model, from the parameters of the other.
fn gaussian_likelihood(rows: &Arc<Rows>, settings: &Settings, start: Parameters, ctx: &mut Context) -> Result<f64> {
    let settings = Settings { nu: Some(GAUSSIAN), by_observation: false, ..settings.clone() };
    let start = Parameters { nu: GAUSSIAN, ..start };
    Ok(Ecme::new(Arc::clone(rows), &settings).run(start, ctx)?.point.log_likelihood)
}

impl MixedModel {
    /// Predicted outcomes (n,): conditional on the random effects for rows of known groups, `X beta` for others and without groups.
    ///
    /// # Errors
    /// Columns other than those of the fit, lengths that differ.
    pub fn predict(&self, x: &Source, groups: Option<&Table>, z: Option<&Source>) -> Result<Array1<f64>> {
        let mut prediction = self.design.fixed_matrix(x)?.dot(&Array1::from_vec(self.parameters.beta.clone()));
        let Some(labels) = self.design.groups_of(x, groups)? else { return Ok(prediction) };
        if self.design.n_random() == 0 {
            return Ok(prediction);
        }
        let places: HashMap<&str, usize> = self.labels.iter().enumerate().map(|(i, label)| (label.as_str(), i)).collect();
        let random = self.design.random_matrix(x, z)?;
        for ((row, label), target) in labels.iter().enumerate().zip(prediction.iter_mut()) {
            if let Some(&group) = places.get(label.as_str()) {
                *target += random.row(row).dot(&self.effects.row(group));
            }
        }
        Ok(prediction)
    }

    /// Names and estimates of the fixed effects, `(intercept)` the first where there is one.
    pub fn fixed_effects(&self) -> Vec<(String, f64)> {
        self.design.fixed_names().into_iter().zip(self.parameters.beta.iter().copied()).collect()
    }

    /// Scatter of the random effects (q, q), the sheet's D.
    pub fn covariance_of_effects(&self) -> Array2<f64> {
        let q = self.design.n_random();
        Array2::from_shape_vec((q, q), self.parameters.covariance(q)).unwrap_or_default()
    }

    /// Scatter of the errors.
    pub fn scale(&self) -> f64 {
        self.parameters.sigma2
    }

    /// Degrees of freedom; infinite for the Gaussian.
    pub fn nu(&self) -> f64 {
        self.parameters.nu
    }

    /// Log likelihood, restricted where that was asked for; its lower bound where every row has tails of its own.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Weights of the groups (m,), in the order of their first rows; see [`MixedModel::groups`].
    pub fn weights(&self) -> &Array1<f64> {
        &self.weights
    }

    /// Labels of the groups (m).
    pub fn groups(&self) -> &[String] {
        &self.labels
    }

    /// Standard errors of the fixed effects, where there is no penalty.
    pub fn standard_errors(&self) -> Option<Vec<f64>> {
        self.covariance.as_ref().map(|c| c.diag().mapv(|v| v.max(0.0).sqrt()).to_vec())
    }

    /// Likelihood-ratio statistic of the Gaussian against estimated degrees of freedom, and its p-value: half of chi2(1), as the Gaussian
    /// lies at the boundary.
    pub fn tail_test(&self) -> Option<(f64, f64)> {
        let statistic = (2.0 * (self.log_likelihood - self.gaussian?)).max(0.0);
        Some((statistic, if statistic > 0.0 { 0.5 * chi_squared_tail(statistic, 1.0) } else { 1.0 }))
    }

    /// Labels of the groups that stand out from the Gaussian core at a false discovery rate of 5 %.
    pub fn outliers(&self) -> Vec<&str> {
        let flagged = self.adjusted.iter().zip(&self.labels).filter(|(p, _)| **p <= DISCOVERY_RATE);
        flagged.map(|(_, label)| label.as_str()).collect()
    }

    /// What the model says of single rows, where every row has tails of its own.
    pub fn observations(&self) -> Option<&Observations> {
        self.observations.as_ref()
    }

    /// Whether the Gaussian was asked for or is all that the data show.
    pub fn is_gaussian(&self) -> bool {
        self.parameters.nu >= NU_MAX
    }

    pub(super) fn flags(&self) -> Vec<bool> {
        self.adjusted.iter().map(|p| *p <= DISCOVERY_RATE).collect()
    }

    /// Entropic index by number of rows of a group.
    pub fn q_by_size(&self) -> BTreeMap<usize, f64> {
        self.sizes.iter().map(|&n| (n, q_of(self.parameters.nu, n))).collect()
    }
}

impl Model for MixedModel {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let free = usize::from(self.design.has_intercept());
        let beta = &self.parameters.beta;
        let mut attributes = Bundle::new()
            .with("coef", Array1::from_vec(beta[free..].to_vec()))
            .with("intercept", if free == 1 { beta[0] } else { 0.0 })
            .with("cov_re", self.covariance_of_effects())
            .with("scale", self.parameters.sigma2)
            .with("nu", self.parameters.nu)
            .with("rho", self.parameters.rho)
            .with("q_by_size", json!(self.q_by_size()))
            .with("random_effects", self.effects.clone())
            .with("group_weights", self.weights.clone())
            .with("outlier_pvalue", self.core.clone())
            .with("outlier_pvalue_adjusted", self.adjusted.clone())
            .with("outliers", json!(self.outliers()))
            .with("loglik", self.log_likelihood)
            .with("coef_names", json!(&self.design.fixed_names()[free..]))
            .with("random_names", json!(self.design.random_names()))
            .with("group_labels", json!(self.labels))
            .with("n_iter", json!(self.iterations))
            .with("n_passes", json!(self.passes))
            .with("converged", json!(self.converged))
            .with("is_gaussian", json!(self.is_gaussian()));
        if let Some(errors) = self.standard_errors() {
            attributes.insert("bse", Array1::from_vec(errors[free..].to_vec()));
            attributes.insert("intercept_bse", if free == 1 { errors[0] } else { 0.0 });
        }
        if let Some(model) = &self.model {
            attributes.insert("outlier_pvalue_model", model.clone());
        }
        if let Some(observations) = &self.observations {
            attributes.insert("observation_weights", observations.weights.clone());
            attributes.insert("observation_pvalue", observations.core.clone());
            attributes.insert("observation_pvalue_adjusted", observations.adjusted.clone());
            attributes.insert("outlier_observations", json!(observations.outliers()));
        }
        if let Some((statistic, p)) = self.tail_test() {
            attributes.insert("tail_statistic", statistic);
            attributes.insert("tail_pvalue", p);
        }
        attributes
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new()
            .with("beta", Array1::from_vec(self.parameters.beta.clone()))
            .with("root", Array1::from_vec(self.parameters.root.clone()))
            .with("effects", self.effects.clone())
            .with("weights", self.weights.clone())
            .with("core", self.core.clone())
            .with("adjusted", self.adjusted.clone());
        if let Some(model) = &self.model {
            arrays.insert("model", model.clone());
        }
        if let Some(Observations { weights, core, adjusted }) = &self.observations {
            arrays.insert("observation_weights", weights.clone());
            arrays.insert("observation_core", core.clone());
            arrays.insert("observation_adjusted", adjusted.clone());
        }
        if let Some(covariance) = &self.covariance {
            arrays.insert("covariance", covariance.clone());
        }
        let Parameters { sigma2, nu, rho, .. } = self.parameters;
        let json = json!({
            "design": self.design, "labels": self.labels, "sizes": self.sizes, "sigma2": sigma2,
            "nu": nu.is_finite().then_some(nu), "rho": rho, "estimated_nu": self.estimated_nu, "penalised": self.penalised,
            "restricted": self.restricted, "log_likelihood": self.log_likelihood, "gaussian": self.gaussian,
            "iterations": self.iterations, "passes": self.passes, "converged": self.converged,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let vector = |name: &str| Ok::<_, Error>(state.arrays.vector(name)?.into_owned());
        let nu: Option<f64> = state.field("nu")?;
        let parameters = Parameters {
            beta: vector("beta")?.to_vec(),
            root: vector("root")?.to_vec(),
            sigma2: state.field("sigma2")?,
            nu: nu.unwrap_or(GAUSSIAN),
            rho: state.field("rho")?,
        };
        let observations = match state.arrays.get("observation_weights") {
            None => None,
            Some(_) => Some(Observations {
                weights: vector("observation_weights")?,
                core: vector("observation_core")?,
                adjusted: vector("observation_adjusted")?,
            }),
        };
        let design: Design = state.field("design")?;
        let labels: Vec<String> = state.field("labels")?;
        let effects = state.arrays.matrix("effects")?.into_owned();
        if parameters.beta.len() != design.fixed_names().len() || effects.dim() != (labels.len(), design.n_random()) {
            return Err(Error::model("the model file holds effects that do not fit its columns").hint("it is damaged: fit again"));
        }
        Ok(Self {
            design,
            labels,
            sizes: state.field("sizes")?,
            parameters,
            estimated_nu: state.field("estimated_nu")?,
            penalised: state.field("penalised")?,
            restricted: state.field("restricted")?,
            log_likelihood: state.field("log_likelihood")?,
            gaussian: state.field("gaussian")?,
            covariance: state.arrays.get("covariance").map(|_| state.arrays.matrix("covariance").map(|c| c.into_owned())).transpose()?,
            effects,
            weights: vector("weights")?,
            core: vector("core")?,
            adjusted: vector("adjusted")?,
            model: state.arrays.get("model").map(|_| vector("model")).transpose()?,
            observations,
            iterations: state.field("iterations")?,
            passes: state.field("passes")?,
            converged: state.field("converged")?,
        })
    }
}
