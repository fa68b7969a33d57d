//! What may be once across cases: a request under its idempotency key, and a unique key. Both are
//! kept as tags: a hash of something short could be guessed by whoever hashes every possibility.

use crate::error::failed;
use crate::keyring::Keyring;
use crate::{CommitError, Connection, Error, Idempotency, Store};

impl Store {
    /// The case that an earlier, identical request made, before anything is computed for this one.
    pub async fn find_idempotent(
        &self,
        request: &Idempotency,
    ) -> Result<Option<String>, CommitError> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(failed("look for an earlier request"))?;
        earlier(&self.keyring, &mut connection, request).await
    }
}

/// False where the caller has used this idempotency key before. A second node with the same request
/// waits here until the first has committed.
pub(crate) async fn take_key(
    keyring: &Keyring,
    connection: &mut Connection,
    request: &Idempotency,
    case_id: &str,
) -> Result<bool, Error> {
    let taken = sqlx::query(
        "INSERT INTO idempotency (caller, key, request, case_id)
         VALUES ($1, $2, $3, $4) ON CONFLICT (caller, key) DO NOTHING",
    )
    .bind(&request.caller)
    .bind(key_tag(keyring, request))
    .bind(request_tag(keyring, request))
    .bind(case_id)
    .execute(connection)
    .await
    .map_err(failed("keep an idempotency key"))?;
    Ok(taken.rows_affected() == 1)
}

/// Callers choose their keys, and may have put an identifier into one.
fn key_tag(keyring: &Keyring, request: &Idempotency) -> Vec<u8> {
    keyring.tag("idempotency", &request.key)
}

fn request_tag(keyring: &Keyring, request: &Idempotency) -> Vec<u8> {
    keyring.tag("request", &request.request_sha256)
}

/// The case of an earlier request under this idempotency key; refused where that was another.
pub(crate) async fn earlier(
    keyring: &Keyring,
    connection: &mut Connection,
    request: &Idempotency,
) -> Result<Option<String>, CommitError> {
    let found: Option<(Vec<u8>, String)> =
        sqlx::query_as("SELECT request, case_id FROM idempotency WHERE caller = $1 AND key = $2")
            .bind(&request.caller)
            .bind(key_tag(keyring, request))
            .fetch_optional(connection)
            .await
            .map_err(failed("look for an earlier request"))?;
    match found {
        None => Ok(None),
        Some((tag, case_id)) if tag == request_tag(keyring, request) => Ok(Some(case_id)),
        Some(_) => Err(CommitError::IdempotencyMismatch {
            key: request.key.clone(),
        }),
    }
}

/// The case has no unique keys any more.
pub(crate) async fn release_keys(connection: &mut Connection, case_id: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM unique_keys WHERE case_id = $1")
        .bind(case_id)
        .execute(connection)
        .await
        .map_err(failed("release the unique keys of a case"))?;
    Ok(())
}

/// Frees the keys that the case holds, for the transaction that holds them anew.
pub(crate) async fn pass_on(
    keyring: &Keyring,
    connection: &mut Connection,
    case_id: &str,
    keys: &[String],
) -> Result<(), Error> {
    for key in keys {
        sqlx::query("DELETE FROM unique_keys WHERE key = $1 AND case_id = $2")
            .bind(keyring.tag("unique-key", key).as_slice())
            .bind(case_id)
            .execute(&mut *connection)
            .await
            .map_err(failed("pass a unique key on"))?;
    }
    Ok(())
}

pub(crate) async fn give_keys_back(
    connection: &mut Connection,
    case_id: &str,
    to: &str,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE unique_keys SET case_id = $2
         WHERE case_id = $1 AND EXISTS (SELECT 1 FROM cases WHERE id = $2 AND status = 'completed')",
    )
    .bind(case_id)
    .bind(to)
    .execute(&mut *connection)
    .await
    .map_err(failed("give the unique keys of a case back"))?;
    release_keys(connection, case_id).await
}

/// In one order for all, so that two cases do not wait for each other.
pub(crate) async fn hold_keys(
    keyring: &Keyring,
    connection: &mut Connection,
    case_id: &str,
    keys: &[String],
) -> Result<(), CommitError> {
    let mut keys: Vec<&String> = keys.iter().collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let tag = keyring.tag("unique-key", key);
        if let Some(holder) = hold_key(connection, case_id, &tag).await? {
            return Err(CommitError::KeyTaken {
                key: key.clone(),
                case_id: holder,
            });
        }
    }
    Ok(())
}

/// Who holds the key already.
async fn hold_key(
    connection: &mut Connection,
    case_id: &str,
    tag: &[u8],
) -> Result<Option<String>, Error> {
    let operation = "hold a unique key";
    loop {
        let held = sqlx::query(
            "INSERT INTO unique_keys (key, case_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
        )
        .bind(tag)
        .bind(case_id)
        .execute(&mut *connection)
        .await
        .map_err(failed(operation))?;
        if held.rows_affected() == 1 {
            return Ok(None);
        }
        let holder: Option<String> =
            sqlx::query_scalar("SELECT case_id FROM unique_keys WHERE key = $1")
                .bind(tag)
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed(operation))?;
        // None: whoever held it has let go meanwhile.
        if holder.is_some() {
            return Ok(holder);
        }
    }
}
