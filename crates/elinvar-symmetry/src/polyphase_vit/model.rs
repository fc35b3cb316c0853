//! Fitted networks: kept, applied, described.

use super::SLUG;
use super::backbone::{Backbone, Shape};
use super::images::{Preparation, size};
use elinvar_core::{Bundle, Context, Error, Item, Model, Result, State};
use elinvar_data::classes::Classes;
use elinvar_math::logistic::{most_probable, softmax};
use elinvar_math::polyphase::Anchor;
use elinvar_nn::NamedArrays;
use elinvar_nn::vit::Position;
use ndarray::{Array2, ArrayView4, Axis};
use serde_json::json;
use std::borrow::Cow;

/// Images that go through the network at once: their prepared copies are small beside all images.
pub(super) const AT_ONCE: usize = 256;

/// A fitted classifier of images.
#[derive(Clone, Debug)]
pub struct PolyModel {
    pub(super) network: Backbone,
    pub(super) preparation: Preparation,
    /// How images are anchored; none where they are not.
    pub(super) anchor: Option<Anchor>,
    pub(super) classes: Classes,
    /// Training images whose anchor nothing decides.
    pub(super) ambiguous: usize,
    /// Mean loss of every epoch.
    pub(super) loss_curve: Vec<f64>,
}

impl PolyModel {
    /// Logits (n, classes) of finite images (n, channels, height, width).
    ///
    /// # Errors
    /// Other channels than those of the fit, another size that the network cannot take, or logits that are not finite.
    pub fn logits(&self, images: ArrayView4<'_, f32>, ctx: &Context) -> Result<Array2<f64>> {
        let network = self.network_for(size(images))?;
        let mut out = Array2::zeros((images.dim().0, self.classes.len()));
        for (part, mut target) in images.axis_chunks_iter(Axis(0), AT_ONCE).zip(out.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
            ctx.check()?;
            let (rows, _) = self.preparation.rows(self.anchor, part, ctx)?;
            let logits = network.predict(rows.view(), ctx)?;
            target.assign(&logits.mapv(f64::from));
        }
        match out.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
            None => Ok(out),
            Some(i) => Err(Error::numeric(format!("the prediction of image {i} is not finite"))
                .hint("its pixels lie far outside those of the fit: check their scale")),
        }
    }

    /// The network for images of this size.
    fn network_for(&self, [channels, height, width]: [usize; 3]) -> Result<Cow<'_, Backbone>> {
        let [known, rows, columns] = self.network.shape().image();
        if channels != known {
            return Err(Error::input(format!("X has {channels} channels, the fit had {known}")));
        }
        match [height, width] == [rows, columns] {
            true => Ok(Cow::Borrowed(&self.network)),
            false => self.network.resized(height, width).map(Cow::Owned),
        }
    }

    /// Says where anchors are in vain: with positions of patches known, rolls by whole patches change classes.
    pub(super) fn warn_of_positions(&self, ctx: &mut Context) {
        let rolls = self.anchor.is_some_and(|anchor| !anchor.full);
        if rolls && matches!(self.network.shape(), Shape::Vit(spec) if spec.position == Position::Absolute) {
            ctx.warn("with absolute positions classes depend on shifts by whole patches; set full_anchor, or another position");
        }
    }

    /// Probability of each class (n, classes).
    ///
    /// # Errors
    /// As for [`Self::logits`].
    pub fn probabilities(&self, images: ArrayView4<'_, f32>, ctx: &Context) -> Result<Array2<f64>> {
        self.logits(images, ctx).map(softmax)
    }

    /// Numbers of the most probable classes (n,), among the labels in rising order.
    ///
    /// # Errors
    /// As for [`Self::logits`].
    pub fn codes(&self, images: ArrayView4<'_, f32>, ctx: &Context) -> Result<Vec<usize>> {
        self.logits(images, ctx).map(|logits| most_probable(&logits))
    }

    /// The labels in rising order.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }
}

impl Model for PolyModel {
    const METHOD: &'static str = SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        Bundle::new()
            .with("classes", json!(self.classes))
            .with("n_parameters", self.network.parameters().values().len() as f64)
            .with("image_shape", json!(self.network.shape().image()))
            .with("anchor_stride", json!(self.anchor.map(|anchor| anchor.stride)))
            .with("ambiguous", self.ambiguous as f64)
            .with("loss_curve", self.loss_curve.clone())
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new();
        self.network.parameters().to_arrays("network/").into_iter().for_each(|(name, array)| arrays.insert(name, array));
        let json = json!({
            "shape": self.network.shape(),
            "preparation": self.preparation,
            "anchor": self.anchor,
            "classes": self.classes,
            "ambiguous": self.ambiguous,
            "loss_curve": self.loss_curve,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let mut named = NamedArrays::new();
        for (name, item) in state.arrays.iter() {
            if let Item::Array32(array) = item {
                named.insert(name.to_owned(), array.to_owned());
            }
        }
        let shape: Shape = state.field("shape")?;
        let (preparation, classes): (Preparation, Classes) = (state.field("preparation")?, state.field("classes")?);
        if !(preparation.takes(shape.image()[0]) && shape.outputs() == classes.len()) {
            return Err(Error::model("the model file is damaged: its images, its network and its labels do not fit together"));
        }
        Ok(Self {
            network: Backbone::from_arrays(shape, &named, "network/")?,
            preparation,
            anchor: state.field("anchor")?,
            classes,
            ambiguous: state.field("ambiguous")?,
            loss_curve: state.field("loss_curve")?,
        })
    }
}
