//! Claims as a Markdown table, for READMEs and the book.

use crate::number::{estimate, typeset};
use crate::report::{JudgedClaim, Report};
use crate::terminal::sign;

/// The claims table. Rules of one claim share a row, one line each.
pub fn claims_table(report: &Report) -> String {
    let mut text =
        String::from("| claim | says | paper | ours [95 % interval] | rule | verdict | seeds |\n|---|---|---|---|---|---|---|\n");
    for claim in &report.claims {
        text.push_str(&row(claim));
    }
    text
}

fn row(claim: &JudgedClaim) -> String {
    let lines = |of: &dyn Fn(usize) -> String| (0..claim.parts.len()).map(of).collect::<Vec<_>>().join("<br>");
    let says =
        if claim.finding.is_empty() { escape(&claim.says) } else { format!("{}<br>{}", escape(&claim.says), escape(&claim.finding)) };
    let cells = [
        escape(&claim.id),
        says,
        escape(&claim.paper.text),
        lines(&|i| escape(&typeset(&estimate(claim.parts[i].value, claim.parts[i].interval)))),
        lines(&|i| escape(&typeset(&claim.parts[i].rule()))),
        format!("{} {}", sign(claim.verdict), claim.verdict),
        lines(&|i| claim.parts[i].seeds.to_string()),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Text that Markdown shows as it is, inside a table.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '$' | '~' | '#' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}
