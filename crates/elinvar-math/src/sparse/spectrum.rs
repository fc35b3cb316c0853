//! The largest eigenvalue of a positive semidefinite operator.

use super::kernels::{add_scaled, dot, norm};
use crate::linalg::symmetric_eigen;
use elinvar_core::Result;
use ndarray::Array2;

/// The largest eigenvalue by Lanczos steps with full reorthogonalisation, plus the error bound of its Ritz vector: an upper bound but for
/// operators whose top eigenvector is orthogonal to the start.
pub(crate) fn largest_eigenvalue(dimension: usize, mut apply: impl FnMut(&[f64], &mut [f64])) -> Result<f64> {
    const STEPS: usize = 60;
    const ACCURACY: f64 = 1e-7;
    if dimension == 0 {
        return Ok(0.0);
    }
    // Deterministic and without symmetry that could make it orthogonal to the top eigenvector.
    let mut q: Vec<f64> = (0..dimension).map(|i| 1.0 + 0.5 * (1.7 * i as f64 + 0.3).sin()).collect();
    let size = norm(&q);
    q.iter_mut().for_each(|x| *x /= size);
    let (mut basis, mut diagonal, mut off): (Vec<Vec<f64>>, Vec<f64>, Vec<f64>) = (vec![q], Vec::new(), Vec::new());
    let mut bound = 0.0;
    for k in 0..STEPS.min(dimension) {
        let mut w = vec![0.0; dimension];
        apply(&basis[k], &mut w);
        diagonal.push(dot(&w, &basis[k]));
        // Twice is enough (Kahan and Parlett).
        for _ in 0..2 {
            for q in &basis {
                let share = dot(&w, q);
                add_scaled(&mut w, -share, q);
            }
        }
        let rest = norm(&w);
        let last = k + 1 == STEPS.min(dimension);
        if k % 5 == 4 || last || rest == 0.0 {
            let (value, tail) = top(&diagonal, &off)?;
            bound = value + rest * tail;
            if rest * tail <= ACCURACY * value || last {
                break;
            }
        }
        w.iter_mut().for_each(|x| *x /= rest);
        off.push(rest);
        basis.push(w);
    }
    Ok(bound)
}

/// The largest eigenvalue of a tridiagonal matrix and the last entry of its eigenvector.
fn top(diagonal: &[f64], off: &[f64]) -> Result<(f64, f64)> {
    let k = diagonal.len();
    let matrix = Array2::from_shape_fn((k, k), |(i, j)| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => off[i.min(j)],
        _ => 0.0,
    });
    let (values, vectors) = symmetric_eigen(matrix.view())?;
    Ok((values[k - 1], vectors[[k - 1, k - 1]].abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_largest_eigenvalue_and_not_below() {
        for n in [1, 3, 40, 300] {
            // Second differences: the largest eigenvalue is 2 - 2 cos(pi n / (n + 1)), in a dense end of the spectrum.
            let laplace = |x: &[f64], out: &mut [f64]| {
                for i in 0..n {
                    out[i] = 2.0 * x[i] - if i > 0 { x[i - 1] } else { 0.0 } - if i + 1 < n { x[i + 1] } else { 0.0 };
                }
            };
            let exact = 2.0 - 2.0 * (std::f64::consts::PI * n as f64 / (n + 1) as f64).cos();
            let found = largest_eigenvalue(n, laplace).unwrap();
            assert!(found >= exact * (1.0 - 1e-6) && found <= exact * 1.02, "{n}: {found} for {exact}");
        }
        assert_eq!(largest_eigenvalue(2, |_, out| out.fill(0.0)).unwrap(), 0.0);
    }
}
