//! Runs a fixture: prefill, hand in, decide, and after every command everything that follows from
//! it, until nothing is left to do. The clock stands at the entry's time meanwhile.

use crate::Suite;
use crate::fixture::{Asked, Deciding, Entry, Filing, Fixture};
use crate::transcript::{self, Told, Transcript};
use crate::world::World;
use onething_case::{Command, Recorded, State, decide};
use onething_contract::{Assessment, Decision, Office, Refusal, Settlement, Severity, Verdict};
use onething_engine::drive::{self, Drive, HandedIn, Invoked};
use onething_engine::{Decide, check_payload, legal_date, stamp};
use onething_runtime::Bundle;
use serde_json::{Map, Value};
use std::sync::Arc;

/// How often a bundle may answer and effects may settle after one command. A case has a few dozen.
const TURNS_MAX: usize = 1_000;

/// A fixture, run.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What it came to.
    pub transcript: Transcript,
    /// The journals of the invocations and the events, a line each: the same bytes every time.
    pub journal: Vec<u8>,
    /// Where the case says itself that it should have gone otherwise.
    pub surprises: Vec<Surprise>,
}

/// An entry that was refused, or was not, against its `expect-refused`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Surprise {
    /// Refused, or refused otherwise.
    #[error("timeline entry {entry} ({asked}) is refused: {}", codes.join(", "))]
    Refused {
        /// From 1.
        entry: usize,
        /// What was asked.
        asked: String,
        /// With these codes.
        codes: Vec<String>,
    },
    /// Not refused.
    #[error("timeline entry {entry} ({asked}) should be refused with {code}, and is not")]
    NotRefused {
        /// From 1.
        entry: usize,
        /// What was asked.
        asked: String,
        /// What the fixture expects.
        code: String,
    },
}

/// Why a fixture could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bundle for it.
    #[error("no bundle of the matter `{matter}` is valid on {day}; `onething bundle build` makes it")]
    NoBundle {
        /// The matter.
        matter: String,
        /// The legal date, or the day of filing.
        day: String,
    },
    /// A second case.
    #[error("a fixture is one case, and this one is registered already; `correct` hands in again")]
    SecondCase,
    /// The bundle does not come to an end.
    #[error("after {TURNS_MAX} turns of the bundle and its effects there is still something to do")]
    NeverQuiet,
    /// The bundle refuses the prefill.
    #[error("the bundle refuses to prefill, {}: {}", .0.code, .0.message.en)]
    Prefill(Refusal),
    /// What the bundle says is no JSON.
    #[error("the bundle's {what} is not JSON")]
    Json {
        /// Of what.
        what: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The bundle failed.
    #[error(transparent)]
    Drive(#[from] drive::Error),
}

impl From<onething_case::HistoryError> for Error {
    fn from(error: onething_case::HistoryError) -> Self {
        Self::Drive(error.into())
    }
}

impl Suite {
    /// Runs a fixture once.
    ///
    /// # Errors
    /// Where it cannot be run to its end, with the entry that it came to, from 1.
    pub fn run(&self, fixture: &Fixture) -> Result<Replayed, (usize, Error)> {
        let mut run = Run {
            suite: self,
            fixture,
            filing: fixture.submission.clone(),
            case: None,
            journal: Vec::new(),
        };
        let mut transcript = Transcript::default();
        let mut surprises = Vec::new();
        for (number, entry) in (1..).zip(&fixture.timeline) {
            let told = run.entry(entry).map_err(|error| (number, error))?;
            surprises.extend(surprise(number, entry, &told));
            transcript.timeline.push(told);
        }
        let last = fixture.timeline.len();
        run.end(&mut transcript).map_err(|error| (last, error))?;
        Ok(Replayed {
            transcript,
            journal: run.journal,
            surprises,
        })
    }
}

fn surprise(number: usize, entry: &Entry, told: &Told) -> Option<Surprise> {
    let (entry, asked, codes) = (number, told.asked.clone(), told.refused.clone());
    match &entry_expectation(&fixture_code(&codes), &codes, entry_code(entry, told)) {
        _ => todo_remove(entry, asked),
    }
}
