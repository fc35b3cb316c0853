//! Recordings in tables: one row a sample, one column a channel, and a column of markers.

use super::{Event, Signals, Stretch};
use elinvar_core::{Column, Error, Result, Table};
use ndarray::Array2;

/// A recording from a table with one row a sample. The column `marker` is empty (or 0) except in the row at which an event begins; every
/// other column is a channel.
///
/// # Errors
/// The column is absent, a channel is not of numbers, or the sampling rate is not > 0 Hz.
pub fn read_markers(table: &Table, marker: &str, sfreq: f64) -> Result<Signals> {
    if !(sfreq > 0.0 && sfreq.is_finite()) {
        return Err(Error::input(format!("the sampling rate must be > 0 Hz, got {sfreq}")));
    }
    let labels = table.column(marker)?.to_labels();
    let channels = table.without(&[marker.to_owned()]);
    let mut data = Array2::zeros((channels.n_columns(), table.n_rows()));
    for (mut row, (name, column)) in data.outer_iter_mut().zip(channels.iter()) {
        let numbers =
            column.to_numbers().ok_or_else(|| Error::input(format!("column '{name}' must hold the samples of a channel, got text")))?;
        row.assign(&ndarray::ArrayView1::from(&numbers));
    }
    let rests = |label: &Option<String>| label.as_deref().is_none_or(|label| label.is_empty() || label == "0");
    let event = |(row, label): (usize, Option<String>)| {
        let begins = !rests(&label) && (row == 0 || labels.get(row - 1) != Some(&label));
        begins.then(|| Event { onset: row as f64 / sfreq, duration: 0.0, label: label.unwrap_or_default() })
    };
    Ok(Signals {
        channels: channels.names().to_vec(),
        units: vec![String::new(); channels.n_columns()],
        sfreq,
        stretches: vec![Stretch { onset: 0.0, start: 0, length: data.ncols() }],
        events: labels.clone().into_iter().enumerate().filter_map(event).collect(),
        data,
        left_out: Vec::new(),
    })
}

/// Events from a table with the columns `onset` (seconds) and `label`, and perhaps `duration` (seconds).
///
/// # Errors
/// A column is absent or of another type, or a label is missing.
pub fn events_of(table: &Table) -> Result<Vec<Event>> {
    let onsets = table.numbers("onset")?;
    let durations = if table.column("duration").is_ok() { table.numbers("duration")?.to_vec() } else { vec![0.0; onsets.len()] };
    let labels: Vec<Option<String>> = match table.column("label")? {
        Column::Text(labels) => labels.clone(),
        other => other.to_labels(),
    };
    let event = |(row, label): (usize, Option<String>)| {
        let label = label.ok_or_else(|| Error::input(format!("column 'label' has a missing value in row {row}")))?;
        Ok(Event { onset: onsets[row], duration: durations[row], label })
    };
    labels.into_iter().enumerate().map(event).collect()
}
