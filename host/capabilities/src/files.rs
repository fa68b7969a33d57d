//! Files that are there whole or not at all, under names that cannot leave their folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Within a folder that others collect from: where they leave what they have taken.
pub(crate) const TAKEN: &str = "taken";
/// Bytes of a file name.
const NAME_BYTES_MAX: usize = 128;

/// A capability that could not do its work now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that would not be a plain file name.
    #[error(
        "{name:?} cannot name a file: at most {NAME_BYTES_MAX} ASCII letters, digits, `-`, `_` and `.`, not starting with `.`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The file system said no.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was attempted, in the infinitive.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A value could not be written as JSON.
    #[error("cannot write {what} as JSON")]
    Json {
        /// Which value.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }
}

/// The name, if it is one. Names come from bundles and their data; two names never become one.
pub(crate) fn checked_name(name: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ok = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && name.bytes().all(plain);
    ok.then_some(name).ok_or_else(|| Error::Name {
        name: name.to_owned(),
    })
}

/// The file's bytes, or `None` where there is no file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Writes a file, replacing what was there; a crash leaves the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let draft = Draft::write(path, bytes, 0o644)?;
    fs::rename(&draft.path, path).map_err(Error::io("write", path))?;
    sync_folder_of(path)
}

/// Writes a file that only its owner may read, unless somebody has done so first; then theirs
/// stands and the answer is `false`.
pub(crate) fn create_secret(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    let draft = Draft::write(path, bytes, 0o600)?;
    match fs::hard_link(&draft.path, path) {
        Ok(()) => sync_folder_of(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// A file under a name nobody looks at, already on the disk; gone when it is dropped.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(target: &Path, bytes: &[u8], mode: u32) -> Result<Draft, Error> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let folder = folder_of(target);
        fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
        let draft = Draft {
            path: folder.join(format!(
                ".{}-{}.draft",
                std::process::id(),
                DRAFTS.fetch_add(1, Ordering::Relaxed)
            )),
        };
        // A process of the same number that crashed may have left one.
        let _ = fs::remove_file(&draft.path);
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&draft.path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &draft.path))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename it is gone already; nothing hangs on one that stays.
        let _ = fs::remove_file(&self.path);
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// A new name is on the disk once its folder is.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), Error> {
    let folder = folder_of(path);
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("write the folder", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn names_stay_in_their_folder() {
        for name in ["personnel-331102", "331102-2025-000001-7-1", "a.b_C"] {
            assert_eq!(checked_name(name).unwrap(), name);
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in [
            "", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\0b", "局", "a b", &long,
        ] {
            assert!(
                matches!(checked_name(name), Err(Error::Name { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn the_first_secret_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/one.pem");
        assert!(create_secret(&path, b"first").unwrap());
        assert!(!create_secret(&path, b"second").unwrap());
        assert_eq!(read_if_there(&path).unwrap().unwrap(), b"first");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        replace(&path, b"third").unwrap();
        assert_eq!(
            fs::read_dir(folder.path().join("keys")).unwrap().count(),
            1,
            "no drafts stay"
        );
    }
}
