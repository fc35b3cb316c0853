//! Approximate joint diagonalisation of symmetric positive definite matrices.

use elinvar_core::{Context, Error, Result, Status};
use ndarray::{Array2, ArrayView3, Axis};

/// A matrix B (P, P) that makes every `B C_i B'` of a stack (n, P, P) as diagonal as one matrix can, in the sense of Pham, "Joint
/// approximate diagonalization of positive definite Hermitian matrices" (SIAM J. Matrix Anal. 2001), and whether the tolerance was met.
///
/// Rows are scaled so that the weighted mean of the transformed diagonals is 1.
///
/// # Errors
/// A matrix without positive diagonal, or one weight a matrix is not given; those of the context.
pub fn joint_diagonaliser(
    stack: ArrayView3<'_, f64>,
    weights: &[f64],
    tolerance: f64,
    max_sweeps: usize,
    ctx: &Context,
) -> Result<(Array2<f64>, Status)> {
    let (n, size, _) = stack.dim();
    if n == 0 || weights.len() != n {
        return Err(Error::input(format!("a joint diagonalisation needs one weight a matrix, got {} and {n}", weights.len())));
    }
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
    let mut matrices: Vec<Array2<f64>> = stack.outer_iter().map(|m| m.to_owned()).collect();
    if let Some(index) = matrices.iter().position(|m| m.diag().iter().any(|v| !(*v > 0.0))) {
        return Err(Error::numeric(format!("matrix {index} must be positive definite for a joint diagonalisation")));
    }
    let mut b = Array2::eye(size);
    let mut status = Status::IterationLimit;
    for _ in 0..max_sweeps {
        ctx.check()?;
        let mut decrease = 0.0;
        for i in 1..size {
            for j in 0..i {
                decrease += rotate(&mut matrices, &weights, &mut b, i, j);
            }
        }
        if decrease < tolerance {
            status = Status::Converged;
            break;
        }
    }
    for i in 0..size {
        let mean: f64 = matrices.iter().zip(&weights).map(|(m, w)| w * m[[i, i]]).sum();
        b.row_mut(i).mapv_inplace(|value| value / mean.sqrt());
    }
    Ok((b, status))
}

/// One step of Pham's algorithm on rows i and j; what it lowers the criterion by, to first order.
fn rotate(matrices: &mut [Array2<f64>], weights: &[f64], b: &mut Array2<f64>, i: usize, j: usize) -> f64 {
    let (mut gij, mut gji, mut wij, mut wji) = (0.0, 0.0, 0.0, 0.0);
    for (m, w) in matrices.iter().zip(weights) {
        let (ii, jj, ij) = (m[[i, i]], m[[j, j]], m[[i, j]]);
        gij += w * ij / ii;
        gji += w * ij / jj;
        wij += w * jj / ii;
        wji += w * ii / jj;
    }
    // Solution of [[wij, 1], [1, wji]] (hij, hji) = (gij, gji), written so that it stays finite where all matrices are proportional.
    let (root, ratio) = ((wij * wji).sqrt(), (wji / wij).sqrt());
    let even = (gij * ratio + gji) / (root + 1.0);
    let odd = (gij * ratio - gji) / (root - 1.0).max(1e-9);
    let (hij, hji) = ((even + odd) / 2.0, (even - odd) / (2.0 * ratio));
    let scale = (1.0 + (1.0 - 4.0 * hij * hji).max(0.0).sqrt()) / 2.0;
    let (down, up) = (hij / scale, hji / scale);
    let decrease = gij * down + gji * up;
    apply(b, i, j, up, down, false);
    for m in matrices.iter_mut() {
        apply(m, i, j, up, down, true);
    }
    decrease.abs()
}

/// `row_i -= down row_j`, `row_j -= up row_i`, and columns likewise for a congruence.
fn apply(m: &mut Array2<f64>, i: usize, j: usize, up: f64, down: f64, columns: bool) {
    let axes: &[Axis] = if columns { &[Axis(0), Axis(1)] } else { &[Axis(0)] };
    for &axis in axes {
        let (ri, rj) = (m.index_axis(axis, i).to_owned(), m.index_axis(axis, j).to_owned());
        m.index_axis_mut(axis, i).assign(&(&ri - &(&rj * down)));
        m.index_axis_mut(axis, j).assign(&(&rj - &(&ri * up)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{matrix, reference, stack, vector};

    #[test]
    fn exactly_diagonalisable_matrices_become_diagonal() {
        let mixing = ndarray::array![[1.0, 0.4, -0.3], [0.2, 1.5, 0.6], [-0.7, 0.1, 0.9]];
        let mut matrices = ndarray::Array3::zeros((4, 3, 3));
        for (k, mut m) in matrices.outer_iter_mut().enumerate() {
            let powers = ndarray::Array1::from_shape_fn(3, |j| 1.0 + ((k + 1) * (j + 2) % 5) as f64);
            m.assign(&mixing.dot(&Array2::from_diag(&powers)).dot(&mixing.t()));
        }
        let (b, status) = joint_diagonaliser(matrices.view(), &[1.0; 4], 1e-12, 100, &Context::new(0)).unwrap();
        assert_eq!(status, Status::Converged);
        for m in matrices.outer_iter() {
            let image = b.dot(&m).dot(&b.t());
            let off = image.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, v)| v.abs()).fold(0.0, f64::max);
            assert!(off < 1e-6, "{image}");
        }
    }

    #[test]
    fn criterion_is_that_of_pyriemann() {
        let case = &reference()["joint"];
        let (matrices, weights) = (stack(&case["matrices"]), vector(&case["weights"]).to_vec());
        let (b, _) = joint_diagonaliser(matrices.view(), &weights, 1e-12, 200, &Context::new(0)).unwrap();
        let criterion = |b: &Array2<f64>| -> f64 {
            let of = |m: ndarray::ArrayView2<'_, f64>| {
                let image = b.dot(&m).dot(&b.t());
                let logdet = 2.0 * crate::linalg::cholesky(image.view()).unwrap().diag().mapv(f64::ln).sum();
                image.diag().mapv(f64::ln).sum() - logdet
            };
            matrices.outer_iter().zip(&weights).map(|(m, w)| w * of(m)).sum::<f64>() / weights.iter().sum::<f64>()
        };
        let (ours, theirs) = (criterion(&b), criterion(&matrix(&case["filters"])));
        assert!((ours - theirs).abs() < 1e-8 && ours > 0.0, "{ours} against {theirs}");
    }
}
