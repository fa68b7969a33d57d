//! Bytes by what they are: a file is named by its SHA-256 and kept in chunks, written and read one
//! chunk at a time, so that nobody holds a file whole for it.
//!
//! The hash is that of the file itself, before a chunk is closed and after it was opened. A material
//! is closed, and its SHA-256 is not: it is what everybody knows the material by. Whoever has the
//! database and guesses a whole file can tell that it is there.

use crate::backend::{Backend, joined};
use crate::closed::place;
use crate::erasure::destroy;
use crate::error::{failed, signed, unsigned};
use crate::keyring::{self, Keyring};
use crate::vault::DataKey;
use crate::{Connection, Error, ROWS_MAX, Store};
use sha2::{Digest, Sha256};

/// What one row keeps of a file.
pub const CHUNK_BYTES: usize = 256 << 10;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Hex, of the bytes.
    pub sha256: String,
    /// As whoever stored it first said.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// When it was stored last, RFC 3339.
    pub stored_at: String,
    upload: i64,
}

/// A file on its way in. Nothing of it is there for others before [`BlobWriter::finish`].
pub struct BlobWriter {
    store: Store,
    upload: i64,
    /// A material's, under which its chunks are closed.
    key: Option<DataKey>,
    /// What is not written yet; less than a chunk.
    rest: Vec<u8>,
    chunks: i64,
    size: u64,
    bytes_max: u64,
    hash: Sha256,
}

/// A file on its way out.
pub struct BlobReader {
    store: Store,
    info: BlobInfo,
    /// A material's.
    key: Option<DataKey>,
    next: i64,
    read: u64,
    hash: Sha256,
}

impl Store {
    /// Begins to take in a file of at most so many bytes. `now` is when, RFC 3339.
    pub async fn write_blob(&self, bytes_max: u64, now: &str) -> Result<BlobWriter, Error> {
        self.write_file(None, bytes_max, now).await
    }

    /// Likewise a material, which is closed under a key of its own.
    pub async fn write_material(&self, bytes_max: u64, now: &str) -> Result<BlobWriter, Error> {
        let key = DataKey::generate()?;
        self.write_file(Some(key), bytes_max, now).await
    }

    /// Keeps a material that is at hand as a whole, and answers its SHA-256 in hex.
    pub async fn put_material(
        &self,
        bytes: &[u8],
        media_type: &str,
        stored_at: &str,
    ) -> Result<String, Error> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut writer = self.write_material(size, stored_at).await?;
        writer.write(bytes).await?;
        writer.finish(None, media_type, stored_at).await
    }

    async fn write_file(
        &self,
        key: Option<DataKey>,
        bytes_max: u64,
        now: &str,
    ) -> Result<BlobWriter, Error> {
        let operation = "begin an upload";
        let upload = self.next_upload().await?;
        let begun = (upload, now.to_owned());
        self.write(operation, begun, |(upload, now), connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO uploads (n, started_at) VALUES ($1, $2)")
                    .bind(*upload)
                    .bind(now)
                    .execute(connection)
                    .await
                    .map_err(failed("begin an upload"))?;
                Ok::<_, Error>(())
            })
        })
        .await?;
        Ok(BlobWriter {
            store: self.clone(),
            upload,
            key,
            rest: Vec::new(),
            chunks: 0,
            size: 0,
            bytes_max,
            hash: Sha256::new(),
        })
    }

    /// A file by its SHA-256 in hex, to be read chunk by chunk.
    pub async fn read_blob(&self, sha256: &str) -> Result<Option<BlobReader>, Error> {
        let info = self.blob(sha256).await?;
        Ok(info.map(|info| BlobReader::new(self, info, None)))
    }

    /// A material by its SHA-256 in hex, likewise.
    pub async fn read_material(&self, sha256: &str) -> Result<Option<BlobReader>, Error> {
        let scope = keyring::of_material(sha256);
        let row: Option<MaterialColumns> = sqlx::query_as(
            "SELECT upload, media_type, size, stored_at, master, wrapped
             FROM materials LEFT JOIN data_keys ON scope = $2 WHERE sha256 = $1",
        )
        .bind(sha256)
        .bind(&scope)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("read a material"))?;
        let Some((upload, media_type, size, stored_at, master, wrapped)) = row else {
            return Ok(None);
        };
        let key = self.keyring.unwrap(&scope, (master, wrapped))?;
        let key = key.ok_or_else(|| Error::Damaged {
            what: format!("{scope} (it has no key)"),
        })?;
        let info = BlobInfo {
            sha256: sha256.to_owned(),
            media_type,
            size: unsigned(size, "the size of a material")?,
            stored_at,
            upload,
        };
        Ok(Some(BlobReader::new(self, info, Some(key))))
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

    /// What is known of a file.
    pub async fn blob(&self, sha256: &str) -> Result<Option<BlobInfo>, Error> {
        let row: Option<(i64, String, i64, String)> = sqlx::query_as(
            "SELECT upload, media_type, size, stored_at FROM blobs WHERE sha256 = $1",
        )
        .bind(sha256)
        .fetch_optional(&self.readers)
        .await
        .map_err(failed("look for a file"))?;
        let Some((upload, media_type, size, stored_at)) = row else {
            return Ok(None);
        };
        Ok(Some(BlobInfo {
            sha256: sha256.to_owned(),
            media_type,
            size: unsigned(size, "the size of a file")?,
            stored_at,
            upload,
        }))
    }

    /// Takes away, with their keys, materials that no case names and that were stored before, RFC 3339
    /// at the offset that they were stored with; at most so many. Answers how many there were.
    pub async fn sweep_materials(&self, before: &str, limit: u32) -> Result<u64, Error> {
        let data = (
            self.backend,
            before.to_owned(),
            i64::from(limit.min(ROWS_MAX)),
        );
        let swept = self.write("sweep materials", data, |data, connection| {
            let (backend, before, limit) = data;
            Box::pin(sweep(*backend, connection, before, *limit))
        });
        let swept = swept.await?;
        for sha256 in &swept {
            self.keyring.forget(&keyring::of_material(sha256));
        }
        Ok(swept.len() as u64)
    }

    /// Takes away what is left of uploads that began before, RFC 3339 at the offset that they were
    /// begun with, and were never finished.
    pub async fn sweep_uploads(&self, before: &str) -> Result<(), Error> {
        let stale: Vec<i64> = sqlx::query_scalar("SELECT n FROM uploads WHERE started_at < $1")
            .bind(before)
            .fetch_all(&self.readers)
            .await
            .map_err(failed("list the uploads that were given up"))?;
        for upload in stale {
            self.drop_upload(upload).await?;
        }
        Ok(())
    }

    async fn drop_upload(&self, upload: i64) -> Result<(), Error> {
        let operation = "take away an upload";
        self.write(operation, upload, |upload, connection| {
            Box::pin(async move {
                if end_upload(connection, *upload).await? {
                    drop_chunks(connection, *upload).await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn put_chunk(&self, upload: i64, n: i64, bytes: Vec<u8>) -> Result<(), Error> {
        let operation = "keep a chunk of a file";
        let chunk = (self.backend.for_key_share(), upload, n, bytes);
        self.write(operation, chunk, |(lock, upload, n, bytes), connection| {
            Box::pin(async move {
                // A chunk of an upload that was given up and swept would lie there for ever.
                let sql = joined(format!("SELECT n FROM uploads WHERE n = $1{lock}"));
                let under_way: Option<i64> = sqlx::query_scalar(sql)
                    .bind(*upload)
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(failed("keep a chunk of a file"))?;
                if under_way.is_none() {
                    return Err(Error::UploadGone);
                }
                sqlx::query("INSERT INTO blob_chunks (upload, n, bytes) VALUES ($1, $2, $3)")
                    .bind(*upload)
                    .bind(*n)
                    .bind(bytes.as_slice())
                    .execute(connection)
                    .await
                    .map_err(failed("keep a chunk of a file"))?;
                Ok(())
            })
        })
        .await
    }

    async fn get_chunk(&self, upload: i64, n: i64) -> Result<Option<Vec<u8>>, Error> {
        sqlx::query_scalar("SELECT bytes FROM blob_chunks WHERE upload = $1 AND n = $2")
            .bind(upload)
            .bind(n)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed("read a chunk of a file"))
    }
}

impl BlobWriter {
    /// Takes in what comes next of the file.
    ///
    /// # Errors
    /// Where the file is longer than it may be; nothing of it stays.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.size > self.bytes_max {
            self.store.drop_upload(self.upload).await?;
            return Err(Error::BlobTooLarge {
                bytes_max: self.bytes_max,
            });
        }
        self.hash.update(bytes);
        while !bytes.is_empty() {
            let room = CHUNK_BYTES - self.rest.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.rest.extend_from_slice(now);
            bytes = later;
            if self.rest.len() == CHUNK_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Keeps the file under its hash and answers that. The same bytes are kept once.
    ///
    /// # Errors
    /// Where it is not the file `expected`; nothing of it stays.
    pub async fn finish(
        mut self,
        expected: Option<&str>,
        media_type: &str,
        stored_at: &str,
    ) -> Result<String, Error> {
        self.flush().await?;
        let sha256 = hex::encode(self.hash.finalize_reset());
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            let expected = expected.to_owned();
            self.abort().await?;
            return Err(Error::BlobDiffers { expected, sha256 });
        }
        let info = BlobInfo {
            sha256: sha256.clone(),
            media_type: media_type.to_owned(),
            size: self.size,
            stored_at: stored_at.to_owned(),
            upload: self.upload,
        };
        let keyring = self.store.keyring.clone();
        let key = self.key.take().map(|key| (keyring, key));
        let new = (info, key);
        let is_new = self
            .store
            .write("keep a file", new, |(info, key), connection| {
                Box::pin(keep(info, key.as_ref(), connection))
            })
            .await?;
        if !is_new && let Err(error) = self.abort().await {
            tracing::warn!(%error, "what was uploaded once more is swept later");
        }
        Ok(sha256)
    }

    /// Leaves nothing of it behind.
    pub async fn abort(self) -> Result<(), Error> {
        self.store.drop_upload(self.upload).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.rest);
        if let Some(key) = &self.key {
            chunk = key.close(&place::chunk(self.upload, self.chunks), &chunk)?;
        }
        self.store
            .put_chunk(self.upload, self.chunks, chunk)
            .await?;
        self.chunks += 1;
        Ok(())
    }
}

impl BlobReader {
    fn new(store: &Store, info: BlobInfo, key: Option<DataKey>) -> Self {
        Self {
            store: store.clone(),
            info,
            key,
            next: 0,
            read: 0,
            hash: Sha256::new(),
        }
    }

    /// What is known of it.
    pub fn info(&self) -> &BlobInfo {
        &self.info
    }

    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// At the end, where what was read is not what its hash says: nothing of it can be trusted.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (upload, n) = (self.info.upload, self.next);
        if let Some(mut chunk) = self.store.get_chunk(upload, n).await? {
            if let Some(key) = &self.key {
                chunk = key.open(&place::chunk(upload, n), &chunk)?;
            }
            self.next += 1;
            self.read += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.hash.update(&chunk);
            return Ok(Some(chunk));
        }
        let sha256 = hex::encode(self.hash.clone().finalize());
        if self.read != self.info.size || sha256 != self.info.sha256 {
            return Err(Error::Damaged {
                what: format!("the file {} (its SHA-256 is another)", self.info.sha256),
            });
        }
        Ok(None)
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`BlobReader::next`].
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

type MaterialColumns = (i64, String, i64, String, Option<String>, Option<Vec<u8>>);

/// Whether these bytes were not kept before, as a material where there is a key.
async fn keep(
    info: &BlobInfo,
    key: Option<&(Keyring, DataKey)>,
    connection: &mut Connection,
) -> Result<bool, Error> {
    let table = if key.is_some() { "materials" } else { "blobs" };
    // Whoever stores it again takes it from those that nobody has asked for in a long time.
    let sql = joined(format!(
        "INSERT INTO {table} (sha256, upload, media_type, size, stored_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (sha256) DO UPDATE SET stored_at = CASE
             WHEN {table}.stored_at < excluded.stored_at THEN excluded.stored_at
             ELSE {table}.stored_at END
         RETURNING upload"
    ));
    let kept: i64 = sqlx::query_scalar(sql)
        .bind(&info.sha256)
        .bind(info.upload)
        .bind(&info.media_type)
        .bind(signed(info.size))
        .bind(&info.stored_at)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("keep a file"))?;
    if kept != info.upload {
        return Ok(false);
    }
    if let Some((keyring, key)) = key {
        let scope = keyring::of_material(&info.sha256);
        keyring.add(&mut *connection, &scope, key).await?;
    }
    // Where it was swept as given up, its chunks are gone.
    match end_upload(connection, info.upload).await? {
        true => Ok(true),
        false => Err(Error::UploadGone),
    }
}

/// Takes away what a file consists of.
pub(crate) async fn drop_chunks(connection: &mut Connection, upload: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM blob_chunks WHERE upload = $1")
        .bind(upload)
        .execute(connection)
        .await
        .map_err(failed("take away a file"))?;
    Ok(())
}

/// Whether it was still under way.
async fn end_upload(connection: &mut Connection, upload: i64) -> Result<bool, Error> {
    let ended = sqlx::query("DELETE FROM uploads WHERE n = $1")
        .bind(upload)
        .execute(connection)
        .await
        .map_err(failed("end an upload"))?;
    Ok(ended.rows_affected() > 0)
}

async fn sweep(
    backend: Backend,
    connection: &mut Connection,
    before: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let operation = "sweep materials";
    // First they are held, so that no case begins to name one; then it is asked again.
    let skip = backend.skip_locked();
    let sql = joined(format!(
        "SELECT sha256, upload FROM materials AS m
         WHERE stored_at < $1 AND NOT EXISTS (SELECT 1 FROM material_uses WHERE sha256 = m.sha256)
         ORDER BY sha256 LIMIT $2{skip}"
    ));
    let unused: Vec<(String, i64)> = sqlx::query_as(sql)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed(operation))?;
    let mut swept = Vec::new();
    for (sha256, upload) in unused {
        let gone = sqlx::query(
            "DELETE FROM materials WHERE sha256 = $1 AND stored_at < $2
             AND NOT EXISTS (SELECT 1 FROM material_uses WHERE sha256 = $1)",
        )
        .bind(&sha256)
        .bind(before)
        .execute(&mut *connection)
        .await
        .map_err(failed(operation))?;
        if gone.rows_affected() == 1 {
            destroy(connection, &keyring::of_material(&sha256)).await?;
            drop_chunks(connection, upload).await?;
            swept.push(sha256);
        }
    }
    Ok(swept)
}
