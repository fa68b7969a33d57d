//! The bundles of a deployment, as they are at one moment: which are loaded, and which of them is
//! taken for which law. How they come and go is [`crate::deployment`]'s.

use crate::engine::Engine;
use crate::error::Error;
use onething_contract::manifest::Manifest;
use onething_runtime::{Bundle, LoadError, Runtime};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a host runs at one moment. Whoever answers a request takes it once, so that no answer is
/// made of two versions.
#[derive(Clone, Default)]
pub struct Bundles {
    /// Every bundle that is loaded, in force or only pinned by a case, by digest.
    loaded: BTreeMap<String, Bundle>,
    /// What is taken for some legal date, in the order in which it was put in force.
    standing: Vec<Standing>,
    /// Of the store's log of activations.
    pub(crate) generation: u64,
}

/// An activation that was not taken back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub matter: String,
    pub digest: String,
    /// The first legal date that the bundle is taken for.
    pub from: String,
    /// The day before which its law ends.
    pub until: Option<String>,
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
        let mut found = Vec::new();
        for (path, component) in read_folder(folder)? {
            let loaded = runtime.load(&component);
            found.push(loaded.map_err(|source| BundlesError::Load {
                path,
                source: Box::new(source),
            })?);
        }
        found.sort_by_key(|bundle| age(bundle.manifest()));
        let mut bundles = Self::default();
        found.into_iter().for_each(|bundle| bundles.add(bundle));
        Ok(bundles)
    }

    /// Puts a bundle in force for the law that it implements, over what is there.
    pub fn add(&mut self, bundle: Bundle) {
        let manifest = bundle.manifest();
        let mut standing = std::mem::take(&mut self.standing);
        standing.push(Standing {
            matter: manifest.matter.clone(),
            digest: bundle.digest().to_owned(),
            from: manifest.valid.since.clone(),
            until: manifest.valid.until.clone(),
        });
        self.keep(bundle);
        self.put_in_force(standing, self.generation);
    }

    /// What is in force for some day, by matter, the newest law first.
    pub fn iter(&self) -> impl Iterator<Item = &Bundle> {
        let mut standing: Vec<&Standing> = self.standing.iter().collect();
        standing.sort_by(|a, b| a.matter.cmp(&b.matter).then(b.from.cmp(&a.from)));
        standing.dedup_by_key(|one| &one.digest);
        standing.into_iter().filter_map(|one| self.bundle(one))
    }

    /// The version of a matter that is taken for a day, `2025-01-06`: the one that was put in force
    /// last of those whose period covers it.
    pub fn on(&self, matter: &str, day: &str) -> Option<&Bundle> {
        self.bundle(taken(&self.standing, matter, day)?)
    }

    /// The version of the newest law of a matter.
    pub fn newest(&self, matter: &str) -> Option<&Bundle> {
        let of_matter = self.standing.iter().filter(|one| one.matter == matter);
        self.bundle(of_matter.max_by_key(|one| &one.from)?)
    }

    /// The version of the newest law of every matter.
    pub fn all_newest(&self) -> impl Iterator<Item = &Bundle> {
        let matters = self.standing.iter().map(|one| one.matter.as_str());
        let matters: BTreeSet<&str> = matters.collect();
        matters.into_iter().filter_map(|matter| self.newest(matter))
    }

    /// The bundle of that digest, if it is loaded; [`Engine::pinned`] loads it.
    pub fn pinned(&self, digest: &str) -> Option<&Bundle> {
        self.loaded.get(digest)
    }

    /// With a bundle loaded; what is in force stays.
    pub(crate) fn keep(&mut self, bundle: Bundle) {
        self.loaded.insert(bundle.digest().to_owned(), bundle);
    }

    /// With other ones in force, without those that others have replaced for every day; what is loaded
    /// stays loaded.
    pub(crate) fn put_in_force(&mut self, mut standing: Vec<Standing>, generation: u64) {
        let all = standing.clone();
        standing.retain(|one| is_ever_taken(&all, one));
        self.standing = standing;
        self.generation = generation;
    }

    /// With some matters as they were before, since something of what was put in force is not there.
    pub(crate) fn stays(
        &mut self,
        matters: &BTreeSet<String>,
        before: &Bundles,
        mut standing: Vec<Standing>,
    ) {
        if matters.is_empty() {
            return;
        }
        standing.retain(|one| !matters.contains(&one.matter));
        let kept = before.standing.iter();
        standing.extend(kept.filter(|one| matters.contains(&one.matter)).cloned());
        self.put_in_force(standing, self.generation);
    }

    /// What is in force and not loaded yet.
    pub(crate) fn missing(&self) -> Vec<String> {
        let digests = self.standing.iter().map(|one| &one.digest);
        digests
            .filter(|digest| !self.loaded.contains_key(*digest))
            .cloned()
            .collect()
    }

    fn bundle(&self, standing: &Standing) -> Option<&Bundle> {
        self.loaded.get(&standing.digest)
    }
}

fn taken<'a>(standing: &'a [Standing], matter: &str, day: &str) -> Option<&'a Standing> {
    standing.iter().rfind(|one| {
        one.matter == matter
            && one.from.as_str() <= day
            && one.until.as_deref().is_none_or(|until| day < until)
    })
}

/// What is taken changes on the days on which some period begins or ends, and on no others.
fn is_ever_taken(all: &[Standing], one: &Standing) -> bool {
    let of_matter = || all.iter().filter(|other| other.matter == one.matter);
    let begins = of_matter().map(|other| other.from.as_str());
    let ends = of_matter().filter_map(|other| other.until.as_deref());
    begins.chain(ends).any(|day| {
        taken(all, &one.matter, day).is_some_and(|taken| std::ptr::eq(taken, one) || taken == one)
    })
}

/// How often a version may send on to another one.
const DATINGS_MAX: usize = 4;

/// The version that is in force on the date which it names itself, beginning with one that may not be:
/// which answer is the legal date is for the law of that date to say. `None` where they send on to
/// each other.
fn dated<V>(
    newest: V,
    date: impl Fn(&V) -> String,
    taken: impl Fn(&str) -> Result<V, Error>,
) -> Result<Option<(V, String)>, Error> {
    let mut day = date(&newest);
    for _ in 0..DATINGS_MAX {
        let version = taken(&day)?;
        match date(&version) {
            its_own if its_own == day => return Ok(Some((version, day))),
            its_own => day = its_own,
        }
    }
    Ok(None)
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
        let date = |bundle: &Bundle| legal_date(bundle.manifest(), answers, at);
        let taken = |day: &str| Self::valid(bundles, matter, day);
        dated(newest.clone(), date, taken)?.ok_or_else(|| {
            Error::refused(
                "no-legal-date",
                format!("事项 {matter} 各版本对适用日期的规定互相矛盾，无法确定适用的版本；请联系事项主管部门"),
                format!(
                    "the versions of the matter {matter} do not agree on the legal date: none of them is in force on the date that it names; ask the office of the matter"
                ),
            )
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `digest from [until]`, in the order in which they are put in force, all of one matter.
    fn in_force(activations: &[&str]) -> Bundles {
        let standing = activations.iter().map(|written| {
            let words: Vec<&str> = written.split(' ').collect();
            Standing {
                matter: "m".to_owned(),
                digest: words[0].to_owned(),
                from: words[1].to_owned(),
                until: words.get(2).map(|day| (*day).to_owned()),
            }
        });
        let mut bundles = Bundles::default();
        bundles.put_in_force(standing.collect(), 1);
        bundles
    }

    #[test]
    fn the_law_of_a_date_says_which_date_it_is() {
        // A version is the day that it names, and the days that it is in force on.
        type Version = (&'static str, fn(&str) -> bool);
        let cases: [(&str, &[Version], Option<&str>); 4] = [
            ("one", &[("2025-05", |_| true)], Some("2025-05")),
            (
                "the newest dates by an answer that lies before its law, and the old law by another",
                &[
                    ("2024-12", |day| day >= "2025"),
                    ("2024-10", |day| day < "2025"),
                ],
                Some("2024-10"),
            ),
            (
                "the old law names a day of the new one, which stands by its own",
                &[
                    ("2024-12", |day| day >= "2025"),
                    ("2025-03", |day| day < "2025"),
                ],
                None,
            ),
            (
                "none is in force",
                &[("2024-12", |day| day >= "2025")],
                Some("no-version"),
            ),
        ];
        for (why, versions, expected) in cases {
            let taken = |day: &str| {
                let version = versions.iter().find(|(_, covers)| covers(day));
                version.ok_or_else(|| Error::refused("no-version", "", ""))
            };
            let date = |version: &&Version| version.0.to_owned();
            let found = match dated(&versions[0], date, taken) {
                Ok(found) => found.map(|(_, day)| day),
                Err(Error::Refused(refusal)) => Some(refusal.code),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found.as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn the_last_one_whose_period_covers_the_day_is_taken() {
        let (a, b) = ("a 2025-01-01", "b 2025-01-01");
        let (old, new) = ("a 2025-01-01 2026-01-01", "n 2026-01-01");
        type Expected<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&[&str], Expected<'_>, &[&str]); 6] = [
            (&[], &[("2025-06-01", "")], &[]),
            // A mended version replaces the one before, wholly.
            (&[a, b], &[("2024-12-31", ""), ("2025-01-01", "b")], &["b"]),
            // The new law begins, the old one goes on for the days before.
            (
                &[a, new],
                &[("2025-12-31", "a"), ("2026-01-01", "n")],
                &["a", "n"],
            ),
            // A version of the old law that ends leaves the new one alone.
            (
                &[a, new, "c 2025-01-01 2026-01-01"],
                &[("2025-12-31", "c"), ("2026-01-01", "n")],
                &["n", "c"],
            ),
            // Laws that have ended are taken for their days and no others.
            (&[old], &[("2025-12-31", "a"), ("2026-01-01", "")], &["a"]),
            // The same bundle again is the same bundle.
            (&[a, b, a], &[("2025-01-01", "a")], &["a"]),
        ];
        for (activations, expected, needed) in cases {
            let bundles = in_force(activations);
            for (day, digest) in expected {
                let found = taken(&bundles.standing, "m", day).map_or("", |one| &one.digest);
                assert_eq!(found, *digest, "{activations:?} on {day}");
                assert!(taken(&bundles.standing, "other", day).is_none());
            }
            let mut missing = bundles.missing();
            missing.dedup();
            assert_eq!(missing, needed, "{activations:?}");
        }
    }
}
