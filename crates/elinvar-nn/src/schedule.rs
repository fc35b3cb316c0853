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
}

impl Schedule {
    /// Learning rate of `step`, counted from 0, in a run of `steps`.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Cosine { rate, final_fraction } => {
                let share = step as f64 / steps.max(1) as f64;
                rate * (final_fraction + (1.0 - final_fraction) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos()))
            }
        }
    }

    /// Refuses a rate that is not positive and a final share outside [0, 1].
    pub(crate) fn check(&self) -> Result<()> {
        let (rate, share) = match *self {
            Self::Constant { rate } => (rate, 1.0),
            Self::Cosine { rate, final_fraction } => (rate, final_fraction),
        };
        if !rate.is_finite() || rate <= 0.0 {
            return Err(Error::parameter("learning_rate", "a finite number > 0", rate));
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::parameter("final_fraction", "in [0, 1]", share));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
