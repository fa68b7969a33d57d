//! Finds fixtures, runs each twice and holds it against its `expected.json`. What a fixture comes to
//! is judged here; how that is told is the command line's.

use crate::error::Error;
use crate::run::Replayed;
use crate::surprise::Surprise;
use crate::transcript::Transcript;
use crate::{Again, Fixture, Malformed, Suite};
use onething_engine::{Embedded, Executor};
use serde_json::Value;
use similar::TextDiff;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// Beside `case.toml`.
const EXPECTED: &str = "expected.json";
/// Lines around a difference.
const CONTEXT_LINES: usize = 3;

/// A fixture, checked.
#[derive(Debug)]
pub struct Checked {
    /// Where it is.
    pub folder: PathBuf,
    /// What is wrong; `None` where it passed.
    pub problem: Option<Problem>,
    /// `expected.json` was written anew.
    pub updated: bool,
}

/// Why a fixture failed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no fixture.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It did not come to its end.
    #[error("timeline entry {entry} cannot be run")]
    Run {
        /// From 1.
        entry: usize,
        /// Why not.
        #[source]
        source: Error,
    },
    /// It went otherwise than the case says itself.
    #[error(transparent)]
    Surprise(#[from] Surprise),
    /// A second run, in an instance that stayed, left other bytes.
    #[error(
        "a second run differs: the bundle keeps something from one invocation to the next, or is not deterministic"
    )]
    NotRepeatable,
    /// The other executor left other bytes.
    #[error(
        "the two executors differ: the function app does not come to what the bundle comes to here"
    )]
    ExecutorsDiffer,
    /// There is nothing to compare with.
    #[error(
        "there is no expected.json; look at what it comes to, then write it with --update:\n{result}"
    )]
    NoExpectation {
        /// What it comes to.
        result: String,
    },
    /// It comes to something else.
    #[error("{place} differs")]
    Differs {
        /// The first timeline entry that differs, or the part behind the timeline.
        place: String,
        /// Line by line, `-` expected, `+` what it comes to.
        difference: String,
    },
    /// `expected.json` cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The folders with a `case.toml` at or below the paths, in the order of their names. Names that
/// start with `_` or `.` are passed over.
///
/// # Errors
/// Where a path or a folder below it cannot be read.
pub fn find(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        match path.file_name() {
            Some(name) if name == "case.toml" => {
                found.push(path.parent().unwrap_or(Path::new(".")).to_owned());
            }
            _ => find_below(path, &mut found)?,
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn find_below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.join("case.toml").is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    let unreadable =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let passed_over = name.to_string_lossy().starts_with(['_', '.']);
        if !passed_over && entry.file_type().map_err(unreadable)?.is_dir() {
            find_below(&entry.path(), found)?;
        }
    }
    Ok(())
}

impl Problem {
    /// The lines to look at, where there are some.
    pub fn lines(&self) -> Option<&str> {
        match self {
            Self::Differs { difference, .. } => Some(difference),
            Self::NoExpectation { result } => Some(result),
            _ => None,
        }
    }
}

impl Suite {
    /// Runs the fixture in the folder twice and compares. With `update`, what it comes to is written
    /// as what is expected, unless the case itself says that it went wrong.
    pub fn check(&self, folder: &Path, update: bool) -> Checked {
        let (problem, updated) = match self.judge(folder, update) {
            Ok(updated) => (None, updated),
            Err(problem) => (Some(problem), false),
        };
        Checked {
            folder: folder.to_owned(),
            problem,
            updated,
        }
    }

    fn judge(&self, folder: &Path, update: bool) -> Result<bool, Problem> {
        let fixture = Fixture::read(folder)?;
        let run = |executor: Arc<dyn Executor>| {
            self.run_by(&fixture, executor)
                .map_err(|(entry, source)| Problem::Run { entry, source })
        };
        let Replayed {
            transcript,
            journal,
            events,
            surprise,
        } = run(Arc::new(Embedded))?;
        let (executor, differs): (Arc<dyn Executor>, _) = match &self.again {
            Again::Warm(warm) => (warm.clone(), Problem::NotRepeatable),
            Again::By(executor) => (executor.clone(), Problem::ExecutorsDiffer),
        };
        let again = run(executor)?;
        if again.journal != journal || again.events != events || again.transcript != transcript {
            return Err(differs);
        }
        if let Some(surprise) = surprise {
            return Err(surprise.into());
        }
        let path = folder.join(EXPECTED);
        let failed = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| Problem::File {
                operation,
                path,
                source,
            }
        };
        let result = written(&transcript);
        let expected = match fs::read_to_string(&path) {
            Ok(expected) => Some(expected),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("read", &path)(error)),
        };
        match expected {
            Some(expected) if expected == result => Ok(false),
            _ if update => {
                fs::write(&path, result).map_err(failed("write", &path))?;
                Ok(true)
            }
            None => Err(Problem::NoExpectation { result }),
            Some(expected) => Err(Problem::Differs {
                place: first_difference(&expected, &transcript),
                difference: TextDiff::from_lines(&expected, &result)
                    .unified_diff()
                    .context_radius(CONTEXT_LINES)
                    .to_string(),
            }),
        }
    }
}

/// As it stands in `expected.json`.
fn written(transcript: &Transcript) -> String {
    // Strings, numbers and lists with string keys only: serialising them has no way to fail.
    let mut text = serde_json::to_string_pretty(transcript).unwrap_or_default();
    text.push('\n');
    text
}

fn first_difference(expected: &str, transcript: &Transcript) -> String {
    let Ok(expected) = serde_json::from_str::<Value>(expected) else {
        return "expected.json is not JSON; everything".to_owned();
    };
    let actual = serde_json::to_value(transcript).unwrap_or_default();
    let told = actual["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, told) in told.iter().enumerate() {
        if expected["timeline"].get(index) != Some(told) {
            let (at, asked) = (&told["at"], &told["asked"]);
            let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            return format!(
                "timeline entry {} ({}, {})",
                index + 1,
                said(at),
                said(asked)
            );
        }
    }
    for part in ["timeline", "status", "outcome", "reservations"] {
        if expected.get(part) != actual.get(part) {
            return format!("`{part}`");
        }
    }
    let forms = actual["forms"].as_object();
    let differs = forms
        .into_iter()
        .flatten()
        .find(|(form, values)| expected["forms"].get(form.as_str()) != Some(values));
    match differs {
        Some((form, _)) => format!("the form {form}"),
        None => "the writing of expected.json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Told;
    use serde_json::json;

    #[test]
    fn fixtures_are_found_below_and_by_name() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["b/two", "a", "_people", ".git/x", "b/one"] {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("case.toml"), "").unwrap();
        }
        let found = |paths: &[&str]| -> Vec<String> {
            let paths: Vec<PathBuf> = paths.iter().map(|path| root.path().join(path)).collect();
            let relative = |folder: &PathBuf| {
                let relative = folder.strip_prefix(root.path()).unwrap();
                relative.to_string_lossy().into_owned()
            };
            find(&paths).unwrap().iter().map(relative).collect()
        };
        assert_eq!(found(&[""]), ["a", "b/one", "b/two"]);
        assert_eq!(
            found(&["b", "b/one/case.toml", "a"]),
            ["a", "b/one", "b/two"]
        );
        assert_eq!(found(&["_people"]), ["_people"], "asked for by its name");
        let error = find(&[root.path().join("none")]).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }

    #[test]
    fn the_first_difference_has_its_place() {
        let told = |asked: &str| Told {
            at: "t".to_owned(),
            asked: asked.to_owned(),
            ..Told::default()
        };
        let transcript = Transcript {
            timeline: vec![told("submit"), told("withdraw")],
            status: Some("withdrawn".to_owned()),
            outcome: None,
            reservations: Vec::new(),
            forms: [
                ("a".to_owned(), json!({"A1": 1})),
                ("b".to_owned(), json!({})),
            ]
            .into_iter()
            .collect(),
        };
        let place = |change: &dyn Fn(&mut Value)| {
            let mut expected = serde_json::to_value(&transcript).unwrap();
            change(&mut expected);
            first_difference(&expected.to_string(), &transcript)
        };
        for (change, expected) in [
            (
                (|all| all["timeline"][1]["asked"] = json!("submit")) as fn(&mut Value),
                "timeline entry 2 (t, withdraw)",
            ),
            (
                |all| all["timeline"].as_array_mut().unwrap().truncate(1),
                "timeline entry 2 (t, withdraw)",
            ),
            (
                |all| all["timeline"].as_array_mut().unwrap().push(json!({})),
                "`timeline`",
            ),
            (|all| all["status"] = json!("completed"), "`status`"),
            (|all| all["outcome"] = json!({}), "`outcome`"),
            (|all| all["reservations"] = json!(["x"]), "`reservations`"),
            (|all| all["forms"]["a"]["A1"] = json!(2), "the form a"),
            (|_| {}, "the writing of expected.json"),
        ] {
            assert_eq!(place(&change), expected);
        }
        assert_eq!(
            first_difference("{", &transcript),
            "expected.json is not JSON; everything"
        );
    }
}
