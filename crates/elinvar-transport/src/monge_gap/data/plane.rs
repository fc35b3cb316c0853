//! Pairs in the plane and on the sphere, for pictures and costs other than the squared Euclidean one.

use super::normals;
use elinvar_core::Context;
use ndarray::{Array2, array};
use rand::RngExt;
use std::f64::consts::PI;

const NOISE: f64 = 0.05;

/// Rotates the rows by `angle` against the clock.
fn rotated(points: &Array2<f64>, angle: f64) -> Array2<f64> {
    let (sine, cosine) = angle.sin_cos();
    points.dot(&array![[cosine, sine], [-sine, cosine]])
}

/// Half-moon to S-curve, `count` points each.
///
/// Source: upper moon (noise 0.05) turned by pi/6 and shifted by (0, -0.5). Target: third and first coordinate of the S-curve (noise
/// 0.05), turned by pi/2, scaled by 0.6 and shifted by (1, -2).
pub fn moons_to_s_curve(count: usize, context: &Context) -> (Array2<f64>, Array2<f64>) {
    let mut stream = context.stream(&[("moon", 0)]);
    let last = count.saturating_sub(1).max(1) as f64;
    let moon = Array2::from_shape_fn((count, 2), |(i, k)| {
        let t = PI * i as f64 / last;
        if k == 0 { t.cos() } else { t.sin() }
    });
    let source = rotated(&(moon + normals(count, 2, &mut stream) * NOISE), PI / 6.0) + array![0.0, -0.5];
    let mut stream = context.stream(&[("s-curve", 0)]);
    let mut curve = Array2::zeros((count, 2));
    for mut point in curve.rows_mut() {
        let t: f64 = 3.0 * PI * (stream.random::<f64>() - 0.5);
        point[0] = t.signum() * (t.cos() - 1.0);
        point[1] = t.sin();
    }
    let target = rotated(&(curve + normals(count, 2, &mut stream) * NOISE), PI / 2.0) * 0.6 + array![1.0, -2.0];
    (source, target)
}

/// Two clouds on the unit sphere, `count` points each (our choice): around the first axis with spread 0.3, and around the second and the
/// third with spread 0.2.
pub fn sphere_pair(count: usize, context: &Context) -> (Array2<f64>, Array2<f64>) {
    let cloud = |name: &str, spread: f64, axes: &[usize]| {
        let mut stream = context.stream(&[(name, 0)]);
        let mut points = normals(count, 3, &mut stream) * spread;
        for mut point in points.rows_mut() {
            point[axes[stream.random_range(0..axes.len())]] += 1.0;
            let norm = point.dot(&point).sqrt();
            point /= norm;
        }
        points
    };
    (cloud("sphere-source", 0.3, &[0]), cloud("sphere-target", 0.2, &[1, 2]))
}
