//! Parameters: bases, rates and tables in force on a date and in a region, as TOML files, one a
//! parameter; a folder is a family (`policy/rd-subsidy.toml` is `policy/rd-subsidy`):
//!
//! ```toml
//! title = { zh = "养老金计发基数", en = "Base of the pension" }
//! unit = "yuan a month"
//!
//! [[value]]
//! since = 2025-01-01
//! until = 2026-01-01        # the first day it is no longer in force; absent: not known yet
//! region = "33"             # GB/T 2260, a prefix; absent: everywhere
//! source = "…"
//! illustrative = false      # true: the official figure is not known to whoever wrote this
//! value = "8433.00"         # anything; decimals are strings
//! ```

mod published;

pub use published::{Addition, PublicationError, Published};

use crate::files::checked_name;
use crate::refusal;
use crate::tables::{Mistake, to_json};
use chrono::NaiveDate;
use onething_contract::{Found, Parameter, Refusal, Text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};
use toml::Spanned;
use toml::value::Datetime;

/// Every parameter of a deployment.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    by_name: BTreeMap<String, Vec<Period>>,
}

/// Why parameters cannot be used. They are money: a deployment with a doubtful one does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// A file or the folder cannot be read.
    #[error("cannot read the parameters in {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file says something that is no parameter.
    #[error("{path}, line {line}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong and what to do.
        message: String,
    },
}

#[derive(Debug, Clone)]
struct Period {
    since: NaiveDate,
    until: Option<NaiveDate>,
    region: String,
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Text,
    unit: String,
    value: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    since: Spanned<Datetime>,
    until: Option<Spanned<Datetime>>,
    #[serde(default)]
    region: String,
    source: String,
    illustrative: bool,
    value: Spanned<toml::Value>,
}

impl Parameters {
    /// Reads every `<name>.toml` and `<family>/<name>.toml` of the folder.
    pub fn load(folder: &Path) -> Result<Parameters, ParametersError> {
        let mut by_name = BTreeMap::new();
        for path in entries(folder)? {
            if path.is_dir() {
                let Some(family) = plain_name(path.file_name()) else {
                    continue;
                };
                for path in entries(&path)? {
                    if let Some((name, periods)) = read(&path)? {
                        by_name.insert(format!("{family}/{name}"), periods);
                    }
                }
            } else {
                by_name.extend(read(&path)?);
            }
        }
        Ok(Parameters { by_name })
    }

    /// The names of a family that have a value in force on that day in the region, in their order.
    pub fn family(&self, name: &str, on: NaiveDate, region: &str) -> Vec<String> {
        let prefix = format!("{name}/");
        self.by_name
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .filter(|(name, _)| self.period(name, on, region).is_some())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Every name, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The value in force on that day, of the most specific region that has one; `None` where none
    /// is published.
    pub fn in_force(&self, name: &str, on: NaiveDate, region: &str) -> Option<Parameter> {
        let period = self.period(name, on, region)?;
        Some(period.parameter.clone())
    }

    fn period(&self, name: &str, on: NaiveDate, region: &str) -> Option<&Period> {
        self.by_name
            .get(name)?
            .iter()
            .filter(|period| region.starts_with(&period.region) && period.covers(on))
            .max_by_key(|period| period.region.len())
    }

    /// [`Parameters::family`] as the answer to a lookup; `on` as the bundle wrote it.
    pub fn find_family(&self, name: &str, on: &str, region: &str) -> Found {
        match on.parse() {
            Ok(on) => Found::Names(self.family(name, on, region)),
            Err(_) => Found::Unavailable(no_date(name, on)),
        }
    }

    /// [`Parameters::in_force`] as the answer to a lookup; `on` as the bundle wrote it.
    pub fn find(&self, name: &str, on: &str, region: &str) -> Found {
        if !self.by_name.contains_key(name) {
            return Found::Unavailable(refusal(
                "parameter-missing",
                format!("本平台没有参数 {name}"),
                format!("this deployment has no parameter {name} (no file {name}.toml)"),
            ));
        }
        match on.parse() {
            Ok(on) => Found::Parameter(self.in_force(name, on, region)),
            Err(_) => Found::Unavailable(no_date(name, on)),
        }
    }
}

fn no_date(name: &str, on: &str) -> Refusal {
    refusal(
        "parameter-date",
        format!("查询参数 {name} 的日期 {on} 无效"),
        format!("the parameter {name} was asked for on {on}, which is no date"),
    )
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ParametersError {
    let path = path.to_owned();
    move |source| ParametersError::Read { path, source }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ParametersError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        paths.push(entry.map_err(unreadable(folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// A name of a file or folder that can be a parameter's.
fn plain_name(name: Option<&OsStr>) -> Option<&str> {
    name?.to_str().filter(|name| checked_name(name).is_ok())
}

/// The parameter of a file; `None` where the file is something else.
fn read(path: &Path) -> Result<Option<(String, Vec<Period>)>, ParametersError> {
    let is_toml = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    let Some(name) = plain_name(path.file_stem()).filter(|_| is_toml) else {
        return Ok(None);
    };
    let text = fs::read_to_string(path).map_err(unreadable(path))?;
    match parse(&text) {
        Ok(periods) => Ok(Some((name.to_owned(), periods))),
        Err(Mistake { line, message }) => Err(ParametersError::Malformed {
            path: path.to_owned(),
            line,
            message,
        }),
    }
}

impl Period {
    fn covers(&self, on: NaiveDate) -> bool {
        self.since <= on && self.until.is_none_or(|until| on < until)
    }

    fn overlaps(&self, other: &Period) -> bool {
        let starts_before_end =
            |one: &Period, end: Option<NaiveDate>| end.is_none_or(|end| one.since < end);
        self.region == other.region
            && starts_before_end(self, other.until)
            && starts_before_end(other, self.until)
    }
}

fn parse(text: &str) -> Result<Vec<Period>, Mistake> {
    let file: File = toml::from_str(text).map_err(|error| Mistake::of(text, &error))?;
    if file.unit.is_empty() || file.title.zh.is_empty() || file.title.en.is_empty() {
        return Err(Mistake::at(
            text,
            &(0..0),
            "title and unit must not be empty",
        ));
    }
    let mut periods: Vec<Period> = Vec::new();
    for written in &file.value {
        let period = period(text, written.as_ref())?;
        if let Some(other) = periods.iter().find(|other| other.overlaps(&period)) {
            return Err(Mistake::at(
                text,
                &written.span(),
                format!(
                    "two values for region {:?} overlap: this one since {}, another since {}",
                    period.region, period.since, other.since
                ),
            ));
        }
        periods.push(period);
    }
    Ok(periods)
}

fn period(text: &str, written: &Written) -> Result<Period, Mistake> {
    let since = date(text, &written.since)?;
    let until = match &written.until {
        None => None,
        Some(until) => {
            let day = date(text, until)?;
            if day <= since {
                let message = format!("until {day} is not after since {since}");
                return Err(Mistake::at(text, &until.span(), message));
            }
            Some(day)
        }
    };
    let mistake = |message| Mistake::at(text, &written.value.span(), message);
    if written.source.trim().is_empty() {
        return Err(mistake(
            "source must name the document that publishes the value",
        ));
    }
    if !written.region.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(mistake("region must be digits of a GB/T 2260 code"));
    }
    Ok(Period {
        since,
        until,
        region: written.region.clone(),
        parameter: Parameter {
            value: to_json(written.value.as_ref())
                .map_err(mistake)?
                .to_string(),
            since: since.to_string(),
            until: until.map(|day| day.to_string()),
            source: written.source.clone(),
            illustrative: written.illustrative,
        },
    })
}

fn date(text: &str, written: &Spanned<Datetime>) -> Result<NaiveDate, Mistake> {
    let day = written.as_ref();
    // A date with a time would be a different promise.
    day.to_string().parse().map_err(|_| {
        Mistake::at(
            text,
            &written.span(),
            format!("{day} is not a plain date, 2025-01-01"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"title = { zh = "基数", en = "Base" }
unit = "yuan"

[[value]]
since = 2024-01-01
until = 2025-01-01
source = "国"
illustrative = true
value = "1.00"

[[value]]
since = 2025-01-01
source = "国"
illustrative = false
value = { a = [2, "2.5"], from = 2025-01-01 }

[[value]]
since = 2024-07-01
until = 2026-01-01
region = "3311"
source = "丽"
illustrative = false
value = "3.00"

[[value]]
since = 2024-01-01
region = "33"
source = "浙"
illustrative = false
value = "4.00"
"#;

    fn load(text: &str) -> Result<Parameters, ParametersError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("base.toml"), text).unwrap();
        fs::write(folder.path().join("README.md"), "not a parameter").unwrap();
        Parameters::load(folder.path())
    }

    #[test]
    fn the_most_specific_region_in_force_answers() {
        let parameters = load(BASE).unwrap();
        let everywhere = r#"{"a":[2,"2.5"],"from":"2025-01-01"}"#;
        for (on, region, expected) in [
            ("2023-12-31", "331102", None),
            ("2024-01-01", "110101", Some("\"1.00\"")),
            ("2024-12-31", "110101", Some("\"1.00\"")),
            ("2025-01-01", "110101", Some(everywhere)),
            ("2099-01-01", "110101", Some(everywhere)),
            ("2024-06-30", "331102", Some("\"4.00\"")),
            ("2024-07-01", "331102", Some("\"3.00\"")),
            ("2025-12-31", "331102", Some("\"3.00\"")),
            ("2026-01-01", "331102", Some("\"4.00\"")),
            ("2025-06-01", "330106", Some("\"4.00\"")),
        ] {
            let found = parameters.in_force("base", on.parse().unwrap(), region);
            assert_eq!(
                found.as_ref().map(|p| p.value.as_str()),
                expected,
                "{on} {region}"
            );
        }
        let found = parameters
            .in_force("base", "2024-02-01".parse().unwrap(), "44")
            .unwrap();
        assert_eq!(
            (
                found.since.as_str(),
                found.until.as_deref(),
                found.source.as_str(),
                found.illustrative
            ),
            ("2024-01-01", Some("2025-01-01"), "国", true)
        );
    }

    #[test]
    fn a_family_lists_what_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let family = folder.path().join("policy");
        fs::create_dir(&family).unwrap();
        let ended = BASE.replace("since = 2025-01-01\n", "since = 2030-01-01\n");
        for (name, text) in [("b", BASE), ("a", BASE), ("later", &ended)] {
            fs::write(family.join(name).with_extension("toml"), text).unwrap();
        }
        fs::write(folder.path().join("policy-year.toml"), BASE).unwrap();
        let parameters = Parameters::load(folder.path()).unwrap();
        let names = |on: &str| parameters.family("policy", on.parse().unwrap(), "11");
        assert_eq!(names("2025-06-01"), ["policy/a", "policy/b"]);
        assert_eq!(
            names("2031-06-01"),
            ["policy/a", "policy/b", "policy/later"]
        );
        assert!(names("2020-01-01").is_empty());
        assert!(matches!(
            parameters.find("policy/a", "2025-06-01", "11"),
            Found::Parameter(Some(_))
        ));
    }

    #[test]
    fn a_lookup_that_makes_no_sense_is_unavailable() {
        let parameters = load(BASE).unwrap();
        for (name, on, code) in [
            ("nothing", "2025-01-01", "parameter-missing"),
            ("base", "2025-02-30", "parameter-date"),
            ("base", "soon", "parameter-date"),
        ] {
            match parameters.find(name, on, "331102") {
                Found::Unavailable(refusal) => assert_eq!(refusal.code, code),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            parameters.find("base", "2001-01-01", "33"),
            Found::Parameter(None)
        );
    }

    #[test]
    fn every_mistake_names_its_line() {
        for (from, to, line, says) in [
            ("unit = \"yuan\"", "unit = \"\"", 1, "must not be empty"),
            (
                "until = 2025-01-01",
                "until = 2024-01-01",
                6,
                "not after since",
            ),
            ("until = 2025-01-01", "", 11, "overlap"),
            ("until = 2025-01-01", "until = 2025-01-02", 11, "overlap"),
            ("source = \"丽\"", "", 17, "missing field `source`"),
            ("source = \"丽\"", "source = \" \"", 23, "source must name"),
            ("region = \"3311\"", "region = \"丽水\"", 23, "GB/T 2260"),
            (
                "since = 2024-07-01",
                "since = 2024-07-01T00:00:00Z",
                18,
                "not a plain date",
            ),
            ("[2, \"2.5\"]", "[2, 2.5]", 15, "must be a string"),
            ("value = \"3.00\"", "value = 3.00", 23, "must be a string"),
            (
                "illustrative = true",
                "illustrated = true",
                8,
                "unknown field",
            ),
            ("value = \"1.00\"", "value = \"1.00", 9, ""),
        ] {
            let mistake = load(&BASE.replacen(from, to, 1)).unwrap_err();
            let ParametersError::Malformed {
                path,
                line: found,
                message,
            } = &mistake
            else {
                panic!("{mistake:?}");
            };
            assert!(path.ends_with("base.toml"));
            assert_eq!(*found, line, "{to}: {message}");
            assert!(message.contains(says), "{to}: {message}");
        }
        let missing = Parameters::load(Path::new("/nonexistent")).unwrap_err();
        assert!(matches!(missing, ParametersError::Read { .. }));
    }
}
