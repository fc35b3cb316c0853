use super::prepare::Prepared;
use super::*;
use elinvar_core::{Bundle, Checked, Context, Model, Params, SparseMatrix, Status};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The small problem: predictors as they come, and outcomes that depend on three of them.
fn small() -> (Array2<f64>, Array1<f64>, Array2<f64>) {
    let x = Array2::from_shape_fn((30, 6), |(i, j)| {
        let (i, j) = ((i + 1) as f64, (j + 1) as f64);
        (0.73 * i * j + 0.3 * j).sin() + 0.2 * (1.9 * i).cos()
    });
    let mut z = x.clone();
    for mut column in z.columns_mut() {
        let mean = column.sum() / 30.0;
        column -= mean;
        let sd = (column.iter().map(|v| v * v).sum::<f64>() / 30.0).sqrt();
        column /= sd;
    }
    let y = (0..30).map(|i| 2.0 * z[[i, 0]] - 1.2 * z[[i, 2]] + 0.25 * z[[i, 4]] + 0.15 * (2.1 * (i + 1) as f64).cos() + 0.7).collect();
    (x, y, z)
}

fn data(x: &Array2<f64>, y: &Array1<f64>) -> Data<'static> {
    Data { x: Predictors::Dense(x.clone().into()), names: None, y: y.clone(), sample_weight: None }
}

fn exact() -> Sparse {
    Sparse { lam: Some(0.2), tol: 1e-12, max_iter: 200_000, ..Sparse::default() }
}

fn fit(params: &Sparse, data: &Data<'_>) -> SparseModel {
    let fitted = params.fit(data, &mut Context::default()).unwrap();
    assert_eq!(fitted.status, Status::Converged);
    fitted.model
}

fn close(model: &SparseModel, expected: &Value, tolerance: f64) {
    let numbers: Vec<f64> = expected["coef"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let worst = model.coefficients().iter().zip(&numbers).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= tolerance, "{:?} is {worst:.1e} from {numbers:?}", model.coefficients());
    assert!((model.intercept() - expected["intercept"].as_f64().unwrap()).abs() <= tolerance);
}

#[test]
fn solutions_agree_with_skglm_and_scikit_learn() {
    let (_, y, z) = small();
    let data = data(&z, &y);
    let reference = reference();
    for (name, penalty) in [("mcp", PenaltyKind::Mcp), ("scad", PenaltyKind::Scad), ("lasso", PenaltyKind::Lasso)] {
        for solver in [Solver::Auto, Solver::Ag, Solver::AgPncg, Solver::Pncg, Solver::Pg, Solver::Gl, Solver::Cd] {
            close(&fit(&Sparse { penalty, solver, ..exact() }, &data), &reference[name], 1e-9);
        }
    }
    let factors = Some(vec![0.0, 1.0, 2.0, 0.5, 1.0, 1.0]);
    close(&fit(&Sparse { penalty: PenaltyKind::Lasso, penalty_factor: factors, ..exact() }, &data), &reference["factors"], 1e-9);
    let net = Sparse { penalty: PenaltyKind::Elasticnet, alpha: 0.6, lam: Some(0.3), ..exact() };
    close(&fit(&net, &data), &reference["elasticnet"], 1e-9);
}

#[test]
fn weights_are_repeated_rows_and_rows_of_weight_zero_are_absent() {
    let (x, y, _) = small();
    let weights = Array1::from_iter((0..30).map(|i| (1 + i % 3) as f64));
    let weighted = Data { sample_weight: Some(weights.clone()), ..data(&x, &y) };
    close(&fit(&exact(), &weighted), &reference()["weighted_mcp"], 1e-9);
    // The same for 0 and 1, where the reference has no weights.
    let labels = y.mapv(|y| f64::from(u8::from(y > 0.7)));
    let rows: Vec<usize> = (0..30).flat_map(|i| std::iter::repeat_n(i, 1 + i % 3)).collect();
    let repeated = data(&x.select(ndarray::Axis(0), &rows), &labels.select(ndarray::Axis(0), &rows));
    let params = Sparse { family: Family::Binomial, lam: Some(0.05), penalty: PenaltyKind::Lasso, ..exact() };
    let weighted = Data { sample_weight: Some(weights), ..data(&x, &labels) };
    let (a, b) = (fit(&params, &weighted), fit(&params, &repeated));
    let worst = a.coefficients().iter().zip(b.coefficients()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-8, "{worst}");
}

#[test]
fn sparse_matrices_give_the_dense_solution_with_and_without_intercept_and_weights() {
    let (n, p) = (50, 40);
    let value = |i: usize, j: usize| if (7 * i + 3 * j).is_multiple_of(4) { 1.0 + ((i * j) as f64).sin() } else { 0.0 };
    let x = Array2::from_shape_fn((n, p), |(i, j)| value(i, j));
    let y: Array1<f64> = (0..n).map(|i| 2.0 * x[[i, 3]] - x[[i, 21]] + 0.2 * (i as f64).cos() + 3.0).collect();
    let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
    for column in x.columns() {
        column.iter().enumerate().filter(|(_, v)| **v != 0.0).for_each(|(i, v)| {
            rows.push(i as u32);
            values.push(*v);
        });
        starts.push(values.len());
    }
    let sparse = Predictors::Sparse(SparseMatrix::new(n, starts, rows, values).unwrap());
    let weights = Array1::from_iter((0..n).map(|i| 0.5 + (i % 4) as f64));
    for (fit_intercept, standardize, sample_weight) in [(true, true, None), (false, true, None), (true, false, Some(&weights))] {
        for family in [Family::Gaussian, Family::Binomial] {
            let y = if family == Family::Binomial { y.mapv(|y| f64::from(u8::from(y > 3.2))) } else { y.clone() };
            // A flat penalty on separable labels has no minimum.
            let penalty = if family == Family::Binomial { PenaltyKind::Lasso } else { PenaltyKind::Scad };
            let params = Sparse { family, fit_intercept, standardize, lam: Some(0.04), penalty, ..exact() };
            let dense = Data { sample_weight: sample_weight.cloned(), ..data(&x, &y) };
            let other = Data { x: sparse.clone(), ..dense.clone() };
            let (a, b) = (fit(&params, &dense), fit(&params, &other));
            let worst = a.coefficients().iter().zip(b.coefficients()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-8 && (a.intercept() - b.intercept()).abs() < 1e-8, "{family:?} {worst}");
            assert_eq!(fit_intercept, a.intercept() != 0.0);
            let (a, b) = (a.predict(&dense.x).unwrap(), a.predict(&other.x).unwrap());
            assert!((a - b).iter().all(|d| d.abs() < 1e-12));
        }
    }
}

#[test]
fn the_first_level_is_empty_and_scaling_the_outcome_scales_the_path() {
    let (x, y, _) = small();
    let params = SparsePath { n_lambda: 20, tol: 1e-10, max_iter: 100_000, ..SparsePath::default() };
    let levels = params.solve(&data(&x, &y), &mut Context::default()).unwrap();
    assert!((levels[0].lam - 1.94103540807).abs() < 1e-10 && levels[0].support_size == 0);
    assert!((levels[19].lam / levels[0].lam - 0.001).abs() < 1e-12);
    assert!(levels.iter().all(|l| l.status == Status::Converged && l.residual < 1e-9));
    let scaled = params.solve(&data(&x, &(&y * 1e3)), &mut Context::default()).unwrap();
    for (a, b) in levels.iter().zip(&scaled) {
        assert!((b.lam / a.lam - 1e3).abs() < 1e-9);
        assert!(a.coefficients.iter().zip(&b.coefficients).all(|(a, b)| (1e3 * a - b).abs() < 1e-4 * (1.0 + b.abs())));
    }
}

#[test]
fn the_certificate_is_the_smallest_eigenvalue_of_the_active_columns() {
    let (x, y, _) = small();
    let attributes = fit(&exact(), &data(&x, &y)).attributes();
    // NumPy's smallest eigenvalue of the three active columns.
    assert!((attributes.scalar("convexity_margin").unwrap() + 1.0 / 3.0 - 0.9285257969308319).abs() < 1e-9);
    assert_eq!(attributes.json("locally_convex").unwrap(), &json!(true));
    // Two columns of correlation .995 leave an eigenvalue of .005.
    let mut twin = x.clone();
    let mixed = &x.column(0) + &(0.1 * &x.column(1));
    twin.column_mut(2).assign(&mixed);
    let y = &x.column(0) + &(3.0 * &x.column(1));
    let attributes = fit(&Sparse { lam: Some(1e-3), ..exact() }, &data(&twin, &y)).attributes();
    assert!(attributes.scalar("support_size").unwrap() < 3.0 || attributes.json("locally_convex").unwrap() == &json!(false));
}

#[test]
fn halving_the_loss_and_the_level_leaves_the_lasso_path() {
    let (x, y, _) = small();
    let labels = y.mapv(|y| f64::from(u8::from(y > 0.7)));
    let lasso = Sparse { family: Family::Binomial, penalty: PenaltyKind::Lasso, lam: Some(0.06), ..exact() };
    let whole = fit(&lasso, &data(&x, &labels));
    let half = fit(&Sparse { half_loss: true, lam: Some(0.03), ..lasso }, &data(&x, &labels));
    assert!(whole.coefficients().iter().zip(half.coefficients()).all(|(a, b)| (a - b).abs() < 1e-8));
}

#[test]
fn cross_validation_finds_the_signals_and_its_rules_are_ordered() {
    let design = Design { binomial: false, n: 150, gap: 20, tau: 0.5, snr: 10.0, intercept: 2.0 };
    let set = simulate(&design, &[150], &mut elinvar_core::random::stream(5, &[("data", 0)])).unwrap().pop().unwrap();
    let data = data(&set.x, &set.y);
    let level = |rule| {
        let params = SparseCv { rule, n_lambda: 40, max_iter: 20_000, ..SparseCv::default() };
        let fitted = params.fit(&data, &mut Context::new(1)).unwrap();
        let strong = (0..set.beta.len()).filter(|&j| set.beta[j].abs() > 40.0).all(|j| fitted.model.coefficients()[j] != 0.0);
        assert!(strong, "{rule:?}");
        fitted.model.attributes().scalar("lam").unwrap()
    };
    let (min, one_se) = (level(ChoiceRule::Min), level(ChoiceRule::OneStandardError));
    assert!(one_se >= min && level(ChoiceRule::Ebic) > 0.0);
}

#[test]
fn folds_and_threads_do_not_change_results() {
    let design = Design { binomial: true, n: 120, gap: 5, tau: 0.3, snr: 10.0, intercept: 0.0 };
    let set = simulate(&design, &[120], &mut elinvar_core::random::stream(2, &[("data", 0)])).unwrap().pop().unwrap();
    let params = SparseCv { family: Family::Binomial, n_lambda: 15, cv: Folds::Number(4), ..SparseCv::default() };
    let fit =
        |threads| params.fit(&data(&set.x, &set.y), &mut Context::new(3).with_threads(threads)).unwrap().model.coefficients().to_vec();
    assert_eq!(fit(1), fit(3));
}

#[test]
fn the_generator_has_the_papers_noise_and_correlation() {
    let design = Design { binomial: false, n: 4000, gap: 10, tau: 0.5, snr: 3.0, intercept: 0.0 };
    let set = simulate(&design, &[4000], &mut elinvar_core::random::stream(0, &[("data", 0)])).unwrap().pop().unwrap();
    let signal = set.x.dot(&Array1::from_vec(set.beta.clone()));
    let noise = &set.y - &signal;
    let variance = |v: &Array1<f64>| v.iter().map(|x| x * x).sum::<f64>() / 4000.0 - (v.sum() / 4000.0).powi(2);
    assert!((variance(&signal) / variance(&noise) - 3.0).abs() < 0.25);
    let neighbours = set.x.column(7).dot(&set.x.column(8)) / 4000.0;
    assert!((neighbours - 0.5).abs() < 0.05 && set.beta.len() == 90);
}

#[test]
fn bad_input_is_refused_with_one_line() {
    let (x, y, _) = small();
    let refuse = |params: Sparse, data: Data<'_>| params.fit(&data, &mut Context::default()).err().unwrap().to_string();
    let bad = |params: Sparse| Checked::new(params).err().unwrap().to_string();
    assert_eq!(bad(Sparse { a: 2.0, ..exact() }), "parameter 'a' must be > 2, got 2.0; SCAD needs a > 2");
    assert_eq!(bad(Sparse { gamma: 1.0, ..exact() }), "parameter 'gamma' must be > 1, got 1.0; MCP needs gamma > 1");
    assert_eq!(bad(Sparse { lam: Some(-0.5), ..exact() }), "parameter 'lam' must be >= 0 or none, got -0.5");
    let path = SparsePath { lambdas: Some(vec![0.1, 0.2]), ..SparsePath::default() };
    let message = path.check_together().unwrap_err().to_string();
    assert_eq!(message, "parameter 'lambdas' must be in falling order, got 0.1 before 0.2; sort them, greatest first");
    assert!(Checked::new(SparsePath { lambdas: Some(vec![0.1, -0.2]), ..SparsePath::default() }).is_err());
    let short = Sparse { penalty_factor: Some(vec![1.0]), ..exact() };
    assert_eq!(refuse(short, data(&x, &y)), "parameter 'penalty_factor' must be one number for each of the 6 columns of X, got 1");
    let shorter = data(&x, &y.select(ndarray::Axis(0), &[0, 1, 2]));
    assert_eq!(refuse(exact(), shorter), "y must have 30 rows like X, got 3");
    let binomial = Sparse { family: Family::Binomial, ..exact() };
    assert!(refuse(binomial.clone(), data(&x, &y)).starts_with("y must be 0 or 1 for the family 'binomial', got "));
    assert_eq!(refuse(binomial, data(&x, &y.mapv(|_| 1.0))), "y must hold two classes, got one class: 1");
    let mut holed = y.clone();
    holed[4] = f64::NAN;
    assert_eq!(refuse(exact(), data(&x, &holed)), "y contains a non-finite value at row 4; drop or fill such rows first");
    let weights = Data { sample_weight: Some(Array1::from_elem(30, -1.0)), ..data(&x, &y) };
    assert_eq!(refuse(exact(), weights), "sample_weight must be finite and >= 0, got -1 in row 0");
}

#[test]
fn constant_columns_and_caps_are_warned_of() {
    let (mut x, y, _) = small();
    x.column_mut(3).fill(4.2);
    let mut ctx = Context::default();
    let names = Some((0..6).map(|j| format!("gene{j}")).collect());
    let named = Data { names, ..data(&x, &y) };
    let fitted = exact().fit(&named, &mut ctx).unwrap();
    assert_eq!(fitted.model.coefficients()[3], 0.0);
    assert_eq!(ctx.warnings(), ["constant columns keep the coefficient 0: column 'gene3'"]);
    let mut ctx = Context::default();
    let capped = Sparse { max_iter: 1, solver: Solver::Ag, lam: Some(0.1), ..exact() };
    assert_eq!(capped.fit(&data(&x, &y), &mut ctx).unwrap().status, Status::IterationLimit);
    assert!(ctx.warnings()[1].starts_with("lambda 1.000000e-1 stopped after max_iter=1 iterations with residual "), "{:?}", ctx.warnings());
}

#[test]
fn models_survive_their_state() {
    let (x, y, _) = small();
    let params = SparsePath { n_lambda: 7, ..SparsePath::default() };
    let levels = params.solve(&data(&x, &y), &mut Context::default()).unwrap();
    let model = SparseModel::of(Family::Gaussian, &data(&x, &y), &levels[3]).with_path(&levels);
    let again = SparseModel::from_state(model.to_state(), 1).unwrap();
    let numbers = |b: &Bundle<'_>, name: &str| b.array(name).unwrap().iter().copied().collect::<Vec<f64>>();
    for name in ["coef", "coef_path", "lambdas", "support_size", "convexity_margin"] {
        assert_eq!(numbers(&model.attributes(), name), numbers(&again.attributes(), name));
    }
    assert_eq!(model.predict(&data(&x, &y).x).unwrap(), again.predict(&data(&x, &y).x).unwrap());
}

#[test]
fn the_deviance_of_real_outcomes_does_not_depend_on_their_unit() {
    let (x, y, _) = small();
    let best = |scale: f64| {
        let levels = SparsePath { n_lambda: 30, tol: 1e-9, ..SparsePath::default() }
            .solve(&data(&x, &(&y * scale)), &mut Context::default())
            .unwrap();
        super::model::least_ebic(&levels).unwrap()
    };
    assert_eq!(best(1.0), best(1e-4));
    let prepared = Prepared::new(&Checked::new(exact()).unwrap(), &data(&x, &y), &mut Context::default()).unwrap();
    assert_eq!(prepared.size, 30.0);
}
