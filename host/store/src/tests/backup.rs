//! One file with everything, from either kind of store and for either kind.

use super::closing::{read_everything, write_everything};
use super::*;
use std::fs;
use std::path::Path;

/// A store in whose every table there is something.
async fn full(database: &Database) -> Store {
    let store = database.open().await;
    let id = store.next_case_number("331102", 2025).await.unwrap();
    assert_eq!(id, CASE);
    let budget = NewBudget {
        name: "relief".into(),
        title: "补贴".into(),
        holder: "财政局".into(),
        account: "33001".into(),
        bank: None,
    };
    assert!(store.open_budget(&budget, AT).await.unwrap());
    store.fund("relief", 100_000, "fb", AT).await.unwrap();
    write_everything(&store).await;
    let mut more = commit("more", 1, 3);
    more.effects = vec![effect("m-1", &[]), effect("m-2", &["m-1"])];
    more.timers = vec![TimerRow {
        name: "legal".into(),
        rung: "overdue".into(),
        due: None,
    }];
    more.groups = vec![("policy-code".into(), "x".into())];
    more.ledger = vec![Instruction::Hold {
        budget: "relief".into(),
        fen: 7,
    }];
    store.register(&more, None, None).await.unwrap();
    let mut offer = crate::tests::outreach::offer("a", "policy/x", Some(5));
    offer.offer.counted_by = vec![("policy-code".into(), "x".into())];
    let run = store.outreach_run("second", AT).await.unwrap();
    let offers = [offer];
    let kept = store.keep_offers(&run, "policy-redemption", "331102", &offers, AT);
    assert_eq!(kept.await.unwrap(), 1);
    let component = b"a component";
    let mut upload = store.write_blob(100, AT).await.unwrap();
    upload.write(component).await.unwrap();
    let digest = upload.finish(None, "application/wasm", AT).await.unwrap();
    let bundle = BundleRow {
        digest,
        matter: "retirement".into(),
        version: "1.0.0".into(),
        since: "2025-01-01".into(),
        until: None,
        deployed_at: AT.into(),
        deployed_by: "reformer".into(),
    };
    let new = NewActivation {
        from_day: "2025-01-01".into(),
        at: AT.into(),
        by: "reformer".into(),
    };
    assert!(store.activate(&bundle, &new).await.unwrap());
    // An upload that is still under way.
    store.write_blob(100, AT).await.unwrap();
    let lease = Duration::from_secs(60);
    let leased = store.take_lease("outreach/retirement", "node", at_second(0), lease);
    assert!(leased.await.unwrap());
    let mut over = commit("over", 1, 1);
    over.case.ended_at = Some(AT.into());
    store.register(&over, None, None).await.unwrap();
    let why = Why {
        by: "档案员".into(),
        reason: "保管期满".into(),
        at: AT.into(),
    };
    store.erase_case("over", &why, None).await.unwrap();
    store
}

/// What a backup says apart from what it was made of.
fn body(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1..lines.len() - 1].to_vec()
}

async fn restored(path: &Path, database: &Database) -> Result<Restored, BackupError> {
    Store::restore(&database.url(), masters(), path).await
}

/// From one kind to the other and back.
async fn it_goes_round_from(one: Database, other: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = full(&one).await;
    let backup = store.backup(&path("first"), AT).await.unwrap();
    let empty = backup.rows.iter().find(|(_, count)| **count == 0);
    assert_eq!(empty, None, "every table is tried");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let again = store.backup(&path("first"), AT).await;
    assert!(matches!(again, Err(BackupError::File { .. })), "{again:?}");

    // Somebody else is writing one of this name.
    fs::write(path("busy.part"), "theirs").unwrap();
    let busy = store.backup(&path("busy"), AT).await.unwrap_err();
    assert!(busy.to_string().contains("busy.part"), "{busy}");
    assert_eq!(fs::read_to_string(path("busy.part")).unwrap(), "theirs");

    let told = restored(&path("first"), &other).await.unwrap();
    assert_eq!((told.rows, told.made_at.as_str()), (backup.rows, AT));
    let moved = other.open().await;
    read_everything(&moved).await;
    moved.backup(&path("second"), AT).await.unwrap();
    assert_eq!(body(&path("first")), body(&path("second")));

    // It goes on where it was: numbers, chains, money.
    let next = moved.next_case_number("331102", 2025).await.unwrap();
    assert_eq!(next, "331102-2025-000002");
    moved.fund("relief", 1, "fb", AT).await.unwrap();
    let run = moved.outreach_run("third", AT).await.unwrap();
    let offers = [crate::tests::outreach::offer("b", "policy/x", None)];
    let kept = moved.keep_offers(&run, "policy-redemption", "331102", &offers, AT);
    assert_eq!(kept.await.unwrap(), 1);
    moved.append(&commit("more", 4, 4)).await.unwrap();
    let row = commit("more", 4, 4).case;
    moved.verify("more", |_| Ok(row)).await.unwrap();

    moved.backup(&path("third"), AT).await.unwrap();
    let back = match &one {
        Database::File(_) => Database::file(),
        Database::Postgres { .. } => Database::postgres(),
    };
    restored(&path("third"), &back).await.unwrap();
    let back = back.open().await;
    back.backup(&path("fourth"), AT).await.unwrap();
    assert_eq!(body(&path("third")), body(&path("fourth")));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_file_to_postgres_and_back() {
    it_goes_round_from(Database::file(), Database::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_postgres_to_a_file_and_back() {
    it_goes_round_from(Database::postgres(), Database::file()).await;
}

async fn it_is_of_one_moment(database: Database) {
    let store = database.open().await;
    let writer = store.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writer = tokio::spawn(async move {
        let mut n = 0;
        while !*stopped.borrow() {
            let id = format!("case-{n:04}");
            writer
                .register(&commit(&id, 1, 1), None, None)
                .await
                .unwrap();
            writer.append(&commit(&id, 2, 3)).await.unwrap();
            n += 1;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = |n: u32| folder.path().join(n.to_string());
    for n in 0..3 {
        while store
            .case_ids(&format!("case-{:04}", n * 20))
            .await
            .unwrap()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
        store.backup(&path(n), AT).await.unwrap();
    }
    stop.send(true).unwrap();
    writer.await.unwrap();
    for n in 0..3 {
        let database = Database::file();
        restored(&path(n), &database).await.unwrap();
        let store = database.open().await;
        let ids = store.case_ids("").await.unwrap();
        assert!(ids.len() > 20 * usize::try_from(n).unwrap());
        for id in ids {
            let row = |events: &[Recorded]| Ok(commit(&id, 1, events.len() as u64).case);
            store.verify(&id, row).await.unwrap();
        }
    }
}

async fn what_is_not_whole_or_not_ours_is_refused(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let source = Database::file();
    let store = full(&source).await;
    store.backup(&path("whole"), AT).await.unwrap();
    let whole = fs::read_to_string(path("whole")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let at = |n: usize| lines[..n].join("\n");
    let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    write("cut after a line", &(at(lines.len() - 1) + "\n"));
    write("cut within a line", &whole[..whole.len() / 2]);
    write("cut before the last byte", whole.trim_end());
    write("changed", &whole.replacen("acceptance", "acceptancf", 1));
    write(
        "header changed",
        &whole.replacen(AT, "2025-01-06T09:00:01+08:00", 1),
    );
    write("another's", &whole.replacen("onething", "anything", 1));
    write("text", "not a backup\n");
    write("empty", "");
    write("newer", &whole.replacen("\"schema\":1", "\"schema\":99", 1));
    for (name, expected) in [
        ("cut after a line", "is cut off"),
        ("cut within a line", "is cut off"),
        ("cut before the last byte", "is cut off"),
        ("changed", "was changed"),
        ("header changed", "was changed"),
        ("another's", "no backup of ours"),
        ("text", "no backup of ours"),
        ("empty", "no backup of ours"),
        ("newer", "was changed"),
        ("missing", "cannot read"),
    ] {
        let refused = restored(&path(name), &database)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
    }
    let forged = resealed(&whole.replacen("\"schema\":1", "\"schema\":99", 1));
    write("newer", &forged);
    let newer = restored(&path("newer"), &database).await.unwrap_err();
    assert!(
        matches!(newer, BackupError::Newer { found: 99, .. }),
        "{newer}"
    );

    let others = Masters::in_memory().unwrap();
    let refused = Store::restore(&database.url(), &others, &path("whole")).await;
    assert!(
        matches!(refused, Err(BackupError::OtherKeys)),
        "{refused:?}"
    );
    // Nothing of all that was kept.
    restored(&path("whole"), &database).await.unwrap();
    read_everything(&database.open().await).await;
    let twice = restored(&path("whole"), &database).await.unwrap_err();
    assert!(matches!(twice, BackupError::NotEmpty { .. }), "{twice}");
    read_everything(&database.open().await).await;
}

/// With the hash that belongs to it.
fn resealed(text: &str) -> String {
    use sm3::{Digest, Sm3};
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    let mut trailer: serde_json::Value = serde_json::from_str(last).unwrap();
    let before = format!("{before}\n");
    trailer["sm3"] = hex::encode(Sm3::digest(before.as_bytes())).into();
    format!("{before}{trailer}\n")
}

on_both!(
    it_is_of_one_moment,
    what_is_not_whole_or_not_ours_is_refused,
);
