//! Whatever is changed behind the store's back is found, and what is wrong is named.

use super::*;
use crate::vault::{Hash, Link};
use sqlx::AssertSqlSafe;

const EVENTS: u64 = 5;

/// What is done to the case `{case}`, and what is found.
fn tamperings() -> Vec<(&'static str, Option<u64>, Wrong)> {
    let row = |column: &str| Wrong::Row(column.to_owned());
    vec![
        (
            "UPDATE events SET body = hash WHERE case_id = '{case}' AND n = 3",
            Some(3),
            Wrong::Changed,
        ),
        (
            "UPDATE events SET at = '2025-01-06T09:00:01+08:00' WHERE case_id = '{case}' AND n = 1",
            Some(1),
            Wrong::Changed,
        ),
        (
            "UPDATE events SET n = 99 WHERE case_id = '{case}' AND n = 2;
             UPDATE events SET n = 2 WHERE case_id = '{case}' AND n = 3;
             UPDATE events SET n = 3 WHERE case_id = '{case}' AND n = 99",
            Some(2),
            Wrong::Changed,
        ),
        (
            "DELETE FROM events WHERE case_id = '{case}' AND n = 3",
            Some(3),
            Wrong::Missing { found: 4 },
        ),
        (
            "DELETE FROM events WHERE case_id = '{case}' AND n = 5",
            None,
            Wrong::Length {
                expected: 5,
                found: 4,
            },
        ),
        (
            "DELETE FROM events WHERE case_id = '{case}' AND n = 5;
             UPDATE cases SET version = 4 WHERE id = '{case}'",
            None,
            Wrong::Seal,
        ),
        (
            "DELETE FROM events WHERE case_id = '{case}' AND n = 5;
             UPDATE cases SET version = 4, head =
                 (SELECT hash FROM events WHERE case_id = '{case}' AND n = 4) WHERE id = '{case}'",
            None,
            Wrong::Seal,
        ),
        (
            "UPDATE cases SET status = 'completed' WHERE id = '{case}'",
            None,
            row("status"),
        ),
        (
            "UPDATE cases SET subject = head WHERE id = '{case}'",
            None,
            row("subject"),
        ),
        (
            "UPDATE cases SET subject_closed = head WHERE id = '{case}'",
            None,
            row("subject_closed"),
        ),
        (
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE scope = 'host')
             WHERE scope = 'case/{case}'",
            None,
            Wrong::NoKey,
        ),
        (
            "DELETE FROM data_keys WHERE scope = 'case/{case}'",
            None,
            Wrong::NoKey,
        ),
    ]
}

async fn verify(store: &Store, case_id: &str) -> Result<Verified, Broken> {
    let row = commit(case_id, 1, EVENTS).case;
    match store.verify(case_id, |_| Ok(row)).await {
        Ok(verified) => Ok(verified),
        Err(NotVerified::Broken(broken)) => Err(broken),
        Err(other) => panic!("{other:?}"),
    }
}

async fn tampering_is_found(database: Database) {
    let store = database.open().await;
    let tamperings = tamperings();
    for n in 0..tamperings.len() {
        let id = format!("case-{n:02}");
        store
            .register(&commit(&id, 1, 2), None, None)
            .await
            .unwrap();
        store.append(&commit(&id, 3, EVENTS)).await.unwrap();
        let whole = Verified {
            events: EVENTS,
            erased: false,
        };
        assert_eq!(verify(&store, &id).await, Ok(whole));
    }
    database.unlock_events().await;
    for (n, (tampering, event, wrong)) in tamperings.into_iter().enumerate() {
        let case_id = format!("case-{n:02}");
        let sql = tampering.replace("{case}", &case_id);
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(store.writer.pool());
        done.await.unwrap();
        let broken = Broken {
            case_id,
            event,
            wrong,
        };
        assert_eq!(
            verify(&store, &broken.case_id).await,
            Err(broken),
            "{tampering}"
        );
    }
    let unknown = store.verify("nobody", |_| Err(String::new())).await;
    assert!(matches!(unknown, Err(NotVerified::Unknown { .. })));
}

/// Who has the database and not the keys can make a chain, but not its seal.
async fn a_chain_made_anew_has_no_seal(database: Database) {
    let store = database.open().await;
    store
        .register(&commit(CASE, 1, EVENTS), None, None)
        .await
        .unwrap();
    database.unlock_events().await;
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM events ORDER BY n")
        .fetch_all(&store.readers)
        .await
        .unwrap();
    let link = Link {
        case_id: CASE,
        n: EVENTS,
        at: AT,
        format: crate::body::FORMAT,
        closed: b"forged",
    };
    let previous = Hash::try_from(hashes[3].as_slice()).unwrap();
    let hash = link.behind(&previous).to_vec();
    for sql in [
        "UPDATE events SET body = $1, hash = $2 WHERE n = 5",
        "UPDATE cases SET status = CASE WHEN $1 = $2 THEN '' ELSE status END, head = $2",
    ] {
        let forged = sqlx::query(sql).bind(&b"forged"[..]).bind(hash.as_slice());
        forged.execute(store.writer.pool()).await.unwrap();
    }
    let broken = verify(&store, CASE).await.unwrap_err();
    assert_eq!((broken.event, broken.wrong), (None, Wrong::Seal));
}

async fn a_history_that_does_not_follow_is_told(database: Database) {
    let store = database.open().await;
    store
        .register(&commit(CASE, 1, 1), None, None)
        .await
        .unwrap();
    let told = store
        .verify(CASE, |_| Err("two beginnings".to_owned()))
        .await;
    let told = told.unwrap_err().to_string();
    assert!(
        told.contains(CASE) && told.contains("two beginnings"),
        "{told}"
    );
}

on_both!(
    tampering_is_found,
    a_chain_made_anew_has_no_seal,
    a_history_that_does_not_follow_is_told,
);
