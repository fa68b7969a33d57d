//! Erasing: the data keys are destroyed, and with them everything that was closed under them. The
//! events stay where they were, so that a chain can be verified as before.
//!
//! It does not reach what has left the database: notices and deliveries that were sent, and backups
//! made before. The database's own log may hold a destroyed key until it is written over.

mod list;

pub use list::ErasureRecord;

use crate::backend::{Backend, joined};
use crate::blobs::drop_chunks;
use crate::error::failed;
use crate::keyring::{self, Keyring};
use crate::{Connection, Error, Store};
use std::path::{Path, PathBuf};

/// Who has something erased, and why. Both are kept for good, in the open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Who.
    pub by: String,
    /// The reason.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// What stands for it in the open: `case/<id>`, or `subject/<tag>`.
    pub scope: String,
    /// Cases, by id.
    pub cases: Vec<String>,
    /// Materials that no other case names.
    pub materials: u64,
    /// Offers.
    pub offers: u64,
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    /// The case has not ended, or its effects and reactions are not all done.
    #[error("case {case_id} is still open: only what is over can be erased")]
    Open {
        /// The first such case.
        case_id: String,
    },
    /// There is nothing of it, or nothing any more.
    #[error("there is nothing to erase")]
    Nothing,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl crate::error::Failure for NotErased {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            NotErased::Store(error) => error.database(),
            _ => None,
        }
    }
}

/// What is to be erased: a case, or all of a subject by its tag.
#[derive(Clone)]
enum What {
    Case(String),
    Subject(Vec<u8>),
}

/// An erasure as it is carried out.
struct Erasure {
    backend: Backend,
    keyring: Keyring,
    what: What,
    why: Why,
    /// Has it on the disk before anything is gone.
    list: Option<PathBuf>,
}

impl Store {
    /// Erases a case. It is noted in `list`, see [`ErasureRecord`], before it is gone.
    ///
    /// # Errors
    /// Where it is not over, or there is no such case that is not erased yet.
    pub async fn erase_case(
        &self,
        case_id: &str,
        why: &Why,
        list: Option<&Path>,
    ) -> Result<Erased, NotErased> {
        self.erase(What::Case(case_id.to_owned()), why, list).await
    }

    /// Erases every case that is about a subject, and every offer to it; all or none.
    ///
    /// # Errors
    /// As [`Store::erase_case`].
    pub async fn erase_subject(
        &self,
        identifier: &str,
        why: &Why,
        list: Option<&Path>,
    ) -> Result<Erased, NotErased> {
        let tag = self.keyring.subject(identifier);
        self.erase(What::Subject(tag), why, list).await
    }

    /// Erases again what was erased under this scope before, after a restore has brought it back.
    ///
    /// # Errors
    /// As [`Store::erase_case`].
    pub async fn erase_scope(
        &self,
        scope: &str,
        why: &Why,
        list: Option<&Path>,
    ) -> Result<Erased, NotErased> {
        let what = match scope.split_once('/') {
            Some(("case", id)) => What::Case(id.to_owned()),
            Some(("subject", tag)) => match hex::decode(tag) {
                Ok(tag) => What::Subject(tag),
                Err(_) => return Err(NotErased::Nothing),
            },
            _ => return Err(NotErased::Nothing),
        };
        self.erase(what, why, list).await
    }

    async fn erase(&self, what: What, why: &Why, list: Option<&Path>) -> Result<Erased, NotErased> {
        let erasure = Erasure {
            backend: self.backend,
            keyring: self.keyring.clone(),
            list: list.map(Path::to_owned),
            what: what.clone(),
            why: why.clone(),
        };
        let erased = self.write("erase", erasure, |erasure, connection| {
            Box::pin(erasure.carry_out(connection))
        });
        let erased: Erased = erased.await?;
        for case_id in &erased.cases {
            self.keyring.forget(&keyring::of_case(case_id));
        }
        if let What::Subject(tag) = what {
            self.keyring.forget(&keyring::of_subject(&tag));
        }
        let forgotten = sqlx::raw_sql(self.backend.forget_deleted());
        if let Err(error) = forgotten.execute(&self.readers).await {
            tracing::warn!(%error, "what was erased may stay in the database's files for a while");
        }
        Ok(erased)
    }
}

impl Erasure {
    async fn carry_out(&self, connection: &mut Connection) -> Result<Erased, NotErased> {
        let mut erased = Erased {
            scope: match &self.what {
                What::Case(id) => keyring::of_case(id),
                What::Subject(tag) => keyring::of_subject(tag),
            },
            ..Erased::default()
        };
        for case_id in self.cases(connection).await? {
            self.erase_case(connection, &case_id, &mut erased).await?;
            erased.cases.push(case_id);
        }
        if let What::Subject(tag) = &self.what {
            self.erase_offers(connection, tag, &mut erased).await?;
        }
        if erased.cases.is_empty() && erased.offers == 0 {
            return Err(NotErased::Nothing);
        }
        // What is noted and then not committed was ordered all the same; the other way round it would
        // come back with a backup and nobody would know.
        if let Some(list) = &self.list {
            let record = ErasureRecord {
                at: self.why.at.clone(),
                scope: erased.scope.clone(),
            };
            record.append_to(list)?;
        }
        Ok(erased)
    }

    /// The cases, each of which is over and stays as it is.
    async fn cases(&self, connection: &mut Connection) -> Result<Vec<String>, NotErased> {
        let operation = "find what is to be erased";
        let lock = self.backend.for_update();
        let select =
            "SELECT id, CASE WHEN ended_at IS NOT NULL AND next_reaction IS NULL THEN 1 ELSE 0 END
                      FROM cases";
        let which = match self.what {
            What::Case(_) => "id = $1",
            What::Subject(_) => "subject = $1",
        };
        let sql = joined(format!(
            "{select} WHERE {which} AND erased_at IS NULL ORDER BY id{lock}"
        ));
        let query = sqlx::query_as(sql);
        let query = match &self.what {
            What::Case(id) => query.bind(id),
            What::Subject(tag) => query.bind(tag.as_slice()),
        };
        let rows: Vec<(String, i64)> = query
            .fetch_all(&mut *connection)
            .await
            .map_err(failed(operation))?;
        let mut cases = Vec::with_capacity(rows.len());
        for (case_id, over) in rows {
            if over == 0 || effects_live(connection, &case_id).await? {
                return Err(NotErased::Open { case_id });
            }
            cases.push(case_id);
        }
        Ok(cases)
    }

    async fn erase_case(
        &self,
        connection: &mut Connection,
        case_id: &str,
        erased: &mut Erased,
    ) -> Result<(), Error> {
        let scope = keyring::of_case(case_id);
        destroy(connection, &scope).await?;
        sqlx::query(
            "UPDATE cases SET subject = NULL, subject_closed = $2, erased_at = $3 WHERE id = $1",
        )
        .bind(case_id)
        .bind(&b""[..])
        .bind(&self.why.at)
        .execute(&mut *connection)
        .await
        .map_err(failed("erase a case"))?;
        for clear in [
            "DELETE FROM tasks WHERE case_id = $1",
            "DELETE FROM timers WHERE case_id = $1",
            "DELETE FROM journal WHERE case_id = $1",
            "DELETE FROM documents WHERE case_id = $1",
            // What stands behind a refused one is never done; nobody can read what it was.
            "UPDATE effects SET last_error = NULL,
                 status = CASE WHEN status = 'pending' THEN 'refused' ELSE status END
             WHERE case_id = $1",
        ] {
            sqlx::query(clear)
                .bind(case_id)
                .execute(&mut *connection)
                .await
                .map_err(failed("erase what a case has"))?;
        }
        erased.materials += self.erase_materials(connection, case_id).await?;
        self.note(connection, &scope).await
    }

    /// Those that no other case names.
    async fn erase_materials(
        &self,
        connection: &mut Connection,
        case_id: &str,
    ) -> Result<u64, Error> {
        let operation = "erase the materials of a case";
        let lock = self.backend.for_update();
        // While they are held no other case begins to name one.
        let sql = joined(format!(
            "SELECT sha256, upload FROM materials
             WHERE sha256 IN (SELECT sha256 FROM material_uses WHERE case_id = $1)
             ORDER BY sha256{lock}"
        ));
        let materials: Vec<(String, i64)> = sqlx::query_as(sql)
            .bind(case_id)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed(operation))?;
        sqlx::query("DELETE FROM material_uses WHERE case_id = $1")
            .bind(case_id)
            .execute(&mut *connection)
            .await
            .map_err(failed(operation))?;
        let mut erased = 0;
        for (sha256, upload) in materials {
            let gone = sqlx::query(
                "DELETE FROM materials WHERE sha256 = $1
                 AND NOT EXISTS (SELECT 1 FROM material_uses WHERE sha256 = $1)",
            )
            .bind(&sha256)
            .execute(&mut *connection)
            .await
            .map_err(failed(operation))?;
            if gone.rows_affected() == 1 {
                destroy(connection, &keyring::of_material(&sha256)).await?;
                drop_chunks(connection, upload).await?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    async fn erase_offers(
        &self,
        connection: &mut Connection,
        tag: &[u8],
        erased: &mut Erased,
    ) -> Result<(), Error> {
        let scope = keyring::of_subject(tag);
        destroy(connection, &scope).await?;
        let gone = sqlx::query(
            "UPDATE offers SET subject = NULL, body = NULL, refused = NULL, done = 1
             WHERE subject = $1",
        )
        .bind(tag)
        .execute(&mut *connection)
        .await
        .map_err(failed("erase offers"))?;
        erased.offers = gone.rows_affected();
        if erased.offers > 0 {
            self.note(connection, &scope).await?;
        }
        Ok(())
    }

    async fn note(&self, connection: &mut Connection, scope: &str) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO erasures (scope, at, by, reason, seal) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (scope, at) DO NOTHING",
        )
        .bind(scope)
        .bind(&self.why.at)
        .bind(&self.why.by)
        .bind(&self.why.reason)
        .bind(&self.keyring.erasure_seal(scope, &self.why)?[..])
        .execute(connection)
        .await
        .map_err(failed("note an erasure"))?;
        Ok(())
    }
}

/// Something of the case is still to be done, at the bank, or waits for a person. What comes after
/// something that was refused is never done.
async fn effects_live(connection: &mut Connection, case_id: &str) -> Result<bool, Error> {
    let live: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM effects
         WHERE case_id = $1
           AND (status IN ('sent', 'dead') OR (status = 'pending' AND waits_for = 0)) LIMIT 1",
    )
    .bind(case_id)
    .fetch_optional(connection)
    .await
    .map_err(failed("look for effects that are not done"))?;
    Ok(live.is_some())
}

pub(crate) async fn destroy(connection: &mut Connection, scope: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM data_keys WHERE scope = $1")
        .bind(scope)
        .execute(connection)
        .await
        .map_err(failed("destroy a data key"))?;
    Ok(())
}
