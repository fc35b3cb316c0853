//! The classifiers of covariance matrices that the paper compares with.

use elinvar_core::{Context, Error, Result};
use elinvar_math::discriminant::Discriminant;
use elinvar_math::joint_diagonalisation::joint_diagonaliser;
use elinvar_math::linalg::{apply, generalised_symmetric_eigen, product, solve};
use elinvar_math::spd::{MeanSettings, Metric, Reference, TangentSpace, mean};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis};

/// Rows of a class.
pub(super) fn rows_of(y: &[usize], class: usize) -> Vec<usize> {
    (0..y.len()).filter(|&i| y[i] == class).collect()
}

/// Geometric means of the classes: the nearest wins.
pub(super) struct MinimumDistance {
    pub(super) means: Vec<Array2<f64>>,
    references: Vec<Reference>,
}

impl MinimumDistance {
    pub(super) fn fit(stack: ArrayView3<'_, f64>, y: &[usize], classes: usize, settings: &MeanSettings, ctx: &Context) -> Result<Self> {
        let of_class =
            |class| Ok(mean(Metric::AffineInvariant, stack.select(Axis(0), &rows_of(y, class)).view(), None, settings, ctx)?.matrix);
        Self::from_means((0..classes).map(of_class).collect::<Result<_>>()?)
    }

    pub(super) fn from_means(means: Vec<Array2<f64>>) -> Result<Self> {
        let references = means.iter().map(|mean| Reference::new(Metric::AffineInvariant, mean.view())).collect::<Result<_>>()?;
        Ok(Self { means, references })
    }

    /// Minus the squared distance to each class (m, K).
    pub(super) fn scores(&self, stack: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array2<f64>> {
        let mut scores = Array2::zeros((stack.dim().0, self.references.len()));
        for (reference, mut column) in self.references.iter().zip(scores.columns_mut()) {
            column.assign(&reference.distances(stack, ctx)?.mapv(|distance| -distance * distance));
        }
        Ok(scores)
    }
}

/// Spatial filters that separate the variances of the classes, the best first.
pub(super) struct CommonSpatialPatterns {
    /// One filter a row (d, d).
    filters: Array2<f64>,
}

impl CommonSpatialPatterns {
    /// Two classes by the generalised eigenproblem of their mean covariances, more by approximate joint diagonalisation; the order is that
    /// of the information that a filter's variance carries on the class.
    pub(super) fn fit(stack: ArrayView3<'_, f64>, y: &[usize], classes: usize, ctx: &Context) -> Result<Self> {
        let means: Vec<Array2<f64>> = (0..classes).map(|class| class_mean(stack, &rows_of(y, class))).collect();
        let filters = match means.as_slice() {
            [first, second] => generalised_symmetric_eigen(first.view(), (first + second).view())?.1.reversed_axes(),
            _ => {
                let views: Vec<ArrayView2<'_, f64>> = means.iter().map(|matrix| matrix.view()).collect();
                let stacked = ndarray::stack(Axis(0), &views).map_err(|e| Error::internal(e.to_string()))?;
                joint_diagonaliser(stacked.view(), &vec![1.0; classes], 1e-13, 500, ctx)?.0
            }
        };
        let mut scored: Vec<(f64, usize)> = (0..filters.nrows()).map(|i| (information(&filters, i, &means), i)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let order: Vec<usize> = scored.into_iter().map(|(_, i)| i).collect();
        Ok(Self { filters: filters.select(Axis(0), &order) })
    }

    /// Logarithms of the variances of the first `count` filtered signals (m, count).
    pub(super) fn features(&self, stack: ArrayView3<'_, f64>, count: usize) -> Array2<f64> {
        let count = count.min(self.filters.nrows());
        Array2::from_shape_fn((stack.dim().0, count), |(i, k)| power(&self.filters, k, &stack.index_axis(Axis(0), i)).ln())
    }
}

fn class_mean(stack: ArrayView3<'_, f64>, rows: &[usize]) -> Array2<f64> {
    let sum = rows.iter().fold(Array2::zeros((stack.dim().1, stack.dim().1)), |sum, &i| sum + stack.index_axis(Axis(0), i));
    sum / rows.len() as f64
}

fn power(filters: &Array2<f64>, k: usize, matrix: &ArrayView2<'_, f64>) -> f64 {
    let filter = filters.row(k);
    filter.dot(&matrix.dot(&filter)).max(f64::MIN_POSITIVE)
}

/// Grosse-Wentrup and Buss's approximation of the information between class and filtered signal, up to a constant.
fn information(filters: &Array2<f64>, k: usize, means: &[Array2<f64>]) -> f64 {
    let share = 1.0 / means.len() as f64;
    let powers: Vec<f64> = means.iter().map(|mean| power(filters, k, &mean.view())).collect();
    let total = share * powers.iter().sum::<f64>();
    let ratios: Vec<f64> = powers.iter().map(|p| p / total).collect();
    let spread = -share * ratios.iter().map(|r| r.sqrt().ln()).sum::<f64>();
    let bend = share * ratios.iter().map(|r| r * r - 1.0).sum::<f64>();
    spread - 3.0 / 16.0 * bend * bend
}

/// One score a class (m, K) of a linear model that has one score for two classes.
pub(super) fn class_scores(scores: Array2<f64>) -> Array2<f64> {
    match scores.ncols() {
        1 => Array2::from_shape_fn((scores.nrows(), 2), |(i, k)| if k == 0 { -scores[[i, 0]] / 2.0 } else { scores[[i, 0]] / 2.0 }),
        _ => scores,
    }
}

/// Tangent vectors kept only along the directions of a linear discriminant, mapped back, then minimum distance to mean.
pub(super) struct GeodesicFilter {
    space: TangentSpace,
    /// Rows W; a vector z becomes W'(W W')^-1 W z.
    directions: Array2<f64>,
    nearest: MinimumDistance,
}

impl GeodesicFilter {
    pub(super) fn fit(
        space: TangentSpace,
        stack: ArrayView3<'_, f64>,
        y: &[usize],
        classes: usize,
        settings: &MeanSettings,
        ctx: &Context,
    ) -> Result<Self> {
        let vectors = space.vectors(stack, ctx)?;
        let directions = Discriminant::fit(vectors.view(), y, classes)?.directions();
        let filtered = filter(&space, &directions, &vectors, ctx)?;
        let nearest = MinimumDistance::fit(filtered.view(), y, classes, settings, ctx)?;
        Ok(Self { space, directions, nearest })
    }

    pub(super) fn scores(&self, stack: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array2<f64>> {
        let vectors = self.space.vectors(stack, ctx)?;
        self.nearest.scores(filter(&self.space, &self.directions, &vectors, ctx)?.view(), ctx)
    }
}

fn filter(space: &TangentSpace, directions: &Array2<f64>, vectors: &Array2<f64>, ctx: &Context) -> Result<Array3<f64>> {
    // The rows of several classes are dependent: they sum to the mean of the scores. A ridge at rounding level keeps the inverse.
    let mut gram = product(directions.view(), directions.t())?;
    let ridge = 1e-10 * gram.diag().sum() / gram.nrows() as f64;
    gram.diag_mut().mapv_inplace(|value| value + ridge.max(f64::MIN_POSITIVE));
    let inverse = solve(gram.view(), Array2::eye(gram.nrows()).view())?;
    let mut filtered = vectors.clone();
    for mut row in filtered.outer_iter_mut() {
        let scores: Array1<f64> = apply(inverse.view(), apply(directions.view(), row.view())?.view())?;
        row.assign(&scores.dot(directions));
    }
    space.matrices(filtered.view(), ctx)
}
