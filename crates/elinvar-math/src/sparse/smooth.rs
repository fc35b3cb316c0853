//! Smooth functions, and the proximal step on `smooth + sum_j t_j |x_j|`.

use super::kernels::dot;
use crate::penalty::soft_threshold;
use elinvar_core::{Error, Result};

/// A smooth function of real numbers.
pub trait Smooth {
    /// Number of arguments.
    fn dimension(&self) -> usize;

    /// The value; writes the gradient.
    ///
    /// # Errors
    /// Those of the function.
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64>;

    /// `d' H d` with the Hessian of the convex part at `x`, to choose a trial step along `d`. `gradient` is the one at `x`.
    ///
    /// Unless the function knows better, it is the difference quotient of two gradients.
    ///
    /// # Errors
    /// Those of the function.
    fn curvature(&mut self, x: &[f64], gradient: &[f64], d: &[f64]) -> Result<f64> {
        let length = dot(d, d).sqrt();
        if length == 0.0 {
            return Ok(0.0);
        }
        let h = 1e-6 * (1.0 + dot(x, x).sqrt()) / length;
        let moved: Vec<f64> = x.iter().zip(d).map(|(x, d)| x + h * d).collect();
        let mut there = vec![0.0; x.len()];
        self.evaluate(&moved, &mut there)?;
        Ok(there.iter().zip(gradient).zip(d).map(|((b, a), d)| (b - a) * d).sum::<f64>() / h)
    }
}

/// A smooth function given by a closure that returns the value and writes the gradient.
pub struct Closure<F> {
    dimension: usize,
    function: F,
}

impl<F: FnMut(&[f64], &mut [f64]) -> Result<f64>> Closure<F> {
    /// A function of `dimension` numbers.
    pub fn new(dimension: usize, function: F) -> Self {
        Self { dimension, function }
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> Result<f64>> Smooth for Closure<F> {
    fn dimension(&self) -> usize {
        self.dimension
    }
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        (self.function)(x, gradient)
    }
}

/// The function in the coordinates `u = x / scale`: a diagonal preconditioner.
pub(super) struct Scaled<'a, S: ?Sized> {
    pub(super) function: &'a mut S,
    pub(super) scale: &'a [f64],
}

impl<S: Smooth + ?Sized> Smooth for Scaled<'_, S> {
    fn dimension(&self) -> usize {
        self.function.dimension()
    }

    fn evaluate(&mut self, u: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let value = self.function.evaluate(&times(u, self.scale), gradient)?;
        gradient.iter_mut().zip(self.scale).for_each(|(g, s)| *g *= s);
        Ok(value)
    }

    fn curvature(&mut self, u: &[f64], gradient: &[f64], d: &[f64]) -> Result<f64> {
        let unscaled: Vec<f64> = gradient.iter().zip(self.scale).map(|(g, s)| g / s).collect();
        self.function.curvature(&times(u, self.scale), &unscaled, &times(d, self.scale))
    }
}

pub(super) fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// How long a proximal step is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// For a gradient with this Lipschitz constant.
    Lipschitz(f64),
    /// Halved from this until the quadratic model majorises the function; for functions whose constant is not known.
    Backtracking(f64),
}

impl Step {
    /// The first step length, with a safety factor below one over the constant.
    pub(super) fn first(self, safety: f64) -> Result<f64> {
        match self {
            Step::Lipschitz(l) if l > 0.0 && l.is_finite() => Ok(safety / l),
            Step::Backtracking(t) if t > 0.0 && t.is_finite() => Ok(t),
            Step::Lipschitz(x) | Step::Backtracking(x) => {
                Err(Error::numeric(format!("a step needs a positive finite Lipschitz constant or first length, got {x}")))
            }
        }
    }
}

/// A point with value and gradient of the smooth part.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

/// The objective `smooth + sum_j weights_j |x_j|`, counting the gradients it computes.
pub(super) struct Composite<'a, S: ?Sized> {
    pub(super) smooth: &'a mut S,
    pub(super) weights: &'a [f64],
    pub(super) gradients: usize,
}

impl<'a, S: Smooth + ?Sized> Composite<'a, S> {
    pub(super) fn new(smooth: &'a mut S, weights: &'a [f64]) -> Result<Self> {
        if smooth.dimension() != weights.len() || weights.iter().any(|w| !(*w >= 0.0)) {
            let message = format!("the l1 part needs {} weights >= 0, got {}", smooth.dimension(), weights.len());
            return Err(Error::input(message));
        }
        Ok(Self { smooth, weights, gradients: 0 })
    }

    pub(super) fn at(&mut self, x: Vec<f64>) -> Result<Point> {
        let mut gradient = vec![0.0; x.len()];
        let value = self.evaluate(&x, &mut gradient)?;
        Ok(Point { x, value, gradient })
    }

    pub(super) fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.gradients += 1;
        self.smooth.evaluate(x, gradient)
    }

    pub(super) fn l1(&self, x: &[f64]) -> f64 {
        x.iter().zip(self.weights).map(|(x, w)| w * x.abs()).sum()
    }

    pub(super) fn objective(&self, point: &Point) -> f64 {
        point.value + self.l1(&point.x)
    }

    /// `target = S(x - t gradient, t weights)`.
    pub(super) fn proximal(&self, x: &[f64], gradient: &[f64], t: f64, target: &mut [f64]) {
        for (((target, x), g), w) in target.iter_mut().zip(x).zip(gradient).zip(self.weights) {
            *target = soft_threshold(x - t * g, t * w);
        }
    }

    /// Whether the quadratic model of step `t` at `from` lies above the smooth part at `x`, whose value is `there`.
    pub(super) fn majorised(&self, from: &Point, x: &[f64], there: f64, t: f64) -> bool {
        let (mut slope, mut square) = (0.0, 0.0);
        for ((x, y), g) in x.iter().zip(&from.x).zip(&from.gradient) {
            slope += g * (x - y);
            square += (x - y) * (x - y);
        }
        // Values that differ by rounding only say nothing.
        there.is_finite() && there <= from.value + slope + square / (2.0 * t) + 1e-14 * from.value.abs().max(there.abs())
    }

    /// The proximal step from a point; with backtracking, `t` is halved until the model majorises.
    pub(super) fn proximal_point(&mut self, from: &Point, t: &mut f64, step: Step) -> Result<Point> {
        const HALVINGS: usize = 60;
        let mut next = vec![0.0; from.x.len()];
        for _ in 0..HALVINGS {
            self.proximal(&from.x, &from.gradient, *t, &mut next);
            let point = self.at(next)?;
            if matches!(step, Step::Lipschitz(_)) || self.majorised(from, &point.x, point.value, *t) {
                return Ok(point);
            }
            next = point.x;
            *t *= 0.5;
        }
        Err(Error::numeric(format!("the line search found no step that lowers the objective after {HALVINGS} halvings"))
            .hint("check that value and gradient belong together and are finite"))
    }
}
