//! One-sided tests of paired differences, and their combination over studies.

use crate::statistics::{mean, ranks};
use elinvar_core::{Error, Result, Stream};
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

/// P-value of "the differences are positive on average" by flipping their signs: every pattern where there are at most `flips`, else
/// that many random ones, the observed one among them.
///
/// # Errors
/// No differences, or one that is not finite.
pub fn sign_flip(differences: &[f64], flips: usize, random: &mut Stream) -> Result<f64> {
    check(differences)?;
    let n = differences.len();
    let observed: f64 = differences.iter().sum();
    let reached = |sum: f64| sum >= observed - 1e-12 * observed.abs();
    if n < usize::BITS as usize - 1 && 1_usize << n <= flips {
        let patterns = 1_usize << n;
        let sum =
            |pattern: usize| -> f64 { differences.iter().enumerate().map(|(i, d)| if pattern >> i & 1 == 0 { *d } else { -d }).sum() };
        return Ok((0..patterns).filter(|&pattern| reached(sum(pattern))).count() as f64 / patterns as f64);
    }
    let mut count = 1_usize;
    for _ in 0..flips {
        let sum: f64 = differences.iter().map(|d| if random.random_bool(0.5) { *d } else { -d }).sum();
        count += usize::from(reached(sum));
    }
    Ok(count as f64 / (flips + 1) as f64)
}

/// P-value of the same by Wilcoxon's signed ranks with the normal approximation; differences of zero are left out.
///
/// # Errors
/// No differences but zeros, or one that is not finite.
pub fn wilcoxon(differences: &[f64]) -> Result<f64> {
    check(differences)?;
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if kept.is_empty() {
        return Ok(1.0);
    }
    let sizes: Vec<f64> = kept.iter().map(|d| d.abs()).collect();
    let ranked = ranks(&sizes);
    let positive: f64 = kept.iter().zip(&ranked).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let n = kept.len() as f64;
    // The sum of squared ranks holds the correction for ties.
    let variance = ranked.iter().map(|rank| rank * rank).sum::<f64>() / 4.0;
    Ok(upper_tail((positive - n * (n + 1.0) / 4.0) / variance.sqrt()))
}

/// Stouffer's combination of one-sided p-values with weights.
///
/// # Errors
/// Lengths that differ, no p-values, a p-value outside (0, 1\], or weights that are not positive.
pub fn stouffer(p_values: &[f64], weights: &[f64]) -> Result<f64> {
    if p_values.is_empty() || p_values.len() != weights.len() {
        return Err(Error::input(format!("a combination needs one weight a p-value, got {} and {}", weights.len(), p_values.len())));
    }
    if let Some(p) = p_values.iter().find(|p| !(**p > 0.0 && **p <= 1.0)) {
        return Err(Error::input(format!("a p-value must be in (0, 1], got {p}")));
    }
    if let Some(w) = weights.iter().find(|w| !(**w > 0.0 && w.is_finite())) {
        return Err(Error::input(format!("a weight must be > 0, got {w}")));
    }
    if p_values.contains(&1.0) {
        return Ok(1.0);
    }
    let sum: f64 = p_values.iter().zip(weights).map(|(p, w)| -w * standard_normal().inverse_cdf(*p)).sum();
    Ok(upper_tail(sum / weights.iter().map(|w| w * w).sum::<f64>().sqrt()))
}

/// P-values times their number, at most 1: Bonferroni's correction.
pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    p_values.iter().map(|p| (p * p_values.len() as f64).min(1.0)).collect()
}

fn check(differences: &[f64]) -> Result<()> {
    if differences.is_empty() || !mean(differences).is_finite() {
        return Err(Error::input(format!(
            "a paired test needs finite differences, got {} with mean {}",
            differences.len(),
            mean(differences)
        )));
    }
    Ok(())
}

fn standard_normal() -> Normal {
    Normal::standard()
}

fn upper_tail(z: f64) -> f64 {
    standard_normal().sf(z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{reference, vector};
    use elinvar_core::random::stream;

    #[test]
    fn agrees_with_scipy() {
        for case in reference()["paired"].as_array().unwrap() {
            let differences = vector(&case["differences"]).to_vec();
            let number = |name: &str| case[name].as_f64().unwrap();
            assert!((wilcoxon(&differences).unwrap() - number("wilcoxon")).abs() < 1e-10);
            assert!((sign_flip(&differences, 10_000, &mut stream(0, &[])).unwrap() - number("permutation")).abs() < 1e-12);
        }
        let case = &reference()["stouffer"];
        let combined = stouffer(&vector(&case["p"]).to_vec(), &vector(&case["weights"]).to_vec()).unwrap();
        assert!((combined - case["combined"].as_f64().unwrap()).abs() < 1e-10);
    }

    #[test]
    fn many_differences_are_flipped_at_random() {
        let differences: Vec<f64> = (0..40).map(|i| 0.3 + f64::from(i % 7) - 3.0).collect();
        let p = sign_flip(&differences, 9_999, &mut stream(3, &[])).unwrap();
        // A t-test of these 40 numbers gives about 0.29.
        assert!((p - 0.29).abs() < 0.04, "{p}");
        assert!(sign_flip(&[], 100, &mut stream(3, &[])).is_err());
        assert_eq!(sign_flip(&[1.0, 1.0, 1.0], 100, &mut stream(3, &[])).unwrap(), 0.125);
    }
}
