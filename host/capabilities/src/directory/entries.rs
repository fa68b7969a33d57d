//! The files of the directory: what an entry must be by itself, and what entries must be to each
//! other.

use super::Directory;
use crate::tables::Mistake;
use chrono::NaiveDate;
use onething_contract::Office;
use serde::{Deserialize, Deserializer, de};
use std::path::{Path, PathBuf};
use std::{fs, io};
use toml::Spanned;
use toml::value::Datetime;

/// Why a directory cannot be used. It says who decides: a deployment with a doubtful one does not
/// start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// A file or the folder cannot be read.
    #[error("cannot read the directory in {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An entry says something that cannot be.
    #[error("{path}, line {line}: {message}")]
    Entry {
        /// The file.
        path: PathBuf,
        /// Where the entry begins, from 1.
        line: usize,
        /// Which entry, what is wrong and what to do.
        message: String,
    },
}

/// An office in the directory.
#[derive(Debug, Clone)]
pub struct OfficeEntry {
    /// What it does, and where it is.
    pub office: Office,
    /// What it is called.
    pub name: String,
    /// Regions, or prefixes of theirs, for which it decides where they have no such office.
    pub covers: Vec<String>,
    /// While it is so.
    pub period: Period,
    place: Place,
}

/// Somebody who works in an office.
#[derive(Debug, Clone)]
pub struct Person {
    /// As decisions name them.
    pub name: String,
    /// Where.
    pub office: Office,
    /// As what.
    pub roles: Vec<String>,
    /// While it is so.
    pub period: Period,
    place: Place,
}

/// Somebody who stands in for somebody.
#[derive(Debug, Clone)]
pub struct Deputy {
    /// Who is stood in for.
    pub person: String,
    /// Who stands in.
    pub deputy: String,
    /// Where.
    pub office: Office,
    /// While it is so.
    pub period: Period,
    place: Place,
}

/// From a day on, up to the day before another.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// The first day.
    pub since: NaiveDate,
    /// The first day it is no longer so; `None`: not known yet.
    pub until: Option<NaiveDate>,
}

/// Where an entry is written.
#[derive(Debug, Clone)]
struct Place {
    path: PathBuf,
    line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    office: Vec<Spanned<WrittenOffice>>,
    #[serde(default)]
    person: Vec<Spanned<WrittenPerson>>,
    #[serde(default)]
    deputy: Vec<Spanned<WrittenDeputy>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOffice {
    function: String,
    region: String,
    name: String,
    #[serde(deserialize_with = "day")]
    since: NaiveDate,
    #[serde(default, deserialize_with = "some_day")]
    until: Option<NaiveDate>,
    #[serde(default)]
    covers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPerson {
    name: String,
    office: Office,
    roles: Vec<String>,
    #[serde(deserialize_with = "day")]
    since: NaiveDate,
    #[serde(default, deserialize_with = "some_day")]
    until: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDeputy {
    person: String,
    deputy: String,
    office: Office,
    #[serde(deserialize_with = "day")]
    since: NaiveDate,
    #[serde(default, deserialize_with = "some_day")]
    until: Option<NaiveDate>,
}

impl Period {
    /// Whether it is so on that day.
    pub fn covers(&self, on: NaiveDate) -> bool {
        self.since <= on && self.until.is_none_or(|until| on < until)
    }

    fn overlaps(&self, other: &Period) -> bool {
        let begins_in = |one: &Period, other: &Period| other.covers(one.since);
        begins_in(self, other) || begins_in(other, self)
    }
}

impl Place {
    fn error(&self, message: String) -> DirectoryError {
        DirectoryError::Entry {
            path: self.path.clone(),
            line: self.line,
            message,
        }
    }
}

/// Reads every `.toml` of a folder, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Directory, DirectoryError> {
    let mut directory = Directory::default();
    for path in files(folder)? {
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        add(&mut directory, &path, &text)?;
    }
    check(&directory)?;
    Ok(directory)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, DirectoryError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable(folder))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |source| DirectoryError::Read { path, source }
}

/// Adds the entries of a file, each checked by itself.
fn add(directory: &mut Directory, path: &Path, text: &str) -> Result<(), DirectoryError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let Mistake { line, message } = Mistake::of(text, &error);
        DirectoryError::Entry {
            path: path.to_owned(),
            line,
            message,
        }
    })?;
    let place = |span| Place {
        path: path.to_owned(),
        line: Mistake::at(text, &span, "").line,
    };
    for written in file.office {
        let (place, written) = (place(written.span()), written.into_inner());
        let entry = format!("office {} {}", written.function, written.region);
        let WrittenOffice {
            function, region, ..
        } = written;
        let office = Office { function, region };
        directory.offices.push(OfficeEntry {
            period: period(written.since, written.until, &entry, &place)?,
            office: checked(office, &entry, &place)?,
            covers: covered(written.covers, &entry, &place)?,
            name: named(written.name, "name", &entry, &place)?,
            place,
        });
    }
    for written in file.person {
        let (place, written) = (place(written.span()), written.into_inner());
        let entry = format!("person {}", written.name);
        if written.roles.is_empty() || written.roles.iter().any(|role| role.trim().is_empty()) {
            return Err(place.error(format!("{entry}: roles must name at least one role")));
        }
        directory.people.push(Person {
            period: period(written.since, written.until, &entry, &place)?,
            office: checked(written.office, &entry, &place)?,
            name: named(written.name, "name", &entry, &place)?,
            roles: written.roles,
            place,
        });
    }
    for written in file.deputy {
        let (place, written) = (place(written.span()), written.into_inner());
        let entry = format!("deputy {} of {}", written.deputy, written.person);
        directory.deputies.push(Deputy {
            period: period(written.since, written.until, &entry, &place)?,
            office: checked(written.office, &entry, &place)?,
            person: named(written.person, "person", &entry, &place)?,
            deputy: named(written.deputy, "deputy", &entry, &place)?,
            place,
        });
    }
    Ok(())
}

fn period(
    since: NaiveDate,
    until: Option<NaiveDate>,
    entry: &str,
    place: &Place,
) -> Result<Period, DirectoryError> {
    match until {
        Some(until) if until <= since => {
            Err(place.error(format!("{entry}: until {until} is not after since {since}")))
        }
        until => Ok(Period { since, until }),
    }
}

fn checked(office: Office, entry: &str, place: &Place) -> Result<Office, DirectoryError> {
    if office.function.trim().is_empty() {
        return Err(place.error(format!("{entry}: function must not be empty")));
    }
    if !is_digits(&office.region) || office.region.len() != 6 {
        let region = &office.region;
        let message = format!("{entry}: region {region:?} must be a GB/T 2260 code of six digits");
        return Err(place.error(message));
    }
    Ok(office)
}

fn covered(covers: Vec<String>, entry: &str, place: &Place) -> Result<Vec<String>, DirectoryError> {
    let fits = |prefix: &&String| is_digits(prefix) && [2, 4, 6].contains(&prefix.len());
    match covers.iter().find(|prefix| !fits(prefix)) {
        Some(prefix) => Err(place.error(format!(
            "{entry}: covers {prefix:?}, which is no GB/T 2260 code of two, four or six digits"
        ))),
        None => Ok(covers),
    }
}

fn named(name: String, member: &str, entry: &str, place: &Place) -> Result<String, DirectoryError> {
    match name.trim().is_empty() {
        true => Err(place.error(format!("{entry}: {member} must not be empty"))),
        false => Ok(name),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What entries must be to each other.
fn check(directory: &Directory) -> Result<(), DirectoryError> {
    for (index, office) in directory.offices.iter().enumerate() {
        let earlier = directory.offices.iter().take(index);
        check_competence(office, earlier)?;
    }
    for person in &directory.people {
        let entry = format!("person {}", person.name);
        check_office(directory, &person.office, &entry, &person.place)?;
    }
    for deputy in &directory.deputies {
        let entry = format!("deputy {} of {}", deputy.deputy, deputy.person);
        check_office(directory, &deputy.office, &entry, &deputy.place)?;
        if deputy.deputy == deputy.person {
            return Err(deputy
                .place
                .error(format!("{entry}: nobody stands in for themselves")));
        }
        let works_there = |person: &Person| {
            person.name == deputy.person
                && person.office == deputy.office
                && person.period.overlaps(&deputy.period)
        };
        if !directory.people.iter().any(works_there) {
            let message = format!(
                "{entry}: {} does not work in that office then",
                deputy.person
            );
            return Err(deputy.place.error(message));
        }
    }
    Ok(())
}

/// One office decides: on no day do two of a function share their region or a prefix they cover.
fn check_competence<'a>(
    office: &OfficeEntry,
    earlier: impl Iterator<Item = &'a OfficeEntry>,
) -> Result<(), DirectoryError> {
    let Office { function, region } = &office.office;
    let entry = format!("office {function} {region}");
    let rivals = earlier.filter(|other| {
        other.office.function == *function && other.period.overlaps(&office.period)
    });
    for other in rivals {
        if other.office.region == *region {
            let message = format!("{entry}: it is there twice at the same time");
            return Err(office.place.error(message));
        }
        if let Some(prefix) = office
            .covers
            .iter()
            .find(|prefix| other.covers.contains(prefix))
        {
            let rival = &other.office.region;
            let message = format!("{entry}: covers {prefix}, and so does {function} {rival}");
            return Err(office.place.error(message));
        }
    }
    Ok(())
}

fn check_office(
    directory: &Directory,
    office: &Office,
    entry: &str,
    place: &Place,
) -> Result<(), DirectoryError> {
    match directory
        .offices
        .iter()
        .any(|known| known.office == *office)
    {
        true => Ok(()),
        false => Err(place.error(format!(
            "{entry}: there is no office {} {}; enter it or correct the name",
            office.function, office.region
        ))),
    }
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let written = Datetime::deserialize(deserializer)?;
    let no_date = |_| de::Error::custom(format!("{written} is not a plain date, 2025-01-01"));
    written.to_string().parse().map_err(no_date)
}

fn some_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    day(deserializer).map(Some)
}
