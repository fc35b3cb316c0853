#![doc = include_str!("README.md")]

pub mod certificate;
mod constants;
mod data;
mod fit;
mod model;
mod moments;
mod network;
mod params;
mod report;
mod reproduction;
mod tasks;
#[cfg(test)]
mod tests;

pub use data::blobs;
pub use fit::Data;
pub use model::{SnnModel, Tried};
pub use moments::{FixedPoint, Moments, Weights, fixed_point, map_all, moment_jacobian, spectral_norm};
pub use params::{
    ActivationKind, Architecture, Constants, FixedPointSearch, Form, Grid, MomentMap, NormKind, Selu, Setting, Snn, SnnGridSearch, Task,
};
pub use report::{LayerMoments, LayerReport, Report, self_normalizing_report};

use elinvar_core::{Card, Class, Method, Paper, Role};

pub(crate) const SLUG: &str = "self-normalizing";

const CARD: Card = Card {
    slug: SLUG,
    title: "Self-normalising networks",
    family: "learning",
    summary: "Deep dense networks for tables whose activations keep mean 0 and variance 1 without batch statistics, with a report that says so.",
    paper: Paper {
        title: "Self-Normalizing Neural Networks",
        authors: "Günter Klambauer, Thomas Unterthiner, Andreas Mayr, Sepp Hochreiter",
        year: 2017,
        reference: "arXiv:1706.02515",
    },
    complexity: "training O(n d) a layer, row and unit, no statistics of the batch; the moment map O(1) a point",
    keywords: &[
        "SELU",
        "alpha dropout",
        "deep networks",
        "tabular data",
        "initialisation",
        "batch normalization",
        "classification",
        "regression",
    ],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::SelfNormalizingStudy)
        .estimator::<tasks::FitTask>()
        .on_devices()
        .estimator::<tasks::SearchTask>()
        .on_devices()
        .operation::<tasks::PredictTask>()
        .on_devices()
        .operation::<tasks::ReportTask>()
        .measurement::<tasks::MomentMapTask>()
        .measurement::<tasks::FixedPointTask>()
        .measurement::<tasks::ConstantsTask>()
        .class(network::<Snn>("SnnClassifier", Role::MultiClassifier, "Classifier of rows by a deep self-normalising network.", "fit"))
        .class(
            Class::new::<Snn>("SnnRegressor", Role::Regressor, "Regression of a number by a deep self-normalising network.")
                .fixed(&[("task", "\"regression\"")])
                .method("fit", "fit")
                .method_returning("predict", "predict", &["prediction"])
                .method("report", "report")
                .attributes(ATTRIBUTES),
        )
        .class(network::<SnnGridSearch>(
            "SnnGridSearch",
            Role::MultiClassifier,
            "Classifier with the network of a grid that loses least on rows held out; ties go to deeper networks, lower rates, more dropout.",
            "search",
        ))
        .class(
            Class::new::<Snn>(
                "SnnMultiTask",
                Role::Estimator,
                "Several yes-or-no answers about each row at once, any of which may be missing in training.",
            )
            .fixed(&[("task", "\"multitask\"")])
            .method("fit", "fit")
            .method_returning("predict_proba", "predict", &["probabilities"])
            .method_returning("predict", "predict", &["labels"])
            .method("report", "report")
            .attributes(ATTRIBUTES),
        )
        .class(
            Class::new::<MomentMap>("moment_map", Role::Function, "Mean and variance after a SELU layer.")
                .method_returning("moment_map", "moment-map", &["mean", "variance"]),
        )
        .class(
            Class::new::<FixedPointSearch>("fixed_point", Role::Function, "Mean and variance that SELU layers keep.")
                .method("fixed_point", "fixed-point"),
        )
        .class(
            Class::new::<Constants>("selu_for_fixed_point", Role::Function, "The SELU and alpha dropout of a given fixed point.")
                .method("selu_for_fixed_point", "constants"),
        )
}

const ATTRIBUTES: &[(&str, &str)] = &[
    ("n_layers", "hidden layers"),
    ("n_parameters", "trained numbers"),
    ("best_epoch", "epoch whose weights were taken"),
    ("best_loss", "its smoothed held-out loss, or the training loss where no rows were held out"),
    ("feature_names", "columns that the network sees"),
    ("moments", "mean and variance of every hidden layer on training rows"),
];

/// A classifier class of the verb that fits it.
fn network<P: elinvar_core::Params>(name: &'static str, role: Role, doc: &'static str, verb: &'static str) -> Class {
    Class::new::<P>(name, role, doc)
        .fixed(&[("task", "\"classification\"")])
        .method("fit", verb)
        .method_returning("predict", "predict", &["code"])
        .method_returning("predict_proba", "predict", &["probabilities"])
        .method("report", "report")
        .attributes(ATTRIBUTES)
}
