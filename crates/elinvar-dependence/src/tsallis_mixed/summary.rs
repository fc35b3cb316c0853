//! What a fitted model says, as tables.

use super::algorithm::q_of;
use super::model::MixedModel;
use elinvar_core::{Column, Result, Table};
use elinvar_math::special::normal_probability;

/// Tables of a fitted model.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Fixed effects with standard errors, z, p and 95 % intervals (none of these with a penalty).
    pub coefficients: Table,
    /// Scatter of the random effects.
    pub random: Table,
    /// Every group with weight and tail probabilities.
    pub groups: Table,
    /// Figures of the fit: name and value.
    pub fit: Table,
}

impl MixedModel {
    /// Tables of estimates, groups and figures of the fit.
    ///
    /// # Errors
    /// Never for a model that was fitted.
    pub fn summary(&self) -> Result<Summary> {
        Ok(Summary { coefficients: self.coefficients()?, random: self.random()?, groups: self.group_table()?, fit: self.figures()? })
    }

    fn coefficients(&self) -> Result<Table> {
        const QUANTILE: f64 = 1.959_963_984_540_054;
        let (names, estimates): (Vec<String>, Vec<f64>) = self.fixed_effects().into_iter().unzip();
        let table = Table::new().with("name", text(&names))?.with("estimate", Column::Number(estimates.clone()))?;
        let Some(errors) = self.standard_errors() else { return Ok(table) };
        let z: Vec<f64> = estimates.iter().zip(&errors).map(|(b, e)| b / e).collect();
        let bound = |sign: f64| Column::Number(estimates.iter().zip(&errors).map(|(b, e)| b + sign * QUANTILE * e).collect());
        table
            .with("std_error", Column::Number(errors.clone()))?
            .with("z", Column::Number(z.clone()))?
            .with("p_value", Column::Number(z.iter().map(|z| 2.0 * normal_probability(-z.abs(), 0.0, 1.0)).collect()))?
            .with("low", bound(-1.0))?
            .with("high", bound(1.0))
    }

    fn random(&self) -> Result<Table> {
        let names = self.design.random_names();
        let covariance = self.covariance_of_effects();
        let mut table = Table::new().with("name", text(&names))?.with("sd", Column::Number(covariance.diag().mapv(f64::sqrt).to_vec()))?;
        for (column, name) in covariance.columns().into_iter().zip(&names) {
            table.push(format!("scatter with {name}"), Column::Number(column.to_vec()))?;
        }
        Ok(table)
    }

    fn group_table(&self) -> Result<Table> {
        let mut table = Table::new()
            .with("group", text(&self.labels))?
            .with("rows", Column::Integer(self.sizes.iter().map(|&n| n as i64).collect()))?
            .with("q", Column::Number(self.sizes.iter().map(|&n| q_of(self.parameters.nu, n)).collect()))?
            .with("weight", Column::Number(self.weights.to_vec()))?
            .with("p_core", Column::Number(self.core.to_vec()))?
            .with("p_adjusted", Column::Number(self.adjusted.to_vec()))?;
        if let Some(model) = &self.model {
            table.push("p_model", Column::Number(model.to_vec()))?;
        }
        table.with("outlier", Column::Bool(self.flags()))
    }

    fn figures(&self) -> Result<Table> {
        let rows: usize = self.sizes.iter().sum();
        let mut figures = vec![
            ("rows", rows as f64),
            ("groups", self.labels.len() as f64),
            (if self.observations.is_some() { "log_likelihood_bound" } else { "log_likelihood" }, self.log_likelihood),
            ("aic", 2.0 * self.count() as f64 - 2.0 * self.log_likelihood),
            ("bic", self.count() as f64 * (rows as f64).ln() - 2.0 * self.log_likelihood),
            ("scale", self.parameters.sigma2),
            ("nu", self.parameters.nu),
            ("rho", self.parameters.rho),
        ];
        if let Some((statistic, p)) = self.tail_test() {
            figures.extend([("tail_statistic", statistic), ("tail_p_value", p)]);
        }
        figures.extend([("iterations", self.iterations as f64), ("passes", self.passes as f64)]);
        let (names, values): (Vec<&str>, Vec<f64>) = figures.into_iter().unzip();
        Table::new().with("figure", text(&names))?.with("value", Column::Number(values))
    }

    /// Free parameters: effects that are not zero, entries of the scatters that are not zero, and the rest.
    fn count(&self) -> usize {
        let nonzero = |values: &[f64]| values.iter().filter(|v| **v != 0.0).count();
        let fixed = if self.restricted { 0 } else { nonzero(&self.parameters.beta) };
        fixed + nonzero(&self.parameters.root) + 1 + usize::from(self.estimated_nu) + usize::from(self.parameters.rho != 0.0)
    }
}

pub(super) fn text<S: AsRef<str>>(values: &[S]) -> Column {
    Column::Text(values.iter().map(|v| Some(v.as_ref().to_owned())).collect())
}
