//! Cross-validated scores of many embeddings and settings, with everything shared that can be.
//!
//! The covariances of all orders of one lag come from the same sums; the tangent vectors of one fold serve every setting of the machine;
//! the geometric means of the folds start from that of all epochs.

use super::baselines::{CommonSpatialPatterns, GeodesicFilter, MinimumDistance, class_scores, rows_of};
use super::embedding::{Embedding, Recipe, from_sums, lagged_sums};
use super::epochs::{estimator, score};
use super::machine::{MachineSettings, Space, TangentMachine};
use super::params::{EstimatorChoice, Scoring};
use elinvar_core::{Context, Error, Kind, Result};
use elinvar_math::discriminant::Discriminant;
use elinvar_math::logistic::{ElasticNet, Logistic};
use elinvar_math::spd::{MeanSettings, Metric, TangentSpace, mean};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Rows that train and rows that are scored.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) train: Vec<usize>,
    pub(super) test: Vec<usize>,
}

impl Partition {
    /// One partition a fold.
    pub(super) fn of_folds(folds: &[usize], count: usize) -> Vec<Self> {
        let of_fold = |fold| {
            let (train, test) = elinvar_core::validation::split(folds, fold);
            Self { train, test }
        };
        (0..count).map(of_fold).collect()
    }
}

/// What is tried at one embedding.
#[derive(Clone, Debug)]
pub(super) enum Family {
    Mdm,
    TangentSvm(Vec<MachineSettings>),
    /// Numbers of filters.
    CspLda(Vec<usize>),
    /// Shares of the absolute values in the penalty.
    CovEn(Vec<f64>),
    Fgmdm,
}

impl Family {
    /// Number of settings.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Mdm | Self::Fgmdm => 1,
            Self::TangentSvm(settings) => settings.len(),
            Self::CspLda(filters) => filters.len(),
            Self::CovEn(ratios) => ratios.len(),
        }
    }

    /// The family with only this setting.
    pub(super) fn only(&self, setting: usize) -> Self {
        match self {
            Self::Mdm => Self::Mdm,
            Self::Fgmdm => Self::Fgmdm,
            Self::TangentSvm(settings) => Self::TangentSvm(vec![settings[setting]]),
            Self::CspLda(filters) => Self::CspLda(vec![filters[setting]]),
            Self::CovEn(ratios) => Self::CovEn(vec![ratios[setting]]),
        }
    }
}

/// What a search needs to know beside data and partitions.
pub(super) struct Search<'a> {
    pub(super) family: &'a Family,
    pub(super) classes: usize,
    pub(super) estimator: EstimatorChoice,
    /// Whether order and lag were chosen without a grid and lie outside it.
    pub(super) free: bool,
    pub(super) scoring: Scoring,
    /// Tolerance of the geometric means.
    pub(super) tolerance: f64,
}

/// Scores by partition, embedding and setting; NaN where an embedding does not fit or a covariance is singular.
pub(super) struct Scores(Vec<Vec<Vec<f64>>>);

/// Embedding and setting with the best mean score, and that score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) embedding: usize,
    pub(super) setting: usize,
    pub(super) score: f64,
}

impl Scores {
    /// The mean over partitions; NaN where one of them is.
    pub(super) fn mean(&self, embedding: usize, setting: usize) -> f64 {
        self.0.iter().map(|partition| partition[embedding][setting]).sum::<f64>() / self.0.len() as f64
    }

    /// The score of one partition.
    pub(super) fn of(&self, partition: usize, embedding: usize, setting: usize) -> f64 {
        self.0[partition][embedding][setting]
    }

    /// The best setting of an embedding, the first of equals.
    pub(super) fn best_setting(&self, embedding: usize) -> Best {
        let settings = self.0.first().map_or(0, |partition| partition[embedding].len());
        let start = Best { embedding, setting: 0, score: f64::NAN };
        (0..settings).map(|setting| Best { embedding, setting, score: self.mean(embedding, setting) }).fold(start, better)
    }

    /// The best of all, the first of equals.
    ///
    /// # Errors
    /// No embedding could be scored.
    pub(super) fn best(&self) -> Result<Best> {
        let embeddings = self.0.first().map_or(0, Vec::len);
        let start = Best { embedding: 0, setting: 0, score: f64::NAN };
        let best = (0..embeddings).map(|embedding| self.best_setting(embedding)).fold(start, better);
        match best.score.is_nan() {
            false => Ok(best),
            true => Err(Error::input("no order and lag of the grid gives positive definite covariances")
                .hint("use estimator='lwf', lower orders and lags, or longer epochs")),
        }
    }
}

fn better(a: Best, b: Best) -> Best {
    if b.score > a.score || (a.score.is_nan() && !b.score.is_nan()) { b } else { a }
}

/// Norm of the mean logarithm at which the means of a search stop: tangent vectors are then exact to 1e-5, a hundredth of the tolerance of
/// the machine.
pub(super) const SEARCH_TOLERANCE: f64 = 1e-5;

/// Scores every embedding and setting on every partition of the epochs (n, d, T).
///
/// # Errors
/// Those of the context; an embedding that cannot be scored is no error.
pub(super) fn score_partitions(
    x: ArrayView3<'_, f64>,
    y: &[usize],
    partitions: &[Partition],
    embeddings: &[Embedding],
    search: &Search<'_>,
    ctx: &mut Context,
) -> Result<Scores> {
    let empty = vec![vec![vec![f64::NAN; search.family.len()]; embeddings.len()]; partitions.len()];
    let mut scores = Scores(empty);
    let mut by_lag: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, embedding) in embeddings.iter().enumerate() {
        // Without copies the lag has no meaning: all such points are one.
        by_lag.entry(if embedding.order == 1 { 0 } else { embedding.lag }).or_default().push(place);
    }
    let mut done = 0;
    for places in by_lag.values() {
        let sums = shared_sums(x, embeddings, places, ctx)?;
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        for &place in places {
            let embedding = embeddings[place];
            if let Some(&twin) = seen.get(&embedding.order) {
                scores.0.iter_mut().for_each(|partition| partition[place] = partition[twin].clone());
            } else if embedding.samples(x.dim().2).is_some() {
                let kind = estimator(search.estimator, embedding, x.dim().1, x.dim().2, search.free);
                let recipe = Recipe { embedding, estimator: kind };
                let stack = match &sums {
                    Some(sums) => from_sums(sums, embedding.order, kind, ctx)?,
                    None => recipe.covariances(x, ctx)?,
                };
                let found = score_embedding(&stack, y, partitions, recipe, search, ctx)?;
                scores.0.iter_mut().zip(found).for_each(|(partition, found)| partition[place] = found);
            }
            seen.insert(embedding.order, place);
            done += 1;
            ctx.tick(done, embeddings.len() as u64, &[])?;
        }
    }
    Ok(scores)
}

/// The sums of one lag, where several orders share them.
fn shared_sums(
    x: ArrayView3<'_, f64>,
    embeddings: &[Embedding],
    places: &[usize],
    ctx: &Context,
) -> Result<Option<Vec<super::embedding::LaggedSums>>> {
    let fitting = places.iter().map(|&place| embeddings[place]).filter(|e| e.order > 1 && e.samples(x.dim().2).is_some());
    let (mut count, mut greatest) = (0, Embedding::NONE);
    for embedding in fitting {
        count += 1;
        greatest = greatest.max(embedding);
    }
    if count < 2 {
        return Ok(None);
    }
    lagged_sums(x, greatest.lag, greatest.order, ctx).map(Some)
}

/// Scores of one embedding by partition and setting.
fn score_embedding(
    stack: &Array3<f64>,
    y: &[usize],
    partitions: &[Partition],
    recipe: Recipe,
    search: &Search<'_>,
    ctx: &Context,
) -> Result<Vec<Vec<f64>>> {
    let unusable = || vec![f64::NAN; search.family.len()];
    let Some(starts) = usable(starts(stack, y, search, ctx))? else { return Ok(vec![unusable(); partitions.len()]) };
    let one = |partition: &Partition| {
        let scored = usable(score_partition(stack, y, partition, recipe, &starts, search, ctx))?;
        Ok(scored.unwrap_or_else(unusable))
    };
    ctx.install(|| partitions.par_iter().map(one).collect())
}

/// Data that an embedding cannot use are no failure of the search; an interruption is.
fn usable<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), Kind::Numeric | Kind::Input) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the means of the partitions begin: the means of all epochs, or of each class.
fn starts(stack: &Array3<f64>, y: &[usize], search: &Search<'_>, ctx: &Context) -> Result<Vec<Array2<f64>>> {
    let rough = MeanSettings { tolerance: 1e-2, ..MeanSettings::default() };
    let of = |stack: ArrayView3<'_, f64>| Ok(mean(Metric::AffineInvariant, stack, None, &rough, ctx)?.matrix);
    match search.family {
        Family::Mdm => (0..search.classes).map(|class| of(stack.select(Axis(0), &rows_of(y, class)).view())).collect(),
        Family::CspLda(_) => Ok(Vec::new()),
        _ => Ok(vec![of(stack.view())?]),
    }
}

fn score_partition(
    stack: &Array3<f64>,
    y: &[usize],
    partition: &Partition,
    recipe: Recipe,
    starts: &[Array2<f64>],
    search: &Search<'_>,
    ctx: &Context,
) -> Result<Vec<f64>> {
    let (train, test) = (stack.select(Axis(0), &partition.train), stack.select(Axis(0), &partition.test));
    let labels = |rows: &[usize]| rows.iter().map(|&i| y[i]).collect::<Vec<usize>>();
    let (y_train, y_test) = (labels(&partition.train), labels(&partition.test));
    let settings = MeanSettings { tolerance: search.tolerance.max(SEARCH_TOLERANCE), ..MeanSettings::default() };
    let mean_of = |stack: ArrayView3<'_, f64>, start: Option<ArrayView2<'_, f64>>| {
        Ok::<_, Error>(mean(Metric::AffineInvariant, stack, start, &settings, ctx)?.matrix)
    };
    let grade = |scores: Array2<f64>| score(search.scoring, &scores, &y_test);
    let tangent_space =
        || TangentSpace::at(Metric::AffineInvariant, mean_of(train.view(), starts.first().map(|matrix| matrix.view()))?.view());
    match search.family {
        Family::Mdm => {
            let of_class =
                |class| mean_of(train.select(Axis(0), &rows_of(&y_train, class)).view(), starts.get(class).map(|matrix| matrix.view()));
            let nearest = MinimumDistance::from_means((0..search.classes).map(of_class).collect::<Result<_>>()?)?;
            Ok(vec![grade(nearest.scores(test.view(), ctx)?)])
        }
        Family::TangentSvm(settings) => {
            let tangent = tangent_space()?;
            let (train, test) = (tangent.vectors(train.view(), ctx)?, tangent.vectors(test.view(), ctx)?);
            let space = Space::from_parts(recipe, tangent, train);
            score_machines(&space, test.view(), &y_train, settings, search.classes, &grade, ctx)
        }
        Family::CspLda(filters) => {
            let patterns = CommonSpatialPatterns::fit(train.view(), &y_train, search.classes, ctx)?;
            let of = |&count: &usize| {
                let features = |stack: &Array3<f64>| patterns.features(stack.view(), count);
                let discriminant = Discriminant::fit(features(&train).view(), &y_train, search.classes)?;
                Ok(grade(discriminant.scores(features(&test).view())?))
            };
            filters.iter().map(of).collect()
        }
        Family::CovEn(ratios) => {
            let space = tangent_space()?;
            let (train, test) = (space.vectors(train.view(), ctx)?, space.vectors(test.view(), ctx)?);
            let of = |&l1_ratio: &f64| {
                let settings = ElasticNet { l1_ratio, ..ElasticNet::default() };
                let (logistic, _) = Logistic::fit(train.view(), &y_train, search.classes, &settings, ctx)?;
                Ok(grade(class_scores(logistic.scores(test.view())?)))
            };
            ratios.iter().map(of).collect()
        }
        Family::Fgmdm => {
            let filter = GeodesicFilter::fit(tangent_space()?, train.view(), &y_train, search.classes, &settings, ctx)?;
            Ok(vec![grade(filter.scores(test.view(), ctx)?)])
        }
    }
}

/// The scores of several settings of the machine from one tangent mapping, one kernel each.
fn score_machines(
    space: &Space,
    test: ArrayView2<'_, f64>,
    y: &[usize],
    settings: &[MachineSettings],
    classes: usize,
    grade: &dyn Fn(Array2<f64>) -> f64,
    ctx: &Context,
) -> Result<Vec<f64>> {
    let mut kernels = BTreeMap::new();
    let mut scores = Vec::with_capacity(settings.len());
    for setting in settings {
        let (own, across) = match kernels.entry(setting.kernel as usize) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert((space.kernel(setting.kernel, space.vectors.view())?, space.kernel(setting.kernel, test)?)),
        };
        scores.push(grade(TangentMachine::scores_on(own.view(), across.view(), y, classes, setting.c, ctx)?));
    }
    Ok(scores)
}
