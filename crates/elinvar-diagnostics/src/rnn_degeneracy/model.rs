//! Trained networks: kept, recorded, described.

use super::analysis::Networks;
use super::ensemble::{RECURRENT, error_on, kernel_alignment};
use super::params::{RnnEnsemble, States};
use elinvar_core::{Bundle, Context, Error, Item, Model, Result, State};
use elinvar_nn::{NamedArrays, Network, Recurrent, RecurrentSpec};
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How networks of this library were trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) setting: RnnEnsemble,
    /// Seed of each network, from which its starting weights follow.
    pub(super) seeds: Vec<u64>,
    /// Seed of the ensemble.
    pub(super) seed: u64,
}

/// Networks of one task and one shape.
#[derive(Clone, Debug)]
pub struct Trained {
    /// None of networks that were trained elsewhere.
    pub(super) origin: Option<Origin>,
    pub(super) networks: Vec<Recurrent<f32>>,
    pub(super) converged: Vec<bool>,
    /// Mean loss of the last epoch.
    pub(super) loss: Vec<f64>,
    pub(super) steps: Vec<u64>,
}

/// What the networks do on trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Inputs of the trials (trials, T inputs).
    pub inputs: Array2<f32>,
    /// States of each network (K, trials, T, n).
    pub states: Array4<f32>,
    /// Results of each network (K, trials, T, outputs).
    pub outputs: Array4<f32>,
    /// Recurrent weights of each network (K, gates * n, n).
    pub weights: Array3<f64>,
    /// Loss of each network on trials twice as long (K); none of networks that were trained elsewhere.
    pub ood_loss: Option<Vec<f64>>,
    /// Whether each network learned the task (K).
    pub converged: Vec<bool>,
}

impl Recording {
    /// As the analysis takes it.
    pub fn networks(&self) -> Networks {
        Networks {
            states: self.states.outer_iter().map(|s| s.mapv(f64::from)).collect(),
            weights: Some(self.weights.outer_iter().map(|w| w.to_owned()).collect()),
            ood_loss: self.ood_loss.clone(),
            converged: Some(self.converged.clone()),
        }
    }
}

/// How far networks moved while they learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Frobenius norm of the change of the recurrent weights (K).
    pub weight_change: Vec<f64>,
    /// Cosine of the tangent kernels before and after (K).
    pub kernel_alignment: Vec<f64>,
}

impl Trained {
    /// The networks.
    pub fn networks(&self) -> &[Recurrent<f32>] {
        &self.networks
    }

    /// Whether each network learned the task.
    pub fn converged(&self) -> &[bool] {
        &self.converged
    }

    /// Steps of each network.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    fn spec(&self) -> RecurrentSpec {
        *self.networks[0].spec()
    }

    /// How the networks were trained.
    fn origin(&self, what: &str) -> Result<&Origin> {
        self.origin.as_ref().ok_or_else(|| {
            Error::input(format!("{what} of networks that were trained elsewhere is not known")).hint("give the inputs to record them on")
        })
    }

    /// Records the networks on `inputs` (trials, T inputs), or on trials of their task where there are none.
    ///
    /// # Errors
    /// Inputs of other channels; networks trained elsewhere without inputs.
    pub fn record(&self, params: &States, inputs: Option<ArrayView2<'_, f32>>, ctx: &Context) -> Result<Recording> {
        let inputs = match inputs {
            Some(inputs) => inputs.to_owned(),
            None => self.probes(params.n_probes, params.probe_steps)?,
        };
        let spec = self.spec();
        let steps = inputs.ncols() / spec.inputs;
        let one = |network: &Recurrent<f32>| {
            ctx.check()?;
            network.record(inputs.view())
        };
        let recorded: Vec<(Array3<f32>, Array2<f32>)> = ctx.install(|| self.networks.par_iter().map(one).collect::<Result<_>>())?;
        let (k, trials) = (recorded.len(), inputs.nrows());
        let mut states = Array4::zeros((k, trials, steps, spec.units));
        let mut outputs = Array4::zeros((k, trials, steps, spec.outputs));
        for (network, (own_states, own_outputs)) in recorded.iter().enumerate() {
            states.index_axis_mut(Axis(0), network).assign(own_states);
            outputs.index_axis_mut(Axis(0), network).iter_mut().zip(own_outputs).for_each(|(to, from)| *to = *from);
        }
        let ood_loss = match &self.origin {
            Some(origin) => Some(self.far_loss(origin, params.n_far, ctx)?),
            None => None,
        };
        Ok(Recording { inputs, states, outputs, weights: self.weights()?, ood_loss, converged: self.converged.clone() })
    }

    /// Inputs of trials that no network was trained on, the same for all.
    fn probes(&self, n: usize, steps: Option<usize>) -> Result<Array2<f32>> {
        let origin = self.origin("the task")?;
        let setting = RnnEnsemble { steps: steps.unwrap_or(origin.setting.steps), ..origin.setting.clone() };
        Ok(setting.trials(n, false, &mut elinvar_core::random::stream(origin.seed, &[("probes", 0)])).inputs)
    }

    fn far_loss(&self, origin: &Origin, n: usize, ctx: &Context) -> Result<Vec<f64>> {
        let far = origin.setting.trials(n, true, &mut elinvar_core::random::stream(origin.seed, &[("far", 0)]));
        ctx.install(|| self.networks.par_iter().map(|network| error_on(network, &far)).collect())
    }

    /// Recurrent weights (K, gates * n, n).
    fn weights(&self) -> Result<Array3<f64>> {
        let of = |network: &Recurrent<f32>| recurrent_weights(network);
        let weights = self.networks.iter().map(of).collect::<Result<Vec<_>>>()?;
        let (rows, n) = weights[0].dim();
        Ok(Array3::from_shape_fn((weights.len(), rows, n), |(k, i, j)| weights[k][[i, j]]))
    }

    /// How far the networks moved while they learned, kernels on `probes` trials.
    ///
    /// # Errors
    /// Networks that were trained elsewhere: where they began is not known.
    pub fn learning(&self, probes: usize, ctx: &Context) -> Result<Learning> {
        let origin = self.origin("the start")?;
        let inputs = self.probes(probes, None)?;
        let one = |(network, &seed): (&Recurrent<f32>, &u64)| -> Result<(f64, f64)> {
            ctx.check()?;
            let start = origin.setting.start(seed)?;
            let change = recurrent_weights(network)? - recurrent_weights(&start)?;
            Ok((change.iter().map(|v| v * v).sum::<f64>().sqrt(), kernel_alignment(&start, network, inputs.view())?))
        };
        let moved: Vec<(f64, f64)> = ctx.install(|| self.networks.par_iter().zip(&origin.seeds).map(one).collect::<Result<_>>())?;
        let (weight_change, kernel_alignment) = moved.into_iter().unzip();
        Ok(Learning { weight_change, kernel_alignment })
    }
}

fn recurrent_weights(network: &Recurrent<f32>) -> Result<Array2<f64>> {
    let weights = network.parameters().matrix_named(RECURRENT);
    weights.map(|w| w.mapv(f64::from)).ok_or_else(|| Error::internal("a network without recurrent weights"))
}

impl Model for Trained {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let spec = self.spec();
        let number = |values: &[u64]| values.iter().map(|&v| v as f64).collect::<Vec<f64>>();
        let mut attributes = Bundle::new()
            .with("n_networks", self.networks.len() as f64)
            .with("n_units", spec.units as f64)
            .with("cell", json!(spec.cell))
            .with("convergence", self.converged.iter().map(|&c| f64::from(u8::from(c))).collect::<Vec<f64>>());
        if self.origin.is_some() {
            attributes.insert("loss", self.loss.clone());
            attributes.insert("steps", number(&self.steps));
        }
        attributes
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new();
        for (k, network) in self.networks.iter().enumerate() {
            network.to_arrays(&format!("network{k}/")).into_iter().for_each(|(name, array)| arrays.insert(name, array));
        }
        let json = json!({
            "origin": self.origin,
            "spec": self.spec(),
            "converged": self.converged,
            "loss": self.loss.iter().map(|l| l.is_finite().then_some(*l)).collect::<Vec<_>>(),
            "steps": self.steps,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let spec: RecurrentSpec = state.field("spec")?;
        let named: NamedArrays = state
            .arrays
            .iter()
            .filter_map(|(name, item)| match item {
                Item::Array32(array) => Some((name.to_owned(), array.to_owned())),
                _ => None,
            })
            .collect();
        let converged: Vec<bool> = state.field("converged")?;
        let loss: Vec<Option<f64>> = state.field("loss")?;
        let steps: Vec<u64> = state.field("steps")?;
        let origin: Option<Origin> = state.field("origin")?;
        let k = converged.len();
        let seeds = origin.as_ref().map_or(k, |origin| origin.seeds.len());
        if k == 0 || loss.len() != k || steps.len() != k || seeds != k {
            return Err(Error::model("the model file is damaged: its networks and what it says of them do not fit together"));
        }
        let networks = (0..k).map(|k| Recurrent::from_arrays(spec, &named, &format!("network{k}/"))).collect::<Result<_>>()?;
        Ok(Self { origin, networks, converged, loss: loss.into_iter().map(|l| l.unwrap_or(f64::NAN)).collect(), steps })
    }
}
