//! Support vector machines on tangent vectors of one or several embeddings.

use super::embedding::Recipe;
use super::params::KernelKind;
use elinvar_core::{Context, Error, Result, Status};
use elinvar_math::linalg::product;
use elinvar_math::spd::{Metric, TangentSpace};
use elinvar_math::svm::{self, Sigmoid, Svm, SvmSettings, couple};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

/// The tangent space of one embedding with the vectors of the training set.
pub(super) struct Space {
    pub(super) recipe: Recipe,
    pub(super) tangent: TangentSpace,
    /// (n, P(P+1)/2).
    pub(super) vectors: Array2<f64>,
    /// `1 / (features x variance of all entries)` of the training set.
    gamma: f64,
    /// What the kernel is divided by when several are averaged: its mean diagonal on the training set.
    scale: f64,
}

impl Space {
    /// At the mean of the training set.
    pub(super) fn new(recipe: Recipe, mean: ArrayView2<'_, f64>, train: ArrayView3<'_, f64>, ctx: &Context) -> Result<Self> {
        let tangent = TangentSpace::at(Metric::AffineInvariant, mean)?;
        let vectors = tangent.vectors(train, ctx)?;
        Ok(Self::from_parts(recipe, tangent, vectors))
    }

    pub(super) fn from_parts(recipe: Recipe, tangent: TangentSpace, vectors: Array2<f64>) -> Self {
        let gamma = gamma(&vectors);
        let scale = vectors.iter().map(|value| value * value).sum::<f64>() / vectors.nrows() as f64;
        Self { recipe, tangent, vectors, gamma, scale }
    }

    /// Kernel (m, n) of tangent vectors with those of the training set.
    pub(super) fn kernel(&self, kind: KernelKind, vectors: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut kernel = product(vectors, self.vectors.t())?;
        if kind == KernelKind::Rbf {
            let squares = |rows: ArrayView2<'_, f64>| Array1::from_iter(rows.outer_iter().map(|row| row.dot(&row)));
            let (left, right) = (squares(vectors), squares(self.vectors.view()));
            for ((i, j), value) in kernel.indexed_iter_mut() {
                *value = (-self.gamma * (left[i] + right[j] - 2.0 * *value).max(0.0)).exp();
            }
        }
        Ok(kernel)
    }
}

fn gamma(vectors: &Array2<f64>) -> f64 {
    let count = vectors.len() as f64;
    let mean = vectors.sum() / count;
    let variance = vectors.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    if variance > 0.0 { 1.0 / (vectors.ncols() as f64 * variance) } else { 1.0 }
}

/// Settings that the machine is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MachineSettings {
    pub(super) c: f64,
    pub(super) kernel: KernelKind,
}

/// A fitted machine on the mean of the kernels of its spaces.
pub(super) struct TangentMachine {
    pub(super) spaces: Vec<Space>,
    pub(super) settings: MachineSettings,
    pub(super) svm: Svm,
    /// One a pair of classes; none where probabilities were not asked for.
    pub(super) sigmoids: Vec<Sigmoid>,
}

impl TangentMachine {
    pub(super) fn fit(spaces: Vec<Space>, y: &[usize], classes: usize, settings: MachineSettings, ctx: &Context) -> Result<(Self, Status)> {
        let own: Result<Vec<Array2<f64>>> = spaces.iter().map(|space| space.kernel(settings.kernel, space.vectors.view())).collect();
        let kernel = average(&spaces, own?, settings.kernel)?;
        let (svm, status) = svm::fit(kernel.view(), y, classes, &SvmSettings { c: settings.c, ..SvmSettings::default() }, ctx)?;
        Ok((Self { spaces, settings, svm, sigmoids: Vec::new() }, status))
    }

    /// Decisions (m, pairs of classes) from the covariances (m, P, P) of each space.
    pub(super) fn decisions(&self, covariances: &[ArrayView3<'_, f64>], ctx: &Context) -> Result<Array2<f64>> {
        let kernels: Result<Vec<Array2<f64>>> = self
            .spaces
            .iter()
            .zip(covariances)
            .map(|(space, stack)| space.kernel(self.settings.kernel, space.tangent.vectors(*stack, ctx)?.view()))
            .collect();
        Ok(self.svm.decisions(average(&self.spaces, kernels?, self.settings.kernel)?.view()))
    }

    /// One score a class (m, K) from decisions.
    pub(super) fn scores(&self, decisions: ArrayView2<'_, f64>) -> Array2<f64> {
        class_scores(&self.svm, decisions)
    }

    /// The scores (m, K) of a machine fitted on the kernel of the training set (n, n), from the kernel of the others with it (m, n).
    pub(super) fn scores_on(
        own: ArrayView2<'_, f64>,
        across: ArrayView2<'_, f64>,
        y: &[usize],
        classes: usize,
        c: f64,
        ctx: &Context,
    ) -> Result<Array2<f64>> {
        let (svm, _) = svm::fit(own, y, classes, &SvmSettings { c, ..SvmSettings::default() }, ctx)?;
        Ok(class_scores(&svm, svm.decisions(across).view()))
    }

    /// Class probabilities (m, K) from decisions by the sigmoids of the pairs.
    pub(super) fn probabilities(&self, decisions: ArrayView2<'_, f64>) -> Array2<f64> {
        let classes = self.svm.classes;
        let mut found = Array2::zeros((decisions.nrows(), classes));
        for (row, decision) in decisions.outer_iter().enumerate() {
            let mut pairwise = Array2::zeros((classes, classes));
            for ((machine, sigmoid), &value) in self.svm.machines.iter().zip(&self.sigmoids).zip(decision) {
                let (i, j) = machine.pair;
                let p = sigmoid.probability(value).clamp(1e-7, 1.0 - 1e-7);
                (pairwise[[i, j]], pairwise[[j, i]]) = (p, 1.0 - p);
            }
            let p = if classes == 2 { Array1::from_vec(vec![pairwise[[0, 1]], pairwise[[1, 0]]]) } else { couple(pairwise.view()) };
            found.row_mut(row).assign(&p);
        }
        found
    }

    /// Fits the sigmoids to decisions of rows that their machines had not seen.
    pub(super) fn calibrate(&mut self, decisions: ArrayView2<'_, f64>, y: &[usize]) {
        let one = |(machine, column): (&svm::Machine, ndarray::ArrayView1<'_, f64>)| {
            let (first, second) = machine.pair;
            let (kept, positive): (Vec<f64>, Vec<bool>) = column
                .iter()
                .zip(y)
                .filter(|(_, class)| **class == first || **class == second)
                .map(|(d, class)| (*d, *class == first))
                .unzip();
            Sigmoid::fit(&kept, &positive)
        };
        self.sigmoids = self.svm.machines.iter().zip(decisions.axis_iter(Axis(1))).map(one).collect();
    }
}

/// For two classes plus and minus half the decision, else votes and confidences.
fn class_scores(svm: &Svm, decisions: ArrayView2<'_, f64>) -> Array2<f64> {
    if svm.classes > 2 {
        return svm.class_scores(decisions);
    }
    // The machine is positive for the first class.
    let first = decisions.column(0);
    Array2::from_shape_fn((first.len(), 2), |(i, k)| if k == 0 { first[i] / 2.0 } else { -first[i] / 2.0 })
}

/// The mean of kernels, each over its mean diagonal; a lone one as it is.
fn average(spaces: &[Space], kernels: Vec<Array2<f64>>, kind: KernelKind) -> Result<Array2<f64>> {
    let count = kernels.len() as f64;
    let scale = |space: &Space| if spaces.len() == 1 || kind == KernelKind::Rbf { 1.0 } else { space.scale.max(f64::MIN_POSITIVE) };
    let scaled = kernels.into_iter().zip(spaces).map(|(kernel, space)| kernel / (scale(space) * count));
    scaled.reduce(|sum, kernel| sum + kernel).ok_or_else(|| Error::internal("a machine has no spaces"))
}
