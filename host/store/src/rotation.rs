//! A new master key, and all data keys wrapped with it while the hosts go on: a node that meets a
//! master key it does not know reads the file again.

use crate::error::{failed, unsigned};
use crate::keyring::{self, Keyring};
use crate::vault::Wrapped;
use crate::{Connection, Error, Store};

/// Data keys wrapped anew in one transaction.
const BATCH: i64 = 200;
/// How often all data keys are gone over: another node may have made one under the old key meanwhile.
const PASSES_MAX: u32 = 5;

/// A master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// Its name in the file.
    pub name: String,
    /// It wraps new data keys.
    pub wraps: bool,
    /// Data keys that it opens.
    pub data_keys: u64,
}

/// What a rotation has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The master key that wraps from now on.
    pub master: String,
    /// Data keys that were wrapped anew.
    pub data_keys: u64,
}

/// A data key as it lies there, with its scope.
type Row = (String, String, Vec<u8>);

impl Store {
    /// The master keys of the file and of the database, in the order that they were made.
    pub async fn master_keys(&self) -> Result<Vec<MasterKey>, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT master, count(*) FROM data_keys GROUP BY master ORDER BY master",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(failed("count the data keys"))?;
        let mut names = self.keyring.masters().names()?;
        for (name, _) in &rows {
            if !names.contains(name) {
                names.insert(0, name.clone());
            }
        }
        let current = names.last().cloned();
        let key = |name: String| {
            let found = rows.iter().find(|(master, _)| *master == name);
            Ok(MasterKey {
                data_keys: unsigned(found.map_or(0, |(_, count)| *count), "a count of keys")?,
                wraps: Some(&name) == current.as_ref(),
                name,
            })
        };
        names.into_iter().map(key).collect()
    }

    /// Makes a master key and wraps every data key with it. What was stopped on the way is finished by
    /// the next rotation.
    pub async fn rotate_keys(&self) -> Result<Rotated, Error> {
        let master = self.keyring.masters().rotate()?;
        // The first, since new data keys are wrapped with the master key that the host's is under.
        let mut data_keys = self.wrap_anew(keyring::HOST, &master).await?.len();
        for _ in 0..PASSES_MAX {
            let mut after = String::new();
            let before = data_keys;
            loop {
                let wrapped = self.wrap_anew(&after, &master).await?;
                data_keys += wrapped.len();
                match wrapped.into_iter().next_back() {
                    Some(last) => after = last,
                    None => break,
                }
            }
            if data_keys == before {
                break;
            }
        }
        Ok(Rotated {
            master,
            data_keys: data_keys as u64,
        })
    }

    /// Takes every master key but the last out of the file, and answers that one's name.
    ///
    /// # Errors
    /// [`Error::KeysInUse`] while one of them still opens a data key.
    pub async fn retire_keys(&self) -> Result<String, Error> {
        let keys = self.master_keys().await?;
        let older = keys.iter().filter(|key| !key.wraps);
        match older.map(|key| key.data_keys).sum() {
            0 => self.keyring.masters().retire(),
            data_keys => Err(Error::KeysInUse { data_keys }),
        }
    }

    /// Wraps a batch of data keys anew, from a scope on, and answers their scopes.
    async fn wrap_anew(&self, from: &str, master: &str) -> Result<Vec<String>, Error> {
        let data = (self.keyring.clone(), from.to_owned(), master.to_owned());
        self.write("wrap data keys anew", data, |data, connection| {
            let (keyring, from, master) = data;
            Box::pin(async move {
                let mut scopes = Vec::new();
                for row in under_others(connection, from, master).await? {
                    wrap(keyring, connection, &row).await?;
                    scopes.push(row.0);
                }
                Ok(scopes)
            })
        })
        .await
    }
}

async fn under_others(
    connection: &mut Connection,
    from: &str,
    master: &str,
) -> Result<Vec<Row>, Error> {
    sqlx::query_as(
        "SELECT scope, master, wrapped FROM data_keys
         WHERE scope >= $1 AND master <> $2 ORDER BY scope LIMIT $3",
    )
    .bind(from)
    .bind(master)
    .bind(BATCH)
    .fetch_all(connection)
    .await
    .map_err(failed("read data keys"))
}

/// Unless it was erased or wrapped anew meanwhile.
async fn wrap(
    keyring: &Keyring,
    connection: &mut Connection,
    (scope, master, bytes): &Row,
) -> Result<(), Error> {
    let before = Wrapped {
        master: master.clone(),
        bytes: bytes.clone(),
    };
    let masters = keyring.masters();
    let after = masters.wrap(scope, &masters.unwrap(scope, &before)?)?;
    sqlx::query("UPDATE data_keys SET master = $2, wrapped = $3 WHERE scope = $1 AND master = $4")
        .bind(scope)
        .bind(after.master)
        .bind(after.bytes)
        .bind(master)
        .execute(connection)
        .await
        .map_err(failed("wrap a data key anew"))?;
    Ok(())
}
