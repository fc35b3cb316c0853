//! The comparisons with other networks, on the paper's data sets.

use super::{Trial, cell, trial};
use crate::self_normalizing::data::{Sample, pulsars, tox21, uci};
use crate::self_normalizing::fit::{self, Data};
use crate::self_normalizing::params::{ActivationKind, Architecture, Form, Grid, NormKind, SnnGridSearch, Task};
use elinvar_core::reproduction::{Aggregate, Claim, Metrics, PaperFigure, Rule, Scale, Source, Threshold};
use elinvar_core::validation::{accuracy, stratified_folds};
use elinvar_core::{Checked, Context, Error, Result, Table};
use elinvar_data::design::Design;
use elinvar_math::statistics::{mean, ranks};
use elinvar_math::validation::roc_auc;
use ndarray::Array2;

/// The seven kinds of networks that the paper compares.
const COMPETITORS: [&str; 7] = ["selu", "msra", "layernorm", "weightnorm", "batchnorm", "highway", "resnet"];

/// Layers of the Tox21 table.
const TOX21_DEPTHS: [usize; 7] = [2, 3, 4, 6, 8, 16, 32];

/// The sets of the UCI archive with at least 1000 rows, on which networks are expected to do well, and the others.
const UCI: &str = "abalone acute-inflammation acute-nephritis adult annealing arrhythmia audiology-std balance-scale balloons bank blood \
    breast-cancer breast-cancer-wisc breast-cancer-wisc-diag breast-cancer-wisc-prog breast-tissue car cardiotocography-10clases \
    cardiotocography-3clases chess-krvk chess-krvkp congressional-voting conn-bench-sonar-mines-rocks conn-bench-vowel-deterding connect-4 \
    contrac credit-approval cylinder-bands dermatology echocardiogram ecoli energy-y1 energy-y2 fertility flags glass haberman-survival \
    hayes-roth heart-cleveland heart-hungarian heart-switzerland heart-va hepatitis hill-valley horse-colic ilpd-indian-liver \
    image-segmentation ionosphere iris led-display lenses letter libras low-res-spect lung-cancer lymphography magic mammographic miniboone \
    molec-biol-promoter molec-biol-splice monks-1 monks-2 monks-3 mushroom musk-1 musk-2 nursery oocytes_merluccius_nucleus_4d \
    oocytes_merluccius_states_2f oocytes_trisopterus_nucleus_2f oocytes_trisopterus_states_5b optical ozone page-blocks parkinsons \
    pendigits pima pittsburg-bridges-MATERIAL pittsburg-bridges-REL-L pittsburg-bridges-SPAN pittsburg-bridges-T-OR-D \
    pittsburg-bridges-TYPE planning plant-margin plant-shape plant-texture post-operative primary-tumor ringnorm seeds semeion soybean \
    spambase spect spectf statlog-australian-credit statlog-german-credit statlog-heart statlog-image statlog-landsat statlog-shuttle \
    statlog-vehicle steel-plates synthetic-control teaching thyroid tic-tac-toe titanic trains twonorm vertebral-column-2clases \
    vertebral-column-3clases wall-following waveform waveform-noise wine wine-quality-red wine-quality-white yeast zoo";

pub(super) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = (0..10).map(|fold| trial("htru2", "all", 0, 0.0, 0, fold)).collect();
    for seed in 0..5 {
        for arm in COMPETITORS {
            trials.extend(TOX21_DEPTHS.map(|depth| trial("tox21", arm, depth, 0.0, 0, seed)));
        }
    }
    trials
        .extend(UCI.split_whitespace().enumerate().map(|(i, set)| Trial { data: set.into(), ..trial("uci", "all", 0, 0.0, 0, i as u64) }));
    trials
}

pub(super) fn claims() -> Vec<Claim> {
    let paper: &[Scale] = &[Scale::Paper];
    let tox21 = |arm: &str, depth: usize| cell("tox21", arm).with("depth", depth);
    let above = |depth| {
        let (of, to) = (tox21("selu", depth), tox21("batchnorm", depth));
        Rule::difference("AUC above batch normalisation", "auc", of, to, Aggregate::Mean, Threshold::AtLeast(0.05))
    };
    let rank = |label, metric| Rule::holds(label, metric, cell("uci", "all"), Aggregate::Mean, Threshold::Below(0.0));
    vec![
        Claim {
            id: "SN-6",
            says: "on pulsar candidates (HTRU2) self-normalising networks are the best or second best of seven",
            paper: PaperFigure::Table("AUC 0.9803 ± 0.010, best of 7"),
            source: Source::Paper,
            scales: paper,
            rules: vec![
                Rule::holds("AUC", "auc", cell("htru2", "all"), Aggregate::Mean, Threshold::AtLeast(0.978)),
                Rule::holds("competitors above in a fold", "beaten_by", cell("htru2", "all"), Aggregate::Mean, Threshold::AtMost(1.0)),
            ],
            finding: "",
        },
        Claim {
            id: "SN-7",
            says: "on Tox21 self-normalising networks stay good when they are deep, batch-normalised ones do not",
            paper: PaperFigure::Table("AUC 84.5 ± 0.2 at 8 layers; batch normalisation 75.0 at 8 and 73.7 at 16"),
            source: Source::Paper,
            scales: paper,
            rules: vec![
                Rule::holds("AUC at 8 layers", "auc", tox21("selu", 8), Aggregate::Mean, Threshold::Near { value: 0.845, within: 0.01 }),
                above(8),
                above(16),
            ],
            finding: "",
        },
        Claim {
            id: "SN-8",
            says: "over the UCI sets self-normalising networks have the best average rank",
            paper: PaperFigure::Table(
                "average rank -0.756 from the middle, the best of 7; batch normalisation 0.504, weight normalisation 0.397",
            ),
            source: Source::Paper,
            scales: paper,
            rules: vec![
                rank("rank less that of He initialisation", "over_msra"),
                rank("rank less that of layer normalisation", "over_layernorm"),
                rank("rank less that of highway networks", "over_highway"),
                rank("rank less that of residual networks", "over_resnet"),
                rank("rank less that of weight normalisation", "over_weightnorm"),
                rank("rank less that of batch normalisation", "over_batchnorm"),
            ],
            finding: "",
        },
    ]
}

/// A competitor over its grid. The paper gives ReLU networks dropout 0.5 or none.
fn competitor(arm: &str, grid: Grid, task: Task) -> Result<SnnGridSearch> {
    let relu = SnnGridSearch { task, grid, activation: ActivationKind::Relu, dropout: Some(vec![0.5, 0.0]), ..SnnGridSearch::default() };
    let joined = |architecture| SnnGridSearch { architecture, forms: Some(vec![Form::Rectangular]), ..relu.clone() };
    Ok(match arm {
        "selu" => SnnGridSearch { task, grid, ..SnnGridSearch::default() },
        "msra" => relu,
        "layernorm" => SnnGridSearch { norm: Some(NormKind::Layer), ..relu },
        "weightnorm" => SnnGridSearch { norm: Some(NormKind::Weight), ..relu },
        "batchnorm" => SnnGridSearch { norm: Some(NormKind::Batch), ..relu },
        "highway" => joined(Architecture::Highway),
        "resnet" => joined(Architecture::Residual),
        other => return Err(Error::input(format!("there is no network '{other}'"))),
    })
}

pub(super) fn run(trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
    match trial.study.as_str() {
        "htru2" => htru2(trial.seed as usize, ctx),
        "tox21" => of_tox21(&trial.arm, trial.depth, ctx),
        _ => of_uci(&trial.data, ctx),
    }
}

/// One fold: every competitor chooses on rows of its training set.
fn htru2(fold: usize, ctx: &mut Context) -> Result<Metrics> {
    const FOLDS: usize = 10;
    let (x, y) = pulsars()?;
    // All folds of one partition: the seed of the trial is the fold.
    let folds = stratified_folds(&y, FOLDS, &mut elinvar_core::random::stream(0, &[("folds", 0)]))?;
    let rows = |test: bool| (0..y.len()).filter(|&i| (folds[i] == fold) == test).collect::<Vec<usize>>();
    let (train, test) = (Sample::of(&x, &y, &rows(false)), Sample::of(&x, &y, &rows(true)));
    let data = Data { x: Design::Matrix(train.x.clone()), y: train.labels()? };
    let positive: Vec<bool> = test.y.iter().map(|&c| c == 1).collect();
    let mut aucs = Vec::new();
    for arm in COMPETITORS {
        let search = Checked::new(competitor(arm, Grid::Htru2, Task::Classification)?)?;
        let model = fit::search(&search, &data, ctx)?.model;
        let scores = model.probabilities(&Design::Matrix(test.x.clone()), ctx)?.index_axis(ndarray::Axis(1), 1).to_vec();
        aucs.push(roc_auc(&scores, &positive));
    }
    let beaten_by = aucs.iter().skip(1).filter(|auc| **auc > aucs[0]).count();
    Ok(Metrics::new().with("auc", aucs[0]).with("beaten_by", beaten_by as f64))
}

/// Mean AUC over the tasks of the test set, at one depth.
fn of_tox21(arm: &str, depth: usize, ctx: &mut Context) -> Result<Metrics> {
    let ((x, y), (x_test, y_test)) = (tox21("train")?, tox21("test")?);
    let dropout = if arm == "selu" { None } else { Some(vec![0.5, 0.0]) };
    let search = SnnGridSearch { hidden_layers: Some(vec![depth]), dropout, l2: 1e-4, ..competitor(arm, Grid::Tox21, Task::Multitask)? };
    let model = fit::search(&Checked::new(search)?, &Data { x: Design::Matrix(x), y }, ctx)?.model;
    let found = model.probabilities(&Design::Matrix(x_test), ctx)?;
    Ok(Metrics::new().with("auc", mean(&task_aucs(&found, &y_test))))
}

fn task_aucs(found: &Array2<f64>, answers: &Table) -> Vec<f64> {
    let columns = answers.iter().zip(found.columns());
    let auc = |((_, column), scores): ((&str, &elinvar_core::Column), ndarray::ArrayView1<'_, f64>)| {
        let numbers = column.to_numbers()?;
        let known: Vec<(f64, bool)> = numbers.iter().zip(scores).filter(|(a, _)| !a.is_nan()).map(|(a, s)| (*s, *a == 1.0)).collect();
        let (scores, positive): (Vec<f64>, Vec<bool>) = known.into_iter().unzip();
        Some(roc_auc(&scores, &positive))
    };
    columns.filter_map(auc).collect()
}

/// Ranks of the competitors by test accuracy on one set, as differences from that of the self-normalising network.
fn of_uci(set: &str, ctx: &mut Context) -> Result<Metrics> {
    let (x, y, held) = uci(set)?;
    let rows = |test: bool| (0..y.len()).filter(|&i| held[i] == test).collect::<Vec<usize>>();
    let (train, test) = (Sample::of(&x, &y, &rows(false)), Sample::of(&x, &y, &rows(true)));
    let data = Data { x: Design::Matrix(train.x.clone()), y: train.labels()? };
    let mut errors = Vec::new();
    for arm in COMPETITORS {
        let search = Checked::new(competitor(arm, Grid::Uci, Task::Classification)?)?;
        let model = fit::search(&search, &data, ctx)?.model;
        let predicted = model.codes(&Design::Matrix(test.x.clone()), ctx)?;
        errors.push(1.0 - accuracy(&predicted, &test.y));
    }
    let rank = ranks(&errors);
    let over = |arm: &str| COMPETITORS.iter().position(|c| *c == arm).map_or(f64::NAN, |k| rank[0] - rank[k]);
    Ok(Metrics::new()
        .with("accuracy", 1.0 - errors[0])
        .with("rank", rank[0] - 4.0)
        .with("over_msra", over("msra"))
        .with("over_layernorm", over("layernorm"))
        .with("over_highway", over("highway"))
        .with("over_resnet", over("resnet"))
        .with("over_weightnorm", over("weightnorm"))
        .with("over_batchnorm", over("batchnorm")))
}
