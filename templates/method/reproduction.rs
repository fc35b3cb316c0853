//! Trials and claims.

use super::{__Class__, data};
use elinvar_core::reproduction::{Aggregate, Axis, Cell, Claim, Evidence, Figure, Mark, Metrics, Panel, PaperFigure, Reproduction, Rule, Scale, Source, Threshold};
use elinvar_core::{Context, Result};
use serde::{Deserialize, Serialize};

/// The claims of the paper.
pub(super) struct Claims;

/// One trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trial {
    shrinkage: f64,
    rows: usize,
    seed: u64,
}

/// Shrinkage of the method and of the baseline.
const ARMS: [f64; 2] = [20.0, 0.0];

impl Reproduction for Claims {
    type Trial = Trial;
    const VERSION: u32 = 1;

    fn claims(&self) -> Vec<Claim> {
        let arm = |shrinkage: f64| Cell::of("shrinkage", shrinkage);
        vec![Claim {
            id: "A1",
            says: "shrinking lowers the squared error where the mean is zero",
            paper: PaperFigure::Qualitative("smaller error"),
            source: Source::Pilot,
            scales: &[Scale::Tiny, Scale::Quick],
            rules: vec![Rule::ratio("error", "squared_error", arm(ARMS[0]), arm(ARMS[1]), Aggregate::Mean, Threshold::AtMost(0.5))],
            finding: "",
        }]
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        let seeds = if scale == Scale::Tiny { 5 } else { 20 };
        let trials = (0..seeds).flat_map(|seed| ARMS.map(|shrinkage| Trial { shrinkage, rows: 20, seed }));
        trials.collect()
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        let model = __Class__ { shrinkage: trial.shrinkage }.fit(data::normal(trial.rows, ctx).view())?;
        Ok(Metrics::new().with("squared_error", model.location.powi(2)))
    }

    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        (trial.shrinkage > 0.0).then(|| Trial { shrinkage: 0.0, ..trial.clone() })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        let mean = |shrinkage: f64| evidence.summary("squared_error", &Cell::of("shrinkage", shrinkage)).map(|(mean, ..)| mean);
        let (Some(with), Some(without)) = (mean(ARMS[0]), mean(ARMS[1])) else { return Vec::new() };
        let bars = Mark::Bars { label: "mean over seeds".into(), y: vec![with, without], low: Vec::new(), high: Vec::new() };
        let panel = Panel {
            x: Axis::categories("", ["with shrinkage", "without"]),
            y: Axis::new("squared error"),
            marks: vec![bars],
            ..Default::default()
        };
        let caption = "Mean squared error of the location; the true mean is zero.".into();
        vec![Figure { id: "error".into(), title: "Shrinking lowers the error".into(), caption, panels: vec![panel] }]
    }
}
