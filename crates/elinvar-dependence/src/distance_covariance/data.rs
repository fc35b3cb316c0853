//! The generators of the reproduction, and the designs of the paper's two data sets.

#[cfg(test)]
use super::encode::{Block, Protected};
use elinvar_core::{Column, Error, Result, Stream, Table};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Poisson, StandardNormal};
use std::collections::BTreeMap;

/// Rows with features, outcomes, exposures and protected attributes.
#[derive(Clone, Debug)]
pub struct Portfolio {
    /// Features (n, d).
    pub x: Array2<f64>,
    /// Outcomes (n,).
    pub y: Array1<f64>,
    /// Exposures (n,).
    pub exposure: Array1<f64>,
    /// Protected columns.
    pub protected: Table,
}

impl Portfolio {
    /// The rows at these positions.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Portfolio {
        Portfolio {
            x: self.x.select(ndarray::Axis(0), rows),
            y: self.y.select(ndarray::Axis(0), rows),
            exposure: self.exposure.select(ndarray::Axis(0), rows),
            protected: self.protected.take(rows),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }
}

fn normal(random: &mut Stream) -> f64 {
    StandardNormal.sample(random)
}

/// Generator X: two fair coins S1, S2 whose *combination* moves the first feature, so that each marginal looks fair.
///
/// x1 = 0.8 (2 S1 - 1)(2 S2 - 1) + 0.6 e1, x2 = e2, x3 = 0.5 S1 + e3, y = x1 + x2 + 0.5 x3 + 0.5 e4.
pub fn crossed(n: usize, random: &mut Stream) -> Portfolio {
    let mut x = Array2::zeros((n, 3));
    let mut y = Array1::zeros(n);
    let (mut first, mut second) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for i in 0..n {
        let (a, b) = (random.random_bool(0.5), random.random_bool(0.5));
        let sign = |s: bool| if s { 1.0 } else { -1.0 };
        x[[i, 0]] = 0.8 * sign(a) * sign(b) + 0.6 * normal(random);
        x[[i, 1]] = normal(random);
        x[[i, 2]] = 0.5 * f64::from(u8::from(a)) + normal(random);
        y[i] = x[[i, 0]] + x[[i, 1]] + 0.5 * x[[i, 2]] + 0.5 * normal(random);
        first.push(a);
        second.push(b);
    }
    let protected = columns([("s1", Column::Bool(first)), ("s2", Column::Bool(second))]);
    Portfolio { x, y, exposure: Array1::ones(n), protected }
}

const REGIONS: [f64; 10] = [0.237, 0.224, 0.151, 0.076, 0.054, 0.053, 0.052, 0.052, 0.052, 0.049];

/// Generator M: a motor portfolio with gender and ten regions that move two features; with probability `dependence` women live in the
/// last five regions only.
pub fn motor(n: usize, dependence: f64, random: &mut Stream) -> Portfolio {
    let mut x = Array2::zeros((n, 8));
    let (mut y, mut exposure) = (Array1::zeros(n), Array1::zeros(n));
    let (mut genders, mut regions) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for i in 0..n {
        let woman = random.random_bool(0.37);
        let moved = woman && random.random_bool(dependence);
        let region = draw(if moved { 5 } else { 0 }, random);
        let z = -1.0 + 2.0 * region as f64 / 9.0;
        let sign = if woman { 1.0 } else { -1.0 };
        x[[i, 0]] = z + 0.5 * normal(random);
        x[[i, 1]] = 0.7 * sign * z + 0.7 * normal(random);
        (2..8).for_each(|j| x[[i, j]] = normal(random));
        exposure[i] = random.random_range(0.2..1.0);
        let rate = (-2.0 + 0.35 * x[[i, 0]] + 0.35 * x[[i, 1]] + 0.2 * x[[i, 2]] - 0.2 * x[[i, 3]]).exp();
        y[i] = Poisson::new(exposure[i] * rate).map_or(0.0, |p| p.sample(random));
        genders.push(woman);
        regions.push(Some(format!("r{region}")));
    }
    let protected = columns([("gender", Column::Bool(genders)), ("region", Column::Text(regions))]);
    Portfolio { x, y, exposure, protected }
}

/// A region by its share, from `first` on.
fn draw(first: usize, random: &mut Stream) -> usize {
    let total: f64 = REGIONS[first..].iter().sum();
    let mut left = random.random_range(0.0..total);
    (first..REGIONS.len())
        .find(|&r| {
            left -= REGIONS[r];
            left < 0.0
        })
        .unwrap_or(REGIONS.len() - 1)
}

/// A table of columns that are known to have one length and distinct names.
fn columns<const N: usize>(columns: [(&str, Column); N]) -> Table {
    columns.into_iter().fold(Table::new(), |table, (name, column)| table.clone().with(name, column).unwrap_or(table))
}

/// Motor third-party liability data `pg15training` as the authors use it: the first 21 rows (duplicates) dropped, target Numtppd,
/// exposure Exppdays / 365, protected Gender and Group2 (region), 37 features.
///
/// # Errors
/// When a column is absent.
pub fn pg15(table: &Table) -> Result<Portfolio> {
    let rows: Vec<usize> = (21..table.n_rows()).collect();
    let table = table.take(&rows);
    let mut features: Vec<Vec<f64>> = Vec::new();
    for name in ["Age", "Bonus", "Poldur", "Value", "Density"] {
        features.push(min_max(table.numbers(name)?.to_vec()));
    }
    for name in ["Type", "Occupation", "Group1"] {
        features.extend(one_hot(&labels(&table, name)?));
    }
    let category = labels(&table, "Category")?;
    let mut levels = category.clone();
    levels.sort();
    levels.dedup();
    features.push(category.iter().map(|c| levels.iter().position(|l| l == c).unwrap_or(0) as f64).collect());
    let text = |name: &str| Ok::<_, Error>(Column::Text(labels(&table, name)?.into_iter().map(Some).collect()));
    let protected = Table::new().with("gender", text("Gender")?)?.with("region", text("Group2")?)?;
    Ok(Portfolio {
        x: to_matrix(&features),
        y: table.numbers("Numtppd")?,
        exposure: table.numbers("Exppdays")?.mapv(|d| d / 365.0),
        protected,
    })
}

/// CSV text whose header names every column once: the second `x` becomes `x.1`, the third `x.2`. The published COMPAS file repeats
/// `decile_score` and `priors_count`, which a table cannot hold. Header names must not be quoted.
pub fn with_distinct_names(csv: &str) -> String {
    let (header, rows) = csv.split_once('\n').unwrap_or((csv, ""));
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let rename = |name| {
        let times = seen.entry(name).and_modify(|times| *times += 1).or_insert(0);
        if *times == 0 { name.to_owned() } else { format!("{name}.{times}") }
    };
    let names: Vec<String> = header.trim_end_matches('\r').split(',').map(rename).collect();
    format!("{}\n{rows}", names.join(","))
}

/// COMPAS two-year recidivism after the standard filter (6,172 rows); protected gender, race (four levels) and age.
///
/// # Errors
/// When a column is absent.
pub fn compas(table: &Table) -> Result<Portfolio> {
    let cell = |name: &str| Ok::<_, Error>(table.column(name)?.to_labels());
    let (charge, score) = (cell("c_charge_degree")?, cell("score_text")?);
    let days = table.column("days_b_screening_arrest")?.to_numbers().unwrap_or_default();
    let recid = table.column("is_recid")?.to_numbers().unwrap_or_default();
    let known = |cells: &[Option<String>], i: usize, bad: &str| cells[i].as_deref().is_some_and(|c| c != bad);
    let keep = |&i: &usize| days[i].abs() <= 30.0 && recid[i] != -1.0 && known(&charge, i, "O") && known(&score, i, "N/A");
    let table = table.take(&(0..table.n_rows()).filter(keep).collect::<Vec<_>>());
    let mut features: Vec<Vec<f64>> = Vec::new();
    for name in ["priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count"] {
        features.push(min_max(table.numbers(name)?.to_vec()));
    }
    features.push(labels(&table, "c_charge_degree")?.iter().map(|c| f64::from(u8::from(c == "F"))).collect());
    let race = labels(&table, "race")?.into_iter().map(|r| match r.as_str() {
        "African-American" | "Caucasian" | "Hispanic" => Some(r),
        _ => Some("Other".to_owned()),
    });
    let protected = Table::new()
        .with("gender", Column::Text(labels(&table, "sex")?.into_iter().map(Some).collect()))?
        .with("race", Column::Text(race.collect()))?
        .with("age", Column::Number(table.numbers("age")?.to_vec()))?;
    let y = table.numbers("two_year_recid")?;
    Ok(Portfolio { x: to_matrix(&features), exposure: Array1::ones(y.len()), y, protected })
}

/// Splits rows into a first part of about `share` and a second with the rest, each stratum by itself: both hold the strata in their
/// proportions. Rows come back in rising order.
///
/// Each stratum gives its whole number of rows to the first part; the rows left over by rounding are filled up at random, so that the
/// first part has round(share * n) rows in all.
pub fn stratified_split(strata: &[String], share: f64, random: &mut Stream) -> (Vec<usize>, Vec<usize>) {
    let mut of_stratum: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    strata.iter().enumerate().for_each(|(row, stratum)| of_stratum.entry(stratum).or_default().push(row));
    let (mut first, mut second, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
    for mut rows in of_stratum.into_values() {
        rows.shuffle(random);
        let exact = share * rows.len() as f64;
        let mut rest = rows.split_off((exact.floor() as usize).min(rows.len()));
        first.extend(rows);
        if exact.fract() > 0.0 {
            undecided.extend(rest.pop());
        }
        second.extend(rest);
    }
    undecided.shuffle(random);
    let missing = ((share * strata.len() as f64).round() as usize).saturating_sub(first.len()).min(undecided.len());
    second.extend(undecided.split_off(missing));
    first.extend(undecided);
    first.sort_unstable();
    second.sort_unstable();
    (first, second)
}

fn labels(table: &Table, name: &str) -> Result<Vec<String>> {
    let cells = table.column(name)?.to_labels().into_iter().enumerate();
    cells.map(|(row, c)| c.ok_or_else(|| Error::input(format!("column '{name}' has a missing value in row {row}")))).collect()
}

fn min_max(values: Vec<f64>) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.into_iter().map(|x| if high > low { (x - low) / (high - low) } else { 0.0 }).collect()
}

fn one_hot(labels: &[String]) -> Vec<Vec<f64>> {
    let mut levels = labels.to_vec();
    levels.sort();
    levels.dedup();
    levels.iter().map(|level| labels.iter().map(|l| f64::from(u8::from(l == level))).collect()).collect()
}

fn to_matrix(columns: &[Vec<f64>]) -> Array2<f64> {
    let n = columns.first().map_or(0, Vec::len);
    Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j][i])
}

/// The blocks of the sheet's worked example: gender-like, three levels, and an age on its own scale.
#[cfg(test)]
pub(crate) fn worked_example() -> (Array1<f64>, Protected) {
    let y = Array1::from_iter((0..8).map(|i| f64::from(1 + i).sin() + 0.1 * f64::from(i)));
    let levels = [0, 0, 1, 1, 2, 2, 0, 1];
    let one_hot = |level| levels.iter().map(|&l| f64::from(u8::from(l == level))).collect::<Vec<f64>>();
    let blocks = vec![
        Block::new("s1", vec![(0..8).map(|i| f64::from(i % 2)).collect()]),
        Block::new("s2", (0..3).map(one_hot).collect()),
        Block::new("age", vec![(0..8).map(|i| f64::from((i * i) % 7) / 7.0).collect()]),
    ];
    (y, Protected::new(blocks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use elinvar_core::random::stream;

    #[test]
    fn a_stratified_split_keeps_the_proportions() {
        let strata: Vec<String> = (0..1000).map(|i| if i % 10 == 0 { "rare".into() } else { format!("s{}", i % 3) }).collect();
        let (first, second) = stratified_split(&strata, 0.8, &mut stream(1, &[("split", 0)]));
        assert_eq!((first.len(), second.len()), (800, 200));
        let mut all = [first.clone(), second].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        let count = |label: &str, rows: &[usize]| rows.iter().filter(|&&i| strata[i] == label).count();
        assert_eq!(count("rare", &first), 80);
        for label in ["s0", "s1", "s2"] {
            let (kept, whole) = (count(label, &first) as f64, count(label, &all) as f64);
            assert!((kept - 0.8 * whole).abs() < 1.0, "{label}: {kept} of {whole}");
        }
    }

    #[test]
    fn strata_of_one_row_are_shared_out() {
        let strata: Vec<String> = (0..50).map(|i| i.to_string()).collect();
        let (first, second) = stratified_split(&strata, 0.7, &mut stream(2, &[("split", 0)]));
        assert_eq!((first.len(), second.len()), (35, 15));
        assert_eq!(stratified_split(&[], 0.7, &mut stream(2, &[])), (vec![], vec![]));
    }

    #[test]
    fn repeated_header_names_are_told_apart() {
        assert_eq!(with_distinct_names("a,b,a,a\r\n1,2,3,4\n"), "a,b,a.1,a.2\n1,2,3,4\n");
        assert_eq!(with_distinct_names("a,b"), "a,b\n");
    }

    #[test]
    fn generators_have_the_stated_moments() {
        let portfolio = crossed(20_000, &mut stream(3, &[("x", 0)]));
        let column = |j: usize| portfolio.x.column(j).mean().unwrap();
        assert!(column(0).abs() < 0.03 && column(1).abs() < 0.03 && (column(2) - 0.25).abs() < 0.03);
        // Var x1 = 0.64 + 0.36.
        assert!((portfolio.x.column(0).var(0.0) - 1.0).abs() < 0.04);
        let share_of_women_beyond = |dependence: f64| {
            let m = motor(20_000, dependence, &mut stream(4, &[("m", 0)]));
            let genders = m.protected.column("gender").unwrap().to_labels();
            let regions = m.protected.column("region").unwrap().to_labels();
            let women = || genders.iter().zip(&regions).filter(|(g, _)| g.as_deref() == Some("true"));
            assert!((women().count() as f64 / 20_000.0 - 0.37).abs() < 0.015);
            women().filter(|(_, r)| r.as_deref().unwrap() >= "r5").count() as f64 / women().count() as f64
        };
        // The last five of ten regions hold 0.258 of all, and of women with probability 0.6 + 0.4 * 0.258 when they are resampled.
        assert!((share_of_women_beyond(0.0) - 0.258).abs() < 0.02);
        assert!((share_of_women_beyond(0.6) - 0.7032).abs() < 0.02);
    }
}
