//! Widths of text without font files, and wrapping by them.

/// Width of a text in units of its font size, generous enough for the wider of the common sans-serif fonts.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' | '(' | ')' | '[' | ']' | ' ' | 't' | 'f' | 'r' | '/' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        '0'..='9' => 0.64,
        'A'..='Z' | '+' | '=' | '<' | '>' | '×' | '−' => 0.82,
        c if c.is_ascii() => 0.63,
        '⁰'..='⁹' | '⁻' | '¹' | '²' | '³' => 0.45,
        c if c as u32 >= 0x1100 => 1.0,
        _ => 0.68,
    }
}

/// Lines no wider than `limit` (in font sizes) where words allow it; words break after spaces, hyphens and underscores.
pub(super) fn wrap(text: &str, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_inclusive([' ', '-', '_', '/']) {
        match lines.last_mut() {
            Some(line) if width(line) + width(word.trim_end()) <= limit => line.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The text, cut with an ellipsis where it is wider than `limit` font sizes.
pub(super) fn cut(text: &str, limit: f64) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept) + char_width(c) + 1.0 > limit {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_and_is_cut() {
        assert_eq!(wrap("with the gap", 5.2), ["with the", "gap"]);
        assert_eq!(wrap("single_cell", 4.0), ["single_", "cell"]);
        assert_eq!(wrap("", 4.0), Vec::<String>::new());
        assert_eq!(cut("short", 10.0), "short");
        assert!(width(&cut("a very long name of a category", 8.0)) <= 8.0);
    }
}
