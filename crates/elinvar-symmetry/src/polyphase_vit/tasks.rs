//! The tasks: thin adapters between named inputs and the typed API.

use super::data::shapes;
use super::fit::{self, Data};
use super::images::{Pixels, anchors, images, rolled};
use super::model::PolyModel;
use super::params::{Consistency, ImportedNetwork, PolyTwins, PolyVit, PolyphaseAnchor, ShiftReport};
use super::shifts::ShiftFindings;
use super::weights::import;
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Item, Measurement, NoParams, Operation, Output, Result,
    Shape, Status, Table,
};
use elinvar_data::classes::only_column;
use elinvar_math::logistic::most_probable;
use elinvar_math::polyphase::Offset;
use ndarray::{Array1, Array2, Array4, CowArray, Ix4};
use std::path::PathBuf;

const X: Field = Field::member("X", Shape::Tensor(4), "images (n, channels, height, width), or grey ones (n, height, width)");
const Y: Field = Field::member("y", Shape::Table, "label of each image (n,): whole numbers or text");

fn labels(bundle: &Bundle<'_>) -> Result<Column> {
    only_column(&bundle.table("y")?, "y")
}

impl Input<'_> for Data {
    const FIELDS: &'static [Field] = &[
        X,
        Y,
        Field::new("weights", Shape::Path, "arrays to start from where names (of timm) and shapes are the same (.safetensors, .npz)")
            .optional(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let weights = bundle.get("weights").map(|_| path(bundle, "weights")).transpose()?;
        Ok(Self { images: images(bundle, "X")?.into_owned(), y: labels(bundle)?, weights })
    }
}

fn path(bundle: &Bundle<'_>, name: &str) -> Result<PathBuf> {
    bundle.json(name)?.as_str().map(PathBuf::from).ok_or_else(|| Error::input(format!("'{name}' must be the name of a file")))
}

fn labelled() -> Bundle<'static> {
    let (images, codes) = shapes(24, 8, &mut elinvar_core::random::stream(0, &[("example", 0)]));
    let y = Column::Integer(codes.into_iter().map(|code| code as i64).collect());
    Bundle::new().with("X", images).with("y", Table::new().with("y", y).unwrap_or_default())
}

fn unlabelled() -> Bundle<'static> {
    let mut data = labelled();
    data.remove("y");
    data
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "train a vision transformer whose classes do not depend on circular shifts";
    type Params = PolyVit;
    type Input<'a> = Data;
    type Model = PolyModel;
    fn fit(params: &Checked<PolyVit>, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
        fit::fit(params, data, ctx)
    }
    fn example() -> Bundle<'static> {
        labelled()
    }
}

/// `fit-twins`.
pub(super) struct FitTwinsTask;

impl Estimator for FitTwinsTask {
    const VERB: &'static str = "fit-twins";
    const SUMMARY: &'static str = "train a vision transformer in stages (Twins) whose classes do not depend on circular shifts";
    type Params = PolyTwins;
    type Input<'a> = Data;
    type Model = PolyModel;
    fn fit(params: &Checked<PolyTwins>, data: Data, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
        fit::fit_twins(params, data, ctx)
    }
    fn example() -> Bundle<'static> {
        labelled()
    }
}

/// Where weights lie.
pub(super) struct Weights(PathBuf);

impl Input<'_> for Weights {
    const FIELDS: &'static [Field] =
        &[Field::new("weights", Shape::Path, "state dictionary of timm's VisionTransformer or Twins (.safetensors, .npz)")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        path(bundle, "weights").map(Self)
    }
}

/// `import`.
pub(super) struct ImportTask;

impl Estimator for ImportTask {
    const VERB: &'static str = "import";
    const SUMMARY: &'static str = "read a network that timm trained, and put anchors in front of it";
    type Params = ImportedNetwork;
    type Input<'a> = Weights;
    type Model = PolyModel;
    fn fit(params: &Checked<ImportedNetwork>, Weights(path): Weights, ctx: &mut Context) -> Result<Fitted<PolyModel>> {
        let model = import(params, &path)?;
        model.warn_of_positions(ctx);
        Ok(Fitted { model, status: Status::Converged, trace: Table::new() })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// Images alone.
pub(super) struct ToPredict<'a>(CowArray<'a, f32, Ix4>);

impl<'a> Input<'a> for ToPredict<'a> {
    const FIELDS: &'static [Field] = &[X];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        images(bundle, "X").map(Self)
    }
}

/// Classes of images.
pub(super) struct Predicted {
    labels: Table,
    code: Array1<i64>,
    probabilities: Array2<f64>,
}

impl Output for Predicted {
    const FIELDS: &'static [Field] = &[
        Field::new("labels", Shape::Table, "class of each image (n rows)"),
        Field::new("code", Shape::Vector, "place of the class among the sorted classes (n,)"),
        Field::new("probabilities", Shape::Matrix, "probability of each class (n, classes)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("labels", self.labels).with("code", self.code).with("probabilities", self.probabilities)
    }
}

/// `predict`.
pub(super) struct PredictTask;

impl Operation for PredictTask {
    const VERB: &'static str = "predict";
    const SUMMARY: &'static str = "predict the classes of images";
    type Params = NoParams;
    type Model = PolyModel;
    type Input<'a> = ToPredict<'a>;
    type Output = Predicted;
    fn apply(_: &Checked<NoParams>, model: &PolyModel, ToPredict(x): ToPredict<'_>, ctx: &mut Context) -> Result<Predicted> {
        let probabilities = model.probabilities(x.view(), ctx)?;
        let codes = most_probable(&probabilities);
        let labels = Table::new().with("label", model.classes.column(&codes))?;
        Ok(Predicted { labels, code: codes.iter().map(|&code| code as i64).collect(), probabilities })
    }
    fn example() -> Bundle<'static> {
        unlabelled()
    }
}

/// The consistency of a classifier.
pub(super) struct Agreement(f64);

impl Output for Agreement {
    const FIELDS: &'static [Field] =
        &[Field::new("consistency", Shape::Scalar, "share of images whose class is the same under all of the random circular shifts")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("consistency", self.0)
    }
}

/// `consistency`.
pub(super) struct ConsistencyTask;

impl Operation for ConsistencyTask {
    const VERB: &'static str = "consistency";
    const SUMMARY: &'static str = "share of images whose class does not change under random circular shifts";
    type Params = Consistency;
    type Model = PolyModel;
    type Input<'a> = ToPredict<'a>;
    type Output = Agreement;
    fn apply(params: &Checked<Consistency>, model: &PolyModel, ToPredict(x): ToPredict<'_>, ctx: &mut Context) -> Result<Agreement> {
        model.consistency(x.view(), params, ctx).map(Agreement)
    }
    fn example() -> Bundle<'static> {
        unlabelled()
    }
}

/// Images with labels.
pub(super) struct ToJudge<'a> {
    images: CowArray<'a, f32, Ix4>,
    y: Column,
}

impl<'a> Input<'a> for ToJudge<'a> {
    const FIELDS: &'static [Field] = &[X, Y];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self { images: images(bundle, "X")?, y: labels(bundle)? })
    }
}

impl Output for ShiftFindings {
    const FIELDS: &'static [Field] = &[
        Field::new("accuracy", Shape::Scalar, "share of images whose class is right"),
        Field::new("shifted_accuracy", Shape::Scalar, "the same after one random circular shift of each image"),
        Field::new("worst_accuracy", Shape::Scalar, "share of images whose class is right after each of the random shifts"),
        Field::new("consistency", Shape::Scalar, "share of images with one class after two of the random shifts"),
        Field::new("filled_consistency", Shape::Scalar, "the same where zeros come in, not what left on the other side"),
        Field::new(
            "logit_variance",
            Shape::Scalar,
            "variance of the right class's logit over diagonal shifts of -5 to 4 pixels, averaged over images",
        ),
        Field::new("ambiguous", Shape::Scalar, "images whose anchor nothing decides"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new()
            .with("accuracy", self.accuracy)
            .with("shifted_accuracy", self.shifted_accuracy)
            .with("worst_accuracy", self.worst_accuracy)
            .with("consistency", self.consistency)
            .with("filled_consistency", self.filled_consistency)
            .with("logit_variance", self.logit_variance)
            .with("ambiguous", self.ambiguous as f64)
    }
}

/// `shift-report`.
pub(super) struct ShiftReportTask;

impl Operation for ShiftReportTask {
    const VERB: &'static str = "shift-report";
    const SUMMARY: &'static str = "accuracy and agreement of classes when images are shifted";
    type Params = ShiftReport;
    type Model = PolyModel;
    type Input<'a> = ToJudge<'a>;
    type Output = ShiftFindings;
    fn apply(params: &Checked<ShiftReport>, model: &PolyModel, input: ToJudge<'_>, ctx: &mut Context) -> Result<ShiftFindings> {
        let codes = model.classes.codes(&input.y)?;
        model.shift_report(input.images.view(), &codes, params, ctx)
    }
    fn example() -> Bundle<'static> {
        labelled()
    }
}

/// Images in the precision in which they come.
pub(super) struct ToAnchor<'a>(Pixels<'a>);

impl<'a> Input<'a> for ToAnchor<'a> {
    const FIELDS: &'static [Field] = &[X];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Pixels::of(bundle, "X").map(Self)
    }
}

/// Anchored images.
pub(super) struct Anchored {
    images: Item<'static>,
    offset: Array2<i64>,
    ambiguous: Array1<i64>,
}

impl Output for Anchored {
    const FIELDS: &'static [Field] = &[
        Field::new("anchored", Shape::Tensor(4), "images (n, channels, height, width), each rolled by its offset"),
        Field::new("offset", Shape::Matrix, "row and column of the pixel that was brought to the first place (n, 2)"),
        Field::new("ambiguous", Shape::Vector, "1 where nothing told the strongest components apart (n,)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("anchored", self.images).with("offset", self.offset).with("ambiguous", self.ambiguous)
    }
}

/// `anchor`.
pub(super) struct AnchorTask;

impl Measurement for AnchorTask {
    const VERB: &'static str = "anchor";
    const SUMMARY: &'static str = "roll images so that their strongest polyphase component comes first";
    type Params = PolyphaseAnchor;
    type Input<'a> = ToAnchor<'a>;
    type Output = Anchored;
    fn measure(params: &Checked<PolyphaseAnchor>, ToAnchor(pixels): ToAnchor<'_>, ctx: &mut Context) -> Result<Anchored> {
        let (found, images): (_, Item<'static>) = match pixels {
            Pixels::Single(x) => {
                let found = anchors(params.anchor(), x.view(), ctx)?;
                let images = rolled(x.view(), |i| found[i].offset, ctx)?;
                (found, images.into())
            }
            Pixels::Double(x) => {
                let found = anchors(params.anchor(), x.view(), ctx)?;
                let images = rolled(x.view(), |i| found[i].offset, ctx)?;
                (found, images.into())
            }
        };
        let offset = |i: usize, j: usize| [found[i].offset.row, found[i].offset.column][j] as i64;
        Ok(Anchored {
            images,
            offset: Array2::from_shape_fn((found.len(), 2), |(i, j)| offset(i, j)),
            ambiguous: found.iter().map(|found| i64::from(found.ambiguous)).collect(),
        })
    }
    fn example() -> Bundle<'static> {
        unlabelled()
    }
}

/// Anchored images and their offsets.
pub(super) struct ToRestore<'a> {
    images: Pixels<'a>,
    offset: Vec<Offset>,
}

impl<'a> Input<'a> for ToRestore<'a> {
    const FIELDS: &'static [Field] =
        &[X, Field::member("offset", Shape::Matrix, "row and column that the anchor brought to the first place (n, 2)")];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let (images, offset) = (Pixels::of(bundle, "X")?, bundle.matrix("offset")?);
        let (n, shape) = (images.n(), offset.dim());
        if shape != (n, 2) {
            return Err(Error::input(format!("'offset' must have shape ({n}, 2) for {n} images, got {shape:?}")));
        }
        if let Some(wrong) = offset.iter().find(|v| !(v.fract() == 0.0 && (0.0..1e15).contains(*v))) {
            return Err(Error::input(format!("'offset' must hold whole numbers >= 0, got {wrong}")));
        }
        let offset = offset.rows().into_iter().map(|row| Offset { row: row[0] as usize, column: row[1] as usize }).collect();
        Ok(Self { images, offset })
    }
}

/// Images back in place.
pub(super) struct Restored(Item<'static>);

impl Output for Restored {
    const FIELDS: &'static [Field] = &[Field::new("restored", Shape::Tensor(4), "images (n, channels, height, width) as they were")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("restored", self.0)
    }
}

/// `restore`.
pub(super) struct RestoreTask;

impl Measurement for RestoreTask {
    const VERB: &'static str = "restore";
    const SUMMARY: &'static str = "undo the roll of an anchor, also of maps of outputs of the same size";
    type Params = NoParams;
    type Input<'a> = ToRestore<'a>;
    type Output = Restored;
    fn measure(_: &Checked<NoParams>, input: ToRestore<'_>, ctx: &mut Context) -> Result<Restored> {
        let torus = super::images::torus(input.images.size());
        let back = |i: usize| torus.back(input.offset[i]);
        match input.images {
            Pixels::Single(x) => rolled(x.view(), back, ctx).map(|images: Array4<f32>| Restored(images.into())),
            Pixels::Double(x) => rolled(x.view(), back, ctx).map(|images: Array4<f64>| Restored(images.into())),
        }
    }
    fn example() -> Bundle<'static> {
        unlabelled().with("offset", Array2::<i64>::zeros((24, 2)))
    }
}
