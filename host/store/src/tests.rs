//! A store against what it promises. Events here are of any kind: the store does not look at them.

use crate::*;
use chrono::{DateTime, Utc};
use onething_case::{Event, Recorded};
use onething_contract::{Effect, Intent, Office, Refusal, Settlement, Text};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// Each of these on a SQLite file and on PostgreSQL.
macro_rules! on_both {
    ($($test:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::tests::Database::file()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::tests::Database::postgres()).await;
            })*
        }
    };
}

mod appeals;
mod backup;
mod closing;
mod database;
mod deployments;
mod keeping;
mod keys;
mod ledger;
mod nodes;
mod outreach;
mod schema;
mod sweeping;
mod verify;

use database::{Database, masters};
use onething_test_postgres::Postgres;

const AT: &str = "2025-01-06T09:00:00+08:00";
const CASE: &str = "331102-2025-000001";

fn office() -> Office {
    Office {
        function: "personnel".into(),
        region: "331102".into(),
    }
}

/// Events `from..=to` of a case, and the read model after them.
fn commit(case_id: &str, from: u64, to: u64) -> Commit {
    let event = |n| Recorded {
        n,
        at: AT.into(),
        event: Event::Resumed {
            by: format!("𠮷 {n}"),
        },
    };
    Commit {
        case: CaseRow {
            id: case_id.into(),
            region: "331102".into(),
            matter: "retirement".into(),
            digest: "ab".into(),
            subject: "330106196501011234".into(),
            submitted_by: "platform".into(),
            status: "acceptance".into(),
            round: 0,
            version: to,
            next_reaction: None,
            parked: false,
            registered_at: AT.into(),
            ended_at: None,
        },
        tasks: Vec::new(),
        events: (from..=to).map(event).collect(),
        journal: Vec::new(),
        materials: Vec::new(),
        effects: Vec::new(),
        settled: Vec::new(),
        timers: Vec::new(),
        react_due: None,
        ledger: Vec::new(),
        groups: Vec::new(),
        keys: Keys::Keep,
    }
}

fn with_keys(mut commit: Commit, keys: &[&str]) -> Commit {
    commit.keys = Keys::Hold(keys.iter().map(ToString::to_string).collect());
    commit
}

fn task(case_id: &str, step: &str) -> TaskRow {
    TaskRow {
        case_id: case_id.into(),
        step: step.into(),
        office: office(),
        role: "reviewer".into(),
        status: "open".into(),
        version: 1,
        round: 0,
        opened_at: AT.into(),
        notice: None,
    }
}

fn effect(ticket: &str, after: &[&str]) -> NewEffect {
    NewEffect {
        event: 1,
        intent: Intent {
            ticket: ticket.into(),
            after: after.iter().map(ToString::to_string).collect(),
            effect: Effect::Delivery {
                form: "pension-benefit".into(),
                to: office(),
            },
        },
    }
}

fn outcome(ticket: &str, well: bool) -> Settled {
    let refusal = Refusal {
        code: "no".into(),
        message: Text {
            zh: "否".into(),
            en: "no".into(),
        },
        basis: None,
    };
    Settled {
        settlement: Settlement {
            ticket: ticket.into(),
            outcome: if well { Ok("{}".into()) } else { Err(refusal) },
        },
        claim: None,
        by_hand: None,
    }
}

fn idempotency(caller: &str, key: &str, request: &str) -> Idempotency {
    Idempotency {
        caller: caller.into(),
        key: key.into(),
        request_sha256: request.into(),
    }
}

fn tickets(effects: &[EffectRow]) -> Vec<&str> {
    effects
        .iter()
        .map(|effect| effect.intent.ticket.as_str())
        .collect()
}

fn at_second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_736_125_200 + second, 0).unwrap()
}

async fn one_of_two_writers_succeeds(database: Database) {
    let store = database.open().await;
    let stores = [store.clone(), database.open().await];
    store
        .register(&commit(CASE, 1, 2), None, None)
        .await
        .unwrap();
    for round in 0..20 {
        let seen = 2 + round;
        let writers = (0..4).map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move { store.append(&commit(CASE, seen + 1, seen + 1)).await })
        });
        let mut won = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(()) => won += 1,
                Err(CommitError::Conflict {
                    current_version, ..
                }) => assert_eq!(current_version, seen + 1),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
    }
    let events = store.load(CASE).await.unwrap();
    assert!(events.iter().map(|event| event.n).eq(1..=22));
    assert_eq!(events[21], commit(CASE, 22, 22).events[0]);
}

async fn a_commit_is_all_or_nothing(database: Database) {
    let store = database.open().await;
    let mut first = commit(CASE, 1, 1);
    first.tasks = vec![task(CASE, "a"), task(CASE, "b")];
    store.register(&first, None, None).await.unwrap();

    let mut bad = commit(CASE, 2, 3);
    bad.tasks = vec![task(CASE, "c")];
    bad.effects = vec![effect("t-1", &["nobody's ticket"])];
    assert!(matches!(
        store.append(&bad).await,
        Err(CommitError::Store(Error::Database { .. }))
    ));
    bad.effects.clear();
    bad.settled = vec![outcome("t-1", true)];
    assert!(matches!(
        store.append(&bad).await,
        Err(CommitError::Store(Error::UnknownEffect { .. }))
    ));
    assert_eq!(store.load(CASE).await.unwrap(), first.events);
    let tasks = store.tasks(&office(), None, 10).await.unwrap();
    assert_eq!(tasks, first.tasks);

    let conflict = |result| match result {
        Err(CommitError::Conflict {
            current_version, ..
        }) => current_version,
        other => panic!("{other:?}"),
    };
    assert_eq!(conflict(store.append(&commit(CASE, 3, 3)).await), 1);
    assert_eq!(conflict(store.append(&commit("nobody", 1, 1)).await), 0);
    assert_eq!(conflict(store.append(&commit("nobody", 2, 2)).await), 0);
    let again = store.register(&commit(CASE, 1, 1), None, None).await;
    assert_eq!(conflict(again.map(drop)), 1);

    for (from, to, version) in [(2, 3, 2), (2, 3, 4)] {
        let mut gap = commit(CASE, from, to);
        gap.case.version = version;
        let refused = store.append(&gap).await;
        assert!(matches!(
            refused,
            Err(CommitError::Store(Error::Numbering { .. }))
        ));
    }
    let mut gap = commit(CASE, 2, 4);
    gap.events.remove(1);
    assert!(matches!(
        store.append(&gap).await,
        Err(CommitError::Store(Error::Numbering {
            n: 4,
            expected: 3,
            ..
        }))
    ));
}

async fn the_same_request_makes_one_case(database: Database) {
    let store = database.open().await;
    let request = idempotency("platform", "key", "hash");
    assert_eq!(store.find_idempotent(&request).await.unwrap(), None);
    let first = store
        .register(&commit("a", 1, 1), Some(&request), None)
        .await;
    assert_eq!(first.unwrap(), Registered::New);
    let again = store
        .register(&commit("b", 1, 1), Some(&request), None)
        .await;
    let case_id = "a".to_owned();
    assert_eq!(again.unwrap(), Registered::Earlier { case_id });
    let found = store.find_idempotent(&request).await.unwrap();
    assert_eq!(found.as_deref(), Some("a"));
    assert!(store.load("b").await.unwrap().is_empty());

    let changed = idempotency("platform", "key", "other hash");
    let refused = store
        .register(&commit("b", 1, 1), Some(&changed), None)
        .await;
    assert!(matches!(
        refused,
        Err(CommitError::IdempotencyMismatch { .. })
    ));
    let refused = store.find_idempotent(&changed).await;
    assert!(matches!(
        refused,
        Err(CommitError::IdempotencyMismatch { .. })
    ));
    let other_caller = idempotency("someone else", "key", "other hash");
    let registered = store
        .register(&commit("b", 1, 1), Some(&other_caller), None)
        .await;
    assert_eq!(registered.unwrap(), Registered::New);
}

async fn a_unique_key_has_one_open_or_completed_case(database: Database) {
    let store = database.open().await;
    let registered = |commit| {
        let store = store.clone();
        async move { store.register(&commit, None, None).await }
    };
    let taken_by = |result: Result<Registered, CommitError>| match result {
        Err(CommitError::KeyTaken { key, case_id }) => (key, case_id),
        other => panic!("{other:?}"),
    };
    let k1_by_a = ("k1".to_owned(), "a".to_owned());
    // Naming a key twice is naming it once.
    registered(with_keys(commit("a", 1, 1), &["k1", "k2", "k1"]))
        .await
        .unwrap();
    let clash = registered(with_keys(commit("b", 1, 1), &["k3", "k1"])).await;
    assert_eq!(taken_by(clash), k1_by_a);
    registered(with_keys(commit("c", 1, 1), &["k3"]))
        .await
        .expect("b left nothing behind");

    // Open or completed it holds its keys; a new round holds what that round names.
    store.append(&commit("a", 2, 2)).await.unwrap();
    let clash = registered(with_keys(commit("b", 1, 1), &["k1"])).await;
    assert_eq!(taken_by(clash), k1_by_a);
    let clash = store.append(&with_keys(commit("c", 2, 2), &["k1"])).await;
    assert_eq!(taken_by(clash.map(|()| Registered::New)), k1_by_a);
    store
        .append(&with_keys(commit("a", 3, 3), &["k1"]))
        .await
        .unwrap();
    store
        .append(&with_keys(commit("c", 2, 2), &["k2"]))
        .await
        .unwrap();

    // Ended in another way it holds none.
    let mut ended = commit("a", 4, 4);
    ended.keys = Keys::Release;
    store.append(&ended).await.unwrap();
    registered(with_keys(commit("b", 1, 1), &["k1", "k3"]))
        .await
        .unwrap();
}

async fn two_workers_are_never_handed_the_same_effect(database: Database) {
    let store = database.open().await;
    let stores = [store.clone(), database.open().await];
    let mut first = commit(CASE, 1, 1);
    first.effects = (0..100)
        .map(|n| effect(&format!("t-{n:03}"), &[]))
        .collect();
    store.register(&first, None, None).await.unwrap();
    let lease = Duration::from_secs(30);
    let workers = (0..8).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let effects = store.claim_effects(at_second(0), lease, 7).await.unwrap();
                if effects.is_empty() {
                    return claimed;
                }
                claimed.extend(effects.into_iter().map(|effect| effect.intent.ticket));
            }
        })
    });
    let mut claimed = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        claimed.extend(worker.await.unwrap());
    }
    assert_eq!(claimed.len(), 100);
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 100);
}

async fn an_effect_waits_for_those_before_it(database: Database) {
    let store = database.open().await;
    let lease = Duration::from_secs(30);
    let claim = |second| store.claim_effects(at_second(second), lease, 10);
    let mut first = commit(CASE, 1, 1);
    first.effects = vec![
        effect("a", &[]),
        effect("b", &["a"]),
        effect("c", &["a", "b"]),
        effect("d", &["a"]),
    ];
    store.register(&first, None, None).await.unwrap();
    let claimed = claim(0).await.unwrap();
    assert_eq!(tickets(&claimed), ["a"]);
    assert_eq!(
        (claimed[0].attempts, claimed[0].status),
        (1, EffectStatus::Pending)
    );
    assert_eq!(claimed[0].intent, first.effects[0].intent);
    assert!(claim(29).await.unwrap().is_empty(), "leased");
    let again = claim(30).await.unwrap();
    assert_eq!(
        (tickets(&again), again[0].attempts),
        (vec!["a"], 2),
        "the worker was lost"
    );
    let rests = store.fail_effect("a", again[0].claim, at_second(100), "no network");
    assert!(rests.await.unwrap());
    assert!(claim(99).await.unwrap().is_empty(), "postponed");
    assert_eq!(tickets(&claim(100).await.unwrap()), ["a"]);

    let mut done = commit(CASE, 2, 2);
    done.settled = vec![outcome("a", true)];
    store.append(&done).await.unwrap();
    assert_eq!(tickets(&claim(101).await.unwrap()), ["b", "d"]);
    let mut refused = commit(CASE, 3, 3);
    refused.settled = vec![outcome("b", false)];
    store.append(&refused).await.unwrap();
    assert_eq!(
        tickets(&claim(500).await.unwrap()),
        ["d"],
        "c's prerequisite was refused"
    );
    let mut twice = commit(CASE, 4, 4);
    twice.settled = vec![outcome("b", true)];
    assert!(matches!(
        store.append(&twice).await,
        Err(CommitError::Store(Error::UnknownEffect { .. }))
    ));
    use EffectStatus::{Done, Pending, Refused};
    let effects = store.effects(CASE).await.unwrap();
    let status: Vec<_> = effects.iter().map(|effect| effect.status).collect();
    assert_eq!(status, [Done, Refused, Pending, Pending]);
}

async fn lists_are_filtered_and_paged(database: Database) {
    let store = database.open().await;
    for n in 1..=5_u64 {
        let id = store.next_case_number("331102", 2025).await.unwrap();
        assert_eq!(id, format!("331102-2025-{n:06}"));
        let mut commit = commit(&id, 1, n);
        commit.case.parked = n == 2;
        commit.case.next_reaction = (n < 4).then_some(n);
        commit.case.status = if n == 5 { "completed" } else { "acceptance" }.into();
        commit.tasks = vec![task(&id, "a"), task(&id, "b")];
        store.register(&commit, None, None).await.unwrap();
    }
    let followed = ["331102-2025-000002".to_owned(), "nobody".to_owned()];
    let versions = store.versions(&followed).await.unwrap();
    assert_eq!(versions.len(), 1, "{versions:?}");
    assert_eq!(versions[0].0, followed[0]);
    assert_eq!(
        store.next_case_number("331102", 2026).await.unwrap(),
        "331102-2026-000001"
    );

    let filter = CaseFilter::default;
    let some = |word: &str| Some(word.to_owned());
    for (filter, limit, expected) in [
        (filter(), 500, vec![1, 2, 3, 4, 5]),
        (filter(), 2, vec![1, 2]),
        (
            CaseFilter {
                after: some("331102-2025-000002"),
                ..filter()
            },
            2,
            vec![3, 4],
        ),
        (
            CaseFilter {
                id: some("331102-2025-000003"),
                ..filter()
            },
            2,
            vec![3],
        ),
        (
            CaseFilter {
                status: some("completed"),
                ..filter()
            },
            9,
            vec![5],
        ),
        (
            CaseFilter {
                submitted_by: some("nobody"),
                ..filter()
            },
            9,
            vec![],
        ),
        (
            CaseFilter {
                parked: Some(true),
                ..filter()
            },
            9,
            vec![2],
        ),
        (
            CaseFilter {
                parked: Some(false),
                ..filter()
            },
            9,
            vec![1, 3, 4, 5],
        ),
        (
            CaseFilter {
                region: some("3311"),
                ..filter()
            },
            9,
            vec![],
        ),
        (
            CaseFilter {
                matter: some("retirement"),
                subject: some("330106196501011234"),
                ..filter()
            },
            1,
            vec![1],
        ),
    ] {
        let cases = store.cases(&filter, limit).await.unwrap();
        let versions: Vec<_> = cases.iter().map(|case| case.version).collect();
        assert_eq!(versions, expected, "{filter:?}");
    }
    let unreacted = store.claim_reactions(at_second(0), Duration::ZERO, 10);
    assert_eq!(
        unreacted.await.unwrap(),
        ["331102-2025-000001", "331102-2025-000003"]
    );

    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = store.tasks(&office(), after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(TaskKey {
            case_id: last.case_id.clone(),
            step: last.step.clone(),
        });
        pages.push(page.len());
    }
    assert_eq!(pages, [3, 3, 3, 1]);
    let elsewhere = Office {
        region: "331100".into(),
        ..office()
    };
    assert!(store.tasks(&elsewhere, None, 10).await.unwrap().is_empty());
}

on_both!(
    one_of_two_writers_succeeds,
    a_commit_is_all_or_nothing,
    the_same_request_makes_one_case,
    a_unique_key_has_one_open_or_completed_case,
    two_workers_are_never_handed_the_same_effect,
    an_effect_waits_for_those_before_it,
    lists_are_filtered_and_paged,
);
