//! The paper's generators.

use elinvar_core::Context;
use elinvar_core::ndarray::Array1;
use rand_distr::{Distribution, StandardNormal};

/// `n` standard normal values.
pub fn normal(n: usize, ctx: &Context) -> Array1<f64> {
    let mut stream = ctx.stream(&[("normal", 0)]);
    Array1::from_shape_simple_fn(n, || StandardNormal.sample(&mut stream))
}
