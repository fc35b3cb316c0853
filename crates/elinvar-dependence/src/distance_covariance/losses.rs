//! Losses of the linear predictor f with their derivatives, and the predicted mean.

use super::params::Loss;

/// Keeps exp(f) finite: no mean of a model on real data lies beyond e^±50.
const LARGEST_LOG: f64 = 50.0;

impl Loss {
    /// Mean of the outcome at a linear predictor and an exposure.
    pub fn mean(self, f: f64, exposure: f64) -> f64 {
        match self {
            Loss::Poisson => exposure * f.clamp(-LARGEST_LOG, LARGEST_LOG).exp(),
            Loss::Gamma => f.clamp(-LARGEST_LOG, LARGEST_LOG).exp(),
            Loss::Gaussian => f,
            Loss::Bernoulli => logistic(f),
        }
    }

    /// Derivative of the mean with respect to the linear predictor.
    pub fn mean_slope(self, f: f64, exposure: f64) -> f64 {
        match self {
            Loss::Poisson | Loss::Gamma => self.mean(f, exposure),
            Loss::Gaussian => 1.0,
            Loss::Bernoulli => {
                let p = logistic(f);
                p * (1.0 - p)
            }
        }
    }

    /// Second derivative of the mean with respect to the linear predictor.
    pub fn mean_curvature(self, f: f64, exposure: f64) -> f64 {
        match self {
            Loss::Poisson | Loss::Gamma => self.mean(f, exposure),
            Loss::Gaussian => 0.0,
            Loss::Bernoulli => {
                let p = logistic(f);
                p * (1.0 - p) * (1.0 - 2.0 * p)
            }
        }
    }

    /// Second derivative of the loss of one row with respect to the linear predictor.
    pub fn curvature(self, f: f64, y: f64, exposure: f64) -> f64 {
        match self {
            Loss::Poisson => {
                let mu = self.mean(f, exposure);
                let shifted = mu + 1e-8;
                mu - 1e-8 * y * mu / (shifted * shifted)
            }
            Loss::Gaussian => 2.0,
            Loss::Gamma => y / self.mean(f, exposure),
            Loss::Bernoulli => self.mean_slope(f, exposure),
        }
    }

    /// Loss of one row and its derivative with respect to the linear predictor.
    ///
    /// Poisson: mu - y log(mu + 1e-8). Gaussian: squared error. Gamma: half the deviance up to a constant, y/mu + log mu.
    /// Bernoulli: cross-entropy.
    pub fn value_and_slope(self, f: f64, y: f64, exposure: f64) -> (f64, f64) {
        match self {
            Loss::Poisson => {
                let mu = self.mean(f, exposure);
                (mu - y * (mu + 1e-8).ln(), mu - y * mu / (mu + 1e-8))
            }
            Loss::Gaussian => ((f - y) * (f - y), 2.0 * (f - y)),
            Loss::Gamma => {
                let mu = self.mean(f, exposure);
                (y / mu + mu.ln(), 1.0 - y / mu)
            }
            // log(1 + e^f) - y f, without overflow.
            Loss::Bernoulli => (f.max(0.0) + (-f.abs()).exp().ln_1p() - y * f, logistic(f) - y),
        }
    }

    /// Linear predictor of a constant model with this mean of y / exposure: where training starts.
    pub fn link(self, mean: f64) -> f64 {
        match self {
            Loss::Poisson | Loss::Gamma => mean.max(1e-8).ln(),
            Loss::Gaussian => mean,
            Loss::Bernoulli => {
                let p = mean.clamp(1e-6, 1.0 - 1e-6);
                (p / (1.0 - p)).ln()
            }
        }
    }
}

fn logistic(f: f64) -> f64 {
    if f >= 0.0 {
        1.0 / (1.0 + (-f).exp())
    } else {
        let e = f.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_match_central_differences() {
        for loss in [Loss::Poisson, Loss::Gaussian, Loss::Gamma, Loss::Bernoulli] {
            for (f, y, e) in [(0.3, 1.0, 0.7), (-2.0, 1.0, 1.0), (1.5, 1.0, 0.2)] {
                let h = 1e-6;
                let difference = (loss.value_and_slope(f + h, y, e).0 - loss.value_and_slope(f - h, y, e).0) / (2.0 * h);
                assert!((difference - loss.value_and_slope(f, y, e).1).abs() < 1e-7, "{loss:?}");
                let difference = (loss.mean(f + h, e) - loss.mean(f - h, e)) / (2.0 * h);
                assert!((difference - loss.mean_slope(f, e)).abs() < 1e-7, "{loss:?}");
                let difference = (loss.value_and_slope(f + h, y, e).1 - loss.value_and_slope(f - h, y, e).1) / (2.0 * h);
                assert!((difference - loss.curvature(f, y, e)).abs() < 1e-7, "{loss:?}");
                let difference = (loss.mean_slope(f + h, e) - loss.mean_slope(f - h, e)) / (2.0 * h);
                assert!((difference - loss.mean_curvature(f, e)).abs() < 1e-7, "{loss:?}");
            }
        }
    }

    #[test]
    fn extreme_predictors_stay_finite() {
        for loss in [Loss::Poisson, Loss::Gamma, Loss::Bernoulli] {
            for f in [-1e4, 1e4] {
                let (value, slope) = loss.value_and_slope(f, 1.0, 1.0);
                assert!(value.is_finite() && slope.is_finite() && loss.mean(f, 1.0).is_finite());
            }
        }
    }
}
