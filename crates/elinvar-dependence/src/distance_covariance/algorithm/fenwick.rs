//! One continuous column: O(n log n) by Fenwick trees over the ranks of the score (Huo and Székely 2016).

use super::{Order, Products, RowSums, compensated};
use crate::distance_covariance::encode::Block;
use elinvar_core::{Error, Result};
use ndarray::ArrayView1;

/// The column in sorted order with the row sums of its distances.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    values: Vec<f64>,
    sorted: Vec<u32>,
    pub(super) rows: RowSums,
    pub(super) squares: f64,
}

impl Line {
    pub(super) fn new(blocks: &[Block]) -> Result<Self> {
        let [Block { columns, .. }] = blocks else { return Err(Error::internal("the Fenwick algorithm needs one block")) };
        let [column] = columns.as_slice() else { return Err(Error::internal("the Fenwick algorithm needs one column")) };
        let order = Order::new(ArrayView1::from(column.as_slice()));
        let (rows, squares) = (order.distance_rows(), order.squared_distances(1.0));
        Ok(Self { values: order.score, sorted: order.rows, rows, squares })
    }

    /// Σ |Δŷ||Δx| and its signed row sums: one sweep up and one down the column.
    pub(super) fn products(&self, order: &Order, gradient: bool) -> Products {
        let n = order.len();
        let mut signed = vec![0.0; if gradient { n } else { 0 }];
        let mut partial = Vec::with_capacity(n);
        let mut trees = Trees::new(n);
        for &k in &self.sorted {
            let (x, y) = (self.values[k as usize], order.score[k as usize]);
            let below = trees.sums(order.below[k as usize]);
            let all = trees.totals;
            let equal_or_above = std::array::from_fn(|i| all[i] - below[i]);
            let part = |s: [f64; 4]| x * y * s[0] - x * s[2] - y * s[1] + s[3];
            partial.push(part(below) - part(equal_or_above));
            if gradient {
                signed[k as usize] += self.signed_part(&trees, order, k, 1.0);
            }
            trees.add(order.below[k as usize], x, y);
        }
        if gradient {
            let mut trees = Trees::new(n);
            for &k in self.sorted.iter().rev() {
                signed[k as usize] += self.signed_part(&trees, order, k, -1.0);
                trees.add(order.below[k as usize], self.values[k as usize], order.score[k as usize]);
            }
        }
        Products { total: 2.0 * compensated(partial), signed }
    }

    /// Σ over the rows in the trees of sign(ŷ_k - ŷ_l) |x_k - x_l|; `side` is the sign of x_k - x_l.
    fn signed_part(&self, trees: &Trees, order: &Order, k: u32, side: f64) -> f64 {
        let x = self.values[k as usize];
        let rank = order.below[k as usize];
        let below = trees.sums(rank);
        let not_above = trees.sums(rank + 1);
        let lower = x * below[0] - below[1];
        let upper = x * (trees.totals[0] - not_above[0]) - (trees.totals[1] - not_above[1]);
        side * (lower - upper)
    }
}

/// Four Fenwick trees over ranks: count, Σ x, Σ y, Σ xy.
struct Trees {
    nodes: Vec<[f64; 4]>,
    totals: [f64; 4],
}

impl Trees {
    fn new(n: usize) -> Self {
        Self { nodes: vec![[0.0; 4]; n + 1], totals: [0.0; 4] }
    }

    fn add(&mut self, rank: u32, x: f64, y: f64) {
        let terms = [1.0, x, y, x * y];
        let mut i = rank as usize + 1;
        while i < self.nodes.len() {
            self.nodes[i].iter_mut().zip(terms).for_each(|(node, term)| *node += term);
            i += i & i.wrapping_neg();
        }
        self.totals.iter_mut().zip(terms).for_each(|(total, term)| *total += term);
    }

    /// Sums over ranks < `rank`.
    fn sums(&self, rank: u32) -> [f64; 4] {
        let mut sums = [0.0; 4];
        let mut i = rank as usize;
        while i > 0 {
            sums.iter_mut().zip(self.nodes[i]).for_each(|(sum, node)| *sum += node);
            i &= i - 1;
        }
        sums
    }
}
