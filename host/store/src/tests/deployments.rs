//! Files are what their hash says or are not there at all; what was put in force is a log.

use super::*;
use sha2::{Digest, Sha256};

const LATER: &str = "2025-01-07T09:00:00+08:00";

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

fn name(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

async fn keep(store: &Store, bytes: &[u8]) -> String {
    let mut writer = store.write_blob(1 << 20, AT).await.unwrap();
    for piece in bytes.chunks(100_000) {
        writer.write(piece).await.unwrap();
    }
    let sha256 = name(bytes);
    let kept = writer.finish(Some(&sha256), "application/wasm", AT);
    kept.await.unwrap()
}

/// Rows of chunks and of uploads under way.
async fn rows(store: &Store) -> (i64, i64) {
    let count = async |sql: &'static str| {
        let count = sqlx::query_scalar(sql).fetch_one(&store.readers).await;
        count.unwrap()
    };
    (
        count("SELECT count(*) FROM blob_chunks").await,
        count("SELECT count(*) FROM uploads").await,
    )
}

async fn a_file_is_kept_once_and_comes_back_as_it_was(database: Database) {
    let store = database.open().await;
    let chunk = CHUNK_BYTES;
    for length in [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk + 7] {
        let bytes = bytes(length);
        let sha256 = keep(&store, &bytes).await;
        assert_eq!(keep(&store, &bytes).await, sha256);
        let reader = store.read_blob(&sha256).await.unwrap().unwrap();
        assert_eq!(reader.info().size, length as u64);
        assert_eq!(reader.bytes().await.unwrap(), bytes);
    }
    assert_eq!(rows(&store).await, (1 + 1 + 1 + 2 + 3, 0));
    assert!(store.read_blob("ab").await.unwrap().is_none());
}

async fn of_a_file_that_is_refused_nothing_stays(database: Database) {
    let store = database.open().await;
    let bytes = bytes(CHUNK_BYTES + 1);
    let mut writer = store.write_blob(1 << 20, AT).await.unwrap();
    writer.write(&bytes).await.unwrap();
    let error = writer.finish(Some("ab"), "x", AT).await.unwrap_err();
    assert!(matches!(error, Error::BlobDiffers { .. }), "{error}");

    let mut writer = store.write_blob(10, AT).await.unwrap();
    writer.write(&bytes[..10]).await.unwrap();
    let error = writer.write(&bytes[..1]).await.unwrap_err();
    assert!(
        matches!(error, Error::BlobTooLarge { bytes_max: 10 }),
        "{error}"
    );
    assert_eq!(rows(&store).await, (0, 0));

    // Whoever sent it has gone away; who is still at it is left alone.
    let mut left = store.write_blob(1 << 20, AT).await.unwrap();
    left.write(&bytes).await.unwrap();
    let mut going_on = store.write_blob(1 << 20, LATER).await.unwrap();
    going_on.write(&bytes).await.unwrap();
    store.sweep_uploads(LATER).await.unwrap();
    assert_eq!(rows(&store).await, (1, 1));
    // What it brings late does not lie about for ever.
    let error = left.write(&vec![0; CHUNK_BYTES]).await.unwrap_err();
    assert!(matches!(error, Error::UploadGone), "{error}");
    assert_eq!(rows(&store).await, (1, 1));
    let error = left.finish(None, "x", AT).await.unwrap_err();
    assert!(matches!(error, Error::UploadGone), "{error}");
    let sha256 = going_on.finish(None, "x", AT).await.unwrap();
    assert_eq!(sha256, name(&bytes));
}

async fn a_file_that_has_changed_is_told(database: Database) {
    let store = database.open().await;
    let sha256 = keep(&store, &bytes(CHUNK_BYTES + 1)).await;
    sqlx::query("DELETE FROM blob_chunks WHERE n = 1")
        .execute(&store.readers)
        .await
        .unwrap();
    let reader = store.read_blob(&sha256).await.unwrap().unwrap();
    let error = reader.bytes().await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

async fn bundle(store: &Store, matter: &str, version: &str) -> BundleRow {
    let bytes = format!("{matter} {version}").into_bytes();
    BundleRow {
        digest: keep(store, &bytes).await,
        matter: matter.into(),
        version: version.into(),
        since: "2025-01-01".into(),
        until: None,
        deployed_at: AT.into(),
        deployed_by: "li".into(),
    }
}

fn activation(from_day: &str) -> NewActivation {
    NewActivation {
        from_day: from_day.into(),
        at: AT.into(),
        by: "li".into(),
    }
}

async fn what_is_in_force_is_a_log_that_is_only_added_to(database: Database) {
    let store = database.open().await;
    assert_eq!(store.generation().await.unwrap(), 0);
    let unknown = store.roll_back("m", AT, "li").await.unwrap();
    assert_eq!(unknown, Rollback::Unknown);
    let [a, b] = [
        bundle(&store, "m", "1").await,
        bundle(&store, "m", "2").await,
    ];
    let other = bundle(&store, "other", "1").await;
    let day = activation("2025-01-01");

    assert!(store.activate_unknown(&a, &day).await.unwrap());
    assert!(!store.activate_unknown(&a, &day).await.unwrap());
    assert!(!store.activate(&a, &day).await.unwrap(), "it is in force");
    assert!(store.activate(&other, &day).await.unwrap());
    let alone = store.roll_back("m", AT, "li").await.unwrap();
    assert_eq!(alone, Rollback::NothingEarlier);
    let before = store.generation().await.unwrap();

    assert!(store.activate(&b, &day).await.unwrap());
    assert!(store.activate(&b, &activation("2026-01-01")).await.unwrap());
    let versions = async || -> Vec<(String, String)> {
        let standing = store.standing(None).await.unwrap().into_iter();
        let of_m = standing.filter(|row| row.bundle.matter == "m");
        of_m.map(|row| (row.bundle.version, row.from_day)).collect()
    };
    let expected = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(version, day): &(&str, &str)| ((*version).into(), (*day).into());
        rows.iter().map(owned).collect()
    };
    let (first, second) = (("1", "2025-01-01"), ("2", "2025-01-01"));
    let third = ("2", "2026-01-01");
    assert_eq!(versions().await, expected(&[first, second, third]));
    for left in [&[first, second][..], &[first]] {
        let rolled_back = store.roll_back("m", LATER, "wu").await.unwrap();
        let Rollback::Cancelled(row) = rolled_back else {
            panic!("{rolled_back:?}");
        };
        assert_eq!(row.cancelled, Some((LATER.into(), "wu".into())));
        assert_eq!(versions().await, expected(left));
    }
    assert!(
        !store.activate_unknown(&b, &day).await.unwrap(),
        "it stays away"
    );
    assert!(store.activate(&b, &day).await.unwrap(), "but for a person");
    assert!(store.generation().await.unwrap() > before);
    let whole = store.activations(Some("m")).await.unwrap();
    let cancelled = whole.iter().filter(|row| row.cancelled.is_some());
    assert_eq!((whole.len(), cancelled.count()), (4, 2));
    for sql in ["UPDATE activations SET by = 'x'", "DELETE FROM activations"] {
        sqlx::query(sql).execute(&store.readers).await.unwrap_err();
    }
}

async fn two_hosts_take_in_the_same_folder(database: Database) {
    let stores = [database.open().await, database.open().await];
    let row = bundle(&stores[0], "m", "1").await;
    let day = activation("2025-01-01");
    let (one, other) = tokio::join!(
        stores[0].activate_unknown(&row, &day),
        stores[1].activate_unknown(&row, &day)
    );
    assert_eq!(usize::from(one.unwrap()) + usize::from(other.unwrap()), 1);
    assert_eq!(stores[0].standing(None).await.unwrap().len(), 1);
}

on_both! {
    a_file_is_kept_once_and_comes_back_as_it_was,
    of_a_file_that_is_refused_nothing_stays,
    a_file_that_has_changed_is_told,
    what_is_in_force_is_a_log_that_is_only_added_to,
    two_hosts_take_in_the_same_folder,
}
