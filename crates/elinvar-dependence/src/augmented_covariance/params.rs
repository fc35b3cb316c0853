//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use elinvar_math::covariance::CovarianceEstimator;
use elinvar_math::spd::{MatrixFunction, Metric};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `covariance`, and the constructor of `AugmentedCovariance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentedCovariance {
    /// Delayed copies of each channel (p of the paper); 1 for none.
    #[schemars(extend("minimum" = 1))]
    pub order: usize,
    /// Samples between copies (τ of the paper).
    #[schemars(extend("minimum" = 1))]
    pub lag: usize,
    /// How covariances are estimated.
    pub estimator: CovarianceEstimator,
}

impl Default for AugmentedCovariance {
    fn default() -> Self {
        Self { order: 1, lag: 1, estimator: CovarianceEstimator::Cov }
    }
}

impl Params for AugmentedCovariance {}

/// What is done with the covariance matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierKind {
    /// Support vector machine on tangent vectors at the geometric mean of the training set.
    #[default]
    TangentSvm,
    /// Minimum distance to the geometric mean of each class.
    Mdm,
}

/// A rule that chooses a parameter from the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The best of a grid by cross-validation.
    Grid,
    /// Lag at the first minimum of the average mutual information, order by Cao's criterion.
    AmiCao,
    /// Order and lag together by maximising derivatives on projection.
    Mdop,
}

/// A number, or a rule to choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// This number.
    Fixed(#[schemars(extend("minimum" = 1))] usize),
    /// Chosen from the data.
    By(Rule),
}

impl Choice {
    /// The rule, where there is one.
    pub fn rule(self) -> Option<Rule> {
        match self {
            Choice::By(rule) => Some(rule),
            Choice::Fixed(_) => None,
        }
    }
}

/// Kernel of the support vector machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelKind {
    /// Inner products of tangent vectors.
    #[default]
    Linear,
    /// `exp(-γ |z - z'|²)` with γ = 1 / (features × variance of all entries), both of the training set.
    Rbf,
}

/// A kernel, or both tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelChoice {
    /// Inner products of tangent vectors.
    #[default]
    Linear,
    /// Gaussian.
    Rbf,
    /// The better of the two by cross-validation.
    Grid,
}

impl KernelChoice {
    pub(super) fn candidates(self) -> Vec<KernelKind> {
        match self {
            Self::Linear => vec![KernelKind::Linear],
            Self::Rbf => vec![KernelKind::Rbf],
            Self::Grid => vec![KernelKind::Linear, KernelKind::Rbf],
        }
    }
}

/// One number or several to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(#[schemars(extend("exclusiveMinimum" = 0.0))] f64),
    /// Several.
    Several(Vec<f64>),
}

impl OneOrMore {
    pub(super) fn candidates(&self) -> Vec<f64> {
        match self {
            Self::One(value) => vec![*value],
            Self::Several(values) => values.clone(),
        }
    }
}

/// How covariances of a classifier are estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorChoice {
    /// Centred, divisor n - 1.
    #[default]
    Cov,
    /// Centred, divisor n.
    Scm,
    /// Ledoit-Wolf shrinkage.
    Lwf,
    /// Oracle approximating shrinkage.
    Oas,
    /// `lwf` where there are more embedded channels than a third of the samples, or the order and lag were chosen by `ami_cao` or
    /// `mdop` and lie outside the grid; else `cov`.
    Auto,
}

/// What a search maximises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// Area under the ROC curve for two classes, else accuracy.
    #[default]
    Auto,
    /// Area under the ROC curve; two classes only.
    RocAuc,
    /// Share of correct labels.
    Accuracy,
}

/// What is done with the other good points of a grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnsembleKind {
    /// Only the best point is used.
    #[default]
    None,
    /// The points within 99 % of the best score vote with their probabilities.
    Vote,
    /// One support vector machine on the mean of the kernels of the points within 99 % of the best score.
    Kernel,
}

macro_rules! classifier_params {
    ($(#[$doc:meta])* $name:ident { $($(#[$extra_doc:meta])* pub $extra:ident : $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// What is done with the covariance matrices.
            pub classifier: ClassifierKind,
            /// Delayed copies of each channel (p of the paper), or the rule that chooses them.
            pub order: Choice,
            /// Samples between copies (τ of the paper), or the rule that chooses them.
            pub lag: Choice,
            /// Orders of the grid.
            #[schemars(inner(range(min = 1)))]
            pub orders: Vec<usize>,
            /// Lags of the grid.
            #[schemars(inner(range(min = 1)))]
            pub lags: Vec<usize>,
            /// Weight of errors in the support vector machine; several are tried by cross-validation.
            #[serde(rename = "C")]
            pub c: OneOrMore,
            /// Kernel of the support vector machine.
            pub kernel: KernelChoice,
            /// How covariances are estimated.
            pub estimator: EstimatorChoice,
            /// Folds of the cross-validation inside the training set.
            #[schemars(extend("minimum" = 2))]
            pub inner_cv: usize,
            /// What the search maximises.
            pub scoring: Scoring,
            /// What is done with the other good points of the grid.
            pub ensemble: EnsembleKind,
            /// Pass band in Hz that epochs are filtered to first (Butterworth of order 4, no phase shift); none for epochs that are
            /// filtered already.
            #[schemars(extend("minItems" = 2, "maxItems" = 2))]
            pub band: Option<Vec<f64>>,
            /// Greatest norm of the mean logarithm at which a geometric mean counts as found.
            #[schemars(extend("exclusiveMinimum" = 0.0))]
            pub metric_tol: f64,
            $($(#[$extra_doc])* pub $extra: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    classifier: ClassifierKind::TangentSvm,
                    order: Choice::Fixed(1),
                    lag: Choice::Fixed(1),
                    orders: (1..=10).collect(),
                    lags: (1..=10).collect(),
                    c: OneOrMore::One(1.0),
                    kernel: KernelChoice::Linear,
                    estimator: EstimatorChoice::Cov,
                    inner_cv: 5,
                    scoring: Scoring::Auto,
                    ensemble: EnsembleKind::None,
                    band: None,
                    metric_tol: 1e-8,
                    $($extra: $default,)*
                }
            }
        }
    };
}

classifier_params! {
    /// Parameters of `fit`, and the constructor of `ACMClassifier`.
    AcmClassifier {}
}

/// Which sessions train and which are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Stratified folds within each session of each subject.
    #[default]
    WithinSession,
    /// Each session of a subject in turn; the subject's others train.
    CrossSession,
}

/// On which data parameters are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Inside each training set.
    #[default]
    Nested,
    /// On the scored folds themselves, as in the tables of the paper: optimistic.
    SameFolds,
}

/// A classifier to evaluate; those without `acm_` use the channels as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// Minimum distance to mean on augmented covariances.
    AcmMdm,
    /// Tangent space and support vector machine on augmented covariances.
    AcmTangentSvm,
    /// Minimum distance to mean.
    Mdm,
    /// Tangent space and support vector machine.
    TangentSvm,
    /// Common spatial patterns, log-variance, linear discriminant.
    CspLda,
    /// Tangent space and elastic-net logistic regression.
    CovEn,
    /// Geodesic filtering by linear discriminants, then minimum distance to mean.
    Fgmdm,
}

impl Pipeline {
    /// The word in parameters and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcmMdm => "acm_mdm",
            Self::AcmTangentSvm => "acm_tangent_svm",
            Self::Mdm => "mdm",
            Self::TangentSvm => "tangent_svm",
            Self::CspLda => "csp_lda",
            Self::CovEn => "cov_en",
            Self::Fgmdm => "fgmdm",
        }
    }
}

classifier_params! {
    /// Parameters of `evaluate`: those of the classifier and the protocol.
    Evaluation {
        /// Which sessions train and which are scored.
        pub scheme: Scheme = Scheme::WithinSession,
        /// Classifiers to compare; none for the one of `classifier` with and without embedding.
        pub pipelines: Option<Vec<Pipeline>> = None,
        /// Folds within a session.
        #[schemars(extend("minimum" = 2))]
        pub n_splits: usize = 5,
        /// On which data order, lag, C and kernel are chosen.
        pub selection: Selection = Selection::Nested,
    }
}

impl Evaluation {
    /// The part that describes the classifier.
    pub fn classifier(&self) -> AcmClassifier {
        AcmClassifier {
            classifier: self.classifier,
            order: self.order,
            lag: self.lag,
            orders: self.orders.clone(),
            lags: self.lags.clone(),
            c: self.c.clone(),
            kernel: self.kernel,
            estimator: self.estimator,
            inner_cv: self.inner_cv,
            scoring: self.scoring,
            ensemble: self.ensemble,
            band: self.band.clone(),
            metric_tol: self.metric_tol,
        }
    }
}

impl Params for AcmClassifier {
    fn check_together(&self) -> Result<()> {
        for (name, list) in [("orders", &self.orders), ("lags", &self.lags)] {
            if list.is_empty() {
                return Err(Error::parameter(name, "a list of at least one number", "an empty list"));
            }
        }
        if self.c.candidates().is_empty() {
            return Err(Error::parameter("C", "a number > 0 or a list of them", "an empty list"));
        }
        if let Some(band) = &self.band
            && !(band.len() == 2 && band[0] > 0.0 && band[0] < band[1])
        {
            return Err(Error::parameter("band", "two rising frequencies > 0 Hz", format!("{band:?}")));
        }
        check_rules(self.order, self.lag)?;
        let searched = self.order.rule() == Some(Rule::Grid) || self.lag.rule() == Some(Rule::Grid);
        if self.ensemble != EnsembleKind::None && !searched {
            return Err(
                Error::parameter("ensemble", "'none' without a grid of orders or lags", "an ensemble").hint("set order and lag to 'grid'")
            );
        }
        if self.ensemble == EnsembleKind::Kernel && self.classifier == ClassifierKind::Mdm {
            return Err(Error::parameter("ensemble", "'none' or 'vote' with the classifier 'mdm', which has no kernel", "'kernel'"));
        }
        Ok(())
    }
}

impl Params for Evaluation {
    fn check_together(&self) -> Result<()> {
        self.classifier().check_together()?;
        match &self.pipelines {
            Some(list) if list.is_empty() => Err(Error::parameter("pipelines", "a list of at least one classifier", "an empty list")),
            _ => Ok(()),
        }
    }
}

/// The rules that choose order and lag together leave nothing for the other to choose.
fn check_rules(order: Choice, lag: Choice) -> Result<()> {
    let joint = |rule: Option<Rule>| rule.filter(|rule| *rule != Rule::Grid);
    let untouched = Choice::Fixed(1);
    match (joint(order.rule()), joint(lag.rule())) {
        (None, None) => Ok(()),
        (Some(_), None) if lag == untouched => Ok(()),
        (None, Some(_)) if order == untouched => Ok(()),
        (Some(a), Some(b)) if a == b => Ok(()),
        _ => Err(Error::parameter("lag", "the same rule as 'order', or 1: 'ami_cao' and 'mdop' choose both", "another value")),
    }
}

/// Parameters of `select`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SelectEmbedding {
    /// How order and lag are chosen.
    pub rule: FreeRule,
}

/// A rule that needs no labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreeRule {
    /// Lag at the first minimum of the average mutual information, order by Cao's criterion.
    #[default]
    AmiCao,
    /// Order and lag together by maximising derivatives on projection.
    Mdop,
}

impl Default for SelectEmbedding {
    fn default() -> Self {
        Self { rule: FreeRule::AmiCao }
    }
}

impl Params for SelectEmbedding {}

/// Parameters of `bandpass`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BandPassFilter {
    /// Sampling rate in Hz.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub sfreq: f64,
    /// Lower edge in Hz.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub low: f64,
    /// Upper edge in Hz.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub high: f64,
    /// Order of the low-pass prototype.
    #[schemars(extend("minimum" = 1, "maximum" = 10))]
    pub filter_order: usize,
}

impl Default for BandPassFilter {
    fn default() -> Self {
        Self { sfreq: 250.0, low: 8.0, high: 35.0, filter_order: 4 }
    }
}

impl Params for BandPassFilter {}

/// Parameters of the tasks on SPD matrices that know a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Geometry {
    /// How distance and mean are defined.
    pub metric: Metric,
}

impl Default for Geometry {
    fn default() -> Self {
        Self { metric: Metric::AffineInvariant }
    }
}

impl Params for Geometry {}

/// Parameters of `spd-mean`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpdMean {
    /// How distance and mean are defined.
    pub metric: Metric,
    /// Greatest norm of the mean logarithm at which a geometric mean counts as found.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub tol: f64,
    /// Greatest number of iterations.
    #[schemars(extend("minimum" = 1))]
    pub max_iter: usize,
}

impl Default for SpdMean {
    fn default() -> Self {
        Self { metric: Metric::AffineInvariant, tol: 1e-8, max_iter: 50 }
    }
}

impl Params for SpdMean {}

/// Parameters of `spd-map`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpdMap {
    /// The function of the eigenvalues.
    pub function: MatrixFunction,
}

impl Default for SpdMap {
    fn default() -> Self {
        Self { function: MatrixFunction::Log }
    }
}

impl Params for SpdMap {}
