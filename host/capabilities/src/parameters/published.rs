//! The parameters of a running deployment: read again when their folder has changed, and published
//! one at a time. What is in force is never changed, so that whoever rested on it can go on resting
//! on it.

use super::{Parameters, ParametersError, Period, parse, plain_name};
use crate::Error;
use crate::files::replace;
use crate::tables::Mistake;
use crate::watched::Watched;
use chrono::NaiveDate;
use onething_contract::Parameter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The parameters of a folder, as they are now. A clone is another handle to the same ones.
#[derive(Debug, Clone)]
pub struct Published(Watched<Parameters, ParametersError>);

/// A value that a publication adds, or ends sooner than was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// GB/T 2260, a prefix; empty is everywhere.
    pub region: String,
    /// The value with its dates and source.
    pub parameter: Parameter,
}

/// Why something is not published. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// Not a name, or not a parameter.
    #[error("{0}")]
    Malformed(String),
    /// It would change what is in force or was.
    #[error("{name}: {message}")]
    InForce {
        /// The parameter.
        name: String,
        /// Which period, and what to do.
        message: String,
    },
    /// It could not be written.
    #[error("cannot write the parameter")]
    Write(#[from] Error),
    /// What is there already cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

impl Published {
    /// Reads a folder.
    ///
    /// # Errors
    /// Where a file is no parameter: a deployment with a doubtful one does not start.
    pub fn open(folder: &Path) -> Result<Published, ParametersError> {
        Watched::open("the parameters", folder, Parameters::load).map(Published)
    }

    /// The parameters now. Where the folder has come to hold something else than parameters, the
    /// last ones that were good, and a line in the log.
    pub fn current(&self) -> Arc<Parameters> {
        self.0.current()
    }

    /// What publishing this text under this name would add, as of a day.
    ///
    /// # Errors
    /// Where the text is no parameter, or would change what is in force on that day or was before.
    pub fn additions(
        &self,
        name: &str,
        text: &str,
        today: NaiveDate,
    ) -> Result<Vec<Addition>, PublicationError> {
        self.path(name)?;
        let new = parse(text).map_err(|Mistake { line, message }| {
            PublicationError::Malformed(format!("{name}, line {line}: {message}"))
        })?;
        let current = self.current();
        let old = current.by_name.get(name).map_or(&[][..], Vec::as_slice);
        for period in old.iter().filter(|period| period.since <= today) {
            stays(period, &new, today).map_err(|message| PublicationError::InForce {
                name: name.to_owned(),
                message,
            })?;
        }
        let is_new = |period: &&Period| {
            !old.iter()
                .any(|known| known.region == period.region && known.parameter == period.parameter)
        };
        let additions = new.iter().filter(is_new).map(|period| Addition {
            region: period.region.clone(),
            parameter: period.parameter.clone(),
        });
        Ok(additions.collect())
    }

    /// Publishes: [`Published::additions`] must have been asked. The file is there whole or not at
    /// all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, PublicationError> {
        let path = self.path(name)?;
        replace(&path, text.as_bytes())?;
        self.0.look();
        Ok(path)
    }

    /// `policy/rd-subsidy` is in the folder `policy`.
    fn path(&self, name: &str) -> Result<PathBuf, PublicationError> {
        let parts: Vec<&str> = name.split('/').collect();
        let plain = parts
            .iter()
            .all(|part| plain_name(Some(part.as_ref())).is_some());
        if !plain || parts.len() > 2 {
            return Err(PublicationError::Malformed(format!(
                "{name:?} cannot name a parameter: letters, digits, `-` and `_`, or a family and a name, `policy/rd-subsidy`"
            )));
        }
        Ok(self.0.folder().join(name).with_extension("toml"))
    }
}

/// A period that has begun is there as it was; one that goes on may end on a later day.
fn stays(period: &Period, new: &[Period], today: NaiveDate) -> Result<(), String> {
    let since = period.since;
    let Some(now) = new
        .iter()
        .find(|now| now.region == period.region && now.since == since)
    else {
        return Err(format!(
            "the value since {since} (region {:?}) is gone; it has begun and must stay, end it with `until`",
            period.region
        ));
    };
    let (was, is) = (&period.parameter, &now.parameter);
    if (&was.value, &was.source, was.illustrative) != (&is.value, &is.source, is.illustrative) {
        return Err(format!(
            "the value since {since} (region {:?}) is changed; it is in force or was, add a new one from a later day",
            period.region
        ));
    }
    let ends_later = |until: Option<NaiveDate>| until.is_none_or(|until| until > today);
    if now.until != period.until && !(ends_later(period.until) && ends_later(now.until)) {
        return Err(format!(
            "the value since {since} (region {:?}) can end after {today} at the earliest",
            period.region
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn text(periods: &str) -> String {
        format!("title = {{ zh = \"补贴\", en = \"Subsidy\" }}\nunit = \"yuan\"\n{periods}")
    }

    fn period(since: &str, until: &str, value: &str) -> String {
        let until = match until {
            "" => String::new(),
            until => format!("until = {until}\n"),
        };
        format!(
            "[[value]]\nsince = {since}\n{until}source = \"文\"\nillustrative = true\nvalue = \"{value}\"\n"
        )
    }

    #[test]
    fn what_is_in_force_is_never_changed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policy")).unwrap();
        let old = text(
            &(period("2025-01-01", "2026-01-01", "1")
                + &period("2026-01-01", "", "2")
                + "[[value]]\nsince = 2027-01-01\nregion = \"33\"\nsource = \"文\"\nillustrative = true\nvalue = \"9\"\n"),
        );
        fs::write(folder.path().join("policy/a.toml"), &old).unwrap();
        let published = Published::open(folder.path()).unwrap();
        let (first, going) = (
            period("2025-01-01", "2026-01-01", "1"),
            period("2026-01-01", "", "2"),
        );
        for (what, new, says, added) in [
            ("as it is", old.clone(), "", 0),
            (
                "the future one is dropped",
                text(&(first.clone() + &going)),
                "",
                0,
            ),
            (
                "an end and a new one",
                text(
                    &(first.clone()
                        + &period("2026-01-01", "2026-07-01", "2")
                        + &period("2026-07-01", "", "3")),
                ),
                "",
                2,
            ),
            ("one that is over is gone", text(&going), "is gone", 0),
            (
                "one that goes on is changed",
                text(&(first.clone() + &period("2026-01-01", "", "3"))),
                "is changed",
                0,
            ),
            (
                "one that is over ends otherwise",
                text(&(period("2025-01-01", "2025-12-01", "1") + &going)),
                "can end after 2026-03-02",
                0,
            ),
            (
                "one ends in the past",
                text(&(first.clone() + &period("2026-01-01", "2026-03-01", "2"))),
                "can end after 2026-03-02",
                0,
            ),
            ("not a parameter", "unit = 1".to_owned(), "line 1", 0),
        ] {
            let additions = published.additions("policy/a", &new, "2026-03-02".parse().unwrap());
            match additions {
                Ok(additions) => {
                    assert_eq!(says, "", "{what}");
                    assert_eq!(additions.len(), added, "{what}");
                }
                Err(error) => {
                    let told = error.to_string();
                    assert!(!says.is_empty() && told.contains(says), "{what}: {told}");
                }
            }
        }
        for name in ["../a", "a/b/c", "", "a/", "策"] {
            assert!(
                published
                    .additions(name, &old, NaiveDate::default())
                    .is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_published_is_there_at_once_and_a_bad_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let published = Published::open(folder.path()).unwrap();
        let other = published.clone();
        let on = "2026-03-02".parse().unwrap();
        published
            .write("policy/a", &text(&period("2026-01-01", "", "2")))
            .unwrap();
        assert_eq!(other.current().family("policy", on, "33"), ["policy/a"]);

        fs::write(folder.path().join("policy/b.toml"), "nonsense").unwrap();
        published.0.look();
        assert_eq!(published.current().family("policy", on, "33"), ["policy/a"]);
    }
}
