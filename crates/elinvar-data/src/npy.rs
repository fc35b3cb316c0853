//! NumPy's NPY format, versions 1 to 3 (NumPy enhancement proposal 1).

use crate::element::{Dtype, Elements, Layout, Number};
use crate::limits::{MAX_HEADER, human};
use crate::source::Name;
use crate::tensor::TensorData;
use elinvar_core::Result;
use ndarray::ArrayD;
use std::io::{self, Read, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself allows 64 axes.
const MAX_RANK: usize = 64;

/// One NPY stream of `len` bytes. `sure` says that the length was measured, not read from a header.
pub(crate) struct Npy<'a> {
    pub(crate) name: &'a Name,
    pub(crate) reader: &'a mut dyn Read,
    pub(crate) len: u64,
    pub(crate) sure: bool,
}

impl<'a> Npy<'a> {
    /// The array in its own type, and that type as it is on disk.
    pub(crate) fn typed(mut self) -> Result<(Dtype, TensorData)> {
        let (layout, count) = self.layout()?;
        Ok((layout.dtype, self.elements().tensor(&layout, count)?))
    }

    /// The array in its own type.
    pub(crate) fn tensor(self) -> Result<TensorData> {
        Ok(self.typed()?.1)
    }

    /// The array as numbers of type `T`.
    pub(crate) fn array<T: Number>(mut self) -> Result<ArrayD<T>> {
        let (layout, count) = self.layout()?;
        self.elements().array(&layout, count)
    }

    /// The array, or the lines of text where the elements are text of fixed width (`<U12`, `S12`).
    pub(crate) fn numbers_or_text(mut self) -> Result<NumbersOrText> {
        let (header, start) = self.header()?;
        if let Some(text) = TextType::of(&header) {
            return self.text(&header, text, start).map(NumbersOrText::Text);
        }
        let layout = parse(self.name, &header)?;
        let count = layout.checked_count(self.name, self.len - start)?;
        self.elements().tensor(&layout, count).map(NumbersOrText::Numbers)
    }

    fn text(&mut self, header: &str, text: TextType, start: u64) -> Result<Vec<String>> {
        // The rest of the header is that of an array of bytes.
        let layout = parse(self.name, &header.replacen(&text.code, "|u1", 1))?;
        let width = text.width();
        let count: usize = layout.shape.iter().product();
        let bytes = count.checked_mul(width).filter(|&bytes| layout.shape.len() == 1 && bytes as u64 == self.len - start);
        let Some(bytes) = bytes else {
            let message =
                format!("text must be one axis whose elements fill the file, got shape {:?} and {}", layout.shape, human(self.len - start));
            return Err(self.name.damaged(message));
        };
        let mut data = Vec::new();
        Read::take(&mut *self.reader, bytes as u64).read_to_end(&mut data).map_err(|e| self.name.io(e))?;
        let cells = data.chunks_exact(width.max(1)).map(|cell| text.decode(cell));
        let cells: Option<Vec<String>> = if width == 0 { Some(vec![String::new(); count]) } else { cells.collect() };
        cells.filter(|cells| cells.len() == count).ok_or_else(|| self.name.damaged("the text is cut short or holds no characters"))
    }

    fn elements(self) -> Elements<'a> {
        Elements { name: self.name, reader: self.reader, sure: self.sure }
    }

    /// Reads the header and compares what it claims with the bytes present.
    pub(crate) fn layout(&mut self) -> Result<(Layout, usize)> {
        let (header, start) = self.header()?;
        let layout = parse(self.name, &header)?;
        let count = layout.checked_count(self.name, self.len - start)?;
        Ok((layout, count))
    }

    /// The text of the header and where the data start.
    fn header(&mut self) -> Result<(String, u64)> {
        let mut prefix = [0_u8; 8];
        self.fill(&mut prefix)?;
        if &prefix[..6] != MAGIC {
            return Err(self.name.damaged("not an NPY file").hint("it may be damaged, or have the wrong extension"));
        }
        let (length, start) = match prefix[6] {
            1 => {
                let mut field = [0; 2];
                self.fill(&mut field)?;
                (u64::from(u16::from_le_bytes(field)), 10)
            }
            2 | 3 => {
                let mut field = [0; 4];
                self.fill(&mut field)?;
                (u64::from(u32::from_le_bytes(field)), 12)
            }
            version => return Err(self.name.damaged(format!("version {version} of the NPY format is not known"))),
        };
        let there = self.len.saturating_sub(start);
        if length > there || length > MAX_HEADER {
            return Err(self.name.damaged(format!(
                "the header claims to have {}, but {} are there and {} are allowed; the file is damaged",
                human(length),
                human(there),
                human(MAX_HEADER)
            )));
        }
        let mut text = vec![0; length as usize];
        self.fill(&mut text)?;
        let text = String::from_utf8(text).map_err(|e| self.name.damaged("the header is not text; the file is damaged").caused_by(e))?;
        Ok((text, start + length))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.reader.read_exact(buffer).map_err(|e| self.name.io(e))
    }
}

/// What a member of an archive may be.
pub(crate) enum NumbersOrText {
    Numbers(TensorData),
    Text(Vec<String>),
}

/// NumPy's text of fixed width: `U` for characters of 4 bytes, `S` for bytes.
struct TextType {
    code: String,
    characters: usize,
    wide: bool,
    big_endian: bool,
}

impl TextType {
    fn of(header: &str) -> Option<Self> {
        let value = header.split_once("descr").and_then(|(_, rest)| rest.split_once(':'))?.1.trim_start();
        let code = quoted(value)?.0;
        let kind = code.trim_start_matches(['<', '>', '=', '|']);
        let (wide, digits) = (kind.starts_with('U'), kind.strip_prefix(['U', 'S'])?);
        let characters = digits.parse().ok().filter(|&n: &usize| n <= 1 << 16)?;
        Some(Self { code: code.to_owned(), characters, wide, big_endian: code.starts_with('>') })
    }

    fn width(&self) -> usize {
        self.characters * if self.wide { 4 } else { 1 }
    }

    fn decode(&self, cell: &[u8]) -> Option<String> {
        if !self.wide {
            return String::from_utf8(cell.to_vec()).ok().map(|text| text.trim_end_matches('\0').to_owned());
        }
        let number = |four: &[u8; 4]| if self.big_endian { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
        let characters: Option<String> = cell.as_chunks::<4>().0.iter().map(|four| char::from_u32(number(four))).collect();
        characters.map(|text| text.trim_end_matches('\0').to_owned())
    }
}

/// Parses `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(name: &Name, header: &str) -> Result<Layout> {
    let damaged = |what: &str| name.damaged(format!("the header is damaged: {what}"));
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    let mut rest = header.trim().strip_prefix('{').ok_or_else(|| damaged("it is no dictionary"))?.trim_start();
    while !rest.starts_with('}') {
        let (key, tail) = quoted(rest).ok_or_else(|| damaged("a key is not quoted"))?;
        let value = tail.trim_start().strip_prefix(':').ok_or_else(|| damaged("a ':' is missing"))?.trim_start();
        let (taken, tail) = match key {
            "descr" => descriptor(name, value)?.map(|(d, tail)| (descr.replace(d).is_none(), tail)),
            "fortran_order" => boolean(value).map(|(b, tail)| (fortran.replace(b).is_none(), tail)),
            "shape" => tuple(value).map(|(s, tail)| (shape.replace(s).is_none(), tail)),
            _ => return Err(damaged("it has an unknown key")),
        }
        .ok_or_else(|| damaged(&format!("'{key}' has no usable value")))?;
        if !taken {
            return Err(damaged(&format!("'{key}' stands twice")));
        }
        let tail = tail.trim_start();
        rest = match tail.strip_prefix(',') {
            Some(tail) => tail.trim_start(),
            None if tail.starts_with('}') => tail,
            None => return Err(damaged("a ',' is missing")),
        };
    }
    let (dtype, big_endian) = descr.ok_or_else(|| damaged("'descr' is missing"))?;
    let fortran = fortran.ok_or_else(|| damaged("'fortran_order' is missing"))?;
    let shape = shape.ok_or_else(|| damaged("'shape' is missing"))?;
    Ok(Layout { dtype, big_endian, fortran, shape })
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

fn boolean(text: &str) -> Option<(bool, &str)> {
    let read = |word, value| text.strip_prefix(word).map(|tail| (value, tail));
    read("True", true).or_else(|| read("False", false))
}

fn tuple(text: &str) -> Option<(Vec<usize>, &str)> {
    let (inside, tail) = text.strip_prefix('(')?.split_once(')')?;
    let mut lengths = Vec::new();
    let mut parts = inside.split(',').map(str::trim).peekable();
    while let Some(part) = parts.next() {
        // `(3,)` and `()` end with an empty part. Python 2 wrote `3L`.
        if part.is_empty() && parts.peek().is_none() {
            break;
        }
        let digits = part.strip_suffix('L').unwrap_or(part);
        if lengths.len() == MAX_RANK || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        lengths.push(digits.parse().ok()?);
    }
    Some((lengths, tail))
}

/// Element type and whether it is big endian.
type Descriptor = (Dtype, bool);

fn descriptor<'t>(name: &Name, text: &'t str) -> Result<Option<(Descriptor, &'t str)>> {
    if text.starts_with('[') {
        return Err(name.unusable("structured arrays are not read").hint("save each field as an array of its own in an NPZ file"));
    }
    let Some((code, tail)) = quoted(text) else { return Ok(None) };
    Ok(Some((element_type(name, code)?, tail)))
}

fn element_type(name: &Name, code: &str) -> Result<Descriptor> {
    let (big, kind) = match code.as_bytes().first() {
        Some(b'>') => (true, &code[1..]),
        Some(b'<' | b'=' | b'|') => (false, &code[1..]),
        _ => (false, code),
    };
    let dtype = match kind {
        "b1" | "?" => Dtype::Bool,
        "i1" => Dtype::I8,
        "u1" => Dtype::U8,
        "i2" => Dtype::I16,
        "u2" => Dtype::U16,
        "i4" => Dtype::I32,
        "u4" => Dtype::U32,
        "i8" => Dtype::I64,
        "u8" => Dtype::U64,
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        _ => return Err(refused(name, code, kind)),
    };
    Ok((dtype, big))
}

fn refused(name: &Name, code: &str, kind: &str) -> elinvar_core::Error {
    let (what, hint) = match kind.as_bytes().first() {
        Some(b'c') => ("complex numbers are not read", "save real and imaginary part as arrays of their own"),
        Some(b'O') => ("Python objects are never read because they can run code", "save numbers: array.astype(float)"),
        Some(b'U' | b'S' | b'a') => ("text is not read from NPY", "save tables with text as CSV or Parquet"),
        Some(b'M' | b'm') => ("dates are not read from NPY", "save them as numbers: array.astype('int64')"),
        Some(b'V') => ("structured arrays are not read", "save each field as an array of its own in an NPZ file"),
        _ => ("this element type is not read", "save the array as float64"),
    };
    name.unusable(format!("{what}, got dtype '{}'", code.escape_default())).hint(hint)
}

/// Writes the array as NPY version 1, little endian, in row-major order.
pub(crate) fn write(writer: &mut dyn Write, tensor: &TensorData) -> io::Result<()> {
    let descr = match tensor {
        TensorData::F64(_) => "<f8",
        TensorData::F32(_) => "<f4",
        TensorData::I64(_) => "<i8",
        TensorData::U8(_) => "|u1",
    };
    let lengths: String = tensor.shape().iter().map(|n| format!("{n}, ")).collect();
    let shape = if tensor.shape().len() == 1 { lengths.trim_end() } else { lengths.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Magic, version, length, header and line break end on a multiple of 64 bytes.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', padded - header.len()));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(|_| io::Error::other("too many axes"))?;
    writer.write_all(MAGIC)?;
    writer.write_all(&[1, 0])?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    tensor.write_elements(writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr0, array};

    fn read(bytes: &[u8]) -> Result<TensorData> {
        let name = Name::new("a.npy");
        Npy { name: &name, reader: &mut &bytes[..], len: bytes.len() as u64, sure: true }.tensor()
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn the_header_is_numpys_own() {
        let mut bytes = Vec::new();
        write(&mut bytes, &array![[1.0, 2.0, 3.0]].into()).unwrap();
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert!(bytes[10..].starts_with(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }"));
        assert_eq!((bytes[127], bytes.len()), (b'\n', 128 + 24));
        for (tensor, shape) in [(TensorData::from(arr0(1.0)), "()"), (array![1_u8].into(), "(1,)")] {
            let mut bytes = Vec::new();
            write(&mut bytes, &tensor).unwrap();
            assert!(String::from_utf8_lossy(&bytes).contains(&format!("'shape': {shape}, }}")));
            assert_eq!(read(&bytes).unwrap(), tensor);
        }
    }

    #[test]
    fn orders_and_byte_orders() {
        let fortran = file("{'shape': (2, 3), 'fortran_order': True, 'descr': '>i2'}", &[0, 1, 0, 4, 0, 2, 0, 5, 255, 253, 0, 6]);
        assert_eq!(read(&fortran).unwrap(), array![[1_i64, 2, -3], [4, 5, 6]].into());
        let TensorData::I64(array) = read(&fortran).unwrap() else { panic!("whole numbers") };
        assert!(array.is_standard_layout());
        let bools = file("{'descr': '|b1', 'fortran_order': False, 'shape': (3L,)}", &[1, 0, 1]);
        assert_eq!(read(&bools).unwrap(), array![1_u8, 0, 1].into());
        let halves = file("{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", &[0, 0xc0]);
        assert_eq!(read(&halves).unwrap(), array![-2_f32].into());
    }

    #[test]
    fn refused_headers_have_exact_messages() {
        let message = |header: &str| read(&file(header, &[])).unwrap_err().to_string();
        let shaped = |descr: &str| message(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (0,), }}"));
        assert_eq!(
            shaped("'<c16'"),
            "a.npy: complex numbers are not read, got dtype '<c16'; save real and imaginary part as arrays of their own"
        );
        assert_eq!(
            shaped("[('x', '<f8')]"),
            "a.npy: structured arrays are not read; save each field as an array of its own in an NPZ file"
        );
        assert_eq!(
            shaped("'|O'"),
            "a.npy: Python objects are never read because they can run code, got dtype '|O'; save numbers: array.astype(float)"
        );
        assert_eq!(message("hello"), "a.npy: the header is damaged: it is no dictionary");
        assert_eq!(message("{'descr': '<f8'}"), "a.npy: the header is damaged: 'fortran_order' is missing");
        assert_eq!(message("{'shape': (1, -2)}"), "a.npy: the header is damaged: 'shape' has no usable value");
        assert_eq!(message("{'shape': (), 'shape': ()}"), "a.npy: the header is damaged: 'shape' stands twice");
    }
}
