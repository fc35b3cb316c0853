//! Images as the networks see them: checked, anchored, standardised, shifted.

use elinvar_core::{Bundle, Context, Error, Item, Result};
use elinvar_math::polyphase::{Anchor, Found, Layout, Offset, Torus};
use elinvar_math::simd::Real;
use elinvar_math::statistics::mean;
use ndarray::{Array2, Array4, ArrayView2, ArrayView3, ArrayView4, ArrayViewD, Axis, CowArray, Ix4, IxDyn};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Images (n, channels, height, width) of an input that may lack the axis of channels.
///
/// # Errors
/// Another number of axes, no images, or values that are not finite.
pub(super) fn images<'a>(bundle: &'a Bundle<'_>, name: &str) -> Result<CowArray<'a, f32, Ix4>> {
    let array = with_channels(name, bundle.array32(name)?)?;
    check_finite(name, array.view())?;
    Ok(array)
}

/// An array of images (n, H, W) or (n, C, H, W) with its axis of channels.
pub(super) fn with_channels<'a, T: Clone>(name: &str, array: CowArray<'a, T, IxDyn>) -> Result<CowArray<'a, T, Ix4>> {
    let shape = array.shape().to_vec();
    let array = if shape.len() == 3 { array.insert_axis(Axis(1)) } else { array };
    let array = array.into_dimensionality::<Ix4>().map_err(|_| {
        Error::input(format!("'{name}' must be images (n, channels, height, width) or grey ones (n, height, width), got shape {shape:?}"))
    })?;
    match array.is_empty() {
        true => Err(Error::input(format!("'{name}' must have at least 1 image of at least 1 pixel, got shape {shape:?}"))),
        false => Ok(array),
    }
}

/// Refuses numbers whose norms are not defined.
pub(super) fn check_finite<T: Real>(name: &str, images: ArrayView4<'_, T>) -> Result<()> {
    // Without places first, as that is a tenth of the time.
    let fine = |numbers: &[T]| numbers.chunks(4096).all(|part| part.iter().fold(true, |fine, value| fine & value.finite()));
    if images.as_slice().is_some_and(fine) {
        return Ok(());
    }
    let wrong = |(i, image): (usize, ArrayView3<'_, T>)| {
        let ((c, row, column), value) = image.indexed_iter().find(|(_, value)| !value.finite())?;
        Some(format!("'{name}' must be finite, got {value:?} in image {i}, channel {c}, row {row}, column {column}"))
    };
    match images.outer_iter().enumerate().find_map(wrong) {
        Some(message) => Err(Error::input(message)),
        None => Ok(()),
    }
}

/// Channels, rows and columns of an image.
pub(super) fn size<T>(images: ArrayView4<'_, T>) -> [usize; 3] {
    let (_, channels, height, width) = images.dim();
    [channels, height, width]
}

pub(super) fn torus([channels, height, width]: [usize; 3]) -> Torus {
    Torus { channels, height, width, layout: Layout::ChannelsFirst }
}

/// The anchors of images.
pub(super) fn anchors<T: Real>(anchor: Anchor, images: ArrayView4<'_, T>, ctx: &Context) -> Result<Vec<Found>> {
    let torus = torus(size(images));
    anchor.check(torus.height, torus.width)?;
    let images = images.as_standard_layout();
    let numbers = images.as_slice().unwrap_or_else(|| unreachable!("in standard order"));
    ctx.install(|| numbers.par_chunks_exact(torus.len()).map(|image| anchor.find(torus, image)).collect())
}

/// Images rolled by an offset each: `out[i, j] = image[i + row, j + column]`.
pub(super) fn rolled<T>(images: ArrayView4<'_, T>, offset: impl Fn(usize) -> Offset + Sync, ctx: &Context) -> Result<Array4<T>>
where
    T: Copy + Default + Send + Sync,
{
    rolled_and(images, offset, |_| (), ctx)
}

/// The same, with a last touch to the numbers of every image.
fn rolled_and<T>(
    images: ArrayView4<'_, T>,
    offset: impl Fn(usize) -> Offset + Sync,
    touch: impl Fn(&mut [T]) + Sync,
    ctx: &Context,
) -> Result<Array4<T>>
where
    T: Copy + Default + Send + Sync,
{
    let torus = torus(size(images));
    let images = images.as_standard_layout();
    let mut out = Array4::from_elem(images.raw_dim(), T::default());
    let slices = (images.as_slice(), out.as_slice_mut());
    let (Some(from), Some(to)) = slices else { unreachable!("in standard order") };
    let pairs = from.par_chunks_exact(torus.len()).zip(to.par_chunks_exact_mut(torus.len())).enumerate();
    let work = |(index, (image, out)): (usize, (&[T], &mut [T]))| {
        torus.roll(image, offset(index), out)?;
        touch(out);
        Ok(())
    };
    ctx.install(|| pairs.map(work).collect::<Result<()>>())?;
    Ok(out)
}

/// An image shifted by rows and columns; what leaves on one side comes in on the other, or 0 does.
pub(super) fn shifted(images: ArrayView4<'_, f32>, shifts: &[Offset], fill: Fill, ctx: &Context) -> Result<Array4<f32>> {
    let torus = torus(size(images));
    let mut out = rolled(images, |index| torus.back(shifts[index]), ctx)?;
    if fill == Fill::Zeros {
        for (mut image, shift) in out.outer_iter_mut().zip(shifts) {
            let (rows, columns) = (shift.row.min(torus.height), shift.column.min(torus.width));
            image.slice_axis_mut(Axis(1), (..rows).into()).fill(0.0);
            image.slice_axis_mut(Axis(2), (..columns).into()).fill(0.0);
        }
    }
    Ok(out)
}

/// What comes in where an image is shifted away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// What left on the other side.
    Circle,
    /// Zeros.
    Zeros,
}

/// How images become rows of the network's inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Preparation {
    /// Subtracted from every channel.
    centre: Vec<f32>,
    /// What it is divided by then.
    scale: Vec<f32>,
}

impl Preparation {
    /// That of images as they are.
    pub(super) fn nothing(channels: usize) -> Self {
        Self { centre: vec![0.0; channels], scale: vec![1.0; channels] }
    }

    /// With one mean and deviation for all channels, or one for each.
    pub(super) fn given(channels: usize, mean: &[f64], std: &[f64]) -> Result<Self> {
        let of = |name: &str, numbers: &[f64]| match numbers {
            &[one] => Ok(vec![one as f32; channels]),
            _ if numbers.len() == channels => Ok(numbers.iter().map(|&v| v as f32).collect()),
            _ => Err(Error::parameter(
                name,
                format!("one number, or one for each of {channels} channels"),
                format!("{} numbers", numbers.len()),
            )),
        };
        Ok(Self { centre: of("mean", mean)?, scale: of("std", std)? })
    }

    /// Mean and deviation of the channels of images.
    pub(super) fn standardizing(images: ArrayView4<'_, f32>) -> Self {
        let of = |channel: ArrayView3<'_, f32>| {
            // All images have as many pixels, so that their means make the mean.
            let pixels = (channel.dim().1 * channel.dim().2) as f64;
            let over = |of_pixel: &dyn Fn(f64) -> f64| {
                let of_image = |image: ArrayView2<'_, f32>| image.iter().map(|&v| of_pixel(f64::from(v))).sum::<f64>() / pixels;
                mean(&channel.outer_iter().map(of_image).collect::<Vec<_>>())
            };
            let centre = over(&|v| v);
            let variance = over(&|v| (v - centre).powi(2));
            let constant = variance <= (1e-12 * centre).powi(2);
            (centre as f32, if constant { 1.0 } else { variance.sqrt() as f32 })
        };
        let (centre, scale) = images.axis_iter(Axis(1)).map(of).unzip();
        Self { centre, scale }
    }

    /// Whether it is one of images of so many channels.
    pub(super) fn takes(&self, channels: usize) -> bool {
        self.centre.len() == channels && self.scale.len() == channels
    }

    /// Rows (n, C H W) of images, each rolled by its anchor first, and how many anchors were ambiguous.
    ///
    /// Norms are those of the pixels as they come, so that those of grey levels are exact.
    pub(super) fn rows(&self, anchor: Option<Anchor>, images: ArrayView4<'_, f32>, ctx: &Context) -> Result<(Array2<f32>, usize)> {
        let found = anchor.map(|anchor| anchors(anchor, images, ctx)).transpose()?.unwrap_or_default();
        let offset = |index: usize| found.get(index).map_or_else(Offset::default, |found| found.offset);
        let [_, height, width] = size(images);
        let standardize = |image: &mut [f32]| {
            for (channel, (&centre, &scale)) in image.chunks_exact_mut(height * width).zip(self.centre.iter().zip(&self.scale)) {
                channel.iter_mut().for_each(|v| *v = (*v - centre) / scale);
            }
        };
        let rows = rolled_and(images, offset, standardize, ctx)?;
        let shape = (images.dim().0, torus(size(images)).len());
        let rows = rows.into_shape_with_order(shape).map_err(|e| Error::internal(e.to_string()))?;
        Ok((rows, found.iter().filter(|found| found.ambiguous).count()))
    }
}

/// Images in double precision, or in single where they come so: what the anchor task works on.
pub(super) enum Pixels<'a> {
    Double(CowArray<'a, f64, Ix4>),
    Single(CowArray<'a, f32, Ix4>),
}

impl<'a> Pixels<'a> {
    /// Number of images.
    pub(super) fn n(&self) -> usize {
        match self {
            Self::Double(images) => images.dim().0,
            Self::Single(images) => images.dim().0,
        }
    }

    pub(super) fn size(&self) -> [usize; 3] {
        match self {
            Self::Double(images) => size(images.view()),
            Self::Single(images) => size(images.view()),
        }
    }

    pub(super) fn of(bundle: &'a Bundle<'_>, name: &str) -> Result<Self> {
        if let Item::Array32(array) = bundle.require(name)? {
            let array: ArrayViewD<'_, f32> = array.view();
            let images = with_channels(name, array.into())?;
            check_finite(name, images.view())?;
            return Ok(Self::Single(images));
        }
        let images = with_channels(name, bundle.array(name)?)?;
        check_finite(name, images.view())?;
        Ok(Self::Double(images))
    }
}
