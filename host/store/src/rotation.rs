//! Another master key, and all data keys wrapped with it while the hosts go on. In two steps, since a
//! node whose file lacks the key could read nothing any more: it is added to the file, the file goes to
//! every node, and only then does it wrap. Which key wraps is told by the host's own: the one that this
//! is under. A node that meets a master key it does not know reads the file again.

use crate::backend::joined;
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
    /// The master key that wraps from now on: the newest of the file.
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
        let operation = "look which master key wraps";
        let mut reader = self.readers.acquire().await.map_err(failed(operation))?;
        let wrapping = self.keyring.wrapping(&mut reader).await?;
        drop(reader);
        let mut names = self.keyring.masters().names()?;
        for (name, _) in &rows {
            if !names.contains(name) {
                names.insert(0, name.clone());
            }
        }
        let key = |name: String| {
            let found = rows.iter().find(|(master, _)| *master == name);
            Ok(MasterKey {
                data_keys: unsigned(found.map_or(0, |(_, count)| *count), "a count of keys")?,
                wraps: name == wrapping,
                name,
            })
        };
        names.into_iter().map(key).collect()
    }

    /// Adds a master key to the file, which wraps nothing yet, and answers its name.
    pub fn add_key(&self) -> Result<String, Error> {
        self.keyring.masters().add()
    }

    /// Wraps every data key with the newest master key of the file, which every node has to have by
    /// now. What was stopped on the way is finished by the next rotation.
    pub async fn rotate_keys(&self) -> Result<Rotated, Error> {
        let master = self.keyring.masters().newest()?;
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

    #[cfg(test)]
    pub(crate) async fn wrap_host_anew(&self, master: &str) {
        let data = (self.keyring.clone(), master.to_owned());
        let wrapped = self.write("wrap the host's key anew", data, |data, connection| {
            let (keyring, master) = data;
            Box::pin(async move {
                let rows = under_others(connection, keyring::HOST, master).await?;
                let host = rows.iter().find(|(scope, ..)| scope == keyring::HOST);
                wrap(keyring, connection, host.unwrap(), master).await
            })
        });
        wrapped.await.unwrap();
    }

    /// Takes every master key before the one that wraps out of the file, and answers that one's name.
    ///
    /// # Errors
    /// [`Error::KeysInUse`] while one of them still opens a data key.
    pub async fn retire_keys(&self) -> Result<String, Error> {
        let data = (self.backend, self.keyring.clone());
        self.write(
            "retire master keys",
            data,
            |(backend, keyring), connection| {
                Box::pin(async move {
                    let operation = "retire master keys";
                    let lock = backend.for_update();
                    // Whoever adds a data key under it has committed, and nobody adds one meanwhile.
                    let wrapping = joined(format!(
                        "SELECT master FROM data_keys WHERE scope = $1{lock}"
                    ));
                    let wrapping: String = sqlx::query_scalar(wrapping)
                        .bind(keyring::HOST)
                        .fetch_one(&mut *connection)
                        .await
                        .map_err(failed(operation))?;
                    let in_use: i64 =
                        sqlx::query_scalar("SELECT count(*) FROM data_keys WHERE master <> $1")
                            .bind(&wrapping)
                            .fetch_one(connection)
                            .await
                            .map_err(failed(operation))?;
                    match unsigned(in_use, "a count of keys")? {
                        0 => keyring.masters().retire_before(&wrapping)?,
                        data_keys => return Err(Error::KeysInUse { data_keys }),
                    }
                    Ok(wrapping)
                })
            },
        )
        .await
    }

    /// Wraps a batch of data keys anew, from a scope on, and answers their scopes.
    async fn wrap_anew(&self, from: &str, master: &str) -> Result<Vec<String>, Error> {
        let data = (self.keyring.clone(), from.to_owned(), master.to_owned());
        self.write("wrap data keys anew", data, |data, connection| {
            let (keyring, from, master) = data;
            Box::pin(async move {
                let mut scopes = Vec::new();
                for row in under_others(connection, from, master).await? {
                    wrap(keyring, connection, &row, master).await?;
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
    new: &str,
) -> Result<(), Error> {
    let before = Wrapped {
        master: master.clone(),
        bytes: bytes.clone(),
    };
    let masters = keyring.masters();
    let after = masters.wrap(new, scope, &masters.unwrap(scope, &before)?)?;
    sqlx::query("UPDATE data_keys SET master = $2, wrapped = $3 WHERE scope = $1 AND wrapped = $4")
        .bind(scope)
        .bind(after.master)
        .bind(after.bytes)
        .bind(bytes)
        .execute(connection)
        .await
        .map_err(failed("wrap a data key anew"))?;
    Ok(())
}
