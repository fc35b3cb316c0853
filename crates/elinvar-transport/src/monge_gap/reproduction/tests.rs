//! The studies that need data files, run on small stand-ins.

use super::*;
use crate::monge_gap::data::Cells;
use elinvar_core::Kind;
use elinvar_core::reproduction::{DynReproduction, Outcome, Record, Verdict, judge};
use elinvar_data::AnnData;
use ndarray::{Array2, array};
use rand_distr::{Distribution, StandardNormal};

const DRUGS: u64 = 3;
const STEPS: usize = 40;

/// Made-up cells: a control and three drugs that shift and stretch it.
fn made_up() -> Cells {
    let mut stream = Context::new(0).stream(&[("cells", 0)]);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for (label, stretch, shift) in [("control", 1.0, 0.0), ("alpha", 0.5, 2.0), ("beta", 1.5, -1.0), ("gamma", 1.0, 3.0)] {
        for _ in 0..60 {
            let point: [f64; 3] = std::array::from_fn(|_| StandardNormal.sample(&mut stream));
            rows.extend(point.map(|z| (z * stretch + shift) as f32));
            labels.push(Some(label.to_owned()));
        }
    }
    let x = Array2::from_shape_vec((labels.len(), 3), rows).unwrap();
    Cells::new(AnnData { x, features: ["area", "p53", "dna"].map(str::to_owned).to_vec(), labels }, None).unwrap()
}

fn few(trial: &Trial) -> Option<Trial> {
    (trial.seed < DRUGS).then(|| Trial { steps: STEPS, ..trial.clone() })
}

/// Evidence of the cell studies on these cells; the records keep the name of the real trial where they are sabotaged.
fn evidence(cells: &Cells, sabotage: bool) -> Evidence {
    let record = |trial: Trial| {
        let run = if sabotage { Reproduction::sabotaged(&MongeGapStudy, &trial).unwrap_or(trial.clone()) } else { trial.clone() };
        let metrics = cells::run_on(&run, cells, &mut Context::new(run.seed).with_threads(1)).unwrap();
        metrics.check().unwrap();
        let trial = serde_json::to_value(&trial).unwrap();
        let environment = Default::default();
        Record { method: "monge-gap".into(), code: 1, trial, outcome: Outcome::Metrics(metrics), seconds: 0.0, environment }
    };
    cell_trials().iter().filter_map(few).map(record).collect()
}

fn claim(id: &str) -> Claim {
    Reproduction::claims(&MongeGapStudy).into_iter().find(|claim| claim.id == id).unwrap()
}

#[test]
fn cell_studies_answer_every_rule_and_fall_with_the_gap_taken_out() {
    let cells = made_up();
    assert_eq!(cells.drugs(), ["alpha", "beta", "gamma"]);
    let real = evidence(&cells, false);
    assert_eq!(real.len() as u64, DRUGS * 4);
    for id in ["MG-6", "MG-7"] {
        let judged = judge(&claim(id), &real);
        assert!(judged.parts.iter().all(|part| part.seeds as u64 == DRUGS && part.value.is_some()), "{id}: {:?}", judged.parts);
        assert!(!matches!(judged.verdict, Verdict::NotRun | Verdict::Failed), "{id}");
    }
    let figures = Reproduction::figures(&MongeGapStudy, &real);
    assert!(figures.iter().any(|figure| figure.id == "cells"));
    let sabotaged = evidence(&cells, true);
    for id in ["MG-6", "MG-7"] {
        assert_eq!(judge(&claim(id), &sabotaged).verdict, Verdict::NotReproduced, "{id}");
    }
}

#[test]
fn splits_do_not_share_cells() {
    let cells = made_up();
    let (control, treated) = cells.pair(1, &Context::new(4)).unwrap();
    assert_eq!((control.train.dim(), control.test.dim(), treated.test.dim()), ((48, 3), (12, 3), (12, 3)));
    let shared = control.test.rows().into_iter().filter(|row| control.train.rows().into_iter().any(|other| other == row));
    assert_eq!(shared.count(), 0);
    assert_eq!(cells.pair(1, &Context::new(4)).unwrap().0, control, "one seed, one split");
    let message = cells.pair(3, &Context::new(4)).unwrap_err().to_string();
    assert_eq!(message, "drug number 3 was asked for, the data have 3 (counted from 0)");
}

#[test]
fn features_are_chosen_by_name() {
    let labels = vec![Some("control".to_owned()), None];
    let data = AnnData { x: array![[1.0, 2.0], [3.0, 4.0]], features: vec!["a".into(), "b".into()], labels };
    let message = |names: &[&str]| Cells::new(data.clone(), Some(names)).unwrap_err().to_string();
    assert_eq!(message(&["b", "c"]), "the cells have no feature 'c'");
    assert!(Cells::new(data.clone(), Some(&["b"])).is_ok());
    let untreated = AnnData { labels: vec![None, Some("x".into())], ..data };
    let message = Cells::new(untreated, None).unwrap_err().to_string();
    assert_eq!(message, "column 'drug' must mark untreated cells as 'control', got no such label");
}

#[cfg(feature = "hdf5")]
#[test]
fn cells_of_an_anndata_file_go_through_the_whole_study() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../elinvar-data/tests/reference/cells.h5ad");
    let data = elinvar_data::read_anndata(path, "drug").unwrap();
    let cells = Cells::new(data, Some(&["dna", "area"])).unwrap();
    assert_eq!(cells.drugs(), ["alpha", "beta", "gamma"]);
    let (control, _) = cells.pair(0, &Context::new(0)).unwrap();
    assert_eq!((control.train.nrows() + control.test.nrows(), control.train.ncols()), (60, 2));
    let judged = judge(&claim("MG-6"), &evidence(&cells, false));
    assert!(judged.parts.iter().all(|part| part.seeds as u64 == DRUGS), "{:?}", judged.parts);
}

/// Where no data are, a trial is skipped and says what to do. (Where they are, it would run for minutes.)
#[test]
fn absent_data_are_no_result() {
    if std::env::var_os("ELINVAR_DATA").is_some() {
        return;
    }
    for trial in [&mixture_trials()[0], &cell_trials()[0]] {
        let trial = serde_json::to_value(trial).unwrap();
        let error = DynReproduction::run(&MongeGapStudy, &trial, &mut Context::new(0)).unwrap_err();
        assert_eq!(error.kind(), Kind::File);
        assert!(error.hint_text().unwrap().contains("ELINVAR_DATA"), "{error}");
    }
}

#[test]
fn old_trials_keep_their_names() {
    let old = serde_json::json!({"study": "toy", "d": 2, "lambda": 1.0, "steps": 400, "seed": 0});
    let trials = DynReproduction::trials(&MongeGapStudy, Scale::Quick);
    assert!((0..trials.len()).any(|index| trials.get(index).unwrap() == old));
    let sabotaged = Reproduction::sabotaged(&MongeGapStudy, &mixture_trials()[0]).unwrap();
    assert_eq!((sabotaged.lambda, sabotaged.method.as_str()), (0.0, "mlp"));
    assert!(Reproduction::sabotaged(&MongeGapStudy, &mixture_trials()[1]).is_none(), "a baseline has nothing to take out");
}
