//! The distance of two recurrent weight matrices up to the order of their units: a quadratic assignment.
//!
//! Frank and Wolfe's method on doubly stochastic matrices (FAQ; Vogelstein et al. 2015) from several starts, each projected and then
//! improved by swaps of two units whose gain costs O(n).

use super::alignment::{Spectra, norm};
use elinvar_core::{Context, Error, Result, Stream};
use elinvar_math::linalg::product_into;
use elinvar_math::simd::dispatch;
use elinvar_math::transport::assignment;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rand::RngExt;
use rand::seq::SliceRandom;

/// Where the best order of units was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// Unit of the second network for each unit of the first.
    pub permutation: Vec<usize>,
    /// `|W1 - Pᵀ W2 P|`.
    pub distance: f64,
    /// A distance that no order of units goes below.
    pub least_distance: f64,
    /// `|W1|` and `|W2|`.
    pub norms: (f64, f64),
    /// Units.
    pub units: usize,
}

impl Matching {
    /// The distance a parameter, `|W1 - Pᵀ W2 P| / n²` (n the number of units).
    pub fn per_parameter(&self) -> f64 {
        self.distance / (self.units * self.units) as f64
    }

    /// The distance on the scale of the weights, `|W1 - Pᵀ W2 P| / sqrt(|W1| |W2|)`; 0 of two networks without weights.
    pub fn scale_free(&self) -> f64 {
        let scale = (self.norms.0 * self.norms.1).sqrt();
        if scale > 0.0 { self.distance / scale } else { 0.0 }
    }
}

/// Steps of a start.
const STEPS: usize = 30;
/// Gain of a step, relative to the greatest possible value, at which a start is left.
const GAIN: f64 = 1e-7;

/// Units up to which every order is tried.
const FEW: usize = 7;

/// Recurrent weights of one network, gate by gate, and all that its matchings share.
pub(crate) struct Weights {
    /// One matrix (n, n) a gate.
    gates: Vec<Array2<f64>>,
    spectra: Vec<Spectra>,
    /// Frobenius norm of all gates.
    norm: f64,
}

impl Weights {
    /// Of weights (n, n), or (gates * n, n) of a gated cell.
    ///
    /// # Errors
    /// A number of rows that is no multiple of the columns, or an eigenvalue iteration that fails.
    pub(crate) fn of(weights: ArrayView2<'_, f64>) -> Result<Self> {
        let (rows, n) = weights.dim();
        if n == 0 || rows == 0 || !rows.is_multiple_of(n) {
            let message =
                format!("recurrent weights must be square, or one square a gate below each other, got {rows} rows and {n} columns");
            return Err(Error::input(message));
        }
        let gate = |g: usize| weights.slice_axis(Axis(0), Slice::from(g * n..(g + 1) * n)).to_owned();
        let gates: Vec<Array2<f64>> = (0..rows / n).map(gate).collect();
        let spectra = gates.iter().map(|gate| Spectra::of(gate.view())).collect::<Result<_>>()?;
        Ok(Self { gates, spectra, norm: norm(weights) })
    }

    /// Units.
    pub(crate) fn units(&self) -> usize {
        self.gates[0].nrows()
    }
}

/// Matches the units of two networks from `starts` starts: the barycentre, then random doubly stochastic matrices.
///
/// # Errors
/// Weights of different shapes, or an interruption.
pub fn match_units(
    first: ArrayView2<'_, f64>,
    second: ArrayView2<'_, f64>,
    starts: usize,
    random: &mut Stream,
    ctx: &Context,
) -> Result<Matching> {
    if first.dim() != second.dim() {
        return Err(Error::input(format!("two networks must have weights of one shape, got {:?} and {:?}", first.dim(), second.dim()))
            .hint("networks of different widths have no matching of units"));
    }
    matched(&Weights::of(first)?, &Weights::of(second)?, starts, random, ctx)
}

/// [`match_units`] of weights of one shape.
pub(crate) fn matched(first: &Weights, second: &Weights, starts: usize, random: &mut Stream, ctx: &Context) -> Result<Matching> {
    let pair = Pair { first: &first.gates, second: &second.gates, n: first.units() };
    let scale = first.norm * second.norm;
    // The order as it is counts too, so that nothing worse is ever returned.
    let mut best = Swaps::new(&pair, if pair.n <= FEW { pair.best_of_all() } else { (0..pair.n).collect() });
    best.run(scale);
    for start in 0..if pair.n <= FEW { 0 } else { starts } {
        let from = if start == 0 { Start::Barycentre } else { Start::Random };
        let mut swaps = Swaps::new(&pair, pair.frank_wolfe(from, scale, random, ctx)?);
        swaps.run(scale);
        if swaps.value > best.value {
            best = swaps;
        }
    }
    let permutation = best.permutation;
    let greatest: f64 = first.spectra.iter().zip(&second.spectra).map(|(a, b)| a.bound(b)).sum();
    Ok(Matching {
        distance: pair.distance(&permutation),
        permutation,
        least_distance: (first.norm.powi(2) + second.norm.powi(2) - 2.0 * greatest).max(0.0).sqrt(),
        norms: (first.norm, second.norm),
        units: pair.n,
    })
}

enum Start {
    Barycentre,
    Random,
}

/// Two networks of n units.
struct Pair<'a> {
    first: &'a [Array2<f64>],
    second: &'a [Array2<f64>],
    n: usize,
}

impl Pair<'_> {
    /// `sum W1[i, j] W2[p i, p j]`.
    fn value(&self, p: &[usize]) -> f64 {
        let row = |a: &Array2<f64>, b: &Array2<f64>, i: usize| (0..self.n).map(|j| a[[i, j]] * b[[p[i], p[j]]]).sum::<f64>();
        self.first.iter().zip(self.second).map(|(a, b)| (0..self.n).map(|i| row(a, b, i)).sum::<f64>()).sum()
    }

    /// The best order of few units.
    fn best_of_all(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.n).collect();
        let (mut best, mut greatest) = (order.clone(), self.value(&order));
        // Heap's enumeration: one swap from each order to the next.
        let (mut counts, mut place) = (vec![0; self.n], 1);
        while place < self.n {
            if counts[place] == place {
                counts[place] = 0;
                place += 1;
                continue;
            }
            order.swap(place, if place % 2 == 0 { 0 } else { counts[place] });
            counts[place] += 1;
            place = 1;
            let value = self.value(&order);
            if value > greatest {
                (greatest, best) = (value, order.clone());
            }
        }
        best
    }

    fn distance(&self, p: &[usize]) -> f64 {
        let of = |a: &Array2<f64>, b: &Array2<f64>| a.indexed_iter().map(|((i, j), v)| (v - b[[p[i], p[j]]]).powi(2)).sum::<f64>();
        self.first.iter().zip(self.second).map(|(a, b)| of(a, b)).sum::<f64>().sqrt()
    }

    /// Gradient `W1 D W2ᵀ + W1ᵀ D W2` of the value at a matrix D.
    fn gradient(&self, at: &Array2<f64>) -> Result<Array2<f64>> {
        let (mut half, mut gradient) = (Array2::zeros((self.n, self.n)), Array2::zeros((self.n, self.n)));
        for (a, b) in self.first.iter().zip(self.second) {
            product_into(half.view_mut(), false, 1.0, a.view(), at.view())?;
            product_into(gradient.view_mut(), true, 1.0, half.view(), b.t())?;
            product_into(half.view_mut(), false, 1.0, a.t(), at.view())?;
            product_into(gradient.view_mut(), true, 1.0, half.view(), b.view())?;
        }
        Ok(gradient)
    }

    /// The same at a permutation, whose product with W2 is a choice of its rows.
    fn gradient_at_vertex(&self, p: &[usize]) -> Result<Array2<f64>> {
        let mut gradient = Array2::zeros((self.n, self.n));
        for (a, b) in self.first.iter().zip(self.second) {
            product_into(gradient.view_mut(), true, 1.0, a.view(), b.t().select(Axis(0), p).view())?;
            product_into(gradient.view_mut(), true, 1.0, a.t(), b.select(Axis(0), p).view())?;
        }
        Ok(gradient)
    }

    /// A permutation near the best doubly stochastic matrix that is reached from a start.
    fn frank_wolfe(&self, start: Start, scale: f64, random: &mut Stream, ctx: &Context) -> Result<Vec<usize>> {
        let mut at = self.start(start, random);
        let mut gradient = self.gradient(&at)?;
        let mut value = 0.5 * (&gradient * &at).sum();
        for _ in 0..STEPS {
            let vertex = assignment((-&gradient).view(), ctx)?.columns;
            let along = vertex.iter().enumerate().map(|(i, &a)| gradient[[i, a]]).sum::<f64>();
            // f(D + t (P - D)) = f(D) + t slope + t² curve, for the value is quadratic.
            let (slope, curve) = (along - 2.0 * value, self.value(&vertex) - along + value);
            let step = if curve < 0.0 { (-0.5 * slope / curve).clamp(0.0, 1.0) } else { f64::from(u8::from(slope + curve > 0.0)) };
            let gain = step * (slope + step * curve);
            if gain <= GAIN * scale {
                break;
            }
            at *= 1.0 - step;
            vertex.iter().enumerate().for_each(|(i, &a)| at[[i, a]] += step);
            gradient = gradient * (1.0 - step) + self.gradient_at_vertex(&vertex)? * step;
            value += gain;
        }
        Ok(assignment((-at).view(), ctx)?.columns)
    }

    /// All orders alike, or half way from there to a random matrix that a few permutations are mixed to.
    fn start(&self, start: Start, random: &mut Stream) -> Array2<f64> {
        const MIXED: usize = 4;
        let mut at = Array2::from_elem((self.n, self.n), 1.0 / self.n as f64);
        if let Start::Random = start {
            let weights: [f64; MIXED] = std::array::from_fn(|_| random.random::<f64>() + 1e-3);
            let sum: f64 = weights.iter().sum();
            at *= 0.5;
            for weight in weights {
                let mut order: Vec<usize> = (0..self.n).collect();
                order.shuffle(random);
                order.iter().enumerate().for_each(|(i, &a)| at[[i, a]] += 0.5 * weight / sum);
            }
        }
        at
    }
}

/// Improvement by swaps of two units.
struct Swaps<'a> {
    n: usize,
    /// Weights of the first network and their transposes, those of the second in the present order likewise.
    blocks: Vec<SwapBlock<'a>>,
    permutation: Vec<usize>,
    value: f64,
}

struct SwapBlock<'a> {
    first: &'a [f64],
    first_transposed: Vec<f64>,
    second: Vec<f64>,
    second_transposed: Vec<f64>,
}

impl<'a> Swaps<'a> {
    fn new(pair: &Pair<'a>, permutation: Vec<usize>) -> Self {
        let n = pair.n;
        let block = |(a, b): (&'a Array2<f64>, &Array2<f64>)| {
            let at = |i: usize, j: usize| b[[permutation[i], permutation[j]]];
            SwapBlock {
                first: a.as_slice().unwrap_or_default(),
                first_transposed: a.t().iter().copied().collect(),
                second: (0..n * n).map(|k| at(k / n, k % n)).collect(),
                second_transposed: (0..n * n).map(|k| at(k % n, k / n)).collect(),
            }
        };
        let value = pair.value(&permutation);
        Self { n, blocks: pair.first.iter().zip(pair.second).map(block).collect(), permutation, value }
    }

    /// Swaps until no swap gains.
    fn run(&mut self, scale: f64) {
        let least = 1e-12 * scale;
        let mut improved = true;
        while improved {
            improved = false;
            for a in 0..self.n {
                for b in a + 1..self.n {
                    let gain: f64 = self.blocks.iter().map(|block| block.gain(self.n, a, b)).sum();
                    if gain > least {
                        let n = self.n;
                        self.blocks.iter_mut().for_each(|block| block.swap(n, a, b));
                        self.permutation.swap(a, b);
                        self.value += gain;
                        improved = true;
                    }
                }
            }
        }
    }
}

impl SwapBlock<'_> {
    /// What the value gains when units a and b of the second network change places.
    fn gain(&self, n: usize, a: usize, b: usize) -> f64 {
        let (x, y) = (self.first, &self.second);
        let of = |x: &[f64], y: &[f64]| crossed(&x[a * n..][..n], &x[b * n..][..n], &y[a * n..][..n], &y[b * n..][..n]);
        let sum = of(x, y) + of(&self.first_transposed, &self.second_transposed);
        let (w, v) = (|i: usize, j: usize| x[i * n + j], |i: usize, j: usize| y[i * n + j]);
        // The sums run over all units; at a and b themselves something else happens.
        let wrong: f64 = [a, b].map(|k| (w(a, k) - w(b, k)) * (v(b, k) - v(a, k)) + (w(k, a) - w(k, b)) * (v(k, b) - v(k, a))).iter().sum();
        let right = (w(a, a) - w(b, b)) * (v(b, b) - v(a, a)) + (w(a, b) - w(b, a)) * (v(b, a) - v(a, b));
        sum - wrong + right
    }

    fn swap(&mut self, n: usize, a: usize, b: usize) {
        for matrix in [&mut self.second, &mut self.second_transposed] {
            (0..n).for_each(|k| matrix.swap(a * n + k, b * n + k));
            (0..n).for_each(|k| matrix.swap(k * n + a, k * n + b));
        }
    }
}

/// `sum (x_a - x_b) (y_b - y_a)`.
fn crossed(x_a: &[f64], x_b: &[f64], y_a: &[f64], y_b: &[f64]) -> f64 {
    const LANES: usize = 8;
    dispatch(
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            let ([x_a, x_b, y_a, y_b], rest) = {
                let parts = [x_a, x_b, y_a, y_b].map(|row| row.as_chunks::<LANES>());
                (parts.map(|part| part.0), parts.map(|part| part.1))
            };
            for (((a, b), c), d) in x_a.iter().zip(x_b).zip(y_a).zip(y_b) {
                for lane in 0..LANES {
                    sums[lane] += (a[lane] - b[lane]) * (d[lane] - c[lane]);
                }
            }
            let [a, b, c, d] = rest;
            let rest: f64 = (0..a.len()).map(|i| (a[i] - b[i]) * (d[i] - c[i])).sum();
            sums.iter().sum::<f64>() + rest
        },
    )
}
