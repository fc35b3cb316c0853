#![doc = include_str!("README.md")]

pub mod algorithm;
mod analysis;
mod comparison;
mod ensemble;
mod import;
mod model;
mod params;
mod problems;
mod reproduction;
mod tasks;
#[cfg(test)]
mod tests;

pub use analysis::{Aligned, Degeneracy, Networks, WeightDistances};
pub use comparison::{Compared, Sensitive, Trend};
pub use ensemble::kernel_alignment;
pub use import::import;
pub use model::{Learning, Recording, Trained};
pub use params::{
    Align, Comparison, DegeneracyAnalysis, FeatureLearning, Havok, Parametrization, PifDistance, Problem, RnnEnsemble, Score, Sensitivity,
    States, Unit,
};
pub use problems::Trials;

use elinvar_core::{Card, Class, Method, NoParams, Paper, Role};

pub(crate) const SLUG: &str = "rnn-degeneracy";

const CARD: Card = Card {
    slug: SLUG,
    title: "Solution degeneracy of recurrent networks",
    family: "diagnostics",
    summary: "Whether recurrent networks trained on one task found one solution or many: in their dynamics, their weights and their behaviour.",
    paper: Paper {
        title: "Measuring and Controlling Solution Degeneracy across Task-Trained Recurrent Neural Networks",
        authors: "Ann Huang, Satpreet H. Singh, Flavio Martinelli, Kanaka Rajan",
        year: 2025,
        reference: "arXiv:2410.03972",
    },
    complexity: "a pair of operators of rank r: O(r^3) a step of the alignment, some hundred steps; a pair of networks of n units: O(n^3) a step of the matching",
    keywords: &[
        "recurrent neural networks",
        "dynamical similarity analysis",
        "DSA",
        "HAVOK",
        "Procrustes",
        "quadratic assignment",
        "neural population dynamics",
        "model comparison",
    ],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::DegeneracyStudy)
        .measurement::<tasks::AnalyzeTask>()
        .measurement::<tasks::CompareTask>()
        .measurement::<tasks::SensitivityTask>()
        .measurement::<tasks::AlignTask>()
        .measurement::<tasks::DsaTask>()
        .measurement::<tasks::PifTask>()
        .measurement::<tasks::HavokTask>()
        .estimator::<tasks::TrainTask>()
        .on_devices()
        .estimator::<tasks::ImportTask>()
        .operation::<tasks::StatesTask>()
        .operation::<tasks::LearningTask>()
        .class(
            Class::new::<DegeneracyAnalysis>("DegeneracyAnalysis", Role::Bound, "How alike recurrent networks are that learned one task.")
                .method("fit", "analyze")
                .method("compare", "compare")
                .taking(&["levels"])
                .method("sensitivity", "sensitivity")
                .taking(&["levels"])
                .method("align", "align")
                .taking(&["reference"])
                .attributes(&[
                    ("dynamical", "mean distance of the dynamics of two networks"),
                    ("weight", "mean distance of their weights"),
                    ("behavioral", "standard deviation of their losses under generalisation"),
                    ("dsa_matrix", "distances of dynamics (K, K)"),
                    ("dsa_least", "what those cannot be below (K, K)"),
                    ("null_dsa", "distance between the halves of each network's trials (K,)"),
                    ("p_value", "of the test that networks differ no more than that"),
                    ("mds", "points whose distances resemble `dsa_matrix_` (K, 2)"),
                    ("operators", "linear dynamics of each network (K, rank, rank)"),
                    ("networks_needed", "networks for an interval of the wanted precision"),
                    ("pif_matrix", "distances of weights (K, K)"),
                    ("pif_scale_free", "the same relative to the size of the weights (K, K)"),
                    ("pif_least", "what `pif_matrix_` cannot be below (K, K)"),
                    ("pif_permutations", "unit of network j for each unit of network i (K, K, n)"),
                ]),
        )
        .class(ensemble(
            Class::new::<RnnEnsemble>("RnnEnsemble", Role::Estimator, "Recurrent networks of one task, trained side by side."),
            "train",
        ))
        .class(ensemble(
            Class::new::<NoParams>(
                "ImportedNetworks",
                Role::Estimator,
                "Recurrent networks that were trained elsewhere, from their state dictionaries.",
            ),
            "import",
        ))
        .class(
            Class::new::<DegeneracyAnalysis>("dsa_distance", Role::Function, "Distance of the dynamics of two networks.").method_returning(
                "dsa_distance",
                "dsa-distance",
                &["distance"],
            ),
        )
        .class(
            Class::new::<PifDistance>(
                "pif_distance",
                Role::Function,
                "Distance of two networks' recurrent weights up to the order of units.",
            )
            .method("pif_distance", "pif-distance"),
        )
        .class(
            Class::new::<Havok>("havok", Role::Function, "Linear operator of recorded dynamics in whitened delay coordinates.")
                .method("havok", "havok"),
        )
}

/// What both kinds of ensembles offer.
fn ensemble(class: Class, verb: &'static str) -> Class {
    class.method("fit", verb).method("states", "states").method("feature_learning", "feature-learning").attributes(&[
        ("n_networks", "networks"),
        ("n_units", "units of each"),
        ("cell", "their unit"),
        ("convergence", "1 for a network that learned the task, else 0 (K,)"),
        ("loss", "mean loss of the last epoch (K,), of networks trained here"),
        ("steps", "steps of each network (K,), of networks trained here"),
    ])
}
