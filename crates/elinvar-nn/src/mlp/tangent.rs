//! Jacobian products of a network and the gradient of what is built from them.
//!
//! A penalty on the Jacobian J of the network needs a gradient of a gradient. Everything here comes from one identity: `<u, J v>` is
//! the derivative of `<u, net(x)>` along v, so a forward pass that carries the tangent v, followed by one reverse pass through values
//! *and* tangents, gives its gradient with respect to the parameters.

use super::Mlp;
use crate::network::Network;
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use elinvar_core::{Error, Result};
use ndarray::{Array2, ArrayView2, Zip};

/// Values, first and second derivatives of every hidden layer at some inputs.
struct Jets<T> {
    /// Input of each dense layer, the last layer's included.
    inputs: Vec<Array2<T>>,
    slopes: Vec<Array2<T>>,
    curvatures: Vec<Array2<T>>,
}

/// A tangent carried forward.
struct Tangent<T> {
    /// Tangent of the input of each dense layer, the last layer's included.
    inputs: Vec<Array2<T>>,
    /// Tangent of the linear part of each hidden layer.
    linear: Vec<Array2<T>>,
    /// J v, without the residual.
    output: Array2<T>,
}

impl<T: Real> Mlp<T> {
    /// J(x) v, row by row, for inputs x (n, inputs) and tangents v (n, inputs); dropout is off.
    ///
    /// # Errors
    /// When shapes disagree or the network has batch norm.
    pub fn jacobian_vector(&self, x: ArrayView2<'_, T>, v: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_tangent(x, v.dim(), (x.nrows(), self.spec.inputs))?;
        let mut product = self.carry(&self.jets(x), v).output;
        if self.spec.residual {
            product += &v;
        }
        Ok(product)
    }

    /// J(x)ᵀ u, row by row, for inputs x (n, inputs) and cotangents u (n, outputs); dropout is off.
    ///
    /// # Errors
    /// When shapes disagree or the network has batch norm.
    pub fn vector_jacobian(&self, x: ArrayView2<'_, T>, u: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.check_tangent(x, u.dim(), (x.nrows(), self.spec.outputs))?;
        let mut product = self.pull_back(&self.jets(x), u);
        if self.spec.residual {
            product += &u;
        }
        Ok(product)
    }

    /// Adds to `gradient` the gradient of `sum_i <u_i, J(x_i) v_i>` with respect to the parameters, and returns that sum.
    ///
    /// With one output and u = 1 this is the gradient of a functional of the network's own input gradient.
    ///
    /// # Errors
    /// When shapes disagree or the network has batch norm.
    pub fn bilinear_gradient(
        &self,
        x: ArrayView2<'_, T>,
        u: ArrayView2<'_, T>,
        v: ArrayView2<'_, T>,
        gradient: &mut Parameters<T>,
    ) -> Result<T> {
        self.check_tangent(x, v.dim(), (x.nrows(), self.spec.inputs))?;
        self.check_tangent(x, u.dim(), (x.nrows(), self.spec.outputs))?;
        let jets = self.jets(x);
        let tangent = self.carry(&jets, v);
        self.add_bilinear(T::one(), &jets, &tangent, u, gradient);
        let mut value = (&tangent.output * &u).sum();
        if self.spec.residual {
            value += (&v * &u).sum();
        }
        Ok(value)
    }

    /// `mean_i ||J(x_i) v_i - J(x_i)ᵀ v_i||²`: with v of independent entries of mean 0 and variance 1 an unbiased estimate of
    /// `mean_i ||J - Jᵀ||²`, which is 0 when the network is the gradient of a function (Uscidda and Cuturi 2023, section 4).
    ///
    /// Adds `weight` times its gradient with respect to the parameters to `gradient` and returns the value, not weighted. x and v are (n, d).
    ///
    /// # Errors
    /// When the network does not map d columns to d columns, shapes disagree, or the network has batch norm.
    pub fn conservativity_penalty(&self, x: ArrayView2<'_, T>, v: ArrayView2<'_, T>, weight: T, gradient: &mut Parameters<T>) -> Result<T> {
        if self.spec.inputs != self.spec.outputs {
            let widths = format!("{} inputs and {} outputs", self.spec.inputs, self.spec.outputs);
            return Err(Error::model(format!("the conservativity penalty needs as many outputs as inputs, got {widths}")));
        }
        self.check_tangent(x, v.dim(), x.dim())?;
        let jets = self.jets(x);
        let along_v = self.carry(&jets, v);
        let difference = &along_v.output - &self.pull_back(&jets, v);
        let rows = T::of(x.nrows().max(1) as f64);
        let value = difference.iter().map(|&d| d * d).sum::<T>() / rows;
        let factor = T::of(2.0) * weight / rows;
        // d(value) = (2 / n) sum <D, dJ v> - <v, dJ D>.
        let along_difference = self.carry(&jets, difference.view());
        self.add_bilinear(factor, &jets, &along_v, difference.view(), gradient);
        self.add_bilinear(-factor, &jets, &along_difference, v, gradient);
        Ok(value)
    }

    fn check_tangent(&self, x: ArrayView2<'_, T>, got: (usize, usize), expected: (usize, usize)) -> Result<()> {
        self.check_columns(x)?;
        if self.spec.batch_norm {
            return Err(Error::model("Jacobian products need a network without batch norm"));
        }
        if got != expected {
            return Err(Error::input(format!("the tangents must have shape {expected:?}, got {got:?}")));
        }
        Ok(())
    }

    fn jets(&self, x: ArrayView2<'_, T>) -> Jets<T> {
        let mut jets = Jets { inputs: vec![x.as_standard_layout().into_owned()], slopes: Vec::new(), curvatures: Vec::new() };
        for layer in 0..self.spec.hidden.len() {
            let index = self.weight_index(layer);
            let mut slope = product::forward(jets.inputs[layer].view(), self.parameters.matrix(index));
            let (mut values, mut curvature) = (Array2::zeros(slope.raw_dim()), Array2::zeros(slope.raw_dim()));
            self.spec.activation.apply_with_curvature(
                product::contiguous(&mut slope),
                self.parameters.slice(index + 1),
                product::contiguous(&mut values),
                product::contiguous(&mut curvature),
            );
            jets.inputs.push(values);
            jets.slopes.push(slope);
            jets.curvatures.push(curvature);
        }
        jets
    }

    fn carry(&self, jets: &Jets<T>, v: ArrayView2<'_, T>) -> Tangent<T> {
        let mut inputs = vec![v.as_standard_layout().into_owned()];
        let mut linear = Vec::with_capacity(jets.slopes.len());
        for (layer, slope) in jets.slopes.iter().enumerate() {
            let through = product::forward(inputs[layer].view(), self.parameters.matrix(self.weight_index(layer)));
            inputs.push(&through * slope);
            linear.push(through);
        }
        let last = jets.slopes.len();
        let output = product::forward(inputs[last].view(), self.parameters.matrix(self.weight_index(last)));
        Tangent { inputs, linear, output }
    }

    /// Jᵀ u, without the residual.
    fn pull_back(&self, jets: &Jets<T>, u: ArrayView2<'_, T>) -> Array2<T> {
        let last = jets.slopes.len();
        let mut flowing = product::backward(u, self.parameters.matrix(self.weight_index(last)));
        for layer in (0..last).rev() {
            flowing *= &jets.slopes[layer];
            flowing = product::backward(flowing.view(), self.parameters.matrix(self.weight_index(layer)));
        }
        flowing
    }

    /// Adds `factor` times the gradient of `<u, J v>`, v being the carried tangent.
    fn add_bilinear(&self, factor: T, jets: &Jets<T>, tangent: &Tangent<T>, u: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let last = jets.slopes.len();
        let index = self.weight_index(last);
        product::add_weight_gradient(factor, u, tangent.inputs[last].view(), gradient.matrix_mut(index));
        let mut to_tangent = product::backward(u, self.parameters.matrix(index)) * factor;
        let mut to_value = Array2::zeros(to_tangent.raw_dim());
        for layer in (0..last).rev() {
            let index = self.weight_index(layer);
            reverse_activation(&mut to_value, &mut to_tangent, &jets.slopes[layer], &jets.curvatures[layer], &tangent.linear[layer]);
            product::add_weight_gradient(T::one(), to_tangent.view(), tangent.inputs[layer].view(), gradient.matrix_mut(index));
            product::add_weight_gradient(T::one(), to_value.view(), jets.inputs[layer].view(), gradient.matrix_mut(index));
            product::add_row_sum(&to_value, gradient.slice_mut(index + 1));
            if layer > 0 {
                to_tangent = product::backward(to_tangent.view(), self.parameters.matrix(index));
                to_value = product::backward(to_value.view(), self.parameters.matrix(index));
            }
        }
    }
}

/// Reverse step through `h = f(a)`, `t = f'(a) s`: from the gradients by (h, t) to those by (a, s), in place.
pub(crate) fn reverse_activation<T: Real>(
    to_value: &mut Array2<T>,
    to_tangent: &mut Array2<T>,
    slope: &Array2<T>,
    curvature: &Array2<T>,
    linear_tangent: &Array2<T>,
) {
    Zip::from(to_value).and(to_tangent).and(slope).and(curvature).and(linear_tangent).for_each(|value, tangent, &f1, &f2, &s| {
        *value = f1 * *value + f2 * s * *tangent;
        *tangent *= f1;
    });
}
