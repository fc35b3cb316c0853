//! Axes: the range that the data need, ticks at round numbers, and their labels.

use super::label;
use crate::number;
use elinvar_core::reproduction::Axis;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// One axis as plotters needs it: linear or logarithmic, with its ticks chosen beforehand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AxisScale {
    low: f64,
    high: f64,
    log: bool,
    /// Positions have names instead of numbers.
    named: bool,
    ticks: Vec<f64>,
}

impl Ranged for AxisScale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = self.share(*value);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for AxisScale {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

impl AxisScale {
    /// The axis that shows these values. Bars stand on zero, so zero is then part of a linear axis.
    pub(super) fn new(axis: &Axis, values: &[f64], from_zero: bool) -> Self {
        if !axis.categories.is_empty() {
            return Self { low: -0.5, high: axis.categories.len() as f64 - 0.5, log: false, named: true, ticks: Vec::new() };
        }
        let usable = |x: f64| is_usable(x, axis.log);
        let data = extent(values.iter().copied().filter(|&x| usable(x)));
        let wanted = axis.range.filter(|&(low, high)| usable(low) && usable(high));
        let to = |x: f64| if axis.log { x.ln() } else { x };
        let back = |x: f64| if axis.log { x.exp() } else { x };
        let zero = (from_zero && !axis.log).then_some((0.0, 0.0));
        let all = [data, wanted, zero].into_iter().flatten();
        let (low, high) = all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or(if axis.log { (1.0, 10.0) } else { (0.0, 1.0) });
        let (mut a, mut b) = (to(low), to(high));
        let one_value = !(b > a);
        if one_value {
            let around = if axis.log { 1.0 } else { (a.abs() * 0.5).max(0.5) };
            (a, b) = (a - around, b + around);
        }
        // Data get some air; a range that was asked for, and zero under bars, are kept to the point.
        let air = 0.05 * (b - a);
        let asked = |edge: f64| wanted.is_some_and(|(l, h)| l == edge || h == edge) || (zero.is_some() && edge == 0.0);
        let low = if asked(low) && !one_value { low } else { back(a - air) };
        let high = if asked(high) && !one_value { high } else { back(b + air) };
        let mut scale = Self { low, high, log: axis.log, named: false, ticks: Vec::new() };
        if from_zero && axis.log {
            // On a logarithmic axis bars stand on a whole power of ten below the least of them.
            scale.low = 10f64.powf(scale.low.log10().floor());
        }
        scale
    }

    /// Where a value lies, from 0 (low end) to 1 (high end); on a logarithmic axis what is not positive lies at the low end.
    fn share(&self, value: f64) -> f64 {
        if self.log {
            let value = value.max(self.low);
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Whether the axis can show a value.
    pub(super) fn can_show(&self, value: f64) -> bool {
        is_usable(value, self.log)
    }

    /// Where bars and bands begin.
    pub(super) fn floor(&self) -> f64 {
        if self.log { self.low } else { 0.0 }
    }

    /// Both ends.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Widens a linear axis around its middle to a length.
    pub(super) fn widen(&mut self, length: f64) {
        let middle = 0.5 * (self.low + self.high);
        (self.low, self.high) = (middle - 0.5 * length, middle + 0.5 * length);
    }

    /// Chooses the most ticks, up to `most`, whose labels keep apart; `room(label)` is the length that a label takes along the axis.
    pub(super) fn choose_ticks(&mut self, length: f64, most: usize, room: &dyn Fn(&str) -> f64) {
        if self.named {
            return;
        }
        for count in (2..=most).rev() {
            self.ticks = self.candidates(count);
            let taken: Vec<(f64, f64)> = self.ticks.iter().map(|&t| (self.share(t) * length, room(&self.label(t)))).collect();
            let apart = taken.windows(2).all(|w| (w[1].0 - w[0].0).abs() >= 0.5 * (w[0].1 + w[1].1));
            if apart && self.ticks.len() <= most {
                return;
            }
        }
    }

    fn candidates(&self, count: usize) -> Vec<f64> {
        if !self.log {
            return multiples(self.low, self.high, nice_step((self.high - self.low) / count as f64));
        }
        let (first, last) = (self.low.log10(), self.high.log10());
        if last - first < 0.5 {
            return multiples(self.low, self.high, nice_step((self.high - self.low) / count as f64));
        }
        let stride = ((last - first) / count as f64).ceil().max(1.0) as i32;
        let patterns: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let ticks_of = |digits: &[f64]| -> Vec<f64> {
            let powers = (first.floor() as i32..=last.ceil() as i32).filter(|p| p.rem_euclid(stride) == 0);
            let all = powers.flat_map(|p| digits.iter().map(move |d| d * 10f64.powi(p)));
            // A tick at the very end must not be lost to rounding.
            all.filter(|t| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(t)).collect()
        };
        let fits = |ticks: &Vec<f64>| ticks.len() <= count;
        patterns.iter().map(|d| ticks_of(d)).find(fits).unwrap_or_else(|| ticks_of(&[1.0]))
    }

    /// The label of a tick; all ticks of an axis have one form.
    pub(super) fn label(&self, tick: f64) -> String {
        let greatest = self.ticks.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
        let step = self.ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
        if self.log {
            let least = self.ticks.iter().copied().fold(f64::INFINITY, f64::min);
            let power = tick.log10().round();
            let whole = (tick / 10f64.powf(power) - 1.0).abs() < 1e-9;
            if whole && (least < 0.00099 || greatest > 10_001.0) {
                return format!("10{}", format!("{power}").chars().map(number::superscript).collect::<String>());
            }
            return number::typeset(&number::number(tick));
        }
        if greatest >= 1e7 || (step.is_finite() && step < 1e-4) {
            return number::typeset(&number::number(tick));
        }
        let decimals = if step.is_finite() { usize::try_from(-number::exponent(step * 1.000_001)).unwrap_or(0) } else { 2 };
        number::typeset(&number::fixed(tick, decimals))
    }

    /// The widest label, in font sizes.
    pub(super) fn widest_label(&self) -> f64 {
        self.ticks.iter().map(|&t| label::width(&self.label(t))).fold(0.0, f64::max)
    }

    /// The label at the high end, in font sizes.
    pub(super) fn last_label(&self) -> f64 {
        self.ticks.last().map_or(0.0, |&t| label::width(&self.label(t)))
    }
}

/// Numbers that can be drawn; beyond them the arithmetic of an axis would overflow.
fn is_usable(x: f64, log: bool) -> bool {
    x.abs() <= 1e290 && (!log || x >= 1e-290)
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, x| match ends {
        None => Some((x, x)),
        Some((low, high)) => Some((f64::min(low, x), f64::max(high, x))),
    })
}

/// The least of 1, 2, 5 times a power of ten that is not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0];
    digits.into_iter().map(|d| d * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    if !(last >= first) || last - first > 100.0 {
        return Vec::new();
    }
    // Division keeps decimal steps exact where multiplication would give 0.30000000000000004.
    let inverse = (1.0 / step).round();
    let at = |k: f64| if step < 1.0 { k / inverse } else { k * step };
    (0..=(last - first) as usize).map(|i| at(first + i as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64]) -> Vec<String> {
        let mut scale = AxisScale::new(axis, values, false);
        scale.choose_ticks(300.0, 6, &|text| 12.0 * label::width(text));
        scale.ticks.iter().map(|&t| scale.label(t)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Axis::new("").showing(0.0, 1.0), &[]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::new("").showing(-10.0, 10.0), &[]), ["−10", "−5", "0", "5", "10"]);
        assert_eq!(labels(&Axis::new("").showing(0.0, 20_000.0), &[]), ["0", "5000", "10,000", "15,000", "20,000"]);
        assert_eq!(labels(&Axis::new("").showing(0.0, 3e-6), &[]).last().unwrap(), "3 × 10⁻⁶");
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        assert_eq!(labels(&Axis::log("").showing(0.01, 1000.0), &[]), ["0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&Axis::log("").showing(1e-6, 1.0), &[]), ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(labels(&Axis::log("").showing(10.0, 100.0), &[]), ["10", "20", "50", "100"]);
    }

    #[test]
    fn odd_data_still_give_an_axis() {
        for values in [&[][..], &[2.0, 2.0], &[f64::NAN, 1.0], &[f64::INFINITY], &[0.0], &[-1.0, -1.0], &[1e300, -1e300], &[5e-324]] {
            for log in [false, true] {
                let axis = if log { Axis::log("") } else { Axis::new("") };
                let mut scale = AxisScale::new(&axis, values, true);
                scale.choose_ticks(300.0, 6, &|_| 20.0);
                let (low, high) = scale.ends();
                assert!(low < high, "{values:?} log {log}: {low} {high}");
            }
        }
    }
}
