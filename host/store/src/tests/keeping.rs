//! What is kept stays as it was.

use super::*;

async fn files_are_kept_exactly_or_found_out(database: Database) {
    let store = database.open().await;
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

    for change in ["UPDATE events SET n = 2", "DELETE FROM events"] {
        let refused = sqlx::query(change).execute(store.writer.pool()).await;
        assert!(refused.is_err(), "{change}");
    }
    database.unlock_events().await;
    for tamper in [
        "UPDATE materials SET bytes = $1",
        "UPDATE documents SET bytes = $1",
        "UPDATE events SET body = $1",
    ] {
        let tampered = sqlx::query(tamper).bind(&b"{"[..]);
        tampered.execute(store.writer.pool()).await.unwrap();
    }
    let damaged = store.get_material(&sha256).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }));
    let damaged = store.get_document(CASE, "form", None).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }));
    let damaged = store.load(CASE).await.unwrap_err();
    assert!(damaged.to_string().contains(CASE), "{damaged}");
}

async fn reopening_keeps_everything(database: Database) {
    let store = database.open().await;
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

    let store = database.open().await;
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
}

on_both!(
    files_are_kept_exactly_or_found_out,
    reopening_keeps_everything,
);
