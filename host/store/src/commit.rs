//! What one transaction adds to a case: events and everything that follows from them.

use crate::{Error, Hand, Instruction, TimerRow};
use chrono::{DateTime, Utc};
use onething_case::Recorded;
use onething_contract::{Intent, Office, PublicNotice, Settlement};
use serde_json::Value;

/// What one transaction adds to a case.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The case as it is after `events`; replaces the row that was there.
    pub case: CaseRow,
    /// Its open and held tasks; replaces those that were there.
    pub tasks: Vec<TaskRow>,
    /// Numbered on from the version that the writer has seen, up to `case.version`.
    pub events: Vec<Recorded>,
    /// The invocations behind the events.
    pub journal: Vec<JournalEntry>,
    /// The SHA-256, in hex, of materials that the events name: they are kept as long as the case.
    pub materials: Vec<String>,
    /// Effects to carry out from now on.
    pub effects: Vec<NewEffect>,
    /// Effects that came to an end.
    pub settled: Vec<Settled>,
    /// When the case is to be woken; replaces what was there.
    pub timers: Vec<TimerRow>,
    /// Until then its reaction, where it has one, is handed to nobody: the writer sees to it. `None`
    /// is for whoever comes first.
    pub react_due: Option<DateTime<Utc>>,
    /// What becomes of money, in this order.
    pub ledger: Vec<Instruction>,
    /// What the case is counted by, name and value; those that were there stay where there are none.
    pub groups: Vec<(String, String)>,
    /// What becomes of the case's unique keys.
    pub keys: Keys,
}

/// The unique keys of a case: held while it is open and after it is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// As before.
    Keep,
    /// Exactly these from now on: at registration and at each new round.
    Hold(Vec<String>),
    /// None: the case has ended other than completed.
    Release,
    /// None, and what that case had passed on goes back to it where it is completed: an appeal has
    /// changed nothing.
    GiveBack {
        /// The case that was appealed.
        to: String,
    },
}

/// A case in the read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// See [`Store::next_case_number`].
    pub id: String,
    /// GB/T 2260.
    pub region: String,
    /// The matter's name.
    pub matter: String,
    /// The bundle it is pinned to, SHA-256 in hex.
    pub digest: String,
    /// The subject's identifier; empty where the case was erased.
    pub subject: String,
    /// The caller who opened it.
    pub submitted_by: String,
    /// In the words of the case engine.
    pub status: String,
    /// 0 at first, one more at each correction.
    pub round: u32,
    /// Its last event.
    pub version: u64,
    /// The event that the bundle has still to react to, the first if there are more.
    pub next_reaction: Option<u64>,
    /// A fault of the bundle has stopped its reactions.
    pub parked: bool,
    /// RFC 3339.
    pub registered_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
}

/// A task in the read model: an open or held step of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The case.
    pub case_id: String,
    /// The step of its plan.
    pub step: String,
    /// Who is to decide it.
    pub office: Office,
    /// The role that may decide it.
    pub role: String,
    /// In the words of the case engine.
    pub status: String,
    /// One more each time it is opened again.
    pub version: u32,
    /// The case's round.
    pub round: u32,
    /// RFC 3339.
    pub opened_at: String,
    /// Published while the step is open (公示).
    pub notice: Option<NoticeRow>,
}

/// A public notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// What is published.
    pub notice: PublicNotice,
    /// When its period is over, RFC 3339; `None` where a year on the way has no calendar yet.
    pub due: Option<String>,
    /// Somebody has objected: the period ends with the office's decision and not by itself.
    pub objected: bool,
}

/// One invocation of a bundle, for replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The event at hand.
    pub event: u64,
    /// The export that was called.
    pub function: String,
    /// The journal's exact bytes.
    pub body: Vec<u8>,
    /// Measurements beside it.
    pub usage: Value,
}

/// An effect that a bundle asked for when it heard `event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// The event that it reacted to: documents are rendered as of it.
    pub event: u64,
    /// What is to be done, under which ticket, after which others.
    pub intent: Intent,
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its ticket and outcome.
    pub settlement: Settlement,
    /// The claim under which it was carried out, see [`crate::EffectRow::claim`]: where the effect was
    /// handed out again since, the commit is refused. `None` for who needs no claim: a bank's answer,
    /// an operator.
    pub claim: Option<u64>,
    /// The person by whose word it ends, where it is one.
    pub by_hand: Option<Hand>,
}

/// What a caller gives so that the same request, sent twice, makes one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Who calls; keys of different callers never meet.
    pub caller: String,
    /// As the caller gave it.
    pub key: String,
    /// Hex, of the request.
    pub request_sha256: String,
}

/// How a registration came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The case is there.
    New,
    /// The same request came before and made this case; nothing was written now.
    Earlier {
        /// Its id.
        case_id: String,
    },
}

impl Commit {
    /// The last event that its writer has seen; 0 before a case is there.
    pub(crate) fn seen(&self) -> u64 {
        match self.events.first() {
            Some(first) => first.n.saturating_sub(1),
            None => self.case.version,
        }
    }

    pub(crate) fn check_numbering(&self) -> Result<(), Error> {
        let mut expected = self.seen();
        for event in &self.events {
            expected += 1;
            self.check_number(event.n, expected)?;
        }
        self.check_number(self.case.version, expected)
    }

    fn check_number(&self, n: u64, expected: u64) -> Result<(), Error> {
        if n == expected {
            return Ok(());
        }
        Err(Error::Numbering {
            case_id: self.case.id.clone(),
            n,
            expected,
        })
    }
}
