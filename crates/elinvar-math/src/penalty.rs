//! Separable penalties of sparse regression: lasso, elastic net, MCP and SCAD.
//!
//! A penalty is `P(b) = l |b| + g(b)` with a smooth part `g`: a concave one for MCP (Zhang 2010) and SCAD (Fan and Li 2001), a ridge for
//! the elastic net, or both. Here `l = alpha lambda`. Solvers hand `g` to the smooth loss and threshold the rest.

use elinvar_core::{Error, Kind, Result};

/// How the l1 penalty bends for large coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Not at all.
    L1,
    /// Minimax concave penalty: slope `l - |b|/gamma`, flat from `gamma l`.
    Mcp { gamma: f64 },
    /// Smoothly clipped absolute deviation: slope `l` up to `l`, then falling, flat from `a l`.
    Scad { a: f64 },
}

/// A penalty on one coefficient, up to its level `lambda` (the common level times the coefficient's own factor).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    shape: Shape,
    alpha: f64,
}

impl Penalty {
    /// `lambda |b|`.
    pub const fn lasso() -> Self {
        Self { shape: Shape::L1, alpha: 1.0 }
    }

    /// MCP: `l |b| - b^2/(2 gamma)`, and `gamma l^2 / 2` beyond `gamma l`.
    ///
    /// # Errors
    /// `gamma` is not a finite number above 1.
    pub fn mcp(gamma: f64) -> Result<Self> {
        if !(gamma > 1.0 && gamma.is_finite()) {
            return Err(Error::new(Kind::Parameter, format!("MCP needs gamma > 1, got {gamma:?}")));
        }
        Ok(Self { shape: Shape::Mcp { gamma }, alpha: 1.0 })
    }

    /// SCAD: `l |b|` up to `l`, `(2 a l |b| - b^2 - l^2) / (2 (a - 1))` up to `a l`, `l^2 (a + 1) / 2` beyond.
    ///
    /// # Errors
    /// `a` is not a finite number above 2.
    pub fn scad(a: f64) -> Result<Self> {
        if !(a > 2.0 && a.is_finite()) {
            return Err(Error::new(Kind::Parameter, format!("SCAD needs a > 2, got {a:?}")));
        }
        Ok(Self { shape: Shape::Scad { a }, alpha: 1.0 })
    }

    /// The same with a share of ridge: level `alpha lambda` for the shape, plus `(1 - alpha) lambda b^2 / 2`. The lasso becomes the
    /// elastic net.
    ///
    /// # Errors
    /// `alpha` is not in (0, 1].
    pub fn with_l1_share(self, alpha: f64) -> Result<Self> {
        if !(alpha > 0.0 && alpha <= 1.0) {
            return Err(Error::parameter("alpha", "in (0, 1]", format!("{alpha:?}")));
        }
        Ok(Self { alpha, ..self })
    }

    /// Slope at zero: coefficients whose loss gradient is at most this stay zero.
    pub fn threshold(&self, lambda: f64) -> f64 {
        self.alpha * lambda
    }

    fn ridge(&self, lambda: f64) -> f64 {
        (1.0 - self.alpha) * lambda
    }

    /// `P(b)`.
    pub fn value(&self, b: f64, lambda: f64) -> f64 {
        self.threshold(lambda) * b.abs() + self.smooth_value(b, lambda)
    }

    /// The smooth part `g(b) = P(b) - l |b|`.
    pub fn smooth_value(&self, b: f64, lambda: f64) -> f64 {
        let (t, l) = (b.abs(), self.threshold(lambda));
        let concave = match self.shape {
            Shape::L1 => 0.0,
            Shape::Mcp { gamma } if t <= gamma * l => -t * t / (2.0 * gamma),
            Shape::Mcp { gamma } => l * (0.5 * gamma * l - t),
            Shape::Scad { .. } if t <= l => 0.0,
            Shape::Scad { a } if t < a * l => -(t - l).powi(2) / (2.0 * (a - 1.0)),
            Shape::Scad { a } => l * (0.5 * (a + 1.0) * l - t),
        };
        concave + 0.5 * self.ridge(lambda) * b * b
    }

    /// `g'(b)`.
    pub fn smooth_slope(&self, b: f64, lambda: f64) -> f64 {
        let (t, l) = (b.abs(), self.threshold(lambda));
        let concave = match self.shape {
            Shape::L1 => 0.0,
            Shape::Mcp { gamma } => -(t / gamma).min(l),
            Shape::Scad { .. } if t <= l => 0.0,
            Shape::Scad { a } => -((t - l) / (a - 1.0)).min(l),
        };
        concave * sign(b) + self.ridge(lambda) * b
    }

    /// The strongest concavity of `g`: `1/gamma`, `1/(a - 1)` or 0.
    pub fn concavity(&self) -> f64 {
        match self.shape {
            Shape::L1 => 0.0,
            Shape::Mcp { gamma } => 1.0 / gamma,
            Shape::Scad { a } => 1.0 / (a - 1.0),
        }
    }

    /// A Lipschitz constant of the slope of `loss + g`, given one of the convex loss and the largest level.
    pub fn lipschitz(&self, of_loss: f64, lambda: f64) -> f64 {
        (of_loss + self.ridge(lambda)).max(self.concavity())
    }

    /// The exact proximal map: the global minimiser of `v/2 (b - z)^2 + P(b)` for `v > 0`.
    ///
    /// Firm thresholding where `v` exceeds the concavity; else the objective has two local minima, and the lower one is taken (the smaller
    /// coefficient where they tie).
    pub fn prox(&self, z: f64, lambda: f64, v: f64) -> f64 {
        let (l, ridge) = (self.threshold(lambda), self.ridge(lambda));
        let t = z.abs() * v / (v + ridge);
        let v = v + ridge;
        let size = match self.shape {
            Shape::L1 => (t - l / v).max(0.0),
            Shape::Mcp { gamma } => mcp_size(t, l, v, gamma),
            Shape::Scad { a } => scad_size(t, l, v, a),
        };
        size * sign(z)
    }
}

/// Zero for zero, unlike `f64::signum`.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn mcp_size(t: f64, l: f64, v: f64, gamma: f64) -> f64 {
    let excess = v - 1.0 / gamma;
    if excess <= 0.0 {
        // Concave up to gamma l: only 0 and t itself can be minimal.
        return if t > l * (gamma / v).sqrt() { t } else { 0.0 };
    }
    if t > gamma * l { t } else { (v * t - l).max(0.0) / excess }
}

fn scad_size(t: f64, l: f64, v: f64, a: f64) -> f64 {
    let soft = (t - l / v).max(0.0);
    let excess = v - 1.0 / (a - 1.0);
    if excess > 0.0 {
        return if t > a * l {
            t
        } else if t <= l + l / v {
            soft
        } else {
            (v * t - a * l / (a - 1.0)) / excess
        };
    }
    let low = soft.min(l);
    let cost = 0.5 * v * (low - t).powi(2) + l * low;
    if t >= a * l && cost > 0.5 * l * l * (a + 1.0) { t } else { low }
}

/// The proximal map of `threshold |b|`.
#[inline(always)]
pub fn soft_threshold(z: f64, threshold: f64) -> f64 {
    // Branch-free, so that loops over it vectorise.
    (z.abs() - threshold).max(0.0).copysign(z)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Penalty> {
        let base = [Penalty::lasso(), Penalty::mcp(3.0).unwrap(), Penalty::mcp(1.4).unwrap(), Penalty::scad(3.7).unwrap()];
        base.into_iter().flat_map(|p| [p, p.with_l1_share(0.6).unwrap()]).collect()
    }

    #[test]
    fn values_at_the_knots_are_the_papers() {
        let (l, gamma, a) = (0.4, 3.0, 3.7);
        let mcp = Penalty::mcp(gamma).unwrap();
        assert!((mcp.value(0.5, l) - (l * 0.5 - 0.25 / 6.0)).abs() < 1e-15);
        assert!((mcp.value(-7.0, l) - gamma * l * l / 2.0).abs() < 1e-15);
        let scad = Penalty::scad(a).unwrap();
        assert!((scad.value(0.3, l) - 0.12).abs() < 1e-15);
        assert!((scad.value(1.0, l) - (2.0 * a * l - 1.0 - l * l) / (2.0 * (a - 1.0))).abs() < 1e-15);
        assert!((scad.value(-9.0, l) - l * l * (a + 1.0) / 2.0).abs() < 1e-15);
        let net = Penalty::lasso().with_l1_share(0.25).unwrap();
        assert!((net.value(-2.0, l) - (0.25 * l * 2.0 + 0.75 * l * 2.0)).abs() < 1e-15);
    }

    #[test]
    fn slopes_are_the_differences_of_values_and_continuous() {
        let h = 1e-6;
        for penalty in all() {
            for i in -300..300 {
                let b = 0.01 * f64::from(i) + 0.0037;
                let difference = (penalty.smooth_value(b + h, 0.4) - penalty.smooth_value(b - h, 0.4)) / (2.0 * h);
                assert!((penalty.smooth_slope(b, 0.4) - difference).abs() < 2e-6, "{penalty:?} at {b}");
            }
            let knots = [0.4, 0.24, 1.2, 0.72, 0.56, 0.336, 1.48, 0.888];
            for knot in knots {
                let (below, above) = (knot * (1.0 - 1e-12), knot * (1.0 + 1e-12));
                assert!((penalty.value(below, 0.4) - penalty.value(above, 0.4)).abs() < 1e-11);
                assert!((penalty.smooth_slope(below, 0.4) - penalty.smooth_slope(above, 0.4)).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn the_proximal_map_is_the_global_minimiser() {
        for penalty in all() {
            for v in [0.05, 0.25, 0.3, 0.37, 0.8, 1.0, 4.0] {
                for i in -40..=40 {
                    let z = 0.077 * f64::from(i);
                    let cost = |b: f64| 0.5 * v * (b - z).powi(2) + penalty.value(b, 0.4);
                    let found = penalty.prox(z, 0.4, v);
                    let least = (0..=8000).map(|k| cost(-4.0 + 0.001 * f64::from(k))).fold(f64::INFINITY, f64::min);
                    assert!(cost(found) <= least + 1e-12, "{penalty:?} v {v} z {z}: {found}");
                    assert!((penalty.prox(-z, 0.4, v) + found).abs() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn orthonormal_columns_give_the_closed_forms() {
        let (l, gamma, a) = (0.5, 3.0, 3.7);
        let (mcp, scad) = (Penalty::mcp(gamma).unwrap(), Penalty::scad(a).unwrap());
        assert_eq!(mcp.prox(0.5, l, 1.0), 0.0);
        assert!((mcp.prox(1.1, l, 1.0) - 0.6 * gamma / (gamma - 1.0)).abs() < 1e-15);
        assert_eq!(mcp.prox(-1.6, l, 1.0), -1.6);
        assert!((scad.prox(0.9, l, 1.0) - 0.4).abs() < 1e-15);
        assert!((scad.prox(-1.5, l, 1.0) + ((a - 1.0) * 1.5 - a * l) / (a - 2.0)).abs() < 1e-15);
        assert_eq!(scad.prox(1.9, l, 1.0), 1.9);
        assert_eq!(soft_threshold(-0.75, 0.5), -0.25);
        assert_eq!(soft_threshold(0.25, 0.5), 0.0);
    }

    #[test]
    fn far_knots_give_the_lasso_and_level_zero_nothing() {
        for penalty in [Penalty::mcp(1e9).unwrap(), Penalty::scad(1e9).unwrap()] {
            for z in [-3.0, 0.2, 0.9] {
                assert!((penalty.prox(z, 0.4, 1.0) - Penalty::lasso().prox(z, 0.4, 1.0)).abs() < 1e-8);
            }
        }
        for penalty in all() {
            assert!(penalty.prox(1.25, 0.0, 0.1) == 1.25 && penalty.value(2.0, 0.0) == 0.0 && penalty.smooth_slope(2.0, 0.0) == 0.0);
        }
    }

    #[test]
    fn bad_shapes_are_refused() {
        assert_eq!(Penalty::scad(2.0).unwrap_err().to_string(), "SCAD needs a > 2, got 2.0");
        assert_eq!(Penalty::mcp(1.0).unwrap_err().to_string(), "MCP needs gamma > 1, got 1.0");
        assert!(Penalty::mcp(f64::NAN).is_err() && Penalty::scad(f64::INFINITY).is_err());
        assert_eq!(Penalty::lasso().with_l1_share(0.0).unwrap_err().to_string(), "parameter 'alpha' must be in (0, 1], got 0.0");
    }
}
