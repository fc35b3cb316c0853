//! How alike networks are that learned one task: distances of all pairs, and what follows from them.

use super::algorithm::alignment::{Alignment, Frame};
use super::algorithm::matching::{Matching, Weights, matched};
use super::algorithm::operator::{Embedding, Operator, Spectrum};
use super::algorithm::scaling::scaling;
use super::algorithm::spectrum::wasserstein;
use super::params::{DegeneracyAnalysis, Score};
use elinvar_core::{Checked, Context, Error, Result, Stream};
use elinvar_math::statistics::{mean, variance};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Recordings of networks on the same trials.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// States of each network (trials, T, n); widths n may differ.
    pub states: Vec<Array3<f64>>,
    /// Recurrent weights of each network (n, n), or (gates * n, n) of gated cells, all of one shape.
    pub weights: Option<Vec<Array2<f64>>>,
    /// Loss of each network on held-out trials of another kind.
    pub ood_loss: Option<Vec<f64>>,
    /// Whether each network learned the task.
    pub converged: Option<Vec<bool>>,
}

impl Networks {
    /// Number of networks.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Those of these numbers.
    pub(super) fn only(&self, chosen: &[usize]) -> Self {
        fn of<T: Clone>(all: &[T], chosen: &[usize]) -> Vec<T> {
            chosen.iter().map(|&k| all[k].clone()).collect()
        }
        Self {
            states: of(&self.states, chosen),
            weights: self.weights.as_ref().map(|w| of(w, chosen)),
            ood_loss: self.ood_loss.as_ref().map(|l| of(l, chosen)),
            converged: self.converged.as_ref().map(|c| of(c, chosen)),
        }
    }

    /// Refuses recordings that do not fit together.
    pub(super) fn check(&self, allow_unconverged: bool) -> Result<()> {
        let k = self.len();
        if k < 2 {
            return Err(Error::input(format!("an ensemble needs at least 2 networks, got {k}")));
        }
        let (trials, steps, units) = self.states[0].dim();
        if trials == 0 || units == 0 {
            return Err(Error::input(format!("the recordings must hold a trial and a unit, got {trials} trials of {units} units")));
        }
        for (network, states) in self.states.iter().enumerate() {
            let got = states.dim();
            if (got.0, got.1) != (trials, steps) {
                let message = format!("network {network} has {} trials of {} steps, network 0 has {trials} of {steps}", got.0, got.1);
                return Err(Error::input(message).hint("record all networks on the same inputs"));
            }
            if let Some(((trial, step, unit), value)) = states.indexed_iter().find(|(_, v)| !v.is_finite()) {
                let message = format!("the state of network {network} is {value} in trial {trial}, step {step}, unit {unit}");
                return Err(Error::input(message).hint("leave out networks that diverged"));
            }
        }
        let lengths = [
            ("weights", self.weights.as_ref().map(Vec::len)),
            ("ood_loss", self.ood_loss.as_ref().map(Vec::len)),
            ("converged", self.converged.as_ref().map(Vec::len)),
        ];
        for (name, got) in lengths {
            if got.is_some_and(|got| got != k) {
                return Err(Error::input(format!(
                    "{name} must have one entry for each of the {k} networks, got {}",
                    got.unwrap_or_default()
                )));
            }
        }
        if let Some(network) = self.ood_loss.iter().flatten().position(|loss| !loss.is_finite()) {
            return Err(Error::input(format!("ood_loss of network {network} is not finite")).hint("leave out networks that diverged"));
        }
        let failed: Vec<usize> = self.converged.iter().flatten().enumerate().filter(|(_, fine)| !**fine).map(|(i, _)| i).collect();
        match failed.first() {
            Some(first) if !allow_unconverged => {
                Err(Error::input(format!("{} of {k} networks did not converge, the first is network {first}", failed.len()))
                    .hint("degeneracy compares networks of equal loss: leave them out, or set allow_unconverged to true"))
            }
            _ => Ok(()),
        }
    }

    /// The weights, ready to be matched.
    fn matchable(&self, ctx: &Context) -> Result<Option<Vec<Weights>>> {
        let Some(weights) = &self.weights else { return Ok(None) };
        for (network, matrix) in weights.iter().enumerate() {
            if matrix.dim() != weights[0].dim() {
                return Err(Error::input(format!(
                    "network {network} has weights {:?}, network 0 has {:?}",
                    matrix.dim(),
                    weights[0].dim()
                ))
                .hint("networks of different widths have no matching of units: compare widths one by one"));
            }
            if let Some(((i, j), value)) = matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(Error::input(format!("the weight of network {network} is {value} in row {i}, column {j}")));
            }
        }
        ctx.install(|| weights.par_iter().map(|w| Weights::of(w.view())).collect::<Result<_>>()).map(Some)
    }
}

/// Distances of all pairs of networks in the space of their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightDistances {
    /// `|W1 - Pᵀ W2 P| / n²` (K, K).
    pub pif: Array2<f64>,
    /// `|W1 - Pᵀ W2 P| / sqrt(|W1| |W2|)` (K, K).
    pub scale_free: Array2<f64>,
    /// `pif` is not below this for any order of units (K, K).
    pub least: Array2<f64>,
    /// Unit of network j for each unit of network i (K, K, n).
    pub permutations: Array3<i64>,
}

/// What networks of one task have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Degeneracy {
    /// Linear dynamics of each network.
    pub operators: Vec<Operator>,
    /// Distances of their dynamics (K, K).
    pub dsa: Array2<f64>,
    /// The Euclidean or angular distance is not below this for any alignment (K, K); equal to `dsa` for `wasserstein`.
    pub dsa_least: Array2<f64>,
    /// Mean distance of the dynamics of two networks.
    pub dynamical: f64,
    /// Distance between each network's dynamics on the trials of even and of odd number; empty where there is one trial.
    pub null: Vec<f64>,
    /// Whether networks differ by more than that: share of the ways to pair the halves of different networks with a mean distance as
    /// small as that of each network with itself; NaN where there is one trial.
    pub p_value: f64,
    /// Distances of their weights.
    pub weights: Option<WeightDistances>,
    /// Standard deviation of the losses on held-out trials (divisor K).
    pub behavioral: Option<f64>,
    /// Points whose distances resemble `dsa` (K, 2).
    pub mds: Array2<f64>,
    /// Networks after which the 95 % interval of `dynamical` is as narrow as `precision` asks.
    pub networks_needed: usize,
}

impl Degeneracy {
    /// Mean distance of weights a parameter.
    pub fn weight(&self) -> Option<f64> {
        self.weights.as_ref().map(|w| mean_of_pairs(&w.pif))
    }

    /// Mean distance of weights on their own scale.
    pub fn weight_scale_free(&self) -> Option<f64> {
        self.weights.as_ref().map(|w| mean_of_pairs(&w.scale_free))
    }
}

impl DegeneracyAnalysis {
    /// Compares networks of one task.
    ///
    /// # Errors
    /// Fewer than 2 networks, recordings that do not fit together or are not finite, trials too short for the delays, a rank that the states
    /// do not fill, networks that did not converge.
    pub fn analyze(&self, networks: &Networks, ctx: &mut Context) -> Result<Degeneracy> {
        analyze(&Checked::new(self.clone())?, networks, ctx)
    }

    pub(super) fn embedding(&self) -> Embedding {
        Embedding { n_delays: self.n_delays, delay_interval: self.delay_interval, rank: self.rank, lam: self.lam }
    }
}

/// Trials of even and of odd number.
const HALVES: usize = 2;

pub(super) fn analyze(params: &Checked<DegeneracyAnalysis>, networks: &Networks, ctx: &mut Context) -> Result<Degeneracy> {
    networks.check(params.allow_unconverged)?;
    let spectra = spectra(params, networks, ctx)?;
    let rank = common_rank(params, &spectra);
    let operators = |spectra: &[Spectrum]| spectra.iter().map(|s| s.operator(rank, params.lam)).collect::<Result<Vec<_>>>();
    let whole = operators(&spectra.whole)?;
    if let Some(network) = whole.iter().position(|operator| operator.tied) {
        ctx.warn(format!(
            "rank {rank} cuts through equal singular values of network {network}: its operator is not unique; try another rank"
        ));
    }
    let distances = dynamics(params, &whole, ctx)?;
    let (null, p_value) = match spectra.halves.len() {
        HALVES => against_halves(params, &operators(&spectra.halves[0])?, &operators(&spectra.halves[1])?, ctx)?,
        _ => (Vec::new(), f64::NAN),
    };
    let weights = match networks.matchable(ctx)? {
        Some(weights) => Some(weight_distances(params.pif_starts, &weights, ctx)?),
        None => None,
    };
    let (dsa, dsa_least) = distances;
    Ok(Degeneracy {
        dynamical: mean_of_pairs(&dsa),
        networks_needed: networks_needed(&dsa, params.precision),
        mds: scaling(dsa.view())?,
        operators: whole,
        dsa,
        dsa_least,
        null,
        p_value,
        weights,
        behavioral: networks.ood_loss.as_deref().map(deviation),
    })
}

/// Standard deviation with the divisor K.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    mean(&values.iter().map(|v| (v - centre).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// Mean over the pairs of a symmetric matrix.
pub(super) fn mean_of_pairs(distances: &Array2<f64>) -> f64 {
    let above: Vec<f64> = distances.indexed_iter().filter(|((i, j), _)| i < j).map(|(_, &d)| d).collect();
    mean(&above)
}

/// Mean distance of the dynamics of two networks, and nothing else.
pub(super) fn mean_dynamics(params: &Checked<DegeneracyAnalysis>, networks: &Networks, ctx: &mut Context) -> Result<f64> {
    networks.check(params.allow_unconverged)?;
    let spectra = Spectra { whole: embedded(params, networks, |_| true, ctx)?, halves: Vec::new() };
    let rank = common_rank(params, &spectra);
    let operators = spectra.whole.iter().map(|s| s.operator(rank, params.lam)).collect::<Result<Vec<_>>>()?;
    Ok(mean_of_pairs(&dynamics(params, &operators, ctx)?.0))
}

/// Embedded trials of every network: all of them, and each half where there are two trials.
struct Spectra {
    whole: Vec<Spectrum>,
    halves: Vec<Vec<Spectrum>>,
}

fn spectra(params: &DegeneracyAnalysis, networks: &Networks, ctx: &Context) -> Result<Spectra> {
    let halves = match networks.states[0].len_of(Axis(0)) {
        1 => Vec::new(),
        _ => (0..HALVES).map(|half| embedded(params, networks, |trial| trial % HALVES == half, ctx)).collect::<Result<_>>()?,
    };
    Ok(Spectra { whole: embedded(params, networks, |_| true, ctx)?, halves })
}

/// The trials of every network that are chosen by their number.
fn embedded(
    params: &DegeneracyAnalysis,
    networks: &Networks,
    choose: impl Fn(usize) -> bool + Sync,
    ctx: &Context,
) -> Result<Vec<Spectrum>> {
    let one = |states: &Array3<f64>| {
        ctx.check()?;
        let trials: Vec<usize> = (0..states.len_of(Axis(0))).filter(|&trial| choose(trial)).collect();
        Spectrum::of(params.embedding().moments(states.select(Axis(0), &trials).view())?)
    };
    ctx.install(|| networks.states.par_iter().map(one).collect())
}

/// The rank asked for, or the most that every part of every recording fills.
fn common_rank(params: &DegeneracyAnalysis, spectra: &Spectra) -> usize {
    let all = spectra.whole.iter().chain(spectra.halves.iter().flatten());
    params.rank.unwrap_or_else(|| all.map(Spectrum::significant).min().unwrap_or(0))
}

/// Operators, ready to be compared by a score.
enum Comparable<'a> {
    Aligned(Vec<Frame>),
    BySpectrum(&'a [Operator]),
}

impl<'a> Comparable<'a> {
    fn of(score: Score, operators: &'a [Operator], ctx: &Context) -> Result<Self> {
        if score == Score::Wasserstein {
            return Ok(Self::BySpectrum(operators));
        }
        let frames = ctx.install(|| operators.par_iter().map(|operator| Frame::of(operator.matrix.view())).collect::<Result<_>>())?;
        Ok(Self::Aligned(frames))
    }

    /// Score of number i and number j of another list, and what it cannot be below.
    fn distance(
        &self,
        i: usize,
        other: &Self,
        j: usize,
        params: &DegeneracyAnalysis,
        random: &mut Stream,
        ctx: &Context,
    ) -> Result<(f64, f64)> {
        match (self, other) {
            (Self::Aligned(a), Self::Aligned(b)) => Ok(scored(params.score, &a[i].align(&b[j], params.n_starts, random)?)),
            (Self::BySpectrum(a), Self::BySpectrum(b)) => {
                let distance = wasserstein(a[i].matrix.view(), b[j].matrix.view(), ctx)?;
                Ok((distance, distance))
            }
            _ => Err(Error::internal("operators made ready for two scores")),
        }
    }
}

/// Score of an alignment, and what it cannot be below.
pub(super) fn scored(score: Score, found: &Alignment) -> (f64, f64) {
    match score {
        Score::Angular => (found.angle(), found.bound.clamp(-1.0, 1.0).acos()),
        _ => (found.distance, found.least_distance()),
    }
}

/// Runs a function of two numbers below k for all pairs, in parallel, with progress; results in the order of the pairs.
fn for_pairs<R: Send>(
    pairs: &[(usize, usize)],
    what: &str,
    ctx: &mut Context,
    f: impl Fn(usize, usize) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let block = 32 * ctx.threads();
    let mut results = Vec::with_capacity(pairs.len());
    for part in pairs.chunks(block) {
        let found: Vec<R> = ctx.install(|| part.par_iter().map(|&(i, j)| f(i, j)).collect::<Result<_>>())?;
        results.extend(found);
        ctx.tick(results.len() as u64, pairs.len() as u64, &[(what, results.len() as f64)])?;
    }
    Ok(results)
}

fn all_pairs(k: usize) -> Vec<(usize, usize)> {
    (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j))).collect()
}

/// A symmetric matrix from the values of its pairs.
fn symmetric(k: usize, pairs: &[(usize, usize)], value: impl Fn(usize) -> f64) -> Array2<f64> {
    let mut matrix = Array2::zeros((k, k));
    for (place, &(i, j)) in pairs.iter().enumerate() {
        matrix[[i, j]] = value(place);
        matrix[[j, i]] = matrix[[i, j]];
    }
    matrix
}

/// The streams of a pair.
fn of_pair(seed: u64, what: &str, i: usize, j: usize) -> Stream {
    elinvar_core::random::stream(seed, &[(what, i as u64), ("other", j as u64)])
}

/// Distances of all pairs of operators, and what they cannot be below.
pub(super) fn dynamics(params: &DegeneracyAnalysis, operators: &[Operator], ctx: &mut Context) -> Result<(Array2<f64>, Array2<f64>)> {
    let (k, seed) = (operators.len(), ctx.seed());
    let pairs = all_pairs(k);
    let (inner, ready) = (ctx.child(seed, 1), Comparable::of(params.score, operators, ctx)?);
    let found = for_pairs(&pairs, "pairs of dynamics", ctx, |i, j| {
        inner.check()?;
        ready.distance(i, &ready, j, params, &mut of_pair(seed, "dynamics", i, j), &inner)
    })?;
    Ok((symmetric(k, &pairs, |p| found[p].0), symmetric(k, &pairs, |p| found[p].1)))
}

/// Networks whose halves are paired with those of each other; of more, the first.
const TESTED: usize = 16;
const PERMUTATIONS: usize = 9999;

/// Distances of each network's halves, and the p-value of a permutation test: were all networks one, any half would go as well with any other.
fn against_halves(params: &DegeneracyAnalysis, even: &[Operator], odd: &[Operator], ctx: &mut Context) -> Result<(Vec<f64>, f64)> {
    let (k, seed) = (even.len(), ctx.seed());
    let tested = k.min(TESTED);
    let crossed = (0..tested).flat_map(|i| (0..tested).map(move |j| (i, j)));
    let pairs: Vec<(usize, usize)> = crossed.chain((tested..k).map(|i| (i, i))).collect();
    let inner = ctx.child(seed, 1);
    let (even, odd) = (Comparable::of(params.score, even, ctx)?, Comparable::of(params.score, odd, ctx)?);
    let found = for_pairs(&pairs, "pairs of halves", ctx, |i, j| {
        inner.check()?;
        Ok(even.distance(i, &odd, j, params, &mut of_pair(seed, "halves", i, j), &inner)?.0)
    })?;
    let at = |i: usize, j: usize| found[i * tested + j];
    let null = (0..tested).map(|i| at(i, i)).chain(found[tested * tested..].iter().copied()).collect();
    let paired = |order: &[usize]| order.iter().enumerate().map(|(i, &j)| at(i, j)).sum::<f64>();
    let mut order: Vec<usize> = (0..tested).collect();
    let (observed, mut random) = (paired(&order), ctx.stream(&[("permutations", 0)]));
    let as_small = (0..PERMUTATIONS).filter(|_| {
        order.shuffle(&mut random);
        paired(&order) <= observed
    });
    let p_value = (1 + as_small.count()) as f64 / (1 + PERMUTATIONS) as f64;
    Ok((null, p_value))
}

fn weight_distances(starts: usize, networks: &[Weights], ctx: &mut Context) -> Result<WeightDistances> {
    let (k, seed) = (networks.len(), ctx.seed());
    let pairs = all_pairs(k);
    let inner = ctx.child(seed, 1);
    let found: Vec<Matching> = for_pairs(&pairs, "pairs of weights", ctx, |i, j| {
        matched(&networks[i], &networks[j], starts, &mut of_pair(seed, "weights", i, j), &inner)
    })?;
    let n = networks[0].units();
    let mut permutations = Array3::from_shape_fn((k, k, n), |(_, _, unit)| unit as i64);
    for (&(i, j), matching) in pairs.iter().zip(&found) {
        for (unit, &other) in matching.permutation.iter().enumerate() {
            permutations[[i, j, unit]] = other as i64;
            permutations[[j, i, other]] = unit as i64;
        }
    }
    Ok(WeightDistances {
        pif: symmetric(k, &pairs, |p| found[p].per_parameter()),
        scale_free: symmetric(k, &pairs, |p| found[p].scale_free()),
        least: symmetric(k, &pairs, |p| found[p].least_distance / (n * n) as f64),
        permutations,
    })
}

/// Networks for a 95 % interval of half this relative width around the mean distance of pairs (variance of a U-statistic; Hoeffding 1948).
fn networks_needed(distances: &Array2<f64>, precision: f64) -> usize {
    let k = distances.nrows() as f64;
    let own: Vec<f64> = distances.rows().into_iter().map(|row| row.sum() / (k - 1.0)).collect();
    // Var(mean) is 4 zeta / K to leading order, with zeta the variance of a network's own mean distance.
    let needed = 4.0 * variance(&own) * (1.96 / (precision * mean_of_pairs(distances))).powi(2);
    if needed.is_finite() { needed.ceil().max(2.0) as usize } else { 2 }
}

/// Everything turned to one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// Orthogonal change of the whitened coordinates of each network to those of the reference (K, rank, rank).
    pub orthogonal: Array3<f64>,
    /// Unit of each network for each unit of the reference (K, n).
    pub permutations: Option<Array2<i64>>,
    /// Mean of the recurrent weights with units in the order of the reference.
    pub mean_weights: Option<Array2<f64>>,
}

/// Aligns all networks to number `reference`.
pub(super) fn align_all(params: &Checked<DegeneracyAnalysis>, networks: &Networks, reference: usize, ctx: &mut Context) -> Result<Aligned> {
    networks.check(params.allow_unconverged)?;
    let k = networks.len();
    if reference >= k {
        return Err(Error::parameter("reference", format!("the number of a network, 0 to {}", k - 1), reference));
    }
    let spectra = spectra(params, networks, ctx)?;
    let rank = common_rank(params, &spectra);
    let frame = |s: &Spectrum| Frame::of(s.operator(rank, params.lam)?.matrix.view());
    let frames = spectra.whole.iter().map(frame).collect::<Result<Vec<_>>>()?;
    let (seed, inner) = (ctx.seed(), ctx.child(ctx.seed(), 1));
    let pairs: Vec<(usize, usize)> = (0..k).map(|other| (reference, other)).collect();
    let turns = for_pairs(&pairs, "networks", ctx, |i, j| {
        inner.check()?;
        Ok(frames[i].align(&frames[j], params.n_starts, &mut of_pair(seed, "align", i, j))?.orthogonal)
    })?;
    let orthogonal = Array3::from_shape_fn((k, rank, rank), |(network, i, j)| turns[network][[i, j]]);
    let Some(weights) = networks.matchable(ctx)? else { return Ok(Aligned { orthogonal, permutations: None, mean_weights: None }) };
    let orders = for_pairs(&pairs, "networks", ctx, |i, j| {
        Ok(matched(&weights[i], &weights[j], params.pif_starts, &mut of_pair(seed, "match", i, j), &inner)?.permutation)
    })?;
    let permutations = Array2::from_shape_fn((k, orders[0].len()), |(network, unit)| orders[network][unit] as i64);
    let mean_weights = networks.weights.as_ref().map(|weights| average(weights, &orders));
    Ok(Aligned { orthogonal, permutations: Some(permutations), mean_weights })
}

/// Mean of the weights, each with its units in this order.
fn average(weights: &[Array2<f64>], orders: &[Vec<usize>]) -> Array2<f64> {
    let (rows, n) = weights[0].dim();
    let ordered = |w: ArrayView2<'_, f64>, p: &[usize]| Array2::from_shape_fn((rows, n), |(i, j)| w[[i / n * n + p[i % n], p[j]]]);
    let sum = weights.iter().zip(orders).fold(Array2::zeros((rows, n)), |sum, (w, p)| sum + ordered(w.view(), p));
    sum / weights.len() as f64
}
