//! The one judge: reads rules and stored metrics, knows no method.

use super::claim::{Aggregate, Cell, Claim, Quantity, Rule, Scale, Threshold};
use super::evidence::Evidence;
use crate::random::stream;
use rand::RngExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What the evidence says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule holds, over the whole 95 % interval.
    Reproduced,
    /// The rule fails, over the whole 95 % interval.
    NotReproduced,
    /// The interval holds values on both sides.
    Inconclusive,
    /// Trials that the rule needs have not been run.
    NotRun,
    /// Trials that the rule needs ended in errors.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Reproduced => "reproduced",
            Verdict::NotReproduced => "not reproduced",
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotRun => "not run",
            Verdict::Failed => "failed",
        })
    }
}

/// One rule of a claim, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What is looked at.
    pub label: String,
    /// The aggregated quantity.
    pub value: Option<f64>,
    /// Its 95 % interval: paired bootstrap over seeds, or least and greatest seed where every seed must obey.
    pub interval: Option<(f64, f64)>,
    /// The threshold in words.
    pub threshold: String,
    /// Seeds that it rests on.
    pub seeds: usize,
    /// What the evidence says.
    pub verdict: Verdict,
    /// The rules that it counts, where it counts rules.
    pub counted: Vec<Part>,
}

/// A claim, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The claim.
    pub claim: Claim,
    /// What the evidence says of all its rules together.
    pub verdict: Verdict,
    /// The rules one by one.
    pub parts: Vec<Part>,
}

/// Judges every claim of a scale.
pub fn judge_all(claims: &[Claim], scale: Scale, evidence: &Evidence) -> Vec<Judgement> {
    claims.iter().filter(|c| c.scales.contains(&scale)).map(|c| judge(c, evidence)).collect()
}

/// Judges one claim. The worst part decides.
pub fn judge(claim: &Claim, evidence: &Evidence) -> Judgement {
    let parts: Vec<Part> = judge_rules(&claim.rules, evidence).into_iter().flatten().collect();
    Judgement { claim: claim.clone(), verdict: worst(&parts), parts }
}

/// The parts of each rule.
fn judge_rules(rules: &[Rule], evidence: &Evidence) -> Vec<Vec<Part>> {
    let judged = |rule| {
        let mut parts = judge_rule(rule, evidence);
        if let ([part], Some(place)) = (parts.as_mut_slice(), place_among_equals(rule, rules)) {
            part.label = format!("{}: {place}", part.label);
        }
        parts
    };
    rules.iter().map(judged).collect()
}

/// Where several rules of a claim look at the same thing, the conditions that tell them apart.
fn place_among_equals(rule: &Rule, rules: &[Rule]) -> Option<Cell> {
    let cell = |rule: &Rule| match rule {
        Rule::Holds { quantity: Quantity::Metric { of, .. } | Quantity::Ratio { of, .. } | Quantity::Difference { of, .. }, .. } => {
            Some(of.clone())
        }
        Rule::Slope { of, .. } => Some(of.clone()),
        _ => None,
    };
    let own = cell(rule)?;
    let equals = rules.iter().filter(|other| other.label() == rule.label() && *other != rule).filter_map(cell);
    let mut place = Cell::all();
    equals.for_each(|other| place.0.extend(own.beyond(&other).0));
    (!place.0.is_empty()).then_some(place)
}

fn judge_rule(rule: &Rule, evidence: &Evidence) -> Vec<Part> {
    match rule {
        Rule::Holds { label, quantity, by, threshold } => vec![judge_threshold(label, quantity, *by, threshold, evidence)],
        Rule::Ordered { label, metric, descending, strict } => descending
            .windows(2)
            .map(|pair| {
                let quantity = Quantity::Difference { metric, of: pair[0].clone(), to: pair[1].clone() };
                let threshold = if *strict { Threshold::Above(0.0) } else { Threshold::AtLeast(0.0) };
                let label = format!("{label}: {} minus {}", pair[0].beyond(&pair[1]), pair[1].beyond(&pair[0]));
                judge_threshold(&label, &quantity, Aggregate::Mean, &threshold, evidence)
            })
            .collect(),
        Rule::Slope { label, metric, against, of, threshold } => {
            let curves = curves_by_seed(evidence, metric, against, of);
            let slopes: Vec<f64> = curves.values().filter_map(|points| log_slope(points)).collect();
            vec![conclude(label, &slopes, &|draw| mean(draw.iter().map(|&i| slopes[i])), threshold, missing_verdict(evidence, &[of]))]
        }
        Rule::Most { label, of, at_least } => vec![most(label, of, *at_least, evidence)],
    }
}

/// Counts the rules that hold; the interval ends where those that are open would hold too.
fn most(label: &str, rules: &[Rule], at_least: usize, evidence: &Evidence) -> Part {
    let judged = judge_rules(rules, evidence);
    let count = |verdict| judged.iter().filter(|parts| worst(parts) == verdict).count();
    let (held, open) = (count(Verdict::Reproduced), count(Verdict::Inconclusive));
    let verdict = match () {
        () if count(Verdict::Failed) > 0 => Verdict::Failed,
        () if count(Verdict::NotRun) > 0 => Verdict::NotRun,
        () if held >= at_least => Verdict::Reproduced,
        () if held + open < at_least => Verdict::NotReproduced,
        () => Verdict::Inconclusive,
    };
    Part {
        label: label.to_owned(),
        value: Some(held as f64),
        interval: Some((held as f64, (held + open) as f64)),
        threshold: format!(">= {at_least} of {} rules", rules.len()),
        seeds: judged.iter().flatten().map(|part| part.seeds).min().unwrap_or(0),
        verdict,
        counted: judged.into_iter().flatten().collect(),
    }
}

/// The worst part decides; without parts nothing is proven.
fn worst(parts: &[Part]) -> Verdict {
    let order = [Verdict::Failed, Verdict::NotRun, Verdict::NotReproduced, Verdict::Inconclusive];
    match parts.is_empty() {
        true => Verdict::NotRun,
        false => order.into_iter().find(|&v| parts.iter().any(|p| p.verdict == v)).unwrap_or(Verdict::Reproduced),
    }
}

fn judge_threshold(label: &str, quantity: &Quantity, by: Aggregate, threshold: &Threshold, evidence: &Evidence) -> Part {
    let (metric, of, to) = match quantity {
        Quantity::Metric { metric, of } => (*metric, of, None),
        Quantity::Ratio { metric, of, to } | Quantity::Difference { metric, of, to } => (*metric, of, Some(to)),
    };
    let cells: Vec<&Cell> = std::iter::once(of).chain(to).collect();
    let missing = missing_verdict(evidence, &cells);
    let first = evidence.by_seed(metric, of);
    // Pairs: only seeds that both cells have.
    let pairs: Vec<(f64, f64)> = match to {
        None => first.values().map(|&x| (x, 1.0)).collect(),
        Some(to) => {
            let second = evidence.by_seed(metric, to);
            first.iter().filter_map(|(seed, &x)| second.get(seed).map(|&y| (x, y))).collect()
        }
    };
    let each: Vec<f64> = pairs.iter().map(|&pair| combine(quantity, pair)).collect();
    if by == Aggregate::Every {
        return every(label, &each, threshold, missing);
    }
    let statistic = |draw: &[usize]| aggregate(quantity, by, &pairs, draw);
    conclude(label, &each, &statistic, threshold, missing)
}

fn combine(quantity: &Quantity, (x, y): (f64, f64)) -> f64 {
    match quantity {
        Quantity::Metric { .. } => x,
        Quantity::Ratio { .. } => x / y,
        Quantity::Difference { .. } => x - y,
    }
}

fn aggregate(quantity: &Quantity, by: Aggregate, pairs: &[(f64, f64)], draw: &[usize]) -> f64 {
    let first = || draw.iter().map(|&i| pairs[i].0);
    let second = || draw.iter().map(|&i| pairs[i].1);
    match by {
        Aggregate::Mean | Aggregate::Every => mean(draw.iter().map(|&i| combine(quantity, pairs[i]))),
        Aggregate::RatioOfMeans => combine(quantity, (mean(first()), mean(second()))),
        Aggregate::Median => combine(quantity, (median(first()), median(second()))),
    }
}

/// Every seed obeys, or the claim does not hold.
fn every(label: &str, each: &[f64], threshold: &Threshold, missing: Option<Verdict>) -> Part {
    let low = each.iter().copied().reduce(f64::min);
    let high = each.iter().copied().reduce(f64::max);
    let fails = each.iter().copied().find(|&x| !threshold.holds(x));
    let verdict = match (missing, fails) {
        (Some(verdict), _) => verdict,
        _ if each.is_empty() => Verdict::NotRun,
        (None, None) => Verdict::Reproduced,
        (None, Some(_)) => Verdict::NotReproduced,
    };
    Part {
        label: label.to_owned(),
        value: fails.or(median_of(each)),
        interval: low.zip(high),
        threshold: format!("{threshold} for every seed"),
        seeds: each.len(),
        verdict,
        counted: Vec::new(),
    }
}

/// Bootstraps the statistic over seeds and holds the interval against the threshold.
fn conclude(label: &str, each: &[f64], statistic: &dyn Fn(&[usize]) -> f64, threshold: &Threshold, missing: Option<Verdict>) -> Part {
    let seeds = each.len();
    let all: Vec<usize> = (0..seeds).collect();
    let value = (seeds > 0).then(|| statistic(&all)).filter(|x| x.is_finite());
    let interval = value.map(|_| bootstrap(seeds, statistic));
    let verdict = match (missing, value, interval) {
        (Some(verdict), _, _) => verdict,
        (None, Some(value), Some((low, high))) => {
            let sides = [value, low, high].map(|x| threshold.holds(x));
            match sides {
                [true, true, true] => Verdict::Reproduced,
                // Both ends of the interval may miss a two-sided threshold on opposite sides of it.
                [false, false, false] if !straddles(threshold, low, high) => Verdict::NotReproduced,
                _ => Verdict::Inconclusive,
            }
        }
        _ => Verdict::NotRun,
    };
    Part { label: label.to_owned(), value, interval, threshold: threshold.to_string(), seeds, verdict, counted: Vec::new() }
}

fn straddles(threshold: &Threshold, low: f64, high: f64) -> bool {
    match *threshold {
        Threshold::Near { value, .. } | Threshold::WithinFactor { value, .. } => low < value && value < high,
        _ => false,
    }
}

const RESAMPLES: usize = 4000;
/// With more seeds there are fewer resamples: each then moves the interval less.
const DRAWS: usize = 40_000_000;
const LEAST_RESAMPLES: usize = 200;

/// Percentile interval of 95 % from resampled seeds; its own fixed stream, so that a verdict never changes by itself.
fn bootstrap(seeds: usize, statistic: &dyn Fn(&[usize]) -> f64) -> (f64, f64) {
    let mut random = stream(0, &[("judge", seeds as u64)]);
    let mut draw = vec![0; seeds];
    let resamples = (DRAWS / seeds.max(1)).clamp(LEAST_RESAMPLES, RESAMPLES);
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            draw.iter_mut().for_each(|i| *i = random.random_range(0..seeds));
            statistic(&draw)
        })
        .filter(|x| x.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN);
    (at(0.025), at(0.975))
}

/// Whether the cells lack results, and why.
fn missing_verdict(evidence: &Evidence, cells: &[&Cell]) -> Option<Verdict> {
    let lacks = |cell: &&Cell| evidence.in_cell(cell).next().is_none();
    let failed = |cell: &&Cell| evidence.all_in_cell(cell).any(|row| evidence.error(row).is_some());
    if cells.iter().any(failed) {
        return Some(Verdict::Failed);
    }
    cells.iter().any(lacks).then_some(Verdict::NotRun)
}

fn curves_by_seed(evidence: &Evidence, metric: &str, against: &str, of: &Cell) -> BTreeMap<u64, Vec<(f64, f64)>> {
    let mut curves: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for row in evidence.in_cell(of) {
        let x = evidence.field(row, against).and_then(|x| x.as_f64());
        if let Some(point) = x.zip(evidence.number(row, metric)) {
            curves.entry(evidence.seed(row)).or_default().push(point);
        }
    }
    curves
}

fn log_slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
    let (mx, my) = (mean(logs.iter().map(|p| p.0)), mean(logs.iter().map(|p| p.1)));
    let sxx: f64 = logs.iter().map(|p| (p.0 - mx).powi(2)).sum();
    let sxy: f64 = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    (sxx > 0.0).then(|| sxy / sxx)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for x in values {
        sum += x;
        count += 1.0;
    }
    sum / count
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    median_of(&values.collect::<Vec<_>>()).unwrap_or(f64::NAN)
}

fn median_of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(0.5 * (sorted[middle - 1] + sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::{PaperFigure, Source};
    use super::super::evidence::{Metrics, Outcome, Record};
    use super::*;
    use serde_json::json;

    fn evidence(rows: &[(&str, u64, f64)]) -> Evidence {
        let record = |&(arm, seed, x): &(&str, u64, f64)| Record {
            method: "m".into(),
            code: 1,
            trial: json!({"arm": arm, "seed": seed}),
            outcome: if x.is_nan() { Outcome::Error("broken".into()) } else { Outcome::Metrics(Metrics::new().with("loss", x)) },
            seconds: 0.0,
            environment: Default::default(),
        };
        rows.iter().map(record).collect()
    }

    fn claim(rule: Rule) -> Claim {
        Claim {
            id: "C1",
            says: "",
            paper: PaperFigure::Qualitative(""),
            source: Source::Pilot,
            scales: &[Scale::Quick],
            rules: vec![rule],
            finding: "",
        }
    }

    fn ratio(by: Aggregate, threshold: Threshold) -> Claim {
        claim(Rule::ratio("loss ratio", "loss", Cell::of("arm", "ours"), Cell::of("arm", "base"), by, threshold))
    }

    #[test]
    fn a_clear_effect_is_reproduced_and_its_reverse_is_not() {
        let rows = [("ours", 0, 1.0), ("ours", 1, 1.1), ("ours", 2, 0.9), ("base", 0, 2.0), ("base", 1, 2.1), ("base", 2, 2.2)];
        let judged = judge(&ratio(Aggregate::Mean, Threshold::AtMost(0.6)), &evidence(&rows));
        assert_eq!(judged.verdict, Verdict::Reproduced);
        let part = &judged.parts[0];
        assert!((part.value.unwrap() - (0.5 + 1.1 / 2.1 + 0.9 / 2.2) / 3.0).abs() < 1e-12);
        assert_eq!(part.seeds, 3);
        let swapped: Vec<_> = rows.iter().map(|&(arm, s, x)| (if arm == "ours" { "base" } else { "ours" }, s, x)).collect();
        assert_eq!(judge(&ratio(Aggregate::Mean, Threshold::AtMost(0.6)), &evidence(&swapped)).verdict, Verdict::NotReproduced);
    }

    #[test]
    fn an_interval_across_the_threshold_is_inconclusive() {
        let rows = [("ours", 0, 1.0), ("ours", 1, 3.0), ("base", 0, 2.0), ("base", 1, 2.0)];
        assert_eq!(judge(&ratio(Aggregate::Mean, Threshold::AtMost(1.05)), &evidence(&rows)).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn every_seed_means_every_seed() {
        let rows = [("ours", 0, 1.0), ("ours", 1, 1.9), ("base", 0, 2.0), ("base", 1, 2.0)];
        let judged = judge(&ratio(Aggregate::Every, Threshold::AtMost(0.75)), &evidence(&rows));
        assert_eq!(judged.verdict, Verdict::NotReproduced);
        assert_eq!(judged.parts[0].value, Some(0.95), "the seed that fails is shown");
    }

    #[test]
    fn rules_of_one_label_say_where_they_look() {
        let at = |arm| Rule::holds("loss", "loss", Cell::of("arm", arm), Aggregate::Mean, Threshold::Above(0.0));
        let claim = Claim { rules: vec![at("ours"), at("base")], ..claim(at("ours")) };
        let judged = judge(&claim, &evidence(&[("ours", 0, 1.0), ("base", 0, 2.0)]));
        let labels: Vec<&str> = judged.parts.iter().map(|p| p.label.as_str()).collect();
        assert_eq!(labels, ["loss: arm=ours", "loss: arm=base"]);
    }

    #[test]
    fn missing_and_failed_trials_are_never_results() {
        assert_eq!(judge(&ratio(Aggregate::Mean, Threshold::AtMost(1.0)), &evidence(&[("ours", 0, 1.0)])).verdict, Verdict::NotRun);
        let rows = [("ours", 0, 1.0), ("base", 0, 2.0), ("base", 1, f64::NAN)];
        assert_eq!(judge(&ratio(Aggregate::Mean, Threshold::AtMost(1.0)), &evidence(&rows)).verdict, Verdict::Failed);
    }

    #[test]
    fn order_is_judged_step_by_step() {
        let cells = ["a", "b", "c"].map(|arm| Cell::of("arm", arm)).to_vec();
        let rule = claim(Rule::descending("loss", "loss", cells));
        let falling = [("a", 0, 3.0), ("b", 0, 2.0), ("c", 0, 1.0)];
        let judged = judge(&rule, &evidence(&falling));
        assert_eq!((judged.verdict, judged.parts.len()), (Verdict::Reproduced, 2));
        let bent = [("a", 0, 3.0), ("b", 0, 0.5), ("c", 0, 1.0)];
        assert_eq!(judge(&rule, &evidence(&bent)).verdict, Verdict::NotReproduced);
    }

    #[test]
    fn slope_is_the_log_log_slope() {
        let mut e = Evidence::default();
        for (k, n) in [10.0_f64, 100.0, 1000.0].into_iter().enumerate() {
            let mut record = evidence(&[("ours", 0, n.powf(-0.5))]).record(0);
            record.trial = json!({"n": n, "seed": 0, "k": k});
            e.push(record);
        }
        let threshold = Threshold::Near { value: -0.5, within: 1e-9 };
        let rule = Rule::Slope { label: "rate", metric: "loss", against: "n", of: Cell::all(), threshold };
        assert_eq!(judge(&claim(rule), &e).verdict, Verdict::Reproduced);
    }

    #[test]
    fn two_sided_thresholds_know_both_sides() {
        let near = Threshold::Near { value: 1.0, within: 0.1 };
        assert!(near.holds(1.05) && !near.holds(1.2) && !near.holds(f64::NAN));
        let factor = Threshold::WithinFactor { value: 2.0, factor: 1.5 };
        assert!(factor.holds(1.4) && factor.holds(3.0) && !factor.holds(3.1));
    }

    #[test]
    fn a_median_ratio_is_the_ratio_of_medians() {
        let rows = [("ours", 0, 1.0), ("ours", 1, 2.0), ("ours", 2, 9.0), ("base", 0, 8.0), ("base", 1, 4.0), ("base", 2, 3.0)];
        let judged = judge(&ratio(Aggregate::Median, Threshold::AtMost(10.0)), &evidence(&rows));
        assert_eq!(judged.parts[0].value, Some(0.5));
    }

    #[test]
    fn most_rules_are_counted() {
        let found = evidence(&[("a", 0, 1.0), ("a", 1, 1.1), ("b", 0, -1.0), ("b", 1, -1.2), ("c", 0, 1.0), ("c", 1, -1.0)]);
        let above = |arm: &str| Rule::holds("above", "loss", Cell::of("arm", arm), Aggregate::Mean, Threshold::Above(0.0));
        let verdict = |arms: &[&str], at_least| {
            let rule = Rule::Most { label: "signs", of: arms.iter().map(|arm| above(arm)).collect(), at_least };
            let parts = judge_rule(&rule, &found);
            let labels: Vec<&str> = parts[0].counted.iter().map(|part| part.label.as_str()).collect();
            assert_eq!(labels, arms.iter().map(|arm| format!("above: arm={arm}")).collect::<Vec<_>>());
            (parts[0].verdict, parts[0].value, parts[0].interval)
        };
        assert_eq!(verdict(&["a", "b", "c"], 1), (Verdict::Reproduced, Some(1.0), Some((1.0, 2.0))));
        assert_eq!(verdict(&["a", "b", "c"], 2).0, Verdict::Inconclusive);
        assert_eq!(verdict(&["a", "b", "c"], 3).0, Verdict::NotReproduced);
        assert_eq!(verdict(&["a", "absent"], 1).0, Verdict::NotRun);
    }
}
