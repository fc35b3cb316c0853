//! What every task takes: seed, threads, limits, strictness, device, progress.

use crate::terminal::Terminal;
use crate::{memory, progress};
use clap::{Arg, ArgAction, ArgMatches};
use elinvar_core::error::suggestion;
use elinvar_core::{Context, Device, Error, Kind, Result};
use std::time::Duration;

/// The flags, under a heading of their own.
pub(crate) fn flags() -> Vec<Arg> {
    let seed = Arg::new("seed").long("seed").value_name("INTEGER").help("Seed of every random stream [default: 0] [a whole number >= 0]");
    let strict =
        Arg::new("strict").long("strict").action(ArgAction::SetTrue).help("A warning, or a fit that did not converge, is an error");
    let own = [seed.allow_negative_numbers(true), strict].map(|flag| flag.help_heading("Running"));
    own.into_iter().chain(run_flags()).collect()
}

/// The flags of anything that computes.
pub(crate) fn run_flags() -> Vec<Arg> {
    let all = [
        Arg::new("threads").long("threads").value_name("INTEGER").help("Threads to use; results do not depend on it [default: all cores]"),
        Arg::new("time-limit").long("time-limit").value_name("TIME").help("Stop after this time: 90, 30s, 10m, 2h [default: none]"),
        Arg::new("mem-limit").long("mem-limit").value_name("SIZE").help("Stop when more memory is needed: 500MB, 2GiB [default: none]"),
        Arg::new("device")
            .long("device")
            .value_name("WORD")
            .help("Where networks run: cpu, vulkan, cuda, vulkan:1; `elinvar doctor` lists what is there [default: cpu]"),
        Arg::new("progress").long("progress").value_name("WORD").help("auto, bar, json or none [default: auto, a bar on a terminal]"),
    ];
    all.into_iter().map(|flag| flag.allow_negative_numbers(true).help_heading("Running")).collect()
}

/// The context of a call as its flags say.
///
/// # Errors
/// For a value that cannot be read, and for a device that this build does not have.
pub(crate) fn context(matches: &ArgMatches, terminal: &Terminal) -> Result<Context> {
    let seed = whole_number(matches, "seed")?.unwrap_or(0);
    let mut context = Context::new(seed).with_cancel(terminal.cancel.clone());
    if let Some(threads) = whole_number(matches, "threads")? {
        if threads == 0 {
            return Err(Error::parameter("threads", "a whole number >= 1", 0));
        }
        context = context.with_threads(usize::try_from(threads).unwrap_or(usize::MAX));
    }
    if let Some(text) = text(matches, "device") {
        let device: Device = text.parse()?;
        elinvar::nn::device::check(device)?;
        context = context.with_device(device);
    }
    if let Some(text) = text(matches, "time-limit") {
        context = context.with_time_limit(parse_time(text)?);
    }
    if let Some(text) = text(matches, "mem-limit") {
        let limit = parse_bytes(text)?;
        context = context.with_memory_limit(limit);
        memory::watch(limit, terminal);
    }
    Ok(match progress::sink(matches, terminal)? {
        Some(sink) => context.with_progress(sink),
        None => context,
    })
}

/// A flag of text, where the command has it and it was given.
pub(crate) fn text<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(id).ok().flatten().map(String::as_str)
}

/// A flag of a whole number >= 0.
pub(crate) fn whole_number(matches: &ArgMatches, id: &str) -> Result<Option<u64>> {
    let parse = |text: &str| text.parse().map_err(|_| Error::parameter(id, "a whole number >= 0", format!("'{text}'")));
    text(matches, id).map(parse).transpose()
}

/// One of a few words.
pub(crate) fn word<'a>(name: &str, text: &'a str, words: &[&str]) -> Result<&'a str> {
    if words.contains(&text) {
        return Ok(text);
    }
    let expected = words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(", ");
    Err(Error::parameter(name, format!("one of {expected}"), format!("'{text}'")).hint(suggestion(text, words, "choose among")))
}

/// `90`, `1.5h`, `10m`, `250ms`.
pub(crate) fn parse_time(text: &str) -> Result<Duration> {
    let bad = || Error::parameter("time-limit", "a time such as 90, 30s, 10m or 2h", format!("'{text}'"));
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(bad()),
    };
    number.parse::<f64>().ok().and_then(|x| Duration::try_from_secs_f64(x * scale).ok()).ok_or_else(bad)
}

/// `1000000`, `500MB`, `2GiB`.
fn parse_bytes(text: &str) -> Result<u64> {
    let bad = || Error::parameter("mem-limit", "a size such as 500MB or 2GiB", format!("'{text}'"));
    let (number, unit) = split_unit(text);
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0_f64.powi(4),
        _ => return Err(bad()),
    };
    let bytes = number.parse::<f64>().map_err(|_| bad())? * scale;
    if bytes >= 0.0 && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err(bad()) }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    (text[..end].trim(), &text[end..])
}

/// Refuses a warning under `--strict`.
pub(crate) fn refuse_warnings(matches: &ArgMatches, warnings: &[String]) -> Result<()> {
    match warnings.first() {
        Some(first) if matches.get_flag("strict") => Err(Error::new(Kind::Numeric, first).hint("--strict makes a warning an error")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(parse_time("90").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_time("1.5h").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_time("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_bytes("2GiB").unwrap(), 2 << 30);
        assert_eq!(parse_bytes("500 MB").unwrap(), 500_000_000);
        for bad in ["", "ten", "-1", "1 fortnight", "NaN", "inf"] {
            assert!(parse_time(bad).is_err() && parse_bytes(bad).is_err(), "{bad}");
        }
    }
}
