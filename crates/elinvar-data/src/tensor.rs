//! An array of one of the element types that files and models use.

use elinvar_core::{Bundle, Item};
use ndarray::{Array, ArrayD, Dimension};
use std::io::{self, Write};

/// An array whose element type is known only when the file is read.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// Double precision.
    F64(ArrayD<f64>),
    /// Single precision.
    F32(ArrayD<f32>),
    /// Whole numbers.
    I64(ArrayD<i64>),
    /// Bytes, such as pixels; also true and false as 1 and 0.
    U8(ArrayD<u8>),
}

/// Runs the same expression for each element type.
macro_rules! each {
    ($tensor:expr, $array:ident => $body:expr) => {
        match $tensor {
            TensorData::F64($array) => $body,
            TensorData::F32($array) => $body,
            TensorData::I64($array) => $body,
            TensorData::U8($array) => $body,
        }
    };
}

impl TensorData {
    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        each!(self, array => array.shape())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        each!(self, array => array.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `f64`, `f32`, `i64` or `u8`.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F64(_) => "f64",
            Self::F32(_) => "f32",
            Self::I64(_) => "i64",
            Self::U8(_) => "u8",
        }
    }

    /// Bytes of one element.
    pub(crate) fn element_size(&self) -> usize {
        match self {
            Self::F64(_) | Self::I64(_) => 8,
            Self::F32(_) => 4,
            Self::U8(_) => 1,
        }
    }

    /// In double precision; without a copy when it is already.
    pub fn into_f64(self) -> ArrayD<f64> {
        match self {
            Self::F64(array) => array,
            Self::F32(array) => array.mapv(f64::from),
            Self::I64(array) => array.mapv(|x| x as f64),
            Self::U8(array) => array.mapv(f64::from),
        }
    }

    /// In single precision; without a copy when it is already.
    pub fn into_f32(self) -> ArrayD<f32> {
        match self {
            Self::F64(array) => array.mapv(|x| x as f32),
            Self::F32(array) => array,
            Self::I64(array) => array.mapv(|x| x as f32),
            Self::U8(array) => array.mapv(f32::from),
        }
    }

    /// As an item of a bundle; bytes become whole numbers.
    pub fn into_item(self) -> Item<'static> {
        match self {
            Self::F64(array) => array.into(),
            Self::F32(array) => array.into(),
            Self::I64(array) => array.into(),
            Self::U8(array) => array.mapv(i64::from).into(),
        }
    }

    /// The array of an item, or `None` when it is no array.
    pub fn from_item(item: Item<'_>) -> Option<Self> {
        match item {
            Item::Array(array) => Some(Self::F64(array.into_owned())),
            Item::Array32(array) => Some(Self::F32(array.into_owned())),
            Item::Integers(array) => Some(Self::I64(array)),
            _ => None,
        }
    }

    /// The arrays among the items of a bundle, in order.
    pub(crate) fn from_bundle(bundle: &Bundle<'_>) -> Vec<(String, Self)> {
        bundle.iter().filter_map(|(name, item)| Some((name.to_owned(), Self::from_item(item.clone())?))).collect()
    }

    /// Writes the elements, little endian, in row-major order.
    pub(crate) fn write_elements(&self, writer: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::F64(array) => write_all(writer, array.iter().map(|x| x.to_le_bytes())),
            Self::F32(array) => write_all(writer, array.iter().map(|x| x.to_le_bytes())),
            Self::I64(array) => write_all(writer, array.iter().map(|x| x.to_le_bytes())),
            Self::U8(array) => write_all(writer, array.iter().map(|&x| [x])),
        }
    }
}

fn write_all<const N: usize>(writer: &mut dyn Write, elements: impl Iterator<Item = [u8; N]>) -> io::Result<()> {
    const CHUNK: usize = 1 << 16;
    let mut buffer = Vec::with_capacity(CHUNK + N);
    for element in elements {
        buffer.extend_from_slice(&element);
        if buffer.len() >= CHUNK {
            writer.write_all(&buffer)?;
            buffer.clear();
        }
    }
    writer.write_all(&buffer)
}

impl<D: Dimension> From<Array<f64, D>> for TensorData {
    fn from(array: Array<f64, D>) -> Self {
        Self::F64(array.into_dyn())
    }
}
impl<D: Dimension> From<Array<f32, D>> for TensorData {
    fn from(array: Array<f32, D>) -> Self {
        Self::F32(array.into_dyn())
    }
}
impl<D: Dimension> From<Array<i64, D>> for TensorData {
    fn from(array: Array<i64, D>) -> Self {
        Self::I64(array.into_dyn())
    }
}
impl<D: Dimension> From<Array<u8, D>> for TensorData {
    fn from(array: Array<u8, D>) -> Self {
        Self::U8(array.into_dyn())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn items_and_back() {
        let tensors = [TensorData::from(array![[1.5, -2.0]]), array![1_f32].into(), array![i64::MIN].into()];
        for tensor in tensors {
            assert_eq!(TensorData::from_item(tensor.clone().into_item()), Some(tensor));
        }
        assert_eq!(TensorData::from_item(serde_json::Value::Null.into()), None);
    }

    #[test]
    fn elements_are_written_in_row_major_order() {
        let transposed = array![[1_u8, 2], [3, 4]].reversed_axes();
        let mut bytes = Vec::new();
        TensorData::from(transposed).write_elements(&mut bytes).unwrap();
        assert_eq!(bytes, [1, 3, 2, 4]);
    }
}
