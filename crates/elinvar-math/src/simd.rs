//! Vectorised kernels over slices, the same bits on every processor.
//!
//! The loops are written over fixed groups of [`LANES`] numbers and compiled once for every instruction set that [`pulp::Arch`]
//! finds at run time (AVX-512, AVX2 with FMA, or the baseline). Sums always run in the same lanes and in the same order and every
//! product-sum is a fused multiply-add, so that the result depends neither on the width of the vector unit nor on threads.

use crate::linalg::MatrixElement;
use crate::transport::loops::Loops;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// Numbers that the kernels handle as one group; row lengths of padded matrices are multiples of it.
pub const LANES: usize = 16;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`: the floating-point types of the numerical kernels.
pub trait Real:
    sealed::Sealed
    + Loops
    + MatrixElement
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + SubAssign
    + Mul<Output = Self>
    + MulAssign
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Negative infinity, the start of a maximum.
    const LOWEST: Self;
    /// A cost so large that its exponential is zero, but finite so that no `inf - inf` can arise.
    const HUGE: Self;
    /// Largest logarithm that a factor beside a stored exponential may have before accuracy would suffer: entries below the
    /// smallest exponential then stay below one unit in the last place of every sum.
    const SAFE_LOG: f64;
    /// Exponents below this give 0 in kernels that are multiplied later: even scaled by [`Real::SAFE_LOG`] they would not count, and as
    /// subnormal numbers they would cost a hundred times as much.
    const NEGLIGIBLE_LOG: Self;

    /// Rounds from double precision.
    fn from_f64(value: f64) -> Self;
    /// Widens to double precision.
    fn to_f64(self) -> f64;
    /// `self * factor + term` with one rounding.
    fn fused(self, factor: Self, term: Self) -> Self;
    /// The larger of two; the other one if one is NaN.
    fn larger(self, other: Self) -> Self;
    /// The smaller of two; the other one if one is NaN.
    fn smaller(self, other: Self) -> Self;
    /// Absolute value.
    fn magnitude(self) -> Self;
    /// Square root.
    fn root(self) -> Self;
    /// Real power.
    fn power(self, exponent: Self) -> Self;
    /// Arc cosine.
    fn arc_cosine(self) -> Self;
    /// Whether neither infinite nor NaN.
    fn finite(self) -> bool;
    /// Exponential without branches, so that loops over it vectorise; see [`exp_in_place`] for range and accuracy.
    fn fast_exp(self) -> Self;
}

macro_rules! common {
    ($type:ty) => {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
        const LOWEST: Self = <$type>::NEG_INFINITY;
        const HUGE: Self = <$type>::MAX / 8.0;
        #[inline(always)]
        fn fused(self, factor: Self, term: Self) -> Self {
            self.mul_add(factor, term)
        }
        #[inline(always)]
        fn larger(self, other: Self) -> Self {
            if self > other { self } else { other }
        }
        #[inline(always)]
        fn smaller(self, other: Self) -> Self {
            if self < other { self } else { other }
        }
        #[inline(always)]
        fn magnitude(self) -> Self {
            self.abs()
        }
        #[inline(always)]
        fn root(self) -> Self {
            self.sqrt()
        }
        #[inline(always)]
        fn power(self, exponent: Self) -> Self {
            self.powf(exponent)
        }
        #[inline(always)]
        fn arc_cosine(self) -> Self {
            self.acos()
        }
        #[inline(always)]
        fn finite(self) -> bool {
            self.is_finite()
        }
    };
}

impl Real for f32 {
    common!(f32);
    const SAFE_LOG: f64 = 25.0;
    const NEGLIGIBLE_LOG: Self = -64.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn fast_exp(self) -> Self {
        // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits of the sum.
        const SHIFT: f32 = 12_582_912.0;
        // ln 2 in two parts: the first has few bits, so that its product with a small integer is exact.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        // (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2: Chebyshev interpolation, relative error of the exponential 8e-9.
        const C: [f32; 5] = [0.5, 0.166_665_77, 0.041_666_555, 0.008_363_203, 0.001_392_621_3];
        let shifted = self.mul_add(std::f32::consts::LOG2_E, SHIFT);
        let power = shifted - SHIFT;
        let r = power.mul_add(-LN2_LOW, power.mul_add(-LN2_HIGH, self));
        let q = C[4].mul_add(r, C[3]).mul_add(r, C[2]).mul_add(r, C[1]).mul_add(r, C[0]);
        let mantissa = (r * r).mul_add(q, r) + 1.0;
        let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
        let value = mantissa * scale;
        let value = if self < -87.0 { 0.0 } else { value };
        if self > 88.0 { f32::INFINITY } else { value }
    }
}

impl Real for f64 {
    common!(f64);
    const SAFE_LOG: f64 = 300.0;
    const NEGLIGIBLE_LOG: Self = -600.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn fast_exp(self) -> Self {
        // As for f32, with 1.5 * 2^52.
        const SHIFT: f64 = 6_755_399_441_055_744.0;
        const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
        const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
        // Relative error of the exponential before rounding: 1.3e-17.
        const C: [f64; 10] = [
            0.500_000_000_000_000_1,
            0.166_666_666_666_666_67,
            0.041_666_666_666_623_99,
            0.008_333_333_333_330_051,
            0.001_388_888_891_728_179_3,
            0.000_198_412_698_631_059_69,
            2.480_152_119_021_773e-5,
            2.755_726_837_868_419e-6,
            2.762_013_871_973_399_6e-7,
            2.510_042_415_700_506_7e-8,
        ];
        let shifted = self.mul_add(std::f64::consts::LOG2_E, SHIFT);
        let power = shifted - SHIFT;
        let r = power.mul_add(-LN2_LOW, power.mul_add(-LN2_HIGH, self));
        let mut q = C[9];
        let mut k = 9;
        while k > 0 {
            k -= 1;
            q = q.mul_add(r, C[k]);
        }
        let mantissa = (r * r).mul_add(q, r) + 1.0;
        let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(0x3ff0_0000_0000_0000));
        let value = mantissa * scale;
        let value = if self < -708.0 { 0.0 } else { value };
        if self > 709.0 { f64::INFINITY } else { value }
    }
}

/// Runs `kernel` compiled for the widest instruction set of this processor. Everything it calls must be `#[inline(always)]`.
#[inline]
pub fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// Replaces every `x` by `exp(x)`.
///
/// Error at most 1.5 units in the last place. Below -87 (`f32`) or -708 (`f64`) the result is 0, above 88 or 709 infinity; NaN stays
/// NaN.
///
/// ```
/// let mut x = [0.0_f32, 1.0, -100.0];
/// elinvar_math::simd::exp_in_place(&mut x);
/// assert!((x[1] - std::f32::consts::E).abs() < 3e-7 && x[2] == 0.0);
/// ```
pub fn exp_in_place<T: Real>(values: &mut [T]) {
    dispatch(
        #[inline(always)]
        || {
            for value in values {
                *value = value.fast_exp();
            }
        },
    );
}

/// Sum of `of(value)` over a slice, in [`LANES`] lanes that are added up as a tree; for use inside [`dispatch`].
#[inline(always)]
pub fn sum<T: Real>(values: &[T], of: impl Fn(T) -> T) -> T {
    let (groups, rest) = values.as_chunks::<LANES>();
    let mut lanes = [T::ZERO; LANES];
    for group in groups {
        for l in 0..LANES {
            lanes[l] += of(group[l]);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += of(value);
    }
    sum_lanes(&lanes)
}

/// Inner product, summed as in [`sum`]; for use inside [`dispatch`].
#[inline(always)]
pub fn dot<T: Real>(left: &[T], right: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    let mut lanes = [T::ZERO; LANES];
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            lanes[l] = a[l].fused(b[l], lanes[l]);
        }
    }
    for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane = a.fused(b, *lane);
    }
    sum_lanes(&lanes)
}

/// Sums the lanes of an accumulator as a tree.
#[inline(always)]
pub(crate) fn sum_lanes<T: Real>(lanes: &[T; LANES]) -> T {
    let mut lanes = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for k in 0..width {
            lanes[k] += lanes[k + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The largest of the lanes.
#[inline(always)]
pub(crate) fn max_lanes<T: Real>(lanes: &[T; LANES]) -> T {
    lanes.iter().fold(T::LOWEST, |a, &b| a.larger(b))
}

/// The least of the values and its first position; infinity and 0 for none.
pub(crate) fn least(values: &[f64]) -> (f64, usize) {
    let least = dispatch(
        #[inline(always)]
        || {
            let (groups, rest) = values.as_chunks::<LANES>();
            let mut lanes = [f64::INFINITY; LANES];
            for group in groups {
                for l in 0..LANES {
                    lanes[l] = lanes[l].smaller(group[l]);
                }
            }
            lanes.iter().chain(rest).fold(f64::INFINITY, |a, &b| a.smaller(b))
        },
    );
    (least, values.iter().position(|&value| value == least).unwrap_or(0))
}

/// Splits a padded slice into groups of [`LANES`].
#[inline(always)]
pub(crate) fn groups<T>(slice: &[T]) -> &[[T; LANES]] {
    slice.as_chunks().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_f32_is_within_one_and_a_half_units() {
        let x: Vec<f32> = (0..=1_750_000).map(|i| -87.0 + i as f32 * 1e-4).collect();
        let mut y = x.clone();
        exp_in_place(&mut y);
        let mut worst = 0.0_f64;
        for (&x, &y) in x.iter().zip(&y) {
            let exact = f64::from(x).exp();
            let unit = f64::from(f32::from_bits((exact as f32).to_bits() + 1)) - f64::from(exact as f32);
            worst = worst.max((f64::from(y) - exact).abs() / unit);
        }
        assert!(worst <= 1.5, "{worst} units in the last place");
    }

    #[test]
    fn exp_f64_is_within_one_and_a_half_units_of_std() {
        let x: Vec<f64> = (0..=1_417_000).map(|i| -708.0 + f64::from(i) * 1e-3).collect();
        let mut y = x.clone();
        exp_in_place(&mut y);
        let mut worst = 0;
        for (&x, &y) in x.iter().zip(&y) {
            worst = worst.max(y.to_bits().abs_diff(x.exp().to_bits()));
        }
        // std itself is within one unit, so that a distance of one is all that can be asked for.
        assert!(worst <= 1, "{worst} units in the last place");
    }

    #[test]
    fn exp_handles_the_edges() {
        let mut x = [0.0_f64, -0.0, -1e300, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, 800.0, -708.1];
        exp_in_place(&mut x);
        assert_eq!(&x[..5], &[1.0, 1.0, 0.0, 0.0, f64::INFINITY]);
        assert!(x[5].is_nan() && x[6] == f64::INFINITY && x[7] == 0.0);
        let mut x = [0.0_f32, -f32::MAX, f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 100.0];
        exp_in_place(&mut x);
        assert_eq!(&x[..4], &[1.0, 0.0, 0.0, f32::INFINITY]);
        assert!(x[4].is_nan() && x[5] == f32::INFINITY);
    }
}
