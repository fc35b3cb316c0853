//! Fitted networks: kept, applied, described.

use super::certificate::STABLE;
use super::fit::Targets;
use super::moments::Moments;
use super::params::{Setting, Snn, Task};
use super::report::{LayerMoments, moments_of};
use elinvar_core::{Bundle, Column, Context, Error, Item, Model, Result, State, Table, check_finite_vector};
use elinvar_data::classes::{Classes, only_column};
use elinvar_data::design::{Design, Features};
use elinvar_math::logistic::{most_probable, softmax};
use elinvar_nn::NamedArrays;
use elinvar_nn::sequential::{Sequential, SequentialSpec};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What the outputs of a network stand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Labels {
    /// One output a class.
    Classes(Classes),
    /// One output, in units of `scale` from `centre`.
    Number { centre: f64, scale: f64 },
    /// One output an answer, by the names of the columns.
    Answers(Vec<String>),
}

impl Labels {
    /// Learns what there is to predict, and the targets of the loss.
    pub(super) fn learn(task: Task, standardize: bool, y: &Table) -> Result<(Self, Targets)> {
        match task {
            Task::Classification => {
                let (classes, codes) = Classes::of(&only_column(y, "y")?)?;
                Ok((Self::Classes(classes), Targets::Classes(codes)))
            }
            Task::Regression => {
                let numbers = y.numbers(y.names().first().map_or("y", String::as_str))?;
                only_column(y, "y")?;
                check_finite_vector("y", numbers.view())?;
                let (mean, spread) = centre_and_scale(&numbers.to_vec());
                let (centre, scale) = if standardize { (mean, spread) } else { (0.0, 1.0) };
                let standard = numbers.iter().map(|v| ((v - centre) / scale) as f32).collect();
                Ok((Self::Number { centre, scale }, Targets::Numbers(standard)))
            }
            Task::Multitask => {
                let columns = y.iter().map(|(name, column)| answers(name, column)).collect::<Result<Vec<Vec<f32>>>>()?;
                let answers = Array2::from_shape_fn((y.n_rows(), columns.len()), |(i, j)| columns[j][i]);
                Ok((Self::Answers(y.names().to_vec()), Targets::Answers(answers)))
            }
        }
    }

    /// Labels of class numbers, or the answers (yes from a probability of one half on).
    pub(super) fn table(&self, codes: &[usize], probabilities: &Array2<f64>) -> Result<Table> {
        match self {
            Self::Classes(classes) => Table::new().with("label", classes.column(codes)),
            Self::Answers(names) => names.iter().zip(probabilities.columns()).try_fold(Table::new(), |table, (name, column)| {
                table.with(name.as_str(), Column::Integer(column.iter().map(|p| i64::from(*p >= 0.5)).collect()))
            }),
            Self::Number { .. } => Err(Error::internal("numbers have no labels")),
        }
    }

    /// Number of outputs of the network.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Number { .. } => 1,
            Self::Answers(names) => names.len(),
        }
    }
}

/// A column of 0 and 1, NaN where it is empty.
fn answers(name: &str, column: &Column) -> Result<Vec<f32>> {
    let numbers = column.to_numbers().ok_or_else(|| Error::input(format!("answers '{name}' must be 0, 1 or missing, got text")))?;
    let fine = |v: &f64| v.is_nan() || *v == 0.0 || *v == 1.0;
    match numbers.iter().position(|v| !fine(v)) {
        Some(row) => Err(Error::input(format!("answers '{name}' must be 0, 1 or missing, got {} in row {row}", numbers[row]))),
        None if numbers.iter().all(|v| v.is_nan()) => Err(Error::input(format!("answers '{name}' are all missing")).hint("leave it out")),
        None => Ok(numbers.iter().map(|v| *v as f32).collect()),
    }
}

/// Mean, and the standard deviation or 1 for values without spread.
fn centre_and_scale(values: &[f64]) -> (f64, f64) {
    let (mean, variance) = moments_of(values);
    let constant = variance <= (1e-12 * mean).powi(2) || !variance.is_finite();
    (mean, if constant { 1.0 } else { variance.sqrt() })
}

/// How features become inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standard {
    /// Features that the network sees, in rising order: those with spread on the training rows, or the first one where none has any.
    kept: Vec<usize>,
    /// Subtracted from each of them.
    centre: Vec<f64>,
    /// What they are divided by then.
    scale: Vec<f64>,
}

impl Standard {
    pub(super) fn learn(x: ArrayView2<'_, f64>, rows: &[usize], standardize: bool) -> Self {
        let of_rows = |j: usize| -> Vec<f64> { rows.iter().map(|&i| x[[i, j]]).collect() };
        let varies = |&j: &usize| rows.iter().any(|&i| x[[i, j]] != x[[rows[0], j]]);
        let mut kept: Vec<usize> = (0..x.ncols()).filter(varies).collect();
        if kept.is_empty() {
            kept.push(0);
        }
        let (centre, scale) = match standardize {
            true => kept.iter().map(|&j| centre_and_scale(&of_rows(j))).unzip(),
            false => (vec![0.0; kept.len()], vec![1.0; kept.len()]),
        };
        Self { kept, centre, scale }
    }

    /// Columns of the inputs.
    pub(super) fn inputs(&self) -> usize {
        self.kept.len()
    }

    /// Inputs (n, kept) of features (n, d).
    pub(super) fn apply(&self, x: ArrayView2<'_, f64>) -> Array2<f32> {
        Array2::from_shape_fn((x.nrows(), self.inputs()), |(i, k)| ((x[[i, self.kept[k]]] - self.centre[k]) / self.scale[k]) as f32)
    }

    /// Whether it takes rows of so many features.
    fn fits(&self, features: usize) -> bool {
        self.centre.len() == self.inputs() && self.scale.len() == self.inputs() && self.kept.iter().all(|&j| j < features)
    }

    /// Says which features are left out.
    pub(super) fn warn_of_constant(&self, names: &[String], ctx: &mut Context) {
        const NAMED: usize = 5;
        let constant: Vec<&str> = (0..names.len()).filter(|j| !self.kept.contains(j)).map(|j| names[j].as_str()).collect();
        if !constant.is_empty() {
            let more = if constant.len() > NAMED { ", ..." } else { "" };
            let shown = constant[..constant.len().min(NAMED)].join(", ");
            ctx.warn(format!("{} feature(s) are constant and left out: {shown}{more}", constant.len()));
        }
    }

    /// Says whether inputs that are used as they come lie outside what is proven.
    pub(super) fn warn_of_domain(&self, names: &[String], inputs: ArrayView2<'_, f32>, ctx: &mut Context) {
        let domain = STABLE.0;
        for (&j, column) in self.kept.iter().zip(inputs.columns()) {
            let (mean, variance) = moments_of(&column.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
            if !domain.contains(Moments { mean, variance }) {
                return ctx.warn(format!(
                    "feature '{}' has mean {mean:.3} and variance {variance:.3}, outside the proven domain (|mean| <= {}, variance {} to {}); \
                     set standardize to true",
                    names[j], domain.mean.high, domain.variance.low, domain.variance.high
                ));
            }
        }
    }
}

/// One setting of a search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The setting.
    pub setting: Setting,
    /// Smoothed held-out loss of its best epoch; none where training diverged.
    pub score: Option<f64>,
    /// That epoch.
    pub best_epoch: usize,
}

impl Tried {
    /// One row a setting.
    pub(super) fn table(tried: &[Tried]) -> Result<Table> {
        let integer = |of: fn(&Tried) -> usize| Column::Integer(tried.iter().map(|t| of(t) as i64).collect());
        let number = |of: fn(&Tried) -> f64| Column::Number(tried.iter().map(of).collect());
        Table::new()
            .with("hidden_layers", integer(|t| t.setting.hidden_layers))?
            .with("units", integer(|t| t.setting.units))?
            .with("form", Column::Text(tried.iter().map(|t| Some(format!("{:?}", t.setting.form).to_lowercase())).collect()))?
            .with("dropout", number(|t| t.setting.dropout))?
            .with("lr", number(|t| t.setting.lr))?
            .with("loss", number(|t| t.score.unwrap_or(f64::NAN)))?
            .with("best_epoch", integer(|t| t.best_epoch))
    }
}

/// A fitted network.
#[derive(Clone, Debug)]
pub struct SnnModel {
    pub(super) features: Features,
    pub(super) standard: Standard,
    pub(super) labels: Labels,
    pub(super) network: Sequential<f32>,
    pub(super) best_epoch: usize,
    pub(super) score: f64,
    /// The parameters of the fit, the chosen ones of a search.
    pub(super) setting: Snn,
    pub(super) moments: Vec<LayerMoments>,
    /// Every setting of a search.
    pub(super) tried: Option<Vec<Tried>>,
}

impl SnnModel {
    /// Inputs of the network for rows of features.
    pub(super) fn inputs(&self, x: &Design) -> Result<Array2<f32>> {
        Ok(self.standard.apply(x.apply(&self.features)?.view()))
    }

    /// Outputs of the network (n, outputs): logits, or the standardised number.
    ///
    /// # Errors
    /// Other columns than those of the fit, or outputs that are not finite.
    pub fn outputs(&self, x: &Design, ctx: &Context) -> Result<Array2<f32>> {
        let inputs = self.inputs(x)?;
        let outputs = elinvar_nn::predict(&self.network, inputs.view(), ctx)?;
        match outputs.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
            None => Ok(outputs),
            Some(row) => Err(Error::numeric(format!("the prediction of row {row} is not finite"))
                .hint("its features lie far outside those of the fit: check their scale")),
        }
    }

    /// Probability of each class, or of each answer being yes (n, outputs).
    ///
    /// # Errors
    /// As for [`Self::outputs`]; a network of numbers has none.
    pub fn probabilities(&self, x: &Design, ctx: &Context) -> Result<Array2<f64>> {
        let outputs = self.outputs(x, ctx)?.mapv(f64::from);
        match self.labels {
            Labels::Classes(_) => Ok(softmax(outputs)),
            Labels::Answers(_) => Ok(outputs.mapv_into(|v| 1.0 / (1.0 + (-v).exp()))),
            Labels::Number { .. } => Err(Error::model("a network of numbers has no probabilities")),
        }
    }

    /// Numbers of the most probable classes (n,), among [`Classes`] in rising order.
    ///
    /// # Errors
    /// As for [`Self::probabilities`].
    pub fn codes(&self, x: &Design, ctx: &Context) -> Result<Vec<usize>> {
        Ok(most_probable(&self.probabilities(x, ctx)?))
    }

    /// Predicted numbers (n,).
    ///
    /// # Errors
    /// As for [`Self::outputs`]; a network of classes has none.
    pub fn numbers(&self, x: &Design, ctx: &Context) -> Result<Array1<f64>> {
        match self.labels {
            Labels::Number { centre, scale } => Ok(self.outputs(x, ctx)?.index_axis(Axis(1), 0).mapv(|v| centre + scale * f64::from(v))),
            _ => Err(Error::model("a network of classes predicts no numbers")),
        }
    }

    /// The network itself.
    pub fn network(&self) -> &Sequential<f32> {
        &self.network
    }

    /// Mean and variance of every hidden layer on training rows.
    pub fn moments(&self) -> &[LayerMoments] {
        &self.moments
    }

    /// Epoch whose weights were taken.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }

    /// Parameters of the fit; of a search the chosen ones.
    pub fn setting(&self) -> &Snn {
        &self.setting
    }
}

impl Model for SnnModel {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let mut attributes = Bundle::new()
            .with("n_layers", self.setting.hidden_layers as f64)
            .with("n_parameters", elinvar_nn::Network::parameters(&self.network).values().len() as f64)
            .with("best_epoch", self.best_epoch as f64)
            .with("best_loss", self.score)
            .with("feature_names", json!(self.features.names()))
            .with("moments", LayerMoments::table(&self.moments).unwrap_or_default());
        match &self.labels {
            Labels::Classes(classes) => attributes.insert("classes", json!(classes)),
            Labels::Answers(names) => attributes.insert("answers", json!(names)),
            Labels::Number { .. } => {}
        }
        if let Some(tried) = &self.tried {
            attributes.insert("best_params", json!(Setting::of(&self.setting)));
            attributes.insert("results", Tried::table(tried).unwrap_or_default());
        }
        attributes
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new();
        self.network.to_arrays("network/").into_iter().for_each(|(name, array)| arrays.insert(name, array));
        let json = json!({
            "features": self.features,
            "standard": self.standard,
            "labels": self.labels,
            "spec": self.network.spec(),
            "best_epoch": self.best_epoch,
            "score": self.score,
            "setting": self.setting,
            "moments": self.moments,
            "tried": self.tried,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let spec: SequentialSpec = state.field("spec")?;
        let mut named = NamedArrays::new();
        for (name, item) in state.arrays.iter() {
            if let Item::Array32(array) = item {
                named.insert(name.to_owned(), array.to_owned());
            }
        }
        let (features, standard, labels): (Features, Standard, Labels) =
            (state.field("features")?, state.field("standard")?, state.field("labels")?);
        let network = Sequential::from_arrays(spec, &named, "network/")?;
        let fit =
            standard.fits(features.names().len()) && network.spec().inputs == standard.inputs() && network.outputs() == labels.outputs();
        if !fit {
            return Err(Error::model("the model file is damaged: its features, its network and its labels do not fit together"));
        }
        Ok(Self {
            features,
            standard,
            labels,
            network,
            best_epoch: state.field("best_epoch")?,
            score: state.field("score")?,
            setting: state.field("setting")?,
            moments: state.field("moments")?,
            tried: state.field("tried")?,
        })
    }
}
