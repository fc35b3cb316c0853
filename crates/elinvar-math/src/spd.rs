//! Geometry of symmetric positive definite (SPD) matrices: distances, means, tangent spaces, in the affine-invariant and the
//! log-Euclidean metric.
//!
//! Stacks have shape (n, P, P). Work on a stack runs on the threads of the context, in chunks of fixed size whose partial results are
//! combined in order, so that results do not depend on the number of threads.
//!
//! Sources: Pennec, Fillard and Ayache, "A Riemannian framework for tensor computing" (IJCV 2006); Arsigny et al., "Log-Euclidean
//! metrics for fast and simple calculus on diffusion tensors" (MRM 2006); Iannazzo and Porcelli, "The Riemannian Barzilai-Borwein
//! method with nonmonotone line search and the matrix geometric mean computation" (IMA Journal of Numerical Analysis 2018).

use crate::linalg::{EigenSolver, cholesky, congruence, invert_lower, product, spd_inverse_sqrt, spd_sqrt, symmetric_map};
use elinvar_core::{Context, Error, Kind, Result, Status};
use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How distance and mean of SPD matrices are defined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Invariant under every change of basis: `d(P, Q) = || log(P^-1/2 Q P^-1/2) ||`.
    #[default]
    AffineInvariant,
    /// Euclidean distance of the logarithms: `d(P, Q) = || log P - log Q ||`.
    LogEuclidean,
}

/// A matrix function by eigenvalues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatrixFunction {
    /// Logarithm.
    #[default]
    Log,
    /// Exponential; defined for every symmetric matrix.
    Exp,
    /// Square root.
    Sqrt,
    /// Square root of the inverse.
    InverseSqrt,
}

impl MatrixFunction {
    fn at(self, value: f64) -> f64 {
        match self {
            Self::Log => value.ln(),
            Self::Exp => value.exp(),
            Self::Sqrt => value.sqrt(),
            Self::InverseSqrt => 1.0 / value.sqrt(),
        }
    }
}

/// Matrices that one piece of parallel work takes.
const CHUNK: usize = 8;

/// Room for the work on one matrix after another.
struct Desk {
    eigen: EigenSolver,
    room: Vec<f64>,
    whitened: Vec<f64>,
}

impl Desk {
    fn new(size: usize) -> Self {
        Self { eigen: EigenSolver::new(size), room: vec![0.0; size * size], whitened: vec![0.0; size * size] }
    }

    /// `target <- log(W C W^T)`.
    fn whitened_log(&mut self, whitening: &[f64], matrix: &[f64], index: usize, target: &mut [f64]) -> Result<()> {
        let size = self.size();
        congruence(whitening, matrix, size, &mut self.room, &mut self.whitened);
        let values = self.eigen.map(&self.whitened, |value| value.max(f64::MIN_POSITIVE).ln(), target)?;
        positive(values, index)
    }

    fn size(&self) -> usize {
        self.room.len().isqrt()
    }
}

/// Refuses eigenvalues that are not positive beyond rounding.
fn positive(values: &[f64], index: usize) -> Result<()> {
    let (smallest, largest) = (values.first().copied().unwrap_or(1.0), values.last().copied().unwrap_or(1.0));
    if smallest > largest * f64::EPSILON && smallest > 0.0 {
        return Ok(());
    }
    let message = format!("matrix {index} must be positive definite, got smallest eigenvalue {smallest:.1e} beside {largest:.1e}");
    Err(Error::numeric(message).hint("shrink the covariances (estimator 'lwf'), or drop linearly dependent channels"))
}

fn check_stack(stack: ArrayView3<'_, f64>) -> Result<()> {
    let (n, rows, columns) = stack.dim();
    if n == 0 || rows == 0 || rows != columns {
        return Err(Error::input(format!("a stack of SPD matrices must have shape (n, P, P) with n, P >= 1, got {:?}", stack.shape())));
    }
    for (index, matrix) in stack.outer_iter().enumerate() {
        check_symmetric(matrix, index)?;
    }
    Ok(())
}

fn check_symmetric(matrix: ArrayView2<'_, f64>, index: usize) -> Result<()> {
    if let Some(((i, j), value)) = matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::input(format!("matrix {index} contains {value} at row {i}, column {j}; entries must be finite")));
    }
    let scale = matrix.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let skew = matrix.indexed_iter().find(|((i, j), value)| (*value - matrix[[*j, *i]]).abs() > 1e-8 * scale);
    match skew {
        Some(((i, j), value)) => {
            Err(Error::input(format!("matrix {index} must be symmetric, got {value} and {} at ({i}, {j})", matrix[[j, i]])))
        }
        None => Ok(()),
    }
}

fn slice_of<'a>(matrix: &'a ArrayView2<'_, f64>) -> Result<&'a [f64]> {
    matrix.as_slice().ok_or_else(|| Error::internal("a stack is not row-major"))
}

/// A function of every matrix of a stack, by its eigenvalues.
///
/// # Errors
/// A matrix that is not square, symmetric and finite; not positive definite, unless the function is the exponential.
pub fn map(stack: ArrayView3<'_, f64>, function: MatrixFunction, ctx: &Context) -> Result<Array3<f64>> {
    check_stack(stack)?;
    each(stack, ctx, |desk, index, matrix, target| {
        let values = desk.eigen.map(matrix, |value| function.at(value), target)?;
        if function != MatrixFunction::Exp {
            positive(values, index)?;
        }
        match target.iter().all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err(Error::numeric(format!("the exponential of matrix {index} is not finite"))),
        }
    })
}

/// Runs `work(desk, index, matrix, target)` for every matrix of a stack.
fn each(
    stack: ArrayView3<'_, f64>,
    ctx: &Context,
    work: impl Fn(&mut Desk, usize, &[f64], &mut [f64]) -> Result<()> + Sync,
) -> Result<Array3<f64>> {
    let stack = stack.as_standard_layout();
    let size = stack.dim().1;
    let mut results = Array3::zeros(stack.raw_dim());
    let chunk_pairs = || {
        let targets = results.axis_chunks_iter_mut(Axis(0), CHUNK).into_par_iter();
        let sources = stack.axis_chunks_iter(Axis(0), CHUNK).into_par_iter();
        targets.zip(sources).enumerate().try_for_each(|(chunk, (mut targets, sources))| {
            ctx.check()?;
            let mut desk = Desk::new(size);
            for (offset, (mut target, source)) in targets.outer_iter_mut().zip(sources.outer_iter()).enumerate() {
                let target = target.as_slice_mut().ok_or_else(|| Error::internal("a stack is not row-major"))?;
                work(&mut desk, chunk * CHUNK + offset, slice_of(&source)?, target)?;
            }
            Ok::<(), Error>(())
        })
    };
    ctx.install(chunk_pairs)?;
    Ok(results)
}

/// Distance of two SPD matrices.
///
/// # Errors
/// A matrix is not symmetric positive definite, or the sizes differ.
pub fn distance(metric: Metric, a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Result<f64> {
    if a.dim() != b.dim() {
        return Err(Error::input(format!("a distance needs matrices of one size, got {:?} and {:?}", a.dim(), b.dim())));
    }
    let ctx = Context::default().with_threads(1);
    Ok(Reference::new(metric, a)?.distances(b.insert_axis(Axis(0)), &ctx)?[0])
}

/// A fixed matrix that others are measured from.
pub struct Reference {
    metric: Metric,
    /// Inverse of a factor of the matrix, or its logarithm.
    prepared: Array2<f64>,
}

impl Reference {
    /// Prepares a matrix.
    ///
    /// # Errors
    /// It is not symmetric positive definite.
    pub fn new(metric: Metric, matrix: ArrayView2<'_, f64>) -> Result<Self> {
        check_stack(matrix.insert_axis(Axis(0)))?;
        let prepared = match metric {
            Metric::AffineInvariant => invert_lower(factor(matrix)?.view())?,
            Metric::LogEuclidean => log_of(matrix)?,
        };
        Ok(Self { metric, prepared })
    }

    /// Distance of every matrix of a stack (n, P, P) to it (n,).
    ///
    /// # Errors
    /// A matrix is not symmetric positive definite.
    pub fn distances(&self, stack: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array1<f64>> {
        check_stack(stack)?;
        let stack = stack.as_standard_layout();
        let size = stack.dim().1;
        let prepared = self.prepared.as_slice().ok_or_else(|| Error::internal("a reference is not row-major"))?;
        let of_chunk = |(chunk, matrices): (usize, ArrayView3<'_, f64>)| {
            ctx.check()?;
            let mut desk = Desk::new(size);
            let mut log = vec![0.0; size * size];
            let one = |(offset, matrix): (usize, ArrayView2<'_, f64>)| {
                self.distance_to(&mut desk, slice_of(&matrix)?, chunk * CHUNK + offset, prepared, &mut log)
            };
            matrices.outer_iter().enumerate().map(one).collect::<Result<Vec<f64>>>()
        };
        let chunks: Result<Vec<Vec<f64>>> =
            ctx.install(|| stack.axis_chunks_iter(Axis(0), CHUNK).into_par_iter().enumerate().map(of_chunk).collect());
        Ok(chunks?.into_iter().flatten().collect())
    }

    fn distance_to(&self, desk: &mut Desk, matrix: &[f64], index: usize, prepared: &[f64], log: &mut [f64]) -> Result<f64> {
        match self.metric {
            Metric::AffineInvariant => {
                congruence(prepared, matrix, desk.size(), &mut desk.room, &mut desk.whitened);
                let values = desk.eigen.values(&desk.whitened)?;
                positive(values, index)?;
                Ok(values.iter().map(|value| value.ln().powi(2)).sum::<f64>().sqrt())
            }
            Metric::LogEuclidean => {
                let values = desk.eigen.map(matrix, |value| value.max(f64::MIN_POSITIVE).ln(), log)?;
                positive(values, index)?;
                Ok(log.iter().zip(prepared).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt())
            }
        }
    }
}

fn factor(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    cholesky(matrix).ok_or_else(|| {
        Error::numeric("the reference matrix must be positive definite")
            .hint("shrink the covariances (estimator 'lwf'), or drop linearly dependent channels")
    })
}

fn log_of(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let ctx = Context::default().with_threads(1);
    let log = map(matrix.insert_axis(Axis(0)), MatrixFunction::Log, &ctx)?;
    Ok(log.index_axis_move(Axis(0), 0))
}

/// Point at share `t` of the affine-invariant geodesic from `a` (t = 0) to `b` (t = 1).
///
/// # Errors
/// A matrix is not symmetric positive definite, or the sizes differ.
pub fn geodesic(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, t: f64) -> Result<Array2<f64>> {
    if a.dim() != b.dim() {
        return Err(Error::input(format!("a geodesic needs matrices of one size, got {:?} and {:?}", a.dim(), b.dim())));
    }
    let lower = factor(a)?;
    let inverse = invert_lower(lower.view())?;
    let whitened = product(product(inverse.view(), b)?.view(), inverse.t())?;
    let power = symmetric_map(whitened.view(), |value| value.max(0.0).powf(t))?;
    product(product(lower.view(), power.view())?.view(), lower.t())
}

/// When the iteration for a geometric mean stops.
#[derive(Clone, Copy, Debug)]
pub struct MeanSettings {
    /// Greatest Frobenius norm of the mean logarithm at the result.
    pub tolerance: f64,
    /// Greatest number of iterations.
    pub max_iterations: usize,
}

impl Default for MeanSettings {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_iterations: 50 }
    }
}

/// A mean and how its iteration ended.
#[derive(Clone, Debug)]
pub struct Mean {
    /// The mean (P, P).
    pub matrix: Array2<f64>,
    /// Frobenius norm of the mean logarithm there; 0 for a mean in closed form.
    pub criterion: f64,
    /// Iterations.
    pub iterations: usize,
    /// Whether the tolerance was met.
    pub status: Status,
}

/// Mean of a stack (n, P, P): the point with the least sum of squared distances.
///
/// For the affine-invariant metric this is the geometric (Karcher) mean. It is found by steps along the mean logarithm
/// `J = mean_i log(M^-1/2 C_i M^-1/2)`, whose length follows the rule of Barzilai and Borwein: between 0 and 1, because the Hessian is
/// at least 1. `start` is where to begin; where there is none, half way between the arithmetic and the harmonic mean.
///
/// # Errors
/// A matrix is not symmetric positive definite; or the context was interrupted.
pub fn mean(
    metric: Metric,
    stack: ArrayView3<'_, f64>,
    start: Option<ArrayView2<'_, f64>>,
    settings: &MeanSettings,
    ctx: &Context,
) -> Result<Mean> {
    check_stack(stack)?;
    match metric {
        Metric::AffineInvariant => geometric_mean(stack, start, settings, ctx),
        Metric::LogEuclidean => {
            let logs = map(stack, MatrixFunction::Log, ctx)?;
            let matrix = symmetric_map(average(logs.view()).view(), f64::exp)?;
            Ok(Mean { matrix, criterion: 0.0, iterations: 1, status: Status::Converged })
        }
    }
}

fn average(stack: ArrayView3<'_, f64>) -> Array2<f64> {
    let (n, rows, columns) = stack.dim();
    stack.outer_iter().fold(Array2::zeros((rows, columns)), |sum, matrix| sum + matrix) / n as f64
}

/// The midpoint of the arithmetic and the harmonic mean: it needs Cholesky factors only, and agrees with the geometric mean to third
/// order in the spread of the matrices. The arithmetic mean where a matrix is singular to working precision.
fn between_means(stack: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array2<f64>> {
    let arithmetic = average(stack);
    let harmonic = mean_over(stack, ctx, || (), |(), _, matrix, target| inverse_into(matrix, target)).and_then(|mean| inverse(mean.view()));
    match harmonic.and_then(|harmonic| geodesic(arithmetic.view(), harmonic.view(), 0.5)) {
        Err(error) if error.kind() == Kind::Numeric => Ok(arithmetic),
        found => found,
    }
}

fn inverse(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let lower = invert_lower(factor(matrix)?.view())?;
    product(lower.t(), lower.view())
}

fn inverse_into(matrix: ArrayView2<'_, f64>, target: &mut [f64]) -> Result<()> {
    target.iter_mut().zip(&inverse(matrix)?).for_each(|(target, value)| *target = *value);
    Ok(())
}

fn geometric_mean(stack: ArrayView3<'_, f64>, start: Option<ArrayView2<'_, f64>>, settings: &MeanSettings, ctx: &Context) -> Result<Mean> {
    let begin = start.map_or_else(|| between_means(stack, ctx), |start| Ok(start.to_owned()))?;
    // M = L L^T; every formula holds with L in place of the symmetric root, up to a rotation of J.
    let mut lower = factor(begin.view())?;
    let mut whitening = invert_lower(lower.view())?;
    let mut direction = mean_log(stack, &whitening, ctx)?;
    let mut criterion = norm(&direction);
    let (mut step, mut iterations) = (1.0, 0);
    let mut best = (criterion, lower.clone());
    while criterion > settings.tolerance && iterations < settings.max_iterations {
        ctx.check()?;
        iterations += 1;
        let half = |sign: f64| symmetric_map(direction.view(), |value| (sign * 0.5 * step * value).exp());
        lower = product(lower.view(), half(1.0)?.view())?;
        whitening = product(half(-1.0)?.view(), whitening.view())?;
        let next = mean_log(stack, &whitening, ctx)?;
        // Parallel transport along the step leaves whitened coordinates as they are.
        let curvature = (&direction * &(&direction - &next)).sum();
        let energy = criterion * criterion;
        step = if curvature > 0.0 { (step * energy / curvature).clamp(0.05, 1.0) } else { 0.5 * step };
        criterion = norm(&next);
        direction = next;
        if criterion < best.0 {
            best = (criterion, lower.clone());
        }
    }
    let status = if best.0 <= settings.tolerance { Status::Converged } else { Status::IterationLimit };
    let matrix = product(best.1.view(), best.1.t())?;
    Ok(Mean { matrix, criterion: best.0, iterations, status })
}

fn norm(matrix: &Array2<f64>) -> f64 {
    matrix.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// `mean_i log(W C_i W^T)`.
fn mean_log(stack: ArrayView3<'_, f64>, whitening: &Array2<f64>, ctx: &Context) -> Result<Array2<f64>> {
    let size = whitening.nrows();
    let whitening = whitening.as_slice().ok_or_else(|| Error::internal("a whitening is not row-major"))?;
    let desk = || Desk::new(size);
    mean_over(stack, ctx, desk, |desk, index, matrix, target| desk.whitened_log(whitening, slice_of(&matrix)?, index, target))
}

/// Mean of a symmetric matrix made of each of the stack, in room that the matrices of a chunk share.
fn mean_over<R>(
    stack: ArrayView3<'_, f64>,
    ctx: &Context,
    room: impl Fn() -> R + Sync,
    make: impl Fn(&mut R, usize, ArrayView2<'_, f64>, &mut [f64]) -> Result<()> + Sync,
) -> Result<Array2<f64>> {
    let stack = stack.as_standard_layout();
    let (n, size, _) = stack.dim();
    let of_chunk = |(chunk, matrices): (usize, ArrayView3<'_, f64>)| {
        ctx.check()?;
        let mut room = room();
        let (mut made, mut sum) = (vec![0.0; size * size], vec![0.0; size * size]);
        for (offset, matrix) in matrices.outer_iter().enumerate() {
            make(&mut room, chunk * CHUNK + offset, matrix, &mut made)?;
            sum.iter_mut().zip(&made).for_each(|(sum, made)| *sum += made);
        }
        Ok::<_, Error>(sum)
    };
    let sums: Result<Vec<Vec<f64>>> =
        ctx.install(|| stack.axis_chunks_iter(Axis(0), CHUNK).into_par_iter().enumerate().map(of_chunk).collect());
    let mut total = vec![0.0; size * size];
    for sum in sums? {
        total.iter_mut().zip(&sum).for_each(|(total, sum)| *total += sum);
    }
    let mean = Array2::from_shape_vec((size, size), total).map_err(|e| Error::internal(e.to_string()))? / n as f64;
    // Rounding leaves the two triangles apart in the last bits.
    Ok((&mean + &mean.t()) * 0.5)
}

/// The tangent space at a matrix: SPD matrices as vectors whose Euclidean geometry is that of the metric to first order.
pub struct TangentSpace {
    metric: Metric,
    /// The matrix (P, P).
    pub reference: Array2<f64>,
    /// `M^-1/2` (affine-invariant) or `log M` (log-Euclidean).
    prepared: Array2<f64>,
}

impl TangentSpace {
    /// The tangent space at a matrix.
    ///
    /// # Errors
    /// It is not symmetric positive definite.
    pub fn at(metric: Metric, reference: ArrayView2<'_, f64>) -> Result<Self> {
        check_stack(reference.insert_axis(Axis(0)))?;
        let prepared = match metric {
            Metric::AffineInvariant => spd_inverse_sqrt(reference)?,
            Metric::LogEuclidean => log_of(reference)?,
        };
        Ok(Self { metric, reference: reference.to_owned(), prepared })
    }

    /// Upper triangles (row by row, entries off the diagonal times sqrt 2) of `log(M^-1/2 C M^-1/2)`, or of `log C - log M`:
    /// (n, P(P+1)/2).
    ///
    /// # Errors
    /// A matrix is not symmetric positive definite, or of another size.
    pub fn vectors(&self, stack: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array2<f64>> {
        check_stack(stack)?;
        self.check_size(stack.dim().1)?;
        let prepared = self.prepared.as_slice().ok_or_else(|| Error::internal("a reference is not row-major"))?;
        let logs = each(stack, ctx, |desk, index, matrix, target| match self.metric {
            Metric::AffineInvariant => desk.whitened_log(prepared, matrix, index, target),
            Metric::LogEuclidean => {
                positive(desk.eigen.map(matrix, |value| value.max(f64::MIN_POSITIVE).ln(), target)?, index)?;
                target.iter_mut().zip(prepared).for_each(|(log, reference)| *log -= reference);
                Ok(())
            }
        })?;
        Ok(to_vectors(logs.view()))
    }

    /// The SPD matrices of tangent vectors (n, P(P+1)/2): the inverse of [`TangentSpace::vectors`].
    ///
    /// # Errors
    /// The vectors have another length, or an exponential is not finite.
    pub fn matrices(&self, vectors: ArrayView2<'_, f64>, ctx: &Context) -> Result<Array3<f64>> {
        let size = self.reference.nrows();
        if vectors.ncols() != size * (size + 1) / 2 {
            let message =
                format!("tangent vectors at a matrix of size {size} have {} entries, got {}", size * (size + 1) / 2, vectors.ncols());
            return Err(Error::input(message));
        }
        let symmetric = from_vectors(vectors, size);
        match self.metric {
            Metric::AffineInvariant => {
                let root = spd_sqrt(self.reference.view())?;
                let mut matrices = map(symmetric.view(), MatrixFunction::Exp, ctx)?;
                for mut matrix in matrices.outer_iter_mut() {
                    let back = product(product(root.view(), matrix.view())?.view(), root.view())?;
                    matrix.assign(&back);
                }
                Ok(matrices)
            }
            Metric::LogEuclidean => map((symmetric + &self.prepared).view(), MatrixFunction::Exp, ctx),
        }
    }

    fn check_size(&self, size: usize) -> Result<()> {
        let own = self.reference.nrows();
        match size == own {
            true => Ok(()),
            false => Err(Error::input(format!("matrices must have size {own} like the reference of the tangent space, got {size}"))),
        }
    }
}

/// Upper triangles of symmetric matrices, row by row, with entries off the diagonal times sqrt 2, so that norms are kept.
fn to_vectors(stack: ArrayView3<'_, f64>) -> Array2<f64> {
    let (n, size, _) = stack.dim();
    let mut vectors = Array2::zeros((n, size * (size + 1) / 2));
    for (matrix, mut vector) in stack.outer_iter().zip(vectors.outer_iter_mut()) {
        let upper = matrix.outer_iter().enumerate().flat_map(|(i, row)| {
            row.into_iter().enumerate().skip(i).map(move |(j, value)| if i == j { *value } else { value * std::f64::consts::SQRT_2 })
        });
        vector.iter_mut().zip(upper).for_each(|(target, value)| *target = value);
    }
    vectors
}

fn from_vectors(vectors: ArrayView2<'_, f64>, size: usize) -> Array3<f64> {
    let mut stack = Array3::zeros((vectors.nrows(), size, size));
    for (vector, mut matrix) in vectors.outer_iter().zip(stack.outer_iter_mut()) {
        let mut place = 0;
        for i in 0..size {
            for j in i..size {
                let value = if i == j { vector[place] } else { vector[place] * std::f64::consts::FRAC_1_SQRT_2 };
                (matrix[[i, j]], matrix[[j, i]]) = (value, value);
                place += 1;
            }
        }
    }
    stack
}

#[cfg(test)]
mod tests;
