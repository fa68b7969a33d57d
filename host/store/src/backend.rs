//! What differs between SQLite and PostgreSQL: opening, the pools, row locks and what the catalogue
//! says. Everything else is one text of SQL for both, so that a rule is written, read and tested
//! once; two copies behind a trait would drift apart where nobody looks.

use crate::error::failed;
use crate::{Connection, Error, schema};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, AssertSqlSafe, ConnectOptions, Connection as _, Transaction};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Connections that read beside the one that writes to a file.
const FILE_READERS_MAX: u32 = 4;
/// Connections of one node to PostgreSQL.
const NODE_CONNECTIONS_MAX: u32 = 10;
/// How long one waits for a connection before the store is said to be overloaded.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(10);
/// The key of the lock under which nodes migrate, `one1` in ASCII as in a file's header.
const ADVISORY_LOCK: i64 = 0x6f6e_6531;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// Every schema there has ever been, in order. One that has been released is never edited.
    pub fn migrations(self) -> &'static [&'static str] {
        match self {
            Backend::Sqlite => &[include_str!("../migrations/sqlite/0001.sql")],
            Backend::Postgres => &[include_str!("../migrations/postgres/0001.sql")],
        }
    }

    /// At the end of a `SELECT` whose row is to stay as it is until the transaction ends. SQLite has
    /// one writer: its rows stay anyway.
    pub fn for_update(self) -> &'static str {
        match self {
            Backend::Sqlite => "",
            Backend::Postgres => " FOR UPDATE",
        }
    }

    /// At the end of a `SELECT` of a row that is to be there still when the transaction ends, however
    /// it may change.
    pub fn for_key_share(self) -> &'static str {
        match self {
            Backend::Sqlite => "",
            Backend::Postgres => " FOR KEY SHARE",
        }
    }

    /// At the end of a `SELECT` of work to hand out: what another node is being handed is left out.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Backend::Sqlite => "",
            Backend::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// How a transaction begins that reads before it writes: on SQLite with the right to write, so
    /// that what it reads still holds when it writes.
    pub fn begin(self) -> &'static str {
        match self {
            Backend::Sqlite => "BEGIN IMMEDIATE",
            Backend::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// A transaction that only reads and sees one moment throughout.
    pub async fn snapshot(
        self,
        connection: &mut Connection,
    ) -> Result<Transaction<'_, Any>, Error> {
        let begin = match self {
            Backend::Sqlite => "BEGIN DEFERRED",
            Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let begun = connection.begin_with(begin).await;
        begun.map_err(failed("begin to read"))
    }

    /// Says that a number which the database gives itself is given by us this once.
    pub fn given_numbers(self) -> &'static str {
        match self {
            Backend::Sqlite => "",
            Backend::Postgres => " OVERRIDING SYSTEM VALUE",
        }
    }

    /// Goes on numbering behind what is there. SQLite does so by itself.
    pub async fn go_on_numbering(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if self == Backend::Sqlite {
            return Ok(());
        }
        let numbered: Vec<(String, String)> = sqlx::query_as(
            "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT)
             FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid
             WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
               AND CAST(c.attidentity AS TEXT) <> ''",
        )
        .fetch_all(&mut *connection)
        .await?;
        for (table, column) in numbered {
            let sql = joined(format!(
                "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))
                 FROM {table} HAVING max({column}) IS NOT NULL"
            ));
            sqlx::query(sql).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
        }
    }

    /// Takes what was deleted out of the database's own files, as far as it can be told to.
    pub fn forget_deleted(self) -> &'static str {
        match self {
            Backend::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            Backend::Postgres => "VACUUM data_keys",
        }
    }

    /// The transaction need not be on the disk when it ends: what builds on it is later in the log
    /// and takes it there. Keeps a row that everybody needs from being held as long as a disk takes.
    pub async fn need_not_flush(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if self == Backend::Postgres {
            sqlx::query("SET LOCAL synchronous_commit = off")
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    /// Two nodes that start at once migrate one after the other.
    pub async fn lock_schema(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        if self == Backend::Postgres {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(ADVISORY_LOCK)
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    /// Every table and view with its columns, in order: (table, column).
    pub fn catalogue(self) -> &'static str {
        match self {
            Backend::Sqlite => {
                "SELECT t.name, c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
                 WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite_%'
                 ORDER BY t.rowid, c.cid"
            }
            // What an extension brings along is nobody's data.
            Backend::Postgres => {
                "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT)
                 FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid
                 WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                   AND t.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.attnum > 0 AND NOT c.attisdropped
                   AND NOT EXISTS (SELECT 1 FROM pg_depend AS d
                                   WHERE d.objid = t.oid AND d.deptype = 'e')
                 ORDER BY t.oid, c.attnum"
            }
        }
    }

    /// What each connection is told first.
    fn session(self) -> &'static str {
        match self {
            Backend::Sqlite => {
                "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;
                 PRAGMA secure_delete = ON;"
            }
            // A node that is paused inside a transaction must not hold its rows for ever.
            Backend::Postgres => {
                "SET application_name = 'onething';
                 SET idle_in_transaction_session_timeout = '30s';
                 SET lock_timeout = '30s';
                 SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') = 'off';"
            }
        }
    }
}

/// Whether the same transaction may well succeed the next time: PostgreSQL has broken a deadlock, or
/// two transactions crossed.
pub(crate) fn is_worth_retrying(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

/// SQLite has found the file damaged, or no database.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: &str = "11";
    matches!(code(error).as_deref(), Some(CORRUPT)) || is_no_database(error)
}

pub(crate) fn is_no_database(error: &sqlx::Error) -> bool {
    const NOT_A_DATABASE: &str = "26";
    code(error).as_deref() == Some(NOT_A_DATABASE)
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: &str = "5";
    code(error).as_deref() == Some(BUSY)
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}

/// Where a database is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub backend: Backend,
    /// For people, without a password.
    pub name: String,
    url: String,
    /// Of a file; a database in memory has none.
    file: Option<PathBuf>,
}

/// Connections, opened as they are needed.
pub(crate) struct Pools {
    pub readers: AnyPool,
    /// One connection where the database has one writer at a time: whoever queues there is served in
    /// turn, where SQLite's own waiting is a lottery.
    pub writers: AnyPool,
}

impl Place {
    pub fn file(path: &Path) -> Result<Place, Error> {
        let text = path.to_str().ok_or_else(|| Error::Url {
            what: format!("the path {}", path.display()),
        })?;
        Ok(Place {
            backend: Backend::Sqlite,
            name: text.to_owned(),
            url: format!("sqlite:{}?mode=rwc", escaped(text)),
            file: Some(path.to_owned()),
        })
    }

    pub fn memory() -> Place {
        Place {
            backend: Backend::Sqlite,
            name: ":memory:".to_owned(),
            url: "sqlite::memory:".to_owned(),
            file: None,
        }
    }

    pub fn parse(url: &str) -> Result<Place, Error> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        match scheme {
            "sqlite" if rest == ":memory:" => Ok(Place::memory()),
            "sqlite" => Place::file(Path::new(rest.strip_prefix("//").unwrap_or(rest))),
            "postgres" | "postgresql" => Ok(Place {
                backend: Backend::Postgres,
                name: without_password(rest),
                url: url.to_owned(),
                file: None,
            }),
            _ => Err(Error::Url {
                what: "the address of the database".to_owned(),
            }),
        }
    }

    /// Checks the database, brings it up to date and opens its pools.
    pub async fn open(&self) -> Result<Pools, Error> {
        sqlx::any::install_default_drivers();
        if self.backend == Backend::Sqlite && self.file.is_none() {
            return self.open_memory().await;
        }
        let options = self.options()?;
        let mut connection = self.connect().await?;
        schema::prepare(self, &mut connection).await?;
        if self.backend == Backend::Sqlite {
            // Touched only once the file is known to be ours.
            keep_a_log(&mut connection)
                .await
                .map_err(failed("switch the database to a write-ahead log"))?;
        }
        let closed = connection.close().await;
        closed.map_err(failed("close the database"))?;
        match self.backend {
            Backend::Sqlite => Ok(Pools {
                writers: self.pool(1, &options),
                readers: self.pool(FILE_READERS_MAX, &options),
            }),
            Backend::Postgres => {
                let pool = self.pool(NODE_CONNECTIONS_MAX, &options);
                Ok(Pools {
                    writers: pool.clone(),
                    readers: pool,
                })
            }
        }
    }

    /// One connection, to a database that may be anybody's.
    pub async fn connect(&self) -> Result<Connection, Error> {
        sqlx::any::install_default_drivers();
        if let Some(file) = &self.file {
            check_log(file)?;
        }
        let opened = self.options()?.connect().await;
        opened.map_err(|source| self.not_opened(source))
    }

    /// The database lives as long as its one connection does.
    async fn open_memory(&self) -> Result<Pools, Error> {
        let pool = self.pool(1, &self.options()?);
        let operation = "open a database in memory";
        let mut connection = pool.acquire().await.map_err(failed(operation))?;
        schema::prepare(self, &mut connection).await?;
        Ok(Pools {
            writers: pool.clone(),
            readers: pool,
        })
    }

    fn options(&self) -> Result<AnyConnectOptions, Error> {
        AnyConnectOptions::from_str(&self.url).map_err(|_| Error::Url {
            what: "the address of the database".to_owned(),
        })
    }

    fn pool(&self, connections_max: u32, options: &AnyConnectOptions) -> AnyPool {
        let session = self.backend.session();
        let mut pool = AnyPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(CONNECTION_WAIT_MAX)
            // A file does not go away; a server may have been restarted.
            .test_before_acquire(self.backend == Backend::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(session).execute(connection).await?;
                    Ok(())
                })
            });
        if self.backend == Backend::Sqlite {
            pool = pool.idle_timeout(None).max_lifetime(None);
            // It is in this process: there is no connection that could have been lost.
            pool = pool.test_before_acquire(false);
        }
        pool.connect_lazy_with(options.clone())
    }

    /// What the first words with a database said.
    pub fn not_opened(&self, source: sqlx::Error) -> Error {
        if is_no_database(&source) {
            let place = self.name.clone();
            return Error::NotADatabase { place, source };
        }
        failed("open the database")(source)
    }
}

/// Switches to a write-ahead log. Another process may be about to do the same, and for this one lock
/// SQLite does not wait by itself.
async fn keep_a_log(connection: &mut Connection) -> Result<(), sqlx::Error> {
    const TRIES_MAX: u64 = 50;
    let mut tries = 1;
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection);
        match switched.await {
            Err(error) if is_busy(&error) && tries < TRIES_MAX => {
                tokio::time::sleep(Duration::from_millis(tries)).await;
                tries += 1;
            }
            switched => return switched.map(drop),
        }
    }
}

/// SQLite takes an empty file for a new database and throws its log away, with all that the log
/// alone still holds.
fn check_log(file: &Path) -> Result<(), Error> {
    let length = |path: &Path| path.metadata().map_or(0, |found| found.len());
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if length(file) == 0 && length(Path::new(&log)) > 0 {
        return Err(Error::EmptyBesideLog {
            place: file.display().to_string(),
        });
    }
    Ok(())
}

/// A path as it stands in a URL.
fn escaped(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            // Writing to a string does not fail.
            byte => drop(write!(url, "%{byte:02X}")),
        }
    }
    url
}

fn without_password(rest: &str) -> String {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let rest = rest.split_once('?').map_or(rest, |(place, _)| place);
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("postgres://{place}")
}

/// SQL with something of the backend's in it: all of it fixed text.
pub(crate) fn joined(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}
