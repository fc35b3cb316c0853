//! Colours. Plotters draws with stand-in colours, one a role; afterwards each becomes a CSS variable or a fixed colour.

use super::Theme;
use crate::html::escape;
use plotters::style::RGBColor;

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Text and reference levels.
    Ink,
    /// Tick labels.
    Muted,
    /// Grid lines.
    Grid,
    /// The axes.
    Axis,
    /// The ground, for outlines of markers.
    Paper,
    /// A series.
    Series(usize),
}

/// Number of colours of series. They keep apart for the common colour-vision deficiencies; marker shapes differ as well.
pub(super) const SERIES: usize = 6;

/// Name, light and dark colour of the roles that are no series.
const ROLES: [(&str, &str, &str); 5] = [
    ("fig-ink", "#1b1f24", "#e7eaee"),
    ("fig-muted", "#57606a", "#a9b3be"),
    ("fig-grid", "#e4e7eb", "#2a323b"),
    ("fig-axis", "#9aa3ad", "#66717d"),
    ("fig-paper", "#ffffff", "#14181d"),
];

/// Name, light and dark colour of the series: blue, vermilion, green, magenta, ochre, slate; at least 3:1 against their ground.
const SERIES_COLOURS: [(&str, &str, &str); SERIES] = [
    ("fig-1", "#0b68b0", "#5db1f5"),
    ("fig-2", "#cc4b0c", "#ff9a5c"),
    ("fig-3", "#00805f", "#44cfa6"),
    ("fig-4", "#a63d86", "#f092cf"),
    ("fig-5", "#86690a", "#e0c24e"),
    ("fig-6", "#4c5a78", "#a8b7d8"),
];

fn all() -> impl Iterator<Item = (RGBColor, (&'static str, &'static str, &'static str))> {
    let roles = [Role::Ink, Role::Muted, Role::Grid, Role::Axis, Role::Paper].into_iter().zip(ROLES);
    let series = (0..SERIES).map(Role::Series).zip(SERIES_COLOURS);
    roles.chain(series).map(|(role, colours)| (stand_in(role), colours))
}

/// The colour that plotters is given for a role.
pub(super) fn stand_in(role: Role) -> RGBColor {
    match role {
        Role::Ink => RGBColor(1, 0, 1),
        Role::Muted => RGBColor(1, 0, 2),
        Role::Grid => RGBColor(1, 0, 3),
        Role::Axis => RGBColor(1, 0, 4),
        Role::Paper => RGBColor(1, 0, 5),
        Role::Series(index) => RGBColor(2, 0, (index % SERIES) as u8),
    }
}

/// The declarations of the colours for a page: `--fig-ink:#1b1f24;...`.
pub(crate) fn css_variables(dark: bool) -> String {
    let pick = |light, shade| if dark { shade } else { light };
    all().map(|(_, (name, light, shade))| format!("--{name}:{};", pick(light, shade))).collect()
}

/// Replaces the stand-ins and plotters' outer element.
///
/// Text cannot hold a stand-in: only attributes are replaced, and quotes inside text are escaped.
pub(super) fn finish(body: &str, theme: Theme, (width, height): (i32, i32), alternative: &str) -> String {
    let inner = body.split_once('>').map_or("", |(_, rest)| rest);
    let mut inner = inner.trim().trim_end_matches("</svg>").replace("opacity=\"1\" ", "");
    for (RGBColor(r, g, b), (name, light, _)) in all() {
        let colour = match theme {
            Theme::Page => format!("=\"var(--{name})\""),
            Theme::Slide => format!("=\"{light}\""),
        };
        inner = inner.replace(&format!("=\"#{r:02X}{g:02X}{b:02X}\""), &colour);
    }
    let name = escape(alternative);
    // Ten drawing units are one pixel, so that positions are finer than whole pixels.
    let (w, h) = (width / 10, height / 10);
    match theme {
        Theme::Page => format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{name}\">\n{inner}</svg>"),
        Theme::Slide => format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{name}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{inner}</svg>\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: &str) -> f64 {
        let part = |i: usize| f64::from(u8::from_str_radix(&colour[i..i + 2], 16).unwrap()) / 255.0;
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5))
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (x, y) = (luminance(a), luminance(b));
        (x.max(y) + 0.05) / (x.min(y) + 0.05)
    }

    #[test]
    fn text_and_series_are_seen_on_both_grounds() {
        let (_, light_paper, dark_paper) = ROLES[4];
        for (_, light, dark) in &ROLES[..2] {
            assert!(contrast(light, light_paper) >= 4.5 && contrast(dark, dark_paper) >= 4.5, "{light} {dark}");
        }
        for (_, light, dark) in SERIES_COLOURS {
            assert!(contrast(light, light_paper) >= 3.0 && contrast(dark, dark_paper) >= 3.0, "{light} {dark}");
        }
    }

    #[test]
    fn stand_ins_are_all_different() {
        let seen: Vec<RGBColor> = all().map(|(c, _)| c).collect();
        for (i, a) in seen.iter().enumerate() {
            assert!(!seen[..i].contains(a));
        }
    }
}
