//! What is generated into Markdown: the table of methods in README.md, and the tables of parameters and claims in each method's page,
//! from the registry and the judged evidence of record.

use crate::python::kind_of;
use elinvar_core::params::{Parameter, Spec};
use elinvar_core::reproduction::{Scale, Verdict};
use elinvar_core::{Error, Method, Result};
use elinvar_report::{Report, markdown};
use serde_json::Value;
use std::path::{Path, PathBuf};

const METHODS: (&str, &str) = ("<!-- methods: begin (cargo xtask gen) -->", "<!-- methods: end -->");
const PARAMETERS: (&str, &str) = ("<!-- parameters: begin (cargo xtask gen) -->", "<!-- parameters: end -->");
const CLAIMS: (&str, &str) = ("<!-- claims: begin (cargo xtask gen) -->", "<!-- claims: end -->");

/// Writes the tables between their markers, or says which file is stale.
pub(crate) fn run(methods: &[Method], root: &Path, check: bool) -> Result<()> {
    let reports = root.join("reports");
    write(&root.join("README.md"), &[(METHODS, table(methods, &reports)?)], check)?;
    for method in methods {
        let tables = [(PARAMETERS, parameters(method)), (CLAIMS, claims(method, &reports)?)];
        write(&root.join(page(method)), &tables, check)?;
    }
    Ok(())
}

type Marked = ((&'static str, &'static str), String);

fn write(path: &Path, tables: &[Marked], check: bool) -> Result<()> {
    let old = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
    let mut new = old.clone();
    for ((begin, end), table) in tables {
        new = replace(&new, (begin, end), table)
            .ok_or_else(|| Error::file(path, format!("has no place for a generated table: the lines '{begin}' and '{end}'")))?;
    }
    match (old == new, check) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::file(path, "a generated table is stale").hint("run `cargo xtask gen`")),
        (false, false) => std::fs::write(path, new).map_err(|e| Error::file(path, e)),
    }
}

/// The text with the table between the markers.
fn replace(text: &str, (begin, end): (&str, &str), table: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{table}{end}{after}"))
}

/// The README of a method, from the root.
fn page(method: &Method) -> PathBuf {
    format!("crates/elinvar-{}/src/{}/README.md", method.card.family, method.card.slug.replace('-', "_")).into()
}

/// One row a method; where no evidence is stored the row says so.
fn table(methods: &[Method], reports: &Path) -> Result<String> {
    let mut text = String::from("| method | what it does | paper | claims reproduced |\n|---|---|---|---|\n");
    for method in methods {
        let card = &method.card;
        let found = evidence(method, reports)?;
        let verdicts = if found.is_empty() { "not run".to_owned() } else { found.iter().map(headline).collect::<Vec<_>>().join("; ") };
        text.push_str(&format!(
            "| [`{}`]({}) | {} | {} ({}), {} | {verdicts} |\n",
            card.slug,
            page(method).display(),
            card.summary,
            card.paper.title,
            card.paper.year,
            card.paper.reference
        ));
    }
    Ok(text)
}

/// The stored reports of a method, quick before paper.
fn evidence(method: &Method, reports: &Path) -> Result<Vec<Report>> {
    let paths = Scale::ALL.map(|scale| reports.join(format!("{}.{scale}.json", method.card.slug)));
    paths.iter().filter(|path| path.exists()).map(elinvar_report::read_report_json).collect()
}

/// `6 of 8 (quick, 2026-11-24)`; claims that could not be run are not counted as judged.
fn headline(report: &Report) -> String {
    let count = |verdict| report.claims.iter().filter(|c| c.verdict == verdict).count();
    let not_run = match count(Verdict::NotRun) {
        0 => String::new(),
        n => format!(", {n} not run"),
    };
    let judged = report.claims.len() - count(Verdict::NotRun);
    format!("{} of {judged}{not_run} ({}, {})", count(Verdict::Reproduced), report.scale, report.judged.date)
}

/// One table a task; tasks that share their parameters share the table.
fn parameters(method: &Method) -> String {
    let mut groups: Vec<(Vec<&str>, &Spec)> = Vec::new();
    for verb in method.verbs.iter().filter(|verb| !verb.params.parameters.is_empty()) {
        match groups.iter_mut().find(|(_, spec)| **spec == verb.params) {
            Some((names, _)) => names.push(verb.name),
            None => groups.push((vec![verb.name], &verb.params)),
        }
    }
    let mut text = String::new();
    for (names, spec) in groups {
        let title = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("\n### {title}\n\n| parameter | type | default | meaning |\n|---|---|---|---|\n"));
        spec.parameters.iter().for_each(|parameter| text.push_str(&row(parameter)));
    }
    text.push('\n');
    text
}

fn row(parameter: &Parameter) -> String {
    let mut kind = markdown::escape(&kind_of(&parameter.domain));
    let range = parameter.bounds.describe();
    if !range.is_empty() {
        kind = format!("{kind} {}", markdown::escape(&range));
    }
    if parameter.nullable {
        kind.push_str(" or none");
    }
    let default = match &parameter.default {
        Value::Null => "none".to_owned(),
        Value::String(word) => format!("`{word}`"),
        other => format!("`{other}`"),
    };
    format!("| `{}` | {kind} | {default} | {} |\n", parameter.name, markdown::escape(&parameter.doc))
}

/// The judged claims of every scale that has evidence of record.
fn claims(method: &Method, reports: &Path) -> Result<String> {
    let mut text = String::new();
    for report in evidence(method, reports)? {
        let cost = elinvar_report::number::duration(report.seconds);
        text.push_str(&format!(
            "\n`--scale {}`, {}, {} trials in {cost} of one core, version {}, {}:\n\n{}",
            report.scale,
            report.judged.date,
            report.trials.len(),
            report.judged.version,
            report.judged.machine,
            markdown::claims_table(&report)
        ));
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    #[test]
    fn only_the_part_between_the_markers_changes() {
        let (begin, end) = METHODS;
        let text = format!("a\n{begin}\nold\n{end}\nb\n");
        assert_eq!(replace(&text, METHODS, "new\n").unwrap(), format!("a\n{begin}\nnew\n{end}\nb\n"));
        assert_eq!(replace("no markers", METHODS, "new"), None);
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

    #[test]
    fn every_parameter_of_a_method_stands_in_its_table() {
        for method in elinvar::methods() {
            let text = parameters(&method);
            for verb in &method.verbs {
                for parameter in &verb.params.parameters {
                    assert!(text.contains(&format!("| `{}` |", parameter.name)), "{} {}", verb.name, parameter.name);
                }
            }
        }
    }
}
