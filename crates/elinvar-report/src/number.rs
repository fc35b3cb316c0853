//! Numbers as people read them.

/// A number with at most four significant digits: `0.4123`, `12,345`, `1.23e-5`.
pub fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return plain_special(x);
    }
    if is_extreme(x) {
        return scientific(x, 2);
    }
    trimmed(fixed(x, decimals_for(x, 4)))
}

/// A value with its interval, all to the digits that the width of the interval justifies: `0.41 [0.38, 0.45]`.
pub fn estimate(value: Option<f64>, interval: Option<(f64, f64)>) -> String {
    match (value, interval) {
        (None, _) => "–".to_owned(),
        (Some(value), None) => number(value),
        (Some(value), Some((low, high))) => {
            let shown = digits_of(value, low, high);
            format!("{} [{}, {}]", shown(value), shown(low), shown(high))
        }
    }
}

fn digits_of(value: f64, low: f64, high: f64) -> Box<dyn Fn(f64) -> String> {
    let greatest = value.abs().max(low.abs()).max(high.abs());
    let width = high - low;
    if is_extreme(greatest) || !(width > 0.0) {
        return Box::new(number);
    }
    // Two significant digits of the width, but never more than five of the number itself.
    let decimals = decimals_for(width, 2).min(decimals_for(greatest, 5));
    Box::new(move |x| fixed(x, decimals))
}

/// Seconds in the unit that people would use: `0.42 s`, `3 min 12 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.0005 {
        return "< 1 ms".to_owned();
    }
    if seconds < 0.995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 { format!("{} min {} s", whole / 60, whole % 60) } else { format!("{} h {} min", whole / 3600, whole % 3600 / 60) }
}

/// A number in typeset form for pages and figures: true minus sign, powers of ten with superscripts, `≤` and `≥`.
pub fn typeset(text: &str) -> String {
    let text = text.replace(">=", "≥").replace("<=", "≤");
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let digit_next = chars.get(i + 1).is_some_and(char::is_ascii_digit);
        let exponent = exponent_at(&chars, i);
        if let (true, Some(end)) = (before.is_some_and(|c| c.is_ascii_digit()), exponent) {
            out.push_str(" × 10");
            out.extend(chars[i + 1..end].iter().map(|&c| superscript(c)));
            i = end;
            continue;
        }
        let starts_number = before.is_none_or(|c| " [(,=".contains(c));
        out.push(if chars[i] == '-' && digit_next && starts_number { '−' } else { chars[i] });
        i += 1;
    }
    out
}

/// Where the exponent that starts at `e` ends, if there is one.
fn exponent_at(chars: &[char], at: usize) -> Option<usize> {
    if chars[at] != 'e' {
        return None;
    }
    let digits = at + 1 + usize::from(chars.get(at + 1) == Some(&'-'));
    let end = digits + chars[digits.min(chars.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let closed = chars.get(end).is_none_or(|c| !c.is_alphanumeric());
    (end > digits && closed).then_some(end)
}

/// A digit or minus sign as superscript.
pub(crate) fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => other.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(other),
    }
}

fn plain_special(x: f64) -> String {
    if x == 0.0 { "0".to_owned() } else { x.to_string() }
}

fn is_extreme(x: f64) -> bool {
    x != 0.0 && !(-4..7).contains(&exponent(x))
}

/// The power of ten of the first digit.
pub(crate) fn exponent(x: f64) -> i32 {
    if x == 0.0 { 0 } else { x.abs().log10().floor() as i32 }
}

fn decimals_for(x: f64, significant: i32) -> usize {
    usize::try_from(significant - 1 - exponent(x)).unwrap_or(0).min(12)
}

fn scientific(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$e}");
    match text.split_once('e') {
        Some((mantissa, power)) => format!("{}e{power}", trimmed(mantissa.to_owned())),
        None => text,
    }
}

/// Fixed decimals with commas between thousands from 10,000 on; never `-0`.
pub(crate) fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", x.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let negative = x < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0');
    let mut out = if negative { "-".to_owned() } else { String::new() };
    for (i, c) in whole.chars().enumerate() {
        if whole.len() > 4 && i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_and_no_noise() {
        let cases = [
            (0.1 + 0.2, "0.3"),
            (0.0, "0"),
            (-0.5, "-0.5"),
            (1.0 / 3.0, "0.3333"),
            (12.0, "12"),
            (1234.56, "1235"),
            (12345.6, "12,346"),
            (1_234_567.0, "1,234,567"),
            (1.234e-5, "1.23e-5"),
            (2.0e9, "2e9"),
            (0.00012, "0.00012"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn the_interval_sets_the_digits() {
        assert_eq!(estimate(Some(0.412_345), Some((0.381, 0.452))), "0.412 [0.381, 0.452]");
        assert_eq!(estimate(Some(41.2345), Some((10.0, 90.0))), "41 [10, 90]");
        assert_eq!(estimate(Some(1.0), Some((1.0, 1.0))), "1 [1, 1]");
        assert_eq!(estimate(Some(123.456), Some((123.4559, 123.4561))), "123.46 [123.46, 123.46]");
        assert_eq!(estimate(Some(-0.0001), Some((-0.5, 0.5))), "0.0 [-0.5, 0.5]");
        assert_eq!(estimate(None, None), "–");
    }

    #[test]
    fn durations_and_typesetting() {
        assert_eq!(
            [0.0, 0.42, 3.25, 192.0, 7500.0].map(duration),
            ["< 1 ms", "420 ms", "3.2 s", "3 min 12 s", "2 h 5 min"].map(str::to_owned)
        );
        assert_eq!(typeset("-1.2e-5 [-3, 4]"), "−1.2 × 10⁻⁵ [−3, 4]");
        assert_eq!(typeset(">= 0.6, monge-gap e3nn 3em e"), "≥ 0.6, monge-gap e3nn 3em e");
        assert_eq!(typeset("2e"), "2e");
    }
}
