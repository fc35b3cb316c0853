use super::*;
use crate::reference::{close, matrix, reference, stack, vector};
use elinvar_core::random::stream;
use proptest::prelude::*;
use rand::RngExt;

fn ctx() -> Context {
    Context::new(0).with_threads(1)
}

/// Random SPD matrices with eigenvalues of several magnitudes.
fn random_stack(n: usize, size: usize, seed: u64) -> Array3<f64> {
    let mut random = stream(seed, &[]);
    let mut matrices = Array3::zeros((n, size, size));
    for mut matrix in matrices.outer_iter_mut() {
        let x = Array2::from_shape_fn((size, 2 * size), |(i, _)| (1.0 + i as f64) * random.random_range(-1.0..1.0));
        matrix.assign(&(x.dot(&x.t()) / 10.0));
    }
    matrices
}

fn random_square(size: usize, seed: u64) -> Array2<f64> {
    let mut random = stream(seed, &[]);
    Array2::from_shape_fn((size, size), |(i, j)| random.random_range(-1.0..1.0) + if i == j { 2.0 } else { 0.0 })
}

fn congruent(stack: &Array3<f64>, a: &Array2<f64>) -> Array3<f64> {
    let mut moved = stack.clone();
    moved.outer_iter_mut().for_each(|mut m| {
        let image = a.dot(&m).dot(&a.t());
        m.assign(&((&image + &image.t()) * 0.5));
    });
    moved
}

fn geometric(stack: &Array3<f64>) -> Array2<f64> {
    let found = mean(Metric::AffineInvariant, stack.view(), None, &MeanSettings::default(), &ctx()).unwrap();
    assert_eq!(found.status, Status::Converged);
    found.matrix
}

#[test]
fn agrees_with_pyriemann() {
    for case in reference()["spd"].as_array().unwrap() {
        let matrices = stack(&case["matrices"]);
        let (a, b) = (matrices.index_axis(Axis(0), 0), matrices.index_axis(Axis(0), 1));
        let number = |name: &str| case[name].as_f64().unwrap();
        assert!((distance(Metric::AffineInvariant, a, b).unwrap() - number("distance_riemann")).abs() < 1e-10);
        assert!((distance(Metric::LogEuclidean, a, b).unwrap() - number("distance_logeuclid")).abs() < 1e-10);
        close(&geometric(&matrices), &matrix(&case["mean_riemann"]), 1e-7);
        let log_mean = mean(Metric::LogEuclidean, matrices.view(), None, &MeanSettings::default(), &ctx()).unwrap();
        close(&log_mean.matrix, &matrix(&case["mean_logeuclid"]), 1e-11);
        let reference = matrix(&case["mean_riemann"]);
        let tangent = |metric| TangentSpace::at(metric, reference.view()).unwrap().vectors(matrices.view(), &ctx()).unwrap();
        close(&tangent(Metric::AffineInvariant), &matrix(&case["tangent_riemann"]), 1e-9);
        close(&tangent(Metric::LogEuclidean), &matrix(&case["tangent_logeuclid"]), 1e-9);
        for (name, function) in [
            ("log", MatrixFunction::Log),
            ("exp", MatrixFunction::Exp),
            ("sqrt", MatrixFunction::Sqrt),
            ("inverse_sqrt", MatrixFunction::InverseSqrt),
        ] {
            let found = map(matrices.slice_axis(Axis(0), (..1).into()), function, &ctx()).unwrap();
            close(&found.index_axis(Axis(0), 0).to_owned(), &matrix(&case[name]), 1e-10);
        }
        let to_mean = Reference::new(Metric::AffineInvariant, reference.view()).unwrap().distances(matrices.view(), &ctx()).unwrap();
        let expected = vector(&case["distances_to_mean"]);
        to_mean.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} against {b}"));
    }
}

#[test]
fn mean_of_two_is_the_midpoint_of_the_geodesic() {
    let pair = random_stack(2, 5, 1);
    let middle = geodesic(pair.index_axis(Axis(0), 0), pair.index_axis(Axis(0), 1), 0.5).unwrap();
    close(&geometric(&pair), &middle, 1e-7);
}

#[test]
fn mean_of_commuting_matrices_is_the_exponential_of_the_mean_logarithm() {
    let diagonals = [[1.0, 4.0, 0.5], [2.0, 0.25, 3.0], [9.0, 1.0, 1.0]];
    let mut matrices = Array3::zeros((3, 3, 3));
    for (mut matrix, diagonal) in matrices.outer_iter_mut().zip(diagonals) {
        matrix.diag_mut().assign(&Array1::from_iter(diagonal));
    }
    let expected = Array1::from_iter((0..3).map(|j| diagonals.iter().map(|d: &[f64; 3]| d[j].ln()).sum::<f64>() / 3.0)).mapv(f64::exp);
    close(&geometric(&matrices), &Array2::from_diag(&expected), 1e-8);
    let log_mean = mean(Metric::LogEuclidean, matrices.view(), None, &MeanSettings::default(), &ctx()).unwrap();
    close(&log_mean.matrix, &Array2::from_diag(&expected), 1e-13);
}

#[test]
fn a_start_changes_only_the_number_of_steps() {
    let matrices = random_stack(20, 6, 4);
    let cold = mean(Metric::AffineInvariant, matrices.view(), None, &MeanSettings::default(), &ctx()).unwrap();
    let near = mean(Metric::AffineInvariant, matrices.slice_axis(Axis(0), (..18).into()), None, &MeanSettings::default(), &ctx()).unwrap();
    let warm = mean(Metric::AffineInvariant, matrices.view(), Some(near.matrix.view()), &MeanSettings::default(), &ctx()).unwrap();
    close(&warm.matrix, &cold.matrix, 1e-7);
    assert!(warm.iterations <= cold.iterations && cold.iterations <= 12, "{} and {}", warm.iterations, cold.iterations);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let matrices = random_stack(37, 7, 2);
    let run = |threads| {
        let ctx = Context::new(0).with_threads(threads);
        let found = mean(Metric::AffineInvariant, matrices.view(), None, &MeanSettings::default(), &ctx).unwrap().matrix;
        let vectors = TangentSpace::at(Metric::AffineInvariant, found.view()).unwrap().vectors(matrices.view(), &ctx).unwrap();
        (found, vectors)
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn an_iteration_cap_is_a_status() {
    let settings = MeanSettings { max_iterations: 1, ..MeanSettings::default() };
    let found = mean(Metric::AffineInvariant, random_stack(5, 4, 3).view(), None, &settings, &ctx()).unwrap();
    assert_eq!((found.status, found.iterations), (Status::IterationLimit, 1));
}

#[test]
fn bad_matrices_are_named() {
    let mut matrices = random_stack(3, 3, 5);
    matrices[[2, 0, 1]] = 7.5;
    let message =
        |stack: &Array3<f64>| mean(Metric::AffineInvariant, stack.view(), None, &MeanSettings::default(), &ctx()).unwrap_err().to_string();
    assert!(message(&matrices).starts_with("matrix 2 must be symmetric, got 7.5 and "), "{}", message(&matrices));
    matrices[[1, 2, 2]] = f64::NAN;
    assert_eq!(message(&matrices), "matrix 1 contains NaN at row 2, column 2; entries must be finite");
    let mut singular = random_stack(3, 2, 6);
    singular.index_axis_mut(Axis(0), 1).fill(1.0);
    assert!(message(&singular).starts_with("matrix 1 must be positive definite, got smallest eigenvalue"), "{}", message(&singular));
    assert!(message(&Array3::zeros((0, 2, 2))).contains("must have shape (n, P, P)"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn affine_invariance(size in 1_usize..6, seed in 0_u64..1000) {
        let (matrices, a) = (random_stack(4, size, seed), random_square(size, seed + 1));
        let moved = congruent(&matrices, &a);
        let first = |stack: &Array3<f64>| {
            distance(Metric::AffineInvariant, stack.index_axis(Axis(0), 0), stack.index_axis(Axis(0), 1)).unwrap()
        };
        prop_assert!((first(&matrices) - first(&moved)).abs() <= 1e-7 * (1.0 + first(&matrices)));
        let image = congruent(&geometric(&matrices).insert_axis(Axis(0)), &a);
        close(&geometric(&moved), &image.index_axis(Axis(0), 0).to_owned(), 1e-6);
    }

    #[test]
    fn inversion_and_norms_keep_distances(size in 1_usize..6, seed in 0_u64..1000) {
        let matrices = random_stack(2, size, seed);
        let (a, b) = (matrices.index_axis(Axis(0), 0), matrices.index_axis(Axis(0), 1));
        let inverse = |m: ArrayView2<'_, f64>| symmetric_map(m, |value| 1.0 / value).unwrap();
        let straight = distance(Metric::AffineInvariant, a, b).unwrap();
        let turned = distance(Metric::AffineInvariant, inverse(a).view(), inverse(b).view()).unwrap();
        prop_assert!((straight - turned).abs() <= 1e-7 * (1.0 + straight));
        for metric in [Metric::AffineInvariant, Metric::LogEuclidean] {
            let space = TangentSpace::at(metric, a).unwrap();
            let vectors = space.vectors(matrices.view(), &ctx()).unwrap();
            let length = vectors.row(1).dot(&vectors.row(1)).sqrt();
            prop_assert!((length - distance(metric, a, b).unwrap()).abs() <= 1e-8 * (1.0 + length));
            let back = space.matrices(vectors.view(), &ctx()).unwrap();
            close(&back.index_axis(Axis(0), 1).to_owned(), &b.to_owned(), 1e-8);
        }
    }
}
