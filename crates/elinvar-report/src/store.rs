//! The evidence store: one file a trial, `<folder>/<method>/<first two hex digits>/<next two>/<key>.json`.
//!
//! A million trials are then some fifteen files in each of 65,536 folders. A file is there whole or not at all, so a run may be killed at any moment and continued; two processes may share a folder; and
//! folders of several machines merge by copying, because the name of a file is the hash of what it holds the result of.

use crate::atomic::{PARTIAL, plain, unwritable, write_by_way_of};
use elinvar_core::reproduction::{Evidence, Record, Store};
use elinvar_core::{Error, Result};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Temporary files older than this were left by a killed process.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Files are written here first, so that what a killed process leaves is found without looking through all folders.
const UNDER_WAY: &str = ".under-way";

/// A trial of fewer seconds is not worth the millisecond that a file takes to be safe from a power cut; what such a cut damages is found
/// and run again.
const WORTH_KEEPING: f64 = 0.02;

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
        let part = |range| key.get(range).unwrap_or(key);
        self.folder.join(method).join(part(0..2)).join(part(2..4)).join(format!("{key}.json"))
    }

    /// The keys of all records of a method, sorted.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn keys(&self, method: &str) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        for folder in self.folders(method)? {
            keys.extend(
                entries(&folder)?.iter().filter(|path| is_record(path)).filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())),
            );
        }
        Ok(keys)
    }

    /// All records of a method, of whatever version, sorted by key.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn evidence(&self, method: &str) -> Result<Evidence> {
        let mut evidence = Evidence::default();
        for key in self.keys(method)? {
            evidence.extend(self.load(method, &key)?);
        }
        Ok(evidence)
    }

    /// The evidence of a method and of its sweeps, or of everything.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn evidence_of(&self, method: Option<&str>) -> Result<Vec<Evidence>> {
        let wanted = |name: &String| method.is_none_or(|slug| name.split('.').next() == Some(slug));
        self.methods()?.iter().filter(|name| wanted(name)).map(|name| self.evidence(name)).collect()
    }

    /// How many records of a method, not counting those of `known` keys, are of another version of its code than `version`.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn of_other_versions(&self, method: &str, version: u32, known: &BTreeSet<String>) -> Result<usize> {
        let mut count = 0;
        for key in self.keys(method)?.iter().filter(|key| !known.contains(*key)) {
            count += usize::from(self.load(method, key)?.is_some_and(|record| record.code != version));
        }
        Ok(count)
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
                && self.folders(&name)?.iter().any(|folder| entries(folder).is_ok_and(|paths| paths.iter().any(|p| is_record(p))))
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

    /// The folders that hold records of a method, sorted.
    fn folders(&self, method: &str) -> Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for prefix in entries(&self.folder.join(method))?.iter().filter(|path| path.is_dir()) {
            folders.extend(entries(prefix)?.into_iter().filter(|path| path.is_dir()));
        }
        Ok(folders)
    }

    fn remove_abandoned(&self) -> Result<()> {
        for file in entries(&self.folder.join(UNDER_WAY))? {
            let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // Another process may have removed it first, and a file that stays does no harm.
                let _ = std::fs::remove_file(file);
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
        let path = self.path(&record.method, &record.key());
        let durable = record.seconds >= WORTH_KEEPING;
        write_by_way_of(&self.folder.join(UNDER_WAY), &path, text.as_bytes(), durable).map_err(|error| unwritable(&path, error))
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
    let folder = folder.join(UNDER_WAY);
    std::fs::create_dir_all(&folder)?;
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
