//! A made-up method that reaches every path of the bindings: a ridge regression, a mean with a callable, a loop that waits.

use elinvar_core::reproduction::{
    Aggregate, Cell, Claim, Evidence, Figure, Metrics, PaperFigure, Reproduction, Rule, Scale, Source, Threshold,
};
use elinvar_core::{
    Bundle, Card, Checked, Class, Context, Error, Estimator, Field, Fitted, Function, Input, Measurement, Method, Model, Operation, Output,
    Paper, Params, Result, Role, Shape, State, Status, Table, check_finite, check_finite_vector,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, CowArray, Ix1, Ix2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const CARD: Card = Card {
    slug: "toy",
    title: "Toy",
    family: "toys",
    summary: "A made-up method for the tests of the bindings.",
    paper: Paper { title: "None", authors: "Nobody", year: 2026, reference: "none" },
    complexity: "O(n)",
    keywords: &["toy"],
};

/// The made-up methods.
pub(crate) fn methods() -> Vec<Method> {
    let method = Method::new(CARD, "# Toy\n", Toy)
        .estimator::<Fit>()
        .operation::<Predict>()
        .operation::<Center>()
        .measurement::<Mean>()
        .measurement::<Wait>()
        .class(
            Class::new::<Ridge>("ToyRegressor", Role::Regressor, "Ridge regression by gradient descent.")
                .inputs(&[("features", "X"), ("target", "y")])
                .attributes(&[("coef", "Coefficients.")])
                .random(&["fit"])
                .method("fit", "fit")
                .method_returning("predict", "predict", &["prediction"]),
        )
        .class(
            Class::new::<Ridge>("ToyClassifier", Role::Classifier, "Classifies by the sigmoid of a ridge regression.")
                .inputs(&[("features", "X"), ("target", "y")])
                .fixed(&[("link", "\"sigmoid\"")])
                .random(&["fit"])
                .method("fit", "fit")
                .method_returning("predict", "predict", &["prediction"]),
        )
        .class(
            Class::new::<Ridge>("ToyScaler", Role::Transformer, "Subtracts the mean.")
                .inputs(&[("features", "X"), ("target", "y")])
                .method("fit", "fit")
                .method_returning("transform", "center", &["centered"]),
        )
        .class(Class::new::<MeanParams>("ToyMean", Role::Measurement, "A mean.").random(&["measure"]).method("measure", "mean"))
        .class(Class::new::<WaitParams>("toy_wait", Role::Function, "Waits.").method("toy_wait", "wait"));
    vec![method]
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Link {
    /// None.
    #[default]
    Identity,
    /// Logistic.
    Sigmoid,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Ridge {
    /// Weight of the penalty.
    #[schemars(range(min = 0.0))]
    penalty: f64,
    /// Steps at most.
    #[schemars(range(min = 1))]
    max_iter: usize,
    /// Sizes that do nothing.
    hidden: Vec<usize>,
    /// Link.
    link: Link,
}

impl Default for Ridge {
    fn default() -> Self {
        Self { penalty: 1e-3, max_iter: 20000, hidden: vec![2, 2], link: Link::Identity }
    }
}

impl Params for Ridge {}

struct Data<'a> {
    features: CowArray<'a, f64, Ix2>,
    target: Option<CowArray<'a, f64, Ix1>>,
    weights: Option<CowArray<'a, f64, Ix1>>,
    protected: Option<Table>,
}

impl<'a> Input<'a> for Data<'a> {
    const FIELDS: &'static [Field] = &[
        Field::rest("features", Shape::Matrix, "features (n, d)"),
        Field::columns("target", Shape::Vector, "target (n,)").optional(),
        Field::columns("sample_weight", Shape::Vector, "weights (n,)").optional(),
        Field::columns("protected", Shape::Table, "columns (n rows)").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let vector = |name| bundle.get(name).map(|_| bundle.vector(name)).transpose();
        let protected = bundle.get("protected").map(|_| bundle.table("protected")).transpose()?;
        Ok(Self { features: bundle.matrix("features")?, target: vector("target")?, weights: vector("sample_weight")?, protected })
    }
}

struct Fit;

struct Line {
    coef: Array1<f64>,
    intercept: f64,
    mean: Array1<f64>,
    link: Link,
    levels: Option<Table>,
}

impl Model for Line {
    const METHOD: &'static str = "toy";
    const FORMAT: u32 = 1;
    fn attributes(&self) -> Bundle<'static> {
        let mut bundle = Bundle::new().with("coef", self.coef.clone()).with("intercept", self.intercept);
        if let Some(levels) = &self.levels {
            bundle.insert("protected", levels.clone());
        }
        bundle
    }
    fn to_state(&self) -> State {
        let arrays = Bundle::new().with("coef", self.coef.clone()).with("mean", self.mean.clone());
        State { arrays, json: serde_json::json!({"intercept": self.intercept, "link": self.link}) }
    }
    fn from_state(state: State, _: u32) -> Result<Self> {
        let array = |name| state.arrays.vector(name).map(|v| v.to_owned());
        Ok(Self {
            coef: array("coef")?,
            mean: array("mean")?,
            intercept: state.field("intercept")?,
            link: state.field("link")?,
            levels: None,
        })
    }
}

impl Estimator for Fit {
    const SUMMARY: &'static str = "Fit a line.";
    type Params = Ridge;
    type Input<'a> = Data<'a>;
    type Model = Line;
    fn fit(params: &Checked<Ridge>, data: Data<'_>, ctx: &mut Context) -> Result<Fitted<Line>> {
        check_finite("X", data.features.view())?;
        let (n, d) = data.features.dim();
        let mean = data.features.mean_axis(ndarray::Axis(0)).unwrap_or_else(|| Array1::zeros(d));
        let target = match &data.target {
            Some(y) if y.len() == n => y.to_owned(),
            Some(y) => return Err(Error::input(format!("X and y must have the same number of rows, got {n} and {}", y.len()))),
            None => Array1::zeros(n),
        };
        check_finite_vector("y", target.view())?;
        let weights = data.weights.map_or_else(|| Array1::ones(n), |w| w.to_owned());
        if weights.len() != n || !(weights.sum() > 0.0) {
            return Err(Error::input("sample_weight must be positive for some row, got zero"));
        }
        let centered = &data.features - &mean;
        let mut model = Line { coef: Array1::zeros(d), intercept: 0.0, mean, link: params.link, levels: data.protected };
        let curvature = 0.25 * (&centered * &centered).sum_axis(ndarray::Axis(1)).fold(4.0, |a: f64, &b| a.max(4.0 * b + 4.0));
        let mut losses = Vec::new();
        let mut status = Status::IterationLimit;
        for step in 0..params.max_iter {
            let residual = (model.mean_of(centered.view()) - &target) * &weights / weights.sum();
            let gradient = centered.t().dot(&residual) + &model.coef * params.penalty;
            let slope = residual.sum();
            model.coef.scaled_add(-1.0 / (curvature + params.penalty), &gradient);
            model.intercept -= slope / curvature;
            let size = gradient.dot(&gradient) + slope * slope;
            losses.push(size);
            ctx.tick(step as u64, params.max_iter as u64, &[("gradient", size)])?;
            if size < 1e-26 {
                status = Status::Converged;
                break;
            }
        }
        let trace = Table::new().with("gradient", elinvar_core::Column::Number(losses))?;
        Ok(Fitted { model, status, trace })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
            .with("features", Array2::from_shape_fn((6, 2), |(i, j)| (i * j) as f64))
            .with("target", Array1::from_iter((0..6).map(f64::from)))
    }
}

impl Line {
    fn mean_of(&self, centered: ArrayView2<'_, f64>) -> Array1<f64> {
        let linear = centered.rows().into_iter().map(|row| row.iter().zip(&self.coef).map(|(a, b)| a * b).sum::<f64>() + self.intercept);
        match self.link {
            Link::Identity => linear.collect(),
            Link::Sigmoid => linear.map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        }
    }
}

struct Points<'a>(CowArray<'a, f64, Ix2>);

impl<'a> Input<'a> for Points<'a> {
    const FIELDS: &'static [Field] = &[Field::rest("features", Shape::Matrix, "features (n, d)")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let features = bundle.matrix("features")?;
        check_finite("X", features.view())?;
        Ok(Self(features))
    }
}

fn points() -> Bundle<'static> {
    Bundle::new().with("features", Array2::from_shape_fn((6, 2), |(i, j)| (i * j) as f64))
}

struct Prediction(Array1<f64>);

impl Output for Prediction {
    const FIELDS: &'static [Field] = &[Field::new("prediction", Shape::Vector, "prediction (n,)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("prediction", self.0)
    }
}

struct Predict;

impl Operation for Predict {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "Predict.";
    type Params = elinvar_core::NoParams;
    type Model = Line;
    type Input<'a> = Points<'a>;
    type Output = Prediction;
    fn apply(_: &Checked<Self::Params>, model: &Line, points: Points<'_>, _: &mut Context) -> Result<Prediction> {
        Ok(Prediction(model.mean_of((&points.0 - &model.mean).view())))
    }
    fn example() -> Bundle<'static> {
        points()
    }
}

struct Centered(Array2<f64>);

impl Output for Centered {
    const FIELDS: &'static [Field] = &[Field::new("centered", Shape::Matrix, "features minus their mean (n, d)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("centered", self.0)
    }
}

struct Center;

impl Operation for Center {
    const VERB: &'static str = "center";
    const SUMMARY: &'static str = "Subtract the mean.";
    type Params = elinvar_core::NoParams;
    type Model = Line;
    type Input<'a> = Points<'a>;
    type Output = Centered;
    fn apply(_: &Checked<Self::Params>, model: &Line, points: Points<'_>, _: &mut Context) -> Result<Centered> {
        Ok(Centered(&points.0 - &model.mean))
    }
    fn example() -> Bundle<'static> {
        points()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MeanParams {
    /// Factor.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    factor: f64,
}

impl Default for MeanParams {
    fn default() -> Self {
        Self { factor: 1.0 }
    }
}

impl Params for MeanParams {}

struct Values<'a> {
    values: CowArray<'a, f64, Ix1>,
    table: Option<Table>,
    function: Option<Function>,
}

impl<'a> Input<'a> for Values<'a> {
    const FIELDS: &'static [Field] = &[
        Field::new("values", Shape::Vector, "values (n,)"),
        Field::new("table", Shape::Table, "a table that is returned").optional(),
        Field::new("function", Shape::Function, "applied to the values first").optional(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let table = bundle.get("table").map(|_| bundle.table("table")).transpose()?;
        let function = bundle.get("function").map(|_| bundle.function("function").cloned()).transpose()?;
        Ok(Self { values: bundle.vector("values")?, table, function })
    }
}

struct Means {
    mean: f64,
    is_view: bool,
    table: Option<Table>,
    draw: f64,
}

impl Output for Means {
    const FIELDS: &'static [Field] = &[
        Field::new("mean", Shape::Scalar, "the mean"),
        Field::new("is_view", Shape::Json, "whether the values were lent"),
        Field::new("table", Shape::Table, "the table").optional(),
        Field::new("draw", Shape::Scalar, "a random number"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let mut bundle = Bundle::new().with("mean", self.mean).with("is_view", serde_json::json!(self.is_view)).with("draw", self.draw);
        if let Some(table) = self.table {
            bundle.insert("table", table);
        }
        bundle
    }
}

struct Mean;

impl Measurement for Mean {
    const VERB: &'static str = "mean";
    const SUMMARY: &'static str = "A mean.";
    type Params = MeanParams;
    type Input<'a> = Values<'a>;
    type Output = Means;
    fn measure(params: &Checked<MeanParams>, input: Values<'_>, ctx: &mut Context) -> Result<Means> {
        let values = match &input.function {
            Some(f) => f.call(&Bundle::new().with("x", input.values.to_owned()))?.vector("value")?.to_owned(),
            None => input.values.to_owned(),
        };
        if values.len() < 4 {
            ctx.warn(format!("only {} values", values.len()));
        }
        Ok(Means {
            mean: params.factor * mean(values.view())?,
            is_view: input.values.is_view(),
            table: input.table,
            draw: ctx.seed() as f64,
        })
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("values", vec![1.0, 2.0, 3.0])
    }
}

fn mean(values: ArrayView1<'_, f64>) -> Result<f64> {
    values.mean().ok_or_else(|| Error::input("values must have at least one row, got 0"))
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct WaitParams {
    /// What happens: `wait`, `panic`, `numeric`, `memory`.
    what: String,
}

impl Params for WaitParams {}

struct Wait;

struct Nothing;

impl Output for Nothing {
    const FIELDS: &'static [Field] = &[];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
    }
}

impl Measurement for Wait {
    const VERB: &'static str = "wait";
    const SUMMARY: &'static str = "Wait until interrupted.";
    type Params = WaitParams;
    type Input<'a> = elinvar_core::NoInput;
    type Output = Nothing;
    fn measure(params: &Checked<WaitParams>, _: elinvar_core::NoInput, ctx: &mut Context) -> Result<Nothing> {
        #[expect(clippy::panic, reason = "to see that it does not get through")]
        match params.what.as_str() {
            "panic" => panic!("on purpose"),
            "numeric" => ctx.tick(1, 1, &[("loss", f64::NAN)])?,
            "memory" => ctx.reserve("the plan", 1 << 40)?,
            _ => {}
        }
        for step in 0..100_000 {
            ctx.tick(step, 100_000, &[("step", step as f64)])?;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(Nothing)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

#[derive(Serialize, Deserialize)]
struct Trial {
    arm: String,
    seed: u64,
}

struct Toy;

impl Reproduction for Toy {
    type Trial = Trial;
    const VERSION: u32 = 1;
    fn claims(&self) -> Vec<Claim> {
        let (ours, base) = (Cell::of("arm", "ours"), Cell::of("arm", "base"));
        vec![Claim {
            id: "T-1",
            says: "ours is better than the base",
            paper: PaperFigure::Qualitative("better"),
            source: Source::Pilot,
            scales: &[Scale::Tiny, Scale::Quick],
            rules: vec![Rule::ratio("loss ratio", "loss", ours, base, Aggregate::Mean, Threshold::AtMost(0.6))],
            finding: "",
        }]
    }
    fn trials(&self, _: Scale) -> Vec<Trial> {
        (0..6).map(|i| Trial { arm: if i % 2 == 0 { "ours" } else { "base" }.into(), seed: i / 2 }).collect()
    }
    fn run(&self, trial: &Trial, _: &mut Context) -> Result<Metrics> {
        Ok(Metrics::new().with("loss", if trial.arm == "ours" { 1.0 } else { 2.0 } + 0.01 * trial.seed as f64))
    }
    fn sabotaged(&self, _: &Trial) -> Option<Trial> {
        None
    }
    fn figures(&self, _: &Evidence) -> Vec<Figure> {
        Vec::new()
    }
}
