//! Distribution functions and the gamma family, thin over statrs.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, FisherSnedecor, Normal};
use statrs::function::gamma;

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

/// Upper tail of the F distribution: P(X > x) with `numerator` and `denominator` degrees of freedom.
pub fn f_tail(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    FisherSnedecor::new(numerator, denominator).map_or(f64::NAN, |d| d.sf(x))
}

/// `ln Gamma(x)` for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    gamma::ln_gamma(x)
}

/// `ln Gamma(x + a) - ln Gamma(x)` for x > 0, a >= 0; accurate also where both are huge and their difference is small.
pub fn ln_gamma_ratio(x: f64, a: f64) -> f64 {
    const LARGE: f64 = 500.0;
    if x < LARGE {
        return gamma::ln_gamma(x + a) - gamma::ln_gamma(x);
    }
    // Differences of Stirling's series, whose large terms cancel on paper.
    let tail = |z: f64| (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * z * z)) / (z * z)) / z;
    a * x.ln() + (x + a - 0.5) * (a / x).ln_1p() - a + tail(x + a) - tail(x)
}

/// The digamma function `d ln Gamma(x) / dx` for x > 0.
pub fn digamma(x: f64) -> f64 {
    gamma::digamma(x)
}

/// The trigamma function `d^2 ln Gamma(x) / dx^2` for x > 0.
pub fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 12.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    // Asymptotic series with Bernoulli numbers.
    sum + 0.5 * y + (1.0 + y * (1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y / 30.0)))) / x
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

    #[test]
    fn the_gamma_family_agrees_with_scipy() {
        // scipy 1.17.1: f.sf(2.5, 4, 5.03924), special.gammaln(7.3), digamma(0.7), polygamma(1, [0.4, 5.5, 300])
        close(f_tail(2.5, 4.0, 5.03924), 0.17018213858706782);
        close(ln_gamma(7.3), 7.147892523022249);
        close(digamma(0.7), -1.2200235536979347);
        close(trigamma(0.4), 7.275356590529597);
        close(trigamma(5.5), 0.1993423869896277);
        close(trigamma(300.0), 0.0033388950617146773);
    }

    #[test]
    fn ratios_of_gamma_functions_keep_their_digits() {
        // mpmath 1.4.1: loggamma(x + a) - loggamma(x) with 50 digits.
        close(ln_gamma_ratio(5e6, 2.0), 30.849897140796728);
        close(ln_gamma_ratio(5e11, 3.5), 94.28255877379885);
        close(ln_gamma_ratio(501.0, 2.5), 15.545252796921067);
        close(ln_gamma_ratio(2.0, 2.5), 2.4537365708424423);
    }
}
