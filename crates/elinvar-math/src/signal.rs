//! Digital filters: Butterworth band-pass without phase shift.
//!
//! The design follows Oppenheim and Schafer, "Discrete-time signal processing": analogue low-pass prototype, band-pass transform,
//! bilinear transform with prewarped edges, second-order sections. The filter runs forwards and backwards over an odd extension of the
//! signal, each pass started in the steady state of its first sample.

use elinvar_core::{Context, Error, Result};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayView3, Axis};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Complex {
    re: f64,
    im: f64,
}

impl Complex {
    fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }
    fn plus(self, o: Self) -> Self {
        Self::new(self.re + o.re, self.im + o.im)
    }
    fn minus(self, o: Self) -> Self {
        Self::new(self.re - o.re, self.im - o.im)
    }
    fn times(self, o: Self) -> Self {
        Self::new(self.re * o.re - self.im * o.im, self.re * o.im + self.im * o.re)
    }
    fn scaled(self, factor: f64) -> Self {
        Self::new(self.re * factor, self.im * factor)
    }
    fn over(self, o: Self) -> Self {
        let norm = o.re * o.re + o.im * o.im;
        self.times(Self::new(o.re / norm, -o.im / norm))
    }
    fn sqrt(self) -> Self {
        let modulus = self.re.hypot(self.im);
        let re = ((modulus + self.re) / 2.0).max(0.0).sqrt();
        let im = ((modulus - self.re) / 2.0).max(0.0).sqrt();
        Self::new(re, if self.im < 0.0 { -im } else { im })
    }
}

/// A section `(b0 + b1 z^-1 + b2 z^-2) / (1 + a1 z^-1 + a2 z^-2)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Numerator.
    pub b: [f64; 3],
    /// Denominator without its leading 1.
    pub a: [f64; 2],
}

impl Section {
    /// State of a constant input of 1, in transposed direct form II.
    fn steady_state(&self) -> [f64; 2] {
        let [b0, b1, b2] = self.b;
        let [a1, a2] = self.a;
        let gain = (b0 + b1 + b2) / (1.0 + a1 + a2);
        let second = b2 - a2 * gain;
        [b1 - a1 * gain + second, second]
    }

    fn gain(&self) -> f64 {
        self.b.iter().sum::<f64>() / (1.0 + self.a.iter().sum::<f64>())
    }
}

/// A band-pass filter as second-order sections.
#[derive(Clone, Debug, PartialEq)]
pub struct BandPass {
    sections: Vec<Section>,
}

impl BandPass {
    /// Butterworth band-pass of the order of its low-pass prototype, from `low` to `high` Hz at the sampling rate `sfreq`.
    ///
    /// # Errors
    /// An order of 0, or edges that do not obey `0 < low < high < sfreq / 2`.
    pub fn butterworth(order: usize, low: f64, high: f64, sfreq: f64) -> Result<Self> {
        if !(sfreq > 0.0 && sfreq.is_finite()) {
            return Err(Error::input(format!("a sampling rate must be > 0 Hz, got {sfreq}")));
        }
        if order == 0 || !(low > 0.0 && low < high && high < sfreq / 2.0) {
            let message = format!("a band must have 0 < low < high < {} Hz (half the sampling rate), got {low} and {high}", sfreq / 2.0);
            return Err(Error::input(message));
        }
        let warp = |frequency: f64| 2.0 * (std::f64::consts::PI * frequency / sfreq).tan();
        let (low, high) = (warp(low), warp(high));
        let (width, centre) = (high - low, (low * high).sqrt());
        // Poles of the prototype in the upper half plane; the one on the real axis gives a pair of its own.
        let mut sections = Vec::with_capacity(order);
        for k in 0..order.div_ceil(2) {
            let angle = std::f64::consts::PI * (2 * k + 1 + order) as f64 / (2 * order) as f64;
            let half = Complex::new(angle.cos(), angle.sin()).scaled(width / 2.0);
            let root = half.times(half).minus(Complex::new(centre * centre, 0.0)).sqrt();
            let pair = [half.plus(root), half.minus(root)];
            match 2 * k + 1 == order {
                true => sections.push(from_poles(pair[0], pair[1])),
                false => sections.extend(pair.map(|pole| from_poles(pole, Complex::new(pole.re, -pole.im)))),
            }
        }
        let mut filter = Self { sections };
        filter.normalise(2.0 * (centre / 2.0).atan());
        Ok(filter)
    }

    /// The sections.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Gain 1 at the centre of the band, `omega` radians a sample.
    fn normalise(&mut self, omega: f64) {
        for section in &mut self.sections {
            let z = Complex::new(omega.cos(), -omega.sin());
            let z2 = z.times(z);
            let [b0, b1, b2] = section.b;
            let [a1, a2] = section.a;
            let top = Complex::new(b0, 0.0).plus(z.scaled(b1)).plus(z2.scaled(b2));
            let bottom = Complex::new(1.0, 0.0).plus(z.scaled(a1)).plus(z2.scaled(a2));
            let response = top.over(bottom);
            let modulus = response.re.hypot(response.im);
            section.b = section.b.map(|b| b / modulus);
        }
    }

    /// Samples that the signal is extended by at each end.
    pub fn extension(&self) -> usize {
        3 * (2 * self.sections.len() + 1)
    }

    /// Filters one signal forwards and backwards in place.
    ///
    /// # Errors
    /// A signal that is not longer than the extension.
    pub fn filter(&self, signal: &mut [f64]) -> Result<()> {
        let (n, edge) = (signal.len(), self.extension());
        if n <= edge {
            return Err(Error::input(format!("a band-pass of this order needs more than {edge} samples, got {n}"))
                .hint("filter the whole recording before it is cut into epochs"));
        }
        let mut extended = Vec::with_capacity(n + 2 * edge);
        extended.extend((1..=edge).rev().map(|i| 2.0 * signal[0] - signal[i]));
        extended.extend_from_slice(signal);
        extended.extend((1..=edge).map(|i| 2.0 * signal[n - 1] - signal[n - 1 - i]));
        self.pass(&mut extended);
        extended.reverse();
        self.pass(&mut extended);
        extended.reverse();
        signal.copy_from_slice(&extended[edge..edge + n]);
        Ok(())
    }

    /// One causal pass, started in the steady state of the first sample.
    fn pass(&self, signal: &mut [f64]) {
        let mut level = signal.first().copied().unwrap_or(0.0);
        for section in &self.sections {
            let [mut s1, mut s2] = section.steady_state().map(|state| state * level);
            level *= section.gain();
            for value in signal.iter_mut() {
                let x = *value;
                let y = section.b[0] * x + s1;
                s1 = section.b[1] * x - section.a[0] * y + s2;
                s2 = section.b[2] * x - section.a[1] * y;
                *value = y;
            }
        }
    }

    /// Filters every channel of epochs (n, channels, samples).
    ///
    /// # Errors
    /// Epochs that are not longer than the extension.
    pub fn filter_epochs(&self, epochs: ArrayView3<'_, f64>, ctx: &Context) -> Result<Array3<f64>> {
        let mut filtered = epochs.as_standard_layout().into_owned();
        let all = || {
            filtered.axis_iter_mut(Axis(0)).into_par_iter().try_for_each(|mut epoch| {
                ctx.check()?;
                for mut channel in epoch.outer_iter_mut() {
                    self.filter(channel.as_slice_mut().ok_or_else(|| Error::internal("epochs are not row-major"))?)?;
                }
                Ok::<(), Error>(())
            })
        };
        ctx.install(all)?;
        Ok(filtered)
    }
}

/// The digital section of two analogue poles (conjugate, or both real) with one zero at 0 and one at infinity.
fn from_poles(first: Complex, second: Complex) -> Section {
    // z = (2 + s) / (2 - s), in units of the sampling interval.
    let two = Complex::new(2.0, 0.0);
    let digital = |pole: Complex| two.plus(pole).over(two.minus(pole));
    let (p, q) = (digital(first), digital(second));
    Section { b: [1.0, 0.0, -1.0], a: [-(p.re + q.re), p.times(q).re] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{reference, vector};

    #[test]
    fn agrees_with_scipy() {
        for case in reference()["bandpass"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let filter = BandPass::butterworth(number("order") as usize, number("low"), number("high"), number("sfreq")).unwrap();
            let mut signal = vector(&case["signal"]).to_vec();
            filter.filter(&mut signal).unwrap();
            for (a, b) in signal.iter().zip(&vector(&case["filtered"])) {
                assert!((a - b).abs() < 1e-9, "{a} against {b}");
            }
        }
    }

    #[test]
    fn passes_the_band_without_shift_and_stops_the_rest() {
        let filter = BandPass::butterworth(4, 8.0, 35.0, 250.0).unwrap();
        let sine = |frequency: f64| (0..2000).map(|t| (std::f64::consts::TAU * frequency * f64::from(t) / 250.0).sin()).collect::<Vec<_>>();
        let worst = |frequency: f64, target: f64| {
            let mut signal = sine(frequency);
            filter.filter(&mut signal).unwrap();
            let inside = 500..1500;
            signal[inside.clone()].iter().zip(&sine(frequency)[inside]).map(|(y, x)| (y - target * x).abs()).fold(0.0, f64::max)
        };
        assert!(worst(17.0, 1.0) < 1e-3, "{}", worst(17.0, 1.0));
        assert!(worst(1.0, 0.0) < 1e-4 && worst(100.0, 0.0) < 1e-4);
    }

    #[test]
    fn bands_and_lengths_are_checked() {
        let error = |low, high| BandPass::butterworth(4, low, high, 250.0).unwrap_err().to_string();
        assert_eq!(error(8.0, 125.0), "a band must have 0 < low < high < 125 Hz (half the sampling rate), got 8 and 125");
        assert!(error(35.0, 8.0).contains("got 35 and 8") && error(f64::NAN, 8.0).contains("NaN"));
        let filter = BandPass::butterworth(4, 8.0, 35.0, 250.0).unwrap();
        assert!(filter.filter(&mut [0.0; 27]).unwrap_err().to_string().contains("needs more than 27 samples, got 27"));
    }
}
