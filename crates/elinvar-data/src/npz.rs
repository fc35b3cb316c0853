//! NumPy's NPZ archives: a zip file of NPY members.

use crate::element::{Dtype, Number};
use crate::limits::{decompressed_limit, human};
use crate::npy::{self, Npy, NumbersOrText};
use crate::source::{Name, one_line};
use crate::tensor::TensorData;
use elinvar_core::Result;
use elinvar_core::error::suggestion;
use ndarray::ArrayD;
use std::io::{Read, Seek, Write};
use zip::read::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// An array of a file that holds several.
pub(crate) struct Named {
    pub(crate) name: String,
    /// Element type on disk.
    pub(crate) stored: Dtype,
    pub(crate) tensor: TensorData,
}

/// Names and arrays alone.
pub(crate) fn plain(arrays: Vec<Named>) -> Vec<(String, TensorData)> {
    arrays.into_iter().map(|array| (array.name, array.tensor)).collect()
}

/// An open archive.
pub(crate) struct Npz<R> {
    name: Name,
    archive: ZipArchive<R>,
    /// Length of the file.
    len: u64,
    /// What all members together may still decompress to.
    budget: u64,
}

impl<R: Read + Seek> Npz<R> {
    pub(crate) fn open(name: &Name, reader: R, len: u64) -> Result<Self> {
        let archive = ZipArchive::new(reader).map_err(|e| {
            let message = "the archive is damaged or cut short";
            name.damaged(format!("{message} ({})", one_line(&e))).caused_by(e)
        })?;
        let npz = Self { name: name.clone(), archive, len, budget: decompressed_limit(len) };
        if npz.archive.file_names().any(|n| n.starts_with("xl/")) {
            return Err(name.damaged("this is an Excel workbook, not a table or array").hint("save the sheet as CSV"));
        }
        if npz.names().is_empty() {
            return Err(name.damaged("the zip archive holds no NPY arrays"));
        }
        Ok(npz)
    }

    /// Names of the arrays in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        self.archive.file_names().filter_map(|n| n.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// The array of that name, or the only one, in its own type.
    pub(crate) fn tensor(&mut self, member: Option<&str>) -> Result<TensorData> {
        let member = choose(&self.name, "array", &self.names(), member)?;
        self.with_member(&member, |npy| npy.tensor())
    }

    /// The same as numbers of type `T`.
    pub(crate) fn array<T: Number>(&mut self, member: Option<&str>) -> Result<ArrayD<T>> {
        let member = choose(&self.name, "array", &self.names(), member)?;
        self.with_member(&member, |npy| npy.array())
    }

    /// All arrays in the order of the file, with their types on disk.
    pub(crate) fn tensors(&mut self) -> Result<Vec<Named>> {
        let names = self.names();
        let read = |name: String| {
            let (stored, tensor) = self.with_member(&name, |npy| npy.typed())?;
            Ok(Named { name, stored, tensor })
        };
        names.into_iter().map(read).collect()
    }

    /// All members in the order of the file: arrays, and columns of text.
    pub(crate) fn members(&mut self) -> Result<Vec<(String, NumbersOrText)>> {
        let names = self.names();
        let read = |name: String| self.with_member(&name, |npy| npy.numbers_or_text()).map(|member| (name, member));
        names.into_iter().map(read).collect()
    }

    fn with_member<T>(&mut self, member: &str, read: impl FnOnce(Npy<'_>) -> Result<T>) -> Result<T> {
        let name = self.name.member(member);
        let file = self.archive.by_name(&format!("{member}.npy"));
        let mut file = file.map_err(|e| name.damaged(format!("the archive is damaged ({})", one_line(&e))).caused_by(e))?;
        let declared = file.size();
        if declared > self.budget {
            return Err(name
                .damaged(format!("{} of NPZ claim to decompress to more than {}", human(self.len), human(decompressed_limit(self.len))))
                .hint("if you trust the file, save it again with numpy.savez"));
        }
        self.budget -= declared;
        let sure = file.compression() == CompressionMethod::Stored && declared <= self.len;
        let array = read(Npy { name: &name, reader: &mut file, len: declared, sure })?;
        // One more byte: the checksum is compared at the end of the member.
        match file.read(&mut [0]).map_err(|e| name.damaged(format!("the member is damaged ({})", one_line(&e))).caused_by(e))? {
            0 => Ok(array),
            _ => Err(name.damaged("the member is longer than its header says; the file is damaged")),
        }
    }
}

/// The member asked for, or the only one there is.
pub(crate) fn choose(name: &Name, what: &str, there: &[String], wanted: Option<&str>) -> Result<String> {
    let names: Vec<&str> = there.iter().map(String::as_str).collect();
    match (wanted, names.as_slice()) {
        (Some(wanted), _) if names.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => {
            Err(name.unusable(format!("there is no {what} '{wanted}' in this file")).hint(suggestion(wanted, &names, "there are")))
        }
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(name.unusable(format!("the file holds {} {what}s: {}", names.len(), names.join(", "))).hint(format!(
            "name one as {}:{}",
            name.as_str(),
            names.first().unwrap_or(&"NAME")
        ))),
    }
}

/// Writes arrays as `numpy.savez` does: one uncompressed member each.
pub(crate) fn write(writer: impl Write + Seek, arrays: &[(String, TensorData)]) -> std::io::Result<()> {
    // A fixed date, so that equal arrays give equal files.
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored).last_modified_time(DateTime::default()).large_file(true);
    let mut archive = ZipWriter::new(writer);
    for (name, tensor) in arrays {
        archive.start_file(format!("{name}.npy"), options)?;
        npy::write(&mut archive, tensor)?;
    }
    archive.finish()?.flush()
}
