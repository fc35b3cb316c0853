//! The evidence store: one file a trial, `<folder>/<method>/<first two hex digits>/<key>.json`.
//!
//! A file is there whole or not at all, so a run may be killed at any moment and continued; two processes may share a folder; and
//! folders of several machines merge by copying, because the name of a file is the hash of what it holds the result of.

use crate::atomic::{PARTIAL, plain, unwritable, write_atomically};
use elinvar_core::reproduction::{Record, Store};
use elinvar_core::{Error, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Temporary files older than this were left by a killed process.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A folder of trial records.
#[derive(Debug)]
pub struct EvidenceStore {
    folder: PathBuf,
    warnings: Mutex<Vec<String>>,
}

impl EvidenceStore {
    /// Opens a folder, makes it where it is missing, and writes a probe, so that a folder that cannot be written is known before any trial is run.
    ///
    /// # Errors
    /// A `File` error that names the folder.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        probe(folder).map_err(|error| unwritable(folder, error))?;
        let store = Self { folder: folder.to_owned(), warnings: Mutex::default() };
        store.remove_abandoned()?;
        Ok(store)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the record of a key is, or would be.
    pub fn path(&self, method: &str, key: &str) -> PathBuf {
        let prefix = key.get(..2).unwrap_or(key);
        self.folder.join(method).join(prefix).join(format!("{key}.json"))
    }

    /// All records of a method, sorted by key. Damaged files are set aside and named in [`warnings`](Self::warnings).
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn records(&self, method: &str) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for path in self.files(method)? {
            if let Some(key) = path.file_stem().and_then(|s| s.to_str()) {
                records.extend(self.load(method, key)?);
            }
        }
        Ok(records)
    }

    /// The methods that have records, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn methods(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for path in entries(&self.folder)? {
            let name = path.file_name().and_then(|s| s.to_str()).map(str::to_owned);
            if let Some(name) = name.filter(|n| !n.starts_with('.') && path.is_dir())
                && !self.files(&name)?.is_empty()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// What was found to be damaged since the store was opened, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Files of records of a method, sorted by name.
    fn files(&self, method: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for prefix in entries(&self.folder.join(method))? {
            if prefix.is_dir() {
                files.extend(entries(&prefix)?.into_iter().filter(|p| is_record(p)));
            }
        }
        files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        Ok(files)
    }

    fn remove_abandoned(&self) -> Result<()> {
        for method in entries(&self.folder)?.iter().filter(|p| p.is_dir()) {
            for prefix in entries(method)?.iter().filter(|p| p.is_dir()) {
                for file in entries(prefix)?.iter().filter(|p| is_partial(p)) {
                    let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
                    if age.is_some_and(|age| age > ABANDONED) {
                        // Another process may have removed it first, and a file that stays does no harm.
                        let _ = std::fs::remove_file(file);
                    }
                }
            }
        }
        Ok(())
    }

    /// Renames a damaged file out of the way; the trial is then run again.
    fn set_aside(&self, path: &Path, reason: &str) -> Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".corrupt");
        let aside = PathBuf::from(name);
        match std::fs::rename(path, &aside) {
            Ok(()) => {
                let warning =
                    format!("{}: damaged record ({reason}), kept as {}; its trial will be run again", path.display(), aside.display());
                self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
                Ok(())
            }
            // Another process has set it aside.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unwritable(&aside, error)),
        }
    }
}

impl Store for EvidenceStore {
    fn load(&self, method: &str, key: &str) -> Result<Option<Record>> {
        let path = self.path(method, key);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&path, error)),
        };
        match parse(&bytes, method, key) {
            Ok(record) => Ok(Some(record)),
            Err(reason) => self.set_aside(&path, &reason).map(|()| None),
        }
    }

    fn save(&self, record: &Record) -> Result<()> {
        let mut text = serde_json::to_string_pretty(record).map_err(|e| Error::internal(format!("a record cannot be serialised: {e}")))?;
        text.push('\n');
        write_atomically(self.path(&record.method, &record.key()), text.as_bytes())
    }
}

/// A record must be what its name says, or it is not believed.
fn parse(bytes: &[u8], method: &str, key: &str) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.method != method {
        return Err(format!("it is of method '{}'", record.method));
    }
    let named = record.key();
    if named == key { Ok(record) } else { Err(format!("its content has the key {named}")) }
}

fn probe(folder: &Path) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder)?;
    file.write_all(b"probe")?;
    file.as_file().sync_all()?;
    file.close()
}

/// What a folder holds, sorted; a folder that is not there holds nothing.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut paths = Vec::new();
    for entry in listing {
        paths.push(entry.map_err(|error| unreadable(folder, error))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::file(path, format!("cannot be read ({})", plain(&error))).caused_by(error)
}

fn is_partial(path: &Path) -> bool {
    path.file_name().and_then(|s| s.to_str()).is_some_and(|name| name.starts_with(PARTIAL))
}

fn is_record(path: &Path) -> bool {
    !is_partial(path) && path.extension().is_some_and(|e| e == "json")
}
