//! Central-difference checks of analytic gradients, in double precision.

use elinvar_core::{Error, Result, Stream};
use rand_distr::{Distribution, StandardNormal};

/// Largest relative error that a correct gradient may show.
pub const TOLERANCE: f64 = 1e-6;
/// Random directions that are always checked.
const DIRECTIONS: usize = 5;
/// Below this many parameters every coordinate is checked too.
const ALL_COORDINATES_BELOW: usize = 200;
/// Distance of the differences: small enough to seldom cross the kink of a ReLU, large enough against rounding.
const STEP: f64 = 1e-4;
/// Coordinates smaller than this share of the largest one are judged on that scale, since rounding hides them.
const FLOOR: f64 = 1e-3;

/// Compares `gradient` with central differences of `value` at `parameters` (fourth order, five random directions of length 1, and
/// every coordinate when there are fewer than 200). Returns the largest relative error.
///
/// # Errors
/// When that error exceeds [`TOLERANCE`] or is not a number; the message names the direction or coordinate and both values.
pub fn gradient_check(parameters: &[f64], gradient: &[f64], mut value: impl FnMut(&[f64]) -> f64, stream: &mut Stream) -> Result<f64> {
    if parameters.len() != gradient.len() {
        return Err(Error::internal(format!("{} parameters but a gradient of {}", parameters.len(), gradient.len())));
    }
    let mut moved = parameters.to_vec();
    let mut slope = |direction: &[f64]| {
        let mut at = |t: f64| {
            moved.iter_mut().zip(parameters).zip(direction).for_each(|((to, from), d)| *to = from + t * d);
            value(&moved)
        };
        (8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP))) / (12.0 * STEP)
    };
    let floor = FLOOR * gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    let mut worst = 0.0_f64;
    let mut compare = |what: String, numeric: f64, analytic: f64| {
        let scale = numeric.abs().max(analytic.abs()).max(floor).max(f64::MIN_POSITIVE);
        let error = (numeric - analytic).abs() / scale;
        worst = worst.max(error);
        // Written so that NaN fails.
        if error <= TOLERANCE { Ok(()) } else { Err(Error::numeric(format!("{what}: central differences {numeric}, gradient {analytic}"))) }
    };
    for index in 0..DIRECTIONS {
        let direction = unit_direction(parameters.len(), stream);
        let analytic = direction.iter().zip(gradient).map(|(d, g)| d * g).sum();
        compare(format!("direction {index}"), slope(&direction), analytic)?;
    }
    if parameters.len() < ALL_COORDINATES_BELOW {
        for index in 0..parameters.len() {
            let mut direction = vec![0.0; parameters.len()];
            direction[index] = 1.0;
            compare(format!("coordinate {index}"), slope(&direction), gradient[index])?;
        }
    }
    Ok(worst)
}

fn unit_direction(len: usize, stream: &mut Stream) -> Vec<f64> {
    let direction: Vec<f64> = (0..len).map(|_| StandardNormal.sample(stream)).collect();
    let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    direction.into_iter().map(|d| d / norm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elinvar_core::random::stream;

    fn value(x: &[f64]) -> f64 {
        x.iter().enumerate().map(|(i, v)| (v * (1.0 + i as f64)).sin()).sum()
    }

    fn gradient(x: &[f64]) -> Vec<f64> {
        x.iter().enumerate().map(|(i, v)| (1.0 + i as f64) * (v * (1.0 + i as f64)).cos()).collect()
    }

    #[test]
    fn a_right_gradient_passes() {
        let x = [0.3, -0.2, 0.7, 1.1];
        assert!(gradient_check(&x, &gradient(&x), value, &mut stream(0, &[])).unwrap() < 1e-9);
    }

    #[test]
    fn wrong_sign_swapped_and_nan_coordinates_fail() {
        let x = [0.3, -0.2, 0.7, 1.1];
        for spoil in [
            |g: &mut Vec<f64>| g[2] = -g[2],
            |g: &mut Vec<f64>| g.swap(0, 1),
            |g: &mut Vec<f64>| g[3] *= 1.0001,
            |g: &mut Vec<f64>| {
                g[0] = f64::NAN;
            },
        ] {
            let mut wrong = gradient(&x);
            spoil(&mut wrong);
            assert!(gradient_check(&x, &wrong, value, &mut stream(0, &[])).is_err());
        }
    }
}
