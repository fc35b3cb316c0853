//! Where and with what evidence was made.

use elinvar_core::reproduction::Environment;
use elinvar_core::{Context, Device};
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine and today's date, with a version of the library.
pub fn detect_environment(version: &str) -> Environment {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Environment { version: version.to_owned(), machine: machine(), date: utc_date(seconds) }
}

/// The same for work in a context: networks may be computed on another device.
pub fn environment_of(version: &str, context: &Context) -> Environment {
    let mut environment = detect_environment(version);
    if context.device() != Device::Cpu {
        environment.machine = format!("{}, networks on {}", environment.machine, context.device());
    }
    environment
}

fn machine() -> String {
    let system = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| os_release_name(&text));
    let system = system.unwrap_or_else(|| std::env::consts::OS.to_owned());
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| cpu_model(&text));
    let processor = processor.unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    format!("{system}, {processor}, {cores}, {}", std::env::consts::ARCH)
}

fn os_release_name(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|name| !name.is_empty())
}

fn cpu_model(text: &str) -> Option<String> {
    let (_, value) = text.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    (!value.is_empty()).then_some(value)
}

/// The day in UTC of a number of seconds since 1970, as `2026-11-24`.
pub fn utc_date(seconds: u64) -> String {
    let mut days = seconds / 86_400;
    let mut year: u64 = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        // Values of `date -u -d @SECONDS +%F`.
        for (seconds, date) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_795_478_400, "2026-11-24"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(utc_date(seconds), date);
        }
    }

    #[test]
    fn system_files_are_read_as_they_are_written() {
        assert_eq!(os_release_name("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n").as_deref(), Some("Debian GNU/Linux 12"));
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: A  Chip 9000\n").as_deref(), Some("A Chip 9000"));
        assert_eq!((os_release_name(""), cpu_model("flags: x")), (None, None));
        let found = detect_environment("0.1.0");
        assert!(found.machine.contains("core") && found.date.len() == 10 && found.version == "0.1.0");
    }
}
