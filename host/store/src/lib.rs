//! The only SQL: cases as logs of events, the read model beside them, journals, effects to carry
//! out, timers, budgets, materials and documents, in one SQLite file or one PostgreSQL database.
//!
//! There is one text of SQL, which runs on both; what differs stands in `backend`, in one file.
//!
//! A [`Commit`] is all or nothing and on the disk when it returns. Two writers of one case never
//! both succeed: the second gets [`CommitError::Conflict`] and decides again.
//!
//! Nothing personal lies open in it: see `vault`. Events are chained by hashes of what is closed, so
//! that what is changed behind the store's back is found, and what is erased stays in its place.
//!
//! It knows no rule of a case: statuses are words and the read model is whatever the caller derived
//! from the events. It has no clock: every time is handed in.

mod append;
mod backend;
mod backup;
mod blobs;
mod body;
mod budgets;
mod closed;
mod commit;
mod deployments;
mod effects;
mod erasure;
mod error;
mod files;
mod filter;
mod keyring;
mod leases;
mod ledger;
mod once;
mod outreach;
mod read;
mod rotation;
mod schema;
mod statistics;
mod timers;
mod vault;
mod verify;
mod watch;
mod write;

pub use backup::{Backup, BackupError, Restored};
pub use blobs::{BlobInfo, BlobReader, BlobWriter, CHUNK_BYTES};
pub use commit::{
    CaseRow, Commit, Idempotency, JournalEntry, Keys, NewEffect, NoticeRow, Registered, Settled,
    TaskRow,
};
pub use deployments::{ActivationRow, BundleRow, NewActivation, Rollback};
pub use effects::{EffectRow, EffectStatus, Hand};
pub use erasure::{Erased, ErasureRecord, NotErased, Why};
pub use error::{CommitError, Error};
pub use files::{DocumentFile, DocumentInfo};
pub use ledger::{Balances, BudgetRow, Instruction, NewBudget, ReservationRow, SentPayment};
pub use outreach::{NewOffer, OfferFilter, OfferRow, OutreachRun};
pub use read::{CaseFilter, TaskKey};
pub use rotation::{MasterKey, Rotated};
pub use statistics::StatisticsRow;
pub use timers::{CaseTimer, TimerKey, TimerRow};
pub use vault::{Masters, VaultError};
pub use verify::{Broken, NotVerified, Verified, Wrong};
pub use watch::EffectQueue;
pub use write::Boundary;

use backend::{Backend, Place};
use chrono::{DateTime, Utc};
use error::{failed, signed};
use keyring::Keyring;
use sqlx::AnyPool;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use write::Writer;

/// A list answers with at most so many rows, whatever the caller asked for.
pub const ROWS_MAX: u32 = 500;

type Connection = sqlx::AnyConnection;

/// An open store. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    keyring: Keyring,
    readers: AnyPool,
    writer: Writer,
    boundary: Option<Arc<dyn Boundary>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Store").field(&self.backend).finish()
    }
}

impl Store {
    /// Opens the database file, creating it or bringing its schema up to date where needed. A file
    /// that is not ours, or not of these master keys, is refused unchanged.
    pub async fn open(path: &Path, masters: &Masters) -> Result<Store, Error> {
        Store::at(Place::file(path)?, masters).await
    }

    /// Opens `postgres://…` or `sqlite:path`, likewise.
    pub async fn connect(url: &str, masters: &Masters) -> Result<Store, Error> {
        Store::at(Place::parse(url)?, masters).await
    }

    /// A store that is gone with its last handle: for tests, demonstrations and replay.
    pub async fn in_memory() -> Result<Store, Error> {
        Store::at(Place::memory(), &Masters::in_memory()?).await
    }

    async fn at(place: Place, masters: &Masters) -> Result<Store, Error> {
        let pools = place.open().await?;
        let operation = "read the host's key";
        let connection = pools.writers.acquire().await;
        let mut connection = connection.map_err(failed(operation))?;
        let keyring = Keyring::open(place.backend, masters.clone(), &mut connection).await?;
        drop(connection);
        Ok(Store {
            backend: place.backend,
            keyring,
            readers: pools.readers,
            writer: Writer::new(place.backend, pools.writers),
            boundary: None,
        })
    }

    /// The store with something that hears of the places in a write where a fault matters.
    #[must_use]
    pub fn with_boundary(self, boundary: Arc<dyn Boundary>) -> Store {
        Store {
            boundary: Some(boundary),
            ..self
        }
    }

    /// A named place of the caller's own, where a fault matters.
    ///
    /// # Errors
    /// Where the boundary says so; never without one.
    pub fn reach(&self, name: &'static str) -> Result<(), Error> {
        write::reach(self.boundary.as_deref(), name)
    }

    /// Closes every connection, after what is under way.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// The number of the next case of a region and year, as its id: `331102-2025-000001`. A number
    /// that is taken and not used leaves a gap.
    pub async fn next_case_number(&self, region: &str, year: u16) -> Result<String, Error> {
        let name = format!("{region}-{year}");
        let operation = "take the next case number";
        let taken = (self.backend, name.clone());
        let number = self
            .write(operation, taken, |(backend, name), connection| {
                Box::pin(next_number(*backend, name, connection))
            })
            .await?;
        Ok(format!("{name}-{number:06}"))
    }

    async fn next_upload(&self) -> Result<i64, Error> {
        let operation = "take the next number of a counter";
        self.write(operation, self.backend, |backend, connection| {
            Box::pin(next_number(*backend, "uploads", connection))
        })
        .await
    }
}

/// The next number of a counter, from 1, in a transaction of its own: one that is taken and not used
/// leaves a gap.
async fn next_number(
    backend: Backend,
    name: &str,
    connection: &mut Connection,
) -> Result<i64, Error> {
    let operation = "take the next number of a counter";
    let flushed = backend.need_not_flush(connection).await;
    flushed.map_err(failed(operation))?;
    count(name, connection).await
}

/// Takes the next number of a counter; whoever has it is alone with it until the transaction ends.
async fn count(name: &str, connection: &mut Connection) -> Result<i64, Error> {
    sqlx::query_scalar(
        "INSERT INTO counters (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
         RETURNING value",
    )
    .bind(name)
    .fetch_one(connection)
    .await
    .map_err(failed("take the next number of a counter"))
}

/// A moment as the database has it: milliseconds since 1970 in UTC.
fn milliseconds(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

fn later(now: DateTime<Utc>, lease: Duration) -> i64 {
    let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    milliseconds(now).saturating_add(signed(lease_ms))
}

#[cfg(test)]
mod tests;
