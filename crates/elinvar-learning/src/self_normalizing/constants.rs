//! The constants that make mean and variance a fixed point: in closed form for (0, 1), by Newton's method for others.

use super::moments::Moments;
use super::params::Selu;
use elinvar_core::{Error, Result};
use elinvar_math::error_function::erfc;
use std::f64::consts::{E, FRAC_1_SQRT_2, PI, SQRT_2};

impl Selu {
    /// The constants of the fixed point mean 0 and variance 1 in closed form (the paper's equation 14).
    pub fn closed_form() -> Self {
        let (half, double) = (erfc(FRAC_1_SQRT_2), erfc(SQRT_2));
        let root_e = E.sqrt();
        let alpha = -(2.0 / PI).sqrt() / (root_e * half - 1.0);
        let inside = 2.0 + PI - 2.0 * root_e * (2.0 + PI) * half + E * PI * half * half + 2.0 * E * E * double;
        Self { alpha, lambda: (1.0 - root_e * half) * (2.0 * PI / inside).sqrt() }
    }

    /// The constants for which a normal net input of this mean and variance leaves a unit with the same.
    ///
    /// # Errors
    /// A variance that is not positive, or moments for which Newton's method finds no constants.
    pub fn for_fixed_point(mean: f64, variance: f64) -> Result<Self> {
        const ITERATIONS: usize = 50;
        let wanted = Moments { mean, variance }.check()?;
        if variance == 0.0 {
            return Err(Error::parameter("variance", "> 0", variance));
        }
        let residual = |selu: Selu| {
            let found = wanted.of_net_input(selu);
            [found.mean - mean, found.variance - variance]
        };
        let mut at = Selu { alpha: 1.67, lambda: 1.05 };
        let mut last = f64::INFINITY;
        for _ in 0..ITERATIONS {
            let r = residual(at);
            last = r[0].abs().max(r[1].abs());
            if last < 4.0 * f64::EPSILON * (1.0 + variance + mean.abs()) {
                break;
            }
            at = newton(at, r, residual);
            if !(at.alpha > 0.0 && at.lambda > 0.0) {
                break;
            }
        }
        match last < 1e-10 * (1.0 + variance) && at.alpha > 0.0 && at.lambda > 0.0 {
            true => Ok(at),
            false => Err(Error::numeric(format!("no SELU has the fixed point ({mean}, {variance}): the last residual was {last:.1e}"))
                .hint("a mean near 0 and a variance between about 0.5 and 4 have one")),
        }
    }
}

/// One step of Newton's method. Mean and second moment are polynomials in alpha and lambda, so central differences over a wide gap
/// are exact but for rounding.
fn newton(at: Selu, residual: [f64; 2], of: impl Fn(Selu) -> [f64; 2]) -> Selu {
    const GAP: f64 = 1e-4;
    let slope = |up: Selu, down: Selu| {
        let (up, down) = (of(up), of(down));
        [(up[0] - down[0]) / (2.0 * GAP), (up[1] - down[1]) / (2.0 * GAP)]
    };
    let Selu { alpha, lambda } = at;
    let a = slope(Selu { alpha: alpha + GAP, lambda }, Selu { alpha: alpha - GAP, lambda });
    let l = slope(Selu { alpha, lambda: lambda + GAP }, Selu { alpha, lambda: lambda - GAP });
    let determinant = a[0] * l[1] - l[0] * a[1];
    Selu {
        alpha: alpha - (residual[0] * l[1] - l[0] * residual[1]) / determinant,
        lambda: lambda - (a[0] * residual[1] - residual[0] * a[1]) / determinant,
    }
}
