use super::*;
use crate::ecological_pomdp::data::{rock_sample, tag};
use elinvar_core::Context;

#[test]
fn rock_sample_with_one_rock_by_hand() {
    // One rock under the rover on a 2 x 2 grid: sampling earns 0 in expectation, leaving earns 10 after two steps: 0.95 * 10. Checking
    // first at distance 0 is always right: good with 1/2, then sample (one step later) and leave.
    let pomdp = rock_sample(2, &[(0, 0)], (0, 0)).unwrap();
    assert_eq!((pomdp.n_states(), pomdp.n_actions(), pomdp.n_observations()), (9, 6, 3));
    let solver = SarsopSolver { precision: 1e-6, max_time: None, max_trials: Some(200), ..SarsopSolver::default() };
    let policy = solver.solve(&pomdp, &mut Context::new(0)).unwrap();
    let g = 0.95f64;
    let check_first = 0.5 * (g * 10.0 + g.powi(3) * 10.0) + 0.5 * (g * g * 10.0);
    let blind = g * 10.0;
    let sample_first = 0.5 * (10.0 - 10.0) + g * g * 10.0;
    let best = check_first.max(blind).max(sample_first);
    close(policy.lower(), best, 1e-5);
    close(policy.upper(), best, 1e-5);
    assert!(rock_sample(2, &[(5, 0)], (0, 0)).is_err());
}

#[test]
fn tag_has_the_published_shape() {
    let pomdp = tag().unwrap();
    assert_eq!((pomdp.n_states(), pomdp.n_actions(), pomdp.n_observations()), (870, 5, 30));
    // Once tagged, nothing more is earned.
    assert!((0..29).all(|robot| pomdp.reward().row(robot * 30 + 29).iter().all(|r| *r == 0.0)));
    let flight = pomdp.transition_row(4, 30 * 12 + 13);
    close(flight[30 * 12 + 14], 0.4, 1e-15);
    close(flight.sum(), 1.0, 1e-12);
}

#[test]
#[expect(clippy::print_stdout, reason = "a measurement, read by a person")]
#[ignore = "about a minute; run it to measure the solver on unstructured problems"]
fn unstructured_problems() {
    let rocks4 = [(0, 1), (1, 3), (2, 0), (3, 2)];
    let rocks5 = [(0, 1), (1, 3), (2, 0), (3, 2), (4, 4)];
    let problems = [
        ("RockSample[4,4]", rock_sample(4, &rocks4, (0, 2)).unwrap(), 0.1, 17.0..19.5),
        ("RockSample[5,5]", rock_sample(5, &rocks5, (0, 2)).unwrap(), 0.1, 17.0..24.0),
        ("Tag", tag().unwrap(), 1.0, -8.0..-5.5),
    ];
    for (name, pomdp, precision, range) in problems {
        let solver = SarsopSolver { precision, max_time: Some(60.0), ..SarsopSolver::default() };
        let policy = solver.solve(&pomdp, &mut Context::new(0)).unwrap();
        let last = policy.trace().last().unwrap();
        println!(
            "{name}: {:.4} {:.4} in {:.2} s, {} vectors, {} beliefs, {:?}",
            last.lower,
            last.upper,
            last.time,
            last.n_alpha,
            last.n_beliefs,
            policy.status()
        );
        assert!(range.contains(&policy.lower()), "{name}");
    }
}
