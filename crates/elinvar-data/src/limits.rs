//! How far a file from anywhere is trusted.

use std::io::{self, Read};

/// Largest header of an array or model file.
pub(crate) const MAX_HEADER: u64 = 16 << 20;
/// Deepest nesting of JSON.
const MAX_JSON_DEPTH: usize = 64;
/// What even the smallest file may grow to: a few megabytes harm nobody.
const FLOOR: u64 = 16 << 20;
/// What no compressed file may grow beyond.
const CEILING: u64 = 4 << 30;
/// Allowed growth of data that are stored compressed or encoded.
const RATIO: u64 = 100;

/// Bytes that a compressed stream of `stored` bytes may decompress to.
pub(crate) fn decompressed_limit(stored: u64) -> u64 {
    decoded_limit(stored).min(CEILING)
}

/// Bytes of memory that the cells of a columnar file of `stored` bytes may take.
pub(crate) fn decoded_limit(stored: u64) -> u64 {
    stored.saturating_mul(RATIO).saturating_add(FLOOR)
}

/// The whole stream, or `None` when it is longer than `limit`.
pub(crate) fn read_bounded(reader: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Whether brackets outside of strings are nested deeper than allowed. Says nothing about validity.
pub(crate) fn json_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_JSON_DEPTH {
            return true;
        }
    }
    false
}

/// `12 bytes`, `3.4 kB`, `32.0 GB`, for messages.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_ignores_brackets_in_strings() {
        assert!(!json_too_deep(br#"{"a": "[[[[[[", "b\"{": [1]}"#));
        assert!(!json_too_deep("[".repeat(64).as_bytes()));
        assert!(json_too_deep("[".repeat(65).as_bytes()));
        assert!(!json_too_deep("[]".repeat(1000).as_bytes()));
    }

    #[test]
    fn limits_grow_with_the_file_up_to_the_ceiling() {
        assert_eq!(decompressed_limit(0), FLOOR);
        assert_eq!(decompressed_limit(1 << 20), (100 << 20) + FLOOR);
        assert_eq!(decompressed_limit(u64::MAX), CEILING);
        assert_eq!(read_bounded(&[1_u8, 2, 3][..], 3).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(read_bounded(&[1_u8, 2, 3][..], 2).unwrap(), None);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(human(80), "80 bytes");
        assert_eq!(human(34_359_738_368), "34.4 GB");
        assert_eq!(human(u64::MAX), "18446744.1 TB");
    }
}
