//! Distribution functions, thin over statrs.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal};

/// Density of the normal distribution.
pub fn normal_density(x: f64, mean: f64, sd: f64) -> f64 {
    Normal::new(mean, sd).map_or(f64::NAN, |d| d.pdf(x))
}

/// Distribution function of the normal distribution.
pub fn normal_probability(x: f64, mean: f64, sd: f64) -> f64 {
    Normal::new(mean, sd).map_or(f64::NAN, |d| d.cdf(x))
}

/// Upper tail of the chi-squared distribution: P(X > x).
pub fn chi_squared_tail(x: f64, degrees: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    ChiSquared::new(degrees).map_or(f64::NAN, |d| d.sf(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-10 * b.abs(), "{a} against {b}");
    }

    #[test]
    fn tails_agree_with_scipy() {
        // scipy.stats 1.17.1: chi2.sf(7.391, 9), chi2.sf(3.84, 1), norm.cdf(-2.5), norm.pdf(1.2, 1, 0.5), norm.cdf(0.3, 0.1, 2)
        close(chi_squared_tail(7.391, 9.0), 0.5964805528784438);
        close(chi_squared_tail(3.84, 1.0), 0.05004352124870519);
        close(normal_probability(-2.5, 0.0, 1.0), 0.006209665325776132);
        close(normal_density(1.2, 1.0, 0.5), 0.7365402806066467);
        close(normal_probability(0.3, 0.1, 2.0), 0.539827837277029);
    }
}
