//! The outcome with everything that all variables share, and the score of a variable with it.

use super::params::{Estimator, MutualInfoScreener, Outcome};
use elinvar_core::{Context, Error, Result, random::Stream};
use elinvar_math::information::{
    Axis, Bins, KernelEstimator, KernelScratch, NeighbourEstimator, class_information, class_neighbour_information, gaussian_information,
    table_information,
};
use elinvar_math::statistics::{mean, pearson};
use rand_distr::{Distribution, StandardNormal};

/// Rows that a score needs.
pub(super) const LEAST_ROWS: usize = 4;
/// Noise that parts equal values for the neighbour estimator, in units of the larger of 1 and the mean absolute value.
const JITTER: f64 = 1e-10;

/// Whether a variable is continuous or has a few levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Constant,
    /// Two values, or genotypes 0, 1 and 2.
    Levels,
    Continuous,
}

/// What a complete variable is.
pub(super) fn sort_of(values: &[f64]) -> Sort {
    let mut distinct: Vec<f64> = Vec::with_capacity(4);
    for &v in values {
        if !distinct.contains(&v) {
            distinct.push(v);
        }
        if distinct.len() > 3 {
            return Sort::Continuous;
        }
    }
    match distinct.len() {
        0 | 1 => Sort::Constant,
        2 => Sort::Levels,
        _ if distinct.iter().all(|v| [0.0, 1.0, 2.0].contains(v)) => Sort::Levels,
        _ => Sort::Continuous,
    }
}

/// Checks the outcome and says whether its values are classes.
pub(super) fn has_classes(y: &[f64], outcome: Outcome) -> Result<bool> {
    let mut levels = y.to_vec();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    match (outcome, levels.len()) {
        (_, 0 | 1) => Err(Error::input("the outcome y is constant").hint("there is nothing to screen for: check the column")),
        (Outcome::Auto, n) => Ok(n == 2),
        (Outcome::Continuous, _) => Ok(false),
        (Outcome::Binary, 2) => Ok(true),
        (Outcome::Binary, n) => {
            let shown: Vec<String> = levels.iter().take(5).map(f64::to_string).collect();
            let dots = if n > 5 { ", ..." } else { "" };
            Err(Error::input(format!("a binary outcome must have two values, got {n}: {}{dots}", shown.join(", ")))
                .hint("set outcome to 'continuous', or code it as 0 and 1"))
        }
    }
}

/// A prepared outcome.
#[derive(Clone)]
pub(super) struct Target {
    params: MutualInfoScreener,
    y: Vec<f64>,
    shared: Shared,
}

/// What is computed once for all variables.
#[derive(Clone)]
enum Shared {
    Kernel(KernelEstimator),
    Bins(Bins),
    Neighbours(NeighbourEstimator),
    /// Classes, with any estimator but Pearson's.
    Classes(Bins),
    Nothing,
}

/// Memory of one thread.
pub(super) type Scratch = Option<KernelScratch>;

impl Target {
    /// Prepares a complete outcome of at least [`LEAST_ROWS`] rows that is not constant.
    pub(super) fn new(params: &MutualInfoScreener, y: Vec<f64>, classes: bool, noise: &mut Stream) -> Result<Self> {
        let shared = match params.estimator {
            Estimator::Pearson => Shared::Nothing,
            _ if classes => Shared::Classes(Bins::levels(&y)),
            Estimator::Fftkde => Shared::Kernel(KernelEstimator::new(&y, params.kernel_settings())?),
            Estimator::Binning => Shared::Bins(Bins::continuous(&y)),
            Estimator::Knn => Shared::Neighbours(NeighbourEstimator::new(&parted(&y, noise), params.n_neighbors)?),
        };
        Ok(Self { params: params.clone(), y, shared })
    }

    /// The same outcome with its rows in another order.
    pub(super) fn permuted(&self, order: &[usize], noise: &mut Stream) -> Result<Self> {
        let y: Vec<f64> = order.iter().map(|&row| self.y[row]).collect();
        match &self.shared {
            Shared::Kernel(kernel) => Ok(Self { params: self.params.clone(), y, shared: Shared::Kernel(kernel.permuted(order)) }),
            shared => Self::new(&self.params, y, matches!(shared, Shared::Classes(_)), noise),
        }
    }

    /// The outcome (n,).
    pub(super) fn values(&self) -> &[f64] {
        &self.y
    }

    /// Number of bins of the outcome, where it has bins.
    pub(super) fn n_bins(&self) -> Option<usize> {
        match &self.shared {
            Shared::Bins(bins) => Some(bins.n_bins),
            _ => None,
        }
    }

    pub(super) fn scratch(&self) -> Scratch {
        match &self.shared {
            Shared::Kernel(kernel) => Some(kernel.scratch()),
            _ => None,
        }
    }

    /// The variable on its grid, where the score is that of two gridded variables.
    pub(super) fn axis(&self, x: &[f64]) -> Result<Option<Axis>> {
        match &self.shared {
            Shared::Kernel(kernel) if sort_of(x) == Sort::Continuous => kernel.axis(x).map(Some),
            _ => Ok(None),
        }
    }

    /// Scores of one or two gridded variables at once.
    pub(super) fn gridded(&self, axes: [Option<&Axis>; 2], scratch: &mut Scratch) -> [f64; 2] {
        match (&self.shared, scratch) {
            (Shared::Kernel(kernel), Some(scratch)) => kernel.information(axes, scratch),
            _ => [f64::NAN; 2],
        }
    }

    /// Score of a complete variable, in nats; 0 for a constant one.
    pub(super) fn score(&self, x: &[f64], scratch: &mut Scratch, noise: &mut Stream) -> Result<f64> {
        let sort = sort_of(x);
        if sort == Sort::Constant {
            return Ok(0.0);
        }
        let corrected = self.params.bias_correction;
        let levels = (sort == Sort::Levels).then(|| Bins::levels(x));
        match (&self.shared, levels) {
            (Shared::Nothing, _) => Ok(gaussian_information(pearson(x, &self.y)?)),
            (Shared::Bins(y), levels) => table_information(&levels.unwrap_or_else(|| Bins::continuous(x)), y, corrected),
            (Shared::Classes(y), Some(levels)) => table_information(&levels, y, corrected),
            (Shared::Classes(y), None) => self.with_classes(&y.bins, x, noise),
            (_, Some(levels)) => self.with_classes(&levels.bins, &self.y, noise),
            (Shared::Kernel(kernel), None) => match scratch {
                Some(scratch) => Ok(kernel.information([Some(&kernel.axis(x)?), None], scratch)[0]),
                None => Ok(kernel.information([Some(&kernel.axis(x)?), None], &mut kernel.scratch())[0]),
            },
            (Shared::Neighbours(y), None) => Ok(y.information(&parted(x, noise))),
        }
    }

    /// Score of classes with a continuous variable.
    fn with_classes(&self, classes: &[u32], x: &[f64], noise: &mut Stream) -> Result<f64> {
        match self.params.estimator {
            Estimator::Knn => class_neighbour_information(classes, &parted(x, noise), self.params.n_neighbors),
            Estimator::Binning => {
                let n_bins = classes.iter().max().map_or(0, |c| *c as usize + 1);
                let classes = Bins { bins: classes.to_vec(), n_bins };
                table_information(&Bins::continuous(x), &classes, self.params.bias_correction)
            }
            _ => class_information(classes, x, self.params.kernel.profile(), self.params.bandwidth.rule()),
        }
    }
}

/// A variable of unit standard deviation without ties.
fn parted(values: &[f64], noise: &mut Stream) -> Vec<f64> {
    let centre = mean(values);
    let deviation = mean(&values.iter().map(|v| (v - centre).powi(2)).collect::<Vec<_>>()).sqrt();
    let scale = if deviation > 0.0 { deviation } else { 1.0 };
    let scaled: Vec<f64> = values.iter().map(|v| v / scale).collect();
    let size = JITTER * mean(&scaled.iter().map(|v| v.abs()).collect::<Vec<_>>()).max(1.0);
    scaled.into_iter().map(|v| v + size * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, noise)).collect()
}

/// The stream of the noise for one variable; `None` for the outcome.
pub(super) fn noise(ctx: &Context, column: Option<usize>) -> Stream {
    match column {
        Some(column) => ctx.stream(&[("ties", column as u64)]),
        None => ctx.stream(&[("outcome ties", 0)]),
    }
}
