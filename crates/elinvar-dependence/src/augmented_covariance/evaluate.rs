//! Cross-validated comparison of classifiers within and across sessions.

use super::embedding::Embedding;
use super::epochs::{self, filtered, score};
use super::model::{Training, candidates, family, learn};
use super::params::{
    AcmClassifier, Choice, ClassifierKind, EnsembleKind, Evaluation, KernelChoice, OneOrMore, Pipeline, Scheme, Selection,
};
use super::search::{Family, Partition, Search, score_partitions};
use elinvar_core::validation::stratified_folds;
use elinvar_core::{Checked, Column, Context, Error, Result, Table};
use elinvar_data::classes::Classes;
use elinvar_math::paired_tests::{bonferroni, sign_flip, wilcoxon};
use elinvar_math::statistics::{mean, variance};
use ndarray::{ArrayView3, Axis};
use std::collections::BTreeMap;

/// Epochs with what they are of.
pub struct Recordings<'a> {
    /// Epochs (n, channels, samples).
    pub x: ArrayView3<'a, f64>,
    /// Label of each (n,).
    pub y: Column,
    /// Session of each (n,); one session where absent.
    pub session: Option<Column>,
    /// Subject of each (n,); one subject where absent.
    pub subject: Option<Column>,
    /// Sampling rate in Hz, only needed with a band.
    pub sfreq: Option<f64>,
}

/// Scores of an evaluation.
pub struct Comparison {
    /// One row a subject, session and pipeline: mean score over folds, order and lag that were chosen (of the last fold).
    pub scores: Table,
    /// One row a pipeline: mean and standard deviation over sessions.
    pub summary: Table,
    /// One row an ordered pair of pipelines: number of subjects, mean difference over them and one-sided p-values, plain and Bonferroni.
    pub tests: Option<Table>,
}

/// One score.
struct Scored {
    subject: String,
    session: String,
    pipeline: Pipeline,
    score: f64,
    embedding: Embedding,
}

impl Evaluation {
    /// Evaluates on epochs of one or more subjects and sessions.
    ///
    /// # Errors
    /// As for [`AcmClassifier::fit`]; lengths that differ; fewer than two sessions a subject across sessions.
    pub fn evaluate(&self, data: &Recordings<'_>, ctx: &mut Context) -> Result<Comparison> {
        evaluate(&Checked::new(self.clone())?, data, ctx)
    }
}

/// As [`Evaluation::evaluate`].
pub(super) fn evaluate(params: &Checked<Evaluation>, data: &Recordings<'_>, ctx: &mut Context) -> Result<Comparison> {
    epochs::check(data.x)?;
    let n = data.x.dim().0;
    let (classes, y) = Classes::of(&data.y)?;
    let subjects = groups(data.subject.as_ref(), n, "subject")?;
    let sessions = groups(data.session.as_ref(), n, "session")?;
    if y.len() != n {
        return Err(Error::input(format!("X and y must have the same number of rows, got {n} and {}", y.len())));
    }
    let x = filtered(data.x, params.band.as_deref(), data.sfreq, ctx)?;
    let rounds = rounds(params, &subjects, &sessions, &y, &classes, ctx)?;
    let pipelines = params.pipelines.clone().unwrap_or_else(|| default_pipelines(params.classifier));
    let mut scored = Vec::new();
    let total = (rounds.len() * pipelines.len()) as u64;
    for round in &rounds {
        let own = x.select(Axis(0), &round.rows);
        let labels: Vec<usize> = round.rows.iter().map(|&i| y[i]).collect();
        let training = Training { x: own.view(), y: &labels, classes: &classes };
        for &pipeline in &pipelines {
            let mut child = ctx.child(ctx.seed(), ctx.threads());
            let (score, embedding) = run(params, pipeline, &training, &round.partitions, &mut child)?;
            child.warnings().iter().for_each(|warning| ctx.warn(warning.clone()));
            scored.push(Scored { subject: round.subject.clone(), session: round.session.clone(), pipeline, score, embedding });
            ctx.tick(scored.len() as u64, total, &[("score", score)])?;
        }
    }
    Ok(Comparison { scores: scores_table(&scored)?, summary: summary(&scored, &pipelines)?, tests: tests(&scored, &pipelines, ctx)? })
}

fn default_pipelines(classifier: ClassifierKind) -> Vec<Pipeline> {
    match classifier {
        ClassifierKind::Mdm => vec![Pipeline::AcmMdm, Pipeline::Mdm],
        ClassifierKind::TangentSvm => vec![Pipeline::AcmTangentSvm, Pipeline::TangentSvm],
    }
}

/// Names of groups by row; one group where there is no column.
fn groups(column: Option<&Column>, n: usize, what: &str) -> Result<Vec<String>> {
    let Some(column) = column else { return Ok(vec!["0".to_owned(); n]) };
    if column.len() != n {
        return Err(Error::input(format!("X and {what} must have the same number of rows, got {n} and {}", column.len())));
    }
    let cells = column.to_labels().into_iter().enumerate();
    cells.map(|(row, cell)| cell.ok_or_else(|| Error::input(format!("{what} has a missing value in row {row}")))).collect()
}

/// Rows of one score and their partitions, whose row numbers count within `rows`.
struct Round {
    subject: String,
    session: String,
    rows: Vec<usize>,
    partitions: Vec<Partition>,
}

fn rounds(
    params: &Evaluation,
    subjects: &[String],
    sessions: &[String],
    y: &[usize],
    classes: &Classes,
    ctx: &Context,
) -> Result<Vec<Round>> {
    let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (row, key) in subjects.iter().zip(sessions).enumerate() {
        places.entry((key.0, key.1)).or_default().push(row);
    }
    let mut rounds = Vec::new();
    for (index, (&(subject, session), rows)) in places.iter().enumerate() {
        let (subject, session) = (subject.to_owned(), session.to_owned());
        let labels = |rows: &[usize]| rows.iter().map(|&i| y[i]).collect::<Vec<usize>>();
        match params.scheme {
            Scheme::WithinSession => {
                check_classes(&labels(rows), params.n_splits, classes, &subject, &session)?;
                let folds = stratified_folds(&labels(rows), params.n_splits, &mut ctx.stream(&[("folds", index as u64)]))?;
                rounds.push(Round { subject, session, rows: rows.clone(), partitions: Partition::of_folds(&folds, params.n_splits) });
            }
            Scheme::CrossSession => {
                let others: Vec<usize> =
                    places.iter().filter(|((s, e), _)| *s == subject && *e != session).flat_map(|(_, rows)| rows.clone()).collect();
                if others.is_empty() {
                    return Err(Error::input(format!("subject {subject} has one session; across sessions at least 2 are needed"))
                        .hint("give 'session', or use scheme='within_session'"));
                }
                check_classes(&labels(&others), 1, classes, &subject, &session)?;
                let partition = Partition { train: (0..others.len()).collect(), test: (others.len()..others.len() + rows.len()).collect() };
                rounds.push(Round { subject, session, rows: [others, rows.clone()].concat(), partitions: vec![partition] });
            }
        }
    }
    Ok(rounds)
}

fn check_classes(y: &[usize], least: usize, classes: &Classes, subject: &str, session: &str) -> Result<()> {
    let counts = (0..classes.len()).map(|class| (class, y.iter().filter(|&&c| c == class).count()));
    match counts.into_iter().find(|(_, count)| *count < least) {
        Some((class, count)) => Err(Error::input(format!(
            "class {} has {count} trials in subject {subject}, session {session}, fewer than the {least} folds",
            classes.name(class)
        ))),
        None => Ok(()),
    }
}

/// The classifier of a pipeline.
fn classifier_of(params: &Evaluation, pipeline: Pipeline) -> AcmClassifier {
    let own = params.classifier();
    let plain = AcmClassifier { order: Choice::Fixed(1), lag: Choice::Fixed(1), ensemble: EnsembleKind::None, ..own.clone() };
    match pipeline {
        Pipeline::AcmMdm => {
            let ensemble = if own.ensemble == EnsembleKind::Kernel { EnsembleKind::None } else { own.ensemble };
            AcmClassifier { classifier: ClassifierKind::Mdm, ensemble, c: OneOrMore::One(1.0), kernel: KernelChoice::Linear, ..own }
        }
        Pipeline::AcmTangentSvm => AcmClassifier { classifier: ClassifierKind::TangentSvm, ..own },
        Pipeline::Mdm => AcmClassifier { classifier: ClassifierKind::Mdm, ..plain },
        _ => AcmClassifier { classifier: ClassifierKind::TangentSvm, ..plain },
    }
}

/// The family of a pipeline with all settings to try.
fn family_of(pipeline: Pipeline, classifier: &AcmClassifier, channels: usize) -> Family {
    match pipeline {
        Pipeline::CspLda => Family::CspLda((1..=channels.min(8)).collect()),
        Pipeline::CovEn => Family::CovEn(vec![0.15, 0.30, 0.45, 0.60, 0.75]),
        Pipeline::Fgmdm => Family::Fgmdm,
        _ => family(classifier),
    }
}

/// Mean score over the partitions, and the embedding that the last one chose.
fn run(
    params: &Evaluation,
    pipeline: Pipeline,
    training: &Training<'_>,
    partitions: &[Partition],
    ctx: &mut Context,
) -> Result<(f64, Embedding)> {
    let classifier = Checked::new(classifier_of(params, pipeline))?;
    let family = family_of(pipeline, &classifier, training.x.dim().1);
    let chosen_whole = matches!(pipeline, Pipeline::AcmMdm | Pipeline::AcmTangentSvm | Pipeline::Mdm | Pipeline::TangentSvm);
    match params.selection {
        Selection::SameFolds => same_folds(&classifier, &family, training, partitions, ctx),
        Selection::Nested if chosen_whole => nested(&classifier, training, partitions, ctx),
        Selection::Nested => nested_settings(&classifier, &family, training, partitions, ctx),
    }
}

fn search<'a>(classifier: &AcmClassifier, family: &'a Family, classes: usize, free: bool) -> Search<'a> {
    Search { family, classes, estimator: classifier.estimator, free, scoring: classifier.scoring, tolerance: classifier.metric_tol }
}

/// The best of the grid on the scored folds themselves.
fn same_folds(
    classifier: &AcmClassifier,
    family: &Family,
    training: &Training<'_>,
    partitions: &[Partition],
    ctx: &mut Context,
) -> Result<(f64, Embedding)> {
    let (embeddings, free) = candidates(classifier, training.x, ctx)?;
    let search = search(classifier, family, training.classes.len(), free);
    let best = score_partitions(training.x, training.y, partitions, &embeddings, &search, ctx)?.best()?;
    Ok((best.score, embeddings[best.embedding]))
}

/// Everything is chosen inside each training set.
fn nested(
    classifier: &Checked<AcmClassifier>,
    training: &Training<'_>,
    partitions: &[Partition],
    ctx: &mut Context,
) -> Result<(f64, Embedding)> {
    let (mut scores, mut embedding) = (Vec::new(), Embedding::NONE);
    for partition in partitions {
        let pick = |rows: &[usize]| (training.x.select(Axis(0), rows), rows.iter().map(|&i| training.y[i]).collect::<Vec<usize>>());
        let ((x_train, y_train), (x_test, y_test)) = (pick(&partition.train), pick(&partition.test));
        // Only a vote goes by probabilities.
        let probable = classifier.ensemble == EnsembleKind::Vote;
        let model = learn(classifier, &Training { x: x_train.view(), y: &y_train, classes: training.classes }, probable, ctx)?.model;
        let judged = model.judge(x_test.view(), ctx)?;
        scores.push(score(classifier.scoring, &judged.scores, &y_test));
        embedding = model.embedding();
    }
    Ok((mean(&scores), embedding))
}

/// The setting of a baseline is chosen inside each training set.
fn nested_settings(
    classifier: &AcmClassifier,
    family: &Family,
    training: &Training<'_>,
    partitions: &[Partition],
    ctx: &mut Context,
) -> Result<(f64, Embedding)> {
    let mut scores = Vec::new();
    for partition in partitions {
        let setting = match family.len() {
            1 => 0,
            _ => choose_setting(classifier, family, training, &partition.train, ctx)?,
        };
        let only = family.only(setting);
        let search = search(classifier, &only, training.classes.len(), false);
        let one = std::slice::from_ref(partition);
        scores.push(score_partitions(training.x, training.y, one, &[Embedding::NONE], &search, ctx)?.of(0, 0, 0));
    }
    match mean(&scores) {
        score if score.is_finite() => Ok((score, Embedding::NONE)),
        _ => {
            Err(Error::numeric("the covariances are not positive definite")
                .hint("use estimator='lwf', or drop channels that depend on others"))
        }
    }
}

fn choose_setting(
    classifier: &AcmClassifier,
    family: &Family,
    training: &Training<'_>,
    rows: &[usize],
    ctx: &mut Context,
) -> Result<usize> {
    let y: Vec<usize> = rows.iter().map(|&i| training.y[i]).collect();
    let x = training.x.select(Axis(0), rows);
    let folds = stratified_folds(&y, classifier.inner_cv, &mut ctx.stream(&[("inner folds", 0)]))?;
    let search = search(classifier, family, training.classes.len(), false);
    let scores = score_partitions(x.view(), &y, &Partition::of_folds(&folds, classifier.inner_cv), &[Embedding::NONE], &search, ctx)?;
    Ok(scores.best()?.setting)
}

fn scores_table(scored: &[Scored]) -> Result<Table> {
    let text = |of: fn(&Scored) -> String| Column::Text(scored.iter().map(|s| Some(of(s))).collect());
    Table::new()
        .with("subject", text(|s| s.subject.clone()))?
        .with("session", text(|s| s.session.clone()))?
        .with("pipeline", text(|s| s.pipeline.as_str().to_owned()))?
        .with("score", Column::Number(scored.iter().map(|s| s.score).collect()))?
        .with("order", Column::Integer(scored.iter().map(|s| s.embedding.order as i64).collect()))?
        .with("lag", Column::Integer(scored.iter().map(|s| s.embedding.lag as i64).collect()))
}

fn of_pipeline(scored: &[Scored], pipeline: Pipeline) -> Vec<f64> {
    scored.iter().filter(|s| s.pipeline == pipeline).map(|s| s.score).collect()
}

fn summary(scored: &[Scored], pipelines: &[Pipeline]) -> Result<Table> {
    let all: Vec<Vec<f64>> = pipelines.iter().map(|&p| of_pipeline(scored, p)).collect();
    let spread = |scores: &Vec<f64>| if scores.len() > 1 { variance(scores).sqrt() } else { 0.0 };
    Table::new()
        .with("pipeline", Column::Text(pipelines.iter().map(|p| Some(p.as_str().to_owned())).collect()))?
        .with("mean", Column::Number(all.iter().map(|scores| mean(scores)).collect()))?
        .with("sd", Column::Number(all.iter().map(spread).collect()))?
        .with("n", Column::Integer(all.iter().map(|scores| scores.len() as i64).collect()))
}

/// Subjects below which signs are flipped instead of ranked, and how many patterns of signs are tried.
const FEW_SUBJECTS: usize = 20;
const FLIPS: usize = 10_000;

/// Every ordered pair of pipelines over subjects; nothing for one subject or one pipeline.
fn tests(scored: &[Scored], pipelines: &[Pipeline], ctx: &Context) -> Result<Option<Table>> {
    let by_subject = |pipeline: Pipeline| {
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for s in scored.iter().filter(|s| s.pipeline == pipeline) {
            let sum = sums.entry(&s.subject).or_default();
            *sum = (sum.0 + s.score, sum.1 + 1.0);
        }
        sums.into_values().map(|(sum, count)| sum / count).collect::<Vec<f64>>()
    };
    let means: Vec<Vec<f64>> = pipelines.iter().map(|&p| by_subject(p)).collect();
    let subjects = means.first().map_or(0, Vec::len);
    let pairs: Vec<(usize, usize)> =
        (0..pipelines.len()).flat_map(|a| (0..pipelines.len()).map(move |b| (a, b))).filter(|(a, b)| a != b).collect();
    if subjects < 2 || pairs.is_empty() {
        return Ok(None);
    }
    let (mut differences, mut p_values) = (Vec::new(), Vec::new());
    for (index, &(a, b)) in pairs.iter().enumerate() {
        let each: Vec<f64> = means[a].iter().zip(&means[b]).map(|(x, y)| x - y).collect();
        differences.push(mean(&each));
        p_values.push(match subjects < FEW_SUBJECTS {
            true => sign_flip(&each, FLIPS, &mut ctx.stream(&[("signs", index as u64)]))?,
            false => wilcoxon(&each)?,
        });
    }
    let name =
        |of: fn(&(usize, usize)) -> usize| Column::Text(pairs.iter().map(|pair| Some(pipelines[of(pair)].as_str().to_owned())).collect());
    let adjusted = bonferroni(&p_values);
    let table = Table::new()
        .with("better", name(|pair| pair.0))?
        .with("than", name(|pair| pair.1))?
        .with("n_subjects", Column::Integer(vec![subjects as i64; pairs.len()]))?
        .with("difference", Column::Number(differences))?
        .with("p_value", Column::Number(p_values))?
        .with("p_bonferroni", Column::Number(adjusted))?;
    Ok(Some(table))
}
