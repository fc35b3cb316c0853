use super::*;
use crate::monge_gap::metrics::{total_variance, unexplained_variance};
use elinvar_math::transport::SinkhornSettings;
use ndarray::array;
use rand_distr::{Distribution, StandardNormal};

fn context() -> Context {
    Context::new(5).with_threads(1)
}

fn normal(rows: usize, name: &str) -> Array2<f64> {
    let mut stream = context().stream(&[(name, 0)]);
    Array2::from_shape_simple_fn((rows, 2), || StandardNormal.sample(&mut stream))
}

fn single(points: &Array2<f64>) -> Array2<f32> {
    points.mapv(|v| v as f32)
}

fn small(steps: usize) -> Minimax {
    Minimax { hidden: vec![32, 32], batch_size: 128, steps, learning_rate: 1e-3, ..Minimax::default() }
}

fn uvp(map: &dyn PointMap, x: &Array2<f64>, optimal: &Array2<f64>) -> f64 {
    unexplained_variance(map.images(x.view()).unwrap().view(), optimal.view(), total_variance(optimal.view()).unwrap()).unwrap()
}

#[test]
fn between_gaussians_the_start_is_the_closed_form_and_training_stays_there() {
    let (matrix, shift) = (array![[1.5, 0.4], [0.4, 0.7]], array![1.0, -2.0]);
    let push = |x: Array2<f64>| x.dot(&matrix) + &shift;
    let (source, target) = (normal(4096, "source"), push(normal(4096, "target")));
    let test = normal(1000, "test");
    let optimal = push(test.clone());
    let settings = Minimax { moment_rows: 4096, ..small(40) };
    let start = settings.start(single(&source).view(), single(&target).view(), &context()).unwrap();
    let closed = gaussian_map(source.view(), target.view()).unwrap().images(test.view()).unwrap();
    let apart = (start.images(test.view()).unwrap() - &closed).mapv(f64::abs).into_iter().fold(0.0, f64::max);
    assert!(apart < 0.01, "{apart}");
    let back = widen(start.backward.map(single(&optimal).view()).unwrap().view());
    assert!((back - &test).iter().all(|d| d.abs() < 0.25), "the other network starts as the inverse");
    let fitted = settings.fit(single(&source).view(), single(&target).view(), &mut context()).unwrap();
    let (before, after) = (uvp(&start, &test, &optimal), uvp(&fitted, &test, &optimal));
    assert!(before < 0.5 && after < 1.5, "{before} {after}");
}

#[test]
fn training_comes_nearer_to_a_curved_map_and_keeps_the_potential_convex() {
    // The gradient of the convex |x|²/2 + 2 |x_0|: the two halves of the plane move apart.
    let split = |x: Array2<f64>| {
        let mut y = x;
        y.column_mut(0).mapv_inplace(|v| v + 2.0 * v.signum());
        y
    };
    let (source, target) = (normal(4096, "source"), split(normal(4096, "target")));
    let test = normal(1000, "test");
    let optimal = split(test.clone());
    let settings = Minimax { deviation: 0.1, learning_rate: 3e-3, ..small(250) };
    let fit = |threads: usize| settings.fit(single(&source).view(), single(&target).view(), &mut context().with_threads(threads)).unwrap();
    let fitted = fit(1);
    let affine = uvp(&gaussian_map(source.view(), target.view()).unwrap(), &test, &optimal);
    let learned = uvp(&fitted, &test, &optimal);
    assert!(affine > 10.0 && learned < 0.7 * affine, "{learned} {affine}");
    assert!(affine < uvp(&Identity, &test, &optimal));
    let parameters = fitted.backward.parameters();
    for name in ["layer1.weight", "layer2.weight"] {
        assert!(parameters.get(name).unwrap().iter().all(|&w| w >= 0.0), "{name}");
    }
    assert_eq!(fit(2).forward.parameters().values(), fitted.forward.parameters().values(), "bit by bit at any thread count");
}

#[test]
fn the_entropic_map_of_a_shift_is_nearly_the_shift() {
    let (x, y) = (normal(600, "left"), normal(600, "right") + 3.0);
    let map = EntropicMap::fit(x.view(), y.view(), &SinkhornSettings::new(0.2), &context()).unwrap();
    let optimal = &x + 3.0;
    assert!(uvp(&map, &x, &optimal) < 10.0);
    assert!(uvp(&Identity, &x, &optimal) > 500.0);
}

#[test]
fn bad_settings_and_data_are_named() {
    let (x, y) = (single(&normal(50, "x")), Array2::<f32>::zeros((50, 3)));
    let message = |settings: Minimax, y: &Array2<f32>| settings.fit(x.view(), y.view(), &mut context()).unwrap_err().to_string();
    assert_eq!(message(small(1), &y), "X has 2 features, Y has 3");
    assert_eq!(message(Minimax { batch_size: 1, ..small(1) }, &x), "parameter 'batch_size' must be >= 2, got 1");
    let mut broken = x.clone();
    broken[[3, 1]] = f32::NAN;
    assert_eq!(message(small(1), &broken), "Y contains a non-finite value at row 3, column 1; drop or fill such rows first");
    assert!(message(Minimax { hidden: vec![], ..small(1) }, &x).starts_with("parameter 'hidden' must be"));
    let diverging = Minimax { learning_rate: 1e30, ..small(20) };
    assert_eq!(diverging.fit(x.view(), x.view(), &mut context()).unwrap_err().kind(), elinvar_core::Kind::Numeric);
}
