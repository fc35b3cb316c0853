//! Input-convex networks (Amos, Xu and Kolter 2017) with their input gradient as the main output: transport maps of the minimax
//! baseline of Makkuva et al. (2020).
//!
//! f(x) = w_K . z_K + a_K . x + b_K + 1/2 ||G (x - m)||^2 with z_1 = act(A_0 x + b_0) and z_{k+1} = act(W_k z_k + A_k x + b_k), convex
//! in x while every W_k and w_K is >= 0. The map is grad f. Losses that contain the map need the gradient of a gradient; as in
//! [`crate::mlp`], `<u, grad f(x)>` is the derivative of f along u, so one reverse pass over values and tangents is enough.

#[cfg(test)]
mod tests;

use crate::activation::Activation;
use crate::init::fill_normal;
use crate::mlp::reverse_activation;
use crate::parameters::{NamedArrays, Parameters};
use crate::product;
use crate::real::Real;
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of an input-convex network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IcnnSpec {
    /// Columns of the input, >= 1.
    pub inputs: usize,
    /// Width of each hidden layer, at least one, each >= 1.
    pub hidden: Vec<usize>,
    /// Convex, never falling non-linearity.
    pub activation: Activation,
    /// Standard deviation of the starting weights, > 0; small, so that the quadratic term leads at first.
    pub deviation: f64,
}

/// Starting point of the quadratic and linear terms: the affine map `x -> GᵀG (x - center) + offset`.
///
/// For the Gaussian transport map between samples with means `center` and `offset` let G be any matrix with `GᵀG` equal to the
/// map's matrix, for instance its symmetric root.
#[derive(Clone, Copy, Debug)]
pub struct Quadratic<'a, T> {
    /// G (d, d).
    pub factor: ArrayView2<'a, T>,
    /// m (d): where the quadratic term is 0.
    pub center: ArrayView1<'a, T>,
    /// The image of `center` (d).
    pub offset: ArrayView1<'a, T>,
}

/// A convex potential and its gradient map.
#[derive(Clone, Debug)]
pub struct Icnn<T> {
    spec: IcnnSpec,
    parameters: Parameters<T>,
    center: Parameters<T>,
}

/// Position of the factor G among the parameters.
const FACTOR: usize = 0;

/// Values and derivatives of every hidden layer at some inputs.
struct Jets<T> {
    x: Array2<T>,
    hidden: Vec<Array2<T>>,
    slopes: Vec<Array2<T>>,
    curvatures: Vec<Array2<T>>,
}

impl<T: Real> Icnn<T> {
    /// A network whose map starts near the affine map of `start`.
    ///
    /// # Errors
    /// When the spec has no hidden layer, a width of 0, an activation that is not convex and increasing, a deviation that is not
    /// positive, or `start` has another dimension.
    pub fn new(spec: IcnnSpec, start: Quadratic<'_, T>, stream: &mut Stream) -> Result<Self> {
        let mut network = Self::zeros(spec)?;
        let d = network.spec.inputs;
        if start.factor.dim() != (d, d) || start.center.len() != d || start.offset.len() != d {
            let got = format!("{:?}, {} and {}", start.factor.dim(), start.center.len(), start.offset.len());
            return Err(Error::input(format!("the quadratic start must have a ({d}, {d}) factor and {d} coordinates, got {got}")));
        }
        for layer in 0..=network.spec.hidden.len() {
            let deviation = network.spec.deviation;
            fill_normal(network.parameters.slice_mut(Self::skip(layer)), deviation, stream);
            if layer > 0 {
                fill_normal(network.parameters.slice_mut(Self::through(layer)), deviation, stream);
            }
        }
        let last = Self::skip(network.spec.hidden.len());
        network.parameters.matrix_mut(FACTOR).assign(&start.factor);
        network.parameters.slice_mut(last).iter_mut().zip(start.offset).for_each(|(to, &from)| *to += from);
        network.center.slice_mut(0).iter_mut().zip(start.center).for_each(|(to, &from)| *to = from);
        network.clip();
        Ok(network)
    }

    fn zeros(spec: IcnnSpec) -> Result<Self> {
        if spec.inputs == 0 || spec.hidden.is_empty() || spec.hidden.contains(&0) {
            return Err(Error::parameter("hidden", "a non-empty list of widths >= 1 over at least 1 input", format!("{:?}", spec.hidden)));
        }
        if !spec.activation.is_convex_and_increasing() {
            let got = format!("{:?}", spec.activation).to_lowercase();
            return Err(Error::parameter("activation", "convex and increasing (relu, leaky_relu, elu, softplus)", got));
        }
        if spec.deviation.is_nan() || spec.deviation <= 0.0 {
            return Err(Error::parameter("deviation", "> 0", spec.deviation));
        }
        let d = spec.inputs;
        let mut named = vec![("quadratic.factor".to_owned(), vec![d, d])];
        let widths: Vec<usize> = spec.hidden.iter().copied().chain([1]).collect();
        for (layer, &width) in widths.iter().enumerate() {
            named.push((format!("skip{layer}.weight"), vec![width, d]));
            named.push((format!("layer{layer}.bias"), vec![width]));
            if layer > 0 {
                named.push((format!("layer{layer}.weight"), vec![width, widths[layer - 1]]));
            }
        }
        let center = Parameters::zeros(vec![("quadratic.center".to_owned(), vec![d])]);
        Ok(Self { spec, parameters: Parameters::zeros(named), center })
    }

    /// Position of A_k among the parameters.
    fn skip(layer: usize) -> usize {
        if layer == 0 { 1 } else { 3 * layer }
    }

    /// Position of b_k.
    fn bias(layer: usize) -> usize {
        Self::skip(layer) + 1
    }

    /// Position of W_k, which layer 0 does not have.
    fn through(layer: usize) -> usize {
        Self::skip(layer) + 2
    }

    /// The shape of the network.
    pub fn spec(&self) -> &IcnnSpec {
        &self.spec
    }

    /// All trained numbers; `layer{k}.weight` are those that must stay >= 0.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// The same, to be changed.
    pub fn parameters_mut(&mut self) -> &mut Parameters<T> {
        &mut self.parameters
    }

    /// f(x) of each row of x (n, d).
    ///
    /// # Errors
    /// When x has another number of columns than the network.
    pub fn potential(&self, x: ArrayView2<'_, T>) -> Result<Array1<T>> {
        self.check_columns(x)?;
        Ok(self.value(&self.jets(x)))
    }

    /// grad f(x) of each row of x (n, d).
    ///
    /// # Errors
    /// When x has another number of columns than the network.
    pub fn map(&self, x: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_columns(x)?;
        let jets = self.jets(x);
        let ones = Array2::ones((x.nrows(), 1));
        let last = self.spec.hidden.len();
        let mut map = product::backward(self.centered(&jets.x).view(), self.parameters.matrix(FACTOR));
        let mut flowing = ones;
        for layer in (0..=last).rev() {
            if layer < last {
                flowing *= &jets.slopes[layer];
            }
            map += &product::backward(flowing.view(), self.parameters.matrix(Self::skip(layer)));
            if layer > 0 {
                flowing = product::backward(flowing.view(), self.parameters.matrix(Self::through(layer)));
            }
        }
        Ok(map)
    }

    /// Adds to `gradient` the gradient of `sum_i weights_i f(x_i)` with respect to the parameters, and returns that sum.
    ///
    /// # Errors
    /// When shapes disagree.
    pub fn potential_gradient(&self, x: ArrayView2<'_, T>, weights: ArrayView1<'_, T>, gradient: &mut Parameters<T>) -> Result<T> {
        self.check_columns(x)?;
        if weights.len() != x.nrows() {
            return Err(Error::input(format!("one weight a row is needed, got {} weights for {} rows", weights.len(), x.nrows())));
        }
        let jets = self.jets(x);
        let centered = self.centered(&jets.x);
        let shifted = &jets.x - &ArrayView1::from(self.center.slice(0));
        let mut flowing = weights.to_owned().insert_axis(Axis(1));
        // d/dG of 1/2 w ||G y||^2 is w (G y) yᵀ.
        product::add_weight_gradient(T::one(), (&centered * &flowing).view(), shifted.view(), gradient.matrix_mut(FACTOR));
        for layer in (0..=self.spec.hidden.len()).rev() {
            if let Some(slope) = jets.slopes.get(layer) {
                flowing *= slope;
            }
            self.add_layer_gradient(layer, flowing.view(), jets.x.view(), &jets.hidden, gradient);
            product::add_row_sum(&flowing, gradient.slice_mut(Self::bias(layer)));
            if layer > 0 {
                flowing = product::backward(flowing.view(), self.parameters.matrix(Self::through(layer)));
            }
        }
        Ok(self.value(&jets).iter().zip(weights).map(|(&f, &w)| f * w).sum())
    }

    /// Adds to `gradient` the gradient of `sum_i <u_i, grad f(x_i)>` with respect to the parameters, u (n, d) held fixed.
    ///
    /// For a loss L of the map let u be the gradient of L with respect to the mapped points.
    ///
    /// # Errors
    /// When shapes disagree.
    pub fn map_gradient(&self, x: ArrayView2<'_, T>, u: ArrayView2<'_, T>, gradient: &mut Parameters<T>) -> Result<()> {
        self.check_columns(x)?;
        if u.dim() != x.dim() {
            return Err(Error::input(format!("x and u must have one shape, got {:?} and {:?}", x.dim(), u.dim())));
        }
        let jets = self.jets(x);
        let u = u.as_standard_layout().into_owned();
        let (linear, tangents) = self.carry(&jets, &u);
        self.add_quadratic_map_gradient(&jets.x, &u, gradient);
        let last = self.spec.hidden.len();
        let mut to_tangent = Array2::ones((x.nrows(), 1));
        let mut to_value = Array2::zeros((x.nrows(), 1));
        for layer in (0..=last).rev() {
            if layer < last {
                reverse_activation(&mut to_value, &mut to_tangent, &jets.slopes[layer], &jets.curvatures[layer], &linear[layer]);
            }
            self.add_layer_gradient(layer, to_tangent.view(), u.view(), &tangents, gradient);
            self.add_layer_gradient(layer, to_value.view(), jets.x.view(), &jets.hidden, gradient);
            product::add_row_sum(&to_value, gradient.slice_mut(Self::bias(layer)));
            if layer > 0 {
                to_tangent = product::backward(to_tangent.view(), self.parameters.matrix(Self::through(layer)));
                to_value = product::backward(to_value.view(), self.parameters.matrix(Self::through(layer)));
            }
        }
        Ok(())
    }

    /// d/dG of `<G u, G y>` with y = x - m is `(G u) yᵀ + (G y) uᵀ`.
    fn add_quadratic_map_gradient(&self, x: &Array2<T>, u: &Array2<T>, gradient: &mut Parameters<T>) {
        let shifted = x - &ArrayView1::from(self.center.slice(0));
        let turned = product::forward(u.view(), self.parameters.matrix(FACTOR));
        product::add_weight_gradient(T::one(), turned.view(), shifted.view(), gradient.matrix_mut(FACTOR));
        product::add_weight_gradient(T::one(), self.centered(x).view(), u.view(), gradient.matrix_mut(FACTOR));
    }

    /// Gradients of A_k and W_k from the gradient by the layer's linear part.
    fn add_layer_gradient(
        &self,
        layer: usize,
        flowing: ArrayView2<'_, T>,
        x: ArrayView2<'_, T>,
        hidden: &[Array2<T>],
        gradient: &mut Parameters<T>,
    ) {
        product::add_weight_gradient(T::one(), flowing, x, gradient.matrix_mut(Self::skip(layer)));
        if layer > 0 {
            product::add_weight_gradient(T::one(), flowing, hidden[layer - 1].view(), gradient.matrix_mut(Self::through(layer)));
        }
    }

    /// `sum over W_k of max(0, -w)^2`; adds `weight` times its gradient to `gradient` and returns the value, not weighted.
    pub fn convexity_penalty(&self, weight: T, gradient: &mut Parameters<T>) -> T {
        let mut penalty = T::zero();
        for layer in 1..=self.spec.hidden.len() {
            let place = gradient.slice_mut(Self::through(layer));
            for (sum, &w) in place.iter_mut().zip(self.parameters.slice(Self::through(layer))) {
                if w < T::zero() {
                    penalty += w * w;
                    *sum += T::of(2.0) * weight * w;
                }
            }
        }
        penalty
    }

    /// Sets every negative weight of the W_k to 0, which makes f convex.
    pub fn clip(&mut self) {
        for layer in 1..=self.spec.hidden.len() {
            for w in self.parameters.slice_mut(Self::through(layer)) {
                if *w < T::zero() {
                    *w = T::zero();
                }
            }
        }
    }

    fn check_columns(&self, x: ArrayView2<'_, T>) -> Result<()> {
        if x.ncols() == self.spec.inputs {
            return Ok(());
        }
        Err(Error::input(format!("the potential was made for {} columns, got {}", self.spec.inputs, x.ncols())))
    }

    /// G (x - m).
    fn centered(&self, x: &Array2<T>) -> Array2<T> {
        let shifted = x - &ArrayView1::from(self.center.slice(0));
        product::forward(shifted.view(), self.parameters.matrix(FACTOR))
    }

    fn jets(&self, x: ArrayView2<'_, T>) -> Jets<T> {
        let x = x.as_standard_layout().into_owned();
        let mut jets = Jets { x, hidden: Vec::new(), slopes: Vec::new(), curvatures: Vec::new() };
        for layer in 0..self.spec.hidden.len() {
            let mut slope = self.linear(layer, &jets.x, &jets.hidden);
            let (mut values, mut curvature) = (Array2::zeros(slope.raw_dim()), Array2::zeros(slope.raw_dim()));
            self.spec.activation.apply_with_curvature(
                product::contiguous(&mut slope),
                self.parameters.slice(Self::bias(layer)),
                product::contiguous(&mut values),
                product::contiguous(&mut curvature),
            );
            jets.hidden.push(values);
            jets.slopes.push(slope);
            jets.curvatures.push(curvature);
        }
        jets
    }

    /// A_k x + W_k z_k.
    fn linear(&self, layer: usize, x: &Array2<T>, hidden: &[Array2<T>]) -> Array2<T> {
        let mut linear = product::forward(x.view(), self.parameters.matrix(Self::skip(layer)));
        if layer > 0 {
            linear += &product::forward(hidden[layer - 1].view(), self.parameters.matrix(Self::through(layer)));
        }
        linear
    }

    /// Tangents along u of every hidden layer: of the linear part and of the value.
    fn carry(&self, jets: &Jets<T>, u: &Array2<T>) -> (Vec<Array2<T>>, Vec<Array2<T>>) {
        let (mut linear, mut tangents) = (Vec::new(), Vec::new());
        for (layer, slope) in jets.slopes.iter().enumerate() {
            let through = self.linear(layer, u, &tangents);
            tangents.push(&through * slope);
            linear.push(through);
        }
        (linear, tangents)
    }

    fn value(&self, jets: &Jets<T>) -> Array1<T> {
        let last = self.spec.hidden.len();
        let bias = self.parameters.slice(Self::bias(last))[0];
        let linear = self.linear(last, &jets.x, &jets.hidden);
        let quadratic = self.centered(&jets.x).map_axis(Axis(1), |row| T::of(0.5) * row.iter().map(|&v| v * v).sum::<T>());
        linear.index_axis(Axis(1), 0).mapv(|v| v + bias) + quadratic
    }
}

impl Icnn<f32> {
    /// Trained numbers and the center as named arrays, each name after `prefix`.
    pub fn to_arrays(&self, prefix: &str) -> NamedArrays {
        let mut arrays = self.parameters.to_arrays(prefix);
        arrays.extend(self.center.to_arrays(prefix));
        arrays
    }

    /// The network of this spec with the arrays that [`Self::to_arrays`] gave under the same prefix.
    ///
    /// # Errors
    /// When the spec is refused, or an array is absent or has another shape.
    pub fn from_arrays(spec: IcnnSpec, arrays: &NamedArrays, prefix: &str) -> Result<Self> {
        let mut network = Self::zeros(spec)?;
        network.parameters.load_arrays(arrays, prefix)?;
        network.center.load_arrays(arrays, prefix)?;
        Ok(network)
    }
}
