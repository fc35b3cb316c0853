//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use elinvar_math::transport::Cost;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ground cost between a point and its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostName {
    /// ||x - y||², without a factor 1/2.
    #[default]
    Sqeuclidean,
    /// ||x - y||.
    Euclidean,
    /// (1/p) Σ |x_k - y_k|^p.
    Pnorm,
    /// 1 - cosine of the angle.
    Cosine,
    /// Arc length between unit vectors.
    Sphere,
}

impl CostName {
    /// The cost itself; `p` is the exponent of `pnorm`.
    pub fn cost(self, p: f64) -> Cost {
        match self {
            CostName::Sqeuclidean => Cost::SquaredEuclidean,
            CostName::Euclidean => Cost::Euclidean,
            CostName::Pnorm => Cost::PNorm(p),
            CostName::Cosine => Cost::Cosine,
            CostName::Sphere => Cost::Sphere,
        }
    }
}

/// Form of the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// T(x) = x + network(x).
    #[default]
    Mlp,
    /// T(x) = x - grad h*(network(x)), for the costs `sqeuclidean` and `pnorm` with p > 1.
    Structured,
    /// T(x) = network(x) / ||network(x)||, for the cost `sphere`.
    Sphere,
}

/// A weight in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Weight {
    /// The same at every step.
    Constant(#[schemars(extend("minimum" = 0.0))] f64),
    /// One for each step.
    Schedule(#[schemars(inner(range(min = 0.0)))] Vec<f64>),
}

impl Weight {
    /// The weight at a step, from 0; behind the end of a schedule its last one.
    pub fn at(&self, step: u64) -> f64 {
        match self {
            Weight::Constant(weight) => *weight,
            Weight::Schedule(weights) => weights.get(step as usize).or(weights.last()).copied().unwrap_or(0.0),
        }
    }
}

impl From<f64> for Weight {
    fn from(weight: f64) -> Self {
        Weight::Constant(weight)
    }
}

/// Parameters of `fit`, and the constructor of `MongeGapMap`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MongeGapMap {
    /// Ground cost of the Monge gap; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their gradients
    /// in y (n, d).
    pub cost: CostName,
    /// Exponent of the cost `pnorm`.
    #[schemars(extend("minimum" = 1.0))]
    pub p: f64,
    /// Weight of the Monge gap against the fitting loss (λ_MG): one number, or one for each training step.
    #[schemars(extend("x-scale" = "log"))]
    pub lambda_mg: Weight,
    /// Weight of the penalty on the network's Jacobian being asymmetric; needs arch = 'structured' where > 0.
    #[schemars(extend("minimum" = 0.0))]
    pub lambda_cons: f64,
    /// Form of the map.
    pub arch: Architecture,
    /// Widths of the hidden layers.
    #[schemars(inner(range(min = 1)))]
    pub hidden: Vec<usize>,
    /// Regularisation of the fitting loss as a share of the mean squared distance within a target batch.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    pub eps_fit_rel: f64,
    /// Regularisation of the gap as a share of the mean cost between a source and a target batch.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    pub eps_reg_rel: f64,
    /// Regularisation of the fitting loss itself; none for the relative one.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps_fit: Option<f64>,
    /// Regularisation of the gap itself; none for the relative one.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub eps_reg: Option<f64>,
    /// Rows of a batch; at most the number of source rows.
    #[schemars(extend("minimum" = 2))]
    pub batch_size: usize,
    /// Training steps.
    #[schemars(extend("minimum" = 1))]
    pub num_iters: usize,
    /// Step size of Adam at the start.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    pub learning_rate: f64,
    /// Share of the learning rate that is left at the end of a half cosine; 1 for a constant rate.
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
    pub final_rate: f64,
    /// L1 error of the marginal at which Sinkhorn stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub sinkhorn_threshold: f64,
    /// Most Sinkhorn iterations a problem.
    #[schemars(extend("minimum" = 1))]
    pub sinkhorn_max_iter: usize,
}

impl Default for MongeGapMap {
    fn default() -> Self {
        Self {
            cost: CostName::Sqeuclidean,
            p: 2.0,
            lambda_mg: Weight::Constant(1.0),
            lambda_cons: 0.0,
            arch: Architecture::Mlp,
            hidden: vec![128, 64, 64],
            eps_fit_rel: 0.1,
            eps_reg_rel: 0.01,
            eps_fit: None,
            eps_reg: None,
            batch_size: 256,
            num_iters: 5000,
            learning_rate: 1e-3,
            final_rate: 1.0,
            sinkhorn_threshold: 1e-3,
            sinkhorn_max_iter: 2000,
        }
    }
}

impl Params for MongeGapMap {
    fn check_together(&self) -> Result<()> {
        if let Weight::Schedule(weights) = &self.lambda_mg
            && weights.len() != self.num_iters
        {
            let expected = format!("a number, or one for each of the {} steps", self.num_iters);
            return Err(Error::parameter("lambda_mg", expected, format!("{} numbers", weights.len())));
        }
        if self.lambda_cons > 0.0 && self.arch != Architecture::Structured {
            return Err(Error::parameter("lambda_cons", "0 unless arch = 'structured'", self.lambda_cons));
        }
        let convex = self.cost == CostName::Sqeuclidean || (self.cost == CostName::Pnorm && self.p > 1.0);
        if self.arch == Architecture::Structured && !convex {
            return Err(Error::parameter(
                "arch",
                "'mlp' or 'sphere' unless the cost is 'sqeuclidean' or 'pnorm' with p > 1",
                "'structured'",
            ));
        }
        Ok(())
    }
}

/// Method of the gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapMethod {
    /// With entropy, by Sinkhorn; never below the exact gap.
    #[default]
    Entropic,
    /// By an assignment, at most 4096 rows.
    Exact,
}

/// Parameters of `gap`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MongeGap {
    /// Ground cost; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their gradients in y (n, d).
    pub cost: CostName,
    /// Exponent of the cost `pnorm`.
    #[schemars(extend("minimum" = 1.0))]
    pub p: f64,
    /// Entropic or exact.
    #[schemars(extend("x-shorthand" = "exact"))]
    pub method: GapMethod,
    /// Regularisation in units of the cost; none for 0.01 of the mean cost. Use method='exact' for the unregularised gap.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-hint" = "use method='exact' for the unregularised gap"))]
    pub epsilon: Option<f64>,
    /// L1 error of the marginal at which Sinkhorn stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub sinkhorn_threshold: f64,
    /// Most Sinkhorn iterations.
    #[schemars(extend("minimum" = 1))]
    pub sinkhorn_max_iter: usize,
}

impl Default for MongeGap {
    fn default() -> Self {
        Self {
            cost: CostName::Sqeuclidean,
            p: 2.0,
            method: GapMethod::Entropic,
            epsilon: None,
            sinkhorn_threshold: 1e-3,
            sinkhorn_max_iter: 2000,
        }
    }
}

impl Params for MongeGap {}

/// Parameters of `map-gap`: the cost is that of the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MapGap {
    /// Entropic or exact.
    #[schemars(extend("x-shorthand" = "exact"))]
    pub method: GapMethod,
    /// Regularisation in units of the cost; none for that of the fit.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-hint" = "use method='exact' for the unregularised gap"))]
    pub epsilon: Option<f64>,
    /// L1 error of the marginal at which Sinkhorn stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub sinkhorn_threshold: f64,
    /// Most Sinkhorn iterations.
    #[schemars(extend("minimum" = 1))]
    pub sinkhorn_max_iter: usize,
}

impl Default for MapGap {
    fn default() -> Self {
        let MongeGap { method, epsilon, sinkhorn_threshold, sinkhorn_max_iter, .. } = MongeGap::default();
        Self { method, epsilon, sinkhorn_threshold, sinkhorn_max_iter }
    }
}

impl Params for MapGap {}

/// Parameters of `divergence`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Divergence {
    /// Regularisation in squared units of the data; none for 0.1 of the mean squared distance within y.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub epsilon: Option<f64>,
    /// L1 error of the marginal at which Sinkhorn stops.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub sinkhorn_threshold: f64,
    /// Most Sinkhorn iterations.
    #[schemars(extend("minimum" = 1))]
    pub sinkhorn_max_iter: usize,
}

impl Default for Divergence {
    fn default() -> Self {
        Self { epsilon: None, sinkhorn_threshold: 1e-6, sinkhorn_max_iter: 5000 }
    }
}

impl Params for Divergence {}

/// Parameters of `certificate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Certify {
    /// Ground cost; in Python also a pair of functions of paired rows x, y (n, d): the costs (n,), and their gradients in y (n, d).
    pub cost: CostName,
    /// Exponent of the cost `pnorm`.
    #[schemars(extend("minimum" = 1.0))]
    pub p: f64,
    /// How many of the worst points to name.
    #[schemars(extend("minimum" = 1))]
    pub worst: usize,
    /// Bootstrap resamples of the interval.
    #[schemars(extend("minimum" = 1))]
    pub resamples: usize,
}

impl Default for Certify {
    fn default() -> Self {
        Self { cost: CostName::Sqeuclidean, p: 2.0, worst: 10, resamples: 2000 }
    }
}

impl Params for Certify {}
