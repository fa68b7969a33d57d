//! Bytes that are kept exactly: materials by what they are, documents by what they stand for.
//! Both are checked against their SHA-256 each time they are read.

use crate::error::{failed, from_json, signed, to_json, unsigned};
use crate::append::lock_case;
use crate::backend::Backend;
use crate::{Connection, Error, Store};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A material as it was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterialFile {
    /// Hex, of the bytes.
    pub sha256: String,
    /// As whoever stored it first said.
    pub media_type: String,
    /// RFC 3339.
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

type DocumentColumns = (String, i64, String, String);

impl Store {
    /// Keeps a material and answers its SHA-256 in hex. The same bytes are kept once.
    pub async fn put_material(
        &self,
        bytes: &[u8],
        media_type: &str,
        stored_at: &str,
    ) -> Result<String, Error> {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let file = MaterialFile {
            sha256: sha256.clone(),
            media_type: media_type.to_owned(),
            stored_at: stored_at.to_owned(),
            bytes: bytes.to_owned(),
        };
        self.write("keep a material", file, |file, connection| {
            Box::pin(put_material(connection, file))
        })
        .await?;
        Ok(sha256)
    }

    /// A material by its SHA-256 in hex.
    pub async fn get_material(&self, sha256: &str) -> Result<Option<MaterialFile>, Error> {
        let row: Option<(String, String, Vec<u8>)> =
            sqlx::query_as("SELECT media_type, stored_at, bytes FROM materials WHERE sha256 = $1")
                .bind(sha256)
                .fetch_optional(&self.readers)
                .await
                .map_err(failed("read a material"))?;
        let Some((media_type, stored_at, bytes)) = row else {
            return Ok(None);
        };
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
        let file = DocumentFile {
            info: DocumentInfo {
                name: name.to_owned(),
                event,
                sha256: hex::encode(Sha256::digest(bytes)),
                seals: seals.to_owned(),
            },
            bytes: bytes.to_owned(),
        };
        let data = (self.backend, case_id.to_owned(), file);
        self.write("keep a document", data, |(backend, case_id, file), connection| {
            Box::pin(put_document(*backend, connection, case_id, file))
        })
        .await
    }

    /// The documents of a case, in the order of their events.
    pub async fn documents(&self, case_id: &str) -> Result<Vec<DocumentInfo>, Error> {
        let rows: Vec<DocumentColumns> = sqlx::query_as(
            "SELECT name, event, sha256, seals FROM documents WHERE case_id = $1
             ORDER BY event, name",
        )
        .bind(case_id)
        .fetch_all(&self.readers)
        .await
        .map_err(failed("list the documents of a case"))?;
        rows.into_iter()
            .map(|columns| info(case_id, columns))
            .collect()
    }

    /// A document of a case as of `event`, or the latest of that name.
    pub async fn get_document(
        &self,
        case_id: &str,
        name: &str,
        event: Option<u64>,
    ) -> Result<Option<DocumentFile>, Error> {
        let row: Option<(i64, String, String, Vec<u8>)> = sqlx::query_as(
            "SELECT event, sha256, seals, bytes FROM documents
             WHERE case_id = $1 AND name = $2 AND ($3 IS NULL OR event = $3)
             ORDER BY event DESC LIMIT 1",
        )
        .bind(case_id)
        .bind(name)
        .bind(event.map(signed))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("read a document"))?;
        let Some((event, sha256, seals, bytes)) = row else {
            return Ok(None);
        };
        check(&bytes, &sha256, || {
            format!("document {name} of case {case_id}")
        })?;
        let info = info(case_id, (name.to_owned(), event, sha256, seals))?;
        Ok(Some(DocumentFile { info, bytes }))
    }
}

async fn put_material(connection: &mut Connection, file: &MaterialFile) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO materials (sha256, media_type, size, stored_at, bytes)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(&file.sha256)
    .bind(&file.media_type)
    .bind(signed(file.bytes.len() as u64))
    .bind(&file.stored_at)
    .bind(file.bytes.as_slice())
    .execute(connection)
    .await
    .map_err(failed("keep a material"))?;
    Ok(())
}

async fn put_document(
    backend: Backend,
    connection: &mut Connection,
    case_id: &str,
    file: &DocumentFile,
) -> Result<DocumentInfo, Error> {
    let operation = "keep a document";
    let DocumentInfo {
        name,
        event,
        sha256,
        seals,
    } = &file.info;
    lock_case(backend, connection, case_id).await?;
    let kept: Option<DocumentColumns> = sqlx::query_as(
        "SELECT name, event, sha256, seals FROM documents
         WHERE case_id = $1 AND name = $2 AND event = $3",
    )
    .bind(case_id)
    .bind(name)
    .bind(signed(*event))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed(operation))?;
    let mut document = match kept {
        Some(columns) => info(case_id, columns)?,
        None => DocumentInfo {
            seals: Vec::new(),
            ..file.info.clone()
        },
    };
    if document.sha256 != *sha256 {
        return Err(Error::DocumentDiffers {
            case_id: case_id.to_owned(),
            name: name.clone(),
            event: *event,
        });
    }
    for seal in seals {
        if !document.seals.contains(seal) {
            document.seals.push(seal.clone());
        }
    }
    sqlx::query(
        "INSERT INTO documents (case_id, name, event, sha256, seals, bytes)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (case_id, name, event) DO UPDATE SET seals = excluded.seals",
    )
    .bind(case_id)
    .bind(name)
    .bind(signed(*event))
    .bind(sha256)
    .bind(to_json(&document.seals, "the seals of a document")?)
    .bind(file.bytes.as_slice())
    .execute(connection)
    .await
    .map_err(failed(operation))?;
    Ok(document)
}

fn info(
    case_id: &str,
    (name, event, sha256, seals): DocumentColumns,
) -> Result<DocumentInfo, Error> {
    Ok(DocumentInfo {
        event: unsigned(event, "the event of a document")?,
        seals: from_json(
            &seals,
            &format!("the seals of document {name} of case {case_id}"),
        )?,
        name,
        sha256,
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
