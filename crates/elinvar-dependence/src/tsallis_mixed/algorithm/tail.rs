//! Degrees of freedom: the maximum of the marginal likelihood over `ln nu`, given the distances.

use super::rows::Rows;
use elinvar_math::special::{digamma, ln_gamma_ratio, trigamma};
use elinvar_math::statistics::pairwise_sum;
use std::collections::BTreeMap;

/// Least degrees of freedom that are estimated.
pub(crate) const NU_MIN: f64 = 0.5;
/// Greatest degrees of freedom that are estimated: the Gaussian for all purposes.
pub(crate) const NU_MAX: f64 = 1e4;
/// The Gaussian limit.
pub(crate) const GAUSSIAN: f64 = f64::INFINITY;

/// The part of the likelihood that depends on `nu`.
pub(super) struct Tail<'a> {
    /// How many groups have each number of rows.
    counts: BTreeMap<usize, usize>,
    sizes: Vec<f64>,
    delta: &'a [f64],
}

impl<'a> Tail<'a> {
    pub(super) fn new(rows: &Rows, delta: &'a [f64]) -> Self {
        Self::of_sizes((0..rows.groups()).map(|group| rows.size(group)), delta)
    }

    /// For densities of these dimensions at these distances.
    pub(super) fn of_sizes(sizes: impl Iterator<Item = usize> + Clone, delta: &'a [f64]) -> Self {
        let mut counts = BTreeMap::new();
        sizes.clone().for_each(|n| *counts.entry(n).or_insert(0) += 1);
        Self { counts, sizes: sizes.map(|n| n as f64).collect(), delta }
    }

    fn over_sizes(&self, term: impl Fn(f64) -> f64) -> f64 {
        self.counts.iter().map(|(&n, &count)| count as f64 * term(n as f64)).sum()
    }

    fn over_groups(&self, term: impl Fn(f64, f64) -> f64) -> f64 {
        pairwise_sum(&self.sizes.iter().zip(self.delta).map(|(&n, &delta)| term(n, delta)).collect::<Vec<f64>>())
    }

    /// The log likelihood up to what `nu` does not change.
    fn value(&self, nu: f64) -> f64 {
        let constants = self.over_sizes(|n| ln_gamma_ratio(0.5 * nu, 0.5 * n) - 0.5 * n * nu.ln());
        constants - 0.5 * self.over_groups(|n, delta| (nu + n) * (delta / nu).ln_1p())
    }

    /// `dl / d ln nu`.
    pub(super) fn slope(&self, nu: f64) -> f64 {
        let constants = self.over_sizes(|n| digamma(0.5 * (nu + n)) - digamma(0.5 * nu) - n / nu);
        let tails = self.over_groups(|n, delta| (nu + n) * delta / (nu * (nu + delta)) - (delta / nu).ln_1p());
        0.5 * nu * (constants + tails)
    }

    /// `d^2 l / d (ln nu)^2`, given the slope.
    fn curvature(&self, nu: f64, slope: f64) -> f64 {
        let constants = self.over_sizes(|n| 0.5 * (trigamma(0.5 * (nu + n)) - trigamma(0.5 * nu)) + n / (nu * nu));
        let tails = self.over_groups(|n, delta| {
            let below = nu * (nu + delta);
            delta / below + (delta * below - (nu + n) * delta * (2.0 * nu + delta)) / (below * below)
        });
        slope + 0.5 * nu * nu * (constants + tails)
    }

    /// A maximum over [`NU_MIN`, `NU_MAX`] from here: Newton steps in `ln nu`, halved until the likelihood rises.
    pub(super) fn maximise(&self, start: f64) -> f64 {
        const STEPS: usize = 12;
        const LONGEST: f64 = 2.0;
        let (low, high) = (NU_MIN.ln(), NU_MAX.ln());
        let mut x = start.clamp(NU_MIN, NU_MAX).ln();
        for _ in 0..STEPS {
            let nu = x.exp();
            let (here, slope) = (self.value(nu), self.slope(nu));
            let curvature = self.curvature(nu, slope);
            let wanted = if curvature < 0.0 { (-slope / curvature).clamp(-LONGEST, LONGEST) } else { LONGEST * slope.signum() };
            let mut step = (x + wanted).clamp(low, high) - x;
            while self.value((x + step).exp()) < here && step.abs() > 1e-9 {
                step *= 0.5;
            }
            if step.abs() <= 1e-9 {
                break;
            }
            x += step;
        }
        // The bound itself and not its neighbour by rounding.
        if x >= high - 1e-9 { NU_MAX } else { x.exp() }
    }
}
