//! Mutual information by kernel densities on a grid.

use super::bandwidth::{improved_sheather_jones, scott, silverman};
use super::density::{Axis, Profile, robust_scale};
use super::entropy_term;
use super::fourier::{C, Plan};
use elinvar_core::{Error, Result};

/// Grid points of the densities of a continuous variable given a class.
const CLASS_POINTS: usize = 500;
/// Rows that a class needs for a density of its own.
const LEAST_ROWS: usize = 3;

/// How wide a kernel is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BandwidthRule {
    /// This many interquartile ranges, > 0.
    Fixed(f64),
    /// Silverman's rule for each variable.
    Silverman,
    /// Scott's rule for each variable.
    Scott,
    /// The improved Sheather-Jones rule for each variable.
    Isj,
}

impl BandwidthRule {
    /// Bandwidth of a variable that has been scaled robustly.
    fn of(self, values: &[f64]) -> Result<f64> {
        let h = match self {
            BandwidthRule::Fixed(h) => h,
            BandwidthRule::Silverman => silverman(values)?,
            BandwidthRule::Scott => scott(values)?,
            BandwidthRule::Isj => improved_sheather_jones(values)?,
        };
        // A variable that is constant up to a few rows has no spread to estimate.
        Ok(if h > 0.0 && h.is_finite() { h } else { 1.0 })
    }
}

/// Settings of the kernel estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelSettings {
    /// Kernel.
    pub profile: Profile,
    /// Bandwidth.
    pub bandwidth: BandwidthRule,
    /// Grid points along each axis, >= 2.
    pub points: usize,
}

/// A variable in units of its interquartile range and bandwidth.
fn in_bandwidths(values: &[f64], rule: BandwidthRule) -> Result<Vec<f64>> {
    let (centre, scale) = robust_scale(values)?;
    let scaled: Vec<f64> = values.iter().map(|v| (v - centre) / scale).collect();
    let h = rule.of(&scaled)?;
    Ok(scaled.into_iter().map(|v| v / h).collect())
}

/// Information of many continuous variables with one, from their joint densities: robust scaling, bilinear binning, convolution
/// with a radial kernel by Fourier transform, and the information of the gridded density.
#[derive(Clone)]
pub struct KernelEstimator {
    settings: KernelSettings,
    y: Axis,
    plan: Plan,
}

/// Memory of one thread's estimates.
pub struct KernelScratch {
    grid: Vec<C>,
    frequencies: Vec<C>,
    kernel: Vec<C>,
    fft: Vec<C>,
}

impl KernelEstimator {
    /// Prepares for variables that go with the rows of `y`.
    ///
    /// # Errors
    /// Without rows, or values that no grid can hold.
    pub fn new(y: &[f64], settings: KernelSettings) -> Result<Self> {
        let y = Axis::new(&in_bandwidths(y, settings.bandwidth)?, settings.points, settings.profile.radius())?;
        Ok(Self { settings, y, plan: Plan::new(settings.points) })
    }

    /// The same variable with its rows in another order.
    #[must_use]
    pub fn permuted(&self, order: &[usize]) -> Self {
        Self { y: self.y.permuted(order), ..self.clone() }
    }

    /// Memory for [`KernelEstimator::information`], to be used again and again.
    pub fn scratch(&self) -> KernelScratch {
        let cells = || vec![C::default(); self.plan.cells()];
        KernelScratch { grid: cells(), frequencies: cells(), kernel: cells(), fft: vec![C::default(); self.plan.scratch()] }
    }

    /// A variable on its grid, ready for [`KernelEstimator::information`] with this or a permuted estimator.
    ///
    /// # Errors
    /// When its length is not that of `y`, or no grid can hold its values.
    pub fn axis(&self, x: &[f64]) -> Result<Axis> {
        if x.len() != self.y.places().len() {
            return Err(Error::input(format!("two variables must have as many rows each, got {} and {}", x.len(), self.y.places().len())));
        }
        Axis::new(&in_bandwidths(x, self.settings.bandwidth)?, self.settings.points, self.settings.profile.radius())
    }

    /// Information of one or two variables, in nats, not below 0. Two share the transforms: one is the real part, the other the
    /// imaginary part of a complex grid.
    pub fn information(&self, axes: [Option<&Axis>; 2], scratch: &mut KernelScratch) -> [f64; 2] {
        self.bin(axes, &mut scratch.grid);
        let KernelScratch { grid, frequencies, kernel, fft } = scratch;
        self.plan.forward(grid, 0..self.plan.size(), frequencies, fft);
        let rows = self.sample_kernel(axes, grid);
        let n = self.plan.size();
        self.plan.forward(grid, (0..rows).chain((n + 1).saturating_sub(rows).max(rows)..n), kernel, fft);
        convolve(frequencies, kernel, n);
        self.plan.inverse(frequencies, grid, fft);
        information_of(grid, n)
    }

    /// Bilinear binning of the rows.
    fn bin(&self, axes: [Option<&Axis>; 2], grid: &mut [C]) {
        grid.fill(C::default());
        let n = self.plan.size();
        for (part, axis) in axes.into_iter().enumerate() {
            let Some(axis) = axis else { continue };
            let mut add = |cell: usize, mass: f64| if part == 0 { grid[cell].re += mass } else { grid[cell].im += mass };
            for (&(a, u), &(b, v)) in axis.places().iter().zip(self.y.places()) {
                let cell = a as usize * n + b as usize;
                add(cell, (1.0 - u) * (1.0 - v));
                add(cell + 1, (1.0 - u) * v);
                add(cell + n, u * (1.0 - v));
                add(cell + n + 1, u * v);
            }
        }
    }

    /// The kernels of both variables, centred on the first cell and wrapped around; returns the number of occupied rows at and above it.
    /// The margin of the grids is at least the kernel's radius, so nothing that wraps around reaches a row of the data.
    fn sample_kernel(&self, axes: [Option<&Axis>; 2], grid: &mut [C]) -> usize {
        grid.fill(C::default());
        let (n, radius) = (self.plan.size(), self.settings.profile.radius());
        let reach = |step: f64| ((radius / step * (1.0 + 1e-12)) as usize).min((n - 1) / 2);
        let (dy, columns) = (self.y.step, reach(self.y.step));
        let mut rows = 0;
        for (part, axis) in axes.into_iter().enumerate() {
            let Some(axis) = axis else { continue };
            let reach = reach(axis.step);
            rows = rows.max(reach + 1);
            for i in 0..=reach {
                for j in 0..=columns {
                    let square = (i as f64 * axis.step).powi(2) + (j as f64 * dy).powi(2);
                    let value = self.settings.profile.value(square);
                    for row in [i, (n - i) % n] {
                        for column in [j, (n - j) % n] {
                            let cell = &mut grid[row * n + column];
                            if part == 0 { cell.re = value } else { cell.im = value }
                        }
                    }
                }
            }
        }
        rows
    }
}

/// Multiplies the transform of `d1 + i d2` with the kernels' so that the inverse is `d1 * k1 + i (d2 * k2)`. Kernels are real and even,
/// so their transforms are the real and the imaginary part of that of `k1 + i k2`; and the transform of `d1` is the even part
/// `(Z(f) + conj Z(-f)) / 2`.
fn convolve(frequencies: &mut [C], kernel: &[C], n: usize) {
    let product = |z: C, mirrored: C, k: C| z * (0.5 * (k.re + k.im)) + mirrored.conj() * (0.5 * (k.re - k.im));
    for row in 0..=n / 2 {
        let other = (n - row) % n;
        for column in 0..n {
            let (here, there) = (row * n + column, other * n + (n - column) % n);
            if there < here {
                continue;
            }
            let (z, mirrored) = (frequencies[here], frequencies[there]);
            frequencies[here] = product(z, mirrored, kernel[here]);
            frequencies[there] = product(mirrored, z, kernel[there]);
        }
    }
}

/// Information of the densities in the real and the imaginary part of a grid; negative cells are rounding and count as 0.
fn information_of(grid: &[C], n: usize) -> [f64; 2] {
    let mut columns = vec![[0.0; 2]; n];
    let (mut joint, mut rows, mut total) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for row in grid.chunks_exact(n) {
        let (mut mass, mut terms) = ([0.0; 2], [0.0; 2]);
        for (cell, column) in row.iter().zip(&mut columns) {
            for (part, value) in [cell.re, cell.im].into_iter().enumerate() {
                let value = value.max(0.0);
                mass[part] += value;
                column[part] += value;
                terms[part] += entropy_term(value);
            }
        }
        for part in 0..2 {
            joint[part] += terms[part];
            rows[part] += entropy_term(mass[part]);
            total[part] += mass[part];
        }
    }
    std::array::from_fn(|part| {
        let columns: f64 = columns.iter().map(|c| entropy_term(c[part])).sum();
        // With masses m / M the logarithms of M add up to log M.
        let all = total[part];
        if all > 0.0 { ((joint[part] - rows[part] - columns) / all + all.ln()).max(0.0) } else { 0.0 }
    })
}

/// Information between classes and a continuous variable, in nats, not below 0: a density of the variable within each class of at
/// least three rows, on 500 common grid points, times the share of the class. Without a fixed bandwidth each class has its own.
///
/// # Errors
/// When the lengths differ or there are no rows.
pub fn class_information(classes: &[u32], x: &[f64], profile: Profile, bandwidth: BandwidthRule) -> Result<f64> {
    if classes.len() != x.len() {
        return Err(Error::input(format!("classes and values must have as many rows each, got {} and {}", classes.len(), x.len())));
    }
    let (centre, scale) = robust_scale(x)?;
    let scaled: Vec<f64> = x.iter().map(|v| (v - centre) / scale).collect();
    let n_classes = classes.iter().max().map_or(0, |c| *c as usize + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n_classes];
    classes.iter().enumerate().for_each(|(row, &c)| members[c as usize].push(row));
    members.retain(|rows| rows.len() >= LEAST_ROWS);
    let own = |rows: &Vec<usize>| bandwidth.of(&rows.iter().map(|&i| scaled[i]).collect::<Vec<_>>());
    let widths: Vec<f64> = members.iter().map(own).collect::<Result<_>>()?;
    let widest = widths.iter().fold(0.0_f64, |most, h| most.max(*h));
    let grid = Axis::new(&scaled, CLASS_POINTS, profile.radius() * widest)?;
    let columns = members.iter().zip(&widths).map(|(rows, h)| density(&grid, rows, profile, *h));
    Ok(column_information(&columns.collect::<Vec<_>>()))
}

/// Density of some rows at the grid points, times their number.
fn density(grid: &Axis, rows: &[usize], profile: Profile, h: f64) -> Vec<f64> {
    let mut binned = vec![0.0; CLASS_POINTS];
    for &row in rows {
        let (cell, beyond) = grid.places()[row];
        binned[cell as usize] += 1.0 - beyond;
        binned[cell as usize + 1] += beyond;
    }
    let step = grid.step / h;
    let reach = (profile.radius() / step) as usize;
    let weights: Vec<f64> = (0..=reach).map(|i| profile.value((i as f64 * step).powi(2))).collect();
    let norm: f64 = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let mut density = vec![0.0; CLASS_POINTS];
    for (place, mass) in binned.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
        for other in place.saturating_sub(reach)..(place + reach + 1).min(CLASS_POINTS) {
            density[other] += mass * weights[place.abs_diff(other)] / norm;
        }
    }
    density
}

/// Information of a joint table given by its columns, in any units of mass.
fn column_information(columns: &[Vec<f64>]) -> f64 {
    let total: f64 = columns.iter().flatten().sum();
    if !(total > 0.0) {
        return 0.0;
    }
    let points = columns.first().map_or(0, Vec::len);
    let sum = |masses: &mut dyn Iterator<Item = f64>| masses.map(|m| entropy_term(m / total)).sum::<f64>();
    let joint = sum(&mut columns.iter().flatten().copied());
    let rows = sum(&mut (0..points).map(|p| columns.iter().map(|c| c[p]).sum()));
    let classes = sum(&mut columns.iter().map(|c| c.iter().sum()));
    (joint - rows - classes).max(0.0)
}
