//! Whose database it is and how its tables came about.

use crate::backend::{Backend, Place};
use crate::error::failed;
use crate::{Connection, Error};
use sqlx::{AssertSqlSafe, Connection as _};
use std::collections::HashSet;

/// The word by which a database of ours is known.
pub(crate) const PRODUCT: &str = "onething";
/// `one1` in ASCII, in the header of every file of ours.
const APPLICATION_ID: i64 = 0x6f6e_6531;
/// The oldest program that can work on the newest schema: a node of the version before goes on while
/// the others are brought up to date.
const MIN_READER: i64 = 1;
/// Where it is written down.
const TABLE: &str = "onething_schema";

/// A table and one of its columns.
type Column = (String, String);

/// Checks the database and applies the migrations that it lacks, all or none.
pub(crate) async fn prepare(place: &Place, connection: &mut Connection) -> Result<(), Error> {
    let backend = place.backend;
    let newest = backend.migrations().len();
    let mut transaction = connection
        .begin_with(backend.begin())
        .await
        .map_err(|source| place.not_opened(source))?;
    bring_up(place, &mut transaction, newest).await?;
    let committed = transaction.commit().await;
    committed.map_err(failed("migrate the database"))
}

/// Applies what the database lacks of the first migrations, in the caller's transaction; answers how
/// many it had.
pub(crate) async fn bring_up(
    place: &Place,
    transaction: &mut Connection,
    to: usize,
) -> Result<usize, Error> {
    let backend = place.backend;
    let locked = backend.lock_schema(transaction).await;
    locked.map_err(|source| place.not_opened(source))?;
    let applied = applied(place, transaction).await?;
    let migration = "migrate the database";
    for sql in backend.migrations().get(applied..to).unwrap_or_default() {
        sqlx::raw_sql(*sql)
            .execute(&mut *transaction)
            .await
            .map_err(failed(migration))?;
    }
    if applied < to {
        let stamped = stamp(backend, transaction, to).await;
        stamped.map_err(failed(migration))?;
    }
    Ok(applied)
}

async fn stamp(
    backend: Backend,
    connection: &mut Connection,
    version: usize,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO onething_schema (product, version, min_reader) VALUES ($1, $2, $3)
         ON CONFLICT (product) DO UPDATE SET version = $2, min_reader = $3",
    )
    .bind(PRODUCT)
    .bind(i64::try_from(version).unwrap_or(i64::MAX))
    .bind(MIN_READER)
    .execute(&mut *connection)
    .await?;
    if backend == Backend::Sqlite {
        // A pragma takes no parameters; it is a number of ours.
        let mark = format!("PRAGMA application_id = {APPLICATION_ID}");
        sqlx::raw_sql(AssertSqlSafe(mark))
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(crate) fn newest(backend: Backend) -> i64 {
    i64::try_from(backend.migrations().len()).unwrap_or(i64::MAX)
}

/// How many migrations the database has had, no more than this program knows; refuses one that is
/// another's, too new, or not whole.
async fn applied(place: &Place, connection: &mut Connection) -> Result<usize, Error> {
    let columns = columns(place, connection).await?;
    let application_id = application_id(place, connection).await?;
    if columns.is_empty() && application_id == 0 {
        return Ok(0);
    }
    if !columns.iter().any(|(table, _)| table == TABLE) {
        return Err(match application_id {
            APPLICATION_ID => incomplete(place, format!("the table {TABLE}")),
            application_id => Error::Foreign {
                place: place.name.clone(),
                application_id,
            },
        });
    }
    let (found, min_reader) = version(place, connection).await?;
    let known = newest(place.backend);
    if found > known && min_reader > known {
        return Err(Error::Newer {
            place: place.name.clone(),
            found,
            known,
        });
    }
    let applied = usize::try_from(found.min(known)).unwrap_or(0);
    check_whole(place, applied, &columns).await?;
    Ok(applied)
}

async fn columns(place: &Place, connection: &mut Connection) -> Result<Vec<Column>, Error> {
    sqlx::query_as(place.backend.catalogue())
        .fetch_all(connection)
        .await
        .map_err(|source| place.not_opened(source))
}

/// 0 where there is none.
async fn application_id(place: &Place, connection: &mut Connection) -> Result<i64, Error> {
    if place.backend == Backend::Postgres {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT application_id FROM pragma_application_id")
        .fetch_one(connection)
        .await
        .map_err(|source| place.not_opened(source))
}

/// The schema's version and the oldest program that can work on it.
async fn version(place: &Place, connection: &mut Connection) -> Result<(i64, i64), Error> {
    let row: Option<(String, i64, i64)> =
        sqlx::query_as("SELECT product, version, min_reader FROM onething_schema")
            .fetch_optional(connection)
            .await
            .map_err(|source| place.not_opened(source))?;
    match row {
        Some((product, version, min_reader)) if product == PRODUCT => Ok((version, min_reader)),
        Some(_) => Err(Error::Foreign {
            place: place.name.clone(),
            application_id: 0,
        }),
        None => Err(incomplete(place, format!("the row of {TABLE}"))),
    }
}

/// A migration that was carried out by half, by hand or by a bad copy, is found before work begins.
/// Both backends have the same columns, so what there should be is seen in memory.
async fn check_whole(place: &Place, applied: usize, found: &[Column]) -> Result<(), Error> {
    let found: HashSet<&Column> = found.iter().collect();
    let expected = expected(applied).await?;
    match expected.iter().find(|column| !found.contains(column)) {
        None => Ok(()),
        Some((table, _)) if !found.iter().any(|(known, _)| known == table) => {
            Err(incomplete(place, format!("the table {table}")))
        }
        Some((table, column)) => Err(incomplete(place, format!("the column {table}.{column}"))),
    }
}

/// What the first migrations make.
pub(crate) async fn expected(applied: usize) -> Result<Vec<Column>, Error> {
    let mut connection = model(applied).await?;
    let columns = columns(&Place::memory(), &mut connection).await;
    let closed = connection.close().await;
    closed.map_err(failed("see what the schema should be"))?;
    columns
}

/// A database in memory that has had the first migrations and nothing else.
pub(crate) async fn model(applied: usize) -> Result<Connection, Error> {
    let operation = "see what the schema should be";
    sqlx::any::install_default_drivers();
    let opened = Connection::connect("sqlite::memory:").await;
    let mut connection = opened.map_err(failed(operation))?;
    for sql in Backend::Sqlite.migrations().iter().take(applied) {
        let made = sqlx::raw_sql(*sql).execute(&mut connection).await;
        made.map_err(failed(operation))?;
    }
    Ok(connection)
}

fn incomplete(place: &Place, missing: String) -> Error {
    Error::Incomplete {
        place: place.name.clone(),
        missing,
    }
}
