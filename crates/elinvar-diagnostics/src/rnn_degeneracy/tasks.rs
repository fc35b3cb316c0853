//! The tasks: thin adapters between named inputs and the typed API.

use super::algorithm::alignment::align;
use super::algorithm::matching::{Matching, match_units};
use super::algorithm::operator::{Embedding, Operator};
use super::algorithm::spectrum::wasserstein;
use super::analysis::{self, Aligned, Degeneracy, Networks};
use super::comparison::{self, Compared, Sensitive};
use super::ensemble;
use super::import::import;
use super::model::{Learning, Recording, Trained};
use super::params::{Align, Comparison, DegeneracyAnalysis, FeatureLearning, Havok, PifDistance, RnnEnsemble, Score, Sensitivity, States};
use elinvar_core::{
    Bundle, Checked, Context, Error, Estimator, Field, Fitted, Input, Measurement, NoInput, NoParams, Operation, Output, Result, Shape,
    Status, Table, check_finite,
};
use elinvar_math::linalg::eigen;
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, CowArray, Dimension, Ix2, Ix3, Ix4, IxDyn};
use serde_json::json;
use std::path::PathBuf;

const HIDDEN: Field = Field::new("hidden", Shape::Tensor(4), "states of the networks on the same trials (K, trials, T, n)").flag("states");
const WEIGHTS: Field =
    Field::new("weights", Shape::Tensor(3), "recurrent weights (K, n, n), or (K, gates n, n) of gated cells, gate by gate").optional();
const OOD_LOSS: Field = Field::new("ood_loss", Shape::Vector, "loss of each network on held-out trials of another kind (K,)").optional();
const CONVERGED: Field = Field::new("converged", Shape::Vector, "1 for a network that learned the task, else 0 (K,)").optional();

/// An array of a wanted rank.
fn of_rank<D: Dimension>(bundle: &Bundle<'_>, name: &str) -> Result<ndarray::Array<f64, D>> {
    let array: CowArray<'_, f64, IxDyn> = bundle.array(name)?;
    let got = array.shape().to_vec();
    let rank = D::NDIM.unwrap_or_default();
    array.into_owned().into_dimensionality().map_err(|_| Error::input(format!("'{name}' must have {rank} axes, got the shape {got:?}")))
}

fn networks(bundle: &Bundle<'_>) -> Result<Networks> {
    let optional = |name: &str| -> Result<Option<Array1<f64>>> {
        if bundle.get(name).is_some() { Ok(Some(bundle.vector(name)?.into_owned())) } else { Ok(None) }
    };
    let weights = match bundle.get("weights") {
        Some(_) => Some(of_rank::<Ix3>(bundle, "weights")?.outer_iter().map(|w| w.to_owned()).collect()),
        None => None,
    };
    Ok(Networks {
        states: of_rank::<Ix4>(bundle, "hidden")?.outer_iter().map(|s| s.to_owned()).collect(),
        weights,
        ood_loss: optional("ood_loss")?.map(|loss| loss.to_vec()),
        converged: optional("converged")?.map(|c| c.iter().map(|v| *v != 0.0).collect()),
    })
}

impl Input<'_> for Networks {
    const FIELDS: &'static [Field] = &[HIDDEN, WEIGHTS, OOD_LOSS, CONVERGED];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        networks(bundle)
    }
}

/// Four small networks of random weights, recorded on the same inputs.
fn recorded() -> Bundle<'static> {
    let params = RnnEnsemble { n_channels: 1, hidden: 8, steps: 24, ..RnnEnsemble::default() };
    let inputs = params.trials(6, false, &mut elinvar_core::random::stream(0, &[("example", 0)])).inputs;
    let found: Vec<(Array3<f32>, ArrayD<f32>)> = (0..4)
        .filter_map(|seed| {
            let network = params.start(seed).ok()?;
            let weights = elinvar_nn::Network::parameters(&network).get(ensemble::RECURRENT)?.to_owned();
            Some((network.states(inputs.view()).ok()?, weights))
        })
        .collect();
    let states: Vec<_> = found.iter().map(|(s, _)| s.view()).collect();
    let weights: Vec<_> = found.iter().map(|(_, w)| w.view()).collect();
    let stacked = |arrays: Result<ArrayD<f32>>| arrays.unwrap_or_else(|_| ArrayD::zeros(IxDyn(&[0])));
    let failed = |e: ndarray::ShapeError| Error::internal(e.to_string());
    Bundle::new()
        .with("hidden", stacked(ndarray::stack(Axis(0), &states).map(ndarray::Array::into_dyn).map_err(failed)))
        .with("weights", stacked(ndarray::stack(Axis(0), &weights).map_err(failed)))
        .with("ood_loss", vec![0.02, 0.03, 0.05, 0.03])
}

fn stacked(matrices: &[&Array2<f64>]) -> Array3<f64> {
    let (rows, columns) = matrices[0].dim();
    Array3::from_shape_fn((matrices.len(), rows, columns), |(k, i, j)| matrices[k][[i, j]])
}

impl Output for Degeneracy {
    const FIELDS: &'static [Field] = &[
        Field::new("dynamical", Shape::Scalar, "mean distance of the dynamics of two networks"),
        Field::new("weight", Shape::Scalar, "mean distance of their weights").optional(),
        Field::new("behavioral", Shape::Scalar, "standard deviation of their losses under generalisation").optional(),
        Field::new("p_value", Shape::Scalar, "share of the pairings of different networks' halves as near as those of one network"),
        Field::new("networks_needed", Shape::Scalar, "networks for an interval of the wanted precision"),
        Field::new("dsa_matrix", Shape::Matrix, "distances of dynamics (K, K)"),
        Field::new("dsa_least", Shape::Matrix, "what they cannot be below (K, K)"),
        Field::new("null_dsa", Shape::Vector, "distance between the halves of each network's trials (K,)"),
        Field::new("mds", Shape::Matrix, "points whose distances resemble dsa_matrix (K, 2)"),
        Field::new("operators", Shape::Tensor(3), "linear dynamics of each network (K, rank, rank)"),
        Field::new("pif_matrix", Shape::Matrix, "distances of weights a parameter (K, K)").optional(),
        Field::new("pif_scale_free", Shape::Matrix, "distances of weights on their own scale (K, K)").optional(),
        Field::new("pif_least", Shape::Matrix, "what pif_matrix cannot be below (K, K)").optional(),
        Field::new("pif_permutations", Shape::Tensor(3), "unit of network j for each unit of network i (K, K, n)").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let operators: Vec<&Array2<f64>> = self.operators.iter().map(|o| &o.matrix).collect();
        let mut bundle = Bundle::new().with("dynamical", self.dynamical);
        if let Some(weight) = self.weight() {
            bundle.insert("weight", weight);
        }
        if let Some(behavioral) = self.behavioral {
            bundle.insert("behavioral", behavioral);
        }
        bundle.insert("p_value", self.p_value);
        bundle.insert("networks_needed", self.networks_needed as f64);
        bundle.insert("operators", stacked(&operators));
        bundle.insert("dsa_matrix", self.dsa);
        bundle.insert("dsa_least", self.dsa_least);
        bundle.insert("null_dsa", self.null);
        bundle.insert("mds", self.mds);
        if let Some(weights) = self.weights {
            bundle.insert("pif_matrix", weights.pif);
            bundle.insert("pif_scale_free", weights.scale_free);
            bundle.insert("pif_least", weights.least);
            bundle.insert("pif_permutations", weights.permutations);
        }
        bundle
    }
}

/// `analyze`.
pub(super) struct AnalyzeTask;

impl Measurement for AnalyzeTask {
    const VERB: &'static str = "analyze";
    const SUMMARY: &'static str = "distances of networks in dynamics, weights and behaviour, and whether they are more than noise";
    type Params = DegeneracyAnalysis;
    type Input<'a> = Networks;
    type Output = Degeneracy;
    fn measure(params: &Checked<DegeneracyAnalysis>, input: Networks, ctx: &mut Context) -> Result<Degeneracy> {
        analysis::analyze(params, &input, ctx)
    }
    fn example() -> Bundle<'static> {
        recorded()
    }
}

/// Networks and the level of a condition that each belongs to.
pub(super) struct AtLevels {
    networks: Networks,
    levels: Vec<f64>,
}

impl Input<'_> for AtLevels {
    const FIELDS: &'static [Field] = &[
        Field::new("levels", Shape::Vector, "level of the condition of each network, such as the number of channels of its task (K,)"),
        HIDDEN,
        WEIGHTS,
        OOD_LOSS,
        CONVERGED,
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { networks: networks(bundle)?, levels: bundle.vector("levels")?.to_vec() })
    }
}

impl Output for Compared {
    const FIELDS: &'static [Field] = &[
        Field::new("verdict", Shape::Json, "one sentence"),
        Field::new("trends", Shape::Table, "one row a measure: slope on the level, its 95 % interval over networks, rank correlation"),
        Field::new("levels", Shape::Table, "one row a level: networks, and the degeneracy by each measure"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let (trends, levels) = (self.table().unwrap_or_default(), self.by_level().unwrap_or_default());
        Bundle::new().with("verdict", json!(self.verdict)).with("trends", trends).with("levels", levels)
    }
}

/// `compare`.
pub(super) struct CompareTask;

impl Measurement for CompareTask {
    const VERB: &'static str = "compare";
    const SUMMARY: &'static str = "how degeneracy changes with a condition: slopes over its levels with intervals";
    type Params = Comparison;
    type Input<'a> = AtLevels;
    type Output = Compared;
    fn measure(params: &Checked<Comparison>, input: AtLevels, ctx: &mut Context) -> Result<Compared> {
        comparison::compare(params, &input.networks, &input.levels, ctx)
    }
    fn example() -> Bundle<'static> {
        recorded().with("levels", vec![1.0, 1.0, 2.0, 2.0])
    }
}

/// Networks, with or without levels.
pub(super) struct MaybeAtLevels {
    networks: Networks,
    levels: Option<Vec<f64>>,
}

impl Input<'_> for MaybeAtLevels {
    const FIELDS: &'static [Field] =
        &[Field::new("levels", Shape::Vector, "level of the condition of each network (K,)").optional(), HIDDEN, CONVERGED];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let levels = if bundle.get("levels").is_some() { Some(bundle.vector("levels")?.to_vec()) } else { None };
        Ok(Self { networks: networks(bundle)?, levels })
    }
}

impl Output for Sensitive {
    const FIELDS: &'static [Field] = &[
        Field::new("verdict", Shape::Json, "one sentence"),
        Field::new("depends", Shape::Json, "whether the conclusion is not the same at every setting"),
        Field::new(
            "settings",
            Shape::Table,
            "one row a setting: delays, rank, and the mean distance of dynamics or its slope on the level",
        ),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let settings = self.table().unwrap_or_default();
        Bundle::new().with("verdict", json!(self.verdict)).with("depends", json!(self.depends)).with("settings", settings)
    }
}

/// `sensitivity`.
pub(super) struct SensitivityTask;

impl Measurement for SensitivityTask {
    const VERB: &'static str = "sensitivity";
    const SUMMARY: &'static str = "whether the conclusion on dynamics depends on delays and rank";
    type Params = Sensitivity;
    type Input<'a> = MaybeAtLevels;
    type Output = Sensitive;
    fn measure(params: &Checked<Sensitivity>, input: MaybeAtLevels, ctx: &mut Context) -> Result<Sensitive> {
        comparison::sensitivity(params, &input.networks, input.levels.as_deref(), ctx)
    }
    fn example() -> Bundle<'static> {
        let mut data = recorded();
        ["weights", "ood_loss"].iter().for_each(|name| drop(data.remove(name)));
        data
    }
}

impl Output for Aligned {
    const FIELDS: &'static [Field] = &[
        Field::new("orthogonal", Shape::Tensor(3), "change of whitened coordinates to those of the reference (K, rank, rank)"),
        Field::new("permutations", Shape::Matrix, "unit of each network for each unit of the reference (K, n)").optional(),
        Field::new("mean_weights", Shape::Matrix, "mean recurrent weights with units in the order of the reference").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let mut bundle = Bundle::new().with("orthogonal", self.orthogonal);
        if let Some(permutations) = self.permutations {
            bundle.insert("permutations", permutations);
        }
        if let Some(weights) = self.mean_weights {
            bundle.insert("mean_weights", weights);
        }
        bundle
    }
}

/// `align`.
pub(super) struct AlignTask;

impl Measurement for AlignTask {
    const VERB: &'static str = "align";
    const SUMMARY: &'static str = "turn every network to one of them: coordinates, units, mean weights";
    type Params = Align;
    type Input<'a> = Networks;
    type Output = Aligned;
    fn measure(params: &Checked<Align>, input: Networks, ctx: &mut Context) -> Result<Aligned> {
        analysis::align_all(&Checked::new(DegeneracyAnalysis::from(&**params))?, &input, params.reference, ctx)
    }
    fn example() -> Bundle<'static> {
        recorded()
    }
}

/// Recordings of two networks.
pub(super) struct TwoRecordings {
    x: Array3<f64>,
    y: Array3<f64>,
}

/// Trials of one network, finite.
fn trajectories(bundle: &Bundle<'_>, name: &str) -> Result<Array3<f64>> {
    let states = of_rank::<Ix3>(bundle, name)?;
    match states.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(states),
        Some(((trial, step, unit), value)) => {
            Err(Error::input(format!("'{name}' contains {value} in trial {trial}, step {step}, unit {unit}")))
        }
    }
}

impl Input<'_> for TwoRecordings {
    const FIELDS: &'static [Field] = &[
        Field::new("x", Shape::Tensor(3), "states of one network (trials, T, n)"),
        Field::new("y", Shape::Tensor(3), "states of another (trials, T, m)"),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: trajectories(bundle, "x")?, y: trajectories(bundle, "y")? })
    }
}

/// Distance of the dynamics of two networks.
pub(super) struct DsaFound {
    distance: f64,
    least: f64,
    /// None of the distance of eigenvalues.
    orthogonal: Option<Array2<f64>>,
}

impl Output for DsaFound {
    const FIELDS: &'static [Field] = &[
        Field::new("distance", Shape::Scalar, "distance by the chosen score"),
        Field::new("least", Shape::Scalar, "what it cannot be below"),
        Field::new("orthogonal", Shape::Matrix, "change of the coordinates of y to those of x (rank, rank)").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let mut bundle = Bundle::new().with("distance", self.distance).with("least", self.least);
        if let Some(orthogonal) = self.orthogonal {
            bundle.insert("orthogonal", orthogonal);
        }
        bundle
    }
}

/// `dsa-distance`.
pub(super) struct DsaTask;

impl Measurement for DsaTask {
    const VERB: &'static str = "dsa-distance";
    const SUMMARY: &'static str = "distance of the dynamics of two networks";
    type Params = DegeneracyAnalysis;
    type Input<'a> = TwoRecordings;
    type Output = DsaFound;
    fn measure(params: &Checked<DegeneracyAnalysis>, TwoRecordings { x, y }: TwoRecordings, ctx: &mut Context) -> Result<DsaFound> {
        let embedding = params.embedding();
        let rank = match params.rank {
            Some(rank) => rank,
            None => embedding.operator(x.view())?.matrix.nrows().min(embedding.operator(y.view())?.matrix.nrows()),
        };
        let embedding = Embedding { rank: Some(rank), ..embedding };
        let (a, b) = (embedding.operator(x.view())?, embedding.operator(y.view())?);
        if params.score == Score::Wasserstein {
            let distance = wasserstein(a.matrix.view(), b.matrix.view(), ctx)?;
            return Ok(DsaFound { distance, least: distance, orthogonal: None });
        }
        let mut random = elinvar_core::random::stream(0, &[("dynamics", 0)]);
        let found = align(a.matrix.view(), b.matrix.view(), params.n_starts, &mut random)?;
        let (distance, least) = analysis::scored(params.score, &found);
        Ok(DsaFound { distance, least, orthogonal: Some(found.orthogonal) })
    }
    fn example() -> Bundle<'static> {
        let Ok(states) = of_rank::<Ix4>(&recorded(), "hidden") else { return Bundle::new() };
        let of = |k: usize| states.index_axis(Axis(0), k).to_owned();
        Bundle::new().with("x", of(0)).with("y", of(1))
    }
}

/// Weights of two networks.
pub(super) struct TwoWeights {
    w1: Array2<f64>,
    w2: Array2<f64>,
}

impl Input<'_> for TwoWeights {
    const FIELDS: &'static [Field] = &[
        Field::new("w1", Shape::Matrix, "recurrent weights (n, n), or (gates n, n) of gated cells"),
        Field::new("w2", Shape::Matrix, "those of another network, of the same shape"),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let matrix = |name: &str| -> Result<Array2<f64>> {
            let matrix = of_rank::<Ix2>(bundle, name)?;
            check_finite(name, matrix.view())?;
            Ok(matrix)
        };
        Ok(Self { w1: matrix("w1")?, w2: matrix("w2")? })
    }
}

impl Output for Matching {
    const FIELDS: &'static [Field] = &[
        Field::new("distance", Shape::Scalar, "|W1 - P'W2 P| / n^2"),
        Field::new("frobenius", Shape::Scalar, "|W1 - P'W2 P|"),
        Field::new("scale_free", Shape::Scalar, "|W1 - P'W2 P| / sqrt(|W1| |W2|)"),
        Field::new("least", Shape::Scalar, "what 'frobenius' cannot be below for any order of units"),
        Field::new("permutation", Shape::Vector, "unit of the second network for each unit of the first (n,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("distance", self.per_parameter())
            .with("frobenius", self.distance)
            .with("scale_free", self.scale_free())
            .with("least", self.least_distance)
            .with("permutation", self.permutation.iter().map(|&p| p as i64).collect::<Array1<i64>>())
    }
}

/// `pif-distance`.
pub(super) struct PifTask;

impl Measurement for PifTask {
    const VERB: &'static str = "pif-distance";
    const SUMMARY: &'static str = "distance of two networks' recurrent weights up to the order of their units";
    type Params = PifDistance;
    type Input<'a> = TwoWeights;
    type Output = Matching;
    fn measure(params: &Checked<PifDistance>, TwoWeights { w1, w2 }: TwoWeights, ctx: &mut Context) -> Result<Matching> {
        match_units(w1.view(), w2.view(), params.pif_starts, &mut elinvar_core::random::stream(0, &[("weights", 0)]), ctx)
    }
    fn example() -> Bundle<'static> {
        let weights = of_rank::<Ix3>(&recorded(), "weights").unwrap_or_default();
        let of = |k: usize| weights.index_axis(Axis(0), k).to_owned();
        Bundle::new().with("w1", of(0)).with("w2", of(1))
    }
}

/// The recording of one network.
pub(super) struct OneRecording(Array3<f64>);

impl Input<'_> for OneRecording {
    const FIELDS: &'static [Field] = &[Field::new("x", Shape::Tensor(3), "states, or any trajectories (trials, T, n)")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        trajectories(bundle, "x").map(Self)
    }
}

/// An operator with its eigenvalues.
pub(super) struct Spectral {
    operator: Operator,
    eigenvalues: Table,
}

impl Output for Spectral {
    const FIELDS: &'static [Field] = &[
        Field::new("operator", Shape::Matrix, "map of whitened coordinates to those of the next step (rank, rank)"),
        Field::new("eigenvalues", Shape::Table, "its eigenvalues: real, imaginary, modulus"),
        Field::new("singular_values", Shape::Vector, "of the delay-embedded trials, all of them, falling"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("operator", self.operator.matrix)
            .with("eigenvalues", self.eigenvalues)
            .with("singular_values", self.operator.singular_values)
    }
}

/// `havok`.
pub(super) struct HavokTask;

impl Measurement for HavokTask {
    const VERB: &'static str = "havok";
    const SUMMARY: &'static str = "linear operator of recorded dynamics in whitened delay coordinates";
    type Params = Havok;
    type Input<'a> = OneRecording;
    type Output = Spectral;
    fn measure(params: &Checked<Havok>, OneRecording(x): OneRecording, ctx: &mut Context) -> Result<Spectral> {
        let Havok { n_delays, delay_interval, rank, lam } = **params;
        let operator = Embedding { n_delays, delay_interval, rank, lam }.operator(x.view())?;
        if operator.tied {
            ctx.warn(format!(
                "rank {} cuts through equal singular values: the operator is not unique; try another rank",
                operator.matrix.nrows()
            ));
        }
        let values = eigen(operator.matrix.view())?.values;
        let column = |of: fn(&[f64; 2]) -> f64| elinvar_core::Column::Number(values.iter().map(of).collect());
        let eigenvalues = Table::new()
            .with("real", column(|v| v[0]))?
            .with("imaginary", column(|v| v[1]))?
            .with("modulus", column(|v| v[0].hypot(v[1])))?;
        Ok(Spectral { operator, eigenvalues })
    }
    fn example() -> Bundle<'static> {
        let mut data = DsaTask::example();
        data.remove("y");
        data
    }
}

/// `train`.
pub(super) struct TrainTask;

impl Estimator for TrainTask {
    const VERB: &'static str = "train";
    const SUMMARY: &'static str = "train networks on a task, side by side";
    type Params = RnnEnsemble;
    type Input<'a> = NoInput;
    type Model = Trained;
    fn fit(params: &Checked<RnnEnsemble>, _: NoInput, ctx: &mut Context) -> Result<Fitted<Trained>> {
        ensemble::train(params, ctx)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// Where state dictionaries lie.
pub(super) struct Files(PathBuf);

impl Input<'_> for Files {
    const FIELDS: &'static [Field] = &[Field::new(
        "networks",
        Shape::Path,
        "a folder with the state dictionary of one network a file (.safetensors, .npz), or one such file",
    )];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let path = bundle.json("networks")?.as_str().map(PathBuf::from);
        path.map(Self).ok_or_else(|| Error::input("'networks' must be the name of a folder or a file"))
    }
}

/// `import`.
pub(super) struct ImportTask;

impl Estimator for ImportTask {
    const VERB: &'static str = "import";
    const SUMMARY: &'static str = "read networks that were trained elsewhere (PyTorch's nn.RNN, nn.GRU, nn.LSTM)";
    type Params = NoParams;
    type Input<'a> = Files;
    type Model = Trained;
    fn fit(_: &Checked<NoParams>, Files(path): Files, _: &mut Context) -> Result<Fitted<Trained>> {
        Ok(Fitted { model: import(&path)?, status: Status::Converged, trace: Table::new() })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// Inputs to record networks on.
pub(super) struct Probes(Option<Array2<f32>>);

impl Input<'_> for Probes {
    const FIELDS: &'static [Field] =
        &[Field::new("inputs", Shape::Tensor(3), "inputs to record on (trials, T, inputs); trials of the task where absent").optional()];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        if bundle.get("inputs").is_none() {
            return Ok(Self(None));
        }
        let inputs = trajectories(bundle, "inputs")?.mapv(|v| v as f32);
        let (trials, steps, width) = inputs.dim();
        let flat = inputs.into_shape_with_order((trials, steps * width)).map_err(|e| Error::internal(e.to_string()))?;
        Ok(Self(Some(flat)))
    }
}

impl Output for Recording {
    const FIELDS: &'static [Field] = &[
        Field::new("hidden", Shape::Tensor(4), "states of the networks (K, trials, T, n)"),
        Field::new("outputs", Shape::Tensor(4), "their results (K, trials, T, outputs)"),
        Field::new("weights", Shape::Tensor(3), "their recurrent weights (K, n, n), gate by gate"),
        Field::new("ood_loss", Shape::Vector, "loss on trials twice as long (K,), of networks trained here").optional(),
        Field::new("converged", Shape::Vector, "1 for a network that learned the task (K,)"),
        Field::new("inputs", Shape::Matrix, "inputs of the trials (trials, T inputs)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let mut bundle = Bundle::new().with("hidden", self.states).with("outputs", self.outputs).with("weights", self.weights);
        if let Some(loss) = self.ood_loss {
            bundle.insert("ood_loss", loss);
        }
        bundle.with("converged", self.converged.iter().map(|&c| i64::from(c)).collect::<Array1<i64>>()).with("inputs", self.inputs)
    }
}

/// `states`.
pub(super) struct StatesTask;

impl Operation for StatesTask {
    const VERB: &'static str = "states";
    const SUMMARY: &'static str = "record the networks on the same trials: what `analyze` takes";
    type Params = States;
    type Model = Trained;
    type Input<'a> = Probes;
    type Output = Recording;
    fn apply(params: &Checked<States>, model: &Trained, Probes(inputs): Probes, ctx: &mut Context) -> Result<Recording> {
        model.record(params, inputs.as_ref().map(|inputs| inputs.view()), ctx)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

impl Output for Learning {
    const FIELDS: &'static [Field] = &[
        Field::new("weight_change", Shape::Vector, "Frobenius norm of the change of the recurrent weights (K,)"),
        Field::new(
            "kernel_alignment",
            Shape::Vector,
            "cosine of the tangent kernels before and after, low where features were learned (K,)",
        ),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("weight_change", self.weight_change).with("kernel_alignment", self.kernel_alignment)
    }
}

/// `feature-learning`.
pub(super) struct LearningTask;

impl Operation for LearningTask {
    const VERB: &'static str = "feature-learning";
    const SUMMARY: &'static str = "how far the networks moved while they learned";
    type Params = FeatureLearning;
    type Model = Trained;
    type Input<'a> = NoInput;
    type Output = Learning;
    fn apply(params: &Checked<FeatureLearning>, model: &Trained, _: NoInput, ctx: &mut Context) -> Result<Learning> {
        model.learning(params.n_probes, ctx)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}
