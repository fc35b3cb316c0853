//! Cholesky factors of small dense matrices, in place on row-major slices: nothing is allocated, so they fit into loops over many groups.

/// Replaces the lower triangle of a symmetric matrix (n, n) by its Cholesky factor; the upper triangle is neither read nor written.
///
/// `false` where a pivot is not positive: the matrix is not positive definite to working precision, and the slice holds nothing of use.
pub fn factor(a: &mut [f64], n: usize) -> bool {
    for j in 0..n {
        for k in 0..j {
            let ljk = a[j * n + k];
            for i in j..n {
                a[i * n + j] -= a[i * n + k] * ljk;
            }
        }
        let pivot = a[j * n + j];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let root = pivot.sqrt();
        (j..n).for_each(|i| a[i * n + j] /= root);
    }
    true
}

/// `b <- L^-1 b`.
pub fn solve_lower(l: &[f64], n: usize, b: &mut [f64]) {
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[i * n + k] * b[k]).sum();
        b[i] = (b[i] - known) / l[i * n + i];
    }
}

/// `b <- L^-T b`.
pub fn solve_upper(l: &[f64], n: usize, b: &mut [f64]) {
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / l[i * n + i];
    }
}

/// `b <- A^-1 b` for `A = L L'`.
pub fn solve(l: &[f64], n: usize, b: &mut [f64]) {
    solve_lower(l, n, b);
    solve_upper(l, n, b);
}

/// `out (n, n) <- A^-1` for `A = L L'`.
pub fn inverse(l: &[f64], n: usize, out: &mut [f64]) {
    out.fill(0.0);
    for i in 0..n {
        let row = &mut out[i * n..(i + 1) * n];
        row[i] = 1.0;
        solve(l, n, row);
    }
}

/// `ln |A|` for `A = L L'`.
pub fn log_determinant(l: &[f64], n: usize) -> f64 {
    2.0 * (0..n).map(|i| l[i * n + i].ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_by_hand() {
        // A = L L' with L = [[2, 0, 0], [1, 3, 0], [-1, 2, 1]].
        let a = [4.0, 9.0, 9.0, 2.0, 10.0, 9.0, -2.0, 5.0, 6.0];
        let mut l = a;
        assert!(factor(&mut l, 3));
        for (i, j, expected) in [(0, 0, 2.0), (1, 0, 1.0), (1, 1, 3.0), (2, 0, -1.0), (2, 1, 2.0), (2, 2, 1.0)] {
            assert!((l[i * 3 + j] - expected).abs() < 1e-15);
        }
        assert!((log_determinant(&l, 3) - 36f64.ln()).abs() < 1e-14);
        let full = [4.0, 2.0, -2.0, 2.0, 10.0, 5.0, -2.0, 5.0, 6.0];
        let mut inverted = [0.0; 9];
        inverse(&l, 3, &mut inverted);
        for i in 0..3 {
            for j in 0..3 {
                let entry: f64 = (0..3).map(|k| full[i * 3 + k] * inverted[k * 3 + j]).sum();
                assert!((entry - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
        let mut b = [0.0, 17.0, 9.0];
        solve(&l, 3, &mut b);
        let back: f64 = (0..3).map(|k| full[3 + k] * b[k]).sum();
        assert!((back - 17.0).abs() < 1e-13);
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert!(!factor(&mut [1.0, 2.0, 2.0, 1.0], 2));
        assert!(!factor(&mut [f64::NAN], 1) && !factor(&mut [0.0], 1));
        assert!(factor(&mut [], 0));
    }
}
