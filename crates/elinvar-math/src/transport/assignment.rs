//! The assignment problem: the exact transport between two samples of equal size.
//!
//! Shortest augmenting paths after the initial reductions of Jonker and Volgenant (1987), O(n^3) at worst. The dual potentials come
//! with the permutation and certify it.

use crate::simd::{dispatch, least};
use elinvar_core::{Context, Error, Result};
use ndarray::{Array1, ArrayView2};

/// Largest number of points a side.
pub const ASSIGNMENT_LIMIT: usize = 4096;

const FREE: usize = usize::MAX;
/// Sweeps of the augmenting row reduction; more rarely pay.
const REDUCTION_SWEEPS: usize = 2;

/// A permutation of least total cost with dual potentials.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Column assigned to each row.
    pub columns: Vec<usize>,
    /// Row potentials u (n).
    pub row_potentials: Array1<f64>,
    /// Column potentials v (n); `u_i + v_j <= C_ij`, with equality on the assignment.
    pub column_potentials: Array1<f64>,
    /// Sum of the assigned costs.
    pub total: f64,
    /// Largest `u_i + v_j - C_ij`, 0 but for rounding: no permutation costs less than `total - n * excess`.
    pub excess: f64,
}

impl Assignment {
    /// The cycles of the permutation that are longer than one point.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.columns.len()];
        let mut cycles = Vec::new();
        for start in 0..self.columns.len() {
            let mut cycle = Vec::new();
            let mut i = start;
            while !seen[i] {
                seen[i] = true;
                cycle.push(i);
                i = self.columns[i];
            }
            if cycle.len() > 1 {
                cycles.push(cycle);
            }
        }
        cycles
    }
}

/// The permutation that minimises `sum_i C[i, columns[i]]` of a square cost matrix.
///
/// ```
/// use elinvar_core::{Context, ndarray::array};
/// let costs = array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]];
/// let best = elinvar_math::transport::assignment(costs.view(), &Context::new(0))?;
/// assert_eq!((best.total, best.columns), (5.0, vec![1, 0, 2]));
/// # Ok::<(), elinvar_core::Error>(())
/// ```
///
/// # Errors
/// The matrix is not square, empty, not finite or larger than [`ASSIGNMENT_LIMIT`]; or the context asked to stop.
pub fn assignment(costs: ArrayView2<'_, f64>, context: &Context) -> Result<Assignment> {
    let (rows, columns) = costs.dim();
    if rows != columns || rows == 0 {
        return Err(Error::input(format!("an assignment needs as many rows as columns and at least one, got {rows} and {columns}")));
    }
    if rows > ASSIGNMENT_LIMIT {
        let message = format!("an exact assignment takes at most {ASSIGNMENT_LIMIT} points, got {rows}");
        return Err(Error::input(message).hint("use a subsample or the entropic solver"));
    }
    if let Some((i, j)) = crate::statistics::first_non_finite(costs) {
        return Err(Error::input(format!("the cost matrix contains a non-finite value at row {i}, column {j}")));
    }
    let costs = costs.as_standard_layout();
    let mut search = Search::new(costs.as_slice().unwrap_or_default(), rows);
    let mut free = search.reduce_columns();
    for _ in 0..REDUCTION_SWEEPS {
        free = search.reduce_rows(free);
    }
    for row in free {
        context.check()?;
        search.augment(row);
    }
    Ok(search.finish())
}

struct Search<'a> {
    /// Row-major.
    costs: &'a [f64],
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    v: Vec<f64>,
    /// Length of the shortest alternating path to each column, and the row before it.
    distance: Vec<f64>,
    previous: Vec<usize>,
    /// Infinity for columns whose shortest path is final, else 0: added to a length it takes a column out of a search.
    closed: Vec<f64>,
    scratch: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(costs: &'a [f64], n: usize) -> Self {
        Self {
            costs,
            column_of: vec![FREE; n],
            row_of: vec![FREE; n],
            v: vec![f64::INFINITY; n],
            distance: vec![0.0; n],
            previous: vec![0; n],
            closed: vec![0.0; n],
            scratch: vec![0.0; n],
        }
    }

    fn row(&self, i: usize) -> &'a [f64] {
        let n = self.v.len();
        &self.costs[i * n..(i + 1) * n]
    }

    /// Takes the least cost of each column as its potential and assigns greedily; returns the free rows.
    fn reduce_columns(&mut self) -> Vec<usize> {
        let n = self.v.len();
        let mut best = vec![0; n];
        for i in 0..n {
            for (j, &cost) in self.row(i).iter().enumerate() {
                if cost < self.v[j] {
                    self.v[j] = cost;
                    best[j] = i;
                }
            }
        }
        for j in (0..n).rev() {
            if self.column_of[best[j]] == FREE {
                self.column_of[best[j]] = j;
                self.row_of[j] = best[j];
            }
        }
        (0..n).filter(|&i| self.column_of[i] == FREE).collect()
    }

    /// Each free row takes its cheapest column and lowers that column's potential to its second-best offer; who loses the column
    /// tries in turn. Returns the rows that are still free.
    fn reduce_rows(&mut self, free: Vec<usize>) -> Vec<usize> {
        let mut still_free = Vec::new();
        // Chains of displacements end by themselves in exact arithmetic; the budget ends them in rounded.
        let mut budget = 16 * self.v.len();
        for start in free {
            let mut row = start;
            loop {
                let (first, second) = self.two_cheapest(row);
                let mut column = first.1;
                let strict = first.0 < second.0;
                if strict {
                    self.v[column] -= second.0 - first.0;
                } else if self.row_of[column] != FREE && second.1 != FREE {
                    column = second.1;
                }
                let displaced = self.row_of[column];
                self.column_of[row] = column;
                self.row_of[column] = row;
                if displaced == FREE {
                    break;
                }
                self.column_of[displaced] = FREE;
                if !strict || budget == 0 {
                    still_free.push(displaced);
                    break;
                }
                budget -= 1;
                row = displaced;
            }
        }
        still_free
    }

    /// The two least reduced costs of a row with their columns; a single column counts twice.
    fn two_cheapest(&mut self, row: usize) -> ((f64, usize), (f64, usize)) {
        let costs = self.row(row);
        for (out, (cost, v)) in self.scratch.iter_mut().zip(costs.iter().zip(&self.v)) {
            *out = cost - v;
        }
        let first = least(&self.scratch);
        self.scratch[first.1] = f64::INFINITY;
        let second = least(&self.scratch);
        if second.0 < f64::INFINITY { (first, second) } else { (first, first) }
    }

    /// Assigns one free row along a shortest alternating path (Dijkstra on reduced costs) and updates the potentials.
    fn augment(&mut self, start: usize) {
        self.distance.fill(f64::INFINITY);
        self.closed.fill(0.0);
        let mut path = Vec::new();
        let mut row = start;
        let mut offset = 0.0;
        let end = loop {
            let column = self.relax(row, offset);
            if self.row_of[column] == FREE {
                break column;
            }
            self.closed[column] = f64::INFINITY;
            path.push(column);
            row = self.row_of[column];
            offset = self.row(row)[column] - self.v[column] - self.distance[column];
        };
        let length = self.distance[end];
        for column in path {
            self.v[column] += self.distance[column] - length;
        }
        let mut column = end;
        loop {
            let row = self.previous[column];
            self.row_of[column] = row;
            std::mem::swap(&mut self.column_of[row], &mut column);
            if row == start {
                break;
            }
        }
    }

    /// Shortens the paths to the open columns by way of `row`; returns the nearest open column.
    fn relax(&mut self, row: usize, offset: f64) -> usize {
        let costs = self.row(row);
        dispatch(
            #[inline(always)]
            || {
                let targets = self.distance.iter_mut().zip(&mut self.previous).zip(&mut self.scratch);
                let sources = costs.iter().zip(&self.v).zip(&self.closed);
                for (((distance, previous), key), ((cost, v), closed)) in targets.zip(sources) {
                    let length = cost - v - offset + closed;
                    let shorter = length < *distance;
                    *distance = if shorter { length } else { *distance };
                    *previous = if shorter { row } else { *previous };
                    *key = *distance + closed;
                }
            },
        );
        least(&self.scratch).1
    }

    fn finish(self) -> Assignment {
        let n = self.v.len();
        let matched: Vec<f64> = self.column_of.iter().enumerate().map(|(i, &j)| self.costs[i * n + j]).collect();
        let u: Array1<f64> = matched.iter().zip(&self.column_of).map(|(cost, &j)| cost - self.v[j]).collect();
        let mut excess = 0.0_f64;
        for (row, u) in self.costs.chunks(n).zip(&u) {
            excess = row.iter().zip(&self.v).fold(excess, |worst, (cost, v)| worst.max(u + v - cost));
        }
        Assignment {
            total: crate::statistics::pairwise_sum(&matched),
            columns: self.column_of,
            row_potentials: u,
            column_potentials: Array1::from_vec(self.v),
            excess,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::cost::Cost;
    use crate::transport::cost::tests::{all, points};
    use ndarray::{Array2, array};

    fn solve(costs: &Array2<f64>) -> Assignment {
        let best = assignment(costs.view(), &Context::new(0)).unwrap();
        let mut seen = best.columns.clone();
        seen.sort_unstable();
        assert!(seen.iter().enumerate().all(|(i, &j)| i == j), "not a permutation");
        let scale = costs.iter().fold(1e-300_f64, |a, b| a.max(b.abs()));
        assert!(best.excess <= 1e-12 * scale, "dual infeasible by {}", best.excess);
        let dual = best.row_potentials.sum() + best.column_potentials.sum();
        assert!((dual - best.total).abs() <= 1e-10 * scale * costs.nrows() as f64, "duality gap {}", dual - best.total);
        best
    }

    fn by_enumeration(costs: &Array2<f64>, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == costs.nrows() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for j in 0..costs.ncols() {
            if !used[j] {
                used[j] = true;
                best = best.min(costs[(row, j)] + by_enumeration(costs, row + 1, used));
                used[j] = false;
            }
        }
        best
    }

    #[test]
    fn equals_enumeration_on_small_problems() {
        for cost in all() {
            for n in 1..=7 {
                let costs = cost.matrix(points(n, 3, 0.2, &cost).view(), points(n, 3, 1.7, &cost).view());
                let expected = by_enumeration(&costs, 0, &mut vec![false; n]);
                assert!((solve(&costs).total - expected).abs() < 1e-12, "{cost:?} n={n}");
            }
        }
    }

    #[test]
    fn handles_ties_negative_costs_and_constants() {
        assert_eq!(solve(&Array2::zeros((9, 9))).total, 0.0);
        let ties = Array2::from_shape_fn((20, 20), |(i, j)| ((i * 7 + j * 3) % 4) as f64 - 2.0);
        assert!((solve(&ties).total + 40.0).abs() < 1e-12);
        assert_eq!(solve(&array![[-5.0]]).total, -5.0);
    }

    #[test]
    fn large_problem_is_certified_by_its_potentials() {
        let cost = Cost::SquaredEuclidean;
        let costs = cost.matrix(points(700, 6, 0.2, &cost).view(), points(700, 6, 1.7, &cost).view());
        assert!(solve(&costs).total > 0.0);
    }

    #[test]
    fn cycles_partition_the_moved_points() {
        let costs = Array2::from_shape_fn((5, 5), |(i, j)| f64::from(u8::from([1, 0, 2, 4, 3][i] != j)));
        assert_eq!(solve(&costs).cycles(), vec![vec![0, 1], vec![3, 4]]);
    }

    #[test]
    fn refuses_what_it_cannot_solve() {
        let context = Context::new(0);
        let message = |costs: Array2<f64>| assignment(costs.view(), &context).unwrap_err().to_string();
        assert!(message(Array2::zeros((2, 3))).contains("got 2 and 3"));
        assert!(message(array![[f64::NAN]]).contains("row 0, column 0"));
        assert!(message(Array2::zeros((4097, 4097))).contains("at most 4096 points, got 4097"));
    }
}
