//! The classifier: chosen, fitted, kept and applied.

use super::baselines::MinimumDistance;
use super::choose::{Chosen, LARGEST_ORDER, ami_cao, mdop};
use super::embedding::{Embedding, Recipe};
use super::epochs::{self, condition_numbers, estimator, filtered, predicted};
use super::machine::{MachineSettings, Space, TangentMachine};
use super::params::{AcmClassifier, Choice, ClassifierKind, EnsembleKind, Rule, Scoring};
use super::search::{Best, Family, Partition, SEARCH_TOLERANCE, Scores, Search, score_partitions};
use super::state::table_of;
use elinvar_core::validation::stratified_folds;
use elinvar_core::{Checked, Column, Context, Error, Fitted, Result, Status};
use elinvar_data::classes::Classes;
use elinvar_math::logistic::softmax;
use elinvar_math::spd::{MeanSettings, Metric, mean};
use ndarray::{Array2, Array3, ArrayView3, Axis};

/// One classifier of covariances.
pub(super) enum Learner {
    Nearest(Recipe, MinimumDistance),
    Machine(TangentMachine),
}

impl Learner {
    /// The covariances that it takes.
    pub(super) fn recipes(&self) -> Vec<Recipe> {
        match self {
            Self::Nearest(recipe, _) => vec![*recipe],
            Self::Machine(machine) => machine.spaces.iter().map(|space| space.recipe).collect(),
        }
    }
}

/// A grid point with its cross-validated score.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// Order p.
    pub order: usize,
    /// Lag τ.
    pub lag: usize,
    /// Mean score over the folds.
    pub score: f64,
}

/// A fitted classifier of epochs.
pub struct AcmModel {
    pub(super) classes: Classes,
    pub(super) channels: usize,
    pub(super) band: Option<Vec<f64>>,
    /// Sampling rate of the fit (Hz), where it was told.
    pub(super) sfreq: Option<f64>,
    /// The learners; their probabilities are averaged.
    pub(super) members: Vec<Learner>,
    /// Every scored point of the grid; empty without a search.
    pub(super) grid: Vec<Point>,
    /// Condition number of each training covariance of the chosen embedding.
    pub(super) conditions: Vec<f64>,
}

/// What a classifier says of epochs.
pub struct Predicted {
    /// Class number of each epoch (m,).
    pub codes: Vec<usize>,
    /// One score a class (m, K); the largest wins.
    pub scores: Array2<f64>,
    /// Probability of each class (m, K).
    pub probabilities: Array2<f64>,
}

/// Labelled epochs in the form that the algorithms take.
pub(super) struct Training<'a> {
    pub(super) x: ArrayView3<'a, f64>,
    pub(super) y: &'a [usize],
    pub(super) classes: &'a Classes,
}

impl AcmClassifier {
    /// Fits to epochs (n, channels, samples) and their labels (n rows). `sfreq` (Hz) is only needed with a band.
    ///
    /// # Errors
    /// Epochs that are not finite, too short for order and lag, or whose covariances are singular; fewer than two classes; a class smaller
    /// than `inner_cv` where cross-validation is needed.
    pub fn fit(&self, x: ArrayView3<'_, f64>, y: &Column, sfreq: Option<f64>, ctx: &mut Context) -> Result<Fitted<AcmModel>> {
        fit(&Checked::new(self.clone())?, x, y, sfreq, ctx)
    }
}

/// As [`AcmClassifier::fit`].
pub(super) fn fit(
    params: &Checked<AcmClassifier>,
    x: ArrayView3<'_, f64>,
    y: &Column,
    sfreq: Option<f64>,
    ctx: &mut Context,
) -> Result<Fitted<AcmModel>> {
    epochs::check(x)?;
    if y.len() != x.dim().0 {
        return Err(Error::input(format!("X and y must have the same number of rows, got {} and {}", x.dim().0, y.len())));
    }
    let (classes, codes) = Classes::of(y)?;
    let filtered = filtered(x, params.band.as_deref(), sfreq, ctx)?;
    let training = Training { x: filtered.view(), y: &codes, classes: &classes };
    let mut fitted = learn(params, &training, true, ctx)?;
    fitted.model.sfreq = sfreq;
    Ok(fitted)
}

/// Chooses and fits on epochs that passed their checks and the filter. Without `probable` the machines get no sigmoids, which take a
/// cross-validation of their own and which class scores do not need.
pub(super) fn learn(
    params: &Checked<AcmClassifier>,
    training: &Training<'_>,
    probable: bool,
    ctx: &mut Context,
) -> Result<Fitted<AcmModel>> {
    check_scoring(params.scoring, training.classes)?;
    let plan = plan(params, training, ctx)?;
    let (mut members, mut status, mut conditions) = (Vec::new(), Status::Converged, None);
    for group in &plan.groups {
        let (learner, end, of_group) = fit_group(params, training, group, &plan, probable, ctx)?;
        members.push(learner);
        conditions.get_or_insert(of_group);
        if end != Status::Converged {
            status = end;
        }
    }
    let trace = table_of(&plan.grid)?;
    let model = AcmModel {
        classes: training.classes.clone(),
        channels: training.x.dim().1,
        band: params.band.clone(),
        sfreq: None,
        members,
        grid: plan.grid,
        conditions: conditions.unwrap_or_default(),
    };
    Ok(Fitted { model, status, trace })
}

fn check_scoring(scoring: Scoring, classes: &Classes) -> Result<()> {
    match (scoring, classes.len()) {
        (Scoring::RocAuc, k) if k > 2 => Err(Error::parameter("scoring", "'auto' or 'accuracy' with more than two classes", "'roc_auc'")),
        _ => Ok(()),
    }
}

/// Embeddings of one learner, and its settings.
struct Group {
    embeddings: Vec<Embedding>,
    settings: Option<MachineSettings>,
}

/// What is to be fitted.
struct Plan {
    groups: Vec<Group>,
    grid: Vec<Point>,
    free: bool,
}

impl Plan {
    fn recipe(&self, params: &AcmClassifier, training: &Training<'_>, embedding: Embedding) -> Recipe {
        let (_, channels, length) = training.x.dim();
        Recipe { embedding, estimator: estimator(params.estimator, embedding, channels, length, self.free) }
    }
}

/// The settings of the machine that are to be tried.
pub(super) fn machine_settings(params: &AcmClassifier) -> Vec<MachineSettings> {
    let kernels = params.kernel.candidates();
    kernels.iter().flat_map(|&kernel| params.c.candidates().into_iter().map(move |c| MachineSettings { c, kernel })).collect()
}

/// The family of a classifier with all its settings.
pub(super) fn family(params: &AcmClassifier) -> Family {
    match params.classifier {
        ClassifierKind::Mdm => Family::Mdm,
        ClassifierKind::TangentSvm => Family::TangentSvm(machine_settings(params)),
    }
}

/// The embeddings that come into question, and whether they were chosen without a grid and lie outside it.
pub(super) fn candidates(params: &AcmClassifier, x: ArrayView3<'_, f64>, ctx: &mut Context) -> Result<(Vec<Embedding>, bool)> {
    let rule = [params.order.rule(), params.lag.rule()].into_iter().flatten().find(|rule| *rule != Rule::Grid);
    if let Some(rule) = rule {
        let Chosen { embedding, .. } = if rule == Rule::Mdop { mdop(x, ctx)? } else { ami_cao(x, ctx)? };
        let outside = embedding.order > LARGEST_ORDER || embedding.lag > LARGEST_ORDER;
        return Ok((vec![embedding], outside));
    }
    let list = |choice: Choice, grid: &[usize]| match choice {
        Choice::Fixed(number) => vec![number],
        Choice::By(_) => grid.to_vec(),
    };
    let (orders, lags) = (list(params.order, &params.orders), list(params.lag, &params.lags));
    let grid: Vec<Embedding> = orders.iter().flat_map(|&order| lags.iter().map(move |&lag| Embedding { order, lag })).collect();
    if let [one] = grid.as_slice() {
        one.check(x.dim().2)?;
    }
    Ok((grid, false))
}

fn plan(params: &Checked<AcmClassifier>, training: &Training<'_>, ctx: &mut Context) -> Result<Plan> {
    let (embeddings, free) = candidates(params, training.x, ctx)?;
    let family = family(params);
    let settings = |setting: usize| match &family {
        Family::TangentSvm(settings) => settings.get(setting).copied(),
        _ => None,
    };
    if embeddings.len() * family.len() == 1 {
        return Ok(Plan { groups: vec![Group { embeddings, settings: settings(0) }], grid: Vec::new(), free });
    }
    let partitions = inner_partitions(params, training, ctx)?;
    let search = Search {
        family: &family,
        classes: training.classes.len(),
        estimator: params.estimator,
        free,
        scoring: params.scoring,
        tolerance: params.metric_tol,
    };
    let scores = score_partitions(training.x, training.y, &partitions, &embeddings, &search, ctx)?;
    let best = scores.best()?;
    let grid = points(&embeddings, &scores);
    warn_of_gaps(&grid, ctx);
    let groups = groups(params.ensemble, &embeddings, &scores, best, settings);
    Ok(Plan { groups, grid: if embeddings.len() > 1 { grid } else { Vec::new() }, free })
}

/// The best score of every embedding.
pub(super) fn points(embeddings: &[Embedding], scores: &Scores) -> Vec<Point> {
    let point = |(place, embedding): (usize, &Embedding)| Point {
        order: embedding.order,
        lag: embedding.lag,
        score: scores.best_setting(place).score,
    };
    embeddings.iter().enumerate().map(point).collect()
}

fn warn_of_gaps(grid: &[Point], ctx: &mut Context) {
    let gaps = grid.iter().filter(|point| point.score.is_nan()).count();
    if gaps > 0 {
        ctx.warn(format!(
            "{gaps} of {} points of the grid were left out: the epochs are too short for them or their covariances are singular; \
             estimator='lwf' or lower orders keep them in",
            grid.len()
        ));
    }
}

/// Share of the best score from which a point belongs to the region of good ones.
const REGION: f64 = 0.99;

/// The points within 99 % of the best.
pub(super) fn region(grid: &[Point]) -> Vec<Point> {
    let best = grid.iter().map(|point| point.score).fold(f64::NEG_INFINITY, f64::max);
    grid.iter().copied().filter(|point| point.score >= REGION * best).collect()
}

/// One learner at the best point, or one a point of the region, or one on the kernels of all of them.
fn groups(
    kind: EnsembleKind,
    embeddings: &[Embedding],
    scores: &Scores,
    best: Best,
    settings: impl Fn(usize) -> Option<MachineSettings>,
) -> Vec<Group> {
    // The best point first: it describes the model.
    let mut good = vec![best];
    good.extend(
        (0..embeddings.len())
            .map(|place| scores.best_setting(place))
            .filter(|b| b.embedding != best.embedding && b.score >= REGION * best.score),
    );
    let group = |b: &Best| Group { embeddings: vec![embeddings[b.embedding]], settings: settings(b.setting) };
    match kind {
        EnsembleKind::None => vec![group(&best)],
        EnsembleKind::Vote => good.iter().map(group).collect(),
        EnsembleKind::Kernel => {
            vec![Group { embeddings: good.iter().map(|b| embeddings[b.embedding]).collect(), settings: settings(best.setting) }]
        }
    }
}

fn inner_partitions(params: &AcmClassifier, training: &Training<'_>, ctx: &Context) -> Result<Vec<Partition>> {
    for class in 0..training.classes.len() {
        let count = training.y.iter().filter(|&&y| y == class).count();
        if count < params.inner_cv {
            let message =
                format!("class {} has {count} trials, fewer than the {} folds of inner_cv", training.classes.name(class), params.inner_cv);
            return Err(Error::input(message).hint("lower inner_cv, or record more trials"));
        }
    }
    let folds = stratified_folds(training.y, params.inner_cv, &mut ctx.stream(&[("inner folds", 0)]))?;
    Ok(Partition::of_folds(&folds, params.inner_cv))
}

/// A learner, how its fit ended, and the condition numbers of the covariances of its first embedding.
fn fit_group(
    params: &AcmClassifier,
    training: &Training<'_>,
    group: &Group,
    plan: &Plan,
    probable: bool,
    ctx: &mut Context,
) -> Result<(Learner, Status, Vec<f64>)> {
    let recipes: Vec<Recipe> = group.embeddings.iter().map(|&embedding| plan.recipe(params, training, embedding)).collect();
    let (mut stacks, mut conditions) = (Vec::with_capacity(recipes.len()), None);
    for recipe in &recipes {
        let samples = recipe.embedding.check(training.x.dim().2)?;
        let stack = recipe.covariances(training.x, ctx)?;
        conditions.get_or_insert(condition_numbers(stack.view(), samples)?);
        stacks.push(stack);
    }
    let conditions = conditions.unwrap_or_default();
    let precise = MeanSettings { tolerance: params.metric_tol, ..MeanSettings::default() };
    // The sigmoids need no more digits than a search does.
    let rough = MeanSettings { tolerance: params.metric_tol.max(SEARCH_TOLERANCE), ..MeanSettings::default() };
    match group.settings {
        None => {
            let nearest = MinimumDistance::fit(stacks[0].view(), training.y, training.classes.len(), &precise, ctx)?;
            Ok((Learner::Nearest(recipes[0], nearest), Status::Converged, conditions))
        }
        Some(settings) => {
            let everything: Vec<usize> = (0..training.y.len()).collect();
            let (mut machine, status) = fit_machine(training, &recipes, &stacks, &everything, settings, &precise, ctx)?;
            if probable {
                let partitions = inner_partitions(params, training, ctx)?;
                let decisions = unseen_decisions(training, &recipes, &stacks, &partitions, settings, &rough, ctx)?;
                machine.calibrate(decisions.view(), training.y);
            }
            Ok((Learner::Machine(machine), status, conditions))
        }
    }
}

fn fit_machine(
    training: &Training<'_>,
    recipes: &[Recipe],
    stacks: &[Array3<f64>],
    rows: &[usize],
    settings: MachineSettings,
    precise: &MeanSettings,
    ctx: &Context,
) -> Result<(TangentMachine, Status)> {
    let y: Vec<usize> = rows.iter().map(|&i| training.y[i]).collect();
    let mut status = Status::Converged;
    let mut spaces = Vec::with_capacity(stacks.len());
    for (&recipe, stack) in recipes.iter().zip(stacks) {
        let own = stack.select(Axis(0), rows);
        let centre = mean(Metric::AffineInvariant, own.view(), None, precise, ctx)?;
        if centre.status != Status::Converged {
            status = centre.status;
        }
        spaces.push(Space::new(recipe, centre.matrix.view(), own.view(), ctx)?);
    }
    let (machine, end) = TangentMachine::fit(spaces, &y, training.classes.len(), settings, ctx)?;
    Ok((machine, if end == Status::Converged { status } else { end }))
}

/// Decisions on every row by a machine that has not seen it.
fn unseen_decisions(
    training: &Training<'_>,
    recipes: &[Recipe],
    stacks: &[Array3<f64>],
    partitions: &[Partition],
    settings: MachineSettings,
    precise: &MeanSettings,
    ctx: &mut Context,
) -> Result<Array2<f64>> {
    let classes = training.classes.len();
    let mut found = Array2::zeros((training.y.len(), classes * (classes - 1) / 2));
    for (step, partition) in partitions.iter().enumerate() {
        ctx.tick(step as u64, partitions.len() as u64, &[])?;
        let (machine, _) = fit_machine(training, recipes, stacks, &partition.train, settings, precise, ctx)?;
        let held: Vec<Array3<f64>> = stacks.iter().map(|stack| stack.select(Axis(0), &partition.test)).collect();
        let views: Vec<ArrayView3<'_, f64>> = held.iter().map(|stack| stack.view()).collect();
        let decisions = machine.decisions(&views, ctx)?;
        for (&row, decision) in partition.test.iter().zip(decisions.outer_iter()) {
            found.row_mut(row).assign(&decision);
        }
    }
    Ok(found)
}

impl AcmModel {
    /// What it says of epochs (m, channels, samples). `sfreq` (Hz) defaults to that of the fit.
    ///
    /// # Errors
    /// Epochs with another number of channels, too short for the embedding, not finite, or with singular covariances.
    pub fn predict(&self, x: ArrayView3<'_, f64>, sfreq: Option<f64>, ctx: &Context) -> Result<Predicted> {
        epochs::check(x)?;
        if x.dim().1 != self.channels {
            return Err(Error::input(format!("X must have {} channels like those of the fit, got {}", self.channels, x.dim().1)));
        }
        let x = filtered(x, self.band.as_deref(), sfreq.or(self.sfreq), ctx)?;
        self.judge(x.view(), ctx)
    }

    /// The same for epochs that passed their checks and the filter.
    pub(super) fn judge(&self, x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Predicted> {
        let found: Vec<(Array2<f64>, Array2<f64>)> =
            self.members.iter().map(|member| judge_member(member, x, ctx)).collect::<Result<_>>()?;
        if let [(scores, probabilities)] = found.as_slice() {
            return Ok(Predicted { codes: predicted(scores), scores: scores.clone(), probabilities: probabilities.clone() });
        }
        let count = found.len() as f64;
        let sum = found.into_iter().map(|(_, p)| p).reduce(|a, b| a + b).ok_or_else(|| Error::internal("a model has no members"))?;
        let probabilities = sum / count;
        Ok(Predicted { codes: predicted(&probabilities), scores: probabilities.clone(), probabilities })
    }

    /// Order and lag of the best point.
    pub fn embedding(&self) -> Embedding {
        self.members.first().and_then(|learner| learner.recipes().first().map(|recipe| recipe.embedding)).unwrap_or(Embedding::NONE)
    }

    /// The labels in rising order.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Every scored point of the grid; empty without a search.
    pub fn grid(&self) -> &[Point] {
        &self.grid
    }

    /// The points of the grid within 99 % of the best score.
    pub fn region(&self) -> Vec<Point> {
        region(&self.grid)
    }
}

/// Scores and probabilities of one learner.
fn judge_member(learner: &Learner, x: ArrayView3<'_, f64>, ctx: &Context) -> Result<(Array2<f64>, Array2<f64>)> {
    let mut stacks = Vec::new();
    for recipe in learner.recipes() {
        let stack = recipe.covariances(x, ctx)?;
        condition_numbers(stack.view(), recipe.embedding.check(x.dim().2)?)?;
        stacks.push(stack);
    }
    match learner {
        Learner::Nearest(_, nearest) => {
            let scores = nearest.scores(stacks[0].view(), ctx)?;
            Ok((scores.clone(), softmax(scores)))
        }
        Learner::Machine(machine) => {
            let views: Vec<ArrayView3<'_, f64>> = stacks.iter().map(|stack| stack.view()).collect();
            let decisions = machine.decisions(&views, ctx)?;
            Ok((machine.scores(decisions.view()), machine.probabilities(decisions.view())))
        }
    }
}
