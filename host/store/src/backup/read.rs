//! Restoring: the whole file is checked before the first row is written, and all rows are written in
//! one transaction.

use super::{BackupError, FORM, Head, Header, Kind, Table, Trailer, host_key, tables};
use crate::backend::{Place, joined};
use crate::error::failed;
use crate::keyring::Keyring;
use crate::{Connection, Error, Masters, Store, VaultError, schema};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use sm3::{Digest, Sm3};
use sqlx::Connection as _;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, RFC 3339: what was erased since is back.
    pub made_at: String,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

impl Store {
    /// Fills an empty database, of either kind, from a backup. Open the store afterwards.
    ///
    /// # Errors
    /// Where the file is not a whole backup that this program knows, the master keys are not its own,
    /// or the database has something; then the database is as before.
    pub async fn restore(
        url: &str,
        masters: &Masters,
        path: &Path,
    ) -> Result<Restored, BackupError> {
        let place = Place::parse(url)?;
        let checked = check(path)?;
        let known = schema::newest(place.backend);
        if checked.header.schema > known {
            return Err(BackupError::Newer {
                found: checked.header.schema,
                known,
            });
        }
        let tables = tables(checked.header.schema).await?;
        let mut connection = place.connect().await?;
        let operation = "restore the store";
        let begun = connection.begin_with(place.backend.begin()).await;
        let mut transaction = begun.map_err(failed(operation))?;
        prepare(&place, &mut transaction, &checked.header, &tables).await?;
        let rows = fill(&place, &mut transaction, &checked, &tables).await?;
        check_keys(&place, masters, &mut transaction, &checked.header).await?;
        let committed = transaction.commit().await;
        committed.map_err(failed(operation))?;
        connection.close().await.map_err(failed(operation))?;
        Ok(Restored {
            made_at: checked.header.made_at,
            rows,
        })
    }
}

/// A file that is whole.
struct Checked {
    path: PathBuf,
    header: Header,
    trailer: Trailer,
}

impl Checked {
    fn changed(&self, what: String) -> BackupError {
        BackupError::Changed {
            path: self.path.clone(),
            what,
        }
    }
}

/// Reads the file to its end.
fn check(path: &Path) -> Result<Checked, BackupError> {
    let mut lines = Lines::open(path)?;
    let foreign = || BackupError::Foreign {
        path: path.to_owned(),
    };
    let first = lines.next()?.ok_or_else(foreign)?;
    let header: Header = serde_json::from_slice(&first).map_err(|_| foreign())?;
    if header.product != schema::PRODUCT || header.form != FORM {
        return Err(foreign());
    }
    let mut hash = Sm3::new();
    let mut last = first;
    while let Some(line) = lines.next()? {
        hash.update(&last);
        last = line;
    }
    let whole = last.ends_with(b"\n");
    let trailer: Trailer = match serde_json::from_slice(&last) {
        Ok(trailer) if whole => trailer,
        _ => {
            return Err(BackupError::CutOff {
                path: path.to_owned(),
            });
        }
    };
    let checked = Checked {
        path: path.to_owned(),
        header,
        trailer,
    };
    match hex::encode(hash.finalize()) == checked.trailer.sm3 {
        true => Ok(checked),
        false => Err(checked.changed("its hash is another".to_owned())),
    }
}

/// The database has the backup's schema and nothing in it.
async fn prepare(
    place: &Place,
    transaction: &mut Connection,
    header: &Header,
    tables: &[Table],
) -> Result<(), BackupError> {
    let to = usize::try_from(header.schema).unwrap_or(0);
    let had = schema::bring_up(place, transaction, to).await?;
    if had > to {
        return Err(BackupError::OtherSchema {
            place: place.name.clone(),
            found: i64::try_from(had).unwrap_or(i64::MAX),
            backup: header.schema,
        });
    }
    for table in tables {
        let found: Option<i64> = sqlx::query_scalar(joined(table.any()))
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed("look whether the store is empty"))?;
        if found.is_some() {
            return Err(BackupError::NotEmpty {
                place: place.name.clone(),
                table: table.name.clone(),
            });
        }
    }
    Ok(())
}

async fn fill(
    place: &Place,
    transaction: &mut Connection,
    checked: &Checked,
    tables: &[Table],
) -> Result<BTreeMap<String, u64>, BackupError> {
    let mut lines = Lines::open(&checked.path)?;
    lines.next()?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let count = checked.trailer.rows.get(&table.name).copied();
        let lacks = || checked.changed(format!("it lacks rows of {}", table.name));
        let count = count.ok_or_else(lacks)?;
        let expected = Head {
            table: table.name.clone(),
            columns: table.names(),
        };
        let head = lines.next()?.ok_or_else(lacks)?;
        if serde_json::from_slice(&head).ok() != Some(expected) {
            return Err(checked.changed(format!("the columns of {}", table.name)));
        }
        let insert = table.insert(place.backend.given_numbers());
        for _ in 0..count {
            let line = lines.next()?.ok_or_else(lacks)?;
            let row: Option<Vec<Value>> = serde_json::from_slice(&line).ok();
            let filled = row.filter(|row| row.len() == table.columns.len());
            let wrong = || checked.changed(format!("a row of {}", table.name));
            insert_row(transaction, &insert, table, &filled.ok_or_else(wrong)?).await?;
        }
        rows.insert(table.name.clone(), count);
    }
    let numbered = place.backend.go_on_numbering(transaction).await;
    numbered.map_err(failed("go on numbering"))?;
    Ok(rows)
}

async fn insert_row(
    transaction: &mut Connection,
    insert: &str,
    table: &Table,
    row: &[Value],
) -> Result<(), Error> {
    let mut query = sqlx::query(joined(insert.to_owned()));
    for (column, value) in table.columns.iter().zip(row) {
        let text = value.as_str();
        query = match column.kind {
            Kind::Integer => query.bind(value.as_i64()),
            Kind::Text => query.bind(text.map(str::to_owned)),
            Kind::Blob => {
                let bytes = text.map(|text| BASE64_STANDARD.decode(text)).transpose();
                query.bind(bytes.map_err(|_| Error::Damaged {
                    what: format!("{}.{} of the backup", table.name, column.name),
                })?)
            }
        };
    }
    query
        .execute(transaction)
        .await
        .map_err(failed("restore a row"))?;
    Ok(())
}

/// Who restores can read what was restored.
async fn check_keys(
    place: &Place,
    masters: &Masters,
    transaction: &mut Connection,
    header: &Header,
) -> Result<(), BackupError> {
    match Keyring::open(place.backend, masters.clone(), transaction).await {
        Ok(keyring) if host_key(&keyring) == header.host_key => Ok(()),
        Ok(_) | Err(Error::Vault(VaultError::UnknownMaster { .. } | VaultError::Unwrap { .. })) => {
            Err(BackupError::OtherKeys)
        }
        Err(error) => Err(error.into()),
    }
}

struct Lines {
    file: BufReader<File>,
    path: PathBuf,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, BackupError> {
        let file = File::open(path).map_err(|source| BackupError::File {
            operation: "read",
            path: path.to_owned(),
            source,
        });
        Ok(Lines {
            file: BufReader::new(file?),
            path: path.to_owned(),
        })
    }

    /// With its end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let mut line = Vec::new();
        let read = self.file.read_until(b'\n', &mut line);
        read.map_err(|source| BackupError::File {
            operation: "read",
            path: self.path.clone(),
            source,
        })?;
        Ok((!line.is_empty()).then_some(line))
    }
}
