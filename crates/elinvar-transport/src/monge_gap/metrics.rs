//! How near a map is to the optimal one.

use elinvar_core::{Error, Result};
use ndarray::ArrayView2;

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
