//! The mathematics: distances, centring, the three exact algorithms for value and gradient.
//!
//! Every measure is a sum over pairs of rows of |ŷ_k - ŷ_l| times a weight that the attributes alone decide. With `kernel` the
//! matrix of distances (or of products of centred distances) of the attributes and P the projection onto hollow matrices with zero
//! row sums, the weight is ± P(kernel), so that a value needs of each row only three sums:
//!
//! - a_k = Σ_l |ŷ_k - ŷ_l|, by sorting,
//! - v_k = Σ_l kernel_kl, once for the attributes,
//! - x_k = Σ_l |ŷ_k - ŷ_l| kernel_kl.
//!
//! The gradient needs the same with sign(ŷ_k - ŷ_l) for |ŷ_k - ŷ_l|. What differs between the three algorithms is how v, x and its
//! gradient twin are summed: by groups, by Fenwick trees, or in tiles.

mod fenwick;
mod grouped;
mod order;
mod tiled;

use grouped::Grouping;
pub(crate) use order::Order;

use super::encode::{Block, Protected};
use super::params::{Centring, Measure};
use elinvar_core::{Context, Error, Result};
use ndarray::{Array1, ArrayView1};

/// What is summed against the distances of the score.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kernel {
    /// Distances of all blocks side by side.
    Joint,
    /// Sum of the distances of the blocks.
    Sum,
    /// Product over blocks of (centred distance + c).
    Product {
        /// The constant.
        c: f64,
    },
}

impl Kernel {
    /// +1 where the weight is P(kernel), -1 where it is -P(kernel): U-centring is -P of a distance.
    fn sign(&self) -> f64 {
        match self {
            Kernel::Joint | Kernel::Sum => 1.0,
            Kernel::Product { .. } => -1.0,
        }
    }
}

/// The denominators of U- or V-centring of n rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Centre {
    /// Divides a row sum.
    row: f64,
    /// Divides the total.
    total: f64,
    /// Divides the sum of products.
    pairs: f64,
    n: f64,
    estimator: Centring,
}

impl Centre {
    pub(crate) fn new(n: usize, estimator: Centring) -> Self {
        let n = n as f64;
        let (row, total, pairs) = match estimator {
            Centring::U => (n - 2.0, (n - 1.0) * (n - 2.0), n * (n - 3.0)),
            Centring::V => (n, n * n, n * n),
        };
        Self { row, total, pairs, n, estimator }
    }

    /// Minus the projection of a distance: the paper's U (its sign matters in products).
    #[inline(always)]
    pub(crate) fn centred(&self, distance: f64, row_k: f64, row_l: f64, total: f64) -> f64 {
        (row_k + row_l) / self.row - distance - total / self.total
    }

    /// Whether a row is paired with itself: V-centring keeps the diagonal.
    fn has_diagonal(&self) -> bool {
        self.estimator == Centring::V
    }
}

/// Row sums of a symmetric matrix with their total.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowSums {
    pub(crate) rows: Vec<f64>,
    pub(crate) total: f64,
}

impl RowSums {
    pub(crate) fn new(rows: Vec<f64>) -> Self {
        let total = compensated(rows.iter().copied());
        Self { rows, total }
    }
}

/// Neumaier's compensated sum.
pub(crate) fn compensated(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for x in values {
        let next = sum + x;
        lost += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
        sum = next;
    }
    sum + lost
}

/// How the attributes are arranged for summing.
#[derive(Clone, Debug)]
enum Arrangement {
    Grouped(grouped::Groups),
    Line(fenwick::Line),
    Tiled(tiled::Tiles),
}

/// The part of a measure that depends on the attributes alone, prepared once for any number of scores of the same rows.
#[derive(Clone, Debug)]
pub struct Penalty {
    arrangement: Arrangement,
    kernel: Kernel,
    centre: Centre,
    alpha: f64,
    /// Value of the measure of the attributes alone, times c: the part of JdCov² that no score can change.
    constant: f64,
}

/// How a penalty is prepared.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Dependence.
    pub measure: Measure,
    /// Centring.
    pub estimator: Centring,
    /// Constant of JdCov².
    pub c: f64,
    /// Exponent of the distances.
    pub alpha: f64,
    /// Rows a tile.
    pub block_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { measure: Measure::Ccdcov, estimator: Centring::U, c: 1.0, alpha: 1.0, block_size: 512 }
    }
}

/// Which algorithm sums the pairs; chosen from the data, or forced to compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// By groups of equal attributes.
    Grouped,
    /// By Fenwick trees over one continuous column.
    Fenwick,
    /// In tiles of all pairs.
    Tiled,
}

impl Penalty {
    /// Prepares the attributes.
    ///
    /// # Errors
    /// Fewer than four rows, or no attribute.
    pub fn new(protected: &Protected, settings: &Settings, ctx: &Context) -> Result<Self> {
        Self::prepare(protected, settings, Plan::choose(protected, settings), ctx)
    }

    /// The same with a stated algorithm, to compare them.
    ///
    /// # Errors
    /// As [`Penalty::new`]; the Fenwick algorithm needs a single column and an exponent of 1, the grouped one an exponent of 1.
    pub fn with_algorithm(protected: &Protected, settings: &Settings, algorithm: Algorithm, ctx: &Context) -> Result<Self> {
        let plan = match algorithm {
            Algorithm::Grouped => {
                Plan::Grouped(Grouping::of(&protected.blocks, protected.n_rows()).ok_or_else(|| Error::internal("more groups than rows"))?)
            }
            Algorithm::Fenwick => Plan::Fenwick,
            Algorithm::Tiled => Plan::Tiled,
        };
        Self::prepare(protected, settings, plan, ctx)
    }

    fn prepare(protected: &Protected, settings: &Settings, plan: Plan, ctx: &Context) -> Result<Self> {
        let n = protected.n_rows();
        check_rows(n)?;
        if protected.blocks.is_empty() {
            return Err(Error::input("there is no protected attribute").hint("name at least one column"));
        }
        protected.blocks.iter().try_for_each(|block| check_block(block, n))?;
        let kernel = match settings.measure {
            Measure::Ccdcov | Measure::Dcor => Kernel::Joint,
            Measure::Sum => Kernel::Sum,
            Measure::Jdcov => Kernel::Product { c: settings.c },
        };
        let centre = Centre::new(n, settings.estimator);
        let arrangement = match plan {
            Plan::Grouped(grouping) => {
                Arrangement::Grouped(grouped::Groups::new(&protected.blocks, grouping, &kernel, centre, settings.alpha))
            }
            Plan::Fenwick => Arrangement::Line(fenwick::Line::new(&protected.blocks)?),
            Plan::Tiled => {
                Arrangement::Tiled(tiled::Tiles::new(&protected.blocks, &kernel, centre, settings.alpha, settings.block_size, ctx)?)
            }
        };
        let mut penalty = Self { arrangement, kernel, centre, alpha: settings.alpha, constant: 0.0 };
        penalty.constant = penalty.joint_constant(protected.blocks.len());
        Ok(penalty)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.centre.n as usize
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        match self.arrangement {
            Arrangement::Grouped(_) => Algorithm::Grouped,
            Arrangement::Line(_) => Algorithm::Fenwick,
            Arrangement::Tiled(_) => Algorithm::Tiled,
        }
    }

    /// c JdCov²(S): what the attributes alone contribute to JdCov², 0 for the other measures.
    pub fn floor(&self) -> f64 {
        self.constant
    }

    /// The measure of a score (n,).
    pub fn value(&self, score: ArrayView1<'_, f64>, ctx: &Context) -> Result<f64> {
        Ok(self.evaluate(score, false, ctx)?.0)
    }

    /// The measure of a score and its gradient with respect to the score, both (n,) and exact on all rows.
    pub fn value_and_gradient(&self, score: ArrayView1<'_, f64>, ctx: &Context) -> Result<(f64, Array1<f64>)> {
        let (value, gradient) = self.evaluate(score, true, ctx)?;
        Ok((value, Array1::from_vec(gradient)))
    }

    fn evaluate(&self, score: ArrayView1<'_, f64>, gradient: bool, ctx: &Context) -> Result<(f64, Vec<f64>)> {
        if score.len() != self.n_rows() {
            return Err(Error::input(format!(
                "the score must have {} rows like the protected columns, got {}",
                self.n_rows(),
                score.len()
            )));
        }
        elinvar_core::check_finite_vector("yhat", score)?;
        let order = Order::new(score);
        if self.alpha != 1.0 {
            let Arrangement::Tiled(tiles) = &self.arrangement else {
                return Err(Error::internal("another exponent than 1 needs the tiled algorithm"));
            };
            let (value, slopes) = tiles.with_power(&order, gradient, ctx)?;
            return Ok((value + self.constant, slopes));
        }
        let sums = match &self.arrangement {
            Arrangement::Grouped(groups) => groups.products(&order, gradient),
            Arrangement::Line(line) => line.products(&order, gradient),
            Arrangement::Tiled(tiles) => tiles.products(&order, gradient, ctx)?,
        };
        let value = self.combine(&order, &sums);
        let slopes = if gradient { self.slopes(&order, &sums) } else { Vec::new() };
        Ok((value, slopes))
    }

    /// ± Σ |Δŷ| P(kernel) / pairs, written out by linearity of P, plus the constant.
    fn combine(&self, order: &Order, sums: &Products) -> f64 {
        let kernel_rows = self.kernel_rows();
        let distance_rows = order.distance_rows();
        let cross = compensated((0..self.n_rows()).map(|k| distance_rows.rows[k] * self.kernel_row(kernel_rows, k)));
        let projected = sums.total - 2.0 * cross / self.centre.row + kernel_rows.total * distance_rows.total / self.centre.total;
        self.kernel.sign() * projected / self.centre.pairs + self.constant
    }

    /// d/dŷ_k of the value: 2 ± Σ_l sign(ŷ_k - ŷ_l) P(kernel)_kl / pairs.
    fn slopes(&self, order: &Order, sums: &Products) -> Vec<f64> {
        let kernel_rows = self.kernel_rows();
        let n = self.n_rows();
        let row = |k: usize| self.kernel_row(kernel_rows, k);
        // Σ_l sign(ŷ_k - ŷ_l) and Σ_l sign(ŷ_k - ŷ_l) v_l.
        let balance = order.signed_sums(|_| 1.0);
        let weighted = order.signed_sums(row);
        let scale = 2.0 * self.kernel.sign() / self.centre.pairs;
        (0..n)
            .map(|k| {
                let effect = (row(k) * balance[k] + weighted[k]) / self.centre.row;
                scale * (sums.signed[k] - effect + kernel_rows.total * balance[k] / self.centre.total)
            })
            .collect()
    }

    fn kernel_rows(&self) -> &RowSums {
        match &self.arrangement {
            Arrangement::Grouped(groups) => &groups.rows,
            Arrangement::Line(line) => &line.rows,
            Arrangement::Tiled(tiles) => &tiles.rows,
        }
    }

    fn kernel_row(&self, sums: &RowSums, k: usize) -> f64 {
        match &self.arrangement {
            Arrangement::Grouped(groups) => sums.rows[groups.of_row(k)],
            _ => sums.rows[k],
        }
    }

    /// c JdCov²(S) from the total of the kernel; the diagonal holds (0 + c)^m under U-centring, where U_kk = 0.
    fn joint_constant(&self, blocks: usize) -> f64 {
        let Kernel::Product { c } = self.kernel else { return 0.0 };
        let n = self.centre.n;
        let power = c.powi(blocks as i32 + 1);
        match self.centre.estimator {
            Centring::U => (c * self.kernel_rows().total + n * power) / self.centre.pairs - power * n / (n - 3.0),
            Centring::V => c * self.kernel_rows().total / self.centre.pairs - power,
        }
    }

    /// The squared distance variance of the attributes side by side; only for the joint kernel.
    pub(crate) fn variance(&self) -> f64 {
        let squares = match &self.arrangement {
            Arrangement::Grouped(groups) => groups.squares,
            Arrangement::Line(line) => line.squares,
            Arrangement::Tiled(tiles) => tiles.squares,
        };
        let rows = self.kernel_rows();
        let row_squares = compensated((0..self.n_rows()).map(|k| self.kernel_row(rows, k).powi(2)));
        self.norm(squares, row_squares, rows.total)
    }

    /// The squared distance variance of a score.
    pub(crate) fn score_variance(&self, score: ArrayView1<'_, f64>) -> f64 {
        let order = Order::new(score);
        let rows = order.powered_rows(self.alpha);
        self.norm(order.squared_distances(self.alpha), compensated(rows.rows.iter().map(|r| r * r)), rows.total)
    }

    /// Σ P(A)² / pairs from Σ A², Σ a_k² and the total.
    fn norm(&self, squares: f64, row_squares: f64, total: f64) -> f64 {
        (squares - 2.0 * row_squares / self.centre.row + total * total / self.centre.total) / self.centre.pairs
    }
}

/// Σ_kl |Δŷ| kernel and, for the gradient, Σ_l sign(ŷ_k - ŷ_l) kernel_kl by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Products {
    total: f64,
    signed: Vec<f64>,
}

fn check_block(block: &Block, n: usize) -> Result<()> {
    let name = &block.name;
    if block.columns.is_empty() {
        return Err(Error::input(format!("column '{name}' is empty")));
    }
    for column in &block.columns {
        if column.len() != n {
            return Err(Error::input(format!("column '{name}' must have {n} rows like the other protected columns, got {}", column.len())));
        }
        if let Some(row) = column.iter().position(|x| !x.is_finite()) {
            return Err(Error::input(format!("column '{name}' must be finite, got {} in row {row}", column[row])));
        }
    }
    Ok(())
}

fn check_rows(n: usize) -> Result<()> {
    if n < 4 {
        return Err(Error::input(format!("distance covariance needs at least 4 rows, got {n}")));
    }
    Ok(())
}

/// The algorithm with what was found when it was chosen.
enum Plan {
    Grouped(Grouping),
    Fenwick,
    Tiled,
}

impl Plan {
    /// Groups where the joint rows repeat enough to pay, trees for a single continuous column, tiles for all else.
    fn choose(protected: &Protected, settings: &Settings) -> Self {
        const MOST_GROUPS: usize = 2048;
        if settings.alpha != 1.0 {
            return Plan::Tiled;
        }
        if let Some(grouping) = Grouping::of(&protected.blocks, MOST_GROUPS.min(protected.n_rows() / 3)) {
            return Plan::Grouped(grouping);
        }
        match protected.blocks.as_slice() {
            [Block { columns, .. }] if columns.len() == 1 && settings.measure != Measure::Jdcov => Plan::Fenwick,
            _ => Plan::Tiled,
        }
    }
}
