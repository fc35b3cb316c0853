use super::*;
use crate::bundle::{Field, Input, Output, Shape};
use crate::method::{Card, Estimator, Operation, Paper};
use crate::model::{Fitted, Model, State};
use crate::params::{Checked, NoParams, Params};
use crate::reproduction::{Claim, Environment, Evidence, Figure, Reproduction, Run, Scale, Shard, Store, collect, run_trials};
use crate::status::Status;
use crate::table::Column;
use ndarray::{Array2, CowArray, Ix1, Ix2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The mean of the outcomes, drawn towards 0; or the class that most have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Shrunk {
    /// How far.
    #[schemars(range(min = 0.0, max = 1.0))]
    shrink: f64,
    /// On a logarithmic scale.
    #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
    rate: f64,
    /// Steps.
    #[schemars(range(min = 1, max = 4))]
    steps: u64,
    /// Widths.
    widths: Vec<u64>,
    /// Whether.
    centred: bool,
}

impl Default for Shrunk {
    fn default() -> Self {
        Self { shrink: 0.0, rate: 0.1, steps: 2, widths: vec![8], centred: true }
    }
}

impl Params for Shrunk {}

struct Rows<'a> {
    y: CowArray<'a, f64, Ix1>,
}

impl<'a> Input<'a> for Rows<'a> {
    const FIELDS: &'static [Field] = &[
        Field::rest("X", Shape::Matrix, "features"),
        Field::columns("y", Shape::Vector, "outcome"),
        Field::new("f", Shape::Function, "").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self { y: bundle.vector("y")? })
    }
}

struct Mean(f64);

impl Model for Mean {
    const METHOD: &'static str = "shrunk";
    const FORMAT: u32 = 1;
    fn attributes(&self) -> Bundle<'static> {
        Bundle::new().with("mean", self.0).with("none", f64::NAN).with("status", json!({"converged": true, "word": "x"}))
    }
    fn to_state(&self) -> State {
        State { arrays: Bundle::new().with("mean", self.0), json: json!({}) }
    }
    fn from_state(state: State, _: u32) -> Result<Self> {
        Ok(Self(state.arrays.scalar("mean")?))
    }
}

impl Estimator for Shrunk {
    const SUMMARY: &'static str = "Fit";
    type Params = Self;
    type Input<'a> = Rows<'a>;
    type Model = Mean;
    fn fit(params: &Checked<Self>, input: Rows<'_>, _: &mut Context) -> Result<Fitted<Mean>> {
        if params.shrink == 0.75 {
            return Err(Error::numeric("broken"));
        }
        let trace = Table::new().with("loss", Column::Number((0..3000).map(|i| 1.0 / f64::from(i + 1)).collect()))?;
        Ok(Fitted { model: Mean((1.0 - params.shrink) * input.y.mean().unwrap_or(0.0)), status: Status::Converged, trace })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

struct Features(usize);

impl<'a> Input<'a> for Features {
    const FIELDS: &'static [Field] = &[Field::rest("X", Shape::Matrix, "features")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let x: CowArray<'_, f64, Ix2> = bundle.matrix("X")?;
        Ok(Self(x.nrows()))
    }
}

struct Predictions(Vec<f64>);

impl Output for Predictions {
    const FIELDS: &'static [Field] = &[Field::new("prediction", Shape::Vector, "")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

struct Predict;

impl Operation for Predict {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "Predict";
    type Params = NoParams;
    type Model = Mean;
    type Input<'a> = Features;
    type Output = Predictions;
    fn apply(_: &Checked<NoParams>, model: &Mean, input: Features, _: &mut Context) -> Result<Predictions> {
        Ok(Predictions(vec![model.0; input.0]))
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

struct Nothing;

impl Reproduction for Nothing {
    type Trial = BTreeMap<String, u64>;
    const VERSION: u32 = 3;
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }
    fn trials(&self, _: Scale) -> Vec<Self::Trial> {
        Vec::new()
    }
    fn run(&self, _: &Self::Trial, _: &mut Context) -> Result<Metrics> {
        Ok(Metrics::new())
    }
    fn sabotaged(&self, _: &Self::Trial) -> Option<Self::Trial> {
        None
    }
    fn figures(&self, _: &Evidence) -> Vec<Figure> {
        Vec::new()
    }
}

fn method() -> Method {
    let paper = Paper { title: "", authors: "", year: 2026, reference: "" };
    let card = Card { slug: "shrunk", title: "", family: "", summary: "", paper, complexity: "", keywords: &[] };
    Method::new(card, "", Nothing).estimator::<Shrunk>().operation::<Predict>()
}

fn data() -> Bundle<'static> {
    let y: Vec<f64> = (0..20).map(|i| 3.0 + f64::from(i % 5)).collect();
    Bundle::new().with("X", Array2::<f64>::zeros((20, 2))).with("y", y)
}

fn setup<'a>(method: &'a Method, space: &[&str], design: Design, folds: Option<usize>) -> Result<Setup<'a>> {
    let spec = &method.verb("fit")?.params;
    let space = space.iter().map(|text| Dimension::parse(text, spec)).collect::<Result<_>>()?;
    Ok(Setup { method, task: "fit", fixed: Map::new(), space, design, seed: 5, folds, data: data(), model: None })
}

fn refused(space: &[&str], design: Design, folds: Option<usize>) -> String {
    let method = method();
    let refused = setup(&method, space, design, folds).and_then(Sweep::new);
    refused.err().map(|error| error.to_string()).unwrap_or_default()
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, crate::reproduction::Record>>);

impl Store for Memory {
    fn load(&self, _: &str, key: &str) -> Result<Option<crate::reproduction::Record>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn save(&self, record: &crate::reproduction::Record) -> Result<()> {
        self.0.lock().unwrap().insert(record.key(), record.clone());
        Ok(())
    }
}

fn ran(sweep: &Sweep<'_>) -> Evidence {
    let store = Memory::default();
    let run = Run { shard: Shard::default(), retry_failed: false, environment: Environment::default(), progress: None };
    assert_eq!(run_trials(sweep, &run, &store, &Context::new(0)).unwrap(), sweep.len());
    collect(sweep, &store).unwrap()
}

#[test]
fn a_grid_is_every_combination_and_measures_the_numbers_of_the_task() {
    let method = method();
    let sweep = Sweep::new(setup(&method, &["shrink=0,0.5,0.75", "centred", "widths=[8],[8,8]"], Design::Grid, None).unwrap()).unwrap();
    assert_eq!((sweep.points(), sweep.len()), (12, 12));
    assert_eq!(Value::Object(sweep.point(4)), json!({"shrink": 0.5, "centred": false, "widths": [8]}));
    let points: BTreeSet<String> = (0..12).map(|i| Value::Object(sweep.point(i)).to_string()).collect();
    assert_eq!(points.len(), 12);
    let evidence = ran(&sweep);
    assert_eq!((evidence.number(0, "mean"), evidence.number(4, "mean")), (Some(5.0), Some(2.5)));
    assert_eq!(evidence.number(0, "status.converged"), Some(1.0));
    assert_eq!(evidence.number(0, "none"), None, "what is not finite is no metric");
    assert_eq!(evidence.error(8), Some("shrunk: broken"));
    assert_eq!(evidence.series("loss", &crate::reproduction::Cell::all()).map(<[f64]>::len), Some(1000), "curves are thinned");
    assert_eq!(sweep.point_of(&evidence.trial(4)), sweep.point(4));
}

#[test]
fn cross_validation_scores_rows_that_the_fit_did_not_see() {
    let method = method();
    let sweep = Sweep::new(setup(&method, &["shrink=0,0.5"], Design::Grid, Some(4)).unwrap()).unwrap();
    assert_eq!((sweep.points(), sweep.per_point(), sweep.len()), (2, 4, 8));
    let evidence = ran(&sweep);
    let y = data().vector("y").unwrap().to_vec();
    for row in 0..8 {
        let (seen, held_out) = sweep.folds.as_ref().unwrap().rows(row % 4);
        assert_eq!((seen.len(), held_out.len()), (15, 5));
        let guess = if row < 4 { 1.0 } else { 0.5 } * seen.iter().map(|&i| y[i]).sum::<f64>() / 15.0;
        let expected = (held_out.iter().map(|&i| (y[i] - guess).powi(2)).sum::<f64>() / 5.0).sqrt();
        assert!((evidence.number(row, "rmse").unwrap() - expected).abs() < 1e-12, "{row}");
    }
    let every: BTreeSet<usize> = (0..4).flat_map(|fold| sweep.folds.as_ref().unwrap().rows(fold).1).collect();
    assert_eq!(every.len(), 20, "each row is held out once");
}

#[test]
fn folds_have_their_share_of_every_class() {
    let labels: Vec<Option<String>> = (0..30).map(|i| Some(if i % 3 == 0 { "rare" } else { "common" }.to_owned())).collect();
    let table = Table::new().with("y", Column::Text(labels.clone())).unwrap();
    let folds = Folds::new(5, &Bundle::new().with("y", table.clone()), 1).unwrap();
    for fold in 0..5 {
        let (_, held_out) = folds.rows(fold);
        assert_eq!(held_out.iter().filter(|&&row| labels[row].as_deref() == Some("rare")).count(), 2);
    }
    let found = Table::new().with("labels", Column::Text(vec![Some("rare".into()); 30])).unwrap();
    let scored = folds::score(&Bundle::new().with("labels", found), &Bundle::new().with("y", table)).unwrap();
    assert_eq!(scored.numbers["accuracy"], 1.0 / 3.0);
}

#[test]
fn random_and_sobol_points_fill_the_ranges_and_depend_on_the_seed_alone() {
    let method = method();
    let space = ["shrink", "rate=1e-4..1", "steps", "centred"];
    for design in [Design::Random(64), Design::Sobol(64)] {
        let sweep = Sweep::new(setup(&method, &space, design, None).unwrap()).unwrap();
        let points: Vec<Point> = (0..64).map(|i| sweep.point(i)).collect();
        let numbers = |name: &str| -> Vec<f64> { points.iter().map(|p| p[name].as_f64().unwrap()).collect() };
        let below = |name: &str, bound: f64| numbers(name).into_iter().filter(|&x| x < bound).count();
        let (halves, decades) = (below("shrink", 0.5), below("rate", 1e-2));
        match design {
            Design::Sobol(_) => assert_eq!((halves, decades), (32, 32), "as many in each half"),
            _ => assert!((20..44).contains(&halves) && (20..44).contains(&decades)),
        }
        assert!(numbers("rate").iter().all(|x| (1e-4..=1.0).contains(x)));
        let steps: BTreeSet<i64> = points.iter().map(|p| p["steps"].as_i64().unwrap()).collect();
        assert_eq!(steps, BTreeSet::from([1, 2, 3, 4]));
        let again = Sweep::new(setup(&method, &space, design, None).unwrap()).unwrap();
        assert_eq!(again.point(17), points[17]);
        let other = Sweep::new(Setup { seed: 6, ..setup(&method, &space, design, None).unwrap() }).unwrap();
        assert_ne!(other.point(17), points[17]);
    }
}

#[test]
fn trials_are_named_by_the_data_too() {
    let method = method();
    let key = |data: Bundle<'static>| {
        let sweep = Sweep::new(Setup { data, ..setup(&method, &["shrink=0,1"], Design::Grid, None).unwrap() }).unwrap();
        sweep.key(&sweep.trial(0).unwrap())
    };
    assert_eq!(key(data()), key(data()));
    assert_ne!(key(data()), key(data().with("y", vec![1.0; 20])));
    let sweep = Sweep::new(setup(&method, &["shrink=0,1"], Design::Grid, None).unwrap()).unwrap();
    let strange = sweep.measure(&json!({"shrink": 0.0, "seed": 5, "data": "0"}), &mut Context::new(0)).unwrap_err().to_string();
    assert!(strange.contains("is not one of these data"), "{strange}");
    assert_eq!((sweep.name(), sweep.version()), ("shrunk.fit", 10_003));
    let chosen = sweep.trials_of(&Map::from_iter([("shrink".into(), json!(0.0))])).unwrap();
    assert_eq!(chosen, [sweep.trial(0).unwrap()], "a point that somebody else chose is the same trial");
    let whole = sweep.trials_of(&Map::from_iter([("shrink".into(), json!(0))])).unwrap();
    assert_eq!(whole, chosen, "0 is 0.0");
    assert!(sweep.owns(&chosen[0]) && !sweep.owns(&json!({"shrink": 0.0, "seed": 4})));
    assert!(
        sweep
            .trials_of(&Map::from_iter([("shrink".into(), json!(2.0))]))
            .unwrap_err()
            .to_string()
            .contains("'shrink' must be in [0, 1], got 2")
    );
}

#[test]
fn what_cannot_be_swept_is_refused_before_any_trial() {
    assert!(refused(&["shrink"], Design::Grid, None).contains("'shrink' is a range, and the number of trials is missing"));
    assert!(refused(&["rate"], Design::Random(3), None).contains("'rate' needs its values"));
    assert!(refused(&["rate=0..1"], Design::Random(3), None).contains("'rate' must be a range above 0 on its logarithmic scale"));
    assert_eq!(refused(&["rate=linear:0.001..1"], Design::Random(3), None), "");
    assert!(refused(&["shrink=0.5..0.2"], Design::Random(3), None).contains("from a lower to a higher number"));
    assert!(refused(&["shrink=cubic:0..1"], Design::Random(3), None).contains("'param' must be NAME"));
    assert!(refused(&["shrnk=0..1"], Design::Random(3), None).contains("did you mean 'shrink'?"));
    assert!(refused(&["centred=0..1"], Design::Random(3), None).contains("'centred' is no number"));
    assert!(refused(&["shrink=0,1", "shrink=1"], Design::Grid, None).contains("'shrink' is given twice"));
    assert!(refused(&[], Design::Grid, None).contains("there is nothing to vary"));
    assert!(refused(&["shrink=0,1"], Design::Grid, Some(21)).contains("'folds' must be a number from 2 to the 20 rows, got 21"));
    assert!(refused(&["shrink=0..1"], Design::Sobol(70_000), None).contains("at most 65536 points"));
    let method = method();
    let base = || setup(&method, &["shrink=0,1"], Design::Grid, Some(2)).unwrap();
    let message = |setup| Sweep::new(setup).err().unwrap().to_string();
    let short = Sweep::new(Setup { data: data().with("X", Array2::<f64>::zeros((19, 2))), ..base() }).unwrap();
    let error = short.measure(&short.trial(0).unwrap(), &mut Context::new(0)).unwrap_err().to_string();
    assert!(error.contains("cross-validation needs 20 rows of 'X', as many as 'y' has, got 19"), "{error}");
    let function = crate::bundle::Function::new(|_| Ok(Bundle::new()));
    let mut with_function = data();
    with_function.insert("f", Item::Function(function));
    assert!(message(Setup { data: with_function, ..base() }).contains("'f' is a function"));
}

#[test]
fn a_metric_that_no_trial_can_have_is_refused_before_any_trial() {
    let method = method();
    let sweep = |folds| Sweep::new(setup(&method, &["shrink=0,1"], Design::Grid, folds).unwrap()).unwrap();
    let error = sweep(Some(2)).check_metric("rmes").unwrap_err().to_string();
    assert!(error.ends_with("trials do not measure 'rmes'; did you mean 'rmse'?"), "{error}");
    assert!(sweep(Some(2)).check_metric("accuracy").is_err(), "numbers are not labels");
    assert!(sweep(Some(2)).check_metric("mae").is_ok());
    assert!(sweep(None).check_metric("whatever").is_ok(), "only a fit itself knows what it gives");
}

#[test]
fn spaces_are_read_from_json_as_from_text() {
    let method = method();
    let spec = &method.verb("fit").unwrap().params;
    let same = |name: &str, json: Value, text: &str| {
        let dimension = Dimension::from_json(name, &json, spec).unwrap();
        assert_eq!(dimension, Dimension::parse(text, spec).unwrap());
        assert_eq!(Dimension::from_json(name, &dimension.to_json(), spec).unwrap(), dimension);
    };
    same("rate", json!({"low": 0.01, "high": 1}), "rate=0.01..1");
    same("rate", json!({"low": 0.01, "high": 1, "log": false}), "rate=linear:0.01..1");
    same("shrink", json!([0.0, 0.5]), "shrink=0,0.5");
    same("centred", Value::Null, "centred");
    same("steps", Value::Null, "steps=1..4");
    for bad in [json!([]), json!(3), json!({"low": 1}), json!({"low": 0, "high": 1, "step": 2}), json!([7])] {
        assert!(Dimension::from_json("shrink", &bad, spec).is_err(), "{bad}");
    }
    let rate = Dimension::parse("rate=0.01..1", spec).unwrap();
    assert_eq!((rate.place(&json!(0.1)), rate.place(&json!("x"))), (Some(0.5), None));
    assert_eq!(Dimension::parse("steps=1,3,4", spec).unwrap().place(&json!(3)), Some(0.5));
}
