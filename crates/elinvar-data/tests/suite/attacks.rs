//! Files that were made to do harm. Each must be refused at once, with one line, and without the memory that it asks for.

use crate::examples;
use elinvar_data::*;
use std::time::{Duration, Instant};

/// Refused by every reader, quickly, in one line that starts with the name.
fn refused(name: &str, bytes: &[u8]) -> String {
    let start = Instant::now();
    let messages = [
        read_table_from(name, bytes).map(|_| ()),
        read_tensor_from(name, bytes).map(|_| ()),
        read_arrays_from(name, bytes).map(|_| ()),
        ModelFile::from_bytes(name, bytes).map(|_| ()),
        describe_from(name, bytes).map(|_| ()),
    ]
    .map(|result| result.unwrap_err().to_string());
    assert!(start.elapsed() < Duration::from_secs(2), "{name} took {:?}", start.elapsed());
    for message in &messages {
        assert!(message.starts_with(name) && !message.contains('\n') && message.len() < 700, "{message}");
    }
    messages[1].clone()
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn npy_shapes_that_are_not_there() {
    for (shape, part) in [
        ("(4294967296,)", "(34.4 GB)"),
        ("(18446744073709551615, 18446744073709551615)", "more bytes than any machine has"),
        ("(0, 9223372036854775807, 9223372036854775807)", "more bytes than any machine has"),
        ("(9999999999999999999999,)", "'shape' has no usable value"),
        ("(-1,)", "'shape' has no usable value"),
    ] {
        let bytes = npy(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"), b"12345678");
        assert!(refused("a.npy", &bytes).contains(part), "{shape}");
    }
    let rank = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}", "1,".repeat(65));
    assert!(refused("a.npy", &npy(&rank, b"12345678")).contains("'shape' has no usable value"));
}

#[test]
fn npy_header_lengths_that_are_not_there() {
    let claims_four_gib = [&b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..], b"{'descr'"].concat();
    assert_eq!(
        refused("a.npy", &claims_four_gib),
        "a.npy: the header claims to have 4.3 GB, but 8 bytes are there and 16.8 MB are allowed; the file is damaged"
    );
    let mut really_large = b"\x93NUMPY\x02\x00\x00\x00\x00\x02".to_vec();
    really_large.resize(12 + (32 << 20), b' ');
    assert!(refused("a.npy", &really_large).contains("16.8 MB are allowed"));
}

#[test]
fn npy_that_would_run_code() {
    let bytes = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04cos\nsystem\n");
    assert!(refused("a.npy", &bytes).contains("never read because they can run code"));
    let code = npy("{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (), }", b"12345678");
    assert!(refused("a.npy", &code).contains("the header is damaged: 'descr' has no usable value"));
}

#[test]
fn compressed_data_that_explode() {
    let zeros = vec![0_u8; 48 << 20];
    let gz = examples::gzip(&zeros);
    assert!(refused("a.csv.gz", &gz).contains("of gzip data decompress to more than"));
    let header = npy(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}", zeros.len()), &[]);
    let bomb = [header, zeros].concat();
    let npz = examples::deflated(&[("x.npy", &bomb)]);
    assert!(refused("a.npz", &npz).contains("of NPZ claim to decompress to more than"));

    // The same archive with a lie about the size, in both places where it stands.
    let declared = u32::try_from(bomb.len()).unwrap().to_le_bytes();
    let mut lying = npz;
    let places: Vec<usize> = lying.windows(4).enumerate().filter(|(_, w)| *w == declared).map(|(i, _)| i).collect();
    assert!(!places.is_empty());
    for place in places {
        lying[place..place + 4].copy_from_slice(&200_u32.to_le_bytes());
    }
    refused("a.npz", &lying);
}

#[test]
fn gzip_inside_gzip() {
    let twice = examples::gzip(&examples::gzip(b"a,b\n1,2\n"));
    assert_eq!(refused("a.csv.gz", &twice), "a.csv.gz: gzip data inside gzip data; decompress it first");
}

#[test]
fn safetensors_offsets_that_lie() {
    let entry = |dtype: &str, shape: &str, offsets: &str| {
        format!("{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    let data = [0_u8; 16];
    for header in [
        entry("F64", "[2]", "[0,32]"),
        entry("F64", "[3]", "[0,16]"),
        entry("F64", "[1]", "[8,16]"),
        entry("F64", "[2]", "[16,0]"),
        entry("F64", "[2]", "[-8,8]"),
        entry("F64", "[4294967296,4294967296]", "[0,16]"),
        entry("F64", "[18446744073709551615,18446744073709551615]", "[0,16]"),
        entry("F99", "[2]", "[0,16]"),
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}"
            .into(),
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]}}"
            .into(),
        "{\"__metadata__\":{\"elinvar\":1}}".into(),
        "[]".into(),
        "\u{0}\u{0}".into(),
    ] {
        let message = refused("a.safetensors", &safetensors(&header, &data));
        assert!(message.contains("damaged safetensors file"), "{header}: {message}");
    }
}

#[test]
fn safetensors_headers_that_are_too_much() {
    let deep = format!("{{\"__metadata__\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused("a.safetensors", &safetensors(&deep, &[])), "a.safetensors: the header is nested too deep");
    let large = " ".repeat((16 << 20) + 8);
    assert!(refused("a.safetensors", &safetensors(&large, &[])).contains("16.8 MB are allowed"));
    let longest = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(refused("a.safetensors", &longest).contains("the header claims to have 18446744.1 TB"));
    assert!(refused("a.safetensors", b"\x08\0\0").contains("ends inside the length"));
}

#[test]
fn parquet_and_arrow_lengths_that_lie() {
    let mut parquet = examples::parquet(&examples::table());
    let end = parquet.len();
    parquet[end - 8..end - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused("a.parquet", &parquet);
    let (mut file, mut stream) = examples::arrow();
    let end = file.len();
    file[end - 10..end - 6].copy_from_slice(&i32::MAX.to_le_bytes());
    refused("a.arrow", &file);
    stream[4..8].copy_from_slice(&i32::MAX.to_le_bytes());
    refused("-", &stream);
}

#[test]
fn archives_with_names_of_other_places() {
    let inside = examples::array_file("x.npy", &ndarray::array![1.0].into());
    let npz = examples::deflated(&[("../../etc/passwd.npy", &inside)]);
    let arrays = read_arrays_from("a.npz", &npz).unwrap();
    assert_eq!(arrays[0].0, "../../etc/passwd", "a name is only a name");
}

#[test]
fn text_of_strange_shapes() {
    let wide = ",".repeat(1 << 20);
    assert!(read_table_from("a.csv", wide.as_bytes()).unwrap_err().to_string().contains("column 1 has no name"));
    let quotes = format!("a,b\n{}", "\"".repeat(1 << 20));
    assert!(read_table_from("a.csv", quotes.as_bytes()).is_err());
    let open = format!("a,b\n1,2\n\"3,4\n{}", "5,6\n".repeat(1000));
    assert!(
        read_table_from("a.csv", open.as_bytes()).unwrap_err().to_string().ends_with("a quote that opens in this line may not be closed")
    );
}
