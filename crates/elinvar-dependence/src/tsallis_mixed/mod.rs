#![doc = include_str!("README.md")]

mod algorithm;
mod data;
mod design;
mod formula;
mod model;
mod params;
mod reproduction;
mod selection;
mod summary;
mod tasks;
#[cfg(test)]
mod tests;

pub use algorithm::{entropy, log_density, q_of};
pub use data::{Clustered, children, clustered, generator_r, generator_s};
pub use design::{Data, Source};
pub use model::{MixedModel, Observations};
pub use params::{
    Covariance, Nu, NuWord, PenaltyKind, RandomEffects, RandomWord, Residual, Select, SelectionPath, Solver, StandardErrors, Tails,
    TsallisMixedModel,
};
pub use selection::Path;
pub use summary::Summary;

use elinvar_core::{Card, Class, Method, Paper, Role};

pub(crate) const SLUG: &str = "tsallis-mixed";

const CARD: Card = Card {
    slug: SLUG,
    title: "Tsallis mixed model",
    family: "dependence",
    summary: "Linear mixed model with power-law tails: outlying groups lose weight, few of many fixed effects can be selected.",
    paper: Paper {
        title: "Contributions to Robust and Efficient Methods for Analysis of High Dimensional Data (manuscript 3)",
        authors: "Kai Yang",
        year: 2025,
        reference: "PhD thesis, McGill University",
    },
    complexity: "O(N (p² + q²)) time a pass over N rows, p fixed and q random effects; O(N (p + q)) memory; O(N p) a pass with a penalty",
    keywords: &[
        "mixed model",
        "robust",
        "Tsallis entropy",
        "q-Gaussian",
        "multivariate t",
        "clustered data",
        "variable selection",
        "outliers",
    ],
};

/// The method for the registry.
pub fn method() -> Method {
    let class = Class::new::<TsallisMixedModel>(
        "TsallisMixedModel",
        Role::Regressor,
        "Linear mixed model with power-law tails: outlying groups lose weight, fixed effects can be selected.",
    )
    .method("fit", "fit")
    .method_returning("predict", "predict", &["prediction"])
    .method("path", "path")
    .method("summary", "summary")
    .random(&["path"])
    .attributes(&[
        ("coef", "Fixed effects (p,), without the intercept."),
        ("intercept", "Fixed intercept."),
        ("bse", "Standard errors of `coef_` (p,); absent with a penalty."),
        ("intercept_bse", "Standard error of the intercept; absent with a penalty."),
        ("cov_re", "Scatter of the random effects (q, q)."),
        ("scale", "Scatter of the errors."),
        ("nu", "Degrees of freedom."),
        ("rho", "Correlation of successive errors of a group."),
        ("q_by_size", "Entropic index by number of rows of a group."),
        ("random_effects", "Predicted random effects (m, q), groups in the order of their first rows."),
        ("group_labels", "Labels of the groups, in that order."),
        ("group_weights", "Weights of the groups (m,); small for outlying ones, 1 on average."),
        ("outlier_pvalue", "Tail probability of each group against the Gaussian core (m,)."),
        ("outlier_pvalue_adjusted", "The same after Benjamini and Hochberg's correction."),
        ("outlier_pvalue_model", "Tail probability of each group under the fitted model (m,); absent with shape `observation`."),
        ("observation_weights", "Weights of the rows (n,); with shape `observation` only, as the next three."),
        ("observation_pvalue", "Tail probability of each row against the Gaussian core (n,)."),
        ("observation_pvalue_adjusted", "The same after Benjamini and Hochberg's correction."),
        ("outlier_observations", "Positions of the rows flagged at a false discovery rate of 5 %."),
        ("outliers", "Labels of the groups flagged at a false discovery rate of 5 %."),
        ("loglik", "Log likelihood."),
        ("tail_statistic", "Likelihood ratio of the Gaussian against the estimated degrees of freedom."),
        ("tail_pvalue", "Its p-value."),
        ("coef_names", "Names of `coef_`."),
        ("random_names", "Names of the random effects."),
        ("n_iter", "Steps of the solver."),
        ("n_passes", "Passes over the groups."),
        ("converged", "Whether the steps met their criterion."),
        ("is_gaussian", "Whether nu is infinite or at its upper bound."),
    ]);
    Method::new(CARD, include_str!("README.md"), reproduction::TsallisMixedStudy)
        .estimator::<tasks::FitTask>()
        .operation::<tasks::PredictTask>()
        .operation::<tasks::SummaryTask>()
        .measurement::<tasks::PathTask>()
        .class(class)
}
