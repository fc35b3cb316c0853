//! Data files of reproductions: where they lie, and what to say where they do not.

use crate::anndata::{AnnData, read_anndata};
use crate::array::read_array;
use elinvar_core::error::Kind;
use elinvar_core::{Error, Result};
use ndarray::{Array2, Axis, Ix2};
use std::path::{Path, PathBuf};

/// The variable that names the folder of the studies' data files.
const FOLDER: &str = "ELINVAR_DATA";

/// The file `name` of the folder that the variable `ELINVAR_DATA` names; `origin` says where to get it (`the repository owner/name`).
///
/// # Errors
/// The file is absent. The error is of the kind that the reproduction engine takes for "not run" instead of "failed".
pub fn study_file(name: &str, origin: &str) -> Result<PathBuf> {
    in_folder(&folder(), ("file", Path::is_file), name, origin)
}

/// [`study_file`] for a folder of files.
///
/// # Errors
/// As for [`study_file`].
pub fn study_folder(name: &str, origin: &str) -> Result<PathBuf> {
    in_folder(&folder(), ("folder", Path::is_dir), name, origin)
}

/// The folder of all data files.
fn folder() -> PathBuf {
    std::env::var_os(FOLDER).map(PathBuf::from).unwrap_or_default()
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

/// Handwritten digits: 8 x 8 grey levels from 0 to 16 row by row (1797, 64), and their classes.
///
/// # Errors
/// As for [`study_file`] and for reading, or a file of another form.
pub fn study_digits() -> Result<(Array2<f64>, Vec<usize>)> {
    let path = study_file("digits/digits.csv.gz", "the repository scikit-learn/scikit-learn (sklearn/datasets/data)")?;
    study_classes(&path)
}

/// Features, and the classes 0, 1, ... in the last column, of a file without names of columns.
///
/// # Errors
/// A file that cannot be read or is no table of numbers.
pub fn study_classes(path: &Path) -> Result<(Array2<f64>, Vec<usize>)> {
    let numbers = read_array(path)?;
    let shape = numbers.shape().to_vec();
    let fits = |rows: &Array2<f64>| rows.ncols() > 0;
    let rows = numbers.into_dimensionality::<Ix2>().ok().filter(fits);
    let rows = rows.ok_or_else(|| Error::file(path, format!("must hold rows and columns, got the shape {shape:?}")))?;
    let (features, classes) = rows.view().split_at(Axis(1), rows.ncols() - 1);
    Ok((features.to_owned(), classes.iter().map(|&v| v as usize).collect()))
}

/// What is there under a name, with the word for it and how it is told.
fn in_folder(folder: &Path, (what, is_there): (&str, fn(&Path) -> bool), name: &str, origin: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if is_there(&path) {
        return Ok(path);
    }
    Err(not_run(format!("the data {what} '{name}' is absent"), format!("get it from {origin} and set {FOLDER} to the folder above it")))
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
        let error = in_folder(folder.path(), ("file", Path::is_file), "a/b.csv", "the repository x/y").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data file 'a/b.csv' is absent; get it from the repository x/y and set ELINVAR_DATA to the folder above it"
        );
        assert_eq!(error.kind(), Kind::File);
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b.csv"), "x\n1\n").unwrap();
        assert_eq!(in_folder(folder.path(), ("file", Path::is_file), "a/b.csv", "").unwrap(), folder.path().join("a/b.csv"));
    }
}
