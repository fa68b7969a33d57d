//! Several writers and several nodes: batches, claims, fences and faults.

use super::*;
use std::sync::{Arc, Mutex};

const LEASE: Duration = Duration::from_secs(30);

/// Fails once at a place, and notes every place that was reached.
#[derive(Default)]
struct Fault {
    at: Mutex<Option<&'static str>>,
    reached: Mutex<Vec<&'static str>>,
}

impl Boundary for Fault {
    fn reach(&self, name: &'static str) -> Result<(), Error> {
        self.reached.lock().unwrap().push(name);
        let mut at = self.at.lock().unwrap();
        if *at != Some(name) {
            return Ok(());
        }
        *at = None;
        Err(Error::NotCommitted {
            operation: "test",
            cause: name.to_owned(),
        })
    }
}

async fn a_fault_before_the_commit_leaves_nothing_and_after_it_everything(database: Database) {
    let fault = Arc::new(Fault::default());
    let store = database.open().await.with_boundary(fault.clone());
    for (n, place) in ["store.begin", "store.written", "store.committed"]
        .into_iter()
        .enumerate()
    {
        let id = format!("case-{n}");
        *fault.at.lock().unwrap() = Some(place);
        let failed = store
            .register(&commit(&id, 1, 1), None, None)
            .await
            .unwrap_err();
        assert!(failed.to_string().contains(place), "{failed}");
        let kept = store.load(&id).await.unwrap().len();
        assert_eq!(kept, usize::from(place == "store.committed"), "{place}");
    }
    fault.reached.lock().unwrap().clear();
    store
        .register(&commit("last", 1, 1), None, None)
        .await
        .unwrap();
    let reached = fault.reached.lock().unwrap().clone();
    assert_eq!(reached, ["store.begin", "store.written", "store.committed"]);
}

/// Many at once, some of which are refused: each has its own answer, whatever else is in its batch.
async fn one_of_a_batch_fails_alone(database: Database) {
    let store = database.open().await;
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    let writers = (0..64).map(|n| {
        let store = store.clone();
        let id = if n % 4 == 0 {
            CASE.to_owned()
        } else {
            format!("case-{n}")
        };
        tokio::spawn(async move { (n, store.register(&commit(&id, 1, 1), None, None).await) })
    });
    for writer in writers.collect::<Vec<_>>() {
        let (n, result) = writer.await.unwrap();
        match result {
            Ok(Registered::New) => assert_ne!(n % 4, 0),
            Err(CommitError::Conflict { .. }) => assert_eq!(n % 4, 0),
            other => panic!("{other:?}"),
        }
    }
    let cases = store.cases(&CaseFilter::default(), 500).await.unwrap();
    assert_eq!(cases.len(), 1 + 48);
}

async fn a_caller_that_goes_away_does_not_stop_its_job(database: Database) {
    let store = database.open().await;
    let first = commit(CASE, 1, 1);
    let register = store.register(&first, None, None);
    let mut register = Box::pin(register);
    // Once is enough to queue it.
    std::future::poll_fn(|context| {
        assert!(register.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(register);
    // The queue is in turn on SQLite; on PostgreSQL the other is waited for.
    while store.load(CASE).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn the_same_request_at_once_makes_one_case(database: Database) {
    let stores = [database.open().await, database.open().await];
    for round in 0..10 {
        let writers = (0..4).map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let request = idempotency("platform", &format!("key-{round}"), "hash");
                let id = format!("case-{round}-{n}");
                let result = store
                    .register(&commit(&id, 1, 1), Some(&request), None)
                    .await;
                (id, result.unwrap())
            })
        });
        let (mut made, mut earlier) = (Vec::new(), Vec::new());
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                (id, Registered::New) => made.push(id),
                (_, Registered::Earlier { case_id }) => earlier.push(case_id),
            }
        }
        assert_eq!(made.len(), 1);
        assert_eq!(earlier, vec![made[0].clone(); 3]);
    }
}

async fn a_key_at_once_has_one_case(database: Database) {
    let stores = [database.open().await, database.open().await];
    for round in 0..10 {
        let keys = [format!("a-{round}"), format!("b-{round}")];
        let writers = (0..4).map(|n| {
            let store = stores[n % 2].clone();
            let mut keys = keys.clone();
            keys.rotate_left(n % 2);
            tokio::spawn(async move {
                let mut commit = commit(&format!("case-{round}-{n}"), 1, 1);
                commit.keys = Keys::Hold(keys.to_vec());
                store.register(&commit, None, None).await
            })
        });
        let mut made = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(_) => made += 1,
                Err(CommitError::KeyTaken { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(made, 1);
    }
}

async fn a_paused_nodes_late_commit_is_refused(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    let mut first = commit(CASE, 1, 1);
    first.effects = vec![effect("t-1", &[]), effect("t-2", &[])];
    store.register(&first, None, None).await.unwrap();
    let paused = store.claim_effects(at_second(0), LEASE, 10).await.unwrap();
    let again = other.claim_effects(at_second(30), LEASE, 10).await.unwrap();
    assert_eq!((paused[0].claim, again[0].claim), (1, 2));

    let done = |claim, n| {
        let mut done = commit(CASE, n, n);
        done.settled = vec![Settled {
            claim: Some(claim),
            ..outcome("t-1", true)
        }];
        done
    };
    let fenced = |result| matches!(result, Err(CommitError::Fenced { ticket }) if ticket == "t-1");
    assert!(fenced(store.append(&done(1, 2)).await));
    assert_eq!(store.load(CASE).await.unwrap().len(), 1, "nothing is kept");
    other.append(&done(2, 2)).await.unwrap();
    assert!(fenced(store.append(&done(1, 3)).await));

    let late = store.fail_effect("t-2", 1, at_second(60), "late").await;
    assert!(!late.unwrap());
    assert!(!store.bury_effect("t-2", 1, "late").await.unwrap());
    let handed_back = other.fail_effect("t-2", 2, at_second(0), "stopped").await;
    assert!(handed_back.unwrap());
    let claimed = store.claim_effects(at_second(31), LEASE, 10).await.unwrap();
    assert_eq!(tickets(&claimed), ["t-2"]);
    assert_eq!((claimed[0].claim, claimed[0].attempts), (3, 3));
}

async fn a_dead_effect_waits_for_a_person(database: Database) {
    let store = database.open().await;
    let mut first = commit(CASE, 1, 1);
    first.effects = vec![effect("t-1", &[]), effect("t-2", &["t-1"])];
    store.register(&first, None, None).await.unwrap();
    let claim = |second| store.claim_effects(at_second(second), LEASE, 10);
    let claimed = claim(0).await.unwrap();
    assert!(store.bury_effect("t-1", 1, "no network").await.unwrap());
    assert!(!store.bury_effect("t-1", 1, "no network").await.unwrap());
    assert_eq!(claim(900).await.unwrap(), []);
    let dead = store.dead_effects(None, 10).await.unwrap();
    assert_eq!(tickets(&dead), tickets(&claimed));
    assert_eq!(dead[0].last_error.as_deref(), Some("no network"));
    assert_eq!(store.dead_effects(Some("t-1"), 10).await.unwrap(), []);

    let hand = Hand {
        by: "运维".into(),
        at: AT.into(),
    };
    let revive = async |resting_after| store.revive_effect("t-1", &hand, resting_after).await;
    let at = DateTime::parse_from_rfc3339(AT).unwrap().to_utc();
    assert!(revive(at).await.unwrap());
    assert!(!revive(at).await.unwrap(), "it is due");
    let revived = store.effect("t-1").await.unwrap().unwrap();
    assert_eq!(revived.by_hand, Some(hand));
    assert_eq!(tickets(&claim(0).await.unwrap()), ["t-1"]);
    assert!(store.bury_effect("t-1", 2, "again").await.unwrap());
    // Settled by hand, it lets go what comes after it.
    let mut settled = commit(CASE, 2, 2);
    settled.settled = vec![outcome("t-1", true)];
    store.append(&settled).await.unwrap();
    assert_eq!(tickets(&claim(0).await.unwrap()), ["t-2"]);
}

fn rung(name: &str, rung: &str, due: Option<i64>) -> TimerRow {
    TimerRow {
        name: name.into(),
        rung: rung.into(),
        due: due.map(|second| at_second(second).timestamp_millis()),
    }
}

async fn timers_wake_in_their_order_and_each_once(database: Database) {
    let (store, other) = (database.open().await, database.open().await);
    let mut first = commit(CASE, 1, 1);
    first.timers = vec![
        rung("legal", "overdue", Some(20)),
        rung("legal", "reminder", Some(10)),
        rung("notice", "over", None),
    ];
    store.register(&first, None, None).await.unwrap();
    let names = |timers: Vec<CaseTimer>| -> Vec<String> {
        timers.into_iter().map(|due| due.timer.rung).collect()
    };
    let claim = async |store: &Store, second| {
        let claimed = store.claim_timers(at_second(second), LEASE, 10).await;
        names(claimed.unwrap())
    };
    assert_eq!(claim(&store, 9).await, [""; 0]);
    assert_eq!(claim(&store, 25).await, ["reminder", "overdue"]);
    assert_eq!(claim(&other, 25).await, [""; 0], "leased");

    // What stays as it was keeps its lease, what changes does not.
    let mut second = commit(CASE, 2, 2);
    second.timers = vec![
        rung("legal", "overdue", Some(20)),
        rung("legal", "reminder", Some(11)),
        rung("notice", "over", None),
    ];
    store.append(&second).await.unwrap();
    assert_eq!(claim(&other, 25).await, ["reminder"]);
    assert_eq!(claim(&other, 55).await, ["reminder", "overdue"]);

    let awaiting = store.timers_awaiting(None, 10).await.unwrap();
    let key = TimerKey {
        case_id: CASE.into(),
        name: "notice".into(),
        rung: "over".into(),
    };
    assert_eq!(names(awaiting), ["over"]);
    let behind = store.timers_awaiting(Some(&key), 10).await.unwrap();
    assert_eq!(behind, []);
    let due = at_second(30).timestamp_millis();
    store.set_timer_due(&key, due).await.unwrap();
    store.set_timer_due(&key, due + 1).await.unwrap();
    let timers = store.timers(CASE).await.unwrap();
    assert_eq!(timers[2], rung("notice", "over", Some(30)));
    let mut last = commit(CASE, 3, 3);
    last.timers = vec![timers[2].clone()];
    store.append(&last).await.unwrap();
    assert_eq!(claim(&store, 999).await, ["over"]);
}

async fn claims_of_two_nodes_are_disjoint(database: Database) {
    let stores = [database.open().await, database.open().await];
    for n in 0..40 {
        let mut first = commit(&format!("case-{n:02}"), 1, 1);
        first.case.next_reaction = Some(1);
        first.timers = vec![rung("legal", "overdue", Some(0))];
        stores[0].register(&first, None, None).await.unwrap();
    }
    let nodes = (0..4).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let (mut cases, mut timers) = (Vec::new(), Vec::new());
            loop {
                let reactions = store.claim_reactions(at_second(0), LEASE, 3).await.unwrap();
                let due = store.claim_timers(at_second(0), LEASE, 3).await.unwrap();
                if reactions.is_empty() && due.is_empty() {
                    return (cases, timers);
                }
                cases.extend(reactions);
                timers.extend(due.into_iter().map(|due| due.case_id));
            }
        })
    });
    let (mut cases, mut timers) = (Vec::new(), Vec::new());
    for node in nodes.collect::<Vec<_>>() {
        let (some, others) = node.await.unwrap();
        cases.extend(some);
        timers.extend(others);
    }
    for mut claimed in [cases, timers] {
        claimed.sort();
        let all: Vec<_> = (0..40).map(|n| format!("case-{n:02}")).collect();
        assert_eq!(claimed, all);
    }
}

async fn a_reaction_is_its_writers_until_it_is_late(database: Database) {
    let store = database.open().await;
    let mut first = commit(CASE, 1, 1);
    first.case.next_reaction = Some(1);
    first.react_due = Some(at_second(30));
    store.register(&first, None, None).await.unwrap();
    let claim = async |second| {
        let claimed = store.claim_reactions(at_second(second), LEASE, 10).await;
        claimed.unwrap().len()
    };
    assert_eq!(claim(29).await, 0);
    assert_eq!(claim(30).await, 1);
    assert_eq!(claim(59).await, 0, "leased");
    assert_eq!(claim(60).await, 1);
}

on_both!(
    a_fault_before_the_commit_leaves_nothing_and_after_it_everything,
    one_of_a_batch_fails_alone,
    a_caller_that_goes_away_does_not_stop_its_job,
    the_same_request_at_once_makes_one_case,
    a_key_at_once_has_one_case,
    a_paused_nodes_late_commit_is_refused,
    a_dead_effect_waits_for_a_person,
    timers_wake_in_their_order_and_each_once,
    claims_of_two_nodes_are_disjoint,
    a_reaction_is_its_writers_until_it_is_late,
);

/// On one thread the writer runs only once all of them are queued.
#[tokio::test]
async fn what_waits_is_one_transaction_of_sqlite() {
    let fault = Arc::new(Fault::default());
    let database = Database::file();
    let store = database.open().await.with_boundary(fault.clone());
    let ids = ["a", "b", "a", "c"];
    let commits = ids.map(|id| commit(id, 1, 1));
    let (a, b, again, c) = tokio::join!(
        store.register(&commits[0], None, None),
        store.register(&commits[1], None, None),
        store.register(&commits[2], None, None),
        store.register(&commits[3], None, None),
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(matches!(again, Err(CommitError::Conflict { .. })));
    let reached = fault.reached.lock().unwrap().join(" ");
    let reached = reached.replace("store.", "");
    let each = "begin written begin written begin begin written";
    assert_eq!(reached, format!("{each} committed committed committed"));
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let database = Database::file();
    let store = database.open().await;
    let mut waiting = Vec::new();
    for _ in 0..1100 {
        let mut number = Box::pin(store.next_case_number("331102", 2025));
        let answer = std::future::poll_fn(|context| {
            std::task::Poll::Ready(match number.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => Some(answer),
                std::task::Poll::Pending => None,
            })
        });
        match answer.await {
            None => waiting.push(number),
            Some(refused) => assert!(matches!(refused, Err(Error::Overloaded { .. }))),
        }
    }
    assert_eq!(waiting.len(), 1024);
    for number in waiting {
        number.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_is_found_again() {
    let mut server = Postgres::start_own().unwrap();
    let store = Store::connect(&server.database().unwrap(), masters())
        .await
        .unwrap();
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    server.kill().unwrap();
    assert!(store.append(&commit(CASE, 2, 2)).await.is_err());
    server.start_again().unwrap();
    store.append(&commit(CASE, 2, 2)).await.unwrap();
    server.stop().unwrap();
    assert!(store.load(CASE).await.is_err());
    server.start_again().unwrap();
    assert_eq!(store.load(CASE).await.unwrap().len(), 2);
}
