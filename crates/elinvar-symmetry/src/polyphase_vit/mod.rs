#![doc = include_str!("README.md")]

mod backbone;
mod data;
mod fit;
mod images;
mod model;
mod params;
mod reproduction;
mod shifts;
mod tasks;
#[cfg(test)]
mod tests;
mod weights;

pub use data::shapes;
pub use fit::Data;
pub use model::PolyModel;
pub use params::{Consistency, ImportedNetwork, PolyTwins, PolyVit, PolyphaseAnchor, ShiftReport, TwinsVariant, Variant};
pub use shifts::ShiftFindings;

use elinvar_core::{Card, Class, Method, Paper, Params, Role};

pub(crate) const SLUG: &str = "polyphase-vit";

const CARD: Card = Card {
    slug: SLUG,
    title: "Polyphase anchoring for vision transformers",
    family: "symmetry",
    summary: "Vision transformers that give an image one class wherever it lies in the frame: exactly so for every circular shift.",
    paper: Paper {
        title: "Reviving Shift Equivariance in Vision Transformers",
        authors: "Peijian Ding, Davit Soselia, Thomas Armstrong, Jiahao Su, Furong Huang",
        year: 2023,
        reference: "arXiv:2306.07470",
    },
    complexity: "the anchor O(pixels), one pass; the network as without it",
    keywords: &[
        "vision transformer",
        "shift invariance",
        "translation equivariance",
        "polyphase",
        "image classification",
        "Twins",
        "robustness",
    ],
};

/// The method for the registry.
pub fn method() -> Method {
    Method::new(CARD, include_str!("README.md"), reproduction::PolyphaseStudy)
        .estimator::<tasks::FitTask>()
        .on_devices()
        .estimator::<tasks::FitTwinsTask>()
        .estimator::<tasks::ImportTask>()
        .operation::<tasks::PredictTask>()
        .on_devices()
        .operation::<tasks::ConsistencyTask>()
        .on_devices()
        .operation::<tasks::ShiftReportTask>()
        .on_devices()
        .measurement::<tasks::AnchorTask>()
        .measurement::<tasks::RestoreTask>()
        .class(classifier::<PolyVit>(
            "PolyViTClassifier",
            "Vision transformer whose classes do not depend on circular shifts of an image.",
            "fit",
        ))
        .class(classifier::<PolyTwins>(
            "PolyTwinsClassifier",
            "Vision transformer in stages (Twins) whose classes do not depend on circular shifts of an image.",
            "fit-twins",
        ))
        .class(classifier::<ImportedNetwork>("TimmClassifier", "Network that timm trained, with anchors in front of it.", "import"))
        .class(
            Class::new::<PolyphaseAnchor>(
                "polyphase_anchor",
                Role::Function,
                "Rolls images so that their strongest polyphase component comes first.",
            )
            .method_returning("polyphase_anchor", "anchor", &["anchored", "offset"]),
        )
        .class(Class::new::<elinvar_core::NoParams>("restore", Role::Function, "Undoes the roll of an anchor.").method_returning(
            "restore",
            "restore",
            &["restored"],
        ))
}

/// A classifier that this verb fits.
fn classifier<P: Params>(name: &'static str, doc: &'static str, verb: &'static str) -> Class {
    Class::new::<P>(name, Role::ImageClassifier, doc)
        .method("fit", verb)
        .method_returning("predict", "predict", &["code"])
        .method_returning("predict_proba", "predict", &["probabilities"])
        .method_returning("consistency", "consistency", &["consistency"])
        .method("shift_report", "shift-report")
        .random(&["consistency", "shift_report"])
        .attributes(&[
            ("n_parameters", "trained numbers"),
            ("image_shape", "channels, rows and columns of the images of the fit"),
            ("anchor_stride", "stride of the anchor, None where there is none"),
            ("ambiguous", "training images whose anchor nothing decides"),
            ("loss_curve", "mean loss of every epoch"),
        ])
}
