//! Tails row by row: limits in which the bound is exact, the bound against quadrature, single bad rows.

use super::super::params::Tails;
use super::*;

fn by_observation() -> TsallisMixedModel {
    TsallisMixedModel { shape: Tails::Observation, tol: 1e-13, max_iter: 20_000, ..Default::default() }
}

fn grouped(data: &super::super::Clustered) -> Data {
    let groups = Table::new().with("g", Column::Integer(data.groups.iter().map(|&g| g as i64).collect())).unwrap();
    Data { x: Source::Matrix(data.x.clone()), y: Some(data.y.clone()), groups: Some(groups), z: None, precision: None }
}

/// 40 groups of 6 rows of which every 17th row is far off, with their places.
fn single_bad_rows(seed: u64) -> (super::super::Clustered, Vec<usize>) {
    let mut data = clustered(40, 6, vec![1.0, -1.0, 0.5], 0, false, &mut stream(seed, &[("rows", 0)]));
    let bad: Vec<usize> = (0..240).step_by(17).collect();
    bad.iter().for_each(|&row| data.y[row] += 25.0);
    (data, bad)
}

#[test]
fn the_gaussian_limit_is_the_gaussian_model() {
    let data = grouped(&clustered(120, 6, vec![1.0, -1.0, 0.5], 6, true, &mut stream(31, &[("limit", 0)])));
    let random_effects = super::super::params::RandomEffects::Columns(vec!["x0".into()]);
    let fit = |shape, nu| fitted(&TsallisMixedModel { shape, nu, random_effects: random_effects.clone(), ..by_observation() }, &data);
    let exact = fit(Tails::Group, Nu::Word(NuWord::Inf));
    for (nu, tolerance) in [(Nu::Word(NuWord::Inf), 1e-8), (Nu::Fixed(1e6), 1e-2)] {
        let limit = fit(Tails::Observation, nu);
        all_close(&beta(&limit), &beta(&exact), tolerance);
        all_close(limit.covariance_of_effects().as_slice().unwrap(), exact.covariance_of_effects().as_slice().unwrap(), tolerance);
        close(limit.log_likelihood(), exact.log_likelihood(), tolerance);
        all_close(limit.effects.as_slice().unwrap(), exact.effects.as_slice().unwrap(), tolerance);
    }
}

#[test]
fn without_random_effects_the_bound_is_the_likelihood() {
    let data = clustered(80, 1, vec![1.0, -1.0], 8, false, &mut stream(32, &[("rows", 0)]));
    let inputs = Data { x: Source::Matrix(data.x), y: Some(data.y), groups: None, z: None, precision: None };
    let (exact, rows) =
        (fitted(&TsallisMixedModel { shape: Tails::Group, ..by_observation() }, &inputs), fitted(&by_observation(), &inputs));
    close(rows.nu(), exact.nu(), 1e-3);
    all_close(&beta(&rows), &beta(&exact), 1e-5);
    close(rows.log_likelihood(), exact.log_likelihood(), 1e-8);
    all_close(&rows.observations().unwrap().weights.to_vec(), &exact.weights().to_vec(), 1e-4);
    // Held scatters widen nothing: location and scatter are orthogonal in expectation.
    let (held, full) = (rows.standard_errors().unwrap(), exact.standard_errors().unwrap());
    held.iter().zip(full).for_each(|(h, f)| close(h / f, 1.0, 0.05));
}

/// Log likelihood of a random intercept and errors with tails of their own, by quadrature over the intercept.
fn by_quadrature(model: &MixedModel, data: &super::super::Clustered) -> f64 {
    let (d, sigma2, nu, beta) = (model.covariance_of_effects()[[0, 0]], model.scale(), model.nu(), beta(model));
    let residual = |row: usize| data.y[row] - beta[0] - data.x.row(row).iter().zip(&beta[1..]).map(|(x, b)| x * b).sum::<f64>();
    let groups = data.groups.iter().max().unwrap() + 1;
    let log_sum = |terms: &[f64]| {
        let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln()
    };
    let of_group = |group: usize| {
        let rows: Vec<usize> = (0..data.y.len()).filter(|&row| data.groups[row] == group).collect();
        let step = 0.005 * sigma2.sqrt().min(d.sqrt());
        let at = |k: i32| {
            let b = f64::from(k) * step;
            let errors: f64 = rows.iter().map(|&row| log_density(nu, 1, sigma2.ln(), (residual(row) - b).powi(2) / sigma2)).sum();
            errors + log_density(nu, 1, d.ln(), b * b / d) + step.ln()
        };
        log_sum(&(-8000..=8000).map(at).collect::<Vec<f64>>())
    };
    (0..groups).map(of_group).sum()
}

#[test]
fn the_bound_lies_below_the_likelihood_and_close_to_it() {
    let (data, _) = single_bad_rows(33);
    let model = fitted(&TsallisMixedModel { nu: Nu::Fixed(4.0), ..by_observation() }, &grouped(&data));
    let exact = by_quadrature(&model, &data);
    let gap = exact - model.log_likelihood();
    assert!(gap > 0.0 && gap < 0.03 * exact.abs(), "bound {} of {exact}", model.log_likelihood());
}

#[test]
fn steps_raise_the_bound() {
    let (data, _) = single_bad_rows(34);
    let trace = by_observation().fit(&grouped(&data), &mut ctx()).unwrap();
    let bounds = trace.trace.numbers("objective").unwrap();
    assert!(bounds.len() > 3 && trace.status == Status::Converged);
    assert!(bounds.windows(2).into_iter().all(|pair| pair[1] >= pair[0] - 1e-9 * pair[0].abs()), "{bounds:?}");
}

#[test]
fn single_bad_rows_are_found_in_good_groups() {
    let (data, bad) = single_bad_rows(35);
    let inputs = grouped(&data);
    let model = fitted(&by_observation(), &inputs);
    let found = model.observations().unwrap();
    assert!(bad.iter().all(|row| found.outliers().contains(row)));
    let mut order: Vec<usize> = (0..240).collect();
    order.sort_by(|&a, &b| found.weights[a].total_cmp(&found.weights[b]));
    order.truncate(bad.len());
    order.sort_unstable();
    assert_eq!(order, bad);
    let error = |model: &MixedModel| beta(model).iter().zip(&data.beta).map(|(b, t)| (b - t).powi(2)).sum::<f64>();
    let gaussian = fitted(&TsallisMixedModel { nu: Nu::Word(NuWord::Inf), ..Default::default() }, &inputs);
    assert!(error(&model) < 0.2 * error(&gaussian), "{} against {}", error(&model), error(&gaussian));
    close(model.scale(), 1.0, 0.5);
    // Rows in another order are the same rows.
    let order: Vec<usize> = (0..240).map(|k| (k * 77) % 240).collect();
    let x = data.x.select(ndarray::Axis(0), &order);
    let y = data.y.select(ndarray::Axis(0), &order);
    let mixed = super::super::Clustered { x, y, groups: order.iter().map(|&row| data.groups[row]).collect(), beta: data.beta.clone() };
    let again = fitted(&by_observation(), &grouped(&mixed));
    all_close(&beta(&again), &beta(&model), 1e-8);
    let weights: Vec<f64> = order.iter().map(|&row| found.weights[row]).collect();
    all_close(&again.observations().unwrap().weights.to_vec(), &weights, 1e-7);
}

#[test]
fn sandwich_errors_agree_where_the_model_holds() {
    let data = grouped(&clustered(300, 4, vec![1.0, -1.0, 0.5], 0, false, &mut stream(36, &[("rows", 0)])));
    let errors = |standard_errors| {
        let params = TsallisMixedModel { nu: Nu::Fixed(30.0), standard_errors, ..by_observation() };
        fitted(&params, &data).standard_errors().unwrap()
    };
    let (observed, sandwich) = (errors(StandardErrors::Observed), errors(StandardErrors::Sandwich));
    observed.iter().zip(sandwich).for_each(|(o, s)| close(o / s, 1.0, 0.2));
}

#[test]
fn sparse_effects_are_selected_row_by_row() {
    let mut data = super::super::data::generator_s(80, 4, 60, 0, &mut stream(37, &[("s", 0)]));
    (0..320).step_by(13).for_each(|row| data.y[row] += 20.0);
    let path = SelectionPath { shape: Tails::Observation, n_lambdas: 12, lambda_ratio: 0.1, ..Default::default() };
    let found = path.run(&grouped(&data), &mut ctx()).unwrap();
    let Column::Text(kept) = found.effects.column("name").unwrap() else { panic!("names are text") };
    let kept: Vec<&str> = kept.iter().flatten().map(String::as_str).collect();
    for name in ["x0", "x5", "x10", "x15", "x20"] {
        assert!(kept.contains(&name), "{name} is not in {kept:?}");
    }
    assert!(kept.len() <= 9, "{kept:?}");
}

#[test]
fn what_has_no_meaning_row_by_row_is_refused() {
    let message = |params: TsallisMixedModel| Checked::new(params).unwrap_err().to_string();
    let base = by_observation();
    assert!(message(TsallisMixedModel { residual: Residual::Ar1, ..base.clone() }).starts_with("parameter 'residual' must be 'iid'"));
    assert!(message(TsallisMixedModel { solver: Solver::Pncg, ..base.clone() }).starts_with("parameter 'solver' must be 'ecme'"));
    let expected = TsallisMixedModel { standard_errors: StandardErrors::Expected, ..base.clone() };
    assert!(message(expected).starts_with("parameter 'standard_errors' must be 'observed' or 'sandwich'"));
    assert!(message(TsallisMixedModel { q: Some(1.2), dim: Some(4), ..base }).starts_with("parameter 'q' must be none"));
}
