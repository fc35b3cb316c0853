use super::*;
use crate::ecological_pomdp::data::historical_model;
use crate::ecological_pomdp::fishery::{discretise, nearest};
use elinvar_core::Context;
use ndarray::{Array2, Array3};

#[test]
fn constants_of_the_paper() {
    let b = paper_model(100, 0.1, 0.1).baselines().unwrap();
    close(b.escapement, 0.4649123, 5e-8);
    close(b.biomass, 0.6514889, 5e-8);
    close(b.msy, 0.1865766, 5e-8);
    close(b.f_msy, 0.2863850, 5e-8);
    close(0.8 * b.f_msy, 0.2291080, 5e-8);
}

#[test]
fn search_finds_the_closed_form_of_the_escapement() {
    // Beverton-Holt: gamma f' = 1 at e = K (sqrt(gamma (1 + r)) - 1) / r.
    let model = FisheryModel { growth: Growth::BevertonHolt, r: 0.6, k: 1.3, ..FisheryModel::default() };
    close(model.baselines().unwrap().escapement, 1.3 * ((0.95f64 * 1.6).sqrt() - 1.0) / 0.6, 1e-7);
    let recruit_first = FisheryModel { order: HarvestOrder::RecruitFirst, ..FisheryModel::default() }.baselines().unwrap();
    close(recruit_first.biomass, recruit_first.escapement, 0.0);
    close(recruit_first.msy, 0.1865766, 5e-8);
}

#[test]
fn tensors_equal_the_independent_program() {
    let reference = reference();
    let pomdp = paper_model(41, 0.15, 0.1).to_pomdp().unwrap();
    let check = |row: Array1<f64>, name: &str| {
        for (x, y) in row.iter().zip(reference[name].as_array().unwrap()) {
            close(*x, y.as_f64().unwrap(), 1e-14);
        }
    };
    check(pomdp.transition_row(3, 17), "t_row");
    check(pomdp.observation_row(0, 2), "o_row");
}

#[test]
fn rules_and_mdp_equal_the_independent_program() {
    for case in reference()["cases"].as_array().unwrap() {
        let get = |name: &str| case[name].as_f64().unwrap();
        let model = paper_model(case["n"].as_u64().unwrap() as usize, get("sigma_g"), get("sigma_m"));
        let (pomdp, grid) = (model.to_pomdp().unwrap(), model.values());
        let start = nearest(&grid, 1.0 / 6.0);
        assert_eq!(start as u64, case["start"].as_u64().unwrap());
        let mdp = solve_mdp(&pomdp, &mut Context::new(0)).unwrap();
        close(mdp.values.mean().unwrap(), get("mdp_mean"), 1e-10);
        let one_step = (0..grid.len()).map(|a| mdp.q.row(a).mean().unwrap()).fold(f64::MIN, f64::max);
        close(one_step, get("one_step"), 1e-10);
        let factors = [("TAC", 0.8), ("MSY", 1.0)].map(|(n, f)| (n, StaticRule::constant_mortality(&model, f).unwrap()));
        let rules = [("CE", StaticRule::constant_escapement(&model).unwrap())].into_iter().chain(factors);
        for (name, rule) in rules {
            assert_eq!(rule.name, name);
            let expected = |key: &str| case["rules"][name][key].as_f64().unwrap();
            let paper = evaluate_exact(&pomdp, &rule, grid.view(), start, 100, true).unwrap();
            close(paper.npv, expected("npv_99"), 1e-10);
            close(paper.values[start], expected("value"), 1e-10);
            close(paper.extinction[98], expected("extinction"), 1e-10);
            close(paper.late_stock, expected("late"), 1e-10);
        }
    }
}

#[test]
fn mdp_leaves_a_constant_escapement() {
    for (sigma_g, escapement) in [(0.15, 0.4848), (0.1, 0.4646), (0.02, 0.4646)] {
        let model = paper_model(100, sigma_g, 0.0);
        let (mdp, grid) = (solve_mdp(&model.to_pomdp().unwrap(), &mut Context::new(0)).unwrap(), model.values());
        let left: Vec<f64> = (30..99).map(|s| grid[s] - grid[mdp.policy[s]]).collect();
        assert!(left.iter().all(|e| (e - escapement).abs() < 1e-4), "{left:?}");
    }
}

#[test]
fn every_noise_gives_distributions_with_the_right_mean() {
    let grid = paper_model(201, 0.1, 0.1).values();
    for noise in [Noise::Normal, Noise::Lognormal, Noise::RescaledLognormal, Noise::Uniform] {
        let p = discretise(&grid, 0.6, 0.2, noise);
        close(p.sum(), 1.0, 1e-12);
        close(p.dot(&grid), 0.6, 2e-3);
        // Far above the grid, all the mass lies on its last point.
        close(discretise(&grid, 50.0, 0.1, noise)[200], 1.0, 1e-9);
    }
    let sure = discretise(&grid, 0.604, 0.0, Noise::Normal);
    assert_eq!(sure.iter().position(|p| *p == 1.0), Some(60));
    close(discretise(&grid, 0.02, 0.1, Noise::Normal)[0], 0.4, 0.2);
}

#[test]
fn escapement_structure_is_found_in_a_dense_tensor() {
    let model = paper_model(41, 0.1, 0.1);
    let structured = model.to_pomdp().unwrap();
    let n = 41;
    let mut t = Array3::zeros((n, n, n));
    for a in 0..n {
        for s in 0..n {
            // From the definition, with the rounding errors of x - h.
            let left = (model.values()[s] - model.values()[a]).max(0.0);
            let f = model.growth_of(left);
            if f > 1e-14 {
                let row = discretise(&model.values(), f, 0.1, Noise::Normal);
                row.iter().enumerate().for_each(|(i, &p)| t[[a, s, i]] = p);
            } else {
                t[[a, s, 0]] = 1.0;
            }
        }
    }
    let o = Array3::from_shape_fn((1, n, n), |(_, s, z)| structured.observation_row(0, s)[z]);
    let dense = Pomdp::new(t.clone(), o.clone(), structured.reward().clone(), 0.95, None).unwrap();
    assert!(matches!(dense.transition(), Transition::Escapement(..)));
    t[[3, 9, 0]] += 1e-9;
    let broken = Pomdp::new(t, o, structured.reward().clone(), 0.95, None).unwrap();
    assert!(!matches!(broken.transition(), Transition::Escapement(..)));
}

#[test]
fn belief_stays_a_distribution_after_ten_thousand_updates() {
    let pomdp = paper_model(41, 0.1, 0.1).to_pomdp().unwrap();
    let mut belief = pomdp.prior().clone();
    for t in 0..10_000usize {
        let z = (t * 7 + t / 13) % 25;
        if let Some((next, probability)) = pomdp.update(belief.view(), (t % 5) * 2, z) {
            assert!(probability > 0.0 && probability <= 1.0 + 1e-12);
            belief = next;
        }
        close(belief.sum(), 1.0, 1e-12);
    }
}

#[test]
fn forms_of_the_transition_agree() {
    let model = paper_model(21, 0.1, 0.1);
    let structured = model.to_pomdp().unwrap();
    let n = 21;
    let dense = Array3::from_shape_fn((n, n, n), |(a, s, t)| structured.transition_row(a, s)[t]);
    let sparse = Transition::Sparse(dense.outer_iter().map(SparseRows::from_dense).collect());
    let belief: Array1<f64> = (0..n).map(|i| (1 + i % 4) as f64 / 49.0).collect();
    let values: Array1<f64> = (0..n).map(|i| (i as f64).sin()).collect();
    for transition in [Transition::Dense(dense), sparse] {
        let other = Pomdp::from_parts(transition, structured.observation().clone(), structured.reward().clone(), 0.95, None).unwrap();
        for a in [0, 4, 20] {
            let far = |x: Array1<f64>, y: Array1<f64>| (x - y).fold(0.0f64, |m, d| m.max(d.abs()));
            assert!(far(other.predict(belief.view(), a), structured.predict(belief.view(), a)) < 1e-15);
            assert!(far(other.expect(a, values.view()), structured.expect(a, values.view())) < 1e-14);
        }
    }
}

#[test]
fn errors_name_tensor_action_state_and_sum() {
    let t = Array3::from_shape_fn((2, 2, 2), |(_, s, n)| if s == n { 1.0 } else { 0.0 });
    let o = Array3::from_shape_fn((1, 2, 2), |(_, s, n)| if s == n { 1.0 } else { 0.0 });
    let r = Array2::zeros((2, 2));
    let message = |t: &Array3<f64>, o: &Array3<f64>, discount: f64, prior: Option<Array1<f64>>| {
        Pomdp::new(t.clone(), o.clone(), r.clone(), discount, prior).unwrap_err().to_string()
    };
    let mut bad = t.clone();
    bad[[1, 0, 1]] = 0.5;
    assert!(message(&bad, &o, 0.9, None).starts_with("transition row of action 1, state 0 must sum to 1 within 1e-6, got 1.5"));
    let mut bad = o.clone();
    bad[[0, 1, 0]] = f64::NAN;
    assert!(message(&t, &bad, 0.9, None).contains("observation must hold finite numbers >= 0, got NaN in action 0, state 1"));
    assert_eq!(message(&t, &o, 1.0, None), "parameter 'discount' must be in (0, 1), got 1");
    assert!(message(&t, &o, f64::NAN, None).contains("discount"));
    assert!(message(&t, &o, 0.9, Some(Array1::zeros(3))).contains("prior must have one entry for each of the 2 states, got 3"));
    assert!(message(&t, &o, 0.9, Some(ndarray::arr1(&[1.5, -0.5]))).contains("got -0.5 in state 1"));
    for (field, model) in [
        ("r", FisheryModel { r: f64::NAN, ..FisheryModel::default() }),
        ("K", FisheryModel { k: 0.0, ..FisheryModel::default() }),
        ("sigma_m", FisheryModel { sigma_m: -0.1, ..FisheryModel::default() }),
        ("C", FisheryModel { growth: Growth::Allen, ..FisheryModel::default() }),
        ("grid", FisheryModel { grid: (0.1, 2.0, 10), ..FisheryModel::default() }),
    ] {
        assert!(model.to_pomdp().unwrap_err().to_string().contains(&format!("'{field}'")));
    }
}

#[test]
fn small_growth_noise_warns() {
    let mut ctx = Context::new(0);
    paper_model(41, 0.0, 0.1).warn(&mut ctx);
    assert!(ctx.warnings()[0].contains("sigma_g = 0"));
}

#[test]
fn rules_are_audited_exactly_as_simulated() {
    let model = paper_model(41, 0.15, 0.15);
    let (pomdp, grid) = (model.to_pomdp().unwrap(), model.values());
    let rule = StaticRule::constant_escapement(&model).unwrap();
    let exact = evaluate_exact(&pomdp, &rule, grid.view(), 3, 100, true).unwrap();
    let options = SimulationOptions { start: 3, n_reps: 2000, paper_convention: true, ..SimulationOptions::default() };
    let simulated = simulate_rule(&pomdp, &rule, &options, &mut Context::new(1)).unwrap();
    close(simulated.mean_npv(), exact.npv, 3.0 * simulated.sd_npv() / 2000f64.sqrt());
    close(simulated.extinction()[98], exact.extinction[98], 0.04);
    close(simulated.late_stock(grid.view()), exact.late_stock, 0.03);
    // The published definition of the late stock and the share of extinct stocks.
    close(exact.extinction[98], 0.795, 5e-4);
    close(exact.late_stock, 0.170, 5e-4);
}

#[test]
fn paper_convention_starts_with_gamma() {
    let pomdp = paper_model(21, 0.1, 0.0).to_pomdp().unwrap();
    let all = StaticRule { name: "all".into(), quotas: (0..21).collect() };
    let grid = paper_model(21, 0.1, 0.0).values();
    // Taking everything in the first year leaves nothing: one reward.
    close(evaluate_exact(&pomdp, &all, grid.view(), 7, 100, true).unwrap().npv, 0.95 * 0.7, 1e-12);
    close(evaluate_exact(&pomdp, &all, grid.view(), 7, 100, false).unwrap().npv, 0.7, 1e-12);
    let short = StaticRule { name: "short".into(), quotas: vec![0; 3] };
    assert!(evaluate_exact(&pomdp, &short, grid.view(), 7, 100, true).unwrap_err().to_string().contains("one quota for each of the 21"));
}

#[test]
fn escapement_of_a_stock_that_grows_first_gives_the_published_quotas() {
    // (survey, quota) as grid positions of Argentine hake and European plaice, from the official record.
    let hake = [(29, 18), (16, 5), (18, 8), (20, 10), (22, 12), (17, 7), (12, 0), (13, 1), (15, 4), (6, 0)];
    let plaice = [(23, 5), (24, 7), (25, 8), (26, 9), (30, 14), (29, 13), (33, 17), (27, 10), (22, 4)];
    for (name, record) in [("Argentine hake", hake.as_slice()), ("European Plaice", plaice.as_slice())] {
        let rule = StaticRule::constant_escapement(&historical_model(name).unwrap()).unwrap();
        record.iter().for_each(|&(survey, quota)| assert_eq!(rule.quotas[survey], quota, "{name} {survey}"));
    }
}
