//! The maps that the method is compared with: input-convex minimax networks, the entropic map, the Gaussian map and the identity.

#[cfg(test)]
mod tests;

use super::model::{TransportMap, widen};
use elinvar_core::{Context, Error, Result, check_finite};
use elinvar_math::linalg::{mean_and_covariance, spd_sqrt};
pub use elinvar_math::transport::{AffineMap, EntropicMap, gaussian_map};
use elinvar_nn::{Activation, Icnn, IcnnSpec, Optimiser, OptimiserState, Parameters, Quadratic};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;

/// Anything that takes points to points.
pub trait PointMap {
    /// The images of the rows of `points (n, d)`.
    ///
    /// # Errors
    /// Another width than the map's, or non-finite points.
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>>;
}

/// `x -> x`.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl PointMap for Identity {
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(points.to_owned())
    }
}

impl PointMap for AffineMap {
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.transport(points)
    }
}

impl PointMap for EntropicMap<f64> {
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.transport(points)
    }
}

impl PointMap for TransportMap {
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(widen(self.transport(points.mapv(|v| v as f32).view())?.view()))
    }
}

impl PointMap for MinimaxMap {
    fn images(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(widen(self.forward.map(points.mapv(|v| v as f32).view())?.view()))
    }
}

/// The minimax problem of Makkuva et al. (2020) for the squared Euclidean cost:
/// `max_f min_g  E_mu [f(grad g(x)) - <x, grad g(x)>] - E_nu f(y)` over convex f and g; the map is `grad g`.
///
/// The defaults are the published ones of the single-cell research code; only `steps`, 100 000 there, is left to the caller's patience.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimax {
    /// Widths of the hidden layers of both networks.
    pub hidden: Vec<usize>,
    /// Their non-linearity, convex and never falling.
    pub activation: Activation,
    /// Standard deviation of the starting weights.
    pub deviation: f64,
    /// Rows by whose moments the networks start as Gaussian maps.
    pub moment_rows: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Steps of f.
    pub steps: usize,
    /// Steps of g for one of f.
    pub inner_steps: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Memory of Adam's mean gradient.
    pub beta1: f64,
    /// Memory of Adam's mean squared gradient.
    pub beta2: f64,
    /// Weight of `sum max(0, -w)²` over the weights of g that convexity needs positive.
    pub penalty: f64,
}

impl Default for Minimax {
    fn default() -> Self {
        Self {
            hidden: vec![128, 128, 64, 64],
            activation: Activation::LeakyRelu,
            deviation: 1e-3,
            moment_rows: 2048,
            batch_size: 256,
            steps: 100_000,
            inner_steps: 10,
            learning_rate: 1e-4,
            beta1: 0.5,
            beta2: 0.9,
            penalty: 1.0,
        }
    }
}

/// A pair of potentials whose gradients map the source to the target and back.
#[derive(Clone, Debug)]
pub struct MinimaxMap {
    /// g, with the map `grad g` from source to target.
    pub forward: Icnn<f32>,
    /// f, with the map `grad f` from target to source.
    pub backward: Icnn<f32>,
}

/// A network with its optimiser and room for its gradient.
struct Player {
    network: Icnn<f32>,
    optimiser: OptimiserState,
    gradient: Parameters<f32>,
}

impl Player {
    fn new(network: Icnn<f32>, settings: &Minimax) -> Result<Self> {
        let adam = Optimiser::Adam { beta1: settings.beta1, beta2: settings.beta2, epsilon: 1e-8, weight_decay: 0.0 };
        let optimiser = OptimiserState::new(adam, network.parameters().values().len())?;
        let gradient = network.parameters().zeros_like();
        Ok(Self { network, optimiser, gradient })
    }

    /// One step down the gradient, which is empty afterwards.
    fn step(&mut self, rate: f64) {
        self.optimiser.update(self.network.parameters_mut().values_mut(), self.gradient.values(), &[], rate);
        self.gradient.values_mut().fill(0.0);
    }
}

impl Minimax {
    /// Learns a map from `source (n, d)` to `target (m, d)`.
    ///
    /// # Errors
    /// Different widths, non-finite values, a sample whose covariance is singular, or a loss that leaves the finite numbers.
    pub fn fit(&self, source: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>, ctx: &mut Context) -> Result<MinimaxMap> {
        self.check(source, target)?;
        let MinimaxMap { forward, backward } = self.start(source, target, ctx)?;
        let (mut g, mut f) = (Player::new(forward, self)?, Player::new(backward, self)?);
        for step in 0..self.steps {
            for inner in 0..self.inner_steps {
                let x = self.draw(source, "minimax-source", step * self.inner_steps + inner, ctx);
                self.step_forward(&mut g, &f.network, x.view())?;
            }
            let x = self.draw(source, "minimax-check", step, ctx);
            let y = self.draw(target, "minimax-target", step, ctx);
            let value = self.step_backward(&mut f, &g.network, x.view(), y.view())?;
            ctx.tick(step as u64 + 1, self.steps as u64, &[("loss", value)])?;
        }
        Ok(MinimaxMap { forward: g.network, backward: f.network })
    }

    fn check(&self, source: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>) -> Result<()> {
        if source.ncols() != target.ncols() {
            return Err(Error::input(format!("X has {} features, Y has {}", source.ncols(), target.ncols())));
        }
        for (name, count) in [("batch_size", self.batch_size), ("moment_rows", self.moment_rows)] {
            if count < 2 {
                return Err(Error::parameter(name, ">= 2", count));
            }
        }
        check_finite("X", source)?;
        check_finite("Y", target)
    }

    /// Both networks before the first step: the Gaussian maps between the moments of some rows, nearly.
    ///
    /// # Errors
    /// As for [`Minimax::fit`].
    pub fn start(&self, source: ArrayView2<'_, f32>, target: ArrayView2<'_, f32>, ctx: &Context) -> Result<MinimaxMap> {
        let (x, y) = (self.moment_sample(source), self.moment_sample(target));
        Ok(MinimaxMap {
            forward: self.gaussian_start(x.view(), y.view(), "minimax-forward", ctx)?,
            backward: self.gaussian_start(y.view(), x.view(), "minimax-backward", ctx)?,
        })
    }

    /// Evenly spread rows, so that ordered data are no trap.
    fn moment_sample(&self, points: ArrayView2<'_, f32>) -> Array2<f64> {
        let rows = self.moment_rows.min(points.nrows());
        let picked: Vec<usize> = (0..rows).map(|i| i * points.nrows() / rows).collect();
        widen(points.select(Axis(0), &picked).view())
    }

    fn gaussian_start(&self, x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, name: &str, ctx: &Context) -> Result<Icnn<f32>> {
        let affine = gaussian_map(x, y)?;
        let (mean, _) = mean_and_covariance(x)?;
        let image = affine.transport(mean.view().insert_axis(Axis(0)))?;
        // The product of symmetric factors is symmetric only up to rounding, and the root asks for symmetry.
        let symmetric = (&affine.matrix + &affine.matrix.t()) * 0.5;
        let factor = spd_sqrt(symmetric.view())?.mapv(|v| v as f32);
        let (center, offset) = (mean.mapv(|v| v as f32), image.row(0).mapv(|v| v as f32));
        let spec = IcnnSpec { inputs: x.ncols(), hidden: self.hidden.clone(), activation: self.activation, deviation: self.deviation };
        let start = Quadratic { factor: factor.view(), center: center.view(), offset: offset.view() };
        Icnn::new(spec, start, &mut ctx.stream(&[(name, 0)]))
    }

    fn draw(&self, points: ArrayView2<'_, f32>, name: &str, step: usize, ctx: &Context) -> Array2<f32> {
        let mut random = ctx.stream(&[(name, step as u64)]);
        let rows: Vec<usize> = (0..self.batch_size.min(points.nrows())).map(|_| random.random_range(0..points.nrows())).collect();
        points.select(Axis(0), &rows)
    }

    /// g goes down `E_mu [f(grad g(x)) - <x, grad g(x)>]`, whose gradient in the image T(x) is `grad f(T(x)) - x`.
    fn step_forward(&self, g: &mut Player, f: &Icnn<f32>, x: ArrayView2<'_, f32>) -> Result<()> {
        let mapped = g.network.map(x)?;
        let pull = (f.map(mapped.view())? - x) / x.nrows() as f32;
        g.network.map_gradient(x, pull.view(), &mut g.gradient)?;
        g.network.convexity_penalty(self.penalty as f32, &mut g.gradient);
        g.step(self.learning_rate);
        Ok(())
    }

    /// f goes down `E_nu f(y) - E_mu f(grad g(x))`, and its weights that convexity needs positive are clipped; returns the value.
    fn step_backward(&self, f: &mut Player, g: &Icnn<f32>, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> Result<f64> {
        let mapped = g.map(x)?;
        let points = concatenate(Axis(0), &[y, mapped.view()]).map_err(|e| Error::internal(e.to_string()))?;
        let (plus, minus) = (1.0 / y.nrows() as f32, -1.0 / x.nrows() as f32);
        let weights = Array1::from_shape_fn(points.nrows(), |i| if i < y.nrows() { plus } else { minus });
        let value = f.network.potential_gradient(points.view(), weights.view(), &mut f.gradient)?;
        f.step(self.learning_rate);
        f.network.clip();
        Ok(f64::from(value))
    }
}
