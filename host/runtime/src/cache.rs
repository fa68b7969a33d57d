//! Compiled bundles on disk, trusted only when this machine wrote them.
//!
//! A compiled bundle is machine code, so mapping one that somebody else wrote is running it. Beside
//! each file stands an HMAC of its name and bytes under a random key that never leaves the folder;
//! the folder and the key are the owner's alone. What is cut short, altered, or copied from another
//! machine fails the check and is compiled anew. The cache knows neither manifests nor limits, and
//! its trouble never stops a bundle from loading.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_FILE: &str = "cache.key";
/// A block of SHA-256: HMAC takes such a key as it is.
const KEY_BYTES: usize = 64;

pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Cache {
    /// Opens the folder, made with its key where there is none.
    pub fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
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
        })
    }

    /// The component of that digest, and whether it was there. A fresh one is mapped from the file
    /// too, so that its code is page cache and not memory of the process.
    pub fn get_or_compile<E>(
        &self,
        engine: &Engine,
        digest: &str,
        compile: impl FnOnce() -> Result<Component, E>,
    ) -> Result<(Component, bool), E> {
        let name = name(engine, digest);
        match self.load(engine, &name) {
            Ok(Some(component)) => return Ok((component, true)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(digest, %error, "a compiled bundle is not trusted; compiling it anew")
            }
        }
        let component = compile()?;
        match self
            .save(&name, &component)
            .and_then(|()| self.load(engine, &name))
        {
            Ok(Some(mapped)) => Ok((mapped, false)),
            Ok(None) => Ok((component, false)),
            Err(error) => {
                tracing::warn!(digest, %error, "a compiled bundle could not be kept");
                Ok((component, false))
            }
        }
    }

    fn load(&self, engine: &Engine, name: &str) -> Result<Option<Component>, Untrusted> {
        let path = self.code_path(name);
        let code = match fs::read(&path) {
            Ok(code) => code,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Untrusted::Read(error)),
        };
        let tag = fs::read(self.tag_path(name)).map_err(Untrusted::Read)?;
        self.mac(name, &code)
            .verify_slice(&tag)
            .map_err(|_| Untrusted::Tag)?;
        drop(code);
        map(engine, &path).map(Some).map_err(Untrusted::Map)
    }

    fn save(&self, name: &str, component: &Component) -> Result<(), Untrusted> {
        let code = component.serialize().map_err(Untrusted::Map)?;
        let tag = self.mac(name, &code).finalize().into_bytes();
        write_atomically(&self.code_path(name), &code).map_err(Untrusted::Write)?;
        write_atomically(&self.tag_path(name), &tag).map_err(Untrusted::Write)
    }

    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(name.as_bytes());
        mac.update(code);
        mac
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
    Map(#[source] wasmtime::Error),
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

/// A file's name: the bundle, and everything of the engine that its code depends on (wasmtime's
/// version, the processor's features, settings).
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = Hashing(Sha256::new_with_prefix(digest));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex::encode(hasher.0.finalize())
}

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
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}

/// A key of the wrong length is no key.
fn read_key(path: &Path) -> io::Result<Option<[u8; KEY_BYTES]>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.try_into().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
    use std::os::unix::fs::PermissionsExt;
    use wasmtime::Config;

    fn compile(engine: &Engine) -> wasmtime::Result<Component> {
        Component::from_binary(engine, &wat::parse_str("(component)").unwrap())
    }

    #[test]
    fn a_name_is_of_one_bundle_and_one_engine() {
        let usual = Engine::default();
        let other = Engine::new(Config::new().consume_fuel(true)).unwrap();
        assert_eq!(name(&usual, "a"), name(&Engine::default(), "a"));
        assert_ne!(name(&usual, "a"), name(&usual, "b"));
        assert_ne!(name(&usual, "a"), name(&other, "a"));
    }

    #[test]
    fn everything_in_the_folder_is_the_owners_alone() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("a/b");
        let engine = Engine::default();
        let cache = Cache::open(&dir).unwrap();
        cache
            .get_or_compile(&engine, "a", || compile(&engine))
            .unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let mut extensions = Vec::new();
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            extensions.extend(path.extension().map(|found| found.to_owned()));
        }
        extensions.sort();
        assert_eq!(extensions, ["cwasm", "hmac", "key"], "nothing unfinished");
    }

    #[test]
    fn a_file_under_another_name_is_foreign() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(dir.path()).unwrap();
        let get = |digest| {
            cache
                .get_or_compile(&engine, digest, || compile(&engine))
                .unwrap()
                .1
        };
        assert!(!get("a"));
        assert!(get("a"));
        let [a, b] = ["a", "b"].map(|digest| name(&engine, digest));
        fs::copy(cache.code_path(&a), cache.code_path(&b)).unwrap();
        fs::copy(cache.tag_path(&a), cache.tag_path(&b)).unwrap();
        assert!(!get("b"));
        assert!(get("b"));
    }

    #[test]
    fn a_folder_that_is_gone_stops_no_load() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(dir.path()).unwrap();
        dir.close().unwrap();
        let (_, from_cache) = cache
            .get_or_compile(&engine, "a", || compile(&engine))
            .unwrap();
        assert!(!from_cache);
    }
}
