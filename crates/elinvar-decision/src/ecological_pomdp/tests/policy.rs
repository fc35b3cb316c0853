use super::*;
use crate::ecological_pomdp::data::{historical_model, read_stocks};
use crate::ecological_pomdp::fishery::nearest;
use elinvar_core::{Column, Context, Table};
use ndarray::{Array2, arr1};

/// The paper's noisiest model on the coarse grid, solved.
fn solved(sigma_m: f64) -> (FisheryModel, AlphaPolicy) {
    let model = paper_model(41, 0.15, sigma_m);
    let solver = SarsopSolver { precision: 0.02, max_time: None, max_trials: Some(60), ..SarsopSolver::default() };
    let policy = solver.solve(&model.to_pomdp().unwrap(), &mut Context::new(0)).unwrap();
    let policy = policy.with_scale(QuotaScale::new(model.values(), 1.0).unwrap()).unwrap();
    (model, policy)
}

#[test]
fn belief_policy_earns_more_and_prevents_collapse() {
    let (model, policy) = solved(0.15);
    let grid = model.values();
    let exact = |rule: &StaticRule| evaluate_exact(policy.pomdp(), rule, grid.view(), 3, 100, true).unwrap();
    let ce = exact(&StaticRule::constant_escapement(&model).unwrap());
    let tac = exact(&StaticRule::constant_mortality(&model, 0.8).unwrap());
    close(ce.npv, 1.8609, 5e-5);
    close(tac.npv, 1.4826, 5e-5);
    let options = SimulationOptions { start: 3, n_reps: 600, paper_convention: true, ..SimulationOptions::default() };
    let run = simulate(&policy, &options, &mut Context::new(0)).unwrap();
    assert!(run.mean_npv() >= 1.08 * ce.npv && run.mean_npv() >= 1.25 * tac.npv, "{}", run.mean_npv());
    assert!(run.extinction()[98] <= 0.6 * ce.extinction[98], "{}", run.extinction()[98]);
    assert!(run.late_stock(grid.view()) >= 2.0 * ce.late_stock, "{}", run.late_stock(grid.view()));
    assert_eq!(run.n_impossible, 0);
}

#[test]
fn perfect_measurement_makes_constant_escapement_optimal() {
    let model = paper_model(41, 0.15, 0.0);
    let (pomdp, grid) = (model.to_pomdp().unwrap(), model.values());
    let best = solve_mdp(&pomdp, &mut Context::new(0)).unwrap().values[3];
    let value = |rule: StaticRule| evaluate_exact(&pomdp, &rule, grid.view(), 3, 100, false).unwrap().npv;
    assert!(value(StaticRule::constant_escapement(&model).unwrap()) >= 0.98 * best);
    assert!(value(StaticRule::constant_mortality(&model, 0.8).unwrap()) <= 0.75 * best);
}

#[test]
fn prior_knowledge_orders_the_quotas() {
    let (model, policy) = solved(0.1);
    let grid = model.values();
    let first_harvest = |quotas: &[Option<usize>]| quotas.iter().position(|a| a.is_some_and(|a| a > 0)).unwrap();
    let column = |k: f64| policy.pomdp().likelihood(0, nearest(&grid, k));
    let first = |belief: Array1<f64>| first_harvest(&policy.policy_given_observation(belief.view(), Some(0)).unwrap());
    let ce: Vec<Option<usize>> = StaticRule::constant_escapement(&model).unwrap().quotas.into_iter().map(Some).collect();
    let (high, ce, flat, low) = (first(column(0.75)), first_harvest(&ce), first(uniform(41)), first(column(0.25)));
    assert!(high <= ce && ce <= flat && flat <= low && low > high, "{high} {ce} {flat} {low}");
}

#[test]
fn values_bracket_the_simulation() {
    let (_, policy) = solved(0.1);
    let pomdp = policy.pomdp().clone();
    // Start in a known state: the bounds at that corner, with a survey before the first quota.
    let mut corner = Array1::zeros(41);
    corner[14] = 1.0;
    let solver = SarsopSolver { precision: 0.02, max_time: None, max_trials: Some(60), ..SarsopSolver::default() };
    let policy = solver.solve(&pomdp.with_prior(corner.clone()).unwrap(), &mut Context::new(0)).unwrap();
    let options = SimulationOptions { start: 14, t_max: 200, n_reps: 500, ..SimulationOptions::default() };
    let run = simulate(&policy, &options, &mut Context::new(3)).unwrap();
    let (lower, upper) = policy.value_after_survey(corner.view()).unwrap();
    let error = 3.0 * run.sd_npv() / 500f64.sqrt();
    assert!(run.mean_npv() >= lower - error && run.mean_npv() <= upper + error, "{lower} {} {upper} {error}", run.mean_npv());
}

#[test]
fn simulation_does_not_depend_on_threads_and_follows_the_seed() {
    let (_, policy) = solved(0.1);
    let options = SimulationOptions { start: 3, n_reps: 40, t_max: 30, ..SimulationOptions::default() };
    let run = |seed, threads| simulate(&policy, &options, &mut Context::new(seed).with_threads(threads)).unwrap();
    assert_eq!(run(5, 1), run(5, 3));
    assert_ne!(run(5, 1).npv, run(6, 1).npv);
}

#[test]
fn misspecified_policy_sees_the_true_surveys() {
    let (model, policy) = solved(0.15);
    let truth = paper_model(41, 0.15, 0.0).to_pomdp().unwrap().observation().clone();
    let options =
        SimulationOptions { start: 3, n_reps: 400, true_observation: Some(truth), paper_convention: true, ..SimulationOptions::default() };
    let run = simulate(&policy, &options, &mut Context::new(0)).unwrap();
    assert_eq!(run.states, run.observations);
    let perfect = paper_model(41, 0.15, 0.0);
    let rule = StaticRule::constant_escapement(&perfect).unwrap();
    let ce = evaluate_exact(&perfect.to_pomdp().unwrap(), &rule, model.values().view(), 3, 100, true).unwrap();
    assert!(run.mean_npv() >= 0.88 * ce.npv && run.late_stock(model.values().view()) >= ce.late_stock, "{}", run.mean_npv());
}

#[test]
fn recommendation_in_tonnes_with_reasons() {
    let (model, policy) = solved(0.1);
    let scale = QuotaScale::new(model.values(), 1000.0).unwrap();
    let policy = policy.with_scale(scale).unwrap();
    let mut ctx = Context::new(0);
    let (surveys, catches) = ([600.0, 900.0, 550.0], [0.0, 150.0]);
    let r = policy.recommend(&surveys, &catches, false, &mut ctx).unwrap();
    let pomdp = policy.pomdp();
    // The same by hand.
    let b = pomdp.condition(pomdp.prior().clone(), 0, 12).unwrap().0;
    let b = pomdp.update(b.view(), 0, 18).unwrap().0;
    let b = pomdp.update(b.view(), 3, 11).unwrap().0;
    assert!((&b - &r.belief).iter().all(|d| d.abs() < 1e-12));
    assert_eq!(r.quota, model.values()[policy.action(b.view()).unwrap()] * 1000.0);
    close(r.mean_stock, 1000.0 * b.dot(&model.values()), 1e-9);
    let a = &r.advice;
    assert_eq!(a.loss_at_most.len(), 41);
    assert!(a.loss_at_least.iter().zip(&a.loss_at_most).all(|(l, m)| l <= &(m + 1e-12)));
    assert!(a.loss_at_least[40] > 0.05 && a.loss_at_most[a.action] < 0.1, "{:?}", a.loss_at_most[a.action]);
    // Without the high second survey the stock looks smaller; without the low third one larger.
    assert!(r.influence[1].mean_without < r.mean_stock && r.influence[2].mean_without > r.mean_stock);
    // With the last catch given too, the advice is for the year after it.
    let next = policy.recommend(&surveys, &[0.0, 150.0, r.quota], false, &mut ctx).unwrap();
    assert!((next.belief - pomdp.predict(b.view(), a.action)).iter().all(|d| d.abs() < 1e-12));
}

#[test]
fn bad_series_are_named() {
    let (_, policy) = solved(0.1);
    let mut ctx = Context::new(0);
    let mut message = |z: &[f64], a: &[f64]| policy.recommend(z, a, false, &mut ctx).unwrap_err().to_string();
    assert!(
        message(&[0.5, 2.5], &[0.1])
            .contains("the survey at time 1 must be on the grid from 0 to 2, got 2.5; use a wider grid, or clip=True")
    );
    assert!(message(&[0.5, f64::NAN], &[0.1]).contains("the survey at time 1 must be a finite number"));
    assert!(message(&[0.5], &[0.1, 0.2]).contains("as many catches as surveys"));
    // A stock known to be extinct cannot be seen again.
    let mut extinct = Array1::zeros(41);
    extinct[0] = 1.0;
    let sure =
        AlphaPolicy::from_vectors(policy.pomdp().clone().with_prior(extinct).unwrap(), policy.alphas().clone(), policy.actions().to_vec());
    let sure = sure.unwrap().with_scale(policy.scale().unwrap().clone()).unwrap();
    let impossible = sure.recommend(&[0.0, 1.0], &[0.0], false, &mut Context::new(0)).unwrap_err().to_string();
    assert!(impossible.contains("the survey at time 1 has likelihood 0") && impossible.contains("larger sigma_m"), "{impossible}");
    assert!(policy.recommend(&[2.5], &[], true, &mut ctx).is_ok());
    assert!(policy.recommend(&[0.5, 0.3], &[0.7], false, &mut ctx).is_ok());
    assert!(ctx.warnings()[0].contains("the catch at time 0 (0.7) is larger than the surveyed stock (0.5)"));
    assert!(policy.action(arr1(&[1.0]).view()).is_err());
}

#[test]
fn hindcast_moves_with_the_recorded_harvest() {
    let (_, policy) = solved(0.1);
    let (z, a) = ([12, 15, 9], [2, 4, 1]);
    let advice = hindcast(&policy, &z, &a).unwrap();
    let pomdp = policy.pomdp();
    let b = pomdp.update(pomdp.prior().view(), 2, 15).unwrap().0;
    assert_eq!(advice[0], None);
    assert_eq!(advice[1], Some(policy.action(b.view()).unwrap()));
    let b = pomdp.update(b.view(), 4, 9).unwrap().0;
    assert_eq!(advice[2], Some(policy.action(b.view()).unwrap()));
    assert!(hindcast(&policy, &z, &a[..2]).is_err());
    assert!(hindcast(&policy, &[99, 1, 1], &a).unwrap_err().to_string().contains("time 0"));
}

#[test]
fn a_policy_survives_saving() {
    let (_, policy) = solved(0.1);
    let parts = policy.to_parts();
    let again = AlphaPolicy::from_parts(&parts).unwrap();
    assert_eq!(again.alphas(), policy.alphas());
    assert_eq!(
        (again.lower(), again.upper(), again.status(), again.trace()),
        (policy.lower(), policy.upper(), policy.status(), policy.trace())
    );
    assert_eq!(again.pomdp(), policy.pomdp());
    let b = policy.pomdp().update(uniform(41).view(), 3, 9).unwrap().0;
    close(again.upper_value(b.view()).unwrap(), policy.upper_value(b.view()).unwrap(), 1e-12);
    assert_eq!(again.scale(), policy.scale());
    let mut broken = policy.to_parts();
    broken.arrays.remove("upper_values");
    assert!(AlphaPolicy::from_parts(&broken).err().unwrap().to_string().contains("no array 'upper_values'"));
    let wrong = AlphaPolicy::from_vectors(policy.pomdp().clone(), Array2::zeros((2, 3)), vec![0, 1]);
    assert!(wrong.err().unwrap().to_string().contains("41 entries"));
}

#[test]
fn stocks_are_read_from_both_forms() {
    let text = |v: &[&str]| Column::Text(v.iter().map(|s| Some((*s).to_owned())).collect());
    let long = Table::new()
        .with("year", Column::Integer(vec![1990, 1990, 1990, 1991, 1991, 1991, 1992]))
        .and_then(|t| t.with("stock", Column::Number(vec![100.0, 30.0, 20.0, 80.0, 25.0, f64::NAN, 70.0])))
        .and_then(|t| t.with("commonname", text(&["Hake"; 7])))
        .and_then(|t| t.with("model", text(&["biomass", "catch", "CE", "biomass", "catch", "CE", "biomass"])))
        .unwrap();
    let stocks = read_stocks(&long).unwrap();
    assert_eq!((stocks[0].years.clone(), stocks[0].largest_biomass()), (vec![1990, 1991], 100.0));
    assert_eq!(stocks[0].sums(&["CE", "catch"]).unwrap(), [20.0, 30.0]);
    assert!(stocks[0].sums(&["TAC"]).is_err());
    let wide = Table::new()
        .with("stockid", text(&["A", "A", "B"]))
        .and_then(|t| t.with("year", Column::Integer(vec![1, 2, 1])))
        .and_then(|t| t.with("biomass", Column::Number(vec![10.0, 5.0, 4.0])))
        .and_then(|t| t.with("catch", Column::Number(vec![1.0, 6.0, 1.0])))
        .unwrap();
    let stocks = read_stocks(&wide).unwrap();
    assert_eq!((stocks.len(), stocks[0].years.len()), (2, 1));
    assert!(historical_model("Argentine hake").unwrap().to_pomdp().is_ok());
    assert!(historical_model("cod").is_err());
}

#[test]
fn a_saved_policy_has_the_bits_of_the_unsaved_one() {
    let (_, policy) = solved(0.15);
    let again = AlphaPolicy::from_parts(&policy.to_parts()).unwrap();
    assert_eq!(policy.pomdp(), again.pomdp());
    let bits = |values: &Array1<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (k, belief) in [uniform(41), policy.pomdp().likelihood(0, 9), policy.pomdp().likelihood(0, 30)].into_iter().enumerate() {
        assert_eq!(policy.action(belief.view()).unwrap(), again.action(belief.view()).unwrap());
        assert_eq!(policy.value(belief.view()).unwrap().to_bits(), again.value(belief.view()).unwrap().to_bits(), "value {k}");
        assert_eq!(policy.upper_value(belief.view()).unwrap().to_bits(), again.upper_value(belief.view()).unwrap().to_bits(), "upper {k}");
        let (a, b) = (policy.q_bounds(belief.view()).unwrap(), again.q_bounds(belief.view()).unwrap());
        assert_eq!(bits(&a.0), bits(&b.0), "lower bounds of actions {k}");
        assert_eq!(bits(&a.1), bits(&b.1), "upper bounds of actions {k}");
    }
    let ctx = || Context::new(0).with_threads(1);
    let advise = |p: &AlphaPolicy| p.recommend(&[0.9, 0.8, 0.85], &[0.2, 0.2], false, &mut ctx()).unwrap();
    let (a, b) = (advise(&policy), advise(&again));
    assert_eq!(bits(&a.belief), bits(&b.belief));
}
