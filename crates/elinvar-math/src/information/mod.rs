//! Mutual information of two variables, in nats: by kernel densities, by binning, by nearest neighbours, and of Gaussians.
//!
//! Estimators that compare many variables with one keep what belongs to that one: see [`KernelEstimator`], [`NeighbourEstimator`]
//! and [`Bins`].

mod bandwidth;
mod bins;
mod density;
mod fourier;
mod kernel;
mod neighbours;
#[cfg(test)]
mod tests;

pub use bandwidth::{improved_sheather_jones, scott, silverman};
pub use bins::{Bins, birge_rozenholc_bins, table_information};
pub use density::{Axis, Profile, robust_scale};
pub use kernel::{BandwidthRule, KernelEstimator, KernelScratch, KernelSettings, class_information};
pub use neighbours::{NeighbourEstimator, class_neighbour_information};

/// Linfoot's coefficient `sqrt(1 - exp(-2 I))` of a mutual information in nats: |r| for Gaussian variables, in [0, 1].
pub fn linfoot(information: f64) -> f64 {
    (-(-2.0 * information.max(0.0)).exp_m1()).sqrt()
}

/// Mutual information of two Gaussian variables with correlation `r`: `-log(1 - r²) / 2`, infinite at |r| = 1.
pub fn gaussian_information(r: f64) -> f64 {
    -0.5 * (-r * r).ln_1p()
}

/// `m log m`, 0 at 0.
fn entropy_term(mass: f64) -> f64 {
    if mass > 0.0 { mass * mass.ln() } else { 0.0 }
}
