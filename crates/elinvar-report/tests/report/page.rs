//! The files of a report: escaping, size, atomicity, tables.

use crate::sample;
use elinvar_core::Kind;
use elinvar_core::reproduction::{Axis, Figure, Mark, Panel, Verdict};
use elinvar_report::{JudgedClaim, Report, figure, markdown, page_html, read_report_json, terminal, write_page, write_report_json};
use serde_json::{Value, json};

const HOSTILE: &str = "</style></script><script>alert(1)</script><img src=x onerror=\"alert('1')\"> & \u{1b}[31m =\"#010001\"";

fn hostile_report() -> Report {
    let mut report = sample::report(3);
    let bad = || HOSTILE.to_owned();
    (report.method, report.title, report.family, report.summary) = (bad(), bad(), bad(), bad());
    (report.paper.title, report.paper.authors, report.paper.reference) = (bad(), bad(), bad());
    (report.judged.version, report.judged.machine, report.judged.date) = (bad(), bad(), bad());
    report.environments[0] = report.judged.clone();
    report.differences = vec![bad()];
    for claim in &mut report.claims {
        (claim.id, claim.says, claim.paper.text, claim.finding) = (bad(), bad(), bad(), bad());
        claim.parts.iter_mut().for_each(|p| (p.label, p.threshold) = (bad(), bad()));
        claim.parts.iter_mut().flat_map(|p| &mut p.counted).for_each(|p| (p.label, p.threshold) = (bad(), bad()));
    }
    for trial in &mut report.trials {
        trial.trial = json!({HOSTILE: HOSTILE, "seed": HOSTILE, "n": trial.seconds});
        trial.numbers.insert(bad(), 1.0);
        trial.error = trial.error.as_ref().map(|_| bad());
        trial.key = bad();
    }
    report
}

fn hostile_figures() -> Vec<Figure> {
    let axis = || Axis::categories(HOSTILE, [HOSTILE, "b"]);
    let bars = Mark::Bars { label: HOSTILE.into(), y: vec![1.0, 2.0], low: vec![], high: vec![] };
    let panel = Panel { title: HOSTILE.into(), x: axis(), y: Axis::new(HOSTILE), equal: false, marks: vec![bars] };
    vec![Figure { id: HOSTILE.into(), title: HOSTILE.into(), caption: HOSTILE.into(), panels: vec![panel] }; 2]
}

#[test]
fn no_text_from_outside_becomes_markup() {
    let page = page_html(&hostile_report(), &hostile_figures()).unwrap();
    let plain = page_html(&sample::report(3), &sample::figures()[..2]).unwrap();
    let count = |page: &str, what: &str| page.matches(what).count();
    assert_eq!(count(&page, "<script"), 1, "only our own script");
    assert_eq!(count(&page, "</style>"), 1);
    assert_eq!(count(&page, "<img"), 0);
    assert_eq!(count(&page, "onerror=\""), 0);
    assert!(!page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert_eq!(count(&plain, "<script"), 1);
    for drawing in figure::draw(&hostile_figures()[0], figure::Theme::Slide, figure::Format::Wide).unwrap() {
        assert!(!drawing.svg.contains("<script") && !drawing.svg.contains("<img") && drawing.svg.ends_with("</svg>\n"));
    }
}

#[test]
fn markdown_and_terminal_stay_tables_whatever_the_text() {
    let mut report = hostile_report();
    report.claims.iter_mut().for_each(|c| c.says = "a | b\n\n# c `d` *e* <f>".into());
    let table = markdown::claims_table(&report);
    assert_eq!(table.lines().count(), 2 + report.claims.len());
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(table.lines().all(|line| bars(line) == 8), "{table}");
    assert!(!table.contains("<script") && !table.contains("<f>"));
    let text = terminal::claims_table(&report, 100, false);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_page_has_its_parts_in_order_and_loads_nothing() {
    let page = page_html(&sample::report(10), &sample::figures()).unwrap();
    let parts = [
        "<h1>Monge gap",
        "of 8 claims reproduced",
        "id=\"claims\"",
        "id=\"effect\"",
        "id=\"figures\"",
        "id=\"differences\"",
        "id=\"trials\"",
        "id=\"cost\"",
    ];
    let places: Vec<usize> = parts.iter().map(|p| page.rfind(p).unwrap_or_else(|| panic!("{p} is missing"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    for outside in ["src=", "@import", "url(", "<link", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let table = page.split("<table class=\"claims\">").nth(1).unwrap();
    assert_eq!(table.split("</table>").next().unwrap().matches("<tbody id=\"claim-").count(), 8);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 9, "each drawing has words: 2 of the effect, 2 + 3 + 2 panels");
    assert_eq!(page.matches("<details>").count(), sample::report(10).trials.len(), "each trial has its record");
    assert!(!page.contains("000000000"), "no number shows the noise of binary fractions");
}

#[test]
fn a_rule_that_counts_rules_shows_them() {
    let report = sample::report(10);
    let part = &report.claims.iter().find(|claim| claim.id == "MG-2").unwrap().parts[0];
    let accepts: Vec<_> = part.counted.iter().map(|rule| (rule.label.as_str(), rule.accepts)).collect();
    assert_eq!(accepts, [("over it", (None, Some(0.75))); 2]);
    let page = page_html(&report, &[]).unwrap();
    assert!(page.contains("<summary>the 2 rules</summary>"));
}

#[test]
fn files_stay_below_a_megabyte_whatever_the_number_of_trials() {
    let mut report = sample::report(10);
    report.trials = report.trials.iter().cycle().take(4000).cloned().collect();
    let page = page_html(&report, &sample::figures()).unwrap();
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert!(page.contains("further trials are in report.json") && page.ends_with("</html>\n"));
    let usual = page_html(&sample::report(10), &sample::figures()).unwrap();
    assert!(usual.len() < 400_000, "{}", usual.len());
    let many: Vec<f64> = (0..40_000).map(|i| f64::from(i).sin()).collect();
    let panel = Panel {
        marks: vec![Mark::points("points", many.clone(), many.clone()), Mark::line("line", many.clone(), many)],
        ..Default::default()
    };
    let crowded = page_html(&sample::report(10), &[Figure { panels: vec![panel], ..Default::default() }]).unwrap();
    assert!(crowded.len() < 700_000, "{}", crowded.len());
}

#[test]
fn the_report_file_is_read_back_and_has_one_trial_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reports/monge-gap.json");
    let report = sample::report(10);
    write_report_json(&path, &report, &sample::figures()).unwrap();
    assert_eq!(read_report_json(&path).unwrap(), report);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.len() < 200_000, "{}", text.len());
    assert!(!text.contains("\"loss\""), "series are not kept");
    let lines = text.lines().filter(|l| l.starts_with("    {\"key\":")).count();
    assert_eq!(lines, report.trials.len());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["figures"].as_array().unwrap().len(), 4);
    assert_eq!(value["claims"][0]["parts"][0]["accepts"], json!([null, 0.6]));
    std::fs::write(&path, "{}").unwrap();
    let error = read_report_json(&path).unwrap_err();
    assert_eq!((error.kind(), error.to_string().lines().count()), (Kind::File, 1));
    assert_eq!(read_report_json(folder.path().join("none.json")).unwrap_err().kind(), Kind::File);
}

#[test]
fn a_page_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let report = sample::report(10);
    let page = write_page(folder.path(), &report, &sample::figures()).unwrap();
    assert_eq!(page.figures.len(), 8);
    for file in page.figures.iter().chain([&page.index, &page.report]) {
        assert!(std::fs::metadata(file).unwrap().len() > 500, "{}", file.display());
    }
    assert_eq!(page.figures[0], folder.path().join("figures/effect.svg"));
    let svg = std::fs::read_to_string(&page.figures[0]).unwrap();
    assert!(!svg.contains("var(--") && svg.starts_with("<svg xmlns="), "a slide needs fixed colours");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = write_page(file.join("page"), &report, &[]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().lines().count()), (Kind::File, 1), "{error}");
}

#[test]
fn an_empty_report_is_still_a_page() {
    let mut report = sample::report(1);
    report.claims = Vec::<JudgedClaim>::new();
    report.trials.clear();
    report.differences.clear();
    let page = page_html(&report, &[]).unwrap();
    assert!(page.contains("0 of 0 claims reproduced") && page.contains("No trial has been run"));
    assert!(!report.all_reproduced());
    let figure = Figure { panels: vec![Panel::default()], ..Default::default() };
    assert_eq!(figure::draw(&figure, figure::Theme::Page, figure::Format::Narrow).unwrap().len(), 1);
}

#[test]
fn the_terminal_shows_every_claim_at_any_width() {
    let report = sample::report(10);
    for width in [40, 80, 100, 140, 200] {
        let text = terminal::claims_table(&report, width, false);
        assert!(text.lines().all(|l| l.chars().count() <= width), "{width}\n{text}");
        for claim in &report.claims {
            assert!(text.contains(&claim.id));
        }
    }
    let text = terminal::claims_table(&report, 140, true);
    assert!(text.contains("\u{1b}[32m✓ reproduced\u{1b}[0m"), "{text}");
    assert!(terminal::headline(&report).starts_with("Monge gap: ") && terminal::headline(&report).contains("of 54 trials"));
}

#[test]
fn the_sample_has_all_verdicts() {
    let report = sample::report(10);
    for verdict in [Verdict::Reproduced, Verdict::NotReproduced, Verdict::Inconclusive, Verdict::NotRun, Verdict::Failed] {
        assert!(report.count(verdict) > 0, "{verdict}: {:?}", report.claims.iter().map(|c| (&c.id, c.verdict)).collect::<Vec<_>>());
    }
}
