//! Rows that share all their protected values form a group: weights then depend on the pair of groups only.

use super::{Centre, Kernel, Order, Products, RowSums, compensated};
use crate::distance_covariance::encode::Block;
use std::collections::HashMap;

/// Group of each row and the K x K kernel between groups.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    group: Vec<u32>,
    counts: Vec<f64>,
    /// K x K, row by row.
    kernel: Vec<f64>,
    /// Σ_h n_h kernel_gh by group, the diagonal included.
    totals: Vec<f64>,
    /// Row sums of the kernel by group; the total is over rows.
    pub(super) rows: RowSums,
    /// Σ kernel² over pairs of rows.
    pub(super) squares: f64,
}

impl Groups {
    pub(super) fn new(blocks: &[Block], grouping: Grouping, kernel: &Kernel, centre: Centre, alpha: f64) -> Self {
        let Grouping { group, first } = grouping;
        let mut counts = vec![0.0; first.len()];
        group.iter().for_each(|&g| counts[g as usize] += 1.0);
        let matrix = match kernel {
            Kernel::Joint => distances(blocks, &first, alpha),
            Kernel::Sum => add(blocks.iter().map(|b| distances(std::slice::from_ref(b), &first, alpha))),
            Kernel::Product { c } => product(blocks, &first, &counts, centre, alpha, *c),
        };
        let k = counts.len();
        // Under U-centring a product's diagonal is left out; a distance's is zero anyway.
        let own = |g: usize| if centre.has_diagonal() { 0.0 } else { matrix[g * k + g] };
        let totals: Vec<f64> = (0..k).map(|g| compensated((0..k).map(|h| counts[h] * matrix[g * k + h]))).collect();
        let rows: Vec<f64> = (0..k).map(|g| totals[g] - own(g)).collect();
        let total = compensated((0..k).map(|g| counts[g] * rows[g]));
        let squares = compensated((0..k * k).map(|i| counts[i / k] * counts[i % k] * matrix[i] * matrix[i]));
        Self { group, counts, kernel: matrix, totals, rows: RowSums { rows, total }, squares }
    }

    pub(super) fn of_row(&self, k: usize) -> usize {
        self.group[k] as usize
    }

    /// One sweep upwards through the sorted score, keeping count and sum of each group: O(nK) after the sort.
    pub(super) fn products(&self, order: &Order, gradient: bool) -> Products {
        let k = self.counts.len();
        let (mut count, mut sum) = (vec![0.0; k], vec![0.0; k]);
        let mut signed = vec![0.0; if gradient { order.len() } else { 0 }];
        let mut partial = Vec::with_capacity(order.len());
        for (start, end) in order.ties() {
            let run = &order.rows[start..end];
            for &row in run {
                let y = order.score[row as usize];
                let [below, sum_below] = dot_two(self.weights(row), &count, &sum);
                partial.push(y * below - sum_below);
                if gradient {
                    signed[row as usize] = below;
                }
            }
            for &row in run {
                count[self.of_row(row as usize)] += 1.0;
                sum[self.of_row(row as usize)] += order.score[row as usize];
            }
            if gradient {
                // Below minus above: what is not yet counted lies above.
                for &row in run {
                    let (weights, g, below) = (self.weights(row), self.of_row(row as usize), signed[row as usize]);
                    let not_above = if run.len() == 1 { below + weights[g] } else { dot_two(weights, &count, &count)[0] };
                    signed[row as usize] = below - (self.totals[g] - not_above);
                }
            }
        }
        Products { total: 2.0 * compensated(partial), signed }
    }

    fn weights(&self, row: u32) -> &[f64] {
        let k = self.counts.len();
        let g = self.of_row(row as usize);
        &self.kernel[g * k..(g + 1) * k]
    }
}

/// Σ weights first and Σ weights second, in independent partial sums so that the additions need not wait for each other.
fn dot_two(weights: &[f64], first: &[f64], second: &[f64]) -> [f64; 2] {
    const LANES: usize = 4;
    let (w, rest) = weights.as_chunks::<LANES>();
    let (a, b) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
    let (mut one, mut two) = ([0.0; LANES], [0.0; LANES]);
    for ((w, a), b) in w.iter().zip(a.0).zip(b.0) {
        for lane in 0..LANES {
            one[lane] += w[lane] * a[lane];
            two[lane] += w[lane] * b[lane];
        }
    }
    let tail = |rest_of: &[f64]| rest.iter().zip(rest_of).map(|(w, x)| w * x).sum::<f64>();
    [one.iter().sum::<f64>() + tail(a.1), two.iter().sum::<f64>() + tail(b.1)]
}

/// Rows that share all their values.
pub(super) struct Grouping {
    /// Group of each row, numbered in order of appearance.
    group: Vec<u32>,
    /// First row of each group.
    first: Vec<usize>,
}

impl Grouping {
    /// `None` above `most` groups.
    pub(super) fn of(blocks: &[Block], most: usize) -> Option<Self> {
        let n = blocks.first().map_or(0, Block::n_rows);
        let mut grouping = Self { group: vec![0; n], first: vec![0] };
        // Refine column by column: a group is split by the values of the next column.
        for column in blocks.iter().flat_map(|b| &b.columns) {
            let (codes, levels) = codes(column, most)?;
            if levels > 1 {
                grouping.first = refine(&mut grouping.group, grouping.first.len(), &codes, levels, most)?;
            }
        }
        Some(grouping)
    }
}

/// A number for each distinct value of a column, in order of appearance, and how many there are; `None` above `most`.
fn codes(column: &[f64], most: usize) -> Option<(Vec<u32>, usize)> {
    const FEW: usize = 8;
    let mut few: Vec<u64> = Vec::with_capacity(FEW);
    let mut many: HashMap<u64, u32> = HashMap::new();
    let mut codes = Vec::with_capacity(column.len());
    for x in column {
        // Adding 0 makes -0 and 0 one value.
        let value = (x + 0.0).to_bits();
        // The few values of one-hot columns are found faster in a row than in a hash table.
        let found = few.iter().position(|v| *v == value).map(|code| code as u32);
        let fresh = (few.len() + many.len()) as u32;
        codes.push(match found {
            Some(code) => code,
            None if few.len() < FEW => {
                few.push(value);
                fresh
            }
            None => *many.entry(value).or_insert(fresh),
        });
        if few.len() + many.len() > most {
            return None;
        }
    }
    Some((codes, few.len() + many.len()))
}

/// Splits `groups` groups by `levels` codes and returns the first row of each new group; `None` above `most` of them.
fn refine(group: &mut [u32], groups: usize, codes: &[u32], levels: usize, most: usize) -> Option<Vec<usize>> {
    const UNSEEN: u32 = u32::MAX;
    const LARGEST_TABLE: usize = 1 << 20;
    let mut first = Vec::new();
    let mut assign = |row: usize, id: &mut u32| {
        if *id == UNSEEN {
            *id = first.len() as u32;
            first.push(row);
        }
        (first.len() <= most).then_some(*id)
    };
    let mut table = vec![UNSEEN; if groups * levels <= LARGEST_TABLE { groups * levels } else { 0 }];
    let mut sparse: HashMap<usize, u32> = HashMap::new();
    for (row, (g, code)) in group.iter_mut().zip(codes).enumerate() {
        let pair = *g as usize * levels + *code as usize;
        let id = if table.is_empty() { sparse.entry(pair).or_insert(UNSEEN) } else { &mut table[pair] };
        *g = assign(row, id)?;
    }
    Some(first)
}

/// Euclidean distances to the power alpha between the first rows of the groups, over all columns of the blocks.
fn distances(blocks: &[Block], first: &[usize], alpha: f64) -> Vec<f64> {
    let columns: Vec<&Vec<f64>> = blocks.iter().flat_map(|b| &b.columns).collect();
    let squared = |a: usize, b: usize| columns.iter().map(|c| (c[a] - c[b]).powi(2)).sum::<f64>();
    let power = |x: f64| if alpha == 1.0 { x.sqrt() } else { x.powf(0.5 * alpha) };
    first.iter().flat_map(|&a| first.iter().map(move |&b| (a, b))).map(|(a, b)| power(squared(a, b))).collect()
}

fn add(matrices: impl Iterator<Item = Vec<f64>>) -> Vec<f64> {
    let sum = |mut a: Vec<f64>, b: Vec<f64>| {
        a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
        a
    };
    matrices.reduce(sum).unwrap_or_default()
}

/// Π_j (U^j + c) between groups.
fn product(blocks: &[Block], first: &[usize], counts: &[f64], centre: Centre, alpha: f64, c: f64) -> Vec<f64> {
    let k = counts.len();
    let mut result = vec![1.0; k * k];
    for block in blocks {
        let d = distances(std::slice::from_ref(block), first, alpha);
        let rows: Vec<f64> = (0..k).map(|g| compensated((0..k).map(|h| counts[h] * d[g * k + h]))).collect();
        let total = compensated((0..k).map(|g| counts[g] * rows[g]));
        for (i, value) in result.iter_mut().enumerate() {
            *value *= centre.centred(d[i], rows[i / k], rows[i % k], total) + c;
        }
    }
    result
}
