//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Degrees of freedom: a number, or a word.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Nu {
    /// Fixed.
    Fixed(#[schemars(extend("exclusiveMinimum" = 0.0))] f64),
    /// Estimated, or infinite.
    Word(NuWord),
}

/// Degrees of freedom that are no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NuWord {
    /// Maximise the likelihood over them.
    Estimate,
    /// The Gaussian.
    Inf,
}

/// Random effects: a word, or columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RandomEffects {
    /// A common pattern.
    Word(RandomWord),
    /// A random intercept, and a slope of each of these columns of X.
    Columns(Vec<String>),
}

/// Common patterns of random effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RandomWord {
    /// A random intercept.
    Intercept,
    /// A random intercept, and a slope of every column of Z (of X where there is no Z).
    Slope,
}

/// Scatter of the random effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// Correlated.
    #[default]
    Full,
    /// Uncorrelated.
    Diagonal,
}

/// Correlation of the errors within a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// None.
    #[default]
    Iid,
    /// First-order autoregression over the rows of a group in their order.
    Ar1,
}

/// What has power-law tails as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tails {
    /// The rows of a group together.
    #[default]
    Group,
    /// Every row's error, and a group's random effects.
    Observation,
}

/// Penalty on the fixed effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// None.
    #[default]
    None,
    /// l1.
    Lasso,
    /// Minimax concave.
    Mcp,
    /// Smoothly clipped absolute deviation.
    Scad,
}

/// Algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Expectation and conditional maximisation with squared extrapolation; every step raises the likelihood.
    #[default]
    Ecme,
    /// Proximal nonlinear conjugate gradient on all parameters at once.
    Pncg,
}

/// What the standard errors rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandardErrors {
    /// Observed information of all parameters.
    #[default]
    Observed,
    /// Expected information of the fixed effects.
    Expected,
    /// Observed information around the outer products of the groups' scores; holds when the model does not.
    Sandwich,
}

/// What chooses a level of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Extended Bayesian information criterion.
    #[default]
    Ebic,
    /// Median absolute error on groups left out.
    Cv,
}

macro_rules! model_params {
    ($(#[$doc:meta])* $name:ident { $($(#[$extra_doc:meta])* pub $extra:ident : $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Model formula over the columns of X, such as `distance ~ age*Sex + (1 + age | Subject)`; it then names target, group and
            /// random effects.
            pub formula: Option<String>,
            /// Degrees of freedom: a number, `estimate`, or `inf` for the Gaussian model.
            pub nu: Nu,
            /// Entropic index in place of nu, for a group of `dim` rows: nu = 2 / (q - 1) - dim.
            #[schemars(extend("exclusiveMinimum" = 1.0))]
            pub q: Option<f64>,
            /// Number of rows of the group that `q` speaks of.
            #[schemars(extend("minimum" = 1))]
            pub dim: Option<usize>,
            /// Random effects of a group: `intercept`, `slope` (of every column of Z, or of X where there is no Z) or columns of X; there
            /// is always a random intercept, and columns given as Z always have a slope.
            pub random_effects: RandomEffects,
            /// Whether the random effects are correlated (`full`) or not (`diagonal`).
            pub covariance: Covariance,
            /// Errors within a group: independent (`iid`), or autoregressive in the order of the rows (`ar1`).
            pub residual: Residual,
            /// Whether the rows of a group share their tails (`group`), for outlying groups, or every row has its own (`observation`),
            /// for single bad rows inside good groups; the likelihood is then approximated by a variational lower bound.
            pub shape: Tails,
            /// Restricted likelihood; only with nu = inf and no penalty.
            pub reml: bool,
            /// Penalty on the fixed effects (`none` in a path stands for `mcp`).
            pub penalty: PenaltyKind,
            /// Bend of MCP.
            #[schemars(extend("exclusiveMinimum" = 1.0))]
            pub gamma: f64,
            /// Bend of SCAD.
            #[schemars(extend("exclusiveMinimum" = 2.0))]
            pub a: f64,
            /// Columns that are not penalised; the intercept never is.
            pub unpenalized: Vec<String>,
            /// Algorithm.
            pub solver: Solver,
            /// Greatest number of steps.
            #[schemars(extend("minimum" = 1))]
            pub max_iter: usize,
            /// Relative gain of the likelihood at which the steps end.
            #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
            pub tol: f64,
            /// Whether there is a fixed intercept.
            pub fit_intercept: bool,
            $($(#[$extra_doc])* pub $extra: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    formula: None,
                    nu: Nu::Word(NuWord::Estimate),
                    q: None,
                    dim: None,
                    random_effects: RandomEffects::Word(RandomWord::Intercept),
                    covariance: Covariance::Full,
                    residual: Residual::Iid,
                    shape: Tails::Group,
                    reml: false,
                    penalty: PenaltyKind::None,
                    gamma: 3.0,
                    a: 3.7,
                    unpenalized: Vec::new(),
                    solver: Solver::Ecme,
                    max_iter: 500,
                    tol: 1e-9,
                    fit_intercept: true,
                    $($extra: $default,)*
                }
            }
        }
    };
}

model_params! {
    /// Parameters of `fit`, and the constructor of `TsallisMixedModel`.
    TsallisMixedModel {
        /// Level of the penalty (λ).
        #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
        pub lam: f64 = 0.0,
        /// What the standard errors rest on; there are none with a penalty.
        pub standard_errors: StandardErrors = StandardErrors::Observed,
    }
}

model_params! {
    /// Parameters of `path`: those of the model and the grid.
    SelectionPath {
        /// Levels to fit, from the greatest down; none for `n_lambdas` of them below the one that leaves nothing.
        #[schemars(inner(range(min = 0.0)))]
        pub lambdas: Option<Vec<f64>> = None,
        /// Number of levels where none are given.
        #[schemars(extend("minimum" = 2))]
        pub n_lambdas: usize = 20,
        /// Least level as a share of the greatest, where none are given.
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        pub lambda_ratio: f64 = 0.05,
        /// What chooses the level: the criterion EBIC, or cross-validation over whole groups.
        pub select: Select = Select::Ebic,
        /// Folds of the cross-validation.
        #[schemars(extend("minimum" = 2))]
        pub cv: usize = 5,
    }
}

impl SelectionPath {
    /// The model that the path fits at each of its levels.
    pub fn model(&self) -> TsallisMixedModel {
        let penalty = if self.penalty == PenaltyKind::None { PenaltyKind::Mcp } else { self.penalty };
        TsallisMixedModel {
            formula: self.formula.clone(),
            nu: self.nu,
            q: self.q,
            dim: self.dim,
            random_effects: self.random_effects.clone(),
            covariance: self.covariance,
            residual: self.residual,
            shape: self.shape,
            reml: self.reml,
            penalty,
            gamma: self.gamma,
            a: self.a,
            unpenalized: self.unpenalized.clone(),
            solver: self.solver,
            max_iter: self.max_iter,
            tol: self.tol,
            fit_intercept: self.fit_intercept,
            lam: 0.0,
            standard_errors: StandardErrors::Observed,
        }
    }
}

impl TsallisMixedModel {
    /// What tails of single rows leave no room for.
    fn check_by_observation(&self) -> Result<()> {
        let hint = "leave it, or set shape to 'group'";
        if self.residual == Residual::Ar1 {
            return Err(Error::parameter("residual", "'iid' with shape 'observation'", "'ar1'").hint(hint));
        }
        if self.solver == Solver::Pncg {
            return Err(Error::parameter("solver", "'ecme' with shape 'observation'", "'pncg'").hint(hint));
        }
        if self.reml {
            return Err(Error::parameter("reml", "false with shape 'observation'", true).hint(hint));
        }
        if self.standard_errors == StandardErrors::Expected {
            let expected = "'observed' or 'sandwich' with shape 'observation'";
            return Err(Error::parameter("standard_errors", expected, "'expected'").hint(hint));
        }
        if self.q.is_some() {
            return Err(
                Error::parameter("q", "none with shape 'observation': its index depends on what it speaks of", "a number").hint("give nu")
            );
        }
        Ok(())
    }

    /// Degrees of freedom that are fixed (infinite for the Gaussian), or none to estimate them.
    pub(super) fn fixed_nu(&self) -> Option<f64> {
        match (self.q, self.dim, self.nu) {
            (Some(q), Some(dim), _) => Some(2.0 / (q - 1.0) - dim as f64),
            (_, _, Nu::Fixed(nu)) => Some(nu),
            (_, _, Nu::Word(NuWord::Inf)) => Some(f64::INFINITY),
            (_, _, Nu::Word(NuWord::Estimate)) => None,
        }
    }
}

impl Params for TsallisMixedModel {
    fn check_together(&self) -> Result<()> {
        if let Nu::Fixed(nu) = self.nu
            && !(nu > 0.0)
        {
            return Err(Error::parameter("nu", "> 0, 'estimate' or 'inf'", nu));
        }
        match (self.q, self.dim) {
            (Some(_), None) => return Err(Error::parameter("dim", "given with q: a number of rows", "none")),
            (None, Some(dim)) => return Err(Error::parameter("dim", "none without q", dim)),
            (Some(q), Some(dim)) if !(q < 1.0 + 2.0 / dim as f64) => {
                return Err(Error::parameter("q", format!("in (1, {}) for dim = {dim}", 1.0 + 2.0 / dim as f64), q));
            }
            (Some(_), Some(_)) if self.nu != Nu::Word(NuWord::Estimate) => {
                return Err(Error::parameter("q", "none where nu is given", self.q.unwrap_or_default()).hint("give one of them"));
            }
            _ => {}
        }
        if self.penalty == PenaltyKind::None && self.lam > 0.0 {
            return Err(Error::parameter("lam", "0 without a penalty", self.lam).hint("set penalty to 'lasso', 'mcp' or 'scad'"));
        }
        if self.reml && (self.fixed_nu() != Some(f64::INFINITY) || self.penalty != PenaltyKind::None) {
            return Err(Error::parameter("reml", "false unless nu is inf and there is no penalty", true));
        }
        if self.shape == Tails::Observation {
            self.check_by_observation()?;
        }
        if self.reml && self.solver == Solver::Pncg {
            return Err(Error::parameter("solver", "'ecme' with reml", "'pncg'"));
        }
        Ok(())
    }
}

impl Params for SelectionPath {
    fn check_together(&self) -> Result<()> {
        if self.lambdas.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::parameter("lambdas", "a list of at least one level, or none", "an empty list"));
        }
        self.model().check_together()
    }
}
