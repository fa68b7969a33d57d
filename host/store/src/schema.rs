//! Whose file it is and how its tables came about: every schema there has ever been, in order.

use crate::{Connection, Error, error::failed};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use std::path::Path;

/// `one1` in ASCII, in the header of every file of ours.
const APPLICATION_ID: i64 = 0x6f6e_6531;
/// Schema *n* is the first *n* of these. One that has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_cases.sql"),
    include_str!("../migrations/0002_budgets.sql"),
    include_str!("../migrations/0003_outreach.sql"),
    include_str!("../migrations/0004_bundles.sql"),
];
/// SQLite's result code for a file that is something else.
const SQLITE_NOTADB: &str = "26";

/// Checks the file and brings it up to date, over a connection of its own: the journal mode is
/// touched only once the file is known to be ours.
pub(crate) async fn prepare(path: &Path, options: &SqliteConnectOptions) -> Result<(), Error> {
    let opened = options.connect().await;
    let mut connection = opened.map_err(|source| not_a_database(path, source))?;
    migrate(path, &mut connection).await?;
    sqlx::query("PRAGMA journal_mode = WAL")
        .execute(&mut connection)
        .await
        .map_err(failed("switch the database to a write-ahead log"))?;
    connection
        .close()
        .await
        .map_err(failed("close the database"))
}

/// Applies the migrations that the database lacks, all or none.
pub(crate) async fn migrate(path: &Path, connection: &mut Connection) -> Result<(), Error> {
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(|source| not_a_database(path, source))?;
    let applied = applied(path, &mut transaction).await?;
    let migration = "migrate the database";
    for sql in &MIGRATIONS[applied..] {
        sqlx::raw_sql(*sql)
            .execute(&mut *transaction)
            .await
            .map_err(failed(migration))?;
    }
    // Pragmas take no parameters; both are numbers of ours.
    let stamp = format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}",
        MIGRATIONS.len()
    );
    sqlx::raw_sql(AssertSqlSafe(stamp))
        .execute(&mut *transaction)
        .await
        .map_err(failed(migration))?;
    transaction.commit().await.map_err(failed(migration))
}

/// How many migrations the database has had; refuses one that is another's or newer.
async fn applied(path: &Path, connection: &mut Connection) -> Result<usize, Error> {
    let (application_id, version, objects): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(|source| not_a_database(path, source))?;
    let untouched = application_id == 0 && version == 0 && objects == 0;
    if application_id != APPLICATION_ID && !untouched {
        return Err(Error::Foreign {
            path: path.to_owned(),
            application_id,
        });
    }
    usize::try_from(version)
        .ok()
        .filter(|applied| *applied <= MIGRATIONS.len())
        .ok_or_else(|| Error::Newer {
            path: path.to_owned(),
            found: version,
            known: i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX),
        })
}

fn not_a_database(path: &Path, source: sqlx::Error) -> Error {
    let code = source.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(SQLITE_NOTADB) {
        Error::NotADatabase {
            path: path.to_owned(),
            source,
        }
    } else {
        failed("open the database")(source)
    }
}
