//! Recordings of signals with events (EDF, EDF+, BDF, BDF+, GDF, CSV with markers), and the epochs cut from them.
//!
//! Formats: Kemp et al. (1992) and Kemp and Olivan (2003) for EDF and EDF+, BioSemi's description of BDF, Schlögl, "GDF: a general
//! dataformat for biosignals" (arXiv:cs/0608052). Every size that a header declares is compared with the bytes present before memory is
//! taken.

mod edf;
mod gdf;
mod markers;
#[cfg(test)]
mod tests;

use crate::source::{Name, not_there};
use elinvar_core::error::suggestion;
use elinvar_core::{Column, Error, Result};
use ndarray::{Array2, Array3, Axis, Slice};
use std::path::Path;

pub use markers::{events_of, read_markers};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Seconds from the start of the recording.
    pub onset: f64,
    /// Seconds that it lasted; 0 where the file does not say.
    pub duration: f64,
    /// What it was.
    pub label: String,
}

/// Samples without a gap between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Seconds from the start of the recording to its first sample.
    pub onset: f64,
    /// Column of its first sample.
    pub start: usize,
    /// Number of samples.
    pub length: usize,
}

/// Signals of one sampling rate with their events.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    /// Names of the channels.
    pub channels: Vec<String>,
    /// Physical unit of each channel, as the file writes it.
    pub units: Vec<String>,
    /// Samples (channels, samples) in physical units.
    pub data: Array2<f64>,
    /// Sampling rate in Hz.
    pub sfreq: f64,
    /// Stretches without gaps, rising; one unless the recording is discontinuous.
    pub stretches: Vec<Stretch>,
    /// Events in the order of the file.
    pub events: Vec<Event>,
    /// Channels of another sampling rate, which are not in `data`.
    pub left_out: Vec<String>,
}

/// Whether a file name is that of a recording which [`read_signals`] reads.
pub fn is_recording(path: impl AsRef<Path>) -> bool {
    let extension = path.as_ref().extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    matches!(extension.as_str(), "edf" | "bdf" | "gdf" | "rec")
}

/// Reads an EDF, EDF+, BDF, BDF+ or GDF file; the content decides which.
///
/// # Errors
/// When the file is absent or damaged, or its header claims more data than it has.
pub fn read_signals(path: impl AsRef<Path>) -> Result<Signals> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| not_there(path, e))?;
    read_signals_from(&path.display().to_string(), &bytes)
}

/// [`read_signals`] from memory; `name` stands in messages.
///
/// # Errors
/// As for [`read_signals`].
pub fn read_signals_from(name: &str, bytes: &[u8]) -> Result<Signals> {
    let name = Name::new(name);
    match bytes {
        [b'G', b'D', b'F', ..] => gdf::read(&name, bytes),
        [0xff, ..] | [b'0', b' ', ..] => edf::read(&name, bytes),
        [] => Err(name.damaged("the file is empty")),
        _ => Err(name.damaged("this is no EDF, BDF or GDF file").hint("it may be damaged, or have the wrong extension")),
    }
}

/// Which epochs to cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cut {
    /// First sample in seconds after the event.
    pub tmin: f64,
    /// Last sample in seconds after the event, excluded.
    pub tmax: f64,
    /// Labels of events to keep; all where empty.
    pub labels: Vec<String>,
    /// Channels to keep, in this order; all where empty.
    pub channels: Vec<String>,
}

/// Epochs around events.
#[derive(Clone, Debug, PartialEq)]
pub struct Epochs {
    /// (n, channels, samples).
    pub x: Array3<f64>,
    /// Label of the event of each epoch.
    pub labels: Column,
    /// Sampling rate in Hz.
    pub sfreq: f64,
    /// Events whose epoch would leave the recording or cross a gap; they have no epoch.
    pub left_out: usize,
}

impl Signals {
    /// Cuts an epoch around each event.
    ///
    /// # Errors
    /// An empty or endless window, an unknown label or channel, or no event with a whole epoch.
    pub fn epochs(&self, cut: &Cut) -> Result<Epochs> {
        let length = ((cut.tmax - cut.tmin) * self.sfreq).round();
        if !(length >= 2.0 && length <= self.data.ncols() as f64) {
            return Err(Error::input(format!(
                "epochs from {} to {} s must hold 2 to {} samples at {} Hz, got {length}",
                cut.tmin,
                cut.tmax,
                self.data.ncols(),
                self.sfreq
            )));
        }
        let events = self.wanted(&cut.labels)?;
        let rows = self.rows(&cut.channels)?;
        let length = length as usize;
        let (mut starts, mut labels) = (Vec::new(), Vec::new());
        for event in &events {
            if let Some(start) = self.first_sample(event.onset + cut.tmin, length) {
                starts.push(start);
                labels.push(Some(event.label.clone()));
            }
        }
        if starts.is_empty() {
            return Err(Error::input(format!("none of the {} events has a whole epoch from {} to {} s", events.len(), cut.tmin, cut.tmax)));
        }
        let mut x = Array3::zeros((starts.len(), rows.len(), length));
        for (mut epoch, &start) in x.outer_iter_mut().zip(&starts) {
            for (mut target, &row) in epoch.outer_iter_mut().zip(&rows) {
                target.assign(&self.data.row(row).slice_axis(Axis(0), Slice::from(start..start + length)));
            }
        }
        Ok(Epochs { x, labels: Column::Text(labels), sfreq: self.sfreq, left_out: events.len() - starts.len() })
    }

    fn wanted(&self, labels: &[String]) -> Result<Vec<&Event>> {
        let mut there: Vec<&str> = self.events.iter().map(|event| event.label.as_str()).collect();
        there.sort_unstable();
        there.dedup();
        if let Some(stranger) = labels.iter().find(|label| !there.contains(&label.as_str())) {
            return Err(Error::input(format!("there is no event '{stranger}'")).hint(suggestion(stranger, &there, "the events are")));
        }
        let kept: Vec<&Event> = self.events.iter().filter(|event| labels.is_empty() || labels.contains(&event.label)).collect();
        match kept.is_empty() {
            false => Ok(kept),
            true => Err(Error::input("the recording has no events").hint("give a table of events with the columns onset and label")),
        }
    }

    fn rows(&self, channels: &[String]) -> Result<Vec<usize>> {
        if channels.is_empty() {
            return Ok((0..self.channels.len()).collect());
        }
        let names: Vec<&str> = self.channels.iter().map(String::as_str).collect();
        let find = |wanted: &String| {
            let row = names.iter().position(|name| name == wanted);
            row.ok_or_else(|| Error::input(format!("there is no channel '{wanted}'")).hint(suggestion(wanted, &names, "the channels are")))
        };
        channels.iter().map(find).collect()
    }

    /// The sample at a time, where `length` samples follow without a gap.
    fn first_sample(&self, seconds: f64, length: usize) -> Option<usize> {
        let within = |stretch: &Stretch| {
            let offset = ((seconds - stretch.onset) * self.sfreq).round();
            let fits = offset >= 0.0 && offset + length as f64 <= stretch.length as f64;
            fits.then(|| stretch.start + offset as usize)
        };
        self.stretches.iter().find_map(within)
    }
}

/// A signal as a header describes it.
struct Channel {
    label: String,
    unit: String,
    /// Physical value = gain * digital + offset.
    gain: f64,
    offset: f64,
    /// Samples a record.
    samples: usize,
}

impl Channel {
    /// From the two ends of the digital and the physical range.
    fn scaled(label: String, unit: String, digital: (f64, f64), physical: (f64, f64), samples: usize) -> Self {
        let width = digital.1 - digital.0;
        let gain = if width != 0.0 { (physical.1 - physical.0) / width } else { 1.0 };
        let (gain, low) = if gain != 0.0 && gain.is_finite() { (gain, physical.0) } else { (1.0, digital.0) };
        Self { label, unit, gain, offset: low - gain * digital.0, samples }
    }
}

/// The samples a record that most channels have; the larger of equally frequent ones.
fn common_rate<'a>(channels: impl Iterator<Item = &'a Channel>) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    channels.for_each(|channel| *counts.entry(channel.samples).or_insert(0_usize) += 1);
    counts.into_iter().max_by_key(|&(samples, count)| (count, samples)).map_or(0, |(samples, _)| samples)
}

/// Text of a fixed field: Latin-1 without padding.
fn field(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|&byte| char::from(byte)).collect::<String>().trim().to_owned()
}
