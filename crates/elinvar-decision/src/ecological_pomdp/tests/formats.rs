use super::*;
use crate::ecological_pomdp::data::{rock_sample, tiger};
use crate::ecological_pomdp::formats::*;
use ndarray::{arr1, arr2};

const TIGER: &str = "# Tiger
discount: 0.95
values: reward
states: tiger-left tiger-right
actions: listen open-left open-right
observations: hear-left hear-right
start: uniform
T: listen
identity
T: open-left uniform
T:open-right
uniform
O: listen
0.85 0.15
0.15 0.85
O: open-left
uniform
O: open-right uniform
R: listen : * : * : * -1
R: open-left : tiger-left : * : * -100
R: open-left : tiger-right : * : * 10
R: open-right : tiger-left : * : * 10
R: open-right : tiger-right : * : * -100
";

#[test]
fn cassandra_tiger_is_the_tiger() {
    let named = read_cassandra(TIGER).unwrap();
    assert_eq!(named.pomdp, tiger().unwrap());
    assert_eq!(named.states, ["tiger-left", "tiger-right"]);
}

#[test]
fn cassandra_forms_of_rules() {
    let text = "discount: 0.9\nvalues: cost\nstates: 2\nactions: go stay\nobservations: 2\nstart include: 1\n\
        T: * : * : 0 0.25\nT: * : * : 1 0.75\nT: stay : 1 0 1\nO: * : 0 : 0 1.0\nO: * : 1 uniform\n\
        R: * : * : * : * 1\nR: go : 0 : 1 3 5\nR: go : 0 : 0 : * 7\nR: stay : 1 1 2 3 4\n";
    let p = read_cassandra(text).unwrap().pomdp;
    assert_eq!(p.prior(), &arr1(&[0.0, 1.0]));
    assert_eq!(p.transition_row(1, 1), arr1(&[0.0, 1.0]));
    assert_eq!(p.transition_row(0, 1), arr1(&[0.25, 0.75]));
    // Costs: go in 0: 0.25 * 7 + 0.75 * (3 + 5) / 2; stay in 1: (3 + 4) / 2.
    close(p.reward()[[0, 0]], -(0.25 * 7.0 + 0.75 * 4.0), 1e-12);
    close(p.reward()[[1, 1]], -3.5, 1e-12);
    close(p.reward()[[1, 0]], -1.0, 1e-12);
    let two = "discount: 0.9\nstates: 2\nactions: 1\nobservations: 1\nstart exclude: 0\nT: 0 identity\nO: * uniform\n";
    assert_eq!(read_cassandra(two).unwrap().pomdp.prior(), &arr1(&[0.0, 1.0]));
}

#[test]
fn cassandra_errors_name_the_line() {
    let message = |from: &str, to: &str| read_cassandra(&TIGER.replace(from, to)).unwrap_err().to_string();
    assert_eq!(message("T: listen\n", "T: listn\n"), "line 8: there is no action 'listn'; did you mean 'listen'?");
    assert_eq!(message("0.15 0.85", "0.15 x"), "line 15: expected a probability, got 'x'");
    assert!(message("0.15 0.85", "0.15 0.95").contains("observation row of action 0, state 1 must sum to 1 within 1e-6, got 1.0999"));
    assert!(message("values: reward", "value: reward").contains("line 3: expected a section"));
    assert!(message("discount: 0.95\n", "").contains("no discount"));
    assert!(message("states: tiger-left tiger-right", "states: 999999").contains("entries"));
    assert!(message(" : * : * -100\n", " : * : *").contains("line"));
}

#[test]
fn written_problems_read_the_same() {
    let fishery = FisheryModel { grid: (0.0, 2.0, 9), ..FisheryModel::default() }.to_pomdp().unwrap();
    for pomdp in [tiger().unwrap(), fishery, rock_sample(2, &[(0, 1)], (0, 0)).unwrap()] {
        let named = NamedPomdp::numbered(pomdp);
        let again = [read_cassandra(&write_cassandra(&named).unwrap()).unwrap(), read_pomdpx(&write_pomdpx(&named).unwrap()).unwrap()];
        for other in again {
            assert_eq!((&other.states, &other.actions, &other.observations), (&named.states, &named.actions, &named.observations));
            let (p, q) = (&other.pomdp, &named.pomdp);
            for a in 0..q.n_actions() {
                for s in 0..q.n_states() {
                    let far = |x: Array1<f64>, y: Array1<f64>| (x - y).fold(0.0f64, |m, d| m.max(d.abs()));
                    assert!(far(p.transition_row(a, s), q.transition_row(a, s)) < 1e-12);
                    assert!(far(p.observation_row(a, s), q.observation_row(a, s)) < 1e-12);
                }
            }
            assert!((p.reward() - q.reward()).iter().all(|d| d.abs() < 1e-12) && p.discount() == q.discount());
        }
    }
}

#[test]
fn factored_pomdpx_is_multiplied_out() {
    let text = r#"<?xml version="1.0"?>
<!-- two bits -->
<pomdpx version="1.0"><Discount> 0.9 </Discount>
<Variable>
 <StateVar vnamePrev="x_0" vnameCurr="x_1" fullyObs="true"><ValueEnum>a b</ValueEnum></StateVar>
 <StateVar vnamePrev="y_0" vnameCurr="y_1"><NumValues>2</NumValues></StateVar>
 <ObsVar vname="z"><ValueEnum>no yes</ValueEnum></ObsVar>
 <ActionVar vname="go"><ValueEnum>left right</ValueEnum></ActionVar>
 <RewardVar vname="pay"/>
</Variable>
<InitialStateBelief>
 <CondProb><Var>x_0</Var><Parent>null</Parent><Parameter type="TBL"><Entry><Instance>-</Instance><ProbTable>1 0</ProbTable></Entry></Parameter></CondProb>
 <CondProb><Var>y_0</Var><Parent>null</Parent><Parameter><Entry><Instance>-</Instance><ProbTable>uniform</ProbTable></Entry></Parameter></CondProb>
</InitialStateBelief>
<StateTransitionFunction>
 <CondProb><Var>x_1</Var><Parent>go x_0</Parent><Parameter>
  <Entry><Instance>* - -</Instance><ProbTable>identity</ProbTable></Entry>
  <Entry><Instance>right a -</Instance><ProbTable>0.25 0.75</ProbTable></Entry></Parameter></CondProb>
 <CondProb><Var>y_1</Var><Parent>y_0</Parent><Parameter><Entry><Instance>- -</Instance><ProbTable>0.9 0.1 0.2 0.8</ProbTable></Entry></Parameter></CondProb>
</StateTransitionFunction>
<ObsFunction><CondProb><Var>z</Var><Parent>go y_1</Parent><Parameter>
  <Entry><Instance>* s0 -</Instance><ProbTable>0.7 0.3</ProbTable></Entry><Entry><Instance>* s1 -</Instance><ProbTable>0.1 0.9</ProbTable></Entry></Parameter></CondProb></ObsFunction>
<RewardFunction><Func><Var>pay</Var><Parent>go x_0 y_1</Parent><Parameter>
  <Entry><Instance>left b *</Instance><ValueTable>2</ValueTable></Entry><Entry><Instance>right * s1</Instance><ValueTable>10</ValueTable></Entry></Parameter></Func></RewardFunction>
</pomdpx>"#;
    let named = read_pomdpx(text).unwrap();
    let p = &named.pomdp;
    assert_eq!(named.states, ["a/s0", "a/s1", "b/s0", "b/s1"]);
    assert_eq!(p.prior(), &arr1(&[0.5, 0.5, 0.0, 0.0]));
    let row = p.transition_row(1, 1);
    [0.25 * 0.2, 0.25 * 0.8, 0.75 * 0.2, 0.75 * 0.8].iter().zip(&row).for_each(|(x, y)| close(*x, *y, 1e-15));
    close(p.observation_row(0, 3)[1], 0.9, 1e-15);
    close(p.reward()[[2, 0]], 2.0, 1e-15);
    close(p.reward()[[0, 1]], 10.0 * 0.1, 1e-12);
    let message = |from: &str, to: &str| read_pomdpx(&text.replace(from, to)).unwrap_err().to_string();
    assert_eq!(message("right a -", "right c -"), "line 18: there is no value 'c'");
    assert!(message("0.25 0.75<", "0.25<").contains("must hold 2 numbers, got 1"));
    assert!(message("type=\"TBL\"", "type=\"DD\"").contains("decision diagrams"));
    assert!(message("</pomdpx>", "").contains("<pomdpx> is never closed"));
    assert!(message("</Variable>", "</Variabel>").contains("closes"));
}

#[test]
fn policyx_round_trip_and_sparse_vectors() {
    let (alphas, actions) = (arr2(&[[0.1, 1.0 / 3.0], [2e-300, -5.0]]), vec![1, 0]);
    let text = write_policyx(&alphas, &actions, "a <b>").unwrap();
    assert_eq!(read_policyx(&text).unwrap(), (alphas, actions));
    let sparse = r#"<Policy><AlphaVector vectorLength="4" numObsValue="1" numVectors="1">
<SparseVector action="3" obsValue="0"><Entry>0 1.5</Entry><Entry>3 -2</Entry></SparseVector></AlphaVector></Policy>"#;
    assert_eq!(read_policyx(sparse).unwrap(), (arr2(&[[1.5, 0.0, 0.0, -2.0]]), vec![3]));
    assert!(
        read_policyx(&sparse.replace("<Entry>3", "<Entry>4"))
            .unwrap_err()
            .to_string()
            .starts_with("line 2: an entry must be a position below 4")
    );
    assert!(read_policyx(&sparse.replace("numObsValue=\"1\"", "numObsValue=\"2\"")).is_err());
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    assert!(read_policyx(&deep).unwrap_err().to_string().contains("64 deep"));
    assert!(read_policyx("<a>&unknown;</a>").unwrap_err().to_string().contains("unknown entity"));
}

#[test]
fn fishery_toml_round_trip() {
    let model =
        FisheryModel { growth: Growth::Allen, c: Some(0.2), sigma_m: 0.25, noise: Noise::RescaledLognormal, ..FisheryModel::default() };
    assert_eq!(read_fishery_toml(&write_fishery_toml(&model).unwrap()).unwrap(), model);
    assert_eq!(read_fishery_toml("K = 2.0\ngrowth = 'ricker'\n").unwrap().growth, Growth::Ricker);
    let error = read_fishery_toml("r = 0.5\nsigma = 0.1\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("unknown field `sigma`"), "{error}");
    assert!(read_fishery_toml("r = -1.0\n").unwrap_err().to_string().contains("'r' must be > 0, got -1"));
}
