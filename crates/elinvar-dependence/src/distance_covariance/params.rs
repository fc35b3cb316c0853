//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Types of protected columns that the user states; the others are inferred.
pub type Types = BTreeMap<String, AttributeType>;

/// How a protected attribute is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// One-hot columns, or one 0/1 column for two levels.
    Categorical,
    /// Scaled to [0, 1] on the training rows.
    Continuous,
}

/// Which dependence is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Squared distance covariance of the score with all protected blocks side by side (CCdCov²).
    #[default]
    Ccdcov,
    /// Squared joint distance covariance of the score and every block (JdCov²).
    Jdcov,
    /// Sum of the squared distance covariances with each block; blind to intersections.
    Sum,
    /// Bias-corrected squared distance correlation with all blocks side by side (dCor²).
    Dcor,
}

/// How a distance matrix is centred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Centring {
    /// Unbiased (U-statistic); may be slightly negative.
    #[default]
    U,
    /// Biased (V-statistic); never negative.
    V,
}

/// Parameters of `statistic` and `gradient`, and the constructor of `DistanceCovariance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DistanceCovariance {
    /// Which dependence is measured.
    pub measure: Measure,
    /// Centring of the distance matrices: unbiased `u` or biased `v`.
    pub estimator: Centring,
    /// Constant added to every factor of JdCov² (c of the paper); larger weighs pairs more against triples.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub c: f64,
    /// Exponent of the Euclidean distance.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 2.0))]
    pub alpha: f64,
    /// Rows a tile of the blocked O(n²) algorithm, used when the attributes take many values.
    #[schemars(extend("minimum" = 16, "maximum" = 65536))]
    pub block_size: usize,
    /// Types of protected columns where the inferred ones are not meant, such as {"age": "continuous"}.
    pub types: Types,
}

impl Default for DistanceCovariance {
    fn default() -> Self {
        Self { measure: Measure::Ccdcov, estimator: Centring::U, c: 1.0, alpha: 1.0, block_size: 512, types: Types::new() }
    }
}

impl Params for DistanceCovariance {}

/// Parameters of `test`: those of the statistic and the number of permutations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PermutationTest {
    /// Which dependence is measured.
    pub measure: Measure,
    /// Centring of the distance matrices: unbiased `u` or biased `v`.
    pub estimator: Centring,
    /// Constant added to every factor of JdCov² (c of the paper).
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub c: f64,
    /// Exponent of the Euclidean distance.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 2.0))]
    pub alpha: f64,
    /// Rows a tile of the blocked O(n²) algorithm, used when the attributes take many values.
    #[schemars(extend("minimum" = 16, "maximum" = 65536))]
    pub block_size: usize,
    /// Types of protected columns where the inferred ones are not meant.
    pub types: Types,
    /// Number of permutations; the least p-value is 1 / (n_permutations + 1).
    #[schemars(extend("minimum" = 1))]
    pub n_permutations: usize,
}

impl PermutationTest {
    /// The part that says what is measured.
    pub fn statistic(&self) -> DistanceCovariance {
        let Self { measure, estimator, c, alpha, block_size, ref types, .. } = *self;
        DistanceCovariance { measure, estimator, c, alpha, block_size, types: types.clone() }
    }
}

impl Default for PermutationTest {
    fn default() -> Self {
        let DistanceCovariance { measure, estimator, c, alpha, block_size, types } = DistanceCovariance::default();
        Self { measure, estimator, c, alpha, block_size, types, n_permutations: 199 }
    }
}

impl Params for PermutationTest {}

/// How the distance between the score distributions of groups is smoothed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bandwidth {
    /// 0.15 in units of the score, the paper's value.
    #[default]
    Fixed,
    /// Silverman's rule for each group.
    Silverman,
}

/// Parameters of `audit`, and the constructor of `FairnessAudit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FairnessAudit {
    /// Attributes whose joint levels form the groups of jsd, uf and the subgroup table; none for all of them.
    pub groups: Option<Vec<String>>,
    /// Bins of equal frequency for continuous attributes when groups are formed.
    #[schemars(extend("minimum" = 2, "maximum" = 100))]
    pub n_bins: usize,
    /// Number of permutations of the tests; 0 for none.
    pub n_permutations: usize,
    /// Constant added to every factor of JdCov² (c of the paper).
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub c: f64,
    /// Smoothing of the group densities of the Jensen-Shannon divergence.
    pub bandwidth: Bandwidth,
    /// Types of protected columns where the inferred ones are not meant.
    pub types: Types,
}

impl Default for FairnessAudit {
    fn default() -> Self {
        Self { groups: None, n_bins: 5, n_permutations: 199, c: 1.0, bandwidth: Bandwidth::Fixed, types: Types::new() }
    }
}

impl Params for FairnessAudit {}

/// Loss that a fair model minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Counts with an exposure, log link.
    Poisson,
    /// Mean squared error, identity link.
    #[default]
    Gaussian,
    /// Positive amounts, deviance, log link.
    Gamma,
    /// Labels 0 and 1, cross-entropy, logit link.
    Bernoulli,
}

/// Form of the predictor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A multilayer perceptron, trained in minibatches.
    #[default]
    Mlp,
    /// A generalised linear model, fitted on the full batch by L-BFGS.
    Linear,
}

/// Fairness penalty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// CCdCov² of the predicted mean with the protected blocks.
    #[default]
    Ccdcov,
    /// JdCov² of the predicted mean and the protected blocks.
    Jdcov,
    /// Sum of the dCov² with each block; blind to intersections.
    Sum,
    /// No penalty.
    None,
}

/// Optimiser of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Adam.
    #[default]
    Adam,
    /// AdaHessian, the paper's choice.
    Adahessian,
    /// L-BFGS on the full batch; the only one of the linear model.
    Lbfgs,
}

/// What the penalty is applied to under a Poisson loss with exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Penalise {
    /// The predicted mean, exposure included, as the authors do.
    #[default]
    Mean,
    /// The predicted rate.
    Rate,
}

/// Rows of a minibatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchSize {
    /// This many rows.
    Rows(#[schemars(extend("minimum" = 8))] usize),
    /// 256, or all rows where there are fewer.
    Auto(Auto),
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auto {
    /// Chosen from the data.
    Auto,
}

macro_rules! fair_model_params {
    ($(#[$doc:meta])* $name:ident { $($(#[$extra_doc:meta])* pub $extra:ident : $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Loss that is minimised.
            pub loss: Loss,
            /// Form of the predictor: a network or a generalised linear model.
            pub model: Form,
            /// Fairness penalty added to the loss.
            pub penalty: PenaltyKind,
            /// Weight of the penalty (λ); 0 for an ordinary model.
            #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
            pub lam: f64,
            /// Constant added to every factor of JdCov² (c of the paper).
            #[schemars(extend("exclusiveMinimum" = 0.0))]
            pub c: f64,
            /// Widths of the hidden layers of the network.
            #[schemars(inner(range(min = 1)))]
            pub hidden_layers: Vec<usize>,
            /// Share of hidden units dropped in training.
            #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
            pub dropout: f64,
            /// Rows of a minibatch: a number >= 8, `auto` for 256 or fewer, none for the full batch.
            pub batch_size: Option<BatchSize>,
            /// Optimiser of the network.
            pub optimizer: OptimizerKind,
            /// Step size of the optimiser.
            #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
            pub learning_rate: f64,
            /// Greatest number of passes over the data.
            #[schemars(extend("minimum" = 1))]
            pub max_epochs: usize,
            /// Epochs without improvement on the validation rows before training stops.
            #[schemars(extend("minimum" = 1))]
            pub patience: usize,
            /// Share of the rows held out for early stopping of the network; 0 for none.
            #[schemars(extend("minimum" = 0.0, "maximum" = 0.9))]
            pub validation_fraction: f64,
            /// Whether the penalty sees the predicted mean or the rate.
            pub penalise: Penalise,
            /// Whether protected columns are kept out of the features.
            pub drop_protected: bool,
            /// Types of protected columns where the inferred ones are not meant.
            pub types: Types,
            $($(#[$extra_doc])* pub $extra: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    loss: Loss::Gaussian,
                    model: Form::Mlp,
                    penalty: PenaltyKind::Ccdcov,
                    lam: 0.0,
                    c: 1.0,
                    hidden_layers: vec![64, 64],
                    dropout: 0.2,
                    batch_size: Some(BatchSize::Auto(Auto::Auto)),
                    optimizer: OptimizerKind::Adam,
                    learning_rate: 1e-3,
                    max_epochs: 50,
                    patience: 15,
                    validation_fraction: 0.1,
                    penalise: Penalise::Mean,
                    drop_protected: true,
                    types: Types::new(),
                    $($extra: $default,)*
                }
            }
        }
    };
}

fair_model_params! {
    /// Parameters of `fit`, and the constructor of `FairRegressor` and `FairClassifier`.
    FairModel {}
}

fair_model_params! {
    /// Parameters of `path`: those of the model and the grid.
    LambdaPath {
        /// Penalty weights to try, in rising order.
        #[schemars(inner(range(min = 0.0)))]
        pub lambdas: Vec<f64> = vec![0.0, 5.0, 10.0, 20.0, 40.0, 80.0],
        /// Folds of the cross-validation.
        #[schemars(extend("minimum" = 2))]
        pub cv: usize = 5,
        /// Repetitions with other seeds.
        #[schemars(extend("minimum" = 1))]
        pub n_seeds: usize = 1,
        /// Greatest Jensen-Shannon divergence to accept (bits); none for the knee of the path.
        #[schemars(extend("minimum" = 0.0))]
        pub target_jsd: Option<f64> = None,
    }
}

impl LambdaPath {
    /// The model at one weight of the path.
    pub fn at(&self, lam: f64) -> FairModel {
        FairModel {
            loss: self.loss,
            model: self.model,
            penalty: self.penalty,
            lam,
            c: self.c,
            hidden_layers: self.hidden_layers.clone(),
            dropout: self.dropout,
            batch_size: self.batch_size,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            max_epochs: self.max_epochs,
            patience: self.patience,
            validation_fraction: self.validation_fraction,
            penalise: self.penalise,
            drop_protected: self.drop_protected,
            types: self.types.clone(),
        }
    }
}

impl Params for FairModel {
    fn check_together(&self) -> Result<()> {
        check_optimizer(self.model, self.optimizer, self.batch_size)
    }
}

impl Params for LambdaPath {
    fn check_together(&self) -> Result<()> {
        if self.lambdas.is_empty() {
            return Err(Error::parameter("lambdas", "a list of at least one weight", "an empty list"));
        }
        check_optimizer(self.model, self.optimizer, self.batch_size)
    }
}

fn check_optimizer(form: Form, optimizer: OptimizerKind, batch_size: Option<BatchSize>) -> Result<()> {
    let full_batch = batch_size.is_none() || form == Form::Linear;
    if optimizer == OptimizerKind::Lbfgs && !full_batch {
        return Err(Error::parameter("optimizer", "'adam' or 'adahessian' with minibatches", "'lbfgs'").hint("set batch_size to none"));
    }
    Ok(())
}
