//! What is kept stays as it was, and only in a file of ours.

use super::*;
use sqlx::{ConnectOptions, Connection as _};

#[tokio::test]
async fn files_are_kept_exactly_or_found_out() {
    let store = Store::in_memory().await.unwrap();
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    let sha256 = store.put_material(b"scan", "image/png", AT).await.unwrap();
    assert_eq!(
        store
            .put_material(b"scan", "text/plain", "later")
            .await
            .unwrap(),
        sha256
    );
    let material = store.get_material(&sha256).await.unwrap().unwrap();
    assert_eq!(
        (material.media_type.as_str(), material.bytes.as_slice()),
        ("image/png", &b"scan"[..])
    );
    assert!(store.has_material(&sha256).await.unwrap());
    assert!(!store.has_material("ff").await.unwrap());
    assert_eq!(store.get_material("ff").await.unwrap(), None);

    let put = |event, bytes: &'static [u8], seals| {
        let store = store.clone();
        async move {
            store
                .put_document(CASE, "form", event, bytes, &[seals])
                .await
        }
    };
    put(1, b"page", json!("unit")).await.unwrap();
    put(1, b"page", json!("unit")).await.unwrap();
    let document = put(1, b"page", json!("office")).await.unwrap();
    assert_eq!(document.seals, [json!("unit"), json!("office")]);
    let differs = put(1, b"other", json!("unit")).await.unwrap_err();
    assert!(matches!(differs, Error::DocumentDiffers { .. }));
    put(3, b"other", json!("unit")).await.unwrap();
    let latest = store
        .get_document(CASE, "form", None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (latest.info.event, latest.bytes.as_slice()),
        (3, &b"other"[..])
    );
    let first = store
        .get_document(CASE, "form", Some(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&first.info, first.bytes.as_slice()),
        (&document, &b"page"[..])
    );
    assert_eq!(
        store.documents(CASE).await.unwrap(),
        [first.info, latest.info]
    );
    assert_eq!(
        store.get_document(CASE, "form", Some(2)).await.unwrap(),
        None
    );

    for tamper in [
        "UPDATE materials SET bytes = x'00'",
        "UPDATE documents SET bytes = x'00'",
    ] {
        sqlx::query(tamper).execute(&store.writer).await.unwrap();
    }
    let damaged = store.get_material(&sha256).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }));
    let damaged = store.get_document(CASE, "form", None).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }));
    sqlx::query("UPDATE events SET body = '{'")
        .execute(&store.writer)
        .await
        .unwrap();
    let malformed = store.load(CASE).await.unwrap_err();
    assert!(malformed.to_string().contains(CASE), "{malformed}");
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let (folder, store) = on_disk().await;
    let mut first = commit(CASE, 1, 2);
    first.tasks = vec![task(CASE, "a")];
    first.effects = vec![effect("t-1", &[])];
    let entry = |event, body: &[u8]| JournalEntry {
        event,
        function: "assess".into(),
        body: body.into(),
        usage: json!({ "fuel": 7 }),
    };
    first.journal = vec![entry(1, b"{}"), entry(1, b"\xff\x00")];
    store.next_case_number("331102", 2025).await.unwrap();
    store.register(&first, None, None).await.unwrap();
    let mut second = commit(CASE, 3, 3);
    second.case.ended_at = Some(AT.into());
    second.journal = vec![entry(3, b"third")];
    store.append(&second).await.unwrap();
    store
        .put_document(CASE, "form", 1, b"page", &[])
        .await
        .unwrap();
    store.close().await;

    let store = reopen(&folder).await;
    let events = [first.events, second.events].concat();
    assert_eq!(store.load(CASE).await.unwrap(), events);
    let journal = [first.journal, second.journal].concat();
    assert_eq!(store.journal(CASE).await.unwrap(), journal);
    assert_eq!(
        store.cases(&CaseFilter::default(), 9).await.unwrap(),
        [second.case]
    );
    assert!(store.tasks(&office(), None, 9).await.unwrap().is_empty());
    assert_eq!(tickets(&store.effects(CASE).await.unwrap()), ["t-1"]);
    assert_eq!(store.documents(CASE).await.unwrap().len(), 1);
    assert_eq!(
        store.next_case_number("331102", 2025).await.unwrap(),
        "331102-2025-000002"
    );
    let pragma = |name| sqlx::query_scalar::<_, String>(name).fetch_one(&store.writer);
    assert_eq!(
        pragma("SELECT journal_mode FROM pragma_journal_mode")
            .await
            .unwrap(),
        "wal"
    );
    let synchronous = "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous";
    assert_eq!(pragma(synchronous).await.unwrap(), "2", "full");
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let sql = |path: std::path::PathBuf, statement: &'static str| async move {
        let options = sqlx::sqlite::SqliteConnectOptions::new();
        let options = options.filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    };
    std::fs::write(path("text"), "not a database, only a text\n").unwrap();
    sql(
        path("named"),
        "PRAGMA application_id = 7; CREATE TABLE t (x)",
    )
    .await;
    sql(path("nameless"), "CREATE TABLE cases (id)").await;
    Store::open(&path("newer")).await.unwrap().close().await;
    sql(path("newer"), "PRAGMA user_version = 99").await;

    type Check = fn(&Error) -> bool;
    let cases: [(&str, Check); 4] = [
        ("text", |error| matches!(error, Error::NotADatabase { .. })),
        ("named", |error| {
            matches!(
                error,
                Error::Foreign {
                    application_id: 7,
                    ..
                }
            )
        }),
        ("nameless", |error| {
            matches!(
                error,
                Error::Foreign {
                    application_id: 0,
                    ..
                }
            )
        }),
        ("newer", |error| {
            matches!(error, Error::Newer { found: 99, .. })
        }),
    ];
    for (name, expected) in cases {
        let before = std::fs::read(path(name)).unwrap();
        let error = Store::open(&path(name)).await.unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(
            std::fs::read(path(name)).unwrap(),
            before,
            "{name} is unchanged"
        );
    }
    let nowhere = Store::open(&path("no/such/folder")).await.unwrap_err();
    assert!(matches!(
        nowhere,
        Error::Database {
            operation: "open the database",
            ..
        }
    ));
    std::fs::write(path("empty"), "").unwrap();
    Store::open(&path("empty"))
        .await
        .expect("an empty file is a new database");
}
