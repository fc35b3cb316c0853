//! Weights that were trained elsewhere.

use super::backbone::{Backbone, Shape};
use super::images::Preparation;
use super::model::PolyModel;
use super::params::ImportedNetwork;
use elinvar_core::{Bundle, Column, Context, Error, Result};
use elinvar_data::classes::Classes;
use elinvar_data::read_members;
use elinvar_math::polyphase::Anchor;
use elinvar_nn::twins::{Padding, TwinsSpec};
use elinvar_nn::vit::{Pool, Position, VitSpec};
use elinvar_nn::{NamedArrays, Parameters};
use std::path::Path;

/// Names that a message lists.
const NAMED: usize = 4;

/// Copies the arrays of a file (.safetensors, .npz) whose names and shapes are those of the network; the others keep their start.
///
/// # Errors
/// A file that cannot be read, or that has none of the arrays.
pub(super) fn copy_matching(path: &Path, parameters: &mut Parameters<f32>, ctx: &mut Context) -> Result<()> {
    let file = read_members(path)?;
    let mut arrays: NamedArrays = parameters.to_arrays("");
    let mut left = Vec::new();
    for (name, target) in &mut arrays {
        match file.get(name).map(|_| file.array32(name)).transpose()? {
            Some(array) if array.shape() == target.shape() => *target = array.into_owned(),
            _ => left.push(name.as_str()),
        }
    }
    let all = parameters.names().count();
    if left.len() == all {
        let wanted = parameters.names().next().unwrap_or_default().to_owned();
        return Err(Error::file(path, format!("has no array of this network, such as '{wanted}'")).hint("names are those of timm"));
    }
    if !left.is_empty() {
        let more = if left.len() > NAMED { ", ..." } else { "" };
        let shown = left[..left.len().min(NAMED)].join(", ");
        ctx.warn(format!("{} of {all} arrays were copied from {}; these start anew: {shown}{more}", all - left.len(), path.display()));
    }
    parameters.load_arrays(&arrays, "")
}

/// A network that timm saved (.safetensors, .npz): a vision transformer or Twins-SVT, with the classes 0, 1, ....
///
/// # Errors
/// A file that cannot be read or is no such network; the message names the array.
pub(super) fn import(params: &ImportedNetwork, path: &Path) -> Result<PolyModel> {
    let arrays = read_members(path)?;
    imported(params, &arrays).map_err(|e| Error::file(path, e))
}

fn imported(params: &ImportedNetwork, arrays: &Bundle<'_>) -> Result<PolyModel> {
    let saved = Saved(arrays);
    let (shape, stride) = if saved.has("patch_embeds.0.proj.weight") {
        let spec = saved.twins(params)?;
        let stride = spec.patches[0];
        (Shape::Twins(spec), stride)
    } else {
        let spec = saved.vit(params)?;
        (Shape::Vit(spec), spec.patch)
    };
    let named: NamedArrays =
        arrays.names().into_iter().filter_map(|name| Some((name.to_owned(), arrays.array32(name).ok()?.into_owned()))).collect();
    let [channels, ..] = shape.image();
    let classes = Classes::of(&Column::Integer((0..shape.outputs() as i64).collect()))?.0;
    let anchor = Anchor { stride, norm: params.norm, tie_break: params.tie_break, full: params.full_anchor };
    Ok(PolyModel {
        preparation: Preparation::given(channels, &params.mean, &params.std)?,
        network: Backbone::from_arrays(shape, &named, "")?,
        anchor: params.anchor.then_some(anchor),
        classes,
        ambiguous: 0,
        loss_curve: Vec::new(),
    })
}

/// Numbers of a head of timm's vision transformers and of its Twins.
const HEAD: usize = 64;
const TWINS_HEAD: usize = 32;

/// Arrays by timm's names.
struct Saved<'a, 'b>(&'a Bundle<'b>);

impl Saved<'_, '_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// The shape of an array of so many axes.
    fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N]> {
        let missing = || Error::input(format!("has no array '{name}'")).hint("networks are timm's VisionTransformer and Twins");
        let array = self.0.get(name).ok_or_else(missing).and_then(|_| self.0.array32(name))?;
        array.shape().try_into().map_err(|_| Error::input(format!("array '{name}' must have {N} axes, got shape {:?}", array.shape())))
    }

    /// How many names `name` gives for 0, 1, ... are there.
    fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|&index| self.has(&name(index))).count()
    }

    fn vit(&self, params: &ImportedNetwork) -> Result<VitSpec> {
        let [dim, channels, patch, _] = self.shape("patch_embed.proj.weight")?;
        let [hidden, _] = self.shape("blocks.0.mlp.fc1.weight")?;
        let [outputs, _] = self.shape("head.weight")?;
        let pool = if self.has("cls_token") { Pool::Token } else { Pool::Mean };
        let position = match () {
            () if self.has("pos_embed") => Position::Absolute,
            () if self.has("pos_conv.weight") => Position::CircularConvolution,
            () => Position::None,
        };
        let side = if position == Position::Absolute { self.side(patch, pool)? } else { params.image_size };
        let heads = match params.heads.as_deref() {
            None => dim / HEAD,
            Some(&[heads]) => heads,
            Some(list) => return Err(Error::parameter("heads", "one number for a vision transformer", format!("{} numbers", list.len()))),
        };
        Ok(VitSpec {
            channels,
            height: side,
            width: side,
            patch,
            patch_norm: self.has("patch_embed.norm.weight"),
            dim,
            depth: self.count(|index| format!("blocks.{index}.norm1.weight")),
            heads,
            mlp_ratio: hidden as f64 / dim as f64,
            position,
            pool,
            outputs,
        })
    }

    /// Rows and columns of the images of which there are absolute positions.
    fn side(&self, patch: usize, pool: Pool) -> Result<usize> {
        let [_, tokens, _] = self.shape("pos_embed")?;
        let patches = tokens.saturating_sub(usize::from(pool == Pool::Token));
        match patches.isqrt() {
            side if side * side == patches => Ok(side * patch),
            _ => Err(Error::input(format!("array 'pos_embed' has positions of {patches} patches, which make no square"))),
        }
    }

    fn twins(&self, params: &ImportedNetwork) -> Result<TwinsSpec> {
        let stages = self.count(|stage| format!("patch_embeds.{stage}.proj.weight"));
        let (mut dims, mut patches, mut depths, mut reductions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for stage in 0..stages {
            let [dim, _, patch, _] = self.shape(&format!("patch_embeds.{stage}.proj.weight"))?;
            let reduction = format!("blocks.{stage}.1.attn.sr.weight");
            let [_, _, reduction, _] = if self.has(&reduction) { self.shape(&reduction)? } else { [1; 4] };
            dims.push(dim);
            patches.push(patch);
            depths.push(self.count(|block| format!("blocks.{stage}.{block}.norm1.weight")));
            reductions.push(reduction);
        }
        let [hidden, dim] = self.shape("blocks.0.0.mlp.fc1.weight")?;
        let [outputs, _] = self.shape("head.weight")?;
        let [_, channels, ..] = self.shape::<4>("patch_embeds.0.proj.weight")?;
        let heads = params.heads.clone().unwrap_or_else(|| dims.iter().map(|dim| dim / TWINS_HEAD).collect());
        let padding = if params.anchor { Padding::Circular } else { Padding::Zeros };
        let named = TwinsSpec::svt_s(params.image_size, params.image_size, outputs);
        Ok(TwinsSpec {
            channels,
            patches,
            dims,
            heads,
            depths,
            reductions,
            mlp_ratio: hidden as f64 / dim as f64,
            anchor: params.anchor,
            norm: params.norm,
            tie_break: params.tie_break,
            padding,
            ..named
        })
    }
}
