//! Labelled epochs: what every task starts from.

use super::embedding::Embedding;
use super::params::{EstimatorChoice, Scoring};
use elinvar_core::validation::accuracy;
use elinvar_core::{Context, Error, Result};
use elinvar_math::covariance::CovarianceEstimator;
use elinvar_math::signal::BandPass;
use elinvar_math::validation::roc_auc;
use ndarray::{Array2, Array3, ArrayView3, Axis};

/// Refuses epochs (n, d, T) that no covariance can be made of.
///
/// # Errors
/// No epochs, channels or samples; a value that is not finite; a channel that never changes.
pub(super) fn check(x: ArrayView3<'_, f64>) -> Result<()> {
    let (n, channels, length) = x.dim();
    if n == 0 || channels == 0 || length < 2 {
        return Err(Error::input(format!("X must have shape (epochs, channels, samples) with samples >= 2, got {:?}", x.shape())));
    }
    for (trial, epoch) in x.outer_iter().enumerate() {
        if let Some(((channel, _), value)) = epoch.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::input(format!("X contains {value} in trial {trial}, channel {channel}; every sample must be finite"))
                .hint("drop or repair such trials first"));
        }
    }
    let constant =
        |channel: usize| x.index_axis(Axis(1), channel).outer_iter().all(|signal| signal.iter().all(|value| *value == signal[0]));
    match (0..channels).find(|&channel| constant(channel)) {
        Some(channel) => {
            Err(Error::input(format!("channel {channel} is constant in every trial")).hint("drop it: a flat channel has no covariance"))
        }
        None => Ok(()),
    }
}

/// Epochs through the band-pass, where one is asked for.
///
/// # Errors
/// A band without sampling rate, or one that does not fit it.
pub(super) fn filtered(x: ArrayView3<'_, f64>, band: Option<&[f64]>, sfreq: Option<f64>, ctx: &Context) -> Result<Array3<f64>> {
    match (band, sfreq) {
        (Some([low, high]), Some(sfreq)) => BandPass::butterworth(4, *low, *high, sfreq)?.filter_epochs(x, ctx),
        (Some(_), _) => Err(Error::input("a band-pass needs the sampling rate").hint("give sfreq (--sfreq), or leave out band")),
        (None, _) => Ok(x.to_owned()),
    }
}

/// The estimator of an embedding of epochs with `channels` channels and `length` samples. `free` says that order and lag were chosen
/// without a grid and lie beyond 10.
pub(super) fn estimator(choice: EstimatorChoice, embedding: Embedding, channels: usize, length: usize, free: bool) -> CovarianceEstimator {
    let samples = embedding.samples(length).unwrap_or(0);
    match choice {
        EstimatorChoice::Scm => CovarianceEstimator::Scm,
        EstimatorChoice::Lwf => CovarianceEstimator::Lwf,
        EstimatorChoice::Oas => CovarianceEstimator::Oas,
        _ if free => CovarianceEstimator::Lwf,
        EstimatorChoice::Auto if 3 * channels * embedding.order > samples => CovarianceEstimator::Lwf,
        EstimatorChoice::Auto | EstimatorChoice::Cov => CovarianceEstimator::Cov,
    }
}

/// Refuses covariances (n, P, P) that are singular; gives their condition numbers.
///
/// # Errors
/// Names the trial, its smallest eigenvalue and what to do.
pub(super) fn condition_numbers(stack: ArrayView3<'_, f64>, samples: usize) -> Result<Vec<f64>> {
    let of_trial = |(trial, matrix): (usize, ndarray::ArrayView2<'_, f64>)| {
        if let Some(value) = matrix.iter().find(|value| !value.is_finite()) {
            return Err(Error::numeric(format!("the covariance of trial {trial} contains {value}"))
                .hint("bring the signals to a common unit, such as volts"));
        }
        let values = elinvar_math::linalg::symmetric_eigenvalues(matrix)?;
        let (smallest, largest) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        if smallest > 0.0 && smallest > largest * f64::EPSILON * values.len() as f64 {
            return Ok(largest / smallest);
        }
        let message = format!(
            "the covariance of trial {trial} is not positive definite (smallest eigenvalue {smallest:.1e}): {} embedded channels from {samples} samples",
            values.len()
        );
        Err(Error::numeric(message)
            .hint("use estimator='lwf' or a lower order, or drop channels that depend on others (average reference)"))
    };
    stack.outer_iter().enumerate().map(of_trial).collect()
}

/// The score of class scores (m, K) against class numbers.
pub(super) fn score(scoring: Scoring, scores: &Array2<f64>, y: &[usize]) -> f64 {
    let classes = scores.ncols();
    match scoring {
        Scoring::Accuracy => accuracy(&predicted(scores), y),
        Scoring::Auto if classes > 2 => accuracy(&predicted(scores), y),
        Scoring::Auto | Scoring::RocAuc => {
            let margin: Vec<f64> = scores.outer_iter().map(|row| row[1] - row[0]).collect();
            roc_auc(&margin, &y.iter().map(|&class| class == 1).collect::<Vec<_>>())
        }
    }
}

/// The class with the largest score, the first of equals.
pub(super) fn predicted(scores: &Array2<f64>) -> Vec<usize> {
    let largest = |row: ndarray::ArrayView1<'_, f64>| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    scores.outer_iter().map(largest).collect()
}
