//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Distribution of the outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Real outcomes, half the mean squared error.
    #[default]
    Gaussian,
    /// Outcomes 0 and 1, the logistic loss.
    Binomial,
}

/// Penalty of a coefficient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PenaltyKind {
    /// Minimax concave penalty.
    #[default]
    Mcp,
    /// Smoothly clipped absolute deviation.
    Scad,
    /// l1.
    Lasso,
    /// l1 and ridge, in shares of alpha.
    Elasticnet,
}

/// Algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Solver {
    /// Coordinate descent for real outcomes, accelerated gradient for 0 and 1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Accelerated gradient.
    #[serde(rename = "ag")]
    Ag,
    /// Accelerated gradient until the support rests, then conjugate gradient on it.
    #[serde(rename = "ag+pncg")]
    AgPncg,
    /// Proximal nonlinear conjugate gradient.
    #[serde(rename = "pncg")]
    Pncg,
    /// Proximal gradient.
    #[serde(rename = "pg")]
    Pg,
    /// Accelerated gradient with the settings of Ghadimi and Lan.
    #[serde(rename = "gl")]
    Gl,
    /// Coordinate descent.
    #[serde(rename = "cd")]
    Cd,
}

/// Which columns a level starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScreeningKind {
    /// The sequential strong rule, with a check of the optimality conditions.
    #[default]
    Strong,
    /// The strong rule with half of the gradient and without a check, as in the paper's code.
    HalfStrong,
    /// All columns.
    None,
}

/// How the level is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChoiceRule {
    /// The least mean held-out loss.
    #[default]
    #[serde(rename = "min")]
    Min,
    /// The greatest level within one standard error of it.
    #[serde(rename = "1se")]
    OneStandardError,
    /// The least extended BIC on all rows.
    #[serde(rename = "ebic")]
    Ebic,
}

/// Folds of a cross-validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Folds {
    /// So many, drawn at random; the classes of a binary outcome are spread evenly.
    Number(usize),
    /// Positions of the rows to fit and of those to judge by, of every fold.
    Splits(Vec<Vec<Vec<usize>>>),
}

/// The parameters of every task, in one place, each task's own after them.
macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Distribution of the outcome: `gaussian` for real numbers, `binomial` for 0 and 1.
            pub family: Family,
            /// Penalty of a coefficient.
            pub penalty: PenaltyKind,
            $($(#[$field_meta])* pub $field: $type,)*
            /// Where MCP turns flat: at gamma times the level.
            #[schemars(extend("exclusiveMinimum" = 1.0, "x-hint" = "MCP needs gamma > 1"))]
            pub gamma: f64,
            /// Where SCAD turns flat: at a times the level.
            #[schemars(extend("exclusiveMinimum" = 2.0, "x-hint" = "SCAD needs a > 2"))]
            pub a: f64,
            /// Share of the penalty that is not ridge.
            #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
            pub alpha: f64,
            /// Algorithm.
            pub solver: Solver,
            /// Whether accelerated gradient begins its damping again where its points slow down.
            pub restart: bool,
            /// Which columns a level starts with; `half_strong` is that of the paper's code and discards more than is right.
            pub screening: ScreeningKind,
            /// Whether an intercept, never penalised, is fitted.
            pub fit_intercept: bool,
            /// Whether columns are scaled to variance 1 (divisor n) before the penalty sees them.
            pub standardize: bool,
            /// Greatest entry of the gradient mapping at which a level counts as solved, in standard deviations of a real outcome.
            #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
            pub tol: f64,
            /// Greatest number of iterations (sweeps of coordinate descent) a level.
            #[schemars(extend("minimum" = 1))]
            pub max_iter: usize,
            /// Whether the logistic loss is halved, as in the paper's code.
            pub half_loss: bool,
            /// Factor of the level for each column (p,); 0 for one that is not penalised.
            #[schemars(inner(range(min = 0.0)))]
            pub penalty_factor: Option<Vec<f64>>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    family: Family::Gaussian,
                    penalty: PenaltyKind::Mcp,
                    $($field: $default,)*
                    gamma: 3.0,
                    a: 3.7,
                    alpha: 1.0,
                    solver: Solver::Auto,
                    restart: false,
                    screening: ScreeningKind::Strong,
                    fit_intercept: true,
                    standardize: true,
                    tol: 1e-5,
                    max_iter: 1000,
                    half_loss: false,
                    penalty_factor: None,
                }
            }
        }
    };
}

parameters! {
    /// Parameters of `fit`, and the constructor of `NonconvexRegressor` and `NonconvexClassifier`.
    Sparse {
        /// Level of the penalty; none for the level of least extended BIC on a path.
        #[schemars(extend("minimum" = 0.0))]
        lam: Option<f64> = None,
        /// Whether the objective of every iteration is kept, for the gradient methods.
        history: bool = false,
    }
}

parameters! {
    /// Parameters of `path` and `levels`, and the constructor of `NonconvexPath`.
    SparsePath {
        /// Number of levels.
        #[schemars(extend("minimum" = 1, "maximum" = 10000))]
        n_lambda: usize = 100,
        /// Least level over the greatest; none for 0.001, or 0.05 with fewer rows than columns.
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        lambda_min_ratio: Option<f64> = None,
        /// Levels in falling order; none for `n_lambda` of equal ratio.
        #[schemars(inner(range(min = 0.0)))]
        lambdas: Option<Vec<f64>> = None,
    }
}

parameters! {
    /// Parameters of `cv`, and the constructor of `NonconvexCV` and `NonconvexClassifierCV`.
    SparseCv {
        /// Number of levels.
        #[schemars(extend("minimum" = 1, "maximum" = 10000))]
        n_lambda: usize = 100,
        /// Least level over the greatest; none for 0.001, or 0.05 with fewer rows than columns.
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        lambda_min_ratio: Option<f64> = None,
        /// Levels in falling order; none for `n_lambda` of equal ratio.
        #[schemars(inner(range(min = 0.0)))]
        lambdas: Option<Vec<f64>> = None,
        /// Number of folds, or a pair of lists for each: positions of the rows to fit, and of those to judge by.
        cv: Folds = Folds::Number(5),
        /// How the level is chosen.
        rule: ChoiceRule = ChoiceRule::Min,
    }
}

/// What a task shares with `fit`.
macro_rules! shared {
    ($name:ident) => {
        impl $name {
            /// The part that every task shares.
            pub(super) fn model(&self) -> Sparse {
                let $name {
                    family,
                    penalty,
                    gamma,
                    a,
                    alpha,
                    solver,
                    restart,
                    screening,
                    fit_intercept,
                    standardize,
                    tol,
                    max_iter,
                    half_loss,
                    ref penalty_factor,
                    ..
                } = *self;
                Sparse {
                    family,
                    penalty,
                    lam: None,
                    gamma,
                    a,
                    alpha,
                    solver,
                    restart,
                    screening,
                    fit_intercept,
                    standardize,
                    tol,
                    max_iter,
                    half_loss,
                    penalty_factor: penalty_factor.clone(),
                    history: false,
                }
            }
        }
    };
}

shared!(SparsePath);
shared!(SparseCv);

impl Params for Sparse {}

impl Params for SparsePath {
    fn check_together(&self) -> Result<()> {
        falling(self.lambdas.as_deref())
    }
}

impl Params for SparseCv {
    fn check_together(&self) -> Result<()> {
        falling(self.lambdas.as_deref())?;
        let (count, splits) = match &self.cv {
            Folds::Number(count) => (*count, &[][..]),
            Folds::Splits(splits) => (splits.len(), splits.as_slice()),
        };
        if count < 2 {
            return Err(Error::parameter("cv", "at least 2 folds", count));
        }
        match splits.iter().position(|split| split.len() != 2 || split.iter().any(Vec::is_empty)) {
            Some(k) => Err(Error::parameter("cv", "a pair of lists of rows, neither empty, for every fold", format!("another fold {k}"))),
            None => Ok(()),
        }
    }
}

/// The grid of levels that a task asks for.
pub(super) struct Grid<'a> {
    pub(super) count: usize,
    pub(super) ratio: Option<f64>,
    pub(super) given: Option<&'a [f64]>,
}

impl SparsePath {
    pub(super) fn grid(&self) -> Grid<'_> {
        Grid { count: self.n_lambda, ratio: self.lambda_min_ratio, given: self.lambdas.as_deref() }
    }
}

impl SparseCv {
    pub(super) fn grid(&self) -> Grid<'_> {
        Grid { count: self.n_lambda, ratio: self.lambda_min_ratio, given: self.lambdas.as_deref() }
    }
}

fn falling(lambdas: Option<&[f64]>) -> Result<()> {
    let Some(lambdas) = lambdas else { return Ok(()) };
    if lambdas.is_empty() {
        return Err(Error::parameter("lambdas", "at least one level", "none"));
    }
    match lambdas.windows(2).find(|pair| pair[0] <= pair[1]) {
        Some(pair) => {
            Err(Error::parameter("lambdas", "in falling order", format!("{} before {}", pair[0], pair[1]))
                .hint("sort them, greatest first"))
        }
        None => Ok(()),
    }
}
