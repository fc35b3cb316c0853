//! AnnData files (`.h5ad`): a matrix of cells by features with a label a cell.
//!
//! Reading needs the feature `hdf5`. Understood are `X` as a dense array or as a CSR or CSC matrix, and text or categorical columns of
//! `obs` in the layouts of anndata 0.7 and 0.8 or later. Files written with `libver="latest"` by HDF5 2 are not understood.

use elinvar_core::Result;
use ndarray::Array2;
use std::path::Path;

/// The matrix of an AnnData file with the names of its columns and one label a row.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnData {
    /// `X` (cells, features).
    pub x: Array2<f32>,
    /// Names of the features.
    pub features: Vec<String>,
    /// The asked-for column of `obs`; none where the label is missing.
    pub labels: Vec<Option<String>>,
}

/// Reads `X`, the names of the features and the column `column` of `obs`.
///
/// # Errors
/// The file is absent, damaged, of another layout, larger decoded than its size allows, or this build lacks the feature `hdf5`.
pub fn read_anndata(path: impl AsRef<Path>, column: &str) -> Result<AnnData> {
    reader::read(path.as_ref(), column)
}

#[cfg(not(feature = "hdf5"))]
mod reader {
    use super::{AnnData, Path, Result};
    use elinvar_core::Error;

    pub(super) fn read(path: &Path, _column: &str) -> Result<AnnData> {
        Err(Error::file(path, "this build does not read HDF5").hint("build elinvar with the feature 'hdf5'"))
    }
}

#[cfg(feature = "hdf5")]
mod reader {
    use super::{AnnData, Path, Result};
    use crate::limits::{decoded_limit, human};
    use crate::source::{Name, not_there};
    use hdf5_pure::{AttrValue, DType, Dataset, File, Group, VlenStringReadOptions};
    use ndarray::Array2;

    pub(super) fn read(path: &Path, column: &str) -> Result<AnnData> {
        let size = std::fs::metadata(path).map_err(|e| not_there(path, e))?.len();
        let name = Name::new(path.display().to_string());
        let file = File::open_streaming(path).map_err(|e| name.damaged(e))?;
        let reader = Reader { name, limit: decoded_limit(size) };
        let x = reader.matrix(&file)?;
        let features = reader.index(&reader.group(&file.root(), "var")?)?;
        let labels = reader.labels(&reader.group(&file.root(), "obs")?, column)?;
        for (what, expected, got) in [("rows and labels", x.nrows(), labels.len()), ("columns and names", x.ncols(), features.len())] {
            if expected != got {
                return Err(reader.name.damaged(format!("X must have as many {what}, got {expected} and {got}")));
            }
        }
        Ok(AnnData { x, features, labels })
    }

    struct Reader {
        name: Name,
        /// Bytes that any one array may take in memory.
        limit: u64,
    }

    /// The two sparse layouts: which axis the pointers run over.
    #[derive(Clone, Copy, PartialEq)]
    enum Sparse {
        Rows,
        Columns,
    }

    impl Reader {
        fn group(&self, parent: &Group, path: &str) -> Result<Group> {
            parent.group(path).map_err(|e| self.name.damaged(format!("no group '{path}' of an AnnData file: {e}")))
        }

        fn dataset(&self, parent: &Group, path: &str) -> Result<Dataset> {
            parent.dataset(path).map_err(|e| self.name.damaged(format!("no array '{path}': {e}")))
        }

        /// Shape of a dataset whose elements, `bytes` each in memory, may be allocated.
        fn shape(&self, dataset: &Dataset, what: &str, bytes: u64) -> Result<Vec<usize>> {
            let shape = dataset.shape().map_err(|e| self.name.damaged(format!("{what}: {e}")))?;
            self.affordable(&shape, what, bytes)
        }

        fn affordable(&self, shape: &[u64], what: &str, bytes: u64) -> Result<Vec<usize>> {
            let needed = shape.iter().try_fold(bytes, |product, &n| product.checked_mul(n));
            match needed {
                Some(needed) if needed <= self.limit => Ok(shape.iter().map(|&n| n as usize).collect()),
                _ => {
                    let message =
                        format!("{what} of shape {shape:?} would take more than the {} that a file of this size may", human(self.limit));
                    Err(self.name.damaged(message))
                }
            }
        }

        fn matrix(&self, file: &File) -> Result<Array2<f32>> {
            match file.dataset("X") {
                Ok(dense) => self.dense(&dense),
                Err(hdf5_pure::Error::NotADataset(_)) => self.sparse(&self.group(&file.root(), "X")?),
                Err(error) => Err(self.name.damaged(format!("no matrix 'X': {error}"))),
            }
        }

        fn dense(&self, dataset: &Dataset) -> Result<Array2<f32>> {
            let shape = self.shape(dataset, "X", 4)?;
            let &[rows, columns] = shape.as_slice() else {
                return Err(self.name.damaged(format!("X must have 2 axes, got shape {shape:?}")));
            };
            let values = dataset.read_f32().map_err(|e| self.name.damaged(format!("X: {e}")))?;
            Array2::from_shape_vec((rows, columns), values).map_err(|e| self.name.damaged(format!("X: {e}")))
        }

        fn sparse(&self, group: &Group) -> Result<Array2<f32>> {
            let attributes = group.attrs().map_err(|e| self.name.damaged(format!("X: {e}")))?;
            let encoding = attributes.get("encoding-type").or_else(|| attributes.get("h5sparse_format")).and_then(text);
            let kind = match encoding.as_deref() {
                Some("csr_matrix" | "csr") => Sparse::Rows,
                Some("csc_matrix" | "csc") => Sparse::Columns,
                other => {
                    let got = other.unwrap_or("no encoding");
                    return Err(self.name.damaged(format!("X must be dense or of encoding csr_matrix or csc_matrix, got {got}")));
                }
            };
            let declared = attributes.get("shape").or_else(|| attributes.get("h5sparse_shape")).and_then(lengths);
            let Some(&[rows, columns]) = declared.as_deref() else {
                return Err(self.name.damaged("the sparse matrix X has no shape of 2 axes"));
            };
            self.affordable(&[rows, columns], "X", 4)?;
            self.scatter(group, kind, (rows as usize, columns as usize))
        }

        /// Puts the stored numbers of a compressed matrix in their places.
        fn scatter(&self, group: &Group, kind: Sparse, (rows, columns): (usize, usize)) -> Result<Array2<f32>> {
            let (outer, inner) = if kind == Sparse::Rows { (rows, columns) } else { (columns, rows) };
            let pointers = self.integers(group, "indptr")?;
            let indices = self.integers(group, "indices")?;
            let data = self.dataset(group, "data")?;
            self.shape(&data, "X/data", 4)?;
            let data = data.read_f32().map_err(|e| self.name.damaged(format!("X/data: {e}")))?;
            let rising = pointers.windows(2).all(|pair| pair[0] <= pair[1]);
            let sound = pointers.len() == outer + 1 && pointers.first() == Some(&0) && rising && data.len() == indices.len();
            if !sound || pointers.last() != Some(&(data.len() as u64)) || indices.iter().any(|&i| i >= inner as u64) {
                return Err(self.name.damaged("the pointers and indices of the sparse matrix X do not fit its shape"));
            }
            let mut matrix = Array2::zeros((rows, columns));
            for (lane, pair) in pointers.windows(2).enumerate() {
                for place in pair[0] as usize..pair[1] as usize {
                    let across = indices[place] as usize;
                    let cell = if kind == Sparse::Rows { [lane, across] } else { [across, lane] };
                    // Entries that stand twice add up, as everywhere with sparse matrices.
                    matrix[cell] += data[place];
                }
            }
            Ok(matrix)
        }

        fn integers(&self, group: &Group, path: &str) -> Result<Vec<u64>> {
            let dataset = self.dataset(group, path)?;
            self.shape(&dataset, path, 8)?;
            let values = dataset.read_i64().map_err(|e| self.name.damaged(format!("{path}: {e}")))?;
            let whole: std::result::Result<Vec<u64>, _> = values.into_iter().map(u64::try_from).collect();
            whole.map_err(|_| self.name.damaged(format!("{path} must have no negative numbers")))
        }

        fn strings(&self, dataset: &Dataset, what: &str) -> Result<Vec<String>> {
            self.shape(dataset, what, 24)?;
            let bounded = VlenStringReadOptions::new().with_max_payload_bytes(usize::try_from(self.limit).unwrap_or(usize::MAX));
            let read = match dataset.dtype() {
                Ok(DType::VariableLengthString) => dataset.read_vlen_strings(bounded),
                _ => dataset.read_string(),
            };
            read.map_err(|e| self.name.damaged(format!("{what} must be text: {e}")))
        }

        /// The names of a table's rows; an attribute says which column they are.
        fn index(&self, table: &Group) -> Result<Vec<String>> {
            let attributes = table.attrs().map_err(|e| self.name.damaged(e))?;
            let column = attributes.get("_index").and_then(text).unwrap_or_else(|| "_index".to_owned());
            self.strings(&self.dataset(table, &column)?, &column)
        }

        /// A text column, or a categorical one: codes into categories, -1 for missing.
        fn labels(&self, obs: &Group, column: &str) -> Result<Vec<Option<String>>> {
            let Ok(dataset) = obs.dataset(column) else {
                let group = obs.group(column).map_err(|_| self.no_column(obs, column))?;
                return self.decode(&self.dataset(&group, "codes")?, &self.dataset(&group, "categories")?, column);
            };
            // Before anndata 0.8 the codes stood in the column's place and the categories aside.
            match obs.dataset(&format!("__categories/{column}")) {
                Ok(categories) => self.decode(&dataset, &categories, column),
                Err(_) => Ok(self.strings(&dataset, column)?.into_iter().map(Some).collect()),
            }
        }

        fn decode(&self, codes: &Dataset, categories: &Dataset, column: &str) -> Result<Vec<Option<String>>> {
            let categories = self.strings(categories, column)?;
            self.shape(codes, column, 24)?;
            let codes = codes.read_i64().map_err(|e| self.name.damaged(format!("{column}: {e}")))?;
            let label = |code: i64| match usize::try_from(code) {
                Err(_) => Ok(None),
                Ok(code) => match categories.get(code) {
                    Some(label) => Ok(Some(label.clone())),
                    None => Err(self.name.damaged(format!("column '{column}' has code {code} but {} categories", categories.len()))),
                },
            };
            codes.into_iter().map(label).collect()
        }

        fn no_column(&self, obs: &Group, column: &str) -> elinvar_core::Error {
            let mut names: Vec<String> = obs.datasets().into_iter().chain(obs.groups()).flatten().collect();
            names.retain(|name| !name.starts_with("__"));
            names.sort();
            self.name.unusable(format!("obs has no column '{column}', it has: {}", names.join(", ")))
        }
    }

    /// An attribute that is one piece of text.
    fn text(value: &AttrValue) -> Option<String> {
        match value {
            AttrValue::String(text) | AttrValue::AsciiString(text) | AttrValue::VarLenString(text) | AttrValue::VarLenAsciiString(text) => {
                Some(text.clone())
            }
            _ => None,
        }
    }

    /// An attribute that is a list of lengths.
    fn lengths(value: &AttrValue) -> Option<Vec<u64>> {
        match value {
            AttrValue::I64Array(v) => v.iter().map(|&n| u64::try_from(n).ok()).collect(),
            AttrValue::I32Array(v) => v.iter().map(|&n| u64::try_from(n).ok()).collect(),
            AttrValue::U64Array(v) => Some(v.clone()),
            _ => None,
        }
    }
}
