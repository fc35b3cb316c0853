//! Contracts of Elinvar: parameters, data, methods, context, errors, reproductions and their judge.
//!
//! Everything else in the workspace points here; this crate knows no method and touches no file.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bundle;
pub mod class;
pub mod context;
pub mod device;
pub mod error;
pub mod method;
pub mod model;
pub mod params;
pub mod random;
pub mod reproduction;
pub mod status;
pub mod sweep;
pub mod table;
pub mod validation;

pub use bundle::{Bundle, Field, Function, Input, Item, NoInput, Origin, Output, Shape, SparseMatrix, check_finite, check_finite_vector};
pub use class::{Class, ClassMethod, Role};
pub use context::{Cancel, Context, Progress, ProgressSink};
pub use device::Device;
pub use error::{Error, Kind, Result};
pub use method::{Card, Estimator, Measurement, Method, Needs, Operation, Outcome, Paper, Verb, VerbKind, find};
pub use model::{DynModel, Fitted, FittedModel, Model, State};
pub use params::{Checked, NoParams, Params, Spec};
pub use random::{Axis, Stream};
pub use status::Status;
pub use table::{Column, Table};

/// The array types of every public signature, re-exported from one place.
pub use ndarray;
