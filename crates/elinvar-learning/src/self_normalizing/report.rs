//! How normal the activations of a network are: measured, predicted, proven.

use super::certificate::{Interval, MomentBox, STABLE, WeightBox};
use super::moments::{Moments, Weights};
use super::params::Selu;
use elinvar_core::{Column, Context, Error, Result, Table};
use elinvar_math::statistics::mean;
use elinvar_nn::Activation;
use elinvar_nn::sequential::{Layer, Sequential};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Mean and variance of the activations of one hidden layer, over its units and the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerMoments {
    /// Units.
    pub units: usize,
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub variance: f64,
}

impl LayerMoments {
    /// Of every computed layer but the last.
    ///
    /// # Errors
    /// Inputs of other columns, or an interruption.
    pub fn measure(network: &Sequential<f32>, inputs: ArrayView2<'_, f32>, ctx: &Context) -> Result<Vec<Self>> {
        let mut sums: Vec<Sums> = Vec::new();
        for rows in inputs.axis_chunks_iter(Axis(0), MEASURED_ROWS) {
            ctx.check()?;
            let mut layers = ctx.install(|| network.activations(rows))?;
            layers.pop();
            sums.resize(layers.len(), Sums::default());
            sums.iter_mut().zip(&layers).for_each(|(sums, values)| sums.add(values));
        }
        Ok(sums.iter().map(Sums::moments).collect())
    }

    /// Whether mean and variance are near those of the fixed point.
    pub fn is_normal(&self) -> bool {
        self.mean.abs() < 0.1 && (0.8..=1.25).contains(&self.variance)
    }

    /// One row a layer.
    pub(super) fn table(layers: &[Self]) -> Result<Table> {
        Table::new()
            .with("layer", Column::Integer((1..=layers.len() as i64).collect()))?
            .with("units", Column::Integer(layers.iter().map(|l| l.units as i64).collect()))?
            .with("mean", Column::Number(layers.iter().map(|l| l.mean).collect()))?
            .with("variance", Column::Number(layers.iter().map(|l| l.variance).collect()))
    }
}

/// Rows whose activations are in memory at once.
const MEASURED_ROWS: usize = 4096;

/// What is counted of a layer, block of rows by block.
#[derive(Clone, Default)]
struct Sums {
    units: usize,
    count: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl Sums {
    /// Joins the moments of a block (Chan, Golub and LeVeque 1983).
    fn add(&mut self, values: &Array2<f32>) {
        let (mean, variance) = moments_of(&values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
        let (n, total) = (values.len() as f64, self.count + values.len() as f64);
        let distance = mean - self.mean;
        self.mean += distance * n / total;
        self.squares += variance * n + distance * distance * self.count * n / total;
        (self.count, self.units) = (total, values.ncols());
    }

    fn moments(&self) -> LayerMoments {
        LayerMoments { units: self.units, mean: self.mean, variance: self.squares / self.count }
    }
}

/// Mean and variance, with the divisor n.
pub(super) fn moments_of(values: &[f64]) -> (f64, f64) {
    let centre = mean(values);
    let squares: Vec<f64> = values.iter().map(|v| (v - centre) * (v - centre)).collect();
    (centre, mean(&squares))
}

/// What is known of one hidden layer of a SELU network.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReport {
    /// Measured.
    pub measured: LayerMoments,
    /// Predicted from the weights and the moments of the network's inputs, units independent (central limit theorem).
    pub predicted: Moments,
    /// Share of units whose sums of weights lie in the domain of Theorem 1.
    pub stable_units: f64,
    /// Range of the sums of weights and of their squares.
    pub weights: WeightBox,
    /// Proven to hold mean and variance after the layer, given the box before it, where the inputs of a layer share their moments (the
    /// paper's assumption); none behind a layer with biases.
    pub proven: Option<MomentBox>,
}

/// The report on a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Hidden layers from the first.
    pub layers: Vec<LayerReport>,
    /// The first layer that is not proven to stay in the domain of Theorem 1, counted from 1; none where all are.
    pub first_leaving: Option<usize>,
    /// One sentence.
    pub verdict: String,
}

/// Mean and variance of every hidden layer as measured, as predicted and as proven.
///
/// # Errors
/// A network of other layers than plain SELU ones; inputs of other columns; an interruption.
pub fn self_normalizing_report(network: &Sequential<f32>, inputs: ArrayView2<'_, f32>, ctx: &Context) -> Result<Report> {
    check(network)?;
    let measured = LayerMoments::measure(network, inputs, ctx)?;
    let weights = network.dense_weights();
    let biases: Vec<Vec<f64>> = (0..weights.len()).map(|layer| bias(network, layer)).collect();
    let of_input = |column: ArrayView1<'_, f32>| {
        let (mean, variance) = moments_of(&column.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
        Moments { mean, variance }
    };
    let mut units: Vec<Moments> = inputs.columns().into_iter().map(of_input).collect();
    let mut proven = Some(MomentBox {
        mean: Interval::around(units.iter().map(|u| u.mean)),
        variance: Interval::around(units.iter().map(|u| u.variance)),
    });
    let mut layers = Vec::new();
    for (layer, measured) in measured.into_iter().enumerate() {
        let sums: Vec<Weights> = weights[layer].rows().into_iter().map(|row| Weights::of(row.iter().map(|&w| f64::from(w)))).collect();
        let range =
            WeightBox { sum: Interval::around(sums.iter().map(|w| w.sum)), squares: Interval::around(sums.iter().map(|w| w.squares)) };
        // Biases are no part of the sums of weights: with them nothing is proven.
        proven = match (proven, biases[layer].iter().all(|b| *b == 0.0)) {
            // A box that has grown beyond all numbers proves nothing.
            (Some(before), true) => before.through(Selu::default(), range).ok(),
            _ => None,
        };
        let stable = sums.iter().filter(|w| STABLE.1.sum.contains(w.sum) && STABLE.1.squares.contains(w.squares)).count();
        let stable_units = stable as f64 / sums.len() as f64;
        units = propagate(&weights[layer], &biases[layer], &units);
        let predicted = pooled(&units);
        layers.push(LayerReport { measured, predicted, stable_units, weights: range, proven });
    }
    let leaves = |layer: &LayerReport| !layer.proven.is_some_and(|proven| STABLE.0.holds(proven));
    let first_leaving = layers.iter().position(leaves).map(|layer| layer + 1);
    let verdict = verdict(&layers, first_leaving);
    Ok(Report { layers, first_leaving, verdict })
}

/// Refuses networks that the theory does not cover.
fn check(network: &Sequential<f32>) -> Result<()> {
    let hidden = network.spec().layers.iter().rev().skip(1);
    let covered = |layer: &Layer| match layer {
        Layer::Dense { activation, .. } => *activation == Activation::Selu,
        Layer::AlphaDropout(_) => true,
        _ => false,
    };
    match hidden.into_iter().all(covered) {
        true => Ok(()),
        false => Err(Error::model("the moment map describes plain SELU layers, and the network has others")
            .hint("fit with activation='selu', norm=None and architecture='plain'")),
    }
}

fn bias(network: &Sequential<f32>, layer: usize) -> Vec<f64> {
    let parameters = elinvar_nn::Network::parameters(network);
    let names: Vec<&str> = parameters.names().filter(|name| name.ends_with("bias")).collect();
    parameters.get(names[layer]).map_or_else(Vec::new, |b| b.iter().map(|&v| f64::from(v)).collect())
}

/// Moments of every unit of a layer from those of its inputs.
pub(super) fn propagate(weights: &Array2<f32>, bias: &[f64], inputs: &[Moments]) -> Vec<Moments> {
    let unit = |(row, bias): (ArrayView1<'_, f32>, &f64)| {
        let (mut mean, mut variance) = (*bias, 0.0);
        for (&w, input) in row.iter().zip(inputs) {
            let w = f64::from(w);
            mean += w * input.mean;
            variance += w * w * input.variance;
        }
        Moments { mean, variance }.of_net_input(Selu::default())
    };
    weights.rows().into_iter().zip(bias).map(unit).collect()
}

/// Mean and variance over all units together.
pub(super) fn pooled(units: &[Moments]) -> Moments {
    let (mean, between) = moments_of(&units.iter().map(|u| u.mean).collect::<Vec<_>>());
    let within = units.iter().map(|u| u.variance).sum::<f64>() / units.len() as f64;
    Moments { mean, variance: within + between }
}

fn verdict(layers: &[LayerReport], first_leaving: Option<usize>) -> String {
    let Some(last) = layers.last() else { return "the network has no hidden layer".to_owned() };
    let seen = format!("the last hidden layer has mean {:.3} and variance {:.3}", last.measured.mean, last.measured.variance);
    match (last.measured.is_normal(), first_leaving) {
        (true, None) => format!("self-normalising, proven for every layer: {seen}"),
        (true, Some(layer)) => format!("self-normalising as measured, not proven from layer {layer} on: {seen}"),
        (false, _) => format!("not self-normalising: {seen}"),
    }
}

impl Report {
    /// One row a layer.
    pub(super) fn table(&self) -> Result<Table> {
        let number = |of: fn(&LayerReport) -> f64| Column::Number(self.layers.iter().map(of).collect());
        let ends = |l: &LayerReport, of: fn(MomentBox) -> f64| l.proven.map_or(f64::NAN, of);
        let proven = |of: fn(MomentBox) -> f64| Column::Number(self.layers.iter().map(|l| ends(l, of)).collect());
        Table::new()
            .with("layer", Column::Integer((1..=self.layers.len() as i64).collect()))?
            .with("units", Column::Integer(self.layers.iter().map(|l| l.measured.units as i64).collect()))?
            .with("mean", number(|l| l.measured.mean))?
            .with("variance", number(|l| l.measured.variance))?
            .with("predicted_mean", number(|l| l.predicted.mean))?
            .with("predicted_variance", number(|l| l.predicted.variance))?
            .with("stable_units", number(|l| l.stable_units))?
            .with("omega_low", number(|l| l.weights.sum.low))?
            .with("omega_high", number(|l| l.weights.sum.high))?
            .with("tau_low", number(|l| l.weights.squares.low))?
            .with("tau_high", number(|l| l.weights.squares.high))?
            .with("proven_mean_low", proven(|b| b.mean.low))?
            .with("proven_mean_high", proven(|b| b.mean.high))?
            .with("proven_variance_low", proven(|b| b.variance.low))?
            .with("proven_variance_high", proven(|b| b.variance.high))
    }
}
