//! The members of an archive as named inputs.

use crate::container::Container;
use crate::format::Format;
use crate::npy::NumbersOrText;
use crate::npz::{self, Npz};
use crate::source::Source;
use elinvar_core::{Bundle, Column, Result, Table};
use std::path::Path;

/// Reads every member of an NPZ or safetensors file: arrays, and text of fixed width (NumPy's `U` and `S`) as tables of one column.
///
/// # Errors
/// When the file is absent or damaged, or a member claims more data than it has or is of another type.
pub fn read_members(path: impl AsRef<Path>) -> Result<Bundle<'static>> {
    members(Source::open(path.as_ref())?)
}

/// [`read_members`] from memory; `name` stands in messages.
///
/// # Errors
/// As for [`read_members`].
pub fn read_members_from(name: &str, bytes: &[u8]) -> Result<Bundle<'static>> {
    members(Source::from_bytes(name, bytes)?)
}

fn members(source: Source<'_>) -> Result<Bundle<'static>> {
    let (name, len) = (source.name.clone(), source.len);
    let mut bundle = Bundle::new();
    match source.format {
        Format::Npz => {
            for (member, content) in Npz::open(&name, source, len)?.members()? {
                match content {
                    NumbersOrText::Numbers(tensor) => bundle.insert(member, tensor.into_item()),
                    NumbersOrText::Text(cells) => {
                        let column = Column::Text(cells.into_iter().map(Some).collect());
                        let table = Table::new().with(member.as_str(), column)?;
                        bundle.insert(member, table);
                    }
                }
            }
        }
        Format::Safetensors => {
            for (member, tensor) in npz::plain(Container::open(&name, &source.into_bytes()?)?.tensors()?) {
                bundle.insert(member, tensor.into_item());
            }
        }
        format => return Err(name.unusable(format!("named arrays are read from NPZ and safetensors, got {}", format.name()))),
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn wide(texts: &[&str], width: usize) -> Vec<u8> {
        let pad = |text: &str| text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width).collect::<Vec<u32>>();
        texts.iter().flat_map(|text| pad(text)).flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn arrays_and_text_are_read() {
        let bytes = archive(&[
            ("X", npy("<f8", "(2,)", &[1.5_f64.to_le_bytes(), 2.5_f64.to_le_bytes()].concat())),
            ("y", npy("<U5", "(2,)", &wide(&["left", "füße"], 5))),
            ("z", npy("|S3", "(2,)", b"ab\0cde")),
        ]);
        let members = read_members_from("a.npz", &bytes).unwrap();
        assert_eq!(members.vector("X").unwrap().to_vec(), [1.5, 2.5]);
        let column = |name: &str| members.table(name).unwrap().column(name).unwrap().to_labels().into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(column("y"), ["left", "füße"]);
        assert_eq!(column("z"), ["ab", "cde"]);
    }

    #[test]
    fn damaged_text_is_an_error() {
        for (descr, shape, data) in [
            ("<U5", "(2,)", wide(&["left"], 5)),
            ("<U5", "(1000000000000,)", vec![0; 20]),
            ("<U1", "(1,)", vec![0xff; 4]),
            ("<U5", "(1, 1)", wide(&["left"], 5)),
            ("|S1", "(1,)", vec![0xff]),
        ] {
            let bytes = archive(&[("y", npy(descr, shape, &data))]);
            assert!(read_members_from("a.npz", &bytes).is_err(), "{descr} {shape}");
        }
    }
}
