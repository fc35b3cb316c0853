use super::*;
use crate::linalg::solve;
use crate::penalty::Penalty;
use elinvar_core::{Context, Status};
use ndarray::{Array1, Array2};

/// Standardised columns (divisor n) behind a column of ones: the small problem of the reference values.
fn small() -> (Array2<f64>, Array2<f64>) {
    let raw = Array2::from_shape_fn((30, 6), |(i, j)| {
        let (i, j) = ((i + 1) as f64, (j + 1) as f64);
        (0.73 * i * j + 0.3 * j).sin() + 0.2 * (1.9 * i).cos()
    });
    let mut x = Array2::ones((30, 7));
    for j in 0..6 {
        let column = raw.column(j);
        let mean = column.sum() / 30.0;
        let sd = (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 30.0).sqrt();
        x.column_mut(j + 1).assign(&column.mapv(|v| (v - mean) / sd));
    }
    let standardised = x.slice_axis(ndarray::Axis(1), ndarray::Slice::from(1..)).to_owned();
    (x, standardised)
}

fn linear_outcome(x: &Array2<f64>) -> Vec<f64> {
    (0..30).map(|i| 2.0 * x[[i, 0]] - 1.2 * x[[i, 2]] + 0.25 * x[[i, 4]] + 0.15 * (2.1 * (i + 1) as f64).cos() + 0.7).collect()
}

fn labels(x: &Array2<f64>) -> Vec<f64> {
    let noise = |i: usize| 2.0 * (3.3 * ((i + 1) * (i + 1)) as f64).sin();
    (0..30).map(|i| f64::from(u8::from(x[[i, 0]] - 0.8 * x[[i, 2]] + noise(i) > 0.0))).collect()
}

const FACTORS: [f64; 7] = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

fn algorithms() -> Vec<Algorithm> {
    let momenta = [Momentum::Optimal, Momentum::Restarted, Momentum::GhadimiLan];
    let accelerated = momenta.into_iter().flat_map(|m| [Algorithm::Accelerated(m), Algorithm::AcceleratedThenConjugate(m)]);
    [Algorithm::CoordinateDescent, Algorithm::ProximalGradient, Algorithm::ConjugateGradient].into_iter().chain(accelerated).collect()
}

fn exact(algorithm: Algorithm) -> Settings {
    Settings { algorithm, tolerance: 1e-12, max_iterations: 200_000, ..Settings::default() }
}

fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let worst = found.iter().zip(expected).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
    assert!(found.len() == expected.len() && worst <= tolerance, "{what}: {found:?} is {worst:.1e} from {expected:?}");
}

#[test]
fn linear_solutions_are_those_of_the_reference() {
    let (x, columns) = small();
    let y = linear_outcome(&columns);
    let (design, loss) = (Dense::new(x.view()), Squared::new(&y));
    let mcp = [0.7002047378, 1.9939317569, 0.0, -1.1371871198, 0.0, 0.0553573592, 0.0];
    let scad = [0.7002047378, 1.9942135235, 0.0, -1.1360181418, 0.0, 0.0368252000, 0.0];
    let cases = [(Penalty::mcp(3.0).unwrap(), mcp, 0.1513418298551), (Penalty::scad(3.7).unwrap(), scad, 0.2196815874920)];
    for (penalty, expected, objective) in cases {
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty, factors: &FACTORS };
        for algorithm in algorithms() {
            let mut ctx = Context::default();
            let mut session = Session::new(&problem, None, &ctx).unwrap();
            assert!((session.null_level(&mut ctx).unwrap() - 1.94103540807).abs() < 1e-10);
            let solution = session.solve(0.2, &exact(algorithm), &mut ctx).unwrap();
            assert_eq!(solution.status, Status::Converged, "{algorithm:?}");
            close(&solution.coefficients, &expected, 1e-9, &format!("{algorithm:?}"));
            assert!((solution.objective - objective).abs() < 1e-12, "{algorithm:?}: {}", solution.objective);
            assert!(solution.residual < 1e-10 && solution.coefficients[2] == 0.0);
            let margin = session.convexity_margin(&ctx).unwrap();
            // NumPy's smallest eigenvalue of the three active columns.
            assert!((margin + penalty.concavity() - 0.9285257969308319).abs() < 1e-10, "{margin}");
        }
    }
}

#[test]
fn logistic_solutions_are_those_of_the_reference() {
    let (x, columns) = small();
    let y = labels(&columns);
    assert_eq!(y.iter().sum::<f64>(), 13.0);
    let (design, loss) = (Dense::new(x.view()), Logistic::new(&y, None, 1.0 / 30.0).unwrap());
    let mcp = [-0.5460006483, 1.7311332337, 0.6507101891, -1.8572863312, -1.1306965843, -0.4486657186, 0.0];
    let scad = [-0.5765787117, 1.2859563159, 0.0257762036, -1.7783615829, -0.9151475416, -0.4984339207, 0.0];
    let cases = [(Penalty::mcp(3.0).unwrap(), mcp, 0.3814909148), (Penalty::scad(3.7).unwrap(), scad, 0.4020429225)];
    for (penalty, expected, objective) in cases {
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty, factors: &FACTORS };
        for algorithm in algorithms() {
            let mut ctx = Context::default();
            let mut session = Session::new(&problem, None, &ctx).unwrap();
            let solution = session.solve(0.05, &exact(algorithm), &mut ctx).unwrap();
            assert_eq!(solution.status, Status::Converged, "{algorithm:?}");
            assert!(solution.residual < 1e-9, "{algorithm:?}: {}", solution.residual);
            // Thresholding a majorised curvature below 1/(a - 1) jumps over the soft zone, to a lower stationary point.
            if algorithm == Algorithm::CoordinateDescent && solution.objective < objective - 1e-3 {
                continue;
            }
            assert!((solution.objective - objective).abs() < 1e-9, "{algorithm:?}: {}", solution.objective);
            close(&solution.coefficients, &expected, 1e-8, &format!("{algorithm:?}"));
        }
    }
}

#[test]
fn far_knots_give_the_lasso_and_level_zero_least_squares() {
    let (x, columns) = small();
    let y = linear_outcome(&columns);
    let (design, loss) = (Dense::new(x.view()), Squared::new(&y));
    let fit = |penalty: Penalty, lambda: f64| {
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty, factors: &FACTORS };
        let mut ctx = Context::default();
        Session::new(&problem, None, &ctx).unwrap().solve(lambda, &exact(Algorithm::CoordinateDescent), &mut ctx).unwrap().coefficients
    };
    let lasso = fit(Penalty::lasso(), 0.2);
    close(&fit(Penalty::mcp(1e9).unwrap(), 0.2), &lasso, 1e-6, "MCP");
    close(&fit(Penalty::scad(1e9).unwrap(), 0.2), &lasso, 1e-6, "SCAD");
    let y = Array1::from_vec(y.clone()).insert_axis(ndarray::Axis(1));
    let least = solve(x.t().dot(&x).view(), x.t().dot(&y).view()).unwrap();
    close(&fit(Penalty::mcp(3.0).unwrap(), 0.0), least.as_slice().unwrap(), 1e-9, "least squares");
}

#[test]
fn levels_from_the_greatest_on_leave_nothing() {
    let (x, columns) = small();
    for logistic in [false, true] {
        let y = if logistic { labels(&columns) } else { linear_outcome(&columns) };
        let design = Dense::new(x.view());
        let (squared, logit) = (Squared::new(&y), Logistic::new(&y, None, 1.0 / 30.0).unwrap());
        let loss: &dyn Loss = if logistic { &logit } else { &squared };
        for penalty in [Penalty::lasso(), Penalty::mcp(3.0).unwrap(), Penalty::scad(3.7).unwrap().with_l1_share(0.5).unwrap()] {
            let problem = Problem { design: &design, loss, offset: None, penalty, factors: &FACTORS };
            for algorithm in algorithms() {
                let mut ctx = Context::default();
                let mut session = Session::new(&problem, None, &ctx).unwrap();
                let level = session.null_level(&mut ctx).unwrap();
                let above = session.solve(1.000001 * level, &exact(algorithm), &mut ctx).unwrap();
                assert!(above.coefficients[1..].iter().all(|b| *b == 0.0) && above.coefficients[0] != 0.0);
                let below = session.solve(0.99 * level, &exact(algorithm), &mut ctx).unwrap();
                assert!(below.coefficients[1..].iter().any(|b| *b != 0.0));
            }
        }
    }
}

/// A wide problem whose columns are correlated.
fn wide(n: usize, p: usize) -> (Array2<f64>, Vec<f64>) {
    let mut x = Array2::zeros((n, p));
    for i in 0..n {
        for j in 0..p {
            let fresh = (12.9898 * (i + 1) as f64 + 78.233 * (j + 1) as f64 + 0.7 * (i * j) as f64).sin() * 43_758.545_3;
            let fresh = 2.0 * (fresh - fresh.floor()) - 1.0;
            x[[i, j]] = if j == 0 { fresh } else { 0.5 * x[[i, j - 1]] + fresh };
        }
    }
    let y = (0..n).map(|i| 3.0 * x[[i, 3]] - 2.0 * x[[i, p / 2]] + x[[i, p - 1]] + (1.7 * (i * i) as f64).sin()).collect();
    (x, y)
}

#[test]
fn screening_changes_nothing_and_gradient_methods_agree_with_coordinate_descent() {
    let (x, y) = wide(60, 200);
    let (design, loss, factors) = (Dense::new(x.view()), Squared::new(&y), vec![1.0; 200]);
    for penalty in [Penalty::lasso(), Penalty::mcp(3.0).unwrap(), Penalty::scad(3.7).unwrap()] {
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty, factors: &factors };
        let path = |algorithm, screening| {
            let mut ctx = Context::default();
            let mut session = Session::new(&problem, None, &ctx).unwrap();
            let greatest = session.null_level(&mut ctx).unwrap();
            let settings = Settings { screening, tolerance: 1e-10, max_iterations: 100_000, algorithm, ..Settings::default() };
            (1..=12)
                .map(|k| {
                    let lambda = greatest * 0.85_f64.powi(k);
                    let solution = session.solve(lambda, &settings, &mut ctx).unwrap();
                    assert!(solution.residual < 1e-8, "{algorithm:?} {}", solution.residual);
                    let kkt = optimality(&x, &y, &solution.coefficients, &penalty, lambda);
                    assert!(kkt < 1e-8, "{algorithm:?} {screening:?} level {k}: {kkt}");
                    solution.coefficients
                })
                .collect::<Vec<_>>()
        };
        let reference = path(Algorithm::CoordinateDescent, Screening::None);
        for algorithm in [Algorithm::CoordinateDescent, Algorithm::Accelerated(Momentum::Restarted), Algorithm::ConjugateGradient] {
            for (a, b) in reference.iter().zip(path(algorithm, Screening::Strong)) {
                close(&b, a, 1e-6, &format!("{algorithm:?}"));
            }
        }
    }
}

/// The largest violation of the optimality conditions, from the definition.
fn optimality(x: &Array2<f64>, y: &[f64], b: &[f64], penalty: &Penalty, lambda: f64) -> f64 {
    let residual = Array1::from_vec(y.to_vec()) - x.dot(&Array1::from_vec(b.to_vec()));
    let gradient = x.t().dot(&residual) / -(y.len() as f64);
    let condition = |(g, &b): (&f64, &f64)| match b == 0.0 {
        true => g.abs() - lambda,
        false => (g + penalty.smooth_slope(b, lambda) + lambda * b.signum()).abs(),
    };
    gradient.iter().zip(b).map(condition).fold(0.0, f64::max)
}

#[test]
fn half_of_the_gradient_discards_columns_that_belong() {
    let (x, y) = wide(60, 200);
    let (design, loss, factors) = (Dense::new(x.view()), Squared::new(&y), vec![1.0; 200]);
    let penalty = Penalty::mcp(3.0).unwrap();
    let problem = Problem { design: &design, loss: &loss, offset: None, penalty, factors: &factors };
    let worst = |screening| {
        let mut ctx = Context::default();
        let mut session = Session::new(&problem, None, &ctx).unwrap();
        let greatest = session.null_level(&mut ctx).unwrap();
        let settings = Settings { screening, ..exact(Algorithm::Accelerated(Momentum::Optimal)) };
        let level = |k: i32| greatest * (1.0 - 0.02 * f64::from(k));
        let violation = |k: i32| {
            let solution = session.solve(level(k), &settings, &mut ctx).unwrap();
            optimality(&x, &y, &solution.coefficients, &penalty, level(k))
        };
        (1..50).map(violation).fold(0.0, f64::max)
    };
    assert!(worst(Screening::Strong) < 1e-8 && worst(Screening::HalfStrong) > 1e-3);
}

#[test]
fn sparse_columns_with_shifts_are_their_dense_matrix() {
    let (n, p) = (40, 25);
    let dense = Array2::from_shape_fn((n, p), |(i, j)| if (3 * i + 7 * j) % 5 == 0 { ((i + 2 * j) as f64).sin() + 0.5 } else { 0.0 });
    let base: Vec<f64> = (0..n).map(|i| 1.0 + 0.1 * (i as f64).cos()).collect();
    let shifts: Vec<f64> = (0..p).map(|j| 0.1 * (j as f64).sin()).collect();
    let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
    for column in dense.columns() {
        for (i, &v) in column.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            rows.push(i as u32);
            values.push(v);
        }
        starts.push(values.len());
    }
    let shifted = Array2::from_shape_fn((n, p), |(i, j)| dense[[i, j]] - shifts[j] * base[i]);
    let sparse = SparseColumns::new(starts, rows, values, shifts, base).unwrap();
    let full = Dense::new(shifted.view());
    let y: Vec<f64> = (0..n).map(|i| shifted[[i, 3]] * 4.0 - shifted[[i, 11]] * 2.0 + 0.1 * (i as f64).sin()).collect();
    let loss = Squared::new(&y);
    let factors = vec![1.0; p];
    let fit = |design: &dyn Design| {
        let problem = Problem { design, loss: &loss, offset: None, penalty: Penalty::mcp(3.0).unwrap(), factors: &factors };
        let mut ctx = Context::default();
        Session::new(&problem, None, &ctx).unwrap().solve(0.02, &exact(Algorithm::CoordinateDescent), &mut ctx).unwrap().coefficients
    };
    close(&fit(&sparse), &fit(&full), 1e-9, "coefficients");
    let message = SparseColumns::new(vec![0, 1], vec![9], vec![1.0], vec![0.0], vec![1.0; 3]).unwrap_err().to_string();
    assert_eq!(message, "compressed columns name row 9, but there are 3 rows");
}

#[test]
fn results_do_not_depend_on_threads_or_on_the_order_and_sign_of_columns() {
    let (x, y) = wide(300, 2000);
    let factors = vec![1.0; 2000];
    let fit = |x: &Array2<f64>, threads: usize| {
        let (design, loss) = (Dense::new(x.view()), Squared::new(&y));
        let problem = Problem { design: &design, loss: &loss, offset: None, penalty: Penalty::scad(3.7).unwrap(), factors: &factors };
        let mut ctx = Context::default().with_threads(threads);
        let mut session = Session::new(&problem, None, &ctx).unwrap();
        let greatest = session.null_level(&mut ctx).unwrap();
        session.solve(0.3 * greatest, &exact(Algorithm::CoordinateDescent), &mut ctx).unwrap().coefficients
    };
    let one = fit(&x, 1);
    assert_eq!(one, fit(&x, 3));
    let turned = Array2::from_shape_fn(x.dim(), |(i, j)| -x[[i, 1999 - j]]);
    let back: Vec<f64> = fit(&turned, 1).iter().rev().map(|b| -b).collect();
    close(&back, &one, 1e-9, "turned");
}

#[test]
fn the_damping_sequence_is_the_papers() {
    let mut alpha = 1.0;
    for (k, expected) in [0.6180339887, 0.4558867801, 0.3636639571, 0.3035012194, 0.2609193849].into_iter().enumerate() {
        alpha = next_damping(alpha);
        assert!((alpha - expected).abs() < 1e-10 && alpha <= 2.0 / (k + 2) as f64);
    }
}

/// A smooth nonconvex function that needs a line search: logistic-like growth around a quartic valley.
fn valley() -> Closure<impl FnMut(&[f64], &mut [f64]) -> elinvar_core::Result<f64>> {
    Closure::new(3, |x: &[f64], g: &mut [f64]| {
        let (a, b, c) = (x[0] * x[0] - x[1], x[0] - 2.0, x[2] - 0.3);
        g.copy_from_slice(&[20.0 * a * x[0] + 2.0 * b, -10.0 * a, 2.0 * c]);
        Ok(5.0 * a * a + b * b + c * c)
    })
}

#[test]
fn objectives_fall_and_every_method_finds_a_stationary_point_without_a_constant() {
    let weights = [0.0, 0.0, 1.0];
    let settings = Iterations { tolerance: 1e-7, max_iterations: 20_000, step: Step::Backtracking(1.0), history: true };
    let start = [-1.0, 1.5, 4.0];
    let mut ctx = Context::default();
    let plain = proximal_gradient(&mut valley(), &weights, &start, &settings, &mut ctx).unwrap();
    let conjugate = conjugate_gradient(&mut valley(), &weights, &start, None, &settings, &mut ctx).unwrap();
    let scaled = conjugate_gradient(&mut valley(), &weights, &start, Some(&[0.3, 1.0, 2.0]), &settings, &mut ctx).unwrap();
    let accelerated = accelerated_gradient(&mut valley(), &weights, &start, Momentum::Optimal, &settings, &mut ctx).unwrap();
    for found in [&plain, &conjugate, &scaled, &accelerated] {
        assert_eq!(found.status, Status::Converged, "after {} iterations at {:?}", found.iterations, found.x);
        // The third coordinate is thresholded to exactly 0; the others reach the free minimum.
        close(&found.x, &[2.0, 4.0, 0.0], 1e-5, "valley");
        assert_eq!(found.x[2], 0.0);
    }
    for found in [&plain, &conjugate, &scaled] {
        assert!(found.history.windows(2).all(|w| w[1] <= w[0] + 1e-12));
    }
    assert!(conjugate.iterations < plain.iterations / 4, "{} against {}", conjugate.iterations, plain.iterations);
    let capped = Iterations { max_iterations: 2, ..settings };
    assert_eq!(conjugate_gradient(&mut valley(), &weights, &start, None, &capped, &mut ctx).unwrap().status, Status::IterationLimit);
}

#[test]
fn conjugate_gradient_leaves_bad_regions_and_refuses_bad_starts() {
    // -ln x + x^2/2 has its minimum at 1 and is infinite for x <= 0.
    let mut barrier = Closure::new(1, |x: &[f64], g: &mut [f64]| {
        g[0] = x[0] - 1.0 / x[0];
        Ok(if x[0] > 0.0 { 0.5 * x[0] * x[0] - x[0].ln() } else { f64::INFINITY })
    });
    let settings = Iterations { tolerance: 1e-10, max_iterations: 200, step: Step::Backtracking(4.0), history: false };
    let mut ctx = Context::default();
    let found = conjugate_gradient(&mut barrier, &[0.0], &[5.0], None, &settings, &mut ctx).unwrap();
    assert!((found.x[0] - 1.0).abs() < 1e-9 && found.status == Status::Converged);
    let message = conjugate_gradient(&mut barrier, &[0.0], &[-1.0], None, &settings, &mut ctx).unwrap_err().to_string();
    assert!(message.starts_with("the objective at the start is not finite"), "{message}");
    let message = conjugate_gradient(&mut barrier, &[0.0], &[1.0], Some(&[0.0]), &settings, &mut ctx).unwrap_err().to_string();
    assert_eq!(message, "a preconditioner needs 1 positive finite numbers");
}

#[test]
fn losses_have_the_slopes_and_curvatures_of_their_values() {
    let y: Vec<f64> = (0..20).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let weights: Vec<f64> = (0..20).map(|i| 0.5 + 0.1 * f64::from(i)).collect();
    let eta: Vec<f64> = (0..20).map(|i| 3.0 * f64::from(i).sin()).collect();
    let (squared, logistic) = (Squared::new(&y), Logistic::new(&y, Some(&weights), 1.0 / 20.0).unwrap());
    let losses: [&dyn Loss; 2] = [&squared, &logistic];
    for loss in losses {
        let mut residual = vec![0.0; 20];
        loss.evaluate(&eta, &mut residual);
        let mut ignored = vec![0.0; 20];
        for i in 0..20 {
            let mut moved = eta.clone();
            let mut at = |h: f64| {
                moved[i] = eta[i] + h;
                loss.evaluate(&moved, &mut ignored)
            };
            let h = 1e-4;
            let (up, down, here) = (at(h), at(-h), at(0.0));
            assert!(((up - down) / (2.0 * h) + residual[i]).abs() < 1e-9);
            let mut second = vec![0.0; 20];
            loss.second_derivatives(&eta, &mut second);
            assert!(((up - 2.0 * here + down) / (h * h) - second[i]).abs() < 1e-6 && second[i] <= loss.curvature() + 1e-15);
        }
    }
    let far = Logistic::new(&[1.0, 0.0], None, 1.0).unwrap().evaluate(&[-800.0, -800.0], &mut [0.0; 2]);
    assert_eq!(far, 800.0);
}

#[test]
fn bad_problems_are_refused() {
    let (x, columns) = small();
    let y = linear_outcome(&columns);
    let (design, loss) = (Dense::new(x.view()), Squared::new(&y[..20]));
    let problem = Problem { design: &design, loss: &loss, offset: None, penalty: Penalty::lasso(), factors: &FACTORS };
    let mut ctx = Context::default();
    assert_eq!(Session::new(&problem, None, &ctx).err().unwrap().to_string(), "X has 30 rows, but the loss has 20");
    let loss = Squared::new(&y);
    let problem = Problem { design: &design, loss: &loss, offset: None, penalty: Penalty::lasso(), factors: &FACTORS };
    let mut session = Session::new(&problem, None, &ctx).unwrap();
    let message = session.solve(-1.0, &Settings::default(), &mut ctx).unwrap_err().to_string();
    assert_eq!(message, "a penalty level must be finite and >= 0, got -1");
    let capped = Settings { max_iterations: 1, tolerance: 1e-14, ..Settings::default() };
    assert_eq!(session.solve(0.2, &capped, &mut ctx).unwrap().status, Status::IterationLimit);
}
