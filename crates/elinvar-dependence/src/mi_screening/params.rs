//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use elinvar_math::information::{BandwidthRule, KernelSettings, Profile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How mutual information is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Kernel densities on a grid, by Fourier transform: the least noisy, best for continuous outcomes.
    #[default]
    Fftkde,
    /// Equal-width bins, their number chosen for each variable.
    Binning,
    /// Nearest neighbours: the least biased.
    Knn,
    /// Information of Gaussian variables with the same correlation: linear effects only.
    Pearson,
}

/// Kernel of the density estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// Epanechnikov.
    #[default]
    Epa,
    /// Gaussian.
    Gaussian,
    /// Triangular.
    Tri,
    /// Uniform on a disc.
    Box,
    /// Biweight.
    Biweight,
    /// Triweight.
    Triweight,
    /// Tricube.
    Tricube,
    /// Cosine.
    Cosine,
    /// Exponential.
    Exponential,
}

impl Kernel {
    pub(super) fn profile(self) -> Profile {
        match self {
            Kernel::Epa => Profile::Epanechnikov,
            Kernel::Gaussian => Profile::Gaussian,
            Kernel::Tri => Profile::Triangular,
            Kernel::Box => Profile::Box,
            Kernel::Biweight => Profile::Biweight,
            Kernel::Triweight => Profile::Triweight,
            Kernel::Tricube => Profile::Tricube,
            Kernel::Cosine => Profile::Cosine,
            Kernel::Exponential => Profile::Exponential,
        }
    }
}

/// A rule for the bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BandwidthName {
    /// Silverman's rule.
    Silverman,
    /// Scott's rule.
    Scott,
    /// The improved Sheather-Jones rule.
    Isj,
}

/// Bandwidth of the density estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bandwidth {
    /// This many interquartile ranges.
    Fixed(#[schemars(extend("exclusiveMinimum" = 0.0))] f64),
    /// A rule, applied to each variable.
    Rule(BandwidthName),
}

impl Bandwidth {
    pub(super) fn rule(self) -> BandwidthRule {
        match self {
            Bandwidth::Fixed(h) => BandwidthRule::Fixed(h),
            Bandwidth::Rule(BandwidthName::Silverman) => BandwidthRule::Silverman,
            Bandwidth::Rule(BandwidthName::Scott) => BandwidthRule::Scott,
            Bandwidth::Rule(BandwidthName::Isj) => BandwidthRule::Isj,
        }
    }
}

/// What the outcome is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Binary where it has two values, else continuous.
    #[default]
    Auto,
    /// Continuous.
    Continuous,
    /// Binary: two values.
    Binary,
}

/// How many variables are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// This many.
    Count(usize),
    /// This share of them.
    Share(f64),
}

/// Parameters of `fit`, and the constructor of `MutualInfoScreener`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MutualInfoScreener {
    /// How mutual information is estimated.
    pub estimator: Estimator,
    /// Number (or share, as a number with a point) of variables to keep; none for ceil(n / log n), or for all that pass `threshold`.
    pub n_features_to_select: Option<Amount>,
    /// Least score to be kept, in nats; may be combined with a number.
    #[schemars(extend("minimum" = 0.0))]
    pub threshold: Option<f64>,
    /// Kernel of the estimator `fftkde`.
    pub kernel: Kernel,
    /// Bandwidth of the estimator `fftkde` as the kernel's standard deviation: in interquartile ranges, or by a rule for each variable.
    pub bandwidth: Bandwidth,
    /// Grid points along each axis of the estimator `fftkde`; the paper has 300.
    #[schemars(extend("minimum" = 16, "maximum" = 1024))]
    pub grid_size: usize,
    /// Neighbours of the estimator `knn`.
    #[schemars(extend("minimum" = 1))]
    pub n_neighbors: usize,
    /// Whether the estimator `binning` subtracts the Miller-Madow bias.
    pub bias_correction: bool,
    /// What the outcome is.
    pub outcome: Outcome,
    /// A variable is dropped when its information with a better one that was kept exceeds this, in nats; none for no clumping.
    #[schemars(extend("minimum" = 0.0))]
    pub clump_threshold: Option<f64>,
    /// Permutations of the outcome for p-values and q-values; each costs as much as the screening itself. 0 for none.
    pub n_permutations: usize,
}

impl Default for MutualInfoScreener {
    fn default() -> Self {
        Self {
            estimator: Estimator::Fftkde,
            n_features_to_select: None,
            threshold: None,
            kernel: Kernel::Epa,
            bandwidth: Bandwidth::Fixed(1.0),
            grid_size: 128,
            n_neighbors: 3,
            bias_correction: false,
            outcome: Outcome::Auto,
            clump_threshold: None,
            n_permutations: 0,
        }
    }
}

impl Params for MutualInfoScreener {
    fn check_together(&self) -> Result<()> {
        let expected = "a whole number >= 1 or a share in (0, 1]";
        match self.n_features_to_select {
            Some(Amount::Count(0)) => Err(Error::parameter("n_features_to_select", expected, 0)),
            Some(Amount::Share(share)) if !(share > 0.0 && share <= 1.0) => Err(Error::parameter("n_features_to_select", expected, share)),
            _ => Ok(()),
        }
    }
}

impl MutualInfoScreener {
    pub(super) fn kernel_settings(&self) -> KernelSettings {
        KernelSettings { profile: self.kernel.profile(), bandwidth: self.bandwidth.rule(), points: self.grid_size }
    }
}

/// Parameters of `fit-file`: those of `fit`, and how the file is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileScreener {
    /// Parameters of the screening.
    #[serde(flatten)]
    pub screener: MutualInfoScreener,
    /// Column of the file that is the outcome; none where the outcome is given by itself.
    pub target: Option<String>,
    /// Columns to screen; none for all but the outcome.
    pub columns: Option<Vec<String>>,
    /// Columns that are in memory at a time.
    #[schemars(extend("minimum" = 1))]
    pub chunk: usize,
    /// File (.npz) that keeps the scores so far, from which an interrupted screening goes on; it is removed at the end.
    pub checkpoint: Option<String>,
}

impl Default for FileScreener {
    fn default() -> Self {
        Self { screener: MutualInfoScreener::default(), target: None, columns: None, chunk: 1024, checkpoint: None }
    }
}

impl Params for FileScreener {
    fn check_together(&self) -> Result<()> {
        self.screener.check_together()?;
        match &self.checkpoint {
            Some(path) if !path.ends_with(".npz") => Err(Error::parameter("checkpoint", "a file name that ends with .npz", path)),
            _ => Ok(()),
        }
    }
}

/// Parameters of `mutual-information`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MutualInformation {
    /// How mutual information is estimated.
    pub estimator: Estimator,
    /// Kernel of the estimator `fftkde`.
    pub kernel: Kernel,
    /// Bandwidth of the estimator `fftkde`: in interquartile ranges, or by a rule for each variable.
    pub bandwidth: Bandwidth,
    /// Grid points along each axis of the estimator `fftkde`.
    #[schemars(extend("minimum" = 16, "maximum" = 1024))]
    pub grid_size: usize,
    /// Neighbours of the estimator `knn`.
    #[schemars(extend("minimum" = 1))]
    pub n_neighbors: usize,
    /// Whether the estimator `binning` subtracts the Miller-Madow bias.
    pub bias_correction: bool,
}

impl Default for MutualInformation {
    fn default() -> Self {
        let MutualInfoScreener { estimator, kernel, bandwidth, grid_size, n_neighbors, bias_correction, .. } =
            MutualInfoScreener::default();
        Self { estimator, kernel, bandwidth, grid_size, n_neighbors, bias_correction }
    }
}

impl Params for MutualInformation {}

impl MutualInformation {
    pub(super) fn screener(&self) -> MutualInfoScreener {
        let Self { estimator, kernel, bandwidth, grid_size, n_neighbors, bias_correction } = *self;
        MutualInfoScreener { estimator, kernel, bandwidth, grid_size, n_neighbors, bias_correction, ..MutualInfoScreener::default() }
    }
}

/// Parameters of `choose-bandwidth`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BandwidthChoice {
    /// Bandwidths to compare, in interquartile ranges.
    #[schemars(extend("items" = {"type": "number", "exclusiveMinimum": 0.0}))]
    pub bandwidths: Vec<f64>,
    /// Times that the rows are cut into two halves.
    #[schemars(extend("minimum" = 1))]
    pub n_splits: usize,
    /// Kernel.
    pub kernel: Kernel,
    /// Grid points along each axis.
    #[schemars(extend("minimum" = 16, "maximum" = 1024))]
    pub grid_size: usize,
    /// What the outcome is.
    pub outcome: Outcome,
}

impl Default for BandwidthChoice {
    fn default() -> Self {
        let MutualInfoScreener { kernel, grid_size, outcome, .. } = MutualInfoScreener::default();
        Self { bandwidths: vec![0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0], n_splits: 5, kernel, grid_size, outcome }
    }
}

impl Params for BandwidthChoice {
    fn check_together(&self) -> Result<()> {
        if self.bandwidths.is_empty() {
            return Err(Error::parameter("bandwidths", "at least one number > 0", "none"));
        }
        Ok(())
    }
}

/// Parameters of `combine`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Combination {
    /// Estimators whose ranks are added up.
    pub estimators: Vec<Estimator>,
    /// What the outcome is.
    pub outcome: Outcome,
}

impl Default for Combination {
    fn default() -> Self {
        Self { estimators: vec![Estimator::Fftkde, Estimator::Binning, Estimator::Pearson], outcome: Outcome::Auto }
    }
}

impl Params for Combination {
    fn check_together(&self) -> Result<()> {
        match self.estimators.is_empty() {
            true => Err(Error::parameter("estimators", "at least one estimator", "none")),
            false => Ok(()),
        }
    }
}
