//! Element types on disk and their decoding from a stream, without a second copy of the data.

use crate::limits::human;
use crate::source::Name;
use crate::tensor::TensorData;
use elinvar_core::Result;
use ndarray::{Array, ArrayD, IxDyn, ShapeBuilder};
use std::io::{self, Read};

/// Element type of a stored array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// What a header says about the data behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) dtype: Dtype,
    pub(crate) big_endian: bool,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
}

impl Layout {
    /// Number of elements, or `None` when it or their bytes do not fit an address.
    pub(crate) fn count(&self) -> Option<usize> {
        // A zero length must not hide an absurd one: ndarray refuses such shapes as well.
        let bytes = self.shape.iter().filter(|&&n| n > 0).try_fold(self.dtype.size(), |total, &n| total.checked_mul(n))?;
        isize::try_from(bytes).ok()?;
        self.shape.iter().try_fold(1_usize, |total, &n| total.checked_mul(n))
    }

    /// Number of elements, when exactly their bytes are there.
    ///
    /// # Errors
    /// When the header claims more than there is, or less.
    pub(crate) fn checked_count(&self, name: &Name, available: u64) -> Result<usize> {
        let needed = self.count().map(|count| (count as u64 * self.dtype.size() as u64, count));
        match needed {
            Some((bytes, count)) if bytes == available => Ok(count),
            Some((bytes, _)) if bytes < available => Err(name
                .damaged(format!("{} after the end of the array of shape {:?}", human(available - bytes), self.shape))
                .hint("one array a file is read; save several as NPZ")),
            _ => {
                let claim = needed.map_or_else(|| "more bytes than any machine has".into(), |(bytes, _)| human(bytes));
                Err(name.damaged(format!(
                    "the header claims an array of shape {:?} ({claim}), but {} are there; the file is damaged or cut short",
                    self.shape,
                    human(available)
                )))
            }
        }
    }
}

/// A number type that arrays are read as.
pub(crate) trait Number: Copy + 'static {
    fn from_f64(x: f64) -> Self;
    fn from_f32(x: f32) -> Self;
    fn from_i64(x: i64) -> Self;
    fn from_u64(x: u64) -> Self;
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Number for $t {
            fn from_f64(x: f64) -> Self { x as $t }
            fn from_f32(x: f32) -> Self { x as $t }
            fn from_i64(x: i64) -> Self { x as $t }
            fn from_u64(x: u64) -> Self { x as $t }
        }
    )*};
}
number!(f64, f32, i64, u64, u8);

/// Bytes that are decoded at a time.
const CHUNK: usize = 1 << 16;
/// Memory taken at once on the word of a header whose data are compressed.
const UNSURE: usize = 1 << 24;

/// A stream of elements. `sure` says that the bytes are known to be there, so that the memory can be taken at once.
pub(crate) struct Elements<'a> {
    pub(crate) name: &'a Name,
    pub(crate) reader: &'a mut dyn Read,
    pub(crate) sure: bool,
}

impl Elements<'_> {
    /// The array in the type that it has on disk, widened to one of four.
    pub(crate) fn tensor(self, layout: &Layout, count: usize) -> Result<TensorData> {
        Ok(match layout.dtype {
            Dtype::F64 => TensorData::F64(self.array(layout, count)?),
            Dtype::F32 | Dtype::F16 | Dtype::Bf16 => TensorData::F32(self.array(layout, count)?),
            Dtype::Bool | Dtype::U8 => TensorData::U8(self.array(layout, count)?),
            Dtype::U64 => {
                let name = self.name.clone();
                let array: ArrayD<u64> = self.array(layout, count)?;
                match array.iter().find(|&&x| i64::try_from(x).is_err()) {
                    Some(x) => return Err(name.unusable(format!("the whole number {x} is too large (more than 63 bits)"))),
                    None => TensorData::I64(array.mapv(|x| x as i64)),
                }
            }
            _ => TensorData::I64(self.array(layout, count)?),
        })
    }

    /// The array as numbers of type `T`, in row-major order whatever the order on disk, so that equal arrays give equal sums.
    pub(crate) fn array<T: Number>(self, layout: &Layout, count: usize) -> Result<ArrayD<T>> {
        let name = self.name;
        let values = self.values(layout, count).map_err(|e| name.io(e))?;
        let shape = IxDyn(&layout.shape);
        let wrong = |e: ndarray::ShapeError| name.damaged(format!("shape {:?}: {e}", layout.shape));
        if !layout.fortran || layout.shape.len() < 2 {
            return Array::from_shape_vec(shape, values).map_err(wrong);
        }
        let columns_first = Array::from_shape_vec(shape.f(), values).map_err(wrong)?;
        Ok(columns_first.as_standard_layout().into_owned())
    }

    fn values<T: Number>(self, layout: &Layout, count: usize) -> io::Result<Vec<T>> {
        let big = layout.big_endian;
        match layout.dtype {
            Dtype::Bool => self.decode(count, big, |[b]: [u8; 1]| T::from_u64(u64::from(b != 0))),
            Dtype::I8 => self.decode(count, big, |b: [u8; 1]| T::from_i64(i8::from_le_bytes(b).into())),
            Dtype::U8 => self.decode(count, big, |[b]: [u8; 1]| T::from_u64(b.into())),
            Dtype::I16 => self.decode(count, big, |b: [u8; 2]| T::from_i64(i16::from_le_bytes(b).into())),
            Dtype::U16 => self.decode(count, big, |b: [u8; 2]| T::from_u64(u16::from_le_bytes(b).into())),
            Dtype::F16 => self.decode(count, big, |b: [u8; 2]| T::from_f32(half(u16::from_le_bytes(b)))),
            Dtype::Bf16 => self.decode(count, big, |b: [u8; 2]| T::from_f32(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
            Dtype::I32 => self.decode(count, big, |b: [u8; 4]| T::from_i64(i32::from_le_bytes(b).into())),
            Dtype::U32 => self.decode(count, big, |b: [u8; 4]| T::from_u64(u32::from_le_bytes(b).into())),
            Dtype::F32 => self.decode(count, big, |b: [u8; 4]| T::from_f32(f32::from_le_bytes(b))),
            Dtype::I64 => self.decode(count, big, |b: [u8; 8]| T::from_i64(i64::from_le_bytes(b))),
            Dtype::U64 => self.decode(count, big, |b: [u8; 8]| T::from_u64(u64::from_le_bytes(b))),
            Dtype::F64 => self.decode(count, big, |b: [u8; 8]| T::from_f64(f64::from_le_bytes(b))),
        }
    }

    fn decode<const N: usize, T>(self, count: usize, big: bool, convert: impl Fn([u8; N]) -> T) -> io::Result<Vec<T>> {
        let at_once = if self.sure { count } else { count.min(UNSURE / size_of::<T>()) };
        let mut values = Vec::with_capacity(at_once);
        let mut buffer = vec![0_u8; CHUNK];
        while values.len() < count {
            let bytes = (count - values.len()).saturating_mul(N).min(CHUNK);
            let chunk = &mut buffer[..bytes];
            self.reader.read_exact(chunk)?;
            if big {
                chunk.as_chunks_mut::<N>().0.iter_mut().for_each(|element| element.reverse());
            }
            values.extend(chunk.as_chunks::<N>().0.iter().map(|element| convert(*element)));
        }
        Ok(values)
    }
}

/// An IEEE 754 half as a single.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_ieee_values() {
        let cases = [(0x0000, 0.0), (0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x7bff, 65504.0), (0x0001, 5.960_464_5e-8)];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert_eq!(half(0xfc00), f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn counts_are_checked_against_the_bytes() {
        let layout = |shape: &[usize]| Layout { dtype: Dtype::F64, big_endian: false, fortran: false, shape: shape.to_vec() };
        let name = Name::new("a.npy");
        assert_eq!(layout(&[2, 3]).checked_count(&name, 48).unwrap(), 6);
        assert_eq!(layout(&[]).checked_count(&name, 8).unwrap(), 1);
        assert_eq!(layout(&[0, 5]).checked_count(&name, 0).unwrap(), 0);
        let message = |shape: &[usize], available| layout(shape).checked_count(&name, available).unwrap_err().to_string();
        assert_eq!(
            message(&[1 << 32], 80),
            "a.npy: the header claims an array of shape [4294967296] (34.4 GB), but 80 bytes are there; the file is damaged or cut short"
        );
        assert!(message(&[usize::MAX, 2], 80).contains("more bytes than any machine has"));
        assert!(message(&[0, usize::MAX, usize::MAX], 0).contains("more bytes than any machine has"));
        assert!(message(&[2], 24).starts_with("a.npy: 8 bytes after the end of the array of shape [2]"));
    }
}
