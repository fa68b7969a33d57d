//! What workers do: effects that fail for ever, replies that were lost, what a stopping host holds.

use super::*;
use crate::{ATTEMPTS_MAX, ByHand, HandVerdict};
use chrono::TimeDelta;
use onething_contract::Recipient;
use onething_store::{EffectRow, Hand};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

fn notice(ticket: &str) -> Intent {
    Intent {
        ticket: ticket.into(),
        after: Vec::new(),
        effect: Effect::Notice {
            to: Recipient::Subject(person("331102196501150019")),
            template: "host/reminder".into(),
            values: r#"{"people": "甲", "case": "a", "what": "乙", "due": "丙"}"#.into(),
        },
    }
}

async fn asked(tickets: &[&str]) -> Host {
    let host = Host::new().await;
    let mut case = registration("a", None);
    case.hears = vec!["registered".into()];
    host.register(case).await.unwrap();
    let intents = tickets.iter().map(|ticket| notice(ticket)).collect();
    host.ask("a", intents).await;
    host
}

#[tokio::test]
async fn what_nobody_used_for_a_week_is_taken_away() {
    let host = Host::new().await;
    let store = &host.engine.store;
    let sha256 = store.put_material(b"scan", "image/png", AT).await.unwrap();
    host.work("2026-05-07T09:00:00+08:00").await;
    assert!(store.has_material(&sha256).await.unwrap());
    // Within the day nobody looks again.
    host.work("2026-05-07T19:30:00+08:00").await;
    assert!(store.has_material(&sha256).await.unwrap());
    host.work("2026-05-08T09:00:00+08:00").await;
    assert!(!store.has_material(&sha256).await.unwrap());
    let mut case = registration("a", None);
    case.round.submission.materials = vec![onething_contract::Material {
        code: "scan".into(),
        status: onething_contract::MaterialStatus::Supplied(sha256),
    }];
    assert_eq!(code(host.register(case).await), "material-not-stored");
}

#[tokio::test]
async fn no_text_has_a_nul() {
    let host = Host::new().await;
    host.register(registration("a", None)).await.unwrap();
    let decide = async |opinion: &str| {
        let asked = Decide {
            round: 0,
            task_version: None,
            on_behalf_of: None,
            verdict: Verdict::Hold,
            reasons: Vec::new(),
            opinion: opinion.into(),
            payload: None,
        };
        let office = step("check", "commerce", StepMode::Manual).office;
        let decided = host
            .engine
            .decide("a", "check", asked, "x", &office, at(AT));
        code(decided.await)
    };
    assert_eq!(decide("\0").await, "text");
    let withdrawn = host.engine.withdraw("a", "x", "no\0t", at(AT)).await;
    assert_eq!(code(withdrawn), "text");
    assert_eq!(code(host.engine.case("a\0").await), "unknown case");
    for (value, is_storable) in [
        (serde_json::json!({"a": ["b", {"c": "d\0"}]}), false),
        (serde_json::json!({"a\0": 1}), false),
        // JSON that is kept as a text, as a case keeps its answers.
        (
            serde_json::json!({"answers": "{\"a\": \"\\u0000\"}"}),
            false,
        ),
        // A backslash and letters.
        (serde_json::json!({"a": "\\u0000"}), true),
        (serde_json::json!({"a": "姓名\n"}), true),
    ] {
        let found = crate::asked::check_storable(&value);
        assert_eq!(found.is_ok(), is_storable, "{value}");
    }
}

async fn row(host: &Host, ticket: &str) -> EffectRow {
    host.engine.effect(ticket).await.unwrap()
}

#[tokio::test]
async fn what_fails_for_ever_is_a_persons() {
    let host = asked(&["a-1-1", "a-1-2"]).await;
    let engine = &host.engine;
    let outbox = host.folder.path().join("outbox");
    fs::write(&outbox, "no folder").unwrap();
    let asked = |verdict| ByHand {
        verdict,
        opinion: "已电话告知".into(),
    };
    let by_hand = async |ticket: &str, verdict, now| {
        engine
            .settle_by_hand(ticket, &asked(verdict), "运维", now)
            .await
    };
    let mut now = at(AT);
    let too_early = by_hand("a-1-1", HandVerdict::Done, now).await;
    assert_eq!(code(too_early), "effect-not-dead");
    assert_eq!(
        code(engine.retry_effect("a-1-1", "运维", now).await),
        "effect-not-dead"
    );
    for _ in 0..ATTEMPTS_MAX + 2 {
        engine.work(now).await.unwrap();
        now += TimeDelta::hours(2);
    }
    for ticket in ["a-1-1", "a-1-2"] {
        let row = row(&host, ticket).await;
        let stands = (row.status, row.attempts);
        assert_eq!(stands, (EffectStatus::Dead, ATTEMPTS_MAX), "{ticket}");
        assert!(row.last_error.is_some());
    }
    assert_eq!(code(engine.effect("none").await), "unknown effect");

    fs::remove_file(&outbox).unwrap();
    engine.retry_effect("a-1-1", "运维", now).await.unwrap();
    engine.work(now).await.unwrap();
    let hand = |now| Hand {
        by: "运维".into(),
        at: crate::stamp(now),
    };
    let retried = row(&host, "a-1-1").await;
    assert_eq!(
        (retried.status, retried.by_hand),
        (EffectStatus::Done, Some(hand(now)))
    );

    let case = by_hand("a-1-2", HandVerdict::Done, now).await.unwrap();
    let settled = row(&host, "a-1-2").await;
    assert_eq!(
        (settled.status, settled.by_hand),
        (EffectStatus::Done, Some(hand(now)))
    );
    let is_it = |event: &Event| {
        matches!(event, Event::SettledByHand { ticket, by, opinion }
            if ticket == "a-1-2" && by == "运维" && opinion == "已电话告知")
    };
    assert!(case.events.iter().any(|recorded| is_it(&recorded.event)));
    assert!(!outbox.join("a-1-2.json").exists());
}

#[tokio::test]
async fn a_lost_reply_is_asked_for() {
    let host = asked(&["a-1-1"]).await;
    let engine = &host.engine;
    let outbox = host.folder.path().join("outbox");
    // Somebody did it, was gone before saying so, and the letter was taken away since.
    let claimed = engine
        .store
        .claim_effects(at(AT).with_timezone(&chrono::Utc), LEASE, 1)
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    fs::create_dir_all(outbox.join("taken")).unwrap();
    fs::write(outbox.join("taken/a-1-1.json"), "{}").unwrap();
    assert_eq!(engine.work(at(AT)).await.unwrap(), 0, "it is somebody's");
    host.work("2026-04-30T10:00:00+08:00").await;
    assert_eq!(row(&host, "a-1-1").await.status, EffectStatus::Done);
    assert!(!outbox.join("a-1-1.json").exists(), "it came once");
}

#[tokio::test]
async fn a_host_that_stops_hands_back_what_it_was_at() {
    let host = Host::new().await;
    let mut case = registration("a", None);
    case.hears = vec!["registered".into()];
    host.register(case).await.unwrap();
    let engine = &host.engine;
    let now = at("2026-04-30T12:00:00+08:00").with_timezone(&chrono::Utc);
    let claim = async || engine.store.claim_reactions(now, LEASE, 1).await.unwrap();
    assert_eq!(claim().await, ["a"]);
    engine.work.reacting("a");
    assert!(claim().await.is_empty());
    engine.hand_back().await.unwrap();
    assert_eq!(claim().await, ["a"]);
}

#[tokio::test]
async fn a_timer_waits_for_its_calendar_and_no_longer() {
    let host = Host::new().await;
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../parameters");
    let calendar = "working-calendar.toml";
    fs::copy(shipped.join(calendar), folder.path().join(calendar)).unwrap();
    let process = || {
        Engine::new(
            host.engine.store.clone(),
            Bundles::default(),
            Published::open(folder.path()).unwrap(),
            Folders::within(host.folder.path()),
        )
    };
    let engine = process();
    let registered_at = "2026-12-28T09:00:00+08:00";
    let mut case = registration("a", None);
    case.round.plan[0].mode = StepMode::PublicNotice(PublicNotice {
        text: text("公示"),
        days: 5,
    });
    let register = Command::Register(Box::new(case));
    let events = decide(None, registered_at, &register).unwrap();
    let state = State::from_events(&events).unwrap();
    let commit = engine.commit(None, &state, events, &[], None);
    engine.store.register(&commit, None, None).await.unwrap();
    engine.work(at(registered_at)).await.unwrap();
    let waiting = async || engine.store.timers_awaiting(None, 100).await.unwrap();
    assert!(!waiting().await.is_empty());

    let next = "\n[[value]]\nsince = 2027-01-01\nuntil = 2028-01-01\nsource = \"示例\"\nillustrative = true\nvalue = { off = [\"2027-01-01\"], worked = [] }\n";
    let known = fs::read_to_string(folder.path().join(calendar)).unwrap();
    fs::write(folder.path().join(calendar), known + next).unwrap();
    let engine = process();
    let over = "2027-01-07T00:00:00+08:00";
    while engine.work(at(over)).await.unwrap() > 0 {}
    assert!(waiting().await.is_empty());
    let state = engine.case("a").await.unwrap().state;
    assert_ne!(state.step("check").unwrap().status, StepStatus::Open);
}

#[tokio::test]
async fn an_effect_says_what_its_history_says() {
    use crate::verify::wrong_effect;
    use onething_store::EffectStatus;
    let host = asked(&["a-1-1", "a-1-2"]).await;
    let state = host.engine.case("a").await.unwrap().state;
    let rows = host.engine.store.effects("a").await.unwrap();
    assert_eq!(wrong_effect(&state, &rows), None);
    let wrong = |change: &dyn Fn(&mut Vec<onething_store::EffectRow>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        wrong_effect(&state, &rows)
    };
    let last = Some(rows[1].intent.ticket.clone());
    assert_eq!(wrong(&|rows| rows.truncate(1)), last);
    assert_eq!(wrong(&|rows| rows[1].status = EffectStatus::Done), last);
    assert_eq!(wrong(&|rows| rows[1].status = EffectStatus::Dead), None);
    assert_eq!(wrong(&|rows| rows[1].intent.after = vec!["x".into()]), last);
    assert!(wrong(&|rows| rows[1].intent.ticket = "x".into()).is_some());
}
