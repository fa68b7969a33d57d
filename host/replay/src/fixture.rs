//! A fixture as people write it: a folder with a `case.toml`.
//!
//! ```toml
//! extends = "../_people/zhang.toml"   # what is common to several cases; this file goes over it
//! title   = "男, 1965-01 出生: 延迟 1 个月"
//! matter  = "retirement"
//!
//! [given]
//! down = ["housing-fund"]             # this register is down
//! without = ["payroll.grade-2014"]    # this one has no such field; "payroll": knows nobody
//! fail = { "delivery fund-withdrawal" = "receiver-refused" }   # this effect is refused
//!
//! [given.registers.population."331102196501150019"]
//! name = "张建国"
//!
//! [submission]                        # what every hand-in of the timeline starts from
//! answers = { mobile = "13905780001" }
//!
//! [approvals.personnel]               # what an `approve` of the step says
//! payload = { approved_month = "2025-02" }
//!
//! [[timeline]]
//! at = 2025-01-06T09:00:00+08:00
//! submit = {}                         # over [submission]; answers not given are prefilled
//!
//! [[timeline]]
//! at = 2025-01-06T10:00:00+08:00
//! decide = { step = "fund-check", verdict = "approve", office = { function = "personnel", region = "331102" } }
//! expect-refused = "wrong-office"     # the case says itself what must not succeed, and why
//! ```
//!
//! This module knows the shape of the file, not what becomes of it.

#[cfg(test)]
mod tests;

use crate::world::Given;
use chrono::{DateTime, FixedOffset};
use onething_capabilities::tables::{Mistake, object};
use onething_contract::{
    Capacity, Channel, Filer, Finding, Material, MaterialStatus, Office, Party, Severity, Subject,
    SubjectKind, Text, Verdict,
};
use onething_engine::HandIn;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::value::Datetime;

/// How many files may go over each other; more is a circle.
const EXTENDS_MAX: usize = 8;

/// A case written down as data.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Where it is.
    pub folder: PathBuf,
    /// What it shows.
    pub title: String,
    /// The matter's name.
    pub matter: String,
    pub(crate) given: Given,
    pub(crate) submission: Filing,
    pub(crate) approvals: BTreeMap<String, Approval>,
    pub(crate) timeline: Vec<Entry>,
}

/// Why a fixture cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file says something that is no fixture.
    #[error("{}, line {line}: {message}", path.display())]
    Mistake {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// One moment of the timeline.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub at: DateTime<FixedOffset>,
    pub asked: Asked,
    pub expect_refused: Option<String>,
}

/// What is asked of the case.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Submit(Filing),
    Correct(Filing),
    Decide(Box<Deciding>),
    /// Each step by its own office, one after the other.
    Approve(Vec<String>),
    Withdraw(Withdrawing),
    Supply(Material),
}

/// What is handed in, as far as a file says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Filing {
    /// A citizen ID.
    subject: Option<String>,
    /// The clerk's citizen ID.
    filer: Option<String>,
    /// The unit's social credit code; empty: files for no unit.
    unit: Option<String>,
    capacity: Option<Capacity>,
    region: Option<String>,
    channel: Option<Channel>,
    /// By role.
    parties: BTreeMap<String, Signatory>,
    /// By code.
    materials: BTreeMap<String, MaterialStatus>,
    answers: Object,
    /// Elements, materials and roles of parties that are left out.
    without: BTreeSet<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Signatory {
    id: String,
    name: String,
    signed_at: Option<Datetime>,
}

/// What an office says when it approves and the timeline says no more.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Approval {
    pub by: Option<String>,
    pub opinion: Option<String>,
    pub payload: Object,
}

/// A decision, word for word.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Deciding {
    pub step: String,
    pub verdict: Verdict,
    pub by: Option<String>,
    /// The step's own office where it says none.
    pub office: Option<Office>,
    #[serde(default)]
    pub opinion: String,
    #[serde(default)]
    reasons: Vec<Reason>,
    pub payload: Option<Object>,
    /// The case's own where it says none.
    pub round: Option<u32>,
    pub task_version: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    code: String,
    #[serde(default)]
    path: String,
    zh: String,
    en: String,
    basis: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawing {
    pub by: String,
    pub reason: String,
}

/// A TOML table as the JSON that bundles read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        object(&table).map(Object).map_err(D::Error::custom)
    }
}

/// One file. Everything may be left to the file that it extends.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    extends: Option<String>,
    title: Option<String>,
    matter: Option<String>,
    given: Given,
    submission: Filing,
    approvals: BTreeMap<String, Approval>,
    timeline: Vec<Spanned<WrittenEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenEntry {
    at: Datetime,
    submit: Option<Filing>,
    correct: Option<Filing>,
    decide: Option<Deciding>,
    approve: Option<Vec<String>>,
    withdraw: Option<Withdrawing>,
    supply: Option<Material>,
    expect_refused: Option<String>,
}

impl Fixture {
    /// Reads `case.toml` in the folder, over what it extends.
    ///
    /// # Errors
    /// Names the file and, where it can be read, the line.
    pub fn read(folder: &Path) -> Result<Self, Malformed> {
        let path = folder.join("case.toml");
        let mut file = read(&path)?;
        let text = file.text;
        let timeline = timeline(&text, std::mem::take(&mut file.written.timeline))
            .map_err(|mistake| malformed(&path, mistake))?;
        let whole = over_what_it_extends(&path, file.written)?;
        let lacks = |name: &str| {
            let message = format!("{name} is missing");
            malformed(&path, Mistake { line: 1, message })
        };
        Ok(Self {
            folder: folder.to_owned(),
            title: whole.title.ok_or_else(|| lacks("title"))?,
            matter: whole.matter.ok_or_else(|| lacks("matter"))?,
            given: whole.given,
            submission: whole.submission,
            approvals: whole.approvals,
            timeline,
        })
    }
}

struct Read {
    text: String,
    written: File,
}

fn read(path: &Path) -> Result<Read, Malformed> {
    let text = std::fs::read_to_string(path).map_err(|source| Malformed::Read {
        path: path.to_owned(),
        source,
    })?;
    let written =
        toml::from_str(&text).map_err(|error| malformed(path, Mistake::of(&text, &error)))?;
    Ok(Read { text, written })
}

fn malformed(path: &Path, mistake: Mistake) -> Malformed {
    Malformed::Mistake {
        path: path.to_owned(),
        line: mistake.line,
        message: mistake.message,
    }
}

fn over_what_it_extends(path: &Path, mut file: File) -> Result<File, Malformed> {
    let mut path = path.to_owned();
    for _ in 0..EXTENDS_MAX {
        let Some(base) = file.extends.take() else {
            return Ok(file);
        };
        path = path.with_file_name(base);
        let base = read(&path)?.written;
        if let Some(entry) = base.timeline.first() {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let mistake = Mistake::at(&text, &entry.span(), "only case.toml has a timeline");
            return Err(malformed(&path, mistake));
        }
        file = file.over(base);
    }
    let message = format!("more than {EXTENDS_MAX} files extend each other; is it a circle?");
    Err(malformed(&path, Mistake { line: 1, message }))
}

impl File {
    fn over(self, base: File) -> File {
        let mut approvals = base.approvals;
        for (step, approval) in self.approvals {
            let approval = match approvals.remove(&step) {
                Some(base) => approval.over(base),
                None => approval,
            };
            approvals.insert(step, approval);
        }
        File {
            extends: base.extends,
            title: self.title.or(base.title),
            matter: self.matter.or(base.matter),
            given: self.given.over(base.given),
            submission: self.submission.over(base.submission),
            approvals,
            timeline: self.timeline,
        }
    }
}

impl Approval {
    fn over(self, base: Approval) -> Approval {
        let mut payload = base.payload;
        payload.0.extend(self.payload.0);
        Approval {
            by: self.by.or(base.by),
            opinion: self.opinion.or(base.opinion),
            payload,
        }
    }
}

/// The entries in order, each with the one thing that it asks.
fn timeline(text: &str, written: Vec<Spanned<WrittenEntry>>) -> Result<Vec<Entry>, Mistake> {
    let mut timeline: Vec<Entry> = Vec::new();
    for entry in written {
        let span = entry.span();
        let entry = entry.into_inner();
        let mistake = |message: &str| Mistake::at(text, &span, message);
        let at = DateTime::parse_from_rfc3339(&entry.at.to_string())
            .map_err(|_| mistake("at must be a point in time, 2025-01-06T09:00:00+08:00"))?;
        if timeline.last().is_some_and(|last| last.at > at) {
            return Err(mistake("the timeline goes back"));
        }
        let asked: Vec<Asked> = [
            entry.submit.map(Asked::Submit),
            entry.correct.map(Asked::Correct),
            entry.decide.map(|decide| Asked::Decide(Box::new(decide))),
            entry.approve.map(Asked::Approve),
            entry.withdraw.map(Asked::Withdraw),
            entry.supply.map(Asked::Supply),
        ]
        .into_iter()
        .flatten()
        .collect();
        let Ok([asked]) = <[Asked; 1]>::try_from(asked) else {
            return Err(mistake(
                "an entry has one of submit, correct, decide, approve, withdraw, supply",
            ));
        };
        timeline.push(Entry {
            at,
            asked,
            expect_refused: entry.expect_refused,
        });
    }
    if timeline.is_empty() {
        return Err(Mistake::at(text, &(0..0), "the timeline is empty"));
    }
    Ok(timeline)
}

impl Filing {
    /// This where it says something, the other where it does not. What the other left out and this
    /// one names is there again.
    pub fn over(self, base: Filing) -> Filing {
        let mut without = base.without;
        without.retain(|name| {
            !self.answers.0.contains_key(name)
                && !self.materials.contains_key(name)
                && !self.parties.contains_key(name)
        });
        without.extend(self.without);
        let mut whole = Filing {
            subject: self.subject.or(base.subject),
            filer: self.filer.or(base.filer),
            unit: self.unit.or(base.unit),
            capacity: self.capacity.or(base.capacity),
            region: self.region.or(base.region),
            channel: self.channel.or(base.channel),
            parties: base.parties,
            materials: base.materials,
            answers: base.answers,
            without,
        };
        whole.parties.extend(self.parties);
        whole.materials.extend(self.materials);
        whole.answers.0.extend(self.answers.0);
        whole
    }

    /// Where it is handled; the empty region where no file says.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or_default()
    }

    /// What was typed.
    pub fn typed(&self) -> Map<String, Value> {
        self.answers.0.clone()
    }

    /// With these answers, and without what is left out.
    pub fn hand_in(&self, answers: Map<String, Value>) -> HandIn {
        let kept = |name: &&String| !self.without.contains(*name);
        let unit = |code: &String| Subject {
            kind: SubjectKind::Organisation,
            identifier: code.clone(),
        };
        let parties = self.parties.iter().filter(|(role, _)| kept(role));
        let materials = self.materials.iter().filter(|(code, _)| kept(code));
        HandIn {
            subject: person(self.subject.as_deref().unwrap_or_default()),
            filer: Filer {
                person: person(self.filer.as_deref().unwrap_or_default()),
                unit: self.unit.as_ref().filter(|code| !code.is_empty()).map(unit),
                capacity: self.capacity.unwrap_or(Capacity::UnitClerk),
            },
            parties: parties
                .map(|(role, signatory)| Party {
                    subject: person(&signatory.id),
                    name: signatory.name.clone(),
                    role: role.clone(),
                    signed_at: signatory.signed_at.map(|at| at.to_string()),
                })
                .collect(),
            region: self.region().to_owned(),
            channel: self.channel.unwrap_or(Channel::Online),
            materials: materials
                .map(|(code, status)| Material {
                    code: code.clone(),
                    status: status.clone(),
                })
                .collect(),
            answers: Value::Object(answers),
            form_digest: None,
        }
    }

    /// The element is left out, typed or not.
    pub fn leaves_out(&self, name: &str) -> bool {
        self.without.contains(name)
    }
}

impl Deciding {
    /// Why, as the offices say it.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |reason: &Reason| Finding {
            severity: Severity::Error,
            path: reason.path.clone(),
            code: reason.code.clone(),
            message: Text {
                zh: reason.zh.clone(),
                en: reason.en.clone(),
            },
            basis: reason.basis.clone(),
        };
        self.reasons.iter().map(finding).collect()
    }
}

fn person(id: &str) -> Subject {
    Subject {
        kind: SubjectKind::Person,
        identifier: id.to_owned(),
    }
}
