//! What can go wrong here, each named by the operation that failed.

use crate::backend::is_damage;

/// A store that cannot be opened, read or written. Nothing of a failed operation is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a path nor an address of a database.
    #[error("{what} cannot be used: give postgres://user@host/database or sqlite:path")]
    Url {
        /// What was given, without passwords.
        what: String,
    },
    /// The file holds something else.
    #[error("{place} is not a database: give another path, or move the file away")]
    NotADatabase {
        /// As it was given.
        place: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A database, and not one of ours.
    #[error(
        "{place} is the database of another program (application id {application_id}): give another one"
    )]
    Foreign {
        /// As it was given, without passwords.
        place: String,
        /// `PRAGMA application_id` of a file; 0 where the other program sets none.
        application_id: i64,
    },
    /// Written by a later version of this program, which this one cannot work beside.
    #[error(
        "{place} has schema {found}, this program knows up to {known}: use the newer program that wrote it"
    )]
    Newer {
        /// As it was given, without passwords.
        place: String,
        /// The schema of the database.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    /// Ours, and not whole: a migration was carried out by half, or a copy is not complete.
    #[error("{place} lacks {missing}: restore it from a backup")]
    Incomplete {
        /// As it was given, without passwords.
        place: String,
        /// The first table or column that is not there.
        missing: String,
    },
    /// SQLite would throw the log away, and with it what only the log still holds.
    #[error(
        "{place} is empty and its write-ahead log beside it is not: restore it from a backup, or move the log away"
    )]
    EmptyBesideLog {
        /// As it was given.
        place: String,
    },
    /// More is waiting to be written or read than the store takes on.
    #[error(
        "cannot {operation} now: the database is away, or too much is waiting for it; try again later"
    )]
    Overloaded {
        /// What was attempted, in the infinitive.
        operation: &'static str,
    },
    /// The transaction was not kept, for a reason outside of what was to be written.
    #[error("cannot {operation}: it was not committed: {cause}")]
    NotCommitted {
        /// What was attempted, in the infinitive.
        operation: &'static str,
        /// What the database said.
        cause: String,
    },
    /// The database has found itself damaged.
    #[error("cannot {operation}: the database is damaged: restore it from a backup")]
    Corrupt {
        /// What was attempted, in the infinitive.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The database refused an operation.
    #[error("cannot {operation}")]
    Database {
        /// What was attempted, in the infinitive.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// JSON in the database, or on its way there, is not what it should be.
    #[error("{what} is not the JSON that it should be")]
    Malformed {
        /// Which record.
        what: String,
        /// Where it breaks.
        #[source]
        source: serde_json::Error,
    },
    /// An event that this program cannot read.
    #[error("{what} cannot be read")]
    Event {
        /// Which.
        what: String,
        /// Whether it is damaged or of a newer program.
        #[source]
        source: onething_case::upcast::UpcastError,
    },
    /// A record contradicts itself: the file was changed from outside, or its disk is failing.
    #[error("{what} is damaged: restore it from a backup")]
    Damaged {
        /// Which record, and how.
        what: String,
    },
    /// The caller's events are not numbered one by one up to the case's version.
    #[error("event {n} of case {case_id} comes where {expected} should")]
    Numbering {
        /// The case.
        case_id: String,
        /// The number found.
        n: u64,
        /// The number that was due.
        expected: u64,
    },
    /// An outcome for an effect that this case does not wait for.
    #[error("case {case_id} has no effect {ticket} that is to be settled")]
    UnknownEffect {
        /// The case.
        case_id: String,
        /// The effect's ticket.
        ticket: String,
    },
    /// Its keys were destroyed: nobody can read it any more.
    #[error("{what} was erased and cannot be read any more")]
    Erased {
        /// A case, or the scope of a key.
        what: String,
    },
    /// The list of erasures beside the database; where it cannot be written nothing is erased.
    #[error("cannot use the list of erasures {}", path.display())]
    ErasureList {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Older master keys still open something.
    #[error("{data_keys} data keys are still under older master keys: rotate first")]
    KeysInUse {
        /// How many.
        data_keys: u64,
    },
    /// Something cannot be encrypted or decrypted.
    #[error(transparent)]
    Vault(#[from] crate::VaultError),
    /// Other bytes are already kept under this name and event.
    #[error("document {name} of case {case_id} as of event {event} is kept with other bytes")]
    DocumentDiffers {
        /// The case.
        case_id: String,
        /// The document.
        name: String,
        /// The event as of which it was rendered.
        event: u64,
    },
    /// A file is longer than it may be; nothing of it was kept.
    #[error("the file is longer than {bytes_max} bytes")]
    BlobTooLarge {
        /// What it may have.
        bytes_max: u64,
    },
    /// A file is not the one that it was said to be; nothing of it was kept.
    #[error("the file's SHA-256 is {sha256}, not {expected}: send it again")]
    BlobDiffers {
        /// Hex, as was said.
        expected: String,
        /// Hex, of what came.
        sha256: String,
    },
    /// An upload took so long that it was swept away.
    #[error("the upload took too long and was given up: send the file again")]
    UploadGone,
}

/// Why a commit is not made. All but `Store` are answers, not failures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another writer was first: load the case again, decide again.
    #[error("case {case_id} has moved on to event {current_version}")]
    Conflict {
        /// The case.
        case_id: String,
        /// Its last event; 0 where there is no such case.
        current_version: u64,
    },
    /// An effect was handed out again meanwhile: what was done under the earlier claim is the other's
    /// to tell.
    #[error("effect {ticket} was handed out again")]
    Fenced {
        /// The effect's ticket.
        ticket: String,
    },
    /// Another open or completed case holds a unique key.
    #[error("the key {key} is held by case {case_id}")]
    KeyTaken {
        /// The key as the bundle named it.
        key: String,
        /// The case that holds it.
        case_id: String,
    },
    /// A material that the case names is not kept, or not any more.
    #[error("the material {sha256} is not kept here")]
    MaterialNotStored {
        /// Hex, of its bytes.
        sha256: String,
    },
    /// The caller has used this idempotency key for another request.
    #[error("the idempotency key {key} was used for another request")]
    IdempotencyMismatch {
        /// The key as the caller gave it.
        key: String,
    },
    /// A budget has less than a case wants, or others came earlier and wait for it. In fen.
    #[error("budget {budget} has {available} fen, {wanted} were wanted; {ahead} wait in front")]
    BudgetShort {
        /// The budget.
        budget: String,
        /// What is free.
        available: u64,
        /// What the case would take of it.
        wanted: u64,
        /// How many wait in front.
        ahead: u64,
    },
    /// A payment is more than its case holds. In fen.
    #[error("{reserved} fen of budget {budget} are reserved, {wanted} were to be paid")]
    NotReserved {
        /// The budget.
        budget: String,
        /// What the case holds.
        reserved: u64,
        /// What was to be paid.
        wanted: u64,
    },
    /// There is no such budget.
    #[error("there is no budget {budget}")]
    UnknownBudget {
        /// The name that was given.
        budget: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Error {
    /// The database is away, full, stopping or busy: it may be there again later.
    pub fn is_unavailable(&self) -> bool {
        let source = match self {
            Error::Overloaded { .. } | Error::NotCommitted { .. } => return true,
            Error::Database { source, .. } => source,
            _ => return false,
        };
        let sqlx::Error::Database(error) = source else {
            return matches!(
                source,
                sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed
            );
        };
        let code = error.code().unwrap_or_default();
        match code.parse::<u32>() {
            // SQLite's, without what it says beside: busy, locked, out of memory, read-only,
            // input or output, full, cannot be opened.
            Ok(code) if code < 10_000 => [5, 6, 7, 8, 10, 13, 14].contains(&(code & 0xff)),
            // PostgreSQL's classes: connection, transaction rolled back, resources, an operator's doing.
            _ => ["08", "40", "53", "57"]
                .iter()
                .any(|class| code.starts_with(class)),
        }
    }
}

/// `.map_err(failed("load the events of a case"))`
pub(crate) fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| match source {
        sqlx::Error::PoolTimedOut => Error::Overloaded { operation },
        source if is_damage(&source) => Error::Corrupt { operation, source },
        source => Error::Database { operation, source },
    }
}

/// What a write may fail with: an error of the store, or an answer beside it.
pub(crate) trait Failure: From<Error> + Send + 'static {
    /// What the database said, where that is the failure.
    fn database(&self) -> Option<&sqlx::Error>;
}

impl Failure for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Error::Database { source, .. } | Error::Corrupt { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Failure for CommitError {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            CommitError::Store(error) => error.database(),
            _ => None,
        }
    }
}

/// A number of the database, where none is negative, as ours.
pub(crate) fn unsigned<T: TryFrom<i64>>(number: i64, what: &str) -> Result<T, Error> {
    T::try_from(number).map_err(|_| Error::Damaged {
        what: format!("{what} {number}"),
    })
}

/// One of our numbers as the database's. Counts of events end long before `i64::MAX`.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T, what: &str) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| malformed(what, source))
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| malformed(what, source))
}

pub(crate) fn malformed(what: &str, source: serde_json::Error) -> Error {
    Error::Malformed {
        what: what.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_said_is_told_of_damage_too() {
        let (operation, source) = ("read", sqlx::Error::PoolClosed);
        let error = CommitError::Store(Error::Corrupt { operation, source });
        assert!(error.database().is_some());
    }
}
