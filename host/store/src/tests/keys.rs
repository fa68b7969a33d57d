//! Master keys come and go while cases go on; what is erased is gone, and its chain is not.

use super::*;

const LATER: &str = "2026-01-06T09:00:00+08:00";

fn derived(row: CaseRow) -> impl FnOnce(&[Recorded]) -> Result<CaseRow, String> {
    move |_| Ok(row)
}

/// Two nodes with the same file write while a third rotates.
async fn keys_are_rotated_while_cases_go_on(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.toml");
    let node = async || {
        let masters = Masters::open(&file).unwrap();
        Store::connect(&database.url(), &masters).await.unwrap()
    };
    let (operator, nodes) = (node().await, [node().await, node().await]);
    let first = operator.master_keys().await.unwrap();
    let writers = (0..8_usize).map(|n| {
        let store = nodes[n % 2].clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let id = format!("case-{n}-{number:02}");
                store
                    .register(&commit(&id, 1, 1), None, None)
                    .await
                    .unwrap();
                store.append(&commit(&id, 2, 3)).await.unwrap();
                assert_eq!(store.load(&id).await.unwrap().len(), 3);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..3 {
        operator.add_key().unwrap();
        let rotated = operator.rotate_keys().await.unwrap();
        assert!(rotated.data_keys > 0);
        // A node that writes under the old key is waited for.
        match operator.retire_keys().await {
            Ok(master) => assert_eq!(master, rotated.master),
            Err(Error::KeysInUse { data_keys }) => assert!(data_keys > 0),
            Err(error) => panic!("{error}"),
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    operator.add_key().unwrap();
    let last = operator.rotate_keys().await.unwrap();
    assert!(last.data_keys <= 161, "{last:?}");
    assert_eq!(operator.retire_keys().await.unwrap(), last.master);
    let keys = operator.master_keys().await.unwrap();
    let only = MasterKey {
        name: last.master,
        wraps: true,
        data_keys: 161,
    };
    assert_eq!(keys, [only]);
    assert_ne!(keys[0].name, first[0].name);

    let fresh = node().await;
    let mut after = String::new();
    let mut verified = 0;
    loop {
        let page = fresh.case_ids(&after).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.clone();
        for id in page {
            let row = commit(&id, 1, 3).case;
            fresh.verify(&id, derived(row)).await.unwrap();
            assert_eq!(nodes[0].load(&id).await.unwrap().len(), 3);
            verified += 1;
        }
    }
    assert_eq!(verified, 160);
}

async fn no_master_key_is_retired_that_opens_something(database: Database) {
    // Nobody else's.
    let masters = Masters::in_memory().unwrap();
    let store = Store::connect(&database.url(), &masters).await.unwrap();
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    // One that was added and wraps nothing yet stays.
    let new = store.add_key().unwrap();
    store.retire_keys().await.unwrap();
    assert_eq!(masters.names().unwrap().len(), 2);
    // A rotation that was stopped at once: the host's key is under the new one, and no other.
    store.wrap_host_anew(&new).await;
    let refused = store.retire_keys().await.unwrap_err();
    assert!(matches!(refused, Error::KeysInUse { data_keys: 1 }));
    store
        .register(&commit("other", 1, 1), None, None)
        .await
        .unwrap();
    assert_eq!(store.rotate_keys().await.unwrap().data_keys, 1);
    store.retire_keys().await.unwrap();
    let store = Store::connect(&database.url(), &masters).await.unwrap();
    assert_eq!(store.load(CASE).await.unwrap().len(), 1);
}

/// A node whose file lacks a key that was added elsewhere reads and writes until it wraps.
async fn an_added_key_wraps_nothing_before_it_is_on_every_node(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let files = ["here", "there"].map(|name| folder.path().join(name));
    Masters::open(&files[0]).unwrap();
    std::fs::copy(&files[0], &files[1]).unwrap();
    let node = async |file| Store::connect(&database.url(), &Masters::open(file).unwrap()).await;
    let (here, there) = (
        node(&files[0]).await.unwrap(),
        node(&files[1]).await.unwrap(),
    );
    let new = here.add_key().unwrap();
    for (store, id) in [(&here, "a"), (&there, "b")] {
        store.register(&commit(id, 1, 1), None, None).await.unwrap();
    }
    let restarted = node(&files[0]).await.unwrap();
    restarted
        .register(&commit("c", 1, 1), None, None)
        .await
        .unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(there.load(id).await.unwrap().len(), 1, "{id}");
    }
    let keys = here.master_keys().await.unwrap();
    let told: Vec<_> = keys.iter().map(|key| (key.wraps, key.data_keys)).collect();
    assert_eq!(told, [(true, 4), (false, 0)]);
    assert_eq!(keys[1].name, new);

    std::fs::copy(&files[0], &files[1]).unwrap();
    assert_eq!(here.rotate_keys().await.unwrap().master, new);
    there
        .register(&commit("d", 1, 1), None, None)
        .await
        .unwrap();
    for store in [&here, &there] {
        assert_eq!(store.load("a").await.unwrap().len(), 1);
        assert_eq!(store.load("d").await.unwrap().len(), 1);
    }
    let keys = there.master_keys().await.unwrap();
    assert_eq!((keys[1].wraps, keys[1].data_keys), (true, 5));
}

async fn anothers_keys_are_refused(database: Database) {
    database.open().await.close().await;
    let others = Masters::in_memory().unwrap();
    let refused = Store::connect(&database.url(), &others).await.unwrap_err();
    let unknown = matches!(refused, Error::Vault(VaultError::UnknownMaster { .. }));
    assert!(unknown, "{refused}");
}

fn why() -> Why {
    Why {
        by: "档案员".into(),
        reason: "保管期满".into(),
        at: LATER.into(),
    }
}

/// A case that is over, with a task, a document and these materials.
async fn ended(store: &Store, case_id: &str, materials: &[&String], key: &str) -> CaseRow {
    let mut commit = with_keys(commit(case_id, 1, 2), &[key]);
    commit.case.status = "completed".into();
    commit.case.ended_at = Some(AT.into());
    commit.tasks = vec![task(case_id, "repair")];
    commit.materials = materials.iter().map(ToString::to_string).collect();
    store.register(&commit, None, None).await.unwrap();
    let kept = store.put_document(case_id, "form", 1, b"page", &[]);
    kept.await.unwrap();
    commit.case
}

async fn what_is_erased_is_gone_and_its_chain_is_not(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    let put = async |text: &str| store.put_material(text.as_bytes(), "text/plain", AT).await;
    let (own, shared) = (put("own").await.unwrap(), put("shared").await.unwrap());
    ended(&store, CASE, &[&own, &shared], "once").await;
    let row = ended(&store, "second", &[&shared], "twice").await;
    assert_eq!(other.load(CASE).await.unwrap().len(), 2, "it has the key");
    let wrapped = "SELECT wrapped FROM data_keys WHERE scope = 'case/331102-2025-000001'";
    let wrapped: Vec<u8> = sqlx::query_scalar(wrapped)
        .fetch_one(&store.readers)
        .await
        .unwrap();

    let erased = store.erase_case(CASE, &why(), None).await.unwrap();
    let expected = Erased {
        scope: format!("case/{CASE}"),
        cases: vec![CASE.into()],
        materials: 1,
        offers: 0,
    };
    assert_eq!(erased, expected);
    for store in [&store, &other] {
        let gone = [
            store.load(CASE).await.map(drop).unwrap_err(),
            store
                .put_document(CASE, "form", 2, b"page", &[])
                .await
                .map(drop)
                .unwrap_err(),
        ];
        let all = gone
            .iter()
            .all(|error| matches!(error, Error::Erased { .. }));
        assert!(all, "{gone:?}");
        let append = store.append(&commit(CASE, 3, 3)).await;
        let refused = matches!(append, Err(CommitError::Store(Error::Erased { .. })));
        assert!(refused, "{append:?}");
        assert_eq!(store.documents(CASE).await.unwrap(), []);
        assert!(store.read_material(&own).await.unwrap().is_none());
        let chunks = sqlx::query_scalar("SELECT COUNT(*) FROM blob_chunks");
        let chunks: i64 = chunks.fetch_one(&store.readers).await.unwrap();
        assert_eq!(chunks, 1, "the shared one's");
        let shared = store.read_material(&shared).await.unwrap().unwrap();
        assert_eq!(shared.bytes().await.unwrap(), b"shared");
        let verified = store.verify(CASE, |_| Err("it is not asked".into())).await;
        let whole = Verified {
            events: 2,
            erased: true,
        };
        assert_eq!(verified.unwrap(), whole);
        store.verify("second", derived(row.clone())).await.unwrap();
    }
    let cases = store.cases(&CaseFilter::default(), 9).await.unwrap();
    assert_eq!(
        (cases[0].id.as_str(), cases[0].subject.as_str()),
        (CASE, "")
    );
    let of_subject = CaseFilter {
        subject: Some(row.subject),
        ..CaseFilter::default()
    };
    let found = store.cases(&of_subject, 9).await.unwrap();
    assert_eq!(found.len(), 1, "nobody finds it by its subject");
    let tasks = store.tasks(&office(), None, 9).await.unwrap();
    assert_eq!(tasks.len(), 1);
    let again = with_keys(commit("third", 1, 1), &["once"]);
    let again = store.register(&again, None, None).await;
    let taken = matches!(again, Err(CommitError::KeyTaken { .. }));
    assert!(taken, "what may be once stays once");
    // Without the host's key nobody says that something was erased, or why.
    for (forge, undo) in [
        (
            "UPDATE erasures SET reason = 'x'",
            "UPDATE erasures SET reason = '保管期满'",
        ),
        (
            "UPDATE cases SET erased_at = '2026-01-07T09:00:00+08:00' WHERE erased_at IS NOT NULL",
            "UPDATE cases SET erased_at = '2026-01-06T09:00:00+08:00' WHERE erased_at IS NOT NULL",
        ),
    ] {
        let run = async |sql| {
            sqlx::raw_sql(sql)
                .execute(store.writer.pool())
                .await
                .unwrap()
        };
        run(forge).await;
        let forged = store.verify(CASE, |_| Err("it is not asked".into())).await;
        assert!(
            matches!(forged, Err(NotVerified::Broken(broken)) if broken.wrong == Wrong::Erasure),
            "{forge}"
        );
        run(undo).await;
    }
    let second = "UPDATE cases SET erased_at = '2026-01-06T09:00:00+08:00' WHERE id = 'second'";
    sqlx::raw_sql(second)
        .execute(store.writer.pool())
        .await
        .unwrap();
    let forged = store
        .verify("second", |_| Err("it is not asked".into()))
        .await;
    assert!(matches!(forged, Err(NotVerified::Broken(_))), "{forged:?}");
    let twice = store.erase_case(CASE, &why(), None).await;
    assert!(matches!(twice, Err(NotErased::Nothing)));
    if let Database::File(folder) = &database {
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(wrapped.len()).any(|window| window == wrapped);
            assert!(!found, "the key is still in {}", path.display());
        }
    }
}

async fn a_subject_is_erased_as_a_whole_or_not(database: Database) {
    let store = database.open().await;
    let row = ended(&store, "first", &[], "a").await;
    let subject = row.subject.as_str();
    ended(&store, "second", &[], "b").await;
    let mut open = commit("third", 1, 1);
    open.effects = vec![effect("t-1", &[]), effect("t-2", &["t-1"])];
    store.register(&open, None, None).await.unwrap();
    let run = store.outreach_run("run", AT).await.unwrap();
    let offers = [crate::tests::outreach::offer(subject, "policy/x", None)];
    let kept = store.keep_offers(&run, "policy-redemption", "331102", &offers, AT);
    kept.await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("erasures.jsonl");
    let is_open = async || match store.erase_subject(subject, &why(), Some(&list)).await {
        Err(NotErased::Open { case_id }) => assert_eq!(case_id, "third"),
        other => panic!("{other:?}"),
    };
    is_open().await;
    assert_eq!(store.load("first").await.unwrap().len(), 2);
    let mut over = commit("third", 2, 2);
    over.case.ended_at = Some(AT.into());
    store.append(&over).await.unwrap();
    is_open().await;
    // What comes after a refusal is never done.
    let mut settled = commit("third", 3, 3);
    settled.case.ended_at = Some(AT.into());
    settled.settled = vec![outcome("t-1", false)];
    store.append(&settled).await.unwrap();
    assert!(!list.exists(), "what is not erased is not noted");
    // Where it cannot be noted it is not erased.
    let unwritten = store
        .erase_subject(subject, &why(), Some(folder.path()))
        .await;
    let unwritten = unwritten.unwrap_err();
    let is_told = matches!(&unwritten, NotErased::Store(Error::ErasureList { .. }));
    assert!(is_told, "{unwritten}");
    assert_eq!(store.load("first").await.unwrap().len(), 2);
    let erased = store
        .erase_subject(subject, &why(), Some(&list))
        .await
        .unwrap();
    let noted = std::fs::read_to_string(&list).unwrap();
    assert!(
        noted.contains(&erased.scope) && noted.contains(LATER),
        "{noted}"
    );
    let expected = Erased {
        scope: format!("subject/{}", hex::encode(store.keyring.subject(subject))),
        cases: ["first", "second", "third"].map(String::from).to_vec(),
        materials: 0,
        offers: 1,
    };
    assert_eq!(erased, expected);
    assert_eq!(store.offers(OfferFilter::default(), 9).await.unwrap(), []);
    let to_do = store.offers_to_do("policy-redemption", 0, 9).await;
    assert_eq!(to_do.unwrap(), []);
    let nobody = store.erase_scope(&erased.scope, &why(), None).await;
    assert!(matches!(nobody, Err(NotErased::Nothing)));
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM data_keys")
        .fetch_one(&store.readers)
        .await
        .unwrap();
    assert_eq!(keys, 1, "the host's");
}

on_both!(
    keys_are_rotated_while_cases_go_on,
    no_master_key_is_retired_that_opens_something,
    an_added_key_wraps_nothing_before_it_is_on_every_node,
    anothers_keys_are_refused,
    what_is_erased_is_gone_and_its_chain_is_not,
    a_subject_is_erased_as_a_whole_or_not,
);
