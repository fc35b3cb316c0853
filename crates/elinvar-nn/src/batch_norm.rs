//! Batch normalisation, forward and backward (Ioffe and Szegedy 2015, algorithm 1).

use crate::real::Real;
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Constants of a batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variance before its root, > 0.
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics, in (0, 1].
    pub momentum: f64,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self { epsilon: 1e-5, momentum: 0.1 }
    }
}

/// What the backward pass of one batch norm needs.
pub(crate) struct NormTape<T> {
    /// (h - mean) / sqrt(variance + epsilon).
    standard: Array2<T>,
    /// 1 / sqrt(variance + epsilon) a column.
    inverse_deviation: Vec<T>,
    /// Mean and biased variance of the batch; none when the running statistics were used.
    batch: Option<(Vec<f64>, Vec<f64>)>,
}

impl<T> NormTape<T> {
    /// Weight of a row in the means: the batch's own mean and variance depend on every row, running ones do not.
    fn share(&self) -> f64 {
        if self.batch.is_some() { 1.0 / self.standard.nrows() as f64 } else { 0.0 }
    }
}

/// Mean and biased variance of each column, summed in double precision.
fn column_moments<T: Real>(values: &Array2<T>) -> (Vec<f64>, Vec<f64>) {
    let n = values.nrows() as f64;
    let mut mean = vec![0.0; values.ncols()];
    for row in values.rows() {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.widen());
    }
    mean.iter_mut().for_each(|sum| *sum /= n);
    let mut variance = vec![0.0; values.ncols()];
    for row in values.rows() {
        for ((sum, x), mean) in variance.iter_mut().zip(row).zip(&mean) {
            *sum += (x.widen() - mean) * (x.widen() - mean);
        }
    }
    variance.iter_mut().for_each(|sum| *sum /= n);
    (mean, variance)
}

/// Normalises `values` in place: by their own moments when `running` is none, else by the running (mean, variance).
pub(crate) fn forward<T: Real>(
    settings: BatchNorm,
    values: &mut Array2<T>,
    scale: &[T],
    shift: &[T],
    running: Option<(&[T], &[T])>,
) -> NormTape<T> {
    let widen = |x: &[T]| x.iter().map(|v| v.widen()).collect::<Vec<f64>>();
    let (mean, variance) = match running {
        Some((mean, variance)) => (widen(mean), widen(variance)),
        None => column_moments(values),
    };
    let inverse_deviation: Vec<T> = variance.iter().map(|v| T::of(1.0 / (v + settings.epsilon).sqrt())).collect();
    for mut row in values.rows_mut() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = (*value - T::of(mean[j])) * inverse_deviation[j];
        }
    }
    let standard = values.clone();
    for mut row in values.rows_mut() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = *value * scale[j] + shift[j];
        }
    }
    NormTape { standard, inverse_deviation, batch: running.is_none().then_some((mean, variance)) }
}

/// Turns the gradient with respect to the result into that with respect to the argument, in place, and returns the gradients with
/// respect to scale and shift.
pub(crate) fn backward<T: Real>(tape: &NormTape<T>, gradient: &mut Array2<T>, scale: &[T]) -> (Vec<T>, Vec<T>) {
    let width = scale.len();
    let (mut by_scale, mut by_shift) = (vec![0.0; width], vec![0.0; width]);
    for (row, standard) in gradient.rows().into_iter().zip(tape.standard.rows()) {
        for j in 0..width {
            by_shift[j] += row[j].widen();
            by_scale[j] += row[j].widen() * standard[j].widen();
        }
    }
    let narrow = |x: &[f64], factor: f64| x.iter().map(|v| T::of(v * factor)).collect::<Vec<T>>();
    let share = tape.share();
    let (mean_shift, mean_scale) = (narrow(&by_shift, share), narrow(&by_scale, share));
    for (mut row, standard) in gradient.rows_mut().into_iter().zip(tape.standard.rows()) {
        for j in 0..width {
            row[j] = scale[j] * tape.inverse_deviation[j] * (row[j] - mean_shift[j] - standard[j] * mean_scale[j]);
        }
    }
    (narrow(&by_scale, 1.0), narrow(&by_shift, 1.0))
}

/// Derivative of a forward pass along a direction.
pub(crate) struct NormTangent<T> {
    /// Of (h - mean) / sqrt(variance + epsilon).
    standard: Array2<T>,
    /// Of 1 / sqrt(variance + epsilon), a column.
    inverse_deviation: Vec<T>,
}

/// Column sums of `rows * weights`, in double precision, times `factor`.
fn weighted_sums<T: Real>(rows: &Array2<T>, weights: &Array2<T>, factor: f64) -> Vec<f64> {
    let mut sums = vec![0.0; rows.ncols()];
    for (row, weight) in rows.rows().into_iter().zip(weights.rows()) {
        sums.iter_mut().zip(row).zip(weight).for_each(|((sum, x), w)| *sum += x.widen() * w.widen());
    }
    sums.iter_mut().for_each(|sum| *sum *= factor);
    sums
}

/// Column sums in double precision, times `factor`.
fn sums<T: Real>(rows: &Array2<T>, factor: f64) -> Vec<f64> {
    let mut sums = vec![0.0; rows.ncols()];
    rows.rows().into_iter().for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.widen()));
    sums.iter_mut().for_each(|sum| *sum *= factor);
    sums
}

/// Turns the tangent of the argument into that of the result, in place; `along` holds the directions of scale and shift.
pub(crate) fn tangent<T: Real>(tape: &NormTape<T>, values: &mut Array2<T>, scale: &[T], along: (&[T], &[T])) -> NormTangent<T> {
    let share = tape.share();
    let mean = sums(values, share);
    for mut row in values.rows_mut() {
        row.iter_mut().zip(&mean).for_each(|(v, &m)| *v -= T::of(m));
    }
    let drift = weighted_sums(values, &tape.standard, share);
    let mut standard = values.clone();
    for ((mut out, mut turned), fixed) in values.rows_mut().into_iter().zip(standard.rows_mut()).zip(tape.standard.rows()) {
        for j in 0..scale.len() {
            turned[j] = tape.inverse_deviation[j] * (turned[j] - fixed[j] * T::of(drift[j]));
            out[j] = along.0[j] * fixed[j] + scale[j] * turned[j] + along.1[j];
        }
    }
    let inverse_deviation = tape.inverse_deviation.iter().zip(&drift).map(|(&r, &m)| -(r * r * T::of(m))).collect();
    NormTangent { standard, inverse_deviation }
}

/// Turns a gradient and its tangent with respect to the result into those with respect to the argument, in place, and returns the
/// tangents of the gradients with respect to scale and shift. `scales` holds the scale and its direction.
pub(crate) fn backward_tangent<T: Real>(
    tape: &NormTape<T>,
    along: &NormTangent<T>,
    gradient: &mut Array2<T>,
    turn: &mut Array2<T>,
    scales: (&[T], &[T]),
) -> (Vec<T>, Vec<T>) {
    let share = tape.share();
    let by_shift = sums(turn, 1.0);
    let mut by_scale = weighted_sums(turn, &tape.standard, 1.0);
    by_scale.iter_mut().zip(weighted_sums(gradient, &along.standard, 1.0)).for_each(|(sum, more)| *sum += more);
    let (mean, slope) = (sums(gradient, share), weighted_sums(gradient, &tape.standard, share));
    let narrow = |x: &[f64], factor: f64| x.iter().map(|v| T::of(v * factor)).collect::<Vec<T>>();
    let (mean, slope, mean_turn, slope_turn) =
        (narrow(&mean, 1.0), narrow(&slope, 1.0), narrow(&by_shift, share), narrow(&by_scale, share));
    let rows = gradient.rows_mut().into_iter().zip(turn.rows_mut()).zip(tape.standard.rows()).zip(along.standard.rows());
    for (((mut gradient, mut turn), fixed), moved) in rows {
        for j in 0..mean.len() {
            let (r, turned) = (tape.inverse_deviation[j], along.inverse_deviation[j]);
            let centred = gradient[j] - mean[j] - fixed[j] * slope[j];
            let centred_turn = turn[j] - mean_turn[j] - moved[j] * slope[j] - fixed[j] * slope_turn[j];
            gradient[j] = scales.0[j] * r * centred;
            turn[j] = (scales.1[j] * r + scales.0[j] * turned) * centred + scales.0[j] * r * centred_turn;
        }
    }
    (narrow(&by_scale, 1.0), narrow(&by_shift, 1.0))
}

/// Moves the running statistics towards those of the batch; the running variance is the unbiased one.
pub(crate) fn absorb<T: Real>(settings: BatchNorm, tape: &NormTape<T>, running_mean: &mut [T], running_variance: &mut [T]) {
    let Some((mean, variance)) = &tape.batch else { return };
    let n = tape.standard.nrows() as f64;
    let unbiased = n / (n - 1.0);
    let blend = |old: &mut T, new: f64| *old = T::of((1.0 - settings.momentum) * old.widen() + settings.momentum * new);
    running_mean.iter_mut().zip(mean).for_each(|(old, &new)| blend(old, new));
    running_variance.iter_mut().zip(variance).for_each(|(old, &new)| blend(old, new * unbiased));
}
