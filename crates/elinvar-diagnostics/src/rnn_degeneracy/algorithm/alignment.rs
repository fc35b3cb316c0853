//! The distance of two operators up to an orthogonal change of coordinates (dynamical similarity analysis; Ostrow et al. 2023).
//!
//! `max_C <A, C B Cᵀ>` over orthogonal C is climbed by a limited-memory quasi-Newton method on the group: steps are skew matrices in
//! the frame of the current point, taken by the Cayley map. Several starts, the best one polished.

use super::small;
use elinvar_core::{Result, Stream};
use elinvar_math::linalg::{eigen, orthonormal_basis, product, svd, symmetric_eigenvalues};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use rand_distr::{Distribution, StandardNormal};
use std::collections::VecDeque;

/// Where the best alignment was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Alignment {
    /// The orthogonal matrix C (r, r).
    pub orthogonal: Array2<f64>,
    /// `<A, C B Cᵀ> / (|A| |B|)`.
    pub cosine: f64,
    /// `|A/|A| - C B/|B| Cᵀ|`.
    pub distance: f64,
    /// A cosine that no orthogonal matrix passes.
    pub bound: f64,
}

impl Alignment {
    /// The angle between the aligned operators.
    pub fn angle(&self) -> f64 {
        self.cosine.clamp(-1.0, 1.0).acos()
    }

    /// A distance that is not above the least one, whatever start was missed.
    pub fn least_distance(&self) -> f64 {
        (2.0 - 2.0 * self.bound).max(0.0).sqrt()
    }
}

/// Gain of a step, relative to what is left at most, at which a start is left, and at which the best one is done.
const ROUGH: f64 = 1e-3;
const FINE: f64 = 1e-8;
/// Steps of a start, and of the polish.
const ROUGH_STEPS: usize = 200;
const FINE_STEPS: usize = 1000;
/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 8;

/// Aligns B to A from the identity with matched signs, from ordered Schur bases, and from `starts` random starts, of either determinant in turn.
///
/// The result does not depend on the order of the two but for the direction of the alignment.
///
/// # Errors
/// An eigenvalue iteration that fails.
pub fn align(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, starts: usize, random: &mut Stream) -> Result<Alignment> {
    Frame::of(a)?.align(&Frame::of(b)?, starts, random)
}

/// All that the alignments of one operator with others share.
pub(crate) struct Frame {
    /// The operator at norm 1.
    whole: Array2<f64>,
    /// A multiple of the identity looks alike from everywhere: the climb is one of the rest, which in slow dynamics is small. At norm 1.
    rest: Array2<f64>,
    schur: Schur,
    spectra: Spectra,
}

impl Frame {
    /// Of an operator.
    ///
    /// # Errors
    /// An eigenvalue iteration that fails.
    pub(crate) fn of(operator: ArrayView2<'_, f64>) -> Result<Self> {
        let size = norm(operator);
        let whole = if size > 0.0 { &operator / size } else { operator.to_owned() };
        let rest = rest(&whole);
        Ok(Self { schur: Schur::of(rest.view())?, spectra: Spectra::of(whole.view())?, rest, whole })
    }

    /// [`align`] of another operator to this one.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn align(&self, other: &Self, starts: usize, random: &mut Stream) -> Result<Alignment> {
        let later = self.whole.iter().zip(&other.whole).find(|(x, y)| x != y).is_some_and(|(x, y)| x > y);
        if !later {
            return self.climbed(other, starts, random);
        }
        let mut found = other.climbed(self, starts, random)?;
        found.orthogonal = found.orthogonal.reversed_axes().as_standard_layout().into_owned();
        Ok(found)
    }

    fn climbed(&self, other: &Self, starts: usize, random: &mut Stream) -> Result<Alignment> {
        let r = self.whole.nrows();
        let climb = |orthogonal: &Array2<f64>| -> Result<Climb> {
            let mut climb = Climb::new(&self.rest, &other.rest, orthogonal)?;
            climb.run(ROUGH, ROUGH_STEPS);
            Ok(climb)
        };
        let better = |a: Climb, b: Climb| if b.value > a.value { b } else { a };
        let mut best = better(climb(&matched_signs(&self.rest, &other.rest))?, climb(&self.schur.align(&other.schur)?)?);
        for start in 0..starts {
            best = better(best, climb(&random_orthogonal(r, start % 2 == 0, random)?)?);
        }
        best.run(FINE, FINE_STEPS);
        let orthogonal = best.orthogonal();
        let image = product(product(orthogonal.view(), other.whole.view())?.view(), orthogonal.t())?;
        let (distance, cosine) = (norm((&self.whole - &image).view()), (&self.whole * &image).sum());
        Ok(Alignment { orthogonal, cosine, distance, bound: self.spectra.bound(&other.spectra).min(1.0) })
    }
}

/// The diagonal of signs with the greatest `<A, S B S>` that flips of one sign, and of two, reach from the identity: coordinates come in the
/// order of their singular values, with signs that mean nothing.
fn matched_signs(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    let r = a.nrows();
    let both = a * b;
    let joint = Array2::from_shape_fn((r, r), |(i, j)| if i == j { 0.0 } else { both[[i, j]] + both[[j, i]] });
    let mut signs = Array1::<f64>::ones(r);
    loop {
        let pull = &signs * &joint.dot(&signs);
        // Flips of i, or of i and j, change the value by -2 (pull_i + pull_j) + 4 s_i s_j joint_ij.
        let gain = |i: usize, j: usize| match i == j {
            true => -2.0 * pull[i],
            false => -2.0 * (pull[i] + pull[j]) + 4.0 * signs[i] * signs[j] * joint[[i, j]],
        };
        let best = (0..r).flat_map(|i| (i..r).map(move |j| (i, j))).max_by(|&x, &y| gain(x.0, x.1).total_cmp(&gain(y.0, y.1)));
        match best {
            Some((i, j)) if gain(i, j) > 1e-12 => [i, j].iter().take(if i == j { 1 } else { 2 }).for_each(|&k| signs[k] = -signs[k]),
            _ => return Array2::from_diag(&signs),
        }
    }
}

/// The matrix without its multiple of the identity, of norm 1 where there is a rest.
fn rest(matrix: &Array2<f64>) -> Array2<f64> {
    let mut rest = matrix.clone();
    let mean = matrix.diag().sum() / matrix.nrows() as f64;
    rest.diag_mut().mapv_inplace(|v| v - mean);
    let size = norm(rest.view());
    if size > 0.0 { rest / size } else { rest }
}

/// Frobenius norm.
pub(crate) fn norm(matrix: ArrayView2<'_, f64>) -> f64 {
    matrix.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// What no orthogonal change of coordinates changes: eigenvalues of the symmetric part, rising, and singular values of the skew part, falling.
#[derive(Clone, Debug)]
pub(crate) struct Spectra {
    symmetric: Vec<f64>,
    skew: Vec<f64>,
}

impl Spectra {
    /// Of a square matrix.
    ///
    /// # Errors
    /// An eigenvalue iteration that fails.
    pub(crate) fn of(matrix: ArrayView2<'_, f64>) -> Result<Self> {
        let [symmetric, skew] = [1.0, -1.0].map(|sign| (&matrix + &(&matrix.t() * sign)) * 0.5);
        Ok(Self { symmetric: symmetric_eigenvalues(symmetric.view())?, skew: svd(skew.view())?.s.to_vec() })
    }

    /// No less than `<A, C B Cᵀ>` for any orthogonal C: symmetric parts by their ordered eigenvalues, skew parts by their singular values
    /// (von Neumann's trace inequality).
    pub(crate) fn bound(&self, other: &Self) -> f64 {
        let inner = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        inner(&self.symmetric, &other.symmetric) + inner(&self.skew, &other.skew)
    }
}

/// An ordered real Schur form: `basisᵀ A basis` is upper triangular but for a 2 x 2 block for each complex pair, by falling modulus.
struct Schur {
    basis: Array2<f64>,
    form: Array2<f64>,
    /// Sizes of the blocks.
    blocks: Vec<usize>,
}

impl Schur {
    fn of(matrix: ArrayView2<'_, f64>) -> Result<Self> {
        // Eigenvalues whose moduli differ by rounding are ordered by their angles.
        const ALIKE: f64 = 1e-8;
        let eigen = eigen(matrix)?;
        let largest = eigen.values.iter().map(|v| v[0].hypot(v[1])).fold(f64::MIN_POSITIVE, f64::max);
        let key = |k: usize| {
            let [re, im] = eigen.values[k];
            ((re.hypot(im) / largest / ALIKE).round() as i64, im.atan2(re))
        };
        let mut order: Vec<usize> = (0..matrix.nrows()).filter(|&k| eigen.values[k][1] >= 0.0).collect();
        order.sort_by(|&i, &j| key(j).0.cmp(&key(i).0).then(key(i).1.total_cmp(&key(j).1)));
        let mut columns = Array2::zeros(matrix.raw_dim());
        let (mut place, mut blocks) = (0, Vec::new());
        for k in order {
            let [re, im] = &eigen.vectors;
            let found =
                if eigen.values[k][1] > 0.0 { in_phase(re.column(k), im.column(k)).to_vec() } else { vec![re.column(k).to_owned()] };
            let size = found.len().min(matrix.nrows() - place);
            found.iter().take(size).enumerate().for_each(|(c, column)| columns.column_mut(place + c).assign(column));
            place += size;
            blocks.push(size);
        }
        let basis = orthonormal_basis(columns.view())?;
        let form = product(product(basis.t(), matrix)?.view(), basis.view())?;
        Ok(Self { basis, form, blocks })
    }

    /// The change of coordinates that takes the other form nearest to this one block by block. A basis is known up to a sign a real
    /// eigenvalue and a turn a complex pair, which the entries above the diagonal tell.
    fn align(&self, other: &Self) -> Result<Array2<f64>> {
        let n = self.form.nrows();
        let blocks = if self.blocks == other.blocks { self.blocks.clone() } else { vec![1; n] };
        let mut turn: Array2<f64> = Array2::eye(n);
        let mut start = 0;
        for size in blocks {
            let span = |m: &Array2<f64>, rows: std::ops::Range<usize>| {
                m.slice_axis(Axis(0), rows.into()).slice_axis(Axis(1), (start..start + size).into()).to_owned()
            };
            let turned = turn.slice_axis(Axis(0), (..start).into()).slice_axis(Axis(1), (..start).into()).dot(&span(&other.form, 0..start));
            let above = span(&self.form, 0..start).t().dot(&turned);
            let own = (span(&self.form, start..start + size), span(&other.form, start..start + size));
            let best = best_turn(&above, &own);
            turn.slice_axis_mut(Axis(0), (start..start + size).into()).slice_axis_mut(Axis(1), (start..start + size).into()).assign(&best);
            start += size;
        }
        product(product(self.basis.view(), turn.view())?.view(), other.basis.t())
    }
}

/// A complex eigenvector turned so that its parts are orthogonal, the real one the longer.
fn in_phase(re: ArrayView1<'_, f64>, im: ArrayView1<'_, f64>) -> [Array1<f64>; 2] {
    let angle = 0.5 * (-2.0 * re.dot(&im)).atan2(re.dot(&re) - im.dot(&im));
    let (sin, cos) = angle.sin_cos();
    [&re * cos - &im * sin, &re * sin + &im * cos]
}

/// The orthogonal S, 1 x 1 or 2 x 2, with the greatest `<above, S> + <A, S B Sᵀ>` among the best rotation and the best reflection.
fn best_turn(above: &Array2<f64>, (a, b): &(Array2<f64>, Array2<f64>)) -> Array2<f64> {
    let gain = |s: &Array2<f64>| (above * s).sum() + (a * &s.dot(b).dot(&s.t())).sum();
    let candidates = match above.nrows() {
        1 => vec![array![[1.0]], array![[-1.0]]],
        _ => [1.0, -1.0]
            .map(|det| {
                let (cos, sin) = (above[[0, 0]] + det * above[[1, 1]], above[[1, 0]] - det * above[[0, 1]]);
                let length = cos.hypot(sin);
                let (cos, sin) = if length > 0.0 { (cos / length, sin / length) } else { (1.0, 0.0) };
                array![[cos, -det * sin], [sin, det * cos]]
            })
            .to_vec(),
    };
    let mut best = candidates[0].clone();
    candidates.into_iter().skip(1).for_each(|other| {
        if gain(&other) > gain(&best) {
            best = other
        }
    });
    best
}

/// Uniformly random, of determinant 1 or -1.
fn random_orthogonal(r: usize, positive: bool, random: &mut Stream) -> Result<Array2<f64>> {
    let normal = Array2::from_shape_simple_fn((r, r), || StandardNormal.sample(random));
    let mut basis = orthonormal_basis(normal.view())?;
    if (determinant_sign(basis.view()) > 0.0) != positive {
        basis.index_axis_mut(Axis(1), 0).mapv_inplace(|v: f64| -v);
    }
    Ok(basis)
}

/// Sign of the determinant, by elimination with pivots.
pub(crate) fn determinant_sign(matrix: ArrayView2<'_, f64>) -> f64 {
    let mut m = matrix.to_owned();
    let (n, mut sign) = (m.nrows(), 1.0);
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| m[[i, k]].abs().total_cmp(&m[[j, k]].abs())).unwrap_or(k);
        if pivot != k {
            (0..n).for_each(|j| m.swap([k, j], [pivot, j]));
            sign = -sign;
        }
        sign *= m[[k, k]].signum();
        for i in k + 1..n {
            let factor = m[[i, k]] / m[[k, k]];
            (k..n).for_each(|j| m[[i, j]] -= factor * m[[k, j]]);
        }
    }
    sign
}

/// A climb of `F(C) = <A, C B Cᵀ>`. All matrices are (n, n) row by row, filled up from (r, r): with zeros, C with ones on its diagonal. No
/// step ever touches what was filled in.
struct Climb {
    r: usize,
    n: usize,
    a: Vec<f64>,
    orthogonal: Vec<f64>,
    /// C B Cᵀ.
    image: Vec<f64>,
    value: f64,
    /// Steps and falls of the gradient, the newest last.
    memory: VecDeque<(Vec<f64>, Vec<f64>)>,
    room: [Vec<f64>; 3],
}

impl Climb {
    fn new(a: &Array2<f64>, b: &Array2<f64>, orthogonal: &Array2<f64>) -> Result<Self> {
        let image = product(product(orthogonal.view(), b.view())?.view(), orthogonal.t())?;
        let r = a.nrows();
        let n = r.next_multiple_of(small::LANES);
        let filled = |m: &Array2<f64>, diagonal: f64| -> Vec<f64> {
            let at = |i: usize, j: usize| if i < r && j < r { m[[i, j]] } else { diagonal * f64::from(u8::from(i == j)) };
            (0..n * n).map(|place| at(place / n, place % n)).collect()
        };
        let (a, image, orthogonal) = (filled(a, 0.0), filled(&image, 0.0), filled(orthogonal, 1.0));
        let room = [(); 3].map(|()| vec![0.0; n * n]);
        Ok(Self { r, n, value: small::inner(&a, &image), a, orthogonal, image, memory: VecDeque::with_capacity(MEMORY), room })
    }

    fn orthogonal(&self) -> Array2<f64> {
        Array2::from_shape_fn((self.r, self.r), |(i, j)| self.orthogonal[i * self.n + j])
    }

    /// The skew matrix along which F rises fastest: the skew part of `A Mᵀ - Mᵀ A` at M = C B Cᵀ.
    fn gradient(&mut self) -> Vec<f64> {
        let [transposed, ..] = &mut self.room;
        small::transpose(self.n, &self.image, transposed);
        let mut gradient = vec![0.0; self.n * self.n];
        small::add_product(self.n, 1.0, &self.a, transposed, &mut gradient);
        small::add_product(self.n, -1.0, transposed, &self.a, &mut gradient);
        small::keep_skew(self.n, &mut gradient);
        gradient
    }

    /// Climbs until a step gains less than this share of what is left at most, or a step is not to be had.
    fn run(&mut self, gain: f64, steps: usize) {
        let mut gradient = self.gradient();
        let mut few = 0;
        for _ in 0..steps {
            let mut direction = self.direction(&gradient);
            let mut slope = small::inner(&direction, &gradient);
            if slope <= 0.0 {
                self.memory.clear();
                let length = self.first_step(&gradient);
                direction = gradient.iter().map(|g| length * g).collect();
                slope = small::inner(&direction, &gradient);
            }
            let before = self.value;
            let Some(taken) = self.search(direction, slope) else {
                if self.memory.is_empty() {
                    return;
                }
                self.memory.clear();
                continue;
            };
            let next = self.gradient();
            self.remember(taken, gradient.iter().zip(&next).map(|(g, n)| g - n).collect());
            gradient = next;
            // One small gain may be chance, three in a row are the end.
            few = if self.value - before < gain * (1.0 - self.value) + f64::EPSILON { few + 1 } else { 0 };
            if few == 3 {
                return;
            }
        }
    }

    fn remember(&mut self, step: Vec<f64>, fall: Vec<f64>) {
        if small::inner(&step, &fall) > 1e-14 * (small::inner(&step, &step) * small::inner(&fall, &fall)).sqrt() {
            if self.memory.len() == MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back((step, fall));
        }
    }

    /// The quasi-Newton direction (Nocedal 1980); 0 without memory.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q = gradient.to_vec();
        let mut weights = Vec::with_capacity(self.memory.len());
        for (step, fall) in self.memory.iter().rev() {
            let weight = small::inner(step, &q) / small::inner(step, fall);
            small::add_scaled(&mut q, -weight, fall);
            weights.push(weight);
        }
        let scale = self.memory.back().map_or(0.0, |(step, fall)| small::inner(step, fall) / small::inner(fall, fall));
        q.iter_mut().for_each(|v| *v *= scale);
        for ((step, fall), weight) in self.memory.iter().zip(weights.into_iter().rev()) {
            let other = small::inner(fall, &q) / small::inner(step, fall);
            small::add_scaled(&mut q, weight - other, step);
        }
        q
    }

    /// Length of a first step: that of the curvature along the gradient, or a tenth of a radian.
    fn first_step(&mut self, gradient: &[f64]) -> f64 {
        let size = small::inner(gradient, gradient).sqrt();
        if size == 0.0 {
            return 0.0;
        }
        let (n, [turned, twice, _]) = (self.n, &mut self.room);
        small::product(n, gradient, &self.image, turned);
        small::add_product(n, -1.0, &self.image, gradient, turned);
        small::product(n, gradient, turned, twice);
        small::add_product(n, -1.0, turned, gradient, twice);
        let curvature = small::inner(&self.a, twice);
        if curvature < 0.0 { (size * size / -curvature).min(1.0 / size) } else { 0.1 / size }
    }

    /// Takes the step, halved until it gains enough (Armijo); none where no step gains.
    fn search(&mut self, mut step: Vec<f64>, mut slope: f64) -> Option<Vec<f64>> {
        const HALVINGS: usize = 12;
        let n = self.n;
        let mut image = vec![0.0; n * n];
        for _ in 0..HALVINGS {
            let [room, turn, half] = &mut self.room;
            small::cayley(n, &step, room, turn);
            small::product(n, turn, &self.image, half);
            small::transpose(n, turn, room);
            small::product(n, half, room, &mut image);
            let value = small::inner(&self.a, &image);
            if value >= self.value + 1e-4 * slope {
                small::product(n, turn, &self.orthogonal, half);
                std::mem::swap(&mut self.orthogonal, half);
                (self.value, self.image) = (value, image);
                return Some(step);
            }
            step.iter_mut().for_each(|w| *w *= 0.5);
            slope *= 0.5;
        }
        None
    }
}
