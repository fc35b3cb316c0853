//! The claims of the paper and the trials that decide them.

use super::algorithm::{Penalty, Settings};
use super::data::{Portfolio, compas, crossed, motor, pg15};
use super::encode::Encoder;
use super::lambda_path::figures as fairness;
use super::metrics::{accuracy, poisson_deviance};
use super::model::{Data, fit};
use super::params::{BatchSize, FairModel, Form, Loss, Measure, OptimizerKind, PenaltyKind};
use elinvar_core::reproduction::{
    Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{Checked, Context, Error, Result};
use elinvar_data::design::Design;
use elinvar_data::study_file;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// One model fitted to one data set with one penalty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `crossed` (generator X), `motor` (generator M), `dependent` (M with dependent attributes), `pg15`, `pg15-test`, `compas`.
    study: String,
    /// `none`, `sum`, `ccdcov` or `jdcov`.
    penalty: String,
    /// Penalty weight.
    lam: f64,
    /// Rows; 0 for all of a real data set.
    n: usize,
    seed: u64,
}

/// The study of this method.
pub(super) struct DistanceCovarianceStudy;

/// Seeds of the quick claims.
const TEN: [u64; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const OFFICIAL_SEEDS: [u64; 10] = [3658, 2287, 3583, 3812, 9196, 3612, 107, 2616, 6925, 1585];

fn cell(study: &str, penalty: &str, lam: f64) -> Cell {
    Cell::of("study", study).with("penalty", penalty).with("lam", lam)
}

/// The cell of a model without penalty.
fn plain(study: &str) -> Cell {
    cell(study, "none", 0.0)
}

fn trials(study: &str, arms: &[(&str, f64)], n: usize, seeds: &[u64]) -> Vec<Trial> {
    let arm = |&(penalty, lam): &(&str, f64)| {
        let trial = move |&seed: &u64| Trial { study: study.into(), penalty: penalty.into(), lam, n, seed };
        seeds.iter().map(trial).collect::<Vec<_>>()
    };
    arms.iter().flat_map(arm).collect()
}

impl Reproduction for DistanceCovarianceStudy {
    type Trial = Trial;
    const VERSION: u32 = 3;

    fn claims(&self) -> Vec<Claim> {
        let mut claims = generated_claims();
        claims.extend(real_claims());
        claims
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        let crossed_arms = [("none", 0.0), ("sum", 20.0), ("ccdcov", 20.0), ("jdcov", 20.0)];
        let motor_arms = [("none", 0.0), ("ccdcov", 10.0), ("ccdcov", 20.0), ("ccdcov", 40.0), ("jdcov", 20.0)];
        let dependent_arms = [("none", 0.0), ("ccdcov", 80.0), ("jdcov", 80.0)];
        let generated = |rows: [usize; 2], seeds: [&[u64]; 3]| {
            let mut list = trials("crossed", &crossed_arms, rows[0], seeds[0]);
            list.extend(trials("motor", &motor_arms, rows[1], seeds[1]));
            list.extend(trials("dependent", &dependent_arms, rows[1], seeds[2]));
            list
        };
        match scale {
            Scale::Tiny => trials("crossed", &crossed_arms, 400, &[0, 1, 2]),
            Scale::Quick => generated([1000, 8000], [&TEN, &TEN, &TEN]),
            Scale::Hour => Vec::new(),
            Scale::Paper => {
                let path = [
                    ("none", 0.0),
                    ("ccdcov", 10.0),
                    ("ccdcov", 40.0),
                    ("ccdcov", 150.0),
                    ("jdcov", 10.0),
                    ("jdcov", 40.0),
                    ("jdcov", 150.0),
                ];
                let mut list = trials("pg15", &path, 0, &OFFICIAL_SEEDS);
                list.extend(trials("pg15-test", &[("none", 0.0), ("ccdcov", 40.0), ("jdcov", 30.0)], 0, &[42]));
                list.extend(trials("compas", &[("none", 0.0), ("ccdcov", 40.0), ("jdcov", 40.0)], 0, &OFFICIAL_SEEDS));
                list
            }
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        let data = load(trial, ctx)?;
        let params = Checked::new(model(trial)?)?;
        let (train, test) = split(trial, data.len(), ctx);
        let fitted = fit(&params, &to_data(&data.take(&train)), ctx)?;
        let rows = data.take(&test);
        let exposure = (params.loss == Loss::Poisson).then_some(&rows.exposure);
        let score = fitted.model.predict(&Design::Matrix(rows.x.clone()), exposure)?;
        let [rps, jsd, uf, ccdcov, jdcov] = fairness(params.loss, score.view(), rows.y.view(), &data.protected, &test, params.c, ctx)?;
        let encoded = Encoder::fit(&data.protected, &Default::default())?.encode(&rows.protected)?;
        let joint = Settings { measure: Measure::Jdcov, c: params.c, ..Settings::default() };
        let floor = Penalty::new(&encoded, &joint, ctx)?.floor();
        let metrics = Metrics::new().with("rps", rps).with("jsd", jsd).with("uf", uf).with("ccdcov", ccdcov).with("jdcov", jdcov);
        let metrics = metrics.with("floor", floor).with("jdcov_over_floor", jdcov / floor);
        Ok(match params.loss {
            Loss::Poisson => metrics.with("deviance", poisson_deviance(score.view(), rows.y.view())),
            Loss::Bernoulli => metrics.with("accuracy", accuracy(score.view(), rows.y.view())),
            _ => metrics,
        })
    }

    /// Without the penalty's weight nothing is left of the method.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        (trial.lam > 0.0).then(|| Trial { lam: 0.0, ..trial.clone() })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        [unfairness_figure(evidence), frontier_figure(evidence), floor_figure(evidence)].into_iter().flatten().collect()
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "Networks of the quick claims are trained with Adam instead of AdaHessian.",
            "The generated portfolios X and M are of this project; the paper has no synthetic data.",
            "The paper's COMPAS tables could not be found: the thresholds of P3 are ours.",
        ]
    }
}

const P1_FINDING: &str = "Five to ten seeds of a cell were run. Unfairness UF has the paper's figures at weight 10 and up to 1.5 times them \
     beyond; divergence JSD is .33 to .57 of the paper's at every weight, and half of it without a penalty (.0128 against .0282): with a fixed \
     bandwidth it grows with the spread of the scores, and ours spread less. The held-out RPS moves more with the split than 1 %.";
const Q4_FINDING: &str = "With the default early stopping about a tenth of CCdCov² is left; trained for 40 epochs without dropout and early \
     stopping it was 0.055 [0.035, 0.090] over three seeds.";

fn generated_claims() -> Vec<Claim> {
    const QUICK: &[Scale] = &[Scale::Quick];
    let ratio =
        |label, penalty, threshold| Rule::ratio(label, "uf", cell("crossed", penalty, 20.0), plain("crossed"), Aggregate::Mean, threshold);
    let pilot = |id, says, paper, scales, rules| Claim { id, says, paper, source: Source::Pilot, scales, rules, finding: "" };
    vec![
        pilot(
            "Q1",
            "the marginal-sum penalty leaves intersections unfair, CCdCov and JdCov do not",
            PaperFigure::Qualitative("fairness gerrymandering"),
            &[Scale::Tiny, Scale::Quick],
            vec![
                ratio("unfairness left by the sum of marginals", "sum", Threshold::Above(0.85)),
                ratio("unfairness left by CCdCov", "ccdcov", Threshold::Below(0.60)),
                ratio("unfairness left by JdCov", "jdcov", Threshold::Below(0.45)),
            ],
        ),
        pilot(
            "Q2",
            "divergence between groups falls steeply with the weight at a small loss of accuracy",
            PaperFigure::Table("JSD -94 %, RPS +1.4 % at weight 40"),
            QUICK,
            vec![
                Rule::descending(
                    "validation JSD",
                    "jsd",
                    vec![plain("motor"), cell("motor", "ccdcov", 10.0), cell("motor", "ccdcov", 40.0)],
                ),
                Rule::ratio(
                    "JSD left at weight 40",
                    "jsd",
                    cell("motor", "ccdcov", 40.0),
                    plain("motor"),
                    Aggregate::RatioOfMeans,
                    Threshold::AtMost(0.30),
                ),
                Rule::ratio(
                    "RPS at weight 40",
                    "rps",
                    cell("motor", "ccdcov", 40.0),
                    plain("motor"),
                    Aggregate::RatioOfMeans,
                    Threshold::Below(1.04),
                ),
            ],
        ),
        pilot(
            "Q3",
            "at equal weight JdCov is at least as fair and not more accurate than CCdCov",
            PaperFigure::Table("every row of the path table"),
            QUICK,
            vec![
                Rule::difference(
                    "unfairness, JdCov minus CCdCov",
                    "uf",
                    cell("motor", "jdcov", 20.0),
                    cell("motor", "ccdcov", 20.0),
                    Aggregate::Mean,
                    Threshold::AtMost(0.0),
                ),
                Rule::difference(
                    "RPS, JdCov minus CCdCov",
                    "rps",
                    cell("motor", "jdcov", 20.0),
                    cell("motor", "ccdcov", 20.0),
                    Aggregate::Mean,
                    Threshold::AtLeast(-1e-4),
                ),
            ],
        ),
        Claim {
            finding: Q4_FINDING,
            ..pilot(
                "Q4",
                "dependent attributes give JdCov a floor; CCdCov is unaffected",
                PaperFigure::Table("JdCov² stays at a floor of 3.0e-4"),
                QUICK,
                vec![
                    Rule::holds(
                        "JdCov² over the attributes' own part",
                        "jdcov_over_floor",
                        cell("dependent", "jdcov", 80.0),
                        Aggregate::Mean,
                        Threshold::AtLeast(0.9),
                    ),
                    Rule::ratio(
                        "CCdCov² left at weight 80",
                        "ccdcov",
                        cell("dependent", "ccdcov", 80.0),
                        plain("dependent"),
                        Aggregate::RatioOfMeans,
                        Threshold::Below(0.1),
                    ),
                ],
            )
        },
    ]
}

/// Paper's validation means at a weight: RPS, JSD, UF of CCdCov, then of JdCov.
const PATH: [(f64, [f64; 3], [f64; 3]); 3] = [
    (10.0, [0.11974, 0.00788, 0.02030], [0.11992, 0.00615, 0.01594]),
    (40.0, [0.12081, 0.00164, 0.00470], [0.12120, 0.00117, 0.00361]),
    (150.0, [0.12212, 0.00056, 0.00213], [0.12286, 0.00045, 0.00208]),
];

fn real_claims() -> Vec<Claim> {
    const PAPER: &[Scale] = &[Scale::Paper];
    let mut path = Vec::new();
    for (lam, ccdcov, jdcov) in PATH {
        for (penalty, [rps, jsd, uf]) in [("ccdcov", ccdcov), ("jdcov", jdcov)] {
            let of = || cell("pg15", penalty, lam);
            path.push(Rule::holds("RPS", "rps", of(), Aggregate::Mean, Threshold::Near { value: rps, within: 0.01 * rps }));
            path.push(Rule::holds("JSD", "jsd", of(), Aggregate::Mean, Threshold::WithinFactor { value: jsd, factor: 1.5 }));
            path.push(Rule::holds("UF", "uf", of(), Aggregate::Mean, Threshold::WithinFactor { value: uf, factor: 1.5 }));
        }
    }
    let against = |label, study, metric, penalty, lam, threshold| {
        Rule::ratio(label, metric, cell(study, penalty, lam), plain(study), Aggregate::RatioOfMeans, threshold)
    };
    let mut test = Vec::new();
    for (penalty, lam) in [("ccdcov", 40.0), ("jdcov", 30.0)] {
        test.push(against("JSD left", "pg15-test", "jsd", penalty, lam, Threshold::AtMost(0.1)));
        test.push(against("RPS", "pg15-test", "rps", penalty, lam, Threshold::AtMost(1.015)));
    }
    let mut recidivism = Vec::new();
    for penalty in ["ccdcov", "jdcov"] {
        recidivism.push(against("JSD left", "compas", "jsd", penalty, 40.0, Threshold::AtMost(1.0 / 3.0)));
        recidivism.push(Rule::difference(
            "accuracy",
            "accuracy",
            cell("compas", penalty, 40.0),
            plain("compas"),
            Aggregate::Mean,
            Threshold::AtLeast(-0.03),
        ));
    }
    let claim = |id, says, paper, source, rules| Claim { id, says, paper, source, scales: PAPER, rules, finding: "" };
    vec![
        Claim {
            finding: P1_FINDING,
            ..claim(
                "P1",
                "the path on motor insurance has the paper's figures",
                PaperFigure::Table("weight 40: JSD .00164, UF .0047, RPS .1208"),
                Source::Paper,
                path,
            )
        },
        claim(
            "P2",
            "on the test rows divergence falls at least tenfold at a small loss",
            PaperFigure::Table("JSD .02824 to .001817 and .001504, RPS +0.5 % and +1.0 %"),
            Source::Paper,
            test,
        ),
        claim(
            "P3",
            "the same holds for recidivism with gender, race and age",
            PaperFigure::Qualitative("COMPAS study, table not found"),
            Source::Pilot,
            recidivism,
        ),
    ]
}

fn load(trial: &Trial, ctx: &Context) -> Result<Portfolio> {
    let mut random = ctx.stream(&[("data", 0)]);
    match trial.study.as_str() {
        "crossed" => Ok(crossed(trial.n, &mut random)),
        "motor" => Ok(motor(trial.n, 0.0, &mut random)),
        "dependent" => Ok(motor(trial.n, 0.6, &mut random)),
        "pg15" | "pg15-test" => pg15(&insurance()?),
        "compas" => {
            let path = study_file("compas/compas-scores-two-years.csv", "the repository propublica/compas-analysis")?;
            compas(&elinvar_data::read_table(&path)?)
        }
        other => Err(Error::input(format!("there is no study '{other}'"))),
    }
}

fn insurance() -> Result<elinvar_core::Table> {
    let path = study_file("insurance/pg15training.rda", "the repository agi-lab/beyond-correlation")?;
    let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
    let tables = elinvar_data::rda::parse(&bytes)?;
    tables.into_iter().next().map(|(_, table)| table).ok_or_else(|| Error::file(&path, "holds no data frame"))
}

fn model(trial: &Trial) -> Result<FairModel> {
    let penalty = match trial.penalty.as_str() {
        "none" => PenaltyKind::None,
        "sum" => PenaltyKind::Sum,
        "ccdcov" => PenaltyKind::Ccdcov,
        "jdcov" => PenaltyKind::Jdcov,
        other => return Err(Error::input(format!("there is no penalty '{other}'"))),
    };
    let base = FairModel { penalty, lam: trial.lam, ..FairModel::default() };
    Ok(match trial.study.as_str() {
        "crossed" => FairModel { model: Form::Linear, ..base },
        "motor" | "dependent" => FairModel { loss: Loss::Poisson, hidden_layers: vec![32, 32], ..base },
        "compas" => FairModel { loss: Loss::Bernoulli, hidden_layers: vec![64, 64], batch_size: Some(BatchSize::Rows(256)), ..base },
        // The hyper-parameters that the authors found for the model without penalty and used for all three.
        _ => FairModel {
            loss: Loss::Poisson,
            hidden_layers: vec![64; 4],
            dropout: 0.3398,
            batch_size: Some(BatchSize::Rows(128)),
            learning_rate: 9.31e-3,
            optimizer: OptimizerKind::Adahessian,
            max_epochs: 35,
            validation_fraction: 0.0,
            ..base
        },
    })
}

/// Rows to fit and rows to judge. Generator X is judged on the rows of the fit, as in the pilot.
fn split(trial: &Trial, n: usize, ctx: &Context) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..n).collect();
    if trial.study == "crossed" {
        return (rows.clone(), rows);
    }
    rows.shuffle(&mut ctx.stream(&[("split", 0)]));
    // 80/20 into development and test, then 70/30 into training and validation.
    let development = if trial.study.starts_with("pg15") { n * 4 / 5 } else { n };
    if trial.study == "pg15-test" {
        let test = rows.split_off(development);
        return (rows, test);
    }
    rows.truncate(development);
    let held = rows.split_off(development * 7 / 10);
    (rows, held)
}

fn to_data(portfolio: &Portfolio) -> Data {
    let poisson = portfolio.exposure.iter().any(|&e| e != 1.0);
    Data {
        x: Design::Matrix(portfolio.x.clone()),
        y: portfolio.y.clone(),
        protected: Some(portfolio.protected.clone()),
        exposure: poisson.then(|| portfolio.exposure.clone()),
        sample_weight: None,
    }
}

fn unfairness_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [plain("crossed"), cell("crossed", "sum", 20.0), cell("crossed", "ccdcov", 20.0), cell("crossed", "jdcov", 20.0)];
    Some(Figure {
        id: "intersections".into(),
        title: "Only the joint penalties see intersections".into(),
        caption:
            "Share of the score's variance that lies between the four groups of two protected attributes, for a linear model at weight \
                  20. Each attribute alone looks fair; bars are means, whiskers the least and greatest seed."
                .into(),
        panels: vec![Panel {
            x: Axis::categories("penalty", ["none", "sum", "CCdCov", "JdCov"]),
            y: Axis::new("unfairness UF").showing(0.0, 0.4),
            marks: vec![evidence.bars("unfairness", "uf", &cells)?],
            ..Panel::default()
        }],
    })
}

fn frontier_figure(evidence: &Evidence) -> Option<Figure> {
    let study = if evidence.summary("jsd", &plain("pg15")).is_some() { "pg15" } else { "motor" };
    let grid: &[f64] = if study == "pg15" { &[10.0, 40.0, 150.0] } else { &[10.0, 20.0, 40.0] };
    let panel = |metric: &str, label: &str| {
        let mut cells = vec![(0.0, plain(study))];
        cells.extend(grid.iter().map(|&lam| (lam, cell(study, "ccdcov", lam))));
        let line = evidence.line("CCdCov", metric, cells)?;
        Some(Panel { x: Axis::new("penalty weight λ"), y: Axis::new(label), marks: vec![line], ..Panel::default() })
    };
    Some(Figure {
        id: "frontier".into(),
        title: "Fairness falls fast, accuracy slowly".into(),
        caption: "Held-out divergence between groups and ranked probability score over the weight of the CCdCov penalty; lines are means, \
                  bands the least and greatest seed."
            .into(),
        panels: vec![panel("jsd", "Jensen-Shannon divergence (bits)")?, panel("rps", "ranked probability score")?],
    })
}

fn floor_figure(evidence: &Evidence) -> Option<Figure> {
    let cells = [plain("dependent"), cell("dependent", "ccdcov", 80.0), cell("dependent", "jdcov", 80.0)];
    let axis = || Axis::categories("penalty", ["none", "CCdCov", "JdCov"]);
    let level = evidence.summary("floor", &cells[0])?.0;
    Some(Figure {
        id: "floor".into(),
        title: "Dependent attributes give JdCov a floor".into(),
        caption:
            "Women live in five of ten regions with probability 0.6. JdCov² cannot fall below the attributes' own part (dashed); CCdCov² \
                  can. Weight 80; bars are means, whiskers the least and greatest seed."
                .into(),
        panels: vec![
            Panel {
                x: axis(),
                y: Axis::new("JdCov²").showing(0.0, 0.0),
                marks: vec![evidence.bars("JdCov²", "jdcov", &cells)?, Mark::Level { label: "attributes' own part".into(), y: level }],
                ..Panel::default()
            },
            Panel {
                x: axis(),
                y: Axis::new("CCdCov²").showing(0.0, 0.0),
                marks: vec![evidence.bars("CCdCov²", "ccdcov", &cells)?],
                ..Panel::default()
            },
        ],
    })
}
