//! Effects that were given up: seen, tried again, settled by hand.

use super::Host;
use super::given::{commit, registration};
use chrono::Utc;
use onething_case::{Event, Recorded};
use onething_contract::{Effect, Intent, Office};
use onething_store::NewEffect;
use serde_json::json;
use std::time::Duration;

const CASE: &str = "331102-2025-000002";

fn delivery(number: u32) -> Intent {
    Intent {
        ticket: format!("{CASE}-{number}"),
        after: Vec::new(),
        effect: Effect::Delivery {
            form: format!("form-{number}"),
            to: Office {
                function: "tax".into(),
                region: "331102".into(),
            },
        },
    }
}

/// A case with two deliveries, of which both were given up.
async fn given_up() -> Host {
    let host = Host::new().await;
    let mut registration = registration();
    registration.id = CASE.into();
    let mut commit = commit(registration);
    let n = commit.case.version + 1;
    commit.case.version = n;
    commit.events.push(Recorded {
        n,
        at: "2025-01-06T09:00:00+08:00".into(),
        event: Event::Reacted {
            to: 1,
            intents: vec![delivery(1), delivery(2)],
        },
    });
    let effects = [1, 2].map(|number| NewEffect {
        event: 1,
        intent: delivery(number),
    });
    commit.effects = effects.into();
    let store = host.engine.store();
    store.register(&commit, None, None).await.unwrap();
    let lease = Duration::from_secs(60);
    for effect in store.claim_effects(Utc::now(), lease, 2).await.unwrap() {
        let (ticket, claim) = (&effect.intent.ticket, effect.claim);
        let buried = store.bury_effect(ticket, claim, "no room on the disk");
        assert!(buried.await.unwrap());
    }
    host
}

#[tokio::test]
async fn what_was_given_up_is_seen_and_tried_again() {
    let host = given_up().await;
    let dead = host.ask("operator", "GET /v1/effects?status=dead", None);
    let dead = dead.await.json();
    assert_eq!(dead["effects"].as_array().unwrap().len(), 2);
    assert_eq!(dead["effects"][0]["last_error"], "no room on the disk");
    let first = host.ask("operator", "GET /v1/effects?status=dead&limit=1", None);
    assert_eq!(first.await.json()["next"], format!("{CASE}-1"));

    let retry = format!("POST /v1/effects/{CASE}-1/retry");
    host.ask("platform", &retry, None)
        .await
        .problem(403, "role-needed");
    host.ask("operator", "POST /v1/effects/x/retry", None)
        .await
        .problem(404, "unknown-effect");
    let again = host.ask("operator", &retry, None).await.json();
    assert_eq!(
        (&again["status"], &again["attempts"]),
        (&json!("pending"), &json!(0))
    );
    host.ask("operator", &retry, None)
        .await
        .problem(409, "effect-not-dead");
}

#[tokio::test]
async fn what_was_given_up_is_settled_by_a_persons_word() {
    let host = given_up().await;
    let line = format!("POST /v1/effects/{CASE}-2/settle");
    let settle = async |verdict: &str, opinion: &str| {
        let body = json!({"verdict": verdict, "opinion": opinion});
        host.ask("operator", &line, Some(body)).await
    };
    settle("done", "").await.problem(422, "text");
    settle("paid", "窗口已转交")
        .await
        .problem(400, "malformed-body");
    assert_eq!(settle("done", "窗口已转交").await.status, 204);
    settle("done", "窗口已转交")
        .await
        .problem(409, "effect-not-dead");
    let look = format!("GET /v1/cases/{CASE}");
    let case = host.ask("platform", &look, None).await.json();
    assert_eq!(case["effects"][0]["outcome"], json!(null));
    let done = &case["effects"][1]["outcome"]["done"];
    assert_eq!(done["channel"], "by-hand");
}
