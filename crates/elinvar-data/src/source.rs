//! Where bytes come from: a file, one member of a file (`archive.npz:name`), or memory.

use crate::format::{Content, Format, HEAD, detect};
use crate::limits::{decompressed_limit, human, read_bounded};
use elinvar_core::error::nearest;
use elinvar_core::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The name of a source, at the head of every message about it.
#[derive(Clone, Debug)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a member of this source.
    pub(crate) fn member(&self, member: &str) -> Self {
        Self(format!("{}:{member}", self.0))
    }

    /// The file is not readable as what it should be.
    pub(crate) fn damaged(&self, message: impl std::fmt::Display) -> Error {
        Error::file(&self.0, one_line(message))
    }

    /// The file is sound but its content cannot be used.
    pub(crate) fn unusable(&self, message: impl std::fmt::Display) -> Error {
        Error::input(format!("{}: {}", self.0, one_line(message)))
    }

    /// A failure of the operating system, with the two common ones in plain words.
    pub(crate) fn io(&self, error: io::Error) -> Error {
        let message = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends too early".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        self.damaged(message).caused_by(error)
    }
}

/// Messages of other libraries may have line breaks or quote half the file; ours are one line.
pub(crate) fn one_line(message: impl std::fmt::Display) -> String {
    const LONGEST: usize = 400;
    let line = message.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

enum Data<'a> {
    Memory(Cursor<Cow<'a, [u8]>>),
    File(File),
}

/// Bytes of known length and format, plain (not gzip), read from the start.
pub(crate) struct Source<'a> {
    pub(crate) name: Name,
    /// Array asked for in a file that holds several.
    pub(crate) member: Option<String>,
    pub(crate) format: Format,
    /// Length of the plain data in bytes.
    pub(crate) len: u64,
    /// Whether the data were gzip.
    pub(crate) gzip: bool,
    data: Data<'a>,
}

impl Source<'static> {
    /// Opens a file, or the file of `file:member`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (path, member) = split_member(path);
        let name = Name::new(path.display().to_string());
        let metadata = std::fs::metadata(&path).map_err(|e| not_there(&path, e))?;
        if metadata.is_dir() {
            return Err(name.damaged("this is a folder, not a file"));
        }
        let file = File::open(&path).map_err(|e| name.io(e))?;
        if metadata.is_file() {
            return Self::finish(name, member, Data::File(file), metadata.len());
        }
        // A pipe has no length and cannot be read twice.
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes).map_err(|e| name.io(e))?;
        let len = bytes.len() as u64;
        Self::finish(name, member, Data::Memory(Cursor::new(Cow::Owned(bytes))), len)
    }
}

impl<'a> Source<'a> {
    /// Bytes in memory, for example from standard input.
    pub(crate) fn from_bytes(name: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::finish(Name::new(name), None, Data::Memory(Cursor::new(Cow::Borrowed(bytes))), bytes.len() as u64)
    }

    fn finish(name: Name, member: Option<String>, mut data: Data<'a>, len: u64) -> Result<Self> {
        let content = detect(&name, &head(&name, &mut data)?)?;
        let format = match content {
            Content::Format(format) => return Ok(Self { name, member, format, len, gzip: false, data }),
            Content::Gzip => {
                let limit = decompressed_limit(len);
                let bytes = read_bounded(MultiGzDecoder::new(io::BufReader::new(data)), limit)
                    .map_err(|e| name.damaged("the gzip data are damaged or cut short").caused_by(e))?
                    .ok_or_else(|| {
                        name.damaged(format!("{} of gzip data decompress to more than {}", human(len), human(limit)))
                            .hint("if you trust the file, decompress it first")
                    })?;
                data = Data::Memory(Cursor::new(Cow::Owned(bytes)));
                match detect(&name, &head(&name, &mut data)?)? {
                    Content::Format(format) => format,
                    Content::Gzip => return Err(name.damaged("gzip data inside gzip data").hint("decompress it first")),
                }
            }
        };
        let len = match &data {
            Data::Memory(cursor) => cursor.get_ref().len() as u64,
            Data::File(_) => len,
        };
        Ok(Self { name, member, format, len, gzip: true, data })
    }

    /// All bytes.
    pub(crate) fn into_bytes(self) -> Result<Cow<'a, [u8]>> {
        match self.data {
            Data::Memory(cursor) => Ok(cursor.into_inner()),
            Data::File(mut file) => {
                let mut bytes = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
                file.read_to_end(&mut bytes).map_err(|e| self.name.io(e))?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// A file with these bytes; memory is spooled to a nameless temporary file.
    pub(crate) fn into_file(self) -> Result<File> {
        match self.data {
            Data::File(file) => Ok(file),
            Data::Memory(cursor) => {
                let spool = || {
                    let mut file = tempfile::tempfile()?;
                    file.write_all(cursor.get_ref())?;
                    file.rewind()?;
                    Ok(file)
                };
                spool().map_err(|e| self.name.io(e))
            }
        }
    }
}

impl Read for Data<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Data::Memory(cursor) => cursor.read(buffer),
            Data::File(file) => file.read(buffer),
        }
    }
}

impl Seek for Data<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match self {
            Data::Memory(cursor) => cursor.seek(position),
            Data::File(file) => file.seek(position),
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.data.seek(position)
    }
}

fn head(name: &Name, data: &mut Data<'_>) -> Result<Vec<u8>> {
    let mut read = || {
        let mut head = Vec::with_capacity(HEAD);
        Read::take(&mut *data, HEAD as u64).read_to_end(&mut head)?;
        data.rewind()?;
        Ok(head)
    };
    read().map_err(|e| name.io(e))
}

/// Splits `archive.npz:name`, unless a file has the whole name.
fn split_member(path: &Path) -> (PathBuf, Option<String>) {
    let whole = (path.to_owned(), None);
    if path.exists() {
        return whole;
    }
    match path.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((file, member)) if Path::new(file).is_file() || holds_members(file) => (PathBuf::from(file), Some(member.to_owned())),
        _ => whole,
    }
}

fn holds_members(file: &str) -> bool {
    matches!(Format::from_extension(file), Some(Format::Npz | Format::Safetensors | Format::RData))
}

/// "No such file", with the nearest name in the same folder.
pub(crate) fn not_there(path: &Path, error: io::Error) -> Error {
    let name = Name::new(path.display().to_string());
    if error.kind() != io::ErrorKind::NotFound {
        return name.io(error);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return name.damaged(format!("there is no folder '{}'", folder.display()));
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let wanted = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let missing = name.damaged("there is no such file").caused_by(error);
    match nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => missing.hint(format!("did you mean '{}'?", path.with_file_name(near).display())),
        None => missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_names_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("study.csv"), "a\n1\n").unwrap();
        let path = folder.path().join("studdy.csv");
        let error = Source::open(&path).err().unwrap().to_string();
        let near = folder.path().join("study.csv");
        assert_eq!(error, format!("{}: there is no such file; did you mean '{}'?", path.display(), near.display()));
        let error = Source::open(&folder.path().join("no/such.csv")).err().unwrap().to_string();
        assert!(error.ends_with(&format!("there is no folder '{}'", folder.path().join("no").display())), "{error}");
        let error = Source::open(folder.path()).err().unwrap().to_string();
        assert!(error.ends_with("this is a folder, not a file"), "{error}");
    }

    #[test]
    fn members_are_split_off() {
        assert_eq!(split_member(Path::new("a.npz:x")), (PathBuf::from("a.npz"), Some("x".into())));
        assert_eq!(split_member(Path::new("C:\\a.csv")), (PathBuf::from("C:\\a.csv"), None));
    }

    #[test]
    fn foreign_messages_become_one_line() {
        assert_eq!(one_line("a\n  b\tc"), "a b c");
        assert_eq!(one_line("x".repeat(500)).len(), 403);
    }
}
