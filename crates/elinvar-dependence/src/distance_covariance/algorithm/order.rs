//! A score in sorted order: row sums of its distances and signed sums by prefix sums.

use super::{RowSums, compensated};
use ndarray::ArrayView1;

/// A score, centred to lose fewer digits in differences of sums, with its sorted order and its blocks of ties.
pub(crate) struct Order {
    /// The centred score by row.
    pub(crate) score: Vec<f64>,
    /// Rows in rising order of the score.
    pub(crate) rows: Vec<u32>,
    /// Rank of each row: number of strictly smaller values.
    pub(crate) below: Vec<u32>,
}

impl Order {
    pub(crate) fn new(score: ArrayView1<'_, f64>) -> Self {
        let middle = score.iter().copied().map(|x| x / score.len() as f64).sum::<f64>();
        let score: Vec<f64> = score.iter().map(|x| x - middle).collect();
        let mut rows: Vec<u32> = (0..score.len() as u32).collect();
        rows.sort_unstable_by(|&a, &b| score[a as usize].total_cmp(&score[b as usize]).then(a.cmp(&b)));
        let mut below = vec![0; score.len()];
        for (start, end) in ties(&rows, &score) {
            rows[start..end].iter().for_each(|&k| below[k as usize] = start as u32);
        }
        Self { score, rows, below }
    }

    pub(crate) fn len(&self) -> usize {
        self.score.len()
    }

    /// Runs of equal values, as ranges of the sorted order.
    pub(crate) fn ties(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        ties(&self.rows, &self.score)
    }

    /// a_k = Σ_l |ŷ_k - ŷ_l| by row.
    pub(crate) fn distance_rows(&self) -> RowSums {
        let n = self.len();
        let total = compensated(self.score.iter().copied());
        let mut rows = vec![0.0; n];
        let mut prefix = 0.0;
        for (position, &k) in self.rows.iter().enumerate() {
            let x = self.score[k as usize];
            rows[k as usize] = (2.0 * position as f64 - n as f64) * x + total - 2.0 * prefix;
            prefix += x;
        }
        RowSums::new(rows)
    }

    /// Σ_l |ŷ_k - ŷ_l|^alpha by row.
    pub(crate) fn powered_rows(&self, alpha: f64) -> RowSums {
        if alpha == 1.0 {
            return self.distance_rows();
        }
        RowSums::new(self.score.iter().map(|x| compensated(self.score.iter().map(|y| (x - y).abs().powf(alpha)))).collect())
    }

    /// Σ_l sign(ŷ_k - ŷ_l) w_l by row; sign(0) = 0.
    pub(crate) fn signed_sums(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let total: f64 = compensated(self.rows.iter().map(|&k| weight(k as usize)));
        let mut sums = vec![0.0; self.len()];
        let mut below = 0.0;
        for (start, end) in self.ties() {
            let run = &self.rows[start..end];
            let equal: f64 = run.iter().map(|&k| weight(k as usize)).sum();
            let signed = below - (total - below - equal);
            run.iter().for_each(|&k| sums[k as usize] = signed);
            below += equal;
        }
        sums
    }

    /// Σ_kl |ŷ_k - ŷ_l|^(2 alpha): closed form at alpha = 1, where the score is centred.
    pub(crate) fn squared_distances(&self, alpha: f64) -> f64 {
        if alpha == 1.0 {
            let sum = compensated(self.score.iter().copied());
            return 2.0 * (self.len() as f64 * compensated(self.score.iter().map(|x| x * x)) - sum * sum);
        }
        compensated(self.score.iter().map(|x| compensated(self.score.iter().map(|y| (x - y).abs().powf(2.0 * alpha)))))
    }
}

fn ties<'a>(rows: &'a [u32], score: &'a [f64]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = score[*rows.get(start)? as usize];
        let length = rows[start..].iter().take_while(|&&k| score[k as usize] == first).count();
        start += length;
        Some((start - length, start))
    })
}
