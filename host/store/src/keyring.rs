//! Data keys, one a scope: made with what they are for, wrapped in `data_keys`, and remembered
//! unwrapped. The database decides: a key whose row is gone is gone, whatever is remembered.

use crate::backend::{Backend, joined};
use crate::error::{failed, to_json};
use crate::vault::{DataKey, Hash, Wrapped};
use crate::{Connection, Error, Masters, Why};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Unwrapped keys in memory.
const REMEMBERED_MAX: usize = 8192;
/// The scope of the host's own key: tags, seals of chains, and what belongs to no case.
pub(crate) const HOST: &str = "host";
/// The columns of the key of a row's case, where the row has a `case_id`.
pub(crate) const KEY_OF_CASE: &str =
    "(SELECT master FROM data_keys WHERE scope = 'case/' || case_id),
     (SELECT wrapped FROM data_keys WHERE scope = 'case/' || case_id)";

/// The scope of a case's key.
pub(crate) fn of_case(case_id: &str) -> String {
    format!("case/{case_id}")
}

/// The scope of the key of a subject's offers.
pub(crate) fn of_subject(tag: &[u8]) -> String {
    format!("subject/{}", hex::encode(tag))
}

/// The scope of a material's key.
pub(crate) fn of_material(sha256: &str) -> String {
    format!("material/{sha256}")
}

/// A wrapped key as a query returns it.
pub(crate) type Columns = (Option<String>, Option<Vec<u8>>);

/// The keys of a store. A clone is another handle to the same.
#[derive(Clone)]
pub(crate) struct Keyring(Arc<Inner>);

struct Inner {
    backend: Backend,
    masters: Masters,
    host: DataKey,
    /// The master key that wraps: the one that the host's key is under, as far as is known here.
    wrapping: RwLock<String>,
    remembered: Mutex<Remembered>,
}

/// Those that were used of late, and those before them: when the first are half of all, the second
/// are forgotten.
#[derive(Default)]
struct Remembered {
    late: HashMap<String, (Wrapped, DataKey)>,
    before: HashMap<String, (Wrapped, DataKey)>,
}

impl Remembered {
    fn find(&mut self, scope: &str) -> Option<&(Wrapped, DataKey)> {
        if !self.late.contains_key(scope) {
            let found = self.before.remove(scope)?;
            self.keep(scope, found);
        }
        self.late.get(scope)
    }

    fn keep(&mut self, scope: &str, found: (Wrapped, DataKey)) {
        if self.late.len() >= REMEMBERED_MAX / 2 {
            self.before = std::mem::take(&mut self.late);
        }
        self.late.insert(scope.to_owned(), found);
    }

    fn forget(&mut self, scope: &str) {
        self.late.remove(scope);
        self.before.remove(scope);
    }
}

impl Keyring {
    /// Over a database, whose host's key is made where it has none.
    pub async fn open(
        backend: Backend,
        masters: Masters,
        connection: &mut Connection,
    ) -> Result<Keyring, Error> {
        let wrapped = match find(connection, HOST).await? {
            Some(wrapped) => wrapped,
            None => {
                let wrapped = masters.wrap(&masters.newest()?, HOST, &DataKey::generate()?)?;
                insert(connection, HOST, &wrapped).await?;
                // Another node may have been first.
                find(connection, HOST).await?.unwrap_or(wrapped)
            }
        };
        Ok(Keyring(Arc::new(Inner {
            backend,
            host: masters.unwrap(HOST, &wrapped)?,
            wrapping: RwLock::new(wrapped.master),
            masters,
            remembered: Mutex::default(),
        })))
    }

    pub fn masters(&self) -> &Masters {
        &self.0.masters
    }

    /// The host's own key.
    pub fn host(&self) -> &DataKey {
        &self.0.host
    }

    /// What stands for an identifier or a key where it must be found and not be read.
    pub fn tag(&self, purpose: &str, what: &str) -> Vec<u8> {
        self.0.host.mac(purpose, what.as_bytes()).to_vec()
    }

    /// What a subject's cases and offers are found by.
    pub fn subject(&self, identifier: &str) -> Vec<u8> {
        self.tag("subject", identifier)
    }

    /// Over the end of a case's chain, so that a row which was set back or written anew is seen.
    pub fn head_seal(&self, case_id: &str, version: u64, head: &Hash) -> Hash {
        let sealed = [case_id.as_bytes(), &version.to_be_bytes(), head].concat();
        self.0.host.mac("head", &sealed)
    }

    /// Over an erasure, so that a key which somebody else has destroyed does not pass for erased.
    pub fn erasure_seal(&self, scope: &str, why: &Why) -> Result<Hash, Error> {
        let sealed = to_json(&(scope, &why.at, &why.by, &why.reason), "an erasure")?;
        Ok(self.0.host.mac("erasure", sealed.as_bytes()))
    }

    /// The key of a case, of the columns of [`KEY_OF_CASE`].
    pub fn case_key(&self, case_id: &str, columns: Columns) -> Result<DataKey, Error> {
        let key = self.unwrap(&of_case(case_id), columns)?;
        key.ok_or_else(|| Error::Erased {
            what: format!("case {case_id}"),
        })
    }

    /// The key of a scope, where it is there.
    pub fn unwrap(&self, scope: &str, columns: Columns) -> Result<Option<DataKey>, Error> {
        let (Some(master), Some(bytes)) = columns else {
            self.forget(scope);
            return Ok(None);
        };
        let wrapped = Wrapped { master, bytes };
        if let Some((known, key)) = self.remembered().find(scope)
            && *known == wrapped
        {
            return Ok(Some(key.clone()));
        }
        let key = self.0.masters.unwrap(scope, &wrapped)?;
        self.remembered().keep(scope, (wrapped, key.clone()));
        Ok(Some(key))
    }

    /// Of a scope whose row is known to be there: spares the question.
    pub fn remembers(&self, scope: &str) -> Option<DataKey> {
        let mut remembered = self.remembered();
        remembered.find(scope).map(|(_, key)| key.clone())
    }

    pub fn forget(&self, scope: &str) {
        self.remembered().forget(scope);
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        // Whoever panicked with it left whole keys behind.
        let remembered = self.0.remembered.lock();
        remembered.unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a scope, asked of the database.
    pub async fn find(
        &self,
        connection: &mut Connection,
        scope: &str,
    ) -> Result<Option<DataKey>, Error> {
        let found = find(connection, scope).await?;
        let columns = found.map_or((None, None), |key| (Some(key.master), Some(key.bytes)));
        self.unwrap(scope, columns)
    }

    /// The master key that wraps, as the database says now.
    pub async fn wrapping(&self, connection: &mut Connection) -> Result<String, Error> {
        if let Some(wrapped) = find(connection, HOST).await? {
            let wrapping = self.0.wrapping.write();
            *wrapping.unwrap_or_else(PoisonError::into_inner) = wrapped.master;
        }
        Ok(self.wrapping_here())
    }

    fn wrapping_here(&self) -> String {
        let wrapping = self.0.wrapping.read();
        wrapping.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the key of a new scope.
    pub async fn add(
        &self,
        connection: &mut Connection,
        scope: &str,
        key: &DataKey,
    ) -> Result<(), Error> {
        let mut master = self.wrapping_here();
        // Held until the new key is committed: nobody retires the master key before that.
        while !hold(self.0.backend, connection, HOST, Some(&master)).await? {
            let now = self.wrapping(connection).await?;
            if now == master {
                return Err(Error::Erased {
                    what: HOST.to_owned(),
                });
            }
            // Another node has rotated.
            master = now;
        }
        let wrapped = self.0.masters.wrap(&master, scope, key)?;
        insert(connection, scope, &wrapped).await
    }

    /// The key of a scope, made where there is none; there to stay until the transaction ends.
    pub async fn find_or_make(
        &self,
        connection: &mut Connection,
        scope: &str,
    ) -> Result<DataKey, Error> {
        // Whoever is about to destroy it is waited for.
        while !hold(self.0.backend, connection, scope, None).await? {
            self.add(connection, scope, &DataKey::generate()?).await?;
        }
        let kept = self.find(connection, scope).await?;
        kept.ok_or_else(|| Error::Erased {
            what: scope.to_owned(),
        })
    }
}

async fn find(connection: &mut Connection, scope: &str) -> Result<Option<Wrapped>, Error> {
    let found: Option<(String, Vec<u8>)> =
        sqlx::query_as("SELECT master, wrapped FROM data_keys WHERE scope = $1")
            .bind(scope)
            .fetch_optional(connection)
            .await
            .map_err(failed("read a data key"))?;
    Ok(found.map(|(master, bytes)| Wrapped { master, bytes }))
}

/// Keeps the key of a scope from being destroyed until the transaction ends. False where there is none,
/// or none under this master key.
async fn hold(
    backend: Backend,
    connection: &mut Connection,
    scope: &str,
    master: Option<&str>,
) -> Result<bool, Error> {
    let lock = backend.for_key_share();
    let sql = joined(format!(
        "SELECT scope FROM data_keys WHERE scope = $1 AND ($2 IS NULL OR master = $2){lock}"
    ));
    let held: Option<String> = sqlx::query_scalar(sql)
        .bind(scope)
        .bind(master)
        .fetch_optional(connection)
        .await
        .map_err(failed("hold a data key"))?;
    Ok(held.is_some())
}

/// Nothing where the scope has a key.
async fn insert(connection: &mut Connection, scope: &str, wrapped: &Wrapped) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO data_keys (scope, master, wrapped) VALUES ($1, $2, $3)
         ON CONFLICT (scope) DO NOTHING",
    )
    .bind(scope)
    .bind(&wrapped.master)
    .bind(wrapped.bytes.as_slice())
    .execute(connection)
    .await
    .map_err(failed("keep a data key"))?;
    Ok(())
}

/// An open store knows its keys by heart, and tells nobody.
impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Keyring")
            .field(&self.0.masters)
            .finish()
    }
}
