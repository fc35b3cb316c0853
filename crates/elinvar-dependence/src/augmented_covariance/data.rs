//! The generator of the reproduction, and recordings exported to NPZ.

use elinvar_core::{Column, Context, Error, Result, Stream};
use elinvar_data::classes::only_column;
use elinvar_data::{read_members, study_file};
use ndarray::{Array2, Array3, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Epochs with labels.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Epochs (n, channels, samples).
    pub x: Array3<f64>,
    /// Label of each (n,).
    pub y: Column,
    /// Session of each, where the file names it.
    pub session: Option<Column>,
    /// Subject of each, where the file names it.
    pub subject: Option<Column>,
    /// Sampling rate in Hz.
    pub sfreq: f64,
}

/// Generator V: two classes with equal variances and correlations of the sources that differ only in how fast two of them oscillate.
///
/// Four AR(2) sources with poles of modulus 0.97 at 10, 12, 14 and 16 Hz (250 samples a second), each of unit variance; in class 1 the
/// first two are faster by `df` Hz. Channels are a random mixture per data set plus noise of standard deviation 0.3. `trials` a class,
/// `length` samples after a burn-in of 200.
pub fn oscillators(trials: usize, length: usize, df: f64, random: &mut Stream) -> Recording {
    const SOURCES: usize = 4;
    const SFREQ: f64 = 250.0;
    let mixing = Array2::from_shape_fn((SOURCES, SOURCES), |_| normal(random));
    let mut x = Array3::zeros((2 * trials, SOURCES, length));
    for (trial, mut epoch) in x.outer_iter_mut().enumerate() {
        let mut sources = Array2::zeros((SOURCES, length));
        for (k, mut source) in sources.outer_iter_mut().enumerate() {
            let faster = if trial % 2 == 1 && k < 2 { df } else { 0.0 };
            let signal = oscillator((10.0 + 2.0 * k as f64 + faster) / SFREQ, length, random);
            source.iter_mut().zip(signal).for_each(|(target, value)| *target = value);
        }
        let noise = Array2::from_shape_fn((SOURCES, length), |_| 0.3 * normal(random));
        epoch.assign(&(mixing.dot(&sources) + noise));
    }
    let y = Column::Integer((0..2 * trials as i64).map(|trial| trial % 2).collect());
    Recording { x, y, session: None, subject: None, sfreq: SFREQ }
}

/// An AR(2) process of unit variance with poles at `frequency` cycles a sample.
fn oscillator(frequency: f64, length: usize, random: &mut Stream) -> Vec<f64> {
    const MODULUS: f64 = 0.97;
    const BURN_IN: usize = 200;
    let (a1, a2) = (2.0 * MODULUS * (std::f64::consts::TAU * frequency).cos(), -MODULUS * MODULUS);
    let variance = (1.0 - a2) / ((1.0 + a2) * ((1.0 - a2).powi(2) - a1 * a1));
    let (mut last, mut before) = (0.0, 0.0);
    let mut signal = Vec::with_capacity(length);
    for t in 0..BURN_IN + length {
        let next = a1 * last + a2 * before + normal(random);
        (last, before) = (next, last);
        if t >= BURN_IN {
            signal.push(next / variance.sqrt());
        }
    }
    signal
}

fn normal(random: &mut Stream) -> f64 {
    StandardNormal.sample(random)
}

/// One subject of a data set that `export_moabb.py` wrote: the members `X`, `y`, `session`, `subject`, `sfreq` of `eeg/NAME.npz` in the
/// folder of the studies' data.
///
/// # Errors
/// The file is absent (the trial then counts as not run), damaged, or holds other members.
pub(super) fn subject(name: &str, subject: i64) -> Result<Recording> {
    let file = format!("eeg/{name}.npz");
    let origin = "MOABB by export_moabb.py (beside augmented-covariance's source)";
    let members = read_members(study_file(&file, origin)?)?;
    let x = members.array("X")?;
    let shape = x.shape().to_vec();
    let x: Array3<f64> =
        x.into_owned().into_dimensionality().map_err(|_| Error::input(format!("{file}: X must have 3 axes, got shape {shape:?}")))?;
    let column = |name: &str| only_column(&members.table(name)?, name);
    let subjects = column("subject")?.to_labels();
    let rows: Vec<usize> = (0..subjects.len()).filter(|&i| subjects[i].as_deref() == Some(&subject.to_string())).collect();
    if rows.is_empty() {
        return Err(Error::input(format!("{file} has no subject {subject}")));
    }
    Ok(Recording {
        x: x.select(Axis(0), &rows),
        y: column("y")?.take(&rows),
        session: Some(column("session")?.take(&rows)),
        subject: None,
        sfreq: members.scalar("sfreq")?,
    })
}

/// Only the epochs with these labels.
pub(super) fn with_labels(recording: &Recording, wanted: &[&str]) -> Recording {
    let labels = recording.y.to_labels();
    let rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].as_deref().is_some_and(|l| wanted.contains(&l))).collect();
    Recording {
        x: recording.x.select(Axis(0), &rows),
        y: recording.y.take(&rows),
        session: recording.session.as_ref().map(|column| column.take(&rows)),
        subject: recording.subject.as_ref().map(|column| column.take(&rows)),
        sfreq: recording.sfreq,
    }
}

/// A small data set for examples: one second of sixteen trials a class.
pub(super) fn example(ctx: &Context) -> Recording {
    let mut random = ctx.stream(&[("example", 0)]);
    let mut small = oscillators(16, 250, 2.0, &mut random);
    // A trace of a third kind of noise keeps the channels apart in scale, as amplifiers do.
    small.x.mapv_inplace(|value| value * (1.0 + 1e-3 * random.random_range(-1.0..1.0)));
    small
}
