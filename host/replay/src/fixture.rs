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
//! Where parties have still to sign, something is published, or money is paid:
//!
//! ```toml
//! [given]
//! bank = "manual"                     # the bank answers when the timeline says; else at once, all paid
//! [given.budgets]
//! "payroll/2026" = "100000.00"        # what the budget has; one that is not named has nothing
//! [submission]
//! subject = "91331102MA2E1KX035"
//! subject-kind = "organisation"
//! answers-file = "roster.json"        # beside this file; `answers` go over it
//! [submission.parties.lin]            # no `signed-at`: still has to sign
//! role = "shareholder"                # where the name is not the role
//! id = "331102199008230027"
//! name = "林小燕"
//!
//! [[timeline]]
//! at = 2026-03-03T09:00:00+08:00
//! sign = { role = "shareholder", subject = "331102199008230027" }
//! # unsign = { role, subject, reason }  object = { step, by, text }
//! # fund = { budget, amount }           more money comes into a budget
//! # bank = { returned = { "line" = "why" } }   of every payment that is out; other lines are paid
//! # wait = true                         only time passes: public notices whose period is over end
//! ```
//!
//! What the host's timers say, and what comes after the end:
//!
//! ```toml
//! [[timeline]]
//! at = 2026-03-03T09:00:00+08:00
//! decide = { step = "fund-check", verdict = "approve", by = "fund-002", on-behalf-of = "fund-001" }
//! # overdue = "material"                a promised material did not come in by its day
//! # lapse = true                        the parties did not sign in time
//! # reopen = { step, by, reason }       an office (`office`, else the step's own) takes its decision back
//! # rate = { score, by, comment }
//! # repair = { by, text }               by `office`, else the leading one
//! # check = { material, kept, opinion, by }   the same, of a commitment
//! ```
//!
//! This module knows the shape of the file, not what becomes of it.

mod filing;
#[cfg(test)]
mod tests;

pub(crate) use filing::{Filing, subject};

use crate::world::Given;
use chrono::{DateTime, FixedOffset};
use onething_capabilities::tables::{Mistake, object};
use onething_contract::{Finding, Material, Office, Severity, Text, Verdict};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
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
    Sign(Signing),
    Unsign(Signing),
    Decide(Box<Deciding>),
    /// Each step by its own office, one after the other.
    Approve(Vec<String>),
    Object(Objecting),
    Withdraw(Withdrawing),
    Supply(Material),
    Overdue(String),
    Lapse,
    Reopen(Reopening),
    Rate(Rating),
    Repair(Repairing),
    Check(Checking),
    Bank(BankSays),
    Fund(Funding),
    Wait,
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
    /// For whom a deputy decides.
    pub on_behalf_of: Option<String>,
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

/// A signature given or taken back.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signing {
    pub role: String,
    /// A party's identifier.
    pub subject: String,
    /// The caller; the party where it says none.
    pub by: Option<String>,
    /// The case's own where it says none.
    pub round: Option<u32>,
    /// Of `unsign`.
    #[serde(default)]
    pub reason: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objecting {
    pub step: String,
    pub by: String,
    pub text: String,
}

/// An office takes its decision back.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reopening {
    pub step: String,
    pub by: String,
    /// The step's own office where it says none.
    pub office: Option<Office>,
    pub reason: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rating {
    pub score: u8,
    pub by: String,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repairing {
    pub by: String,
    /// The leading office where it says none.
    pub office: Option<Office>,
    pub text: String,
}

/// What became of a commitment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checking {
    /// The code of the material that it stands for.
    pub material: String,
    pub kept: bool,
    #[serde(default)]
    pub opinion: String,
    pub by: String,
    /// The leading office where it says none.
    pub office: Option<Office>,
}

/// What the bank says of every payment that is out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BankSays {
    /// By line: why. All other lines are paid.
    #[serde(default)]
    pub returned: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Funding {
    pub budget: String,
    pub amount: Amount,
}

/// Yuan, `"100000.00"`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let fen = onething_contract::fen(&written)
            .ok_or_else(|| D::Error::custom("an amount is yuan with two places, \"100000.00\""))?;
        Ok(Amount(Decimal::from_i128_with_scale(fen.into(), 2)))
    }
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
    sign: Option<Signing>,
    unsign: Option<Signing>,
    decide: Option<Deciding>,
    approve: Option<Vec<String>>,
    object: Option<Objecting>,
    withdraw: Option<Withdrawing>,
    supply: Option<Material>,
    overdue: Option<String>,
    #[serde(default)]
    lapse: bool,
    reopen: Option<Reopening>,
    rate: Option<Rating>,
    repair: Option<Repairing>,
    check: Option<Checking>,
    bank: Option<BankSays>,
    fund: Option<Funding>,
    #[serde(default)]
    wait: bool,
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
    let mut written: File =
        toml::from_str(&text).map_err(|error| malformed(path, Mistake::of(&text, &error)))?;
    written.submission.read_answers(path)?;
    for entry in &mut written.timeline {
        let entry = entry.get_mut();
        for filing in [&mut entry.submit, &mut entry.correct]
            .into_iter()
            .flatten()
        {
            filing.read_answers(path)?;
        }
    }
    Ok(Read { text, written })
}

fn malformed(path: &Path, mistake: Mistake) -> Malformed {
    Malformed::Mistake {
        path: path.to_owned(),
        line: mistake.line,
        message: mistake.message,
    }
}

/// A file that another one names: below its folder, or in a folder beside that one. So a fixture
/// reads nothing but fixtures, whoever wrote it.
fn beside(path: &Path, name: &str) -> Result<PathBuf, Malformed> {
    let mut parts: Vec<Component<'_>> = Path::new(name).components().collect();
    if parts.first() == Some(&Component::ParentDir) && parts.len() > 2 {
        parts.remove(0);
    }
    let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
    if !parts.is_empty() && parts.iter().all(is_name) {
        return Ok(path.with_file_name(name));
    }
    let message = format!("`{name}` is not a file in this folder or in one beside it");
    Err(malformed(path, Mistake { line: 1, message }))
}

fn over_what_it_extends(path: &Path, mut file: File) -> Result<File, Malformed> {
    let mut path = path.to_owned();
    for _ in 0..EXTENDS_MAX {
        let Some(base) = file.extends.take() else {
            return Ok(file);
        };
        path = beside(&path, &base)?;
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
            entry.sign.map(Asked::Sign),
            entry.unsign.map(Asked::Unsign),
            entry.decide.map(|decide| Asked::Decide(Box::new(decide))),
            entry.approve.map(Asked::Approve),
            entry.object.map(Asked::Object),
            entry.withdraw.map(Asked::Withdraw),
            entry.supply.map(Asked::Supply),
            entry.overdue.map(Asked::Overdue),
            entry.lapse.then_some(Asked::Lapse),
            entry.reopen.map(Asked::Reopen),
            entry.rate.map(Asked::Rate),
            entry.repair.map(Asked::Repair),
            entry.check.map(Asked::Check),
            entry.bank.map(Asked::Bank),
            entry.fund.map(Asked::Fund),
            entry.wait.then_some(Asked::Wait),
        ]
        .into_iter()
        .flatten()
        .collect();
        let Ok([asked]) = <[Asked; 1]>::try_from(asked) else {
            return Err(mistake(
                "an entry has one of submit, correct, sign, unsign, decide, approve, object, \
                 withdraw, supply, overdue, lapse, reopen, rate, repair, check, bank, fund, wait",
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
