//! Master keys: a file beside the database and not in it, the same for every node. All keys of the
//! file open what they have wrapped; which one wraps is not the file's to say, since a key may be in
//! one node's file and not yet in another's.

use super::{DataKey, KEY_BYTES, Wrapped, random};
use crate::Error;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use zeroize::Zeroizing;

/// Bytes of a master key's name.
const ID_BYTES: usize = 4;

/// Why something cannot be closed or opened. No variant tells what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The file of master keys.
    #[error("cannot {operation} the master keys {}", path.display())]
    File {
        /// In the infinitive.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file of master keys says something else.
    #[error(
        "{} holds no master keys ({wrong}): restore it from where you keep it, without it no case can be read",
        path.display()
    )]
    NoKeys {
        /// Where.
        path: PathBuf,
        /// Which part.
        wrong: String,
    },
    /// Others than the owner may read the keys.
    #[error("{} may be read by others than its owner (mode {mode:o}): chmod 600 it", path.display())]
    Readable {
        /// Where.
        path: PathBuf,
        /// As it is.
        mode: u32,
    },
    /// Wrapped with a key that is not in the file.
    #[error(
        "the master key {master} is not in {}: bring the file of the node that has it",
        path.display()
    )]
    UnknownMaster {
        /// Its name.
        master: String,
        /// The file.
        path: PathBuf,
    },
    /// The wrapped key was changed, or is another scope's.
    #[error("the key of {scope} does not open with master key {master}: restore it from a backup")]
    Unwrap {
        /// What the data key is for.
        scope: String,
        /// The master key's name.
        master: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// Longer than a message of GCM may be (64 GiB).
    #[error("too long to be encrypted in one piece")]
    TooLong,
}

/// The master keys of a deployment. A clone is another handle to the same.
#[derive(Clone)]
pub struct Masters(Arc<Inner>);

struct Inner {
    /// Read again when a name turns up that is not known: a key may have been added.
    path: Option<PathBuf>,
    keys: RwLock<Vec<Master>>,
}

#[derive(Clone)]
struct Master {
    id: String,
    key: DataKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    key: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    /// Hex.
    sm4: Zeroizing<String>,
}

impl std::fmt::Debug for Masters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Masters").field(&self.0.path).finish()
    }
}

impl Masters {
    /// The keys of a file, which is made with a first one where there is none.
    ///
    /// # Errors
    /// When the file holds no keys, others may read it, or it cannot be read or made.
    pub fn open(path: &Path) -> Result<Masters, Error> {
        if !path.exists() {
            let text = Zeroizing::new(text(&[fresh()?]));
            create(path, &text).map_err(failed("make", path))?;
        }
        Ok(Masters(Arc::new(Inner {
            keys: RwLock::new(read(path)?),
            path: Some(path.to_owned()),
        })))
    }

    /// A key that is nowhere but in memory: for databases that are gone with the process.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn in_memory() -> Result<Masters, Error> {
        Ok(Masters(Arc::new(Inner {
            path: None,
            keys: RwLock::new(vec![fresh()?]),
        })))
    }

    /// Adds a key, which wraps nothing yet, and answers its name. The files of other machines have to
    /// follow before it does.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self) -> Result<String, Error> {
        let _alone = self.alone()?;
        let mut keys = self.keys();
        let new = fresh()?;
        let id = new.id.clone();
        keys.push(new);
        self.keep(keys)?;
        Ok(id)
    }

    /// Takes out every key before this one. What they wrapped must be wrapped anew before.
    ///
    /// # Errors
    /// When the file cannot be written, or does not have it.
    pub fn retire_before(&self, id: &str) -> Result<(), Error> {
        let _alone = self.alone()?;
        let keys = self.keys();
        let found = keys.iter().position(|master| master.id == id);
        let kept = found.and_then(|n| keys.get(n..));
        self.keep(kept.ok_or_else(|| self.unknown(id))?.to_vec())
    }

    /// The names of all, in the order in which they were added; as the file has them now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        self.read_again()?;
        Ok(self.keys().into_iter().map(|master| master.id).collect())
    }

    /// With what the file has now, and nobody else at it while the lock is kept: a key that another
    /// process adds meanwhile would be lost, and with it what it has wrapped.
    fn alone(&self) -> Result<Option<File>, Error> {
        let Some(path) = &self.0.path else {
            return Ok(None);
        };
        let lock = File::create(path.with_extension("lock")).map_err(failed("lock", path))?;
        lock.lock().map_err(failed("lock", path))?;
        self.read_again()?;
        Ok(Some(lock))
    }

    fn read_again(&self) -> Result<(), Error> {
        if let Some(path) = &self.0.path {
            self.take(read(path)?);
        }
        Ok(())
    }

    /// The name of the key that was added last.
    pub(crate) fn newest(&self) -> Result<String, Error> {
        let names = self.names()?;
        names.last().cloned().ok_or_else(|| self.unknown(""))
    }

    /// Wraps a data key for a scope with this master key.
    pub(crate) fn wrap(&self, id: &str, scope: &str, key: &DataKey) -> Result<Wrapped, Error> {
        Ok(Wrapped {
            master: id.to_owned(),
            bytes: self.master(id)?.close(&place(scope), &*key.bytes)?,
        })
    }

    /// The data key of a scope.
    pub(crate) fn unwrap(&self, scope: &str, wrapped: &Wrapped) -> Result<DataKey, Error> {
        let master = self.master(&wrapped.master)?;
        let opened = master.open_or_none(&place(scope), &wrapped.bytes);
        let bytes = opened
            .map(Zeroizing::new)
            .and_then(|opened| <[u8; KEY_BYTES]>::try_from(opened.as_slice()).ok());
        match bytes {
            Some(bytes) => Ok(DataKey::of(Zeroizing::new(bytes))),
            None => Err(Error::Vault(VaultError::Unwrap {
                scope: scope.to_owned(),
                master: wrapped.master.clone(),
            })),
        }
    }

    fn master(&self, id: &str) -> Result<DataKey, Error> {
        let find = |keys: &[Master]| {
            let found = keys.iter().find(|master| master.id == id);
            found.map(|master| master.key.clone())
        };
        if let Some(key) = find(&self.keys()) {
            return Ok(key);
        }
        self.read_again()?;
        find(&self.keys()).ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: &str) -> Error {
        Error::Vault(VaultError::UnknownMaster {
            master: id.to_owned(),
            path: self.0.path.clone().unwrap_or_default(),
        })
    }

    fn keys(&self) -> Vec<Master> {
        // A thread that panicked while it held the lock left whole keys behind.
        let keys = self.0.keys.read();
        keys.unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }

    fn take(&self, new: Vec<Master>) {
        let keys = self.0.keys.write();
        *keys.unwrap_or_else(|poisoned| poisoned.into_inner()) = new;
    }

    fn keep(&self, keys: Vec<Master>) -> Result<(), Error> {
        if let Some(path) = &self.0.path {
            let text = Zeroizing::new(text(&keys));
            replace(path, &text).map_err(failed("write", path))?;
        }
        self.take(keys);
        Ok(())
    }
}

/// So that a wrapped key cannot be given to another scope.
fn place(scope: &str) -> String {
    format!("data-key/{scope}")
}

fn fresh() -> Result<Master, Error> {
    let mut id = [0; ID_BYTES];
    random(&mut id)?;
    Ok(Master {
        id: hex::encode(id),
        key: DataKey::generate()?,
    })
}

fn read(path: &Path) -> Result<Vec<Master>, Error> {
    let mode = fs::metadata(path)
        .map_err(failed("read", path))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(Error::Vault(VaultError::Readable {
            path: path.to_owned(),
            mode: mode & 0o777,
        }));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read", path))?);
    let no_keys = |wrong: &str| {
        Error::Vault(VaultError::NoKeys {
            path: path.to_owned(),
            wrong: wrong.to_owned(),
        })
    };
    // The message of a syntax error would quote the line, and that may be a key.
    let Keys { key: entries } =
        toml::from_str(&text).map_err(|_| no_keys("not TOML of [[key]] with id and sm4"))?;
    let mut keys: Vec<Master> = Vec::new();
    for entry in entries {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(entry.sm4.as_bytes(), &mut *bytes)
            .map_err(|_| no_keys(&format!("sm4 of {} is not 32 hex digits", entry.id)))?;
        if entry.id.is_empty() || keys.iter().any(|known| known.id == entry.id) {
            return Err(no_keys(&format!("the id {:?} is empty or twice", entry.id)));
        }
        keys.push(Master {
            id: entry.id,
            key: DataKey::of(bytes),
        });
    }
    if keys.is_empty() {
        return Err(no_keys("no [[key]]"));
    }
    Ok(keys)
}

fn text(keys: &[Master]) -> String {
    let mut text = String::from(
        "# Master keys (主密钥). Who has this file and the database reads every case; without it nobody\n\
         # reads any. Keep a copy apart from the backups of the database. `onething key list` tells which wraps.\n",
    );
    for Master { id, key } in keys {
        let hex = Zeroizing::new(hex::encode(*key.bytes));
        text.push_str(&format!("\n[[key]]\nid = \"{id}\"\nsm4 = \"{}\"\n", *hex));
    }
    text
}

/// Unless somebody was first; then theirs stands.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let draft = draft(path, text)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    fs::rename(draft(path, text)?, path)?;
    sync_folder(path)
}

fn draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // A bare name lies in the folder that we are in.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| {
        Error::Vault(VaultError::File {
            operation,
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_into_the_database_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.toml");
        let masters = Masters::open(&path).unwrap();
        let key = DataKey::generate().unwrap();
        let wrapped = masters
            .wrap(&masters.newest().unwrap(), "case/c", &key)
            .unwrap();
        let again = Masters::open(&path).unwrap();
        let unwrapped = again.unwrap("case/c", &wrapped).unwrap();
        assert_eq!(*unwrapped.bytes, *key.bytes);
        let other = again.unwrap("case/d", &wrapped).unwrap_err();
        assert!(other.to_string().contains("case/d"), "{other}");
    }

    #[test]
    fn a_new_key_leaves_what_was_wrapped_readable_on_every_node() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        let (here, there) = (Masters::open(&path).unwrap(), Masters::open(&path).unwrap());
        let key = DataKey::generate().unwrap();
        let before = here.wrap(&here.newest().unwrap(), "s", &key).unwrap();
        let new = here.add().unwrap();
        assert_eq!(here.newest().unwrap(), new);
        let after = here.wrap(&new, "s", &key).unwrap();
        assert_ne!(before.master, after.master);
        // The other node learns of the new key when it meets it.
        assert!(there.unwrap("s", &after).is_ok());
        assert!(there.unwrap("s", &before).is_ok());
        here.retire_before(&new).unwrap();
        assert!(here.unwrap("s", &after).is_ok());
        let gone = here.unwrap("s", &before).unwrap_err();
        assert!(gone.to_string().contains(&before.master), "{gone}");
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_without_its_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        let secret = "0123456789abcdef0123456789abcdef";
        for (text, mode, expected) in [
            ("", 0o600, "missing"),
            ("key = []", 0o600, "no [[key]]"),
            ("nonsense", 0o600, "not TOML"),
            (
                &format!("[[key]]\nid = \"a\"\nsm4 = {secret}"),
                0o600,
                "not TOML",
            ),
            ("[[key]]\nid = \"a\"\nsm4 = \"12\"", 0o600, "32 hex digits"),
            (
                &format!("[[key]]\nid = \"\"\nsm4 = \"{secret}\""),
                0o600,
                "empty or twice",
            ),
            (
                &format!("[[key]]\nid = \"a\"\nsm4 = \"{secret}\""),
                0o640,
                "chmod 600",
            ),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Masters::open(&path).unwrap_err().to_string();
            let expected = if expected == "missing" {
                "not TOML"
            } else {
                expected
            };
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains(secret), "{error}");
        }
    }

    #[test]
    fn the_first_of_two_files_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        create(&path, "first").unwrap();
        create(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
