//! Parameters of the tasks: the only place that knows their names, defaults, ranges and meanings.

use elinvar_core::{Error, Params, Result};
use elinvar_math::polyphase::{Anchor, Norm, TieBreak};
use elinvar_nn::twins::{Padding, TwinsSpec};
use elinvar_nn::vit::{Pool, Position, VitSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Vision transformers of the literature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// ViT-S/16: patches of 16 pixels, width 384, 12 blocks, 6 heads.
    VitS16,
    /// ViT-B/16: patches of 16 pixels, width 768, 12 blocks, 12 heads.
    VitB16,
}

/// Twins of the literature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TwinsVariant {
    /// Twins-SVT-S: widths 64, 128, 256, 512 and 18 blocks.
    SvtS,
    /// Twins-SVT-B: widths 96, 192, 384, 768 and 24 blocks.
    SvtB,
}

/// The parameters of every network, in one place, each network's own before them.
macro_rules! network_parameters {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Whether images, and inside PolyTwins maps of tokens, are rolled by their polyphase anchor: classes then do not depend on
            /// circular shifts.
            pub anchor: bool,
            /// Whether images are rolled to their strongest pixel: shifted copies are then the same image to the network.
            pub full_anchor: bool,
            /// Norm by which polyphase components are compared.
            pub norm: Norm,
            /// What decides between components of equal norm.
            pub tie_break: TieBreak,
            /// Rows and columns that images must have; none for those of the images given.
            #[schemars(extend("minimum" = 1))]
            pub image_size: Option<usize>,
            /// Whether every channel is brought to mean 0 and variance 1 over the training images.
            pub standardize: bool,
            /// Greatest step size.
            #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
            pub lr: f64,
            /// Part of itself, times the step size, that every weight matrix loses a step.
            #[schemars(extend("minimum" = 0.0, "x-scale" = "log"))]
            pub weight_decay: f64,
            /// Share of the steps in which the step size rises; it then falls along half a cosine.
            #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
            pub warmup: f64,
            /// Passes over the images; 0 leaves the network as it starts.
            #[schemars(extend("minimum" = 0))]
            pub epochs: usize,
            /// Images of a minibatch.
            #[schemars(extend("minimum" = 1))]
            pub batch_size: usize,
            /// Greatest norm of the gradient; none for no limit.
            #[schemars(extend("exclusiveMinimum" = 0.0))]
            pub clip_norm: Option<f64>,
            /// Part of the target that is spread evenly over all classes.
            #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
            pub label_smoothing: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    anchor: true,
                    full_anchor: false,
                    norm: Norm::L2,
                    tie_break: TieBreak::Keys,
                    image_size: None,
                    standardize: true,
                    lr: 2e-3,
                    weight_decay: 0.05,
                    warmup: 0.1,
                    epochs: 20,
                    batch_size: 64,
                    clip_norm: None,
                    label_smoothing: 0.0,
                }
            }
        }

        impl $name {
            /// What training needs to know, whatever the network.
            pub(super) fn training(&self) -> TrainingSettings {
                let Self { norm, tie_break, lr, weight_decay, warmup, epochs, batch_size, clip_norm, label_smoothing, .. } = *self;
                let anchor = Anchor { stride: self.stride(), norm, tie_break, full: self.full_anchor };
                TrainingSettings {
                    anchor: self.anchor.then_some(anchor),
                    image_size: self.image_size,
                    standardize: self.standardize,
                    lr,
                    weight_decay,
                    warmup,
                    epochs,
                    batch_size,
                    clip_norm,
                    label_smoothing,
                }
            }

            fn check_anchor(&self) -> Result<()> {
                match self.full_anchor && !self.anchor {
                    true => Err(Error::parameter("full_anchor", "false where anchor is false", true)),
                    false => Ok(()),
                }
            }
        }
    };
}

/// What the networks' parameters have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrainingSettings {
    pub(super) anchor: Option<Anchor>,
    pub(super) image_size: Option<usize>,
    pub(super) standardize: bool,
    pub(super) lr: f64,
    pub(super) weight_decay: f64,
    pub(super) warmup: f64,
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) clip_norm: Option<f64>,
    pub(super) label_smoothing: f64,
}

network_parameters! {
    /// Parameters of `fit`: a vision transformer.
    PolyVit {
        /// A network of the literature; it replaces patch_size, dim, depth, heads and mlp_ratio.
        variant: Option<Variant> = None,
        /// Rows and columns of a patch, which is also the stride of the anchor.
        #[schemars(extend("minimum" = 1))]
        patch_size: usize = 4,
        /// Whether tokens are normed as they come from their patches.
        patch_norm: bool = true,
        /// Width of a token, a multiple of heads.
        #[schemars(extend("minimum" = 1))]
        dim: usize = 32,
        /// Number of blocks.
        #[schemars(extend("minimum" = 1, "maximum" = 256))]
        depth: usize = 2,
        /// Heads of the attention.
        #[schemars(extend("minimum" = 1))]
        heads: usize = 2,
        /// Width of a block's perceptron over dim.
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        mlp_ratio: f64 = 2.0,
        /// How tokens learn where they are; only the circular convolution and none commute with shifts.
        position: Position = Position::CircularConvolution,
        /// What the head sees.
        pool: Pool = Pool::Token,
    }
}

impl PolyVit {
    /// The same with the sizes of its variant written out.
    pub(super) fn resolved(&self) -> Self {
        let (dim, heads) = match self.variant {
            None => return self.clone(),
            Some(Variant::VitS16) => (384, 6),
            Some(Variant::VitB16) => (768, 12),
        };
        Self { patch_size: 16, dim, depth: 12, heads, mlp_ratio: 4.0, ..self.clone() }
    }

    /// Stride of the anchor.
    fn stride(&self) -> usize {
        self.resolved().patch_size
    }

    /// The network for images (C, H, W) and a number of classes.
    pub(super) fn spec(&self, [channels, height, width]: [usize; 3], outputs: usize) -> VitSpec {
        let Self { patch_size: patch, patch_norm, dim, depth, heads, mlp_ratio, position, pool, .. } = self.resolved();
        VitSpec { channels, height, width, patch, patch_norm, dim, depth, heads, mlp_ratio, position, pool, outputs }
    }
}

impl Params for PolyVit {
    fn check_together(&self) -> Result<()> {
        self.check_anchor()?;
        let Self { dim, heads, .. } = self.resolved();
        match dim.is_multiple_of(heads) {
            true => Ok(()),
            false => Err(Error::parameter("heads", format!("a divisor of dim {dim}"), heads)),
        }
    }
}

network_parameters! {
    /// Parameters of `fit-twins`: a vision transformer in stages, with attention in windows. Lists have one number a stage.
    PolyTwins {
        /// A network of the literature; it replaces the eight parameters below.
        variant: Option<TwinsVariant> = None,
        /// Rows and columns of the patches of each stage: of pixels, then of tokens.
        #[schemars(inner(range(min = 1)))]
        patches: Vec<usize> = vec![2, 2],
        /// Widths of a token, multiples of heads.
        #[schemars(inner(range(min = 1)))]
        dims: Vec<usize> = vec![16, 32],
        /// Heads of the attention.
        #[schemars(inner(range(min = 1)))]
        heads: Vec<usize> = vec![2, 4],
        /// Numbers of blocks: attention in windows and to the whole map in turn.
        #[schemars(inner(range(min = 1)))]
        depths: Vec<usize> = vec![2, 2],
        /// Rows and columns of the tokens that become one key and value of the whole map.
        #[schemars(inner(range(min = 1)))]
        reductions: Vec<usize> = vec![2, 1],
        /// Rows and columns of a window of tokens.
        #[schemars(extend("minimum" = 1))]
        window: usize = 2,
        /// Width of a block's perceptron over that of a token.
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        mlp_ratio: f64 = 2.0,
    }
}

impl PolyTwins {
    /// Stride of the anchor of images.
    fn stride(&self) -> usize {
        self.spec([1, 1, 1], 1).patches.first().copied().unwrap_or(1)
    }

    /// The network for images (C, H, W) and a number of classes. Without anchors it is the network of the literature, with zeros beyond
    /// the borders.
    pub(super) fn spec(&self, [channels, height, width]: [usize; 3], outputs: usize) -> TwinsSpec {
        let Self { norm, tie_break, anchor, .. } = *self;
        let named = match self.variant {
            Some(TwinsVariant::SvtS) => TwinsSpec::svt_s(height, width, outputs),
            Some(TwinsVariant::SvtB) => TwinsSpec::svt_b(height, width, outputs),
            None => TwinsSpec {
                patches: self.patches.clone(),
                dims: self.dims.clone(),
                heads: self.heads.clone(),
                depths: self.depths.clone(),
                reductions: self.reductions.clone(),
                window: self.window,
                mlp_ratio: self.mlp_ratio,
                ..TwinsSpec::svt_s(height, width, outputs)
            },
        };
        let padding = if anchor { Padding::Circular } else { Padding::Zeros };
        TwinsSpec { channels, anchor, norm, tie_break, padding, ..named }
    }
}

impl Params for PolyTwins {
    fn check_together(&self) -> Result<()> {
        self.check_anchor()
    }
}

/// Parameters of `import`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportedNetwork {
    /// Heads of the attention, one number for a vision transformer and one a stage for Twins; none for heads of 64 and of 32 numbers.
    #[schemars(inner(range(min = 1)))]
    pub heads: Option<Vec<usize>>,
    /// Rows and columns of images, where the arrays do not tell.
    #[schemars(extend("minimum" = 1))]
    pub image_size: usize,
    /// Subtracted from pixels: one number, or one a channel.
    pub mean: Vec<f64>,
    /// What they are divided by then.
    pub std: Vec<f64>,
    /// Whether images, and inside PolyTwins maps of tokens, are rolled by their polyphase anchor.
    pub anchor: bool,
    /// Whether images are rolled to their strongest pixel: any network then gives shifted copies one class.
    pub full_anchor: bool,
    /// Norm by which polyphase components are compared.
    pub norm: Norm,
    /// What decides between components of equal norm.
    pub tie_break: TieBreak,
}

impl Default for ImportedNetwork {
    fn default() -> Self {
        Self {
            heads: None,
            image_size: 224,
            mean: vec![127.5],
            std: vec![127.5],
            anchor: true,
            full_anchor: false,
            norm: Norm::L2,
            tie_break: TieBreak::Keys,
        }
    }
}

impl Params for ImportedNetwork {
    fn check_together(&self) -> Result<()> {
        match self.std.iter().find(|&&std| !(std > 0.0)) {
            Some(std) => Err(Error::parameter("std", "numbers > 0", std)),
            None if self.full_anchor && !self.anchor => Err(Error::parameter("full_anchor", "false where anchor is false", true)),
            None => Ok(()),
        }
    }
}

/// Parameters of `anchor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolyphaseAnchor {
    /// Rows and columns from one pixel of a polyphase component to the next.
    #[schemars(extend("minimum" = 1))]
    pub stride: usize,
    /// Norm by which components are compared.
    pub norm: Norm,
    /// What decides between components of equal norm.
    pub tie_break: TieBreak,
    /// Whether the strongest pixel of the component comes first, so that shifted copies become equal.
    pub full: bool,
}

impl Default for PolyphaseAnchor {
    fn default() -> Self {
        Self { stride: 4, norm: Norm::L2, tie_break: TieBreak::Keys, full: false }
    }
}

impl Params for PolyphaseAnchor {}

impl PolyphaseAnchor {
    pub(super) fn anchor(&self) -> Anchor {
        let Self { stride, norm, tie_break, full } = *self;
        Anchor { stride, norm, tie_break, full }
    }
}

/// Parameters of `consistency`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Consistency {
    /// Random shifts of every image that must give one class.
    #[schemars(extend("minimum" = 2))]
    pub n_shifts: usize,
    /// Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1.
    #[schemars(extend("minimum" = 1))]
    pub max_shift: usize,
}

impl Default for Consistency {
    fn default() -> Self {
        Self { n_shifts: 2, max_shift: 15 }
    }
}

impl Params for Consistency {}

/// Parameters of `shift-report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShiftReport {
    /// Random shifts of every image among which the worst counts.
    #[schemars(extend("minimum" = 2))]
    pub n_shifts: usize,
    /// Rows and columns of a shift are uniform on 0, 1, ..., max_shift - 1.
    #[schemars(extend("minimum" = 1))]
    pub max_shift: usize,
}

impl Default for ShiftReport {
    fn default() -> Self {
        Self { n_shifts: 10, max_shift: 15 }
    }
}

impl Params for ShiftReport {}
