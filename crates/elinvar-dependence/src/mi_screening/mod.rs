#![doc = include_str!("README.md")]

mod data;
mod file;
mod model;
mod params;
mod reproduction;
mod screen;
mod select;
mod stability;
mod target;
mod tasks;
#[cfg(test)]
mod tests;

pub use data::{Effect, Generated, generate};
pub use file::screen_file;
pub use model::Screen;
pub use params::{
    Amount, Bandwidth, BandwidthChoice, BandwidthName, Combination, Estimator, FileScreener, Kernel, MutualInfoScreener, MutualInformation,
    Outcome,
};
pub use screen::{Scores, Screening, ranking};
pub use stability::{Stability, borda, choose_bandwidth};
pub use tasks::Variables;

use elinvar_core::{Card, Checked, Class, Context, Method, Paper, Result, Role};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

pub(crate) const SLUG: &str = "mi-screening";

const CARD: Card = Card {
    slug: SLUG,
    title: "Mutual-information screening",
    family: "dependence",
    summary: "Scores up to millions of variables by their mutual information with an outcome and keeps the best, nonlinear effects included.",
    paper: Paper {
        title: "fastHDMI: Fast Mutual Information Estimation for High-Dimensional Data",
        authors: "Kai Yang, Masoud Asgharian, Nikhil Bhagwat, Jean-Baptiste Poline, Celia M. T. Greenwood",
        year: 2024,
        reference: "arXiv:2410.10082",
    },
    complexity: "O(n + G² log G) a variable on a G x G grid, O(n) with bins, about O(n sqrt(kn)) with k neighbours; memory for one chunk of variables",
    keywords: &["mutual information", "feature selection", "sure screening", "genomics", "neuroimaging", "kernel density", "PLINK"],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::ScreeningStudy)
        .estimator::<tasks::FitTask>()
        .estimator::<tasks::FitFileTask>()
        .operation::<tasks::TransformTask>()
        .operation::<tasks::ScoresTask>()
        .measurement::<tasks::InformationTask>()
        .measurement::<tasks::BinsTask>()
        .measurement::<tasks::BandwidthTask>()
        .measurement::<tasks::CombineTask>()
        .class(
            Class::new::<MutualInfoScreener>(
                "MutualInfoScreener",
                Role::Selector,
                "Selection of the variables that share the most information with an outcome.",
            )
            .method("fit", "fit")
            .method_returning("transform", "transform", &["transformed"])
            .method("fit_file", "fit-file")
            .method_returning("score_table", "scores", &["scores"])
            .attributes(&[
                ("scores", "Mutual information of each variable with the outcome in nats (p,); NaN without values."),
                ("linfoot", "The same as Linfoot's coefficient in [0, 1] (p,)."),
                ("ranking", "Rank of each variable, 1 for the best (p,)."),
                ("support", "Whether each variable is kept (p,)."),
                ("n_used_rows", "Complete rows of each variable (p,)."),
                ("n_bins", "Bins of a continuous outcome, with the estimator `binning`."),
                ("p_values", "Permutation p-values against the pooled null of all variables, with `n_permutations` > 0."),
                ("p_values_family", "Family-wise p-values (max-T)."),
                ("q_values", "q-values of Benjamini and Hochberg."),
            ]),
        )
        .class(
            Class::new::<MutualInformation>("mutual_information", Role::Function, "Mutual information of two variables, in nats.")
                .method_returning("mutual_information", "mutual-information", &["information"])
                .random(&["mutual_information"]),
        )
        .class(
            Class::new::<elinvar_core::NoParams>(
                "birge_rozenholc_bins",
                Role::Function,
                "Number of equal-width bins of a variable by the rule of Birgé and Rozenholc.",
            )
            .method_returning("birge_rozenholc_bins", "bins", &["n_bins"]),
        )
        .class(
            Class::new::<BandwidthChoice>(
                "choose_bandwidth",
                Role::Function,
                "The kernel bandwidth whose ranking of the variables is the most stable between halves of the rows.",
            )
            .method("choose_bandwidth", "choose-bandwidth")
            .random(&["choose_bandwidth"]),
        )
        .class(
            Class::new::<Combination>("combine_rankings", Role::Function, "Ranks of several estimators added up (Borda count).")
                .method_returning("combine_rankings", "combine", &["ranking"])
                .random(&["combine_rankings"]),
        )
}

impl MutualInfoScreener {
    /// Screens the variables `x` (n, p) for the outcome `y` (n,). Missing cells (NaN) are left out for each variable.
    ///
    /// # Errors
    /// Fewer than four complete rows, infinite values, a constant outcome, a binary one with more than two values, lengths that differ.
    pub fn fit(&self, x: ArrayView2<'_, f64>, y: ArrayView1<'_, f64>, ctx: &mut Context) -> Result<Screen> {
        tasks::screen(&Checked::new(self.clone())?.into_inner(), &Variables::from_matrix(x), &y.to_owned(), ctx)
    }
}

/// Two variables with the same rows.
#[derive(Clone, Debug)]
pub struct Pair {
    /// First variable (n,).
    pub x: Array1<f64>,
    /// Second variable (n,).
    pub y: Array1<f64>,
}

/// Mutual information of two variables, in nats. Rows where either is missing are left out; variables of two values, and genotypes
/// 0, 1, 2, count as classes.
///
/// # Errors
/// As [`Screening::new`] and [`Screening::score`].
pub fn information(params: &MutualInformation, pair: &Pair, ctx: &Context) -> Result<f64> {
    let Pair { x, y } = pair;
    if x.len() != y.len() {
        return Err(elinvar_core::Error::input(format!("x and y must have as many rows each, got {} and {}", x.len(), y.len())));
    }
    // The outcome of a screening is continuous or binary; genotypes go first.
    let genotypes = |v: &Array1<f64>| target::sort_of(&v.to_vec()) == target::Sort::Levels;
    let (x, y) = if genotypes(y) && !genotypes(x) { (y, x) } else { (x, y) };
    let screening = Screening::new(&params.screener(), y.view(), ctx)?;
    let scores = screening.score(x.view().insert_axis(Axis(0)), 0, &|_| "x".to_owned(), ctx)?;
    Ok(scores.scores[0])
}
