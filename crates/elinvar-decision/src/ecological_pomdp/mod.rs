#![doc = include_str!("README.md")]

pub mod data;
pub mod fishery;
pub mod formats;
pub mod growth_fit;
pub mod mdp;
pub mod params;
pub mod policy;
pub mod pomdp;
mod reproduction;
pub mod rules;
pub mod simulate;
pub mod solver;
pub mod survey_value;
mod tasks;

pub use fishery::{Baselines, FisheryModel, Growth, HarvestOrder, Noise};
pub use growth_fit::{GrowthFit, fit_growth};
pub use mdp::{MdpSolution, solve_mdp};
pub use policy::{Advice, AlphaPolicy, Influence, PolicyParts, QuotaScale, Recommendation, SurveyBelief};
pub use pomdp::{Observation, Pomdp, SparseRows, Transition};
pub use rules::{ExactEvaluation, StaticRule, evaluate_exact};
pub use simulate::{Simulation, SimulationOptions, hindcast, simulate, simulate_rule};
pub use solver::{InitUpper, SarsopSolver, TracePoint};
pub use survey_value::{SurveyValue, survey_values};

#[cfg(test)]
mod tests;

use elinvar_core::{Card, Class, Method, Paper, Role};

pub(crate) const SLUG: &str = "ecological-pomdp";

const CARD: Card = Card {
    slug: SLUG,
    title: "Ecological POMDP",
    family: "decision",
    summary: "Sets a harvest quota from all past surveys when the stock is only measured with error, with certified bounds.",
    paper: Paper {
        title: "Resolving the Measurement Uncertainty Paradox in Ecological Management",
        authors: "Milad Memarzadeh, Carl Boettiger",
        year: 2018,
        reference: "arXiv:1812.11184",
    },
    complexity: "a backup is O(n_z (vectors n + n²)) on n grid points; memory O(n² + (beliefs + vectors) n)",
    keywords: &["fishery", "POMDP", "SARSOP", "quota", "measurement error", "harvest", "escapement", "decision"],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::EcologicalPomdpStudy)
        .model_flag("policy")
        .estimator::<tasks::SolveTask>()
        .operation::<tasks::RecommendTask>()
        .operation::<tasks::HindcastTask>()
        .operation::<tasks::ActTask>()
        .operation::<tasks::SimulateTask>()
        .operation::<tasks::PlanTask>()
        .operation::<tasks::ExportTask>()
        .estimator::<tasks::ImportTask>()
        .measurement::<tasks::RuleTask>()
        .measurement::<tasks::FitGrowthTask>()
        .measurement::<tasks::ConvertTask>()
        .measurement::<tasks::CompareTask>()
        .measurement::<tasks::SurveyValueTask>()
        .measurement::<tasks::DescribeTask>()
        .class(
            Class::new::<FisheryModel>(
                "FisheryModel",
                Role::Measurement,
                "A stock under harvest with noisy growth and noisy surveys, on a grid.",
            )
            .method("to_pomdp", "describe"),
        )
        .class(
            Class::new::<SarsopSolver>(
                "SarsopSolver",
                Role::Estimator,
                "Solver of partially observable Markov decision problems with certified lower and upper bounds.",
            )
            .method("solve", "solve")
            .method_returning("action", "act", &["action"])
            .method_returning("value", "act", &["lower"])
            .method_returning("q", "act", &["q"])
            .method("recommend", "recommend")
            .method_returning("hindcast", "hindcast", &["hindcast"])
            .method_returning("policy_given_observation", "policy-given-observation", &["policy"])
            .method("simulate", "simulate")
            .method_returning("to_policyx", "export", &["text"]),
        )
        .class(
            Class::new::<elinvar_core::NoParams>(
                "ImportedPolicy",
                Role::Estimator,
                "A policy that another solver wrote as .policyx, on a model of one's own.",
            )
            .method("fit", "import")
            .method_returning("action", "act", &["action"])
            .method_returning("value", "act", &["lower"])
            .method("recommend", "recommend")
            .method_returning("hindcast", "hindcast", &["hindcast"])
            .method("simulate", "simulate"),
        )
        .class(rule(
            "ConstantEscapement",
            "The rule that leaves S* behind: best where the stock is known exactly.",
            &["model"],
            &[("rule", "\"constant_escapement\""), ("factor", "0.8")],
        ))
        .class(rule(
            "ConstantMortality",
            "The rule that takes a share of F_MSY of the last survey: 0.8 for the total allowable catch, 1 for MSY.",
            &["model"],
            &[("rule", "\"constant_mortality\"")],
        ))
        .class(rule(
            "MdpPolicy",
            "The optimum of the problem without survey error, which takes the survey for the stock.",
            &["model"],
            &[("rule", "\"mdp\""), ("factor", "0.8")],
        ))
        .class(rule(
            "QuotaTable",
            "A table of quotas of the user's own.",
            &["model", "quota_table"],
            &[("rule", "\"table\""), ("factor", "0.8")],
        ))
        .class(
            Class::new::<params::FitGrowth>(
                "fit_growth",
                Role::Function,
                "Growth rate, carrying capacity and growth noise of a stock from its surveys and catches.",
            )
            .method("fit_growth", "fit-growth"),
        )
        .class(Class::new::<params::Convert>("convert", Role::Function, "A model in a file format of other solvers.").method_returning(
            "convert",
            "convert",
            &["text"],
        ))
        .class(
            Class::new::<params::Compare>(
                "compare",
                Role::Function,
                "Value, late stock and extinction of rules of thumb and of the solved policy.",
            )
            .method_returning("compare", "compare", &["comparison"])
            .random(&["compare"]),
        )
        .class(
            Class::new::<params::SurveyCurve>(
                "survey_value",
                Role::Function,
                "What a better survey is worth: values over the survey error.",
            )
            .method_returning("survey_value", "survey-value", &["survey_value"]),
        )
}

/// A rule on the last survey: quotas and exact evaluation.
fn rule(name: &'static str, doc: &'static str, data: &'static [&'static str], fixed: &'static [(&'static str, &'static str)]) -> Class {
    Class::new::<params::RuleOfThumb>(name, Role::Bound, doc)
        .fixed(fixed)
        .attributes(&[
            ("npv", "Expected discounted reward from x0, exact."),
            ("late_stock", "Expected stock over the later half of the decisions, in grid units."),
            ("survival", "Probability that the stock is not extinct at the last decision."),
            ("rule", "Observation and quota of every grid point, in grid units."),
            ("path", "Time, expected stock (grid units) and extinction probability at each decision."),
            ("values", "Expected discounted reward from every state over an infinite time (n_states,)."),
        ])
        .method("fit", "rule")
        .taking(data)
        .method_returning("predict", "rule", &["quotas"])
        .taking(&["observations"])
}
