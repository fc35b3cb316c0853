//! The Python module `elinvar._core`: one dynamic door to every method of the registry.
//!
//! Everything that Python users see is written in `python/elinvar`; this crate only carries data and errors across the border. It keeps
//! four promises there: arrays of NumPy are read in place, the interpreter is free while Rust works, Ctrl-C ends the work, and no panic
//! gets through.

mod command;
mod error;
mod from_python;
mod model;
mod read;
mod registry;
mod run;
mod study;
mod tables;
#[cfg(feature = "testing")]
mod testing;
mod to_python;

/// One that keeps the memory of arrays for the next ones: a training step makes and drops many, and new pages cost up to half of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rust side of the Python package `elinvar`.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::command::command;
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::read::read_table;
    #[pymodule_export]
    use crate::registry::{example, readme, registry};
    #[pymodule_export]
    use crate::run::run;
    #[pymodule_export]
    use crate::study::{Store, Study};

    /// The version of the library.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
