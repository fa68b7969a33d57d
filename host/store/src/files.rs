//! Bytes that are kept exactly: materials by what they are, documents by what they stand for.
//! Both are checked against their SHA-256 each time they are read.
//!
//! A material is closed, and its SHA-256 is not: it is what everybody knows the material by. Whoever
//! has the database and guesses a whole file can tell that it is there.

use crate::append::lock_case;
use crate::backend::{Backend, joined};
use crate::closed::place;
use crate::error::{failed, signed, to_json, unsigned};
use crate::keyring::{self, KEY_OF_CASE, Keyring};
use crate::read::opened;
use crate::vault::DataKey;
use crate::{Connection, Error, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A material as it was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterialFile {
    /// Hex, of the bytes.
    pub sha256: String,
    /// As whoever stored it first said.
    pub media_type: String,
    /// When it was stored last, RFC 3339.
    pub stored_at: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A document of a case, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentInfo {
    /// What it is within the case.
    pub name: String,
    /// The event as of which it was rendered.
    pub event: u64,
    /// Hex, of the bytes.
    pub sha256: String,
    /// The signatures over the bytes, in the order they came.
    pub seals: Vec<Value>,
}

/// A document of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    /// What is known of it.
    pub info: DocumentInfo,
    /// What is sealed.
    pub bytes: Vec<u8>,
}

/// What is kept of a document, closed, beside its bytes.
#[derive(Serialize, Deserialize)]
struct About {
    sha256: String,
    seals: Vec<Value>,
}

/// How often it is tried to keep a material that is swept each time.
const PUTS_MAX: u32 = 3;

type DocumentColumns = (String, i64, Vec<u8>, Option<String>, Option<Vec<u8>>);

impl Store {
    /// Keeps a material and answers its SHA-256 in hex. The same bytes are kept once.
    pub async fn put_material(
        &self,
        bytes: &[u8],
        media_type: &str,
        stored_at: &str,
    ) -> Result<String, Error> {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let scope = keyring::of_material(&sha256);
        let key = DataKey::generate()?;
        let material = NewMaterial {
            keyring: self.keyring.clone(),
            size: bytes.len(),
            closed: key.close(&scope, bytes)?,
            key,
            scope,
            sha256: sha256.clone(),
            media_type: media_type.to_owned(),
            stored_at: stored_at.to_owned(),
        };
        self.write("keep a material", material, |material, connection| {
            Box::pin(material.put(connection))
        })
        .await?;
        Ok(sha256)
    }

    /// A material by its SHA-256 in hex.
    pub async fn get_material(&self, sha256: &str) -> Result<Option<MaterialFile>, Error> {
        let scope = keyring::of_material(sha256);
        let row: Option<MaterialColumns> = sqlx::query_as(
            "SELECT media_type, stored_at, bytes, master, wrapped
             FROM materials LEFT JOIN data_keys ON scope = $2 WHERE sha256 = $1",
        )
        .bind(sha256)
        .bind(&scope)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("read a material"))?;
        let Some((media_type, stored_at, closed, master, wrapped)) = row else {
            return Ok(None);
        };
        let key = self.keyring.unwrap(&scope, (master, wrapped))?;
        let key = key.ok_or_else(|| Error::Damaged {
            what: format!("{scope} (it has no key)"),
        })?;
        let bytes = key.open(&scope, &closed)?;
        check(&bytes, sha256, || format!("material {sha256}"))?;
        Ok(Some(MaterialFile {
            sha256: sha256.to_owned(),
            media_type,
            stored_at,
            bytes,
        }))
    }

    /// Whether a material is kept.
    pub async fn has_material(&self, sha256: &str) -> Result<bool, Error> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM materials WHERE sha256 = $1")
            .bind(sha256)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("look for a material"))?;
        Ok(found.is_some())
    }

    /// Keeps a document of a case as of an event. Once kept its bytes never change; seals are added
    /// to those it bears, each once, so that doing it twice is doing it once.
    pub async fn put_document(
        &self,
        case_id: &str,
        name: &str,
        event: u64,
        bytes: &[u8],
        seals: &[Value],
    ) -> Result<DocumentInfo, Error> {
        let connection = self.readers.acquire().await;
        let mut connection = connection.map_err(failed("keep a document"))?;
        let scope = keyring::of_case(case_id);
        let key = self.keyring.find(&mut connection, &scope).await?;
        drop(connection);
        let key = key.ok_or_else(|| Error::Erased {
            what: format!("case {case_id}"),
        })?;
        let document = NewDocument {
            backend: self.backend,
            case_id: case_id.to_owned(),
            info: DocumentInfo {
                name: name.to_owned(),
                event,
                sha256: hex::encode(Sha256::digest(bytes)),
                seals: seals.to_owned(),
            },
            closed: key.close(&place::document_bytes(case_id, name, event), bytes)?,
            key,
        };
        self.write("keep a document", document, |document, connection| {
            Box::pin(document.put(connection))
        })
        .await
    }

    /// The documents of a case, in the order of their events.
    pub async fn documents(&self, case_id: &str) -> Result<Vec<DocumentInfo>, Error> {
        let rows: Vec<DocumentColumns> = sqlx::query_as(
            "SELECT name, event, about, master, wrapped
             FROM documents LEFT JOIN data_keys ON scope = $2 WHERE case_id = $1
             ORDER BY event, name",
        )
        .bind(case_id)
        .bind(keyring::of_case(case_id))
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list the documents of a case"))?;
        let listed = |(name, event, about, master, wrapped): DocumentColumns| {
            let key = self.keyring.case_key(case_id, (master, wrapped))?;
            info(&key, case_id, name, event, &about)
        };
        rows.into_iter().map(listed).collect()
    }

    /// A document of a case as of `event`, or the latest of that name.
    pub async fn get_document(
        &self,
        case_id: &str,
        name: &str,
        event: Option<u64>,
    ) -> Result<Option<DocumentFile>, Error> {
        let sql = joined(format!(
            "SELECT event, about, bytes, {KEY_OF_CASE} FROM documents
             WHERE case_id = $1 AND name = $2 AND ($3 IS NULL OR event = $3)
             ORDER BY event DESC LIMIT 1"
        ));
        let row: Option<FileColumns> = sqlx::query_as(sql)
            .bind(case_id)
            .bind(name)
            .bind(event.map(signed))
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("read a document"))?;
        let Some((event, about, closed, master, wrapped)) = row else {
            return Ok(None);
        };
        let key = self.keyring.case_key(case_id, (master, wrapped))?;
        let info = info(&key, case_id, name.to_owned(), event, &about)?;
        let bytes = key.open(&place::document_bytes(case_id, name, info.event), &closed)?;
        check(&bytes, &info.sha256, || {
            format!("document {name} of case {case_id}")
        })?;
        Ok(Some(DocumentFile { info, bytes }))
    }
}

type MaterialColumns = (String, String, Vec<u8>, Option<String>, Option<Vec<u8>>);
type FileColumns = (i64, Vec<u8>, Vec<u8>, Option<String>, Option<Vec<u8>>);

/// A material to keep, unless it is there.
struct NewMaterial {
    keyring: Keyring,
    key: DataKey,
    scope: String,
    sha256: String,
    media_type: String,
    stored_at: String,
    size: usize,
    closed: Vec<u8>,
}

impl NewMaterial {
    async fn put(&self, connection: &mut Connection) -> Result<(), Error> {
        for _ in 0..PUTS_MAX {
            if self.insert(connection).await? {
                return self.keyring.add(connection, &self.scope, &self.key).await;
            }
            if self.touch(connection).await? {
                return Ok(());
            }
            // It was swept in between.
        }
        Err(Error::Overloaded {
            operation: "keep a material",
        })
    }

    /// Nobody sweeps it now that somebody has stored it again. False where it is not there.
    async fn touch(&self, connection: &mut Connection) -> Result<bool, Error> {
        let touched = sqlx::query(
            "UPDATE materials SET stored_at = CASE WHEN stored_at < $2 THEN $2 ELSE stored_at END
             WHERE sha256 = $1",
        )
        .bind(&self.sha256)
        .bind(&self.stored_at)
        .execute(connection)
        .await
        .map_err(failed("keep a material"))?;
        Ok(touched.rows_affected() == 1)
    }

    /// False where it is there.
    async fn insert(&self, connection: &mut Connection) -> Result<bool, Error> {
        let inserted = sqlx::query(
            "INSERT INTO materials (sha256, media_type, size, stored_at, bytes)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sha256) DO NOTHING",
        )
        .bind(&self.sha256)
        .bind(&self.media_type)
        .bind(i64::try_from(self.size).unwrap_or(i64::MAX))
        .bind(&self.stored_at)
        .bind(self.closed.as_slice())
        .execute(&mut *connection)
        .await
        .map_err(failed("keep a material"))?;
        Ok(inserted.rows_affected() == 1)
    }
}

/// A document to keep, or whose seals are to be added to one that is there.
struct NewDocument {
    backend: Backend,
    key: DataKey,
    case_id: String,
    info: DocumentInfo,
    closed: Vec<u8>,
}

impl NewDocument {
    async fn put(&self, connection: &mut Connection) -> Result<DocumentInfo, Error> {
        let operation = "keep a document";
        let (case_id, file) = (self.case_id.as_str(), &self.info);
        lock_case(self.backend, connection, case_id).await?;
        let kept: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT about FROM documents WHERE case_id = $1 AND name = $2 AND event = $3",
        )
        .bind(case_id)
        .bind(&file.name)
        .bind(signed(file.event))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed(operation))?;
        let mut document = match kept {
            Some(about) => info(
                &self.key,
                case_id,
                file.name.clone(),
                signed(file.event),
                &about,
            )?,
            None => DocumentInfo {
                seals: Vec::new(),
                ..file.clone()
            },
        };
        if document.sha256 != file.sha256 {
            return Err(Error::DocumentDiffers {
                case_id: case_id.to_owned(),
                name: file.name.clone(),
                event: file.event,
            });
        }
        for seal in &file.seals {
            if !document.seals.contains(seal) {
                document.seals.push(seal.clone());
            }
        }
        let about = About {
            sha256: document.sha256.clone(),
            seals: document.seals.clone(),
        };
        let about = to_json(&about, "the seals of a document")?;
        let place = place::document(case_id, &file.name, file.event);
        sqlx::query(
            "INSERT INTO documents (case_id, name, event, about, bytes) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (case_id, name, event) DO UPDATE SET about = excluded.about",
        )
        .bind(case_id)
        .bind(&file.name)
        .bind(signed(file.event))
        .bind(self.key.close(&place, about.as_bytes())?)
        .bind(self.closed.as_slice())
        .execute(connection)
        .await
        .map_err(failed(operation))?;
        Ok(document)
    }
}

fn info(
    key: &DataKey,
    case_id: &str,
    name: String,
    event: i64,
    about: &[u8],
) -> Result<DocumentInfo, Error> {
    let event = unsigned(event, "the event of a document")?;
    let About { sha256, seals } = opened(key, &place::document(case_id, &name, event), about)?;
    Ok(DocumentInfo {
        name,
        event,
        sha256,
        seals,
    })
}

fn check(bytes: &[u8], sha256: &str, what: impl FnOnce() -> String) -> Result<(), Error> {
    if hex::encode(Sha256::digest(bytes)) == sha256 {
        return Ok(());
    }
    Err(Error::Damaged {
        what: format!("{} (its SHA-256 is another)", what()),
    })
}
