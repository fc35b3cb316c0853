//! Which variables are kept.

use super::params::{Amount, MutualInfoScreener, Outcome};
use super::screen::Screening;
use elinvar_core::{Context, Result};
use ndarray::{Array2, ArrayView1};

/// Number of variables to keep at most: as asked, or `ceil(n / log n)` (Fan and Lv 2008) where nothing is asked.
fn limit(params: &MutualInfoScreener, n_rows: usize, n_variables: usize) -> usize {
    let n = n_rows as f64;
    let wanted = match (params.n_features_to_select, params.threshold) {
        (Some(Amount::Count(count)), _) => count,
        (Some(Amount::Share(share)), _) => ((share * n_variables as f64).round() as usize).max(1),
        (None, Some(_)) => n_variables,
        (None, None) => (n / n.ln()).ceil() as usize,
    };
    wanted.min(n_variables)
}

/// The variables to keep, best first. `column` gives a variable (n,) by position; it is only asked for when clumping.
pub(super) fn select(
    params: &MutualInfoScreener,
    scores: &[f64],
    ranking: &[usize],
    n_rows: usize,
    column: &mut dyn FnMut(usize) -> Result<Vec<f64>>,
    ctx: &mut Context,
) -> Result<Vec<usize>> {
    let limit = limit(params, n_rows, scores.len());
    let passes = |j: &usize| !scores[*j].is_nan() && params.threshold.is_none_or(|least| scores[*j] >= least);
    let candidates = ranking.iter().copied().filter(passes);
    match params.clump_threshold {
        None => Ok(candidates.take(limit).collect()),
        Some(most) => clump(params, candidates, limit, most, column, ctx),
    }
}

/// Drops what shares more than `most` with a better one that was kept. Stops when enough are kept, so it costs at most the number of
/// candidates looked at times the number kept.
fn clump(
    params: &MutualInfoScreener,
    candidates: impl Iterator<Item = usize>,
    limit: usize,
    most: f64,
    column: &mut dyn FnMut(usize) -> Result<Vec<f64>>,
    ctx: &mut Context,
) -> Result<Vec<usize>> {
    let plain = MutualInfoScreener { outcome: Outcome::Auto, n_permutations: 0, ..params.clone() };
    let mut kept: Vec<(usize, Vec<f64>)> = Vec::new();
    for candidate in candidates {
        if kept.len() == limit {
            break;
        }
        ctx.tick(kept.len() as u64, limit as u64, &[])?;
        let values = column(candidate)?;
        if kept.is_empty() || !exceeds(&plain, &values, &kept, most, ctx)? {
            kept.push((candidate, values));
        }
    }
    Ok(kept.into_iter().map(|(j, _)| j).collect())
}

/// Whether a variable shares more than `most` with any of those kept.
fn exceeds(params: &MutualInfoScreener, values: &[f64], kept: &[(usize, Vec<f64>)], most: f64, ctx: &Context) -> Result<bool> {
    let constant = values.iter().filter(|v| !v.is_nan()).all(|v| *v == values[0]);
    if constant {
        return Ok(false);
    }
    let screening = Screening::new(params, ArrayView1::from(values), ctx)?;
    let others = Array2::from_shape_fn((kept.len(), values.len()), |(k, row)| kept[k].1[row]);
    let shared = screening.score(others.view(), 0, &|k| format!("{}", kept[k].0), ctx)?;
    Ok(shared.scores.iter().any(|&s| s > most))
}
