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
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    write_in(folder, path, content).map_err(|error| unwritable(path, error))
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

fn write_in(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    // Evidence is merged and published by copying, so others must be able to read it; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

/// Makes the rename itself durable. Some systems cannot open a folder; the file is complete there all the same.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = std::fs::File::open(folder) {
        let _ = handle.sync_all();
    }
}
