#![doc = include_str!("README.md")]

pub mod algorithm;
pub mod data;
mod model;
mod params;
mod reproduction;
#[cfg(test)]
mod tests;

pub use model::Location;
pub use params::__Class__;

use algorithm::shrunken_mean;
use elinvar_core::ndarray::{Array1, ArrayView1, CowArray, Ix1};
use elinvar_core::{
    Bundle, Card, Checked, Class, Context, Error, Estimator, Field, Fitted, Input, Method, NoParams, Operation, Output, Paper, Result, Role,
    Shape, Status, Table, check_finite_vector,
};

const CARD: Card = Card {
    slug: "__slug__",
    title: "__title__",
    family: "__family__",
    summary: "One sentence in plain words.",
    paper: Paper { title: "Title of the paper", authors: "Authors", year: 2026, reference: "arXiv:0000.00000" },
    complexity: "O(n) time, O(1) memory",
    keywords: &["mean"],
};

/// The method, for the registry of the family.
pub fn method() -> Method {
    let class = Class::new::<__Class__>("__Class__", Role::Estimator, "Estimates a location.").method("fit", "fit").method("center", "center");
    Method::new(CARD, include_str!("README.md"), reproduction::Claims).estimator::<__Class__>().operation::<Center>().class(class)
}

impl __Class__ {
    /// Fits to values (n) with default limits.
    ///
    /// # Errors
    /// For a parameter out of range, no values, or a value that is not finite.
    pub fn fit(&self, values: ArrayView1<'_, f64>) -> Result<Location> {
        fit(&Checked::new(self.clone())?, values)
    }
}

fn fit(params: &Checked<__Class__>, values: ArrayView1<'_, f64>) -> Result<Location> {
    if values.is_empty() {
        return Err(Error::input("'values' must have at least 1 row, got 0"));
    }
    check_finite_vector("values", values)?;
    let location = shrunken_mean(values, params.shrinkage);
    if !location.is_finite() {
        return Err(Error::numeric("the sum of 'values' overflows").hint("rescale them"));
    }
    Ok(Location { location })
}

/// Input of both tasks.
pub struct Values<'a> {
    /// Values (n).
    pub values: CowArray<'a, f64, Ix1>,
}

impl<'a> Input<'a> for Values<'a> {
    const FIELDS: &'static [Field] = &[Field::columns("values", Shape::Vector, "values (n)")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self { values: bundle.vector("values")? })
    }
}

impl Estimator for __Class__ {
    const SUMMARY: &'static str = "Estimate the location";
    type Params = Self;
    type Input<'a> = Values<'a>;
    type Model = Location;

    fn fit(params: &Checked<Self>, input: Values<'_>, _: &mut Context) -> Result<Fitted<Location>> {
        let model = fit(params, input.values.view())?;
        Ok(Fitted { model, status: Status::Converged, trace: Table::new() })
    }

    fn example() -> Bundle<'static> {
        Bundle::new().with("values", vec![1.0, 2.0, 4.0, 8.0])
    }
}

/// Output of `center`.
pub struct Centered {
    /// Values minus the location (n).
    pub centered: Array1<f64>,
}

impl Output for Centered {
    const FIELDS: &'static [Field] = &[Field::new("centered", Shape::Vector, "values minus the location (n)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("centered", self.centered)
    }
}

/// Subtracts the fitted location.
pub struct Center;

impl Operation for Center {
    const VERB: &'static str = "center";
    const SUMMARY: &'static str = "Subtract the fitted location";
    type Params = NoParams;
    type Model = Location;
    type Input<'a> = Values<'a>;
    type Output = Centered;

    fn apply(_: &Checked<NoParams>, model: &Location, input: Values<'_>, _: &mut Context) -> Result<Centered> {
        check_finite_vector("values", input.values.view())?;
        Ok(Centered { centered: model.center(input.values.view()) })
    }

    fn example() -> Bundle<'static> {
        <__Class__ as Estimator>::example()
    }
}
