//! A made-up registry by which the tests reach every path of the command, and a call that keeps what it wrote.

use elinvar_cli::{SharedWriter, Terminal, run};
use elinvar_core::ndarray::{Array1, CowArray, Ix1, Ix2};
use elinvar_core::reproduction::{
    Aggregate, Cell, Claim, Evidence, Figure, Metrics, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{
    Bundle, Cancel, Card, Checked, Column, Context, Error, Estimator, Field, Fitted, Function, Input, Measurement, Method, Model, NoParams,
    Operation, Output, Paper, Params, Result, Shape, State, Status, Table,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

/// Parameters of the toy fit, one of every kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    /// Strength of the penalty (λ).
    #[schemars(range(min = 0.0), extend("x-scale" = "log"))]
    pub penalty: f64,
    /// Loss.
    pub loss: Loss,
    /// Widths of the layers.
    #[schemars(inner(range(min = 1)))]
    pub layers: Vec<usize>,
    /// Greatest slope.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub limit: Option<f64>,
    /// Whether to centre first.
    pub centered: bool,
    /// Steps of the loop.
    pub steps: u64,
}

/// Losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Squares.
    Squared,
    /// Absolute values.
    Absolute,
}

impl Default for Line {
    fn default() -> Self {
        Self { penalty: 0.0, loss: Loss::Squared, layers: vec![8, 8], limit: None, centered: true, steps: 1 }
    }
}

impl Params for Line {}

#[derive(Clone, Debug)]
pub struct Slope(f64);

impl Model for Slope {
    const METHOD: &'static str = "line";
    const FORMAT: u32 = 1;
    fn attributes(&self) -> Bundle<'static> {
        Bundle::new().with("slope", self.0)
    }
    fn to_state(&self) -> State {
        State { arrays: Bundle::new().with("slope", vec![self.0]), json: json!({}) }
    }
    fn from_state(state: State, _: u32) -> Result<Self> {
        Ok(Self(state.arrays.vector("slope")?[0]))
    }
}

pub struct Rows<'a> {
    features: CowArray<'a, f64, Ix2>,
    target: CowArray<'a, f64, Ix1>,
}

impl<'a> Input<'a> for Rows<'a> {
    const FIELDS: &'static [Field] = &[
        Field::rest("features", Shape::Matrix, "features (n, p)"),
        Field::columns("target", Shape::Vector, "target (n)"),
        Field::columns("groups", Shape::Table, "groups (n)").optional(),
        Field::new("callback", Shape::Function, "called at each step").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self { features: bundle.matrix("features")?, target: bundle.vector("target")? })
    }
}

impl Estimator for Line {
    const SUMMARY: &'static str = "Fit a line through the origin";
    type Params = Self;
    type Input<'a> = Rows<'a>;
    type Model = Slope;
    fn fit(params: &Checked<Self>, input: Rows<'_>, ctx: &mut Context) -> Result<Fitted<Slope>> {
        for step in 0..params.steps {
            ctx.tick(step + 1, params.steps, &[("loss", 1.0 / (step + 1) as f64)])?;
        }
        if params.penalty == 13.0 {
            return Err(Error::numeric("loss became NaN at step 13"));
        }
        if params.penalty == 666.0 {
            panic!("a defect\nof two lines");
        }
        if params.penalty > 100.0 {
            ctx.warn("the penalty is large");
        }
        let x = input.features.column(0);
        let slope = x.dot(&input.target) / (x.dot(&x) + params.penalty);
        let status = if params.penalty == 7.0 { Status::IterationLimit } else { Status::Converged };
        Ok(Fitted { model: Slope(slope), status, trace: Table::new() })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

pub struct Features<'a>(CowArray<'a, f64, Ix2>);

impl<'a> Input<'a> for Features<'a> {
    const FIELDS: &'static [Field] = &[Field::rest("features", Shape::Matrix, "features (n, p)")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self(bundle.matrix("features")?))
    }
}

pub struct Prediction(Array1<f64>);

impl Output for Prediction {
    const FIELDS: &'static [Field] = &[Field::new("prediction", Shape::Vector, "predictions (n)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

pub struct Predict;

impl Operation for Predict {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "Predict";
    type Params = NoParams;
    type Model = Slope;
    type Input<'a> = Features<'a>;
    type Output = Prediction;
    fn apply(_: &Checked<NoParams>, model: &Slope, input: Features<'_>, _: &mut Context) -> Result<Prediction> {
        Ok(Prediction(&input.0.column(0) * model.0))
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

pub struct Pair<'a> {
    source: CowArray<'a, f64, Ix2>,
    target: CowArray<'a, f64, Ix2>,
    note: String,
}

impl<'a> Input<'a> for Pair<'a> {
    const FIELDS: &'static [Field] = &[
        Field::new("source", Shape::Matrix, "source points (n, d)"),
        Field::new("target", Shape::Matrix, "target points (n, d)"),
        Field::new("note", Shape::Document, "a text").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let note = bundle.get("note").map(|_| bundle.document("note").map(|(name, text)| format!("{name}: {text}"))).transpose()?;
        Ok(Self { source: bundle.matrix("source")?, target: bundle.matrix("target")?, note: note.unwrap_or_default() })
    }
}

pub struct Findings {
    distance: f64,
    each: Table,
    gaps: Array1<f32>,
    note: String,
}

impl Output for Findings {
    const FIELDS: &'static [Field] = &[
        Field::new("distance", Shape::Scalar, "mean distance"),
        Field::new("each", Shape::Table, "one row a pair"),
        Field::new("gaps", Shape::Vector, "distances (n)"),
        Field::new("note", Shape::Json, "the note"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("distance", self.distance).with("each", self.each).with("gaps", self.gaps).with("note", json!(self.note))
    }
}

pub struct Distance;

impl Measurement for Distance {
    const VERB: &'static str = "distance";
    const SUMMARY: &'static str = "Mean distance of paired points";
    type Params = NoParams;
    type Input<'a> = Pair<'a>;
    type Output = Findings;
    fn measure(_: &Checked<NoParams>, input: Pair<'_>, _: &mut Context) -> Result<Findings> {
        if input.source.dim() != input.target.dim() {
            return Err(Error::input(format!("X has {} features, Y has {}", input.source.ncols(), input.target.ncols())));
        }
        let gaps: Vec<f64> =
            (0..input.source.nrows()).map(|i| (&input.source.row(i) - &input.target.row(i)).mapv(|x| x * x).sum().sqrt()).collect();
        let each = Table::new().with("distance", Column::Number(gaps.clone()))?;
        let distance = gaps.iter().sum::<f64>() / gaps.len() as f64;
        Ok(Findings { distance, each, gaps: gaps.iter().map(|&x| x as f32).collect(), note: input.note })
    }
    fn example() -> Bundle<'static> {
        let _ = Function::new(|_| Ok(Bundle::new()));
        Bundle::new()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    arm: String,
    seed: u64,
}

/// A reproduction whose claim holds at tiny scale only, and which presses Ctrl-C itself in the middle when asked to.
pub struct Toy {
    pub interrupt_at: Option<u64>,
    pub cancel: Cancel,
}

impl Reproduction for Toy {
    type Trial = Trial;
    const VERSION: u32 = 1;
    fn claims(&self) -> Vec<Claim> {
        let bound = |scales, threshold| Claim {
            id: if threshold > 0.5 { "T1" } else { "Q1" },
            says: "our loss is smaller",
            paper: PaperFigure::Table("0.5"),
            source: Source::Paper,
            scales,
            rules: vec![Rule::ratio(
                "loss",
                "loss",
                Cell::of("arm", "ours"),
                Cell::of("arm", "base"),
                Aggregate::Mean,
                Threshold::AtMost(threshold),
            )],
            finding: "",
        };
        vec![bound(&[Scale::Tiny], 0.6), bound(&[Scale::Quick], 0.1)]
    }
    fn trials(&self, _: Scale) -> Vec<Trial> {
        (0..8).map(|i| Trial { arm: if i % 2 == 0 { "ours" } else { "base" }.into(), seed: i / 2 }).collect()
    }
    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        if self.interrupt_at == Some(trial.seed) {
            self.cancel.cancel();
        }
        ctx.check()?;
        Ok(Metrics::new().with("loss", if trial.arm == "ours" { 1.0 } else { 2.0 } + 0.01 * trial.seed as f64))
    }
    fn sabotaged(&self, _: &Trial) -> Option<Trial> {
        None
    }
    fn figures(&self, _: &Evidence) -> Vec<Figure> {
        Vec::new()
    }
}

fn card(slug: &'static str) -> Card {
    let paper = Paper { title: "A paper", authors: "Somebody", year: 2026, reference: "arXiv:0000.00000" };
    Card {
        slug,
        title: "A line",
        family: "toys",
        summary: "Lines through the origin",
        paper,
        complexity: "O(n)",
        keywords: &["regression"],
    }
}

/// Two methods; the second exists to have models of its own.
pub fn methods(toy: Toy) -> Vec<Method> {
    let line = Method::new(card("line"), "# A line\n\nThe page.", toy).estimator::<Line>().operation::<Predict>().measurement::<Distance>();
    let other = Method::new(card("other-line"), "# Other", Toy { interrupt_at: None, cancel: Cancel::default() });
    vec![line, other.estimator::<Line>().operation::<Predict>().model_flag("policy")]
}

/// What a call left behind.
pub struct Ended {
    pub code: u8,
    pub output: String,
    pub errors: String,
}

impl Ended {
    /// One line on stderr, nothing on stdout, this code; returns the line.
    #[track_caller]
    pub fn failed(&self, code: u8) -> &str {
        assert_eq!(self.code, code, "{}{}", self.output, self.errors);
        assert_eq!(self.output, "");
        assert_eq!(self.errors.lines().count(), 1, "{}", self.errors);
        self.errors.trim_end().strip_prefix("error: ").unwrap_or_else(|| panic!("no error line: {}", self.errors))
    }

    /// Exit code 0; returns stdout.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.errors);
        &self.output
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.ok()).unwrap_or_else(|e| panic!("{e}: {}", self.output))
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs the command on the made-up registry.
pub fn call<S: AsRef<str>>(arguments: &[S]) -> Ended {
    call_with(arguments, "", None)
}

/// The same with standard input and, in the reproduction of `line`, Ctrl-C at a seed.
pub fn call_with<S: AsRef<str>>(arguments: &[S], input: &str, interrupt_at: Option<u64>) -> Ended {
    let (output, errors, cancel) = (Memory::default(), Memory::default(), Cancel::default());
    let shared: SharedWriter = Arc::new(Mutex::new(errors.clone()));
    let terminal = Terminal {
        input: Box::new(Cursor::new(input.as_bytes().to_vec())),
        output: Box::new(output.clone()),
        errors: shared,
        interactive: false,
        color: false,
        width: 120,
        cancel: cancel.clone(),
        owns_process: false,
    };
    let arguments: Vec<OsString> = arguments.iter().map(|a| OsString::from(a.as_ref())).collect();
    let code = run(arguments, || methods(Toy { interrupt_at, cancel }), terminal);
    Ended { code, output: output.text(), errors: errors.text() }
}
