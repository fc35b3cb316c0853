//! The figures: the first, under a heading of its own, shows what matters at a glance.

use super::{Html, anchor};
use crate::figure::{Drawing, Format, Theme, draw};
use elinvar_core::Result;
use elinvar_core::reproduction::Figure;

/// The first figure under a heading of this anchor and text, then the others.
pub(super) fn sections(html: &mut Html, (id, heading): (&str, &str), figures: &[Figure]) -> Result<()> {
    let Some((hero, others)) = figures.split_first() else { return Ok(()) };
    html.raw("<section>\n<h2").attribute("id", id).raw(">").text(heading).raw("</h2>\n");
    one(html, hero)?;
    html.raw("</section>\n");
    if !others.is_empty() {
        html.raw("<section>\n<h2 id=\"figures\">Other figures</h2>\n");
        others.iter().try_for_each(|figure| one(html, figure))?;
        html.raw("</section>\n");
    }
    Ok(())
}

fn one(html: &mut Html, figure: &Figure) -> Result<()> {
    html.raw("<figure").attribute("id", &format!("figure-{}", anchor(&figure.id))).raw(">\n<h3>").text(&figure.title).raw("</h3>\n");
    if Format::natural(figure) == Format::Wide {
        // A wide drawing would have tiny text on a phone, so a narrow one takes its place there.
        html.raw("<div class=\"alone\">\n");
        panels(html, &draw(figure, Theme::Page, Format::Wide)?, "panel wide");
        panels(html, &draw(figure, Theme::Page, Format::Narrow)?, "panel narrow");
        html.raw("</div>\n");
    } else {
        html.raw("<div class=\"panels\">\n");
        panels(html, &draw(figure, Theme::Page, Format::Narrow)?, "panel");
        html.raw("</div>\n");
    }
    html.raw("<figcaption>").text(&figure.caption).raw("</figcaption>\n</figure>\n");
    Ok(())
}

fn panels(html: &mut Html, drawings: &[Drawing], class: &str) {
    for drawing in drawings {
        html.raw("<div").attribute("class", class).raw(">").trusted(&drawing.svg).raw("</div>\n");
    }
}
