//! GDF, versions 1 and 2.

use super::{Channel, Event, Signals, Stretch, common_rate, field};
use crate::limits::human;
use crate::source::Name;
use elinvar_core::Result;
use ndarray::Array2;

/// Reads numbers of a fixed place, little endian.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }
    fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }
    fn u24(self, at: usize) -> Option<u32> {
        self.array::<3>(at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }
    fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
    fn i64(self, at: usize) -> Option<i64> {
        self.array(at).map(i64::from_le_bytes)
    }
    fn f32(self, at: usize) -> Option<f32> {
        self.array(at).map(f32::from_le_bytes)
    }
    fn f64(self, at: usize) -> Option<f64> {
        self.array(at).map(f64::from_le_bytes)
    }
}

/// Element types by their number in the header.
#[derive(Clone, Copy)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    I24,
    U24,
}

impl Kind {
    fn of(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::I8,
            2 => Self::U8,
            3 => Self::I16,
            4 => Self::U16,
            5 => Self::I32,
            6 => Self::U32,
            7 => Self::I64,
            8 => Self::U64,
            16 => Self::F32,
            17 => Self::F64,
            279 => Self::I24,
            535 => Self::U24,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I24 | Self::U24 => 3,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    fn number(self, bytes: Bytes<'_>, at: usize) -> Option<f64> {
        Some(match self {
            Self::I8 => f64::from(i8::from_le_bytes(bytes.array(at)?)),
            Self::U8 => f64::from(bytes.array::<1>(at)?[0]),
            Self::I16 => f64::from(i16::from_le_bytes(bytes.array(at)?)),
            Self::U16 => f64::from(bytes.u16(at)?),
            Self::I32 => f64::from(i32::from_le_bytes(bytes.array(at)?)),
            Self::U32 => f64::from(bytes.u32(at)?),
            Self::I64 => bytes.i64(at)? as f64,
            Self::U64 => u64::from_le_bytes(bytes.array(at)?) as f64,
            Self::F32 => f64::from(bytes.f32(at)?),
            Self::F64 => bytes.f64(at)?,
            Self::I24 => f64::from(((bytes.u24(at)? << 8) as i32) >> 8),
            Self::U24 => f64::from(bytes.u24(at)?),
        })
    }
}

struct Header {
    /// 2.10 is 210.
    version: u32,
    length: usize,
    records: usize,
    /// Seconds a record.
    duration: f64,
    channels: Vec<(Channel, Kind)>,
    record: usize,
}

pub(super) fn read(name: &Name, bytes: &[u8]) -> Result<Signals> {
    let short = || name.damaged("the file ends within its header");
    let header = header(name, Bytes(bytes), short)?;
    let samples = common_rate(header.channels.iter().map(|(channel, _)| channel));
    if samples == 0 {
        return Err(name.unusable("the recording has no samples"));
    }
    let sfreq = samples as f64 / header.duration;
    let kept: Vec<usize> = (0..header.channels.len()).filter(|&i| header.channels[i].0.samples == samples).collect();
    let left_out = header.channels.iter().filter(|(c, _)| c.samples != samples).map(|(c, _)| c.label.clone()).collect();
    let data = samples_of(&header, Bytes(bytes), &kept, samples).ok_or_else(|| name.damaged("the records end too early"))?;
    let events = events(name, &header, Bytes(bytes), sfreq)?;
    let pick = |of: fn(&Channel) -> String| kept.iter().map(|&i| of(&header.channels[i].0)).collect();
    let stretches = vec![Stretch { onset: 0.0, start: 0, length: data.ncols() }];
    Ok(Signals { channels: pick(|c| c.label.clone()), units: pick(|c| c.unit.clone()), data, sfreq, stretches, events, left_out })
}

fn header(name: &Name, bytes: Bytes<'_>, short: impl Fn() -> elinvar_core::Error) -> Result<Header> {
    let text = bytes.0.get(4..8).map(field).ok_or_else(&short)?;
    let version = text.parse::<f64>().ok().filter(|v| (1.0..3.0).contains(v)).map(|v| (v * 100.0).round() as u32);
    let version = version.ok_or_else(|| name.damaged(format!("version '{text}' of GDF is not known")))?;
    let newer = version >= 190;
    let length = match newer {
        true => usize::from(bytes.u16(184).ok_or_else(&short)?) * 256,
        false => usize::try_from(bytes.i64(184).ok_or_else(&short)?).unwrap_or(usize::MAX),
    };
    let declared = bytes.i64(236).ok_or_else(&short)?;
    let (above, below) = (bytes.u32(244).ok_or_else(&short)?, bytes.u32(248).ok_or_else(&short)?);
    let signals = match newer {
        true => usize::from(bytes.u16(252).ok_or_else(&short)?),
        false => bytes.u32(252).ok_or_else(&short)? as usize,
    };
    let needed = signals.checked_add(1).and_then(|n| n.checked_mul(256));
    if signals == 0 || needed.is_none_or(|needed| length < needed) || length > bytes.0.len() {
        return Err(name.damaged(format!("a header of {signals} signals claims {length} of {}", human(bytes.0.len() as u64))));
    }
    if below == 0 || above == 0 {
        return Err(name.damaged(format!("the duration of a record must be > 0 s, got {above}/{below}")));
    }
    let channels: Vec<(Channel, Kind)> = (0..signals).map(|i| channel(name, bytes, newer, signals, i)).collect::<Result<_>>()?;
    let record = channels.iter().try_fold(0_usize, |sum, (c, kind)| sum.checked_add(c.samples.checked_mul(kind.bytes())?));
    let record = record.filter(|&record| record > 0).ok_or_else(|| name.damaged("the records have no samples, or too many"))?;
    let present = (bytes.0.len() - length) / record;
    let records = if declared == -1 { present } else { usize::try_from(declared).unwrap_or(usize::MAX) };
    if records > present || records == 0 {
        let message = format!("the header claims {declared} records of {}, but {present} are there", human(record as u64));
        return Err(name.damaged(message).hint("the file is cut short"));
    }
    Ok(Header { version, length, records, duration: f64::from(above) / f64::from(below), channels, record })
}

fn channel(name: &Name, bytes: Bytes<'_>, newer: bool, signals: usize, index: usize) -> Result<(Channel, Kind)> {
    // Offsets of the columns within a header of one signal; all columns of one kind stand together.
    let place = |offset: usize, width: usize| 256 + offset * signals + index * width;
    let text = |offset: usize, width: usize| {
        let start = place(offset, width);
        bytes.0.get(start..start + width).map(field).unwrap_or_default()
    };
    let label = text(0, 16);
    let damaged = || name.damaged(format!("the header of signal '{label}' is damaged"));
    let real = |offset: usize| bytes.f64(place(offset, 8)).filter(|x| x.is_finite()).ok_or_else(damaged);
    let digital = |offset: usize| match newer {
        true => real(offset),
        false => bytes.i64(place(offset, 8)).map(|x| x as f64).ok_or_else(damaged),
    };
    let (physical, digital) = ((real(104)?, real(112)?), (digital(120)?, digital(128)?));
    let samples = bytes.u32(place(216, 4)).ok_or_else(damaged)? as usize;
    let code = bytes.u32(place(220, 4)).ok_or_else(damaged)?;
    let kind = Kind::of(code).ok_or_else(|| name.damaged(format!("signal '{label}' has the unknown element type {code}")))?;
    let unit = if newer { unit_of(bytes.u16(place(102, 2)).unwrap_or(0)) } else { text(96, 8) };
    Ok((Channel::scaled(label.clone(), unit, digital, physical, samples), kind))
}

/// The unit of a code of ISO 11073-10101, for voltages and pure numbers.
fn unit_of(code: u16) -> String {
    let prefix = match code % 32 {
        0 => "",
        18 => "m",
        19 => "u",
        20 => "n",
        _ => return format!("code {code}"),
    };
    match code - code % 32 {
        4256 => format!("{prefix}V"),
        512 => String::new(),
        _ => format!("code {code}"),
    }
}

fn samples_of(header: &Header, bytes: Bytes<'_>, kept: &[usize], samples: usize) -> Option<Array2<f64>> {
    let mut data = Array2::zeros((kept.len(), header.records.checked_mul(samples)?));
    let mut places = Vec::new();
    let mut place = 0;
    for (channel, kind) in &header.channels {
        places.push(place);
        place += channel.samples * kind.bytes();
    }
    for (mut row, &i) in data.outer_iter_mut().zip(kept) {
        let (channel, kind) = &header.channels[i];
        for (t, target) in row.iter_mut().enumerate() {
            let at = header.length + (t / samples) * header.record + places[i] + (t % samples) * kind.bytes();
            let value = kind.number(bytes, at)?;
            *target = channel.gain * value + channel.offset;
        }
    }
    Some(data)
}

/// The table of events behind the records; none where the file ends there.
fn events(name: &Name, header: &Header, bytes: Bytes<'_>, sfreq: f64) -> Result<Vec<Event>> {
    let start = header.length + header.records * header.record;
    let Some(&mode) = bytes.0.get(start) else { return Ok(Vec::new()) };
    if mode != 1 && mode != 3 {
        return Ok(Vec::new());
    }
    let damaged = || name.damaged("the table of events is cut short");
    let (count, rate) = match header.version >= 194 {
        true => (bytes.u24(start + 1).ok_or_else(damaged)? as usize, f64::from(bytes.f32(start + 4).ok_or_else(damaged)?)),
        false => (bytes.u32(start + 4).ok_or_else(damaged)? as usize, f64::from(bytes.u24(start + 1).ok_or_else(damaged)?)),
    };
    let rate = if rate > 0.0 && rate.is_finite() { rate } else { sfreq };
    let each = if mode == 3 { 12 } else { 6 };
    if count.checked_mul(each).is_none_or(|size| size > bytes.0.len().saturating_sub(start + 8)) {
        return Err(name.damaged(format!("the table claims {count} events, which are not all there")).hint("the file is cut short"));
    }
    let (positions, types, durations) = (start + 8, start + 8 + 4 * count, start + 8 + 8 * count);
    let event = |i: usize| {
        // Positions count from 1.
        let position = bytes.u32(positions + 4 * i)?.saturating_sub(1);
        let label = bytes.u16(types + 2 * i)?.to_string();
        let duration = if mode == 3 { bytes.u32(durations + 4 * i)? } else { 0 };
        Some(Event { onset: f64::from(position) / rate, duration: f64::from(duration) / rate, label })
    };
    (0..count).map(|i| event(i).ok_or_else(damaged)).collect()
}
