//! Parameters of the tasks.

use elinvar_core::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How two operators are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Least Frobenius distance of the operators, each of norm 1, over orthogonal changes of coordinates.
    #[default]
    Euclidean,
    /// The angle between them then.
    Angular,
    /// Distance of their eigenvalues (2-Wasserstein).
    Wasserstein,
}

/// The parameters of an analysis, in one place, each task's own after them.
macro_rules! analysis_parameters {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// States in a row of delay coordinates: the present one and those before it.
            #[schemars(extend("minimum" = 1))]
            pub n_delays: usize,
            /// Steps between the states of such a row.
            #[schemars(extend("minimum" = 1))]
            pub delay_interval: usize,
            /// Leading whitened coordinates that the dynamics are fitted in; none for all that every network has above the rounding of its
            /// states. Conclusions can depend on it: see `sensitivity`.
            #[schemars(range(min = 1))]
            pub rank: Option<usize>,
            /// Ridge of the regression of the next coordinates on the present ones.
            #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
            pub lam: f64,
            /// How two operators are compared.
            pub score: Score,
            /// Random starts of the search for the best alignment of two operators, beside the two that are always tried; the best is taken.
            #[schemars(extend("minimum" = 1))]
            pub n_starts: usize,
            /// Starts of the search for the best matching of two networks' units.
            #[schemars(extend("minimum" = 1))]
            pub pif_starts: usize,
            /// Half the width of the 95 % interval, relative to the mean distance, for which `networks_needed` is computed.
            #[schemars(extend("exclusiveMinimum" = 0.0))]
            pub precision: f64,
            /// Whether networks that did not converge may be compared.
            pub allow_unconverged: bool,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    n_delays: 1,
                    delay_interval: 1,
                    rank: None,
                    lam: 1e-8,
                    score: Score::Euclidean,
                    n_starts: 8,
                    pif_starts: 4,
                    precision: 0.05,
                    allow_unconverged: false,
                    $($field: $default,)*
                }
            }
        }

        impl Params for $name {}

        /// The parameters that all analyses share.
        impl From<&$name> for DegeneracyAnalysis {
            fn from(own: &$name) -> Self {
                Self {
                    n_delays: own.n_delays,
                    delay_interval: own.delay_interval,
                    rank: own.rank,
                    lam: own.lam,
                    score: own.score,
                    n_starts: own.n_starts,
                    pif_starts: own.pif_starts,
                    precision: own.precision,
                    allow_unconverged: own.allow_unconverged,
                }
            }
        }
    };
}

analysis_parameters! {
    /// Parameters of `analyze`, and the constructor of the class.
    DegeneracyAnalysis {}
}

analysis_parameters! {
    /// Parameters of `compare`.
    Comparison {
        /// Resamples of the networks for the intervals.
        #[schemars(extend("minimum" = 100))]
        n_resamples: usize = 2000,
    }
}

analysis_parameters! {
    /// Parameters of `sensitivity`.
    Sensitivity {
        /// Numbers of delays to try.
        #[schemars(inner(range(min = 1)))]
        delays: Vec<usize> = vec![1, 2, 4],
        /// Ranks to try.
        #[schemars(inner(range(min = 1)))]
        ranks: Vec<usize> = vec![5, 10, 20],
    }
}

analysis_parameters! {
    /// Parameters of `align`.
    Align {
        /// Number of the network that the others are turned to.
        reference: usize = 0,
    }
}

/// Parameters of `havok`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Havok {
    /// States in a row of delay coordinates.
    #[schemars(extend("minimum" = 1))]
    pub n_delays: usize,
    /// Steps between the states of such a row.
    #[schemars(extend("minimum" = 1))]
    pub delay_interval: usize,
    /// Leading whitened coordinates; none for all above the rounding of the states.
    #[schemars(range(min = 1))]
    pub rank: Option<usize>,
    /// Ridge of the regression.
    #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
    pub lam: f64,
}

impl Default for Havok {
    fn default() -> Self {
        Self { n_delays: 1, delay_interval: 1, rank: None, lam: 1e-8 }
    }
}

impl Params for Havok {}

/// Parameters of `pif-distance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PifDistance {
    /// Starts of the search for the best matching.
    #[schemars(extend("minimum" = 1))]
    pub pif_starts: usize,
}

impl Default for PifDistance {
    fn default() -> Self {
        Self { pif_starts: 4 }
    }
}

impl Params for PifDistance {}

/// A task that networks learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Every channel keeps its last non-zero input.
    #[default]
    Flipflop,
    /// After a delay, which of two pulses was the greater.
    Discrimination,
    /// A sine of one of `n_channels` frequencies.
    Sine,
    /// The position of a walk from its directions and speeds, in 2 or 3 dimensions.
    PathIntegration,
    /// The next state of Lorenz's chaotic system of 1996.
    Lorenz96,
}

/// How weights and rates scale with the width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parametrization {
    /// A plain network, uniform on +-1/sqrt(n), one learning rate.
    #[default]
    Standard,
    /// Maximal update: a leaky network whose readout is 1/(gamma n) and whose rates keep the learning of features equal at any width.
    Mup,
}

/// The unit of the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hyperbolic tangent, the paper's.
    #[default]
    Tanh,
    /// Gated recurrent unit.
    Gru,
    /// Long short-term memory.
    Lstm,
}

/// Parameters of `train`, and the constructor of the ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RnnEnsemble {
    /// What the networks learn.
    pub task: Problem,
    /// Independent channels of the task: bits, pairs of pulses, frequencies, dimensions.
    #[schemars(extend("minimum" = 1))]
    pub n_channels: usize,
    /// Units of each network.
    #[schemars(extend("minimum" = 1))]
    pub hidden: usize,
    /// Networks, each with starting weights and batches of its own.
    #[schemars(extend("minimum" = 1))]
    pub n_networks: usize,
    /// The unit of the networks.
    pub unit: Unit,
    /// How weights and rates scale with the width; `mup` is for the unit `tanh`.
    pub parametrization: Parametrization,
    /// Strength of feature learning under `mup`.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    pub gamma: f64,
    /// Share of a step that the state of a `mup` network moves.
    #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
    pub tau: f64,
    /// Weight of the sum of absolute recurrent weights in the loss.
    #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
    pub l1: f64,
    /// Weight of the sum of singular values of the recurrent weights in the loss.
    #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
    pub nuclear: f64,
    /// Mean loss of an epoch below which a network has learned the task; none for that of the task.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub threshold: Option<f64>,
    /// Epochs that a network is trained on after that.
    pub patience: u64,
    /// Learning rate of Adam.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    pub lr: f64,
    /// Epochs without a smaller loss after which the learning rate is halved; none for never.
    #[schemars(range(min = 1))]
    pub plateau: Option<u64>,
    /// Trials a batch.
    #[schemars(extend("minimum" = 1))]
    pub batch_size: usize,
    /// Greatest Euclidean norm of a gradient.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub clip: f64,
    /// Epochs after which training ends whatever the loss.
    #[schemars(extend("minimum" = 1))]
    pub max_epochs: u64,
    /// Batches an epoch.
    #[schemars(extend("minimum" = 1))]
    pub steps_per_epoch: u64,
    /// Trials that the batches of all networks are drawn from.
    #[schemars(extend("minimum" = 1))]
    pub n_trials: usize,
    /// Steps of a trial; the discrimination task has its own.
    #[schemars(extend("minimum" = 2))]
    pub steps: usize,
    /// Longest delay of the discrimination task (steps); the shortest is 5.
    #[schemars(extend("minimum" = 5))]
    pub max_delay: usize,
    /// Whether networks also learn by how much the pulses of the discrimination task differ.
    pub auxiliary: bool,
}

impl Default for RnnEnsemble {
    fn default() -> Self {
        Self {
            task: Problem::Flipflop,
            n_channels: 3,
            hidden: 128,
            n_networks: 50,
            unit: Unit::Tanh,
            parametrization: Parametrization::Standard,
            gamma: 1.0,
            tau: 0.1,
            l1: 0.0,
            nuclear: 0.0,
            threshold: None,
            patience: 3,
            lr: 1e-3,
            plateau: Some(40),
            batch_size: 64,
            clip: 1.0,
            max_epochs: 1000,
            steps_per_epoch: 128,
            n_trials: 4096,
            steps: 100,
            max_delay: 20,
            auxiliary: false,
        }
    }
}

impl Params for RnnEnsemble {
    fn check_together(&self) -> Result<()> {
        if self.parametrization == Parametrization::Mup && self.unit != Unit::Tanh {
            return Err(Error::parameter("parametrization", "'standard' for gated units", "mup"));
        }
        self.check_task()
    }
}

/// Parameters of `states`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct States {
    /// Trials to record, where no inputs are given.
    #[schemars(extend("minimum" = 1))]
    pub n_probes: usize,
    /// Steps of such a trial; none for that of training.
    #[schemars(extend("minimum" = 2))]
    pub probe_steps: Option<usize>,
    /// Trials for the loss under generalisation (twice as long, of the discrimination task with delays twice as long).
    #[schemars(extend("minimum" = 1))]
    pub n_far: usize,
}

impl Default for States {
    fn default() -> Self {
        Self { n_probes: 32, probe_steps: None, n_far: 256 }
    }
}

impl Params for States {}

/// Parameters of `feature-learning`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureLearning {
    /// Trials on which tangent kernels are compared.
    #[schemars(extend("minimum" = 1))]
    pub n_probes: usize,
}

impl Default for FeatureLearning {
    fn default() -> Self {
        Self { n_probes: 32 }
    }
}

impl Params for FeatureLearning {}
