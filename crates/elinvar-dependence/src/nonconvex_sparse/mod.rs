#![doc = include_str!("README.md")]

mod algorithm;
mod cross;
mod data;
mod model;
mod params;
mod prepare;
mod reproduction;
mod tasks;
#[cfg(test)]
mod tests;

pub use algorithm::Level;
pub use cross::CrossValidated;
pub use data::{Data, Design, Predictors, Simulated, simulate};
pub use model::SparseModel;
pub use params::{ChoiceRule, Family, Folds, PenaltyKind, ScreeningKind, Solver, Sparse, SparseCv, SparsePath};

use elinvar_core::{Card, Class, Method, Paper, Role};

pub(crate) const SLUG: &str = "nonconvex-sparse";

const CARD: Card = Card {
    slug: SLUG,
    title: "Sparse regression with nonconvex penalties",
    family: "dependence",
    summary: "Finds the few predictors of a linear or logistic model among many, without shrinking their effects, along a whole path.",
    paper: Paper {
        title: "Accelerated Gradient Methods for Sparse Statistical Learning with Nonconvex Penalties",
        authors: "Kai Yang, Masoud Asgharian, Sahir Bhatnagar",
        year: 2023,
        reference: "arXiv:2009.10629",
    },
    complexity: "O(np) a level for the check of all columns, O(s²) an iteration on s active columns; O(np + s²) memory",
    keywords: &["lasso", "MCP", "SCAD", "variable selection", "high-dimensional", "logistic regression", "genetics", "sparse"],
};

const ATTRIBUTES: &[(&str, &str)] = &[
    ("coef", "coefficients of the predictors (p,)"),
    ("intercept", "intercept"),
    ("lam", "level of the penalty"),
    ("support_size", "number of nonzero coefficients"),
    ("objective", "loss plus penalty"),
    ("ebic", "extended BIC with weight 1/2"),
    ("residual", "largest violation of the optimality conditions"),
    ("n_iter", "iterations, or sweeps of coordinate descent, at the level"),
    ("n_gradients", "gradients computed at the level"),
    ("lipschitz", "Lipschitz constant that set the step; 0 for coordinate descent"),
    ("convexity_margin", "smallest eigenvalue of the loss's Hessian on the support less the concavity of the penalty"),
    ("locally_convex", "whether that is above 0: the solution is then a strict local minimum among those of its support"),
    ("converged", "whether the tolerance was met"),
];

const CHOICE: &[(&str, &str)] = &[
    ("coef", "coefficients of the predictors (p,) at the chosen level"),
    ("intercept", "intercept"),
    ("lam", "chosen level"),
    ("lam_min", "level of the least mean held-out loss"),
    ("lam_1se", "greatest level within one standard error of it"),
    ("lambdas", "levels of the path (n_lambda,)"),
    ("cv_loss", "mean held-out loss at every level (n_lambda,)"),
    ("cv_loss_se", "its standard error over the folds (n_lambda,)"),
];

const PATH: &[(&str, &str)] = &[
    ("lambdas", "levels (n_lambda,)"),
    ("coef_path", "coefficients at every level (n_lambda, p)"),
    ("intercept_path", "intercepts (n_lambda,)"),
    ("n_iter", "iterations of every level (n_lambda,)"),
    ("support_size", "nonzero coefficients of every level (n_lambda,)"),
    ("objective", "loss plus penalty at every level (n_lambda,)"),
    ("kkt_violations", "columns that screening had discarded wrongly and its check took back (n_lambda,)"),
    ("locally_convex", "whether each solution is certified as a strict local minimum among those of its support"),
    ("coef", "coefficients (p,) at the level of least extended BIC"),
];

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::NonconvexSparseStudy)
        .estimator::<tasks::FitTask>()
        .estimator::<tasks::CvTask>()
        .estimator::<tasks::LevelsTask>()
        .measurement::<tasks::PathTask>()
        .operation::<tasks::PredictTask>()
        .class(
            Class::new::<Sparse>("NonconvexRegressor", Role::Regressor, "Sparse linear regression with MCP, SCAD, lasso or elastic net.")
                .fixed(&[("family", "\"gaussian\"")])
                .method("fit", "fit")
                .method_returning("predict", "predict", &["prediction"])
                .attributes(ATTRIBUTES)
                .sparse(),
        )
        .class(
            Class::new::<Sparse>(
                "NonconvexClassifier",
                Role::Classifier,
                "Sparse logistic regression with MCP, SCAD, lasso or elastic net.",
            )
            .fixed(&[("family", "\"binomial\"")])
            .method("fit", "fit")
            .method_returning("predict", "predict", &["prediction"])
            .method_returning("predict_proba", "predict", &["prediction"])
            .attributes(ATTRIBUTES)
            .sparse(),
        )
        .class(
            Class::new::<SparseCv>(
                "NonconvexCV",
                Role::Regressor,
                "Sparse linear regression at a level chosen by cross-validation or EBIC.",
            )
            .fixed(&[("family", "\"gaussian\"")])
            .method("fit", "cv")
            .method_returning("predict", "predict", &["prediction"])
            .attributes(CHOICE)
            .plots(&["CvPlot"])
            .sparse(),
        )
        .class(
            Class::new::<SparseCv>(
                "NonconvexClassifierCV",
                Role::Classifier,
                "Sparse logistic regression at a level chosen by cross-validation or EBIC.",
            )
            .fixed(&[("family", "\"binomial\"")])
            .method("fit", "cv")
            .method_returning("predict", "predict", &["prediction"])
            .method_returning("predict_proba", "predict", &["prediction"])
            .attributes(CHOICE)
            .plots(&["CvPlot"])
            .sparse(),
        )
        .class(
            Class::new::<SparsePath>(
                "NonconvexPath",
                Role::Estimator,
                "A whole path of sparse linear or logistic models, each from the one before.",
            )
            .method("fit", "levels")
            .attributes(PATH)
            .plots(&["PathPlot"])
            .sparse(),
        )
}
