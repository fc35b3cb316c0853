//! Prediction of a belief's optimal value from similar beliefs (SARSOP, section III-B).

/// Numbers of intervals along each axis, coarse and fine.
const RESOLUTIONS: [usize; 2] = [5, 10];

#[derive(Clone, Default)]
struct Cell {
    members: u32,
    sum: f64,
    squared_error: f64,
}

/// Where a belief lies and the value with which it is counted there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    cells: [usize; 2],
    counted: f64,
}

/// Bins over (initial upper bound, entropy) at two resolutions.
pub(crate) struct Bins {
    lowest: f64,
    width: f64,
    max_entropy: f64,
    cells: [Vec<Cell>; 2],
}

impl Bins {
    /// Bins for upper bounds between `lowest` and `highest` and beliefs over `n_states` states.
    pub(crate) fn new(lowest: f64, highest: f64, n_states: usize) -> Self {
        let cells = RESOLUTIONS.map(|n| vec![Cell::default(); n * n]);
        Self { lowest, width: (highest - lowest).max(f64::MIN_POSITIVE), max_entropy: (n_states as f64).ln().max(f64::MIN_POSITIVE), cells }
    }

    /// Adds a belief with its initial upper bound, entropy and present lower bound.
    pub(crate) fn insert(&mut self, upper: f64, entropy: f64, lower: f64) -> Membership {
        let place = |x: f64, n: usize| ((x * n as f64) as usize).min(n - 1);
        let (x, y) = (((upper - self.lowest) / self.width).clamp(0.0, 1.0), (entropy / self.max_entropy).clamp(0.0, 1.0));
        let cells = RESOLUTIONS.map(|n| place(x, n) * n + place(y, n));
        for (level, &cell) in self.cells.iter_mut().zip(&cells) {
            level[cell].members += 1;
            level[cell].sum += lower;
        }
        Membership { cells, counted: lower }
    }

    /// Predicted value of a member between its bounds.
    pub(crate) fn predict(&self, member: &Membership, lower: f64, upper: f64) -> f64 {
        let [coarse, fine] = [&self.cells[0][member.cells[0]], &self.cells[1][member.cells[1]]];
        let chosen = if fine.squared_error <= coarse.squared_error { fine } else { coarse };
        predict(chosen, upper).clamp(lower.min(upper), upper)
    }

    /// Takes account of a member's new lower bound.
    pub(crate) fn update(&mut self, member: &mut Membership, lower: f64, upper: f64) {
        for (level, &cell) in self.cells.iter_mut().zip(&member.cells) {
            let cell = &mut level[cell];
            cell.squared_error += (predict(cell, upper) - lower).powi(2);
            cell.sum += lower - member.counted;
        }
        member.counted = lower;
    }
}

/// Mean of the members' lower bounds; a single member predicts its upper bound.
fn predict(cell: &Cell, upper: f64) -> f64 {
    if cell.members > 1 { cell.sum / f64::from(cell.members) } else { upper }
}
