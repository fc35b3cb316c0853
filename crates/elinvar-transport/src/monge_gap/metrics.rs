//! How near a map is to the optimal one.

use elinvar_core::{Error, Result};
use ndarray::{ArrayView1, ArrayView2, Axis};

fn check_shapes(arrays: &[ArrayView2<'_, f64>]) -> Result<()> {
    let first = arrays[0].dim();
    match arrays.iter().find(|array| array.dim() != first) {
        Some(other) => Err(Error::input(format!("points and images must have one shape, got {first:?} and {:?}", other.dim()))),
        None if first.0 == 0 => Err(Error::input("a metric needs at least one point, got none")),
        None => Ok(()),
    }
}

/// Unexplained variance percentage `100 mean |T(x) - T*(x)|^2 / Var(nu)` (Korotin et al. 2021); `target_variance` is the trace of the
/// target's covariance. 0 for the optimal map, 100 for the constant map to the target's mean.
///
/// # Errors
/// Shapes differ, no points, or the variance is not > 0.
pub fn unexplained_variance(mapped: ArrayView2<'_, f64>, optimal: ArrayView2<'_, f64>, target_variance: f64) -> Result<f64> {
    check_shapes(&[mapped, optimal])?;
    if target_variance.is_nan() || target_variance <= 0.0 {
        return Err(Error::input(format!("the target's variance must be > 0, got {target_variance}")));
    }
    let squares: f64 = mapped.iter().zip(&optimal).map(|(a, b)| (a - b).powi(2)).sum();
    Ok(100.0 * squares / mapped.nrows() as f64 / target_variance)
}

/// Sum over coordinates of the variance (divisor n): the trace of the covariance of the rows.
///
/// # Errors
/// No points.
pub fn total_variance(points: ArrayView2<'_, f64>) -> Result<f64> {
    check_shapes(&[points])?;
    Ok(points.columns().into_iter().map(|column| column.var(0.0)).sum())
}

/// Cosine between displacements, `E <T* - id, T - id> / (|T* - id| |T - id|)` with norms in L2(mu); 1 for the optimal map.
///
/// # Errors
/// Shapes differ, no points, or one of the maps moves nothing.
pub fn displacement_cosine(x: ArrayView2<'_, f64>, mapped: ArrayView2<'_, f64>, optimal: ArrayView2<'_, f64>) -> Result<f64> {
    check_shapes(&[x, mapped, optimal])?;
    let (mut inner, mut ours, mut theirs) = (0.0, 0.0, 0.0);
    for ((x, mapped), optimal) in x.iter().zip(&mapped).zip(&optimal) {
        let (a, b) = (mapped - x, optimal - x);
        inner += a * b;
        ours += a * a;
        theirs += b * b;
    }
    if !(ours > 0.0 && theirs > 0.0) {
        return Err(Error::input("the cosine of displacements needs two maps that move points, got one that moves none"));
    }
    Ok(inner / (ours * theirs).sqrt())
}

/// Share of all pairs of segments `x_i -> y_i` in the plane that cross. Under the Euclidean cost an optimal map has none.
///
/// # Errors
/// Shapes differ, fewer than two rows, or not two columns.
pub fn crossing_share(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<f64> {
    check_shapes(&[x, y])?;
    let (n, d) = x.dim();
    if d != 2 || n < 2 {
        return Err(Error::input(format!("crossings need at least 2 points in the plane, got {n} points of {d} features")));
    }
    let point = |points: ArrayView2<'_, f64>, i: usize| [points[(i, 0)], points[(i, 1)]];
    let segments: Vec<[[f64; 2]; 2]> = (0..n).map(|i| [point(x, i), point(y, i)]).collect();
    let crossings = (0..n).map(|i| segments[i + 1..].iter().filter(|other| cross(&segments[i], other)).count()).sum::<usize>();
    Ok(crossings as f64 / (n * (n - 1) / 2) as f64)
}

/// Whether two segments cross in one inner point of both.
fn cross(a: &[[f64; 2]; 2], b: &[[f64; 2]; 2]) -> bool {
    let side = |o: [f64; 2], p: [f64; 2], q: [f64; 2]| (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]);
    side(a[0], a[1], b[0]) * side(a[0], a[1], b[1]) < 0.0 && side(b[0], b[1], a[0]) * side(b[0], b[1], a[1]) < 0.0
}

/// Widths of the kernels over which [`kernel_discrepancy`] averages, as in the evaluations of single-cell responses.
pub const KERNEL_GAMMAS: [f64; 6] = [2.0, 1.0, 0.5, 0.1, 0.01, 0.005];

/// Squared maximum mean discrepancy of two samples (with the diagonal), averaged over the kernels `exp(-gamma |x - y|²)`.
///
/// # Errors
/// Different widths, or a sample without rows.
pub fn kernel_discrepancy(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, gammas: &[f64]) -> Result<f64> {
    check_widths(x, y)?;
    let mean = |a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>| mean_kernel(a, b, gammas);
    Ok(mean(x, x) + mean(y, y) - 2.0 * mean(x, y))
}

/// Mean over all pairs of rows and over the kernels.
fn mean_kernel(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, gammas: &[f64]) -> f64 {
    let row = |a: ArrayView1<'_, f64>| -> f64 {
        y.rows()
            .into_iter()
            .map(|b| {
                let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                gammas.iter().map(|gamma| (-gamma * square).exp()).sum::<f64>()
            })
            .sum()
    };
    let total: f64 = x.rows().into_iter().map(row).sum();
    total / (x.nrows() * y.nrows() * gammas.len()) as f64
}

/// Distance of the samples' means.
///
/// # Errors
/// Different widths, or a sample without rows.
pub fn signature_distance(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<f64> {
    check_widths(x, y)?;
    let gap = x.sum_axis(Axis(0)) / x.nrows() as f64 - y.sum_axis(Axis(0)) / y.nrows() as f64;
    Ok(gap.dot(&gap).sqrt())
}

fn check_widths(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Result<()> {
    if x.ncols() != y.ncols() {
        return Err(Error::input(format!("both samples must have one width, got {} and {}", x.ncols(), y.ncols())));
    }
    if x.nrows() == 0 || y.nrows() == 0 {
        return Err(Error::input("a metric needs at least one point, got none"));
    }
    Ok(())
}
