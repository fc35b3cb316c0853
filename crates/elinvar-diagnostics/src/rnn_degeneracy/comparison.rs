//! What changes with a condition: ensembles at several levels compared.

use super::analysis::{Networks, analyze, deviation, mean_dynamics};
use super::params::{Comparison, DegeneracyAnalysis, Sensitivity};
use elinvar_core::{Checked, Column, Context, Error, Result, Table};
use elinvar_math::statistics::{mean, quantile_of_sorted, spearman};
use ndarray::Array2;
use rand::RngExt;

/// How a measure of degeneracy changes with the level.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// `dynamics`, `weights`, `weights, scale-free` or `behaviour`.
    pub measure: &'static str,
    /// At each level.
    pub values: Vec<f64>,
    /// Least-squares slope of the values on the levels.
    pub slope: f64,
    /// 95 % interval of the slope, networks resampled within their levels.
    pub interval: (f64, f64),
    /// Rank correlation of the level and each network's mean distance from the others of its level (of behaviour: its distance from their
    /// mean loss).
    pub spearman: f64,
}

impl Trend {
    /// -1 or 1 where the whole interval is on one side of 0, else 0.
    pub fn direction(&self) -> i8 {
        i8::from(self.interval.0 > 0.0) - i8::from(self.interval.1 < 0.0)
    }
}

/// Ensembles at rising levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Levels, rising.
    pub levels: Vec<f64>,
    /// Networks at each.
    pub networks: Vec<usize>,
    /// One for each measure that there is data for.
    pub trends: Vec<Trend>,
    /// One sentence.
    pub verdict: String,
}

/// What is resampled: networks of one level.
struct Level {
    members: Vec<usize>,
    dsa: Array2<f64>,
    pif: Option<Array2<f64>>,
    scale_free: Option<Array2<f64>>,
    loss: Option<Vec<f64>>,
}

/// Groups networks by their level, the levels rising.
fn grouped(levels: &[f64], networks: &Networks) -> Result<Vec<(f64, Vec<usize>)>> {
    if levels.len() != networks.len() {
        return Err(Error::input(format!("levels must have one number for each of the {} networks, got {}", networks.len(), levels.len())));
    }
    if let Some(network) = levels.iter().position(|level| !level.is_finite()) {
        return Err(Error::input(format!("the level of network {network} is not finite")));
    }
    let mut known = levels.to_vec();
    known.sort_by(f64::total_cmp);
    known.dedup();
    if known.len() < 2 {
        return Err(Error::input(format!("a comparison needs at least 2 levels, got {}", known.len())));
    }
    let of = |level: f64| (level, (0..levels.len()).filter(|&k| levels[k] == level).collect::<Vec<_>>());
    let groups: Vec<(f64, Vec<usize>)> = known.into_iter().map(of).collect();
    match groups.iter().find(|(_, members)| members.len() < 2) {
        Some((level, _)) => Err(Error::input(format!("every level needs at least 2 networks, level {level} has 1"))),
        None => Ok(groups),
    }
}

/// Compares the degeneracy of networks at several levels (K,) of a condition, such as the number of channels or a strength of regularisation.
///
/// # Errors
/// As for [`DegeneracyAnalysis::analyze`], fewer than two levels, or a level with fewer than two networks.
pub(super) fn compare(params: &Checked<Comparison>, networks: &Networks, levels: &[f64], ctx: &mut Context) -> Result<Compared> {
    networks.check(params.allow_unconverged)?;
    let groups = grouped(levels, networks)?;
    let analysis = Checked::new(DegeneracyAnalysis::from(&**params))?;
    let mut all = Vec::new();
    for (_, members) in &groups {
        let own = networks.only(members);
        let found = analyze(&analysis, &own, ctx)?;
        let (pif, scale_free) = found.weights.map(|w| (w.pif, w.scale_free)).unzip();
        all.push(Level { members: members.clone(), dsa: found.dsa, pif, scale_free, loss: own.ood_loss });
    }
    let levels: Vec<f64> = groups.iter().map(|(level, _)| *level).collect();
    let mut trends = Vec::new();
    let mut pairs = |measure, of: fn(&Level) -> Option<&Array2<f64>>| {
        let distances: Option<Vec<&Array2<f64>>> = all.iter().map(of).collect();
        if let Some(distances) = distances {
            trends.push(trend(measure, &levels, &all, params.n_resamples, &|k, draw| of_drawn(distances[k], draw), ctx));
        }
    };
    pairs("dynamics", |level| Some(&level.dsa));
    pairs("weights", |level| level.pif.as_ref());
    pairs("weights, scale-free", |level| level.scale_free.as_ref());
    let losses: Option<Vec<&Vec<f64>>> = all.iter().map(|level| level.loss.as_ref()).collect();
    if let Some(losses) = losses {
        let spread = |k: usize, draw: &[usize]| deviation(&draw.iter().map(|&i| losses[k][i]).collect::<Vec<_>>());
        trends.push(trend("behaviour", &levels, &all, params.n_resamples, &spread, ctx));
    }
    let verdict = verdict(&trends);
    Ok(Compared { levels, networks: all.iter().map(|level| level.members.len()).collect(), trends, verdict })
}

/// Mean distance of the drawn networks, a network drawn twice not counted as a pair with itself.
fn of_drawn(distances: &Array2<f64>, draw: &[usize]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (place, &i) in draw.iter().enumerate() {
        for &j in &draw[..place] {
            if i != j {
                sum += distances[[i, j]];
                count += 1.0;
            }
        }
    }
    sum / count
}

fn trend(
    measure: &'static str,
    levels: &[f64],
    all: &[Level],
    resamples: usize,
    of: &dyn Fn(usize, &[usize]) -> f64,
    ctx: &Context,
) -> Trend {
    let whole: Vec<Vec<usize>> = all.iter().map(|level| (0..level.members.len()).collect()).collect();
    let values: Vec<f64> = whole.iter().enumerate().map(|(k, draw)| of(k, draw)).collect();
    let mut random = ctx.stream(&[("resamples", 0)]);
    let mut slopes: Vec<f64> = (0..resamples)
        .map(|_| {
            let drawn = |(k, own): (usize, &Vec<usize>)| {
                let draw: Vec<usize> = own.iter().map(|_| random.random_range(0..own.len())).collect();
                of(k, &draw)
            };
            slope(levels, &whole.iter().enumerate().map(drawn).collect::<Vec<_>>())
        })
        .filter(|slope| slope.is_finite())
        .collect();
    slopes.sort_by(f64::total_cmp);
    let at = |share| quantile_of_sorted(&slopes, share).unwrap_or(f64::NAN);
    let (mut by_network, mut by_level) = (Vec::new(), Vec::new());
    for (k, own) in whole.iter().enumerate() {
        for &i in own {
            let others: Vec<f64> = own.iter().filter(|&&j| j != i).map(|&j| of(k, &[i, j])).collect();
            by_network.push(mean(&others));
            by_level.push(levels[k]);
        }
    }
    let spearman = spearman(&by_level, &by_network).unwrap_or(f64::NAN);
    Trend { measure, slope: slope(levels, &values), values, interval: (at(0.025), at(0.975)), spearman }
}

fn slope(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let above: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    above / x.iter().map(|x| (x - mx) * (x - mx)).sum::<f64>()
}

fn verdict(trends: &[Trend]) -> String {
    let word = |direction: i8| ["falls", "shows no clear change", "rises"][(direction + 1) as usize];
    let of = |measure: &str| trends.iter().find(|trend| trend.measure == measure).map(Trend::direction);
    let Some(dynamics) = of("dynamics") else { return String::new() };
    let said = format!("with the level the degeneracy of dynamics {}", word(dynamics));
    match of("weights") {
        None => said,
        Some(weights) => {
            let kind = match dynamics * weights {
                -1 => "contravariant",
                1 => "covariant",
                _ => "undecided",
            };
            format!("{kind}: {said}, that of weights {}", word(weights))
        }
    }
}

impl Compared {
    /// One row a measure.
    pub(super) fn table(&self) -> Result<Table> {
        let number = |of: fn(&Trend) -> f64| Column::Number(self.trends.iter().map(of).collect());
        Table::new()
            .with("measure", Column::Text(self.trends.iter().map(|t| Some(t.measure.to_owned())).collect()))?
            .with("slope", number(|t| t.slope))?
            .with("low", number(|t| t.interval.0))?
            .with("high", number(|t| t.interval.1))?
            .with("spearman", number(|t| t.spearman))
    }

    /// One row a level.
    pub(super) fn by_level(&self) -> Result<Table> {
        let table = Table::new()
            .with("level", Column::Number(self.levels.clone()))?
            .with("networks", Column::Integer(self.networks.iter().map(|&n| n as i64).collect()))?;
        self.trends.iter().try_fold(table, |table, trend| table.with(trend.measure, Column::Number(trend.values.clone())))
    }
}

/// Whether what is found depends on how it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitive {
    /// Delays, rank, and the mean distance of dynamics (with levels its slope) of each setting.
    pub settings: Vec<(usize, usize, f64)>,
    /// Whether the conclusion is not the same at every setting.
    pub depends: bool,
    /// One sentence.
    pub verdict: String,
}

/// The spread of mean distances over settings, relative to their mean, beyond which they are called different.
const ALIKE: f64 = 0.25;

/// Repeats the comparison of dynamics over a grid of delays and ranks: with levels the sign of the slope is looked at, without them the size
/// of the mean distance.
///
/// # Errors
/// As for [`compare`]; no setting that the states fill.
pub(super) fn sensitivity(
    params: &Checked<Sensitivity>,
    networks: &Networks,
    levels: Option<&[f64]>,
    ctx: &mut Context,
) -> Result<Sensitive> {
    networks.check(params.allow_unconverged)?;
    let groups = levels.map(|levels| grouped(levels, networks)).transpose()?;
    let units = networks.states.iter().map(|s| s.dim().2).min().unwrap_or(0);
    let grid = params.delays.iter().flat_map(|&d| params.ranks.iter().map(move |&r| (d, r)));
    let grid: Vec<(usize, usize)> = grid.filter(|&(d, r)| r <= units * d).collect();
    if grid.is_empty() {
        return Err(Error::parameter("ranks", format!("some at most n * n_delays, {units} a delay"), format!("{:?}", params.ranks)));
    }
    let mut settings = Vec::new();
    for &(n_delays, rank) in &grid {
        let one = DegeneracyAnalysis { n_delays, rank: Some(rank), ..DegeneracyAnalysis::from(&**params) };
        let value = dynamics_at(&one, networks, groups.as_deref(), ctx)?;
        settings.push((n_delays, rank, value));
    }
    Ok(concluded(settings, groups.is_some()))
}

fn dynamics_at(params: &DegeneracyAnalysis, networks: &Networks, groups: Option<&[(f64, Vec<usize>)]>, ctx: &mut Context) -> Result<f64> {
    let params = Checked::new(params.clone())?;
    match groups {
        None => mean_dynamics(&params, networks, ctx),
        Some(groups) => {
            let of = |(_, members): &(f64, Vec<usize>)| mean_dynamics(&params, &networks.only(members), ctx);
            let values = groups.iter().map(of).collect::<Result<Vec<_>>>()?;
            Ok(slope(&groups.iter().map(|(level, _)| *level).collect::<Vec<_>>(), &values))
        }
    }
}

fn concluded(settings: Vec<(usize, usize, f64)>, slopes: bool) -> Sensitive {
    let values: Vec<f64> = settings.iter().map(|s| s.2).collect();
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let depends = if slopes { low * high <= 0.0 } else { high - low > ALIKE * mean(&values) };
    let what = if slopes { "the slope" } else { "the mean distance" };
    let verdict = match depends {
        true => format!("the conclusion depends on delays and rank: {what} goes from {low:.3} to {high:.3}"),
        false => format!("the conclusion is the same at every setting: {what} goes from {low:.3} to {high:.3}"),
    };
    Sensitive { settings, depends, verdict }
}

impl Sensitive {
    /// One row a setting.
    pub(super) fn table(&self) -> Result<Table> {
        let integer = |of: fn(&(usize, usize, f64)) -> usize| Column::Integer(self.settings.iter().map(|s| of(s) as i64).collect());
        Table::new()
            .with("n_delays", integer(|s| s.0))?
            .with("rank", integer(|s| s.1))?
            .with("value", Column::Number(self.settings.iter().map(|s| s.2).collect()))
    }
}
