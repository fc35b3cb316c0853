//! The contract that every method of the registry obeys. A new method cannot escape it: it is checked because it is registered.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use elinvar::core::params::{Domain, Parameter};
use elinvar::core::reproduction::{self, Environment, Evidence, Run, Scale, Shard, Store, Verdict};
use elinvar::core::{Bundle, Context, FittedModel, Item, Kind, Method, Shape, Verb, VerbKind};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Parameters that keep the examples of a slow method short. Everything else stays at its default.
fn short(slug: &str, verb: &str) -> Map<String, Value> {
    let value = match (slug, verb) {
        ("distance-covariance", "fit" | "path") => json!({"max_epochs": 3, "lambdas": [0.0, 10.0], "cv": 2}),
        ("augmented-covariance", "fit" | "evaluate") => json!({"inner_cv": 2, "n_splits": 2}),
        ("monge-gap", "fit") => json!({"num_iters": 20}),
        ("ecological-pomdp", "compare" | "survey-value") => json!({"precision": 0.3, "n_reps": 20, "sigmas": [0.1]}),
        ("rnn-degeneracy", "train") => json!({
            "n_channels": 1, "hidden": 8, "n_networks": 2, "steps": 12, "n_trials": 64, "batch_size": 16, "max_epochs": 2, "steps_per_epoch": 10
        }),
        ("rnn-degeneracy", "states" | "feature-learning") => json!({"n_probes": 4, "n_far": 8}),
        ("rnn-degeneracy", _) => json!({"rank": 4, "ranks": [3, 4], "n_resamples": 100, "n_starts": 2}),
        ("ecological-pomdp", "solve") => json!({"max_time": null, "max_trials": 15, "precision": 0.05}),
        _ => json!({}),
    };
    let accepted = find(slug).verb(verb).unwrap().params.names().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    value.as_object().unwrap().iter().filter(|(k, _)| accepted.contains(*k)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn find(slug: &str) -> Method {
    elinvar::methods().into_iter().find(|m| m.card.slug == slug).unwrap()
}

fn each(check: impl Fn(&Method)) {
    let methods = elinvar::methods();
    assert!(!methods.is_empty());
    methods.iter().for_each(check);
}

fn context() -> Context {
    Context::new(3).with_threads(1)
}

/// The tasks whose examples are data alone. A task that reads a file by itself is tested beside its method, with files of its own.
fn runnable(method: &Method) -> impl Iterator<Item = &Verb> {
    method.verbs.iter().filter(|verb| verb.inputs.iter().all(|field| field.shape != Shape::Path))
}

/// Runs the example of a verb; operations get the model that the method's own fit learns from its example.
fn run_example(method: &Method, verb: &Verb, ctx: &mut Context) -> elinvar::Result<(Bundle<'static>, Option<FittedModel>)> {
    let model = (verb.kind == VerbKind::Apply).then(|| example_model(method));
    let outcome = method.run(verb.name, &short(method.card.slug, verb.name), model.as_ref(), &(verb.example)(), ctx)?;
    Ok((outcome.values, outcome.model))
}

fn example_model(method: &Method) -> FittedModel {
    let fit = method.verbs.iter().find(|v| v.kind == VerbKind::Fit).expect("an operation needs an estimator");
    method.run(fit.name, &short(method.card.slug, fit.name), None, &(fit.example)(), &mut context()).unwrap().model.unwrap()
}

/// The numbers of a bundle, bit by bit, so that equality means equality.
fn bits(bundle: &Bundle<'_>) -> BTreeMap<String, Vec<u64>> {
    let numbers = |item: &Item<'_>| match item {
        Item::Array(a) => a.iter().map(|x| x.to_bits()).collect(),
        Item::Array32(a) => a.iter().map(|x| u64::from(x.to_bits())).collect(),
        Item::Integers(a) => a.iter().map(|&x| x as u64).collect(),
        Item::Table(t) => t.iter().flat_map(|(_, c)| c.to_numbers().unwrap_or_default()).map(f64::to_bits).collect(),
        Item::Json(v) => v.to_string().bytes().map(u64::from).collect(),
        Item::Sparse(_) | Item::Document { .. } | Item::Function(_) => Vec::new(),
    };
    // Wall-clock times are allowed to differ.
    bundle
        .iter()
        .filter(|(name, _)| !name.contains("time") && !name.contains("trace") && !name.contains("history"))
        .map(|(n, i)| (n.to_owned(), numbers(i)))
        .collect()
}

#[test]
fn cards_and_documentation_are_complete() {
    let mut slugs = BTreeSet::new();
    each(|method| {
        let card = &method.card;
        for (what, text) in [("title", card.title), ("summary", card.summary), ("paper", card.paper.title), ("complexity", card.complexity)]
        {
            assert!(!text.is_empty(), "{}: no {what}", card.slug);
        }
        assert!(card.slug.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", card.slug);
        for heading in [
            "## When to use it",
            "## When not to use it",
            "## Example",
            "## Parameters",
            "## Complexity",
            "## Claims",
            "## Differences from the paper",
            "## Peers",
        ] {
            assert!(method.readme.contains(heading), "{}: the README has no section '{heading}'", card.slug);
        }
        assert!(!method.verbs.is_empty() && !method.classes.is_empty(), "{}", card.slug);
    });
    elinvar::methods().iter().for_each(|m| assert!(slugs.insert(m.card.slug), "{} is registered twice", m.card.slug));
}

#[test]
fn names_are_fit_for_flags_and_python() {
    const KEYWORDS: &[&str] = &[
        "lambda", "class", "def", "from", "import", "in", "is", "not", "or", "and", "pass", "return", "with", "as", "async", "await",
        "global",
    ];
    const COMMON_FLAGS: &[&str] = &[
        "json",
        "seed",
        "threads",
        "time_limit",
        "mem_limit",
        "out",
        "param",
        "params",
        "quiet",
        "progress",
        "strict",
        "device",
        "help",
        "version",
        "data",
    ];
    each(|method| {
        for verb in &method.verbs {
            let mut seen = BTreeSet::new();
            let inputs = verb.inputs.iter().map(|f| f.flag_name().replace('-', "_"));
            for name in verb.params.names().into_iter().map(str::to_owned).chain(inputs) {
                let place = format!("{} {} '{name}'", method.card.slug, verb.name);
                assert!(!KEYWORDS.contains(&name.as_str()), "{place}: a Python keyword");
                assert!(!COMMON_FLAGS.contains(&name.as_str()), "{place}: clashes with a common flag");
                assert!(seen.insert(name), "{place}: stands twice");
            }
            for parameter in &verb.params.parameters {
                assert!(!parameter.doc.is_empty(), "{} {}: parameter '{}' has no doc", method.card.slug, verb.name, parameter.name);
            }
            for field in verb.inputs.iter().chain(verb.outputs) {
                assert!(!field.doc.is_empty(), "{} {}: '{}' has no doc", method.card.slug, verb.name, field.name);
            }
        }
    });
}

#[test]
fn examples_run_and_return_what_is_declared() {
    each(|method| {
        for verb in runnable(method) {
            let (values, model) =
                run_example(method, verb, &mut context()).unwrap_or_else(|e| panic!("{} {}: {e}", method.card.slug, verb.name));
            assert_eq!(model.is_some(), verb.kind == VerbKind::Fit, "{} {}", method.card.slug, verb.name);
            let declared: BTreeSet<&str> = verb.outputs.iter().map(|f| f.name).collect();
            let required: BTreeSet<&str> = verb.outputs.iter().filter(|f| !f.optional).map(|f| f.name).collect();
            let got: BTreeSet<&str> = values.names().into_iter().collect();
            if verb.kind != VerbKind::Fit {
                assert!(
                    required.is_subset(&got) && got.is_subset(&declared),
                    "{} {}: {got:?} against {declared:?}",
                    method.card.slug,
                    verb.name
                );
            }
            assert!(!bits(&values).is_empty(), "{} {}: returns nothing", method.card.slug, verb.name);
        }
    });
}

#[test]
fn results_do_not_depend_on_threads_or_repetition() {
    each(|method| {
        for verb in runnable(method).filter(|v| v.kind != VerbKind::Apply) {
            let run = |threads| bits(&run_example(method, verb, &mut Context::new(3).with_threads(threads)).unwrap().0);
            let one = run(1);
            assert_eq!(one, run(2), "{} {}: 1 and 2 threads", method.card.slug, verb.name);
            assert_eq!(one, run(1), "{} {}: repeated", method.card.slug, verb.name);
        }
    });
}

#[test]
fn models_survive_saving_and_refuse_strangers() {
    assert!(elinvar::methods().iter().any(|m| m.model_format().is_some()));
    each(|method| {
        let Some(format) = method.model_format() else { return };
        let fitted = example_model(method);
        let again = method.load(fitted.model.to_state(), format, fitted.params.clone()).unwrap();
        for verb in method.verbs.iter().filter(|v| v.kind == VerbKind::Apply) {
            let apply = |model: &FittedModel| {
                bits(
                    &method
                        .run(verb.name, &short(method.card.slug, verb.name), Some(model), &(verb.example)(), &mut context())
                        .unwrap()
                        .values,
                )
            };
            assert_eq!(apply(&fitted), apply(&again), "{} {}", method.card.slug, verb.name);
        }
        let newer = method.load(fitted.model.to_state(), format + 1, json!({})).err().expect("a newer format is refused");
        assert_eq!(newer.kind(), Kind::Model);
        assert!(newer.to_string().contains("install a newer elinvar"), "{newer}");
        let broken = method.load(Default::default(), format, json!({}));
        assert!(broken.is_err(), "{}: an empty state is refused", method.card.slug);
    });
}

/// Values just outside a parameter's bounds, of a wrong type, and no number at all.
fn bad_values(parameter: &Parameter) -> Vec<Value> {
    let bounds = &parameter.bounds;
    let mut values = Vec::new();
    let step = if parameter.domain == Domain::Integer { 1.0 } else { 1e-6 };
    let number = |x: f64| if parameter.domain == Domain::Integer { json!(x as i64) } else { json!(x) };
    if matches!(parameter.domain, Domain::Integer | Domain::Number) {
        values.extend(bounds.min.map(|b| number(b - step)));
        values.extend(bounds.above.map(number));
        values.extend(bounds.max.map(|b| number(b + step)));
        values.extend(bounds.below.map(number));
    }
    match parameter.domain {
        Domain::Any => {}
        Domain::Text => values.push(json!(3)),
        Domain::Bool => values.push(json!("perhaps")),
        _ => values.push(json!({"a": {"b": []}})),
    }
    values
}

#[test]
fn bad_parameters_give_the_one_form_of_message() {
    each(|method| {
        for verb in runnable(method) {
            let run = |params: Map<String, Value>| {
                let model = (verb.kind == VerbKind::Apply).then(|| example_model(method));
                method.run(verb.name, &params, model.as_ref(), &(verb.example)(), &mut context()).err()
            };
            for parameter in &verb.params.parameters {
                for bad in bad_values(parameter) {
                    let error = run([(parameter.name.clone(), bad.clone())].into_iter().collect());
                    let place = format!("{} {} {}={bad}", method.card.slug, verb.name, parameter.name);
                    let error = error.unwrap_or_else(|| panic!("{place} is accepted"));
                    assert_eq!(error.kind(), Kind::Parameter, "{place}: {error}");
                    let start = format!("{}: parameter '{}' must be ", method.card.slug, parameter.name);
                    assert!(error.to_string().starts_with(&start), "{place}: {error}");
                }
            }
            let error = run([("no_such_parameter".to_owned(), json!(1))].into_iter().collect()).unwrap();
            assert!(error.to_string().contains("there is no parameter 'no_such_parameter'"), "{error}");
        }
    });
}

/// Degenerate variants of one array input.
fn degenerate(item: &Item<'_>) -> Vec<(&'static str, Item<'static>)> {
    let Item::Array(array) = item else { return Vec::new() };
    let owned = array.to_owned();
    let fill = |x: f64| Item::from(owned.mapv(|_| x));
    let head = |n: usize| Item::from(owned.slice_axis(ndarray::Axis(0), (0..n.min(owned.shape()[0])).into()).to_owned());
    let first = |x: f64| {
        let mut changed = owned.clone();
        if let Some(cell) = changed.first_mut() {
            *cell = x;
        }
        Item::from(changed)
    };
    let mut variants = vec![
        ("constant", fill(1.0)),
        ("zeros", fill(0.0)),
        ("NaN", first(f64::NAN)),
        ("infinite", first(f64::INFINITY)),
        ("huge", Item::from(owned.mapv(|x| x * 1e150))),
        ("tiny", Item::from(owned.mapv(|x| x * 1e-150))),
        ("subnormal", fill(5e-324)),
        ("negative", Item::from(owned.mapv(|x| -x - 1.0))),
    ];
    if owned.ndim() > 0 {
        variants.extend([("empty", head(0)), ("one row", head(1)), ("two rows", head(2)), ("three rows", head(3))]);
    }
    variants
}

#[test]
fn degenerate_inputs_give_finite_results_or_typed_errors() {
    each(|method| {
        for verb in runnable(method) {
            let example = (verb.example)();
            let model = (verb.kind == VerbKind::Apply).then(|| example_model(method));
            let names: Vec<String> = example.names().into_iter().map(str::to_owned).collect();
            for name in names {
                for (what, variant) in degenerate(example.get(&name).unwrap()) {
                    let place = format!("{} {}: {what} {name}", method.card.slug, verb.name);
                    let mut data = example.clone();
                    data.insert(name.as_str(), variant);
                    let gaps = verb.inputs.iter().any(|field| field.name == name && field.gaps);
                    match method.run(verb.name, &short(method.card.slug, verb.name), model.as_ref(), &data, &mut context()) {
                        // Where cells may be missing, so may results.
                        Ok(_) if what == "NaN" && gaps => {}
                        Ok(outcome) => assert_finite(&place, &outcome.values),
                        Err(error) => {
                            assert_ne!(error.kind(), Kind::Internal, "{place}: {error}");
                            assert!(!error.to_string().contains('\n') && error.to_string().len() > 20, "{place}: {error}");
                        }
                    }
                    if what == "infinite" || (what == "NaN" && !gaps) {
                        let outcome = method.run(verb.name, &short(method.card.slug, verb.name), model.as_ref(), &data, &mut context());
                        assert!(outcome.is_err(), "{place} is accepted");
                    }
                }
            }
        }
    });
}

fn assert_finite(place: &str, values: &Bundle<'_>) {
    for (name, item) in values.iter() {
        let finite = match item {
            Item::Array(a) => a.iter().all(|x| x.is_finite()),
            Item::Array32(a) => a.iter().all(|x| x.is_finite()),
            _ => true,
        };
        assert!(finite, "{place}: the result '{name}' is not finite");
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, reproduction::Record>>);

impl Store for Memory {
    fn load(&self, _: &str, key: &str) -> elinvar::Result<Option<reproduction::Record>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    fn save(&self, record: &reproduction::Record) -> elinvar::Result<()> {
        self.0.lock().unwrap().insert(record.key(), record.clone());
        Ok(())
    }
}

fn tiny(method: &Method) -> (Vec<reproduction::Judgement>, Evidence) {
    let run = Run { shard: Shard::default(), retry_failed: false, environment: Environment::default(), progress: None };
    let report = reproduction::run(method, Scale::Tiny, &run, &Memory::default(), &Context::new(0)).unwrap();
    (report.judgements, report.evidence)
}

#[test]
fn claims_are_well_formed_and_their_cells_have_trials() {
    each(|method| {
        let claims = method.reproduction.claims();
        let ids: BTreeSet<&str> = claims.iter().map(|c| c.id).collect();
        assert_eq!(ids.len(), claims.len(), "{}: an id stands twice", method.card.slug);
        for scale in [Scale::Tiny, Scale::Quick] {
            assert!(claims.iter().any(|c| c.scales.contains(&scale)), "{}: no claim at {scale} scale", method.card.slug);
            assert!(!method.reproduction.trials(scale).is_empty());
        }
        for claim in &claims {
            assert!(!claim.rules.is_empty() && !claim.says.is_empty() && !claim.paper.text().is_empty(), "{}", claim.id);
        }
    });
}

#[test]
fn tiny_reproductions_hold_and_fail_under_sabotage() {
    each(|method| {
        let (judged, evidence) = tiny(method);
        for judgement in &judged {
            assert_eq!(judgement.verdict, Verdict::Reproduced, "{} {}: {:#?}", method.card.slug, judgement.claim.id, judgement.parts);
        }
        let sabotaged = reproduction::sabotage(method, Scale::Tiny, &evidence, &Context::new(0)).unwrap();
        for judgement in &sabotaged {
            assert_ne!(
                judgement.verdict,
                Verdict::Reproduced,
                "{} {}: still reproduced without the method's idea: {:#?}",
                method.card.slug,
                judgement.claim.id,
                judgement.parts
            );
        }
        for figure in method.reproduction.figures(&evidence) {
            assert!(!figure.id.is_empty() && !figure.caption.is_empty() && !figure.panels.is_empty(), "{}", method.card.slug);
        }
    });
}
