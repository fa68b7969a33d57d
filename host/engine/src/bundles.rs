//! The bundles of a deployment: a folder of `.wasm` files. Picks the version of a matter by legal
//! date, and finds the one that a case is pinned to by its digest.

use crate::engine::Engine;
use crate::error::Error;
use onething_contract::manifest::Manifest;
use onething_runtime::{Bundle, LoadError, Runtime};
use serde_json::Value;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// Every bundle that this host can run.
#[derive(Clone, Default)]
pub struct Bundles {
    /// By matter, the newest first.
    bundles: Vec<Bundle>,
}

/// Why the folder of bundles cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundlesError {
    /// The folder or a file in it.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is not a bundle.
    #[error("{} is not a bundle", path.display())]
    Load {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<LoadError>,
    },
    /// Two bundles are the same version of a matter.
    #[error("{} is {matter} {version}, and so is another bundle", path.display())]
    Twice {
        /// The second one.
        path: PathBuf,
        /// The matter of both.
        matter: String,
        /// The version of both.
        version: String,
    },
}

impl Bundles {
    /// Loads every `.wasm` file of the folder, in the order of their names.
    ///
    /// # Errors
    /// At the first file that is not a bundle.
    pub fn load(runtime: &Runtime, folder: &Path) -> Result<Self, BundlesError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| BundlesError::Read { path, source }
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read(folder))? {
            let path = entry.map_err(read(folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                files.push(path);
            }
        }
        files.sort();
        let mut bundles = Self::default();
        for path in files {
            let component = std::fs::read(&path).map_err(read(&path))?;
            let bundle = runtime
                .load(&component)
                .map_err(|source| BundlesError::Load {
                    path: path.clone(),
                    source: Box::new(source),
                })?;
            if !bundles.add(bundle.clone()) {
                let manifest = bundle.manifest();
                return Err(BundlesError::Twice {
                    path,
                    matter: manifest.matter.clone(),
                    version: manifest.version.clone(),
                });
            }
        }
        Ok(bundles)
    }

    /// Adds a bundle; false where the same version of its matter is there already.
    pub fn add(&mut self, bundle: Bundle) -> bool {
        let key = |bundle: &Bundle| {
            let manifest = bundle.manifest();
            let newest_first = (manifest.valid.since.clone(), version(&manifest.version));
            (manifest.matter.clone(), Reverse(newest_first))
        };
        let same = |known: &Bundle| {
            let (known, new) = (known.manifest(), bundle.manifest());
            known.matter == new.matter && known.version == new.version
        };
        if self.bundles.iter().any(same) {
            return false;
        }
        let place = self
            .bundles
            .partition_point(|known| key(known) < key(&bundle));
        self.bundles.insert(place, bundle);
        true
    }

    /// Every bundle, by matter, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.iter()
    }

    /// The version of a matter that is valid on a day, `2025-01-06`.
    pub fn on(&self, matter: &str, day: &str) -> Option<&Bundle> {
        self.of(matter).find(|bundle| {
            let valid = &bundle.manifest().valid;
            valid.since.as_str() <= day && valid.until.as_deref().is_none_or(|until| day < until)
        })
    }

    /// The newest version of a matter.
    pub fn newest(&self, matter: &str) -> Option<&Bundle> {
        self.of(matter).next()
    }

    /// The newest version of every matter.
    pub fn all_newest(&self) -> impl Iterator<Item = &Bundle> {
        let matter = |bundle: &Bundle| bundle.manifest().matter.clone();
        let of_one = self.bundles.chunk_by(move |a, b| matter(a) == matter(b));
        of_one.filter_map(<[Bundle]>::first)
    }

    /// The bundle of that digest.
    pub fn pinned(&self, digest: &str) -> Option<&Bundle> {
        self.bundles.iter().find(|bundle| bundle.digest() == digest)
    }

    fn of(&self, matter: &str) -> impl Iterator<Item = &Bundle> {
        self.bundles
            .iter()
            .filter(move |bundle| bundle.manifest().matter == matter)
    }
}

impl Engine {
    pub(crate) fn legal_date(
        &self,
        matter: &str,
        answers: &Value,
        at: &str,
    ) -> Result<String, Error> {
        let newest = self
            .bundles
            .newest(matter)
            .ok_or_else(|| unknown_matter(matter))?;
        Ok(legal_date(newest.manifest(), answers, at))
    }

    pub(crate) fn valid(&self, matter: &str, at: &str) -> Result<&Bundle, Error> {
        let day = at.get(..10).unwrap_or(at);
        match self.bundles.on(matter, day) {
            Some(bundle) => Ok(bundle),
            None if self.bundles.newest(matter).is_none() => Err(unknown_matter(matter)),
            None => Err(Error::refused(
                "no-version",
                format!("事项 {matter} 没有在 {day} 有效的版本"),
                format!("no version of the matter {matter} is valid on {day}"),
            )),
        }
    }
}

/// The day whose law applies: the manifest's element, or the day of filing.
pub fn legal_date(manifest: &Manifest, answers: &Value, at: &str) -> String {
    let element = manifest.legal_date.as_deref();
    let given = element
        .and_then(|element| answers.get(element))
        .and_then(Value::as_str);
    let mut date = given
        .or_else(|| at.get(..10))
        .unwrap_or_default()
        .to_owned();
    if date.len() == "2025-01".len() {
        date.push_str("-01");
    }
    date
}

fn unknown_matter(matter: &str) -> Error {
    Error::Unknown {
        what: "matter",
        name: matter.to_owned(),
    }
}

/// A version's numbers, so that 1.10 comes after 1.9.
fn version(text: &str) -> Vec<u64> {
    text.split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}
