//! The bundles of a deployment, as they are at one moment: which are loaded, and which of them is
//! taken for which law. How they come and go is [`crate::deployment`]'s.

use crate::engine::Engine;
use crate::error::Error;
use onething_contract::manifest::Manifest;
use onething_runtime::{Bundle, LoadError, Runtime};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a host runs at one moment. Whoever answers a request takes it once, so that no answer is
/// made of two versions.
#[derive(Clone, Default)]
pub struct Bundles {
    /// Every bundle that is loaded, in force or only pinned by a case, by digest.
    loaded: BTreeMap<String, Bundle>,
    /// What is in force, in the order in which it was put there.
    standing: Vec<Standing>,
    /// Of the store's log of activations.
    pub(crate) generation: u64,
}

/// An activation that was not taken back.
#[derive(Clone)]
pub(crate) struct Standing {
    pub bundle: Bundle,
    /// The first legal date that the bundle is taken for: its law's first day, or a later one.
    pub from_day: String,
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
}

impl Bundles {
    /// Loads every `.wasm` file of the folder and puts it in force for the law that it implements, a
    /// later version after an earlier one.
    ///
    /// # Errors
    /// At the first file that is not a bundle.
    pub fn load(runtime: &Runtime, folder: &Path) -> Result<Self, BundlesError> {
        let mut bundles = Self::default();
        for (path, component) in read_folder(folder)? {
            let loaded = runtime.load(&component);
            let bundle = loaded.map_err(|source| BundlesError::Load {
                path,
                source: Box::new(source),
            })?;
            bundles.add(bundle);
        }
        let versions = |one: &Standing| age(one.bundle.manifest());
        bundles.standing.sort_by_key(versions);
        Ok(bundles)
    }

    /// Puts a bundle in force for the law that it implements, over what is there.
    pub fn add(&mut self, bundle: Bundle) {
        self.keep(bundle.clone());
        self.standing.push(Standing {
            from_day: bundle.manifest().valid.since.clone(),
            bundle,
        });
    }

    /// What is in force for some day, by matter, the newest law first.
    pub fn iter(&self) -> impl Iterator<Item = &Bundle> {
        let mut versions: Vec<(&str, &str, &Bundle)> = Vec::new();
        for one in &self.standing {
            let (manifest, from) = (one.bundle.manifest(), one.from());
            let known = |(_, _, bundle): &(&str, &str, &Bundle)| is_same(bundle, &one.bundle);
            if self.is_ever_taken(one) && !versions.iter().any(known) {
                versions.push((manifest.matter.as_str(), from, &one.bundle));
            }
        }
        versions.sort_by(|(matter, from, _), (other, since, _)| {
            matter.cmp(other).then(since.cmp(from))
        });
        versions.into_iter().map(|(_, _, bundle)| bundle)
    }

    /// The version of a matter that is taken for a day, `2025-01-06`: the one that was put in force
    /// last of those whose period covers it.
    pub fn on(&self, matter: &str, day: &str) -> Option<&Bundle> {
        let found = self.of(matter).rfind(|one| one.covers(day));
        found.map(|one| &one.bundle)
    }

    /// The version of the newest law of a matter.
    pub fn newest(&self, matter: &str) -> Option<&Bundle> {
        let newest = self.of(matter).max_by_key(|one| one.from());
        newest.map(|one| &one.bundle)
    }

    /// The version of the newest law of every matter.
    pub fn all_newest(&self) -> impl Iterator<Item = &Bundle> {
        let mut matters: Vec<&str> = self.standing.iter().map(Standing::matter).collect();
        matters.sort_unstable();
        matters.dedup();
        matters.into_iter().filter_map(|matter| self.newest(matter))
    }

    /// The bundle of that digest, if it is loaded; [`Engine::pinned`] loads it.
    pub fn pinned(&self, digest: &str) -> Option<&Bundle> {
        self.loaded.get(digest)
    }

    /// With a bundle that cases are pinned to; what is in force stays.
    pub(crate) fn keep(&mut self, bundle: Bundle) {
        self.loaded.insert(bundle.digest().to_owned(), bundle);
    }

    /// With other ones in force; what is loaded stays loaded.
    pub(crate) fn put_in_force(&mut self, standing: Vec<Standing>, generation: u64) {
        for one in &standing {
            self.keep(one.bundle.clone());
        }
        self.standing = standing;
        self.generation = generation;
    }

    fn of(&self, matter: &str) -> impl DoubleEndedIterator<Item = &Standing> {
        self.standing
            .iter()
            .filter(move |one| one.matter() == matter)
    }

    /// What is taken changes on the days on which some period begins or ends, and on no others.
    fn is_ever_taken(&self, one: &Standing) -> bool {
        let of_matter = || self.of(one.matter());
        let begins = of_matter().map(Standing::from);
        let ends = of_matter().filter_map(Standing::until);
        begins.chain(ends).any(|day| {
            let taken = self.on(one.matter(), day);
            taken.is_some_and(|taken| is_same(taken, &one.bundle))
        })
    }
}

impl Standing {
    fn matter(&self) -> &str {
        &self.bundle.manifest().matter
    }

    fn from(&self) -> &str {
        let since = self.bundle.manifest().valid.since.as_str();
        since.max(&self.from_day)
    }

    fn until(&self) -> Option<&str> {
        self.bundle.manifest().valid.until.as_deref()
    }

    fn covers(&self, day: &str) -> bool {
        self.from() <= day && self.until().is_none_or(|until| day < until)
    }
}

impl Engine {
    /// The version of a matter whose law applies to these answers, and the legal date.
    pub(crate) fn applicable(
        bundles: &Bundles,
        matter: &str,
        answers: &Value,
        at: &str,
    ) -> Result<(Bundle, String), Error> {
        let newest = bundles
            .newest(matter)
            .ok_or_else(|| unknown_matter(matter))?;
        let day = legal_date(newest.manifest(), answers, at);
        Ok((Self::valid(bundles, matter, &day)?, day))
    }

    pub(crate) fn valid(bundles: &Bundles, matter: &str, at: &str) -> Result<Bundle, Error> {
        let day = at.get(..10).unwrap_or(at);
        match bundles.on(matter, day) {
            Some(bundle) => Ok(bundle.clone()),
            None if bundles.newest(matter).is_none() => Err(unknown_matter(matter)),
            None => Err(Error::refused(
                "no-version",
                format!("事项 {matter} 没有在 {day} 有效的版本"),
                format!("no version of the matter {matter} is valid on {day}"),
            )),
        }
    }
}

/// Every `.wasm` file of a folder, in the order of their names.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, BundlesError> {
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
            let component = std::fs::read(&path).map_err(read(&path))?;
            files.push((path, component));
        }
    }
    files.sort();
    Ok(files)
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

/// What makes a version later than another one of its matter: 1.10 comes after 1.9.
pub(crate) fn age(manifest: &Manifest) -> (String, Vec<u64>) {
    let version = manifest.version.split(['.', '-', '+']);
    let numbers = version.map(|part| part.parse().unwrap_or(0)).collect();
    (manifest.valid.since.clone(), numbers)
}

pub(crate) fn unknown_matter(matter: &str) -> Error {
    Error::Unknown {
        what: "matter",
        name: matter.to_owned(),
    }
}

fn is_same(one: &Bundle, other: &Bundle) -> bool {
    one.digest() == other.digest()
}
