//! The claims of the paper and the trials that decide them.

use super::data::{historical_model, read_stocks};
use super::fishery::{FisheryModel, nearest};
use super::mdp::solve_mdp;
use super::policy::{AlphaPolicy, QuotaScale};
use super::pomdp::{Observation, Pomdp};
use super::rules::{ExactEvaluation, StaticRule, evaluate_exact};
use super::simulate::{SimulationOptions, hindcast, simulate};
use super::solver::SarsopSolver;
use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{Context, Error, Result};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// One rule or policy on one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `exact` (a static rule against the optimum), `simulated` (the solved policy), `first-harvest`, `solver`, `stock`.
    study: String,
    /// `CE`, `TAC`, `MSY`, `POMDP`, `blind` (beliefs not updated), a prior of `first-harvest`, or a stock.
    policy: String,
    /// Grid points.
    points: usize,
    sigma_g: f64,
    /// Survey error that the policy assumes.
    sigma_m: f64,
    /// Survey error that there is.
    true_sigma_m: f64,
    /// Replicates of a simulation.
    replicates: usize,
    seed: u64,
}

/// The study of this method.
pub(super) struct EcologicalPomdpStudy;

/// Mean and standard deviation of the POMDP's value over 100 published replicates, then exact values of CE, TAC and MSY.
const TABLE: [(f64, f64, [f64; 5]); 9] = [
    (0.02, 0.0, [2.9633, 0.059, 2.9662, 2.6623, 2.6912]),
    (0.10, 0.0, [2.8795, 0.500, 2.8726, 2.1777, 2.0149]),
    (0.15, 0.0, [2.6875, 0.951, 2.5873, 1.7115, 1.5033]),
    (0.02, 0.10, [2.9350, 0.068, 2.8612, 2.6372, 2.5179]),
    (0.10, 0.10, [2.7970, 0.601, 2.7567, 2.0942, 1.7790]),
    (0.15, 0.10, [2.4501, 1.068, 2.4030, 1.6525, 1.3535]),
    (0.02, 0.15, [2.8971, 0.071, 2.6680, 2.5425, 2.2053]),
    (0.10, 0.15, [2.8450, 0.420, 2.4552, 1.9836, 1.5952]),
    (0.15, 0.15, [2.3683, 1.047, 2.0328, 1.5753, 1.2474]),
];

fn exact(policy: &str, points: usize, sigma_g: f64, sigma_m: f64) -> Trial {
    let (study, policy) = ("exact".into(), policy.into());
    Trial { study, policy, points, sigma_g, sigma_m, true_sigma_m: sigma_m, replicates: 0, seed: 0 }
}

fn simulated(points: usize, sigma_g: f64, sigma_m: f64, true_sigma_m: f64, replicates: usize, seed: u64) -> Trial {
    Trial { study: "simulated".into(), policy: "POMDP".into(), points, sigma_g, sigma_m, true_sigma_m, replicates, seed }
}

fn cell(study: &str, policy: &str, sigma_g: f64, sigma_m: f64) -> Cell {
    Cell::of("study", study).with("policy", policy).with("sigma_g", sigma_g).with("sigma_m", sigma_m)
}

impl Reproduction for EcologicalPomdpStudy {
    type Trial = Trial;
    const VERSION: u32 = 1;

    fn claims(&self) -> Vec<Claim> {
        let mut claims = quick_claims();
        claims.extend(paper_claims());
        claims
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        let small = |replicates: usize, seeds: std::ops::Range<u64>| {
            let mut list =
                vec![exact("CE", 41, 0.15, 0.0), exact("TAC", 41, 0.15, 0.0), exact("CE", 41, 0.15, 0.15), exact("TAC", 41, 0.15, 0.15)];
            list.extend(seeds.map(|seed| simulated(41, 0.15, 0.15, 0.15, replicates, seed)));
            list.extend(
                ["high", "CE", "uniform", "low"].map(|prior| Trial { study: "first-harvest".into(), ..exact(prior, 41, 0.15, 0.1) }),
            );
            list
        };
        match scale {
            Scale::Tiny => small(300, 0..2),
            Scale::Quick => small(2000, 0..10),
            Scale::Hour => Vec::new(),
            Scale::Paper => paper_trials(),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        match trial.study.as_str() {
            "exact" => run_exact(trial, ctx),
            "simulated" => run_simulated(trial, ctx),
            "first-harvest" => run_first_harvest(trial, ctx),
            "solver" => run_solver(trial, ctx),
            "stock" => run_stock(trial, ctx),
            other => Err(Error::input(format!("there is no study '{other}'"))),
        }
    }

    /// A policy that never updates its belief; rules and priors exchanged.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        let policy = match (trial.study.as_str(), trial.policy.as_str()) {
            ("simulated", _) => "blind",
            ("exact", "CE") if trial.sigma_m == 0.0 => "TAC",
            ("exact", "TAC") if trial.sigma_m == 0.0 => "CE",
            ("first-harvest", "high") => "low",
            ("first-harvest", "low") => "high",
            _ => return None,
        };
        Some(Trial { policy: policy.into(), ..trial.clone() })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        [collapse_figure(evidence), harvest_figure(evidence), stock_figure(evidence)].into_iter().flatten().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "Static rules are evaluated exactly by a linear system; the paper simulates 100 replicates.",
            "Growth is e + r e (1 - e/K) with additive noise, as in the published code; the paper prints another form.",
            "The text says that constant escapement falls below TAC in value at sigma_m = 0.15; evaluated exactly it does not.",
        ]
    }
}

fn quick_claims() -> Vec<Claim> {
    const BOTH: &[Scale] = &[Scale::Tiny, Scale::Quick];
    let optimum =
        |label, policy, threshold| Rule::holds(label, "share_of_optimum", cell("exact", policy, 0.15, 0.0), Aggregate::Every, threshold);
    let solved = |label, metric, threshold| Rule::holds(label, metric, cell("simulated", "POMDP", 0.15, 0.15), Aggregate::Every, threshold);
    let harvest = |label, of, to, threshold| {
        Rule::difference(
            label,
            "first_harvest",
            cell("first-harvest", of, 0.15, 0.1),
            cell("first-harvest", to, 0.15, 0.1),
            Aggregate::Every,
            threshold,
        )
    };
    let claim = |id, says, paper, rules| Claim { id, says, paper, source: Source::Pilot, scales: BOTH, rules, finding: "" };
    vec![
        claim(
            "Q1",
            "with perfect measurement constant escapement is optimal, 80 % of F_MSY is not",
            PaperFigure::Table("CE and POMDP overlap; CE 2.587 against TAC 1.712"),
            vec![
                optimum("CE's value over the optimum", "CE", Threshold::AtLeast(0.98)),
                optimum("TAC's value over the optimum", "TAC", Threshold::AtMost(0.75)),
            ],
        ),
        claim(
            "Q2",
            "with a survey error of 0.15 the POMDP earns more than CE and TAC",
            PaperFigure::Table("2.37 against 2.03 and 1.58"),
            vec![
                solved("POMDP's value over CE's", "npv_over_ce", Threshold::AtLeast(1.08)),
                solved("POMDP's value over TAC's", "npv_over_tac", Threshold::AtLeast(1.25)),
            ],
        ),
        claim(
            "Q3",
            "and it prevents collapse",
            PaperFigure::Table("extinct 0.21 against 0.71 and 0.60"),
            vec![
                solved("POMDP's extinction over CE's", "extinction_over_ce", Threshold::AtMost(0.6)),
                solved("POMDP's late stock over CE's", "late_stock_over_ce", Threshold::AtLeast(2.0)),
            ],
        ),
        claim(
            "Q4",
            "prior knowledge orders the stock at which harvest begins",
            PaperFigure::Table("high 0.384 < CE 0.485 < low 0.545"),
            vec![
                harvest("CE minus high prior", "CE", "high", Threshold::AtLeast(0.0)),
                harvest("uniform prior minus CE", "uniform", "CE", Threshold::AtLeast(0.0)),
                harvest("low minus uniform prior", "low", "uniform", Threshold::AtLeast(0.0)),
                harvest("low minus high prior", "low", "high", Threshold::Above(0.0)),
            ],
        ),
    ]
}

fn paper_trials() -> Vec<Trial> {
    let mut list = Vec::new();
    for (sigma_g, sigma_m, _) in TABLE {
        list.extend(["CE", "TAC", "MSY"].map(|rule| exact(rule, 100, sigma_g, sigma_m)));
        list.push(simulated(100, sigma_g, sigma_m, sigma_m, 10_000, 0));
    }
    list.push(simulated(100, 0.15, 0.15, 0.0, 10_000, 0));
    list.push(Trial { study: "solver".into(), policy: "POMDP".into(), ..exact("", 100, 0.15, 0.1) });
    let stock = |name: &str| Trial { study: "stock".into(), ..exact(name, 150, 0.0, 0.1) };
    list.extend(["Argentine hake", "European Plaice"].map(stock));
    list
}

const P1_FINDING: &str = "35 of the 36 values hold. The published mean of 100 replicates at sigma_g = 0.1, sigma_m = 0.15 (2.845) is above \
     the one at the smaller survey error 0.1 (2.797), which no policy can reach on average: a less informative survey cannot be worth more. \
     With 10,000 replicates ours is 2.723, and 2.798 at the smaller error.";

fn paper_claims() -> Vec<Claim> {
    const PAPER: &[Scale] = &[Scale::Paper];
    let mut table = Vec::new();
    for (sigma_g, sigma_m, [npv, sd, ce, tac, msy]) in TABLE {
        let of = |study, policy| cell(study, policy, sigma_g, sigma_m).with("true_sigma_m", sigma_m);
        // 100 published replicates: two standard errors are sd / 5.
        table.push(Rule::holds("POMDP's value", "npv", of("simulated", "POMDP"), Aggregate::Every, Threshold::AtLeast(npv - sd / 5.0)));
        for (rule, value) in [("CE", ce), ("TAC", tac), ("MSY", msy)] {
            table.push(Rule::holds("exact value", "npv", of("exact", rule), Aggregate::Every, Threshold::Near { value, within: 1e-3 }));
        }
    }
    let cautious = || cell("simulated", "POMDP", 0.15, 0.15).with("true_sigma_m", 0.0);
    let solver = |label, metric, threshold| Rule::holds(label, metric, Cell::of("study", "solver"), Aggregate::Every, threshold);
    let mut stocks = Vec::new();
    for stock in ["Argentine hake", "European Plaice"] {
        let of = || Cell::of("study", "stock").with("policy", stock);
        for (label, metric) in [
            ("CE minus POMDP", "ce_minus_pomdp"),
            ("TAC minus CE", "tac_minus_ce"),
            ("MSY minus TAC", "msy_minus_tac"),
            ("catch minus MSY", "catch_minus_msy"),
        ] {
            stocks.push(Rule::holds(label, metric, of(), Aggregate::Every, Threshold::Above(0.0)));
        }
    }
    let claim = |id, says, paper, rules| Claim { id, says, paper, source: Source::Paper, scales: PAPER, rules, finding: "" };
    vec![
        Claim {
            finding: P1_FINDING,
            ..claim("P1", "the table of net present values", PaperFigure::Table("36 values: four policies at nine pairs of errors"), table)
        },
        claim(
            "P2",
            "overestimating the survey error is cheap",
            PaperFigure::Table("2.43 against CE 2.59"),
            vec![
                Rule::holds("value over CE's", "npv_over_ce", cautious(), Aggregate::Every, Threshold::AtLeast(0.92)),
                Rule::holds("late stock over CE's", "late_stock_over_ce", cautious(), Aggregate::Every, Threshold::AtLeast(1.0)),
            ],
        ),
        claim(
            "P3",
            "the solver reaches the published gap in a hundredth of the time",
            PaperFigure::Table("gap 0.0172 in 15,195 s, lower bound 3.33955"),
            vec![
                solver("gap", "gap", Threshold::AtMost(0.0172)),
                solver("seconds", "seconds", Threshold::AtMost(150.0)),
                solver("lower bound", "lower", Threshold::AtMost(3.3568)),
                solver("upper bound", "upper", Threshold::AtLeast(3.33955)),
            ],
        ),
        claim(
            "P4",
            "on both historical stocks the POMDP recommends least and the real catch was largest",
            PaperFigure::Table("hake 0.76 < 0.90 < 1.15 < 1.42 < 1.87 Mt"),
            stocks,
        ),
    ]
}

fn model(trial: &Trial) -> FisheryModel {
    FisheryModel { sigma_g: trial.sigma_g, sigma_m: trial.sigma_m, grid: (0.0, 2.0, trial.points), ..FisheryModel::default() }
}

fn start(model: &FisheryModel) -> usize {
    nearest(&model.values(), model.k / 6.0)
}

fn rule(name: &str, model: &FisheryModel) -> Result<StaticRule> {
    match name {
        "CE" => StaticRule::constant_escapement(model),
        "TAC" => StaticRule::constant_mortality(model, 0.8),
        "MSY" => StaticRule::constant_mortality(model, 1.0),
        other => Err(Error::input(format!("there is no rule '{other}'"))),
    }
}

fn evaluate(name: &str, model: &FisheryModel) -> Result<ExactEvaluation> {
    evaluate_exact(&model.to_pomdp()?, &rule(name, model)?, model.values().view(), start(model), 100, true)
}

fn run_exact(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let model = model(trial);
    let (pomdp, first) = (model.to_pomdp()?, start(&model));
    let value = evaluate(&trial.policy, &model)?;
    let optimum = solve_mdp(&pomdp, ctx)?.values[first];
    Ok(Metrics::new()
        .with("npv", value.npv)
        .with("share_of_optimum", value.values[first] / optimum)
        .with("late_stock", value.late_stock)
        .with("extinction", value.extinction[98])
        .with_series("extinction", value.extinction.iter().copied()))
}

/// Bounds narrow enough that a tighter policy earns no more within the noise of the replicates.
fn solver(trial: &Trial) -> SarsopSolver {
    if trial.points <= 41 {
        // A cap by trials gives the same policy on every machine.
        return SarsopSolver { precision: 0.02, max_time: None, max_trials: Some(150), ..SarsopSolver::default() };
    }
    SarsopSolver { precision: 0.0172, max_time: Some(150.0), ..SarsopSolver::default() }
}

fn run_simulated(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let assumed = model(trial);
    let truth = FisheryModel { sigma_m: trial.true_sigma_m, ..assumed.clone() };
    let mut policy = solver(trial).solve(&assumed.to_pomdp()?, ctx)?;
    let real = Observation::Dense(vec![truth.observation_matrix(truth.sigma_m)]);
    if trial.policy == "blind" {
        policy = blind(&policy)?;
    }
    let options = SimulationOptions {
        start: start(&assumed),
        t_max: 100,
        n_reps: trial.replicates,
        true_observation: Some(real),
        paper_convention: true,
    };
    let outcome = simulate(&policy, &options, ctx)?;
    let (ce, tac) = (evaluate("CE", &truth)?, evaluate("TAC", &truth)?);
    let extinction = outcome.extinction();
    let late = outcome.late_stock(truth.values().view());
    Ok(Metrics::new()
        .with("npv", outcome.mean_npv())
        .with("npv_sd", outcome.sd_npv())
        .with("npv_over_ce", outcome.mean_npv() / ce.npv)
        .with("npv_over_tac", outcome.mean_npv() / tac.npv)
        .with("extinction", extinction[98])
        .with("extinction_over_ce", extinction[98] / ce.extinction[98])
        .with("late_stock", late)
        .with("late_stock_over_ce", late / ce.late_stock)
        .with("gap", policy.gap())
        .with_series("extinction", extinction.iter().copied()))
}

/// The same vectors, acting on beliefs that surveys do not move.
fn blind(policy: &AlphaPolicy) -> Result<AlphaPolicy> {
    let pomdp = policy.pomdp();
    let z = pomdp.n_observations();
    let uninformative = Observation::Dense(vec![Array2::from_elem((pomdp.n_states(), z), 1.0 / z as f64)]);
    AlphaPolicy::from_vectors(pomdp.clone().with_observation(uninformative)?, policy.alphas().clone(), policy.actions().to_vec())
}

/// Least survey at which anything is taken.
fn run_first_harvest(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let model = model(trial);
    let (grid, pomdp) = (model.values(), model.to_pomdp()?);
    let first = if trial.policy == "CE" {
        rule("CE", &model)?.quotas.iter().position(|&a| a > 0)
    } else {
        let policy = solver(trial).solve(&pomdp, ctx)?;
        let choice = policy.policy_given_observation(prior(trial, &model, &pomdp)?.view(), None)?;
        choice.iter().position(|a| a.is_some_and(|a| a > 0))
    };
    let first = first.ok_or_else(|| Error::numeric("the policy never harvests"))?;
    Ok(Metrics::new().with("first_harvest", grid[first]))
}

/// The column of O for the survey nearest 0.75 K or 0.25 K, normalised; or the uniform prior.
fn prior(trial: &Trial, model: &FisheryModel, pomdp: &Pomdp) -> Result<Array1<f64>> {
    let share = match trial.policy.as_str() {
        "high" => 0.75,
        "low" => 0.25,
        _ => return Ok(pomdp.prior().clone()),
    };
    let likelihood = pomdp.likelihood(0, nearest(&model.values(), share * model.k));
    let total = likelihood.sum();
    Ok(likelihood / total)
}

fn run_solver(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let clock = Instant::now();
    let policy = solver(trial).solve(&model(trial).to_pomdp()?, ctx)?;
    Ok(Metrics::new()
        .with("gap", policy.gap())
        .with("lower", policy.lower())
        .with("upper", policy.upper())
        .with("seconds", clock.elapsed().as_secs_f64())
        .with("vectors", policy.actions().len() as f64))
}

fn run_stock(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    let path = elinvar_data::study_file("fisheries/appendixB.csv", "the repository boettiger-lab/pomdp-intro")?;
    let stocks = read_stocks(&elinvar_data::read_table(&path)?)?;
    let stock = stocks.into_iter().find(|s| s.name.eq_ignore_ascii_case(&trial.policy));
    let mut stock = stock.ok_or_else(|| Error::input(format!("the record has no stock '{}'", trial.policy)))?;
    let model = historical_model(&trial.policy)?;
    let scale = QuotaScale::new(model.values(), stock.largest_biomass())?;
    let solver = SarsopSolver { precision: 0.05, max_time: Some(240.0), ..SarsopSolver::default() };
    let policy = solver.solve(&model.to_pomdp()?, ctx)?;
    let place = |series: &[f64], what: &str| -> Result<Vec<usize>> {
        series.iter().enumerate().map(|(t, &x)| scale.position(x, what, t, true)).collect()
    };
    let advice = hindcast(&policy, &place(&stock.biomass, "the survey")?, &place(&stock.catch, "the catch")?)?;
    stock.rules.insert("ours".into(), advice.iter().map(|a| a.map_or(f64::NAN, |a| scale.value(a))).collect());
    let sums = stock.sums(&["ours", "CE", "TAC", "MSY", "catch"])?;
    let names = ["pomdp", "ce", "tac", "msy", "catch"];
    let metrics = names.iter().zip(&sums).fold(Metrics::new().with("gap", policy.gap()), |m, (name, sum)| m.with(name, *sum));
    Ok((1..5).fold(metrics, |m, i| m.with(&format!("{}_minus_{}", names[i], names[i - 1]), sums[i] - sums[i - 1])))
}

fn collapse_figure(evidence: &Evidence) -> Option<Figure> {
    let arms = [("POMDP", "simulated"), ("CE", "exact"), ("TAC", "exact")];
    let line = |(policy, study): (&str, &str)| {
        let series = evidence.series("extinction", &cell(study, policy, 0.15, 0.15))?;
        Some(Mark::line(policy, (1..=series.len()).map(|t| t as f64).collect(), series.to_vec()))
    };
    Some(Figure {
        id: "collapse".into(),
        title: "Rules that trust the last survey collapse the stock".into(),
        caption: "Share of stocks that are extinct, by year, with growth noise 0.15 and survey error 0.15: the solved policy (simulated) against \
                  constant escapement and 80 % of F_MSY (exact)."
            .into(),
        panels: vec![Panel {
            x: Axis::new("year"),
            y: Axis::new("share extinct").showing(0.0, 1.0),
            marks: arms.into_iter().filter_map(line).collect(),
            ..Panel::default()
        }],
    })
    .filter(|f| f.panels[0].marks.len() == 3)
}

fn harvest_figure(evidence: &Evidence) -> Option<Figure> {
    let arms = ["high", "CE", "uniform", "low"];
    let values = arms
        .iter()
        .map(|a| Some(evidence.summary("first_harvest", &cell("first-harvest", a, 0.15, 0.1))?.0))
        .collect::<Option<Vec<f64>>>()?;
    let bars = Mark::Bars { label: "first harvest".into(), y: values, low: Vec::new(), high: Vec::new() };
    Some(Figure {
        id: "first-harvest".into(),
        title: "What is known before the survey decides when to harvest".into(),
        caption: "Least surveyed stock at which anything is taken, after a high, uniform or low prior, and under constant escapement (growth noise \
                  0.15, survey error 0.1)."
            .into(),
        panels: vec![Panel {
            x: Axis::categories("prior or rule", ["high prior", "CE", "uniform prior", "low prior"]),
            y: Axis::new("surveyed stock (K = 1)").showing(0.0, 0.6),
            marks: vec![bars],
            ..Panel::default()
        }],
    })
}

fn stock_figure(evidence: &Evidence) -> Option<Figure> {
    let metrics = ["pomdp", "ce", "tac", "msy", "catch"];
    let panel = |stock: &str| {
        let of = Cell::of("study", "stock").with("policy", stock);
        let values = metrics.iter().map(|m| Some(evidence.summary(m, &of)?.0 / 1e6)).collect::<Option<Vec<f64>>>()?;
        Some(Panel {
            title: stock.into(),
            x: Axis::categories("rule", ["POMDP", "CE", "TAC", "MSY", "real catch"]),
            y: Axis::new("sum over years (million tonnes)").showing(0.0, 0.0),
            marks: vec![Mark::Bars { label: "sum".into(), y: values, low: Vec::new(), high: Vec::new() }],
            ..Panel::default()
        })
    };
    Some(Figure {
        id: "stocks".into(),
        title: "What two real stocks would have been granted".into(),
        caption: "Sum of recommended catches over the years in which every rule speaks, beside the real catch.".into(),
        panels: vec![panel("Argentine hake")?, panel("European Plaice")?],
    })
}
