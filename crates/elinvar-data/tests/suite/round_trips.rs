//! What is written is read back, bit for bit.

use crate::examples;
use elinvar_core::{Column, Table};
use elinvar_data::*;
use ndarray::ArrayD;
use proptest::collection::vec;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![8 => any::<f64>(), 1 => Just(f64::NAN), 1 => (-1000_i32..1000).prop_map(f64::from), 1 => Just(f64::INFINITY)]
}

/// Text that no reader takes for a number or a missing cell.
fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![1 => Just(None), 6 => "§[ -~\n\r\u{e9}\u{4e2d}]{0,12}".prop_map(Some)]
}

fn column(rows: usize) -> impl Strategy<Value = Column> {
    prop_oneof![
        vec(number(), rows).prop_map(Column::Number),
        vec(any::<i64>(), rows).prop_map(Column::Integer),
        vec(any::<bool>(), rows).prop_map(Column::Bool),
        vec(text(), rows).prop_map(|mut cells| {
            // A column without any cell has no type in a text file.
            cells[0].get_or_insert_with(|| "§".to_owned());
            Column::Text(cells)
        }),
    ]
}

fn any_table() -> impl Strategy<Value = Table> {
    (1_usize..20).prop_flat_map(|rows| vec(column(rows), 1..6)).prop_map(|columns| {
        let named = columns.into_iter().enumerate();
        named.fold(Table::new(), |table, (i, column)| table.with(format!("na\"me, {i}"), column).unwrap())
    })
}

fn tensor() -> impl Strategy<Value = TensorData> {
    vec(0_usize..4, 0..5).prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        let build = |shape: &[usize]| shape.to_vec();
        let (a, b, c, d) = (build(&shape), build(&shape), build(&shape), build(&shape));
        prop_oneof![
            vec(any::<f64>(), n).prop_map(move |v| ArrayD::from_shape_vec(a.clone(), v).unwrap().into()),
            vec(any::<f32>(), n).prop_map(move |v| ArrayD::from_shape_vec(b.clone(), v).unwrap().into()),
            vec(any::<i64>(), n).prop_map(move |v| ArrayD::from_shape_vec(c.clone(), v).unwrap().into()),
            vec(any::<u8>(), n).prop_map(move |v| ArrayD::from_shape_vec(d.clone(), v).unwrap().into()),
        ]
    })
}

/// Equality of bits, except that one NaN is as good as another in a table.
fn same_tables(a: &Table, b: &Table) -> bool {
    let same = |a: &Column, b: &Column| match (a, b) {
        (Column::Number(a), Column::Number(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
        }
        _ => a == b,
    };
    a.names() == b.names() && a.iter().zip(b.iter()).all(|((_, a), (_, b))| same(a, b))
}

fn bits(tensor: &TensorData) -> (&[usize], &str, Vec<u64>) {
    let elements = match tensor {
        TensorData::F64(a) => a.iter().map(|x| x.to_bits()).collect(),
        TensorData::F32(a) => a.iter().map(|x| x.to_bits().into()).collect(),
        TensorData::I64(a) => a.iter().map(|&x| x as u64).collect(),
        TensorData::U8(a) => a.iter().map(|&x| x.into()).collect(),
    };
    (tensor.shape(), tensor.dtype(), elements)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn tables_as_text(table in any_table()) {
        let bytes = examples::text(&table);
        prop_assert!(same_tables(&read_table_from("t.csv", &bytes).unwrap(), &table));
        prop_assert!(same_tables(&read_table_from("t.csv.gz", &examples::gzip(&bytes)).unwrap(), &table));
    }

    #[test]
    fn tables_as_parquet(table in any_table()) {
        prop_assert!(same_tables(&read_table_from("-", &examples::parquet(&table)).unwrap(), &table));
    }

    #[test]
    fn arrays_as_npy(tensor in tensor()) {
        let read = read_tensor_from("a.npy", &examples::array_file("a.npy", &tensor)).unwrap();
        prop_assert_eq!(bits(&read), bits(&tensor));
    }

    #[test]
    fn arrays_as_npz_and_safetensors(tensors in vec(tensor(), 1..5)) {
        let arrays: Vec<(String, TensorData)> = tensors.into_iter().enumerate().map(|(i, t)| (format!("a/{i}"), t)).collect();
        let npz = read_arrays_from("a.npz", &examples::arrays_file("a.npz", &arrays)).unwrap();
        let mut safetensors = read_arrays_from("a.safetensors", &examples::arrays_file("a.safetensors", &arrays)).unwrap();
        safetensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        for read in [npz, safetensors] {
            prop_assert_eq!(read.len(), arrays.len());
            for ((name, tensor), (other, expected)) in read.iter().zip(&arrays) {
                prop_assert_eq!((name, bits(tensor)), (other, bits(expected)));
            }
        }
    }

    #[test]
    fn matrices_as_text(rows in vec(vec(number(), 3), 1..10)) {
        let matrix = ArrayD::from_shape_vec(vec![rows.len(), 3], rows.concat()).unwrap();
        let read = read_array_from("m.csv", &examples::array_file("m.csv", &matrix.clone().into())).unwrap();
        let same = read.iter().zip(&matrix).all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()));
        prop_assert!(same && read.shape() == matrix.shape());
    }
}

#[test]
fn files_are_read_by_path_and_member() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_table(path("t.parquet"), &examples::table()).unwrap();
    write_table(path("t.tsv"), &examples::table()).unwrap();
    for name in ["t.parquet", "t.tsv"] {
        assert!(same_tables(&read_table(path(name)).unwrap(), &examples::table()), "{name}");
    }
    for name in ["a.npz", "a.safetensors"] {
        write_arrays(path(name), &examples::arrays()).unwrap();
        let y = read_array(path(&format!("{name}:y"))).unwrap();
        assert_eq!(y.iter().copied().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{name}");
        assert_eq!(read_array32(path(&format!("{name}:w"))).unwrap()[[0]], 0.5);
    }
    let table = read_table(path("a.npz:X")).unwrap();
    assert_eq!((table.names(), table.n_rows()), (["x0", "x1", "x2", "x3"].map(String::from).as_slice(), 6));
    let model = examples::model();
    model.write(path("m.safetensors")).unwrap();
    let read = ModelFile::read(path("m.safetensors")).unwrap();
    assert_eq!(read.to_bytes().unwrap(), model.to_bytes().unwrap());
}

#[test]
fn arrays_become_tables() {
    let vectors =
        vec![("a".to_owned(), ndarray::array![1_i64, 2].into()), ("b".to_owned(), ndarray::array![[1.0, 2.0], [3.0, 4.0]].into())];
    let table = read_table_from("t.npz", &examples::arrays_file("t.npz", &vectors)).unwrap();
    assert_eq!(table.names(), ["a", "b0", "b1"]);
    assert_eq!(table.column("b1").unwrap(), &Column::Number(vec![2.0, 4.0]));
    let table = read_table_from("t.npy", &examples::array_file("t.npy", &ndarray::array![1_u8, 0].into())).unwrap();
    assert_eq!((table.names(), table.column("x0").unwrap()), (["x0".to_owned()].as_slice(), &Column::Integer(vec![1, 0])));
}
