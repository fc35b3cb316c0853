//! Support vector classification on a precomputed kernel.
//!
//! The C-SVC dual `min 1/2 a' Q a - sum a` with `0 <= a_i <= C`, `y' a = 0`, `Q_ij = y_i y_j K_ij`, solved by sequential minimal
//! optimisation with second-order working sets (Fan, Chen and Lin, "Working set selection using second order information for training
//! support vector machines", JMLR 2005). Several classes are told apart one against one. Probabilities are Platt's sigmoid in the form
//! of Lin, Lin and Weng (2007), coupled over pairs by the second method of Wu, Lin and Weng (JMLR 2004).

use elinvar_core::{Context, Error, Result, Status};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// Settings of [`fit`].
#[derive(Clone, Copy, Debug)]
pub struct SvmSettings {
    /// Greatest weight of a support vector.
    pub c: f64,
    /// Greatest violation of the optimality conditions.
    pub tolerance: f64,
    /// Greatest number of pair updates of one machine.
    pub max_iterations: usize,
}

impl Default for SvmSettings {
    fn default() -> Self {
        Self { c: 1.0, tolerance: 1e-3, max_iterations: 1_000_000 }
    }
}

/// The machine of one pair of classes: positive decisions are the first of the pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The two classes.
    pub pair: (usize, usize),
    /// Rows of the training set with a weight.
    pub support: Vec<usize>,
    /// Their weights times their signs.
    pub weights: Vec<f64>,
    /// Added to every decision.
    pub bias: f64,
}

/// Machines for every pair of classes, (0, 1), (0, 2), ..., (1, 2), ....
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Svm {
    /// Number of classes.
    pub classes: usize,
    /// The machines.
    pub machines: Vec<Machine>,
}

/// Fits on a kernel matrix (n, n) and class numbers (n,) in `0..classes`.
///
/// # Errors
/// Shapes that do not fit, or a class without rows.
pub fn fit(kernel: ArrayView2<'_, f64>, y: &[usize], classes: usize, settings: &SvmSettings, ctx: &Context) -> Result<(Svm, Status)> {
    let n = y.len();
    if kernel.dim() != (n, n) {
        return Err(Error::input(format!("the kernel of {n} rows must have shape ({n}, {n}), got {:?}", kernel.dim())));
    }
    if let Some(empty) = (0..classes).find(|class| !y.contains(class)) {
        return Err(Error::input(format!("class {empty} has no rows")));
    }
    let (mut machines, mut status) = (Vec::new(), Status::Converged);
    for first in 0..classes {
        for second in first + 1..classes {
            let rows: Vec<usize> = (0..n).filter(|&i| y[i] == first || y[i] == second).collect();
            let signs: Vec<f64> = rows.iter().map(|&i| if y[i] == first { 1.0 } else { -1.0 }).collect();
            let (machine, end) = smo(kernel, &rows, &signs, settings, ctx)?;
            machines.push(Machine { pair: (first, second), ..machine });
            if end != Status::Converged {
                status = end;
            }
        }
    }
    Ok((Svm { classes, machines }, status))
}

/// Curvature that takes the place of one that is not positive.
const TAU: f64 = 1e-12;

struct Smo<'a> {
    kernel: ArrayView2<'a, f64>,
    rows: &'a [usize],
    signs: &'a [f64],
    c: f64,
    alpha: Vec<f64>,
    /// `Q alpha - 1`.
    gradient: Vec<f64>,
}

impl Smo<'_> {
    fn k(&self, i: usize, j: usize) -> f64 {
        self.kernel[[self.rows[i], self.rows[j]]]
    }

    /// Whether the weight may move in the direction that raises `y a`.
    fn may_rise(&self, i: usize) -> bool {
        if self.signs[i] > 0.0 { self.alpha[i] < self.c } else { self.alpha[i] > 0.0 }
    }

    fn may_fall(&self, i: usize) -> bool {
        if self.signs[i] > 0.0 { self.alpha[i] > 0.0 } else { self.alpha[i] < self.c }
    }

    /// The most violating row and the partner with the largest second-order gain; nothing at the optimum.
    fn working_set(&self, tolerance: f64) -> Option<(usize, usize)> {
        let score = |i: usize| -self.signs[i] * self.gradient[i];
        let mut first: Option<(usize, f64)> = None;
        for i in (0..self.rows.len()).filter(|&i| self.may_rise(i)) {
            if first.is_none_or(|(_, best)| score(i) > best) {
                first = Some((i, score(i)));
            }
        }
        let (i, high) = first?;
        let (mut partner, mut least, mut low) = (None, f64::INFINITY, f64::INFINITY);
        for j in (0..self.rows.len()).filter(|&j| self.may_fall(j)) {
            low = low.min(score(j));
            let gap = high - score(j);
            if gap > 0.0 {
                let gain = -gap * gap / self.curvature(i, j);
                if gain < least {
                    (partner, least) = (Some(j), gain);
                }
            }
        }
        if high - low < tolerance { None } else { partner.map(|j| (i, j)) }
    }

    fn curvature(&self, i: usize, j: usize) -> f64 {
        let curvature = self.k(i, i) + self.k(j, j) - 2.0 * self.k(i, j);
        if curvature > 0.0 { curvature } else { TAU }
    }

    /// Moves along `y_i a_i + y_j a_j = const` to the minimum within the box.
    fn update(&mut self, i: usize, j: usize) {
        let (si, sj) = (self.signs[i], self.signs[j]);
        let wanted = (-si * self.gradient[i] + sj * self.gradient[j]) / self.curvature(i, j);
        let room = |alpha: f64, sign: f64| if sign > 0.0 { self.c - alpha } else { alpha };
        let step = wanted.min(room(self.alpha[i], si)).min(room(self.alpha[j], -sj));
        let snap = |alpha: f64| if alpha < 0.0 { 0.0 } else { alpha.min(self.c) };
        let (old_i, old_j) = (self.alpha[i], self.alpha[j]);
        self.alpha[i] = snap(old_i + si * step);
        self.alpha[j] = snap(old_j - sj * step);
        let (di, dj) = ((self.alpha[i] - old_i) * si, (self.alpha[j] - old_j) * sj);
        let (ki, kj) = (self.kernel.row(self.rows[i]), self.kernel.row(self.rows[j]));
        for ((gradient, sign), &row) in self.gradient.iter_mut().zip(self.signs).zip(self.rows) {
            *gradient += sign * (ki[row] * di + kj[row] * dj);
        }
    }

    /// The mean over free rows of `y G`, or the middle of its admissible range where no row is free.
    fn bias(&self) -> f64 {
        let (mut upper, mut lower, mut sum, mut free) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0_usize);
        for i in 0..self.rows.len() {
            let value = self.signs[i] * self.gradient[i];
            match (self.may_rise(i), self.may_fall(i)) {
                (true, true) => {
                    sum += value;
                    free += 1;
                }
                (true, false) => upper = upper.min(value),
                (false, true) => lower = lower.max(value),
                (false, false) => {}
            }
        }
        if free > 0 { -sum / free as f64 } else { -(upper + lower) / 2.0 }
    }
}

fn smo(kernel: ArrayView2<'_, f64>, rows: &[usize], signs: &[f64], settings: &SvmSettings, ctx: &Context) -> Result<(Machine, Status)> {
    let n = rows.len();
    let mut problem = Smo { kernel, rows, signs, c: settings.c, alpha: vec![0.0; n], gradient: vec![-1.0; n] };
    let mut status = Status::IterationLimit;
    for iteration in 0..settings.max_iterations {
        if iteration % 1024 == 0 {
            ctx.check()?;
        }
        match problem.working_set(settings.tolerance) {
            Some((i, j)) => problem.update(i, j),
            None => {
                status = Status::Converged;
                break;
            }
        }
    }
    let bias = problem.bias();
    let kept: Vec<usize> = (0..n).filter(|&i| problem.alpha[i] > 0.0).collect();
    let support = kept.iter().map(|&i| rows[i]).collect();
    let weights = kept.iter().map(|&i| problem.alpha[i] * signs[i]).collect();
    Ok((Machine { pair: (0, 1), support, weights, bias }, status))
}

impl Svm {
    /// Decisions (m, machines) from the kernel of m rows with the n rows of the fit (m, n).
    pub fn decisions(&self, kernel: ArrayView2<'_, f64>) -> Array2<f64> {
        Array2::from_shape_fn((kernel.nrows(), self.machines.len()), |(row, machine)| {
            let Machine { support, weights, bias, .. } = &self.machines[machine];
            support.iter().zip(weights).map(|(&i, weight)| weight * kernel[[row, i]]).sum::<f64>() + bias
        })
    }

    /// The class with the most votes of the machines; the first where votes are equal.
    pub fn vote(&self, decisions: ArrayView1<'_, f64>) -> usize {
        let mut votes = vec![0_usize; self.classes];
        for (machine, &decision) in self.machines.iter().zip(decisions) {
            votes[if decision > 0.0 { machine.pair.0 } else { machine.pair.1 }] += 1;
        }
        (0..self.classes).rev().max_by_key(|&class| votes[class]).unwrap_or(0)
    }

    /// One score a class (m, classes): votes, and within equal votes the sum of the decisions, squeezed below a third.
    pub fn class_scores(&self, decisions: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut scores = Array2::zeros((decisions.nrows(), self.classes));
        for (row, decision) in decisions.outer_iter().enumerate() {
            let mut confidence = vec![0.0; self.classes];
            for (machine, &value) in self.machines.iter().zip(decision) {
                let (first, second) = machine.pair;
                confidence[first] += value;
                confidence[second] -= value;
                scores[[row, if value > 0.0 { first } else { second }]] += 1.0;
            }
            for (class, sum) in confidence.into_iter().enumerate() {
                scores[[row, class]] += sum / (3.0 * (f64::abs(sum) + 1.0));
            }
        }
        scores
    }
}

/// A sigmoid from decisions to probabilities: `1 / (1 + exp(a f + b))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    /// Slope, negative where larger decisions are likelier.
    pub a: f64,
    /// Intercept.
    pub b: f64,
}

impl Sigmoid {
    /// Fits by Newton's method to decisions of rows that the machine has not seen, with Platt's regularised targets.
    pub fn fit(decisions: &[f64], positive: &[bool]) -> Self {
        let (up, down) = (positive.iter().filter(|p| **p).count() as f64, positive.iter().filter(|p| !**p).count() as f64);
        let (high, low) = ((up + 1.0) / (up + 2.0), 1.0 / (down + 2.0));
        let targets: Vec<f64> = positive.iter().map(|&p| if p { high } else { low }).collect();
        let mut sigmoid = Self { a: 0.0, b: ((down + 1.0) / (up + 1.0)).ln() };
        let mut loss = sigmoid.loss(decisions, &targets);
        for _ in 0..100 {
            let Some(next) = sigmoid.newton(decisions, &targets, loss) else { break };
            (sigmoid, loss) = next;
        }
        sigmoid
    }

    fn loss(self, decisions: &[f64], targets: &[f64]) -> f64 {
        let one = |(f, t): (&f64, &f64)| {
            let z = self.a * f + self.b;
            // t z + log(1 + exp(-z)) without overflow.
            if z >= 0.0 { t * z + (-z).exp().ln_1p() } else { (t - 1.0) * z + z.exp().ln_1p() }
        };
        decisions.iter().zip(targets).map(one).sum()
    }

    /// One step with halving; nothing where the gradient is small or no step helps.
    fn newton(self, decisions: &[f64], targets: &[f64], loss: f64) -> Option<(Self, f64)> {
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for (f, t) in decisions.iter().zip(targets) {
            let p = self.probability(*f);
            let (weight, residual) = (p * (1.0 - p), t - p);
            h11 += f * f * weight;
            h22 += weight;
            h21 += f * weight;
            g1 += f * residual;
            g2 += residual;
        }
        if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
            return None;
        }
        let determinant = h11 * h22 - h21 * h21;
        let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
        let slope = g1 * da + g2 * db;
        let mut step = 1.0;
        while step >= 1e-10 {
            let next = Self { a: self.a + step * da, b: self.b + step * db };
            let value = next.loss(decisions, targets);
            if value < loss + 1e-4 * step * slope {
                return Some((next, value));
            }
            step *= 0.5;
        }
        None
    }

    /// The probability of the positive class at a decision.
    pub fn probability(self, decision: f64) -> f64 {
        let z = self.a * decision + self.b;
        if z >= 0.0 { (-z).exp() / (1.0 + (-z).exp()) } else { 1.0 / (1.0 + z.exp()) }
    }
}

/// Class probabilities from those of pairs: `pairwise[[i, j]]` is that of i against j. Solves the coupling of Wu, Lin and Weng by their
/// fixed-point iteration.
pub fn couple(pairwise: ArrayView2<'_, f64>) -> Array1<f64> {
    let k = pairwise.nrows();
    let q = Array2::from_shape_fn((k, k), |(i, j)| match i == j {
        true => (0..k).filter(|&l| l != i).map(|l| pairwise[[l, i]].powi(2)).sum(),
        false => -pairwise[[j, i]] * pairwise[[i, j]],
    });
    let mut p = Array1::from_elem(k, 1.0 / k as f64);
    for _ in 0..100.max(k) {
        let product = q.dot(&p);
        let energy = p.dot(&product);
        if product.iter().all(|value| (value - energy).abs() < 0.005 / k as f64) {
            break;
        }
        for i in 0..k {
            let (row, energy) = (q.row(i).dot(&p), p.dot(&q.dot(&p)));
            p[i] += (energy - row) / q[[i, i]];
            let total = p.sum();
            p /= total;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{close, matrix, reference, vector};

    fn ctx() -> Context {
        Context::new(0).with_threads(1)
    }

    fn classes(values: &serde_json::Value) -> Vec<usize> {
        vector(values).iter().map(|&x| x as usize).collect()
    }

    #[test]
    fn agrees_with_libsvm() {
        for case in reference()["svm"].as_array().unwrap() {
            let (kernel, test, y) = (matrix(&case["kernel"]), matrix(&case["test_kernel"]), classes(&case["y"]));
            let k = y.iter().max().unwrap() + 1;
            let settings = SvmSettings { c: case["c"].as_f64().unwrap(), tolerance: 1e-10, ..SvmSettings::default() };
            let (svm, status) = fit(kernel.view(), &y, k, &settings, &ctx()).unwrap();
            assert_eq!(status, Status::Converged);
            let decisions = svm.decisions(test.view());
            if k > 2 {
                close(&decisions, &matrix(&case["decisions"]), 1e-6);
                close(&svm.class_scores(decisions.view()), &matrix(&case["class_scores"]), 1e-6);
            } else {
                // scikit-learn turns the sign of a binary decision: its positive class is the second.
                close(&(-decisions.clone()), &matrix(&case["decisions"]), 1e-6);
            }
            let votes: Vec<usize> = decisions.outer_iter().map(|d| svm.vote(d)).collect();
            assert_eq!(votes, classes(&case["predicted"]));
        }
    }

    #[test]
    fn two_points_have_a_closed_form() {
        // Points -1 and 1 on a line: w = -1 (the first class is positive at -1), b = 0, both on the margin.
        let kernel = ndarray::array![[1.0, -1.0], [-1.0, 1.0]];
        let (svm, _) = fit(kernel.view(), &[0, 1], 2, &SvmSettings { c: 10.0, ..SvmSettings::default() }, &ctx()).unwrap();
        assert_eq!(svm.machines[0].weights, [0.5, -0.5]);
        assert_eq!(svm.decisions(kernel.view()).column(0).to_vec(), [1.0, -1.0]);
    }

    #[test]
    fn probabilities_rise_with_the_decision_and_sum_to_one() {
        let decisions: Vec<f64> = (0..40).map(|i| (f64::from(i) - 20.0) / 8.0).collect();
        let positive: Vec<bool> = (0..40).map(|i| i >= 20 || i % 5 == 0).collect();
        let sigmoid = Sigmoid::fit(&decisions, &positive);
        assert!(sigmoid.a < 0.0 && sigmoid.probability(2.0) > sigmoid.probability(-2.0));
        let mean = decisions.iter().map(|&d| sigmoid.probability(d)).sum::<f64>() / 40.0;
        assert!((mean - 25.0 / 40.0).abs() < 0.05, "{mean}");
        let p = couple(ndarray::array![[0.0, 0.8, 0.7], [0.2, 0.0, 0.4], [0.3, 0.6, 0.0]].view());
        assert!((p.sum() - 1.0).abs() < 1e-12 && p[0] > p[2] && p[2] > p[1], "{p}");
    }

    #[test]
    fn bad_input_is_refused() {
        let kernel = Array2::<f64>::eye(2);
        let error = |y: &[usize], k| fit(kernel.view(), y, k, &SvmSettings::default(), &ctx()).unwrap_err().to_string();
        assert_eq!(error(&[0, 1, 1], 2), "the kernel of 3 rows must have shape (3, 3), got (2, 2)");
        assert_eq!(error(&[0, 1], 3), "class 2 has no rows");
    }
}
