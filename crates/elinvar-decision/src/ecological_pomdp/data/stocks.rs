//! Records of real stocks: surveyed biomass and catch by year.

use crate::ecological_pomdp::fishery::{FisheryModel, HarvestOrder};
use elinvar_core::{Error, Result, Table};
use std::collections::BTreeMap;

/// One stock's record, years ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoricalStock {
    /// Name of the stock.
    pub name: String,
    /// Years.
    pub years: Vec<i64>,
    /// Surveyed biomass of every year, tonnes.
    pub biomass: Vec<f64>,
    /// Catch of every year, tonnes.
    pub catch: Vec<f64>,
    /// What rules recommended for every year, by rule, NaN where they say nothing.
    pub rules: BTreeMap<String, Vec<f64>>,
}

impl HistoricalStock {
    /// Largest recorded biomass: the unit in which the growth models of the stocks are fitted.
    pub fn largest_biomass(&self) -> f64 {
        self.biomass.iter().fold(0.0, |m, &b| m.max(b))
    }

    /// Sums of recommended or real catch over the years in which every one of `names` speaks (the real catch is named `catch`).
    ///
    /// # Errors
    /// When there is no such rule, or no year with all of them.
    pub fn sums(&self, names: &[&str]) -> Result<Vec<f64>> {
        let columns: Vec<&Vec<f64>> = names.iter().map(|n| self.column(n)).collect::<Result<_>>()?;
        let years: Vec<usize> = (0..self.years.len()).filter(|&i| columns.iter().all(|c| c[i].is_finite())).collect();
        if years.is_empty() {
            return Err(Error::input(format!("there is no year of '{}' in which all of {names:?} speak", self.name)));
        }
        Ok(columns.iter().map(|c| years.iter().map(|&i| c[i]).sum()).collect())
    }

    fn column(&self, name: &str) -> Result<&Vec<f64>> {
        if name == "catch" {
            return Ok(&self.catch);
        }
        self.rules.get(name).ok_or_else(|| Error::input(format!("there is no rule '{name}' in the record of '{}'", self.name)))
    }
}

/// Reads stocks from a table, in the order of their first rows.
///
/// Two forms are known: long, with columns year, stock (tonnes), commonname, model, where `model` is biomass, catch or a rule; and wide, with
/// columns stockid, year, biomass, catch. Years without both biomass and catch are left out; in the wide form also those with a catch above the
/// biomass.
///
/// # Errors
/// When a column is absent or of the wrong kind, or no stock is left.
pub fn read_stocks(table: &Table) -> Result<Vec<HistoricalStock>> {
    let long = table.column("commonname").is_ok();
    let (name_column, value_columns) = if long { ("commonname", vec!["stock"]) } else { ("stockid", vec!["biomass", "catch"]) };
    let names = table.column(name_column)?.to_labels();
    let years = table.numbers("year")?;
    let kinds = if long { Some(table.column("model")?.to_labels()) } else { None };
    let values = value_columns.iter().map(|c| loose_numbers(table, c)).collect::<Result<Vec<_>>>()?;
    let mut order: Vec<String> = Vec::new();
    // stock -> year -> series -> value
    let mut records: BTreeMap<String, BTreeMap<i64, BTreeMap<String, f64>>> = BTreeMap::new();
    for row in 0..table.n_rows() {
        let Some(name) = names[row].clone() else { continue };
        if !order.contains(&name) {
            order.push(name.clone());
        }
        let year = records.entry(name).or_default().entry(years[row] as i64).or_default();
        for (column, numbers) in value_columns.iter().zip(&values) {
            let series = kinds.as_ref().map_or(Some((*column).to_owned()), |k| k[row].clone());
            if let Some(series) = series {
                year.insert(series, numbers[row]);
            }
        }
    }
    let stocks: Vec<HistoricalStock> = order
        .into_iter()
        .filter_map(|name| records.remove(&name).map(|years| stock(name, &years, !long)))
        .filter(|s| !s.years.is_empty())
        .collect();
    if stocks.is_empty() {
        return Err(Error::input("the table has no stock with biomass and catch in the same year"));
    }
    Ok(stocks)
}

/// Numbers with missing cells as NaN; text cells such as NA count as missing.
fn loose_numbers(table: &Table, name: &str) -> Result<Vec<f64>> {
    let column = table.column(name)?;
    let text = || column.to_labels().into_iter().map(|l| l.and_then(|l| l.trim().parse().ok()).unwrap_or(f64::NAN)).collect();
    Ok(column.to_numbers().unwrap_or_else(text))
}

fn stock(name: String, years: &BTreeMap<i64, BTreeMap<String, f64>>, drop_overfished: bool) -> HistoricalStock {
    let get = |year: &BTreeMap<String, f64>, series: &str| year.get(series).copied().unwrap_or(f64::NAN);
    let usable = |year: &BTreeMap<String, f64>| {
        let (b, c) = (get(year, "biomass"), get(year, "catch"));
        b.is_finite() && c.is_finite() && !(drop_overfished && c > b)
    };
    let kept: Vec<(&i64, &BTreeMap<String, f64>)> = years.iter().filter(|(_, y)| usable(y)).collect();
    let series = |name: &str| kept.iter().map(|(_, y)| get(y, name)).collect::<Vec<f64>>();
    let known = kept.iter().flat_map(|(_, y)| y.keys()).filter(|k| !matches!(k.as_str(), "biomass" | "catch"));
    let rules = known.map(|k| (k.clone(), series(k))).collect();
    HistoricalStock { name, years: kept.iter().map(|(y, _)| **y).collect(), biomass: series("biomass"), catch: series("catch"), rules }
}

/// The paper's fitted model of one of its two stocks: Argentine hake or European plaice.
///
/// Biomass is in units of the largest recorded one; 150 grid points on [0, 4], sigma_m = 0.1, recruitment before the harvest.
///
/// # Errors
/// When the name is neither of them.
pub fn historical_model(name: &str) -> Result<FisheryModel> {
    let (r, k, sigma_g) = match name.to_lowercase().as_str() {
        "argentine hake" => (1.0379, 1.1977, 0.11217),
        "european plaice" => (0.90643, 1.77744, 0.12738),
        _ => return Err(Error::parameter("stock", "'Argentine hake' or 'European Plaice'", format!("'{name}'"))),
    };
    Ok(FisheryModel { r, k, sigma_g, sigma_m: 0.1, grid: (0.0, 4.0, 150), order: HarvestOrder::RecruitFirst, ..FisheryModel::default() })
}
