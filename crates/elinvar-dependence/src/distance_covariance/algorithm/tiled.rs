//! All pairs in tiles: O(n²) time, O(n d) memory, no n x n matrix. Threads share the rows; each row is summed by one thread in a fixed
//! order, so results do not depend on their number.

use super::{Centre, Kernel, Order, Products, RowSums, compensated};
use crate::distance_covariance::encode::Block;
use elinvar_core::{Context, Result};
use ndarray::ArrayView1;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that one task of the thread pool takes.
const ROWS_A_TASK: usize = 32;
/// Independent partial sums, so that they fill vector registers. Columns are padded to a multiple of it.
const LANES: usize = 8;

/// One coordinate of the attributes, padded; its part of the squared distance of two rows.
#[derive(Clone, Debug)]
enum Coordinate {
    /// (x - y)².
    Number(Vec<f64>),
    /// 2 where the levels differ: all one-hot columns of a block at once.
    Level(Vec<f64>),
}

/// Row sums of one block's distances, as U- or V-centring subtracts them.
#[derive(Clone, Debug)]
struct Effects {
    /// r_l / (n - 2) by row, padded.
    rows: Vec<f64>,
    /// c - T / ((n - 1)(n - 2)).
    constant: f64,
}

/// The attributes of all rows and the row sums of the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Tiles {
    /// Coordinates of every block; one block of all coordinates for the joint kernel.
    blocks: Vec<Vec<Coordinate>>,
    /// Of every block; only for products.
    effects: Vec<Effects>,
    kernel: Kernel,
    centre: Centre,
    alpha: f64,
    tile: usize,
    n: usize,
    pub(super) rows: RowSums,
    pub(super) squares: f64,
}

impl Tiles {
    pub(super) fn new(blocks: &[Block], kernel: &Kernel, centre: Centre, alpha: f64, tile: usize, ctx: &Context) -> Result<Self> {
        let n = blocks.first().map_or(0, Block::n_rows);
        let separate = blocks.iter().map(coordinates);
        let coordinates: Vec<Vec<Coordinate>> = match kernel {
            Kernel::Joint => vec![separate.flatten().collect()],
            Kernel::Sum | Kernel::Product { .. } => separate.collect(),
        };
        let (rows, tile) = (RowSums::default(), tile.next_multiple_of(LANES));
        let mut tiles =
            Self { blocks: coordinates, effects: Vec::new(), kernel: kernel.clone(), centre, alpha, tile, n, rows, squares: 0.0 };
        if let Kernel::Product { c } = kernel {
            let effects = blocks.iter().enumerate().map(|(j, block)| tiles.effects(j, block, *c, ctx));
            tiles.effects = effects.collect::<Result<_>>()?;
        }
        let sums = tiles.each_row(Part::Kernel, &KernelSums, ctx)?;
        tiles.squares = compensated(sums.iter().map(|s| s[1]));
        tiles.rows = RowSums::new(sums.iter().map(|s| s[0]).collect());
        Ok(tiles)
    }

    fn effects(&self, j: usize, block: &Block, c: f64, ctx: &Context) -> Result<Effects> {
        let sums = match block.columns.as_slice() {
            // The row sums of a single column come from sorting it.
            [column] if self.alpha == 1.0 => Order::new(ArrayView1::from(column.as_slice())).distance_rows(),
            _ => RowSums::new(self.each_row(Part::Block(j), &KernelSums, ctx)?.iter().map(|s| s[0]).collect()),
        };
        let rows = padded(sums.rows.iter().map(|r| r / self.centre.row));
        Ok(Effects { rows, constant: c - sums.total / self.centre.total })
    }

    /// Σ |Δŷ| kernel and its signed row sums.
    pub(super) fn products(&self, order: &Order, gradient: bool, ctx: &Context) -> Result<Products> {
        let score = padded(order.score.iter().copied());
        if !gradient {
            let sums = self.each_row(Part::Kernel, &Distances { score: &score }, ctx)?;
            return Ok(Products { total: compensated(sums.iter().map(|s| s[0])), signed: Vec::new() });
        }
        let sums = self.each_row(Part::Kernel, &SignedDistances { score: &score }, ctx)?;
        Ok(Products { total: compensated(sums.iter().map(|s| s[0])), signed: sums.iter().map(|s| s[1]).collect() })
    }

    /// Value, but for the constant, and gradient where the score's distances have an exponent as well: all five sums of a row in one
    /// pass.
    pub(super) fn with_power(&self, order: &Order, gradient: bool, ctx: &Context) -> Result<(f64, Vec<f64>)> {
        let (v, centre) = (&self.rows, self.centre);
        let sums = self.each_row(Part::Kernel, &Powers { score: &order.score, rows: &v.rows, alpha: self.alpha }, ctx)?;
        let distance_total = compensated(sums.iter().map(|s| s[1]));
        let cross = compensated(sums.iter().zip(&v.rows).map(|(s, v)| s[1] * v));
        let projected = compensated(sums.iter().map(|s| s[0])) - 2.0 * cross / centre.row + v.total * distance_total / centre.total;
        let scale = self.kernel.sign() / centre.pairs;
        let slope = |(s, v_k): (&[f64; 5], &f64)| 2.0 * scale * (s[2] - (v_k * s[3] + s[4]) / centre.row + v.total * s[3] / centre.total);
        let slopes = if gradient { sums.iter().zip(&v.rows).map(slope).collect() } else { Vec::new() };
        Ok((scale * projected, slopes))
    }

    /// For every row, what `pairs` sums over all rows.
    fn each_row<const S: usize, P: PairSums<S>>(&self, part: Part, pairs: &P, ctx: &Context) -> Result<Vec<[f64; S]>> {
        let mut sums = vec![[0.0; S]; self.n];
        let arch = pulp::Arch::new();
        let task = |(task, sums): (usize, &mut [[f64; S]])| {
            ctx.check()?;
            let length = self.tile.min(self.n.next_multiple_of(LANES));
            let (mut kernel, mut distance) = (vec![0.0; length], vec![0.0; length]);
            arch.dispatch(Task { tiles: self, part, pairs, first: task * ROWS_A_TASK, sums, kernel: &mut kernel, distance: &mut distance });
            Ok(())
        };
        // On one thread there is nothing to hand over: a caller that shares its own work among threads gives such a context.
        if ctx.threads() == 1 {
            sums.chunks_mut(ROWS_A_TASK).enumerate().try_for_each(task)?;
        } else {
            ctx.install(|| sums.par_chunks_mut(ROWS_A_TASK).enumerate().try_for_each(task))?;
        }
        Ok(sums)
    }

    /// The kernel of row k with the rows of a tile; `distance` is scratch.
    #[inline(always)]
    fn fill_kernel(&self, k: usize, tile: &Range<usize>, out: &mut [f64], distance: &mut [f64]) {
        match self.kernel {
            Kernel::Joint => self.fill_distance(0, k, tile, out),
            Kernel::Sum => {
                out.fill(0.0);
                for j in 0..self.blocks.len() {
                    self.fill_distance(j, k, tile, distance);
                    out.iter_mut().zip(distance.iter()).for_each(|(sum, d)| *sum += d);
                }
            }
            Kernel::Product { .. } => {
                out.fill(1.0);
                for (j, effects) in self.effects.iter().enumerate() {
                    self.fill_distance(j, k, tile, distance);
                    let own = effects.rows[k] + effects.constant;
                    let others = &effects.rows[tile.clone()];
                    out.iter_mut().zip(distance.iter()).zip(others).for_each(|((product, d), other)| *product *= own + other - d);
                }
                if !self.centre.has_diagonal() && tile.contains(&k) {
                    out[k - tile.start] = 0.0;
                }
            }
        }
    }

    /// Distances of row k to the rows of a tile in one block.
    #[inline(always)]
    fn fill_distance(&self, block: usize, k: usize, tile: &Range<usize>, out: &mut [f64]) {
        let coordinates = &self.blocks[block];
        if let ([Coordinate::Number(column)], true) = (coordinates.as_slice(), self.alpha == 1.0) {
            let x = column[k];
            return out.iter_mut().zip(&column[tile.clone()]).for_each(|(d, y)| *d = (x - y).abs());
        }
        out.fill(0.0);
        for coordinate in coordinates {
            match coordinate {
                Coordinate::Number(column) => {
                    let x = column[k];
                    out.iter_mut().zip(&column[tile.clone()]).for_each(|(d, y)| *d += (x - y) * (x - y));
                }
                Coordinate::Level(levels) => {
                    let own = levels[k];
                    out.iter_mut().zip(&levels[tile.clone()]).for_each(|(d, level)| *d += if *level == own { 0.0 } else { 2.0 });
                }
            }
        }
        if self.alpha == 1.0 {
            out.iter_mut().for_each(|d| *d = d.sqrt());
        } else {
            out.iter_mut().for_each(|d| *d = d.powf(0.5 * self.alpha));
        }
    }
}

/// The coordinates of a block. One-hot columns, where exactly one is 1 in each row and the others are 0, become levels.
fn coordinates(block: &Block) -> Vec<Coordinate> {
    let level = |row: usize| {
        let mut hot = block.columns.iter().enumerate().filter(|(_, column)| column[row] != 0.0);
        match (hot.next(), hot.next()) {
            (Some((level, column)), None) if column[row] == 1.0 => Some(level as f64),
            _ => None,
        }
    };
    let levels = if block.columns.len() > 1 { (0..block.n_rows()).map(level).collect::<Option<Vec<f64>>>() } else { None };
    match levels {
        Some(levels) => vec![Coordinate::Level(padded(levels))],
        None => block.columns.iter().map(|column| Coordinate::Number(padded(column.iter().copied()))).collect(),
    }
}

fn padded(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut padded: Vec<f64> = values.into_iter().collect();
    padded.resize(padded.len().next_multiple_of(LANES), 0.0);
    padded
}

/// What stands in the tiles.
#[derive(Clone, Copy)]
enum Part {
    /// The distances of one block.
    Block(usize),
    /// The kernel.
    Kernel,
}

/// Some rows with all tiles. A struct with inlined methods and not a closure, so that its loops are compiled for the vector unit that
/// [`pulp::Arch`] finds.
struct Task<'a, const S: usize, P> {
    tiles: &'a Tiles,
    part: Part,
    pairs: &'a P,
    first: usize,
    sums: &'a mut [[f64; S]],
    kernel: &'a mut [f64],
    distance: &'a mut [f64],
}

impl<const S: usize, P: PairSums<S>> pulp::NullaryFnOnce for Task<'_, S, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { tiles, part, pairs, first, sums, kernel, distance } = self;
        let end = tiles.n.next_multiple_of(LANES);
        for start in (0..end).step_by(tiles.tile) {
            let tile = start..(start + tiles.tile).min(end);
            let (out, distance) = (&mut kernel[..tile.len()], &mut distance[..tile.len()]);
            for (offset, sum) in sums.iter_mut().enumerate() {
                match part {
                    Part::Block(j) => tiles.fill_distance(j, first + offset, &tile, out),
                    Part::Kernel => tiles.fill_kernel(first + offset, &tile, out, distance),
                }
                // The padding pairs with nothing.
                if tile.end > tiles.n {
                    out[tiles.n - start..].fill(0.0);
                }
                let part = pairs.of_tile(first + offset, &tile, out);
                sum.iter_mut().zip(part).for_each(|(total, part)| *total += part);
            }
        }
    }
}

/// Sums over the pairs of row k with the rows of a tile. The kernel is 0 where the tile is padding.
trait PairSums<const S: usize>: Sync {
    fn of_tile(&self, k: usize, tile: &Range<usize>, kernel: &[f64]) -> [f64; S];
}

/// Σ kernel, Σ kernel².
struct KernelSums;

impl PairSums<2> for KernelSums {
    #[inline(always)]
    fn of_tile(&self, _: usize, _: &Range<usize>, kernel: &[f64]) -> [f64; 2] {
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        for w in kernel.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                sums[lane] += w[lane];
                squares[lane] += w[lane] * w[lane];
            }
        }
        [sums.iter().sum(), squares.iter().sum()]
    }
}

/// Σ |ŷ_k - ŷ_l| kernel.
struct Distances<'a> {
    score: &'a [f64],
}

impl PairSums<1> for Distances<'_> {
    #[inline(always)]
    fn of_tile(&self, k: usize, tile: &Range<usize>, kernel: &[f64]) -> [f64; 1] {
        let mut sums = [0.0; LANES];
        let own = self.score[k];
        for (w, y) in kernel.as_chunks::<LANES>().0.iter().zip(self.score[tile.clone()].as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += (own - y[lane]).abs() * w[lane];
            }
        }
        [sums.iter().sum()]
    }
}

/// Σ |ŷ_k - ŷ_l| kernel, Σ sign(ŷ_k - ŷ_l) kernel.
struct SignedDistances<'a> {
    score: &'a [f64],
}

impl PairSums<2> for SignedDistances<'_> {
    #[inline(always)]
    fn of_tile(&self, k: usize, tile: &Range<usize>, kernel: &[f64]) -> [f64; 2] {
        let (mut sums, mut signed) = ([0.0; LANES], [0.0; LANES]);
        let own = self.score[k];
        for (w, y) in kernel.as_chunks::<LANES>().0.iter().zip(self.score[tile.clone()].as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let difference = own - y[lane];
                sums[lane] += difference.abs() * w[lane];
                signed[lane] += if difference > 0.0 { w[lane] } else { 0.0 } - if difference < 0.0 { w[lane] } else { 0.0 };
            }
        }
        [sums.iter().sum(), signed.iter().sum()]
    }
}

/// Σ |Δ|^α kernel, Σ |Δ|^α, Σ s kernel, Σ s, Σ s v with s the derivative of |Δ|^α and v the row sums of the kernel.
struct Powers<'a> {
    score: &'a [f64],
    rows: &'a [f64],
    alpha: f64,
}

impl PairSums<5> for Powers<'_> {
    #[inline(always)]
    fn of_tile(&self, k: usize, tile: &Range<usize>, kernel: &[f64]) -> [f64; 5] {
        let mut sums = [0.0; 5];
        for ((w, y), v) in kernel.iter().zip(&self.score[tile.start..]).zip(&self.rows[tile.start..]) {
            let difference = self.score[k] - y;
            let size = difference.abs();
            if size > 0.0 {
                let power = size.powf(self.alpha);
                let slope = self.alpha * power / difference;
                let terms = [power * w, power, slope * w, slope, slope * v];
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
        }
        sums
    }
}
