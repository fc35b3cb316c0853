//! The claims and the trials that decide them.

use super::algorithm::{self, Ecme, Fit, Rows, Settings, Shrinkage, null_fit, trace_path};
use super::data::{Clustered, children, generator_r, generator_s};
use super::design::{Data, Source};
use super::params::{Nu, NuWord, PenaltyKind, TsallisMixedModel};
use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source as From, Threshold,
};
use elinvar_core::{Column, Context, Error, Result, Table};
use elinvar_math::penalty::Penalty;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One model fitted to one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `outliers` and `clean` (generator R), `slopes` (generator R with random slopes), `sparse` (generator S), `wide` (generator S at
    /// scale), `children` (Potthoff and Roy).
    study: String,
    /// `q-gaussian`, `gaussian`, and for the solvers `ecme` (plain) or `pncg`.
    model: String,
    /// Groups of generator S.
    groups: usize,
    /// Predictors of generator S.
    p: usize,
    seed: u64,
}

/// The study of this method.
pub(super) struct TsallisMixedStudy;

const TWENTY: std::ops::Range<u64> = 0..20;

fn cell(study: &str, model: &str) -> Cell {
    Cell::of("study", study).with("model", model)
}

fn trials(study: &str, models: &[&str], groups: usize, p: usize, seeds: std::ops::Range<u64>) -> Vec<Trial> {
    let of_model = |model: &&str| {
        let model = (*model).to_owned();
        seeds.clone().map(move |seed| Trial { study: study.into(), model: model.clone(), groups, p, seed })
    };
    models.iter().flat_map(of_model).collect()
}

impl Reproduction for TsallisMixedStudy {
    type Trial = Trial;
    const VERSION: u32 = 2;

    fn claims(&self) -> Vec<Claim> {
        claims()
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        let both = ["q-gaussian", "gaussian"];
        let solvers = ["ecme", "pncg"];
        match scale {
            Scale::Tiny => [trials("outliers", &both, 60, 2, 0..20), trials("children", &both, 27, 3, 0..1)].concat(),
            Scale::Quick => [
                trials("outliers", &both, 60, 2, TWENTY),
                trials("clean", &both, 60, 2, TWENTY),
                trials("sparse", &both, 80, 200, 0..4),
                trials("slopes", &solvers, 60, 2, TWENTY),
                trials("children", &["q-gaussian", "gaussian", "ecme", "pncg"], 27, 3, 0..1),
            ]
            .concat(),
            Scale::Hour => Vec::new(),
            Scale::Paper => trials("wide", &["q-gaussian"], 2000, 5000, 0..1),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        let mut random = ctx.stream(&[("data", 0)]);
        match (trial.study.as_str(), trial.model.as_str()) {
            ("outliers" | "clean", model) => fixed_effects(&generator_r(trial.study == "outliers", false, &mut random), model, ctx),
            ("slopes", model) => solver(&slope_rows(&generator_r(true, true, &mut random)), model, ctx),
            ("children", "ecme" | "pncg") => solver(&child_rows(), &trial.model, ctx),
            ("children", model) => children_fit(model, ctx),
            ("sparse", model) => selection(trial, model, &mut random, ctx),
            ("wide", model) => wide(trial, model, &mut random, ctx),
            (other, _) => Err(Error::input(format!("there is no study '{other}'"))),
        }
    }

    /// The power-law tails are the method: without them it is the Gaussian model. A solver is replaced by the other one.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        let other = |model: &str| Some(Trial { model: model.into(), ..trial.clone() });
        match trial.model.as_str() {
            "q-gaussian" => other("gaussian"),
            "pncg" => other("ecme"),
            _ => None,
        }
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        [robustness_figure(evidence), weights_figure(evidence), selection_figure(evidence)].into_iter().flatten().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "The thesis was available as an abstract only: formulas are standard q-Gaussian theory, claims and thresholds are ours.",
            "Data are of generators of this project and of Potthoff and Roy (1964); the thesis' studies were not found.",
        ]
    }
}

const SOLVER_FINDING: &str = "The likelihoods agree to 1e-7 for every seed. Conjugate gradient needs 0.8 of the passes of plain ECME in the \
     median and at most 1.12 on all seeds but one, which needs 6.6 times as many and makes the interval of the mean span 1.";

const WIDE_FINDING: &str = "The path ends after 15 of 20 levels, in less than a minute: at the next one so many effects enter that the \
     likelihood with estimated degrees of freedom has no maximum. The level that EBIC chooses has the five effects and no other.";

fn claims() -> Vec<Claim> {
    const QUICK: &[Scale] = &[Scale::Quick];
    const BOTH: &[Scale] = &[Scale::Tiny, Scale::Quick];
    let claim = |id, says, paper, scales, rules| Claim { id, says, paper, source: From::Pilot, scales, rules, finding: "" };
    let one = |label, metric, of, by, threshold| Rule::holds(label, metric, of, by, threshold);
    let robust = || cell("outliers", "q-gaussian");
    let gaussian = || cell("outliers", "gaussian");
    vec![
        claim(
            "Q1",
            "with outlying groups the fixed effects are better than the Gaussian model's, and the scatters are those of the good groups",
            PaperFigure::Qualitative("robust to outliers (abstract)"),
            BOTH,
            vec![
                Rule::ratio("squared error of beta", "error", robust(), gaussian(), Aggregate::RatioOfMeans, Threshold::AtMost(0.5)),
                one("scatter of the intercepts (truth 1)", "intercepts", robust(), Aggregate::Median, Threshold::AtLeast(0.5)),
                one("scatter of the intercepts (truth 1)", "intercepts", robust(), Aggregate::Median, Threshold::AtMost(1.6)),
                one("scatter of the errors (truth 1)", "scale", robust(), Aggregate::Median, Threshold::AtLeast(0.6)),
                one("scatter of the errors (truth 1)", "scale", robust(), Aggregate::Median, Threshold::AtMost(1.4)),
                one("the Gaussian's scatter of the intercepts", "intercepts", gaussian(), Aggregate::Median, Threshold::Above(4.0)),
                one("the Gaussian's scatter of the errors", "scale", gaussian(), Aggregate::Median, Threshold::Above(4.0)),
            ],
        ),
        claim(
            "Q2",
            "on Gaussian data nothing is lost",
            PaperFigure::Qualitative("a wider class that contains the Gaussian (abstract)"),
            QUICK,
            vec![
                Rule::ratio(
                    "squared error of beta",
                    "error",
                    cell("clean", "q-gaussian"),
                    cell("clean", "gaussian"),
                    Aggregate::RatioOfMeans,
                    Threshold::AtMost(1.10),
                ),
                one("degrees of freedom", "nu", cell("clean", "q-gaussian"), Aggregate::Median, Threshold::Above(30.0)),
            ],
        ),
        claim(
            "Q3",
            "sparse effects are found in spite of outlying groups",
            PaperFigure::Qualitative("robust estimation of high-dimensional effects (abstract)"),
            QUICK,
            vec![
                Rule::ratio(
                    "squared error of beta, MCP",
                    "error",
                    cell("sparse", "q-gaussian"),
                    cell("sparse", "gaussian"),
                    Aggregate::RatioOfMeans,
                    Threshold::AtMost(0.2),
                ),
                one("seeds that keep all five effects", "kept", cell("sparse", "q-gaussian"), Aggregate::Mean, Threshold::AtLeast(0.75)),
            ],
        ),
        Claim {
            finding: SOLVER_FINDING,
            ..claim(
                "Q4",
                "conjugate gradient on all parameters reaches the likelihood of ECME, with fewer passes",
                PaperFigure::Qualitative("fast and stable proximal nonlinear conjugate gradient (abstract)"),
                QUICK,
                vec![
                    same_likelihood("children"),
                    same_likelihood("slopes"),
                    Rule::ratio(
                        "passes over the groups, conjugate gradient over plain ECME",
                        "passes",
                        cell("slopes", "pncg"),
                        cell("slopes", "ecme"),
                        Aggregate::RatioOfMeans,
                        Threshold::Below(1.0),
                    ),
                ],
            )
        },
        claim(
            "Q5",
            "the known outliers of the children's growth curves have the smallest weights",
            PaperFigure::Qualitative("subjects M09 and M13 (literature)"),
            BOTH,
            vec![
                one("M09 and M13 are the two smallest", "known", cell("children", "q-gaussian"), Aggregate::Every, Threshold::AtLeast(1.0)),
                one(
                    "weight of M09",
                    "m09",
                    cell("children", "q-gaussian"),
                    Aggregate::Every,
                    Threshold::Near { value: 0.169, within: 5e-4 },
                ),
                one(
                    "weight of M13",
                    "m13",
                    cell("children", "q-gaussian"),
                    Aggregate::Every,
                    Threshold::Near { value: 0.234, within: 5e-4 },
                ),
                Rule::difference(
                    "log likelihood gained over the Gaussian",
                    "loglik",
                    cell("children", "q-gaussian"),
                    cell("children", "gaussian"),
                    Aggregate::Every,
                    Threshold::Above(7.0),
                ),
            ],
        ),
        Claim {
            scales: &[Scale::Paper],
            finding: WIDE_FINDING,
            ..claim(
                "P1",
                "a path over 5,000 predictors takes minutes and finds the effects",
                PaperFigure::Qualitative("high-dimensional correlated observations (abstract)"),
                &[],
                vec![
                    one("seconds for 20 levels", "seconds", cell("wide", "q-gaussian"), Aggregate::Every, Threshold::Below(600.0)),
                    one("levels that were reached", "levels", cell("wide", "q-gaussian"), Aggregate::Every, Threshold::AtLeast(20.0)),
                    one("F1 of the selected effects", "f1", cell("wide", "q-gaussian"), Aggregate::Every, Threshold::AtLeast(0.9)),
                ],
            )
        },
    ]
}

fn same_likelihood(study: &'static str) -> Rule {
    let near = Threshold::Near { value: 0.0, within: 1e-5 };
    Rule::difference(
        "log likelihood, conjugate gradient less ECME",
        "loglik",
        cell(study, "pncg"),
        cell(study, "ecme"),
        Aggregate::Every,
        near,
    )
}

fn nu(model: &str) -> Nu {
    Nu::Word(if model == "gaussian" { NuWord::Inf } else { NuWord::Estimate })
}

fn squared_error(found: &[f64], truth: &[f64]) -> f64 {
    found.iter().zip(truth).map(|(b, t)| (b - t).powi(2)).sum()
}

/// Generator R, with and without outlying groups.
fn fixed_effects(data: &Clustered, model: &str, ctx: &mut Context) -> Result<Metrics> {
    let groups = Column::Integer(data.groups.iter().map(|&g| g as i64).collect());
    let groups = Some(Table::new().with("group", groups)?);
    let inputs = Data { x: Source::Matrix(data.x.clone()), y: Some(data.y.clone()), groups, z: None, precision: None };
    let fitted = TsallisMixedModel { nu: nu(model), ..Default::default() }.fit(&inputs, ctx)?.model;
    let beta: Vec<f64> = fitted.fixed_effects().into_iter().map(|(_, b)| b).collect();
    let flagged = fitted.outliers().len();
    Ok(Metrics::new()
        .with("error", squared_error(&beta, &data.beta))
        .with("intercepts", fitted.covariance_of_effects()[[0, 0]])
        .with("scale", fitted.scale())
        .with("nu", fitted.nu().min(algorithm::NU_MAX))
        .with("flagged", flagged as f64)
        .with_series("weights", fitted.weights().to_vec()))
}

/// The children's growth curves with random slopes.
fn children_fit(model: &str, ctx: &mut Context) -> Result<Metrics> {
    let fitted = TsallisMixedModel {
        nu: nu(model),
        formula: Some("distance ~ age*girl + (1 + age | child)".into()),
        tol: 1e-13,
        max_iter: 5000,
        ..Default::default()
    }
    .fit(&Data { x: Source::Table(child_table()?), y: None, groups: None, z: None, precision: None }, ctx)?
    .model;
    let mut order: Vec<usize> = (0..fitted.groups().len()).collect();
    order.sort_by(|&a, &b| fitted.weights()[a].total_cmp(&fitted.weights()[b]));
    let smallest: Vec<&str> = order[..2].iter().map(|&g| fitted.groups()[g].as_str()).collect();
    let weight = |name: &str| fitted.groups().iter().position(|g| g == name).map_or(0.0, |g| fitted.weights()[g]);
    Ok(Metrics::new()
        .with("known", f64::from(u8::from(smallest == ["M09", "M13"])))
        .with("m09", weight("M09"))
        .with("m13", weight("M13"))
        .with("loglik", fitted.log_likelihood())
        .with_series("weights", fitted.weights().to_vec()))
}

fn child_table() -> Result<Table> {
    let rows = children();
    Table::new()
        .with("distance", Column::Number(rows.iter().map(|r| r.3).collect()))?
        .with("age", Column::Number(rows.iter().map(|r| r.2).collect()))?
        .with("child", Column::Text(rows.iter().map(|r| Some(r.0.to_owned())).collect()))?
        .with("girl", Column::Bool(rows.iter().map(|r| r.1).collect()))
}

/// The children's rows with 1 + age * girl and random 1 + age.
pub(super) fn child_rows() -> Arc<Rows> {
    let rows = children();
    let fixed = |(i, j): (usize, usize)| {
        let (girl, age) = (f64::from(u8::from(rows[i].1)), rows[i].2);
        [1.0, age, girl, age * girl][j]
    };
    let x = Array2::from_shape_fn((rows.len(), 4), fixed);
    let z = Array2::from_shape_fn((rows.len(), 2), |(i, k)| if k == 0 { 1.0 } else { rows[i].2 });
    let y = Array1::from_iter(rows.iter().map(|r| r.3));
    let codes: Vec<usize> = (0..rows.len()).map(|i| i / 4).collect();
    Arc::new(Rows::new(y.view(), x.view(), z.view(), &codes))
}

/// Rows of a generator with an intercept, and random intercepts.
fn intercept_rows(data: &Clustered) -> Rows {
    let x = beside_ones(data);
    let z = Array2::ones((data.y.len(), 1));
    Rows::new(data.y.view(), x.view(), z.view(), &data.groups)
}

/// The same with a random slope of the first predictor.
pub(super) fn slope_rows(data: &Clustered) -> Arc<Rows> {
    let x = beside_ones(data);
    let z = Array2::from_shape_fn((data.y.len(), 2), |(i, k)| if k == 0 { 1.0 } else { data.x[[i, 0]] });
    Arc::new(Rows::new(data.y.view(), x.view(), z.view(), &data.groups))
}

fn beside_ones(data: &Clustered) -> Array2<f64> {
    Array2::from_shape_fn((data.y.len(), data.x.ncols() + 1), |(i, j)| if j == 0 { 1.0 } else { data.x[[i, j - 1]] })
}

/// A solver run to the same tight tolerance on the whole model.
fn solver(rows: &Arc<Rows>, model: &str, ctx: &mut Context) -> Result<Metrics> {
    let settings = Settings {
        nu: None,
        diagonal: false,
        autoregressive: false,
        restricted: false,
        by_observation: false,
        shrinkage: None,
        accelerate: false,
        max_iterations: 20_000,
        tolerance: 1e-11,
    };
    let fit: Fit = match model {
        "pncg" => algorithm::fit(rows, &settings, true, ctx)?,
        _ => {
            let mut ecme = Ecme::new(Arc::clone(rows), &settings);
            let start = ecme.start(ctx)?;
            ecme.run(start, ctx)?
        }
    };
    Ok(Metrics::new()
        .with("loglik", fit.point.log_likelihood)
        .with("passes", fit.passes as f64)
        .with("iterations", fit.iterations as f64)
        .with("converged", f64::from(u8::from(fit.status == elinvar_core::Status::Converged))))
}

fn mcp(p: usize) -> Result<Shrinkage> {
    Ok(Shrinkage { penalty: Penalty::mcp(3.0)?, lambda: 0.0, factors: (0..=p).map(|j| f64::from(u8::from(j > 0))).collect() })
}

fn settings_of(model: &str) -> Settings {
    TsallisMixedModel { nu: nu(model), penalty: PenaltyKind::Mcp, ..Default::default() }.settings(None)
}

/// Generator S: the level with the least absolute error on rows without outlying groups.
fn selection(trial: &Trial, model: &str, random: &mut elinvar_core::Stream, ctx: &mut Context) -> Result<Metrics> {
    let data = generator_s(trial.groups, 4, trial.p, trial.groups / 10, random);
    let held = generator_s(trial.groups, 4, trial.p, 0, random);
    let (rows, validation) = (Arc::new(intercept_rows(&data)), intercept_rows(&held));
    let (settings, shrinkage) = (settings_of(model), mcp(trial.p)?);
    let lambdas = algorithm::levels(0.6, 0.1, 10);
    let (start, _) = null_fit(&rows, &settings, &shrinkage, ctx)?;
    let steps = trace_path(&rows, &settings, &shrinkage, &lambdas, start, false, ctx)?;
    let absolute = |beta: &[f64]| validation.residuals(beta).iter().map(|r| r.abs()).sum::<f64>() / validation.n() as f64;
    let best = steps.iter().min_by(|a, b| absolute(&a.parameters.beta).total_cmp(&absolute(&b.parameters.beta)));
    let best = best.ok_or_else(|| Error::internal("a path has levels"))?;
    let (kept, f1) = found(&best.parameters.beta, &data.beta);
    Ok(Metrics::new()
        .with("error", squared_error(&best.parameters.beta, &data.beta))
        .with("kept", f64::from(u8::from(kept)))
        .with("f1", f1)
        .with("lam", best.lambda))
}

/// Whether all true effects are kept, and the F1 score of the selection.
fn found(beta: &[f64], truth: &[f64]) -> (bool, f64) {
    let count = |test: &dyn Fn(f64, f64) -> bool| beta.iter().zip(truth).skip(1).filter(|&(&b, &t)| test(b, t)).count() as f64;
    let hits = count(&|b, t| b != 0.0 && t != 0.0);
    let (selected, true_effects) = (count(&|b, _| b != 0.0), count(&|_, t| t != 0.0));
    (hits == true_effects, 2.0 * hits / (selected + true_effects))
}

/// Generator S at scale: a path of 20 levels, the level by EBIC.
fn wide(trial: &Trial, model: &str, random: &mut elinvar_core::Stream, ctx: &mut Context) -> Result<Metrics> {
    let data = generator_s(trial.groups, 5, trial.p, trial.groups / 10, random);
    let rows = Arc::new(intercept_rows(&data));
    let truth = data.beta;
    drop(data.x);
    let (settings, shrinkage) = (settings_of(model), mcp(trial.p)?);
    let clock = std::time::Instant::now();
    let (start, greatest) = null_fit(&rows, &settings, &shrinkage, ctx)?;
    let steps = trace_path(&rows, &settings, &shrinkage, &algorithm::levels(greatest, 0.05, 20), start, false, ctx)?;
    let seconds = clock.elapsed().as_secs_f64();
    let ebic = |s: &algorithm::Step| super::selection::ebic(s, rows.n(), trial.p);
    let best = steps.iter().min_by(|a, b| ebic(a).total_cmp(&ebic(b))).ok_or_else(|| Error::internal("a path has levels"))?;
    let (kept, f1) = found(&best.parameters.beta, &truth);
    let iterations: usize = steps.iter().map(|s| s.iterations).sum();
    Ok(Metrics::new()
        .with("seconds", seconds)
        .with("levels", steps.len() as f64)
        .with("f1", f1)
        .with("kept", f64::from(u8::from(kept)))
        .with("error", squared_error(&best.parameters.beta, &truth))
        .with("iterations", iterations as f64))
}

fn robustness_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [cell("outliers", "gaussian"), cell("outliers", "q-gaussian")];
    let panel = |metric: &str, label: &str, truth: Option<f64>| {
        let mut marks = vec![evidence.bars(label, metric, &cells)?];
        marks.extend(truth.map(|y| Mark::Level { label: "truth".into(), y }));
        let x = Axis::categories("model", ["Gaussian", "q-Gaussian"]);
        Some(Panel { x, y: Axis::new(label).showing(0.0, 0.0), marks, ..Panel::default() })
    };
    Some(Figure {
        id: "robustness".into(),
        title: "A tenth of outlying groups ruins the Gaussian model only".into(),
        caption:
            "60 groups of 5 rows, of which 6 have random effects and errors ten times as large. Bars are means over 20 seeds, whiskers \
                  the least and greatest seed."
                .into(),
        panels: vec![
            panel("error", "squared error of the fixed effects", None)?,
            panel("intercepts", "scatter of the random intercepts", Some(1.0))?,
            panel("scale", "scatter of the errors", Some(1.0))?,
        ],
    })
}

fn weights_figure(evidence: &Evidence) -> Option<Figure> {
    let weights = evidence.series("weights", &cell("children", "q-gaussian"))?.to_vec();
    let mut names: Vec<&str> = children().into_iter().map(|c| c.0).collect();
    names.dedup();
    Some(Figure {
        id: "children".into(),
        title: "Two boys stand out".into(),
        caption: "Weights of the 27 children of Potthoff and Roy in the model with random intercepts and slopes: M09 and M13 count for a \
                  sixth and a quarter of a typical child."
            .into(),
        panels: vec![Panel {
            x: Axis::categories("child", names),
            y: Axis::new("weight").showing(0.0, 1.7),
            marks: vec![Mark::points("weight", (0..weights.len()).map(|k| k as f64).collect(), weights)],
            ..Panel::default()
        }],
    })
}

fn selection_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [cell("sparse", "gaussian"), cell("sparse", "q-gaussian")];
    Some(Figure {
        id: "selection".into(),
        title: "Selection survives the outlying groups".into(),
        caption:
            "Squared error of MCP estimates of 200 effects of which five are not zero, 80 groups of 4 rows, 8 of them outlying. Bars are \
                  means over 4 seeds, whiskers the least and greatest seed."
                .into(),
        panels: vec![Panel {
            x: Axis::categories("model", ["Gaussian", "q-Gaussian"]),
            y: Axis::new("squared error of the fixed effects").showing(0.0, 0.0),
            marks: vec![evidence.bars("squared error", "error", &cells)?],
            ..Panel::default()
        }],
    })
}
