//! Scores of many variables, a block of columns at a time.

use super::params::MutualInfoScreener;
use super::target::{LEAST_ROWS, Scratch, Target, has_classes, noise};
use elinvar_core::{Context, Error, Result};
use ndarray::{ArrayView1, ArrayView2};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// What is known of the columns of a block or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Score of each variable in nats; NaN where it has no cells.
    pub scores: Vec<f64>,
    /// Complete rows of each variable.
    pub n_rows: Vec<usize>,
    /// Scores under each permutation of the outcome: one row a permutation.
    pub null: Vec<Vec<f64>>,
}

impl Scores {
    /// Puts the columns of another block behind these.
    pub(super) fn append(&mut self, other: Scores) {
        self.scores.extend(other.scores);
        self.n_rows.extend(other.n_rows);
        self.null.resize(other.null.len(), Vec::new());
        self.null.iter_mut().zip(other.null).for_each(|(row, more)| row.extend(more));
    }
}

/// An outcome that any number of blocks of variables is scored with.
pub struct Screening {
    params: MutualInfoScreener,
    classes: bool,
    /// Rows where the outcome is known.
    rows: Vec<usize>,
    /// The outcome, and its permutations.
    targets: Vec<Target>,
    orders: Vec<Vec<usize>>,
}

impl Screening {
    /// Prepares the outcome `y` (n,); rows where it is missing are left out.
    ///
    /// # Errors
    /// Fewer than four rows, infinite values, a constant outcome, or a binary one with more than two values.
    pub fn new(params: &MutualInfoScreener, y: ArrayView1<'_, f64>, ctx: &Context) -> Result<Self> {
        if let Some(row) = y.iter().position(|v| v.is_infinite()) {
            return Err(Error::input(format!("y contains an infinite value at row {row}")).hint("drop or fill such rows first"));
        }
        let rows: Vec<usize> = (0..y.len()).filter(|&row| !y[row].is_nan()).collect();
        if rows.len() < LEAST_ROWS {
            let count = rows.len();
            return Err(Error::input(format!("screening needs at least {LEAST_ROWS} complete rows; the outcome has {count} sample(s)")));
        }
        let known: Vec<f64> = rows.iter().map(|&row| y[row]).collect();
        let classes = has_classes(&known, params.outcome)?;
        let target = Target::new(params, known, classes, &mut noise(ctx, None))?;
        let orders: Vec<Vec<usize>> = (0..params.n_permutations).map(|index| permutation(rows.len(), index, ctx)).collect();
        let mut targets = vec![target];
        for order in &orders {
            targets.push(targets[0].permuted(order, &mut noise(ctx, None))?);
        }
        Ok(Self { params: params.clone(), classes, rows, targets, orders })
    }

    /// Number of rows where the outcome is known.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of bins of the outcome, with the estimator `binning`.
    pub fn n_bins(&self) -> Option<usize> {
        self.targets[0].n_bins()
    }

    /// Scores a block (columns, rows); `first` is the position of its first column, `name` gives the name of a column by position.
    ///
    /// # Errors
    /// Infinite values, or a variable with a few complete rows only, by name; or the context stops the work.
    pub fn score<T: Copy + Into<f64> + Sync>(
        &self,
        block: ArrayView2<'_, T>,
        first: usize,
        name: &(dyn Fn(usize) -> String + Sync),
        ctx: &Context,
    ) -> Result<Scores> {
        let columns: Vec<usize> = (0..block.nrows()).collect();
        let pairs = columns.par_chunks(2).map_init(
            || self.targets[0].scratch(),
            |scratch, pair| {
                ctx.check()?;
                let read = |&j: &usize| Variable::read(block.row(j), &self.rows, first + j, name);
                self.score_pair(&pair.iter().map(read).collect::<Result<Vec<_>>>()?, scratch, ctx)
            },
        );
        let pairs = ctx.install(|| pairs.collect::<Result<Vec<Scores>>>())?;
        let mut scores = Scores { null: vec![Vec::new(); self.orders.len()], ..Scores::default() };
        pairs.into_iter().for_each(|pair| scores.append(pair));
        Ok(scores)
    }

    /// Two complete variables on grids share their transforms, with each target.
    fn score_pair(&self, pair: &[Variable], scratch: &mut Scratch, ctx: &Context) -> Result<Scores> {
        let complete = |v: &Variable| v.kept.is_none();
        let axes = pair.iter().map(|v| if complete(v) { self.targets[0].axis(&v.values) } else { Ok(None) }).collect::<Result<Vec<_>>>()?;
        let mut found: Vec<Vec<f64>> = vec![Vec::new(); pair.len()];
        for (index, target) in self.targets.iter().enumerate() {
            let axis = |i: usize| axes.get(i).and_then(Option::as_ref);
            let gridded = target.gridded([axis(0), axis(1)], scratch);
            for (i, variable) in pair.iter().enumerate() {
                let score = match axis(i) {
                    Some(_) => gridded[i],
                    None => self.score_alone(variable, index, scratch, ctx)?,
                };
                found[i].push(score);
            }
        }
        Ok(Scores {
            scores: found.iter().map(|all| all[0]).collect(),
            n_rows: pair.iter().map(|v| v.values.len()).collect(),
            null: (0..self.orders.len()).map(|b| found.iter().map(|all| all[b + 1]).collect()).collect(),
        })
    }

    /// A variable with levels or gaps, with the outcome or its permutation of that index.
    fn score_alone(&self, variable: &Variable, index: usize, scratch: &mut Scratch, ctx: &Context) -> Result<f64> {
        let noise = &mut noise(ctx, Some(variable.position));
        let target = &self.targets[index];
        let Some(kept) = &variable.kept else { return target.score(&variable.values, scratch, noise) };
        if kept.is_empty() {
            return Ok(f64::NAN);
        }
        let y: Vec<f64> = kept.iter().map(|&row| target.values()[row]).collect();
        if y.iter().all(|v| *v == y[0]) {
            return Ok(0.0);
        }
        Target::new(&self.params, y, self.classes, noise)?.score(&variable.values, &mut None, noise)
    }
}

/// A variable without its missing cells.
struct Variable {
    position: usize,
    values: Vec<f64>,
    /// Rows of the known outcomes where it is known; none for all.
    kept: Option<Vec<usize>>,
}

impl Variable {
    fn read<T: Copy + Into<f64>>(
        cells: ArrayView1<'_, T>,
        rows: &[usize],
        position: usize,
        name: &(dyn Fn(usize) -> String + Sync),
    ) -> Result<Self> {
        let values: Vec<f64> = rows.iter().map(|&row| cells[row].into()).collect();
        if let Some(place) = values.iter().position(|v| v.is_infinite()) {
            let message = format!("column '{}' contains an infinite value at row {}", name(position), rows[place]);
            return Err(Error::input(message).hint("drop or fill such rows first"));
        }
        if !values.iter().any(|v| v.is_nan()) {
            return Ok(Self { position, values, kept: None });
        }
        let kept: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
        if (1..LEAST_ROWS).contains(&kept.len()) {
            let message = format!("screening needs at least {LEAST_ROWS} complete rows; column '{}' has {}", name(position), kept.len());
            return Err(Error::input(message).hint("fill its missing values, or leave it out"));
        }
        let values = kept.iter().map(|&i| values[i]).collect();
        Ok(Self { position, values, kept: Some(kept) })
    }
}

fn permutation(n: usize, index: usize, ctx: &Context) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut ctx.stream(&[("permutation", index as u64)]));
    order
}

/// Variables by decreasing score; equal ones in the order of the columns, those without a score last.
pub fn ranking(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let key = |j: usize| if scores[j].is_nan() { f64::NEG_INFINITY } else { scores[j] };
    order.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
    order
}
