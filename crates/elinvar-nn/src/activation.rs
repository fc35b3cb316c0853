//! Activations, each with its first and second derivative, applied as one vectorised pass together with the bias.

use crate::real::Real;
use elinvar_math::simd::dispatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The elementwise non-linearity of a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0); slope 0 at 0.
    Relu,
    /// x for x >= 0, 0.01 x below.
    LeakyRelu,
    /// x for x >= 0, exp(x) - 1 below (CELU with scale 1 is the same function).
    Elu,
    /// x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))): the usual tanh form of x times the normal distribution function
    /// (Hendrycks and Gimpel 2016), at most 5e-4 from it.
    Gelu,
    /// x times the normal distribution function, by the error function: what PyTorch's GELU is unless told otherwise.
    GeluErf,
    /// x / (1 + exp(-x)), also called swish.
    Silu,
    /// lambda x for x >= 0, lambda alpha (exp(x) - 1) below, with [`SELU_ALPHA`] and [`SELU_LAMBDA`] (Klambauer et al. 2017): standard
    /// normal in, mean 0 and variance 1 out.
    Selu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// ln(1 + exp(x)).
    Softplus,
    /// tanh(x).
    Tanh,
}

/// alpha of SELU at the fixed point of mean 0 and variance 1.
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// lambda of SELU at the fixed point of mean 0 and variance 1.
pub const SELU_LAMBDA: f64 = 1.050_700_987_355_480_5;

impl Activation {
    /// Whether its second derivative is zero wherever it has one.
    pub(crate) fn is_piecewise_linear(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu)
    }
}

/// Value, first and second derivative of an activation at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jet<T> {
    /// f(x).
    pub value: T,
    /// f'(x).
    pub slope: T,
    /// f''(x).
    pub curvature: T,
}

/// One activation as a type, so that the loop over a layer is compiled for it.
trait Curve {
    fn jet<T: Real>(x: T) -> Jet<T>;

    /// f'(x) from f(x), where that is possible; see [`Activation::slope_follows_from_value`].
    #[inline(always)]
    fn slope_at_value<T: Real>(_value: T) -> T {
        T::of(f64::NAN)
    }
}

struct Identity;
struct Relu;
struct LeakyRelu;
struct Elu;
struct Gelu;
struct GeluErf;
struct Selu;
struct Silu;
struct Sigmoid;
struct Softplus;
struct Tanh;

impl Curve for Identity {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        Jet { value: x, slope: T::one(), curvature: T::zero() }
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(_value: T) -> T {
        T::one()
    }
}

/// x on one side of 0 and `below * x` on the other. Written so that NaN stays NaN.
#[inline(always)]
fn kinked<T: Real>(x: T, below: T) -> Jet<T> {
    Jet { value: if x < T::zero() { below * x } else { x }, slope: if x > T::zero() { T::one() } else { below }, curvature: T::zero() }
}

impl Curve for Relu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        kinked(x, T::zero())
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        kinked(value, T::zero()).slope
    }
}

impl Curve for LeakyRelu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        kinked(x, T::of(0.01))
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        kinked(value, T::of(0.01)).slope
    }
}

impl Curve for Elu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let e = (if x < T::zero() { x } else { T::zero() }).fast_exp();
        let below = x < T::zero();
        Jet {
            value: if below { e - T::one() } else { x },
            slope: if below { e } else { T::one() },
            curvature: if below { e } else { T::zero() },
        }
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        if value < T::zero() { value + T::one() } else { T::one() }
    }
}

/// s = 1 / (1 + exp(-x)) and 1 - s, the latter without cancellation.
#[inline(always)]
fn logistic<T: Real>(x: T) -> (T, T) {
    // Beyond -87 the exponential would be infinite and e * s not a number.
    let floor = T::of(-87.0);
    let e = (-(if x < floor { floor } else { x })).fast_exp();
    let s = T::one() / (T::one() + e);
    (s, e * s)
}

impl Curve for Gelu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let rate = T::of(1.595_769_121_605_730_7); // 2 sqrt(2 / pi)
        let cubic = T::of(0.044_715);
        let square = x * x;
        let (s, rest) = logistic(rate * x * (T::one() + cubic * square));
        let rise = s * rest;
        let inner = rate * (T::one() + T::of(3.0) * cubic * square);
        let bend = rate * T::of(6.0) * cubic * x;
        let first = rise * inner;
        let second = first * (rest - s) * inner + rise * bend;
        Jet { value: x * s, slope: s + x * first, curvature: first + first + x * second }
    }
}

impl Curve for GeluErf {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let (distribution, density) = x.normal();
        let first = x * density;
        Jet { value: x * distribution, slope: distribution + first, curvature: density + density - x * first }
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let (s, rest) = logistic(x);
        let first = s * rest;
        Jet { value: x * s, slope: s + x * first, curvature: first + first + x * first * (rest - s) }
    }
}

impl Curve for Selu {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let (lambda, scale) = (T::of(SELU_LAMBDA), T::of(SELU_LAMBDA * SELU_ALPHA));
        let below = x < T::zero();
        let (e, e_minus_one) = (if below { x } else { T::zero() }).exp_and_less_one();
        Jet {
            value: if below { scale * e_minus_one } else { lambda * x },
            slope: if below { scale * e } else { lambda },
            curvature: if below { scale * e } else { T::zero() },
        }
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        if value < T::zero() { value + T::of(SELU_LAMBDA * SELU_ALPHA) } else { T::of(SELU_LAMBDA) }
    }
}

impl Curve for Sigmoid {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let (s, rest) = logistic(x);
        let slope = s * rest;
        Jet { value: s, slope, curvature: slope * (rest - s) }
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        value * (T::one() - value)
    }
}

impl Curve for Softplus {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let e = (-x.abs()).fast_exp();
        let above = x > T::zero();
        let larger = T::one() / (T::one() + e);
        let slope = if above { larger } else { e * larger };
        let positive = if x < T::zero() { T::zero() } else { x };
        Jet { value: positive + e.log_one_plus(), slope, curvature: e * larger * larger }
    }
}

impl Curve for Tanh {
    #[inline(always)]
    fn jet<T: Real>(x: T) -> Jet<T> {
        let t = x.hyperbolic_tangent();
        let slope = T::one() - t * t;
        Jet { value: t, slope, curvature: -(t + t) * slope }
    }
    #[inline(always)]
    fn slope_at_value<T: Real>(value: T) -> T {
        T::one() - value * value
    }
}

/// Runs `$body` with `$curve` naming the type of this activation.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $body:expr) => {
        match $activation {
            Activation::Identity => {
                type $curve = Identity;
                $body
            }
            Activation::Relu => {
                type $curve = Relu;
                $body
            }
            Activation::LeakyRelu => {
                type $curve = LeakyRelu;
                $body
            }
            Activation::Elu => {
                type $curve = Elu;
                $body
            }
            Activation::Gelu => {
                type $curve = Gelu;
                $body
            }
            Activation::GeluErf => {
                type $curve = GeluErf;
                $body
            }
            Activation::Silu => {
                type $curve = Silu;
                $body
            }
            Activation::Selu => {
                type $curve = Selu;
                $body
            }
            Activation::Sigmoid => {
                type $curve = Sigmoid;
                $body
            }
            Activation::Softplus => {
                type $curve = Softplus;
                $body
            }
            Activation::Tanh => {
                type $curve = Tanh;
                $body
            }
        }
    };
}

impl Activation {
    /// Value and derivatives at one point.
    pub fn jet<T: Real>(self, x: T) -> Jet<T> {
        with_curve!(self, C => C::jet(x))
    }

    /// Whether the function is convex and never falls, as an input-convex network needs.
    pub fn is_convex_and_increasing(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu | Self::Elu | Self::Softplus)
    }

    /// Whether the slope follows from the value alone, so that a backward pass needs no more than the outputs.
    pub fn slope_follows_from_value(self) -> bool {
        !matches!(self, Self::Gelu | Self::GeluErf | Self::Silu | Self::Softplus)
    }

    /// `gradient <- gradient * f'` from the values of f, for activations whose [`Self::slope_follows_from_value`].
    pub(crate) fn backward_from_value<T: Real>(self, values: &[T], gradient: &mut [T]) {
        with_curve!(self, C => backward_from_value::<T, C>(values, gradient));
    }

    /// `values <- f(values + bias)`, rows of `bias.len()` numbers.
    pub(crate) fn apply<T: Real>(self, values: &mut [T], bias: &[T]) {
        with_curve!(self, C => apply::<T, C>(values, bias));
    }

    /// `values <- f(linear + bias)`, then `linear <- f'(linear + bias)`.
    pub(crate) fn apply_with_slope<T: Real>(self, linear: &mut [T], bias: &[T], values: &mut [T]) {
        with_curve!(self, C => apply_with_slope::<T, C>(linear, bias, values));
    }

    /// As [`Self::apply_with_slope`], with the second derivative in `curvature`.
    pub(crate) fn apply_with_curvature<T: Real>(self, linear: &mut [T], bias: &[T], values: &mut [T], curvature: &mut [T]) {
        with_curve!(self, C => apply_with_curvature::<T, C>(linear, bias, values, curvature));
    }
}

/// `values <- f(values + bias)`, row by row.
fn apply<T: Real, C: Curve>(values: &mut [T], bias: &[T]) {
    dispatch(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len()) {
                for (value, &bias) in row.iter_mut().zip(bias) {
                    *value = C::jet(*value + bias).value;
                }
            }
        },
    );
}

fn backward_from_value<T: Real, C: Curve>(values: &[T], gradient: &mut [T]) {
    dispatch(
        #[inline(always)]
        || {
            for (gradient, &value) in gradient.iter_mut().zip(values) {
                *gradient *= C::slope_at_value(value);
            }
        },
    );
}

fn apply_with_slope<T: Real, C: Curve>(linear: &mut [T], bias: &[T], values: &mut [T]) {
    dispatch(
        #[inline(always)]
        || {
            for (linear, values) in linear.chunks_exact_mut(bias.len()).zip(values.chunks_exact_mut(bias.len())) {
                for ((linear, value), &bias) in linear.iter_mut().zip(values).zip(bias) {
                    let jet = C::jet(*linear + bias);
                    *value = jet.value;
                    *linear = jet.slope;
                }
            }
        },
    );
}

fn apply_with_curvature<T: Real, C: Curve>(linear: &mut [T], bias: &[T], values: &mut [T], curvature: &mut [T]) {
    dispatch(
        #[inline(always)]
        || {
            let width = bias.len();
            let rows = linear.chunks_exact_mut(width).zip(values.chunks_exact_mut(width));
            for ((linear, values), curvature) in rows.zip(curvature.chunks_exact_mut(width)) {
                for (((linear, value), curvature), &bias) in linear.iter_mut().zip(values).zip(curvature).zip(bias) {
                    let jet = C::jet(*linear + bias);
                    *value = jet.value;
                    *linear = jet.slope;
                    *curvature = jet.curvature;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const ALL: [Activation; 11] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::GeluErf,
        Activation::Selu,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Tanh,
    ];

    #[test]
    fn derivatives_match_central_differences() {
        let h = 1e-5;
        for activation in ALL {
            for i in 0..200 {
                let x = -6.03 + 0.06 * f64::from(i);
                let (low, here, high) = (activation.jet(x - h), activation.jet(x), activation.jet(x + h));
                let slope = (high.value - low.value) / (2.0 * h);
                let curvature = (high.slope - low.slope) / (2.0 * h);
                assert!((slope - here.slope).abs() < 1e-8, "{activation:?} slope at {x}: {slope} {}", here.slope);
                assert!((curvature - here.curvature).abs() < 1e-8, "{activation:?} curvature at {x}: {curvature} {}", here.curvature);
            }
        }
    }

    #[test]
    fn vector_passes_agree_with_double_precision() {
        let bias = [0.25_f32, -0.5, 1.0];
        let start: Vec<f32> = (0..3 * 67).map(|i| (i as f32 - 100.0) * 0.07).collect();
        for activation in ALL {
            let mut alone = start.clone();
            activation.apply(&mut alone, &bias);
            let (mut slope, mut value) = (start.clone(), start.clone());
            activation.apply_with_slope(&mut slope, &bias, &mut value);
            let (mut slope_again, mut value_again, mut curvature) = (start.clone(), start.clone(), start.clone());
            activation.apply_with_curvature(&mut slope_again, &bias, &mut value_again, &mut curvature);
            assert_eq!((&alone, &value), (&value, &value_again));
            assert_eq!(slope, slope_again);
            for (i, &x) in start.iter().enumerate() {
                let exact = activation.jet(f64::from(x + bias[i % 3]));
                for (ours, truth) in [(value[i], exact.value), (slope[i], exact.slope), (curvature[i], exact.curvature)] {
                    assert!((f64::from(ours) - truth).abs() < 2e-6 * (1.0 + truth.abs()), "{activation:?} at {x}: {ours} {truth}");
                }
            }
        }
    }

    #[test]
    fn slopes_follow_from_values() {
        for activation in ALL.into_iter().filter(|a| a.slope_follows_from_value()) {
            for i in 0..200 {
                let jet = activation.jet(-6.03 + 0.06 * f64::from(i));
                let mut gradient = [2.0];
                activation.backward_from_value(&[jet.value], &mut gradient);
                assert!((gradient[0] - 2.0 * jet.slope).abs() < 1e-12, "{activation:?} at {}", jet.value);
            }
        }
    }

    #[test]
    fn selu_saturates_and_keeps_digits_near_zero() {
        assert!((Activation::Selu.jet(-50.0_f64).value + 1.758_099_340_847_376_6).abs() < 1e-15);
        for exponent in 1..7 {
            let x = -(10f32.powi(-exponent));
            let exact = SELU_LAMBDA * SELU_ALPHA * f64::from(x).exp_m1();
            assert!((f64::from(Activation::Selu.jet(x).value) / exact - 1.0).abs() < 4e-7, "{x}");
        }
    }

    #[test]
    fn nan_is_not_hidden() {
        for activation in ALL {
            assert!(activation.jet(f32::NAN).value.is_nan(), "{activation:?}");
        }
    }
}
