//! Compiled bundles on disk, trusted only when this machine wrote them.
//!
//! A compiled bundle is machine code, so mapping one that somebody else wrote is running it. Beside
//! each file stands an HMAC of its name and bytes under a random key that never leaves the folder;
//! the folder and the key are the owner's alone. What is cut short, altered, or copied from another
//! machine fails the check and is compiled anew. The cache knows no manifests, and its trouble never
//! stops a bundle from loading.

use crate::Limits;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_FILE: &str = "cache.key";
/// A block of SHA-256: HMAC takes such a key as it is.
const KEY_BYTES: usize = 64;

/// At a time; small enough to stay in the processor's cache.
const READ_BYTES: usize = 64 << 10;

pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_BYTES],
    /// Everything that a compiled bundle and its trial depend on, but for the bundle.
    settings: Sha256,
}

impl Cache {
    /// Opens the folder, made with its key where there is none.
    pub fn open(dir: &Path, engine: &Engine, limits: &Limits) -> io::Result<Self> {
        DirBuilder::new().recursive(true).create(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        let path = dir.join(KEY_FILE);
        let key = match read_key(&path)? {
            Some(key) => key,
            None => {
                write_atomically(&path, &random_key()?)?;
                // Of two processes that made one at the same time, the later's key stands.
                read_key(&path)?.ok_or_else(|| io::Error::other("the key was not kept"))?
            }
        };
        Ok(Self {
            dir: dir.to_owned(),
            key,
            settings: settings(engine, limits),
        })
    }

    /// The component of that digest, if it is there and can be trusted.
    pub fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = self.name(digest);
        match self.checked(&name).and_then(|checked| match checked {
            Some(path) => map(engine, &path).map(Some).map_err(Untrusted::Wasmtime),
            None => Ok(None),
        }) {
            Ok(component) => component,
            Err(error) => {
                tracing::warn!(digest, %error, "a compiled bundle is not trusted; it is compiled anew");
                None
            }
        }
    }

    /// Keeps the component, and gives it back mapped from its file: the code is page cache then and
    /// not memory of the process.
    pub fn keep(&self, engine: &Engine, digest: &str, component: &Component) -> Option<Component> {
        if let Err(error) = self.write(&self.name(digest), component) {
            tracing::warn!(digest, %error, "a compiled bundle could not be kept");
            return None;
        }
        self.get(engine, digest)
    }

    /// The file of that name, if there is one; an error where it is not what this machine wrote.
    fn checked(&self, name: &str) -> Result<Option<PathBuf>, Untrusted> {
        let path = self.code_path(name);
        let mut code = match File::open(&path) {
            Ok(code) => code,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Untrusted::Read(error)),
        };
        let mut mac = self.mac(name);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match code.read(&mut buffer).map_err(Untrusted::Read)? {
                0 => break,
                count => mac.update(&buffer[..count]),
            }
        }
        let tag = fs::read(self.tag_path(name)).map_err(Untrusted::Read)?;
        mac.verify_slice(&tag).map_err(|_| Untrusted::Tag)?;
        Ok(Some(path))
    }

    fn write(&self, name: &str, component: &Component) -> Result<(), Untrusted> {
        let code = component.serialize().map_err(Untrusted::Wasmtime)?;
        let tag = self.mac(name).chain_update(&code).finalize().into_bytes();
        write_atomically(&self.code_path(name), &code).map_err(Untrusted::Write)?;
        write_atomically(&self.tag_path(name), &tag).map_err(Untrusted::Write)
    }

    /// Of its name; its bytes follow.
    fn mac(&self, name: &str) -> Hmac<Sha256> {
        Hmac::<Sha256>::new(&self.key.into()).chain_update(name)
    }

    fn name(&self, digest: &str) -> String {
        hex::encode(self.settings.clone().chain_update(digest).finalize())
    }

    fn code_path(&self, name: &str) -> PathBuf {
        self.dir.join(name).with_extension("cwasm")
    }

    fn tag_path(&self, name: &str) -> PathBuf {
        self.dir.join(name).with_extension("hmac")
    }
}

/// Why a file of the cache is of no use.
#[derive(Debug, thiserror::Error)]
enum Untrusted {
    #[error("reading it: {0}")]
    Read(#[source] io::Error),
    #[error("writing it: {0}")]
    Write(#[source] io::Error),
    #[error("it is not what this machine wrote")]
    Tag,
    #[error("wasmtime does not take it: {0}")]
    Wasmtime(#[source] wasmtime::Error),
}

/// Maps a file that was just found to be ours.
#[allow(
    unsafe_code,
    reason = "the file is wasmtime's own output: its HMAC under this machine's key was checked; \
              it is replaced by renaming, never written in place, and the folder is the owner's alone"
)]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    unsafe { Component::deserialize_file(engine, path) }
}

/// wasmtime's version, the processor's features and the settings of the code, as wasmtime tells
/// them; the limits and the contract of the trial.
fn settings(engine: &Engine, limits: &Limits) -> Sha256 {
    let mut hasher = Hashing(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    limits.hash(&mut hasher);
    CONTRACT_TEXT.hash(&mut hasher);
    hasher.0
}

/// The types of the exports.
const CONTRACT_TEXT: [&str; 3] = [
    include_str!("../../../wit/types.wit"),
    include_str!("../../../wit/proceedings.wit"),
    include_str!("../../../wit/matter.wit"),
];

/// Lets what is `Hash` into a hash that is the same on the next start.
struct Hashing(Sha256);

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the digest is read from the inside.
        0
    }
}

fn random_key() -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}

/// A key that others could read, or of the wrong length, is no key.
fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut key = Vec::new();
    let own = file.metadata()?.permissions().mode() & 0o077 == 0;
    file.read_to_end(&mut key)?;
    Ok(key.try_into().ok().filter(|_| own))
}

/// Nobody ever sees half of the file; other processes may write the same one.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The error that matters is the one at hand.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Config;

    fn open(dir: &Path, engine: &Engine) -> Cache {
        Cache::open(dir, engine, &Limits::default()).unwrap()
    }

    fn component(engine: &Engine) -> Component {
        Component::from_binary(engine, &wat::parse_str("(component)").unwrap()).unwrap()
    }

    #[test]
    fn a_name_is_of_one_bundle_one_engine_and_one_set_of_limits() {
        let dir = tempfile::tempdir().unwrap();
        let usual = Engine::default();
        let other = Engine::new(Config::new().consume_fuel(true)).unwrap();
        let more = Limits {
            fuel: 1,
            ..Limits::default()
        };
        let name = open(dir.path(), &usual).name("a");
        assert_eq!(name, open(dir.path(), &Engine::default()).name("a"));
        assert_ne!(name, open(dir.path(), &usual).name("b"));
        assert_ne!(name, open(dir.path(), &other).name("a"));
        let limited = Cache::open(dir.path(), &usual, &more).unwrap();
        assert_ne!(name, limited.name("a"));
    }

    #[test]
    fn everything_in_the_folder_is_the_owners_alone() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("a/b");
        let engine = Engine::default();
        open(&dir, &engine)
            .keep(&engine, "a", &component(&engine))
            .unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let mut extensions = Vec::new();
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            extensions.extend(path.extension().map(ToOwned::to_owned));
        }
        extensions.sort();
        assert_eq!(extensions, ["cwasm", "hmac", "key"], "nothing unfinished");
    }

    #[test]
    fn a_key_that_others_can_read_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let key = dir.path().join(KEY_FILE);
        open(dir.path(), &engine)
            .keep(&engine, "a", &component(&engine))
            .unwrap();
        let [before, again] = [0o600, 0o644].map(|mode| {
            fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
            open(dir.path(), &engine)
        });
        assert!(before.get(&engine, "a").is_some());
        assert_ne!(before.key, again.key);
        assert!(again.get(&engine, "a").is_none());
    }

    #[test]
    fn a_file_under_another_name_is_foreign() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = open(dir.path(), &engine);
        assert!(cache.get(&engine, "a").is_none());
        cache.keep(&engine, "a", &component(&engine)).unwrap();
        assert!(cache.get(&engine, "a").is_some());
        let [a, b] = ["a", "b"].map(|digest| cache.name(digest));
        fs::copy(cache.code_path(&a), cache.code_path(&b)).unwrap();
        fs::copy(cache.tag_path(&a), cache.tag_path(&b)).unwrap();
        assert!(cache.get(&engine, "b").is_none());
    }

    #[test]
    fn a_folder_that_is_gone_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = open(dir.path(), &engine);
        dir.close().unwrap();
        assert!(cache.keep(&engine, "a", &component(&engine)).is_none());
        assert!(cache.get(&engine, "a").is_none());
    }
}
