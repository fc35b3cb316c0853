//! Elinvar: published methods for learning what stays the same when the world changes.
//!
//! Each family of methods is a crate of its own, re-exported here; [`methods`] is the registry that the command line, Python and the
//! conformance suite read.

pub use elinvar_core as core;
pub use elinvar_core::{Bundle, Checked, Context, Device, Error, Kind, Method, Result, Status, Table};
pub use elinvar_data as data;
pub use elinvar_decision as decision;
pub use elinvar_dependence as dependence;
pub use elinvar_diagnostics as diagnostics;
pub use elinvar_learning as learning;
pub use elinvar_math as math;
pub use elinvar_nn as nn;
pub use elinvar_report as report;
pub use elinvar_symmetry as symmetry;
pub use elinvar_transport as transport;

/// Every method, family by family.
pub fn methods() -> Vec<Method> {
    let families = [
        elinvar_dependence::methods(),
        elinvar_transport::methods(),
        elinvar_learning::methods(),
        elinvar_diagnostics::methods(),
        elinvar_symmetry::methods(),
        elinvar_decision::methods(),
    ];
    families.into_iter().flatten().collect()
}

/// Where this build can compute networks: the processor, and the devices of its features that are present.
pub fn devices() -> Vec<Device> {
    elinvar_nn::device::available()
}

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
