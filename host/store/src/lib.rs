//! The only SQL: cases as logs of events, the read model beside them, journals, effects to carry
//! out, budgets, materials and documents, in one SQLite file.
//!
//! A [`Commit`] is all or nothing and on the disk when it returns. Two writers of one case never
//! both succeed: the second gets [`CommitError::Conflict`] and decides again.
//!
//! It knows no rule of a case: statuses are words and the read model is whatever the caller derived
//! from the events. It has no clock: every time is handed in.

mod boundary;
mod commit;
mod effects;
mod error;
mod files;
mod ledger;
mod outreach;
mod read;
mod schema;
mod statistics;

pub use boundary::Boundary;
pub use commit::{
    CaseRow, Commit, Idempotency, JournalEntry, Keys, NewEffect, NoticeRow, Registered, TaskRow,
};
pub use effects::{EffectRow, EffectStatus};
pub use error::{CommitError, Error};
pub use files::{DocumentFile, DocumentInfo, MaterialFile};
pub use ledger::{Balances, BudgetRow, Instruction, NewBudget, ReservationRow};
pub use read::{CaseFilter, TaskKey};

pub use outreach::{NewOffer, OfferFilter, OfferRow, OutreachRun};
pub use statistics::StatisticsRow;

use error::failed;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A list answers with at most so many rows, whatever the caller asked for.
pub const ROWS_MAX: u32 = 500;
/// Connections that read beside the one that writes.
const READERS_MAX: u32 = 4;
/// How long a connection waits for another process that writes.
const BUSY_MS_MAX: u64 = 10_000;

type Connection = sqlx::SqliteConnection;
type Transaction = sqlx::Transaction<'static, sqlx::Sqlite>;

/// An open store. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Store {
    /// One connection: SQLite has one writer at a time, and whoever queues here is served in turn,
    /// where SQLite's own waiting is a lottery.
    writer: SqlitePool,
    readers: SqlitePool,
    boundary: Option<Arc<dyn Boundary>>,
}

impl Store {
    /// Opens the database file, creating it or bringing its schema up to date where needed. A file
    /// that is not ours is refused unchanged.
    pub async fn open(path: &Path) -> Result<Store, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_millis(BUSY_MS_MAX));
        schema::prepare(path, &options).await?;
        let connect = |connections_max, options| async move {
            SqlitePoolOptions::new()
                .max_connections(connections_max)
                .connect_with(options)
                .await
                .map_err(failed("connect to the database"))
        };
        Ok(Store {
            writer: connect(1, options.clone()).await?,
            readers: connect(READERS_MAX, options.create_if_missing(false)).await?,
            boundary: None,
        })
    }

    /// A store that is gone with its last handle: for tests, demonstrations and replay.
    pub async fn in_memory() -> Result<Store, Error> {
        let mut options = SqliteConnectOptions::new().in_memory(true);
        options = options.foreign_keys(true);
        // The database lives as long as its one connection does.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(failed("open a database in memory"))?;
        let mut connection = pool
            .acquire()
            .await
            .map_err(failed("open a database in memory"))?;
        schema::migrate(Path::new(":memory:"), &mut connection).await?;
        drop(connection);
        Ok(Store {
            writer: pool.clone(),
            readers: pool,
            boundary: None,
        })
    }

    /// Closes every connection, after what is under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The number of the next case of a region and year, as its id: `331102-2025-000001`. A number
    /// that is taken and not used leaves a gap.
    pub async fn next_case_number(&self, region: &str, year: u16) -> Result<String, Error> {
        let name = format!("{region}-{year}");
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO counters (name, value) VALUES ($1, 1)
             ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
             RETURNING value",
        )
        .bind(&name)
        .fetch_one(&self.writer)
        .await
        .map_err(failed("take the next case number"))?;
        Ok(format!("{name}-{number:06}"))
    }

    /// A transaction that holds the right to write from its start, so that what it reads still
    /// holds when it writes.
    async fn begin(&self, operation: &'static str) -> Result<Transaction, Error> {
        self.reach("store.begin")?;
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed(operation))
    }

    async fn commit(&self, transaction: Transaction, operation: &'static str) -> Result<(), Error> {
        self.reach("store.written")?;
        transaction.commit().await.map_err(failed(operation))?;
        self.reach("store.committed")
    }
}

#[cfg(test)]
mod tests;
