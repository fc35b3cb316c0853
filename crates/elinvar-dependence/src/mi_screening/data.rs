//! The generator of the quick claims: correlated variables, some of which act on the outcome.

use elinvar_core::{Error, Result, random::Stream};
use ndarray::{Array1, Array2, ArrayView1};
use rand::RngExt;
use rand::seq::index::sample;
use rand_distr::{Distribution, StandardNormal};

/// Correlation of neighbouring variables, and of neighbouring effects.
const NEIGHBOURS: f64 = 0.6;
/// Mean of every effect.
const MEAN_EFFECT: f64 = 6.0;
/// Variance of the signal over that of the noise.
const SIGNAL_TO_NOISE: f64 = 3.0;

/// How the outcome comes from the true variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Squares of the standardised variables instead of themselves.
    pub nonlinear: bool,
    /// An outcome of 0 and 1 by a logistic model.
    pub binary: bool,
}

/// Variables (p, n), the outcome (n,) and which variables are true.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Variables, one row each.
    pub x: Array2<f64>,
    /// Outcome.
    pub y: Array1<f64>,
    /// Whether each variable acts on the outcome.
    pub truth: Vec<bool>,
}

/// Generator A: X_1 = e_1, X_j = .6 X_{j-1} + .8 e_j with standard normal e, `m` true variables at random, effects N(6, Toeplitz(.6^|i-j|)),
/// and an outcome with signal-to-noise ratio 3 (or Bernoulli with the logistic of the standardised signal).
///
/// # Errors
/// m > p.
pub fn generate(n: usize, p: usize, m: usize, effect: Effect, random: &mut Stream) -> Result<Generated> {
    let x = autoregressive(p, n, random);
    let (y, truth) = outcome_of(p, m, effect, random, |j| x.row(j).to_owned())?;
    Ok(Generated { x, y, truth })
}

/// An outcome (n,) of `m` of `p` variables, which `column` gives by position, and which they are.
///
/// # Errors
/// m > p.
pub(super) fn outcome_of(
    p: usize,
    m: usize,
    effect: Effect,
    random: &mut Stream,
    column: impl Fn(usize) -> Array1<f64>,
) -> Result<(Array1<f64>, Vec<bool>)> {
    if m > p || m == 0 {
        return Err(Error::input(format!("the number of true variables must be between 1 and {p}, got {m}")));
    }
    let mut chosen = sample(random, p, m).into_vec();
    chosen.sort_unstable();
    let effects = autoregressive(m, 1, random).column(0).mapv(|e| e + MEAN_EFFECT);
    let mut signal = Array1::zeros(0);
    for (&j, effect_size) in chosen.iter().zip(&effects) {
        let mut s = standardised(column(j).view());
        if effect.nonlinear {
            s = standardised(s.mapv(|v| v * v).view());
        }
        signal = if signal.is_empty() { s * *effect_size } else { signal + s * *effect_size };
    }
    let mut truth = vec![false; p];
    chosen.iter().for_each(|&j| truth[j] = true);
    Ok((outcome(&signal, effect.binary, random), truth))
}

fn normal(random: &mut Stream) -> f64 {
    StandardNormal.sample(random)
}

/// Stationary series along the rows: neighbouring rows have correlation .6, all have unit variance.
fn autoregressive(rows: usize, columns: usize, random: &mut Stream) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    for i in 0..columns {
        let mut last = normal(random);
        for j in 0..rows {
            if j > 0 {
                last = NEIGHBOURS * last + (1.0 - NEIGHBOURS * NEIGHBOURS).sqrt() * normal(random);
            }
            x[[j, i]] = last;
        }
    }
    x
}

fn standardised(values: ArrayView1<'_, f64>) -> Array1<f64> {
    let centre = values.sum() / values.len() as f64;
    let deviation = (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    values.mapv(|v| (v - centre) / deviation)
}

fn outcome(signal: &Array1<f64>, binary: bool, random: &mut Stream) -> Array1<f64> {
    let s = standardised(signal.view());
    match binary {
        true => s.mapv(|v| f64::from(u8::from(random.random::<f64>() < 1.0 / (1.0 + (-v).exp())))),
        false => s.mapv(|v| v + normal(random) / SIGNAL_TO_NOISE.sqrt()),
    }
}
