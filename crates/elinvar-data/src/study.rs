//! Data files of reproductions: where they lie, and what to say where they do not.

use crate::anndata::{AnnData, read_anndata};
use elinvar_core::error::Kind;
use elinvar_core::{Error, Result};
use std::path::{Path, PathBuf};

/// The variable that names the folder of the studies' data files.
const FOLDER: &str = "ELINVAR_DATA";

/// The file `name` of the folder that the variable `ELINVAR_DATA` names; `origin` says where to get it (`the repository owner/name`).
///
/// # Errors
/// The file is absent. The error is of the kind that the reproduction engine takes for "not run" instead of "failed".
pub fn study_file(name: &str, origin: &str) -> Result<PathBuf> {
    in_folder(&std::env::var_os(FOLDER).map(PathBuf::from).unwrap_or_default(), name, origin)
}

/// [`read_anndata`](crate::read_anndata) of a study file.
///
/// # Errors
/// As for [`study_file`], also where this build cannot read HDF5; and as for reading.
pub fn study_anndata(name: &str, origin: &str, column: &str) -> Result<AnnData> {
    let path = study_file(name, origin)?;
    if !cfg!(feature = "hdf5") {
        let hint = format!("build elinvar with the feature 'hdf5' to read what {FOLDER} holds");
        return Err(not_run(format!("the data file '{name}' is HDF5, which this build does not read"), hint));
    }
    read_anndata(path, column)
}

fn in_folder(folder: &Path, name: &str, origin: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(not_run(format!("the data file '{name}' is absent"), format!("get it from {origin} and set {FOLDER} to the folder above it")))
}

/// An error after which a trial counts as not run: its data cannot be had here, which says nothing of the claim.
fn not_run(message: impl Into<String>, hint: String) -> Error {
    Error::new(Kind::File, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_file_says_where_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = in_folder(folder.path(), "a/b.csv", "the repository x/y").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data file 'a/b.csv' is absent; get it from the repository x/y and set ELINVAR_DATA to the folder above it"
        );
        assert_eq!(error.kind(), Kind::File);
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b.csv"), "x\n1\n").unwrap();
        assert_eq!(in_folder(folder.path(), "a/b.csv", "").unwrap(), folder.path().join("a/b.csv"));
    }
}
