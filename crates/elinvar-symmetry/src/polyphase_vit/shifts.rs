//! How much a classifier cares where an image lies.

use super::images::{Fill, anchors, shifted};
use super::model::{AT_ONCE, PolyModel};
use super::params::{Consistency, ShiftReport};
use elinvar_core::{Context, Error, Result};
use elinvar_math::logistic::most_probable;
use elinvar_math::polyphase::Offset;
use elinvar_math::statistics::{mean, variance};
use ndarray::{Array2, ArrayView4, Axis};
use rand::RngExt;

/// The diagonal shifts of which the variance of a logit is taken, in pixels.
const DIAGONAL: std::ops::RangeInclusive<isize> = -5..=4;

/// What shifts do to the classes of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShiftFindings {
    /// Share of images whose class is right.
    pub accuracy: f64,
    /// The same after one random circular shift of each.
    pub shifted_accuracy: f64,
    /// Share of images whose class is right after every one of the random shifts.
    pub worst_accuracy: f64,
    /// Share of images with one class after two of the random shifts.
    pub consistency: f64,
    /// The same where 0 comes in, not what left on the other side.
    pub filled_consistency: f64,
    /// Variance of the logit of the right class over diagonal shifts from -5 to 4 pixels, averaged over images; NaN where no label is known.
    pub logit_variance: f64,
    /// Images whose anchor nothing decides.
    pub ambiguous: usize,
}

impl PolyModel {
    /// Share of images that get one class under independent circular shifts.
    ///
    /// # Errors
    /// As for [`PolyModel::logits`].
    pub fn consistency(&self, images: ArrayView4<'_, f32>, params: &Consistency, ctx: &mut Context) -> Result<f64> {
        let shifts = random_shifts(images.dim().0, params.n_shifts, params.max_shift, ctx);
        let mut equal = vec![true; images.dim().0];
        let first = self.shifted_codes(images, &shifts[0], Fill::Circle, ctx)?;
        for (done, shifts) in shifts.iter().enumerate().skip(1) {
            let codes = self.shifted_codes(images, shifts, Fill::Circle, ctx)?;
            equal.iter_mut().zip(first.iter().zip(&codes)).for_each(|(equal, (a, b))| *equal &= a == b);
            ctx.tick(done as u64 + 1, params.n_shifts as u64, &[])?;
        }
        Ok(share(&equal))
    }

    /// Accuracy and agreement under shifts of images whose class numbers are `codes`; none for labels that the fit had not.
    ///
    /// # Errors
    /// As for [`PolyModel::logits`], or another number of labels than images.
    pub fn shift_report(
        &self,
        images: ArrayView4<'_, f32>,
        codes: &[Option<usize>],
        params: &ShiftReport,
        ctx: &mut Context,
    ) -> Result<ShiftFindings> {
        let n = images.dim().0;
        if codes.len() != n {
            return Err(Error::input(format!("y must have {n} labels like X has images, got {}", codes.len())));
        }
        let shifts = random_shifts(n, params.n_shifts, params.max_shift, ctx);
        let right = |found: &[usize]| -> Vec<bool> { found.iter().zip(codes).map(|(found, code)| Some(*found) == *code).collect() };
        let mut under = Vec::new();
        for (done, shifts) in shifts.iter().enumerate() {
            under.push(self.shifted_codes(images, shifts, Fill::Circle, ctx)?);
            ctx.tick(done as u64 + 1, params.n_shifts as u64, &[])?;
        }
        let always: Vec<bool> = (0..n).map(|i| under.iter().all(|found| Some(found[i]) == codes[i])).collect();
        let filled = |k: usize| self.shifted_codes(images, &shifts[k], Fill::Zeros, ctx);
        let agreeing = |a: &[usize], b: &[usize]| share(&a.iter().zip(b).map(|(a, b)| a == b).collect::<Vec<_>>());
        let ambiguous = match self.anchor {
            Some(anchor) => anchors(anchor, images, ctx)?.iter().filter(|found| found.ambiguous).count(),
            None => 0,
        };
        Ok(ShiftFindings {
            accuracy: share(&right(&self.codes(images, ctx)?)),
            shifted_accuracy: share(&right(&under[0])),
            worst_accuracy: share(&always),
            consistency: agreeing(&under[0], &under[1]),
            filled_consistency: agreeing(&filled(0)?, &filled(1)?),
            logit_variance: self.logit_variance(images, codes, ctx)?,
            ambiguous,
        })
    }

    /// Classes of shifted images, a part of them at a time.
    pub(super) fn shifted_codes(&self, images: ArrayView4<'_, f32>, shifts: &[Offset], fill: Fill, ctx: &Context) -> Result<Vec<usize>> {
        Ok(most_probable(&self.shifted_logits(images, shifts, fill, ctx)?))
    }

    pub(super) fn shifted_logits(&self, images: ArrayView4<'_, f32>, shifts: &[Offset], fill: Fill, ctx: &Context) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((images.dim().0, self.classes().len()));
        let parts = images.axis_chunks_iter(Axis(0), AT_ONCE).zip(shifts.chunks(AT_ONCE));
        for ((part, shifts), mut target) in parts.zip(out.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
            target.assign(&self.logits(shifted(part, shifts, fill, ctx)?.view(), ctx)?);
        }
        Ok(out)
    }

    fn logit_variance(&self, images: ArrayView4<'_, f32>, codes: &[Option<usize>], ctx: &Context) -> Result<f64> {
        let (n, _, height, width) = images.dim();
        let known: Vec<(usize, usize)> = codes.iter().enumerate().filter_map(|(i, code)| Some((i, (*code)?))).collect();
        let mut of_images = vec![Vec::new(); known.len()];
        for by in DIAGONAL {
            let along = |size: usize| by.rem_euclid(size as isize) as usize;
            let shift = Offset { row: along(height), column: along(width) };
            let logits = self.shifted_logits(images, &vec![shift; n], Fill::Circle, ctx)?;
            of_images.iter_mut().zip(&known).for_each(|(values, &(i, code))| values.push(logits[[i, code]]));
        }
        Ok(mean(&of_images.iter().map(|logits| variance(logits)).collect::<Vec<_>>()))
    }
}

/// `count` independent shifts of each of `n` images, uniform on 0, 1, ..., most - 1 in rows and columns.
pub(super) fn random_shifts(n: usize, count: usize, most: usize, ctx: &Context) -> Vec<Vec<Offset>> {
    let of = |k: usize| {
        let mut random = ctx.stream(&[("shift", k as u64)]);
        (0..n).map(|_| Offset { row: random.random_range(0..most), column: random.random_range(0..most) }).collect()
    };
    (0..count).map(of).collect()
}

fn share(of: &[bool]) -> f64 {
    of.iter().filter(|yes| **yes).count() as f64 / of.len().max(1) as f64
}
