//! One file with everything that the store has, of either kind and for either kind: it is written
//! from one moment while others write on, and it is also how a deployment moves from SQLite to
//! PostgreSQL. What was closed is closed in it too; the master keys are not in it.
//!
//! JSON, one value a line: what it is; for each table its columns and then its rows, by their key,
//! bytes in base64; how many rows each table has, and an SM3 hash of all lines before.
//!
//! Tables and columns come from the schema. Nothing here knows one by name.

mod read;
mod tables;

pub use read::Restored;

use crate::backend::joined;
use crate::error::failed;
use crate::{Connection, Error, Store, keyring::Keyring, schema};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sm3::{Digest, Sm3};
use sqlx::any::AnyRow;
use sqlx::{Row, ValueRef};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tables::{Kind, Table, tables};

/// The version of the file's own form.
const FORM: u32 = 1;

/// Why there is no backup, or none that can be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// In the infinitive.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is no backup of ours: give another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "the backup has schema {found}, this program knows up to {known}: use the newer program that wrote it"
    )]
    Newer {
        /// Of the backup.
        found: i64,
        /// The newest of this program.
        known: i64,
    },
    /// It ends before its end.
    #[error("{} is cut off: take an earlier backup", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error("{} was changed since it was written ({what}): take an earlier backup", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where it shows.
        what: String,
    },
    /// Something is there already.
    #[error("{place} is not empty ({table} has rows): give a new database")]
    NotEmpty {
        /// As it was given, without passwords.
        place: String,
        /// The first table that has something.
        table: String,
    },
    /// The target has had more migrations than the backup.
    #[error("{place} has schema {found}, the backup {backup}: give a new database")]
    OtherSchema {
        /// As it was given, without passwords.
        place: String,
        /// Of the target.
        found: i64,
        /// Of the backup.
        backup: i64,
    },
    /// Nobody could read what would be restored.
    #[error(
        "the master keys are not those of the backup: give --keys the file that was in use when it was made"
    )]
    OtherKeys,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    product: String,
    form: u32,
    schema: i64,
    /// What it was written from; it may go into another kind.
    store: String,
    made_at: String,
    /// Something of the host's key, to know it again by.
    host_key: String,
}

/// The line in front of a table's rows.
#[derive(Serialize, Deserialize, PartialEq)]
struct Head {
    table: String,
    columns: Vec<String>,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct Trailer {
    rows: BTreeMap<String, u64>,
    sm3: String,
}

impl Store {
    /// Writes everything into a new file, as of one moment, while others go on. `made_at` is RFC 3339.
    ///
    /// # Errors
    /// Where there is a file of this name, or it cannot be written; then there is none.
    pub async fn backup(&self, path: &Path, made_at: &str) -> Result<Backup, BackupError> {
        let failed_to = |operation| {
            move |source| BackupError::File {
                operation,
                path: path.to_owned(),
                source,
            }
        };
        if path.exists() {
            return Err(failed_to("write over")(io::ErrorKind::AlreadyExists.into()));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part);
        // Another backup may be writing it.
        let file = file.map_err(|source| BackupError::File {
            operation: "begin",
            path: part.clone(),
            source,
        })?;
        let mut lines = Lines {
            file: BufWriter::new(file),
            hash: Sm3::new(),
            path: path.to_owned(),
        };
        let written = self.write_backup(&mut lines, made_at).await;
        let ended = written.and_then(|backup| {
            lines.end(&part).map_err(failed_to("write"))?;
            Ok(backup)
        });
        if ended.is_err() {
            // What is left of it is no backup; the error tells why.
            let _ = fs::remove_file(&part);
        }
        ended
    }

    async fn write_backup(&self, lines: &mut Lines, made_at: &str) -> Result<Backup, BackupError> {
        let operation = "back the store up";
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed(operation))?;
        let mut snapshot = self.backend.snapshot(&mut connection).await?;
        let known = schema::newest(self.backend);
        let found: i64 = sqlx::query_scalar("SELECT version FROM onething_schema")
            .fetch_one(&mut *snapshot)
            .await
            .map_err(failed(operation))?;
        if found > known {
            return Err(BackupError::Newer { found, known });
        }
        lines.write(&Header {
            product: schema::PRODUCT.to_owned(),
            form: FORM,
            schema: found,
            store: self.backend.as_str().to_owned(),
            made_at: made_at.to_owned(),
            host_key: host_key(&self.keyring),
        })?;
        let mut rows = BTreeMap::new();
        for table in tables(found).await? {
            let count = lines.write_table(&mut snapshot, &table).await?;
            rows.insert(table.name, count);
        }
        let rolled_back = snapshot.rollback().await;
        rolled_back.map_err(failed(operation))?;
        let trailer = Trailer {
            rows,
            sm3: hex::encode(lines.hash.clone().finalize()),
        };
        lines.write(&trailer)?;
        Ok(Backup { rows: trailer.rows })
    }
}

/// What a keyring is known again by; it tells nothing of the key.
fn host_key(keyring: &Keyring) -> String {
    hex::encode(keyring.tag("backup", "host key"))
}

/// A file under way.
struct Lines {
    file: BufWriter<File>,
    hash: Sm3,
    path: PathBuf,
}

impl Lines {
    fn write(&mut self, value: &impl Serialize) -> Result<(), BackupError> {
        let text = serde_json::to_string(value);
        let mut line = text.map_err(|source| crate::error::malformed("a backup", source))?;
        line.push('\n');
        self.hash.update(line.as_bytes());
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| BackupError::File {
            operation: "write",
            path: self.path.clone(),
            source,
        })
    }

    /// How many rows it has.
    async fn write_table(
        &mut self,
        snapshot: &mut Connection,
        table: &Table,
    ) -> Result<u64, BackupError> {
        self.write(&Head {
            table: table.name.clone(),
            columns: table.names(),
        })?;
        let mut rows = sqlx::query(joined(table.select())).fetch(snapshot);
        let mut count = 0;
        loop {
            let row = rows.try_next().await;
            let Some(row) = row.map_err(failed("read a table"))? else {
                return Ok(count);
            };
            self.write(&values(table, &row)?)?;
            count += 1;
        }
    }

    /// On the disk, and only then under its name.
    fn end(self, part: &Path) -> io::Result<()> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(part, &self.path)?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn values(table: &Table, row: &AnyRow) -> Result<Vec<Value>, Error> {
    let columns = table.columns.iter().enumerate();
    let values = columns.map(|(n, column)| {
        if row.try_get_raw(n)?.is_null() {
            return Ok(Value::Null);
        }
        Ok(match column.kind {
            Kind::Integer => Value::from(row.try_get::<i64, _>(n)?),
            Kind::Text => Value::from(row.try_get::<String, _>(n)?),
            Kind::Blob => Value::from(BASE64_STANDARD.encode(row.try_get::<Vec<u8>, _>(n)?)),
        })
    });
    let values: Result<_, sqlx::Error> = values.collect();
    values.map_err(failed("read a row"))
}
