//! The IDX format of the MNIST digits: a type, the lengths of the axes, the numbers, all with the most significant byte first.

use crate::element::{Dtype, Elements, Layout, Number};
use crate::format::Format;
use crate::source::{Name, Source};
use crate::tensor::TensorData;
use elinvar_core::Result;
use ndarray::ArrayD;
use std::io::Read;
use std::path::Path;

/// Axes beyond which a file is taken for something else.
const MAX_RANK: u8 = 8;

/// Whether a file, which may be gzip, is of this format.
pub fn is_idx(path: &Path) -> bool {
    Source::open(path).is_ok_and(|source| source.format == Format::Idx)
}

/// Whether a file begins as this format does: two zeros, a type, and the number of axes.
pub(crate) fn begins_as_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, code, rank, ..] if dtype(*code).is_some() && (1..=MAX_RANK).contains(rank))
}

fn dtype(code: u8) -> Option<Dtype> {
    Some(match code {
        0x08 => Dtype::U8,
        0x09 => Dtype::I8,
        0x0b => Dtype::I16,
        0x0c => Dtype::I32,
        0x0d => Dtype::F32,
        0x0e => Dtype::F64,
        _ => return None,
    })
}

/// One array of `len` bytes with its header.
pub(crate) struct Idx<'a> {
    pub(crate) name: &'a Name,
    pub(crate) reader: &'a mut dyn Read,
    pub(crate) len: u64,
}

impl Idx<'_> {
    /// The array in its own type, and that type as it is on disk.
    pub(crate) fn typed(mut self) -> Result<(Dtype, TensorData)> {
        let (layout, count) = self.layout()?;
        Ok((layout.dtype, Elements { name: self.name, reader: self.reader, sure: true }.tensor(&layout, count)?))
    }

    /// The array as numbers of type `T`.
    pub(crate) fn array<T: Number>(mut self) -> Result<ArrayD<T>> {
        let (layout, count) = self.layout()?;
        Elements { name: self.name, reader: self.reader, sure: true }.array(&layout, count)
    }

    /// Reads the header and compares what it claims with the bytes present.
    fn layout(&mut self) -> Result<(Layout, usize)> {
        let mut start = [0; 4];
        self.fill(&mut start)?;
        let Some(dtype) = dtype(start[2]).filter(|_| begins_as_idx(&start)) else {
            return Err(self.name.damaged("not an IDX file").hint("it may be damaged"));
        };
        let mut shape = Vec::new();
        for _ in 0..start[3] {
            let mut length = [0; 4];
            self.fill(&mut length)?;
            shape.push(u32::from_be_bytes(length) as usize);
        }
        let layout = Layout { dtype, big_endian: true, fortran: false, shape };
        let header = 4 + 4 * u64::from(start[3]);
        let count = layout.checked_count(self.name, self.len.saturating_sub(header))?;
        Ok((layout, count))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.reader.read_exact(buffer).map_err(|e| self.name.io(e))
    }
}

#[cfg(test)]
mod tests {
    use crate::{TensorData, read_table_from, read_tensor_from};
    use ndarray::array;

    #[test]
    fn images_and_labels_are_read() {
        let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[1, 2, 3, 4, 5, 255]].concat();
        let found = read_tensor_from("t10k-images-idx3-ubyte", &images).unwrap();
        assert_eq!(found, TensorData::from(array![[[1_u8, 2, 3]], [[4, 5, 255]]]));
        let numbers = [&[0, 0, 0x0d, 1, 0, 0, 0, 1][..], &1.5_f32.to_be_bytes()].concat();
        assert_eq!(read_tensor_from("x", &numbers).unwrap(), TensorData::from(array![1.5_f32]));
        let labels = [&[0, 0, 8, 1, 0, 0, 0, 2][..], &[7, 9]].concat();
        assert_eq!(read_table_from("labels", &labels).unwrap().numbers("x0").unwrap().to_vec(), [7.0, 9.0]);
    }

    #[test]
    fn sizes_that_are_not_there_are_refused() {
        let claims = [&[0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3][..], &[1, 2]].concat();
        let message = read_tensor_from("x", &claims).unwrap_err().to_string();
        assert!(message.starts_with("x: the header claims an array of shape"), "{message}");
        assert!(read_tensor_from("x", &[0, 0, 8, 3, 0, 0]).is_err());
    }
}
