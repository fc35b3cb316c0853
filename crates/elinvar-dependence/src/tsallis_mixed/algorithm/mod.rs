//! The mathematics: likelihood, ECME, conjugate gradient, selection and inference, on rows sorted by group.

mod density;
mod ecme;
mod gradient;
mod inference;
mod observation;
mod path;
mod pncg;
mod rows;
mod scatter;
mod tail;
mod weighting;

pub use density::{entropy, log_density, q_of};
pub(super) use ecme::{Ecme, Fit, Settings, Shrinkage};
#[cfg(test)]
pub(super) use gradient::{Layout, score};
pub(super) use inference::{information, model_tails, outliers, row_outliers};
pub(super) use path::{Step, fit, levels, null_fit, trace_path};
pub(super) use rows::Rows;
pub(super) use scatter::{Parameters, Point};
pub(super) use tail::{GAUSSIAN, NU_MAX, NU_MIN};
