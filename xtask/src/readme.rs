//! The table of methods in README.md, from the registry and the judged evidence of record.

use crate::shell::{read, root};
use elinvar_core::reproduction::Verdict;
use elinvar_core::{Error, Method, Result};
use elinvar_report::Report;
use std::path::Path;

const BEGIN: &str = "<!-- methods: begin (cargo xtask gen) -->";
const END: &str = "<!-- methods: end -->";

/// Writes the table between its markers, or says that it is stale.
pub(crate) fn run(check: bool) -> Result<()> {
    let path = root().join("README.md");
    let old = read(&path)?;
    let new = replace(&old, &table(&elinvar::methods(), &root().join("reports"))?)
        .ok_or_else(|| Error::file(&path, format!("has no place for the table of methods: the lines '{BEGIN}' and '{END}'")))?;
    match (old == new, check) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::file(&path, "the table of methods is stale").hint("run `cargo xtask gen`")),
        (false, false) => std::fs::write(&path, new).map_err(|e| Error::file(&path, e)),
    }
}

/// The text with the table between the markers.
fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

/// One row a method; where no evidence is stored the row says so.
fn table(methods: &[Method], reports: &Path) -> Result<String> {
    let mut text = String::from("| method | what it does | paper | claims reproduced |\n|---|---|---|---|\n");
    for method in methods {
        let card = &method.card;
        let folder = format!("crates/elinvar-{}/src/{}", card.family, card.slug.replace('-', "_"));
        let evidence = evidence(&reports.join(format!("{}.json", card.slug)))?;
        text.push_str(&format!(
            "| [`{}`]({folder}/README.md) | {} | {} ({}), {} | {evidence} |\n",
            card.slug, card.summary, card.paper.title, card.paper.year, card.paper.reference
        ));
    }
    Ok(text)
}

/// `6 of 8 claims reproduced (quick, 2026-11-24)`.
fn evidence(path: &Path) -> Result<String> {
    if !path.exists() {
        return Ok("not run".into());
    }
    let report: Report = elinvar_report::read_report_json(path)?;
    let reproduced = report.claims.iter().filter(|c| c.verdict == Verdict::Reproduced).count();
    Ok(format!("{reproduced} of {} ({}, {})", report.claims.len(), report.scale, report.judged.date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_between_the_markers_changes() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replace("no markers", "new"), None);
    }

    #[test]
    fn every_method_has_a_row_with_a_page_that_exists() {
        let text = table(&elinvar::methods(), &root().join("reports")).unwrap();
        for line in text.lines().skip(2) {
            let (_, rest) = line.split_once("](").unwrap();
            let page = rest.split(')').next().unwrap();
            assert!(root().join(page).exists(), "{page}");
        }
    }
}
