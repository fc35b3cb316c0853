//! Alpha dropout (Klambauer et al. 2017): dropped values take the value at which SELU saturates, and an affine map restores mean and
//! variance.

use crate::activation::{SELU_ALPHA, SELU_LAMBDA};
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use elinvar_math::simd::dispatch;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value at which SELU saturates, `-lambda alpha`.
pub const SELU_SATURATION: f64 = -SELU_LAMBDA * SELU_ALPHA;

/// Settings of alpha dropout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlphaDropout {
    /// Share of values that are dropped, in [0, 1).
    pub rate: f64,
    /// What dropped values become.
    pub saturation: f64,
    /// Mean of the values, which is kept.
    pub mean: f64,
    /// Variance of the values, which is kept, > 0.
    pub variance: f64,
}

impl AlphaDropout {
    /// For SELU's fixed point of mean 0 and variance 1.
    pub fn new(rate: f64) -> Self {
        Self { rate, saturation: SELU_SATURATION, mean: 0.0, variance: 1.0 }
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// A rate outside [0, 1), or a variance that is not positive.
    pub fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.rate) {
            return Err(Error::input(format!("dropout p must be in [0, 1), got {}", self.rate)));
        }
        if !(self.variance > 0.0 && self.variance.is_finite()) {
            return Err(Error::parameter("variance", "> 0", self.variance));
        }
        Ok(())
    }

    /// The affine map `a y + b` that gives mean and variance back (the paper's section on dropout, for any fixed point).
    pub fn affine(&self) -> (f64, f64) {
        let (p, q) = (self.rate, 1.0 - self.rate);
        let apart = self.saturation - self.mean;
        let a = (self.variance / (q * (p * apart * apart + self.variance))).sqrt();
        (a, self.mean - a * (q * self.mean + p * self.saturation))
    }

    /// Drops values of rows of `width` numbers in place, `run` neighbours in a row (the positions of a channel) together.
    pub fn apply<T: Real>(&self, values: &mut [T], width: usize, run: usize, mask: Mask) {
        let (a, b) = self.affine();
        let (scale, shift, dropped) = (T::of(a), T::of(b), T::of(a * self.saturation + b));
        for (row, values) in values.chunks_exact_mut(width).enumerate() {
            let key = mask.of_row(row);
            dispatch(
                #[inline(always)]
                || {
                    for (unit, values) in values.chunks_mut(run).enumerate() {
                        let kept = key.keeps(unit);
                        values.iter_mut().for_each(|x| *x = if kept { *x * scale + shift } else { dropped });
                    }
                },
            );
        }
    }

    /// The backward pass of [`Self::apply`] with the same mask.
    pub fn backward<T: Real>(&self, gradient: &mut [T], width: usize, run: usize, mask: Mask) {
        let scale = T::of(self.affine().0);
        for (row, gradient) in gradient.chunks_exact_mut(width).enumerate() {
            let key = mask.of_row(row);
            dispatch(
                #[inline(always)]
                || {
                    for (unit, gradient) in gradient.chunks_mut(run).enumerate() {
                        let factor = if key.keeps(unit) { scale } else { T::zero() };
                        gradient.iter_mut().for_each(|g| *g *= factor);
                    }
                },
            );
        }
    }

    /// `values <- dropped(selu(values + bias))` in one pass: rows of `bias.len()` numbers.
    pub fn apply_to_selu<T: Real>(&self, values: &mut [T], bias: &[T], mask: Mask) {
        let (a, b) = self.affine();
        let (up, down) = (T::of(a * SELU_LAMBDA), T::of(-a * SELU_SATURATION));
        let (shift, dropped) = (T::of(b), T::of(a * self.saturation + b));
        for (row, values) in values.chunks_exact_mut(bias.len()).enumerate() {
            let key = mask.of_row(row);
            dispatch(
                #[inline(always)]
                || {
                    for (unit, (value, &bias)) in values.iter_mut().zip(bias).enumerate() {
                        let x = *value + bias;
                        let below = x < T::zero();
                        let less_one = (if below { x } else { T::zero() }).exp_and_less_one().1;
                        let kept = (if below { down * less_one } else { up * x }) + shift;
                        *value = if key.keeps(unit) { kept } else { dropped };
                    }
                },
            );
        }
    }

    /// The backward pass of [`Self::apply_to_selu`] from its results alone: `gradient <- gradient * derivative`.
    ///
    /// SELU's slope below 0 is its value less the saturation, which is 0 exactly where a value was dropped.
    pub fn backward_of_selu<T: Real>(&self, results: &[T], gradient: &mut [T]) {
        let (a, b) = self.affine();
        let (up, zero) = (T::of(a * SELU_LAMBDA), T::of(b));
        let dropped = T::of(a * self.saturation + b);
        dispatch(
            #[inline(always)]
            || {
                for (gradient, &result) in gradient.iter_mut().zip(results) {
                    *gradient *= if result < zero { result - dropped } else { up };
                }
            },
        );
    }
}

/// Which values a dropout keeps: a function of a key and the position, so that nothing is stored and no order of work matters.
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    key: u32,
    threshold: u32,
    first_row: usize,
}

impl Mask {
    /// A mask that drops a share `rate` of the values, its key from `stream`; rows are counted from `first_row`.
    pub fn new(rate: f64, first_row: usize, stream: &mut Stream) -> Self {
        Self { key: stream.random(), threshold: (rate * 4_294_967_296.0) as u32, first_row }
    }

    /// Multiplies kept values of rows of `width` numbers by `scale` and the others by 0: ordinary dropout, forward and backward.
    pub fn scale<T: Real>(&self, values: &mut [T], width: usize, scale: T) {
        for (row, values) in values.chunks_exact_mut(width).enumerate() {
            let key = self.of_row(row);
            dispatch(
                #[inline(always)]
                || {
                    for (unit, value) in values.iter_mut().enumerate() {
                        *value *= if key.keeps(unit) { scale } else { T::zero() };
                    }
                },
            );
        }
    }

    fn of_row(&self, row: usize) -> RowMask {
        let row = (self.first_row + row) as u64;
        RowMask { key: mixed(mixed(self.key ^ row as u32) ^ (row >> 32) as u32), threshold: self.threshold }
    }
}

/// The mask of one row.
#[derive(Clone, Copy)]
struct RowMask {
    key: u32,
    threshold: u32,
}

impl RowMask {
    #[inline(always)]
    fn keeps(self, unit: usize) -> bool {
        mixed((unit as u32).wrapping_mul(0x9e37_79b9).wrapping_add(self.key)) >= self.threshold
    }
}

/// A bijection of 32 bits that spreads every input bit over all output bits: multiplications by odd constants between shifts.
#[inline(always)]
fn mixed(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x21f0_aaad);
    x ^= x >> 15;
    x = x.wrapping_mul(0xd35a_2d97);
    x ^ (x >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use elinvar_core::random::stream;
    use rand_distr::{Distribution, StandardNormal};

    fn mask(rate: f64) -> Mask {
        Mask::new(rate, 0, &mut stream(5, &[("mask", 0)]))
    }

    fn normal(n: usize) -> Vec<f64> {
        let mut stream = stream(1, &[]);
        (0..n).map(|_| StandardNormal.sample(&mut stream)).collect()
    }

    #[test]
    fn constants_are_those_of_the_paper() {
        for (rate, a, b) in [
            (0.05, 0.954_844_48, 0.083_935_57),
            (0.1, 0.921_284_52, 0.161_970_97),
            (0.2, 0.878_903_58, 0.309_039_96),
            (0.5, 0.886_404_89, 0.779_193_93),
        ] {
            let found = AlphaDropout::new(rate).affine();
            assert!((found.0 - a).abs() < 1e-8 && (found.1 - b).abs() < 1e-8, "{rate}: {found:?}");
        }
    }

    #[test]
    fn a_share_of_the_values_is_dropped_and_moments_stay() {
        let n = 200_000;
        for (mean, variance) in [(0.0, 1.0), (0.3, 2.0)] {
            for rate in [0.05, 0.3, 0.5] {
                let dropout = AlphaDropout { mean, variance, ..AlphaDropout::new(rate) };
                let mut x: Vec<f64> = normal(n).into_iter().map(|z| mean + variance.sqrt() * z).collect();
                dropout.apply(&mut x, 100, 1, mask(rate));
                let (a, b) = dropout.affine();
                let dropped = a * dropout.saturation + b;
                let share = x.iter().filter(|&&v| v == dropped).count() as f64 / n as f64;
                assert!((share - rate).abs() < 4.0 * (rate * (1.0 - rate) / n as f64).sqrt(), "{share} for {rate}");
                let average = x.iter().sum::<f64>() / n as f64;
                let spread = x.iter().map(|v| (v - average) * (v - average)).sum::<f64>() / n as f64;
                assert!((average - mean).abs() < 0.02 && (spread / variance - 1.0).abs() < 0.02, "{average} {spread}");
            }
        }
    }

    #[test]
    fn rate_zero_is_the_identity() {
        let mut x = normal(1000);
        let before = x.clone();
        AlphaDropout::new(0.0).apply(&mut x, 10, 1, mask(0.0));
        assert_eq!(x, before);
    }

    #[test]
    fn neighbours_of_a_run_share_a_mask() {
        let mut x = vec![1.0_f64; 3 * 40];
        AlphaDropout::new(0.5).apply(&mut x, 40, 8, mask(0.5));
        assert!(x.chunks(8).all(|run| run.iter().all(|v| *v == run[0])));
        assert!(x.iter().any(|v| *v != x[0]));
    }

    #[test]
    fn the_fused_pass_is_the_two_passes() {
        let (n, width, rate) = (30, 40, 0.3);
        let dropout = AlphaDropout::new(rate);
        let bias: Vec<f64> = (0..width).map(|j| 0.1 * j as f64 - 2.0).collect();
        let linear = normal(n * width);
        let mut fused = linear.clone();
        dropout.apply_to_selu(&mut fused, &bias, mask(rate));
        let (mut slope, mut apart) = (linear.clone(), linear.clone());
        Activation::Selu.apply_with_slope(&mut slope, &bias, &mut apart);
        dropout.apply(&mut apart, width, 1, mask(rate));
        fused.iter().zip(&apart).for_each(|(f, a)| assert!((f - a).abs() < 1e-14));
        let mut by_results = normal(n * width);
        let mut by_mask = by_results.clone();
        dropout.backward_of_selu(&fused, &mut by_results);
        dropout.backward(&mut by_mask, width, 1, mask(rate));
        by_mask.iter_mut().zip(&slope).for_each(|(g, s)| *g *= s);
        by_results.iter().zip(&by_mask).for_each(|(f, a)| assert!((f - a).abs() < 1e-13, "{f} {a}"));
        assert_eq!(by_results.iter().filter(|g| **g == 0.0).count(), by_mask.iter().filter(|g| **g == 0.0).count());
    }

    #[test]
    fn masks_of_rows_do_not_depend_on_where_a_batch_is_cut() {
        let (dropout, whole) = (AlphaDropout::new(0.4), normal(8 * 16));
        let at = |first: usize, rows: &[f64]| {
            let mut rows = rows.to_vec();
            dropout.apply(&mut rows, 16, 1, Mask::new(0.4, first, &mut stream(5, &[("mask", 0)])));
            rows
        };
        assert_eq!(at(0, &whole), [at(0, &whole[..48]), at(3, &whole[48..])].concat());
    }
}
