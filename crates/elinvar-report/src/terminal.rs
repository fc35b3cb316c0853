//! Tables for the terminal: as wide as it is, wrapped, in colour only where asked.

use crate::number::{duration, estimate, number};
use crate::report::{JudgedClaim, Report};
use elinvar_core::reproduction::Verdict;
use elinvar_core::table::{Column, Table};

/// Spaces between columns.
const GAP: usize = 2;
/// No column is made narrower than this while others can give.
const NARROWEST: usize = 6;

/// One character that stands for a verdict.
pub fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Reproduced => '✓',
        Verdict::NotReproduced => '✗',
        Verdict::Inconclusive => '≈',
        Verdict::NotRun => '○',
        Verdict::Failed => '!',
    }
}

/// A short line about the whole run: `Monge gap: 6 of 8 claims reproduced (quick, 60 trials, 2 min 3 s)`.
pub fn headline(report: &Report) -> String {
    let (done, planned) = (report.trials_run(), report.trials_planned);
    let trials = if done == planned { format!("{done} trials") } else { format!("{done} of {planned} trials") };
    format!("{}: {} ({}, {trials}, {})", report.title, report.headline(), report.scale, duration(report.seconds))
}

/// The claims with the paper's figure, ours, the rule, the verdict and the number of seeds, no wider than `width`.
///
/// Where the terminal is too narrow for columns, each claim becomes a block of lines.
pub fn claims_table(report: &Report, width: usize, colour: bool) -> String {
    let header = ["claim", "says", "paper", "ours [95 % interval]", "rule", "verdict", "seeds"];
    let rows: Vec<Vec<Cell>> = report.claims.iter().flat_map(|claim| claim_rows(claim, colour)).collect();
    render(&header, &rows, width)
}

/// A table of texts, no wider than `width`; columns of numbers are aligned to the right.
pub fn small_table(header: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let plain = |text: &String| Cell { text: text.clone(), ansi: None };
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
    render(header, &rows, width)
}

/// The first `most` rows of a data table; a last line says how many more there are.
pub fn data_table(table: &Table, most: usize, width: usize) -> String {
    let shown = table.n_rows().min(most);
    let header: Vec<&str> = table.names().iter().map(String::as_str).collect();
    let columns: Vec<Vec<String>> = table.iter().map(|(_, column)| cells_of(column, shown)).collect();
    let rows: Vec<Vec<String>> = (0..shown).map(|i| columns.iter().map(|c| c[i].clone()).collect()).collect();
    let mut text = small_table(&header, &rows, width);
    if table.n_rows() > shown {
        text.push_str(&format!("… {} more rows\n", table.n_rows() - shown));
    }
    text
}

fn cells_of(column: &Column, rows: usize) -> Vec<String> {
    match column {
        Column::Number(v) => v.iter().take(rows).map(|&x| if x.is_nan() { String::new() } else { number(x) }).collect(),
        Column::Integer(v) => v.iter().take(rows).map(ToString::to_string).collect(),
        Column::Bool(v) => v.iter().take(rows).map(ToString::to_string).collect(),
        Column::Text(v) => v.iter().take(rows).map(|x| x.clone().unwrap_or_default()).collect(),
    }
}

#[derive(Clone, Debug, Default)]
struct Cell {
    text: String,
    ansi: Option<&'static str>,
}

impl Cell {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ansi: None }
    }
}

fn ansi(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "32",
        Verdict::NotReproduced => "31",
        Verdict::Inconclusive => "33",
        Verdict::NotRun => "2",
        Verdict::Failed => "35",
    }
}

/// One row a rule; the words about the claim stand in the first.
fn claim_rows(claim: &JudgedClaim, colour: bool) -> Vec<Vec<Cell>> {
    let styled = |text: String, code: &'static str| Cell { text, ansi: colour.then_some(code) };
    let says = if claim.finding.is_empty() { claim.says.clone() } else { format!("{} ({})", claim.says, claim.finding) };
    let verdict = styled(format!("{} {}", sign(claim.verdict), claim.verdict), ansi(claim.verdict));
    let front = [styled(claim.id.clone(), "1"), Cell::plain(says), Cell::plain(&claim.paper.text)];
    let row = |i: usize| {
        let part = claim.parts.get(i);
        let ours = part.map_or("–".to_owned(), |p| estimate(p.value, p.interval));
        let mark = part.filter(|_| claim.parts.len() > 1).map_or(String::new(), |p| format!("{} ", sign(p.verdict)));
        let middle = [Cell::plain(format!("{mark}{ours}")), Cell::plain(part.map_or(String::new(), |p| p.rule()))];
        let seeds = Cell::plain(part.map_or(String::new(), |p| p.seeds.to_string()));
        let first = i == 0;
        let front = front.iter().map(|c| if first { c.clone() } else { Cell::default() });
        let verdict = if first { verdict.clone() } else { Cell::default() };
        front.chain(middle).chain([verdict, seeds]).collect()
    };
    (0..claim.parts.len().max(1)).map(row).collect()
}

fn render(header: &[&str], rows: &[Vec<Cell>], width: usize) -> String {
    match column_widths(header, rows, width) {
        Some(widths) => in_columns(header, rows, &widths),
        None => in_blocks(header, rows, width),
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Widths that fit: the widest columns give first, none below its longest word; `None` where even that is too wide.
fn column_widths(header: &[&str], rows: &[Vec<Cell>], width: usize) -> Option<Vec<usize>> {
    let over = |c: usize, measure: &dyn Fn(&str) -> usize| {
        let cells = rows.iter().filter_map(|r| r.get(c)).map(|cell| measure(&cell.text));
        cells.chain([measure(header[c])]).max().unwrap_or(0)
    };
    let longest_word = |text: &str| text.split_whitespace().map(length).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..header.len()).map(|c| over(c, &length)).collect();
    let least: Vec<usize> = (0..header.len()).map(|c| over(c, &longest_word).clamp(NARROWEST, 24).min(widths[c])).collect();
    let available = width.checked_sub(GAP * header.len().saturating_sub(1))?;
    if least.iter().sum::<usize>() > available {
        return None;
    }
    while widths.iter().sum::<usize>() > available {
        let widest = (0..widths.len()).filter(|&c| widths[c] > least[c]).max_by_key(|&c| widths[c])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

fn in_columns(header: &[&str], rows: &[Vec<Cell>], widths: &[usize]) -> String {
    let numeric: Vec<bool> = (0..header.len()).map(|c| is_numeric(rows, c)).collect();
    let titles: Vec<Cell> = header.iter().map(|&h| Cell::plain(h)).collect();
    let mut text = lines_of(&titles, widths, &numeric);
    let rule: Vec<String> = widths.iter().map(|&w| "─".repeat(w)).collect();
    text.push_str(&rule.join(&" ".repeat(GAP)));
    text.push('\n');
    let blocks: Vec<String> = rows.iter().map(|row| lines_of(row, widths, &numeric)).collect();
    // Rows of several lines are kept apart, except from the rows that continue them.
    let airy = blocks.iter().any(|b| b.lines().count() > 1);
    for (i, block) in blocks.iter().enumerate() {
        let continues = rows[i].first().is_some_and(|c| c.text.is_empty());
        if airy && i > 0 && !continues {
            text.push('\n');
        }
        text.push_str(block);
    }
    text
}

fn is_numeric(rows: &[Vec<Cell>], column: usize) -> bool {
    let mut cells = rows.iter().filter_map(|r| r.get(column)).filter(|c| !c.text.is_empty()).peekable();
    cells.peek().is_some() && cells.all(|c| c.text.replace(',', "").parse::<f64>().is_ok())
}

fn lines_of(row: &[Cell], widths: &[usize], numeric: &[bool]) -> String {
    let columns: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, &w)| wrap(&cell.text, w)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for k in 0..height {
        let mut line = String::new();
        for (c, lines) in columns.iter().enumerate() {
            let content = lines.get(k).map_or("", String::as_str);
            let pad = " ".repeat(widths[c].saturating_sub(length(content)));
            let shown = paint(content, row[c].ansi);
            let gap = if c + 1 < columns.len() { " ".repeat(GAP) } else { String::new() };
            line.push_str(&if numeric[c] { format!("{pad}{shown}{gap}") } else { format!("{shown}{pad}{gap}") });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn paint(text: &str, ansi: Option<&str>) -> String {
    match ansi {
        Some(code) if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// Each row as lines `name  content`; empty cells are left out.
fn in_blocks(header: &[&str], rows: &[Vec<Cell>], width: usize) -> String {
    let names = header.iter().map(|h| length(h)).max().unwrap_or(0).min(width / 3);
    let room = width.saturating_sub(names + GAP).max(10);
    let mut text = String::new();
    for row in rows {
        if !text.is_empty() && row.first().is_some_and(|c| !c.text.is_empty()) {
            text.push('\n');
        }
        for (name, cell) in header.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
            let name: String = name.chars().take(names).collect();
            for (i, line) in wrap(&cell.text, room).iter().enumerate() {
                let name = if i == 0 { name.as_str() } else { "" };
                text.push_str(&format!("{name:names$}{}{}\n", " ".repeat(GAP), paint(line, cell.ansi)));
            }
        }
    }
    text
}

/// Lines no longer than `width`; a longer word is broken. Control characters, which could steer a terminal, become spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut lines: Vec<String> = Vec::new();
    for word in clean.split_whitespace() {
        let pieces: Vec<char> = word.chars().collect();
        for (i, piece) in pieces.chunks(width.max(1)).enumerate() {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(line) if i == 0 && length(line) + 1 + length(&piece) <= width => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 2]]) -> Vec<Vec<String>> {
        rows.iter().map(|r| r.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let text = small_table(&["name", "n"], &rows(&[["a", "5"], ["long name", "1,200"]]), 80);
        assert_eq!(text, "name           n\n─────────  ─────\na              5\nlong name  1,200\n");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let content =
            rows(&[["a description of many words that must be wrapped", "another cell with averylongwordthatcannotbebroken at all"]]);
        for width in [20, 34, 60, 200] {
            let text = small_table(&["first", "second"], &content, width);
            assert!(text.lines().all(|l| length(l) <= width), "{width}\n{text}");
            assert!(text.split_whitespace().any(|w| w == "description"));
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = small_table(&["a", "b"], &rows(&[["x\u{1b}[31mred", "y"]]), 80);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn data_tables_are_cut_and_say_so() {
        let table = Table::new().with("x", Column::Number(vec![1.0, f64::NAN, 0.30000000000000004])).unwrap();
        assert_eq!(data_table(&table, 2, 80), "x\n─\n1\n\n… 1 more rows\n");
    }
}
