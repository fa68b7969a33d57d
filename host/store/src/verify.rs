//! Whether a case is what it was when it was written: numbers without gaps, hashes that follow from
//! each other, an end under the host's seal, bodies that open, and a row that follows from them.
//!
//! What is not found: a case, or a whole database, that was set back to what it once was.

use crate::closed::place;
use crate::error::{failed, unsigned};
use crate::read::{CaseColumns, SELECT_CASES};
use crate::vault::{DataKey, Hash, Link, NO_HASH};
use crate::{
    CaseRow, Connection, Error, Store, VaultError, Why, append, backend::joined, body, keyring,
    read,
};
use onething_case::Recorded;
use std::fmt;

/// A case that is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub events: u64,
    /// Its keys are destroyed: its chain is whole, its bodies nobody can read.
    pub erased: bool,
}

/// A case that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The case.
    pub case_id: String,
    /// The first event that is not right, where it is one.
    pub event: Option<u64>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// An event is gone, or in another's place.
    #[error("is missing, event {found} is in its place")]
    Missing {
        /// What comes instead.
        found: u64,
    },
    /// The event is not what was written, or not where.
    #[error("was changed: its hash does not follow from it and from the event before")]
    Changed,
    /// Events are missing at the end, or too many.
    #[error("the case has {found} events and should have {expected}")]
    Length {
        /// What its row says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The row was written by somebody without the host's key.
    #[error("the row's seal is not the host's over this version and this last event")]
    Seal,
    /// The key is gone or not the case's, and nobody has erased the case.
    #[error("its key is gone, or does not open, and the case was not erased")]
    NoKey,
    /// The row says that the case was erased, and the host has not done so, or its key is still there.
    #[error(
        "is said to be erased, and there is no erasure under the host's seal, or its key is still there"
    )]
    Erasure,
    /// The body does not open under the case's key.
    #[error("does not open under the key of its case")]
    Closed,
    /// The body is not an event.
    #[error("is no event that can be read: {0}")]
    Unreadable(String),
    /// The events are not a case's history.
    #[error("the events are no history: {0}")]
    History(String),
    /// The read model says something else than the history.
    #[error("the list of cases says something else than the history: {0}")]
    Row(String),
    /// An effect says something else than the history.
    #[error("effect {0} is not there, or says something else than the history")]
    Effect(String),
    /// A document is not the one that was kept.
    #[error("document {0} does not open, or is not the one that was kept")]
    Document(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some(n) => write!(formatter, "case {}: event {n} {}", self.case_id, self.wrong),
            None => write!(formatter, "case {}: {}", self.case_id, self.wrong),
        }
    }
}

/// Why a case is not verified.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    /// It is not as it was written.
    #[error("{0}")]
    Broken(Broken),
    /// There is no such case.
    #[error("there is no case {case_id}")]
    Unknown {
        /// The id that was given.
        case_id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What is read of a case to verify it, in one snapshot.
struct Kept {
    row: CaseColumns,
    /// The subject's tag, the head, its seal, and when it was erased.
    ends: Ends,
    /// Who has it erased, why, and the seal over it.
    erasure: Option<(String, String, Vec<u8>)>,
    events: Vec<EventColumns>,
}

type Ends = (Option<Vec<u8>>, Vec<u8>, Vec<u8>, Option<String>);
type EventColumns = (i64, String, i64, Vec<u8>, Vec<u8>);

impl Store {
    /// Verifies a case. `derive` makes the row of the events, or says why they are no history.
    ///
    /// # Errors
    /// The first thing that is wrong with the case.
    pub async fn verify(
        &self,
        case_id: &str,
        derive: impl FnOnce(&[Recorded]) -> Result<CaseRow, String>,
    ) -> Result<Verified, NotVerified> {
        let operation = "verify a case";
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed(operation))?;
        let kept = self.kept(&mut connection, case_id).await?;
        drop(connection);
        let Some(kept) = kept else {
            let case_id = case_id.to_owned();
            return Err(NotVerified::Unknown { case_id });
        };
        let broken = |(event, wrong)| {
            NotVerified::Broken(Broken {
                case_id: case_id.to_owned(),
                event,
                wrong,
            })
        };
        self.check_chain(case_id, &kept)?.map_err(broken)?;
        let verified = Verified {
            events: kept.events.len() as u64,
            erased: kept.ends.3.is_some(),
        };
        if !verified.erased {
            self.check_bodies(case_id, kept, derive)?.map_err(broken)?;
        }
        Ok(verified)
    }

    async fn kept(
        &self,
        connection: &mut Connection,
        case_id: &str,
    ) -> Result<Option<Kept>, Error> {
        let operation = "verify a case";
        let mut snapshot = self.backend.snapshot(connection).await?;
        let row: Option<CaseColumns> =
            sqlx::query_as(joined(format!("{SELECT_CASES} AND id = $1")))
                .bind(case_id)
                .fetch_optional(&mut *snapshot)
                .await
                .map_err(failed(operation))?;
        let Some(row) = row else { return Ok(None) };
        let ends: Ends =
            sqlx::query_as("SELECT subject, head, head_seal, erased_at FROM cases WHERE id = $1")
                .bind(case_id)
                .fetch_one(&mut *snapshot)
                .await
                .map_err(failed(operation))?;
        let events: Vec<EventColumns> = sqlx::query_as(
            "SELECT n, at, format, body, hash FROM events WHERE case_id = $1 ORDER BY n",
        )
        .bind(case_id)
        .fetch_all(&mut *snapshot)
        .await
        .map_err(failed(operation))?;
        let erasure =
            sqlx::query_as("SELECT by, reason, seal FROM erasures WHERE scope = $1 AND at = $2")
                .bind(keyring::of_case(case_id))
                .bind(&ends.3)
                .fetch_optional(&mut *snapshot)
                .await
                .map_err(failed(operation))?;
        snapshot.rollback().await.map_err(failed(operation))?;
        Ok(Some(Kept {
            row,
            ends,
            erasure,
            events,
        }))
    }

    /// What can be checked of an erased case too.
    fn check_chain(&self, case_id: &str, kept: &Kept) -> Result<Checked, Error> {
        let mut previous = NO_HASH;
        for (expected, (n, at, format, closed, hash)) in (1..).zip(&kept.events) {
            let n: u64 = unsigned(*n, "the number of an event")?;
            if n != expected {
                return Ok(Err((Some(expected), Wrong::Missing { found: n })));
            }
            let link = Link {
                case_id,
                n,
                at,
                format: unsigned(*format, "the format of an event")?,
                closed,
            };
            previous = link.behind(&previous);
            if previous != **hash {
                return Ok(Err((Some(n), Wrong::Changed)));
            }
        }
        let (_, head, seal, _) = &kept.ends;
        let found = kept.events.len() as u64;
        let expected = unsigned(kept.row.8, "the version of a case")?;
        if found != expected {
            return Ok(Err((None, Wrong::Length { expected, found })));
        }
        let head: Hash = append::hash(head, case_id)?;
        let sealed = self.keyring.head_seal(case_id, expected, &previous);
        if head != previous || sealed != **seal {
            return Ok(Err((None, Wrong::Seal)));
        }
        if !self.is_erased_by_us(case_id, kept)? {
            return Ok(Err((None, Wrong::Erasure)));
        }
        Ok(Ok(()))
    }

    /// True of a case that is not erased, too.
    fn is_erased_by_us(&self, case_id: &str, kept: &Kept) -> Result<bool, Error> {
        let Some(at) = &kept.ends.3 else {
            return Ok(true);
        };
        let Some((by, reason, seal)) = &kept.erasure else {
            return Ok(false);
        };
        let why = Why {
            by: by.clone(),
            reason: reason.clone(),
            at: at.clone(),
        };
        let sealed = self
            .keyring
            .erasure_seal(&keyring::of_case(case_id), &why)?;
        Ok(sealed == **seal && kept.row.13.is_none())
    }

    fn check_bodies(
        &self,
        case_id: &str,
        kept: Kept,
        derive: impl FnOnce(&[Recorded]) -> Result<CaseRow, String>,
    ) -> Result<Checked, Error> {
        let wrapped = (kept.row.13.clone(), kept.row.14.clone());
        let key = match self.keyring.unwrap(&keyring::of_case(case_id), wrapped) {
            Ok(Some(key)) => key,
            Ok(None) | Err(Error::Vault(VaultError::Unwrap { .. })) => {
                return Ok(Err((None, Wrong::NoKey)));
            }
            Err(error) => return Err(error),
        };
        let events = match opened(case_id, &key, kept.events) {
            Ok(events) => events,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let derived = match derive(&events) {
            Ok(derived) => derived,
            Err(why) => return Ok(Err((None, Wrong::History(why)))),
        };
        if kept.ends.0 != Some(self.keyring.subject(&derived.subject)) {
            return Ok(Err((None, Wrong::Row("subject".to_owned()))));
        }
        let row = match read::case(&self.keyring, kept.row) {
            Ok(row) => row,
            Err(Error::Damaged { .. }) => {
                return Ok(Err((None, Wrong::Row("subject_closed".to_owned()))));
            }
            Err(error) => return Err(error),
        };
        Ok(match difference(&row, &derived) {
            None => Ok(()),
            Some(column) => Err((None, Wrong::Row(column.to_owned()))),
        })
    }
}

/// The first thing that is wrong, at an event or not.
type Checked = Result<(), (Option<u64>, Wrong)>;

fn opened(
    case_id: &str,
    key: &DataKey,
    events: Vec<EventColumns>,
) -> Result<Vec<Recorded>, (Option<u64>, Wrong)> {
    let event = |(n, (_, at, format, closed, _)): (u64, EventColumns)| {
        let wrong = |wrong| (Some(n), wrong);
        let open = key.open(&place::event(case_id, n), &closed);
        let open = open.map_err(|_| wrong(Wrong::Closed))?;
        let event = body::decode(case_id, n, u32::try_from(format).unwrap_or(0), &open);
        let event = event.map_err(|error| wrong(Wrong::Unreadable(error.to_string())))?;
        Ok(Recorded { n, at, event })
    };
    (1..).zip(events).map(event).collect()
}

/// The first column in which two rows differ.
fn difference(row: &CaseRow, derived: &CaseRow) -> Option<&'static str> {
    let columns = [
        ("id", row.id == derived.id),
        ("region", row.region == derived.region),
        ("matter", row.matter == derived.matter),
        ("digest", row.digest == derived.digest),
        ("subject", row.subject == derived.subject),
        ("submitted_by", row.submitted_by == derived.submitted_by),
        ("status", row.status == derived.status),
        ("round", row.round == derived.round),
        ("version", row.version == derived.version),
        ("next_reaction", row.next_reaction == derived.next_reaction),
        ("parked", row.parked == derived.parked),
        ("registered_at", row.registered_at == derived.registered_at),
        ("ended_at", row.ended_at == derived.ended_at),
    ];
    let differs = columns.into_iter().find(|(_, same)| !same);
    differs.map(|(column, _)| column)
}
