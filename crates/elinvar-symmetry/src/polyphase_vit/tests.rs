//! Properties of the classifiers and of the anchor of batches.

use super::data::{digits, shapes};
use super::images::{Fill, anchors, rolled, shifted};
use super::shifts::random_shifts;
use super::*;
use elinvar_core::random::stream;
use elinvar_core::{Bundle, Column, Context, Model, Result};
use elinvar_math::polyphase::{Anchor, Norm, Offset, TieBreak};
use elinvar_nn::vit::{Pool, Position};
use ndarray::{Array4, ArrayView4, Axis, Slice};
use serde_json::Map;

fn labelled(n: usize, side: usize) -> Data {
    let (images, codes) = shapes(n, side, &mut stream(3, &[("test", 0)]));
    Data { images, y: Column::Integer(codes.into_iter().map(|code| code as i64).collect()), weights: None }
}

fn small() -> PolyVit {
    PolyVit { dim: 16, depth: 1, epochs: 4, batch_size: 16, ..PolyVit::default() }
}

fn fitted(params: &PolyVit) -> PolyModel {
    params.fit(labelled(60, 8), &mut Context::new(0)).unwrap().model
}

fn images(n: usize, side: usize) -> Array4<f32> {
    shapes(n, side, &mut stream(9, &[("test", 0)])).0
}

/// The greatest change of a logit over the greatest logit.
fn change(model: &PolyModel, images: ArrayView4<'_, f32>, moved: ArrayView4<'_, f32>) -> f64 {
    let context = Context::new(0);
    let (a, b) = (model.logits(images, &context).unwrap(), model.logits(moved, &context).unwrap());
    let size = a.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    a.iter().zip(&b).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs() / size))
}

fn moved(images: ArrayView4<'_, f32>) -> Array4<f32> {
    let shifts = random_shifts(images.dim().0, 1, images.dim().2, &Context::new(5));
    shifted(images, &shifts[0], Fill::Circle, &Context::new(0)).unwrap()
}

#[test]
fn classes_do_not_depend_on_circular_shifts() {
    let images = images(40, 8);
    for params in [
        small(),
        PolyVit { pool: Pool::Mean, ..small() },
        PolyVit { position: Position::None, ..small() },
        PolyVit { norm: Norm::L1, standardize: false, ..small() },
    ] {
        let model = fitted(&params);
        assert!(change(&model, images.view(), moved(images.view()).view()) < 1e-5, "{params:?}");
        let consistency = model.consistency(images.view(), &Consistency { n_shifts: 4, max_shift: 8 }, &mut Context::new(1)).unwrap();
        assert_eq!(consistency, 1.0);
    }
    let plain = fitted(&PolyVit { anchor: false, position: Position::Absolute, ..small() });
    assert!(change(&plain, images.view(), moved(images.view()).view()) > 1e-2);
}

#[test]
fn twins_do_not_depend_on_circular_shifts_with_anchors_inside() {
    let images = images(30, 16);
    let data = || labelled(40, 16);
    let params = PolyTwins { epochs: 2, ..PolyTwins::default() };
    let model = params.fit(data(), &mut Context::new(0)).unwrap().model;
    assert!(change(&model, images.view(), moved(images.view()).view()) < 1e-5);
    let plain = PolyTwins { anchor: false, ..params.clone() }.fit(data(), &mut Context::new(0)).unwrap().model;
    assert!(change(&plain, images.view(), moved(images.view()).view()) > 1e-2);
    let full = PolyTwins { full_anchor: true, ..params }.fit(data(), &mut Context::new(0)).unwrap().model;
    let context = Context::new(0);
    assert_eq!(full.logits(images.view(), &context).unwrap(), full.logits(moved(images.view()).view(), &context).unwrap());
    let message = PolyTwins { window: 3, ..PolyTwins::default() }.fit(data(), &mut Context::new(0)).unwrap_err().to_string();
    assert!(message.contains("map 8x8 of stage 0 is not divisible by window 3"), "{message}");
}

#[test]
fn a_full_anchor_makes_any_network_see_one_image() {
    let images = images(20, 8);
    let model = fitted(&PolyVit { full_anchor: true, position: Position::Absolute, ..small() });
    let context = Context::new(0);
    assert_eq!(model.logits(images.view(), &context).unwrap(), model.logits(moved(images.view()).view(), &context).unwrap());
}

#[test]
fn training_tells_the_shapes_apart_wherever_they_lie() {
    let params = PolyVit { epochs: 30, ..PolyVit::default() };
    let model = params.fit(labelled(240, 8), &mut Context::new(0)).unwrap().model;
    let (test, codes) = shapes(100, 8, &mut stream(77, &[("test", 0)]));
    let found = model.codes(moved(test.view()).view(), &Context::new(0)).unwrap();
    let right = found.iter().zip(&codes).filter(|(a, b)| a == b).count();
    assert!(right >= 95, "{right}");
    assert!(model.loss_curve.len() == 30 && model.loss_curve[29] < 0.3 * model.loss_curve[0]);
}

#[test]
fn neither_threads_nor_other_images_change_a_prediction() {
    let (params, images) = (small(), images(37, 8));
    let of = |threads| params.fit(labelled(60, 8), &mut Context::new(0).with_threads(threads)).unwrap().model;
    let (one, two) = (of(1), of(2));
    assert_eq!(one.network.parameters().values(), two.network.parameters().values());
    let whole = one.logits(images.view(), &Context::new(0).with_threads(2)).unwrap();
    for i in [0, 17, 36] {
        let alone = one.logits(images.slice_axis(Axis(0), Slice::from(i..i + 1)), &Context::new(0).with_threads(1)).unwrap();
        assert_eq!(alone.row(0), whole.row(i));
    }
}

#[test]
fn images_of_another_size_are_taken_where_positions_are_not_absolute() {
    let larger = images(6, 16);
    let logits = fitted(&small()).logits(larger.view(), &Context::new(0)).unwrap();
    assert_eq!(logits.dim(), (6, 2));
    let absolute = fitted(&PolyVit { anchor: false, position: Position::Absolute, ..small() });
    let message = absolute.logits(larger.view(), &Context::new(0)).unwrap_err().to_string();
    assert!(message.contains("takes images of 8x8 pixels, got 16x16"), "{message}");
}

#[test]
fn tokens_without_positions_are_a_set() {
    let model = fitted(&PolyVit { anchor: false, position: Position::None, ..small() });
    let images = images(10, 8);
    let swapped = rolled(images.view(), |_| Offset { row: 4, column: 0 }, &Context::new(0)).unwrap();
    assert!(change(&model, images.view(), swapped.view()) < 1e-6);
}

#[test]
fn constant_images_are_ambiguous_and_counted() {
    let mut data = labelled(60, 8);
    data.images.slice_axis_mut(Axis(0), Slice::from(..3)).fill(7.0);
    let mut context = Context::new(0);
    let model = small().fit(data, &mut context).unwrap().model;
    assert_eq!(model.ambiguous, 3);
    assert!(context.warnings()[0].contains("3 of 60 images are ambiguous"), "{:?}", context.warnings());
}

#[test]
fn anchors_in_vain_are_warned_of() {
    let warned = |params: PolyVit| {
        let mut context = Context::new(0);
        params.fit(labelled(20, 8), &mut context).unwrap();
        context.warnings().iter().any(|warning| warning.contains("with absolute positions classes depend on shifts by whole patches"))
    };
    let absolute = PolyVit { position: Position::Absolute, epochs: 0, ..small() };
    assert!(warned(absolute.clone()) && !warned(PolyVit { full_anchor: true, ..absolute.clone() }));
    assert!(!warned(PolyVit { anchor: false, ..absolute }) && !warned(small()));
}

#[test]
fn images_may_lie_in_any_order_of_memory() {
    let images = images(5, 8);
    let turned = images.clone().permuted_axes([3, 2, 1, 0]).as_standard_layout().into_owned().permuted_axes([3, 2, 1, 0]);
    for params in [small(), PolyVit { anchor: false, ..small() }] {
        let (model, context) = (fitted(&params), Context::new(0));
        assert_eq!(model.logits(images.view(), &context).unwrap(), model.logits(turned.view(), &context).unwrap());
    }
}

#[test]
fn the_report_measures_what_it_says() {
    let model = fitted(&PolyVit { anchor: false, position: Position::Absolute, ..small() });
    let (test, codes) = shapes(50, 8, &mut stream(8, &[("test", 0)]));
    let mut known: Vec<Option<usize>> = codes.iter().copied().map(Some).collect();
    let report = |known: &[Option<usize>], max_shift| {
        model.shift_report(test.view(), known, &ShiftReport { n_shifts: 3, max_shift }, &mut Context::new(0)).unwrap()
    };
    let still = report(&known, 1);
    assert_eq!((still.consistency, still.filled_consistency), (1.0, 1.0));
    assert_eq!((still.shifted_accuracy, still.worst_accuracy), (still.accuracy, still.accuracy));
    let found = report(&known, 8);
    assert!(found.worst_accuracy <= found.shifted_accuracy && found.logit_variance > 0.0 && found.accuracy == still.accuracy);
    known.iter_mut().for_each(|code| *code = None);
    assert_eq!(report(&known, 8).accuracy, 0.0);
}

#[test]
fn rolls_are_undone_and_their_gradient_is_the_roll_back() {
    let (images, context) = (images(5, 8), Context::new(0));
    let found = anchors(Anchor { full: true, ..Anchor::new(4) }, images.view(), &context).unwrap();
    let torus = super::images::torus([1, 8, 8]);
    let anchored = rolled(images.view(), |i| found[i].offset, &context).unwrap();
    assert_eq!(rolled(anchored.view(), |i| torus.back(found[i].offset), &context).unwrap(), images);
    // <w, P(x)> = <P'(w), x>, with the offsets as constants.
    let w = shapes(5, 8, &mut stream(4, &[("test", 0)])).0;
    let back = rolled(w.view(), |i| torus.back(found[i].offset), &context).unwrap();
    let along = |a: &Array4<f32>, b: &Array4<f32>| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    assert_eq!(along(&w, &anchored), along(&back, &images));
}

#[test]
fn zeros_come_in_where_the_image_was() {
    let image = Array4::from_shape_fn((1, 1, 2, 3), |(_, _, i, j)| (1 + i * 3 + j) as f32);
    let shift = [Offset { row: 1, column: 1 }];
    let of = |fill| shifted(image.view(), &shift, fill, &Context::new(0)).unwrap().iter().copied().collect::<Vec<_>>();
    assert_eq!(of(Fill::Circle), [6.0, 4.0, 5.0, 3.0, 1.0, 2.0]);
    assert_eq!(of(Fill::Zeros), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
}

fn refused(params: PolyVit, data: Data) -> String {
    params.fit(data, &mut Context::new(0)).unwrap_err().to_string()
}

#[test]
fn errors_say_what_to_do() {
    let data = || labelled(10, 8);
    let uneven = Data { images: Array4::zeros((10, 1, 30, 32)), ..data() };
    assert!(refused(small(), uneven).contains("image 30x32 is not divisible by patch 4; pad or resize"));
    assert!(refused(PolyVit { heads: 3, ..small() }, data()).contains("parameter 'heads' must be a divisor of dim 16, got 3"));
    assert!(refused(PolyVit { image_size: Some(16), ..small() }, data()).contains("'image_size' must be that of the images, 8x8, got 16"));
    assert!(refused(PolyVit { anchor: false, full_anchor: true, ..small() }, data()).contains("full_anchor"));
    assert!(refused(PolyVit { lr: 1e30, ..small() }, data()).contains("training diverged in epoch"));
    let short = Data { y: Column::Integer(vec![0, 1]), ..data() };
    assert!(refused(small(), short).contains("y must have 10 labels like X has images, got 2"));
    let model = fitted(&small());
    let coloured = model.logits(Array4::zeros((1, 3, 8, 8)).view(), &Context::new(0)).unwrap_err().to_string();
    assert!(coloured.contains("X has 3 channels, the fit had 1"));
}

fn task(verb: &str, data: Bundle<'_>) -> Result<Bundle<'static>> {
    let outcome = method().run(verb, &Map::new(), None, &data, &mut Context::new(0));
    outcome.map(|outcome| outcome.values)
}

#[test]
fn inputs_that_are_no_images_are_named() {
    let message = |data: Bundle<'_>| task("anchor", data).map(|_| ()).unwrap_err().to_string();
    let mut images = images(3, 8);
    images[[1, 0, 2, 5]] = f32::NAN;
    let text = message(Bundle::new().with("X", images));
    assert!(text.contains("'X' must be finite, got NaN in image 1, channel 0, row 2, column 5"), "{text}");
    assert!(message(Bundle::new().with("X", ndarray::arr1(&[1.0]))).contains("grey ones (n, height, width), got shape [1]"));
    assert!(message(Bundle::new().with("X", Array4::<f32>::zeros((0, 1, 4, 4)))).contains("at least 1 image"));
    let offsets = Bundle::new().with("X", Array4::<f64>::zeros((2, 1, 4, 4)));
    let restore =
        |offset: ndarray::Array2<f64>| task("restore", offsets.clone().with("offset", offset)).map(|_| ()).unwrap_err().to_string();
    assert!(restore(ndarray::arr2(&[[0.0, 0.0]])).contains("must have shape (2, 2) for 2 images, got (1, 2)"));
    assert!(restore(ndarray::arr2(&[[0.0, 0.0], [0.5, 0.0]])).contains("whole numbers >= 0, got 0.5"));
}

#[test]
fn grey_levels_anchor_exactly_and_keep_their_precision() {
    let grey = images(4, 8).mapv(|v| v as i64).index_axis_move(Axis(1), 0);
    let found = task("anchor", Bundle::new().with("X", grey.clone())).unwrap();
    assert_eq!(found.array("anchored").unwrap().shape(), [4, 1, 8, 8]);
    let back = task(
        "restore",
        Bundle::new().with("X", found.array("anchored").unwrap().into_owned()).with("offset", found.matrix("offset").unwrap().into_owned()),
    )
    .unwrap();
    assert!(back.array("restored").unwrap().iter().zip(&grey).all(|(a, b)| *a == *b as f64));
}

#[test]
fn weights_of_the_same_names_and_shapes_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit.safetensors");
    let donor = fitted(&PolyVit { anchor: false, position: Position::Absolute, ..small() });
    saved(&donor, &path);
    let mut context = Context::new(4);
    let data = Data { weights: Some(path.clone()), ..labelled(60, 8) };
    let model = PolyVit { epochs: 0, ..small() }.fit(data, &mut context).unwrap().model;
    let of = |model: &PolyModel| model.network.parameters().get("blocks.0.attn.qkv.weight").unwrap().to_owned();
    assert_eq!(of(&model), of(&donor));
    assert!(context.warnings()[0].contains("these start anew: pos_conv.bias, pos_conv.weight"), "{:?}", context.warnings());
    elinvar_data::write_arrays(&path, &[("other".to_owned(), ndarray::arr1(&[1.0_f32]).into())]).unwrap();
    let data = Data { weights: Some(path), ..labelled(60, 8) };
    assert!(refused(small(), data).contains("has no array of this network, such as 'cls_token'"));
}

fn saved(model: &PolyModel, path: &std::path::Path) {
    let arrays: Vec<_> = model.network.parameters().to_arrays("").into_iter().map(|(name, array)| (name, array.into())).collect();
    elinvar_data::write_arrays(path, &arrays).unwrap();
}

#[test]
fn saved_networks_are_imported_with_their_shape() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let images = images(5, 16);
    let params = ImportedNetwork { heads: Some(vec![2]), image_size: 16, mean: vec![0.0], std: vec![1.0], ..ImportedNetwork::default() };
    let same = |model: &PolyModel, params: &ImportedNetwork| {
        saved(model, &path);
        let again = super::weights::import(params, &path).unwrap();
        let context = Context::new(0);
        assert_eq!(model.logits(images.view(), &context).unwrap(), again.logits(images.view(), &context).unwrap());
    };
    let data = || labelled(20, 16);
    let raw = PolyVit { epochs: 1, standardize: false, ..PolyVit::default() };
    for position in [Position::Absolute, Position::CircularConvolution, Position::None] {
        same(&PolyVit { position, ..raw.clone() }.fit(data(), &mut Context::new(0)).unwrap().model, &params);
    }
    let twins = PolyTwins { epochs: 1, standardize: false, window: 2, ..PolyTwins::default() };
    let twins = PolyTwins { window: 7, patches: vec![1, 2], reductions: vec![2, 1], ..twins };
    let (square, codes) = shapes(20, 14, &mut stream(3, &[("test", 0)]));
    let y = Column::Integer(codes.into_iter().map(|code| code as i64).collect());
    let model = twins.fit(Data { images: square.clone(), y, weights: None }, &mut Context::new(0)).unwrap().model;
    saved(&model, &path);
    let params = ImportedNetwork { heads: Some(vec![2, 4]), image_size: 14, ..params };
    let again = super::weights::import(&params, &path).unwrap();
    let context = Context::new(0);
    assert_eq!(model.logits(square.view(), &context).unwrap(), again.logits(square.view(), &context).unwrap());
    let refused = |params: &ImportedNetwork| super::weights::import(params, &path).map(|_| ()).unwrap_err().to_string();
    assert!(refused(&ImportedNetwork { mean: vec![0.0, 1.0], ..params.clone() }).contains("one number, or one for each of 1 channels"));
    elinvar_data::write_arrays(&path, &[("other".to_owned(), ndarray::arr1(&[1.0_f32]).into())]).unwrap();
    assert!(refused(&params).contains("has no array 'patch_embed.proj.weight'"), "{}", refused(&params));
}

#[test]
fn damaged_models_are_refused() {
    let mut state = fitted(&small()).to_state();
    state.json["preparation"]["centre"] = serde_json::json!([0.0, 0.0]);
    assert!(PolyModel::from_state(state, 1).unwrap_err().to_string().contains("do not fit together"));
}

/// The figures of the data: how often components tie, and that keys decide all of them.
#[test]
#[ignore = "needs the digits of ELINVAR_DATA"]
fn digits_tie_as_often_as_counted_elsewhere() {
    let (images, _) = digits().unwrap();
    let ties = |stride: usize| {
        let bare = Anchor { tie_break: TieBreak::None, ..Anchor::new(stride) };
        anchors(bare, images.view(), &Context::new(0)).unwrap().iter().filter(|found| found.ambiguous).count()
    };
    assert_eq!([ties(4), ties(2)], [286, 5]);
    let keys = anchors(Anchor::new(4), images.view(), &Context::new(0)).unwrap();
    assert!(keys.iter().all(|found| !found.ambiguous));
}
