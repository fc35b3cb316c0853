//! EDF, EDF+, BDF and BDF+.

use super::{Channel, Event, Signals, Stretch, common_rate, field};
use crate::limits::human;
use crate::source::Name;
use elinvar_core::Result;
use ndarray::Array2;

/// The two widths of samples.
#[derive(Clone, Copy, PartialEq)]
enum Width {
    Edf = 2,
    Bdf = 3,
}

impl Width {
    fn bytes(self) -> usize {
        self as usize
    }

    /// A two's complement number, little endian.
    fn number(self, sample: &[u8]) -> i32 {
        match (self, sample) {
            (Self::Edf, &[a, b]) => i32::from(i16::from_le_bytes([a, b])),
            (Self::Bdf, &[a, b, c]) => i32::from_le_bytes([0, a, b, c]) >> 8,
            _ => 0,
        }
    }
}

struct Header {
    width: Width,
    records: usize,
    /// Seconds a record.
    duration: f64,
    discontinuous: bool,
    channels: Vec<Channel>,
    /// Bytes of the header.
    length: usize,
    /// Bytes of a record.
    record: usize,
}

pub(super) fn read(name: &Name, bytes: &[u8]) -> Result<Signals> {
    let header = header(name, bytes)?;
    let annotated = |channel: &Channel| matches!(channel.label.as_str(), "EDF Annotations" | "BDF Annotations");
    let triggers = |channel: &Channel| header.width == Width::Bdf && channel.label == "Status";
    let samples = common_rate(header.channels.iter().filter(|c| !annotated(c) && !triggers(c)));
    if samples == 0 || !(header.duration > 0.0) {
        return Err(name.unusable("the recording has no signals, only annotations"));
    }
    let sfreq = samples as f64 / header.duration;
    let kept: Vec<usize> = (0..header.channels.len())
        .filter(|&i| header.channels[i].samples == samples && !annotated(&header.channels[i]) && !triggers(&header.channels[i]))
        .collect();
    let other = |(i, c): (usize, &Channel)| (!kept.contains(&i) && !annotated(c) && !triggers(c)).then(|| c.label.clone());
    let left_out = header.channels.iter().enumerate().filter_map(other).collect();
    let places = places(&header);
    let data = samples_of(&header, bytes, &kept, &places, samples);
    let mut events = Vec::new();
    let mut onsets: Vec<f64> = (0..header.records).map(|record| record as f64 * header.duration).collect();
    for (i, channel) in header.channels.iter().enumerate() {
        if annotated(channel) {
            read_annotations(name, &header, bytes, (places[i], channel.samples), &mut onsets, &mut events)?;
        } else if triggers(channel) {
            read_triggers(&header, bytes, (places[i], channel.samples), &mut events);
        }
    }
    // The clock of an EDF+ recording starts at the first record.
    let zero = onsets.first().copied().unwrap_or(0.0);
    onsets.iter_mut().for_each(|onset| *onset -= zero);
    let stretches = stretches(&header, &onsets, samples);
    let pick = |of: fn(&Channel) -> String| kept.iter().map(|&i| of(&header.channels[i])).collect();
    Ok(Signals { channels: pick(|c| c.label.clone()), units: pick(|c| c.unit.clone()), data, sfreq, stretches, events, left_out })
}

/// Fixed widths of the fields of a signal: label, transducer, unit, physical and digital range, prefilter, samples, reserved.
const WIDTHS: [usize; 10] = [16, 80, 8, 8, 8, 8, 8, 80, 8, 32];

fn header(name: &Name, bytes: &[u8]) -> Result<Header> {
    let part = |start: usize, length: usize| {
        bytes.get(start..start + length).map(field).ok_or_else(|| name.damaged("the file ends within its header"))
    };
    let width = if bytes.first() == Some(&0xff) { Width::Bdf } else { Width::Edf };
    let length = count(name, "the length of the header", &part(184, 8)?)?;
    let signals = count(name, "the number of signals", &part(252, 4)?)?;
    let declared = part(236, 8)?;
    let duration = number(name, "the duration of a record", &part(244, 8)?)?;
    if signals == 0 || length != 256 * (signals + 1) || length > bytes.len() {
        return Err(name.damaged(format!(
            "a header of {signals} signals has {} bytes, this one claims {length} of {}",
            256 * (signals + 1),
            human(bytes.len() as u64)
        )));
    }
    let channels: Vec<Channel> = (0..signals).map(|i| channel(name, bytes, signals, i)).collect::<Result<_>>()?;
    let record = channels.iter().try_fold(0_usize, |sum, channel| sum.checked_add(channel.samples.checked_mul(width.bytes())?));
    let record = record.filter(|&record| record > 0).ok_or_else(|| name.damaged("the records have no samples, or too many"))?;
    let present = (bytes.len() - length) / record;
    // -1 stands for a recording that was not closed.
    let records = if declared == "-1" { present } else { count(name, "the number of records", &declared)? };
    if records > present || records == 0 {
        let message = format!("the header claims {records} records of {}, but {present} are there", human(record as u64));
        return Err(name.damaged(message).hint("the file is cut short"));
    }
    let discontinuous = part(192, 44)?.get(3..5) == Some("+D");
    Ok(Header { width, records, duration, discontinuous, channels, length, record })
}

fn channel(name: &Name, bytes: &[u8], signals: usize, index: usize) -> Result<Channel> {
    let text = |column: usize| {
        let before: usize = WIDTHS[..column].iter().sum();
        let start = 256 + before * signals + index * WIDTHS[column];
        bytes.get(start..start + WIDTHS[column]).map(field).unwrap_or_default()
    };
    let label = text(0);
    let of = |what: &str, column: usize| number(name, &format!("the {what} of signal '{label}'"), &text(column));
    let physical = (of("physical minimum", 3)?, of("physical maximum", 4)?);
    let digital = (of("digital minimum", 5)?, of("digital maximum", 6)?);
    let samples = count(name, &format!("the samples a record of signal '{label}'"), &text(8))?;
    Ok(Channel::scaled(label.clone(), text(2), digital, physical, samples))
}

fn number(name: &Name, what: &str, text: &str) -> Result<f64> {
    // Some writers put a decimal comma.
    let value = text.replace(',', ".").parse::<f64>().ok().filter(|value| value.is_finite());
    value.ok_or_else(|| name.damaged(format!("{what} must be a number, got '{text}'")))
}

fn count(name: &Name, what: &str, text: &str) -> Result<usize> {
    text.parse().map_err(|_| name.damaged(format!("{what} must be a whole number >= 0, got '{text}'")))
}

/// Byte of a record at which each signal starts.
fn places(header: &Header) -> Vec<usize> {
    let mut place = 0;
    let next = |channel: &Channel| {
        let start = place;
        place += channel.samples * header.width.bytes();
        start
    };
    header.channels.iter().map(next).collect()
}

/// The bytes of one signal in one record.
fn block<'a>(header: &Header, bytes: &'a [u8], record: usize, (place, samples): (usize, usize)) -> &'a [u8] {
    let start = header.length + record * header.record + place;
    bytes.get(start..start + samples * header.width.bytes()).unwrap_or_default()
}

fn samples_of(header: &Header, bytes: &[u8], kept: &[usize], places: &[usize], samples: usize) -> Array2<f64> {
    let mut data = Array2::zeros((kept.len(), header.records * samples));
    for (mut row, &i) in data.outer_iter_mut().zip(kept) {
        let channel = &header.channels[i];
        let numbers = (0..header.records)
            .flat_map(|record| block(header, bytes, record, (places[i], samples)).chunks_exact(header.width.bytes()))
            .map(|sample| channel.gain * f64::from(header.width.number(sample)) + channel.offset);
        row.iter_mut().zip(numbers).for_each(|(target, value)| *target = value);
    }
    data
}

/// Time-stamped annotation lists: `+onset[\x15duration]\x14text\x14...\x14\0`. The first of a record gives the time of the record.
fn read_annotations(
    name: &Name,
    header: &Header,
    bytes: &[u8],
    place: (usize, usize),
    onsets: &mut [f64],
    events: &mut Vec<Event>,
) -> Result<()> {
    for (record, onset_of_record) in onsets.iter_mut().enumerate() {
        let lists = block(header, bytes, record, place).split(|byte| *byte == 0).filter(|list| !list.is_empty());
        for (index, list) in lists.enumerate() {
            let text = String::from_utf8_lossy(list);
            let mut parts = text.split('\u{14}');
            let stamp = parts.next().unwrap_or_default();
            let (onset, duration) = stamp.split_once('\u{15}').unwrap_or((stamp, "0"));
            let onset = number(name, "the onset of an annotation", onset)?;
            let duration = if duration.is_empty() { 0.0 } else { number(name, "the duration of an annotation", duration)? };
            let first = parts.next().unwrap_or_default();
            if index == 0 && first.is_empty() {
                *onset_of_record = onset;
            }
            let labels = std::iter::once(first).chain(parts).filter(|label| !label.is_empty());
            events.extend(labels.map(|label| Event { onset, duration, label: label.to_owned() }));
        }
    }
    Ok(())
}

/// Triggers of a BDF status channel: its low 16 bits where they change to something else than 0.
fn read_triggers(header: &Header, bytes: &[u8], place: (usize, usize), events: &mut Vec<Event>) {
    let mut last = 0;
    for record in 0..header.records {
        for (i, sample) in block(header, bytes, record, place).chunks_exact(header.width.bytes()).enumerate() {
            let code = header.width.number(sample) & 0xffff;
            if code != last && code != 0 {
                let onset = (record as f64 + i as f64 / place.1 as f64) * header.duration;
                events.push(Event { onset, duration: 0.0, label: code.to_string() });
            }
            last = code;
        }
    }
}

fn stretches(header: &Header, onsets: &[f64], samples: usize) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (record, &onset) in onsets.iter().enumerate() {
        let start = record * samples;
        match found.last_mut() {
            Some(last) if !header.discontinuous || follows(header, last, onset, samples) => last.length += samples,
            _ => found.push(Stretch { onset, start, length: samples }),
        }
    }
    found
}

/// Whether a record begins where the stretch ends, to half a sample.
fn follows(header: &Header, stretch: &Stretch, onset: f64, samples: usize) -> bool {
    let sample = header.duration / samples as f64;
    (stretch.onset + stretch.length as f64 * sample - onset).abs() < sample / 2.0
}
