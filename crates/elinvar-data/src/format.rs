//! Which format a file has: by content first, by extension where the content is text.

use crate::idx::begins_as_idx;
use crate::source::Name;
use elinvar_core::Result;
use std::path::Path;

/// A file format that is read or written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Comma- or otherwise separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC (file or stream; Feather version 2).
    Arrow,
    /// One NumPy array.
    Npy,
    /// Several NumPy arrays.
    Npz,
    /// Named tensors; also the format of model files.
    Safetensors,
    /// One array in the format of the MNIST digits (`train-images-idx3-ubyte`); read only.
    Idx,
    /// Data frames saved by R (`.rda`, `.RData`); read only.
    RData,
}

impl Format {
    /// The format that an extension stands for; `.gz` is looked through.
    pub fn from_extension(path: impl AsRef<Path>) -> Option<Self> {
        let path = path.as_ref();
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "gz" => return Self::from_extension(path.file_stem()?),
            "csv" | "txt" | "dat" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "parquet" | "pq" => Self::Parquet,
            "arrow" | "feather" | "ipc" | "arrows" => Self::Arrow,
            "npy" => Self::Npy,
            "npz" => Self::Npz,
            "safetensors" => Self::Safetensors,
            "rda" | "rdata" => Self::RData,
            _ => return None,
        })
    }

    /// The name that people use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
            Self::Npy => "NPY",
            Self::Npz => "NPZ",
            Self::Safetensors => "safetensors",
            Self::Idx => "IDX",
            Self::RData => "R data",
        }
    }
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Format(Format),
    Gzip,
}

/// Bytes that [`detect`] wants to see.
pub(crate) const HEAD: usize = 4096;

/// Finds the format from the first bytes, and from the extension where they are text.
///
/// # Errors
/// When the content is of a known foreign format, or not of the format that the extension promises.
pub(crate) fn detect(name: &Name, head: &[u8]) -> Result<Content> {
    if head.is_empty() {
        return Err(name.damaged("the file is empty"));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Content::Gzip);
    }
    if let Some(format) = by_magic(head) {
        return Ok(Content::Format(format));
    }
    let promised = Format::from_extension(name.as_str());
    if promised == Some(Format::RData) {
        // R compresses in several ways; its reader says which are understood.
        return Ok(Content::Format(Format::RData));
    }
    if let Some((what, hint)) = foreign(head) {
        return Err(name.damaged(format!("this is {what}, not a table or array")).hint(hint));
    }
    match promised {
        Some(text @ (Format::Csv | Format::Tsv)) => Ok(Content::Format(text)),
        // The length field of a damaged safetensors file may be anything, so its extension is believed.
        Some(Format::Safetensors) => Ok(Content::Format(Format::Safetensors)),
        Some(format) => Err(name
            .damaged(format!("not {} {} file", article(format), format.name()))
            .hint("it may be damaged, or have the wrong extension")),
        None => Ok(Content::Format(Format::Csv)),
    }
}

fn article(format: Format) -> &'static str {
    match format {
        Format::Npy | Format::Npz | Format::Arrow | Format::Idx => "an",
        _ => "a",
    }
}

fn by_magic(head: &[u8]) -> Option<Format> {
    const MAGIC: &[(&[u8], Format)] = &[
        (b"\x93NUMPY", Format::Npy),
        (b"PK\x03\x04", Format::Npz),
        (b"PK\x05\x06", Format::Npz),
        (b"PAR1", Format::Parquet),
        (b"ARROW1\0\0", Format::Arrow),
        (b"RDX2\n", Format::RData),
        (b"RDX3\n", Format::RData),
    ];
    let magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, format)| format);
    // A stream starts with a marker and the length of its first message, which is no negative number.
    let stream = head.len() > 8 && head.starts_with(&[0xff; 4]) && head[7] < 0x80;
    magic
        .or(stream.then_some(Format::Arrow))
        .or(begins_as_idx(head).then_some(Format::Idx))
        .or_else(|| (head.len() > 8 && head[8] == b'{' && head[..8].contains(&0)).then_some(Format::Safetensors))
}

fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAGIC: &[(&[u8], &str, &str)] = &[
        (b"\x89HDF\r\n", "an HDF5 file", "save the arrays as NPZ"),
        (b"SIMPLE  =", "a FITS file", "save the data as NPY or CSV"),
        (b"FEA1", "a Feather file of version 1", "save it again with a current Arrow, or as Parquet"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
        (b"MATLAB 5.0", "a MATLAB file", "save the arrays as NPZ"),
        (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
        (b"%PDF", "a PDF document", "export the table as CSV"),
        (b"\x89PNG", "a PNG image", "give the folder of the images, or save their pixels as NPY"),
        (b"\xff\xd8\xff", "a JPEG image", "give the folder of the images, or save their pixels as NPY"),
        (b"BZh", "bzip2 data", "decompress it first"),
        (b"\xfd7zXZ", "xz data", "decompress it first"),
        (b"\x28\xb5\x2f\xfd", "zstd data", "decompress it first"),
        (b"\x80\x02", "a Python pickle, which is never read because it can run code", "save arrays as NPY, tables as CSV or Parquet"),
        (b"\x80\x03", "a Python pickle, which is never read because it can run code", "save arrays as NPY, tables as CSV or Parquet"),
        (b"\x80\x04", "a Python pickle, which is never read because it can run code", "save arrays as NPY, tables as CSV or Parquet"),
        (b"\x80\x05", "a Python pickle, which is never read because it can run code", "save arrays as NPY, tables as CSV or Parquet"),
        (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
        (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    ];
    MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)).map(|&(_, what, hint)| (what, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_and_contents() {
        assert_eq!(Format::from_extension("a/b.CSV.gz"), Some(Format::Csv));
        assert_eq!(Format::from_extension("b.feather"), Some(Format::Arrow));
        assert_eq!(Format::from_extension("b"), None);
        let detect = |name: &str, head: &[u8]| detect(&Name::new(name), head);
        assert_eq!(detect("x.csv", b"\x93NUMPY\x01").unwrap(), Content::Format(Format::Npy), "the content decides");
        assert_eq!(detect("x", b"a,b\n1,2\n").unwrap(), Content::Format(Format::Csv));
        assert_eq!(detect("x", b"\x10\0\0\0\0\0\0\0{\"a\"").unwrap(), Content::Format(Format::Safetensors));
        let message = |name: &str, head: &[u8]| detect(name, head).unwrap_err().to_string();
        assert_eq!(message("x.csv", b""), "x.csv: the file is empty");
        assert_eq!(message("x.npy", b"a,b\n"), "x.npy: not an NPY file; it may be damaged, or have the wrong extension");
        assert_eq!(message("x.csv", b"%PDF-1.4"), "x.csv: this is a PDF document, not a table or array; export the table as CSV");
        assert!(message("x.pkl", b"\x80\x04\x95").contains("never read because it can run code"));
    }
}
