//! Delay embedding of epochs and its covariance matrices, one by one or for a whole grid of orders from shared sums.

use elinvar_core::{Context, Error, Result};
use elinvar_math::covariance::CovarianceEstimator;
use elinvar_math::linalg::{product, product_into};
use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis, Slice};
use serde::{Deserialize, Serialize};

/// Number of delayed copies of each channel and the samples between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Embedding {
    /// Number of copies p, >= 1.
    pub order: usize,
    /// Samples between copies τ, >= 1.
    pub lag: usize,
}

impl Embedding {
    /// No embedding: the channels as they are.
    pub const NONE: Embedding = Embedding { order: 1, lag: 1 };

    /// Samples that are lost: `p τ`, one lag more than necessary as in the paper; none for p = 1.
    fn lost(self) -> usize {
        if self.order == 1 { 0 } else { self.order * self.lag }
    }

    /// Samples of the embedded signal, where at least 2 are left.
    pub fn samples(self, length: usize) -> Option<usize> {
        length.checked_sub(self.lost()).filter(|&n| n > 1)
    }

    /// The same as an error.
    ///
    /// # Errors
    /// Epochs of `length` samples are too short.
    pub fn check(self, length: usize) -> Result<usize> {
        self.samples(length).ok_or_else(|| {
            let Self { order, lag } = self;
            let needed = self.lost() + 1;
            Error::input(format!("order {order} and lag {lag} need more than {needed} samples; the epochs have {length}"))
                .hint("lower order or lag, or cut longer epochs")
        })
    }

    /// First and last sample (excluded) of the copy `q`.
    fn window(self, q: usize, length: usize) -> (usize, usize) {
        if self.order == 1 { (0, length) } else { (q * self.lag, length - (self.order - q) * self.lag) }
    }

    /// The embedded epoch (d p, T - p τ) of an epoch (d, T): row block q holds the samples shifted by q τ.
    ///
    /// # Errors
    /// The epoch is too short.
    pub fn augment(self, epoch: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let (channels, length) = epoch.dim();
        let samples = self.check(length)?;
        let mut embedded = Array2::zeros((channels * self.order, samples));
        for (q, mut block) in embedded.axis_chunks_iter_mut(Axis(0), channels).enumerate() {
            let (start, end) = self.window(q, length);
            block.assign(&epoch.slice_axis(Axis(1), Slice::from(start..end)));
        }
        Ok(embedded)
    }
}

/// Covariance matrices (n, d p, d p) of embedded epochs (n, d, T).
///
/// # Errors
/// The epochs are too short.
pub fn covariances(x: ArrayView3<'_, f64>, embedding: Embedding, estimator: CovarianceEstimator, ctx: &Context) -> Result<Array3<f64>> {
    embedding.check(x.dim().2)?;
    let size = x.dim().1 * embedding.order;
    let mut found = Array3::zeros((x.dim().0, size, size));
    let all = || {
        found.axis_iter_mut(Axis(0)).into_par_iter().zip(x.axis_iter(Axis(0)).into_par_iter()).try_for_each(|(mut target, epoch)| {
            ctx.check()?;
            target.assign(&estimator.of_columns(embedding.augment(epoch)?.view())?);
            Ok::<(), Error>(())
        })
    };
    ctx.install(all)?;
    Ok(found)
}

/// An embedding and how the covariances of what it gives are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recipe {
    pub(super) embedding: Embedding,
    pub(super) estimator: CovarianceEstimator,
}

impl Recipe {
    /// As [`covariances`].
    pub(super) fn covariances(self, x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array3<f64>> {
        covariances(x, self.embedding, self.estimator, ctx)
    }
}

/// Sums of lagged products of one epoch, from which the covariance of every order up to a greatest one follows for one lag.
///
/// The block (q, q + j) of an embedding is a sum of `x_t x_{t + jτ}'` over a range of t whose ends are multiples of τ from either end of
/// the epoch, so the sums up to those few places are enough.
pub(super) struct LaggedSums {
    lag: usize,
    length: usize,
    /// Samples (T, d), less the channel means.
    signal: Array2<f64>,
    /// Places up to which sums are kept, rising.
    edges: Vec<usize>,
    /// For each j, at each edge, the sum over t below it (d, d).
    products: Vec<Vec<Array2<f64>>>,
    /// At each edge, the sum of x_t below it (d,).
    sums: Vec<Array1<f64>>,
}

impl LaggedSums {
    /// The sums of an epoch (d, T). Orders that leave no samples are not possible later.
    pub(super) fn new(epoch: ArrayView2<'_, f64>, lag: usize, greatest_order: usize) -> Result<Self> {
        let length = epoch.ncols();
        let mut signal = epoch.t().as_standard_layout().into_owned();
        // A shift changes no centred sum, and small numbers keep their digits.
        let means = signal.sum_axis(Axis(0)) / length as f64;
        signal -= &means;
        let mut edges: Vec<usize> = (0..=greatest_order).flat_map(|i| [Some(i * lag), length.checked_sub(i * lag)]).flatten().collect();
        edges.retain(|&edge| edge <= length);
        edges.sort_unstable();
        edges.dedup();
        let products = (0..greatest_order).map(|j| running_products(&signal, j * lag, &edges)).collect::<Result<_>>()?;
        let mut sum = Array1::zeros(signal.ncols());
        let mut sums = vec![sum.clone()];
        for pair in edges.windows(2) {
            sum = sum + signal.slice_axis(Axis(0), Slice::from(pair[0]..pair[1])).sum_axis(Axis(0));
            sums.push(sum.clone());
        }
        Ok(Self { lag, length, signal, edges, products, sums })
    }

    /// The covariance of the embedding of this order: what [`covariances`] gives, to rounding.
    pub(super) fn covariance(&self, order: usize, estimator: CovarianceEstimator) -> Result<Array2<f64>> {
        let embedding = Embedding { order, lag: self.lag };
        let (samples, channels) = (embedding.check(self.length)?, self.signal.ncols());
        let mut scatter = Array2::zeros((channels * order, channels * order));
        let means = self.means(embedding, samples)?;
        for q in 0..order {
            let (start, end) = self.range(embedding, q)?;
            for r in q..order {
                let (left, right) = (means[q].view().insert_axis(Axis(1)), means[r].view().insert_axis(Axis(0)));
                let block = &self.products[r - q][end] - &self.products[r - q][start] - product(left, right)? * samples as f64;
                place(&mut scatter, q, r, channels, &block);
            }
        }
        // Rounding leaves the two halves of the blocks on the diagonal apart in the last bits.
        let scatter = (&scatter + &scatter.t()) * 0.5;
        let fourth = (estimator == CovarianceEstimator::Lwf).then(|| self.fourth_power(embedding, samples, &means));
        Ok(estimator.of_scatter(scatter, samples, fourth))
    }

    /// Places of the two ends of the copy q among the edges.
    fn range(&self, embedding: Embedding, q: usize) -> Result<(usize, usize)> {
        let (start, end) = embedding.window(q, self.length);
        match (self.edges.binary_search(&start), self.edges.binary_search(&end)) {
            (Ok(start), Ok(end)) => Ok((start, end)),
            _ => Err(Error::internal("an edge of an embedding is missing")),
        }
    }

    fn means(&self, embedding: Embedding, samples: usize) -> Result<Vec<Array1<f64>>> {
        let mean = |q| self.range(embedding, q).map(|(start, end)| (&self.sums[end] - &self.sums[start]) / samples as f64);
        (0..embedding.order).map(mean).collect()
    }

    /// `sum_t ||z_t||^4` of the centred embedded samples z_t.
    fn fourth_power(&self, embedding: Embedding, samples: usize, means: &[Array1<f64>]) -> f64 {
        let mut norms = vec![0.0; samples];
        for (q, mean) in means.iter().enumerate() {
            let (start, end) = embedding.window(q, self.length);
            let window = self.signal.slice_axis(Axis(0), Slice::from(start..end));
            for (norm, row) in norms.iter_mut().zip(window.outer_iter()) {
                *norm += row.iter().zip(mean).map(|(x, m)| (x - m) * (x - m)).sum::<f64>();
            }
        }
        norms.iter().map(|norm| norm * norm).sum()
    }
}

/// `sum_{t < edge} x_t x_{t+k}'` at every edge for which the last of them lies within the signal.
fn running_products(signal: &Array2<f64>, k: usize, edges: &[usize]) -> Result<Vec<Array2<f64>>> {
    let (length, channels) = signal.dim();
    let mut sum = Array2::zeros((channels, channels));
    let mut kept = vec![sum.clone()];
    for pair in edges.windows(2).take_while(|pair| pair[1] + k <= length) {
        let rows = |shift: usize| signal.slice_axis(Axis(0), Slice::from(pair[0] + shift..pair[1] + shift));
        product_into(sum.view_mut(), true, 1.0, rows(0).t(), rows(k))?;
        kept.push(sum.clone());
    }
    Ok(kept)
}

/// Writes the block (q, r) and its mirror image.
fn place(target: &mut Array2<f64>, q: usize, r: usize, channels: usize, block: &Array2<f64>) {
    let part = |i: usize| Slice::from(i * channels..(i + 1) * channels);
    target.slice_axis_mut(Axis(0), part(q)).slice_axis_mut(Axis(1), part(r)).assign(block);
    if q != r {
        target.slice_axis_mut(Axis(0), part(r)).slice_axis_mut(Axis(1), part(q)).assign(&block.t());
    }
}

/// The sums of every epoch (n, d, T) for one lag.
pub(super) fn lagged_sums(x: ArrayView3<'_, f64>, lag: usize, greatest_order: usize, ctx: &Context) -> Result<Vec<LaggedSums>> {
    let (n, channels, _) = x.dim();
    let kept = (greatest_order * (2 * greatest_order + 2) * channels * channels * 8) as u64;
    ctx.reserve("the lagged products of the grid", kept * n as u64)?;
    let one = |epoch: ArrayView2<'_, f64>| {
        ctx.check()?;
        LaggedSums::new(epoch, lag, greatest_order)
    };
    ctx.install(|| x.axis_iter(Axis(0)).into_par_iter().map(one).collect())
}

/// The covariance matrices (n, d p, d p) of one order from the sums of every epoch.
pub(super) fn from_sums(sums: &[LaggedSums], order: usize, estimator: CovarianceEstimator, ctx: &Context) -> Result<Array3<f64>> {
    let matrices: Result<Vec<Array2<f64>>> = ctx.install(|| sums.par_iter().map(|sums| sums.covariance(order, estimator)).collect());
    let views = matrices?;
    let views: Vec<ArrayView2<'_, f64>> = views.iter().map(|matrix| matrix.view()).collect();
    ndarray::stack(Axis(0), &views).map_err(|e| Error::internal(e.to_string()))
}
