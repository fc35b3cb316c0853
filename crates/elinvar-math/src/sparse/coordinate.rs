//! Cyclic coordinate descent on a quadratic loss given by the products of its columns.

use super::kernels::add_scaled;
use super::restricted::Quadratic;
use elinvar_core::{Context, Result, Status};

/// How coordinate descent ended.
pub(super) struct Sweeps {
    pub(super) sweeps: usize,
    pub(super) status: Status,
    /// Largest change of the first sweep, in units of the gradient.
    pub(super) first_change: f64,
}

/// Descends from `x`, each coordinate to its exact minimiser, until a sweep over all coordinates moves none by more than `tolerance`, in
/// units of the gradient. Between such sweeps only the nonzero coordinates move.
pub(super) fn descend(quadratic: &Quadratic<'_>, x: &mut [f64], tolerance: f64, max_sweeps: usize, ctx: &mut Context) -> Result<Sweeps> {
    let m = x.len();
    let rows: Vec<&[f64]> = (0..m).map(|j| quadratic.hessian.row(j).to_slice().unwrap_or(&[])).collect();
    let mut scores = quadratic.scores.clone();
    for (j, (x, anchor)) in x.iter().zip(&quadratic.anchor).enumerate() {
        if x != anchor {
            add_scaled(&mut scores, anchor - x, rows[j]);
        }
    }
    let mut update = |x: &mut [f64], j: usize| -> f64 {
        let v = rows[j][j];
        if v <= 0.0 {
            return 0.0;
        }
        let next = quadratic.levels.penalty.prox(x[j] + scores[j] / v, quadratic.levels.levels[j], v);
        let change = next - x[j];
        if change != 0.0 {
            add_scaled(&mut scores, -change, rows[j]);
            x[j] = next;
        }
        v * change.abs()
    };
    let mut first_change = None;
    let mut sweeps = 0;
    while sweeps < max_sweeps {
        let change = (0..m).fold(0.0, |m: f64, j| m.max(update(x, j)));
        sweeps += 1;
        first_change.get_or_insert(change);
        if change < tolerance {
            return Ok(Sweeps { sweeps, status: Status::Converged, first_change: first_change.unwrap_or(0.0) });
        }
        let active: Vec<usize> = (0..m).filter(|&j| x[j] != 0.0).collect();
        while sweeps < max_sweeps {
            ctx.tick(sweeps as u64, max_sweeps as u64, &[])?;
            let change = active.iter().fold(0.0, |m: f64, &j| m.max(update(x, j)));
            sweeps += 1;
            if change < tolerance {
                break;
            }
        }
    }
    Ok(Sweeps { sweeps, status: Status::IterationLimit, first_change: first_change.unwrap_or(0.0) })
}
