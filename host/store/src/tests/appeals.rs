//! A registration that adds to another case, and the keys that pass between the two.

use super::*;

#[tokio::test]
async fn an_appeal_is_written_with_its_original_and_takes_its_keys() {
    let store = Store::in_memory().await.unwrap();
    let ended = |status: &str, mut commit: Commit, keys: Keys| {
        commit.case.status = status.to_owned();
        commit.keys = keys;
        commit
    };
    let first = with_keys(commit("original", 1, 1), &["k1"]);
    store.register(&first, None, None).await.unwrap();
    let completed = ended("completed", commit("original", 2, 2), Keys::Keep);
    store.append(&completed).await.unwrap();

    // The original has moved on meanwhile: neither is written.
    let appeal = with_keys(commit("appeal", 1, 1), &["k1", "k2"]);
    let stale = commit("original", 2, 2);
    let result = store.register(&appeal, None, Some(&stale)).await;
    assert!(
        matches!(&result, Err(CommitError::Conflict { case_id, .. }) if case_id == "original"),
        "{result:?}"
    );
    assert!(store.load("appeal").await.unwrap().is_empty());

    let appealed = ended("completed", commit("original", 3, 3), Keys::Keep);
    store
        .register(&appeal, None, Some(&appealed))
        .await
        .unwrap();
    assert_eq!(store.load("original").await.unwrap().len(), 3);

    let other = with_keys(commit("other", 1, 1), &["k1"]);
    let holder = |result: Result<_, CommitError>| match result {
        Err(CommitError::KeyTaken { case_id, .. }) => case_id,
        other => panic!("{other:?}"),
    };
    let held = store.register(&other, None, None).await;
    assert_eq!(holder(held), "appeal");

    // It changes nothing: the original is completed and holds its keys again.
    let to = "original".to_owned();
    let rejected = ended("rejected", commit("appeal", 2, 2), Keys::GiveBack { to });
    store.append(&rejected).await.unwrap();
    let held = store.register(&other, None, None).await;
    assert_eq!(holder(held), "original");
}
