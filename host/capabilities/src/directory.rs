//! The directory: which offices there are, for which regions each decides, who works there in which
//! role, and who stands in for whom. All of it has dates; the files are TOML:
//!
//! ```toml
//! [[office]]
//! function = "housing-fund"
//! region = "331100"          # GB/T 2260
//! name = "…"
//! since = 2024-01-01
//! until = 2026-01-01         # the first day it is no longer so; absent: not known yet
//! covers = ["3311"]          # regions, or prefixes of theirs, that have no such office of their own
//!
//! [[person]]
//! name = "…"                 # as decisions name them
//! office = { function = "housing-fund", region = "331100" }
//! roles = ["reviewer"]       # of steps, or head, supervising-leader, principal-leader
//! since = 2024-01-01
//!
//! [[deputy]]
//! person = "…"
//! deputy = "…"               # decides in the person's roles
//! office = { function = "housing-fund", region = "331100" }
//! since = 2026-02-09
//! ```

mod entries;

pub use entries::{Deputy, DirectoryError, OfficeEntry, Period, Person};

use crate::refusal;
use crate::watched::Watched;
use chrono::NaiveDate;
use onething_contract::{Office, Refusal};
use std::path::Path;
use std::sync::Arc;

/// The roles of those who answer for an office, from the nearest upwards.
const LEADERS: [&str; 3] = ["head", "supervising-leader", "principal-leader"];

/// Offices, people and deputies of a deployment.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    offices: Vec<OfficeEntry>,
    people: Vec<Person>,
    deputies: Vec<Deputy>,
}

impl Directory {
    /// A directory that knows nobody: plans name the offices, and whoever may call decides.
    pub fn empty() -> Directory {
        Directory::default()
    }

    /// Reads every `.toml` of a folder; one that is not there is empty.
    ///
    /// # Errors
    /// Where a file cannot be read or an entry contradicts itself or another.
    pub fn load(folder: &Path) -> Result<Directory, DirectoryError> {
        entries::read(folder)
    }

    /// The office that decides for a region: its own of that function, or else the one that covers
    /// the smallest region around it. `None` where the directory knows none.
    pub fn competent(&self, function: &str, region: &str, on: NaiveDate) -> Option<Office> {
        let of_function = self
            .offices
            .iter()
            .filter(|office| office.office.function == function && office.period.covers(on));
        let reach = |entry: &OfficeEntry| match entry.office.region == region {
            true => Some(usize::MAX),
            false => {
                let covers = entry.covers.iter();
                let around = covers.filter(|prefix| region.starts_with(prefix.as_str()));
                around.map(String::len).max()
            }
        };
        of_function
            .filter_map(|entry| Some((reach(entry)?, entry)))
            .max_by_key(|(reach, _)| *reach)
            .map(|(_, entry)| entry.office.clone())
    }

    /// Whether a person decides in a role of an office: in their own name, or as the deputy of
    /// somebody who has the role. Everybody may where the directory has no people of the office.
    ///
    /// # Errors
    /// Refused where the person, or whom they stand in for, has not got the role on that day.
    pub fn may_decide(
        &self,
        person: &str,
        on_behalf_of: Option<&str>,
        office: &Office,
        role: &str,
        on: NaiveDate,
    ) -> Result<(), Refusal> {
        if !self.people.iter().any(|known| known.office == *office) {
            return Ok(());
        }
        let decides = on_behalf_of.unwrap_or(person);
        if let Some(absent) = on_behalf_of
            && !self.stands_in(person, absent, office, on)
        {
            return Err(refusal(
                "not-a-deputy",
                format!("{person}在{on}不是{absent}的代理人，不能代为出具意见"),
                format!(
                    "{person} does not stand in for {absent} on {on} and cannot decide for them"
                ),
            ));
        }
        if self.people(office, role, on).any(|known| known == decides) {
            return Ok(());
        }
        let Office { function, region } = office;
        Err(refusal(
            "not-in-role",
            format!(
                "{decides}在{on}不是{function}（{region}）的{role}，不能办理本环节；请由该岗位人员办理或者更新机构目录"
            ),
            format!(
                "{decides} has not got the role {role} in {function} ({region}) on {on}; somebody who has decides, or the directory is corrected"
            ),
        ))
    }

    fn stands_in(&self, deputy: &str, person: &str, office: &Office, on: NaiveDate) -> bool {
        self.deputies.iter().any(|entry| {
            (entry.deputy.as_str(), entry.person.as_str()) == (deputy, person)
                && entry.office == *office
                && entry.period.covers(on)
        })
    }

    /// Who has a role in an office on a day, and nobody else: deputies are not among them.
    pub fn people<'a>(
        &'a self,
        office: &'a Office,
        role: &'a str,
        on: NaiveDate,
    ) -> impl Iterator<Item = &'a str> {
        let has_role = move |person: &&Person| {
            person.office == *office
                && person.period.covers(on)
                && person.roles.iter().any(|known| known == role)
        };
        let people = self.people.iter().filter(has_role);
        people.map(|person| person.name.as_str())
    }

    /// Who is told where a role of an office is to hear of something, with the deputies of that day.
    /// Where nobody has it, whoever is next above.
    pub fn escalate_to(&self, office: &Office, to: &str, on: NaiveDate) -> Vec<String> {
        let rank = LEADERS.iter().position(|leader| *leader == to);
        let above = LEADERS
            .iter()
            .skip(rank.map_or(0, |rank| rank + 1))
            .copied();
        let mut roles = std::iter::once(to).chain(above);
        let told = roles.find_map(|role| {
            let people: Vec<&str> = self.people(office, role, on).collect();
            (!people.is_empty()).then_some(people)
        });
        let people = told.unwrap_or_default();
        let deputies = self.deputies.iter().filter(|entry| {
            entry.office == *office
                && entry.period.covers(on)
                && people.contains(&entry.person.as_str())
        });
        let mut told: Vec<String> = people.iter().map(|name| (*name).to_owned()).collect();
        for entry in deputies {
            if !told.contains(&entry.deputy) {
                told.push(entry.deputy.clone());
            }
        }
        told
    }

    /// What an office is called on a day.
    pub fn name(&self, office: &Office, on: NaiveDate) -> Option<&str> {
        let is_it = |entry: &&OfficeEntry| entry.office == *office && entry.period.covers(on);
        self.offices
            .iter()
            .find(is_it)
            .map(|entry| entry.name.as_str())
    }

    /// Every office, in the order of the files.
    pub fn offices(&self) -> &[OfficeEntry] {
        &self.offices
    }

    /// Everybody, in the order of the files.
    pub fn everybody(&self) -> &[Person] {
        &self.people
    }

    /// Every deputy, in the order of the files.
    pub fn deputies(&self) -> &[Deputy] {
        &self.deputies
    }
}

/// The directory of a running deployment, read again when its folder has changed. A clone is another
/// handle to the same one.
#[derive(Debug, Clone)]
pub struct LiveDirectory {
    watched: Option<Watched<Directory, DirectoryError>>,
}

impl LiveDirectory {
    /// The directory of a folder.
    ///
    /// # Errors
    /// As [`Directory::load`].
    pub fn open(folder: &Path) -> Result<LiveDirectory, DirectoryError> {
        let watched = Some(Watched::open("the directory", folder, Directory::load)?);
        Ok(LiveDirectory { watched })
    }

    /// One that knows nobody.
    pub fn empty() -> LiveDirectory {
        LiveDirectory { watched: None }
    }

    /// The directory now; where the folder has come to hold something else, the last one that was
    /// good, and a line in the log.
    pub fn current(&self) -> Arc<Directory> {
        match &self.watched {
            Some(watched) => watched.current(),
            None => Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests;
