//! The generators of the reproduction, and the children of Potthoff and Roy.

use elinvar_core::Stream;
use ndarray::{Array1, Array2};
use rand_distr::{Distribution, StandardNormal};

/// Rows with predictors and groups.
#[derive(Clone, Debug)]
pub struct Clustered {
    /// Predictors (n, p), without an intercept.
    pub x: Array2<f64>,
    /// Outcomes (n,).
    pub y: Array1<f64>,
    /// Group of each row, from 0.
    pub groups: Vec<usize>,
    /// True fixed effects, the intercept first.
    pub beta: Vec<f64>,
}

fn normal(random: &mut Stream) -> f64 {
    StandardNormal.sample(random)
}

/// Groups of `size` rows, `beta` (the intercept first) over normal predictors, unit normal intercepts and errors, both multiplied by 10 in the
/// first `outlying` groups. With `slope` the first predictor has a random slope as well, of variance 1/4.
pub fn clustered(groups: usize, size: usize, beta: Vec<f64>, outlying: usize, slope: bool, random: &mut Stream) -> Clustered {
    let (n, p) = (groups * size, beta.len() - 1);
    let x = Array2::from_shape_simple_fn((n, p), || normal(random));
    let mut y = Array1::zeros(n);
    for group in 0..groups {
        let factor = if group < outlying { 10.0 } else { 1.0 };
        let b = factor * normal(random);
        let b1 = if slope { 0.5 * factor * normal(random) } else { 0.0 };
        for row in group * size..(group + 1) * size {
            let fixed: f64 = beta[0] + x.row(row).iter().zip(&beta[1..]).map(|(x, b)| x * b).sum::<f64>();
            y[row] = fixed + b + b1 * x[[row, 0]] + factor * normal(random);
        }
    }
    Clustered { x, y, groups: (0..n).map(|row| row / size).collect(), beta }
}

/// Generator R: 60 groups of 5 rows, beta = (1, -1, .5), of which the first 6 are outlying (or none).
pub fn generator_r(outliers: bool, slope: bool, random: &mut Stream) -> Clustered {
    clustered(60, 5, vec![1.0, -1.0, 0.5], if outliers { 6 } else { 0 }, slope, random)
}

/// Generator S: sparse effects 1.5, -1.5, 1, -1, .8 of predictors 1, 6, 11, 16 and 21 among `p`, intercept 1; the first `outlying` groups
/// stand out.
pub fn generator_s(groups: usize, size: usize, p: usize, outlying: usize, random: &mut Stream) -> Clustered {
    let mut beta = vec![0.0; p + 1];
    beta[0] = 1.0;
    for (k, effect) in [1.5, -1.5, 1.0, -1.0, 0.8].into_iter().enumerate() {
        beta[1 + 5 * k] = effect;
    }
    clustered(groups, size, beta, outlying, false, random)
}

/// Distance from the pituitary to the pterygomaxillary fissure (mm) of 16 boys (M) and 11 girls (F) at ages 8, 10, 12 and 14: Potthoff and
/// Roy, Biometrika 51 (1964), 313-326.
const CHILDREN: [(&str, [f64; 4]); 27] = [
    ("M01", [26.0, 25.0, 29.0, 31.0]),
    ("M02", [21.5, 22.5, 23.0, 26.5]),
    ("M03", [23.0, 22.5, 24.0, 27.5]),
    ("M04", [25.5, 27.5, 26.5, 27.0]),
    ("M05", [20.0, 23.5, 22.5, 26.0]),
    ("M06", [24.5, 25.5, 27.0, 28.5]),
    ("M07", [22.0, 22.0, 24.5, 26.5]),
    ("M08", [24.0, 21.5, 24.5, 25.5]),
    ("M09", [23.0, 20.5, 31.0, 26.0]),
    ("M10", [27.5, 28.0, 31.0, 31.5]),
    ("M11", [23.0, 23.0, 23.5, 25.0]),
    ("M12", [21.5, 23.5, 24.0, 28.0]),
    ("M13", [17.0, 24.5, 26.0, 29.5]),
    ("M14", [22.5, 25.5, 25.5, 26.0]),
    ("M15", [23.0, 24.5, 26.0, 30.0]),
    ("M16", [22.0, 21.5, 23.5, 25.0]),
    ("F01", [21.0, 20.0, 21.5, 23.0]),
    ("F02", [21.0, 21.5, 24.0, 25.5]),
    ("F03", [20.5, 24.0, 24.5, 26.0]),
    ("F04", [23.5, 24.5, 25.0, 26.5]),
    ("F05", [21.5, 23.0, 22.5, 23.5]),
    ("F06", [20.0, 21.0, 21.0, 22.5]),
    ("F07", [21.5, 22.5, 23.0, 25.0]),
    ("F08", [23.0, 23.0, 23.5, 24.0]),
    ("F09", [20.0, 21.0, 22.0, 21.5]),
    ("F10", [16.5, 19.0, 19.0, 19.5]),
    ("F11", [24.5, 25.0, 28.0, 28.0]),
];

/// The children of Potthoff and Roy: name, whether a girl, age (years), distance (mm), one entry a measurement.
pub fn children() -> Vec<(&'static str, bool, f64, f64)> {
    let of_child = |(name, distances): (&'static str, [f64; 4])| {
        let girl = name.starts_with('F');
        distances.into_iter().zip([8.0, 10.0, 12.0, 14.0]).map(move |(distance, age)| (name, girl, age, distance))
    };
    CHILDREN.into_iter().flat_map(of_child).collect()
}
