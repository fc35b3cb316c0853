//! The two floating-point types of a network and their elementary functions.
//!
//! `f32` trains and predicts; `f64` exists so that every layer can be checked against central differences. The `f32` functions are
//! branch-free polynomials (coefficients from our own Remez exchange), which the compiler turns into vector code; the `f64` ones
//! are the standard library's or those of [`elinvar_math::error_function`]. Accuracy, measured over the whole range in the tests: `tanh` 3 ULP, `ln_1p`
//! 3 ULP, `exp_m1` 3 ULP below 0, the normal distribution function 2e-7; the exponential is that of [`elinvar_math::simd`].

use elinvar_math::error_function::erfc;
use elinvar_math::simd::Real as Kernel;
use ndarray::NdFloat;

/// A network's number: `f32` for work, `f64` for gradient checks.
pub trait Real: Kernel + NdFloat + std::iter::Sum {
    /// The nearest number of this type.
    fn of(x: f64) -> Self;
    /// The same number in double precision.
    fn widen(self) -> f64;
    /// tanh(x).
    fn hyperbolic_tangent(self) -> Self;
    /// ln(1 + t) for t in [0, 1].
    fn log_one_plus(self) -> Self;
    /// exp(x) and exp(x) - 1 for x <= 0, the latter without cancellation.
    fn exp_and_less_one(self) -> (Self, Self);
    /// Distribution function and density of the standard normal distribution.
    fn normal(self) -> (Self, Self);
}

/// 1 / sqrt(2 pi).
const NORMAL_PEAK: f64 = 0.398_942_280_401_432_7;

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn widen(self) -> f64 {
        self
    }
    fn hyperbolic_tangent(self) -> Self {
        self.tanh()
    }
    fn log_one_plus(self) -> Self {
        self.ln_1p()
    }
    fn exp_and_less_one(self) -> (Self, Self) {
        (self.exp(), self.exp_m1())
    }
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        (0.5 * erfc(-self * std::f64::consts::FRAC_1_SQRT_2), NORMAL_PEAK * (-0.5 * self * self).fast_exp())
    }
}

/// (tanh(x) / x - 1) / x^2 in powers of x^2 on |x| <= 0.625, relative error of tanh 4e-9.
const TANH: [f32; 5] = [-0.333_332_84, 0.133_314_91, -0.053_743_498, 0.020_650_587, -0.005_717_045];
/// (atanh(s) / s - 1) / s^2 in powers of s^2 on |s| <= 1/3, relative error of atanh 5e-9.
const ATANH: [f32; 4] = [0.333_332_06, 0.200_108_5, 0.139_995_7, 0.140_122_3];

/// (exp(x) - 1 - x) / x^2 in powers of x on [-0.5, 0].
const EXP_M1: [f32; 6] = [0.5, 0.166_666_64, 0.041_666_124, 0.008_328_672, 0.001_370_618_7, 0.000_164_809_67];

/// 1 - (normal distribution function) at x >= 0, over t exp(-x^2 / 2), in powers of t = 1 / (1 + 0.35 x) up to x = 13.5, relative error
/// 3.2e-8.
const NORMAL_TAIL: [f32; 9] =
    [0.139_621_57, 0.139_859_08, 0.119_852_46, 0.105_432_84, -0.022_936_88, 0.158_928_87, -0.255_504_16, 0.143_872_02, -0.029_125_815];

#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    coefficients.into_iter().rev().fold(0.0, |sum, c| sum.mul_add(x, c))
}

impl Real for f32 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn hyperbolic_tangent(self) -> Self {
        let magnitude = self.abs();
        let square = self * self;
        let near = self.mul_add(square * polynomial(TANH, square), self);
        let far = (1.0 - 2.0 / ((magnitude + magnitude).fast_exp() + 1.0)).copysign(self);
        if magnitude < 0.625 { near } else { far }
    }
    #[inline(always)]
    fn log_one_plus(self) -> Self {
        let s = self / (self + 2.0);
        let square = s * s;
        let half = s.mul_add(square * polynomial(ATANH, square), s);
        half + half
    }
    #[inline(always)]
    fn exp_and_less_one(self) -> (Self, Self) {
        let e = self.fast_exp();
        let near = self.mul_add(self * polynomial(EXP_M1, self), self);
        (e, if self > -0.5 { near } else { e - 1.0 })
    }
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let e = (-0.5 * self * self).fast_exp();
        let t = 1.0 / self.abs().mul_add(0.35, 1.0);
        let tail = e * (t * polynomial(NORMAL_TAIL, t));
        (if self > 0.0 { 1.0 - tail } else { tail }, NORMAL_PEAK as f32 * e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest error in units of the last place of the exact result.
    fn worst_ulp(points: impl Iterator<Item = f32>, ours: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> f64 {
        points
            .map(|x| {
                let truth = exact(f64::from(x));
                let unit = f64::from((truth as f32).abs().next_up()) - f64::from((truth as f32).abs());
                (f64::from(ours(x)) - truth).abs() / unit
            })
            .fold(0.0, f64::max)
    }

    fn sweep(low: f32, high: f32) -> impl Iterator<Item = f32> {
        let n = 200_000;
        (0..=n).map(move |i| low + (high - low) * (i as f32 / n as f32))
    }

    #[test]
    fn stated_accuracy_holds() {
        let tanh = worst_ulp(sweep(-9.5, 9.5).chain(sweep(-1e-3, 1e-3)), Real::hyperbolic_tangent, f64::tanh);
        let log = worst_ulp(sweep(0.0, 1.0).chain(sweep(0.0, 1e-4)), Real::log_one_plus, f64::ln_1p);
        let less_one = worst_ulp(sweep(-20.0, 0.0).chain(sweep(-1e-3, 0.0)), |x| x.exp_and_less_one().1, f64::exp_m1);
        assert!(tanh <= 3.0 && log <= 3.0 && less_one <= 3.0, "tanh {tanh}, ln_1p {log}, exp_m1 {less_one}");
    }

    #[test]
    fn the_normal_distribution_is_that_of_double_precision() {
        let worst = |of: fn(f32) -> f32, exact: fn(f64) -> f64| {
            sweep(-14.0, 14.0).chain(sweep(-1e-3, 1e-3)).map(|x| (f64::from(of(x)) - exact(f64::from(x))).abs()).fold(0.0, f64::max)
        };
        let (distribution, density) = (worst(|x| x.normal().0, |x| x.normal().0), worst(|x| x.normal().1, |x| x.normal().1));
        assert!(distribution <= 2e-7 && density <= 1e-7, "{distribution} {density}");
        // mpmath 1.3.0 with 40 digits.
        for (x, expected) in
            [(-6.0, 9.865_876_450_376_98e-10), (-1.5, 0.066_807_201_268_858_07), (0.0, 0.5), (0.75, 0.773_372_647_623_131_7)]
        {
            assert!(
                (f64::normal(x).0 / expected - 1.0).abs() < 2e-14 && (f64::from((x as f32).normal().0) / expected - 1.0).abs() < 2e-6,
                "{x}"
            );
        }
    }

    #[test]
    fn ends_and_nan() {
        assert!(f32::NAN.hyperbolic_tangent().is_nan() && f32::NAN.log_one_plus().is_nan() && f32::NAN.normal().0.is_nan());
        assert_eq!([-40f32, 40.0, f32::NEG_INFINITY, f32::INFINITY].map(|x| x.normal()), [(0.0, 0.0), (1.0, 0.0), (0.0, 0.0), (1.0, 0.0)]);
        assert_eq!(100f32.hyperbolic_tangent(), 1.0);
        assert_eq!((-f32::INFINITY).hyperbolic_tangent(), -1.0);
    }
}
