//! What is proven: the domains of the paper's theorems, and enclosures of the moment map over boxes.

use super::moments::{Moments, Weights};
use super::params::Selu;
use elinvar_core::{Error, Result};
use std::f64::consts::PI;

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The interval between two numbers.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Whether a number lies in it.
    pub fn contains(self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// Whether another interval lies in it.
    pub fn holds(self, other: Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    /// The least interval with all of these numbers.
    pub fn around(numbers: impl IntoIterator<Item = f64>) -> Self {
        numbers.into_iter().fold(Self::new(f64::INFINITY, f64::NEG_INFINITY), |i, x| Self::new(i.low.min(x), i.high.max(x)))
    }

    fn join(self, other: Self) -> Self {
        Self::new(self.low.min(other.low), self.high.max(other.high))
    }

    fn times(self, other: Self) -> Self {
        Self::around([self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high])
    }

    fn cut(self, parts: usize) -> impl Iterator<Item = Self> + Clone {
        let at = move |k: usize| if k == parts { self.high } else { self.low + (self.high - self.low) * k as f64 / parts as f64 };
        (0..parts).map(move |k| Self::new(at(k), at(k + 1)))
    }

    fn centre(self) -> f64 {
        0.5 * (self.low + self.high)
    }

    fn radius(self) -> f64 {
        0.5 * (self.high - self.low)
    }
}

/// A box of means and variances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentBox {
    /// Means.
    pub mean: Interval,
    /// Variances.
    pub variance: Interval,
}

/// A box of sums of weights and sums of their squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightBox {
    /// Sums.
    pub sum: Interval,
    /// Sums of squares.
    pub squares: Interval,
}

/// Theorem 1: within these moments and weights the map contracts, and stays within.
pub const STABLE: (MomentBox, WeightBox) = (
    MomentBox { mean: Interval::new(-0.1, 0.1), variance: Interval::new(0.8, 1.5) },
    WeightBox { sum: Interval::new(-0.1, 0.1), squares: Interval::new(0.95, 1.1) },
);

/// Theorem 2: from these moments and weights the variance falls.
pub const EXPLODED: (MomentBox, WeightBox) = (
    MomentBox { mean: Interval::new(-1.0, 1.0), variance: Interval::new(3.0, 16.0) },
    WeightBox { sum: Interval::new(-0.1, 0.1), squares: Interval::new(0.8, 1.25) },
);

/// Theorem 3: from either of these moments and weights the variance rises.
pub const VANISHED: [(MomentBox, WeightBox); 2] = [
    (
        MomentBox { mean: Interval::new(-0.1, 0.1), variance: Interval::new(0.02, 0.16) },
        WeightBox { sum: Interval::new(-0.1, 0.1), squares: Interval::new(0.8, 1.25) },
    ),
    (
        MomentBox { mean: Interval::new(-0.1, 0.1), variance: Interval::new(0.02, 0.24) },
        WeightBox { sum: Interval::new(-0.1, 0.1), squares: Interval::new(0.9, 1.25) },
    ),
];

impl MomentBox {
    /// A single point.
    pub fn point(moments: Moments) -> Self {
        Self { mean: Interval::new(moments.mean, moments.mean), variance: Interval::new(moments.variance, moments.variance) }
    }

    /// Whether a box lies in it.
    pub fn holds(self, other: Self) -> bool {
        self.mean.holds(other.mean) && self.variance.holds(other.variance)
    }

    /// Whether a point lies in it.
    pub fn contains(self, moments: Moments) -> bool {
        self.mean.contains(moments.mean) && self.variance.contains(moments.variance)
    }

    /// A box that provably holds the map of every point of this one under every weights of the other, up to rounding.
    ///
    /// The net input's box is cut into pieces; on each the map is within its value at the centre and the greatest slope times the radius
    /// (mean value theorem), with slopes bounded in closed form.
    ///
    /// # Errors
    /// Ends that are not finite, negative variances or squares.
    pub fn through(self, selu: Selu, weights: WeightBox) -> Result<MomentBox> {
        const PARTS: (usize, usize) = (128, 512);
        let (m, v) = (self.mean.times(weights.sum), self.variance.times(weights.squares));
        if !(v.low >= 0.0 && v.high.is_finite() && m.low.is_finite() && m.high.is_finite()) {
            return Err(Error::input(format!("a box needs finite means and variances >= 0, got means {m:?} and variances {v:?}")));
        }
        let pieces = m.cut(PARTS.0).flat_map(|m| v.cut(PARTS.1).map(move |v| enclosed(selu, m, v)));
        let nothing = Interval::new(f64::INFINITY, f64::NEG_INFINITY);
        let start = MomentBox { mean: nothing, variance: nothing };
        Ok(pieces.fold(start, |b, piece| MomentBox { mean: b.mean.join(piece.mean), variance: b.variance.join(piece.variance) }))
    }
}

/// Rounding of the map that no bound speaks of.
const SLACK: f64 = 1e-12;

/// An enclosure of the map over a small box of net inputs.
fn enclosed(selu: Selu, m: Interval, v: Interval) -> MomentBox {
    let Selu { alpha, lambda } = selu;
    let at = Moments { mean: m.centre(), variance: v.centre() }.of_net_input(selu);
    // |f'| <= slope. f'' is lambda alpha exp(z) below 0, and the jump lambda (1 - alpha) of f' at 0 times a density there of at most
    // 1 / sqrt(2 pi v).
    let slope = lambda * alpha.max(1.0);
    let mean_by_v = 0.5 * (lambda * alpha + lambda * (alpha - 1.0).abs() / (2.0 * PI * v.low).sqrt());
    // (f²)' is 2 lambda² z above 0 and at most lambda² alpha² / 2 in size below; (f²)'' lies between -lambda² alpha² / 4 and
    // 2 lambda² max(1, alpha²).
    let above = m.high.max(0.0) + (v.high / (2.0 * PI)).sqrt();
    let second_by_m = 2.0 * lambda * lambda * (above + 0.25 * alpha * alpha);
    let second_by_v = lambda * lambda * alpha.max(1.0).powi(2);
    // The same variable with another spread moves by the difference of the deviations times a half-normal variable: a bound where the
    // density at 0 has none.
    let by_deviation = slope * (2.0 / PI).sqrt() * (v.high.sqrt() - v.low.sqrt());
    let mean_by_spread = product(mean_by_v, v.radius()).min(by_deviation);
    let mean_radius = slope * m.radius() + mean_by_spread + SLACK * (1.0 + at.mean.abs());
    let mean = Interval::new(at.mean - mean_radius, at.mean + mean_radius);
    let largest = mean.low.abs().max(mean.high.abs());
    let radius = (second_by_m + 2.0 * largest * slope) * m.radius() + second_by_v * v.radius() + 2.0 * largest * mean_by_spread;
    let radius = radius + SLACK * (1.0 + at.variance);
    MomentBox { mean, variance: Interval::new((at.variance - radius).max(0.0), at.variance + radius) }
}

/// A slope times a radius, where an infinite slope over no width is nothing.
fn product(slope: f64, radius: f64) -> f64 {
    if radius == 0.0 { 0.0 } else { slope * radius }
}

/// Moments and weights on a regular grid over a domain, corners included.
pub fn grid((moments, weights): (MomentBox, WeightBox), points: usize) -> impl Iterator<Item = (Moments, Weights)> {
    let along = move |i: Interval, k: usize| i.low + (i.high - i.low) * k as f64 / (points - 1) as f64;
    (0..points.pow(4)).map(move |index| {
        let at = |axis: u32| index / points.pow(axis) % points;
        let moment = Moments { mean: along(moments.mean, at(0)), variance: along(moments.variance, at(1)) };
        (moment, Weights { sum: along(weights.sum, at(2)), squares: along(weights.squares, at(3)) })
    })
}
