//! Dense linear algebra on ndarray types; the only place that calls faer. Everything runs on the caller's thread.

use crate::simd::Real;
use elinvar_core::{Error, Result};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par, Side};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, Slice};

/// Element types of matrix products.
pub trait MatrixElement: faer::traits::ComplexField {}
impl MatrixElement for f32 {}
impl MatrixElement for f64 {}

/// A row-major matrix inside a slice; `stride` numbers lie between the starts of two rows.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
}

impl<'a, T> Rows<'a, T> {
    fn view(self) -> MatRef<'a, T> {
        MatRef::from_row_major_slice_with_stride(self.data, self.rows, self.columns, self.stride)
    }
}

/// `target (k, d) += left (n, k)^T right (n, d)`, `target` dense and row-major.
pub(crate) fn add_transposed_product<T: Real>(target: &mut [T], left: Rows<'_, T>, right: Rows<'_, T>) {
    let target = MatMut::from_row_major_slice_mut(target, left.columns, right.columns);
    matmul(target, Accum::Add, left.view().transpose(), right.view(), T::ONE, Par::Seq);
}

/// Matrix product `left (n, k) right (k, d)`.
///
/// # Errors
/// The inner dimensions differ.
pub fn product<T: Real>(left: ArrayView2<'_, T>, right: ArrayView2<'_, T>) -> Result<Array2<T>> {
    if left.ncols() != right.nrows() {
        let message = format!("a matrix product needs equal inner dimensions, got {:?} times {:?}", left.dim(), right.dim());
        return Err(Error::input(message));
    }
    let (left, right) = (left.as_standard_layout(), right.as_standard_layout());
    let mut target = vec![T::ZERO; left.nrows() * right.ncols()];
    let view = MatMut::from_row_major_slice_mut(&mut target, left.nrows(), right.ncols());
    matmul(view, Accum::Replace, dense(&left)?, dense(&right)?, T::ONE, Par::Seq);
    Array2::from_shape_vec((left.nrows(), right.ncols()), target).map_err(|e| Error::internal(e.to_string()))
}

/// `target (n, d) <- factor * left (n, k) right (k, d)`, added to what `target` holds when `accumulate`.
///
/// Row-major matrices and transposes of row-major ones are used where they lie; others are copied first.
///
/// # Errors
/// The shapes do not fit together, or `target` is not row-major.
pub fn product_into<T: Real>(
    mut target: ArrayViewMut2<'_, T>,
    accumulate: bool,
    factor: T,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
) -> Result<()> {
    let (rows, columns) = target.dim();
    if left.dim() != (rows, right.nrows()) || right.ncols() != columns {
        let message = format!("a matrix product must fit its target, got {:?} times {:?} into {:?}", left.dim(), right.dim(), target.dim());
        return Err(Error::input(message));
    }
    let slice = target.as_slice_mut().ok_or_else(|| Error::internal("the target of a product must be row-major"))?;
    let target = MatMut::from_row_major_slice_mut(slice, rows, columns);
    let accumulate = if accumulate { Accum::Add } else { Accum::Replace };
    let (left_copy, right_copy) = (copy_unless_dense(left), copy_unless_dense(right));
    matmul(target, accumulate, either_major(left_copy.view())?, either_major(right_copy.view())?, factor, Par::Seq);
    Ok(())
}

/// The matrix itself when it or its transpose is row-major, else a row-major copy.
fn copy_unless_dense<T: Real>(matrix: ArrayView2<'_, T>) -> CowArray<'_, T, Ix2> {
    let dense = matrix.is_standard_layout() || matrix.t().is_standard_layout();
    if dense { CowArray::from(matrix) } else { CowArray::from(matrix.as_standard_layout().into_owned()) }
}

/// A matrix that is row-major or the transpose of a row-major one.
fn either_major<T>(matrix: ArrayView2<'_, T>) -> Result<MatRef<'_, T>> {
    let (rows, columns) = matrix.dim();
    if let Some(slice) = matrix.to_slice() {
        return Ok(MatRef::from_row_major_slice(slice, rows, columns));
    }
    let transposed = matrix.reversed_axes();
    let slice = transposed.to_slice().ok_or_else(|| Error::internal("matrix is not contiguous"))?;
    Ok(MatRef::from_row_major_slice(slice, columns, rows).transpose())
}

fn dense<'a, T>(matrix: &'a CowArray<'_, T, Ix2>) -> Result<MatRef<'a, T>> {
    let slice = matrix.as_slice().ok_or_else(|| Error::internal("matrix is not contiguous"))?;
    Ok(MatRef::from_row_major_slice(slice, matrix.nrows(), matrix.ncols()))
}

fn to_array(matrix: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((matrix.nrows(), matrix.ncols()), |(i, j)| matrix[(i, j)])
}

fn check_finite(matrix: ArrayView2<'_, f64>, what: &str) -> Result<()> {
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((i, j), value)) => Err(Error::numeric(format!("{what} needs finite entries, got {value} at row {i}, column {j}"))),
        None => Ok(()),
    }
}

fn check_square(matrix: ArrayView2<'_, f64>, what: &str) -> Result<()> {
    if matrix.nrows() != matrix.ncols() {
        return Err(Error::input(format!("{what} needs a square matrix, got {} rows and {} columns", matrix.nrows(), matrix.ncols())));
    }
    check_finite(matrix, what)
}

/// Eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix; only the lower triangle is read.
///
/// # Errors
/// The matrix is not square or not finite, or the iteration failed.
pub fn symmetric_eigen(matrix: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    check_square(matrix, "an eigendecomposition")?;
    let matrix = matrix.as_standard_layout();
    let eigen = dense(&matrix)?
        .self_adjoint_eigen(Side::Lower)
        .map_err(|e| Error::numeric(format!("the symmetric eigendecomposition did not converge: {e:?}")))?;
    let values = eigen.S().column_vector();
    Ok((Array1::from_shape_fn(matrix.nrows(), |i| values[i]), to_array(eigen.U())))
}

/// Eigenvalues (ascending) of a symmetric matrix; only the lower triangle is read.
///
/// # Errors
/// As for [`symmetric_eigen`].
pub fn symmetric_eigenvalues(matrix: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
    check_square(matrix, "an eigendecomposition")?;
    let matrix = matrix.as_standard_layout();
    let values = dense(&matrix)?.self_adjoint_eigenvalues(Side::Lower);
    values.map_err(|e| Error::numeric(format!("the symmetric eigendecomposition did not converge: {e:?}")))
}

/// Room for the eigendecompositions of many symmetric matrices of one size.
pub(crate) struct EigenSolver {
    values: faer::diag::Diag<f64>,
    vectors: faer::Mat<f64>,
    scaled: faer::Mat<f64>,
    memory: faer::dyn_stack::MemBuffer,
}

impl EigenSolver {
    pub(crate) fn new(size: usize) -> Self {
        use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd_scratch};
        let room = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, Default::default());
        let square = || faer::Mat::zeros(size, size);
        let memory = faer::dyn_stack::MemBuffer::new(room);
        Self { values: faer::diag::Diag::zeros(size), vectors: square(), scaled: square(), memory }
    }

    /// Eigenvalues (ascending) of a row-major symmetric matrix, and its eigenvectors when asked for.
    fn decompose(&mut self, matrix: &[f64], with_vectors: bool) -> Result<&[f64]> {
        let size = self.values.dim();
        if let Some(at) = matrix.iter().position(|value| !value.is_finite()) {
            let (row, column) = (at / size, at % size);
            return Err(Error::numeric(format!(
                "an eigendecomposition needs finite entries, got {} at row {row}, column {column}",
                matrix[at]
            )));
        }
        let vectors = with_vectors.then(|| self.vectors.as_mut());
        let stack = faer::dyn_stack::MemStack::new(&mut self.memory);
        let matrix = MatRef::from_row_major_slice(matrix, size, size);
        faer::linalg::evd::self_adjoint_evd(matrix, self.values.as_mut(), vectors, Par::Seq, stack, Default::default())
            .map_err(|e| Error::numeric(format!("the symmetric eigendecomposition did not converge: {e:?}")))?;
        self.found()
    }

    /// The eigenvalues of the last decomposition.
    fn found(&self) -> Result<&[f64]> {
        let values = self.values.column_vector().try_as_col_major().map(|values| values.as_slice());
        values.ok_or_else(|| Error::internal("eigenvalues are not contiguous"))
    }

    /// Eigenvalues (ascending) of a row-major symmetric matrix.
    pub(crate) fn values(&mut self, matrix: &[f64]) -> Result<&[f64]> {
        self.decompose(matrix, false)
    }

    /// `target <- V diag(map(lambda)) V^T`, row-major; the eigenvalues come back.
    pub(crate) fn map(&mut self, matrix: &[f64], map: impl Fn(f64) -> f64, target: &mut [f64]) -> Result<&[f64]> {
        self.decompose(matrix, true)?;
        let size = self.values.dim();
        for j in 0..size {
            let factor = map(self.values.column_vector()[j]);
            let (source, column) = (self.vectors.col(j), self.scaled.col_mut(j));
            column.iter_mut().zip(source.iter()).for_each(|(scaled, vector)| *scaled = vector * factor);
        }
        let target = MatMut::from_row_major_slice_mut(target, size, size);
        matmul(target, Accum::Replace, self.scaled.as_ref(), self.vectors.as_ref().transpose(), 1.0, Par::Seq);
        self.found()
    }
}

/// `target <- left middle left^T` for row-major square matrices; `room` holds the first product.
pub(crate) fn congruence(left: &[f64], middle: &[f64], size: usize, room: &mut [f64], target: &mut [f64]) {
    let square = |slice| MatRef::from_row_major_slice(slice, size, size);
    matmul(MatMut::from_row_major_slice_mut(room, size, size), Accum::Replace, square(left), square(middle), 1.0, Par::Seq);
    let target = MatMut::from_row_major_slice_mut(target, size, size);
    matmul(target, Accum::Replace, square(room), square(left).transpose(), 1.0, Par::Seq);
}

/// Lower Cholesky factor of a symmetric positive definite matrix, or nothing where it is not positive definite.
pub fn cholesky(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let matrix = matrix.as_standard_layout();
    let factor = dense(&matrix).ok()?.llt(Side::Lower).ok()?;
    Some(to_array(factor.L()))
}

/// Inverse of a lower triangular matrix.
///
/// # Errors
/// A zero on the diagonal.
pub fn invert_lower(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    if let Some(row) = matrix.diag().iter().position(|value| *value == 0.0) {
        return Err(Error::numeric(format!("a triangular matrix with 0 on the diagonal (row {row}) has no inverse")));
    }
    let n = matrix.nrows();
    let mut inverse = Array2::<f64>::eye(n);
    let standard = matrix.as_standard_layout();
    let slice = inverse.as_slice_mut().ok_or_else(|| Error::internal("matrix is not contiguous"))?;
    let target = MatMut::from_row_major_slice_mut(slice, n, n);
    faer::linalg::triangular_solve::solve_lower_triangular_in_place(dense(&standard)?, target, Par::Seq);
    Ok(inverse)
}

/// Generalised symmetric eigenproblem `a v = lambda b v` with `b` positive definite: eigenvalues (ascending) and vectors (columns) with
/// `v' b v = 1`.
///
/// # Errors
/// `b` is not positive definite, or shapes differ.
pub fn generalised_symmetric_eigen(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let factor = cholesky(b).ok_or_else(|| Error::numeric("the second matrix of a generalised eigenproblem is not positive definite"))?;
    let inverse = invert_lower(factor.view())?;
    let whitened = product(product(inverse.view(), a)?.view(), inverse.t())?;
    let (values, vectors) = symmetric_eigen(whitened.view())?;
    Ok((values, product(inverse.t(), vectors.view())?))
}

/// `V diag(map(lambda)) V^T` of a symmetric matrix: a function of a matrix by its eigenvalues.
///
/// # Errors
/// As for [`symmetric_eigen`].
pub fn symmetric_map(matrix: ArrayView2<'_, f64>, map: impl Fn(f64) -> f64) -> Result<Array2<f64>> {
    let (values, vectors) = symmetric_eigen(matrix)?;
    let scaled = &vectors * &values.mapv(map);
    product(scaled.view(), vectors.t())
}

/// Symmetric square root of a positive semidefinite matrix; eigenvalues that rounding made negative count as 0.
///
/// # Errors
/// As for [`symmetric_eigen`].
pub fn spd_sqrt(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    symmetric_map(matrix, |value| value.max(0.0).sqrt())
}

/// Symmetric square root of the inverse of a positive definite matrix.
///
/// # Errors
/// As for [`symmetric_eigen`]; and a numeric error for a matrix that is singular to working precision.
pub fn spd_inverse_sqrt(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let (values, vectors) = symmetric_eigen(matrix)?;
    let largest = values.last().copied().unwrap_or(0.0);
    let floor = largest * f64::EPSILON * values.len() as f64;
    let smallest = values.first().copied().unwrap_or(f64::INFINITY);
    if smallest.is_nan() || smallest <= floor {
        let message = format!("matrix must be positive definite, got smallest eigenvalue {smallest:.3e} beside {largest:.3e}");
        return Err(Error::numeric(message).hint("drop constant or collinear columns, or give more rows"));
    }
    let scaled = &vectors * &values.mapv(|value| 1.0 / value.sqrt());
    product(scaled.view(), vectors.t())
}

/// Solves `matrix (n, n) x = right (n, k)` by LU with partial pivoting.
///
/// # Errors
/// Shapes do not fit, an entry is not finite, or the matrix is singular.
pub fn solve(matrix: ArrayView2<'_, f64>, right: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    use faer::prelude::Solve;
    check_square(matrix, "a linear solve")?;
    if right.nrows() != matrix.nrows() {
        let message = format!("a linear solve needs as many rows on both sides, got {} and {}", matrix.nrows(), right.nrows());
        return Err(Error::input(message));
    }
    let (matrix, right) = (matrix.as_standard_layout(), right.as_standard_layout());
    let solution = to_array(dense(&matrix)?.partial_piv_lu().solve(dense(&right)?).as_ref());
    if solution.iter().any(|value| !value.is_finite()) {
        return Err(Error::numeric("the matrix of a linear solve is singular").hint("drop collinear columns or add a ridge"));
    }
    Ok(solution)
}

/// Thin singular value decomposition: `u (m, k)`, `s (k)` descending, `v (n, k)` with `matrix = u diag(s) v^T`, k = min(m, n).
pub struct Svd {
    /// Left singular vectors in columns.
    pub u: Array2<f64>,
    /// Singular values, descending.
    pub s: Array1<f64>,
    /// Right singular vectors in columns.
    pub v: Array2<f64>,
}

/// Thin singular value decomposition.
///
/// Should the iteration fail, the eigendecomposition of the smaller Gram matrix takes its place (small singular values then have only
/// half of the digits).
///
/// # Errors
/// An entry is not finite, or both ways failed.
pub fn svd(matrix: ArrayView2<'_, f64>) -> Result<Svd> {
    check_finite(matrix, "a singular value decomposition")?;
    let standard = matrix.as_standard_layout();
    match dense(&standard)?.thin_svd() {
        Ok(svd) => {
            let values = svd.S().column_vector();
            let count = standard.nrows().min(standard.ncols());
            Ok(Svd { u: to_array(svd.U()), s: Array1::from_shape_fn(count, |i| values[i]), v: to_array(svd.V()) })
        }
        Err(_) => svd_by_gram(matrix),
    }
}

fn svd_by_gram(matrix: ArrayView2<'_, f64>) -> Result<Svd> {
    if matrix.nrows() < matrix.ncols() {
        let transposed = svd_by_gram(matrix.t())?;
        return Ok(Svd { u: transposed.v, s: transposed.s, v: transposed.u });
    }
    let (values, vectors) = symmetric_eigen(product(matrix.t(), matrix)?.view())?;
    // Eigenvalues ascend, singular values descend.
    let descending = Slice::from(..).step_by(-1);
    let s = values.slice_axis(Axis(0), descending).mapv(|value| value.max(0.0).sqrt());
    let v = vectors.slice_axis(Axis(1), descending).to_owned();
    let inverse = s.mapv(|value| if value > 0.0 { 1.0 / value } else { 0.0 });
    let u = product(matrix, v.view())? * &inverse;
    Ok(Svd { u, s, v })
}

/// Eigenvalues and right eigenvectors of a real square matrix.
pub struct Eigen {
    /// Real and imaginary parts of the eigenvalues; of a complex pair the one with the positive imaginary part comes first.
    pub values: Vec<[f64; 2]>,
    /// Real and imaginary parts of the eigenvectors, in columns.
    pub vectors: [Array2<f64>; 2],
}

/// Eigendecomposition of a real square matrix.
///
/// # Errors
/// The matrix is not square or not finite, or the iteration failed.
pub fn eigen(matrix: ArrayView2<'_, f64>) -> Result<Eigen> {
    check_square(matrix, "an eigendecomposition")?;
    let (n, standard) = (matrix.nrows(), matrix.as_standard_layout());
    let eigen = faer::linalg::solvers::Eigen::new_from_real(dense(&standard)?)
        .map_err(|e| Error::numeric(format!("the eigendecomposition did not converge: {e:?}")))?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    Ok(Eigen {
        values: (0..n).map(|k| [values[k].re, values[k].im]).collect(),
        vectors: [Array2::from_shape_fn((n, n), |(i, j)| vectors[(i, j)].re), Array2::from_shape_fn((n, n), |(i, j)| vectors[(i, j)].im)],
    })
}

/// Orthonormal columns (m, k) that span those of `matrix (m, k)`, k <= m, one after the other (QR with a positive diagonal of R).
///
/// # Errors
/// An entry is not finite, or more columns than rows.
pub fn orthonormal_basis(matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    check_finite(matrix, "an orthonormal basis")?;
    let (rows, columns) = matrix.dim();
    if columns > rows {
        return Err(Error::input(format!("an orthonormal basis needs at most as many columns as rows, got {columns} and {rows}")));
    }
    let standard = matrix.as_standard_layout();
    let qr = dense(&standard)?.qr();
    let (basis, upper) = (to_array(qr.compute_thin_Q().as_ref()), qr.R());
    let sign = Array1::from_shape_fn(columns, |j| if upper[(j, j)] < 0.0 { -1.0 } else { 1.0 });
    Ok(basis * &sign)
}

/// Sum of the singular values.
///
/// # Errors
/// As for [`svd`].
pub fn nuclear_norm(matrix: ArrayView2<'_, f64>) -> Result<f64> {
    Ok(svd(matrix)?.s.sum())
}

/// Mean (d) and covariance (d, d; divisor n - 1) of the rows of `x (n, d)`.
///
/// # Errors
/// Fewer than two rows.
pub fn mean_and_covariance(x: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let mean = match x.mean_axis(Axis(0)) {
        Some(mean) if x.nrows() >= 2 => mean,
        _ => return Err(Error::input(format!("a covariance needs at least 2 rows, got {}", x.nrows()))),
    };
    let centred = &x - &mean;
    let covariance = product(centred.t(), centred.view())? / (x.nrows() - 1) as f64;
    Ok((mean, covariance))
}

/// `matrix (n, d) vector (d)`.
///
/// # Errors
/// The lengths differ.
pub fn apply(matrix: ArrayView2<'_, f64>, vector: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
    if matrix.ncols() != vector.len() {
        return Err(Error::input(format!("a product needs {} numbers, got {}", matrix.ncols(), vector.len())));
    }
    Ok(matrix.dot(&vector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn spd() -> Array2<f64> {
        array![[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]]
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(a.dim() == b.dim() && worst <= tolerance, "differ by {worst}");
    }

    #[test]
    fn roots_multiply_back() {
        let root = spd_sqrt(spd().view()).unwrap();
        close(&root.dot(&root), &spd(), 1e-13);
        let inverse = spd_inverse_sqrt(spd().view()).unwrap();
        close(&inverse.dot(&spd()).dot(&inverse), &Array2::eye(3), 1e-13);
        let singular = array![[1.0, 1.0], [1.0, 1.0]];
        let message = spd_inverse_sqrt(singular.view()).unwrap_err().to_string();
        assert!(message.starts_with("matrix must be positive definite"), "{message}");
    }

    #[test]
    fn product_into_takes_every_layout_and_accumulates() {
        let left = Array2::from_shape_fn((4, 3), |(i, j)| (i as f64 + 0.3 * j as f64).sin());
        let right = Array2::from_shape_fn((3, 5), |(i, j)| (0.7 * i as f64 - j as f64).cos());
        let exact = left.dot(&right);
        let turned = |matrix: &Array2<f64>| matrix.t().as_standard_layout().into_owned();
        let (left_turned, right_turned) = (turned(&left), turned(&right));
        let wide = Array2::from_shape_fn((4, 6), |(i, j)| if j % 2 == 0 { left[[i, j / 2]] } else { f64::NAN });
        for left in [left.view(), left_turned.t(), wide.slice_axis(Axis(1), Slice::from(..).step_by(2))] {
            for right in [right.view(), right_turned.t()] {
                let mut target = Array2::from_elem((4, 5), 1.0);
                product_into(target.view_mut(), true, 2.0, left, right).unwrap();
                close(&target, &(&exact * 2.0 + 1.0), 1e-14);
                product_into(target.view_mut(), false, 1.0, left, right).unwrap();
                close(&target, &exact, 1e-14);
            }
        }
        let mut target = Array2::zeros((4, 4));
        let message = product_into(target.view_mut(), false, 1.0, left.view(), right.view()).unwrap_err().to_string();
        assert_eq!(message, "a matrix product must fit its target, got (4, 3) times (3, 5) into (4, 4)");
    }

    #[test]
    fn product_handles_transposed_views_and_refuses_wrong_shapes() {
        let a = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(product(a.t(), a.view()).unwrap(), a.t().dot(&a));
        assert!(product(a.view(), a.view()).is_err());
    }

    #[test]
    fn solve_inverts_and_names_singular() {
        let right = array![[1.0], [2.0], [3.0]];
        let x = solve(spd().view(), right.view()).unwrap();
        close(&spd().dot(&x), &right, 1e-13);
        let singular = array![[1.0, 2.0], [2.0, 4.0]];
        assert!(solve(singular.view(), array![[1.0], [1.0]].view()).unwrap_err().to_string().contains("singular"));
    }

    #[test]
    fn svd_and_its_fallback_agree() {
        let m = array![[1.0, 2.0, 0.0, -1.0], [0.5, -1.0, 2.0, 3.0], [2.0, 0.1, 0.2, 0.3]];
        for decomposition in [svd(m.view()).unwrap(), svd_by_gram(m.view()).unwrap()] {
            let back = (&decomposition.u * &decomposition.s).dot(&decomposition.v.t());
            close(&back, &m, 1e-12);
        }
        assert!((nuclear_norm(array![[3.0, 0.0], [0.0, -4.0]].view()).unwrap() - 7.0).abs() < 1e-14);
        assert!(svd(array![[f64::NAN]].view()).is_err());
    }

    #[test]
    fn covariance_matches_the_definition() {
        let x = array![[1.0, 2.0], [3.0, 1.0], [5.0, 6.0]];
        let (mean, covariance) = mean_and_covariance(x.view()).unwrap();
        assert_eq!(mean, array![3.0, 3.0]);
        close(&covariance, &array![[4.0, 4.0], [4.0, 7.0]], 1e-14);
        assert!(mean_and_covariance(x.slice_axis(Axis(0), Slice::from(..1))).is_err());
    }

    #[test]
    fn eigenvectors_and_bases_are_what_they_say() {
        let matrix = Array2::from_shape_fn((6, 6), |(i, j)| (((i * 6 + j) as f64).powi(2) * 0.37).sin());
        let Eigen { values, vectors: [real, imaginary] } = eigen(matrix.view()).unwrap();
        assert!(values.iter().any(|v| v[1] > 0.1), "{values:?}");
        for (k, [a, b]) in values.iter().enumerate() {
            let (x, y) = (real.column(k), imaginary.column(k));
            let (mx, my) = (matrix.dot(&x), matrix.dot(&y));
            for i in 0..6 {
                assert!((mx[i] - (a * x[i] - b * y[i])).abs() < 1e-12 && (my[i] - (a * y[i] + b * x[i])).abs() < 1e-12);
            }
        }
        assert!((values.iter().map(|v| v[0]).sum::<f64>() - matrix.diag().sum()).abs() < 1e-12);
        let basis = orthonormal_basis(matrix.slice_axis(Axis(1), Slice::from(..4))).unwrap();
        let gram = basis.t().dot(&basis);
        gram.indexed_iter().for_each(|((i, j), v)| assert!((v - if i == j { 1.0 } else { 0.0 }).abs() < 1e-12));
        let inside = basis.dot(&basis.t().dot(&matrix.column(3))) - matrix.column(3);
        assert!(inside.iter().all(|v| v.abs() < 1e-12) && basis.column(0).dot(&matrix.column(0)) > 0.0);
        assert!(orthonormal_basis(matrix.slice_axis(Axis(0), Slice::from(..3))).is_err());
    }
}
