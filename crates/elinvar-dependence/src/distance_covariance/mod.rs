#![doc = include_str!("README.md")]

mod algorithm;
mod audit;
mod data;
mod encode;
mod lambda_path;
mod linear;
mod losses;
mod measures;
mod metrics;
mod model;
mod params;
mod path;
mod reproduction;
mod tasks;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Penalty, Settings};
pub use audit::AuditReport;
pub use data::{Portfolio, compas, crossed, motor, pg15, stratified_split, with_distinct_names};
pub use elinvar_data::design::{Design, Features};
pub use encode::{Block, Coding, Encoder, Protected};
pub use lambda_path::Path;
pub use linear::{Linear, Objective, Rows, fit_linear};
pub use measures::{Term, TestResult, attribution, gradient, permutation_test, statistic};
pub use metrics::{accuracy, jensen_shannon, poisson_deviance, rps_poisson, squared_error, unfairness};
pub use model::{Data, FairPredictor};
pub use params::{
    AttributeType, Auto, Bandwidth, BatchSize, Centring, DistanceCovariance, FairModel, FairnessAudit, Form, LambdaPath, Loss, Measure,
    OptimizerKind, Penalise, PenaltyKind, PermutationTest, Types,
};
pub use path::{first_below, knee};

use elinvar_core::{Card, Checked, Class, Context, Method, Paper, Result, Role, Table};
use ndarray::{Array1, ArrayView1};

pub(crate) const SLUG: &str = "distance-covariance";

const CARD: Card = Card {
    slug: SLUG,
    title: "Distance covariance",
    family: "dependence",
    summary: "Measures and removes the dependence of a score on protected attributes of any type and on their intersections.",
    paper: Paper {
        title: "Machine Learning with Multitype Protected Attributes: Intersectional Fairness through Regularisation",
        authors: "Ho Ming Lee, Katrien Antonio, Benjamin Avanzi, Lorenzo Marchi, Rui Zhou",
        year: 2025,
        reference: "arXiv:2509.08163",
    },
    complexity: "O(n log n + nK) for K joint attribute values, O(n log n) for one continuous column, else O(n²) time and O(n) memory",
    keywords: &["fairness", "demographic parity", "independence", "insurance", "audit", "distance correlation", "intersectional"],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::DistanceCovarianceStudy)
        .measurement::<tasks::AuditTask>()
        .estimator::<tasks::FitTask>()
        .operation::<tasks::PredictTask>()
        .measurement::<tasks::PathTask>()
        .measurement::<tasks::StatisticTask>()
        .measurement::<tasks::GradientTask>()
        .measurement::<tasks::TestTask>()
        .class(
            Class::new::<DistanceCovariance>(
                "DistanceCovariance",
                Role::Measurement,
                "Dependence of a score on protected attributes of any type and on their intersections.",
            )
            .method_returning("statistic", "statistic", &["statistic"])
            .method_returning("gradient", "gradient", &["gradient"])
            .method_returning("test", "test", &["statistic", "p_value", "null"])
            .random(&["test"]),
        )
        .class(
            Class::new::<FairModel>(
                "FairRegressor",
                Role::Regressor,
                "Regression (counts, amounts or real numbers) with a penalty on the dependence between the prediction and protected attributes.",
            )
            .method("fit", "fit")
            .method_returning("predict", "predict", &["prediction"]),
        )
        .class(
            Class::new::<FairModel>(
                "FairClassifier",
                Role::Classifier,
                "Binary classification with a penalty on the dependence between the probability and protected attributes.",
            )
            .fixed(&[("loss", "\"bernoulli\"")])
            .method("fit", "fit")
            .method_returning("predict", "predict", &["prediction"]),
        )
        .class(
            Class::new::<FairnessAudit>(
                "FairnessAudit",
                Role::Measurement,
                "Audit of predictions: every measure with p-values, groups, and which intersection drives the dependence.",
            )
            .method("report", "audit")
            .random(&["report"]),
        )
        .class(
            Class::new::<LambdaPath>(
                "lambda_path",
                Role::Function,
                "The frontier between accuracy and fairness over a grid of penalty weights, by cross-validation, and the weight to choose.",
            )
            .method("lambda_path", "path")
            .random(&["lambda_path"]),
        )
}

impl DistanceCovariance {
    /// The measure of a score (n,) against named protected columns (n rows) of any type.
    ///
    /// # Errors
    /// Fewer than four rows, lengths that differ, non-finite scores, missing cells, a column of one level.
    pub fn statistic(&self, yhat: ArrayView1<'_, f64>, protected: &Table) -> Result<f64> {
        Checked::new(self.clone())?.statistic_in(yhat, protected, &Context::default())
    }

    /// The exact gradient of the measure with respect to the score (n,).
    ///
    /// # Errors
    /// As [`DistanceCovariance::statistic`]; the correlation has no gradient here.
    pub fn gradient(&self, yhat: ArrayView1<'_, f64>, protected: &Table) -> Result<Array1<f64>> {
        Checked::new(self.clone())?.gradient_in(yhat, protected, &Context::default())
    }

    /// A permutation test of independence.
    ///
    /// # Errors
    /// As [`DistanceCovariance::statistic`].
    pub fn test(&self, yhat: ArrayView1<'_, f64>, protected: &Table, permutations: usize, ctx: &Context) -> Result<TestResult> {
        let checked = Checked::new(self.clone())?;
        permutation_test(yhat, &checked.encode(protected)?, &checked.settings(), permutations, ctx)
    }

    fn statistic_in(&self, yhat: ArrayView1<'_, f64>, protected: &Table, ctx: &Context) -> Result<f64> {
        statistic(yhat, &self.encode(protected)?, &self.settings(), ctx)
    }

    fn gradient_in(&self, yhat: ArrayView1<'_, f64>, protected: &Table, ctx: &Context) -> Result<Array1<f64>> {
        gradient(yhat, &self.encode(protected)?, &self.settings(), ctx)
    }

    fn encode(&self, protected: &Table) -> Result<Protected> {
        Ok(Encoder::fit_encode(protected, &self.types)?.1)
    }

    fn settings(&self) -> Settings {
        Settings { measure: self.measure, estimator: self.estimator, c: self.c, alpha: self.alpha, block_size: self.block_size }
    }
}

impl FairnessAudit {
    /// Audits a score (n,) against named protected columns; with the outcome, the subgroup table shows its means too.
    ///
    /// # Errors
    /// As [`DistanceCovariance::statistic`].
    pub fn report(
        &self,
        yhat: ArrayView1<'_, f64>,
        protected: &Table,
        y: Option<ArrayView1<'_, f64>>,
        ctx: &mut Context,
    ) -> Result<AuditReport> {
        audit::audit(&Checked::new(self.clone())?, yhat, protected, y, ctx)
    }
}
