use super::*;
use crate::{write_array, write_table};
use elinvar_core::Column;
use ndarray::{Array2, Axis, ShapeBuilder};

fn matrix() -> Array2<f64> {
    Array2::from_shape_fn((5, 7), |(i, j)| (i * 10 + j) as f64 / 4.0)
}

fn check_blocks(mut file: WideFile, expected: &Array2<f64>) {
    assert_eq!((file.n_rows(), file.names().len()), expected.dim());
    for range in [0..7, 0..1, 2..5, 6..7] {
        let block = file.block(range.clone()).unwrap();
        assert_eq!(block, expected.slice_axis(Axis(1), range.into()).t().mapv(|v| v as f32));
    }
    assert_eq!(file.column(3).unwrap(), expected.column(3).to_vec());
}

#[test]
fn npy_in_both_orders_and_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let values = matrix();
    let mut turned = Array2::zeros((5, 7).f());
    turned.assign(&values);
    write_array(&path, &crate::TensorData::F64(values.clone().into_dyn())).unwrap();
    check_blocks(WideFile::open(&path).unwrap(), &values);
    write_array(&path, &crate::TensorData::F32(turned.mapv(|v: f64| v as f32).into_dyn())).unwrap();
    check_blocks(WideFile::open(&path).unwrap(), &values);
    let mut header = "{'descr': '>f8', 'fortran_order': True, 'shape': (5, 7), }".to_owned();
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.t().iter().for_each(|v| bytes.extend(v.to_be_bytes()));
    std::fs::write(&path, bytes).unwrap();
    check_blocks(WideFile::open(&path).unwrap(), &values);
}

#[test]
fn tables_by_name_with_missing_cells() {
    let folder = tempfile::tempdir().unwrap();
    let values = matrix();
    let mut table = Table::new();
    for (j, column) in values.columns().into_iter().enumerate() {
        table.push(format!("v{j}"), Column::Number(column.to_vec())).unwrap();
    }
    for name in ["a.parquet", "a.csv"] {
        let path = folder.path().join(name);
        write_table(&path, &table).unwrap();
        let file = WideFile::open(&path).unwrap();
        assert_eq!(file.position("v4").unwrap(), 4);
        let error = file.position("v44").unwrap_err().to_string();
        assert!(error.ends_with("there is no column 'v44'; did you mean 'v4'?"), "{error}");
        check_blocks(file, &values);
    }
    let mixed = Table::new()
        .with("gaps", Column::Number(vec![1.0, f64::NAN]))
        .and_then(|t| t.with("flag", Column::Bool(vec![true, false])))
        .and_then(|t| t.with("word", Column::Text(vec![Some("a".into()), None])));
    let path = folder.path().join("b.parquet");
    write_table(&path, &mixed.unwrap()).unwrap();
    let mut file = WideFile::open(&path).unwrap();
    let block = file.block(0..2).unwrap();
    assert!(block[[0, 1]].is_nan() && block[[1, 0]] == 1.0);
    let error = file.block(0..3).unwrap_err().to_string();
    assert!(error.ends_with("column 'word' must hold numbers, got text; leave it out, or code it as numbers"), "{error}");
}

#[test]
fn plink_genotypes() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("study.v1");
    let write = |extension: &str, bytes: &[u8]| std::fs::write(with_extension(&prefix, extension), bytes).unwrap();
    write("bim", b"1 rs1 0 10 A G\n1\trs2\t0\t20\tC\tT\n");
    write("fam", b"f1 s1 0 0 1 -9\nf2 s2 0 0 1 -9\nf3 s3 0 0 2 -9\nf4 s4 0 0 2 -9\nf5 s5 0 0 2 -9\n");
    // Codes of samples 1 to 4 from the low bits up: 00 (two copies), 01 (missing), 10 (one), 11 (none).
    write("bed", &[0x6c, 0x1b, 0x01, 0b11_10_01_00, 0b10, 0b00_00_11_11, 0b00]);
    for path in [prefix.clone(), with_extension(&prefix, "bed")] {
        let mut file = WideFile::open(path).unwrap();
        assert_eq!((file.n_rows(), file.names()), (5, &["rs1".to_owned(), "rs2".to_owned()][..]));
        let block = file.block(0..2).unwrap();
        assert!(block[[0, 1]].is_nan());
        assert_eq!([block[[0, 0]], block[[0, 2]], block[[0, 3]], block[[0, 4]]], [2.0, 1.0, 0.0, 1.0]);
        assert_eq!(file.column(1).unwrap(), [0.0, 0.0, 2.0, 2.0, 2.0]);
    }
    write("bed", &[0x6c, 0x1b, 0x01, 0]);
    let error = WideFile::open(&prefix).err().unwrap().to_string();
    assert!(error.contains("2 variants of 5 samples need 7 bytes, got 4; the .bim and .fam must be those of the .bed"), "{error}");
    write("bed", b"text");
    assert!(WideFile::open(&prefix).err().unwrap().to_string().contains("not a PLINK .bed file"));
}

fn with_extension(prefix: &Path, extension: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(format!("{}.{extension}", prefix.display()))
}
