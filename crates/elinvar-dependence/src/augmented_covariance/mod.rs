#![doc = include_str!("README.md")]

mod baselines;
mod choose;
mod combine;
mod data;
mod embedding;
mod epochs;
mod evaluate;
mod machine;
mod model;
mod params;
mod reproduction;
mod search;
mod state;
mod tasks;
#[cfg(test)]
mod tests;

pub use choose::{Chosen, ami_cao, mdop};
pub use combine::combine_tests;
pub use data::{Recording, oscillators};
pub use elinvar_data::classes::Classes;
pub use embedding::{Embedding, covariances};
pub use evaluate::{Comparison, Recordings};
pub use model::{AcmModel, Point, Predicted};
pub use params::{
    AcmClassifier, AugmentedCovariance, BandPassFilter, Choice, ClassifierKind, EnsembleKind, EstimatorChoice, Evaluation, FreeRule,
    Geometry, KernelChoice, KernelKind, OneOrMore, Pipeline, Rule, Scheme, Scoring, SelectEmbedding, Selection, SpdMap, SpdMean,
};

use elinvar_core::{Card, Class, Method, Paper, Role};

pub(crate) const SLUG: &str = "augmented-covariance";

const CARD: Card = Card {
    slug: SLUG,
    title: "Augmented covariance",
    family: "dependence",
    summary: "Classifies short multichannel signals (EEG, EMG, motion) by the covariance of delayed copies of their channels.",
    paper: Paper {
        title: "Classification of BCI-EEG based on augmented covariance matrix",
        authors: "Igor Carrara, Theodore Papadopoulo",
        year: 2023,
        reference: "arXiv:2302.04508",
    },
    complexity: "grid of orders and lags: O(P d² T) a lag and epoch for all orders P together; geometric mean and tangent mapping O(n (p d)³) an \
                 iteration",
    keywords: &[
        "EEG",
        "BCI",
        "motor imagery",
        "Riemannian geometry",
        "covariance",
        "delay embedding",
        "tangent space",
        "SPD",
        "time series",
    ],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::AugmentedCovarianceStudy)
        .measurement::<tasks::CovarianceTask>()
        .estimator::<tasks::FitTask>()
        .operation::<tasks::PredictTask>()
        .measurement::<tasks::EvaluateTask>()
        .measurement::<tasks::CombineTask>()
        .measurement::<tasks::SelectTask>()
        .measurement::<tasks::BandPassTask>()
        .measurement::<tasks::DistanceTask>()
        .measurement::<tasks::MeanTask>()
        .measurement::<tasks::MapTask>()
        .measurement::<tasks::TangentTask>()
        .class(
            Class::new::<AugmentedCovariance>(
                "AugmentedCovariance",
                Role::SignalTransformer,
                "Covariance matrices of delay-embedded epochs, for any pipeline of SPD matrices.",
            )
            .method_returning("transform", "covariance", &["matrices"]),
        )
        .class(
            Class::new::<AcmClassifier>(
                "ACMClassifier",
                Role::SignalClassifier,
                "Classifier of epochs on augmented covariances, with order, lag, C and kernel chosen inside the training set.",
            )
            .method("fit", "fit")
            .method_returning("predict", "predict", &["code"])
            .method_returning("predict_proba", "predict", &["probabilities"])
            .method_returning("decision_function", "predict", &["decision"])
            .attributes(&[
                ("order", "chosen order p"),
                ("lag", "chosen lag τ in samples"),
                ("grid_scores", "cross-validated score of every order (rows) and lag (columns), NaN where one does not fit"),
                ("grid_orders", "orders of the rows of grid_scores"),
                ("grid_lags", "lags of the columns of grid_scores"),
                ("region", "grid points within 99 % of the best score: order, lag, score"),
                ("mean", "geometric mean of the training covariances (tangent_svm)"),
                ("class_means", "geometric mean of each class (mdm)"),
                ("svm", "C, kernel and number of support vectors (tangent_svm)"),
                ("embedding_dim", "rows of the covariance matrices: channels times order"),
                ("condition_numbers", "largest over smallest eigenvalue of each training covariance"),
                ("members", "embedding and estimator of each member of the ensemble"),
            ]),
        )
        .class(function("bandpass", "bandpass", &["X"], "Epochs filtered to a band without phase shift."))
        .class(
            function("evaluate_within_session", "evaluate", &[], "Comparison of classifiers by stratified folds within each session.")
                .fixed(&[("scheme", "\"within_session\"")])
                .random(&["evaluate_within_session"]),
        )
        .class(
            function("evaluate_cross_session", "evaluate", &[], "Comparison of classifiers with each session in turn left out.")
                .fixed(&[("scheme", "\"cross_session\"")])
                .random(&["evaluate_cross_session"]),
        )
        .class(function(
            "combine_tests",
            "combine",
            &["combined"],
            "Comparisons on several data sets as one (Stouffer, weighted by the roots of the numbers of subjects).",
        ))
        .class(function("select_embedding", "select", &[], "Order and lag of an embedding from the signals alone."))
        .class(function("spd_distance", "spd-distance", &["distance"], "Distances of SPD matrices to a reference."))
        .class(function("spd_geometric_mean", "spd-mean", &["mean"], "Geometric (or log-Euclidean) mean of SPD matrices."))
        .class(function("spd_log", "spd-map", &["matrices"], "Logarithms of SPD matrices.").fixed(&[("function", "\"log\"")]))
        .class(function("spd_exp", "spd-map", &["matrices"], "Exponentials of symmetric matrices.").fixed(&[("function", "\"exp\"")]))
        .class(function("spd_sqrtm", "spd-map", &["matrices"], "Square roots of SPD matrices.").fixed(&[("function", "\"sqrt\"")]))
        .class(function("tangent_space", "tangent-space", &["vectors"], "Tangent vectors of SPD matrices at a reference."))
}

fn function(name: &'static str, verb: &'static str, returns: &'static [&'static str], doc: &'static str) -> Class {
    Class::new::<elinvar_core::NoParams>(name, Role::Function, doc).method_returning(name, verb, returns)
}
