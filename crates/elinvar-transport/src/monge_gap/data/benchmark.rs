//! Mix3toMix10, the continuous Wasserstein-2 benchmark of Korotin et al. (2021): a mixture of three Gaussians and the gradient of a sum of
//! two input-convex networks whose weights the authors published.

use super::{mean_and_scale, normals};
use elinvar_core::{Context, Error, Result, Stream};
use elinvar_math::linalg::product;
use ndarray::{Array1, Array2, Array3, ArrayD, ArrayView2, Axis, Ix1, Ix2, Ix3};
use rand::RngExt;
use rand::seq::SliceRandom;

/// Strong convexity that the published potentials have.
const STRONG_CONVEXITY: f64 = 0.01;
const CENTRES: usize = 3;
const SPREAD: f64 = 0.4;
/// Source points by which the map is standardised.
const STANDARDISE: usize = 1 << 14;

/// An array of a state dictionary with its name.
pub type NamedArray = (String, ArrayD<f32>);

/// A layer that is quadratic and convex in the input: `q(x)_o = sum_r (x . Q_ro)^2 + <w_o, x> + b_o`.
#[derive(Clone, Debug)]
struct QuadraticLayer {
    /// One matrix (d, outputs) for each rank.
    factors: Vec<Array2<f64>>,
    /// (outputs, d).
    weight: Array2<f64>,
    bias: Array1<f64>,
}

impl QuadraticLayer {
    fn value(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut value = product(x, self.weight.t())? + &self.bias;
        for factor in &self.factors {
            value += &product(x, factor.view())?.mapv(|v| v * v);
        }
        Ok(value)
    }

    /// Gradient in x of `<sensitivity, q(x)>`, row by row.
    fn pull_back(&self, x: ArrayView2<'_, f64>, sensitivity: &Array2<f64>) -> Result<Array2<f64>> {
        let mut gradient = product(sensitivity.view(), self.weight.view())?;
        for factor in &self.factors {
            let weighted = product(x, factor.view())? * sensitivity * 2.0;
            gradient += &product(weighted.view(), factor.t())?;
        }
        Ok(gradient)
    }
}

/// A dense input-convex network: `z_0 = q_0(x)`, `z_l = celu(W_l z_{l-1} + q_l(x))`, value `<w, z_L> + 0.005 |x|^2`.
#[derive(Clone, Debug)]
pub struct ConvexPotential {
    quadratic: Vec<QuadraticLayer>,
    convex: Vec<Array2<f64>>,
    last: Array1<f64>,
}

impl ConvexPotential {
    /// Reads the network from a state dictionary with names `quadratic_layers.L.{quadratic_decomposed (d, rank, out), weight (out, d),
    /// bias (out)}`, `convex_layers.L.weight (out, in)` and `final_layer.weight (1, in)`.
    ///
    /// # Errors
    /// An array is missing or has another shape; convexity fails because a weight between layers is negative.
    pub fn from_arrays(arrays: &[NamedArray]) -> Result<Self> {
        let count = (0..).take_while(|l| arrays.iter().any(|(name, _)| *name == format!("quadratic_layers.{l}.weight"))).count();
        if count == 0 {
            return Err(Error::model("the potential has no array 'quadratic_layers.0.weight'"));
        }
        let mut quadratic = Vec::new();
        let mut convex = Vec::new();
        for l in 0..count {
            let decomposed = array::<Ix3>(arrays, &format!("quadratic_layers.{l}.quadratic_decomposed"))?;
            quadratic.push(QuadraticLayer {
                factors: decomposed.axis_iter(Axis(1)).map(|factor| factor.to_owned()).collect(),
                weight: array::<Ix2>(arrays, &format!("quadratic_layers.{l}.weight"))?,
                bias: array::<Ix1>(arrays, &format!("quadratic_layers.{l}.bias"))?,
            });
            if l > 0 {
                convex.push(array::<Ix2>(arrays, &format!("convex_layers.{}.weight", l - 1))?);
            }
        }
        let last = array::<Ix2>(arrays, "final_layer.weight")?;
        if last.nrows() != 1 {
            return Err(Error::model(format!("'final_layer.weight' must have 1 row, got {}", last.nrows())));
        }
        let potential = Self { quadratic, convex, last: last.row(0).to_owned() };
        potential.check()?;
        Ok(potential)
    }

    fn check(&self) -> Result<()> {
        let negative = self.convex.iter().flatten().chain(&self.last).any(|&weight| weight < 0.0);
        if negative {
            return Err(Error::model("the potential is not convex: a weight between its layers is negative"));
        }
        let d = self.dimension();
        let widths: Vec<usize> = self.quadratic.iter().map(|layer| layer.bias.len()).collect();
        let fits = self.quadratic.iter().all(|layer| {
            layer.weight.dim() == (layer.bias.len(), d) && layer.factors.iter().all(|factor| factor.dim() == (d, layer.bias.len()))
        });
        let chained = self.convex.iter().enumerate().all(|(l, weight)| weight.dim() == (widths[l + 1], widths[l]));
        if fits && chained && widths.last() == Some(&self.last.len()) {
            Ok(())
        } else {
            Err(Error::model("the potential's arrays do not fit together"))
        }
    }

    /// Width of the input.
    pub fn dimension(&self) -> usize {
        self.quadratic[0].weight.ncols()
    }

    /// Potential at the rows of `x (n, d)`.
    ///
    /// # Errors
    /// Another width than the network's.
    pub fn value(&self, x: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        let outputs = self.forward(x)?.pop().map(|before| before.mapv(celu)).unwrap_or_default();
        Ok(outputs.dot(&self.last) + x.mapv(|v| v * v).sum_axis(Axis(1)) * (0.5 * STRONG_CONVEXITY))
    }

    /// Inputs of the activations, layer by layer (the first layer has no activation and is not among them).
    fn forward(&self, x: ArrayView2<'_, f64>) -> Result<Vec<Array2<f64>>> {
        let mut inner = self.quadratic[0].value(x)?;
        let mut before = Vec::new();
        for (weight, layer) in self.convex.iter().zip(&self.quadratic[1..]) {
            let sum = product(inner.view(), weight.t())? + layer.value(x)?;
            inner = sum.mapv(celu);
            before.push(sum);
        }
        Ok(before)
    }

    /// Gradient of the potential at the rows of `x (n, d)`: an optimal map for the squared Euclidean cost.
    ///
    /// # Errors
    /// Another width than the network's.
    pub fn gradient(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let before = self.forward(x)?;
        let mut gradient = &x * STRONG_CONVEXITY;
        let mut sensitivity = Array2::ones((x.nrows(), 1)) * &self.last;
        for (l, sum) in before.iter().enumerate().rev() {
            sensitivity *= &sum.mapv(celu_slope);
            gradient += &self.quadratic[l + 1].pull_back(x, &sensitivity)?;
            sensitivity = product(sensitivity.view(), self.convex[l].view())?;
        }
        gradient += &self.quadratic[0].pull_back(x, &sensitivity)?;
        Ok(gradient)
    }
}

fn array<D: ndarray::Dimension>(arrays: &[NamedArray], name: &str) -> Result<ndarray::Array<f64, D>> {
    let (_, values) =
        arrays.iter().find(|(other, _)| other == name).ok_or_else(|| Error::model(format!("the potential has no array '{name}'")))?;
    let shape = values.shape().to_vec();
    let shaped = values.mapv(f64::from).into_dimensionality::<D>();
    shaped.map_err(|_| Error::model(format!("'{name}' has an unexpected number of axes, got shape {shape:?}")))
}

fn celu(v: f64) -> f64 {
    if v > 0.0 { v } else { v.exp_m1() }
}

fn celu_slope(v: f64) -> f64 {
    if v > 0.0 { 1.0 } else { v.exp() }
}

/// The benchmark's source: three Gaussians whose centres have every coordinate a random order of -1, 0, 1, scaled to unit variance.
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    centres: Array2<f64>,
    maps: Vec<Array2<f64>>,
}

impl GaussianMixture {
    /// A mixture in `dimension` features.
    pub fn new(dimension: usize, stream: &mut Stream) -> Self {
        let mut centres = Array2::zeros((CENTRES, dimension));
        for mut column in centres.columns_mut() {
            let mut order = [-1.0, 0.0, 1.0];
            order.shuffle(stream);
            column.iter_mut().zip(order).for_each(|(out, value)| *out = value);
        }
        let square: f64 = centres.iter().map(|c: &f64| c * c).sum::<f64>() / CENTRES as f64;
        let scale = ((square + SPREAD * SPREAD * dimension as f64) / dimension as f64).sqrt();
        let map = |stream: &mut Stream| {
            let mut map = normals(dimension, dimension, stream);
            for mut row in map.rows_mut() {
                let norm = row.dot(&row).sqrt();
                row *= SPREAD / (norm * scale);
            }
            map
        };
        Self { centres: centres / scale, maps: (0..CENTRES).map(|_| map(stream)).collect() }
    }

    /// The mixture with these centres (3, d) and maps (3, d, d): `x = centre_k + map_k z`.
    ///
    /// # Errors
    /// The shapes do not fit together.
    pub fn from_parts(centres: Array2<f64>, maps: Array3<f64>) -> Result<Self> {
        let (count, dimension) = centres.dim();
        if count != CENTRES || maps.dim() != (CENTRES, dimension, dimension) {
            let got = format!("{:?} and {:?}", centres.dim(), maps.dim());
            return Err(Error::model(format!("a mixture must have centres ({CENTRES}, d) and maps ({CENTRES}, d, d), got {got}")));
        }
        Ok(Self { centres, maps: maps.axis_iter(Axis(0)).map(|map| map.to_owned()).collect() })
    }

    /// `count` points.
    pub fn sample(&self, count: usize, stream: &mut Stream) -> Array2<f64> {
        let mut points = normals(count, self.centres.ncols(), stream);
        for mut point in points.rows_mut() {
            let k = stream.random_range(0..CENTRES);
            let moved = self.maps[k].dot(&point) + self.centres.row(k);
            point.assign(&moved);
        }
        points
    }
}

/// Source and optimal map of the benchmark.
#[derive(Clone, Debug)]
pub struct MixtureBenchmark {
    source: GaussianMixture,
    potentials: [ConvexPotential; 2],
    mean: Array1<f64>,
    scale: f64,
}

impl MixtureBenchmark {
    /// The published benchmark from the arrays of one converted file: the two potentials under `v1.` and `v2.`, the source under
    /// `source.centres` and `source.maps`.
    ///
    /// # Errors
    /// An array is missing or does not fit the others.
    pub fn from_arrays(arrays: &[NamedArray], context: &Context) -> Result<Self> {
        let part = |prefix: &str| -> Vec<NamedArray> {
            let stripped = |(name, array): &NamedArray| name.strip_prefix(prefix).map(|rest| (rest.to_owned(), array.clone()));
            arrays.iter().filter_map(stripped).collect()
        };
        let potentials = [ConvexPotential::from_arrays(&part("v1."))?, ConvexPotential::from_arrays(&part("v2."))?];
        let source = GaussianMixture::from_parts(array::<Ix2>(arrays, "source.centres")?, array::<Ix3>(arrays, "source.maps")?)?;
        Self::with_source(source, potentials, context)
    }

    /// The map of two potentials over a mixture that is drawn from this context's seed.
    ///
    /// # Errors
    /// The potentials differ in width.
    pub fn new(potentials: [ConvexPotential; 2], context: &Context) -> Result<Self> {
        let dimension = potentials[0].dimension();
        let source = GaussianMixture::new(dimension, &mut context.stream(&[("mix3", dimension as u64)]));
        Self::with_source(source, potentials, context)
    }

    /// The map is the gradient of the potentials' sum, shifted and scaled so that 2^14 images have mean 0 and mean variance 1.
    ///
    /// # Errors
    /// Source and potentials differ in width.
    pub fn with_source(source: GaussianMixture, potentials: [ConvexPotential; 2], context: &Context) -> Result<Self> {
        let dimension = source.centres.ncols();
        if let Some(other) = potentials.iter().map(ConvexPotential::dimension).find(|&other| other != dimension) {
            return Err(Error::model(format!("source and potentials must have one width, got {dimension} and {other}")));
        }
        let points = source.sample(STANDARDISE, &mut context.stream(&[("mix3-standardise", dimension as u64)]));
        let mut benchmark = Self { source, potentials, mean: Array1::zeros(dimension), scale: 1.0 };
        (benchmark.mean, benchmark.scale) = mean_and_scale(&benchmark.transport(points.view())?);
        Ok(benchmark)
    }

    /// `count` source points; another `part` gives independent ones.
    pub fn source(&self, count: usize, part: u64, context: &Context) -> Array2<f64> {
        self.source.sample(count, &mut context.stream(&[("mix3-source", part)]))
    }

    /// The optimal map at the rows of `points (n, d)`.
    ///
    /// # Errors
    /// Another width than the benchmark's.
    pub fn transport(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let sum = self.potentials[0].gradient(points)? + self.potentials[1].gradient(points)?;
        Ok((sum - &self.mean) / self.scale)
    }
}
