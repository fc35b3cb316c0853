//! AnnData files of anndata and h5py hold here what they hold there (`tests/reference/make_h5ad.py`).

use elinvar_data::*;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn a_build_without_hdf5_says_so() {
    let error = read_anndata(file("cells.h5ad"), "drug").unwrap_err().to_string();
    assert!(error.ends_with("this build does not read HDF5; build elinvar with the feature 'hdf5'"), "{error}");
}

#[cfg(feature = "hdf5")]
mod with_hdf5 {
    use super::*;
    use ndarray::array;

    fn labels(names: &[Option<&str>]) -> Vec<Option<String>> {
        names.iter().map(|name| name.map(str::to_owned)).collect()
    }

    #[test]
    fn dense_gzip_with_categories() {
        let cells = read_anndata(file("cells.h5ad"), "drug").unwrap();
        assert_eq!(cells.x.dim(), (240, 3));
        assert_eq!(cells.features, ["area", "p53", "dna"]);
        // Printed by anndata for the first two cells.
        let first = [[1.287455, 1.942617, 1.9970185], [2.8452842, 2.1866376, 1.7706361]];
        assert!(cells.x.rows().into_iter().zip(first).all(|(row, wanted)| row.iter().zip(wanted).all(|(&a, b)| a == b as f32)));
        for drug in ["control", "alpha", "beta", "gamma"] {
            assert_eq!(cells.labels.iter().filter(|label| label.as_deref() == Some(drug)).count(), 60, "{drug}");
        }
    }

    #[test]
    fn sparse_rows_missing_labels_and_plain_text() {
        let small = read_anndata(file("sparse.h5ad"), "drug").unwrap();
        assert_eq!(small.x, array![[0.0, 1.5, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, -1.0, 4.0]]);
        assert_eq!(small.labels, labels(&[Some("a"), None, Some("b"), Some("a")]));
        assert_eq!(read_anndata(file("sparse.h5ad"), "batch").unwrap().labels, labels(&[Some("x"), Some("y"), Some("x"), Some("y")]));
    }

    #[test]
    fn the_layout_of_old_versions() {
        let old = read_anndata(file("legacy.h5ad"), "drug").unwrap();
        assert_eq!((old.x, old.features), (array![[0.0, 1.5], [2.0, 0.0], [0.0, -1.0]], vec!["f".to_owned(), "g".to_owned()]));
        assert_eq!(old.labels, labels(&[Some("b"), None, Some("a")]));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let message = |path: &PathBuf, column: &str| {
            let error = read_anndata(path, column).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
            error
        };
        let error = message(&file("sparse.h5ad"), "dose");
        assert!(error.ends_with("obs has no column 'dose', it has: _index, batch, drug"), "{error}");
        assert!(message(&file("cell.h5ad"), "drug").contains("did you mean"));
        assert!(message(&file("f64.npy"), "drug").contains("f64.npy: "));
        // A file cut short, and one whose every byte is hit in turn: an error or another matrix, never a panic or a huge allocation.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.h5ad");
        let whole = std::fs::read(file("sparse.h5ad")).unwrap();
        for cut in (0..whole.len()).step_by(997) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            message(&path, "drug");
        }
        for hit in (0..whole.len()).step_by(41) {
            let mut damaged = whole.clone();
            damaged[hit] ^= 0xff;
            std::fs::write(&path, &damaged).unwrap();
            let _ = read_anndata(&path, "drug");
        }
    }
}
