//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use elinvar_nn::activation::{SELU_ALPHA, SELU_LAMBDA};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scaled exponential linear unit: `lambda x` for x > 0, `lambda alpha (exp(x) - 1)` below.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Selu {
    /// Slope below zero over slope above, at zero.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub alpha: f64,
    /// Slope above zero (λ of the paper).
    #[serde(rename = "scale")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lambda: f64,
}

impl Default for Selu {
    fn default() -> Self {
        Self { alpha: SELU_ALPHA, lambda: SELU_LAMBDA }
    }
}

impl Params for Selu {}

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The class of a row: softmax cross-entropy.
    #[default]
    Classification,
    /// A number: squared error of the standardised target.
    Regression,
    /// Several yes-or-no answers, any of which may be missing: logistic loss of those that are there.
    Multitask,
}

/// Widths of the hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// All `units` wide.
    #[default]
    Rectangular,
    /// From `units` to the number of outputs in a geometric progression.
    Conic,
}

/// Non-linearity of the hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// SELU, with LeCun's initialisation and alpha dropout: a self-normalising network.
    #[default]
    Selu,
    /// ReLU, with He's initialisation and ordinary dropout.
    Relu,
    /// Hyperbolic tangent, with LeCun's initialisation and ordinary dropout.
    Tanh,
    /// ELU, with LeCun's initialisation and ordinary dropout.
    Elu,
}

/// Normalisation of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Of each unit over the batch, after the activation.
    Batch,
    /// Of each row over the units, before the activation.
    Layer,
    /// Of the weights: directions and lengths are trained apart.
    Weight,
}

/// How hidden layers are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// One after the other.
    #[default]
    Plain,
    /// With gates that let the input of a layer pass.
    Highway,
    /// In blocks of two whose input is added to their result.
    Residual,
    /// The same, with a quarter of the width inside a block.
    Bottleneck,
}

/// The parameters of a network, in one place, each task's own after them.
macro_rules! network_parameters {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// What is learned: a class, a number, or several yes-or-no answers.
            pub task: Task,
            $($(#[$field_meta])* pub $field: $type,)*
            /// Rows of a minibatch; none for 128, or all rows where there are fewer.
            #[schemars(extend("minimum" = 1))]
            pub batch_size: Option<usize>,
            /// Passes over the data.
            #[schemars(extend("minimum" = 1))]
            pub max_epochs: usize,
            /// Weight of half the sum of squared weights in the loss.
            #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
            pub l2: f64,
            /// Share of the rows held out to choose the epoch.
            #[schemars(extend("minimum" = 0.0, "maximum" = 0.9))]
            pub validation_fraction: f64,
            /// Whether the weights of the best epoch on the held-out rows are taken; else those of the last epoch of a fit to all rows.
            pub early_stopping: bool,
            /// Epochs over which the held-out loss is averaged before the best epoch is chosen.
            #[schemars(extend("minimum" = 1))]
            pub smoothing: usize,
            /// Non-linearity of the hidden layers.
            pub activation: ActivationKind,
            /// Normalisation of the hidden layers; none needs SELU to be more than a few layers deep.
            pub norm: Option<NormKind>,
            /// How hidden layers are joined.
            pub architecture: Architecture,
            /// Whether features (and the target of a regression) are brought to mean 0 and variance 1 first.
            pub standardize: bool,
            /// Whether the weights of every unit start with a sum of exactly 0 and a sum of squares of exactly 1 (2 for ReLU).
            pub exact_moments: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    task: Task::Classification,
                    $($field: $default,)*
                    batch_size: None,
                    max_epochs: 100,
                    l2: 0.0,
                    validation_fraction: 0.15,
                    early_stopping: true,
                    smoothing: 10,
                    activation: ActivationKind::Selu,
                    norm: None,
                    architecture: Architecture::Plain,
                    standardize: true,
                    exact_moments: false,
                }
            }
        }
    };
}

network_parameters! {
    /// Parameters of `fit`, and the constructor of the estimators.
    Snn {
        /// Number of hidden layers.
        #[schemars(extend("minimum" = 1, "maximum" = 512))]
        hidden_layers: usize = 8,
        /// Width of the hidden layers, of the first where the form is conic.
        #[schemars(extend("minimum" = 1))]
        units: usize = 256,
        /// Widths of the hidden layers.
        form: Form = Form::Rectangular,
        /// Share of hidden values dropped while training.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
        dropout: f64 = 0.05,
        /// Step size of stochastic gradient descent.
        #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
        lr: f64 = 0.01,
    }
}

/// A grid of settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grid {
    /// Eight settings for a first look at a table: 64 units, 2 or 8 layers, rates 0.01 and 0.1, dropout 0 and 0.05.
    #[default]
    Small,
    /// Of the paper's UCI study.
    Uci,
    /// Of the paper's Tox21 study.
    Tox21,
    /// Of the paper's HTRU2 study.
    Htru2,
}

impl Grid {
    fn hidden_layers(self) -> &'static [usize] {
        match self {
            Self::Small => &[2, 8],
            Self::Uci => &[2, 3, 4, 8, 16, 32],
            Self::Tox21 => &[2, 3, 4, 6, 8, 16, 32],
            Self::Htru2 => &[2, 4, 8, 16, 32],
        }
    }

    fn units(self) -> &'static [usize] {
        match self {
            Self::Small => &[64],
            Self::Uci => &[1024, 512, 256],
            Self::Tox21 => &[1024, 2048],
            Self::Htru2 => &[256, 512, 1024],
        }
    }

    fn rates(self) -> &'static [f64] {
        match self {
            Self::Small => &[0.01, 0.1],
            Self::Uci | Self::Htru2 => &[0.01, 0.1, 1.0],
            Self::Tox21 => &[0.01, 0.05, 0.1],
        }
    }

    fn dropouts(self) -> &'static [f64] {
        match self {
            Self::Tox21 => &[0.05, 0.1],
            Self::Small | Self::Uci | Self::Htru2 => &[0.05, 0.0],
        }
    }

    fn forms(self) -> &'static [Form] {
        match self {
            Self::Small => &[Form::Rectangular],
            Self::Uci | Self::Tox21 | Self::Htru2 => &[Form::Rectangular, Form::Conic],
        }
    }
}

network_parameters! {
    /// Parameters of `search`: those of the network, with lists in place of what is searched.
    SnnGridSearch {
        /// The grid; its lists can be replaced one by one.
        grid: Grid = Grid::Small,
        /// Numbers of hidden layers to try; none for those of the grid.
        #[schemars(inner(range(min = 1, max = 512)))]
        hidden_layers: Option<Vec<usize>> = None,
        /// Widths to try; none for those of the grid.
        #[schemars(inner(range(min = 1)))]
        units: Option<Vec<usize>> = None,
        /// Forms to try; none for those of the grid.
        forms: Option<Vec<Form>> = None,
        /// Dropout rates to try; none for those of the grid.
        #[schemars(inner(range(min = 0.0)))]
        dropout: Option<Vec<f64>> = None,
        /// Step sizes to try; none for those of the grid.
        #[schemars(inner(range(min = 0.0)))]
        lr: Option<Vec<f64>> = None,
    }
}

impl SnnGridSearch {
    /// The network at one setting of the grid.
    pub(super) fn at(&self, setting: &Setting) -> Snn {
        Snn {
            task: self.task,
            hidden_layers: setting.hidden_layers,
            units: setting.units,
            form: setting.form,
            dropout: setting.dropout,
            lr: setting.lr,
            batch_size: self.batch_size,
            max_epochs: self.max_epochs,
            l2: self.l2,
            validation_fraction: self.validation_fraction,
            early_stopping: self.early_stopping,
            smoothing: self.smoothing,
            activation: self.activation,
            norm: self.norm,
            architecture: self.architecture,
            standardize: self.standardize,
            exact_moments: self.exact_moments,
        }
    }

    /// All settings, those that win a tie first: deeper, then lower rates, then more dropout.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let mut layers = self.hidden_layers.clone().unwrap_or_else(|| self.grid.hidden_layers().to_vec());
        let mut rates = self.lr.clone().unwrap_or_else(|| self.grid.rates().to_vec());
        let mut dropouts = self.dropout.clone().unwrap_or_else(|| self.grid.dropouts().to_vec());
        layers.sort_unstable_by(|a, b| b.cmp(a));
        rates.sort_unstable_by(f64::total_cmp);
        dropouts.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut settings = Vec::new();
        for &hidden_layers in &layers {
            for &lr in &rates {
                for &dropout in &dropouts {
                    for &units in self.units.as_deref().unwrap_or(self.grid.units()) {
                        for &form in self.forms.as_deref().unwrap_or(self.grid.forms()) {
                            settings.push(Setting { hidden_layers, units, form, dropout, lr });
                        }
                    }
                }
            }
        }
        settings
    }
}

/// One point of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Number of hidden layers.
    pub hidden_layers: usize,
    /// Width.
    pub units: usize,
    /// Widths of the layers.
    pub form: Form,
    /// Dropout rate.
    pub dropout: f64,
    /// Step size.
    pub lr: f64,
}

impl Setting {
    /// What of a network's parameters a grid knows.
    pub(super) fn of(params: &Snn) -> Self {
        let Snn { hidden_layers, units, form, dropout, lr, .. } = *params;
        Self { hidden_layers, units, form, dropout, lr }
    }
}

impl Params for Snn {
    fn check_together(&self) -> Result<()> {
        check_norm(self.norm, self.architecture, self.form)
    }
}

impl Params for SnnGridSearch {
    fn check_together(&self) -> Result<()> {
        let empty = [
            ("hidden_layers", self.hidden_layers.as_ref().is_some_and(Vec::is_empty)),
            ("units", self.units.as_ref().is_some_and(Vec::is_empty)),
            ("forms", self.forms.as_ref().is_some_and(Vec::is_empty)),
            ("dropout", self.dropout.as_ref().is_some_and(Vec::is_empty)),
            ("lr", self.lr.as_ref().is_some_and(Vec::is_empty)),
        ];
        if let Some((name, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err(Error::parameter(name, "a list of at least one value, or none", "an empty list"));
        }
        if let Some(rate) = self.dropout.iter().flatten().find(|rate| !(0.0..1.0).contains(*rate)) {
            return Err(Error::parameter("dropout", "a list of shares in [0, 1)", rate));
        }
        if let Some(rate) = self.lr.iter().flatten().find(|rate| !(**rate > 0.0)) {
            return Err(Error::parameter("lr", "a list of step sizes > 0", rate));
        }
        if self.validation_fraction == 0.0 {
            return Err(Error::parameter("validation_fraction", "> 0 for a search, which judges by the rows held out", 0));
        }
        let forms = self.settings();
        forms.iter().try_for_each(|setting| check_norm(self.norm, self.architecture, setting.form))
    }
}

/// Gates and skips need equal widths, and have their own kinds of normalisation.
fn check_norm(norm: Option<NormKind>, architecture: Architecture, form: Form) -> Result<()> {
    if architecture == Architecture::Plain {
        return Ok(());
    }
    if form == Form::Conic {
        return Err(Error::parameter("form", "'rectangular' where layers are joined by gates or skips", "'conic'"));
    }
    match norm {
        None => Ok(()),
        Some(_) => Err(Error::parameter("norm", "none where layers are joined by gates or skips", "another value")
            .hint("residual blocks have batch normalisation inside")),
    }
}

/// Parameters of `moment-map`: the constants of the activation.
pub type MomentMap = Selu;

/// Parameters of `fixed-point`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FixedPointSearch {
    /// Sum of a unit's incoming weights (ω of the paper).
    pub omega: f64,
    /// Sum of their squares (τ of the paper).
    #[schemars(extend("minimum" = 0.0))]
    pub tau: f64,
    /// Slope below zero over slope above, at zero.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub alpha: f64,
    /// Slope above zero (λ of the paper).
    #[serde(rename = "scale")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub lambda: f64,
    /// Distance from the fixed point at which it counts as found.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub tol: f64,
    /// Greatest number of layers.
    #[schemars(extend("minimum" = 1))]
    pub max_iter: usize,
}

impl Default for FixedPointSearch {
    fn default() -> Self {
        Self { omega: 0.0, tau: 1.0, alpha: SELU_ALPHA, lambda: SELU_LAMBDA, tol: 1e-12, max_iter: 1000 }
    }
}

impl Params for FixedPointSearch {}

/// Parameters of `constants`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constants {
    /// Mean that layers shall keep.
    pub mean: f64,
    /// Variance that layers shall keep.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub variance: f64,
    /// Dropout rate for which the matching affine map is given.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub dropout: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self { mean: 0.0, variance: 1.0, dropout: 0.05 }
    }
}

impl Params for Constants {}
