//! What nobody uses goes, and whoever begins to use it at that moment has it or is told.

use super::*;

const LATER: &str = "2026-01-06T09:00:00+08:00";

async fn put(store: &Store, text: &str, at: &str) -> String {
    let kept = store.put_material(text.as_bytes(), "text/plain", at).await;
    kept.unwrap()
}

fn naming(case_id: &str, sha256: &str) -> Commit {
    let mut commit = commit(case_id, 1, 1);
    commit.materials = vec![sha256.to_owned()];
    commit
}

async fn what_no_case_names_is_swept_with_its_key(database: Database) {
    let store = database.open().await;
    let (used, unused) = (
        put(&store, "used", AT).await,
        put(&store, "unused", AT).await,
    );
    let (fresh, again) = (
        put(&store, "fresh", LATER).await,
        put(&store, "again", AT).await,
    );
    put(&store, "again", LATER).await;
    store
        .register(&naming(CASE, &used), None, None)
        .await
        .unwrap();
    assert_eq!(store.sweep_materials(LATER, 9).await.unwrap(), 1);
    for (sha256, is_there) in [
        (&used, true),
        (&unused, false),
        (&fresh, true),
        (&again, true),
    ] {
        let found = store.read_material(sha256).await.unwrap();
        assert_eq!(found.is_some(), is_there);
    }
    let keys: i64 =
        sqlx::query_scalar("SELECT count(*) FROM data_keys WHERE scope LIKE 'material/%'")
            .fetch_one(&store.readers)
            .await
            .unwrap();
    assert_eq!(keys, 3);

    let refused = store.register(&naming("late", &unused), None, None).await;
    let is_told =
        matches!(&refused, Err(CommitError::MaterialNotStored { sha256 }) if *sha256 == unused);
    assert!(is_told, "{refused:?}");
    assert!(store.load("late").await.unwrap().is_empty());
    assert_eq!(put(&store, "unused", LATER).await, unused);
    store
        .register(&naming("late", &unused), None, None)
        .await
        .unwrap();
    assert!(store.read_material(&unused).await.unwrap().is_some());
}

async fn a_case_has_its_material_or_is_not_there(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    for round in 0..30 {
        let sha256 = put(&store, &format!("scan {round}"), AT).await;
        let id = format!("case-{round:02}");
        let case = naming(&id, &sha256);
        let (registered, swept) = tokio::join!(
            store.register(&case, None, None),
            other.sweep_materials(LATER, 9)
        );
        swept.unwrap();
        let is_there = other.read_material(&sha256).await.unwrap().is_some();
        match registered {
            Ok(_) => assert!(is_there),
            Err(CommitError::MaterialNotStored { .. }) => {
                assert!(!is_there);
                assert!(store.load(&id).await.unwrap().is_empty());
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

async fn an_offer_can_be_read_or_is_erased(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    let subject = "331102196501150019";
    let why = Why {
        by: "档案员".into(),
        reason: "本人申请".into(),
        at: LATER.into(),
    };
    for round in 0..30 {
        let run = store
            .outreach_run(&format!("run-{round}"), AT)
            .await
            .unwrap();
        let offer =
            |code: &str| crate::tests::outreach::offer(subject, &format!("{code}-{round}"), None);
        let (first, second) = ([offer("first")], [offer("second")]);
        let kept = store.keep_offers(&run, "policy-redemption", "331102", &first, AT);
        kept.await.unwrap();
        let (kept, erased) = tokio::join!(
            store.keep_offers(&run, "policy-redemption", "331102", &second, AT),
            other.erase_subject(subject, &why, None)
        );
        kept.unwrap();
        erased.unwrap();
        let lost: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM offers WHERE body IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM data_keys WHERE scope LIKE 'subject/%')",
        )
        .fetch_one(&store.readers)
        .await
        .unwrap();
        assert_eq!(lost, 0, "round {round}");
        store.offers(OfferFilter::default(), 99).await.unwrap();
    }
}

async fn what_stands_behind_a_refusal_does_not_run(database: Database) {
    let store = database.open().await;
    let mut first = commit(CASE, 1, 1);
    first.effects = vec![
        effect("t-1", &[]),
        effect("t-2", &["t-1"]),
        effect("t-3", &["t-2"]),
    ];
    store.register(&first, None, None).await.unwrap();
    let mut second = commit("second", 1, 1);
    second.effects = vec![effect("u-1", &[]), effect("u-2", &["u-1"])];
    store.register(&second, None, None).await.unwrap();
    let queues = async || {
        let queues = store.effect_queues().await.unwrap().into_iter();
        queues
            .map(|queue| (queue.status, queue.count))
            .collect::<Vec<_>>()
    };
    assert!(store.effects_run(CASE).await.unwrap());
    assert_eq!(queues().await, [("pending".to_owned(), 5)]);
    let mut refused = commit(CASE, 2, 2);
    refused.settled = vec![outcome("t-1", false)];
    refused.case.ended_at = Some(AT.into());
    store.append(&refused).await.unwrap();
    assert!(!store.effects_run(CASE).await.unwrap());
    assert!(store.effects_run("second").await.unwrap());
    assert_eq!(queues().await, [("pending".to_owned(), 2)]);
    let now = DateTime::parse_from_rfc3339(AT).unwrap().to_utc();
    let claimed = store
        .claim_effects(now, std::time::Duration::from_secs(30), 9)
        .await
        .unwrap();
    assert!(
        store
            .bury_effect("u-1", claimed[0].claim, "no")
            .await
            .unwrap()
    );
    assert!(!store.effects_run("second").await.unwrap());
    assert_eq!(queues().await, [("dead".to_owned(), 1)]);

    // What never runs keeps no case from being erased, and no list from being read.
    let why = Why {
        by: "档案员".into(),
        reason: "保管期满".into(),
        at: LATER.into(),
    };
    store.erase_case(CASE, &why, None).await.unwrap();
    let pending = store.pending_effects(None, 9).await.unwrap();
    let tickets: Vec<_> = pending.iter().map(|row| &row.intent.ticket).collect();
    assert_eq!(tickets, ["u-2"]);
}

on_both!(
    what_no_case_names_is_swept_with_its_key,
    a_case_has_its_material_or_is_not_there,
    an_offer_can_be_read_or_is_erased,
    what_stands_behind_a_refusal_does_not_run,
);
