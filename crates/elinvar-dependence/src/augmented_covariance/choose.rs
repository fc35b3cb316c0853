//! Order and lag without labels: average mutual information with Cao's criterion, and maximising derivatives on projection (MDOP).
//!
//! Sources: Fraser and Swinney, Phys. Rev. A 33 (1986); Cao, Physica D 110 (1997); Nichkawde, Phys. Rev. E 87 (2013).

use super::embedding::Embedding;
use elinvar_core::{Context, Error, Result};
use elinvar_math::information::{Bins, table_information};
use elinvar_math::statistics::pairwise_sum;
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

/// Bins of the histograms of the mutual information, our choice.
const BINS: usize = 16;
/// Largest lag that is tried.
pub(super) const LARGEST_LAG: usize = 50;
/// Largest order of Cao's criterion and of MDOP.
pub(super) const LARGEST_ORDER: usize = 10;
/// E1 counts as saturated from here on, and where it changes by less than `FLAT`; our choice.
const SATURATED: f64 = 0.95;
const FLAT: f64 = 0.02;
/// A neighbour is false when a new coordinate grows its distance more than this many times.
const FALSE_RATIO: f64 = 2.0;
/// Share of false neighbours at which MDOP stops.
const FEW_FALSE: f64 = 0.05;

/// What the rules found, and the curves that they read.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Order and lag.
    pub embedding: Embedding,
    /// Average mutual information (bits) at the lags 0, 1, ..., averaged over channels and epochs.
    pub information: Vec<f64>,
    /// Cao's E1 at the orders 1, 2, ...; empty for MDOP.
    pub saturation: Vec<f64>,
    /// Delays of MDOP in the order in which it chose them; empty for Cao.
    pub delays: Vec<usize>,
}

/// Signals of all channels of all epochs.
fn signals(x: ArrayView3<'_, f64>) -> Vec<Vec<f64>> {
    x.outer_iter().flat_map(|epoch| epoch.outer_iter().map(|signal| signal.to_vec()).collect::<Vec<_>>()).collect()
}

/// Means over signals of what `of` gives for each; signals that give NaN at a place are left out there.
fn average(signals: &[Vec<f64>], ctx: &Context, of: impl Fn(&[f64]) -> Result<Vec<f64>> + Sync) -> Result<Vec<f64>> {
    let all: Result<Vec<Vec<f64>>> = ctx.install(|| {
        let one = |signal: &Vec<f64>| ctx.check().and_then(|()| of(signal));
        signals.par_iter().map(one).collect()
    });
    let all = all?;
    let mean = |k: usize| {
        let there: Vec<f64> = all.iter().map(|values| values[k]).filter(|value| value.is_finite()).collect();
        if there.is_empty() { f64::NAN } else { pairwise_sum(&there) / there.len() as f64 }
    };
    Ok((0..all.first().map_or(0, Vec::len)).map(mean).collect())
}

/// Mutual information (bits) of a signal with itself at the lags 0..=last.
fn mutual_information(signal: &[f64], last: usize) -> Result<Vec<f64>> {
    let bins = Bins::equal_width(signal, BINS);
    let n = signal.len();
    let of_lag = |lag: usize| Ok(table_information(&bins.rows(0..n - lag), &bins.rows(lag..n), false)? / std::f64::consts::LN_2);
    (0..=last).map(of_lag).collect()
}

/// The first lag whose information is below that of both neighbours; the least of all where there is none.
pub(super) fn first_minimum(information: &[f64]) -> usize {
    let inside = 1..information.len().saturating_sub(1);
    let dip = inside.clone().find(|&lag| information[lag] <= information[lag - 1] && information[lag] < information[lag + 1]);
    dip.unwrap_or_else(|| (1..information.len()).min_by(|&a, &b| information[a].total_cmp(&information[b])).unwrap_or(1))
}

/// Cao's E(1), E(2), ..., E(last): how much the distance to the nearest neighbour grows with one more coordinate, in the maximum norm.
fn growth(signal: &[f64], lag: usize, last: usize) -> Vec<f64> {
    // Every point has all coordinates that are asked for.
    let points = signal.len().saturating_sub(last * lag);
    let mut sums = vec![(0.0, 0_usize); last];
    let mut distances = vec![0.0_f64; points];
    for i in 0..points {
        distances.iter_mut().for_each(|distance| *distance = 0.0);
        for (order, sum) in sums.iter_mut().enumerate() {
            let shift = order * lag;
            let own = signal[i + shift];
            for (distance, other) in distances.iter_mut().zip(&signal[shift..]) {
                *distance = distance.max((own - other).abs());
            }
            let Some((j, near)) = nearest(&distances, i, lag) else { continue };
            if near > 0.0 {
                let next = shift + lag;
                sum.0 += near.max((signal[i + next] - signal[j + next]).abs()) / near;
                sum.1 += 1;
            }
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count as f64).collect()
}

/// The nearest point more than `window` samples from i.
fn nearest(distances: &[f64], i: usize, window: usize) -> Option<(usize, f64)> {
    let far = (0..i.saturating_sub(window)).chain(i + window + 1..distances.len());
    let mut best: Option<(usize, f64)> = None;
    for j in far {
        if best.is_none_or(|(_, least)| distances[j] < least) {
            best = Some((j, distances[j]));
        }
    }
    best
}

/// The first order at which E1 is saturated; the largest where none is.
pub(super) fn first_saturated(e1: &[f64]) -> usize {
    let flat = |k: usize| e1.get(k + 1).is_some_and(|next| (next - e1[k]).abs() < FLAT);
    (0..e1.len()).find(|&k| e1[k] >= SATURATED && flat(k)).map_or(LARGEST_ORDER.min(e1.len().max(1)), |k| k + 1)
}

fn information(signals: &[Vec<f64>], ctx: &Context) -> Result<Vec<f64>> {
    let length = signals.first().map_or(0, Vec::len);
    if length < 4 * BINS {
        return Err(Error::input(format!("order and lag from the data need epochs of at least {} samples, got {length}", 4 * BINS))
            .hint("state order and lag"));
    }
    average(signals, ctx, |signal| mutual_information(signal, LARGEST_LAG.min(length / 4)))
}

/// Lag at the first minimum of the average mutual information, order by Cao's criterion, from epochs (n, d, T).
///
/// # Errors
/// Epochs that are too short.
pub fn ami_cao(x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Chosen> {
    let signals = signals(x);
    let information = information(&signals, ctx)?;
    let lag = first_minimum(&information);
    // E1(D) needs E(D + 1), whose points need D + 1 more lags; at least a fifth of the signal is left.
    let length = x.dim().2;
    let last = (LARGEST_ORDER + 2).min(4 * length / (5 * lag));
    let e = average(&signals, ctx, |signal| Ok(growth(signal, lag, last)))?;
    let e1: Vec<f64> = e.windows(2).map(|pair| pair[1] / pair[0]).collect();
    Ok(Chosen { embedding: Embedding { order: first_saturated(&e1), lag }, information, saturation: e1, delays: Vec::new() })
}

/// What one signal says of the next delay.
struct Vote {
    /// Mean log10 of the growth of the nearest distance, by delay.
    beta: Vec<f64>,
    /// Share of points whose neighbour turns false, by delay.
    share: Vec<f64>,
}

/// Squared distances grow coordinate by coordinate; `delays` are those chosen so far, 0 among them.
fn vote(signal: &[f64], delays: &[usize], largest: usize, window: usize) -> Vote {
    let points = signal.len() - largest;
    let (mut sums, mut falses) = (vec![(0.0, 0_usize); largest + 1], vec![0_usize; largest + 1]);
    let mut distances = vec![0.0_f64; points];
    for i in 0..points {
        distances.iter_mut().for_each(|distance| *distance = 0.0);
        for &delay in delays {
            let start = largest - delay;
            let own = signal[i + start];
            for (distance, other) in distances.iter_mut().zip(&signal[start..]) {
                *distance += (own - other) * (own - other);
            }
        }
        let Some((j, near)) = nearest(&distances, i, window) else { continue };
        let near = near.sqrt();
        if !(near > 0.0) {
            continue;
        }
        for delay in 0..=largest {
            let grown = (signal[i + largest - delay] - signal[j + largest - delay]).abs() / near;
            if grown > 0.0 {
                sums[delay].0 += grown.log10();
                sums[delay].1 += 1;
            }
            falses[delay] += usize::from(grown > FALSE_RATIO);
        }
    }
    Vote {
        beta: sums.into_iter().map(|(sum, count)| sum / count as f64).collect(),
        share: falses.into_iter().map(|count| count as f64 / points as f64).collect(),
    }
}

/// Order and lag by maximising derivatives on projection, from epochs (n, d, T): the delays are chosen for all channels together.
///
/// # Errors
/// Epochs that are too short.
pub fn mdop(x: ArrayView3<'_, f64>, ctx: &Context) -> Result<Chosen> {
    let signals = signals(x);
    let information = information(&signals, ctx)?;
    let window = first_minimum(&information);
    let largest = LARGEST_LAG.min(x.dim().2 / 4);
    let mut delays = vec![0];
    while delays.len() <= LARGEST_ORDER {
        let both = average(&signals, ctx, |signal| {
            let Vote { beta, share } = vote(signal, &delays, largest, window);
            Ok([beta, share].concat())
        })?;
        let (beta, share) = both.split_at(largest + 1);
        let fresh = (1..=largest).filter(|delay| !delays.contains(delay) && beta[*delay].is_finite());
        let Some(best) = fresh.max_by(|&a, &b| beta[a].total_cmp(&beta[b]).then(b.cmp(&a))) else { break };
        delays.push(best);
        if share[best] < FEW_FALSE {
            break;
        }
    }
    delays.remove(0);
    let order = delays.len().max(1);
    let lag = (delays.iter().sum::<usize>() as f64 / order as f64).round().max(1.0) as usize;
    Ok(Chosen { embedding: fitting(order, lag, x.len_of(Axis(2))), information, saturation: Vec::new(), delays })
}

/// Fewer copies where the epochs are too short for all of them.
fn fitting(order: usize, lag: usize, length: usize) -> Embedding {
    (1..=order).rev().map(|order| Embedding { order, lag }).find(|e| e.samples(length).is_some()).unwrap_or(Embedding::NONE)
}
