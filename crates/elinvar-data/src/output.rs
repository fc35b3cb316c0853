//! Writing that never leaves half a file.

use crate::source::Name;
use elinvar_core::{Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file so that readers see the old content or the new one, never a part: a temporary file in the same folder, synced to
/// the disk, then renamed.
///
/// # Errors
/// When the folder is missing or not writable, the disk is full, or the target is not a regular file.
pub fn atomic_write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    atomic_write_with(path, |file| file.write_all(bytes).map_err(|e| cannot_write(path, e)))
}

/// The same for content that is produced piece by piece. When `produce` fails, the target stays as it was.
pub fn atomic_write_with(path: impl AsRef<Path>, produce: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let path = path.as_ref();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::file(path, format!("cannot be written: there is no folder '{}'", folder.display())).hint("create it first"));
    }
    // Renaming over a device or a pipe would replace it.
    if path.exists() && !path.is_file() {
        return Err(Error::file(path, "cannot be written: it exists and is not a regular file"));
    }
    let temporary = temporary_in(folder).map_err(|e| cannot_write(path, e))?;
    let (file, temporary) = temporary.into_parts();
    let mut writer = BufWriter::with_capacity(1 << 16, file);
    produce(&mut writer)?;
    let file = writer.into_inner().map_err(|e| cannot_write(path, e.into_error()))?;
    file.sync_all().map_err(|e| cannot_write(path, e))?;
    drop(file);
    temporary.persist(path).map_err(|e| cannot_write(path, e.error))?;
    sync_folder(folder);
    Ok(())
}

/// Failure of the operating system while writing.
pub(crate) fn cannot_write(path: &Path, error: io::Error) -> Error {
    Name::new(path.display().to_string()).damaged(format!("cannot be written: {error}")).caused_by(error)
}

#[cfg(unix)]
fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    // As any other new file: the user's mask is taken off these rights.
    tempfile::Builder::new().prefix(".elinvar-").permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".elinvar-").tempfile_in(folder)
}

/// Makes the rename itself survive a power cut. Not every file system can; the content is safe either way.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        atomic_write(&path, b"old").unwrap();
        let error = atomic_write_with(&path, |w| {
            w.write_all(b"half of the n").unwrap();
            Err(Error::internal("stop"))
        });
        assert_eq!(error.unwrap_err().to_string(), "stop");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary file is gone");
        atomic_write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn bad_targets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/a.txt");
        let error = atomic_write(&path, b"x").unwrap_err().to_string();
        let expected =
            format!("{}: cannot be written: there is no folder '{}'; create it first", path.display(), folder.path().join("no").display());
        assert_eq!(error, expected);
        let error = atomic_write(folder.path(), b"x").unwrap_err().to_string();
        assert!(error.ends_with("cannot be written: it exists and is not a regular file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_has_ordinary_rights() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        atomic_write(&ours, b"x").unwrap();
        std::fs::write(&plain, b"x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
