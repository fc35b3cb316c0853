#![doc = include_str!("README.md")]

pub mod algorithm;
pub mod baselines;
#[cfg(feature = "burn")]
pub mod burn;
pub mod certificate;
mod cost;
pub mod data;
pub mod metrics;
mod model;
mod params;
mod reproduction;
mod tasks;

#[cfg(test)]
mod tests;

pub use elinvar_math::transport::Cost as GroundCost;
pub use model::TransportMap;
pub use params::{Architecture, Certify, CostName, Divergence, GapMethod, MapGap, MongeGap, MongeGapMap, Weight};

use elinvar_core::{Card, Checked, Class, Context, Method, Paper, Result, Role};
use ndarray::ArrayView2;

pub(crate) const SLUG: &str = "monge-gap";

const CARD: Card = Card {
    slug: SLUG,
    title: "Monge gap",
    family: "transport",
    summary: "Learns optimal transport maps from unpaired samples with any network and cost, and measures how far a map is from optimal.",
    paper: Paper {
        title: "The Monge Gap: A Regularizer to Learn All Transport Maps",
        authors: "Théo Uscidda, Marco Cuturi",
        year: 2023,
        reference: "arXiv:2302.04953",
    },
    complexity: "a training step is O(b²) exponentials a Sinkhorn iteration for batches of b rows; the exact gap is O(n³), n <= 4096",
    keywords: &["optimal transport", "unpaired", "domain alignment", "perturbation", "Sinkhorn", "map", "batch correction"],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::MongeGapStudy)
        .estimator::<tasks::FitTask>()
        .operation::<tasks::ApplyTask>()
        .operation::<tasks::ScoreTask>()
        .operation::<tasks::MapGapTask>()
        .measurement::<tasks::GapTask>()
        .measurement::<tasks::GradientTask>()
        .measurement::<tasks::DivergenceTask>()
        .measurement::<tasks::CertificateTask>()
        .class(
            Class::new::<MongeGapMap>(
                "MongeGapMap",
                Role::Transformer,
                "An optimal transport map, learned from unpaired samples with the Monge gap.",
            )
            .method("fit", "fit")
            .method_returning("transform", "apply", &["images"])
            .method_returning("score", "score", &["score"])
            .method("gap", "map-gap"),
        )
        .class(Class::new::<MongeGap>("monge_gap", Role::Function, "How far a map x -> y is from optimal.").method("monge_gap", "gap"))
        .class(
            Class::new::<MongeGap>(
                "monge_gap_gradient",
                Role::Function,
                "The entropic Monge gap and its gradient with respect to the images.",
            )
            .method("monge_gap_gradient", "gradient"),
        )
        .class(
            Class::new::<Divergence>("sinkhorn_divergence", Role::Function, "Sinkhorn divergence between two samples.").method_returning(
                "sinkhorn_divergence",
                "divergence",
                &["divergence"],
            ),
        )
        .class(
            Class::new::<Certify>(
                "certificate",
                Role::Function,
                "Exact gap of a map with an interval, and the points that it moves wrongly.",
            )
            .method("certificate", "certificate")
            .random(&["certificate"]),
        )
}

/// The exact Monge gap of the map that takes row i of `x` (n, d) to row i of `y` (n, d), n <= 4096.
///
/// # Errors
/// Shapes that differ, non-finite values, too many rows.
pub fn monge_gap(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, cost: &GroundCost) -> Result<f64> {
    Ok(algorithm::exact_gap(x, y, cost, &Context::default())?.value)
}

impl MongeGapMap {
    /// Learns a map from `source` (n, d) to `target` (m, d).
    ///
    /// # Errors
    /// Parameters out of range, shapes that differ, non-finite values.
    pub fn fit(&self, source: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>, ctx: &mut Context) -> Result<TransportMap> {
        Ok(model::fit(&Checked::new(self.clone())?, source, target, None, ctx)?.model)
    }
}
