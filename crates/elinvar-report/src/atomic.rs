//! Files that are there whole or not at all.

use elinvar_core::{Error, Result};
use std::io::{self, Write};
use std::path::Path;

/// Temporary files start with this; a reader never takes them for results.
pub(crate) const PARTIAL: &str = ".partial-";

/// Writes a file so that a reader, or a crash at any moment, sees the old content or the new one and nothing between: a temporary
/// file in the same folder, fsync, rename. Missing folders are made.
///
/// # Errors
/// When the folder or the file cannot be written; nothing is left behind.
pub fn write_atomically(path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let folder = folder_of(path);
    let write = || {
        std::fs::create_dir_all(folder)?;
        write_by_way_of(folder, path, content, true)
    };
    write().map_err(|error| unwritable(path, error))
}

/// The folder that holds a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The one sentence for every file that cannot be written.
pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    let reason = plain(&error);
    Error::file(path, format!("cannot be written ({reason})"))
        .hint("choose a folder that you may write to, with free space")
        .caused_by(error)
}

/// The operating system's words without its error number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Writes a file by way of a temporary one in `folder`, which is of the same file system; the folder of the file is made where it is missing.
/// A file that is not durable is whole too unless the power fails in the next seconds.
pub(crate) fn write_by_way_of(folder: &Path, path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    // Evidence is merged and published by copying, so others must be able to read it; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    if durable {
        file.as_file().sync_all()?;
    }
    match file.persist(path) {
        Ok(_) => {}
        Err(failed) if failed.error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder_of(path))?;
            failed.file.persist(path).map_err(|failed| failed.error)?;
        }
        Err(failed) => return Err(failed.error),
    }
    if durable {
        sync_folder(folder_of(path));
    }
    Ok(())
}

/// Makes the rename itself durable. Some systems cannot open a folder; the file is complete there all the same.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = std::fs::File::open(folder) {
        let _ = handle.sync_all();
    }
}
