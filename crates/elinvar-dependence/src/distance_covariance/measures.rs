//! The measures of a score against protected attributes, their permutation tests, and which intersection drives them.

use super::algorithm::{Penalty, Settings};
use super::encode::Protected;
use super::params::{Centring, Measure};
use elinvar_core::{Context, Error, Result};
use elinvar_math::permutation::{family_wise, p_value};
use elinvar_math::special::chi_squared_tail;
use ndarray::{Array1, ArrayView1};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// The measure that `settings` names, of a score (n,) and the attributes.
pub fn statistic(score: ArrayView1<'_, f64>, protected: &Protected, settings: &Settings, ctx: &Context) -> Result<f64> {
    let penalty = Penalty::new(protected, settings, ctx)?;
    of_penalty(score, &penalty, settings.measure, ctx)
}

/// The gradient of that measure with respect to the score (n,).
///
/// # Errors
/// For the correlation, whose gradient is not offered.
pub fn gradient(score: ArrayView1<'_, f64>, protected: &Protected, settings: &Settings, ctx: &Context) -> Result<Array1<f64>> {
    if settings.measure == Measure::Dcor {
        return Err(Error::parameter("measure", "'ccdcov', 'jdcov' or 'sum' for a gradient", "'dcor'"));
    }
    Ok(Penalty::new(protected, settings, ctx)?.value_and_gradient(score, ctx)?.1)
}

fn of_penalty(score: ArrayView1<'_, f64>, penalty: &Penalty, measure: Measure, ctx: &Context) -> Result<f64> {
    let value = penalty.value(score, ctx)?;
    Ok(if measure == Measure::Dcor { correlation(value, penalty.score_variance(score), penalty.variance()) } else { value })
}

/// dCov² over the geometric mean of the variances; 0 where a variance is not positive.
fn correlation(covariance: f64, first: f64, second: f64) -> f64 {
    let product = first * second;
    if first > 0.0 && second > 0.0 && product > 0.0 { covariance / product.sqrt() } else { 0.0 }
}

/// A statistic with its null distribution.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// The statistic of the data.
    pub statistic: f64,
    /// (1 + number of permutations at least as large) / (permutations + 1).
    pub p_value: f64,
    /// The statistic of every permutation.
    pub null: Vec<f64>,
    /// Permutation-free bound P(chi²_1 > n dCor² + 1), conservative (Shen, Panda and Vogelstein 2022).
    pub chi2_p_value: f64,
}

/// Permutation test. JdCov² permutes every block by itself (mutual independence), the others the score against the joint rows.
pub fn permutation_test(
    score: ArrayView1<'_, f64>,
    protected: &Protected,
    settings: &Settings,
    permutations: usize,
    ctx: &Context,
) -> Result<TestResult> {
    let penalty = Penalty::new(protected, settings, ctx)?;
    let observed = of_penalty(score, &penalty, settings.measure, ctx)?;
    let inner = ctx.child(ctx.seed(), 1);
    let one = |b: usize| -> Result<f64> {
        ctx.check()?;
        if settings.measure == Measure::Jdcov {
            let blocks = protected.blocks.iter().enumerate();
            let shuffled = blocks.map(|(j, block)| block.take(&permutation(score.len(), b, j as u64, ctx))).collect();
            return Penalty::new(&Protected::new(shuffled), settings, &inner)?.value(score, &inner);
        }
        of_penalty(permuted(score, b, ctx).view(), &penalty, settings.measure, &inner)
    };
    let null = ctx.install(|| (0..permutations).into_par_iter().map(one).collect::<Result<Vec<f64>>>())?;
    let correlation_settings = Settings { measure: Measure::Dcor, estimator: Centring::U, ..settings.clone() };
    let chi2 = chi_squared_tail(score.len() as f64 * statistic(score, protected, &correlation_settings, ctx)? + 1.0, 1.0);
    Ok(TestResult { statistic: observed, p_value: p_value(observed, &null), null, chi2_p_value: chi2 })
}

fn permutation(n: usize, index: usize, block: u64, ctx: &Context) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut ctx.stream(&[("permutation", index as u64), ("block", block)]));
    rows
}

fn permuted(score: ArrayView1<'_, f64>, index: usize, ctx: &Context) -> Array1<f64> {
    permutation(score.len(), index, u64::MAX, ctx).into_iter().map(|i| score[i]).collect()
}

/// One term of JdCov²: a pair (score, attribute) or a triple (score, two attributes).
#[derive(Clone, Debug)]
pub struct Term {
    /// Names of the attributes.
    pub attributes: Vec<String>,
    /// Contribution: Σ U^ŷ Π U^j / (n(n-3)).
    pub value: f64,
    /// p-value by itself.
    pub p_value: f64,
    /// Family-wise p-value over all terms, by the largest standardised term of each permutation (max-T).
    pub p_value_family: f64,
}

/// Which attribute or intersection drives the dependence: every pair and triple term with the score, tested with one set of permutations.
pub fn attribution(score: ArrayView1<'_, f64>, protected: &Protected, permutations: usize, ctx: &Context) -> Result<Vec<Term>> {
    let m = protected.blocks.len();
    let singles = (0..m).map(|i| vec![i]);
    let pairs = (0..m).flat_map(|i| (i + 1..m).map(move |j| vec![i, j]));
    let subsets: Vec<Vec<usize>> = singles.chain(pairs).collect();
    // With c = 0 the product kernel is the bare product of centred distances.
    let settings = Settings { measure: Measure::Jdcov, c: 0.0, ..Settings::default() };
    let penalties = subsets.iter().map(|subset| {
        let blocks = subset.iter().map(|&j| protected.blocks[j].clone()).collect();
        Penalty::new(&Protected::new(blocks), &settings, ctx)
    });
    let penalties: Vec<Penalty> = penalties.collect::<Result<_>>()?;
    let inner = ctx.child(ctx.seed(), 1);
    let terms = |score: ArrayView1<'_, f64>, ctx: &Context| penalties.iter().map(|p| p.value(score, ctx)).collect::<Result<Vec<f64>>>();
    let observed = terms(score, ctx)?;
    let null = ctx.install(|| {
        let one = |b: usize| ctx.check().and_then(|()| terms(permuted(score, b, ctx).view(), &inner));
        (0..permutations).into_par_iter().map(one).collect::<Result<Vec<_>>>()
    })?;
    Ok(family(&subsets, protected, &observed, &null))
}

fn family(subsets: &[Vec<usize>], protected: &Protected, observed: &[f64], null: &[Vec<f64>]) -> Vec<Term> {
    let columns: Vec<Vec<f64>> = (0..observed.len()).map(|t| null.iter().map(|row| row[t]).collect()).collect();
    let scales: Vec<f64> = columns.iter().map(|c| root_mean_square(c)).collect();
    let standard = |row: &[f64]| -> Vec<f64> { row.iter().zip(&scales).map(|(x, s)| if *s > 0.0 { x / s } else { 0.0 }).collect() };
    let family = family_wise(&standard(observed), &null.iter().map(|row| standard(row)).collect::<Vec<_>>());
    let term = |(t, subset): (usize, &Vec<usize>)| Term {
        attributes: subset.iter().map(|&j| protected.blocks[j].name.clone()).collect(),
        value: observed[t],
        p_value: p_value(observed[t], &columns[t]),
        p_value_family: family[t],
    };
    subsets.iter().enumerate().map(term).collect()
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64).sqrt()
}
