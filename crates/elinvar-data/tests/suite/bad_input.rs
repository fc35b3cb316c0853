//! Each bad input with its exact message.

use crate::examples;
use elinvar_core::{Column, Kind, Table};
use elinvar_data::*;
use ndarray::{Array3, array};

fn table_message(name: &str, bytes: &[u8]) -> String {
    read_table_from(name, bytes).unwrap_err().to_string()
}

fn array_message(name: &str, bytes: &[u8]) -> String {
    read_array_from(name, bytes).unwrap_err().to_string()
}

#[test]
fn a_truncated_npz() {
    let npz = examples::arrays_file("a.npz", &examples::arrays());
    let error = read_array_from("a.npz", &npz[..npz.len() / 2]).unwrap_err();
    assert!(error.to_string().starts_with("a.npz: the archive is damaged or cut short ("), "{error}");
    assert_eq!(error.kind(), Kind::File);
}

#[test]
fn a_flipped_bit_in_an_npz_member() {
    let mut npz = examples::arrays_file("a.npz", &examples::arrays());
    let data = npz.windows(5).position(|w| w == b"False").unwrap() + 150;
    npz[data] ^= 1;
    let message =
        read_tensor_from("a.npz", &npz).map(|_| ()).or_else(|_| read_arrays_from("a.npz", &npz).map(|_| ())).unwrap_err().to_string();
    assert_eq!(message, "a.npz:X: the member is damaged (Invalid checksum)");
}

#[test]
fn a_safetensors_header_of_32_gib() {
    let mut bytes = (32_u64 << 30).to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{\"a\":");
    bytes.resize(80, b' ');
    let expected = "a.safetensors: the header claims to have 34.4 GB, but 72 bytes are there and 16.8 MB are allowed; \
                    the file is damaged or not a safetensors file";
    assert_eq!(array_message("a.safetensors", &bytes), expected);
    assert_eq!(ModelFile::from_bytes("a.safetensors", &bytes).unwrap_err().to_string(), expected);
    assert_eq!(ModelFile::from_bytes("a.safetensors", &bytes).unwrap_err().kind(), Kind::File);
}

#[test]
fn truncated_files_of_every_format() {
    for (name, bytes) in examples::all() {
        // Text has no mark of its end.
        if name == "a.csv" {
            continue;
        }
        let cut = &bytes[..bytes.len() * 2 / 3];
        let error = describe_from(name, cut).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
        assert_eq!(error.kind(), Kind::File, "{error}");
    }
    let npy = examples::array_file("a.npy", &array![1.0, 2.0].into());
    assert_eq!(
        array_message("a.npy", &npy[..140]),
        "a.npy: the header claims an array of shape [2] (16 bytes), but 12 bytes are there; the file is damaged or cut short"
    );
    assert_eq!(array_message("a.npy", &npy[..7]), "a.npy: the file ends too early");
    assert_eq!(table_message("a.csv.gz", &examples::gzip(b"a,b\n1,2\n")[..20]), "a.csv.gz: the gzip data are damaged or cut short");
}

#[test]
fn members_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    write_arrays(&path, &examples::arrays()).unwrap();
    let shown = path.display();
    let message = |member: &str| read_array(folder.path().join(format!("a.npz{member}"))).unwrap_err().to_string();
    assert_eq!(message(":Y2"), format!("{shown}: there is no array 'Y2' in this file; did you mean 'y'?"));
    assert_eq!(message(":weights"), format!("{shown}: there is no array 'weights' in this file; there are: X, y, w"));
    assert_eq!(message(""), format!("{shown}: the file holds 3 arrays: X, y, w; name one as {shown}:X"));
}

#[test]
fn a_file_that_is_no_csv() {
    let tail = "tables are read from CSV, Parquet and Arrow IPC, arrays from NPY, NPZ and safetensors";
    assert_eq!(table_message("a.csv", b"\x01\x02\x03"), format!("a.csv: not a CSV file: it holds binary data; {tail}"));
    assert_eq!(table_message("a.csv", b""), "a.csv: the file is empty");
    assert_eq!(
        table_message("README.md", b"A title, with a comma\n\nSome text.\nMore text, here, too.\n"),
        "README.md: line 3 has 1 cell where the header has 2, column 'with a comma' is the first without one; quote cells that contain ','"
    );
    let xlsx = examples::deflated(&[("xl/workbook.xml", b"<x/>")]);
    assert_eq!(table_message("a.xlsx", &xlsx), "a.xlsx: this is an Excel workbook, not a table or array; save the sheet as CSV");
    let zip = examples::deflated(&[("a.txt", b"x")]);
    assert_eq!(table_message("a.zip", &zip), "a.zip: the zip archive holds no NPY arrays");
    assert_eq!(table_message("a.parquet", b"a,b\n1,2\n"), "a.parquet: not a Parquet file; it may be damaged, or have the wrong extension");
    assert!(table_message("a.parquet", b"PAR1 and then nothing").starts_with("a.parquet: damaged or unsupported Parquet file: "));
}

#[test]
fn arrays_that_are_no_tables_and_the_reverse() {
    let cube = TensorData::from(Array3::<f64>::zeros((2, 2, 2)));
    let message = table_message("a.npy", &examples::array_file("a.npy", &cube));
    assert_eq!(message, "a.npy: a table must be an array of rank 1 or 2, got shape [2, 2, 2]");
    let uneven = vec![("a".to_owned(), array![1.0, 2.0].into()), ("b".to_owned(), array![1.0].into())];
    let message = table_message("a.npz", &examples::arrays_file("a.npz", &uneven));
    assert_eq!(message, "a.npz: column 'b' must have 2 rows like 'a', got 1");
    let message = table_message("m.safetensors", &examples::model().to_bytes().unwrap());
    assert_eq!(message, "m.safetensors: a safetensors file is no table; it is read as an array (FILE:NAME) or as a model");
    let message = array_message("t.parquet", &examples::parquet(&examples::table()));
    assert_eq!(message, "t.parquet: column 'region' must hold numbers, got text");
    assert_eq!(
        read_arrays_from("t.csv", b"a\n1\n").unwrap_err().to_string(),
        "t.csv: named arrays are read from NPZ and safetensors, got CSV"
    );
}

#[test]
fn targets_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::new().with("x", Column::Bool(vec![true])).unwrap();
    let at = |name: &str| folder.path().join(name);
    let message = |result: elinvar_core::Result<()>| result.unwrap_err().to_string();
    let shown = |name: &str| at(name).display().to_string();
    assert_eq!(message(write_table(at("a.xls"), &table)), format!("{}: a table is written as .csv, .tsv or .parquet", shown("a.xls")));
    let array = TensorData::from(Array3::<f64>::zeros((1, 1, 1)));
    assert_eq!(
        message(write_array(at("a.csv"), &array)),
        format!("{}: CSV holds arrays of rank 1 or 2, got shape [1, 1, 1]; write it as .npy", shown("a.csv"))
    );
    assert_eq!(
        message(write_array(at("a.mat"), &array)),
        format!("{}: an array is written as .npy, .npz, .safetensors or .csv", shown("a.mat"))
    );
    assert_eq!(
        message(examples::model().write(at("no/m.safetensors"))),
        format!("{}: cannot be written: there is no folder '{}'; create it first", shown("no/m.safetensors"), shown("no"))
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was left behind");
}
