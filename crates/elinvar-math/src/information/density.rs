//! Kernels, robust scaling and the grid of one variable.

use crate::statistics::quantile_of_sorted;
use elinvar_core::{Error, Result};

/// Share of its range that a grid reaches beyond the data at least.
const MARGIN: f64 = 0.05;

/// Profile of a radial kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// 1 - u².
    #[default]
    Epanechnikov,
    /// exp(-u² / 2), cut off where it is below 1e-6.
    Gaussian,
    /// 1 - u.
    Triangular,
    /// 1.
    Box,
    /// (1 - u²)².
    Biweight,
    /// (1 - u²)³.
    Triweight,
    /// (1 - u³)³.
    Tricube,
    /// cos(pi u / 2).
    Cosine,
    /// exp(-u), cut off where it is below 1e-6.
    Exponential,
}

/// Where a profile without a border is cut off.
const NEGLIGIBLE: f64 = 1e-6;

impl Profile {
    /// Radius of the support of the kernel whose one-dimensional form has standard deviation 1.
    pub fn radius(self) -> f64 {
        match self {
            Profile::Epanechnikov => 5.0_f64.sqrt(),
            Profile::Gaussian => (-2.0 * NEGLIGIBLE.ln()).sqrt(),
            Profile::Triangular => 6.0_f64.sqrt(),
            Profile::Box => 3.0_f64.sqrt(),
            Profile::Biweight => 7.0_f64.sqrt(),
            Profile::Triweight => 3.0,
            Profile::Tricube => (243.0_f64 / 35.0).sqrt(),
            Profile::Cosine => 1.0 / (1.0 - 8.0 / (std::f64::consts::PI * std::f64::consts::PI)).sqrt(),
            Profile::Exponential => -NEGLIGIBLE.ln() / 2.0_f64.sqrt(),
        }
    }

    /// Value, up to a constant, at the squared distance `square` in units of that standard deviation.
    pub fn value(self, square: f64) -> f64 {
        let radius = self.radius();
        let u2 = square / (radius * radius);
        // Rounding must not lose the border of the box.
        if u2 > 1.0 + 1e-12 {
            return 0.0;
        }
        let inside = (1.0 - u2).max(0.0);
        match self {
            Profile::Epanechnikov => inside,
            Profile::Gaussian => (-0.5 * square).exp(),
            Profile::Triangular => 1.0 - u2.min(1.0).sqrt(),
            Profile::Box => 1.0,
            Profile::Biweight => inside * inside,
            Profile::Triweight => inside * inside * inside,
            Profile::Tricube => (1.0 - u2.min(1.0).powf(1.5)).powi(3),
            Profile::Cosine => (0.5 * std::f64::consts::PI * u2.sqrt()).cos().max(0.0),
            Profile::Exponential => (-(2.0 * square).sqrt()).exp(),
        }
    }
}

/// Median and interquartile range (linearly interpolated quantiles); the range is 1 where it would be 0.
///
/// # Errors
/// Without values.
pub fn robust_scale(values: &[f64]) -> Result<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, middle, high) = (quantile_of_sorted(&sorted, 0.25)?, quantile_of_sorted(&sorted, 0.5)?, quantile_of_sorted(&sorted, 0.75)?);
    let range = high - low;
    Ok((middle, if range > 0.0 { range } else { 1.0 }))
}

/// A variable on a regular grid in units of its bandwidth.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Lower grid point of each row, and the share of the row's mass that goes to the next one.
    places: Vec<(u32, f64)>,
    /// Distance of grid points in units of the bandwidth.
    pub step: f64,
}

impl Axis {
    /// Puts `values`, already in units of the bandwidth, on `points` grid points that reach a margin beyond the data: the kernel's
    /// radius, or a twentieth of the range where that is more.
    ///
    /// # Errors
    /// When there are fewer than two points or the values are too far apart to be told from one another.
    pub fn new(values: &[f64], points: usize, radius: f64) -> Result<Self> {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let margin = (MARGIN * (high - low)).max(radius);
        let step = (high - low + 2.0 * margin) / (points - 1) as f64;
        if !step.is_finite() || points < 2 {
            return Err(Error::numeric(format!("the values from {low} to {high} cannot be put on a grid")).hint("rescale the variable"));
        }
        let place = |v: &f64| {
            let position = (v - low + margin) / step;
            let cell = (position as usize).min(points - 2);
            (cell as u32, position - cell as f64)
        };
        Ok(Self { places: values.iter().map(place).collect(), step })
    }

    /// Grid point below each row, and how far beyond it the row lies in steps.
    pub fn places(&self) -> &[(u32, f64)] {
        &self.places
    }

    /// The same with the rows in another order.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        Self { places: order.iter().map(|&row| self.places[row]).collect(), step: self.step }
    }
}
