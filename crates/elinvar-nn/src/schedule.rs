//! The learning rate as a function of the step.

use elinvar_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Learning rate by step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same rate at every step.
    Constant {
        /// Learning rate, > 0.
        rate: f64,
    },
    /// Half a cosine from `rate` at the first step to `final_fraction * rate` after the last (Loshchilov and Hutter 2017).
    Cosine {
        /// Learning rate at the start, > 0.
        rate: f64,
        /// Share of the rate that is left at the end, in [0, 1].
        final_fraction: f64,
    },
    /// In a straight line up to `rate`, then half a cosine down to 0 after the last step.
    WarmCosine {
        /// Learning rate at the top, > 0.
        rate: f64,
        /// Share of the steps on the way up, in [0, 1).
        warm_up: f64,
    },
}

impl Schedule {
    /// Learning rate of `step`, counted from 0, in a run of `steps`.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Cosine { rate, final_fraction } => {
                rate * (final_fraction + (1.0 - final_fraction) * half_cosine(step as f64 / steps.max(1) as f64))
            }
            Self::WarmCosine { rate, warm_up } => {
                let (top, step) = ((warm_up * steps as f64).round(), step as f64);
                if step < top { rate * (step + 1.0) / top } else { rate * half_cosine((step - top) / (steps as f64 - top).max(1.0)) }
            }
        }
    }

    /// Refuses a rate that is not positive and a final share outside [0, 1].
    pub(crate) fn check(&self) -> Result<()> {
        let (rate, share) = match *self {
            Self::Constant { rate } => (rate, 1.0),
            Self::Cosine { rate, final_fraction } => (rate, final_fraction),
            Self::WarmCosine { rate, .. } => (rate, 0.0),
        };
        if !rate.is_finite() || rate <= 0.0 {
            return Err(Error::parameter("learning_rate", "a finite number > 0", rate));
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::parameter("final_fraction", "in [0, 1]", share));
        }
        if let Self::WarmCosine { warm_up, .. } = *self
            && !(0.0..1.0).contains(&warm_up)
        {
            return Err(Error::parameter("warm_up", "in [0, 1)", warm_up));
        }
        Ok(())
    }
}

/// From 1 at 0 down to 0 at 1.
fn half_cosine(share: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_ends_at_the_top() {
        let schedule = Schedule::WarmCosine { rate: 2.0, warm_up: 0.1 };
        let rates: Vec<f64> = (0..100).map(|step| schedule.rate(step, 100)).collect();
        assert!((rates[0] - 0.2).abs() < 1e-12 && rates[9] == 2.0 && rates[10] == 2.0, "{rates:?}");
        assert!(rates[..10].is_sorted() && rates[10..].is_sorted_by(|a, b| a > b) && rates[99] < 1e-3);
        assert_eq!(Schedule::WarmCosine { rate: 2.0, warm_up: 0.0 }.rate(0, 10), 2.0);
        assert!(Schedule::WarmCosine { rate: 2.0, warm_up: 1.0 }.check().is_err());
    }

    #[test]
    fn cosine_falls_from_rate_to_the_final_share() {
        let schedule = Schedule::Cosine { rate: 2.0, final_fraction: 0.1 };
        assert_eq!(schedule.rate(0, 100), 2.0);
        assert!((schedule.rate(50, 100) - 1.1).abs() < 1e-12);
        assert!((schedule.rate(100, 100) - 0.2).abs() < 1e-12);
        assert_eq!(Schedule::Constant { rate: 0.3 }.rate(7, 9), 0.3);
    }

    #[test]
    fn bad_rates_are_refused() {
        assert!(Schedule::Constant { rate: f64::NAN }.check().is_err());
        assert!(Schedule::Constant { rate: 0.0 }.check().is_err());
        let error = Schedule::Cosine { rate: 1.0, final_fraction: 1.5 }.check().unwrap_err();
        assert_eq!(error.to_string(), "parameter 'final_fraction' must be in [0, 1], got 1.5");
    }
}
